/* What an operator does with models while the server runs. Installed ones alone: no paths and no addresses.
 */
#include <string.h>

#include "server/routes.h"

static const char *const actions[] = {"load", "unload", "use", "rollback", NULL};
enum { LOAD, UNLOAD, USE, ROLLBACK };

static const struct field change_fields[] = {
    {.name = "action",
     .kind = FIELD_TEXT,
     .required = true,
     .choices = actions,
     .about = "load brings a model into memory before it is asked for; unload gives its memory back when the "
              "last call "
              "that uses it has ended, until it is asked for again; use makes it the one in use, for whoever "
              "asks for "
              "no other; rollback goes back to the one that was in use before."},
    {.name = "model",
     .kind = FIELD_TEXT,
     .least = 1,
     .most = 128,
     .about = "An installed model: NAME, NAME@VERSION or NAME@LABEL. Not for rollback."},
};
const struct shape shape_model_change =
    SHAPE("ModelChange", "A change of what is loaded or in use.", change_fields,
          .example = "{\"action\":\"load\",\"model\":\"cognate-e5-512\"}");

static const char *const states[] = {"START", "LOADING", "AVAILABLE", "UNLOADING",
                                     NULL}; /* as enum model_state */
static const struct field changed_fields[] = {
    {.name = "name", .kind = FIELD_TEXT, .required = true, .about = "The model's name."},
    {.name = "version", .kind = FIELD_INTEGER, .required = true, .about = "Its version."},
    {.name = "state",
     .kind = FIELD_TEXT,
     .required = true,
     .choices = states,
     .about = "START: installed, and loaded when it is asked for."},
    {.name = "in_use",
     .kind = FIELD_BOOLEAN,
     .required = true,
     .about = "Whether it answers who asks for no model."},
};
const struct shape shape_model_changed = SHAPE("ModelChanged", "Where the model stands now.", changed_fields);

static void answer(struct api_call *call, const char *name, unsigned version)
{
    const struct engine_model *own = NULL;
    if (engine_hold(call->engine, (struct text){0}, &own, &call->err) != STATUS_OK)
        return;
    call_answer(call, 200,
                json_pack("{s:s, s:I, s:s, s:b}", "name", name, "version", (json_int_t)version, "state",
                          states[engine_model_state(call->engine, name, version)], "in_use",
                          own->version == version && strcmp(own->name, name) == 0));
    engine_let_go(call->engine, own);
}

static void unload(struct api_call *call, struct text model)
{
    char name[ENGINE_MODEL_NAME];
    unsigned version;
    if (engine_unload(call->engine, model, name, &version, &call->err) == STATUS_OK)
        answer(call, name, version);
}

void handle_models_change(struct api_call *call)
{
    const struct engine_model *m = NULL;
    struct text name = shape_text(call->body, "model");
    int action = shape_choice(call->body, "action", actions, LOAD);
    enum status status = STATUS_OK;
    if ((action == ROLLBACK) != (name.len == 0)) {
        error_field(&call->err, STATUS_INVALID, "model",
                    action == ROLLBACK ? "rollback finds its model itself; leave model out"
                                       : "say which model");
        return;
    }
    if (action == UNLOAD) {
        unload(call, name);
        return;
    }
    if (action == USE)
        status = engine_use(call->engine, name, &call->err);
    else if (action == ROLLBACK)
        status = engine_rollback(call->engine, &call->err);
    if (status == STATUS_OK)
        status = call_model(call, action == LOAD ? name : (struct text){0}, &m);
    if (status == STATUS_OK)
        answer(call, m->name, m->version);
}

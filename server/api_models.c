/* What an operator does with models while the server runs. Installed ones alone: no paths and no addresses.
 */
#include <string.h>

#include "server/routes.h"

static const char *const actions[] = {"load", "unload", "use", "rollback", "rerank", "rerank_off", NULL};
enum { LOAD, UNLOAD, USE, ROLLBACK, RERANK, RERANK_OFF };

static const struct field change_fields[] = {
    {.name = "action",
     .kind = FIELD_TEXT,
     .required = true,
     .choices = actions,
     .about = "load brings a model into memory before it is asked for; unload gives its memory back when the "
              "last call "
              "that uses it has ended, until it is asked for again; use makes it the one in use, for whoever "
              "asks for "
              "no other; rollback goes back to the one that was in use before; rerank makes a cross-encoder the "
              "reranker, for whoever asks for no other; rerank_off leaves none."},
    {.name = "model",
     .kind = FIELD_TEXT,
     .least = 1,
     .most = 128,
     .about = "An installed model: NAME, NAME@VERSION or NAME@LABEL. Not for rollback and rerank_off."},
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
    {.name = "reranks", .kind = FIELD_BOOLEAN, .required = true, .about = "Whether it is the reranker."},
};
const struct shape shape_model_changed = SHAPE("ModelChanged", "Where the model stands now.", changed_fields);

static bool is_model(const struct engine_model *m, const char *name, unsigned version)
{
    return m != NULL && m->version == version && strcmp(m->name, name) == 0;
}

static void answer(struct api_call *call, const char *name, unsigned version)
{
    const struct engine_model *own = NULL, *reranker = NULL;
    if (engine_hold(call->engine, (struct text){0}, &own, &call->err) != STATUS_OK)
        return;
    engine_hold_reranker(call->engine, &reranker, NULL);
    call_answer(call, 200,
                json_pack("{s:s, s:I, s:s, s:b, s:b}", "name", name, "version", (json_int_t)version, "state",
                          states[engine_model_state(call->engine, name, version)], "in_use",
                          is_model(own, name, version), "reranks", is_model(reranker, name, version)));
    engine_let_go(call->engine, reranker);
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
    if ((action == ROLLBACK || action == RERANK_OFF) != (name.len == 0)) {
        error_field(&call->err, STATUS_INVALID, "model", "%s",
                    name.len > 0 ? "rollback and rerank_off find their model themselves; leave model out"
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
    else if (action == RERANK || action == RERANK_OFF)
        status = engine_use_reranker(call->engine, name, &call->err);
    bool named = action == LOAD || action == RERANK;
    if (status == STATUS_OK)
        status = call_model(call, named ? name : (struct text){0}, &m);
    if (status == STATUS_OK)
        answer(call, m->name, m->version);
}

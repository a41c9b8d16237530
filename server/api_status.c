#include "server/metrics.h"
#include "server/openapi.h"
#include "server/routes.h"

static const struct field alive_fields[] = {
    {.name = "status", .kind = FIELD_TEXT, .required = true, .about = "ok"},
};
const struct shape shape_alive = SHAPE("Alive", "All is well.", alive_fields);

static const struct field health_model_fields[] = {
    {.name = "model",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "Its name, with its version where it was added."},
    {.name = "answers", .kind = FIELD_INTEGER, .required = true, .about = "Known answers in its file."},
    {.name = "checks", .kind = FIELD_INTEGER, .required = true, .about = "How often they were asked for."},
    {.name = "lowest_cosine",
     .kind = FIELD_NUMBER,
     .required = true,
     .nullable = true,
     .about = "To what they should be, at the last check; null before the first."},
    {.name = "moved",
     .kind = FIELD_BOOLEAN,
     .required = true,
     .about = "Whether a vector is not what it should be."},
};
static const struct shape shape_health_model = SHAPE("HealthModel", "A loaded model.", health_model_fields);

static const char *const healths[] = {"ok", "degraded", NULL};
static const struct field health_fields[] = {
    {.name = "status",
     .kind = FIELD_TEXT,
     .required = true,
     .choices = healths,
     .about = "degraded: a model gives other vectors than it should."},
    {.name = "models",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_health_model,
     .about = "Those that are loaded."},
};
const struct shape shape_health =
    SHAPE("Health", "Whether requests can be answered, and rightly.", health_fields);

static const struct field version_model_fields[] = {
    {.name = "name", .kind = FIELD_TEXT, .required = true, .about = "Its name."},
    {.name = "version", .kind = FIELD_TEXT, .required = true, .nullable = true, .about = "As the file says."},
    {.name = "license", .kind = FIELD_TEXT, .required = true, .nullable = true, .about = "As the file says."},
    {.name = "space_id",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "Vectors of equal space_id can be compared."},
    {.name = "dimensions", .kind = FIELD_INTEGER, .required = true, .about = "Numbers in a vector."},
    {.name = "context",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Most tokens of a text in one piece."},
    {.name = "precision", .kind = FIELD_TEXT, .required = true, .about = "int8 or f32."},
    {.name = "isa", .kind = FIELD_TEXT, .required = true, .about = "Instruction set of the kernels."},
    {.name = "threads", .kind = FIELD_INTEGER, .required = true, .about = "Encoder threads."},
};
static const struct shape shape_version_model =
    SHAPE("VersionModel", "The loaded model.", version_model_fields);

static const struct field version_fields[] = {
    {.name = "name", .kind = FIELD_TEXT, .required = true, .about = "cognate"},
    {.name = "version", .kind = FIELD_TEXT, .required = true, .about = "Of the program."},
    {.name = "model",
     .kind = FIELD_OBJECT,
     .required = true,
     .nullable = true,
     .of = &shape_version_model,
     .about = "null until it is loaded."},
    {.name = "jansson", .kind = FIELD_TEXT, .required = true, .about = "Version of the library."},
    {.name = "sqlite",
     .kind = FIELD_TEXT,
     .required = true,
     .nullable = true,
     .about = "Version of the library; null without a store."},
    {.name = "schema",
     .kind = FIELD_INTEGER,
     .required = true,
     .nullable = true,
     .about = "Version of the store's tables."},
};
const struct shape shape_version = SHAPE("Version", "What runs here.", version_fields);

const struct shape shape_openapi = {.name = "OpenAPI", .about = "An OpenAPI 3.1 document.", .open = true};

void handle_livez(struct api_call *call)
{
    call_answer(call, 200, json_pack("{s:s}", "status", "ok"));
}

static enum status check_ready(struct api_call *call)
{
    if (call->request->draining)
        return error_set(&call->err, STATUS_UNAVAILABLE, "the server is about to end");
    if (!engine_loaded(call->engine))
        return error_set(&call->err, STATUS_UNAVAILABLE, "the model is being loaded");
    return STATUS_OK;
}

void handle_readyz(struct api_call *call)
{
    if (check_ready(call) == STATUS_OK)
        call_answer(call, 200, json_pack("{s:s}", "status", "ok"));
}

static json_t *health_json(struct engine *e, const struct engine_model *m, bool *moved)
{
    struct canary_state state;
    engine_canary_state(e, m, &state);
    *moved |= state.moved;
    return json_pack("{s:s, s:I, s:I, s:o, s:b}", "model", m->bound, "answers", (json_int_t)state.answers,
                     "checks", (json_int_t)state.checks, "lowest_cosine",
                     state.checks > 0 ? json_real(state.lowest) : json_null(), "moved", state.moved);
}

void handle_health(struct api_call *call)
{
    const struct engine_model **models = NULL;
    size_t n = 0;
    bool moved = false;
    if (check_ready(call) != STATUS_OK || engine_models(call->engine, &models, &n, &call->err) != STATUS_OK)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < n && list != NULL; i++)
        if (json_array_append_new(list, health_json(call->engine, models[i], &moved)) != 0) {
            json_decref(list);
            list = NULL;
        }
    engine_models_free(call->engine, models, n);
    call_answer(call, 200,
                list != NULL ? json_pack("{s:s, s:o}", "status", healths[moved], "models", list) : NULL);
}

/* The engine's own model, null when there is none yet; never waits for it. */
static json_t *model_json(struct api_call *call)
{
    const struct engine_model *m;
    char space[65];
    if (!engine_loaded(call->engine) || call_model(call, (struct text){0}, &m) != STATUS_OK)
        return json_null();
    hex_text(m->space_id, sizeof m->space_id, space);
    return json_pack("{s:s, s:o, s:o, s:s, s:I, s:I, s:s, s:s, s:I}", "name", m->name, "version",
                     text_or_null(m->info->version), "license", text_or_null(m->info->license), "space_id",
                     space, "dimensions", (json_int_t)m->info->width, "context", (json_int_t)m->info->context,
                     "precision", m->precision == PRECISION_INT8 ? "int8" : "f32", "isa", isa_name(m->isa),
                     "threads", (json_int_t)m->threads);
}

void handle_version(struct api_call *call)
{
    struct store *s = engine_store(call->engine);
    struct store_info info = {0};
    if (s != NULL && store_info(s, &info, &call->err) != STATUS_OK)
        return;
    call_answer(call, 200,
                json_pack("{s:s, s:s, s:o, s:s, s:s?, s:o}", "name", "cognate", "version", COGNATE_VERSION,
                          "model", model_json(call), "jansson", jansson_version_str(), "sqlite",
                          info.sqlite_version, "schema",
                          s != NULL ? json_integer(info.schema_version) : json_null()));
}

void handle_metrics(struct api_call *call)
{
    struct buf text;
    buf_init(&text, METRICS_CEILING);
    if (metrics_write(call->request->metrics, call->engine, &text, &call->err) == STATUS_OK)
        call_answer_text(call, &text, "text/plain; version=0.0.4; charset=utf-8");
    buf_release(&text);
}

void handle_openapi(struct api_call *call)
{
    call_answer(call, 200, openapi_document());
}

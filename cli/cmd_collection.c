#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "server/json_shape.h"
#include "server/model_store.h"

#define FILTERABLE_MOST 64

static enum status print_collections(const struct session *s, const json_t *list, struct error *err)
{
    static const struct column columns[] = {{"name", ALIGN_LEFT},      {"documents", ALIGN_RIGHT},
                                            {"passages", ALIGN_RIGHT}, {"dimensions", ALIGN_RIGHT},
                                            {"updated", ALIGN_LEFT},   {"model", ALIGN_LEFT}};
    static const char *const numbers[] = {"documents", "passages", "dimensions"};
    struct table t;
    enum status status = STATUS_OK;
    table_init(&t, s, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < json_array_size(list) && status == STATUS_OK; i++) {
        const json_t *c = json_array_get(list, i);
        if (s->format == FORMAT_JSON) {
            status = output_json(c, err);
            continue;
        }
        status = table_cell(&t, shape_text(c, "name"), err);
        for (size_t j = 0; j < 3 && status == STATUS_OK; j++)
            status = table_format(&t, err, "%lld", shape_integer(c, numbers[j], 0));
        if (status == STATUS_OK)
            status = table_cell(&t, shape_text(c, "updated"), err);
        if (status == STATUS_OK)
            status = table_cell(&t, shape_text(c, "model"), err);
    }
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    return status;
}

static const struct option table_options[] = {TABLE_FORMAT, {0}};

static enum outcome run_list(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    json_t *answer = NULL;
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    enum status status = client_open(s, STORE_READ, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "GET", "/v1/collections", NULL, NULL, &answer, err);
    const json_t *list = json_object_get(answer, "collections");
    if (status == STATUS_OK)
        status = print_collections(s, list, err);
    size_t n = json_array_size(list);
    json_decref(answer);
    client_close(c);
    return status != STATUS_OK ? OUTCOME_ERROR : n > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_collection_list = {
    .name = "collection list",
    .summary = "list the collections of the store",
    .options = table_options,
    .run = run_list,
};

/* One call on the collection that the first operand names. */
static enum status call(struct session *s, enum store_mode mode, const char *method, const char *name,
                        json_t *body, json_t **answer, struct error *err)
{
    struct client *c = NULL;
    struct buf path;
    buf_init(&path, 4096);
    enum status status = client_collection_path(&path, name, "", err);
    if (status == STATUS_OK)
        status = client_open(s, mode, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, method, path.data, NULL, body, answer, err);
    client_close(c);
    buf_release(&path);
    return status;
}

static void print_fact(const char *key, const json_t *value)
{
    if (json_is_string(value))
        printf("%-18s %s\n", key, json_string_value(value));
    else if (json_is_integer(value))
        printf("%-18s %lld\n", key, json_integer_value(value));
}

static enum outcome run_show(struct session *s, const struct arguments *a, struct error *err)
{
    json_t *answer = NULL, *value;
    const char *key;
    size_t i;
    enum status status = call(s, STORE_READ, "GET", a->operands[0], NULL, &answer, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON) {
        status = output_json(answer, err);
    } else if (status == STATUS_OK) {
        json_object_foreach(answer, key, value) print_fact(key, value);
        json_array_foreach(json_object_get(answer, "languages"), i, value)
            printf("%-18s %s %lld\n", i == 0 ? "languages" : "",
                   json_string_value(json_object_get(value, "lang")), shape_integer(value, "documents", 0));
    }
    json_decref(answer);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_collection_show = {
    .name = "collection show",
    .operands = "NAME",
    .summary = "show a collection's settings and figures",
    .least = 1,
    .most = 1,
    .run = run_show,
};

static const struct option create_options[] = {
    {.name = "passage-tokens",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "200",
     .least = 32,
     .most = 8192,
     .help = "longest passage a document is cut into"},
    {.name = "passage-overlap",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "40",
     .most = 4096,
     .help = "most tokens that neighbouring passages share"},
    {.name = "no-keywords",
     .type = OPTION_FLAG,
     .help = "keep no keyword index: it takes in faster, and can be searched by meaning alone"},
    {.name = "filterable",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "FIELD",
     .help = "keep an index of this field of the metadata; may be given again"},
    {0},
};

/* Adds the names as the list "filterable". */
static enum status add_filterable(json_t *body, const char *const *names, size_t n, struct error *err)
{
    json_t *list = json_array();
    enum status status = list != NULL ? STATUS_OK : error_memory(err, "naming fields");
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        if (json_array_append_new(list, json_string(names[i])) != 0)
            status = error_set(err, STATUS_INVALID, "the name of a field is not UTF-8; check the locale");
    if (status == STATUS_OK && json_object_set(body, "filterable", list) != 0)
        status = error_memory(err, "naming fields");
    json_decref(list);
    return status;
}

static enum outcome run_create(struct session *s, const struct arguments *a, struct error *err)
{
    json_t *answer = NULL, *body = json_object();
    struct buf socket;
    buf_init(&socket, SESSION_PATH + 8);
    enum status status = body != NULL ? session_db(s, err) : error_memory(err, "creating a collection");
    static const char *const sizes[2][2] = {{"passage-tokens", "passage_tokens"},
                                            {"passage-overlap", "passage_overlap"}};
    const char *model = arguments_text(a, "model");
    bool file = model != NULL &&
                model_store_is_path(model); /* which a server does not take, and needs no word here */
    if (status == STATUS_OK && file && client_server_running(s, &socket))
        status = error_set(
            err, STATUS_INVALID,
            "a server has the store open, and takes installed models alone; cognate model add installs %s",
            model);
    if (status == STATUS_OK && model != NULL && !file &&
        json_object_set_new(body, "model", json_string(model)) != 0)
        status = error_set(err, STATUS_INVALID, "the name of the model is not UTF-8");
    for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
        if (arguments_given(a, sizes[i][0]) &&
            json_object_set_new(body, sizes[i][1],
                                json_integer((json_int_t)arguments_count(a, sizes[i][0]))) != 0)
            status = error_memory(err, "creating a collection");
    if (status == STATUS_OK && arguments_flag(a, "no-keywords") &&
        json_object_set_new(body, "keyword", json_false()) != 0)
        status = error_memory(err, "creating a collection");
    const char *names[FILTERABLE_MOST];
    size_t n = 0;
    while (n < FILTERABLE_MOST && arguments_each(a, "filterable", n) != NULL) {
        names[n] = arguments_each(a, "filterable", n);
        n++;
    }
    if (status == STATUS_OK && n > 0)
        status = add_filterable(body, names, n, err);
    if (status == STATUS_OK)
        status = call(s, STORE_WRITE, "PUT", a->operands[0], body, &answer, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json(answer, err);
    else if (status == STATUS_OK)
        say(s, "the collection %s is there", a->operands[0]);
    buf_release(&socket);
    json_decref(answer);
    json_decref(body);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_collection_create = {
    .name = "collection create",
    .operands = "NAME",
    .summary = "create an empty collection for a model",
    .details =
        "\"index\" creates what is missing by itself; this is for settings of one's own. Creating a "
        "collection "
        "that is there with the same settings changes nothing. --model chooses the model that makes its "
        "vectors, now and later; else it is the one in use.",
    .options = create_options,
    .least = 1,
    .most = 1,
    .run = run_create,
};

static enum outcome run_filterable(struct session *s, const struct arguments *a, struct error *err)
{
    json_t *answer = NULL, *body = json_object();
    enum status status = body != NULL ? STATUS_OK : error_memory(err, "naming fields");
    if (status == STATUS_OK)
        status = add_filterable(body, (const char *const *)a->operands + 1, a->operand_count - 1, err);
    if (status == STATUS_OK)
        status = call(s, STORE_WRITE, "PATCH", a->operands[0], body, &answer, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json(answer, err);
    else if (status == STATUS_OK)
        say(s, "the collection %s has an index of %zu fields", a->operands[0], a->operand_count - 1);
    json_decref(answer);
    json_decref(body);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

static const struct example filterable_examples[] = {
    {"collection filterable default year kind", "filters on year and kind use an index from now on"},
    {"collection filterable default", "no field has an index any more"},
    {0},
};

const struct command command_collection_filterable = {
    .name = "collection filterable",
    .operands = "NAME [FIELD…]",
    .summary = "say which fields of the metadata have an index",
    .details =
        "A filter on such a field does not read the metadata of every document. The fields named have an "
        "index afterwards, and no others; what is in the collection already is indexed before the command "
        "ends.",
    .examples = filterable_examples,
    .least = 1,
    .most = 1 + FILTERABLE_MOST,
    .run = run_filterable,
};

static const struct option delete_options[] = {
    {.name = "yes",
     .letter = 'y',
     .type = OPTION_FLAG,
     .help = "delete without asking; needed where nobody can answer"},
    {0},
};

/* Only a terminal can be asked. */
static enum status confirm(const struct session *s, const struct arguments *a, struct error *err)
{
    char answer[16] = "";
    if (arguments_flag(a, "yes"))
        return STATUS_OK;
    if (!s->err.tty)
        return error_set(err, STATUS_INVALID, "deleting a collection cannot be undone; say --yes to do it");
    fprintf(stderr, "Delete the collection %s with all its documents? [y/N] ", a->operands[0]);
    if (fgets(answer, sizeof answer, stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y'))
        return error_set(err, STATUS_CANCELLED, "nothing was deleted");
    return STATUS_OK;
}

static enum outcome run_delete(struct session *s, const struct arguments *a, struct error *err)
{
    json_t *answer = NULL;
    enum status status = confirm(s, a, err);
    if (status == STATUS_OK)
        status = call(s, STORE_WRITE, "DELETE", a->operands[0], NULL, &answer, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON && answer != NULL)
        status = output_json(answer, err);
    else if (status == STATUS_OK)
        say(s, "the collection %s is deleted", a->operands[0]);
    json_decref(answer);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_collection_delete = {
    .name = "collection delete",
    .operands = "NAME",
    .summary = "delete a collection with all its documents",
    .options = delete_options,
    .least = 1,
    .most = 1,
    .run = run_delete,
};

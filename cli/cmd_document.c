#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "server/json_edge.h"
#include "server/json_shape.h"
#include "server/percent.h"

#define PAGE 500 /* documents asked for at a time */

/* ---- list ---- */

static const struct option list_options[] = {
    COLLECTION_OPTION("where the documents are"),
    {.name = "after",
     .type = OPTION_TEXT,
     .value = "ID",
     .help = "only documents behind this id in byte order"},
    {.name = "limit",
     .letter = 'k',
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "0",
     .most = 1e15,
     .help = "at most so many; 0 for all"},
    {.name = "text", .type = OPTION_FLAG, .help = "with their texts (in JSON)"},
    TABLE_FORMAT,
    {0},
};

static const struct example list_examples[] = {
    {"document list --json --text > documents.jsonl", "everything, as JSON lines"},
    {0},
};

/* "after=…&limit=…" of one page. */
static enum status page_query(struct buf *out, struct text after, unsigned long limit, bool text,
                              struct error *err)
{
    buf_clear(out);
    enum status status = buf_printf(out, err, "limit=%lu%s", limit, text ? "&text=true" : "");
    if (status == STATUS_OK && after.len > 0)
        status = buf_printf(out, err, "&after=");
    return status == STATUS_OK && after.len > 0 ? percent_append(out, after, err) : status;
}

static enum status list_document(const struct session *s, struct table *t, const json_t *d, struct error *err)
{
    if (s->format == FORMAT_JSON)
        return output_json(d, err);
    enum status status = table_cell(t, shape_text(d, "id"), err);
    if (status == STATUS_OK)
        status = table_cell(t, shape_text(d, "lang"), err);
    if (status == STATUS_OK)
        status = table_format(t, err, "%lld", shape_integer(d, "passages", 0));
    if (status == STATUS_OK)
        status = table_cell(t, shape_text(d, "updated"), err);
    return status == STATUS_OK ? table_cell(t, shape_text(d, "title"), err) : status;
}

static enum status list_pages(struct session *s, const struct arguments *a, struct client *c, struct table *t,
                              size_t *found, struct error *err)
{
    struct buf path, query, after;
    unsigned long limit = arguments_count(a, "limit");
    const char *start = arguments_text(a, "after");
    bool more = true;
    buf_init(&path, 4096);
    buf_init(&query, 4096);
    buf_init(&after, 4096);
    enum status status = client_collection_path(&path, arguments_text(a, "collection"), "/documents", err);
    if (status == STATUS_OK && start != NULL)
        status = buf_append(&after, start, strlen(start), err);
    while (status == STATUS_OK && more && (limit == 0 || *found < limit)) {
        json_t *answer = NULL, *document;
        size_t i, wanted = limit == 0 || limit - *found > PAGE ? PAGE : limit - *found;
        status = page_query(&query, buf_text(&after), wanted, arguments_flag(a, "text"), err);
        if (status == STATUS_OK)
            status = client_call(c, "GET", path.data, query.data, NULL, &answer, err);
        json_array_foreach(json_object_get(answer, "documents"), i, document)
        {
            if (status == STATUS_OK)
                status = list_document(s, t, document, err);
            ++*found;
        }
        struct text next = shape_text(answer, "next_after");
        more = next.len > 0;
        buf_clear(&after);
        if (status == STATUS_OK && more)
            status = buf_append(&after, next.data, next.len, err);
        json_decref(answer);
    }
    buf_release(&path);
    buf_release(&query);
    buf_release(&after);
    return status;
}

static enum outcome run_list(struct session *s, const struct arguments *a, struct error *err)
{
    static const struct column columns[] = {{"id", ALIGN_LEFT},
                                            {"lang", ALIGN_LEFT},
                                            {"passages", ALIGN_RIGHT},
                                            {"updated", ALIGN_LEFT},
                                            {"title", ALIGN_LEFT}};
    struct client *c = NULL;
    struct table t;
    size_t found = 0;
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    table_init(&t, s, columns, sizeof columns / sizeof *columns);
    enum status status = client_open(s, STORE_READ, &c, err);
    if (status == STATUS_OK)
        status = list_pages(s, a, c, &t, &found, err);
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    client_close(c);
    return status != STATUS_OK ? OUTCOME_ERROR : found > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_document_list = {
    .name = "document list",
    .summary = "list the documents of a collection by id",
    .options = list_options,
    .examples = list_examples,
    .run = run_list,
};

/* ---- get ---- */

static const struct option collection_options[] = {COLLECTION_OPTION("where the documents are"), {0}};

static enum status document_path(struct buf *out, const struct arguments *a, const char *id,
                                 struct error *err)
{
    buf_clear(out);
    enum status status = client_collection_path(out, arguments_text(a, "collection"), "/documents/", err);
    return status == STATUS_OK ? percent_append(out, text_of(id), err) : status;
}

/* A document for people: what is known of it on stderr, its text on stdout. */
static enum status print_document(const struct session *s, const json_t *d, struct error *err)
{
    if (s->format == FORMAT_JSON)
        return output_json(d, err);
    struct text title = shape_text(d, "title"), lang = shape_text(d, "lang"), text = shape_text(d, "text");
    say(s, "%.*s%s[%.*s]", (int)title.len, title.data != NULL ? title.data : "", title.len > 0 ? "  " : "",
        (int)lang.len, lang.data != NULL ? lang.data : "");
    enum status status = output_bytes(text.data, text.len, err);
    return status == STATUS_OK && (text.len == 0 || text.data[text.len - 1] != '\n')
               ? output_bytes("\n", 1, err)
               : status;
}

static enum outcome run_get(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    struct buf path;
    size_t missing = 0;
    buf_init(&path, 8192);
    enum status status = client_open(s, STORE_READ, &c, err);
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++) {
        struct error one = {0};
        json_t *answer = NULL;
        status = document_path(&path, a, a->operands[i], err);
        if (status == STATUS_OK)
            status = client_call(c, "GET", path.data, NULL, NULL, &answer, &one);
        if (status == STATUS_OK)
            status = print_document(s, answer, err);
        if (one.status == STATUS_NOT_FOUND && a->operand_count > 1) {
            warn(s, "%s", one.text);
            missing++;
            status = STATUS_OK;
        } else if (one.status != STATUS_OK) {
            error_set(err, one.status, "%s", one.text);
        }
        json_decref(answer);
    }
    buf_release(&path);
    client_close(c);
    return status != STATUS_OK || missing > 0 ? OUTCOME_ERROR : OUTCOME_DONE;
}

const struct command command_document_get = {
    .name = "document get",
    .operands = "ID…",
    .summary = "print documents",
    .details = "The text goes to stdout as it was indexed; --json gives everything the store has of it.",
    .options = collection_options,
    .least = 1,
    .most = OPERANDS_ANY,
    .run = run_get,
};

/* ---- delete ---- */

static const struct option delete_options[] = {
    COLLECTION_OPTION("where the documents are"),
    {.name = "filter",
     .type = OPTION_TEXT,
     .value = "JSON",
     .help = "those that meet a filter, as of search"},
    {.name = "prefix", .type = OPTION_TEXT, .value = "TEXT", .help = "those whose ids begin with this"},
    {.name = "dry-run", .type = OPTION_FLAG, .help = "only count what would be deleted"},
    {0},
};

static const struct example delete_examples[] = {
    {"document delete notes/old.txt notes/older.txt", "two documents"},
    {"document delete --prefix notes/ --dry-run", "how many came from that folder"},
    {"document delete --filter '{\"field\":\"year\",\"lt\":2000}'", "by what is known of them"},
    {0},
};

/* The body that says which. */
static enum status delete_body(const struct arguments *a, json_t **out, struct error *err)
{
    const char *filter = arguments_text(a, "filter"), *prefix = arguments_text(a, "prefix");
    json_t *body = json_object(), *ids = json_array(), *parsed = NULL;
    enum status status = body != NULL && ids != NULL ? STATUS_OK : error_memory(err, "deleting documents");
    if (status == STATUS_OK && (a->operand_count > 0) == (filter != NULL || prefix != NULL))
        status = error_set(err, STATUS_INVALID,
                           "say which documents: by their ids, or with --filter, --prefix or both");
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++)
        if (json_array_append_new(ids, json_string(a->operands[i])) != 0)
            status = error_set(err, STATUS_INVALID, "the id \"%s\" is not UTF-8", a->operands[i]);
    if (status == STATUS_OK && filter != NULL)
        status = api_parse_body(filter, strlen(filter), &parsed, err);
    if (status == STATUS_OK &&
        ((a->operand_count > 0 && json_object_set(body, "ids", ids) != 0) ||
         (filter != NULL && json_object_set(body, "filter", parsed) != 0) ||
         (prefix != NULL && json_object_set_new(body, "prefix", json_string(prefix)) != 0) ||
         (arguments_flag(a, "dry-run") && json_object_set_new(body, "dry_run", json_true()) != 0)))
        status = error_set(err, STATUS_INVALID, "the prefix is not UTF-8");
    json_decref(parsed);
    json_decref(ids);
    if (status == STATUS_OK)
        *out = body;
    else
        json_decref(body);
    return status;
}

static enum outcome run_delete(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    struct buf path;
    json_t *body = NULL, *answer = NULL;
    bool dry = arguments_flag(a, "dry-run");
    buf_init(&path, 4096);
    enum status status = delete_body(a, &body, err);
    if (status == STATUS_OK)
        status = client_collection_path(&path, arguments_text(a, "collection"), "/documents/delete", err);
    if (status == STATUS_OK)
        status = client_open(s, STORE_WRITE, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "POST", path.data, NULL, body, &answer, err);
    long long deleted = shape_integer(answer, "deleted", 0);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json(answer, err);
    else if (status == STATUS_OK && a->operand_count > 0)
        say(s, "%lld of %zu documents deleted", deleted, a->operand_count);
    else if (status == STATUS_OK)
        say(s, dry ? "%lld documents would be deleted" : "%lld documents deleted", deleted);
    json_decref(answer);
    json_decref(body);
    client_close(c);
    buf_release(&path);
    return status != STATUS_OK ? OUTCOME_ERROR : deleted > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_document_delete = {
    .name = "document delete",
    .operands = "[ID…]",
    .summary = "delete documents by id, filter or prefix of their ids",
    .details = "All of them in one transaction. Exit code 1 when none of them was there.",
    .options = delete_options,
    .examples = delete_examples,
    .most = 10000,
    .run = run_delete,
};

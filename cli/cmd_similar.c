#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/table.h"
#include "server/json_shape.h"

#define PAIRS_TOGETHER 256 /* in one call */

static const struct option options[] = {
    {.name = "pairs",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "compare the two columns of every line of a TSV file (- for stdin) instead of A and B"},
    {.name = "id", .type = OPTION_TEXT, .value = "ID", .help = "the documents nearest to this one instead"},
    COLLECTION_OPTION("where that document lies"),
    {.name = "limit",
     .letter = 'k',
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "5",
     .least = 1,
     .most = 1000,
     .help = "how many documents are near to it"},
    TABLE_FORMAT,
    {0},
};

static const struct example examples[] = {
    {"similar \"The train is late.\" \"Der Zug hat Verspätung.\"", "cosine and relevance of two texts"},
    {"similar --pairs pairs.tsv --format tsv", "of many, one line each"},
    {"similar --id notes/zug.md -k 10", "the ten documents nearest to one that is in the store"},
    {0},
};

static enum status compare(struct client *c, struct text first, struct text second, json_t **out,
                           struct error *err)
{
    json_t *a = json_stringn(first.data, first.len), *b = json_stringn(second.data, second.len);
    enum status status = STATUS_OK;
    json_t *body = a != NULL && b != NULL ? json_pack("{s:[O, O]}", "input", a, b) : NULL;
    if (a == NULL || b == NULL)
        status = error_set(err, STATUS_INVALID, "a text is not UTF-8; check the locale of the terminal");
    else if (body == NULL)
        status = error_memory(err, "comparing texts");
    if (status == STATUS_OK)
        status = client_call(c, "POST", "/v1/similarity", NULL, body, out, err);
    json_decref(body);
    json_decref(a);
    json_decref(b);
    return status;
}

static enum status print_pair(const struct session *s, const json_t *answer, struct error *err)
{
    const json_t *relevance = json_object_get(answer, "relevance");
    if (s->format == FORMAT_JSON)
        return output_json(answer, err);
    printf("cosine %.4f", shape_number(answer, "score", 0));
    if (json_is_number(relevance))
        printf(", relevance %.3f", json_number_value(relevance));
    putchar('\n');
    return STATUS_OK;
}

static enum status add_row(struct table *t, const json_t *answer, struct text a, struct text b,
                           struct error *err)
{
    const json_t *relevance = json_object_get(answer, "relevance");
    enum status status = table_format(t, err, "%.6f", shape_number(answer, "score", 0));
    if (status == STATUS_OK)
        status = json_is_number(relevance) ? table_format(t, err, "%.4f", json_number_value(relevance))
                                           : table_cell(t, text_of(""), err);
    if (status == STATUS_OK)
        status = table_cell(t, a, err);
    return status == STATUS_OK ? table_cell(t, b, err) : status;
}

/* The columns of a line: text, tab, text; further columns are ignored. */
static enum status split(const struct input *in, struct text line, json_t **pair, struct error *err)
{
    const char *tab = memchr(line.data, '\t', line.len);
    if (tab == NULL)
        return error_set(err, STATUS_INVALID, "%s:%zu: no tab; a line is TEXT tab TEXT", in->name,
                         in->number);
    struct text a = {line.data, (size_t)(tab - line.data)}, b = {tab + 1, line.len - a.len - 1};
    const char *end = memchr(b.data, '\t', b.len);
    if (end != NULL)
        b.len = (size_t)(end - b.data);
    *pair = json_pack("[s%,s%]", a.data, a.len, b.data, b.len);
    return *pair != NULL ? STATUS_OK : error_memory(err, "comparing texts");
}

/* Compares the pairs in hand, prints or tables them, and empties the list. */
static enum status flush(struct session *s, struct client *c, struct table *t, json_t *pairs,
                         struct error *err)
{
    json_t *answer = NULL, *body = json_pack("{s:O}", "pairs", pairs);
    enum status status = body != NULL ? STATUS_OK : error_memory(err, "comparing texts");
    if (status == STATUS_OK && json_array_size(pairs) > 0)
        status = client_call(c, "POST", "/v1/similarity", NULL, body, &answer, err);
    const json_t *results = shape_get(answer, "results");
    for (size_t i = 0; i < json_array_size(results) && status == STATUS_OK; i++) {
        const json_t *result = json_array_get(results, i), *pair = json_array_get(pairs, i);
        status = s->format == FORMAT_JSON ? output_json(result, err)
                                          : add_row(t, result, json_text(json_array_get(pair, 0)),
                                                    json_text(json_array_get(pair, 1)), err);
    }
    json_decref(answer);
    json_decref(body);
    json_array_clear(pairs);
    return status;
}

static enum status run_pairs(struct session *s, struct client *c, const char *path, struct error *err)
{
    static const struct column columns[] = {
        {"cosine", ALIGN_RIGHT}, {"relevance", ALIGN_RIGHT}, {"a", ALIGN_LEFT}, {"b", ALIGN_LEFT}};
    struct input input = {0};
    struct table t;
    struct text line;
    json_t *pairs = json_array();
    table_init(&t, s, columns, 4);
    enum status status = pairs != NULL ? input_open(&input, path, err) : error_memory(err, "comparing texts");
    while (status == STATUS_OK && (status = input_next(&input, &line, err)) == STATUS_OK &&
           line.data != NULL) {
        json_t *pair = NULL;
        if (line.len == 0)
            continue;
        status = split(&input, line, &pair, err);
        if (status == STATUS_OK && json_array_append_new(pairs, pair) != 0)
            status = error_memory(err, "comparing texts");
        if (status == STATUS_OK && json_array_size(pairs) == PAIRS_TOGETHER)
            status = flush(s, c, &t, pairs, err);
    }
    input_close(&input);
    if (status == STATUS_OK)
        status = flush(s, c, &t, pairs, err);
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    json_decref(pairs);
    return status;
}

/* ---- neighbours of a document ---- */

static enum status print_neighbours(const struct session *s, const json_t *hits, struct error *err)
{
    static const struct column columns[] = {
        {"cosine", ALIGN_RIGHT}, {"relevance", ALIGN_RIGHT}, {"id", ALIGN_LEFT}, {"title", ALIGN_LEFT}};
    struct table t;
    enum status status = STATUS_OK;
    table_init(&t, s, columns, 4);
    for (size_t i = 0; i < json_array_size(hits) && status == STATUS_OK; i++) {
        const json_t *hit = json_array_get(hits, i);
        status = s->format == FORMAT_JSON
                     ? output_json(hit, err)
                     : add_row(&t, hit, shape_text(hit, "id"), shape_text(hit, "title"), err);
    }
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    return status;
}

static enum outcome neighbours(struct session *s, const struct arguments *a, const char *id,
                               struct error *err)
{
    struct client *c = NULL;
    struct buf path;
    json_t *answer = NULL,
           *body = json_pack("{s:[s], s:I}", "like", id, "k", (json_int_t)arguments_count(a, "limit"));
    buf_init(&path, 4096);
    enum status status =
        body != NULL ? STATUS_OK : error_set(err, STATUS_INVALID, "--id is not UTF-8; check the locale");
    if (status == STATUS_OK)
        status = client_collection_path(&path, arguments_text(a, "collection"), "/search", err);
    if (status == STATUS_OK)
        status = client_open(s, STORE_READ, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "POST", path.data, NULL, body, &answer, err);
    const json_t *hits = json_object_get(answer, "hits");
    size_t n = json_array_size(hits);
    if (status == STATUS_OK)
        status = print_neighbours(s, hits, err);
    json_decref(answer);
    json_decref(body);
    client_close(c);
    buf_release(&path);
    return status != STATUS_OK ? OUTCOME_ERROR : n > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    json_t *answer = NULL;
    const char *pairs = arguments_text(a, "pairs"), *id = arguments_text(a, "id");
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    if ((pairs != NULL && id != NULL) || a->operand_count != (pairs != NULL || id != NULL ? 0 : 2)) {
        error_set(err, STATUS_INVALID, "give two texts, --pairs FILE or --id ID");
        return OUTCOME_ERROR;
    }
    if (id != NULL)
        return neighbours(s, a, id, err);
    enum status status = client_open_model(s, &c, err);
    if (status == STATUS_OK && pairs != NULL)
        status = run_pairs(s, c, pairs, err);
    else if (status == STATUS_OK)
        status = compare(c, text_of(a->operands[0]), text_of(a->operands[1]), &answer, err);
    if (status == STATUS_OK && pairs == NULL)
        status = print_pair(s, answer, err);
    json_decref(answer);
    client_close(c);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_similar = {
    .name = "similar",
    .operands = "[A B]",
    .summary = "say how near two texts are in meaning, or what is near to a document",
    .details = "Cosine is 1 for texts of the same meaning; unrelated ones lie well above 0 too. Relevance "
               "puts it on a "
               "scale from 0 to 1 by the model's curve for texts of the same kind.",
    .options = options,
    .examples = examples,
    .most = 2,
    .run = run,
};

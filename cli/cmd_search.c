#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/display.h"
#include "cli/output.h"
#include "cli/passage_lines.h"
#include "cli/place_line.h"
#include "cli/search_mode.h"
#include "cli/table.h"
#include "common/file.h"
#include "server/json_edge.h"
#include "server/json_shape.h"
#include "server/search_rerank.h"

#define QUERIES_BYTES (16 << 20)
#define QUERIES_BATCH 64

static const struct option options[] = {
    {.name = "limit",
     .letter = 'k',
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "5",
     .least = 1,
     .most = 1000,
     .help = "how many documents"},
    COLLECTION_OPTION("where to search"),
    {.name = "lang",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "TAG",
     .help = "only documents in this language; may be given again; zh takes zh-Hant too"},
    {.name = "passage-lang",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "TAG",
     .help = "only hits whose passage is itself in this language, whatever the document's; may be given again"},
    {.name = "filter",
     .type = OPTION_TEXT,
     .value = "JSON",
     .help = "only documents it holds for: {\"field\": \"year\", \"gte\": 2000}"},
    {.name = "mode",
     .type = OPTION_CHOICE,
     .value = "MODE",
     .choices = search_modes,
     .fallback = "semantic",
     .help = "semantic goes by meaning, keyword by words, hybrid by both; rrf is hybrid by reciprocal ranks"},
    {.name = "min-relevance",
     .type = OPTION_REAL,
     .value = "P",
     .fallback = "0",
     .most = 1,
     .help = "leave out what is less likely to be relevant"},
    {.name = "queries",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "answer every line of a file (- for stdin) instead of QUERY"},
    {.name = "like",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "ID",
     .help = "instead of QUERY or beside it: near to this document; may be given again"},
    {.name = "unlike",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "ID",
     .help = "far from this document; may be given again"},
    {.name = "also",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "NAME",
     .help = "search this collection too, in one list; may be given again"},
    {.name = "group-by",
     .type = OPTION_TEXT,
     .value = "FIELD",
     .help = "one document for each value of this field of the metadata"},
    {.name = "diversity",
     .type = OPTION_REAL,
     .value = "D",
     .fallback = "0",
     .most = 1,
     .help = "above 0: documents that are unlike each other too; 0.3 is a good first try"},
    {.name = "highlight",
     .type = OPTION_FLAG,
     .help = "mark the sentence of each passage that is nearest to the query; takes a little longer"},
    {.name = "rerank",
     .type = OPTION_FLAG,
     .help = "let the reranker in use (model rerank) read the best 50 hits and order them; slower"},
    {.name = "exact", .type = OPTION_FLAG, .help = "insist on the nearest documents there are, proven"},
    {.name = "explain", .type = OPTION_FLAG, .help = "say how the answer was found and where the time went"},
    TABLE_FORMAT,
    {0},
};

static const struct example examples[] = {
    {"search \"late trains and refunds\"", "the five nearest documents, in whatever language"},
    {"search -k 20 --lang de --lang fr \"Miete\"", "only German and French ones"},
    {"search --mode hybrid \"pump AB-1234/7\"", "by meaning and by words; codes come first"},
    {"search --mode keyword '\"late train\" refund*'",
     "a phrase that must be there, and words that begin so"},
    {"search --rerank \"late trains\"", "the best 50 are read again by the reranker, the first 5 shown"},
    {"search --like notes/zug.md --unlike notes/bakery.txt",
     "what is near to one document and far from another"},
    {"search --filter '{\"field\":\"year\",\"gte\":2000}' --json \"harvest\"", "one JSON object a hit"},
    {0},
};

/* ---- the request ---- */

/* The values of a repeated option as a list under `key`. */
static enum status add_list(json_t *body, const struct arguments *a, const char *option, const char *key,
                            struct error *err)
{
    json_t *list = json_array();
    enum status status = list != NULL ? STATUS_OK : error_memory(err, "searching");
    for (size_t i = 0; status == STATUS_OK && arguments_each(a, option, i) != NULL; i++)
        if (json_array_append_new(list, json_string(arguments_each(a, option, i))) != 0)
            status = error_set(err, STATUS_INVALID, "--%s is not UTF-8", option);
    if (status == STATUS_OK && json_array_size(list) > 0 && json_object_set(body, key, list) != 0)
        status = error_memory(err, "searching");
    json_decref(list);
    return status;
}

static enum status add_filters(json_t *body, const struct arguments *a, struct error *err)
{
    const char *filter = arguments_text(a, "filter");
    json_t *parsed = NULL;
    enum status status = add_list(body, a, "lang", "lang", err);
    if (status == STATUS_OK)
        status = add_list(body, a, "passage-lang", "passage_lang", err);
    if (status == STATUS_OK && filter != NULL) {
        struct error inner = {0};
        status = api_parse_body(filter, strlen(filter), &parsed, &inner);
        if (status != STATUS_OK)
            error_set(err, status, "--filter: %s", inner.text);
        else if (json_object_set(body, "filter", parsed) != 0)
            status = error_memory(err, "searching");
    }
    json_decref(parsed);
    return status;
}

/* What asks for other hits than the nearest ones of one collection. */
static enum status add_choices(json_t *body, const struct arguments *a, struct error *err)
{
    static const char *const flags[] = {"exact", "highlight", "rerank", "explain"};
    const char *group = arguments_text(a, "group-by");
    double diversity = arguments_real(a, "diversity");
    enum status status = add_list(body, a, "like", "like", err);
    if (status == STATUS_OK)
        status = add_list(body, a, "unlike", "unlike", err);
    if (status == STATUS_OK)
        status = add_list(body, a, "also", "collections", err);
    if (status == STATUS_OK && group != NULL &&
        json_object_set_new(body, "group_by", json_string(group)) != 0)
        status = error_set(err, STATUS_INVALID, "--group-by is not UTF-8");
    if (status == STATUS_OK && diversity > 0 &&
        json_object_set_new(body, "diversity", json_real(diversity)) != 0)
        status = error_memory(err, "searching");
    for (size_t i = 0; i < sizeof flags / sizeof *flags && status == STATUS_OK; i++)
        if (arguments_flag(a, flags[i]) && json_object_set_new(body, flags[i], json_true()) != 0)
            status = error_memory(err, "searching");
    return status;
}

/* A body without its query. */
static enum status make_body(const struct arguments *a, json_t **out, struct error *err)
{
    json_t *body = json_pack("{s:I}", "k", (json_int_t)arguments_count(a, "limit"));
    enum status status = body != NULL ? add_filters(body, a, err) : error_memory(err, "searching");
    double relevance = arguments_real(a, "min-relevance");
    if (status == STATUS_OK && relevance > 0 &&
        json_object_set_new(body, "min_relevance", json_real(relevance)) != 0)
        status = error_memory(err, "searching");
    if (status == STATUS_OK)
        status = add_choices(body, a, err);
    if (status == STATUS_OK)
        status = search_mode_set(body, arguments_choice(a, "mode"), err);
    if (status == STATUS_OK)
        *out = body;
    else
        json_decref(body);
    return status;
}

/* ---- the answer ---- */

/* Relevance in words. It is the probability among the hardest of thousands of wrong candidates, so that right
 * answers in a collection of everyday texts often lie well below one half. */
static const char *word_for(double relevance)
{
    return relevance >= 0.6 ? "strong" : relevance >= 0.25 ? "good" : relevance >= 0.08 ? "fair" : "weak";
}

static enum paint paint_for(double relevance)
{
    return relevance >= 0.25 ? PAINT_GREEN : relevance >= 0.08 ? PAINT_YELLOW : PAINT_DIM;
}

/* The scores of the legs that took part. */
static void print_scores(const json_t *hit)
{
    static const struct {
        const char *name;
        int digits;
    } legs[] = {{"rerank", 3}, {"cosine", 3}, {"bm25", 2}};
    const char *before = "  (";
    for (size_t i = 0; i < sizeof legs / sizeof *legs; i++) {
        const json_t *score = json_object_get(hit, legs[i].name);
        if (!json_is_number(score))
            continue;
        printf("%s%s %.*f", before, legs[i].name, legs[i].digits, json_number_value(score));
        before = ", ";
    }
    printf(")\n");
}

/* "1. title  [de]  likely 0.83 (cosine 0.713)", the id below when there is a title. */
static enum status print_hit(const struct session *s, size_t rank, const json_t *hit, struct error *err)
{
    struct text title = shape_text(hit, "title"), id = shape_text(hit, "id"), lang = shape_text(hit, "lang"),
                own = shape_text(json_object_get(hit, "passage"), "lang");
    const json_t *relevance = json_object_get(hit, "relevance");
    struct buf name;
    buf_init(&name, 1 << 22);
    enum status status = display_clean(&name, title.len > 0 ? title : id, s->out.tty, err);
    if (status == STATUS_OK && title.len > 0)
        status = buf_printf(&name, err, "  ");
    size_t at = name.len;
    if (status == STATUS_OK && title.len > 0)
        status = display_clean(&name, id, s->out.tty, err);
    size_t behind = name.len;
    if (status == STATUS_OK)
        status = display_clean(&name, lang, false, err);
    if (status == STATUS_OK && !text_equal(own, lang))
        status = buf_printf(&name, err, ", passage %.*s", (int)own.len, own.data);
    if (status == STATUS_OK) {
        printf("%zu. %s%.*s%s%s%.*s%s  [%.*s]", rank, terminal_paint(&s->out, PAINT_BOLD), (int)at, name.data,
               terminal_paint(&s->out, PAINT_PLAIN), terminal_paint(&s->out, PAINT_DIM), (int)(behind - at),
               name.data + at, terminal_paint(&s->out, PAINT_PLAIN), (int)(name.len - behind),
               name.data + behind);
        if (json_is_number(relevance)) {
            double p = json_number_value(relevance);
            printf("  %s%s %.2f%s", terminal_paint(&s->out, paint_for(p)), word_for(p), p,
                   terminal_paint(&s->out, PAINT_PLAIN));
        }
        print_scores(hit);
        status = place_line(s, hit, err);
    }
    if (status == STATUS_OK)
        status = passage_lines(s, hit, err);
    buf_release(&name);
    return status;
}

/* Empty when the leg took no part. */
static enum status score_cell(struct table *t, const json_t *score, bool fine, struct error *err)
{
    double value = json_number_value(score);
    if (!json_is_number(score))
        return table_cell(t, text_of(""), err);
    return fine ? table_format(t, err, "%.4f", value) : table_format(t, err, "%.3f", value);
}

static enum status number_cell(struct table *t, const json_t *number, struct error *err)
{
    return json_is_integer(number) ? table_format(t, err, "%lld", (long long)json_integer_value(number))
                                   : table_cell(t, text_of(""), err);
}

static enum status add_rows(struct table *t, const json_t *hits, const char *query, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < json_array_size(hits) && status == STATUS_OK; i++) {
        const json_t *hit = json_array_get(hits, i);
        if (query != NULL)
            status = table_cell(t, text_of(query), err);
        if (status == STATUS_OK)
            status = table_format(t, err, "%zu", i + 1);
        if (status == STATUS_OK)
            status = table_cell(t, shape_text(hit, "id"), err);
        if (status == STATUS_OK)
            status = table_cell(t, shape_text(hit, "lang"), err);
        if (status == STATUS_OK)
            status = score_cell(t, json_object_get(hit, "cosine"), true, err);
        if (status == STATUS_OK)
            status = score_cell(t, json_object_get(hit, "bm25"), false, err);
        if (status == STATUS_OK)
            status = score_cell(t, json_object_get(hit, "relevance"), false, err);
        if (status == STATUS_OK)
            status = table_cell(t, shape_text(hit, "title"), err);
        const json_t *passage = json_object_get(hit, "passage");
        if (status == STATUS_OK)
            status = table_cell(t, shape_text(passage, "text"), err);
        if (status == STATUS_OK)
            status = number_cell(t, json_object_get(passage, "page"), err);
        if (status == STATUS_OK)
            status = number_cell(t, json_object_get(passage, "line"), err);
        if (status == STATUS_OK)
            status = table_cell(t, shape_text(passage, "heading"), err);
        if (status == STATUS_OK)
            status = score_cell(t, json_object_get(hit, "rerank"), true, err);
    }
    return status;
}

static enum status print_lines(const json_t *hits, const char *query, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < json_array_size(hits) && status == STATUS_OK; i++) {
        json_t *hit = json_array_get(hits, i);
        if (query != NULL && json_object_set_new(hit, "query", json_string(query)) != 0)
            status = error_memory(err, "printing hits");
        if (status == STATUS_OK)
            status = output_json(hit, err);
    }
    return status;
}

static enum status print_query(const struct session *s, const char *query, struct error *err)
{
    struct buf clean;
    buf_init(&clean, 1 << 20);
    enum status status = display_clean(&clean, text_of(query), s->out.tty, err);
    if (status == STATUS_OK)
        printf("? %.*s\n", (int)clean.len, clean.data != NULL ? clean.data : "");
    buf_release(&clean);
    return status;
}

/* `query` is named beside each hit when there are several. Tables are printed when all hits are in them. */
static enum status print_answer(const struct session *s, struct table *t, const json_t *answer,
                                const char *query, struct error *err)
{
    const json_t *hits = json_object_get(answer, "hits");
    enum status status = STATUS_OK;
    if (s->format == FORMAT_JSON)
        return print_lines(hits, query, err);
    if (s->format != FORMAT_TEXT)
        return add_rows(t, hits, query, err);
    if (query != NULL)
        status = print_query(s, query, err);
    for (size_t i = 0; i < json_array_size(hits) && status == STATUS_OK; i++)
        status = print_hit(s, i + 1, json_array_get(hits, i), err);
    return status;
}

static void explain(const struct session *s, const json_t *answer)
{
    const json_t *plan = json_object_get(answer, "plan"), *detail = json_object_get(answer, "explain");
    char *text = json_dumps(plan, JSON_COMPACT),
         *times = detail != NULL ? json_dumps(detail, JSON_COMPACT) : NULL;
    warn(s, "plan %s%s%s", text != NULL ? text : "", times != NULL ? ", " : "", times != NULL ? times : "");
    free(text);
    free(times);
}

static void warn_of(const struct session *s, const json_t *answer)
{
    size_t i;
    const json_t *text;
    json_array_foreach(json_object_get(answer, "warnings"), i, text) warn(s, "%s", json_string_value(text));
}

/* ---- one query, or a file of them ---- */

static enum outcome search_one(struct session *s, const struct arguments *a, struct client *c,
                               struct table *t, const char *path, json_t *body, const char *query,
                               struct error *err)
{
    json_t *answer = NULL, *text = query != NULL ? json_string(query) : NULL;
    enum status status = STATUS_OK;
    if (query != NULL && text == NULL)
        status = error_set(err, STATUS_INVALID, "the query is not UTF-8; check the locale of the terminal");
    else if (text != NULL && json_object_set_new(body, "query", text) != 0)
        status = error_memory(err, "searching");
    if (status == STATUS_OK)
        status = client_call(c, "POST", path, NULL, body, &answer, err);
    if (status == STATUS_OK)
        status = print_answer(s, t, answer, NULL, err);
    warn_of(s, answer);
    size_t found = json_array_size(json_object_get(answer, "hits"));
    if (status == STATUS_OK && arguments_flag(a, "explain"))
        explain(s, answer);
    if (status == STATUS_OK && found == 0)
        say(s, "nothing found%s",
            arguments_real(a, "min-relevance") > 0 ? "; a lower --min-relevance shows what is nearest" : "");
    json_decref(answer);
    return status != STATUS_OK ? OUTCOME_ERROR : found > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

static enum status search_batch(struct session *s, struct client *c, struct table *t, const char *path,
                                json_t *body, json_t *queries, size_t *found, struct error *err)
{
    json_t *answer = NULL;
    enum status status =
        json_object_set(body, "queries", queries) == 0 ? STATUS_OK : error_memory(err, "searching");
    if (status == STATUS_OK)
        status = client_call(c, "POST", path, NULL, body, &answer, err);
    warn_of(s, answer);
    const json_t *results = json_object_get(answer, "results");
    for (size_t i = 0; i < json_array_size(results) && status == STATUS_OK; i++) {
        const json_t *one = json_array_get(results, i);
        *found += json_array_size(json_object_get(one, "hits"));
        status = print_answer(s, t, one, json_string_value(json_array_get(queries, i)), err);
    }
    json_decref(answer);
    json_array_clear(queries);
    return status;
}

/* How many queries go together: as many as a call may rerank, when it does. */
static size_t batch_size(const struct arguments *a)
{
    size_t k = (size_t)arguments_count(a, "limit"), depth = k > RERANK_DEPTH ? k : RERANK_DEPTH;
    if (!arguments_flag(a, "rerank"))
        return QUERIES_BATCH;
    return depth < RERANK_MOST ? RERANK_MOST / depth : 1;
}

static enum outcome search_file(struct session *s, const struct arguments *a, struct client *c,
                                struct table *t, const char *path, json_t *body, struct error *err)
{
    const char *name = arguments_text(a, "queries");
    size_t found = 0, number = 0;
    struct buf lines;
    json_t *batch = json_array();
    buf_init(&lines, QUERIES_BYTES);
    enum status status = batch != NULL ? STATUS_OK : error_memory(err, "searching");
    if (status == STATUS_OK)
        status = file_read(strcmp(name, "-") == 0 ? "/dev/stdin" : name, &lines, err);
    for (size_t at = 0; at < lines.len && status == STATUS_OK;) {
        const char *line = lines.data + at, *end = memchr(line, '\n', lines.len - at);
        size_t n = end != NULL ? (size_t)(end - line) : lines.len - at;
        at += n + (end != NULL);
        number++;
        n -= n > 0 && line[n - 1] == '\r';
        if (n == 0)
            continue;
        if (json_array_append_new(batch, json_stringn(line, n)) != 0)
            status =
                error_set(err, STATUS_INVALID, "%s:%zu is not UTF-8; convert the file first", name, number);
        if (status == STATUS_OK && json_array_size(batch) == batch_size(a))
            status = search_batch(s, c, t, path, body, batch, &found, err);
    }
    if (status == STATUS_OK && json_array_size(batch) > 0)
        status = search_batch(s, c, t, path, body, batch, &found, err);
    json_decref(batch);
    buf_release(&lines);
    return status != STATUS_OK ? OUTCOME_ERROR : found > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

/* "-" is a query that comes on stdin. */
static enum status query_text(const struct arguments *a, struct buf *out, struct error *err)
{
    if (strcmp(a->operands[0], "-") != 0)
        return buf_append(out, a->operands[0], strlen(a->operands[0]), err);
    enum status status = file_read("/dev/stdin", out, err);
    while (status == STATUS_OK && out->len > 0 &&
           (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->data[--out->len] = '\0';
    return status == STATUS_OK ? buf_append(out, "", 0, err) : status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    static const struct column columns[] = {
        {"query", ALIGN_LEFT},      {"rank", ALIGN_RIGHT},   {"id", ALIGN_LEFT},
        {"lang", ALIGN_LEFT},       {"cosine", ALIGN_RIGHT}, {"bm25", ALIGN_RIGHT},
        {"relevance", ALIGN_RIGHT}, {"title", ALIGN_LEFT},   {"passage", ALIGN_LEFT},
        {"page", ALIGN_RIGHT},      {"line", ALIGN_RIGHT},   {"heading", ALIGN_LEFT},
        {"rerank", ALIGN_RIGHT}};
    struct client *c = NULL;
    struct table t;
    struct buf path, query;
    json_t *body = NULL;
    enum outcome outcome = OUTCOME_ERROR;
    bool file = arguments_given(a, "queries"), asked = a->operand_count > 0;
    bool example = arguments_each(a, "like", 0) != NULL;
    buf_init(&path, 4096);
    buf_init(&query, 1 << 20);
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    table_init(&t, s, file ? columns : columns + 1, sizeof columns / sizeof *columns - !file);
    enum status status = STATUS_OK;
    if (file ? asked : !asked && !example)
        status = error_set(err, STATUS_INVALID,
                           "give a QUERY, --like ID or --queries FILE, and the last one alone");
    if (status == STATUS_OK && asked)
        status = query_text(a, &query, err);
    if (status == STATUS_OK)
        status = make_body(a, &body, err);
    if (status == STATUS_OK)
        status = client_collection_path(&path, arguments_text(a, "collection"), "/search", err);
    if (status == STATUS_OK)
        status = client_open(s, STORE_READ, &c, err);
    if (status == STATUS_OK)
        outcome = file ? search_file(s, a, c, &t, path.data, body, err)
                       : search_one(s, a, c, &t, path.data, body,
                                    !asked          ? NULL
                                    : query.len > 0 ? query.data
                                                    : "",
                                    err);
    if (outcome != OUTCOME_ERROR && s->format != FORMAT_TEXT && s->format != FORMAT_JSON &&
        table_print(&t, err) != STATUS_OK)
        outcome = OUTCOME_ERROR;
    table_release(&t);
    client_close(c);
    json_decref(body);
    buf_release(&query);
    buf_release(&path);
    return outcome;
}

const struct command command_search = {
    .name = "search",
    .operands = "[QUERY]",
    .summary = "find the documents nearest in meaning to a query",
    .details =
        "The query may be in any language, and so may the documents. Each hit is a document with its best "
        "passage; cosine orders them, or with --rerank the score of a cross-encoder, and relevance is the model's "
        "estimate that the hit answers the query. QUERY - "
        "is read from stdin. By --mode keyword any text is a query: words that may occur, phrases in quotes "
        "that "
        "must, and beginnings of words with a * behind them.\n"
        "Exit code 1 when nothing was found.",
    .options = options,
    .examples = examples,
    .most = 1,
    .run = run,
};

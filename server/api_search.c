#include <math.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "server/cursor.h"
#include "server/filter_json.h"
#include "server/hit_passage.h"
#include "server/routes.h"
#include "server/search_lists.h"
#include "server/search_rerank.h"
#include "server/search_shapes.h"

#define HITS      20000 /* queries × collections × k of one call */
#define DEFAULT_K 5
#define MARKED    100 /* hits whose sentences are marked */
#define DEEPER    4   /* times as many hits are asked for when too few are left */

/* ---- asking ---- */

struct search {
    const json_t *asked; /* body or query string */
    struct text *texts, *examples, *collections;
    size_t like_count, unlike_count;
    float *vector;
    struct filter *filter;
    size_t n, lists;              /* queries, and collections that each goes to: */
    struct engine_query *queries; /* n × lists */
    struct hits *hits;
    struct answer *answers;     /* n */
    size_t k, depth;            /* hits wanted, and looked for */
    const char *group;          /* the field to group by; NULL for none */
    struct text *passage_langs; /* languages that passages must be in */
    size_t passage_lang_count;
    struct cursor cursor;
    unsigned char digest[CURSOR_QUERY];
    bool several, explain, highlight, rerank;
    const struct engine_model *reranker; /* held; NULL for none */
    unsigned parts;                      /* bits of enum search_part */
};

/* The hits of a query. */
struct answer {
    struct listed *items;
    size_t count;
    struct hit_passage *passages; /* of the items; NULL when they are not asked for */
    bool cut_short;               /* there are more, below what was looked at */
};

static enum status read_vector(struct search *s, const json_t *list, struct error *err)
{
    size_t width = json_array_size(list);
    s->vector = calloc(width + 1, sizeof *s->vector);
    if (s->vector == NULL)
        return error_memory(err, "reading the vector");
    for (size_t i = 0; i < width; i++)
        s->vector[i] = (float)json_number_value(json_array_get(list, i));
    return STATUS_OK;
}

/* What is looked for: one of query, vector and queries; or like, alone or beside query or vector. */
static enum status read_queries(struct search *s, struct error *err)
{
    const json_t *query = shape_get(s->asked, "query"), *vector = shape_get(s->asked, "vector");
    const json_t *queries = shape_get(s->asked, "queries");
    int given = (query != NULL) + (vector != NULL) + (queries != NULL);
    if (given > 1 || (given == 0 && s->like_count == 0))
        return error_field(err, STATUS_INVALID, "query", "give one of query, vector, queries and like");
    s->n = 1;
    s->several = queries != NULL;
    if (s->several && s->like_count + s->unlike_count > 0)
        return error_field(err, STATUS_INVALID, "like",
                           "like and unlike go with one query, not with queries");
    if (vector != NULL)
        return read_vector(s, vector, err);
    return given > 0 ? json_texts(s->several ? queries : query, &s->texts, &s->n, err) : STATUS_OK;
}

/* The ids of like, and those of unlike behind them. */
static enum status read_examples(struct search *s, struct error *err)
{
    struct text *like = NULL, *unlike = NULL;
    enum status status = json_texts(shape_get(s->asked, "like"), &like, &s->like_count, err);
    if (status == STATUS_OK)
        status = json_texts(shape_get(s->asked, "unlike"), &unlike, &s->unlike_count, err);
    size_t n = s->like_count + s->unlike_count;
    if (status == STATUS_OK && n > 0) {
        s->examples = calloc(n, sizeof *s->examples);
        if (s->examples == NULL)
            status = error_memory(err, "searching by example");
    }
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        s->examples[i] = i < s->like_count ? like[i] : unlike[i - s->like_count];
    free(like);
    free(unlike);
    return status;
}

/* The collection of the path, then the further ones. */
static enum status read_collections(struct search *s, struct api_call *call)
{
    struct text *further = NULL;
    size_t n = 0;
    enum status status = json_texts(shape_get(s->asked, "collections"), &further, &n, &call->err);
    if (status == STATUS_OK) {
        s->collections = calloc(n + 1, sizeof *s->collections);
        if (s->collections == NULL)
            status = error_memory(&call->err, "searching");
    }
    if (status == STATUS_OK) {
        s->collections[0] = call->captures[0];
        s->lists = 1;
    }
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        for (size_t j = 0; j < s->lists; j++)
            if (text_equal(s->collections[j], further[i]))
                status = error_field(&call->err, STATUS_INVALID, "collections",
                                     "the collection %.*s is named twice; name each once, and not the one of "
                                     "the path",
                                     (int)further[i].len, further[i].data);
        if (status == STATUS_OK)
            s->collections[s->lists++] = further[i];
    }
    free(further);
    return status;
}

static unsigned read_parts(const json_t *fields)
{
    unsigned parts = fields == NULL ? ~0u : 0;
    for (size_t i = 0; i < json_array_size(fields); i++)
        for (unsigned j = 0; search_part_names[j] != NULL; j++)
            parts |= (unsigned)text_is(json_text(json_array_get(fields, i)), search_part_names[j]) << j;
    return parts;
}

/* ---- pages ---- */

/* Whether the answer has pages: one list in the order of its scores. */
static bool has_pages(const struct search *s)
{
    return s->n == 1 && !s->several && s->lists == 1 && s->group == NULL && !s->rerank &&
           s->queries[0].mode == SEARCH_SEMANTIC && s->queries[0].diversity == 0;
}

/* Of all that decides which hits there are and in which order. */
static enum status digest_query(struct search *s, struct text collection, struct error *err)
{
    static const char *const others[] = {"cursor", "k", "fields", "explain", "exact", "highlight"};
    struct sha256_ctx sha;
    json_t *asked = json_copy((json_t *)(uintptr_t)s->asked);
    for (size_t i = 0; i < sizeof others / sizeof *others && asked != NULL; i++)
        json_object_del(asked, others[i]);
    char *text = asked != NULL ? json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(asked);
    if (text == NULL)
        return error_memory(err, "searching");
    sha256_init(&sha);
    sha256_update(&sha, collection.len, (const uint8_t *)collection.data);
    sha256_update(&sha, 1, (const uint8_t *)""); /* no name has a NUL */
    sha256_update(&sha, strlen(text), (const uint8_t *)text);
    sha256_digest(&sha, sizeof s->digest, s->digest);
    free(text);
    return STATUS_OK;
}

static enum status read_cursor(struct search *s, struct api_call *call)
{
    struct text text = shape_text(s->asked, "cursor");
    enum status status = has_pages(s) ? digest_query(s, call->captures[0], &call->err) : STATUS_OK;
    if (status != STATUS_OK || text.len == 0)
        return status;
    if (!has_pages(s))
        return error_field(
            &call->err, STATUS_INVALID, "cursor",
            "pages are of one query in one collection by meaning, without group_by, diversity and rerank");
    status = cursor_decode(text, &s->cursor, &call->err);
    if (status == STATUS_OK && memcmp(s->cursor.query, s->digest, sizeof s->digest) != 0)
        return error_field(&call->err, STATUS_INVALID, "cursor",
                           "this cursor belongs to another search; repeat the one that gave it");
    if (status == STATUS_OK) {
        s->queries[0].after =
            (struct search_page){.seen = s->cursor.seen, .cosine = s->cursor.score, .id = s->cursor.id};
        s->queries[0].generation = s->cursor.generation;
    }
    return status;
}

/* null where there is no next page. */
static json_t *next_cursor(const struct search *s)
{
    const struct hits *found = &s->hits[0];
    char text[CURSOR_TEXT];
    size_t seen = s->queries[0].after.seen + found->count;
    if (!has_pages(s) || !found->exact || found->count < s->k || seen + s->k > SEARCH_PAGES)
        return json_null();
    const struct hit *last = &found->items[found->count - 1];
    struct cursor c = {
        .generation = found->generation, .seen = (uint32_t)seen, .score = last->score, .id = last->id};
    memcpy(c.query, s->digest, sizeof c.query);
    cursor_encode(&c, text);
    return json_string(text);
}

/* ---- the request ---- */

static enum status check_together(const struct search *s, struct error *err)
{
    size_t most = s->n * s->lists * s->k;
    if (most > HITS)
        return error_field(err, STATUS_TOO_LARGE, "queries",
                           "%zu queries times %zu collections times k %zu is more than %d hits; send fewer",
                           s->n, s->lists, s->k, HITS);
    if (s->lists > 1 && s->like_count + s->unlike_count > 0)
        return error_field(err, STATUS_INVALID, "collections",
                           "like and unlike name documents of one collection; leave collections out");
    if (s->lists > 1 && s->queries[0].mode != SEARCH_SEMANTIC)
        return error_field(
            err, STATUS_INVALID, "collections",
            "scores by words differ from collection to collection; search several in mode semantic");
    if (s->lists > 1 && s->queries[0].diversity > 0)
        return error_field(err, STATUS_INVALID, "diversity", "diversity is of one collection");
    if (s->rerank && s->n * s->depth > RERANK_MOST)
        return error_field(
            err, STATUS_TOO_LARGE, "rerank",
            "%zu queries with %zu hits each are more than the %d that one call may rerank; send fewer", s->n,
            s->depth, RERANK_MOST);
    if (s->rerank && s->texts == NULL)
        return error_field(err, STATUS_INVALID, "rerank",
                           "rerank reads the words of a query; give one, or leave rerank out");
    if (s->highlight && s->n * s->k > MARKED)
        return error_field(err, STATUS_TOO_LARGE, "highlight",
                           "highlight embeds the sentences of at most %d hits; ask for fewer", MARKED);
    if (s->highlight && s->texts == NULL && s->vector == NULL)
        return error_field(err, STATUS_INVALID, "highlight",
                           "highlight marks what is near to a query or a vector; give one, or leave it out");
    return STATUS_OK;
}

static enum status make_queries(struct search *s, struct api_call *call)
{
    size_t all = s->n * s->lists;
    s->queries = calloc(all + 1, sizeof *s->queries);
    s->hits = calloc(all + 1, sizeof *s->hits);
    s->answers = calloc(s->n + 1, sizeof *s->answers);
    if (s->queries == NULL || s->hits == NULL || s->answers == NULL)
        return error_memory(&call->err, "searching");
    for (size_t i = 0; i < all; i++) /* those of one collection side by side, to share their passes */
        s->queries[i] = (struct engine_query){
            .collection = s->collections[i / s->n],
            .text = s->texts != NULL ? s->texts[i % s->n] : (struct text){0},
            .vector = s->vector,
            .width = json_array_size(shape_get(s->asked, "vector")),
            .examples = s->examples,
            .like_count = s->like_count,
            .unlike_count = s->unlike_count,
            .mode = (enum search_mode)shape_choice(s->asked, "mode", search_mode_names, SEARCH_SEMANTIC),
            .fusion = (enum fusion)shape_choice(s->asked, "fusion", search_fusion_names, FUSION_SUM),
            .k = s->k,
            .filter = s->filter,
            .langs = s->passage_langs,
            .lang_count = s->passage_lang_count,
            .diversity = shape_number(s->asked, "diversity", 0),
            .exact = shape_boolean(s->asked, "exact", false),
            .min_relevance = shape_number(s->asked, "min_relevance", 0),
            .deadline_ms = call->request->deadline_ms,
            .cancelled = call->request->cancelled,
        };
    return STATUS_OK;
}

static enum status read_search(struct search *s, struct api_call *call)
{
    const json_t *filter = shape_get(s->asked, "filter"), *languages = shape_get(s->asked, "lang");
    s->k = (size_t)shape_integer(s->asked, "k", DEFAULT_K);
    s->group = json_string_value(shape_get(s->asked, "group_by"));
    s->explain = shape_boolean(s->asked, "explain", false);
    s->highlight = shape_boolean(s->asked, "highlight", false);
    s->rerank = shape_boolean(s->asked, "rerank", false);
    s->depth = s->rerank && s->k < RERANK_DEPTH ? RERANK_DEPTH : s->k;
    s->parts = read_parts(shape_get(s->asked, "fields"));
    enum status status = read_examples(s, &call->err);
    if (status == STATUS_OK)
        status = json_texts(shape_get(s->asked, "passage_lang"), &s->passage_langs, &s->passage_lang_count,
                            &call->err);
    if (status == STATUS_OK)
        status = read_queries(s, &call->err);
    if (status == STATUS_OK)
        status = read_collections(s, call);
    if (status == STATUS_OK && (filter != NULL || languages != NULL))
        status = filter_parse(filter, languages, &s->filter, &call->err);
    if (status == STATUS_OK)
        status = make_queries(s, call);
    if (status == STATUS_OK)
        status = check_together(s, &call->err);
    return status == STATUS_OK ? read_cursor(s, call) : status;
}

static void release_found(struct search *s)
{
    for (size_t i = 0; i < s->n && s->answers != NULL; i++) {
        hit_passages_free(s->answers[i].passages, s->answers[i].count);
        listed_free(s->answers[i].items, s->answers[i].count);
        s->answers[i] = (struct answer){0};
    }
    for (size_t i = 0; i < s->n * s->lists && s->hits != NULL; i++)
        hits_release(&s->hits[i]);
}

static void search_release(struct search *s)
{
    release_found(s);
    free(s->answers);
    free(s->hits);
    free(s->queries);
    free(s->filter);
    free(s->vector);
    free(s->texts);
    free(s->examples);
    free(s->passage_langs);
    free(s->collections);
}

/* ---- searching ---- */

static void keep_first(struct answer *a, size_t n)
{
    while (a->count > n)
        json_decref(a->items[--a->count].group);
}

/* Makes one list of those of a query, grouped where that is asked for. `depth` hits were asked for of each.
 */
static enum status make_answer(struct search *s, size_t i, size_t depth, struct error *err)
{
    struct answer *a = &s->answers[i];
    struct hits lists[SEARCH_COLLECTIONS];
    for (size_t j = 0; j < s->lists; j++) {
        lists[j] = s->hits[j * s->n + i];
        a->cut_short |= lists[j].count == depth;
    }
    enum status status = lists_merge(lists, s->lists, &a->items, &a->count, err);
    if (status == STATUS_OK && s->group != NULL)
        status =
            lists_group(a->items, &a->count, s->group, (size_t)shape_integer(s->asked, "group_size", 1), err);
    a->cut_short &= a->count < s->depth;
    keep_first(a, s->depth);
    return status;
}

/* Searches deeper as long as fewer hits than wanted are left and there may be more. */
static enum status run_search(struct search *s, struct api_call *call)
{
    size_t all = s->n * s->lists;
    for (size_t depth = s->depth;; depth = depth * DEEPER < SEARCH_MOST ? depth * DEEPER : SEARCH_MOST) {
        bool enough = depth == SEARCH_MOST || s->group == NULL;
        for (size_t i = 0; i < all; i++)
            s->queries[i].k = depth;
        release_found(s);
        enum status status = engine_search(call->engine, s->queries, all, s->hits, &call->err);
        for (size_t i = 0; i < s->n && status == STATUS_OK; i++)
            status = make_answer(s, i, depth, &call->err);
        bool short_of = false;
        for (size_t i = 0; i < s->n; i++)
            short_of |= s->answers[i].cut_short;
        if (status != STATUS_OK || enough || !short_of)
            return status;
    }
}

/* Orders the hits by the reranker, when there is one, and leaves as many as are wanted. */
static enum status rerank(struct search *s, struct api_call *call)
{
    struct error none = {0};
    enum status status =
        s->rerank ? engine_hold_reranker(call->engine, &s->reranker, &none) : STATUS_NOT_FOUND;
    const struct reranker r = {.engine = call->engine,
                               .model = s->reranker,
                               .deadline_ms = call->request->deadline_ms,
                               .cancelled = call->request->cancelled};
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return error_set(&call->err, status, "%s", none.text);
    status = STATUS_OK;
    for (size_t i = 0; i < s->n && status == STATUS_OK; i++) {
        if (s->reranker != NULL)
            status = search_rerank(&r, s->texts[i], s->answers[i].items, s->answers[i].count, &call->err);
        keep_first(&s->answers[i], s->k);
    }
    return status;
}

static enum status find_passages(struct search *s, struct api_call *call)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < s->n && (s->parts & 1u << PASSAGE) != 0 && status == STATUS_OK; i++)
        status = hit_passages_find(call->engine, s->collections, s->answers[i].items, s->answers[i].count,
                                   call->request->deadline_ms, &s->answers[i].passages, &call->err);
    for (size_t i = 0; i < s->n && s->highlight && status == STATUS_OK; i++)
        if (s->answers[i].passages != NULL)
            status = hit_passages_sentences(call->engine, &s->queries[i], s->answers[i].items,
                                            s->answers[i].count, s->answers[i].passages, &call->err);
    return status;
}

/* ---- answering ---- */

static json_t *marks_json(const struct hit *h)
{
    json_t *list = json_array();
    for (size_t i = 0; i < h->mark_count; i++)
        if (json_array_append_new(
                list, json_pack("[I, I]", (json_int_t)h->marks[i].start, (json_int_t)h->marks[i].end)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *part_json(const struct search *s, enum search_part part, const struct answer *a, size_t i)
{
    const struct listed *item = &a->items[i];
    const struct hit *h = item->hit;
    switch (part) {
    case COLLECTION:
        return text_json(s->collections[item->list]);
    case COSINE:
        return number_or_null(h->cosine);
    case BM25:
        return number_or_null(h->bm25);
    case RERANK:
        return number_or_null(item->rerank);
    case RELEVANCE:
        return number_or_null(h->relevance);
    case LANG:
        return text_json(h->lang);
    case TITLE:
        return text_or_null(h->title);
    case METADATA:
        return metadata_json(h->metadata);
    case PASSAGE:
        return hit_passage_json(h, &a->passages[i]);
    default:
        return marks_json(h);
    }
}

static json_t *hit_json(const struct search *s, const struct answer *a, size_t i)
{
    const struct listed *item = &a->items[i];
    json_t *hit = json_pack("{s:o, s:f}", "id", text_json(item->hit->id), "score", item->score);
    bool good = hit != NULL;
    for (unsigned part = 0; search_part_names[part] != NULL && good; part++)
        if ((s->parts & 1u << part) != 0)
            good = json_object_set_new(hit, search_part_names[part],
                                       part_json(s, (enum search_part)part, a, i)) == 0;
    if (good && s->group != NULL)
        good = json_object_set_new(hit, "group",
                                   item->group != NULL ? json_incref(item->group) : json_null()) == 0;
    if (good)
        return hit;
    json_decref(hit);
    return NULL;
}

static bool set_number(json_t *object, const char *key, double number)
{
    return json_object_set_new(object, key, json_real(number)) == 0;
}

static bool set_count(json_t *object, const char *key, uint64_t count)
{
    return json_object_set_new(object, key, json_integer((json_int_t)count)) == 0;
}

/* Of a query: what its searches in all collections took together. */
static json_t *plan_json(const struct search *s, size_t i)
{
    struct hits sum = {.exact = !s->answers[i].cut_short || s->group == NULL};
    for (size_t j = 0; j < s->lists; j++) {
        const struct hits *h = &s->hits[j * s->n + i];
        sum.plan = j == 0 || h->candidates > 0 ? h->plan : sum.plan;
        sum.exact &= h->exact;
        sum.candidates += h->candidates;
        sum.clusters += h->clusters;
        sum.rescored += h->rescored;
        sum.filtered |= h->filtered;
        sum.filter = h->filter;
        sum.filter_rows += h->filter_rows;
        sum.times.encode = h->times.encode;
        sum.times.filter += h->times.filter;
        sum.times.scan += h->times.scan;
        sum.times.rescore += h->times.rescore;
        sum.times.fetch += h->times.fetch;
    }
    json_t *plan = json_pack("{s:s, s:b, s:I, s:b}", "kind", sum.plan, "exact", sum.exact, "candidates",
                             (json_int_t)sum.candidates, "filtered", sum.filtered);
    bool good = plan != NULL;
    if (good && sum.clusters > 0)
        good = set_count(plan, "clusters", sum.clusters);
    if (good && sum.filter != NULL)
        good = json_object_set_new(plan, "filter", json_string(sum.filter)) == 0;
    if (good && s->explain)
        good = set_count(plan, "rescored", sum.rescored) && set_count(plan, "filter_rows", sum.filter_rows) &&
               set_number(plan, "encode_ms", sum.times.encode) &&
               set_number(plan, "filter_ms", sum.times.filter) &&
               set_number(plan, "scan_ms", sum.times.scan) &&
               set_number(plan, "rescore_ms", sum.times.rescore) &&
               set_number(plan, "fetch_ms", sum.times.fetch);
    if (good)
        return plan;
    json_decref(plan);
    return NULL;
}

static json_t *result_json(const struct search *s, size_t i)
{
    const struct answer *a = &s->answers[i];
    json_t *hits = json_array();
    bool good = hits != NULL;
    for (size_t j = 0; j < a->count && good; j++)
        good = json_array_append_new(hits, hit_json(s, a, j)) == 0;
    if (good)
        return json_pack("{s:o, s:o, s:o}", "hits", hits, "plan", plan_json(s, i), "next_cursor",
                         next_cursor(s));
    json_decref(hits);
    return NULL;
}

static json_t *results_json(const struct search *s)
{
    if (!s->several)
        return result_json(s, 0);
    json_t *results = json_array();
    for (size_t i = 0; i < s->n; i++)
        if (json_array_append_new(results, result_json(s, i)) != 0) {
            json_decref(results);
            return NULL;
        }
    return json_pack("{s:o}", "results", results);
}

/* Says by what the hits are ordered. */
static bool add_reranker(json_t *body, const struct engine_model *m)
{
    json_t *said = m != NULL
                       ? json_pack("{s:s, s:[]}", "reranker", m->bound, "warnings")
                       : json_pack("{s:n, s:[s]}", "reranker", "warnings",
                                   "no reranker is in use, so hits are in the order of the search itself; "
                                   "cognate model rerank chooses one");
    bool good = json_object_update(body, said) == 0;
    json_decref(said);
    return good;
}

void handle_search(struct api_call *call)
{
    struct search s = {.asked = call->body != NULL ? call->body : call->query};
    double start = clock_ms(), searched, answered;
    enum status status = read_search(&s, call);
    double parsed = clock_ms();
    if (status == STATUS_OK)
        status = run_search(&s, call);
    if (status == STATUS_OK)
        status = rerank(&s, call);
    if (status == STATUS_OK)
        status = find_passages(&s, call);
    searched = clock_ms();
    call->reply->search_ms = searched - parsed;
    if (status == STATUS_OK) {
        json_t *body = results_json(&s);
        answered = clock_ms();
        bool good = json_object_set_new(body, "took_ms", json_real(answered - start)) == 0;
        if (good && s.explain)
            good = json_object_set_new(body, "timings",
                                       json_pack("{s:f, s:f, s:f}", "parse_ms", parsed - start, "search_ms",
                                                 searched - parsed, "answer_ms", answered - searched)) == 0;
        if (good && s.rerank)
            good = add_reranker(body, s.reranker);
        if (!good) {
            json_decref(body);
            body = NULL;
        }
        call_answer(call, 200, body);
    }
    engine_let_go(call->engine, s.reranker);
    search_release(&s);
}

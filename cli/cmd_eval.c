#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/judged.h"
#include "cli/output.h"
#include "cli/search_mode.h"
#include "cli/table.h"
#include "server/handler.h"
#include "server/json_shape.h"

#define BATCH     32  /* queries a call */
#define DEPTH     100 /* documents looked at for a query */
#define NDCG_RANK 10
#define RELEVANT  0.5 /* a hit that is more likely right than not, as the model has it */

static const struct option options[] = {
    COLLECTION_OPTION("where the documents of corpus.jsonl are indexed"),
    {.name = "limit",
     .letter = 'k',
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "10",
     .least = 1,
     .most = DEPTH,
     .help = "the k of recall@k"},
    {.name = "mode",
     .type = OPTION_CHOICE,
     .value = "MODE",
     .choices = search_modes,
     .fallback = "semantic",
     .help = "how to search: semantic, keyword, hybrid or rrf (hybrid by reciprocal ranks)"},
    TABLE_FORMAT,
    {0},
};

static const struct example examples[] = {
    {"eval --mode hybrid data/samples", "what keywords add, beside the run without it"},
    {"eval data/samples", "after \"cognate index data/samples/corpus.jsonl\""},
    {0},
};

/* Of the first k hits of queries, how many have a relevance (those found by words have none), and how many
 * one that claims an answer. */
struct claims {
    size_t hits, relevant;
};

/* Sums of one pair of languages; a query with documents in several languages counts in several pairs. */
struct pair {
    struct text query_lang, document_lang; /* borrowed from the judged set */
    size_t queries;
    double recall, reciprocal, ndcg;
    struct claims with, without; /* the right documents */
};

struct scores {
    struct session *session;
    size_t mode; /* of search_modes */
    const struct judged *judged;
    size_t k;
    struct pair all, *pairs;
    size_t pair_count;
};

static struct pair *pair_of(struct scores *s, struct text query_lang, struct text document_lang)
{
    for (size_t i = 0; i < s->pair_count; i++)
        if (text_equal(s->pairs[i].query_lang, query_lang) &&
            text_equal(s->pairs[i].document_lang, document_lang))
            return &s->pairs[i];
    struct pair *grown = realloc(s->pairs, (s->pair_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    s->pairs = grown;
    grown[s->pair_count] = (struct pair){.query_lang = query_lang, .document_lang = document_lang};
    return &grown[s->pair_count++];
}

/* Rank of a document among the hits, from 1; 0 when it is not there. Hits that are right as well but not
 * asked for (of other languages) are left out of the count, so that pairs of languages do not push each other
 * down. */
static size_t rank_of(const struct judged *j, const struct judged_query *q, const json_t *hits,
                      struct text id, bool only_lang, struct text lang)
{
    size_t rank = 0;
    for (size_t i = 0; i < json_array_size(hits); i++) {
        struct text hit = shape_text(json_array_get(hits, i), "id");
        const struct judgement *right = judged_find(j, q, hit);
        if (only_lang && right != NULL && !text_equal(right->lang, lang))
            continue;
        rank++;
        if (text_equal(hit, id))
            return rank;
    }
    return 0;
}

/* Adds the first k hits: of a query that can be answered, and of one that cannot, since the right documents
 * are not in the collection. */
static void add_claims(const struct scores *s, struct claims *claims, const struct judged_query *q,
                       const json_t *hits, bool answerable, bool only_lang, struct text lang)
{
    for (size_t i = 0, shown = 0; i < json_array_size(hits) && shown < s->k; i++) {
        const json_t *hit = json_array_get(hits, i);
        const struct judgement *right = judged_find(s->judged, q, shape_text(hit, "id"));
        if (right != NULL && (!answerable || (only_lang && !text_equal(right->lang, lang))))
            continue;
        const json_t *relevance = json_object_get(hit, "relevance");
        shown++;
        claims->hits += json_is_number(relevance);
        claims->relevant += json_number_value(relevance) > RELEVANT;
    }
}

/* Järvelin and Kekäläinen 2002, with gain 2^grade - 1 as in most evaluations. */
static double gain(double grade, size_t rank)
{
    return (exp2(grade) - 1) / log2((double)rank + 1);
}

static int by_grade(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Adds one query's scores: over all its judgements, or those of one language. */
static enum status add_query(struct scores *s, struct pair *p, const struct judged_query *q,
                             const json_t *hits, bool only_lang, struct text lang, struct error *err)
{
    double *grades = calloc(q->count + 1, sizeof *grades), dcg = 0, ideal = 0;
    size_t relevant = 0, found = 0, first = 0;
    if (grades == NULL)
        return error_memory(err, "evaluating");
    for (size_t i = 0; i < q->count; i++) {
        const struct judgement *j = &s->judged->judgements[q->first + i];
        if (j->grade <= 0 || (only_lang && !text_equal(j->lang, lang)))
            continue;
        size_t rank = rank_of(s->judged, q, hits, j->document, only_lang, lang);
        grades[relevant++] = j->grade;
        found += rank > 0 && rank <= s->k;
        first = rank > 0 && (first == 0 || rank < first) ? rank : first;
        dcg += rank > 0 && rank <= NDCG_RANK ? gain(j->grade, rank) : 0;
    }
    qsort(grades, relevant, sizeof *grades, by_grade);
    for (size_t i = 0; i < relevant && i < NDCG_RANK; i++)
        ideal += gain(grades[i], i + 1);
    if (relevant > 0) {
        p->queries++;
        p->recall += (double)found / (double)(relevant < s->k ? relevant : s->k);
        p->reciprocal += first > 0 ? 1 / (double)first : 0;
        p->ndcg += dcg / ideal;
        add_claims(s, &p->with, q, hits, true, only_lang, lang);
        add_claims(s, &p->without, q, hits, false, only_lang, lang);
    }
    free(grades);
    return STATUS_OK;
}

static enum status score_query(struct scores *s, const struct judged_query *q, const json_t *hits,
                               struct error *err)
{
    const struct judgement *all = &s->judged->judgements[q->first];
    enum status status = add_query(s, &s->all, q, hits, false, (struct text){0}, err);
    for (size_t i = 0; i < q->count && status == STATUS_OK; i++) {
        bool before = false; /* this language was counted */
        for (size_t j = 0; j < i; j++)
            before = before || (all[j].grade > 0 && text_equal(all[j].lang, all[i].lang));
        if (before || all[i].grade <= 0)
            continue;
        struct pair *p = pair_of(s, q->lang, all[i].lang);
        status =
            p != NULL ? add_query(s, p, q, hits, true, all[i].lang, err) : error_memory(err, "evaluating");
    }
    return status;
}

/* ---- asking ---- */

static enum status ask_batch(struct scores *s, struct client *c, const char *path, size_t first, size_t n,
                             struct error *err)
{
    json_t *queries = json_array(), *answer = NULL;
    enum status status = queries != NULL ? STATUS_OK : error_memory(err, "evaluating");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct text text = s->judged->queries[first + i].text;
        if (json_array_append_new(queries, json_stringn(text.data, text.len)) != 0)
            status = error_memory(err, "evaluating");
    }
    json_t *body = status == STATUS_OK
                       ? json_pack("{s:O, s:i, s:[s]}", "queries", queries, "k", DEPTH, "fields", "relevance")
                       : NULL;
    if (status == STATUS_OK && body == NULL)
        status = error_memory(err, "evaluating");
    if (status == STATUS_OK)
        status = search_mode_set(body, s->mode, err);
    if (status == STATUS_OK)
        status = client_call(c, "POST", path, NULL, body, &answer, err);
    const json_t *results = json_object_get(answer, "results");
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = score_query(s, &s->judged->queries[first + i],
                             json_object_get(json_array_get(results, i), "hits"), err);
    json_decref(answer);
    json_decref(body);
    json_decref(queries);
    return status;
}

/* ---- printing ---- */

static int by_languages(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = text_compare(x->query_lang, y->query_lang);
    return order != 0 ? order : text_compare(x->document_lang, y->document_lang);
}

static double share_of(const struct claims *c)
{
    return c->hits > 0 ? (double)c->relevant / (double)c->hits : NAN;
}

static enum status print_pair(const struct scores *s, struct table *t, const struct pair *p,
                              struct error *err)
{
    double n = p->queries > 0 ? (double)p->queries : 1,
           means[] = {p->recall / n, p->reciprocal / n, p->ndcg / n, share_of(&p->with),
                      share_of(&p->without)};
    if (s->session->format == FORMAT_JSON)
        return output_json_new(
            json_pack("{s:s%, s:s%, s:I, s:I, s:f, s:f, s:f, s:o, s:o}", "query_lang", p->query_lang.data,
                      p->query_lang.len, "document_lang", p->document_lang.data, p->document_lang.len,
                      "queries", (json_int_t)p->queries, "k", (json_int_t)s->k, "recall", means[0], "mrr",
                      means[1], "ndcg_10", means[2], "relevant", number_or_null(means[3]), "relevant_without",
                      number_or_null(means[4])),
            err);
    enum status status = table_cell(t, p->query_lang, err);
    if (status == STATUS_OK)
        status = table_cell(t, p->document_lang, err);
    if (status == STATUS_OK)
        status = table_format(t, err, "%zu", p->queries);
    for (size_t i = 0; i < 5 && status == STATUS_OK; i++)
        status =
            isnan(means[i]) ? table_cell(t, (struct text){0}, err) : table_format(t, err, "%.4f", means[i]);
    return status;
}

static enum status print_scores(struct scores *s, struct error *err)
{
    char recall[32];
    snprintf(recall, sizeof recall, "recall@%zu", s->k);
    const struct column columns[] = {{"query", ALIGN_LEFT},     {"documents", ALIGN_LEFT},
                                     {"queries", ALIGN_RIGHT},  {recall, ALIGN_RIGHT},
                                     {"mrr", ALIGN_RIGHT},      {"ndcg@10", ALIGN_RIGHT},
                                     {"relevant", ALIGN_RIGHT}, {"without", ALIGN_RIGHT}};
    struct table t;
    table_init(&t, s->session, columns, sizeof columns / sizeof *columns);
    s->all.query_lang = s->all.document_lang = text_of("all");
    if (s->pair_count > 0)
        qsort(s->pairs, s->pair_count, sizeof *s->pairs, by_languages);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < s->pair_count && status == STATUS_OK; i++)
        status = print_pair(s, &t, &s->pairs[i], err);
    if (status == STATUS_OK)
        status = print_pair(s, &t, &s->all, err);
    if (status == STATUS_OK && s->session->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct judged judged = {0};
    struct scores scores = {.session = s,
                            .judged = &judged,
                            .mode = arguments_choice(a, "mode"),
                            .k = arguments_count(a, "limit")};
    struct client *c = NULL;
    struct buf path;
    buf_init(&path, 4096);
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    enum status status = judged_read(&judged, a->operands[0], err);
    if (status == STATUS_OK)
        status = client_collection_path(&path, arguments_text(a, "collection"), "/search", err);
    if (status == STATUS_OK)
        status = client_open(s, STORE_READ, &c, err);
    for (size_t i = 0; i < judged.query_count && status == STATUS_OK; i += BATCH)
        status = ask_batch(&scores, c, path.data, i,
                           judged.query_count - i < BATCH ? judged.query_count - i : BATCH, err);
    if (status == STATUS_OK)
        status = print_scores(&scores, err);
    client_close(c);
    free(scores.pairs);
    judged_release(&judged);
    buf_release(&path);
    return status != STATUS_OK ? OUTCOME_ERROR : scores.all.queries > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_eval = {
    .name = "eval",
    .operands = "FOLDER",
    .summary = "measure search on judged queries, by pair of languages",
    .details =
        "FOLDER holds queries.jsonl (_id, text and a language), qrels.tsv (query-id, corpus-id, "
        "score) and corpus.jsonl, "
        "from which the documents' languages are read; the collection must hold the documents of "
        "corpus.jsonl. For each "
        "pair of the query's and the documents' language: recall@k (of at most k that can be found), "
        "mean reciprocal "
        "rank of the first right document within the first 100, and nDCG@10. In a pair, right "
        "documents of other "
        "languages are left out of the ranking.\n\n"
        "\"relevant\" is the share of the first k hits with a relevance above 0.5, and \"without\" the "
        "same when the right documents are taken out of the answers, as if the collection did not have "
        "them: the lower, the sooner a query without an answer is seen to have none.",
    .options = options,
    .examples = examples,
    .least = 1,
    .most = 1,
    .run = run,
};

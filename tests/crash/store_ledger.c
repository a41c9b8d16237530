#include "store_ledger.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- documents ---- */

static uint64_t mixed(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

static void vector_of(unsigned model, unsigned document, unsigned version, unsigned passage, float *out)
{
    double square = 0;
    uint64_t x = mixed(model + 1) + mixed(document + 100) + mixed(version + 1000) + mixed(passage + 10);
    for (size_t j = 0; j < LEDGER_WIDTH; j++) {
        x = mixed(x + j + 1);
        out[j] = (float)((double)(x >> 40) / (1 << 23) - 1);
        square += (double)out[j] * out[j];
    }
    for (size_t j = 0; j < LEDGER_WIDTH; j++)
        out[j] = (float)(out[j] / sqrt(square));
}

static unsigned passages_of(unsigned version)
{
    return 1 + version % 2;
}

/* A word of letters alone, so that no other is a piece of it. */
static void word_of(unsigned version, char out[16])
{
    size_t n = (size_t)snprintf(out, 16, "w%u", version);
    for (size_t i = 1; i < n; i++)
        out[i] = (char)(out[i] - '0' + 'a');
}

void ledger_row(const struct ledger *l, unsigned document, struct ledger_row *out)
{
    unsigned version = l->version[document];
    char word[16];
    word_of(version, word);
    snprintf(out->id, sizeof out->id, "d%02u", document);
    int length = snprintf(out->text, sizeof out->text, "Document %u tells of calm seas, of %s. %*s", document,
                          word, (int)(version % 5 * 60 + 6), "ferry");
    snprintf(out->metadata, sizeof out->metadata, "{\"note\":%u,\"kind\":\"%s\"}", l->note[document],
             document % 2 != 0 ? "odd" : "even");
    out->row = (struct document_row){.id = text_of(out->id),
                                     .title = text_of(document % 4 == 0 ? "Log book" : ""),
                                     .lang = text_of(document % 3 == 0 ? "de" : "en"),
                                     .text = {out->text, (size_t)length},
                                     .metadata = text_of(out->metadata),
                                     .passages = out->passages,
                                     .passage_count = passages_of(version)};
    snprintf((char *)out->row.content_hash, sizeof out->row.content_hash, "%u of %u", version, document);
    for (unsigned p = 0; p < passages_of(version); p++) {
        vector_of(l->model, document, version, p, out->vectors[p]);
        out->passages[p] =
            (struct passage_row){.start = p, .end = (size_t)length, .tokens = 9, .vector = out->vectors[p]};
        if (p == 1)
            memcpy(out->passages[p].lang, "it", 2);
    }
}

unsigned ledger_document(struct text id)
{
    for (unsigned i = 0; i < LEDGER_DOCUMENTS; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%02u", i);
        if (text_is(id, name))
            return i;
    }
    return LEDGER_DOCUMENTS;
}

void ledger_settings(const struct ledger *l, const char *name, struct collection_settings *out)
{
    *out = (struct collection_settings){.name = text_of(name),
                                        .model = text_of(l->model == 0 ? "first" : "second"),
                                        .space_id = {(unsigned char)l->model, 1, 2},
                                        .width = LEDGER_WIDTH,
                                        .passage_tokens = 200,
                                        .passage_overlap = 40};
}

static bool same_document(const struct document *d, const struct ledger_row *wanted)
{
    return text_equal(d->id, wanted->row.id) && text_equal(d->title, wanted->row.title) &&
           text_equal(d->lang, wanted->row.lang) && text_equal(d->text, wanted->row.text) &&
           text_equal(d->metadata, wanted->row.metadata) && d->passages == wanted->row.passage_count;
}

enum status ledger_holds(const struct ledger *l, struct collection *c, bool *out, struct error *err)
{
    struct document *documents = NULL;
    struct ledger_row wanted;
    size_t n = 0, at = 0;
    enum status status =
        collection_documents(c, text_of(""), LEDGER_DOCUMENTS + 1, true, &documents, &n, err);
    if (status != STATUS_OK)
        return status;
    bool same = true;
    for (unsigned i = 0; i < LEDGER_DOCUMENTS && same; i++) {
        if (l->version[i] == 0)
            continue;
        ledger_row(l, i, &wanted);
        same = at < n && same_document(&documents[at++], &wanted);
    }
    *out = same && at == n;
    documents_free(documents, n);
    return STATUS_OK;
}

/* ---- searches ---- */

struct ranked {
    unsigned document;
    double cosine;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->cosine != y->cosine)
        return x->cosine < y->cosine ? 1 : -1;
    return x->document < y->document ? -1 : 1;
}

static double best_cosine(const struct ledger *l, unsigned document, const float *query)
{
    double best = -2;
    for (unsigned p = 0; p < passages_of(l->version[document]); p++) {
        float vector[LEDGER_WIDTH];
        double dot = 0, a = 0, b = 0;
        vector_of(l->model, document, l->version[document], p, vector);
        for (size_t j = 0; j < LEDGER_WIDTH; j++) {
            dot += (double)vector[j] * query[j];
            a += (double)vector[j] * vector[j];
            b += (double)query[j] * query[j];
        }
        best = fmax(best, dot / sqrt(a * b));
    }
    return best;
}

/* Comparison with everything there is. */
static size_t rank(const struct ledger *l, const float *query, bool odd_only, struct ranked *out)
{
    size_t n = 0;
    for (unsigned i = 0; i < LEDGER_DOCUMENTS; i++)
        if (l->version[i] != 0 && (i % 2 != 0 || !odd_only))
            out[n++] = (struct ranked){i, best_cosine(l, i, query)};
    qsort(out, n, sizeof *out, by_rank);
    return n;
}

static bool found_nearest(const struct hits *hits, const struct ranked *wanted, size_t n)
{
    bool same = hits->exact && hits->count == n;
    for (size_t i = 0; i < n && same; i++)
        same = ledger_document(hits->items[i].id) == wanted[i].document &&
               fabs(hits->items[i].cosine - wanted[i].cosine) < 1e-9;
    return same;
}

static bool has_word(const struct hits *hits, unsigned document)
{
    for (size_t i = 0; i < hits->count; i++)
        if (ledger_document(hits->items[i].id) == document)
            return hits->items[i].bm25 > 0;
    return false;
}

/* Documents of one version are those that have its word in their text. */
static bool found_word(const struct ledger *l, const struct hits *hits, unsigned version, bool nothing_else)
{
    size_t n = 0;
    for (unsigned i = 0; i < LEDGER_DOCUMENTS && version != 0; i++) {
        if (l->version[i] == version && !has_word(hits, i))
            return false;
        n += l->version[i] == version;
    }
    return hits->count == n || !nothing_else;
}

enum status ledger_searches(const struct ledger *l, struct collection *c, unsigned round, bool *out,
                            struct error *err)
{
    struct ranked all[LEDGER_DOCUMENTS], odd[LEDGER_DOCUMENTS];
    float query[LEDGER_WIDTH];
    char word[16];
    unsigned version = l->version[round % LEDGER_DOCUMENTS];
    struct filter_value kind = {.type = FILTER_STRING, .string = text_of("odd")};
    struct filter filter = {
        .kind = FILTER_FIELD, .field = text_of("kind"), .op = OP_IN, .values = &kind, .value_count = 1};
    vector_of(l->model, round % LEDGER_DOCUMENTS, round, 0, query);
    word_of(version, word);
    struct search_query plain = {.vector = query, .k = LEDGER_DOCUMENTS, .min_cosine = -2}, queries[4];
    for (size_t i = 0; i < 4; i++)
        queries[i] = plain;
    queries[1].filter = &filter;
    queries[2].mode = SEARCH_KEYWORD;
    queries[3].mode = SEARCH_HYBRID;
    queries[2].words = queries[3].words = text_of(word);
    struct hits hits[4] = {0};
    enum status status = collection_search(c, queries, 4, hits, err);
    if (status != STATUS_OK)
        return status;
    *out = found_nearest(&hits[0], all, rank(l, query, false, all)) &&
           found_nearest(&hits[1], odd, rank(l, query, true, odd)) &&
           found_word(l, &hits[2], version, true) && found_word(l, &hits[3], version, false);
    for (size_t i = 0; i < 4; i++)
        hits_release(&hits[i]);
    return STATUS_OK;
}

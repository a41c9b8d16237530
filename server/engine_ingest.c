#include "server/engine_state.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tokenizer/language.h"

/* One call of engine_ingest on its way. Rows are the documents that passed the checks; document of row r is
 * origins[r]. */
struct ingest {
    struct engine *e;
    const struct engine_model *model; /* of the collection, held */
    struct loaded *m;                 /* the same */
    const struct ingest_document *documents;
    struct ingest_result *results;
    struct collection *collection;
    uint32_t passage_tokens, passage_overlap;
    size_t rows;
    size_t *origins;
    struct language *languages; /* detected, one a document */
    struct document_row *row;
    bool *embed; /* the row's vectors are not in the collection yet */
    struct put_result *put;
    struct passage_row *passages; /* of all rows; row r's begin at firsts[r] */
    size_t passage_count, passage_room;
    size_t *firsts; /* rows + 1 */
    struct encoding encoding, scratch;
    struct passages cut;
    struct sequences sequences;
};

/* ---- rows ---- */

/* RFC 9562, version 7: milliseconds since 1970, then random bits. */
static enum status make_id(char out[37], struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char b[16];
    struct timespec now;
    size_t at = 0;
    if (getrandom(b, sizeof b, 0) != sizeof b)
        return error_system(err, errno, "read", "random bytes");
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = digits[b[i] >> 4];
        out[at++] = digits[b[i] & 15];
    }
    out[at] = '\0';
    return STATUS_OK;
}

static void hash_text(struct sha256_ctx *hash, struct text text)
{
    uint64_t length = text.len;
    sha256_update(hash, sizeof length, (const uint8_t *)&length);
    sha256_update(hash, text.len, (const uint8_t *)text.data);
}

/* Of everything that decides how a document is cut and what its passages say. */
static void content_hash(const struct ingest *g, const struct document_row *row, unsigned char out[32])
{
    struct sha256_ctx hash;
    uint32_t sizes[2] = {g->passage_tokens, g->passage_overlap};
    sha256_init(&hash);
    sha256_update(&hash, sizeof sizes, (const uint8_t *)sizes);
    hash_text(&hash, row->lang);
    hash_text(&hash, row->title);
    hash_text(&hash, row->text);
    sha256_digest(&hash, 32, out);
}

static enum status check_document(const struct ingest_document *d, struct error *err)
{
    enum status status = check_text(d->id, "id", "the id", err);
    if (status == STATUS_OK)
        status = check_text(d->title, "title", "the title", err);
    if (status == STATUS_OK)
        status = check_text(d->lang, "lang", "the language", err);
    if (status == STATUS_OK)
        status = check_text(d->metadata, "metadata", "the metadata", err);
    if (status == STATUS_OK && d->text.len > ENGINE_DOCUMENT_BYTES)
        status = error_field(err, STATUS_TOO_LARGE, "text",
                             "the text has %zu bytes, at most %d are allowed; split it", d->text.len,
                             ENGINE_DOCUMENT_BYTES);
    if (status == STATUS_OK)
        status = check_text(d->text, "text", "the text", err);
    return status;
}

/* Row of document i; a document at fault fails alone. */
static void add_row(struct ingest *g, size_t i)
{
    const struct ingest_document *d = &g->documents[i];
    struct ingest_result *result = &g->results[i];
    struct document_row *row = &g->row[g->rows];
    enum status status = check_document(d, &result->error);
    if (status == STATUS_OK && d->id.len >= sizeof result->id)
        status =
            error_field(&result->error, STATUS_INVALID, "id", "the id has %zu bytes, at most %zu are allowed",
                        d->id.len, sizeof result->id - 1);
    if (status == STATUS_OK && d->id.len > 0)
        memcpy(result->id, d->id.data, d->id.len);
    else if (status == STATUS_OK)
        status = make_id(result->id, &result->error);
    if (status != STATUS_OK) {
        result->outcome = PUT_FAILED;
        return;
    }
    *row = (struct document_row){.id = d->id.len > 0 ? d->id : text_of(result->id),
                                 .title = d->title,
                                 .lang = d->lang,
                                 .text = d->text,
                                 .metadata = d->metadata,
                                 .expires = d->expires};
    if (row->lang.len == 0) {
        language_detect(d->text, &g->languages[i]);
        row->lang = text_of(g->languages[i].tag);
    }
    content_hash(g, row, row->content_hash);
    g->origins[g->rows++] = i;
}

/* ---- passages ---- */

/* prompt, title, line end: what stands before each passage of a document. Of the title at most a quarter of
 * the passage's tokens. The result is the caller's to free. */
static enum status prefix_of(struct ingest *g, struct text title, char **out, size_t *len, struct error *err)
{
    struct text prompt = prompt_of(g->m, INPUT_DOCUMENT);
    if (title.len > 0) {
        enum status status = tokenizer_encode(g->m->tokenizer, &g->encoding, (struct text){0}, title, err);
        if (status != STATUS_OK)
            return status;
        if (g->encoding.count > g->passage_tokens / 4)
            title.len = g->encoding.tokens[g->passage_tokens / 4].start;
    }
    char *prefix = malloc(prompt.len + title.len + 1);
    if (prefix == NULL)
        return error_memory(err, "cutting a document");
    size_t n = prompt.len;
    memcpy(prefix, prompt.data, prompt.len);
    if (title.len > 0) {
        memcpy(prefix + n, title.data, title.len);
        n += title.len;
        prefix[n++] = '\n';
    }
    *out = prefix;
    *len = n;
    return STATUS_OK;
}

static enum status add_passage(struct ingest *g, const struct document_row *row, struct passage p,
                               struct error *err)
{
    uint32_t dropped;
    if (g->passage_count == g->passage_room) {
        size_t room = g->passage_room < 64 ? 64 : g->passage_room * 2;
        struct passage_row *rows = realloc(g->passages, room * sizeof *rows);
        if (rows == NULL)
            return error_memory(err, "cutting a document");
        g->passages = rows;
        g->passage_room = room;
    }
    g->passages[g->passage_count] = (struct passage_row){.start = p.start, .end = p.end, .tokens = p.tokens};
    language_of_passage((struct text){row->text.data + p.start, p.end - p.start}, row->lang,
                        g->passages[g->passage_count].lang);
    enum status status = add_sequence(g->m, &g->sequences, &g->encoding, &dropped, err);
    if (status == STATUS_OK && dropped > 0)
        status =
            error_set(err, STATUS_INTERNAL, "a passage has %u tokens more than the model takes", dropped);
    if (status == STATUS_OK)
        g->passage_count++;
    return status;
}

/* Cuts row r and sends its passages to the encoder. */
static enum status cut_row(struct ingest *g, size_t r, struct error *err)
{
    const struct document_row *row = &g->row[r];
    const struct tokenizer *t = g->m->tokenizer;
    const struct passage_options options = {
        .max_tokens = g->passage_tokens,
        .overlap_tokens = g->passage_overlap > 0 ? g->passage_overlap : UINT32_MAX,
    };
    struct ingest_result *result = &g->results[g->origins[r]];
    char *bytes = NULL;
    struct text prefix = {0};
    enum status status = prefix_of(g, row->title, &bytes, &prefix.len, err);
    prefix.data = bytes;
    if (status == STATUS_OK)
        status = tokenizer_encode(t, &g->encoding, prefix, (struct text){0}, err);
    if (status == STATUS_OK)
        status = passages_cut(t, &g->scratch, row->text, row->lang, &options,
                              (uint32_t)g->encoding.count + special_tokens(g->m), &g->cut, err);
    for (size_t i = 0; i < g->cut.count && status == STATUS_OK; i++) {
        struct passage p = g->cut.items[i];
        struct text stretch = {row->text.data + p.start, p.end - p.start};
        status = tokenizer_encode(t, &g->encoding, prefix, stretch, err);
        if (status == STATUS_OK)
            status = add_passage(g, row, p, err);
        result->tokens += (uint32_t)g->encoding.count + special_tokens(g->m);
    }
    free(bytes);
    return status;
}

/* The vectors that row r brought along, when they are of the collection's space. */
static const struct ingest_vectors *given_vectors(const struct ingest *g, size_t r)
{
    const struct ingest_vectors *v = g->documents[g->origins[r]].vectors;
    return v != NULL && v->width == g->model->info->width &&
                   memcmp(v->space_id, g->model->space_id, sizeof v->space_id) == 0
               ? v
               : NULL;
}

static bool is_border(struct text text, size_t at)
{
    return at == text.len || (at < text.len && ((unsigned char)text.data[at] & 0xc0) != 0x80);
}

/* Tells languages of passages that came without. What is no stretch of the text is for collection_put to
 * refuse. */
static void name_given(const struct document_row *row, const struct ingest_vectors *given)
{
    for (size_t i = 0; i < given->count; i++) {
        struct passage_row *p = &given->passages[i];
        if (p->lang[0] == '\0' && p->start <= p->end && is_border(row->text, p->start) &&
            is_border(row->text, p->end))
            language_of_passage((struct text){row->text.data + p->start, p->end - p->start}, row->lang,
                                p->lang);
    }
}

/* Embeds the rows that need it. A document without text has no passage; collection_put would refuse it, and
 * says less than is known here. */
static enum status embed_rows(struct ingest *g, struct error *err)
{
    enum status status = STATUS_OK;
    size_t width = g->sequences.width;
    for (size_t r = 0; r < g->rows && status == STATUS_OK; r++) {
        g->firsts[r] = g->passage_count;
        g->row[r].reuse = !g->embed[r];
        if (g->embed[r] && given_vectors(g, r) == NULL)
            status = cut_row(g, r, err);
    }
    g->firsts[g->rows] = g->passage_count;
    if (status == STATUS_OK)
        status = sequences_finish(&g->sequences, err);
    for (size_t i = 0; i < g->passage_count && status == STATUS_OK; i++)
        g->passages[i].vector = g->sequences.vectors + i * width;
    size_t kept = 0;
    for (size_t r = 0; r < g->rows && status == STATUS_OK; r++) {
        struct ingest_result *result = &g->results[g->origins[r]];
        const struct ingest_vectors *given = g->embed[r] ? given_vectors(g, r) : NULL;
        size_t count = given != NULL ? given->count : g->firsts[r + 1] - g->firsts[r];
        if (g->embed[r] && count == 0) {
            error_field(&result->error, STATUS_INVALID, "text", "the text is empty; leave the document out");
            result->outcome = PUT_FAILED;
            continue;
        }
        if (given != NULL)
            name_given(&g->row[r], given);
        g->row[r].passages = given != NULL ? given->passages : count > 0 ? g->passages + g->firsts[r] : NULL;
        g->row[r].passage_count = count;
        g->row[kept] = g->row[r];
        g->origins[kept++] = g->origins[r];
    }
    g->rows = kept;
    return status;
}

/* ---- the call ---- */

/* Holds the model of a collection until ingest_release. */
static enum status hold_model(struct ingest *g, const struct collection_settings *settings, struct error *err)
{
    enum status status = engine_hold_space(g->e, settings->space_id, &g->model, err);
    if (status != STATUS_OK)
        return status;
    g->m = loaded_of(g->model);
    return check_space(g->model, settings, err);
}

/* The collection, made when it is missing. */
static enum status open_collection(struct ingest *g, struct text name, struct error *err)
{
    struct engine *e = g->e;
    struct collection_info about = {0};
    struct error missing = {0};
    enum status status = store_collection_open(e->store, name, &g->collection, &missing);
    if (status == STATUS_NOT_FOUND) {
        status = engine_collection_create(e, name, (struct text){0}, &(struct passage_options){0}, true, err);
        if (status == STATUS_OK || status == STATUS_CONFLICT) /* another call made it meanwhile */
            status = store_collection_open(e->store, name, &g->collection, err);
    } else if (status != STATUS_OK) {
        status = error_set(err, status, "%s", missing.text);
    }
    if (status == STATUS_OK)
        status = collection_info(g->collection, &about, err);
    if (status != STATUS_OK)
        return status;
    g->passage_tokens = about.settings.passage_tokens;
    g->passage_overlap = about.settings.passage_overlap;
    status = hold_model(g, &about.settings, err);
    collection_info_release(&about);
    return status;
}

static enum status make_room(struct ingest *g, size_t n, struct error *err)
{
    g->row = calloc(n + 1, sizeof *g->row);
    g->origins = calloc(n + 1, sizeof *g->origins);
    g->languages = calloc(n + 1, sizeof *g->languages);
    g->firsts = calloc(n + 1, sizeof *g->firsts);
    g->embed = calloc(n + 1, sizeof *g->embed);
    g->put = calloc(n + 1, sizeof *g->put);
    return g->row != NULL && g->origins != NULL && g->languages != NULL && g->firsts != NULL &&
                   g->embed != NULL && g->put != NULL
               ? STATUS_OK
               : error_memory(err, "taking documents in");
}

static void ingest_release(struct ingest *g)
{
    engine_let_go(g->e, g->model);
    collection_release(g->collection);
    passages_release(&g->cut);
    encoding_release(&g->scratch);
    encoding_release(&g->encoding);
    free(g->passages);
    free(g->put);
    free(g->embed);
    free(g->firsts);
    free(g->languages);
    free(g->origins);
    free(g->row);
}

/* Rows as they were given, all to be embedded for a spare space. */
static enum status fill(struct ingest *g, const struct document_row *rows, size_t n, struct error *err)
{
    enum status status = make_room(g, n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        g->row[i] = rows[i];
        g->embed[i] = true;
        g->origins[i] = i;
    }
    g->rows = n;
    if (status == STATUS_OK)
        status = embed_rows(g, err);
    return status == STATUS_OK ? collection_fill(g->collection, g->row, g->rows, err) : status;
}

enum status engine_fill(struct engine *e, struct text collection, const struct document_row *rows, size_t n,
                        const atomic_bool *cancelled, struct error *err)
{
    struct ingest g = {.e = e};
    struct collection_info about = {0};
    enum status status = store_spare_open(e->store, collection, &g.collection, err);
    if (status == STATUS_OK)
        status = collection_info(g.collection, &about, err);
    if (status == STATUS_OK)
        status = hold_model(&g, &about.settings, err);
    g.passage_tokens = about.settings.passage_tokens;
    g.passage_overlap = about.settings.passage_overlap;
    collection_info_release(&about);
    g.documents = calloc(n + 1, sizeof *g.documents);
    g.results = calloc(n + 1, sizeof *g.results);
    if (status == STATUS_OK && (g.documents == NULL || g.results == NULL))
        status = error_memory(err, "embedding");
    if (status == STATUS_OK)
        status = batcher_enter(g.m->batcher, err);
    if (status == STATUS_OK) {
        sequences_init(&g.sequences, g.m->batcher, g.m->about.info->width, true, 0, cancelled);
        status = fill(&g, rows, n, err);
        sequences_release(&g.sequences);
        batcher_leave(g.m->batcher);
    }
    free((struct ingest_document *)(uintptr_t)g.documents);
    free(g.results);
    ingest_release(&g);
    return status;
}

/* While a collection changes its model, what is written goes into both spaces. Failing here costs nothing:
 * the change waits for whatever is missing. */
static void write_twice(struct ingest *g, struct text name, const atomic_bool *cancelled)
{
    struct collection *spare = NULL;
    size_t n = 0;
    if (store_spare_open(g->e->store, name, &spare, NULL) != STATUS_OK)
        return;
    collection_release(spare);
    for (size_t r = 0; r < g->rows; r++)
        if (g->put[r].outcome == PUT_CREATED || g->put[r].outcome == PUT_UPDATED)
            g->row[n++] = g->row[r];
    engine_fill(g->e, name, g->row, n, cancelled, NULL);
}

static enum status ingest(struct ingest *g, size_t n, enum put_mode mode, struct error *err)
{
    enum status status = make_room(g, n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        add_row(g, i);
    if (status == STATUS_OK)
        status = collection_plan(g->collection, g->row, g->rows, g->embed, err);
    if (status == STATUS_OK)
        status = embed_rows(g, err);
    if (status == STATUS_OK)
        status = collection_put(g->collection, g->row, g->rows, mode, g->put, err);
    for (size_t r = 0; r < g->rows && status == STATUS_OK; r++) {
        struct ingest_result *result = &g->results[g->origins[r]];
        result->outcome = g->put[r].outcome;
        result->passages = g->put[r].passages;
        result->error = g->put[r].error;
    }
    return status;
}

static enum status attempt(struct engine *e, struct text collection, const struct ingest_document *documents,
                           size_t n, enum put_mode mode, int64_t deadline_ms, const atomic_bool *cancelled,
                           struct ingest_result *results, struct error *err)
{
    struct ingest g = {.e = e, .documents = documents, .results = results};
    enum status status = need_store(e, err);
    if (status == STATUS_OK)
        status = open_collection(&g, collection, err);
    if (status == STATUS_OK)
        status = batcher_enter(g.m->batcher, err);
    if (status != STATUS_OK) {
        ingest_release(&g);
        return status;
    }
    memset(results, 0, n * sizeof *results);
    sequences_init(&g.sequences, g.m->batcher, g.m->about.info->width, true, deadline_ms, cancelled);
    status = ingest(&g, n, mode, err);
    sequences_release(&g.sequences);
    batcher_leave(g.m->batcher);
    if (status == STATUS_OK)
        write_twice(&g, collection, cancelled);
    ingest_release(&g);
    return status;
}

enum status engine_ingest(struct engine *e, struct text collection, const struct ingest_document *documents,
                          size_t n, enum put_mode mode, int64_t deadline_ms, const atomic_bool *cancelled,
                          struct ingest_result *results, struct error *err)
{
    struct error first = {0};
    enum status status = attempt(e, collection, documents, n, mode, deadline_ms, cancelled, results, &first);
    if (status == STATUS_CONFLICT) /* the collection changed its model on the way */
        return attempt(e, collection, documents, n, mode, deadline_ms, cancelled, results, err);
    if (status != STATUS_OK && err != NULL && err->status == STATUS_OK)
        *err = first;
    return status;
}

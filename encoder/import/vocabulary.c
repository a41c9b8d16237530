#include "encoder/import/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/grow.h"

#define CHUNK     ((size_t)1 << 16)
#define MOST_GAPS ((size_t)1 << 16) /* numbers without a piece, beside as many as there are pieces */

struct vocabulary_chunk {
    struct vocabulary_chunk *next;
    size_t used, size;
    char bytes[];
};

void vocabulary_init(struct vocabulary *v)
{
    *v = (struct vocabulary){.start = -1, .end = -1, .unknown = -1, .padding = -1};
}

void vocabulary_release(struct vocabulary *v)
{
    for (struct vocabulary_chunk *c = v->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(v->pieces);
    free(v->merges);
    *v = (struct vocabulary){0};
}

struct text vocabulary_keep(struct vocabulary *v, struct text text)
{
    struct vocabulary_chunk *c = v->chunks;
    if (text.len == 0)
        return text_of("");
    if (c == NULL || c->size - c->used < text.len) {
        size_t size = text.len > CHUNK ? text.len : CHUNK;
        c = size < SIZE_MAX - sizeof *c ? malloc(sizeof *c + size) : NULL;
        if (c == NULL)
            return (struct text){NULL, 0};
        *c = (struct vocabulary_chunk){.next = v->chunks, .size = size};
        v->chunks = c;
    }
    char *copy = c->bytes + c->used;
    memcpy(copy, text.data, text.len);
    c->used += text.len;
    return (struct text){copy, text.len};
}

enum status vocabulary_add(struct vocabulary *v, struct text text, float score, enum vocabulary_type type,
                           struct error *err)
{
    struct vocabulary_piece *more = grown(v->pieces, v->count, &v->capacity, sizeof *more);
    if (more != NULL)
        v->pieces = more;
    struct text copy = vocabulary_keep(v, text);
    if (more == NULL || copy.data == NULL)
        return error_memory(err, "reading a vocabulary");
    v->pieces[v->count++] = (struct vocabulary_piece){copy, score, (int32_t)type};
    return STATUS_OK;
}

enum status vocabulary_add_gap(struct vocabulary *v, struct error *err)
{
    char name[32];
    snprintf(name, sizeof name, "[PAD%zu]", v->count);
    return vocabulary_add(v, text_of(name), 0, VOCABULARY_UNUSED, err);
}

enum status vocabulary_add_merge(struct vocabulary *v, struct text text, struct error *err)
{
    struct text *more = grown(v->merges, v->merge_count, &v->merge_capacity, sizeof *more);
    if (more != NULL)
        v->merges = more;
    struct text copy = vocabulary_keep(v, text);
    if (more == NULL || copy.data == NULL)
        return error_memory(err, "reading a vocabulary");
    v->merges[v->merge_count++] = copy;
    return STATUS_OK;
}

struct entry {
    struct text text;
    json_int_t id;
};

static int by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static enum status damaged(const char *path, const char *what, struct error *err)
{
    return error_set(err, STATUS_CORRUPT, "%s: %s; fetch the model again", path, what);
}

static enum status list_entries(const json_t *pieces, const char *path, struct entry *entries,
                                struct error *err)
{
    const char *key;
    json_t *number;
    size_t n = 0;
    json_object_foreach((json_t *)pieces, key, number)
    {
        json_int_t id = json_is_integer(number) ? json_integer_value(number) : -1;
        if (id < 0 || id >= (json_int_t)(2 * json_object_size(pieces) + MOST_GAPS))
            return damaged(path, "a piece that is not numbered", err);
        entries[n++] = (struct entry){text_of(key), id};
    }
    qsort(entries, n, sizeof *entries, by_id);
    return STATUS_OK;
}

enum status vocabulary_add_numbered(struct vocabulary *v, const char *path, const json_t *pieces,
                                    struct error *err)
{
    size_t count = json_object_size(pieces);
    if (count == 0 || count > VOCABULARY_PIECES)
        return damaged(path, "its vocabulary is no object, or empty, or too large", err);
    struct entry *entries = calloc(count, sizeof *entries);
    if (entries == NULL)
        return error_memory(err, "reading a vocabulary");
    enum status status = list_entries(pieces, path, entries, err);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if ((json_int_t)v->count > entries[i].id)
            status = damaged(path, "two pieces of one number", err);
        while (status == STATUS_OK && (json_int_t)v->count < entries[i].id)
            status = vocabulary_add_gap(v, err);
        if (status == STATUS_OK)
            status = vocabulary_add(v, entries[i].text, 0, VOCABULARY_NORMAL, err);
    }
    free(entries);
    return status;
}

int32_t vocabulary_find(const struct vocabulary *v, struct text text)
{
    for (size_t i = 0; i < v->count; i++)
        if (text_equal(v->pieces[i].text, text))
            return (int32_t)i;
    return -1;
}

enum status vocabulary_mark_words(struct vocabulary *v, struct error *err)
{
    struct buf marked;
    enum status status = STATUS_OK;
    buf_init(&marked, SIZE_MAX);
    for (size_t i = 0; i < v->count && status == STATUS_OK; i++) {
        struct text *piece = &v->pieces[i].text;
        if (v->pieces[i].type != VOCABULARY_NORMAL)
            continue;
        if (piece->len > 2 && memcmp(piece->data, "##", 2) == 0) {
            *piece = (struct text){piece->data + 2, piece->len - 2};
            continue;
        }
        buf_clear(&marked);
        status = buf_append(&marked, "\u2581", 3, err);
        if (status == STATUS_OK)
            status = buf_append(&marked, piece->data, piece->len, err);
        if (status == STATUS_OK && (*piece = vocabulary_keep(v, buf_text(&marked))).data == NULL)
            status = error_memory(err, "reading a vocabulary");
    }
    buf_release(&marked);
    return status;
}

static void put_id(struct gguf_writer *w, const char *key, int32_t id)
{
    if (id >= 0)
        gguf_put_u32(w, key, (uint32_t)id);
}

/* The lists of pieces, `rows` long. */
struct lists {
    struct text *texts;
    float *scores;
    int32_t *types;
    char (*unused)[24]; /* texts of the pieces that fill up the rows */
};

static enum status make_lists(const struct vocabulary *v, uint64_t rows, struct lists *l, struct error *err)
{
    size_t fill = rows - v->count;
    l->texts = calloc(rows, sizeof *l->texts);
    l->scores = calloc(rows, sizeof *l->scores);
    l->types = calloc(rows, sizeof *l->types);
    l->unused = calloc(fill + 1, sizeof *l->unused);
    if (l->texts == NULL || l->scores == NULL || l->types == NULL || l->unused == NULL)
        return error_memory(err, "writing a vocabulary");
    for (size_t i = 0; i < v->count; i++) {
        l->texts[i] = v->pieces[i].text;
        l->scores[i] = v->pieces[i].score;
        l->types[i] = v->pieces[i].type;
    }
    for (size_t i = 0; i < fill; i++) {
        snprintf(l->unused[i], sizeof l->unused[i], "[PAD%zu]", v->count + i);
        l->texts[v->count + i] = text_of(l->unused[i]);
        l->types[v->count + i] = VOCABULARY_UNUSED;
    }
    return STATUS_OK;
}

static void free_lists(struct lists *l)
{
    free(l->texts);
    free(l->scores);
    free(l->types);
    free(l->unused);
}

enum status vocabulary_write(const struct vocabulary *v, uint64_t rows, struct gguf_writer *w,
                             struct error *err)
{
    struct lists l = {0};
    if (v->count > rows || v->count == 0)
        return error_set(err, STATUS_INVALID, "the tokenizer has %zu pieces and the model %llu rows for them",
                         v->count, (unsigned long long)rows);
    enum status status = make_lists(v, rows, &l, err);
    if (status == STATUS_OK) {
        gguf_put_text(w, "tokenizer.ggml.model", text_of(v->kind));
        gguf_put_texts(w, "tokenizer.ggml.tokens", l.texts, rows);
        gguf_put_array(w, "tokenizer.ggml.token_type", GGUF_I32, l.types, rows);
        put_id(w, "tokenizer.ggml.bos_token_id", v->start);
        put_id(w, "tokenizer.ggml.eos_token_id", v->end);
        put_id(w, "tokenizer.ggml.unknown_token_id", v->unknown);
        put_id(w, "tokenizer.ggml.padding_token_id", v->padding);
        gguf_put_bool(w, "tokenizer.ggml.add_bos_token", v->start >= 0);
        gguf_put_bool(w, "tokenizer.ggml.add_eos_token", v->end >= 0);
    }
    if (status == STATUS_OK && strcmp(v->kind, "bert") == 0) {
        gguf_put_bool(w, "cognate.wordpiece.lowercase", v->lowercase);
        gguf_put_bool(w, "cognate.wordpiece.strip_accents", v->strip_accents);
    } else if (status == STATUS_OK) {
        gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", v->space_prefix);
    }
    if (status == STATUS_OK && strcmp(v->kind, "t5") == 0) {
        gguf_put_array(w, "tokenizer.ggml.scores", GGUF_F32, l.scores, rows);
        if (v->rules.len > 0)
            gguf_put_array(w, "tokenizer.ggml.precompiled_charsmap", GGUF_U8, v->rules.data, v->rules.len);
        if (v->words != NULL) {
            gguf_put_text(w, "cognate.unigram.words", text_of(v->words));
            gguf_put_bool(w, "cognate.unigram.merge_spaces", v->merge_spaces);
            gguf_put_bool(w, "cognate.unigram.strip_left", v->strip_left);
            gguf_put_bool(w, "cognate.unigram.strip_right", v->strip_right);
        }
    }
    if (status == STATUS_OK && strcmp(v->kind, "gpt2") == 0) {
        gguf_put_text(w, "tokenizer.ggml.pre", text_of("gpt-2"));
        gguf_put_texts(w, "tokenizer.ggml.merges", v->merges, v->merge_count);
    }
    free_lists(&l);
    return status;
}

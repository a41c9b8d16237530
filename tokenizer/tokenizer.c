/* A text for a Unigram model passes through a window of symbols (normalize.h), block by block: normalise a
 * block, let the search for the best cut (unigram.h) follow as far as it is certain, read the tokens off up
 * to the last border, drop that part of the window. The window stays small whenever pieces of the vocabulary
 * do not reach across each other without end; in the worst case it holds the whole text at 14 bytes a
 * character. */
#include "tokenizer/tokenizer.h"

#include <stdlib.h>

#include "common/arena.h"
#include "common/cache.h"
#include "tokenizer/bpe.h"
#include "tokenizer/encoding.h"
#include "tokenizer/unigram.h"
#include "tokenizer/unigram_words.h"
#include "tokenizer/wordpiece.h"

#define BLOCK      2048 /* symbols normalised at a time */
#define MEMO_WORTH 5000 /* words */
#define MAX_TEXT   ((size_t)1 << 30)
#define MAX_PREFIX ((size_t)1 << 20)

/* Bytes of the text that a rule or a user-defined piece beginning in the prefix can reach: 255 characters. */
#define OVERLAP 1024

struct tokenizer {
    struct rules rules;
    const struct tables *tables; /* in `built` or in `kept` */
    struct tables *built;
    struct cache_entry kept;
    struct gguf_array pieces, types; /* of the model file */
};

#define KEPT_AS "tokenizer-tables"

/* Takes the tables from the cache folder, or builds and keeps them. */
static enum status find_tables(struct tokenizer *t, const struct gguf *file, enum tables_kind kind,
                               const unsigned char *digest, struct error *err)
{
    if (digest != NULL && cache_open(&t->kept, digest, KEPT_AS, TABLES_VERSION) &&
        tables_usable(t->kept.data, t->kept.size, kind, &t->pieces)) {
        t->tables = (const struct tables *)(const void *)t->kept.data;
        return STATUS_OK;
    }
    cache_close(&t->kept);
    enum status status = tables_build(file, kind, &t->rules, &t->built, err);
    t->tables = t->built;
    if (status == STATUS_OK && digest != NULL)
        cache_store(digest, KEPT_AS, TABLES_VERSION, t->built, t->built->size);
    return status;
}

enum status tokenizer_open(const struct gguf *file, const unsigned char *digest, struct tokenizer **out,
                           struct error *err)
{
    struct text model, bytes = {NULL, 0};
    struct gguf_array blob;
    enum status status = gguf_text(file, "tokenizer.ggml.model", &model, err);
    if (status != STATUS_OK)
        return status;
    enum tables_kind kind = text_is(model, "bert")   ? TABLES_WORDPIECE
                            : text_is(model, "gpt2") ? TABLES_BPE
                                                     : TABLES_UNIGRAM;
    bool unigram = text_is(model, "t5");
    if (unigram && gguf_has(file, TABLES_WORDS_KEY))
        kind = TABLES_UNIGRAM_WORDS;
    if (kind == TABLES_UNIGRAM && !unigram)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s has a tokenizer of kind \"%.*s\"; this program reads \"t5\" (SentencePiece "
                         "Unigram), \"bert\" "
                         "(WordPiece) and \"gpt2\" (byte-level BPE)",
                         gguf_path(file), (int)(model.len < 40 ? model.len : 40), model.data);
    struct tokenizer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return error_memory(err, "opening the tokenizer");
    const char *rules = "tokenizer.ggml.precompiled_charsmap";
    if (unigram && gguf_has(file, rules)) {
        if (gguf_array(file, rules, GGUF_U8, &blob, NULL) != STATUS_OK)
            status = gguf_array(file, rules, GGUF_I8, &blob, err);
        if (status == STATUS_OK)
            bytes = (struct text){(const char *)blob.data, blob.size};
    }
    if (status == STATUS_OK)
        status = rules_open(&t->rules, bytes, err);
    if (status == STATUS_OK)
        status = gguf_array(file, "tokenizer.ggml.tokens", GGUF_STRING, &t->pieces, err);
    if (status == STATUS_OK)
        status = gguf_array(file, "tokenizer.ggml.token_type", GGUF_I32, &t->types, err);
    if (status == STATUS_OK)
        status = find_tables(t, file, kind, digest, err);
    if (status != STATUS_OK)
        tokenizer_free(t);
    else
        *out = t;
    return status;
}

void tokenizer_free(struct tokenizer *t)
{
    if (t == NULL)
        return;
    big_free(t->built);
    cache_close(&t->kept);
    free(t);
}

/* Reads the tokens before the border off the cells, from the back. Unknown characters side by side make one
 * token. `prefix` is how many symbols of the window belong to the prefix. */
static enum status read_tokens(struct encoding *e, const struct unigram *u, size_t prefix, struct error *err)
{
    const struct window *w = u->window;
    const uint32_t unknown = u->tables->unknown;
    if (u->border == 0)
        return STATUS_OK;
    enum status status = encoding_reserve(e, u->border, err);
    if (status != STATUS_OK)
        return status;
    size_t stop = e->count + u->border, write = stop, in_prefix = 0, at = u->border;
    uint32_t behind = TRIE_NONE; /* the piece after this one */
    while (at > 0) {
        uint32_t piece = w->cells[at].last & 0xFFFFFF;
        size_t start = at - (w->cells[at].last >> 24);
        if (piece == unknown && behind == unknown) {
            e->tokens[write].start = w->origins[start];
        } else {
            /* White space that the text begins with may have merged into the last of the prefix. */
            uint32_t end = at <= prefix ? 0 : w->origins[at];
            e->tokens[--write] = (struct token){(int32_t)piece, w->origins[start], end};
            in_prefix += at <= prefix;
        }
        behind = piece;
        at = start;
    }
    if (behind == unknown && e->count > 0 && e->tokens[e->count - 1].id == (int32_t)unknown) {
        e->tokens[e->count - 1].end = e->tokens[write].end;
        if (in_prefix > 0)
            in_prefix--; /* the token it joins is counted already */
        else if (e->prefix_count == e->count)
            e->prefix_count--; /* that token now reaches into the text */
        write++;
    }
    e->prefix_count += in_prefix;
    memmove(e->tokens + e->count, e->tokens + write, (stop - write) * sizeof *e->tokens);
    e->count += stop - write;
    return STATUS_OK;
}

/* The prefix and the beginning of the text in one piece, since a rule or a token may span both. */
static enum status join(struct encoding_scratch *s, struct text prefix, struct text text, struct stretch *out,
                        struct error *err)
{
    size_t some = text.len < OVERLAP ? text.len : OVERLAP, size = prefix.len + some;
    enum status status = encoding_reserve_head(s, size, err);
    if (status != STATUS_OK)
        return status;
    memcpy(s->head, prefix.data, prefix.len);
    if (some > 0)
        memcpy(s->head + prefix.len, text.data, some);
    *out = (struct stretch){s->head, size, prefix.len};
    return STATUS_OK;
}

/* An encoding that is used for many words gets a memory of them. */
static struct memo *find_memo(const struct tokenizer *t, struct encoding_scratch *s)
{
    if (s->memo != NULL && !memo_is_of(s->memo, t->tables)) {
        memo_free(s->memo);
        s->memo = NULL;
    }
    if (s->memo == NULL && s->words >= MEMO_WORTH && !t->tables->spaces_inside)
        s->memo = memo_new(t->tables); /* or goes on without */
    return s->memo;
}

static enum status encode(const struct tokenizer *t, struct encoding *e, struct text prefix, struct text text,
                          struct error *err)
{
    struct window *w = &e->scratch->window;
    struct normalizer n = {.tables = t->tables, .rules = &t->rules, .window = w};
    struct unigram u;
    struct stretch head, body = {(const unsigned char *)text.data, text.len, 0};
    size_t at = 0, prefix_symbols = 0;
    bool in_head = prefix.len > 0, last = false;
    enum status status = unigram_start(&u, t->tables, w, err);
    u.memo = find_memo(t, e->scratch);
    if (status == STATUS_OK && in_head)
        status = join(e->scratch, prefix, text, &head, err);
    while (status == STATUS_OK && !last) {
        if (in_head) {
            status = normalize(&n, head, &at, prefix.len, BLOCK, err);
            prefix_symbols = w->filled;
            in_head = at < prefix.len;
            at -= in_head ? 0 : prefix.len;
        } else {
            status = normalize(&n, body, &at, text.len, BLOCK, err);
            last = at == text.len;
            if (status == STATUS_OK && last)
                status = normalize_end(&n, text.len, err);
        }
        if (status != STATUS_OK)
            break;
        unigram_advance(&u, last);
        if ((status = read_tokens(e, &u, prefix_symbols, err)) != STATUS_OK)
            break;
        prefix_symbols -= prefix_symbols < u.border ? prefix_symbols : u.border;
        unigram_drop(&u);
    }
    e->scratch->words += u.words;
    return status;
}

enum status tokenizer_encode(const struct tokenizer *t, struct encoding *e, struct text prefix,
                             struct text text, struct error *err)
{
    e->count = e->prefix_count = 0;
    if (text.len > MAX_TEXT || prefix.len > MAX_PREFIX)
        return error_set(err, STATUS_TOO_LARGE, "a text of %zu bytes is over the limit of %zu; split it",
                         text.len > MAX_TEXT ? text.len : prefix.len,
                         text.len > MAX_TEXT ? MAX_TEXT : MAX_PREFIX);
    if (e->scratch == NULL && (e->scratch = calloc(1, sizeof *e->scratch)) == NULL)
        return error_memory(err, "encoding a text");
    enum status status = STATUS_OK;
    switch ((enum tables_kind)t->tables->kind) {
    case TABLES_UNIGRAM:
        status = encode(t, e, prefix, text, err);
        break;
    case TABLES_UNIGRAM_WORDS:
        status = unigram_words_encode(t->tables, &t->rules, e, prefix, text, err);
        break;
    case TABLES_WORDPIECE:
        status = wordpiece_encode(t->tables, e, prefix, text, err);
        break;
    case TABLES_BPE:
        status = bpe_encode(t->tables, e, prefix, text, err);
        break;
    }
    if (status != STATUS_OK)
        e->count = e->prefix_count = 0;
    return status;
}

uint32_t tokenizer_size(const struct tokenizer *t)
{
    return t->tables->piece_count;
}

int32_t tokenizer_start_id(const struct tokenizer *t)
{
    return t->tables->start;
}

int32_t tokenizer_end_id(const struct tokenizer *t)
{
    return t->tables->end;
}

struct text tokenizer_piece(const struct tokenizer *t, int32_t id)
{
    if (id < 0 || (uint32_t)id >= t->tables->piece_count)
        return (struct text){"", 0};
    size_t at = tables_pieces(t->tables)[id];
    return gguf_array_text(&t->pieces, &at);
}

bool tokenizer_is_special(const struct tokenizer *t, int32_t id)
{
    int32_t type;
    if (id < 0 || (uint32_t)id >= t->tables->piece_count)
        return false;
    memcpy(&type, t->types.data + (size_t)id * sizeof type, sizeof type);
    return type == PIECE_TYPE_UNKNOWN || type == PIECE_TYPE_CONTROL;
}

bool tokenizer_starts_word(const struct tokenizer *t, int32_t id)
{
    struct text piece = tokenizer_piece(t, id);
    const char *mark = t->tables->kind == TABLES_BPE ? "Ġ" : "\u2581";
    return piece.len >= strlen(mark) && memcmp(piece.data, mark, strlen(mark)) == 0;
}

enum status tokenizer_spell(const struct tokenizer *t, int32_t id, struct buf *out, struct error *err)
{
    struct text piece = tokenizer_piece(t, id);
    if (tokenizer_is_special(t, id))
        return buf_append(out, piece.data, piece.len, err);
    if (t->tables->kind == TABLES_BPE)
        return merges_spell(piece, out, err);
    if (!tokenizer_starts_word(t, id))
        return buf_append(out, piece.data, piece.len, err);
    enum status status = out->len > 0 ? buf_append(out, " ", 1, err) : STATUS_OK;
    return status == STATUS_OK ? buf_append(out, piece.data + 3, piece.len - 3, err) : status;
}

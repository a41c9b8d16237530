/* Order of work: read the piece list; count characters and give the commonest the smallest symbols, so that
 * the places of a node's children lie close together; write the pieces in symbols and build the trie; mark
 * the characters that rules touch; copy the parts into one block. */
#include "tokenizer/tables.h"

#include <float.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/utf8.h"

#define MAX_PIECES     (1u << 24)
#define MAX_CHARACTERS 255
#define MAX_SYMBOLS    65535
#define MAX_SCORE      1e9f
#define SPACE_SIGN     0x2581u
#define CODE_POINTS    0x110000u

/* As in SentencePiece: the cost of an unknown character below the worst piece. */
#define UNKNOWN_PENALTY 10.0f

struct builder {
    const struct gguf *file;
    const struct rules *rules;
    struct error *err;
    struct gguf_array pieces, scores, types;
    struct tables head;
    uint16_t pages[TABLES_PAGES];
    uint32_t *characters;
    uint32_t page_capacity;
    uint32_t symbol_count;
    uint32_t *counts;   /* of each code point; then its symbol */
    uint32_t *offsets;  /* of each piece */
    uint16_t *spelling; /* all keys, in symbols */
    struct trie_key *keys;
    uint32_t key_count;
    struct trie_node *nodes;
};

static enum status damaged(const struct builder *b, const char *what)
{
    return error_set(b->err, STATUS_CORRUPT, "the tokenizer of %s is damaged: %s; fetch the model again",
                     gguf_path(b->file), what);
}

static int32_t type_of(const struct builder *b, uint32_t piece)
{
    int32_t type;
    memcpy(&type, b->types.data + (size_t)piece * sizeof type, sizeof type);
    return type;
}

static float score_of(const struct builder *b, uint32_t piece)
{
    float score;
    memcpy(&score, b->scores.data + (size_t)piece * sizeof score, sizeof score);
    return score;
}

static bool is_key(int32_t type)
{
    return type == PIECE_TYPE_NORMAL || type == PIECE_TYPE_USER_DEFINED;
}

/* The entry of a character, with a page of its own; NULL when memory is short. */
static uint32_t *entry_of(struct builder *b, uint32_t c)
{
    uint16_t *page = &b->pages[c >> 8];
    if (*page == 0) {
        if (b->head.page_count == b->page_capacity) {
            uint32_t capacity = b->page_capacity * 2 + 512;
            uint32_t *characters = realloc(b->characters, (size_t)capacity * 256 * sizeof *characters);
            if (characters == NULL)
                return NULL;
            b->characters = characters;
            b->page_capacity = capacity;
        }
        *page = (uint16_t)b->head.page_count++;
        memset(b->characters + (size_t)*page * 256, 0, 256 * sizeof *b->characters);
    }
    return &b->characters[(size_t)*page * 256 + (c & 255)];
}

static enum status mark(struct builder *b, uint32_t c, uint32_t bits)
{
    uint32_t *entry = entry_of(b, c);
    if (entry == NULL)
        return error_memory(b->err, "building the tokenizer");
    *entry |= bits;
    return STATUS_OK;
}

/* Opens the lists and checks that they belong together. */
static enum status open_lists(struct builder *b)
{
    enum status status = gguf_array(b->file, "tokenizer.ggml.tokens", GGUF_STRING, &b->pieces, b->err);
    if (status == STATUS_OK)
        status = gguf_array(b->file, "tokenizer.ggml.scores", GGUF_F32, &b->scores, b->err);
    if (status == STATUS_OK)
        status = gguf_array(b->file, "tokenizer.ggml.token_type", GGUF_I32, &b->types, b->err);
    if (status != STATUS_OK)
        return status;
    uint64_t count = b->pieces.count;
    if (count == 0 || b->scores.count != count || b->types.count != count)
        return damaged(b, "pieces, scores and types differ in number, or there are none");
    if (count >= MAX_PIECES || b->pieces.size > UINT32_MAX)
        return error_set(b->err, STATUS_UNSUPPORTED, "%s has more than %u pieces, the limit of this program",
                         gguf_path(b->file), MAX_PIECES - 1);
    b->head.piece_count = (uint32_t)count;
    return STATUS_OK;
}

/* Checks every piece, notes where it stands, and counts the characters of those that text can match. */
static enum status read_pieces(struct builder *b, size_t *spelled)
{
    float lowest = FLT_MAX;
    uint32_t unknowns = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < b->head.piece_count; i++) {
        int32_t type = type_of(b, i);
        float score = score_of(b, i);
        b->offsets[i] = (uint32_t)at;
        struct text piece = gguf_array_text(&b->pieces, &at);
        if (type < PIECE_TYPE_NORMAL || type > PIECE_TYPE_BYTE)
            return damaged(b, "a piece of unknown type");
        if (type == PIECE_TYPE_BYTE)
            return error_set(b->err, STATUS_UNSUPPORTED,
                             "the tokenizer of %s falls back to bytes, which this program does not do",
                             gguf_path(b->file));
        if (type == PIECE_TYPE_UNKNOWN) {
            b->head.unknown = i;
            unknowns++;
        }
        if (!is_key(type))
            continue;
        if (!(score >= -MAX_SCORE && score <= MAX_SCORE))
            return damaged(b, "a score that is no number");
        if (type == PIECE_TYPE_NORMAL)
            lowest = score < lowest ? score : lowest;
        if (piece.len == 0 || utf8_invalid(piece.data, piece.len) < piece.len)
            return damaged(b, "a piece that is empty or not UTF-8");
        uint32_t length = 0, c;
        for (size_t j = 0; j < piece.len; length++) {
            j += utf8_decode(piece.data + j, piece.len - j, &c);
            b->counts[c]++;
        }
        if (length > MAX_CHARACTERS)
            return error_set(b->err, STATUS_UNSUPPORTED, "%s has a piece of more than %d characters",
                             gguf_path(b->file), MAX_CHARACTERS);
        b->head.longest = length > b->head.longest ? length : b->head.longest;
        b->key_count++;
        *spelled += length;
    }
    if (unknowns != 1)
        return damaged(b, "it needs exactly one piece of type unknown");
    if (lowest == FLT_MAX)
        return damaged(b, "it has no piece of type normal");
    b->head.unknown_score = lowest - UNKNOWN_PENALTY;
    return STATUS_OK;
}

struct frequency {
    uint32_t character, count;
};

static int by_frequency(const void *a, const void *b)
{
    const struct frequency *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->character > y->character) - (x->character < y->character);
}

/* Replaces each character's count by its symbol. */
static enum status give_symbols(struct builder *b)
{
    enum status status = STATUS_OK;
    size_t distinct = 0;
    b->counts[SPACE_SIGN] = 0;
    for (uint32_t c = 0; c < CODE_POINTS; c++)
        distinct += b->counts[c] != 0;
    struct frequency *list = malloc((distinct + 1) * sizeof *list);
    if (list == NULL)
        return error_memory(b->err, "building the tokenizer");
    distinct = 0;
    for (uint32_t c = 0; c < CODE_POINTS; c++)
        if (b->counts[c] != 0)
            list[distinct++] = (struct frequency){c, b->counts[c]};
    if (distinct > MAX_SYMBOLS - 2)
        status =
            error_set(b->err, STATUS_UNSUPPORTED, "the pieces of %s have more than %d different characters",
                      gguf_path(b->file), MAX_SYMBOLS - 2);
    qsort(list, distinct, sizeof *list, by_frequency);
    b->counts[SPACE_SIGN] = SYMBOL_SPACE;
    if (status == STATUS_OK)
        status = mark(b, SPACE_SIGN, SYMBOL_SPACE);
    for (size_t i = 0; i < distinct && status == STATUS_OK; i++) {
        uint32_t symbol = (uint32_t)i + SYMBOL_SPACE + 1;
        b->counts[list[i].character] = symbol;
        status = mark(b, list[i].character, symbol);
    }
    b->symbol_count = (uint32_t)distinct + SYMBOL_SPACE + 1;
    free(list);
    return status;
}

static enum status build_trie(struct builder *b, size_t spelled)
{
    enum status status = STATUS_OK;
    float highest = FLT_MIN; /* as in SentencePiece, which meant the lowest float */
    uint16_t *write;
    uint32_t key = 0;
    b->keys = malloc(b->key_count * sizeof *b->keys);
    b->spelling = write = malloc(spelled * sizeof *b->spelling);
    if (b->keys == NULL || b->spelling == NULL)
        return error_memory(b->err, "building the tokenizer");
    for (uint32_t i = 0; i < b->head.piece_count; i++)
        if (type_of(b, i) == PIECE_TYPE_NORMAL)
            highest = score_of(b, i) > highest ? score_of(b, i) : highest;
    for (uint32_t i = 0; i < b->head.piece_count && status == STATUS_OK; i++) {
        int32_t type = type_of(b, i);
        if (!is_key(type))
            continue;
        size_t at = b->offsets[i];
        struct text piece = gguf_array_text(&b->pieces, &at);
        struct trie_key *k = &b->keys[key++];
        uint32_t c;
        *k = (struct trie_key){write, 0, i, score_of(b, i)};
        for (size_t j = 0; j < piece.len; k->length++) {
            j += utf8_decode(piece.data + j, piece.len - j, &c);
            *write++ = (uint16_t)b->counts[c];
        }
        if (type == PIECE_TYPE_USER_DEFINED) {
            k->piece |= PIECE_USER;
            k->score = (float)piece.len * highest - 0.1f;
            utf8_decode(piece.data, piece.len, &c);
            status = mark(b, c, CHARACTER_USER);
        }
    }
    return status == STATUS_OK
               ? trie_build(b->keys, b->key_count, b->symbol_count, &b->nodes, &b->head.node_count, b->err)
               : status;
}

static enum status mark_rule(void *context, uint32_t character, enum rules_role role)
{
    static const uint32_t flags[] = {
        [RULES_WHOLE] = CHARACTER_RULE, [RULES_LEADS] = CHARACTER_LEADS, [RULES_FOLLOWS] = CHARACTER_FOLLOWS};
    return mark(context, character, flags[role]);
}

/* Characters that always become one other character are written as that one from the start. */
static void map_character(struct builder *b, uint32_t c, uint32_t *entry)
{
    char bytes[4];
    struct text becomes = {NULL, 0};
    uint32_t to;
    size_t n = utf8_encode(c, bytes);
    if (rules_match(b->rules, (const unsigned char *)bytes, n, &becomes) != n || becomes.len == 0 ||
        utf8_decode(becomes.data, becomes.len, &to) != becomes.len)
        return;
    uint32_t symbol = to == ' ' ? CHARACTER_SPACE | SYMBOL_SPACE : b->counts[to];
    *entry = (*entry & CHARACTER_FOLLOWS) | CHARACTER_MAPPED | symbol;
}

static enum status mark_characters(struct builder *b)
{
    enum status status = rules_walk(b->rules, mark_rule, b, b->err);
    if (status != STATUS_OK)
        return status;
    uint32_t *space = entry_of(b, ' ');
    if (space == NULL)
        return error_memory(b->err, "building the tokenizer");
    if ((*space & (CHARACTER_RULE | CHARACTER_LEADS | CHARACTER_USER)) == 0)
        *space = (*space & CHARACTER_FOLLOWS) | CHARACTER_MAPPED | CHARACTER_SPACE | SYMBOL_SPACE;
    for (uint32_t page = 0; page < TABLES_PAGES; page++)
        for (uint32_t i = 0; i < 256 && b->pages[page] != 0; i++) {
            uint32_t *entry = &b->characters[(size_t)b->pages[page] * 256 + i];
            if ((*entry & ~(uint32_t)CHARACTER_FOLLOWS) == CHARACTER_RULE)
                map_character(b, page << 8 | i, entry);
        }
    return STATUS_OK;
}

static enum status flag(const struct builder *b, const char *key, bool *value)
{
    return gguf_has(b->file, key) ? gguf_bool(b->file, key, value, b->err) : STATUS_OK;
}

/* The number of <s> or </s>: -1 when the file has none or says not to add it. */
static enum status added(const struct builder *b, const char *number, const char *add, int32_t *out)
{
    bool wanted = true;
    uint32_t id = 0;
    *out = -1;
    enum status status = flag(b, add, &wanted);
    if (status != STATUS_OK || !wanted || !gguf_has(b->file, number))
        return status;
    status = gguf_u32(b->file, number, &id, b->err);
    if (status != STATUS_OK)
        return status;
    if (id >= b->head.piece_count)
        return damaged(b, "the number of <s> or </s> is out of range");
    *out = (int32_t)id;
    return STATUS_OK;
}

/* SentencePiece's remove_extra_whitespaces is taken as true, as every Unigram model has it: converters fill
 * that key of the file from an unrelated setting. */
static enum status read_settings(struct builder *b)
{
    bool prefix = true;
    enum status status = flag(b, "tokenizer.ggml.add_space_prefix", &prefix);
    b->head.dummy_prefix = prefix;
    if (status == STATUS_OK)
        status = added(b, "tokenizer.ggml.bos_token_id", "tokenizer.ggml.add_bos_token", &b->head.start);
    if (status == STATUS_OK)
        status = added(b, "tokenizer.ggml.eos_token_id", "tokenizer.ggml.add_eos_token", &b->head.end);
    return status;
}

static size_t place(size_t *size, size_t bytes)
{
    size_t at = arena_rounded(*size);
    *size = at + bytes;
    return at;
}

static enum status assemble(struct builder *b, struct tables **out)
{
    struct tables *head = &b->head;
    size_t character_bytes = (size_t)head->page_count * 256 * sizeof *b->characters;
    size_t node_bytes = head->node_count * sizeof *b->nodes;
    size_t piece_bytes = head->piece_count * sizeof *b->offsets;
    size_t size = sizeof *head + sizeof b->pages;
    head->characters = place(&size, character_bytes);
    head->nodes = place(&size, node_bytes);
    head->pieces = place(&size, piece_bytes);
    head->size = size;
    unsigned char *block = big_alloc(size);
    if (block == NULL)
        return error_memory(b->err, "building the tokenizer");
    memcpy(block, head, sizeof *head);
    memcpy(block + sizeof *head, b->pages, sizeof b->pages);
    memcpy(block + head->characters, b->characters, character_bytes);
    memcpy(block + head->nodes, b->nodes, node_bytes);
    memcpy(block + head->pieces, b->offsets, piece_bytes);
    *out = (struct tables *)block;
    return STATUS_OK;
}

static enum status build(struct builder *b, struct tables **out)
{
    size_t spelled = 0;
    enum status status = open_lists(b);
    if (status != STATUS_OK)
        return status;
    b->counts = calloc(CODE_POINTS, sizeof *b->counts);
    b->offsets = malloc(b->head.piece_count * sizeof *b->offsets);
    b->head.page_count = 1; /* page 0: characters that nothing is known about */
    b->page_capacity = 512;
    b->characters = calloc((size_t)b->page_capacity * 256, sizeof *b->characters);
    if (b->counts == NULL || b->offsets == NULL || b->characters == NULL)
        return error_memory(b->err, "building the tokenizer");
    if ((status = read_pieces(b, &spelled)) == STATUS_OK && (status = give_symbols(b)) == STATUS_OK &&
        (status = build_trie(b, spelled)) == STATUS_OK && (status = mark_characters(b)) == STATUS_OK &&
        (status = read_settings(b)) == STATUS_OK)
        status = assemble(b, out);
    return status;
}

enum status tables_build(const struct gguf *file, const struct rules *rules, struct tables **out,
                         struct error *err)
{
    struct builder b = {.file = file, .rules = rules, .err = err};
    enum status status = build(&b, out);
    free(b.characters);
    free(b.counts);
    free(b.offsets);
    free(b.spelling);
    free(b.keys);
    free(b.nodes);
    return status;
}

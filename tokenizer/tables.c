/* Order of work: read the piece list and write the pieces in symbols, numbered as they are met; number them
 * anew, the commonest smallest, so that the places of a node's children lie close together; build the trie;
 * mark the characters that rules touch; copy the parts into one block. */
#include "tokenizer/tables.h"

#include <float.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <utf8proc.h>

#include "common/arena.h"
#include "common/utf8.h"

#define MAX_PIECES     (1u << 22)
#define MAX_CHARACTERS 255
#define MAX_SCORE      1e9f
#define SPACE_SIGN     0x2581u

/* As in SentencePiece: the cost of an unknown character below the worst piece. */
#define UNKNOWN_PENALTY 10.0f

struct builder {
    const struct gguf *file;
    const struct rules *rules;
    struct error *err;
    struct gguf_array pieces, scores_list, types;
    struct tables head;
    uint16_t pages[TABLES_PAGES];
    uint32_t *characters;
    uint32_t page_capacity;
    uint32_t symbol_count;
    uint32_t *counts;   /* of each symbol */
    uint32_t *offsets;  /* of each piece */
    float *scores;      /* of each piece */
    uint16_t *spelling; /* all keys, in symbols */
    size_t spelled;
    bool capitals; /* a piece has letters from A to Z */
    struct trie_key *keys;
    uint32_t key_count;
    trie_node *nodes;
    struct merges merges;
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
    memcpy(&score, b->scores_list.data + (size_t)piece * sizeof score, sizeof score);
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

static uint32_t symbol_of(const struct builder *b, uint32_t c)
{
    return tables_symbol(b->characters[(size_t)b->pages[c >> 8] * 256 + (c & 255)]);
}

static bool is_unigram(const struct builder *b)
{
    return b->head.kind == TABLES_UNIGRAM || b->head.kind == TABLES_UNIGRAM_WORDS;
}

/* Opens the lists and checks that they belong together. */
static enum status open_lists(struct builder *b)
{
    enum status status = gguf_array(b->file, "tokenizer.ggml.tokens", GGUF_STRING, &b->pieces, b->err);
    if (status == STATUS_OK && is_unigram(b))
        status = gguf_array(b->file, "tokenizer.ggml.scores", GGUF_F32, &b->scores_list, b->err);
    if (status == STATUS_OK)
        status = gguf_array(b->file, "tokenizer.ggml.token_type", GGUF_I32, &b->types, b->err);
    if (status != STATUS_OK)
        return status;
    uint64_t count = b->pieces.count;
    bool scored = !is_unigram(b) || b->scores_list.count == count;
    if (count == 0 || !scored || b->types.count != count)
        return damaged(b, "pieces, scores and types differ in number, or there are none");
    if (count >= MAX_PIECES || b->pieces.size > UINT32_MAX)
        return error_set(b->err, STATUS_UNSUPPORTED, "%s has more than %u pieces, the limit of this program",
                         gguf_path(b->file), MAX_PIECES - 1);
    b->head.piece_count = (uint32_t)count;
    b->head.piece_bytes = b->pieces.size;
    return STATUS_OK;
}

/* Adds a piece that text can match to the keys. */
static enum status spell(struct builder *b, uint32_t number, struct text piece)
{
    struct trie_key *key = &b->keys[b->key_count++];
    *key = (struct trie_key){b->spelling + b->spelled, 0, number};
    for (size_t at = 0; at < piece.len; key->length++) {
        uint32_t c;
        size_t n = utf8_decode(piece.data + at, piece.len - at, &c);
        if (n == 1 && (unsigned char)piece.data[at] >= 0x80)
            return damaged(b, "a piece that is empty or not UTF-8");
        uint32_t *entry = entry_of(b, c);
        if (entry == NULL)
            return error_memory(b->err, "building the tokenizer");
        if (*entry == 0) {
            if (b->symbol_count == TRIE_SYMBOLS)
                return error_set(b->err, STATUS_UNSUPPORTED,
                                 "the pieces of %s have more than %u different characters",
                                 gguf_path(b->file), TRIE_SYMBOLS - 2);
            *entry = b->symbol_count++;
        }
        b->capitals = b->capitals || (c >= 'A' && c <= 'Z');
        b->counts[*entry]++;
        if (*entry == SYMBOL_SPACE && key->length > 0)
            b->head.spaces_inside = 1;
        b->spelling[b->spelled++] = (uint16_t)*entry;
        at += n;
    }
    if (key->length == 0)
        return damaged(b, "a piece that is empty or not UTF-8");
    if (key->length > MAX_CHARACTERS)
        return error_set(b->err, STATUS_UNSUPPORTED, "%s has a piece of more than %d characters",
                         gguf_path(b->file), MAX_CHARACTERS);
    b->head.longest = key->length > b->head.longest ? key->length : b->head.longest;
    return STATUS_OK;
}

/* Checks every piece, notes where it stands, and spells those that text can match. */
static enum status read_pieces(struct builder *b)
{
    bool scored = is_unigram(b);
    size_t at = 0;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < b->head.piece_count && status == STATUS_OK; i++) {
        int32_t type = type_of(b, i);
        b->scores[i] = scored ? score_of(b, i) : 0;
        b->offsets[i] = (uint32_t)at;
        struct text piece = gguf_array_text(&b->pieces, &at);
        if (type < PIECE_TYPE_NORMAL || type > PIECE_TYPE_BYTE)
            return damaged(b, "a piece of unknown type");
        if (type == PIECE_TYPE_BYTE)
            return error_set(b->err, STATUS_UNSUPPORTED,
                             "the tokenizer of %s falls back to bytes, which this program does not do",
                             gguf_path(b->file));
        if (!is_key(type) || b->head.kind == TABLES_BPE)
            continue;
        if (!(b->scores[i] >= -MAX_SCORE && b->scores[i] <= MAX_SCORE))
            return damaged(b, "a score that is no number");
        status = spell(b, i, piece);
    }
    return status;
}

/* The unknown piece, and what a character costs that no piece covers. */
static enum status set_unknown(struct builder *b)
{
    float lowest = FLT_MAX;
    uint32_t unknowns = 0;
    for (uint32_t i = 0; i < b->head.piece_count; i++) {
        int32_t type = type_of(b, i);
        if (type == PIECE_TYPE_NORMAL)
            lowest = b->scores[i] < lowest ? b->scores[i] : lowest;
        if (type == PIECE_TYPE_UNKNOWN) {
            b->head.unknown = i;
            unknowns++;
        }
    }
    if (unknowns != 1)
        return damaged(b, "it needs exactly one piece of type unknown");
    if (lowest == FLT_MAX)
        return damaged(b, "it has no piece of type normal");
    b->head.unknown_score = lowest - UNKNOWN_PENALTY;
    return STATUS_OK;
}

struct frequency {
    uint32_t symbol, count;
};

static int by_frequency(const void *a, const void *b)
{
    const struct frequency *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->symbol > y->symbol) - (x->symbol < y->symbol);
}

/* Gives the commonest characters the smallest symbols. */
static enum status renumber(struct builder *b)
{
    const uint32_t first = SYMBOL_SPACE + 1, count = b->symbol_count - first;
    struct frequency *list = malloc((count + 1) * sizeof *list);
    uint16_t *renamed = malloc(b->symbol_count * sizeof *renamed);
    if (list == NULL || renamed == NULL) {
        free(list);
        free(renamed);
        return error_memory(b->err, "building the tokenizer");
    }
    for (uint32_t i = 0; i < count; i++)
        list[i] = (struct frequency){first + i, b->counts[first + i]};
    qsort(list, count, sizeof *list, by_frequency);
    for (uint16_t i = 0; i < first; i++)
        renamed[i] = i;
    for (uint32_t i = 0; i < count; i++)
        renamed[list[i].symbol] = (uint16_t)(first + i);
    for (size_t i = 0; i < b->spelled; i++)
        b->spelling[i] = renamed[b->spelling[i]];
    for (size_t i = 0; i < (size_t)b->head.page_count * 256; i++)
        b->characters[i] = renamed[b->characters[i]];
    free(list);
    free(renamed);
    return STATUS_OK;
}

/* A user-defined piece counts its bytes times the greatest score, less 0.1. */
static enum status set_user_pieces(struct builder *b)
{
    float highest = FLT_MIN; /* as in SentencePiece, which meant the lowest float */
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < b->head.piece_count; i++)
        if (type_of(b, i) == PIECE_TYPE_NORMAL)
            highest = b->scores[i] > highest ? b->scores[i] : highest;
    for (uint32_t i = 0; i < b->key_count && status == STATUS_OK; i++) {
        struct trie_key *key = &b->keys[i];
        if (type_of(b, key->piece) != PIECE_TYPE_USER_DEFINED)
            continue;
        size_t at = b->offsets[key->piece];
        struct text piece = gguf_array_text(&b->pieces, &at);
        uint32_t c;
        utf8_decode(piece.data, piece.len, &c);
        b->scores[key->piece] = (float)piece.len * highest - 0.1f;
        key->piece |= PIECE_USER;
        status = mark(b, c, CHARACTER_USER);
    }
    return status;
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
    uint32_t symbol = to == ' ' ? CHARACTER_SPACE | SYMBOL_SPACE : symbol_of(b, to);
    *entry = (*entry & CHARACTER_AROUND) | CHARACTER_MAPPED | symbol;
}

static enum status mark_whole_rule(void *context, uint32_t character, enum rules_role role)
{
    return role == RULES_WHOLE ? mark(context, character, CHARACTER_RULE) : STATUS_OK;
}

static uint32_t cluster_bits(uint32_t c)
{
    switch (utf8proc_get_property((utf8proc_int32_t)c)->boundclass) {
    case UTF8PROC_BOUNDCLASS_EXTEND:
    case UTF8PROC_BOUNDCLASS_SPACINGMARK:
    case UTF8PROC_BOUNDCLASS_ZWJ:
    case UTF8PROC_BOUNDCLASS_V:
    case UTF8PROC_BOUNDCLASS_T:
    case UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR:
    case UTF8PROC_BOUNDCLASS_LF:
        return CHARACTER_JOINS;
    case UTF8PROC_BOUNDCLASS_CR:
    case UTF8PROC_BOUNDCLASS_L:
    case UTF8PROC_BOUNDCLASS_PREPEND:
        return CHARACTER_OPENS;
    default:
        return 0;
    }
}

/* For unigram_words.h: rules of one character, white space, and what grapheme clusters go on with or behind.
 * Between the planes looked at there is neither. */
static enum status mark_clusters(struct builder *b)
{
    enum status status = rules_walk(b->rules, mark_whole_rule, b, b->err);
    for (uint32_t c = 0; c < 0xE1000 && status == STATUS_OK; c = c + 1 == 0x20000 ? 0xE0000 : c + 1) {
        uint32_t bits = cluster_bits(c) | (c != ' ' && u_isUWhiteSpace((UChar32)c) ? CHARACTER_RULE : 0);
        if (bits != 0)
            status = mark(b, c, bits);
    }
    return status;
}

static enum status mark_characters(struct builder *b)
{
    enum status status =
        b->head.kind == TABLES_UNIGRAM ? rules_walk(b->rules, mark_rule, b, b->err) : mark_clusters(b);
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
            if ((*entry & ~(uint32_t)CHARACTER_AROUND) == CHARACTER_RULE)
                map_character(b, page << 8 | i, entry);
        }
    return STATUS_OK;
}

static enum status flag(const struct builder *b, const char *key, bool *value)
{
    return gguf_has(b->file, key) ? gguf_bool(b->file, key, value, b->err) : STATUS_OK;
}

/* The number of a special piece: under the first of two keys that is there, else of the piece spelled so; -1
 * when there is none. */
static enum status special(const struct builder *b, const char *key, const char *other, const char *spelled,
                           int32_t *out)
{
    uint32_t id = 0;
    *out = -1;
    if (!gguf_has(b->file, key))
        key = other;
    if (key != NULL && gguf_has(b->file, key)) {
        enum status status = gguf_u32(b->file, key, &id, b->err);
        if (status != STATUS_OK)
            return status;
        if (id >= b->head.piece_count)
            return damaged(b, "the number of a special piece is out of range");
        *out = (int32_t)id;
        return STATUS_OK;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < b->head.piece_count && spelled != NULL && *out < 0; i++)
        if (text_is(gguf_array_text(&b->pieces, &at), spelled))
            *out = (int32_t)i;
    return STATUS_OK;
}

/* What a file says to put around a text. */
static enum status drop_unwanted(const struct builder *b, const char *add, int32_t *piece)
{
    bool wanted = true;
    enum status status = flag(b, add, &wanted);
    if (!wanted)
        *piece = -1;
    return status;
}

/* SentencePiece's remove_extra_whitespaces is taken as true, as every Unigram model has it: converters fill
 * that key of the file from an unrelated setting. */
static enum status read_unigram_settings(struct builder *b)
{
    bool prefix = true;
    enum status status = flag(b, "tokenizer.ggml.add_space_prefix", &prefix);
    b->head.dummy_prefix = prefix;
    if (status == STATUS_OK)
        status = special(b, "tokenizer.ggml.bos_token_id", NULL, NULL, &b->head.start);
    if (status == STATUS_OK)
        status = special(b, "tokenizer.ggml.eos_token_id", NULL, NULL, &b->head.end);
    return status;
}

/* Converters say nothing of letter case, but a vocabulary without capitals has no use for them. ("seperator"
 * is how they spell it.) */
static enum status read_wordpiece_settings(struct builder *b)
{
    bool lowercase = !b->capitals;
    int32_t unknown = -1;
    enum status status = flag(b, "cognate.wordpiece.lowercase", &lowercase);
    bool strip = lowercase;
    if (status == STATUS_OK)
        status = flag(b, "cognate.wordpiece.strip_accents", &strip);
    b->head.lowercase = lowercase;
    b->head.strip_accents = strip;
    if (status == STATUS_OK)
        status =
            special(b, "tokenizer.ggml.bos_token_id", "tokenizer.ggml.cls_token_id", "[CLS]", &b->head.start);
    if (status == STATUS_OK)
        status = special(b, "tokenizer.ggml.eos_token_id", "tokenizer.ggml.seperator_token_id", "[SEP]",
                         &b->head.end);
    if (status == STATUS_OK)
        status = special(b, "tokenizer.ggml.unknown_token_id", NULL, "[UNK]", &unknown);
    if (status == STATUS_OK && unknown < 0)
        status = damaged(b, "it has no piece for unknown words");
    b->head.unknown = (uint32_t)unknown;
    return status;
}

/* Of the ways to cut text into words before merging, that of GPT-2, which RoBERTa has too. */
static enum status read_bpe_settings(struct builder *b)
{
    struct text words = text_of("gpt-2");
    bool prefix = false;
    enum status status = STATUS_OK;
    if (gguf_has(b->file, "tokenizer.ggml.pre"))
        status = gguf_text(b->file, "tokenizer.ggml.pre", &words, b->err);
    if (status == STATUS_OK && !text_is(words, "gpt-2") && !text_is(words, "roberta-bpe"))
        status = error_set(
            b->err, STATUS_UNSUPPORTED,
            "the tokenizer of %s cuts words as \"%.*s\", which this program does not know; it knows "
            "\"gpt-2\" and \"roberta-bpe\"",
            gguf_path(b->file), (int)(words.len < 40 ? words.len : 40), words.data);
    if (status == STATUS_OK)
        status = flag(b, "tokenizer.ggml.add_space_prefix", &prefix);
    b->head.dummy_prefix = prefix;
    if (status == STATUS_OK)
        status =
            special(b, "tokenizer.ggml.bos_token_id", "tokenizer.ggml.cls_token_id", "<s>", &b->head.start);
    if (status == STATUS_OK)
        status = special(b, "tokenizer.ggml.eos_token_id", "tokenizer.ggml.seperator_token_id", "</s>",
                         &b->head.end);
    return status;
}

static enum status read_words_settings(struct builder *b)
{
    struct text words;
    bool merge = false, left = false, right = false;
    enum status status = read_unigram_settings(b);
    if (status == STATUS_OK)
        status = gguf_text(b->file, TABLES_WORDS_KEY, &words, b->err);
    if (status == STATUS_OK && !text_is(words, "whitespace") && !text_is(words, "spaces"))
        status = error_set(b->err, STATUS_UNSUPPORTED,
                           "%s cuts words at \"%.*s\"; this program knows \"whitespace\" and \"spaces\"",
                           gguf_path(b->file), (int)(words.len < 40 ? words.len : 40), words.data);
    if (status == STATUS_OK)
        status = flag(b, "cognate.unigram.merge_spaces", &merge);
    if (status == STATUS_OK)
        status = flag(b, "cognate.unigram.strip_left", &left);
    if (status == STATUS_OK)
        status = flag(b, "cognate.unigram.strip_right", &right);
    if (status != STATUS_OK)
        return status;
    b->head.words = text_is(words, "whitespace") ? WORDS_WHITESPACE : WORDS_SPACES;
    b->head.merge_spaces = merge;
    b->head.strip_left = left;
    b->head.strip_right = right;
    return STATUS_OK;
}

static enum status read_settings(struct builder *b)
{
    enum status status = b->head.kind == TABLES_WORDPIECE       ? read_wordpiece_settings(b)
                         : b->head.kind == TABLES_BPE           ? read_bpe_settings(b)
                         : b->head.kind == TABLES_UNIGRAM_WORDS ? read_words_settings(b)
                                                                : read_unigram_settings(b);
    if (status == STATUS_OK)
        status = drop_unwanted(b, "tokenizer.ggml.add_bos_token", &b->head.start);
    return status == STATUS_OK ? drop_unwanted(b, "tokenizer.ggml.add_eos_token", &b->head.end) : status;
}

static uint64_t place(uint64_t *size, uint64_t count, size_t each)
{
    uint64_t at = arena_rounded(*size);
    *size = at + count * each;
    return at;
}

/* Where the parts lie, by their counts, each of 32 bits. */
static void lay_out(struct tables *head)
{
    head->size = sizeof *head + TABLES_PAGES * sizeof(uint16_t);
    head->characters = place(&head->size, (uint64_t)head->page_count * 256, sizeof(uint32_t));
    head->nodes = place(&head->size, head->node_count, sizeof(trie_node));
    head->scores = place(&head->size, head->piece_count, sizeof(float));
    head->pieces = place(&head->size, head->piece_count, sizeof(uint32_t));
    head->merges = place(&head->size, head->merge_slots, sizeof(uint64_t));
    head->joined = place(&head->size, head->rank_count, sizeof(uint32_t));
}

bool tables_usable(const void *block, size_t size, enum tables_kind kind, const struct gguf_array *pieces)
{
    struct tables kept, wanted;
    if (size < sizeof kept)
        return false;
    memcpy(&kept, block, sizeof kept);
    wanted = kept;
    lay_out(&wanted);
    return memcmp(&kept, &wanted, sizeof kept) == 0 && kept.size == size && kept.kind == kind &&
           kept.piece_count == pieces->count && kept.piece_bytes == pieces->size;
}

static enum status assemble(struct builder *b, struct tables **out)
{
    struct tables *head = &b->head;
    lay_out(head);
    unsigned char *block = big_alloc(head->size);
    if (block == NULL)
        return error_memory(b->err, "building the tokenizer");
    memcpy(block, head, sizeof *head);
    memcpy(block + sizeof *head, b->pages, sizeof b->pages);
    memcpy(block + head->characters, b->characters, (size_t)head->page_count * 256 * sizeof *b->characters);
    if (head->node_count > 0)
        memcpy(block + head->nodes, b->nodes, head->node_count * sizeof *b->nodes);
    memcpy(block + head->scores, b->scores, head->piece_count * sizeof *b->scores);
    memcpy(block + head->pieces, b->offsets, head->piece_count * sizeof *b->offsets);
    if (head->merge_slots > 0) {
        memcpy(block + head->merges, b->merges.slots, head->merge_slots * sizeof *b->merges.slots);
        memcpy(block + head->joined, b->merges.joined, head->rank_count * sizeof *b->merges.joined);
    }
    *out = (struct tables *)block;
    return STATUS_OK;
}

static enum status reserve(struct builder *b)
{
    size_t pieces = b->head.piece_count, letters = b->pieces.size - pieces * sizeof(uint64_t);
    b->counts = calloc(TRIE_SYMBOLS, sizeof *b->counts);
    b->offsets = malloc(pieces * sizeof *b->offsets);
    b->scores = malloc(pieces * sizeof *b->scores);
    b->keys = malloc(pieces * sizeof *b->keys);
    b->spelling = malloc((letters + 1) * sizeof *b->spelling);
    b->page_capacity = 512;
    b->characters = calloc((size_t)b->page_capacity * 256, sizeof *b->characters);
    return b->counts != NULL && b->offsets != NULL && b->scores != NULL && b->keys != NULL &&
                   b->spelling != NULL && b->characters != NULL
               ? STATUS_OK
               : error_memory(b->err, "building the tokenizer");
}

/* What only a Unigram model has. */
static enum status add_unigram_parts(struct builder *b)
{
    enum status status = set_unknown(b);
    if (status == STATUS_OK && b->head.kind == TABLES_UNIGRAM)
        status = set_user_pieces(b);
    return status == STATUS_OK ? mark_characters(b) : status;
}

static enum status add_merges(struct builder *b)
{
    enum status status = merges_build(b->file, &b->pieces, b->offsets, &b->types, &b->merges, b->err);
    if (status != STATUS_OK)
        return status;
    b->head.merge_slots = b->merges.slot_count;
    b->head.rank_count = b->merges.rank_count;
    memcpy(b->head.bytes, b->merges.bytes, sizeof b->head.bytes);
    return STATUS_OK;
}

static enum status build(struct builder *b, struct tables **out)
{
    enum status status = open_lists(b);
    b->head.page_count = 1; /* page 0: characters that nothing is known about */
    b->symbol_count = SYMBOL_SPACE + 1;
    if (status == STATUS_OK && (status = reserve(b)) == STATUS_OK &&
        (status = mark(b, SPACE_SIGN, SYMBOL_SPACE)) == STATUS_OK && (status = read_pieces(b)) == STATUS_OK)
        status = renumber(b);
    if (status == STATUS_OK && is_unigram(b))
        status = add_unigram_parts(b);
    if (status == STATUS_OK)
        status = read_settings(b);
    if (status == STATUS_OK && b->head.kind == TABLES_BPE)
        status = add_merges(b);
    else if (status == STATUS_OK)
        status = trie_build(b->keys, b->key_count, b->symbol_count, &b->nodes, &b->head.node_count, b->err);
    return status == STATUS_OK ? assemble(b, out) : status;
}

enum status tables_build(const struct gguf *file, enum tables_kind kind, const struct rules *rules,
                         struct tables **out, struct error *err)
{
    struct builder b = {.file = file, .rules = rules, .err = err, .head.kind = kind};
    enum status status = build(&b, out);
    free(b.characters);
    free(b.counts);
    free(b.offsets);
    free(b.scores);
    free(b.spelling);
    free(b.keys);
    free(b.nodes);
    free(b.merges.slots);
    free(b.merges.joined);
    return status;
}

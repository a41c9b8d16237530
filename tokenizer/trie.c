/* Building goes from the root down, level by level, so that the nodes near the root, which every walk passes,
 * lie together; only where a single key is left its nodes are set at once, as neighbours. A group is the keys
 * that share the string of a node; it is split by the next symbol, and the children get the lowest base where
 * every one of their places is free and which no other node has. Bitmaps of the free places and of the bases
 * in use answer that for 64 bases at a time: the bitmap, read at each child's distance, is combined with
 * "and".
 *
 * Places fill up from the front. Searching starts at the first word of the bitmap that is not known to be
 * full; where a group with several children finds nothing within SEARCH words, the start moves up, so
 * building stays linear and leaves holes that groups with one child fill.
 */
#include "tokenizer/trie.h"

#include <stdlib.h>
#include <string.h>

#define SEARCH 64 /* words of the bitmap looked at before the table grows */
#define EMPTY  trie_pack(TRIE_NONE, 0, TRIE_SYMBOLS)

struct group {
    uint32_t low, high; /* keys */
    uint32_t depth;     /* symbols they share */
    uint32_t node;
};

struct child {
    uint32_t symbol;
    uint32_t low, high; /* keys */
};

/* A key on its way: the symbol that its group is split by next stands with it, so that sorting need not look
 * at the spelling twice. */
struct item {
    const uint16_t *symbols;
    uint32_t piece;
    uint16_t length;
    uint16_t next; /* 0: the key ends here */
};

struct builder {
    struct item *items, *spare; /* spare: room for sorting a group */
    uint32_t symbols;
    trie_node *nodes;
    uint64_t *free_places; /* a bit for each node */
    uint64_t *free_bases;  /* bit i: for base i - 64 */
    size_t capacity;       /* in nodes; a multiple of 64 */
    size_t used;           /* behind the last place that a step can look at */
    size_t single_start;   /* word where a search for one place starts */
    size_t start;          /* word where a search for several places starts */
    uint32_t *counts;      /* keys by symbol, zero between uses */
    struct child *children;
    struct group *groups; /* found so far, in the order they are split */
    size_t group_count, group_capacity;
    struct error *err;
};

static enum status reserve(struct builder *b, size_t count)
{
    if (count <= b->capacity)
        return STATUS_OK;
    size_t capacity = b->capacity + b->capacity / 2;
    capacity = ((capacity > count ? capacity : count) + 63) / 64 * 64;
    if (count > TRIE_NODES)
        return error_set(b->err, STATUS_UNSUPPORTED,
                         "the pieces of the tokenizer need a table of more than %d nodes", TRIE_NODES);
    trie_node *nodes = realloc(b->nodes, capacity * sizeof *nodes);
    if (nodes != NULL)
        b->nodes = nodes;
    uint64_t *free_places = realloc(b->free_places, capacity / 8);
    if (free_places != NULL)
        b->free_places = free_places;
    uint64_t *free_bases = realloc(b->free_bases, capacity / 8 + sizeof *free_bases);
    if (free_bases != NULL)
        b->free_bases = free_bases;
    if (nodes == NULL || free_places == NULL || free_bases == NULL)
        return error_memory(b->err, "building the tokenizer");
    for (size_t i = b->capacity; i < capacity; i++)
        b->nodes[i] = EMPTY;
    memset(b->free_places + b->capacity / 64, 0xFF, (capacity - b->capacity) / 8);
    size_t known = b->capacity == 0 ? 0 : b->capacity / 64 + 1;
    memset(b->free_bases + known, 0xFF, (capacity / 64 + 1 - known) * sizeof *free_bases);
    b->capacity = capacity;
    return STATUS_OK;
}

static uint64_t bits_at(const uint64_t *bitmap, size_t at)
{
    size_t word = at / 64, bit = at % 64;
    uint64_t bits = bitmap[word] >> bit;
    return bit == 0 ? bits : bits | bitmap[word + 1] << (64 - bit);
}

static void take(uint64_t *bitmap, size_t at)
{
    bitmap[at / 64] &= ~((uint64_t)1 << at % 64);
}

/* A base for `count` children, with the table made large enough for every symbol beside it. */
static enum status find_base(struct builder *b, const struct child *children, uint32_t count, uint32_t *base)
{
    uint32_t first = children[0].symbol;
    for (uint32_t i = 1; i < count; i++)
        first = children[i].symbol < first ? children[i].symbol : first;
    size_t *start = count == 1 ? &b->single_start : &b->start;
    for (size_t word = *start;; word++) {
        enum status status = reserve(b, (word + 2) * 64 + b->symbols);
        if (status != STATUS_OK)
            return status;
        /* Bit i of fits: the first child can stand at place word * 64 + i. */
        uint64_t fits = b->free_places[word];
        if (fits == 0 && word == *start)
            ++*start;
        if (fits != 0)
            fits &= bits_at(b->free_bases, word * 64 + 64 - first);
        for (uint32_t i = 0; i < count && fits != 0; i++)
            fits &= bits_at(b->free_places, word * 64 + (children[i].symbol - first));
        if (fits != 0) {
            *base = (uint32_t)(word * 64 + (size_t)__builtin_ctzll(fits)) - first;
            take(b->free_bases, (size_t)*base + 64);
            if (word - *start > SEARCH)
                *start += SEARCH / 8;
            if (*base + b->symbols > b->used)
                b->used = (size_t)*base + b->symbols;
            return STATUS_OK;
        }
    }
}

static enum status push(struct builder *b, struct group g)
{
    if (b->group_count == b->group_capacity) {
        size_t capacity = b->group_capacity * 2 + 1024;
        struct group *groups = realloc(b->groups, capacity * sizeof *groups);
        if (groups == NULL)
            return error_memory(b->err, "building the tokenizer");
        b->groups = groups;
        b->group_capacity = capacity;
    }
    b->groups[b->group_count++] = g;
    return STATUS_OK;
}

static enum status equal_keys(const struct builder *b, uint32_t one, uint32_t other)
{
    return error_set(b->err, STATUS_CORRUPT,
                     "the tokenizer has one piece under two numbers, %u and %u; fetch the model again", one,
                     other);
}

static void set_piece(struct builder *b, uint32_t node, uint32_t piece)
{
    b->nodes[node] = trie_pack(piece, trie_base(b->nodes[node]), (uint32_t)(b->nodes[node] & 0xFFFF));
}

/* Sorts a group by the next symbol, in order of first appearance; the key that ends here leaves it and comes
 * out as `piece`. */
static enum status split(struct builder *b, struct group g, uint32_t *count, uint32_t *piece)
{
    uint32_t at = g.low;
    *count = 0;
    *piece = TRIE_NONE;
    for (uint32_t i = g.low; i < g.high; i++) {
        uint32_t symbol = b->items[i].next;
        if (symbol != 0) {
            if (b->counts[symbol]++ == 0)
                b->children[(*count)++].symbol = symbol;
        } else if (*piece == TRIE_NONE) {
            *piece = b->items[i].piece;
        } else {
            return equal_keys(b, *piece, b->items[i].piece);
        }
    }
    for (uint32_t i = 0; i < *count; i++) {
        struct child *c = &b->children[i];
        uint32_t size = b->counts[c->symbol];
        c->low = b->counts[c->symbol] = at;
        at += size;
    }
    for (uint32_t i = g.low; i < g.high; i++) {
        struct item item = b->items[i];
        uint32_t *place = &b->counts[item.next];
        if (item.next == 0)
            continue;
        item.next = item.length > g.depth + 1 ? item.symbols[g.depth + 1] : 0;
        b->spare[(*place)++] = item;
    }
    memcpy(b->items + g.low, b->spare + g.low, (at - g.low) * sizeof *b->items);
    for (uint32_t i = 0; i < *count; i++) {
        b->children[i].high = b->counts[b->children[i].symbol];
        b->counts[b->children[i].symbol] = 0;
    }
    return STATUS_OK;
}

/* Places the children of a group's node. */
static enum status place(struct builder *b, uint32_t node, const struct child *children, uint32_t count,
                         uint32_t *base)
{
    enum status status = find_base(b, children, count, base);
    if (status != STATUS_OK)
        return status;
    b->nodes[node] |= trie_pack(0, *base, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = *base + children[i].symbol;
        b->nodes[at] = trie_pack(TRIE_NONE, 0, children[i].symbol);
        take(b->free_places, at);
    }
    return STATUS_OK;
}

/* The nodes of a key that is alone in its group. */
static enum status add_tail(struct builder *b, struct group g)
{
    const struct item *item = &b->items[g.low];
    enum status status = STATUS_OK;
    uint32_t base = 0;
    for (uint32_t depth = g.depth; depth < item->length && status == STATUS_OK; depth++) {
        struct child only = {.symbol = item->symbols[depth]};
        status = place(b, g.node, &only, 1, &base);
        g.node = base + only.symbol;
    }
    if (status == STATUS_OK)
        set_piece(b, g.node, item->piece);
    return status;
}

static enum status grow(struct builder *b, struct group g)
{
    uint32_t count = 0, base = 0, piece = TRIE_NONE;
    if (g.high - g.low == 1)
        return add_tail(b, g);
    enum status status = split(b, g, &count, &piece);
    if (status != STATUS_OK)
        return status;
    set_piece(b, g.node, piece);
    status = place(b, g.node, b->children, count, &base);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct child *c = &b->children[i];
        status = push(b, (struct group){c->low, c->high, g.depth + 1, base + c->symbol});
    }
    return status;
}

static enum status build(struct builder *b, uint32_t count)
{
    enum status status = reserve(b, (size_t)b->symbols + (size_t)count * 3);
    if (status != STATUS_OK)
        return status;
    b->used = b->symbols;
    for (uint32_t i = 0; i < b->symbols; i++)
        take(b->free_places, i);
    b->start = b->single_start = b->symbols / 64;
    if (count == 0)
        return STATUS_OK;
    uint32_t children = 0, piece;
    status = split(b, (struct group){0, count, 0, 0}, &children, &piece);
    for (uint32_t i = 0; i < children && status == STATUS_OK; i++) {
        const struct child *c = &b->children[i];
        status = push(b, (struct group){c->low, c->high, 1, c->symbol});
    }
    for (size_t i = 0; i < b->group_count && status == STATUS_OK; i++)
        status = grow(b, b->groups[i]);
    return status;
}

enum status trie_build(const struct trie_key *keys, uint32_t count, uint32_t symbols, trie_node **nodes,
                       uint32_t *node_count, struct error *err)
{
    struct builder b = {.symbols = symbols, .err = err};
    b.items = malloc((count + 1) * sizeof *b.items);
    b.spare = malloc((count + 1) * sizeof *b.spare);
    b.counts = calloc(symbols, sizeof *b.counts);
    b.children = malloc(symbols * sizeof *b.children);
    for (uint32_t i = 0; i < count && b.items != NULL; i++)
        b.items[i] =
            (struct item){keys[i].symbols, keys[i].piece, (uint16_t)keys[i].length, keys[i].symbols[0]};
    enum status status = b.items != NULL && b.spare != NULL && b.counts != NULL && b.children != NULL
                             ? build(&b, count)
                             : error_memory(err, "building the tokenizer");
    if (status == STATUS_OK) {
        *nodes = b.nodes;
        *node_count = (uint32_t)b.used;
        b.nodes = NULL;
    }
    free(b.nodes);
    free(b.free_places);
    free(b.free_bases);
    free(b.items);
    free(b.spare);
    free(b.counts);
    free(b.children);
    free(b.groups);
    return status;
}

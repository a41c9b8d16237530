/* Building goes from the root down, level by level, so that the nodes near the root, which every walk passes,
 * lie together. A group is the keys that share the string of a node; it is split by the next symbol, and the
 * children get the lowest base where every one of their places is free. A bitmap of the free places answers
 * that for 64 bases at a time: the bitmap, read at each child's distance, is combined with "and".
 *
 * Places fill up from the front. Searching starts at the first word of the bitmap that is not known to be
 * full; where a group with several children finds nothing within SEARCH words, the start moves up, so
 * building stays linear and leaves holes that groups with one child fill.
 */
#include "tokenizer/trie.h"

#include <stdlib.h>
#include <string.h>

#define SEARCH 64 /* words of the bitmap looked at before the table grows */

struct group {
    uint32_t low, high; /* keys */
    uint32_t depth;     /* symbols they share */
    uint32_t node;
};

struct child {
    uint32_t symbol;
    uint32_t low, high; /* keys */
};

struct builder {
    struct trie_key *keys, *spare; /* spare: room for sorting a group */
    uint32_t symbols;
    struct trie_node *nodes;
    uint64_t *free_places; /* a bit for each node */
    size_t capacity;       /* of both, in nodes; a multiple of 64 */
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
    struct trie_node *nodes = capacity < TRIE_NONE ? realloc(b->nodes, capacity * sizeof *nodes)
                                                   : NULL; /* node numbers are 32 bits */
    if (nodes != NULL)
        b->nodes = nodes;
    uint64_t *free_places = nodes != NULL ? realloc(b->free_places, capacity / 8) : NULL;
    if (free_places == NULL)
        return error_memory(b->err, "building the tokenizer");
    b->free_places = free_places;
    for (size_t i = b->capacity; i < capacity; i++)
        b->nodes[i] = (struct trie_node){0, TRIE_NONE, TRIE_NONE, 0};
    memset(b->free_places + b->capacity / 64, 0xFF, (capacity - b->capacity) / 8);
    b->capacity = capacity;
    return STATUS_OK;
}

static uint64_t free_at(const struct builder *b, size_t place)
{
    size_t word = place / 64, bit = place % 64;
    uint64_t bits = b->free_places[word] >> bit;
    return bit == 0 ? bits : bits | b->free_places[word + 1] << (64 - bit);
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
        for (uint32_t i = 0; i < count && fits != 0; i++)
            fits &= free_at(b, word * 64 + (children[i].symbol - first));
        if (fits != 0) {
            *base = (uint32_t)(word * 64 + (size_t)__builtin_ctzll(fits)) - first;
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

/* Takes the key that ends at the group's node out of the group and gives its piece to the node. */
static enum status settle(struct builder *b, struct group *g)
{
    struct trie_node *node = &b->nodes[g->node];
    for (uint32_t i = g->low; i < g->high; i++) {
        struct trie_key key = b->keys[i];
        if (key.length != g->depth)
            continue;
        if (node->piece != TRIE_NONE)
            return error_set(
                b->err, STATUS_CORRUPT,
                "the tokenizer has one piece under two numbers, %u and %u; fetch the model again",
                node->piece, key.piece);
        node->piece = key.piece;
        node->score = key.score;
        b->keys[i] = b->keys[g->low];
        b->keys[g->low++] = key;
    }
    return STATUS_OK;
}

/* Sorts a group by the symbol behind the shared ones, in order of first appearance; returns the number of
 * children. */
static uint32_t split(struct builder *b, struct group g)
{
    uint32_t count = 0;
    if (g.high - g.low == 1) {
        b->children[0] = (struct child){b->keys[g.low].symbols[g.depth], g.low, g.high};
        return 1;
    }
    for (uint32_t i = g.low; i < g.high; i++) {
        uint32_t symbol = b->keys[i].symbols[g.depth];
        if (b->counts[symbol]++ == 0)
            b->children[count++].symbol = symbol;
    }
    uint32_t at = g.low;
    for (uint32_t i = 0; i < count; i++) {
        struct child *c = &b->children[i];
        uint32_t size = b->counts[c->symbol];
        c->low = c->high = at;
        b->counts[c->symbol] = at;
        at += size;
    }
    if (count > 1) {
        for (uint32_t i = g.low; i < g.high; i++)
            b->spare[b->counts[b->keys[i].symbols[g.depth]]++] = b->keys[i];
        memcpy(b->keys + g.low, b->spare + g.low, (g.high - g.low) * sizeof *b->keys);
    } else {
        b->counts[b->children[0].symbol] = at;
    }
    for (uint32_t i = 0; i < count; i++) {
        b->children[i].high = b->counts[b->children[i].symbol];
        b->counts[b->children[i].symbol] = 0;
    }
    return count;
}

static enum status grow(struct builder *b, struct group g)
{
    enum status status = settle(b, &g);
    if (status != STATUS_OK || g.low == g.high)
        return status;
    uint32_t count = split(b, g), base = 0;
    status = find_base(b, b->children, count, &base);
    if (status != STATUS_OK)
        return status;
    b->nodes[g.node].base = base;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct child *c = &b->children[i];
        uint32_t place = base + c->symbol;
        b->nodes[place].owner = g.node;
        b->free_places[place / 64] &= ~((uint64_t)1 << place % 64);
        status = push(b, (struct group){c->low, c->high, g.depth + 1, place});
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
        b->free_places[i / 64] &= ~((uint64_t)1 << i % 64);
    b->start = b->single_start = b->symbols / 64;
    if (count == 0)
        return STATUS_OK;
    uint32_t children = split(b, (struct group){0, count, 0, TRIE_NONE});
    for (uint32_t i = 0; i < children && status == STATUS_OK; i++) {
        const struct child *c = &b->children[i];
        status = push(b, (struct group){c->low, c->high, 1, c->symbol});
    }
    for (size_t i = 0; i < b->group_count && status == STATUS_OK; i++)
        status = grow(b, b->groups[i]);
    return status;
}

enum status trie_build(struct trie_key *keys, uint32_t count, uint32_t symbols, struct trie_node **nodes,
                       uint32_t *node_count, struct error *err)
{
    struct builder b = {.keys = keys, .symbols = symbols, .err = err};
    b.spare = malloc((count + 1) * sizeof *b.spare);
    b.counts = calloc(symbols, sizeof *b.counts);
    b.children = malloc(symbols * sizeof *b.children);
    enum status status = b.spare != NULL && b.counts != NULL && b.children != NULL
                             ? build(&b, count)
                             : error_memory(err, "building the tokenizer");
    if (status == STATUS_OK) {
        *nodes = b.nodes;
        *node_count = (uint32_t)b.used;
        b.nodes = NULL;
    }
    free(b.nodes);
    free(b.free_places);
    free(b.spare);
    free(b.counts);
    free(b.children);
    free(b.groups);
    return status;
}

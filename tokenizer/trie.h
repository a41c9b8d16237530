/* The pieces of a vocabulary as a double array over characters, each written as a small number, its symbol.
 *
 * Node s, for a symbol s, stands for the one-character string s, so a walk starts without a look-up. The
 * child of node n by symbol s is node[n].base + s, if that node's owner is n. A node without children has
 * base 0, where no node has an owner. base + s is within the table for every symbol, so a step needs no
 * further check.
 *
 *     node     0 … symbols - 1   | symbols …
 *              one character     | longer strings, wherever they fit
 */
#ifndef COGNATE_TOKENIZER_TRIE_H
#define COGNATE_TOKENIZER_TRIE_H

#include <stdint.h>

#include "common/status.h"

#define TRIE_NONE UINT32_MAX

struct trie_node {
    uint32_t base;
    uint32_t owner; /* TRIE_NONE: of one character, or unused */
    uint32_t piece; /* the piece that ends here, TRIE_NONE when there is none */
    float score;    /* of that piece */
};

struct trie_key {
    const uint16_t *symbols;
    uint32_t length; /* > 0 */
    uint32_t piece;
    float score;
};

/* Builds the table from keys that differ; their order is changed. *nodes is the caller's, to be freed with
 * free(). CORRUPT when two keys are equal. */
enum status trie_build(struct trie_key *keys, uint32_t count, uint32_t symbols, struct trie_node **nodes,
                       uint32_t *node_count, struct error *err);

/* The child of node `at` by `symbol`, or TRIE_NONE. */
static inline uint32_t trie_step(const struct trie_node *nodes, uint32_t at, uint32_t symbol)
{
    uint32_t child = nodes[at].base + symbol;
    return nodes[child].owner == at ? child : TRIE_NONE;
}

#endif

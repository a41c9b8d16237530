/* The pieces of a vocabulary as a double array over characters, each written as a small number, its symbol.
 *
 * A node is 64 bits, and its value is all that a walk carries:
 *
 *     | piece, 24 bits | base, 24 bits | label, 16 bits |
 *
 * Node s, for a symbol s, stands for the one-character string s, so a walk starts without a look-up. The
 * child of a node by symbol s stands at base + s, if the label there is s.
 *
 *     node     0 … symbols - 1   | symbols …
 *              one character     | longer strings, wherever they fit
 *
 * (1) No two nodes with children share a base, so a label tells the parent too. (2) A node without children
 * has base 0, where the nodes of one character are; they, and unused ones, carry a label that no symbol
 * equals. (3) base + s is within the table for every symbol, so a step needs no further check.
 */
#ifndef COGNATE_TOKENIZER_TRIE_H
#define COGNATE_TOKENIZER_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"

#define TRIE_SYMBOLS 0xFFFFu   /* symbols are below it */
#define TRIE_NODES   0x1000000 /* nodes of a table, at most */
#define TRIE_NONE    0xFFFFFFu /* no piece ends here */

typedef uint64_t trie_node;

struct trie_key {
    const uint16_t *symbols; /* none of them 0 */
    uint32_t length;         /* 1 to 65535 */
    uint32_t piece;          /* < TRIE_NONE */
};

/* Builds the table from keys that differ. *nodes is the caller's, to be freed with
 * free(). CORRUPT when two keys are equal, UNSUPPORTED when they need more than TRIE_NODES. */
enum status trie_build(const struct trie_key *keys, uint32_t count, uint32_t symbols, trie_node **nodes,
                       uint32_t *node_count, struct error *err);

static inline uint32_t trie_piece(trie_node node)
{
    return (uint32_t)(node >> 40);
}

static inline uint32_t trie_base(trie_node node)
{
    return (uint32_t)(node >> 16) & 0xFFFFFF;
}

static inline trie_node trie_pack(uint32_t piece, uint32_t base, uint32_t label)
{
    return (trie_node)piece << 40 | (trie_node)base << 16 | label;
}

/* From a node to its child by `symbol`; false, and *node changed, when there is none. */
static inline bool trie_step(const trie_node *nodes, trie_node *node, uint32_t symbol)
{
    *node = nodes[trie_base(*node) + symbol];
    return (*node & 0xFFFF) == symbol;
}

#endif

/* Vectors of queries that were asked before: people and pages repeat themselves, and a vector depends on its
 * text alone.
 *
 *     struct query_cache *c = NULL;
 *     struct query_key key;
 *     if (query_cache_new(space_id, width, 16 << 20, &c, &err) != STATUS_OK) …
 *     query_cache_key(c, prompt, text, &key);
 *     if (!query_cache_find(c, &key, vector, &tokens))
 *         embed, then query_cache_keep(c, &key, vector, tokens);
 *     query_cache_free(c);
 *
 * Bounded: what was used longest ago makes room. Safe from any number of threads. A key is a SHA-256, so two
 * texts never share one; the texts themselves are not kept.
 *
 *     heads     | by the first bytes of a key: a slot |
 *     slots     | key, tokens, next of its head, newer, older |       1 to capacity; 0 is none
 *     vectors   | one a slot |
 */
#ifndef COGNATE_SERVER_QUERY_CACHE_H
#define COGNATE_SERVER_QUERY_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

struct query_cache;

struct query_key {
    unsigned char bytes[32];
};

/* Of a text: with its prompt, <s> and </s>, and on its own. */
struct query_tokens {
    uint32_t all, own;
};

struct query_cache_stats {
    uint64_t hits, misses;
    size_t entries, capacity;
};

/* For vectors of `width` floats, in at most `bytes` of memory, of which only what is used is touched; at
 * least one entry. */
enum status query_cache_new(const unsigned char space_id[32], size_t width, size_t bytes,
                            struct query_cache **out, struct error *err);
void query_cache_free(struct query_cache *c); /* accepts NULL */

void query_cache_key(const struct query_cache *c, struct text prompt, struct text text,
                     struct query_key *out);

bool query_cache_find(struct query_cache *c, const struct query_key *key, float *vector,
                      struct query_tokens *tokens);
void query_cache_keep(struct query_cache *c, const struct query_key *key, const float *vector,
                      struct query_tokens tokens);

void query_cache_stats(struct query_cache *c, struct query_cache_stats *out);

#endif

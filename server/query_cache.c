#include "server/query_cache.h"

#include <nettle/sha2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    struct query_key key;
    struct query_tokens tokens;
    uint32_t next;         /* of the same head */
    uint32_t newer, older; /* by use */
};

struct query_cache {
    unsigned char space_id[32];
    size_t width, capacity, used;
    pthread_mutex_t lock;
    uint32_t newest, oldest;
    uint32_t *heads; /* a power of two of them */
    size_t mask;
    struct slot *slots; /* [capacity + 1] */
    float *vectors;     /* [capacity + 1][width] */
    uint64_t hits, misses;
};

enum status query_cache_new(const unsigned char space_id[32], size_t width, size_t bytes,
                            struct query_cache **out, struct error *err)
{
    size_t each = sizeof(struct slot) + 2 * sizeof(uint32_t) + width * sizeof(float), heads = 1;
    struct query_cache *c = calloc(1, sizeof *c);
    if (c == NULL)
        return error_memory(err, "starting the cache of queries");
    memcpy(c->space_id, space_id, sizeof c->space_id);
    c->width = width;
    c->capacity = bytes / each < 1 ? 1 : bytes / each > UINT32_MAX / 2 ? UINT32_MAX / 2 : bytes / each;
    while (heads < c->capacity)
        heads *= 2;
    c->mask = heads - 1;
    pthread_mutex_init(&c->lock, NULL);
    c->heads = calloc(heads, sizeof *c->heads);
    c->slots = calloc(c->capacity + 1, sizeof *c->slots);
    c->vectors = calloc(c->capacity + 1, width * sizeof *c->vectors);
    if (c->heads == NULL || c->slots == NULL || c->vectors == NULL) {
        query_cache_free(c);
        return error_memory(err, "starting the cache of queries");
    }
    *out = c;
    return STATUS_OK;
}

void query_cache_free(struct query_cache *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c->heads);
    free(c->slots);
    free(c->vectors);
    free(c);
}

void query_cache_key(const struct query_cache *c, struct text prompt, struct text text, struct query_key *out)
{
    struct sha256_ctx sha;
    uint64_t length = prompt.len;
    sha256_init(&sha);
    sha256_update(&sha, sizeof c->space_id, c->space_id);
    sha256_update(&sha, sizeof length, (const uint8_t *)&length);
    sha256_update(&sha, prompt.len, (const uint8_t *)prompt.data);
    sha256_update(&sha, text.len, (const uint8_t *)text.data);
    sha256_digest(&sha, sizeof out->bytes, out->bytes);
}

/* ---- under the lock ---- */

static uint32_t *head_of(struct query_cache *c, const struct query_key *key)
{
    uint64_t bits;
    memcpy(&bits, key->bytes, sizeof bits);
    return &c->heads[bits & c->mask];
}

static uint32_t find(struct query_cache *c, const struct query_key *key)
{
    uint32_t i = *head_of(c, key);
    while (i != 0 && memcmp(&c->slots[i].key, key, sizeof *key) != 0)
        i = c->slots[i].next;
    return i;
}

/* Slot 0 takes the writes at the ends of the row. */
static void leave_row(struct query_cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];
    c->slots[s->newer].older = s->older;
    c->slots[s->older].newer = s->newer;
    if (c->newest == i)
        c->newest = s->older;
    if (c->oldest == i)
        c->oldest = s->newer;
}

static void enter_row(struct query_cache *c, uint32_t i)
{
    c->slots[i].newer = 0;
    c->slots[i].older = c->newest;
    c->slots[c->newest].newer = i;
    c->newest = i;
    if (c->oldest == 0)
        c->oldest = i;
}

static void unhook(struct query_cache *c, uint32_t i)
{
    uint32_t *at = head_of(c, &c->slots[i].key);
    while (*at != i)
        at = &c->slots[*at].next;
    *at = c->slots[i].next;
}

/* A slot that nothing points to. */
static uint32_t make_room(struct query_cache *c)
{
    if (c->used < c->capacity)
        return (uint32_t)++c->used;
    uint32_t i = c->oldest;
    leave_row(c, i);
    unhook(c, i);
    return i;
}

/* ---- from any thread ---- */

bool query_cache_find(struct query_cache *c, const struct query_key *key, float *vector,
                      struct query_tokens *tokens)
{
    pthread_mutex_lock(&c->lock);
    uint32_t i = find(c, key);
    if (i != 0) {
        leave_row(c, i);
        enter_row(c, i);
        memcpy(vector, c->vectors + i * c->width, c->width * sizeof *vector);
        *tokens = c->slots[i].tokens;
    }
    c->hits += i != 0;
    c->misses += i == 0;
    pthread_mutex_unlock(&c->lock);
    return i != 0;
}

void query_cache_keep(struct query_cache *c, const struct query_key *key, const float *vector,
                      struct query_tokens tokens)
{
    pthread_mutex_lock(&c->lock);
    if (find(c, key) == 0) {
        uint32_t i = make_room(c), *head = head_of(c, key);
        c->slots[i].key = *key;
        c->slots[i].tokens = tokens;
        c->slots[i].next = *head;
        *head = i;
        enter_row(c, i);
        memcpy(c->vectors + i * c->width, vector, c->width * sizeof *vector);
    }
    pthread_mutex_unlock(&c->lock);
}

void query_cache_stats(struct query_cache *c, struct query_cache_stats *out)
{
    pthread_mutex_lock(&c->lock);
    *out = (struct query_cache_stats){c->hits, c->misses, c->used, c->capacity};
    pthread_mutex_unlock(&c->lock);
}

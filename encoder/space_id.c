/* What makes vectors comparable: everything that a vector's bits depend on and nothing else. A new
 * description or a new relevance curve leaves the space as it is. */
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "common/cache.h"
#include "encoder/encoder.h"
#include "encoder/kernels.h"

static void add_number(struct sha256_ctx *sha, uint64_t value)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    sha256_update(sha, sizeof bytes, bytes);
}

static void add_text(struct sha256_ctx *sha, struct text text)
{
    add_number(sha, text.len);
    sha256_update(sha, text.len, (const uint8_t *)text.data);
}

static bool starts_with(struct text text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.len >= n && memcmp(text.data, prefix, n) == 0;
}

static bool counts(struct text key)
{
    return !starts_with(key, "cognate.canary.") && !starts_with(key, "cognate.relevance") &&
           (!starts_with(key, "general.") || text_is(key, "general.architecture"));
}

static void work_out(const struct gguf *file, enum precision precision, unsigned char out[SHA256_DIGEST_SIZE])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    add_number(&sha, NUMERICS_VERSION);
    add_number(&sha, precision);
    for (uint64_t i = 0; i < gguf_pair_count(file); i++) {
        struct text key, pair = gguf_pair(file, i, &key);
        if (counts(key))
            add_text(&sha, pair);
    }
    for (uint64_t i = 0; i < gguf_tensor_count(file); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(file, i);
        add_text(&sha, t->name);
        add_number(&sha, t->type);
        for (size_t j = 0; j < 4; j++)
            add_number(&sha, t->dims[j]);
        sha256_update(&sha, t->size, t->data);
    }
    sha256_digest(&sha, SHA256_DIGEST_SIZE, out);
}

void model_space_id(const struct gguf *file, const struct model_options *options, unsigned char out[32])
{
    const char *name = options->precision == PRECISION_INT8 ? "space-int8" : "space-f32";
    struct cache_entry kept = {0};
    if (options->digest != NULL && cache_open(&kept, options->digest, name, NUMERICS_VERSION) &&
        kept.size == SHA256_DIGEST_SIZE) {
        memcpy(out, kept.data, SHA256_DIGEST_SIZE);
    } else {
        work_out(file, options->precision, out);
        if (options->digest != NULL)
            cache_store(options->digest, name, NUMERICS_VERSION, out, SHA256_DIGEST_SIZE);
    }
    cache_close(&kept);
}

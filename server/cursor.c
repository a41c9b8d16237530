/* A cursor is base64url of
 *
 *     1      version
 *     8      generation          numbers little-endian
 *     16     digest of the query
 *     4      seen
 *     8      score, as the bits of a double
 *     1…512  id
 *     8      first bytes of SHA-256 over all of the above
 */
#include "server/cursor.h"

#include <math.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <string.h>

#include "common/utf8.h"

#define VERSION 1
#define HEAD    (1 + 8 + CURSOR_QUERY + 4 + 8)
#define SUM     8
#define MOST    (HEAD + CURSOR_ID_BYTES + SUM)

_Static_assert(BASE64_ENCODE_RAW_LENGTH(MOST) < CURSOR_TEXT, "the longest cursor fits");

static void put(unsigned char *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(number >> 8 * i);
}

static uint64_t get(const unsigned char *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << 8 * i;
    return number;
}

static void sum_of(const unsigned char *bytes, size_t n, unsigned char out[SUM])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, n, bytes);
    sha256_digest(&sha, SUM, out);
}

void cursor_encode(const struct cursor *c, char out[CURSOR_TEXT])
{
    unsigned char raw[MOST];
    struct base64_encode_ctx base64;
    uint64_t score;
    memcpy(&score, &c->score, sizeof score);
    raw[0] = VERSION;
    put(raw + 1, c->generation, 8);
    memcpy(raw + 9, c->query, CURSOR_QUERY);
    put(raw + 9 + CURSOR_QUERY, c->seen, 4);
    put(raw + 13 + CURSOR_QUERY, score, 8);
    memcpy(raw + HEAD, c->id.data, c->id.len);
    sum_of(raw, HEAD + c->id.len, raw + HEAD + c->id.len);
    base64url_encode_init(&base64);
    size_t n = base64_encode_update(&base64, out, HEAD + c->id.len + SUM, raw);
    n += base64_encode_final(&base64, out + n);
    while (n > 0 && out[n - 1] == '=') /* has a meaning of its own in addresses */
        n--;
    out[n] = '\0';
}

static enum status unknown(struct error *err)
{
    return error_field(err, STATUS_INVALID, "cursor",
                       "this is no cursor of ours; give next_cursor of the page before as it was");
}

static enum status decode(struct text text, unsigned char raw[MOST + 3], size_t *n)
{
    struct base64_decode_ctx base64;
    char padded[CURSOR_TEXT + 4];
    if (text.len == 0 || text.len >= CURSOR_TEXT)
        return STATUS_INVALID;
    memcpy(padded, text.data, text.len);
    memcpy(padded + text.len, "===", 3);
    size_t whole = (text.len + 3) / 4 * 4;
    base64url_decode_init(&base64);
    *n = MOST + 3;
    if (BASE64_DECODE_LENGTH(whole) > *n || !base64_decode_update(&base64, n, raw, whole, padded) ||
        !base64_decode_final(&base64))
        return STATUS_INVALID;
    return STATUS_OK;
}

enum status cursor_decode(struct text text, struct cursor *out, struct error *err)
{
    unsigned char raw[MOST + 3], sum[SUM];
    char again[CURSOR_TEXT];
    size_t n;
    if (decode(text, raw, &n) != STATUS_OK || n < HEAD + 1 + SUM || n > MOST || raw[0] != VERSION)
        return unknown(err);
    sum_of(raw, n - SUM, sum);
    if (memcmp(sum, raw + n - SUM, SUM) != 0)
        return unknown(err);
    struct cursor c = {.generation = get(raw + 1, 8),
                       .seen = (uint32_t)get(raw + 9 + CURSOR_QUERY, 4),
                       .id = {NULL, n - HEAD - SUM}};
    uint64_t score = get(raw + 13 + CURSOR_QUERY, 8);
    memcpy(c.query, raw + 9, CURSOR_QUERY);
    memcpy(&c.score, &score, sizeof score);
    memcpy(c.bytes, raw + HEAD, c.id.len);
    c.id.data = c.bytes;
    cursor_encode(&c, again); /* the one way of writing it */
    if (!isfinite(c.score) || c.seen == 0 || utf8_invalid(c.bytes, c.id.len) < c.id.len ||
        !text_is(text, again))
        return unknown(err);
    *out = c;
    out->id.data = out->bytes;
    return STATUS_OK;
}

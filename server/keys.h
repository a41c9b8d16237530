/* API keys: who may do what.
 *
 *     struct keys *keys = NULL;
 *     if (keys_load("cognate.keys", &keys, &err) != STATUS_OK) …
 *     const struct key *key = keys_find(keys, presented, time(NULL));
 *     if (key == NULL) …                               // 401
 *     if (!key_allows(key, KEY_WRITE, collection)) …   // 403
 *     keys_free(keys);
 *
 * The file has a line for each key, made by keys_line_make; `#` begins a comment:
 *
 *     access:salt:digest[:collections[:expiry[:name]]]
 *
 *     access       read, write (which includes reading) or admin (which includes both)
 *     salt         16 random bytes in hexadecimal
 *     digest       SHA-256 of salt and key, in hexadecimal
 *     collections  names with commas between them; empty or * for all; not for admin
 *     expiry       the last day the key is good for, YYYY-MM-DD in UTC; empty for no end
 *     name         for the log, 1 to 64 letters, digits, '-', '_', '.'
 *
 * Only digests are stored: a key has 256 random bits, which a digest keeps better than any password function
 * would. Every line is compared in full, in constant time.
 */
#ifndef COGNATE_SERVER_KEYS_H
#define COGNATE_SERVER_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/status.h"
#include "common/text.h"

#define KEY_TEXT_BYTES 72 /* of a key as text, NUL included */

enum key_access { KEY_READ, KEY_WRITE, KEY_ADMIN };

struct key {
    enum key_access access;
    char name[65];           /* "key on line 3" when the line gives none */
    struct text collections; /* "a,b"; empty for all */
    int64_t expires;         /* Unix seconds, 0 for never */
    unsigned char salt[16];
    unsigned char digest[32];
};

struct keys;

/* Reads a file that only its owner may write. INVALID, with the line's number, for a line that is malformed.
 */
enum status keys_load(const char *path, struct keys **out, struct error *err);

/* The same from memory; `path` is for messages. */
enum status keys_parse(struct text file, const char *path, struct keys **out, struct error *err);
void keys_free(struct keys *keys); /* accepts NULL */

/* The key that was presented, borrowed; NULL when it is none of these or its time is over. */
const struct key *keys_find(const struct keys *keys, struct text presented, int64_t now);

/* May the key be used for `access` to `collection`? NULL data stands for what reads no collection; an empty
 * name for all of them. */
bool key_allows(const struct key *key, enum key_access access, struct text collection);

/* Makes a new key: its text (to be shown once) and its line, without line end, appended to `line`.
 * `collections`, `expiry` and `name` are as in the file and may be empty. */
enum status keys_line_make(enum key_access access, const char *collections, const char *expiry,
                           const char *name, char key[KEY_TEXT_BYTES], struct buf *line, struct error *err);

#endif

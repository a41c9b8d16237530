#include "server/keys.h"

#include <errno.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "common/file.h"

#define FILE_BYTES (1 << 20)
#define FIELDS     6

struct keys {
    struct key *items;
    size_t count;
    char *text; /* the file; collections are borrowed from it */
};

static const char *const access_names[] = {"read", "write", "admin"};

/* ---- one line ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(struct text t, unsigned char *out, size_t n)
{
    if (t.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(t.data[2 * i]), low = hex_digit(t.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static void hex_write(const unsigned char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* Days since 1970-01-01 of a day of the Gregorian calendar: years begin in March, so that a leap day is their
 * last. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    if (month <= 2)
        year--;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

/* The end of the day "YYYY-MM-DD". */
static bool day_read(struct text t, int64_t *end)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int parts[3] = {0};
    size_t part = 0;
    if (t.len != 10 || t.data[4] != '-' || t.data[7] != '-')
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (i == 4 || i == 7) {
            part++;
            continue;
        }
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        parts[part] = parts[part] * 10 + (t.data[i] - '0');
    }
    int year = parts[0], month = parts[1], day = parts[2];
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return false;
    *end = (days_from_civil(year, month, day) + 1) * 86400;
    return true;
}

static bool name_valid(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
              c == '_' || c == '.'))
            return false;
    }
    return t.len >= 1 && t.len <= 64;
}

static bool collections_valid(struct text t)
{
    size_t start = 0;
    for (size_t i = 0; i <= t.len; i++) {
        if (i < t.len && t.data[i] != ',')
            continue;
        if (!name_valid((struct text){t.data + start, i - start}))
            return false;
        start = i + 1;
    }
    return true;
}

/* What is wrong with the line, or NULL. */
static const char *line_read(struct text line, size_t number, struct key *key)
{
    struct text fields[FIELDS] = {0};
    size_t n = 0, start = 0;
    for (size_t i = 0; i <= line.len; i++) {
        if (i < line.len && line.data[i] != ':')
            continue;
        if (n == FIELDS)
            return "it has more than six fields";
        fields[n++] = (struct text){line.data + start, i - start};
        start = i + 1;
    }
    size_t access = 0;
    while (access <= KEY_ADMIN && !text_is(fields[0], access_names[access]))
        access++;
    if (access > KEY_ADMIN)
        return "the access must be read, write or admin";
    *key = (struct key){.access = (enum key_access)access};
    if (!hex_read(fields[1], key->salt, sizeof key->salt))
        return "the salt must be 32 lower-case hexadecimal digits";
    if (!hex_read(fields[2], key->digest, sizeof key->digest))
        return "the digest must be 64 lower-case hexadecimal digits";
    if (fields[3].len > 0 && !text_is(fields[3], "*")) {
        if (key->access == KEY_ADMIN)
            return "an admin key is for all collections";
        if (!collections_valid(fields[3]))
            return "the collections must be names with commas between them";
        key->collections = fields[3];
    }
    if (fields[4].len > 0 && !day_read(fields[4], &key->expires))
        return "the expiry must be a day as YYYY-MM-DD";
    if (fields[5].len > 0 && !name_valid(fields[5]))
        return "the name must be 1 to 64 letters, digits, '-', '_' or '.'";
    if (fields[5].len > 0)
        memcpy(key->name, fields[5].data, fields[5].len);
    else
        snprintf(key->name, sizeof key->name, "key on line %zu", number);
    return NULL;
}

/* ---- the file ---- */

void keys_free(struct keys *keys)
{
    if (keys == NULL)
        return;
    free(keys->items);
    free(keys->text);
    free(keys);
}

static enum status add_line(struct keys *keys, struct text line, size_t number, const char *path,
                            struct error *err)
{
    struct key key;
    while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' '))
        line.len--;
    if (line.len == 0 || line.data[0] == '#')
        return STATUS_OK;
    const char *wrong = line_read(line, number, &key);
    if (wrong != NULL)
        return error_set(err, STATUS_INVALID, "%s, line %zu: %s", path, number, wrong);
    keys->items[keys->count++] = key;
    return STATUS_OK;
}

enum status keys_parse(struct text file, const char *path, struct keys **out, struct error *err)
{
    enum status status = STATUS_OK;
    size_t lines = 1, start = 0, number = 0;
    struct keys *keys = calloc(1, sizeof *keys);
    for (size_t i = 0; i < file.len; i++)
        lines += file.data[i] == '\n';
    if (keys == NULL || (keys->text = malloc(file.len + 1)) == NULL ||
        (keys->items = calloc(lines, sizeof *keys->items)) == NULL) {
        status = error_memory(err, "reading the keys");
        goto done;
    }
    if (file.len > 0)
        memcpy(keys->text, file.data, file.len);
    for (size_t i = 0; i <= file.len && status == STATUS_OK; i++) {
        if (i < file.len && keys->text[i] != '\n')
            continue;
        status = add_line(keys, (struct text){keys->text + start, i - start}, ++number, path, err);
        start = i + 1;
    }
    if (status == STATUS_OK && keys->count == 0)
        status = error_set(err, STATUS_INVALID, "%s holds no key; add a line for one", path);
done:
    if (status == STATUS_OK)
        *out = keys;
    else
        keys_free(keys);
    return status;
}

enum status keys_load(const char *path, struct keys **out, struct error *err)
{
    struct stat st;
    struct buf file;
    buf_init(&file, FILE_BYTES);
    if (stat(path, &st) != 0)
        return error_system(err, errno, "read the keys in", path);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return error_set(err, STATUS_FORBIDDEN, "others may write to %s and so add keys; chmod go-w it",
                         path);
    enum status status = file_read(path, &file, err);
    if (status == STATUS_OK)
        status = keys_parse(buf_text(&file), path, out, err);
    buf_release(&file);
    return status;
}

/* ---- use ---- */

static void digest_of(const unsigned char salt[16], struct text key, unsigned char out[32])
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, 16, salt);
    sha256_update(&context, key.len, (const uint8_t *)key.data);
    sha256_digest(&context, 32, out);
}

const struct key *keys_find(const struct keys *keys, struct text presented, int64_t now)
{
    const struct key *found = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->items[i];
        unsigned char digest[32];
        digest_of(key->salt, presented, digest);
        if (memeql_sec(digest, key->digest, sizeof digest) && (key->expires == 0 || now < key->expires))
            found = key;
    }
    return found;
}

bool key_allows(const struct key *key, enum key_access access, struct text collection)
{
    size_t start = 0;
    if (key->access < access)
        return false;
    if (key->collections.len == 0 || collection.data == NULL)
        return true;
    for (size_t i = 0; i <= key->collections.len; i++) {
        if (i < key->collections.len && key->collections.data[i] != ',')
            continue;
        if (text_equal(collection, (struct text){key->collections.data + start, i - start}))
            return true;
        start = i + 1;
    }
    return false;
}

enum status keys_line_make(enum key_access access, const char *collections, const char *expiry,
                           const char *name, char key[KEY_TEXT_BYTES], struct buf *line, struct error *err)
{
    unsigned char secret[32], salt[16], digest[32];
    char text[KEY_TEXT_BYTES] = "cog_", salt_hex[33], digest_hex[65];
    struct buf made;
    struct key check;
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret ||
        getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        return error_set(err, STATUS_IO, "the system gives no random numbers");
    hex_write(secret, sizeof secret, text + 4);
    digest_of(salt, text_of(text), digest);
    hex_write(salt, sizeof salt, salt_hex);
    hex_write(digest, sizeof digest, digest_hex);
    buf_init(&made, FILE_BYTES);
    enum status status = buf_printf(&made, err, "%s:%s:%s:%s:%s:%s", access_names[access], salt_hex,
                                    digest_hex, collections, expiry, name);
    if (status == STATUS_OK) {
        const char *wrong = line_read(buf_text(&made), 1, &check);
        if (wrong != NULL)
            status = error_set(err, STATUS_INVALID, "no key can be made: %s", wrong);
    }
    if (status == STATUS_OK)
        status = buf_append(line, made.data, made.len, err);
    if (status == STATUS_OK)
        memcpy(key, text, sizeof text);
    buf_release(&made);
    return status;
}

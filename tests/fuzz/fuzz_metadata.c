/* A condition on a field, looked up in arbitrary bytes: it answers, reads nothing outside of them, and finds
 * in what is JSON for SQLite only fields that SQLite finds too. */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "index/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool sqlite_says(const char *literal, const char *json, size_t n)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, literal, -1, &st, NULL) != SQLITE_OK)
        abort();
    sqlite3_bind_text64(st, 1, json, n, SQLITE_STATIC, SQLITE_UTF8);
    bool yes = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0) != 0;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return yes;
}

static bool met(const struct filter *filter, struct text json)
{
    struct field_condition *c = NULL;
    if (field_condition_new(filter, &c, NULL) != STATUS_OK)
        abort();
    bool yes = field_condition_met(c, json);
    field_condition_free(c);
    return yes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *json = malloc(size + 1); /* exactly as long, so that a byte too many is seen */
    if (json == NULL)
        return 0;
    memcpy(json, data, size);
    struct filter_value values[] = {{.type = FILTER_STRING, .string = {"x", 1}},
                                    {.type = FILTER_NUMBER, .number = 1},
                                    {.type = FILTER_BOOL, .number = 1},
                                    {.type = FILTER_NULL}};
    struct filter any = {.kind = FILTER_FIELD, .field = {"a", 1}, .values = values, .value_count = 4};
    struct filter less = {
        .kind = FILTER_FIELD, .field = {"a", 1}, .op = OP_LT, .values = &values[1], .value_count = 1};
    struct filter begins = {
        .kind = FILTER_FIELD, .field = {"a", 1}, .op = OP_PREFIX, .values = values, .value_count = 1};
    struct filter there = {.kind = FILTER_FIELD, .field = {"a", 1}, .op = OP_EXISTS};
    struct text text = {json, size};
    met(&any, text);
    met(&less, text);
    met(&begins, text);
    if (memchr(json, '\0', size) == NULL && utf8_invalid(json, size) == size &&
        sqlite_says("SELECT json_valid(?1)", json, size) &&
        sqlite_says("SELECT json_type(?1) = 'object'", json, size) &&
        met(&there, text) !=
            sqlite_says("SELECT EXISTS (SELECT 1 FROM json_each(?1) WHERE key = 'a')", json, size))
        abort();
    free(json);
    return 0;
}

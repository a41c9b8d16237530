/* What tests/golden/vocabularies.py wrote: small vocabularies, texts, and what the reference makes of them.
 */
#ifndef COGNATE_TESTS_GOLDEN_TEXTS_H
#define COGNATE_TESTS_GOLDEN_TEXTS_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "common/file.h"
#include "common/utf8.h"
#include "tests/fuzz/gguf_bytes.h"
#include "tokenizer/tokenizer.h"

#define HASH_START 1469598103934665603u

/* A file of tests/golden, read line by line. */
struct golden_file {
    struct buf bytes;
    char *rest;
};

static inline void golden_open(struct golden_file *f, const char *name)
{
    const char *source = getenv("COGNATE_SOURCE");
    char path[1024];
    struct error err = {0};
    snprintf(path, sizeof path, "%s/tests/golden/%s", source != NULL ? source : ".", name);
    buf_init(&f->bytes, 1 << 20);
    if (file_read(path, &f->bytes, &err) != STATUS_OK || buf_append(&f->bytes, "", 1, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    f->rest = f->bytes.data;
}

static inline char *golden_line(struct golden_file *f)
{
    char *line = f->rest, *end = strchr(line, '\n');
    assert_non_null(end);
    *end = '\0';
    f->rest = end + 1;
    return line;
}

static inline size_t golden_count(struct golden_file *f)
{
    return strtoul(golden_line(f), NULL, 10);
}

/* The next line of texts.txt, where "\x0a" stands for a byte. */
static inline struct text golden_text(struct golden_file *f)
{
    char *text = golden_line(f), *write = text;
    for (const char *read = text; *read != '\0';) {
        if (*read != '\\') {
            *write++ = *read++;
            continue;
        }
        const char digits[3] = {read[2], read[3], '\0'};
        *write++ = (char)strtoul(digits, NULL, 16);
        read += 4;
    }
    return (struct text){text, (size_t)(write - text)};
}

static inline uint64_t hash_number(uint64_t hash, uint64_t n)
{
    return (hash ^ n) * 1099511628211u;
}

/* Encodes a text and adds its ids to a hash. */
static inline uint64_t hash_ids(const struct tokenizer *t, struct encoding *e, struct text text,
                                uint64_t hash)
{
    assert_int_equal(tokenizer_encode(t, e, text_of(""), text, NULL), STATUS_OK);
    for (size_t i = 0; i < e->count; i++) {
        struct token token = e->tokens[i];
        assert_true(token.start <= token.end && token.end <= text.len &&
                    (i == 0 || token.start >= e->tokens[i - 1].start));
        hash = hash_number(hash, (uint64_t)token.id);
    }
    return hash;
}

/* Whether the tables of characters, which differ in age, can be expected to agree. */
static inline bool was_in_unicode_3_2(uint32_t c)
{
    UVersionInfo age;
    u_charAge((UChar32)c, age);
    bool then = age[0] > 0 && (age[0] < 3 || (age[0] == 3 && age[1] <= 2));
    return then && u_charType((UChar32)c) != U_SURROGATE && u_charType((UChar32)c) != U_UNASSIGNED;
}

/* The hash over the ids of "aXb" for the characters X of a stretch of 4096. */
static inline uint64_t hash_characters(const struct tokenizer *t, struct encoding *e, uint32_t start)
{
    uint64_t hash = HASH_START;
    for (uint32_t c = start; c < start + 0x1000; c++)
        if (was_in_unicode_3_2(c)) {
            char text[6] = "a";
            size_t n = 1 + utf8_encode(c, text + 1);
            text[n] = 'b';
            hash = hash_ids(t, e, (struct text){text, n + 1}, hash);
        }
    return hash;
}

/* The tokens as "piece:start:end piece:start:end ". */
static inline void expect_tokens(const struct tokenizer *t, struct encoding *e, const char *prefix,
                                 struct text text, const char *wanted)
{
    struct buf got;
    buf_init(&got, 1 << 16);
    put(&got, "", 0);
    assert_int_equal(tokenizer_encode(t, e, text_of(prefix), text, NULL), STATUS_OK);
    for (size_t i = 0; i < e->count; i++) {
        struct text piece = tokenizer_piece(t, e->tokens[i].id);
        assert_int_equal(buf_printf(&got, NULL, "%.*s:%u:%u ", (int)piece.len, piece.data, e->tokens[i].start,
                                    e->tokens[i].end),
                         STATUS_OK);
    }
    assert_string_equal(got.data, wanted);
    buf_release(&got);
}

#endif

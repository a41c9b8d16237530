/* A vocabulary written into a GGUF file and opened from there. */
#ifndef COGNATE_TESTS_IMPORTED_H
#define COGNATE_TESTS_IMPORTED_H

#include "golden_texts.h"

#include <unistd.h>

#include "encoder/import/vocabulary.h"

struct imported {
    char path[64];
    struct gguf *file;
    struct tokenizer *tokenizer;
};

static inline enum status imported_open(struct imported *i, const struct vocabulary *v, uint64_t rows,
                                        struct error *err)
{
    struct gguf_writer *w = NULL;
    *i = (struct imported){.path = "/tmp/cognate-imported-XXXXXX"};
    int file = mkstemp(i->path);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(gguf_writer_new(i->path, &w, NULL), STATUS_OK);
    enum status status = vocabulary_write(v, rows, w, err);
    if (status == STATUS_OK)
        status = gguf_writer_finish(w, err);
    if (status == STATUS_OK)
        status = gguf_writer_commit(w, err);
    gguf_writer_free(w);
    if (status == STATUS_OK)
        status = gguf_open(i->path, &i->file, err);
    return status == STATUS_OK ? tokenizer_open(i->file, NULL, &i->tokenizer, err) : status;
}

static inline void imported_close(struct imported *i)
{
    tokenizer_free(i->tokenizer);
    gguf_free(i->file);
    unlink(i->path);
}

/* Lines "count, hash of ids, hash of ranges" of a golden file against the lines of texts.txt. */
static inline void expect_golden(const struct tokenizer *t, struct golden_file *golden)
{
    struct golden_file texts;
    struct encoding e = {0};
    golden_open(&texts, "texts.txt");
    size_t count = golden_count(&texts);
    assert_true(count > 2000);
    for (size_t i = 0; i < count; i++) {
        struct text text = golden_text(&texts);
        char *line = golden_line(golden);
        size_t wanted = strtoul(line, &line, 10);
        uint64_t hash = strtoull(line, &line, 16), ranges = HASH_START;
        if (hash_ids(t, &e, text, HASH_START) != hash || e.count != wanted)
            fail_msg("text %zu, %zu ids instead of %zu: %.*s", i, e.count, wanted, (int)text.len, text.data);
        for (size_t k = 0; k < e.count; k++)
            ranges = hash_number(hash_number(ranges, e.tokens[k].start), e.tokens[k].end);
        if (ranges != strtoull(line, NULL, 16))
            fail_msg("text %zu, other ranges: %.*s", i, (int)text.len, text.data);
    }
    encoding_release(&e);
    buf_release(&texts.bytes);
}

/* A file of tests/fixtures/tokenizers. */
static inline void fixture_read(struct buf *b, const char *name)
{
    const char *source = getenv("COGNATE_SOURCE");
    char path[1024];
    struct error err = {0};
    snprintf(path, sizeof path, "%s/tests/fixtures/tokenizers/%s", source != NULL ? source : ".", name);
    buf_init(b, 4 << 20);
    if (file_read(path, b, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

#endif

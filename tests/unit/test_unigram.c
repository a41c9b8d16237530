#include "default_tokenizer_fixture.h"

#include <string.h>

#include "common/arena.h"
#include "tokenizer/unigram.h"

#define BLOCK 2048

/* Encodes a text of one unit over and over as tokenizer.c does, and counts the work: symbols moved when the
 * window is given up. Starts are counted by the search itself, which takes each symbol as one once. */
static void expect_linear(const struct tables *tables, const struct rules *rules, const char *unit,
                          size_t bytes)
{
    size_t n = strlen(unit), times = bytes / n, at = 0, symbols = 0, moved = 0, largest = 0;
    struct window w = {0};
    struct unigram u;
    struct normalizer normalizer = {.tables = tables, .rules = rules, .window = &w};
    char *text = malloc(n * times);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * n, unit, n);
    struct stretch s = {(const unsigned char *)text, n * times, 0};
    assert_int_equal(unigram_start(&u, tables, &w, NULL), STATUS_OK);
    for (bool last = false; !last;) {
        size_t before = w.filled;
        assert_int_equal(normalize(&normalizer, s, &at, s.size, BLOCK, NULL), STATUS_OK);
        last = at == s.size;
        if (last)
            assert_int_equal(normalize_end(&normalizer, s.size, NULL), STATUS_OK);
        symbols += w.filled > before ? w.filled - before : 0;
        size_t next = u.next;
        unigram_advance(&u, last);
        assert_true(u.next >= next && u.border <= u.next);
        moved += u.border > 0 ? w.filled - u.border : 0;
        largest = w.filled > largest ? w.filled : largest;
        unigram_drop(&u);
    }
    assert_int_equal(w.filled, 0);
    assert_true(moved <= symbols + BLOCK);
    assert_true(largest <= symbols + 1);
    free(text);
    window_release(&w);
}

static void work_is_linear_in_texts_without_spaces(void **state)
{
    (void)state;
    struct rules rules;
    struct tables *tables = NULL;
    struct gguf_array blob;
    assert_int_equal(gguf_array(file, "tokenizer.ggml.precompiled_charsmap", GGUF_U8, &blob, NULL),
                     STATUS_OK);
    assert_int_equal(rules_open(&rules, (struct text){(const char *)blob.data, blob.size}, NULL), STATUS_OK);
    assert_int_equal(tables_build(file, TABLES_UNIGRAM, &rules, &tables, NULL), STATUS_OK);
    expect_linear(tables, &rules, "a", 10000000);
    expect_linear(tables, &rules, "\U0001F600", 10000000);
    expect_linear(tables, &rules, "\u7684", 2000000);
    expect_linear(tables, &rules, "ab", 2000000);
    expect_linear(tables, &rules, "-", 2000000);
    expect_linear(tables, &rules, "e\u0301", 2000000);
    expect_linear(tables, &rules, "\u2581", 2000000);
    expect_linear(tables, &rules, "\U0002070e", 2000000);
    struct rules none = {0};
    expect_linear(tables, &none, "\u2581", 2000000); /* spaces that may be the text's last, all of them */
    big_free(tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_linear_in_texts_without_spaces),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}

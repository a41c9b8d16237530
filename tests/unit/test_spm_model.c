#include "imported.h"

#include "encoder/import/spm_model.h"

static struct buf file;

static int set_up(void **state)
{
    (void)state;
    fixture_read(&file, "unigram.model");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&file);
    return 0;
}

static void read_file(struct vocabulary *v)
{
    struct error err = {0};
    vocabulary_init(v);
    if (spm_model_read(v, "unigram.model", buf_text(&file), &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static void ids_and_ranges_of_texts_equal_the_reference(void **state)
{
    (void)state;
    struct vocabulary v;
    struct imported i;
    struct golden_file golden;
    struct encoding e = {0};
    struct error err = {0};
    golden_open(&golden, "unigram.txt");
    read_file(&v);
    assert_int_equal(v.count, 2600);
    if (imported_open(&i, &v, 2600, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    expect_golden(i.tokenizer, &golden);
    static const char *const users[] = {"<tag> a<tag>b <tag", "Guten Tag, guten Tag"};
    for (size_t k = 0; k < 2; k++) {
        char *line = golden_line(&golden);
        assert_int_equal(strtoul(line, &line, 10),
                         (hash_ids(i.tokenizer, &e, text_of(users[k]), 0), e.count));
        assert_true(strtoull(line, NULL, 16) == hash_ids(i.tokenizer, &e, text_of(users[k]), HASH_START));
    }
    assert_int_equal(tokenizer_start_id(i.tokenizer), 1);
    assert_int_equal(tokenizer_end_id(i.tokenizer), 2);
    encoding_release(&e);
    imported_close(&i);
    vocabulary_release(&v);
    buf_release(&golden.bytes);
}

/* The same cut with the numbers of XLM-RoBERTa, in a table with rows to spare. */
static void fairseq_numbers_are_one_higher(void **state)
{
    (void)state;
    static const char text[] = "La biblioth\u00e8que ouvre \u00e0 neuf heures \U0001f923.";
    struct vocabulary v, other;
    struct imported plain, shifted;
    struct encoding e = {0}, f = {0};
    read_file(&v);
    read_file(&other);
    assert_int_equal(spm_model_as_fairseq(&other, NULL), STATUS_OK);
    assert_int_equal(other.count, 2602);
    assert_int_equal(vocabulary_find(&other, text_of("<mask>")), 2601);
    assert_int_equal(vocabulary_find(&other, text_of("<pad>")), 1);
    assert_int_equal(imported_open(&plain, &v, 2600, NULL), STATUS_OK);
    assert_int_equal(imported_open(&shifted, &other, 2608, NULL), STATUS_OK);
    assert_int_equal(tokenizer_size(shifted.tokenizer), 2608);
    assert_int_equal(tokenizer_start_id(shifted.tokenizer), 0);
    assert_int_equal(tokenizer_end_id(shifted.tokenizer), 2);
    assert_true(text_is(tokenizer_piece(shifted.tokenizer, 2607), "[PAD2607]"));
    assert_int_equal(tokenizer_encode(plain.tokenizer, &e, text_of(""), text_of(text), NULL), STATUS_OK);
    assert_int_equal(tokenizer_encode(shifted.tokenizer, &f, text_of(""), text_of(text), NULL), STATUS_OK);
    assert_int_equal(e.count, f.count);
    for (size_t i = 0; i < e.count; i++)
        assert_int_equal(f.tokens[i].id, e.tokens[i].id == 0 ? 3 : e.tokens[i].id + 1);
    encoding_release(&e), encoding_release(&f);
    imported_close(&plain), imported_close(&shifted);
    vocabulary_release(&v), vocabulary_release(&other);
}

static void a_table_with_too_few_rows_is_refused(void **state)
{
    (void)state;
    struct vocabulary v;
    struct imported i;
    struct error err = {0};
    read_file(&v);
    assert_int_equal(imported_open(&i, &v, 2599, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "2600 pieces and the model 2599 rows"));
    imported_close(&i);
    vocabulary_release(&v);
}

/* ---- what is refused ---- */

static void varint(struct buf *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        number(b, (value & 0x7F) | 0x80, 1);
    number(b, value, 1);
}

static void message(struct buf *b, uint32_t field, const struct buf *inner)
{
    varint(b, field << 3 | 2);
    varint(b, inner->len);
    put(b, inner->data, inner->len);
}

/* A model of three pieces with one field of the trainer or of the normaliser set. */
static void expect_refusal(uint32_t part, uint32_t field, uint64_t value, enum status status,
                           const char *reason)
{
    static const char *const pieces[] = {"<unk>", "<s>", "</s>"};
    struct buf b, inner;
    struct vocabulary v;
    struct error err = {0};
    buf_init(&b, 1 << 16), buf_init(&inner, 1 << 16);
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&inner);
        varint(&inner, 1 << 3 | 2);
        varint(&inner, strlen(pieces[i]));
        put(&inner, pieces[i], strlen(pieces[i]));
        message(&b, 1, &inner);
    }
    buf_clear(&inner);
    if (part != 2) {
        put(&inner, "", 0);
        message(&b, 2, &inner);
    }
    varint(&inner, field << 3);
    varint(&inner, value);
    message(&b, part, &inner);
    vocabulary_init(&v);
    assert_int_equal(spm_model_read(&v, "some.model", buf_text(&b), &err), status);
    if (status != STATUS_OK)
        assert_non_null(strstr(err.text, reason));
    vocabulary_release(&v);
    buf_release(&b), buf_release(&inner);
}

static void what_is_not_done_is_refused_by_name(void **state)
{
    (void)state;
    expect_refusal(2, 3, 1, STATUS_OK, NULL);
    expect_refusal(2, 3, 2, STATUS_UNSUPPORTED, "some.model is a BPE model");
    expect_refusal(2, 3, 3, STATUS_UNSUPPORTED, "is a word model");
    expect_refusal(2, 3, 4, STATUS_UNSUPPORTED, "is a character model");
    expect_refusal(2, 3, 9, STATUS_CORRUPT, "no SentencePiece model");
    expect_refusal(2, 24, 1, STATUS_UNSUPPORTED, "treat_whitespace_as_suffix");
    expect_refusal(2, 35, 1, STATUS_UNSUPPORTED, "byte_fallback");
    expect_refusal(2, 41, 3, STATUS_CORRUPT, "damaged");
    expect_refusal(3, 4, 0, STATUS_UNSUPPORTED, "remove_extra_whitespaces");
    expect_refusal(3, 5, 0, STATUS_UNSUPPORTED, "escape_whitespaces");
    expect_refusal(3, 3, 0, STATUS_OK, NULL);
}

static void no_part_of_a_file_is_taken_for_the_whole(void **state)
{
    (void)state;
    for (size_t n = 0; n < file.len; n += n < 3000 ? 1 : 997) {
        struct vocabulary v;
        struct error err = {0};
        vocabulary_init(&v);
        if (spm_model_read(&v, "cut", (struct text){file.data, n}, &err) == STATUS_OK)
            fail_msg("the first %zu bytes are accepted", n);
        assert_int_equal(err.status, STATUS_CORRUPT);
        vocabulary_release(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_ranges_of_texts_equal_the_reference),
        cmocka_unit_test(fairseq_numbers_are_one_higher),
        cmocka_unit_test(a_table_with_too_few_rows_is_refused),
        cmocka_unit_test(what_is_not_done_is_refused_by_name),
        cmocka_unit_test(no_part_of_a_file_is_taken_for_the_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

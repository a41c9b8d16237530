#include "imported.h"

#include <sys/stat.h>

#include "encoder/import/model_folder.h"
#include "encoder/import/vocabulary_folder.h"

static char folder[] = "/tmp/cognate-vocabulary-XXXXXX";

static const char *const names[] = {
    "tokenizer.json", "tokenizer_config.json", "config.json",    "vocab.txt", "vocab.json",
    "merges.txt",     "spiece.model",          "tokenizer.model"};

static void write_file(const char *name, struct text bytes)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_true(f != NULL && fwrite(bytes.data, 1, bytes.len, f) == bytes.len && fclose(f) == 0);
}

static void copy_fixture(const char *fixture, const char *name)
{
    struct buf b;
    fixture_read(&b, fixture);
    write_file(name, buf_text(&b));
    buf_release(&b);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int empty_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return 0;
}

static int remove_folder(void **state)
{
    empty_folder(state);
    return rmdir(folder);
}

static void open_folder(struct imported *i, struct vocabulary *v)
{
    struct error err = {0};
    vocabulary_init(v);
    if (vocabulary_read_folder(v, folder, &err) != STATUS_OK ||
        imported_open(i, v, v->count + 3, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static void close_folder(struct imported *i, struct vocabulary *v)
{
    imported_close(i);
    vocabulary_release(v);
}

/* ---- the pieces of the golden files ---- */

static void read_lines(struct golden_file *f, struct buf *out, const char *separator)
{
    size_t count = golden_count(f);
    for (size_t i = 0; i < count; i++) {
        const char *line = golden_line(f);
        put(out, line, strlen(line));
        put(out, separator, strlen(separator));
    }
}

/* Of the two pairs of columns of wordpiece.txt the wanted one. */
static void expect_wordpiece(const struct tokenizer *t, struct golden_file *golden, bool cased)
{
    struct golden_file texts;
    struct encoding e = {0};
    golden_open(&texts, "texts.txt");
    size_t count = golden_count(&texts);
    for (size_t i = 0; i < count; i++) {
        struct text text = golden_text(&texts);
        char *line = golden_line(golden);
        for (int column = 0; column < (cased ? 2 : 0); column++)
            line = strchr(line, ' ') + 1;
        size_t wanted = strtoul(line, &line, 10);
        if (hash_ids(t, &e, text, HASH_START) != strtoull(line, NULL, 16) || e.count != wanted)
            fail_msg("text %zu, %zu ids instead of %zu: %.*s", i, e.count, wanted, (int)text.len, text.data);
    }
    encoding_release(&e);
    buf_release(&texts.bytes);
}

static void wordpiece_of_tokenizer_json_equals_the_reference(void **state)
{
    (void)state;
    struct vocabulary v;
    struct imported i;
    struct golden_file golden;
    struct buf skipped;
    golden_open(&golden, "wordpiece.txt");
    buf_init(&skipped, 1 << 20);
    read_lines(&golden, &skipped, "\n");
    read_lines(&golden, &skipped, "\n");
    copy_fixture("wordpiece.json", "tokenizer.json");
    open_folder(&i, &v);
    assert_true(v.lowercase && v.strip_accents);
    expect_wordpiece(i.tokenizer, &golden, false);
    assert_true(text_is(tokenizer_piece(i.tokenizer, tokenizer_start_id(i.tokenizer)), "[CLS]"));
    assert_true(text_is(tokenizer_piece(i.tokenizer, tokenizer_end_id(i.tokenizer)), "[SEP]"));
    close_folder(&i, &v);
    buf_release(&golden.bytes), buf_release(&skipped);
}

static void wordpiece_of_vocab_txt_equals_the_reference(void **state)
{
    (void)state;
    struct vocabulary v;
    struct imported i;
    struct golden_file golden;
    struct buf uncased, cased;
    golden_open(&golden, "wordpiece.txt");
    buf_init(&uncased, 1 << 20), buf_init(&cased, 1 << 20);
    read_lines(&golden, &uncased, "\n");
    read_lines(&golden, &cased, "\r\n");
    write_file("vocab.txt", buf_text(&cased));
    write_file("tokenizer_config.json",
               text_of("{\"do_lower_case\": false, \"strip_accents\": null,"
                       " \"cls_token\": {\"content\": \"[CLS]\"}, \"sep_token\": \"[SEP]\"}"));
    open_folder(&i, &v);
    assert_true(!v.lowercase && !v.strip_accents);
    expect_wordpiece(i.tokenizer, &golden, true);
    close_folder(&i, &v);
    buf_release(&golden.bytes), buf_release(&uncased), buf_release(&cased);
}

static void bpe_of_tokenizer_json_equals_the_reference(void **state)
{
    (void)state;
    struct vocabulary v;
    struct imported i;
    struct golden_file golden;
    struct buf skipped;
    golden_open(&golden, "bpe.txt");
    buf_init(&skipped, 1 << 20);
    read_lines(&golden, &skipped, "\n");
    read_lines(&golden, &skipped, "\n");
    copy_fixture("bpe.json", "tokenizer.json");
    open_folder(&i, &v);
    expect_golden(i.tokenizer, &golden);
    assert_int_equal(tokenizer_start_id(i.tokenizer), 0);
    assert_int_equal(tokenizer_end_id(i.tokenizer), 2);
    close_folder(&i, &v);
    buf_release(&golden.bytes), buf_release(&skipped);
}

static void bpe_of_vocab_json_and_merges_equals_the_reference(void **state)
{
    (void)state;
    struct vocabulary v;
    struct imported i;
    struct golden_file golden;
    struct buf json, merges;
    golden_open(&golden, "bpe.txt");
    buf_init(&json, 1 << 20), buf_init(&merges, 1 << 20);
    size_t count = golden_count(&golden);
    put(&json, "{", 1);
    for (size_t k = 0; k < count; k++) {
        const char *piece = golden_line(&golden);
        json_t *value = json_string(piece);
        char *quoted = json_dumps(value, JSON_ENCODE_ANY);
        json_decref(value);
        assert_int_equal(buf_printf(&json, NULL, "%s%s: %zu", k > 0 ? ", " : "", quoted, k), STATUS_OK);
        free(quoted);
    }
    put(&json, "}", 1);
    put(&merges, "#version: 0.2\n", 14);
    read_lines(&golden, &merges, "\n");
    write_file("vocab.json", buf_text(&json));
    write_file("merges.txt", buf_text(&merges));
    open_folder(&i, &v);
    expect_golden(i.tokenizer, &golden);
    assert_int_equal(tokenizer_start_id(i.tokenizer), 0);
    assert_int_equal(tokenizer_end_id(i.tokenizer), 2);
    close_folder(&i, &v);
    buf_release(&golden.bytes), buf_release(&json), buf_release(&merges);
}

static void a_sentencepiece_model_needs_a_known_numbering(void **state)
{
    (void)state;
    struct vocabulary v;
    struct imported i;
    struct error err = {0};
    copy_fixture("unigram.model", "spiece.model");
    vocabulary_init(&v);
    assert_int_equal(vocabulary_read_folder(&v, folder, &err), STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "XLMRobertaTokenizer alone"));
    vocabulary_release(&v);
    write_file("config.json", text_of("{\"model_type\": \"xlm-roberta\"}"));
    open_folder(&i, &v);
    assert_true(text_is(v.pieces[3].text, "<unk>") && v.start == 0);
    close_folder(&i, &v);
    write_file("tokenizer_config.json", text_of("{\"tokenizer_class\": \"T5TokenizerFast\"}"));
    vocabulary_init(&v);
    assert_int_equal(vocabulary_read_folder(&v, folder, NULL), STATUS_UNSUPPORTED);
    vocabulary_release(&v);
    write_file("tokenizer_config.json", text_of("{\"tokenizer_class\": \"XLMRobertaTokenizerFast\"}"));
    open_folder(&i, &v);
    close_folder(&i, &v);
}

static void a_folder_without_a_tokenizer_is_refused(void **state)
{
    (void)state;
    struct vocabulary v;
    struct error err = {0};
    vocabulary_init(&v);
    assert_int_equal(vocabulary_read_folder(&v, folder, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "no tokenizer.json, SentencePiece model"));
    vocabulary_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(wordpiece_of_tokenizer_json_equals_the_reference, empty_folder),
        cmocka_unit_test_teardown(wordpiece_of_vocab_txt_equals_the_reference, empty_folder),
        cmocka_unit_test_teardown(bpe_of_tokenizer_json_equals_the_reference, empty_folder),
        cmocka_unit_test_teardown(bpe_of_vocab_json_and_merges_equals_the_reference, empty_folder),
        cmocka_unit_test_teardown(a_sentencepiece_model_needs_a_known_numbering, empty_folder),
        cmocka_unit_test(a_folder_without_a_tokenizer_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#include "imported.h"

#include <sys/stat.h>

#include "encoder/import/model_folder.h"
#include "encoder/import/tokenizer_json.h"
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

/* ---- tokenizer.json in small ---- */

#define BERT_STEPS                                                                                           \
    "\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true},"                                   \
    " \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}"

static enum status read_json(struct vocabulary *v, const char *json, struct error *err)
{
    json_t *root = json_loads(json, 0, NULL);
    assert_non_null(root);
    vocabulary_init(v);
    enum status status = tokenizer_json_read(v, "small.json", root, err);
    json_decref(root);
    return status;
}

/* MPNet: BERT's pieces with RoBERTa's special ones, and both names for what is unknown. */
static void mpnet_has_special_pieces_of_its_own(void **state)
{
    (void)state;
    static const char json[] =
        "{" BERT_STEPS ", \"post_processor\": {\"type\": \"RobertaProcessing\", \"sep\": [\"</s>\", 2],"
        " \"cls\": [\"<s>\", 0]}, \"added_tokens\": [{\"id\": 0, \"content\": \"<s>\", \"special\": true},"
        " {\"id\": 3, \"content\": \"<unk>\", \"special\": true, \"lstrip\": true},"
        " {\"id\": 8, \"content\": \"<mask>\", \"special\": true}],"
        " \"model\": {\"vocab\": {\"<s>\": 0, \"</s>\": 2, \"<unk>\": 3, \"[UNK]\": 5, \"hello\": 4, "
        "\"##s\": 6},"
        " \"unk_token\": \"[UNK]\", \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": "
        "100}}";
    struct vocabulary v;
    struct imported i;
    struct encoding e = {0};
    struct error err = {0};
    if (read_json(&v, json, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(v.count, 9);
    assert_int_equal(v.pieces[1].type, VOCABULARY_UNUSED);
    assert_int_equal(v.pieces[8].type, VOCABULARY_CONTROL);
    assert_int_equal(imported_open(&i, &v, 9, &err), STATUS_OK);
    expect_tokens(i.tokenizer, &e, "", text_of("Hellos <s> hello"),
                  "\u2581hello:0:5 s:5:6 [UNK]:7:8 [UNK]:8:9 [UNK]:9:10 \u2581hello:11:16 ");
    assert_int_equal(tokenizer_start_id(i.tokenizer), 0);
    assert_int_equal(tokenizer_end_id(i.tokenizer), 2);
    encoding_release(&e);
    imported_close(&i);
    vocabulary_release(&v);
}

static void expect_refusal(const char *json, enum status status, const char *reason)
{
    struct vocabulary v;
    struct error err = {0};
    assert_int_equal(read_json(&v, json, &err), status);
    if (strstr(err.text, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, reason);
    vocabulary_release(&v);
}

#define WORDPIECE(more)                                                                                      \
    "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"u\", \"vocab\": {\"u\": 0, \"a\": 1}" more "}"
#define BYTE_STEPS "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}"
#define BPE(more)  "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}" more "}"

static void what_is_not_done_is_refused_by_name(void **state)
{
    (void)state;
    expect_refusal("{}", STATUS_CORRUPT, "it has no model");
    expect_refusal("{\"model\": {\"type\": \"WordLevel\"}}", STATUS_UNSUPPORTED, "the model \"WordLevel\"");
    expect_refusal("{\"normalizer\": {\"type\": \"Sequence\"}, " WORDPIECE("") "}", STATUS_UNSUPPORTED,
                   "the normalizer \"Sequence\"");
    expect_refusal("{\"normalizer\": {\"type\": \"BertNormalizer\"}, \"pre_tokenizer\": {\"type\": "
                   "\"Digits\"}, " WORDPIECE("") "}",
                   STATUS_UNSUPPORTED, "the pre_tokenizer \"Digits\"");
    expect_refusal("{\"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": false},"
                   " \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, " WORDPIECE("") "}",
                   STATUS_UNSUPPORTED, "clean_text");
    expect_refusal("{" BERT_STEPS ", " WORDPIECE(", \"continuing_subword_prefix\": \"@@\"") "}",
                   STATUS_UNSUPPORTED, "continuing_subword_prefix \"@@\"");
    expect_refusal("{" BERT_STEPS ", " WORDPIECE(", \"max_input_chars_per_word\": 50") "}",
                   STATUS_UNSUPPORTED, "max_input_chars_per_word");
    expect_refusal("{" BERT_STEPS ", \"added_tokens\": [{\"id\": 1, \"content\": \"a\"}], " WORDPIECE("") "}",
                   STATUS_UNSUPPORTED, "added token that text can have \"a\"");
    expect_refusal(
        "{" BERT_STEPS
        ", \"added_tokens\": [{\"id\": 1, \"content\": \"x\", \"special\": true}], " WORDPIECE("") "}",
        STATUS_CORRUPT, "number of another piece");
    expect_refusal("{" BERT_STEPS ", \"model\": {\"vocab\": {\"a\": 0}}}", STATUS_CORRUPT, "does not know");
    expect_refusal("{" BERT_STEPS ", \"model\": {\"unk_token\": \"a\", \"vocab\": {\"a\": 0, \"b\": 0}}}",
                   STATUS_CORRUPT, "two pieces of one number");
    expect_refusal("{" BERT_STEPS ", \"model\": {\"unk_token\": \"a\", \"vocab\": {\"a\": 0, \"b\": 99999}}}",
                   STATUS_CORRUPT, "not numbered");
    expect_refusal("{" BERT_STEPS ", \"post_processor\": {\"type\": \"Mystery\"}, " WORDPIECE("") "}",
                   STATUS_UNSUPPORTED, "the post_processor \"Mystery\"");
    expect_refusal("{" BERT_STEPS ", \"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", 1],"
                   " \"sep\": [\"x\", 7]}, " WORDPIECE("") "}",
                   STATUS_CORRUPT, "a number that no piece has");
    expect_refusal("{" BERT_STEPS ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\":"
                   " [{\"Sequence\": {\"id\": \"A\"}}, {\"Sequence\": {\"id\": \"A\"}}]}, " WORDPIECE("") "}",
                   STATUS_UNSUPPORTED, "left out or repeated");
    expect_refusal(
        "{\"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}, " BPE("") "}",
        STATUS_UNSUPPORTED, "the normalizer \"NFC\"");
    expect_refusal("{\"pre_tokenizer\": {\"type\": \"Whitespace\"}, " BPE("") "}", STATUS_UNSUPPORTED,
                   "the pre_tokenizer \"Whitespace\"");
    expect_refusal("{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"use_regex\": false}, " BPE("") "}",
                   STATUS_UNSUPPORTED, "use_regex");
    expect_refusal("{" BYTE_STEPS ", " BPE(", \"ignore_merges\": true") "}", STATUS_UNSUPPORTED,
                   "ignore_merges");
    expect_refusal("{" BYTE_STEPS ", " BPE(", \"end_of_word_suffix\": \"</w>\"") "}", STATUS_UNSUPPORTED,
                   "end_of_word_suffix");
    expect_refusal("{" BYTE_STEPS ", " BPE("") "}", STATUS_CORRUPT, "no list of merges");
    expect_refusal("{" BYTE_STEPS ", " BPE(", \"merges\": [[\"a\"]]") "}", STATUS_CORRUPT, "not two pieces");
}

static void merges_come_as_texts_and_as_pairs(void **state)
{
    (void)state;
    static const char *const both[] = {"{" BYTE_STEPS ", " BPE(", \"merges\": [\"a b\"]") "}",
                                       "{" BYTE_STEPS ", " BPE(", \"merges\": [[\"a\", \"b\"]]") "}"};
    for (size_t k = 0; k < 2; k++) {
        struct vocabulary v;
        assert_int_equal(read_json(&v, both[k], NULL), STATUS_OK);
        assert_int_equal(v.merge_count, 1);
        assert_true(text_is(v.merges[0], "a b") && v.space_prefix && v.start == -1 && v.end == -1);
        vocabulary_release(&v);
    }
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
        cmocka_unit_test(mpnet_has_special_pieces_of_its_own),
        cmocka_unit_test(what_is_not_done_is_refused_by_name),
        cmocka_unit_test(merges_come_as_texts_and_as_pairs),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

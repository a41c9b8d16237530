#include "imported.h"

#include <nettle/base64.h>

#include "encoder/import/spm_model.h"
#include "encoder/import/tokenizer_json.h"

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

/* ---- Unigram ---- */

#define RULES "{\"type\": \"Precompiled\"}"

/* The pipelines that tests/golden/unigram.py tries; RULES stands for
 * the Precompiled with the rules of unigram.model. */
static const struct {
    const char *normalizer, *words;
} pipelines[] = {
    {RULES, "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"WhitespaceSplit\"},"
            " {\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"add_prefix_space\": true}]}"},
    {"{\"type\": \"Sequence\", \"normalizers\": [" RULES ", {\"type\": \"Strip\", \"strip_left\": false, "
     "\"strip_right\": true},"
     " {\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \"\u2581\"}]}",
     "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"always\", \"split\": "
     "true}"},
    {RULES,
     "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"never\", \"split\": "
     "true}"},
    {"{\"type\": \"Sequence\", \"normalizers\": []}",
     "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"WhitespaceSplit\"},"
     " {\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"always\"}]}"},
};

enum { PIPELINES = sizeof pipelines / sizeof pipelines[0] };

/* The pieces and rules of unigram.model as a tokenizer.json. */
static char *unigram_json(const struct vocabulary *v, size_t pipeline)
{
    json_t *vocab = json_array(), *added = json_array(), *rules = NULL;
    char *coded = malloc(BASE64_ENCODE_RAW_LENGTH(v->rules.len) + 1), *json = NULL;
    assert_non_null(coded);
    base64_encode_raw(coded, v->rules.len, (const uint8_t *)v->rules.data);
    coded[BASE64_ENCODE_RAW_LENGTH(v->rules.len)] = '\0';
    for (size_t i = 0; i < v->count; i++) {
        struct text piece = v->pieces[i].text;
        json_array_append_new(vocab, json_pack("[s%, f]", piece.data, piece.len, (double)v->pieces[i].score));
        if (v->pieces[i].type != VOCABULARY_NORMAL)
            json_array_append_new(added, json_pack("{s:i, s:s%, s:b}", "id", (int)i, "content", piece.data,
                                                   piece.len, "special", 1));
    }
    rules = json_pack("{s:s, s:s}", "type", "Precompiled", "precompiled_charsmap", coded);
    json_t *steps = json_loads(pipelines[pipeline].normalizer, 0, NULL),
           *words = json_loads(pipelines[pipeline].words, 0, NULL);
    assert_true(steps != NULL && words != NULL);
    json_t *list = json_object_get(steps, "normalizers");
    if (json_array_size(list) > 0)
        json_array_set(list, 0, rules);
    json_t *root = json_pack("{s:O, s:o, s:o, s:{s:s, s:i, s:b, s:o}}", "normalizer",
                             list != NULL ? steps : rules, "pre_tokenizer", words, "added_tokens", added,
                             "model", "type", "Unigram", "unk_id", 0, "byte_fallback", 0, "vocab", vocab);
    json = json_dumps(root, 0);
    json_decref(root), json_decref(rules), json_decref(steps);
    free(coded);
    return json;
}

static void unigram_of_every_pipeline_equals_the_reference(void **state)
{
    (void)state;
    struct buf file;
    struct vocabulary spm, v;
    struct golden_file golden, texts;
    struct imported imported[PIPELINES];
    struct encoding e = {0};
    struct error err = {0};
    fixture_read(&file, "unigram.model");
    vocabulary_init(&spm);
    assert_int_equal(spm_model_read(&spm, "unigram.model", buf_text(&file), NULL), STATUS_OK);
    for (size_t k = 0; k < PIPELINES; k++) {
        char *json = unigram_json(&spm, k);
        if (read_json(&v, json, &err) != STATUS_OK ||
            imported_open(&imported[k], &v, v.count, &err) != STATUS_OK)
            fail_msg("pipeline %zu: %s", k, err.text);
        vocabulary_release(&v);
        free(json);
    }
    golden_open(&golden, "unigram_words.txt");
    golden_open(&texts, "texts.txt");
    size_t count = golden_count(&texts);
    for (size_t i = 0; i < count; i++) {
        struct text text = golden_text(&texts);
        char *line = golden_line(&golden);
        for (size_t k = 0; k < PIPELINES; k++) {
            size_t wanted = strtoul(line, &line, 10);
            uint64_t hash = strtoull(line, &line, 16);
            if (hash_ids(imported[k].tokenizer, &e, text, HASH_START) != hash || e.count != wanted)
                fail_msg("text %zu, pipeline %zu, %zu ids instead of %zu: %.*s", i, k, e.count, wanted,
                         (int)text.len, text.data);
        }
    }
    for (size_t k = 0; k < PIPELINES; k++)
        imported_close(&imported[k]);
    encoding_release(&e);
    vocabulary_release(&spm);
    buf_release(&file), buf_release(&golden.bytes), buf_release(&texts.bytes);
}

#define UNIGRAM(more)                                                                                        \
    "\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"u\", 0], [\"a\", -1]]" more "}"
#define METASPACE(more) "\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\u2581\"" more "}"

static void what_is_not_done_for_unigram_is_refused_by_name(void **state)
{
    (void)state;
    expect_refusal("{\"normalizer\": {\"type\": \"NFKC\"}, " METASPACE("") ", " UNIGRAM("") "}",
                   STATUS_UNSUPPORTED, "the normalizer \"NFKC\"");
    expect_refusal(
        "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"*\"}, " METASPACE(
            "") ", " UNIGRAM("") "}",
        STATUS_CORRUPT, "not base64");
    expect_refusal("{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": "
                   "\"b\"}, " METASPACE("") ", " UNIGRAM("") "}",
                   STATUS_UNSUPPORTED, "a Replace of \"another pattern\"");
    expect_refusal("{\"pre_tokenizer\": {\"type\": \"Whitespace\"}, " UNIGRAM("") "}", STATUS_UNSUPPORTED,
                   "the pre_tokenizer \"Whitespace\"");
    expect_refusal("{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\"}, "
                   "{}]}, " UNIGRAM("") "}",
                   STATUS_UNSUPPORTED, "Sequence of other than");
    expect_refusal("{" METASPACE(", \"split\": false") ", " UNIGRAM("") "}", STATUS_UNSUPPORTED, "split");
    expect_refusal("{" METASPACE(", \"prepend_scheme\": \"odd\"") ", " UNIGRAM("") "}", STATUS_UNSUPPORTED,
                   "prepend_scheme \"odd\"");
    expect_refusal("{" METASPACE("") ", " UNIGRAM(", \"byte_fallback\": true") "}", STATUS_UNSUPPORTED,
                   "byte_fallback");
    expect_refusal("{" METASPACE("") ", \"model\": {\"vocab\": [[\"a\", -1]]}}", STATUS_CORRUPT,
                   "does not know");
    expect_refusal("{" METASPACE("") ", \"model\": {\"vocab\": [[\"a\", \"b\"]]}}", STATUS_CORRUPT,
                   "a text with a score");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mpnet_has_special_pieces_of_its_own),
        cmocka_unit_test(what_is_not_done_is_refused_by_name),
        cmocka_unit_test(merges_come_as_texts_and_as_pairs),
        cmocka_unit_test(unigram_of_every_pipeline_equals_the_reference),
        cmocka_unit_test(what_is_not_done_for_unigram_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

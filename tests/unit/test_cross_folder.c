/* Cross-encoders, from the folders of tests/fixtures/models/cross-* to their scores. */
#include "unit.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "encoder/encoder.h"
#include "encoder/import/import.h"
#include "mutation.h"
#include "tokenizer/pair.h"

#define MOST_IDS 64
#define PAIRS    13

static char scratch[] = "/tmp/cognate-cross-folder-XXXXXX";

static const char *at(const char *name)
{
    static char paths[4][1024];
    static size_t turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static const char *fixture(const char *model, const char *file)
{
    static char path[1024];
    const char *source = getenv("COGNATE_SOURCE");
    if (source == NULL)
        skip();
    snprintf(path, sizeof path, "%s/tests/fixtures/%s/%s", source, model, file);
    return path;
}

/* The files that a folder of a cross-encoder may have. */
static const char *const files[] = {
    "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",  "vocab.txt",
    "vocab.json",  "merges.txt",        "modules.json",   "sentencepiece.bpe.model"};

#define FILES (sizeof files / sizeof files[0])

/* A folder of links to the files of cross-NAME. */
static void workbench(const char *name)
{
    char model[64];
    snprintf(model, sizeof model, "models/cross-%s", name);
    if (access(fixture(model, "config.json"), F_OK) != 0)
        fail_msg("there is no %s", fixture(model, "config.json"));
    assert_int_equal(mkdir(at("bench"), 0700), 0);
    for (size_t i = 0; i < FILES; i++) {
        char to[64];
        snprintf(to, sizeof to, "bench/%s", files[i]);
        if (access(fixture(model, files[i]), F_OK) == 0)
            assert_int_equal(symlink(fixture(model, files[i]), at(to)), 0);
    }
    if (strcmp(name, "xlm-roberta") == 0)
        assert_int_equal(symlink(fixture("tokenizers", "unigram.model"), at("bench/sentencepiece.bpe.model")),
                         0);
}

static void clear(void)
{
    for (size_t i = 0; i < FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "bench/%s", files[i]);
        unlink(at(name));
    }
    assert_int_equal(rmdir(at("bench")), 0);
}

/* Writes `to` in the place of the first `from` in a file; both empty: leaves the file as it is. */
static void change(const char *name, const char *from, const char *to)
{
    struct buf old, new;
    char path[64];
    snprintf(path, sizeof path, "bench/%s", name);
    buf_init(&old, 1 << 20);
    buf_init(&new, 1 << 20);
    assert_int_equal(file_read(at(path), &old, NULL), STATUS_OK);
    const char *found = strstr(old.data, from);
    if (found == NULL)
        fail_msg("%s has no %s", name, from);
    assert_int_equal(
        buf_printf(&new, NULL, "%.*s%s%s", (int)(found - old.data), old.data, to, found + strlen(from)),
        STATUS_OK);
    unlink(at(path));
    assert_int_equal(file_write_atomic(at(path), new.data, new.len, NULL), STATUS_OK);
    buf_release(&old);
    buf_release(&new);
}

struct opened {
    struct gguf *file;
    struct tokenizer *tokenizer;
    struct model *models[2]; /* by enum precision */
    struct encoding query, document;
};

static void open_model(struct opened *m)
{
    struct error err = {0};
    *m = (struct opened){0};
    if (gguf_open(at("out.gguf"), &m->file, &err) != STATUS_OK ||
        tokenizer_open(m->file, NULL, &m->tokenizer, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++) {
        struct model_options options = {.precision = (enum precision)i, .isa = cpu_best()};
        if (model_open(m->file, &options, &m->models[i], &err) != STATUS_OK)
            fail_msg("%s", err.text);
        assert_true(model_info(m->models[i])->scores);
        assert_int_equal(model_info(m->models[i])->width, 1);
    }
}

static void close_model(struct opened *m)
{
    model_free(m->models[0]);
    model_free(m->models[1]);
    encoding_release(&m->query);
    encoding_release(&m->document);
    tokenizer_free(m->tokenizer);
    gguf_free(m->file);
}

static struct text text_at(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* The row of a pair. */
static size_t encode(struct opened *m, const json_t *line, int32_t ids[MOST_IDS])
{
    const struct model_info *info = model_info(m->models[0]);
    struct text none = text_of("");
    assert_int_equal(tokenizer_encode(m->tokenizer, &m->query, none, text_at(line, "query"), NULL),
                     STATUS_OK);
    assert_int_equal(tokenizer_encode(m->tokenizer, &m->document, none, text_at(line, "document"), NULL),
                     STATUS_OK);
    size_t specials = pair_specials(m->tokenizer, info->separators);
    struct pair p = pair_fit(m->query.count, m->document.count, info->context - specials);
    assert_true(p.query + p.document + specials <= MOST_IDS);
    return pair_write(&p, m->tokenizer, info->separators, &m->query, &m->document, ids);
}

/* All pairs of expected.jsonl: their rows side by side and the logits of the reference. */
struct rows {
    int32_t ids[PAIRS * MOST_IDS];
    uint32_t starts[PAIRS + 1];
    double logits[PAIRS];
};

static void read_rows(struct opened *m, const char *name, struct rows *r)
{
    char model[64];
    size_t n = 0;
    snprintf(model, sizeof model, "models/cross-%s", name);
    FILE *lines = fopen(fixture(model, "expected.jsonl"), "r");
    assert_non_null(lines);
    r->starts[0] = 0;
    for (json_t *line; (line = json_loadf(lines, JSON_DISABLE_EOF_CHECK, NULL)) != NULL; json_decref(line)) {
        const json_t *ids = json_object_get(line, "ids");
        int32_t *got = r->ids + r->starts[n];
        assert_true(n < PAIRS);
        size_t count = encode(m, line, got);
        if (count != json_array_size(ids))
            fail_msg("%s: pair %zu has %zu ids, %zu expected", name, n, count, json_array_size(ids));
        for (size_t i = 0; i < count; i++)
            if (got[i] != json_integer_value(json_array_get(ids, i)))
                fail_msg("%s: id %zu of pair %zu is %d", name, i, n, got[i]);
        r->logits[n] = json_number_value(json_object_get(line, "logit"));
        r->starts[n + 1] = r->starts[n] + (uint32_t)count;
        n++;
    }
    fclose(lines);
    assert_int_equal(n, PAIRS);
}

static void score(const struct model *m, size_t threads, const int32_t *ids, const uint32_t *starts, size_t n,
                  float *out)
{
    struct embedder *e = NULL;
    assert_int_equal(embedder_new(m, 0, &e, NULL), STATUS_OK);
    assert_int_equal(embedder_set_threads(e, threads, NULL), STATUS_OK);
    assert_int_equal(embedder_embed(e, ids, starts, n, out, NULL), STATUS_OK);
    embedder_free(e);
}

static double correlation(const float *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += (double)x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xy += ((double)x[i] - mx) * (y[i] - my);
        xx += ((double)x[i] - mx) * ((double)x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
    }
    return xy / sqrt(xx * yy);
}

static const char *const names[] = {"bert", "xlm-roberta", "roberta", "distilbert"};

static void import_fixture(const char *name, struct import_report *report)
{
    struct error err = {0};
    workbench(name);
    if (model_import(at("bench"), at("out.gguf"), report, &err) != STATUS_OK)
        fail_msg("%s: %s", name, err.text);
    clear();
}

static void scores_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct import_report report;
        struct opened m;
        static struct rows r;
        float exact[PAIRS], fast[PAIRS];
        double furthest = 0;
        import_fixture(names[k], &report);
        assert_true(report.scores);
        assert_int_equal(report.context, 40);
        assert_string_equal(report.notes, "");
        open_model(&m);
        read_rows(&m, names[k], &r);
        score(m.models[PRECISION_F32], 1, r.ids, r.starts, PAIRS, exact);
        score(m.models[PRECISION_INT8], 1, r.ids, r.starts, PAIRS, fast);
        for (size_t i = 0; i < PAIRS; i++)
            furthest = fmax(furthest, fabs((double)exact[i] - r.logits[i]));
        double like = correlation(fast, r.logits, PAIRS);
        print_message("%s: logits within %.2g in f32, correlation %.4f in int8\n", names[k], furthest, like);
        assert_true(furthest < 2e-4); /* of the activations' own polynomials */
        assert_true(like > 0.99);
        close_model(&m);
    }
}

/* Alone and together, on any number of threads and with any instructions: the same bits. */
static void scores_have_the_same_bits_everywhere(void **state)
{
    (void)state;
    struct import_report report;
    struct opened m;
    static struct rows r;
    float wanted[PAIRS], out[PAIRS];
    import_fixture("bert", &report);
    open_model(&m);
    read_rows(&m, "bert", &r);
    for (size_t i = 0; i < PAIRS; i++)
        score(m.models[PRECISION_INT8], 1, r.ids, r.starts + i, 1, wanted + i);
    for (int isa = ISA_REFERENCE; isa <= (int)cpu_best(); isa++) {
        struct model *model = NULL;
        struct model_options options = {.precision = PRECISION_INT8, .isa = (enum isa)isa};
        assert_int_equal(model_open(m.file, &options, &model, NULL), STATUS_OK);
        for (size_t threads = 1; threads <= 4; threads *= 2) {
            memset(out, 0, sizeof out);
            score(model, threads, r.ids, r.starts, PAIRS, out);
            assert_memory_equal(out, wanted, sizeof out);
        }
        model_free(model);
    }
    close_model(&m);
}

/* The types of tokens that the tokenizer is said to hand over. */
static void types_are_those_of_the_tokenizer(void **state)
{
    (void)state;
    for (uint32_t wanted = 0; wanted < 2; wanted++) {
        struct import_report report;
        struct gguf *file = NULL;
        uint32_t second = 2;
        workbench("bert");
        change("tokenizer_config.json", "{",
               wanted == 0 ? "{\"model_input_names\": [\"input_ids\", \"attention_mask\"],"
                           : "{\"model_input_names\": [\"input_ids\", \"token_type_ids\"],");
        assert_int_equal(model_import(at("bench"), at("out.gguf"), &report, NULL), STATUS_OK);
        clear();
        assert_int_equal(gguf_open(at("out.gguf"), &file, NULL), STATUS_OK);
        assert_int_equal(gguf_u32(file, "cognate.pair.second_type", &second, NULL), STATUS_OK);
        assert_int_equal(second, wanted);
        gguf_free(file);
    }
}

static void refuses_what_it_would_score_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *model, *file, *from, *to, *words;
        enum status status;
    } cases[] = {
        {"bert", "config.json", "nn.modules.linear.Identity", "nn.modules.activation.Tanh", "Tanh",
         STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"model_type\"",
         "\"sentence_transformers\": {\"activation_fn\": \"torch.nn.Softmax\"}, \"model_type\"", "Softmax",
         STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"bert\"", "\"mpnet\"", "its cross-encoders are", STATUS_UNSUPPORTED},
        {"bert", "config.json", "ForSequenceClassification", "Model", "",
         STATUS_OK}, /* an embedding model, then */
        {"bert", "tokenizer.json", "\"pair\": [",
         "\"pair\": [{\"Sequence\": {\"id\": \"B\", \"type_id\": 1}},", "in a way of its own",
         STATUS_UNSUPPORTED},
        {"distilbert", "config.json", "\"model_type\"",
         "\"auto_map\": {\"AutoModel\": \"a.B\"}, \"model_type\"", "auto_map", STATUS_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct import_report report;
        struct error err = {0};
        workbench(cases[i].model);
        unlink(at("out.gguf"));
        change(cases[i].file, cases[i].from, cases[i].to);
        enum status status = model_import(at("bench"), at("out.gguf"), &report, &err);
        if (status != cases[i].status || (status != STATUS_OK && strstr(err.text, cases[i].words) == NULL))
            fail_msg("expected \"%s\" in: %s (%s)", cases[i].words, err.text, status_code(status));
        assert_int_equal(access(at("out.gguf"), F_OK) == 0, status == STATUS_OK);
        clear();
    }
}

/* Opens a file in which one text was replaced by another of the same length, and scores a row. */
static enum status open_changed(const char *from, const char *to, float *logit, struct error *err)
{
    static const int32_t ids[] = {2, 5, 6, 3, 7, 8, 3};
    static const uint32_t starts[] = {0, sizeof ids / sizeof *ids};
    struct mapping whole = {0};
    struct gguf *file = NULL;
    struct model *m = NULL;
    assert_int_equal(mapping_open(&whole, at("out.gguf"), NULL), STATUS_OK);
    unsigned char *bytes = malloc(whole.size);
    assert_non_null(bytes);
    memcpy(bytes, whole.data, whole.size);
    assert_int_equal(strlen(from), strlen(to));
    for (unsigned char *found = bytes;
         (found = memmem(found, (size_t)(bytes + whole.size - found), from, strlen(from))) != NULL;)
        memcpy(found, to, strlen(to));
    enum status status = gguf_open_bytes("changed", bytes, whole.size, &file, err);
    if (status == STATUS_OK)
        status = model_open(file, &(struct model_options){.isa = cpu_best()}, &m, err);
    if (status == STATUS_OK)
        score(m, 1, ids, starts, 1, logit);
    model_free(m);
    gguf_free(file);
    free(bytes);
    mapping_close(&whole);
    return status;
}

/* Files without keys of ours are llama.cpp's; they give the same scores. */
static void takes_files_of_other_makers_for_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *model, *from, *to, *words;
        enum status status;
    } cases[] = {
        {"bert", "cognate.", "another.", "", STATUS_OK},
        {"roberta", "cognate.", "another.", "", STATUS_OK},
        {"distilbert", "cognate.", "another.", "activation of its first layer", STATUS_UNSUPPORTED},
        {"bert", "cls.weight", "clz.weight", "without its first layer", STATUS_UNSUPPORTED},
        {"bert", "cls.output.weight", "cls.outpuz.weight", "without its last layer", STATUS_UNSUPPORTED},
        {"bert", "cls.bias", "clz.bias", "cls.bias", STATUS_CORRUPT},
        {"bert", "bert.pooling_type", "bert.poolinz_type", "pooling_type", STATUS_CORRUPT},
        {"bert", "_token_id", "_tokem_id", "seperator_token_id", STATUS_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct import_report report;
        struct error err = {0};
        import_fixture(cases[i].model, &report);
        float logit = 0, own = 0;
        assert_int_equal(open_changed("general.name", "general.nama", &own, NULL), STATUS_OK);
        enum status status = open_changed(cases[i].from, cases[i].to, &logit, &err);
        if (status != cases[i].status || (status != STATUS_OK && strstr(err.text, cases[i].words) == NULL))
            fail_msg("expected \"%s\" in: %s (%s)", cases[i].words, err.text, status_code(status));
        if (status == STATUS_OK)
            assert_memory_equal(&logit, &own, sizeof own);
    }
}

/* Bits and sizes of a file changed: it opens or is refused, and what opens gives numbers or an error. */
static void changed_files_work_or_are_refused(void **state)
{
    (void)state;
    struct import_report report;
    struct mapping whole = {0};
    uint32_t seed = 1;
    size_t refused = 0, total = 200;
    import_fixture("bert", &report);
    assert_int_equal(mapping_open(&whole, at("out.gguf"), NULL), STATUS_OK);
    for (size_t i = 0; i < total; i++) {
        size_t n = whole.size;
        unsigned char *bytes = mutated(whole.data, &n, 24000, &seed);
        struct gguf *file = NULL;
        struct model *m = NULL;
        struct error err = {0};
        enum status status = gguf_open_bytes("changed", bytes, n, &file, &err);
        if (status == STATUS_OK)
            status = model_open(file, &(struct model_options){.isa = cpu_best()}, &m, &err);
        assert_true(status == STATUS_OK || err.text[0] != '\0');
        refused += status != STATUS_OK;
        model_free(m);
        gguf_free(file);
        free(bytes);
    }
    mapping_close(&whole);
    print_message("%zu of %zu changed files refused\n", refused, total);
    assert_true(refused > total / 4 && refused < total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_reference),
        cmocka_unit_test(scores_have_the_same_bits_everywhere),
        cmocka_unit_test(types_are_those_of_the_tokenizer),
        cmocka_unit_test(refuses_what_it_would_score_wrong),
        cmocka_unit_test(takes_files_of_other_makers_for_what_they_are),
        cmocka_unit_test(changed_files_work_or_are_refused),
    };
    if (mkdtemp(scratch) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(at("out.gguf"));
    rmdir(scratch);
    return failed;
}

#include "unit.h"

#include <dirent.h>
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
#include "tokenizer/tokenizer.h"

#define MOST_IDS 64
#define WIDEST   64

static char scratch[] = "/tmp/cognate-folder-import-XXXXXX", bench[sizeof scratch + 8];

static const char *join(const char *folder, const char *name)
{
    static char paths[4][1024];
    static size_t turn;
    char *path = paths[turn++ % 4];
    char whole[1024];
    snprintf(whole, sizeof whole, "%.600s/%.300s", folder, name);
    memcpy(path, whole, sizeof whole);
    return path;
}

static const char *fixture(const char *name)
{
    static char path[512];
    const char *source = getenv("COGNATE_SOURCE");
    if (source == NULL)
        skip();
    snprintf(path, sizeof path, "%s/tests/fixtures/%s", source, name);
    return path;
}

/* A folder of links to the files of a fixture, so that single ones can be changed. */
static void workbench(const char *name)
{
    char models[64], from[512];
    snprintf(models, sizeof models, "models/%s", name);
    snprintf(from, sizeof from, "%s", fixture(models));
    assert_int_equal(mkdir(bench, 0700), 0);
    DIR *list = opendir(from);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.')
            assert_int_equal(symlink(join(from, entry->d_name), join(bench, entry->d_name)), 0);
    closedir(list);
    const char *pieces = strcmp(name, "xlm-roberta") == 0        ? "sentencepiece.bpe.model"
                         : strcmp(name, "use-multilingual") == 0 ? "sp.model"
                                                                 : NULL;
    if (pieces != NULL)
        assert_int_equal(symlink(fixture("tokenizers/unigram.model"), join(bench, pieces)), 0);
}

static void clear_folder(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s", folder);
    DIR *list = opendir(path);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlink(join(path, entry->d_name)) != 0)
            clear_folder(join(path, entry->d_name));
    }
    closedir(list);
    assert_int_equal(rmdir(path), 0);
}

/* Puts bytes in the place of a file of the workbench, which may lie a folder deeper. */
static void put(const char *name, const char *bytes, size_t n)
{
    const char *slash = strchr(name, '/');
    if (slash != NULL) {
        char folder[64], target[512];
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
        ssize_t length = readlink(join(bench, folder), target, sizeof target - 1);
        assert_true(length > 0);
        target[length] = '\0';
        assert_int_equal(unlink(join(bench, folder)), 0);
        assert_int_equal(mkdir(join(bench, folder), 0700), 0);
        DIR *list = opendir(target);
        for (struct dirent *entry; (entry = readdir(list)) != NULL;)
            if (entry->d_name[0] != '.')
                assert_int_equal(
                    symlink(join(target, entry->d_name), join(join(bench, folder), entry->d_name)), 0);
        closedir(list);
    }
    unlink(join(bench, name));
    assert_int_equal(file_write_atomic(join(bench, name), bytes, n, NULL), STATUS_OK);
}

/* Writes `to` in the place of the first `from` in a file. */
static void change(const char *name, const char *from, const char *to)
{
    struct buf old, new;
    buf_init(&old, 1 << 20);
    buf_init(&new, 1 << 20);
    assert_int_equal(file_read(join(bench, name), &old, NULL), STATUS_OK);
    const char *at = strstr(old.data, from);
    if (at == NULL)
        fail_msg("%s has no %s", name, from);
    assert_int_equal(
        buf_printf(&new, NULL, "%.*s%s%s", (int)(at - old.data), old.data, to, at + strlen(from)), STATUS_OK);
    put(name, new.data, new.len);
    buf_release(&old);
    buf_release(&new);
}

struct imported {
    struct gguf *file;
    struct tokenizer *tokenizer;
    struct model *models[2];
    struct embedder *embedders[2];
    struct encoding encoding;
    double lowest[2], sum[2];
    size_t texts;
};

static void open_imported(struct imported *m)
{
    struct error err = {0};
    *m = (struct imported){.lowest = {1, 1}};
    if (gguf_open(join(scratch, "out.gguf"), &m->file, &err) != STATUS_OK ||
        tokenizer_open(m->file, NULL, &m->tokenizer, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++) {
        struct model_options options = {.precision = i == 0 ? PRECISION_F32 : PRECISION_INT8,
                                        .isa = cpu_best()};
        if (model_open(m->file, &options, &m->models[i], &err) != STATUS_OK ||
            embedder_new(m->models[i], 0, &m->embedders[i], &err) != STATUS_OK)
            fail_msg("%s", err.text);
    }
}

static void close_imported(struct imported *m)
{
    for (int i = 0; i < 2; i++) {
        embedder_free(m->embedders[i]);
        model_free(m->models[i]);
    }
    encoding_release(&m->encoding);
    tokenizer_free(m->tokenizer);
    gguf_free(m->file);
}

static uint32_t encode(struct imported *m, struct text text, int32_t ids[MOST_IDS])
{
    uint32_t n = 0, most = model_info(m->models[0])->context;
    assert_int_equal(tokenizer_encode(m->tokenizer, &m->encoding, text_of(""), text, NULL), STATUS_OK);
    ids[n++] = tokenizer_start_id(m->tokenizer);
    for (size_t i = 0; i < m->encoding.count && n + 1 < most; i++)
        ids[n++] = m->encoding.tokens[i].id;
    ids[n++] = tokenizer_end_id(m->tokenizer);
    return n;
}

/* One line of expected.jsonl: the ids exactly, the vectors by cosine. */
static void compare(struct imported *m, const char *name, const json_t *line)
{
    const json_t *text = json_object_get(line, "text"), *ids = json_object_get(line, "ids"),
                 *vector = json_object_get(line, "vector");
    int32_t got[MOST_IDS];
    float out[WIDEST];
    uint32_t n = encode(m, (struct text){json_string_value(text), json_string_length(text)}, got);
    uint32_t starts[] = {0, n};
    assert_int_equal(model_info(m->models[0])->width, json_array_size(vector));
    if (n != json_array_size(ids))
        fail_msg("%s: %u ids for \"%s\", %zu expected", name, n, json_string_value(text),
                 json_array_size(ids));
    for (uint32_t i = 0; i < n; i++)
        if (got[i] != json_integer_value(json_array_get(ids, i)))
            fail_msg("%s: id %u of \"%s\" is %d", name, i, json_string_value(text), got[i]);
    for (int p = 0; p < 2; p++) {
        double dot = 0;
        assert_int_equal(embedder_embed(m->embedders[p], got, starts, 1, out, NULL), STATUS_OK);
        for (size_t i = 0; i < json_array_size(vector); i++)
            dot += json_number_value(json_array_get(vector, i)) * (double)out[i];
        m->lowest[p] = fmin(m->lowest[p], dot);
        m->sum[p] += dot;
    }
    m->texts++;
}

static void import_as(const char *kind, const char *path, struct import_report *report)
{
    struct error err = {0};
    if (model_import(path, join(scratch, "out.gguf"), report, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_string_equal(report->kind, kind);
}

static void import_ok(const char *path, struct import_report *report)
{
    import_as("Hugging Face folder", path, report);
}

static void vectors_are_those_of_the_reference(void **state)
{
    (void)state;
    static const struct {
        const char *name, *kind;
        size_t texts;
    } models[] = {
        {"bert", "Hugging Face folder", 13},    {"xlm-roberta", "Hugging Face folder", 13},
        {"roberta", "Hugging Face folder", 13}, {"distilbert", "Hugging Face folder", 13},
        {"mpnet", "Hugging Face folder", 13},   {"use-multilingual", "Universal Sentence Encoder package", 7},
    };
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const char *name = models[i].name;
        workbench(name);
        struct import_report report;
        struct imported m;
        import_as(models[i].kind, bench, &report);
        open_imported(&m);
        FILE *lines = fopen(join(bench, "expected.jsonl"), "r");
        assert_non_null(lines);
        for (json_t *line; (line = json_loadf(lines, JSON_DISABLE_EOF_CHECK, NULL)) != NULL;
             json_decref(line))
            compare(&m, name, line);
        fclose(lines);
        print_message("%s: %zu texts, cosine f32 at least %.7f, int8 at least %.4f, mean %.4f\n", name,
                      m.texts, m.lowest[0], m.lowest[1], m.sum[1] / (double)m.texts);
        assert_int_equal(m.texts, models[i].texts);
        assert_true(m.lowest[0] >= 0.99999);
        assert_true(m.lowest[1] >= 0.98);
        close_imported(&m);
        clear_folder(bench);
    }
}

/* Alone and together, on any number of threads and with any instructions: the same bits. */
static void a_convolution_has_the_same_bits_everywhere(void **state)
{
    (void)state;
    enum { TEXTS = 9, IDS = 400 };
    struct import_report report;
    struct imported m;
    static int32_t ids[IDS];
    static float wanted[TEXTS][WIDEST], out[TEXTS][WIDEST];
    uint32_t starts[TEXTS + 1] = {0};
    workbench("use-multilingual");
    import_as("Universal Sentence Encoder package", bench, &report);
    open_imported(&m);
    for (uint32_t i = 0; i < TEXTS; i++) /* 1, 2, 5, 10 … ids */
        starts[i + 1] = starts[i] + 1 + i * i;
    for (uint32_t i = 0; i < starts[TEXTS]; i++)
        ids[i] = (int32_t)(i * 7919 % 2600);
    for (size_t i = 0; i < TEXTS; i++)
        assert_int_equal(embedder_embed(m.embedders[1], ids, starts + i, 1, wanted[i], NULL), STATUS_OK);
    for (int isa = ISA_REFERENCE; isa <= (int)cpu_best(); isa++) {
        struct model *model = NULL;
        struct model_options options = {.precision = PRECISION_INT8, .isa = (enum isa)isa};
        assert_int_equal(model_open(m.file, &options, &model, NULL), STATUS_OK);
        for (size_t threads = 1; threads <= 4; threads *= 2) {
            struct embedder *e = NULL;
            assert_int_equal(embedder_new(model, 0, &e, NULL), STATUS_OK);
            assert_int_equal(embedder_set_threads(e, threads, NULL), STATUS_OK);
            memset(out, 0, sizeof out);
            assert_int_equal(embedder_embed(e, ids, starts, TEXTS, out[0], NULL), STATUS_OK);
            assert_memory_equal(out, wanted, sizeof out);
            embedder_free(e);
        }
        model_free(model);
    }
    close_imported(&m);
    clear_folder(bench);
}

/* `bytes` stand in the place of those of weights.npz. */
static void package_refused(const void *bytes, size_t n, enum status wanted, const char *says)
{
    struct import_report report;
    struct error err = {0};
    put("weights.npz", bytes, n);
    assert_int_equal(model_import(bench, join(scratch, "refused.gguf"), &report, &err), wanted);
    if (strstr(err.text, says) == NULL)
        fail_msg("%s", err.text);
    assert_int_not_equal(access(join(scratch, "refused.gguf"), F_OK), 0);
}

static void packages_of_another_kind_are_refused(void **state)
{
    (void)state;
    struct buf whole;
    buf_init(&whole, 1 << 20);
    workbench("use-multilingual");
    assert_int_equal(file_read(join(bench, "weights.npz"), &whole, NULL), STATUS_OK);
    package_refused("PK", 2, STATUS_CORRUPT, "weights.npz: it is no archive");
    package_refused(whole.data, whole.len / 2, STATUS_CORRUPT, "weights.npz: ");
    clear_folder(bench);
    buf_release(&whole);
}

static void keeps_what_the_folder_says(void **state)
{
    (void)state;
    struct import_report report;
    struct imported m;
    workbench("xlm-roberta");
    import_ok(bench, &report);
    assert_string_equal(report.architecture, "bert");
    assert_int_equal(report.width, 24);
    assert_int_equal(report.context, 40);
    assert_string_equal(report.notes, "");
    open_imported(&m);
    const struct model_info *info = model_info(m.models[0]);
    assert_true(text_is(info->prompt_query, "find: "));
    assert_true(text_is(info->prompt_document, "text: "));
    assert_true(text_is(info->name, "bench"));
    close_imported(&m);
    clear_folder(bench);
    workbench("distilbert");
    assert_int_equal(unlink(join(bench, "sentence_bert_config.json")), 0);
    import_ok(bench, &report);
    assert_int_equal(report.context, 40); /* of tokenizer_config.json */
    assert_non_null(strstr(report.notes, "length 1"));
    change("tokenizer_config.json", "\"model_max_length\": 40",
           "\"model_max_length\": 1000000000000000019884624838656"); /* no limit, as transformers writes it */
    import_ok(bench, &report);
    assert_int_equal(report.context, 48);
    assert_int_equal(unlink(join(bench, "modules.json")), 0);
    assert_int_equal(unlink(join(bench, "tokenizer_config.json")), 0);
    import_ok(bench, &report);
    assert_int_equal(report.width, 32);
    assert_int_equal(report.context, 48);
    assert_non_null(strstr(report.notes, "mean of all tokens"));
    clear_folder(bench);
}

static void refuses_what_it_would_run_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *model, *file, *from, *to, *words;
        enum status status;
    } cases[] = {
        {"bert", "config.json", "\"bert\"", "\"modernbert\"", "modernbert", STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"gelu\"", "\"silu\"", "silu", STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"absolute\"", "\"relative_key\"", "relative_key", STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"model_type\"", "\"auto_map\": {\"AutoModel\": \"a.B\"}, \"model_type\"",
         "auto_map", STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"model_type\"", "\"is_decoder\": true, \"model_type\"", "decoder",
         STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"model_type\"", "\"add_cross_attention\": true, \"model_type\"",
         "add_cross_attention", STATUS_UNSUPPORTED},
        {"bert", "config.json", "BertModel", "BertForSequenceClassification", "one module, a Transformer",
         STATUS_UNSUPPORTED},
        {"bert", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "encoder.layer.2",
         STATUS_CORRUPT},
        {"bert", "config.json", "\"hidden_size\": 32", "\"hidden_size\": \"32\"", "hidden_size",
         STATUS_CORRUPT},
        {"bert", "config.json", "\"hidden_size\": 32", "\"hidden_size\": 64", "64", STATUS_CORRUPT},
        {"bert", "config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 5", "5 heads",
         STATUS_UNSUPPORTED},
        {"roberta", "config.json", "\"pad_token_id\": 1", "\"pad_token_id\": 49", "position", STATUS_CORRUPT},
        {"bert", "config.json", "{", "[", "not JSON", STATUS_CORRUPT},
        {"bert", "modules.json", "models.Normalize", "models.LSTM", "LSTM", STATUS_UNSUPPORTED},
        {"bert", "modules.json", "1_Pooling", "../1_Pooling", "../1_Pooling", STATUS_INVALID},
        {"bert", "1_Pooling/config.json", "\"pooling_mode_mean_tokens\": true",
         "\"pooling_mode_mean_tokens\": false", "no pooling", STATUS_CORRUPT},
        {"bert", "1_Pooling/config.json", "\"word_embedding_dimension\": 32",
         "\"word_embedding_dimension\": 31", "31", STATUS_CORRUPT},
        {"bert", "1_Pooling/config.json", "\"include_prompt\": true", "\"include_prompt\": false",
         "include_prompt", STATUS_UNSUPPORTED},
        {"distilbert", "2_Dense/config.json", "Identity", "Sigmoid", "Sigmoid", STATUS_UNSUPPORTED},
        {"distilbert", "2_Dense/config.json", "\"out_features\": 40", "\"out_features\": 400000000000",
         "400000000000", STATUS_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        workbench(cases[i].model);
        struct import_report report;
        struct error err = {0};
        unlink(join(scratch, "out.gguf"));
        change(cases[i].file, cases[i].from, cases[i].to);
        enum status status = model_import(bench, join(scratch, "out.gguf"), &report, &err);
        if (status != cases[i].status || (status != STATUS_OK && strstr(err.text, cases[i].words) == NULL))
            fail_msg("expected \"%s\" in: %s (%s)", cases[i].words, err.text, status_code(status));
        assert_int_equal(access(join(scratch, "out.gguf"), F_OK) == 0, status == STATUS_OK);
        clear_folder(bench);
    }
}

static void never_reads_a_pickle(void **state)
{
    (void)state;
    struct import_report report;
    struct error err = {0};
    workbench("bert");
    assert_int_equal(unlink(join(bench, "model.safetensors")), 0);
    assert_int_equal(model_import(bench, join(scratch, "out.gguf"), &report, &err), STATUS_NOT_FOUND);
    err = (struct error){0};
    put("pytorch_model.bin", "PK", 2);
    assert_int_equal(model_import(bench, join(scratch, "out.gguf"), &report, &err), STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "save it with safetensors"));
    assert_int_equal(unlink(join(bench, "config.json")), 0);
    err = (struct error){0};
    assert_int_equal(model_import(bench, join(scratch, "out.gguf"), &report, &err), STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "without config.json"));
    clear_folder(bench);
}

/* Each file of a folder with bytes changed: the folder is taken in or refused, and nothing is left behind. */
static void changed_folders_work_or_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *model, *file;
        size_t head, times;
    } files[] = {{"bert", "model.safetensors", 4500, 300},
                 {"roberta", "model-00001-of-00003.safetensors", 1500, 100},
                 {"bert", "tokenizer.json", 15000, 150},
                 {"roberta", "vocab.json", 9000, 50},
                 {"bert", "config.json", 600, 150},
                 {"roberta", "model.safetensors.index.json", 3000, 100},
                 {"bert", "modules.json", 300, 50},
                 {"distilbert", "2_Dense/config.json", 100, 50},
                 {"xlm-roberta", "sentencepiece.bpe.model", 50000, 50}};
    uint32_t seed = 1;
    size_t refused = 0, total = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct mapping m = {0};
        workbench(files[i].model);
        assert_int_equal(mapping_open(&m, join(bench, files[i].file), NULL), STATUS_OK);
        put(files[i].file, "", 0);
        for (size_t j = 0; j < files[i].times; j++) {
            struct import_report report;
            struct error err = {0};
            size_t n = m.size;
            unsigned char *bytes = mutated(m.data, &n, files[i].head, &seed);
            FILE *out = fopen(join(bench, files[i].file), "wb");
            assert_non_null(out);
            assert_int_equal(fwrite(bytes, 1, n, out), n);
            assert_int_equal(fclose(out), 0);
            unlink(join(scratch, "out.gguf"));
            enum status status = model_import(bench, join(scratch, "out.gguf"), &report, &err);
            assert_true(status == STATUS_OK || err.text[0] != '\0');
            assert_int_equal(access(join(scratch, "out.gguf"), F_OK) == 0, status == STATUS_OK);
            refused += status != STATUS_OK;
            free(bytes);
        }
        total += files[i].times;
        mapping_close(&m);
        clear_folder(bench);
    }
    print_message("%zu of %zu changed folders refused\n", refused, total);
    assert_int_equal(total, 1000);
    assert_true(refused > total / 4 && refused < total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_those_of_the_reference),
        cmocka_unit_test(a_convolution_has_the_same_bits_everywhere),
        cmocka_unit_test(packages_of_another_kind_are_refused),
        cmocka_unit_test(keeps_what_the_folder_says),
        cmocka_unit_test(refuses_what_it_would_run_wrong),
        cmocka_unit_test(never_reads_a_pickle),
        cmocka_unit_test(changed_folders_work_or_are_refused),
    };
    if (mkdtemp(scratch) == NULL)
        return 1;
    snprintf(bench, sizeof bench, "%s/bench", scratch);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(join(scratch, "out.gguf"));
    rmdir(scratch);
    return failed;
}

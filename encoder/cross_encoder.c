/* A cross-encoder is a transformer that reads two texts at once and says how well they go together: what the
 * last layer makes of the first token goes through two dense layers, which their makers call
 *
 *     cls          hidden → hidden, tanh or relu      pooler, classifier.dense or pre_classifier
 *     cls.output   hidden → 1                         classifier or classifier.out_proj
 *
 * and a score comes out. Keys of ours say what llama.cpp's do not: cognate.cls.activation, and how the two
 * texts stand in a row, cognate.pair.separators and cognate.pair.second_type. Where they are missing the file
 * is one of llama.cpp's, and they follow from what else is in it, or it is refused. */
#include <inttypes.h>

#include "encoder/architecture.h"

#define RANK 4 /* of pooling_type */

static enum status refuse(const struct settings *s, const char *what)
{
    return error_set(s->err, STATUS_UNSUPPORTED, "%s is a cross-encoder (cls.*) %s", gguf_path(s->file),
                     what);
}

/* Of the first head. DistilBERT has another one than BERT and RoBERTa, and no table of token types. */
static enum status read_activation(const struct settings *s, enum activation *out)
{
    if (gguf_has(s->file, "cognate.cls.activation"))
        return settings_activation(s, "cognate.cls.activation", out);
    *out = ACTIVATION_TANH;
    return gguf_tensor(s->file, "token_types.weight") != NULL
               ? STATUS_OK
               : refuse(s, "that does not say the activation of its first layer (cognate.cls.activation); "
                           "take in the folder it was made of");
}

static enum status read_heads(const struct settings *s, struct config *c)
{
    bool first = false, last = false;
    enum status status = settings_head(s, c, "cls", &first);
    if (status == STATUS_OK && !first)
        status =
            refuse(s, "without its first layer (cls.weight), which converters leave out of some models; take "
                      "in the folder it was made of");
    if (status == STATUS_OK)
        status = read_activation(s, &c->dense[0].activation);
    if (status == STATUS_OK)
        status = settings_head(s, c, "cls.output", &last);
    if (status == STATUS_OK && !last)
        status = refuse(s, "without its last layer (cls.output.weight)");
    if (status == STATUS_OK && c->dense[1].out != 1)
        status = error_set(
            s->err, STATUS_UNSUPPORTED,
            "%s is a classifier of %zu classes; this program runs cross-encoders, which give one score",
            gguf_path(s->file), c->dense[1].out);
    return status;
}

/* A number of `least` to `most` under a key that may be missing. */
static enum status read_number(const struct settings *s, const char *key, uint32_t least, uint32_t most,
                               uint32_t *out)
{
    enum status status = gguf_has(s->file, key) ? gguf_u32(s->file, key, out, s->err) : STATUS_OK;
    return status == STATUS_OK && (*out < least || *out > most)
               ? error_set(s->err, STATUS_UNSUPPORTED,
                           "%s: %s is %" PRIu32 "; this program takes %" PRIu32 " to %" PRIu32,
                           gguf_path(s->file), key, *out, least, most)
               : status;
}

/* What ends a text, in the words of the tokenizer. */
static enum status read_separator(const struct settings *s, struct config *c)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.seperator_token_id"};
    uint32_t id = 0;
    const char *key = keys[!gguf_has(s->file, keys[0])];
    enum status status = gguf_u32(s->file, key, &id, s->err);
    if (status == STATUS_OK && id >= c->vocabulary)
        status =
            error_set(s->err, STATUS_CORRUPT, "%s: %s is no row of the vocabulary", gguf_path(s->file), key);
    c->separator = (int32_t)id;
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}

static enum status read_pair(const struct settings *s, struct config *c, uint32_t *separators)
{
    const struct gguf_tensor *types = gguf_tensor(s->file, "token_types.weight");
    struct text tokenizer = {"", 0};
    gguf_text(s->file, "tokenizer.ggml.model", &tokenizer, NULL);
    bool wordpiece = text_is(tokenizer, "bert"), has_types = types != NULL && types->dims[1] > 1;
    uint32_t second = wordpiece;
    *separators = wordpiece ? 1 : 2;
    enum status status = read_number(s, "cognate.pair.separators", 1, 2, separators);
    if (status == STATUS_OK)
        status = read_number(s, "cognate.pair.second_type", 0, 1, &second);
    if (status == STATUS_OK && c->context < *separators + 3)
        status = refuse(s, "whose context is too short for a pair");
    if (status != STATUS_OK || second == 0 || !has_types)
        return status;
    c->types = 2;
    return read_separator(s, c);
}

enum status cross_encoder_configure(const struct settings *s, struct config *c, struct model_info *info)
{
    size_t pooling = RANK;
    enum status status = settings_number(s, "pooling_type", 0, UINT32_MAX, &pooling);
    if (status == STATUS_OK && pooling != RANK)
        status = refuse(s, "whose pooling_type is not rank (4)");
    c->parts[c->part_count++] = POOL_CLS;
    if (status == STATUS_OK)
        status = read_heads(s, c);
    if (status == STATUS_OK)
        status = read_pair(s, c, &info->separators);
    info->scores = true;
    return status;
}

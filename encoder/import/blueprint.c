#include "encoder/import/blueprint.h"

#include <stdint.h>
#include <string.h>

#include "encoder/import/cross_folder.h"
#include "encoder/import/model_folder.h"
#include "encoder/import/modules.h"

const char *const blueprint_gguf_names[BLUEPRINT_LAYER] = {"attn_q",      "attn_k",           "attn_v",
                                                           "attn_output", "attn_output_norm", "ffn_up",
                                                           "ffn_down",    "layer_output_norm"};

#define BERT_KEYS                                                                                            \
    .layers = "num_hidden_layers", .hidden = "hidden_size", .heads = "num_attention_heads",                  \
    .feed_forward = "intermediate_size", .activation = "hidden_act", .layer = "encoder.layer"
#define BERT_LAYER                                                                                           \
    .in_layer = {"attention.self.query",                                                                     \
                 "attention.self.key",                                                                       \
                 "attention.self.value",                                                                     \
                 "attention.output.dense",                                                                   \
                 "attention.output.LayerNorm",                                                               \
                 "intermediate.dense",                                                                       \
                 "output.dense",                                                                             \
                 "output.LayerNorm"}

#define ROBERTA_SCORE                                                                                        \
    .score_layers = {"classifier.dense", "classifier.out_proj"}, .score_activation = "tanh", .separators = 2

static const struct architecture architectures[] = {
    {.model_type = "bert",
     .gguf = "bert",
     .prefix = "bert.",
     BERT_KEYS,
     BERT_LAYER,
     .has_types = true,
     .score_layers = {"bert.pooler.dense", "classifier"},
     .score_activation = "tanh",
     .separators = 1,
     .second_type = 1},
    {.model_type = "roberta",
     .gguf = "bert",
     .prefix = "roberta.",
     BERT_KEYS,
     BERT_LAYER,
     .positions = POSITIONS_BEHIND_PADDING,
     .has_types = true,
     ROBERTA_SCORE},
    {.model_type = "xlm-roberta",
     .gguf = "bert",
     .prefix = "roberta.",
     BERT_KEYS,
     BERT_LAYER,
     .positions = POSITIONS_BEHIND_PADDING,
     .has_types = true,
     ROBERTA_SCORE},
    {.model_type = "distilbert",
     .gguf = "bert",
     .prefix = "distilbert.",
     .layers = "n_layers",
     .hidden = "dim",
     .heads = "n_heads",
     .feed_forward = "hidden_dim",
     .activation = "activation",
     .layer = "transformer.layer",
     .in_layer = {"attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin",
                  "sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm"},
     .score_layers = {"pre_classifier", "classifier"},
     .score_activation = "relu",
     .separators = 1},
    {.model_type = "mpnet",
     .gguf = "mpnet",
     .prefix = "mpnet.",
     BERT_KEYS,
     .in_layer = {"attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o",
                  "attention.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"},
     .positions = POSITIONS_FROM_2,
     .relative = "encoder.relative_attention_bias.weight"},
};

/* Keys of config.json that only make a difference with another value than this. */
static enum status check_flag(const struct fields *config, const char *key, const char *what,
                              struct error *err)
{
    bool set = false;
    enum status status =
        json_object_get(config->object, key) == NULL ? STATUS_OK : field_flag(config, key, &set, err);
    return status == STATUS_OK && set
               ? error_set(err, STATUS_UNSUPPORTED,
                           "%s: the model %s (\"%s\"), which this program does not run", config->path, what,
                           key)
               : status;
}

static enum status check_kind(const struct fields *config, struct error *err)
{
    const json_t *object = config->object;
    const char *positions = json_string_value(json_object_get(object, "position_embedding_type"));
    if (json_object_size(json_object_get(object, "auto_map")) > 0)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s: the model brings code of its own (\"auto_map\"), which this program never runs",
                         config->path);
    if (positions != NULL && strcmp(positions, "absolute") != 0)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s: \"position_embedding_type\" is \"%.40s\"; this program runs absolute positions",
                         config->path, positions);
    if (json_object_size(json_object_get(object, "pruned_heads")) > 0)
        return error_set(err, STATUS_UNSUPPORTED, "%s: heads of the model are pruned (\"pruned_heads\")",
                         config->path);
    if (json_is_object(json_object_get(object, "quantization_config")))
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s: its weights are quantised (\"quantization_config\"); take the original model",
                         config->path);
    enum status status = check_flag(config, "is_decoder", "is a decoder", err);
    if (status == STATUS_OK)
        status = check_flag(config, "add_cross_attention", "attends to another one", err);
    return status;
}

static enum status find_kind(struct blueprint *b, const struct fields *config, struct error *err)
{
    struct text type;
    enum status status = field_text(config, "model_type", &type, err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < sizeof architectures / sizeof architectures[0]; i++)
        if (text_is(type, architectures[i].model_type)) {
            b->kind = &architectures[i];
            return STATUS_OK;
        }
    return error_set(err, STATUS_UNSUPPORTED,
                     "%s: \"model_type\" is \"%.40s\"; this program takes in bert, xlm-roberta, roberta, "
                     "distilbert and mpnet",
                     config->path, type.data);
}

static enum status read_activation(struct blueprint *b, const struct fields *config, struct error *err)
{
    static const struct {
        const char *name, *gguf;
    } known[] = {{"gelu", "gelu"},
                 {"gelu_python", "gelu"},
                 {"gelu_new", "gelu_tanh"},
                 {"gelu_fast", "gelu_tanh"},
                 {"gelu_pytorch_tanh", "gelu_tanh"},
                 {"relu", "relu"}};
    struct text name = text_of("gelu");
    if (json_object_get(config->object, b->kind->activation) != NULL) {
        enum status status = field_text(config, b->kind->activation, &name, err);
        if (status != STATUS_OK)
            return status;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (text_is(name, known[i].name)) {
            b->activation = known[i].gguf;
            return STATUS_OK;
        }
    return error_set(err, STATUS_UNSUPPORTED,
                     "%s: \"%s\" is \"%.40s\"; this program runs gelu, gelu_new and relu", config->path,
                     b->kind->activation, name.data);
}

/* The first token's row, and how many tokens the rows are for. */
static enum status read_positions(struct blueprint *b, const struct fields *config, struct error *err)
{
    size_t rows = 0, padding = 1;
    enum status status = field_size(config, "max_position_embeddings", &rows, err);
    if (status == STATUS_OK && b->kind->positions == POSITIONS_BEHIND_PADDING &&
        json_object_get(config->object, "pad_token_id") != NULL)
        status = field_size(config, "pad_token_id", &padding, err);
    if (status != STATUS_OK)
        return status;
    b->first_position = b->kind->positions == POSITIONS_FROM_0 ? 0 : padding + 1;
    if (rows <= b->first_position || padding > rows)
        return error_set(err, STATUS_CORRUPT,
                         "%s: no position is left of the %zu in \"max_position_embeddings\"", config->path,
                         rows);
    b->context = rows - b->first_position;
    return STATUS_OK;
}

static enum status read_network(struct blueprint *b, const struct fields *config, struct error *err)
{
    enum status status = find_kind(b, config, err);
    if (status == STATUS_OK)
        status = check_kind(config, err);
    if (status == STATUS_OK)
        status = cross_folder_read_class(b, config, err);
    if (status != STATUS_OK)
        return status;
    const struct architecture *kind = b->kind;
    const struct {
        const char *key;
        size_t *out;
    } sizes[] = {{kind->layers, &b->layers},
                 {kind->hidden, &b->hidden},
                 {kind->heads, &b->heads},
                 {kind->feed_forward, &b->feed_forward}};
    for (size_t i = 0; status == STATUS_OK && i < sizeof sizes / sizeof sizes[0]; i++) {
        status = field_size(config, sizes[i].key, sizes[i].out, err);
        if (status == STATUS_OK && *sizes[i].out > UINT32_MAX)
            status =
                error_set(err, STATUS_CORRUPT, "%s: \"%s\" is beyond any size", config->path, sizes[i].key);
    }
    b->epsilon = 1e-12; /* where nothing else is said, and always with distilbert */
    if (status == STATUS_OK && json_object_get(config->object, "layer_norm_eps") != NULL)
        status = field_real(config, "layer_norm_eps", &b->epsilon, err);
    if (status == STATUS_OK)
        status = read_activation(b, config, err);
    if (status == STATUS_OK)
        status = read_positions(b, config, err);
    return status;
}

enum status blueprint_read(struct blueprint *b, const char *folder, struct error *err)
{
    json_t *config = NULL;
    struct buf path;
    *b = (struct blueprint){.prompt_query = "", .prompt_document = ""};
    buf_init(&path, FOLDER_PATH);
    enum status status = folder_json(folder, "config.json", &config, err);
    if (status == STATUS_OK)
        status = folder_path(folder, "config.json", &path, err);
    if (status == STATUS_OK)
        status = read_network(b, &(struct fields){path.data, config}, err);
    if (status == STATUS_OK)
        status = modules_read(b, folder, err);
    json_decref(config);
    buf_release(&path);
    return status;
}

void blueprint_release(struct blueprint *b)
{
    json_decref(b->prompts);
    *b = (struct blueprint){0};
}

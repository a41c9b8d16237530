#include "encoder/import/modules.h"

#include <stdio.h>
#include <string.h>

#include "encoder/import/cross_folder.h"
#include "encoder/import/model_folder.h"

/* A JSON file in a folder, with the path that stands in messages. */
struct document {
    struct buf path;
    json_t *root;
    struct fields fields;
};

static enum status open_document(struct document *d, const char *folder, const char *name, struct error *err)
{
    *d = (struct document){0};
    buf_init(&d->path, FOLDER_PATH);
    enum status status = folder_path(folder, name, &d->path, err);
    if (status == STATUS_OK)
        status = folder_json(folder, name, &d->root, err);
    d->fields = (struct fields){d->path.data, d->root};
    return status;
}

static void close_document(struct document *d)
{
    json_decref(d->root);
    buf_release(&d->path);
}

static enum status add_part(struct blueprint *b, const char *path, const char *part, struct error *err)
{
    if (b->part_count == BLUEPRINT_PARTS)
        return error_set(err, STATUS_CORRUPT, "%s: more than %d poolings", path, BLUEPRINT_PARTS);
    b->parts[b->part_count++] = part;
    return STATUS_OK;
}

/* In the order in which sentence-transformers puts them side by side. */
static const struct {
    const char *flag, *name, *gguf;
    bool usual; /* what an absent flag means */
} poolings[] = {{"pooling_mode_cls_token", "cls", "cls", false},
                {"pooling_mode_max_tokens", "max", "max", false},
                {"pooling_mode_mean_tokens", "mean", "mean", true},
                {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", "mean_sqrt", false},
                {"pooling_mode_weightedmean_tokens", "weightedmean", "weighted", false},
                {"pooling_mode_lasttoken", "lasttoken", "last", false}};

#define POOLINGS (sizeof poolings / sizeof poolings[0])

static enum status read_flags(struct blueprint *b, const struct fields *fields, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < POOLINGS; i++) {
        bool set = poolings[i].usual;
        if (json_object_get(fields->object, poolings[i].flag) != NULL)
            status = field_flag(fields, poolings[i].flag, &set, err);
        if (status == STATUS_OK && set)
            status = add_part(b, fields->path, poolings[i].gguf, err);
    }
    return status;
}

/* The newer way: one name, or a list of them. */
static enum status read_names(struct blueprint *b, const struct fields *fields, const json_t *mode,
                              struct error *err)
{
    size_t n = json_is_array(mode) ? json_array_size(mode) : 1;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_is_array(mode) ? json_array_get(mode, i) : mode);
        size_t j = 0;
        while (j < POOLINGS && (name == NULL || strcmp(name, poolings[j].name) != 0))
            j++;
        if (j == POOLINGS)
            return error_set(err, STATUS_UNSUPPORTED, "%s: unknown pooling \"%.40s\"", fields->path,
                             name != NULL ? name : "");
        enum status status = add_part(b, fields->path, poolings[j].gguf, err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status read_pooling(struct blueprint *b, const struct fields *fields, struct error *err)
{
    size_t width = b->hidden;
    bool include_prompt = true;
    const json_t *mode = json_object_get(fields->object, "pooling_mode");
    enum status status = STATUS_OK;
    if (json_object_get(fields->object, "word_embedding_dimension") != NULL)
        status = field_size(fields, "word_embedding_dimension", &width, err);
    if (status == STATUS_OK && width != b->hidden)
        status = error_set(err, STATUS_CORRUPT, "%s: it pools rows of %zu values, and the network's have %zu",
                           fields->path, width, b->hidden);
    if (status == STATUS_OK && json_object_get(fields->object, "include_prompt") != NULL)
        status = field_flag(fields, "include_prompt", &include_prompt, err);
    if (status == STATUS_OK && !include_prompt)
        status = error_set(
            err, STATUS_UNSUPPORTED,
            "%s: the prompt takes no part in the pooling (\"include_prompt\"), which this program does "
            "not do",
            fields->path);
    if (status == STATUS_OK)
        status = json_is_string(mode) || json_is_array(mode) ? read_names(b, fields, mode, err)
                                                             : read_flags(b, fields, err);
    if (status == STATUS_OK && b->part_count == 0)
        status = error_set(err, STATUS_CORRUPT, "%s names no pooling", fields->path);
    return status;
}

static const char *last_component(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

static enum status read_dense(struct blueprint *b, const char *path, const struct fields *fields,
                              struct error *err)
{
    static const struct {
        const char *name, *gguf;
    } known[] = {{"Tanh", "tanh"}, {"Identity", "identity"}, {"GELU", "gelu"}, {"ReLU", "relu"}};
    struct text name = text_of("Tanh"); /* as sentence-transformers has it when nothing is said */
    if (b->dense_count == BLUEPRINT_DENSE || strlen(path) >= BLUEPRINT_PATH)
        return error_set(err, STATUS_UNSUPPORTED, "%s: more than %d dense layers, or one with a long name",
                         fields->path, BLUEPRINT_DENSE);
    size_t i = b->dense_count++;
    snprintf(b->dense[i].path, sizeof b->dense[i].path, "%s", path);
    enum status status = field_size(fields, "in_features", &b->dense[i].in, err);
    if (status == STATUS_OK)
        status = field_size(fields, "out_features", &b->dense[i].out, err);
    if (status == STATUS_OK && json_object_get(fields->object, "activation_function") != NULL)
        status = field_text(fields, "activation_function", &name, err);
    if (status != STATUS_OK)
        return status;
    for (size_t j = 0; j < sizeof known / sizeof known[0]; j++)
        if (strcmp(last_component(name.data), known[j].name) == 0) {
            b->dense[i].activation = known[j].gguf;
            return STATUS_OK;
        }
    return error_set(
        err, STATUS_UNSUPPORTED,
        "%s: \"activation_function\" is \"%.60s\"; this program runs Tanh, Identity, GELU and ReLU",
        fields->path, name.data);
}

/* The module at `path` of class `type`; only the order Transformer, Pooling, Dense …, Normalize is run. */
static enum status read_module(struct blueprint *b, const char *folder, const char *path, const char *type,
                               struct error *err)
{
    const char *class = last_component(type);
    char name[BLUEPRINT_PATH + 16];
    struct document d;
    if (strcmp(class, "Transformer") == 0 && b->part_count == 0 && path[0] == '\0')
        return STATUS_OK;
    if (strcmp(class, "Normalize") == 0 && b->part_count > 0) {
        b->normalizes = true;
        return STATUS_OK;
    }
    bool pooling = strcmp(class, "Pooling") == 0 && b->part_count == 0;
    bool dense = strcmp(class, "Dense") == 0 && b->part_count > 0 && !b->normalizes;
    if (!pooling && !dense)
        return error_set(
            err, STATUS_UNSUPPORTED,
            "%s/modules.json: this program does not run the module %.60s at its place; it runs a "
            "Transformer, a Pooling, Dense layers and Normalize, in this order",
            folder, type);
    snprintf(name, sizeof name, "%.*s/config.json", BLUEPRINT_PATH, path);
    enum status status = open_document(&d, folder, name, err);
    if (status == STATUS_OK)
        status = pooling ? read_pooling(b, &d.fields, err) : read_dense(b, path, &d.fields, err);
    close_document(&d);
    return status;
}

static enum status read_modules(struct blueprint *b, const char *folder, struct error *err)
{
    struct document d;
    b->has_modules = true;
    enum status status = open_document(&d, folder, "modules.json", err);
    for (size_t i = 0; status == STATUS_OK && i < json_array_size(d.root); i++) {
        const struct fields module = {d.path.data, json_array_get(d.root, i)};
        struct text path, type;
        status = field_text(&module, "path", &path, err);
        if (status == STATUS_OK)
            status = field_text(&module, "type", &type, err);
        if (status == STATUS_OK)
            status = read_module(b, folder, path.data, type.data, err);
    }
    if (status == STATUS_OK && b->part_count == 0)
        status = error_set(err, STATUS_UNSUPPORTED, "%s has no Pooling: the model gives no vector of a text",
                           d.path.data);
    close_document(&d);
    return status;
}

/* The longest sequence: what the model's makers say, within what it has positions for. */
static enum status read_lengths(struct blueprint *b, const char *folder, struct error *err)
{
    struct document d;
    size_t most = 0;
    enum status status = STATUS_OK;
    if (folder_has(folder, "sentence_bert_config.json")) {
        status = open_document(&d, folder, "sentence_bert_config.json", err);
        if (status == STATUS_OK && json_is_integer(json_object_get(d.root, "max_seq_length")))
            status = field_size(&d.fields, "max_seq_length", &most, err);
        if (status == STATUS_OK && json_is_boolean(json_object_get(d.root, "do_lower_case")))
            status = field_flag(&d.fields, "do_lower_case", &b->lowercase, err);
        close_document(&d);
    }
    if (status == STATUS_OK && most == 0 && folder_has(folder, "tokenizer_config.json")) {
        status = open_document(&d, folder, "tokenizer_config.json", err);
        if (status == STATUS_OK && json_is_integer(json_object_get(d.root, "model_max_length")))
            status = field_size(&d.fields, "model_max_length", &most, err);
        close_document(&d);
    }
    if (status == STATUS_OK && most > 0 && most < b->context)
        b->context = most;
    return status;
}

/* The first of these that is there, NULL when none is. */
static const char *prompt(const json_t *prompts, const char *const *names, size_t n)
{
    const char *found = NULL;
    for (size_t i = 0; found == NULL && i < n; i++)
        found = json_string_value(json_object_get(prompts, names[i]));
    return found;
}

static enum status read_prompts(struct blueprint *b, const char *folder, struct error *err)
{
    static const char *const query[] = {"query", "search_query"}, *const document[] = {"document", "passage",
                                                                                       "search_document"};
    struct document d;
    if (!folder_has(folder, "config_sentence_transformers.json"))
        return STATUS_OK;
    enum status status = open_document(&d, folder, "config_sentence_transformers.json", err);
    if (status == STATUS_OK) {
        const char *usual = json_string_value(json_object_get(d.root, "default_prompt_name")), *found;
        b->prompts = json_incref(json_object_get(d.root, "prompts"));
        usual = usual == NULL ? NULL : json_string_value(json_object_get(b->prompts, usual));
        if (usual == NULL)
            usual = "";
        found = prompt(b->prompts, query, sizeof query / sizeof query[0]);
        b->prompt_query = found != NULL ? found : usual;
        found = prompt(b->prompts, document, sizeof document / sizeof document[0]);
        b->prompt_document = found != NULL ? found : usual;
        if (b->scores)
            status = cross_folder_check_settings(b, &d.fields, err);
    }
    close_document(&d);
    return status;
}

enum status modules_read(struct blueprint *b, const char *folder, struct error *err)
{
    enum status status = STATUS_OK;
    if (b->scores)
        status = cross_folder_check_modules(folder, err);
    else if (folder_has(folder, "modules.json"))
        status = read_modules(b, folder, err);
    else
        b->parts[b->part_count++] = "mean"; /* as sentence-transformers does */
    if (status == STATUS_OK)
        status = read_lengths(b, folder, err);
    if (status == STATUS_OK)
        status = read_prompts(b, folder, err);
    return status;
}

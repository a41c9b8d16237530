#include "encoder/import/cross_folder.h"

#include <string.h>

static const char *last_component(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

/* What makes a score of the logit, a Python path that may be missing. Scores here are the logit and its
 * sigmoid. */
static enum status check_score(const struct fields *file, const json_t *name, struct error *err)
{
    const char *path = json_string_value(name);
    return path == NULL || strcmp(last_component(path), "Sigmoid") == 0 ||
                   strcmp(last_component(path), "Identity") == 0
               ? STATUS_OK
               : error_set(err, STATUS_UNSUPPORTED,
                           "%s: the model's scores come out of %.60s; this program runs Sigmoid and Identity",
                           file->path, path);
}

enum status cross_folder_read_class(struct blueprint *b, const struct fields *config, struct error *err)
{
    const json_t *object = config->object, *newer = json_object_get(object, "sentence_transformers");
    const char *class = json_string_value(json_array_get(json_object_get(object, "architectures"), 0));
    b->scores = class != NULL && strstr(class, "ForSequenceClassification") != NULL;
    if (b->scores && b->kind->score_layers[0] == NULL)
        return error_set(
            err, STATUS_UNSUPPORTED,
            "%s: this program runs no %.60s; its cross-encoders are bert, xlm-roberta, roberta and "
            "distilbert",
            config->path, class);
    enum status status =
        check_score(config, json_object_get(object, "sbert_ce_default_activation_function"), err);
    return status == STATUS_OK ? check_score(config, json_object_get(newer, "activation_fn"), err) : status;
}

enum status cross_folder_check_modules(const char *folder, struct error *err)
{
    json_t *modules = NULL;
    if (!folder_has(folder, "modules.json"))
        return STATUS_OK;
    enum status status = folder_json(folder, "modules.json", &modules, err);
    const char *type = json_string_value(json_object_get(json_array_get(modules, 0), "type"));
    if (status == STATUS_OK &&
        (json_array_size(modules) != 1 || type == NULL || strcmp(last_component(type), "Transformer") != 0))
        status =
            error_set(err, STATUS_UNSUPPORTED,
                      "%s/modules.json: of a cross-encoder (config.json) this program runs one module, a "
                      "Transformer",
                      folder);
    json_decref(modules);
    return status;
}

enum status cross_folder_check_settings(const struct blueprint *b, const struct fields *settings,
                                        struct error *err)
{
    if (b->prompt_query[0] != '\0' || b->prompt_document[0] != '\0')
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s: a cross-encoder with prompts, which this program does not run", settings->path);
    return check_score(settings, json_object_get(settings->object, "activation_fn"), err);
}

enum status cross_folder_has_types(const char *folder, bool *out, struct error *err)
{
    json_t *settings = NULL;
    enum status status = STATUS_OK;
    if (folder_has(folder, "tokenizer_config.json"))
        status = folder_json(folder, "tokenizer_config.json", &settings, err);
    const json_t *names = json_object_get(settings, "model_input_names");
    *out = !json_is_array(names);
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        *out |= name != NULL && strcmp(name, "token_type_ids") == 0;
    }
    json_decref(settings);
    return status;
}

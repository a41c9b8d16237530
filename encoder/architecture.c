#include "encoder/architecture.h"

#include <inttypes.h>
#include <stdio.h>

const struct architecture *architecture_named(struct text name)
{
    static const struct {
        const char *name;
        const struct architecture *is;
    } all[] = {{"bert", &transformer}, {"mpnet", &transformer}, {"use-multilingual", &convolutional}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (text_is(name, all[i].name))
            return all[i].is;
    return NULL;
}

enum status settings_number(const struct settings *s, const char *key, uint32_t least, uint32_t most,
                            size_t *out)
{
    char name[160];
    uint32_t value = 0;
    snprintf(name, sizeof name, "%.*s.%s", (int)s->prefix.len, s->prefix.data, key);
    enum status status = gguf_u32(s->file, name, &value, s->err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (value < least || value > most)
        return error_set(s->err, STATUS_UNSUPPORTED,
                         "%s: %s is %" PRIu32 "; this program takes %" PRIu32 " to %" PRIu32,
                         gguf_path(s->file), name, value, least, most);
    *out = value;
    return STATUS_OK;
}

enum status settings_epsilon(const struct settings *s, const char *key, float *out)
{
    char name[160];
    snprintf(name, sizeof name, "%.*s.%s", (int)s->prefix.len, s->prefix.data, key);
    enum status status = gguf_f32(s->file, name, out, s->err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (!(*out >= 0 && *out < 1))
        return error_set(s->err, STATUS_CORRUPT, "%s: the layer norm's epsilon, %s, is not between 0 and 1",
                         gguf_path(s->file), name);
    return STATUS_OK;
}

enum status settings_words(const struct settings *s, struct model *m, size_t width)
{
    m->words = gguf_tensor(s->file, "token_embd.weight");
    if (m->words == NULL || m->words->dims[0] != width || m->words->dims[1] > INT32_MAX ||
        m->words->dims[2] != 1 || m->words->dims[3] != 1)
        return error_set(s->err, STATUS_CORRUPT,
                         "%s: tensor token_embd.weight is missing or its rows are not %zu values wide",
                         gguf_path(s->file), width);
    m->config.vocabulary = (size_t)m->words->dims[1];
    m->info.vocabulary = (uint32_t)m->words->dims[1];
    return STATUS_OK;
}

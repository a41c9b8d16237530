/* Further models beside the first: each is an engine of its own without a store, whose file is opened by the
 * first call that needs it. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "server/engine_state.h"

enum status models_open(struct engine *e, const struct engine_options *options, struct error *err)
{
    size_t n = 0;
    enum status status = STATUS_OK;
    while (options->also != NULL && options->also[n] != NULL)
        n++;
    e->also = calloc(n + 1, sizeof(struct engine *));
    if (e->also == NULL)
        return error_memory(err, "opening the engine");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct engine_options one = {.model = options->also[i],
                                     .precision = options->precision,
                                     .isa = options->isa,
                                     .threads = options->threads};
        status = engine_open(&one, &e->also[i], err);
        e->also_count += status == STATUS_OK;
    }
    return status;
}

enum status engine_of(struct engine *e, const unsigned char space_id[32], struct engine **out,
                      struct error *err)
{
    enum status status = engine_load(e, err);
    struct engine *found = e;
    for (size_t i = 0; i < e->also_count && status == STATUS_OK; i++) {
        if (memcmp(found->about.space_id, space_id, 32) == 0)
            break;
        status = engine_load(e->also[i], err);
        if (status == STATUS_OK && memcmp(e->also[i]->about.space_id, space_id, 32) == 0)
            found = e->also[i];
    }
    if (status == STATUS_OK)
        *out = found;
    return status;
}

enum status engine_named(struct engine *e, struct text name, struct engine **out, struct error *err)
{
    struct buf names;
    enum status status = engine_load(e, err);
    buf_init(&names, 4096);
    for (size_t i = 0; i <= e->also_count && status == STATUS_OK; i++) {
        struct engine *each = i == 0 ? e : e->also[i - 1];
        status = engine_load(each, err);
        if (status == STATUS_OK && text_is(name, each->about.name)) {
            *out = each;
            buf_release(&names);
            return STATUS_OK;
        }
        if (status == STATUS_OK)
            status = buf_printf(&names, err, "%s%s", i > 0 ? ", " : "", each->about.name);
    }
    if (status == STATUS_OK)
        status = error_field(err, STATUS_NOT_FOUND, "model",
                             "there is no model \"%.*s\" here; there are %s, and --also-model FILE adds one",
                             (int)(name.len < 128 ? name.len : 128), name.data, names.data);
    buf_release(&names);
    return status;
}

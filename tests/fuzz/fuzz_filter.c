/* Any JSON as a filter: a tree that is accepted can be walked, and keeps the promises of index.h. */
#include <stdint.h>
#include <stdlib.h>

#include "server/filter_json.h"
#include "server/json_edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct filter *f)
{
    size_t sum = f->field.len;
    if ((f->kind == FILTER_NOT && f->item_count != 1) || (f->kind == FILTER_FIELD && f->field.len == 0) ||
        (f->kind >= FILTER_FIELD && f->op != OP_IN && f->value_count != 1) ||
        (f->kind < FILTER_FIELD && f->value_count != 0))
        abort();
    for (size_t i = 0; i < f->item_count; i++)
        sum += walk(&f->items[i]);
    for (size_t i = 0; i < f->value_count; i++) {
        const struct filter_value *v = &f->values[i];
        if (f->kind > FILTER_FIELD && v->type != FILTER_STRING)
            abort();
        for (size_t j = 0; v->type == FILTER_STRING && j < v->string.len; j++)
            sum += (unsigned char)v->string.data[j];
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = NULL;
    struct filter *filter = NULL;
    struct error err = {0};
    if (api_parse_body(data, size, &value, NULL) != STATUS_OK)
        return 0;
    if (filter_parse(value, NULL, &filter, &err) == STATUS_OK) {
        volatile size_t kept = walk(filter);
        (void)kept;
    } else if (filter != NULL || err.text[0] == '\0') {
        abort();
    }
    free(filter);
    json_decref(value);
    return 0;
}

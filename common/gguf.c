/* Parsing happens once, front to back, through a cursor that cannot leave the file:
 *
 *     (1) take() hands out n bytes only when n are left, so no length read from the file is used unchecked;
 *     (2) every product of counts goes through __builtin_mul_overflow;
 *     (3) tensors are sorted by offset once and must not overlap, so two names never share bytes;
 *     (4) names are kept in a sorted list, which finds duplicates and serves look-ups.
 */
#include "common/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/utf8.h"

#define MAX_TENSORS 4096
#define MAX_PAIRS   4096
#define MAX_NAME    256

struct pair {
    struct text key;
    enum gguf_type type;
    enum gguf_type element; /* of an array */
    uint64_t count;         /* of an array */
    const unsigned char *value;
    size_t size;              /* bytes of the value, without the length or type fields before it */
    const unsigned char *raw; /* the whole pair */
    size_t raw_size;
};

struct gguf {
    char *path;
    struct mapping mapping;
    const unsigned char *bytes;
    size_t size;
    struct pair *pairs;
    uint64_t pair_count;
    uint32_t *pair_order; /* pair numbers, by key */
    struct gguf_tensor *tensors;
    uint64_t tensor_count;
    uint32_t *tensor_order; /* tensor numbers, by name */
};

struct cursor {
    const struct gguf *file;
    size_t at;
    struct error *err;
};

static const struct {
    enum ggml_type type;
    const char *name;
    unsigned short values, bytes;
} blocks[] = {
    {GGML_F32, "F32", 1, 4},     {GGML_F16, "F16", 1, 2},     {GGML_BF16, "BF16", 1, 2},
    {GGML_Q4_0, "Q4_0", 32, 18}, {GGML_Q4_1, "Q4_1", 32, 20}, {GGML_Q5_0, "Q5_0", 32, 22},
    {GGML_Q5_1, "Q5_1", 32, 24}, {GGML_Q8_0, "Q8_0", 32, 34}, {GGML_Q6_K, "Q6_K", 256, 210},
    {GGML_I8, "I8", 1, 1},
};

static int block_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if ((uint32_t)blocks[i].type == type)
            return (int)i;
    return -1;
}

size_t ggml_block_values(enum ggml_type type)
{
    return blocks[block_of(type)].values;
}

size_t ggml_block_bytes(enum ggml_type type)
{
    return blocks[block_of(type)].bytes;
}

static enum status corrupt(struct cursor *c, const char *what)
{
    return error_set(c->err, STATUS_CORRUPT,
                     "%s is damaged: %s at byte %zu; fetch the file again and compare its SHA-256",
                     c->file->path, what, c->at);
}

static const unsigned char *take(struct cursor *c, uint64_t n)
{
    if (n > c->file->size - c->at)
        return NULL;
    const unsigned char *p = c->file->bytes + c->at;
    c->at += (size_t)n;
    return p;
}

static uint64_t little(const unsigned char *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)p[i] << 8 * i;
    return value;
}

static enum status number(struct cursor *c, size_t n, uint64_t *out)
{
    const unsigned char *p = take(c, n);
    if (p == NULL)
        return corrupt(c, "it ends inside a number");
    *out = little(p, n);
    return STATUS_OK;
}

static enum status string(struct cursor *c, struct text *out)
{
    uint64_t n = 0;
    if (number(c, 8, &n) != STATUS_OK)
        return STATUS_CORRUPT;
    const unsigned char *p = take(c, n);
    if (p == NULL)
        return corrupt(c, "a string is longer than the file");
    *out = (struct text){(const char *)p, (size_t)n};
    return STATUS_OK;
}

static enum status name(struct cursor *c, struct text *out)
{
    enum status status = string(c, out);
    if (status != STATUS_OK)
        return status;
    if (out->len == 0 || out->len > MAX_NAME || utf8_invalid(out->data, out->len) < out->len)
        return corrupt(c, "a name is empty, too long or not UTF-8");
    return STATUS_OK;
}

size_t gguf_number_size(uint64_t type)
{
    static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

/* Moves over `count` values of one type. */
static enum status values(struct cursor *c, uint64_t type, uint64_t count)
{
    uint64_t bytes;
    struct text ignored;
    if (type == GGUF_STRING) {
        for (uint64_t i = 0; i < count; i++)
            if (string(c, &ignored) != STATUS_OK)
                return STATUS_CORRUPT;
        return STATUS_OK;
    }
    if (gguf_number_size(type) == 0)
        return corrupt(c, "a value has an unknown type");
    if (__builtin_mul_overflow(count, (uint64_t)gguf_number_size(type), &bytes) || take(c, bytes) == NULL)
        return corrupt(c, "an array is longer than the file");
    return STATUS_OK;
}

static enum status parse_pair(struct cursor *c, struct pair *p)
{
    uint64_t type = 0, element;
    p->raw = c->file->bytes + c->at;
    enum status status = name(c, &p->key);
    if (status == STATUS_OK)
        status = number(c, 4, &type);
    if (status != STATUS_OK)
        return status;
    p->count = 1;
    element = type;
    if (type == GGUF_ARRAY) {
        status = number(c, 4, &element);
        if (status == STATUS_OK)
            status = number(c, 8, &p->count);
        if (status != STATUS_OK)
            return status;
        if (element == GGUF_ARRAY)
            return corrupt(c, "an array of arrays");
    }
    p->type = (enum gguf_type)type;
    p->element = (enum gguf_type)element;
    size_t start = c->at;
    status = values(c, element, p->count);
    p->value = c->file->bytes + start;
    p->size = c->at - start;
    p->raw_size = (size_t)(c->file->bytes + c->at - p->raw);
    return status;
}

static enum status parse_tensor(struct cursor *c, struct gguf_tensor *t, uint64_t *offset)
{
    uint64_t dimensions = 0, type = 0, count = 1, bytes;
    enum status status = name(c, &t->name);
    if (status == STATUS_OK)
        status = number(c, 4, &dimensions);
    if (status != STATUS_OK)
        return status;
    if (dimensions == 0 || dimensions > 4)
        return corrupt(c, "a tensor has no dimensions or more than four");
    t->dimensions = (uint32_t)dimensions;
    for (size_t i = 0; i < 4; i++) {
        t->dims[i] = 1;
        if (i >= dimensions)
            continue;
        status = number(c, 8, &t->dims[i]);
        if (status != STATUS_OK)
            return status;
        if (t->dims[i] == 0 || __builtin_mul_overflow(count, t->dims[i], &count))
            return corrupt(c, "the dimensions of a tensor are zero or overflow");
    }
    status = number(c, 4, &type);
    if (status == STATUS_OK)
        status = number(c, 8, offset);
    if (status != STATUS_OK)
        return status;
    if (block_of((uint32_t)type) < 0)
        return error_set(
            c->err, STATUS_UNSUPPORTED,
            "%s: tensor %.*s has element type %" PRIu64
            ", which this program does not read; use F32, F16, BF16, Q8_0, Q6_K, Q5_0, Q5_1, Q4_0, Q4_1 or I8",
            c->file->path, (int)t->name.len, t->name.data, type);
    t->type = (enum ggml_type)type;
    if (t->dims[0] % ggml_block_values(t->type) != 0)
        return corrupt(c, "a tensor's rows are not whole blocks");
    if (__builtin_mul_overflow(count / ggml_block_values(t->type), (uint64_t)ggml_block_bytes(t->type),
                               &bytes) ||
        bytes > c->file->size)
        return corrupt(c, "a tensor is larger than the file");
    t->size = (size_t)bytes;
    return STATUS_OK;
}

static int by_key(const void *a, const void *b, void *context)
{
    const struct pair *pairs = context;
    return text_compare(pairs[*(const uint32_t *)a].key, pairs[*(const uint32_t *)b].key);
}

static int by_name(const void *a, const void *b, void *context)
{
    const struct gguf_tensor *tensors = context;
    return text_compare(tensors[*(const uint32_t *)a].name, tensors[*(const uint32_t *)b].name);
}

static int by_place(const void *a, const void *b, void *context)
{
    const struct gguf_tensor *tensors = context;
    const unsigned char *x = tensors[*(const uint32_t *)a].data, *y = tensors[*(const uint32_t *)b].data;
    return (x > y) - (x < y);
}

static void number_all(uint32_t *order, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
}

static enum status check_unique(struct cursor *c)
{
    struct gguf *g = (struct gguf *)(uintptr_t)c->file;
    number_all(g->tensor_order, g->tensor_count);
    qsort_r(g->tensor_order, g->tensor_count, sizeof *g->tensor_order, by_place, g->tensors);
    for (uint64_t i = 1; i < g->tensor_count; i++) {
        const struct gguf_tensor *a = &g->tensors[g->tensor_order[i - 1]],
                                 *b = &g->tensors[g->tensor_order[i]];
        if (a->data + a->size > b->data)
            return corrupt(c, "two tensors overlap");
    }
    qsort_r(g->tensor_order, g->tensor_count, sizeof *g->tensor_order, by_name, g->tensors);
    for (uint64_t i = 1; i < g->tensor_count; i++)
        if (by_name(&g->tensor_order[i - 1], &g->tensor_order[i], g->tensors) == 0)
            return corrupt(c, "two tensors have one name");
    number_all(g->pair_order, g->pair_count);
    qsort_r(g->pair_order, g->pair_count, sizeof *g->pair_order, by_key, g->pairs);
    for (uint64_t i = 1; i < g->pair_count; i++)
        if (by_key(&g->pair_order[i - 1], &g->pair_order[i], g->pairs) == 0)
            return corrupt(c, "a key stands twice");
    return STATUS_OK;
}

static enum status parse(struct gguf *g, struct error *err)
{
    struct cursor c = {g, 0, err};
    uint64_t version = 0, *offsets = NULL;
    const unsigned char *magic = take(&c, 4);
    enum status status;
    if (magic == NULL || memcmp(magic, "GGUF", 4) != 0)
        return error_set(err, STATUS_INVALID, "%s is not a GGUF model file", g->path);
    status = number(&c, 4, &version);
    if (status == STATUS_OK && version != 2 && version != 3)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s has GGUF version %" PRIu64 "; this program reads 2 and 3", g->path, version);
    if (status == STATUS_OK)
        status = number(&c, 8, &g->tensor_count);
    if (status == STATUS_OK)
        status = number(&c, 8, &g->pair_count);
    if (status != STATUS_OK)
        return status;
    if (g->tensor_count > MAX_TENSORS || g->pair_count > MAX_PAIRS)
        return corrupt(&c, "it counts more than 4,096 tensors or keys");
    g->pairs = calloc(g->pair_count + 1, sizeof *g->pairs);
    g->pair_order = calloc(g->pair_count + 1, sizeof *g->pair_order);
    g->tensors = calloc(g->tensor_count + 1, sizeof *g->tensors);
    g->tensor_order = calloc(g->tensor_count + 1, sizeof *g->tensor_order);
    offsets = calloc(g->tensor_count + 1, sizeof *offsets);
    if (g->pairs == NULL || g->pair_order == NULL || g->tensors == NULL || g->tensor_order == NULL ||
        offsets == NULL) {
        status = error_memory(err, "reading the table of a model file");
        goto done;
    }
    for (uint64_t i = 0; status == STATUS_OK && i < g->pair_count; i++)
        status = parse_pair(&c, &g->pairs[i]);
    for (uint64_t i = 0; status == STATUS_OK && i < g->tensor_count; i++)
        status = parse_tensor(&c, &g->tensors[i], &offsets[i]);
    if (status != STATUS_OK)
        goto done;

    uint64_t alignment = 32;
    for (uint64_t i = 0; i < g->pair_count; i++)
        if (text_is(g->pairs[i].key, "general.alignment") && g->pairs[i].type == GGUF_U32)
            alignment = little(g->pairs[i].value, 4);
    if (alignment < 8 || alignment > 65536 || (alignment & (alignment - 1)) != 0) {
        status = corrupt(&c, "general.alignment is not a power of two from 8 to 65,536");
        goto done;
    }
    uint64_t start = (c.at + alignment - 1) / alignment * alignment;
    for (uint64_t i = 0; i < g->tensor_count; i++) {
        struct gguf_tensor *t = &g->tensors[i];
        if (start > g->size || offsets[i] % alignment != 0 || offsets[i] > g->size - start ||
            t->size > g->size - start - offsets[i]) {
            status = corrupt(&c, "a tensor lies outside the file or off its alignment");
            goto done;
        }
        t->data = g->bytes + start + offsets[i];
    }
    status = check_unique(&c);
done:
    free(offsets);
    return status;
}

static enum status open_view(struct gguf *g, const char *path, struct error *err)
{
    g->path = strdup(path);
    return g->path == NULL ? error_memory(err, "opening a model file") : parse(g, err);
}

enum status gguf_open_bytes(const char *label, const void *bytes, size_t size, struct gguf **out,
                            struct error *err)
{
    struct gguf *g = calloc(1, sizeof *g);
    if (g == NULL)
        return error_memory(err, "opening a model file");
    g->bytes = bytes;
    g->size = size;
    enum status status = open_view(g, label, err);
    if (status != STATUS_OK)
        gguf_free(g);
    else
        *out = g;
    return status;
}

enum status gguf_open(const char *path, struct gguf **out, struct error *err)
{
    struct gguf *g = calloc(1, sizeof *g);
    if (g == NULL)
        return error_memory(err, "opening a model file");
    enum status status = mapping_open(&g->mapping, path, err);
    if (status == STATUS_OK) {
        g->bytes = g->mapping.data;
        g->size = g->mapping.size;
        status = open_view(g, path, err);
    }
    if (status != STATUS_OK)
        gguf_free(g);
    else
        *out = g;
    return status;
}

void gguf_free(struct gguf *g)
{
    if (g == NULL)
        return;
    mapping_close(&g->mapping);
    free(g->pairs);
    free(g->pair_order);
    free(g->tensors);
    free(g->tensor_order);
    free(g->path);
    free(g);
}

const char *gguf_path(const struct gguf *g)
{
    return g->path;
}

static const struct pair *find_pair(const struct gguf *g, const char *key)
{
    struct text wanted = text_of(key);
    uint64_t low = 0, high = g->pair_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct pair *p = &g->pairs[g->pair_order[middle]];
        int order = text_compare(p->key, wanted);
        if (order == 0)
            return p;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool gguf_has(const struct gguf *g, const char *key)
{
    return find_pair(g, key) != NULL;
}

static enum status need(const struct gguf *g, const char *key, const struct pair **out, struct error *err)
{
    *out = find_pair(g, key);
    return *out != NULL
               ? STATUS_OK
               : error_set(err, STATUS_NOT_FOUND, "%s has no key %s, which this program needs", g->path, key);
}

static enum status mistyped(const struct gguf *g, const char *key, const char *wanted, struct error *err)
{
    return error_set(err, STATUS_CORRUPT, "%s: key %s is not %s", g->path, key, wanted);
}

enum status gguf_u32(const struct gguf *g, const char *key, uint32_t *out, struct error *err)
{
    const struct pair *p;
    enum status status = need(g, key, &p, err);
    if (status != STATUS_OK)
        return status;
    uint64_t value = 0;
    switch (p->type) {
    case GGUF_U8:
    case GGUF_U16:
    case GGUF_U32:
    case GGUF_U64:
        value = little(p->value, p->size);
        break;
    case GGUF_I8:
    case GGUF_I16:
    case GGUF_I32:
    case GGUF_I64:
        value = little(p->value, p->size);
        if (value >> (8 * p->size - 1) != 0) /* negative */
            return mistyped(g, key, "a number from 0 to 4,294,967,295", err);
        break;
    default:
        return mistyped(g, key, "an integer", err);
    }
    if (value > UINT32_MAX)
        return mistyped(g, key, "a number from 0 to 4,294,967,295", err);
    *out = (uint32_t)value;
    return STATUS_OK;
}

enum status gguf_f32(const struct gguf *g, const char *key, float *out, struct error *err)
{
    const struct pair *p;
    enum status status = need(g, key, &p, err);
    if (status != STATUS_OK)
        return status;
    if (p->type == GGUF_F32) {
        memcpy(out, p->value, sizeof *out);
        return STATUS_OK;
    }
    if (p->type != GGUF_F64)
        return mistyped(g, key, "a floating-point number", err);
    double value;
    memcpy(&value, p->value, sizeof value);
    *out = (float)value;
    return STATUS_OK;
}

enum status gguf_bool(const struct gguf *g, const char *key, bool *out, struct error *err)
{
    const struct pair *p;
    enum status status = need(g, key, &p, err);
    if (status != STATUS_OK)
        return status;
    if (p->type != GGUF_BOOL || p->value[0] > 1)
        return mistyped(g, key, "true or false", err);
    *out = p->value[0] != 0;
    return STATUS_OK;
}

enum status gguf_text(const struct gguf *g, const char *key, struct text *out, struct error *err)
{
    const struct pair *p;
    enum status status = need(g, key, &p, err);
    if (status != STATUS_OK)
        return status;
    if (p->type != GGUF_STRING)
        return mistyped(g, key, "a string", err);
    *out = (struct text){(const char *)p->value + 8, p->size - 8};
    return STATUS_OK;
}

enum status gguf_array(const struct gguf *g, const char *key, enum gguf_type type, struct gguf_array *out,
                       struct error *err)
{
    const struct pair *p;
    enum status status = need(g, key, &p, err);
    if (status != STATUS_OK)
        return status;
    if (p->type != GGUF_ARRAY || p->element != type)
        return mistyped(g, key, "an array of the expected type", err);
    *out = (struct gguf_array){p->element, p->count, p->value, p->size};
    return STATUS_OK;
}

struct text gguf_array_text(const struct gguf_array *array, size_t *at)
{
    size_t n = (size_t)little(array->data + *at, 8);
    struct text t = {(const char *)array->data + *at + 8, n};
    *at += 8 + n;
    return t;
}

uint64_t gguf_pair_count(const struct gguf *g)
{
    return g->pair_count;
}

struct text gguf_pair(const struct gguf *g, uint64_t i, struct text *key)
{
    *key = g->pairs[i].key;
    return (struct text){(const char *)g->pairs[i].raw, g->pairs[i].raw_size};
}

uint64_t gguf_tensor_count(const struct gguf *g)
{
    return g->tensor_count;
}

const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, uint64_t i)
{
    return &g->tensors[i];
}

const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *label)
{
    struct text wanted = text_of(label);
    uint64_t low = 0, high = g->tensor_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct gguf_tensor *t = &g->tensors[g->tensor_order[middle]];
        int order = text_compare(t->name, wanted);
        if (order == 0)
            return t;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

#include "encoder/import/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/grow.h"
#include "encoder/import/model_folder.h"

#define MOST_FILES   1024
#define MOST_TENSORS 16384
#define MOST_HEADER  ((uint64_t)64 << 20)

struct part {
    struct mapping mapping;
    json_t *header; /* holds the names */
};

struct safetensors {
    struct part *parts;
    size_t part_count, part_capacity;
    struct safetensor *list;
    size_t count, capacity;
};

static const struct {
    const char *name;
    size_t bytes; /* of a value */
    int type;     /* the one of enum ggml_type with the same layout; -1: none */
} types[] = {{"F32", 4, GGML_F32}, {"F16", 2, GGML_F16}, {"BF16", 2, GGML_BF16}, {"F64", 8, -1},
             {"I64", 8, -1},       {"I32", 4, -1},       {"I16", 2, -1},         {"I8", 1, -1},
             {"U64", 8, -1},       {"U32", 4, -1},       {"U16", 2, -1},         {"U8", 1, -1},
             {"BOOL", 1, -1}};

static enum status damaged(const char *path, const char *name, const char *what, struct error *err)
{
    return error_set(err, STATUS_CORRUPT, "%s is damaged: tensor %.120s %s; fetch the file again", path, name,
                     what);
}

/* Bytes that a tensor's shape and type ask for, into t; no dimensions are one value. */
static enum status read_shape(const char *path, const json_t *entry, struct safetensor *t, uint64_t *bytes,
                              struct error *err)
{
    const struct fields fields = {path, entry};
    const json_t *shape = json_object_get(entry, "shape");
    struct text dtype;
    uint64_t values = 1;
    enum status status = field_text(&fields, "dtype", &dtype, err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (!json_is_array(shape))
        return damaged(path, t->name, "has no shape", err);
    for (size_t i = 0; i < SAFETENSOR_DIMENSIONS; i++)
        t->shape[i] = 1;
    size_t dimensions = json_array_size(shape);
    for (size_t i = 0; i < dimensions; i++) {
        const json_t *value = json_array_get(shape, i);
        uint64_t size = json_is_integer(value) && json_integer_value(value) >= 0
                            ? (uint64_t)json_integer_value(value)
                            : UINT64_MAX;
        if (size == UINT64_MAX || __builtin_mul_overflow(values, size, &values))
            return damaged(path, t->name, "has a shape that is no list of sizes", err);
        if (i < SAFETENSOR_DIMENSIONS)
            t->shape[i] = size;
    }
    t->dtype = dtype.data;
    t->dimensions = (uint32_t)dimensions;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (text_is(dtype, types[i].name)) {
            t->usable = types[i].type >= 0 && dimensions >= 1 && dimensions <= SAFETENSOR_DIMENSIONS;
            t->type = types[i].type >= 0 ? (enum ggml_type)types[i].type : GGML_F32;
            return __builtin_mul_overflow(values, (uint64_t)types[i].bytes, bytes)
                       ? damaged(path, t->name, "is larger than any file", err)
                       : STATUS_OK;
        }
    return error_set(err, STATUS_UNSUPPORTED,
                     "%s: tensor %.120s has type %.20s; this program takes F32, F16 and BF16", path, t->name,
                     t->dtype);
}

static enum status read_tensor(const char *path, const json_t *entry, const unsigned char *data, size_t size,
                               struct safetensor *t, struct error *err)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t bytes = 0;
    enum status status = read_shape(path, entry, t, &bytes, err);
    if (status != STATUS_OK)
        return status;
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) || begin < 0 ||
        end < begin || (uint64_t)end > size)
        return damaged(path, t->name, "lies outside the file", err);
    if ((uint64_t)(end - begin) != bytes)
        return damaged(path, t->name, "has another size than its shape asks for", err);
    t->data = data + begin;
    t->size = (size_t)bytes;
    return STATUS_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct safetensor *x = a, *y = b;
    if (x->data != y->data)
        return x->data > y->data ? 1 : -1;
    return (x->size > y->size) - (x->size < y->size);
}

static int by_name(const void *a, const void *b)
{
    const struct safetensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* From `data` on, each where the one before it ends. */
static enum status check_cover(const char *path, struct safetensor *list, size_t n, const unsigned char *data,
                               size_t size, struct error *err)
{
    const unsigned char *at = data;
    if (n > 0)
        qsort(list, n, sizeof *list, by_place);
    for (size_t i = 0; i < n; i++) {
        if (list[i].data != at)
            return damaged(path, list[i].name, "overlaps another one or leaves a gap before it", err);
        at += list[i].size;
    }
    return at == data + size
               ? STATUS_OK
               : error_set(err, STATUS_CORRUPT,
                           "%s is damaged: bytes behind its last tensor; fetch the file again", path);
}

static enum status read_list(struct safetensors *s, const char *path, const json_t *header,
                             const unsigned char *data, size_t size, struct error *err)
{
    size_t first = s->count;
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)(uintptr_t)header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        struct safetensor *more = grown(s->list, s->count, &s->capacity, sizeof *more);
        if (more == NULL)
            return error_memory(err, "reading the tensors of a model");
        s->list = more;
        if (s->count == MOST_TENSORS)
            return error_set(err, STATUS_TOO_LARGE, "%s: more than %d tensors", path, MOST_TENSORS);
        s->list[s->count] = (struct safetensor){.name = name};
        enum status status = read_tensor(path, entry, data, size, &s->list[s->count], err);
        if (status != STATUS_OK)
            return status;
        s->count++;
    }
    return check_cover(path, s->count > first ? &s->list[first] : NULL, s->count - first, data, size, err);
}

/* The tensors of one file; `part` is in the list already, so that it is released in any case. */
static enum status read_part(struct safetensors *s, struct part *part, const char *path,
                             const unsigned char *bytes, size_t size, struct error *err)
{
    uint64_t length = 0;
    for (size_t i = 0; size >= 8 && i < 8; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    if (size < 8 || length > size - 8 || length > MOST_HEADER || length < 2 || bytes[8] != '{')
        return error_set(err, STATUS_CORRUPT,
                         "%s is not a safetensors file: it does not begin with its list of tensors", path);
    enum status status = json_bytes(path, bytes + 8, (size_t)length, &part->header, err);
    return status == STATUS_OK
               ? read_list(s, path, part->header, bytes + 8 + length, size - 8 - (size_t)length, err)
               : status;
}

static enum status add_part(struct safetensors *s, struct part **out, struct error *err)
{
    struct part *more = grown(s->parts, s->part_count, &s->part_capacity, sizeof *more);
    if (more == NULL)
        return error_memory(err, "reading the tensors of a model");
    s->parts = more;
    s->parts[s->part_count] = (struct part){0};
    *out = &s->parts[s->part_count++];
    return STATUS_OK;
}

static enum status open_part(struct safetensors *s, const char *folder, const char *name, struct error *err)
{
    struct buf path;
    struct part *part;
    buf_init(&path, FOLDER_PATH);
    enum status status = folder_path(folder, name, &path, err);
    if (status == STATUS_OK)
        status = add_part(s, &part, err);
    if (status == STATUS_OK)
        status = mapping_open(&part->mapping, path.data, err);
    if (status == STATUS_OK)
        status = read_part(s, part, path.data, part->mapping.data, part->mapping.size, err);
    buf_release(&path);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each file that the index names, once. */
static enum status open_parts(struct safetensors *s, const char *folder, const json_t *index,
                              const char *path, struct error *err)
{
    json_t *map = json_object_get(index, "weight_map"), *value;
    const char *name, **files = calloc(json_object_size(map) + 1, sizeof *files);
    size_t n = 0;
    enum status status = STATUS_OK;
    if (files == NULL)
        return error_memory(err, "reading the tensors of a model");
    json_object_foreach(map, name, value)
    {
        files[n++] = json_is_string(value) ? json_string_value(value) : "";
    }
    qsort(files, n, sizeof *files, by_text);
    for (size_t i = 0; status == STATUS_OK && i < n; i++) {
        if (i > 0 && strcmp(files[i], files[i - 1]) == 0)
            continue;
        status = s->part_count < MOST_FILES
                     ? open_part(s, folder, files[i], err)
                     : error_set(err, STATUS_TOO_LARGE, "%s names more than %d files", path, MOST_FILES);
    }
    if (status == STATUS_OK && n == 0)
        status = error_set(err, STATUS_CORRUPT, "%s has no \"weight_map\" that names a file", path);
    free(files);
    return status;
}

static enum status open_index(struct safetensors *s, const char *folder, const char *name, struct error *err)
{
    struct buf index_name;
    json_t *index = NULL;
    buf_init(&index_name, FOLDER_PATH);
    enum status status = buf_printf(&index_name, err, "%s.index.json", name);
    if (status == STATUS_OK)
        status = folder_json(folder, index_name.data, &index, err);
    if (status == STATUS_OK)
        status = open_parts(s, folder, index, index_name.data, err);
    json_decref(index);
    buf_release(&index_name);
    return status;
}

static enum status finish(struct safetensors *s, enum status status, const char *path,
                          struct safetensors **out, struct error *err)
{
    if (status == STATUS_OK && s->count > 0)
        qsort(s->list, s->count, sizeof *s->list, by_name);
    for (size_t i = 1; status == STATUS_OK && i < s->count; i++)
        if (by_name(&s->list[i - 1], &s->list[i]) == 0)
            status = damaged(path, s->list[i].name, "stands twice", err);
    if (status != STATUS_OK)
        safetensors_free(s);
    else
        *out = s;
    return status;
}

enum status safetensors_open(const char *folder, const char *name, struct safetensors **out,
                             struct error *err)
{
    struct safetensors *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_memory(err, "reading the tensors of a model");
    return finish(
        s, folder_has(folder, name) ? open_part(s, folder, name, err) : open_index(s, folder, name, err),
        folder, out, err);
}

enum status safetensors_open_bytes(const char *path, const void *bytes, size_t size, struct safetensors **out,
                                   struct error *err)
{
    struct safetensors *s = calloc(1, sizeof *s);
    struct part *part;
    if (s == NULL)
        return error_memory(err, "reading the tensors of a model");
    enum status status = add_part(s, &part, err);
    if (status == STATUS_OK)
        status = read_part(s, part, path, bytes, size, err);
    return finish(s, status, path, out, err);
}

void safetensors_free(struct safetensors *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->part_count; i++) {
        json_decref(s->parts[i].header);
        mapping_close(&s->parts[i].mapping);
    }
    free(s->parts);
    free(s->list);
    free(s);
}

size_t safetensors_count(const struct safetensors *s)
{
    return s->count;
}

const struct safetensor *safetensors_at(const struct safetensors *s, size_t i)
{
    return &s->list[i];
}

const struct safetensor *safetensors_find(const struct safetensors *s, const char *name)
{
    const struct safetensor wanted = {.name = name};
    return s->count == 0 ? NULL : bsearch(&wanted, s->list, s->count, sizeof wanted, by_name);
}

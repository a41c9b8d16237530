#include "cli/projector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/utf8.h"
#include "server/json_shape.h"
#include "server/json_write.h"
#include "server/passages_json.h"

#define EXCERPT_BYTES 200

struct projector {
    FILE *vectors, *metadata;
    json_t *fields;
    uint64_t passages;
};

static enum status open_file(const char *folder, const char *name, FILE **out, struct error *err)
{
    struct buf path;
    buf_init(&path, 65536);
    enum status status = buf_printf(&path, err, "%s/%s", folder, name);
    if (status == STATUS_OK && (*out = fopen(path.data, "wxe")) == NULL)
        status = errno == EEXIST
                     ? error_set(err, STATUS_CONFLICT,
                                 "%s is there already; remove it, or name another folder", path.data)
                     : error_system(err, errno, "write", path.data);
    buf_release(&path);
    return status;
}

static void put_cell(FILE *to, struct text value, bool first)
{
    if (!first)
        putc('\t', to);
    for (size_t i = 0; i < value.len; i++)
        putc(value.data[i] == '\t' || value.data[i] == '\n' || value.data[i] == '\r' ? ' ' : value.data[i],
             to);
}

static void put_names(struct projector *p)
{
    static const char *const names[] = {"id", "title", "lang", "text"};
    size_t i;
    json_t *field;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        put_cell(p->metadata, text_of(names[i]), i == 0);
    json_array_foreach(p->fields, i, field) put_cell(p->metadata, text_of(json_string_value(field)), false);
    putc('\n', p->metadata);
}

enum status projector_open(const char *folder, json_t *fields, struct projector **out, struct error *err)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return error_system(err, errno, "make the folder", folder);
    struct projector *p = calloc(1, sizeof *p);
    if (p == NULL)
        return error_memory(err, "exporting");
    p->fields = json_incref(fields);
    enum status status = open_file(folder, "vectors.tsv", &p->vectors, err);
    if (status == STATUS_OK)
        status = open_file(folder, "metadata.tsv", &p->metadata, err);
    if (status == STATUS_OK) {
        put_names(p);
        *out = p;
    } else {
        projector_close(p);
    }
    return status;
}

/* ---- rows ---- */

static enum status put_value(struct projector *p, const json_t *value, struct error *err)
{
    struct buf text;
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status = STATUS_OK;
    if (json_is_string(value))
        put_cell(p->metadata, (struct text){json_string_value(value), json_string_length(value)}, false);
    else if (value != NULL)
        status = json_write(value, &text, err);
    if (status == STATUS_OK && !json_is_string(value))
        put_cell(p->metadata, buf_text(&text), false);
    buf_release(&text);
    return status;
}

static enum status put_facts(struct projector *p, const json_t *document, const struct passage_row *passage,
                             struct error *err)
{
    struct text text = shape_text(document, "text");
    size_t n = passage->end - passage->start, i;
    json_t *field;
    if (n > EXCERPT_BYTES)
        n = utf8_floor(text.data + passage->start, n, EXCERPT_BYTES);
    put_cell(p->metadata, shape_text(document, "id"), true);
    put_cell(p->metadata, shape_text(document, "title"), false);
    put_cell(p->metadata, shape_text(document, "lang"), false);
    put_cell(p->metadata, (struct text){text.data + passage->start, n}, false);
    enum status status = STATUS_OK;
    json_array_foreach(p->fields, i, field)
    {
        const json_t *metadata = json_object_get(document, "metadata");
        if (status == STATUS_OK)
            status = put_value(p, json_object_get(metadata, json_string_value(field)), err);
    }
    putc('\n', p->metadata);
    return status;
}

static void put_vector(struct projector *p, const float *vector, size_t width)
{
    char text[FLOAT_TEXT];
    for (size_t i = 0; i < width; i++)
        put_cell(p->vectors, (struct text){text, float_text(vector[i], text)}, i == 0);
    putc('\n', p->vectors);
}

enum status projector_add(struct projector *p, const json_t *document, struct error *err)
{
    const json_t *vectors = json_object_get(document, "vectors");
    struct ingest_vectors *v = NULL;
    char *behind;
    enum status status = vectors != NULL ? passages_read(vectors, 0, &v, &behind, err) : STATUS_OK;
    for (size_t i = 0; v != NULL && i < v->count && status == STATUS_OK; i++) {
        status = put_facts(p, document, &v->passages[i], err);
        put_vector(p, v->passages[i].vector, v->width);
        p->passages++;
    }
    free(v);
    return status;
}

/* ---- the end ---- */

enum status projector_finish(struct projector *p, uint64_t *passages, struct error *err)
{
    if (fflush(p->vectors) != 0 || fflush(p->metadata) != 0 || ferror(p->vectors) || ferror(p->metadata))
        return error_set(
            err, errno == ENOSPC ? STATUS_DISK_FULL : STATUS_IO,
            "the files for the Projector could not be written whole; free some space and try again");
    *passages = p->passages;
    return STATUS_OK;
}

void projector_close(struct projector *p)
{
    if (p == NULL)
        return;
    if (p->vectors != NULL)
        fclose(p->vectors);
    if (p->metadata != NULL)
        fclose(p->metadata);
    json_decref(p->fields);
    free(p);
}

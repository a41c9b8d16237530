#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/feed.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/projector.h"
#include "cli/rows.h"
#include "server/json_edge.h"
#include "server/json_shape.h"
#include "server/percent.h"

/* A stream of JSON lines: for each collection a line {"collection": {…}} with its settings, then its
 * documents as a write of documents takes them. */

/* ---- export ---- */

static const struct option export_options[] = {
    {.name = "collection",
     .letter = 'c',
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "NAME",
     .help = "only this collection; all when it is not given"},
    {.name = "vectors", .type = OPTION_FLAG, .help = "with the vectors, so that an import need not embed"},
    {.name = "projector",
     .type = OPTION_TEXT,
     .value = "FOLDER",
     .help = "instead, write vectors.tsv and metadata.tsv of one collection for the Embedding Projector"},
    {0},
};

static const struct example export_examples[] = {
    {"export --vectors > store.jsonl", "everything, to be imported elsewhere"},
    {"export -c news | jq -r .title", "the titles of a collection"},
    {"export --projector map", "two tables to load in TensorBoard's Embedding Projector"},
    {0},
};

static const char *const header_keys[] = {"name",           "model",           "space_id",
                                          "passage_tokens", "passage_overlap", "filterable"};

static enum status print_header(const json_t *collection, struct error *err)
{
    json_t *facts = json_object();
    for (size_t i = 0; i < sizeof header_keys / sizeof *header_keys; i++) {
        json_t *value = json_object_get(collection, header_keys[i]);
        if (value != NULL && json_object_set(facts, header_keys[i], value) != 0) {
            json_decref(facts);
            facts = NULL;
        }
    }
    return output_json_new(facts != NULL ? json_pack("{s:o}", "collection", facts) : NULL, err);
}

/* The id of the last line of a page. */
static enum status last_id(struct text page, struct buf *out, size_t *rows, struct error *err)
{
    size_t start = 0;
    for (size_t i = 0; i + 1 < page.len; i++)
        start = page.data[i] == '\n' ? i + 1 : start;
    for (size_t i = 0; i < page.len; i++)
        *rows += page.data[i] == '\n';
    json_t *row = NULL;
    enum status status = api_parse_body(page.data + start, page.len - start, &row, err);
    struct text id = shape_text(row, "id");
    buf_clear(out);
    if (status == STATUS_OK)
        status = buf_append(out, id.data, id.len, err);
    json_decref(row);
    return status;
}

static enum status add_lines(struct projector *p, struct text page, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t at = 0, end; at < page.len && status == STATUS_OK; at = end) {
        json_t *document = NULL;
        end = at + (size_t)((const char *)memchr(page.data + at, '\n', page.len - at) + 1 - (page.data + at));
        status = api_parse_body(page.data + at, end - at, &document, err);
        if (status == STATUS_OK)
            status = projector_add(p, document, err);
        json_decref(document);
    }
    return status;
}

/* To stdout, or to `p` when it is not NULL. */
static enum status export_documents(struct session *s, struct client *c, const char *name,
                                    struct projector *p, struct error *err)
{
    struct buf path, query, after, page;
    struct progress progress;
    size_t rows = 0;
    bool more = true;
    const char *vectors = p != NULL || arguments_flag(s->arguments, "vectors") ? "true" : "false";
    buf_init(&path, 4096);
    buf_init(&query, 8192);
    buf_init(&after, 4096);
    buf_init(&page, (size_t)1 << 30);
    enum status status = client_collection_path(&path, name, "/export", err);
    progress_start(&progress, s, 0);
    while (status == STATUS_OK && more) {
        buf_clear(&query);
        buf_clear(&page);
        status = buf_printf(&query, err, "vectors=%s", vectors);
        if (status == STATUS_OK && after.len > 0)
            status = buf_printf(&query, err, "&after=");
        if (status == STATUS_OK && after.len > 0)
            status = percent_append(&query, buf_text(&after), err);
        if (status == STATUS_OK)
            status = client_text(c, "GET", path.data, query.data, &page, err);
        more = page.len > 0;
        if (status == STATUS_OK && more)
            status = p != NULL ? add_lines(p, buf_text(&page), err) : output_bytes(page.data, page.len, err);
        if (status == STATUS_OK && more)
            status = last_id(buf_text(&page), &after, &rows, err);
        progress_show(&progress, &(struct progress_now){.items = rows, .what = name});
    }
    progress_end(&progress);
    buf_release(&page);
    buf_release(&after);
    buf_release(&query);
    buf_release(&path);
    return status;
}

static enum status export_collection(struct session *s, struct client *c, const char *name, struct error *err)
{
    struct buf path;
    json_t *collection = NULL;
    buf_init(&path, 4096);
    enum status status = client_collection_path(&path, name, "", err);
    if (status == STATUS_OK)
        status = client_call(c, "GET", path.data, NULL, NULL, &collection, err);
    if (status == STATUS_OK)
        status = print_header(collection, err);
    if (status == STATUS_OK)
        status = export_documents(s, c, name, NULL, err);
    json_decref(collection);
    buf_release(&path);
    return status;
}

/* The names of the fields that a collection's metadata has. */
static enum status field_names(struct client *c, const char *name, json_t **out, struct error *err)
{
    struct buf path;
    json_t *stats = NULL, *names = json_array(), *field;
    size_t i;
    buf_init(&path, 4096);
    enum status status =
        names != NULL ? client_collection_path(&path, name, "/stats", err) : error_memory(err, "exporting");
    if (status == STATUS_OK)
        status = client_call(c, "GET", path.data, NULL, NULL, &stats, err);
    json_array_foreach(json_object_get(stats, "fields"), i, field)
    {
        if (status == STATUS_OK && json_array_append(names, json_object_get(field, "name")) != 0)
            status = error_memory(err, "exporting");
    }
    json_decref(stats);
    buf_release(&path);
    if (status == STATUS_OK)
        *out = names;
    else
        json_decref(names);
    return status;
}

static enum outcome run_projector(struct session *s, const struct arguments *a, struct error *err)
{
    const char *folder = arguments_text(a, "projector"), *name = arguments_each(a, "collection", 0);
    struct client *c = NULL;
    struct projector *p = NULL;
    json_t *fields = NULL;
    uint64_t passages = 0;
    enum status status = STATUS_OK;
    if (name != NULL && arguments_each(a, "collection", 1) != NULL)
        status = error_set(err, STATUS_INVALID, "--projector takes one collection");
    name = name != NULL ? name : "default";
    if (status == STATUS_OK)
        status = client_open(s, STORE_READ, &c, err);
    if (status == STATUS_OK)
        status = field_names(c, name, &fields, err);
    if (status == STATUS_OK)
        status = projector_open(folder, fields, &p, err);
    if (status == STATUS_OK)
        status = export_documents(s, c, name, p, err);
    if (status == STATUS_OK)
        status = projector_finish(p, &passages, err);
    if (status == STATUS_OK)
        say(s, "%llu passages in %s/vectors.tsv and %s/metadata.tsv", (unsigned long long)passages, folder,
            folder);
    projector_close(p);
    json_decref(fields);
    client_close(c);
    return status != STATUS_OK ? OUTCOME_ERROR : passages > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

static enum outcome run_export(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    json_t *answer = NULL, *collection;
    size_t i, exported = 0;
    if (arguments_given(a, "projector"))
        return run_projector(s, a, err);
    enum status status = client_open(s, STORE_READ, &c, err);
    for (const char *name; status == STATUS_OK && (name = arguments_each(a, "collection", exported)) != NULL;
         exported++)
        status = export_collection(s, c, name, err);
    if (status == STATUS_OK && exported == 0) {
        status = client_call(c, "GET", "/v1/collections", NULL, NULL, &answer, err);
        json_array_foreach(json_object_get(answer, "collections"), i, collection)
        {
            if (status == STATUS_OK)
                status = export_collection(s, c, json_string_value(json_object_get(collection, "name")), err);
            exported++;
        }
    }
    json_decref(answer);
    client_close(c);
    return status != STATUS_OK ? OUTCOME_ERROR : exported > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_export = {
    .name = "export",
    .summary = "write collections to stdout as JSON lines",
    .details =
        "A line with the settings of each collection, then its documents; \"import\" reads it, whatever the "
        "version. It is read page by page and follows what is written meanwhile: for one state of "
        "everything, "
        "export a backup.",
    .options = export_options,
    .examples = export_examples,
    .run = run_export,
};

/* ---- import ---- */

static const struct option import_options[] = {
    {.name = "collection",
     .letter = 'c',
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "put everything there, whatever the lines say"},
    {0},
};

static const struct example import_examples[] = {
    {"import store.jsonl", "what \"export\" wrote"},
    {"export -c news | cognate --db other.db import -", "a collection to another store"},
    {0},
};

struct import {
    struct session *session;
    struct client *client;
    struct feed feed; /* of the collection that the last header named */
    const char *name; /* of --collection */
};

/* Ends with one collection and begins with the next: its settings are made when it is missing. */
static enum status begin(struct import *m, const char *name, const json_t *settings, struct error *err)
{
    struct buf path;
    json_t *body = json_object(), *answer = NULL;
    buf_init(&path, 4096);
    for (size_t i = 3; i < sizeof header_keys / sizeof *header_keys; i++) {
        json_t *value = json_object_get(settings, header_keys[i]);
        if (value != NULL)
            json_object_set(body, header_keys[i], value);
    }
    enum status status = client_collection_path(&path, name, "", err);
    if (status == STATUS_OK)
        status = client_call(m->client, "PUT", path.data, NULL, body, &answer, err);
    if (status == STATUS_OK)
        status = feed_turn(&m->feed, name, err);
    json_decref(answer);
    json_decref(body);
    buf_release(&path);
    return status;
}

static enum status take_line(struct import *m, json_t *row, struct error *err)
{
    const json_t *header = shape_get(row, "collection");
    if (!json_is_object(header))
        return feed_add(&m->feed, row, err);
    const char *name = m->name != NULL ? m->name : json_string_value(json_object_get(header, "name"));
    enum status status = begin(m, name != NULL ? name : "default", header, err);
    json_decref(row);
    return status;
}

static enum status read_lines(struct import *m, struct charset *in, const struct interrupt *interrupt,
                              struct error *err)
{
    struct lines lines;
    struct progress progress;
    struct text line = text_of(" ");
    enum status status = STATUS_OK;
    lines_init(&lines, in);
    progress_start(&progress, m->session, 0);
    while (status == STATUS_OK && line.len > 0) {
        json_t *row = NULL;
        struct error fault = {0};
        if (interrupt_asked(interrupt))
            status = error_set(err, STATUS_CANCELLED, "stopped");
        if (status == STATUS_OK)
            status = lines_next(&lines, &line, err);
        if (status != STATUS_OK || line.len <= 1)
            continue;
        if (api_parse_body(line.data, line.len, &row, &fault) != STATUS_OK)
            status = error_set(err, STATUS_INVALID, "%s: line %zu: %s", in->path, lines.number, fault.text);
        else
            status = take_line(m, row, err);
        progress_show(&progress, &(struct progress_now){.items = m->feed.rows, .what = in->path});
    }
    progress_end(&progress);
    if (status == STATUS_OK || status == STATUS_CANCELLED) {
        struct error second = {0};
        enum status flushed = feed_flush(&m->feed, &second);
        if (flushed != STATUS_OK)
            status = error_set(err, flushed, "%s", second.text);
    }
    lines_release(&lines);
    return status;
}

static enum outcome run_import(struct session *s, const struct arguments *a, struct error *err)
{
    struct import m = {.session = s, .name = arguments_text(a, "collection")};
    struct charset in = {.fd = -1};
    struct interrupt interrupt;
    bool opened = false;
    interrupt_watch(&interrupt);
    enum status status = client_open(s, STORE_WRITE, &m.client, err);
    if (status == STATUS_OK)
        status =
            charset_open(&in, strcmp(a->operands[0], "-") == 0 ? "/dev/stdin" : a->operands[0], "UTF-8", err);
    opened = status == STATUS_OK;
    if (status == STATUS_OK)
        status = feed_init(&m.feed, s, m.client, m.name != NULL ? m.name : "default", false, err);
    if (status == STATUS_OK)
        status = read_lines(&m, &in, &interrupt, err);
    if (status == STATUS_OK || status == STATUS_CANCELLED)
        say(s, "%llu created, %llu updated, %llu unchanged, %llu failed; %llu tokens embedded",
            (unsigned long long)m.feed.created, (unsigned long long)m.feed.updated,
            (unsigned long long)m.feed.unchanged, (unsigned long long)m.feed.failed,
            (unsigned long long)m.feed.tokens);
    bool failed = m.feed.failed > 0, any = m.feed.rows > 0;
    if (opened)
        charset_close(&in);
    feed_release(&m.feed);
    client_close(m.client);
    interrupt_end(&interrupt);
    if (status == STATUS_CANCELLED) {
        *err = (struct error){0};
        return OUTCOME_INTERRUPTED;
    }
    return status != STATUS_OK || failed ? OUTCOME_ERROR : any ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_import = {
    .name = "import",
    .operands = "FILE",
    .summary = "read what \"export\" wrote (- is stdin)",
    .details = "Vectors in the lines are taken as they are when they come from the model in use; other "
               "documents are "
               "embedded. Documents that are there already and have not changed stay as they are, so the "
               "same command goes "
               "on where it was stopped.",
    .options = import_options,
    .examples = import_examples,
    .least = 1,
    .most = 1,
    .run = run_import,
};

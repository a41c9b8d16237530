#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/filedoc.h"
#include "cli/richfile.h"
#include "cli/textfile.h"

const char *const source_kinds[] = {"auto", "text",  "markdown", "html", "pdf", "docx", "pptx", "odf",
                                    "epub", "lines", "jsonl",    "json", "csv", "tsv",  NULL};

#define STDIN_NAME "stdin"

/* One run of source_read; of the file in hand: */
struct reading {
    const struct source_options *options;
    const struct source_sink *sink;
    struct charset *in;
    const char *path, *id;
    bool named; /* on the command line, not found in a folder */
    bool taken; /* a row of it is a document */
};

static enum source_kind kind_of(const char *path)
{
    static const struct {
        const char *ending;
        enum source_kind kind;
    } endings[] = {{".txt", SOURCE_TEXT},          {".text", SOURCE_TEXT},
                   {".rst", SOURCE_TEXT},          {".adoc", SOURCE_TEXT},
                   {".org", SOURCE_TEXT},          {".tex", SOURCE_TEXT},
                   {".log", SOURCE_TEXT},          {".srt", SOURCE_TEXT},
                   {".vtt", SOURCE_TEXT},          {".md", SOURCE_MARKDOWN},
                   {".markdown", SOURCE_MARKDOWN}, {".mdx", SOURCE_MARKDOWN},
                   {".html", SOURCE_HTML},         {".htm", SOURCE_HTML},
                   {".xhtml", SOURCE_HTML},        {".pdf", SOURCE_PDF},
                   {".docx", SOURCE_DOCX},         {".pptx", SOURCE_PPTX},
                   {".odt", SOURCE_ODF},           {".odp", SOURCE_ODF},
                   {".epub", SOURCE_EPUB},         {".jsonl", SOURCE_JSONL},
                   {".ndjson", SOURCE_JSONL},      {".json", SOURCE_JSON},
                   {".csv", SOURCE_CSV},           {".tsv", SOURCE_TSV}};
    static const char *const code[] = {
        ".c",     ".h",    ".cc",   ".cpp",   ".cxx", ".hpp",  ".m",   ".cs",    ".java",   ".kt",
        ".scala", ".go",   ".rs",   ".swift", ".py",  ".rb",   ".pl",  ".pm",    ".php",    ".lua",
        ".r",     ".jl",   ".js",   ".mjs",   ".ts",  ".jsx",  ".tsx", ".vue",   ".css",    ".scss",
        ".sh",    ".bash", ".zsh",  ".fish",  ".ps1", ".sql",  ".el",  ".clj",   ".hs",     ".ml",
        ".ex",    ".exs",  ".erl",  ".dart",  ".zig", ".nim",  ".f90", ".asm",   ".cmake",  ".mk",
        ".yaml",  ".yml",  ".toml", ".ini",   ".cfg", ".conf", ".xml", ".proto", ".graphql"};
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i].ending);
        if (len > n && strcasecmp(path + len - n, endings[i].ending) == 0)
            return endings[i].kind;
    }
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending != NULL && i < sizeof code / sizeof *code; i++)
        if (strcasecmp(ending, code[i]) == 0)
            return SOURCE_TEXT;
    return SOURCE_AUTO;
}

bool source_keeps_lines(const char *path)
{
    return kind_of(path) < SOURCE_HTML;
}

/* ---- rows ---- */

static enum status take_row(void *context, json_t *document, size_t row, size_t line, struct error *err)
{
    struct reading *r = context;
    (void)line;
    r->taken = true;
    if (json_object_get(document, "id") == NULL) {
        char *id = NULL;
        bool good = asprintf(&id, "%s#%zu", r->id, row) >= 0 &&
                    json_object_set_new(document, "id", json_string(id)) == 0;
        free(id);
        if (!good) {
            json_decref(document);
            return error_memory(err, "reading a row");
        }
    }
    r->sink->reading(r->sink->context, r->path, r->in->raw);
    return r->sink->document(r->sink->context, document, err);
}

static enum status refuse_row(void *context, size_t line, const char *reason, struct error *err)
{
    struct reading *r = context;
    struct buf place;
    buf_init(&place, 65536);
    enum status status = buf_printf(&place, err, "%s:%zu", r->path, line);
    if (status == STATUS_OK)
        status = r->sink->skip(r->sink->context, place.data, SKIP_ROW, reason, err);
    buf_release(&place);
    return status;
}

static enum status read_rows(struct reading *r, enum source_kind kind, struct error *err)
{
    static const enum rows_kind kinds[] = {[SOURCE_LINES] = ROWS_LINES,
                                           [SOURCE_JSONL] = ROWS_JSONL,
                                           [SOURCE_JSON] = ROWS_JSON,
                                           [SOURCE_CSV] = ROWS_CSV,
                                           [SOURCE_TSV] = ROWS_TSV};
    struct row_sink sink = {take_row, refuse_row, r, !r->named && r->options->kind == SOURCE_AUTO};
    return rows_read(kinds[kind], r->in, &r->options->fields, &sink, err);
}

/* ---- one file ---- */

/* What stdin is when nobody said: JSON shows in its first byte. */
static enum status kind_of_stdin(struct charset *in, enum source_kind *kind, struct error *err)
{
    size_t at = in->at;
    while (at < in->len && strchr(" \t\r\n", in->piece[at]) != NULL && in->piece[at] != '\0')
        at++;
    if (at < in->len && in->from == NULL && in->piece[at] == '{')
        *kind = SOURCE_JSONL;
    else if (at < in->len && in->from == NULL && in->piece[at] == '[')
        *kind = SOURCE_JSON;
    else if (in->len > 0)
        return error_set(err, STATUS_INVALID, "what comes on stdin is not JSON; say what it is with --as");
    return STATUS_OK;
}

/* Errors of the sink end everything; those of the file end the file and are told as a skip. */
static enum status tell_fault(struct reading *r, enum skip why, const struct error *fault, struct error *err)
{
    if (fault->status == STATUS_INVALID || fault->status == STATUS_TOO_LARGE ||
        fault->status == STATUS_FORBIDDEN || fault->status == STATUS_NOT_FOUND ||
        fault->status == STATUS_IO || fault->status == STATUS_DEADLINE || fault->status == STATUS_UNSUPPORTED)
        return r->sink->skip(r->sink->context, r->path, why, fault->text, err);
    return error_set(err, fault->status, "%s", fault->text);
}

static enum status read_rich(struct reading *r, enum source_kind kind, struct error *err)
{
    struct error fault = {0};
    enum skip why = SKIP_UNREADABLE;
    json_t *document = NULL;
    enum rich_kind rich = (enum rich_kind)(kind - SOURCE_HTML);
    if (!richfile_available(rich))
        return r->sink->skip(r->sink->context, r->path, SKIP_TOOL, NULL, err);
    if (richfile_read(r->path, r->id, rich, r->options->fields.language, &document, &why, &fault) !=
        STATUS_OK)
        return tell_fault(r, why, &fault, err);
    return r->sink->document(r->sink->context, document, err);
}

static enum status read_file(struct reading *r, enum source_kind kind, struct error *err)
{
    struct error fault = {0};
    enum skip why = SKIP_UNREADABLE;
    const char *encoding = NULL;
    uint64_t substituted = 0;
    enum status status;
    r->in = malloc(sizeof *r->in);
    if (r->in == NULL)
        return error_memory(err, "reading a file");
    status =
        charset_open(r->in, strcmp(r->path, STDIN_NAME) == 0 ? NULL : r->path, r->options->encoding, &fault);
    if (status == STATUS_OK) {
        if (kind == SOURCE_AUTO)
            status = kind_of_stdin(r->in, &kind, &fault);
        if (status == STATUS_OK && kind >= SOURCE_LINES) {
            status = read_rows(r, kind, &fault);
            why = status == STATUS_UNSUPPORTED && !r->taken ? SKIP_TEXTLESS : why;
        } else if (status == STATUS_OK && kind != SOURCE_AUTO) {
            json_t *document = NULL;
            status = textfile_read(r->in, r->id, strcmp(r->path, STDIN_NAME) == 0 ? NULL : r->path,
                                   kind == SOURCE_MARKDOWN, r->options->fields.language, &document, &why,
                                   &encoding, &substituted, &fault);
            if (status == STATUS_OK && document != NULL)
                status = r->sink->document(r->sink->context, document, err);
        }
        if (r->in->encoding != NULL) {
            encoding = r->in->encoding;
            substituted = r->in->substituted;
        }
        if (encoding != NULL)
            r->sink->converted(r->sink->context, r->path, encoding, substituted);
        charset_close(r->in);
    }
    free(r->in);
    r->in = NULL;
    if (status == STATUS_OK || fault.status == STATUS_OK)
        return status;
    return tell_fault(r, why, &fault, err);
}

static enum status visit_file(void *context, const char *path, const char *id, uint64_t bytes, bool named,
                              struct error *err)
{
    struct reading *r = context;
    enum source_kind kind = r->options->kind;
    const char *db = r->options->db;
    if (kind == SOURCE_AUTO)
        kind = kind_of(path);
    if (kind == SOURCE_AUTO && named)
        kind = SOURCE_TEXT;
    if (kind == SOURCE_AUTO)
        return r->sink->skip(r->sink->context, path, SKIP_KIND, NULL, err);
    if (db != NULL && strcmp(path, db) == 0)
        return r->sink->skip(r->sink->context, path, SKIP_STORE, NULL, err);
    if (kind < SOURCE_PDF && bytes > FILEDOC_BYTES)
        return r->sink->skip(r->sink->context, path, SKIP_LARGE, NULL, err);
    r->path = path;
    r->id = id;
    r->named = named;
    r->taken = false;
    r->sink->reading(r->sink->context, path, 0);
    return kind >= SOURCE_HTML && kind <= SOURCE_EPUB ? read_rich(r, kind, err) : read_file(r, kind, err);
}

static enum status visit_skip(void *context, const char *path, enum skip why, const char *reason,
                              struct error *err)
{
    struct reading *r = context;
    return r->sink->skip(r->sink->context, path, why, reason, err);
}

enum status source_read(const char *path, const struct source_options *options,
                        const struct source_sink *sink, struct error *err)
{
    struct reading r = {.options = options, .sink = sink, .path = STDIN_NAME, .id = STDIN_NAME, .named = true};
    if (strcmp(path, "-") == 0 && options->kind >= SOURCE_HTML && options->kind <= SOURCE_EPUB)
        return error_set(err, STATUS_UNSUPPORTED, "a file of the kind %s is read from a path, not from stdin",
                         source_kinds[options->kind]);
    if (strcmp(path, "-") == 0)
        return read_file(&r, options->kind, err);
    struct walk_visitor visitor = {visit_file, visit_skip, &r};
    return walk(path, &options->walk, &visitor, err);
}

/* ---- how much it will be ---- */

struct sizing {
    const struct source_options *options;
    uint64_t bytes;
};

static enum status add_file(void *context, const char *path, const char *id, uint64_t bytes, bool named,
                            struct error *err)
{
    struct sizing *s = context;
    (void)id;
    (void)err;
    if (named || s->options->kind != SOURCE_AUTO || kind_of(path) != SOURCE_AUTO)
        s->bytes += bytes;
    return STATUS_OK;
}

static enum status add_nothing(void *context, const char *path, enum skip why, const char *reason,
                               struct error *err)
{
    (void)context;
    (void)path;
    (void)why;
    (void)reason;
    (void)err;
    return STATUS_OK;
}

enum status source_size(const char *path, const struct source_options *options, uint64_t *bytes,
                        struct error *err)
{
    struct sizing s = {options, 0};
    struct walk_visitor visitor = {add_file, add_nothing, &s};
    enum status status = STATUS_OK;
    if (strcmp(path, "-") != 0)
        status = walk(path, &options->walk, &visitor, err);
    if (status == STATUS_OK)
        *bytes += s.bytes;
    return status;
}

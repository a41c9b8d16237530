#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/sample_text.h"
#include "common/grow.h"
#include "server/model_quantize.h"

#define TEXT_CEILING ((size_t)64 << 20)

static const char *const types[] = {"q8_0", "q4_0", "f16", NULL};
static const enum ggml_type type_numbers[] = {GGML_Q8_0, GGML_Q4_0, GGML_F16};

static const struct option options[] = {
    {.name = "type",
     .type = OPTION_CHOICE,
     .value = "TYPE",
     .choices = types,
     .fallback = "q8_0",
     .help = "of the weights: q8_0, q4_0 or f16"},
    {.name = "name",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "what to call the result (the same, as its next version)"},
    {.name = "texts",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "compare on these texts, one on each line (- for stdin)"},
    {.name = "collection",
     .letter = 'c',
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "compare on the documents of a collection"},
    {0},
};

/* ---- texts ---- */

/* Offsets into the bytes until they have stopped moving. */
struct corpus {
    struct buf bytes;
    struct text *texts;
    size_t count, room;
};

static enum status add_text(struct corpus *c, struct text text, struct error *err)
{
    if (text.len == 0)
        return STATUS_OK;
    struct text *more = grown(c->texts, c->count, &c->room, sizeof *more);
    if (more == NULL)
        return error_memory(err, "reading texts");
    c->texts = more;
    c->texts[c->count++] = (struct text){NULL, text.len};
    return buf_append(&c->bytes, text.data, text.len, err);
}

static enum status read_file(struct corpus *c, const char *path, struct error *err)
{
    struct input in;
    struct text line;
    enum status status = input_open(&in, path, err);
    while (status == STATUS_OK && (status = input_next(&in, &line, err)) == STATUS_OK && line.data != NULL)
        status = add_text(c, line, err);
    input_close(&in);
    return status;
}

static enum status read_collection(struct session *s, struct corpus *c, const char *name, struct error *err)
{
    struct store *store = NULL;
    struct collection *collection = NULL;
    struct document *documents = NULL;
    size_t n = 0;
    enum status status = session_db(s, err);
    if (status == STATUS_OK)
        status = store_open(s->db.data, STORE_READ, s->options.isa, &store, err);
    if (status == STATUS_OK)
        status = store_collection_open(store, text_of(name), &collection, err);
    if (status == STATUS_OK)
        status = collection_documents(collection, text_of(""), QUANTIZE_TEXTS, true, &documents, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = add_text(c, documents[i].text, err);
    documents_free(documents, n);
    collection_release(collection);
    store_close(store);
    return status;
}

static enum status read_texts(struct session *s, const struct arguments *a, struct corpus *c,
                              struct error *err)
{
    const char *file = arguments_text(a, "texts"), *collection = arguments_text(a, "collection");
    enum status status = STATUS_OK;
    if (file != NULL && collection != NULL)
        return error_set(err, STATUS_INVALID, "give --texts or --collection, not both");
    if (file != NULL)
        status = read_file(c, file, err);
    else if (collection != NULL)
        status = read_collection(s, c, collection, err);
    for (size_t i = 0;
         file == NULL && collection == NULL && sample_texts[i].text != NULL && status == STATUS_OK; i++)
        status = add_text(c, text_of(sample_texts[i].text), err);
    const char *at = c->bytes.data;
    for (size_t i = 0; i < c->count; i++) {
        c->texts[i].data = at;
        at += c->texts[i].len;
    }
    return status;
}

/* ---- the command ---- */

static enum status print_report(const struct session *s, const struct model_ref *made, const char *from,
                                const struct quantize_report *r, struct error *err)
{
    char before[16], after[16], spec[MODEL_SPEC];
    model_ref_spec(made, spec);
    if (s->format == FORMAT_JSON)
        return output_json_new(json_pack("{s:s, s:I, s:s, s:o}", "name", made->name, "version",
                                         (json_int_t)made->version, "from", from, "quality",
                                         quantize_report_json(r)),
                               err);
    progress_bytes(r->bytes_before, before);
    progress_bytes(r->bytes_after, after);
    printf("%-12s %s, compared with %s on %zu texts\n", "model", spec, from, r->texts);
    printf("%-12s %.4f in the mean, %.4f at the lowest\n", "cosine", r->cosine_mean, r->cosine_lowest);
    printf("%-12s %.3f of the first %d\n", "overlap", r->overlap, QUANTIZE_DEPTH);
    printf("%-12s %s before, %s after\n", "size", before, after);
    printf("%-12s %.0f texts a second before, %.0f after\n", "speed", r->speed_before, r->speed_after);
    say(s, "%s is installed; nothing uses it before you say so (cognate model use %s)", spec, spec);
    return STATUS_OK;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct corpus c = {0};
    struct model_ref from = {0}, made = {0};
    struct quantize_report report;
    char spec[MODEL_SPEC];
    buf_init(&c.bytes, TEXT_CEILING);
    enum status status = model_store_find(a->operands[0], &from, err);
    if (status == STATUS_OK && from.name[0] == '\0')
        status = error_set(err, STATUS_INVALID, "%s is a file; cognate model add installs it", from.path);
    if (status == STATUS_OK)
        status = read_texts(s, a, &c, err);
    struct quantization q = {.from = &from,
                             .type = type_numbers[arguments_choice(a, "type")],
                             .name = arguments_text(a, "name"),
                             .texts = c.texts,
                             .count = c.count};
    if (status == STATUS_OK)
        status = model_quantize(&q, &s->options, &made, &report, err);
    if (status == STATUS_OK) {
        model_ref_spec(&from, spec);
        status = print_report(s, &made, spec, &report, err);
    }
    model_ref_release(&made);
    model_ref_release(&from);
    buf_release(&c.bytes);
    free(c.texts);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

static const struct example examples[] = {
    {"model quantize minilm --type q4_0", "minilm@2, a quarter of the size"},
    {"model quantize minilm --type q8_0 --name minilm-q8 --texts questions.txt",
     "compared on texts of your own"},
    {0},
};

const struct command command_model_quantize = {
    .name = "model quantize",
    .operands = "NAME[@VERSION|@LABEL]",
    .summary = "install a model once more with smaller weights, and say how much it differs",
    .details = "The result is a model of its own, with a vector space of its own; it replaces nothing. "
               "Before it is installed "
               "both models embed the same texts: how near the two vectors of a text are, how many of the "
               "ten texts nearest to "
               "a text are the same with both, their sizes, and their speeds in this run. The manifest keeps "
               "the report. "
               "Collections move over with \"collection reembed\".",
    .options = options,
    .examples = examples,
    .least = 1,
    .most = 1,
    .run = run,
};

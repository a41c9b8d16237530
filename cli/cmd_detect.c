#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/table.h"
#include "server/json_shape.h"

static const struct option options[] = {
    TABLE_FORMAT,
    {0},
};

static const struct example examples[] = {
    {"detect \"Wo ist der Bahnhof?\"", "the languages found in a text, the likeliest first"},
    {"detect --format tsv < sentences.txt", "a row a line"},
    {0},
};

static enum status ask(struct client *c, struct text text, json_t **out, struct error *err)
{
    json_t *body = json_pack("{s:s%}", "input", text.data, text.len);
    enum status status = body != NULL
                             ? client_call(c, "POST", "/v1/detect-language", NULL, body, out, err)
                             : error_set(err, STATUS_INVALID, "the text is not UTF-8; convert it first");
    json_decref(body);
    return status;
}

static enum status add_cells(struct table *t, const json_t *language, struct text text, struct error *err)
{
    enum status status = table_cell(t, shape_text(language, "lang"), err);
    if (status == STATUS_OK)
        status = table_format(t, err, "%.2f", shape_number(language, "confidence", 0));
    if (status == STATUS_OK)
        status = table_format(t, err, "%.2f", shape_number(language, "share", 0));
    return status == STATUS_OK ? table_cell(t, text, err) : status;
}

/* A line for the text, or for one operand a line for each language in it. */
static enum status add_rows(struct table *t, const json_t *answer, bool all, struct text text,
                            struct error *err)
{
    const json_t *candidates = json_object_get(answer, "candidates");
    size_t n = all ? json_array_size(candidates) : 0;
    enum status status = n == 0 ? add_cells(t, answer, text, err) : STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = add_cells(t, json_array_get(candidates, i), text, err);
    return status;
}

struct detection {
    struct client *client;
    struct table table;
    enum format format;
    bool all; /* every language of the one text */
};

static enum status one(struct detection *d, struct text text, struct error *err)
{
    json_t *answer = NULL;
    enum status status = ask(d->client, text, &answer, err);
    if (status == STATUS_OK)
        status = d->format == FORMAT_JSON ? output_json(answer, err)
                                          : add_rows(&d->table, answer, d->all, text, err);
    json_decref(answer);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    static const struct column columns[] = {
        {"lang", ALIGN_LEFT}, {"confidence", ALIGN_RIGHT}, {"share", ALIGN_RIGHT}, {"text", ALIGN_LEFT}};
    struct detection d = {.all = a->operand_count == 1};
    struct input input = {0};
    struct text line;
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    d.format = s->format;
    table_init(&d.table, s, columns, 4);
    enum status status = client_open_model(s, &d.client, err);
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++)
        status = one(&d, text_of(a->operands[i]), err);
    if (status == STATUS_OK && a->operand_count == 0)
        status = input_open(&input, "-", err);
    while (status == STATUS_OK && input.file != NULL &&
           (status = input_next(&input, &line, err)) == STATUS_OK && line.data != NULL)
        status = one(&d, line, err);
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&d.table, err);
    input_close(&input);
    table_release(&d.table);
    client_close(d.client);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_detect = {
    .name = "detect",
    .operands = "[TEXT…]",
    .summary = "tell the language of texts",
    .details =
        "Without TEXT every line of stdin is a text. share is how much of the text's letters is in the "
        "language; confidence is less where the text is too short or too mixed to tell. \"und\" stands for a "
        "text whose language cannot be told. Neighbours such as Norwegian and Danish are easily confused.",
    .options = options,
    .examples = examples,
    .most = OPERANDS_ANY,
    .run = run,
};

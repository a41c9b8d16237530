#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/table.h"
#include "server/json_shape.h"

static const char *const prompts[] = {"none", "query", "document", NULL};

static const struct option options[] = {
    {.name = "prompt",
     .type = OPTION_CHOICE,
     .value = "TYPE",
     .choices = prompts,
     .fallback = "none",
     .help = "put the model's prompt in front: query or document"},
    {.name = "plain", .type = OPTION_FLAG, .help = "without the tokens that begin and end a text"},
    TABLE_FORMAT,
    {0},
};

static const struct example examples[] = {
    {"tokenize \"Donaudampfschiff\"", "pieces, their numbers and their bytes in the text"},
    {"tokenize --json < sentences.txt", "one object a line"},
    {0},
};

static enum status ask(struct client *c, const struct arguments *a, struct text text, json_t **out,
                       struct error *err)
{
    json_t *input = json_stringn(text.data, text.len);
    const char *prompt = arguments_text(a, "prompt");
    if (input == NULL)
        return error_set(err, STATUS_INVALID, "the text is not UTF-8; convert it first");
    json_t *body = json_pack("{s:O, s:b}", "input", input, "add_special_tokens", !arguments_flag(a, "plain"));
    enum status status = body != NULL ? STATUS_OK : error_memory(err, "tokenizing");
    if (status == STATUS_OK && strcmp(prompt, "none") != 0 &&
        json_object_set_new(body, "input_type", json_string(prompt)) != 0)
        status = error_memory(err, "tokenizing");
    if (status == STATUS_OK)
        status = client_call(c, "POST", "/v1/tokenize", NULL, body, out, err);
    json_decref(body);
    json_decref(input);
    return status;
}

static enum status print_tokens(const struct session *s, const json_t *answer, struct error *err)
{
    static const struct column columns[] = {
        {"id", ALIGN_RIGHT}, {"start", ALIGN_RIGHT}, {"end", ALIGN_RIGHT}, {"piece", ALIGN_LEFT}};
    const json_t *tokens = json_object_get(answer, "tokens");
    struct table t;
    enum status status = STATUS_OK;
    if (s->format == FORMAT_JSON)
        return output_json(answer, err);
    table_init(&t, s, columns, 4);
    for (size_t i = 0; i < json_array_size(tokens) && status == STATUS_OK; i++) {
        const json_t *token = json_array_get(tokens, i);
        status = table_format(&t, err, "%lld", shape_integer(token, "id", 0));
        if (status == STATUS_OK)
            status = table_format(&t, err, "%lld", shape_integer(token, "start", 0));
        if (status == STATUS_OK)
            status = table_format(&t, err, "%lld", shape_integer(token, "end", 0));
        if (status == STATUS_OK)
            status = table_cell(&t, shape_text(token, "piece"), err);
    }
    if (status == STATUS_OK)
        status = table_print(&t, err);
    table_release(&t);
    return status;
}

static enum status one(struct session *s, struct client *c, const struct arguments *a, struct text text,
                       struct error *err)
{
    json_t *answer = NULL;
    enum status status = ask(c, a, text, &answer, err);
    if (status == STATUS_OK)
        status = print_tokens(s, answer, err);
    json_decref(answer);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    struct input input = {0};
    struct text line;
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    enum status status = client_open_model(s, &c, err);
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++)
        status = one(s, c, a, text_of(a->operands[i]), err);
    if (status == STATUS_OK && a->operand_count == 0)
        status = input_open(&input, "-", err);
    while (status == STATUS_OK && input.file != NULL &&
           (status = input_next(&input, &line, err)) == STATUS_OK && line.data != NULL)
        status = one(s, c, a, line, err);
    input_close(&input);
    client_close(c);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_tokenize = {
    .name = "tokenize",
    .operands = "[TEXT…]",
    .summary = "show the tokens of texts",
    .details = "Without TEXT every line of stdin is a text. start and end are bytes of the text; a token "
               "that stands "
               "for no byte of it (of the prompt, or put in by the model) has start = end.",
    .options = options,
    .examples = examples,
    .most = OPERANDS_ANY,
    .run = run,
};

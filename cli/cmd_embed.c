#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "server/json_shape.h"
#include "server/json_write.h"

#define BATCH_TEXTS 512 /* keeps every core busy */
#define BATCH_BYTES (1 << 20)

enum vector_output { OUTPUT_JSON, OUTPUT_CSV, OUTPUT_NPY, OUTPUT_BASE64 };

static const char *const outputs[] = {"json", "csv", "npy", "base64", NULL};
static const char *const input_types[] = {"query", "document", NULL};
static const char *const long_texts[] = {"pool", "truncate", "truncate_start", "error", NULL};

static const struct option options[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .value = "FORMAT",
     .choices = outputs,
     .fallback = "json",
     .help = "json, csv, npy (float32 [texts, numbers]) or base64 (little-endian float32), a line a text"},
    {.name = "input-type",
     .type = OPTION_CHOICE,
     .value = "TYPE",
     .choices = input_types,
     .fallback = "query",
     .help = "which of the model's prompts stands before a text: query or document"},
    {.name = "dimensions",
     .type = OPTION_COUNT,
     .value = "N",
     .least = 1,
     .most = 8192,
     .help = "shorter vectors: the first N numbers, made unit length again"},
    {.name = "long-text",
     .type = OPTION_CHOICE,
     .value = "HOW",
     .choices = long_texts,
     .fallback = "pool",
     .help = "texts over the model's limit: pool their windows, truncate or truncate_start (and say so), or error"},
    {0},
};

static const struct example examples[] = {
    {"embed \"Guten Morgen\"", "one vector as JSON"},
    {"embed --format npy < sentences.txt > vectors.npy", "one line in, one row out"},
    {0},
};

/* One run. An npy file needs the number of rows in its header, so its rows are kept until the end. */
struct job {
    struct session *session;
    struct client *client;
    const struct arguments *arguments;
    enum vector_output output;
    json_t *batch;
    size_t bytes, texts, truncated, width;
    struct buf floats; /* decoded; of the whole run for npy */
    struct buf line;
};

static enum status decode(struct job *j, const char *text, struct error *err)
{
    struct base64_decode_ctx state;
    size_t n = strlen(text), room = BASE64_DECODE_LENGTH(n);
    enum status status = buf_reserve(&j->floats, room, err);
    if (status != STATUS_OK)
        return status;
    base64_decode_init(&state);
    size_t got = room;
    if (!base64_decode_update(&state, &got, (uint8_t *)j->floats.data + j->floats.len, n, text) ||
        !base64_decode_final(&state) || got % sizeof(float) != 0)
        return error_set(err, STATUS_INTERNAL, "the vector that came back is not base64");
    j->floats.len += got;
    j->width = got / sizeof(float);
    return STATUS_OK;
}

static enum status print_row(struct job *j, const json_t *item, struct error *err)
{
    const char *encoded = json_string_value(json_object_get(item, "embedding"));
    if (encoded == NULL)
        return error_set(err, STATUS_INTERNAL, "a vector is missing in the answer");
    buf_clear(&j->line);
    if (j->output == OUTPUT_BASE64)
        return buf_printf(&j->line, err, "%s\n", encoded);
    if (j->output != OUTPUT_NPY)
        buf_clear(&j->floats);
    enum status status = decode(j, encoded, err);
    if (status != STATUS_OK || j->output == OUTPUT_NPY)
        return status;
    const float *vector = (const float *)(const void *)j->floats.data; /* malloc aligns it */
    if (j->output == OUTPUT_CSV) {
        status = json_write_floats(vector, j->width, &j->line, err);
        if (status == STATUS_OK) { /* without its brackets */
            memmove(j->line.data, j->line.data + 1, j->line.len - 2);
            j->line.len -= 2;
            status = buf_append(&j->line, "\n", 1, err);
        }
        return status;
    }
    status = buf_printf(&j->line, err, "{\"index\":%zu,\"embedding\":", j->texts);
    if (status == STATUS_OK)
        status = json_write_floats(vector, j->width, &j->line, err);
    if (status == STATUS_OK)
        status = buf_printf(&j->line, err, ",\"tokens\":%lld,\"dropped_tokens\":%lld}\n",
                            shape_integer(item, "tokens", 0), shape_integer(item, "dropped_tokens", 0));
    return status;
}

static enum status flush(struct job *j, struct error *err)
{
    const struct arguments *a = j->arguments;
    json_t *answer = NULL;
    if (json_array_size(j->batch) == 0)
        return STATUS_OK;
    json_t *body =
        json_pack("{s:O, s:s, s:s, s:s}", "input", j->batch, "input_type", arguments_text(a, "input-type"),
                  "long_text", arguments_text(a, "long-text"), "encoding_format", "base64");
    enum status status = body != NULL ? STATUS_OK : error_memory(err, "embedding");
    if (status == STATUS_OK && arguments_given(a, "dimensions") &&
        json_object_set_new(body, "dimensions", json_integer((json_int_t)arguments_count(a, "dimensions"))) !=
            0)
        status = error_memory(err, "embedding");
    if (status == STATUS_OK)
        status = client_call(j->client, "POST", "/v1/embed", NULL, body, &answer, err);
    const json_t *data = json_object_get(answer, "data");
    for (size_t i = 0; i < json_array_size(data) && status == STATUS_OK; i++) {
        const json_t *item = json_array_get(data, i);
        status = print_row(j, item, err);
        if (status == STATUS_OK && j->line.len > 0)
            status = output_bytes(j->line.data, j->line.len, err);
        j->texts++;
        j->truncated += shape_integer(item, "dropped_tokens", 0) > 0;
    }
    json_decref(answer);
    json_decref(body);
    json_array_clear(j->batch);
    j->bytes = 0;
    return status;
}

static enum status add(struct job *j, struct text text, struct error *err)
{
    if (json_array_append_new(j->batch, json_stringn(text.data, text.len)) != 0)
        return error_set(err, STATUS_INVALID, "text %zu is not UTF-8; convert it first",
                         j->texts + json_array_size(j->batch));
    j->bytes += text.len;
    return json_array_size(j->batch) < BATCH_TEXTS && j->bytes < BATCH_BYTES ? STATUS_OK : flush(j, err);
}

/* Format 1.0 of numpy.lib.format: magic, length of the header, header padded to 64 bytes, rows. */
static enum status print_npy(struct job *j, struct error *err)
{
    char header[128];
    int n = snprintf(header, sizeof header,
                     "\x93NUMPY\x01%c%c%c{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", 0,
                     118, 0, j->texts, j->width);
    if (n < 0 || n > 127)
        return error_set(err, STATUS_INTERNAL, "the header of the npy file does not fit");
    memset(header + n, ' ', sizeof header - 1 - (size_t)n);
    header[127] = '\n';
    enum status status = output_bytes(header, sizeof header, err);
    return status == STATUS_OK && j->floats.len > 0 ? output_bytes(j->floats.data, j->floats.len, err)
                                                    : status;
}

static enum status read_stdin(struct job *j, struct error *err)
{
    struct input input;
    struct text line;
    enum status status = input_open(&input, "-", err);
    while (status == STATUS_OK && (status = input_next(&input, &line, err)) == STATUS_OK && line.data != NULL)
        status = add(j, line, err);
    input_close(&input);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct job j = {.session = s, .arguments = a, .batch = json_array()};
    j.output = (enum vector_output)arguments_choice(a, "format");
    if (arguments_flag(a, "json"))
        j.output = OUTPUT_JSON;
    buf_init(&j.floats, (size_t)1 << 40);
    buf_init(&j.line, 1 << 20);
    enum status status =
        j.batch != NULL ? client_open_model(s, &j.client, err) : error_memory(err, "embedding");
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++)
        status = add(&j, text_of(a->operands[i]), err);
    if (status == STATUS_OK && a->operand_count == 0)
        status = read_stdin(&j, err);
    if (status == STATUS_OK)
        status = flush(&j, err);
    if (status == STATUS_OK && j.output == OUTPUT_NPY)
        status = print_npy(&j, err);
    if (status == STATUS_OK && j.truncated > 0)
        warn(s, "%zu of %zu texts were longer than the model takes; their ends were left out", j.truncated,
             j.texts);
    client_close(j.client);
    json_decref(j.batch);
    buf_release(&j.floats);
    buf_release(&j.line);
    return status != STATUS_OK ? OUTCOME_ERROR : j.texts > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_embed = {
    .name = "embed",
    .operands = "[TEXT…]",
    .summary = "turn texts into vectors",
    .details = "Without TEXT every line of stdin is a text, an empty one too: one line in, one line out. The "
               "vector of "
               "a text is the same to the last bit whatever else is embedded with it.",
    .options = options,
    .examples = examples,
    .most = OPERANDS_ANY,
    .run = run,
};

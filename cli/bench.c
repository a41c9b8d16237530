#include "cli/bench.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "cli/input.h"
#include "cli/output.h"
#include "cli/sample_text.h"
#include "cli/table.h"
#include "server/json_write.h"

#define TEXT_CEILING ((size_t)1 << 30) /* bytes of all texts */
#define PEAK_SECONDS 0.3

/* ---- times ---- */

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum status times_add(struct times *t, double seconds, struct error *err)
{
    if (t->count == t->room) {
        size_t room = 2 * t->room + 64;
        double *more = realloc(t->seconds, room * sizeof *more);
        if (more == NULL)
            return error_memory(err, "measuring");
        t->seconds = more;
        t->room = room;
    }
    t->seconds[t->count++] = seconds;
    return STATUS_OK;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void times_sort(struct times *t)
{
    qsort(t->seconds, t->count, sizeof *t->seconds, by_size);
}

double times_at(const struct times *t, double quantile)
{
    return t->seconds[(size_t)(quantile * (double)(t->count - 1))];
}

void times_release(struct times *t)
{
    free(t->seconds);
    *t = (struct times){0};
}

/* ---- texts ---- */

/* The text is an offset into the bytes until they have stopped moving; see settle. */
static enum status add_text(struct bench *b, size_t *room, const char *lang, struct text text,
                            struct error *err)
{
    if (b->text_count == *room) {
        *room = 2 * *room + 256;
        struct bench_text *more = realloc(b->texts, *room * sizeof *more);
        if (more == NULL)
            return error_memory(err, "reading texts");
        b->texts = more;
    }
    b->texts[b->text_count++] = (struct bench_text){lang, {NULL, text.len}};
    return buf_append(&b->bytes, text.data, text.len, err);
}

static void settle(struct bench *b)
{
    const char *at = b->bytes.data;
    for (size_t i = 0; i < b->text_count; i++) {
        b->texts[i].text.data = at;
        at += b->texts[i].text.len;
    }
}

static enum status read_file(struct bench *b, size_t *room, const char *path, struct error *err)
{
    struct input in;
    struct text line;
    enum status status = input_open(&in, path, err);
    while (status == STATUS_OK && (status = input_next(&in, &line, err)) == STATUS_OK && line.data != NULL)
        if (line.len > 0)
            status = add_text(b, room, "", line, err);
    input_close(&in);
    return status;
}

enum status bench_init(struct bench *b, struct session *s, const char *name, const struct arguments *a,
                       double seconds, struct error *err)
{
    size_t room = 0;
    enum status status = STATUS_OK;
    *b = (struct bench){.session = s,
                        .arguments = a,
                        .name = name,
                        .seconds = seconds,
                        .about = json_object(),
                        .figures = json_array()};
    buf_init(&b->bytes, TEXT_CEILING);
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    if (b->about == NULL || b->figures == NULL)
        status = error_memory(err, "measuring");
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++)
        status = read_file(b, &room, a->operands[i], err);
    for (size_t i = 0; a->operand_count == 0 && sample_texts[i].text != NULL && status == STATUS_OK; i++)
        status = add_text(b, &room, sample_texts[i].lang, text_of(sample_texts[i].text), err);
    if (status == STATUS_OK && b->text_count == 0)
        status = error_set(err, STATUS_INVALID,
                           "there is no text in %s; give a file with a text on each line", a->operands[0]);
    settle(b);
    return status;
}

void bench_release(struct bench *b)
{
    free(b->texts);
    buf_release(&b->bytes);
    json_decref(b->about);
    json_decref(b->figures);
}

double bench_peak_seconds(const struct bench *b)
{
    return fmin(PEAK_SECONDS, b->seconds);
}

enum status bench_texts_of(struct bench *b, struct engine *e, size_t tokens, struct error *err)
{
    const struct engine_model *m = NULL;
    struct bench made = {0};
    struct encoding encoding = {0};
    struct buf joined;
    size_t room = 0, next = 0;
    buf_init(&made.bytes, TEXT_CEILING);
    buf_init(&joined, TEXT_CEILING);
    enum status status = engine_model(e, &m, err);
    size_t ends = status != STATUS_OK ? 0
                                      : (tokenizer_start_id(m->tokenizer) >= 0 ? 1u : 0u) +
                                            (tokenizer_end_id(m->tokenizer) >= 0 ? 1u : 0u);
    for (size_t i = 0; i < b->text_count && status == STATUS_OK; i++) {
        size_t wanted = 0;
        buf_clear(&joined);
        for (encoding.count = 0; status == STATUS_OK && (wanted == 0 || encoding.count < wanted); next++) {
            struct text text = b->texts[next % b->text_count].text;
            status = buf_append(&joined, text.data, text.len, err);
            if (status == STATUS_OK)
                status = buf_append(&joined, " ", 1, err);
            if (status == STATUS_OK)
                status = tokenizer_encode(m->tokenizer, &encoding, m->info->prompt_document,
                                          (struct text){joined.data, joined.len}, err);
            if (status == STATUS_OK && encoding.count <= encoding.prefix_count)
                status = error_set(err, STATUS_INVALID, "text %zu is blank; leave it out",
                                   next % b->text_count + 1);
            wanted = encoding.prefix_count + 1 > tokens - ends ? encoding.prefix_count + 1 : tokens - ends;
        }
        if (status == STATUS_OK)
            status = add_text(&made, &room, b->texts[i].lang,
                              (struct text){joined.data, encoding.tokens[wanted - 1].end}, err);
    }
    if (status == STATUS_OK) {
        settle(&made);
        free(b->texts);
        buf_release(&b->bytes);
        b->texts = made.texts;
        b->text_count = made.text_count;
        b->bytes = made.bytes;
    } else {
        free(made.texts);
        buf_release(&made.bytes);
    }
    encoding_release(&encoding);
    buf_release(&joined);
    return status;
}

/* ---- the engine ---- */

static enum status remember(struct bench *b, const char *key, json_t *value, struct error *err)
{
    return json_object_set_new(b->about, key, value) == 0 ? STATUS_OK : error_memory(err, "measuring");
}

enum status bench_engine(struct bench *b, unsigned threads, bool store, struct engine **out,
                         struct error *err)
{
    struct engine *e = NULL;
    const struct engine_model *m = NULL;
    struct engine_options options = b->session->options;
    options.threads = threads;
    options.forgetful = true;
    enum status status = store ? session_db(b->session, err) : STATUS_OK;
    options.db = store ? b->session->db.data : NULL;
    if (status == STATUS_OK)
        status = engine_open(&options, &e, err);
    if (status == STATUS_OK)
        status = engine_model(e, &m, err);
    if (status == STATUS_OK && b->threads < m->threads)
        b->threads = m->threads;
    if (status == STATUS_OK)
        status = remember(b, "model", json_string(m->name), err);
    if (status == STATUS_OK)
        status = remember(b, "precision", json_string(m->precision == PRECISION_F32 ? "f32" : "int8"), err);
    if (status == STATUS_OK)
        status = remember(b, "isa", json_string(isa_name(m->isa)), err);
    if (status == STATUS_OK)
        *out = e;
    else
        engine_close(e);
    return status;
}

/* ---- figures ---- */

/* Four significant digits are more than a shared machine repeats. */
static json_t *number(double value)
{
    if (!(value > 0))
        return json_null();
    double scale = pow(10, 3 - floor(log10(value)));
    return json_real(round(value * scale) / scale);
}

enum status bench_note(struct bench *b, const char *key, double value, struct error *err)
{
    return remember(b, key, number(value), err);
}

enum status bench_latency(struct bench *b, const char *name, unsigned threads, struct times *t,
                          struct error *err)
{
    static const struct {
        const char *of;
        double quantile;
    } rows[] = {{"p50", 0.5}, {"p99", 0.99}, {"best", 0}};
    enum status status = STATUS_OK;
    times_sort(t);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && status == STATUS_OK; i++)
        status = bench_figure(b,
                              &(struct figure){.name = name,
                                               .of = rows[i].of,
                                               .threads = threads,
                                               .value = 1e3 * times_at(t, rows[i].quantile),
                                               .unit = "ms"},
                              err);
    return status;
}

enum status bench_figure(struct bench *b, const struct figure *f, struct error *err)
{
    json_t *row =
        json_pack("{s:s, s:s?, s:o, s:o, s:s, s:o, s:o}", "figure", f->name, "of", f->of, "threads",
                  f->threads > 0 ? json_integer(f->threads) : json_null(), "value", number(f->value), "unit",
                  f->unit, "median", number(f->median), "share", number(f->share));
    if (row == NULL || json_array_append_new(b->figures, row) != 0)
        return error_memory(err, "measuring");
    return STATUS_OK;
}

static enum status number_cell(struct table *t, const json_t *value, struct error *err)
{
    double v = json_number_value(value);
    if (!json_is_number(value))
        return table_cell(t, text_of(""), err);
    return table_format(t, err, "%.*f", json_is_integer(value) || v >= 1000 ? 0 : v >= 10 ? 1 : 3, v);
}

static enum status print_row(struct table *t, const json_t *row, struct error *err)
{
    static const char *const texts[] = {"figure", "of"};
    const json_t *share = json_object_get(row, "share");
    enum status status = STATUS_OK;
    for (size_t i = 0; i < 2 && status == STATUS_OK; i++) {
        const char *text = json_string_value(json_object_get(row, texts[i]));
        status = table_cell(t, text_of(text != NULL ? text : ""), err);
    }
    if (status == STATUS_OK)
        status = number_cell(t, json_object_get(row, "threads"), err);
    if (status == STATUS_OK)
        status = number_cell(t, json_object_get(row, "value"), err);
    if (status == STATUS_OK)
        status = table_cell(t, text_of(json_string_value(json_object_get(row, "unit"))), err);
    if (status == STATUS_OK)
        status = number_cell(t, json_object_get(row, "median"), err);
    if (status == STATUS_OK)
        status = json_is_null(share) ? table_cell(t, text_of(""), err)
                                     : table_format(t, err, "%.1f %%", 100 * json_number_value(share));
    return status;
}

static void say_about(const struct bench *b)
{
    const char *key;
    json_t *value;
    struct buf line;
    buf_init(&line, 1 << 16);
    json_object_foreach(b->about, key, value)
    {
        const char *gap = line.len > 0 ? ", " : "";
        if (json_is_string(value))
            buf_printf(&line, NULL, "%s%s %s", gap, key, json_string_value(value));
        else
            buf_printf(&line, NULL, "%s%s %.6g", gap, key, json_number_value(value));
    }
    if (line.len > 0)
        say(b->session, "%.*s", (int)line.len, line.data);
    buf_release(&line);
}

enum status bench_print(struct bench *b, struct error *err)
{
    static const struct column columns[] = {
        {"figure", ALIGN_LEFT}, {"of", ALIGN_LEFT},      {"threads", ALIGN_RIGHT}, {"value", ALIGN_RIGHT},
        {"unit", ALIGN_LEFT},   {"median", ALIGN_RIGHT}, {"share", ALIGN_RIGHT}};
    struct table t;
    if (b->session->format == FORMAT_JSON)
        return output_json_new(json_pack("{s:s, s:s, s:i, s:O, s:O}", "bench", b->name, "version",
                                         COGNATE_VERSION, "threads", (int)b->threads, "about", b->about,
                                         "figures", b->figures),
                               err);
    say_about(b);
    table_init(&t, b->session, columns, sizeof columns / sizeof *columns);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < json_array_size(b->figures) && status == STATUS_OK; i++)
        status = print_row(&t, json_array_get(b->figures, i), err);
    if (status == STATUS_OK)
        status = table_print(&t, err);
    table_release(&t);
    return status;
}

#include <stdio.h>
#include <stdlib.h>

#include "cli/bench.h"
#include "cli/commands.h"
#include "encoder/peak.h"

#define READ_BYTES    ((size_t)512 << 20) /* more than caches hold */
#define LEAST_ROUNDS  5
#define LANGUAGE_PART 8         /* of the time, for each language */
#define ROUND_BYTES   (1 << 18) /* of text that is tokenized, at least */
#define GIGA          1e9
#define MEBIBYTE      1048576.0

/* ---- what the machine can do ---- */

/* Operations a second on the model's threads; 0 when no peak is known. */
static enum status machine(struct bench *b, const struct engine_model *m, double *ops, struct error *err)
{
    double reads = 0;
    unsigned threads = m->threads;
    enum status status = peak_arithmetic(m->isa, m->precision, threads, bench_peak_seconds(b), ops, err);
    if (status == STATUS_OK)
        status = peak_read(m->isa, READ_BYTES, threads, bench_peak_seconds(b), &reads, err);
    if (status == STATUS_OK && *ops > 0)
        status = bench_figure(
            b,
            &(struct figure){.name = "arithmetic", .threads = threads, .value = *ops / GIGA, .unit = "Gop/s"},
            err);
    if (status == STATUS_OK)
        status = bench_figure(
            b,
            &(struct figure){
                .name = "memory read", .threads = threads, .value = reads / GIGA, .unit = "GB/s"},
            err);
    return status;
}

/* Operations of the linear layers for one token, a multiply-add counted as two. What grows with the length of
 * the text, as attention does, or comes once a text is not counted. */
static double operations(const struct model_info *m)
{
    return 2 * (double)m->products;
}

static size_t to_panel(size_t n)
{
    return (n + 63) / 64 * 64;
}

/* The kernel of the linear layers alone, by how many tokens go through at once. */
static enum status layers(struct bench *b, const struct engine_model *m, double ops, struct error *err)
{
    static const size_t rows[] = {6, 24, 48, 96, 192, 384};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && status == STATUS_OK; i++) {
        char of[32];
        double rate = 0;
        snprintf(of, sizeof of, "%zu tokens", rows[i]);
        status = peak_linear(m->isa, to_panel(m->info->hidden), to_panel(m->info->feed_forward), rows[i],
                             bench_peak_seconds(b), &rate, err);
        if (status == STATUS_OK)
            status = bench_figure(b,
                                  &(struct figure){.name = "linear layer",
                                                   .of = of,
                                                   .threads = 1,
                                                   .value = rate / GIGA,
                                                   .unit = "Gop/s",
                                                   .share = ops > 0 ? rate / ops : 0},
                                  err);
    }
    return status;
}

/* ---- encode and query ---- */

/* Embeds `n` texts from number `first` on, going round, and tells how many tokens that were. */
static enum status embed(const struct bench *b, struct engine *e, struct text *texts, size_t first, size_t n,
                         bool bulk, size_t *tokens, struct error *err)
{
    struct embeddings out = {0};
    struct embed_request request = {.texts = texts,
                                    .n = n,
                                    .input_type = bulk ? INPUT_DOCUMENT : INPUT_QUERY,
                                    .long_text = LONG_TEXT_POOL,
                                    .bulk = bulk};
    for (size_t i = 0; i < n; i++)
        texts[i] = b->texts[(first + i) % b->text_count].text;
    enum status status = engine_embed(e, &request, &out, err);
    *tokens = 0;
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        *tokens += out.texts[i].tokens;
    embeddings_release(&out);
    return status;
}

/* How many texts make a round: all of them as often as fits in a part of the time, or a part of them. */
static enum status round_size(const struct bench *b, struct engine *e, size_t *n, struct error *err)
{
    size_t sample = b->text_count < 128 ? b->text_count : 128, tokens;
    struct text *texts = calloc(sample, sizeof *texts);
    if (texts == NULL)
        return error_memory(err, "measuring");
    enum status status = embed(b, e, texts, 0, sample, true, &tokens, err); /* warms up */
    double start = bench_now();
    if (status == STATUS_OK)
        status = embed(b, e, texts, 0, sample, true, &tokens, err);
    double fits = b->seconds / LEAST_ROUNDS / (bench_now() - start) * (double)sample;
    free(texts);
    if (fits < (double)b->text_count)
        *n = fits > (double)sample ? (size_t)fits : sample;
    else
        *n = (size_t)(fits / (double)b->text_count) * b->text_count;
    return status;
}

static enum status bulk(struct bench *b, struct engine *e, const struct engine_model *m, double ops,
                        struct error *err)
{
    struct times times = {0}; /* seconds a token */
    size_t n = 0, at = 0, tokens, all_tokens = 0;
    struct text *texts = NULL;
    enum status status = round_size(b, e, &n, err);
    if (status == STATUS_OK && (texts = calloc(n, sizeof *texts)) == NULL)
        status = error_memory(err, "measuring");
    for (double until = bench_now() + b->seconds;
         status == STATUS_OK && (times.count < LEAST_ROUNDS || bench_now() < until); at += n) {
        double start = bench_now();
        status = embed(b, e, texts, at, n, true, &tokens, err);
        all_tokens += tokens;
        if (status == STATUS_OK)
            status = times_add(&times, (bench_now() - start) / (double)tokens, err);
    }
    if (status == STATUS_OK) {
        times_sort(&times);
        double best = 1 / times.seconds[0], median = 1 / times_at(&times, 0.5);
        double share = ops > 0 ? best * operations(m->info) / ops : 0,
               length = (double)all_tokens / (double)at;
        status = bench_note(b, "tokens_per_text", length, err);
        if (status == STATUS_OK)
            status = bench_figure(
                b,
                &(struct figure){"texts", NULL, m->threads, best / length, "texts/s", median / length, share},
                err);
        if (status == STATUS_OK)
            status = bench_figure(
                b, &(struct figure){"tokens", NULL, m->threads, best, "tokens/s", median, share}, err);
    }
    free(texts);
    times_release(&times);
    return status;
}

/* Runs `measure` with the threads that were asked for, and with one. */
static enum status on_each(struct bench *b, struct error *err,
                           enum status (*measure)(struct bench *b, struct engine *e,
                                                  const struct engine_model *m, double ops,
                                                  struct error *err))
{
    enum status status = STATUS_OK;
    size_t tokens = arguments_count(b->arguments, "tokens");
    unsigned threads = b->session->options.threads;
    do {
        struct engine *e = NULL;
        const struct engine_model *m = NULL;
        double ops = 0;
        status = bench_engine(b, threads, false, &e, err);
        if (status == STATUS_OK)
            status = engine_model(e, &m, err);
        if (status == STATUS_OK && tokens > 0)
            status = bench_texts_of(b, e, tokens, err);
        if (status == STATUS_OK)
            status = machine(b, m, &ops, err);
        if (status == STATUS_OK)
            status = measure(b, e, m, ops, err);
        tokens = 0;
        threads = status == STATUS_OK && m->threads > 1 ? 1 : 0;
        engine_close(e);
    } while (threads == 1);
    return status;
}

static enum status encode(struct bench *b, struct engine *e, const struct engine_model *m, double ops,
                          struct error *err)
{
    enum status status = STATUS_OK;
    if (m->threads == 1 && m->precision == PRECISION_INT8)
        status = layers(b, m, ops, err);
    return status == STATUS_OK ? bulk(b, e, m, ops, err) : status;
}

/* One text at a time, each another one than the last. */
static enum status query(struct bench *b, struct engine *e, const struct engine_model *m, double ops,
                         struct error *err)
{
    struct times times = {0};
    struct text text;
    size_t tokens, all_tokens = 0;
    enum status status = embed(b, e, &text, 0, 1, false, &tokens, err); /* warms up */
    (void)ops;
    double until = bench_now() + b->seconds;
    for (size_t at = 1; status == STATUS_OK && (times.count < b->text_count || bench_now() < until); at++) {
        double start = bench_now();
        status = embed(b, e, &text, at, 1, false, &tokens, err);
        all_tokens += tokens;
        if (status == STATUS_OK)
            status = times_add(&times, bench_now() - start, err);
    }
    if (status == STATUS_OK)
        status = bench_note(b, "tokens_per_text", (double)all_tokens / (double)times.count, err);
    if (status == STATUS_OK)
        status = bench_latency(b, "one text", m->threads, &times, err);
    times_release(&times);
    return status;
}

static enum outcome run_on_each(struct session *s, const struct arguments *a, const char *name,
                                enum status (*measure)(struct bench *b, struct engine *e,
                                                       const struct engine_model *m, double ops,
                                                       struct error *err),
                                struct error *err)
{
    struct bench b;
    enum status status = bench_init(&b, s, name, a, arguments_real(a, "seconds"), err);
    if (status == STATUS_OK)
        status = on_each(&b, err, measure);
    if (status == STATUS_OK)
        status = bench_print(&b, err);
    bench_release(&b);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

/* ---- tokenize ---- */

/* The texts first … end - 1 over and over on one thread. */
static enum status tokenize(struct bench *b, const struct engine_model *m, size_t first, size_t end,
                            double seconds, struct error *err)
{
    struct encoding encoding = {0};
    struct times times = {0}; /* seconds a byte */
    size_t bytes = 0, tokens = 0;
    enum status status = STATUS_OK;
    for (size_t i = first; i < end; i++)
        bytes += b->texts[i].text.len;
    size_t repeats = ROUND_BYTES / bytes + 1;
    for (double until = bench_now() + seconds;
         status == STATUS_OK && (times.count < LEAST_ROUNDS || bench_now() < until);) {
        double start = bench_now();
        tokens = 0;
        for (size_t r = 0; r < repeats; r++)
            for (size_t i = first; i < end && status == STATUS_OK; i++) {
                status = tokenizer_encode(m->tokenizer, &encoding, text_of(""), b->texts[i].text, err);
                tokens += encoding.count;
            }
        if (status == STATUS_OK)
            status = times_add(&times, (bench_now() - start) / (double)(bytes * repeats), err);
    }
    if (status == STATUS_OK) {
        times_sort(&times);
        double best = 1 / times.seconds[0], median = 1 / times_at(&times, 0.5);
        double each = (double)tokens / (double)(bytes * repeats);
        const char *of = end - first == b->text_count ? "all" : b->texts[first].lang;
        status = bench_figure(
            b, &(struct figure){"text", of, 1, best / MEBIBYTE, "MiB/s", median / MEBIBYTE, 0}, err);
        if (status == STATUS_OK && end - first == b->text_count)
            status = bench_figure(
                b, &(struct figure){"tokens", of, 1, best * each, "tokens/s", median * each, 0}, err);
    }
    encoding_release(&encoding);
    times_release(&times);
    return status;
}

static enum outcome run_tokenize(struct session *s, const struct arguments *a, struct error *err)
{
    struct bench b;
    struct engine *e = NULL;
    const struct engine_model *m = NULL;
    enum status status = bench_init(&b, s, "tokenize", a, arguments_real(a, "seconds"), err);
    if (status == STATUS_OK)
        status = bench_engine(&b, 1, false, &e, err);
    if (status == STATUS_OK)
        status = engine_model(e, &m, err);
    for (size_t first = 0, end; status == STATUS_OK && first < b.text_count; first = end) {
        for (end = first + 1; end < b.text_count && b.texts[end].lang == b.texts[first].lang;)
            end++;
        if (end - first < b.text_count)
            status = tokenize(&b, m, first, end, b.seconds / LANGUAGE_PART, err);
    }
    if (status == STATUS_OK)
        status = tokenize(&b, m, 0, b.text_count, b.seconds, err);
    if (status == STATUS_OK)
        status = bench_print(&b, err);
    engine_close(e);
    bench_release(&b);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

/* ---- the commands ---- */

static enum outcome run_encode(struct session *s, const struct arguments *a, struct error *err)
{
    return run_on_each(s, a, "encode", encode, err);
}

static enum outcome run_query(struct session *s, const struct arguments *a, struct error *err)
{
    return run_on_each(s, a, "query", query, err);
}

static const struct option encode_options[] = {
    BENCH_SECONDS,
    {.name = "tokens",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "0",
     .most = 100000,
     .help = "join and cut the texts to about N tokens each; 0 takes them as they are"},
    TABLE_FORMAT,
    {0},
};

static const struct option tokenize_options[] = {BENCH_SECONDS, TABLE_FORMAT, {0}};

static const struct example encode_examples[] = {
    {"bench encode", "as they come: sentences of some 25 tokens"},
    {"bench encode --tokens 128 --threads 2 --json", "passages, on two threads and on one"},
    {"bench encode --seconds 10 corpus.txt", "your own text"},
    {0},
};

static const struct example query_examples[] = {
    {"bench query", "what one question costs"},
    {"bench query --precision f32 questions.txt", "in the reference arithmetic"},
    {0},
};

static const struct example tokenize_examples[] = {
    {"bench tokenize", "by language"},
    {"bench tokenize corpus.txt", "your own text"},
    {0},
};

const struct command command_bench_encode = {
    .name = "bench encode",
    .operands = "[FILE…]",
    .summary = "measure how fast texts become vectors in bulk, beside this machine's peak",
    .details = BENCH_DETAILS "\nShare: of the arithmetic peak (multiply-adds in registers), taking the "
                             "arithmetic of the linear layers "
                             "alone, from text to vector; of a linear layer, its kernel alone. Measured with "
                             "all threads and with one.",
    .options = encode_options,
    .examples = encode_examples,
    .most = OPERANDS_ANY,
    .run = run_encode,
};

const struct command command_bench_query = {
    .name = "bench query",
    .operands = "[FILE…]",
    .summary = "measure how long one text takes on its own, beside this machine's peak",
    .details = BENCH_DETAILS,
    .options = encode_options,
    .examples = query_examples,
    .most = OPERANDS_ANY,
    .run = run_query,
};

const struct command command_bench_tokenize = {
    .name = "bench tokenize",
    .operands = "[FILE…]",
    .summary = "measure how fast text becomes tokens, on one thread",
    .details = BENCH_DETAILS "\nThe sentences are few and so always in the cache; a file of your own is a "
                             "fairer measure.",
    .options = tokenize_options,
    .examples = tokenize_examples,
    .most = OPERANDS_ANY,
    .run = run_tokenize,
};

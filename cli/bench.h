/* What the bench commands share: texts to measure with, repeated rounds, and figures to print.
 *
 *     struct bench b;
 *     if (bench_init(&b, session, "encode", arguments, 2, &err) == STATUS_OK &&
 *         bench_engine(&b, threads, &engine, &err) == STATUS_OK)
 *         …
 *     bench_figure(&b, &(struct figure){.name = "texts", .value = 812, .unit = "texts/s", .share = 0.66},
 * &err); status = bench_print(&b, &err); bench_release(&b);
 *
 * Speeds are judged by the best round, since other programs share the machine, and set beside what the
 * machine can do, measured in the same run.
 */
#ifndef COGNATE_CLI_BENCH_H
#define COGNATE_CLI_BENCH_H

#include <jansson.h>

#include "cli/command.h"

struct bench_text {
    const char *lang; /* "" where the texts are the user's */
    struct text text;
};

struct bench {
    struct session *session;
    const struct arguments *arguments;
    const char *name;
    double seconds; /* of each figure that is repeated */
    unsigned threads;
    struct bench_text *texts;
    size_t text_count;
    struct buf bytes; /* of the texts */
    json_t *about;    /* what was measured: model, instruction set, … */
    json_t *figures;
};

/* An option of the commands that repeat what they measure. */
#define BENCH_SECONDS                                                                                        \
    {.name = "seconds",                                                                                      \
     .type = OPTION_REAL,                                                                                    \
     .value = "S",                                                                                           \
     .fallback = "2",                                                                                        \
     .least = 0.01,                                                                                          \
     .most = 3600,                                                                                           \
     .help = "how long each figure is measured"}

#define BENCH_DETAILS                                                                                        \
    "FILE has a text on each line; without one, sentences in sixteen languages are taken. Rounds are "       \
    "repeated and the best one counts, since other programs may share the machine; median is that of all "   \
    "rounds."

/* Reads the operands, files with a text a line, or takes the sentences of sample_text.h. */
enum status bench_init(struct bench *b, struct session *s, const char *name, const struct arguments *a,
                       double seconds, struct error *err);
void bench_release(struct bench *b); /* accepts a zeroed one */

double bench_peak_seconds(const struct bench *b); /* for each look at what the machine can do */

/* Opens an engine with the model loaded, `threads` encoder threads (0: one a core), and with the session's
 * store when `store`; notes the model among what was measured. */
enum status bench_engine(struct bench *b, unsigned threads, bool store, struct engine **out,
                         struct error *err);

/* Joins and cuts the texts so that each has about `tokens` tokens, prompt and ends included. */
enum status bench_texts_of(struct bench *b, struct engine *e, size_t tokens, struct error *err);

struct figure {
    const char *name;
    const char *of;   /* which one of several: "p50", "96 rows"; may be NULL */
    unsigned threads; /* 0: does not apply */
    double value;     /* the best, unless `of` says otherwise */
    const char *unit;
    double median; /* of the rounds; 0: does not apply */
    double share;  /* of the machine's best; 0: does not apply */
};
enum status bench_figure(struct bench *b, const struct figure *f, struct error *err);

/* A number among what was measured. */
enum status bench_note(struct bench *b, const char *key, double value, struct error *err);

/* A table in the session's format, or one JSON object. */
enum status bench_print(struct bench *b, struct error *err);

/* Times of rounds. */
struct times {
    double *seconds; /* sorted after times_sort */
    size_t count, room;
};
double bench_now(void); /* seconds of a steady clock */
enum status times_add(struct times *t, double seconds, struct error *err);
void times_sort(struct times *t);
double times_at(const struct times *t, double quantile); /* of sorted ones */
void times_release(struct times *t);

/* Sorts the times and adds p50, p99 and the best of them, in milliseconds. */
enum status bench_latency(struct bench *b, const char *name, unsigned threads, struct times *t,
                          struct error *err);

#endif

#include "encoder/peak.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/arena.h"
#include "encoder/kernels.h"

#define CHAIN_STEPS 200000 /* well under a millisecond */
#define LOAD_BYTES  512    /* of one step of a reading loop */
#define READ_ROUND                                                                                           \
    ((size_t)8 << 20)    /* bytes of one round of peak_read: short, so that some are undisturbed */
#define LINEAR_ROUND 2e8 /* multiply-adds of one round of peak_linear */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- rounds ---- */

/* One thread's work: `round` does `amount` of it. */
struct work {
    void (*round)(struct work *w);
    double amount;
    double until; /* on the clock above */
    double best;  /* amount a second */

    const unsigned char *memory; /* of loads: the next round's bytes are at `at` */
    size_t bytes, at, stretch;

    const struct kernels *kernels; /* of linear layers */
    struct linear layer;
    struct codes codes;
    size_t rows, times;
    float *out;
};

static void *run(void *work)
{
    struct work *w = work;
    w->round(w); /* warms up */
    do {
        double start = now();
        w->round(w);
        double rate = w->amount / (now() - start);
        if (rate > w->best)
            w->best = rate;
    } while (now() < w->until);
    return NULL;
}

/* Runs works[0 … n-1] at the same time, the first one here, and adds up their rates. */
static enum status run_all(struct work *works, unsigned n, double seconds, double *rate, struct error *err)
{
    enum status status = STATUS_OK;
    double until = now() + seconds, sum = 0;
    unsigned started = 1;
    pthread_t *threads = calloc(n, sizeof *threads);
    if (threads == NULL)
        return error_memory(err, "measuring this machine");
    for (unsigned i = 0; i < n; i++)
        works[i].until = until;
    for (; started < n && status == STATUS_OK; started += status == STATUS_OK) {
        int failed = pthread_create(&threads[started], NULL, run, &works[started]);
        if (failed != 0)
            status = error_system(err, failed, "start", "a thread to measure with");
    }
    if (status == STATUS_OK)
        run(&works[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < n; i++)
        sum += works[i].best;
    free(threads);
    if (status == STATUS_OK)
        *rate = sum;
    return status;
}

/* ---- loops ---- */

static const unsigned char *next_stretch(struct work *w)
{
    size_t at = w->at;
    w->at = at + 2 * w->stretch <= w->bytes ? at + w->stretch : 0;
    return w->memory + at;
}

#if defined(__x86_64__)

/* Twelve chains: more than two multipliers with a latency of five cycles need. */
#define TWELVE(instruction, a, b, sum)                                                                       \
    instruction " %%" a ", %%" b ", %%" sum "0\n" instruction " %%" a ", %%" b ", %%" sum "1\n" instruction  \
                " %%" a ", %%" b ", %%" sum "2\n" instruction " %%" a ", %%" b ", %%" sum "3\n" instruction  \
                " %%" a ", %%" b ", %%" sum "4\n" instruction " %%" a ", %%" b ", %%" sum "5\n" instruction  \
                " %%" a ", %%" b ", %%" sum "6\n" instruction " %%" a ", %%" b ", %%" sum "7\n" instruction  \
                " %%" a ", %%" b ", %%" sum "8\n" instruction " %%" a ", %%" b ", %%" sum "9\n" instruction  \
                " %%" a ", %%" b ", %%" sum "10\n" instruction " %%" a ", %%" b ", %%" sum "11\n"
#define ZERO(r) "vpxor %%xmm" r ", %%xmm" r ", %%xmm" r "\n"
#define ZEROS                                                                                                \
    ZERO("0")                                                                                                \
    ZERO("1")                                                                                                \
    ZERO("2") ZERO("3") ZERO("4") ZERO("5") ZERO("6") ZERO("7") ZERO("8") ZERO("9") ZERO("10") ZERO("11")    \
        ZERO("12") ZERO("13") ZERO("14") ZERO("15")
#define REGISTERS                                                                                            \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",        \
        "xmm12", "xmm13", "xmm14", "xmm15"
#define CHAINS(name, body)                                                                                   \
    static void name(struct work *w)                                                                         \
    {                                                                                                        \
        long left = CHAIN_STEPS;                                                                             \
        (void)w;                                                                                             \
        __asm__ volatile(ZEROS "1:\n" body "dec %0\njnz 1b\nvzeroupper\n" : "+r"(left)::"cc", REGISTERS);    \
    }

CHAINS(chains_avx512, TWELVE("vpdpbusd", "zmm14", "zmm15", "zmm"))
CHAINS(chains_avxvnni, TWELVE("%{vex%} vpdpbusd", "ymm14", "ymm15", "ymm"))
CHAINS(chains_f32_avx512, TWELVE("vfmadd231ps", "zmm14", "zmm15", "zmm"))
CHAINS(chains_f32_avx2, TWELVE("vfmadd231ps", "ymm14", "ymm15", "ymm"))

/* The AVX2 kernel multiplies pairs of 16 bits and adds: six products, each added to a sum of its own. */
#define PAIR(t, sum) "vpmaddwd %%ymm14, %%ymm15, %%ymm" t "\nvpaddd %%ymm" t ", %%ymm" sum ", %%ymm" sum "\n"
CHAINS(chains_avx2,
       PAIR("0", "1") PAIR("2", "3") PAIR("4", "5") PAIR("6", "7") PAIR("8", "9") PAIR("10", "11"))

#define LOADS(name, load, r, step)                                                                           \
    static void name(struct work *w)                                                                         \
    {                                                                                                        \
        const unsigned char *at = next_stretch(w), *end = at + w->stretch;                                   \
        __asm__ volatile("1:\n" load " (%0), %%" r "0\n" load " " #step "(%0), %%" r "1\n" load " 2*" #step  \
                         "(%0), %%" r "2\n" load " 3*" #step "(%0), %%" r "3\n" load " 4*" #step             \
                         "(%0), %%" r "4\n" load " 5*" #step "(%0), %%" r "5\n" load " 6*" #step             \
                         "(%0), %%" r "6\n" load " 7*" #step "(%0), %%" r "7\n"                              \
                         "add $8*" #step ", %0\ncmp %1, %0\njb 1b\nvzeroupper\n"                             \
                         : "+r"(at)                                                                          \
                         : "r"(end)                                                                          \
                         : "cc", "memory", REGISTERS);                                                       \
    }

LOADS(loads_avx512, "vmovdqu64", "zmm", 64)
LOADS(loads_avx2, "vmovdqu", "ymm", 32)

#endif

static void loads_reference(struct work *w)
{
    const volatile uint64_t *at = (const volatile uint64_t *)(const void *)next_stretch(w);
    for (size_t i = 0; i < w->stretch / sizeof *at; i += 8) {
        at[i];
        at[i + 1];
        at[i + 2];
        at[i + 3];
        at[i + 4];
        at[i + 5];
        at[i + 6];
        at[i + 7];
    }
}

static void linear_round(struct work *w)
{
    for (size_t i = 0; i < w->times; i++)
        w->kernels->linear(&w->layer, &w->codes, w->rows, 0, w->layer.out / PAD, NULL, w->out);
}

/* ---- the calls ---- */

enum status peak_arithmetic(enum isa isa, enum precision precision, unsigned threads, double seconds,
                            double *ops, struct error *err)
{
    struct work one = {0};
    double multiply_adds = 0; /* of a step */
#if defined(__x86_64__)
    static const struct {
        void (*round)(struct work *w);
        double multiply_adds;
    } int8[ISA_COUNT] = {[ISA_AVX2] = {chains_avx2, 6 * 16},
                         [ISA_AVXVNNI] = {chains_avxvnni, 12 * 32},
                         [ISA_AVX512] = {chains_avx512, 12 * 64}},
      f32[ISA_COUNT] = {[ISA_AVX2] = {chains_f32_avx2, 12 * 8},
                        [ISA_AVXVNNI] = {chains_f32_avx2, 12 * 8},
                        [ISA_AVX512] = {chains_f32_avx512, 12 * 16}};
    one.round = precision == PRECISION_F32 ? f32[cpu_best()].round : int8[isa].round;
    multiply_adds = precision == PRECISION_F32 ? f32[cpu_best()].multiply_adds : int8[isa].multiply_adds;
#endif
    if (one.round == NULL) {
        *ops = 0;
        return STATUS_OK;
    }
    one.amount = 2 * multiply_adds * CHAIN_STEPS;
    struct work *works = calloc(threads, sizeof *works);
    if (works == NULL)
        return error_memory(err, "measuring this machine");
    for (unsigned i = 0; i < threads; i++)
        works[i] = one;
    enum status status = run_all(works, threads, seconds, ops, err);
    free(works);
    return status;
}

enum status peak_read(enum isa isa, size_t bytes, unsigned threads, double seconds, double *rate,
                      struct error *err)
{
    size_t share = (bytes / threads + LOAD_BYTES) / LOAD_BYTES * LOAD_BYTES;
    size_t stretch = share < READ_ROUND ? share : READ_ROUND;
    void (*round)(struct work *w) = loads_reference;
    enum status status = STATUS_OK;
#if defined(__x86_64__)
    round = isa == ISA_AVX512 ? loads_avx512 : isa == ISA_REFERENCE ? loads_reference : loads_avx2;
#endif
    unsigned char *memory = share <= SIZE_MAX / threads ? big_alloc(share * threads) : NULL;
    struct work *works = calloc(threads, sizeof *works);
    if (memory == NULL || works == NULL)
        status = error_memory(err, "measuring this machine");
    if (status == STATUS_OK) {
        memset(memory, 1, share * threads); /* untouched pages would all be the one page of zeros */
        for (unsigned i = 0; i < threads; i++)
            works[i] = (struct work){.round = round,
                                     .amount = (double)stretch,
                                     .memory = memory + i * share,
                                     .bytes = share,
                                     .stretch = stretch};
        status = run_all(works, threads, seconds, rate, err);
    }
    free(works);
    big_free(memory);
    return status;
}

enum status peak_linear(enum isa isa, size_t in, size_t out, size_t rows, double seconds, double *ops,
                        struct error *err)
{
    double multiply_adds = (double)in * (double)out * (double)rows;
    struct work w = {.round = linear_round,
                     .kernels = kernels_for(isa),
                     .rows = rows,
                     .times = (size_t)(LINEAR_ROUND / multiply_adds) + 1};
    w.amount = 2 * multiply_adds * (double)w.times;
    w.layer = (struct linear){.in = in,
                              .out = out,
                              .bias = big_alloc(out * sizeof(float)),
                              .panels = big_alloc(in * out),
                              .scale = big_alloc(out * sizeof(float)),
                              .sum = big_alloc(out * sizeof(float))};
    w.codes = (struct codes){.bytes = big_alloc(rows * in),
                             .stride = in,
                             .scale = big_alloc(rows * sizeof(float)),
                             .least = big_alloc(rows * sizeof(float))};
    w.out = big_alloc(rows * out * sizeof *w.out);
    enum status status = STATUS_OK;
    if (w.layer.bias == NULL || w.layer.panels == NULL || w.layer.scale == NULL || w.layer.sum == NULL ||
        w.codes.bytes == NULL || w.codes.scale == NULL || w.codes.least == NULL || w.out == NULL)
        status = error_memory(err, "measuring this machine");
    if (status == STATUS_OK) {
        memset(w.layer.panels, 1, in * out);
        memset(w.codes.bytes, 1, rows * in);
        status = run_all(&w, 1, seconds, ops, err);
    }
    big_free(w.layer.bias);
    big_free(w.layer.panels);
    big_free(w.layer.scale);
    big_free(w.layer.sum);
    big_free(w.codes.bytes);
    big_free(w.codes.scale);
    big_free(w.codes.least);
    big_free(w.out);
    return status;
}

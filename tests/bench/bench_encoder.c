/* How close the encoder comes to this machine's int8 arithmetic, measured in the same run.
 *
 *     bench_encoder MODEL [TOKENS_A_TEXT [ISA]]
 *
 * The peak is a loop of independent multiply-adds in registers. Every figure is the best of several rounds,
 * since other programs share the machine; the share of the peak is what to compare, not the absolute figures.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/arena.h"
#include "encoder/encoder.h"
#include "encoder/kernels.h"

#define ROUNDS 5

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *need(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

static void check(enum status status, const struct error *err)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", err->text);
        exit(2);
    }
}

#if defined(__x86_64__)
/* Twelve chains of multiply-adds, two a cycle where the processor can: more than its latency covers. */
static double peak(enum isa isa)
{
    const long steps = 4000000;
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now(), ops = 0;
        if (isa == ISA_AVX512) {
            for (long i = 0; i < steps; i++)
                __asm__ volatile(
                    "vpdpbusd %%zmm30, %%zmm31, %%zmm0\n vpdpbusd %%zmm30, %%zmm31, %%zmm1\n"
                    "vpdpbusd %%zmm30, %%zmm31, %%zmm2\n vpdpbusd %%zmm30, %%zmm31, %%zmm3\n"
                    "vpdpbusd %%zmm30, %%zmm31, %%zmm4\n vpdpbusd %%zmm30, %%zmm31, %%zmm5\n"
                    "vpdpbusd %%zmm30, %%zmm31, %%zmm6\n vpdpbusd %%zmm30, %%zmm31, %%zmm7\n"
                    "vpdpbusd %%zmm30, %%zmm31, %%zmm8\n vpdpbusd %%zmm30, %%zmm31, %%zmm9\n"
                    "vpdpbusd %%zmm30, %%zmm31, %%zmm10\n vpdpbusd %%zmm30, %%zmm31, %%zmm11\n" ::
                        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                          "xmm10", "xmm11");
            ops = 12.0 * 64;
        } else if (isa == ISA_AVXVNNI) {
            for (long i = 0; i < steps; i++)
                __asm__ volatile("%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm0\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm1\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm2\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm3\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm4\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm5\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm6\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm7\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm8\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm9\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm10\n"
                                 "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm11\n" ::
                                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                                       "xmm9", "xmm10", "xmm11");
            ops = 12.0 * 32;
        } else {
            for (long i = 0; i < steps; i++)
                __asm__ volatile("vpmaddwd %%ymm14, %%ymm15, %%ymm0\n vpaddd %%ymm0, %%ymm1, %%ymm1\n"
                                 "vpmaddwd %%ymm14, %%ymm15, %%ymm2\n vpaddd %%ymm2, %%ymm3, %%ymm3\n"
                                 "vpmaddwd %%ymm14, %%ymm15, %%ymm4\n vpaddd %%ymm4, %%ymm5, %%ymm5\n"
                                 "vpmaddwd %%ymm14, %%ymm15, %%ymm6\n vpaddd %%ymm6, %%ymm7, %%ymm7\n"
                                 "vpmaddwd %%ymm14, %%ymm15, %%ymm8\n vpaddd %%ymm8, %%ymm9, %%ymm9\n"
                                 "vpmaddwd %%ymm14, %%ymm15, %%ymm10\n vpaddd %%ymm10, %%ymm11, %%ymm11\n" ::
                                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                                       "xmm9", "xmm10", "xmm11");
            ops = 6.0 * 16;
        }
        best = fmax(best, ops * (double)steps / (now() - start));
    }
    return best;
}
#else
static double peak(enum isa isa)
{
    (void)isa;
    return NAN;
}
#endif

/* One linear layer, over and over. */
static void bench_linear(enum isa isa, size_t in, size_t out, size_t rows, double top)
{
    struct linear w = {.in = in, .out = out};
    struct codes codes = {.stride = in};
    w.panels = need(big_alloc(in * out));
    w.bias = need(big_alloc(out * sizeof *w.bias));
    w.scale = need(big_alloc(out * sizeof *w.scale));
    w.sum = need(big_alloc(out * sizeof *w.sum));
    codes.bytes = need(big_alloc(rows * in));
    codes.scale = need(big_alloc(rows * sizeof *codes.scale));
    codes.least = need(big_alloc(rows * sizeof *codes.least));
    float *result = need(big_alloc(rows * out * sizeof *result));
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t times = (size_t)(2e10 / (double)(in * out * rows) / 8) + 1;
        double start = now();
        for (size_t i = 0; i < times; i++)
            kernels_for(isa)->linear(&w, &codes, rows, 0, out / PAD, result);
        best = fmax(best, (double)times * (double)(in * out * rows) / (now() - start));
    }
    printf("linear %4zu × %4zu, %4zu rows   %7.1f Gop/s   %5.1f %% of the peak\n", in, out, rows, 2e-9 * best,
           100 * best / top);
    big_free(w.panels);
    big_free(w.bias);
    big_free(w.scale);
    big_free(w.sum);
    big_free(codes.least);
    big_free(codes.bytes);
    big_free(codes.scale);
    big_free(result);
}

struct bulk {
    const struct model *model;
    size_t tokens, texts;
    double seconds;
};

/* Ids spread over the vocabulary: what they mean does not change the time. */
static void fill(const struct model *m, int32_t *ids, uint32_t *starts, size_t tokens, size_t texts)
{
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i <= texts; i++)
        starts[i] = (uint32_t)(i * tokens);
    for (size_t i = 0; i < tokens * texts; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ids[i] = (int32_t)(state % model_info(m)->vocabulary);
    }
}

static void *run_bulk(void *context)
{
    struct bulk *b = context;
    struct embedder *e = NULL;
    struct error err = {0};
    int32_t *ids = need(malloc(b->tokens * b->texts * sizeof *ids));
    uint32_t *starts = need(malloc((b->texts + 1) * sizeof *starts));
    float *out = need(malloc(b->texts * model_info(b->model)->width * sizeof *out));
    fill(b->model, ids, starts, b->tokens, b->texts);
    check(embedder_new(b->model, 0, &e, &err), &err);
    for (int i = 0; i < 2; i++) { /* the first round warms up */
        double start = now();
        check(embedder_embed(e, ids, starts, b->texts, out, &err), &err);
        b->seconds = now() - start;
    }
    embedder_free(e);
    free(ids);
    free(starts);
    free(out);
    return NULL;
}

static void bench_bulk(const struct model *m, size_t threads, size_t tokens, double macs, double top)
{
    struct bulk bulk[2];
    pthread_t thread;
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double rate = 0;
        for (size_t i = 0; i < threads; i++)
            bulk[i] = (struct bulk){m, tokens, 16384 / tokens, 0};
        if (threads == 2)
            pthread_create(&thread, NULL, run_bulk, &bulk[1]);
        run_bulk(&bulk[0]);
        if (threads == 2)
            pthread_join(thread, NULL);
        for (size_t i = 0; i < threads; i++)
            rate += (double)bulk[i].texts / bulk[i].seconds;
        best = fmax(best, rate);
    }
    printf("bulk, %zu tokens a text, %zu threads   %7.1f texts/s   %5.1f %% of the peak\n", tokens, threads,
           best, 100 * best * (double)tokens * macs / (top * (double)threads));
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench_single(const struct model *m, size_t threads, size_t tokens)
{
    enum { TIMES = 400 };
    double seconds[TIMES];
    struct embedder *e = NULL;
    struct error err = {0};
    int32_t *ids = need(malloc(tokens * sizeof *ids));
    uint32_t starts[2];
    float *out = need(malloc(model_info(m)->width * sizeof *out));
    fill(m, ids, starts, tokens, 1);
    check(embedder_new(m, 0, &e, &err), &err);
    check(embedder_set_threads(e, threads, &err), &err);
    for (int i = 0; i < TIMES; i++) {
        double start = now();
        check(embedder_embed(e, ids, starts, 1, out, &err), &err);
        seconds[i] = now() - start;
    }
    qsort(seconds, TIMES, sizeof *seconds, by_size);
    printf("one text of %zu tokens, %zu threads   p50 %.3f ms   p99 %.3f ms   best %.3f ms\n", tokens,
           threads, 1e3 * seconds[TIMES / 2], 1e3 * seconds[TIMES * 99 / 100], 1e3 * seconds[0]);
    embedder_free(e);
    free(ids);
    free(out);
}

int main(int argc, char **argv)
{
    struct gguf *file = NULL;
    struct model *m = NULL;
    struct error err = {0};
    enum isa isa = cpu_best();
    size_t tokens = argc > 2 ? strtoul(argv[2], NULL, 10) : 21;
    if (argc < 2 || tokens == 0) {
        fputs("usage: bench_encoder MODEL [TOKENS_A_TEXT [ISA]]\n", stderr);
        return 2;
    }
    if (argc > 3)
        check(isa_parse(argv[3], &isa, &err), &err);
    double start = now();
    check(gguf_open(argv[1], &file, &err), &err);
    double opened = now();
    check(model_open(file, &(struct model_options){.isa = isa}, &m, &err), &err);
    printf("file opened in %.1f ms, model in %.1f ms, kernels %s\n", 1e3 * (opened - start),
           1e3 * (now() - opened), isa_name(model_isa(m)));
    const struct model_info *info = model_info(m);
    double hidden = info->hidden, feed_forward = info->feed_forward;
    double macs = info->layers * (4 * hidden * hidden + 2 * hidden * feed_forward), top = peak(isa);
    printf("peak of one core %.1f Gop/s, %.2f million multiply-adds a token\n", 2e-9 * top, 1e-6 * macs);
    static const size_t rows[] = {6, 24, 48, 96, 192, 384};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        bench_linear(isa, 384, 1536, rows[i], top);
    bench_linear(isa, 1536, 384, 192, top);
    bench_linear(isa, 384, 384, 192, top);
    for (size_t threads = 1; threads <= 2; threads++)
        bench_bulk(m, threads, tokens, macs, top);
    for (size_t threads = 1; threads <= 2; threads++)
        bench_single(m, threads, tokens);
    printf("peak again %.1f Gop/s\n", 2e-9 * peak(isa));
    model_free(m);
    gguf_free(file);
    return 0;
}

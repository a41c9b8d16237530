/* The queue: rows arrive where they belong whatever they were packed with, a full house is refused at the
 * door, a deadline takes back what nobody works on. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/batcher.h"

#define TEXTS  40
#define LENGTH 24 /* longest sequence */

static struct gguf *file;
static struct model *model;
static size_t width;
static int32_t ids[TEXTS * LENGTH];
static uint32_t starts[TEXTS + 1];

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_model(void **state)
{
    (void)state;
    struct error err = {0};
    if (gguf_open(getenv("COGNATE_MODEL"), &file, &err) != STATUS_OK ||
        model_open(file, &(struct model_options){.isa = cpu_best()}, &model, &err) != STATUS_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    width = model_info(model)->width;
    for (uint32_t i = 0; i < TEXTS; i++) {
        uint32_t length = 3 + i * 7 % (LENGTH - 3);
        starts[i + 1] = starts[i] + length;
        for (uint32_t j = 0; j < length; j++)
            ids[starts[i] + j] = (int32_t)(j == 0 ? 0 : j == length - 1 ? 2 : 1000 + (i * 131 + j * 17) % 5000);
    }
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    model_free(model);
    gguf_free(file);
    return 0;
}

static float *alone(void)
{
    struct embedder *e = NULL;
    float *out = malloc(TEXTS * width * sizeof *out);
    assert_int_equal(embedder_new(model, 0, &e, NULL), STATUS_OK);
    for (size_t i = 0; i < TEXTS; i++) {
        uint32_t one[] = {starts[i], starts[i + 1]};
        assert_int_equal(embedder_embed(e, ids, one, 1, out + i * width, NULL), STATUS_OK);
    }
    embedder_free(e);
    return out;
}

struct caller {
    struct batcher *batcher;
    size_t first, n;
    bool bulk;
    float *out;
    enum status status;
};

static void *call(void *argument)
{
    struct caller *c = argument;
    struct batch_job job = {
        .ids = ids, .starts = starts + c->first, .n = c->n, .out = c->out + c->first * width, .bulk = c->bulk};
    c->status = batcher_enter(c->batcher, NULL);
    if (c->status != STATUS_OK)
        return NULL;
    batcher_submit(c->batcher, &job);
    c->status = batcher_wait(c->batcher, &job, NULL);
    batcher_leave(c->batcher);
    return NULL;
}

static void callers_get_their_own_rows(void **state)
{
    (void)state;
    struct batcher *b = NULL;
    struct batch_stats stats;
    pthread_t threads[TEXTS / 4];
    struct caller callers[TEXTS / 4];
    float *expected = alone(), *out = calloc(TEXTS * width, sizeof *out);
    assert_int_equal(batcher_new(model, 2, 64, &b, NULL), STATUS_OK);
    for (size_t i = 0; i < TEXTS / 4; i++) {
        callers[i] = (struct caller){b, i * 4, 4, i % 2 == 0, out, STATUS_INTERNAL};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (size_t i = 0; i < TEXTS / 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].status, STATUS_OK);
    }
    assert_memory_equal(out, expected, TEXTS * width * sizeof *out);
    batcher_stats(b, &stats);
    assert_int_equal(stats.texts, TEXTS);
    assert_int_equal(stats.tokens, starts[TEXTS]);
    assert_int_equal(stats.calls, 0);
    batcher_free(b);
    free(expected);
    free(out);
}

/* A short job goes alone through an idle house, and in the queue as soon as there is other work. */
static void a_lone_text_is_run_by_its_caller(void **state)
{
    (void)state;
    struct batcher *b = NULL;
    struct batch_stats stats;
    float *expected = alone(), *out = calloc(TEXTS * width, sizeof *out);
    for (unsigned threads = 1; threads <= 3; threads++) {
        assert_int_equal(batcher_new(model, threads, 2, &b, NULL), STATUS_OK);
        for (size_t i = 0; i < TEXTS; i++) {
            struct batch_job job = {.ids = ids, .starts = starts + i, .n = 1, .out = out + i * width};
            batcher_submit(b, &job);
            assert_int_equal(batcher_wait(b, &job, NULL), STATUS_OK);
        }
        assert_memory_equal(out, expected, TEXTS * width * sizeof *out);
        batcher_stats(b, &stats);
        assert_int_equal(stats.alone, TEXTS);
        assert_int_equal(stats.texts, TEXTS);

        struct batch_job all = {.ids = ids, .starts = starts, .n = TEXTS, .out = out};
        struct batch_job first = {.ids = ids, .starts = starts, .n = 1, .out = out};
        struct batch_job second = {.ids = ids, .starts = starts + 1, .n = 1, .out = out + width};
        batcher_submit(b, &first); /* has all cores until it is waited for */
        batcher_submit(b, &second);
        assert_int_equal(batcher_wait(b, &second, NULL), STATUS_OK);
        assert_int_equal(batcher_wait(b, &first, NULL), STATUS_OK);
        batcher_submit(b, &all);
        assert_int_equal(batcher_wait(b, &all, NULL), STATUS_OK);
        assert_memory_equal(out, expected, TEXTS * width * sizeof *out);
        batcher_stats(b, &stats);
        assert_int_equal(stats.alone, TEXTS + 1);
        batcher_free(b);
    }
    free(expected);
    free(out);
}

static void a_full_house_is_refused(void **state)
{
    (void)state;
    struct batcher *b = NULL;
    struct batch_stats stats;
    struct error err = {0};
    assert_int_equal(batcher_new(model, 1, 2, &b, NULL), STATUS_OK);
    assert_int_equal(batcher_enter(b, NULL), STATUS_OK);
    assert_int_equal(batcher_enter(b, NULL), STATUS_OK);
    assert_int_equal(batcher_enter(b, &err), STATUS_OVERLOADED);
    assert_non_null(strstr(err.text, "try again"));
    batcher_leave(b);
    assert_int_equal(batcher_enter(b, NULL), STATUS_OK);
    batcher_leave(b);
    batcher_leave(b);
    batcher_stats(b, &stats);
    assert_int_equal(stats.refused, 1);
    batcher_free(b);
}

/* Seconds of work, so that no machine has done it before the deadline is seen. */
static void a_deadline_takes_back_what_waits(void **state)
{
    (void)state;
    enum { MANY = 8000 };
    struct batcher *b = NULL;
    struct batch_stats stats;
    struct error err = {0};
    float *out = malloc(MANY * width * sizeof *out);
    int32_t *many = malloc(MANY * LENGTH * sizeof *many);
    uint32_t *at = calloc(MANY + 1, sizeof *at);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t from = starts[i % TEXTS], length = starts[i % TEXTS + 1] - from;
        memcpy(many + at[i], ids + from, length * sizeof *many);
        at[i + 1] = at[i] + length;
    }
    assert_int_equal(batcher_new(model, 1, 2, &b, NULL), STATUS_OK);
    struct batch_job late = {.ids = many, .starts = at, .n = MANY, .out = out, .deadline_ms = now_ms() - 1};
    batcher_submit(b, &late);
    assert_int_equal(batcher_wait(b, &late, &err), STATUS_DEADLINE);
    batcher_stats(b, &stats);
    assert_true(stats.texts < MANY);
    assert_int_equal(stats.dropped, MANY - stats.texts);

    /* The same when the caller leaves meanwhile. */
    atomic_bool gone = false;
    uint64_t before = stats.texts;
    struct batch_job left = {.ids = many, .starts = at, .n = MANY, .out = out, .cancelled = &gone};
    err = (struct error){0};
    batcher_submit(b, &left);
    atomic_store(&gone, true);
    assert_int_equal(batcher_wait(b, &left, &err), STATUS_CANCELLED);
    batcher_stats(b, &stats);
    assert_true(stats.texts - before < MANY);
    assert_int_equal(stats.dropped + stats.texts, 2 * MANY);

    struct batch_job next = {.ids = ids, .starts = starts, .n = 2, .out = out};
    batcher_submit(b, &next);
    assert_int_equal(batcher_wait(b, &next, NULL), STATUS_OK);
    batcher_free(b);
    free(at);
    free(many);
    free(out);
}

/* Bulk gets its turn while more queries wait than a thread can do in the time. */
static void queries_do_not_starve_bulk(void **state)
{
    (void)state;
    enum { QUERIES = 400 };
    struct batcher *b = NULL;
    struct batch_stats stats;
    atomic_bool enough = false;
    struct batch_job *queries = calloc(QUERIES, sizeof *queries);
    float *out = malloc((QUERIES + 1) * TEXTS * width * sizeof *out);
    assert_int_equal(batcher_new(model, 1, 2, &b, NULL), STATUS_OK);
    for (size_t i = 0; i < QUERIES; i++) {
        queries[i] = (struct batch_job){.ids = ids,
                                        .starts = starts,
                                        .n = TEXTS,
                                        .out = out + i * TEXTS * width,
                                        .cancelled = &enough};
        batcher_submit(b, &queries[i]);
    }
    struct batch_job bulk = {
        .ids = ids, .starts = starts, .n = 2, .out = out + QUERIES * TEXTS * width, .bulk = true};
    batcher_submit(b, &bulk);
    assert_int_equal(batcher_wait(b, &bulk, NULL), STATUS_OK);
    batcher_stats(b, &stats);
    assert_true(stats.texts < QUERIES * TEXTS / 2);
    atomic_store(&enough, true);
    for (size_t i = 0; i < QUERIES; i++)
        batcher_wait(b, &queries[i], NULL);
    batcher_free(b);
    free(out);
    free(queries);
}

/* Nobody works for a caller who has left before his turn. */
static void a_cancelled_job_is_passed_over(void **state)
{
    (void)state;
    struct batcher *b = NULL;
    struct batch_stats stats;
    atomic_bool gone = true;
    float *out = malloc(TEXTS * width * sizeof *out);
    assert_int_equal(batcher_new(model, 1, 2, &b, NULL), STATUS_OK);
    for (int bulk = 0; bulk < 2; bulk++) {
        struct batch_job job = {
            .ids = ids, .starts = starts, .n = TEXTS, .out = out, .bulk = bulk != 0, .cancelled = &gone};
        batcher_submit(b, &job);
        assert_int_equal(batcher_wait(b, &job, NULL), STATUS_CANCELLED);
    }
    batcher_stats(b, &stats);
    assert_int_equal(stats.texts, 0);
    assert_int_equal(stats.batches, 0);
    assert_int_equal(stats.dropped, 2 * TEXTS);
    batcher_free(b);
    free(out);
}

static void a_bad_sequence_fails_its_job(void **state)
{
    (void)state;
    struct batcher *b = NULL;
    struct error err = {0};
    float *out = malloc(2 * width * sizeof *out);
    int32_t wrong[] = {0, 2, 0, INT32_MAX, 2};
    uint32_t at[] = {0, 2, 5};
    assert_int_equal(batcher_new(model, 1, 2, &b, NULL), STATUS_OK);
    struct batch_job job = {.ids = wrong, .starts = at, .n = 2, .out = out};
    batcher_submit(b, &job);
    assert_int_equal(batcher_wait(b, &job, &err), STATUS_INVALID);
    assert_true(err.text[0] != '\0');
    batcher_free(b);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_get_their_own_rows),
        cmocka_unit_test(a_lone_text_is_run_by_its_caller),
        cmocka_unit_test(a_full_house_is_refused),
        cmocka_unit_test(a_deadline_takes_back_what_waits),
        cmocka_unit_test(queries_do_not_starve_bulk),
        cmocka_unit_test(a_cancelled_job_is_passed_over),
        cmocka_unit_test(a_bad_sequence_fails_its_job),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}

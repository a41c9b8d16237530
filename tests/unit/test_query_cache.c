#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/query_cache.h"

#define WIDTH 8

static const unsigned char space[32] = "a space of vectors";

static struct query_key key_of(const struct query_cache *c, const char *prompt, const char *text)
{
    struct query_key key;
    query_cache_key(c, text_of(prompt), text_of(text), &key);
    return key;
}

static struct query_key numbered(const struct query_cache *c, unsigned n)
{
    char text[32];
    snprintf(text, sizeof text, "query %u", n);
    return key_of(c, "", text);
}

/* A vector that tells its number. */
static void fill(float *vector, unsigned n)
{
    for (unsigned i = 0; i < WIDTH; i++)
        vector[i] = (float)(n * WIDTH + i);
}

static void keep(struct query_cache *c, unsigned n)
{
    float vector[WIDTH];
    struct query_key key = numbered(c, n);
    fill(vector, n);
    query_cache_keep(c, &key, vector, (struct query_tokens){n + 3, n});
}

/* True when query n is there, with the vector and the tokens it was kept with. */
static bool is_there(struct query_cache *c, unsigned n)
{
    float vector[WIDTH] = {0}, wanted[WIDTH];
    struct query_tokens tokens = {0, 0};
    struct query_key key = numbered(c, n);
    if (!query_cache_find(c, &key, vector, &tokens))
        return false;
    fill(wanted, n);
    assert_memory_equal(vector, wanted, sizeof wanted);
    assert_int_equal(tokens.all, n + 3);
    assert_int_equal(tokens.own, n);
    return true;
}

static void a_key_is_all_that_counts(void **state)
{
    (void)state;
    struct query_cache *c = NULL, *other = NULL;
    assert_int_equal(query_cache_new(space, WIDTH, 1 << 16, &c, NULL), STATUS_OK);
    assert_int_equal(query_cache_new((const unsigned char *)"another space of vectors, 32 byte", WIDTH,
                                     1 << 16, &other, NULL),
                     STATUS_OK);
    struct query_key a = key_of(c, "query: ", "x"), again = key_of(c, "query: ", "x");
    assert_memory_equal(&a, &again, sizeof a);
    struct query_key different[] = {key_of(c, "query: ", "y"), key_of(c, "query:", " x"),
                                    key_of(c, "", "query: x"), key_of(c, "query: x", ""),
                                    key_of(other, "query: ", "x")};
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++)
        assert_memory_not_equal(&a, &different[i], sizeof a);
    query_cache_free(c);
    query_cache_free(other);
    query_cache_free(NULL);
}

static void the_longest_unused_makes_room(void **state)
{
    (void)state;
    struct query_cache *c = NULL;
    struct query_cache_stats stats;
    assert_int_equal(query_cache_new(space, WIDTH, 4000, &c, NULL), STATUS_OK);
    query_cache_stats(c, &stats);
    unsigned n = (unsigned)stats.capacity;
    assert_in_range(n, 20, 4000 / (WIDTH * sizeof(float))); /* and no more than the bytes allow */
    assert_false(is_there(c, 0));
    for (unsigned i = 0; i < n; i++)
        keep(c, i);
    keep(c, 3); /* known already */
    for (unsigned i = 0; i < n; i++)
        assert_true(is_there(c, i));
    for (unsigned i = 0; i < n / 2; i++)
        assert_true(is_there(c, i)); /* now the second half is older */
    for (unsigned i = n; i < n + n / 2; i++)
        keep(c, i);
    for (unsigned i = 0; i < n / 2; i++)
        assert_true(is_there(c, i));
    for (unsigned i = n / 2; i < n / 2 + n / 2; i++)
        assert_false(is_there(c, i));
    query_cache_stats(c, &stats);
    assert_int_equal(stats.entries, n);
    assert_int_equal(stats.hits, n + 2 * (n / 2));
    assert_int_equal(stats.misses, 1 + n / 2);
    query_cache_free(c);

    assert_int_equal(query_cache_new(space, WIDTH, 1, &c, NULL), STATUS_OK); /* one entry at least */
    keep(c, 1);
    assert_true(is_there(c, 1));
    keep(c, 2);
    assert_false(is_there(c, 1));
    assert_true(is_there(c, 2));
    query_cache_free(c);
}

/* Against the plainest cache there is: a list in order of use. */
static void behaves_as_a_list(void **state)
{
    (void)state;
    struct query_cache *c = NULL;
    struct query_cache_stats stats;
    unsigned list[64], count = 0;
    uint32_t random = 7;
    assert_int_equal(query_cache_new(space, WIDTH, 2000, &c, NULL), STATUS_OK);
    query_cache_stats(c, &stats);
    assert_in_range(stats.capacity, 4, 63);
    for (int step = 0; step < 20000; step++) {
        random = random * 1664525u + 1013904223u;
        unsigned n = (random >> 8) % 50, at = 0;
        while (at < count && list[at] != n)
            at++;
        assert_int_equal(is_there(c, n), at < count);
        if (at == count) {
            keep(c, n);
            count += count < stats.capacity;
            at = count - 1;
        }
        memmove(list + 1, list, at * sizeof *list);
        list[0] = n;
    }
    query_cache_free(c);
}

static void *use(void *context)
{
    struct query_cache *c = context;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned n = i * 7919 % 97;
        if (!is_there(c, n))
            keep(c, n);
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    struct query_cache *c = NULL;
    struct query_cache_stats stats;
    pthread_t threads[4];
    assert_int_equal(query_cache_new(space, WIDTH, 3000, &c, NULL), STATUS_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, c), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    query_cache_stats(c, &stats);
    assert_int_equal(stats.hits + stats.misses, 80000);
    query_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_all_that_counts),
        cmocka_unit_test(the_longest_unused_makes_room),
        cmocka_unit_test(behaves_as_a_list),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

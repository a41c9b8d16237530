/* The k best documents against sorting all of them. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/topk.h"

#define OFFERS    4000
#define DOCUMENTS 700

static bool larger_first(void *names, int64_t a, int64_t b)
{
    ++*(size_t *)names;
    return a > b;
}

static int by_rank(const void *a, const void *b)
{
    const struct topk_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->document < y->document) - (x->document > y->document);
}

static void same_as_sorting(void **state)
{
    (void)state;
    static const size_t ks[] = {1, 2, 10, 699, 700, 1000};
    for (size_t round = 0; round < 24; round++) {
        struct topk_item all[DOCUMENTS];
        size_t asked = 0, k = ks[round % 6], n = round == 23 ? 5 : DOCUMENTS;
        uint64_t seed = round + 1;
        struct topk t;
        assert_int_equal(topk_init(&t, k, NULL), STATUS_OK);
        t.before = larger_first;
        t.names = &asked;
        for (size_t i = 0; i < n; i++)
            all[i] = (struct topk_item){-INFINITY, (int64_t)(i + 1) << 20, 0};
        for (size_t i = 0; i < OFFERS; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t d = i < n ? i : (size_t)(seed >> 33) % n;
            double score =
                (double)(seed >> 60) + (round % 2 == 0 ? (double)i / OFFERS : 0); /* ties, or rising */
            if (score > all[d].score) {
                all[d].score = score;
                all[d].passage = (int64_t)i;
            }
            double floor = topk_floor(&t);
            topk_offer(&t, all[d].document, (int64_t)i, score);
            assert_true(topk_floor(&t) >= floor);
        }
        qsort(all, n, sizeof *all, by_rank);
        topk_sort(&t);
        assert_int_equal(t.count, n < k ? n : k);
        for (size_t i = 0; i < t.count; i++) {
            assert_int_equal(t.items[i].document, all[i].document);
            assert_true(t.items[i].score == all[i].score);
            assert_int_equal(t.items[i].passage, all[i].passage);
        }
        assert_true(round % 2 == 0 || asked > 0);
        topk_release(&t);
        topk_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_sorting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The k best documents, and those left outside with the k-th score, against sorting all of them. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/topk.h"

#define OFFERS    4000
#define DOCUMENTS 700

static int by_rank(const void *a, const void *b)
{
    const struct topk_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->document > y->document) - (x->document < y->document);
}

static void same_as_sorting(void **state)
{
    (void)state;
    static const size_t ks[] = {1, 2, 10, 699, 700, 1000};
    for (size_t round = 0; round < 24; round++) {
        struct topk_item all[DOCUMENTS];
        bool outside[DOCUMENTS] = {false};
        size_t k = ks[round % 6], n = round == 23 ? 5 : DOCUMENTS, tied = 0;
        uint64_t seed = round + 1;
        struct topk t;
        assert_int_equal(topk_init(&t, k, NULL), STATUS_OK);
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
            int64_t out = topk_offer(&t, all[d].document, (int64_t)i, score);
            assert_true(topk_floor(&t) >= floor);
            if (topk_floor(&t) > floor)
                memset(outside, 0, sizeof outside);
            if (out != 0)
                outside[(out >> 20) - 1] = true;
        }
        double floor = topk_floor(&t);
        topk_sort(&t);
        assert_int_equal(t.count, n < k ? n : k);
        for (size_t i = 0; i < t.count; i++) { /* each with the score and passage it was offered with */
            size_t d = (size_t)(t.items[i].document >> 20) - 1;
            assert_true(t.items[i].score == all[d].score);
            assert_int_equal(t.items[i].passage, all[d].passage);
            assert_true(i == 0 || by_rank(&t.items[i - 1], &t.items[i]) < 0);
            outside[d] = true;
        }
        for (size_t d = 0; d < n; d++) { /* nothing above the floor is missed, nothing at the floor unnamed */
            if (all[d].score >= floor)
                assert_true(outside[d]);
            tied += all[d].score == floor;
        }
        assert_true(round % 2 == 0 || k > 2 || tied > 2);
        topk_release(&t);
        topk_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_sorting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The order of a list out of two. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "index/fusion.h"

static struct fusion_item item(const char *name, double odds, double share, size_t semantic,
                               size_t keyword, unsigned codes)
{
    return (struct fusion_item){.name = text_of(name),
                                .odds = odds,
                                .share = share,
                                .semantic_rank = semantic,
                                .keyword_rank = keyword,
                                .codes = codes};
}

static void assert_order(struct fusion_item *items, size_t n, enum fusion fusion, const char *wanted)
{
    char names[64] = "";
    fusion_order(items, n, fusion);
    for (size_t i = 0; i < n; i++) {
        strncat(names, items[i].name.data, 1);
        assert_true(i == 0 || items[i].score <= items[i - 1].score);
    }
    assert_string_equal(names, wanted);
}

static void both_count(void **state)
{
    (void)state;
    struct fusion_item items[] = {item("a", -2, 0, 2, 0, 0), item("b", -2.5, 1, 3, 1, 0),
                                  item("c", 2, 0, 1, 0, 0), item("e", -2, 0, 2, 0, 0),
                                  item("d", -2, 0, 2, 0, 0)};
    assert_order(items, 5, FUSION_SUM, "bcade"); /* equal ones by name */
    assert_true(fabs(items[1].score - 1 / (1 + exp(-2.0))) < 1e-12);
}

static void ranks(void **state)
{
    (void)state;
    struct fusion_item items[] = {item("a", 0.9, 0, 1, 0, 0), item("b", 0.1, 0.1, 9, 9, 0),
                                  item("c", 0, 1, 100, 1, 0)};
    assert_order(items, 3, FUSION_RRF, "bca");
    assert_true(fabs(items[2].score - 1.0 / 61) < 1e-12);
}

static void codes_come_first(void **state)
{
    (void)state;
    struct fusion_item items[] = {item("a", 1, 1, 1, 2, 0), item("b", 0, 0.1, 0, 1, 1),
                                  item("c", 0.01, 0.1, 90, 3, 2), item("d", 0, 0.2, 0, 4, 1)};
    assert_order(items, 4, FUSION_SUM, "cdba");
}

static void one_place_in_five(void **state)
{
    (void)state;
    struct fusion_item items[12];
    for (size_t i = 0; i < 6; i++) {
        static char names[12][2];
        names[i][0] = (char)('A' + i); /* words only, and all before the others */
        names[6 + i][0] = (char)('a' + i);
        items[i] = item(names[i], 0.3, 1 - 0.01 * (double)i, 0, i + 1, 0);
        items[6 + i] = item(names[6 + i], 0.3 - 0.01 * (double)i, 0, i + 1, 0, 0);
    }
    assert_order(items, 12, FUSION_SUM, "AabcdBefCDEF");
}

static void prefixes(void **state)
{
    (void)state;
    struct fusion_item items[7] = {item("a", 0.5, 0, 1, 0, 0), item("B", 0.1, 0.9, 0, 1, 0),
                                   item("C", 0.1, 0.8, 0, 2, 0)};
    fusion_order(items, 0, FUSION_SUM);
    assert_order(items, 3, FUSION_SUM, "BaC"); /* words are all that is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_count),        cmocka_unit_test(ranks),    cmocka_unit_test(codes_come_first),
        cmocka_unit_test(one_place_in_five), cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

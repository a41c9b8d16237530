#include "unit.h"

#include <stdlib.h>

#include "tokenizer/pair.h"

static void fits(size_t query, size_t document, size_t room, size_t kept_query, size_t kept_document)
{
    struct pair p = pair_fit(query, document, room);
    if (p.query != kept_query || p.document != kept_document)
        fail_msg("%zu and %zu in %zu: %zu and %zu", query, document, room, p.query, p.document);
    assert_int_equal(p.dropped, query + document - kept_query - kept_document);
}

static void what_fits_stays(void **state)
{
    (void)state;
    fits(0, 0, 1, 0, 0);
    fits(3, 4, 7, 3, 4);
    fits(7, 0, 7, 7, 0);
}

/* As Hugging Face's tokenizers cut: the longer of the two first. */
static void the_longer_one_is_cut_first(void **state)
{
    (void)state;
    fits(3, 5, 7, 3, 4);
    fits(3, 100, 7, 3, 4);
    fits(100, 3, 7, 4, 3);
    fits(4, 100, 7, 3, 4);
    fits(100, 4, 7, 4, 3);
    fits(100, 100, 7, 3, 4);
    fits(100, 99, 8, 4, 4);
    fits(9, 0, 7, 7, 0);
    fits(1, 1, 1, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays),
        cmocka_unit_test(the_longer_one_is_cut_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

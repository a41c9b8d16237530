/* Running text: blanks, lines, paragraphs, pages. */
#include "unit.h"

#include "cli/prose.h"

static void words(struct prose *p, const char *text)
{
    assert_int_equal(prose_words(p, text_of(text), NULL), STATUS_OK);
}

static void blanks_become_one(void **state)
{
    (void)state;
    struct prose p;
    prose_init(&p, 1000);
    words(&p, "  \n one\t");
    words(&p, "");
    words(&p, " two");
    words(&p, "three  ");
    assert_string_equal(p.out.data, "one twothree");
    prose_release(&p);
}

static void structure(void **state)
{
    (void)state;
    struct prose p;
    prose_init(&p, 1000);
    prose_paragraph(&p);
    prose_line(&p);
    assert_int_equal(prose_heading(&p, 2, NULL), STATUS_OK);
    words(&p, "Head");
    prose_paragraph(&p);
    prose_paragraph(&p);
    words(&p, "a");
    prose_line(&p);
    words(&p, " b ");
    prose_line(&p);
    prose_paragraph(&p);
    assert_int_equal(prose_verbatim(&p, text_of("  x\n  y\n"), NULL), STATUS_OK);
    prose_page(&p);
    prose_page(&p);
    words(&p, "end");
    prose_paragraph(&p);
    prose_page(&p);
    assert_string_equal(p.out.data, "## Head\n\na\nb\n\n  x\n  y\n\n\f\n\fend");
    prose_release(&p);
}

static void has_a_ceiling(void **state)
{
    (void)state;
    struct prose p;
    prose_init(&p, 8);
    words(&p, "12345678");
    assert_int_equal(prose_words(&p, text_of("9"), NULL), STATUS_TOO_LARGE);
    prose_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blanks_become_one), cmocka_unit_test(structure),
                                       cmocka_unit_test(has_a_ceiling)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <string.h>

#include "tokenizer/rules.h"

/* A table with the rules  A → a,  A U+030A → å,  B → (nothing): units by hand, 256 places a node. */
enum { UNITS = 2048 };

struct table {
    uint32_t size;
    uint32_t units[UNITS];
    char replacements[8];
};

static void put_child(struct table *t, uint32_t children, unsigned char byte, uint32_t below, int value)
{
    uint32_t node = children ^ byte;
    t->units[node] = byte | (node ^ below) << 10 | (value >= 0 ? 1u << 8 : 0);
    if (value >= 0)
        t->units[below] = 1u << 31 | (uint32_t)value;
}

static void make(struct table *t)
{
    memset(t, 0, sizeof *t);
    t->size = sizeof t->units;
    memcpy(t->replacements, "a\0\xc3\xa5\0\0", 6);
    for (uint32_t i = 0; i < UNITS; i++)
        t->units[i] = (i + 1) & 0xFF; /* no child of any node below */
    t->units[0] = 256u << 10;
    put_child(t, 256, 'A', 512, 0);
    put_child(t, 512, 0xCC, 768, -1);
    put_child(t, 768, 0x8A, 1024, 2);
    put_child(t, 256, 'B', 1280, 1);
}

static void takes_the_longest_rule(void **state)
{
    (void)state;
    struct table t;
    struct rules r;
    struct text becomes;
    make(&t);
    assert_int_equal(rules_open(&r, (struct text){(const char *)&t, sizeof t}, NULL), STATUS_OK);
    assert_int_equal(rules_match(&r, (const unsigned char *)"AB", 2, &becomes), 1);
    assert_true(text_is(becomes, "a"));
    assert_int_equal(rules_match(&r, (const unsigned char *)"A\u030aB", 4, &becomes), 3);
    assert_true(text_is(becomes, "å"));
    assert_int_equal(rules_match(&r, (const unsigned char *)"A\u030a", 2, &becomes), 1); /* cut off */
    assert_int_equal(rules_match(&r, (const unsigned char *)"Bx", 2, &becomes), 1);
    assert_int_equal(becomes.len, 0);
    assert_int_equal(rules_match(&r, (const unsigned char *)"\0A", 2, &becomes), 0);
    assert_int_equal(rules_match(&r, (const unsigned char *)"", 0, &becomes), 0);
}

static enum status note(void *context, uint32_t character, enum rules_role role)
{
    unsigned *roles = context;
    if (character == 'A' || character == 'B' || character == 0x30A)
        roles[character == 0x30A ? 2 : character - 'A'] |= 1u << role;
    else
        roles[3]++;
    return STATUS_OK;
}

static void tells_the_role_of_each_character(void **state)
{
    (void)state;
    struct table t;
    struct rules r;
    unsigned roles[4] = {0};
    make(&t);
    assert_int_equal(rules_open(&r, (struct text){(const char *)&t, sizeof t}, NULL), STATUS_OK);
    assert_int_equal(rules_walk(&r, note, roles, NULL), STATUS_OK);
    assert_int_equal(roles[0], 1u << RULES_WHOLE | 1u << RULES_LEADS);
    assert_int_equal(roles[1], 1u << RULES_WHOLE);
    assert_int_equal(roles[2], 1u << RULES_FOLLOWS);
    assert_int_equal(roles[3], 0);
}

static void a_table_in_circles_ends(void **state)
{
    (void)state;
    struct table t;
    struct rules r;
    struct text becomes;
    unsigned roles[4] = {0};
    char text[4096];
    make(&t);
    put_child(&t, 512, 'A', 512, 0);      /* A, AA, AAA … */
    t.units[512] = 1u << 31 | 0x7FFFFFFF; /* and a replacement far outside */
    assert_int_equal(rules_open(&r, (struct text){(const char *)&t, sizeof t}, NULL), STATUS_OK);
    assert_int_equal(rules_walk(&r, note, roles, NULL), STATUS_OK);
    memset(text, 'A', sizeof text);
    assert_int_equal(rules_match(&r, (const unsigned char *)text, sizeof text, &becomes), 0);
}

static void refuses_damaged_tables(void **state)
{
    (void)state;
    struct table t;
    struct rules r;
    make(&t);
    t.size = sizeof t; /* longer than the bytes */
    assert_int_equal(rules_open(&r, (struct text){(const char *)&t, sizeof t}, NULL), STATUS_CORRUPT);
    t.size = 6;
    assert_int_equal(rules_open(&r, (struct text){(const char *)&t, sizeof t}, NULL), STATUS_CORRUPT);
    assert_int_equal(rules_open(&r, (struct text){"abc", 3}, NULL), STATUS_CORRUPT);
    make(&t);
    memset(t.replacements, 'x', sizeof t.replacements); /* no NUL at the end */
    assert_int_equal(rules_open(&r, (struct text){(const char *)&t, sizeof t}, NULL), STATUS_CORRUPT);
    assert_int_equal(rules_open(&r, (struct text){NULL, 0}, NULL), STATUS_OK);
    struct text becomes;
    assert_int_equal(rules_match(&r, (const unsigned char *)"A", 1, &becomes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_longest_rule),
        cmocka_unit_test(tells_the_role_of_each_character),
        cmocka_unit_test(a_table_in_circles_ends),
        cmocka_unit_test(refuses_damaged_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "tokenizer/trie.h"

enum { SYMBOLS = 40, KEYS = 3000, LONGEST = 9 };

static uint32_t look_up(const trie_node *nodes, const uint16_t *symbols, uint32_t length)
{
    trie_node node = nodes[symbols[0]];
    for (uint32_t i = 1; i < length; i++)
        if (!trie_step(nodes, &node, symbols[i]))
            return TRIE_NONE;
    return trie_piece(node);
}

static uint32_t list_up(uint16_t (*words)[LONGEST], const uint32_t *lengths, uint32_t count,
                        const uint16_t *symbols, uint32_t length)
{
    for (uint32_t i = 0; i < count; i++)
        if (lengths[i] == length && memcmp(words[i], symbols, length * sizeof *symbols) == 0)
            return i;
    return TRIE_NONE;
}

static void finds_what_a_list_finds(void **state)
{
    (void)state;
    static uint16_t words[KEYS][LONGEST];
    static uint32_t lengths[KEYS];
    static struct trie_key keys[KEYS];
    trie_node *nodes = NULL;
    uint32_t count = 0, node_count = 0, seed = 7, found = 0;
    while (count < KEYS) {
        uint32_t length = 0, wanted = 1 + (seed >> 16) % LONGEST;
        for (; length < wanted; length++) {
            seed = seed * 1664525 + 1013904223;
            words[count][length] = (uint16_t)(1 + (seed >> 16) % (length == 0 ? SYMBOLS - 1 : 7));
        }
        if (list_up(words, lengths, count, words[count], length) != TRIE_NONE) {
            seed++;
            continue;
        }
        lengths[count] = length;
        keys[count] = (struct trie_key){words[count], length, count};
        count++;
    }
    assert_int_equal(trie_build(keys, KEYS, SYMBOLS, &nodes, &node_count, NULL), STATUS_OK);
    for (uint32_t i = 0; i < node_count; i++)
        assert_true(trie_base(nodes[i]) + SYMBOLS <= node_count);
    for (uint32_t i = 0; i < 20000; i++) {
        uint16_t symbols[LONGEST];
        uint32_t length = 1 + i % LONGEST;
        for (uint32_t j = 0; j < length; j++) {
            seed = seed * 1664525 + 1013904223;
            symbols[j] = (uint16_t)((seed >> 16) % 9);
        }
        uint32_t piece = look_up(nodes, symbols, length);
        assert_int_equal(piece, list_up(words, lengths, KEYS, symbols, length));
        found += piece != TRIE_NONE;
    }
    assert_true(found > 100);
    for (uint32_t i = 0; i < KEYS; i++)
        assert_int_equal(look_up(nodes, words[i], lengths[i]), i);
    free(nodes);
}

static void refuses_equal_keys(void **state)
{
    (void)state;
    static const uint16_t word[] = {1, 2, 3};
    struct trie_key keys[] = {{word, 3, 4}, {word, 2, 5}, {word, 3, 6}};
    trie_node *nodes = NULL;
    struct error err = {0};
    uint32_t count = 0;
    assert_int_equal(trie_build(keys, 3, 8, &nodes, &count, &err), STATUS_CORRUPT);
    assert_null(nodes);
    assert_non_null(strstr(err.text, "one piece under two numbers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_list_finds),
        cmocka_unit_test(refuses_equal_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "server/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

/* SHA-256 of sixteen zero bytes and "secret". */
#define SALT   "00000000000000000000000000000000"
#define DIGEST "36fcbdc4799378811fe3603f327fe626b629fdc63c0958cc7ee6fce2183752cb"
#define LINE   SALT ":" DIGEST

static struct keys *parse(const char *file)
{
    struct keys *keys = NULL;
    struct error err = {0};
    if (keys_parse(text_of(file), "keys", &keys, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return keys;
}

static void test_find(void **state)
{
    struct keys *keys =
        parse("# comment\n\nread:" LINE "::2001-02-03:old\r\nwrite:" LINE ":a,b:2001-02-04:new\n");
    const int64_t third = 981158400; /* 2001-02-03T00:00:00Z */
    (void)state;
    assert_null(keys_find(keys, text_of("Secret"), 0));
    assert_null(keys_find(keys, text_of("secre"), 0));
    assert_null(keys_find(keys, text_of(""), 0));
    const struct key *key = keys_find(keys, text_of("secret"), third + 86400);
    assert_non_null(key);
    assert_string_equal(key->name, "new");
    assert_non_null(keys_find(keys, text_of("secret"), third + 2 * 86400 - 1));
    assert_null(keys_find(keys, text_of("secret"), third + 2 * 86400));
    keys_free(keys);
}

static void test_allows(void **state)
{
    struct keys *keys = parse("write:" LINE ":news,a.b\n");
    const struct key *key = keys_find(keys, text_of("secret"), 0);
    const struct text none = {0};
    (void)state;
    assert_non_null(key);
    assert_string_equal(key->name, "key on line 1");
    assert_true(key_allows(key, KEY_READ, text_of("news")) && key_allows(key, KEY_WRITE, text_of("a.b")));
    assert_false(key_allows(key, KEY_ADMIN, text_of("news")));
    assert_false(key_allows(key, KEY_READ, text_of("new")) ||
                 key_allows(key, KEY_READ, text_of("news,a.b")) || key_allows(key, KEY_READ, text_of("")));
    assert_true(key_allows(key, KEY_READ, none));
    keys_free(keys);
    keys = parse("read:" LINE ":*\n");
    key = keys_find(keys, text_of("secret"), 0);
    assert_true(key_allows(key, KEY_READ, text_of("anything")) && key_allows(key, KEY_READ, text_of("")));
    assert_false(key_allows(key, KEY_WRITE, none));
    keys_free(keys);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "holds no key"},
        {"# nothing\n", "holds no key"},
        {"root:" LINE, "line 1: the access"},
        {"read", "the salt"},
        {"read:00:" DIGEST, "the salt"},
        {"\nread:" SALT ":0000", "line 2: the digest"},
        {"read:" SALT ":"
         "ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD",
         "the digest"},
        {"admin:" LINE ":news", "admin"},
        {"read:" LINE ":a,,b", "the collections"},
        {"read:" LINE ":a/b", "the collections"},
        {"read:" LINE "::2001-02-29", "the expiry"},
        {"read:" LINE "::2001-13-01", "the expiry"},
        {"read:" LINE "::2001-1-01", "the expiry"},
        {"read:" LINE "::tomorrow", "the expiry"},
        {"read:" LINE ":::a b", "the name"},
        {"read:" LINE ":::a:b", "more than six fields"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct keys *keys = NULL;
        struct error err = {0};
        assert_int_equal(keys_parse(text_of(cases[i].line), "keys", &keys, &err), STATUS_INVALID);
        assert_null(keys);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].line, err.text);
    }
    keys_free(NULL);
}

static void test_make(void **state)
{
    struct buf line;
    char secret[KEY_TEXT_BYTES], other[KEY_TEXT_BYTES];
    const int64_t last_second = 4102444799; /* 2099-12-31T23:59:59Z */
    (void)state;
    buf_init(&line, 4096);
    assert_int_equal(keys_line_make(KEY_WRITE, "news", "2099-12-31", "shop", secret, &line, NULL), STATUS_OK);
    assert_int_equal(buf_append(&line, "\n", 1, NULL), STATUS_OK);
    assert_int_equal(keys_line_make(KEY_ADMIN, "", "", "", other, &line, NULL), STATUS_OK);
    assert_null(strstr(line.data, secret + 4));
    struct keys *keys = parse(line.data);
    const struct key *key = keys_find(keys, text_of(secret), last_second);
    assert_non_null(key);
    assert_string_equal(key->name, "shop");
    assert_true(key->access == KEY_WRITE && text_is(key->collections, "news"));
    assert_null(keys_find(keys, text_of(secret), last_second + 1));
    key = keys_find(keys, text_of(other), last_second + 1);
    assert_non_null(key);
    assert_int_equal(key->access, KEY_ADMIN);
    keys_free(keys);
    size_t before = line.len;
    struct error err = {0};
    assert_int_equal(keys_line_make(KEY_READ, "", "2099-02-30", "", secret, &line, &err), STATUS_INVALID);
    assert_int_equal(keys_line_make(KEY_ADMIN, "news", "", "", secret, &line, NULL), STATUS_INVALID);
    assert_int_equal(keys_line_make(KEY_READ, "a:b", "", "", secret, &line, NULL), STATUS_INVALID);
    assert_int_equal(line.len, before);
    buf_release(&line);
}

static void test_file(void **state)
{
    char path[] = "/tmp/cognate-keys-XXXXXX";
    struct keys *keys = NULL;
    struct error err = {0};
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(dprintf(fd, "read:%s\n", LINE), 5 + 32 + 1 + 64 + 1);
    close(fd);
    assert_int_equal(keys_load(path, &keys, &err), STATUS_OK);
    keys_free(keys);
    keys = NULL;
    assert_int_equal(chmod(path, 0620), 0);
    assert_int_equal(keys_load(path, &keys, &err), STATUS_FORBIDDEN);
    assert_non_null(strstr(err.text, "chmod"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(keys_load(path, &keys, NULL), STATUS_NOT_FOUND);
    assert_null(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find), cmocka_unit_test(test_allows), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_make), cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

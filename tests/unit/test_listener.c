#include "server/listener.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

static void test_tcp(void **state)
{
    struct listeners l = {0}, again = {0};
    struct error err = {0};
    unsigned port = 0;
    (void)state;
    assert_int_equal(listeners_tcp(&l, "127.0.0.1", 0, &err), STATUS_OK);
    assert_int_equal(l.count, 1);
    assert_int_equal(sscanf(l.items[0].name, "127.0.0.1:%u", &port), 1);
    assert_true(port > 0 && !listeners_public(&l) && !l.items[0].local);
    assert_int_equal(listeners_tcp(&again, "127.0.0.1", (uint16_t)port, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "--port"));
    assert_int_equal(again.count, 0);
    err = (struct error){0};
    assert_int_equal(listeners_tcp(&again, "192.0.2.1", 0, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "--host"));
    assert_int_equal(listeners_tcp(&again, "no such host", 0, NULL), STATUS_INVALID);
    assert_int_equal(listeners_tcp(&again, "0.0.0.0", 0, NULL), STATUS_OK);
    assert_true(listeners_public(&again));
    listeners_close(&again);
    listeners_close(&l);
    listeners_close(&l);
    assert_int_equal(listeners_tcp(&l, "127.0.0.1", (uint16_t)port, NULL), STATUS_OK);
    listeners_close(&l);
}

static void test_ipv6(void **state)
{
    struct listeners l = {0};
    (void)state;
    if (listeners_tcp(&l, "[::1]", 0, NULL) != STATUS_OK)
        skip(); /* a machine without IPv6 */
    assert_int_equal(strncmp(l.items[0].name, "[::1]:", 6), 0);
    assert_false(listeners_public(&l));
    listeners_close(&l);
    assert_int_equal(listeners_tcp(&l, "::", 0, NULL), STATUS_OK);
    assert_true(listeners_public(&l));
    listeners_close(&l);
}

static void test_unix(void **state)
{
    char folder[] = "/tmp/cognate-listener-XXXXXX", path[64], long_path[200] = "/tmp/";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct listeners l = {0}, other = {0};
    struct error err = {0};
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    assert_int_equal(listeners_unix(&l, path, &err), STATUS_OK);
    assert_true(l.items[0].local && !listeners_public(&l));
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(listeners_unix(&other, path, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "another server"));
    assert_int_equal(lstat(path, &st), 0);
    listeners_close(&l);
    assert_int_equal(lstat(path, &st), -1);

    /* A dead one is replaced; one that another has made since is left alone. */
    memcpy(address.sun_path, path, sizeof path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    assert_int_equal(listeners_unix(&l, path, NULL), STATUS_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(listeners_unix(&other, path, NULL), STATUS_OK);
    listeners_close(&l);
    assert_int_equal(lstat(path, &st), 0);
    listeners_close(&other);

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    err = (struct error){0};
    assert_int_equal(listeners_unix(&l, path, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "not a socket"));
    assert_int_equal(unlink(path), 0);
    memset(long_path + 5, 'a', 150);
    assert_int_equal(listeners_unix(&l, long_path, NULL), STATUS_INVALID);
    assert_int_equal(listeners_unix(&l, "/nowhere/at/all", NULL), STATUS_NOT_FOUND);
    assert_int_equal(l.count, 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_take(void **state)
{
    struct listeners l = {0};
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(listeners_take(&l, fd, 1, NULL), STATUS_INVALID);
    assert_int_equal(listen(fd, 1), 0); /* at a port of the system's choice, on every address */
    assert_int_equal(listeners_take(&l, fd, 1, NULL), STATUS_OK);
    assert_true(l.count == 1 && listeners_public(&l));
    listeners_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tcp), cmocka_unit_test(test_ipv6),
                                       cmocka_unit_test(test_unix), cmocka_unit_test(test_take)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

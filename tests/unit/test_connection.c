#include "server/connection.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include "server/engine.h"
#include "unit.h"

struct pair {
    int ours, theirs;
};

static struct pair pair_open(void)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    return (struct pair){ends[0], ends[1]};
}

static struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
    return a;
}

/* How the peer of the connection sees it: what came, and whether it has ended. */
static bool ended(int fd, char *out, size_t size)
{
    size_t n = 0;
    ssize_t got;
    while ((got = recv(fd, out + n, size - 1 - n, 0)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    return got == 0;
}

static struct connection *start(struct connections *set, int fd, const char *address)
{
    struct sockaddr_in a = address_of(address);
    return connection_start(set, fd, (struct sockaddr *)&a, true);
}

static void test_limits(void **state)
{
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct connections set;
    struct connection *c;
    (void)state;
    assert_int_equal(connections_init(&set, 5, 2, NULL), STATUS_OK);
    assert_non_null(c = start(&set, 1000, "192.0.2.7"));
    assert_string_equal(c->client, "192.0.2.7");
    assert_ptr_equal(connection_find(&set, 1000), c);
    assert_null(connection_find(&set, 1001));
    assert_non_null(start(&set, 1001, "192.0.2.7"));
    assert_null(start(&set, 1002, "192.0.2.7"));
    assert_non_null(start(&set, 1002, "192.0.2.8"));
    assert_non_null(start(&set, 1003, "127.0.0.9"));
    assert_non_null(start(&set, 1004, "127.0.0.9"));
    assert_null(start(&set, 1005, "127.0.0.9"));
    for (int i = 0; i < CONNECTIONS_LOCAL; i++)
        assert_non_null(connection_start(&set, 2000 + i, &local, true));
    assert_null(connection_start(&set, 3000, &local, true));
    assert_int_equal(connections_count(&set), 5 + CONNECTIONS_LOCAL);

    connection_end(&set, connection_find(&set, 1003));
    assert_non_null(start(&set, 1005, "127.0.0.9"));
    assert_non_null(c = start(&set, 1000, "192.0.2.9")); /* that socket was closed without a word */
    assert_ptr_equal(connection_find(&set, 1000), c);
    assert_int_equal(connections_count(&set), 5 + CONNECTIONS_LOCAL);
    while (set.first != NULL)
        connection_end(&set, set.first);
    connection_end(&set, NULL);
    assert_int_equal(connections_count(&set), 0);
    connections_release(&set);
}

static void test_deadlines(void **state)
{
    static const struct {
        enum connection_state state;
        int64_t deadline, after; /* relative to now: of the connection, and when the sweep comes */
        bool ends;
    } cases[] = {
        {CONNECTION_HEAD, 1000, 999, false},   {CONNECTION_HEAD, 1000, 1001, true},
        {CONNECTION_HEAD, 0, 3600000, false},  {CONNECTION_BODY, 90000, 14000, false},
        {CONNECTION_BODY, 90000, 16000, true}, {CONNECTION_BODY, 1000, 2000, true},
        {CONNECTION_WORK, 0, 3600000, false},  {CONNECTION_ANSWER, 1000, 2000, true},
    };
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct connections set;
    char got[1024];
    (void)state;
    assert_int_equal(connections_init(&set, 9, 9, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair p = pair_open();
        struct connection *c = connection_start(&set, p.ours, &local, true);
        int64_t now = monotonic_ms();
        assert_true(
            connection_enter(&set, c, cases[i].state, cases[i].deadline == 0 ? 0 : now + cases[i].deadline));
        connections_sweep(&set, now + cases[i].after);
        assert_int_equal(connection_expired(&set, c), cases[i].ends);
        assert_int_equal(connection_enter(&set, c, CONNECTION_WORK, 0), !cases[i].ends);
        assert_int_equal(ended(p.theirs, got, sizeof got), cases[i].ends);
        bool told =
            strncmp(got, "HTTP/1.1 408 ", 13) == 0 && strstr(got, "\"code\":\"deadline_exceeded\"") != NULL;
        assert_int_equal(told, cases[i].ends && cases[i].state != CONNECTION_ANSWER);
        connection_end(&set, c);
        close(p.ours);
        close(p.theirs);
    }
    connections_release(&set);
}

static void test_new_connection_has_a_deadline(void **state)
{
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct connections set;
    struct pair p = pair_open();
    (void)state;
    assert_int_equal(connections_init(&set, 9, 9, NULL), STATUS_OK);
    struct connection *c = connection_start(&set, p.ours, &local, true);
    connections_sweep(&set, monotonic_ms() + CONNECTION_HEAD_MS / 2);
    assert_false(connection_expired(&set, c));
    connections_sweep(&set, monotonic_ms() + CONNECTION_HEAD_MS + 1);
    assert_true(connection_expired(&set, c));
    connection_end(&set, c);
    close(p.ours);
    close(p.theirs);
    connections_release(&set);
}

/* Between requests the deadline begins with the first byte of the next head. */
static void test_rest(void **state)
{
    struct sockaddr_in address = address_of("127.0.0.1");
    socklen_t length = sizeof address;
    struct connections set;
    char byte;
    (void)state;
    assert_int_equal(connections_init(&set, 9, 9, NULL), STATUS_OK);
    int listener = socket(AF_INET, SOCK_STREAM, 0), theirs = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(theirs, (struct sockaddr *)&address, sizeof address), 0);
    int ours = accept(listener, NULL, NULL);
    struct connection *c = connection_start(&set, ours, (struct sockaddr *)&address, true);
    assert_int_equal(send(theirs, "x", 1, 0), 1);
    assert_int_equal(recv(ours, &byte, 1, 0), 1);
    connection_rest(&set, c);
    int64_t now = monotonic_ms();
    connections_sweep(&set, now);
    connections_sweep(&set, now + 3600000);
    assert_false(connection_expired(&set, c));
    assert_int_equal(send(theirs, "y", 1, 0), 1);
    assert_int_equal(recv(ours, &byte, 1, 0), 1);
    connections_sweep(&set, now);
    connections_sweep(&set, now + CONNECTION_HEAD_MS);
    assert_false(connection_expired(&set, c));
    connections_sweep(&set, now + CONNECTION_HEAD_MS + 1);
    assert_true(connection_expired(&set, c));
    connection_end(&set, c);
    close(ours);
    close(theirs);
    close(listener);
    connections_release(&set);
}

/* A drain closes what is idle, and nothing that a request has begun to arrive on. */
static void test_drain(void **state)
{
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct connections set;
    struct pair pairs[4];
    struct connection *c[4];
    enum { IDLE, FRESH, BEGUN, BUSY };
    char byte;
    (void)state;
    assert_int_equal(connections_init(&set, 9, 9, NULL), STATUS_OK);
    for (size_t i = 0; i < 4; i++) {
        pairs[i] = pair_open();
        c[i] = connection_start(&set, pairs[i].ours, &local, true);
        assert_non_null(c[i]);
    }
    int64_t now = monotonic_ms();
    connection_rest(&set, c[IDLE]);
    connection_rest(&set, c[BEGUN]);
    assert_int_equal(send(pairs[BEGUN].theirs, "GE", 2, 0), 2);
    connection_enter(&set, c[BUSY], CONNECTION_WORK, 0);
    assert_int_equal(connections_busy(&set), 1);
    connections_drain(&set);
    connections_sweep(&set, now);
    assert_int_equal(recv(pairs[IDLE].ours, &byte, 1, 0), 0);
    assert_int_equal(recv(pairs[FRESH].ours, &byte, 1, 0), -1);
    assert_int_equal(recv(pairs[BUSY].ours, &byte, 1, 0), -1);
    connections_sweep(&set, now + CONNECTION_GRACE_MS + 100);
    assert_int_equal(recv(pairs[FRESH].ours, &byte, 1, 0), 0);
    assert_int_equal(recv(pairs[BEGUN].ours, &byte, 1, MSG_PEEK), 1);
    assert_int_equal(send(pairs[BEGUN].theirs, "T", 1, 0), 1);
    connection_enter(&set, c[BUSY], CONNECTION_ANSWER, 0);
    assert_int_equal(connections_busy(&set), 1);
    connection_rest(&set, c[BUSY]);
    assert_int_equal(connections_busy(&set), 0);
    connections_sweep(&set, now);
    assert_int_equal(recv(pairs[BUSY].ours, &byte, 1, 0), 0);
    for (size_t i = 0; i < 4; i++) {
        connection_end(&set, c[i]);
        close(pairs[i].ours);
        close(pairs[i].theirs);
    }
    connections_release(&set);
}

/* A client that closes, or half closes, is noticed while its request is at work, and only then. */
static void test_leaving(void **state)
{
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct connections set;
    (void)state;
    assert_int_equal(connections_init(&set, 9, 9, NULL), STATUS_OK);
    for (int half = 0; half < 2; half++) {
        struct pair p = pair_open();
        struct connection *c = connection_start(&set, p.ours, &local, true);
        connection_enter(&set, c, CONNECTION_WORK, 0);
        assert_int_equal(send(p.theirs, "x", 1, 0), 1); /* the next request of one that pipelines */
        connections_sweep(&set, monotonic_ms());
        assert_false(atomic_load(&c->left));
        if (half)
            shutdown(p.theirs, SHUT_WR);
        else
            close(p.theirs);
        connections_sweep(&set, monotonic_ms());
        assert_true(atomic_load(&c->left));
        connection_enter(&set, c, CONNECTION_ANSWER, 0);
        connections_sweep(&set, monotonic_ms());
        assert_false(atomic_load(&c->left));
        connection_end(&set, c);
        close(p.ours);
        if (half)
            close(p.theirs);
    }
    connections_release(&set);
}

static void test_say(void **state)
{
    struct pair p = pair_open();
    struct connection c = {.fd = p.ours, .plain = true};
    char got[1024];
    (void)state;
    connection_say(&c, 503, STATUS_OVERLOADED, "full");
    assert_true(ended(p.theirs, got, sizeof got));
    assert_non_null(strstr(got, "\r\nRetry-After: 1\r\n"));
    char *body = strstr(got, "\r\n\r\n") + 4;
    unsigned length = 0;
    assert_int_equal(sscanf(strstr(got, "Content-Length: "), "Content-Length: %u", &length), 1);
    assert_int_equal(length, strlen(body));
    close(p.ours);
    close(p.theirs);
    p = pair_open();
    c = (struct connection){.fd = p.ours};
    connection_say(&c, 503, STATUS_OVERLOADED, "full"); /* not into a TLS stream */
    assert_false(ended(p.theirs, got, sizeof got));
    assert_string_equal(got, "");
    close(p.ours);
    close(p.theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_new_connection_has_a_deadline),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

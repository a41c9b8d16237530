#include "server/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

static void test_send(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64], got[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    (void)state;
    int n = snprintf(name, sizeof name, "@cognate-test-%d", (int)getpid());
    memcpy(address.sun_path, name, (size_t)n);
    address.sun_path[0] = '\0';
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_send("READY=1");
    assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), 7);
    assert_memory_equal(got, "READY=1", 7);
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_send("READY=1");
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
    close(fd);
}

static void test_sockets(void **state)
{
    char pid[32];
    (void)state;
    assert_true(dup2(STDERR_FILENO, NOTIFY_FIRST_SOCKET) >= 0 &&
                dup2(STDERR_FILENO, NOTIFY_FIRST_SOCKET + 1) >= 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_PID", "1", 1);
    assert_int_equal(notify_sockets(), 0);
    setenv("LISTEN_PID", pid, 1);
    assert_int_equal(notify_sockets(), 2);
    assert_true((fcntl(NOTIFY_FIRST_SOCKET + 1, F_GETFD) & FD_CLOEXEC) != 0);
    static const char *const counts[] = {"0", "-1", "17", "x", ""};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        setenv("LISTEN_FDS", counts[i], 1);
        assert_int_equal(notify_sockets(), 0);
    }
    unsetenv("LISTEN_FDS");
    assert_int_equal(notify_sockets(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_send), cmocka_unit_test(test_sockets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

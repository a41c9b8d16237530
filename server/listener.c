#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

/* ---- naming ---- */

static enum status add(struct listeners *l, int fd, struct error *err)
{
    union address a = {0};
    socklen_t length = sizeof a;
    char host[INET6_ADDRSTRLEN] = "";
    if (l->count == LISTENERS_MOST)
        return error_set(err, STATUS_INVALID, "more than %d addresses to listen on; name fewer",
                         LISTENERS_MOST);
    if (getsockname(fd, &a.any, &length) != 0)
        return error_system(err, errno, "listen on", "a socket");
    struct listener *item = &l->items[l->count];
    *item = (struct listener){.fd = fd, .local = a.any.sa_family == AF_UNIX};
    if (a.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof host);
        snprintf(item->name, sizeof item->name, "%s:%u", host, ntohs(a.v4.sin_port));
    } else if (a.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof host);
        snprintf(item->name, sizeof item->name, "[%s]:%u", host, ntohs(a.v6.sin6_port));
    } else if (a.any.sa_family == AF_UNIX) {
        snprintf(item->name, sizeof item->name, "unix socket");
    } else {
        return error_set(err, STATUS_INVALID, "a socket handed over is neither of TCP nor a Unix socket");
    }
    l->count++;
    return STATUS_OK;
}

static bool is_public(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr) >> 24 != 127;
    return a->any.sa_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

bool listeners_public(const struct listeners *l)
{
    for (size_t i = 0; i < l->count; i++) {
        union address a = {0};
        socklen_t length = sizeof a;
        if (getsockname(l->items[i].fd, &a.any, &length) != 0 || is_public(&a))
            return true;
    }
    return false;
}

void listeners_close(struct listeners *l)
{
    struct stat st;
    for (size_t i = 0; i < l->count; i++)
        close(l->items[i].fd);
    if (l->path[0] != '\0' && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        unlink(l->path);
    *l = (struct listeners){0};
}

/* ---- TCP ---- */

static enum status listen_at(struct listeners *l, const struct addrinfo *info, uint16_t port,
                             const char *host, struct error *err)
{
    union address a = {0};
    enum status status;
    int yes = 1;
    memcpy(&a, info->ai_addr, info->ai_addrlen < sizeof a ? info->ai_addrlen : sizeof a);
    if (info->ai_family == AF_INET6)
        a.v6.sin6_port = htons(port);
    else
        a.v4.sin_port = htons(port);
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_system(err, errno, "listen on", host);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(fd, &a.any, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        if (errno == EADDRINUSE)
            status = error_set(
                err, STATUS_CONFLICT,
                "port %u of %s is in use by another program; choose another with --port, or stop the "
                "program that has it",
                port, host);
        else if (errno == EACCES)
            status = error_set(err, STATUS_FORBIDDEN,
                               "this user may not listen on port %u; choose one above 1023 with "
                               "--port",
                               port);
        else if (errno == EADDRNOTAVAIL)
            status = error_set(err, STATUS_INVALID,
                               "%s is not an address of this machine; give one that is with --host", host);
        else
            status = error_system(err, errno, "listen on", host);
    } else {
        status = add(l, fd, err);
    }
    if (status != STATUS_OK)
        close(fd);
    return status;
}

static uint16_t port_of(int fd)
{
    union address a = {0};
    socklen_t length = sizeof a;
    if (getsockname(fd, &a.any, &length) != 0)
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

enum status listeners_tcp(struct listeners *l, const char *host, uint16_t port, struct error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *list = NULL;
    char bare[256];
    size_t length = strlen(host);
    if (length >= sizeof bare)
        return error_set(err, STATUS_INVALID, "the host to listen on is too long a name");
    if (length > 2 && host[0] == '[' && host[length - 1] == ']')
        snprintf(bare, sizeof bare, "%.*s", (int)(length - 2), host + 1);
    else
        snprintf(bare, sizeof bare, "%s", host);
    int failed = getaddrinfo(bare, NULL, &hints, &list);
    if (failed != 0)
        return error_set(err, STATUS_INVALID,
                         "cannot listen on \"%s\": %s; give an address of this machine with --host", host,
                         gai_strerror(failed));
    enum status status = STATUS_OK;
    for (const struct addrinfo *info = list; info != NULL && status == STATUS_OK; info = info->ai_next) {
        if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
            continue;
        status = listen_at(l, info, port, bare, err);
        if (status == STATUS_OK && port == 0)
            port = port_of(l->items[l->count - 1].fd);
    }
    freeaddrinfo(list);
    return status;
}

/* ---- Unix ---- */

/* Makes way for a new socket at the address: OK when nothing is there or what is there is dead. */
static enum status clear(const struct sockaddr_un *address, struct error *err)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT ? STATUS_OK : error_system(err, errno, "make the socket", address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(err, STATUS_CONFLICT, "%s exists and is not a socket; move it away",
                         address->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_system(err, errno, "make the socket", address->sun_path);
    bool dead = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!dead)
        return error_set(err, STATUS_CONFLICT, "another server answers at %s; stop it first",
                         address->sun_path);
    if (unlink(address->sun_path) != 0)
        return error_system(err, errno, "remove the dead socket", address->sun_path);
    return STATUS_OK;
}

enum status listeners_unix(struct listeners *l, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    bool made = false;
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(err, STATUS_INVALID,
                         "the path of the socket, %s, is longer than %zu bytes; choose a shorter one", path,
                         sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    enum status status = clear(&address, err);
    if (status != STATUS_OK)
        return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_system(err, errno, "make the socket", path);
    /* Nobody can connect before listen, so the mode is right from the first connection on. */
    made = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (!made || chmod(path, 0600) != 0 || stat(path, &st) != 0 || listen(fd, BACKLOG) != 0)
        status = error_system(err, errno, "make the socket", path);
    else
        status = add(l, fd, err);
    if (status == STATUS_OK) {
        memcpy(l->path, path, strlen(path) + 1);
        l->device = st.st_dev;
        l->inode = st.st_ino;
        return STATUS_OK;
    }
    if (made)
        unlink(path);
    close(fd);
    return status;
}

enum status listeners_take(struct listeners *l, int first, int n, struct error *err)
{
    for (int fd = first; fd < first + n; fd++) {
        int listening = 0;
        socklen_t length = sizeof listening;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || !listening)
            return error_set(err, STATUS_INVALID,
                             "descriptor %d, handed over to listen on, is not a listening socket", fd);
        if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
            return error_system(err, errno, "listen on", "a socket handed over");
        enum status status = add(l, fd, err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

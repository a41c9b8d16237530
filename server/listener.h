/* The sockets a server listens on: TCP addresses, a Unix socket, and those that a service manager handed
 * over.
 *
 *     struct listeners l = {0};
 *     if (listeners_tcp(&l, "127.0.0.1", 8088, &err) != STATUS_OK || listeners_unix(&l, "docs.db.sock", &err)
 * != STATUS_OK) … poll l.items[0 … l.count-1].fd … listeners_close(&l);                            // and
 * removes the Unix socket
 */
#ifndef COGNATE_SERVER_LISTENER_H
#define COGNATE_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/status.h"

#define LISTENERS_MOST 24

struct listener {
    int fd;        /* does not block */
    bool local;    /* a Unix socket */
    char name[64]; /* "127.0.0.1:8088", "[::1]:8088", "unix socket" */
};

struct listeners {
    struct listener items[LISTENERS_MOST];
    size_t count;
    char path[108]; /* of the Unix socket that was made here; empty for none */
    dev_t device;
    ino_t inode;
};

/* Listens on every address that `host` (an address, with or without brackets, or a name) stands for, all at
 * one port; port 0 takes a free one. CONFLICT when another program has the port. */
enum status listeners_tcp(struct listeners *l, const char *host, uint16_t port, struct error *err);

/* Listens at `path`, for this user alone (mode 0600). A socket file that nobody answers at is replaced;
 * CONFLICT when somebody does, or when something else is there. */
enum status listeners_unix(struct listeners *l, const char *path, struct error *err);

/* Takes over n descriptors from `first` on, which listen already. */
enum status listeners_take(struct listeners *l, int first, int n, struct error *err);

bool listeners_public(const struct listeners *l); /* can one of them be reached from another machine? */
void listeners_close(struct listeners *l);        /* accepts a zeroed or closed one */

#endif

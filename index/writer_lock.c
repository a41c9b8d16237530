#include "index/writer_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum status writer_lock_take(const char *store_path, int *out, struct error *err)
{
    enum status status = STATUS_OK;
    char owner[32] = "";
    char *path = NULL;
    int lock = -1;
    if (asprintf(&path, "%s.lock", store_path) < 0)
        return error_memory(err, "opening the store");
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        status = error_system(err, errno, "open", path);
        goto done;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            status = error_system(err, errno, "lock", path);
            goto done;
        }
        ssize_t n = pread(lock, owner, sizeof owner - 1, 0);
        owner[n > 0 ? strspn(owner, "0123456789") : 0] = '\0';
        status =
            error_set(err, STATUS_CONFLICT,
                      "%s is open for writing in process %s; send the work to that process, or end it first",
                      store_path, owner[0] != '\0' ? owner : "(unknown)");
        goto done;
    }
    int n = snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, owner, (size_t)n, 0) != n) {
        status = error_system(err, errno, "write", path);
        goto done;
    }
    *out = lock;
    lock = -1;
done:
    if (lock >= 0)
        close(lock);
    free(path);
    return status;
}

void writer_lock_drop(int lock)
{
    if (lock >= 0)
        close(lock);
}

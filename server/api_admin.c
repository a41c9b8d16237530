#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/routes.h"

/* The copy is made beside the store, where there is room for it, and loses its name as soon as it is open:
 * what is not sent to the end leaves nothing behind. */
void handle_backup(struct api_call *call)
{
    struct store *s = NULL;
    struct stat st;
    struct buf path;
    int fd = -1;
    buf_init(&path, 8192);
    enum status status = call_store(call, &s);
    if (status == STATUS_OK)
        status = buf_printf(&path, &call->err, "%s.backup.XXXXXX", store_path(s));
    if (status == STATUS_OK && (fd = mkostemp(path.data, O_CLOEXEC)) < 0)
        status = error_system(&call->err, errno, "create", path.data);
    if (status != STATUS_OK)
        goto done;
    close(fd);
    status = store_backup(s, path.data, true, NULL, &call->err);
    fd = status == STATUS_OK ? open(path.data, O_RDONLY | O_CLOEXEC) : -1;
    if (status == STATUS_OK && (fd < 0 || fstat(fd, &st) != 0)) {
        status = error_system(&call->err, errno, "open", path.data);
        if (fd >= 0)
            close(fd);
    }
    unlink(path.data);
    if (status == STATUS_OK)
        call_answer_file(call, fd, (uint64_t)st.st_size, "application/vnd.sqlite3");
done:
    buf_release(&path);
}

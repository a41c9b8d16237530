#include "cli/pdftext.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/engine.h"

#define PROCESSOR_SECONDS 60
#define WALL_MS           120000
#define MEMORY_BYTES      ((rlim_t)1 << 30)

static const char *const programs[] = {"/usr/bin/pdftotext", "/usr/local/bin/pdftotext"};

static const char *program(void)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (access(programs[i], X_OK) == 0)
            return programs[i];
    return NULL;
}

bool pdf_available(void)
{
    return program() != NULL;
}

static void limit(int resource, rlim_t most)
{
    struct rlimit l = {most, most};
    if (setrlimit(resource, &l) != 0)
        _exit(126);
}

/* In the child: gives up what it does not need and becomes the program. */
static void become(const char *path, int input, int output)
{
    static char *const environment[] = {NULL};
    char *const arguments[] = {(char[]){"pdftotext"}, (char[]){"-q"},   (char[]){"-enc"},
                               (char[]){"UTF-8"},     (char[]){"-eol"}, (char[]){"unix"},
                               (char[]){"-"},         (char[]){"-"},    NULL};
    if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        close_range(STDERR_FILENO, ~0U, 0) != 0 || open("/dev/null", O_WRONLY) != STDERR_FILENO)
        _exit(126);
    limit(RLIMIT_CPU, PROCESSOR_SECONDS);
    limit(RLIMIT_AS, MEMORY_BYTES);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(126);
    (void)unshare(CLONE_NEWUSER | CLONE_NEWNET); /* where it is refused there is no network use to miss */
    execve(path, arguments, environment);
    _exit(127);
}

static enum status drain(int from, const char *path, struct buf *out, struct error *err)
{
    int64_t end = monotonic_ms() + WALL_MS;
    for (;;) {
        struct pollfd p = {.fd = from, .events = POLLIN};
        int64_t left = end - monotonic_ms();
        int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (ready == 0)
            return error_set(err, STATUS_DEADLINE, "reading this PDF took longer than two minutes");
        if (ready < 0 && errno == EINTR)
            continue;
        enum status status = buf_reserve(out, 65536, err);
        if (status != STATUS_OK)
            return status;
        ssize_t n = read(from, out->data + out->len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? STATUS_OK : error_system(err, errno, "read the text of", path);
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
}

static enum status verdict(int code, struct error *err)
{
    if (WIFEXITED(code) && WEXITSTATUS(code) == 0)
        return STATUS_OK;
    if (WIFEXITED(code) && WEXITSTATUS(code) >= 126)
        return error_set(err, STATUS_IO, "pdftotext could not be started");
    if (WIFEXITED(code) && WEXITSTATUS(code) == 3)
        return error_set(err, STATUS_INVALID, "this PDF does not allow its text to be taken out");
    if (WIFSIGNALED(code))
        return error_set(err, STATUS_INVALID,
                         "pdftotext was ended by signal %d, over its limits or by a fault",
                         WTERMSIG(code));
    return error_set(err, STATUS_INVALID, "pdftotext cannot read it: damaged, or locked with a password");
}

enum status pdf_text(const char *path, struct buf *out, struct error *err)
{
    const char *tool = program();
    int ends[2] = {-1, -1}, input, code = 0;
    if (tool == NULL)
        return error_set(err, STATUS_UNSUPPORTED,
                         "PDF is read by pdftotext, which is not installed; apt-get install poppler-utils");
    input = open(path, O_RDONLY | O_CLOEXEC);
    if (input < 0)
        return error_system(err, errno, "read", path);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close(input);
        return error_system(err, errno, "read", path);
    }
    pid_t child = fork();
    if (child == 0)
        become(tool, input, ends[1]);
    close(input);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return error_system(err, errno, "start pdftotext for", path);
    }
    enum status status = drain(ends[0], path, out, err);
    close(ends[0]);
    if (status != STATUS_OK)
        kill(child, SIGKILL);
    while (waitpid(child, &code, 0) < 0 && errno == EINTR)
        ;
    return status == STATUS_OK ? verdict(code, err) : status;
}

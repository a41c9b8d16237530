#include "server/exposition.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void exposition_family(struct exposition *x, const char *name, const char *type, const char *help)
{
    if (x->status == STATUS_OK)
        x->status = buf_printf(x->out, x->err, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_sample(struct exposition *x, const char *name, const char *labels, double value)
{
    bool some = labels[0] != '\0';
    if (x->status == STATUS_OK)
        x->status = buf_printf(x->out, x->err, "%s%s%s%s %.15g\n", name, some ? "{" : "", labels,
                               some ? "}" : "", value);
}

void exposition_figure(struct exposition *x, const char *name, const char *type, const char *help,
                       double value)
{
    exposition_family(x, name, type, help);
    exposition_sample(x, name, "", value);
}

void exposition_histogram(struct exposition *x, const char *name, const char *labels, const double *bounds,
                          size_t n, const uint64_t *counts, double sum)
{
    uint64_t below = 0;
    bool some = labels[0] != '\0';
    const char *comma = some ? "," : "", *open = some ? "{" : "", *close = some ? "}" : "";
    for (size_t i = 0; i < n && x->status == STATUS_OK; i++) {
        below += counts[i];
        x->status = buf_printf(x->out, x->err, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, labels, comma,
                               bounds[i], below);
    }
    below += counts[n];
    if (x->status == STATUS_OK)
        x->status = buf_printf(
            x->out, x->err,
            "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n%s_sum%s%s%s %.6f\n%s_count%s%s%s %" PRIu64 "\n", name,
            labels, comma, below, name, open, labels, close, sum, name, open, labels, close, below);
}

/* ---- the process ---- */

struct process {
    double virtual_bytes, resident_bytes, threads, start;
};

/* Seconds between 1970 and the start of the machine. */
static double boot_time(void)
{
    struct timespec now, up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9;
}

/* /proc/self/stat (proc(5)): of the fields behind the program's name, which may hold anything but ends with
 * the last bracket, the 18th is the number of threads, the 20th the start in ticks since boot, then memory
 * and resident pages. */
static void read_process(struct process *out)
{
    char line[1024];
    unsigned long long threads, start, bytes, pages;
    *out = (struct process){0};
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return;
    size_t n = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[n] = '\0';
    const char *rest = strrchr(line, ')');
    if (rest == NULL ||
        sscanf(rest + 1,
               " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %*s %llu "
               "%llu %llu",
               &threads, &start, &bytes, &pages) != 4)
        return;
    out->threads = (double)threads;
    out->start = boot_time() + (double)start / (double)sysconf(_SC_CLK_TCK);
    out->virtual_bytes = (double)bytes;
    out->resident_bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    double n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n - 1; /* the folder itself */
}

void exposition_process(struct exposition *x)
{
    struct rusage usage = {0};
    struct rlimit files = {0};
    struct process process;
    read_process(&process);
    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &files);
    exposition_figure(x, "process_cpu_seconds_total", "counter", "User and system time.",
                      (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                          (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    exposition_figure(x, "process_resident_memory_bytes", "gauge", "Resident memory.",
                      process.resident_bytes);
    exposition_figure(x, "process_virtual_memory_bytes", "gauge", "Memory that is mapped.",
                      process.virtual_bytes);
    exposition_figure(x, "process_start_time_seconds", "gauge", "When the process began, in Unix time.",
                      process.start);
    exposition_figure(x, "process_threads", "gauge", "Threads.", process.threads);
    exposition_figure(x, "process_open_fds", "gauge", "Open files and sockets.", open_files());
    exposition_figure(x, "process_max_fds", "gauge", "Files and sockets that may be open.",
                      (double)files.rlim_cur);
}

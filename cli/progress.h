/* How far the work is, on stderr: one line that changes on a terminal, a plain line every ten seconds
 * elsewhere, nothing with --quiet.
 *
 *     struct progress p;
 *     progress_start(&p, s, total_bytes);
 *     progress_show(&p, &(struct progress_now){.done = bytes, .items = rows, .what = "docs/a.txt"});
 *     progress_end(&p);                                      // removes the line
 */
#ifndef COGNATE_CLI_PROGRESS_H
#define COGNATE_CLI_PROGRESS_H

#include <stdint.h>

#include "cli/session.h"

struct progress {
    const struct session *session;
    uint64_t total; /* bytes; 0 when not known */
    int64_t started_ms, shown_ms;
    bool visible;
};

struct progress_now {
    uint64_t done;  /* bytes */
    uint64_t items; /* documents */
    const char *what;
};

void progress_start(struct progress *p, const struct session *s, uint64_t total);
void progress_show(struct progress *p, const struct progress_now *now);
void progress_end(struct progress *p);

/* "12.3 MiB" into out. */
void progress_bytes(uint64_t bytes, char out[16]);

#endif

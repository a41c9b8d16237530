/* Waiting for files to change, by inotify(7).
 *
 *     struct watch w;
 *     watch_open(&w, &err);
 *     if (watch_add(&w, "docs", &options, &err) != STATUS_OK) …       // before reading docs, so that nothing is missed
 *     … read docs …
 *     while (watch_wait(&w, &interrupt, &err) == STATUS_OK) …         // something changed, and it is quiet again
 *     watch_close(&w);
 *
 * The folders below a path are watched as they are at that time: after each change, open and add anew. Network file
 * systems do not tell what other machines change.
 */
#ifndef COGNATE_CLI_WATCH_H
#define COGNATE_CLI_WATCH_H

#include "cli/interrupt.h"
#include "cli/walk.h"

#define WATCH_QUIET_MS 500   /* so long nothing may happen before a change counts as done … */
#define WATCH_MOST_MS  10000 /* … unless it goes on for so long */

struct watch {
    int fd;
};

enum status watch_open(struct watch *w, struct error *err);
void watch_close(struct watch *w);

/* Watches the folders of a path that walk would enter; of a file, the folder it is in. TOO_LARGE, with the remedy, when
 * the system has no more watches to give. */
enum status watch_add(struct watch *w, const char *path, const struct walk_options *options, struct error *err);

/* Returns when something has changed and nothing has for WATCH_QUIET_MS; CANCELLED when the user asked to stop. */
enum status watch_wait(struct watch *w, const struct interrupt *interrupt, struct error *err);

#endif

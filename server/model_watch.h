/* A thread beside a server that does what takes a model's time: it looks again which one is in use.
 *
 *     if (model_watch_start(engine, STDERR_FILENO, &watch, &err) != STATUS_OK) …
 *     model_watch_reload(watch);                    // SIGHUP
 *     model_watch_stop(watch);                      // waits for what it is doing
 */
#ifndef COGNATE_SERVER_MODEL_WATCH_H
#define COGNATE_SERVER_MODEL_WATCH_H

#include "server/engine.h"

struct model_watch;

/* What it finds goes to the descriptor `log`, a line at a time. */
enum status model_watch_start(struct engine *e, int log, struct model_watch **out, struct error *err);
void model_watch_stop(struct model_watch *w); /* accepts NULL */

void model_watch_reload(struct model_watch *w); /* soon; accepts NULL */

#endif

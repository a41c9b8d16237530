/* A thread beside a server that does what takes a model's time: it asks the models for their known answers,
 * and looks again which one is in use.
 *
 *     if (model_watch_start(engine, STDERR_FILENO, 3600, &watch, &err) != STATUS_OK) …
 *     model_watch_reload(watch);                    // SIGHUP
 *     model_watch_stop(watch);                      // waits for what it is doing
 *
 * A model is asked soon after it was loaded, and every `interval` seconds from then on. A vector that has
 * moved, by a damaged file or memory or by arithmetic that is not what it was, is a line in the log; /health
 * and /metrics tell it.
 */
#ifndef COGNATE_SERVER_MODEL_WATCH_H
#define COGNATE_SERVER_MODEL_WATCH_H

#include "server/engine.h"

struct model_watch;

/* `interval` 0: each model is asked once. Lines go to the descriptor `log`. */
enum status model_watch_start(struct engine *e, int log, unsigned interval, struct model_watch **out,
                              struct error *err);
void model_watch_stop(struct model_watch *w); /* accepts NULL */

void model_watch_reload(struct model_watch *w); /* soon; accepts NULL */

#endif

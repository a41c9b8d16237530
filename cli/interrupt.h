/* Ctrl-C: the first one asks to stop at the next good place, the second ends the program at once.
 *
 *     struct interrupt i;
 *     if (interrupt_watch(&i, &err) != STATUS_OK) …          // before any other thread is started
 *     while (!interrupt_asked(&i)) …
 *     interrupt_end(&i);
 *
 * SIGINT and SIGTERM are blocked in all threads and taken by one that waits for them, so that no handler and
 * no global flag is needed.
 */
#ifndef COGNATE_CLI_INTERRUPT_H
#define COGNATE_CLI_INTERRUPT_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/status.h"

struct interrupt {
    pthread_t thread;
    sigset_t signals, before;
    atomic_bool asked;
};

enum status interrupt_watch(struct interrupt *i, struct error *err);
bool interrupt_asked(struct interrupt *i);
void interrupt_end(struct interrupt *i);

#endif

/* Ctrl-C: the first one asks to stop at the next good place, the second ends the program at once.
 *
 *     struct interrupt i;
 *     interrupt_watch(&i);
 *     while (!interrupt_asked(&i)) …
 *     interrupt_end(&i);
 *
 * The handler of SIGINT and SIGTERM gives both back their default action, which is to end the process. So the
 * second one needs no code, and that the first one came shows in the action itself: no flag outside of the
 * program's own data is needed, and it does not matter which thread takes the signal (OpenBLAS starts some
 * when it is loaded, before anything could be blocked). A signal that was ignored stays so.
 */
#ifndef COGNATE_CLI_INTERRUPT_H
#define COGNATE_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

#define INTERRUPT_SIGNALS 2

struct interrupt {
    struct sigaction before[INTERRUPT_SIGNALS];
};

void interrupt_watch(struct interrupt *i);
bool interrupt_asked(const struct interrupt *i);
void interrupt_end(struct interrupt *i);

#endif

#include "cli/interrupt.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"

static void *wait_for_signals(void *context)
{
    static const char stopping[] = "\nstopping after what is in hand; once more stops at once\n";
    struct interrupt *i = context;
    int number;
    if (sigwait(&i->signals, &number) != 0)
        return NULL;
    atomic_store(&i->asked, true);
    if (write(STDERR_FILENO, stopping, sizeof stopping - 1) < 0)
        return NULL; /* nobody reads it */
    sigwait(&i->signals, &number);
    _exit(OUTCOME_INTERRUPTED);
}

enum status interrupt_watch(struct interrupt *i, struct error *err)
{
    atomic_init(&i->asked, false);
    sigemptyset(&i->signals);
    sigaddset(&i->signals, SIGINT);
    sigaddset(&i->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &i->signals, &i->before);
    if (pthread_create(&i->thread, NULL, wait_for_signals, i) != 0) {
        pthread_sigmask(SIG_SETMASK, &i->before, NULL);
        return error_set(err, STATUS_NO_MEMORY, "cannot start a thread; the system's limits are reached");
    }
    return STATUS_OK;
}

bool interrupt_asked(struct interrupt *i)
{
    return atomic_load(&i->asked);
}

void interrupt_end(struct interrupt *i)
{
    pthread_cancel(i->thread);
    pthread_join(i->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &i->before, NULL);
}

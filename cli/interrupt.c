#include "cli/interrupt.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

static const int numbers[INTERRUPT_SIGNALS] = {SIGINT, SIGTERM};

static void stop(int number)
{
    static const char says[] = "\nstopping after what is in hand; once more stops at once\n";
    int before = errno;
    (void)number;
    for (size_t s = 0; s < INTERRUPT_SIGNALS; s++)
        sigaction(numbers[s], &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    ssize_t written = write(STDERR_FILENO, says, sizeof says - 1);
    (void)written; /* nobody may be reading it */
    errno = before;
}

void interrupt_watch(struct interrupt *i)
{
    for (size_t s = 0; s < INTERRUPT_SIGNALS; s++) {
        sigaction(numbers[s], NULL, &i->before[s]);
        if (i->before[s].sa_handler != SIG_IGN)
            sigaction(numbers[s], &(struct sigaction){.sa_handler = stop, .sa_flags = SA_RESTART}, NULL);
    }
}

bool interrupt_asked(const struct interrupt *i)
{
    for (size_t s = 0; s < INTERRUPT_SIGNALS; s++) {
        struct sigaction now;
        if (i->before[s].sa_handler != SIG_IGN && sigaction(numbers[s], NULL, &now) == 0 &&
            now.sa_handler == SIG_DFL)
            return true;
    }
    return false;
}

void interrupt_end(struct interrupt *i)
{
    for (size_t s = 0; s < INTERRUPT_SIGNALS; s++)
        sigaction(numbers[s], &i->before[s], NULL);
}

#include "index/scan_pass.h"

#include <unistd.h>

#include "index/search.h"
#include "index/sweep.h"

struct scan_ticket { /* on the stack of the thread that waits for it */
    pthread_cond_t moved;
    struct search *searches[SCAN_QUERIES];
    size_t count;
    struct timespec until; /* lingers */
    bool done;
    struct scan_ticket *next;
};

void scan_gate_init(struct scan_gate *gate)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *gate = (struct scan_gate){.most = cores > 0 ? (unsigned)cores : 1};
    pthread_mutex_init(&gate->lock, NULL);
}

void scan_gate_release(struct scan_gate *gate)
{
    sweep_release(gate->idle);
    pthread_mutex_destroy(&gate->lock);
}

void scan_gate_expect(struct scan_gate *gate, size_t n)
{
    pthread_mutex_lock(&gate->lock);
    gate->coming += n;
    pthread_mutex_unlock(&gate->lock);
}

void scan_gate_came(struct scan_gate *gate, size_t n)
{
    pthread_mutex_lock(&gate->lock);
    gate->coming -= n;
    pthread_mutex_unlock(&gate->lock);
}

static bool is_over(const struct timespec *time)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > time->tv_sec || (now.tv_sec == time->tv_sec && now.tv_nsec >= time->tv_nsec);
}

/* Is a pass to begin? There is room for one, and it is full, or not worth waiting for. */
static bool begins(const struct scan_gate *gate)
{
    return gate->first != NULL && gate->running < gate->most &&
           (gate->waiting >= SCAN_QUERIES || gate->coming == 0 ||
            gate->waiting + gate->coming + gate->riding < SCAN_QUERIES || is_over(&gate->first->until));
}

static void append(struct scan_gate *gate, struct scan_ticket *ticket)
{
    struct scan_ticket **end = &gate->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = ticket;
    gate->waiting += ticket->count;
}

/* Takes the tickets from the first on for which there is room. */
static struct scan_ticket *take(struct scan_gate *gate, struct search **searches, size_t *n)
{
    struct scan_ticket *taken = gate->first, **end = &taken;
    for (*n = 0; *end != NULL && *n + (*end)->count <= SCAN_QUERIES; end = &(*end)->next) {
        memcpy(searches + *n, (*end)->searches, (*end)->count * sizeof *searches);
        *n += (*end)->count;
    }
    gate->first = *end;
    gate->waiting -= *n;
    *end = NULL;
    return taken;
}

/* The first in the line watches the clock for all. */
static void wake_first(struct scan_gate *gate)
{
    if (gate->first != NULL)
        pthread_cond_signal(&gate->first->moved);
}

/* Under the lock, which is let go of during the pass. */
static void run(struct scan_gate *gate)
{
    struct search *searches[SCAN_QUERIES];
    size_t n;
    struct scan_ticket *taken = take(gate, searches, &n);
    gate->riding += n;
    gate->running++;
    struct sweep *sweep = sweep_take(&gate->idle);
    wake_first(gate);
    pthread_mutex_unlock(&gate->lock);
    if (sweep != NULL)
        sweep_run(sweep, searches, n);
    for (size_t i = 0; i < n && sweep == NULL; i++)
        searches[i]->status = error_memory(searches[i]->err, "searching");
    pthread_mutex_lock(&gate->lock);
    sweep_give(&gate->idle, sweep);
    gate->riding -= n;
    gate->running--;
    while (taken != NULL) {
        struct scan_ticket *next = taken->next;
        taken->done = true; /* its thread may go on, and the ticket with it, once the lock is free */
        pthread_cond_signal(&taken->moved);
        taken = next;
    }
    wake_first(gate);
}

static void wait_and_pass(struct scan_gate *gate, struct scan_ticket *ticket)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ticket->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    clock_gettime(CLOCK_MONOTONIC, &ticket->until);
    ticket->until.tv_nsec += SCAN_LINGER_MS * 1000000L;
    ticket->until.tv_sec += ticket->until.tv_nsec / 1000000000;
    ticket->until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&gate->lock);
    append(gate, ticket);
    while (!ticket->done)
        if (begins(gate))
            run(gate);
        else if (gate->first == ticket && gate->running < gate->most)
            pthread_cond_timedwait(&ticket->moved, &gate->lock, &ticket->until);
        else
            pthread_cond_wait(&ticket->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    pthread_cond_destroy(&ticket->moved);
}

void scan_pass(struct scan_gate *gate, struct search *const *searches, size_t n)
{
    for (size_t first = 0; first < n; first += SCAN_QUERIES) {
        struct scan_ticket ticket = {.count = n - first < SCAN_QUERIES ? n - first : SCAN_QUERIES};
        memcpy(ticket.searches, searches + first, ticket.count * sizeof *searches);
        wait_and_pass(gate, &ticket);
    }
}

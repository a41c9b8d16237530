#include "index/scan_pass.h"

#include <unistd.h>

#include "index/search.h"

/* ---- one pass ---- */

/* Rows of a block whose documents are in the set. Neighbours are often of one document, and numbers
 * of neighbours lie close together. */
static size_t rows_of(const struct document_set *set, const struct resident_block *b, size_t slots,
                      uint16_t *rows)
{
    const struct document_stretch *stretch = NULL;
    int64_t number = 0;
    size_t n = 0;
    for (size_t at = 0; at < slots; at++) {
        int64_t document = b->documents[at];
        if ((document >> DOCUMENT_STRETCH) + 1 != number) {
            number = (document >> DOCUMENT_STRETCH) + 1;
            stretch = document_set_stretch(set, document);
        }
        rows[n] = (uint16_t)at;
        n += document != 0 && document_stretch_has(stretch, document);
    }
    return n;
}

static enum status take_rows(struct search *s, const struct resident_block *b, const uint16_t *rows, size_t n,
                             const int32_t *sums)
{
    double unit = s->scan.unit, error = s->scan.error + SEARCH_ROUNDING, factor = 1 + s->scan.error;
    double floor = search_floor(s);
    for (size_t i = 0; i < n; i++) {
        size_t at = rows != NULL ? rows[i] : i;
        double score = unit * (double)b->scales[at] * sums[i], bound = error + (double)b->errors[at] * factor;
        if (score + bound < floor || b->documents[at] == 0)
            continue;
        if (s->expired != NULL && document_set_has(s->expired, b->documents[at]))
            continue;
        struct candidate row = {score + bound, b->prints[at], b->documents[at], b->passages[at]};
        enum status status = search_offer(s, &row, score - bound);
        if (status != STATUS_OK)
            return status;
        floor = search_floor(s);
    }
    return STATUS_OK;
}

/* Those that are still searching, in front; their number. */
static size_t still_going(struct search **searches, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (searches[i]->status == STATUS_OK && search_late(searches[i]->query))
            searches[i]->status = search_too_late(searches[i]->err);
        if (searches[i]->status == STATUS_OK)
            searches[kept++] = searches[i];
    }
    return kept;
}

/* All of one collection and one set of documents. */
static void pass(struct search **searches, size_t n)
{
    const struct resident *r = &searches[0]->c->resident;
    const struct scan_kernels *kernels = searches[0]->c->store->kernels;
    const struct document_set *allowed = searches[0]->allowed;
    const struct scan_query *queries[SCAN_QUERIES];
    int32_t sums[SCAN_QUERIES][SCAN_BLOCK];
    uint16_t rows[SCAN_BLOCK];
    for (size_t i = 0; i < n; i++)
        searches[i]->passed = allowed != NULL ? 0 : r->live;
    for (size_t first = 0; first < r->slots && (n = still_going(searches, n)) > 0; first += SCAN_BLOCK) {
        const struct resident_block *b = &r->blocks[first / SCAN_BLOCK];
        size_t slots = r->slots - first < SCAN_BLOCK ? r->slots - first : SCAN_BLOCK, count = slots;
        if (allowed != NULL)
            count = rows_of(allowed, b, slots, rows);
        for (size_t i = 0; i < n; i++) {
            queries[i] = &searches[i]->scan;
            if (allowed != NULL)
                searches[i]->passed += count;
            else if (searches[i]->expired != NULL)
                searches[i]->passed -= rows_of(searches[i]->expired, b, slots, rows);
        }
        if (count == 0)
            continue;
        kernels->dot(b->codes, allowed != NULL ? rows : NULL, count, queries, n, sums);
        for (size_t i = 0; i < n; i++)
            searches[i]->status = take_rows(searches[i], b, allowed != NULL ? rows : NULL, count, sums[i]);
    }
}

/* ---- whose turn it is ---- */

struct scan_ticket { /* on the stack of the thread that waits for it */
    struct search *searches[SCAN_QUERIES];
    size_t count;
    bool done;
    struct scan_ticket *next;
};

void scan_gate_init(struct scan_gate *gate)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *gate = (struct scan_gate){.most = cores > 0 ? (unsigned)cores : 1};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->moved, NULL);
}

void scan_gate_release(struct scan_gate *gate)
{
    pthread_cond_destroy(&gate->moved);
    pthread_mutex_destroy(&gate->lock);
}

/* Takes the first waiting ticket and, as long as there is room, those behind it that read the same rows. */
static struct scan_ticket *take_tickets(struct scan_gate *gate, struct search **searches, size_t *n)
{
    struct scan_ticket *taken = NULL, **end = &taken, **at = &gate->first;
    *n = 0;
    while (*at != NULL) {
        struct scan_ticket *t = *at;
        if (*n > 0 && (*n + t->count > SCAN_QUERIES || t->searches[0]->allowed != searches[0]->allowed)) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        t->next = NULL;
        *end = t;
        end = &t->next;
        memcpy(searches + *n, t->searches, t->count * sizeof *searches);
        *n += t->count;
    }
    return taken;
}

static void wait_and_pass(struct scan_gate *gate, struct scan_ticket *ticket)
{
    pthread_mutex_lock(&gate->lock);
    struct scan_ticket **end = &gate->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = ticket;
    while (!ticket->done && (gate->first != ticket || gate->running == gate->most))
        pthread_cond_wait(&gate->moved, &gate->lock);
    if (!ticket->done) {
        struct search *searches[SCAN_QUERIES];
        size_t n;
        struct scan_ticket *taken = take_tickets(gate, searches, &n);
        gate->running++;
        pthread_cond_broadcast(&gate->moved);
        pthread_mutex_unlock(&gate->lock);
        pass(searches, n);
        pthread_mutex_lock(&gate->lock);
        gate->running--;
        while (taken != NULL) {
            struct scan_ticket *next = taken->next;
            taken->done = true; /* its thread may go on, and the ticket with it, once the lock is free */
            taken = next;
        }
        pthread_cond_broadcast(&gate->moved);
    }
    pthread_mutex_unlock(&gate->lock);
}

void scan_pass(struct scan_gate *gate, struct search *const *searches, size_t n)
{
    for (size_t first = 0; first < n; first += SCAN_QUERIES) {
        struct scan_ticket ticket = {.count = n - first < SCAN_QUERIES ? n - first : SCAN_QUERIES};
        memcpy(ticket.searches, searches + first, ticket.count * sizeof *searches);
        wait_and_pass(gate, &ticket);
    }
}

#include "index/scan_pass.h"

#include <unistd.h>

#include "index/search.h"

#define GLANCE_ROUNDING 4e-6f /* of the float arithmetic on scores up to 1 */
#define GLANCE_WORTH    2     /* a glance must leave out all but one in so many rows, */
#define GLANCE_PAUSE    8     /* or the next blocks go without */

/* ---- one block ---- */

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

/* Scores of some rows, for all of the searches. */
static void score_rows(struct search *const *searches, size_t n, const struct resident_block *b,
                       const uint16_t *rows, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    const struct scan_query *queries[SCAN_QUERIES] = {0};
    for (size_t i = 0; i < n; i++)
        queries[i] = &searches[i]->scan;
    searches[0]->c->store->kernels->dot(b->codes, rows, count, queries, n, sums);
    for (size_t i = 0; i < n; i++)
        searches[i]->status = take_rows(searches[i], b, rows, count, sums[i]);
}

/* Those of the rows that may matter, by a glance: into `out`; their number.
 *
 * Of the cosine q · x the glance has unit · scale · sum; what it leaves out is no more than
 *
 *     error · 1  +  length · row.error  +  tail · row.tail
 *
 * for what the high bytes miss of the query's head, what the codes miss of the row's, and the rest of both.
 */
static size_t within_reach(const struct search *s, const struct resident_block *b, const uint16_t *rows,
                           size_t n, const int32_t *sums, uint16_t *out)
{
    unsigned char near[SCAN_BLOCK] = {0};
    float unit = (float)s->scan.glance.unit, length = (float)s->scan.glance.length;
    float tail = (float)s->scan.glance.tail, error = (float)s->scan.glance.error + GLANCE_ROUNDING;
    float floor = (float)search_floor(s);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = rows != NULL ? rows[i] : i;
        float score = unit * b->scales[at] * (float)sums[i];
        near[i] = score + (error + length * b->errors[at] + tail * b->tails[at]) >= floor;
    }
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t any; /* of eight rows, mostly none */
        memcpy(&any, near + i, sizeof any);
        for (; any != 0; any &= any - 1) {
            size_t j = i + (size_t)__builtin_ctzll(any) / 8;
            out[count++] = rows != NULL ? rows[j] : (uint16_t)j;
        }
    }
    return count;
}

/* The same for searches that know what a row must reach: most rows need no more than a glance. */
static void glance_at_rows(struct search **searches, size_t n, const struct resident_block *b,
                           const uint16_t *rows, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    const struct scan_query *queries[SCAN_QUERIES] = {0};
    uint16_t near[SCAN_BLOCK];
    for (size_t i = 0; i < n; i++)
        queries[i] = &searches[i]->scan;
    searches[0]->c->store->kernels->glance(b->codes, rows, count, queries, n, sums);
    for (size_t i = 0; i < n; i++) {
        size_t found = within_reach(searches[i], b, rows, count, sums[i], near);
        if (found > 0)
            score_rows(&searches[i], 1, b, near, found, sums + i);
        if (found > count / GLANCE_WORTH)
            searches[i]->no_glance = GLANCE_PAUSE;
    }
}

/* Those of the searches that a glance is worth while for, behind the others; the number of the others. */
static size_t split_glances(struct search **searches, size_t n)
{
    size_t others = 0;
    for (size_t i = 0; i < n; i++) {
        struct search *s = searches[i];
        bool glance = s->no_glance == 0 && search_floor(s) > -1;
        s->no_glance -= s->no_glance > 0;
        if (glance)
            continue;
        searches[i] = searches[others];
        searches[others++] = s;
    }
    return others;
}

/* Rows of a block that a search is to look at. */
static size_t chosen_rows(const struct search *s, const struct resident_block *b, size_t block, size_t slots,
                          uint16_t *rows)
{
    const uint64_t *words = s->probe.rows + block * SCAN_WORDS;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < SCAN_WORDS; i++)
        for (uint64_t word = words[i]; word != 0; word &= word - 1)
            rows[n++] = (uint16_t)(i * 64 + (size_t)__builtin_ctzll(word));
    while (n > 0 && rows[n - 1] >= slots) /* bits without slots */
        n--;
    if (s->allowed == NULL)
        return n;
    for (size_t i = 0; i < n; i++) {
        rows[kept] = rows[i];
        kept += b->documents[rows[i]] != 0 && document_set_has(s->allowed, b->documents[rows[i]]);
    }
    return kept;
}

/* Leaves of the rows those whose passages are in the languages that are wanted. */
static size_t spoken_rows(const struct passage_langs *langs, const struct resident_block *b, uint16_t *rows,
                          size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = rows[i];
        rows[kept] = rows[i];
        kept += passage_langs_have(langs, b->documents[at], b->passages[at]);
    }
    return kept;
}

/* Searches of one set of documents, or one of chosen rows. */
static void scan_block(struct search **searches, size_t n, const struct resident *r, size_t block,
                       size_t slots)
{
    const struct document_set *allowed = searches[0]->allowed;
    const struct resident_block *b = &r->blocks[block];
    bool chosen = searches[0]->probe.rows != NULL;
    int32_t sums[SCAN_QUERIES][SCAN_BLOCK];
    uint16_t list[SCAN_BLOCK];
    const uint16_t *rows = chosen || allowed != NULL ? list : NULL;
    size_t count = slots;
    if (chosen)
        count = chosen_rows(searches[0], b, block, slots, list);
    else if (allowed != NULL)
        count = rows_of(allowed, b, slots, list);
    if (searches[0]->langs != NULL)
        count = spoken_rows(searches[0]->langs, b, list, count);
    for (size_t i = 0; i < n; i++)
        if (rows != NULL)
            searches[i]->passed += count;
        else if (searches[i]->expired != NULL)
            searches[i]->passed -= rows_of(searches[i]->expired, b, slots, list);
    size_t others = count > 0 ? split_glances(searches, n) : n;
    if (count > 0 && others > 0)
        score_rows(searches, others, b, rows, count, sums);
    if (others < n)
        glance_at_rows(searches + others, n - others, b, rows, count, sums);
}

/* Brings searches of the first one's rows to the front; their number. */
static size_t same_rows(struct search **searches, size_t n)
{
    size_t same = 1;
    for (size_t i = 1; i < n && searches[0]->probe.rows == NULL; i++)
        if (searches[i]->allowed == searches[0]->allowed && searches[i]->probe.rows == NULL) {
            struct search *s = searches[i];
            searches[i] = searches[same];
            searches[same++] = s;
        }
    return same;
}

/* All of one collection. */
static void pass(struct search **searches, size_t n)
{
    const struct resident *r = &searches[0]->c->resident;
    for (size_t i = 0; i < n; i++)
        searches[i]->passed += searches[i]->allowed != NULL || searches[i]->probe.rows != NULL ? 0 : r->live;
    for (size_t first = 0; first < r->slots && (n = still_going(searches, n)) > 0; first += SCAN_BLOCK) {
        size_t slots = r->slots - first < SCAN_BLOCK ? r->slots - first : SCAN_BLOCK;
        for (size_t done = 0, same; done < n; done += same) {
            same = same_rows(searches + done, n - done);
            scan_block(searches + done, same, r, first / SCAN_BLOCK, slots);
        }
    }
}

/* ---- whose turn it is ---- */

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
           (gate->waiting >= SCAN_QUERIES || gate->coming <= gate->waiting ||
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
    wake_first(gate);
    pthread_mutex_unlock(&gate->lock);
    pass(searches, n);
    pthread_mutex_lock(&gate->lock);
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

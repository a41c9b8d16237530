/* Inside of a store: connections, the writer's turn, and the collections in use.
 *
 *     store ── writer      one connection, used by one thread at a time; it alone writes and checkpoints
 *        ├──── readers     a few query_only connections, handed out one call at a time
 *        └──── collections those opened since the store was, each with its copy of the vectors in memory
 *
 * Order of locks: collection.arranging → writing → collection.apply → collection.lock → gate / filters / registry / pool; any may be skipped,
 * none taken against the order.
 */
#ifndef COGNATE_INDEX_STORE_H
#define COGNATE_INDEX_STORE_H

#include <pthread.h>

#include "index/filter_cache.h"
#include "index/index.h"
#include "index/resident.h"
#include "index/scan.h"
#include "index/scan_pass.h"
#include "index/sql.h"

#define STORE_READERS 16 /* connections; a further call waits for one */

struct store {
    char *path; /* absolute */
    enum store_mode mode;
    enum sql_access reading;
    const struct scan_kernels *kernels;
    int lock;

    pthread_mutex_t writing;
    struct sql writer; /* no database when mode is STORE_READ */

    pthread_mutex_t pool;
    pthread_cond_t reader_free;
    struct sql *idle[STORE_READERS];
    size_t idle_count, reader_count;

    pthread_mutex_t registry;
    struct collection *collections;
    _Atomic uint64_t cluster_from;
};

/* Facts that never change while the collection exists, and its vectors in memory. */
struct collection {
    struct store *store;
    struct collection *next;
    unsigned references; /* under the store's registry lock */
    bool dropped;        /* the same */
    int64_t id, space;
    char *name, *model;
    unsigned char space_id[32];
    uint32_t width, passage_tokens, passage_overlap;

    pthread_mutex_t apply; /* held from before COMMIT until `resident` shows it */
    pthread_rwlock_t lock; /* of `resident` */
    pthread_mutex_t arranging; /* its clusters: one thread at a time */
    struct resident resident;
    struct scan_gate gate; /* to those who hold `lock` for reading */
    struct filter_cache filters;
};

/* A connection with a snapshot: what it reads is one state of the file until store_reader_done. */
enum status store_reader(struct store *s, struct sql **out, struct error *err);
void store_reader_done(struct store *s, struct sql *c); /* accepts NULL */

/* The one name that every way to a file leads to, whether it is there or not. The caller frees it. */
enum status store_canonical(const char *path, char **out, struct error *err);

/* The writer's turn: begin, then either commit or not, then end, which rolls back what was not committed.
 * store_turn takes the turn without a transaction. */
enum status store_turn(struct store *s, struct error *err);
enum status store_begin(struct store *s, struct error *err);
enum status store_commit(struct store *s, struct error *err);
void store_end(struct store *s);

/* Brings the log into the file and cuts it to nothing, as far as readers let go of it within a moment. */
enum status store_shorten_log(struct store *s, struct error *err);

/* Tells a watcher, which may be NULL; CANCELLED when it wants no more. */
enum status watcher_tell(const struct watcher *w, uint64_t done, uint64_t total, struct error *err);

/* Row of collections for this handle in the connection's snapshot; NOT_FOUND once it is deleted. */
struct collection_row {
    int64_t generation, documents, passages, created, updated;
    bool active; /* the handle's space is the one that searches use */
};
enum status collection_row(struct collection *c, struct sql *sql, struct collection_row *out,
                           struct error *err);

/* Of a row `s` of spaces: how many of its passages belong to documents whose time is over at ?9, and are
 * counted until they are swept. */
#define EXPIRED_PASSAGES                                                                                     \
    "(SELECT count(*) FROM documents d JOIN passages p ON p.document = d.id WHERE d.collection = "           \
    "s.collection AND d.expires <= ?9 AND p.id >> 40 = s.id)"

/* Adds to the counts and the generation, within the writer's turn. */
enum status collection_touch(struct collection *c, int64_t documents, int64_t passages, struct error *err);

/* Commits the writer's turn and brings the vectors in memory up to date: `removed` passages go, new rows
 * come. */
enum status collection_commit(struct collection *c, const int64_t *removed, size_t n, struct error *err);

/* One state of a collection, in the file (the connection's snapshot) and in memory (locked for reading). */
struct collection_view {
    struct sql *sql;
    struct collection_row row;
};
enum status collection_view(struct collection *c, struct collection_view *view, struct error *err);
void collection_view_end(struct collection *c, struct collection_view *view);

void collection_free(struct collection *c);

/* Takes the handles of a collection out of reach, of one of its spaces or, with 0, of all; those in use are
 * freed by their last release. */
void handles_drop(struct store *s, int64_t id, int64_t space);

/* Adds a row of spaces, within the writer's turn. */
enum status space_insert(struct sql *sql, int64_t collection, const struct collection_settings *settings,
                         bool active, int64_t *out, struct error *err);

int64_t time_now_ms(void); /* Unix milliseconds */

#endif

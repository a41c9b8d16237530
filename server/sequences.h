/* Sequences of token ids in, their vectors out, in order: the encoder works on one slice while the caller
 * prepares the next.
 *
 *     struct sequences s;
 *     sequences_init(&s, batcher, width, true, deadline_ms, NULL);
 *     for (…)
 *         if (sequences_add(&s, n, &ids, &err) == STATUS_OK)
 *             fill(ids, n);
 *     if (sequences_finish(&s, &err) == STATUS_OK)
 *         use(s.vectors, s.count);                        // [count][width], in the order of sequences_add
 *     sequences_release(&s);
 */
#ifndef COGNATE_SERVER_SEQUENCES_H
#define COGNATE_SERVER_SEQUENCES_H

#include "server/batcher.h"

struct slice {
    int32_t *ids;
    size_t id_count, id_room;
    uint32_t *starts; /* count + 1 */
    size_t count, room;
    size_t first; /* row of its first sequence */
    float *vectors;
    size_t vector_room;
    bool submitted;
    struct batch_job job;
};

/* What lies before the vectors, for the calls that ask for it. They are rare and run by themselves, in the
 * caller's thread: the batcher's rows are vectors of unit length. */
struct inside {
    struct embedder *embedder;
    float *states; /* [tokens][hidden] */
    size_t hidden, tokens, room;
    bool wanted; /* the states; the vectors alone otherwise */
};

struct sequences {
    struct batcher *batcher;
    struct inside *inside; /* NULL: vectors of unit length, from the batcher */
    size_t width;
    bool bulk;
    int64_t deadline_ms;
    const atomic_bool *cancelled;
    struct slice slices[2];
    int filling; /* which slice */
    float *vectors;
    size_t count; /* sequences added */
    size_t room;  /* rows */
};

/* The last three as in struct batch_job. */
void sequences_init(struct sequences *s, struct batcher *b, size_t width, bool bulk, int64_t deadline_ms,
                    const atomic_bool *cancelled);

/* Room for the n ids of one more sequence, to be filled before the next call. May wait for a slice, and so
 * return what batcher_wait does. */
enum status sequences_add(struct sequences *s, size_t n, int32_t **ids, struct error *err);
enum status sequences_finish(struct sequences *s, struct error *err);

/* Waits for what is under way. */
void sequences_release(struct sequences *s);

#endif

#include "server/sequences.h"

#include <stdlib.h>
#include <string.h>

#include "server/engine.h"

#define INSIDE_TOKENS 65536 /* whose states one answer has room for */
#define SLICE_TOKENS  16384 /* half a second of work: both threads stay busy while the other slice is filled \
                             */
#define LEAST_ROOM 4096     /* bytes of an array */

void sequences_init(struct sequences *s, struct batcher *b, size_t width, bool bulk, int64_t deadline_ms,
                    const atomic_bool *cancelled)
{
    *s = (struct sequences){
        .batcher = b, .width = width, .bulk = bulk, .deadline_ms = deadline_ms, .cancelled = cancelled};
}

/* Room for `wanted` elements of `size` bytes at *array, which holds *room. */
static bool reserve(void *array, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room)
        return true;
    size_t larger = wanted + wanted / 2, least = LEAST_ROOM / size;
    void *old, *grown;
    larger = larger < least ? least : larger;
    memcpy(&old, array, sizeof old);
    if (larger > SIZE_MAX / size || (grown = realloc(old, larger * size)) == NULL)
        return false;
    memcpy(array, &grown, sizeof grown);
    *room = larger;
    return true;
}

/* Waits for a slice and appends its rows. */
static enum status collect(struct sequences *s, struct slice *slice, struct error *err)
{
    if (!slice->submitted)
        return STATUS_OK;
    slice->submitted = false;
    enum status status = batcher_wait(s->batcher, &slice->job, err);
    if (status == STATUS_OK &&
        !reserve(&s->vectors, &s->room, slice->first + slice->count, s->width * sizeof(float)))
        status = error_memory(err, "embedding");
    if (status == STATUS_OK)
        memcpy(s->vectors + slice->first * s->width, slice->vectors, slice->count * s->width * sizeof(float));
    slice->count = slice->id_count = 0;
    return status;
}

/* Runs a slice here, and appends its rows as they are before they are scaled, and its states. */
static enum status look_inside(struct sequences *s, struct slice *slice, struct error *err)
{
    struct inside *inside = s->inside;
    size_t first = s->count - slice->count, tokens = inside->tokens + slice->id_count;
    if (inside->wanted && tokens > INSIDE_TOKENS)
        return error_set(err, STATUS_TOO_LARGE, "the texts have more than %d tokens; send fewer at a time",
                         INSIDE_TOKENS);
    if (s->cancelled != NULL && atomic_load(s->cancelled))
        return error_set(err, STATUS_CANCELLED, "nobody waits for the answer any more");
    if (s->deadline_ms != 0 && monotonic_ms() >= s->deadline_ms)
        return error_set(err, STATUS_DEADLINE, "the time of the request is up; send fewer texts at a time");
    if (!reserve(&s->vectors, &s->room, s->count, s->width * sizeof(float)) ||
        (inside->wanted && !reserve(&inside->states, &inside->room, tokens, inside->hidden * sizeof(float))))
        return error_memory(err, "embedding");
    enum status status = embedder_look_inside(
        inside->embedder, slice->ids, slice->starts, slice->count, s->vectors + first * s->width,
        inside->wanted ? inside->states + inside->tokens * inside->hidden : NULL, err);
    inside->tokens = tokens;
    slice->count = slice->id_count = 0;
    return status;
}

static enum status submit(struct sequences *s, struct error *err)
{
    struct slice *slice = &s->slices[s->filling];
    if (s->inside != NULL)
        return look_inside(s, slice, err);
    if (!reserve(&slice->vectors, &slice->vector_room, slice->count, s->width * sizeof(float)))
        return error_memory(err, "embedding");
    slice->job = (struct batch_job){.ids = slice->ids,
                                    .starts = slice->starts,
                                    .n = slice->count,
                                    .out = slice->vectors,
                                    .bulk = s->bulk,
                                    .deadline_ms = s->deadline_ms,
                                    .cancelled = s->cancelled};
    slice->first = s->count - slice->count;
    slice->submitted = true;
    batcher_submit(s->batcher, &slice->job);
    s->filling = !s->filling;
    return collect(s, &s->slices[s->filling], err);
}

enum status sequences_add(struct sequences *s, size_t n, int32_t **ids, struct error *err)
{
    if (s->slices[s->filling].id_count >= SLICE_TOKENS) {
        enum status status = submit(s, err);
        if (status != STATUS_OK)
            return status;
    }
    struct slice *slice = &s->slices[s->filling];
    if (!reserve(&slice->ids, &slice->id_room, slice->id_count + n, sizeof *slice->ids) ||
        !reserve(&slice->starts, &slice->room, slice->count + 2, sizeof *slice->starts))
        return error_memory(err, "embedding");
    *ids = slice->ids + slice->id_count;
    slice->starts[slice->count++] = (uint32_t)slice->id_count;
    slice->id_count += n;
    slice->starts[slice->count] = (uint32_t)slice->id_count;
    s->count++;
    return STATUS_OK;
}

enum status sequences_finish(struct sequences *s, struct error *err)
{
    enum status status = s->slices[s->filling].count > 0 ? submit(s, err) : STATUS_OK;
    for (int i = 0; i < 2 && status == STATUS_OK; i++)
        status = collect(s, &s->slices[i], err);
    return status;
}

void sequences_release(struct sequences *s)
{
    for (int i = 0; i < 2; i++) {
        struct slice *slice = &s->slices[i];
        if (slice->submitted)
            batcher_wait(s->batcher, &slice->job, NULL);
        free(slice->ids);
        free(slice->starts);
        free(slice->vectors);
    }
    free(s->vectors);
    *s = (struct sequences){0};
}

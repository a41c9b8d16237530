/* A store in a folder of its own, for the tests of index/. Vectors have SCRATCH_WIDTH numbers. */
#ifndef COGNATE_TESTS_SCRATCH_STORE_H
#define COGNATE_TESTS_SCRATCH_STORE_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/index.h"

#define SCRATCH_WIDTH 8

static char scratch_folder[] = "/tmp/cognate-store-XXXXXX";
static char scratch_path[64];

static int scratch_make(void **state)
{
    (void)state;
    memcpy(strrchr(scratch_folder, '-') + 1, "XXXXXX", 6);
    if (mkdtemp(scratch_folder) == NULL)
        return -1;
    snprintf(scratch_path, sizeof scratch_path, "%s/s.db", scratch_folder);
    return 0;
}

static int scratch_clean(void **state)
{
    (void)state;
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", ".lock", ".copy", NULL};
         *end != NULL; end++) {
        char file[96];
        snprintf(file, sizeof file, "%s%s", scratch_path, *end);
        unlink(file);
    }
    return rmdir(scratch_folder);
}

static inline struct store *scratch_open(enum store_mode mode)
{
    struct store *s = NULL;
    struct error err = {0};
    if (store_open(scratch_path, mode, cpu_best(), &s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return s;
}

static inline void scratch_create(struct store *s, const char *name)
{
    struct error err = {0};
    struct collection_settings settings = {.name = text_of(name),
                                           .model = text_of("m"),
                                           .space_id = {1, 2, 3},
                                           .width = SCRATCH_WIDTH,
                                           .passage_tokens = 200,
                                           .passage_overlap = 40};
    if (store_collection_create(s, &settings, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static inline struct collection *scratch_collection(struct store *s, const char *name)
{
    struct collection *c = NULL;
    struct error err = {0};
    if (store_collection_open(s, text_of(name), &c, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return c;
}

/* A unit vector that differs for each n. */
static inline void scratch_vector(size_t n, float *out)
{
    for (size_t i = 0; i < SCRATCH_WIDTH; i++)
        out[i] = 0;
    out[n % SCRATCH_WIDTH] = 0.8f;
    out[(n / SCRATCH_WIDTH + n + 1) % SCRATCH_WIDTH] += 0.6f;
    if (out[n % SCRATCH_WIDTH] > 1)
        out[n % SCRATCH_WIDTH] = 1;
}

/* Puts one document of one passage; the content, and so its hash, is the text. */
static inline struct put_result scratch_put(struct collection *c, const char *id, const char *text,
                                            size_t vector, enum put_mode mode)
{
    float floats[SCRATCH_WIDTH];
    struct passage_row passage = {.end = strlen(text), .tokens = 1, .vector = floats};
    struct document_row row = {.id = text_of(id),
                               .lang = text_of("en"),
                               .text = text_of(text),
                               .passages = &passage,
                               .passage_count = 1};
    struct put_result result = {0};
    struct error err = {0};
    scratch_vector(vector, floats);
    snprintf((char *)row.content_hash, sizeof row.content_hash, "%.31s", text);
    if (collection_put(c, &row, 1, mode, &result, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return result;
}

/* The id of the nearest document, "" when there is none. */
static inline const char *scratch_nearest(struct collection *c, size_t vector)
{
    static char id[32];
    float floats[SCRATCH_WIDTH];
    struct hits hits = {0};
    struct error err = {0};
    scratch_vector(vector, floats);
    if (collection_search(c, &(struct search_query){.vector = floats, .k = 1, .min_cosine = -2}, 1, &hits,
                          &err) != STATUS_OK)
        fail_msg("%s", err.text);
    snprintf(id, sizeof id, "%s", hits.count > 0 ? hits.items[0].id.data : "");
    hits_release(&hits);
    return id;
}

#endif

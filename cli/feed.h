/* Documents into a collection, batch by batch; each batch is one transaction.
 *
 *     struct feed f;
 *     feed_init(&f, session, client, "default", print_rows, &err);
 *     feed_add(&f, document, &err);            // sends a batch when it is full
 *     feed_flush(&f, &err);
 *     use(f.created, f.failed);
 *     feed_release(&f);
 */
#ifndef COGNATE_CLI_FEED_H
#define COGNATE_CLI_FEED_H

#include <jansson.h>

#include "cli/client.h"

/* Enough texts to keep every core busy, and few enough that little is lost when the run is cut off. */
#define FEED_ROWS  96
#define FEED_BYTES ((size_t)256 << 10)

struct feed {
    struct session *session;
    struct client *client; /* NULL: documents are only counted */
    struct buf path;
    bool print_rows; /* as JSON, what became of each */
    json_t *batch;
    size_t bytes; /* of text in the batch */
    uint64_t rows, created, updated, unchanged, failed, passages, tokens;
};

enum status feed_init(struct feed *f, struct session *s, struct client *c, const char *collection,
                      bool print_rows, struct error *err);
/* Sends what is in hand, and turns to another collection. */
enum status feed_turn(struct feed *f, const char *collection, struct error *err);
void feed_release(struct feed *f); /* accepts a zeroed one */

/* Takes over the document. */
enum status feed_add(struct feed *f, json_t *document, struct error *err);
enum status feed_flush(struct feed *f, struct error *err);

#endif

/* What a store must hold: documents that follow from a few numbers, and the searches that follow from those.
 */
#ifndef COGNATE_TESTS_STORE_LEDGER_H
#define COGNATE_TESTS_STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "index/index.h"

#define LEDGER_DOCUMENTS 20
#define LEDGER_WIDTH     8

struct ledger {
    unsigned version[LEDGER_DOCUMENTS]; /* of a document's content; 0: it is not there */
    unsigned note[LEDGER_DOCUMENTS];    /* a number in its metadata */
    unsigned model;                     /* which of two made the vectors */
};

/* A row to be put, with the memory it refers to. */
struct ledger_row {
    struct document_row row;
    struct passage_row passages[2];
    float vectors[2][LEDGER_WIDTH];
    char id[8], text[400], metadata[48];
};
void ledger_row(const struct ledger *l, unsigned document, struct ledger_row *out);

unsigned ledger_document(struct text id); /* the number in an id; LEDGER_DOCUMENTS for a foreign one */

void ledger_settings(const struct ledger *l, const char *name, struct collection_settings *out);

/* Whether the collection holds these documents and no others, to the letter. */
enum status ledger_holds(const struct ledger *l, struct collection *c, bool *out, struct error *err);

/* Searches by meaning, with a filter, by words and by both; *out when all found what there is to find.
 * `round` picks the queries. */
enum status ledger_searches(const struct ledger *l, struct collection *c, unsigned round, bool *out,
                            struct error *err);

#endif

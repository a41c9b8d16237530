/* The spare vector space of a collection: how its model is changed. The course of it is in space.c.
 *
 *     collection_spare_add(c, &settings_of_the_new_model, &err);
 *     store_spare_open(s, name, &spare, &err);            // a handle like others: it can be searched
 *     while (collection_missing(spare, last, 64, &documents, &n, &err) == STATUS_OK && n > 0)
 *         …, collection_fill(spare, rows, n, &err);
 *     collection_cut_over(c, until, &err);                // CONFLICT: something is missing again
 */
#ifndef COGNATE_INDEX_SPACE_H
#define COGNATE_INDEX_SPACE_H

#include "index/index.h"

/* Of the settings, what concerns vectors and passages counts. CONFLICT when there is a spare space. */
enum status collection_spare_add(struct collection *c, const struct collection_settings *settings,
                                 struct error *err);

/* NOT_FOUND when the collection has none. */
enum status store_spare_open(struct store *s, struct text name, struct collection **out, struct error *err);

/* Documents that have no passages in the handle's space, with numbers above `after`, in their order. */
struct missing_document {
    int64_t number;
    struct document document; /* id, title, lang and text */
    unsigned char content_hash[32];
};
enum status collection_missing(struct collection *c, int64_t after, size_t most,
                               struct missing_document **out, size_t *n, struct error *err);
void missing_documents_free(struct missing_document *documents, size_t n);

/* Adds passages in the handle's space to documents that have none there and still have this content; others
 * are passed over. */
enum status collection_fill(struct collection *c, const struct document_row *rows, size_t n,
                            struct error *err);

/* Makes the spare space the active one; the other is kept as the spare one until then. CONFLICT when a
 * document is missing in it. Handles on either stay as they are. */
enum status collection_cut_over(struct collection *c, int64_t kept_until, struct error *err);

enum status collection_spare_drop(struct collection *c, struct error *err);

/* Tokens of all passages in the handle's space: what embedding them took. */
enum status collection_tokens(struct collection *c, uint64_t *out, struct error *err);

/* Drops the spare spaces whose time is over. */
enum status store_sweep_spaces(struct store *s, struct error *err);

#endif

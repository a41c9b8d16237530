/* The keyword index: postings of the words of each passage and of its document's title, in one FTS5 table a
 * vector space, keywords_N. Texts stay where they are; the table keeps none.
 *
 * Postings are written and taken back within the writer's turn, in the transaction that changes what they are
 * about. Taking back reads what was written: it must happen while titles, texts and passages are still those
 * that were given to keyword_add.
 *
 * A row of spaces says by which rules its postings were made (keyword_rules; empty when the space has none)
 * and that every passage below keyword_next has them. Rules are a version of words.h and ICU's, whose
 * dictionaries change from version to version; when they are others, postings are made anew, step by step,
 * when the store is next opened for writing. An interrupted run goes on from keyword_next.
 */
#ifndef COGNATE_INDEX_KEYWORD_H
#define COGNATE_INDEX_KEYWORD_H

#include "index/sql.h"

#define KEYWORD_TITLE_BYTES 1024 /* of a title; it counts in each passage of its document */

/* CORRUPT when there is a table too many or too few, or another than was made. */
enum status keyword_check_tables(struct sql *c, struct error *err);

/* CORRUPT when a complete table lacks a passage of its space, or has one too many. */
enum status keyword_check_rows(struct sql *c, struct error *err);

/* Makes the table of a space that has none, empty, and counts its passages as not yet there. */
enum status keyword_create(struct sql *c, int64_t space, struct error *err);

/* Drops the table of a space, if it has one, and says so in its row. */
enum status keyword_drop(struct sql *c, int64_t space, struct error *err);

enum status keyword_drop_all(struct sql *c, int64_t collection, struct error *err); /* of all its spaces */

/* Whether a space has a table, and in it the postings of all its passages by the rules of this program. */
enum status keyword_ready(struct sql *c, int64_t space, bool *kept, bool *ready, struct error *err);

/* Adds the postings of the passages with numbers from `first` to before `end`, all of one space, if that has
 * a table. None of them may have postings yet. */
enum status keyword_add(struct sql *c, int64_t first, int64_t end, struct error *err);

/* Takes back the postings of passages, whatever their spaces; sorts `passages`, since FTS5 wants rising
 * numbers; one that is named twice is taken back once.  * Passages of spaces without a table have none, nor
 * have those from keyword_next on. */
enum status keyword_remove(struct sql *c, int64_t *passages, size_t n, struct error *err);

/* Adds the postings of those of the passages that are still there, after keyword_remove and a change. */
enum status keyword_restore(struct sql *c, int64_t *passages, size_t n, struct error *err);

/* Within the writer's turn: one step of bringing a table's postings together, without those taken back;
 * whether there is more to do. `begin` with the first step. */
enum status keyword_tidy(struct sql *c, int64_t space, bool begin, bool *more, struct error *err);

/* Outside of a transaction: makes what is missing in the store, a few thousand passages a transaction. */
enum status keyword_fill(struct sql *c, struct error *err);

#endif

/* What FTS5, SQLite's keyword index, is taught on each connection.
 *
 *     cognate               a tokenizer: the words of words.h, in documents. In a query each string is one word
 *                           as it stands, so that a query is made of words that were found and folded before,
 *                           and nothing that a person typed is read as FTS5's syntax.
 *     tally(T)              of a row that matched one phrase: how often it occurs in title and text, and how
 *                           many words the text has, packed as FTS_… below say
 *     average(T, column)    mean length of a column, in words
 */
#ifndef COGNATE_INDEX_FTS_H
#define COGNATE_INDEX_FTS_H

#include <sqlite3.h>

#include "common/status.h"

/* Fields of a tally; larger numbers are cut to the largest that fits. */
#define FTS_TITLE_COUNT(t) ((unsigned)((t)&0xff))
#define FTS_TEXT_COUNT(t)  ((unsigned)((t) >> 8 & 0xffff))
#define FTS_TEXT_LENGTH(t) ((unsigned)((t) >> 24 & 0xffffff))

/* UNSUPPORTED when this SQLite has no FTS5. */
enum status fts_register(sqlite3 *db, struct error *err);

#endif

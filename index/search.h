/* Inside of a search, shared by its steps.
 *
 *     search.c     the call: filter, the steps below, the answer
 *     probe.c         of a large collection: rows that are worth a look
 *     sweep.c      1. scores of all int8 rows with the bounds of their errors → candidates
 *     rescore.c    2. scores of candidates from the stored floats → the k best
 *     meaning.c    3. those of the page wanted, or unlike each other
 *     blend.c         or by keywords, or both legs in one list, when the mode says so
 *     hits.c       4. texts of what was found
 *
 * A search stands on one state of the collection, in the file (`sql`) and in memory (read lock), from its
 * first step to its last (collection_view).
 */
#ifndef COGNATE_INDEX_SEARCH_H
#define COGNATE_INDEX_SEARCH_H

#include "index/bm25.h"
#include "index/filter.h"
#include "index/fusion.h"
#include "index/passage_langs.h"
#include "index/store.h"
#include "index/terms.h"
#include "index/topk.h"

#define BLEND_DEPTH                                                                                          \
    100 /* documents of each leg of a hybrid search of up to as many hits; otherwise SEARCH_MOST */
#define SEARCH_ROUNDING 1e-12 /* of the double arithmetic on scores */

/* A row whose highest possible score may be among the k best. */
struct candidate {
    double highest; /* score plus bound */
    uint64_t print; /* of its floats (resident.h) */
    int64_t document, passage;
};

struct search {
    struct collection *c;
    const struct search_query *query;
    struct sql *sql;
    const struct document_set *allowed; /* NULL: every document, except */
    const struct document_set *expired; /* these; NULL: none */
    const struct passage_langs *langs;  /* and of the allowed ones these passages; NULL: all */
    struct scan_query scan; /* of the turned query */
    void *scan_memory;
    double *unit;  /* the query at length 1 */
    float *vector; /* a stored one, aligned */

    struct topk sure;             /* the k documents of the highest score minus bound */
    struct topk best;             /* the k documents of the highest exact score so far, */
    struct document_set tied;     /* and those that stand outside with the k-th score */
    struct candidate *candidates; /* what has not been scored exactly yet */
    size_t count, capacity;
    unsigned no_glance; /* for so many stretches (sweep.c) */
    unsigned lane;      /* of the sweep's memory */
    struct search_probe {
        uint64_t *rows;  /* bits of the slots that the next pass looks at, and behind them as many of those
                            that  were looked at; NULL: all are */
        size_t words;    /* of either */
        float *cosines;  /* of the centres */
        float reached;   /* clusters with centres from here on have been looked into */
        float least;     /* none with one below is */
        size_t clusters; /* looked into */
    } probe;
    uint64_t passed, rescored, generation;
    struct filter_report filter;
    struct search_times times;

    struct terms terms; /* of modes with keywords, with */
    struct bm25 words;  /* their scores */

    struct fusion_item *found; /* best first; their names are owned */
    size_t found_count;
    bool exact;

    enum status status; /* of a search that went wrong in a pass of several */
    struct error *err;
};

/* What a row must be able to reach to matter. */
double search_floor(const struct search *s);

bool search_late(const struct search_query *query);
enum status search_too_late(struct error *err); /* DEADLINE */

/* "… is damaged: passage 7 is not what it was" */
enum status search_damaged(const struct search *s, int64_t passage);

/* Takes a row into the candidates; its exact score is within bound of score. */
enum status search_offer(struct search *s, const struct candidate *row, double lowest);

/* Scores the candidates exactly and forgets them. */
enum status search_rescore(struct search *s);

/* Leaves the k best in s->best, best first; of documents with the k-th score those whose ids come first. */
enum status search_settle(struct search *s);

/* The exact cosine of one passage, from its stored floats. */
enum status search_cosine(struct search *s, int64_t passage, double *out);

/* Documents that a leg looks for: k; those of the pages before too; a pool to choose from; more when there
 * are two legs. */
size_t search_depth(const struct search_query *query);

/* Reads the id of a found document into its name, for ties. */
enum status search_name(struct search *s, struct fusion_item *item);

/* Chooses the rows that a search looks at first, when it need not look at all; s->exact says which. */
enum status search_probe(struct search *s);

/* After a pass: the further rows that are worth one; false when none are. */
bool search_widen(struct search *s);

/* After all passes, and rescoring: whether rows that were not looked at are needed after all. */
bool search_fell_short(const struct search *s);

void search_probe_end(struct search *s); /* all rows, from now on */

/* What was found: by meaning, from s->best; or by words, with s->best where the mode is hybrid. */
enum status search_meaning(struct search *s);
enum status search_words(struct search *s);

/* Reads the texts of s->found; equal scores are put in the order of ids. */
enum status search_hits(struct search *s, struct hits *out);

#endif

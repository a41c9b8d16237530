/* Documents, passages and vectors in one SQLite file; exact cosine search over them.
 *
 *     struct store *s = NULL;
 *     struct collection *c = NULL;
 *     struct hits hits = {0};
 *     if (store_open("docs.db", STORE_WRITE, cpu_best(), &s, &err) != STATUS_OK) …
 *     if (store_collection_open(s, text_of("default"), &c, &err) != STATUS_OK) …
 *     if (collection_search(c, &(struct search_query){.vector = v, .k = 5}, 1, &hits, &err) == STATUS_OK)
 *         for (size_t i = 0; i < hits.count; i++)
 *             use(hits.items[i].id, hits.items[i].cosine);
 *     hits_release(&hits);
 *     collection_release(c);
 *     store_close(s);
 *
 * Rows are the truth; memory holds an int8 copy of the vectors, loaded on first use and brought up to date
 * after each commit. Every call is safe from any number of threads. One process at a time opens a file for
 * writing; any number may read it meanwhile. Opening for reading never changes the file.
 *
 * Texts in results are owned by the result and end with a NUL that `len` does not count.
 */
#ifndef COGNATE_INDEX_INDEX_H
#define COGNATE_INDEX_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpu.h"
#include "common/status.h"
#include "common/text.h"

enum store_mode { STORE_READ, STORE_WRITE };

struct store;
struct collection;

/* Opens a store, for writing creating it when it is missing. CONFLICT when another process holds it for
 * writing (the message names its process number), NOT_FOUND when it is missing for reading, CORRUPT or
 * INVALID when it is no store, UNSUPPORTED when a newer program wrote it. */
enum status store_open(const char *path, enum store_mode mode, enum isa isa, struct store **out,
                       struct error *err);
const char *store_path(const struct store *s); /* absolute */
void store_close(struct store *s);             /* accepts NULL; every collection must have been released */

struct store_info {
    int schema_version;
    int64_t file_bytes; /* database and write-ahead log */
    const char *sqlite_version;
};
enum status store_info(struct store *s, struct store_info *out, struct error *err);

/* Reads every page and every checksum the store keeps; CORRUPT with the first finding. */
enum status store_check(struct store *s, struct error *err);

/* Who is told how far long work is, now and then; returning false ends the work with CANCELLED. */
struct watcher {
    bool (*tell)(void *context, uint64_t done, uint64_t total);
    void *context;
};

/* Gives unused space back to the file system while the store is in use. */
struct compacted {
    int64_t before, after; /* bytes of database and log */
    bool anew;             /* the whole file was written again, not only cut */
};
enum status store_compact(struct store *s, const struct watcher *w, struct compacted *out, struct error *err);

/* Copies the store as it is at one moment to a file that stands alone, while others read and write. The file
 * appears under its name when it is whole. CONFLICT when `path` is there and not to be replaced. `w` may be
 * NULL; it hears bytes. */
enum status store_backup(struct store *s, const char *path, bool replace, const struct watcher *w,
                         struct error *err);

/* Puts a backup in the place of a store that nobody has open for writing, after its copy has passed
 * store_check. CONFLICT when there is a store and it is not to be replaced, or a process writes it. */
struct store_counts {
    uint64_t collections, documents, passages;
    int64_t bytes;
};
enum status store_restore(const char *backup, const char *path, bool replace, const struct watcher *w,
                          struct store_counts *out, struct error *err);

/* ---- collections ---- */

struct collection_settings {
    struct text name;  /* 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or digit */
    struct text model; /* for people; space_id decides */
    unsigned char space_id[32];
    uint32_t width; /* of the vectors */
    uint32_t passage_tokens, passage_overlap;
    bool no_keywords; /* no keyword index: it takes in faster, and searches by meaning alone */
};

struct collection_info {
    struct collection_settings settings; /* texts owned by the result */
    uint64_t documents, passages;
    int64_t created, updated; /* Unix milliseconds */
    uint64_t generation;      /* changes with every commit to the collection */
};

enum status store_collection_create(struct store *s, const struct collection_settings *settings,
                                    struct error *err); /* CONFLICT when the name is taken */
enum status store_collection_delete(struct store *s, struct text name, struct error *err);
enum status store_collections(struct store *s, struct collection_info **out, size_t *n,
                              struct error *err); /* by name */
void collection_infos_free(struct collection_info *infos, size_t n);

/* A counted reference; deleting a collection that is in use makes further calls on it return NOT_FOUND. */
enum status store_collection_open(struct store *s, struct text name, struct collection **out,
                                  struct error *err);
void collection_release(struct collection *c); /* accepts NULL */
enum status collection_info(struct collection *c, struct collection_info *out, struct error *err);
void collection_info_release(struct collection_info *info);

/* Counts of documents by language tag, most first. */
struct language_count {
    struct text lang;
    uint64_t documents;
};
enum status collection_languages(struct collection *c, struct language_count **out, size_t *n,
                                 struct error *err);
void language_counts_free(struct language_count *counts, size_t n);

/* A field of the metadata, by name, with its most frequent values, most documents first: for people to filter
 * by. Lists and objects are left out. */
struct facet_value {
    struct text json; /* a JSON string, number, true or false */
    uint64_t documents;
};
struct facet {
    struct text field;
    uint64_t distinct; /* values there are */
    struct facet_value *values;
    size_t count; /* at most `most` of them */
};
enum status collection_facets(struct collection *c, size_t most, struct facet **out, size_t *n,
                              struct error *err);
void facets_free(struct facet *facets, size_t n);

/* Passages on a plane, near ones near each other (layout.h says how): all of them, or an even sample of about
 * `most`. Takes seconds for tens of thousands; CANCELLED soon after go_on, asked from time to time, is false.
 */
#define MAP_MOST 50000
struct map_document {
    struct text id, lang, title, metadata;
};
struct map_point {
    uint32_t document; /* index into documents */
    size_t start_char, end_char;
    float x, y; /* centred on 0 */
};
struct collection_map {
    struct map_document *documents;
    struct map_point *points;
    size_t document_count, point_count;
    uint64_t passages; /* of the collection, whether or not they are on the map */
};
enum status collection_map(struct collection *c, size_t most, bool (*go_on)(void *), void *context,
                           struct collection_map *out, struct error *err);
void collection_map_release(struct collection_map *map); /* accepts a zeroed one */

/* Declares which fields of the metadata have an index, so that filters on them do not read every document:
 * these, and no others. What is there already is indexed before the call returns. At most FIELDS_MOST names
 * of 1 to 256 bytes. */
#define FIELDS_MOST 64
enum status collection_declare(struct collection *c, const struct text *fields, size_t n, struct error *err);

/* Gives up the keyword index of a collection, or makes it of what is there, in one transaction: about 10,000
 * passages a second, during which other writes wait and searches go on. */
enum status collection_keep_keywords(struct collection *c, bool keep, struct error *err);

/* The declared fields by name. */
enum status collection_filterable(struct collection *c, struct text **out, size_t *n, struct error *err);
void collection_filterable_free(struct text *fields, size_t n);

/* ---- documents ---- */

#define PASSAGE_LANG_BYTES 16

struct passage_row {
    size_t start, end; /* bytes of the document's text, on character borders */
    uint32_t tokens;
    char lang[PASSAGE_LANG_BYTES]; /* BCP 47, when it is another one than the document's; else empty */
    const float *vector;           /* `width` floats of unit length */
};

struct document_row {
    struct text id; /* 1 to 512 bytes of UTF-8 without control characters */
    struct text title, lang, text;
    struct text metadata;           /* a JSON object, or empty */
    int64_t expires;                /* Unix milliseconds from which on it is not there; 0: never */
    unsigned char content_hash[32]; /* of everything the vectors depend on besides the space */
    const struct passage_row *passages;
    size_t passage_count;
    bool reuse; /* the vectors are already here (see collection_plan); passages are ignored */
};

enum put_mode {
    PUT_UPSERT,
    PUT_CREATE, /* a row whose id exists fails with CONFLICT */
    PUT_UPDATE  /* a row whose id does not exist fails with NOT_FOUND */
};

enum put_outcome { PUT_CREATED, PUT_UPDATED, PUT_UNCHANGED, PUT_FAILED };

struct put_result {
    enum put_outcome outcome;
    uint32_t passages;
    struct error error; /* of a failed row */
};

/* What must be embedded before collection_put: for each row, false when vectors for its content_hash are in
 * the collection, under its own id or another's (a moved file), so that it can be put with `reuse`. */
enum status collection_plan(struct collection *c, const struct document_row *rows, size_t n, bool *embed,
                            struct error *err);

/* Writes rows in one transaction: documents, passages and vectors appear together or not at all; on return
 * they are searchable and survive a crash of the process and of the machine. A row at fault fails alone (its
 * result says why); a return other than OK means that nothing was written. Rows are taken in order: of those
 * with one id the last counts, except that PUT_CREATE refuses all but the first. */
enum status collection_put(struct collection *c, const struct document_row *rows, size_t n,
                           enum put_mode mode, struct put_result *results, struct error *err);

struct document {
    struct text id, title, lang, text, metadata;
    int64_t created, updated; /* Unix milliseconds */
    int64_t expires;          /* the same; 0: never */
    uint32_t passages;
};

enum status collection_get(struct collection *c, struct text id, struct document *out, struct error *err);
void document_release(struct document *d);

/* Documents with id > after, by id, at most `limit`; texts are left out unless with_text. */
enum status collection_documents(struct collection *c, struct text after, size_t limit, bool with_text,
                                 struct document **out, size_t *n, struct error *err);
void documents_free(struct document *documents, size_t n);

/* The passages of a document with their vectors, in one block that the caller frees; none when there is no
 * such document. */
enum status collection_passages(struct collection *c, struct text id, struct passage_row **out, size_t *n,
                                struct error *err);

/* New facts of a document; NULL leaves a value as it is. */
struct document_patch {
    const struct text *title, *lang, *metadata;
    const int64_t *expires;
};

/* Replaces facts without touching vectors. NOT_FOUND when there is no such document. The vectors stay those
 * of the title they were made with, until the document is put again. */
enum status collection_patch(struct collection *c, struct text id, const struct document_patch *patch,
                             struct error *err);

/* Deletes by id, in one transaction; ids that do not exist are not counted. */
enum status collection_delete(struct collection *c, const struct text *ids, size_t n, uint64_t *deleted,
                              struct error *err);

/* Deletes the documents that meet `filter` (NULL: all) and whose ids begin with `prefix`, in one transaction;
 * with `dry` only counts them. */
struct filter;
enum status collection_delete_where(struct collection *c, const struct filter *filter, struct text prefix,
                                    bool dry, uint64_t *deleted, struct error *err);

/* Deletes documents whose time is over, of all collections, a batch to a transaction. They are hidden from
 * the moment itself; this gives their space back. */
enum status store_sweep(struct store *s, uint64_t *deleted, struct error *err);

/* The direction of a document: the mean of its passages' unit vectors, made of unit length; `width` floats.
 * NOT_FOUND when there is no such document, or none with a passage. */
enum status collection_vector(struct collection *c, struct text id, float *out, struct error *err);

/* Passages that an earlier version of this program put have no language of their own yet: tells it, a
 * thousand of them a transaction. Goes on where it was interrupted, and does nothing in a store that has no
 * such passage. Until then they count as being in the language of their document. */
typedef void passage_namer(struct text passage, struct text document_lang, char out[PASSAGE_LANG_BYTES]);
enum status store_tell_languages(struct store *s, passage_namer *name, struct error *err);

/* ---- search ---- */

#define SEARCH_MOST  1000  /* documents in one answer, */
#define SEARCH_PAGES 10000 /* and on all pages of it together */

enum filter_kind {
    FILTER_AND,   /* all of items; true when empty */
    FILTER_OR,    /* one of items; false when empty */
    FILTER_NOT,   /* not items[0] */
    FILTER_FIELD, /* a metadata field against values */
    FILTER_LANG,  /* the document's language is one of values; "zh" takes "zh-Hant" too */
    FILTER_ID     /* the document's id is one of values */
};

enum filter_operator {
    OP_IN,
    OP_GT,
    OP_GTE,
    OP_LT,
    OP_LTE,
    OP_PREFIX,
    OP_EXISTS
}; /* eq is OP_IN with one value; exists takes one bool, or none for true */

enum filter_type { FILTER_STRING, FILTER_NUMBER, FILTER_BOOL, FILTER_NULL };

struct filter_value {
    enum filter_type type;
    struct text string;
    double number; /* also 0 and 1 of a bool */
};

struct filter {
    enum filter_kind kind;
    const struct filter *items;
    size_t item_count;
    struct text field; /* a top-level metadata key */
    enum filter_operator op;
    const struct filter_value *values;
    size_t value_count;
};

enum search_mode {
    SEARCH_SEMANTIC, /* by the cosine of the vectors alone */
    SEARCH_KEYWORD,  /* by the words of the text alone (BM25); the vector is not looked at */
    SEARCH_HYBRID    /* both; see fusion.h */
};

enum fusion { FUSION_SUM, FUSION_RRF };

/* The last hit of the page before, and how many there were on it and those before. Over one generation of the
 * collection pages neither repeat nor leave out a document. */
struct search_page {
    size_t seen; /* 0: the first page */
    double cosine;
    struct text id;
};

struct search_query {
    enum search_mode mode;
    enum fusion fusion;  /* of SEARCH_HYBRID */
    struct text words;   /* of the other modes: words, "phrases", beginnings*; any valid UTF-8 */
    double relevance[2]; /* of SEARCH_HYBRID: slope and intercept of P(relevant | cosine); 0: unknown */
    const float *vector; /* `width` floats of unit length */
    size_t k;            /* documents wanted, 1 to SEARCH_MOST */
    const struct filter *filter; /* NULL for none; applied before the search */
    const struct text *langs;    /* passages in one of these languages alone ("zh" takes "zh-Hant" too), */
    size_t lang_count; /* whatever their documents'; 0: any. Applied before the search, like the filter */
    const struct text *except; /* ids of documents that are passed over */
    size_t except_count;
    double min_cosine;        /* hits below are left out; use -2 for none */
    struct search_page after; /* of SEARCH_SEMANTIC: where the page before ended */
    bool exact;          /* all rows are looked at, however many there are; pages after the first do so too */
    double diversity;    /* of SEARCH_SEMANTIC: 0 for the nearest, up to 1 (diversity.h) */
    int64_t deadline_ms; /* CLOCK_MONOTONIC milliseconds, 0 for none; DEADLINE when passed */
};

struct mark {
    size_t start, end; /* bytes of the document's text */
};

struct hit {
    struct text id, title, lang, metadata;
    struct text passage;         /* the best passage's text, */
    struct text passage_lang;    /* and its language: its own, or the document's */
    size_t start, end;           /* its bytes in the document's text, */
    size_t text_bytes;           /* of which there are so many */
    size_t start_char, end_char; /* the same in code points */
    double score;                /* what hits are ordered by: the cosine, bm25, or both in one (fusion.h) */
    double cosine;    /* of the passage, from the stored floats, in double; NAN by keywords alone */
    double bm25;      /* of the passage; 0 when it has none of the words; NAN by meaning alone */
    double relevance; /* of the cosine, NAN when it is not known; for who knows the model to fill in */
    const struct mark *marks; /* where the passage has words of the query */
    size_t mark_count;
};

/* Milliseconds. Queries that shared a step each say how long it took. `encode` is for who made the vectors.
 */
struct search_times {
    double encode, filter, scan, rescore, fetch;
};

struct hits {
    struct hit *items; /* score descending, ties by id ascending in byte order */
    size_t count;
    const char *plan;    /* "scan", "ivf" (some clusters of the rows), "keywords", "hybrid" or "empty" */
    bool exact;          /* the k best there are, proven; by meaning always so unless clusters were used */
    uint64_t generation; /* of the collection, as it was searched */
    uint64_t candidates; /* passages that passed the filter (by keywords alone: that have a word too); of
                            clusters, those of them that were looked at */
    uint64_t clusters;   /* that were looked into; 0 when all rows were looked at */
    uint64_t rescored;   /* passages whose stored floats were read */
    bool filtered;       /* by a filter, or by languages of passages */
    const char *filter;  /* how its documents were found: "index", "index+rows" or "rows"; NULL without one */
    uint64_t filter_rows; /* documents whose metadata was read for it */
    struct search_times times;
    void *memory;       /* owns all the texts */
    struct mark *marks; /* of all hits */
};

/* ---- clusters ----
 *
 * Of a collection with many passages a search may look into the clusters nearest to the query alone. What was
 * put since they were made is always looked at, what was deleted never; the answer says that it is not exact.
 * k documents come back when k are there: a search that finds fewer, or fewer that reach min_cosine, looks at
 * all after all. With the model the program comes with, about 99 hits of 100 are among the k best there are.
 */
#define CLUSTER_FROM 1000000

/* From how many passages on clusters are made, and used when as many documents pass the filter; CLUSTER_FROM
 * at first. UINT64_MAX: never. */
void store_cluster_from(struct store *s, uint64_t passages);

/* Makes clusters of a collection that is loaded when it has none and is large enough, and when much has
 * changed makes them anew; otherwise does nothing. Searches and writes go on meanwhile. Clusters are in
 * memory alone. `w` may be NULL; it hears passages. */
enum status collection_arrange(struct collection *c, const struct watcher *w, struct error *err);
enum status store_arrange(struct store *s, const struct watcher *w,
                          struct error *err); /* of all that are loaded */

struct cluster_info {
    uint64_t clusters; /* 0: none were made */
    uint64_t loose;    /* passages in none of them, which every search looks at */
    uint64_t bytes;    /* of memory */
    int64_t made;      /* Unix milliseconds */
};
void collection_clusters(struct collection *c, struct cluster_info *out);

/* Says that n queries are on their way, as soon as they have vectors, and that they have come or will not.
 * Optional: when so many are that they fill a pass over memory, those that are here wait for them for a
 * moment. */
void collection_expect(struct collection *c, size_t n);
void collection_came(struct collection *c, size_t n);

/* Answers n queries on one state of the collection into out[0…n-1], all or none. Queries of one call, and
 * calls at the same time, share their passes over memory; those of one call that have one filter (the same
 * pointer, next to each other) share finding its documents. */
enum status collection_search(struct collection *c, const struct search_query *queries, size_t n,
                              struct hits *out, struct error *err);
void hits_release(struct hits *hits); /* accepts a zeroed one */

#endif

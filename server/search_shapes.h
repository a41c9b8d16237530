/* Words of searches in the API, and what they stand for. */
#ifndef COGNATE_SERVER_SEARCH_SHAPES_H
#define COGNATE_SERVER_SEARCH_SHAPES_H

#define SEARCH_COLLECTIONS 16 /* of one search, that of the path included */

/* What a hit can be reduced to. */
enum search_part { COLLECTION, COSINE, BM25, RERANK, RELEVANCE, LANG, TITLE, METADATA, PASSAGE, HIGHLIGHTS };

extern const char *const search_part_names[];   /* by enum search_part, NULL at the end */
extern const char *const search_mode_names[];   /* by enum search_mode */
extern const char *const search_fusion_names[]; /* by enum fusion */

#endif

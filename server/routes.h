/* The handlers and the shapes that the route table (routes.c) names; each lives in the
 * api_*.c of its part. */
#ifndef COGNATE_SERVER_ROUTES_H
#define COGNATE_SERVER_ROUTES_H

#include "server/handler.h"

/* The {…} of a path that a pattern matches, still percent-encoded; false when it does not match. */
bool route_match(const char *pattern, const char *path, struct text captures[CALL_CAPTURES]);

/* api_status.c */
void handle_livez(struct api_call *call);
void handle_readyz(struct api_call *call);
void handle_health(struct api_call *call);
void handle_version(struct api_call *call);
void handle_metrics(struct api_call *call);
void handle_openapi(struct api_call *call);
extern const struct shape shape_alive, shape_version, shape_openapi;

/* api_collections.c */
void handle_collections(struct api_call *call);
void handle_collection_put(struct api_call *call);
void handle_collection_get(struct api_call *call);
void handle_collection_delete(struct api_call *call);
extern const struct shape shape_collection_settings, shape_collection, shape_collections, shape_deleted;

/* api_documents.c, and api_ingest.c for the first */
void handle_ingest(struct api_call *call);
void handle_documents(struct api_call *call);
void handle_document_get(struct api_call *call);
void handle_document_patch(struct api_call *call);
void handle_document_delete(struct api_call *call);
void handle_documents_delete(struct api_call *call);
extern const struct shape shape_document_in, shape_ingest_query, shape_ingest_answer;
extern const struct shape shape_document, shape_document_patch, shape_documents_query, shape_documents;
extern const struct shape shape_ids;

/* api_search.c */
void handle_search(struct api_call *call);
extern const struct shape shape_search, shape_search_query, shape_search_answer;

/* api_embed.c */
void handle_embed(struct api_call *call);
void handle_similarity(struct api_call *call);
void handle_tokenize(struct api_call *call);
extern const struct shape shape_embed, shape_embed_answer;
extern const struct shape shape_similarity, shape_similarity_answer;
extern const struct shape shape_tokenize, shape_tokenize_answer;

/* api_openai.c */
void handle_openai_embeddings(struct api_call *call);
void handle_models(struct api_call *call);
void handle_model(struct api_call *call);
extern const struct shape shape_openai_embeddings, shape_openai_answer, shape_models, shape_model;

#endif

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
extern const struct shape shape_alive, shape_health, shape_version, shape_openapi;

/* api_web.c */
void handle_web_page(struct api_call *call);
void handle_web_file(struct api_call *call);

/* api_collections.c */
void handle_collections(struct api_call *call);
void handle_collection_put(struct api_call *call);
void handle_collection_get(struct api_call *call);
void handle_collection_patch(struct api_call *call);
void handle_collection_delete(struct api_call *call);
extern const struct shape shape_collection_settings, shape_collection_change, shape_collection,
    shape_collections, shape_deleted;

/* api_stats.c */
void handle_stats(struct api_call *call);
extern const struct shape shape_stats;

/* api_map.c */
void handle_map(struct api_call *call);
extern const struct shape shape_map_query, shape_map;

/* api_documents.c, and api_ingest.c for the first */
void handle_ingest(struct api_call *call);
void handle_documents(struct api_call *call);
void handle_document_get(struct api_call *call);
void handle_document_patch(struct api_call *call);
void handle_document_delete(struct api_call *call);
void handle_documents_delete(struct api_call *call);
extern const struct shape shape_document_in, shape_ingest_query, shape_ingest_answer;
extern const struct shape shape_document, shape_document_patch, shape_documents_query, shape_documents;
extern const struct shape shape_documents_delete;

/* api_admin.c, and api_jobs.c for the second */
void handle_backup(struct api_call *call);
void handle_compact(struct api_call *call);

/* api_reembed.c */
void handle_reembed(struct api_call *call);
extern const struct shape shape_reembed, shape_reembed_estimate;

/* api_models.c */
void handle_models_change(struct api_call *call);
extern const struct shape shape_model_change, shape_model_changed;

/* api_export.c */
void handle_export(struct api_call *call);
extern const struct shape shape_export_query;

/* api_jobs.c */
void handle_jobs(struct api_call *call);
void handle_job(struct api_call *call);
void handle_job_cancel(struct api_call *call);
extern const struct shape shape_job, shape_jobs;

/* Queues a job with its rows, and answers 202 with it. */
struct job;
void call_start_job(struct api_call *call, const struct job *job, const struct text *rows, size_t n);

/* api_search.c */
void handle_search(struct api_call *call);
extern const struct shape shape_search, shape_search_query, shape_search_answer;

/* api_embed.c */
void handle_embed(struct api_call *call);
void handle_tokenize(struct api_call *call);
void handle_detect_language(struct api_call *call);
extern const struct shape shape_embed, shape_embed_answer;
extern const struct shape shape_tokenize, shape_tokenize_answer;
extern const struct shape shape_detect, shape_detect_answer;

/* api_similarity.c */
void handle_similarity(struct api_call *call);
extern const struct shape shape_similarity, shape_similarity_answer;

/* api_openai.c */
void handle_openai_embeddings(struct api_call *call);
void handle_models(struct api_call *call);
void handle_model(struct api_call *call);
extern const struct shape shape_openai_embeddings, shape_openai_answer, shape_models, shape_model;

/* api_tei.c */
void handle_tei_embed(struct api_call *call);
void handle_tei_embed_all(struct api_call *call);
void handle_tei_similarity(struct api_call *call);
void handle_tei_any(struct api_call *call);
void handle_tei_tokenize(struct api_call *call);
void handle_tei_decode(struct api_call *call);
void handle_tei_info(struct api_call *call);
extern const struct shape shape_tei_embed_all, shape_tei_states;
extern const struct shape shape_tei_embed, shape_tei_vectors, shape_tei_similarity, shape_tei_scores;
extern const struct shape shape_tei_tokenize, shape_tei_tokens, shape_tei_decode, shape_tei_texts,
    shape_tei_info, shape_tei_any, shape_tei_any_answer;

extern const char *const tei_directions[];          /* "right", "left", … */
enum long_text tei_long_text(const json_t *wishes); /* by truncate and truncation_direction */

/* api_rerank.c */
void handle_rerank(struct api_call *call);
void handle_rerank_any(struct api_call *call);
extern const struct shape shape_rerank, shape_rerank_answer, shape_rerank_any, shape_rerank_any_answer;

/* api_cohere.c */
void handle_cohere_embed(struct api_call *call);
extern const struct shape shape_cohere_embed, shape_cohere_answer;

/* api_tfserving.c */
void handle_tf_predict(struct api_call *call);
void handle_tf_metadata(struct api_call *call);
void handle_tf_status(struct api_call *call);
enum status tf_status_json(struct api_call *call,
                           json_t **out); /* the list of model_version_status of what the path names */
extern const struct shape shape_tf_predict, shape_tf_answer, shape_tf_metadata, shape_tf_status;

/* api_mcp.c */
void handle_mcp(struct api_call *call);
void handle_mcp_write(struct api_call *call);
extern const struct shape shape_mcp, shape_mcp_answer;

#endif

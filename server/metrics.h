/* What the server counts, as Prometheus reads it (text format 0.0.4,
 * prometheus.io/docs/instrumenting/exposition_formats).
 *
 *     struct metrics *m = metrics_new();
 *     metrics_begin(m);                                            // a request came in
 *     metrics_end(m, route, status, seconds, bytes_in, bytes_out); // and was answered
 *     metrics_write(m, engine, &text, &err);
 *     metrics_free(m);
 *
 * Any number of threads may count and write at a time. Names, all in base units:
 *
 *     cognate_build_info{version}                                       1
 *     cognate_http_requests_total{method,route,status}                  status is a class: "2xx"
 *     cognate_http_request_duration_seconds{method,route}               histogram
 *     cognate_http_requests_in_flight
 *     cognate_http_received_bytes_total, cognate_http_sent_bytes_total  bodies
 *     cognate_model_loaded                                              0 or 1
 *     cognate_encoder_texts_total, _tokens_total, _batches_total, _busy_seconds_total (threads summed)
 *     cognate_encoder_waiting_calls, cognate_encoder_refused_total      refused: the queue was full
 *     cognate_encoder_dropped_texts_total                               texts whose caller left or ran out of
 * time cognate_searches_total cognate_store_bytes, cognate_collection_documents{collection},
 * cognate_collection_passages{collection} process_cpu_seconds_total, process_resident_memory_bytes,
 * process_open_fds
 *
 * Routes that were not asked for yet have no line; the route "none" stands for addresses that do not exist.
 * The order of lines never changes.
 */
#ifndef COGNATE_SERVER_METRICS_H
#define COGNATE_SERVER_METRICS_H

#include "common/buf.h"
#include "server/api.h"

#define METRICS_CEILING ((size_t)16 << 20)

struct metrics *metrics_new(void);    /* NULL when there is no memory */
void metrics_free(struct metrics *m); /* accepts NULL */

void metrics_begin(struct metrics *m);

/* Counts an answer; `route` is NULL for an address or method that does not exist. Pairs with metrics_begin.
 */
void metrics_end(struct metrics *m, const struct api_route *route, int status, double seconds,
                 size_t received, size_t sent);

/* Appends all figures; without those of HTTP when m is NULL. */
enum status metrics_write(const struct metrics *m, struct engine *e, struct buf *out, struct error *err);

#endif

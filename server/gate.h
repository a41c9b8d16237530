/* The gate: every request's head passes it before a byte of the body is read.
 *
 *     struct gate_pass pass;
 *     int http = gate_head(&policy, &request, &pass, &err);
 *     if (http == 0 && route found)
 *         http = gate_body(&pass, route->body_limit, route->ndjson, &err);
 *     if (http != 0) …                                // the status to answer with; err says why
 *
 * Pure functions over borrowed text, so that tests and a fuzzer reach every line. What they refuse:
 *   - what two parsers could read in two ways (RFC 9112 sections 6 and 11.2: request smuggling): lengths that
 *     repeat, contradict each other or are not plain digits, names that are not tokens, control characters;
 *   - what comes from somebody else's page in the user's own browser: a Host that is neither an address, nor
 *     localhost, nor declared (DNS rebinding), an Origin that is neither this server nor listed, a fetch that
 *     the browser calls cross-site (Fetch Metadata);
 *   - bodies of another type than JSON, encoded, or longer than the route takes.
 * A header line folded over several lines and a bare LF as line end are unfolded by the HTTP library before
 * they come here; a proxy in front that refuses them closes that gap.
 */
#ifndef COGNATE_SERVER_GATE_H
#define COGNATE_SERVER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

#define GATE_HEADER_BYTES (16 << 10) /* request line and headers */
#define GATE_TARGET_BYTES (8 << 10)
#define GATE_HEADERS      100
#define GATE_TIMEOUT_MS   600000 /* the longest that X-Request-Timeout-Ms may ask for */

struct gate_policy {
    const char *const *hosts; /* names that Host may hold beside addresses and localhost */
    size_t host_count;
    const char *const *origins; /* "https://app.example": other sites whose pages may call */
    size_t origin_count;
};

struct gate_header {
    struct text name, value;
};

struct gate_request {
    struct text method, target, version; /* "POST", "/v1/embed?x=1", "HTTP/1.1" */
    const struct gate_header *headers;   /* in order, repeated ones included */
    size_t header_count;
    size_t header_bytes; /* of the whole head as it came */
};

enum gate_media { GATE_MEDIA_NONE, GATE_MEDIA_JSON, GATE_MEDIA_NDJSON, GATE_MEDIA_OTHER };

/* What the head says, borrowed from the request. */
struct gate_pass {
    struct text path, query; /* percent-encoded; query is NULL data when there is no '?' */
    bool asterisk;           /* OPTIONS *: the server as a whole */
    bool has_body, chunked;
    uint64_t content_length; /* of a body that is not chunked */
    enum gate_media media;
    bool encoded;           /* Content-Encoding other than identity */
    bool authorization;     /* there was an Authorization header … */
    struct text bearer;     /* … and this is the key in it; empty when it was of another kind */
    struct text request_id; /* one fit to be repeated; empty otherwise */
    struct text origin;     /* a listed origin: answer with CORS headers; empty otherwise */
    int64_t timeout_ms;     /* X-Request-Timeout-Ms; 0 when it does not say */
};

/* 0 to let it pass, else the HTTP status to refuse with; the connection is then to be closed. request_id is
 * set in both cases where it could be read. */
int gate_head(const struct gate_policy *policy, const struct gate_request *request, struct gate_pass *out,
              struct error *err);

/* The same for what the route says of bodies: `limit` bytes, 0 for none, JSON lines where `ndjson`. */
int gate_body(const struct gate_pass *pass, size_t limit, bool ndjson, struct error *err);

#endif

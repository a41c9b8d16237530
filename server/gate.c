#include "server/gate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- characters (RFC 9110 section 5.6.2, RFC 3986 section 2) ---- */

static bool is_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(struct text t, const char *more)
{
    for (size_t i = 0; i < t.len; i++)
        if (!is_alnum((unsigned char)t.data[i]) && (t.data[i] == '\0' || strchr(more, t.data[i]) == NULL))
            return false;
    return t.len > 0;
}

static bool is_token(struct text t)
{
    return is_one_of(t, "!#$%&'*+-.^_`|~");
}

static bool same(struct text a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.data, b, a.len) == 0;
}

static struct text cut(struct text t, size_t from, size_t to)
{
    return (struct text){t.data + from, to - from};
}

static struct text trim(struct text t)
{
    while (t.len > 0 && (t.data[0] == ' ' || t.data[0] == '\t'))
        t = cut(t, 1, t.len);
    while (t.len > 0 && (t.data[t.len - 1] == ' ' || t.data[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* Offset of the first `c`; t.len when there is none. */
static size_t find(struct text t, char c)
{
    const char *at = t.len == 0 ? NULL : memchr(t.data, c, t.len);
    return at == NULL ? t.len : (size_t)(at - t.data);
}

/* Plain decimal digits below 10^18. */
static bool number(struct text t, uint64_t *out)
{
    uint64_t value = 0;
    if (t.len == 0 || t.len > 18)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(t.data[i] - '0');
    }
    *out = value;
    return true;
}

static int refuse(struct error *err, int http, enum status status, const char *why)
{
    error_set(err, status, "%s", why);
    return http;
}

static int bad(struct error *err, const char *why)
{
    return refuse(err, 400, STATUS_INVALID, why);
}

/* ---- host and origin ---- */

struct authority {
    struct text host; /* without brackets and trailing dot */
    struct text port; /* may be empty */
    bool address;     /* an IPv4 or IPv6 literal */
};

static bool is_address(int family, struct text host)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char binary[sizeof(struct in6_addr)];
    if (host.len >= sizeof copy)
        return false;
    memcpy(copy, host.data, host.len);
    copy[host.len] = '\0';
    return inet_pton(family, copy, binary) == 1;
}

static bool authority_read(struct text t, struct authority *out)
{
    uint64_t port = 0;
    size_t end;
    *out = (struct authority){0};
    if (t.len > 0 && t.data[0] == '[') {
        end = find(t, ']');
        if (end == t.len)
            return false;
        out->host = cut(t, 1, end++);
        out->address = is_address(AF_INET6, out->host);
        if (!out->address)
            return false;
    } else {
        end = find(t, ':');
        out->host = cut(t, 0, end);
        if (!is_one_of(out->host, "-._") || out->host.data[0] == '.')
            return false;
        out->address = is_address(AF_INET, out->host);
        if (out->host.len > 1 && out->host.data[out->host.len - 1] == '.')
            out->host.len--;
    }
    if (end == t.len)
        return true;
    out->port = cut(t, end + 1, t.len);
    return t.data[end] == ':' && (out->port.len == 0 || (number(out->port, &port) && port <= 65535));
}

static bool host_allowed(const struct gate_policy *policy, const struct authority *a)
{
    static const char suffix[] = ".localhost";
    const size_t n = sizeof suffix - 1;
    if (a->address || same(a->host, "localhost"))
        return true;
    if (a->host.len > n && same(cut(a->host, a->host.len - n, a->host.len), suffix))
        return true;
    for (size_t i = 0; i < policy->host_count; i++)
        if (same(a->host, policy->hosts[i]))
            return true;
    return false;
}

/* Is `origin` a page of the host that the request went to? The scheme may differ: a proxy may speak TLS for
 * us. */
static bool same_origin(struct text origin, const struct authority *host)
{
    struct authority from;
    const char *port = NULL;
    if (origin.len > 7 && strncasecmp(origin.data, "http://", 7) == 0) {
        port = "80";
        origin = cut(origin, 7, origin.len);
    } else if (origin.len > 8 && strncasecmp(origin.data, "https://", 8) == 0) {
        port = "443";
        origin = cut(origin, 8, origin.len);
    }
    if (port == NULL || !authority_read(origin, &from))
        return false;
    if (from.host.len != host->host.len || strncasecmp(from.host.data, host->host.data, from.host.len) != 0)
        return false;
    struct text given = from.port.len > 0 ? from.port : text_of(port);
    return text_equal(given, host->port.len > 0 ? host->port : text_of(port));
}

static bool origin_listed(const struct gate_policy *policy, struct text origin)
{
    for (size_t i = 0; i < policy->origin_count; i++)
        if (same(origin, policy->origins[i]))
            return true;
    return false;
}

/* ---- headers ---- */

enum known {
    HOST,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONTENT_TYPE,
    CONTENT_ENCODING,
    ORIGIN,
    SEC_FETCH_SITE,
    EXPECT,
    AUTHORIZATION,
    REQUEST_ID,
    TIMEOUT,
    KNOWN
};

/* Each of them may stand in a request once. */
static const char *const names[KNOWN] = {
    "Host",           "Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding",     "Origin",
    "Sec-Fetch-Site", "Expect",         "Authorization",     "X-Request-Id", "X-Request-Timeout-Ms",
};

struct head {
    bool there[KNOWN];
    struct text values[KNOWN];
};

static int read_headers(const struct gate_request *request, struct head *head, struct error *err)
{
    if (request->header_bytes > GATE_HEADER_BYTES || request->header_count > GATE_HEADERS) {
        error_set(err, STATUS_TOO_LARGE,
                  "the request's head has more than %d bytes or %d headers, the limits here",
                  GATE_HEADER_BYTES, GATE_HEADERS);
        return 431;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const struct gate_header *h = &request->headers[i];
        if (!is_token(h->name))
            return bad(err, "a header name holds a character that may not stand there");
        for (size_t j = 0; j < h->value.len; j++)
            if (((unsigned char)h->value.data[j] < 0x20 && h->value.data[j] != '\t') ||
                h->value.data[j] == 0x7f)
                return bad(err, "a header value holds a control character");
        for (size_t k = 0; k < KNOWN; k++) {
            if (!same(h->name, names[k]))
                continue;
            if (head->there[k]) {
                error_set(err, STATUS_INVALID, "the header %s stands there twice; send it once", names[k]);
                return 400;
            }
            head->there[k] = true;
            head->values[k] = trim(h->value);
        }
    }
    return 0;
}

static int read_framing(const struct gate_request *request, const struct head *head, struct gate_pass *out,
                        struct error *err)
{
    if (head->there[TRANSFER_ENCODING]) {
        if (head->there[CONTENT_LENGTH])
            return bad(err, "Content-Length and Transfer-Encoding exclude each other; send one");
        if (text_is(request->version, "HTTP/1.0"))
            return bad(err, "Transfer-Encoding does not exist in HTTP/1.0; send Content-Length");
        if (!same(head->values[TRANSFER_ENCODING], "chunked"))
            return refuse(err, 501, STATUS_UNSUPPORTED,
                          "of the transfer codings only \"chunked\" is known here");
        out->has_body = out->chunked = true;
    }
    if (head->there[CONTENT_LENGTH]) {
        if (!number(head->values[CONTENT_LENGTH], &out->content_length))
            return bad(err, "Content-Length must be a number in plain digits");
        out->has_body = out->content_length > 0;
    }
    if (head->there[EXPECT] && !same(head->values[EXPECT], "100-continue"))
        return refuse(err, 417, STATUS_UNSUPPORTED,
                      "of the expectations only \"100-continue\" is known here");
    return 0;
}

/* origin-form, absolute-form or "*" (RFC 9112 section 3.2); *host is what an absolute target names. */
static int read_target(const struct gate_request *request, struct gate_pass *out, struct text *host,
                       struct error *err)
{
    struct text t = request->target;
    if (t.len > GATE_TARGET_BYTES) {
        error_set(err, STATUS_TOO_LARGE,
                  "the request's target has %zu bytes, the limit is %d; send a body instead", t.len,
                  GATE_TARGET_BYTES);
        return 414;
    }
    if (text_is(t, "*")) {
        if (!text_is(request->method, "OPTIONS"))
            return bad(err, "the target * belongs to OPTIONS alone");
        out->asterisk = true;
        out->path = t;
        return 0;
    }
    for (size_t skip = 7; skip <= 8; skip++)
        if (t.len >= skip && strncasecmp(t.data, skip == 7 ? "http://" : "https://", skip) == 0) {
            t = cut(t, skip, t.len);
            size_t slash = find(t, '/');
            *host = cut(t, 0, slash);
            t = slash < t.len ? cut(t, slash, t.len) : text_of("/");
            break;
        }
    if (t.len == 0 || t.data[0] != '/')
        return bad(err, "the request's target must begin with \"/\"");
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.data[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\' || c == '"' || c == '<' || c == '>')
            return bad(err, "the request's target holds a character that must be percent-encoded");
        if (c != '%')
            continue;
        if (t.len - i < 3 || !is_hex((unsigned char)t.data[i + 1]) || !is_hex((unsigned char)t.data[i + 2]))
            return bad(err, "a % in the request's target must stand before two hexadecimal digits");
        if (t.data[i + 1] == '0' && t.data[i + 2] == '0')
            return bad(err, "the request's target may not hold %00");
    }
    size_t mark = find(t, '?');
    out->path = cut(t, 0, mark);
    if (mark < t.len)
        out->query = cut(t, mark + 1, t.len);
    return 0;
}

static int check_host(const struct gate_policy *policy, const struct head *head, struct text target_host,
                      struct authority *out, struct error *err)
{
    if (!head->there[HOST] || head->values[HOST].len == 0)
        return bad(err, "a request must name its Host");
    if (!authority_read(head->values[HOST], out))
        return bad(err, "the Host header is malformed");
    struct authority other = *out;
    if (target_host.data != NULL && !authority_read(target_host, &other))
        return bad(err, "the request's target names a malformed host");
    if (!host_allowed(policy, out) || !host_allowed(policy, &other)) {
        error_set(err, STATUS_FORBIDDEN,
                  "the host %.*s is not one of this server's names; declare it when the server is started, "
                  "or call the "
                  "server by address",
                  (int)out->host.len, out->host.data);
        return 403;
    }
    return 0;
}

static int check_origin(const struct gate_policy *policy, const struct head *head,
                        const struct authority *host, struct gate_pass *out, struct error *err)
{
    if (head->there[ORIGIN] && origin_listed(policy, head->values[ORIGIN])) {
        out->origin = head->values[ORIGIN];
        return 0;
    }
    if (head->there[ORIGIN] && !same_origin(head->values[ORIGIN], host))
        return refuse(
            err, 403, STATUS_FORBIDDEN,
            "pages of other origins may not call this server; list the origin when the server is started");
    if (head->there[SEC_FETCH_SITE] && same(head->values[SEC_FETCH_SITE], "cross-site"))
        return refuse(err, 403, STATUS_FORBIDDEN, "pages of other sites may not call this server");
    return 0;
}

/* "application/json" with no parameter but charset=utf-8. */
static enum gate_media read_media(struct text value)
{
    size_t semicolon = find(value, ';');
    struct text type = trim(cut(value, 0, semicolon));
    if (semicolon < value.len) {
        struct text parameter = trim(cut(value, semicolon + 1, value.len));
        if (!same(parameter, "charset=utf-8") && !same(parameter, "charset=\"utf-8\""))
            return GATE_MEDIA_OTHER;
    }
    if (same(type, "application/json"))
        return GATE_MEDIA_JSON;
    return same(type, "application/x-ndjson") ? GATE_MEDIA_NDJSON : GATE_MEDIA_OTHER;
}

static int read_rest(const struct head *head, struct gate_pass *out, struct error *err)
{
    struct text value = head->values[AUTHORIZATION];
    if (head->there[CONTENT_TYPE])
        out->media = read_media(head->values[CONTENT_TYPE]);
    out->encoded = head->there[CONTENT_ENCODING] && !same(head->values[CONTENT_ENCODING], "identity");
    out->authorization = head->there[AUTHORIZATION];
    if (value.len > 7 && strncasecmp(value.data, "Bearer ", 7) == 0) {
        struct text key = trim(cut(value, 7, value.len));
        if (is_one_of(key, "-._~+/="))
            out->bearer = key;
    }
    if (head->there[TIMEOUT]) {
        uint64_t ms = 0;
        if (!number(head->values[TIMEOUT], &ms) || ms < 1 || ms > GATE_TIMEOUT_MS) {
            error_set(err, STATUS_INVALID, "X-Request-Timeout-Ms must be a number from 1 to %d",
                      GATE_TIMEOUT_MS);
            return 400;
        }
        out->timeout_ms = (int64_t)ms;
    }
    return 0;
}

int gate_head(const struct gate_policy *policy, const struct gate_request *request, struct gate_pass *out,
              struct error *err)
{
    struct head head = {0};
    struct authority host;
    struct text target_host = {0};
    *out = (struct gate_pass){0};
    int http = read_headers(request, &head, err);
    if (head.values[REQUEST_ID].len <= 128 && is_one_of(head.values[REQUEST_ID], "-._~+/=:"))
        out->request_id = head.values[REQUEST_ID];
    if (http == 0 && !text_is(request->version, "HTTP/1.1") && !text_is(request->version, "HTTP/1.0"))
        http =
            refuse(err, 505, STATUS_UNSUPPORTED, "of the versions of HTTP only 1.0 and 1.1 are known here");
    if (http == 0 && !is_token(request->method))
        http = bad(err, "the method holds a character that may not stand there");
    if (http == 0)
        http = read_framing(request, &head, out, err);
    if (http == 0)
        http = read_target(request, out, &target_host, err);
    if (http == 0)
        http = check_host(policy, &head, target_host, &host, err);
    if (http == 0)
        http = check_origin(policy, &head, &host, out, err);
    if (http == 0)
        http = read_rest(&head, out, err);
    return http;
}

int gate_body(const struct gate_pass *pass, size_t limit, bool ndjson, struct error *err)
{
    if (!pass->has_body)
        return 0;
    if (limit == 0)
        return refuse(err, 413, STATUS_TOO_LARGE, "this route takes no body");
    if (pass->content_length > limit) {
        error_set(err, STATUS_TOO_LARGE,
                  "the body has %llu bytes, the limit of this route is %zu; send less at a time",
                  (unsigned long long)pass->content_length, limit);
        return 413;
    }
    if (pass->encoded)
        return refuse(err, 415, STATUS_MEDIA_TYPE,
                      "encoded bodies are not taken; send it without Content-Encoding");
    if (pass->media != GATE_MEDIA_JSON && !(ndjson && pass->media == GATE_MEDIA_NDJSON)) {
        error_set(err, STATUS_MEDIA_TYPE, "the Content-Type of the body must be application/json%s in UTF-8",
                  ndjson ? " or application/x-ndjson" : "");
        return 415;
    }
    return 0;
}

#include "server/handler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/utf8.h"
#include "server/timestamp.h"

void call_answer(struct api_call *call, int status, json_t *body)
{
    if (body == NULL) {
        error_memory(&call->err, "writing the answer");
        return;
    }
    call->reply->status = status;
    call->reply->body = body;
}

void call_answer_text(struct api_call *call, struct buf *text, const char *media_type)
{
    call->reply->status = 200;
    call->reply->text = text->data;
    call->reply->media_type = media_type;
    text->data = NULL;
    buf_release(text);
}

bool call_is_known(struct api_call *call, const char *etag)
{
    const char *known = call_header(call, "If-None-Match");
    snprintf(call->reply->etag, sizeof call->reply->etag, "%s", etag);
    if (known == NULL || strstr(known, etag) == NULL)
        return false;
    call->reply->status = 304;
    return true;
}

void call_answer_file(struct api_call *call, int fd, uint64_t bytes, const char *media_type)
{
    call->reply->status = 200;
    call->reply->has_file = true;
    call->reply->file = fd;
    call->reply->file_bytes = bytes;
    call->reply->media_type = media_type;
}

json_t *text_json(struct text text)
{
    return json_stringn(text.len > 0 ? text.data : "", text.len);
}

json_t *text_or_null(struct text text)
{
    return text.len > 0 ? text_json(text) : json_null();
}

json_t *number_or_null(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

json_t *time_json(int64_t unix_ms)
{
    char text[TIMESTAMP_BYTES];
    timestamp_write(unix_ms, text);
    return text[0] != '\0' ? json_string(text) : json_null();
}

json_t *metadata_json(struct text metadata)
{
    json_t *object =
        metadata.len > 0 ? json_loadb(metadata.data, metadata.len, JSON_ALLOW_NUL, NULL) : json_object();
    return object != NULL ? object : json_null();
}

json_t *languages_json(const struct language_count *counts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, json_pack("{s:o, s:I}", "lang", text_json(counts[i].lang),
                                                  "documents", (json_int_t)counts[i].documents)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *message_json(const char *message)
{
    char copy[sizeof((struct error *)0)->text];
    size_t at, len = (size_t)snprintf(copy, sizeof copy, "%s", message);
    while ((at = utf8_invalid(copy, len)) < len)
        copy[at] = '?';
    return json_stringn(copy, len);
}

json_t *error_json(const struct error *err)
{
    json_t *error =
        json_pack("{s:s, s:o}", "code", status_code(err->status), "detail", message_json(err->text));
    if (error != NULL && err->field[0] != '\0' &&
        json_object_set_new(error, "field", message_json(err->field)) != 0) {
        json_decref(error);
        return NULL;
    }
    return error;
}

void hex_text(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

void uuid_text(char out[37])
{
    unsigned char bytes[16] = {0};
    char hex[33];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        memset(bytes, 0, sizeof bytes); /* the id is for people's eyes: nil is as good as any */
    bytes[6] = (unsigned char)(bytes[6] & 0x0f) | 0x40;
    bytes[8] = (unsigned char)(bytes[8] & 0x3f) | 0x80;
    hex_text(bytes, sizeof bytes, hex);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

double clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

const char *call_header(const struct api_call *call, const char *name)
{
    const struct api_request *request = call->request;
    return request->header != NULL ? request->header(request->header_context, name) : NULL;
}

/* Takes over what the caller holds. */
static void keep_model(struct api_call *call, const struct engine_model *m, const struct engine_model **out)
{
    engine_let_go(call->engine, call->model);
    *out = call->model = m;
}

enum status call_model(struct api_call *call, struct text name, const struct engine_model **out)
{
    const struct engine_model *m = NULL;
    if (call->model != NULL && name.len == 0) {
        *out = call->model;
        return STATUS_OK;
    }
    enum status status = engine_hold(call->engine, name, &m, &call->err);
    if (status == STATUS_OK)
        keep_model(call, m, out);
    return status;
}

enum status call_reranker(struct api_call *call, struct text name, const struct engine_model **out)
{
    const struct engine_model *m = NULL;
    struct error none = {0};
    enum status status =
        name.len > 0 ? STATUS_NOT_FOUND : engine_hold_reranker(call->engine, &m, &none);
    if (status == STATUS_NOT_FOUND)
        return call_model(call, name, out);
    if (status != STATUS_OK)
        return error_set(&call->err, status, "%s", none.text);
    keep_model(call, m, out);
    return STATUS_OK;
}

enum status call_model_of(struct api_call *call, const unsigned char space_id[32],
                          const struct engine_model **out)
{
    const struct engine_model *m = NULL;
    enum status status = engine_hold_space(call->engine, space_id, &m, &call->err);
    if (status == STATUS_OK)
        keep_model(call, m, out);
    return status;
}

enum status call_store(struct api_call *call, struct store **out)
{
    struct store *s = engine_store(call->engine);
    if (s == NULL)
        return error_set(&call->err, STATUS_UNAVAILABLE,
                         "there is no store here; start the program with --db FILE");
    *out = s;
    return STATUS_OK;
}

enum status call_collection(struct api_call *call, struct collection **out)
{
    struct store *s = NULL;
    enum status status = call_store(call, &s);
    return status == STATUS_OK ? store_collection_open(s, call->captures[0], out, &call->err) : status;
}

const char *const input_type_names[] = {"query",           "search_query", "document",
                                        "search_document", "passage",      NULL};

enum input_type input_type_of(const json_t *body, const char *name)
{
    return shape_choice(body, name, input_type_names, 0) < 2 ? INPUT_QUERY : INPUT_DOCUMENT;
}

#include "server/token_text.h"

enum status token_text(const struct tokenizer *t, const json_t *ids, bool skip_special, const char *field,
                       struct buf *out, struct error *err)
{
    static const char mark[] = "\xe2\x96\x81";
    enum status status = STATUS_OK;
    buf_clear(out);
    if (!json_is_array(ids))
        return error_field(err, STATUS_INVALID, field,
                           "%s must be a list of token ids, or a list of such lists", field);
    for (size_t i = 0; i < json_array_size(ids) && status == STATUS_OK; i++) {
        const json_t *id = json_array_get(ids, i);
        json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
        if (value < 0 || value >= (json_int_t)tokenizer_size(t))
            return error_field(err, STATUS_INVALID, field, "%s must be integers of 0 to %u", field,
                               (unsigned)tokenizer_size(t) - 1);
        struct text piece = tokenizer_piece(t, (int32_t)value);
        if (skip_special && tokenizer_is_special(t, (int32_t)value))
            continue;
        bool word = piece.len >= 3 && memcmp(piece.data, mark, 3) == 0;
        if (word && out->len > 0)
            status = buf_append(out, " ", 1, err);
        if (status == STATUS_OK)
            status = buf_append(out, piece.data + (word ? 3 : 0), piece.len - (word ? 3 : 0), err);
    }
    return status;
}

/* Whether the encoding is what lies between the first id and the last, and those are the model's own. */
static bool is_whole(const struct tokenizer *t, const json_t *ids, const struct encoding *e)
{
    const int32_t start = tokenizer_start_id(t), end = tokenizer_end_id(t);
    size_t n = json_array_size(ids), at = start >= 0;
    if (n != at + e->count + (end >= 0) ||
        (start >= 0 && json_integer_value(json_array_get(ids, 0)) != start) ||
        (end >= 0 && json_integer_value(json_array_get(ids, n - 1)) != end))
        return false;
    for (size_t i = 0; i < e->count; i++)
        if (json_integer_value(json_array_get(ids, at + i)) != e->tokens[i].id)
            return false;
    return true;
}

enum status token_source(const struct tokenizer *t, const json_t *ids, const char *field, struct buf *out,
                         struct error *err)
{
    struct encoding e = {0};
    enum status status = token_text(t, ids, true, field, out, err);
    if (status == STATUS_OK)
        status = tokenizer_encode(t, &e, (struct text){0}, buf_text(out), err);
    if (status == STATUS_OK && !is_whole(t, ids, &e))
        status =
            error_field(err, STATUS_INVALID, field,
                        "%s are token ids of another tokenizer, or without those that begin and end a text; "
                        "POST /v1/tokenize gives this model's; or send the text itself (LangChain: "
                        "check_embedding_ctx_length=False)",
                        field);
    encoding_release(&e);
    return status;
}

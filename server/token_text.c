#include "server/token_text.h"

#include "common/utf8.h"

static enum status spell(const struct tokenizer *t, const json_t *ids, bool skip_special, const char *field,
                         struct buf *out, struct error *err)
{
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
        if (!skip_special || !tokenizer_is_special(t, (int32_t)value))
            status = tokenizer_spell(t, (int32_t)value, out, err);
    }
    return status;
}

/* Tokens may begin and end within a character; what there is of it becomes one U+FFFD. */
static enum status mend(struct buf *text, struct error *err)
{
    struct buf mended;
    enum status status = STATUS_OK;
    if (utf8_invalid(text->data, text->len) == text->len)
        return STATUS_OK;
    buf_init(&mended, text->ceiling);
    for (size_t at = 0; at < text->len && status == STATUS_OK;) {
        size_t good = utf8_invalid(text->data + at, text->len - at);
        status = buf_append(&mended, text->data + at, good, err);
        at += good;
        if (status != STATUS_OK || at == text->len)
            break;
        status = buf_append(&mended, "\uFFFD", 3, err);
        for (at++; at < text->len && ((unsigned char)text->data[at] & 0xC0) == 0x80;)
            at++;
    }
    if (status != STATUS_OK) {
        buf_release(&mended);
        return status;
    }
    buf_release(text);
    *text = mended;
    return STATUS_OK;
}

enum status token_text(const struct tokenizer *t, const json_t *ids, bool skip_special, const char *field,
                       struct buf *out, struct error *err)
{
    enum status status = spell(t, ids, skip_special, field, out, err);
    return status == STATUS_OK ? mend(out, err) : status;
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
    enum status status = spell(t, ids, true, field, out, err);
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

#include "encoder/import/tokenizer_json.h"

#include "common/buf.h"

#define WORD_LETTERS 100 /* of a WordPiece word, at most */

struct reader {
    struct vocabulary *v;
    const char *path;
    struct error *err;
};

static enum status damaged(const struct reader *r, const char *what)
{
    return error_set(r->err, STATUS_CORRUPT, "%s: %s; fetch the model again", r->path, what);
}

static enum status refused(const struct reader *r, const char *part, const char *what)
{
    return error_set(r->err, STATUS_UNSUPPORTED, "%s: this program's tokenizers do not do %s \"%.60s\"",
                     r->path, part, what);
}

static const char *type_of(const json_t *step)
{
    const char *type = json_string_value(json_object_get(step, "type"));
    return type != NULL ? type : "";
}

static bool is(const json_t *step, const char *type)
{
    return strcmp(type_of(step), type) == 0;
}

/* A flag that may be absent or null. */
static bool flag(const json_t *step, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(step, key);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* Whether a value is absent, null, false, 0 or "". */
static bool is_off(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_false(value) ||
           (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static struct text text_at(const json_t *value)
{
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* Refuses options of a step that are on. */
static enum status need_off(const struct reader *r, const json_t *step, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (!is_off(json_object_get(step, *keys)))
            return refused(r, "the option", *keys);
    return STATUS_OK;
}

/* ---- pieces ---- */

static enum status read_added(const struct reader *r, const json_t *added)
{
    size_t i;
    json_t *token;
    enum status status = STATUS_OK;
    json_array_foreach((json_t *)added, i, token)
    {
        const json_t *content = json_object_get(token, "content"), *number = json_object_get(token, "id");
        json_int_t id = json_is_integer(number) ? json_integer_value(number) : -1;
        if (!json_is_string(content) || id < 0 || id >= (json_int_t)VOCABULARY_PIECES)
            return damaged(r, "an added token without a text or a number");
        if (!flag(token, "special", false))
            return refused(r, "the added token that text can have", json_string_value(content));
        while (status == STATUS_OK && (json_int_t)r->v->count < id)
            status = vocabulary_add_gap(r->v, r->err);
        if (status == STATUS_OK && (json_int_t)r->v->count == id)
            status = vocabulary_add(r->v, text_at(content), 0, VOCABULARY_CONTROL, r->err);
        if (status != STATUS_OK)
            return status;
        if (!text_equal(r->v->pieces[id].text, text_at(content)))
            return damaged(r, "an added token with the number of another piece");
        r->v->pieces[id].type = VOCABULARY_CONTROL;
    }
    return STATUS_OK;
}

/* The piece for what the model does not know. */
static enum status set_unknown(const struct reader *r, int32_t id)
{
    if (id < 0 || (size_t)id >= r->v->count)
        return damaged(r, "the model has no piece for what it does not know");
    r->v->unknown = id;
    r->v->pieces[id].type = VOCABULARY_UNKNOWN;
    return STATUS_OK;
}

/* ---- WordPiece ---- */

static enum status read_bert_steps(const struct reader *r, const json_t *normalizer, const json_t *words)
{
    if (!is(normalizer, "BertNormalizer"))
        return refused(r, "the normalizer", json_is_null(normalizer) ? "null" : type_of(normalizer));
    if (!is(words, "BertPreTokenizer"))
        return refused(r, "the pre_tokenizer", type_of(words));
    if (!flag(normalizer, "clean_text", true) || !flag(normalizer, "handle_chinese_chars", true))
        return refused(r, "a BertNormalizer without", "clean_text and handle_chinese_chars");
    r->v->lowercase = flag(normalizer, "lowercase", true);
    r->v->strip_accents = flag(normalizer, "strip_accents", r->v->lowercase);
    return STATUS_OK;
}

static enum status read_wordpiece(const struct reader *r, const json_t *model)
{
    const json_t *prefix = json_object_get(model, "continuing_subword_prefix"),
                 *most = json_object_get(model, "max_input_chars_per_word");
    r->v->kind = "bert";
    if (json_is_string(prefix) && strcmp(json_string_value(prefix), "##") != 0)
        return refused(r, "the continuing_subword_prefix", json_string_value(prefix));
    if (json_is_integer(most) && json_integer_value(most) != WORD_LETTERS)
        return refused(r, "the option", "max_input_chars_per_word other than 100");
    return vocabulary_add_numbered(r->v, r->path, json_object_get(model, "vocab"), r->err);
}

/* ---- BPE ---- */

static enum status read_merges(const struct reader *r, const json_t *merges)
{
    size_t i;
    json_t *merge;
    struct buf pair;
    enum status status = json_is_array(merges) ? STATUS_OK : damaged(r, "the model has no list of merges");
    buf_init(&pair, (size_t)1 << 20);
    json_array_foreach((json_t *)merges, i, merge)
    {
        struct text left = text_at(json_array_get(merge, 0)), right = text_at(json_array_get(merge, 1));
        buf_clear(&pair);
        if (status == STATUS_OK && json_is_string(merge))
            status = buf_append(&pair, json_string_value(merge), json_string_length(merge), r->err);
        else if (status == STATUS_OK && left.len > 0 && right.len > 0 &&
                 memchr(left.data, ' ', left.len) == NULL)
            status = buf_printf(&pair, r->err, "%s %s", left.data, right.data);
        else if (status == STATUS_OK)
            status = damaged(r, "a merge that is not two pieces");
        if (status == STATUS_OK)
            status = vocabulary_add_merge(r->v, buf_text(&pair), r->err);
        if (status != STATUS_OK)
            break;
    }
    buf_release(&pair);
    return status;
}

static enum status read_bpe(const struct reader *r, const json_t *model)
{
    static const char *const off[] = {
        "dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges", NULL};
    r->v->kind = "gpt2";
    enum status status = need_off(r, model, off);
    if (status == STATUS_OK)
        status = vocabulary_add_numbered(r->v, r->path, json_object_get(model, "vocab"), r->err);
    return status == STATUS_OK ? read_merges(r, json_object_get(model, "merges")) : status;
}

static enum status read_byte_steps(const struct reader *r, const json_t *normalizer, const json_t *words)
{
    if (!is_off(normalizer))
        return refused(r, "before BPE the normalizer", type_of(normalizer));
    if (!is(words, "ByteLevel"))
        return refused(r, "before BPE the pre_tokenizer", type_of(words));
    if (!flag(words, "use_regex", true))
        return refused(r, "a ByteLevel without", "use_regex");
    r->v->space_prefix = flag(words, "add_prefix_space", true);
    return STATUS_OK;
}

/* ---- what stands around a text ---- */

/* The number of a token that a template names. */
static json_int_t template_id(const json_t *processor, const json_t *name)
{
    const json_t *token = json_object_get(json_object_get(processor, "special_tokens"),
                                          json_is_string(name) ? json_string_value(name) : "");
    const json_t *ids = json_object_get(token, "ids");
    return json_array_size(ids) == 1 && json_is_integer(json_array_get(ids, 0))
               ? json_integer_value(json_array_get(ids, 0))
               : -1;
}

static enum status set_around(const struct reader *r, json_int_t start, json_int_t end)
{
    if (start >= (json_int_t)r->v->count || end >= (json_int_t)r->v->count)
        return damaged(r, "the post_processor adds a token of a number that no piece has");
    r->v->start = (int32_t)start;
    r->v->end = (int32_t)end;
    return STATUS_OK;
}

static enum status read_template(const struct reader *r, const json_t *processor)
{
    json_int_t around[2] = {-1, -1}; /* before the text, behind it */
    size_t i, texts = 0;
    json_t *part;
    json_array_foreach(json_object_get(processor, "single"), i, part)
    {
        const json_t *token = json_object_get(part, "SpecialToken");
        if (token == NULL) {
            texts++;
            continue;
        }
        json_int_t *place = &around[texts > 0];
        if (*place >= 0 || texts > 1 || (*place = template_id(processor, json_object_get(token, "id"))) < 0)
            return refused(r, "a TemplateProcessing with", "more than one token on a side of the text");
    }
    return texts == 1 ? set_around(r, around[0], around[1])
                      : refused(r, "a TemplateProcessing with", "the text left out or repeated");
}

static enum status read_around(const struct reader *r, const json_t *processor)
{
    size_t i;
    json_t *step;
    enum status status = STATUS_OK;
    if (is_off(processor) || is(processor, "ByteLevel")) /* which moves ranges only */
        return STATUS_OK;
    if (is(processor, "TemplateProcessing"))
        return read_template(r, processor);
    if (is(processor, "BertProcessing") || is(processor, "RobertaProcessing")) {
        const json_t *cls = json_array_get(json_object_get(processor, "cls"), 1),
                     *sep = json_array_get(json_object_get(processor, "sep"), 1);
        return json_is_integer(cls) && json_is_integer(sep) && json_integer_value(cls) >= 0 &&
                       json_integer_value(sep) >= 0
                   ? set_around(r, json_integer_value(cls), json_integer_value(sep))
                   : damaged(r, "the post_processor does not number its tokens");
    }
    if (!is(processor, "Sequence"))
        return refused(r, "the post_processor", type_of(processor));
    json_array_foreach(json_object_get(processor, "processors"), i, step)
    {
        if (is(step, "Sequence"))
            return refused(r, "the post_processor", "Sequence in a Sequence");
        if (status == STATUS_OK)
            status = read_around(r, step);
    }
    return status;
}

/* ---- the whole ---- */

/* Old files do not say of which kind their model is. */
static const char *kind_of(const json_t *model)
{
    if (json_is_string(json_object_get(model, "type")))
        return type_of(model);
    if (json_is_array(json_object_get(model, "vocab")))
        return "Unigram";
    return json_object_get(model, "merges") != NULL ? "BPE" : "WordPiece";
}

enum status tokenizer_json_read(struct vocabulary *v, const char *path, const json_t *root, struct error *err)
{
    const struct reader r = {v, path, err};
    const json_t *model = json_object_get(root, "model"), *normalizer = json_object_get(root, "normalizer"),
                 *words = json_object_get(root, "pre_tokenizer"),
                 *unknown = json_object_get(model, "unk_token");
    const char *kind = kind_of(model);
    enum status status;
    if (!json_is_object(model))
        return damaged(&r, "it has no model");
    bool wordpiece = strcmp(kind, "WordPiece") == 0, bpe = strcmp(kind, "BPE") == 0;
    if (wordpiece)
        status = read_bert_steps(&r, normalizer, words);
    else if (bpe)
        status = read_byte_steps(&r, normalizer, words);
    else
        return refused(&r, "the model", kind);
    if (status == STATUS_OK)
        status = wordpiece ? read_wordpiece(&r, model) : read_bpe(&r, model);
    if (status == STATUS_OK)
        status = read_added(&r, json_object_get(root, "added_tokens"));
    if (status == STATUS_OK && wordpiece)
        status = set_unknown(&r, json_is_string(unknown) ? vocabulary_find(v, text_at(unknown)) : -1);
    if (status == STATUS_OK)
        status = read_around(&r, json_object_get(root, "post_processor"));
    return status == STATUS_OK && wordpiece ? vocabulary_mark_words(v, err) : status;
}

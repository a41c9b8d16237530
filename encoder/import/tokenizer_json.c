#include "encoder/import/tokenizer_json.h"

#include <nettle/base64.h>
#include <stdlib.h>

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

/* ---- Unigram ---- */

/* The pieces of a list [["piece", score], …]. */
static enum status read_scored(const struct reader *r, const json_t *vocab)
{
    size_t i, count = json_array_size(vocab);
    json_t *entry;
    enum status status = STATUS_OK;
    if (count == 0 || count > VOCABULARY_PIECES)
        return damaged(r, "the model's vocab is no list, or empty, or too large");
    json_array_foreach((json_t *)vocab, i, entry)
    {
        const json_t *piece = json_array_get(entry, 0), *score = json_array_get(entry, 1);
        if (!json_is_string(piece) || !json_is_number(score))
            return damaged(r, "a piece of the vocab is not a text with a score");
        status =
            vocabulary_add(r->v, text_at(piece), (float)json_number_value(score), VOCABULARY_NORMAL, r->err);
        if (status != STATUS_OK)
            return status;
    }
    return status;
}

/* The rules of a Precompiled, in base64. */
static enum status read_rules(const struct reader *r, const json_t *step)
{
    const json_t *coded = json_object_get(step, "precompiled_charsmap");
    struct base64_decode_ctx context;
    size_t size = BASE64_DECODE_LENGTH(json_string_length(coded));
    if (is_off(coded))
        return STATUS_OK;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return error_memory(r->err, "reading a vocabulary");
    base64_decode_init(&context);
    bool good =
        json_is_string(coded) &&
        base64_decode_update(&context, &size, bytes, json_string_length(coded), json_string_value(coded)) &&
        base64_decode_final(&context);
    if (good)
        r->v->rules = vocabulary_keep(r->v, (struct text){(const char *)bytes, size});
    free(bytes);
    if (!good)
        return damaged(r, "the precompiled_charsmap is not base64");
    return r->v->rules.data != NULL ? STATUS_OK : error_memory(r->err, "reading a vocabulary");
}

/* Replace of two and more spaces by one, which may be written U+2581 when nothing looks at spaces any more.
 */
static enum status read_replace(const struct reader *r, const json_t *step, bool last)
{
    const char *pattern = json_string_value(json_object_get(json_object_get(step, "pattern"), "Regex")),
               *content = json_string_value(json_object_get(step, "content"));
    if (pattern == NULL || strcmp(pattern, " {2,}") != 0 || content == NULL ||
        (strcmp(content, " ") != 0 && (strcmp(content, "\u2581") != 0 || !last)))
        return refused(r, "before Unigram a Replace of", pattern != NULL ? pattern : "another pattern");
    r->v->merge_spaces = true;
    return STATUS_OK;
}

static enum status read_normalizers(const struct reader *r, const json_t *normalizer)
{
    const json_t *steps = json_object_get(normalizer, "normalizers");
    bool sequence = is(normalizer, "Sequence");
    size_t count = is_off(normalizer) ? 0 : sequence ? json_array_size(steps) : 1;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const json_t *step = sequence ? json_array_get(steps, i) : normalizer;
        if (is(step, "Precompiled") && i == 0) {
            status = read_rules(r, step);
        } else if (is(step, "Strip")) {
            r->v->strip_left = r->v->strip_left || flag(step, "strip_left", true);
            r->v->strip_right = r->v->strip_right || flag(step, "strip_right", true);
        } else if (is(step, "Replace")) {
            status = read_replace(r, step, i + 1 == count);
        } else {
            status = refused(r, "before Unigram, at this place, the normalizer", type_of(step));
        }
    }
    return status;
}

static enum status read_metaspace(const struct reader *r, const json_t *step)
{
    const char *scheme = json_string_value(json_object_get(step, "prepend_scheme")),
               *sign = json_string_value(json_object_get(step, "replacement"));
    if (!is(step, "Metaspace"))
        return refused(r, "before Unigram the pre_tokenizer", type_of(step));
    if (sign == NULL || strcmp(sign, "\u2581") != 0 || !flag(step, "split", true))
        return refused(r, "before Unigram a Metaspace without", "the replacement U+2581 and split");
    r->v->space_prefix = scheme != NULL ? strcmp(scheme, "never") != 0 : flag(step, "add_prefix_space", true);
    if (scheme != NULL && strcmp(scheme, "always") != 0 && strcmp(scheme, "never") != 0 &&
        (strcmp(scheme, "first") != 0 || strcmp(r->v->words, "spaces") != 0))
        return refused(r, "here a Metaspace with the prepend_scheme", scheme);
    return STATUS_OK;
}

static enum status read_metaspace_steps(const struct reader *r, const json_t *normalizer, const json_t *words)
{
    const json_t *steps = json_object_get(words, "pretokenizers");
    bool sequence = is(words, "Sequence"),
         split = sequence && is(json_array_get(steps, 0), "WhitespaceSplit");
    r->v->words = split ? "whitespace" : "spaces";
    enum status status = read_normalizers(r, normalizer);
    if (status == STATUS_OK && sequence && json_array_size(steps) != 1u + split)
        status = refused(r, "before Unigram the pre_tokenizer",
                         "Sequence of other than WhitespaceSplit, Metaspace");
    return status == STATUS_OK ? read_metaspace(r, sequence ? json_array_get(steps, split) : words) : status;
}

static enum status read_unigram(const struct reader *r, const json_t *model)
{
    static const char *const off[] = {"byte_fallback", NULL};
    r->v->kind = "t5";
    enum status status = need_off(r, model, off);
    return status == STATUS_OK ? read_scored(r, json_object_get(model, "vocab")) : status;
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

/* A part of a template that stands for a text: its type, -1 for another part. */
static json_int_t text_type(const json_t *part, const char *which)
{
    const json_t *text = json_object_get(part, "Sequence"), *id = json_object_get(text, "id");
    return json_is_string(id) && strcmp(json_string_value(id), which) == 0
               ? json_integer_value(json_object_get(text, "type_id"))
               : -1;
}

static bool is_token(const json_t *processor, const json_t *part, int32_t id)
{
    const json_t *token = json_object_get(part, "SpecialToken");
    return token != NULL && id >= 0 && template_id(processor, json_object_get(token, "id")) == id;
}

/* <s> A </s> B </s> or <s> A </s></s> B </s>, as cross-encoders read a pair; another way is left to whoever needs
 * it. */
static void read_pair(const struct reader *r, const json_t *processor)
{
    const json_t *parts = json_object_get(processor, "pair");
    struct vocabulary *v = r->v;
    size_t n = json_array_size(parts), separators = n - 4;
    v->pair.known = true;
    if (n < 5 || n > 6 || !is_token(processor, json_array_get(parts, 0), v->start) ||
        text_type(json_array_get(parts, 1), "A") != 0)
        return;
    for (size_t i = 2; i < n; i++)
        if (i != n - 2 && !is_token(processor, json_array_get(parts, i), v->end))
            return;
    json_int_t second = text_type(json_array_get(parts, n - 2), "B");
    if (second != 0 && (second != 1 || separators != 1)) /* of two, to which text belongs the second? */
        return;
    v->pair.separators = (uint32_t)separators;
    v->pair.second_type = (uint32_t)second;
}

static enum status read_around(const struct reader *r, const json_t *processor)
{
    size_t i;
    json_t *step;
    enum status status = STATUS_OK;
    if (is_off(processor) || is(processor, "ByteLevel")) /* which moves ranges only */
        return STATUS_OK;
    if (is(processor, "TemplateProcessing")) {
        status = read_template(r, processor);
        if (status == STATUS_OK)
            read_pair(r, processor);
        return status;
    }
    if (is(processor, "BertProcessing") || is(processor, "RobertaProcessing")) {
        const json_t *cls = json_array_get(json_object_get(processor, "cls"), 1),
                     *sep = json_array_get(json_object_get(processor, "sep"), 1);
        bool bert = is(processor, "BertProcessing");
        r->v->pair.known = true;
        r->v->pair.separators = bert ? 1 : 2;
        r->v->pair.second_type = bert;
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

/* The number of the piece for what the model does not know, -1 when it names none. */
static int32_t unknown_of(const struct vocabulary *v, const json_t *model)
{
    const json_t *name = json_object_get(model, "unk_token"), *number = json_object_get(model, "unk_id");
    if (json_is_string(name))
        return vocabulary_find(v, text_at(name));
    return json_is_integer(number) && json_integer_value(number) < (json_int_t)v->count
               ? (int32_t)json_integer_value(number)
               : -1;
}

enum status tokenizer_json_read(struct vocabulary *v, const char *path, const json_t *root, struct error *err)
{
    static const struct {
        const char *kind;
        enum status (*steps)(const struct reader *r, const json_t *normalizer, const json_t *words);
        enum status (*model)(const struct reader *r, const json_t *model);
        bool unknown; /* it has a piece for what it does not know */
    } kinds[] = {
        {"WordPiece", read_bert_steps, read_wordpiece, true},
        {"BPE", read_byte_steps, read_bpe, false},
        {"Unigram", read_metaspace_steps, read_unigram, true},
    };
    const struct reader r = {v, path, err};
    const json_t *model = json_object_get(root, "model");
    const char *kind = kind_of(model);
    size_t k = 0;
    if (!json_is_object(model))
        return damaged(&r, "it has no model");
    while (k < sizeof kinds / sizeof kinds[0] && strcmp(kinds[k].kind, kind) != 0)
        k++;
    if (k == sizeof kinds / sizeof kinds[0])
        return refused(&r, "the model", kind);
    enum status status =
        kinds[k].steps(&r, json_object_get(root, "normalizer"), json_object_get(root, "pre_tokenizer"));
    if (status == STATUS_OK)
        status = kinds[k].model(&r, model);
    if (status == STATUS_OK)
        status = read_added(&r, json_object_get(root, "added_tokens"));
    if (status == STATUS_OK && kinds[k].unknown)
        status = set_unknown(&r, unknown_of(v, model));
    if (status == STATUS_OK)
        status = read_around(&r, json_object_get(root, "post_processor"));
    return status == STATUS_OK && strcmp(v->kind, "bert") == 0 ? vocabulary_mark_words(v, err) : status;
}

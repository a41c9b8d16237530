#include "encoder/import/vocabulary_folder.h"

#include "common/file.h"
#include "encoder/import/model_folder.h"
#include "encoder/import/spm_model.h"
#include "encoder/import/tokenizer_json.h"

struct reader {
    struct vocabulary *v;
    const char *folder;
    struct buf path;  /* of the file being read */
    json_t *settings; /* tokenizer_config.json, or NULL */
    struct error *err;
};

static enum status open_file(struct reader *r, const char *name, struct mapping *m)
{
    enum status status = folder_path(r->folder, name, &r->path, r->err);
    return status == STATUS_OK ? mapping_open(m, r->path.data, r->err) : status;
}

/* A setting that is on or off; null and absent count as `otherwise`. */
static bool setting(const struct reader *r, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(r->settings, key);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* The number of a special piece: as the settings spell it, else the first of two spellings that is there; -1
 * when none is. It becomes a piece that no text turns into. */
static int32_t special(struct reader *r, const char *key, const char *usual, const char *other)
{
    const json_t *value = json_object_get(r->settings, key);
    if (json_is_object(value))
        value = json_object_get(value, "content");
    int32_t id = json_is_string(value) ? vocabulary_find(r->v, text_of(json_string_value(value)))
                                       : vocabulary_find(r->v, text_of(usual));
    if (id < 0 && !json_is_string(value))
        id = vocabulary_find(r->v, text_of(other));
    if (id >= 0)
        r->v->pieces[id].type = VOCABULARY_CONTROL;
    return id;
}

static enum status set_specials(struct reader *r)
{
    special(r, "mask_token", "[MASK]", "<mask>");
    r->v->padding = special(r, "pad_token", "[PAD]", "<pad>");
    r->v->start = special(r, "cls_token", "[CLS]", "<s>");
    r->v->end = special(r, "sep_token", "[SEP]", "</s>");
    r->v->unknown = special(r, "unk_token", "[UNK]", "<unk>");
    if (r->v->start < 0 || r->v->end < 0 || r->v->unknown < 0)
        return error_set(
            r->err, STATUS_UNSUPPORTED,
            "%s has no pieces for the beginning and the end of a text and for what is unknown, which "
            "tokenizer_config.json names cls_token, sep_token and unk_token",
            r->path.data);
    r->v->pieces[r->v->unknown].type = VOCABULARY_UNKNOWN;
    return STATUS_OK;
}

/* The next line of `rest`, without its end; false when there is none. */
static bool next_line(struct text *rest, struct text *line)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->data, '\n', rest->len);
    *line = (struct text){rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len};
    size_t taken = line->len + (end != NULL);
    *rest = (struct text){rest->data + taken, rest->len - taken};
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

static enum status read_vocab_txt(struct reader *r)
{
    struct mapping m = {0};
    struct text line;
    enum status status = open_file(r, "vocab.txt", &m);
    struct text rest = {(const char *)m.data, m.size};
    while (status == STATUS_OK && next_line(&rest, &line))
        status = vocabulary_add(r->v, line, 0, VOCABULARY_NORMAL, r->err);
    mapping_close(&m);
    r->v->kind = "bert";
    r->v->lowercase = setting(r, "do_lower_case", true);
    r->v->strip_accents = setting(r, "strip_accents", r->v->lowercase);
    if (status == STATUS_OK && !setting(r, "tokenize_chinese_chars", true))
        status = error_set(
            r->err, STATUS_UNSUPPORTED,
            "%s/tokenizer_config.json: this program's tokenizers always take Chinese characters one by "
            "one (tokenize_chinese_chars)",
            r->folder);
    if (status == STATUS_OK)
        status = set_specials(r);
    return status == STATUS_OK ? vocabulary_mark_words(r->v, r->err) : status;
}

static enum status read_vocab_json(struct reader *r)
{
    static const char version[] = "#version";
    struct mapping m = {0};
    json_t *vocab = NULL;
    struct text line;
    enum status status = folder_json(r->folder, "vocab.json", &vocab, r->err);
    if (status == STATUS_OK)
        status = folder_path(r->folder, "vocab.json", &r->path, r->err);
    if (status == STATUS_OK)
        status = vocabulary_add_numbered(r->v, r->path.data, vocab, r->err);
    json_decref(vocab);
    if (status == STATUS_OK)
        status = open_file(r, "merges.txt", &m);
    struct text rest = {(const char *)m.data, m.size};
    while (status == STATUS_OK && next_line(&rest, &line))
        if (line.len > 0 &&
            (line.len < sizeof version - 1 || memcmp(line.data, version, sizeof version - 1) != 0))
            status = vocabulary_add_merge(r->v, line, r->err);
    mapping_close(&m);
    r->v->kind = "gpt2";
    r->v->space_prefix = setting(r, "add_prefix_space", false);
    return status == STATUS_OK ? set_specials(r) : status;
}

/* Whether the numbers of the pieces are those of fairseq: the class of the tokenizer says so, or the kind of
 * the model. */
static bool is_fairseq(const struct reader *r)
{
    json_t *config = NULL;
    const char *class = json_string_value(json_object_get(r->settings, "tokenizer_class"));
    if (class != NULL)
        return strncmp(class, "XLMRobertaTokenizer", strlen("XLMRobertaTokenizer")) == 0;
    if (!folder_has(r->folder, "config.json") ||
        folder_json(r->folder, "config.json", &config, NULL) != STATUS_OK)
        return false;
    const char *type = json_string_value(json_object_get(config, "model_type"));
    bool fairseq = type != NULL && strcmp(type, "xlm-roberta") == 0;
    json_decref(config);
    return fairseq;
}

static enum status read_spm(struct reader *r, const char *name)
{
    struct mapping m = {0};
    enum status status = open_file(r, name, &m);
    if (status == STATUS_OK)
        status = spm_model_read(r->v, r->path.data, (struct text){(const char *)m.data, m.size}, r->err);
    mapping_close(&m);
    if (status == STATUS_OK && !is_fairseq(r))
        status = error_set(
            r->err, STATUS_UNSUPPORTED,
            "%s: what its special pieces are numbered is known for XLMRobertaTokenizer alone; export a "
            "tokenizer.json with the library that the model is for",
            r->path.data);
    return status == STATUS_OK ? spm_model_as_fairseq(r->v, r->err) : status;
}

static enum status read_tokenizer_json(struct reader *r)
{
    json_t *root = NULL;
    enum status status = folder_path(r->folder, "tokenizer.json", &r->path, r->err);
    if (status == STATUS_OK)
        status = folder_json(r->folder, "tokenizer.json", &root, r->err);
    if (status == STATUS_OK)
        status = tokenizer_json_read(r->v, r->path.data, root, r->err);
    json_decref(root);
    return status;
}

static enum status read_files(struct reader *r)
{
    static const char *const models[] = {"sentencepiece.bpe.model", "spiece.model", "tokenizer.model"};
    enum status status = STATUS_OK;
    if (folder_has(r->folder, "tokenizer.json"))
        return read_tokenizer_json(r);
    if (folder_has(r->folder, "tokenizer_config.json"))
        status = folder_json(r->folder, "tokenizer_config.json", &r->settings, r->err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (folder_has(r->folder, models[i]))
            return read_spm(r, models[i]);
    if (folder_has(r->folder, "merges.txt"))
        return read_vocab_json(r);
    if (folder_has(r->folder, "vocab.txt"))
        return read_vocab_txt(r);
    return error_set(
        r->err, STATUS_NOT_FOUND,
        "%s has no tokenizer: no tokenizer.json, SentencePiece model, vocab.json with merges.txt, or "
        "vocab.txt",
        r->folder);
}

enum status vocabulary_read_folder(struct vocabulary *v, const char *folder, struct error *err)
{
    struct reader r = {.v = v, .folder = folder, .err = err};
    buf_init(&r.path, FOLDER_PATH);
    enum status status = read_files(&r);
    json_decref(r.settings);
    buf_release(&r.path);
    return status;
}

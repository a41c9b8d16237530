#include "encoder/import/spm_model.h"

#include "encoder/import/protobuf.h"

/* Fields of the messages, by their numbers. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_TYPE = 3, TRAINER_SUFFIX = 24, TRAINER_BYTES = 35, TRAINER_UNKNOWN = 40 };
enum { TRAINER_START = 41, TRAINER_END = 42, TRAINER_PADDING = 43 };
enum { NORMALIZER_RULES = 2, NORMALIZER_PREFIX = 3, NORMALIZER_SHORTEN = 4, NORMALIZER_ESCAPE = 5 };

struct reader {
    struct vocabulary *v;
    const char *path;
    struct error *err;
};

static enum status damaged(const struct reader *r)
{
    return error_set(r->err, STATUS_CORRUPT, "%s is no SentencePiece model, or damaged; fetch it again",
                     r->path);
}

static enum status refused(const struct reader *r, const char *what)
{
    return error_set(r->err, STATUS_UNSUPPORTED, "%s %s, which this program does not do", r->path, what);
}

static enum status read_piece(const struct reader *r, struct text bytes)
{
    struct proto_reader fields = proto_of(bytes);
    struct proto_field f;
    struct text text = {0};
    float score = 0;
    uint64_t type = VOCABULARY_NORMAL;
    while (proto_next(&fields, &f)) {
        if (f.number == PIECE_TEXT && f.kind == PROTO_BYTES)
            text = f.bytes;
        else if (f.number == PIECE_SCORE && f.kind == PROTO_32)
            score = proto_float(&f);
        else if (f.number == PIECE_TYPE && f.kind == PROTO_VARINT)
            type = f.value;
    }
    if (fields.damaged || type < VOCABULARY_NORMAL || type > VOCABULARY_BYTE ||
        r->v->count == VOCABULARY_PIECES)
        return damaged(r);
    return vocabulary_add(r->v, text, score, (enum vocabulary_type)type, r->err);
}

static enum status read_trainer(const struct reader *r, struct text bytes)
{
    static const char *const types[] = {
        [2] = "is a BPE model", [3] = "is a word model", [4] = "is a character model"};
    struct proto_reader fields = proto_of(bytes);
    struct proto_field f;
    uint64_t type = 1;
    bool suffix = false, fallback = false;
    r->v->unknown = 0;
    r->v->start = 1;
    r->v->end = 2;
    while (proto_next(&fields, &f)) {
        int32_t number = (int32_t)(uint32_t)f.value; /* negative ones fill 64 bits */
        if (f.kind != PROTO_VARINT)
            continue;
        switch (f.number) {
        case TRAINER_TYPE:
            type = f.value;
            break;
        case TRAINER_SUFFIX:
            suffix = f.value != 0;
            break;
        case TRAINER_BYTES:
            fallback = f.value != 0;
            break;
        case TRAINER_UNKNOWN:
            r->v->unknown = number;
            break;
        case TRAINER_START:
            r->v->start = number;
            break;
        case TRAINER_END:
            r->v->end = number;
            break;
        case TRAINER_PADDING:
            r->v->padding = number;
            break;
        default:
            break;
        }
    }
    if (fields.damaged || type < 1 || type > 4)
        return damaged(r);
    if (type != 1)
        return refused(r, types[type]);
    if (suffix)
        return refused(r, "puts white space behind words (treat_whitespace_as_suffix)");
    return fallback ? refused(r, "falls back to bytes (byte_fallback)") : STATUS_OK;
}

static enum status read_normalizer(const struct reader *r, struct text bytes)
{
    struct proto_reader fields = proto_of(bytes);
    struct proto_field f;
    bool shorten = true, escape = true;
    while (proto_next(&fields, &f)) {
        if (f.number == NORMALIZER_RULES && f.kind == PROTO_BYTES) {
            r->v->rules = vocabulary_keep(r->v, f.bytes);
            if (r->v->rules.data == NULL)
                return error_memory(r->err, "reading a vocabulary");
        } else if (f.kind == PROTO_VARINT) {
            r->v->space_prefix = f.number == NORMALIZER_PREFIX ? f.value != 0 : r->v->space_prefix;
            shorten = f.number == NORMALIZER_SHORTEN ? f.value != 0 : shorten;
            escape = f.number == NORMALIZER_ESCAPE ? f.value != 0 : escape;
        }
    }
    if (fields.damaged)
        return damaged(r);
    if (!shorten)
        return refused(r, "keeps runs of white space (remove_extra_whitespaces is off)");
    return escape ? STATUS_OK : refused(r, "does not mark white space (escape_whitespaces is off)");
}

static bool in_range(const struct vocabulary *v, int32_t id)
{
    return id < 0 || (size_t)id < v->count;
}

enum status spm_model_read(struct vocabulary *v, const char *path, struct text bytes, struct error *err)
{
    const struct reader r = {v, path, err};
    struct proto_reader fields = proto_of(bytes);
    struct proto_field f;
    enum status status = STATUS_OK;
    bool trained = false;
    v->kind = "t5";
    v->space_prefix = true;
    while (status == STATUS_OK && proto_next(&fields, &f)) {
        if (f.kind != PROTO_BYTES)
            continue;
        if (f.number == MODEL_PIECES) {
            status = read_piece(&r, f.bytes);
        } else if (f.number == MODEL_TRAINER) {
            status = read_trainer(&r, f.bytes);
            trained = true;
        } else if (f.number == MODEL_NORMALIZER) {
            status = read_normalizer(&r, f.bytes);
        }
    }
    if (status != STATUS_OK)
        return status;
    return !fields.damaged && trained && v->count > 0 && in_range(v, v->start) && in_range(v, v->end) &&
                   in_range(v, v->unknown) && in_range(v, v->padding)
               ? STATUS_OK
               : damaged(&r);
}

enum status spm_model_as_fairseq(struct vocabulary *v, struct error *err)
{
    static const char *const file[] = {"<unk>", "<s>", "</s>"};
    const struct vocabulary_piece first[] = {
        {text_of("<s>"), 0, VOCABULARY_CONTROL},
        {text_of("<pad>"), 0, VOCABULARY_CONTROL},
        {text_of("</s>"), 0, VOCABULARY_CONTROL},
        {text_of("<unk>"), 0, VOCABULARY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++)
        if (v->count <= i || !text_is(v->pieces[i].text, file[i]))
            return error_set(
                err, STATUS_INVALID,
                "the SentencePiece model does not begin with <unk> <s> </s>, as those of XLM-RoBERTa do");
    enum status status =
        vocabulary_add(v, text_of("<mask>"), 0, VOCABULARY_CONTROL, err); /* makes room for two */
    if (status == STATUS_OK)
        status = vocabulary_add(v, text_of("<mask>"), 0, VOCABULARY_CONTROL, err);
    if (status != STATUS_OK)
        return status;
    memmove(v->pieces + 4, v->pieces + 3, (v->count - 5) * sizeof *v->pieces);
    memcpy(v->pieces, first, sizeof first);
    v->start = 0;
    v->padding = 1;
    v->end = 2;
    v->unknown = 3;
    return STATUS_OK;
}

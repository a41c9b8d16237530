/* What every route that embeds texts does: read the texts and the wishes, embed, shorten, print.
 *
 *     struct embed_call m = {0};
 *     if (embed_call_read(&m, call) == STATUS_OK && embed_call_run(&m, call) == STATUS_OK)
 *         for (size_t i = 0; i < m.n; i++)
 *             embed_call_write(&m, m.rows.texts[i].first, &text, &call->err);
 *     embed_call_release(&m);
 */
#ifndef COGNATE_SERVER_EMBED_CALL_H
#define COGNATE_SERVER_EMBED_CALL_H

#include "server/handler.h"
#include "server/vector_json.h"

#define EMBED_INPUTS 65536 /* texts of one call: what the largest answer has room for */
#define EMBED_BULK   32    /* a call of more texts lets others go before it */

extern const char *const long_text_names[];

#define EMBED_IDS                                                                                            \
    "In place of a text its token ids, as POST /v1/tokenize gives them with those that begin and end it."

/* Fields of the shapes that embed_call_read reads. */
#define EMBED_FIELDS                                                                                         \
    {.name = "input",                                                                                        \
     .kind = FIELD_INPUT,                                                                                    \
     .count = FIELD_ONE_OR_LIST,                                                                             \
     .required = true,                                                                                       \
     .items = EMBED_INPUTS,                                                                                  \
     .most = ENGINE_DOCUMENT_BYTES,                                                                          \
     .about = "A text, or a list of them. " EMBED_IDS},                                                      \
        EMBED_WISHES

#define EMBED_WISHES                                                                                         \
    {.name = "model",                                                                                        \
     .kind = FIELD_TEXT,                                                                                     \
     .about = "The name of an installed model; the one in use when absent."},                                \
        {.name = "input_type",                                                                               \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = input_type_names,                                                                        \
         .about = "query (the default) or document: which prompt of the model stands before the text."},     \
        {.name = "long_text",                                                                                \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = long_text_names,                                                                         \
         .about = "Texts longer than the model's context: pool (the default) takes the mean of windows, "    \
                  "passages gives a vector for each passage, truncate keeps the beginning, truncate_start "  \
                  "the end, error "                                                                          \
                  "refuses."},                                                                               \
        {.name = "dimensions",                                                                               \
         .kind = FIELD_INTEGER,                                                                              \
         .least = 1,                                                                                         \
         .most = 65536,                                                                                      \
         .about = "Shorter vectors: the first so many numbers, made a unit vector."},                        \
        {.name = "encoding_format",                                                                          \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = vector_encoding_names,                                                                   \
         .about = "float (the default): a list of numbers; base64: of their bytes, little-endian."}

struct embed_call {
    const struct engine_model *model;
    struct text *texts;
    size_t n;
    json_t *decoded; /* the texts, where some came as token ids */
    enum input_type input_type;
    enum long_text long_text;
    bool raw, states; /* as in struct embed_request */
    struct vector_format format;
    struct embeddings rows;
};

/* Reads input and wishes from the body. */
enum status embed_call_read(struct embed_call *m, struct api_call *call);

/* Takes a text, the token ids of one, or a list of such, which must outlive the call; everything else as by
 * default. `field` names them in errors. */
enum status embed_call_texts(struct embed_call *m, struct api_call *call, const char *field,
                             const json_t *input, enum input_type type);

/* Reads how many numbers of a vector are wanted from the body's field `name`; all when it is absent. */
enum status embed_call_dimensions(struct embed_call *m, struct api_call *call, const char *name);

enum status embed_call_run(struct embed_call *m, struct api_call *call);
uint64_t embed_call_tokens(const struct embed_call *m); /* that the encoder saw */
enum status embed_call_write(const struct embed_call *m, size_t row, struct buf *out, struct error *err);
enum status embed_call_write_rows(const struct embed_call *m, struct buf *out,
                                  struct error *err); /* "[[…],…]" */
void embed_call_release(struct embed_call *m);        /* accepts a zeroed one */

/* Of two rows, both of unit length and full width. */
float embeddings_cosine(const struct embeddings *v, size_t a, size_t b);

#endif

/* Inside of struct encoding (tokenizer.h): the tokens of a text, and what finding them takes. */
#ifndef COGNATE_TOKENIZER_ENCODING_H
#define COGNATE_TOKENIZER_ENCODING_H

#include "tokenizer/normalize.h"
#include "tokenizer/tokenizer.h"

struct encoding_scratch {
    struct window window;
    struct memo *memo; /* of an encoding that has seen many words */
    size_t words;      /* that it has seen, until it has one */
    size_t token_capacity;
    unsigned char *head; /* the prefix and what of the text belongs with it */
    size_t head_capacity;
    struct bpe_scratch *bpe;
    struct letters *letters;
};

/* Prefix and text in one piece. */
struct joined {
    const char *data;
    size_t size;
    size_t shift; /* bytes before the text */
};

/* Room for `more` tokens behind those that are there. */
enum status encoding_reserve(struct encoding *e, size_t more, struct error *err);

/* Room for `size` bytes in the head; what was in it is lost. */
enum status encoding_reserve_head(struct encoding_scratch *s, size_t size, struct error *err);

/* `space`: puts a space in front where there is none. The result is borrowed from the text or the head. */
enum status encoding_join(struct encoding *e, struct text prefix, struct text text, bool space,
                          struct joined *out, struct error *err);

#endif

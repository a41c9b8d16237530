/* Cuts a document into passages that fit the encoder: at sentence borders (ICU), never inside a grapheme
 * cluster.
 *
 *     struct passages p = {0};
 *     if (passages_cut(t, &encoding, text, lang, &(struct passage_options){0}, reserved, &p, &err) ==
 * STATUS_OK) for (size_t i = 0; i < p.count; i++) use(text.data + p.items[i].start, p.items[i].end -
 * p.items[i].start); passages_release(&p);
 *
 * A passage holds at most max_tokens tokens, `reserved` included (what stands before each passage: prompt,
 * title, <s>, </s>). Neighbours share whole sentences of at most overlap_tokens tokens. A sentence that is
 * too long is cut at a word border, a word that is too long at a grapheme border, and only a grapheme cluster
 * that is too long by itself between its characters. Together the passages cover every byte of the text that
 * is not white space. A text that makes no token, such as a blank one, has no passage.
 */
#ifndef COGNATE_TOKENIZER_PASSAGE_H
#define COGNATE_TOKENIZER_PASSAGE_H

#include "tokenizer/tokenizer.h"

struct passage_options {
    uint32_t max_tokens;     /* 0 means 200 */
    uint32_t overlap_tokens; /* at most max_tokens / 2; UINT32_MAX means none, 0 means 40 */
};

struct passage {
    size_t start, end; /* bytes of the document, leading and trailing white space left out */
    uint32_t tokens;   /* of this stretch alone, as tokenizer_encode counts them with no prefix */
};

struct passages {
    struct passage *items; /* in document order */
    size_t count;
    size_t capacity;
};

/* `text` is valid UTF-8. `lang` is a BCP 47 tag that chooses ICU's rules, or empty. INVALID when reserved
 * leaves fewer than 16 tokens. */
enum status passages_cut(const struct tokenizer *t, struct encoding *scratch, struct text text,
                         struct text lang, const struct passage_options *options, uint32_t reserved,
                         struct passages *out, struct error *err);
void passages_release(struct passages *p); /* accepts a zeroed one */

#endif

/* Cuts a document into passages that fit the encoder: at sentence borders (ICU), never inside a grapheme
 * cluster.
 *
 *     struct passages p = {0};
 *     struct passage_options options = {0};
 *     if (passages_cut(t, &encoding, text, lang, &options, reserved, &p, &err) == STATUS_OK)
 *         for (size_t i = 0; i < p.count; i++)
 *             use(text.data + p.items[i].start, p.items[i].end - p.items[i].start);
 *     passages_release(&p);
 *
 * A passage holds at most max_tokens tokens, `reserved` included (what stands before each passage: prompt,
 * title, <s>, </s>). Neighbours share whole sentences of at most overlap_tokens tokens. A sentence that is
 * too long is cut at a word border, a word that is too long at a grapheme border, and only a grapheme cluster
 * that is too long by itself between its characters. Together the passages cover every byte of the text that
 * is not white space. A text that makes no token, such as a blank one, has no passage.
 *
 * A heading goes with what follows it, and a passage does not share sentences across one. A table or a block
 * of code that fits is one piece, as a sentence is; one that does not is cut between its lines.
 */
#ifndef COGNATE_TOKENIZER_PASSAGE_H
#define COGNATE_TOKENIZER_PASSAGE_H

#include "tokenizer/tokenizer.h"

struct passage_options {
    uint32_t max_tokens;     /* 0 means 200 */
    uint32_t overlap_tokens; /* at most max_tokens / 2; UINT32_MAX means none, 0 means 40 */
};

#define PASSAGE_NO_HEADING UINT32_MAX

struct passage {
    size_t start, end; /* bytes of the document, leading and trailing white space left out */
    uint32_t tokens;   /* of this stretch alone, as tokenizer_encode counts them with no prefix */
    uint32_t heading;  /* which it stands under or begins with: an index, or PASSAGE_NO_HEADING */
};

struct heading {
    size_t start, end; /* its words, in bytes of the document */
    uint32_t level;    /* 1 to 6 */
    uint32_t parent;   /* the last one before it of a lower level, or PASSAGE_NO_HEADING */
};

struct passages {
    struct passage *items; /* in document order */
    size_t count;
    size_t capacity;
    struct heading *headings; /* all of the document, in order */
    size_t heading_count;
    size_t heading_capacity;
};

/* `text` is valid UTF-8. `lang` is a BCP 47 tag that chooses ICU's rules, or empty. INVALID when reserved
 * leaves fewer than 16 tokens. */
enum status passages_cut(const struct tokenizer *t, struct encoding *scratch, struct text text,
                         struct text lang, const struct passage_options *options, uint32_t reserved,
                         struct passages *out, struct error *err);
void passages_release(struct passages *p); /* accepts a zeroed one */

#endif

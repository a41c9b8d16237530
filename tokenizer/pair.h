/* Two texts in one row of ids, as a cross-encoder reads them.
 *
 *     size_t specials = pair_specials(t, separators);                 // of <s> query </s></s> document </s>:
 * 4 struct pair p = pair_fit(query.count, document.count, context - specials); int32_t ids[p.query +
 * p.document + specials]; pair_write(&p, t, separators, &query, &document, ids); if (p.dropped > 0) say that
 * p.dropped tokens did not fit
 *
 * The tokenizer must have </s> (tokenizer_end_id); <s> stands in front when it has that.
 */
#ifndef COGNATE_TOKENIZER_PAIR_H
#define COGNATE_TOKENIZER_PAIR_H

#include "tokenizer/tokenizer.h"

struct pair {
    size_t query, document; /* tokens that are kept, from the beginning of each */
    size_t dropped;
};

size_t pair_specials(const struct tokenizer *t, size_t separators);

/* What is too long loses its end, the longer of the two first and both from equal length on, as Hugging
 * Face's tokenizers cut ("longest_first"). */
struct pair pair_fit(size_t query, size_t document, size_t room);

/* Returns how many ids were written. */
size_t pair_write(const struct pair *p, const struct tokenizer *t, size_t separators,
                  const struct encoding *query, const struct encoding *document, int32_t *ids);

#endif

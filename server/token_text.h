/* Token ids back to text.
 *
 *     struct buf text;
 *     buf_init(&text, JSON_WRITE_CEILING);
 *     if (token_text(tokenizer, ids, true, "ids", &text, &err) == STATUS_OK)
 *         use(buf_text(&text));
 *     if (token_source(tokenizer, ids, "input[3]", &text, &err) == STATUS_OK)
 *         embed(buf_text(&text));                 // the text that has exactly these tokens
 *     buf_release(&text);
 *
 * `field` names the ids in errors. Both replace what was in the buffer.
 */
#ifndef COGNATE_SERVER_TOKEN_TEXT_H
#define COGNATE_SERVER_TOKEN_TEXT_H

#include <jansson.h>

#include "common/buf.h"
#include "tokenizer/tokenizer.h"

/* What the tokens say, one behind the other; of pieces with U+2581 for a space the one in front is left out.
 * INVALID for what is not a list of ids of the vocabulary. */
enum status token_text(const struct tokenizer *t, const json_t *ids, bool skip_special, const char *field,
                       struct buf *out, struct error *err);

/* The text that `ids` were made of. Ids of another tokenizer would give a vector without any meaning and no
 * error, so a proof is asked for: the tokens that begin and end a text stand around them, as POST
 * /v1/tokenize puts them, and the text has these tokens and no others. INVALID otherwise, with the remedy. */
enum status token_source(const struct tokenizer *t, const json_t *ids, const char *field, struct buf *out,
                         struct error *err);

#endif

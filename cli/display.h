/* Text of strangers on a terminal: how wide it is, where it may be cut, and what of it must not get there.
 *
 *     struct buf safe;
 *     buf_init(&safe, 1 << 20);
 *     if (display_clean(&safe, title, terminal.tty, &err) == STATUS_OK)
 *         printf("%.*s", (int)display_fit(buf_text(&safe), 40), safe.data);
 *
 * Text is valid UTF-8 except where a function says otherwise. Widths are columns by grapheme cluster: as wide
 * as its widest character, two for flags and for emoji in picture form.
 */
#ifndef COGNATE_CLI_DISPLAY_H
#define COGNATE_CLI_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/text.h"

#define DISPLAY_FIRST_ISOLATE "\xE2\x81\xA8"
#define DISPLAY_POP_ISOLATE   "\xE2\x81\xA9"

size_t display_width(struct text t);

/* Whether display_clean has put it between the two. */
bool display_is_isolated(struct text t);

/* Bytes of the longest beginning that is at most `columns` wide and ends on a grapheme border. */
size_t display_fit(struct text t, size_t columns);

/* As display_fit, but ends behind the last blank within it when the whole does not fit and one is there. */
size_t display_line(struct text t, size_t columns);

/* Appends one line of `t`: runs of white space become one blank, other control characters (which could be
 * escape sequences), malformed bytes, and characters that reorder or hide text become U+FFFD or vanish. With
 * `isolate`, text that holds right-to-left characters stands between U+2068 and U+2069. */
enum status display_clean(struct buf *out, struct text t, bool isolate, struct error *err);

#endif

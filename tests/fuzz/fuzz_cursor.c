/* Any text as a cursor: what is taken is written again as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c;
    char again[CURSOR_TEXT];
    char *text = malloc(size + 1); /* exactly as long, so that a byte too many is seen */
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    if (cursor_decode((struct text){text, size}, &c, NULL) == STATUS_OK) {
        cursor_encode(&c, again);
        if (!text_is((struct text){text, size}, again))
            abort();
    } else if (size > 0 && size <= CURSOR_ID_BYTES) { /* as an id it comes back, unless it is no text */
        struct cursor back;
        c = (struct cursor){.seen = 1, .score = 0.25, .id = {text, size}};
        cursor_encode(&c, again);
        if (cursor_decode(text_of(again), &back, NULL) == STATUS_OK && !text_equal(back.id, c.id))
            abort();
    }
    free(text);
    return 0;
}

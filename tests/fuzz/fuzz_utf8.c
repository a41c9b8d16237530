/* Any bytes through the UTF-8 gate: the walk by code points agrees with the check, and cuts fall on borders.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t good = utf8_invalid(text, size), at = 0, count = 0;
    while (at < size) {
        uint32_t c;
        char back[4];
        size_t n = utf8_decode(text + at, size - at, &c);
        if (n == 1 && (unsigned char)text[at] >= 0x80)
            break; /* malformed */
        if (c > 0x10FFFF || utf8_encode(c, back) != n || memcmp(back, text + at, n) != 0)
            abort();
        at += n;
        count++;
    }
    if (at != good)
        abort();
    if (utf8_length(text, good) != count)
        abort();
    for (size_t cut = 0; cut <= good && cut < 64; cut++) {
        size_t border = utf8_floor(text, good, cut);
        if (border > cut || utf8_invalid(text, border) != border || cut - border > 3)
            abort();
    }
    return 0;
}

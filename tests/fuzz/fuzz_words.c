/* The words of any text lie inside it, in order, and their folded forms are short and valid UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "index/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words w;
    const struct word *word;
    size_t before = 0;
    char *text = malloc(size + 1); /* exactly as long, so that a byte too many is seen */
    if (text == NULL || words_open(&w, NULL) != STATUS_OK)
        abort();
    memcpy(text, data, size);
    words_begin(&w, (struct text){text, utf8_invalid(text, size)});
    while (words_next(&w, &word, NULL) == STATUS_OK && word != NULL) {
        struct text folded = words_text(&w, word);
        if (word->start >= word->end || word->end > size || folded.len == 0 || folded.len > WORDS_FOLDED ||
            utf8_invalid(folded.data, folded.len) != folded.len || (!word->part && word->start < before))
            abort();
        if (!word->part)
            before = word->start;
    }
    words_close(&w);
    free(text);
    return 0;
}

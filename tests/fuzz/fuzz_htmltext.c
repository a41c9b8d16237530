/* Any bytes as a page: text within its ceiling. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/htmltext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct prose p;
    struct html_facts facts;
    prose_init(&p, 1 << 16);
    if (html_text((struct text){(const char *)data, size}, "UTF-8", &p, &facts, NULL) == STATUS_OK) {
        if (p.out.len > 1 << 16)
            abort();
        html_facts_release(&facts);
    }
    prose_release(&p);
    return 0;
}

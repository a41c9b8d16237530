/* Any bytes as a packed document; the first says of which kind. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct prose p;
    struct office_facts facts;
    if (size == 0)
        return 0;
    prose_init(&p, 1 << 20);
    if (office_text_memory((struct text){(const char *)data + 1, size - 1}, (enum office_kind)(data[0] % 4),
                           &p, &facts, NULL) == STATUS_OK)
        office_facts_release(&facts);
    prose_release(&p);
    return 0;
}

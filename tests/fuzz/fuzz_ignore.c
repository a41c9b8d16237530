/* A pattern and a path, parted by a line's end: the answer comes, and what must match does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    if (end == NULL)
        return 0;
    struct text pattern = {(const char *)data, (size_t)(end - data)};
    struct text path = {(const char *)end + 1, size - pattern.len - 1};
    bool matches = ignore_pattern(pattern, path);
    bool plain = true;
    for (size_t i = 0; i < pattern.len; i++)
        plain &= strchr("*?[\\", pattern.data[i]) == NULL || pattern.data[i] == '\0';
    plain &= pattern.len == 0 || pattern.data[pattern.len - 1] != '/'; /* as the header wants it */
    if (plain && path.len > 0 && path.data[path.len - 1] != '/' && matches != text_equal(pattern, path))
        abort();
    return 0;
}

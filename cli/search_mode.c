#include "cli/search_mode.h"

#include <stdbool.h>
#include <string.h>

const char *const search_modes[] = {"semantic", "keyword", "hybrid", "rrf", NULL};

enum status search_mode_set(json_t *body, size_t mode, struct error *err)
{
    bool ranks = strcmp(search_modes[mode], "rrf") == 0;
    if (mode > 0 &&
        json_object_set_new(body, "mode", json_string(ranks ? "hybrid" : search_modes[mode])) != 0)
        return error_memory(err, "searching");
    if (ranks && json_object_set_new(body, "fusion", json_string("rrf")) != 0)
        return error_memory(err, "searching");
    return STATUS_OK;
}

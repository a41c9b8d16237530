#include "server/model_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME SHIPPED_MODEL ".gguf"

enum status shipped_model_path(char **out, struct error *err)
{
    static const char *const beside[] = {"/../share/cognate/", "/../data/"};
    char folder[PATH_MAX], *path;
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    for (size_t i = 0; i < 3; i++) {
        int length = i < 2 ? asprintf(&path, "%s%s" FILE_NAME, folder, beside[i])
                           : asprintf(&path, "%s", COGNATE_DATADIR "/" FILE_NAME);
        if (length < 0)
            return error_memory(err, "looking for the model");
        if (access(path, F_OK) == 0) {
            *out = path;
            return STATUS_OK;
        }
        free(path);
    }
    return error_set(err, STATUS_NOT_FOUND,
                     "the default model " FILE_NAME " is neither beside the program (%s/../share/cognate, "
                     "%s/../data) nor in " COGNATE_DATADIR "; give one with --model or $COGNATE_MODEL",
                     folder, folder);
}

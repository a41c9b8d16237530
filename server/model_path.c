#include "server/model_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define FILE_NAME SHIPPED_MODEL ".gguf"

/* The folder of this program; where /proc is not mounted, by the path that it was started with. Empty where
 * neither is known. */
static void program_folder(char folder[PATH_MAX])
{
    const char *started = (const char *)getauxval(AT_EXECFN);
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[n > 0 ? n : 0] = '\0';
    if (n <= 0 && (started == NULL || realpath(started, folder) == NULL))
        folder[0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
}

enum status shipped_model_path(char **out, struct error *err)
{
    static const char *const beside[] = {"/../share/cognate/", "/../data/"};
    char folder[PATH_MAX], *path;
    program_folder(folder);
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

#include "common/blas.h"

#include <dlfcn.h>
#include <string.h>

#define LIBRARY "libopenblas.so.0"

enum status blas_open(const char *what, sgemm_function **out, struct error *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE), *symbol = NULL;
    if (library != NULL) {
        symbol = dlsym(library, "cblas_sgemm");
        dlclose(library);
    }
    if (symbol == NULL)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s needs OpenBLAS, and %s cannot be loaded; install libopenblas0", what, LIBRARY);
    memcpy(out, &symbol, sizeof *out);
    return STATUS_OK;
}

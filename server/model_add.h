/* Taking a model into the model store.
 *
 *     struct model_ref found = {0};
 *     struct model_added added;
 *     if (model_add(&(struct model_addition){.path = "minilm.gguf"}, &found, &added, &err) == STATUS_OK)
 *         …                                                                 // found is minilm@1
 *     model_ref_release(&found);
 *
 * What lies at the path is made a file of this program by model_import (encoder/import/import.h), which has
 * computed with it before it appears here.
 */
#ifndef COGNATE_SERVER_MODEL_ADD_H
#define COGNATE_SERVER_MODEL_ADD_H

#include "encoder/import/import.h"
#include "server/model_store.h"

struct model_addition {
    const char *path;
    const char *name;   /* NULL: as the model calls itself, else as its file is called */
    unsigned version;   /* 0: the next one */
    const char *origin; /* where it came from; NULL: the address that the file names, else its path */
};

struct model_added {
    struct import_report report;
    bool there; /* this very content was installed under the name before; nothing was added */
};

enum status model_add(const struct model_addition *a, struct model_ref *out, struct model_added *added,
                      struct error *err);

#endif

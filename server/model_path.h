/* Where the default model is. */
#ifndef COGNATE_SERVER_MODEL_PATH_H
#define COGNATE_SERVER_MODEL_PATH_H

#include "common/status.h"

/* The file to open for `asked`: itself when it is given, else $COGNATE_MODEL, else cognate-e5-512.gguf in
 * ../share/cognate or ../data beside the program's folder, or in the installation's data folder. NOT_FOUND
 * names the places. The path is the caller's to free. */
enum status model_path(const char *asked, char **out, struct error *err);

#endif

/* Where the model is that comes with the program. */
#ifndef COGNATE_SERVER_MODEL_PATH_H
#define COGNATE_SERVER_MODEL_PATH_H

#include "common/status.h"

#define SHIPPED_MODEL "cognate-e5-512" /* its name; its version is 1 */

/* cognate-e5-512.gguf in ../share/cognate or ../data beside the program's folder, or in the installation's
 * data folder. NOT_FOUND names the places. The path is the caller's to free. */
enum status shipped_model_path(char **out, struct error *err);

#endif

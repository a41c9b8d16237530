/* What sentence-transformers puts behind a network: pooling, dense layers, unit length, prompts.
 *
 *     status = modules_read(&blueprint, "/models/bert", &err);
 *
 * Called by blueprint_read once the network is known.
 */
#ifndef COGNATE_IMPORT_MODULES_H
#define COGNATE_IMPORT_MODULES_H

#include "encoder/import/blueprint.h"

enum status modules_read(struct blueprint *b, const char *folder, struct error *err);

#endif

/* What the JSON files in a folder say of a cross-encoder: a …ForSequenceClassification, which gives a score
 * for a pair of texts.
 *
 * Called by blueprint_read and modules_read. What would make other scores than the original is refused by its
 * name.
 */
#ifndef COGNATE_IMPORT_CROSS_FOLDER_H
#define COGNATE_IMPORT_CROSS_FOLDER_H

#include "encoder/import/blueprint.h"
#include "encoder/import/model_folder.h"

/* Sets b->scores by the class that config.json names. */
enum status cross_folder_read_class(struct blueprint *b, const struct fields *config, struct error *err);

/* modules.json, where there is one, has nothing to add. */
enum status cross_folder_check_modules(const char *folder, struct error *err);

/* config_sentence_transformers.json, once the prompts in it are read. */
enum status cross_folder_check_settings(const struct blueprint *b, const struct fields *settings,
                                        struct error *err);

/* Whether the tokenizer hands token types to the network, as it does when tokenizer_config.json does not list
 * what it hands over (model_input_names). */
enum status cross_folder_has_types(const char *folder, bool *out, struct error *err);

#endif

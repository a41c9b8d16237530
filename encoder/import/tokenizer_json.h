/* The tokenizer.json of Hugging Face's tokenizers as a vocabulary.
 *
 *     json_t *root = NULL;
 *     if (folder_json(folder, "tokenizer.json", &root, &err) == STATUS_OK)
 *         status = tokenizer_json_read(&v, "bert/tokenizer.json", root, &err);
 *     json_decref(root);
 *
 * Such a file describes a pipeline: normalizer, pre_tokenizer, model, post_processor. What the tokenizers of
 * this program do, each as a whole, is
 *
 *     WordPiece   BertNormalizer, BertPreTokenizer
 *     BPE         no normalizer, ByteLevel
 *     Unigram     Precompiled, Strip and Replace of runs of spaces; Metaspace, WhitespaceSplit before it
 *
 * with a TemplateProcessing, BertProcessing or RobertaProcessing that puts at most one token before and one
 * behind a text. Any other step is refused by its name. Special added tokens become control pieces, which no
 * text turns into; other added tokens are refused.
 */
#ifndef COGNATE_IMPORT_TOKENIZER_JSON_H
#define COGNATE_IMPORT_TOKENIZER_JSON_H

#include <jansson.h>

#include "encoder/import/vocabulary.h"

/* `path` stands in messages. */
enum status tokenizer_json_read(struct vocabulary *v, const char *path, const json_t *root,
                                struct error *err);

#endif

/* The tokenizer of a model's folder, out of the file that has it: tokenizer.json; else a SentencePiece model
 * (sentencepiece.bpe.model, spiece.model, tokenizer.model); else vocab.json with merges.txt (byte-level BPE);
 * else vocab.txt (WordPiece). Of the last three tokenizer_config.json says the rest, where it is there.
 *
 *     struct vocabulary v;
 *     vocabulary_init(&v);
 *     if (vocabulary_read_folder(&v, "/models/bert", &err) == STATUS_OK)
 *         status = vocabulary_write(&v, rows, writer, &err);
 *     vocabulary_release(&v);
 */
#ifndef COGNATE_IMPORT_VOCABULARY_FOLDER_H
#define COGNATE_IMPORT_VOCABULARY_FOLDER_H

#include "encoder/import/vocabulary.h"

/* NOT_FOUND when the folder has none of these files. */
enum status vocabulary_read_folder(struct vocabulary *v, const char *folder, struct error *err);

#endif

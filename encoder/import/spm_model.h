/* A SentencePiece model file (.model) as a vocabulary.
 *
 *     if (spm_model_read(&v, "sentencepiece.bpe.model", bytes, &err) != STATUS_OK) …
 *     if (spm_model_as_fairseq(&v, &err) != STATUS_OK) …           // for XLM-RoBERTa
 *
 * Read are Unigram models; those of type BPE, word and char are refused, and so is what this program's
 * normaliser does not do: white space that is kept, not escaped, or put behind words.
 *
 * Format: github.com/google/sentencepiece, src/sentencepiece_model.proto.
 */
#ifndef COGNATE_IMPORT_SPM_MODEL_H
#define COGNATE_IMPORT_SPM_MODEL_H

#include "encoder/import/vocabulary.h"

/* Pieces in the order of the file; start, end, unknown and padding as the file numbers them. `path` stands
 * in messages. */
enum status spm_model_read(struct vocabulary *v, const char *path, struct text bytes, struct error *err);

/* The order that fairseq's models have, such as XLM-RoBERTa: <s> <pad> </s> <unk>, the pieces from 3 on,
 * <mask>. INVALID when the first three are not <unk> <s> </s>. */
enum status spm_model_as_fairseq(struct vocabulary *v, struct error *err);

#endif

/* Sentences in sixteen languages, for measuring on a machine that has no text of its own at hand. From the
 * documents of data/samples. */
#ifndef COGNATE_CLI_SAMPLE_TEXT_H
#define COGNATE_CLI_SAMPLE_TEXT_H

#include <stddef.h>

struct sample_text {
    const char *lang, *text;
};

/* By language; ended by NULLs. */
extern const struct sample_text sample_texts[];

#endif

/* The tokenizer of the default model, for the fuzz targets of tokenizer/. */
#ifndef COGNATE_TESTS_DEFAULT_TOKENIZER_H
#define COGNATE_TESTS_DEFAULT_TOKENIZER_H

#include <stdio.h>
#include <stdlib.h>

#include "tokenizer/tokenizer.h"

static inline void check(int holds)
{
    if (!holds)
        abort();
}

/* Opened once; its file is kept for the life of the process, as the tokenizer borrows it. */
static inline struct tokenizer *opened(void)
{
    static struct tokenizer *tokenizer;
    static struct gguf *file;
    struct error err = {0};
    const char *path = getenv("COGNATE_MODEL");
    if (tokenizer == NULL &&
        (gguf_open(path != NULL ? path : "data/cognate-e5-512.gguf", &file, &err) != STATUS_OK ||
         tokenizer_open(file, NULL, &tokenizer, &err) != STATUS_OK)) {
        fprintf(stderr, "%s; set COGNATE_MODEL\n", err.text);
        exit(1);
    }
    return tokenizer;
}

#endif

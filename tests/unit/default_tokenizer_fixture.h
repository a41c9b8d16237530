/* The tokenizer of the default model as a cmocka fixture, for the tests of tokenizer/. */
#ifndef COGNATE_TESTS_DEFAULT_TOKENIZER_FIXTURE_H
#define COGNATE_TESTS_DEFAULT_TOKENIZER_FIXTURE_H

#include "unit.h"

#include <stdlib.h>

#include "tokenizer/tokenizer.h"

static struct gguf *file;
static struct tokenizer *tokenizer;

static int open_model(void **state)
{
    (void)state;
    struct error err = {0};
    const char *path = getenv("COGNATE_MODEL");
    if (gguf_open(path != NULL ? path : "data/cognate-e5-512.gguf", &file, &err) == STATUS_OK &&
        tokenizer_open(file, NULL, &tokenizer, &err) == STATUS_OK)
        return 0;
    print_error("%s\n", err.text);
    return -1;
}

static int close_model(void **state)
{
    (void)state;
    tokenizer_free(tokenizer);
    gguf_free(file);
    return 0;
}

#endif

/* A damaged file of kept tables: the tokenizer gives the same tokens as ever.
 *
 *     u16 bytes that are missing at the end | u16 place, u8 bits to flip, again and again
 */
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "tokenizer/tokenizer.h"

#include "gguf_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gguf *small_model(void)
{
    static struct buf b;
    static struct gguf *file;
    static const char *const pieces[] = {"<unk>", "\u2581a", "b", "ab", "\u2581"};
    static const float scores[] = {0, -1, -2, -2.5f, -3};
    static const uint32_t types[] = {2, 1, 1, 1, 1};
    if (file != NULL)
        return file;
    buf_init(&b, 1 << 16);
    put(&b, "GGUF", 4);
    number(&b, 3, 4);
    number(&b, 0, 8);
    number(&b, 4, 8);
    key(&b, "tokenizer.ggml.model", GGUF_STRING);
    string(&b, "t5", 2);
    array(&b, "tokenizer.ggml.tokens", GGUF_STRING, 5);
    for (int i = 0; i < 5; i++)
        string(&b, pieces[i], strlen(pieces[i]));
    array(&b, "tokenizer.ggml.scores", GGUF_F32, 5);
    put(&b, scores, sizeof scores);
    array(&b, "tokenizer.ggml.token_type", GGUF_I32, 5);
    put(&b, types, sizeof types);
    check(gguf_open_bytes("small", b.data, b.len, &file, NULL) == STATUS_OK);
    return file;
}

static const unsigned char digest[32] = "stands for the digest of a file";

static void use(void)
{
    static const int32_t wanted[] = {1, 2, 4, 2, 3, 1, 0};
    struct tokenizer *t = NULL;
    struct encoding e = {0};
    check(tokenizer_open(small_model(), digest, &t, NULL) == STATUS_OK);
    check(tokenizer_encode(t, &e, text_of(""), text_of("ab bab ac"), NULL) == STATUS_OK);
    check(e.count == sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < e.count; i++)
        check(e.tokens[i].id == wanted[i]);
    encoding_release(&e);
    tokenizer_free(t);
}

/* A cache folder of this process, with the file as it was written; removed at the end. */
static char folder[64] = "/tmp/cognate-fuzz-XXXXXX";

static void clean_up(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    check(system(command) == 0);
}

static const struct buf *good_file(char path[256])
{
    static struct buf kept;
    static char name[256];
    if (kept.len == 0) {
        glob_t found;
        check(mkdtemp(folder) != NULL && setenv("XDG_CACHE_HOME", folder, 1) == 0 && atexit(clean_up) == 0);
        use();
        snprintf(name, sizeof name, "%s/cognate/tables/tokenizer-tables-*", folder);
        check(glob(name, 0, NULL, &found) == 0);
        snprintf(name, sizeof name, "%s", found.gl_pathv[0]);
        globfree(&found);
        buf_init(&kept, 1 << 20);
        check(file_read(name, &kept, NULL) == STATUS_OK);
    }
    memcpy(path, name, sizeof name);
    return &kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[256];
    const struct buf *good = good_file(path);
    if (size < 2)
        return 0;
    size_t missing = data[0] | (size_t)data[1] << 8, left = missing < good->len ? good->len - missing : 0;
    char *bytes = malloc(good->len);
    check(bytes != NULL);
    memcpy(bytes, good->data, good->len);
    for (size_t i = 2; i + 3 <= size; i += 3)
        bytes[(data[i] | (size_t)data[i + 1] << 8) % good->len] ^= (char)data[i + 2];
    FILE *f = fopen(path, "wb");
    check(f != NULL && fwrite(bytes, 1, left, f) == left && fclose(f) == 0);
    free(bytes);
    use();
    return 0;
}

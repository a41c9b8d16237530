/* Kept files (weights as they lie in memory, a vector space's id) that change: bits flip, ends are cut off or
 * made longer. Vectors and ids are the same as ever. Kept tables of tokenizers have
 * tests/fuzz/fuzz_kept_tables.c. */
#include "../unit/tiny_model.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "encoder/encoder.h"

#define ROUNDS (getenv("COGNATE_LONG") != NULL ? 3000 : 150)

static char folder[] = "/tmp/cognate-kept-XXXXXX", tables[64];
static struct buf model_bytes;

struct answer {
    float vectors[2 * 10];
    unsigned char space[32];
};

static struct answer ask(void)
{
    static const int32_t ids[] = {0, 3, 4, 2, 0, 5, 2};
    static const uint32_t starts[] = {0, 4, 7};
    static const unsigned char digest[32] = "stands for the digest of a file";
    struct gguf *file = NULL;
    struct model *m = NULL;
    struct embedder *e = NULL;
    struct error err = {0};
    struct answer answer = {{0}, {0}};
    struct model_options options = {.isa = cpu_best(), .digest = digest};
    if (gguf_open_bytes("tiny", model_bytes.data, model_bytes.len, &file, &err) != STATUS_OK ||
        model_open(file, &options, &m, &err) != STATUS_OK || embedder_new(m, 64, &e, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(model_info(m)->width, 10);
    if (embedder_embed(e, ids, starts, 2, answer.vectors, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    model_space_id(file, &options, answer.space);
    embedder_free(e);
    model_free(m);
    gguf_free(file);
    return answer;
}

static int make(void **state)
{
    (void)state;
    tiny_write(&tiny_default, &model_bytes);
    if (mkdtemp(folder) == NULL || setenv("XDG_CACHE_HOME", folder, 1) != 0)
        return -1;
    snprintf(tables, sizeof tables, "%s/cognate/tables", folder);
    return 0;
}

/* Calls `visit` for each kept file. */
static size_t each_file(void (*visit)(const char *path))
{
    size_t n = 0;
    DIR *open_folder = opendir(tables);
    assert_non_null(open_folder);
    for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", tables, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        visit(path);
        n++;
    }
    closedir(open_folder);
    return n;
}

static void drop(const char *path)
{
    unlink(path);
}

static int clean(void **state)
{
    (void)state;
    char parent[64];
    each_file(drop);
    snprintf(parent, sizeof parent, "%s/cognate", folder);
    buf_release(&model_bytes);
    return rmdir(tables) != 0 || rmdir(parent) != 0 || rmdir(folder) != 0 ? -1 : 0;
}

static struct answer right;

static void torture(const char *path)
{
    struct buf whole;
    uint64_t seed = 23;
    buf_init(&whole, 16 << 20);
    assert_int_equal(file_read(path, &whole, NULL), STATUS_OK);
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(seed >> 20) % whole.len;
        at = round % 4 == 1 ? at % 100 : at; /* its head */
        char kept = whole.data[at];
        size_t n = round % 4 == 3 ? at : whole.len;
        whole.data[at] = (char)(kept ^ 1 << round % 8);
        assert_int_equal(file_write_atomic(path, whole.data, n, NULL), STATUS_OK);
        whole.data[at] = kept;
        struct answer answer = ask();
        assert_memory_equal(&answer, &right, sizeof right);
    }
    buf_release(&whole);
}

static void kept_files_change(void **state)
{
    (void)state;
    right = ask();
    assert_true(each_file(torture) >= 2); /* weights and the space's id */
    struct answer answer = ask();
    assert_memory_equal(&answer, &right, sizeof right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(kept_files_change, make, clean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

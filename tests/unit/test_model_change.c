/* Changes of the installed models, and what is left of them when the process dies at any of their steps. */
#include "model_folder_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- dying at the nth step ---- */

static long steps = -1; /* until the process dies; negative: it lives */

static void step(void)
{
    if (steps == 0)
        _exit(9);
    steps -= steps > 0;
}

/* In place of the system's: a step each, before it is done. */
int rename(const char *from, const char *to)
{
    step();
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int fsync(int fd)
{
    step();
    return (int)syscall(SYS_fsync, fd);
}

int mkdir(const char *path, mode_t mode)
{
    step();
    return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int folder, const char *path, int flags)
{
    step();
    return (int)syscall(SYS_unlinkat, folder, path, flags);
}

int rmdir(const char *path)
{
    step();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

/* Runs `change` in a process that dies at step n; false when it came to its end before that. */
static bool dies(enum status (*change)(void), long n)
{
    int end = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        steps = n;
        _exit(change() == STATUS_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &end, 0), child);
    assert_true(WIFEXITED(end) && (WEXITSTATUS(end) == 0 || WEXITSTATUS(end) == 9));
    return WEXITSTATUS(end) == 9;
}

/* Whatever begins with a dot, beside the lock. */
static size_t leftovers(void)
{
    struct buf path;
    size_t n = 0;
    buf_init(&path, 8192);
    assert_int_equal(model_store_path(&path, "", NULL), STATUS_OK);
    DIR *folder = opendir(path.data);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        n += strncmp(entry->d_name, ".new-", 5) == 0 || strncmp(entry->d_name, ".old-", 5) == 0;
    if (folder != NULL)
        closedir(folder);
    buf_release(&path);
    return n;
}

/* ---- the changes ---- */

static enum status add_second(void)
{
    return put_model("minilm", 2, "other weights", NULL);
}

static enum status add_other(void)
{
    return put_model("labse", 0, "weights", NULL);
}

static enum status remove_first(void)
{
    return with("minilm@1", model_store_remove, NULL);
}

static enum status use_second(void)
{
    return with("minilm@2", model_store_use, NULL);
}

static enum status go_back(void)
{
    struct model_ref found = {0};
    enum status status = model_store_rollback(false, &found, NULL);
    model_ref_release(&found);
    return status;
}

static enum status label_second(void)
{
    return model_store_label("minilm", "stable", 2, NULL);
}

/* Everything a reader can see. */
static void look(char out[2048])
{
    struct model_ref found = {0};
    json_t *labels = NULL;
    int n = snprintf(out, 2048, "%s | ", listed());
    assert_int_equal(model_store_labels("minilm", &labels, NULL), STATUS_OK);
    n += snprintf(out + n, 2048 - (size_t)n, "stable %lld | ",
                  json_integer_value(json_object_get(labels, "stable")));
    json_decref(labels);
    if (model_store_used(&found, NULL) == STATUS_OK) {
        snprintf(out + n, 2048 - (size_t)n, "%s@%u", found.name, found.version);
        model_ref_release(&found);
    }
}

/* Dies at each step in turn: readers see what was before, or what comes after, and whoever changes something
 * next finds the way clear. */
static void old_or_new(enum status (*change)(void), const char *changed)
{
    char before[2048], after[2048];
    bool renewed = false;
    look(before);
    assert_null(strstr(before, changed));
    for (long n = 0; dies(change, n); n++) {
        look(after);
        renewed = strstr(after, changed) != NULL;
        if (!renewed)
            assert_string_equal(after, before);
        else
            break;
    }
    if (!renewed) { /* it came to its end */
        look(after);
        assert_non_null(strstr(after, changed));
    }
    installs("next", 0);
    assert_int_equal(leftovers(), 0);
    assert_int_equal(with("next@1", model_store_remove, NULL), STATUS_OK);
    assert_int_equal(leftovers(), 0);
}

static void a_death_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    installs("minilm", 1);
    old_or_new(add_second, "minilm@2");
    old_or_new(add_other, "labse@1");
    old_or_new(use_second, "| minilm@2");
    old_or_new(label_second, "stable 2");
    old_or_new(remove_first, "labse@1 minilm@2 |");
    installs("minilm", 1);
    assert_int_equal(with("minilm@1", model_store_use, NULL), STATUS_OK);
    old_or_new(go_back, "| minilm@2");
}

/* ---- what is refused ---- */

static void what_is_needed_stays(void **state)
{
    (void)state;
    struct error err = {0};
    installs("minilm", 0);
    installs("minilm", 0);
    assert_int_equal(put_model("minilm", 2, "again", &err), STATUS_CONFLICT);
    err = (struct error){0};
    assert_int_equal(put_model("mini/lm", 0, "x", &err), STATUS_INVALID);
    assert_int_equal(with("minilm@1", model_store_use, NULL), STATUS_OK);
    err = (struct error){0};
    assert_int_equal(with("minilm@1", model_store_remove, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "in use"));
    assert_int_equal(model_store_label("minilm", "canary", 2, NULL), STATUS_OK);
    err = (struct error){0};
    assert_int_equal(with("minilm@2", model_store_remove, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "canary"));
    struct model_ref shipped = {.name = "x", .version = 1, .shipped = true};
    assert_int_equal(model_store_remove(&shipped, NULL), STATUS_FORBIDDEN);
    assert_int_equal(with("/a/file.gguf", model_store_use, NULL), STATUS_INVALID);
    assert_int_equal(with("/a/file.gguf", model_store_remove, NULL), STATUS_INVALID);
    assert_int_equal(model_store_label("minilm", "latest", 1, NULL), STATUS_INVALID);
    assert_int_equal(model_store_label("minilm", "12", 1, NULL), STATUS_INVALID);
    assert_int_equal(model_store_label("minilm", "none", 0, NULL), STATUS_NOT_FOUND);
    assert_int_equal(model_store_label("minilm", "canary", 0, NULL), STATUS_OK);
    assert_int_equal(with("minilm@2", model_store_remove, NULL), STATUS_OK);
    assert_string_equal(listed(), "minilm@1");
    assert_int_equal(leftovers(), 0);
}

static void the_way_back(void **state)
{
    (void)state;
    struct model_ref found = {0};
    assert_int_equal(model_store_rollback(false, &found, NULL), STATUS_NOT_FOUND);
    for (int i = 0; i < 4; i++)
        installs("minilm", 0);
    for (int i = 1; i <= 4; i++) {
        char spec[32];
        snprintf(spec, sizeof spec, "minilm@%d", i);
        assert_int_equal(with(spec, model_store_use, NULL), STATUS_OK);
        assert_int_equal(with(spec, model_store_use, NULL), STATUS_OK); /* changes nothing */
    }
    assert_int_equal(with("minilm@3", model_store_remove, NULL), STATUS_OK);
    assert_int_equal(model_store_rollback(true, &found, NULL), STATUS_OK);
    assert_int_equal(found.version, 2); /* the third is gone */
    model_ref_release(&found);
    assert_string_equal(calls("minilm"), "minilm@4"); /* only asked */
    assert_int_equal(go_back(), STATUS_OK);
    assert_string_equal(calls("minilm"), "minilm@2");
    assert_int_equal(go_back(), STATUS_OK);
    assert_string_equal(calls("minilm"), "minilm@1");
}

/* Two that add at a time do not clear each other away. */
static void one_beside_another(void **state)
{
    (void)state;
    struct model_install first, second;
    struct model_ref found = {0};
    json_t *manifest = json_object();
    assert_int_equal(model_install_begin(&first, NULL), STATUS_OK);
    assert_int_equal(file_write_atomic(first.path, "1", 1, NULL), STATUS_OK);
    assert_int_equal(model_install_begin(&second, NULL), STATUS_OK);
    assert_int_equal(file_write_atomic(second.path, "2", 1, NULL), STATUS_OK);
    assert_int_equal(model_install_commit(&first, "minilm", 0, manifest, &found, NULL), STATUS_OK);
    model_ref_release(&found);
    assert_int_equal(model_install_commit(&second, "minilm", 0, manifest, &found, NULL), STATUS_OK);
    assert_int_equal(found.version, 2);
    model_ref_release(&found);
    model_install_end(&first);
    model_install_end(&second);
    json_decref(manifest);
    assert_string_equal(listed(), "minilm@1 minilm@2");
}

/* The reranker is a choice of its own: it neither changes the model in use nor goes with it. */
static void the_reranker(void **state)
{
    (void)state;
    struct model_ref found = {0};
    struct error err = {0};
    installs("cross", 1);
    installs("minilm", 1);
    assert_int_equal(model_store_reranker(&found, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "cognate model rerank"));
    assert_int_equal(with("cross@1", model_store_use_reranker, NULL), STATUS_OK);
    assert_int_equal(with("minilm@1", model_store_use, NULL), STATUS_OK);
    assert_string_equal(calls(NULL), "minilm@1");
    assert_int_equal(model_store_reranker(&found, NULL), STATUS_OK);
    assert_string_equal(found.name, "cross");
    model_ref_release(&found);
    err = (struct error){0};
    assert_int_equal(with("cross@1", model_store_remove, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "reranker"));
    assert_int_equal(model_store_use_reranker(NULL, NULL), STATUS_OK);
    assert_int_equal(model_store_reranker(&found, NULL), STATUS_NOT_FOUND);
    assert_string_equal(calls(NULL), "minilm@1");
    assert_int_equal(model_store_use_reranker(NULL, NULL), STATUS_OK);
    assert_int_equal(with("cross@1", model_store_remove, NULL), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_death_leaves_the_old_or_the_new, make_home, delete_home),
        cmocka_unit_test_setup_teardown(what_is_needed_stays, make_home, delete_home),
        cmocka_unit_test_setup_teardown(the_way_back, make_home, delete_home),
        cmocka_unit_test_setup_teardown(one_beside_another, make_home, delete_home),
        cmocka_unit_test_setup_teardown(the_reranker, make_home, delete_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

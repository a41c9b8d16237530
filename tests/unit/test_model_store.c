/* How models are called, and what is there. */
#include "model_folder_fixture.h"

static void names_versions_and_labels(void **state)
{
    (void)state;
    installs("minilm", 0);
    installs("minilm", 0);
    installs("minilm", 7);
    installs("labse", 0);
    assert_string_equal(listed(), "labse@1 minilm@1 minilm@2 minilm@7");
    assert_string_equal(calls("minilm"), "minilm@7"); /* nothing is stable and nothing in use: the latest */
    assert_string_equal(calls("minilm@latest"), "minilm@7");
    assert_string_equal(calls("minilm@2"), "minilm@2");
    assert_int_equal(model_store_label("minilm", "canary", 2, NULL), STATUS_OK);
    assert_string_equal(calls("minilm@canary"), "minilm@2");
    assert_int_equal(model_store_label("minilm", "stable", 1, NULL), STATUS_OK);
    assert_string_equal(calls("minilm"), "minilm@1");
    assert_string_equal(calls("minilm@stable"), "minilm@1");
    assert_int_equal(with("minilm@2", model_store_use, NULL), STATUS_OK);
    assert_string_equal(calls("minilm"), "minilm@2"); /* the one in use goes before the label */
    assert_string_equal(calls("minilm@stable"), "minilm@1");
    assert_string_equal(calls(NULL), "minilm@2");
    assert_int_equal(model_store_label("minilm", "stable", 0, NULL), STATUS_OK);
    assert_string_equal(calls("minilm@stable"), "minilm@2");
}

static void what_is_not_there_is_said(void **state)
{
    (void)state;
    static const char *const none[] = {"other",   "minilm@3", "minilm@0", "minilm@01", "minilm@beta",
                                       "minilm@", "@1",       "a b",      ".hidden",   "minilm@2@3"};
    struct error err = {0};
    struct model_ref found = {0};
    installs("minilm", 0);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcmp(none[i], "minilm@") != 0) /* as without the @ */
            assert_string_equal(calls(none[i]), "");
    assert_int_equal(model_store_find("minilm@3", &found, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.field, "model");
    assert_non_null(strstr(err.text, "minilm@1"));
}

static void paths_are_taken_as_they_are(void **state)
{
    (void)state;
    static const char *const paths[] = {"./model", "/nowhere/model.gguf", "model.gguf"};
    for (size_t i = 0; i < 3; i++) {
        struct model_ref found = {0};
        assert_true(model_store_is_path(paths[i]));
        assert_int_equal(model_store_find(paths[i], &found, NULL), STATUS_OK);
        assert_string_equal(found.path, paths[i]);
        assert_string_equal(found.name, "");
        model_ref_release(&found);
    }
    assert_int_equal(setenv("COGNATE_MODEL", "/a/b.gguf", 1), 0);
    assert_string_equal(calls(NULL), "/a/b.gguf");
    assert_string_equal(calls(""), "/a/b.gguf");
    unsetenv("COGNATE_MODEL");
}

static void folders_of_others_are_passed_over(void **state)
{
    (void)state;
    struct buf path;
    installs("minilm", 0);
    buf_init(&path, 8192);
    static const char *const others[] = {"/minilm/2", "/minilm/notes", "/.new-abc", "/x y/1", "/minilm/08"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(model_store_path(&path, others[i], NULL), STATUS_OK);
        assert_int_equal(folder_create(path.data, NULL), STATUS_OK);
    }
    assert_string_equal(listed(), "minilm@1");
    buf_release(&path);
}

static void names_are_made_of_any_text(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"multilingual-e5-small", "multilingual-e5-small"},
                                           {"intfloat/multilingual e5", "intfloat-multilingual-e5"},
                                           {"..//secret", "secret"},
                                           {"mini.gguf", "mini"},
                                           {"\xe6\x97\xa5", ""},
                                           {"-_.", ""}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char name[MODEL_NAME + 1];
        model_store_name(pairs[i][0], strlen(pairs[i][0]), name);
        assert_string_equal(name, pairs[i][1]);
    }
    char longest[200], name[MODEL_NAME + 1];
    memset(longest, 'a', sizeof longest);
    model_store_name(longest, sizeof longest, name);
    assert_int_equal(strlen(name), MODEL_NAME);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct error err = {0};
    struct model_ref found = {0};
    struct buf path;
    installs("minilm", 0);
    buf_init(&path, 8192);
    assert_int_equal(model_store_path(&path, "/in-use.json", NULL), STATUS_OK);
    static const char *const bad[] = {"{", "[]", "{\"use\":\"../../x@1\"}", "{\"use\":\"minilm\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(file_write_atomic(path.data, bad[i], strlen(bad[i]), NULL), STATUS_OK);
        err = (struct error){0};
        assert_int_equal(model_store_find(NULL, &found, &err), STATUS_CORRUPT);
        assert_non_null(strstr(err.text, "in-use.json"));
    }
    assert_int_equal(file_write_atomic(path.data, "{\"use\":\"gone@4\"}", 16, NULL), STATUS_OK);
    err = (struct error){0};
    assert_int_equal(model_store_find(NULL, &found, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "gone@4"));
    buf_release(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_versions_and_labels, make_home, delete_home),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_said, make_home, delete_home),
        cmocka_unit_test_setup_teardown(paths_are_taken_as_they_are, make_home, delete_home),
        cmocka_unit_test_setup_teardown(folders_of_others_are_passed_over, make_home, delete_home),
        cmocka_unit_test(names_are_made_of_any_text),
        cmocka_unit_test_setup_teardown(damage_is_told, make_home, delete_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

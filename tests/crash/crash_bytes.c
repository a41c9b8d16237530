/* Files of a store that change behind its back: bits flip, ends are cut off, pages are zeroed, moved and
 * repeated. What the store says then is right, or an error. */
#include "../unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "store_ledger.h"

#define PAGE   16384
#define STATES 12
#define ROUNDS (getenv("COGNATE_LONG") != NULL ? 4000 : 150)

static char folder[] = "/tmp/cognate-bytes-XXXXXX", path[64], log_path[80];
static struct ledger states[STATES]; /* after each commit */
static struct buf database, log_file;

static uint64_t chance(uint64_t *seed, uint64_t most)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % most;
}

static void must(enum status status, const struct error *err)
{
    if (status != STATUS_OK)
        fail_msg("%s", err->text);
}

static enum status put(struct collection *c, const struct ledger *l, unsigned first, unsigned n,
                       struct error *err)
{
    static struct ledger_row made[LEDGER_DOCUMENTS];
    struct document_row rows[LEDGER_DOCUMENTS];
    struct put_result results[LEDGER_DOCUMENTS];
    for (unsigned i = 0; i < n; i++) {
        ledger_row(l, first + i, &made[i]);
        rows[i] = made[i].row;
    }
    return collection_put(c, rows, n, PUT_UPSERT, results, err);
}

/* A store with half of its commits in the file and half in its log, as a killed process leaves it. */
static int make_files(void **state)
{
    (void)state;
    struct store *s = NULL;
    struct collection *c = NULL;
    struct collection_settings settings;
    struct error err = {0};
    struct ledger now = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.db", folder);
    snprintf(log_path, sizeof log_path, "%s-wal", path);
    buf_init(&database, 64 << 20);
    buf_init(&log_file, 64 << 20);
    ledger_settings(&now, "c", &settings);
    for (unsigned i = 0; i < STATES; i++) {
        if (s == NULL) {
            must(store_open(path, STORE_WRITE, cpu_best(), &s, &err), &err);
            if (i == 0)
                must(store_collection_create(s, &settings, &err), &err);
            must(store_collection_open(s, text_of("c"), &c, &err), &err);
        }
        for (unsigned j = 0; j < 8; j++) {
            now.version[i + j] = i + 1;
            now.note[i + j] = i;
        }
        must(put(c, &now, i, 8, &err), &err);
        states[i] = now;
        if (i + 1 == STATES / 2) {
            collection_release(c);
            store_close(s);
            s = NULL;
        }
    }
    must(file_read(path, &database, &err), &err);
    must(file_read(log_path, &log_file, &err), &err);
    collection_release(c);
    store_close(s);
    assert_true(database.len > 8 * PAGE && log_file.len > 8 * PAGE);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char each[80];
        snprintf(each, sizeof each, "%s%s", path, ends[i]);
        unlink(each);
    }
    buf_release(&database);
    buf_release(&log_file);
    return rmdir(folder);
}

static void write_file(const char *name, const char *bytes, size_t n)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

/* One change of a copy of `whole`; the length of what is left. */
static size_t change(const struct buf *whole, char *bytes, uint64_t *seed)
{
    size_t n = whole->len, pages = n / PAGE, at = chance(seed, n);
    char *a = bytes + chance(seed, pages) * PAGE, *b = bytes + chance(seed, pages) * PAGE;
    memcpy(bytes, whole->data, n);
    switch (chance(seed, 6)) {
    case 0: /* anywhere in the file */
        bytes[at] = (char)(bytes[at] ^ 1 << chance(seed, 8));
        break;
    case 1: /* in what is most looked at */
        bytes[at % 512] = (char)chance(seed, 256);
        break;
    case 2:
        return at;
    case 3:
        return at / PAGE * PAGE;
    case 4:
        memset(a, 0, PAGE);
        break;
    default:
        memcpy(a, b, PAGE);
    }
    return n;
}

/* Whether what the store says is one of its states, from `oldest` on; an error will do too, with its reason.
 */
static bool sound(enum store_mode mode, unsigned oldest, unsigned round, size_t *refused)
{
    struct store *s = NULL;
    struct collection *c = NULL;
    struct error err = {0};
    bool right = false, found = true;
    enum status status = store_open(path, mode, cpu_best(), &s, &err);
    if (status == STATUS_OK)
        status = store_collection_open(s, text_of("c"), &c, &err);
    unsigned at = STATES;
    while (status == STATUS_OK && !right && at-- > oldest)
        status = ledger_holds(&states[at], c, &right, &err);
    if (status == STATUS_OK && right)
        status = ledger_searches(&states[at], c, round, &found, &err);
    if (status == STATUS_OK && right && found && mode == STORE_WRITE) { /* and it can be worked with */
        struct ledger now = states[at];
        for (unsigned i = 0; i < 4; i++)
            now.version[i] = STATES + 1;
        status = put(c, &now, 0, 4, &err);
        if (status == STATUS_OK)
            status = ledger_holds(&now, c, &right, &err);
        if (status == STATUS_OK)
            status = ledger_searches(&now, c, round, &found, &err);
    }
    collection_release(c);
    store_close(s);
    *refused += status != STATUS_OK;
    return status != STATUS_OK ? err.text[0] != '\0' && status != STATUS_INTERNAL : right && found;
}

/* Changes one of the two files, `oldest` being the oldest state that may come back for it. */
static void torture(const struct buf *whole, const char *name, unsigned oldest, uint64_t seed)
{
    char *bytes = malloc(whole->len);
    size_t refused = 0;
    assert_non_null(bytes);
    for (int round = 0; round < ROUNDS; round++) {
        write_file(path, database.data, database.len);
        write_file(log_path, log_file.data, log_file.len);
        size_t n = change(whole, bytes, &seed);
        write_file(name, bytes, n);
        if (!sound(round % 2 == 0 ? STORE_READ : STORE_WRITE, oldest, (unsigned)round, &refused)) {
            fail_msg("round %d of %s: a wrong answer, or an error that says nothing", round, name);
        }
    }
    free(bytes);
    printf("%s: %d changes, %zu refused\n", name, ROUNDS, refused);
}

static void the_database_changes(void **state)
{
    (void)state;
    torture(&database, path, STATES - 1, 11);
}

/* SQLite takes a log for ended where a sum is wrong: an earlier state, but a whole one. */
static void the_log_changes(void **state)
{
    (void)state;
    torture(&log_file, log_path, STATES / 2 - 1, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_database_changes),
                                       cmocka_unit_test(the_log_changes)};
    return cmocka_run_group_tests(tests, make_files, remove_files);
}

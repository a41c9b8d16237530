/* The copy in memory after any mix of additions, removals and reloads is the rows of the file. */
#include "scratch_store.h"

#include "index/store.h"

#define IDS 3000

static struct store *store;
static struct collection *c;

static void put_some(size_t first, size_t n, size_t version)
{
    static float vectors[IDS][SCRATCH_WIDTH];
    static struct passage_row passages[IDS];
    static struct document_row rows[IDS];
    static struct put_result results[IDS];
    static char ids[IDS][8];
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%zu", first + i);
        scratch_vector(first + i + version, vectors[i]);
        passages[i] = (struct passage_row){.vector = vectors[i], .tokens = 1};
        rows[i] = (struct document_row){.id = text_of(ids[i]), .passages = &passages[i], .passage_count = 1};
        memcpy(rows[i].content_hash, &(size_t[]){first + i, version}, 2 * sizeof(size_t));
    }
    assert_int_equal(collection_put(c, rows, n, PUT_UPSERT, results, NULL), STATUS_OK);
}

static void delete_some(size_t first, size_t n)
{
    static struct text names[IDS];
    static char ids[IDS][8];
    uint64_t deleted;
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%zu", first + i);
        names[i] = text_of(ids[i]);
    }
    assert_int_equal(collection_delete(c, names, n, &deleted, NULL), STATUS_OK);
}

/* Every row is in the slot the table names, with its own bytes, and no slot is used besides. */
static void verify(struct collection *of)
{
    struct collection_view view;
    sqlite3_stmt *st;
    bool row;
    uint32_t rows = 0, used = 0, unused = 0;
    unsigned char codes[SCAN_ALIGN];
    assert_int_equal(collection_view(of, &view, NULL), STATUS_OK);
    const struct resident *r = &of->resident;
    assert_int_equal(sql_get(view.sql, "SELECT id, document, vector FROM passages", &st, NULL), STATUS_OK);
    while (sql_step(view.sql, st, &row, NULL) == STATUS_OK && row) {
        uint32_t slot = resident_find(r, sqlite3_column_int64(st, 0));
        float scale, error, tail, vector[SCRATCH_WIDTH];
        assert_true(slot != RESIDENT_NONE && slot < r->slots);
        const struct resident_block *b = &r->blocks[slot / SCAN_BLOCK];
        size_t at = slot % SCAN_BLOCK;
        memcpy(vector, sqlite3_column_blob(st, 2), sizeof vector);
        assert_true(scan_row_init(codes, codes + SCAN_ALIGN, &scale, &error, &tail, vector, SCRATCH_WIDTH));
        assert_memory_equal(codes, b->codes.heads + at * r->stride, SCRATCH_WIDTH);
        assert_true(b->scales[at] == scale && b->errors[at] == error && b->tails[at] == tail);
        assert_int_equal(b->documents[at], sqlite3_column_int64(st, 1));
        rows++;
    }
    for (uint32_t slot = 0; slot < r->slots; slot++)
        used += r->blocks[slot / SCAN_BLOCK].documents[slot % SCAN_BLOCK] != 0;
    for (uint32_t slot = r->free; slot != RESIDENT_NONE; unused++)
        slot = (uint32_t)r->blocks[slot / SCAN_BLOCK].passages[slot % SCAN_BLOCK];
    assert_int_equal(rows, r->live);
    assert_int_equal(used, r->live);
    assert_int_equal(used + unused, r->slots);
    assert_int_equal(view.row.passages, r->live);
    collection_view_end(of, &view);
}

static void follows_every_commit(void **state)
{
    (void)state;
    uint64_t seed = 3;
    store = scratch_open(STORE_WRITE);
    scratch_create(store, "c");
    c = scratch_collection(store, "c");
    struct store *beside = scratch_open(STORE_READ);
    struct collection *seen = scratch_collection(beside, "c");
    verify(c);
    for (size_t round = 0; round < 40; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t first = (size_t)(seed >> 33) % 2000, n = 1 + (size_t)(seed >> 45) % 900;
        if (round % 3 == 2)
            delete_some(first, n);
        else
            put_some(first, n, round);
        verify(c);
        if (round % 4 == 0)
            verify(seen); /* several commits at once, of another connection */
    }
    uint32_t slots = c->resident.slots;
    for (size_t round = 0; round < 6; round++)
        put_some(0, 1500, 100 + round);                /* the same ids again and again */
    assert_true(c->resident.slots < slots + 2 * 1500); /* use the slots of those they replace */
    delete_some(0, 2990);
    verify(c);
    verify(seen);
    collection_release(seen);
    store_close(beside);
    collection_release(c);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows_every_commit, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

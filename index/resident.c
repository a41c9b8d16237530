/* The int8 copy of a collection's vectors.
 *
 *     block 0                                                                             block 1
 *     ┌ heads ────┬ rests ────┬ scales ┬ errors ┬ tails ┬ prints ┬ passages ┬ documents ┐ ┌ heads …
 *     │ h │ h │ … │ r │ r │ … │ f32 …  │ f32 …  │ f32 … │ u64 …  │ i64 …    │ i64 …     │ │
 *     └───────────┴───────────┴────────┴────────┴───────┴────────┴──────────┴───────────┘ └
 *       slot 0, slot 1, … slot 1023                                                         slot 1024 …
 *
 * A slot is a passage; slot / 1024 is its block. Rows come in the order of the passages' numbers, except that
 * slots of deleted passages are used again. Memory is taken for 1, 2, 4 and then 8 blocks at a time, so that
 * it is huge pages for large collections; the first block of a small one grows from 64 slots.
 *
 * 1. The table maps the passage of every used slot to it, and nothing else.
 * 2. live + free slots = slots.
 * 3. Passages' numbers are never used twice (schema.c), so two copies with the same count, both having seen
 *    every number below `next`, are equal.
 * 4. Slots that are not loose are used ones; `placed` counts them. A slot that is freed becomes loose.
 */
#include "index/resident.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/arena.h"
#include "index/schema.h"

#define FIRST_SLOTS      64
#define MOST_BLOCKS      8 /* in one allocation */
#define WORTH_COMPACTING (8 * SCAN_BLOCK)

static size_t slot_bytes(const struct resident *r)
{
    return r->stride + 3 * sizeof(float) + sizeof(uint64_t) + 2 * sizeof(int64_t);
}

void resident_init(struct resident *r, size_t width)
{
    *r = (struct resident){.width = width, .stride = scan_stride(width), .free = RESIDENT_NONE};
    if (getrandom(r->key, sizeof r->key, 0) != sizeof r->key) /* before the system has any: next best */
        r->key[0] = (uint64_t)(uintptr_t)r ^ (uint64_t)clock() << 32;
}

void resident_clear(struct resident *r)
{
    for (size_t i = 0; i < r->block_count; i++)
        if (r->blocks[i].first)
            big_free(r->blocks[i].codes.heads);
    clusters_free(r->clusters);
    free(r->blocks);
    free(r->table);
    resident_init(r, r->width);
}

static struct resident_block block_at(const struct resident *r, unsigned char *memory, size_t slots)
{
    size_t head = scan_head(r->width);
    struct resident_block b = {.codes = {memory, memory + slots * head}};
    b.scales = (float *)(memory + slots * r->stride);
    b.errors = b.scales + slots;
    b.tails = b.errors + slots;
    b.prints = (uint64_t *)(b.tails + slots);
    b.passages = (int64_t *)(b.prints + slots);
    b.documents = b.passages + slots;
    memset(b.loose, 0xff, sizeof b.loose);
    return b;
}

static bool reserve_blocks(struct resident *r, size_t more)
{
    if (r->block_count + more <= r->block_capacity)
        return true;
    size_t capacity = r->block_capacity * 2 + more;
    struct resident_block *blocks = realloc(r->blocks, capacity * sizeof *blocks);
    if (blocks == NULL)
        return false;
    r->blocks = blocks;
    r->block_capacity = capacity;
    return true;
}

static bool grow_first(struct resident *r)
{
    size_t slots = r->capacity == 0 ? FIRST_SLOTS : r->capacity * 4;
    unsigned char *memory = reserve_blocks(r, 1) ? big_alloc(slots * slot_bytes(r)) : NULL;
    if (memory == NULL)
        return false;
    struct resident_block b = block_at(r, memory, slots);
    b.first = true;
    if (r->block_count > 0) {
        struct resident_block *old = r->blocks;
        size_t head = scan_head(r->width);
        memcpy(b.codes.heads, old->codes.heads, r->slots * head);
        memcpy(b.codes.rests, old->codes.rests, r->slots * (r->stride - head));
        memcpy(b.scales, old->scales, r->slots * sizeof *b.scales);
        memcpy(b.errors, old->errors, r->slots * sizeof *b.errors);
        memcpy(b.tails, old->tails, r->slots * sizeof *b.tails);
        memcpy(b.prints, old->prints, r->slots * sizeof *b.prints);
        memcpy(b.passages, old->passages, r->slots * sizeof *b.passages);
        memcpy(b.documents, old->documents, r->slots * sizeof *b.documents);
        memcpy(b.loose, old->loose, sizeof b.loose);
        big_free(old->codes.heads);
    }
    r->blocks[0] = b;
    r->block_count = 1;
    r->capacity = (uint32_t)slots;
    return true;
}

static bool grow(struct resident *r)
{
    if (r->capacity < SCAN_BLOCK)
        return grow_first(r);
    size_t blocks = r->block_count < MOST_BLOCKS ? r->block_count : MOST_BLOCKS;
    size_t bytes = SCAN_BLOCK * slot_bytes(r);
    if (r->capacity > UINT32_MAX - 1 - blocks * SCAN_BLOCK || !reserve_blocks(r, blocks))
        return false;
    unsigned char *memory = big_alloc(blocks * bytes);
    if (memory == NULL)
        return false;
    for (size_t i = 0; i < blocks; i++) {
        r->blocks[r->block_count] = block_at(r, memory + i * bytes, SCAN_BLOCK);
        r->blocks[r->block_count++].first = i == 0;
    }
    r->capacity += (uint32_t)(blocks * SCAN_BLOCK);
    return true;
}

/* ---- passage → slot ---- */

static int64_t passage_of(const struct resident *r, uint32_t slot)
{
    return r->blocks[slot / SCAN_BLOCK].passages[slot % SCAN_BLOCK];
}

static uint32_t home(const struct resident *r, int64_t passage)
{
    uint64_t h = (uint64_t)passage * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32) & (r->table_size - 1);
}

static uint32_t *place(const struct resident *r, int64_t passage)
{
    uint32_t at = home(r, passage);
    while (r->table[at] != 0 && passage_of(r, r->table[at] - 1) != passage)
        at = (at + 1) & (r->table_size - 1);
    return &r->table[at];
}

uint32_t resident_find(const struct resident *r, int64_t passage)
{
    uint32_t found = r->table_size == 0 ? 0 : *place(r, passage);
    return found == 0 ? RESIDENT_NONE : found - 1;
}

static bool reserve_table(struct resident *r)
{
    if ((uint64_t)(r->live + 1) * 4 <= (uint64_t)r->table_size * 3)
        return true;
    uint32_t size = r->table_size == 0 ? 128 : r->table_size * 2, *old = r->table;
    uint32_t *table = size > r->table_size ? calloc(size, sizeof *table) : NULL;
    if (table == NULL)
        return false;
    uint32_t old_size = r->table_size;
    r->table = table;
    r->table_size = size;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i] != 0)
            *place(r, passage_of(r, old[i] - 1)) = old[i];
    free(old);
    return true;
}

/* Removes the entry and closes the gap, so that no search stops short of its entry. */
static void forget(struct resident *r, uint32_t *entry)
{
    uint32_t mask = r->table_size - 1, gap = (uint32_t)(entry - r->table), at = gap;
    for (;;) {
        at = (at + 1) & mask;
        if (r->table[at] == 0)
            break;
        uint32_t wanted = home(r, passage_of(r, r->table[at] - 1));
        if (((at - wanted) & mask) >= ((at - gap) & mask)) {
            r->table[gap] = r->table[at];
            gap = at;
        }
    }
    r->table[gap] = 0;
}

/* ---- slots ---- */

static void set_loose(struct resident *r, uint32_t slot, bool loose)
{
    uint64_t *bits = &r->blocks[slot / SCAN_BLOCK].loose[slot % SCAN_BLOCK / 64], bit = 1ull << slot % 64;
    if (loose == ((*bits & bit) != 0))
        return;
    *bits ^= bit;
    r->placed = loose ? r->placed - 1 : r->placed + 1;
}

void resident_arrange(struct resident *r, struct clusters *clusters, const struct placement *placements,
                      size_t n, bool keep)
{
    for (size_t i = 0; i < r->block_count && !keep; i++)
        memset(r->blocks[i].loose, 0xff, sizeof r->blocks[i].loose);
    if (!keep)
        r->placed = 0;
    for (size_t i = 0; i < n; i++)
        if (placements[i].slot < r->slots && passage_of(r, placements[i].slot) == placements[i].passage &&
            r->blocks[placements[i].slot / SCAN_BLOCK].documents[placements[i].slot % SCAN_BLOCK] != 0)
            set_loose(r, placements[i].slot, false);
    clusters_free(r->clusters);
    r->clusters = clusters;
}

static void set_free(struct resident *r, uint32_t slot)
{
    struct resident_block *b = &r->blocks[slot / SCAN_BLOCK];
    size_t at = slot % SCAN_BLOCK;
    set_loose(r, slot, true);
    b->scales[at] = 0;
    b->errors[at] = -INFINITY;
    b->tails[at] = 0;
    b->documents[at] = 0;
    b->passages[at] = r->free;
    r->free = slot;
}

void resident_remove(struct resident *r, int64_t passage)
{
    uint32_t slot = resident_find(r, passage);
    if (slot == RESIDENT_NONE)
        return;
    forget(r, place(r, passage));
    set_free(r, slot);
    r->live--;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Sixteen bytes a multiplication, in four chains side by side. */
static uint64_t print_of(const struct resident *r, const float *vector)
{
    uint64_t chains[4] = {r->key[0], r->key[1], ~r->key[0], ~r->key[1]}, words[8];
    size_t bytes = r->width * sizeof *vector;
    const char *at = (const char *)vector;
    for (size_t done = 0; done < bytes; done += sizeof words) {
        size_t n = bytes - done < sizeof words ? bytes - done : sizeof words;
        if (n < sizeof words)
            memset(words, 0, sizeof words);
        memcpy(words, at + done, n);
        for (size_t i = 0; i < 4; i++)
            chains[i] = fold(words[2 * i] ^ chains[i], words[2 * i + 1] ^ r->key[i % 2]) + 1;
    }
    return fold(fold(chains[0], chains[1]) ^ r->key[0], fold(chains[2], chains[3]) ^ r->key[1]);
}

/* Leaves the vector turned. */
static enum status add(struct resident *r, int64_t passage, int64_t document, float *vector,
                       struct error *err)
{
    if (!reserve_table(r) || (r->free == RESIDENT_NONE && r->slots == r->capacity && !grow(r)))
        return error_memory(err, "loading the vectors of a collection");
    bool again = r->free != RESIDENT_NONE;
    uint32_t slot = again ? r->free : r->slots;
    struct resident_block *b = &r->blocks[slot / SCAN_BLOCK];
    size_t at = slot % SCAN_BLOCK;
    size_t head = scan_head(r->width);
    uint64_t print = print_of(r, vector);
    scan_turn(vector, r->width);
    if (!scan_row_init(b->codes.heads + at * head, b->codes.rests + at * (r->stride - head), &b->scales[at],
                       &b->errors[at], &b->tails[at], vector, r->width))
        return error_set(err, STATUS_CORRUPT,
                         "passage %lld: its vector is not finite or has no length; put its document again",
                         (long long)passage);
    if (again)
        r->free = (uint32_t)b->passages[at];
    else
        r->slots++;
    b->prints[at] = print;
    b->passages[at] = passage;
    b->documents[at] = document;
    *place(r, passage) = slot + 1;
    r->live++;
    return STATUS_OK;
}

/* ---- rows of the store ---- */

static enum status add_rows(struct resident *r, struct sql *sql, int64_t space, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    int64_t first = space << PASSAGE_BITS, last = (space + 1) << PASSAGE_BITS;
    float *vector = big_alloc(r->width * sizeof *vector);
    enum status status =
        vector != NULL ? STATUS_OK : error_memory(err, "loading the vectors of a collection");
    if (status == STATUS_OK)
        status =
            sql_get(sql, "SELECT id, document, vector FROM passages WHERE id >= ?1 AND id < ?2 ORDER BY id",
                    &st, err);
    if (status != STATUS_OK)
        goto done;
    sqlite3_bind_int64(st, 1, r->next > first ? r->next : first);
    sqlite3_bind_int64(st, 2, last);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        int64_t passage = sqlite3_column_int64(st, 0), document = sqlite3_column_int64(st, 1);
        const void *blob = sqlite3_column_blob(st, 2);
        if (blob == NULL || (size_t)sqlite3_column_bytes(st, 2) != r->width * sizeof *vector ||
            document <= 0) {
            status = error_set(
                err, STATUS_CORRUPT,
                "%s is damaged: passage %lld has no vector of %zu numbers; restore it from a backup",
                sql->path, (long long)passage, r->width);
            break;
        }
        memcpy(vector, blob, r->width * sizeof *vector);
        status = add(r, passage, document, vector, err);
        if (status != STATUS_OK)
            break;
        r->next = passage + 1;
    }
    sqlite3_reset(st);
done:
    big_free(vector);
    return status;
}

/* Frees the slots of passages that are no longer there. The index is a tenth of the size of the rows. */
static enum status drop_missing(struct resident *r, struct sql *sql, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    unsigned char *seen = calloc(r->slots / 8 + 1, 1);
    enum status status = seen != NULL ? STATUS_OK : error_memory(err, "bringing a collection up to date");
    if (status == STATUS_OK)
        status = sql_get(sql, "SELECT id FROM passages INDEXED BY passages_by_document", &st, err);
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        uint32_t slot = resident_find(r, sqlite3_column_int64(st, 0));
        if (slot != RESIDENT_NONE)
            seen[slot / 8] |= (unsigned char)(1 << slot % 8);
    }
    for (uint32_t slot = 0; slot < r->slots && status == STATUS_OK; slot++)
        if ((seen[slot / 8] >> slot % 8 & 1) == 0 &&
            r->blocks[slot / SCAN_BLOCK].documents[slot % SCAN_BLOCK] != 0)
            resident_remove(r, passage_of(r, slot));
    free(seen);
    return status;
}

enum status resident_refresh(struct resident *r, struct sql *sql, int64_t space, int64_t generation,
                             int64_t passages, struct error *err)
{
    if (r->generation != 0 && r->slots > WORTH_COMPACTING && r->slots / 4 > passages)
        resident_clear(r); /* mostly holes: load what is left side by side */
    enum status status = add_rows(r, sql, space, err);
    if (status == STATUS_OK && r->live != passages)
        status = drop_missing(r, sql, err);
    if (status == STATUS_OK && r->live != passages)
        status =
            error_set(err, STATUS_CORRUPT,
                      "%s is damaged: a collection has %lu passages but says %lld; restore it from a backup",
                      sql->path, (unsigned long)r->live, (long long)passages);
    if (status == STATUS_OK)
        r->generation = generation;
    else
        resident_clear(r);
    return status;
}

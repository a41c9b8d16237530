/* Merging takes time linear in the length of a word, whatever the word: "aaaa…" of ten megabytes is one.
 *
 *     units    h   e   l   l   o        a unit a byte; one that was merged away stays, out of all lists
 *              └───┘                    before/after: neighbours in the word
 *     queues   rank 3: (h e)            earlier/later: units whose pair has the same rank, one list a rank,
 *              rank 7: (l l) (l o)      first come, first served
 *     levels   a bit for each rank that has units, a bit for each 64 of those bits, and so on: the lowest
 *              rank is found in LEVELS steps
 *
 * (1) A unit stands in the queue of its pair's rank as long as it begins such a pair. (2) Different pairs of
 * one rank do not exist, and units of one pair can only be in each other's way in a run of equal pieces
 * (a a a). There the leftmost pair must come first, so the pairs to the left of the one whose turn it is are
 * moved to the front. Mostly there are none: pairs arise in the order of the text. (3) All queues are empty
 * between two words.
 */
#include "tokenizer/bpe.h"

#include <stdlib.h>
#include <unicode/uchar.h>

#include "common/utf8.h"

#define NONE   UINT32_MAX
#define LEVELS 4 /* 64^4 ranks */

struct unit {
    uint32_t piece;
    uint32_t before, after; /* NONE: the word ends there; before: undefined for the first */
    uint32_t rank;          /* of the pair with the unit behind it; NONE: they do not merge */
    uint32_t earlier, later;
};

struct queue {
    uint32_t first, last;
};

struct bpe_scratch {
    struct unit *units;
    size_t unit_capacity;
    struct queue *queues; /* one a rank */
    uint32_t queue_count; /* one more than ranks */
    uint64_t *levels[LEVELS];
};

void bpe_scratch_free(struct bpe_scratch *s)
{
    if (s == NULL)
        return;
    for (int level = 0; level < LEVELS; level++)
        free(s->levels[level]);
    free(s->units);
    free(s->queues);
    free(s);
}

/* The queues of a vocabulary; they stay for the next text. */
static enum status reserve_queues(struct bpe_scratch *s, uint32_t count, struct error *err)
{
    if (count < s->queue_count)
        return STATUS_OK;
    s->queue_count = 0;
    free(s->queues);
    s->queues = malloc((count + 1) * sizeof *s->queues);
    bool good = s->queues != NULL;
    for (uint32_t level = 0, bits = count; level < LEVELS; level++) {
        bits = bits / 64 + 1;
        free(s->levels[level]);
        s->levels[level] = calloc(bits, sizeof *s->levels[level]);
        good = good && s->levels[level] != NULL;
    }
    if (!good)
        return error_memory(err, "encoding a text");
    s->queue_count = count + 1;
    return STATUS_OK;
}

static enum status reserve_units(struct bpe_scratch *s, size_t count, struct error *err)
{
    if (count <= s->unit_capacity)
        return STATUS_OK;
    size_t capacity = count + count / 4 + 256;
    struct unit *units = realloc(s->units, capacity * sizeof *units);
    if (units == NULL)
        return error_memory(err, "encoding a text");
    s->units = units;
    s->unit_capacity = capacity;
    return STATUS_OK;
}

/* ---- queues ---- */

static inline bool is_waiting(const struct bpe_scratch *s, uint32_t rank)
{
    return (s->levels[0][rank / 64] >> rank % 64 & 1) != 0;
}

static inline void set_waiting(struct bpe_scratch *s, uint32_t rank)
{
    for (int level = 0; level < LEVELS; level++, rank /= 64)
        s->levels[level][rank / 64] |= (uint64_t)1 << rank % 64;
}

static inline void clear_waiting(struct bpe_scratch *s, uint32_t rank)
{
    for (int level = 0; level < LEVELS; level++, rank /= 64) {
        uint64_t *word = &s->levels[level][rank / 64];
        *word &= ~((uint64_t)1 << rank % 64);
        if (*word != 0)
            return;
    }
}

/* The lowest rank that has units; NONE when all queues are empty. */
static inline uint32_t lowest_rank(const struct bpe_scratch *s)
{
    uint32_t at = 0;
    for (int level = LEVELS - 1; level >= 0; level--) {
        uint64_t word = s->levels[level][at];
        if (word == 0)
            return NONE;
        at = at * 64 + (uint32_t)__builtin_ctzll(word);
    }
    return at;
}

static inline void join_queue(struct bpe_scratch *s, uint32_t at, uint32_t rank)
{
    struct queue *q = &s->queues[rank];
    struct unit *u = &s->units[at];
    bool waiting = is_waiting(s, rank);
    u->rank = rank;
    u->earlier = waiting ? q->last : NONE;
    u->later = NONE;
    if (waiting) {
        s->units[q->last].later = at;
    } else {
        q->first = at;
        set_waiting(s, rank);
    }
    q->last = at;
}

static inline void leave_queue(struct bpe_scratch *s, uint32_t at)
{
    struct unit *u = &s->units[at];
    if (u->rank == NONE)
        return;
    struct queue *q = &s->queues[u->rank];
    if (u->earlier != NONE)
        s->units[u->earlier].later = u->later;
    else
        q->first = u->later;
    if (u->later != NONE)
        s->units[u->later].earlier = u->earlier;
    else
        q->last = u->earlier;
    if (q->first == NONE)
        clear_waiting(s, u->rank);
    u->rank = NONE;
}

/* The unit whose turn it is among those of a rank. */
static inline uint32_t next_unit(struct bpe_scratch *s, uint32_t rank)
{
    uint32_t at = s->queues[rank].first;
    while (s->units[at].before != NONE && s->units[s->units[at].before].rank == rank) {
        struct queue *q = &s->queues[rank];
        uint32_t left = s->units[at].before;
        leave_queue(s, left); /* which `at` keeps from becoming empty */
        s->units[left].rank = rank;
        s->units[left].earlier = NONE;
        s->units[left].later = q->first;
        s->units[q->first].earlier = left;
        q->first = left;
        at = left;
    }
    return at;
}

/* ---- a word ---- */

struct bpe {
    const struct tables *tables;
    struct encoding *e;
    struct bpe_scratch *scratch;
    struct joined text;
    struct error *err;
};

/* Puts a unit into the queue of the merge with the one behind it, if there is such a merge. */
static inline void look_for_merge(const struct bpe *b, uint32_t at)
{
    const struct unit *units = b->scratch->units, *u = &units[at];
    if (u->after == NONE)
        return;
    uint32_t rank =
        merge_rank(tables_merges(b->tables), b->tables->merge_slots, u->piece, units[u->after].piece);
    if (rank != MERGE_NONE)
        join_queue(b->scratch, at, rank);
}

static void merge_units(const struct bpe *b)
{
    struct bpe_scratch *s = b->scratch;
    const uint32_t *joined = tables_joined(b->tables);
    for (uint32_t rank; (rank = lowest_rank(s)) != NONE;) {
        uint32_t at = next_unit(s, rank);
        struct unit *u = &s->units[at];
        uint32_t gone = u->after, after = s->units[gone].after, before = u->before;
        leave_queue(s, at);
        leave_queue(s, gone);
        u->piece = joined[rank];
        u->after = after;
        if (after != NONE)
            s->units[after].before = at;
        look_for_merge(b, at);
        if (before != NONE) {
            leave_queue(s, before);
            look_for_merge(b, before);
        }
    }
}

static bool is_inner(const struct bpe *b, size_t at)
{
    return at < b->text.size && ((unsigned char)b->text.data[at] & 0xC0) == 0x80;
}

/* The character that the inner byte at `at` belongs to: where it begins, and in *end where it ends. A stray
 * byte is one by itself. */
static size_t character_around(const struct bpe *b, size_t at, size_t *end)
{
    for (size_t back = 1; back < 4 && back <= at; back++) {
        uint32_t c;
        size_t n = utf8_decode(b->text.data + at - back, b->text.size - (at - back), &c);
        if (n > back) {
            *end = at - back + n;
            return at - back;
        }
    }
    *end = at;
    return at;
}

static void put(const struct bpe *b, uint32_t piece, size_t start, size_t end)
{
    size_t other;
    if (is_inner(b, start))
        start = character_around(b, start, &other);
    if (is_inner(b, end))
        character_around(b, end, &end);
    b->e->prefix_count += end <= b->text.shift;
    b->e->tokens[b->e->count++] = (struct token){
        .id = (int32_t)piece,
        .start = (uint32_t)(start > b->text.shift ? start - b->text.shift : 0),
        .end = (uint32_t)(end > b->text.shift ? end - b->text.shift : 0),
    };
}

static enum status add_word(const struct bpe *b, size_t start, size_t end)
{
    size_t length = end - start;
    enum status status = reserve_units(b->scratch, length, b->err);
    if (status == STATUS_OK)
        status = encoding_reserve(b->e, length, b->err);
    if (status != STATUS_OK)
        return status;
    struct unit *units = b->scratch->units;
    for (uint32_t i = 0; i < length; i++)
        units[i] = (struct unit){.piece = b->tables->bytes[(unsigned char)b->text.data[start + i]],
                                 .before = i > 0 ? i - 1 : NONE,
                                 .after = i + 1 < length ? i + 1 : NONE,
                                 .rank = NONE};
    for (uint32_t i = 0; i < length; i++)
        look_for_merge(b, i);
    merge_units(b);
    for (uint32_t i = 0; i != NONE; i = units[i].after)
        put(b, units[i].piece, start + i, units[i].after == NONE ? end : start + units[i].after);
    return STATUS_OK;
}

/* ---- words ---- */

enum kind { OTHER, LETTER, DIGIT, SPACE };

static enum kind kind_of(uint32_t c)
{
    if (u_isUWhiteSpace((UChar32)c))
        return SPACE;
    uint32_t mask = U_GET_GC_MASK((UChar32)c);
    return (mask & U_GC_L_MASK) != 0 ? LETTER : (mask & U_GC_N_MASK) != 0 ? DIGIT : OTHER;
}

static inline size_t kind_at(const struct bpe *b, size_t at, enum kind *kind)
{
    static const uint8_t ascii[128] = {
        ['\t'] = SPACE, ['\n'] = SPACE, ['\v'] = SPACE, ['\f'] = SPACE, ['\r'] = SPACE, [' '] = SPACE,
    };
    unsigned char byte = (unsigned char)b->text.data[at];
    uint32_t c = byte;
    if (byte < 0x80) {
        *kind = (byte | 32) >= 'a' && (byte | 32) <= 'z' ? LETTER
                : byte >= '0' && byte <= '9'             ? DIGIT
                                                         : ascii[byte];
        return 1;
    }
    size_t n = utf8_decode(b->text.data + at, b->text.size - at, &c);
    *kind = kind_of(c);
    return n;
}

/* The length of a contraction that begins at `at`; 0 when there is none. */
static size_t contraction(const struct bpe *b, size_t at)
{
    static const char *const all[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t n = strlen(all[i]);
        if (b->text.size - at >= n && memcmp(b->text.data + at, all[i], n) == 0)
            return n;
    }
    return 0;
}

/* Where the word that begins at `start` ends. */
static size_t word_end(const struct bpe *b, size_t start)
{
    enum kind kind, next;
    size_t at = start, n = kind_at(b, at, &kind), short_of = 0;
    if (b->text.data[start] == '\'' && contraction(b, start) > 0)
        return start + contraction(b, start);
    if (b->text.data[start] == ' ' && start + 1 < b->text.size) {
        size_t after = kind_at(b, start + 1, &next);
        if (next != SPACE) {
            at = start + 1;
            n = after;
            kind = next;
        }
    }
    for (at += n; at < b->text.size; at += n) {
        n = kind_at(b, at, &next);
        if (next != kind)
            break;
        short_of = at;
    }
    return kind == SPACE && at < b->text.size && short_of > 0 ? short_of : at;
}

enum status bpe_encode(const struct tables *tables, struct encoding *e, struct text prefix, struct text text,
                       struct error *err)
{
    struct encoding_scratch *s = e->scratch;
    struct bpe b = {.tables = tables, .e = e, .err = err};
    if (s->bpe == NULL && (s->bpe = calloc(1, sizeof *s->bpe)) == NULL)
        return error_memory(err, "encoding a text");
    b.scratch = s->bpe;
    enum status status = reserve_queues(s->bpe, tables->rank_count, err);
    if (status == STATUS_OK)
        status = encoding_join(e, prefix, text, tables->dummy_prefix != 0, &b.text, err);
    for (size_t at = 0, end; at < b.text.size && status == STATUS_OK; at = end) {
        end = word_end(&b, at);
        status = add_word(&b, at, end);
    }
    return status;
}

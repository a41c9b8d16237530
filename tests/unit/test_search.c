/* Search against brute force in double, over vectors that are alike, equal, and of many sizes. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "index/index.h"

#define WIDTH     72 /* no multiple of any stride */
#define DOCUMENTS 1500
#define PASSAGES  3 /* of a document, at most */

static char folder[] = "/tmp/cognate-search-XXXXXX";
static char path[128];

struct known { /* what was put, for brute force */
    char id[16];
    size_t passages;
    float vectors[PASSAGES][WIDTH];
    int year;
    bool gone;
};

static struct known *known;
static uint64_t seed = 1;

static double uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 40) / (double)(1 << 24) - 0.5;
}

/* A few centres, some far outliers, some copies: rounding bounds meet near ties. */
static void make_vector(size_t i, float *out)
{
    uint64_t kept = seed;
    seed = (77 + i % 9) * 0x9e3779b97f4a7c15u;
    for (size_t j = 0; j < WIDTH; j++)
        out[j] = (float)uniform();
    seed = kept;
    double noise = i % 5 == 0 ? 0 : i % 7 == 0 ? 1 : 0.02;
    double square = 0;
    for (size_t j = 0; j < WIDTH; j++) {
        out[j] += (float)(noise * uniform());
        square += (double)out[j] * out[j];
    }
    for (size_t j = 0; j < WIDTH; j++)
        out[j] = (float)(out[j] / sqrt(square));
}

static double cosine(const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < WIDTH; j++) {
        dot += (double)a[j] * b[j];
        aa += (double)a[j] * a[j];
        bb += (double)b[j] * b[j];
    }
    return dot / sqrt(aa) / sqrt(bb);
}

static struct store *open_store(enum isa isa)
{
    struct store *s = NULL;
    struct error err = {0};
    if (store_open(path, STORE_WRITE, isa, &s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return s;
}

static struct collection *open_collection(struct store *s)
{
    struct collection *c = NULL;
    assert_int_equal(store_collection_open(s, text_of("c"), &c, NULL), STATUS_OK);
    return c;
}

/* Puts every step-th document from `first` on in one transaction. */
static void put(struct collection *c, size_t first, size_t step)
{
    static const char text[] = "first part, second part, third part.";
    static const char *const languages[] = {"de", "zh-Hant", "zh", "pt-BR", "und"};
    struct document_row *rows = calloc(DOCUMENTS, sizeof *rows);
    struct passage_row(*passages)[PASSAGES] = calloc(DOCUMENTS, sizeof *passages);
    char(*metadata)[96] = calloc(DOCUMENTS, sizeof *metadata);
    struct put_result *results = calloc(DOCUMENTS, sizeof *results);
    struct error err = {0};
    size_t n = 0;
    for (size_t i = first; i < DOCUMENTS; i += step, n++) {
        struct known *d = &known[i];
        d->gone = false;
        for (size_t j = 0; j < d->passages; j++)
            passages[n][j] = (struct passage_row){
                .start = j * 12, .end = j * 12 + 10, .tokens = 3, .vector = d->vectors[j]};
        snprintf(metadata[n], sizeof metadata[n], "{\"year\":%d,\"tags\":[\"t%d\",\"all\"],\"kind\":%s}",
                 d->year, d->year % 10, d->year % 3 == 0 ? "null" : "\"note\"");
        rows[n] = (struct document_row){.id = text_of(d->id),
                                        .title = text_of("title"),
                                        .lang = text_of(languages[d->year % 5]),
                                        .text = text_of(text),
                                        .metadata = text_of(metadata[n]),
                                        .passages = passages[n],
                                        .passage_count = d->passages};
        memcpy(rows[n].content_hash, d->id, sizeof d->id);
    }
    if (collection_put(c, rows, n, PUT_UPSERT, results, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(results[i].outcome, PUT_CREATED);
    free(results);
    free(metadata);
    free(passages);
    free(rows);
}

static int fill(void **state)
{
    (void)state;
    struct collection_settings settings = {
        .name = text_of("c"), .model = text_of("m"), .space_id = {7}, .width = WIDTH, .passage_tokens = 200};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.db", folder);
    known = calloc(DOCUMENTS, sizeof *known);
    struct store *s = open_store(cpu_best());
    assert_int_equal(store_collection_create(s, &settings, NULL), STATUS_OK);
    struct collection *c = open_collection(s);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        struct known *d = &known[i];
        snprintf(d->id, sizeof d->id, "doc-%04zu", i * 7919 % DOCUMENTS);
        d->passages = 1 + i % PASSAGES;
        d->year = 1900 + (int)(i % 120);
        for (size_t j = 0; j < d->passages; j++)
            make_vector(i * PASSAGES + j, d->vectors[j]);
    }
    put(c, 0, 1);
    struct text ids[DOCUMENTS];
    size_t n = 0;
    uint64_t deleted = 0;
    for (size_t i = 3; i < DOCUMENTS; i += 11) { /* holes that later documents fill */
        ids[n++] = text_of(known[i].id);
        known[i].gone = true;
    }
    assert_int_equal(collection_delete(c, ids, n, &deleted, NULL), STATUS_OK);
    assert_int_equal(deleted, n);
    put(c, 3, 33);
    collection_release(c);
    store_close(s);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    free(known);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", ".lock", NULL}; *end != NULL;
         end++) {
        char file[160];
        snprintf(file, sizeof file, "%s%s", path, *end);
        unlink(file);
    }
    return rmdir(folder);
}

struct expected {
    const char *id;
    double cosine;
};

static int by_rank(const void *a, const void *b)
{
    const struct expected *x = a, *y = b;
    if (fabs(x->cosine - y->cosine) > 1e-15)
        return x->cosine < y->cosine ? 1 : -1;
    return strcmp(x->id, y->id);
}

typedef bool chosen(const struct known *d);

static bool every(const struct known *d)
{
    (void)d;
    return true;
}

static size_t brute(const float *query, chosen *keep, struct expected *out)
{
    size_t n = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        if (known[i].gone || !keep(&known[i]))
            continue;
        out[n] = (struct expected){known[i].id, -2};
        for (size_t j = 0; j < known[i].passages; j++)
            out[n].cosine = fmax(out[n].cosine, cosine(query, known[i].vectors[j]));
        n++;
    }
    qsort(out, n, sizeof *out, by_rank);
    return n;
}

static void compare(struct collection *c, const float *query, size_t k, const struct filter *filter,
                    chosen *keep)
{
    static struct expected expected[DOCUMENTS];
    struct hits hits = {0};
    struct error err = {0};
    size_t n = brute(query, keep, expected), wanted = n < k ? n : k;
    struct search_query q = {.vector = query, .k = k, .filter = filter, .min_cosine = -2};
    if (collection_search(c, &q, 1, &hits, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(hits.exact);
    assert_int_equal(hits.filtered, filter != NULL);
    assert_int_equal(hits.count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        assert_string_equal(hits.items[i].id.data, expected[i].id);
        assert_true(fabs(hits.items[i].cosine - expected[i].cosine) < 1e-12);
        assert_int_equal(hits.items[i].end - hits.items[i].start, 10);
        assert_int_equal(hits.items[i].passage.len, 10);
    }
    hits_release(&hits);
}

static void exact_on_every_path(void **state)
{
    (void)state;
    static const size_t ks[] = {1, 5, 10, 100, 1000};
    for (enum isa isa = ISA_REFERENCE; isa < ISA_COUNT; isa++) {
        if (!cpu_has(isa))
            continue;
        struct store *s = open_store(isa);
        struct collection *c = open_collection(s);
        for (size_t i = 0; i < 40; i++) {
            float query[WIDTH];
            make_vector(i * 13 + 5, query);
            compare(c, query, ks[i % 5], NULL, every);
        }
        collection_release(c);
        store_close(s);
    }
}

static bool after_1990(const struct known *d)
{
    return d->year >= 1990;
}

static bool chinese(const struct known *d)
{
    return d->year % 5 == 1 || d->year % 5 == 2;
}

static bool tagged(const struct known *d)
{
    return d->year % 10 == 4;
}

static bool not_a_note(const struct known *d)
{
    return d->year % 3 == 0;
}

static bool both(const struct known *d)
{
    return after_1990(d) && chinese(d);
}

static bool two_ids(const struct known *d)
{
    return strcmp(d->id, "doc-0000") == 0 || strcmp(d->id, "doc-0017") == 0;
}

static bool nothing(const struct known *d)
{
    (void)d;
    return false;
}

static void filters_come_first(void **state)
{
    (void)state;
    const struct filter_value year = {.type = FILTER_NUMBER, .number = 1990}, zh = {.string = text_of("ZH")},
                              tag = {.string = text_of("t4")}, no = {.string = text_of("no")},
                              ids[] = {{.string = text_of("doc-0000")}, {.string = text_of("doc-0017")}},
                              word = {.string = text_of("1990")};
    const struct filter late = {
        .kind = FILTER_FIELD, .field = text_of("year"), .op = OP_GTE, .values = &year, .value_count = 1};
    const struct filter lang = {.kind = FILTER_LANG, .values = &zh, .value_count = 1};
    const struct filter tags = {
        .kind = FILTER_FIELD, .field = text_of("tags"), .op = OP_IN, .values = &tag, .value_count = 1};
    const struct filter note = {
        .kind = FILTER_FIELD, .field = text_of("kind"), .op = OP_PREFIX, .values = &no, .value_count = 1};
    const struct filter not_note = {.kind = FILTER_NOT, .items = &note, .item_count = 1};
    const struct filter pair[] = {late, lang};
    const struct filter joined = {.kind = FILTER_AND, .items = pair, .item_count = 2};
    const struct filter by_id = {.kind = FILTER_ID, .values = ids, .value_count = 2};
    const struct filter of_other_type = {
        .kind = FILTER_FIELD, .field = text_of("year"), .op = OP_IN, .values = &word, .value_count = 1};
    const struct filter absent = {.kind = FILTER_FIELD, .field = text_of("none"), .op = OP_EXISTS};
    const struct filter none = {.kind = FILTER_OR}, all = {.kind = FILTER_AND};
    const struct {
        const struct filter *filter;
        chosen *keep;
    } cases[] = {{&late, after_1990}, {&lang, chinese},  {&tags, tagged},           {&not_note, not_a_note},
                 {&joined, both},     {&by_id, two_ids}, {&of_other_type, nothing}, {&absent, nothing},
                 {&none, nothing},    {&all, every}};
    struct store *s = open_store(cpu_best());
    struct collection *c = open_collection(s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 1; k <= 1000; k *= 10) {
            float query[WIDTH];
            make_vector(i * 31 + k, query);
            compare(c, query, k, cases[i].filter, cases[i].keep);
        }
    collection_release(c);
    store_close(s);
}

static void floors_and_limits(void **state)
{
    (void)state;
    struct store *s = open_store(cpu_best());
    struct collection *c = open_collection(s);
    struct hits hits = {0};
    struct error err = {0};
    float query[WIDTH], zero[WIDTH] = {0};
    make_vector(40, query);
    struct search_query q = {.vector = query, .k = 1000, .min_cosine = 0.9};
    assert_int_equal(collection_search(c, &q, 1, &hits, NULL), STATUS_OK);
    assert_true(hits.count > 0 && hits.count < 1000);
    for (size_t i = 0; i < hits.count; i++)
        assert_true(hits.items[i].cosine >= 0.9);
    hits_release(&hits);
    q.k = 0;
    assert_int_equal(collection_search(c, &q, 1, &hits, &err), STATUS_INVALID);
    assert_string_equal(err.field, "k");
    q.k = 5;
    q.vector = zero;
    assert_int_equal(collection_search(c, &q, 1, &hits, NULL), STATUS_INVALID);
    zero[3] = NAN;
    assert_int_equal(collection_search(c, &q, 1, &hits, NULL), STATUS_INVALID);
    q.vector = query;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    q.deadline_ms = now.tv_sec * 1000 - 1;
    assert_int_equal(collection_search(c, &q, 1, &hits, NULL), STATUS_DEADLINE);
    assert_int_equal(hits.count, 0);
    collection_release(c);
    store_close(s);
}

/* ---- the same said differently ---- */

#define MANY 20000

/* Documents whose place in `order` is their turn; n and letter are of the document, not of the turn. */
static struct collection *put_many(struct store *s, const char *name, size_t step)
{
    static const char text[] = "text";
    struct collection_settings settings = {
        .name = text_of(name), .model = text_of("m"), .space_id = {7}, .width = WIDTH, .passage_tokens = 200};
    struct document_row *rows = calloc(MANY, sizeof *rows);
    struct passage_row *passages = calloc(MANY, sizeof *passages);
    float(*vectors)[WIDTH] = calloc(MANY, sizeof *vectors);
    char(*words)[2][64] = calloc(MANY, sizeof *words);
    struct put_result *results = calloc(MANY, sizeof *results);
    struct collection *c = NULL;
    assert_int_equal(store_collection_create(s, &settings, NULL), STATUS_OK);
    assert_int_equal(store_collection_open(s, text_of(name), &c, NULL), STATUS_OK);
    for (size_t turn = 0; turn < MANY; turn++) {
        size_t i = turn * step % MANY;
        seed = i + 1;
        make_vector(i, vectors[turn]);
        snprintf(words[turn][0], sizeof words[turn][0], "d%zu", i);
        snprintf(words[turn][1], sizeof words[turn][1], "{\"n\":%zu,\"letter\":\"%c\"}", i,
                 (char)('a' + i * 7 % 10));
        passages[turn] = (struct passage_row){.end = 4, .tokens = 1, .vector = vectors[turn]};
        rows[turn] = (struct document_row){.id = text_of(words[turn][0]),
                                           .lang = text_of(i % 2 == 0 ? "en" : "de"),
                                           .text = text_of(text),
                                           .metadata = text_of(words[turn][1]),
                                           .passages = &passages[turn],
                                           .passage_count = 1};
        memcpy(rows[turn].content_hash, words[turn][0], 8);
    }
    assert_int_equal(collection_put(c, rows, MANY, PUT_UPSERT, results, NULL), STATUS_OK);
    free(results);
    free(words);
    free(vectors);
    free(passages);
    free(rows);
    return c;
}

static bool same_hits(const struct hits *a, const struct hits *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!text_equal(a->items[i].id, b->items[i].id) || a->items[i].cosine != b->items[i].cosine)
            return false;
    return a->count >= n && b->count >= n;
}

static void find(struct collection *c, const float *vector, size_t k, const struct filter *filter,
                 struct hits *out)
{
    struct error err = {0};
    struct search_query q = {.vector = vector, .k = k, .filter = filter, .min_cosine = -2};
    if (collection_search(c, &q, 1, out, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

/* Filters that keep 20, 10, 4, 1 and 0.01 %, alone and both: as many hits as there are, those of the list
 * that has everything, whether there is an index or not, in whatever order the documents came. */
static void any_share_is_found(void **state)
{
    (void)state;
    static const size_t kept[] = {MANY / 5, MANY / 10, MANY / 25, MANY / 100, MANY / 10000};
    struct store *s = open_store(cpu_best());
    struct collection *c = put_many(s, "many", 1), *other = put_many(s, "turned", 7919);
    struct text fields[] = {text_of("n"), text_of("letter")};
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 5; i++) {
            static struct filter_value list[10000];
            struct filter_value to = {.type = FILTER_NUMBER, .number = (double)kept[i]},
                                c_is = {.string = text_of("c")};
            for (size_t j = 0; j < kept[i]; j++)
                list[j] = (struct filter_value){.type = FILTER_NUMBER, .number = (double)j};
            struct filter range = {
                .kind = FILTER_FIELD, .field = text_of("n"), .op = OP_LT, .values = &to, .value_count = 1};
            struct filter in = {.kind = FILTER_FIELD,
                                .field = text_of("n"),
                                .op = OP_IN,
                                .values = list,
                                .value_count = kept[i]};
            struct filter parts[] = {
                range, {.kind = FILTER_FIELD, .field = text_of("letter"), .values = &c_is, .value_count = 1}};
            struct filter both = {.kind = FILTER_AND, .items = parts, .item_count = 2};
            struct hits ten = {0}, hundred = {0}, listed = {0}, turned = {0}, joined = {0};
            float vector[WIDTH];
            make_vector(i * 31 + round, vector);
            find(c, vector, 10, &range, &ten);
            find(c, vector, 100, &range, &hundred);
            find(c, vector, 100, &in, &listed);
            find(other, vector, 100, &range, &turned);
            find(c, vector, 1000, &both, &joined);
            assert_int_equal(ten.count, kept[i] < 10 ? kept[i] : 10);
            assert_int_equal(hundred.count, kept[i] < 100 ? kept[i] : 100);
            assert_true(ten.exact && hundred.exact && same_hits(&ten, &hundred, ten.count));
            assert_true(same_hits(&hundred, &listed, hundred.count) && listed.count == hundred.count);
            assert_true(same_hits(&hundred, &turned, hundred.count) && turned.count == hundred.count);
            assert_int_equal(joined.candidates, kept[i] / 10); /* one in ten has the letter */
            assert_string_equal(ten.filter, round == 0 ? "rows" : "index");
            struct hits *all[] = {&ten, &hundred, &listed, &turned, &joined};
            for (size_t j = 0; j < 5; j++)
                hits_release(all[j]);
        }
        assert_int_equal(collection_declare(c, fields, 2, NULL), STATUS_OK);
    }
    collection_release(other);
    collection_release(c);
    store_close(s);
}

/* One big number makes the steps of the bytes coarse. The small numbers of `best` all round to nothing and
 * those of `worse` all round up, so that their bytes say the opposite of their floats: only the bounds of the
 * rounding keep `best` in the race. */
static void bytes_that_mislead(void **state)
{
    (void)state;
    struct collection_settings settings = {.name = text_of("coarse"),
                                           .model = text_of("m"),
                                           .space_id = {7},
                                           .width = WIDTH,
                                           .passage_tokens = 200};
    float vectors[2][WIDTH] = {{1}, {1}}, query[WIDTH] = {0};
    struct passage_row passages[2];
    struct document_row rows[2] = {{.id = text_of("best"), .content_hash = {1}},
                                   {.id = text_of("worse"), .content_hash = {2}}};
    struct put_result results[2];
    struct hits hits = {0};
    struct collection *c = NULL;
    struct store *s = open_store(cpu_best());
    for (size_t j = 1; j < WIDTH; j++) {
        query[j] = 1;
        vectors[0][j] = 0.49f / 127;
        vectors[1][j] = j < WIDTH - 11 ? 0.51f / 127 : 0;
    }
    for (size_t i = 0; i < 2; i++) {
        passages[i] = (struct passage_row){.end = 4, .tokens = 1, .vector = vectors[i]};
        rows[i].text = text_of("text");
        rows[i].passages = &passages[i];
        rows[i].passage_count = 1;
    }
    assert_true(cosine(query, vectors[0]) > cosine(query, vectors[1]));
    assert_int_equal(store_collection_create(s, &settings, NULL), STATUS_OK);
    assert_int_equal(store_collection_open(s, text_of("coarse"), &c, NULL), STATUS_OK);
    for (size_t i = 2; i > 0; i--) /* the misleading one sets the floor first */
        assert_int_equal(collection_put(c, &rows[i - 1], 1, PUT_UPSERT, results, NULL), STATUS_OK);
    struct search_query q = {.vector = query, .k = 1, .min_cosine = -2};
    assert_int_equal(collection_search(c, &q, 1, &hits, NULL), STATUS_OK);
    assert_int_equal(hits.count, 1);
    assert_string_equal(hits.items[0].id.data, "best");
    hits_release(&hits);
    collection_release(c);
    store_close(s);
}

static void the_store_is_sound(void **state)
{
    (void)state;
    struct store *s = open_store(cpu_best());
    struct error err = {0};
    if (store_check(s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_on_every_path), cmocka_unit_test(filters_come_first),
        cmocka_unit_test(floors_and_limits),   cmocka_unit_test(any_share_is_found),
        cmocka_unit_test(bytes_that_mislead),  cmocka_unit_test(the_store_is_sound),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}

/* Text in, hits out, with the shipped model and a store in a scratch folder. */
#include "unit.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/engine.h"

static char folder[] = "/tmp/cognate-engine-XXXXXX";
static char path[128];
static struct engine *engine;

static int start(void **state)
{
    (void)state;
    struct error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/test.db", folder);
    struct engine_options options = {.db = path, .mode = STORE_WRITE, .isa = cpu_best(), .threads = 2};
    if (engine_open(&options, &engine, &err) != STATUS_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    engine_close(engine);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", ".lock", NULL}; *end != NULL; end++) {
        char file[160];
        snprintf(file, sizeof file, "%s%s", path, *end);
        unlink(file);
    }
    return rmdir(folder);
}

/* `n` words: more than a context holds when n is some hundreds. */
static char *words(size_t n)
{
    static const char *const some[] = {"garden ", "Bahnhof ", "lumière ", "река ", "图书馆 "};
    char *text = calloc(n, 16);
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, 16, "%s", some[i * 7 % 5]);
    return text;
}

static enum status embed(struct text text, enum long_text what, struct embeddings *out, struct error *err)
{
    return engine_embed(engine, &(struct embed_request){.texts = &text, .n = 1, .long_text = what}, out, err);
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* ---- embedding ---- */

static void a_text_alone_or_among_others(void **state)
{
    (void)state;
    struct text texts[40];
    char *some[40];
    struct embeddings all = {0}, one = {0};
    for (size_t i = 0; i < 40; i++) {
        some[i] = words(1 + i * i % 300);
        texts[i] = text_of(some[i]);
    }
    assert_int_equal(engine_embed(engine, &(struct embed_request){.texts = texts, .n = 40, .bulk = true}, &all, NULL),
                     STATUS_OK);
    assert_int_equal(all.rows, 40);
    for (size_t i = 0; i < 40; i += 3) {
        assert_int_equal(embed(texts[i], LONG_TEXT_POOL, &one, NULL), STATUS_OK);
        assert_memory_equal(one.vectors, all.vectors + i * all.width, all.width * sizeof(float));
        assert_int_equal(one.texts[0].tokens, all.texts[i].tokens);
        assert_true(fabs(dot(one.vectors, one.vectors, one.width) - 1) < 1e-5);
        embeddings_release(&one);
    }
    embeddings_release(&all);
    for (size_t i = 0; i < 40; i++)
        free(some[i]);
}

/* The second time a query comes from memory, with everything that the first time said of it; documents, bulk and
 * texts that do not go through the encoder in one piece never do. */
static void a_repeated_query_is_remembered(void **state)
{
    (void)state;
    struct engine_stats before, after;
    char *text = words(900);
    struct text texts[] = {text_of("où est la gare?"), text_of("")};
    struct embeddings first = {0}, again = {0};
    engine_stats(engine, &before);
    for (int i = 0; i < 2; i++) {
        struct embed_request request = {.texts = texts, .n = 2, .long_text = i == 0 ? LONG_TEXT_POOL : LONG_TEXT_ERROR};
        assert_int_equal(engine_embed(engine, &request, i == 0 ? &first : &again, NULL), STATUS_OK);
    }
    assert_int_equal(again.rows, 2);
    assert_int_equal(again.width, first.width);
    assert_memory_equal(first.vectors, again.vectors, 2 * first.width * sizeof(float));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(first.texts[i].first, again.texts[i].first);
        assert_int_equal(first.texts[i].count, again.texts[i].count);
        assert_int_equal(first.texts[i].tokens, again.texts[i].tokens);
        assert_int_equal(first.texts[i].dropped, again.texts[i].dropped);
        assert_int_equal(first.passages[i].start, again.passages[i].start);
        assert_int_equal(first.passages[i].end, again.passages[i].end);
        assert_int_equal(first.passages[i].tokens, again.passages[i].tokens);
    }
    engine_stats(engine, &after);
    assert_int_equal(after.encoder.texts - before.encoder.texts, 2);
    assert_int_equal(after.queries.hits - before.queries.hits, 2);
    embeddings_release(&first);
    embeddings_release(&again);

    before = after;
    const struct embed_request others[] = {{.texts = texts, .n = 1, .input_type = INPUT_DOCUMENT},
                                           {.texts = texts, .n = 1, .bulk = true},
                                           {.texts = texts, .n = 1, .long_text = LONG_TEXT_PASSAGES},
                                           {.texts = &(struct text){text, strlen(text)}, .n = 1}};
    for (size_t i = 0; i < 2 * sizeof others / sizeof others[0]; i++) {
        assert_int_equal(engine_embed(engine, &others[i / 2], &first, NULL), STATUS_OK);
        embeddings_release(&first);
    }
    engine_stats(engine, &after);
    assert_int_equal(after.queries.hits, before.queries.hits);
    assert_int_equal(after.queries.entries, before.queries.entries);
    free(text);
}

static void a_forgetful_engine_embeds_every_query(void **state)
{
    struct engine *e = NULL;
    struct engine_options options = {.isa = cpu_best(), .threads = 1, .forgetful = true};
    struct engine_stats stats;
    struct text text = text_of("où est la gare?");
    (void)state;
    assert_int_equal(engine_open(&options, &e, NULL), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        struct embeddings out = {0};
        assert_int_equal(engine_embed(e, &(struct embed_request){.texts = &text, .n = 1}, &out, NULL), STATUS_OK);
        embeddings_release(&out);
    }
    engine_stats(e, &stats);
    assert_int_equal(stats.encoder.texts, 2);
    assert_int_equal(stats.queries.hits, 0);
    engine_close(e);
}

static void long_texts_are_never_cut_unsaid(void **state)
{
    (void)state;
    char *text = words(900);
    struct embeddings pooled = {0}, cut = {0}, passages = {0};
    struct error err = {0};
    assert_int_equal(embed(text_of(text), LONG_TEXT_POOL, &pooled, NULL), STATUS_OK);
    assert_int_equal(pooled.rows, 1);
    assert_true(pooled.texts[0].tokens > 900);
    assert_int_equal(pooled.texts[0].dropped, 0);
    assert_true(fabs(dot(pooled.vectors, pooled.vectors, pooled.width) - 1) < 1e-5);
    assert_int_equal(pooled.passages[0].end, strlen(text) - 1);

    assert_int_equal(embed(text_of(text), LONG_TEXT_TRUNCATE, &cut, NULL), STATUS_OK);
    assert_int_equal(cut.texts[0].tokens, 512);
    assert_true(cut.texts[0].dropped > 388);
    assert_true(cut.passages[0].end < strlen(text));
    assert_true(dot(cut.vectors, pooled.vectors, cut.width) > 0.9);

    assert_int_equal(embed(text_of(text), LONG_TEXT_PASSAGES, &passages, NULL), STATUS_OK);
    assert_true(passages.rows >= 5);
    assert_int_equal(passages.texts[0].count, passages.rows);
    for (size_t i = 1; i < passages.rows; i++) {
        assert_true(passages.passages[i].start > passages.passages[i - 1].start);
        assert_true(passages.passages[i].start <= passages.passages[i - 1].end + 1);
    }

    assert_int_equal(embed(text_of(text), LONG_TEXT_ERROR, &(struct embeddings){0}, &err), STATUS_INVALID);
    assert_string_equal(err.field, "input[0]");
    assert_non_null(strstr(err.text, "512"));
    embeddings_release(&passages);
    embeddings_release(&cut);
    embeddings_release(&pooled);
    free(text);
}

/* The windows, cut and embedded one by one, weighted by their tokens here. */
static void windows_weigh_by_their_tokens(void **state)
{
    (void)state;
    const struct engine_model *model = NULL;
    struct encoding e = {0};
    struct passages windows = {0};
    struct embeddings pooled = {0}, one = {0};
    char *text = words(700); /* one full window and a short one */
    assert_int_equal(engine_model(engine, &model, NULL), STATUS_OK);
    assert_int_equal(tokenizer_encode(model->tokenizer, &e, model->info->prompt_query, (struct text){0}, NULL), STATUS_OK);
    struct passage_options whole = {.max_tokens = model->info->context, .overlap_tokens = UINT32_MAX};
    assert_int_equal(passages_cut(model->tokenizer, &e, text_of(text), (struct text){0}, &whole, (uint32_t)e.count + 2,
                                  &windows, NULL),
                     STATUS_OK);
    assert_true(windows.count >= 2 && windows.items[0].tokens != windows.items[windows.count - 1].tokens);
    assert_int_equal(embed(text_of(text), LONG_TEXT_POOL, &pooled, NULL), STATUS_OK);
    double *sum = calloc(pooled.width, sizeof *sum), square = 0, agreement = 0;
    for (size_t i = 0; i < windows.count; i++) {
        struct passage w = windows.items[i];
        assert_int_equal(embed((struct text){text + w.start, w.end - w.start}, LONG_TEXT_ERROR, &one, NULL), STATUS_OK);
        for (size_t j = 0; j < pooled.width; j++)
            sum[j] += (double)w.tokens * one.vectors[j];
        embeddings_release(&one);
    }
    for (size_t j = 0; j < pooled.width; j++) {
        square += sum[j] * sum[j];
        agreement += sum[j] * pooled.vectors[j];
    }
    assert_true(agreement / sqrt(square) > 1 - 1e-7);
    free(sum);
    embeddings_release(&pooled);
    passages_release(&windows);
    encoding_release(&e);
    free(text);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    struct embeddings out = {0};
    struct error err = {0};
    struct text texts[] = {text_of("fine"), {"a\xff", 2}};
    assert_int_equal(engine_embed(engine, &(struct embed_request){.texts = texts, .n = 2}, &out, &err), STATUS_INVALID);
    assert_string_equal(err.field, "input[1]");
    assert_non_null(strstr(err.text, "byte 1"));
    err = (struct error){0};
    assert_int_equal(
        engine_embed(engine, &(struct embed_request){.texts = texts, .n = 1, .deadline_ms = monotonic_ms() - 5}, &out, &err),
        STATUS_DEADLINE);
    assert_int_equal(out.rows, 0);
    assert_int_equal(engine_embed(engine, &(struct embed_request){.texts = texts, .n = 0}, &out, NULL), STATUS_OK);
    assert_int_equal(out.rows, 0);
    embeddings_release(&out);
}

static void *embed_some(void *failed)
{
    for (int i = 0; i < 10; i++) {
        char text[32];
        struct embeddings a = {0}, b = {0};
        snprintf(text, sizeof text, "sentence number %d", i);
        if (embed(text_of(text), LONG_TEXT_POOL, &a, NULL) != STATUS_OK ||
            embed(text_of(text), LONG_TEXT_POOL, &b, NULL) != STATUS_OK ||
            memcmp(a.vectors, b.vectors, a.width * sizeof(float)) != 0)
            *(bool *)failed = true;
        embeddings_release(&a);
        embeddings_release(&b);
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    pthread_t threads[8];
    bool failed[8] = {false};
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, embed_some, &failed[i]), 0);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_false(failed[i]);
    }
}

static void the_model_knows_its_answers(void **state)
{
    (void)state;
    const struct engine_model *m = NULL;
    double cosine = 0;
    struct canary_state asked = {0}, again = {0};
    assert_int_equal(engine_hold(engine, (struct text){0}, &m, NULL), STATUS_OK);
    assert_int_equal(engine_canaries(engine, m, &asked, NULL), STATUS_OK);
    assert_int_equal(asked.answers, 12);
    assert_true(asked.lowest > 0.99 && !asked.moved);
    assert_int_equal(engine_canaries(engine, m, &again, NULL), STATUS_OK);
    assert_true(again.lowest == asked.lowest && !again.moved && again.checks == asked.checks + 1);
    assert_int_equal(engine_canary_failures(engine), 0);
    for (int symmetric = 0; symmetric < 2; symmetric++) {
        assert_int_equal(engine_cosine_for(m, 0.75, symmetric, &cosine, NULL), STATUS_OK);
        assert_true(fabs(engine_relevance(m, cosine, symmetric) - 0.75) < 1e-9);
    }
    assert_int_equal(engine_cosine_for(m, 0, false, &cosine, NULL), STATUS_OK);
    assert_true(cosine < -1);
    engine_let_go(engine, m);
}

/* ---- documents and search ---- */

static struct ingest_document document(const char *id, const char *title, const char *text)
{
    return (struct ingest_document){.id = text_of(id), .title = text_of(title), .text = text_of(text)};
}

static void ask(const char *collection, const char *text, size_t k, struct hits *out)
{
    struct error err = {0};
    struct engine_query query = {.collection = text_of(collection), .text = text_of(text), .k = k};
    enum status status = engine_search(engine, &query, 1, out, &err);
    if (status != STATUS_OK)
        print_error("%s\n", err.text);
    assert_int_equal(status, STATUS_OK);
}

static void what_goes_in_is_found_across_languages(void **state)
{
    (void)state;
    struct ingest_result results[4];
    struct hits hits = {0};
    struct ingest_document documents[] = {
        document("rain", "", "Morgen regnet es den ganzen Tag, nimm einen Schirm mit."),
        document("bread", "Le pain", "Mélangez la farine, l'eau, le sel et la levure, puis laissez lever la pâte."),
        document("bike", "", "自行车的链条掉了，先把后轮抬起来再装回去。"),
    };
    assert_int_equal(engine_ingest(engine, text_of("a"), documents, 3, PUT_UPSERT, 0, NULL, results, NULL), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(results[i].outcome, PUT_CREATED);
        assert_int_equal(results[i].passages, 1);
        assert_true(results[i].tokens > 10);
    }
    ask("a", "How do I put a bicycle chain back on?", 10, &hits);
    assert_int_equal(hits.count, 3);
    assert_true(text_is(hits.items[0].id, "bike"));
    assert_true(text_is(hits.items[0].lang, "zh"));
    assert_true(hits.items[0].cosine >= hits.items[1].cosine && hits.items[1].cosine >= hits.items[2].cosine);
    assert_true(hits.exact);
    hits_release(&hits);
    ask("a", "receta de pan casero", 1, &hits);
    assert_int_equal(hits.count, 1);
    assert_true(text_is(hits.items[0].id, "bread"));
    assert_true(text_is(hits.items[0].title, "Le pain"));
    assert_true(text_is(hits.items[0].lang, "fr"));
    hits_release(&hits);
}

/* Of the documents that the case before put. */
static void examples_lead_and_are_left_out(void **state)
{
    (void)state;
    struct hits hits = {0}, several[3] = {{0}};
    struct error err = {0};
    struct text ids[] = {text_of("rain"), text_of("bread")};
    struct engine_query query = {.collection = text_of("a"), .k = 5, .examples = ids, .like_count = 1};
    assert_int_equal(engine_search(engine, &query, 1, &hits, NULL), STATUS_OK);
    assert_int_equal(hits.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_false(text_is(hits.items[i].id, "rain"));
    hits_release(&hits);
    query.unlike_count = 1;
    query.text = text_of("weather");
    assert_int_equal(engine_search(engine, &query, 1, &hits, NULL), STATUS_OK);
    assert_int_equal(hits.count, 1);
    assert_true(text_is(hits.items[0].id, "bike"));
    uint64_t generation = hits.generation;
    hits_release(&hits);
    ids[1] = text_of("nobody");
    assert_int_equal(engine_search(engine, &query, 1, &hits, &err), STATUS_NOT_FOUND);
    query = (struct engine_query){.collection = text_of("a"), .k = 5, .examples = ids, .unlike_count = 1};
    assert_int_equal(engine_search(engine, &query, 1, &hits, NULL), STATUS_INVALID); /* far from, but near what? */

    struct engine_query queries[3]; /* in one call as one by one */
    static const char *const texts[] = {"Wie backe ich Brot?", "Fahrrad", "lluvia"};
    for (size_t i = 0; i < 3; i++)
        queries[i] = (struct engine_query){
            .collection = text_of("a"), .text = text_of(texts[i]), .k = 1, .generation = generation};
    assert_int_equal(engine_search(engine, queries, 3, several, NULL), STATUS_OK);
    assert_true(text_is(several[0].items[0].id, "bread"));
    assert_true(text_is(several[1].items[0].id, "bike"));
    assert_true(text_is(several[2].items[0].id, "rain"));
    for (size_t i = 0; i < 3; i++) {
        ask("a", texts[i], 1, &hits);
        assert_true(hits.items[0].cosine == several[i].items[0].cosine);
        hits_release(&hits);
        hits_release(&several[i]);
    }
    queries[1].generation = generation + 1;
    assert_int_equal(engine_search(engine, queries, 3, several, NULL), STATUS_GONE);
    assert_int_equal(several[0].count, 0);
}

static void expect_sentence(struct text passage, struct mark mark, const char *wanted)
{
    assert_true(mark.start <= mark.end && mark.end <= passage.len);
    assert_true(text_is((struct text){passage.data + mark.start, mark.end - mark.start}, wanted));
}

static void the_sentence_that_is_meant(void **state)
{
    (void)state;
    const struct text passages[] = {text_of("Der Ofen ist alt. Der Zug fährt um neun ab. Brot ist billig."),
                                    text_of("  One sentence alone. "),
                                    text_of("| a | b |\n|---|---|\n| 1 | 2 |\n"), text_of("")};
    const struct text langs[] = {text_of("de"), text_of("en"), text_of("und"), text_of("en")};
    struct mark marks[4];
    struct engine_query query = {.collection = text_of("a"), .text = text_of("When does the train leave?")};
    assert_int_equal(engine_sentences(engine, &query, passages, langs, 4, marks, NULL), STATUS_OK);
    expect_sentence(passages[0], marks[0], "Der Zug fährt um neun ab.");
    expect_sentence(passages[1], marks[1], "One sentence alone.");
    expect_sentence(passages[2], marks[2], "");
    expect_sentence(passages[3], marks[3], "");
    query.text = text_of("What does a loaf cost?");
    assert_int_equal(engine_sentences(engine, &query, passages, langs, 1, marks, NULL), STATUS_OK);
    expect_sentence(passages[0], marks[0], "Brot ist billig.");
    assert_int_equal(engine_sentences(engine, &query, passages, langs, 0, marks, NULL), STATUS_OK);
    query.collection = text_of("none");
    assert_int_equal(engine_sentences(engine, &query, passages, langs, 1, marks, NULL), STATUS_NOT_FOUND);
}

static void known_text_is_not_embedded_again(void **state)
{
    (void)state;
    struct ingest_result results[2];
    struct ingest_document first = document("x", "", "The library opens at nine."), moved = first;
    assert_int_equal(engine_ingest(engine, text_of("b"), &first, 1, PUT_UPSERT, 0, NULL, results, NULL), STATUS_OK);
    assert_int_equal(engine_ingest(engine, text_of("b"), &first, 1, PUT_UPSERT, 0, NULL, results, NULL), STATUS_OK);
    assert_int_equal(results[0].outcome, PUT_UNCHANGED);
    assert_int_equal(results[0].tokens, 0);
    moved.id = text_of("y");
    assert_int_equal(engine_ingest(engine, text_of("b"), &moved, 1, PUT_UPSERT, 0, NULL, results, NULL), STATUS_OK);
    assert_int_equal(results[0].outcome, PUT_CREATED);
    assert_int_equal(results[0].passages, 1);
    assert_int_equal(results[0].tokens, 0);
    first.title = text_of("Hours");
    assert_int_equal(engine_ingest(engine, text_of("b"), &first, 1, PUT_UPSERT, 0, NULL, results, NULL), STATUS_OK);
    assert_int_equal(results[0].outcome, PUT_UPDATED);
    assert_true(results[0].tokens > 0);
}

static void a_bad_row_fails_alone(void **state)
{
    (void)state;
    struct ingest_result results[5];
    struct ingest_document documents[] = {
        document("good", "", "A sentence."),
        document("blank", "", " \n\t "),
        document("", "", "A sentence without an id."),
        {.id = text_of("bytes"), .text = {"\xc3", 1}},
        document("also good", "", "Another sentence."),
    };
    assert_int_equal(engine_ingest(engine, text_of("c"), documents, 5, PUT_CREATE, 0, NULL, results, NULL), STATUS_OK);
    assert_int_equal(results[0].outcome, PUT_CREATED);
    assert_int_equal(results[1].outcome, PUT_FAILED);
    assert_string_equal(results[1].error.field, "text");
    assert_int_equal(results[2].outcome, PUT_CREATED);
    assert_int_equal(strlen(results[2].id), 36);
    assert_int_equal(results[2].id[14], '7');
    assert_int_equal(results[3].outcome, PUT_FAILED);
    assert_int_equal(results[3].error.status, STATUS_INVALID);
    assert_int_equal(results[4].outcome, PUT_CREATED);
    assert_int_equal(engine_ingest(engine, text_of("c"), documents, 1, PUT_CREATE, 0, NULL, results, NULL), STATUS_OK);
    assert_int_equal(results[0].outcome, PUT_FAILED);
    assert_int_equal(results[0].error.status, STATUS_CONFLICT);
}

static void long_documents_come_in_passages(void **state)
{
    (void)state;
    char *filler = words(400), *text = NULL;
    struct ingest_result result;
    struct hits hits = {0};
    const char *needle = "The spare key hangs behind the blue door of the boat house.";
    assert_true(asprintf(&text, "%s.\n\n%s\n\n%s.", filler, needle, filler) > 0);
    struct ingest_document d = document("long", "Notes", text);
    assert_int_equal(engine_ingest(engine, text_of("d"), &d, 1, PUT_UPSERT, 0, NULL, &result, NULL), STATUS_OK);
    assert_true(result.passages >= 4);
    ask("d", "Wo ist der Ersatzschlüssel?", 5, &hits);
    assert_int_equal(hits.count, 1);
    assert_non_null(strstr(hits.items[0].passage.data, needle));
    assert_memory_equal(text + hits.items[0].start, hits.items[0].passage.data, hits.items[0].passage.len);
    assert_true(hits.items[0].start_char < hits.items[0].start);
    hits_release(&hits);
    free(text);
    free(filler);
}

static enum status refused(struct engine_query query, struct error *err)
{
    struct hits hits = {0};
    *err = (struct error){0};
    enum status status = engine_search(engine, &query, 1, &hits, err);
    assert_int_equal(hits.count, 0);
    hits_release(&hits);
    return status;
}

static void a_search_says_what_is_wrong(void **state)
{
    (void)state;
    struct error err;
    float vector[3] = {1, 0, 0};
    struct collection_settings other = {
        .name = text_of("other"), .model = text_of("another"), .space_id = {1}, .width = 512, .passage_tokens = 200};
    assert_int_equal(refused((struct engine_query){.collection = text_of("none"), .text = text_of("a"), .k = 1}, &err),
                     STATUS_NOT_FOUND);
    assert_int_equal(engine_collection_create(engine, text_of("empty"), (struct text){0},
                                              &(struct passage_options){0}, true, NULL),
                     STATUS_OK);
    assert_int_equal(refused((struct engine_query){.collection = text_of("empty"), .text = text_of("a"), .k = 1}, &err),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "cognate index"));
    assert_int_equal(refused((struct engine_query){.collection = text_of("a"), .text = text_of(" \n"), .k = 1}, &err),
                     STATUS_INVALID);
    assert_string_equal(err.field, "query");
    assert_int_equal(refused((struct engine_query){.collection = text_of("a"), .text = text_of("a"), .k = 0}, &err),
                     STATUS_INVALID);
    assert_string_equal(err.field, "k");
    assert_int_equal(
        refused((struct engine_query){.collection = text_of("a"), .vector = vector, .width = 3, .k = 1}, &err),
        STATUS_INVALID);
    assert_string_equal(err.field, "vector");
    assert_int_equal(store_collection_create(engine_store(engine), &other, NULL), STATUS_OK);
    struct ingest_document d = document("x", "", "text");
    struct ingest_result result;
    assert_int_equal(engine_ingest(engine, text_of("other"), &d, 1, PUT_UPSERT, 0, NULL, &result, &err),
                     STATUS_MODEL_MISMATCH);
    assert_int_equal(refused((struct engine_query){.collection = text_of("other"), .text = text_of("a"), .k = 1}, &err),
                     STATUS_MODEL_MISMATCH);
    assert_non_null(strstr(err.text, "the model another,"));
    other.name = text_of("older");
    other.model = text_of("cognate-e5-512"); /* the same name and other vectors */
    assert_int_equal(store_collection_create(engine_store(engine), &other, NULL), STATUS_OK);
    assert_int_equal(refused((struct engine_query){.collection = text_of("older"), .text = text_of("a"), .k = 1}, &err),
                     STATUS_MODEL_MISMATCH);
    assert_non_null(strstr(err.text, "another version"));
}

static void relevance_leaves_out(void **state)
{
    (void)state;
    struct hits hits = {0};
    struct engine_query query = {
        .collection = text_of("a"), .text = text_of("the quarterly accounts of a shipyard"), .k = 3, .min_relevance = 0.9};
    assert_int_equal(engine_search(engine, &query, 1, &hits, NULL), STATUS_OK);
    assert_int_equal(hits.count, 0);
    hits_release(&hits);
}

static void without_a_store_or_a_model(void **state)
{
    (void)state;
    struct engine *e = NULL;
    struct error err = {0};
    struct hits hits = {0};
    struct engine_query query = {.collection = text_of("a"), .text = text_of("a"), .k = 1};
    assert_int_equal(engine_open(&(struct engine_options){.model = "/nowhere/model.gguf"}, &e, &err), STATUS_OK);
    assert_int_equal(engine_search(e, &query, 1, &hits, &err), STATUS_UNAVAILABLE);
    err = (struct error){0};
    assert_int_equal(engine_load(e, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/model.gguf"));
    assert_false(engine_loaded(e));
    engine_close(e);
    engine_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_alone_or_among_others),
        cmocka_unit_test(a_repeated_query_is_remembered),
        cmocka_unit_test(a_forgetful_engine_embeds_every_query),
        cmocka_unit_test(long_texts_are_never_cut_unsaid),
        cmocka_unit_test(windows_weigh_by_their_tokens),
        cmocka_unit_test(bad_input_is_named),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(the_model_knows_its_answers),
        cmocka_unit_test(what_goes_in_is_found_across_languages),
        cmocka_unit_test(examples_lead_and_are_left_out),
        cmocka_unit_test(the_sentence_that_is_meant),
        cmocka_unit_test(known_text_is_not_embedded_again),
        cmocka_unit_test(a_bad_row_fails_alone),
        cmocka_unit_test(long_documents_come_in_passages),
        cmocka_unit_test(a_search_says_what_is_wrong),
        cmocka_unit_test(relevance_leaves_out),
        cmocka_unit_test(without_a_store_or_a_model),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

/* Every allocation fails once, or that one and all later ones: in the life of a store, and in what works on
 * text. */
#include "../unit/tiny_model.h"

#include "encoder/encoder.h"
#include "fault_memory.h"
#include "server/filter_json.h"
#include "store_life.h"
#include "tokenizer/passage.h"
#include "tokenizer/tokenizer.h"

static void arm_once(uint64_t n)
{
    fault_memory_arm(n, false);
}

static void arm_stays(uint64_t n)
{
    fault_memory_arm(n, true);
}

static const struct fault once = {
    "a failed allocation", arm_once, fault_memory_disarm, NULL, {STATUS_NO_MEMORY}};
static const struct fault stays = {
    "allocations that fail", arm_stays, fault_memory_disarm, NULL, {STATUS_NO_MEMORY}};

static void whole_life(const struct fault *fault)
{
    struct life life;
    life_begin(&life, 3);
    for (size_t i = 0; i < life_step_count; i++)
        life_torture(&life, &life_steps[i], fault, 400);
    printf("%s: %llu runs refused, %llu carried through\n", fault->name, (unsigned long long)life.refused,
           (unsigned long long)life.carried);
    assert_true(life.refused > 0);
    life_end(&life);
}

static void an_allocation_of_a_store_fails(void **state)
{
    (void)state;
    whole_life(&once);
}

static void allocations_of_a_store_fail_from_then_on(void **state)
{
    (void)state;
    whole_life(&stays);
}

/* ---- work that leaves nothing behind ---- */

/* Runs `work` with every allocation failing in turn, until it meets none. */
static void torture(const char *name, enum status (*work)(struct error *err))
{
    uint64_t hits = 1, refused = 0;
    for (uint64_t n = 1; hits > 0; n++) {
        struct error err = {0};
        fault_memory_arm(n, n % 2 == 0);
        enum status status = work(&err);
        hits = fault_memory_disarm();
        refused += status != STATUS_OK;
        if (status != STATUS_OK && (hits == 0 || status != STATUS_NO_MEMORY || err.status != status))
            fail_msg("%s, allocation %llu: %s: %s", name, (unsigned long long)n, status_code(status),
                     err.text);
    }
    assert_true(refused > 0);
}

static struct gguf *model_file;
static struct tokenizer *tokenizer;

static enum status open_tokenizer(struct error *err)
{
    struct tokenizer *t = NULL;
    enum status status = tokenizer_open(model_file, NULL, &t, err);
    tokenizer_free(t);
    return status;
}

static const char text[] =
    "# Harbours\n\nThe ferry leaves at nine. It returns in the evening, when the sea is calm.\n\n"
    "## Wetter\n\nHeute regnet es. 今日は雨が降っています。傘を持って行ってください。\n\n"
    "The bakery on the corner opens at eight. Los gatos duermen al sol. Il treno è in ritardo.\n";

static enum status encode(struct error *err)
{
    struct encoding e = {0};
    enum status status = tokenizer_encode(tokenizer, &e, text_of("query: "), text_of(text), err);
    encoding_release(&e);
    return status;
}

static enum status cut(struct error *err)
{
    struct encoding e = {0};
    struct passages p = {0};
    struct passage_options options = {.max_tokens = 24, .overlap_tokens = 6};
    enum status status = passages_cut(tokenizer, &e, text_of(text), text_of("en"), &options, 4, &p, err);
    passages_release(&p);
    encoding_release(&e);
    return status;
}

static void work_on_text(void **state)
{
    (void)state;
    struct error err = {0};
    const char *path = getenv("COGNATE_MODEL");
    if (gguf_open(path != NULL ? path : "data/cognate-e5-512.gguf", &model_file, &err) != STATUS_OK ||
        tokenizer_open(model_file, NULL, &tokenizer, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    torture("encode", encode);
    torture("passages", cut);
    torture("opening a tokenizer", open_tokenizer);
    tokenizer_free(tokenizer);
    gguf_free(model_file);
}

static struct buf tiny;

static enum status encoder(struct error *err)
{
    static const int32_t ids[] = {0, 3, 4, 2, 0, 5, 2};
    static const uint32_t starts[] = {0, 4, 7};
    struct gguf *file = NULL;
    struct model *m = NULL;
    struct embedder *e = NULL;
    float vectors[2 * 64];
    enum status status = gguf_open_bytes("tiny", tiny.data, tiny.len, &file, err);
    if (status == STATUS_OK)
        status = model_open(file, &(struct model_options){.isa = cpu_best()}, &m, err);
    if (status == STATUS_OK)
        status = embedder_new(m, 64, &e, err);
    if (status == STATUS_OK)
        status = embedder_embed(e, ids, starts, 2, vectors, err);
    embedder_free(e);
    model_free(m);
    gguf_free(file);
    return status;
}

static void an_encoder_opens_and_works(void **state)
{
    (void)state;
    tiny_write(&tiny_default, &tiny);
    torture("encoder", encoder);
    buf_release(&tiny);
}

static json_t *filter_json;

static enum status parse(struct error *err)
{
    struct filter *filter = NULL;
    enum status status = filter_parse(filter_json, NULL, &filter, err);
    free(filter);
    return status;
}

static void a_filter_is_parsed(void **state)
{
    (void)state;
    filter_json =
        json_loads("{\"and\": [{\"field\": \"year\", \"gte\": 2000}, {\"lang\": {\"in\": [\"de\", \"fr\"]}}, "
                   "{\"not\": {\"field\": \"kind\", \"eq\": \"draft\"}}]}",
                   0, NULL);
    assert_non_null(filter_json);
    torture("filter", parse);
    json_decref(filter_json);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]); /* a name with * and ? */
    if (!fault_memory_install())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allocation_of_a_store_fails),
        cmocka_unit_test(allocations_of_a_store_fail_from_then_on),
        cmocka_unit_test(work_on_text),
        cmocka_unit_test(an_encoder_opens_and_works),
        cmocka_unit_test(a_filter_is_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "server/filter_json.h"

/* The tree as one line, to compare with. */
static void print(const struct filter *f, struct buf *out)
{
    static const char *const kinds[] = {"and", "or", "not", "field", "lang", "id"};
    static const char *const ops[] = {"in", "gt", "gte", "lt", "lte", "prefix", "exists"};
    buf_printf(out, NULL, "%s(", kinds[f->kind]);
    for (size_t i = 0; i < f->item_count; i++)
        print(&f->items[i], out);
    if (f->kind >= FILTER_FIELD)
        buf_printf(out, NULL, "%.*s %s", (int)f->field.len, f->field.data != NULL ? f->field.data : "",
                   ops[f->op]);
    for (size_t i = 0; i < f->value_count; i++) {
        const struct filter_value *v = &f->values[i];
        if (v->type == FILTER_STRING)
            buf_printf(out, NULL, " '%.*s'", (int)v->string.len, v->string.data);
        else
            buf_printf(out, NULL, " %c%g", "?nb0"[v->type], v -> number);
    }
    buf_printf(out, NULL, ")");
}

static enum status parse(const char *text, const char *languages, struct buf *out, struct error *err)
{
    struct filter *filter = NULL;
    json_t *value = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    json_t *list = languages != NULL ? json_loads(languages, JSON_DECODE_ANY, NULL) : NULL;
    *err = (struct error){0};
    buf_clear(out);
    enum status status = filter_parse(value, list, &filter, err);
    assert_true((status == STATUS_OK) == (filter != NULL));
    if (status == STATUS_OK)
        print(filter, out);
    free(filter);
    json_decref(value);
    json_decref(list);
    return status;
}

static void reads_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text, *languages, *tree;
    } cases[] = {
        {"{\"field\":\"year\",\"gte\":2000}", NULL, "and(field(year gte n2000))"},
        {"{\"and\":[{\"field\":\"year\",\"gte\":2000},{\"lang\":{\"in\":[\"de\",\"fr\"]}},{\"not\":{"
         "\"field\":\"kind\",\"eq\":"
         "\"draft\"}}]}",
         NULL, "and(and(field(year gte n2000)lang( in 'de' 'fr')not(field(kind in 'draft'))))"},
        {"{\"or\":[]}", NULL, "and(or())"},
        {"{}", NULL, "and(and())"},
        {"{\"field\":\"n\",\"gt\":1,\"lt\":2.5}", NULL, "and(and(field(n gt n1)field(n lt n2.5)))"},
        {"{\"id\":{\"eq\":\"a\"},\"lang\":{\"eq\":\"de\"}}", NULL, "and(and(id( in 'a')lang( in 'de')))"},
        {"{\"field\":\"f\",\"in\":[1,\"x\",true,null]}", NULL, "and(field(f in n1 'x' b1 00))"},
        {"{\"field\":\"f\",\"exists\":false,\"id\":{\"in\":[]}}", NULL,
         "and(and(field(f exists b0)id( in)))"},
        {"{\"field\":\"f\",\"prefix\":\"ab\"}", NULL, "and(field(f prefix 'ab'))"},
        {NULL, "\"de\"", "and(lang( in 'de'))"},
        {"{\"field\":\"f\",\"eq\":null}", "[\"de\",\"fr\"]", "and(field(f in 00)lang( in 'de' 'fr'))"},
    };
    struct buf out;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        if (parse(cases[i].text, cases[i].languages, &out, &err) != STATUS_OK)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_string_equal(out.data, cases[i].tree);
    }
    buf_release(&out);
}

static void refuses_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field, *message;
    } cases[] = {
        {"[]", "filter", "must be an object"},
        {"{\"year\":5}", "filter.year", "unknown key \"year\""},
        {"{\"and\":{}}", "filter.and", "list of filters"},
        {"{\"and\":[{},5]}", "filter.and[1]", "must be an object"},
        {"{\"and\":[{},{\"field\":\"\",\"eq\":1}]}", "filter.and[1].field", "name of a metadata field"},
        {"{\"field\":\"a\"}", "filter", "needs a test"},
        {"{\"field\":\"a\",\"like\":1}", "filter.like", "unknown key"},
        {"{\"eq\":1}", "filter.eq", "unknown key"},
        {"{\"field\":\"a\",\"in\":5}", "filter.in", "must be a list"},
        {"{\"field\":\"a\",\"in\":[5,[]]}", "filter.in[1]", "must be a text, a number"},
        {"{\"field\":\"a\",\"gt\":true}", "filter.gt", "a number or a text"},
        {"{\"field\":\"a\",\"prefix\":1}", "filter.prefix", "must be a text"},
        {"{\"field\":\"a\",\"exists\":1}", "filter.exists", "true or false"},
        {"{\"not\":[]}", "filter.not", "must be an object"},
        {"{\"lang\":\"de\"}", "filter.lang", "must be an object such as"},
        {"{\"lang\":{}}", "filter.lang", "needs a test"},
        {"{\"lang\":{\"gt\":\"a\"}}", "filter.lang.gt", "eq and in only"},
        {"{\"lang\":{\"in\":[\"de\"],\"x\":1}}", "filter.lang.x", "unknown test"},
        {"{\"id\":{\"eq\":5}}", "filter.id.eq", "must be a text"},
        {"{\"or\":[{\"not\":{\"field\":\"a\",\"in\":[{}]}}]}", "filter.or[0].not.in[0]", "must be a text"},
    };
    struct buf out;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        assert_int_equal(parse(cases[i].text, NULL, &out, &err), STATUS_INVALID);
        if (strcmp(err.field, cases[i].field) != 0 || strstr(err.text, cases[i].message) == NULL)
            fail_msg("%s: %s: %s", cases[i].text, err.field, err.text);
    }
    buf_release(&out);
}

static void bounds_the_size(void **state)
{
    (void)state;
    struct filter *filter = NULL;
    struct error err = {0};
    json_t *list = json_array();
    for (int i = 0; i <= FILTER_VALUES; i++)
        json_array_append_new(list, json_integer(i));
    json_t *value = json_pack("{s:s, s:o}", "field", "a", "in", list);
    assert_int_equal(filter_parse(value, NULL, &filter, &err), STATUS_TOO_LARGE);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_grammar),
        cmocka_unit_test(refuses_with_the_place),
        cmocka_unit_test(bounds_the_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <ctype.h>
#include <string.h>

#include "server/api.h"
#include "server/openapi.h"

static const json_t *at(const json_t *value, const char *key)
{
    const json_t *found = json_object_get(value, key);
    if (found == NULL)
        fail_msg("no %s", key);
    return found;
}

static void describes_every_route(void **state)
{
    (void)state;
    size_t n;
    const struct api_route *routes = api_routes(&n);
    json_t *document = openapi_document();
    assert_string_equal(json_string_value(at(document, "openapi")), "3.1.0");
    for (size_t i = 0; i < n; i++) {
        char method[8] = "";
        for (size_t j = 0; routes[i].method[j] != '\0'; j++)
            method[j] = (char)tolower((unsigned char)routes[i].method[j]);
        const json_t *operation = at(at(at(document, "paths"), routes[i].pattern), method);
        assert_string_equal(json_string_value(at(operation, "summary")), routes[i].summary);
        assert_true((json_object_get(operation, "requestBody") != NULL) == (routes[i].request != NULL));
        assert_true((json_object_get(operation, "security") != NULL) == (routes[i].access == API_OPEN));
        at(at(operation, "responses"), "200");
        at(at(operation, "responses"), "default");
        for (size_t j = 0; j < i; j++) {
            const json_t *other = json_object_get(
                json_object_get(json_object_get(document, "paths"), routes[j].pattern), method);
            if (other != NULL && other != operation)
                assert_string_not_equal(json_string_value(at(other, "operationId")),
                                        json_string_value(at(operation, "operationId")));
        }
    }
    json_decref(document);
}

/* Every $ref leads to a schema, every schema has a reference, every required property exists. */
static size_t walk(const json_t *value, const json_t *schemas, json_t *seen)
{
    size_t count = 0;
    const json_t *reference = json_object_get(value, "$ref");
    if (reference != NULL) {
        const char *name = strrchr(json_string_value(reference), '/') + 1;
        at(schemas, name);
        json_object_set_new(seen, name, json_true());
        count++;
    }
    for (size_t i = 0; json_is_object(json_object_get(value, "properties")) &&
                       i < json_array_size(json_object_get(value, "required"));
         i++)
        at(json_object_get(value, "properties"),
           json_string_value(json_array_get(json_object_get(value, "required"), i)));
    for (void *i = json_object_iter((json_t *)(uintptr_t)value); i != NULL;
         i = json_object_iter_next((json_t *)(uintptr_t)value, i))
        count += walk(json_object_iter_value(i), schemas, seen);
    for (size_t i = 0; i < json_array_size(value); i++)
        count += walk(json_array_get(value, i), schemas, seen);
    return count;
}

static void references_hold(void **state)
{
    (void)state;
    json_t *document = openapi_document(), *seen = json_object();
    const json_t *schemas = at(at(document, "components"), "schemas");
    assert_true(walk(document, schemas, seen) > 50);
    assert_int_equal(json_object_size(seen), json_object_size(schemas));
    json_decref(seen);
    json_decref(document);
}

static void tells_the_limits(void **state)
{
    (void)state;
    json_t *document = openapi_document();
    const json_t *search = at(at(at(at(document, "components"), "schemas"), "Search"), "properties");
    assert_int_equal(json_integer_value(at(at(search, "k"), "maximum")), 1000);
    assert_int_equal(json_integer_value(at(at(search, "query"), "maxLength")), 8192);
    assert_non_null(strstr(json_string_value(at(at(search, "filter"), "description")), "gte"));
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_every_route),
        cmocka_unit_test(references_hold),
        cmocka_unit_test(tells_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "api_calls.h"

#include <ctype.h>

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
        at(at(operation, "responses"),
           routes[i].answer == NULL && routes[i].accepted != NULL ? "202" : "200");
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

/* Every $ref leads to a component, every component has a reference, every required property exists. */
static size_t walk(const json_t *value, const json_t *components, json_t *seen)
{
    size_t count = 0;
    const json_t *reference = json_object_get(value, "$ref");
    if (reference != NULL) {
        char kind[16], name[64];
        assert_int_equal(sscanf(json_string_value(reference), "#/components/%15[a-z]/%63s", kind, name), 2);
        at(at(components, kind), name);
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
        count += walk(json_object_iter_value(i), components, seen);
    for (size_t i = 0; i < json_array_size(value); i++)
        count += walk(json_array_get(value, i), components, seen);
    return count;
}

static void references_hold(void **state)
{
    (void)state;
    json_t *document = openapi_document(), *seen = json_object();
    const json_t *components = at(document, "components");
    assert_true(walk(document, components, seen) > 50);
    assert_int_equal(json_object_size(seen), json_object_size(at(components, "schemas")) +
                                                 json_object_size(at(components, "responses")));
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

static void tells_what_goes_wrong(void **state)
{
    (void)state;
    json_t *document = openapi_document();
    const json_t *components = at(at(document, "components"), "responses");
    const json_t *search = at(at(at(document, "paths"), "/v1/collections/{collection}/search"), "post");
    static const char *const codes[] = {"400", "401", "403", "404", "409", "413", "415", "429", "503", "504"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        at(at(search, "responses"), codes[i]);
    assert_null(json_object_get(at(search, "responses"), "507")); /* of what writes */
    assert_int_equal(json_integer_value(at(search, "x-deadline-ms")), 5000);
    assert_non_null(
        strstr(json_string_value(at(at(components, "Problem409"), "description")), "model_mismatch"));
    at(at(at(components, "Problem429"), "headers"), "Retry-After");
    assert_string_equal(json_string_value(at(at(components, "TeiError422"), "description")),
                        "invalid_argument, unsupported");
    json_decref(document);
}

/* The pattern of an operation with the examples of its parameters. */
static void example_path(const char *pattern, const json_t *operation, char out[256])
{
    size_t n = 0;
    const json_t *parameters = at(operation, "parameters");
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c != '{') {
            out[n++] = *c;
            continue;
        }
        size_t len = strcspn(c + 1, "}");
        for (size_t i = 0; i < json_array_size(parameters); i++) {
            const json_t *p = json_array_get(parameters, i);
            if (strncmp(json_string_value(at(p, "name")), c + 1, len) == 0)
                n += (size_t)snprintf(out + n, 256 - n, "%s", json_string_value(at(p, "example")));
        }
        c += len + 1;
    }
    out[n] = '\0';
}

/* Every route that takes a body has an example, and the examples work one after the other. */
static void gives_examples_that_work(void **state)
{
    (void)state;
    size_t n;
    const struct api_route *routes = api_routes(&n);
    json_t *document = openapi_document();
    for (size_t i = 0; i < n; i++) {
        char method[8] = "", path[256], what[300];
        if (routes[i].request == NULL)
            continue;
        for (size_t j = 0; routes[i].method[j] != '\0'; j++)
            method[j] = (char)tolower((unsigned char)routes[i].method[j]);
        const json_t *operation = at(at(at(document, "paths"), routes[i].pattern), method);
        const json_t *content = at(at(at(operation, "requestBody"), "content"), "application/json");
        example_path(routes[i].pattern, operation, path);
        snprintf(what, sizeof what, "%s %s", routes[i].method, path);
        char *body = json_dumps(at(content, "example"), 0);
        json_decref(ask(what, body, NULL, strcmp(routes[i].method, "PUT") == 0 ? 201 : 200));
        free(body);
    }
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_every_route),    cmocka_unit_test(references_hold),
        cmocka_unit_test(tells_the_limits),         cmocka_unit_test(tells_what_goes_wrong),
        cmocka_unit_test(gives_examples_that_work),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

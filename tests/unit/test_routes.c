#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/routes.h"

/* A path that the pattern of a route matches: {x} becomes "a%2Fb". */
static void example(const char *pattern, char out[256])
{
    size_t n = 0;
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c == '{') {
            n += (size_t)snprintf(out + n, 256 - n, "a%%2Fb");
            c = strchr(c, '}');
        } else {
            out[n++] = *c;
        }
    }
    out[n] = '\0';
}

static void every_route_finds_itself(void **state)
{
    (void)state;
    size_t n;
    const struct api_route *routes = api_routes(&n);
    for (size_t i = 0; i < n; i++) {
        char path[256];
        const char *allow = NULL;
        example(routes[i].pattern, path);
        if (api_route_find(routes[i].method, path, &allow) != &routes[i])
            fail_msg("%s %s is not found", routes[i].method, path);
        assert_non_null(routes[i].handle);
        assert_true(strlen(routes[i].summary) > 4);
        assert_true((routes[i].request != NULL) == (routes[i].body_limit > 0));
        if (strcmp(routes[i].method, "GET") == 0)
            assert_ptr_equal(api_route_find("HEAD", path, &allow), &routes[i]);
        assert_null(api_route_find("TRACE", path, &allow));
        assert_non_null(allow);
        assert_non_null(strstr(allow, routes[i].method));
    }
}

static void tells_404_from_405(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"/web",
                                          "",
                                          "/v1",
                                          "/v1/collections/",
                                          "/v1/collections//documents",
                                          "/livez/",
                                          "/Livez",
                                          "/v1/collections/a/documents/b/c",
                                          "/v1/models/"};
    const char *allow;
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        allow = NULL;
        assert_null(api_route_find("GET", nowhere[i], &allow));
        assert_null(allow);
    }
    allow = NULL;
    assert_null(api_route_find("POST", "/livez", &allow));
    assert_string_equal(allow, "GET, HEAD");
    assert_null(api_route_find("POST", "/v1/collections/a", &allow));
    assert_string_equal(allow, "GET, HEAD, PUT, PATCH, DELETE");
}

static void a_word_goes_before_a_capture(void **state)
{
    (void)state;
    const char *allow = NULL;
    struct text captures[CALL_CAPTURES];
    const struct api_route *route = api_route_find("POST", "/v1/collections/a/documents/delete", &allow);
    assert_ptr_equal(route->handle, handle_documents_delete);
    route = api_route_find("GET", "/v1/collections/a/documents/delete", &allow);
    assert_ptr_equal(route->handle, handle_document_get);
    assert_true(route_match(route->pattern, "/v1/collections/a/documents/x%2Fy", captures));
    assert_true(text_is(captures[0], "a"));
    assert_true(text_is(captures[1], "x%2Fy"));
    assert_true(route_match("/v1/models/{m}:predict", "/v1/models/x:y:predict", captures));
    assert_true(text_is(captures[0], "x:y"));
    assert_false(route_match("/v1/models/{m}:predict", "/v1/models/:predict", captures));
    assert_false(route_match("/v1/models/{m}:predict", "/v1/models/x", captures));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_finds_itself),
        cmocka_unit_test(tells_404_from_405),
        cmocka_unit_test(a_word_goes_before_a_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

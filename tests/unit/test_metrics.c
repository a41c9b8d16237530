#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics.h"

static struct engine *engine; /* without a store and without a model */

static char *text_of_metrics(const struct metrics *m)
{
    struct buf out;
    buf_init(&out, METRICS_CEILING);
    assert_int_equal(metrics_write(m, engine, &out, NULL), STATUS_OK);
    return out.data;
}

static const struct api_route *route_of(const char *method, const char *path)
{
    const char *allow;
    return api_route_find(method, path, &allow);
}

static void has(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("no line %s in\n%s", line, text);
}

static void counts_requests(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    metrics_begin(m);
    metrics_begin(m);
    metrics_begin(m);
    metrics_end(m, route_of("GET", "/livez"), 200, 0.0005, 0, 15);
    metrics_end(m, route_of("POST", "/v1/embed"), 400, 0.3, 100, 50);
    char *text = text_of_metrics(m);
    has(text, "\ncognate_http_requests_total{method=\"GET\",route=\"/livez\",status=\"2xx\"} 1\n");
    has(text, "\ncognate_http_requests_total{method=\"POST\",route=\"/v1/embed\",status=\"4xx\"} 1\n");
    has(text, "_bucket{method=\"POST\",route=\"/v1/embed\",le=\"0.25\"} 0\n");
    has(text, "_bucket{method=\"POST\",route=\"/v1/embed\",le=\"0.5\"} 1\n");
    has(text, "_bucket{method=\"POST\",route=\"/v1/embed\",le=\"+Inf\"} 1\n");
    has(text, "_sum{method=\"POST\",route=\"/v1/embed\"} 0.300000\n");
    has(text, "\ncognate_http_requests_in_flight 1\n");
    has(text, "\ncognate_http_received_bytes_total 100\n");
    has(text, "\ncognate_http_sent_bytes_total 65\n");
    has(text, "\ncognate_model_loaded 0\n");
    has(text, "\nprocess_resident_memory_bytes ");
    free(text);
    metrics_end(m, NULL, 404, 100, 0, 0);
    text = text_of_metrics(m);
    has(text, "{method=\"none\",route=\"none\",status=\"4xx\"} 1\n");
    has(text, "_bucket{method=\"none\",route=\"none\",le=\"30\"} 0\n");
    has(text, "_bucket{method=\"none\",route=\"none\",le=\"+Inf\"} 1\n");
    free(text);
    metrics_free(m);
}

/* Every line is a comment or "name{labels} number", each name was introduced once and directly before. */
static void is_prometheus_text(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    metrics_begin(m);
    metrics_end(m, route_of("GET", "/v1/models"), 200, 0.01, 1, 1);
    char *text = text_of_metrics(m), name[128] = "", *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *end;
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line + 7, "%127s", name), 1);
            continue;
        }
        if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_int_equal(strncmp(line + 7, name, strlen(name)), 0);
            if (strstr(line, " counter") != NULL)
                assert_string_equal(name + strlen(name) - 6, "_total");
            continue;
        }
        assert_int_equal(strncmp(line, name, strlen(name)), 0);
        strtod(strrchr(line, ' ') + 1, &end);
        assert_int_equal(*end, '\0');
    }
    free(text);
    text = text_of_metrics(NULL); /* of the command line: no requests */
    assert_null(strstr(text, "cognate_http"));
    has(text, "cognate_build_info{version=\"");
    free(text);
    metrics_free(m);
}

static void *work(void *m)
{
    for (int i = 0; i < 10000; i++) {
        metrics_begin(m);
        metrics_end(m, route_of("GET", "/health"), 200, 0.001, 1, 2);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct metrics *m = metrics_new();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, m);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *text = text_of_metrics(m);
    has(text, "{method=\"GET\",route=\"/health\",status=\"2xx\"} 40000\n");
    has(text, "\ncognate_http_requests_in_flight 0\n");
    has(text, "\ncognate_http_sent_bytes_total 80000\n");
    free(text);
    metrics_free(m);
}

int main(void)
{
    if (engine_open(&(struct engine_options){0}, &engine, NULL) != STATUS_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_requests),
        cmocka_unit_test(is_prometheus_text),
        cmocka_unit_test(threads_lose_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    engine_close(engine);
    return failed;
}

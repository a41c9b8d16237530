#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "server/json_shape.h"

static enum status gather(struct session *s, json_t **out, struct error *err)
{
    struct client *c = NULL;
    json_t *collections = NULL, *version = NULL;
    enum status status = client_open(s, STORE_READ, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "GET", "/v1/collections", NULL, NULL, &collections, err);
    if (status == STATUS_OK)
        status = client_call(c, "GET", "/version", NULL, NULL, &version, err);
    if (status == STATUS_OK) {
        *out = json_pack("{s:s, s:b, s:O, s:O}", "store", s->db.data, "server", client_remote(c), "version",
                         version, "collections", json_object_get(collections, "collections"));
        if (*out == NULL)
            status = error_memory(err, "reading the status");
    }
    json_decref(version);
    json_decref(collections);
    client_close(c);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    json_t *facts = NULL;
    const json_t *c;
    size_t i;
    (void)a;
    enum status status = gather(s, &facts, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON) {
        status = output_json(facts, err);
    } else if (status == STATUS_OK) {
        const json_t *list = json_object_get(facts, "collections");
        printf("store       %s (%s)\n", s->db.data, s->db_origin);
        printf("server      %s\n",
               json_is_true(json_object_get(facts, "server")) ? "running, and answering this" : "none");
        printf("collections %zu\n", json_array_size(list));
        json_array_foreach(list, i, c)
            printf("  %s: %lld documents, %lld passages, model %s\n",
                   json_string_value(json_object_get(c, "name")), shape_integer(c, "documents", 0),
                   shape_integer(c, "passages", 0), json_string_value(json_object_get(c, "model")));
    }
    json_decref(facts);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_status = {
    .name = "status",
    .summary = "show the store, its collections, and whether a server has it open",
    .run = run,
};

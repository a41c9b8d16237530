#include "server/filter_json.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "server/json_shape.h"

/* The tree is built in one block that holds nodes in front and values behind. Its size is known beforehand:
 * a JSON value makes at most one node and one value (an object with k keys: k nodes and one around them), so
 * counting the values of the JSON bounds both. */
struct builder {
    struct filter *nodes;
    struct filter_value *values;
    size_t node_room, value_room;
    size_t node_count, value_count;
};

static const char *const operators[] = {"eq", "in", "gt", "gte", "lt", "lte", "prefix", "exists", NULL};
static const enum filter_operator codes[] = {OP_IN, OP_IN,  OP_GT,     OP_GTE,
                                             OP_LT, OP_LTE, OP_PREFIX, OP_EXISTS};

static int operator_of(const char *key)
{
    for (int i = 0; operators[i] != NULL; i++)
        if (strcmp(key, operators[i]) == 0)
            return i;
    return -1;
}

static size_t count_values(const json_t *value)
{
    size_t n = 2;
    for (void *i = json_object_iter((json_t *)value); i != NULL;
         i = json_object_iter_next((json_t *)value, i))
        n += count_values(json_object_iter_value(i));
    for (size_t i = 0; i < json_array_size(value); i++)
        n += count_values(json_array_get(value, i));
    return n;
}

static struct filter *take_nodes(struct builder *b, size_t n)
{
    struct filter *first = b->nodes + b->node_count;
    if (n > b->node_room - b->node_count)
        return NULL;
    b->node_count += n;
    return first;
}

/* ---- tests ---- */

static enum status take_value(struct builder *b, enum filter_operator op, const json_t *value,
                              const char *path, struct error *err)
{
    struct filter_value v = {.number = json_number_value(value)};
    switch (json_typeof(value)) {
    case JSON_STRING:
        v.type = FILTER_STRING;
        v.string = json_text(value);
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        v.type = FILTER_NUMBER;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        v.type = FILTER_BOOL;
        v.number = json_is_true(value);
        break;
    case JSON_NULL:
        v.type = FILTER_NULL;
        break;
    default:
        return error_field(err, STATUS_INVALID, path, "%s must be a text, a number, true, false or null",
                           path);
    }
    if (op == OP_EXISTS && v.type != FILTER_BOOL)
        return error_field(err, STATUS_INVALID, path, "%s must be true or false", path);
    if (op == OP_PREFIX && v.type != FILTER_STRING)
        return error_field(err, STATUS_INVALID, path, "%s must be a text", path);
    if (op >= OP_GT && op <= OP_LTE && v.type != FILTER_STRING && v.type != FILTER_NUMBER)
        return error_field(err, STATUS_INVALID, path, "%s must be a number or a text", path);
    if (b->value_count == b->value_room)
        return error_field(err, STATUS_INTERNAL, path, "the filter has more values than were counted");
    b->values[b->value_count++] = v;
    return STATUS_OK;
}

/* One operator with its operand: node->kind and node->field are set already. */
static enum status parse_test(struct builder *b, struct filter *node, int operator, const json_t * operand,
                              const char *path, struct error *err)
{
    enum status status = STATUS_OK;
    const char *name = operators[operator];
    char at[FIELD_PATH];
    node->op = codes[operator];
    node->values = b->values + b->value_count;
    if (node->kind != FILTER_FIELD && node->op != OP_IN)
        return error_field(err, STATUS_INVALID, path,
                           "%s: a language or an id can be tested with eq and in only", path);
    if (strcmp(name, "in") != 0) {
        status = take_value(b, node->op, operand, path, err);
    } else if (!json_is_array(operand)) {
        return error_field(err, STATUS_INVALID, path, "%s must be a list", path);
    }
    for (size_t i = 0; strcmp(name, "in") == 0 && i < json_array_size(operand) && status == STATUS_OK; i++) {
        path_item(at, path, i);
        status = take_value(b, OP_IN, json_array_get(operand, i), at, err);
    }
    node->value_count = (size_t)(b->values + b->value_count - node->values);
    for (size_t i = 0; i < node->value_count && node->kind != FILTER_FIELD && status == STATUS_OK; i++)
        if (node->values[i].type != FILTER_STRING)
            status = error_field(err, STATUS_INVALID, path, "%s must be a text or a list of texts", path);
    return status;
}

/* The operators among the keys of `tests` (beside "field", where they stand next to it), as one node: an AND
 * of them when there are several. */
static enum status parse_tests(struct builder *b, struct filter *node, enum filter_kind kind,
                               struct text field, const json_t *tests, const char *path, struct error *err)
{
    enum status status = STATUS_OK;
    size_t count = 0;
    for (void *i = json_object_iter((json_t *)tests); i != NULL;
         i = json_object_iter_next((json_t *)tests, i))
        count += operator_of(json_object_iter_key(i)) >= 0;
    if (count == 0)
        return error_field(err, STATUS_INVALID, path,
                           "%s needs a test; known are eq, in, gt, gte, lt, lte, prefix and exists", path);
    struct filter *items = count > 1 ? take_nodes(b, count) : node;
    if (items == NULL)
        return error_field(err, STATUS_INTERNAL, path, "the filter has more tests than were counted");
    if (count > 1)
        *node = (struct filter){.kind = FILTER_AND, .items = items, .item_count = count};
    for (void *i = json_object_iter((json_t *)tests); i != NULL && status == STATUS_OK;
         i = json_object_iter_next((json_t *)tests, i)) {
        char at[FIELD_PATH];
        int operator= operator_of(json_object_iter_key(i));
        if (operator<0)
            continue;
        path_key(at, path, operators[operator]);
        *items = (struct filter){.kind = kind, .field = field};
        status = parse_test(b, items++, operator, json_object_iter_value(i), at, err);
    }
    return status;
}

/* {"eq": …} of "lang" and "id". */
static enum status parse_attribute(struct builder *b, struct filter *node, enum filter_kind kind,
                                   const json_t *tests, const char *path, struct error *err)
{
    if (!json_is_object(tests))
        return error_field(err, STATUS_INVALID, path,
                           "%s must be an object such as {\"eq\": \"…\"} or {\"in\": […]}", path);
    for (void *i = json_object_iter((json_t *)tests); i != NULL;
         i = json_object_iter_next((json_t *)tests, i)) {
        char at[FIELD_PATH];
        path_key(at, path, json_object_iter_key(i));
        if (operator_of(json_object_iter_key(i)) < 0)
            return error_field(err, STATUS_INVALID, at, "unknown test \"%.40s\"; known are eq and in",
                               json_object_iter_key(i));
    }
    return parse_tests(b, node, kind, (struct text){0}, tests, path, err);
}

/* ---- the tree ---- */

static enum status parse_node(struct builder *b, struct filter *node, const json_t *value, const char *path,
                              struct error *err);

static enum status parse_list(struct builder *b, struct filter *node, enum filter_kind kind,
                              const json_t *list, const char *path, struct error *err)
{
    enum status status = STATUS_OK;
    if (!json_is_array(list))
        return error_field(err, STATUS_INVALID, path, "%s must be a list of filters", path);
    size_t n = json_array_size(list);
    struct filter *items = take_nodes(b, n);
    if (items == NULL)
        return error_field(err, STATUS_INTERNAL, path, "the filter has more parts than were counted");
    *node = (struct filter){.kind = kind, .items = items, .item_count = n};
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        char at[FIELD_PATH];
        path_item(at, path, i);
        status = parse_node(b, &items[i], json_array_get(list, i), at, err);
    }
    return status;
}

/* One key of a filter object that is no operator; it is a known one. */
static enum status parse_key(struct builder *b, struct filter *node, const char *key, const json_t *object,
                             const char *path, struct error *err)
{
    char at[FIELD_PATH];
    const json_t *value = json_object_get(object, key);
    path_key(at, path, key);
    if (strcmp(key, "and") == 0)
        return parse_list(b, node, FILTER_AND, value, at, err);
    if (strcmp(key, "or") == 0)
        return parse_list(b, node, FILTER_OR, value, at, err);
    if (strcmp(key, "lang") == 0)
        return parse_attribute(b, node, FILTER_LANG, value, at, err);
    if (strcmp(key, "id") == 0)
        return parse_attribute(b, node, FILTER_ID, value, at, err);
    if (strcmp(key, "field") == 0) {
        if (!json_is_string(value) || json_string_length(value) == 0)
            return error_field(err, STATUS_INVALID, at, "%s must be the name of a metadata field", at);
        return parse_tests(b, node, FILTER_FIELD, json_text(value), object, path, err);
    }
    struct filter *item = take_nodes(b, 1);
    if (item == NULL)
        return error_field(err, STATUS_INTERNAL, path, "the filter has more parts than were counted");
    *node = (struct filter){.kind = FILTER_NOT, .items = item, .item_count = 1};
    return parse_node(b, item, value, at, err);
}

/* Counts the keys that make a node of their own: operators belong to the "field" beside them. */
static enum status count_keys(const json_t *object, size_t *count, const char *path, struct error *err)
{
    static const char *const known[] = {"and", "or", "not", "lang", "id", "field", NULL};
    bool field = json_object_get(object, "field") != NULL;
    *count = 0;
    for (void *i = json_object_iter((json_t *)object); i != NULL;
         i = json_object_iter_next((json_t *)object, i)) {
        const char *key = json_object_iter_key(i);
        char at[FIELD_PATH];
        size_t j = 0;
        if (field && operator_of(key) >= 0)
            continue;
        while (known[j] != NULL && strcmp(known[j], key) != 0)
            j++;
        path_key(at, path, key);
        if (known[j] == NULL)
            return error_field(
                err, STATUS_INVALID, at,
                "unknown key \"%.40s\"; known are and, or, not, lang, id, and field with eq, in, gt, gte, "
                "lt, lte, prefix or exists",
                key);
        ++*count;
    }
    return STATUS_OK;
}

static enum status parse_node(struct builder *b, struct filter *node, const json_t *value, const char *path,
                              struct error *err)
{
    size_t count;
    if (!json_is_object(value))
        return error_field(err, STATUS_INVALID, path, "%s must be an object", path);
    enum status status = count_keys(value, &count, path, err);
    if (status != STATUS_OK)
        return status;
    bool field = json_object_get(value, "field") != NULL;
    struct filter *items = count == 1 ? node : take_nodes(b, count);
    if (items == NULL)
        return error_field(err, STATUS_INTERNAL, path, "the filter has more parts than were counted");
    if (count != 1)
        *node = (struct filter){.kind = FILTER_AND, .items = items, .item_count = count};
    for (void *i = json_object_iter((json_t *)value); i != NULL && status == STATUS_OK;
         i = json_object_iter_next((json_t *)value, i))
        if (!field || operator_of(json_object_iter_key(i)) < 0)
            status = parse_key(b, items++, json_object_iter_key(i), value, path, err);
    return status;
}

/* One block for `nodes` nodes and `values` values. */
static struct filter *block(struct builder *b, size_t nodes, size_t values)
{
    static_assert(alignof(struct filter) >= alignof(struct filter_value), "values lie behind the nodes");
    struct filter *all = calloc(1, nodes * sizeof *all + values * sizeof *b->values);
    if (all != NULL)
        *b = (struct builder){.nodes = all,
                              .values = (struct filter_value *)(all + nodes),
                              .node_room = nodes,
                              .value_room = values};
    return all;
}

/* {"lang": {"in": languages}} for a text or a list of texts. */
static enum status take_languages(struct builder *b, struct filter *node, const json_t *languages,
                                  struct error *err)
{
    enum status status = STATUS_OK;
    struct filter_value *first = b->values + b->value_count;
    if (!json_is_array(languages))
        status = take_value(b, OP_IN, languages, "lang", err);
    for (size_t i = 0; i < json_array_size(languages) && status == STATUS_OK; i++)
        status = take_value(b, OP_IN, json_array_get(languages, i), "lang", err);
    *node = (struct filter){.kind = FILTER_LANG,
                            .op = OP_IN,
                            .values = first,
                            .value_count = (size_t)(b->values + b->value_count - first)};
    return status;
}

enum status filter_parse(const json_t *value, const json_t *languages, struct filter **out, struct error *err)
{
    struct builder b;
    size_t n = (value != NULL ? count_values(value) : 0) + (languages != NULL ? count_values(languages) : 0);
    size_t parts = (value != NULL) + (languages != NULL);
    if (n > 2 * FILTER_VALUES)
        return error_field(err, STATUS_TOO_LARGE, "filter", "the filter has %zu tests and values; at most %d",
                           n / 2, FILTER_VALUES);
    struct filter *root = block(&b, n + 3, n + 1);
    if (root == NULL)
        return error_memory(err, "reading the filter");
    struct filter *items = take_nodes(&b, 1 + parts) + 1;
    *root = (struct filter){.kind = FILTER_AND, .items = items, .item_count = parts};
    enum status status = value != NULL ? parse_node(&b, &items[0], value, "filter", err) : STATUS_OK;
    if (status == STATUS_OK && languages != NULL)
        status = take_languages(&b, &items[parts - 1], languages, err);
    if (status == STATUS_OK)
        *out = root;
    else
        free(root);
    return status;
}

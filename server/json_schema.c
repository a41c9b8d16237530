#include "server/json_schema.h"

json_t *schemas_text(struct schemas *w, const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    w->good = value != NULL && w->good;
    return value;
}

void schemas_put(struct schemas *w, json_t *object, const char *key, json_t *value)
{
    w->good = json_object_set_new(object, key, value) == 0 && w->good;
}

json_t *schemas_reference(const struct schemas *w, const char *name)
{
    return json_pack("{s:s+}", "$ref", w->prefix, name);
}

/* {"type": …}, with null beside it where that may be. */
static json_t *type_schema(const char *type, bool nullable)
{
    return nullable ? json_pack("{s:[s,s]}", "type", type, "null") : json_pack("{s:s}", "type", type);
}

static json_t *object_schema(struct schemas *w, const struct field *f)
{
    if (f->of == NULL)
        return type_schema("object", f->nullable);
    schemas_add(w, f->of);
    return f->nullable
               ? json_pack("{s:[o,{s:s}]}", "oneOf", schemas_reference(w, f->of->name), "type", "null")
               : schemas_reference(w, f->of->name);
}

static json_t *number_schema(struct schemas *w, const struct field *f)
{
    bool integer = f->kind == FIELD_INTEGER;
    json_t *schema = type_schema(integer ? "integer" : "number", f->nullable);
    if (f->least == 0 && f->most == 0)
        return schema;
    schemas_put(w, schema, "minimum", integer ? json_integer((json_int_t)f->least) : json_real(f->least));
    schemas_put(w, schema, "maximum", integer ? json_integer((json_int_t)f->most) : json_real(f->most));
    return schema;
}

/* Limits of texts are bytes here and characters there: only the lower one means the same. */
static json_t *text_schema(struct schemas *w, const struct field *f)
{
    json_t *schema = type_schema("string", f->nullable);
    if (f->least > 0)
        schemas_put(w, schema, "minLength", json_integer(1));
    if (f->most > 0)
        schemas_put(w, schema, "maxLength", json_integer((json_int_t)f->most));
    if (f->choices == NULL)
        return schema;
    json_t *choices = json_array();
    for (size_t i = 0; f->choices[i] != NULL; i++)
        w->good = json_array_append_new(choices, json_string(f->choices[i])) == 0 && w->good;
    schemas_put(w, schema, "enum", choices);
    return schema;
}

/* A text, or the token ids of one. */
static json_t *input_schema(struct schemas *w, const struct field *f)
{
    return json_pack("{s:[o, {s:s, s:{s:s}, s:i}]}", "anyOf", text_schema(w, f), "type", "array", "items",
                     "type", "integer", "minItems", 1);
}

static json_t *one_schema(struct schemas *w, const struct field *f)
{
    switch (f->kind) {
    case FIELD_TEXT:
        return text_schema(w, f);
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return number_schema(w, f);
    case FIELD_BOOLEAN:
        return type_schema("boolean", f->nullable);
    case FIELD_OBJECT:
        return object_schema(w, f);
    case FIELD_INPUT:
        return input_schema(w, f);
    default:
        return f->schema != NULL ? schemas_text(w, f->schema) : json_object();
    }
}

json_t *schemas_field(struct schemas *w, const struct field *f)
{
    json_t *schema = one_schema(w, f);
    if (f->count != FIELD_ONE) {
        json_t *list = json_pack("{s:s, s:o}", "type", "array", "items", schema);
        if (f->items > 0)
            schemas_put(w, list, "maxItems", json_integer((json_int_t)f->items));
        schema = f->count == FIELD_LIST ? list : json_pack("{s:[o,o]}", "anyOf", one_schema(w, f), list);
    }
    schemas_put(w, schema, "description", json_string(f->about));
    return schema;
}

json_t *schemas_object(struct schemas *w, const struct shape *shape)
{
    if (shape->either[0] != NULL)
        return json_pack("{s:s, s:[o,o]}", "description", shape->about, "oneOf",
                         schemas_shape(w, shape->either[0]), schemas_shape(w, shape->either[1]));
    json_t *properties = json_object(), *required = json_array();
    json_t *schema = json_pack("{s:s, s:s, s:o, s:b}", "type", "object", "description", shape->about,
                               "properties", properties, "additionalProperties", shape->open);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *f = &shape->fields[i];
        schemas_put(w, properties, f->name, schemas_field(w, f));
        if (f->required)
            w->good = json_array_append_new(required, json_string(f->name)) == 0 && w->good;
    }
    if (json_array_size(required) > 0)
        schemas_put(w, schema, "required", required);
    else
        json_decref(required);
    return schema;
}

void schemas_add(struct schemas *w, const struct shape *shape)
{
    if (json_object_get(w->defined, shape->name) != NULL)
        return;
    schemas_put(w, w->defined, shape->name, json_null()); /* a shape may hold itself */
    schemas_put(w, w->defined, shape->name, schemas_object(w, shape));
}

json_t *schemas_shape(struct schemas *w, const struct shape *shape)
{
    if (shape->schema != NULL) {
        json_t *schema = schemas_text(w, shape->schema);
        schemas_put(w, schema, "description", json_string(shape->about));
        return schema;
    }
    schemas_add(w, shape);
    json_t *one = schemas_reference(w, shape->name);
    return shape->list ? json_pack("{s:s, s:o}", "type", "array", "items", one) : one;
}

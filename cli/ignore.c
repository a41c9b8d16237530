#include "cli/ignore.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"

/* One folder's rules, in the order they were read. */
struct ignore_folder {
    struct ignore_folder *above;
    size_t path_len; /* of the folder's own path, with its last slash */
    struct buf text; /* the files of rules, one behind the other */
};

static const char *const files[] = {".gitignore", ".ignore", ".cognateignore"};

/* ---- patterns ---- */

/* The text up to `stop`, which with its separator is taken off `rest`. */
static struct text next_part(struct text *rest, char separator)
{
    const char *end = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    struct text part = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len};
    size_t used = part.len + (end != NULL);
    *rest = (struct text){rest->data + used, rest->len - used};
    return part;
}

/* Whether c is in the class that begins behind a [; *used is its length with the ]. Without a ] it is no
 * class. */
static bool in_class(struct text class, unsigned char c, size_t *used)
{
    size_t i = 0;
    bool negated = class.len > 0 && (class.data[0] == '!' || class.data[0] == '^'), found = false;
    i += negated;
    for (size_t first = i; i < class.len && (class.data[i] != ']' || i == first); i++) {
        if (class.data[i] == '\\' && i + 1 < class.len)
            i++;
        unsigned char low = (unsigned char)class.data[i], high = low;
        if (i + 2 < class.len && class.data[i + 1] == '-' && class.data[i + 2] != ']') {
            high = (unsigned char)class.data[i + 2];
            i += 2;
        }
        found |= low <= c && c <= high;
    }
    *used = i < class.len ? i + 1 : 0;
    return found != negated;
}

/* Whether the pattern's first element takes the character; *used bytes of the pattern go with it. */
static bool takes(struct text pattern, unsigned char c, size_t *used)
{
    *used = 1;
    switch (pattern.data[0]) {
    case '?':
        return true;
    case '[': {
        size_t length;
        bool found = in_class((struct text){pattern.data + 1, pattern.len - 1}, c, &length);
        *used = 1 + length;
        return length > 0 ? found : c == '[';
    }
    case '\\':
        if (pattern.len > 1) {
            *used = 2;
            return (unsigned char)pattern.data[1] == c;
        }
        return c == '\\';
    default:
        return (unsigned char)pattern.data[0] == c;
    }
}

/* One name. Going back to the last star alone is enough: what an earlier one could take, the last can. */
static bool match_name(struct text pattern, struct text name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, star_name = 0, used;
    while (n < name.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = ++p;
            star_name = n;
        } else if (p < pattern.len && takes((struct text){pattern.data + p, pattern.len - p},
                                            (unsigned char)name.data[n], &used)) {
            p += used;
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++star_name;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

/* As match_name, with names in place of characters and ** in place of *. A last ** takes at least one name.
 */
bool ignore_pattern(struct text pattern, struct text path)
{
    struct text star_pattern = {0}, star_path = {0};
    bool starred = false;
    while (path.len > 0) {
        struct text rest = pattern, below = path;
        struct text part = next_part(&rest, '/');
        if (pattern.len > 0 && text_is(part, "**")) {
            if (rest.len == 0)
                return true;
            starred = true;
            star_pattern = pattern = rest;
            star_path = path;
        } else if (pattern.len > 0 && match_name(part, next_part(&below, '/'))) {
            pattern = rest;
            path = below;
            if (path.len == 0 && pattern.len == 0)
                return true;
        } else if (starred) {
            next_part(&star_path, '/');
            pattern = star_pattern;
            path = star_path;
        } else {
            return false;
        }
    }
    return false;
}

/* ---- rules ---- */

struct rule {
    struct text pattern;
    bool negated, folders, anchored;
};

/* A line of a file of rules; false for one that holds none. */
static bool read_rule(struct text line, struct rule *out)
{
    *out = (struct rule){0};
    while (line.len > 0 &&
           (line.data[line.len - 1] == '\r' ||
            (line.data[line.len - 1] == ' ' && (line.len == 1 || line.data[line.len - 2] != '\\'))))
        line.len--;
    if (line.len == 0 || line.data[0] == '#')
        return false;
    out->negated = line.data[0] == '!';
    if (out->negated)
        line = (struct text){line.data + 1, line.len - 1};
    out->folders = line.len > 0 && line.data[line.len - 1] == '/';
    line.len -= out->folders;
    out->anchored = line.len > 0 && memchr(line.data, '/', line.len) != NULL;
    if (line.len > 0 && line.data[0] == '/')
        line = (struct text){line.data + 1, line.len - 1};
    out->pattern = line;
    return line.len > 0;
}

static bool rule_matches(const struct rule *rule, struct text below, bool is_folder)
{
    if (rule->folders && !is_folder)
        return false;
    if (rule->anchored)
        return ignore_pattern(rule->pattern, below);
    for (size_t i = below.len; i-- > 0;)
        if (below.data[i] == '/')
            return match_name(rule->pattern, (struct text){below.data + i + 1, below.len - i - 1});
    return match_name(rule->pattern, below);
}

bool ignore_match(const struct ignore *rules, const char *path, bool is_folder)
{
    size_t len = strlen(path);
    for (const struct ignore_folder *f = rules->deepest; f != NULL; f = f->above) {
        struct text rest = buf_text(&f->text);
        bool decided = false, ignored = false;
        struct rule rule;
        while (rest.len > 0 && len > f->path_len)
            if (read_rule(next_part(&rest, '\n'), &rule) &&
                rule_matches(&rule, (struct text){path + f->path_len, len - f->path_len}, is_folder)) {
                decided = true;
                ignored = !rule.negated;
            }
        if (decided)
            return ignored;
    }
    return false;
}

/* ---- folders ---- */

static enum status add_rules(struct buf *text, const char *folder, const char *name, struct error *err)
{
    struct buf path;
    struct error fault = {0};
    buf_init(&path, 1 << 16);
    enum status status = buf_printf(&path, err, "%s/%s", folder, name);
    if (status == STATUS_OK) {
        status = file_read(path.data, text, &fault);
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK;
        else if (status == STATUS_OK)
            status = buf_append(text, "\n", 1, err);
        else
            error_set(err, status, "%s", fault.text);
    }
    buf_release(&path);
    return status;
}

enum status ignore_enter(struct ignore *rules, const char *folder, struct error *err)
{
    struct ignore_folder *f = calloc(1, sizeof *f);
    enum status status = f != NULL ? STATUS_OK : error_memory(err, "reading a folder");
    if (f == NULL)
        return status;
    f->above = rules->deepest;
    f->path_len = strlen(folder);
    while (f->path_len > 0 && folder[f->path_len - 1] == '/')
        f->path_len--;
    f->path_len++;
    buf_init(&f->text, IGNORE_BYTES);
    rules->deepest = f;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        enum status one = add_rules(&f->text, folder, files[i], err);
        status = status == STATUS_OK ? one : status;
    }
    return status;
}

void ignore_leave(struct ignore *rules)
{
    struct ignore_folder *f = rules->deepest;
    rules->deepest = f->above;
    buf_release(&f->text);
    free(f);
}

void ignore_release(struct ignore *rules)
{
    while (rules->deepest != NULL)
        ignore_leave(rules);
}

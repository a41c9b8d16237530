#include "cli/office.h"

#include <libxml/parser.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/archive_parts.h"
#include "cli/htmltext.h"
#include "cli/xmltree.h"
#include "common/file.h"

#define TITLE_BYTES 1024

/* ---- XML ---- */

static enum status parse(const struct part *part, xmlDocPtr *out, struct error *err)
{
    if (part->bytes.len > INT_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%s is longer than 2 GiB", part->name);
    *out = xmlReadMemory(part->bytes.data, (int)part->bytes.len, NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT);
    if (*out != NULL && (*out)->intSubset == NULL && xmlDocGetRootElement(*out) != NULL)
        return STATUS_OK;
    xmlFreeDoc(*out);
    return error_set(err, STATUS_INVALID, "%s in it is not well-formed XML, or declares a document type",
                     part->name);
}

static struct text content(const xmlNode *node)
{
    return node != NULL && node->children != NULL && node->children->type == XML_TEXT_NODE
               ? text_of((const char *)node->children->content)
               : (struct text){0};
}

/* ---- paragraphs ---- */

/* Where a dialect has its text. */
struct dialect {
    const char *text; /* element whose text counts; NULL: any in a paragraph */
    const char *paragraph, *heading;
    const char *const *skipped;                  /* elements that are passed over with all they hold */
    unsigned (*level)(const xmlNode *paragraph); /* of a heading; 0 for none */
};

static const char *const nothing[] = {NULL};
static const char *const not_body[] = {"tracked-changes", "annotation",     "note-citation",
                                       "forms",           "sequence-decls", NULL};

static unsigned digit_of(struct text t)
{
    return t.len > 0 && t.data[t.len - 1] >= '1' && t.data[t.len - 1] <= '6'
               ? (unsigned)(t.data[t.len - 1] - '0')
               : 0;
}

/* w:pStyle, whose name begins with heading or title in English files. */
static unsigned docx_level(const xmlNode *paragraph)
{
    const xmlNode *style = xml_find(paragraph, "pStyle", NULL);
    struct text name = xml_attribute(style, "val");
    if (name.len >= 7 && strncasecmp(name.data, "heading", 7) == 0)
        return digit_of(name) != 0 ? digit_of(name) : 1;
    return text_is(name, "Title") ? 1 : 0;
}

/* A paragraph of the shape that the slide uses for its title (p:ph of ECMA-376). */
static unsigned pptx_level(const xmlNode *paragraph)
{
    for (const xmlNode *node = paragraph->parent; node != NULL; node = node->parent)
        if (xml_is(node, "sp")) {
            struct text type = xml_attribute(xml_find(node, "ph", NULL), "type");
            return text_is(type, "title") || text_is(type, "ctrTitle") ? 2 : 0;
        }
    return 0;
}

static unsigned odf_level(const xmlNode *paragraph)
{
    unsigned level = digit_of(xml_attribute(paragraph, "outline-level"));
    return !xml_is(paragraph, "h") ? 0 : level != 0 ? level : 1;
}

static const struct dialect dialects[] = {[OFFICE_DOCX] = {"t", "p", "p", nothing, docx_level},
                                          [OFFICE_PPTX] = {"t", "p", "p", nothing, pptx_level},
                                          [OFFICE_ODF] = {NULL, "p", "h", not_body, odf_level}};

static bool is_skipped(const struct dialect *d, const xmlNode *node)
{
    for (size_t i = 0; d->skipped[i] != NULL; i++)
        if (xml_is(node, d->skipped[i]))
            return true;
    return false;
}

static bool is_in_paragraph(const struct dialect *d, const xmlNode *node)
{
    for (; node != NULL; node = node->parent)
        if (xml_is(node, d->paragraph) || xml_is(node, d->heading))
            return true;
    return false;
}

static enum status read_node(const struct dialect *d, const xmlNode *node, struct prose *out,
                             struct error *err)
{
    if (node->type == XML_TEXT_NODE) {
        bool counts = d->text != NULL ? xml_is(node->parent, d->text) : is_in_paragraph(d, node->parent);
        return counts && node->content != NULL ? prose_words(out, text_of((const char *)node->content), err)
                                               : STATUS_OK;
    }
    if (xml_is(node, d->paragraph) || xml_is(node, d->heading)) {
        unsigned level = d->level(node);
        prose_paragraph(out);
        return level > 0 ? prose_heading(out, level, err) : STATUS_OK;
    }
    if (xml_is(node, "tab") || xml_is(node, "s"))
        return prose_words(out, text_of(" "), err);
    if (xml_is(node, "br") || xml_is(node, "line-break"))
        prose_line(out);
    return STATUS_OK;
}

static enum status read_body(const struct part *part, const struct dialect *d, struct prose *out,
                             struct error *err)
{
    xmlDocPtr document = NULL;
    enum status status = parse(part, &document, err);
    if (status != STATUS_OK)
        return status;
    const xmlNode *root = xmlDocGetRootElement(document), *node = root;
    while (node != NULL && status == STATUS_OK) {
        bool skipped = is_skipped(d, node);
        if (!skipped)
            status = read_node(d, node, out, err);
        node = xml_following(node, root, !skipped);
    }
    prose_paragraph(out);
    xmlFreeDoc(document);
    return status;
}

/* ---- what the document says of itself ---- */

static enum status read_properties(const struct parts *parts, const char *name, struct office_facts *facts,
                                   struct error *err)
{
    const struct part *part = parts_find(parts, text_of(name));
    xmlDocPtr document = NULL;
    struct error ignored = {0}; /* properties that cannot be read are no reason to refuse the text */
    if (part == NULL || parse(part, &document, &ignored) != STATUS_OK)
        return STATUS_OK;
    struct text title = content(xml_find(xmlDocGetRootElement(document), "title", NULL));
    struct text language = content(xml_find(xmlDocGetRootElement(document), "language", NULL));
    enum status status = title.len > 0 && title.len <= TITLE_BYTES
                             ? buf_append(&facts->title, title.data, title.len, err)
                             : STATUS_OK;
    if (language.len > 0 && language.len < sizeof facts->language)
        memcpy(facts->language, language.data, language.len + 1);
    xmlFreeDoc(document);
    return status;
}

/* ---- slides ---- */

static unsigned slide_number(const struct part *part)
{
    unsigned number = 0;
    return sscanf(part->name, "ppt/slides/slide%9u.xml", &number) == 1 ? number : 0;
}

static int by_slide(const void *a, const void *b)
{
    unsigned x = slide_number(a), y = slide_number(b);
    return (x > y) - (x < y);
}

static enum status read_slides(struct parts *parts, struct prose *out, struct error *err)
{
    enum status status = STATUS_OK;
    size_t seen = 0;
    if (parts->count > 0)
        qsort(parts->items, parts->count, sizeof *parts->items, by_slide);
    for (size_t i = 0; i < parts->count && status == STATUS_OK; i++) {
        if (slide_number(&parts->items[i]) == 0)
            continue;
        if (seen++ > 0)
            prose_page(out);
        status = read_body(&parts->items[i], &dialects[OFFICE_PPTX], out, err);
    }
    return status == STATUS_OK && seen == 0 ? error_set(err, STATUS_INVALID, "there is no slide in it")
                                            : status;
}

/* ---- books ---- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* The name in the archive of a percent-encoded reference from the file `from`; what leads out of it finds
 * nothing. */
static enum status resolve(const char *from, struct text reference, struct buf *name, struct error *err)
{
    const char *slash = strrchr(from, '/');
    enum status status = buf_append(name, from, slash != NULL ? (size_t)(slash - from) + 1 : 0, err);
    for (size_t i = 0; i < reference.len && reference.data[i] != '#' && status == STATUS_OK; i++) {
        char c = reference.data[i];
        if (c == '%' && i + 2 < reference.len && hex_value(reference.data[i + 1]) >= 0 &&
            hex_value(reference.data[i + 2]) >= 0) {
            c = (char)(hex_value(reference.data[i + 1]) * 16 + hex_value(reference.data[i + 2]));
            i += 2;
        }
        status = buf_append(name, &c, 1, err);
    }
    return status;
}

static struct text manifest_reference(const xmlNode *package, struct text id)
{
    for (const xmlNode *node = package; node != NULL; node = xml_following(node, package, true))
        if (xml_is(node, "item") && text_equal(xml_attribute(node, "id"), id))
            return xml_attribute(node, "href");
    return (struct text){0};
}

static enum status read_chapter(const struct parts *parts, const char *package, struct text reference,
                                struct prose *out, struct error *err)
{
    struct buf name;
    struct html_facts facts = {0};
    buf_init(&name, 1 << 16);
    enum status status = resolve(package, reference, &name, err);
    const struct part *part = status == STATUS_OK ? parts_find(parts, buf_text(&name)) : NULL;
    if (part != NULL) {
        if (out->out.len > 0)
            prose_page(out);
        status = html_text(buf_text(&part->bytes), "UTF-8", out, &facts, err);
        prose_paragraph(out);
    }
    html_facts_release(&facts);
    buf_release(&name);
    return status;
}

static enum status read_book(const struct parts *parts, struct prose *out, struct office_facts *facts,
                             struct error *err)
{
    const struct part *container = parts_find(parts, text_of("META-INF/container.xml"));
    xmlDocPtr document = NULL, package = NULL;
    if (container == NULL)
        return error_set(err, STATUS_INVALID, "there is no META-INF/container.xml in it");
    enum status status = parse(container, &document, err);
    if (status != STATUS_OK)
        return status;
    struct text path = xml_attribute(xml_find(xmlDocGetRootElement(document), "rootfile", NULL), "full-path");
    const struct part *part = parts_find(parts, path);
    if (part == NULL)
        status = error_set(err, STATUS_INVALID, "the package that META-INF/container.xml names is not in it");
    if (status == STATUS_OK)
        status = parse(part, &package, err);
    if (status == STATUS_OK)
        status = read_properties(parts, part->name, facts, err);
    const xmlNode *root = status == STATUS_OK ? xmlDocGetRootElement(package) : NULL;
    for (const xmlNode *node = root; node != NULL && status == STATUS_OK;
         node = xml_following(node, root, true))
        if (xml_is(node, "itemref"))
            status = read_chapter(parts, part->name, manifest_reference(root, xml_attribute(node, "idref")),
                                  out, err);
    xmlFreeDoc(package);
    xmlFreeDoc(document);
    return status;
}

/* ---- documents ---- */

static bool ends_with(struct text t, const char *end)
{
    size_t n = strlen(end);
    return t.len >= n && strncasecmp(t.data + t.len - n, end, n) == 0;
}

static bool is_wanted(struct text name)
{
    static const char *const names[] = {"word/document.xml", "docProps/core.xml", "content.xml", "meta.xml",
                                        "META-INF/container.xml"};
    static const char *const ends[] = {".opf", ".xhtml", ".html", ".htm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(name, names[i]))
            return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return name.len > 16 && memcmp(name.data, "ppt/slides/slide", 16) == 0;
}

static enum status read_one(const struct parts *parts, const char *name, enum office_kind kind,
                            struct prose *out, struct error *err)
{
    const struct part *part = parts_find(parts, text_of(name));
    if (part == NULL)
        return error_set(err, STATUS_INVALID, "there is no %s in it", name);
    return read_body(part, &dialects[kind], out, err);
}

enum status office_text_memory(struct text bytes, enum office_kind kind, struct prose *out,
                               struct office_facts *facts, struct error *err)
{
    struct parts parts = {0};
    *facts = (struct office_facts){0};
    buf_init(&facts->title, TITLE_BYTES);
    enum status status = parts_read(&parts, bytes, is_wanted, OFFICE_BYTES, OFFICE_ENTRIES, err);
    if (status == STATUS_OK && kind == OFFICE_EPUB)
        status = read_book(&parts, out, facts, err);
    else if (status == STATUS_OK)
        status = read_properties(&parts, kind == OFFICE_ODF ? "meta.xml" : "docProps/core.xml", facts, err);
    if (status == STATUS_OK && kind == OFFICE_DOCX)
        status = read_one(&parts, "word/document.xml", kind, out, err);
    else if (status == STATUS_OK && kind == OFFICE_ODF)
        status = read_one(&parts, "content.xml", kind, out, err);
    else if (status == STATUS_OK && kind == OFFICE_PPTX)
        status = read_slides(&parts, out, err);
    parts_release(&parts);
    if (status != STATUS_OK)
        office_facts_release(facts);
    return status;
}

enum status office_text(const char *path, enum office_kind kind, struct prose *out,
                        struct office_facts *facts, struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, OFFICE_BYTES);
    enum status status = file_read(path, &bytes, err);
    if (status == STATUS_OK)
        status = office_text_memory(buf_text(&bytes), kind, out, facts, err);
    buf_release(&bytes);
    return status;
}

void office_facts_release(struct office_facts *facts)
{
    buf_release(&facts->title);
}

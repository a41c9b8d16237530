#include "cli/htmltext.h"

#include <libxml/HTMLparser.h>
#include <limits.h>
#include <string.h>

#include "cli/xmltree.h"
#include "common/utf8.h"

#define TITLE_BYTES   1024 /* a longer one is cut */
#define TITLE_CEILING (1 << 20)

enum element {
    INLINE,
    SKIPPED,  /* with all it holds */
    LANDMARK, /* header or footer: skipped unless it is an article's */
    BLOCK,
    BREAK,
    ITEM,
    ROW,
    CELL,
    VERBATIM,
    HEADING /* + level */
};

static const struct {
    const char *name;
    enum element element;
} elements[] = {
    {"script", SKIPPED},   {"style", SKIPPED},    {"template", SKIPPED}, {"noscript", SKIPPED},
    {"svg", SKIPPED},      {"math", INLINE},      {"nav", SKIPPED},      {"aside", SKIPPED},
    {"button", SKIPPED},   {"select", SKIPPED},   {"textarea", SKIPPED}, {"input", SKIPPED},
    {"iframe", SKIPPED},   {"object", SKIPPED},   {"canvas", SKIPPED},   {"audio", SKIPPED},
    {"video", SKIPPED},    {"dialog", SKIPPED},   {"head", SKIPPED},     {"header", LANDMARK},
    {"footer", LANDMARK},  {"br", BREAK},         {"hr", BLOCK},         {"p", BLOCK},
    {"div", BLOCK},        {"section", BLOCK},    {"article", BLOCK},    {"main", BLOCK},
    {"blockquote", BLOCK}, {"ul", BLOCK},         {"ol", BLOCK},         {"dl", BLOCK},
    {"dt", BLOCK},         {"dd", BREAK},         {"table", BLOCK},      {"caption", BLOCK},
    {"figure", BLOCK},     {"figcaption", BLOCK}, {"details", BLOCK},    {"summary", BLOCK},
    {"address", BLOCK},    {"fieldset", BLOCK},   {"form", BLOCK},       {"body", BLOCK},
    {"html", BLOCK},       {"li", ITEM},          {"tr", ROW},           {"td", CELL},
    {"th", CELL},          {"pre", VERBATIM},     {"h1", HEADING + 1},   {"h2", HEADING + 2},
    {"h3", HEADING + 3},   {"h4", HEADING + 4},   {"h5", HEADING + 5},   {"h6", HEADING + 6},
};

static bool is_hidden(const xmlNode *node)
{
    static const char *const roles[] = {"navigation", "banner", "contentinfo", "complementary", "search"};
    struct text role = xml_attribute(node, "role");
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (text_is(role, roles[i]))
            return true;
    return xml_attribute(node, "hidden").data != NULL || text_is(xml_attribute(node, "aria-hidden"), "true");
}

static bool is_in_article(const xmlNode *node)
{
    for (node = node->parent; node != NULL; node = node->parent)
        if (xml_is(node, "article") || xml_is(node, "main"))
            return true;
    return false;
}

static enum element element_of(const xmlNode *node)
{
    if (node->type != XML_ELEMENT_NODE)
        return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE ? INLINE : SKIPPED;
    if (is_hidden(node))
        return SKIPPED;
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (xml_is(node, elements[i].name)) {
            if (elements[i].element != LANDMARK)
                return elements[i].element;
            return is_in_article(node) ? BLOCK : SKIPPED;
        }
    return INLINE;
}

/* ---- walking, without recursion: pages nest as deep as they like ---- */

struct walk_state {
    struct prose *out;
    unsigned verbatim; /* pre elements around */
    struct error *err;
};

static enum status enter(struct walk_state *w, const xmlNode *node, enum element element)
{
    switch (element) {
    case BLOCK:
        prose_paragraph(w->out);
        return STATUS_OK;
    case BREAK:
    case ROW:
        prose_line(w->out);
        return STATUS_OK;
    case ITEM:
        prose_line(w->out);
        return prose_words(w->out, text_of("- "), w->err);
    case CELL:
        return node->prev != NULL && w->out->lines == 0 ? prose_words(w->out, text_of(" | "), w->err)
                                                        : STATUS_OK;
    case VERBATIM:
        prose_paragraph(w->out);
        w->verbatim++;
        return STATUS_OK;
    default:
        return element > HEADING ? prose_heading(w->out, element - HEADING, w->err) : STATUS_OK;
    }
}

static void leave(struct walk_state *w, enum element element)
{
    if (element == BLOCK || element == VERBATIM || element > HEADING)
        prose_paragraph(w->out);
    else if (element == ROW || element == ITEM)
        prose_line(w->out);
    w->verbatim -= element == VERBATIM;
}

static enum status read_node(struct walk_state *w, const xmlNode *node, bool *down)
{
    enum element element = element_of(node);
    *down = element != SKIPPED && node->children != NULL;
    if (element == SKIPPED)
        return STATUS_OK;
    if (node->type != XML_ELEMENT_NODE) {
        *down = false;
        struct text text = xml_text(node->content);
        return w->verbatim > 0 ? prose_verbatim(w->out, text, w->err) : prose_words(w->out, text, w->err);
    }
    enum status status = enter(w, node, element);
    if (!*down)
        leave(w, element);
    return status;
}

static enum status read_tree(const xmlNode *root, struct prose *out, struct error *err)
{
    struct walk_state w = {.out = out, .err = err};
    const xmlNode *node = root;
    while (node != NULL) {
        bool down;
        enum status status = read_node(&w, node, &down);
        if (status != STATUS_OK)
            return status;
        if (down) {
            node = node->children;
            continue;
        }
        while (node != root && node->next == NULL) {
            node = node->parent;
            leave(&w, element_of(node));
        }
        node = node == root ? NULL : node->next;
    }
    return STATUS_OK;
}

/* ---- the page as a whole ---- */

static enum status read_facts(const xmlNode *root, struct html_facts *facts, struct error *err)
{
    struct prose title;
    struct text lang = xml_is(root, "html") ? xml_attribute(root, "lang") : (struct text){0};
    const xmlNode *node = xml_find(root, "title", NULL);
    if (node == NULL || xml_is(node->parent, "svg"))
        node = xml_find(root, "h1", NULL);
    if (lang.len > 0 && lang.len < sizeof facts->language &&
        strspn(lang.data, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == lang.len)
        memcpy(facts->language, lang.data, lang.len + 1);
    if (node == NULL)
        return STATUS_OK;
    prose_init(&title, TITLE_CEILING);
    enum status status = STATUS_OK;
    for (const xmlNode *part = node; part != NULL && status == STATUS_OK;
         part = xml_following(part, node, true))
        if (part->type == XML_TEXT_NODE)
            status = prose_words(&title, xml_text(part->content), err);
    if (title.out.len > TITLE_BYTES) {
        title.out.len = utf8_floor(title.out.data, title.out.len, TITLE_BYTES);
        title.out.data[title.out.len] = '\0';
    }
    facts->title = title.out;
    return status;
}

static const xmlNode *content_of(const xmlNode *root)
{
    size_t count;
    const xmlNode *node = xml_find(root, "main", NULL);
    if (node == NULL) {
        node = xml_find(root, "article", &count);
        if (count > 1)
            node = NULL;
    }
    if (node == NULL)
        node = xml_find(root, "body", NULL);
    return node != NULL ? node : root;
}

enum status html_text(struct text bytes, const char *encoding, struct prose *out, struct html_facts *facts,
                      struct error *err)
{
    *facts = (struct html_facts){0};
    if (bytes.len > INT_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a page of more than 2 GiB");
    htmlDocPtr page = htmlReadMemory(bytes.data, (int)bytes.len, NULL, encoding,
                                     HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                         HTML_PARSE_NONET | HTML_PARSE_COMPACT);
    const xmlNode *root = page != NULL ? xmlDocGetRootElement(page) : NULL;
    enum status status = STATUS_OK;
    if (root != NULL)
        status = read_facts(root, facts, err);
    if (root != NULL && status == STATUS_OK)
        status = read_tree(content_of(root), out, err);
    xmlFreeDoc(page);
    if (status != STATUS_OK)
        html_facts_release(facts);
    return status;
}

void html_facts_release(struct html_facts *facts)
{
    buf_release(&facts->title);
}

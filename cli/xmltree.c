#include "cli/xmltree.h"

#include <string.h>

bool xml_is(const xmlNode *node, const char *name)
{
    return node != NULL && node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

const xmlNode *xml_following(const xmlNode *node, const xmlNode *root, bool down)
{
    if (down && node->type == XML_ELEMENT_NODE && node->children != NULL)
        return node->children;
    while (node != root && node->next == NULL)
        node = node->parent;
    return node == root ? NULL : node->next;
}

const xmlNode *xml_find(const xmlNode *root, const char *name, size_t *count)
{
    const xmlNode *first = NULL;
    size_t found = 0;
    for (const xmlNode *node = root; node != NULL; node = xml_following(node, root, true))
        if (xml_is(node, name) && found++ == 0) {
            first = node;
            if (count == NULL)
                break;
        }
    if (count != NULL)
        *count = found;
    return first;
}

struct text xml_attribute(const xmlNode *node, const char *name)
{
    for (const xmlAttr *a = node != NULL ? node->properties : NULL; a != NULL; a = a->next)
        if (strcmp((const char *)a->name, name) == 0)
            return a->children != NULL && a->children->content != NULL ? xml_text(a->children->content)
                                                                       : text_of("");
    return (struct text){0};
}

struct text xml_text(const xmlChar *s)
{
    return s != NULL ? text_of((const char *)s) : (struct text){0};
}

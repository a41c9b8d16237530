/* Looking around in a tree that libxml2 has parsed. Names are compared without their namespaces; texts are
 * borrowed from the tree.
 *
 *     for (const xmlNode *node = root; node != NULL; node = xml_following(node, root, true))
 *         if (xml_is(node, "item"))
 *             use(xml_attribute(node, "href"));
 */
#ifndef COGNATE_CLI_XMLTREE_H
#define COGNATE_CLI_XMLTREE_H

#include <libxml/tree.h>
#include <stdbool.h>

#include "common/text.h"

/* Whether it is an element of this name; NULL is none. */
bool xml_is(const xmlNode *node, const char *name);

/* The next node in the order of the document, within root, NULL behind the last; with `down` false what the
 * node holds is passed over. Takes no stack, however deep the tree is. */
const xmlNode *xml_following(const xmlNode *node, const xmlNode *root, bool down);

/* The first element of this name from root on, root included, and in *count, which may be NULL, how many
 * there are. */
const xmlNode *xml_find(const xmlNode *root, const char *name, size_t *count);

/* NULL data when there is no such attribute (or no node); empty when there is more than plain text in it. */
struct text xml_attribute(const xmlNode *node, const char *name);

struct text xml_text(const xmlChar *s); /* empty for NULL */

#endif

/* What `help TOPIC` says: matters that belong to no single command. */
#ifndef COGNATE_CLI_TOPICS_H
#define COGNATE_CLI_TOPICS_H

#include <stdio.h>

struct topic {
    const char *name, *summary;
    const char *text; /* paragraphs parted by empty lines; a line that begins with blanks stays as it is */
};

extern const struct topic topics[]; /* ended by a nameless one */

const struct topic *topic_find(const char *name); /* NULL when there is none */

#endif

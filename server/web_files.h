/* The files of the web page, server/web, as the build puts them into the program (server/web/embed.cmake). */
#ifndef COGNATE_SERVER_WEB_FILES_H
#define COGNATE_SERVER_WEB_FILES_H

#include <stddef.h>

struct web_file {
    const char *name; /* "search.js" */
    const char *media_type;
    const char *etag; /* quoted; of the bytes */
    const unsigned char *bytes;
    size_t len;
};

extern const struct web_file web_files[];
extern const size_t web_file_count;

#endif

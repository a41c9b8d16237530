/* The OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0), made from the route table and the shapes it names,
 * so that what is described is what is checked. */
#ifndef COGNATE_SERVER_OPENAPI_H
#define COGNATE_SERVER_OPENAPI_H

#include <jansson.h>

json_t *openapi_document(void); /* new; NULL when there is no memory */

#endif

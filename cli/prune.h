/* Deleting the documents of files that are no longer there.
 *
 *     struct prune p = {0};
 *     prune_see(&p, id, &err);                       // each document of the run
 *     prune_run(&p, client, "default", "docs", force, &deleted, &err);
 *     prune_release(&p);
 *
 * Documents belong to a folder by their id, which begins with the folder's name (walk.h). A folder that has vanished as a
 * whole, like a disk that is not mounted, must not empty the collection: nothing is deleted when the run found nothing
 * there, or, without force, when more than half of the folder's documents would go.
 */
#ifndef COGNATE_CLI_PRUNE_H
#define COGNATE_CLI_PRUNE_H

#include "cli/client.h"

struct prune {
    char **ids;
    size_t count, capacity;
};

enum status prune_see(struct prune *p, const char *id, struct error *err);

/* `folder`: a path given to walk; one that is a file has nothing to prune. CONFLICT when the guard keeps everything. */
enum status prune_run(struct prune *p, struct client *client, const char *collection, const char *folder, bool force,
                      uint64_t *deleted, struct error *err);
void prune_release(struct prune *p); /* accepts a zeroed one */

#endif

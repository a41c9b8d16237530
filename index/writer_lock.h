/* The lock that lets one process at a time write a store: flock on `<store>.lock`, which holds the owner's
 * process number for the message. The kernel drops it when the process ends, however it ends; the file
 * stays, because removing it would let two processes lock two files of one name.
 */
#ifndef COGNATE_INDEX_WRITER_LOCK_H
#define COGNATE_INDEX_WRITER_LOCK_H

#include "common/status.h"

/* CONFLICT, naming the owner, when another open store holds it. */
enum status writer_lock_take(const char *store_path, int *out, struct error *err);
void writer_lock_drop(int lock); /* accepts -1 */

#endif

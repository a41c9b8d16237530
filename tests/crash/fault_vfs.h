/* A layer of SQLite's, beneath the one the store brings along, in which files fail on command and power is
 * lost.
 *
 *     assert_true(fault_vfs_install());                   // before the first store is opened
 *     fault_vfs_arm(FAULT_FULL_DISK, 7);                  // the 7th call from now that takes space
 *     …
 *     hits = fault_vfs_disarm();
 *
 * After FAULT_POWER has struck, every call fails; close the store, then call fault_vfs_lose_power: what was
 * not brought to the disk by then is gone in whole or in part, and the files are what a machine finds that
 * starts again. Databases, logs and journals are followed; a file that is renamed afterwards must have
 * nothing left to lose (fault_vfs_unsynced).
 *
 * SQLite keeps its layers in a list of the whole process, so there is one of these in it; for one thread.
 */
#ifndef COGNATE_TESTS_FAULT_VFS_H
#define COGNATE_TESTS_FAULT_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
    FAULT_ONCE,       /* one call of any kind: EIO */
    FAULT_STAYS,      /* that call and all later ones: EIO */
    FAULT_FULL_DISK,  /* calls that take space, from that one on: ENOSPC, with half of a write done */
    FAULT_SHORT_READ, /* one read gives only its first half */
    FAULT_POWER,      /* that call that changes a file and all later calls */
};

bool fault_vfs_install(void);
void fault_vfs_arm(enum fault_kind kind, uint64_t at); /* at: counts from 1 */
uint64_t fault_vfs_disarm(void);                       /* how many calls have failed */

/* Takes what was not synced from every file: all of it, or by chance some writes, or parts of writes in whole
 * sectors of 512 bytes. False when a file could not be written. */
bool fault_vfs_lose_power(uint64_t seed);

size_t fault_vfs_unsynced(const char *path); /* writes that a loss of power may take */

#endif

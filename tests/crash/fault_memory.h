/* Memory that runs out on command: for the project's own allocations, SQLite's and jansson's, in this
 * process.
 *
 *     assert_true(fault_memory_install());      // before anything of SQLite or jansson is used
 *     fault_memory_arm(7, false);               // the 7th allocation from now fails; true: and all later
 * ones … hits = fault_memory_disarm();
 *
 * The program is linked with --wrap for each allocating function (CMakeLists.txt), so that calls in the
 * project's libraries come here; the sanitizers still see what is behind. For one thread.
 */
#ifndef COGNATE_TESTS_FAULT_MEMORY_H
#define COGNATE_TESTS_FAULT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

bool fault_memory_install(void);
void fault_memory_arm(uint64_t at, bool stays); /* at: counts from 1 */
uint64_t fault_memory_disarm(void);             /* how many allocations have failed */

#endif

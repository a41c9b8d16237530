/* The word a person may have meant: for "did you mean …?".
 *
 *     const char *meant = NULL;
 *     for (…)
 *         meant = suggest_nearer(typed, candidate, &distance) ? candidate : meant;
 */
#ifndef COGNATE_CLI_SUGGEST_H
#define COGNATE_CLI_SUGGEST_H

#include <stdbool.h>

#define SUGGEST_START 4 /* what *distance begins with: anything as far as this is no suggestion */

/* Whether `candidate` is closer to `typed` than *distance, which is then its distance: single-byte
 * insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Words of up to
 * three letters must be closer still. */
bool suggest_nearer(const char *typed, const char *candidate, unsigned *distance);

#endif

#include "cli/suggest.h"

#include <string.h>

#define WORD_LONGEST 31 /* longer words are no commands or options of ours */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Rows of the alignment table: two back, one back, now. */
static unsigned distance_of(const char *a, size_t n, const char *b, size_t m)
{
    unsigned rows[3][WORD_LONGEST + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = least(least(before[j] + 1, now[j - 1] + 1), before[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], older[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

bool suggest_nearer(const char *typed, const char *candidate, unsigned *distance)
{
    size_t n = strlen(typed), m = strlen(candidate);
    if (n == 0 || n > WORD_LONGEST || m > WORD_LONGEST)
        return false;
    unsigned d = distance_of(typed, n, candidate, m);
    if (m > n && memcmp(typed, candidate, n) == 0 && n >= 3)
        d = least(d, 1); /* the beginning of a word stands for it */
    if (d >= *distance || d > (n + 1) / 2)
        return false;
    *distance = d;
    return true;
}

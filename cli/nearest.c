/* nearest.c - see nearest.h. The distance of Damerau and Levenshtein, with exchanges of neighbours only. */
#include <string.h>

#include "cli/nearest.h"

enum { LONGEST = 40, FAR = 1000 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned word_distance(const char *a, size_t n, const char *b)
{
    unsigned d[3][LONGEST + 1]; /* rows i, i - 1 and i - 2 of the table */
    size_t m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return FAR;
    unsigned *row = d[0], *above = d[1], *before = d[2];
    for (size_t k = 0; k <= m; k++)
        row[k] = (unsigned)k;
    for (size_t i = 1; i <= n; i++) {
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= m; k++) {
            row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                row[k] = least(row[k], before[k - 2] + 1);
        }
    }
    return row[m];
}

int word_near(const char *a, size_t n, const char *b)
{
    unsigned allowed = n < 3 ? 0 : n < 6 ? 1 : 2;
    return word_distance(a, n, b) <= allowed;
}

/* sorted.h - where a key belongs among rows that are sorted by it: the binary search of this program. The key
 * is a uint64_t member of the row, which may occur several times. Cost: log2(n) rows. */
#ifndef BOOTREEL_TRACES_SORTED_H
#define BOOTREEL_TRACES_SORTED_H

#include <stddef.h>
#include <stdint.h>

static inline size_t sorted_after(const void *rows, size_t n, size_t size, size_t key_at, uint64_t key)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (*(const uint64_t *)((const char *)rows + mid * size + key_at) <= key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The member is checked to be a uint64_t. */
#define SORTED_KEY_AT(rows, member)                                                                          \
    _Generic(&(rows)->member, uint64_t * : 1, const uint64_t * : 1) * offsetof(__typeof__(*(rows)), member)

/* The number of the first row whose key is above `key`, which is also how many rows have a key of at most
 * that; n if there is none. */
#define SORTED_ABOVE(rows, n, member, key)                                                                   \
    sorted_after(rows, n, sizeof *(rows), SORTED_KEY_AT(rows, member), key)
/* The number of the first row whose key is `key` or above; n if there is none. */
#define SORTED_FROM(rows, n, member, key) ((key) ? SORTED_ABOVE(rows, n, member, (key)-1) : 0)

#endif

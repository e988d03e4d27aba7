/* sorted.h - binary search, for every room.
 *
 * FIRST_NOT() searches by any condition, SORTED_ABOVE() and SORTED_FROM() rows that are sorted by a member. Cost: log2(n) comparisons.
 */
#ifndef BOOTREEL_BASE_SORTED_H
#define BOOTREEL_BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>

/* The first i of `from` to `to` - 1 for which `condition`, an expression with i, does not hold; `to` if it holds for all. It holds for all
 * before that, and for none after. */
#define FIRST_NOT(i, from, to, condition)                                                                    \
    ({                                                                                                       \
        size_t low_##i = (from), high_##i = (to);                                                            \
        while (low_##i < high_##i) {                                                                         \
            const size_t i = low_##i + (high_##i - low_##i) / 2;                                             \
            if (condition)                                                                                   \
                low_##i = i + 1;                                                                             \
            else                                                                                             \
                high_##i = i;                                                                                \
        }                                                                                                    \
        low_##i;                                                                                             \
    })

static inline size_t sorted_after(const void *rows, size_t n, size_t size, size_t key_at, uint64_t key)
{
    return FIRST_NOT(i, 0, n, *(const uint64_t *)((const char *)rows + i * size + key_at) <= key);
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

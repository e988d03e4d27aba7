/* sequence.h - what two sequences have in common, in order. Private to core/compare/. */
#ifndef BOOTREEL_CORE_COMPARE_SEQUENCE_H
#define BOOTREEL_CORE_COMPARE_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

#define SEQUENCE_NONE UINT32_MAX

/* Sets match[i] to the place in b of what a[i] belongs to, or SEQUENCE_NONE; matches ascend. Common
 * beginnings and ends first; then what both have exactly once (the longest run in the same order, as in
 * "patience diff"), and between those the shortest difference (Myers, An O(ND) Difference Algorithm, 1986).
 * Where that would take long, the n-th occurrences of equal elements are matched, as many as are in the same
 * order. Cost: n log n, and at most about 300,000 steps a gap. */
void sequence_align(const uint64_t *a, size_t na, const uint64_t *b, size_t nb, uint32_t *match);

/* Keeps the longest run of pairs (sorted by a) whose b ascends; returns how many. */
struct sequence_pair {
    uint32_t a, b;
};
size_t sequence_ascending(struct sequence_pair *x, size_t n);

#endif

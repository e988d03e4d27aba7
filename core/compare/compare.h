/* compare.h - how one boot differs from another: two outlines become one aligned list.
 *
 * Items are aligned from the outermost stage inwards. In each lane of two stages that belong together, items
 * that both have exactly once are anchors (the longest run of them in the same order); between anchors it is
 * the shortest difference (Myers), with a bound on its cost; what is left is paired if it seems to be the
 * same thing with another value (changed), or if it occurs elsewhere (moved). Lanes without order are matched
 * by name and occurrence. Counts of accesses are payload: only an access that one of the boots never makes is
 * a difference.
 *
 *   struct comparison *c = compare(a, b, rules);
 *   for (size_t i = 0; i < comparison_count(c); i++) … comparison_pair(c, i) …
 *
 * The result depends on the outlines and rules alone. Both outlines, and the rules, must outlive it.
 */
#ifndef BOOTREEL_CORE_COMPARE_COMPARE_H
#define BOOTREEL_CORE_COMPARE_COMPARE_H

#include "core/compare/outline.h"
#include "core/compare/rules.h"

enum pair_way {
    PAIR_SAME,
    PAIR_ONLY_A,
    PAIR_ONLY_B,
    PAIR_CHANGED,
    PAIR_MOVED,
    PAIR_SLOWER,
    PAIR_FASTER,
    PAIR_WAYS
};

/* An item of A and its counterpart in B. Pairs are in the order of a tree to be shown: each comes after the pair
 * that it lies within, and siblings are in the order of A, with those only in B where they come in B. */
struct pair {
    uint32_t a, b;   /* OUTLINE_NONE: only in the other */
    uint32_t within; /* number of the pair of the stage that it is shown in, or OUTLINE_NONE */
    uint16_t depth;
    uint8_t way; /* enum pair_way: of the most important change */
    bool
        tolerated; /* it is no difference: by a rule, or because it lies within a difference that is reported */
    bool inside;   /* … and it is a part of that difference: a stage that is only in one boot is one
                    * difference */
    int32_t rule;             /* the rule that tolerates it, or -1 */
    uint32_t first, nchanges; /* comparison_change */
    uint32_t below;           /* differences in what lies within it */
};

/* A number or text of a pair that is not the same in both. */
struct change {
    const char *field; /* "result", "text", "time", "count" */
    const char *a, *b; /* as text */
    bool tolerated;    /* payload without a bound, or within it, or by a rule */
    int32_t rule;
};

struct comparison_counts {
    size_t differences;     /* that count: 0 means the boots are the same */
    size_t ways[PAIR_WAYS]; /* how many of them are of each way, and how many pairs are the same */
    size_t tolerated;       /* pairs with changes that do not count */
    size_t by_rules;        /* … because of a rule */
};

struct comparison;

/* Never fails. Cost: about a microsecond per item. `rules` may be NULL. */
struct comparison *compare(const struct outline *a, const struct outline *b, const struct rules *rules);
void comparison_free(struct comparison *); /* NULL is allowed */
void comparison_counts(const struct comparison *, struct comparison_counts *);
size_t comparison_count(const struct comparison *);
const struct pair *comparison_pair(const struct comparison *, size_t i);
const struct change *comparison_change(const struct comparison *, const struct pair *, unsigned i);
/* The pair of an item of A (side 0) or B (side 1). */
size_t comparison_of(const struct comparison *, unsigned side, uint32_t item);
/* The first difference that counts in order of position, or SIZE_MAX. */
size_t comparison_first(const struct comparison *);
/* The other boot's position that corresponds to icount in A (side 0) or B (side 1): by the last milestone before it
 * that both have, and the steps since then (at most up to the next one). */
uint64_t comparison_map(const struct comparison *, unsigned side, uint64_t icount);
/* How often each rule applied (rules_count numbers). A rule with 0 matches nothing any more. */
const size_t *comparison_rule_uses(const struct comparison *);
/* "same", "only in A", … */
const char *pair_way_name(enum pair_way way);

#endif

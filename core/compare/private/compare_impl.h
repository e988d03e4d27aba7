/* compare_impl.h - what compare*.c share. Private to core/compare/. */
#ifndef BOOTREEL_CORE_COMPARE_COMPARE_IMPL_H
#define BOOTREEL_CORE_COMPARE_COMPARE_IMPL_H

#include "core/compare/compare.h"

/* One of the two boots. */
struct side {
    const struct outline *o;
    uint32_t n;
    uint32_t *match; /* by item: its counterpart in the other boot, or OUTLINE_NONE */
    bool *moved;     /* by item: it has a counterpart in another place */
    uint64_t *id, *key;
    uint32_t *list;  /* items by parent, lane and number … */
    uint32_t *begin; /* … those of item i begin at begin[i + 1], those without a parent at begin[0] */
    uint32_t
        last; /* the last item in order that has a counterpart: what comes later may lie beyond the other's end */
    size_t *pair; /* by item */
};

struct comparison {
    struct side side[2];
    const struct rules *rules;
    uint32_t classes; /* that both boots observed */
    struct pair *pair;
    size_t n, room;
    struct change *change;
    size_t nchanges, change_room;
    char **text; /* that changes own */
    size_t ntexts, text_room;
    size_t *uses;
    struct comparison_counts counts;
    struct sync *sync; /* milestones that both have, in order in both */
    size_t nsync;
};

/* A milestone that both have. */
struct sync {
    uint64_t icount[2];
    uint64_t event[2]; /* UINT64_MAX: not known */
};

/* compare_pairs.c: makes pairs, changes, counts and milestones of the sides, which compare.c has filled. */
void compare_make_pairs(struct comparison *c);
/* Whether the items are compared: both boots observed their class. */
bool compare_wants(const struct comparison *c, const struct outline_item *it);
/* The class of an event's or count's kind, or -1. */
int compare_class(const char *kind);

#endif

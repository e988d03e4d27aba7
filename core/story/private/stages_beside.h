/* stages_beside.h - the open stages that are beside others, found by rule and key: the part of stages.c that keeps them. Private to
 * core/story/. */
#ifndef BOOTREEL_CORE_STORY_STAGES_BESIDE_H
#define BOOTREEL_CORE_STORY_STAGES_BESIDE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_index.h"

/* A stage that is open at the current event. */
struct open_stage {
    size_t index; /* in the list */
    size_t rule;
    char *text; /* the opening event's text; for a stage that is beside others, its key. The owner's */
    size_t len;
    size_t inside; /* place of the last stage beside others that has this one for its home, or 0 */
    /* Of a stage beside others: */
    uint64_t hash;
    size_t *last;   /* `inside` of its home */
    size_t earlier; /* places of its neighbours in that home, or 0 */
    size_t later;
};

/* All 0: empty. A place is a number from 1 on. It stays the same until the stage is removed; pointers do not outlive the next stage. */
struct stages_beside {
    struct open_stage *slot;
    size_t n;
    size_t unused; /* the first of those without a stage, each of which has the next one in `later`; or 0 */
    struct hash_index index;
};

static inline struct open_stage *stages_beside_at(const struct stages_beside *b, size_t place)
{
    return &b->slot[place - 1];
}
/* The place of the rule's stage with that key, or 0. Constant time, and so are the others. */
size_t stages_beside_find(const struct stages_beside *b, size_t rule, const char *key, size_t len);
/* Adds one, behind the others of its home. Its text is a copy of the key; its index is for the caller to fill in. */
size_t stages_beside_add(struct stages_beside *b, size_t rule, const char *key, size_t len, size_t *last);
/* Removes it. The caller has freed its text. */
void stages_beside_remove(struct stages_beside *b, size_t place);
/* Frees what it holds. The stages have been removed. */
void stages_beside_clear(struct stages_beside *b);

#endif

/* rules.h - what a comparison tolerates, and what it holds within bounds.
 *
 *   ignore WHAT [CONDITION…]          differences of such items do not count
 *   bound [WHAT] [CONDITION…] FIELD=LIMIT     a number that is otherwise tolerated may differ by so much
 *
 * WHAT        a class or kind of event (bootreel events shows them), or input, stage, process, all; or one of
 *             stage:NAME, process:NAME (ignore: that and everything in it; bound: that), console:TEXT
 * CONDITION   in=STAGE              inside of such a stage or process
 *             field=NAME            only changes of that field
 *             way=WAY               only added, removed, changed, moved, slower, faster
 *             text=TEXT             the item's text; extends to the end of the rule
 * NAME, STAGE and TEXT may hold * (any text) and ? (any character); a TEXT matches anywhere in the item's.
 * FIELD       time, steps (of stages and processes; the stage "boot" is the whole), count, or a field of the events
 * LIMIT       10%, 250, 5ms, 1.5s (of time), 10%+5ms (as much as both together)
 *
 * In a file each rule is a line; what follows " # " is its reason, which reports repeat. A line that begins with
 * # is a comment.
 */
#ifndef BOOTREEL_CORE_COMPARE_RULES_H
#define BOOTREEL_CORE_COMPARE_RULES_H

#include "core/compare/outline.h"

struct rules;

struct rules *rules_new(void);
void rules_free(struct rules *); /* NULL is allowed */
/* Adds a rule: "ignore …" or "bound …". `where`: "--ignore", "FILE:12", for messages. -1 with err. */
int rules_add(struct rules *, const char *where, const char *text, struct error *err);
/* Adds all rules of a file. -1 with err, which names file and line. */
int rules_load(struct rules *, const char *path, struct error *err);

struct rule_about {
    const char *where, *text, *reason; /* reason: "" if none was given */
};
size_t rules_count(const struct rules *);
void rules_get(const struct rules *, size_t i, struct rule_about *);

enum difference_way { WAY_ADDED, WAY_REMOVED, WAY_CHANGED, WAY_MOVED, WAY_SLOWER, WAY_FASTER, WAYS };
/* "added", "removed", … */
const char *difference_way_name(enum difference_way way);

/* The first rule that makes a difference of this item tolerated, or -1. `field`: the field that changed, or NULL. */
long rules_ignore(const struct rules *, const struct outline *, uint32_t item, enum difference_way way,
                  const char *field);
/* Whether a, b are within the bounds of that field of the item. 1: a rule (*rule) holds and they are within it; 0: a
 * rule holds and they are not; -1: no rule. */
int rules_bound(const struct rules *, const struct outline *, uint32_t item, const char *field, uint64_t a,
                uint64_t b, size_t *rule);

#endif

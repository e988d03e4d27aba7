/* content.h - the units of media and their versions. Private to core/powercut. */
#ifndef BOOTREEL_CORE_POWERCUT_CONTENT_H
#define BOOTREEL_CORE_POWERCUT_CONTENT_H

#include "base/hash_index.h"
#include "core/powercut/cuts.h"

/* Of all that differs from what was before the run: a sum over the units, so it follows from what changes. */
struct content_hash {
    uint64_t a, b;
};

struct version {
    size_t write;
    const uint8_t *data; /* of the whole unit */
};

struct unit {
    unsigned medium;
    uint64_t index;
    struct version *version; /* in the order of the writes */
    size_t n, room;
    bool known; /* … what it was before the run, whose hash is `base` */
    struct content_hash base;
};

struct power_content {
    const struct power_writes *w;
    const struct image *images;
    size_t nimages;
    struct unit *unit;
    size_t n, room;
    struct hash_index by_place;  /* of `unit` */
    struct content_hash *prefix; /* after each number of writes, none lost */
    uint8_t **made;              /* units that a write changed in part */
    size_t nmade, made_room;
    uint64_t *stamp, stamps; /* which units the hash of a cut has already */
};

enum content_from { CONTENT_BASE /* as before the run */, CONTENT_WRITTEN, CONTENT_UNKNOWN };

unsigned content_unit_size(const struct power_content *c, unsigned medium);
/* The bytes of a unit after a cut, unless they are as before the run. */
enum content_from content_of(const struct power_content *c, const struct unit *u, const struct power_cut *cut,
                             uint8_t *buf);
void content_prefixes(struct power_content *c);
struct content_hash content_hash_of(struct power_content *c, const struct power_cut *cut);

#endif

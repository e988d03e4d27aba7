/* content.h - finds equal content by its XXH3-128 digest: numbers pieces of content, with the same number for
 * equal ones. Private to traces/.
 *
 * Two different pieces with the same digest would be considered equal; unless somebody made them so on
 * purpose, the probability is 2^-128 per pair.
 */
#ifndef BOOTREEL_TRACES_CONTENT_H
#define BOOTREEL_TRACES_CONTENT_H

#include "traces/bytes.h"

/* The most pieces that are remembered; later ones each get a new number. 24 to 32 bytes per piece. */
enum { CONTENT_MAX = 1 << 20 };

struct content_key {
    uint64_t low, high;
};

struct content_table {
    struct content_key *key; /* by number */
    size_t cap;
    uint32_t *slot; /* number + 1, open addressing; 0: empty */
    size_t nslots;  /* a power of two, or 0 */
    uint32_t next;  /* the number of the next new piece */
};

struct content_key content_key(const void *data, size_t n);
/* The number of the content with this key; *is_new is set if it was not known. */
uint32_t content_number(struct content_table *t, struct content_key key, bool *is_new);
void content_free(struct content_table *t);

#endif

/* content.h - finds equal content by its XXH3-128 digest: numbers pieces of content, the same number for
 * equal ones. Inside of traces/ only.
 *
 * Two different pieces with one digest would be taken for equal; for content that nobody made for that
 * purpose the odds are 2^-128 a pair.
 */
#ifndef BOOTREEL_TRACES_CONTENT_H
#define BOOTREEL_TRACES_CONTENT_H

#include "traces/bytes.h"

/* Remembered pieces; later ones get a new number each. 24 to 32 bytes a piece. */
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

/* The number of this content; *is_new says that it was not known. */
uint32_t content_number(struct content_table *t, const void *data, size_t n, bool *is_new);
void content_free(struct content_table *t);

#endif

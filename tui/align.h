/* align.h - two boots side by side: which positions belong together, and what differs. Private to tui/.
 *
 * This is all that the interface knows of a comparison. It is made by a thread of its own from the traces, which are
 * opened a second time, while the boots are already shown. Side 0 is A, side 1 is B.
 */
#ifndef BOOTREEL_TUI_ALIGN_H
#define BOOTREEL_TUI_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct align;

struct rules;

/* Begins to compare, on a thread of its own; the rules (NULL: none) must stay until the end. */
struct align *align_begin(const char *path_a, const char *path_b, const struct rules *rules);
void align_wait(struct align *);
void align_end(struct align *); /* NULL is allowed */
/* Whether the comparison is made. Until then there are no differences, and no positions belong together. */
bool align_ready(struct align *);
/* Why there is no comparison, or "". */
const char *align_error(struct align *);
/* As story_failed(). */
bool align_failed(const struct align *, struct error *err);

/* The position of the other boot that belongs to `icount` of this side; UINT64_MAX if it is not known yet. */
uint64_t align_position(struct align *, unsigned side, uint64_t icount);

struct difference {
    char mark;            /* - only in A, + only in B, ~ changed, > moved, ! slower or faster */
    uint64_t at[2];       /* positions that belong together */
    const char *kind;     /* "stage", "console.line" … */
    const char *text[2];  /* what is there; NULL if nothing is */
    const char *field;    /* what changed, if it is not the text; otherwise NULL … */
    const char *value[2]; /* … and how */
};

size_t align_differences(struct align *);
/* In order of their positions in A. i must be below the count. */
void align_difference(struct align *, size_t i, struct difference *d);
/* The first difference at or after a position of that side, or the count. */
size_t align_find(struct align *, unsigned side, uint64_t icount);

#endif

/* cause.h - why two recorded boots part: the first instruction whose result differs, and the byte of an image, a
 * setting or an input that it comes from.
 *
 * Both traces are run again. As long as their events are the same at the same positions, so are the positions
 * of everything else, and the two machines can be compared step by step: registers, then memory. Which byte
 * an instruction's different result depends on is found by trying: bytes of B are put into A's memory before
 * that step, in a diversion, and ever fewer of them, until one is left. Where that byte came from is found in
 * the images by its surroundings; if it is not in one, the step that wrote it is found, and the search goes
 * on from there.
 */
#ifndef BOOTREEL_CORE_COMPARE_CAUSE_H
#define BOOTREEL_CORE_COMPARE_CAUSE_H

#include "core/timeline/timeline.h"

enum finding_kind {
    FINDING_INPUT,
    FINDING_LAST_COMMON,
    FINDING_NEXT_IN_A,
    FINDING_NEXT_IN_B,
    FINDING_REGISTERS,
    FINDING_MEMORY,
    FINDING_CALL_PATH_OF_A,
    FINDING_CALL_PATH_OF_B,
    FINDING_FIRST_DIFFERENCE,
    FINDING_RESULT,
    FINDING_DEPENDS_ON,
    FINDING_WRITTEN_BY,
    FINDING_COMES_FROM,
    FINDING_FIRST_CALL,
    FINDING_NOT_FOUND,
};

/* Its words: "last common", "written by". */
const char *finding_word(enum finding_kind kind);

/* What was found, in order, for people. */
struct finding {
    enum finding_kind kind;
    char *text;
    bool placed;     /* it is at a position: */
    uint64_t icount; /* … in both boots */
};

/* The byte that the search ended at. */
struct cause_origin {
    bool found;
    const char *image;  /* role of the image; NULL: it is not from an image */
    uint64_t offset;    /* in the image */
    uint8_t byte[2];    /* of A, of B */
    char member[256];   /* the file in the image, if that is a cpio archive; or "" */
    uint64_t in_member; /* offset there */
};

struct cause {
    struct finding *finding;
    size_t n;
    struct cause_origin origin;
};

/* Explains why the events of A and B of these classes differ from the `events`-th on (from 0), where all
 * before it are the same, with their positions. The timelines must be undiverted; they are left at some
 * position. NULL with err if a trace cannot be read or run. Cost: the runs between the last common event and
 * the first difference, some tens of times, and about twenty searches of a checkpoint for each step back;
 * seconds for a boot of some G steps. */
struct cause *cause_find(struct timeline *a, struct timeline *b, uint32_t classes, uint64_t events,
                         struct error *err);
void cause_free(struct cause *); /* NULL is allowed */

#endif

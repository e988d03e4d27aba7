/* writes.h - what a recorded run wrote to its drives and flash chips, in order, and what each drive promised of it. */
#ifndef BOOTREEL_CORE_POWERCUT_WRITES_H
#define BOOTREEL_CORE_POWERCUT_WRITES_H

#include "core/run/replay.h"

enum { POWER_COMMAND = 32, POWER_WIDE = 1 << 20 };

/* A command of a drive that wrote, or what a flash chip programmed or erased at once. */
struct power_write {
    unsigned medium;
    uint64_t offset, n; /* bytes of the medium */
    uint8_t *data;      /* NULL: zeros */
    size_t room;
    uint64_t icount, time; /* of its last part */
    /* From that many writes on, a loss of power cannot lose it: a flush came before the next one, or it was written through. SIZE_MAX:
     * never. */
    size_t held;
    bool zeros; /* the drive was told to forget these blocks */
    char command[POWER_COMMAND];
    const char *mark; /* the last mark before it, or NULL */
};

struct power_medium {
    char role[16];
    bool flash; /* no cache: writes are never lost, and it is written by bytes */
};

struct power_writes {
    struct power_medium *medium;
    size_t nmedia, media_room;
    struct power_write *write;
    size_t n, room;
    size_t nwide; /* how many of them let a drive forget more than 1 MiB */
    char **mark;
    size_t nmarks, marks_room;
};

/* What in the guest names points. */
struct power_marks {
    const char *const *text; /* lines of a console that contain one of these; with `lines` all lines */
    size_t ntexts;
    bool lines;
    const uint16_t *port; /* writes to these ports */
    size_t nports;
};

/* Runs a trace from its beginning to its end, and notes its writes. -1 with err. Cost: as a replay; host memory for all that is written. */
int power_writes_read(struct power_writes *w, struct replay *r, const struct engine_kind *kind, uint64_t end,
                      const struct power_marks *marks, struct error *err);
void power_writes_free(struct power_writes *w);

#endif

/* export.h - a recorded boot in the formats of other tools: what happened when (perfetto, ctf, json, sqlite),
 * where the steps went (folded, pprof, speedscope), what the guest showed (asciicast, apng), and all of it on
 * a page to read (html).
 *
 * What is written depends on the trace and the options alone. Times are guest time from the reset on, in nanoseconds
 * unless the format wants another unit.
 */
#ifndef BOOTREEL_CORE_EXPORT_EXPORT_H
#define BOOTREEL_CORE_EXPORT_EXPORT_H

#include <stdio.h>

#include "core/run/replay.h"

struct export_options {
    struct trace *trace;
    const char *title;              /* for people: the trace file's name */
    const struct engine_kind *kind; /* html: of the trace's engine; NULL: the page does not say what went
                                     * wrong */
    struct replay *replay;          /* fresh; NULL if export_needs_replay() says no */
    uint64_t from, to; /* icounts: the part that is exported (both included); stages are always whole */
    uint64_t every;    /* steps between two samples; 0: folded goes by stages, pprof takes a usual number */
    unsigned pictures; /* apng: positions where the screen is looked at; html: pictures. 0: none */
    int console;       /* asciicast: the device, as in EV_CONSOLE_LINE */
    void (*progress)(void *ctx, const struct engine *e); /* may be NULL */
    void *ctx;
};

enum export_flag {
    EXPORT_RUNS = 1,          /* the trace is run again */
    EXPORT_RUNS_SAMPLED = 2,  /* … if options.every is given */
    EXPORT_RUNS_PICTURES = 4, /* … if options.pictures is given */
    EXPORT_FOLDER = 8,        /* it is a folder of files */
    EXPORT_BINARY = 16,       /* not for a terminal */
};

struct export_format {
    const char *name;
    const char *what;  /* for people: what it is, and who reads it */
    unsigned flags;    /* enum export_flag */
    unsigned pictures; /* the usual value of options.pictures */
    /* Writes the file. -1 with err, also if it was interrupted (replay_interrupt). The caller checks `out`
     * for errors of writing. NULL if the format is a folder: */
    int (*write)(const struct export_options *o, FILE *out, struct error *err);
    /* Writes the files into an empty folder. -1 with err. */
    int (*write_folder)(const struct export_options *o, const char *path, struct error *err);
    /* Makes a file of that name, for formats whose library opens it. -1 with err. */
    int (*write_named)(const struct export_options *o, const char *path, struct error *err);
};

/* All formats; NULL beyond the last. */
const struct export_format *export_format(size_t i);
const struct export_format *export_format_by_name(const char *name);
bool export_needs_replay(const struct export_format *f, const struct export_options *o);

#endif

/* impl.h - what the writers of formats share. Private to core/export/. */
#ifndef BOOTREEL_CORE_EXPORT_IMPL_H
#define BOOTREEL_CORE_EXPORT_IMPL_H

#include "base/memory.h"
#include "core/export/export.h"
#include "core/run/samples.h"
#include "core/run/times.h"
#include "core/story/initcalls.h"
#include "core/story/processes.h"
#include "core/story/stages.h"

/* ---------------------------------------------------------------- the formats, a file each */

int export_perfetto(const struct export_options *o, FILE *out, struct error *err);
int export_folded(const struct export_options *o, FILE *out, struct error *err);
int export_pprof(const struct export_options *o, FILE *out, struct error *err);
int export_speedscope(const struct export_options *o, FILE *out, struct error *err);
int export_json(const struct export_options *o, FILE *out, struct error *err);
int export_asciicast(const struct export_options *o, FILE *out, struct error *err);
int export_apng(const struct export_options *o, FILE *out, struct error *err);
int export_pcapng(const struct export_options *o, FILE *out, struct error *err);
int export_html(const struct export_options *o, FILE *out, struct error *err);
int export_sqlite(const struct export_options *o, const char *path, struct error *err);
int export_ctf(const struct export_options *o, const char *folder, struct error *err);

/* ---------------------------------------------------------------- story.c: what several formats tell */

struct story {
    struct stages *stages;
    struct processes *processes; /* at the end */
    struct initcalls *calls;
    const struct initcall *initcalls; /* of `calls` */
    size_t ninitcalls;
    uint64_t end, end_time; /* of the trace: icount; guest time, ns */
};

/* Reads the story of a trace. NULL with err. Cost: a pass over the events of its classes. */
struct story *story_of(struct trace *t, struct error *err);
void story_free(struct story *s); /* NULL is allowed */
/* Whether the process has not exited at the end; otherwise p->exited_time says when it did. */
static inline bool process_lives(const struct process *p)
{
    return !p->exited_time;
}

/* ---------------------------------------------------------------- samples */

/* The samples that the options ask for. NULL with err. */
struct samples *export_samples(const struct export_options *o, struct error *err);

/* ---------------------------------------------------------------- pictures.c: what the screen shows */

struct picture {
    uint64_t icount, time;
    unsigned width, height;
    uint8_t *rgb;
};

/* Looks at the screen at `n` positions, evenly spaced in steps, and at the end; calls fn with each picture that differs
 * from the one before. `picture` is the callback's to free (picture_free). -1 with err. */
int export_pictures(const struct export_options *o, unsigned n, void (*fn)(void *ctx, struct picture *p),
                    void *ctx, struct error *err);
void picture_free(struct picture *p);

/* ---------------------------------------------------------------- text.c */

void put_html(FILE *out, const char *text, size_t n);
/* Nanoseconds as seconds with six decimals. */
void put_seconds(FILE *out, uint64_t ns);

#endif

/* share.h - a share of an annotated run, as a file that another machine makes (bootreel annotate --part, --merge).
 *
 * It holds the items that a part of the run puts on its tape (core/run/rewriter.h), names the trace, and says
 * which part of it this is. The format: docs/trace-format.md, "Shares". */
#ifndef BOOTREEL_CORE_RUN_SHARE_H
#define BOOTREEL_CORE_RUN_SHARE_H

#include "core/run/rewriter.h"

/* Which part of the run it is, and what made it. */
struct share_about {
    unsigned part, parts;
    const char *program; /* version of bootreel: another one may make other events of the same run */
    const struct setting *observed; /* what is new in the trace beside events: "probe" (several), "profile" */
    size_t nobserved;
};

struct share_writer;

/* Writes to `path`; errors say `name`. `config` is the new record's. NULL with err. */
struct share_writer *share_create(struct trace *t, const char *path, const char *name,
                                  const struct trace_config *config, const struct share_about *about,
                                  struct error *err);
/* The part's items, in order, from TAPED_BEGIN on. */
int share_put(struct share_writer *w, enum taped what, const struct taped_item *item, struct error *err);
uint64_t share_written(const struct share_writer *w); /* events */
/* Ends the file, closes it and frees; also on error. */
int share_finish(struct share_writer *w, struct error *err);
void share_abort(struct share_writer *w); /* NULL is allowed */

struct share;

/* Opens a share of `t`, which must stay open, made by these versions of the program and of the engine. NULL
 * with err, which says what to do, if the file is anything else. */
struct share *share_open(const char *path, struct trace *t, const char *program, uint32_t behaviour,
                         struct error *err);
void share_close(struct share *s); /* NULL is allowed */
void share_about(const struct share *s, struct share_about *about);
/* The event classes of the new record. */
uint32_t share_classes(const struct share *s);
/* Whether it can be read to its end: 0, or -1 with err. */
int share_check(const struct share *s, struct error *err);
/* Takes the next item, as taped_next(). The first one is TAPED_BEGIN with the folder's state at the beginning
 * of the part; TAPED_END follows the last one. -1 with err. */
int share_next(struct share *s, enum taped *what, struct taped_item *item, struct error *err);

#endif

/* stages.h - the stages of a recorded boot: a boot profile (profile.h) laid over a trace's
 * events. Nothing is run. */
#ifndef BOOTREEL_CORE_STAGES_H
#define BOOTREEL_CORE_STAGES_H

#include "core/engine.h"
#include "core/profile.h"
#include "traces/trace.h"

struct stage {
    const char *name;
    long parent;                      /* index, -1: none */
    unsigned depth;                   /* 0: outermost */
    uint64_t begin, end;              /* icount */
    uint64_t begin_time, end_time;    /* guest time, ns */
    uint64_t first_event, last_event; /* numbers: from the one that opened it up to the one that closed it */
    bool open;                        /* it had not ended when the trace ended */
    bool failed;                      /* closed by a `fail` condition of the profile */
    bool beside;                      /* one of many that may be open at a time (`by`) */
    bool chain;                       /* the profile asks what it waited for */
    const char *note;                 /* the profile's word on it, or NULL */
    uint64_t took;                    /* guest time, ns: of folded ones, the sum */
    uint64_t steps; /* likewise; what is missing of `took` passed while the machine was idle */
    size_t count;   /* how many it stands for: 1, unless folded */
    bool folded;    /* a short one, or several, and what is inside of them: stages_fold */
    unsigned fold;  /* percent, as the profile has it */
    size_t rule;    /* number of the description in the profile */
};

struct stages;

/* All stages as a tree: each behind its parent, and those of one parent in order of their beginning. Cost:
 * one walk over the events of the classes that the profile names. NULL with err. */
struct stages *stages_build(struct trace *, const struct profile *, struct error *err);
/* By the profile that the trace was recorded with (note "profile"), else the embedded one. */
struct stages *stages_of_trace(struct trace *, struct error *err);
void stages_free(struct stages *); /* NULL is allowed */
size_t stages_count(const struct stages *);
const struct stage *stages_get(const struct stages *, size_t i);
/* The innermost stage at icount, or -1. Those that are beside others do not count. */
long stages_at(const struct stages *, uint64_t icount);
/* Puts the short ones of a rule with `fold` together, in each parent: the first of them stands for all,
 * with what is inside. */
void stages_fold(struct stages *);
/* What stage `of` waited for: of the stages with `chain` in the same parent the one that ended last before
 * it began. `of` -1: where to begin, which is the one that ended last in the parent that had such stages
 * first. -1: none. */
long stages_chain(const struct stages *, long of);

/* ---- while a machine is recorded: the stage that it is in, from the events as they come ---- */

struct stages_watch;

/* The profile must stay. */
struct stages_watch *stages_watch_new(const struct profile *, const struct engine_config *);
void stages_watch_free(struct stages_watch *); /* NULL is allowed */
/* The events that it must see. */
uint32_t stages_watch_classes(struct stages_watch *);
void stages_watch_see(struct stages_watch *, const struct event *);
/* The innermost stage's name; "" if none is open. Valid until the next event. */
const char *stages_watch_now(const struct stages_watch *);

#endif

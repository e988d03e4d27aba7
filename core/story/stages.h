/* stages.h - the stages of a recorded boot: a boot profile (profile.h) applied to a trace's events.
 * Nothing is run. */
#ifndef BOOTREEL_CORE_STORY_STAGES_H
#define BOOTREEL_CORE_STORY_STAGES_H

#include "core/engine/engine.h"
#include "core/story/profile.h"
#include "traces/trace.h"

struct stage {
    const char *name;
    long parent;                      /* index, -1: none */
    unsigned depth;                   /* 0: outermost */
    uint64_t begin, end;              /* icount */
    uint64_t begin_time, end_time;    /* guest time, ns */
    uint64_t first_event, last_event; /* numbers of the events that opened and closed it */
    bool open;                        /* it had not ended when the trace ended */
    bool failed;                      /* closed by a `fail` condition of the profile */
    bool beside;                      /* its rule has `by`: many may be open at a time */
    bool inner;                       /* of a virtual machine: then also `beside`; its rule has no `by` */
    bool chain;                       /* its rule has `chain` */
    unsigned in;                      /* which of its rule's lines `in` it fulfils, from 0 */
    const char *note;                 /* the profile's note on it, or NULL */
    uint64_t took;                    /* guest time, ns; of folded stages, the sum */
    uint64_t steps;                   /* likewise; the machine was idle for the rest of `took` */
    size_t count;                     /* how many stages it stands for: 1, unless folded */
    bool folded;   /* short stages that stages_fold has put together, with what is inside them */
    unsigned fold; /* percent, from the profile */
    size_t rule;   /* number of the description in the profile */
    /* Whose time it was, guest time in ns; only if has_tasks. They add up to `took`, unless stages inside of
     * it run side by side. Of folded stages, the sums. */
    bool has_tasks;
    uint64_t own;    /* its task had a processor, outside of the stages inside of it */
    uint64_t others; /* its task had none, and others had; likewise outside of those */
    uint64_t waited; /* all processors were idle; likewise */
};

/* A stage's task is the one that began it; for a process's stage, all threads of the process; for a unit of
 * systemd (`child` in the profile), the process that was started for it, with all that this starts. It is not
 * known for stages that stand for something else, nor where a trace has no context switches.
 * core/story/task_time.h says what it means that a task has a processor. */

struct stages;

/* All stages as a tree: each comes after its parent, and those of one parent are in order of their beginning.
 * Cost: one pass over the events of the classes that the profile uses. NULL with err. */
struct stages *stages_build(struct trace *, const struct profile *, struct error *err);
/* The profile that the trace was recorded with (note "profile"); NULL if with none. 0, or -1 with err. */
int stages_profile(struct trace *, struct profile **, struct error *err);
/* stages_build with the profile of stages_profile, or the built-in one if there is none. NULL with err. */
struct stages *stages_of_trace(struct trace *, struct error *err);
void stages_free(struct stages *); /* NULL is allowed */
size_t stages_count(const struct stages *);
const struct stage *stages_get(const struct stages *, size_t i);
/* Whether any stage has_tasks. */
bool stages_have_tasks(const struct stages *);
/* The innermost stage at icount, or -1. Stages with `beside` do not count. */
long stages_at(const struct stages *, uint64_t icount);
/* The same, but of the virtual machine that began a stage last, if a machine has one there. */
long stages_at_inner(const struct stages *, uint64_t icount);
/* Puts together the short stages of a rule with `fold`, in each parent: the first of them then stands for
 * all, with what is inside them. */
void stages_fold(struct stages *);
/* Whether a chain is rather that of `a`'s parent than of `b`'s: the first `in` line of a rule is meant before the others, and an outer
 * stage (systemd's start-up) before one inside it (that of its initramfs). */
bool stage_chain_before(const struct stage *a, const struct stage *b);
/* The end of the chain: the stage with `chain` that ended last, in the first parent that has such stages by the
 * earliest line `in` of their rule. -1 if there is none. */
long stages_chain_end(const struct stages *);
/* Stage `of` and those that it waited for, of which each is, among the stages with `chain` in the same parent,
 * the one that ended last before the stage before it began. Returns how many; *chain is their numbers, to be
 * freed. Cost: that of sorting the stages. */
size_t stages_chain(const struct stages *, size_t of, size_t **chain);

/* The guest time from which the process that tells of the chain of stage `of` counts its own start: when it was executed, or took its name after
 * that (systemd: what `systemd-analyze` calls the beginning of userspace). The beginning of the stage that they are in, if that is not
 * known; 0 if they are in none. Cost: a walk back over the events of the class process. */
uint64_t stages_chain_zero(const struct stages *, size_t of, struct trace *t);

/* ---- the current stage of a machine that is being recorded ---- */

struct stages_watch;

/* The profile must outlive it. */
struct stages_watch *stages_watch_new(const struct profile *, const struct engine_config *);
void stages_watch_free(struct stages_watch *); /* NULL is allowed */
/* The events that it must see. */
uint32_t stages_watch_classes(struct stages_watch *);
void stages_watch_see(struct stages_watch *, const struct event *);
/* The innermost stage's name; "" if none is open. Valid until the next event. */
const char *stages_watch_now(const struct stages_watch *);

#endif

/* run.h - a program at work on a trace. Private to core/ask/. */
#ifndef BOOTREEL_CORE_ASK_RUN_H
#define BOOTREEL_CORE_ASK_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/ask/private/attach.h"
#include "core/ask/private/eval.h"
#include "core/run/replay.h"
#include "core/run/times.h"
#include "core/story/processes.h"
#include "core/story/stages.h"
#include "core/timeline/timeline.h"
#include "core/views/calls.h"
#include "traces/touched.h"

/* The fields of a tracepoint, as they are computed. */
struct ask_fields {
    const struct ask_tracepoint_row *row;
    const char *name[16];
    struct ask_node *node[16];
    size_t n;
    struct ask_node *when; /* NULL: always */
};

/* A place of a probe that fires by what the record says, or at a time: not where something is executed. */
struct ask_moment {
    const struct ask_probe *probe;
    const struct ask_place *place;
    size_t order;
    bool needs_machine;
    struct event_filter filter; /* P_EVENT, P_PROCESS */
    uint64_t count;             /* P_INTERVAL, P_PROFILE: of its next time */
};

/* A stage that begins or ends. */
struct ask_edge {
    uint64_t icount, time;
    size_t moment; /* in `moment` */
    const struct stage *stage;
};

/* A value of at(), which is evaluated once. */
struct ask_asked {
    const struct ask_node *node;
    struct ask_value value;
    atomic_bool known;
};

/* What all workers look up. */
struct ask_shared {
    const struct ask_options *o;
    const struct ask_program *p;
    struct kernel_types *kernel; /* NULL: none are needed */
    pthread_mutex_t lock;        /* of `kernel` where it reads code, and of progress */
    pthread_mutex_t asking;      /* of `asked` */
    struct stages *stages;       /* NULL: none are needed */
    struct ask_attached at;
    struct ask_program *own; /* has the nodes of: */
    struct ask_fields *fields;
    size_t nfields;
    struct ask_moment *moment;
    size_t nmoments;
    uint32_t classes; /* of the events that moments fire at */
    struct ask_edge *edge;
    size_t nedges;
    struct touched_index *index; /* NULL: all is run */
    uint64_t start;              /* the clock at guest time 0, s since 1970 */
    unsigned cpus;               /* of the machine */
    bool runs_all;               /* a time, or a number of steps, needs the machine */
    struct ask_asked *asked;
    size_t nasked;
    atomic_bool interrupted;
    atomic_uint_fast64_t steps;
};

/* A call in progress whose return is to fire. */
struct ask_pending {
    const struct ask_target *target;
    uint64_t back, sp, space; /* where it returns to, with that stack pointer; page tables, of a program */
    uint64_t argument[6];
};

struct ask_registers {
    size_t a[8], ip, sp, cr3; /* rdi, rsi, rdx, rcx, r8, r9, rax, rbx */
};

/* A machine of its own. One thread uses it at a time. */
struct ask_worker {
    struct ask_shared *s;
    struct trace *t;
    struct replay *r; /* NULL: nothing is run */
    struct engine *e;
    struct look look;
    struct observer observer;
    struct ask_types *types;
    struct ask_eval eval;
    struct text out;
    struct processes *processes;
    struct running_memory *memory;
    struct view_orc *orc;
    struct view_calls *calls;
    struct ask_registers reg;
    struct known_proto {
        bool asked, found;
        struct tree_type proto;
    } * proto; /* by target */
    struct known_variable {
        const char *name; /* of the program's node */
        bool found;
        uint64_t address;
        const struct ask_type *type;
    } * variable;
    size_t nvariables;
    int task_known; /* -1: not yet looked for */
    bool hot_known;
    uint64_t task_offset[4], hot_offset;
    /* of the firing */
    bool placed; /* the machine is there */
    uint64_t icount, time;
    unsigned cpu;
    const struct ask_target *target;
    const struct ask_pending *returns; /* NULL: it does not return from a function */
    const struct event *event;
    const struct ask_edge *edge;
    /* calls in progress, and where they return to */
    struct ask_pending *pending;
    size_t npending, pending_cap;
    uint64_t *back;
    size_t nbacks;
    bool more_stops; /* `back` has grown */
    /* what the record has next */
    struct trace_cursor *events;
    struct event next;
    uint64_t next_number;
    struct times *times; /* NULL: not yet needed */
    bool has_next;
    size_t next_edge;
    uint64_t *count;   /* by moment: of its next time */
    bool began;        /* `events` stands at `passed` */
    uint64_t passed;   /* up to where it has come */
    uint64_t from, to; /* the part */
    bool running;      /* the machine is in it */
    bool lost;         /* the record could not be read: */
    struct error trouble;
    uint64_t told; /* of progress */
};

extern const struct ask_world ask_machine;

/* machine.c */
void ask_worker_begin(struct ask_worker *w, struct ask_shared *s);
int ask_worker_open(struct ask_worker *w, struct error *err); /* a replay */
void ask_worker_end(struct ask_worker *w);
uint64_t ask_register(const struct ask_worker *w, size_t number);
/* Whether the target is there now, and what runs is its process. */
bool ask_runs_here(struct ask_worker *w, const struct ask_target *t);
bool ask_target_proto(struct ask_worker *w, const struct ask_target *t, struct tree_type *proto);

/* A part of the run, between two checkpoints or the ends of what is asked for. */
struct ask_stretch {
    uint64_t from, to, from_time, to_time; /* `to` is not included */
    bool run;                              /* a probe can fire in it where something is executed */
};
/* stretch.c: runs a part, or, where only the record has what fires, reads that. -1 with err. */
int ask_pass(struct ask_worker *w, const struct ask_stretch *part, struct error *err);
/* Fires a probe. */
void ask_fire_at(struct ask_worker *w, const struct ask_probe *probe, const struct ask_place *place);
/* Whether a call in progress may return in that part. */
bool ask_may_return(const struct ask_worker *w, uint64_t from, uint64_t to);
bool ask_may_execute(const struct ask_shared *s, enum touch what, uint64_t address, uint64_t length,
                     uint64_t from, uint64_t to);

#endif

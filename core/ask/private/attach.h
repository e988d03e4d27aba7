/* attach.h - where the probes of a program are in a trace. Private to core/ask/. */
#ifndef BOOTREEL_CORE_ASK_ATTACH_H
#define BOOTREEL_CORE_ASK_ATTACH_H

#include "core/ask/ask.h"
#include "core/ask/private/ast.h"
#include "core/symbols/type_tree.h"

/* A place where a probe fires: an address, as long as a table is mapped there. */
struct ask_target {
    const struct ask_probe *probe;
    const struct ask_place *place;
    size_t order; /* of the probe in the program */
    uint64_t address, since, until;
    symbol_space space;
    const char *function, *table;                /* NULL: no symbol */
    const struct ask_tracepoint_row *tracepoint; /* NULL: none */
    char *written; /* of a pattern: the probe that this is, "kprobe:vfs_read"; NULL: as it is written */
    bool entry;    /* the beginning of a function: it has arguments */
    bool leaves;   /* the probe fires when it returns */
    bool program;  /* it is in a process */
};

/* The targets at one address. */
struct ask_point {
    uint64_t address;
    size_t first, n;
    uint64_t length; /* watched bytes; 0: an instruction */
    bool on_read, on_write;
};

struct ask_attached {
    struct ask_target *target; /* by address, then by the order of the probes */
    size_t ntargets;
    struct ask_point *point;
    size_t npoints;
    size_t places; /* that were attached: what bpftrace counts */
};

/* -1 with err if a place is nowhere in the trace. `k`: the kernel's types, or NULL. */
int ask_attach(const struct ask_options *o, const struct kernel_types *k, struct ask_attached *a,
               struct ask_error *err);
void ask_detach(struct ask_attached *a);
/* "sys_enter_openat", of a row sys_enter_* that is at __x64_sys_openat. */
void ask_tracepoint_name(const struct ask_target *t, char *buf, size_t size);

/* ---------------------------------------------------------------- tracepoints (core/ask/tracepoints.c) */

/* A tracepoint by the function that is called where it is. */
struct ask_tracepoint_row {
    const char *group, *name;
    const char *function; /* a pattern ends with '*': the rest of its name is that of `name` */
    bool leaves;          /* it is where the function returns */
    /* Its fields: NAME=EXPRESSION of the function's arguments, arg0 …, retval; ended by NULL. */
    const char *const *fields;
    bool syscall;     /* its arguments are in a struct pt_regs, and named by the kernel's own data */
    const char *when; /* it fires only where this holds: an expression as of the fields; NULL: always */
};
/* The i-th row; NULL beyond the last. */
const struct ask_tracepoint_row *ask_tracepoint(size_t i);

#endif

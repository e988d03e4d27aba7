/* exits.h - why the guests of a hypervisor in the machine were left, by reason and by stage, from the record's events. */
#ifndef BOOTREEL_CORE_RAN_EXITS_H
#define BOOTREEL_CORE_RAN_EXITS_H

#include "core/story/stages.h"
#include "traces/trace.h"

/* Exits of one reason (all of it, or within a stage). Times are guest time in ns. */
struct exits_row {
    char name[64]; /* as event_exit_name() has it */
    long stage;    /* -1: in none, or not asked for */
    uint64_t count;
    uint64_t first;       /* icount */
    uint64_t away, model; /* until the guest was entered again; and how much of it its device model took */
};

struct exits {
    struct exits_row *row; /* stages in their order, in each the most frequent first */
    size_t n;
    uint64_t entries, exits, injected, refused;
    uint64_t inside, away, model; /* guest time in guests, out of them, in device models, ns */
    bool estimated;               /* loops were folded in others, whose rounds the trace does not have */
    bool answers;                 /* the trace tells of device models */
};

/* 0 if the trace tells of exits; else -1 with why not, and what to do. */
int exits_refused(const struct trace *t, const char *path, struct error *err);
/* `stages` NULL: those of all stages together; else a stage of the machine inside, where it has one. -1 with err. Cost: a pass over the events of the classes virt and hypercall. */
int exits_read(struct trace *t, const struct stages *stages, struct exits *out, struct error *err);
void exits_clear(struct exits *x);

#endif

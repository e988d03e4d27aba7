/* look.h - a machine as it stands: for those who read it while somebody else runs it.
 *
 * A look is a handle, passed by value. It owns nothing, and shows what the engine holds at each call; it is
 * valid as long as the engine. `cpu` is a processor, or ENGINE_TASK and a task (engine.h). Nothing here has
 * side effects. */
#ifndef BOOTREEL_CORE_ENGINE_LOOK_H
#define BOOTREEL_CORE_ENGINE_LOOK_H

#include "core/engine/engine.h"

struct look {
    struct engine *engine; /* for look.c alone */
    bool diverted; /* the machine has left the record: at one icount it may differ from the recorded one */
};

/* A look at an engine; the caller knows whether it has left the record. */
static inline struct look look_of(struct engine *e, bool diverted)
{
    return (struct look){.engine = e, .diverted = diverted};
}

uint64_t look_icount(struct look m);
unsigned look_cpus(struct look m);
/* Whether there is such a processor or task here. */
bool look_has(struct look m, unsigned cpu);
/* Whether the engine has tasks. look_tasks fills in at most n of them, and returns how many there are
 * here. */
bool look_has_tasks(struct look m);
size_t look_tasks(struct look m, struct engine_task *list, size_t n);
/* How many steps a task has executed up to here; false if there is no such task here. */
bool look_task_steps(struct look m, uint32_t task, uint64_t *steps);
const struct reg_desc *look_regs(struct look m, size_t *count);
/* Index of a register, or -1. */
int look_reg_index(struct look m, const char *name);
/* -1 if there is no such processor, task or register. */
int look_reg_get(struct look m, unsigned cpu, size_t reg, void *value);
/* By name, as a number (the low 64 bits); 0 if there is no such register. */
uint64_t look_reg(struct look m, unsigned cpu, const char *name);
/* 16, 32 or 64; 0 if there is no such processor or task. */
unsigned look_code_bits(struct look m, unsigned cpu);
/* Linear address of the next instruction (CS base + IP). */
uint64_t look_pc(struct look m, unsigned cpu);
/* How many of the n bytes were read: fewer where memory ends or is not mapped. */
size_t look_peek(struct look m, unsigned cpu, uint64_t linear, void *buf, size_t n);
size_t look_peek_physical(struct look m, uint64_t address, void *buf, size_t n);
/* The guest of the machine's own virtualization that a processor runs; false if it runs none. */
bool look_inner(struct look m, unsigned cpu, struct engine_inner *in);
/* Where in the machine a physical address is of what a processor runs: that guest's while it runs one with nested page tables, else itself. False if it
 * is not mapped there. */
bool look_to_machine(struct look m, unsigned cpu, uint64_t address, uint64_t *machine);
/* As look_peek_physical, for such an address. */
size_t look_peek_inner(struct look m, unsigned cpu, uint64_t address, void *buf, size_t n);
/* Calls `section` with each section of the state, as snapshot_sink.section. Cost: a look at each page of memory. */
void look_sections(struct look m,
                   void (*section)(void *ctx, const char *name, const struct field *fields, size_t nfields,
                                   const void *base),
                   void *ctx);
/* See engine_ops.view_physical and engine_ops.display. */
const void *look_view_physical(struct look m, uint64_t address, size_t n);
bool look_display(struct look m, struct display *d, struct display_cell *cells, size_t ncells, uint8_t *rgb,
                  size_t nrgb);
/* See engine_ops.pci. */
bool look_pci(struct look m, unsigned devfn, struct engine_pci *p);
/* See engine_ops.screen. */
size_t look_screen(struct look m, char *buf, size_t size);

#endif

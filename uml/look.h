/* look.h - registers and memory for those who look from outside: functions of struct engine_ops. Private to uml/. */
#ifndef BOOTREEL_UML_LOOK_H
#define BOOTREEL_UML_LOOK_H

#include "uml/host.h"

/* ---- look.c: registers and memory, for those who look: functions of struct engine_ops ---- */
void host_look_begin(struct host *h);
void host_look_end(struct host *h);
size_t host_tasks(const struct engine *e, struct engine_task *list, size_t n);
uint32_t host_running(const struct engine *e);
const struct reg_desc *host_regs(const struct engine *e, size_t *count);
int host_reg_get(const struct engine *e, unsigned cpu, size_t reg, void *value);
int host_reg_set(struct engine *e, unsigned cpu, size_t reg, const void *value);
unsigned host_cpus(const struct engine *e);
unsigned host_code_bits(const struct engine *e, unsigned cpu);
size_t host_peek(const struct engine *e, unsigned cpu, uint64_t linear, void *buf, size_t n);
size_t host_poke(struct engine *e, unsigned cpu, uint64_t linear, const void *buf, size_t n);
size_t host_peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n);
size_t host_poke_physical(struct engine *e, uint64_t address, const void *buf, size_t n);

#endif

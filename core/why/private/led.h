/* led.h - what led to the end of a boot. Each function that returns whether it is so gives the verdict and its evidence, too. Private to
 * core/why/. */
#ifndef BOOTREEL_CORE_WHY_LED_H
#define BOOTREEL_CORE_WHY_LED_H

#include "core/why/private/loops.h"

/* The exception that the processor met shortly before it stopped, if there is no kernel, for which exceptions are no mistakes; else NULL. */
const struct event *led_exception(struct why_case *c, unsigned cpu, uint64_t icount);
/* What led to that exception, if it is known: a frame or a pointer that was overwritten, a jump that went astray. */
bool led_earlier(struct why_case *c, struct finding *f, const struct event *ev);
/* Adds to `why` what that exception was, and the evidence. */
void led_exception_lines(struct why_case *c, struct finding *f, const struct event *ev, struct text *why);
/* Interrupts are off since one whose handler has not returned. `then` ends the sentence. */
bool led_no_return(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, const char *then);
/* The position is in the handler of an interrupt, which has not returned by IRET: which one, and its name. No verdict. */
bool led_in_interrupt(struct why_case *c, unsigned cpu, uint64_t icount, struct event *irq, char name[80]);
/* What was said at the end reads like an error. `then`: what the machine does since. */
bool led_error_said(struct why_case *c, struct finding *f, uint64_t icount, const char *then);
/* The last line was printed by a UEFI program just after the firmware had refused it something: in whatever words, that is what it tells. Programs ask
 * for much that may not be there, so the caller knows that nothing goes on, and that nobody is asked for a key. */
bool led_refused_said(struct why_case *c, struct finding *f, const char *then);
/* Adds what the end of any boot has as evidence: its boot sector, the kernel's log, the last lines. */
void led_end_lines(struct why_case *c, struct finding *f);

/* Where a processor that was started by another ran zeros as code; NULL if it has not, or is the first. No verdict. */
const struct event *ran_zeros(struct why_case *c, unsigned cpu);
/* Gives the verdict on an exception whose handler returns to the same instruction, which meets it again: what led to the first of them. */
void exception_again(struct why_case *c, struct finding *f, const struct event *first);

/* Whether an interrupt has come in the last second of guest time, or the last half of a shorter boot. No verdict. */
bool interrupts_lately(struct why_case *c);
/* An interrupt comes again and again before its handler has returned. */
bool interrupts_nested(struct why_case *c, struct finding *f, unsigned cpu);
/* A line of the 8259A is raised, and cannot get through to a processor that has interrupts on. */
bool interrupts_held_back(struct why_case *c, struct finding *f, unsigned cpu, const struct cpu_loop *l);
/* An interrupt comes again as soon as its handler has returned. */
bool interrupts_storm(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu);

#endif

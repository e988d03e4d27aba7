/* refusal.h - what about an instruction its processor refuses: the reason of a #GP or #SS, which no error code tells. */
#ifndef BOOTREEL_CORE_CASE_REFUSAL_H
#define BOOTREEL_CORE_CASE_REFUSAL_H

#include "core/case/case.h"

/* Adds the reason why the next instruction of that processor, at the position of c->tl, raises that exception, as the end of a
 * sentence: "ds:0xc0000000 is beyond the segment's limit, 0xffff". False if it cannot be told. The position stays. */
bool refusal_text(struct why_case *c, unsigned cpu, uint64_t vector, uint64_t error, struct text *out);

/* Whether that instruction is a near return to where the processor does not go. *target: where; *at: the linear address of the return
 * address. */
bool refused_return(struct why_case *c, unsigned cpu, uint64_t *target, uint64_t *at);

#endif

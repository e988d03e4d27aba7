/* storm.h - exceptions that were met in the handlers of others, and the first of them. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_STORM_H
#define BOOTREEL_CORE_WHY_STORM_H

#include "core/why/private/explainers.h"

/* A run of exceptions of one processor, none of whose handlers has returned before the next. */
struct storm {
    const struct event *first,
        *second; /* the second is at another instruction than the first; NULL: there is none */
    const struct event *last;
    uint64_t count; /* of all, also those that the record has folded */
};

/* The run that ends with the last exception before `icount`, or with the last one before a triple fault there. False if there is none within `near` steps of it. */
bool storm_find(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t near, struct storm *s);

/* Whether an exception was met by an IRET whose frame has an error code on top of it: what would be CS is an address, what would be EIP is
 * an error code, and the frame behind it is good. *code: the error code. */
bool storm_error_code(struct why_case *c, const struct event *ev, uint64_t *code);

/* The boot ends in the same exception at the same instruction again and again, which the record has folded: the first of them. NULL if not. */
const struct event *storm_at_end(struct why_case *c);

/* The handler of an exception has not returned up to a position: what happens there happens in it. */
bool storm_in_handler(struct why_case *c, const struct event *ev, uint64_t icount);

#endif

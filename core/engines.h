/* engines.h - which engines there are, as data; how their stops are called. Only cli/ fills a table of
 * engines, since only cli/ knows them. */
#ifndef BOOTREEL_CORE_ENGINES_H
#define BOOTREEL_CORE_ENGINES_H

#include "core/engine.h"

/* What has to be known of an engine before one is built. */
struct engine_kind {
    const char *name;   /* as engine_ops.name: "pc" */
    uint32_t behaviour; /* as engine_ops.behaviour */
    uint64_t step_ns;   /* guest nanoseconds a step takes; 0: not constant */
    struct engine *(*create)(const struct engine_config *cfg, struct error *err);
    const struct engine_words *words; /* what its events mean; NULL: it does not say */
};

/* The word for a stop in traces and messages: "reached", "power-off", "guest-fault" … */
static inline const char *stop_word(enum stop_reason reason)
{
    static const char *const words[] = {
        [STOP_REACHED] = "reached",
        [STOP_IDLE] = "idle",
        [STOP_HALTED] = "halted",
        [STOP_POWER_OFF] = "power-off",
        [STOP_RESET] = "reset",
        [STOP_GUEST_FAULT] = "guest-fault",
        [STOP_BREAKPOINT] = "breakpoint",
        [STOP_WATCHPOINT] = "watchpoint",
        [STOP_INTERRUPTED] = "interrupted",
    };
    return words[reason];
}

#endif

/* engines.h - descriptions of the available engines, and the names of their stop reasons. Only cli/ fills a
 * table of engines, since only cli/ knows them. */
#ifndef BOOTREEL_CORE_ENGINE_ENGINES_H
#define BOOTREEL_CORE_ENGINE_ENGINES_H

#include <stdlib.h>

#include "core/engine/engine.h"
#include "traces/trace.h"

/* What must be known about an engine before one is created. */
struct engine_kind {
    const char *name;   /* as engine_ops.name: "pc" */
    uint32_t behaviour; /* as engine_ops.behaviour */
    uint64_t step_ns;   /* guest nanoseconds per step; 0 if not constant */
    struct engine *(*create)(const struct engine_config *cfg, struct error *err);
    const struct engine_words *words; /* what its events mean, or NULL */
    /* The oldest behaviour version that it can still run as, if asked to by engine_config.behaviour; 0: only
     * its own. */
    uint32_t oldest;
    const struct engine_past
        *past; /* the versions before that, up to a row of zeros; NULL: nobody knows them */
    bool
        no_reset; /* nothing resets it, so it never stops with STOP_RESET: where a boot repeats, it says so by other events */
    struct engine_host host; /* for those who create one: engine_config.host */
    const char *unpacked;    /* for those who record or replay: trace_prepare()'s folder, or NULL */
};

/* The machine of a trace, without images: as long as the trace is open. */
static inline struct engine_config engine_config_of(const struct trace *t)
{
    const struct trace_config *cfg = trace_config(t);
    return (struct engine_config){
        .settings = cfg->settings, .nsettings = cfg->nsettings, .behaviour = cfg->behaviour};
}

/* The physical address behind the last byte of RAM of a trace's machine. */
static inline uint64_t engine_ram_end(const struct engine_kind *kind, const struct trace *t)
{
    const struct engine_config cfg = engine_config_of(t);
    return kind->words && kind->words->ram_end ? kind->words->ram_end(&cfg) : trace_memory(t);
}

/* The oldest behaviour version whose recordings the engine replays. */
static inline uint32_t engine_oldest(const struct engine_kind *kind)
{
    return kind->oldest ? kind->oldest : kind->behaviour;
}

/* How code is executed, by the values of environment variables (docs/compiler.md). `compile`: after how many
 * entries code is compiled, "0" for never; then, optionally, "v" and the level. `wrong`: as in the result.
 * NULL or "": as usual. */
static inline struct engine_host engine_host_of(const char *compile, const char *wrong)
{
    const bool given = compile && *compile;
    char *end = NULL;
    const unsigned long n = given ? strtoul(compile, &end, 10) : 0;
    return (struct engine_host){.interpret = given && !n,
                                .compile_after = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX),
                                .level = (uint8_t)(given && *end == 'v' ? strtoul(end + 1, NULL, 10) : 0),
                                .wrong = wrong && *wrong ? wrong : NULL};
}

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

/* host_asked.h - machines of tests and benchmarks execute code as $BOOTREEL_COMPILE says, as those of bootreel do. */
#ifndef BOOTREEL_TESTS_HOST_ASKED_H
#define BOOTREEL_TESTS_HOST_ASKED_H

#include "core/engine/engines.h"
#include "hv/hv.h"

static inline struct engine_host host_asked(void)
{
    return engine_host_of(getenv("BOOTREEL_COMPILE"), NULL);
}

/* hv_create() of a machine that executes code as $BOOTREEL_COMPILE says. */
static inline struct engine *pc_as_asked(const struct engine_config *cfg, struct error *err)
{
    struct engine_config own = *cfg;
    own.host = host_asked();
    own.host.keeps_zeros = cfg->host.keeps_zeros;
    return hv_create(&own, err);
}

#endif

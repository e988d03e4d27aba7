/* engines.c - the list of engines. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "hv/hv.h"
#include "uml/uml.h"

/* A step of either takes one nanosecond of guest time. */
static const struct engines all_engines = {{
    {.name = "pc",
     .behaviour = HV_BEHAVIOUR,
     .step_ns = 1,
     .create = hv_create,
     .words = &hv_words,
     .oldest = HV_OLDEST,
     .past = hv_past},
    {.name = "linux",
     .behaviour = UML_BEHAVIOUR,
     .step_ns = 1,
     .create = uml_create,
     .oldest = UML_OLDEST,
     .past = uml_past,
     .no_reset = true},
}};

struct engines engines_here(const char *unpacked)
{
    struct engines here = all_engines;
    const struct engine_host host =
        engine_host_of(getenv("BOOTREEL_COMPILE"), getenv("BOOTREEL_COMPILE_WRONG"));
    for (unsigned i = 0; i < ENGINES; i++) {
        here.kind[i].host = host;
        here.kind[i].unpacked = unpacked;
    }
    return here;
}

const struct engine_kind *engine_find(const struct engines *engines, const char *name, struct error *err)
{
    for (unsigned i = 0; i < ENGINES; i++)
        if (!strcmp(engines->kind[i].name, name))
            return &engines->kind[i];
    error_set(
        err,
        "the trace was recorded by the engine \"%.40s\", which this version does not have: use the version "
        "that recorded it",
        name);
    return NULL;
}

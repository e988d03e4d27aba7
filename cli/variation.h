/* variation.h - the options --vary, --seed and --schedule. Private to cli/. */
#ifndef BOOTREEL_CLI_VARIATION_H
#define BOOTREEL_CLI_VARIATION_H

#include "base/error.h"
#include "base/text.h"
#include "core/engine/engine.h"

/* errors=net: frames to the guest are lost, doubled, delayed or damaged. It is what --net's mangle= is, and no setting of its own. */
struct variation_net {
    bool given, seeded;
    unsigned percent;
    uint64_t seed;
};

struct variation {
    struct text kinds;              /* without from=; the setting "vary" */
    uint64_t seed, from, from_time; /* from: an icount; from_time: ns of guest time */
    bool seeded;
    struct engine_call_error call[ENGINE_CALL_ERRORS]; /* errors=call among the kinds */
    size_t ncalls;
    struct engine_function at[ENGINE_TURNS_AT]; /* turns=at among them */
    size_t nat;
    struct variation_net net;
    char *schedule; /* the setting "schedule": choices with "; " between them; or NULL */
};

/* Adds the kinds of an option --vary. -1 with err if it names what does not exist. */
int variation_add(struct variation *v, const char *value, struct error *err);
/* Reads a file of choices. -1 with err. */
int variation_schedule(struct variation *v, const char *path, struct error *err);
/* Whether a machine with so many processors, and devices on USB, has what is varied. -1 with err. */
int variation_check(const struct variation *v, unsigned cpus, unsigned usb, struct error *err);
void variation_free(struct variation *v);

#endif

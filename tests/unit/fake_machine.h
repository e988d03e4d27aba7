/* fake_machine.h - a machine that executes nothing, for tests of guest systems: it has registers and stops,
 * and the test says what is reached. What is in memory is the test's own. After cmocka.h.
 */
#ifndef BOOTREEL_TESTS_UNIT_FAKE_MACHINE_H
#define BOOTREEL_TESTS_UNIT_FAKE_MACHINE_H

#include <string.h>

#include "core/story/inspector.h"

enum { FAKE_REGISTERS = 16, FAKE_STOPS = 1024 };

/* The beginning of the test's machine. */
struct fake_machine {
    struct engine e;
    const struct reg_desc *names; /* of the registers */
    size_t nnames;
    uint64_t reg[FAKE_REGISTERS];
    struct stop_point stops[FAKE_STOPS];
    size_t nstops;
    uint64_t icount; /* guest time as well */
    struct setting setting;
    struct engine_config config;
};

static inline struct fake_machine *fake_of(const struct engine *e)
{
    return (struct fake_machine *)e;
}

static inline uint64_t fake_icount(const struct engine *e)
{
    return fake_of(e)->icount;
}

static inline const struct reg_desc *fake_registers(const struct engine *e, size_t *n)
{
    *n = fake_of(e)->nnames;
    return fake_of(e)->names;
}

static inline int fake_register(const struct engine *e, unsigned cpu, size_t reg, void *value)
{
    memcpy(value, &fake_of(e)->reg[reg], 8);
    return 0;
}

static inline unsigned fake_code_bits(const struct engine *e, unsigned cpu)
{
    return 64;
}

static inline void fake_stops(struct engine *e, const struct stop_point *stops, size_t n)
{
    assert_true(n <= FAKE_STOPS);
    if (n)
        memcpy(fake_of(e)->stops, stops, n * sizeof *stops);
    fake_of(e)->nstops = n;
}

/* The rest of its operations is the test's. */
#define FAKE_OPS                                                                                             \
    .name = "fake", .time = fake_icount, .icount = fake_icount, .regs = fake_registers,                      \
    .reg_get = fake_register, .code_bits = fake_code_bits, .stops = fake_stops

/* An inspector for the systems, as the setting `inspect` chooses; it has begun. Members of `o` that are not
 * set here are the test's. */
static inline struct inspector *fake_inspect(struct fake_machine *m, const char *inspect,
                                             struct inspector_options o)
{
    struct error err;
    m->setting = (struct setting){"inspect", inspect};
    m->config = (struct engine_config){.settings = &m->setting, .nsettings = 1};
    o.engine = &m->e;
    o.config = &m->config;
    o.classes = EVENT_CLASSES_ALL;
    struct inspector *in = inspector_create(&o, &err);
    if (!in)
        fail_msg("%s", err.text);
    inspector_start(in);
    return in;
}

#endif

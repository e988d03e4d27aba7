/* real_mode.h - one processor in real mode, with segments at 0, and memory, for tests of what it does there. */
#ifndef BOOTREEL_TESTS_UNIT_REAL_MODE_H
#define BOOTREEL_TESTS_UNIT_REAL_MODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hv/x86/x86.h"
#include "tests/host_asked.h"

enum { RAM = 1 << 20 };

struct machine {
    struct physmem *mem;
    uint8_t *ram;
    struct x86 *cpu;
};

static inline struct machine real_mode_machine_on(const struct x86_bus *bus)
{
    const struct engine_host host = host_asked();
    struct machine m = {.mem = physmem_create(1ull << 32, &host)};
    struct ramblock *ram = physmem_block(m.mem, "ram", RAM);
    physmem_map(m.mem, 0, RAM, ram, 0, ram, 0, false);
    m.ram = ramblock_host(ram);
    assert_non_null(m.cpu = x86_create(m.mem, bus, 0, "max", NULL));
    x86_set_segment(m.cpu, "cs", 0, 0, 0xffff, 0x9b);
    x86_set(m.cpu, "rsp", 0x8000);
    return m;
}
static inline struct machine real_mode_machine(void)
{
    return real_mode_machine_on(&x86_empty_bus);
}

/* Turns on 32-bit paging, and makes the code 32-bit. The first pages map themselves; their entries are from PAGE_TABLE on. */
enum { PAGE_DIRECTORY = 0x10000, PAGE_TABLE = 0x11000, PAGES_MAPPED = 32, PAGE_PRESENT = 0x63 };
static inline void real_mode_leave(struct machine *m)
{
    for (uint32_t i = 0; i < PAGES_MAPPED; i++)
        memcpy(m->ram + PAGE_TABLE + 4 * i, &(uint32_t){i << 12 | PAGE_PRESENT}, 4);
    memcpy(m->ram + PAGE_DIRECTORY, &(uint32_t){PAGE_TABLE | PAGE_PRESENT}, 4);
    x86_set(m->cpu, "cr3", PAGE_DIRECTORY);
    x86_set(m->cpu, "cr0", 0x80000011);
    x86_set_segment(m->cpu, "cs", 8, 0, UINT32_MAX, 0xc09b);
}

static inline void machine_free(struct machine *m)
{
    x86_destroy(m->cpu);
    physmem_destroy(m->mem);
}

static inline void run(struct machine *m, uint64_t steps)
{
    for (uint64_t done; steps; steps -= done) {
        enum x86_exit how = x86_run(m->cpu, steps, &done);
        assert_true(how == X86_DONE || how == X86_BREAK || how == X86_STOP);
    }
}

#endif

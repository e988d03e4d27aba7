/* fake_kernel.h - a Linux kernel made up for tests: functions that a test enters and leaves, and objects in memory as a kernel has
 * them. What core/systems/linux tells of it is kept as text, a line for each event. After cmocka.h.
 */
#ifndef BOOTREEL_TESTS_UNIT_FAKE_KERNEL_H
#define BOOTREEL_TESTS_UNIT_FAKE_KERNEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/systems/linux/private/impl.h"
#include "tests/unit/fake_machine.h"

enum {
    KERNEL_MEMORY = 1 << 18,
    CODE_ROOM = 0x40,
    OBJECT = 0x400,
    PAGE_OFFSET = 0x20000,
    OBJECTS = 0x4000,
    STACK = 0x3f800
};
/* A function that does nothing, in machine code: its entry is not its exit. */
#define RETURNS "\x90\xc3"

struct kernel {
    struct fake_machine fake;
    struct linux_guest *lx;
    struct probes *probes;
    struct symbols *symbols;
    struct symbol_table *table; /* until kernel_begins() */
    uint64_t base;              /* of its memory */
    uint64_t code, free;        /* where the next function and the next object go */
    uint8_t memory[KERNEL_MEMORY];
    char events[8000];
    char names[800]; /* of events that are not shown */
};

static const struct reg_desc kernel_registers[] = {
    {"rax", 64, REG_GENERAL}, {"rbx", 64, REG_GENERAL},     {"rcx", 64, REG_GENERAL},
    {"rdx", 64, REG_GENERAL}, {"rsi", 64, REG_GENERAL},     {"rdi", 64, REG_GENERAL},
    {"rbp", 64, REG_GENERAL}, {"rsp", 64, REG_GENERAL},     {"r8", 64, REG_GENERAL},
    {"r9", 64, REG_GENERAL},  {"rip", 64, REG_GENERAL},     {"cpl", 64, REG_GENERAL},
    {"cr3", 64, REG_CONTROL}, {"gs_base", 64, REG_SEGMENT}, {"k_gs_base", 64, REG_SEGMENT}};
enum {
    K_RAX,
    K_RBX,
    K_RCX,
    K_RDX,
    K_RSI,
    K_RDI,
    K_RBP,
    K_RSP,
    K_R8,
    K_R9,
    K_RIP,
    K_CPL,
    K_CR3,
    K_GS,
    K_KERNEL_GS
};

/* ---------------------------------------------------------------- memory */

static inline uint8_t *kernel_place(struct kernel *k, uint64_t address, size_t n)
{
    assert_true(address >= k->base && address - k->base + n <= KERNEL_MEMORY);
    return k->memory + (address - k->base);
}

static inline size_t kernel_peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    const struct kernel *k = (const struct kernel *)e;
    const uint64_t at = address - k->base, left = at < KERNEL_MEMORY ? KERNEL_MEMORY - at : 0;
    n = n < left ? n : (size_t)left;
    memcpy(buf, k->memory + (n ? at : 0), n);
    return n;
}

/* Physical memory is the kernel's, from 0 on. */
static inline size_t kernel_peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    return kernel_peek(e, 0, address + ((const struct kernel *)e)->base, buf, n);
}

static inline unsigned kernel_cpus(const struct engine *e)
{
    return 1;
}

static const struct engine_ops kernel_ops = {FAKE_OPS, .cpus = kernel_cpus, .peek = kernel_peek,
                                             .peek_physical = kernel_peek_physical};

static inline void put(struct kernel *k, uint64_t address, uint64_t value, unsigned bytes)
{
    memcpy(kernel_place(k, address, bytes), &value, bytes);
}

/* A pointer's width. */
static inline void put_word(struct kernel *k, uint64_t address, uint64_t value)
{
    put(k, address, value, k->lx->base.word);
}

static inline void put_text(struct kernel *k, uint64_t address, const char *text)
{
    memcpy(kernel_place(k, address, strlen(text) + 1), text, strlen(text) + 1);
}

/* A new object, all zero. */
static inline uint64_t object(struct kernel *k)
{
    const uint64_t at = k->free;
    k->free += OBJECT;
    (void)kernel_place(k, at, OBJECT);
    return at;
}

static inline uint64_t text_object(struct kernel *k, const char *text)
{
    const uint64_t at = object(k);
    put_text(k, at, text);
    return at;
}

/* ---------------------------------------------------------------- what is told */

static inline void kernel_event(void *ctx, const struct event *ev)
{
    struct kernel *k = ctx;
    const size_t n = strlen(k->events);
    char text[1000];
    event_text(ev, text, sizeof text);
    snprintf(k->events + n, sizeof k->events - n, "%s\n", text);
}

static inline void kernel_ignores(void *ctx) {}

static inline void tells(struct kernel *k, const char *want)
{
    assert_string_equal(k->events, want);
    k->events[0] = 0;
}

/* ---------------------------------------------------------------- the kernel */

/* `word`: 8 or 4. */
static inline struct kernel *kernel_new(unsigned word)
{
    struct kernel *k = mem_zero(1, sizeof *k);
    k->fake.e.ops = &kernel_ops;
    k->fake.names = kernel_registers;
    k->fake.nnames = sizeof kernel_registers / sizeof kernel_registers[0];
    k->base = word == 8 ? 0xffffffff81000000 : 0xc1000000;
    k->code = k->base + 0x1000;
    k->free = k->base + OBJECTS;
    k->probes = probes_new(&k->fake.e);
    k->symbols = symbols_new();
    k->table = symbol_table_begin(k->symbols, "kernel", "kallsyms");
    const struct guest_options o = {.engine = &k->fake.e,
                                    .probes = k->probes,
                                    .symbols = k->symbols,
                                    .classes = EVENT_CLASSES_ALL,
                                    .ctx = k,
                                    .emit = kernel_event,
                                    .symbols_changed = kernel_ignores};
    k->lx = (struct linux_guest *)linux_system.create(&o);
    k->lx->base.word = word;
    k->lx->base.space = symbol_space_of(0, 0);
    k->lx->text = k->base;
    k->lx->image_size = KERNEL_MEMORY;
    k->lx->state = LX_FOUND;
    memset(&k->lx->types, 0xff, offsetof(struct linux_types, count)); /* no member is known */
    k->lx->types.count = 1;
    return k;
}

static inline void variable(struct kernel *k, const char *name, uint64_t address)
{
    symbol_table_add(k->table, name, address, 8, 'D', SYMBOL_SIZED);
}

/* A function with that code, of n bytes. */
static inline uint64_t function_of(struct kernel *k, const char *name, const char *code, size_t n)
{
    const uint64_t at = k->code;
    memcpy(kernel_place(k, at, n), code, n);
    symbol_table_add(k->table, name, at, n, 'T', SYMBOL_SIZED);
    k->code += CODE_ROOM;
    return at;
}
#define FUNCTION(k, name, code) function_of(k, name, code, sizeof code - 1)

static inline void functions(struct kernel *k, const char *const *names)
{
    for (; *names; names++)
        FUNCTION(k, *names, RETURNS);
}

/* All symbols are there. */
static inline void kernel_begins(struct kernel *k)
{
    const struct symbol_table *t = symbol_table_end(k->table);
    symbols_map(k->symbols, &(struct symbol_mapping){.table = t, .space = k->lx->base.space});
    k->lx->base.hooks = base_hooks_new(&k->lx->base);
    k->fake.reg[K_RSP] = k->base + STACK;
}

static inline void kernel_free(struct kernel *k)
{
    linux_system.destroy(&k->lx->base.guest);
    probes_free(k->probes);
    symbols_free(k->symbols);
    free(k);
}

/* ---------------------------------------------------------------- it runs */

/* An instruction there is about to execute, a microsecond after the one before. */
static inline void executes(struct kernel *k, uint64_t address)
{
    k->fake.icount += 1000;
    for (size_t i = 0; i < k->fake.nstops; i++)
        if (k->fake.stops[i].address == address) {
            probes_reached(k->probes, k->fake.stops[i].id, 0, k->fake.icount);
            return;
        }
}

static inline uint64_t address_of(struct kernel *k, const char *name)
{
    const uint64_t at = lx_symbol(k->lx, name);
    assert_true(at);
    return at;
}

/* A function is entered with up to six arguments, as 64-bit kernels pass them. */
static inline void enters_with(struct kernel *k, const char *name, const uint64_t *a, size_t n)
{
    static const uint8_t where[] = {K_RDI, K_RSI, K_RDX, K_RCX, K_R8, K_R9};
    probes_apply(k->probes);
    for (size_t i = 0; i < n; i++)
        k->fake.reg[where[i]] = a[i];
    executes(k, address_of(k, name));
}
#define ENTERS(k, name, ...)                                                                                 \
    enters_with(k, name, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

/* It returns, by the last of its instructions. */
static inline void leaves(struct kernel *k, const char *name, uint64_t result)
{
    struct symbol s;
    assert_true(lx_function(k->lx, name, &s));
    k->fake.reg[K_RAX] = result;
    executes(k, s.address + s.size - 1);
}
#define CALLS(k, name, result, ...)                                                                          \
    do {                                                                                                     \
        ENTERS(k, name, __VA_ARGS__);                                                                        \
        leaves(k, name, result);                                                                             \
    } while (0)

#endif

/* test_strings.c - repeated string instructions, several iterations at a time against one at a time. Two machines with the same random
 * page tables, segments, registers and watchpoints execute the same instruction: one in runs of random length, the other in runs of one
 * step. They agree after each run in everything: registers, flags, memory, page tables, accesses to devices, stops, and the step at which
 * each of these came.
 *
 * Environment: STRINGS how many instructions (default 700), STRINGS_SEED the first one's seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/x86/decode/decode.h"
#include "hv/x86/exec.h"
#include "hv/x86/system/sys.h"
#include "tests/host_asked.h"

/* Physical memory: tables, a page of code, and what the data's pages are mapped to; nothing above RAM. Linear addresses: the code; and
 * data in two windows whose pages contend for slots of the TLB. */
enum {
    RAM = 0x100000,
    TABLES = 0x1000,
    CODE = 0x10000,
    FRAMES = 0x20, /* the first frame of data */
    NFRAMES = 12,
    DATA = 0x40000,
    PAGES = 8,
    WINDOW = TLB_SIZE << 12,
    LOG = 1 << 17,
};

/* What happened outside the processor, and when. */
struct happening {
    uint64_t what, at, value, step;
};

struct machine {
    struct physmem *mem;
    uint8_t *ram;
    struct x86 *cpu;
    uint64_t steps; /* before the current run */
    struct happening log[LOG];
    unsigned n;
};

static uint64_t seed;

static unsigned pick(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}
static bool one_in(unsigned n)
{
    return !pick(n);
}

static void happens(struct machine *m, uint64_t what, uint64_t at, uint64_t value)
{
    assert_true(m->n < LOG);
    m->log[m->n++] = (struct happening){what, at, value, m->steps + x86_steps(m->cpu)};
}

/* ---------------------------------------------------------------- the machines */

static uint64_t device_value(uint64_t at)
{
    return at * 0x9e3779b97f4a7c15 >> 61; /* small: some are equal to their neighbours */
}
/* Some accesses of instructions take time, and some end the run. (A run that ends while it fetches makes no step.) */
static void device(struct machine *m, uint64_t what, uint64_t at, uint64_t value)
{
    happens(m, what, at, value);
    if (!x86_executes(m->cpu))
        return;
    if (m->n % 5 == 0)
        x86_pass_time(m->cpu, m->n % 3 * 2);
    if (m->n % 17 == 0)
        x86_break(m->cpu);
}
static uint64_t bus_read(void *ctx, uint64_t pa, unsigned size)
{
    device(ctx, 1, pa, size);
    return device_value(pa);
}
static void bus_write(void *ctx, uint64_t pa, unsigned size, uint64_t value)
{
    device(ctx, 2 + size, pa, value);
}
static uint32_t bus_in(void *ctx, uint16_t port, unsigned size)
{
    struct machine *m = ctx;
    device(m, 16, port, size);
    return (uint32_t)device_value(m->n);
}
static void bus_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    device(ctx, 16 + size, port, value);
}
static void bus_event(void *ctx, struct event *ev)
{
    happens(ctx, 32u + ev->kind, ev->f[0], ev->f[1]);
}

static struct machine *machine_new(const char *model)
{
    struct machine *m = calloc(1, sizeof *m);
    const struct engine_host host = host_asked();
    struct error err;
    m->mem = physmem_create(1ull << 32, &host);
    struct ramblock *ram = physmem_block(m->mem, "ram", RAM);
    physmem_map(m->mem, 0, RAM, ram, 0, ram, 0, false);
    m->ram = ramblock_host(ram);
    struct x86_bus bus = x86_empty_bus;
    bus.ctx = m;
    bus.read = bus_read, bus.write = bus_write, bus.in = bus_in, bus.out = bus_out, bus.event = bus_event;
    m->cpu = x86_create(m->mem, &bus, 0, model, &err);
    assert_non_null(m->cpu);
    return m;
}
static void machine_free(struct machine *m)
{
    x86_destroy(m->cpu);
    physmem_destroy(m->mem);
    free(m);
}

/* ---------------------------------------------------------------- a case */

enum mode { REAL, FLAT32, LIMITED32, LONG64, NMODES };

struct
try {
    enum mode mode;
    uint8_t code[16];
    unsigned ncode;
    uint64_t gpr[16], flags;
    uint32_t base, limit[2]; /* of DS and ES */
    bool down[2];            /* expand-down */
    uint8_t memory[NFRAMES][0x1000];
    uint64_t entry[2][PAGES]; /* the windows' page-table entries */
    uint64_t dr0, dr7;
    struct stop_point stops[2];
    unsigned nstops, ring;
};

static void put_bytes(struct try *t)
{
    static const uint8_t opcodes[] = {0xa4, 0xa6, 0xaa, 0xac, 0xae, 0x6c, 0x6e};
    unsigned n = 0;
    if (one_in(4))
        t->code[n++] = 0x67;
    if (one_in(3))
        t->code[n++] = 0x66;
    if (!one_in(8))
        t->code[n++] = one_in(2) ? 0xf2 : 0xf3;
    if (t->mode == LONG64 && one_in(3))
        t->code[n++] = 0x48;
    t->code[n++] = (uint8_t)(opcodes[pick(sizeof opcodes)] + !one_in(3));
    t->code[n++] = 0xeb, t->code[n++] = 0xfe;
    t->ncode = n;
}

/* Mostly equal elements, so that comparisons go on for a while. */
static void put_memory(struct try *t)
{
    unsigned others = pick(one_in(2) ? 20 : 2000);
    uint8_t common = (uint8_t)pick(3);
    memset(t->memory, common, sizeof t->memory);
    for (unsigned i = 0; i < others; i++)
        t->memory[pick(NFRAMES)][pick(0x1000)] = (uint8_t)pick(4);
    t->gpr[RAX] = one_in(2) ? common * 0x0101010101010101u : pick(4);
}

static void put_tables(struct try *t)
{
    for (unsigned w = 0; w < 2; w++)
        for (unsigned i = 0; i < PAGES; i++) {
            uint64_t frame = one_in(12) ? RAM >> 12 : FRAMES + pick(NFRAMES);
            t->entry[w][i] = frame << 12 | (!one_in(20)) | (one_in(10) ? 0 : PTE_W) |
                             (one_in(10) ? 0 : PTE_U) | (one_in(2) ? PTE_A : 0) | (one_in(2) ? PTE_D : 0);
        }
}

static uint64_t place(const struct try *t)
{
    uint64_t at =
        one_in(3) ? pick(PAGES) * 0x1000u + (one_in(2) ? 0x1000 - pick(40) : pick(40)) : pick(PAGES << 12);
    return DATA + at + (t->mode != REAL && one_in(3) ? WINDOW : 0);
}

static void put_watches(struct try *t)
{
    static const enum stop_kind kinds[] = {STOPS_WRITE, STOPS_READ, STOPS_ACCESS, STOPS_WRITE_PHYSICAL,
                                           STOPS_EXEC_LINEAR};
    t->nstops = one_in(4) ? 1 + pick(2) : 0;
    for (unsigned i = 0; i < t->nstops; i++) {
        enum stop_kind kind = kinds[pick(5)];
        uint64_t at = kind == STOPS_WRITE_PHYSICAL ? (FRAMES << 12) + pick(NFRAMES << 12)
                      : kind == STOPS_EXEC_LINEAR  ? CODE
                                                   : place(t);
        t->stops[i] = (struct stop_point){
            .id = i, .kind = kind, .address = at, .length = kind == STOPS_EXEC_LINEAR ? 1 : 1 + pick(16)};
    }
    if (one_in(6)) {
        t->dr0 = place(t);
        t->dr7 = 1 | (one_in(2) ? 1u : 3u) << 16 | pick(4) << 18;
    }
}

static void put_registers(struct try *t)
{
    static const unsigned counts[] = {4, 40, 3000, 30000};
    bool real = t->mode == REAL;
    /* Real mode: DS and ES begin near the data, 64 KiB in which the indexes may wrap. */
    t->base = (real ? DATA : 0) + (t->mode != LONG64 && one_in(2) ? pick(256) * 16 : 0);
    t->gpr[RSI] = real ? place(t) - DATA + (one_in(4) ? 0x8000 : 0) : place(t);
    t->gpr[RDI] = real ? place(t) - DATA + (one_in(4) ? 0x8000 : 0) : place(t);
    t->gpr[RCX] = pick(counts[pick(4)]);
    t->gpr[RDX] = 0x80;
    if (one_in(4))
        t->gpr[RDI] = t->gpr[RSI] + pick(20) - 10;
    for (unsigned i = RSI; i <= RDI; i++)
        t->gpr[i] |= (one_in(6) && t->mode != LONG64 ? 0xdeadull << 32 : 0);
    t->flags = 2 | (one_in(3) ? FLAG_DF : 0) | (one_in(30) ? FLAG_TF : 0) | (one_in(12) ? FLAG_AC : 0);
    t->down[0] = t->mode == LIMITED32 && one_in(3), t->down[1] = t->mode == LIMITED32 && one_in(3);
    t->ring = real ? 0 : one_in(2) ? 3 : 0;
    for (unsigned i = 0; i < 2; i++)
        t->limit[i] =
            real ? (one_in(3) ? pick(0x10000) : 0xffff) : DATA + pick(PAGES << 12) + (one_in(2) ? WINDOW : 0);
}

static void make(struct try *t, bool long_mode)
{
    memset(t, 0, sizeof *t);
    t->mode = (enum mode)pick(long_mode ? NMODES : LONG64);
    put_bytes(t);
    put_memory(t);
    put_tables(t);
    put_registers(t);
    put_watches(t);
}

/* ---------------------------------------------------------------- a case in a machine */

static void put(struct machine *m, uint64_t pa, uint64_t v, unsigned size)
{
    physmem_write(m->mem, pa, &v, size);
}

/* 32-bit: a directory and a table for each window. Long mode: four levels. The first window's table maps the low megabyte to itself. */
static void load_tables(struct machine *m, const struct try *t)
{
    unsigned width = t->mode == LONG64 ? 8 : 4, bits = width == 8 ? 9 : 10, levels = width == 8 ? 4 : 2;
    for (uint64_t at = TABLES; at < TABLES + 0x8000; at += 8)
        put(m, at, 0, 8);
    uint64_t table = TABLES;
    for (unsigned level = 0; level + 2 < levels; level++, table += 0x1000)
        put(m, table, (table + 0x1000) | 7, width);
    for (unsigned w = 0; w < 2; w++) {
        uint64_t leaf = table + 0x1000 * (w + 1), linear = w * (uint64_t)WINDOW;
        put(m, table + (linear >> (12 + bits)) * width, leaf | 7, width);
        for (uint64_t i = 0; i < RAM >> 12 && !w; i++)
            put(m, leaf + i * width, i << 12 | 7, width);
        for (unsigned i = 0; i < PAGES; i++)
            put(m, leaf + ((DATA + linear) >> 12 & ((1u << bits) - 1)) * width + i * width, t->entry[w][i],
                width);
    }
}

static void load_segments(struct x86 *cpu, const struct try *t)
{
    for (unsigned s = 0; s < SEG_NONE; s++) {
        bool data = s == DS || s == ES;
        uint32_t limit = t->mode == REAL ? 0xffff : UINT32_MAX;
        uint16_t attr = (uint16_t)((t->mode == REAL ? 0 : 0xc000) | (s == CS ? 0x9b : 0x93) | t->ring << 5);
        if (data && (t->mode == LIMITED32 || t->mode == REAL))
            limit = t->limit[s == ES];
        if (data && t->down[s == ES])
            attr |= 4;
        if (s == CS && t->mode == LONG64)
            attr = (uint16_t)((attr & ~0x4000) | 0x2000);
        cpu->seg[s] =
            (struct seg){.limit = limit, .attr = attr, .sel = (uint16_t)t->ring, .base = data ? t->base : 0};
    }
    cpu->seg[TR].limit = 0x67;
    cpu->seg[TR].base = 0x9000;
    cpu->seg[TR].attr = 0x8b;
}

static void load(struct machine *m, const struct try *t)
{
    struct x86 *cpu = m->cpu;
    x86_reset(cpu, false);
    cpu->cr0 = t->mode == REAL ? CR0_ET : CR0_PE | CR0_ET | CR0_PG | CR0_AM | CR0_WP;
    cpu->cr4 = (t->mode == LONG64 ? CR4_PAE : 0);
    cpu->efer = t->mode == LONG64 ? EFER_LME | EFER_LMA : 0;
    cpu->cr3 = TABLES;
    cpu->idtr = (struct dtable){0, 0};
    load_tables(m, t);
    for (unsigned f = 0; f < NFRAMES; f++)
        physmem_write(m->mem, (FRAMES + f) << 12, t->memory[f], 0x1000);
    /* Real mode has no paging: its data is there. */
    for (unsigned i = 0; i < PAGES; i++)
        physmem_write(m->mem, DATA + i * 0x1000u, t->memory[i], 0x1000);
    physmem_write(m->mem, CODE, t->code, t->ncode);
    load_segments(cpu, t);
    cpu->seg[CS].base = t->mode == REAL ? CODE : 0;
    cpu->cpl = (uint8_t)t->ring;
    memcpy(cpu->gpr, t->gpr, sizeof t->gpr);
    cpu->gpr[REG_RIP] = t->mode == REAL ? 0 : CODE;
    eflags_set(cpu, t->flags | (uint64_t)t->ring << 12);
    cpu->dr[0] = t->dr0;
    cpu->dr[7] = t->dr7;
    mode_derive(cpu);
    tlb_flush(cpu);
    x86_stops(cpu, t->stops, t->nstops);
    m->steps = 0;
    m->n = 0;
}

/* ---------------------------------------------------------------- both */

static void agree(struct machine *a, struct machine *b)
{
    struct x86 *x = a->cpu, *y = b->cpu;
    assert_int_equal(a->steps, b->steps);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(x->gpr[i], y->gpr[i]);
    assert_int_equal(x->gpr[REG_RIP], y->gpr[REG_RIP]);
    assert_int_equal(eflags_get(x), eflags_get(y));
    assert_int_equal(x->cr2, y->cr2);
    assert_int_equal(x->dr[6], y->dr[6]);
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->log, b->log, a->n * sizeof a->log[0]);
    assert_memory_equal(a->ram, b->ram, DATA + PAGES * 0x1000);
}

/* Runs m for so many steps, `each` at a time. */
static enum x86_exit run(struct machine *m, uint64_t steps, uint64_t each)
{
    uint64_t end = m->steps + steps, done;
    enum x86_exit e = X86_DONE;
    while (m->steps < end && (e == X86_DONE || e == X86_BREAK)) {
        e = x86_run(m->cpu, each < end - m->steps ? each : end - m->steps, &done);
        m->steps += done;
    }
    return e;
}

static void same_stop(struct machine *a, struct machine *b)
{
    struct x86_stop x, y;
    x86_stop_info(a->cpu, &x);
    x86_stop_info(b->cpu, &y);
    assert_int_equal(x.id, y.id);
    assert_int_equal(x.address, y.address);
    assert_int_equal(x.pc, y.pc);
    assert_int_equal(x.nbefore, y.nbefore);
    assert_memory_equal(x.before, y.before, x.nbefore);
}

/* Once more: a stop's step is the next one. */
static void run_both(struct machine *many, struct machine *one)
{
    for (unsigned parts = 0; parts < 8; parts++) {
        uint64_t steps = 1 + pick(one_in(3) ? 3000 : one_in(2) ? 300 : 20);
        enum x86_exit a = run(many, steps, steps), b = run(one, steps, 1);
        agree(many, one);
        assert_int_equal(a == X86_BREAK ? X86_DONE : a, b == X86_BREAK ? X86_DONE : b);
        if (a == X86_STOP)
            same_stop(many, one);
        if (a != X86_DONE && a != X86_BREAK && a != X86_STOP)
            return;
    }
}

/* The cases are shared among the models. */
static void several_as_one(void **state)
{
    const char *model = *state;
    unsigned models = 0;
    while (x86_model(models))
        models++;
    const char *count = getenv("STRINGS"), *first = getenv("STRINGS_SEED");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1, n = count   ? strtoull(count, NULL, 10)
                                                               : first ? 1
                                                                       : 4000 / models;
    struct machine *many = machine_new(model), *one = machine_new(model);
    struct try *t = calloc(1, sizeof *t);
    for (uint64_t i = 0; i < n; i++) {
        seed = (from + i) * 0x9e3779b97f4a7c15;
        if (getenv("STRINGS_SAY"))
            fprintf(stderr, "seed %llu\n", (unsigned long long)(from + i));
        make(t, cpu_has(many->cpu, FT_LM));
        load(many, t);
        load(one, t);
        agree(many, one);
        run_both(many, one);
    }
    free(t);
    machine_free(many);
    machine_free(one);
}

int main(void)
{
    int failed = 0;
    for (unsigned i = 0; x86_model(i); i++) {
        const struct CMUnitTest tests[] = {
            {.name = "several_as_one", .test_func = several_as_one, .initial_state = (char *)x86_model(i)}};
        failed += _cmocka_run_group_tests(x86_model(i), tests, 1, NULL, NULL);
    }
    return failed;
}

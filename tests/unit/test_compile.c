/* test_compile.c - compiled code against the interpreter: random programs of 64-bit, 32-bit and 16-bit code, with SSE2 and x87 instructions, in
 * two processors of each model, one of which compiles each block when it is first entered. They are run in the same pieces, and must be equal
 * after each.
 *
 * COMPILE_SEED and COMPILE_PROGRAMS: the first program, and how many; COMPILE_TEST: which of the tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/engine/engines.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/x86.h"
#include "tests/unit/programs.h"

enum { RAM = 8 << 20 };

/* ---------------------------------------------------------------- a processor */

/* Time is the steps made: those of earlier runs, and of the present one. */
struct clock {
    struct x86 *cpu;
    uint64_t before;
};

struct machine {
    struct clock *clock;
    struct physmem *mem;
    struct ramblock *ram;
    struct x86 *cpu;
    uint8_t *host;
    uint32_t epoch;
};

static uint64_t bus_time(void *ctx)
{
    const struct clock *c = ctx;
    return c->before + (c->cpu ? x86_steps(c->cpu) : 0);
}

static void put64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, 8);
}

/* Code is mapped to itself, the pages of data and of the stack in reverse order; there is nothing behind them. The third page of data is
 * read-only. With five levels the same is mapped once more at FAR. */
enum { PML5 = 0, PML4 = 0x1000 };
static void make_tables(uint8_t *ram)
{
    put64(ram + PML5, PML4 | 0x67);
    put64(ram + PML5 + 8, PML4 | 0x67);
    put64(ram + 0x1000, 0x2000 | 0x67);
    put64(ram + 0x2000, 0x3000 | 0x67);
    for (unsigned i = 1; i < 4; i++) {
        put64(ram + 0x3000 + 8 * i, (0x4000 + i * 0x1000) | 0x67);
        for (unsigned k = 0; k < PAGES; k++) {
            const bool data = i * 0x200000 == DATA, code = i * 0x200000 == CODE;
            const uint64_t frame = i * 0x200000 + (code ? k : PAGES - 1 - k) * PAGE;
            put64(ram + 0x4000 + i * 0x1000 + 8 * k, frame | (data && k == 2 ? 0x25 : 0x27));
        }
    }
}

static struct machine make(const char *model, const char *compile, bool la57)
{
    struct machine m = {.epoch = 1, .clock = mem_zero(1, sizeof *m.clock)};
    struct x86_bus bus = x86_empty_bus;
    bus.ctx = m.clock;
    bus.time = bus_time;
    struct error err;
    const struct engine_host host = engine_host_of(compile, NULL);
    m.mem = physmem_create(RAM, &host);
    m.ram = physmem_block(m.mem, "ram", RAM);
    physmem_map(m.mem, 0, RAM, m.ram, 0, m.ram, 0, false);
    m.host = ramblock_host(m.ram);
    make_tables(m.host);
    physmem_touch(m.mem, m.ram, 0, 0x8000);
    m.cpu = x86_create(m.mem, &bus, 0, model, &err);
    assert_non_null(m.cpu);
    m.clock->cpu = m.cpu;
    x86_host(m.cpu);
    if (la57)
        x86_set(m.cpu, "cr4", x86_get(m.cpu, "cr4") | CR4_LA57);
    x86_user_space(m.cpu, la57 ? PML5 : PML4);
    return m;
}

static void end(struct machine *m)
{
    x86_destroy(m->cpu);
    physmem_destroy(m->mem);
    free(m->clock);
}

static enum x86_exit run(struct machine *m, uint64_t steps, uint64_t *done)
{
    enum x86_exit end = x86_run(m->cpu, steps, done);
    m->clock->before += *done;
    return end;
}

/* ---------------------------------------------------------------- comparing */

static void start(struct machine *m, const struct program *p, const struct x86_user *u)
{
    physmem_write(m->mem, CODE, p->code, p->size);
    x86_user_set(m->cpu, u);
    uint8_t fx[X86_FX_SIZE];
    x86_user_fx_get(m->cpu, fx);
    for (unsigned i = 0; i < 16 * 16; i += 8) /* the XMM registers */
        put64(fx + 160 + i, (u->gpr[i / 16] ^ u->gpr[15 - i / 16] << (i & 8)) * (i / 16 + 1));
    if (p->x87) {
        memcpy(fx, p->fpu, 24);
        memcpy(fx + 32, p->fpu + 32, 128);
    }
    assert_true(x86_user_fx_set(m->cpu, fx));
    const unsigned ring = p->privileged ? 0 : 3, dpl = ring << 5;
    if (p->real) {
        x86_set(m->cpu, "efer", 0);
        x86_set(m->cpu, "cr0", CR0_ET);
    }
    if (!p->code32 && !p->privileged)
        return;
    static const char *const name[PROGRAM_SEGMENTS] = {"cs", "ss", "ds", "es"};
    for (unsigned i = 0; i < PROGRAM_SEGMENTS; i++) {
        const struct program_segment *s = &p->segment[i];
        const bool code = i == PROGRAM_CS;
        const unsigned flat = (code ? p->code32 ? 0xc09b : 0xa09b : 0xc093) | dpl,
                       selector = (code ? 0x20 : 0x28) | ring;
        x86_set_segment(m->cpu, name[i], (uint16_t)selector, s->base, s->limit,
                        (uint16_t)(p->segmented ? s->attr : flat));
    }
}

/* In segments only the lower halves are offsets of 16 bits; instructions with addresses of 32 bits need the upper ones. */
static void segment_offsets(const struct program *p, struct x86_user *u)
{
    static const uint8_t in_ds[] = {RBX, RSI, RDI};
    u->rip -= p->segment[PROGRAM_CS].base;
    u->gpr[RSP] -= p->segment[PROGRAM_SS].base;
    for (unsigned i = 0; i < sizeof in_ds; i++)
        u->gpr[in_ds[i]] = (uint32_t)(u->gpr[in_ds[i]] - p->segment[PROGRAM_DS].base);
    if (any(2))
        u->gpr[RBP] = u->gpr[RSP] + any(64);
    for (unsigned i = 0; p->code16 && i < 16; i++)
        if (!any(8))
            u->gpr[i] |= any(UINT16_MAX) << 16;
}

static struct x86_user random_user(const struct program *p)
{
    struct x86_user u = {.cs = 0x33, .ss = 0x2b, .rip = CODE + p->start[any(p->nblocks)]};
    u.rflags = 0x202 | (any(0x1000) & 0x8d5);
    for (unsigned i = 0; i < 16; i++)
        u.gpr[i] = any_value();
    u.gpr[RBX] = p->data + 0x800 + (any(2) ? any(16) : 0);
    u.gpr[RSI] = p->data + PAGE - 8 + any(16);
    u.gpr[RSP] = STACK + 2 * PAGE - 8 * any(100);
    if (!any(4) && !p->segmented)
        u.gpr[RSI] = CODE + any(p->size); /* data beside code, and code as data */
    if (!any(4))
        u.gpr[RBX] = p->data + 2 * PAGE + any(0x200) - 0x100;
    if (p->segmented)
        segment_offsets(p, &u);
    u.fs_base = any(64) | (any(4) ? 0 : FAR);
    if (p->code32)
        for (unsigned i = 0; i < 16; i++) { /* 32-bit addresses have no use for it */
            u.gpr[i] |= any(2) << 32;
            u.gpr[i] |= any(2) << 63;
        }
    return u;
}

static void differ(uint64_t first, uint64_t steps, const char *what, uint64_t a, uint64_t b)
{
    fail_msg(
        "program %llu, after %llu steps: %s is %llx interpreted, %llx compiled (COMPILE_SEED=%llu COMPILE_PROGRAMS=1)",
        (unsigned long long)first, (unsigned long long)steps, what, (unsigned long long)a,
        (unsigned long long)b, (unsigned long long)first);
}

static void compare(struct machine *a, struct machine *b, uint64_t first, uint64_t steps)
{
    static const char *const name[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    struct x86_user x, y;
    x86_user_get(a->cpu, &x);
    x86_user_get(b->cpu, &y);
    if (x.rip != y.rip)
        differ(first, steps, "rip", x.rip, y.rip);
    for (unsigned i = 0; i < 16; i++)
        if (x.gpr[i] != y.gpr[i])
            differ(first, steps, name[i], x.gpr[i], y.gpr[i]);
    static const char *const segment[] = {"ds", "es", "fs", "gs"};
    for (unsigned i = 0; i < 4; i++)
        if (x86_get(a->cpu, segment[i]) != x86_get(b->cpu, segment[i]))
            differ(first, steps, segment[i], x86_get(a->cpu, segment[i]), x86_get(b->cpu, segment[i]));
    if (x.rflags != y.rflags)
        differ(first, steps, "rflags", x.rflags, y.rflags);
    uint8_t fx[2][X86_FX_SIZE];
    x86_user_fx_get(a->cpu, fx[0]);
    x86_user_fx_get(b->cpu, fx[1]);
    for (unsigned i = 0; i < X86_FX_SIZE; i++)
        if (fx[0][i] != fx[1][i])
            differ(first, steps, "the FXSAVE area", i << 8 | fx[0][i], i << 8 | fx[1][i]);
    for (unsigned at = CODE; at < STACK + PAGES * PAGE; at += 0x200000)
        if (memcmp(a->host + at, b->host + at, PAGES * PAGE))
            for (unsigned i = at; i < at + PAGES * PAGE; i++)
                if (a->host[i] != b->host[i])
                    differ(first, steps, "memory", (uint64_t)i << 8 | a->host[i],
                           (uint64_t)i << 8 | b->host[i]);
}

static void count_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    uint64_t *sum = ctx;
    *sum = (*sum ^ index) * 0x9e3779b97f4a7c15u;
}

/* The pages that were changed since the last call. */
static uint64_t changed(struct machine *m)
{
    uint64_t sum = 0;
    const struct snapshot_sink sink = {.ctx = &sum, .page = count_page};
    physmem_save(m->mem, &sink, m->epoch, m->epoch);
    m->epoch++;
    return sum;
}

/* One step after the other. */
static enum x86_exit run_by_steps(struct machine *m, uint64_t steps, uint64_t *done)
{
    enum x86_exit end = X86_DONE;
    for (*done = 0; *done < steps && end == X86_DONE;) {
        uint64_t n;
        end = run(m, 1, &n);
        *done += n;
    }
    return end;
}

/* Both watch the same bytes, and must stop at the same steps. The interpreter also watches two pages of which nothing is
 * written: so each of its stores to the page of those bytes is looked at, and not only those near them. */
static void watch(struct machine *a, struct machine *b)
{
    static const uint64_t near[] = {DATA, DATA + 0x780, DATA + PAGE - 128, STACK + 2 * PAGE - 256, CODE};
    const struct stop_point s[] = {
        {.id = 1,
         .kind = any(2) ? STOPS_WRITE_PHYSICAL : STOPS_WRITE,
         .address = near[any(5)] + any(256),
         .length = 1 + any(any(3) ? 8 : 64)},
        {.kind = STOPS_WRITE_PHYSICAL, .address = RAM - 2 * PAGE, .length = 2 * PAGE}};
    x86_stops(a->cpu, s, 2);
    x86_stops(b->cpu, s, 1);
}

/* In both a PAUSE ends the run, or in none. */
static void watch_pause(struct machine *a, struct machine *b)
{
    const bool on = any(4);
    x86_watch_pause(a->cpu, on);
    x86_watch_pause(b->cpu, on);
}

static void compare_stops(struct machine *a, struct machine *b, uint64_t first, uint64_t steps)
{
    struct x86_stop x, y;
    x86_stop_info(a->cpu, &x);
    x86_stop_info(b->cpu, &y);
    if (x.id != 1 || y.id != 1 || x.address != y.address || x.pc != y.pc)
        differ(first, steps, "the instruction of the stop", x.pc, y.pc);
}

/* The same was executed and written since the last call. */
static void compare_touched(struct machine *a, struct machine *b, uint64_t first, uint64_t steps)
{
    static const char *const name[TOUCHES] = {[TOUCH_EXECUTED] = "executed", [TOUCH_WRITTEN] = "written"};
    struct touched_set x, y;
    physmem_touched(a->mem, &x);
    physmem_touched(b->mem, &y);
    for (unsigned k = 0; k < TOUCHES; k++) {
        if (x.n[k] != y.n[k])
            differ(first, steps, name[k], x.n[k], y.n[k]);
        for (size_t i = 0; i < x.n[k]; i++)
            if (x.page[k][i].linear != y.page[k][i].linear ||
                x.page[k][i].physical != y.page[k][i].physical || !touched_same(&x.page[k][i], &y.page[k][i]))
                differ(first, steps, name[k], x.page[k][i].lines, y.page[k][i].lines);
    }
}

/* Runs both for so many steps. False after a trap. */
static bool run_both(struct machine *a, struct machine *b, uint64_t steps, uint64_t first, uint64_t *total,
                     uint64_t *stops)
{
    uint64_t da, db;
    enum x86_exit ea = any(4) ? run(a, steps, &da) : run_by_steps(a, steps, &da), eb = run(b, steps, &db);
    *total += da;
    if (ea != eb || da != db)
        differ(first, *total, "steps done", da, db);
    compare(a, b, first, *total);
    if (x86_paused(a->cpu) != x86_paused(b->cpu))
        differ(first, *total, "a PAUSE that counts", x86_paused(a->cpu), x86_paused(b->cpu));
    if (ea == X86_STOP)
        compare_stops(a, b, first, *total);
    *stops += ea == X86_STOP || x86_paused(a->cpu);
    return ea == X86_DONE || ea == X86_STOP || ea == X86_BREAK;
}

enum also { ALSO_NOTHING, ALSO_WATCH, ALSO_NOTE, ALSO_X87, ALSO_PAUSE };

static void run_program(struct machine *a, struct machine *b, const struct program *p, uint64_t first,
                        enum also also, uint64_t *stops)
{
    uint64_t total = 0;
    for (unsigned try = 0; try < 24; try++) {
        struct x86_user u = random_user(p);
        start(a, p, &u);
        start(b, p, &u);
        if (also == ALSO_WATCH && any(2))
            watch(a, b);
        for (unsigned piece = 0; piece < 12; piece++) {
            if (also == ALSO_NOTE && any(2))
                compare_touched(a, b, first, total);
            if (also == ALSO_PAUSE)
                watch_pause(a, b);
            if (!run_both(a, b, 1 + any(any(3) ? 20 : 3000), first, &total, stops))
                break;
        }
        if (changed(a) != changed(b))
            differ(first, total, "the set of changed pages", 0, 0);
    }
}

/* Whether each model has long mode; how many there are. */
enum { MODELS = 16 };
static unsigned look_at_models(bool *has_long)
{
    unsigned n = 0;
    for (; n < MODELS && x86_model(n); n++) {
        struct machine m = make(x86_model(n), "0", false);
        has_long[n] = cpu_has(m.cpu, FT_LM);
        end(&m);
    }
    return n;
}

static uint64_t run_programs(enum also also, uint64_t n)
{
    const char *text = getenv("COMPILE_SEED"), *many = getenv("COMPILE_PROGRAMS");
    uint64_t first = text ? strtoull(text, NULL, 10) : 1, stops = 0;
    static const char *const heat[] = {"1", "2", "3", "8"};
    bool has_long[MODELS];
    const unsigned models = look_at_models(has_long);
    n = many ? strtoull(many, NULL, 10) : n;
    for (uint64_t i = first; i < first + n; i++) {
        any_from(i * 0x9e3779b97f4a7c15u | 1);
        struct program p;
        make_program(&p, also == ALSO_X87);
        bool la57 = !any(3);
        /* By turns. What needs page tables of long mode runs on those that have it. */
        const unsigned k = (unsigned)(i % models);
        const char *model = p.real || has_long[k] ? x86_model(k) : "max";
        struct machine a = make(model, "0", la57), b = make(model, heat[any(4)], la57);
        if (also == ALSO_PAUSE) {
            x86_set_cores(a.cpu, 2);
            x86_set_cores(b.cpu, 2);
        }
        run_program(&a, &b, &p, i, also, &stops);
        end(&a);
        end(&b);
    }
    return stops;
}

static void random_programs(void **state)
{
    run_programs(ALSO_NOTHING, 1500);
}

static void watched_programs(void **state)
{
    uint64_t stops = run_programs(ALSO_WATCH, 700);
    assert_true(stops > 200 || getenv("COMPILE_PROGRAMS"));
}

static void noted_programs(void **state)
{
    run_programs(ALSO_NOTE, 700);
}

static void pausing_programs(void **state)
{
    assert_true(run_programs(ALSO_PAUSE, 600) > 400 || getenv("COMPILE_PROGRAMS"));
}
static void x87_programs(void **state)
{
    run_programs(ALSO_X87, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_programs), cmocka_unit_test(watched_programs),
                                       cmocka_unit_test(noted_programs), cmocka_unit_test(x87_programs),
                                       cmocka_unit_test(pausing_programs)};
    cmocka_set_test_filter(getenv("COMPILE_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}

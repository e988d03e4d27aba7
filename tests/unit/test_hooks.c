/* test_hooks.c - functions that are followed from entry to exit (core/story/hooks.h): which call it is that returns, by exits found in the code
 * and by return addresses, in 64-, 32- and 16-bit code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/story/hooks.h"

/* ---------------------------------------------------------------- the machine */

enum { MEMORY = 0x10000, STOPS = 32, CODE = 0x4000, OTHER = 0x5000 };
enum reg { RSP, SS_BASE, CS_BASE, REGS };

struct machine {
    struct engine e;
    uint8_t memory[MEMORY];
    struct stop_point stops[STOPS];
    size_t nstops;
    uint64_t reg[REGS];
    unsigned bits;
    uint64_t time;
    bool elsewhere; /* another guest runs */
    unsigned entered, left;
    uint64_t duration; /* of the last that was left */
};

static struct machine *machine_of(const struct engine *e)
{
    return (struct machine *)e;
}

static const struct reg_desc *registers(const struct engine *e, size_t *n)
{
    static const struct reg_desc regs[REGS] = {
        {"rsp", 64, REG_GENERAL}, {"ss_base", 64, REG_SEGMENT}, {"cs_base", 64, REG_SEGMENT}};
    *n = REGS;
    return regs;
}

static int reg_get(const struct engine *e, unsigned cpu, size_t reg, void *value)
{
    memcpy(value, &machine_of(e)->reg[reg], 8);
    return 0;
}

static unsigned code_bits(const struct engine *e, unsigned cpu)
{
    return machine_of(e)->bits;
}

static uint64_t now(const struct engine *e)
{
    return machine_of(e)->time;
}

static void take_stops(struct engine *e, const struct stop_point *stops, size_t n)
{
    assert_true(n <= STOPS);
    memcpy(machine_of(e)->stops, stops, n * sizeof *stops);
    machine_of(e)->nstops = n;
}

static bool read_memory(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    if (address > MEMORY || n > MEMORY - address)
        return false;
    memcpy(buf, ((struct machine *)ctx)->memory + address, n);
    return true;
}

static bool here(void *ctx, const struct probe_hit *hit)
{
    return !((struct machine *)ctx)->elsewhere;
}

static const struct engine_ops ops = {
    .regs = registers, .reg_get = reg_get, .code_bits = code_bits, .time = now, .stops = take_stops};

struct fixture {
    struct machine m;
    struct probes *probes;
    struct hooks *hooks;
};

static struct fixture *make(unsigned bits)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->m.e.ops = &ops;
    f->m.bits = bits;
    f->m.reg[RSP] = 0x8000;
    f->probes = probes_new(&f->m.e);
    const struct hooks_options o = {.engine = &f->m.e,
                                    .probes = f->probes,
                                    .bits = bits == 64 ? 64 : 32,
                                    .ctx = &f->m,
                                    .read = read_memory,
                                    .here = here};
    f->hooks = hooks_new(&o);
    return f;
}

static void end(struct fixture *f)
{
    hooks_free(f->hooks);
    probes_apply(f->probes);
    assert_int_equal(f->m.nstops, 0); /* the set took its probes with it */
    probes_free(f->probes);
    test_free(f);
}

/* The processor is at an address, with that stack pointer. */
static void at(struct fixture *f, uint64_t address, uint64_t sp)
{
    f->m.reg[RSP] = sp;
    f->m.time += 100;
    for (size_t i = 0; i < f->m.nstops; i++)
        if (f->m.stops[i].address == address) {
            probes_reached(f->probes, f->m.stops[i].id, 0, f->m.time);
            return;
        }
}

static void enters(struct hook *h, const struct probe_hit *hit, struct hook_frame *fr)
{
    struct machine *m = machine_of(*(struct engine **)h->ctx);
    m->entered++;
    if (h->follows)
        hook_follow(h, hit);
    else
        fr->value[0] = 42;
}

static void leaves(struct hook *h, const struct probe_hit *hit, const struct hook_frame *fr)
{
    struct machine *m = machine_of(*(struct engine **)h->ctx);
    assert_int_equal(fr->value[0], h->follows ? 0 : 42);
    m->left++;
    m->duration = hit->time - fr->time;
}

/* The hook frees it. */
static void *pointer_to(struct fixture *f)
{
    struct engine **p = mem_alloc(sizeof *p);
    *p = &f->m.e;
    return p;
}

static void counts(const struct fixture *f, unsigned entered, unsigned left)
{
    assert_int_equal(f->m.entered, entered);
    assert_int_equal(f->m.left, left);
}

/* ---------------------------------------------------------------- exits in the code */

/* 0: jmp OTHER; 5: jmp 7; 7: ret; 8: call 0 */
static const uint8_t code[] = {0xe9, 0xfb, 0x0f, 0x00, 0x00, 0xeb, 0x00, 0xc3, 0xe8, 0xf3, 0xff, 0xff, 0xff};
enum { RET = 0xc3 };

static void exits_in_the_code(void **state)
{
    struct fixture *f = make(64);
    const struct symbol function = {.name = "f", .address = CODE, .size = sizeof code, .type = 't'};
    memcpy(f->m.memory + CODE, code, sizeof code);
    f->m.memory[OTHER] = RET; /* a thunk that returns */
    struct hook *h = hook_function(f->hooks, 0, &function, NULL, enters, leaves, pointer_to(f));
    assert_true(h->exits_known);
    probes_apply(f->probes);
    assert_int_equal(f->m.nstops, 2); /* the entry is an exit as well; the jump inside is none */
    at(f, CODE, 0x8000);
    counts(f, 1, 1); /* it leaves by its first instruction */
    at(f, CODE + 7, 0x8000);
    counts(f, 1, 1); /* nothing is in progress there */
    end(f);
}

/* A function that calls itself, on two stacks: each return is of its own call. */
static void calls_in_progress(void **state)
{
    struct fixture *f = make(64);
    const struct symbol function = {.name = "f", .address = CODE + 5, .size = sizeof code - 5, .type = 't'};
    size_t n;
    memcpy(f->m.memory + CODE, code, sizeof code);
    const struct hook *h = hook_function(f->hooks, 0, &function, NULL, enters, leaves, pointer_to(f));
    probes_apply(f->probes);
    at(f, CODE + 5, 0x8000);
    at(f, CODE + 5, 0x7f00);
    at(f, CODE + 5, 0x2000);
    assert_int_equal(hook_around(h, 0x7ef0)->sp, 0x7f00); /* the innermost that is not below */
    assert_int_equal(hook_around(h, 0x7f08)->sp, 0x8000);
    assert_null(hook_around(h, 0x3000));
    assert_null(hook_around(NULL, 0x7ef0));
    at(f, CODE + 7, 0x8000);
    counts(f, 3, 1);
    assert_int_equal(f->m.duration, 300);
    f->m.elsewhere = true;
    at(f, CODE + 7, 0x7f00);
    counts(f, 3, 1); /* another guest's code is at that address */
    f->m.elsewhere = false;
    at(f, CODE + 5, 0x7f00); /* the one before was left unseen */
    hooks_frames(f->hooks, &n);
    assert_int_equal(n, 2);
    hooks_drop_stack(f->hooks, 0x2100, 0x1000);
    at(f, CODE + 7, 0x2000);
    counts(f, 4, 1);
    at(f, CODE + 7, 0x7f00);
    counts(f, 4, 2);
    assert_int_equal(f->m.duration, 200);
    end(f);
}

/* ---------------------------------------------------------------- return addresses */

/* A call from OTHER: the address is on the stack, in `bytes`; linear addresses count from the segments' bases. */
static void returns_to(struct fixture *f, unsigned bytes, uint64_t address, uint64_t ss, uint64_t cs)
{
    f->m.reg[SS_BASE] = ss;
    f->m.reg[CS_BASE] = cs;
    memcpy(f->m.memory + ss + 0x3000, &address, bytes);
    hook_address(f->hooks, CODE, enters, leaves, pointer_to(f));
    probes_apply(f->probes);
    at(f, CODE, 0x3000);
    counts(f, 1, 0);
    at(f, OTHER, 0x3000);
    counts(f, 1, 0); /* the stack is not what it is after the return */
    at(f, OTHER, 0x3000 + bytes);
    counts(f, 1, 1);
    at(f, OTHER, 0x3000 + bytes);
    counts(f, 1, 1);
    end(f);
}

static void return_in_64_bit_code(void **state)
{
    returns_to(make(64), 8, OTHER, 0, 0);
}

static void return_in_32_bit_code(void **state)
{
    returns_to(make(32), 4, OTHER, 0x1000, 0);
}

/* Compiled real-mode code pushes four bytes, a 16-bit call two. */
static void return_in_16_bit_code(void **state)
{
    returns_to(make(16), 4, OTHER - 0x2000, 0x1000, 0x2000);
    struct fixture *f = make(16);
    memset(f->m.memory + 0x4000, 0xff, 8);
    returns_to(f, 2, OTHER - 0x2000, 0x1000, 0x2000);
}

/* A function whose code can be read later: its return address is used until then. */
static void exits_found_later(void **state)
{
    struct fixture *f = make(64);
    const struct symbol function = {.name = "f", .address = CODE + 5, .size = sizeof code - 5, .type = 't'};
    const uint64_t address = OTHER;
    memcpy(f->m.memory + 0x3000, &address, 8);
    struct hook *h = hook_address(f->hooks, CODE + 5, enters, leaves, pointer_to(f));
    probes_apply(f->probes);
    at(f, CODE + 5, 0x3000);
    at(f, OTHER, 0x3008);
    counts(f, 1, 1);
    memcpy(f->m.memory + CODE, code, sizeof code);
    hook_find_exits(h, 0, &function);
    assert_true(h->exits_known);
    at(f, CODE + 5, 0x3000);
    at(f, CODE + 7, 0x3000);
    counts(f, 2, 2);
    at(f, OTHER, 0x3008);
    counts(f, 2, 2);
    end(f);
}

/* A way out of a function at CODE + 1, called from OTHER. */
static struct fixture *called(const uint8_t *way, size_t n)
{
    const struct symbol function = {.name = "f", .address = CODE, .size = n, .type = 't'};
    const uint64_t address = OTHER;
    struct fixture *f = make(64);
    memcpy(f->m.memory + CODE, way, n);
    memcpy(f->m.memory + 0x3000, &address, 8);
    memcpy(f->m.memory + 0x2000, &address, 8);
    hook_function(f->hooks, 0, &function, NULL, enters, leaves, pointer_to(f));
    probes_apply(f->probes);
    at(f, CODE, 0x3000);
    return f;
}

/* nop and a jump elsewhere, of each kind: the call is over when what it jumps to has returned, with its result and time. */
static void tail_call(void **state)
{
    static const uint8_t ways[][8] = {{0x90, 0xe9, 0x00, 0x08, 0x00, 0x00},        /* jmp +800h */
                                      {0x90, 0x0f, 0x84, 0x00, 0x08, 0x00, 0x00},  /* je +800h */
                                      {0x90, 0xff, 0xe0},                          /* jmp *%rax */
                                      {0x90, 0xff, 0x24, 0xc5, 0x00, 0x20, 0, 0}}; /* jmp *0x2000(,%rax,8) */
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct fixture *f = called(ways[i], sizeof ways[i]);
        at(f, CODE + 1, 0x3000);
        counts(f, 1, 0);
        at(f, OTHER, 0x2008);
        counts(f, 1, 0); /* another call of the same caller */
        at(f, OTHER, 0x3008);
        counts(f, 1, 1);
        assert_int_equal(f->m.duration, 300);
        at(f, OTHER, 0x3008);
        counts(f, 1, 1);
        end(f);
    }
}

/* nop; je elsewhere; ret: the jump is not taken. */
static void branch_that_stays(void **state)
{
    static const uint8_t way[] = {0x90, 0x0f, 0x84, 0x00, 0x08, 0x00, 0x00, RET};
    struct fixture *f = called(way, sizeof way);
    at(f, CODE + 1, 0x3000);
    at(f, CODE + 7, 0x3000);
    counts(f, 1, 1);
    assert_int_equal(f->m.duration, 200);
    at(f, OTHER, 0x3008);
    counts(f, 1, 1);
    end(f);
}

/* f jumps to g, which jumps elsewhere: both are over at the same place, g first. */
static void tail_calls_in_a_row(void **state)
{
    static const uint8_t first[] = {0x90, 0xe9, 0xfa, 0x00, 0x00, 0x00},
                         second[] = {0x90, 0xe9, 0x00, 0x08, 0x00, 0x00};
    const struct symbol g = {.name = "g", .address = CODE + 0x100, .size = sizeof second, .type = 't'};
    struct fixture *f = called(first, sizeof first);
    memcpy(f->m.memory + CODE + 0x100, second, sizeof second);
    hook_function(f->hooks, 0, &g, NULL, enters, leaves, pointer_to(f));
    probes_apply(f->probes);
    at(f, CODE + 1, 0x3000);
    at(f, CODE + 0x100, 0x3000);
    at(f, CODE + 0x101, 0x3000);
    counts(f, 2, 0);
    at(f, OTHER, 0x3008);
    counts(f, 2, 2);
    assert_int_equal(f->m.duration, 400); /* f's */
    end(f);
}

static void count_gone(void *ctx, const struct hook_frame *fr)
{
    ++*(unsigned *)ctx;
}

/* The outer call of three returns by a jump over the others. */
static void left_by_a_jump(void **state)
{
    struct fixture *f = make(64);
    struct hook *h = hook_keep(f->hooks, NULL);
    unsigned gone = 0;
    size_t n;
    hook_push(h, 0x8000, 100);
    const struct hook_frame outer = *hook_push(h, 0x7000, 200);
    hook_push(h, 0x6000, 300);
    hook_push(h, 0x2000, 400);
    hooks_drop(f->hooks, hook_find(h, 0x7000));
    hooks_drop_since(f->hooks, &outer, count_gone, &gone);
    assert_int_equal(gone, 2);
    assert_int_equal(hooks_frames(f->hooks, &n)->sp, 0x8000);
    assert_int_equal(n, 1);
    end(f);
}

static void ends_all(struct hook *h, const struct probe_hit *hit, const struct hook_frame *fr)
{
    struct machine *m = machine_of(*(struct engine **)h->ctx);
    m->left++;
    hooks_free(h->set);
}

/* The call whose end ends the set, as that of UEFI's ExitBootServices. */
static void freed_at_the_end(void **state)
{
    const uint64_t address = OTHER;
    struct fixture *f = make(64);
    memcpy(f->m.memory + 0x3000, &address, 8);
    hook_address(f->hooks, CODE, enters, ends_all, pointer_to(f));
    probes_apply(f->probes);
    at(f, CODE, 0x3000);
    at(f, OTHER, 0x3008);
    counts(f, 1, 1);
    f->hooks = NULL;
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exits_in_the_code),
        cmocka_unit_test(calls_in_progress),
        cmocka_unit_test(return_in_64_bit_code),
        cmocka_unit_test(return_in_32_bit_code),
        cmocka_unit_test(return_in_16_bit_code),
        cmocka_unit_test(exits_found_later),
        cmocka_unit_test(tail_call),
        cmocka_unit_test(branch_that_stays),
        cmocka_unit_test(freed_at_the_end),
        cmocka_unit_test(left_by_a_jump),
        cmocka_unit_test(tail_calls_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

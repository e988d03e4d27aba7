/* test_sequences.c - random sequences of instructions, in the host's own processor, in the interpreter and in
 * compiled code.
 *
 * Environment: SEQUENCES how many of each width (default 600), SEQUENCE_SEED the first one's seed, SEQUENCE_BITS
 * only 16, 32 or 64; SEQUENCE_WRONG in which instruction test_mistake plants a mistake (default imul), looked for in SEQUENCES sequences.
 * A sequence that fails is taken apart to the units that it takes, and printed.
 * See tests/native/sequence.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hv/x86/decode/insn.h"
#include "hv/x86/x86.h"
#include "tests/native/sequence.h"
#include "tests/native/vendor.h"

/* Each is run from some states, by the host, the interpreter, and two emulators that compile: one everything at
 * its first entry, with all instructions that the host has; one as for a host without AVX, and later, when each state was run once
 * and blocks are known to follow one another on every way, so that ways join in one piece of code. One more has a mistake, for a test of this
 * test. */
enum { STATES = 5, TURNS = 4, INTERPRETER = 0, COMPILER, LATER, MISTAKEN, HOST };
static const struct {
    const char *name;
    struct engine_host host;
} emulators[] = {{"the interpreter", {.interpret = true}},
                 {"compiled code", {.compile_after = 1}},
                 {"code compiled later", {.compile_after = 6, .level = 2}},
                 {"code with a mistake", {.compile_after = 1}},
                 {"the host", {0}}};

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s ? strtoull(s, NULL, 0) : otherwise;
}

/* ---------------------------------------------------------------- comparing */

/* What differs in the registers; *j says what is undefined. */
static const char *compare_registers(const struct sequence *q, const struct state *a, const struct state *b,
                                     const struct judged *j)
{
    uint64_t mask = q->bits == 64 ? ~0ull : 0xffffffff;
    if (a->vector != b->vector)
        return "exception";
    if (a->vector >= 0 && (a->error != b->error || (a->vector == VEC_PF && (a->cr2 ^ b->cr2) & ~j->cr2)))
        return "error code or CR2";
    if (a->rip != b->rip)
        return "RIP";
    if ((a->flags ^ b->flags) & flags_seen & ~(uint64_t)j->flags)
        return "flags";
    for (unsigned i = 0; i < (q->bits == 64 ? 16 : 8); i++)
        if ((a->gpr[i] ^ b->gpr[i]) & mask)
            return "general register";
    return NULL;
}

static const char *compare_fx(const struct state *a, const struct state *b, const struct judged *j)
{
    if (fx_word(a, FX_FCW) != fx_word(b, FX_FCW))
        return "x87 control word";
    if ((fx_word(a, FX_FSW) ^ fx_word(b, FX_FSW)) & ~j->status)
        return "x87 status word";
    if (a->fx[FX_FTW] != b->fx[FX_FTW])
        return "x87 tags";
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(a->fx + FX_ST + 16 * i, b->fx + FX_ST + 16 * i, 10) != 0)
            return "x87 register";
    if (fx_mxcsr(a) != fx_mxcsr(b))
        return "MXCSR";
    if (memcmp(a->ymmh, b->ymmh, YMMH_SIZE))
        return "upper half of a YMM register";
    return memcmp(a->fx + FX_XMM, b->fx + FX_XMM, 256) ? "XMM register" : NULL;
}

/* ---------------------------------------------------------------- one sequence with one state */

/* With one of the states. */
struct run {
    struct state in;
    /* as judged, step by step */
    const char *why; /* it cannot be compared; NULL: it can */
    struct state out;
    struct judged j;
    struct memory after;
    uint64_t pages; /* that the first emulator writes */
};

struct trial {
    struct sequence q;
    struct memory memory; /* to begin with */
    struct run run[STATES];
    unsigned first, last; /* which emulators are compared one by one */
    bool later;           /* and with all states in turns */
    /* of what differs */
    unsigned by, state;
    struct state other;
};

/* Follow it step by step. */
static void judge(struct trial *t, struct run *r)
{
    guest_choose(INTERPRETER);
    memory_put(&t->memory, false);
    r->j = (struct judged){0};
    r->why = judge_run(&t->q, &r->in, &r->out, &r->j, t->q.end);
    memory_take(&r->after, false);
}

static const char *run_host_once(struct trial *t, struct run *r)
{
    memory_put(&t->memory, true);
    host_enter(t->q.bits, &r->in, &t->other);
    const char *what = compare_registers(&t->q, &t->other, &r->out, &r->j);
    what = what ? what : compare_fx(&t->other, &r->out, &r->j);
    return what || memory_is(&r->after, true) ? what : "memory";
}

/* If it was interrupted with NT set, it is run again: what an emulator does wrong differs then as well. */
static const char *run_host(struct trial *t, struct run *r)
{
    const char *what = run_host_once(t, r);
    return what && host_loses_nt() ? run_host_once(t, r) : what;
}

/* All at once. Emulators have to agree in everything, also in what is undefined. */
static const char *run_guest(struct trial *t, struct run *r, unsigned guest)
{
    const struct judged all = {0};
    guest_choose(guest);
    memory_put(&t->memory, false);
    uint64_t done = guest_continue(t->q.bits, &r->in, &t->other, r->out.vector < 0 ? r->j.steps : 1 << 20);
    const char *what = compare_registers(&t->q, &t->other, &r->out, &all);
    what = what ? what : compare_fx(&t->other, &r->out, &all);
    if (!what && done != r->j.steps)
        what = "number of steps";
    return what || memory_is(&r->after, false) ? what : "memory";
}

/* Several times, so that blocks get compiled; the last time with the pages noted that it writes. */
static const char *run_turns(struct trial *t, struct run *r, unsigned guest)
{
    const char *what = NULL;
    for (unsigned turn = 0; turn < TURNS - 1 && !what; turn++)
        what = run_guest(t, r, guest);
    guest_changed();
    what = what ? what : run_guest(t, r, guest);
    uint64_t pages = guest_changed();
    if (guest == t->first)
        r->pages = pages;
    return what || pages == r->pages ? what : "set of changed pages";
}

/* In the last turn no page is new any more, and pages are compared, too. */
static const char *run_once_more(struct trial *t, struct run *r, bool last)
{
    guest_choose(LATER);
    guest_changed();
    const char *what = run_guest(t, r, LATER);
    return what || guest_changed() == r->pages || !last ? what : "set of changed pages";
}

/* One state after the other, several times. */
static const char *run_later(struct trial *t)
{
    const char *what = NULL;
    t->by = LATER;
    for (unsigned turn = 0; turn < TURNS && !what; turn++)
        for (unsigned i = 0; i < STATES && !what; i++)
            if (!t->run[i].why)
                t->state = i, what = run_once_more(t, &t->run[i], turn == TURNS - 1);
    return what;
}

/* NULL, or what differs, by t->by, with t->state. */
static const char *differs(struct trial *t)
{
    const char *what = NULL;
    for (unsigned s = 0; s < STATES && !what; s++) {
        if (t->run[s].why)
            continue;
        t->state = s, t->by = HOST;
        what = run_host(t, &t->run[s]);
        for (unsigned i = t->first; i <= t->last && !what; i++)
            t->by = i, what = run_turns(t, &t->run[s], i);
    }
    return what || !t->later ? what : run_later(t);
}

/* ---------------------------------------------------------------- failures */

static const char *differs_still(struct trial *t)
{
    sequence_place(&t->q);
    for (unsigned i = 0; i < STATES; i++)
        judge(t, &t->run[i]);
    return differs(t);
}

/* Takes out units as long as something differs without them. */
static const char *shrink(struct trial *t, const char *what)
{
    for (bool again = true; again;) {
        again = false;
        for (unsigned i = t->q.n; i--;) {
            if (t->q.unit[i].dropped)
                continue;
            t->q.unit[i].dropped = true;
            const char *still = differs_still(t);
            t->q.unit[i].dropped = still != NULL;
            again |= still != NULL;
            what = still ? still : what;
        }
    }
    const char *last = differs_still(t);
    return last ? last : what;
}

static void report(struct trial *t, const char *what)
{
    const char *seen = what;
    const unsigned by = t->by, state = t->state;
    what = shrink(t, what);
    struct run *r = &t->run[t->state];
    fprintf(stderr, "%s differs, %s and step by step; SEQUENCE_BITS=%u SEQUENCE_SEED=%llu, state %u:\n", what,
            emulators[t->by].name, t->q.bits, (unsigned long long)t->q.seed, t->state);
    sequence_print(stderr, &t->q);
    if (t->by != HOST) /* print_states() shows the host's memory */
        memory_take(&r->after, false), memory_put(&r->after, true);
    fprintf(stderr, "  in -> %s, step by step\n", emulators[t->by].name);
    guest_choose(INTERPRETER);
    judge(t, r);
    print_states(stderr, &r->in, &t->other, &r->out);
    fprintf(stderr, "  as first seen: %s, %s, state %u\n", seen, emulators[by].name, state);
}

/* ---------------------------------------------------------------- the test */

struct count {
    unsigned failed, runs, faults, left;
    uint64_t steps, digest;
};

/* A seed names the same sequence whatever compiled this. */
static void digest(struct count *n, const void *bytes, size_t size)
{
    const char *p = bytes;
    uint64_t word;
    for (size_t i = 0; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        n->digest = (n->digest ^ word) * 0x9e3779b97f4a7c15u;
        n->digest ^= n->digest >> 29;
    }
}

/* What is not writable, from the host's memory: data, and what is in the pages of code. Each emulator has the sequence already. */
static void copy_readable(void)
{
    for (unsigned g = 0; g < GUESTS; g++)
        for (unsigned r = 0; r < NREGIONS; r++)
            for (unsigned p = 0; p < regions[r].pages; p++) {
                uint32_t at = regions[r].base + p * PAGE;
                guest_choose(g);
                const void *host = (void *)(uintptr_t)at;
                if (regions[r].kind[p] == PAGE_READ)
                    memcpy(guest_memory(at), host, PAGE);
                else if (regions[r].kind[p] == PAGE_CODE && memcmp(guest_memory(at), host, PAGE))
                    guest_code(at, host, PAGE);
            }
}

static void judge_state(struct trial *t, unsigned i, struct count *n)
{
    struct run *r = &t->run[i];
    judge(t, r);
    if (r->why && getenv("SEQUENCE_SHOW"))
        fprintf(stderr, "seed %llu, state %u: %s\n", (unsigned long long)t->q.seed, i, r->why);
    if (r->why)
        n->left++;
    else
        n->runs++, n->steps += r->j.steps, n->faults += r->out.vector >= 0;
}

/* NULL, or what differs. */
static const char *run_sequence(struct trial *t, unsigned bits, uint64_t seed, struct count *n)
{
    struct state first;
    sequence_make(&t->q, &first, &t->memory, bits, seed);
    digest(n, t->q.code, sizeof t->q.code);
    digest(n, &first, offsetof(struct state, vector));
    digest(n, &t->memory, sizeof t->memory);
    sequence_place(&t->q);
    copy_readable();
    for (unsigned i = 0; i < STATES; i++) {
        t->run[i].in = first;
        if (i)
            sequence_vary(&t->q, &t->run[i].in, seed + i);
        judge_state(t, i, n);
    }
    const char *what = differs(t);
    n->failed += what != NULL;
    return what;
}

/* Seeds of sequences in which something was wrong that no other test shows. */
static const uint64_t once_wrong[] = {5058, 5173, 9327, 9328, 42161, 42162, 45602, 45603};

static void run_sequences(unsigned bits)
{
    static struct trial t = {.first = INTERPRETER, .last = COMPILER, .later = true};
    uint64_t first = number("SEQUENCE_SEED", 1),
             many = number("SEQUENCES", getenv("SEQUENCE_SEED") ? 1 : 600);
    struct count n = {0};
    if (!host_runs(bits) || number("SEQUENCE_BITS", bits) != bits) {
        fprintf(stderr, "%u-bit code is not run\n", bits);
        skip();
    }
    host_catch_faults();
    uint64_t old = getenv("SEQUENCE_SEED") ? 0 : sizeof once_wrong / sizeof once_wrong[0];
    for (uint64_t i = 0; i < many + old && n.failed < 10; i++) {
        const char *what = run_sequence(&t, bits, i < many ? first + i : once_wrong[i - many], &n);
        if (what)
            report(&t, what);
    }
    fprintf(
        stderr,
        "%u-bit code: %u runs of %llu steps, %u of which ended with a fault; %u states left out; digest %016llx\n",
        bits, n.runs, (unsigned long long)n.steps, n.faults, n.left, (unsigned long long)n.digest);
    assert_int_equal(n.failed, 0);
}

static void test_code64(void **state)
{
    run_sequences(64);
}
static void test_code32(void **state)
{
    run_sequences(32);
}
static void test_code16(void **state)
{
    run_sequences(16);
}

static unsigned units_left(const struct sequence *q, const char *mnemonic)
{
    unsigned n = 0;
    for (unsigned i = 0; i < q->n; i++)
        n += !q->unit[i].dropped && (!mnemonic || !strcmp(q->unit[i].c.row->mnemonic, mnemonic));
    return n;
}

static const char *planted(void)
{
    const char *s = getenv("SEQUENCE_WRONG");
    return s ? s : "imul";
}

/* A mistake is found, and what is left then of the sequence is the instruction and little else. */
static void test_mistake(void **state)
{
    static struct trial t = {.first = MISTAKEN, .last = MISTAKEN};
    struct count n = {0};
    const char *what = NULL;
    if (!x86_compiles())
        skip();
    host_catch_faults();
    for (uint64_t seed = 1; seed < number("SEQUENCES", 100) && !what; seed++)
        what = run_sequence(&t, 64, seed, &n);
    assert_non_null(what);
    shrink(&t, what);
    assert_int_equal(t.by, MISTAKEN);
    assert_true(units_left(&t.q, planted()) > 0);
    assert_true(units_left(&t.q, NULL) <= 4);
}

static int setup(void **state)
{
    bool good = host_init();
    for (unsigned i = MISTAKEN + 1; i-- && good;) {
        struct engine_host host = emulators[i].host;
        host.wrong = i == MISTAKEN ? planted() : NULL;
        if (i == LATER)
            host.level = (uint8_t)number("SEQUENCE_LEVEL", host.level);
        good = guest_init(i, &host);
    }
    return good ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mistake), cmocka_unit_test(test_code64),
                                       cmocka_unit_test(test_code32), cmocka_unit_test(test_code16)};
    return cmocka_run_group_tests(tests, setup, NULL);
}

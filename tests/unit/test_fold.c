/* test_fold.c - sequences of events that repeat (core/story/fold.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "core/run/times.h"
#include "core/story/fold.h"

enum { MOST = 20000 };

/* What came out. */
struct out {
    struct event ev[MOST];
    char text[MOST][16];
    unsigned n;
};

static void put(void *ctx, const struct event *ev)
{
    struct out *o = ctx;
    assert_true(o->n < MOST);
    if (o->n)
        assert_true(o->ev[o->n - 1].icount <= ev->icount);
    if (ev->len)
        memcpy(o->text[o->n], ev->data, ev->len);
    o->ev[o->n++] = *ev;
}

static struct event pio(unsigned port, bool write, uint64_t value, uint64_t icount)
{
    struct event ev = {.kind = write ? EV_PIO_WRITE : EV_PIO_READ, .icount = icount, .time = icount};
    ev.f[EVF_PIO_READ_port] = port;
    ev.f[EVF_PIO_READ_size] = 1;
    ev.f[EVF_PIO_READ_value] = value;
    ev.f[EVF_PIO_READ_count] = 1;
    return ev;
}

static struct event line(const char *text, uint64_t icount)
{
    return (struct event){
        .kind = EV_CONSOLE_LINE, .icount = icount, .data = text, .len = (uint32_t)strlen(text)};
}

static void give(struct fold *f, struct event ev)
{
    fold_event(f, &ev);
}

/* `in 60h; out 80h`, n times, from icount on; what is read counts up. */
static uint64_t loop(struct fold *f, unsigned n, uint64_t icount)
{
    for (unsigned i = 0; i < n; i++, icount += 10) {
        give(f, pio(0x60, false, i, icount));
        give(f, pio(0x80, true, 7, icount + 1));
    }
    return icount;
}

/* Every event is in the trace, or is counted. */
static uint64_t counted(const struct out *o)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < o->n; i++)
        n += o->ev[i].kind == EV_AGAIN
                 ? o->ev[i].f[EVF_AGAIN_count] * o->ev[i].f[EVF_AGAIN_period] + o->ev[i].f[EVF_AGAIN_more]
                 : 1;
    return n;
}

static void test_loop(void **state)
{
    struct out *o = mem_zero(1, sizeof *o);
    struct fold *f = fold_new(put, o);
    loop(f, 1000, 100);
    fold_finish(f);
    assert_int_equal(o->n, 4 + 1 + 2);
    assert_int_equal(counted(o), 2000);
    const struct event *a = &o->ev[4];
    assert_int_equal(a->kind, EV_AGAIN);
    assert_int_equal(a->f[EVF_AGAIN_period], 2);
    assert_int_equal(a->f[EVF_AGAIN_count], 997);
    assert_int_equal(a->f[EVF_AGAIN_more], 0);
    assert_int_equal(a->f[EVF_AGAIN_begin], 120);
    assert_int_equal(a->f[EVF_AGAIN_classes], EVENT_CLASS_BIT(EC_PIO));
    assert_int_equal(a->icount, 100 + 998 * 10 + 1);
    /* The last time, with what it read. */
    assert_int_equal(o->ev[5].f[EVF_PIO_READ_value], 999);
    fold_free(f);
    free(o);
}

/* A few repetitions are no loop; nor is what is written differently each time. */
static void test_few(void **state)
{
    struct out *o = mem_zero(1, sizeof *o);
    struct fold *f = fold_new(put, o);
    uint64_t at = loop(f, 10, 0);
    for (unsigned i = 0; i < 1000; i++, at += 2) {
        give(f, pio(0xcf8, true, 0x80000000u + 4 * i, at));
        give(f, pio(0xcfc, false, 0, at + 1));
    }
    fold_finish(f);
    assert_int_equal(o->n, 2020);
    fold_free(f);
    free(o);
}

/* Console lines end a loop, and each is there. */
static void test_console(void **state)
{
    struct out *o = mem_zero(1, sizeof *o);
    struct fold *f = fold_new(put, o);
    uint64_t at = 0;
    unsigned lines = 0;
    for (unsigned i = 0; i < 100; i++) {
        at = loop(f, 50, at);
        give(f, line("y", at));
    }
    fold_finish(f);
    for (unsigned i = 0; i < o->n; i++)
        lines += o->ev[i].kind == EV_CONSOLE_LINE && !strcmp(o->text[i], "y");
    assert_int_equal(lines, 100);
    assert_int_equal(o->n, 100 * (4 + 1 + 2 + 1));
    assert_int_equal(counted(o), 100 * 101);
    fold_free(f);
    free(o);
}

/* A loop in a loop, whose length varies. */
static void test_nested(void **state)
{
    struct out *o = mem_zero(1, sizeof *o);
    struct fold *f = fold_new(put, o);
    uint64_t at = 0;
    for (unsigned i = 0; i < 1000; i++, at++) {
        at = loop(f, 30 + i % 5, at);
        give(f, pio(0x61, true, 1, at));
    }
    fold_finish(f);
    assert_in_range(o->n, 20, 40);
    fold_free(f);
    free(o);
}

/* The shortest period that matches for a while need not be the one. */
static void test_awkward(void **state)
{
    static const char *const words[] = {"aab", "aabb", "abaab", "aaaaaab", "abcabd"};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        struct out *o = mem_zero(1, sizeof *o);
        struct fold *f = fold_new(put, o);
        size_t n = strlen(words[w]);
        for (unsigned i = 0; i < 1000 * n; i++)
            give(f, pio((unsigned)words[w][i % n], true, 0, i));
        fold_finish(f);
        assert_int_equal(counted(o), 1000 * n);
        assert_in_range(o->n, 2 * n, 5 * n + 2);
        fold_free(f);
        free(o);
    }
}

static uint64_t boot(struct fold *f, unsigned n, uint64_t at, const char *text)
{
    for (unsigned i = 0; i < n; i++)
        give(f, pio(0x100 + i, true, 0, at++));
    give(f, line(text, at++));
    struct event reset = {.kind = EV_RESET, .icount = at, .data = "port cf9h", .len = 9};
    fold_event(f, &reset);
    return at + 1;
}

/* From reset to reset everything is folded; not in a boot that differs in one line. */
static void test_boots(void **state)
{
    struct out *o = mem_zero(1, sizeof *o);
    struct fold *f = fold_new(put, o);
    uint64_t at = 0;
    for (unsigned i = 0; i < 500; i++)
        at = boot(f, 200, at, "boot");
    at = boot(f, 200, at, "other");
    for (unsigned i = 0; i < 500; i++)
        at = boot(f, 200, at, "boot");
    fold_finish(f);
    assert_int_equal(counted(o), 1001 * 202);
    unsigned other = 0, again = 0;
    for (unsigned i = 0; i < o->n; i++) {
        other += o->ev[i].kind == EV_CONSOLE_LINE && !strcmp(o->text[i], "other");
        again += o->ev[i].kind == EV_AGAIN;
    }
    assert_int_equal(other, 1);
    assert_int_equal(again, 2);
    assert_in_range(o->n, 5 * 202, 6 * 202);
    fold_free(f);
    free(o);
}

static uint64_t stretch(struct fold *f, unsigned which, uint64_t at)
{
    switch (which % 4) {
    case 0:
        return loop(f, 300, at);
    case 1:
        for (unsigned i = 0; i < 20; i++, at++) {
            at = loop(f, 30, at);
            give(f, pio(0x61, true, 1, at));
        }
        return at;
    default:
        for (unsigned i = 0; i < 5; i++)
            at = boot(f, 100, at, "boot");
        return at;
    }
}

/* What comes after a cut is the same for a folder that was put into the state there. */
static void test_state(void **state)
{
    struct out *a = mem_zero(1, sizeof *a), *b = mem_zero(1, sizeof *b);
    unsigned continued = 0;
    for (unsigned first = 0; first < 8; first++)
        for (unsigned next = 0; next < 8; next++) {
            struct fold *f = fold_new(put, a), *g = fold_new(put, b);
            struct error err;
            a->n = b->n = 0;
            uint64_t at = stretch(f, first, 0);
            fold_cut(f);
            unsigned from = a->n;
            size_t n;
            void *bytes = fold_save(f, &n);
            if (bytes)
                assert_int_equal(fold_load(g, bytes, n, &err), 0);
            stretch(f, next, at);
            stretch(g, next, at);
            fold_finish(f);
            fold_finish(g);
            assert_int_equal(a->n - from, b->n);
            for (unsigned i = 0; i < b->n; i++) {
                assert_int_equal(a->ev[from + i].kind, b->ev[i].kind);
                assert_int_equal(a->ev[from + i].icount, b->ev[i].icount);
                assert_memory_equal(a->ev[from + i].f, b->ev[i].f, sizeof b->ev[i].f);
                continued += b->ev[i].kind == EV_AGAIN && b->ev[i].f[EVF_AGAIN_continues];
            }
            if (bytes) /* hostile bytes */
                for (size_t k = 0; k < n; k += 7) {
                    struct fold *h = fold_new(put, b);
                    ((uint8_t *)bytes)[k] ^= 0x55;
                    b->n = 0;
                    if (!fold_load(h, bytes, n - k % 2, &err))
                        stretch(h, next, at);
                    fold_free(h);
                }
            free(bytes);
            fold_free(f);
            fold_free(g);
        }
    assert_true(continued > 4);
    free(a);
    free(b);
}

/* How often each of the ports 0 to 3ffh was accessed, and how many lines and resets there were: what went in, and what times.h says of what
 * came out. */
enum { SORTS = 0x402 };
struct tally {
    struct fold *fold;
    uint64_t in[SORTS], out[SORTS];
    bool estimated; /* some accesses of inner loops were */
};

static unsigned sort_of(const struct event *ev)
{
    return ev->kind == EV_CONSOLE_LINE ? 0x400
           : ev->kind == EV_RESET      ? 0x401
                                       : ev->f[EVF_PIO_READ_port] & 0x3ff;
}

static void tally_out(struct tally *t, const struct out *o)
{
    struct times *x = times_new();
    for (unsigned i = 0; i < o->n; i++)
        if (times_matter(o->ev[i].kind))
            times_see(x, &o->ev[i], i);
    times_end(x);
    memset(t->out, 0, sizeof t->out);
    for (unsigned i = 0; i < o->n; i++) {
        t->estimated |= times_estimated(x, i);
        assert_false(times_estimated(x, i) && sort_of(&o->ev[i]) == 0x401);
    }
    for (unsigned i = o->n; i-- > 0;) /* in any order */
        t->out[sort_of(&o->ev[i])] += times_get(x, &o->ev[i], i);
    for (unsigned i = 0; i < o->n; i++)
        if (o->ev[i].kind == EV_AGAIN)
            assert_int_equal(times_get(x, &o->ev[i], i), 0);
    times_free(x);
}

static uint64_t tallied(struct tally *t, struct event ev)
{
    t->in[sort_of(&ev)]++;
    give(t->fold, ev);
    return ev.icount + 1;
}

/* A letter is an access; X, Y and Z are loops of several lengths; L is a line, R a reset. */
static uint64_t play(struct tally *t, const char *words, uint64_t at)
{
    for (; *words; words++)
        switch (*words) {
        case 'X':
        case 'Y':
        case 'Z':
            for (unsigned i = 0; i < 50u + 20 * (unsigned)(*words - 'X'); i++) {
                at = tallied(t, pio(0x60 + (unsigned)(*words - 'X'), false, i, at));
                at = tallied(t, pio(0x80, true, 7, at));
            }
            break;
        case 'L':
            at = tallied(t, line("y", at));
            break;
        case 'R':
            at = tallied(t, (struct event){.kind = EV_RESET, .icount = at, .data = "port cf9h", .len = 9});
            break;
        default:
            at = tallied(t, pio(0x100 + (unsigned)*words, true, 0, at));
        }
    return at;
}

static bool play_rounds(const char *words, unsigned rounds, unsigned cut_every, unsigned may_miss)
{
    struct out *o = mem_zero(1, sizeof *o);
    struct tally *t = mem_zero(1, sizeof *t);
    t->fold = fold_new(put, o);
    uint64_t at = 0;
    for (unsigned i = 0; i < rounds; i++) {
        at = play(t, words, at);
        if (cut_every && i % cut_every == cut_every - 1)
            fold_cut(t->fold);
    }
    fold_finish(t->fold);
    tally_out(t, o);
    assert_true(o->n < at / 4); /* it was folded */
    for (unsigned i = 0; i < SORTS; i++)
        assert_true(t->out[i] + may_miss >= t->in[i] && t->out[i] <= t->in[i] + may_miss);
    const bool estimated = t->estimated;
    fold_free(t->fold);
    free(o);
    free(t);
    return estimated;
}

/* What was folded is counted, whatever is repeated in what, and wherever it was cut. */
static void test_times(void **state)
{
    static const char *const loops[] = {"a", "ab", "aab", "abaab", "aaaaaab", "abcabd"};
    static const char *const nested[] = {"X", "aX", "XaY", "abXcYdZ", "XLYL", "XLR", "abXcR", "aLXXbYR"};
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++)
        for (unsigned cut = 0; cut < 200; cut += 33)
            play_rounds(loops[i], 500, cut, 0);
    assert_false(play_rounds("ab", 500, 0, 0));
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        const bool estimated = play_rounds(nested[i], 100, 0, 0);
        if (!strchr(nested[i], 'L')) /* the first is one long loop */
            assert_int_equal(estimated, i > 0);
        play_rounds(nested[i], 100, 7, 100 / 7); /* a round of an inner loop at each cut */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop),   cmocka_unit_test(test_few),     cmocka_unit_test(test_console),
        cmocka_unit_test(test_nested), cmocka_unit_test(test_awkward), cmocka_unit_test(test_boots),
        cmocka_unit_test(test_state),  cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_cost.c - the guest time that accesses to devices take (hv/board/cost.c): how much, and that it is the same for
 * compiled and interpreted code, and however a run is divided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/run/state.h"
#include "hv/hv.h"
#include "core/engine/engines.h"
#include "tests/unit/recording.h"

enum { ROUNDS = 3000, STEPS = 60000, SUM = 0x600, TICKS = 0x604 };

/* At 7C00h, in flat 32-bit code. The PIT ticks every 25 microseconds (divisor 30); then ROUNDS times:
 *         in $0x61,%al
 *         rdtsc
 *         add %eax,%esi
 *         rol $1,%esi
 *         mov $0x1f0,%dx
 *         in %dx,%ax
 *         mov 0xfed00000,%eax
 *         add %eax,%esi
 * At the end ESI is stored at 600h, and it halts for good. A tick counts at 604h, and ends with OUT to port 20h. */
static const uint8_t guest[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x0f, 0x01, 0x16, 0xa8, 0x7c, 0x0f, 0x01, 0x1e, 0xae, 0x7c, 0xb0, 0x01,
    0x0f, 0x22, 0xc0, 0xea, 0x19, 0x7c, 0x08, 0x00, 0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e,
    0xd0, 0xbc, 0x00, 0x70, 0x00, 0x00, 0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 0x04, 0xe6,
    0x21, 0xb0, 0x01, 0xe6, 0x21, 0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x1e, 0xe6, 0x40,
    0x30, 0xc0, 0xe6, 0x40, 0x31, 0xf6, 0xb9, 0xb8, 0x0b, 0x00, 0x00, 0xfb, 0xe4, 0x61, 0x0f, 0x31, 0x01,
    0xc6, 0xd1, 0xc6, 0x66, 0xba, 0xf0, 0x01, 0x66, 0xed, 0xa1, 0x00, 0x00, 0xd0, 0xfe, 0x01, 0xc6, 0x49,
    0x75, 0xe8, 0x89, 0x35, 0x00, 0x06, 0x00, 0x00, 0xfa, 0xf4, 0xeb, 0xfd, 0x50, 0xff, 0x05, 0x04, 0x06,
    0x00, 0x00, 0x01, 0x15, 0x08, 0x06, 0x00, 0x00, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf, 0x8d, 0x76, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xcf, 0x00, 0xff,
    0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00, 0x72, 0x7c, 0x08, 0x00, 0x00, 0x8e, 0x00, 0x00, 0x17, 0x00,
    0x88, 0x7c, 0x00, 0x00, 0x07, 0x01, 0xa0, 0x7b, 0x00, 0x00};

static struct engine *make(const char *compile)
{
    static const struct setting settings[] = {
        {"memory", "2097152"}, {"bios", "none"}, {"flat-address", "31744"}};
    static const struct image image = {
        .role = "flat", .name = "guest", .size = sizeof guest, .ctx = (void *)guest, .read = read_bytes};
    static const struct engine_config cfg = {
        .settings = settings, .nsettings = 3, .images = &image, .nimages = 1};
    struct error err;
    struct engine_config own = cfg;
    own.host = engine_host_of(compile, NULL);
    struct engine *e = hv_create(&own, &err);
    assert_non_null(e);
    return e;
}

static struct stop run_to(struct engine *e, uint64_t icount)
{
    const struct run_limit limit = {.icount = icount, .time = UINT64_MAX};
    struct stop stop;
    e->ops->run(e, &limit, &stop);
    return stop;
}

static uint32_t word_at(struct engine *e, uint64_t pa)
{
    uint32_t v = 0;
    assert_int_equal(e->ops->peek_physical(e, pa, &v, 4), 4);
    return v;
}

struct end {
    uint64_t icount, time, hash;
    uint32_t sum, ticks;
};

static struct end end_of(struct engine *e)
{
    struct state_hash *h = state_hash_new();
    struct end end = {.icount = e->ops->icount(e), .time = e->ops->time(e)};
    end.hash = state_hash_engine(h, e, NULL);
    end.sum = word_at(e, SUM);
    end.ticks = word_at(e, TICKS);
    state_hash_free(h);
    e->ops->destroy(e);
    return end;
}

/* Each round takes 1000 (port 61h) + 120 (16 bits of an IDE data register) + 800 ns (HPET), and each tick 1000. */
static void test_amount(void **state)
{
    struct engine *e = make("0");
    uint64_t before = e->ops->time(e);
    assert_int_equal(run_to(e, UINT64_MAX).reason, STOP_HALTED);
    uint32_t ticks = word_at(e, TICKS);
    uint64_t took = e->ops->time(e) - before, steps = e->ops->icount(e);
    assert_int_equal(took - steps, ROUNDS * (1000 + 120 + 800) + ticks * 1000 + 8 * 1000);
    assert_in_range(ticks, took / 25143 - 2, took / 25143);
    e->ops->destroy(e);
}

static void test_compiled(void **state)
{
    struct engine *a = make("0"), *b = make("1");
    assert_int_equal(run_to(a, UINT64_MAX).reason, STOP_HALTED);
    assert_int_equal(run_to(b, UINT64_MAX).reason, STOP_HALTED);
    struct end x = end_of(a), y = end_of(b);
    assert_int_equal(x.sum, y.sum);
    assert_int_equal(x.ticks, y.ticks);
    assert_int_equal(x.time, y.time);
    assert_int_equal(x.hash, y.hash);
}

/* The same for each length of the pieces, so that they end before, in and after accesses, at deadlines or not. */
static void test_pieces(void **state)
{
    static const unsigned pieces[] = {1, 2, 3, 7, 11, 97, 1009, 5003};
    struct engine *whole = make("1");
    run_to(whole, STEPS / 3);
    struct end want = end_of(whole);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct engine *e = make("1");
        for (uint64_t at = 0; at < STEPS / 3;) {
            at = at + pieces[i] < STEPS / 3 ? at + pieces[i] : STEPS / 3;
            run_to(e, at);
        }
        struct end got = end_of(e);
        assert_int_equal(got.icount, want.icount);
        assert_int_equal(got.time, want.time);
        assert_int_equal(got.hash, want.hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amount),
        cmocka_unit_test(test_compiled),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

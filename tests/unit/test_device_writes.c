/* test_device_writes.c - the last write to memory that a device wrote: the same with and without what the timeline knows of devices'
 * writes, and found without running parts that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/timeline/timeline.h"
#include "tests/host_asked.h"
#include "tests/unit/recording.h"

static const struct engine_kind pc_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked};
static const struct engine_kind *const kinds[] = {&pc_kind};

/* Real mode at 0:8000h: fw_cfg's DMA writes its signature to 9000h, and 100,000 steps later to A000h. Its command is at 8050h:
 *     cli; xor %ax,%ax; mov %ax,%ds; mov %ax,%ss; mov $0x7000,%sp
 *     call wait; call read; call wait; movb $0xa0,0x805e; call read; call wait; call wait; mov $3,%al; out %al,$0xf4; 1: hlt; jmp 1b
 *     wait: mov $50000,%ecx; 2: dec %ecx; jnz 2b; ret
 *     read: movl $0x0a000000,0x8050; mov $0x518,%dx; mov $0x50800000,%eax; out %eax,%dx; ret */
static const uint8_t guest[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xe8, 0x1b, 0x00, 0xe8, 0x23, 0x00,
    0xe8, 0x15, 0x00, 0xc6, 0x06, 0x5e, 0x80, 0xa0, 0xe8, 0x18, 0x00, 0xe8, 0x0a, 0x00, 0xe8, 0x07,
    0x00, 0xb0, 0x03, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd, 0x66, 0xb9, 0x50, 0xc3, 0x00, 0x00, 0x66, 0x49,
    0x75, 0xfc, 0xc3, 0x66, 0xc7, 0x06, 0x50, 0x80, 0x00, 0x00, 0x00, 0x0a, 0xba, 0x18, 0x05, 0x66,
    0xb8, 0x00, 0x00, 0x80, 0x50, 0x66, 0xef, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
    0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x90, 0x00};
enum { PART = 40000 };

static char path[64];

static int begin(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/test_device_writes.%d.reel", (int)getpid());
    record_image(path, &pc_kind, "flat", guest, sizeof guest, PART);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

static uint64_t steps_of(const struct timeline *tl)
{
    struct timeline_stats s;
    timeline_stats(tl, &s);
    return s.steps;
}

/* Asks from the end. */
static struct timeline_stopped ask(struct timeline *tl, uint64_t address, uint64_t *steps)
{
    struct timeline_stopped s;
    struct error err = {""};
    assert_int_equal(timeline_seek(tl, trace_last_icount(timeline_trace(tl)), &s, &err), 0);
    *steps = steps_of(tl);
    assert_int_equal(timeline_last_write_physical(tl, address, 4, &s, &err), 0);
    *steps = steps_of(tl) - *steps;
    return s;
}

static void test_known_parts(void **state)
{
    static const uint64_t address[] = {0xb000, 0x9000, 0xa000, 0x8050, 0x8000, 0x6ffe};
    struct error err = {""};
    struct timeline *all = timeline_open(path, kinds, 1, &err), *tl = timeline_open(path, kinds, 1, &err);
    uint64_t steps, first = 0, again = 0;
    (void)state;
    assert_true(all && tl);
    timeline_set_index(all, false);
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof address / sizeof address[0]; i++) {
            const struct timeline_stopped want = ask(all, address[i], &steps),
                                          got = ask(tl, address[i], &steps);
            assert_int_equal(got.reason, want.reason);
            assert_int_equal(got.icount, want.icount);
            assert_int_equal(got.device, want.device);
            if (address[i] == 0x9000 || address[i] == 0xa000)
                assert_true(got.device && got.reason == TIMELINE_WATCHPOINT);
            if (!i)
                *(round ? &again : &first) = steps;
        }
    assert_true(first > PART);
    assert_true(again < PART / 4);
    timeline_close(all);
    timeline_close(tl);
}

/* A stop point at a physical address meets each of these writes, in both directions, and a scan counts them. */
static bool count_hit(void *ctx, const struct timeline_hit *hit)
{
    assert_true(hit->device && hit->size && hit->physical >= 0x9000 && hit->physical + hit->size <= 0xa004);
    ++*(unsigned *)ctx;
    return true;
}

static void test_stops(void **state)
{
    const struct timeline_stop stop = {.kind = TS_WATCH_WRITE_PHYSICAL, .address = 0x9000, .length = 0x1004};
    struct error err = {""};
    struct timeline *tl = timeline_open(path, kinds, 1, &err);
    struct timeline_stopped s;
    unsigned id, n = 0;
    uint64_t at[2];
    (void)state;
    assert_non_null(tl);
    assert_int_equal(timeline_stop_add(tl, &stop, &id, &err), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(timeline_continue(tl, TIMELINE_FORWARD, &s, &err), 0);
        assert_int_equal(s.reason, TIMELINE_WATCHPOINT);
        assert_int_equal(s.kind, STOPS_WRITE_PHYSICAL);
        assert_true(s.device && s.id == id && s.address == (i ? 0xa000 : 0x9000));
        at[i] = s.icount;
    }
    assert_int_equal(timeline_continue(tl, TIMELINE_FORWARD, &s, &err), 0);
    assert_int_equal(s.reason, TIMELINE_AT_END);
    for (unsigned i = 2; i-- > 0;) {
        assert_int_equal(timeline_continue(tl, TIMELINE_BACK, &s, &err), 0);
        assert_int_equal(s.reason, TIMELINE_WATCHPOINT);
        assert_true(s.device && s.icount == at[i] - 1);
    }
    assert_int_equal(timeline_scan(tl, &stop, 0, UINT64_MAX, count_hit, &n, &s, &err), 0);
    assert_int_equal(n, 2);
    timeline_close(tl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_parts), cmocka_unit_test(test_stops)};
    return cmocka_run_group_tests(tests, begin, end);
}

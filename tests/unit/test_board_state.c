/* test_board_state.c - the board's state and its events: saving and loading, disks and what is written to them,
 * folds and console lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/board/inputs.h"
#include "tests/unit/mainboard.h"
#include "tests/unit/saved_state.h"

/* ---------------------------------------------------------------- snapshots in memory */

static struct saved *save(struct board *b, struct snapshot_base *base)
{
    struct saved *s = mem_zero(1, sizeof *s);
    const struct snapshot_sink sink = saved_sink(s);
    board_save(b, &sink, base);
    assert_true(s->npages < 3000); /* RAM and disk have more */
    return s;
}

static void load(struct board *b, struct saved *s, bool whole)
{
    const struct snapshot_source source = saved_source(s, whole);
    struct error err;
    if (board_load(b, &source, &err))
        fail_msg("%s", err.text);
}

static void assert_same(const struct saved *a, const struct saved *b)
{
    unsigned different = 0;
    assert_int_equal(a->nsections, b->nsections);
    for (unsigned i = 0; i < a->nsections; i++) {
        assert_string_equal(a->section[i].name, b->section[i].name);
        if (a->section[i].size == b->section[i].size &&
            !memcmp(a->section[i].bytes, b->section[i].bytes, a->section[i].size))
            continue;
        print_error("section %s differs\n", a->section[i].name);
        different++;
    }
    assert_int_equal(different, 0);
    assert_int_equal(a->npages, b->npages);
    for (unsigned i = 0; i < a->npages; i++)
        assert_true(a->page[i].index == b->page[i].index && !strcmp(a->page[i].region, b->page[i].region) &&
                    !memcmp(a->page[i].data, b->page[i].data, SNAPSHOT_PAGE));
}

/* ---------------------------------------------------------------- disks */

static void expect_disk(struct disk *d, uint64_t at, size_t n, const uint8_t *expect)
{
    uint8_t buf[16384];
    assert_int_equal(disk_read(d, at, buf, n), 0);
    assert_memory_equal(buf, expect, n);
}

static void disk_overlay(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    struct disk *d = board_disk(b, "disk0");
    static uint8_t want[DISK_SIZE], zero[4096];
    const char *how;
    int status;
    assert_ptr_equal(d, board_disk(b, "disk0"));
    assert_null(board_disk(b, "disk1"));
    assert_int_equal(disk_size(d), DISK_SIZE);
    image_read(NULL, 0, want, DISK_SIZE, NULL);
    expect_disk(d, 100, 10000, want + 100);
    /* A part of two chunks, a chunk of zeroes, the last sector. */
    memset(want + 4000, 0xaa, 500);
    assert_int_equal(disk_write(d, 4000, want + 4000, 500), 0);
    memset(want + 12288, 0, 4096);
    assert_int_equal(disk_write(d, 12288, zero, 4096), 0);
    memset(want + DISK_SIZE - 512, 0x55, 512);
    assert_int_equal(disk_write(d, DISK_SIZE - 512, want + DISK_SIZE - 512, 512), 0);
    expect_disk(d, 0, 16384, want);
    expect_disk(d, DISK_SIZE - 5000, 5000, want + DISK_SIZE - 5000);
    /* Save, write more, load: the first state again, with its chunk of zeroes. */
    struct snapshot_base base = {0};
    struct saved *first = save(b, &base);
    assert_int_equal(disk_write(d, 20480, zero, 512), 0);
    struct saved *second = save(b, &base);
    for (unsigned i = 0, pages = 0; i < second->npages; i++)
        if (!strcmp(second->page[i].region, "disk0"))
            assert_int_equal(++pages, 1);
    /* Two that save by changes: a third's load is a change to both, a chunk that is gone included. */
    struct snapshot_base other = base;
    load(b, first, true);
    for (unsigned k = 0; k < 2; k++) {
        struct saved *changes = save(b, k ? &other : &base);
        bool gone = false;
        for (unsigned i = 0; i < changes->npages; i++)
            gone |= !strcmp(changes->page[i].region, "disk0") && changes->page[i].index == 5 &&
                    !memcmp(changes->page[i].data, zero, sizeof zero);
        assert_true(gone);
        saved_free(changes);
    }
    expect_disk(d, 8192, 16384, want + 8192);
    struct saved *again = save(b, NULL);
    assert_same(first, again);
    load(b, second, false);
    memset(want + 20480, 0, 512);
    expect_disk(d, 8192, 16384, want + 8192);
    saved_free(first);
    saved_free(second);
    saved_free(again);
    /* Beyond the end. */
    assert_int_equal(disk_read(d, DISK_SIZE - 1, want, 2), -1);
    assert_int_equal(board_take_request(b, &status, &how), BOARD_ERROR);
}

static unsigned pages_of(const struct saved *s, const char *region)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->npages; i++)
        n += !strcmp(s->page[i].region, region);
    return n;
}

/* Zeroed chunks: the map alone says so where nothing was before; a chunk that was written becomes a page of zeros. */
static void disk_zeroed(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    struct disk *d = board_disk(b, "disk0");
    static uint8_t want[DISK_SIZE];
    image_read(NULL, 0, want, DISK_SIZE, NULL);
    memset(want + 8192, 0x11, 4096);
    assert_int_equal(disk_write(d, 8192, want + 8192, 4096), 0);
    struct snapshot_base base = {0};
    struct saved *before = save(b, &base);
    assert_int_equal(disk_zero(d, 3584, 17408), 0); /* a part of chunk 0, chunks 1 to 4, a part of chunk 5 */
    memset(want + 3584, 0, 17408);
    expect_disk(d, 0, 16384, want);
    expect_disk(d, 16384, 16384, want + 16384);
    struct saved *changes = save(b, &base), *whole = save(b, NULL);
    assert_int_equal(pages_of(changes, "disk0"), 3); /* 0, 2 and 5 */
    assert_int_equal(pages_of(whole, "disk0"), 3);
    load(b, before, true);
    image_read(NULL, 0, want, 8192, NULL);
    expect_disk(d, 0, 8192, want);
    load(b, whole, true);
    memset(want + 3584, 0, 17408);
    expect_disk(d, 0, 16384, want);
    expect_disk(d, 16384, 16384, want + 16384);
    want[5000] = 7;
    assert_int_equal(disk_write(d, 5000, want + 5000, 1), 0);
    assert_int_equal(disk_zero(d, DISK_SIZE, 1), -1);
    expect_disk(d, 0, 16384, want);
    saved_free(before);
    saved_free(changes);
    saved_free(whole);
}

/* A guest may have a large disk forgotten at once, which costs next to nothing; what it writes then is there. */
static void disk_zeroed_at_once(void **state)
{
    enum { MB = 1 << 20, AT = 4096 };
    const uint64_t size = ((uint64_t)2 << 30) + 5 * MB + 512, far = ((uint64_t)1 << 30) + 5;
    struct fixture *f = *state;
    board_destroy(f->board);
    struct board *b = f->board = make_board_with(f, size);
    struct disk *d = board_disk(b, "disk0");
    struct snapshot_base base = {0};
    uint8_t written[AT], was[AT], zeros[AT] = {0}, one[AT] = {0};
    memset(written, 0x11, AT);
    one[5] = 7;
    image_read(NULL, far - 5, was, AT, NULL);
    assert_int_equal(disk_write(d, 8 * MB, written, AT), 0);
    struct saved *before = save(b, &base);
    assert_int_equal(disk_zero(d, 512, size - 512), 0);
    struct saved *changes = save(b, &base), *whole = save(b, NULL);
    assert_int_equal(pages_of(changes, "disk0"),
                     3); /* the first chunk, what was written, and a part of a chunk at the end */
    assert_int_equal(pages_of(changes, "disk0.map"), 17);
    for (unsigned turn = 0; turn < 3; turn++) {
        load(b, before, true);
        expect_disk(d, 8 * MB, AT, written);
        expect_disk(d, far - 5, AT, was);
        assert_int_equal(pages_of(before, "disk0.map"), 1);
        load(b, turn ? whole : changes, turn);
        expect_disk(d, 8 * MB, AT, zeros);
        expect_disk(d, far - 5, AT, zeros);
        expect_disk(d, size - 512, 512, zeros);
    }
    assert_int_equal(disk_write(d, far, one + 5, 1), 0);
    struct saved *after = save(b, NULL);
    load(b, before, true);
    load(b, after, true);
    expect_disk(d, far - 5, AT, one);
    expect_disk(d, far - 5 - AT, AT, zeros);
    saved_free(before);
    saved_free(changes);
    saved_free(whole);
    saved_free(after);
}

/* ---------------------------------------------------------------- events */

static void say(struct fixture *f, struct board *b, const char *text)
{
    while (*text)
        out(f, b, 0x402, 1, (uint8_t)*text++);
}

static void folding(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    observe(f, b, EVENT_CLASSES_ALL);
    for (int i = 0; i < 5; i++)
        in(f, b, 0x1234, 1);
    in(f, b, 0x1234, 2);
    out(f, b, 0x80, 1, 0x42);
    f->icount++;
    board_set_a20(b, false);
    say(f, b, "ab\r\ncd\n");
    board_flush_events(b);
    assert_string_equal(f->log, "5 pio.read: in 0x1234/1 -> 0xff x5\n"
                                "5 unhandled: port 0x1234 value 0xff write=off at 0xfffffff0 x5\n"
                                "6 pio.read: in 0x1234/2 -> 0xffff x1\n"
                                "6 unhandled: port 0x1234 value 0xffff write=off at 0xfffffff0 x1\n"
                                "7 pio.write: out 0x80/1 <- 0x42 x1\n"
                                "7 firmware.post: POST code 0x42\n"
                                "8 cpu.a20: A20 gate off\n"
                                "12 console: ab\n"
                                "12 firmware.log: ab\n"
                                "15 console: cd\n"
                                "15 firmware.log: cd\n"
                                "15 pio.write: out 0x402/1 <- 0x61 0x62 0xd 0xa 0x63 0x64 0xa x7\n");
}

static void console_lines(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    observe(f, b, EVENT_CLASS_BIT(EC_CONSOLE));
    for (int i = 0; i < 2300; i++)
        board_console(b, 0, i == 2100 ? '\n' : 'x');
    board_console(b, 8, 'y');
    unsigned lines = 0;
    for (const char *p = f->log; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 3);
    board_flush_events(b);
    assert_non_null(strstr(f->log, "y\n"));
}

/* A snapshot in the middle of a fold and of a line: another board goes on as the first does, and it does not
 * matter what was observed before. */
static void fold_survives(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board, *other = make_board(f);
    char first[sizeof f->log];
    for (int i = 0; i < 3; i++)
        in(f, b, 0x1234, 1);
    say(f, b, "hel");
    struct saved *s = save(b, NULL);
    uint64_t then = f->icount;
    observe(f, b, EVENT_CLASSES_ALL);
    say(f, b, "lo\n");
    in(f, b, 0x1234, 1);
    board_flush_events(b);
    strcpy(first, f->log);
    struct saved *end = save(b, NULL);
    load(other, s, true);
    f->icount = then;
    observe(f, other, EVENT_CLASS_BIT(EC_CONSOLE));
    observe(f, other, EVENT_CLASSES_ALL);
    say(f, other, "lo\n");
    in(f, other, 0x1234, 1);
    board_flush_events(other);
    assert_string_equal(first, f->log);
    assert_non_null(strstr(first, "x6"));
    assert_non_null(strstr(first, "hello"));
    struct saved *other_end = save(other, NULL);
    assert_same(end, other_end);
    saved_free(s);
    saved_free(end);
    saved_free(other_end);
    board_destroy(other);
}

static void round_trip(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board, *other = make_board(f);
    board_direct_setup(b);
    board_irq(b, 4, true);
    acpi_power_button(b);
    board_set_a20(b, false);
    out(f, b, 0x510, 2, 0x19);
    in(f, b, 0x511, 1);
    struct saved *s = save(b, NULL);
    load(other, s, true);
    struct saved *t = save(other, NULL);
    assert_same(s, t);
    assert_int_equal(other->irq.driven, b->irq.driven);
    assert_int_equal(other->next_timer, b->next_timer);
    /* What is derived is there too: ports of PMBASE, shadow RAM. */
    assert_int_equal(in(f, other, 0x604, 2), in(f, b, 0x604, 2));
    assert_int_equal(in(f, other, 0x511, 1), in(f, b, 0x511, 1));
    assert_false(physmem_a20(other->mem));
    saved_free(s);
    saved_free(t);
    board_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(disk_overlay, setup, teardown),
        cmocka_unit_test_setup_teardown(disk_zeroed, setup, teardown),
        cmocka_unit_test_setup_teardown(disk_zeroed_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(folding, setup, teardown),
        cmocka_unit_test_setup_teardown(console_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(fold_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

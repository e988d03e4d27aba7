/* test_pflash.c - flash chips (hv/board/firmware/pflash.c) on a mainboard: commands, what can be written, state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/mainboard.h"
#include "tests/unit/saved_state.h"

enum { CODE = 64 << 10, VARS = 16 << 10 };
#define CODE_AT (0x100000000u - CODE)
#define VARS_AT (CODE_AT - VARS)

static struct board *flash_board(struct fixture *f, uint64_t vars, struct error *err)
{
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    f->image[0] = (struct image){.role = "pflash0", .name = "code", .size = CODE, .read = image_read};
    f->image[1] = (struct image){.role = "pflash1", .name = "vars", .size = vars, .read = image_read};
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"pflash0", "read-only"};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 3, .images = f->image, .nimages = 2};
    return board_create(&f->cfg, &host, err);
}

static int make(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    struct error err;
    f->board = flash_board(f, VARS, &err);
    assert_non_null(f->board);
    *state = f;
    return 0;
}

static uint8_t initial(uint64_t offset)
{
    uint8_t b;
    image_read(NULL, offset, &b, 1, NULL);
    return b;
}

/* As a processor does: from memory if it is mapped, else from the device. */
static uint8_t peek(struct board *b, uint64_t at)
{
    uint8_t v;
    if (physmem_mapped(b->mem, at, 1)) {
        physmem_read(b->mem, at, &v, 1);
        return v;
    }
    return (uint8_t)b->cpu[0].bus.read(b->cpu[0].bus.ctx, at, 1);
}

static void poke(struct board *b, uint64_t at, uint8_t v)
{
    b->cpu[0].bus.write(b->cpu[0].bus.ctx, at, 1, v);
}

static void an_array_at_first(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    assert_int_equal(peek(b, CODE_AT + 5), initial(5));
    assert_int_equal(peek(b, VARS_AT + 5), initial(5));
    assert_int_equal(peek(b, 0xffffffffu), initial(CODE - 1));
    assert_int_equal(peek(b, 0xfffffu), initial(CODE - 1)); /* the copy below 1 MiB */
}

/* What OVMF does to find out that it is in flash: neither RAM nor ROM answers so. */
static void firmware_finds_it(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    uint64_t at = VARS_AT + 16;
    uint8_t was = peek(b, at);
    poke(b, at, 0x50);
    assert_int_equal(peek(b, at), was);
    poke(b, at, 0x70);
    assert_int_equal(peek(b, at), 0);
    poke(b, at, 0xff);
    assert_int_equal(peek(b, at), was);
}

static void program_and_erase(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    uint64_t at = VARS_AT + 0x1234;
    poke(b, at, 0x40);
    poke(b, at, 0x5a);
    assert_int_equal(peek(b, at), 0x80); /* status: ready */
    poke(b, at, 0xff);
    assert_int_equal(peek(b, at), 0x5a);
    assert_int_equal(peek(b, at + 1), initial(0x1235));
    poke(b, at, 0x20);
    poke(b, at, 0xd0);
    poke(b, at, 0xff);
    assert_int_equal(peek(b, VARS_AT + 0x1000), 0xff);
    assert_int_equal(peek(b, VARS_AT + 0x1fff), 0xff);
    assert_int_equal(peek(b, VARS_AT + 0x0fff), initial(0xfff));
    assert_int_equal(peek(b, VARS_AT + 0x2000), initial(0x2000));
}

static void an_erase_without_confirmation(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    poke(b, VARS_AT, 0x20);
    poke(b, VARS_AT, 0x00);
    assert_int_equal(peek(b, VARS_AT),
                     0xb0); /* ready, and both errors: a sequence of commands that there is not */
    poke(b, VARS_AT, 0xff);
    assert_int_equal(peek(b, VARS_AT), initial(0));
}

static void buffered(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    poke(b, VARS_AT, 0xe8);
    poke(b, VARS_AT, 3); /* four bytes */
    for (unsigned i = 0; i < 4; i++)
        poke(b, VARS_AT + 0x40 + i, (uint8_t)(0xa0 + i));
    poke(b, VARS_AT, 0xd0);
    poke(b, VARS_AT, 0xff);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(peek(b, VARS_AT + 0x40 + i), 0xa0 + i);
}

static void query(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    poke(b, VARS_AT, 0x98);
    assert_int_equal(peek(b, VARS_AT + 0x10), 'Q');
    assert_int_equal(peek(b, VARS_AT + 0x12), 'Y');
    assert_int_equal(peek(b, VARS_AT + 0x13), 1);               /* Intel's command set */
    assert_int_equal(1u << peek(b, VARS_AT + 0x27), VARS);      /* its size */
    assert_int_equal(peek(b, VARS_AT + 0x2d), VARS / 4096 - 1); /* its blocks */
    assert_int_equal(peek(b, VARS_AT + 0x2f), 4096 / 256);
    assert_int_equal(peek(b, VARS_AT + 0x31), 'P');
    poke(b, VARS_AT, 0xff);
}

static void read_only(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    poke(b, CODE_AT, 0x40);
    poke(b, CODE_AT, 0);
    assert_int_equal(peek(b, CODE_AT), 0x90);
    poke(b, CODE_AT, 0x50);
    poke(b, CODE_AT, 0x20);
    poke(b, CODE_AT, 0xd0);
    assert_int_equal(peek(b, CODE_AT), 0xa0);
    poke(b, CODE_AT, 0xff);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(peek(b, CODE_AT + i), initial(i));
}

static void a_reset_keeps_what_is_written(void **state)
{
    struct board *b = ((struct fixture *)*state)->board;
    poke(b, VARS_AT + 9, 0x40);
    poke(b, VARS_AT + 9, 0x77);
    board_reset(b); /* while it shows its status */
    assert_int_equal(peek(b, VARS_AT + 9), 0x77);
}

/* Saved in the middle of a command, and loaded into another board. */
static void state_is_saved(void **state)
{
    struct fixture *f = *state, *other = mem_zero(1, sizeof *other);
    struct board *b = f->board;
    struct error err;
    poke(b, VARS_AT + 9, 0x40);
    poke(b, VARS_AT + 9, 0x77);
    poke(b, VARS_AT, 0xe8);
    poke(b, VARS_AT, 1);
    poke(b, VARS_AT + 0x80, 0x11);
    struct saved *s = mem_zero(1, sizeof *s);
    const struct snapshot_sink sink = saved_sink(s);
    board_save(b, &sink, NULL);
    struct board *to = flash_board(other, VARS, &err);
    const struct snapshot_source source = saved_source(s, true);
    assert_int_equal(board_load(to, &source, &err), 0);
    assert_int_equal(peek(to, VARS_AT), 0x80);
    poke(to, VARS_AT + 0x81, 0x22);
    poke(to, VARS_AT, 0xd0);
    poke(to, VARS_AT, 0xff);
    assert_int_equal(peek(to, VARS_AT + 9), 0x77);
    assert_int_equal(peek(to, VARS_AT + 0x80), 0x11);
    assert_int_equal(peek(to, VARS_AT + 0x81), 0x22);
    saved_free(s);
    board_destroy(to);
    free(other);
}

static void program_at(struct board *b, uint64_t offset, uint8_t v)
{
    poke(b, VARS_AT + offset, 0x40);
    poke(b, VARS_AT + offset, v);
}

/* errors=nvram: the second to fourth operation fail, which is seen in the status alone. */
static void worn_out(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    const struct setting varied = {"vary", "errors=nvram,n=2,count=3"};
    const struct engine_config cfg = {.settings = &varied, .nsettings = 1};
    const struct observer observer = {.ctx = f, .event = seen};
    struct error err;
    struct vary *v;
    assert_int_equal(vary_create(&cfg, &v, &err), -1); /* a machine without flash */
    struct board *b = flash_board(f, VARS, &err);
    f->setting[3] = varied;
    f->cfg.nsettings = 4;
    assert_int_equal(vary_create(&f->cfg, &v, &err), 0);
    b->host.vary = v;
    board_observe(b, EVENT_CLASSES_ALL, &observer);
    program_at(b, 5, 0x11);
    assert_int_equal(peek(b, VARS_AT), 0x80);
    program_at(b, 6, 0x22);
    assert_int_equal(peek(b, VARS_AT), 0x90); /* programming failed */
    poke(b, VARS_AT, 0x50);
    program_at(b, 7, 0x22);
    poke(b, VARS_AT, 0x50);
    poke(b, VARS_AT + 0x1000, 0x20);
    poke(b, VARS_AT + 0x1000, 0xd0);
    assert_int_equal(peek(b, VARS_AT), 0xa0); /* erasing failed */
    poke(b, VARS_AT, 0x50);
    program_at(b, 8, 0x33);
    assert_int_equal(peek(b, VARS_AT), 0x80);
    poke(b, VARS_AT, 0xff);
    assert_int_equal(peek(b, VARS_AT + 5), 0x11);
    assert_int_equal(peek(b, VARS_AT + 6), initial(6));
    assert_int_equal(peek(b, VARS_AT + 7), initial(7));
    assert_int_equal(peek(b, VARS_AT + 8), 0x33);
    assert_int_equal(peek(b, VARS_AT + 0x1000), initial(0x1000));
    board_flush_events(b);
    assert_non_null(strstr(f->log, "programming pflash1 fails at 0x6\n"));
    assert_null(strstr(f->log, "fails at 0x7\n")); /* right behind */
    assert_non_null(strstr(f->log, "erasing pflash1 fails at 0x1000\n"));
    board_destroy(b);
    vary_free(v);
    free(f);
    (void)state;
}

static void bad_sizes(void **state)
{
    static const uint64_t sizes[] = {0, 1, 4095, 4097, (8 << 20) + 4096};
    struct error err;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fixture *f = mem_zero(1, sizeof *f);
        assert_null(flash_board(f, sizes[i], &err));
        assert_non_null(strstr(err.text, "vars"));
        free(f);
    }
    (void)state;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_array_at_first),
        TEST(firmware_finds_it),
        TEST(program_and_erase),
        TEST(an_erase_without_confirmation),
        TEST(buffered),
        TEST(query),
        TEST(read_only),
        TEST(a_reset_keeps_what_is_written),
        TEST(state_is_saved),
        cmocka_unit_test(bad_sizes),
        cmocka_unit_test(worn_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_load.c - the loaders: images made by hand, on a machine without firmware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/load/load.h"

enum { SETUP = 1024, KERNEL = 4096 };

struct fixture {
    uint8_t bytes[SETUP + KERNEL];
    struct image image;
    struct setting setting[2];
    struct engine_config cfg;
    struct board *board;
    struct load_result result;
    struct error err;
};

static uint64_t zero(void *ctx)
{
    return 0;
}

static int image_read(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    memcpy(buf, (const uint8_t *)ctx + offset, n);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct board_host host = {.icount = zero, .time = zero};
    f->image = (struct image){
        .role = "kernel", .name = "image", .size = sizeof f->bytes, .read = image_read, .ctx = f->bytes};
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->cfg = (struct engine_config){f->setting, 2, &f->image, 1};
    f->board = board_create(&f->cfg, &host, &f->err);
    assert_non_null(f->board);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    board_destroy(f->board);
    free(f);
    return 0;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static int load(struct fixture *f)
{
    return load_images(f->board, &f->cfg, NULL, &f->result, &f->err);
}

/* A bzImage of protocol 2.04 whose header speaks of KERNEL bytes. */
static void make_linux(struct fixture *f)
{
    uint8_t *k = f->bytes;
    k[0x1f1] = SETUP / 512 - 1;
    put32(k + 0x1f4, KERNEL / 16);
    k[0x201] = 0x30;
    memcpy(k + 0x202, "HdrS", 4);
    k[0x206] = 0x04, k[0x207] = 0x02;
    k[0x211] = 1; /* loaded high */
    put32(k + 0x22c, 0x37ffffff);
}

/* Its size is in units of 16 bytes, rounded up: 15 may be missing (memtest86+). */
static void linux_size_is_rounded(void **state)
{
    struct fixture *f = *state;
    make_linux(f);
    f->image.size = SETUP + KERNEL - 15;
    assert_int_equal(load(f), 1);
    assert_int_equal(f->result.entry, 0x100000);
    f->image.size = SETUP + KERNEL - 16;
    assert_int_equal(load(f), -1);
    assert_string_equal(
        f->err.text,
        "image: truncated: its header says 4096 bytes of kernel, the file has 4080: fetch it again");
}

/* A multiboot image from 8000h to 30000h, with all that loaders put there elsewhere. */
static void multiboot_elsewhere(void **state)
{
    struct fixture *f = *state;
    enum { AT = 0x8000, END = 0x30000 };
    uint8_t *k = f->bytes, info[120], seen[sizeof f->bytes];
    memset(k, 0xa5, sizeof f->bytes);
    const uint32_t header[8] = {0x1badb002, 0x10000, -(0x1badb002u + 0x10000u), AT, AT, AT + sizeof f->bytes,
                                END,        AT};
    memcpy(k, header, sizeof header);
    assert_int_equal(load(f), 1);
    physmem_read(board_mem(f->board), AT, seen, sizeof seen);
    assert_memory_equal(seen, k, sizeof seen);
    physmem_read(board_mem(f->board), f->result.params, info, sizeof info);
    const uint64_t structures[] = {f->result.params, info[16] | info[17] << 8 | info[18] << 16,
                                   info[48] | info[49] << 8 | info[50] << 16,
                                   x86_get(board_cpu(f->board, 0), "gdtr_base"),
                                   x86_get(board_cpu(f->board, 0), "rsp") - 1};
    for (size_t i = 0; i < sizeof structures / sizeof structures[0]; i++)
        assert_true(structures[i] >= 0x1000 && (structures[i] < AT || structures[i] >= END));
}

/* There is no place below 4 GiB if it takes all. */
static void multiboot_no_room(void **state)
{
    struct fixture *f = *state;
    const uint32_t header[8] = {0x1badb002, 0x10000, -(0x1badb002u + 0x10000u),
                                0x1000,     0x1000,  0x1000 + sizeof f->bytes,
                                0x9fc00,    0x1000};
    memcpy(f->bytes, header, sizeof header);
    assert_int_equal(load(f), 1);
    assert_true(f->result.params >= 0x100000);
    put32(f->bytes + 12, 0xe0000);
    put32(f->bytes + 16, 0xe0000);
    put32(f->bytes + 20, 0xe0000 + sizeof f->bytes);
    put32(f->bytes + 24, 0);
    assert_int_equal(load(f), -1);
    assert_non_null(strstr(f->err.text, "lie where firmware has its own"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(linux_size_is_rounded, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_no_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

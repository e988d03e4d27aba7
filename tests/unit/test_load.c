/* test_load.c - the loaders: images made by hand, on a machine without firmware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/memory.h"
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
    struct fixture *f = mem_zero(1, sizeof *f);
    struct board_host host = {.icount = zero, .time = zero};
    f->image = (struct image){
        .role = "kernel", .name = "image", .size = sizeof f->bytes, .read = image_read, .ctx = f->bytes};
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->cfg =
        (struct engine_config){.settings = f->setting, .nsettings = 2, .images = &f->image, .nimages = 1};
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
    put32(k + 0x214, 0x100000);
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

/* Until 2.04 kernels unpack themselves to low memory, up to their parameters or 90000h: all that is theirs lies above. */
static void linux_before_2_05(void **state)
{
    struct fixture *f = *state;
    struct x86 *cpu = board_cpu(f->board, 0);
    uint8_t line[4];
    make_linux(f);
    f->bytes[0x206] = 0x03;
    assert_int_equal(load(f), 1);
    assert_in_range(f->result.params, 0x90000, 0x9efff);
    physmem_read(board_mem(f->board), f->result.params + 0x228, line, sizeof line);
    assert_in_range(line[0] | line[1] << 8 | line[2] << 16, 0x90000, 0x9fbff);
    assert_in_range(x86_get(cpu, "gdtr_base"), 0x90000, 0x9fbff);
    assert_in_range(x86_get(cpu, "rsp"), 0x91000, 0x9fc00);
}

/* Older kernels, and those that are loaded low, are entered in real mode, where they ask the BIOS. */
static void linux_asks_the_bios(void **state)
{
    struct fixture *f = *state;
    static const char said[] = "asks the BIOS about the machine: give it a --bios";
    make_linux(f);
    f->bytes[0x206] = 0x01;
    assert_int_equal(load(f), -1);
    assert_non_null(strstr(f->err.text, said));
    make_linux(f);
    f->bytes[0x211] = 0;
    assert_int_equal(load(f), -1);
    assert_non_null(strstr(f->err.text, said));
    make_linux(f);
    f->bytes[0x206] = 0x07;
    put32(f->bytes + 0x214, 0); /* no entry in protected mode: iPXE */
    assert_int_equal(load(f), -1);
    assert_non_null(strstr(f->err.text, said));
    make_linux(f);
    f->bytes[0x211] = 0;
    memset(f->bytes + 0x202, 0, 4); /* before there were versions */
    f->bytes[0x1fe] = 0x55, f->bytes[0x1ff] = 0xaa;
    assert_int_equal(load(f), -1);
    assert_non_null(strstr(f->err.text, said));
    f->bytes[0x1f5] = 3; /* not what is there: something else */
    assert_int_equal(load(f), -1);
    assert_null(strstr(f->err.text, said));
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
    assert_non_null(strstr(f->err.text, "lie where the firmware keeps its data"));
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* A multiboot image at 100000h. */
static void make_multiboot(uint8_t *k)
{
    enum { AT = 0x100000 };
    const uint32_t header[8] = {0x1badb002, 0x10000, -(0x1badb002u + 0x10000u), AT, AT, 0, 0, AT};
    memcpy(k, header, sizeof header);
}

/* Modules follow the image in their order, each with its string. */
static void multiboot_modules(void **state)
{
    struct fixture *f = *state;
    char one[5000], two[] = "two", seen[sizeof one];
    memset(one, '1', sizeof one);
    make_multiboot(f->bytes);
    const struct image images[3] = {
        f->image,
        {.role = "module1", .name = "b", .size = sizeof two, .read = image_read, .ctx = two},
        {.role = "module0", .name = "a", .size = sizeof one, .read = image_read, .ctx = one}};
    struct setting settings[4] = {
        f->setting[0], f->setting[1], {"module0", "a first words"}, {"module1", "b"}};
    const struct setting want[2] = {settings[2], settings[3]};
    const char *content[2] = {one, two};
    const size_t size[2] = {sizeof one, sizeof two};
    f->cfg = (struct engine_config){.settings = settings, .nsettings = 4, .images = images, .nimages = 3};
    assert_int_equal(load(f), 1);
    uint8_t info[120], module[2][16];
    struct physmem *m = board_mem(f->board);
    physmem_read(m, f->result.params, info, sizeof info);
    assert_true(get32(info) & 8);
    assert_int_equal(get32(info + 20), 2);
    physmem_read(m, get32(info + 24), module, sizeof module);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t at = get32(module[i]), string = get32(module[i] + 8);
        assert_int_equal(get32(module[i] + 4) - at, size[i]);
        assert_int_equal(at % 4096, 0);
        physmem_read(m, at, seen, size[i]);
        assert_memory_equal(seen, content[i], size[i]);
        physmem_read(m, string, seen, strlen(want[i].value) + 1);
        assert_string_equal(seen, want[i].value);
    }
    assert_true(get32(module[0]) >= 0x100000 + sizeof f->bytes && get32(module[1]) >= get32(module[0] + 4));
}

/* ---------------------------------------------------------------- multiboot 2 */

enum { MB2_AT = 0x100000, MB2_HEADER = 64 };

/* A header at 8 with the tags for an image at 100000h: a request for modules, the address, the entry, the end. */
static void make_multiboot2(uint8_t *k)
{
    const uint32_t header[] = {
        0xe85250d6,      0, 80, -(0xe85250d6u + 80), 1, 12, 3, 0, 2, 24, MB2_AT + 8, MB2_AT, 0,
        MB2_AT + 0x4000, 3, 12, MB2_AT + 0x20,       0, 0,  8};
    memset(k, 0x90, SETUP + KERNEL);
    memcpy(k + 8, header, sizeof header);
}

/* The tag of that type in the information, or NULL. */
static const uint8_t *tag_of(const uint8_t *info, uint32_t type)
{
    for (uint32_t at = 8; at < get32(info); at += (get32(info + at + 4) + 7) & ~7u)
        if (get32(info + at) == type)
            return info + at;
    return NULL;
}

static void multiboot2_information(void **state)
{
    struct fixture *f = *state;
    char one[] = "one";
    uint8_t info[2048];
    make_multiboot2(f->bytes);
    const struct image images[2] = {
        f->image, {.role = "module0", .name = "a", .size = sizeof one, .read = image_read, .ctx = one}};
    struct setting settings[4] = {f->setting[0], f->setting[1], {"module0", "a first"}, {"append", "words"}};
    f->cfg = (struct engine_config){.settings = settings, .nsettings = 4, .images = images, .nimages = 2};
    assert_int_equal(load(f), 1);
    assert_string_equal(f->result.protocol, "multiboot2");
    assert_int_equal(f->result.entry, MB2_AT + 0x20);
    assert_int_equal(x86_get(board_cpu(f->board, 0), "rax"), 0x36d76289);
    assert_int_equal(x86_get(board_cpu(f->board, 0), "rbx"), f->result.params);
    physmem_read(board_mem(f->board), f->result.params, info, sizeof info);
    assert_true(get32(info) <= sizeof info && get32(info) % 8 == 0);
    assert_string_equal((const char *)tag_of(info, 1) + 8, "words");
    const uint8_t *module = tag_of(info, 3);
    assert_string_equal((const char *)module + 16, "a first");
    assert_int_equal(get32(module + 12) - get32(module + 8), sizeof one);
    assert_true(get32(module + 8) >= MB2_AT + 0x4000);
    const uint8_t *map = tag_of(info, 6);
    assert_int_equal(get32(map + 8), 24);
    assert_int_equal(get32(map + 4) % 24, 16);
    assert_int_equal(get32(tag_of(info, 0) + 4), 8);
    assert_null(tag_of(info, 21));
}

static void refused(struct fixture *f, const char *text)
{
    assert_int_equal(load(f), -1);
    if (!strstr(f->err.text, text))
        fail_msg("%s: no \"%s\"", f->err.text, text);
}

static void multiboot2_damaged(void **state)
{
    struct fixture *f = *state;
    make_multiboot2(f->bytes);
    put32(f->bytes + 8 + 24, 8); /* the framebuffer's description is asked for */
    refused(f, "asks for multiboot 2 information of type 8");
    make_multiboot2(f->bytes);
    put32(f->bytes + 8 + 16 + 4, 1000);
    refused(f, "goes beyond the header");
    make_multiboot2(f->bytes);
    put32(f->bytes + 8 + 16 + 4, 4);
    refused(f, "goes beyond the header");
    make_multiboot2(f->bytes);
    put32(f->bytes + 8 + 16, 7); /* boot services of EFI */
    refused(f, "not supported (tag 7)");
    make_multiboot2(f->bytes);
    put32(f->bytes + 8 + 16 + 16 + 24, 5); /* no entry */
    refused(f, "tag 5");
    make_multiboot2(f->bytes);
    put32(f->bytes + 8 + 4, 4);
    put32(f->bytes + 8 + 12, -(0xe85250d6u + 80 + 4));
    refused(f, "another processor");
    make_multiboot2(f->bytes);
    put32(f->bytes + 8 + 8, 0x10000000);
    put32(f->bytes + 8 + 12, -(0xe85250d6u + 0x10000000));
    refused(f, "truncated");
}

/* ---------------------------------------------------------------- PVH */

/* An ELF file of 32 bits: a segment at 100000h, and a note with the entry 100010h. */
static void make_pvh(uint8_t *k)
{
    enum { HEAD = 52, PH = 32, NOTE = 256 };
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
    const uint32_t rest[] = {2 | 3 << 16, 1, 0x100000, HEAD, 0, 0, HEAD | PH << 16, 2, 0};
    const uint32_t load_it[] = {1, 512, 0x100000, 0x100000, 1024, 4096, 7, 4096};
    const uint32_t note_it[] = {4, NOTE, 0, 0, 40, 40, 4, 4};
    const uint32_t notes[] = {4, 4, 1, 0x554e47 /* GNU */, 1, 4, 4, 18, 0x6e6558 /* Xen */, 0x100010};
    memset(k, 0, SETUP + KERNEL);
    memcpy(k, ident, sizeof ident);
    memcpy(k + 16, rest, sizeof rest);
    memcpy(k + HEAD, load_it, sizeof load_it);
    memcpy(k + HEAD + PH, note_it, sizeof note_it);
    memcpy(k + NOTE, notes, sizeof notes);
    memset(k + 512, 0x90, 1024);
}

/* The same file with a multiboot header, and linked at C0100000h: where its entry is follows from its segment. */
static void multiboot_linked_high(void **state)
{
    struct fixture *f = *state;
    const uint32_t header[3] = {0x1badb002, 0, -0x1badb002u};
    make_pvh(f->bytes);
    memcpy(f->bytes + 512, header, sizeof header);
    put32(f->bytes + 24, 0xc0100010);
    put32(f->bytes + 52 + 8, 0xc0100000);
    f->setting[1] = (struct setting){"protocol", "multiboot"};
    assert_int_equal(load(f), 1);
    assert_int_equal(f->result.entry, 0x100010);
    assert_int_equal(x86_get(board_cpu(f->board, 0), "rip"), 0x100010);
    put32(f->bytes + 24, 0x100010); /* a physical entry is in no segment */
    assert_int_equal(load(f), 1);
    assert_int_equal(f->result.entry, 0x100010);
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void pvh_start_info(void **state)
{
    struct fixture *f = *state;
    char initrd[] = "initrd", line[8];
    uint8_t info[2048];
    struct physmem *m = board_mem(f->board);
    make_pvh(f->bytes);
    const struct image images[2] = {
        f->image, {.role = "initrd", .name = "i", .size = sizeof initrd, .read = image_read, .ctx = initrd}};
    struct setting settings[3] = {f->setting[0], f->setting[1], {"append", "words"}};
    f->cfg = (struct engine_config){.settings = settings, .nsettings = 3, .images = images, .nimages = 2};
    assert_int_equal(load(f), 1);
    assert_string_equal(f->result.protocol, "pvh");
    assert_int_equal(f->result.entry, 0x100010);
    assert_int_equal(x86_get(board_cpu(f->board, 0), "rbx"), f->result.params);
    physmem_read(m, f->result.params, info, sizeof info);
    assert_int_equal(get32(info), 0x336ec578);
    assert_int_equal(get32(info + 4), 1);
    assert_int_equal(get32(info + 12), 1);
    const uint8_t *module = info + (get64(info + 16) - f->result.params);
    assert_int_equal(get64(module + 8), sizeof initrd);
    assert_true(get64(module) >= 0x101000 && get64(module) % 4096 == 0);
    physmem_read(m, get64(info + 24), line, sizeof line);
    assert_string_equal(line, "words");
    const uint8_t *map = info + (get64(info + 40) - f->result.params);
    assert_true(get32(info + 48) > 1);
    assert_int_equal(get64(map), 0);
    assert_int_equal(get32(map + 16), 1);
}

/* Notes whose sizes lie, and an image that was loaded by the protocol that was asked for. */
static void pvh_damaged(void **state)
{
    struct fixture *f = *state;
    struct setting settings[3] = {f->setting[0], f->setting[1], {"protocol", "multiboot"}};
    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t wrong[] = {0xffffffff, 0x7ffffffe, 100};
        for (unsigned at = 0; at < 2; at++) {
            make_pvh(f->bytes);
            put32(f->bytes + 256 + 4 * at, wrong[i]);
            refused(f, "neither a Linux kernel (bzImage, zImage) nor");
        }
    }
    make_pvh(f->bytes);
    put32(f->bytes + 52 + 32 + 4, 0xfffffff0);
    refused(f, "neither a Linux kernel (bzImage, zImage) nor");
    make_pvh(f->bytes);
    f->cfg.settings = settings;
    f->cfg.nsettings = 3;
    refused(f, "it cannot be loaded by --protocol multiboot");
    settings[2].value = "pvh";
    assert_int_equal(load(f), 1);
}

/* Packs the image by gzip; it is `name` from then on. */
static size_t pack(struct fixture *f, uint8_t *to, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = f->bytes;
    z.avail_in = sizeof f->bytes;
    z.next_out = to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    f->image.ctx = to;
    f->image.size = z.total_out;
    return z.total_out;
}

/* As Debian's Xen is. */
static void packed_by_gzip(void **state)
{
    struct fixture *f = *state;
    uint8_t packed[2 * sizeof f->bytes], seen[sizeof f->bytes];
    for (size_t i = 0; i < sizeof f->bytes; i++)
        f->bytes[i] = (uint8_t)(i * i >> 3);
    make_multiboot(f->bytes);
    size_t n = pack(f, packed, sizeof packed);
    assert_int_equal(load(f), 1);
    physmem_read(board_mem(f->board), 0x100000, seen, sizeof seen);
    assert_memory_equal(seen, f->bytes, sizeof seen);
    f->image.size = n - 20;
    assert_int_equal(load(f), -1);
    assert_non_null(strstr(f->err.text, "image: it cannot be unpacked: it is truncated"));
    f->image.size = n;
    packed[n / 2] ^= 0xff;
    assert_int_equal(load(f), -1);
    assert_non_null(strstr(f->err.text, "image: it cannot be unpacked: it is "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(linux_size_is_rounded, setup, teardown),
        cmocka_unit_test_setup_teardown(linux_before_2_05, setup, teardown),
        cmocka_unit_test_setup_teardown(linux_asks_the_bios, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_linked_high, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot_modules, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot2_information, setup, teardown),
        cmocka_unit_test_setup_teardown(multiboot2_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(pvh_start_info, setup, teardown),
        cmocka_unit_test_setup_teardown(pvh_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(packed_by_gzip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_efi_lists.c - what UEFI firmware has in memory (core/systems/efi/firmware.h), with memory made up for it: whole lists are shown; hostile ones (cycles,
 * links to nowhere, lengths without end, noise) are said, and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <yajl/yajl_gen.h>

#include "core/systems/efi/firmware.h"

enum { RAM = 0x200000, ROM = 0x10000 };
#define ROM_AT (0x100000000u - ROM)
enum {
    CORE = 0x40000,
    CORE_SIZE = 0x4000,
    HANDLE_LIST = CORE + 0x1000,
    MAP_LIST = CORE + 0x1100,
    HANDLE1 = 0x10000,
    HANDLE2 = 0x10100,
    INTERFACE1 = 0x11000,
    INTERFACE2 = 0x11100,
    ENTRY1 = 0x12000,
    ENTRY2 = 0x12100,
    OPENED = 0x13000,
    BINDING = 0x14000,
    RANGE = 0x15000,
    STORE = 0x100000,
    STORE_BYTES = 0x1000,
    END = 1000, /* of boot services */
};

struct fixture {
    uint8_t ram[RAM], rom[ROM];
    char path[200];
    struct trace *t;
    struct text out;
    struct error err;
};

static size_t peek(const void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct fixture *f = ctx;
    bool rom = address >= ROM_AT && address - ROM_AT < ROM;
    if (!rom && address >= RAM)
        return 0;
    size_t left = rom ? ROM - (address - ROM_AT) : RAM - address;
    n = n < left ? n : left;
    memcpy(buf, rom ? f->rom + (address - ROM_AT) : f->ram + address, n);
    return n;
}

static void set(struct fixture *f, uint64_t at, uint64_t v, unsigned width)
{
    memcpy(f->ram + at, &v, width);
}

/* ---------------------------------------------------------------- memory */

static const uint8_t driver_binding[16] = {0xab, 0x31, 0xa0, 0x18, 0x43, 0xb4, 0x1a, 0x4d,
                                           0xa5, 0xc0, 0x0c, 0x09, 0x26, 0x1e, 0x9f, 0x71};
static const uint8_t block_io[16] = {0x21, 0x5b, 0x4e, 0x96, 0x59, 0x64, 0xd2, 0x11,
                                     0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b};
static const uint8_t plain_store[16] = {0x16, 0x36, 0xcf, 0xdd, 0x75, 0x32, 0x64, 0x41,
                                        0x98, 0xb6, 0xfe, 0x85, 0x70, 0x7f, 0xfe, 0x7d};

/* A list: its head and its nodes' links, in order. */
static void link_up(struct fixture *f, const uint64_t *link, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        set(f, link[i], link[(i + 1) % n], 8);
        set(f, link[i] + 8, link[(i + n - 1) % n], 8);
    }
}
#define LINK_UP(f, ...)                                                                                      \
    link_up(f, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

static void put_protocol(struct fixture *f, uint64_t handle, uint64_t node, uint64_t entry,
                         const uint8_t guid[16], uint64_t pointer)
{
    memcpy(f->ram + handle, "hndl", 4);
    memcpy(f->ram + node, "pifc", 4);
    memcpy(f->ram + entry, "prte", 4);
    LINK_UP(f, handle + 24, node + 8);
    set(f, node + 24, handle, 8);
    set(f, node + 48, entry, 8);
    set(f, node + 56, pointer, 8);
    LINK_UP(f, node + 64);
    memcpy(f->ram + entry + 24, guid, 16);
}

/* Handle 1 is a driver, of image 77h; it drives handle 2, a disk. */
static void put_handles(struct fixture *f)
{
    put_protocol(f, HANDLE1, INTERFACE1, ENTRY1, driver_binding, BINDING);
    put_protocol(f, HANDLE2, INTERFACE2, ENTRY2, block_io, 0x1234);
    LINK_UP(f, HANDLE_LIST, HANDLE1 + 8, HANDLE2 + 8);
    set(f, BINDING + 24, 0xa, 4);
    set(f, BINDING + 32, 0x77, 8);
    memcpy(f->ram + OPENED, "podl", 4);
    LINK_UP(f, INTERFACE2 + 64, OPENED + 8);
    set(f, OPENED + 24, HANDLE1, 8);
    set(f, OPENED + 32, HANDLE2, 8);
    set(f, OPENED + 40, 0x10, 4);
}

static void put_map(struct fixture *f)
{
    memcpy(f->ram + RANGE, "mmap", 4);
    LINK_UP(f, MAP_LIST, RANGE + 8);
    set(f, RANGE + 28, 6, 4);
    set(f, RANGE + 32, STORE, 8);
    set(f, RANGE + 40, STORE + STORE_BYTES - 1, 8);
    set(f, RANGE + 56, 0xf, 8);
}

/* Returns its end. */
static uint64_t put_variable(struct fixture *f, uint64_t at, uint8_t state, const char *name,
                             const char *data)
{
    const size_t n = strlen(name);
    set(f, at, 0x55aa, 2);
    f->ram[at + 2] = state;
    set(f, at + 4, 6, 4);
    set(f, at + 8, 2 * (n + 1), 4);
    set(f, at + 12, strlen(data), 4);
    memset(f->ram + at + 16, 0x11, 16);
    for (size_t i = 0; i <= n; i++)
        set(f, at + 32 + 2 * i, (uint8_t)name[i], 2);
    memcpy(f->ram + at + 32 + 2 * (n + 1), data, strlen(data));
    return (at + 32 + 2 * (n + 1) + strlen(data) + 3) & ~(uint64_t)3;
}

static void put_store(struct fixture *f)
{
    memset(f->ram + STORE, 0xff, STORE_BYTES);
    memcpy(f->ram + STORE, plain_store, 16);
    set(f, STORE + 16, STORE_BYTES, 4);
    f->ram[STORE + 20] = 0x5a;
    f->ram[STORE + 21] = 0xfe;
    uint64_t at = put_variable(f, STORE + 28, 0x3e, "Two", "old");
    at = put_variable(f, at, 0x3f, "Two", "new");
    at = put_variable(f, at, 0x3d, "Gone", "x");
    put_variable(f, at, 0x3e, "One", "1");
}

static void put_all(struct fixture *f)
{
    memset(f->ram, 0, RAM);
    put_handles(f);
    put_map(f);
    put_store(f);
}

/* ---------------------------------------------------------------- the trace */

static void event(struct trace_writer *w, unsigned kind, uint64_t icount, const char *data,
                  const uint64_t *fields, size_t n)
{
    struct event ev = {.kind = (uint16_t)kind, .icount = icount, .data = data, .len = (uint32_t)strlen(data)};
    struct error err;
    memcpy(ev.f, fields, n * sizeof *fields);
    assert_int_equal(trace_write_event(w, &ev, &err), 0);
}
#define EVENT_OF(w, kind, icount, data, ...)                                                                 \
    event(w, kind, icount, data, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

static void write_trace(const char *path)
{
    const struct trace_config config = {.engine = "pc", .behaviour = 1, .classes = EVENT_CLASSES_ALL};
    const struct trace_end end = {.reason = "stopped", .text = "", .icount = 2000};
    struct error err;
    struct trace_writer *w = trace_writer_create(path, &config, &err);
    assert_non_null(w);
    EVENT_OF(w, EV_EFI_VOLUME, 10, "volume", ROM_AT, ROM, 1);
    EVENT_OF(w, EV_EFI_START, 20, "Core", 5, CORE, CORE_SIZE, CORE + 0x100, 0);
    EVENT_OF(w, EV_EFI_SYSTEM_TABLE, 30, "", 0x8000, 0, 0, 0, 0);
    EVENT_OF(w, EV_EFI_LOADED, 40, "MyDriver", 7, 0x60000, 0x1000, 0x60100, 0x77);
    EVENT_OF(w, EV_EFI_MAP, END, "EfiRuntimeServicesData", STORE, 1, 6, 0xf);
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *dir = getenv("TMPDIR");
    snprintf(f->path, sizeof f->path, "%s/test_efi_lists.%ld", dir ? dir : "/tmp", (long)getpid());
    write_trace(f->path);
    f->t = trace_open(f->path, &f->err);
    assert_non_null(f->t);
    put_all(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    trace_close(f->t);
    unlink(f->path);
    free(f->out.s);
    free(f);
    return 0;
}

/* The list at a position, or the error. */
static const char *list(struct fixture *f, const char *name, uint64_t at)
{
    const struct firmware_memory m = {f, peek};
    free(f->out.s);
    f->out = (struct text){0};
    if (firmware_text(&f->out, f->t, at, &m, name, &f->err))
        return f->err.text;
    return f->out.s ? f->out.s : "";
}

static void holds(struct fixture *f, const char *name, uint64_t at, const char *text)
{
    const char *all = list(f, name, at);
    if (!strstr(all, text))
        fail_msg("no \"%s\" in:\n%s", text, all);
}

/* ---------------------------------------------------------------- whole ones */

static void the_lists(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(list(f, "handles", 500), "   1  0x10000\n      EFI_DRIVER_BINDING_PROTOCOL 0x14000\n"
                                                 "   2  0x10100\n      EFI_BLOCK_IO_PROTOCOL 0x1234\n"
                                                 "        driven by MyDriver\n");
    assert_string_equal(list(f, "drivers", 500),
                        "   1  0x10000  version 0000000A  devices 1   children 0    MyDriver\n");
    assert_string_equal(list(f, "map", 500),
                        "0000100000-0000100fff         1 pages  attributes 0x000000000000000f  "
                        "EfiRuntimeServicesData\n");
    const char *variables = "One-11111111-1111-1111-1111-111111111111  BS+RT  1 bytes\n"
                            "      00000000  31                                               1\n"
                            "Two-11111111-1111-1111-1111-111111111111  BS+RT  3 bytes\n"
                            "      00000000  6e 65 77                                         new\n";
    assert_string_equal(list(f, "variables", 500), variables);
    assert_string_equal(list(f, "variables", 1500), variables);
}

static void where_they_are_not(void **state)
{
    struct fixture *f = *state;
    uint64_t at;
    holds(f, "handles", 5, "no UEFI firmware is known at this position");
    holds(f, "handles", 15, "it does not run yet");
    holds(f, "map", 15, "it does not run yet");
    holds(f, "tables", 15, "the system table is not known");
    holds(f, "images", 25, "there is no debug image table");
    holds(f, "handles", 1500, "boot services have ended: the last position that has them is 1000");
    holds(f, "variables", 15, "there is no variable store");
    holds(f, "nothing", 500, "there is no list \"nothing\"");
    assert_int_equal(firmware_position(f->t, "handles", 1500, &at, &f->err), 0);
    assert_int_equal(at, END);
    assert_int_equal(firmware_position(f->t, "variables", 1500, &at, &f->err), 0);
    assert_int_equal(at, 1500);
    assert_int_equal(firmware_position(f->t, "nothing", 1500, &at, &f->err), -1);
}

/* ---------------------------------------------------------------- hostile ones */

static void cycles(void **state)
{
    struct fixture *f = *state;
    set(f, HANDLE2 + 8, HANDLE1 + 8, 8); /* back to the first, not to the head */
    holds(f, "handles", 500, "is damaged at 0x10108: not read further)\n");
    put_all(f);
    set(f, INTERFACE1 + 8, INTERFACE1 + 8, 8);
    set(f, INTERFACE1 + 16, INTERFACE1 + 8, 8); /* its own neighbour */
    holds(f, "drivers", 500, "not read further)\n");
    put_all(f);
    set(f, OPENED + 8, OPENED + 8, 8);
    set(f, OPENED + 16, OPENED + 8, 8);
    holds(f, "handles", 500, "(the list at 0x11140 is damaged at 0x11140: not read further)\n");
    put_all(f);
    set(f, RANGE + 8, RANGE + 8, 8);
    holds(f, "map", 500, "not read further)\n");
}

static void wrong_nodes(void **state)
{
    struct fixture *f = *state;
    f->ram[HANDLE2] = 0;
    holds(f, "handles", 500, "(0x10100 is not a handle, or there are too many: not read further)\n");
    put_all(f);
    f->ram[ENTRY1] = 0;
    holds(f, "handles", 500, "(0x11000 is not a protocol: not read further)\n");
    put_all(f);
    f->ram[OPENED] = 0;
    holds(f, "handles", 500, "(0x13000 is not an opened protocol: not read further)\n");
    put_all(f);
    set(f, HANDLE1 + 8, UINT64_MAX - 3, 8);
    holds(f, "handles", 500, "not read further)\n");
}

/* Variables of the specification, with n bytes of data. */
static uint64_t put_global(struct fixture *f, uint64_t at, const char *name, const void *data, size_t n)
{
    static const uint8_t global[] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                     0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
    put_variable(f, at, 0x3f, name, "");
    memcpy(f->ram + at + 16, global, sizeof global);
    set(f, at + 12, n, 4);
    at += 32 + 2 * (strlen(name) + 1);
    memcpy(f->ram + at, data, n);
    return (at + n + 3) & ~(uint64_t)3;
}

/* Options and their order, device paths; damaged ones; and the same as JSON. */
static void meanings(void **state)
{
    static const uint8_t path[] = {2, 1, 12, 0, 0xd0, 0x41, 0x03, 0x0a, 0, 0, 0,    0, /* PciRoot(0x0) */
                                   1, 1, 6,  0, 1,    2,                               /* Pci(0x2,0x1) */
                                   4, 4, 10, 0, '\\', 0,    'x',  0,    0, 0, 0x7f, 0xff, 4, 0},
                         two[] = {2, 1, 12, 0, 0xd0, 0x41, 0x01, 0x05, 1,    0,    0, 0, 0x7f,
                                  1, 4, 0,  9, 9,    5,    0,    7,    0x7f, 0xff, 4, 0},
                         order[] = {1, 0, 7, 0};
    uint8_t option[64] = {1, 0, 0, 0, sizeof path, 0, 'A', 0, 0, 0};
    struct fixture *f = *state;
    memcpy(option + 10, path, sizeof path);
    memset(f->ram + STORE + 28, 0xff, STORE_BYTES - 28);
    uint64_t at = put_global(f, STORE + 28, "Boot0001", option, 10 + sizeof path + 2);
    at = put_global(f, at, "Boot0002", option, 10 + 20);
    at = put_global(f, at, "BootOrder", order, sizeof order);
    at = put_global(f, at, "ConOut", two, sizeof two);
    at = put_global(f, at, "SecureBoot", "\1", 1);
    put_global(f, at, "Timeout", "\5", 2);
    holds(f, "variables", 500, "\n      A: PciRoot(0x0)/Pci(0x2,0x1)/\\x, 2 bytes of data\n");
    holds(f, "variables", 500, "\n      A: no path (damaged)\n");
    holds(f, "variables", 500, "\n      Boot0001 (A), Boot0007 (there is none)\n");
    holds(f, "variables", 500, "\n      Serial(0x1)\n      Path(9,9,07)\n");
    holds(f, "variables", 500, "\n      on\n");
    holds(f, "variables", 500, "\n      5 s\n");
    const struct firmware_memory m = {f, peek};
    const unsigned char *json;
    size_t n;
    yajl_gen g = yajl_gen_alloc(NULL);
    struct text notes = {0};
    yajl_gen_array_open(g);
    assert_int_equal(firmware_json((struct yajl_gen_t *)g, &notes, f->t, 500, &m, "variables", &f->err), 0);
    yajl_gen_array_close(g);
    yajl_gen_get_buf(g, &json, &n);
    assert_null(notes.s);
    assert_non_null(strstr(
        (const char *)json,
        "{\"name\":\"BootOrder\",\"guid\":\"8be4df61-93ca-11d2-aa0d-00e098032b8c\",\"vendor\":\"EFI_GLOBAL_VARIABLE\","
        "\"attributes\":[\"BS\",\"RT\"],\"size\":4,\"meaning\":\"Boot0001 (A), Boot0007 (there is none)\",\"data\":\"01000700\"}"));
    yajl_gen_free(g);
}

static void variables_without_end(void **state)
{
    struct fixture *f = *state;
    set(f, STORE + 28 + 12, UINT32_MAX, 4); /* the first one's data */
    assert_string_equal(list(f, "variables", 500), "");
    put_all(f);
    set(f, STORE + 28 + 8, 0x7fffffff, 4); /* its name */
    assert_string_equal(list(f, "variables", 500), "");
    put_all(f);
    set(f, STORE + 16, UINT32_MAX, 4);
    holds(f, "variables", 500, "there is no variable store");
    put_all(f);
    set(f, RANGE + 40, UINT64_MAX, 8); /* a range of all memory */
    list(f, "variables", 500);
    list(f, "map", 500);
}

/* Any byte may be anything. */
static void noise(void **state)
{
    static const char *const names[] = {"handles", "drivers", "images", "map", "tables", "variables"};
    static const uint32_t places[] = {HANDLE_LIST, MAP_LIST, HANDLE1, HANDLE2, INTERFACE1, INTERFACE2,
                                      ENTRY1,      OPENED,   BINDING, RANGE,   STORE,      0x8000,
                                      CORE,        ENTRY2,   STORE,   CORE};
    struct fixture *f = *state;
    uint32_t random = 1;
    for (unsigned round = 0; round < 200; round++) {
        put_all(f);
        for (unsigned i = 0; i < 12; i++) {
            random = random * 1664525 + 1013904223;
            f->ram[places[random >> 8 & 15] + (random >> 12 & 0x7f)] = (uint8_t)(random >> 24);
        }
        for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
            list(f, names[i], 500);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lists), TEST(where_they_are_not),    TEST(cycles), TEST(wrong_nodes),
        TEST(meanings),  TEST(variables_without_end), TEST(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

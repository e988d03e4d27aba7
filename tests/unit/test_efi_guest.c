/* test_efi_guest.c - the inspector of UEFI firmware (core/systems/efi) with a firmware made up for it: modules in ROM, tables in memory, and a
 * test that says what is executed. Whole ones are told; damaged ones are said, and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/systems/efi/efi.h"
#include "tests/unit/fake_machine.h"

/* ---------------------------------------------------------------- the machine */

enum { RAX, RCX, RDX, R8, R9, RSP, RIP, REGISTERS };

static const struct reg_desc registers[REGISTERS] = {
    {"rax", 64, REG_GENERAL}, {"rcx", 64, REG_GENERAL}, {"rdx", 64, REG_GENERAL}, {"r8", 64, REG_GENERAL},
    {"r9", 64, REG_GENERAL},  {"rsp", 64, REG_GENERAL}, {"rip", 64, REG_GENERAL}};

enum { ROM = 0x10000, RAM = 0x100000 };
#define ROM_AT (0x100000000u - ROM)
/* Places in memory. */
enum {
    STACK = 0x8000,
    PPI = 0x9000,
    GUIDS = 0x9800,
    PATH = 0xa000,
    LOADED = 0xa800,
    DEBUG_TABLE = 0xb000,
    SYSTEM_TABLE = 0xc000,
    CONFIGURATION = 0xc100,
    HOBS = 0x10000,
    DXE_CORE = 0x40000,
    DXE_SIZE = 0x4000,
    DRIVER = 0x60000,
};
/* In the ROM. */
enum { SEC_ENTRY = 0x100, PEI_ENTRY = 0x200, PEI_TABLE = 0x400 };
#define PEI_FUNCTION(i)  (ROM_AT + 0xe000 + 16 * (i))
#define BOOT_FUNCTION(i) (DXE_CORE + 0x1000 + 16 * (i))

struct machine {
    struct fake_machine fake;
    uint8_t rom[ROM], ram[RAM];
    uint64_t sec, pei; /* where the images are */
};

static struct machine *machine_of(const struct engine *e)
{
    return (struct machine *)e;
}

static size_t peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    const struct machine *m = machine_of(e);
    bool rom = address >= ROM_AT && address - ROM_AT < ROM;
    if (!rom && address >= RAM)
        return 0;
    const uint8_t *from = rom ? m->rom + (address - ROM_AT) : m->ram + address;
    size_t left = rom ? ROM - (address - ROM_AT) : RAM - address;
    n = n < left ? n : left;
    memcpy(buf, from, n);
    return n;
}

static size_t peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return peek_physical(e, address, buf, n);
}

static const struct engine_ops machine_ops = {FAKE_OPS, .peek = peek, .peek_physical = peek_physical};

static void set(void *to, size_t at, uint64_t v, unsigned width)
{
    memcpy((uint8_t *)to + at, &v, width);
}

static void set_guid(void *to, size_t at, uint32_t a, uint16_t b, uint16_t c, uint64_t d)
{
    set(to, at, a, 4);
    set(to, at + 4, b, 2);
    set(to, at + 6, c, 2);
    set(to, at + 8, __builtin_bswap64(d), 8);
}
#define END_OF_PEI   0x605ea650, 0xc65c, 0x42e1, 0xba8091a52ab618c6
#define ALLOC_MODULE 0xf8e21975, 0x0899, 0x4f58, 0xa4be5525a9c6d77a
#define BLOCK_IO     0x964e5b21, 0x6459, 0x11d2, 0x8e3900a0c969723b
#define DEBUG_IMAGES 0x49152e77, 0x1ada, 0x4764, 0xb7a27afefed95e8b

/* ---------------------------------------------------------------- the firmware's ROM */

static void put_image(uint8_t *p, uint32_t size, uint32_t entry, unsigned subsystem)
{
    memcpy(p, "MZ", 2);
    set(p, 0x3c, 0x40, 4);
    memcpy(p + 0x40, "PE\0\0\x64\x86", 6);
    set(p, 0x40 + 24, 0x20b, 2);
    set(p, 0x40 + 24 + 16, entry, 4);
    set(p, 0x40 + 24 + 56, size, 4);
    set(p, 0x40 + 24 + 68, subsystem, 2);
}

/* A file with an image of 4 KiB and a name; returns where the image is. */
static size_t put_file(uint8_t *rom, size_t *at, uint8_t type, const char *name, uint32_t entry)
{
    size_t begin = *at = (*at + 7) & ~(size_t)7, image = begin + 24 + 4, n = strlen(name);
    uint8_t sum = 0;
    memset(rom + begin, 0, 24);
    memset(rom + begin, type, 16);
    rom[begin + 18] = type;
    set(rom, begin + 24, 0x1004 | 0x10u << 24, 4);
    memset(rom + image, 0, 0x1000);
    put_image(rom + image, 0x1000, entry, 11);
    size_t text = image + 0x1000;
    set(rom, text, (4 + 2 * (n + 1)) | 0x15u << 24, 4);
    for (size_t i = 0; i <= n; i++)
        set(rom, text + 4 + 2 * i, (uint8_t)name[i], 2);
    *at = text + 4 + 2 * (n + 1);
    set(rom, begin + 20, *at - begin, 3);
    for (size_t i = 0; i < 23; i++)
        sum = (uint8_t)(sum + rom[begin + i]);
    rom[begin + 16] = (uint8_t)-sum;
    return image;
}

static void put_rom(struct machine *m)
{
    static const uint8_t ffs2[16] = {0x78, 0xe5, 0x8c, 0x8c, 0x3d, 0x8a, 0x1c, 0x4f,
                                     0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3};
    uint16_t sum = 0, word;
    size_t at = 72;
    memset(m->rom, 0xff, ROM);
    memset(m->rom, 0, 72);
    memcpy(m->rom + 16, ffs2, 16);
    set(m->rom, 32, 0x8000, 8);
    memcpy(m->rom + 40, "_FVH", 4);
    set(m->rom, 48, 72, 2);
    set(m->rom, 56, 8, 4);
    set(m->rom, 60, 0x1000, 4);
    m->sec = ROM_AT + put_file(m->rom, &at, 3, "MySec", SEC_ENTRY);
    size_t pei = put_file(m->rom, &at, 4, "MyPei", PEI_ENTRY);
    m->pei = ROM_AT + pei;
    pei = (pei + PEI_TABLE + 7) & ~(size_t)7;
    memcpy(m->rom + pei, "PEI SERV", 8);
    set(m->rom, pei + 12, 24 + 8 * 24, 4);
    for (unsigned i = 0; i < 24; i++)
        set(m->rom, pei + 24 + 8 * i, PEI_FUNCTION(i), 8);
    for (unsigned i = 0; i < 72; i += 2) {
        memcpy(&word, m->rom + i, 2);
        sum = (uint16_t)(sum + word);
    }
    set(m->rom, 50, (uint16_t)-sum, 2);
}

/* ---------------------------------------------------------------- its tables in memory */

static void put_hobs(struct machine *m)
{
    uint8_t *h = m->ram + HOBS;
    set(h, 0, 1 | 56 << 16, 4);
    set(h, 8, 9, 4);
    set(h, 48, HOBS + 56 + 72 + 48, 8);
    h += 56;
    set(h, 0, 2 | 72 << 16, 4);
    set_guid(h, 8, ALLOC_MODULE);
    set(h, 24, DXE_CORE, 8);
    set(h, 32, DXE_SIZE, 8);
    set_guid(h, 48, 0x11111111, 0x2222, 0x3333, 0x4444555555555555);
    set(h, 64, DXE_CORE + 0x100, 8);
    h += 72;
    set(h, 0, 3 | 48 << 16, 4);
    set(h, 40, RAM, 8);
    h += 48;
    set(h, 0, 0xffff | 8 << 16, 4);
}

static void put_dxe_core(struct machine *m)
{
    uint8_t *t = m->ram + DXE_CORE + 0x800;
    memcpy(t, "BOOTSERV", 8);
    set(t, 12, 24 + 8 * 44, 4);
    for (unsigned i = 0; i < 44; i++)
        set(t, 24 + 8 * i, BOOT_FUNCTION(i), 8);
    t = m->ram + SYSTEM_TABLE;
    memcpy(t, "IBI SYST", 8);
    set(t, 8, 0x20046, 4);
    set(t, 12, 120, 4);
    set(t, 96, DXE_CORE + 0x800, 8);
    set(t, 104, 1, 8);
    set(t, 112, CONFIGURATION, 8);
    set_guid(m->ram, CONFIGURATION, DEBUG_IMAGES);
    set(m->ram, CONFIGURATION + 16, DEBUG_TABLE, 8);
    /* one image, of handle 77h */
    set(m->ram, DEBUG_TABLE + 4, 1, 4);
    set(m->ram, DEBUG_TABLE + 8, DEBUG_TABLE + 0x100, 8);
    set(m->ram, DEBUG_TABLE + 0x100, DEBUG_TABLE + 0x200, 8);
    set(m->ram, DEBUG_TABLE + 0x200, 1, 4);
    set(m->ram, DEBUG_TABLE + 0x208, LOADED, 8);
    set(m->ram, DEBUG_TABLE + 0x210, 0x77, 8);
    set(m->ram, LOADED + 32, PATH, 8);
    set(m->ram, LOADED + 64, DRIVER, 8);
    put_image(m->ram + DRIVER, 0x2000, 0x300, 10);
    /* \boot.efi; the end */
    set(m->ram, PATH, 4 | 4 << 8 | 24 << 16, 4);
    for (unsigned i = 0; i < 9; i++)
        set(m->ram, PATH + 4 + 2 * i, (uint8_t) "\\boot.efi"[i], 2);
    set(m->ram, PATH + 24, 0x7f | 0xff << 8 | 4 << 16, 4);
    set_guid(m->ram, GUIDS, BLOCK_IO);
    set_guid(m->ram, GUIDS + 16, END_OF_PEI);
    set(m->ram, PPI, 0x80000010, 8);
    set(m->ram, PPI + 8, GUIDS + 16, 8);
}

/* ---------------------------------------------------------------- the inspector */

struct fixture {
    struct machine m;
    struct inspector *in;
    char events[40000]; /* a line each */
};

static void take_event(void *ctx, const struct event *ev)
{
    struct fixture *f = ctx;
    char text[700];
    size_t n = strlen(f->events);
    event_text(ev, text, sizeof text);
    snprintf(f->events + n, sizeof f->events - n, "%s: %s\n", event_kind(ev->kind)->name, text);
}

static const struct guest_system *const systems[] = {&efi_system, NULL};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->m.fake.e.ops = &machine_ops;
    f->m.fake.names = registers;
    f->m.fake.nnames = REGISTERS;
    put_rom(&f->m);
    put_hobs(&f->m);
    put_dxe_core(&f->m);
    f->in = fake_inspect(&f->m.fake, "all",
                         (struct inspector_options){.systems = systems, .ctx = f, .emit = take_event});
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    inspector_destroy(f->in);
    free(f);
    return 0;
}

static void reset(struct fixture *f, unsigned kind)
{
    struct event ev = {.kind = (uint16_t)kind, .icount = f->m.fake.icount, .time = f->m.fake.icount};
    inspector_event(f->in, &ev);
}

/* The instruction at that address is executed; false if nobody wants to know. */
static bool reach(struct fixture *f, uint64_t address)
{
    bool any = false;
    f->m.fake.icount += 10;
    f->m.fake.reg[RIP] = address;
    for (size_t i = 0; i < f->m.fake.nstops; i++)
        if (f->m.fake.stops[i].address == address) {
            any = true;
            inspector_probe(f->in, f->m.fake.stops[i].id, 0, f->m.fake.icount);
        }
    return any;
}

/* A function is called and returns. */
static void call(struct fixture *f, uint64_t function, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                 uint64_t result)
{
    const uint64_t back = 0x7000;
    f->m.fake.reg[RCX] = a;
    f->m.fake.reg[RDX] = b;
    f->m.fake.reg[R8] = c;
    f->m.fake.reg[R9] = d;
    f->m.fake.reg[RSP] = STACK;
    set(f->m.ram, STACK, back, 8);
    reach(f, function);
    f->m.fake.reg[RAX] = result;
    f->m.fake.reg[RSP] = STACK + 8;
    reach(f, back);
}

static void boot(struct fixture *f)
{
    reset(f, EV_RESET_VECTOR);
    reach(f, f->m.sec + SEC_ENTRY);
    reach(f, f->m.pei + PEI_ENTRY);
    call(f, PEI_FUNCTION(11), 0, 0x4000, RAM - 0x4000, 0, 0);
    call(f, PEI_FUNCTION(0), 0, PPI, 0, 0, 0);
    f->m.fake.reg[RCX] = HOBS;
    reach(f, DXE_CORE + 0x100);
}

static void image(struct fixture *f)
{
    set(f->m.ram, STACK + 0x30, LOADED + 0x100, 8); /* LoadImage's sixth argument */
    set(f->m.ram, LOADED + 0x100, 0x77, 8);
    call(f, BOOT_FUNCTION(22), 1, 0, PATH, 0, 0);
    call(f, BOOT_FUNCTION(23), 0x77, 0, 0, 0, 0x800000000000000e);
}

static void holds(struct fixture *f, const char *text)
{
    inspector_finish(f->in);
    if (!strstr(f->events, text))
        fail_msg("no \"%s\" in:\n%s", text, f->events);
}

/* ---------------------------------------------------------------- boot managers by name */

static void put_wide(uint8_t *to, const char *text)
{
    for (; *text; text++, to += 2)
        *to = (uint8_t)*text;
}

/* What is in an application's image says which boot manager it is; its file is boot.efi here. */
static void managers(void **state)
{
    static const struct {
        const char *text[2];
        bool wide;
        const char *said;
    } images[] = {
        {{"#### LoaderInfo: systemd-boot 252.39-1~deb12u2 ####"}, false, "systemd-boot starts at"},
        {{"#### LoaderInfo: systemd-boot 252.39-1~deb12u2 ####"},
         false,
         "boot.efi is systemd-boot 252.39-1~deb12u2\n"},
        {{"#### LoaderInfo: systemd-stub 257 ####"}, false, "systemd-stub starts at"},
        {{"rEFInd", "\\refind.conf"}, true, "rEFInd starts at"},
        {{"limine.conf", "Limine 8.2.0"}, false, "boot.efi is Limine 8.2.0\n"},
        {{"limine.cfg: since Limine 4.x", "Limine 5.20231207.1"}, false, "boot.efi is Limine 5.20231207.1\n"},
        {{"limine.conf", "Limine was not found"}, false, "boot.efi starts at"},
        {{"#### LoaderInfo: "}, false, "boot.efi starts at"},
        {{"rEFInd"}, true, "boot.efi starts at"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
        const struct setting settings[] = {{"inspect", "all"}, {"story", "3"}};
        const struct engine_config config = {.settings = settings, .nsettings = 2};
        inspector_destroy(f->in);
        f->events[0] = 0;
        memset(f->m.ram + DRIVER + 0x1000, 0, 0x1000);
        for (unsigned k = 0; k < 2 && images[i].text[k]; k++)
            if (images[i].wide)
                put_wide(f->m.ram + DRIVER + 0x1800 + 0x100 * k, images[i].text[k]);
            else
                strcpy((char *)f->m.ram + DRIVER + 0x1800 + 0x100 * k, images[i].text[k]);
        struct error err;
        f->in = inspector_create(&(struct inspector_options){.engine = &f->m.fake.e,
                                                             .config = &config,
                                                             .classes = EVENT_CLASSES_ALL,
                                                             .systems = systems,
                                                             .ctx = f,
                                                             .emit = take_event},
                                 &err);
        inspector_start(f->in);
        boot(f);
        image(f);
        holds(f, images[i].said);
    }
}

/* ---------------------------------------------------------------- a whole firmware */

static void the_phases(void **state)
{
    struct fixture *f = *state;
    boot(f);
    call(f, BOOT_FUNCTION(37), GUIDS, 0, 0x9100, 0, 0x800000000000000e);
    image(f);
    holds(f, "efi.volume: firmware volume EFI_FIRMWARE_FILE_SYSTEM2 at 0xffff0000, 32768 bytes, 2 files\n");
    holds(f, "efi.start: MySec starts at");
    holds(f, "efi.start: MyPei starts at");
    holds(f, "efi.memory: PEI has found memory: 1032192 bytes at 0x4000\n");
    holds(f, "InstallPpi(PpiList EFI_PEI_END_OF_PEI_PHASE_PPI) = EFI_SUCCESS\n");
    holds(
        f,
        "efi.start: 11111111-2222-3333-4444-555555555555 starts at 0x40100, image at 0x40000, 16384 bytes\n");
    holds(f, "efi.hob: HOB: system memory at 0x0, 1048576 bytes\n");
    holds(f, "LocateProtocol(Protocol EFI_BLOCK_IO_PROTOCOL) = EFI_NOT_FOUND\n");
    holds(f, "efi.loaded: boot.efi loaded at 0x60000, 8192 bytes, entry 0x60300\n");
    holds(f, "efi.system-table: system table at 0xc000: UEFI 2.7;");
    holds(f, "efi.start: boot.efi starts at 0x60300");
    holds(f, "efi.return: boot.efi returned 0x800000000000000e after 10 ns\n");
    assert_null(strstr(f->events, "efi.note"));
}

static void after_a_reset(void **state)
{
    struct fixture *f = *state;
    boot(f);
    reset(f, EV_RESET);
    assert_false(reach(f, BOOT_FUNCTION(37)));
    f->events[0] = 0;
    boot(f);
    image(f);
    holds(f, "efi.start: boot.efi starts");
}

static void the_end_of_boot_services(void **state)
{
    struct fixture *f = *state;
    boot(f);
    image(f);
    /* one descriptor: 16 pages of runtime code */
    set(f->m.ram, 0x9200, 40, 8);
    set(f->m.ram, 0x9208, 40, 8);
    set(f->m.ram, 0x9300, 5, 4);
    set(f->m.ram, 0x9308, 0x5000, 8);
    set(f->m.ram, 0x9318, 16, 8);
    call(f, BOOT_FUNCTION(4), 0x9200, 0x9300, 0, 0x9208, 0);
    call(f, BOOT_FUNCTION(26), 0x77, 0, 0, 0, 0);
    holds(f, "efi.memory-map: 0x5000, 16 pages: EfiRuntimeServicesCode, attributes 0x0\n");
    assert_false(reach(f, BOOT_FUNCTION(37)));
}

/* ---------------------------------------------------------------- damaged ones */

static void a_hob_without_length(void **state)
{
    struct fixture *f = *state;
    set(f->m.ram, HOBS + 56 + 72 + 2, 0, 2);
    boot(f);
    holds(f, "efi.note: the HOB at 0x10080 has a length of 0: the list is not read further\n");
}

static void hobs_without_end(void **state)
{
    struct fixture *f = *state;
    boot(f);
    reset(f, EV_RESET);
    for (unsigned i = 0; i < 5000; i++)
        set(f->m.ram, HOBS + 56 + 72 + 8 * i, 4 | 8 << 16, 4);
    set(f->m.ram, HOBS + 48, HOBS + 56 + 72 + 8 * 5000, 8);
    set(f->m.ram, HOBS + 56 + 72 + 8 * 5000, 0xffff | 8 << 16, 4);
    boot(f);
    holds(f, "efi.note: there are more than 4096 HOBs: the list is not read further\n");
}

static void no_hobs(void **state)
{
    struct fixture *f = *state;
    memset(f->m.ram + HOBS, 0, 0x1000);
    boot(f);
    holds(f, "efi.note: there is no HOB list in the memory that PEI has found: DXE is not reported\n");
}

static void no_boot_services(void **state)
{
    struct fixture *f = *state;
    f->m.ram[DXE_CORE + 0x800] = 0;
    boot(f);
    holds(f, "has no table of boot services: they and the drivers are not reported\n");
}

/* Neither is searched for hours. */
static void memory_without_end(void **state)
{
    struct fixture *f = *state;
    reset(f, EV_RESET_VECTOR);
    reach(f, f->m.sec + SEC_ENTRY);
    reach(f, f->m.pei + PEI_ENTRY);
    call(f, PEI_FUNCTION(11), 0, 0x4000, UINT64_MAX, 0, 0);
    call(f, PEI_FUNCTION(0), 0, PPI, 0, 0, 0);
    call(f, PEI_FUNCTION(11), 0, UINT64_MAX, UINT64_MAX, 0, 0);
    call(f, PEI_FUNCTION(0), 0, PPI, 0, 0, 0);
    holds(f, "efi.note: that is not all below 4 GiB: only what is there is searched for tables\n");
    holds(f, "efi.note: there is no HOB list");
}

/* Lists that do not end, or lead nowhere, are left. */
static void endless_lists(void **state)
{
    struct fixture *f = *state;
    set(f->m.ram, PPI, 0, 8); /* not the last */
    boot(f);
    set(f->m.ram, DEBUG_TABLE + 4, UINT32_MAX, 4);
    set(f->m.ram, DEBUG_TABLE + 0x210, 0x78, 8); /* another handle, so that all are looked at */
    set(f->m.ram, SYSTEM_TABLE + 104, UINT64_MAX, 8);
    for (unsigned i = 0; i < 0x400; i += 4)
        set(f->m.ram, PATH + i, 4 | 9 << 8 | 4 << 16, 4); /* nodes without an end */
    image(f);
    call(f, BOOT_FUNCTION(22), 1, 0, UINT64_MAX - 2, 0, 0);
    call(f, BOOT_FUNCTION(13), UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, 0);
    call(f, BOOT_FUNCTION(4), UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, 0);
    set(f->m.ram, STACK + 0x28, GUIDS, 8);
    call(f, BOOT_FUNCTION(38), 0, GUIDS, GUIDS, GUIDS, 0);
    holds(f, "LoadImage(");
    holds(f, "InstallProtocolInterface(Protocol NULL) = EFI_SUCCESS\n");
}

/* Any byte of its memory may be anything. */
static void noise(void **state)
{
    struct fixture *f = *state;
    uint32_t random = 1;
    for (unsigned round = 0; round < 60; round++) {
        reset(f, EV_RESET);
        put_rom(&f->m);
        put_hobs(&f->m);
        put_dxe_core(&f->m);
        for (unsigned i = 0; i < 40; i++) {
            random = random * 1664525 + 1013904223;
            static const uint32_t places[] = {HOBS,        PPI,          PATH,          LOADED,
                                              DEBUG_TABLE, SYSTEM_TABLE, CONFIGURATION, DRIVER};
            f->m.ram[places[random >> 8 & 7] + (random >> 11 & 0xff)] = (uint8_t)(random >> 24);
            f->m.rom[random >> 12 & 0x1fff] ^= (uint8_t)(random >> 24) & (random >> 3);
        }
        f->events[0] = 0;
        boot(f);
        image(f);
        call(f, BOOT_FUNCTION(26), 0x77, 0, 0, 0, 0);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(managers),
        TEST(the_phases),
        TEST(after_a_reset),
        TEST(the_end_of_boot_services),
        TEST(a_hob_without_length),
        TEST(hobs_without_end),
        TEST(no_hobs),
        TEST(no_boot_services),
        TEST(endless_lists),
        TEST(memory_without_end),
        TEST(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

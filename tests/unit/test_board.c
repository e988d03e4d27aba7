/* test_board.c - the mainboard's frame: PCI, shadow RAM, interrupt routing, fw_cfg, disks, events, snapshots.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/board/internal.h"

/* ---------------------------------------------------------------- a board to test */

enum { DISK_SIZE = 40960 + 512, BIOS_SIZE = 128 << 10 };

struct fixture {
    uint64_t icount, time;
    struct image image[2];
    struct setting setting[4];
    struct engine_config cfg;
    struct board *board;
    char log[8192]; /* what the observer saw, a line an event */
    uint64_t last_icount;
};

static uint64_t host_icount(void *ctx)
{
    return ((struct fixture *)ctx)->icount;
}

static uint64_t host_time(void *ctx)
{
    return ((struct fixture *)ctx)->time;
}

static int image_read(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buf)[i] = (uint8_t)((offset + i) * 7 + (offset + i) / 512);
    return 0;
}

static void seen(void *ctx, const struct event *ev)
{
    struct fixture *f = ctx;
    char text[600];
    event_text(ev, text, sizeof text);
    assert_true(ev->icount >= f->last_icount);
    f->last_icount = ev->icount;
    size_t n = strlen(f->log);
    snprintf(f->log + n, sizeof f->log - n, "%llu %s: %s\n", (unsigned long long)ev->icount,
             event_kind(ev->kind)->name, text);
}

static struct board *make_board(struct fixture *f)
{
    static const char memory[] = "16777216";
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->image[0] = (struct image){.role = "disk0", .name = "disk", .size = DISK_SIZE, .read = image_read};
    f->image[1] = (struct image){.role = "bios", .name = "bios", .size = BIOS_SIZE, .read = image_read};
    f->setting[0] = (struct setting){"memory", memory};
    f->setting[1] = (struct setting){"cpus", "2"};
    f->setting[2] = (struct setting){"vga", "none"};
    f->cfg = (struct engine_config){f->setting, 3, f->image, 2};
    struct board *b = board_create(&f->cfg, &host, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->board = make_board(f);
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

static void observe(struct fixture *f, struct board *b, uint32_t classes)
{
    struct observer o = {.ctx = f, .event = seen};
    f->log[0] = 0;
    f->last_icount = 0;
    board_observe(b, classes, &o);
}

static uint32_t in(struct fixture *f, struct board *b, uint16_t port, unsigned size)
{
    f->icount++;
    return b->cpu[0].bus.in(b->cpu[0].bus.ctx, port, size);
}

static void out(struct fixture *f, struct board *b, uint16_t port, unsigned size, uint32_t value)
{
    f->icount++;
    b->cpu[0].bus.out(b->cpu[0].bus.ctx, port, size, value);
}

static uint32_t config_in(struct fixture *f, unsigned devfn, unsigned reg, unsigned size)
{
    out(f, f->board, 0xcf8, 4, 0x80000000 | devfn << 8 | (reg & 0xfc));
    return in(f, f->board, (uint16_t)(0xcfc + (reg & 3)), size);
}

static void config_out(struct fixture *f, unsigned devfn, unsigned reg, unsigned size, uint32_t value)
{
    out(f, f->board, 0xcf8, 4, 0x80000000 | devfn << 8 | (reg & 0xfc));
    out(f, f->board, (uint16_t)(0xcfc + (reg & 3)), size, value);
}

/* ---------------------------------------------------------------- PCI */

struct test_device {
    struct pci_device pci;
    uint64_t base[7];
    unsigned calls;
};

static void mapped(void *ctx, unsigned bar, uint64_t base)
{
    struct test_device *d = ctx;
    d->base[bar] = base;
    d->calls++;
}

static void init_test_device(struct test_device *d)
{
    memset(d, 0, sizeof *d);
    memset(d->base, 0xff, sizeof d->base);
    pci_init(&d->pci, "test", 5 << 3, 0x1234, 0x5678, 0x020000, 9, 1);
    d->pci.ctx = d;
    d->pci.bar[0] = (struct pci_bar){.size = 0x20, .io = true, .map = mapped};
    d->pci.bar[1] = (struct pci_bar){.size = 0x10000, .prefetch = true, .map = mapped};
    d->pci.rom = (struct pci_bar){.size = 0x8000, .map = mapped};
}

static void pci_identification(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(config_in(f, 0, 0, 4), 0x12378086);
    assert_int_equal(config_in(f, 1 << 3, 0, 4), 0x70008086);
    assert_int_equal(config_in(f, 1 << 3 | 3, 2, 2), 0x7113);
    assert_int_equal(config_in(f, 1 << 3, 0x0e, 1), 0x80);
    assert_int_equal(config_in(f, 31 << 3, 0, 4), 0xffffffff);
    assert_int_equal(config_in(f, 0, 0x2c, 4), 0x11001af4);
    /* Read-only stays. */
    config_out(f, 0, 0, 4, 0);
    assert_int_equal(config_in(f, 0, 0, 4), 0x12378086);
    /* Narrow writes to CF8h do not reach the address register. */
    out(f, f->board, 0xcf8, 4, 0x80000000);
    out(f, f->board, 0xcf8, 1, 0x55);
    assert_int_equal(in(f, f->board, 0xcf8, 4), 0x80000000);
    out(f, f->board, 0xcf8, 4, 0);
    assert_int_equal(in(f, f->board, 0xcfc, 4), 0xffffffff);
}

static void pci_bars(void **state)
{
    struct fixture *f = *state;
    static struct test_device d; /* it must outlive the board */
    const unsigned fn = 5 << 3;
    init_test_device(&d);
    board_add_pci(f->board, &d.pci);
    config_out(f, fn, 0x10, 4, 0xffffffff);
    assert_int_equal(config_in(f, fn, 0x10, 4), 0xffffffe1);
    config_out(f, fn, 0x14, 4, 0xffffffff);
    assert_int_equal(config_in(f, fn, 0x14, 4), 0xffff0008);
    config_out(f, fn, 0x30, 4, 0xfffffffe);
    assert_int_equal(config_in(f, fn, 0x30, 4), 0xffff8000);
    config_out(f, fn, 0x18, 4, 0xffffffff);
    assert_int_equal(config_in(f, fn, 0x18, 4), 0);

    config_out(f, fn, 0x10, 4, 0xc000);
    config_out(f, fn, 0x14, 4, 0xfe000000);
    assert_int_equal(d.calls, 0);
    config_out(f, fn, 0x04, 2, 1);
    assert_int_equal(d.base[0], 0xc000);
    assert_true(d.base[1] == UINT64_MAX);
    config_out(f, fn, 0x04, 2, 3);
    assert_int_equal(d.base[1], 0xfe000000);
    /* The expansion ROM has an enable bit of its own. */
    config_out(f, fn, 0x30, 4, 0xfd000000);
    assert_true(d.base[6] == UINT64_MAX);
    config_out(f, fn, 0x30, 4, 0xfd000001);
    assert_int_equal(d.base[6], 0xfd000000);
    /* A write by bytes moves it as well; sizing takes it away. */
    config_out(f, fn, 0x11, 1, 0xd0);
    assert_int_equal(d.base[0], 0xd000);
    config_out(f, fn, 0x10, 4, 0xffffffff);
    assert_true(d.base[0] == UINT64_MAX);
    board_reset(f->board);
    assert_true(d.base[1] == UINT64_MAX && d.base[6] == UINT64_MAX);
    assert_int_equal(config_in(f, fn, 0x10, 4), 1);
}

static void shadow_ram(void **state)
{
    struct fixture *f = *state;
    struct physmem *m = f->board->mem;
    uint8_t rom, byte, low[2] = {0x11, 0x22};
    image_read(NULL, 0x10000, &rom, 1, NULL);
    physmem_read(m, 0xf0000, &byte, 1);
    assert_int_equal(byte, rom);
    physmem_read(m, 0xffff0000, &byte, 1);
    assert_int_equal(byte, rom);
    /* Writes to DRAM, reads still from the ROM; then reads from DRAM. */
    config_out(f, 0, 0x59, 1, 0x20);
    physmem_write(m, 0xf0000, low, 2);
    physmem_read(m, 0xf0000, &byte, 1);
    assert_int_equal(byte, rom);
    config_out(f, 0, 0x59, 1, 0x10);
    physmem_read(m, 0xf0000, &byte, 1);
    assert_int_equal(byte, 0x11);
    physmem_write(m, 0xf0000, low + 1, 1);
    physmem_read(m, 0xf0000, &byte, 1);
    assert_int_equal(byte, 0x11);
    /* SMRAM: open, closed, and locked. */
    assert_int_equal(physmem_mapped(m, 0xa0000, 1), 0);
    config_out(f, 0, 0x72, 1, 0x4a);
    physmem_write(m, 0xa0000, low, 2);
    physmem_read(m, 0xa0000, &byte, 1);
    assert_int_equal(byte, 0x11);
    config_out(f, 0, 0x72, 1, 0x0a);
    assert_int_equal(physmem_mapped(m, 0xa0000, 1), 0);
    f->board->cpu[1].bus.smm(f->board->cpu[1].bus.ctx, true);
    assert_int_equal(physmem_mapped(m, 0xa0000, 1), 1);
    f->board->cpu[1].bus.smm(f->board->cpu[1].bus.ctx, false);
    config_out(f, 0, 0x72, 1, 0x1a);
    config_out(f, 0, 0x72, 1, 0x4a);
    assert_int_equal(config_in(f, 0, 0x72, 1), 0x1a);
    board_reset(f->board);
    physmem_read(m, 0xf0000, &byte, 1);
    assert_int_equal(byte, rom);
    assert_int_equal(config_in(f, 0, 0x72, 1), 0x02);
}

/* ---------------------------------------------------------------- interrupts, power management */

static void pirq_routing(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    /* Slot 1 pin A is PIRQA; slot 2 pin A and slot 1 pin B are PIRQB. */
    config_out(f, 1 << 3, 0x60, 1, 10);
    config_out(f, 1 << 3, 0x61, 1, 11);
    board_pci_irq(b, 1 << 3, 0, true);
    assert_int_equal(b->irq.driven, 1 << 10);
    board_pci_irq(b, 2 << 3, 0, true);
    board_pci_irq(b, 1 << 3, 1, true);
    assert_int_equal(b->irq.driven, 1 << 10 | 1 << 11);
    board_pci_irq(b, 2 << 3, 0, false);
    assert_int_equal(b->irq.driven, 1 << 10 | 1 << 11);
    board_irq(b, 11, true);
    board_pci_irq(b, 1 << 3, 1, false);
    assert_int_equal(b->irq.driven, 1 << 10 | 1 << 11);
    board_irq(b, 11, false);
    assert_int_equal(b->irq.driven, 1 << 10);
    /* Routed elsewhere, and nowhere. */
    config_out(f, 1 << 3, 0x60, 1, 5);
    assert_int_equal(b->irq.driven, 1 << 5);
    config_out(f, 1 << 3, 0x60, 1, 0x80);
    assert_int_equal(b->irq.driven, 0);
}

static void power_management(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    const char *how;
    int status;
    config_out(f, 1 << 3 | 3, 0x40, 4, 0x601);
    assert_int_equal(in(f, b, 0x608, 4), 0xffffffff);
    config_out(f, 1 << 3 | 3, 0x80, 1, 1);
    f->time = 1000000000;
    assert_int_equal(in(f, b, 0x608, 4), 3579545);
    out(f, b, 0xb2, 1, 0xf1);
    assert_int_equal(in(f, b, 0x604, 2), 1);
    /* Bit 23 toggles after 2.34 s. */
    out(f, b, 0x602, 2, 1);
    f->time = 2343400000;
    board_run_timers(b);
    assert_int_equal(in(f, b, 0x600, 2) & 1, 0);
    f->time = 2343600000;
    board_run_timers(b);
    assert_int_equal(in(f, b, 0x600, 2) & 1, 1);
    assert_true(b->irq.driven & 1 << 9);
    out(f, b, 0x600, 2, 1);
    assert_false(b->irq.driven & 1 << 9);
    out(f, b, 0x602, 2, 0x100);
    acpi_power_button(b);
    assert_true(b->irq.driven & 1 << 9);
    assert_int_equal(board_take_request(b, &status, &how), BOARD_NONE);
    out(f, b, 0x604, 2, 0x2001);
    assert_int_equal(board_take_request(b, &status, &how), BOARD_POWER_OFF);
    assert_string_equal(how, "ACPI");
    out(f, b, 0xf4, 1, 0x10);
    assert_int_equal(board_take_request(b, &status, &how), BOARD_POWER_OFF);
    assert_int_equal(status, 0x21);
    out(f, b, 0xcf9, 1, 2);
    assert_int_equal(board_take_request(b, &status, &how), BOARD_NONE);
    out(f, b, 0xcf9, 1, 6);
    assert_int_equal(board_take_request(b, &status, &how), BOARD_RESET);
    assert_string_equal(how, "port cf9h");
}

/* ---------------------------------------------------------------- fw_cfg */

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint64_t little(const uint8_t *p, unsigned width)
{
    uint64_t v = 0;
    while (width--)
        v = v << 8 | p[width];
    return v;
}

static void dma(struct fixture *f, uint32_t control, uint32_t length, uint32_t address)
{
    uint8_t access[16] = {0}, status[4];
    for (unsigned i = 0; i < 4; i++) {
        access[i] = (uint8_t)(control >> (24 - 8 * i));
        access[4 + i] = (uint8_t)(length >> (24 - 8 * i));
        access[12 + i] = (uint8_t)(address >> (24 - 8 * i));
    }
    physmem_write(f->board->mem, 0x1000, access, sizeof access);
    out(f, f->board, 0x518, 4, 0x00100000);
    physmem_read(f->board->mem, 0x1000, status, sizeof status);
    assert_int_equal(be32(status), 0);
}

/* A file's content into guest memory at `address`; returns its size. */
static uint32_t load_file(struct fixture *f, const char *name, uint32_t address)
{
    static uint8_t dir[4 + 32 * 64];
    dma(f, 0x19u << 16 | 8 | 2, sizeof dir, 0x200000);
    physmem_read(f->board->mem, 0x200000, dir, sizeof dir);
    for (uint32_t i = 0; i < be32(dir); i++) {
        const uint8_t *e = dir + 4 + i * 64;
        if (strcmp((const char *)e + 8, name))
            continue;
        dma(f, (be32(e + 4) & 0xffff0000) | 8 | 2, be32(e), address);
        return be32(e);
    }
    fail_msg("no file %s", name);
    return 0;
}

static void fwcfg_ports(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    uint8_t bytes[8];
    out(f, b, 0x510, 2, 0);
    assert_int_equal(in(f, b, 0x511, 1), 'Q');
    assert_int_equal(in(f, b, 0x511, 1), 'E');
    assert_int_equal(in(f, b, 0x511, 1), 'M');
    assert_int_equal(in(f, b, 0x511, 1), 'U');
    assert_int_equal(in(f, b, 0x511, 1), 0);
    assert_int_equal(in(f, b, 0x514, 4), 0x554d4551);
    dma(f, 1u << 16 | 8 | 2, 4, 0x3000);
    physmem_read(b->mem, 0x3000, bytes, 4);
    assert_int_equal(little(bytes, 4), 3);
    dma(f, 5u << 16 | 8 | 2, 2, 0x3000);
    physmem_read(b->mem, 0x3000, bytes, 2);
    assert_int_equal(little(bytes, 2), 2);
    /* Skip, then read the rest and zeroes behind it. */
    dma(f, 0u << 16 | 8 | 4, 2, 0);
    memset(bytes, 0xee, sizeof bytes);
    physmem_write(b->mem, 0x3000, bytes, sizeof bytes);
    dma(f, 2, 4, 0x3000);
    physmem_read(b->mem, 0x3000, bytes, sizeof bytes);
    assert_memory_equal(bytes, "MU\0\0\xee", 5);
    uint32_t n = load_file(f, "bootorder", 0x3000);
    char order[100];
    physmem_read(b->mem, 0x3000, order, n);
    assert_string_equal(order, "/pci@i0cf8/ide@1,1/drive@0/disk@0");
    assert_int_equal(load_file(f, "etc/e820", 0x3000), 20);
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t s = 0;
    while (n--)
        s += *p++;
    return s;
}

/* All tables that the RSDP leads to, in memory: present, linked, and with right checksums. */
static void check_tables(struct board *b, uint64_t rsdp_at)
{
    uint8_t rsdp[20], rsdt[200], table[16384], head[8];
    static const char *const names[] = {"FACP", "SSDT", "APIC", "HPET"};
    physmem_read(b->mem, rsdp_at, rsdp, sizeof rsdp);
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_int_equal(sum(rsdp, 20), 0);
    physmem_read(b->mem, little(rsdp + 16, 4), rsdt, sizeof rsdt);
    assert_memory_equal(rsdt, "RSDT", 4);
    size_t n = little(rsdt + 4, 4);
    assert_int_equal(n, 36 + 4 * 4);
    assert_int_equal(sum(rsdt, n), 0);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at = little(rsdt + 36 + 4 * i, 4);
        physmem_read(b->mem, at, table, sizeof table);
        assert_memory_equal(table, names[i], 4);
        assert_int_equal(sum(table, little(table + 4, 4)), 0);
        if (i)
            continue;
        physmem_read(b->mem, little(table + 36, 4), head, 8);
        assert_memory_equal(head, "FACS", 4);
        assert_int_equal(little(table + 36, 4) % 64, 0);
        at = little(table + 40, 4);
        assert_int_equal(little(table + 140, 8), at);
        physmem_read(b->mem, at, table, sizeof table);
        assert_memory_equal(table, "DSDT", 4);
        assert_int_equal(sum(table, little(table + 4, 4)), 0);
        /* The host bridge's address is 0: nothing else has a zero there. */
        assert_non_null(memmem(table, little(table + 4, 4), "\x08_ADR\0", 6));
    }
}

/* The loader script, as firmware would carry it out. */
static uint32_t load_tables(struct fixture *f)
{
    struct physmem *m = f->board->mem;
    static uint8_t script[128 * 64], buf[16384];
    uint32_t n = load_file(f, "etc/table-loader", 0x300000), at[2] = {0x400000, 0x410000};
    assert_true(n % 128 == 0 && n <= sizeof script);
    physmem_read(m, 0x300000, script, n);
    for (const uint8_t *e = script; e < script + n; e += 128) {
        unsigned which = !strcmp((const char *)e + 4, "etc/acpi/rsdp");
        const uint8_t *arg = e + 60;
        uint8_t byte;
        switch (little(e, 4)) {
        case 1:
            load_file(f, (const char *)e + 4, at[which]);
            break;
        case 2: {
            uint64_t place = at[which] + little(arg + 56, 4);
            unsigned width = arg[60];
            physmem_read(m, place, buf, width);
            uint64_t v = little(buf, width) + at[0];
            assert_string_equal((const char *)arg, "etc/acpi/tables");
            physmem_write(m, place, &v, width);
            break;
        }
        case 3:
            physmem_read(m, at[which] + little(arg + 4, 4), buf, little(arg + 8, 4));
            physmem_read(m, at[which] + little(arg, 4), &byte, 1);
            byte -= sum(buf, little(arg + 8, 4));
            physmem_write(m, at[which] + little(arg, 4), &byte, 1);
            break;
        default:
            fail_msg("command %u", (unsigned)little(e, 4));
        }
    }
    return at[1];
}

static void table_loader(void **state)
{
    struct fixture *f = *state;
    check_tables(f->board, load_tables(f));
}

/* The table of a signature among those that the RSDT at the RSDP's offset 16 lists. */
static uint64_t find_table(struct fixture *f, uint32_t rsdp, const char *signature)
{
    uint8_t buf[256];
    physmem_read(f->board->mem, rsdp, buf, 20);
    uint64_t rsdt = little(buf + 16, 4);
    physmem_read(f->board->mem, rsdt, buf, sizeof buf);
    for (uint32_t i = 36, n = (uint32_t)little(buf + 4, 4); i < n; i += 4) {
        uint8_t name[4];
        physmem_read(f->board->mem, little(buf + i, 4), name, 4);
        if (!memcmp(name, signature, 4))
            return little(buf + i, 4);
    }
    return 0;
}

/* OVMF puts the power management registers at B000h, and reads the tables then. */
static void tables_follow_chips(void **state)
{
    struct fixture *f = *state;
    static uint8_t dsdt[8192];
    uint8_t fadt[244];
    config_out(f, 1 << 3 | 3, 0x40, 4, 0xb001);
    config_out(f, 1 << 3 | 3, 0x80, 1, 1);
    uint32_t rsdp = load_tables(f);
    check_tables(f->board, rsdp);
    physmem_read(f->board->mem, find_table(f, rsdp, "FACP"), fadt, sizeof fadt);
    assert_int_equal(little(fadt + 56, 4), 0xb000);
    assert_int_equal(little(fadt + 64, 4), 0xb004);
    assert_int_equal(little(fadt + 76, 4), 0xb008);
    assert_int_equal(little(fadt + 152, 8), 0xb000);
    assert_int_equal(little(fadt + 176, 8), 0xb004);
    assert_int_equal(little(fadt + 212, 8), 0xb008);
    physmem_read(f->board->mem, little(fadt + 40, 4), dsdt, sizeof dsdt);
    uint32_t length = (uint32_t)little(dsdt + 4, 4);
    assert_true(length < sizeof dsdt);
    assert_int_equal(sum(dsdt, length), 0);
    assert_non_null(memmem(dsdt, length, "\x47\x01\x00\xb0\x00\xb0\x01\x40", 8));
}

static void direct_setup(void **state)
{
    struct fixture *f = *state;
    struct e820_entry map[8];
    uint8_t anchor[31];
    board_direct_setup(f->board);
    check_tables(f->board, acpi_install(f->board, 0xe0000));
    smbios_install(f->board, 0xf0000);
    physmem_read(f->board->mem, 0xf0000, anchor, sizeof anchor);
    assert_int_equal(sum(anchor, 31), 0);
    assert_int_equal(sum(anchor + 16, 15), 0);
    assert_int_equal(board_e820(f->board, map, 8), 5);
    assert_int_equal(map[3].address, 0x100000);
    assert_int_equal(map[3].length, 15 << 20);
    assert_int_equal(config_in(f, 1 << 3 | 3, 0x3c, 1), 9);
    assert_int_equal(config_in(f, 1 << 3 | 1, 0x20, 4), 0xc001);
    assert_int_equal(in(f, f->board, 0x604, 2), 0);
}

/* ---------------------------------------------------------------- snapshots in memory */

struct section {
    char name[40];
    uint8_t *bytes;
    size_t size;
};
struct page {
    char region[40];
    uint64_t index;
    uint8_t data[SNAPSHOT_PAGE];
};
struct memory_snapshot {
    struct section section[128];
    unsigned nsections;
    struct page page[400];
    unsigned npages;
};

static void take_section(void *ctx, const char *name, const struct field *fields, size_t n, const void *base)
{
    struct memory_snapshot *s = ctx;
    struct section *sec = &s->section[s->nsections++];
    assert_true(s->nsections < 128 && strlen(name) < sizeof sec->name);
    for (unsigned i = 0; i + 1 < s->nsections; i++)
        assert_string_not_equal(s->section[i].name, name);
    strcpy(sec->name, name);
    for (size_t i = 0; i < n; i++)
        sec->size += (size_t)fields[i].width * fields[i].count;
    sec->bytes = malloc(sec->size ? sec->size : 1);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(sec->bytes + at, (const char *)base + fields[i].offset,
               (size_t)fields[i].width * fields[i].count);
        at += (size_t)fields[i].width * fields[i].count;
    }
}

static void take_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct memory_snapshot *s = ctx;
    struct page *p = &s->page[s->npages++];
    assert_true(s->npages < 400);
    strcpy(p->region, region);
    p->index = index;
    memcpy(p->data, data, SNAPSHOT_PAGE);
}

static int give_section(void *ctx, const char *name, const struct field *fields, size_t n, void *base)
{
    struct memory_snapshot *s = ctx;
    for (unsigned i = 0; i < s->nsections; i++) {
        if (strcmp(s->section[i].name, name))
            continue;
        size_t at = 0;
        for (size_t k = 0; k < n; k++) {
            size_t size = (size_t)fields[k].width * fields[k].count;
            memcpy((char *)base + fields[k].offset, s->section[i].bytes + at, size);
            at += size;
        }
        return at == s->section[i].size ? 0 : -1;
    }
    return -1;
}

static int give_pages(void *ctx, const char *region, int (*put)(void *, uint64_t, const void *),
                      void *put_ctx)
{
    struct memory_snapshot *s = ctx;
    for (unsigned i = 0; i < s->npages; i++)
        if (!strcmp(s->page[i].region, region) && put(put_ctx, s->page[i].index, s->page[i].data))
            return -1;
    return 0;
}

static struct memory_snapshot *save(struct board *b, struct snapshot_base *base)
{
    struct memory_snapshot *s = calloc(1, sizeof *s);
    struct snapshot_sink sink = {s, take_section, take_page};
    board_save(b, &sink, base);
    return s;
}

static void load(struct board *b, struct memory_snapshot *s, bool whole)
{
    struct snapshot_source src = {s, give_section, give_pages, whole};
    struct error err;
    if (board_load(b, &src, &err))
        fail_msg("%s", err.text);
}

static void forget(struct memory_snapshot *s)
{
    for (unsigned i = 0; i < s->nsections; i++)
        free(s->section[i].bytes);
    free(s);
}

static void assert_same(const struct memory_snapshot *a, const struct memory_snapshot *b)
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
    struct memory_snapshot *first = save(b, &base);
    assert_int_equal(disk_write(d, 20480, zero, 512), 0);
    struct memory_snapshot *second = save(b, &base);
    for (unsigned i = 0, pages = 0; i < second->npages; i++)
        if (!strcmp(second->page[i].region, "disk0"))
            assert_int_equal(++pages, 1);
    /* Two that save by changes: a third's load is a change to both, a chunk that is gone included. */
    struct snapshot_base other = base;
    load(b, first, true);
    for (unsigned k = 0; k < 2; k++) {
        struct memory_snapshot *changes = save(b, k ? &other : &base);
        bool gone = false;
        for (unsigned i = 0; i < changes->npages; i++)
            gone |= !strcmp(changes->page[i].region, "disk0") && changes->page[i].index == 5 &&
                    !memcmp(changes->page[i].data, zero, sizeof zero);
        assert_true(gone);
        forget(changes);
    }
    expect_disk(d, 8192, 16384, want + 8192);
    struct memory_snapshot *again = save(b, NULL);
    assert_same(first, again);
    load(b, second, false);
    memset(want + 20480, 0, 512);
    expect_disk(d, 8192, 16384, want + 8192);
    forget(first);
    forget(second);
    forget(again);
    /* Beyond the end. */
    assert_int_equal(disk_read(d, DISK_SIZE - 1, want, 2), -1);
    assert_int_equal(board_take_request(b, &status, &how), BOARD_ERROR);
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
                                "15 pio.write: out 0x402/1 <- 0xa x7\n");
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
    struct memory_snapshot *s = save(b, NULL);
    uint64_t then = f->icount;
    observe(f, b, EVENT_CLASSES_ALL);
    say(f, b, "lo\n");
    in(f, b, 0x1234, 1);
    board_flush_events(b);
    strcpy(first, f->log);
    struct memory_snapshot *end = save(b, NULL);
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
    struct memory_snapshot *other_end = save(other, NULL);
    assert_same(end, other_end);
    forget(s);
    forget(end);
    forget(other_end);
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
    struct memory_snapshot *s = save(b, NULL);
    load(other, s, true);
    struct memory_snapshot *t = save(other, NULL);
    assert_same(s, t);
    assert_int_equal(other->irq.driven, b->irq.driven);
    assert_int_equal(other->next_timer, b->next_timer);
    /* What is derived is there too: ports of PMBASE, shadow RAM. */
    assert_int_equal(in(f, other, 0x604, 2), in(f, b, 0x604, 2));
    assert_int_equal(in(f, other, 0x511, 1), in(f, b, 0x511, 1));
    assert_false(physmem_a20(other->mem));
    forget(s);
    forget(t);
    board_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pci_identification, setup, teardown),
        cmocka_unit_test_setup_teardown(pci_bars, setup, teardown),
        cmocka_unit_test_setup_teardown(shadow_ram, setup, teardown),
        cmocka_unit_test_setup_teardown(pirq_routing, setup, teardown),
        cmocka_unit_test_setup_teardown(power_management, setup, teardown),
        cmocka_unit_test_setup_teardown(fwcfg_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(table_loader, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_follow_chips, setup, teardown),
        cmocka_unit_test_setup_teardown(direct_setup, setup, teardown),
        cmocka_unit_test_setup_teardown(disk_overlay, setup, teardown),
        cmocka_unit_test_setup_teardown(folding, setup, teardown),
        cmocka_unit_test_setup_teardown(console_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(fold_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

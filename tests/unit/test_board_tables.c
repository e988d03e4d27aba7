/* test_board_tables.c - what the board tells firmware and kernels of itself: fw_cfg, ACPI tables, the set-up for a
 * kernel that is loaded directly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/mainboard.h"

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

/* The length of the first structure of a type, in the table behind the entry point at F0000h; 0: there is none. */
static unsigned smbios_length(struct fixture *f, unsigned type)
{
    uint8_t table[1024];
    smbios_install(f->board, 0xf0000);
    physmem_read(f->board->mem, 0xf0020, table, sizeof table);
    for (const uint8_t *p = table; p[0] != 127;) {
        if (p[0] == type)
            return p[1];
        for (p += p[1]; p[0] || p[1]; p++) {
        }
        p += 2;
    }
    return 0;
}

/* DSP0134 2.8, section 7: the lengths of that version. */
static void smbios_lengths(void **state)
{
    static const unsigned want[][2] = {{0, 24},  {1, 27},  {3, 22},  {4, 42},
                                       {16, 23}, {17, 40}, {19, 31}, {32, 11}};
    struct fixture *f = *state;
    board_direct_setup(f->board);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_int_equal(smbios_length(f, want[i][0]), want[i][1]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fwcfg_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(table_loader, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_follow_chips, setup, teardown),
        cmocka_unit_test_setup_teardown(smbios_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(direct_setup, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

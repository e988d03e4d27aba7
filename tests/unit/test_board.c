/* test_board.c - the mainboard's frame: PCI, shadow RAM, interrupt routing, power management. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/board/timers/clocks.h"
#include "hv/board/inputs.h"
#include "hv/board/pci/function.h"
#include "tests/unit/mainboard.h"

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
    out(f, b, 0xcf9, 1, 0);
    out(f, b, 0xcf9, 1, 4); /* soft: INIT#, which is the processors' business */
    assert_int_equal(board_take_request(b, &status, &how), BOARD_NONE);
}

/* S3: PMBASE, what may wake and the PAM registers stay; other chips' state does not. */
static void suspend_to_ram(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    const char *how;
    int status;
    pci_config_write(b, 1 << 3 | 3, 0x40, 4, 0x601);
    pci_config_write(b, 1 << 3 | 3, 0x80, 1, 1);
    pci_config_write(b, 0, 0x59, 1, 0x30);
    pci_config_write(b, 1 << 3, 0x60, 1, 10);
    out(f, b, 0x602, 2, 0x400);
    out(f, b, 0x604, 2, 0x2401);
    assert_true(board_request_is_sleep(b));
    assert_int_equal(board_take_request(b, &status, &how), BOARD_SLEEP);
    board_suspend(b);
    assert_true(board_asleep(b));
    assert_int_equal(pci_config_read(b, 1 << 3, 0x60, 1), 0x80);
    assert_int_equal(pci_config_read(b, 0, 0x59, 1), 0x30);
    out(f, b, 0x70, 1, 0x0f);
    assert_int_equal(in(f, b, 0x71, 1), 0xfe);
    acpi_rtc_alarm(b);
    assert_false(board_asleep(b));
    assert_int_equal(in(f, b, 0x600, 2), 0x8400); /* WAK_STS, RTC_STS */
    assert_int_equal(in(f, b, 0x604, 2), 0);
    out(f, b, 0x600, 2, 0x8400);
    out(f, b, 0x602, 2, 0);
    out(f, b, 0x604, 2, 0x2400);
    board_take_request(b, &status, &how);
    board_suspend(b);
    acpi_rtc_alarm(b); /* it may not */
    assert_true(board_asleep(b));
    acpi_power_button(b);
    assert_false(board_asleep(b));
    assert_int_equal(in(f, b, 0x600, 2), 0x8100);
}

/* ---------------------------------------------------------------- what comes before BARs */

static void count_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    ++*(unsigned *)ctx;
}

static void bars_give_way(void **state)
{
    enum { SIZE = 1 << 20, HPET = 0xfed00000, IOAPIC = 0xfec00000 };
    struct board *b = ((struct fixture *)*state)->board;
    struct physmem *mem = b->mem;
    struct ramblock *block = physmem_block(mem, "bar", SIZE);
    uint8_t byte = 0x5a;
    unsigned writes = 0;
    memset(ramblock_host(block), 0x77, SIZE);
    physmem_write(mem, 0x200000, &byte, 1);
    board_bar_memory(b, UINT64_MAX, 0x200000, block, false); /* over RAM */
    physmem_read(mem, 0x200000, &byte, 1);
    assert_int_equal(byte, 0x5a);
    board_bar_memory(b, 0x200000, HPET - 0x80000, block, false);
    physmem_read(mem, 0x200000, &byte, 1);
    assert_int_equal(byte, 0x5a);
    physmem_read(mem, HPET - 1, &byte, 1);
    assert_int_equal(byte, 0x77);
    assert_int_equal(physmem_mapped(mem, HPET, 1), 0);
    physmem_read(mem, HPET + 0x1000, &byte, 1);
    assert_int_equal(byte, 0x77);
    board_bar_memory(b, HPET - 0x80000, 0xffff0000u - SIZE / 2, block, true); /* over the firmware */
    assert_int_equal(physmem_mapped(mem, HPET - 1, 1), 0);
    physmem_read(mem, 0xfff70000, &byte, 1);
    assert_int_equal(byte, 0x77);
    physmem_read(mem, (1ull << 32) - BIOS_SIZE, &byte, 1);
    assert_int_not_equal(byte, 0x77);
    board_bar_memory(b, 0xffff0000u - SIZE / 2, UINT64_MAX, block, true);
    assert_int_equal(physmem_mapped(mem, (1ull << 32) - BIOS_SIZE, BIOS_SIZE), BIOS_SIZE);
    /* Device memory: what is not the I/O APIC's is the card's. */
    board_mmio_move(b, board_mmio_bar(b, SIZE, &writes, NULL, count_write), IOAPIC);
    assert_true(bus_device_write(b, IOAPIC, 4, 0));
    assert_int_equal(writes, 0);
    assert_true(bus_device_write(b, IOAPIC + 0x1000, 4, 0));
    assert_int_equal(writes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bars_give_way, setup, teardown),
        cmocka_unit_test_setup_teardown(pci_identification, setup, teardown),
        cmocka_unit_test_setup_teardown(pci_bars, setup, teardown),
        cmocka_unit_test_setup_teardown(shadow_ram, setup, teardown),
        cmocka_unit_test_setup_teardown(pirq_routing, setup, teardown),
        cmocka_unit_test_setup_teardown(power_management, setup, teardown),
        cmocka_unit_test_setup_teardown(suspend_to_ram, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

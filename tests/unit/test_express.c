/* test_express.c - capabilities of PCI Express functions (hv/board/pci/express.c): what configuration space says on each board, power states, a function level reset of NVMe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/mainboard.h"
#include "hv/board/storage/nvme.h"

#define BAR_AT 0xfeb00000u
enum { NVME = 4 << 3, XHCI = 5 << 3, E1000E = 6 << 3, POWER = 1, EXPRESS = 0x10 };

struct machine {
    struct fixture f;
    struct setting setting[5];
};

static struct machine *start(const char *kind)
{
    struct machine *m = mem_zero(1, sizeof *m);
    struct fixture *f = &m->f;
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->image[0] = (struct image){.role = "disk0", .name = "disk", .size = DISK_SIZE, .read = image_read};
    m->setting[0] = (struct setting){"machine", kind};
    m->setting[1] = (struct setting){"disk0-interface", "nvme"};
    m->setting[2] = (struct setting){"usb", "keyboard"};
    m->setting[3] = (struct setting){"nic0", "e1000e"};
    m->setting[4] = (struct setting){"memory", "16777216"};
    f->cfg = (struct engine_config){.settings = m->setting, .nsettings = 5, .images = f->image, .nimages = 1};
    f->board = board_create(&f->cfg, &host, &err);
    if (!f->board)
        fail_msg("%s", err.text);
    return m;
}

static void end(struct machine *m)
{
    board_destroy(m->f.board);
    free(m);
}

/* Where a function has a capability; 0: it has none. */
static unsigned capability(struct machine *m, unsigned devfn, unsigned id)
{
    unsigned at = config_in(&m->f, devfn, 0x34, 1);
    while (at && config_in(&m->f, devfn, at, 1) != id)
        at = config_in(&m->f, devfn, at + 1, 1);
    return at;
}

static uint32_t reg(struct machine *m, unsigned offset)
{
    return memory_in(&m->f, BAR_AT + offset, 4);
}

static void set_reg(struct machine *m, unsigned offset, uint32_t value)
{
    memory_out(&m->f, BAR_AT + offset, 4, value);
}

static void test_boards(void **state)
{
    struct machine *q35 = start("q35"), *pc = start("pc");
    unsigned at = capability(q35, NVME, EXPRESS);
    assert_int_equal(config_in(&q35->f, NVME, at + 2, 2), 0x92); /* version 2, an integrated endpoint */
    assert_int_equal(config_in(&q35->f, NVME, at + 4, 4), 0x10008000);
    assert_int_equal(config_in(&q35->f, NVME, at + 12, 4), 0); /* no link */
    assert_int_not_equal(capability(q35, NVME, POWER), 0);
    assert_int_equal(config_in(&q35->f, XHCI, capability(q35, XHCI, EXPRESS) + 4, 4), 0x8000);
    assert_int_equal(config_in(&q35->f, E1000E, capability(q35, E1000E, EXPRESS) + 4, 4), 0x8001);
    assert_int_equal(config_in(&q35->f, E1000E, capability(q35, E1000E, POWER) + 2, 2), 0x22);
    config_out(&q35->f, NVME, 0x0d, 1, 64);
    assert_int_equal(config_in(&q35->f, NVME, 0x0d, 1), 0); /* no latency timer */
    at = capability(pc, NVME, EXPRESS);
    assert_int_equal(config_in(&pc->f, NVME, at + 2, 2), 2);
    assert_int_equal(config_in(&pc->f, NVME, at + 18, 2), 0x11); /* one lane, 2.5 GT/s */
    assert_int_equal(capability(pc, XHCI, EXPRESS), 0);
    end(q35);
    end(pc);
}

static void map_nvme(struct fixture *f)
{
    config_out(f, NVME, 0x10, 4, BAR_AT);
    config_out(f, NVME, 0x04, 2, 6); /* memory, bus mastering */
}

/* In D3 no BAR is decoded, and nothing is lost; D1 is not entered. */
static void test_power(void **state)
{
    struct machine *m = start("q35");
    struct fixture *f = &m->f;
    unsigned at = capability(m, NVME, POWER) + 4;
    map_nvme(f);
    set_reg(m, NVME_ASQ, 0x5000);
    config_out(f, NVME, at, 2, 3);
    assert_int_equal(config_in(f, NVME, at, 2), 0xb);
    assert_int_equal(reg(m, NVME_ASQ), UINT32_MAX);
    config_out(f, NVME, at, 2, 1);
    assert_int_equal(config_in(f, NVME, at, 2), 0xb);
    config_out(f, NVME, at, 2, 0);
    assert_int_equal(reg(m, NVME_ASQ), 0x5000);
    end(m);
}

static void test_reset(void **state)
{
    struct machine *m = start("q35");
    struct fixture *f = &m->f;
    unsigned control = capability(m, NVME, EXPRESS) + 8;
    map_nvme(f);
    set_reg(m, NVME_AQA, 0x70007);
    set_reg(m, NVME_ASQ, 0x5000);
    set_reg(m, NVME_ACQ, 0x6000);
    set_reg(m, NVME_CC, 4 << 20 | 6 << 16 | 1);
    assert_int_equal(reg(m, NVME_CSTS), CSTS_READY);
    config_out(f, NVME, control, 2, 0x810f);
    assert_int_equal(config_in(f, NVME, 0x10, 4) & ~15u, 0);
    assert_int_equal(config_in(f, NVME, control, 2), 0x2810);
    map_nvme(f);
    assert_int_equal(reg(m, NVME_CSTS), 0);
    assert_int_equal(reg(m, NVME_ASQ), 0);
    end(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boards),
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_usb.c - the xHCI controller with a keyboard and a stick (hv/board/usb/xhci*.c, usb*.c, scsi*.c) on a mainboard: enumeration, commands of
 * the stick, keys, state, random accesses, rings and SCSI commands. */
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
#include "hv/board/usb/xhci.h"

#define BAR_AT 0xfeb00000u
enum {
    DEVFN = 4 << 3,
    CONTEXTS = 0x10000, /* the list of device contexts, then the contexts */
    COMMANDS = 0x14000,
    EVENTS = 0x15000,
    SEGMENTS = 0x16000,
    INPUT = 0x17000,
    RINGS = 0x18000, /* a page for each endpoint */
    DATA = 0x40000,
    ENTRIES = 64,
};

struct machine {
    struct fixture f;
    unsigned command, event, place[4]; /* in the rings; there is no link: a test is short */
};

static struct board *new_board(struct fixture *f, struct vary *v)
{
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time, .vary = v};
    struct error err;
    f->image[0] = (struct image){.role = "disk0", .name = "disk", .size = DISK_SIZE, .read = image_read};
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"disk0-interface", "usb"};
    f->setting[3] = (struct setting){"usb", "keyboard"};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 4, .images = f->image, .nimages = 1};
    struct board *b = board_create(&f->cfg, &host, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static uint32_t reg(struct fixture *f, unsigned offset)
{
    return memory_in(f, BAR_AT + offset, 4);
}

static void set_reg(struct fixture *f, unsigned offset, uint32_t value)
{
    memory_out(f, BAR_AT + offset, 4, value);
}

static void put(struct fixture *f, uint64_t at, const void *data, size_t n)
{
    physmem_write(f->board->mem, at, data, n);
}

static void get(struct fixture *f, uint64_t at, void *data, size_t n)
{
    physmem_read(f->board->mem, at, data, n);
}

static void pass(struct fixture *f, uint64_t ns)
{
    for (unsigned i = 0; i < 5; i++) {
        f->time += ns / 5;
        board_run_timers(f->board);
    }
}

static void start(struct machine *m)
{
    struct fixture *f = &m->f;
    uint64_t segment[2] = {EVENTS, ENTRIES};
    static const uint8_t zeros[0x10000];
    put(f, CONTEXTS, zeros, 0x8000);
    put(f, RINGS, zeros, 0x8000);
    put(f, SEGMENTS, segment, sizeof segment);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t context = CONTEXTS + 0x1000 + i * 0x400;
        put(f, CONTEXTS + i * 8, &context, sizeof context);
    }
    config_out(f, DEVFN, 0x10, 4, BAR_AT);
    config_out(f, DEVFN, 0x04, 2, 6);
    set_reg(f, XHCI_USBCMD, CMD_RESET);
    set_reg(f, XHCI_CONFIG, 8);
    set_reg(f, XHCI_DCBAAP, CONTEXTS);
    set_reg(f, XHCI_CRCR, COMMANDS | 1);
    set_reg(f, XHCI_ERSTSZ, 1);
    set_reg(f, XHCI_ERDP, EVENTS);
    set_reg(f, XHCI_ERSTBA, SEGMENTS);
    set_reg(f, XHCI_ERSTBA + 4, 0);
    set_reg(f, XHCI_IMAN, 2);
    set_reg(f, XHCI_USBCMD, CMD_RUN | CMD_INTERRUPTS);
    m->command = m->event = 0;
    memset(m->place, 0, sizeof m->place);
}

static int make(void **state)
{
    struct machine *m = mem_zero(1, sizeof *m);
    m->f.board = new_board(&m->f, NULL);
    start(m);
    *state = m;
    return 0;
}

static int drop(void **state)
{
    struct machine *m = *state;
    board_destroy(m->f.board);
    free(m);
    return 0;
}

/* The next event of a type, others passed over; its completion code, or -1. */
static int event(struct machine *m, unsigned type, struct xhci_trb *e)
{
    for (;;) {
        get(&m->f, EVENTS + m->event % ENTRIES * 16, e, sizeof *e);
        if ((e->control & 1) != !(m->event / ENTRIES & 1))
            return -1;
        m->event++;
        set_reg(&m->f, XHCI_ERDP, (EVENTS + m->event % ENTRIES * 16) | 8);
        if (trb_type(e) == type)
            return (int)(e->status >> 24);
    }
}

static int command(struct machine *m, unsigned type, unsigned slot, unsigned endpoint, uint64_t parameter)
{
    struct xhci_trb t = {parameter, 0, slot << 24 | endpoint << 16 | type << 10 | 1}, e;
    put(&m->f, COMMANDS + m->command++ * 16, &t, sizeof t);
    set_reg(&m->f, XHCI_DOORBELLS, 0);
    pass(&m->f, 1000000);
    return event(m, TRB_COMMAND_EVENT, &e);
}

static void add_trb(struct machine *m, unsigned ring, struct xhci_trb t)
{
    t.control |= 1;
    put(&m->f, RINGS + ring * 0x1000 + m->place[ring]++ * 16, &t, sizeof t);
}

static int ring(struct machine *m, unsigned slot, unsigned endpoint, struct xhci_trb *e)
{
    set_reg(&m->f, XHCI_DOORBELLS + slot * 4, endpoint);
    pass(&m->f, 50000000);
    return event(m, TRB_TRANSFER_EVENT, e);
}

static int control(struct machine *m, uint64_t setup, unsigned length)
{
    struct xhci_trb e;
    add_trb(m, 0, (struct xhci_trb){setup, 8, TRB_SETUP << 10 | TRB_IMMEDIATE});
    if (length)
        add_trb(m, 0, (struct xhci_trb){DATA, length, TRB_DATA << 10 | 1 << 16});
    add_trb(m, 0, (struct xhci_trb){0, 0, TRB_STATUS << 10 | TRB_IOC});
    return ring(m, 1, 1, &e);
}

static int open(struct machine *m, unsigned port)
{
    uint32_t input[8 * 3] = {0};
    set_reg(&m->f, XHCI_PORT_REGISTERS + (port - 1) * 16, PORT_POWER | PORT_RESET);
    assert_int_equal(command(m, TRB_ENABLE_SLOT, 0, 0, 0), CC_SUCCESS);
    input[1] = 3;
    input[8] = 3 << 20 | 1 << 27;
    input[9] = port << 16;
    input[17] = 64 << 16 | 4 << 3 | 3 << 1;
    input[18] = RINGS | 1;
    put(&m->f, INPUT, input, sizeof input);
    return command(m, TRB_ADDRESS_DEVICE, 1, 0, INPUT);
}

/* Endpoints 1 in (ring 1) and, of a stick, 2 out (ring 2). */
static int configure(struct machine *m, bool stick)
{
    uint32_t input[8 * 7] = {0};
    input[1] = 1 | 1 << 3 | (stick ? 1 << 4 : 0);
    input[8] = 4u << 27;
    input[8 * 4 + 1] = 512 << 16 | (stick ? 6 : 7) << 3;
    input[8 * 4 + 2] = (RINGS + 0x1000) | 1;
    input[8 * 5 + 1] = 512 << 16 | 2 << 3;
    input[8 * 5 + 2] = (RINGS + 0x2000) | 1;
    put(&m->f, INPUT, input, sizeof input);
    assert_int_equal(control(m, 0x0000000000010900ull, 0), CC_SUCCESS); /* SET_CONFIGURATION 1 */
    return command(m, TRB_CONFIGURE, 1, 0, INPUT);
}

/* A command of the stick that reads: the status wrapper's status, or -1. */
static int scsi(struct machine *m, const uint8_t *cdb, uint8_t size, uint32_t length)
{
    uint8_t wrapper[31] = {'U', 'S', 'B', 'C', 1, 2, 3, 4}, status[13];
    struct xhci_trb e;
    memcpy(wrapper + 8, &length, 4);
    wrapper[12] = 0x80;
    wrapper[14] = size;
    memcpy(wrapper + 15, cdb, size);
    put(&m->f, DATA - 64, wrapper, sizeof wrapper);
    add_trb(m, 2, (struct xhci_trb){DATA - 64, sizeof wrapper, TRB_NORMAL << 10 | TRB_IOC});
    assert_int_equal(ring(m, 1, 4, &e), CC_SUCCESS);
    if (length) {
        add_trb(m, 1, (struct xhci_trb){DATA, length, TRB_NORMAL << 10 | TRB_IOC | TRB_ISP});
        ring(m, 1, 3, &e);
    }
    add_trb(m, 1, (struct xhci_trb){DATA - 128, sizeof status, TRB_NORMAL << 10 | TRB_IOC});
    if (ring(m, 1, 3, &e) != CC_SUCCESS)
        return -1;
    get(&m->f, DATA - 128, status, sizeof status);
    assert_memory_equal(status, "USBS\1\2\3\4", 8);
    return status[12];
}

/* ---------------------------------------------------------------- tests */

static void test_enumerate(void **state)
{
    struct machine *m = *state;
    uint8_t d[18];
    assert_int_equal(reg(&m->f, XHCI_PORT_REGISTERS) & 0x3c01, 0x0c01); /* connected, high speed */
    assert_int_equal(reg(&m->f, XHCI_PORT_REGISTERS + 2 * 16) & 1, 0);
    assert_int_equal(open(m, 1), CC_SUCCESS);
    assert_int_equal(control(m, 0x0012000001000680ull, 18), CC_SUCCESS); /* the device descriptor */
    get(&m->f, DATA, d, sizeof d);
    assert_int_equal(d[0], 18);
    assert_int_equal(d[8] | d[9] << 8, 0x1209);
    assert_int_equal(control(m, 0x0012000009000680ull, 18), CC_STALL); /* there is no such descriptor */
    assert_int_equal(command(m, TRB_RESET_ENDPOINT, 1, 1, 0), CC_SUCCESS);
    assert_int_equal(command(m, TRB_RESET_ENDPOINT, 1, 1, 0), CC_CONTEXT_STATE);
    assert_int_equal(command(m, TRB_DISABLE_SLOT, 1, 0, 0), CC_SUCCESS);
    assert_int_equal(command(m, TRB_DISABLE_SLOT, 1, 0, 0), CC_SLOT_DISABLED);
    assert_int_equal(open(m, 7), CC_PARAMETER); /* nothing is at this port */
}

/* --vary usb: the stick, which is the second device, is not there for 2 ms after the reset, whatever the driver does. */
static void test_late(void **state)
{
    const struct setting listed = {"schedule", "usb 1 2000000"};
    const struct engine_config cfg = {.settings = &listed, .nsettings = 1};
    const unsigned port = XHCI_PORT_REGISTERS + 16;
    struct machine m = {.command = 0};
    struct xhci_trb e;
    struct error err;
    struct vary *v;
    assert_int_equal(vary_create(&cfg, &v, &err), 0);
    m.f.board = new_board(&m.f, v);
    start(&m);
    assert_int_equal(reg(&m.f, XHCI_PORT_REGISTERS) & PORT_CONNECTED, PORT_CONNECTED);
    set_reg(&m.f, port, PORT_POWER | PORT_RESET);
    assert_int_equal(reg(&m.f, port) & (PORT_CONNECTED | PORT_ENABLED | PORT_CHANGES), 0);
    pass(&m.f, 1900000);
    while (event(&m, TRB_PORT_EVENT, &e) >= 0)
        ;
    assert_int_equal(reg(&m.f, port) & PORT_CONNECTED, 0);
    pass(&m.f, 200000);
    assert_int_equal(event(&m, TRB_PORT_EVENT, &e), CC_SUCCESS);
    assert_int_equal(e.parameter >> 24, 2);
    assert_int_equal(reg(&m.f, port) & (PORT_CONNECTED | PORT_CONNECT_CHANGE),
                     PORT_CONNECTED | PORT_CONNECT_CHANGE);
    assert_int_equal(open(&m, 2), CC_SUCCESS);
    board_destroy(m.f.board);
    vary_free(v);
    (void)state;
}

static void test_stick(void **state)
{
    static const uint8_t ready[6] = {0}, sense[6] = {3, 0, 0, 0, 18},
                         read[10] = {0x28, 0, 0, 0, 0, 3, 0, 0, 2},
                         far[10] = {0x28, 0, 0xff, 0, 0, 0, 0, 0, 1}, capacity[10] = {0x25};
    struct machine *m = *state;
    uint8_t b[1024], want[1024];
    struct error err;
    assert_int_equal(open(m, 2), CC_SUCCESS);
    assert_int_equal(configure(m, true), CC_SUCCESS);
    assert_int_equal(scsi(m, ready, 6, 0), 1); /* unit attention: reset */
    assert_int_equal(scsi(m, sense, 6, 18), 0);
    get(&m->f, DATA, b, 18);
    assert_int_equal(b[2], KEY_ATTENTION);
    assert_int_equal(b[12], ASC_RESET);
    assert_int_equal(scsi(m, ready, 6, 0), 0);
    assert_int_equal(scsi(m, capacity, 10, 8), 0);
    get(&m->f, DATA, b, 8);
    assert_int_equal(b[2] << 8 | b[3], DISK_SIZE / 512 - 1);
    assert_int_equal(scsi(m, read, 10, 1024), 0);
    get(&m->f, DATA, b, 1024);
    assert_int_equal(image_read(m->f.image[0].ctx, 3 * 512, want, 1024, &err), 0);
    assert_memory_equal(b, want, 1024);
    assert_int_equal(scsi(m, far, 10, 512), 1);
    assert_int_equal(scsi(m, read, 10, 512), 2); /* less is expected than the command reads: phase error */
}

static void test_keys(void **state)
{
    struct machine *m = *state;
    struct input in = {.port = INPUT_KEYBOARD, .data = (const uint8_t *)"A", .len = 1};
    uint8_t b[8];
    struct xhci_trb e;
    assert_int_equal(open(m, 1), CC_SUCCESS);
    assert_int_equal(configure(m, false), CC_SUCCESS);
    for (unsigned i = 0; i < 4; i++)
        add_trb(m, 1, (struct xhci_trb){DATA + i * 8, 8, TRB_NORMAL << 10 | TRB_IOC});
    assert_int_equal(ring(m, 1, 3, &e), -1); /* nothing is typed yet */
    assert_int_equal(board_input(m->f.board, &in), 1);
    for (unsigned i = 0; i < 40; i++)
        pass(&m->f, 5000000);
    get(&m->f, DATA, b, 8);
    assert_int_equal(b[0], 2); /* left shift */
    get(&m->f, DATA + 8, b, 8);
    assert_int_equal(b[2], 4); /* A */
    get(&m->f, DATA + 24, b, 8);
    assert_memory_equal(b, "\0\0\0\0\0\0\0\0", 8);
}

static void test_state(void **state)
{
    static const uint8_t ready[6] = {0};
    struct machine *m = *state;
    struct machine other = *m;
    struct error err;
    assert_int_equal(open(m, 2), CC_SUCCESS);
    assert_int_equal(configure(m, true), CC_SUCCESS);
    assert_int_equal(scsi(m, ready, 6, 0), 1);
    struct saved *saved = mem_zero(1, sizeof *saved);
    const struct snapshot_sink sink = saved_sink(saved);
    const struct snapshot_source source = saved_source(saved, true);
    board_save(m->f.board, &sink, NULL);
    memcpy(other.place, m->place, sizeof other.place);
    other.command = m->command;
    other.event = m->event;
    memset(&other.f, 0, sizeof other.f);
    other.f.board = new_board(&other.f, NULL);
    other.f.time = m->f.time;
    if (board_load(other.f.board, &source, &err))
        fail_msg("%s", err.text);
    assert_int_equal(scsi(&other, ready, 6, 0), 0);
    saved_free(saved);
    board_destroy(other.f.board);
}

static struct saved *state_of(const struct machine *m)
{
    struct saved *saved = mem_zero(1, sizeof *saved);
    const struct snapshot_sink sink = saved_sink(saved);
    board_save(m->f.board, &sink, NULL);
    return saved;
}

/* Of a raw code only the 0 before it has come: what follows is no character. */
static void test_state_raw(void **state)
{
    struct machine *m = *state, other = {.command = 0};
    struct input in = {.port = INPUT_KEYBOARD, .data = (const uint8_t *)"\0A", .len = 1};
    struct error err;
    assert_int_equal(open(m, 1), CC_SUCCESS);
    assert_int_equal(configure(m, false), CC_SUCCESS);
    assert_int_equal(board_input(m->f.board, &in), 1);
    struct saved *half = state_of(m);
    const struct snapshot_source source = saved_source(half, true);
    other.f.board = new_board(&other.f, NULL);
    other.f.time = m->f.time;
    other.f.icount = m->f.icount;
    if (board_load(other.f.board, &source, &err))
        fail_msg("%s", err.text);
    in.data++;
    assert_int_equal(board_input(m->f.board, &in), 1);
    assert_int_equal(board_input(other.f.board, &in), 1);
    struct saved *a = state_of(m), *b = state_of(&other);
    assert_int_equal(a->nsections, b->nsections);
    for (size_t i = 0; i < a->nsections; i++)
        assert_memory_equal(a->section[i].bytes, b->section[i].bytes, a->section[i].size);
    saved_free(half);
    saved_free(a);
    saved_free(b);
    board_destroy(other.f.board);
}

/* Random registers, doorbells, rings, contexts and SCSI commands: nothing may be reached outside of the machine. */
static void test_wild(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    uint64_t x = 88172645463325252ull;
    for (unsigned i = 0; i < 60000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        unsigned what = x >> 60;
        f->log[0] = 0;
        if (i % 600 == 0) {
            start(m);
            if (!open(m, 1 + (i / 600) % 2) || !configure(m, (i / 600) % 2))
                continue;
        }
        if (what < 3) { /* a TRB of any kind, in any ring */
            struct xhci_trb t = {x >> 9 & 0x7ffff0, (uint32_t)(x >> 30 & 0x3fff),
                                 (uint32_t)(x >> 11 & 0x3ff) | 1};
            t.control |= (uint32_t)(x >> 40 & 31) << 10 | 1u << 24 | (uint32_t)(x >> 50 & 7) << 16;
            put(f, (x & 1 ? COMMANDS : RINGS) + (x >> 32) % 0x400 * 16, &t, sizeof t);
        } else if (what < 6) { /* a wrapper with a command of any kind */
            uint8_t w[31] = {'U', 'S', 'B', 'C'};
            for (unsigned k = 4; k < sizeof w; k++)
                w[k] = (uint8_t)(x >> k);
            w[10] = w[11] = w[13] = 0;
            w[14] = 16;
            put(f, DATA, w, sizeof w);
            struct xhci_trb t = {DATA, sizeof w, TRB_NORMAL << 10 | TRB_IOC | 1};
            put(f, RINGS + 0x2000 + m->place[2]++ % 200 * 16, &t, sizeof t);
            set_reg(f, XHCI_DOORBELLS + 4, 4);
        } else if (what < 8) {
            set_reg(f, XHCI_DOORBELLS + (unsigned)(x >> 40) % 4 * 4, (uint32_t)x & 7);
        } else if (what < 10) {
            uint64_t entry[4] = {x, x * 3, x >> 7, x * 5};
            put(f, CONTEXTS + (x >> 32) % 0x8000 / 32 * 32, entry, sizeof entry);
        } else if (what < 11) {
            unsigned at = (unsigned)(x >> 20) % (XHCI_BAR / 4) * 4;
            set_reg(f, at, (uint32_t)x);
            reg(f, at);
        } else {
            pass(f, x % 1000000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_enumerate, make, drop),
        cmocka_unit_test(test_late),
        cmocka_unit_test_setup_teardown(test_stick, make, drop),
        cmocka_unit_test_setup_teardown(test_keys, make, drop),
        cmocka_unit_test_setup_teardown(test_state, make, drop),
        cmocka_unit_test_setup_teardown(test_state_raw, make, drop),
        cmocka_unit_test_setup_teardown(test_wild, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

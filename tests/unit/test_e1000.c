/* test_e1000.c - the network card 82540EM (hv/board/e1000.c) on a mainboard: EEPROM, PHY, sending with its offloads, receiving and its
 * filter, interrupts, and registers, rings and descriptors at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/board/e1000.h"
#include "tests/unit/mainboard.h"

#define BAR_AT 0xfeb00000u
enum {
    DEVFN = 4 << 3,
    RING = 0x10000,
    DATA = 0x20000,
    SIZE = 8,
    FRAME = 100,
    EECD = 0x10,
    EERD = 0x14,
    MDIC = 0x20,
    ICR = 0xc0,
    IMS = 0xd0,
    RCTL = 0x100,
    TCTL = 0x400,
    RDBAL = 0x2800,
    TDBAL = 0x3800,
};

struct machine {
    struct fixture f;
    unsigned out, in;
    uint8_t last[ENGINE_FRAME];
    uint32_t n;
    struct observer o;
};

static void on_frame(void *ctx, const struct event *ev)
{
    struct machine *m = ctx;
    if (ev->kind != EV_NET_OUT && ev->kind != EV_NET_IN)
        return;
    m->out += ev->kind == EV_NET_OUT;
    m->in += ev->kind == EV_NET_IN;
    m->n = ev->len;
    memcpy(m->last, ev->data, ev->len);
}

static uint32_t get(struct machine *m, unsigned at)
{
    struct x86_bus *bus = &m->f.board->cpu[0].bus;
    return (uint32_t)bus->read(bus->ctx, BAR_AT + at, 4);
}

static void set(struct machine *m, unsigned at, uint32_t value)
{
    struct x86_bus *bus = &m->f.board->cpu[0].bus;
    bus->write(bus->ctx, BAR_AT + at, 4, value);
}

static void go(struct machine *m)
{
    m->f.time += 10000000;
    board_run_timers(m->f.board);
}

static int make(void **state)
{
    struct machine *m = mem_zero(1, sizeof *m);
    struct fixture *f = &m->f;
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"nic0", "e1000"};
    f->cfg = (struct engine_config){f->setting, 3, f->image, 0, 0};
    f->board = board_create(&f->cfg, &host, &err);
    if (!f->board)
        fail_msg("%s", err.text);
    config_out(f, DEVFN, 0x10, 4, BAR_AT);
    config_out(f, DEVFN, 0x04, 2, 7);
    m->o = (struct observer){.ctx = m, .event = on_frame};
    board_observe(f->board, EVENT_CLASS_BIT(EC_NET), &m->o);
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

static void clock_bit(struct machine *m, bool bit)
{
    set(m, EECD, 2 | bit << 2);
    set(m, EECD, 3 | bit << 2);
    set(m, EECD, 2 | bit << 2);
}

static uint16_t wire_word(struct machine *m, unsigned at)
{
    uint16_t value = 0;
    set(m, EECD, 0);
    for (int i = 8; i >= 0; i--)
        clock_bit(m, (6u << 6 | at) >> i & 1);
    for (unsigned i = 0; i < 16; i++) {
        set(m, EECD, 3);
        value = (uint16_t)(value << 1 | (get(m, EECD) >> 3 & 1));
        set(m, EECD, 2);
    }
    set(m, EECD, 0);
    return value;
}

/* By both ways the same; the words add up to BABAh; the first are the address. */
static void test_eeprom(void **state)
{
    struct machine *m = *state;
    uint16_t sum = 0;
    for (unsigned i = 0; i < 64; i++) {
        set(m, EERD, i << 8 | 1);
        uint32_t value = get(m, EERD);
        assert_true(value & 16);
        assert_int_equal(wire_word(m, i), value >> 16);
        sum = (uint16_t)(sum + (value >> 16));
        if (!i)
            assert_int_equal(value >> 16, 0x5452);
    }
    assert_int_equal(sum, 0xbaba);
    set(m, MDIC, 2u << 26 | 1 << 21 | 2 << 16);
    assert_int_equal(get(m, MDIC) & 0x1000ffff, 0x10000141);
    set(m, MDIC, 2u << 26 | 2 << 21 | 2 << 16);
    assert_true(get(m, MDIC) & 1 << 30);
}

static void ring(struct machine *m, unsigned at)
{
    uint8_t zero[SIZE * 16] = {0};
    physmem_write(m->f.board->mem, RING, zero, sizeof zero);
    set(m, at, RING);
    set(m, at + 4, 0);
    set(m, at + 8, SIZE * 16);
    set(m, at + 0x10, 0);
    set(m, at + 0x18, 0);
}

static void descriptor(struct machine *m, unsigned i, uint64_t address, uint32_t command, uint32_t status)
{
    uint32_t d[4] = {(uint32_t)address, (uint32_t)(address >> 32), command, status};
    physmem_write(m->f.board->mem, RING + i * 16, d, sizeof d);
}

static uint8_t byte_at(struct machine *m, uint64_t at)
{
    uint8_t v;
    physmem_read(m->f.board->mem, at, &v, 1);
    return v;
}

static void test_send(void **state)
{
    struct machine *m = *state;
    uint8_t data[FRAME];
    for (unsigned i = 0; i < FRAME; i++)
        data[i] = (uint8_t)i;
    physmem_write(m->f.board->mem, DATA, data, FRAME);
    ring(m, TDBAL);
    set(m, TCTL, 2);
    descriptor(m, 0, DATA, 40, 0);
    descriptor(m, 1, DATA + 40, 9u << 24 | (FRAME - 40), 0); /* EOP, RS */
    set(m, TDBAL + 0x18, 1);
    go(m);
    assert_int_equal(m->out, 0); /* its end is not there yet */
    set(m, TDBAL + 0x18, 2);
    go(m);
    assert_int_equal(m->out, 1);
    assert_int_equal(m->n, FRAME);
    assert_memory_equal(m->last, data, FRAME);
    assert_int_equal(byte_at(m, RING + 16 + 12) & 1, 1);
    assert_int_equal(get(m, ICR) & 3, 3);
    assert_int_equal(get(m, ICR), 0);
    assert_int_equal(get(m, 0x4080), 1); /* good frames sent, cleared by reading */
    assert_int_equal(get(m, 0x4080), 0);
}

/* 54 bytes of headers and 1000 of data at an MSS of 400: three frames, with sums that are right. */
static void test_segments(void **state)
{
    struct machine *m = *state;
    uint8_t packet[1054] = {0};
    packet[12] = 8;
    packet[14] = 0x45;
    packet[23] = 6;
    packet[14 + 20 + 13] = 0x19; /* ACK, PSH, FIN */
    packet[14 + 20 + 12] = 0x50;
    physmem_write(m->f.board->mem, DATA, packet, sizeof packet);
    ring(m, TDBAL);
    set(m, TCTL, 2);
    uint32_t context[4] = {33u << 16 | 24 << 8 | 14, 50u << 8 | 34, 0x27u << 24 | 1000, 400u << 16 | 54 << 8};
    physmem_write(m->f.board->mem, RING, context, sizeof context);
    descriptor(m, 1, DATA, 0x2du << 24 | 1u << 20 | sizeof packet,
               3u << 8); /* EOP, TSE, RS, data; both sums */
    set(m, TDBAL + 0x18, 2);
    go(m); /* the context */
    go(m);
    assert_int_equal(m->out, 3);
    assert_int_equal(m->n, 254);
    assert_int_equal(m->last[16] << 8 | m->last[17], 240); /* total length */
    assert_int_equal(m->last[19], 2);                      /* identification */
    assert_int_equal(m->last[40] << 8 | m->last[41], 800); /* sequence number */
    assert_int_equal(m->last[47], 0x19);
    uint32_t sum = 0;
    for (unsigned i = 14; i < 34; i += 2)
        sum += m->last[i] << 8 | m->last[i + 1];
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

static uint32_t send_in(struct machine *m, const uint8_t *frame, uint32_t n)
{
    const struct input in = {.port = INPUT_NET0, .data = frame, .len = n};
    return board_input(m->f.board, &in);
}

static void test_receive(void **state)
{
    struct machine *m = *state;
    uint8_t frame[FRAME] = {0x52, 0x54, 0, 0x12, 0x34, 0x56}, got[FRAME];
    ring(m, RDBAL);
    for (unsigned i = 0; i < SIZE; i++)
        descriptor(m, i, DATA + i * 2048, 0, 0);
    assert_int_equal(send_in(m, frame, FRAME), FRAME); /* the receiver is off */
    set(m, RCTL, 2 | 1 << 15);
    assert_int_equal(send_in(m, frame, FRAME), 0); /* no room */
    set(m, RDBAL + 0x18, 2);
    set(m, IMS, E1000_RXT0);
    frame[5] = 0x99; /* another's */
    assert_int_equal(send_in(m, frame, FRAME), FRAME);
    assert_int_equal(m->in, 0);
    memset(frame, 0xff, 6);
    assert_int_equal(send_in(m, frame, FRAME), FRAME);
    assert_int_equal(m->in, 1);
    assert_true(get(m, ICR) & E1000_RXT0);
    physmem_read(m->f.board->mem, DATA, got, FRAME);
    assert_memory_equal(got, frame, FRAME);
    assert_int_equal(byte_at(m, RING + 8), FRAME + 4);
    assert_int_equal(byte_at(m, RING + 12) & 3, 3);
    assert_int_equal(get(m, RDBAL + 0x10), 1);
}

static uint64_t next_random(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x ^ *x >> 29;
}

/* Whatever a driver writes, nothing is touched that is not memory. */
static void test_wild(void **state)
{
    struct machine *m = *state;
    static uint8_t frame[ENGINE_FRAME];
    uint64_t x = 5;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t r = next_random(&x);
        static const uint16_t places[] = {0x0000, 0x0010, 0x0014, 0x0020, 0x00c4, 0x00c8, 0x00d0,
                                          0x0100, 0x0400, 0x2808, 0x2810, 0x2818, 0x2820, 0x3808,
                                          0x3810, 0x3818, 0x3820, 0x5400, 0x5200, 0x2804};
        if (i % 64 == 0) {
            ring(m, r & 1 ? TDBAL : RDBAL);
            set(m, TCTL, 2);
            set(m, RCTL, 0x1a | (uint32_t)(r & 0x02030000));
        }
        set(m, places[r % (sizeof places / sizeof places[0])],
            (uint32_t)(r >> 16) & (r >> 63 ? 0xff : 0x7fffffff));
        get(m, (uint32_t)(r >> 20) & 0x1fffc);
        descriptor(m, (unsigned)(r >> 8 & 7), next_random(&x) & 0x1ffffff, (uint32_t)next_random(&x),
                   (uint32_t)next_random(&x));
        set(m, TDBAL + 0x18, (uint32_t)(r >> 40 & 7));
        go(m);
        send_in(m, frame, (uint32_t)(r >> 44 & 0xfff));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {TEST(test_eeprom), TEST(test_send), TEST(test_segments),
                                       TEST(test_receive), TEST(test_wild)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

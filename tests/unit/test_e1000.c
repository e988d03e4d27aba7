/* test_e1000.c - the network cards 82540EM and 82574L (hv/board/network/e1000.c, e1000e.c) on a mainboard: EEPROM, PHY, sending with its offloads,
 * receiving and its filter, interrupts, descriptors of each form, two queues, and registers, rings and descriptors at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/board/network/e1000.h"
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
    return memory_in(&m->f, BAR_AT + at, 4);
}

static void set(struct machine *m, unsigned at, uint32_t value)
{
    memory_out(&m->f, BAR_AT + at, 4, value);
}

static void go(struct machine *m)
{
    m->f.time += 10000000;
    board_run_timers(m->f.board);
}

static int make_model(void **state, const char *model)
{
    struct machine *m = mem_zero(1, sizeof *m);
    struct fixture *f = &m->f;
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"nic0", model};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 3, .images = f->image, .nimages = 0};
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

static int make(void **state)
{
    return make_model(state, "e1000");
}

static int make_e(void **state)
{
    return make_model(state, "e1000e");
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

/* ---------------------------------------------------------------- the 82574L */

#define MSIX_AT 0xfeb40000u
enum {
    IVAR = 0xe4,
    EIAC = 0xdc,
    PSRCTL = 0x2170,
    RDBAL1 = 0x2900,
    RFCTL = 0x5008,
    MRQC = 0x5818,
    RETA = 0x5c00,
    RSSRK = 0x5c80,
    EXTENDED = 1 << 15,
    TCP_HEADER = 54
};

/* The frame of Microsoft's examples of the hash: 66.9.149.187:2794 > 161.142.100.80:1766. */
static void tcp_frame(uint8_t f[FRAME])
{
    static const uint8_t ip[] = {8, 0,  0x45, 0,   0,   86,  0,   0,   0,  0,    64,   6,    0,
                                 0, 66, 9,    149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6};
    for (unsigned i = 0; i < FRAME; i++)
        f[i] = (uint8_t)(i + 1);
    memset(f, 0xff, 6);
    memcpy(f + 12, ip, sizeof ip);
    f[14 + 20 + 12] = 0x50;
}

static void words_at(struct machine *m, uint64_t at, uint32_t *w, unsigned n)
{
    physmem_read(m->f.board->mem, at, w, n * 4);
}

static void test_extended(void **state)
{
    struct machine *m = *state;
    uint8_t frame[FRAME], got[FRAME];
    uint32_t w[4];
    tcp_frame(frame);
    ring(m, RDBAL);
    descriptor(m, 0, DATA, 0, 0);
    set(m, RFCTL, EXTENDED);
    set(m, RCTL, 2 | 1 << 15 | 1 << 26);
    set(m, RDBAL + 0x18, 2);
    assert_int_equal(send_in(m, frame, FRAME), FRAME);
    words_at(m, RING, w, 4);
    assert_int_equal(w[2] & 0xfff, 7); /* DD, EOP, IXSM */
    assert_int_equal(w[3], FRAME);
    physmem_read(m->f.board->mem, DATA, got, FRAME);
    assert_memory_equal(got, frame, FRAME);
}

/* The header goes to the first buffer, the rest to the second; a frame without one fills the first, too. */
static void test_split(void **state)
{
    struct machine *m = *state;
    uint8_t frame[FRAME], got[FRAME];
    uint64_t buffers[4] = {DATA, DATA + 0x1000, DATA + 0x2000, DATA + 0x3000};
    uint32_t w[8];
    tcp_frame(frame);
    ring(m, RDBAL);
    physmem_write(m->f.board->mem, RING, buffers, sizeof buffers);
    physmem_write(m->f.board->mem, RING + 32, buffers, sizeof buffers);
    set(m, RFCTL, EXTENDED);
    set(m, PSRCTL, 1 << 8 | 1); /* 128 bytes, 1 KB */
    set(m, RCTL, 2 | 1 << 10 | 1 << 15 | 1 << 26);
    set(m, RDBAL + 0x18, 6);
    assert_int_equal(send_in(m, frame, FRAME), FRAME);
    assert_int_equal(get(m, RDBAL + 0x10), 2); /* units of 16 bytes */
    words_at(m, RING, w, 8);
    assert_int_equal(w[3], TCP_HEADER);
    assert_int_equal(w[4], 0x8000 | TCP_HEADER | (FRAME - TCP_HEADER) << 16);
    physmem_read(m->f.board->mem, DATA, got, TCP_HEADER);
    assert_memory_equal(got, frame, TCP_HEADER);
    physmem_read(m->f.board->mem, DATA + 0x1000, got, FRAME - TCP_HEADER);
    assert_memory_equal(got, frame + TCP_HEADER, FRAME - TCP_HEADER);
    frame[13] = 0x99; /* no IP */
    assert_int_equal(send_in(m, frame, FRAME), FRAME);
    words_at(m, RING + 32, w, 8);
    assert_int_equal(w[3], FRAME);
    assert_int_equal(w[4], 0);
}

/* Microsoft's examples of the hash, with and without ports; its lower bits choose the queue. */
static void test_queues(void **state)
{
    static const uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    struct machine *m = *state;
    uint8_t frame[FRAME];
    uint32_t w[4], word;
    tcp_frame(frame);
    ring(m, RDBAL1);
    for (unsigned i = 0; i < sizeof key; i += 4) {
        memcpy(&word, key + i, 4);
        set(m, RSSRK + i, word);
    }
    for (unsigned i = 0; i < 128; i += 4)
        set(m, RETA + i, 0x80808080);
    set(m, RFCTL, EXTENDED);
    set(m, RCTL, 2 | 1 << 15 | 1 << 26);
    set(m, RDBAL1 + 0x18, 3);
    set(m, MRQC, 1 | 1 << 16 | 1 << 17);
    assert_int_equal(send_in(m, frame, FRAME), FRAME);
    words_at(m, RING, w, 4);
    assert_int_equal(w[0], 1 | 1 << 8);
    assert_int_equal(w[1], 0x51ccc178);
    set(m, MRQC, 1 | 1 << 17);
    assert_int_equal(send_in(m, frame, FRAME), FRAME);
    words_at(m, RING + 16, w, 4);
    assert_int_equal(w[0], 2 | 1 << 8);
    assert_int_equal(w[1], 0x323e8fc2);
    assert_int_equal(get(m, RDBAL1 + 0x10), 2);
    assert_int_equal(get(m, RDBAL + 0x10), 0);
}

/* A message for the vector that IVAR gives the cause, once; it clears and masks what EIAC says. The vector is masked, so it is pending. */
static void test_messages(void **state)
{
    struct machine *m = *state;
    struct x86_bus *bus = &m->f.board->cpu[0].bus;
    config_out(&m->f, DEVFN, 0x1c, 4, MSIX_AT);
    config_out(&m->f, DEVFN, 0xa2, 2, 0x8000);
    set(m, IVAR, 8u | 9u << 8 | 10u << 16);
    set(m, EIAC, E1000_RXQ0);
    set(m, 0xc8, E1000_RXQ0); /* not enabled */
    assert_int_equal(bus->read(bus->ctx, MSIX_AT + 0x2000, 4), 0);
    set(m, IMS, E1000_RXQ0 | E1000_OTHER);
    assert_int_equal(bus->read(bus->ctx, MSIX_AT + 0x2000, 4), 1);
    assert_int_equal(get(m, ICR), 0);
    assert_int_equal(get(m, IMS), E1000_OTHER);
    set(m, 0xc8, E1000_LSC);
    assert_int_equal(bus->read(bus->ctx, MSIX_AT + 0x2000, 4), 5);
    assert_int_equal((uint32_t)get(m, ICR), 1u << 31 | E1000_OTHER | E1000_LSC);
    assert_int_equal(get(m, ICR), 0);
}

/* 82574L, 10.2.8: interrupts, the timers behind them and empty rings are counted, and cleared by reading. */
static void test_interrupt_statistics(void **state)
{
    struct machine *m = *state;
    ring(m, TDBAL);
    set(m, TCTL, 2);
    set(m, IMS, E1000_TXDW);
    set(m, 0x3820, 10);                             /* TIDV */
    descriptor(m, 0, DATA, 0x8bu << 24 | FRAME, 0); /* EOP, RS, IDE */
    set(m, TDBAL + 0x18, 1);
    go(m);
    go(m);
    assert_int_equal(m->out, 1);
    assert_int_equal(get(m, 0x4100), 1);
    assert_int_equal(get(m, 0x4100), 0);
    assert_int_equal(get(m, 0x410c), 1);
    assert_int_equal(get(m, 0x4110), 0);
    assert_int_equal(get(m, 0x4118), 1);
    set(m, 0x382c, 5); /* TADV */
    get(m, ICR);
    descriptor(m, 1, DATA, 0x8bu << 24 | FRAME, 0);
    set(m, TDBAL + 0x18, 2);
    go(m);
    go(m);
    assert_int_equal(get(m, 0x410c), 0);
    assert_int_equal(get(m, 0x4110), 1);
    assert_int_equal(get(m, 0x4100), 1);
}

/* Each ring of the two sends in its turn, if its arbitration register lets it. */
static void test_rings(void **state)
{
    struct machine *m = *state;
    ring(m, TDBAL);
    for (unsigned i = 0; i < SIZE; i++)
        descriptor(m, i, DATA, 9u << 24 | FRAME, 0);
    for (unsigned at = 0x3900; at > TDBAL; at -= 0x100) {
        set(m, at, RING);
        set(m, at + 8, SIZE * 16);
    }
    set(m, TCTL, 2);
    set(m, 0x3840, 0);
    set(m, 0x3818, 2);
    set(m, 0x3918, 1);
    for (unsigned i = 0; i < 4; i++)
        go(m);
    assert_int_equal(m->out, 1);
    set(m, 0x3840, 1 << 10);
    for (unsigned i = 0; i < 4; i++)
        go(m);
    assert_int_equal(m->out, 3);
    assert_int_equal(get(m, 0x3910), 1);
}

/* The NVM's sum and address by this card's form of EERD; another PHY; a page of it; the semaphore. */
static void test_parts(void **state)
{
    struct machine *m = *state;
    uint16_t sum = 0;
    for (unsigned i = 0; i < 64; i++) {
        set(m, EERD, i << 2 | 1);
        assert_true(get(m, EERD) & 2);
        sum = (uint16_t)(sum + (get(m, EERD) >> 16));
    }
    assert_int_equal(sum, 0xbaba);
    set(m, MDIC, 2u << 26 | 1 << 21 | 3 << 16);
    assert_int_equal(get(m, MDIC) & 0xffff, 0x0cb1);
    set(m, MDIC, 1u << 26 | 1 << 21 | 22 << 16 | 2); /* page 2 */
    set(m, MDIC, 1u << 26 | 1 << 21 | 17 << 16 | 0x1234);
    set(m, MDIC, 2u << 26 | 1 << 21 | 17 << 16);
    assert_int_equal(get(m, MDIC) & 0xffff, 0x1234);
    set(m, MDIC, 1u << 26 | 1 << 21 | 22 << 16 | 99);
    set(m, MDIC, 2u << 26 | 1 << 21 | 17 << 16);
    assert_true(get(m, MDIC) & 1 << 30);
    assert_int_equal(get(m, 0x5b50), 0);
    assert_int_equal(get(m, 0x5b50), 1);
    set(m, 0, 4);
    assert_false(get(m, 8) & 1 << 19);
    set(m, 0xb608, 1u << 24 | 40);
    uint32_t before = get(m, 0xb600);
    go(m);
    assert_int_equal(get(m, 0xb600) - before, 10000000);
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
        static const uint16_t places[] = {
            0x0000, 0x0010, 0x0014, 0x0020, 0x00c4, 0x00c8, 0x00d0, 0x0100, 0x0400, 0x2808, 0x2810, 0x2818,
            0x2820, 0x3808, 0x3810, 0x3818, 0x3820, 0x5400, 0x5200, 0x2804, 0x5008, 0x5008, 0x2170, 0x2170,
            0x5818, 0x5818, 0x5c00, 0x2900, 0x2908, 0x2910, 0x2918, 0x3900, 0x3908, 0x3910, 0x3918, 0x3840,
            0x00dc, 0x00e0, 0x00e4, 0x00e8, 0x0018, 0x5b68, 0xb608, 0x5b50, 0x102c};
        if (i % 64 == 0) {
            ring(m, r & 1 ? TDBAL : RDBAL);
            set(m, TCTL, 2);
            set(m, RCTL, 0x1a | (uint32_t)(r & 0x7a030c00));
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
#define TEST(name)   cmocka_unit_test_setup_teardown(name, make, drop)
#define TEST_E(name) cmocka_unit_test_setup_teardown(name, make_e, drop)
    const struct CMUnitTest tests[] = {TEST(test_eeprom),
                                       TEST(test_send),
                                       TEST(test_segments),
                                       TEST(test_receive),
                                       TEST(test_wild),
                                       TEST_E(test_send),
                                       TEST_E(test_segments),
                                       TEST_E(test_receive),
                                       TEST_E(test_extended),
                                       TEST_E(test_split),
                                       TEST_E(test_queues),
                                       TEST_E(test_messages),
                                       TEST_E(test_interrupt_statistics),
                                       TEST_E(test_rings),
                                       TEST_E(test_parts),
                                       TEST_E(test_wild)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

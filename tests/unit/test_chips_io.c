/* test_chips_io.c - RTC and CMOS, UART, PS/2, DMA. */
#include "hv/board/chipset/dma.h"
#include "tests/unit/chip_board.h"

/* ---------------------------------------------------------------- RTC */

static void rtc_time(void **state)
{
    struct board *b = *state;
    static const uint8_t regs[8] = {0x32, 9, 8, 7, 4, 2, 0, 6};
    static const uint8_t before[8] = {0x20, 0x23, 0x12, 0x31, 0x23, 0x59, 0x50, 1};
    static const uint8_t after[8] = {0x20, 0x24, 0x01, 0x01, 0x00, 0x00, 0x00, 2};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(cmos(b, regs[i]), before[i]);
    run_until(b, 9999999999ull);
    assert_int_equal(cmos(b, 0), 0x59);
    assert_int_equal(cmos(b, 10), 0xa6); /* update in progress */
    run(b, 1);
    assert_int_equal(cmos(b, 10), 0x26);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(cmos(b, regs[i]), after[i]);
    assert_int_equal(cmos(b, 0x37), 0x20);

    set_cmos(b, 11, 0x82); /* set the clock: 29 February 2024, 23:59:58 */
    run(b, 5000000000ull);
    assert_int_equal(cmos(b, 0), 0x00);
    set_cmos(b, 0, 0x58);
    set_cmos(b, 2, 0x59);
    set_cmos(b, 4, 0x23);
    set_cmos(b, 7, 0x28);
    set_cmos(b, 8, 0x02);
    set_cmos(b, 11, 0x02);
    run(b, 2000000000ull);
    assert_int_equal(cmos(b, 7), 0x29);
    assert_int_equal(cmos(b, 8), 0x02);
    assert_int_equal(cmos(b, 6), 5);
    run(b, 13ull * 3600 * 1000000000);
    assert_int_equal(cmos(b, 4), 0x13);
    set_cmos(b, 11, 0x84); /* binary, 12 hours */
    set_cmos(b, 4, 0x81);
    set_cmos(b, 2, 45);
    set_cmos(b, 0, 30);
    set_cmos(b, 7, 31);
    set_cmos(b, 8, 12);
    set_cmos(b, 9, 99);
    set_cmos(b, 0x32, 19);
    set_cmos(b, 11, 0x04);
    run(b, 11ull * 3600 * 1000000000);
    assert_int_equal(cmos(b, 4), 12);
    assert_int_equal(cmos(b, 2), 45);
    assert_int_equal(cmos(b, 9), 0);
    assert_int_equal(cmos(b, 0x32), 20);
    assert_int_equal(cmos(b, 6), 7); /* 1 January 2000 was a Saturday */
}

static void rtc_interrupts(void **state)
{
    struct board *b = *state;
    uint64_t second = 1000000000;
    assert_null(b->slot[SLOT_VGA]);
    set_cmos(b, 5, 0x00);
    set_cmos(b, 3, 0x00);
    set_cmos(b, 1, 0x05); /* alarm 00:00:05: 15 s after the start */
    set_cmos(b, 11, 0x22);
    run_until(b, 15 * second - 1);
    assert_false(b->level[8]);
    run(b, 1);
    assert_true(b->level[8]);
    assert_int_equal(cmos(b, 12), 0x80 | 0x40 | 0x20 | 0x10);
    assert_false(b->level[8]);
    assert_int_equal(cmos(b, 12), 0);
    set_cmos(b, 5, 0xff);
    set_cmos(b, 3, 0xc0); /* each minute's second 5 */
    run_until(b, 75 * second);
    assert_int_equal(cmos(b, 12) & 0xa0, 0xa0);
    set_cmos(b, 11, 0x12); /* update ended */
    run(b, 1);
    unsigned before = b->rises[8];
    for (unsigned i = 0; i < 10; i++) {
        run(b, second);
        assert_int_equal(cmos(b, 12) & 0x90, 0x90);
    }
    assert_int_equal(b->rises[8], before + 10);
    run(b, 10 * second); /* without reading register C: once */
    assert_int_equal(b->rises[8], before + 11);
    set_cmos(b, 11, 0x42); /* periodic, 1024 Hz */
    cmos(b, 12);
    before = b->rises[8];
    for (uint64_t end = b->now + second; b->now < end;) {
        run(b, 1000);
        if (b->level[8])
            cmos(b, 12);
    }
    assert_int_equal(b->rises[8], before + 1024);
    set_cmos(b, 11, 2);
    cmos(b, 12);
    for (unsigned i = 0; i < b->ntimers; i++) /* nothing enabled: no timer but the PIT's */
        assert_true(b->timer[i]->deadline == TIMER_OFF || b->timer[i] == earliest(b));
    set_cmos(b, 10, 0x70); /* the divider held: time stands; released: half a second to the first update */
    run(b, 3 * second);
    uint8_t stands = cmos(b, 0);
    run(b, 3 * second);
    assert_int_equal(cmos(b, 0), stands);
    set_cmos(b, 10, 0x26);
    run(b, second / 2 - 1);
    assert_int_equal(cmos(b, 0), stands);
    run(b, 1);
    assert_int_not_equal(cmos(b, 0), stands);
}

static void rtc_cmos(void **state)
{
    struct board *b = *state;
    static const struct {
        uint8_t reg, value;
    } want[] = {
        {0x15, 0x80}, {0x16, 0x02}, {0x17, 0xff}, {0x18, 0xff}, {0x30, 0xff}, {0x31, 0xff}, {0x34, 0x00},
        {0x35, 0xbf}, {0x5b, 0x00}, {0x5c, 0x40}, {0x5d, 0x01}, {0x5f, 1},    {0x10, 0x40}, {0x14, 0x07},
        {0x3d, 0x23}, {0x38, 0x10}, {0x12, 0xf0}, {0x19, 47},   {0x1b, 203},  {0x0d, 0x80},
    };
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_int_equal(cmos(b, want[i].reg), want[i].value);
    set_cmos(b, 0x0f, 0x0a);
    set_cmos(b, 0x0d, 0);
    for (unsigned i = 0; i < b->nchips; i++)
        b->chip[i].reset(b->chip[i].state);
    assert_int_equal(cmos(b, 0x0f), 0x0a); /* the battery keeps it */
    assert_int_equal(cmos(b, 0x0d), 0x80);
    assert_int_equal(in(b, 0x70), 0xff);
}

static void rtc_bad_settings(void **state)
{
    struct board *b = new_board(IMAGES_OF_PC);
    static const char *const bad[] = {"2023-02-29T00:00:00", "2020-1-01T00:00:00", "2020-01-01",
                                      "2020-01-01T24:00:00", ""};
    struct error err;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct setting s = {"rtc", bad[i]};
        b->config = (struct engine_config){.settings = &s, .nsettings = 1};
        assert_int_equal(rtc_create(b, &err), -1);
    }
    struct setting s = {"boot", "x"};
    b->config = (struct engine_config){.settings = &s, .nsettings = 1};
    assert_int_equal(rtc_create(b, &err), -1);
    free_board(b);
}

/* ---------------------------------------------------------------- UART */

static void uart_registers(void **state)
{
    struct board *b = *state;
    assert_int_equal(in(b, 0x3fd), 0x60);
    assert_int_equal(in(b, 0x3fa), 0x01);
    out(b, 0x3ff, 0x5a);
    assert_int_equal(in(b, 0x3ff), 0x5a);
    out(b, 0x3fb, 0x83);
    out(b, 0x3f8, 1);
    out(b, 0x3f9, 2);
    assert_int_equal(in(b, 0x3f8), 1);
    assert_int_equal(in(b, 0x3f9), 2);
    out(b, 0x3fb, 0x03);
    assert_int_equal(in(b, 0x3f9), 0);
    out(b, 0x2f8, 'h');
    out(b, 0x2f8, 'i');
    assert_memory_equal(b->console[1], "hi", 2);
    out(b, 0x3fc, 0x1a); /* the loop-back test of drivers */
    assert_int_equal(in(b, 0x3fe) & 0xf0, 0x90);
    out(b, 0x3f8, 'x');
    assert_int_equal(in(b, 0x3fd), 0x61);
    assert_int_equal(uart_input(b, 0, (const uint8_t *)"y", 1), 0);
    out(b, 0x3f8, 'z'); /* overrun */
    assert_int_equal(in(b, 0x3fd), 0x63);
    assert_int_equal(in(b, 0x3fd), 0x61);
    assert_int_equal(in(b, 0x3f8), 'z');
    assert_int_equal(b->console_length[0], 0);
    out(b, 0x3fc, 0x0b);
    in(b, 0x3fe);
    assert_int_equal(in(b, 0x3fe), 0xb0);
    out(b, 0x3fa, 0xc7);
    assert_int_equal(in(b, 0x3fa), 0xc1);
}

static void uart_interrupts(void **state)
{
    struct board *b = *state;
    static const uint8_t text[20] = "0123456789abcdefghi";
    out(b, 0x3fb, 0x83);
    out(b, 0x3f8, 12); /* 9600 baud */
    out(b, 0x3fb, 0x03);
    out(b, 0x3f9, 0x02); /* the transmitter is empty: at once */
    assert_true(b->level[4]);
    assert_int_equal(in(b, 0x3fa), 0x02);
    assert_false(b->level[4]); /* reading IIR takes it back */
    unsigned rises = b->rises[4];
    out(b, 0x3f8, 'a');
    assert_int_equal(b->rises[4], rises + 1);
    out(b, 0x3f8, 'b'); /* each byte is an edge of its own */
    assert_int_equal(b->rises[4], rises + 2);
    out(b, 0x3f9, 0x00);
    assert_false(b->level[4]);

    out(b, 0x3fa, 0x81); /* FIFO, 8 bytes */
    out(b, 0x3f9, 0x07);
    in(b, 0x3fa);
    assert_int_equal(uart_input(b, 0, text, 5), 5);
    assert_false(b->level[4]);
    uint64_t timeout = muldiv64_up(40 * 12, 1000000000, 115200); /* four characters of ten bits */
    run(b, timeout - 1);
    assert_false(b->level[4]);
    run(b, 1);
    assert_true(b->level[4]);
    assert_int_equal(in(b, 0x3fa), 0xcc);
    assert_int_equal(in(b, 0x3f8), '0');
    assert_false(b->level[4]);
    run(b, timeout);
    assert_true(b->level[4]);
    assert_int_equal(uart_input(b, 0, text + 5, 15), 12); /* 16 in all */
    assert_int_equal(in(b, 0x3fa), 0xc4);
    out(b, 0x3f8, 'c'); /* receiver before transmitter */
    assert_int_equal(in(b, 0x3fa), 0xc4);
    for (unsigned i = 1; i < 17; i++) {
        assert_int_equal(in(b, 0x3fd) & 1, 1);
        assert_int_equal(in(b, 0x3f8), text[i]);
    }
    assert_int_equal(in(b, 0x3fd), 0x60);
    assert_int_equal(in(b, 0x3fa), 0xc2);
    assert_false(b->level[4]);

    out(b, 0x3f9, 0x00); /* COM1 and COM3 share IRQ 4 */
    out(b, 0x3e9, 0x02);
    out(b, 0x3f9, 0x01);
    assert_true(b->level[4]);
    uart_input(b, 0, text, 8);
    in(b, 0x3ea);
    assert_true(b->level[4]);
    out(b, 0x3fa, 0x83);
    assert_false(b->level[4]);
    out(b, 0x2f9, 0x08); /* modem status: by loop-back */
    out(b, 0x2fc, 0x10);
    assert_true(b->level[3]);
    assert_int_equal(in(b, 0x2fa), 0x00);
    assert_int_equal(in(b, 0x2fe), 0x0b);
    assert_false(b->level[3]);
}

/* ---------------------------------------------------------------- PS/2 */

/* The next byte at port 60h within 10 ms; -1: none. Bit 8: from the mouse. */
static int next_byte(struct board *b)
{
    for (unsigned i = 0; i < 200; i++) {
        uint8_t status = in(b, 0x64);
        if (status & 1)
            return in(b, 0x60) | (status & 0x20) << 3;
        run(b, 50000);
    }
    return -1;
}

static void expect(struct board *b, unsigned n, const int *want)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(next_byte(b), want[i]);
    assert_int_equal(next_byte(b), -1);
}
#define EXPECT(b, ...) expect(b, sizeof((int[]){__VA_ARGS__}) / sizeof(int), (int[]){__VA_ARGS__})

static void ps2_controller(void **state)
{
    struct board *b = *state;
    out(b, 0x64, 0xaa);
    assert_int_equal(in(b, 0x64), 0x1d);
    EXPECT(b, 0x55);
    out(b, 0x64, 0xab);
    EXPECT(b, 0);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x74);
    out(b, 0x64, 0x20);
    EXPECT(b, 0x74);
    out(b, 0x64, 0xd3);
    out(b, 0x60, 0xa5);
    EXPECT(b, 0x1a5);
    out(b, 0x64, 0xd0);
    EXPECT(b, 0xcf);
    out(b, 0x64, 0xd1);
    out(b, 0x60, 0xdd);
    assert_false(b->a20);
    assert_int_equal(in(b, 0x92) & 2, 0);
    out(b, 0x92, 2);
    assert_true(b->a20);
    assert_int_equal(b->resets, 0);
    out(b, 0x92, 3);
    assert_string_equal(b->reset_how, "port 92h");
    out(b, 0x64, 0xfe);
    assert_string_equal(b->reset_how, "keyboard controller");
    assert_int_equal(b->resets, 2);
    out(b, 0x64, 0x9f);
    assert_int_equal(b->unhandled, 1);
}

static void ps2_keys(void **state)
{
    struct board *b = *state;
    out(b, 0x60, 0xff);
    EXPECT(b, 0xfa, 0xaa);
    out(b, 0x60, 0xf2);
    EXPECT(b, 0xfa, 0xab, 0x83);
    type(b, "aB", 2); /* set 2 */
    EXPECT(b, 0x1c, 0xf0, 0x1c, 0x12, 0x32, 0xf0, 0x32, 0xf0, 0x12);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x41); /* translated, interrupts */
    unsigned rises = b->rises[1];
    type(b, "a\x1b[A\x1b", 5);
    EXPECT(b, 0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8, 0x01, 0x81);
    assert_int_equal(b->rises[1], rises + 8);
    type(b, "\0\x3b\0\xbb\0\xe1\0\x1d\0\x45\0", 11); /* F1; Pause; and half a raw code */
    EXPECT(b, 0x3b, 0xbb, 0xe1, 0x1d, 0x45);
    type(b, "\xc5\x03", 2);
    EXPECT(b, 0xc5, 0x1d, 0x2e, 0xae, 0x9d);
    out(b, 0x60, 0xf2);
    EXPECT(b, 0xfa, 0xab, 0x41);
    out(b, 0x60, 0xf0); /* set 1, not translated */
    EXPECT(b, 0xfa);
    out(b, 0x60, 0x01);
    EXPECT(b, 0xfa);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x01);
    type(b, "\r", 1);
    EXPECT(b, 0x1c, 0x9c);
    out(b, 0x60, 0xed);
    EXPECT(b, 0xfa);
    out(b, 0x60, 0x07);
    EXPECT(b, 0xfa);
    out(b, 0x60, 0xee);
    EXPECT(b, 0xee);
    out(b, 0x60, 0xfe);
    EXPECT(b, 0xee);
    out(b, 0x60, 0xf5); /* off: keys wait */
    EXPECT(b, 0xfa);
    type(b, "x", 1);
    EXPECT(b);
    out(b, 0x60, 0xf4);
    EXPECT(b, 0xfa, 0x22, 0xf0, 0x22);
}

static void ps2_flow(void **state)
{
    struct board *b = *state;
    char text[200];
    memset(text, 'k', sizeof text);
    uint32_t taken = ps2_input(b, INPUT_KEYBOARD, (const uint8_t *)text, sizeof text);
    assert_in_range(taken, 128, 130);
    out(b, 0x64, 0x60);
    out(b, 0x60, 0x41);
    for (unsigned i = 0; i < taken; i++) {
        int make = next_byte(b);
        assert_true(make == 0x25 || (i == 0 && make == 0x42));
        if (i == 0 && make == 0x42)
            assert_int_equal(next_byte(b), 0xa5);
        else
            assert_int_equal(next_byte(b), 0xa5);
    }
    EXPECT(b);
    type(b, "a", 1); /* within an interrupt handler the byte can be read again */
    run(b, 5000000);
    assert_int_equal(in(b, 0x60), 0x1e);
    assert_int_equal(in(b, 0x60), 0x1e);
    out(b, 0x64, 0xad); /* keyboard interface off */
    EXPECT(b);
    out(b, 0x64, 0xae);
    EXPECT(b, 0x9e);
}

static void mouse_command(struct board *b, uint8_t byte)
{
    out(b, 0x64, 0xd4);
    out(b, 0x60, byte);
    assert_int_equal(next_byte(b), 0x1fa);
}

static void ps2_mouse(void **state)
{
    struct board *b = *state;
    mouse_command(b, 0xff);
    EXPECT(b, 0x1aa, 0x100);
    static const uint8_t knock[] = {200, 100, 80};
    for (unsigned i = 0; i < 3; i++) {
        mouse_command(b, 0xf3);
        mouse_command(b, knock[i]);
    }
    mouse_command(b, 0xf2);
    EXPECT(b, 0x103);
    mouse_command(b, 0xf4);
    static const uint8_t move[8] = {1, 10, 0xfb, 0, 0, 0, 0, 0xff};
    assert_int_equal(ps2_input(b, INPUT_MOUSE, move, 8), 8);
    EXPECT(b, 0x129, 0x10a, 0x1fb, 0x100, 0x108, 0x100, 0x100, 0x1ff);
    assert_true(b->rises[12] > 8);
    mouse_command(b, 0xe9);
    EXPECT(b, 0x120, 0x102, 0x150);
    mouse_command(b, 0xf5);
    assert_int_equal(ps2_input(b, INPUT_MOUSE, move, 4), 4);
    EXPECT(b);
}

/* ---------------------------------------------------------------- DMA */

static void dma_channels(void **state)
{
    struct board *b = *state;
    uint8_t data[600];
    bool tc;
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = i;
    assert_int_equal(dma_transfer(b, 2, data, 512, true, &tc), 0); /* masked */
    out(b, 0x0b, 0x46);                                            /* single, to memory, channel 2 */
    out(b, 0x0c, 0);
    out(b, 0x04, 0x00);
    out(b, 0x04, 0xff);
    out(b, 0x05, 0xff);
    out(b, 0x05, 0x01);
    out(b, 0x81, 0x03);
    out(b, 0x0a, 2);
    assert_int_equal(dma_transfer(b, 2, data, 100, false, &tc), 0); /* the other way */
    assert_int_equal(dma_transfer(b, 2, data, 100, true, &tc), 100);
    assert_false(tc);
    assert_int_equal(dma_transfer(b, 2, data + 100, 500, true, &tc), 412);
    assert_true(tc);
    assert_memory_equal(b->memory + 0x3ff00, data, 256);
    assert_memory_equal(b->memory + 0x30000, data + 256, 256); /* the page does not count on */
    assert_int_equal(in(b, 0x08), 0x04);
    assert_int_equal(in(b, 0x08), 0x00);
    assert_int_equal(in(b, 0x0f) & 15, 0x0f);
    assert_int_equal(in(b, 0x81), 3);

    out(b, 0xd6, 0x59); /* single, autoinit, from memory, channel 5 */
    out(b, 0xd8, 0);
    out(b, 0xc4, 0x80); /* word address: 0x100 */
    out(b, 0xc4, 0x00);
    out(b, 0xc6, 3); /* four words */
    out(b, 0xc6, 0);
    out(b, 0x8b, 0x02);
    out(b, 0xd4, 1);
    memcpy(b->memory + 0x20100, "abcdefgh", 8);
    assert_int_equal(dma_transfer(b, 5, data, 20, false, &tc), 8);
    assert_true(tc);
    assert_memory_equal(data, "abcdefgh", 8);
    assert_int_equal(dma_transfer(b, 5, data, 3, false, &tc), 2); /* from the start again; whole words */
    assert_int_equal(in(b, 0xc4), 0x81);
    out(b, 0x84, 0x77);
    assert_int_equal(in(b, 0x84), 0x77);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(rtc_time),       T(rtc_interrupts),  T(rtc_cmos),       T(rtc_bad_settings),
        T(uart_registers), T(uart_interrupts), T(ps2_controller), T(ps2_keys),
        T(ps2_flow),       T(ps2_mouse),       T(dma_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

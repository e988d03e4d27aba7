/* test_vga.c - the VGA: planar modes, text, VBE, the console lines of the text screen, and its field table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/inputs.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/board.h"
#include "hv/board/chip.h"

/* ---------------------------------------------------------------- the fake board */

struct ramblock {
    const char *name;
    uint64_t size;
    uint8_t *data;
};

struct board {
    uint64_t now;
    struct chip chip[4];
    unsigned nchips;
    void *vga;
    struct pci_device *pci;
    struct ramblock block[3];
    unsigned nblocks;
    uint64_t lfb, rom; /* where they are mapped */
    port_in_fn *in;
    port_out_fn *out;
    port_in_fn *vbe_in;
    port_out_fn *vbe_out;
    void *ctx;
    mmio_read_fn *window_read, *bar_read;
    mmio_write_fn *window_write, *bar_write;
    uint64_t bar;
    struct engine_config config;
    struct image image;
    uint64_t touched;
    char console[8192];
    size_t length;
};

void board_add_chip(struct board *b, const struct chip *c)
{
    b->chip[b->nchips++] = chip_flat(c);
}

void board_ports(struct board *b, uint16_t first, unsigned count, bool bytewise, void *ctx, port_in_fn *in,
                 port_out_fn *out)
{
    b->ctx = ctx;
    if (first == 0x1ce) {
        b->vbe_in = in;
        b->vbe_out = out;
    } else {
        assert_true(bytewise);
        b->in = in;
        b->out = out;
    }
}

unsigned board_mmio_bar(struct board *b, uint64_t size, void *ctx, mmio_read_fn *read, mmio_write_fn *write)
{
    return board_mmio(b, UINT64_MAX, size, ctx, read, write);
}

unsigned board_mmio(struct board *b, uint64_t pa, uint64_t size, void *ctx, mmio_read_fn *read,
                    mmio_write_fn *write)
{
    if (pa == 0xa0000) {
        assert_int_equal(size, 0x20000);
        b->window_read = read;
        b->window_write = write;
        return 1;
    }
    b->bar_read = read;
    b->bar_write = write;
    return 7;
}

void board_mmio_move(struct board *b, unsigned id, uint64_t pa)
{
    assert_int_equal(id, 7);
    b->bar = pa;
}

struct physmem *board_mem(struct board *b)
{
    return (struct physmem *)b;
}

struct ramblock *physmem_block(struct physmem *m, const char *name, uint64_t size)
{
    struct board *b = (struct board *)m;
    struct ramblock *r = &b->block[b->nblocks++];

    *r = (struct ramblock){name, size, mem_zero(1, size)};
    return r;
}

uint8_t *ramblock_host(struct ramblock *r)
{
    return r->data;
}
uint64_t ramblock_size(const struct ramblock *r)
{
    return r->size;
}

void board_bar_memory(struct board *b, uint64_t from, uint64_t to, struct ramblock *block, bool rom)
{
    uint64_t *at = rom ? &b->rom : &b->lfb;
    assert_int_equal(*at, from == UINT64_MAX ? 0 : from);
    assert_int_equal(rom, block->size != 16 << 20);
    *at = to == UINT64_MAX ? 0 : to;
}

void physmem_touch(struct physmem *m, struct ramblock *r, uint64_t offset, uint64_t n)
{
    assert_true(offset + n <= r->size);
    ((struct board *)m)->touched += n;
}

uint64_t board_now(const struct board *b)
{
    return b->now;
}
const struct engine_config *board_config(const struct board *b)
{
    return &b->config;
}
void *board_slot(const struct board *b, enum chip_slot s)
{
    return b->vga;
}
void board_set_slot(struct board *b, enum chip_slot s, void *state)
{
    b->vga = state;
}
void board_unhandled(struct board *b, const char *what, uint64_t number, bool write, uint64_t value) {}

void board_console(struct board *b, unsigned device, uint8_t byte)
{
    assert_int_equal(device, 8);
    if (b->length + 1 < sizeof b->console)
        b->console[b->length++] = byte;
}

void pci_init(struct pci_device *d, const char *name, unsigned devfn, uint16_t vendor, uint16_t device,
              uint32_t class_code, uint8_t revision, uint8_t pin)
{
    memset(d, 0, sizeof *d);
    d->devfn = devfn;
}

void board_add_pci(struct board *b, struct pci_device *d)
{
    b->pci = d;
}
void pci_loaded(struct board *b, struct pci_device *d) {}

/* ---------------------------------------------------------------- what a guest does */

static int read_image(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    memset(buf, 0x55, n);
    return 0;
}

static int setup(void **state)
{
    struct board *b = mem_zero(1, sizeof *b);
    struct error err;

    b->image = (struct image){.role = "vgabios", .name = "rom", .size = 39424, .read = read_image};
    b->config.images = &b->image;
    b->config.nimages = 1;
    assert_int_equal(vga_create(b, &err), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct board *b = *state;

    for (unsigned i = 0; i < b->nblocks; i++)
        free(b->block[i].data);
    free(b->chip[0].state);
    free((struct field *)b->chip[0].fields);
    free(b);
    return 0;
}

static void out(struct board *b, uint16_t port, uint8_t v)
{
    b->out(b->ctx, port, 1, v);
}
static uint8_t in(struct board *b, uint16_t port)
{
    return b->in(b->ctx, port, 1);
}

static void indexed(struct board *b, uint16_t port, uint8_t index, uint8_t value)
{
    out(b, port, index);
    out(b, port + 1, value);
}

static void poke(struct board *b, uint32_t address, unsigned size, uint64_t v)
{
    b->window_write(b->ctx, address - 0xa0000, size, v);
}

static uint64_t peek(struct board *b, uint32_t address, unsigned size)
{
    return b->window_read(b->ctx, address - 0xa0000, size);
}

static void vbe(struct board *b, unsigned index, uint16_t v)
{
    b->vbe_out(b->ctx, 0x1ce, 2, index);
    b->vbe_out(b->ctx, 0x1cf, 2, v);
}

static uint16_t vbe_get(struct board *b, unsigned index)
{
    b->vbe_out(b->ctx, 0x1ce, 2, index);
    return b->vbe_in(b->ctx, 0x1cf, 2);
}

static void mode12(struct board *b)
{
    indexed(b, 0x3c4, 2, 15);
    indexed(b, 0x3c4, 4, 6);
    indexed(b, 0x3ce, 5, 0);
    indexed(b, 0x3ce, 6, 5);
    indexed(b, 0x3d4, 0x11, 0x0e);
    indexed(b, 0x3d4, 7, 0x3e);
    indexed(b, 0x3d4, 9, 0x40);
    indexed(b, 0x3d4, 0x12, 0xdf);
    indexed(b, 0x3d4, 0x17, 0xe3);
}

/* ---------------------------------------------------------------- planes */

static void test_planar(void **state)
{
    struct board *b = *state;
    uint8_t *m = b->block[0].data;

    mode12(b);
    /* Mode 0: a byte to the planes of the map mask. */
    indexed(b, 0x3c4, 2, 5);
    poke(b, 0xa0010, 1, 0xc3);
    assert_memory_equal(m + 0x40, "\xc3\0\xc3\0", 4);
    assert_true(b->touched > 0);
    /* Set/reset with a bit mask: the latches keep the other pixels. */
    indexed(b, 0x3c4, 2, 15);
    indexed(b, 0x3ce, 0, 9);
    indexed(b, 0x3ce, 1, 15);
    indexed(b, 0x3ce, 8, 0x0f);
    assert_int_equal(peek(b, 0xa0010, 1), 0xc3);
    poke(b, 0xa0010, 1, 0);
    assert_memory_equal(m + 0x40, "\xcf\0\xc0\x0f", 4);
    /* Rotate and XOR. */
    indexed(b, 0x3ce, 1, 0);
    indexed(b, 0x3ce, 8, 0xff);
    indexed(b, 0x3ce, 3, 0x18 | 4);
    peek(b, 0xa0010, 1);
    poke(b, 0xa0010, 1, 0xf0);
    assert_memory_equal(m + 0x40, "\xc0\x0f\xcf\0", 4);
    /* Mode 1: the latches; mode 2: a colour; mode 3: a mask of set/reset. */
    indexed(b, 0x3ce, 3, 0);
    indexed(b, 0x3ce, 5, 1);
    peek(b, 0xa0010, 1);
    poke(b, 0xa0020, 2, 0x1234);
    assert_memory_equal(m + 0x84, "\xc0\x0f\xcf\0", 4);
    indexed(b, 0x3ce, 5, 2);
    indexed(b, 0x3ce, 8, 0x80);
    peek(b, 0xa0010, 1);
    poke(b, 0xa0010, 1, 0x0a);
    assert_memory_equal(m + 0x40, "\x40\x8f\x4f\x80", 4);
    indexed(b, 0x3ce, 5, 3);
    indexed(b, 0x3ce, 8, 0xff);
    peek(b, 0xa0010, 1);
    poke(b, 0xa0010, 1, 0x01); /* set/reset is 9 */
    assert_memory_equal(m + 0x40, "\x41\x8e\x4e\x81", 4);
    /* Read mode 0 by plane; mode 1: where is colour 9? */
    indexed(b, 0x3ce, 4, 1);
    assert_int_equal(peek(b, 0xa0010, 1), 0x8e);
    indexed(b, 0x3ce, 5, 8);
    indexed(b, 0x3ce, 2, 9);
    indexed(b, 0x3ce, 7, 15);
    assert_int_equal(peek(b, 0xa0010, 1), 0x01);
    /* Outside of the window. */
    assert_int_equal(peek(b, 0xb0000, 4), 0xffffffff);
}

static void test_chain4(void **state)
{
    struct board *b = *state;
    uint8_t *m = b->block[0].data;

    mode12(b);
    indexed(b, 0x3c4, 4, 0x0e);
    indexed(b, 0x3ce, 5, 0x40);
    poke(b, 0xa0141, 4, 0x04030201);
    assert_memory_equal(m + 0x141, "\1\2\3\4", 4);
    assert_int_equal(peek(b, 0xa0140, 8), 0x0403020100);
    indexed(b, 0x3c4, 2, 1);
    poke(b, 0xa0144, 4, 0x22222222);
    assert_memory_equal(m + 0x144, "\x22\0\0\0", 4);
}

/* ---------------------------------------------------------------- registers */

static void test_registers(void **state)
{
    struct board *b = *state;
    bool retrace = false, display = false;

    assert_int_equal(in(b, 0x3cc), 0x67);
    assert_int_equal(in(b, 0x3b5), 0xff); /* colour: the other set is not there */
    /* CRTC write protection of 0-7, but for the line compare bit. */
    indexed(b, 0x3d4, 0, 1);
    assert_int_equal(in(b, 0x3d5), 0x5f);
    indexed(b, 0x3d4, 7, 0x0f);
    assert_int_equal(in(b, 0x3d5), 0x0f);
    indexed(b, 0x3d4, 7, 0xff);
    assert_int_equal(in(b, 0x3d5), 0x1f);
    /* Attribute flip-flop. */
    in(b, 0x3da);
    out(b, 0x3c0, 0x11);
    out(b, 0x3c0, 0x2a);
    in(b, 0x3da);
    out(b, 0x3c0, 0x11);
    assert_int_equal(in(b, 0x3c1), 0x2a);
    /* Palette: written and read in threes. */
    out(b, 0x3c8, 254);
    for (unsigned i = 0; i < 9; i++)
        out(b, 0x3c9, i + 0xc0);
    assert_int_equal(in(b, 0x3c7), 0);
    out(b, 0x3c7, 255);
    assert_int_equal(in(b, 0x3c7), 3);
    for (unsigned i = 3; i < 9; i++)
        assert_int_equal(in(b, 0x3c9), i);
    /* Retrace comes and goes with guest time, 70 times a second. */
    for (b->now = 0; b->now < 15000000; b->now += 20000) {
        retrace |= in(b, 0x3da) & 8;
        display |= !(in(b, 0x3da) & 1);
    }
    assert_true(retrace && display);
}

/* ---------------------------------------------------------------- text */

struct tty {
    struct board *b;
    unsigned row, col, start;
    bool low_first, hardware_scroll;
};

static void set_cursor(struct tty *t)
{
    unsigned at = t->start + t->row * 80 + t->col;

    if (t->low_first) {
        indexed(t->b, 0x3d4, 15, at);
        indexed(t->b, 0x3d4, 14, at >> 8);
    } else {
        indexed(t->b, 0x3d4, 14, at >> 8);
        indexed(t->b, 0x3d4, 15, at);
    }
}

static void scroll(struct tty *t)
{
    uint32_t at = 0xb8000 + t->start * 2;

    if (t->hardware_scroll && t->start + 80 + 2000 <= 16384) {
        t->start += 80;
        at += 160;
        for (unsigned i = 0; i < 80; i++)
            poke(t->b, at + 2 * (24 * 80 + i), 2, 0x0720);
        indexed(t->b, 0x3d4, 12, t->start >> 8);
        indexed(t->b, 0x3d4, 13, t->start);
        return;
    }
    uint32_t to = t->hardware_scroll ? 0xb8000 : at;
    for (unsigned i = 0; i < 24 * 80; i++)
        poke(t->b, to + 2 * i, 2, peek(t->b, at + 160 + 2 * i, 2));
    for (unsigned i = 24 * 80; i < 25 * 80; i++)
        poke(t->b, to + 2 * i, 2, 0x0720);
    if (t->hardware_scroll) {
        t->start = 0;
        indexed(t->b, 0x3d4, 12, 0);
        indexed(t->b, 0x3d4, 13, 0);
    }
}

/* Like a BIOS's teletype (the cursor follows each character), or like a kernel's console (once a call). */
static void print(struct tty *t, const char *s, bool teletype)
{
    for (; *s; s++) {
        if (*s == '\r') {
            t->col = 0;
        } else if (*s == '\n') {
            if (!teletype)
                t->col = 0;
            if (t->row == 24)
                scroll(t);
            else
                t->row++;
        } else {
            poke(t->b, 0xb8000 + (t->start + t->row * 80 + t->col) * 2, 2, 0x0700 | (uint8_t)*s);
            t->col++;
        }
        if (teletype)
            set_cursor(t);
    }
    set_cursor(t);
}

static const char *console(struct board *b)
{
    b->console[b->length] = 0;
    return b->console;
}

static void test_text(void **state)
{
    struct board *b = *state;
    char text[4096];
    struct tty t = {.b = b};

    print(&t, "SeaBIOS\r\n\r\n", true);
    t.col = 3;
    print(&t, "\x02 \xc9\xcd\xbb \x81", true);
    size_t n = vga_screen_text(b, text, sizeof text);
    assert_int_equal(n, strlen(text));
    assert_true(strstr(text, "SeaBIOS\n\n   ☻ ╔═╗ ü\n\n") == text);
    assert_int_equal(vga_screen_text(b, text, 10), 7 + 1 + 1 + 3 + 3 + 1 + 9 + 1 + 2 + 1 + 22);
    assert_int_equal(strlen(text), 9);
    /* The bytes are where the display looks for them. */
    assert_int_equal(peek(b, 0xb8000, 4), 0x07650753);
    mode12(b);
    assert_int_equal(vga_screen_text(b, text, sizeof text), 0);
}

/* Forty numbered lines, each reported once, in order, however the guest scrolls. */
static void forty_lines(struct board *b, struct tty *t, bool teletype)
{
    char want[1024] = "", line[32];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(line, sizeof line, "line %u%s", i, teletype ? "\r\n" : "\n");
        print(t, line, teletype);
        snprintf(line, sizeof line, "line %u\n", i);
        strcat(want, line);
    }
    assert_string_equal(console(b), want);
}

static void test_console_teletype(void **state)
{
    struct tty t = {.b = *state};

    forty_lines(*state, &t, true);
}

static void test_console_low_first(void **state)
{
    struct tty t = {.b = *state, .low_first = true};

    forty_lines(*state, &t, true);
}

static void test_console_kernel(void **state)
{
    struct tty t = {.b = *state};

    forty_lines(*state, &t, false);
}

static void test_console_hardware_scroll(void **state)
{
    struct board *b = *state;
    struct tty t = {.b = b, .hardware_scroll = true};
    char want[8192] = "", line[64];

    /* Far enough for the start address to wrap several times; each call prints some lines. */
    for (unsigned i = 0; i < 400; i += 3) {
        snprintf(line, sizeof line, "a%u\nb%u\nc%u\n", i, i, i);
        print(&t, line, false);
        strcat(want, line);
    }
    assert_string_equal(console(b), want);
}

static void test_console_same_lines(void **state)
{
    struct board *b = *state;
    struct tty t = {.b = b};
    unsigned lines = 0;

    for (unsigned i = 0; i < 60; i++)
        print(&t, "same\r\n", true);
    for (const char *s = console(b); *s; s++)
        lines += *s == '\n';
    assert_int_equal(lines, 60);
}

static void test_console_screens(void **state)
{
    struct board *b = *state;
    struct tty t = {.b = b};

    print(&t, "Booting from disk...", true);
    assert_string_equal(console(b), "");
    /* The screen is cleared: the line was complete. */
    for (unsigned i = 0; i < 2000; i++)
        poke(b, 0xb8000 + 2 * i, 2, 0x0720);
    t.row = t.col = 0;
    set_cursor(&t);
    assert_string_equal(console(b), "Booting from disk...\n");
    b->length = 0;
    /* A progress line is reported when it is left; a row that stays at the top does not repeat the others. */
    print(&t, "10%\r20%\r30%", true);
    assert_string_equal(console(b), "");
    print(&t, "\r\nmenu\r\n", true);
    assert_string_equal(console(b), "30%\nmenu\n");
    b->length = 0;
    /* A menu: a frame, then what is in it. */
    print(&t, "|     |\r\n|     |\r\n", true);
    t.row = 2;
    t.col = 1;
    set_cursor(&t);
    print(&t, "first", true);
    t.row = 3;
    t.col = 1;
    print(&t, "second", true);
    t.row = 5;
    t.col = 0;
    set_cursor(&t);
    assert_string_equal(console(b), "|     |\n|     |\n|first|\n|second\n");
    b->length = 0;
    t.row = 20;
    t.col = 0;
    print(&t, "in 5 s", true);
    t.row = 2;
    set_cursor(&t);
    t.row = 20;
    t.col = 0;
    print(&t, "in 4 s", true);
    t.row = 2;
    set_cursor(&t);
    assert_string_equal(console(b), "");
}

/* ---------------------------------------------------------------- VBE and the PCI function */

static void test_vbe(void **state)
{
    struct board *b = *state;
    uint8_t *m = b->block[0].data, *rgb = mem_alloc(1024 * 768 * 3);
    char text[64];
    unsigned w, h;

    assert_int_equal(vbe_get(b, 0), 0xb0c5);
    assert_int_equal(vbe_get(b, 10), 256);
    memset(m, 0xee, 16 << 20);
    vbe(b, 4, 0);
    vbe(b, 1, 1024);
    vbe(b, 2, 768);
    vbe(b, 3, 32);
    vbe(b, 4, 0x41);
    assert_int_equal(vbe_get(b, 6), 1024);
    assert_int_equal(vbe_get(b, 7), 4096);
    assert_int_equal(m[0], 0);
    assert_int_equal(m[1024 * 768 * 4 - 1], 0);
    assert_int_equal(m[1024 * 768 * 4], 0xee);
    memcpy(m + (10 * 1024 + 3) * 4, "\x30\x20\x10", 3);
    assert_int_equal(vga_screen_text(b, text, sizeof text), 0);
    assert_false(vga_screen_image(b, rgb, &w, &h, 100));
    assert_int_equal(w, 1024);
    assert_true(vga_screen_image(b, rgb, &w, &h, 1024 * 768 * 3));
    assert_memory_equal(rgb + (10 * 1024 + 3) * 3, "\x10\x20\x30", 3);
    /* Banked access, scrolling, and the registers in BAR 2. */
    vbe(b, 5, 3);
    poke(b, 0xa0004, 4, 0x11223344);
    assert_memory_equal(m + 0x30004, "\x44\x33\x22\x11", 4);
    vbe(b, 9, 100);
    assert_true(vga_screen_image(b, rgb, &w, &h, 1024 * 768 * 3));
    assert_int_equal(rgb[(10 * 1024 + 3) * 3], 0);
    assert_int_equal(b->bar_read(b->ctx, 0x502, 2), 1024);
    b->bar_write(b->ctx, 0x512, 2, 0);
    assert_int_equal(vbe_get(b, 9), 0);
    assert_int_equal(b->bar_read(b->ctx, 0x40c, 1), 0x67);
    vbe(b, 4, 2);
    assert_int_equal(vbe_get(b, 3), 32);
    assert_int_equal(vbe_get(b, 1), 16000);
    vbe(b, 4, 0);
    /* 16 bits. */
    vbe(b, 1, 640);
    vbe(b, 2, 480);
    vbe(b, 3, 16);
    vbe(b, 4, 0x41);
    m[2] = 0x1f;
    m[3] = 0xf8;
    assert_true(vga_screen_image(b, rgb, &w, &h, 640 * 480 * 3));
    assert_memory_equal(rgb + 3, "\xff\0\xff", 3);
    free(rgb);
}

static void test_images(void **state)
{
    struct board *b = *state;
    uint8_t *rgb = mem_alloc(720 * 480 * 3);
    struct tty t = {.b = b, .row = 1};
    unsigned w, h;

    /* A glyph in plane 2, shown in white on blue. */
    b->block[0].data[('A' * 32 + 3) * 4 + 2] = 0x80;
    print(&t, "A", true);
    poke(b, 0xb8000 + 161, 1, 0x1f);
    assert_true(vga_screen_image(b, rgb, &w, &h, 720 * 480 * 3));
    assert_int_equal(w, 720);
    assert_int_equal(h, 400);
    assert_memory_equal(rgb + 720 * 3 * 19, "\xff\xff\xff\0\0\xaa", 6);
    /* The same as characters with their colours, and the cursor. */
    struct display d;
    struct display_cell *cells = mem_zero(80 * 25, sizeof *cells);
    assert_true(vga_display(b, &d, cells, 80 * 25));
    assert_int_equal(d.columns, 80);
    assert_int_equal(d.rows, 25);
    assert_int_equal(d.width, 720);
    assert_int_equal(cells[80].character, 'A');
    assert_int_equal(cells[80].ink, 0xffffff);
    assert_int_equal(cells[80].paper, 0x0000aa);
    assert_int_equal(d.cursor_row, 1);
    assert_int_equal(d.cursor_column, 1);
    cells[80].character = 0;
    assert_true(vga_display(b, &d, cells, 80 * 25 - 1)); /* no room: left alone */
    assert_int_equal(cells[80].character, 0);
    free(cells);
    /* 640x480 in 16 colours. */
    mode12(b);
    indexed(b, 0x3c4, 2, 4);
    poke(b, 0xa0000 + 80 * 2, 1, 0x40);
    assert_true(vga_screen_image(b, rgb, &w, &h, 720 * 480 * 3));
    assert_int_equal(w, 640);
    assert_int_equal(h, 480);
    assert_true(vga_display(b, &d, NULL, 0));
    assert_int_equal(d.columns, 0);
    assert_int_equal(d.height, 480);
    assert_memory_equal(rgb + 640 * 3 * 2 + 3, "\xaa\0\0", 3);
    /* Mode 13h. */
    indexed(b, 0x3c4, 2, 15);
    indexed(b, 0x3c4, 4, 0x0e);
    indexed(b, 0x3ce, 5, 0x40);
    indexed(b, 0x3d4, 7, 0x1f);
    indexed(b, 0x3d4, 9, 0x41);
    indexed(b, 0x3d4, 0x12, 0x8f);
    indexed(b, 0x3d4, 0x17, 0xa3);
    in(b, 0x3da);
    out(b, 0x3c0, 0x30);
    out(b, 0x3c0, 0x41);
    out(b, 0x3c8, 200);
    out(b, 0x3c9, 63);
    out(b, 0x3c9, 32);
    out(b, 0x3c9, 0);
    poke(b, 0xa0000 + 320 * 199 + 319, 1, 200);
    assert_true(vga_screen_image(b, rgb, &w, &h, 720 * 480 * 3));
    assert_int_equal(w, 320);
    assert_int_equal(h, 200);
    assert_memory_equal(rgb + (320 * 200 - 1) * 3, "\xff\x82\0", 3);
    free(rgb);
}

static void test_pci(void **state)
{
    struct board *b = *state;

    b->pci->bar[0].map(b->pci->ctx, 0, 0xfd000000);
    b->pci->bar[2].map(b->pci->ctx, 2, 0xfebf0000);
    b->pci->rom.map(b->pci->ctx, 6, 0xfebe0000);
    assert_int_equal(b->lfb, 0xfd000000);
    assert_int_equal(b->bar, 0xfebf0000);
    assert_int_equal(b->rom, 0xfebe0000);
    assert_int_equal(b->pci->rom.size, 65536);
    assert_int_equal(b->block[1].data[39423], 0x55);
    b->pci->bar[0].map(b->pci->ctx, 0, UINT64_MAX);
    b->pci->rom.map(b->pci->ctx, 6, UINT64_MAX);
    assert_int_equal(b->lfb, 0);
    assert_int_equal(b->rom, 0);
}

/* ---------------------------------------------------------------- the field table */

static size_t copy_fields(const struct chip *c, uint8_t *saved, bool load)
{
    size_t n = 0;

    for (size_t i = 0; i < c->nfields; i++) {
        size_t bytes = (size_t)c->fields[i].width * c->fields[i].count;
        uint8_t *at = (uint8_t *)c->state + c->fields[i].offset;

        memcpy(load ? at : saved + n, load ? saved + n : at, bytes);
        n += bytes;
    }
    if (load && c->loaded)
        c->loaded(c->state);
    return n;
}

static void test_fields(void **state)
{
    struct board *b = *state;
    struct chip *c = &b->chip[0];
    static uint8_t saved[65536], again[65536];
    uint8_t *vram = mem_alloc(16 << 20);
    struct tty t = {.b = b}, t2;
    char first[8192];
    size_t n;

    /* In the middle of everything: of a line, of a colour, of an attribute, of a planar write. */
    for (unsigned i = 0; i < 30; i++)
        print(&t, i & 1 ? "odd\r\n" : "even\r\n", true);
    print(&t, "half", true);
    out(b, 0x3c8, 9);
    out(b, 0x3c9, 11);
    out(b, 0x3c9, 12);
    out(b, 0x3c0, 0x31);
    peek(b, 0xb8000 + 160, 1);
    vbe(b, 1, 800);
    n = copy_fields(c, saved, false);
    memcpy(vram, b->block[0].data, 16 << 20);
    t2 = t;
    b->length = 0;
    print(&t, " line\r\nnext\r\n", true);
    out(b, 0x3c9, 13);
    strcpy(first, console(b));
    assert_string_equal(first, "half line\nnext\n");

    c->reset(c->state);
    copy_fields(c, saved, true);
    memcpy(b->block[0].data, vram, 16 << 20);
    assert_int_equal(copy_fields(c, again, false), n);
    assert_memory_equal(again, saved, n);
    b->length = 0;
    print(&t2, " line\r\nnext\r\n", true);
    assert_string_equal(console(b), first);
    out(b, 0x3c9, 13);
    out(b, 0x3c7, 9);
    for (unsigned i = 11; i < 14; i++)
        assert_int_equal(in(b, 0x3c9), i);
    out(b, 0x3c0, 7); /* data: the flip-flop was kept */
    assert_int_equal(in(b, 0x3c1), 7);
    assert_int_equal(vbe_get(b, 1), 800);
    free(vram);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_planar),
        T(test_chain4),
        T(test_registers),
        T(test_text),
        T(test_console_teletype),
        T(test_console_low_first),
        T(test_console_kernel),
        T(test_console_hardware_scroll),
        T(test_console_same_lines),
        T(test_console_screens),
        T(test_vbe),
        T(test_images),
        T(test_pci),
        T(test_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

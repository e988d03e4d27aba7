/* test_drawn.c - text that is read from pixels: the matcher, the kinds of fonts in memory, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/ground/code_page.h"
#include "core/screen/private/drawn.h"
#include "core/screen/private/hunt.h"
#include "core/screen/private/match.h"

/* ---------------------------------------------------------------- a machine: memory and a picture */

enum { PAGE = 4096, MEMORY = 2 << 20, W = 320, H = 200 };

struct machine {
    struct engine engine;
    uint8_t *memory;
    uint8_t rgb[W * H * 3];
    uint64_t cr4, icount;
};

static const struct machine *machine_of(const struct engine *e)
{
    return (const struct machine *)e;
}

static size_t peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    const size_t there = address < MEMORY ? MEMORY - (size_t)address : 0;
    memcpy(buf, machine_of(e)->memory + (there ? address : 0), n < there ? n : there);
    return n < there ? n : there;
}

static bool display(const struct engine *e, struct display *d, struct display_cell *cells, size_t ncells,
                    uint8_t *rgb, size_t nrgb)
{
    *d = (struct display){.cursor_column = -1, .cursor_row = -1, .width = W, .height = H};
    if (nrgb >= sizeof machine_of(e)->rgb)
        memcpy(rgb, machine_of(e)->rgb, sizeof machine_of(e)->rgb);
    return true;
}

static const struct reg_desc *regs(const struct engine *e, size_t *count)
{
    static const struct reg_desc cr4 = {.name = "cr4", .bits = 64};
    *count = 1;
    return &cr4;
}

static int reg_get(const struct engine *e, unsigned cpu, size_t reg, void *value)
{
    memcpy(value, &machine_of(e)->cr4, 8);
    return 0;
}

static unsigned cpus(const struct engine *e)
{
    return 1;
}

static uint64_t icount(const struct engine *e)
{
    return machine_of(e)->icount;
}

static const struct engine_ops ops = {.icount = icount,
                                      .regs = regs,
                                      .reg_get = reg_get,
                                      .cpus = cpus,
                                      .peek_physical = peek_physical,
                                      .display = display};

static struct machine *machine_new(void)
{
    struct machine *m = mem_zero(1, sizeof *m);
    m->engine.ops = &ops;
    m->memory = mem_zero(MEMORY, 1);
    m->cr4 = 1 << 5;
    return m;
}

static void machine_free(struct machine *m)
{
    free(m->memory);
    free(m);
}

static void dot(struct machine *m, unsigned x, unsigned y, uint32_t colour)
{
    uint8_t *p = m->rgb + (y * W + x) * 3;
    assert_true(x < W && y < H);
    p[0] = (uint8_t)(colour >> 16);
    p[1] = (uint8_t)(colour >> 8);
    p[2] = (uint8_t)colour;
}

static void fill(struct machine *m, uint32_t colour)
{
    for (unsigned i = 0; i < W * H; i++)
        dot(m, i % W, i / W, colour);
}

/* ---------------------------------------------------------------- glyphs */

static uint32_t mix(uint32_t n)
{
    n = (n ^ n >> 16) * 0x45d9f3bu;
    n = (n ^ n >> 16) * 0x45d9f3bu;
    return n ^ n >> 16;
}

/* A glyph for each character, as different as letters are; Greek and Cyrillic capital A look like the Latin one. */
static void glyph_of(uint32_t c, unsigned width, unsigned height, uint32_t *rows)
{
    c = c == 0x391 || c == 0x410 ? 'A' : c;
    for (unsigned y = 0; y < height; y++)
        rows[y] = c == ' ' || y < 2 || y + 3 > height ? 0 : mix(c * 64 + y) << (32 - width);
}

static void draw_rows(struct machine *m, unsigned x, unsigned y, const uint32_t *rows, unsigned width,
                      unsigned height, uint32_t ink, int64_t paper)
{
    for (unsigned i = 0; i < width * height; i++)
        if (rows[i / width] << i % width >> 31)
            dot(m, x + i % width, y + i / width, ink);
        else if (paper >= 0)
            dot(m, x + i % width, y + i / width, (uint32_t)paper);
}

static bool is_wide(uint32_t c)
{
    return c >= 0x4e00 && c < 0xa000;
}

/* Draws characters in cells of 8 pixels. paper -1: over what is there. */
static void draw(struct machine *m, unsigned x, unsigned y, const uint32_t *text, unsigned height,
                 uint32_t ink, int64_t paper)
{
    uint32_t rows[FONT_HEIGHT_MAX];
    for (; *text; x += is_wide(*text) ? 16 : 8, text++) {
        const unsigned width = is_wide(*text) ? 16 : 8;
        glyph_of(*text, width, height, rows);
        draw_rows(m, x, y, rows, width, height, ink, paper);
    }
}

static const uint32_t hello[] = U"Hello, framebuffer world";

/* Row by row, without blanks at the end; a wide character once. */
static char *text_of(const struct display_cell *cells, unsigned columns, unsigned rows)
{
    char *text = mem_zero((size_t)columns * rows * 4 + rows + 1, 1), *p = text;
    for (unsigned i = 0; i < columns * rows; i++) {
        const uint32_t c = cells[i].character;
        if (c >= 0x80)
            p += sprintf(p, "<%x>", c);
        else if (c)
            *p++ = (char)c;
        if (i % columns == columns - 1) {
            while (p > text && p[-1] == ' ')
                p--;
            *p++ = '|';
        }
    }
    return text;
}

static void expect_text(const struct drawn_text *t, const char *wanted, const char *font)
{
    assert_non_null(t);
    char *text = text_of(t->cells, t->columns, t->rows);
    if (!strstr(text, wanted))
        fail_msg("\"%s\" is not in \"%s\"", wanted, text);
    assert_non_null(strstr(t->font, font));
    free(text);
}

/* ---------------------------------------------------------------- the matcher */

static struct font *made_font(void)
{
    struct font *f = font_new(8, 16);
    uint32_t rows[16];
    for (uint32_t c = ' '; c < 0x7f; c++) {
        glyph_of(c, 8, 16, rows);
        font_add(f, c, 1, rows);
    }
    for (uint32_t c = 0x391; c < 0x430; c++) {
        glyph_of(c, 8, 16, rows);
        font_add(f, c, 1, rows);
    }
    for (uint32_t c = 0x4e00; c < 0x4e10; c++) {
        glyph_of(c, 16, 16, rows);
        font_add(f, c, 2, rows);
    }
    return f;
}

static char *matched(const struct machine *m, bool anywhere)
{
    struct font *f = made_font();
    struct raster *p = raster_of(m->rgb, W, H);
    struct grid g;
    char *text = NULL;
    if (match_font(p, f, anywhere, &g))
        text = text_of(g.cells, g.columns, g.rows);
    free(g.cells);
    raster_free(p);
    font_free(f);
    return text;
}

static void expect_match(const struct machine *m, const char *wanted)
{
    char *text = matched(m, true);
    assert_non_null(text);
    if (!strstr(text, wanted))
        fail_msg("\"%s\" is not in \"%s\"", wanted, text);
    free(text);
}

static void matcher_finds_the_grid(void **state)
{
    struct machine *m = machine_new();
    fill(m, 0x0000aa);
    draw(m, 8 * 3 + 5, 16 * 2 + 7, hello, 16, 0xffffff, 0x0000aa);
    expect_match(m, "   Hello, framebuffer world|");
    assert_null(matched(m, false));
    draw(m, 8 * 3 + 5, 16 * 4 + 7, U"in red", 16, 0xaaaaaa, 0xaa0000);
    expect_match(m, "|   in red|");
    machine_free(m);
}

/* A line below the usual one, so that there is enough text, is read as these words. */
static void expect_line(unsigned x, const uint32_t *line, const char *wanted)
{
    struct machine *m = machine_new();
    fill(m, 0);
    draw(m, x, 16, hello, 16, 0xffffff, 0);
    draw(m, x, 32, line, 16, 0xffffff, 0);
    expect_match(m, wanted);
    machine_free(m);
}

static void matcher_knows_wide_and_unknown_glyphs(void **state)
{
    expect_line(8, U"know\u2603n \u4e03\u4e04 words", "| know<fffd>n <4e03><4e04> words|");
}

static void matcher_reads_before_a_picture(void **state)
{
    struct machine *m = machine_new();
    for (unsigned i = 0; i < W * H; i++)
        dot(m, i % W, i / W, mix(i / 3) & 0x3f3f3f);
    draw(m, 8, 16, hello, 16, 0xffffff, -1);
    draw(m, 8, 48, hello, 16, 0xffff00, -1);
    expect_match(m, "Hello, framebuffer world|");
    machine_free(m);
}

/* A cursor below a letter, and one at a blank. */
static void matcher_reads_underlined_text(void **state)
{
    struct machine *m = machine_new();
    fill(m, 0);
    draw(m, 0, 16, hello, 16, 0xffffff, 0);
    for (unsigned x = 0; x < 8; x++) {
        dot(m, 8 + x, 16 + 15, 0xffffff);
        dot(m, 200 + x, 16 + 15, 0xffffff);
    }
    expect_match(m, "|Hello, framebuffer world|");
    machine_free(m);
}

static void matcher_refuses_what_is_no_text(void **state)
{
    struct machine *m = machine_new();
    fill(m, 0x0000aa);
    assert_null(matched(m, true));
    for (unsigned i = 0; i < W * H; i++)
        dot(m, i % W, i / W, mix(i) & 1 ? 0xffffff : 0);
    assert_null(matched(m, true));
    /* Another font, which has five glyphs of ours. */
    static const uint32_t other[] =
        U"\u3041\u3042\u3043H\u3044\u3045\u3046e\u3047\u3048l\u3049\u304ao\u304b\u304c\u304d\u304ef";
    fill(m, 0);
    for (unsigned y = 0; y < 10; y++)
        draw(m, 0, 16 * y, other, 16, 0xffffff, 0);
    assert_null(matched(m, true));
    machine_free(m);
}

static void letters_of_a_word_are_of_one_script(void **state)
{
    expect_line(0, U"ABC A \u0391\u0392\u0393 \u0410\u0411\u0412", "|ABC A <391><392><393> <410><411><412>|");
}

/* ---------------------------------------------------------------- fonts in memory */

static void put32(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void put64(uint8_t *p, uint64_t v)
{
    put32(p, v);
    put32(p + 4, v >> 32);
}

static uint32_t characters(size_t i)
{
    return i < 95 ? ' ' + (uint32_t)i : 0x4e00 + (uint32_t)(i - 95);
}

enum { CHARACTERS = 95 + 16, MASK = 0xff };

/* bterm's font file, for programs of 64 or 32 bits; returns its size. */
static size_t make_bgf(uint8_t *file, bool wide)
{
    const unsigned header = wide ? 52 : 32, buckets = header + 8, index = buckets + 4 * (MASK + 1);
    unsigned pairs = 0, glyphs = 0;
    const unsigned pixels = index + 8 * CHARACTERS + 4 * (MASK + 1);
    memcpy(file, "BGF1", 4);
    strcpy((char *)file + header, "made");
    if (wide) {
        const uint64_t part[] = {header, buckets, index, pixels};
        for (unsigned i = 0; i < 4; i++)
            put64(file + (i ? 12 + 8 * i : 4), part[i]);
    } else {
        const uint32_t part[] = {header, buckets, index, pixels};
        for (unsigned i = 0; i < 4; i++)
            put32(file + (i ? 12 + 4 * i : 4), part[i]);
    }
    put32(file + (wide ? 12 : 8), 16);
    put32(file + (wide ? 16 : 12), MASK);
    for (unsigned b = 0; b <= MASK; b++) {
        put32(file + buckets + 4 * b, pairs);
        for (size_t i = 0; i < CHARACTERS; i++) {
            const uint32_t c = characters(i);
            uint32_t rows[16];
            if ((c & MASK) != b)
                continue;
            const unsigned width = is_wide(c) ? 16 : 8;
            glyph_of(c, width, 16, rows);
            put32(file + index + 4 * pairs++, (c & ~(uint32_t)MASK) | width);
            put32(file + index + 4 * pairs++, glyphs);
            for (unsigned y = 0; y < 16; y++)
                put32(file + pixels + 4 * glyphs++, rows[y]);
        }
        pairs++;
    }
    return pixels + 4 * glyphs;
}

/* Puts a file into pages that are apart, which a program has mapped from an entry of a table on; the next table is another one. */
static void map_file(struct machine *m, const uint8_t *file, size_t n, unsigned entry)
{
    const uint64_t tables[] = {0x10000, 0x30000}, above = 0x20000, flags = 0x8000000000000025;
    put64(m->memory + above + 8 * 7, tables[0] | 7);
    put64(m->memory + above + 8 * 8, tables[1] | 7);
    for (size_t i = 0; i * PAGE < n; i++) {
        const uint64_t page = 0x100000 - (i + 1) * 2 * PAGE;
        const size_t at = entry + i;
        memcpy(m->memory + page, file + i * PAGE, n - i * PAGE < PAGE ? n - i * PAGE : PAGE);
        put64(m->memory + tables[at / 512] + 8 * (at % 512), page | flags);
    }
}

static void read_text(struct machine *m, const char *wanted, const char *font)
{
    struct drawn *d = drawn_new(MEMORY);
    const struct look look = look_of(&m->engine, false);
    expect_text(drawn_read(d, look), wanted, font);
    memset(m->memory, 0, MEMORY); /* the same picture again: the text is known */
    m->icount++;
    expect_text(drawn_read(d, look), wanted, font);
    drawn_free(d);
}

static void bgf_is_read_through_page_tables(void **state)
{
    static const unsigned entries[] = {3, 511, 510}; /* the last two go on in the next table */
    for (unsigned i = 0; i < 3; i++) {
        struct machine *m = machine_new();
        uint8_t *file = mem_zero(1, 65536);
        map_file(m, file, make_bgf(file, i != 1), entries[i]);
        fill(m, 0xaaaaaa);
        draw(m, 0, 16, hello, 16, 0, 0xaaaaaa);
        draw(m, 0, 32, U"\u4e05\u4e06", 16, 0, 0xaaaaaa);
        read_text(m, "|Hello, framebuffer world|<4e05><4e06>|", "bterm's font made");
        free(file);
        machine_free(m);
    }
}

/* With the entries of 32-bit tables, and with none. */
static void bgf_is_read_through_other_tables(void **state)
{
    for (unsigned i = 0; i < 2; i++) {
        struct machine *m = machine_new();
        const size_t n = make_bgf(m->memory + 0x40000, false);
        m->cr4 = 0;
        for (size_t k = 0; !i && k * PAGE < n; k++)
            put32(m->memory + 0x10000 + 4 * k, (0x40000 + k * PAGE) | 5);
        fill(m, 0xaaaaaa);
        draw(m, 0, 16, hello, 16, 0, 0xaaaaaa);
        read_text(m, "|Hello, framebuffer world|", "bterm's font made");
        machine_free(m);
    }
}

static void make_rom(uint8_t *p, unsigned height)
{
    for (unsigned c = 0; c < 256; c++)
        for (unsigned y = 0; y < height; y++) {
            uint32_t rows[16];
            const uint32_t u = code_page[c];
            glyph_of(u, 8, height, rows);
            p[c * height + y] = u == ' ' || !c ? 0 : (uint8_t)(rows[y] >> 24);
        }
    memset(p + 0xc4 * height, 0, height);
    p[0xc4 * height + height / 2] = 0xff;
    memset(p + 0xdb * height, 0xff, height);
    memset(p + 0xdc * height, 0, height / 2);
    memset(p + 0xdc * height + height / 2, 0xff, height / 2);
    memset(p + 0xdd * height, 0xf0, height);
    memset(p + 0xde * height, 0x0f, height);
    memset(p + 0xdf * height, 0xff, height / 2);
    memset(p + 0xdf * height + height / 2, 0, height / 2);
}

static void rom_tables_are_found(void **state)
{
    static const uint8_t heights[] = {14, 16};
    static const uint32_t places[] = {0xc2345, 0xff010 - 16 * 256};
    for (unsigned i = 0; i < 4; i++) {
        struct machine *m = machine_new();
        make_rom(m->memory + places[i / 2], heights[i % 2]);
        fill(m, 0);
        draw(m, 4, 3, hello, heights[i % 2], 0xffffff, 0);
        read_text(m, "Hello, framebuffer world|", i / 2 ? "font of the BIOS" : "font of the video BIOS");
        machine_free(m);
    }
}

enum { NARROW = 22, WIDE = 44 };

static void make_hii(uint8_t *p)
{
    uint32_t rows[19];
    put32(p, (8 + NARROW * 95 + WIDE * 2) | 7 << 24);
    put32(p + 4, 95 | 2 << 16);
    p += 8;
    for (uint32_t c = ' '; c < 0x7f; c++, p += NARROW) {
        glyph_of(c, 8, 19, rows);
        p[0] = (uint8_t)c;
        for (unsigned y = 0; y < 19; y++)
            p[3 + y] = (uint8_t)(rows[y] >> 24);
    }
    for (uint32_t c = 0x4e00; c < 0x4e02; c++, p += WIDE) {
        glyph_of(c, 16, 19, rows);
        put32(p, c);
        for (unsigned y = 0; y < 19; y++) {
            p[3 + y] = (uint8_t)(rows[y] >> 24);
            p[3 + 19 + y] = (uint8_t)(rows[y] >> 16);
        }
    }
}

static void hii_packages_are_found(void **state)
{
    struct machine *m = machine_new();
    make_hii(m->memory + 0x50ff0);
    fill(m, 0);
    draw(m, 0, 6, hello, 19, 0x989898, 0);
    draw(m, 8, 25, U"\u4e01 is wide", 19, 0x989898, 0);
    read_text(m, "Hello, framebuffer world| <4e01> is wide|", "the UEFI firmware's font");
    machine_free(m);
}

/* GRUB's structures, with pointers of 8 or 4 bytes. Glyphs have their rows 2 to 13 only, as GRUB cuts them. */
static void make_grub(uint8_t *memory, bool wide)
{
    const unsigned word = wide ? 8 : 4, entry = wide ? 24 : 16, shorts = 3 * word;
    uint32_t font = 0x60000, list = 0x61004, glyph = 0x70000;
    put32(memory + font + shorts + 6, 16 | 14 << 16); /* highest, ascent */
    put32(memory + font + (wide ? 40 : 28), 95);      /* characters */
    put32(memory + font + (wide ? 48 : 32), list);
    for (uint32_t c = ' '; c < 0x7f; c++, list += entry, glyph += 64) {
        uint32_t rows[16];
        uint8_t *p = memory + glyph + word;
        glyph_of(c, 8, 16, rows);
        put32(memory + list, c);
        put32(memory + list + (wide ? 16 : 12), glyph);
        put32(memory + glyph, font);
        put32(p, 8 | 12 << 16);
        put32(p + 4, 0); /* left 0; the lowest row is on the baseline */
        put32(p + 8, 8);
        for (unsigned y = 0; y < 12; y++)
            p[10 + y] = (uint8_t)(rows[2 + y] >> 24);
    }
}

static void grub_fonts_are_found(void **state)
{
    for (unsigned wide = 0; wide < 2; wide++) {
        struct machine *m = machine_new();
        make_grub(m->memory, wide);
        fill(m, 0x0000aa);
        draw(m, 12, 13, hello, 16, 0x00aaaa, 0x0000aa);
        read_text(m, "Hello, framebuffer world|", "GRUB's font");
        machine_free(m);
    }
}

/* All of them, with bytes that are wrong: no crash, no hang. */
static void damaged_fonts_do_no_harm(void **state)
{
    struct machine *m = machine_new(), *was = machine_new();
    uint8_t *file = mem_zero(1, 65536);
    map_file(was, file, make_bgf(file, true), 509);
    make_rom(was->memory + 0xc0000 / 4, 16);
    make_hii(was->memory + 0x50ff0);
    make_grub(was->memory, true);
    for (uint32_t i = 0, n = 1; i < 60; i++) {
        struct fonts all = {0};
        memcpy(m->memory, was->memory, MEMORY);
        for (unsigned k = 0; k < 400; k++) {
            static const uint32_t parts[] = {
                0x10000, 0x20000, 0x50ff0, 0x60000, 0x61000, 0x70000, 0x100000 - 2 * PAGE};
            n = mix(n + i + k);
            m->memory[parts[n % 7] + (n >> 8) % (k % 4 ? 128 : 4096)] =
                (uint8_t)(n >> 24 & (k % 3 ? 0xff : 0x80));
        }
        m->cr4 = i % 4 ? 1 << 5 : 0;
        hunt_fonts(look_of(&m->engine, false), MEMORY, &all);
        fonts_clear(&all);
    }
    free(file);
    machine_free(m);
    machine_free(was);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matcher_finds_the_grid),
        cmocka_unit_test(matcher_knows_wide_and_unknown_glyphs),
        cmocka_unit_test(matcher_reads_before_a_picture),
        cmocka_unit_test(matcher_reads_underlined_text),
        cmocka_unit_test(matcher_refuses_what_is_no_text),
        cmocka_unit_test(letters_of_a_word_are_of_one_script),
        cmocka_unit_test(bgf_is_read_through_page_tables),
        cmocka_unit_test(bgf_is_read_through_other_tables),
        cmocka_unit_test(rom_tables_are_found),
        cmocka_unit_test(hii_packages_are_found),
        cmocka_unit_test(grub_fonts_are_found),
        cmocka_unit_test(damaged_fonts_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

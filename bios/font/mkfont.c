/* mkfont.c - makes the firmware's fonts: glyphs.txt (5 by 8) to 256 characters of 8 by 8, 14 and 16, as
 * assembly for the build.
 *
 *   mkfont GLYPHS >FONTS.S
 *
 * A glyph's strokes are made two wide where that closes no gap; its seven rows are spread over ten (14 lines)
 * or eleven (16 lines). Accented letters are a letter and an accent; box drawing and blocks fill the cell and
 * are drawn for each height. Runs on the host, at build time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 8, COLUMNS = 5 };

struct glyph {
    unsigned char row[ROWS]; /* bit 4 is the leftmost column */
};

static struct glyph glyphs[256];

static void die(const char *what)
{
    fprintf(stderr, "mkfont: %s\n", what);
    exit(1);
}

/* ---------------------------------------------------------------- glyphs.txt */

static void take_row(unsigned first, unsigned row, const char *line)
{
    for (unsigned code = first; *line && *line != '\n'; code++) {
        unsigned bits = 0;
        for (unsigned i = 0; i < COLUMNS; i++) {
            if (line[i] != '.' && line[i] != '#')
                die("a row has other characters than . and #");
            bits = bits << 1 | (line[i] == '#');
        }
        line += COLUMNS;
        line += *line == ' ';
        glyphs[code & 255].row[row] = (unsigned char)bits;
    }
}

static void read_glyphs(const char *path)
{
    char line[256];
    unsigned first = 0, row = ROWS;
    FILE *f = fopen(path, "r");
    if (!f)
        die("the file of glyphs cannot be opened");
    while (fgets(line, sizeof line, f)) {
        if (strlen(line) == 3 && sscanf(line, "%2x", &first) == 1)
            row = 0;
        else if (row < ROWS)
            take_row(first, row++, line);
    }
    fclose(f);
}

/* ---------------------------------------------------------------- letters with accents */

enum accent { ACUTE, GRAVE, CIRCUMFLEX, DIAERESIS, RING, TILDE, CEDILLA };

struct composed {
    unsigned char code, letter, accent;
};

static const struct composed composed[] = {
    {0x80, 'C', CEDILLA},    {0x81, 'u', DIAERESIS},  {0x82, 'e', ACUTE},     {0x83, 'a', CIRCUMFLEX},
    {0x84, 'a', DIAERESIS},  {0x85, 'a', GRAVE},      {0x86, 'a', RING},      {0x87, 'c', CEDILLA},
    {0x88, 'e', CIRCUMFLEX}, {0x89, 'e', DIAERESIS},  {0x8a, 'e', GRAVE},     {0x8b, 'i', DIAERESIS},
    {0x8c, 'i', CIRCUMFLEX}, {0x8d, 'i', GRAVE},      {0x8e, 'A', DIAERESIS}, {0x8f, 'A', RING},
    {0x90, 'E', ACUTE},      {0x93, 'o', CIRCUMFLEX}, {0x94, 'o', DIAERESIS}, {0x95, 'o', GRAVE},
    {0x96, 'u', CIRCUMFLEX}, {0x97, 'u', GRAVE},      {0x98, 'y', DIAERESIS}, {0x99, 'O', DIAERESIS},
    {0x9a, 'U', DIAERESIS},  {0xa0, 'a', ACUTE},      {0xa1, 'i', ACUTE},     {0xa2, 'o', ACUTE},
    {0xa3, 'u', ACUTE},      {0xa4, 'n', TILDE},      {0xa5, 'N', TILDE},
};

/* Two rows above a small letter; a capital gives up a row of its own and has one. */
static const unsigned char accents[][2] = {
    [ACUTE] = {0x02, 0x04},     [GRAVE] = {0x08, 0x04}, [CIRCUMFLEX] = {0x04, 0x0a},
    [DIAERESIS] = {0x0a, 0x00}, [RING] = {0x04, 0x0a},  [TILDE] = {0x0d, 0x16},
};

static void compose(const struct composed *c)
{
    struct glyph g = glyphs[c->letter], *to = &glyphs[c->code];
    int capital = c->letter < 'a';
    *to = g;
    if (c->accent == CEDILLA) {
        to->row[7] = 0x0c;
        return;
    }
    if (capital) { /* without its third row, one down */
        to->row[0] = accents[c->accent][c->accent == TILDE];
        for (unsigned i = 1; i < 3; i++)
            to->row[i] = g.row[i - 1];
        to->row[1] = c->accent == DIAERESIS ? 0 : to->row[1];
        return;
    }
    to->row[0] = accents[c->accent][0];
    to->row[1] = accents[c->accent][1];
}

/* ---------------------------------------------------------------- cells of the whole size */

struct font {
    unsigned height;
    unsigned char cell[256][16];
};

/* How often each of the eight rows is drawn, after that many empty lines. */
struct stretch {
    unsigned top;
    unsigned char times[ROWS];
};

static struct stretch stretch_of(unsigned height)
{
    switch (height) {
    case 8:
        return (struct stretch){0, {1, 1, 1, 1, 1, 1, 1, 1}};
    case 14:
        return (struct stretch){2, {1, 2, 1, 2, 1, 2, 1, 2}};
    default:
        return (struct stretch){2, {2, 1, 2, 1, 2, 1, 2, 2}};
    }
}

static void draw_glyph(struct font *f, unsigned code)
{
    struct stretch s = stretch_of(f->height);
    unsigned line = s.top;
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned i = 0; i < s.times[row]; i++) {
            unsigned bits = glyphs[code].row[row] << 2;
            f->cell[code][line++] = (unsigned char)(bits | (bits >> 1 & ~(bits << 1)));
        }
}

/* Box drawing: a code's arms to left, right, up, down: 0 none, 1 single, 2 double. From B3h on. */
struct arms {
    unsigned char left, right, up, down;
};

static const struct arms boxes[] = {
    {0, 0, 1, 1}, {1, 0, 1, 1}, {2, 0, 1, 1}, {1, 0, 2, 2}, {1, 0, 0, 2}, {2, 0, 0, 1}, {2, 0, 2, 2},
    {0, 0, 2, 2}, {2, 0, 0, 2}, {2, 0, 2, 0}, {1, 0, 2, 0}, {2, 0, 1, 0}, {1, 0, 0, 1}, {0, 1, 1, 0},
    {1, 1, 1, 0}, {1, 1, 0, 1}, {0, 1, 1, 1}, {1, 1, 0, 0}, {1, 1, 1, 1}, {0, 2, 1, 1}, {0, 1, 2, 2},
    {0, 2, 2, 0}, {0, 2, 0, 2}, {2, 2, 2, 0}, {2, 2, 0, 2}, {0, 2, 2, 2}, {2, 2, 0, 0}, {2, 2, 2, 2},
    {2, 2, 1, 0}, {1, 1, 2, 0}, {2, 2, 0, 1}, {1, 1, 0, 2}, {0, 1, 2, 0}, {0, 2, 1, 0}, {0, 2, 0, 1},
    {0, 1, 0, 2}, {1, 1, 2, 2}, {2, 2, 1, 1}, {1, 0, 1, 0}, {0, 1, 0, 1},
};

static void set_pixel(struct font *f, unsigned code, unsigned x, unsigned y)
{
    f->cell[code][y] |= (unsigned char)(0x80 >> x);
}

/* Vertical strokes are two wide; single at columns 3-4, double at 2 and 5. Horizontal ones are one high;
 * double two lines apart. */
static void draw_box(struct font *f, unsigned code)
{
    const struct arms *a = &boxes[code - 0xb3];
    unsigned middle = f->height / 2 - 1, vertical = a->up > a->down ? a->up : a->down,
             horizontal = a->left > a->right ? a->left : a->right;
    for (unsigned y = 0; y < f->height; y++)
        for (unsigned x = 0; x < 8; x++) {
            unsigned up = y <= middle + (horizontal == 2), down = y + (horizontal == 2) >= middle;
            unsigned left = x <= (vertical == 2 ? 5u : 4u), right = x >= (vertical == 2 ? 2u : 3u);
            int on_v = vertical == 2 ? x == 2 || x == 5 : vertical && (x == 3 || x == 4);
            int on_h = horizontal == 2 ? y == middle - 1 || y == middle + 1 : horizontal && y == middle;
            if ((on_v && ((up && a->up) || (down && a->down))) ||
                (on_h && ((left && a->left) || (right && a->right))))
                set_pixel(f, code, x, y);
        }
}

static void fill_cell(struct font *f, unsigned code, unsigned from, unsigned to, unsigned char bits)
{
    for (unsigned y = from; y < to; y++)
        f->cell[code][y] |= bits;
}

static void draw_blocks(struct font *f)
{
    unsigned h = f->height;
    for (unsigned y = 0; y < h; y++) {
        f->cell[0xb0][y] = y & 1 ? 0x44 : 0x11;
        f->cell[0xb1][y] = y & 1 ? 0xaa : 0x55;
        f->cell[0xb2][y] = y & 1 ? 0xbb : 0xee;
    }
    fill_cell(f, 0xdb, 0, h, 0xff);
    fill_cell(f, 0xdc, h / 2, h, 0xff);
    fill_cell(f, 0xdd, 0, h, 0xf0);
    fill_cell(f, 0xde, 0, h, 0x0f);
    fill_cell(f, 0xdf, 0, h / 2, 0xff);
    /* The halves of the integral sign meet. */
    fill_cell(f, 0xf4, h / 2, h, 0x18);
    fill_cell(f, 0xf5, 0, h / 2, 0x18);
}

static void draw_font(struct font *f, unsigned height)
{
    memset(f, 0, sizeof *f);
    f->height = height;
    for (unsigned code = 0; code < 256; code++)
        if (code < 0xb0 || code >= 0xe0)
            draw_glyph(f, code);
        else if (code >= 0xb3 && code <= 0xda)
            draw_box(f, code);
    draw_blocks(f);
}

/* ---------------------------------------------------------------- output */

static void put(const struct font *f, const char *section, const char *name, unsigned first, unsigned end)
{
    printf("        .section %s, \"a\"\n        .globl %s\n%s:\n", section, name, name);
    for (unsigned code = first; code < end; code++) {
        printf("        .byte ");
        for (unsigned y = 0; y < f->height; y++)
            printf("%s0x%02x", y ? "," : "", f->cell[code][y]);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    struct font f;
    if (argc != 2)
        die("usage: mkfont GLYPHS");
    read_glyphs(argv[1]);
    for (size_t i = 0; i < sizeof composed / sizeof *composed; i++)
        compose(&composed[i]);
    draw_font(&f, 8);
    put(&f, ".fixed.fa6e", "font_8x8", 0, 128); /* F000:FA6E, where IBM's BIOS has it */
    put(&f, ".far_rodata", "font_8x8_high", 128, 256);
    draw_font(&f, 14);
    put(&f, ".rodata", "font_8x14", 0, 256); /* with the data: the code segment is full */
    draw_font(&f, 16);
    put(&f, ".far_rodata", "font_8x16", 0, 256);
    printf("        .section .note.GNU-stack, \"\", @progbits\n");
    return 0;
}

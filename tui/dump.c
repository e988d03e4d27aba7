/* dump.c - the canvas as a text or an SVG file. See canvas.h. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "tui/canvas.h"

void dump_text(const struct canvas *c, bool ascii, FILE *out)
{
    for (int y = 0; y < c->h; y++) {
        char *row = canvas_row(c, y, ascii);
        out_print(out, "%s\n", row);
        free(row);
    }
}

/* ---------------------------------------------------------------- SVG */

enum { CELL_W = 8, CELL_H = 17, BASELINE = 13, MARGIN = 8 };
#define PAPER 0x14171cu
#define INK   0xc5c8c6u

struct colours {
    uint32_t ink, paper;
    bool bold, underline;
};

static struct colours colours_of(const struct cell *cell, const struct looks *l, bool mono)
{
    const struct face *k = &l->of[cell->style];
    unsigned attributes = mono ? k->mono : k->attributes;
    struct colours c = {INK, PAPER, attributes & LOOK_BOLD, attributes & LOOK_UNDERLINE};
    if (!mono) {
        c.ink = k->ink < 0 ? INK : colour_rgb(k->ink);
        c.paper = k->paper < 0 ? PAPER : colour_rgb(k->paper);
        if (cell->flags & CELL_COLOURED) {
            c.ink = cell->ink;
            c.paper = cell->paper;
        }
    }
    const struct face *row = &l->of[cell->flags & CELL_SELECTED ? STYLE_SELECTED : STYLE_MARKED];
    if (cell->flags & (CELL_SELECTED | CELL_MARKED)) {
        attributes ^= mono ? row->mono : 0;
        if (!mono && k->paper < 0 && row->paper >= 0)
            c.paper = colour_rgb(row->paper);
    }
    if (attributes & LOOK_REVERSE) {
        uint32_t ink = c.ink;
        c.ink = c.paper;
        c.paper = ink;
    }
    return c;
}

static bool alike(const struct colours *a, const struct colours *b)
{
    return a->ink == b->ink && a->paper == b->paper && a->bold == b->bold && a->underline == b->underline;
}

static void put_character(uint32_t c, FILE *out)
{
    char utf8[4];
    if (c == '<' || c == '>' || c == '&')
        out_words(out, c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;");
    else
        out_bytes(out, utf8, utf8_put(c, utf8));
}

/* Half blocks are pictures: as rectangles, they have no gaps. */
static void block(const struct cell *cell, const struct colours *c, int x, int y, FILE *out)
{
    if (cell->character != 0x2580 && cell->character != 0x2588 && cell->character != 0x2584)
        return;
    int half = CELL_H / 2, top = cell->character == 0x2584 ? half : 0;
    int height = cell->character == 0x2588 ? CELL_H : cell->character == 0x2584 ? CELL_H - half : half;
    out_print(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
              MARGIN + x * CELL_W, MARGIN + y * CELL_H + top, CELL_W, height, c->ink);
}

/* What is drawn as text there: blocks are rectangles. */
static uint32_t letter(const struct cell *cell)
{
    uint32_t c = cell->character;
    return c == 0x2580 || c == 0x2584 || c == 0x2588 ? ' ' : c;
}

static void put_text(const struct cell *row, const struct colours *c, int x, int end, int y, FILE *out)
{
    out_print(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" fill=\"#%06x\"%s%s>", MARGIN + x * CELL_W,
              MARGIN + y * CELL_H + BASELINE, (end - x) * CELL_W, c->ink,
              c->bold ? " font-weight=\"bold\"" : "", c->underline ? " text-decoration=\"underline\"" : "");
    for (int i = x; i < end; i++)
        put_character(letter(&row[i]), out);
    out_words(out, "</text>\n");
}

/* The words of a run, each at its own place: what becomes of several spaces in a row depends on the program that shows the
 * picture (browsers collapse them, whatever xml:space on the root says). Single ones are kept by all. */
static void put_words(const struct cell *row, const struct colours *c, int x, int end, int y, FILE *out)
{
    while (x < end) {
        while (x < end && letter(&row[x]) == ' ')
            x++;
        int stop = x;
        while (stop < end && (letter(&row[stop]) != ' ' || (stop + 1 < end && letter(&row[stop + 1]) != ' ')))
            stop++;
        if (stop > x)
            put_text(row, c, x, stop, y, out);
        x = stop;
    }
}

/* Cells from x to `end` look the same. */
static void put_run(const struct cell *row, const struct colours *c, int x, int end, int y, FILE *out)
{
    if (c->paper != PAPER)
        out_print(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
                  MARGIN + x * CELL_W, MARGIN + y * CELL_H, (end - x) * CELL_W, CELL_H, c->paper);
    for (int i = x; i < end; i++)
        block(&row[i], c, i, y, out);
    put_words(row, c, x, end, y, out);
}

static void put_row(const struct canvas *c, const struct looks *l, bool mono, int y, FILE *out)
{
    const struct cell *row = c->cell + (size_t)y * (size_t)c->w;
    for (int x = 0; x < c->w;) {
        struct colours look = colours_of(&row[x], l, mono);
        int end = x + 1;
        while (end < c->w) {
            struct colours next = colours_of(&row[end], l, mono);
            if (!alike(&look, &next))
                break;
            end++;
        }
        int last = end;
        while (last > x && row[last - 1].character == ' ' && look.paper == PAPER)
            last--;
        if (last > x)
            put_run(row, &look, x, last, y, out);
        x = end;
    }
}

void dump_svg(const struct canvas *c, const struct looks *l, bool mono, FILE *out)
{
    int w = c->w * CELL_W + 2 * MARGIN, h = c->h * CELL_H + 2 * MARGIN;
    out_print(out,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
              "font-family=\"'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace\" "
              "font-size=\"13\">\n<rect width=\"%d\" height=\"%d\" rx=\"6\" fill=\"#%06x\"/>\n",
              w, h, w, h, w, h, PAPER);
    for (int y = 0; y < c->h; y++)
        put_row(c, l, mono, y, out);
    out_words(out, "</svg>\n");
}

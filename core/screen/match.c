/* match.c - see private/match.h.
 *
 * A glyph is taken to be drawn in one colour. What is around it may be another one, or a picture: a cell's pixels of
 * each of its colours are looked up as if that was the ink. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/screen/private/match.h"

enum {
    FEW = 4,   /* cells with at most so many colours are looked at colour by colour */
    INKS = 31, /* in others, only the picture's most frequent colours are */
    NO_INK = INKS,
};

struct raster {
    unsigned width, height;
    uint32_t *pixel; /* 0xRRGGBB */
    uint8_t *run;    /* how many pixels from here on, to the right, have the same colour; at most 255 */
    uint8_t *ink;    /* which frequent colour it is; NO_INK: none */
    uint32_t inks[INKS];
};

/* ---------------------------------------------------------------- the picture */

struct tally {
    uint32_t colour, n;
};

static int by_number(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : (x->colour > y->colour) - (x->colour < y->colour);
}

/* Counts colours, of which a picture may have any number: those that come first have the places. */
static void find_inks(struct raster *p)
{
    enum { PLACES = 1 << 12, TRIES = 8 };
    struct tally *t = mem_zero(PLACES, sizeof *t);
    const size_t n = (size_t)p->width * p->height;
    for (size_t i = 0, run; i < n; i += run) {
        const uint32_t colour = p->pixel[i];
        run = p->run[i];
        for (unsigned k = 0, at = colour * 0x9e3779b1u >> 20; k < TRIES; k++, at = (at + 1) % PLACES)
            if (!t[at].n || t[at].colour == colour) {
                t[at].colour = colour;
                t[at].n += (uint32_t)run;
                break;
            }
    }
    qsort(t, PLACES, sizeof *t, by_number);
    for (unsigned i = 0; i < INKS; i++)
        p->inks[i] = t[i].n ? t[i].colour : ~0u;
    free(t);
}

static uint8_t ink_of(const struct raster *p, uint32_t colour)
{
    uint8_t i = 0;
    while (i < INKS && p->inks[i] != colour)
        i++;
    return i;
}

struct raster *raster_of(const uint8_t *rgb, unsigned width, unsigned height)
{
    struct raster *p = mem_zero(1, sizeof *p);
    const size_t n = (size_t)width * height;
    *p = (struct raster){.width = width, .height = height};
    p->pixel = mem_alloc(n * sizeof *p->pixel);
    p->run = mem_alloc(n);
    p->ink = mem_alloc(n);
    for (size_t i = 0; i < n; i++, rgb += 3)
        p->pixel[i] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
    for (size_t i = n; i--;) {
        const bool goes_on = (i + 1) % width && p->pixel[i] == p->pixel[i + 1];
        p->run[i] = goes_on ? (uint8_t)(p->run[i + 1] + (p->run[i + 1] < 255)) : 1;
    }
    find_inks(p);
    for (size_t i = 0, run; i < n; i += run) {
        run = p->run[i];
        memset(p->ink + i, ink_of(p, p->pixel[i]), run);
    }
    return p;
}

void raster_free(struct raster *p)
{
    free(p->pixel);
    free(p->run);
    free(p->ink);
    free(p);
}

/* ---------------------------------------------------------------- a cell */

enum what { BLANK, GLYPH, STRANGE, PICTURE };

struct cell {
    enum what what;
    unsigned cells;
    size_t glyph; /* the first with these pixels */
    uint32_t ink, paper;
};

struct reader {
    const struct raster *p;
    const struct font *f;
};

/* The pixels of a cell by colour. */
struct pixels {
    uint32_t colour[INKS];
    unsigned n, count[INKS];
    uint32_t row[INKS][FONT_HEIGHT_MAX];
};

static bool solid(const struct reader *r, size_t at, unsigned width)
{
    const uint32_t colour = r->p->pixel[at];
    for (unsigned y = 0; y < r->f->height; y++, at += r->p->width)
        if (r->p->pixel[at] != colour || r->p->run[at] < width)
            return false;
    return true;
}

/* Takes a cell with few colours apart. False if it has more. */
static bool take_few(const struct reader *r, size_t at, unsigned width, struct pixels *c)
{
    c->n = 0;
    for (unsigned y = 0; y < r->f->height; y++, at += r->p->width)
        for (unsigned x = 0; x < width; x++) {
            unsigned i = 0;
            const uint32_t colour = r->p->pixel[at + x];
            while (i < c->n && c->colour[i] != colour)
                i++;
            if (i == FEW)
                return false;
            if (i == c->n) {
                c->colour[c->n++] = colour;
                c->count[i] = 0;
                memset(c->row[i], 0, r->f->height * sizeof c->row[i][0]);
            }
            c->count[i]++;
            c->row[i][y] |= 0x80000000u >> x;
        }
    return true;
}

static void take_frequent(const struct reader *r, size_t at, unsigned width, struct pixels *c)
{
    memset(c, 0, sizeof *c);
    c->n = INKS;
    memcpy(c->colour, r->p->inks, sizeof c->colour);
    for (unsigned y = 0; y < r->f->height; y++, at += r->p->width)
        for (unsigned x = 0; x < width; x++) {
            const uint8_t i = r->p->ink[at + x];
            if (i == NO_INK)
                continue;
            c->count[i]++;
            c->row[i][y] |= 0x80000000u >> x;
        }
}

/* The commonest colour besides the ink. */
static uint32_t paper_of(const struct pixels *c, unsigned ink)
{
    unsigned best = ink ? 0 : 1;
    for (unsigned i = 0; i < c->n; i++)
        if (i != ink && c->count[i] > c->count[best])
            best = i;
    return best < c->n ? c->colour[best] : c->colour[ink];
}

/* Looks the pixels of one colour up; the colour with the fewest is the ink. */
static void try_inks(const struct reader *r, const struct pixels *c, unsigned cells, struct cell *out)
{
    unsigned best = ~0u;
    for (unsigned i = 0; i < c->n; i++) {
        struct hash_search s = hash_search(&r->f->index, font_hash(c->row[i], r->f->height));
        if (!c->count[i] || c->count[i] >= best || !font_next(r->f, &s, cells, c->row[i]))
            continue;
        best = c->count[i];
        *out = (struct cell){GLYPH, cells, s.number, c->colour[i], paper_of(c, i)};
    }
}

/* Once more without rows that are ink from edge to edge: a cursor, or an underline. */
static void try_without_lines(const struct reader *r, const struct pixels *c, unsigned cells,
                              struct cell *out)
{
    const uint32_t full = ~0u << (32 - cells * r->f->width);
    for (unsigned i = 0; i < c->n && out->what == STRANGE; i++) {
        struct pixels rest = {.n = 1, .colour = {c->colour[i]}};
        unsigned lines = 0;
        for (unsigned y = 0; y < r->f->height; y++) {
            const bool line = c->row[i][y] == full;
            rest.row[0][y] = line ? 0 : c->row[i][y];
            rest.count[0] += (unsigned)__builtin_popcount(rest.row[0][y]);
            lines += line;
        }
        if (!lines || lines > r->f->height / 4)
            continue;
        if (!rest.count[0])
            *out = (struct cell){BLANK, cells, 0, c->colour[i], paper_of(c, i)};
        try_inks(r, &rest, cells, out);
        if (out->what == GLYPH)
            out->paper = paper_of(c, i);
    }
}

static struct cell read_cell(const struct reader *r, size_t at, unsigned cells)
{
    const unsigned width = cells * r->f->width;
    struct pixels c;
    struct cell out = {BLANK, cells, 0, r->p->pixel[at], r->p->pixel[at]};
    if (solid(r, at, width))
        return out;
    const bool few = take_few(r, at, width, &c);
    if (!few)
        take_frequent(r, at, width, &c);
    out = (struct cell){few && c.n == 2 ? STRANGE : PICTURE, cells, 0, c.colour[0], c.colour[1]};
    try_inks(r, &c, cells, &out);
    if (out.what == STRANGE)
        try_without_lines(r, &c, cells, &out);
    return out;
}

/* ---------------------------------------------------------------- the grid */

struct tried {
    unsigned x, y, drawn, letters, different, score;
};

enum { LETTER = 4 }; /* the least shape of a glyph that is no mere line or block */

static unsigned columns_at(const struct reader *r, unsigned x)
{
    return (r->p->width - x) / r->f->width;
}

static unsigned rows_at(const struct reader *r, unsigned y)
{
    return (r->p->height - y) / r->f->height;
}

static size_t corner(const struct reader *r, unsigned x, unsigned y, unsigned column, unsigned row)
{
    return (size_t)(y + row * r->f->height) * r->p->width + x + column * r->f->width;
}

/* How much text there is if the grid begins at that pixel; of its rows, each `every`th is read. */
static struct tried try_grid(const struct reader *r, unsigned x, unsigned y, unsigned every)
{
    struct tried t = {.x = x, .y = y};
    uint64_t seen = 0;
    for (unsigned row = 0; row < rows_at(r, y); row += every)
        for (unsigned column = 0; column < columns_at(r, x); column++) {
            const struct cell c = read_cell(r, corner(r, x, y, column, row), 1);
            t.drawn += c.what != BLANK;
            if (c.what != GLYPH)
                continue;
            const unsigned shape = r->f->glyph[c.glyph].shape;
            t.score += shape;
            t.letters += shape >= LETTER;
            seen |= shape >= LETTER ? 1ull << (r->f->glyph[c.glyph].character & 63) : 0;
        }
    t.different = (unsigned)__builtin_popcountll(seen);
    return t;
}

static bool is_text(const struct tried *t)
{
    return t->letters >= 4 && t->different >= 3;
}

/* Where the grid is. */
static struct tried find_grid(const struct reader *r, bool anywhere)
{
    enum { CERTAIN = 64, CELLS = 2500 };
    const unsigned w = r->f->width, h = r->f->height;
    struct tried best = try_grid(r, 0, 0, 1);
    if (best.letters >= CERTAIN || !anywhere)
        return best;
    const unsigned every = 1 + best.drawn / CELLS; /* so a picture does not take long */
    for (unsigned i = 1; i < w * h; i++) {
        const struct tried t = try_grid(r, i % w, i / w, every);
        if (t.score * every > best.score) {
            best = t;
            best.score *= every;
        }
    }
    return best;
}

/* ---------------------------------------------------------------- the text */

/* Reads a row, with wide glyphs where no narrow ones are. */
static void read_row(const struct reader *r, const struct grid *g, unsigned row, struct cell *out)
{
    for (unsigned i = 0; i < g->columns; i++)
        out[i] = read_cell(r, corner(r, g->x, g->y, i, row), 1);
    for (unsigned i = 0; i + 1 < g->columns; i++) {
        if (out[i].what <= GLYPH && out[i + 1].what <= GLYPH)
            continue;
        const struct cell wide = read_cell(r, corner(r, g->x, g->y, i, row), 2);
        if (wide.what != GLYPH)
            continue;
        out[i] = wide;
        out[i + 1] = (struct cell){GLYPH, 0, 0, wide.ink, wide.paper};
        i++;
    }
}

static bool same_colours(const struct cell *a, const struct cell *b)
{
    return b->what == GLYPH &&
           ((a->ink == b->ink && a->paper == b->paper) || (a->ink == b->paper && a->paper == b->ink));
}

/* Whether a cell that is no glyph stands in the text: in its colours, beside it. */
static bool in_text(const struct grid *g, const struct cell *row, unsigned i)
{
    return row[i].what == STRANGE && ((i && same_colours(&row[i], &row[i - 1])) ||
                                      (i + 1 < g->columns && same_colours(&row[i], &row[i + 1])));
}

/* Whether the glyph that a cell may have is text: a letter, or a line that is among glyphs of its colour, or on a plain ground. Pictures
 * have shapes that look like lines. */
static bool is_written(const struct reader *r, const struct grid *g, const struct cell *all, size_t at)
{
    const struct cell *c = &all[at];
    const unsigned column = (unsigned)(at % g->columns), row = (unsigned)(at / g->columns);
    const long near[] = {-2, -1, 1, 2, -(long)g->columns, (long)g->columns};
    unsigned plain = 0;
    if (r->f->glyph[c->glyph].shape >= LETTER)
        return true;
    for (unsigned i = 0; i < 6; i++) {
        const bool beside = i < 4;
        if (beside ? (long)column + near[i] < 0 || (long)column + near[i] >= (long)g->columns
                   : (i == 4 ? row == 0 : row + 1 == g->rows))
            continue;
        const struct cell *other = &all[(long)at + near[i]];
        if (other->what == GLYPH && other->ink == c->ink)
            return true;
        plain += (i == 1 || i == 2) && other->what == BLANK && other->paper == c->paper;
    }
    return plain == 2;
}

static void take_cell(const struct reader *r, struct grid *g, const struct cell *all, size_t at,
                      size_t *first, unsigned *unknown)
{
    const struct cell *c = &all[at];
    const bool glyph = c->what == GLYPH && c->cells && is_written(r, g, all, at);
    const bool strange = in_text(g, all + at - at % g->columns, (unsigned)(at % g->columns));
    g->cells[at] = (struct display_cell){' ', c->ink, c->paper};
    if (glyph)
        g->cells[at].character = r->f->glyph[c->glyph].character;
    else if (c->what == GLYPH && !c->cells)
        g->cells[at].character = 0;
    else if (strange)
        g->cells[at].character = 0xfffd;
    first[at] = glyph ? c->glyph : SIZE_MAX;
    g->letters += glyph && r->f->glyph[c->glyph].shape >= LETTER;
    *unknown += strange;
}

bool match_font(const struct raster *p, const struct font *f, bool anywhere, struct grid *g)
{
    const struct reader r = {p, f};
    *g = (struct grid){0};
    if (p->width < 2 * f->width || p->height < 2 * f->height)
        return false;
    const struct tried t = find_grid(&r, anywhere);
    if (!is_text(&t))
        return false;
    *g = (struct grid){.columns = columns_at(&r, t.x), .rows = rows_at(&r, t.y), .x = t.x, .y = t.y};
    const size_t n = (size_t)g->columns * g->rows;
    unsigned unknown = 0;
    g->cells = mem_zero(n, sizeof *g->cells);
    size_t *first = mem_zero(n, sizeof *first);
    struct cell *all = mem_zero(n, sizeof *all);
    for (unsigned y = 0; y < g->rows; y++)
        read_row(&r, g, y, all + (size_t)y * g->columns);
    for (size_t i = 0; i < n; i++)
        take_cell(&r, g, all, i, first, &unknown);
    choose_letters(f, first, g);
    free(all);
    free(first);
    if (unknown <= g->letters)
        return true;
    free(g->cells); /* a few glyphs of another font look the same */
    *g = (struct grid){0};
    return false;
}

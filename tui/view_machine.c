/* view_machine.c - the machine's parts, shown from their field tables; the guest's screen. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/screen/timeline_screen.h"
#include "core/views/machine.h"
#include "tui/app_impl.h"

/* ---------------------------------------------------------------- devices */

enum { PARTS_MAX = 256, LISTS_MAX = 8 };

/* A row that opens has as its value the number of its part, or LISTS_FROM and the number of its list. */
enum { LISTS_FROM = PARTS_MAX };

struct devices_state {
    bool list[LISTS_MAX];
    bool open[PARTS_MAX];
    uint64_t hash[PARTS_MAX], epoch; /* the parts' contents at the last stop */
    bool changed[PARTS_MAX];
};

static struct devices_state *devices_state(struct pane *p)
{
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct devices_state));
    return p->state;
}

struct field_writer {
    struct doc *d; /* NULL: only the sum */
    uint64_t hash;
    unsigned fields;
};

static void on_field(void *ctx, const char *name, unsigned width, uint32_t count, const void *data)
{
    struct field_writer *f = ctx;
    const uint8_t *p = data;
    f->fields++;
    for (size_t i = 0; i < (size_t)width * count; i++)
        f->hash = (f->hash ^ p[i]) * 0x100000001b3u;
    if (!f->d)
        return;
    struct text value = {0};
    view_field_text(&value, width, count, data);
    doc_row(f->d, ROW_TEXT, 0);
    doc_add(f->d, STYLE_LABEL, "     %-22s ", name);
    doc_add(f->d, value.s[strspn(value.s, "0 ")] ? STYLE_NUMBER : STYLE_DIM, "%s", value.s);
    free(value.s);
}

/* The first number in hexadecimal of a line is an address. */
static void add_lines(struct doc *d, const struct text *text)
{
    for (const char *line = text->s ? text->s : "", *end; *line; line = end + (*end == '\n')) {
        end = strchrnul(line, '\n');
        const char *hex = memmem(line, (size_t)(end - line), "0x", 2);
        doc_row(d, hex ? ROW_ADDRESS : ROW_TEXT, hex ? strtoull(hex, NULL, 16) : 0);
        doc_add(d, STYLE_NORMAL, "     %.*s", (int)(end - line), line);
    }
}

/* Interrupts, descriptor tables and PCI, as lists that open. */
static void add_tables(struct app *a, struct pane *p)
{
    const struct devices_state *st = devices_state(p);
    const struct view_machine m = {a->s->tl, a->s->where.cpu, story_symbols(a->s->story),
                                   session_space(a->s)};
    const char *name, *what;
    struct error err;
    for (size_t i = 0; i < LISTS_MAX && (name = view_machine_list(i, &what)); i++) {
        struct text lines = {0};
        doc_row(&p->doc, ROW_PART, LISTS_FROM + i);
        doc_add(&p->doc, STYLE_KEY, " %s ", st->list[i] ? "\xe2\x96\xbe" : "\xe2\x96\xb8");
        doc_add(&p->doc, STYLE_STRONG, "%-16s", name);
        doc_add(&p->doc, STYLE_DIM, "%s", what);
        if (st->list[i] && !view_machine_text(&lines, &m, name, &err))
            add_lines(&p->doc, &lines);
        free(lines.s);
    }
}

static void devices_build(struct app *a, struct pane *p)
{
    struct devices_state *st = devices_state(p);
    bool moved = st->epoch != a->s->epoch;
    const char *name;
    doc_clear(&p->doc);
    add_tables(a, p);
    for (size_t i = 0; i < PARTS_MAX && timeline_section_name(a->s->tl, i, &name); i++) {
        struct field_writer sum = {.hash = 0xcbf29ce484222325u}, show = {.d = &p->doc};
        timeline_section(a->s->tl, name, on_field, &sum);
        if (moved) {
            st->changed[i] = st->hash[i] && st->hash[i] != sum.hash;
            st->hash[i] = sum.hash;
        }
        doc_row(&p->doc, ROW_PART, i);
        doc_add(&p->doc, STYLE_KEY, " %s ", st->open[i] ? "\xe2\x96\xbe" : "\xe2\x96\xb8");
        doc_add(&p->doc, st->changed[i] ? STYLE_CHANGED : STYLE_STRONG, "%-16s", name);
        doc_add(&p->doc, STYLE_DIM, "%u field%s%s", sum.fields, sum.fields == 1 ? "" : "s",
                st->changed[i] ? ", changed since the last stop" : "");
        if (st->open[i])
            timeline_section(a->s->tl, name, on_field, &show);
    }
    st->epoch = a->s->epoch;
}

static enum react devices_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    if (c != CMD_ENTER || p->sel >= p->doc.n)
        return REACT_UNKNOWN;
    const struct doc_row *row = &p->doc.row[p->sel];
    if (row->kind == ROW_ADDRESS) {
        memory_show(a, row->value);
        return a->pane[VIEW_MEMORY].w ? REACT_DRAW : app_command(a, CMD_PAGE_6, NULL);
    }
    size_t at = p->sel;
    while (at && p->doc.row[at].kind != ROW_PART)
        at--;
    struct devices_state *st = devices_state(p);
    const uint64_t which = p->doc.row[at].value;
    bool *open = which >= LISTS_FROM ? &st->list[which - LISTS_FROM] : &st->open[which];
    *open = !*open;
    p->sel = at;
    p->stale = true;
    return REACT_DRAW;
}

static void devices_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    snprintf(buf, size, "Enter opens a list or part");
}

const struct view devices_view = {.build = devices_build, .command = devices_command, .title = devices_title};

/* ---------------------------------------------------------------- the screen */

static const uint32_t shades[] = {' ', 0x2591, 0x2592, 0x2593, 0x2588};

/* Scrolled so that the cursor is visible, and then by `down` more rows. */
static void draw_text(const struct display *d, const struct display_cell *cells, const struct window *w,
                      int left, int down)
{
    int top = 0, most = (int)d->rows - w->h;
    if ((int)d->rows > w->h && d->cursor_row >= w->h)
        top = d->cursor_row - w->h + 1;
    top = top + down > most ? most : top + down;
    if (top < 0)
        top = 0;
    for (int y = 0; y < w->h && top + y < (int)d->rows; y++)
        for (int x = 0; x < w->w && left + x < (int)d->columns; x++) {
            const struct display_cell *from = &cells[(size_t)(top + y) * d->columns + (size_t)(left + x)];
            struct cell c = {.character = from->character ? canvas_shown(from->character) : ' ',
                             .flags = CELL_COLOURED,
                             .ink = from->ink,
                             .paper = from->paper};
            if (top + y == d->cursor_row && left + x == d->cursor_column) {
                c.ink = from->paper;
                c.paper = 0xffffff;
                c.style = STYLE_HERE;
            }
            window_put(w, x, y, &c);
        }
}

/* Without colours, the character shows the brightness. */
static void shade(const struct window *w)
{
    for (int y = 0; y < w->h; y++)
        for (int x = 0; x < w->w; x++) {
            struct cell *c = &w->c->cell[(size_t)(w->y + y) * (size_t)w->c->w + (size_t)(w->x + x)];
            uint32_t sum = 0;
            for (int shift = 0; shift < 24; shift += 8)
                sum += (c->ink >> shift & 255) + (c->paper >> shift & 255);
            if (c->flags & CELL_COLOURED)
                *c = (struct cell){.character = shades[sum * 4 / (6 * 255)]};
        }
}

void display_show(const struct display *d, const struct display_cell *cells, const uint8_t *rgb,
                  const struct window *w, int left, int down, bool mono)
{
    if (d->columns)
        draw_text(d, cells, w, left, down);
    else
        window_picture(w, d->width, d->height, rgb);
    if (mono && !d->columns)
        shade(w);
}

/* Text that is drawn is shown as text. */
static bool show_console(struct timeline *tl, const struct window *w, int left, int down)
{
    struct display d;
    struct display_cell *cells = timeline_console(tl, &d);
    const bool any = cells;
    if (any)
        draw_text(&d, cells, w, left, down);
    free(cells);
    return any;
}

static void show_display(struct timeline *tl, const struct window *w, int left, int down, bool mono)
{
    struct display d;
    if (show_console(tl, w, left, down))
        return;
    if (!timeline_display(tl, &d, NULL, 0, NULL, 0)) {
        window_text(w, 1, 0, STYLE_DIM, "the screen shows nothing");
        return;
    }
    size_t ncells = (size_t)d.columns * d.rows, nrgb = ncells ? 0 : (size_t)d.width * d.height * 3;
    struct display_cell *cells = mem_zero(ncells, sizeof *cells);
    uint8_t *rgb = mem_alloc(nrgb);
    timeline_display(tl, &d, cells, ncells, rgb, nrgb);
    display_show(&d, cells, rgb, w, left, down, mono);
    free(cells);
    free(rgb);
}

static void screen_draw(struct app *a, struct pane *p, const struct window *w)
{
    show_display(a->s->tl, w, p->left, p->down, a->mono);
}

static void screen_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    struct display d, text;
    if (!timeline_display(a->s->tl, &d, NULL, 0, NULL, 0)) {
        snprintf(buf, size, "off");
        return;
    }
    struct display_cell *cells = timeline_console(a->s->tl, &text);
    if (cells)
        snprintf(buf, size, "text %u \xc3\x97 %u, drawn in %u \xc3\x97 %u", text.columns, text.rows, d.width,
                 d.height);
    else if (d.columns)
        snprintf(buf, size, "text %u \xc3\x97 %u", d.columns, d.rows);
    else
        snprintf(buf, size, "graphics %u \xc3\x97 %u", d.width, d.height);
    free(cells);
}

static enum react screen_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    if (c == CMD_LEFT)
        p->left = p->left > 8 ? p->left - 8 : 0;
    else if (c == CMD_RIGHT)
        p->left += 8;
    else if (c == CMD_UP)
        p->down--;
    else if (c == CMD_DOWN)
        p->down++;
    else
        return REACT_UNKNOWN;
    return REACT_DRAW;
}

static void screen_follow(struct app *a, struct pane *p)
{
    p->down = 0;
}

const struct view screen_view = {
    .follow = screen_follow, .draw = screen_draw, .title = screen_title, .command = screen_command};

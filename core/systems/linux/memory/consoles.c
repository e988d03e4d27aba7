/* consoles.c - see consoles.h. */
#include "core/systems/linux/memory/consoles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/ground/code_page.h"
#include "core/timeline/recorded_types.h"

enum { COLUMNS_MAX = 1024, ROWS_MAX = 512, CELL = 2, KD_GRAPHICS = 1 };

/* Members of struct vc_data. */
enum { ORIGIN, COLUMNS, ROWS, ROW_BYTES, MODE, X, Y, DRIVER, HIGH_FONT, MEMBERS };
static const char *const members[MEMBERS][2] = {
    [ORIGIN] = {"vc_visible_origin", "vc_visible_origin"},
    [COLUMNS] = {"vc_cols", "vc_cols"},
    [ROWS] = {"vc_rows", "vc_rows"},
    [ROW_BYTES] = {"vc_size_row", "vc_size_row"},
    [MODE] = {"vc_mode", "vc_mode"},
    [X] = {"state.x", "vc_x"}, /* the second: up to 5.8 */
    [Y] = {"state.y", "vc_y"},
    [DRIVER] = {"vc_sw", "vc_sw"},
    [HIGH_FONT] = {"vc_hi_font_mask", "vc_hi_font_mask"},
};

struct vt {
    unsigned word;                    /* bytes of the kernel's pointers */
    uint64_t consoles, stride, front; /* vc_cons, bytes of struct vc, fg_console */
    uint64_t none;                    /* the driver that draws nothing */
    uint64_t tables;                  /* physical: the kernel's own page tables; 0: not known */
    uint64_t at[MEMBERS], size[MEMBERS];
};

/* ---------------------------------------------------------------- where it is */

static bool find_layout(struct vt *v, const struct kernel_types *k)
{
    struct types_place p;
    for (unsigned i = 0; i < MEMBERS; i++) {
        bool found = false;
        for (unsigned name = 0; name < 2 && !found; name++)
            found = kernel_types_member(k, "vc_data", members[i][name], &p) && p.size <= 8;
        if (!found)
            return false;
        v->at[i] = p.address;
        v->size[i] = p.size;
    }
    if (!kernel_types_member(k, "vc", "", &p))
        return false;
    v->stride = p.size;
    return true;
}

static uint64_t symbol(const struct symbols *s, symbol_space space, const char *name)
{
    struct symbol sym;
    return symbols_find_in(s, space, name, SYMBOLS_NOW, &sym) ? sym.address : 0;
}

/* Where the kernel's page tables are, from where it was found. */
static void find_tables(struct vt *v, struct trace *t, const struct symbols *s, symbol_space space)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    uint64_t table = symbol(s, space, "init_top_pgt");
    table = table ? table : symbol(s, space, "init_level4_pgt");
    v->word = 8;
    while (trace_cursor_next(c, &ev, NULL, NULL) == 1)
        if (ev.kind == EV_KERNEL_FOUND && ev.guest == symbol_space_guest(space)) {
            uint64_t text = EVF(&ev, KERNEL_FOUND, text), physical = EVF(&ev, KERNEL_FOUND, physical);
            v->word = text >> 32 ? 8 : 4;
            v->tables = table && physical ? table - text + physical : 0;
        }
    trace_cursor_close(c);
}

static struct vt *found(struct trace *t, const struct kernel_types *k, const struct symbols *s)
{
    const symbol_space space = kernel_types_set(k)->space;
    struct vt *v = mem_zero(1, sizeof *v);
    v->consoles = symbol(s, space, "vc_cons");
    v->front = symbol(s, space, "fg_console");
    v->none = symbol(s, space, "dummy_con");
    if (v->consoles && v->front && find_layout(v, k)) {
        find_tables(v, t, s, space);
        return v;
    }
    free(v);
    return NULL;
}

struct vt *vt_open(struct trace *t, const struct engine_kind *kind)
{
    struct error ignored;
    struct symbols *s = symbols_load(t, &ignored);
    struct kernel_types *k = s ? kernel_types_read(t, kind, s, &ignored) : NULL;
    struct vt *v = k && kernel_types_set(k)->n ? found(t, k, s) : NULL;
    kernel_types_free(k);
    symbols_free(s);
    return v;
}

void vt_close(struct vt *v)
{
    free(v);
}

/* ---------------------------------------------------------------- memory */

/* SDM volume 3, 4.5: while a program runs its page tables may not have the kernel's memory, so the kernel's own are used. */
static bool walk(const struct vt *v, struct look m, uint64_t address, uint64_t *physical)
{
    enum { PRESENT = 1, LARGE = 1 << 7, LA57 = 12 };
    const uint64_t frame = 0x000ffffffffff000;
    uint64_t table = v->tables, entry;
    for (unsigned level = look_reg(m, 0, "cr4") >> LA57 & 1 ? 5 : 4; table && level; level--) {
        const unsigned shift = 12 + 9 * (level - 1);
        const uint64_t within = address & (((uint64_t)1 << shift) - 1);
        if (look_peek_physical(m, table + 8 * (address >> shift & 511), &entry, 8) != 8 || !(entry & PRESENT))
            return false;
        table = entry & frame;
        if (level == 1 || (level < 4 && entry & LARGE)) {
            *physical = (table & ~(((uint64_t)1 << shift) - 1)) + within;
            return true;
        }
    }
    return false;
}

static bool read_at(const struct vt *v, struct look m, uint64_t address, void *buf, size_t n)
{
    enum { PAGE = 4096 };
    uint64_t physical;
    for (size_t done = 0, part; done < n; done += part) {
        part = PAGE - ((address + done) & (PAGE - 1));
        part = part < n - done ? part : n - done;
        if (look_peek(m, 0, address + done, (uint8_t *)buf + done, part) == part)
            continue;
        if (!walk(v, m, address + done, &physical) ||
            look_peek_physical(m, physical, (uint8_t *)buf + done, part) != part)
            return false;
    }
    return true;
}

static uint64_t number(const struct vt *v, struct look m, uint64_t address, uint64_t size)
{
    uint64_t value = 0;
    return address && read_at(v, m, address, &value, size < 8 ? (size_t)size : 8) ? value : 0;
}

/* ---------------------------------------------------------------- what it shows */

/* A console, and its picture in memory. */
struct shown {
    uint64_t origin;
    unsigned columns, rows, row_bytes, x, y;
    uint64_t high_font; /* the attribute's bit that belongs to the character; 0: none */
};

/* The vc_data of the console in front; 0: there is none. */
static uint64_t in_front(const struct vt *v, struct look m)
{
    const uint64_t which = number(v, m, v->front, 4);
    return which < 64 ? number(v, m, v->consoles + which * v->stride, v->word)
                      : 0; /* MAX_NR_CONSOLES is 63 */
}

bool vt_program_draws(const struct vt *v, struct look m)
{
    const uint64_t vc = in_front(v, m);
    return vc && number(v, m, vc + v->at[MODE], v->size[MODE]) == KD_GRAPHICS;
}

static bool find_shown(const struct vt *v, struct look m, struct shown *s)
{
    const uint64_t vc = in_front(v, m);
    uint64_t value[MEMBERS];
    for (unsigned i = 0; vc && i < MEMBERS; i++)
        value[i] = number(v, m, vc + v->at[i], i == ORIGIN || i == DRIVER ? v->word : v->size[i]);
    if (!vc || value[MODE] == KD_GRAPHICS || !value[ORIGIN] || !value[DRIVER] || value[DRIVER] == v->none)
        return false;
    *s = (struct shown){.origin = value[ORIGIN],
                        .columns = (unsigned)value[COLUMNS],
                        .rows = (unsigned)value[ROWS],
                        .row_bytes = (unsigned)value[ROW_BYTES],
                        .x = (unsigned)value[X],
                        .y = (unsigned)value[Y],
                        .high_font = value[HIGH_FONT]};
    return value[COLUMNS] && value[COLUMNS] <= COLUMNS_MAX && value[ROWS] && value[ROWS] <= ROWS_MAX &&
           value[ROW_BYTES] >= value[COLUMNS] * CELL && value[ROW_BYTES] <= 2 * COLUMNS_MAX * CELL;
}

/* The colours of a console's attributes, which are a VGA's. */
static uint32_t colour(unsigned attribute)
{
    static const uint32_t colours[16] = {0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa,
                                         0xaa5500, 0xaaaaaa, 0x555555, 0x5555ff, 0x55ff55, 0x55ffff,
                                         0xff5555, 0xff55ff, 0xffff55, 0xffffff};
    return colours[attribute & 15];
}

static void show_cell(const struct shown *s, uint16_t word, struct display_cell *cell)
{
    enum { GLYPH = 0xff, INK = 8, PAPER = 12 };
    const unsigned moved = s->high_font ? 1 : 0; /* by the character's ninth bit: build_attr() */
    cell->character = word & s->high_font ? 0xfffd : code_page[word & GLYPH];
    cell->ink = colour(word >> (INK + moved));
    cell->paper = colour(word >> (PAPER + moved) & 7);
}

struct display_cell *vt_read(const struct vt *v, struct look m, struct display *d)
{
    struct shown s;
    uint16_t row[COLUMNS_MAX];
    if (!find_shown(v, m, &s))
        return NULL;
    struct display_cell *cells = mem_zero((size_t)s.columns * s.rows, sizeof *cells);
    d->columns = s.columns;
    d->rows = s.rows;
    d->cursor_column = s.x < s.columns ? (int)s.x : -1;
    d->cursor_row = s.y < s.rows ? (int)s.y : -1;
    for (unsigned y = 0; y < s.rows; y++) {
        if (!read_at(v, m, s.origin + (uint64_t)y * s.row_bytes, row, s.columns * sizeof *row)) {
            free(cells);
            return NULL;
        }
        for (unsigned x = 0; x < s.columns; x++)
            show_cell(&s, row[x], &cells[(size_t)y * s.columns + x]);
    }
    return cells;
}

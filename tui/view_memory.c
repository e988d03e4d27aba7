/* view_memory.c - memory as bytes and text; how an address is translated. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/views/machine.h"
#include "tui/app_impl.h"

enum { LINE = 16, NARROW_LINE = 8 };

static unsigned bytes_a_line(const struct pane *p)
{
    return p->w >= 76 ? LINE : NARROW_LINE;
}

struct memory_state *memory_of(struct app *a)
{
    struct pane *p = &a->pane[VIEW_MEMORY];
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct memory_state));
    return p->state;
}

static size_t peek(struct app *a, uint64_t address, void *buf, size_t n)
{
    return session_peek(a->s, address, memory_of(a)->physical, buf, n);
}

void memory_show(struct app *a, uint64_t address)
{
    struct memory_state *m = memory_of(a);
    m->address = address & ~(uint64_t)(LINE - 1);
    m->cursor = address;
    m->physical = false;
    m->follow[0] = 0;
    a->pane[VIEW_MEMORY].epoch = a->pane[VIEW_WALK].epoch = 0;
}

/* The bytes as they were at the last stop, if the same ones were shown. */
static void memory_build(struct app *a, struct pane *p)
{
    struct memory_state *m = memory_of(a);
    uint64_t base = m->address;
    if (!m->have && !m->cursor)
        m->address = m->cursor = base =
            view_stack(timeline_look(a->s->tl), a->s->where.cpu) & ~(uint64_t)(LINE - 1);
    if (*m->follow) {
        uint64_t v = 0;
        session_address(a->s, m->follow, &v, &(struct error){""});
        base = m->address = v & ~(uint64_t)(LINE - 1);
        m->cursor = v;
    }
    bool same = m->have && m->at == base;
    memcpy(m->before, m->now, sizeof m->now);
    m->at = base;
    m->have = peek(a, base, m->now, sizeof m->now);
    if (!same)
        memcpy(m->before, m->now, sizeof m->now);
    a->pane[VIEW_WALK].stale = true;
}

static void draw_byte(struct app *a, const struct window *w, int x, int y, uint64_t address, size_t i,
                      int text)
{
    struct memory_state *m = memory_of(a);
    uint8_t v = m->now[i];
    bool here = address == m->cursor, changed = v != m->before[i];
    enum style s = here ? STYLE_HERE : changed ? STYLE_CHANGED : v ? STYLE_NUMBER : STYLE_DIM;
    window_print(w, x, y, s, "%02x", v);
    char c[2] = {v >= 0x20 && v < 0x7f ? (char)v : '.', 0};
    window_text(w, text, y,
                here          ? STYLE_HERE
                : changed     ? STYLE_CHANGED
                : c[0] == '.' ? STYLE_DIM
                              : STYLE_NORMAL,
                c);
}

static void memory_draw(struct app *a, struct pane *p, const struct window *w)
{
    struct memory_state *m = memory_of(a);
    unsigned line = bytes_a_line(p);
    for (int y = 0; y < w->h; y++) {
        uint64_t at = m->address + (uint64_t)y * line;
        size_t i = (size_t)y * line;
        if (i + line > sizeof m->now)
            break;
        window_print(w, 1, y, STYLE_ADDRESS, "%0*" PRIx64, at >> 32 ? 16 : 8, at);
        int x = at >> 32 ? 19 : 11, text = x + (int)line * 3 + 2;
        if (i >= m->have) {
            window_text(w, x, y, STYLE_DIM,
                        i             ? "no memory"
                        : m->physical ? "no memory here"
                                      : "not mapped here");
            if (at == (m->cursor & ~(uint64_t)(line - 1)))
                window_style(w, 1, y, x - 3, STYLE_HERE);
            break;
        }
        for (unsigned k = 0; k < line && i + k < m->have; k++)
            draw_byte(a, w, x + (int)k * 3 + (k >= line / 2), y, at + k, i + k, text + (int)k);
    }
}

static void memory_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    struct memory_state *m = memory_of(a);
    char symbol[200] = "";
    if (!m->physical)
        session_symbol(a->s, m->cursor, symbol, sizeof symbol);
    snprintf(buf, size, "%s, %" PRIx64 "%s%s%s%s", m->physical ? "physical" : "linear", m->cursor,
             *symbol ? " " : "", symbol, *m->follow ? ", follows " : "", m->follow);
}

static enum react move_by(struct app *a, struct pane *p, int64_t bytes)
{
    struct memory_state *m = memory_of(a);
    unsigned line = bytes_a_line(p);
    uint64_t rows = (uint64_t)pane_lines(p);
    m->cursor += (uint64_t)bytes;
    m->follow[0] = 0;
    uint64_t row = m->cursor & ~(uint64_t)(line - 1), offset = row - m->address;
    if (offset >> 63)
        m->address = row;
    else if (offset >= rows * line)
        m->address = row - (rows - 1) * line;
    a->pane[VIEW_MEMORY].stale = a->pane[VIEW_WALK].stale = true;
    return REACT_DRAW;
}

static enum react search_memory(struct app *a, struct pane *p, bool back);

static enum react memory_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    struct memory_state *m = memory_of(a);
    int64_t line = bytes_a_line(p), page = line * pane_lines(p);
    switch (c) {
    case CMD_UP:
        return move_by(a, p, -line);
    case CMD_DOWN:
        return move_by(a, p, line);
    case CMD_LEFT:
        return move_by(a, p, -1);
    case CMD_RIGHT:
        return move_by(a, p, 1);
    case CMD_PAGE_UP:
        return move_by(a, p, -page);
    case CMD_PAGE_DOWN:
        return move_by(a, p, page);
    case CMD_FIRST:
    case CMD_LAST:
        return move_by(a, p,
                       c == CMD_FIRST ? -(int64_t)(m->cursor % (uint64_t)line)
                                      : line - 1 - (int64_t)(m->cursor % (uint64_t)line));
    case CMD_SEARCH:
        if (!arg)
            return REACT_UNKNOWN;
        snprintf(a->search, sizeof a->search, "%s", arg);
        return search_memory(a, p, false);
    case CMD_SEARCH_NEXT:
    case CMD_SEARCH_BACK:
        return *a->search ? search_memory(a, p, c == CMD_SEARCH_BACK) : REACT_UNKNOWN;
    case CMD_PHYSICAL:
        m->physical = !m->physical;
        p->stale = true;
        return REACT_DRAW;
    case CMD_ENTER: { /* follow the pointer */
        uint64_t v = 0;
        unsigned word = timeline_code_bits(a->s->tl, a->s->where.cpu) == 64 ? 8 : 4;
        if (peek(a, m->cursor, &v, word) != word)
            return REACT_NONE;
        memory_show(a, v);
        return REACT_DRAW;
    }
    default:
        return REACT_UNKNOWN;
    }
}

/* ---------------------------------------------------------------- searching */

enum { SEARCHED = 64 << 20, PIECE = 4096, PATTERN_MAX = 100, LOOK_EVERY = 256 };

/* Parses "0x55 aa" as bytes, and anything else as text. Returns the length, or 0 if it is malformed. */
static size_t parse_pattern(const char *text, uint8_t pattern[PATTERN_MAX])
{
    size_t n = 0;
    if (strncmp(text, "0x", 2)) {
        n = strnlen(text, PATTERN_MAX);
        memcpy(pattern, text, n);
        return n;
    }
    for (text += 2; *text && n < PATTERN_MAX; text += strspn(text, " ")) {
        char digits[3] = {text[0], text[1], 0}, *end;
        pattern[n++] = (uint8_t)strtoul(digits, &end, 16);
        if (end != digits + 2)
            return 0;
        text += 2;
    }
    return n;
}

/* The first place of the pattern in the bytes, or the last one. */
static const uint8_t *place_of(const uint8_t *buf, size_t have, const uint8_t *pattern, size_t n, bool last)
{
    const uint8_t *hit = have >= n ? memmem(buf, have, pattern, n) : NULL, *more = hit;
    for (; last && more; more = memmem(more + 1, have - (size_t)(more + 1 - buf), pattern, n))
        hit = more;
    return hit;
}

/* Searches from the cursor on, or back from it; unmapped memory is skipped. */
static bool find_bytes(struct app *a, const uint8_t *pattern, size_t n, bool back, uint64_t *found)
{
    uint8_t buf[PIECE + PATTERN_MAX];
    const uint64_t cursor = memory_of(a)->cursor;
    for (uint64_t done = 0; done < SEARCHED; done += PIECE) {
        const uint64_t left = cursor - done; /* back: what begins below this */
        const uint64_t piece = back && left < PIECE ? left : PIECE;
        const uint64_t at = back ? left - piece : cursor + 1 + done;
        const size_t have = peek(a, at, buf, piece + n - 1);
        const uint8_t *hit = place_of(buf, have, pattern, n, back);
        if (hit) {
            *found = at + (uint64_t)(hit - buf);
            return true;
        }
        if (back && piece == left)
            return false;
        if (done / PIECE % LOOK_EVERY == LOOK_EVERY - 1) {
            snprintf(a->progress.text, sizeof a->progress.text, "searching at %" PRIx64 "; any key cancels",
                     at);
            if (!app_show_progress(a))
                return false;
        }
    }
    return false;
}

static enum react search_memory(struct app *a, struct pane *p, bool back)
{
    uint8_t pattern[PATTERN_MAX];
    uint64_t found;
    size_t n = parse_pattern(a->search, pattern);
    if (!n || !find_bytes(a, pattern, n, back, &found))
        app_say(a, STYLE_WARNING,
                !n     ? "bytes are written as 0x55 aa, not \"%.100s\""
                : back ? "\"%.100s\" is not in the 64 MiB before this"
                       : "\"%.100s\" is not in the 64 MiB from here on",
                a->search);
    else
        move_by(a, p, (int64_t)(found - memory_of(a)->cursor));
    return REACT_DRAW;
}

const struct view memory_view = {
    .build = memory_build, .draw = memory_draw, .command = memory_command, .title = memory_title};

/* ---------------------------------------------------------------- page walk */

static void add_right(void *ctx, const char *word, bool on)
{
    doc_add(ctx, on ? STYLE_NORMAL : STYLE_DIM, " %s", word);
}

static void walk_cr3(struct app *a, struct doc *d)
{
    doc_row(d, ROW_TEXT, 0);
    doc_add(d, STYLE_LABEL, " cr3  ");
    doc_add(d, STYLE_NUMBER, "%" PRIx64, timeline_reg(a->s->tl, a->s->where.cpu, "cr3"));
}

/* An entry, at its address in the machine. */
static void walk_level(struct doc *d, const struct view_walk_level *l, bool ept)
{
    doc_row(d, ROW_ADDRESS, l->at);
    doc_add(d, STYLE_LABEL, " %-4s ", l->name);
    doc_add(d, STYLE_NUMBER, "[%3x] ", l->index);
    doc_add(d, STYLE_ADDRESS, "at %-9" PRIx64 " ", l->at);
    if (!l->read) {
        doc_add(d, STYLE_WARNING, "not in memory");
        return;
    }
    doc_add(d, STYLE_STRONG, "%016" PRIx64, l->entry);
    (ept ? view_ept_words : view_entry_words)(l->entry, add_right, d);
}

static void walk_build(struct app *a, struct pane *p)
{
    struct memory_state *m = memory_of(a);
    struct doc *d = &p->doc;
    struct view_walk w;
    char page[100];
    doc_clear(d);
    if (m->physical) {
        doc_line(d, STYLE_DIM, " %" PRIx64 " is a physical address", m->cursor);
        return;
    }
    view_walk(timeline_look(a->s->tl), a->s->where.cpu, m->cursor, &w);
    if (!w.paging)
        doc_line(d, STYLE_NORMAL, " no paging: linear %" PRIx64 " is physical", m->cursor);
    else
        walk_cr3(a, d);
    for (unsigned i = 0; i < w.n; i++)
        walk_level(d, &w.level[i], false);
    if (w.nouter)
        doc_line(d, STYLE_NORMAL, " physical %" PRIx64 " of the virtual machine, by %s:", w.inner,
                 w.ept ? "EPT" : "nested page tables");
    for (unsigned i = 0; i < w.nouter; i++)
        walk_level(d, &w.outer[i], w.ept);
    if (!w.paging && !w.nested)
        return;
    doc_row(d, ROW_TEXT, 0);
    if (!w.mapped) {
        doc_add(d, STYLE_WARNING, " %" PRIx64 " is not mapped", m->cursor);
        return;
    }
    view_page_text(&w, page, sizeof page);
    doc_add(d, STYLE_GOOD, " %" PRIx64 " is physical %" PRIx64, m->cursor, w.physical);
    doc_line(d, STYLE_NORMAL, " %s", page);
}

const struct view walk_view = {.build = walk_build};

/* vga_console.c - the text screen as a console: finds the lines that are complete, and reports each once. A
 * guest never signals that a line is complete. But every kind of text output (a BIOS's teletype, a boot
 * loader, a kernel's console) moves the cursor, and the low byte of its position is the last or only register
 * written. So at that write the screen is compared with the previous picture to find how far it was scrolled,
 * and the lines above the cursor that were not reported before are reported. All of this depends only on what
 * the guest does, and is part of the saved state; no observer changes it. */
#include "hv/board/display/vga.h"

#include <string.h>

enum { CONSOLE = 8 };

/* A screen's characters in rows of CON_COLS, with all kinds of blanks made equal. */
struct picture {
    unsigned rows, cols;
    uint8_t *text;
};

static uint8_t *row_of(const struct picture *p, unsigned r)
{
    return p->text + r * CON_COLS;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
    return !memcmp(a, b, CON_COLS);
}

static unsigned length(const uint8_t *row)
{
    unsigned n = CON_COLS;

    while (n && row[n - 1] == ' ')
        n--;
    return n;
}

/* Does the new row begin with the complete text of the old one? */
static bool extends(const uint8_t *new, const uint8_t *old)
{
    return !memcmp(new, old, length(old));
}

static void report(struct vga *v, const uint8_t *row)
{
    unsigned n = length(row);

    if (!n)
        return;
    for (unsigned i = 0; i < n; i++) {
        char utf8[4];
        unsigned bytes = vga_utf8(row[i], utf8);

        for (unsigned k = 0; k < bytes; k++)
            board_console(v->board, CONSOLE, utf8[k]);
    }
    board_console(v->board, CONSOLE, '\n');
}

static void take_row(const struct vga *v, unsigned cell, unsigned cols, uint8_t *row)
{
    memset(row, ' ', CON_COLS);
    for (unsigned c = 0; c < cols; c++) {
        uint8_t ch = *vga_cell(v, cell + c);

        row[c] = vga_blank(ch) ? ' ' : ch;
    }
}

static void take_picture(const struct vga *v, const struct vga_text *t, struct picture *p)
{
    p->rows = t->rows;
    p->cols = t->cols;
    for (unsigned r = 0; r < t->rows; r++)
        take_row(v, t->start + r * t->stride, t->cols, row_of(p, r));
}

/* ---------------------------------------------------------------- has it been scrolled? */

static bool all_blank(const struct picture *p)
{
    for (unsigned r = 0; r < p->rows; r++)
        if (length(row_of(p, r)))
            return false;
    return true;
}

/* With the screen scrolled by k rows, are the old rows above the cursor (row `at`) where they should be
 * now? */
static bool fits(const struct picture *old, const struct picture *new, unsigned at, unsigned k, bool strict)
{
    bool evidence = k == 0, last;

    for (unsigned r = k; r < at; r++) {
        if (!same(row_of(new, r - k), row_of(old, r)))
            return false;
        evidence |= length(row_of(old, r)) > 0;
    }
    last = extends(row_of(new, at - k), row_of(old, at));
    evidence |= last && length(row_of(old, at));
    return evidence && (last || !strict);
}

/* The number of rows that the screen has moved up since the last call, or -1 if it is a different screen. */
static int find_scroll(const struct vga *v, const struct vga_text *t, const struct picture *old,
                       const struct picture *new, unsigned cursor_row)
{
    unsigned at = v->con_row, most, moved = (uint16_t)(t->start - v->con_start);

    if (moved && moved % t->stride == 0 && moved / t->stride <= at &&
        fits(old, new, at, moved / t->stride, false))
        return moved / t->stride;
    if (all_blank(new) && !all_blank(old))
        return -1;
    /* A screen that scrolls by copying does so with the cursor at the bottom, where it stays. */
    most = moved || cursor_row >= at ? at : 0;
    for (unsigned k = 0; k <= most; k++)
        if (fits(old, new, at, k, true))
            return k;
    for (unsigned k = 0; k <= most; k++)
        if (fits(old, new, at, k, false))
            return k;
    return -1;
}

/* ---------------------------------------------------------------- rows reported before */

/* After a scroll by k rows: the "reported" flags move with their rows, and unreported rows that left the
 * screen are reported now. */
static void carry_scrolled(struct vga *v, const struct vga_text *t, const struct picture *old,
                           const struct picture *new, unsigned k, uint8_t *reported)
{
    for (unsigned r = 0; r < k; r++) {
        uint8_t row[CON_COLS];

        memcpy(row, row_of(old, r), CON_COLS);
        /* If the start address was changed to scroll, memory still contains the row, perhaps with more
         * text. */
        if (t->start != v->con_start)
            take_row(v, v->con_start + r * t->stride, t->cols, row);
        if (r <= v->con_row && (!v->con_reported[r] || !extends(row_of(old, r), row)))
            report(v, row);
    }
    for (unsigned r = 0; r < new->rows; r++)
        reported[r] = r + k < old->rows && v->con_reported[r + k] && same(row_of(new, r), row_of(old, r + k));
}

/* A different screen, or one of which only a part moved: a row counts as reported if it is, in order, among
 * those reported before. If the line with the cursor has disappeared, it was complete. */
static void carry_redrawn(struct vga *v, const struct picture *old, const struct picture *new,
                          uint8_t *reported)
{
    unsigned from = 0, at = v->con_row;

    if (!v->con_reported[at] && !extends(row_of(new, at < new->rows ? at : 0), row_of(old, at)))
        report(v, row_of(old, at));
    for (unsigned r = 0; r < new->rows; r++) {
        unsigned k = from;

        while (k < old->rows && !(v->con_reported[k] && same(row_of(new, r), row_of(old, k))))
            k++;
        reported[r] = k < old->rows && length(row_of(new, r));
        if (reported[r])
            from = k + 1;
    }
}

/* ---------------------------------------------------------------- examining the screen */

static void compare(struct vga *v, const struct vga_text *t, unsigned *row, bool on_screen)
{
    uint8_t text[CON_ROWS * CON_COLS], reported[CON_ROWS] = {0};
    struct picture old = {v->con_rows, v->con_cols, v->con_text}, new = {.text = text};
    int k = -1;

    take_picture(v, t, &new);
    if (v->con_valid) {
        if (old.rows == new.rows && old.cols == new.cols)
            k = find_scroll(v, t, &old, &new, on_screen ? *row : v->con_row);
        if (k >= 0)
            carry_scrolled(v, t, &old, &new, k, reported);
        else
            carry_redrawn(v, &old, &new, reported);
    }
    /* A cursor hidden off the screen is treated as if it had not moved. */
    if (!on_screen)
        *row = k < 0 || k > v->con_row ? 0 : v->con_row - k;
    if (*row >= new.rows)
        *row = new.rows - 1;
    for (unsigned r = 0; r < *row; r++) {
        if (!reported[r])
            report(v, row_of(&new, r));
        reported[r] = 1;
    }
    memcpy(v->con_text, text, new.rows *CON_COLS);
    memset(v->con_text + new.rows *CON_COLS, ' ', (CON_ROWS - new.rows) * CON_COLS);
    memcpy(v->con_reported, reported, sizeof reported);
    v->con_rows = new.rows;
    v->con_cols = new.cols;
}

/* In the usual case the cursor advances by one character in the same row: everything else can wait until the
 * end of the line. */
static void advance(struct vga *v, const struct vga_text *t, unsigned row)
{
    uint8_t now[CON_COLS], *old = v->con_text + row * CON_COLS;

    take_row(v, t->start + row * t->stride, t->cols, now);
    if (!same(now, old))
        v->con_reported[row] = 0;
    memcpy(old, now, CON_COLS);
}

void vga_console_look(struct vga *v)
{
    struct vga_text t;
    unsigned cell, row, col;

    if (!vga_text_mode(v, &t) || t.rows > CON_ROWS || t.cols > CON_COLS)
        return;
    cell = (uint16_t)(vga_cursor(v) - t.start);
    row = cell / t.stride;
    col = cell % t.stride;
    if (v->con_valid && t.start == v->con_start && row == v->con_row && col > v->con_col &&
        t.rows == v->con_rows && t.cols == v->con_cols) {
        advance(v, &t, row);
    } else {
        compare(v, &t, &row, row < t.rows);
    }
    v->con_valid = 1;
    v->con_start = t.start;
    v->con_row = row;
    v->con_col = col;
}

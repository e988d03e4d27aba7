/* lines.c - see lines.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "tui/lines.h"

enum { BEL = 7, ESC = 27, TAB = 8, NUMBER_MOST = 10000 };

/* ESCAPE: after ESC. CHARSET: one more byte belongs to it. CONTROL: after ESC [. STRING: until BEL or an escape sequence. */
enum state { TEXT, ESCAPE, CHARSET, CONTROL, STRING };

struct line {
    uint32_t *c;
    size_t n, cap;
};

struct lines {
    struct line line[LINES_KEPT]; /* a ring buffer */
    size_t last;                  /* number of the line that is being printed, from 0 on */
    size_t column;
    bool full; /* the cursor is after the last column of its row: the next character begins another */
    uint64_t printed;
    enum state state;
    unsigned number; /* the control sequence's first */
    bool more;       /* … which is over */
    bool private;    /* a sequence of which we know nothing */
    char utf8[5];    /* the bytes of a character so far */
    unsigned have;
};

struct lines *lines_new(void)
{
    return mem_zero(1, sizeof(struct lines));
}

void lines_free(struct lines *l)
{
    for (size_t i = 0; l && i < LINES_KEPT; i++)
        free(l->line[i].c);
    free(l);
}

uint64_t lines_printed(const struct lines *l)
{
    return l->printed;
}

bool lines_dropped(const struct lines *l)
{
    return l->last >= LINES_KEPT;
}

static size_t oldest(const struct lines *l)
{
    return lines_dropped(l) ? l->last - (LINES_KEPT - 1) : 0;
}

static const struct line *line_at(const struct lines *l, size_t i)
{
    return &l->line[i % LINES_KEPT];
}

static struct line *present(struct lines *l)
{
    return &l->line[l->last % LINES_KEPT];
}

/* ---------------------------------------------------------------- printing */

static void next_line(struct lines *l)
{
    l->last++;
    l->column = 0;
    l->full = false;
    present(l)->n = 0;
}

/* Makes the line at least so long. */
static void pad(struct line *line, size_t n)
{
    line->c = mem_grow(line->c, &line->cap, n, sizeof *line->c);
    while (line->n < n)
        line->c[line->n++] = ' ';
}

static void put(struct lines *l, uint32_t c)
{
    if (l->column >= LINES_LONGEST)
        next_line(l);
    pad(present(l), l->column + 1);
    present(l)->c[l->column++] = c;
    l->full = l->column % LINES_COLUMNS == 0;
}

/* Characters that take two columns, and those that take none. */
static bool is_wide(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0x1f300, 0x1faff}, {0x20000, 0x3ffff}};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (c >= wide[i].from && c <= wide[i].to)
            return true;
    return false;
}

static bool is_combining(uint32_t c)
{
    return (c >= 0x300 && c < 0x370) || (c >= 0x200b && c < 0x2010) || (c >= 0xfe00 && c < 0xfe10);
}

static void put_character(struct lines *l, uint32_t c)
{
    if (is_combining(c))
        return;
    put(l, c);
    if (is_wide(c))
        put(l, ' ');
}

/* ---------------------------------------------------------------- the cursor */

static size_t cursor(const struct lines *l)
{
    return l->full ? l->column - 1 : l->column;
}

static size_t row_start(const struct lines *l)
{
    return cursor(l) / LINES_COLUMNS * LINES_COLUMNS;
}

static size_t row_end(const struct lines *l)
{
    return row_start(l) + LINES_COLUMNS;
}

static void move_to(struct lines *l, size_t column)
{
    l->column = column;
    l->full = false;
}

static void move_left(struct lines *l, size_t n)
{
    size_t at = cursor(l), most = at - row_start(l);
    move_to(l, at - (n < most ? n : most));
}

static void move_right(struct lines *l, size_t n)
{
    size_t at = cursor(l), most = row_end(l) - 1 - at;
    move_to(l, at + (n < most ? n : most));
}

static void move_up(struct lines *l, size_t n)
{
    size_t at = cursor(l), rows = at / LINES_COLUMNS;
    move_to(l, at - (n < rows ? n : rows) * LINES_COLUMNS);
}

static void move_down(struct lines *l, size_t n)
{
    size_t at = cursor(l), last = present(l)->n;
    while (n-- && row_start(l) + LINES_COLUMNS < last)
        move_to(l, at += LINES_COLUMNS);
}

/* ---------------------------------------------------------------- erasing */

static void blank(struct lines *l, size_t from, size_t to)
{
    struct line *line = present(l);
    for (size_t i = from; i < to && i < line->n; i++)
        line->c[i] = ' ';
}

static void cut(struct lines *l, size_t at)
{
    if (present(l)->n > at)
        present(l)->n = at;
}

static void erase_in_row(struct lines *l, unsigned which)
{
    size_t from = which ? row_start(l) : cursor(l), to = which == 1 ? cursor(l) + 1 : row_end(l);
    if (which != 1 && present(l)->n <= to)
        cut(l, from);
    else
        blank(l, from, to);
}

static void delete_characters(struct lines *l, size_t n)
{
    struct line *line = present(l);
    size_t at = cursor(l);
    if (at >= line->n)
        return;
    n = n < line->n - at ? n : line->n - at;
    memmove(line->c + at, line->c + at + n, (line->n - at - n) * sizeof *line->c);
    line->n -= n;
}

static void insert_blanks(struct lines *l, size_t n)
{
    struct line *line = present(l);
    size_t at = cursor(l), had = line->n;
    if (at >= had || had + n > LINES_LONGEST)
        return;
    pad(line, had + n);
    memmove(line->c + at + n, line->c + at, (had - at) * sizeof *line->c);
    blank(l, at, at + n);
}

/* The whole screen: what follows begins on a line of its own. */
static void leave_line(struct lines *l)
{
    if (present(l)->n)
        next_line(l);
}

/* ---------------------------------------------------------------- control sequences */

static void control(struct lines *l, char final)
{
    size_t n = l->number ? l->number : 1;
    switch (final) {
    case 'A':
        return move_up(l, n);
    case 'B':
        return move_down(l, n);
    case 'C':
        return move_right(l, n);
    case 'D':
        return move_left(l, n);
    case 'G':
        return move_to(l, row_start(l) + (n < LINES_COLUMNS ? n : LINES_COLUMNS) - 1);
    case 'H':
    case 'f':
        return leave_line(l);
    case 'J':
        return l->number ? leave_line(l) : cut(l, cursor(l));
    case 'K':
        return erase_in_row(l, l->number);
    case 'P':
        return delete_characters(l, n);
    case '@':
        return insert_blanks(l, n);
    default:
        return;
    }
}

static void in_control(struct lines *l, uint8_t byte)
{
    if (byte >= 0x40) {
        l->state = TEXT;
        if (!l->private)
            control(l, (char)byte);
    } else if (byte == ';') {
        l->more = true;
    } else if (byte < '0' || byte > '9') {
        l->private = true;
    } else if (!l->more && l->number < NUMBER_MOST) {
        l->number = l->number * 10 + byte - '0';
    }
}

static enum state after_escape(struct lines *l, uint8_t byte)
{
    l->number = 0;
    l->more = l->private = false;
    if (byte == '[')
        return CONTROL;
    if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_')
        return STRING;
    return byte >= 0x20 && byte < 0x30 ? CHARSET : TEXT;
}

static void in_sequence(struct lines *l, uint8_t byte)
{
    if (l->state == CONTROL)
        in_control(l, byte);
    else if (l->state == ESCAPE)
        l->state = after_escape(l, byte);
    else if (l->state == CHARSET)
        l->state = TEXT;
}

/* ---------------------------------------------------------------- bytes */

static void control_character(struct lines *l, uint8_t byte)
{
    if (l->state == STRING && (byte == BEL || byte == '\n'))
        l->state = TEXT;
    else if (byte == ESC)
        l->state = ESCAPE;
    else if (byte == '\n')
        next_line(l);
    else if (byte == '\r')
        move_to(l, row_start(l));
    else if (byte == '\b')
        move_left(l, 1);
    else if (byte == '\t')
        move_right(l, TAB - cursor(l) % TAB);
}

/* The character is over, complete or not. */
static void flush_utf8(struct lines *l)
{
    const char *p = l->utf8;
    l->utf8[l->have] = 0;
    if (l->have)
        put_character(l, utf8_take(&p));
    l->have = 0;
}

static unsigned length_of(uint8_t first)
{
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
}

static void text_byte(struct lines *l, uint8_t byte)
{
    if ((byte & 0xc0) != 0x80)
        flush_utf8(l);
    l->utf8[l->have++] = (char)byte;
    if (l->have >= length_of((uint8_t)l->utf8[0]))
        flush_utf8(l);
}

static void put_byte(struct lines *l, uint8_t byte)
{
    if (byte < 0x20 || byte == 0x7f) {
        flush_utf8(l);
        control_character(l, byte);
    } else if (l->state != TEXT) {
        in_sequence(l, byte);
    } else {
        text_byte(l, byte);
    }
}

void lines_put(struct lines *l, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_byte(l, ((const uint8_t *)data)[i]);
    l->printed += n;
}

/* ---------------------------------------------------------------- showing */

static bool has(const struct line *line, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= line->n; i++) {
        size_t k = 0;
        while (k < n && line->c[i + k] == (uint8_t)text[k])
            k++;
        if (k == n)
            return true;
    }
    return false;
}

bool lines_hold(const struct lines *l, const char *text)
{
    for (size_t i = oldest(l); i <= l->last; i++)
        if (has(line_at(l, i), text))
            return true;
    return false;
}

static size_t shown(const struct line *line)
{
    size_t n = line->n;
    while (n && line->c[n - 1] == ' ')
        n--;
    return n;
}

void lines_last(const struct lines *l, char *buf, size_t size)
{
    const struct line *line = line_at(l, l->last);
    char *to = buf, *end = buf + size;
    for (size_t i = l->last; !shown(line) && i > oldest(l);)
        line = line_at(l, --i);
    for (size_t i = 0; i < shown(line) && end - to > 4; i++)
        to += utf8_put(line->c[i], to);
    *to = 0;
}

static size_t rows_of(const struct line *line, int columns)
{
    size_t w = columns > 0 ? (size_t)columns : 1;
    return line->n ? (line->n + w - 1) / w : 1;
}

size_t lines_rows(const struct lines *l, int columns)
{
    size_t rows = 0;
    for (size_t i = oldest(l); i <= l->last; i++)
        rows += rows_of(line_at(l, i), columns);
    return rows;
}

void lines_draw(const struct lines *l, size_t row, int columns, const struct window *to)
{
    size_t i = oldest(l), rows;
    for (; i <= l->last && row >= (rows = rows_of(line_at(l, i), columns)); i++)
        row -= rows;
    if (i > l->last)
        return;
    const struct line *line = line_at(l, i);
    size_t from = row * (size_t)(columns > 0 ? columns : 1);
    for (int x = 0; x < columns && from + (size_t)x < line->n; x++) {
        char text[5] = "";
        text[utf8_put(line->c[from + (size_t)x], text)] = 0;
        window_text(to, x, 0, STYLE_NORMAL, text);
    }
}

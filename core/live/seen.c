/* seen.c - see seen.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/live/seen.h"

/* ---------------------------------------------------------------- a stream */

void seen_stream_add(struct seen_stream *s, char c)
{
    if (!s->text)
        s->text = mem_alloc(2 * SEEN_BYTES);
    if (s->n == 2 * SEEN_BYTES) {
        memmove(s->text, s->text + SEEN_BYTES, SEEN_BYTES);
        s->n -= SEEN_BYTES;
        s->looked -= s->looked < SEEN_BYTES ? s->looked : SEEN_BYTES;
    }
    s->text[s->n++] = c;
}

bool seen_stream_find(struct seen_stream *s, const char *what)
{
    const size_t len = strlen(what);
    if (s->what != what)
        s->looked = 0;
    s->what = what;
    const size_t from = s->looked < len ? 0 : s->looked - len + 1;
    const char *at = s->n ? memmem(s->text + from, s->n - from, what, len) : NULL;
    s->looked = s->n;
    if (!at)
        return false;
    const size_t end = (size_t)(at - s->text) + len;
    memmove(s->text, s->text + end, s->n - end);
    s->n -= end;
    s->looked = 0;
    s->what = NULL;
    return true;
}

void seen_stream_forget(struct seen_stream *s)
{
    s->n = s->looked = 0;
}

void seen_stream_free(struct seen_stream *s)
{
    free(s->text);
}

/* ---------------------------------------------------------------- rows */

static size_t row_length(const char *row)
{
    size_t n = strcspn(row, "\n");
    while (n && row[n - 1] == ' ')
        n--;
    return n;
}

static const char *next_row(const char *row)
{
    row += strcspn(row, "\n");
    return *row ? row + 1 : row;
}

static const char *row_number(const char *text, size_t n)
{
    while (n--)
        text = next_row(text);
    return text;
}

static bool same_row(const char *a, const char *b)
{
    const size_t n = row_length(a);
    return n == row_length(b) && !memcmp(a, b, n);
}

/* Whether the rows of `old` from `up` to s->row stand at the beginning of `text`: it has scrolled by so many rows. */
static bool scrolled_by(const struct seen_screen *s, const char *text, size_t up)
{
    const char *old = row_number(s->old, up);
    for (size_t i = up; i < s->row; i++, old = next_row(old), text = next_row(text))
        if (!same_row(old, text))
            return false;
    const size_t n = row_length(old);
    const size_t keep = s->column < n ? s->column : n;
    return row_length(text) >= keep && !memcmp(old, text, keep);
}

/* Where `text` goes on behind what is old. */
static void locate(const struct seen_screen *s, const char *text, size_t *row, size_t *column)
{
    *row = *column = 0;
    for (size_t up = 0; s->old && up <= s->row; up++)
        if (scrolled_by(s, text, up)) {
            *row = s->row - up;
            *column = s->column;
            return;
        }
}

/* ---------------------------------------------------------------- a screen */

/* Where `what` ends in a row, from a column on; 0 if it is not there. */
static size_t find_in_row(const char *row, size_t from, const char *what)
{
    const size_t n = row_length(row), len = strlen(what);
    size_t bare = len;
    while (bare && what[bare - 1] == ' ')
        bare--;
    const char *at = from < n ? memmem(row + from, n - from, what, len) : NULL;
    if (at)
        return (size_t)(at - row) + len;
    if (bare == len || !bare || n < from + bare || memcmp(row + n - bare, what, bare))
        return 0;
    return n;
}

static void keep(struct seen_screen *s, const char *text, size_t row, size_t column)
{
    free(s->old);
    s->old = mem_string(text);
    s->row = row;
    s->column = column;
    s->all_old = false;
}

static void keep_all(struct seen_screen *s, const char *text)
{
    size_t row = 0, last = 0, column = 0;
    for (const char *r = text; *r; r = next_row(r), row++)
        if (row_length(r)) {
            last = row;
            column = row_length(r);
        }
    keep(s, text, last, column);
}

bool seen_screen_find(struct seen_screen *s, const char *text, const char *what)
{
    size_t row, column;
    if (s->all_old)
        keep_all(s, text);
    locate(s, text, &row, &column);
    for (const char *r = row_number(text, row); *r; r = next_row(r), row++, column = 0) {
        const size_t end = find_in_row(r, column, what);
        if (end) {
            keep(s, text, row, end);
            return true;
        }
    }
    return false;
}

void seen_screen_forget(struct seen_screen *s)
{
    s->all_old = true;
}

void seen_screen_free(struct seen_screen *s)
{
    free(s->old);
}

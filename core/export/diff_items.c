/* diff_items.c - what the forms of bootreel diff's output share. */
#include <string.h>

#include "core/export/diff.h"

const struct outline_item *diff_item(const struct diff_result *r, const struct pair *p, unsigned side)
{
    uint32_t item = side ? p->b : p->a;
    return item == OUTLINE_NONE ? NULL : outline_get((side ? r->b : r->a)->outline, item);
}

const struct outline_item *diff_either(const struct diff_result *r, const struct pair *p)
{
    const struct outline_item *it = diff_item(r, p, 0);
    return it ? it : diff_item(r, p, 1);
}

bool diff_counts(const struct pair *p)
{
    return p->way != PAIR_SAME && !p->tolerated;
}

/* The text as it can be shown on a terminal. */
static int plain(const char *text, char *buf, size_t size)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 5 < size; p++) {
        if (*p >= 0x20 && *p != 0x7f)
            buf[n++] = (char)*p;
        else
            n += (size_t)snprintf(buf + n, size - n, "\\x%02x", *p);
    }
    buf[n] = 0;
    return (int)n;
}

int diff_name(const struct outline *o, uint32_t item, char *buf, size_t size)
{
    const struct outline_item *it = outline_get(o, item);
    int n = snprintf(buf, size, "%s", it->kind);
    if (it->lane == OUTLINE_CONSOLE + 8)
        n += snprintf(buf + n, size - (size_t)n, ":screen");
    else if (it->lane == OUTLINE_CONSOLE + 9)
        n += snprintf(buf + n, size - (size_t)n, ":debug");
    else if (it->lane >= OUTLINE_CONSOLE)
        n += snprintf(buf + n, size - (size_t)n, ":serial%d", it->lane - OUTLINE_CONSOLE);
    buf[n++] = ' ';
    n += plain(it->same, buf + n, size - (size_t)n);
    if (*it->detail && (size_t)n + 16 < size) {
        n += snprintf(buf + n, size - (size_t)n, ": ");
        n += plain(it->detail, buf + n, size - (size_t)n);
    }
    return n;
}

void diff_path(const struct diff_result *r, const struct pair *p, const char *between, char *buf, size_t size)
{
    const struct pair *up[64];
    size_t n = 0, len = 0;
    for (uint32_t i = p->within; i != OUTLINE_NONE && n < 64; i = comparison_pair(r->c, i)->within)
        up[n++] = comparison_pair(r->c, i);
    buf[0] = 0;
    while (n-- && len < size)
        len +=
            (size_t)snprintf(buf + len, size - len, "%s%s", len ? between : "", diff_either(r, up[n])->text);
}

bool diff_has_verdicts(const struct diff_result *r)
{
    const struct why *a = r->a->why, *b = r->b->why;
    if (!why_is_bad(a) && !why_is_bad(b))
        return false;
    return !a || !b || strcmp(a->verdict, b->verdict);
}

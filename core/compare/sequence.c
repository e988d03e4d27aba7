/* sequence.c - see sequence.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/compare/private/sequence.h"

enum { EDITS = 400 /* longest difference that is searched for */, DEEPEST = 40 };

/* A part of each sequence: [a, a_end) and [b, b_end). */
struct range {
    size_t a, a_end, b, b_end;
};

struct align {
    const uint64_t *a, *b;
    uint32_t *match;
};

static void align_range(const struct align *al, struct range r, unsigned depth);

/* ---------------------------------------------------------------- anchors */

struct occurrence {
    uint64_t value;
    uint32_t at;
    uint32_t nth; /* how many equal elements are before it */
};

static int by_value(const void *x, const void *y)
{
    const struct occurrence *p = x, *q = y;
    return p->value != q->value ? (p->value < q->value ? -1 : 1) : (p->at > q->at) - (p->at < q->at);
}

static int by_a(const void *x, const void *y)
{
    const struct sequence_pair *p = x, *q = y;
    return (p->a > q->a) - (p->a < q->a);
}

static struct occurrence *places(const uint64_t *s, size_t from, size_t to)
{
    struct occurrence *p = mem_alloc((to - from) * sizeof *p);
    for (size_t i = from; i < to; i++)
        p[i - from] = (struct occurrence){.value = s[i], .at = (uint32_t)i};
    qsort(p, to - from, sizeof *p, by_value);
    for (size_t i = 1; i < to - from; i++)
        p[i].nth = p[i].value == p[i - 1].value ? p[i - 1].nth + 1 : 0;
    return p;
}

/* Whether it is the only one of its value. */
static bool alone(const struct occurrence *p, size_t n, size_t i)
{
    return !p[i].nth && (i + 1 == n || p[i + 1].value != p[i].value);
}

/* Pairs of the elements that both have once (`once`), or of equal elements with the same number among their
 * equals. */
static struct sequence_pair *find_anchors(const struct align *al, struct range r, bool once, size_t *count)
{
    size_t na = r.a_end - r.a, nb = r.b_end - r.b, n = 0;
    struct occurrence *a = places(al->a, r.a, r.a_end), *b = places(al->b, r.b, r.b_end);
    struct sequence_pair *out = mem_alloc((na < nb ? na : nb) * sizeof *out);
    for (size_t i = 0, j = 0; i < na && j < nb;) {
        int order = a[i].value != b[j].value ? (a[i].value < b[j].value ? -1 : 1)
                                             : (a[i].nth > b[j].nth) - (a[i].nth < b[j].nth);
        if (!order && (!once || (alone(a, na, i) && alone(b, nb, j))))
            out[n++] = (struct sequence_pair){a[i].at, b[j].at};
        i += order <= 0;
        j += order >= 0;
    }
    free(a);
    free(b);
    qsort(out, n, sizeof *out, by_a);
    *count = n;
    return out;
}

size_t sequence_ascending(struct sequence_pair *x, size_t n)
{
    uint32_t *tail = mem_alloc(n * sizeof *tail), *before = mem_alloc(n * sizeof *before);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t low = FIRST_NOT(mid, 0, len, x[tail[mid]].b < x[i].b);
        before[i] = low ? tail[low - 1] : SEQUENCE_NONE;
        tail[low] = (uint32_t)i;
        len += low == len;
    }
    struct sequence_pair *run = mem_alloc(len * sizeof *run);
    for (size_t k = len, i = len ? tail[len - 1] : 0; k-- > 0; i = before[i])
        run[k] = x[i];
    memcpy(x, run, len * sizeof *run);
    free(run);
    free(tail);
    free(before);
    return len;
}

/* Aligns a range at its anchors, and the parts between them. False if there are none. */
static bool align_anchors(const struct align *al, struct range r, bool once, unsigned depth)
{
    size_t n;
    struct sequence_pair *x = find_anchors(al, r, once, &n);
    n = sequence_ascending(x, n);
    for (size_t i = 0; i < n; i++) {
        al->match[x[i].a] = x[i].b;
        align_range(al, (struct range){r.a, x[i].a, r.b, x[i].b}, depth + 1);
        r.a = x[i].a + 1;
        r.b = x[i].b + 1;
    }
    free(x);
    if (n)
        align_range(al, r, depth + 1);
    return n > 0;
}

/* ---------------------------------------------------------------- the shortest difference */

/* Row d of the table holds, for each diagonal k = x - y from -d to d, how far x gets with d edits. */
static int32_t *furthest(int32_t *table, long d, long k)
{
    return &table[d * d + d + k];
}

/* Whether the last of d edits to diagonal k is an insertion (y grows), not a deletion. */
static bool inserts(int32_t *table, long d, long k)
{
    return k == -d || (k != d && *furthest(table, d - 1, k - 1) < *furthest(table, d - 1, k + 1));
}

static void trace_back(const struct align *al, struct range r, int32_t *table, long edits)
{
    long x = (long)(r.a_end - r.a), y = (long)(r.b_end - r.b);
    for (long d = edits; d >= 0; d--) {
        long k = x - y, px = 0, py = 0, start = 0;
        if (d) {
            bool down = inserts(table, d, k);
            px = *furthest(table, d - 1, down ? k + 1 : k - 1);
            py = px - (down ? k + 1 : k - 1);
            start = down ? px : px + 1;
        }
        while (x > start)
            al->match[r.a + (size_t)--x] = (uint32_t)(r.b + (size_t)--y);
        x = px;
        y = py;
    }
}

/* Aligns a range by its shortest difference. False if that has more than EDITS edits. */
static bool shortest(const struct align *al, struct range r)
{
    long na = (long)(r.a_end - r.a), nb = (long)(r.b_end - r.b);
    long most = na + nb < EDITS ? na + nb : EDITS;
    if (labs(na - nb) > most)
        return false;
    int32_t *table = mem_alloc((size_t)((most + 1) * (most + 1)) * sizeof *table);
    for (long d = 0; d <= most; d++)
        for (long k = -d; k <= d; k += 2) {
            long x = 0;
            if (d)
                x = inserts(table, d, k) ? *furthest(table, d - 1, k + 1)
                                         : *furthest(table, d - 1, k - 1) + 1;
            while (x < na && x - k < nb && al->a[r.a + (size_t)x] == al->b[r.b + (size_t)(x - k)])
                x++;
            *furthest(table, d, k) = (int32_t)x;
            if (x >= na && x - k >= nb) {
                trace_back(al, r, table, d);
                free(table);
                return true;
            }
        }
    free(table);
    return false;
}

/* ---------------------------------------------------------------- together */

static struct range trim(const struct align *al, struct range r)
{
    for (; r.a < r.a_end && r.b < r.b_end && al->a[r.a] == al->b[r.b]; r.a++, r.b++)
        al->match[r.a] = (uint32_t)r.b;
    for (; r.a < r.a_end && r.b < r.b_end && al->a[r.a_end - 1] == al->b[r.b_end - 1]; r.a_end--, r.b_end--)
        al->match[r.a_end - 1] = (uint32_t)(r.b_end - 1);
    return r;
}

static void align_range(const struct align *al, struct range r, unsigned depth)
{
    r = trim(al, r);
    if (r.a == r.a_end || r.b == r.b_end || depth > DEEPEST)
        return;
    if (align_anchors(al, r, true, depth) || shortest(al, r))
        return;
    align_anchors(al, r, false, depth);
}

void sequence_align(const uint64_t *a, size_t na, const uint64_t *b, size_t nb, uint32_t *match)
{
    struct align al = {a, b, match};
    for (size_t i = 0; i < na; i++)
        match[i] = SEQUENCE_NONE;
    align_range(&al, (struct range){0, na, 0, nb}, 0);
}

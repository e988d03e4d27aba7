/* minimize.c - see minimize.h. */
#include "core/hunt/minimize.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

static bool bad(const struct minimize_options *o, struct minimized *m, const size_t *choice, size_t n)
{
    return m->runs < o->runs && (m->runs++, o->bad(o->ctx, choice, n));
}

/* The shortest beginning that bisection finds; it was run. */
static void find_prefix(const struct minimize_options *o, struct minimized *m)
{
    size_t good = 0, known = m->n;
    while (known - good > 1) {
        const size_t middle = good + (known - good) / 2;
        if (bad(o, m, m->choice, middle))
            known = middle;
        else
            good = middle;
    }
    m->n = m->prefix = known;
}

/* Delta debugging: takes away parts of the list, smaller and smaller ones, as long as the outcome stays. From the end, since later choices
 * depend on earlier ones and not the other way round. */
static void take_away(const struct minimize_options *o, struct minimized *m)
{
    size_t *rest = mem_alloc(m->n * sizeof *rest);
    for (size_t size = (m->n + 1) / 2; size && m->n && m->runs < o->runs;) {
        bool less = false;
        for (size_t end = m->n; end > 0 && m->runs < o->runs;) {
            const size_t begin = end > size ? end - size : 0;
            size_t n = 0;
            for (size_t i = 0; i < m->n; i++)
                if (i < begin || i >= end)
                    rest[n++] = m->choice[i];
            if (bad(o, m, rest, n)) {
                memcpy(m->choice, rest, n * sizeof *rest);
                m->n = n;
                less = true;
            }
            end = begin;
        }
        m->least = size == 1 && !less && m->runs < o->runs;
        if (!less || size > m->n)
            size = size > 1 ? (size + 1) / 2 : less;
    }
    m->least |= !m->n;
    free(rest);
}

/* One choice may suffice: the last ones first, as the shortest beginning needs its last one. */
static void find_single(const struct minimize_options *o, struct minimized *m)
{
    enum { MOST = 64 };
    for (size_t i = m->n; i > 1 && m->n - i < MOST; i--)
        if (bad(o, m, &m->choice[i - 1], 1)) {
            m->choice[0] = m->choice[i - 1];
            m->n = 1;
            return;
        }
}

void minimize(const struct minimize_options *o, size_t total, struct minimized *result)
{
    *result =
        (struct minimized){.choice = mem_alloc(total * sizeof *result->choice), .n = total, .prefix = total};
    for (size_t i = 0; i < total; i++)
        result->choice[i] = i;
    find_prefix(o, result);
    find_single(o, result);
    take_away(o, result);
}

/* mapping.c - see symbols.h: which table is mapped where, and when.
 *
 * All mappings stay, for lookups at any time. A guest may have made many thousands of processes, so those of a space are found without the
 * others. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/symbols/private/impl.h"

/* The guests' numbers are kept in their order. */
static void add_guest(struct symbols *s, unsigned guest)
{
    size_t i = s->nguests;
    while (i > 0 && s->guests[i - 1] > guest)
        i--;
    if (i > 0 && s->guests[i - 1] == guest)
        return;
    MEM_MORE(s->guests, s->nguests);
    memmove(s->guests + i + 1, s->guests + i, (s->nguests++ - i) * sizeof *s->guests);
    s->guests[i] = guest;
}

size_t symbols_newest(const struct symbols *s, symbol_space space)
{
    return space == SPACE_ANY ? s->nmaps : chains_newest(&s->by_space, (uint64_t)space);
}

size_t symbols_older(const struct symbols *s, symbol_space space, size_t i)
{
    return space == SPACE_ANY ? i - 1 : chains_older(&s->by_space, i);
}

void symbols_map(struct symbols *s, const struct symbol_mapping *m)
{
    assert(symbol_table_whole(m->table) && "only a whole table is mapped");
    assert(m->space != SPACE_ANY && "a mapping is in one space");
    if (m->space >= 0)
        add_guest(s, symbol_space_guest(m->space));
    s->changes++;
    chains_add(&s->by_space, (uint64_t)m->space);
    MEM_MORE(s->maps, s->nmaps);
    s->maps[s->nmaps] = *m;
    symbols_note_map(s, &s->maps[s->nmaps++]);
    assert(s->by_space.n == s->nmaps);
}

void symbols_unmap(struct symbols *s, const struct symbol_table *t, symbol_space space, uint64_t at,
                   uint64_t time)
{
    bool any = false;
    for (size_t i = symbols_newest(s, space); i; i = symbols_older(s, space, i)) {
        struct symbol_mapping *m = &s->maps[i - 1];
        if (m->until || (t && m->table != t))
            continue;
        m->until = at ? at : 1;
        s->changes++;
        any = true;
    }
    if (any)
        symbols_note_unmap(s, t, space, at, time);
}

void symbols_fork(struct symbols *s, symbol_space from, symbol_space to, uint64_t at, uint64_t time)
{
    size_t n = 0, *open = NULL; /* the newest first */
    for (size_t i = symbols_newest(s, from); i; i = symbols_older(s, from, i))
        if (!s->maps[i - 1].until) {
            MEM_MORE(open, n);
            open[n++] = i - 1;
        }
    while (n-- > 0) {
        struct symbol_mapping m = s->maps[open[n]];
        m.space = to;
        m.since = at;
        m.time = time;
        symbols_map(s, &m);
    }
    free(open);
}

/* Its kernel mostly has some, so that its processes need not be looked through. */
static bool guest_is_there(const struct symbols *s, unsigned guest, uint64_t at)
{
    const symbol_space kernel = symbol_space_of(guest, 0);
    for (size_t i = symbols_newest(s, kernel); i; i = symbols_older(s, kernel, i))
        if (symbol_mapping_in_force(&s->maps[i - 1], at))
            return true;
    for (size_t i = 0; i < s->nmaps; i++)
        if (s->maps[i].space >= 0 && symbol_space_guest(s->maps[i].space) == guest &&
            symbol_mapping_in_force(&s->maps[i], at))
            return true;
    return false;
}

long symbols_guest_from(const struct symbols *s, unsigned from, uint64_t at)
{
    for (size_t i = 0; s && i < s->nguests; i++)
        if (s->guests[i] >= from && guest_is_there(s, s->guests[i], at))
            return s->guests[i];
    return -1;
}

uint64_t symbols_changes(const struct symbols *s)
{
    return s->changes;
}

size_t symbols_mappings(const struct symbols *s)
{
    return s->nmaps;
}

const struct symbol_mapping *symbols_mapping(const struct symbols *s, size_t i)
{
    assert(i < s->nmaps);
    return &s->maps[i];
}

void symbols_free_mappings(struct symbols *s)
{
    chains_clear(&s->by_space);
    free(s->guests);
    free(s->maps);
}

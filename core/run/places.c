/* places.c - see places.h. */
#include "core/run/places.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/story/probes.h"

bool places_have(const struct places *p, uint64_t address)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i] == address)
            return true;
    return false;
}

void places_find(struct places *p, struct inspector *in, const char *name)
{
    const struct symbols *s = inspector_symbols(in);
    struct symbol sym;
    bool found = symbols_find(s, SPACE_ANY, name, SYMBOLS_NOW, &sym);
    for (; found; found = symbols_find_next(s, SPACE_ANY, name, SYMBOLS_NOW, &sym)) {
        if (places_have(p, sym.address))
            continue;
        MEM_MORE(p->at, p->n);
        p->at[p->n++] = sym.address;
        probes_halt(inspector_probes(in), PROBE_LINEAR, sym.address, true);
    }
}

bool places_still(struct inspector *in, unsigned cpu, const char *name, uint64_t address)
{
    const struct symbols *s = inspector_symbols(in);
    struct guest_task task;
    struct symbol sym;
    const symbol_space space = inspector_task(in, cpu, &task) ? task.space : (symbol_space)SPACE_ANY;
    bool found = symbols_find(s, space, name, SYMBOLS_NOW, &sym);
    while (found && sym.address != address)
        found = symbols_find_next(s, space, name, SYMBOLS_NOW, &sym);
    return found;
}

void places_free(struct places *p)
{
    free(p->at);
    *p = (struct places){0};
}

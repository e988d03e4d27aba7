/* debug_map.c - which debug information is where, and when. See debug.h. */
#include "base/memory.h"
#include "core/symbols/private/debug_impl.h"
#include "core/symbols/private/impl.h"

void symbols_add_debug(struct symbols *s, const struct symbol_debug *debug)
{
    MEM_MORE(s->debug, s->ndebug);
    s->debug[s->ndebug++] = *debug;
}

const struct symbol_debug *symbols_debug(const struct symbols *s, size_t i)
{
    return i < s->ndebug ? &s->debug[i] : NULL;
}

void symbols_drop_debug(struct symbols *s)
{
    free(s->debug);
    s->debug = NULL;
    s->ndebug = 0;
}

size_t symbols_debug_at(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                        struct debug_place *place, size_t max)
{
    for (size_t i = s->ndebug; i-- > 0;) {
        const struct symbol_debug *d = &s->debug[i];
        if (d->space != space || address < d->begin || address >= d->end || d->since > at ||
            (d->until && at >= d->until))
            continue;
        const size_t n = debug_file_places(d->file, address, place, max);
        if (n)
            return n;
    }
    return 0;
}

int symbols_source_text(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at, char *buf,
                        size_t size)
{
    struct debug_place place[DEBUG_PLACES];
    const size_t n = symbols_places(s, space, address, at, place, DEBUG_PLACES);
    const struct debug_place *in = place, *out = &place[n ? n - 1 : 0];
    if (size)
        *buf = 0;
    if (!n || !out->file || !out->line)
        return 0;
    if (n == 1 || !in->function || !in->file)
        return snprintf(buf, size, " at %s:%u", out->file, out->line);
    return snprintf(buf, size, " at %s:%u (%s at %s:%u, inlined)", out->file, out->line, in->function,
                    in->file, in->line);
}

/* stops.c - breakpoints, probes and watchpoints: stored so that looking up an address takes constant time,
 * however many there are.
 *
 * Watchpoints come first in cpu->stops; there are few, so they are searched linearly. Execution stops follow:
 * first those that stop, then those that only report (probes). They are found in a hash table of their
 * addresses, with open addressing, a power of two of slots, at most half full; a slot holds the index of a
 * stop + 1. A second table holds the linear pages that have stops, and one byte per offset in a page says
 * which kinds of stops exist at that offset in any page.
 *
 * A stop is reported before anything is done for its instruction, even the fetch, so the state is that at the
 * end of the previous step. If something other than that instruction is due (an interrupt, a fault of the
 * fetch), nothing is reported. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/exec.h"

enum offset_kind { OFFSET_LINEAR = 1, OFFSET_PHYSICAL = 2 };

static bool is_exec(const struct stop_point *s)
{
    return s->kind == STOPS_EXEC_LINEAR || s->kind == STOPS_EXEC_PHYSICAL;
}

static size_t slot_of(const struct x86 *cpu, uint64_t address)
{
    return (address * 0x9e3779b97f4a7c15u >> 32) & cpu->stop_mask;
}

static void hash_page(struct x86 *cpu, uint64_t page)
{
    size_t slot = slot_of(cpu, page);
    while (cpu->stop_pages[slot] != UINT64_MAX && cpu->stop_pages[slot] != page)
        slot = (slot + 1) & cpu->stop_mask;
    cpu->stop_pages[slot] = page;
}

static bool page_has_stop(const struct x86 *cpu, uint64_t page)
{
    size_t slot = slot_of(cpu, page);
    while (cpu->stop_pages[slot] != UINT64_MAX && cpu->stop_pages[slot] != page)
        slot = (slot + 1) & cpu->stop_mask;
    return cpu->stop_pages[slot] == page;
}

static void note_place(struct x86 *cpu, const struct stop_point *s)
{
    bool linear = s->kind == STOPS_EXEC_LINEAR;
    cpu->stop_offsets[s->address & 0xfff] |= linear ? OFFSET_LINEAR : OFFSET_PHYSICAL;
    if (linear)
        hash_page(cpu, s->address >> 12);
}

static void hash_stops(struct x86 *cpu)
{
    size_t size = 16;
    while (size < 2 * (cpu->nstops - cpu->nwatches) + 1)
        size *= 2;
    cpu->stop_hash = mem_zero(size, sizeof *cpu->stop_hash);
    cpu->stop_pages = mem_alloc(size * sizeof *cpu->stop_pages);
    memset(cpu->stop_pages, 0xff, size * sizeof *cpu->stop_pages);
    cpu->stop_mask = size - 1;
    for (size_t i = cpu->nwatches; i < cpu->nstops; i++) {
        size_t slot = slot_of(cpu, cpu->stops[i].address);
        while (cpu->stop_hash[slot])
            slot = (slot + 1) & cpu->stop_mask;
        cpu->stop_hash[slot] = (uint32_t)i + 1;
        note_place(cpu, &cpu->stops[i]);
    }
}

enum want { WATCHES, REAL, PROBES };

static size_t copy_stops(struct x86 *cpu, size_t at, const struct stop_point *s, size_t n, enum want want)
{
    for (size_t i = 0; i < n; i++)
        if ((!is_exec(&s[i]) ? WATCHES : s[i].report_only ? PROBES : REAL) == want)
            cpu->stops[at++] = s[i];
    return at;
}

/* One range of offsets for all pages: it is one comparison, and there is seldom more than one watchpoint. */
static void note_watched(struct x86 *cpu)
{
    cpu->watch_low = SNAPSHOT_PAGE;
    cpu->watch_high = 0;
    for (size_t i = 0; i < cpu->nwatches; i++) {
        const uint64_t first = cpu->stops[i].address, last = first + cpu->stops[i].length - 1;
        const bool one_page = first >> 12 == last >> 12;
        const uint32_t low = one_page ? first & 0xfff : 0,
                       high = one_page ? (last & 0xfff) + 1 : SNAPSHOT_PAGE;
        if (cpu->stops[i].kind == STOPS_READ)
            continue;
        cpu->watch_low = low < cpu->watch_low ? low : cpu->watch_low;
        cpu->watch_high = high > cpu->watch_high ? high : cpu->watch_high;
    }
}

void x86_stops_free(struct x86 *cpu)
{
    free(cpu->stops);
    free(cpu->stop_hash);
    free(cpu->stop_pages);
    cpu->stops = NULL;
    cpu->stop_hash = NULL;
    cpu->stop_pages = NULL;
    cpu->nstops = cpu->nwatches = cpu->nreal = 0;
    memset(cpu->stop_offsets, 0, sizeof cpu->stop_offsets);
}

/* Whether the execution stops are those places: only these are in decoded code. */
static bool same_places(const struct x86 *cpu, const struct stop_point *places, size_t n)
{
    const struct stop_point *s = cpu->stops + cpu->nwatches;
    if (n != cpu->nstops - cpu->nwatches)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i].kind != places[i].kind || s[i].address != places[i].address)
            return false;
    return true;
}

void x86_stops(struct x86 *cpu, const struct stop_point *s, size_t n)
{
    const size_t nplaces = cpu->nstops - cpu->nwatches;
    struct stop_point *places =
        nplaces ? mem_copy(cpu->stops + cpu->nwatches, nplaces * sizeof *places) : NULL;
    x86_stops_free(cpu);
    cpu->stops = mem_alloc(n * sizeof *s);
    cpu->nwatches = copy_stops(cpu, 0, s, n, WATCHES);
    cpu->nreal = copy_stops(cpu, cpu->nwatches, s, n, REAL);
    cpu->nstops = copy_stops(cpu, cpu->nreal, s, n, PROBES);
    cpu->data_stops = cpu->nwatches > 0;
    note_watched(cpu);
    cpu->exec_stops = cpu->nstops > cpu->nwatches;
    if (cpu->exec_stops)
        hash_stops(cpu);
    if (same_places(cpu, places, nplaces))
        tlb_flush(
            cpu); /* a search for accesses is armed and disarmed often: the code stays, and what was compiled of it */
    else
        x86_flush_caches(cpu);
    free(places);
}

/* The first stop of that kind and address after number `after` in the table, or -1. */
static long find(const struct x86 *cpu, enum stop_kind kind, uint64_t address, long after)
{
    long best = -1;
    for (size_t slot = slot_of(cpu, address); cpu->stop_hash[slot]; slot = (slot + 1) & cpu->stop_mask) {
        long i = (long)cpu->stop_hash[slot] - 1;
        const struct stop_point *s = &cpu->stops[i];
        if (s->kind == kind && s->address == address && i > after && (best < 0 || i < best))
            best = i;
    }
    return best;
}

static long earlier(long a, long b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

static long find_either(const struct x86 *cpu, uint64_t lin, bool mapped, uint64_t pa, long after)
{
    uint8_t kinds = cpu->stop_offsets[lin & 0xfff];
    long a = kinds & OFFSET_LINEAR ? find(cpu, STOPS_EXEC_LINEAR, lin, after) : -1;
    return earlier(a, mapped && kinds & OFFSET_PHYSICAL ? find(cpu, STOPS_EXEC_PHYSICAL, pa, after) : -1);
}

bool exec_stop_here(const struct x86 *cpu, uint64_t lin, uint64_t pa)
{
    return cpu->exec_stops && find_either(cpu, lin, true, pa, -1) >= 0;
}

/* Records the first stop at lin after that number and before `end`. */
static bool note(struct x86 *cpu, uint64_t lin, long after, size_t end)
{
    uint64_t pa = 0;
    if ((size_t)(after + 1) >= end)
        return false;
    if (!(cpu->stop_offsets[lin & 0xfff] & OFFSET_PHYSICAL) && find_either(cpu, lin, false, 0, after) < 0)
        return false;
    if (!x86_translate(cpu, lin, &pa))
        return false; /* the fetch will fault */
    long i = find_either(cpu, lin, true, pa, after);
    if (i < 0 || (size_t)i >= end)
        return false;
    cpu->stop = (struct x86_stop){.reason = STOP_BREAKPOINT, .id = cpu->stops[i].id, .address = lin};
    cpu->stop_index = i;
    return true;
}

bool exec_stop_reached(struct x86 *cpu)
{
    uint64_t lin = code_linear(cpu, cpu->gpr[REG_RIP]);
    if (!cpu->stop_offsets[lin & 0xfff] || cpu->stops_said == 2)
        return false;
    if (cpu->stops_said == 0 && note(cpu, lin, -1, cpu->nreal)) {
        cpu->stops_said = 1;
        return true;
    }
    if (!note(cpu, lin, (long)cpu->nreal - 1, cpu->nstops))
        return false;
    cpu->stops_said = 2;
    return true;
}

bool x86_stop_next(struct x86 *cpu)
{
    return cpu->stop.reason == STOP_BREAKPOINT && cpu->stops_said == 2 &&
           note(cpu, cpu->stop.address, cpu->stop_index, cpu->nstops);
}

/* A page's code is decoded once for all linear addresses at which it is executed, but a stop at a linear
 * address belongs to only one of them. So when execution moves to or from a linear page with stops, the code
 * is decoded again. */
void exec_stops_alias(struct x86 *cpu, struct code_page *p, uint64_t linear)
{
    uint64_t page = linear >> 12, before = p->linear >> 1;
    if (p->linear == (page << 1 | 1))
        return;
    if (p->linear && (page_has_stop(cpu, before) || page_has_stop(cpu, page)))
        code_drop_everywhere(cpu->mem, p);
    p->linear = page << 1 | 1;
}

void x86_stop_info(const struct x86 *cpu, struct x86_stop *s)
{
    *s = cpu->stop;
}

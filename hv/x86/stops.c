/* stops.c - breakpoints, probes and watchpoints: stored so that looking up an address takes constant time,
 * however many there are.
 *
 * Watchpoints come first in cpu->stops.list; there are few, so they are searched linearly. Execution stops follow:
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
    return (address * 0x9e3779b97f4a7c15u >> 32) & cpu->stops.mask;
}

static void hash_page(struct x86 *cpu, uint64_t page)
{
    size_t slot = slot_of(cpu, page);
    while (cpu->stops.pages[slot] != UINT64_MAX && cpu->stops.pages[slot] != page)
        slot = (slot + 1) & cpu->stops.mask;
    cpu->stops.pages[slot] = page;
}

static bool page_has_stop(const struct x86 *cpu, uint64_t page)
{
    size_t slot = slot_of(cpu, page);
    while (cpu->stops.pages[slot] != UINT64_MAX && cpu->stops.pages[slot] != page)
        slot = (slot + 1) & cpu->stops.mask;
    return cpu->stops.pages[slot] == page;
}

static void note_place(struct x86 *cpu, const struct stop_point *s)
{
    bool linear = s->kind == STOPS_EXEC_LINEAR;
    cpu->stops.offsets[s->address & 0xfff] |= linear ? OFFSET_LINEAR : OFFSET_PHYSICAL;
    if (linear)
        hash_page(cpu, s->address >> 12);
}

static void hash_stops(struct x86 *cpu)
{
    size_t size = 16;
    while (size < 2 * (cpu->stops.n - cpu->stops.nwatches) + 1)
        size *= 2;
    cpu->stops.hash = mem_zero(size, sizeof *cpu->stops.hash);
    cpu->stops.pages = mem_alloc(size * sizeof *cpu->stops.pages);
    memset(cpu->stops.pages, 0xff, size * sizeof *cpu->stops.pages);
    cpu->stops.mask = size - 1;
    for (size_t i = cpu->stops.nwatches; i < cpu->stops.n; i++) {
        size_t slot = slot_of(cpu, cpu->stops.list[i].address);
        while (cpu->stops.hash[slot])
            slot = (slot + 1) & cpu->stops.mask;
        cpu->stops.hash[slot] = (uint32_t)i + 1;
        note_place(cpu, &cpu->stops.list[i]);
    }
}

enum want { WATCHES, REAL, PROBES };

static size_t copy_stops(struct x86 *cpu, size_t at, const struct stop_point *s, size_t n, enum want want)
{
    for (size_t i = 0; i < n; i++)
        if ((!is_exec(&s[i]) ? WATCHES : s[i].report_only ? PROBES : REAL) == want)
            cpu->stops.list[at++] = s[i];
    return at;
}

/* One range of offsets for all pages: it is one comparison, and there is seldom more than one watchpoint. */
static void note_watched(struct x86 *cpu)
{
    cpu->stops.low = SNAPSHOT_PAGE;
    cpu->stops.high = 0;
    for (size_t i = 0; i < cpu->stops.nwatches; i++) {
        const uint64_t first = cpu->stops.list[i].address, last = first + cpu->stops.list[i].length - 1;
        const bool one_page = first >> 12 == last >> 12;
        const uint32_t low = one_page ? first & 0xfff : 0,
                       high = one_page ? (last & 0xfff) + 1 : SNAPSHOT_PAGE;
        if (cpu->stops.list[i].kind == STOPS_READ)
            continue;
        cpu->stops.low = low < cpu->stops.low ? low : cpu->stops.low;
        cpu->stops.high = high > cpu->stops.high ? high : cpu->stops.high;
    }
}

void x86_stops_free(struct x86 *cpu)
{
    free(cpu->stops.list);
    free(cpu->stops.hash);
    free(cpu->stops.pages);
    cpu->stops.list = NULL;
    cpu->stops.hash = NULL;
    cpu->stops.pages = NULL;
    cpu->stops.n = cpu->stops.nwatches = cpu->stops.nreal = 0;
    memset(cpu->stops.offsets, 0, sizeof cpu->stops.offsets);
}

/* Whether the execution stops are those places: only these are in decoded code. */
static bool same_places(const struct x86 *cpu, const struct stop_point *places, size_t n)
{
    const struct stop_point *s = cpu->stops.list + cpu->stops.nwatches;
    if (n != cpu->stops.n - cpu->stops.nwatches)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i].kind != places[i].kind || s[i].address != places[i].address)
            return false;
    return true;
}

void x86_stops(struct x86 *cpu, const struct stop_point *s, size_t n)
{
    const size_t nplaces = cpu->stops.n - cpu->stops.nwatches;
    struct stop_point *places =
        nplaces ? mem_copy(cpu->stops.list + cpu->stops.nwatches, nplaces * sizeof *places) : NULL;
    x86_stops_free(cpu);
    cpu->stops.list = mem_alloc(n * sizeof *s);
    cpu->stops.nwatches = copy_stops(cpu, 0, s, n, WATCHES);
    cpu->stops.nreal = copy_stops(cpu, cpu->stops.nwatches, s, n, REAL);
    cpu->stops.n = copy_stops(cpu, cpu->stops.nreal, s, n, PROBES);
    cpu->stops.data = cpu->stops.nwatches > 0;
    note_watched(cpu);
    cpu->stops.exec = cpu->stops.n > cpu->stops.nwatches;
    if (cpu->stops.exec)
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
    for (size_t slot = slot_of(cpu, address); cpu->stops.hash[slot]; slot = (slot + 1) & cpu->stops.mask) {
        long i = (long)cpu->stops.hash[slot] - 1;
        const struct stop_point *s = &cpu->stops.list[i];
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
    uint8_t kinds = cpu->stops.offsets[lin & 0xfff];
    long a = kinds & OFFSET_LINEAR ? find(cpu, STOPS_EXEC_LINEAR, lin, after) : -1;
    return earlier(a, mapped && kinds & OFFSET_PHYSICAL ? find(cpu, STOPS_EXEC_PHYSICAL, pa, after) : -1);
}

bool exec_stop_here(const struct x86 *cpu, uint64_t lin, uint64_t pa)
{
    return cpu->stops.exec && find_either(cpu, lin, true, pa, -1) >= 0;
}

/* Records the first stop at lin after that number and before `end`. */
static bool note(struct x86 *cpu, uint64_t lin, long after, size_t end)
{
    uint64_t pa = 0;
    if ((size_t)(after + 1) >= end)
        return false;
    if (!(cpu->stops.offsets[lin & 0xfff] & OFFSET_PHYSICAL) && find_either(cpu, lin, false, 0, after) < 0)
        return false;
    if (!x86_translate(cpu, lin, &pa))
        return false; /* the fetch will fault */
    long i = find_either(cpu, lin, true, pa, after);
    if (i < 0 || (size_t)i >= end)
        return false;
    cpu->stops.met =
        (struct x86_stop){.reason = STOP_BREAKPOINT, .id = cpu->stops.list[i].id, .address = lin};
    cpu->stops.index = i;
    return true;
}

bool exec_stop_reached(struct x86 *cpu)
{
    uint64_t lin = code_linear(cpu, cpu->gpr[REG_RIP]);
    if (!cpu->stops.offsets[lin & 0xfff] || cpu->stops.said == 2)
        return false;
    if (cpu->stops.said == 0 && note(cpu, lin, -1, cpu->stops.nreal)) {
        cpu->stops.said = 1;
        return true;
    }
    if (!note(cpu, lin, (long)cpu->stops.nreal - 1, cpu->stops.n))
        return false;
    cpu->stops.said = 2;
    return true;
}

bool x86_stop_next(struct x86 *cpu)
{
    return cpu->stops.met.reason == STOP_BREAKPOINT && cpu->stops.said == 2 &&
           note(cpu, cpu->stops.met.address, cpu->stops.index, cpu->stops.n);
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
    *s = cpu->stops.met;
}

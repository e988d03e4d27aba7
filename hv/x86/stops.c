/* stops.c - breakpoints, probes and watchpoints: kept so that an address is looked up in constant time, however many there are.
 *
 * Watchpoints come first in cpu->stops (there are few; they are gone through). Execution stops follow, and are found by a hash table of
 * their addresses: open addressing, a power of two of slots, at most half full; a slot holds the index of a stop + 1.
 */
#include <stdlib.h>

#include "hv/x86/decode.h"
#include "hv/x86/exec.h"

static bool is_exec(const struct stop_point *s) { return s->kind == STOPS_EXEC_LINEAR || s->kind == STOPS_EXEC_PHYSICAL; }

static size_t slot_of(const struct x86 *cpu, uint64_t address)
{
    return (address * 0x9e3779b97f4a7c15u >> 32) & cpu->stop_mask;
}

static void hash_stops(struct x86 *cpu)
{
    size_t size = 16;
    while (size < 2 * (cpu->nstops - cpu->nwatches) + 1)
        size *= 2;
    cpu->stop_hash = calloc(size, sizeof *cpu->stop_hash);
    if (!cpu->stop_hash)
        abort();
    cpu->stop_mask = size - 1;
    for (size_t i = cpu->nwatches; i < cpu->nstops; i++) {
        size_t slot = slot_of(cpu, cpu->stops[i].address);
        while (cpu->stop_hash[slot])
            slot = (slot + 1) & cpu->stop_mask;
        cpu->stop_hash[slot] = (uint32_t)i + 1;
    }
}

static size_t copy_stops(struct x86 *cpu, size_t at, const struct stop_point *s, size_t n, bool exec)
{
    for (size_t i = 0; i < n; i++)
        if (is_exec(&s[i]) == exec)
            cpu->stops[at++] = s[i];
    return at;
}

void x86_stops_free(struct x86 *cpu)
{
    free(cpu->stops);
    free(cpu->stop_hash);
    cpu->stops = NULL;
    cpu->stop_hash = NULL;
    cpu->nstops = cpu->nwatches = 0;
}

void x86_stops(struct x86 *cpu, const struct stop_point *s, size_t n)
{
    x86_stops_free(cpu);
    cpu->stops = malloc((n + 1) * sizeof *s);
    if (!cpu->stops)
        abort();
    cpu->nwatches = copy_stops(cpu, 0, s, n, false);
    cpu->nstops = copy_stops(cpu, cpu->nwatches, s, n, true);
    cpu->data_stops = cpu->nwatches > 0;
    cpu->exec_stops = cpu->nstops > cpu->nwatches;
    if (cpu->exec_stops)
        hash_stops(cpu);
    x86_flush_caches(cpu);
}

/* The first stop after number `after` (in order of the table) of that kind and address; -1: none. */
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

static long earlier(long a, long b) { return a < 0 ? b : b < 0 || a < b ? a : b; }

static long find_either(const struct x86 *cpu, uint64_t lin, bool mapped, uint64_t pa, long after)
{
    long a = find(cpu, STOPS_EXEC_LINEAR, lin, after);
    return earlier(a, mapped ? find(cpu, STOPS_EXEC_PHYSICAL, pa, after) : -1);
}

bool exec_stop_here(const struct x86 *cpu, uint64_t lin, uint64_t pa)
{
    return cpu->exec_stops && find_either(cpu, lin, true, pa, -1) >= 0;
}

static bool note(struct x86 *cpu, uint64_t lin, long after)
{
    uint64_t pa = 0;
    bool mapped = mem_translate_peek(cpu, lin, &pa);
    long i = find_either(cpu, lin, mapped, pa, after);
    if (i < 0)
        return false;
    cpu->stop = (struct x86_stop){STOP_BREAKPOINT, cpu->stops[i].id, lin};
    cpu->stop_index = i;
    return true;
}

bool exec_stop_reached(struct x86 *cpu) { return note(cpu, code_linear(cpu, cpu->gpr[REG_RIP]), -1); }

bool x86_stop_next(struct x86 *cpu)
{
    return cpu->stop.reason == STOP_BREAKPOINT && note(cpu, cpu->stop.address, cpu->stop_index);
}

void x86_stop_info(const struct x86 *cpu, struct x86_stop *s) { *s = cpu->stop; }

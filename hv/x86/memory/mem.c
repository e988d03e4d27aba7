/* mem.c - linear memory: every access that the direct path in exec.h cannot make. Walks through page tables are in walk.c. */
#include <assert.h>

#include "hv/x86/decode/decode.h"
#include "hv/x86/flow.h"
#include "hv/x86/memory/walk.h"
#include "hv/x86/system/sys.h"

/* ---------------------------------------------------------------- physical accesses of the processor */

/* As bytes_load(): the sizes are constants. */
static void bytes_store(void *at, uint64_t v, unsigned size)
{
    switch (size) {
    case 1:
        *(uint8_t *)at = (uint8_t)v;
        break;
    case 2:
        memcpy(at, &v, 2);
        break;
    case 4:
        memcpy(at, &v, 4);
        break;
    case 8:
        memcpy(at, &v, 8);
        break;
    default: /* a part of a store to two pages */
        for (unsigned i = 0; i < size; i++)
            ((uint8_t *)at)[i] = (uint8_t)(v >> 8 * i);
    }
}

static uint64_t phys_load(struct x86 *cpu, uint64_t pa, unsigned size)
{
    const struct pdesc *d = physmem_page(cpu->mem, pa);
    if (!d->rd)
        return cpu->bus.read(cpu->bus.ctx, pa, size);
    return bytes_load(d->rd + (pa & 0xfff), size);
}

/* A page keeps its code while it runs, so that each store to it comes here. */
static void store_to_code(struct x86 *cpu, const struct pdesc *d, uint32_t off, unsigned size, uint64_t v)
{
    struct code_page *p = d->wr_meta->code;
    if (!cpu->block || cpu->block->page != p)
        code_stored(cpu->mem, p);
    else if (bytes_load(d->wr + off, size) != (size < 8 ? v & ((1ull << 8 * size) - 1) : v))
        odd_code(cpu, d->wr_meta, off, size);
}

static void store_to(struct x86 *cpu, const struct pdesc *d, uint64_t pa, unsigned size, uint64_t v)
{
    cpu->lost |= d->ignore_writes || !d->wr;
    if (d->ignore_writes)
        return;
    if (!d->wr) {
        cpu->bus.write(cpu->bus.ctx, pa, size, v);
        return;
    }
    uint32_t off = pa & 0xfff;
    uint8_t *to = d->wr + off;
    physmem_changes(cpu->mem, d->wr_meta);
    touch_lines(d->wr_meta, off, size);
    if (d->wr_meta->flags & PM_CODE)
        store_to_code(cpu, d, off, size, v);
    /* Boot loaders patch the same numbers into their code again and again. Decoded code stays valid if the
     * bytes do not change. */
    if (page_guards(d->wr_meta, off, size)) {
        if (bytes_load(to, size) == (size < 8 ? v & ((1ull << 8 * size) - 1) : v))
            return;
        physmem_before_write(cpu->mem, d->wr_meta, d->wr, off, size);
    }
    bytes_store(to, v, size);
}

static void phys_store(struct x86 *cpu, uint64_t pa, unsigned size, uint64_t v)
{
    store_to(cpu, physmem_page(cpu->mem, pa), pa, size, v);
}

/* An access to two pages has a part in each: n bytes, fewer than 8. A device gets them one by one. */
static uint64_t phys_load_part(struct x86 *cpu, uint64_t pa, unsigned n)
{
    const struct pdesc *d = physmem_page(cpu->mem, pa);
    uint64_t v = 0;
    if (d->rd)
        return bytes_load(d->rd + (pa & 0xfff), n);
    for (unsigned i = 0; i < n; i++)
        v |= cpu->bus.read(cpu->bus.ctx, pa + i, 1) << (8 * i);
    return v;
}

static void phys_store_part(struct x86 *cpu, uint64_t pa, unsigned n, uint64_t v)
{
    const struct pdesc *d = physmem_page(cpu->mem, pa);
    if (d->wr)
        store_to(cpu, d, pa, n, v);
    for (unsigned i = 0; !d->wr && i < n; i++)
        store_to(cpu, d, pa + i, 1, v >> (8 * i) & 0xff);
}

/* ---------------------------------------------------------------- translation */

/* What the TLB has is as the page tables have it. */
static bool tlb_peek(const struct x86 *cpu, uint64_t lin, uint64_t *pa)
{
    for (unsigned user = 0; user < 2; user++) {
        const struct tlb_entry *e = tlb_entry_of(&cpu->space->tlb[user], lin);
        const struct itlb_entry *code = &cpu->space->itlb[user][lin >> 12 & (ITLB_SIZE - 1)];
        *pa = (e->r == PAGE_OF(lin) ? PAGE_OF(e->pa) : code->pa) | (lin & 0xfff);
        if (e->r == PAGE_OF(lin) || code->tag == PAGE_OF(lin))
            return true;
    }
    return false;
}

bool x86_translate(const struct x86 *cpu, uint64_t linear, uint64_t *pa)
{
    return tlb_peek(cpu, linear, pa) || mem_translate_peek(cpu, linear, pa);
}

/* ---------------------------------------------------------------- the guest's data and I/O breakpoints */

/* SDM volume 3, 17.2.4: the R/W and LEN fields of DR7 for register i. */
enum break_type { BREAK_WRITE = 1, BREAK_IO = 2, BREAK_ACCESS = 3 };

static bool break_enabled(const struct x86 *cpu, unsigned i)
{
    return cpu->dr[7] >> (2 * i) & 3;
}
static enum break_type break_type(const struct x86 *cpu, unsigned i)
{
    return (enum break_type)(cpu->dr[7] >> (16 + 4 * i) & 3);
}
static uint64_t break_length(const struct x86 *cpu, unsigned i)
{
    static const uint8_t length[] = {1, 2, 8, 4};
    return length[cpu->dr[7] >> (18 + 4 * i) & 3];
}

/* Whether the range of register i, aligned to its length, and n bytes at `at` have a byte in common. */
static bool break_meets(const struct x86 *cpu, unsigned i, uint64_t at, uint64_t n)
{
    uint64_t length = break_length(cpu, i), start = cpu->dr[i] & ~(length - 1);
    return at - start < length || start - at < n;
}

static bool page_has_break(const struct x86 *cpu, uint64_t lin)
{
    for (unsigned i = 0; i < 4; i++)
        if (break_enabled(cpu, i) && break_type(cpu, i) & 1 && break_meets(cpu, i, lin & ~0xfffull, 0x1000))
            return true;
    return false;
}

/* To be called after the access was made. */
static void note_data_break(struct x86 *cpu, uint64_t lin, unsigned size, bool write)
{
    for (unsigned i = 0; i < 4 && !cpu->virt.held; i++)
        if (break_enabled(cpu, i) && break_meets(cpu, i, lin, size) &&
            (break_type(cpu, i) == BREAK_ACCESS || (write && break_type(cpu, i) == BREAK_WRITE)))
            cpu->data_breaks |= 1u << i;
}

void note_port_break(struct x86 *cpu, uint16_t port, unsigned size)
{
    if (!(cpu->dr[7] & 0xff) || !(cpu->cr4 & CR4_DE))
        return;
    for (unsigned i = 0; i < 4; i++)
        if (break_enabled(cpu, i) && break_type(cpu, i) == BREAK_IO && break_meets(cpu, i, port, size))
            cpu->data_breaks |= 1u << i;
}

/* Watchpoints for reads in a page keep it out of the TLB; of those for writes only direct writes know (tlb.c). */
static bool page_watched(const struct x86 *cpu, uint64_t lin)
{
    for (size_t i = 0; i < cpu->stops.nwatches; i++) {
        const struct stop_point *s = &cpu->stops.list[i];
        if ((s->kind == STOPS_READ || s->kind == STOPS_ACCESS) &&
            (lin & ~0xfffull) <= s->address + s->length - 1 && s->address <= (lin | 0xfff))
            return true;
    }
    return cpu->dr[7] & 0xff && page_has_break(cpu, lin);
}

static void tlb_fill(struct x86 *cpu, uint64_t lin, bool user, const struct walk *w, bool writes)
{
    const struct pdesc *d = physmem_page(cpu->mem, w->pa);
    if (!d->rd || cpu->tlb == &cpu->none || page_watched(cpu, lin))
        return;
    if (cpu->cr4 & CR4_SMAP && w->user_page && !user)
        return; /* EFLAGS.AC decides at each access: always take the slow path */
    tlb_enter(cpu, lin, user, w->pa, w->may_write, writes);
}

/* Translate the address of n bytes, of which those behind the end of the page are not meant, for an access, filling the TLB.
 * Raises. */
static uint64_t translate(struct x86 *cpu, uint64_t lin, unsigned n, enum access acc, enum agent agent)
{
    bool user = agent == AS_USER;
    struct walk w;
    struct tlb_entry *e = tlb_entry_of(&cpu->space->tlb[user], lin);
    if (likely(e->r == PAGE_OF(lin)) && (acc == ACC_READ || e->pa & TLB_MAY_WRITE)) {
        if (acc == ACC_WRITE)
            tlb_write_met(cpu, e, lin, n);
        return PAGE_OF(e->pa) | (lin & 0xfff);
    }
    if (cpu->mode64 || long_mode(cpu)) {
        if (!is_canonical(cpu, lin))
            raise_error(cpu,
                        agent != AS_SYSTEM && cpu->op && op_on_stack(cpu, cpu->op, lin) ? VEC_SS : VEC_GP, 0);
    } else {
        lin = (uint32_t)lin;
    }
    walk(cpu, lin, acc, agent, &w);
    if (acc == ACC_WRITE)
        touch_write(cpu->mem, lin, w.pa);
    const enum access_free may = access_note(cpu->mem, lin, w.pa, n, acc == ACC_WRITE);
    if (may != ACCESS_NOT_FREE)
        tlb_fill(cpu, lin, user, &w, acc == ACC_WRITE && may == ACCESS_WRITES_FREE);
    return w.pa;
}

static unsigned bytes_at(const struct x86 *cpu, uint64_t lin, uint64_t length, uint8_t *to)
{
    unsigned n = 0;
    for (uint64_t pa; n < length && n < STOP_BYTES && mem_translate_peek(cpu, lin + n, &pa); n++) {
        const struct pdesc *d = physmem_page(cpu->mem, pa);
        if (!d->rd)
            break;
        to[n] = d->rd[pa & 0xfff];
    }
    return n;
}

static void take_data_stop(struct x86 *cpu, const struct stop_point *s, uint64_t lin)
{
    bool in_block = cpu->block && cpu->op;
    cpu->stops.met =
        (struct x86_stop){.reason = STOP_WATCHPOINT,
                          .id = s->id,
                          .address = lin,
                          .pc = code_linear(cpu, in_block ? rip_of(cpu, cpu->op) : cpu->gpr[REG_RIP])};
    if (s->kind != STOPS_WRITE_PHYSICAL) {
        uint64_t skipped = s->length > STOP_BYTES && lin - s->address < s->length ? lin - s->address : 0;
        cpu->stops.met.from = s->address + skipped;
        cpu->stops.met.nbefore =
            bytes_at(cpu, cpu->stops.met.from, s->length - skipped, cpu->stops.met.before);
    }
    cpu->stops.hit = true;
    cpu->stops.probe = s->report_only;
    x86_break(cpu);
}

static bool meets(const struct stop_point *s, uint64_t at, unsigned size)
{
    return at - s->address < s->length || s->address - at < size;
}

/* The access was allowed: record the stop that it hits. The first one of an instruction counts, but an
 * ordinary stop takes precedence over probes. */
static void note_data_stop(struct x86 *cpu, uint64_t lin, unsigned size, bool write)
{
    for (size_t i = 0; i < cpu->stops.nwatches; i++) {
        const struct stop_point *s = &cpu->stops.list[i];
        bool kind = s->kind == STOPS_ACCESS || (write ? s->kind == STOPS_WRITE : s->kind == STOPS_READ);
        bool taken = cpu->stops.hit && (!cpu->stops.probe || s->report_only);
        if (kind && meets(s, lin, size) && !taken)
            take_data_stop(cpu, s, lin);
    }
}

/* A store of `size` bytes, of which the first lie at pa1, and those that do not fit in its page at pa2. */
static void note_store(struct x86 *cpu, uint64_t lin, unsigned size, uint64_t pa1, uint64_t pa2)
{
    unsigned first = 0x1000 - (lin & 0xfff);
    note_data_stop(cpu, lin, size, true);
    for (size_t i = 0; i < cpu->stops.nwatches; i++) {
        const struct stop_point *s = &cpu->stops.list[i];
        const unsigned low = size < first ? size : first, high = size - low;
        bool taken = cpu->stops.hit && (!cpu->stops.probe || s->report_only);
        const bool meets_low = meets(s, pa1, low);
        if (s->kind != STOPS_WRITE_PHYSICAL || taken || !(meets_low || (high && meets(s, pa2, high))))
            continue;
        take_data_stop(cpu, s, lin);
        cpu->stops.met.physical = meets_low ? pa1 : pa2;
        cpu->stops.met.size = meets_low ? low : high;
    }
}

static void check_alignment(struct x86 *cpu, uint64_t lin, unsigned size)
{
    if (cpu->tlb == &cpu->none && lin & (size - 1) && !(cpu->mode64 && !is_canonical(cpu, lin)))
        raise_error(cpu, VEC_AC, 0);
}

static uint64_t load_as(struct x86 *cpu, uint64_t lin, unsigned size, enum access acc, enum agent agent)
{
    unsigned first = 0x1000 - (lin & 0xfff);
    uint64_t pa1 = translate(cpu, lin, size, acc, agent), pa2 = 0;
    if (unlikely(first < size))
        pa2 = translate(cpu, lin + first, size - first, acc, agent);
    if (cpu->stops.data)
        note_data_stop(cpu, lin, size, false);
    if (likely(first >= size))
        return phys_load(cpu, pa1, size);
    const uint64_t low = phys_load_part(cpu, pa1, first);
    return low | phys_load_part(cpu, pa2, size - first) << (8 * first);
}

static void store_as(struct x86 *cpu, uint64_t lin, unsigned size, uint64_t v, enum agent agent)
{
    unsigned first = 0x1000 - (lin & 0xfff);
    uint64_t pa1, pa2;
    if (likely(first >= size)) {
        pa1 = translate(cpu, lin, size, ACC_WRITE, agent);
        if (cpu->stops.data)
            note_store(cpu, lin, size, pa1, 0);
        phys_store(cpu, pa1, size, v);
        return;
    }
    pa1 = translate(cpu, lin, size, ACC_WRITE, agent);
    pa2 = translate(cpu, lin + first, size - first, ACC_WRITE, agent);
    if (cpu->stops.data)
        note_store(cpu, lin, size, pa1, pa2);
    phys_store_part(cpu, pa1, first, v);
    phys_store_part(cpu, pa2, size - first, v >> (8 * first));
}

/* ---------------------------------------------------------------- functions called by handlers */

static uint64_t load_for(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned size, enum access acc)
{
    cpu->op = op;
    check_alignment(cpu, lin, size);
    uint64_t v = load_as(cpu, lin, size, acc, agent_of(cpu));
    if (unlikely(cpu->dr[7] & 0xff))
        note_data_break(cpu, lin, size, false);
    return v;
}

/* Whether the TLB has met a write to the page: another one can neither fault nor has to be noted as its first. */
static bool write_met(const struct tlb_entry *e)
{
    enum { MET = TLB_MAY_WRITE | TLB_NOTED };
    return (e->pa & MET) == MET;
}

/* A load from two pages that are both in the TLB: takes the last 8 bytes of one and the first 8 of the other. */
static inline bool load_across(const struct x86 *cpu, uint64_t lin, unsigned size, uint64_t *v)
{
    const unsigned first = 0x1000 - (lin & 0xfff);
    if (likely(first >= size))
        return false;
    const struct tlb_entry *a = tlb_of(cpu, lin), *b = tlb_of(cpu, lin + first);
    if (a->r != PAGE_OF(lin) || b->r != lin + first)
        return false;
    const uint64_t low = bytes_load((const void *)(a->add + lin + first - 8), 8) >> (64 - 8 * first);
    const uint64_t high = bytes_load((const void *)(b->add + lin + first), 8) << (8 * first);
    *v = size < 8 ? (low | high) & ((1ull << 8 * size) - 1) : low | high;
    return true;
}

uint64_t mem_load(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned size)
{
    uint64_t v;
    if (load_across(cpu, lin, size, &v))
        return v;
    return load_for(cpu, op, lin, size, ACC_READ);
}

uint64_t mem_load_rmw(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned size)
{
    const bool met = write_met(tlb_of(cpu, lin)) && write_met(tlb_of(cpu, lin + size - 1));
    const void *at = met ? host_r(cpu, lin, size) : NULL;
    uint64_t v;
    if (at)
        return bytes_load(at, size);
    if (met && load_across(cpu, lin, size, &v))
        return v;
    return load_for(cpu, op, lin, size, ACC_WRITE);
}

/* Most stores that are not direct only have to be noted: nothing else that store_as() checks can apply. Returns the page of such a store;
 * NULL if the store is another one. */
static const struct pdesc *page_noted(const struct x86 *cpu, const struct tlb_entry *e, uint64_t lin,
                                      unsigned size)
{
    if (e->r != PAGE_OF(lin + size - 1) || !write_met(e) || cpu->dr[7] & 0xff)
        return NULL;
    const struct pdesc *d = physmem_page(cpu->mem, e->pa);
    const bool only =
        d->wr && !d->ignore_writes && (d->wr_meta->flags & (PM_SLOW | PM_CHANGED)) == PM_CHANGED;
    return only ? d : NULL;
}

/* If stores to the page need not be noted any more, store_as() makes it direct. */
static bool store_noted(struct x86 *cpu, const struct tlb_entry *e, uint64_t lin, unsigned size, uint64_t v)
{
    const uint32_t off = lin & 0xfff;
    const uint64_t pa = PAGE_OF(e->pa) | off;
    const struct pdesc *d = page_noted(cpu, e, lin, size);
    if (!d)
        return false;
    if (access_noting(cpu->mem) ? access_note(cpu->mem, lin, pa, size, true) == ACCESS_WRITES_FREE
                                : !(d->wr_meta->flags & PM_LINES))
        return false;
    if (cpu->stops.data)
        note_store(cpu, lin, size, pa, 0);
    touch_lines(d->wr_meta, off, size);
    bytes_store(d->wr + off, v, size);
    if (!(e->pa & TLB_LINES))
        tlb_note_lines(cpu, lin);
    return true;
}

static void store_part(const struct pdesc *d, uint32_t off, unsigned n, uint64_t v)
{
    touch_lines(d->wr_meta, off, n);
    bytes_store(d->wr + off, v, n);
}

/* A store to two pages, if all that it needs in either is to be noted by lines. */
static inline bool store_across(const struct x86 *cpu, uint64_t lin, unsigned size, uint64_t v)
{
    const unsigned first = 0x1000 - (lin & 0xfff);
    if (likely(first >= size) || cpu->stops.data || access_noting(cpu->mem))
        return false;
    const struct pdesc *a = page_noted(cpu, tlb_of(cpu, lin), lin, first),
                       *b = page_noted(cpu, tlb_of(cpu, lin + first), lin + first, size - first);
    if (!a || !b)
        return false;
    store_part(a, lin & 0xfff, first, v);
    store_part(b, 0, size - first, v >> 8 * first);
    return true;
}

uint8_t *mem_note_stores(struct x86 *cpu, uint64_t lin, unsigned size, uint64_t *n)
{
    const struct tlb_entry *e = tlb_of(cpu, lin);
    const struct pdesc *d = page_noted(cpu, e, lin, size);
    const uint32_t off = lin & 0xfff;
    if (!d || !(d->wr_meta->flags & PM_LINES) || cpu->stops.data || access_noting(cpu->mem))
        return NULL;
    const uint64_t left = d->wr_meta->look_at - d->wr_meta->stores;
    *n = *n < left ? *n : left;
    assert(*n && off + *n * size <= SNAPSHOT_PAGE && "the stores are in one page, which is noted on");
    touch_stores(d->wr_meta, off, (uint32_t)(*n * size), (uint32_t)*n);
    return d->wr + off;
}

enum { STACK_NEAR = 64 }; /* a store this near to SS:SP is to the stack */

void mem_store(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned size, uint64_t v)
{
    const struct tlb_entry *e = tlb_of(cpu, lin);
    void *beside = host_w_beside(cpu, e, lin, size);
    cpu->op = op;
    if (beside)
        bytes_store(beside, v, size);
    if (beside || store_noted(cpu, e, lin, size, v) || store_across(cpu, lin, size, v))
        return;
    check_alignment(cpu, lin, size);
    cpu->lost = false;
    store_as(cpu, lin, size, v, agent_of(cpu));
    if (unlikely(cpu->lost) && op && lin + STACK_NEAR - stack_linear(cpu) < 2 * STACK_NEAR)
        odd_stack(cpu, lin);
    if (unlikely(cpu->dr[7] & 0xff))
        note_data_break(cpu, lin, size, true);
}

void mem_probe(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned n, bool write)
{
    cpu->op = op;
    if (!n)
        return;
    const enum access acc = write ? ACC_WRITE : ACC_READ;
    const uint64_t last = lin + n - 1;
    translate(cpu, lin, n, acc, agent_of(cpu));
    if ((lin ^ last) >> 12)
        translate(cpu, PAGE_OF(last), (last & 0xfff) + 1, acc, agent_of(cpu));
}

const uint8_t *mem_read_directly(const struct x86 *cpu, uint64_t lin)
{
    uint64_t pa;
    if (cpu->tlb == &cpu->none || page_watched(cpu, lin) || !is_canonical(cpu, lin) ||
        !walk_needs_no_mark(cpu, lin, agent_of(cpu), &pa))
        return NULL;
    const struct pdesc *d = physmem_page(cpu->mem, pa);
    if (d->rd)
        access_note(cpu->mem, PAGE_OF(lin), pa, SNAPSHOT_PAGE, false);
    return d->rd ? d->rd + (pa & 0xfff) : NULL;
}

/* Accesses by the processor itself use the supervisor's TLB too, whose contents do not depend on
 * EFLAGS.AC. */
uint64_t sys_load(struct x86 *cpu, uint64_t lin, unsigned size)
{
    const struct tlb_entry *e = tlb_entry_of(&cpu->space->tlb[0], lin);
    if (likely(e->r == PAGE_OF(lin + size - 1)))
        return bytes_load((const void *)(e->add + lin), size);
    return load_as(cpu, lin, size, ACC_READ, AS_SYSTEM);
}

void sys_store(struct x86 *cpu, uint64_t lin, unsigned size, uint64_t v)
{
    const struct tlb_entry *e = tlb_entry_of(&cpu->space->tlb[0], lin);
    void *beside;
    if (likely(e->w == PAGE_OF(lin + size - 1)))
        bytes_store((void *)(e->add + lin), v, size);
    else if ((beside = host_w_beside(cpu, e, lin, size)))
        bytes_store(beside, v, size);
    else
        store_as(cpu, lin, size, v, AS_SYSTEM);
}

/* ---------------------------------------------------------------- instruction fetch */

struct code_page *fetch_page(struct x86 *cpu, uint64_t lin, uint64_t *pa)
{
    const struct itlb_entry *e = &cpu->space->itlb[cpu->cpl == 3][lin >> 12 & (ITLB_SIZE - 1)];
    if (e->tag != PAGE_OF(lin)) {
        struct walk w;
        uint32_t error;
        if (long_mode(cpu) && !is_canonical(cpu, lin))
            raise_error(cpu, VEC_GP, 0);
        if (!walk_or_fail(cpu, lin, ACC_EXEC, agent_of(cpu), &w, &error)) {
            if (mem_translate_peek(cpu, lin, &w.pa))
                touch_fetch(cpu->mem, lin, w.pa, NULL); /* an execution stop there has been reached */
            raise_page_fault(cpu, lin, error);
        }
        const struct pdesc *d = physmem_page(cpu->mem, w.pa);
        touch_fetch(cpu->mem, lin, w.pa, d->rd ? d->rd_meta : NULL);
        if (!d->rd) {
            *pa = w.pa;
            return NULL;
        }
        struct code_page *p = code_page_get(cpu->mem, d->rd_meta, d->rd);
        if (cpu->stops.exec)
            exec_stops_alias(cpu, p, lin);
        itlb_enter(cpu, lin, w.pa, p);
        if (unlikely(cpu->code))
            flow_code(cpu, PAGE_OF(lin), PAGE_OF(w.pa), 0);
    }
    *pa = e->pa | (lin & 0xfff);
    return e->page;
}

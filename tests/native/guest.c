/* guest.c - runs one instruction in the emulator: a processor in long mode at CPL 3 whose page tables show
 * the same regions as the host has. There is no IDT: what matters of an exception is its event, and that it
 * finds the registers as they must be.
 */
#include <stdlib.h>
#include <string.h>

#include "hv/x86/decode/decode.h"
#include "hv/x86/system/sys.h"
#include "tests/native/native.h"

enum {
    RAM_SIZE = 0x100000,
    TABLES = 0x1000,     /* PML4, PDPT, page directory, then a page table a region */
    REGION_PA = 0x20000, /* a region's first page; 64 KiB a region */
};

/* A guest, and parts of the chosen one. */
struct guest {
    struct physmem *mem;
    struct ramblock *ram;
    struct x86 *cpu;
    uint32_t epoch; /* as in physmem_save() */
};
static struct guest guests[GUESTS];
static unsigned chosen;
static struct physmem *mem;
static struct ramblock *ram;
static struct x86 *cpu;
static struct event first_exception;
static bool excepted;

static void bus_event(void *ctx, struct event *ev)
{
    if (ev->kind == EV_EXCEPTION && !excepted) {
        first_exception = *ev;
        excepted = true;
    }
}

/* ---------------------------------------------------------------- setting up */

static void entry(unsigned table, unsigned index, uint64_t value)
{
    memcpy(ramblock_host(ram) + TABLES + table * PAGE + index * 8, &value, 8);
}

/* Pages that follow one another do not in physical memory: an access across them is two. */
static uint64_t page_address(unsigned region, unsigned page)
{
    return REGION_PA + region * 0x10000u + (page * 5 + 3) % 8 * PAGE;
}

static void make_tables(void)
{
    static const uint64_t bits[] = {
        [PAGE_ABSENT] = 0, [PAGE_READ] = 5, [PAGE_WRITE] = 7 | 1ull << 63, [PAGE_CODE] = 7};
    entry(0, 0, (TABLES + PAGE) | 7);
    entry(1, 0, (TABLES + 2 * PAGE) | 7);
    for (unsigned r = 0; r < NREGIONS; r++) {
        entry(2, regions[r].base >> 21, (TABLES + (3 + r) * PAGE) | 7);
        for (unsigned i = 0; i < regions[r].pages; i++)
            if (regions[r].kind[i] != PAGE_ABSENT)
                entry(3 + r, (regions[r].base >> 12 & 511) + i,
                      page_address(r, i) | bits[regions[r].kind[i]]);
    }
}

uint8_t *guest_memory(uint32_t linear)
{
    for (unsigned r = 0; r < NREGIONS; r++)
        if (linear - regions[r].base < regions[r].pages * PAGE)
            return ramblock_host(ram) + page_address(r, (linear - regions[r].base) / PAGE) + linear % PAGE;
    return NULL;
}

static void each_writable_page(struct memory *m, void (*copy)(uint8_t *page, uint8_t *kept_page), bool host)
{
    uint8_t *to = m->page[0];
    for (unsigned r = 0; r < NREGIONS; r++)
        for (unsigned i = 0; i < regions[r].pages; i++, to += PAGE)
            if (regions[r].kind[i] == PAGE_WRITE) {
                uint32_t at = regions[r].base + i * PAGE;
                copy(host ? (uint8_t *)(uintptr_t)at : guest_memory(at), to);
            }
}
static void keep_page(uint8_t *page, uint8_t *kept_page)
{
    memcpy(kept_page, page, PAGE);
}
static void restore_page(uint8_t *page, uint8_t *kept_page)
{
    memcpy(page, kept_page, PAGE);
}
void memory_take(struct memory *m, bool host)
{
    each_writable_page(m, keep_page, host);
}
void memory_put(struct memory *m, bool host)
{
    each_writable_page(m, restore_page, host);
}
bool memory_is(struct memory *m, bool host)
{
    static struct memory now;
    memory_take(&now, host);
    return !memcmp(&now, m, sizeof now);
}

static struct memory kept;

void guest_keep(void)
{
    memory_take(&kept, false);
}
void guest_restore(void)
{
    memory_put(&kept, false);
}

/* A sequence that changes its own code is refused, but only after it has run: it may have loaded segments. */
static bool is_mode(unsigned bits)
{
    bool same = cpu->code_bits == bits && cpu->cpl == 3;
    for (unsigned s = 0; s < SEG_NONE; s++)
        if (s != CS)
            same &= cpu->seg[s].sel == (s == FS || s == GS ? 0 : SEL_DATA);
    return same;
}

static void set_mode(unsigned bits)
{
    static const struct {
        uint16_t sel, attr;
    } code[3] = {{SEL_CODE16, 0x00fb}, {SEL_CODE32, 0xc0fb}, {SEL_CODE64, 0xa0fb}};
    unsigned k = bits >> 5;
    if (is_mode(bits))
        return;
    cpu->seg[CS] = (struct seg){.limit = k ? UINT32_MAX : 0xffff, .attr = code[k].attr, .sel = code[k].sel};
    for (unsigned s = 0; s < SEG_NONE; s++)
        if (s != CS)
            cpu->seg[s] = (struct seg){.limit = UINT32_MAX, .attr = 0xc0f3, .sel = SEL_DATA};
    cpu->seg[FS] = cpu->seg[GS] = (struct seg){.null = 1};
    cpu->cpl = 3;
    mode_derive(cpu);
    tlb_flush(cpu);
}

void guest_choose(unsigned guest)
{
    chosen = guest;
    mem = guests[guest].mem, ram = guests[guest].ram, cpu = guests[guest].cpu;
}

bool guest_init(unsigned guest, const struct engine_host *host)
{
    struct error err;
    mem = physmem_create(RAM_SIZE, host);
    ram = mem ? physmem_block(mem, "ram", RAM_SIZE) : NULL;
    if (!ram)
        return false;
    physmem_map(mem, 0, RAM_SIZE, ram, 0, ram, 0, false);
    make_tables();
    struct x86_bus bus = x86_empty_bus;
    bus.event = bus_event;
    cpu = x86_create(mem, &bus, 0, "max", &err);
    if (!cpu)
        return false;
    cpu->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    cpu->cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    cpu->xcr0 = 7;
    cpu->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    cpu->cr3 = TABLES;
    cpu->idtr = (struct dtable){0, 0};
    cpu->seg[TR].limit = 0x50; /* no bitmap of ports */
    cpu->seen_ring3 = true;
    set_mode(64);
    guests[guest] = (struct guest){mem, ram, cpu, 0};
    chosen = guest;
    return true;
}

bool guest_has(unsigned feature)
{
    return cpu_has(cpu, (enum feature)feature);
}

/* ---------------------------------------------------------------- state */

void fx_load(struct fpu *f, const uint8_t *fx)
{
    memset(f->r, 0, sizeof f->r);
    memcpy(&f->cw, fx + FX_FCW, 2);
    memcpy(&f->sw, fx + FX_FSW, 2);
    f->empty = (uint8_t)~fx[FX_FTW];
    memcpy(&f->mxcsr, fx + FX_MXCSR, 4);
    f->fop = 0, f->fip = f->fdp = 0, f->fcs = f->fds = 0;
    for (unsigned i = 0; i < 8; i++) {
        struct fpreg *r = &f->r[((f->sw >> 11) + i) & 7];
        memcpy(&r->sig, fx + FX_ST + 16 * i, 8);
        memcpy(&r->exp, fx + FX_ST + 16 * i + 8, 2);
    }
}

void fx_store(const struct fpu *f, uint8_t *fx)
{
    memset(fx, 0, FX_XMM);
    memcpy(fx + FX_FCW, &f->cw, 2);
    memcpy(fx + FX_FSW, &f->sw, 2);
    fx[FX_FTW] = (uint8_t)~f->empty;
    memcpy(fx + FX_MXCSR, &f->mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        const struct fpreg *r = &f->r[((f->sw >> 11) + i) & 7];
        memcpy(fx + FX_ST + 16 * i, &r->sig, 8);
        memcpy(fx + FX_ST + 16 * i + 8, &r->exp, 2);
    }
}

/* ---------------------------------------------------------------- running */

void guest_code(uint32_t at, const void *bytes, unsigned n)
{
    const uint8_t *from = bytes;
    for (unsigned done = 0, part; done < n; done += part) {
        part = PAGE - (at + done) % PAGE;
        part = part < n - done ? part : n - done;
        physmem_write(mem, (uint64_t)(guest_memory(at + done) - ramblock_host(ram)), from + done, part);
    }
}

/* The same bytes as the host executed, with the pad after them, which is decoded ahead. */
static void put_code(const struct insn_case *c)
{
    uint8_t bytes[64] = {0};
    memcpy(bytes, c->bytes, c->len);
    memset(bytes + c->len, 0x90, 4);
    guest_code(c->at, bytes, c->len + 4);
}

static void run_it(const struct insn_case *c)
{
    uint64_t done;
    if (c->steps) {
        x86_run(cpu, c->steps, &done);
        return;
    }
    for (unsigned i = 0; i < 5000; i++) {
        enum x86_exit e = x86_run(cpu, 1, &done);
        if (!c->rep || e != X86_DONE || excepted || cpu->gpr[REG_RIP] != c->at)
            break;
    }
}

static void load(const struct state *in)
{
    excepted = false;
    cpu->shutdown = cpu->halted = cpu->inhibit = false;
    cpu->tf_pending = 0;
    memcpy(cpu->gpr, in->gpr, sizeof in->gpr);
    cpu->gpr[REG_RIP] = in->rip;
    eflags_set(cpu, in->flags);
    fx_load(&cpu->fpu, in->fx);
    memcpy(cpu->xmm, in->fx + FX_XMM, sizeof cpu->xmm);
    memcpy(cpu->ymmh, in->ymmh, sizeof cpu->ymmh);
}

static void store(struct state *out)
{
    memcpy(out->gpr, cpu->gpr, sizeof out->gpr);
    out->rip = cpu->gpr[REG_RIP];
    out->flags = eflags_get(cpu);
    memset(out->fx, 0, FX_SIZE);
    fx_store(&cpu->fpu, out->fx);
    memcpy(out->fx + FX_XMM, cpu->xmm, sizeof cpu->xmm);
    memcpy(out->ymmh, cpu->ymmh, sizeof cpu->ymmh);
    out->vector = excepted ? (int)first_exception.f[EVF_EXCEPTION_vector] : -1;
    out->error = excepted ? (uint32_t)first_exception.f[1] : 0;
    out->cr2 = excepted && out->vector == VEC_PF ? cpu->cr2 : 0;
}

void guest_run(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct state from = *in;
    from.rip = c->at;
    set_mode(c->bits);
    put_code(c);
    load(&from);
    run_it(c);
    store(out);
}

void guest_flush(void)
{
    x86_flush_caches(cpu);
}

uint64_t guest_continue(unsigned bits, const struct state *in, struct state *out, uint64_t steps)
{
    uint64_t done;
    set_mode(bits);
    load(in);
    x86_run(cpu, steps, &done);
    store(out);
    return done;
}

static void count_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    uint64_t *sum = ctx;
    *sum = (*sum ^ index) * 0x9e3779b97f4a7c15u;
}

uint64_t guest_changed(void)
{
    uint64_t sum = 0;
    uint32_t *epoch = &guests[chosen].epoch;
    const struct snapshot_sink sink = {.ctx = &sum, .page = count_page};
    ++*epoch;
    physmem_save(mem, &sink, *epoch, *epoch);
    return sum;
}

int guest_decode(const uint8_t *bytes, unsigned n, unsigned bits, const struct insn_row **row)
{
    struct op op;
    bool end;
    enum decoded d = decode(cpu->decoder, bytes, n, bits, 0, &op, &end);
    *row = NULL;
    if (d != DEC_OK)
        return d == DEC_SHORT ? 0 : -1;
    *row = op_row(&op);
    if (op.fn == op_zeros ||
        op.fn == op_zeros64)    /* has a handler of its own, and no row, so that it is not compiled */
        *row = insn_rows(NULL); /* ADD Eb, Gb: the first */
    return *row ? op.len : -1;
}

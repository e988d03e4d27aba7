/* walk.c - walks through page tables, the guest's own and those of its hypervisor.
 *
 * Paging: SDM volume 3 chapter 4; nested paging: AMD APM volume 2, 15.25. The TLBs are coherent with the page tables (see cpu.h and tlb.c): a
 * walk records the pages it read entries from, and writes to those pages drop the translations. */
#include "hv/x86/memory/walk.h"

#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* Physical address width that CPUID reports: bits above are reserved in entries. */
#define PHYS_BITS 40
#define PTE_RSVD  (0x000fffffffffffffull & ~((1ull << PHYS_BITS) - 1))
/* Reserved in the entries at the top of PAE paging outside long mode. */
#define PDPTE_RSVD (0x1e6 | ~0ull << PHYS_BITS)

enum { LEVELS = 5 }; /* at most */

/* The parameters of a paging mode, and where its tables begin. */
struct paging {
    unsigned levels, bits, width; /* index bits per level; bytes per entry */
    bool nx, pse;
    bool pdptes; /* the uppermost level has the four entries of PAE paging, which are like no others */
    const uint64_t *kept; /* those entries, if they were loaded with CR3 */
    uint64_t reserved, root;
    uint64_t top_reserved; /* in the entries of level 3 and above */
    bool no_giants;        /* the processor has no pages of 1 GiB: PS is reserved where they would be */
};

static struct paging paging_of_mode(uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    const uint64_t nx = efer & EFER_NXE ? 0 : PTE_NX;
    if (efer & EFER_LMA)
        return (struct paging){.levels = cr4 & CR4_LA57 ? 5 : 4,
                               .bits = 9,
                               .width = 8,
                               .nx = !nx,
                               .reserved = PTE_RSVD | nx,
                               .root = cr3 & PTE_ADDR};
    if (cr4 & CR4_PAE)
        return (struct paging){.levels = 3,
                               .bits = 9,
                               .width = 8,
                               .nx = !nx,
                               .pdptes = true,
                               .reserved = PTE_RSVD | 0x7ff0000000000000ull | nx,
                               .root = cr3 & CR3_PAE};
    return (struct paging){
        .levels = 2, .bits = 10, .width = 4, .pse = cr4 & CR4_PSE, .root = cr3 & 0xfffff000};
}

static bool has_no_giants(const struct x86 *cpu)
{
    return !cpu_has(cpu, FT_PDPE1GB) && !cpu->as_before_16;
}

/* In a guest with AMD's nested paging the four entries of PAE paging are read from memory when they are needed (APM volume 2, 15.25.10). */
static struct paging paging_of(const struct x86 *cpu)
{
    struct paging p = paging_of_mode(cpu->cr3, cpu->cr4, cpu->efer);
    if (p.pdptes && keeps_pdptes(cpu))
        p.kept = cpu->pdpte;
    p.no_giants = has_no_giants(cpu);
    return p;
}

/* That of the tables of the guest's hypervisor: its mode when it executed VMRUN. Bit 8 (G) of a PML4 entry is reserved in AMD's processors (APM
 * volume 2, 5.3.3), which for tables that are not nested is as in Intel's here: it is ignored. */
static struct paging paging_nested(const struct x86 *cpu)
{
    enum { PTE_G = 0x100 };
    struct paging p = paging_of_mode(cpu->guest.ncr3, cpu->virt.host.cr4, cpu->virt.host.efer);
    p.top_reserved = PTE_G;
    p.no_giants = has_no_giants(cpu);
    return p;
}

void walk_nested_key(const struct x86 *cpu, struct space_key *k)
{
    enum { EPT = 2 };
    k->nested_root = cpu->guest.ncr3;
    if (cpu_has(cpu, FT_VMX)) {
        k->nested_mode = (uint64_t)EPT << 32;
        return;
    }
    k->nested_mode = 1ull << 32 | (cpu->virt.host.cr4 & (CR4_PSE | CR4_PAE | CR4_LA57)) |
                     (cpu->virt.host.efer & (EFER_NXE | EFER_LMA));
}

/* ---------------------------------------------------------------- entries */

/* One entry of a walk. */
struct step {
    uint64_t at; /* where it is, as the table's reader has addresses */
    const struct pdesc *page;
    uint32_t off;
    uint64_t value;
    bool large;
};

static uint64_t entry_load(const struct step *s, unsigned width)
{
    uint64_t v = 0;
    if (s->page->rd)
        memcpy(&v, s->page->rd + s->off, width);
    else
        v = UINT64_MAX >> (64 - width * 8); /* tables outside memory read as a floating bus */
    return v;
}

/* Set accessed (and dirty) bits, unless the entry is not in memory. */
static void entry_set(struct x86 *cpu, const struct step *s, uint64_t bits)
{
    if ((s->value & bits) == bits || !s->page->wr || s->page->ignore_writes)
        return;
    physmem_before_mark(cpu->mem, s->page->wr_meta, s->off, 1);
    touch_lines(s->page->wr_meta, s->off, 1);
    s->page->wr[s->off] |= bits;
}

static bool is_pdpte(const struct paging *p, unsigned level)
{
    return p->pdptes && level == 2;
}

static bool is_large(const struct paging *p, unsigned level, uint64_t v)
{
    if (!(v & PTE_PS) || level == 0 || is_pdpte(p, level))
        return false;
    if (p->width == 4)
        return p->pse;
    return level == 1 || level == 2;
}

/* Is a reserved bit of the entry set? */
static bool reserved_set(const struct paging *p, unsigned level, uint64_t v, bool large)
{
    if (is_pdpte(p, level))
        return v & PDPTE_RSVD;
    if (v & p->reserved)
        return true;
    if (p->width == 4)
        return large && v & 0x200000; /* PSE-36: bits 13-20 are address bits 32-39 */
    if (large && level == 2 && p->no_giants)
        return true;
    if (large)
        return v & ((1ull << (12 + 9 * level)) - 1) & ~0x1fffull;
    return level >= 2 && v & (PTE_PS | (level > 2 ? p->top_reserved : 0));
}

static uint64_t large_base(const struct paging *p, unsigned level, uint64_t v)
{
    if (p->width == 4)
        return (v & 0xffc00000) | (v >> 13 & 0xff) << 32;
    return v & PTE_ADDR & ~((1ull << (12 + 9 * level)) - 1);
}

static uint64_t entry_address(const struct paging *p, uint64_t v)
{
    return p->width == 4 ? v & 0xfffff000 : v & PTE_ADDR;
}

/* ---------------------------------------------------------------- a path through tables */

/* The entries that lead to an address, from the uppermost on; the first may be one that was kept, which is not among them. */
struct path {
    struct paging paging;
    struct step step[LEVELS];
    unsigned n, first; /* steps; the first one whose entry has access rights */
};

/* Translates an address that is a machine's, or a guest's (below). `mark`: the processor, if bits may be set in its tables; else NULL. */
typedef bool table_address(const struct x86 *, struct x86 *mark, uint64_t at, struct ending *, uint64_t *pa);

static bool machine_address(const struct x86 *cpu, struct x86 *mark, uint64_t at, struct ending *e,
                            uint64_t *pa)
{
    (void)mark, (void)e;
    *pa = at & physmem_a20_mask(cpu->mem);
    return true;
}

/* The table that the walk begins with; false if a kept entry says that there is none. */
static bool first_table(const struct paging *p, uint64_t lin, uint64_t *table)
{
    if (!p->kept) {
        *table = p->root;
        return true;
    }
    const uint64_t e = p->kept[lin >> 30 & 3];
    *table = e & PTE_ADDR;
    return e & PTE_P;
}

static struct step step_at(const struct x86 *cpu, const struct paging *p, unsigned level, uint64_t pa)
{
    struct step s = {.page = physmem_page(cpu->mem, pa), .off = pa & 0xfff};
    s.value = entry_load(&s, p->width);
    s.large = is_large(p, level, s.value);
    return s;
}

/* Reads the entries for `lin`, whose tables are at addresses that `translate` knows. */
static bool follow(const struct x86 *cpu, struct x86 *mark, uint64_t lin, table_address *translate,
                   struct path *w, struct ending *e)
{
    const struct paging *p = &w->paging;
    uint64_t table, pa;
    w->n = 0;
    w->first = p->pdptes && !p->kept;
    *e = (struct ending){.how = FAULT};
    if (!first_table(p, lin, &table))
        return false;
    for (unsigned level = p->kept ? 2 : p->levels; level--;) {
        const uint64_t index = lin >> (12 + p->bits * level) & ((1u << p->bits) - 1);
        if (!translate(cpu, mark, table + index * p->width, e, &pa))
            return false;
        struct step *s = &w->step[w->n++];
        *s = step_at(cpu, p, level, pa);
        s->at = table + index * p->width;
        if (!(s->value & PTE_P))
            return false;
        if (reserved_set(p, level, s->value, s->large)) {
            e->error = PF_P | PF_RSVD;
            return false;
        }
        if (s->large)
            break;
        table = entry_address(p, s->value);
    }
    e->how = FOUND;
    return true;
}

/* The level of a step; 0 is the last one. */
static unsigned level_of(const struct path *w, unsigned i)
{
    return (w->paging.kept ? 2 : w->paging.levels) - 1 - i;
}

static uint64_t path_address(const struct path *w, uint64_t lin)
{
    const struct step *last = &w->step[w->n - 1];
    const unsigned level = level_of(w, w->n - 1);
    if (!last->large)
        return entry_address(&w->paging, last->value) | (lin & 0xfff);
    return large_base(&w->paging, level, last->value) | (lin & ((1ull << (12 + w->paging.bits * level)) - 1));
}

/* The access rights of all entries: bits that all have, and that any has. */
static void path_rights(const struct path *w, uint64_t *all, uint64_t *any)
{
    *all = UINT64_MAX, *any = 0;
    for (unsigned i = w->first; i < w->n; i++)
        *all &= w->step[i].value, *any |= w->step[i].value;
}

static void path_mark(struct x86 *cpu, const struct path *w, bool dirty)
{
    for (unsigned i = w->first; i + 1 < w->n; i++)
        entry_set(cpu, &w->step[i], PTE_A);
    entry_set(cpu, &w->step[w->n - 1], PTE_A | (dirty ? PTE_D : 0));
}

/* Whether the table of the step is memory of one kind for reading and writing; others cannot be watched. */
static bool is_watched(const struct step *s)
{
    return s->page->wr && s->page->wr == s->page->rd;
}

/* ---------------------------------------------------------------- guest-physical addresses */

/* Nested paging treats every access as a user's; that to a guest's table as a write (APM volume 2, 15.25.5). */
static bool nested_allowed(const struct path *w, enum access acc)
{
    uint64_t all, any;
    path_rights(w, &all, &any);
    return all & PTE_U && (acc != ACC_WRITE || all & PTE_W) &&
           !(acc == ACC_EXEC && w->paging.nx && any & PTE_NX);
}

/* Where a guest-physical address is in the machine. `table`: the access is a walk's. *may_write as in struct walk. */
static bool nested_translate(const struct x86 *cpu, struct x86 *mark, uint64_t gpa, enum access acc,
                             bool table, struct ending *e, uint64_t *pa, bool *may_write)
{
    if (cpu_has(cpu, FT_VMX))
        return ept_translate(cpu, mark, gpa, acc, table, e, pa, may_write);
    struct path w = {.paging = paging_nested(cpu)};
    bool found = false;
    if (w.paging.levels > 3 || !(gpa >> 32)) /* a hypervisor in legacy mode has tables for 4 GiB */
        found = follow(cpu, mark, gpa, machine_address, &w, e);
    else
        *e = (struct ending){0};
    if (found && !nested_allowed(&w, acc)) {
        e->error = PF_P;
        found = false;
    }
    if (!found) {
        e->how = NESTED_FAULT;
        const bool tells_fetch = w.paging.nx || cpu->virt.host.cr4 & CR4_SMEP;
        e->error |= PF_U | (acc == ACC_WRITE ? PF_W : 0) | (acc == ACC_EXEC && tells_fetch ? PF_I : 0);
        e->error |= (uint32_t)(table ? NPF_TABLE : NPF_FINAL);
        e->address = gpa;
        return false;
    }
    if (mark) {
        for (unsigned i = 0; i < w.n; i++)
            if (is_watched(&w.step[i]))
                tlb_watch_all(mark, w.step[i].page->wr_meta, w.step[i].page->wr, i >= w.first);
        path_mark(mark, &w, acc == ACC_WRITE);
    }
    *may_write = (acc == ACC_WRITE || w.step[w.n - 1].value & PTE_D) && nested_allowed(&w, ACC_WRITE);
    *pa = path_address(&w, gpa) & physmem_a20_mask(cpu->mem);
    return true;
}

static bool guest_table_address(const struct x86 *cpu, struct x86 *mark, uint64_t at, struct ending *e,
                                uint64_t *pa)
{
    bool may_write;
    const enum access acc = cpu_has(cpu, FT_VMX) ? ACC_READ : ACC_WRITE;
    return nested_translate(cpu, mark, at, acc, true, e, pa, &may_write);
}

/* The end of a walk: the address that the processor's own tables gave, of a guest or of the machine. */
static bool finish(const struct x86 *cpu, struct x86 *mark, enum access acc, struct ending *e, struct walk *w)
{
    bool may_write = true;
    if (!cpu->guest.nested) {
        w->pa &= physmem_a20_mask(cpu->mem);
        return true;
    }
    const bool ok = nested_translate(cpu, mark, w->pa, acc, false, e, &w->pa, &may_write);
    w->may_write &= may_write;
    return ok;
}

static table_address *tables_of(const struct x86 *cpu)
{
    return cpu->guest.nested ? guest_table_address : machine_address;
}

/* ---------------------------------------------------------------- linear addresses */

static void watch_tables(struct x86 *cpu, const struct path *w, uint64_t lin)
{
    for (unsigned i = 0; i < w->n; i++)
        if (is_watched(&w->step[i]) && i < w->first)
            tlb_watch_all(cpu, w->step[i].page->wr_meta, w->step[i].page->wr, false);
        else if (is_watched(&w->step[i]))
            tlb_watch(cpu, w->step[i].page->wr_meta, w->step[i].page->wr, level_of(w, i), lin);
}

/* SMEP, SMAP, WP, U/S, R/W, XD: SDM volume 3 section 4.6. */
static bool allowed(const struct x86 *cpu, uint64_t all, uint64_t any, enum access acc, enum agent agent,
                    bool nx)
{
    bool ac = agent == AS_SUPERVISOR && cpu->flags & FLAG_AC;
    if (acc == ACC_EXEC && nx && any & PTE_NX)
        return false;
    if (agent == AS_USER)
        return all & PTE_U && (acc != ACC_WRITE || all & PTE_W);
    if (all & PTE_U && acc == ACC_EXEC && cpu->cr4 & CR4_SMEP)
        return false;
    if (all & PTE_U && acc != ACC_EXEC && cpu->cr4 & CR4_SMAP && !ac)
        return false;
    return acc != ACC_WRITE || all & PTE_W || !(cpu->cr0 & CR0_WP);
}

/* With EPT the tables of a guest need be writable only if bits are set in them (SDM volume 3, 28.3.3.2). */
static bool marks_allowed(struct x86 *cpu, const struct path *w, bool dirty, struct ending *e)
{
    for (unsigned i = w->first; i < w->n; i++) {
        const uint64_t bits = PTE_A | (dirty && i + 1 == w->n ? PTE_D : 0);
        bool may_write;
        uint64_t pa;
        if ((w->step[i].value & bits) != bits &&
            !nested_translate(cpu, cpu, w->step[i].at, ACC_WRITE, true, e, &pa, &may_write))
            return false;
    }
    return true;
}

/* The walk through the processor's own tables. */
static bool walk_paged(struct x86 *cpu, uint64_t lin, enum access acc, enum agent agent, struct ending *e,
                       struct walk *w)
{
    struct path path = {.paging = paging_of(cpu)};
    const bool nx = path.paging.nx;
    uint64_t all, any;
    const uint32_t who = (acc == ACC_WRITE ? PF_W : 0) | (agent == AS_USER ? PF_U : 0) |
                         (acc == ACC_EXEC && (nx || cpu->cr4 & CR4_SMEP) ? PF_I : 0);
    bool found = follow(cpu, cpu, lin, tables_of(cpu), &path, e);
    if (!found && e->how == NESTED_FAULT)
        return false;
    path_rights(&path, &all, &any);
    if (found && !allowed(cpu, all, any, acc, agent, nx)) {
        *e = (struct ending){.how = FAULT, .error = PF_P};
        found = false;
    }
    if (!found) {
        e->error |= who;
        return false;
    }
    if (cpu->guest.nested && cpu_has(cpu, FT_VMX) && !marks_allowed(cpu, &path, acc == ACC_WRITE, e))
        return false;
    watch_tables(cpu, &path, lin);
    path_mark(cpu, &path, acc == ACC_WRITE);
    w->pa = path_address(&path, lin);
    w->may_write = (acc == ACC_WRITE || path.step[path.n - 1].value & PTE_D) &&
                   allowed(cpu, all, any, ACC_WRITE, agent, nx);
    w->user_page = all & PTE_U;
    return true;
}

static bool walk_whole(struct x86 *cpu, uint64_t lin, enum access acc, enum agent agent, struct walk *w,
                       struct ending *e)
{
    if (!(cpu->cr0 & CR0_PG))
        *w = (struct walk){(uint32_t)lin, true, false};
    else if (!walk_paged(cpu, lin, acc, agent, e, w))
        return false;
    return finish(cpu, cpu, acc, e, w);
}

bool walk_or_fail(struct x86 *cpu, uint64_t lin, enum access acc, enum agent agent, struct walk *w,
                  uint32_t *error)
{
    struct ending e;
    if (walk_whole(cpu, lin, acc, agent, w, &e))
        return true;
    if (e.how == NESTED_FAULT)
        virt_nested_fault(cpu, e.address, lin, e.error, acc == ACC_EXEC);
    *error = e.error;
    return false;
}

void walk(struct x86 *cpu, uint64_t lin, enum access acc, enum agent agent, struct walk *w)
{
    uint32_t error;
    if (!walk_or_fail(cpu, lin, acc, agent, w, &error))
        raise_page_fault(cpu, lin, error);
}

/* ---------------------------------------------------------------- without side effects */

bool mem_translate_peek(const struct x86 *cpu, uint64_t lin, uint64_t *pa)
{
    struct walk w = {.pa = (uint32_t)lin};
    struct ending e;
    if (cpu->cr0 & CR0_PG) {
        struct path path = {.paging = paging_of(cpu)};
        if (!follow(cpu, NULL, lin, tables_of(cpu), &path, &e))
            return false;
        w.pa = path_address(&path, lin);
    }
    if (!finish(cpu, NULL, ACC_READ, &e, &w))
        return false;
    *pa = w.pa;
    return true;
}

/* With nested paging the tables of both are not looked through: this is for code that runs faster with a yes. */
bool walk_needs_no_mark(const struct x86 *cpu, uint64_t lin, enum agent agent, uint64_t *pa)
{
    struct path path = {.paging = paging_of(cpu)};
    uint64_t all, any;
    struct ending e;
    *pa = (uint32_t)lin & physmem_a20_mask(cpu->mem);
    if (cpu->guest.nested || !(cpu->cr0 & CR0_PG))
        return !cpu->guest.nested;
    if (!follow(cpu, NULL, lin, machine_address, &path, &e))
        return false;
    path_rights(&path, &all, &any);
    if (!(all & PTE_A) || !allowed(cpu, all, any, ACC_READ, agent, path.paging.nx))
        return false;
    *pa = path_address(&path, lin) & physmem_a20_mask(cpu->mem);
    return true;
}

bool walk_pdptes(struct x86 *cpu, uint64_t gpa, uint64_t entry[4])
{
    enum { LINEAR = 1 << 7 | 1 << 8 }; /* of the qualification: no linear address led here */
    struct ending e = {0};
    uint64_t pa, v[4];
    bool may_write;
    if (!nested_translate(cpu, cpu, gpa, ACC_READ, true, &e, &pa, &may_write))
        virt_nested_fault(cpu, e.address, 0, e.error & ~(uint32_t)LINEAR, false);
    physmem_read(cpu->mem, pa, v, sizeof v);
    for (unsigned i = 0; i < 4; i++)
        if (v[i] & PTE_P && v[i] & PDPTE_RSVD)
            return false;
    memcpy(entry, v, sizeof v);
    return true;
}

bool walk_nested_peek(const struct x86 *cpu, uint64_t gpa, uint64_t *pa)
{
    struct ending e = {0};
    bool may_write;
    return nested_translate(cpu, NULL, gpa, ACC_READ, false, &e, pa, &may_write);
}

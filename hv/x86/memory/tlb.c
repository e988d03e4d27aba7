/* tlb.c - cached translations: kept for several sets of page tables, and dropped as soon as an entry that
 * they were read from is written. SDM volume 3, 4.10, would allow stale translations; because there are none,
 * a run can continue from a saved state (see cpu.h). For the same reason a translation stays valid while its
 * page tables are not in use: a load of CR3, or of another control register that affects paging, only selects
 * another space. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "hv/x86/exec.h"
#include "hv/x86/memory/walk.h"
#include "hv/x86/system/sys.h"

/* ---------------------------------------------------------------- spaces */

static struct space_key key_now(const struct x86 *cpu)
{
    struct space_key k = {0};
    if (cpu->guest.nested)
        walk_nested_key(cpu, &k);
    if (!(cpu->cr0 & CR0_PG))
        return k;
    k.mode = (cpu->cr0 & (CR0_PG | CR0_WP)) |
             (cpu->cr4 & (CR4_PSE | CR4_PAE | CR4_SMEP | CR4_SMAP | CR4_LA57)) |
             (cpu->efer & (EFER_NXE | EFER_LMA));
    if (long_mode(cpu))
        k.root = cpu->cr3 & PTE_ADDR;
    else if (cpu->cr4 & CR4_PAE && !keeps_pdptes(cpu))
        k.root = cpu->cr3 & CR3_PAE;
    else if (cpu->cr4 & CR4_PAE)
        memcpy(k.pdpte, cpu->pdpte, sizeof k.pdpte);
    else
        k.root = cpu->cr3 & 0xfffff000;
    return k;
}

static bool same_key(const struct space_key *a, const struct space_key *b)
{
    return a->mode == b->mode && a->root == b->root && a->pdpte[0] == b->pdpte[0] &&
           a->pdpte[1] == b->pdpte[1] && a->pdpte[2] == b->pdpte[2] && a->pdpte[3] == b->pdpte[3] &&
           a->nested_root == b->nested_root && a->nested_mode == b->nested_mode;
}

static uint8_t bit_of(const struct x86 *cpu, const struct space *s)
{
    return (uint8_t)(1u << (s - cpu->spaces));
}

/* ---------------------------------------------------------------- tables in use */

static void table_release(struct table_page *t, uint8_t *spaces, uint8_t bit)
{
    if (!(*spaces & bit))
        return;
    *spaces &= (uint8_t)~bit;
    assert(t->live && t->meta->flags & PM_TABLE && "a page table that is in use is watched");
    if (--t->live)
        return;
    t->n = 0;
    t->unmarked = false;
    t->meta->flags &= (uint8_t)~PM_TABLE;
}

/* The space has no translations left: it no longer uses any table. */
static void release_tables(struct x86 *cpu, struct space *s)
{
    unsigned c = cpu->index;
    uint8_t bit = bit_of(cpu, s);
    for (size_t i = 0; i < s->ntables; i++) {
        struct table_page *t = s->tables[i];
        t->listed[c] &= (uint8_t)~bit;
        for (unsigned u = 0; u < t->n; u++)
            table_release(t, &t->use[u].spaces[c], bit);
        table_release(t, &t->many[c], bit);
    }
    s->ntables = 0;
}

static bool unused(const struct table_use *u)
{
    for (unsigned i = 0; i < ENGINE_CPUS; i++)
        if (u->spaces[i])
            return false;
    return true;
}

static struct table_use *find_use(struct table_page *t, uint64_t base, unsigned level)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->use[i].base == base && t->use[i].level == level)
            return &t->use[i];
    return NULL;
}

/* NULL if there is no room. */
static struct table_use *new_use(struct table_page *t, uint64_t base, unsigned level)
{
    unsigned i = 0;
    while (i < t->n && !unused(&t->use[i]))
        i++;
    if (i == TABLE_USES)
        return NULL;
    if (i == t->n)
        t->n++;
    t->use[i] = (struct table_use){.base = base, .level = (uint8_t)level};
    return &t->use[i];
}

static void list_table(struct space *s, struct table_page *t)
{
    s->tables = mem_grow(s->tables, &s->captables, s->ntables + 1, sizeof *s->tables);
    s->tables[s->ntables++] = t;
}

/* Index bits of a level, and bytes of an entry, which differ between 32-bit paging and the other modes. */
static unsigned index_bits(const struct space *s)
{
    return s->key.mode & CR4_PAE ? 9 : 10;
}
static unsigned entry_width(const struct space *s)
{
    return s->key.mode & CR4_PAE ? 8 : 4;
}

/* Counts the space among the users of the table. */
static void use_table(struct x86 *cpu, struct table_page *t, uint8_t *spaces, uint8_t *page)
{
    const uint8_t bit = bit_of(cpu, cpu->space);
    struct pmeta *m = t->meta;
    if (!(*spaces & bit))
        t->live++;
    *spaces |= bit;
    if (!(t->listed[cpu->index] & bit))
        list_table(cpu->space, t);
    t->listed[cpu->index] |= bit;
    if (m->flags & PM_TABLE)
        return;
    m->flags |= PM_TABLE;
    tlb_drop_fast(cpu->mem, m, page);
}

void tlb_watch_all(struct x86 *cpu, struct pmeta *m, uint8_t *page, bool marked)
{
    struct table_page *t = m->table ? m->table : table_page_get(cpu->mem, m);
    t->unmarked |= !marked;
    use_table(cpu, t, &t->many[cpu->index], page);
}

void tlb_watch(struct x86 *cpu, struct pmeta *m, uint8_t *page, unsigned level, uint64_t lin)
{
    struct space *s = cpu->space;
    struct table_page *t = m->table ? m->table : table_page_get(cpu->mem, m);
    uint64_t base = lin & ~((1ull << (12 + index_bits(s) * (level + 1))) - 1);
    struct table_use *u = find_use(t, base, level);
    unsigned c = cpu->index;
    uint8_t bit = bit_of(cpu, s);
    assert(bit && level < 5 && "there are five levels of tables at most");
    if (u && u->spaces[c] & bit)
        return;
    if (!u)
        u = new_use(t, base, level);
    use_table(cpu, t, u ? &u->spaces[c] : &t->many[c], page);
}

/* ---------------------------------------------------------------- filling, flushing */

static const struct tlb_entry no_entry = {TLB_NONE, TLB_NONE, 0, 0};
static const struct itlb_entry no_code = {TLB_NONE, NULL, 0};

static void set_bit(uint64_t *bits, unsigned i)
{
    bits[i / 64] |= 1ull << i % 64;
}
static void clear_bit(uint64_t *bits, unsigned i)
{
    bits[i / 64] &= ~(1ull << i % 64);
}

/* A TLB without entries, none of which is in two lines of the host's cache. */
static void make(struct tlb *t, unsigned size)
{
    enum { CACHE_LINE = 64 };
    assert(size % 64 == 0 && !(size & (size - 1)) && size <= TLB_MOST);
    *t = (struct tlb){mem_check(aligned_alloc(CACHE_LINE, size * sizeof *t->entry)),
                      mem_zero(size / 64, sizeof *t->used), size, 0};
    for (unsigned i = 0; i < size; i++)
        t->entry[i] = no_entry;
}

static void discard(struct tlb *t)
{
    free(t->entry);
    free(t->used);
    *t = (struct tlb){0};
}

/* Entries of all TLBs of the machine. */
static size_t entries_of_all(const struct physmem *pm)
{
    unsigned ncpus;
    struct x86 *const *cpus = physmem_processors(pm, &ncpus);
    size_t n = 0;
    for (unsigned i = 0; i < ncpus * SPACES; i++)
        n += cpus[i / SPACES]->spaces[i % SPACES].tlb[0].size +
             cpus[i / SPACES]->spaces[i % SPACES].tlb[1].size;
    return n;
}

/* The guest walks through its page tables all the time if it uses more pages than the TLB has entries, or pages that contend for one.
 * Neither the guest (see above) nor what notes accesses can see how large a TLB is. */
static void grow(struct x86 *cpu, struct tlb *t)
{
    const struct tlb old = *t;
    t->lost = 0;
    if (old.size >= TLB_MOST || entries_of_all(cpu->mem) + old.size > TLBS_MOST)
        return;
    make(t, old.size * 2);
    for (unsigned i = 0; i < old.size; i++)
        if (old.entry[i].r != TLB_NONE) {
            struct tlb_entry *e = tlb_entry_of(t, old.entry[i].r);
            *e = old.entry[i];
            set_bit(t->used, (unsigned)(e - t->entry));
        }
    free(old.entry);
    free(old.used);
    tlb_select(cpu);
}

/* Returns how many entries may have been filled. */
static unsigned clear_tlb(struct tlb *t)
{
    unsigned n = 0;
    for (unsigned i = 0; i < t->size / 64; i++) {
        n += (unsigned)__builtin_popcountll(t->used[i]);
        for (uint64_t bits = t->used[i]; bits; bits &= bits - 1)
            t->entry[i * 64 + (unsigned)__builtin_ctzll(bits)] = no_entry;
        t->used[i] = 0;
    }
    t->lost = 0;
    return n;
}

static void clear_itlb(struct space *s)
{
    for (unsigned user = 0; user < 2; user++)
        for (unsigned i = 0; i < ITLB_SIZE / 64; i++) {
            for (uint64_t bits = s->iused[user][i]; bits; bits &= bits - 1)
                s->itlb[user][i * 64 + (unsigned)__builtin_ctzll(bits)] = no_code;
            s->iused[user][i] = 0;
        }
}

/* A TLB that has grown, and of which little was used since it was flushed last, becomes smaller. */
static void space_flush(struct x86 *cpu, struct space *s)
{
    if (!s->filled && !s->ntables)
        return;
    for (unsigned user = 0; user < 2; user++) {
        struct tlb *t = &s->tlb[user];
        const unsigned size = t->size;
        if (clear_tlb(t) < size / 8 && size > TLB_SIZE) {
            discard(t);
            make(t, size / 2);
        }
    }
    clear_itlb(s);
    s->filled = false;
    release_tables(cpu, s);
    assert(!s->ntables && "a space without translations uses no table");
    if (s == cpu->space)
        tlb_select(cpu);
}

static void space_start(struct space *s)
{
    for (unsigned user = 0; user < 2; user++)
        make(&s->tlb[user], TLB_SIZE);
    for (unsigned i = 0; i < 2 * ITLB_SIZE; i++)
        s->itlb[i / ITLB_SIZE][i % ITLB_SIZE] = no_code;
}

static void choose(struct x86 *cpu, struct space *s)
{
    assert(s >= cpu->spaces && s < cpu->spaces + SPACES);
    if (!s->tlb[0].entry)
        space_start(s);
    s->used_at = ++cpu->switches;
    cpu->space = s;
    tlb_select(cpu);
}

void tlb_switch(struct x86 *cpu)
{
    struct space_key k = key_now(cpu);
    struct space *oldest = &cpu->spaces[0];
    if (same_key(&k, &cpu->space->key))
        return;
    for (struct space *s = cpu->spaces; s < cpu->spaces + SPACES; s++) {
        if (same_key(&k, &s->key)) {
            choose(cpu, s);
            return;
        }
        if (s->used_at < oldest->used_at)
            oldest = s;
    }
    space_flush(cpu, oldest);
    oldest->key = k;
    choose(cpu, oldest);
}

void tlb_flush(struct x86 *cpu)
{
    for (struct space *s = cpu->spaces; s < cpu->spaces + SPACES; s++)
        space_flush(cpu, s);
    tlb_switch(cpu);
}

void tlb_start(struct x86 *cpu)
{
    cpu->none = no_entry;
    choose(cpu, &cpu->spaces[0]);
}

void tlb_free(struct x86 *cpu)
{
    for (struct space *s = cpu->spaces; s < cpu->spaces + SPACES; s++) {
        space_flush(cpu, s);
        free(s->tables);
        discard(&s->tlb[0]);
        discard(&s->tlb[1]);
    }
}

static void note_fast(struct pmeta *m, uint16_t page)
{
    m->flags |= PM_FAST;
    for (unsigned i = 0; i < m->nfast && i < FAST_SLOTS; i++)
        if (m->fast[i] == page)
            return;
    if (m->nfast < FAST_SLOTS)
        m->fast[m->nfast] = page;
    if (m->nfast < FAST_MANY)
        m->nfast++;
}

static bool may_write_directly(const struct pdesc *d)
{
    return d->wr && d->wr == d->rd && !d->ignore_writes &&
           (d->wr_meta->flags & (PM_SLOW | PM_LINES | PM_CHANGED)) == PM_CHANGED;
}

/* In a page with a watchpoint for writes only those beside it may be direct. */
static bool writes_watched(const struct x86 *cpu, uint64_t lin, uint64_t pa)
{
    for (size_t i = 0; i < cpu->stops.nwatches; i++) {
        const struct stop_point *s = &cpu->stops.list[i];
        const uint64_t at = s->kind == STOPS_WRITE_PHYSICAL ? pa : lin;
        if (s->kind != STOPS_READ && (at & ~0xfffull) <= s->address + s->length - 1 &&
            s->address <= (at | 0xfff))
            return true;
    }
    return false;
}

/* The page may be written directly: all of it, or what is beside its watchpoints. */
static void let_write(const struct x86 *cpu, struct tlb_entry *e, struct pmeta *m)
{
    if (writes_watched(cpu, e->r, e->pa))
        e->pa |= TLB_BESIDE;
    else
        e->w = e->r, e->pa &= ~(uint64_t)TLB_LINES;
    note_fast(m, (uint16_t)(e->r >> 12));
}

void tlb_write_met(struct x86 *cpu, struct tlb_entry *e, uint64_t lin, unsigned n)
{
    const struct pdesc *d = physmem_page(cpu->mem, e->pa);
    if (!(e->pa & TLB_NOTED)) {
        touch_write(cpu->mem, e->r, e->pa);
        e->pa |= TLB_NOTED;
    }
    if (access_note(cpu->mem, lin, e->pa, n, true) != ACCESS_WRITES_FREE)
        return;
    if ((e->w == TLB_NONE || e->pa & TLB_LINES) && !(e->pa & TLB_BESIDE) && may_write_directly(d))
        let_write(cpu, e, d->wr_meta);
}

void tlb_note_lines(struct x86 *cpu, uint64_t lin)
{
    struct tlb_entry *e = tlb_of(cpu, lin);
    const struct pdesc *d = physmem_page(cpu->mem, e->pa);
    if (e->w != TLB_NONE || e->pa & TLB_BESIDE || d->wr != d->rd || cpu->stops.data ||
        access_noting(cpu->mem))
        return;
    e->w = (uintptr_t)d->wr_meta | 1;
    e->pa |= TLB_LINES;
}

void tlb_enter(struct x86 *cpu, uint64_t lin, bool user, uint64_t pa, bool may_write, bool writes)
{
    const struct pdesc *d = physmem_page(cpu->mem, pa);
    const uint64_t page = PAGE_OF(lin);
    struct tlb *t = &cpu->space->tlb[user];
    struct tlb_entry *e = tlb_entry_of(t, lin);
    t->lost += e->r != TLB_NONE && e->r != page;
    if (unlikely(t->lost > t->size)) {
        grow(cpu, t);
        e = tlb_entry_of(t, lin);
    }
    set_bit(t->used, (unsigned)(e - t->entry));
    cpu->space->filled = true;
    *e = (struct tlb_entry){page, TLB_NONE, (uintptr_t)d->rd - page,
                            (pa & ~0xfffull) | (may_write ? TLB_MAY_WRITE : 0) | (writes ? TLB_NOTED : 0)};
    if (may_write && (writes || !(touch_noting(cpu->mem) || access_noting(cpu->mem))) &&
        may_write_directly(d))
        let_write(cpu, e, d->wr_meta);
}

void itlb_enter(struct x86 *cpu, uint64_t lin, uint64_t pa, struct code_page *p)
{
    unsigned slot = lin >> 12 & (ITLB_SIZE - 1), user = cpu->cpl == 3;
    set_bit(cpu->space->iused[user], slot);
    cpu->space->filled = true;
    cpu->space->itlb[user][slot] = (struct itlb_entry){lin & ~0xfffull, p, pa & ~0xfffull};
}

/* ---------------------------------------------------------------- dropping */

static void drop_entry(struct tlb *t, uint64_t lin)
{
    struct tlb_entry *e = tlb_entry_of(t, lin);
    if (e->r != lin)
        return;
    *e = no_entry;
    clear_bit(t->used, (unsigned)(e - t->entry));
}

/* A small TLB is looked through, in a large one the pages are looked up. */
static void drop_entries(struct tlb *t, uint64_t lin, uint64_t size)
{
    enum { QUICK = 16 }; /* entries are looked through in the time in which one is looked up */
    const bool each = size >> 12 < t->size / QUICK;
    for (uint64_t page = lin; each && page - lin < size; page += 0x1000)
        drop_entry(t, page);
    for (unsigned i = 0; !each && i < t->size / 64; i++)
        for (uint64_t bits = t->used[i]; bits; bits &= bits - 1) {
            const uint64_t page = t->entry[i * 64 + (unsigned)__builtin_ctzll(bits)].r;
            if (page - lin < size)
                drop_entry(t, page);
        }
}

static void drop_code_slot(struct x86 *cpu, struct space *s, unsigned user, unsigned slot)
{
    s->itlb[user][slot] = no_code;
    clear_bit(s->iused[user], slot);
    if (s == cpu->space)
        look_again(cpu); /* it may be the page being executed */
}

static void drop_code(struct x86 *cpu, struct space *s, unsigned user, uint64_t lin)
{
    const unsigned slot = lin >> 12 & (ITLB_SIZE - 1);
    if (s->itlb[user][slot].tag == lin)
        drop_code_slot(cpu, s, user, slot);
}

static void drop_code_of(struct x86 *cpu, struct space *s, unsigned user, uint64_t lin, uint64_t size)
{
    for (unsigned i = 0; i < ITLB_SIZE / 64; i++)
        for (uint64_t bits = s->iused[user][i]; bits; bits &= bits - 1) {
            const unsigned slot = i * 64 + (unsigned)__builtin_ctzll(bits);
            if (s->itlb[user][slot].tag - lin < size)
                drop_code_slot(cpu, s, user, slot);
        }
}

static void drop_space(struct x86 *cpu, struct space *s)
{
    space_flush(cpu, s);
    if (s == cpu->space)
        look_again(cpu);
}

static void drop_page(struct x86 *cpu, struct space *s, uint64_t lin)
{
    for (unsigned user = 0; user < 2; user++) {
        drop_entry(&s->tlb[user], lin);
        drop_code(cpu, s, user, lin);
    }
}

/* Drops the area mapped by an entry of the level above the last: its translations, and the use of the table
 * that it points to. (A large page has no such use.) */
static void drop_area(struct x86 *cpu, struct space *s, uint64_t lin, uint64_t size, uint64_t entry)
{
    for (unsigned user = 0; user < 2; user++) {
        drop_entries(&s->tlb[user], lin, size);
        drop_code_of(cpu, s, user, lin, size);
    }
    if (s->key.nested_mode) /* the entry's address is none of the machine's: the table counts as used */
        return;
    uint64_t pa = entry_width(s) == 4 ? entry & 0xfffff000 : entry & PTE_ADDR;
    const struct pdesc *d = physmem_page(cpu->mem, pa & physmem_a20_mask(cpu->mem));
    struct table_page *t = d->wr_meta ? d->wr_meta->table : NULL;
    struct table_use *u = t ? find_use(t, lin, 0) : NULL;
    if (u)
        table_release(t, &u->spaces[cpu->index], bit_of(cpu, s));
}

/* Drops what a present and accessed entry maps; others are not cached. (Every walk sets the accessed bit;
 * PDPTEs of PAE paging have none, but are only read when CR3 is loaded.) */
static void drop_derived(struct x86 *cpu, struct space *s, const struct table_use *use, const uint8_t *page,
                         uint32_t off, uint32_t n)
{
    unsigned width = entry_width(s), bits = index_bits(s), level = use->level;
    uint64_t base = use->base;
    for (uint64_t i = off / width; i <= (off + n - 1) / width; i++) {
        uint64_t v = 0, lin = base + (i << (12 + bits * level));
        memcpy(&v, page + i * width, width);
        if ((v & (PTE_P | PTE_A)) != (PTE_P | PTE_A))
            continue;
        if (level == 0) {
            drop_page(cpu, s, lin);
        } else if (level == 1) {
            drop_area(cpu, s, lin, 1ull << (12 + bits), v);
        } else {
            drop_space(cpu, s);
            return;
        }
    }
}

/* Entries have 4 or 8 bytes: checking 4-byte pieces finds both, since P and A are in the low half. */
static bool may_be_cached(const uint8_t *page, uint32_t off, uint32_t n)
{
    for (uint32_t o = off & ~7u; o < off + n; o += 4) {
        uint32_t v;
        memcpy(&v, page + o, 4);
        if ((v & (PTE_P | PTE_A)) == (PTE_P | PTE_A))
            return true;
    }
    return false;
}

void tlb_table_written(struct physmem *pm, struct pmeta *m, const uint8_t *page, uint32_t off, uint32_t n)
{
    struct table_page *t = m->table;
    unsigned ncpus;
    struct x86 *const *cpus = physmem_processors(pm, &ncpus);
    if (!t->unmarked && !may_be_cached(page, off, n))
        return;
    for (unsigned c = 0; c < ncpus; c++) {
        struct x86 *cpu = cpus[c];
        for (struct space *s = cpu->spaces; s < cpu->spaces + SPACES; s++) {
            uint8_t bit = bit_of(cpu, s);
            if (!(t->listed[cpu->index] & bit))
                continue;
            if (t->many[cpu->index] & bit)
                drop_space(cpu, s);
            for (unsigned u = 0; u < t->n; u++)
                if (t->use[u].spaces[cpu->index] & bit)
                    drop_derived(cpu, s, &t->use[u], page, off, n);
        }
    }
}

static void drop_direct_write(struct tlb_entry *e, const uint8_t *page)
{
    if (e->r == TLB_NONE || e->add + e->r != (uintptr_t)page)
        return;
    e->w = TLB_NONE;
    e->pa &= ~(uint64_t)(TLB_BESIDE | TLB_LINES);
}

static void drop_direct_writes(struct tlb *t, const struct pmeta *m, unsigned nfast, const uint8_t *page)
{
    for (unsigned i = 0; nfast < FAST_MANY && i < nfast; i++)
        drop_direct_write(&t->entry[m->fast[i] & (t->size - 1)], page);
    for (unsigned i = 0; nfast >= FAST_MANY && i < t->size / 64; i++)
        for (uint64_t bits = t->used[i]; bits; bits &= bits - 1)
            drop_direct_write(&t->entry[i * 64 + (unsigned)__builtin_ctzll(bits)], page);
}

void tlb_drop_fast(struct physmem *pm, struct pmeta *m, const uint8_t *page)
{
    unsigned ncpus, nfast = m->nfast;
    struct x86 *const *cpus = physmem_processors(pm, &ncpus);
    if (!(m->flags & PM_FAST))
        return;
    m->flags &= (uint8_t)~PM_FAST;
    m->nfast = 0;
    for (unsigned c = 0; c < ncpus; c++)
        for (unsigned i = 0; i < 2 * SPACES; i++) {
            struct space *s = &cpus[c]->spaces[i / 2];
            if (s->filled)
                drop_direct_writes(&s->tlb[i % 2], m, nfast, page);
        }
}

void tlb_drop_code(struct physmem *pm, const struct code_page *p)
{
    unsigned ncpus;
    struct x86 *const *cpus = physmem_processors(pm, &ncpus);
    for (unsigned c = 0; c < ncpus; c++)
        for (struct space *s = cpus[c]->spaces; s < cpus[c]->spaces + SPACES; s++)
            for (unsigned i = 0; s->filled && i < 2 * ITLB_SIZE; i++)
                if (s->itlb[i / ITLB_SIZE][i % ITLB_SIZE].page == p)
                    s->itlb[i / ITLB_SIZE][i % ITLB_SIZE] = no_code;
}

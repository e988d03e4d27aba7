/* test_tlb.c - cached translations against the page tables, while tables, roots, control registers and memory change at random: whatever
 * is cached, in whatever space of whichever processor, is what a walk would find now. And what is no table, or no code, any more is
 * written directly again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/exec.h"
#include "hv/x86/system/sys.h"
#include "tests/host_asked.h"

/* Memory: pages 16-63 are tables (of any level, also of several at once), 64-127 data and code. */
enum { PAGES = 128, RAM = PAGES << 12, FIRST_TABLE = 16, FIRST_DATA = 64, NCPUS = 2, ROOTS = 12 };

struct machine {
    struct physmem *mem;
    uint8_t *ram;
    struct x86 *cpu[NCPUS];
    struct x86 *walker; /* for walks that leave no trace */
    uint64_t random;
};

static struct machine *machine_new(const char *model)
{
    struct machine *m = mem_zero(1, sizeof *m);
    const struct engine_host host = host_asked();
    m->mem = physmem_create(1ull << 32, &host);
    struct ramblock *ram = physmem_block(m->mem, "ram", RAM);
    physmem_map(m->mem, 0, RAM, ram, 0, ram, 0, false);
    m->ram = ramblock_host(ram);
    for (unsigned i = 0; i < NCPUS; i++)
        assert_non_null(m->cpu[i] = x86_create(m->mem, &x86_empty_bus, i, model, NULL));
    m->walker = aligned_alloc(64, (sizeof *m->walker + 63) & ~(size_t)63);
    memset(m->walker, 0, sizeof *m->walker);
    m->walker->mem = m->mem;
    m->random = 1;
    return m;
}

static void machine_free(struct machine *m)
{
    for (unsigned i = 0; i < NCPUS; i++)
        x86_destroy(m->cpu[i]);
    physmem_destroy(m->mem);
    free(m->walker);
    free(m);
}

static unsigned pick(struct machine *m, unsigned n)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(m->random >> 33) % n;
}

/* ---------------------------------------------------------------- what is right */

enum mode { PAGING32, PAE, LONG, LONG57, NMODES };

static void set_mode(struct x86 *cpu, enum mode mode)
{
    cpu->cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_WP;
    cpu->cr4 = CR4_PSE | (mode == PAGING32 ? 0 : CR4_PAE) | (mode == LONG57 ? CR4_LA57 : 0);
    cpu->efer = mode >= LONG ? EFER_LMA | EFER_LME : 0;
    cpu->mode64 = mode >= LONG;
    cpu->sign_bits = mode == LONG57 ? 7 : 16;
    tlb_flush(cpu);
}

/* Rights that all entries on the way give, and the last one's dirty bit; 0: not mapped. The entry's own bits. */
static uint64_t rights(struct machine *m, const struct space *s, uint64_t lin)
{
    bool pae = s->key.mode & CR4_PAE, lm = s->key.mode & EFER_LMA;
    unsigned levels = !lm ? 2 : s->key.mode & CR4_LA57 ? 5 : 4, bits = pae ? 9 : 10, width = pae ? 8 : 4;
    uint64_t table = pae && !lm ? s->key.pdpte[lin >> 30 & 3] & PTE_ADDR : s->key.root, all = UINT64_MAX,
             v = 0;
    for (unsigned level = levels; level--;) {
        v = 0;
        memcpy(&v, m->ram + table + (lin >> (12 + bits * level) & ((1u << bits) - 1)) * width, width);
        all &= v;
        if (!(all & PTE_P))
            return 0;
        if ((level == 1 || (level == 2 && lm)) && v & PTE_PS)
            break;
        table = v & (width == 4 ? 0xfffff000 : PTE_ADDR);
    }
    return (all & (PTE_P | PTE_W | PTE_U | PTE_A)) | (v & PTE_D);
}

static void check_entry(struct machine *m, const struct space *s, uint64_t lin, uint64_t pa, bool user,
                        bool write)
{
    uint64_t found, r = rights(m, s, lin);
    struct x86 *walker = m->walker;
    walker->cr0 = s->key.mode & (CR0_PG | CR0_WP);
    walker->cr4 = s->key.mode & (CR4_PSE | CR4_PAE | CR4_LA57);
    walker->efer = s->key.mode & (EFER_LMA | EFER_NXE);
    walker->cr3 = s->key.root;
    memcpy(walker->pdpte, s->key.pdpte, sizeof walker->pdpte);
    assert_true(mem_translate_peek(walker, lin, &found));
    assert_int_equal(found, pa);
    assert_true(r & PTE_A);
    assert_true(!user || r & PTE_U);
    assert_true(!write || (r & PTE_D && (r & PTE_W || (!user && !(s->key.mode & CR0_WP)))));
}

static void check_space(struct machine *m, const struct space *s)
{
    if (!(s->key.mode & CR0_PG))
        return;
    for (unsigned k = 0; k < s->tlb[0].size + s->tlb[1].size; k++) {
        const bool user = k >= s->tlb[0].size;
        const unsigned i = user ? k - s->tlb[0].size : k;
        const struct tlb_entry *e = &s->tlb[user].entry[i];
        if (e->r == TLB_NONE) {
            assert_true(e->w == TLB_NONE);
            continue;
        }
        assert_true(s->tlb[user].used[i / 64] >> i % 64 & 1);
        assert_ptr_equal(e, tlb_entry_of(&s->tlb[user], e->r));
        check_entry(m, s, e->r, PAGE_OF(e->pa), user, e->pa & 1);
        assert_ptr_equal((uint8_t *)(e->add + e->r), m->ram + PAGE_OF(e->pa));
        if (e->w == TLB_NONE)
            continue;
        assert_true(e->w == e->r && e->pa & 1);
        const struct pdesc *d = physmem_page(m->mem, e->pa);
        assert_int_equal(d->wr_meta->flags & (PM_SLOW | PM_CHANGED | PM_FAST), PM_CHANGED | PM_FAST);
    }
    for (unsigned i = 0; i < 2 * ITLB_SIZE; i++) {
        const struct itlb_entry *e = &s->itlb[i / ITLB_SIZE][i % ITLB_SIZE];
        if (e->tag == TLB_NONE)
            continue;
        assert_true(s->iused[i / ITLB_SIZE][i % ITLB_SIZE / 64] >> i % 64 & 1);
        check_entry(m, s, PAGE_OF(e->tag), e->pa, e->tag & 1, false);
        assert_ptr_equal(e->page->host, m->ram + e->pa);
        assert_true(e->page->meta->flags & PM_CODE);
    }
}

static void check_all(struct machine *m)
{
    for (unsigned c = 0; c < NCPUS; c++)
        for (unsigned i = 0; i < SPACES; i++)
            check_space(m, &m->cpu[c]->spaces[i]);
}

/* ---------------------------------------------------------------- what happens */

/* Few linear addresses, some of which share slots, and many tables that all look alike: so the same page serves as table of several
 * levels, at several addresses, and as data. */
static uint64_t some_address(struct machine *m, enum mode mode)
{
    uint64_t low = (uint64_t)pick(m, 3) << 12 | (uint64_t)pick(m, 2) << 20 | pick(m, 1023) * 4;
    uint64_t high = mode >= LONG ? (uint64_t)pick(m, 2) << 30 | (uint64_t)pick(m, 2) << 39 |
                                       (pick(m, 2) ? 0xffff800000000000 : 0)
                                 : (uint64_t)pick(m, 4) << 30;
    if (mode == LONG57) /* the fifth level's first entry, or its first of the upper half */
        high ^= pick(m, 2) ? 0x00ff000000000000 : 0;
    return low | high | (uint64_t)pick(m, 2) << 22;
}

static uint64_t some_entry(struct machine *m)
{
    static const uint64_t flags[] = {0, 7, 7, 0x27, 0x67, 0x67, 0x65, 0x63, 3, 0x80 | 0x67, 0x25};
    unsigned page = pick(m, 4) ? FIRST_TABLE + pick(m, PAGES - FIRST_TABLE) : FIRST_TABLE + pick(m, 8);
    uint64_t f = flags[pick(m, sizeof flags / sizeof flags[0])];
    return f & PTE_PS ? f : (uint64_t)page << 12 | f; /* large pages: the first one */
}

static void store_entry(struct machine *m, enum mode mode)
{
    uint64_t v = some_entry(m);
    unsigned width = mode == PAGING32 ? 4 : 8,
             index = pick(m, 8) ? pick(m, 4) << pick(m, 2) * 8 : pick(m, 4096 / width);
    uint64_t at = (uint64_t)(FIRST_TABLE + pick(m, FIRST_DATA - FIRST_TABLE)) << 12 | index * width % 4096;
    physmem_write(m->mem, at, &v, pick(m, 4) ? width : 2);
}

static void access(struct machine *m, struct x86 *cpu, enum mode mode)
{
    jmp_buf here;
    struct op op = {0};
    uint64_t lin = some_address(m, mode), pa;
    unsigned what = pick(m, 4);
    uint32_t v = pick(m, 2) ? (uint32_t)some_entry(m) : 0x90909090;
    cpu->cpl = pick(m, 2) ? 3 : 0;
    tlb_select(cpu);
    cpu->unwind = &here;
    if (setjmp(here))
        return;
    if (what == 0)
        fetch_page(cpu, lin, &pa);
    else if (what == 1)
        ld32(cpu, &op, lin);
    else
        st32(cpu, &op, lin, v);
}

static void choose_root(struct machine *m, struct x86 *cpu, enum mode mode)
{
    cpu->cr3 = (uint64_t)(FIRST_TABLE + pick(m, ROOTS)) << 12;
    for (unsigned i = 0; mode == PAE && i < 4; i++)
        cpu->pdpte[i] = (uint64_t)(FIRST_TABLE + pick(m, 3)) << 12 | pick(m, 8) % 7 % 2 | 1;
    tlb_switch(cpu);
}

/* All tables begin with entries to one another and to data, so that walks get somewhere. */
static void fill_tables(struct machine *m, enum mode mode)
{
    unsigned width = mode == PAGING32 ? 4 : 8;
    for (uint64_t at = FIRST_TABLE << 12; at < FIRST_DATA << 12; at += width) {
        uint64_t v = some_entry(m) | 7;
        physmem_write(m->mem, at, &v, width);
    }
}

static void churn(void **state, enum mode mode)
{
    struct machine *m = machine_new(*state);
    fill_tables(m, mode);
    for (unsigned c = 0; c < NCPUS; c++) {
        set_mode(m->cpu[c], mode);
        choose_root(m, m->cpu[c], mode);
    }
    const unsigned n = strcmp(*state, "max") ? 10000 : 60000; /* the models share what is tried here */
    for (unsigned i = 0; i < n; i++) {
        struct x86 *cpu = m->cpu[pick(m, NCPUS)];
        unsigned what = pick(m, 40);
        if (what == 0)
            choose_root(m, cpu, mode);
        else if (what == 1)
            cpu->cr0 ^= CR0_WP, tlb_switch(cpu);
        else if (what < 6)
            store_entry(m, mode);
        else if (what == 6 && !pick(m, 200))
            tlb_flush(cpu);
        else if (what == 7 && !pick(m, 200))
            code_flush(m->mem);
        else
            access(m, cpu, mode);
        if (i % 64 == 0)
            check_all(m);
    }
    machine_free(m);
}

static void test_32(void **state)
{
    churn(state, PAGING32);
}
static void test_pae(void **state)
{
    churn(state, PAE);
}
static void test_long(void **state)
{
    churn(state, LONG);
}
static void test_long57(void **state)
{
    churn(state, LONG57);
}

/* ---------------------------------------------------------------- a table that is none any more */

static const struct pmeta *meta_of(struct machine *m, unsigned page)
{
    return physmem_page(m->mem, (uint64_t)page << 12)->wr_meta;
}

static void put32(struct machine *m, unsigned page, unsigned index, uint32_t v)
{
    physmem_write(m->mem, ((uint64_t)page << 12) + 4 * index, &v, 4);
}

/* Page 17 is a table at 0, of both processors, and mapped by it as data at 1000h. */
static void test_forgotten(void **state)
{
    struct machine *m = machine_new(*state);
    struct op op = {0};
    jmp_buf here;
    put32(m, 16, 0, 17 << 12 | 7);
    put32(m, 16, 1, 18 << 12 | 7);
    put32(m, 17, 0, 64 << 12 | 7);
    put32(m, 18, 1, 17 << 12 | 0x67);
    for (unsigned c = 0; c < NCPUS; c++) {
        m->cpu[c]->unwind = &here;
        m->cpu[c]->cr3 = 16 << 12;
        set_mode(m->cpu[c], PAGING32);
        assert_false(setjmp(here));
        ld32(m->cpu[c], &op, 4);
        st32(m->cpu[c], &op, 0x401ff0, 1);
    }
    assert_true(meta_of(m, 17)->flags & PM_TABLE);
    assert_null(host_w(m->cpu[0], 0x401000, 4));
    put32(m, 17, 5, 65 << 12 | 0x67); /* nobody has read this entry */
    assert_non_null(host_r(m->cpu[1], 4, 4));
    put32(m, 16, 0, 0); /* the directory's entry goes, and with it all use of the table */
    for (unsigned c = 0; c < NCPUS; c++) {
        assert_null(host_r(m->cpu[c], 4, 4));
        assert_non_null(host_r(m->cpu[c], 0x401000, 4));
    }
    assert_false(meta_of(m, 17)->flags & PM_TABLE);
    for (unsigned c = 0; c < NCPUS; c++) {
        st32(m->cpu[c], &op, 0x401ff0, 2);
        assert_non_null(host_w(m->cpu[c], 0x401000, 4));
    }
    assert_true(meta_of(m, 16)->flags & PM_TABLE);
    machine_free(m);
}

/* CR3 and back: what was cached is there, and a write to the tables of the space that is not in use has dropped what it changes. */
static void test_kept(void **state)
{
    struct machine *m = machine_new(*state);
    struct x86 *cpu = m->cpu[0];
    struct op op = {0};
    jmp_buf here;
    for (unsigned root = 16; root < 18; root++)
        put32(m, root, 0, (root + 2) << 12 | 7);
    for (unsigned i = 0; i < 2; i++) {
        put32(m, 18, i, (64 + i) << 12 | 7);
        put32(m, 19, i, (66 + i) << 12 | 7);
    }
    cpu->unwind = &here;
    cpu->cr3 = 16 << 12;
    set_mode(cpu, PAGING32);
    assert_false(setjmp(here));
    ld32(cpu, &op, 0);
    ld32(cpu, &op, 0x1000);
    cpu->cr3 = 17 << 12;
    tlb_switch(cpu);
    assert_null(host_r(cpu, 0, 4));
    ld32(cpu, &op, 0);
    put32(m, 18, 1, 70 << 12 | 7);
    cpu->cr3 = 16 << 12;
    tlb_switch(cpu);
    assert_ptr_equal(host_r(cpu, 0, 4), m->ram + (64 << 12));
    assert_null(host_r(cpu, 0x1000, 4));
    m->ram[70 << 12] = 0x55;
    assert_int_equal(ld8(cpu, &op, 0x1000), 0x55);
    machine_free(m);
}

/* ---------------------------------------------------------------- code that is none any more */

/* Stores beside the code until the page is written directly. Returns how many. */
static unsigned stores_until_direct(struct x86 *cpu, uint64_t page)
{
    struct op op = {0};
    unsigned n = 0;
    for (; n < 1 << 20 && !host_w(cpu, page, 4); n++)
        mem_store(cpu, &op, page + 0x800, 4, n);
    return n;
}

/* Both processors have executed page 64, which one of them then uses for data. */
static void test_code_forgotten(void **state)
{
    struct machine *m = machine_new(*state);
    struct x86 *cpu = m->cpu[0];
    uint64_t page = 64 << 12, pa;
    jmp_buf here;
    unsigned before = 0;
    cpu->unwind = &here;
    assert_false(setjmp(here));
    for (unsigned turn = 0; turn < 4; turn++) {
        for (unsigned c = 0; c < NCPUS; c++)
            fetch_page(m->cpu[c], page, &pa);
        assert_null(host_w(cpu, page, 4));
        unsigned n = stores_until_direct(cpu, page);
        assert_true(n > before && n < 1 << 20); /* what is executed again keeps its code for longer */
        assert_false(meta_of(m, 64)->flags & PM_CODE);
        before = n;
        check_all(m);
    }
    machine_free(m);
}

/* A loop that counts in its own page, and is dropped while it runs: it makes the same steps. */
static void test_code_beside(void **state)
{
    static const uint8_t loop[] = {0x89, 0x0e, 0x00, 0x08,
                                   0x40, 0xe2, 0xf9}; /* MOV [800h], CX; INC AX; LOOP */
    enum { TURNS = 60000 };
    struct machine *m = machine_new(*state);
    struct x86 *cpu = m->cpu[0];
    uint64_t page = 64 << 12, done;
    physmem_write(m->mem, page, loop, sizeof loop);
    x86_set_segment(cpu, "cs", 64 << 8, page, 0xffff, 0x9b);
    x86_set_segment(cpu, "ds", 64 << 8, page, 0xffff, 0x93);
    cpu->gpr[REG_RIP] = 0;
    cpu->gpr[RAX] = 0;
    cpu->gpr[RCX] = TURNS;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(x86_run(cpu, TURNS, &done), X86_DONE);
        assert_int_equal(done, TURNS);
        assert_int_equal(cpu->gpr[RAX], TURNS / 3 * (i + 1));
        assert_int_equal(m->ram[page + 0x800] | m->ram[page + 0x801] << 8, TURNS - TURNS / 3 * (i + 1) + 1);
    }
    assert_int_equal(cpu->gpr[REG_RIP], sizeof loop);
    machine_free(m);
}

/* Each on every model that has what it needs. */
static const struct {
    const char *name;
    CMUnitTestFunction run;
    enum feature needs;
} tests[] = {
    {"forgotten", test_forgotten, FT_BASE},
    {"kept", test_kept, FT_BASE},
    {"32", test_32, FT_BASE},
    {"pae", test_pae, FT_BASE},
    {"long", test_long, FT_LM},
    {"long57", test_long57, FT_LA57},
    {"code_forgotten", test_code_forgotten, FT_BASE},
    {"code_beside", test_code_beside, FT_BASE},
};
enum { NTESTS = sizeof tests / sizeof tests[0] };

int main(void)
{
    int failed = 0;
    for (unsigned i = 0; x86_model(i); i++) {
        struct CMUnitTest group[NTESTS];
        size_t n = 0;
        struct machine *m = machine_new(x86_model(i));
        for (unsigned k = 0; k < NTESTS; k++)
            if (cpu_has(m->cpu[0], tests[k].needs))
                group[n++] = (struct CMUnitTest){
                    .name = tests[k].name, .test_func = tests[k].run, .initial_state = (char *)x86_model(i)};
        machine_free(m);
        failed += _cmocka_run_group_tests(x86_model(i), group, n, NULL, NULL);
    }
    return failed;
}

/* space.c - address spaces: page tables, page faults, copies to and from programs.
 *
 * Page tables are the processor's own, with four levels, in frames of the programs' memory. A page is present
 * only once it was used. Private pages are shared, read-only, until one of their users writes. */
#include <assert.h>
#include <signal.h>
#include <sys/mman.h>

#include "uml/files.h"
#include "uml/memory.h"

#define PTE_P    1ull
#define PTE_W    2ull
#define PTE_U    4ull
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* ---------------------------------------------------------------- page tables */

static uint64_t pte_get(const struct host *h, uint64_t pa)
{
    uint64_t v;
    memcpy(&v, h->memory + pa, 8);
    return v;
}

static void pte_set(struct host *h, uint64_t pa, uint64_t v)
{
    physmem_write(h->mem, pa, &v, 8);
}

/* The physical address of the entry for `addr`; 0 if there is no table (and `make` is false, or no memory). */
static uint64_t pte_find(struct host *h, uint64_t root, uint64_t addr, bool make)
{
    uint64_t table = root;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t at_ = table + (addr >> shift & 511) * 8, e = pte_get(h, at_);
        if (!(e & PTE_P)) {
            uint32_t f = make ? frame_new(h) : 0;
            if (!f)
                return 0;
            e = frame_address(f) | PTE_P | PTE_W | PTE_U;
            pte_set(h, at_, e);
        }
        table = e & PTE_ADDR;
    }
    return table + (addr >> 12 & 511) * 8;
}

bool space_lookup(const struct host *h, uint64_t root, uint64_t addr, uint64_t *pa)
{
    uint64_t table = root;
    if (!root || addr >= USER_END)
        return false;
    for (unsigned shift = 39; shift >= 12; shift -= 9) {
        uint64_t e = pte_get(h, table + (addr >> shift & 511) * 8);
        if (!(e & PTE_P))
            return false;
        table = e & PTE_ADDR;
    }
    *pa = table | (addr & (PAGE - 1));
    return true;
}

/* The next address at or after `addr` whose last-level table exists: whole missing tables are skipped. */
static uint64_t next_table(struct host *h, uint64_t root, uint64_t addr, uint64_t end)
{
    while (addr < end) {
        uint64_t table = root;
        unsigned shift = 39;
        for (; shift > 12; shift -= 9) {
            uint64_t e = pte_get(h, table + (addr >> shift & 511) * 8);
            if (!(e & PTE_P))
                break;
            table = e & PTE_ADDR;
        }
        if (shift == 12)
            return addr;
        addr = ((addr >> shift) + 1) << shift;
    }
    return end;
}

typedef void pte_fn(struct host *h, struct mm *m, uint64_t addr, uint64_t pte, void *ctx);

/* Calls fn for each present page of the range. */
static void each_page(struct host *h, struct mm *m, uint64_t start, uint64_t end, pte_fn *fn, void *ctx)
{
    for (uint64_t a = next_table(h, m->root, start, end); a < end; a = next_table(h, m->root, a, end)) {
        uint64_t stop = (a | 0x1fffff) + 1, pte = pte_find(h, m->root, a, false);
        for (; a < end && a < stop; a += PAGE, pte += 8)
            if (pte_get(h, pte) & PTE_P)
                fn(h, m, a, pte, ctx);
    }
}

static void zap_one(struct host *h, struct mm *m, uint64_t addr, uint64_t pte, void *ctx)
{
    uint32_t f = (uint32_t)((pte_get(h, pte) & PTE_ADDR) / PAGE);
    pte_set(h, pte, 0);
    frame_drop(h, f);
    m->pages--;
}

void space_zap(struct host *h, struct mm *m, uint64_t start, uint64_t end)
{
    each_page(h, m, start, end, zap_one, NULL);
}

static void drop_tables(struct host *h, uint64_t table, unsigned level)
{
    for (unsigned i = 0; level && i < 512; i++) {
        uint64_t e = pte_get(h, table + i * 8);
        if (e & PTE_P)
            drop_tables(h, e & PTE_ADDR, level - 1);
    }
    frame_drop(h, (uint32_t)(table / PAGE));
}

/* ---------------------------------------------------------------- protection */

static uint64_t pte_bits(const struct area *v, bool writable)
{
    return PTE_P | PTE_U | (writable ? PTE_W : 0) | (v->prot & PROT_EXEC ? 0 : PTE_NX);
}

static void protect_one(struct host *h, struct mm *m, uint64_t addr, uint64_t pte, void *ctx)
{
    const struct area *v = ctx;
    uint64_t e = pte_get(h, pte);
    if (!(v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC))) {
        pte_set(h, pte, (e & PTE_ADDR) | PTE_P | PTE_NX); /* kept, but not for the program */
        return;
    }
    bool writable = v->prot & PROT_WRITE && v->flags & AREA_SHARED;
    pte_set(h, pte,
            (e & PTE_ADDR) | pte_bits(v, writable)); /* private pages fault once, and are then writable */
}

void space_protect(struct host *h, struct mm *m, struct area *v)
{
    each_page(h, m, v->start, v->end, protect_one, v);
}

/* ---------------------------------------------------------------- address spaces */

ref mm_new(struct host *h)
{
    uint32_t f = frame_new(h);
    ref r = f ? arena_new(h, sizeof(struct mm)) : 0;
    if (!r) {
        if (f)
            frame_drop(h, f);
        return 0;
    }
    areas_forget(h, r);
    MM(r)->refs = 1;
    MM(r)->root = frame_address(f);
    return r;
}

void mm_drop(struct host *h, ref r)
{
    assert(!r || MM(r)->refs);
    if (!r || --MM(r)->refs)
        return;
    struct mm *m = MM(r);
    area_unmap(h, m, 0, USER_END);
    drop_tables(h, m->root, 3);
    if (m->program)
        inode_drop(h, m->program);
    areas_forget(h, r);
    arena_free(h, r, sizeof *m);
}

struct copying {
    struct mm *to;
    const struct area *area;
    int rc;
};

static void copy_one(struct host *h, struct mm *from, uint64_t addr, uint64_t pte, void *ctx)
{
    struct copying *c = ctx;
    uint64_t e = pte_get(h, pte), to = c->rc ? 0 : pte_find(h, c->to->root, addr, true);
    if (!to) {
        c->rc = -ENOMEM;
        return;
    }
    if (!(c->area->flags & AREA_SHARED) && e & PTE_W)
        pte_set(h, pte, e &= ~PTE_W);
    pte_set(h, to, e);
    frame_hold(h, (uint32_t)((e & PTE_ADDR) / PAGE));
    c->to->pages++;
}

ref mm_copy(struct host *h, struct mm *from)
{
    ref r = mm_new(h);
    if (!r)
        return 0;
    struct mm *m = MM(r);
    uint64_t root = m->root;
    *m = *from;
    m->root = root;
    m->refs = 1;
    m->areas = 0;
    m->pages = 0;
    if (m->program)
        inode_hold(h, m->program);
    struct copying c = {.to = m};
    for (ref a = from->areas, *link = &m->areas; a && !c.rc; a = AREA(a)->next) {
        const struct area *v = c.area = AREA(a);
        if (v->flags & AREA_NOFORK)
            continue;
        ref n = arena_new(h, sizeof *v);
        if (!n) {
            c.rc = -ENOMEM;
            break;
        }
        *AREA(n) = *v;
        AREA(n)->next = 0;
        if (v->inode)
            inode_hold(h, v->inode);
        *link = n;
        link = &AREA(n)->next;
        /* Pages of a file are found again when they are used, as Linux does it: most copies execute or exit before. */
        if (!(v->flags & (AREA_WIPE | AREA_SHARED)))
            each_page(h, from, v->start, v->end, copy_one, &c);
    }
    if (c.rc) {
        mm_drop(h, r);
        return 0;
    }
    return r;
}

/* ---------------------------------------------------------------- page faults */

static bool allowed(const struct area *v, unsigned access)
{
    if (access & ACCESS_FORCE)
        return !(access & ACCESS_WRITE) || !(v->flags & AREA_SHARED) || v->prot & PROT_WRITE;
    if (access & ACCESS_WRITE)
        return v->prot & PROT_WRITE;
    if (access & ACCESS_EXEC)
        return v->prot & PROT_EXEC;
    return v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* The stack grows down to an address close below it, within its limit. */
static struct area *grow(struct host *h, struct mm *m, uint64_t addr)
{
    struct area *v = area_find(h, m, addr);
    if (!v || !(v->flags & AREA_GROWS) || v->end - addr > 8u << 20)
        return NULL;
    uint64_t start = addr & ~(uint64_t)(PAGE - 1);
    for (ref r = m->areas; r && AREA(r) != v; r = AREA(r)->next)
        if (AREA(r)->end + 256 * PAGE > start)
            return NULL; /* too close to the area below it */
    v->start = start;
    return v;
}

/* The frame that belongs at `addr`, with one user more: a page of the file, or a new one. */
static uint32_t frame_for(struct host *h, struct area *v, uint64_t addr, int *code)
{
    if (!v->inode)
        return frame_new(h);
    uint64_t index = (v->offset + (addr - v->start)) / PAGE;
    if (index * PAGE >= INODE(v->inode)->size) {
        *code = 2; /* BUS_ADRERR */
        return 0;
    }
    uint32_t f = inode_page(h, v->inode, index, true);
    if (f)
        frame_hold(h, f);
    return f;
}

/* A page of its own for a private area. */
static uint32_t copied(struct host *h, uint32_t old)
{
    uint32_t f = frame_new(h);
    if (f)
        physmem_write(h->mem, frame_address(f), h->memory + frame_address(old), PAGE);
    return f;
}

static int no_frame(int *code)
{
    if (*code)
        return SIGBUS;
    *code = 0;
    return SIGKILL; /* no memory is left */
}

static int make_present(struct host *h, struct mm *m, struct area *v, uint64_t addr, unsigned access,
                        int *code)
{
    uint64_t pte = pte_find(h, m->root, addr, true), e = pte ? pte_get(h, pte) : 0;
    bool write = access & ACCESS_WRITE, own = !(v->flags & AREA_SHARED);
    uint32_t f = (uint32_t)((e & PTE_ADDR) / PAGE);
    if (!pte)
        return no_frame(code);
    if (!(e & PTE_P)) {
        f = frame_for(h, v, addr, code);
        if (!f)
            return no_frame(code);
        m->pages++;
    }
    if (write && own && frame_users(h, f) > 1) {
        uint32_t copy = copied(h, f);
        frame_drop(h, f);
        if (!copy) {
            pte_set(h, pte, 0);
            m->pages--;
            return no_frame(code);
        }
        f = copy;
    }
    bool writable = v->prot & PROT_WRITE && (!own || frame_users(h, f) == 1);
    uint64_t bits = v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC) ? pte_bits(v, writable) : PTE_P | PTE_NX;
    if ((e & ~0x60ull) != (frame_address(f) | bits))
        pte_set(h, pte, frame_address(f) | bits);
    return 0;
}

int space_fault(struct host *h, struct mm *m, uint64_t addr, unsigned access, int *code)
{
    *code = 0;
    if (addr >= USER_END) {
        *code = 1;
        return SIGSEGV;
    }
    struct area *v = area_at(h, m, addr);
    if (!v)
        v = grow(h, m, addr);
    if (!v || !allowed(v, access)) {
        *code = v ? 2 : 1; /* SEGV_ACCERR, SEGV_MAPERR */
        return SIGSEGV;
    }
    return make_present(h, m, v, addr & ~(uint64_t)(PAGE - 1), access, code);
}

static void zap_part(struct host *h, struct mm *m, struct area *v, uint64_t first, uint64_t end)
{
    uint64_t from = v->offset, to = v->offset + (v->end - v->start);
    from = first > from ? first : from;
    to = end < to ? end : to;
    if (from < to)
        space_zap(h, m, v->start + (from - v->offset), v->start + (to - v->offset));
}

void space_zap_inode(struct host *h, ref inode, uint64_t first, uint64_t end)
{
    for (ref t = h->r.tasks; t; t = TASK(t)->next)
        for (ref a = TASK(t)->mm ? MM(TASK(t)->mm)->areas : 0; a; a = AREA(a)->next)
            if (AREA(a)->inode == inode)
                zap_part(h, MM(TASK(t)->mm), AREA(a), first, end);
}

int space_move(struct host *h, struct mm *m, uint64_t from, uint64_t to, uint64_t size)
{
    for (uint64_t o = 0; o < size; o += PAGE) {
        uint64_t old = pte_find(h, m->root, from + o, false), e = old ? pte_get(h, old) : 0;
        if (!(e & PTE_P))
            continue;
        uint64_t pte = pte_find(h, m->root, to + o, true);
        if (!pte)
            return -ENOMEM;
        pte_set(h, old, 0);
        pte_set(h, pte, e);
    }
    return 0;
}

/* ---------------------------------------------------------------- copies */

/* The physical address of a program's page for an access; 0 if it may not. */
static uint64_t user_page(struct host *h, struct mm *m, uint64_t addr, unsigned access)
{
    uint64_t pte, e, need = PTE_P | (access & ACCESS_WRITE ? PTE_W : 0) | (access & ACCESS_FORCE ? 0 : PTE_U);
    int code;
    if (addr >= USER_END)
        return 0;
    pte = pte_find(h, m->root, addr, false);
    e = pte ? pte_get(h, pte) : 0;
    if ((e & need) != need) {
        if (space_fault(h, m, addr, access, &code))
            return 0;
        e = pte_get(h, pte_find(h, m->root, addr, false));
    }
    return e & PTE_ADDR;
}

static size_t user_copy(struct host *h, struct mm *m, uint64_t addr, void *buf, size_t n, unsigned access)
{
    size_t done = 0;
    while (done < n) {
        size_t off = (addr + done) % PAGE, part = PAGE - off < n - done ? PAGE - off : n - done;
        uint64_t pa = user_page(h, m, addr + done, access);
        if (!pa)
            break;
        if (access & ACCESS_WRITE)
            physmem_write(h->mem, pa + off, (char *)buf + done, part);
        else
            memcpy((char *)buf + done, h->memory + pa + off, part);
        done += part;
    }
    return done;
}

int user_read(struct host *h, struct mm *m, uint64_t addr, void *buf, size_t n)
{
    return user_copy(h, m, addr, buf, n, ACCESS_READ) == n ? 0 : -EFAULT;
}
int user_write(struct host *h, struct mm *m, uint64_t addr, const void *buf, size_t n)
{
    return user_copy(h, m, addr, (void *)buf, n, ACCESS_WRITE) == n ? 0 : -EFAULT;
}
size_t user_peek(struct host *h, struct mm *m, uint64_t addr, void *buf, size_t n)
{
    return user_copy(h, m, addr, buf, n, ACCESS_READ | ACCESS_FORCE);
}
size_t user_poke(struct host *h, struct mm *m, uint64_t addr, const void *buf, size_t n)
{
    return user_copy(h, m, addr, (void *)buf, n, ACCESS_WRITE | ACCESS_FORCE);
}

int user_string(struct host *h, struct mm *m, uint64_t addr, char *buf, size_t size)
{
    for (size_t n = 0; n < size;) {
        size_t part = PAGE - (addr + n) % PAGE;
        part = part < size - n ? part : size - n;
        uint64_t pa = user_page(h, m, addr + n, ACCESS_READ);
        if (!pa)
            return -EFAULT;
        memcpy(buf + n, h->memory + pa + (addr + n) % PAGE, part);
        char *end = memchr(buf + n, 0, part);
        if (end)
            return (int)(end - buf);
        n += part;
    }
    return -ENAMETOOLONG;
}

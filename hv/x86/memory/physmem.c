/* physmem.c - guest-physical memory: blocks, the page map, and the per-page records that keep decoded code
 * and TLBs coherent. */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "hv/x86/cpu.h"

/* CHUNK, GROUP, DENSE: pages. */
enum { PAGE = SNAPSHOT_PAGE, CHUNK = MEM_HUGE_PAGE / PAGE, GROUP = 16, DENSE = CHUNK / 2 };
enum { MADE_BITS = 64 };
_Static_assert(MADE_BITS % GROUP == 0 && CHUNK % MADE_BITS == 0, "a group's bits are in one word");

/* What is known of CHUNK pages, so that a save need not look at each page of a large memory of which little is used. */
struct chunk {
    uint32_t epoch;                   /* the latest of its pages' */
    bool changed, ever;               /* whether a page has PM_CHANGED, PM_EVER */
    uint64_t made[CHUNK / MADE_BITS]; /* of which pages the host has made the memory, one bit each */
};

struct ramblock {
    char name[16];
    uint8_t *host;
    uint64_t npages;
    struct pmeta *meta;
    struct chunk *chunk;
    bool may_fetch;
    struct mem_pace pace; /* of making groups and chunks */
    struct ramblock *next;
};

/* Where something is mapped. */
struct mapping {
    struct ramblock *read, *write;
    uint64_t read_offset, write_offset;
    bool ignore_writes;
};

/* CHUNK pages of the map. Their descriptors are only made when one is asked for: of a large memory most never are. */
struct stretch {
    struct mapping whole; /* how all of them are mapped, if `pending` */
    bool pending, made;   /* made: the descriptors say how they are mapped; neither: they are not */
};

struct physmem {
    struct pdesc *page;
    struct stretch *stretch;
    uint64_t npages;
    struct pdesc nothing;
    bool a20, keeps_zeros;
    uint64_t absent; /* pages that are still to be fetched */
    const void *(*fetch)(void *ctx, const char *region, uint64_t index);
    void *fetch_ctx;
    struct ramblock *blocks, **last;
    struct x86 *cpu[ENGINE_CPUS];
    unsigned ncpus;
    struct table_page *table_pages;
    struct code_cache *code;
    struct touch_log *touch;
    struct access_log *accesses;
    struct physmem_range *watched;
    size_t nwatched;
    physmem_wrote *wrote;
    void *wrote_ctx;
    physmem_seen *seen;
    void *seen_ctx;
};

static uint64_t stretches(const struct physmem *pm)
{
    return (pm->npages + CHUNK - 1) / CHUNK;
}

struct physmem *physmem_create(uint64_t ram_top, const struct engine_host *host)
{
    struct physmem *pm = mem_zero(1, sizeof *pm);
    pm->npages = (ram_top > 1ull << 32 ? ram_top : 1ull << 32) / PAGE;
    pm->page = mem_map(pm->npages * sizeof *pm->page);
    pm->stretch = mem_map(stretches(pm) * sizeof *pm->stretch);
    pm->code = code_cache_create(host);
    pm->touch = touch_log_create();
    pm->accesses = access_log_create();
    pm->last = &pm->blocks;
    pm->a20 = true;
    pm->keeps_zeros = host && host->keeps_zeros;
    if (!pm->page || !pm->stretch || !pm->code) {
        physmem_destroy(pm);
        return NULL;
    }
    return pm;
}

void physmem_destroy(struct physmem *pm)
{
    if (!pm)
        return;
    if (pm->code)
        code_cache_destroy(pm);
    touch_log_destroy(pm->touch);
    access_log_destroy(pm->accesses);
    for (struct ramblock *b = pm->blocks, *next; b; b = next) {
        next = b->next;
        munmap(b->host, b->npages * PAGE);
        munmap(b->meta, b->npages * sizeof *b->meta);
        free(b->chunk);
        free(b);
    }
    if (pm->page)
        munmap(pm->page, pm->npages * sizeof *pm->page);
    if (pm->stretch)
        munmap(pm->stretch, stretches(pm) * sizeof *pm->stretch);
    for (struct table_page *t = pm->table_pages, *next; t; t = next) {
        next = t->all_next;
        free(t);
    }
    free(pm->watched);
    free(pm);
}

struct ramblock *physmem_block(struct physmem *pm, const char *name, uint64_t size)
{
    struct ramblock *b = mem_zero(1, sizeof *b);
    snprintf(b->name, sizeof b->name, "%s", name);
    b->npages = size / PAGE;
    b->host = mem_map(size);
    b->meta = mem_map(b->npages * sizeof *b->meta);
    if (!b->host || !b->meta) {
        if (b->host)
            munmap(b->host, size);
        if (b->meta)
            munmap(b->meta, b->npages * sizeof *b->meta);
        free(b);
        return NULL;
    }
    b->chunk = mem_zero((b->npages + CHUNK - 1) / CHUNK, sizeof *b->chunk);
    *pm->last = b;
    pm->last = &b->next;
    return b;
}

uint8_t *ramblock_host(struct ramblock *b)
{
    return b->host;
}
uint64_t ramblock_size(const struct ramblock *b)
{
    return b->npages * PAGE;
}
void ramblock_may_fetch(struct ramblock *b)
{
    b->may_fetch = true;
}

static struct ramblock *block_of(const struct physmem *pm, const struct pmeta *m)
{
    struct ramblock *b = pm->blocks;
    while (b && !(m >= b->meta && m < b->meta + b->npages))
        b = b->next;
    assert(b && "a page of some block");
    return b;
}

/* ---------------------------------------------------------------- pages that come when they are used */

static void set_absent(struct physmem *pm, struct pmeta *m, bool absent)
{
    pm->absent += absent - (uint64_t)m->absent;
    m->absent = absent;
}

static bool is_made(const struct ramblock *b, uint64_t page)
{
    return b->chunk[page / CHUNK].made[page % CHUNK / MADE_BITS] >> page % MADE_BITS & 1;
}

/* n pages, at most a GROUP, all in one. */
static void note_made(struct ramblock *b, uint64_t page, uint64_t n)
{
    b->chunk[page / CHUNK].made[page % CHUNK / MADE_BITS] |= ((1ull << n) - 1) << page % MADE_BITS;
}

static void page_fetch(struct physmem *pm, struct ramblock *b, struct pmeta *m)
{
    const uint64_t index = (uint64_t)(m - b->meta);
    const void *data = pm->fetch(pm->fetch_ctx, b->name, index);
    uint8_t *page = b->host + index * PAGE;
    set_absent(pm, m, false);
    if (!is_made(b, index)) {
        mem_expect(page, PAGE);
        note_made(b, index, 1);
    }
    if (data)
        memcpy(page, data, PAGE);
    else
        memset(page, 0, PAGE);
}

static void side_fetch(struct physmem *pm, struct pmeta *m)
{
    if (m && m->absent)
        page_fetch(pm, block_of(pm, m), m);
}

static void fetch_all(struct physmem *pm)
{
    for (struct ramblock *b = pm->blocks; b && pm->absent; b = b->next)
        for (uint64_t i = 0; b->may_fetch && i < b->npages; i++)
            side_fetch(pm, &b->meta[i]);
}

/* ---------------------------------------------------------------- the map */

static void map_changed(struct physmem *pm)
{
    for (unsigned i = 0; i < pm->ncpus; i++) {
        tlb_flush(pm->cpu[i]);
        x86_break(pm->cpu[i]);
    }
}

static void set_side(uint8_t **host, struct pmeta **meta, struct ramblock *b, uint64_t offset)
{
    assert((!b || offset / PAGE < b->npages) && "a block is mapped within its size");
    *host = b ? b->host + offset : NULL;
    *meta = b ? &b->meta[offset / PAGE] : NULL;
}

/* The page at offset `o` of what is mapped. */
static void set_page(struct pdesc *d, const struct mapping *m, uint64_t o)
{
    set_side(&d->rd, &d->rd_meta, m->read, m->read_offset + o);
    set_side(&d->wr, &d->wr_meta, m->write, m->write_offset + o);
    d->ignore_writes = m->ignore_writes;
}

static void map_page(struct pdesc *d, const struct mapping *m, uint64_t o)
{
    const struct pmeta *was = d->ignore_writes ? NULL : d->wr_meta;
    set_page(d, m, o);
    if (d->wr_meta && d->wr_meta != was && d->wr_meta->flags & PM_LINES) /* most are not even touched */
        d->wr_meta->flags &= (uint8_t)~PM_LINES; /* some writes there went elsewhere */
}

/* Makes the descriptors of a stretch. While it was pending, none of its pages was used, so there is nothing to forget of
 * them. */
static void make_stretch(struct physmem *pm, uint64_t i)
{
    struct stretch *s = &pm->stretch[i];
    for (uint64_t k = 0; s->pending && k < CHUNK && i * CHUNK + k < pm->npages; k++)
        set_page(&pm->page[i * CHUNK + k], &s->whole, k * PAGE);
    s->pending = false;
    s->made = true;
}

/* Whether a stretch need not be made to be mapped as a whole. */
static bool may_pend(const struct physmem *pm, uint64_t page, uint64_t size)
{
    const struct stretch *s = &pm->stretch[page / CHUNK];
    return page % CHUNK == 0 && size >= CHUNK * PAGE && page + CHUNK <= pm->npages && !s->pending &&
           !s->made && !touch_by_lines(pm->touch);
}

void physmem_map(struct physmem *pm, uint64_t pa, uint64_t size, struct ramblock *read, uint64_t read_offset,
                 struct ramblock *write, uint64_t write_offset, bool ignore_writes)
{
    assert(!(pa % PAGE) && !(read_offset % PAGE) && !(write_offset % PAGE) && "whole pages are mapped");
    const struct mapping m = {read, write, read_offset, write_offset, ignore_writes};
    touch_remapped(pm->touch);
    for (uint64_t o = 0, n; o < size && (pa + o) / PAGE < pm->npages; o += n) {
        const uint64_t page = (pa + o) / PAGE;
        n = PAGE;
        if (may_pend(pm, page, size - o)) {
            n = CHUNK * PAGE;
            pm->stretch[page / CHUNK] = (struct stretch){.whole = m, .pending = true};
            pm->stretch[page / CHUNK].whole.read_offset += o;
            pm->stretch[page / CHUNK].whole.write_offset += o;
            continue;
        }
        if (!pm->stretch[page / CHUNK].made)
            make_stretch(pm, page / CHUNK);
        map_page(&pm->page[page], &m, o);
    }
    map_changed(pm);
}

void physmem_unmap(struct physmem *pm, uint64_t pa, uint64_t size)
{
    physmem_map(pm, pa, size, NULL, 0, NULL, 0, false);
}

const struct pdesc *physmem_page(const struct physmem *pm, uint64_t pa)
{
    const uint64_t page = pa / PAGE;
    if (unlikely(page >= pm->npages))
        return &pm->nothing;
    struct physmem *made = (struct physmem *)(uintptr_t)pm; /* nobody sees a difference */
    if (unlikely(pm->stretch[page / CHUNK].pending))
        make_stretch(made, page / CHUNK);
    const struct pdesc *d = &pm->page[page];
    if (unlikely(pm->absent)) {
        side_fetch(made, d->rd_meta);
        side_fetch(made, d->wr_meta);
    }
    return d;
}

uint64_t physmem_a20_mask(const struct physmem *pm)
{
    return pm->a20 ? UINT64_MAX : ~(1ull << 20);
}
bool physmem_a20(const struct physmem *pm)
{
    return pm->a20;
}

void physmem_set_a20(struct physmem *pm, bool on)
{
    if (pm->a20 == on)
        return;
    pm->a20 = on;
    map_changed(pm);
}

void physmem_attach(struct physmem *pm, struct x86 *cpu)
{
    if (pm->ncpus < ENGINE_CPUS)
        pm->cpu[pm->ncpus++] = cpu;
}

void physmem_detach(struct physmem *pm, struct x86 *cpu)
{
    for (unsigned i = 0; i < pm->ncpus; i++)
        if (pm->cpu[i] == cpu)
            pm->cpu[i--] = pm->cpu[--pm->ncpus];
}

struct code_cache *physmem_code(const struct physmem *pm)
{
    return pm->code;
}

struct touch_log *physmem_touch_log(const struct physmem *pm)
{
    return pm->touch;
}

struct access_log *physmem_access_log(const struct physmem *pm)
{
    return pm->accesses;
}

struct x86 *const *physmem_processors(const struct physmem *pm, unsigned *n)
{
    *n = pm->ncpus;
    return pm->cpu;
}

/* ---------------------------------------------------------------- devices' accesses */

void physmem_read(struct physmem *pm, uint64_t pa, void *buf, size_t n)
{
    for (uint8_t *to = buf; n;) {
        const struct pdesc *d = physmem_page(pm, pa);
        size_t off = pa % PAGE, part = n < PAGE - off ? n : PAGE - off;
        if (d->rd)
            memcpy(to, d->rd + off, part);
        else
            memset(to, 0xff, part);
        to += part, pa += part, n -= part;
    }
}

void physmem_watch(struct physmem *pm, const struct physmem_range *range, size_t n, physmem_wrote *wrote,
                   void *ctx)
{
    assert(!n || wrote);
    free(pm->watched);
    pm->watched = n ? mem_copy(range, n * sizeof *range) : NULL;
    pm->nwatched = n;
    pm->wrote = wrote;
    pm->wrote_ctx = ctx;
}

void physmem_see(struct physmem *pm, physmem_seen *seen, void *ctx)
{
    pm->seen = seen;
    pm->seen_ctx = ctx;
}

static void tell_written(struct physmem *pm, uint64_t pa, uint64_t n)
{
    for (size_t i = 0; i < pm->nwatched; i++) {
        const struct physmem_range *r = &pm->watched[i];
        const uint64_t first = pa > r->address ? pa : r->address;
        const uint64_t left = n - (first - pa), room = r->length - (first - r->address);
        if (pa - r->address < r->length || r->address - pa < n)
            pm->wrote(pm->wrote_ctx, i, first, left < room ? left : room);
    }
}

/* A page of a block may be anywhere in memory, or nowhere: the watched pages are looked at. */
static void tell_touched(struct physmem *pm, const struct pmeta *m, uint32_t off, uint32_t n)
{
    for (size_t i = 0; i < pm->nwatched; i++) {
        const struct physmem_range *r = &pm->watched[i];
        for (uint64_t at = r->address, end = at + r->length; at < end; at = (at | (PAGE - 1)) + 1) {
            const struct pdesc *d = physmem_page(pm, at);
            const uint64_t first = at % PAGE, left = end - at < PAGE - first ? end - at : PAGE - first;
            const uint64_t begin = first < off ? off : first;
            const uint64_t stop = first + left < (uint64_t)off + n ? first + left : (uint64_t)off + n;
            if ((d->rd_meta == m || d->wr_meta == m) && begin < stop)
                pm->wrote(pm->wrote_ctx, i, at - first + begin, stop - begin);
        }
    }
}

void physmem_write(struct physmem *pm, uint64_t pa, const void *buf, size_t n)
{
    if (pm->nwatched)
        tell_written(pm, pa, n);
    if (pm->seen && n)
        pm->seen(pm->seen_ctx, pa, n);
    for (const uint8_t *from = buf; n;) {
        const struct pdesc *d = physmem_page(pm, pa);
        size_t off = pa % PAGE, part = n < PAGE - off ? n : PAGE - off;
        if (d->wr && !d->ignore_writes) {
            physmem_before_write(pm, d->wr_meta, d->wr, (uint32_t)off, (uint32_t)part);
            touch_lines(d->wr_meta, (uint32_t)off, (uint32_t)part);
            memcpy(d->wr + off, from, part);
        }
        from += part, pa += part, n -= part;
    }
}

size_t physmem_mapped(struct physmem *pm, uint64_t pa, size_t n)
{
    size_t done = 0;
    while (done < n && physmem_page(pm, pa + done)->rd)
        done += PAGE - (pa + done) % PAGE;
    return done < n ? done : n;
}

const uint8_t *physmem_view(struct physmem *pm, uint64_t pa, size_t n)
{
    const uint8_t *first = physmem_page(pm, pa)->rd;
    const uint64_t off = pa % PAGE;
    for (uint64_t at = PAGE - off; first && at < n; at += PAGE)
        if (physmem_page(pm, pa + at)->rd != first + off + at)
            return NULL;
    return first ? first + off : NULL;
}

void physmem_touch(struct physmem *pm, struct ramblock *b, uint64_t offset, uint64_t n)
{
    if (pm->seen && n)
        pm->seen(pm->seen_ctx, 0, 0);
    assert(offset <= b->npages * PAGE && n <= b->npages * PAGE - offset);
    for (uint64_t end = offset + n; offset < end;) {
        uint32_t off = offset % PAGE;
        uint32_t part = end - offset < PAGE - off ? end - offset : PAGE - off;
        struct pmeta *m = &b->meta[offset / PAGE];
        /* The old content is replaced: drop whatever was read from it. */
        if (m->flags & PM_TABLE)
            map_changed(pm);
        physmem_changes(pm, m);
        touch_lines(m, off, part);
        if (pm->nwatched)
            tell_touched(pm, m, off, part);
        if (m->code)
            code_drop(pm, m->code);
        offset += part;
    }
}

/* ---------------------------------------------------------------- coherence */

struct table_page *table_page_get(struct physmem *pm, struct pmeta *m)
{
    assert(!m->table && "a page has one record of its entries");
    struct table_page *t = mem_zero(1, sizeof *t);
    t->meta = m;
    t->all_next = pm->table_pages;
    pm->table_pages = t;
    m->table = t;
    return t;
}

void physmem_before_write(struct physmem *pm, struct pmeta *m, uint8_t *page, uint32_t off, uint32_t n)
{
    if (m->flags & PM_TABLE)
        tlb_table_written(pm, m, page, off, n);
    physmem_before_mark(pm, m, off, n);
}

void physmem_before_mark(struct physmem *pm, struct pmeta *m, uint32_t off, uint32_t n)
{
    if (m->flags & PM_CODE && code_marked(m->code, off, n))
        code_written(pm, m->code, off, n);
    physmem_changes(pm, m);
}

/* ---------------------------------------------------------------- snapshots */

static unsigned pages_made(const struct chunk *c)
{
    unsigned n = 0;
    for (unsigned i = 0; i < CHUNK / MADE_BITS; i++)
        n += (unsigned)__builtin_popcountll(c->made[i]);
    return n;
}

/* Whether a chunk is mostly written. */
static bool dense(const struct chunk *c)
{
    return pages_made(c) >= DENSE;
}

/* Whether to ask for a huge page where a chunk is first written. If the chunk before or after it is dense, it will mostly be, too. */
static bool wants_huge(const struct ramblock *b, const struct chunk *c)
{
    const uint64_t k = (uint64_t)(c - b->chunk), whole = b->npages / CHUNK;
    return k < whole && ((k && dense(c - 1)) || (k + 1 < whole && dense(c + 1))) && mem_huge_pays(&b->pace);
}

/* A page is written for the first time: those around it mostly are as well. The host makes their memory all at once, which
 * takes a fraction of the time of a fault for each. */
static void make_group(struct ramblock *b, struct chunk *c, uint64_t page)
{
    const uint64_t first = page - page % GROUP, n = b->npages - first < GROUP ? b->npages - first : GROUP;
    if (is_made(b, page))
        return;
    if (!pages_made(c) && wants_huge(b, c)) {
        mem_expect_timed(&b->pace, b->host + (page - page % CHUNK) * PAGE, MEM_HUGE_PAGE);
        memset(c->made, 0xff, sizeof c->made);
        return;
    }
    mem_expect_timed(&b->pace, b->host + first * PAGE, n * PAGE);
    note_made(b, first, n);
}

void physmem_first_change(struct physmem *pm, struct pmeta *m)
{
    /* A page that became zero when a state was loaded may have had no memory so far. */
    const bool first = !(m->flags & PM_EVER) || m->flags & PM_ZERO;
    struct ramblock *b = block_of(pm, m);
    struct chunk *c = &b->chunk[(m - b->meta) / CHUNK];
    assert(!m->absent && "what is written has been fetched");
    m->flags = (uint8_t)((m->flags & ~PM_ZERO) | PM_CHANGED | PM_EVER);
    c->changed = c->ever = true;
    if (first)
        make_group(b, c, (uint64_t)(m - b->meta));
}

/* The epoch of a page that has no PM_CHANGED, but is part of each next save: with ends, that gives it its number. */
enum { NEXT_SAVE = UINT32_MAX };

static bool changed_since(const struct pmeta *m, uint32_t since)
{
    return since ? m->flags & PM_CHANGED || m->epoch >= since : m->flags & PM_EVER;
}

/* Pages that have become zero, one behind the other, whose memory the host gets back. A guest clears a good part of
 * what it uses, and leaves much of it so for a while. */
struct zeros {
    struct ramblock *b;
    bool keep; /* the host does not get it back */
    uint64_t first, n;
};

static void zeros_release(struct zeros *z)
{
    if (z->n && madvise(z->b->host + z->first * PAGE, z->n * PAGE, MADV_DONTNEED))
        memset(z->b->host + z->first * PAGE, 0, z->n * PAGE);
    z->n = 0;
}

static void zeros_add(struct zeros *z, uint64_t page)
{
    z->b->meta[page].flags |= PM_ZERO;
    if (z->keep)
        return;
    if (page != z->first + z->n)
        zeros_release(z);
    if (!z->n)
        z->first = page;
    z->n++;
}

static const uint8_t zero_page[PAGE];

/* A page of zeros is not read again: if the host got its memory back, that would cost a fault. */
static void page_save(struct physmem *pm, struct zeros *z, uint64_t i, const struct snapshot_sink *sink,
                      uint32_t since, uint32_t ends)
{
    struct pmeta *m = &z->b->meta[i];
    const uint8_t *page = m->flags & PM_ZERO ? zero_page : z->b->host + i * PAGE;
    if (changed_since(m, since)) {
        if (!sink->places)
            side_fetch(pm, m);
        sink->page(sink->ctx, z->b->name, i, m->absent ? NULL : page);
    }
    if (!ends || (!(m->flags & PM_CHANGED) && m->epoch != NEXT_SAVE))
        return;
    m->epoch = ends;
    m->flags &= (uint8_t)~PM_CHANGED;
    if (page != zero_page && !m->absent && mem_is_zero(page, PAGE))
        zeros_add(z, i);
}

static void block_save(struct physmem *pm, struct ramblock *b, const struct snapshot_sink *sink,
                       uint32_t since, uint32_t ends)
{
    struct zeros zeros = {.b = b, .keep = pm->keeps_zeros};
    for (uint64_t at = 0; at < b->npages; at += CHUNK) {
        struct chunk *c = &b->chunk[at / CHUNK];
        if (since ? !c->changed && c->epoch < since : !c->ever)
            continue;
        for (uint64_t i = at; i < at + CHUNK && i < b->npages; i++)
            page_save(pm, &zeros, i, sink, since, ends);
        if (ends && c->changed) {
            c->epoch = ends;
            c->changed = false;
        }
    }
    zeros_release(&zeros);
}

void physmem_save(struct physmem *pm, const struct snapshot_sink *sink, uint32_t since, uint32_t ends)
{
    for (struct ramblock *b = pm->blocks; b; b = b->next)
        block_save(pm, b, sink, since, ends);
    for (unsigned i = 0; ends && i < pm->ncpus; i++)
        tlb_flush(pm->cpu[i]); /* direct write entries may exist only for changed pages */
}

struct loading {
    struct physmem *pm;
    struct zeros zeros;
    /* Whether the host gets back the memory of pages that become zero. Not in a timeline, which goes back and forth between states:
     * the host would have to clear the same pages again and again. */
    bool release;
};

/* The page is part of the next save, and has no PM_CHANGED. */
static void in_next_save(struct ramblock *b, uint64_t index)
{
    struct pmeta *m = &b->meta[index];
    struct chunk *c = &b->chunk[index / CHUNK];
    m->flags = (uint8_t)((m->flags & ~PM_CHANGED) | PM_EVER);
    m->epoch = NEXT_SAVE;
    c->changed = c->ever = true;
}

static void put_zeros(struct loading *l, uint64_t index)
{
    struct ramblock *b = l->zeros.b;
    struct pmeta *m = &b->meta[index];
    if (m->flags & PM_ZERO)
        return;
    set_absent(l->pm, m, false);
    if (l->release) {
        zeros_add(&l->zeros, index);
    } else {
        memset(b->host + index * PAGE, 0, PAGE);
        m->flags |= PM_ZERO;
    }
    in_next_save(b, index);
}

static int put_page(void *ctx, uint64_t index, const void *data)
{
    struct loading *l = ctx;
    struct ramblock *b = l->zeros.b;
    if (index >= b->npages)
        return -1;
    struct pmeta *m = &b->meta[index];
    set_absent(l->pm, m, !data);
    if (!data) {
        m->flags &= (uint8_t)~PM_ZERO;
        in_next_save(b, index);
    } else if (mem_is_zero(data, PAGE)) {
        put_zeros(l, index);
    } else {
        physmem_changes(l->pm, m);
        memcpy(b->host + index * PAGE, data, PAGE);
    }
    m->flags &= (uint8_t)~PM_STALE;
    if (m->code)
        code_drop(l->pm, m->code);
    return 0;
}

/* Calls fn for each page that was ever written. */
static void each_used(struct loading *l, void (*fn)(struct loading *l, uint64_t index))
{
    struct ramblock *b = l->zeros.b;
    for (uint64_t at = 0; at < b->npages; at += CHUNK)
        for (uint64_t i = at; b->chunk[at / CHUNK].ever && i < at + CHUNK && i < b->npages; i++)
            if (b->meta[i].flags & PM_EVER)
                fn(l, i);
}

static void make_stale(struct loading *l, uint64_t index)
{
    l->zeros.b->meta[index].flags |= PM_STALE;
}

static void clear_stale(struct loading *l, uint64_t index)
{
    struct pmeta *m = &l->zeros.b->meta[index];
    if (!(m->flags & PM_STALE))
        return;
    m->flags &= (uint8_t)~PM_STALE;
    put_zeros(l, index);
}

/* No page keeps its content, and those that are put come when they are used: until then they take no memory. */
static void block_empty(struct ramblock *b)
{
    madvise(b->host, b->npages * PAGE, MADV_DONTNEED);
    for (uint64_t at = 0; at < b->npages; at += CHUNK)
        memset(b->chunk[at / CHUNK].made, 0, sizeof b->chunk->made);
}

static int block_load(struct physmem *pm, struct ramblock *b, const struct snapshot_source *src)
{
    struct loading l = {.pm = pm, .zeros = {.b = b}, .release = src->whole};
    const bool fetched = b->may_fetch && src->places;
    if (src->whole)
        each_used(&l, make_stale);
    if (src->whole && fetched)
        block_empty(b);
    const int rc = (fetched ? src->places : src->pages)(src->ctx, b->name, put_page, &l);
    if (src->whole)
        each_used(&l, clear_stale);
    zeros_release(&l.zeros);
    return rc < 0 ? -1 : 0;
}

/* Loads only what differs: code decoded from the unchanged pages stays valid. */
int physmem_load(struct physmem *pm, const struct snapshot_source *src)
{
    if (src->whole)
        code_flush(pm);
    for (unsigned i = 0; i < pm->ncpus; i++)
        tlb_flush(pm->cpu[i]);
    if (!src->fetch)
        fetch_all(pm); /* nobody answers for them from now on */
    pm->fetch = src->fetch;
    pm->fetch_ctx = src->fetch_ctx;
    int rc = 0;
    for (struct ramblock *b = pm->blocks; b && !rc; b = b->next)
        rc = block_load(pm, b, src);
    return rc;
}

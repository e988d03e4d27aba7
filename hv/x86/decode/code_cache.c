/* code_cache.c - the cache of decoded code: blocks in one arena, listed by the page that they were decoded
 * from. It records which bytes of a page were decoded, so that a store beside code costs nothing. */
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/jit/jit.h"

/* PATIENCE: stores to a page that cost about as much as decoding its code again. KEEP_ALL, KEEP_MOST: the bytes of decoded code (and
 * COMPILED_ALL, COMPILED_MOST: of compiled code) up to which it is kept in the next period, and up to which it is if a third of it was
 * executed in this one. GROWTH: the room for decoded code in a period, beside what is kept of more than KEEP_ALL; once that was full
 * twice, all of the arena is. */
enum {
    KEEP_ALL = 7 << 20,
    KEEP_MOST = 34 << 20,
    COMPILED_ALL = 8 << 20,
    COMPILED_MOST = 40 << 20,
    GROWTH = 14 << 20,
    ARENA_SIZE = KEEP_MOST + GROWTH,
    ARENA_STEP = 1 << 16,
    PATIENCE = 2048
};

struct code_cache {
    uint8_t *arena;
    struct mem_growth growth; /* of the arena */
    size_t used;
    size_t most;   /* that may be used in this period */
    unsigned full; /* how often that was reached in it */
    struct code_page *pages;
    struct jit *jit;
    uint32_t period;
    struct block *jumps[JUMPS]; /* see code_jumps() */
};

static void jumps_clear(struct code_cache *c)
{
    static struct block none = {.id = BLOCK_SLOW};
    for (unsigned i = 0; i < JUMPS; i++)
        c->jumps[i] = &none;
}

struct block **code_jumps(struct code_cache *c)
{
    return c->jumps;
}

struct code_cache *code_cache_create(const struct engine_host *host)
{
    struct code_cache *c = mem_zero(1, sizeof *c);
    c->arena = mem_map(ARENA_SIZE);
    if (c->arena) {
        c->most = GROWTH;
        jumps_clear(c);
        c->jit = jit_create(host ? host : &(struct engine_host){0});
        return c;
    }
    free(c);
    return NULL;
}

void code_cache_destroy(struct physmem *pm)
{
    struct code_cache *c = physmem_code(pm);
    code_flush(pm);
    jit_destroy(c->jit);
    munmap(c->arena, ARENA_SIZE);
    free(c);
}

int physmem_forked(struct physmem *pm)
{
    return jit_forked(physmem_jit(pm));
}

struct jit *physmem_jit(const struct physmem *pm)
{
    return physmem_code(pm)->jit;
}

static struct code_page *new_page(struct code_cache *cache, struct pmeta *m, uint8_t *host)
{
    struct code_page *p = mem_zero(1, sizeof *p);
    p->host = host;
    p->meta = m;
    p->patience = PATIENCE;
    p->all_next = cache->pages;
    cache->pages = p;
    return p;
}

void code_mark(struct code_page *p, uint32_t off, uint32_t n)
{
    for (unsigned i = off / 64; i <= (off + n - 1) / 64; i++)
        p->code[i] |= code_bits(off, n, i);
}

/* The first bucket from number i on that may have blocks; CODE_BUCKETS: none. */
static unsigned next_bucket(const struct code_page *p, unsigned i)
{
    for (; i < CODE_BUCKETS; i = (i | 63) + 1) {
        const uint64_t bits = p->filled[i / 64] >> i % 64;
        if (bits)
            return i + (unsigned)__builtin_ctzll(bits);
    }
    return CODE_BUCKETS;
}

struct block *code_alloc(struct physmem *pm, size_t size)
{
    struct code_cache *cache = physmem_code(pm);
    if (cache->used + size > (touch_noting(pm) ? cache->most : ARENA_SIZE)) {
        if (++cache->full > 1)
            cache->most = ARENA_SIZE;
        return NULL;
    }
    struct block *b = (struct block *)(cache->arena + cache->used);
    cache->used += size;
    mem_grow_to(&cache->growth, cache->arena, cache->used, ARENA_STEP);
    memset(b, 0, sizeof *b);
    return b;
}

/* A dropped block stays in place (it may be running, or chained from another), but each of its ops now
 * returns to the dispatcher, which finds the new code. */
static void block_kill(struct physmem *pm, struct block *b)
{
    jit_block_dropped(pm, b);
    b->page->decoded -= block_size(b->n);
    b->unnoted = NULL;
    for (unsigned i = 0; i <= b->n; i++)
        b->ops[i].fn = op_resync;
    unsigned ncpus;
    struct x86 *const *cpu = physmem_processors(pm, &ncpus);
    for (unsigned c = 0; c < ncpus; c++)
        if (cpu[c]->patched >= b->ops && cpu[c]->patched <= b->ops + b->n)
            cpu[c]->patched = NULL;
    b->next[0] = b->next[1] = NULL;
    b->id |= BLOCK_SLOW;
}

/* The blocks of a page that were chained to one that was dropped look for the new one. */
static void unchain(struct code_page *p)
{
    for (unsigned i = next_bucket(p, 0); i < CODE_BUCKETS; i = next_bucket(p, i + 1))
        for (struct block *b = p->bucket[i]; b; b = b->bucket)
            for (unsigned k = 0; k < 2; k++)
                if (b->next[k] && b->next[k]->id & BLOCK_SLOW)
                    b->next[k] = NULL;
}

/* A block that continues in the next page is dropped: reaching it is noted before that page is fetched, which may fault. */
static void unnote_page(struct physmem *pm, struct code_page *p)
{
    bool dropped = false;
    for (unsigned i = next_bucket(p, 0); i < CODE_BUCKETS; i = next_bucket(p, i + 1)) {
        for (struct block **at = &p->bucket[i], *b; (b = *at);) {
            if (b->crosses) {
                block_kill(pm, b);
                *at = b->bucket;
                dropped = true;
                continue;
            }
            at = &b->bucket;
            if (b->unnoted)
                continue;
            b->unnoted = b->ops[0].fn;
            b->ops[0].fn = op_unnoted;
            jit_block_unnoted(b);
        }
    }
    if (dropped)
        unchain(p);
    p->period = physmem_code(pm)->period;
}

struct code_page *code_page_get(struct physmem *pm, struct pmeta *m, uint8_t *host)
{
    if (m->flags & PM_CODE) {
        if (m->code->period != physmem_code(pm)->period)
            unnote_page(pm, m->code);
        return m->code;
    }
    if (!m->code)
        m->code = new_page(physmem_code(pm), m, host);
    m->flags |= PM_CODE;
    m->code->period = physmem_code(pm)->period;
    tlb_drop_fast(pm, m, host);
    return m->code;
}

void code_drop(struct physmem *pm, struct code_page *p)
{
    jit_page_dropped(pm, p);
    for (unsigned i = next_bucket(p, 0); i < CODE_BUCKETS; i = next_bucket(p, i + 1)) {
        for (struct block *b = p->bucket[i]; b; b = b->bucket)
            block_kill(pm, b);
        p->bucket[i] = NULL;
    }
    memset(p->filled, 0, sizeof p->filled);
    memset(p->code, 0, sizeof p->code);
}

void code_written(struct physmem *pm, struct code_page *p, uint32_t off, uint32_t n)
{
    bool dropped = false;
    memset(p->code, 0, sizeof p->code);
    for (unsigned i = next_bucket(p, 0); i < CODE_BUCKETS; i = next_bucket(p, i + 1)) {
        for (struct block **at = &p->bucket[i], *b; (b = *at);) {
            uint32_t start = b->id >> 16, end = b->crosses ? SNAPSHOT_PAGE : start + b->bytes;
            if (start < off + n && off < end) {
                block_kill(pm, b);
                *at = b->bucket;
                dropped = true;
            } else {
                code_mark(p, start, end - start);
                at = &b->bucket;
            }
        }
    }
    if (dropped)
        unchain(p);
}

void code_drop_everywhere(struct physmem *pm, struct code_page *p)
{
    code_drop(pm, p);
    tlb_drop_code(pm, p);
}

/* A page that is executed again has both code and data: it keeps its code for twice as many stores each time. */
void code_stored(struct physmem *pm, struct code_page *p)
{
    if (++p->stores < p->patience)
        return;
    p->stores = 0;
    p->patience *= 2;
    code_drop_everywhere(pm, p);
    p->meta->flags &= (uint8_t)~PM_CODE;
}

void code_flush(struct physmem *pm)
{
    struct code_cache *cache = physmem_code(pm);
    unsigned ncpus;
    struct x86 *const *cpu = physmem_processors(pm, &ncpus);
    for (struct code_page *p = cache->pages, *next; p; p = next) {
        next = p->all_next;
        jit_page_dropped(pm, p);
        p->meta->code = NULL;
        p->meta->flags &= ~PM_CODE;
        free(p);
    }
    cache->pages = NULL;
    cache->used = 0;
    jit_reset(cache->jit);
    jumps_clear(cache);
    for (unsigned i = 0; i < ncpus; i++) {
        cpu[i]->patched = NULL;
        cpu[i]->held = NULL;
        tlb_flush(cpu[i]);
    }
}

/* A program whose code is large executes most of it again and again; a boot hardly any. */
static bool worth_keeping(const struct code_cache *cache)
{
    const size_t compiled = jit_used(cache->jit);
    size_t executed = 0;
    if (cache->used <= KEEP_ALL && compiled <= COMPILED_ALL)
        return true;
    for (const struct code_page *p = cache->pages; p; p = p->all_next)
        executed += p->period == cache->period ? p->decoded : 0;
    return executed > cache->used / 3 && cache->used <= KEEP_MOST && compiled <= COMPILED_MOST;
}

void code_new_period(struct physmem *pm)
{
    struct code_cache *cache = physmem_code(pm);
    unsigned ncpus;
    struct x86 *const *cpu = physmem_processors(pm, &ncpus);
    if (!worth_keeping(cache))
        code_flush(pm);
    cache->most = cache->used > KEEP_ALL ? cache->used + GROWTH : GROWTH;
    cache->full = 0;
    cache->period++;
    for (unsigned i = 0; i < ncpus; i++)
        tlb_flush(cpu[i]);
}

/* accesses.c - which memory the processors read and write, for searches (physmem_accesses()).
 *
 * While this is on, a page is not in the TLB at first, so that each access comes to access_note(), which notes it by lines of 64
 * bytes. After some accesses the page counts as read all over, and is in the TLB; after some more bytes also as written, and its
 * writes are direct again. So this costs little, wherever the guest spends its time. (If only writes are noted, the page is in the
 * TLB for reads from the first access on, so that no write needs a walk through the page tables: that is several times cheaper.)
 * Unlike what touched.c notes, where the limits are reached may depend on how accesses are grouped: the answer is for searches
 * in this process, and is in no recording. */
#include <stdlib.h>

#include "base/memory.h"
#include "hv/x86/cpu.h"

enum {
    READS_MOST = 32,    /* of a page, by lines */
    BYTES_MOST = 1024,  /* written to a page, by lines, if reads are noted too */
    STORES_MOST = 4096, /* to a page, by lines, if they are not */
};

struct access {
    uint64_t linear, physical;  /* page numbers; linear UINT64_MAX: free */
    uint64_t accessed, written; /* lines */
    uint32_t reads, stores, bytes;
};

/* A hash table of pages. */
struct access_log {
    enum accesses what;
    struct access *slot;
    size_t n, size; /* a power of two */
    struct accessed *out;
};

struct access_log *access_log_create(void)
{
    return mem_zero(1, sizeof(struct access_log));
}

void access_log_destroy(struct access_log *log)
{
    if (!log)
        return;
    free(log->slot);
    free(log->out);
    free(log);
}

bool access_noting(const struct physmem *pm)
{
    return physmem_access_log(pm)->what;
}

/* ---------------------------------------------------------------- noting */

static void clear(struct access_log *log, size_t size)
{
    free(log->slot);
    log->slot = mem_alloc(size * sizeof *log->slot);
    memset(log->slot, 0xff, size * sizeof *log->slot);
    log->size = size;
    log->n = 0;
}

/* The page's slot, or the free one where it belongs. */
static struct access *slot_of(const struct access_log *log, uint64_t linear, uint64_t physical)
{
    size_t i = (size_t)((linear * 31 + physical) * 0x9e3779b97f4a7c15ull >> 32);
    for (;; i++) {
        struct access *a = &log->slot[i & (log->size - 1)];
        if (a->linear == UINT64_MAX || (a->linear == linear && a->physical == physical))
            return a;
    }
}

static void grow(struct access_log *log)
{
    struct access *old = log->slot;
    const size_t n = log->size;
    log->slot = NULL;
    clear(log, n * 2);
    for (size_t i = 0; i < n; i++)
        if (old[i].linear != UINT64_MAX) {
            *slot_of(log, old[i].linear, old[i].physical) = old[i];
            log->n++;
        }
    free(old);
}

static struct access *find(struct access_log *log, uint64_t linear, uint64_t physical)
{
    struct access *a = slot_of(log, linear, physical);
    if (a->linear != UINT64_MAX)
        return a;
    if (log->n >= log->size / 2) {
        grow(log);
        a = slot_of(log, linear, physical);
    }
    log->n++;
    *a = (struct access){.linear = linear, .physical = physical};
    return a;
}

/* Whether writes to a page need not be noted by lines any more. */
static bool enough_written(const struct access_log *log, const struct access *a)
{
    if (a->written == UINT64_MAX)
        return true;
    if (log->what == ACCESSES_ALL)
        return a->bytes >= BYTES_MOST;
    return a->stores >= STORES_MOST ||
           (a->stores % (1u << LINES_LOOK) == 0 && touch_filled(a->bytes, a->written));
}

enum access_free access_note(struct physmem *pm, uint64_t linear, uint64_t physical, unsigned n, bool write)
{
    struct access_log *log = physmem_access_log(pm);
    if (!log->what)
        return ACCESS_WRITES_FREE;
    if (log->what == ACCESSES_WRITES && !write)
        return ACCESS_READS_FREE;
    struct access *a = find(log, linear >> 12, physical >> 12);
    const uint32_t off = linear & 0xfff, left = SNAPSHOT_PAGE - off;
    const uint64_t lines = touched_lines(off, n < left ? n : left);
    a->accessed |= lines;
    if (write) {
        a->written |= lines;
        a->bytes += n;
        a->stores++;
    } else {
        a->reads++;
    }
    if (write && enough_written(log, a)) {
        a->written = a->accessed = UINT64_MAX;
        return ACCESS_WRITES_FREE;
    }
    if (log->what == ACCESSES_WRITES)
        return ACCESS_READS_FREE;
    if (a->reads < READS_MOST)
        return ACCESS_NOT_FREE;
    a->accessed = UINT64_MAX;
    return ACCESS_READS_FREE;
}

/* ---------------------------------------------------------------- giving */

static int compare(const void *x, const void *y)
{
    const struct accessed *a = x, *b = y;
    if (a->linear != b->linear)
        return a->linear < b->linear ? -1 : 1;
    return a->physical < b->physical ? -1 : a->physical > b->physical;
}

static void give(struct access_log *log, struct accessed_set *set)
{
    size_t n = 0;
    log->out = mem_resize(log->out, (log->n + 1) * sizeof *log->out);
    for (size_t i = 0; i < log->size; i++) {
        const struct access *a = &log->slot[i];
        if (a->linear != UINT64_MAX)
            log->out[n++] = (struct accessed){a->linear, a->physical, a->accessed, a->written};
    }
    qsort(log->out, n, sizeof *log->out, compare);
    *set = (struct accessed_set){log->out, n, log->what};
}

void physmem_accesses(struct physmem *pm, enum accesses what, struct accessed_set *set)
{
    struct access_log *log = physmem_access_log(pm);
    unsigned ncpus;
    struct x86 *const *cpus = physmem_processors(pm, &ncpus);
    if (set)
        *set = (struct accessed_set){NULL, 0, log->what};
    if (set && log->what)
        give(log, set);
    if (what)
        clear(log, 1024);
    for (unsigned i = 0; i < ncpus && (what || log->what); i++)
        tlb_flush(cpus[i]);
    log->what = what;
}

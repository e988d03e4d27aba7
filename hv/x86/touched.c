/* touched.c - which pages the processors execute and write, for searches (physmem_touched()).
 *
 * Pages are noted where translations are made, on the slow way of fetches and writes. (Each call flushes the TLBs, so
 * the first use of each page comes here again.) Pages that were written in the last period are also noted by lines
 * of 64 bytes: a search for the last write to a variable can then pass over most of the periods in which something else in
 * its page was written. These pages have no direct writes, until so many bytes were written that noting would cost too
 * much; then all their lines count as written. The limit is in bytes, whose sum does not depend on how writes are
 * grouped; so what is noted follows from the run alone. */
#include <stdlib.h>

#include "hv/x86/cpu.h"
#include "traces/memory.h"

struct note {
    uint64_t linear, physical; /* page numbers; linear UINT64_MAX: free */
};

/* A hash table of pages. */
struct notes {
    struct note *slot;
    size_t n, size; /* a power of two */
    struct touched *out;
    size_t cap;
};

struct touch_log {
    bool noting;
    struct notes notes[TOUCHES];
    struct pmeta **by_lines;
    size_t nlines, caplines;
};

struct touch_log *touch_log_create(void)
{
    return mem_zero(1, sizeof(struct touch_log));
}

void touch_log_destroy(struct touch_log *log)
{
    if (!log)
        return;
    for (unsigned k = 0; k < TOUCHES; k++) {
        free(log->notes[k].slot);
        free(log->notes[k].out);
    }
    free(log->by_lines);
    free(log);
}

bool touch_noting(const struct physmem *pm)
{
    return physmem_touch_log(pm)->noting;
}

/* ---------------------------------------------------------------- noting */

static void clear(struct notes *t, size_t size)
{
    if (size != t->size) {
        free(t->slot);
        t->slot = mem_alloc(size * sizeof *t->slot);
        t->size = size;
    }
    memset(t->slot, 0xff, size * sizeof *t->slot);
    t->n = 0;
}

static bool put(struct notes *t, uint64_t linear, uint64_t physical)
{
    size_t i = (size_t)((linear * 31 + physical) * 0x9e3779b97f4a7c15ull >> 32);
    for (;; i++) {
        struct note *s = &t->slot[i & (t->size - 1)];
        if (s->linear == linear && s->physical == physical)
            return false;
        if (s->linear != UINT64_MAX)
            continue;
        *s = (struct note){linear, physical};
        t->n++;
        return true;
    }
}

static void grow(struct notes *t)
{
    struct note *old = t->slot;
    size_t n = t->size;
    t->slot = NULL;
    clear(t, n * 2);
    for (size_t i = 0; i < n; i++)
        if (old[i].linear != UINT64_MAX)
            put(t, old[i].linear, old[i].physical);
    free(old);
}

void touch_note(struct physmem *pm, enum touch k, uint64_t linear, uint64_t physical)
{
    struct touch_log *log = physmem_touch_log(pm);
    if (!log->noting)
        return;
    struct notes *t = &log->notes[k];
    if (put(t, linear >> 12, physical >> 12) && t->n > t->size / 2)
        grow(t);
}

/* ---------------------------------------------------------------- by lines */

static struct pmeta *meta_of(const struct physmem *pm, uint64_t physical)
{
    const struct pdesc *d = physmem_page(pm, physical << 12);
    return d->wr && !d->ignore_writes ? d->wr_meta : NULL;
}

static uint64_t lines_of(const struct pmeta *m)
{
    return m && m->by_lines && m->flags & PM_LINES ? m->lines : UINT64_MAX;
}

static void note_lines(struct touch_log *log, struct pmeta *m, enum by_lines how)
{
    m->by_lines = how;
    m->flags |= PM_LINES;
    m->lines = m->written = 0;
    log->by_lines = mem_grow(log->by_lines, &log->caplines, log->nlines + 1, sizeof(struct pmeta *));
    log->by_lines[log->nlines++] = m;
}

/* The pages that are noted by lines from now on: those that were written, and those of which a period has shown that
 * little is written to them (such as a kernel's variables). */
static void choose_lines(struct physmem *pm, struct touch_log *log)
{
    const struct notes *t = &log->notes[TOUCH_WRITTEN];
    size_t before = log->nlines;
    log->nlines = 0;
    for (size_t i = 0; i < before; i++) {
        struct pmeta *m = log->by_lines[i];
        bool little = m->flags & PM_LINES && (m->by_lines == BY_LINES_KEPT || m->written);
        m->flags &= (uint8_t)~PM_LINES;
        m->by_lines = BY_LINES_NOT;
        if (little)
            note_lines(log, m, BY_LINES_KEPT);
    }
    for (size_t i = 0; i < t->n; i++) {
        struct pmeta *m = meta_of(pm, t->out[i].physical);
        if (m && !m->by_lines)
            note_lines(log, m, BY_LINES_TRIED);
    }
}

/* ---------------------------------------------------------------- giving */

static int compare(const void *x, const void *y)
{
    const struct touched *a = x, *b = y;
    if (a->linear != b->linear)
        return a->linear < b->linear ? -1 : 1;
    return a->physical < b->physical ? -1 : a->physical > b->physical;
}

static void sort_out(struct physmem *pm, struct notes *t, bool by_lines)
{
    size_t n = 0;
    t->out = mem_grow(t->out, &t->cap, t->n + 1, sizeof *t->out);
    for (size_t i = 0; i < t->size; i++) {
        const struct note *s = &t->slot[i];
        if (s->linear != UINT64_MAX)
            t->out[n++] = (struct touched){s->linear, s->physical,
                                           by_lines ? lines_of(meta_of(pm, s->physical)) : UINT64_MAX};
    }
    qsort(t->out, n, sizeof *t->out, compare);
}

void physmem_touched(struct physmem *pm, struct touched_set *set)
{
    struct touch_log *log = physmem_touch_log(pm);
    unsigned ncpus;
    struct x86 *const *cpus = physmem_processors(pm, &ncpus);
    for (unsigned i = 0; i < ncpus; i++)
        tlb_flush(cpus[i]);
    for (unsigned k = 0; k < TOUCHES; k++) {
        struct notes *t = &log->notes[k];
        if (!log->noting)
            clear(t, 1024);
        sort_out(pm, t, k == TOUCH_WRITTEN);
        set->page[k] = t->out;
        set->n[k] = t->n;
    }
    choose_lines(pm, log);
    for (unsigned k = 0; k < TOUCHES; k++)
        clear(&log->notes[k], log->notes[k].size);
    log->noting = true;
}

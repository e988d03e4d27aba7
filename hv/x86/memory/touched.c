/* touched.c - which pages the processors execute and write, for searches (physmem_touched()).
 *
 * Pages are noted where translations are made, on the slow way of fetches and writes. (Each call flushes the TLBs, so
 * the first use of each page comes here again.)
 *
 * Pages executed are also noted by lines of 64 bytes: a page has many functions. A block is noted where it is made, which is right
 * before it is executed, and where it is first executed in a later period (code_new_period()): this costs nothing while code
 * runs. What counts is the code up to the next branch, though the block may end before it, or be left: how code is cut into
 * blocks depends on where runs and stops begin and end, but a block that begins in the middle then adds nothing.
 *
 * Pages written are noted by lines too, and by cells of 8 bytes (struct touched): a search for the last write to a variable can then
 * pass over most of the periods in which something else in its page was written, or in its line. These pages have no direct writes,
 * until it is not worth it any more (touch_look()); then all their lines and cells count as written. Until then each store comes here
 * by itself, in the order of the run, or does the same in compiled code (jit/note.c). A repeated string instruction notes as many of its
 * stores at once as are left until the page is looked at (mem_note_stores()), which is the same; no other code writes such a page in
 * larger pieces than an instruction's handler does. So how long a page is followed depends on the run alone. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/pool.h"
#include "hv/x86/cpu.h"

struct note {
    uint64_t linear, physical; /* page numbers; linear UINT64_MAX: free */
    struct pmeta *meta;        /* of a page executed: its memory; NULL if there is none, or if that changed */
};

/* A hash table of pages. */
struct notes {
    struct note *slot;
    size_t n, size; /* a power of two */
    struct touched *out;
    size_t cap;
};

struct metas {
    struct pmeta **p;
    size_t n, cap;
};

struct touch_log {
    bool noting;
    bool remapped; /* in this period: a page's memory may have been another when it was written first */
    struct notes notes[TOUCHES];
    struct metas by_lines, executed; /* the pages with lines written, and with lines executed */
    struct pool cells;               /* of the pages by_lines */
    struct pool given;               /* the cells of the set that physmem_touched() gave */
    bool asked;           /* by_lines has the pages that physmem_touched_ask() named, and no others */
    struct touched *late; /* of the set that was given */
    size_t late_cap;
};

enum { PAGE_LINES = SNAPSHOT_PAGE / TOUCHED_LINE, PAGE_CELLS = SNAPSHOT_PAGE / TOUCHED_CELL };

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
    free(log->by_lines.p);
    free(log->executed.p);
    free(log->late);
    pool_free(&log->cells);
    pool_free(&log->given);
    free(log);
}

bool touch_noting(const struct physmem *pm)
{
    return physmem_touch_log(pm)->noting;
}

/* ---------------------------------------------------------------- noting */

static void clear(struct notes *t, size_t size)
{
    assert(size && !(size & (size - 1)) && "the number of slots is a power of two");
    if (size != t->size) {
        free(t->slot);
        t->slot = mem_alloc(size * sizeof *t->slot);
        t->size = size;
    }
    memset(t->slot, 0xff, size * sizeof *t->slot);
    t->n = 0;
}

static bool put(struct notes *t, const struct note *note)
{
    size_t i = (size_t)((note->linear * 31 + note->physical) * 0x9e3779b97f4a7c15ull >> 32);
    for (;; i++) {
        struct note *s = &t->slot[i & (t->size - 1)];
        if (s->linear == note->linear && s->physical == note->physical) {
            if (s->meta != note->meta)
                s->meta = NULL;
            return false;
        }
        if (s->linear != UINT64_MAX)
            continue;
        *s = *note;
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
            put(t, &old[i]);
    free(old);
}

static void note_page(struct physmem *pm, enum touch k, uint64_t linear, uint64_t physical, struct pmeta *m)
{
    struct touch_log *log = physmem_touch_log(pm);
    if (!log->noting)
        return;
    struct notes *t = &log->notes[k];
    assert(t->n <= t->size / 2 && "a note finds a free slot soon");
    const struct note note = {linear >> 12, physical >> 12, m};
    if (put(t, &note) && t->n > t->size / 2)
        grow(t);
}

void touch_fetch(struct physmem *pm, uint64_t linear, uint64_t physical, struct pmeta *m)
{
    note_page(pm, TOUCH_EXECUTED, linear, physical, m);
}

static void add_meta(struct metas *list, struct pmeta *m)
{
    list->p = mem_grow(list->p, &list->cap, list->n + 1, sizeof(struct pmeta *));
    list->p[list->n++] = m;
}

void touch_code(struct physmem *pm, struct pmeta *m, uint32_t off, uint32_t n)
{
    assert(n && off < SNAPSHOT_PAGE && n <= SNAPSHOT_PAGE - off && "code is noted page by page");
    struct touch_log *log = physmem_touch_log(pm);
    if (!log->noting)
        return;
    if (!m->executed)
        add_meta(&log->executed, m);
    m->executed |= touched_lines(off, n);
}

/* ---------------------------------------------------------------- by lines */

static struct pmeta *meta_of(const struct physmem *pm, uint64_t physical)
{
    const struct pdesc *d = physmem_page(pm, physical << 12);
    return d->wr && !d->ignore_writes ? d->wr_meta : NULL;
}

enum {
    STORES_MOST = 2048, /* a page with more stores takes too long */
    STORES_MOST_KEPT =
        16384,        /* … but is more likely to have variables if it was noted through the last period */
    SHORT_FOR = 1,    /* such a page is given up soon, for as many periods */
    LINES_MOST = 48,  /* a page with so many lines is as good as written all over */
    LINES_FRESH = 16, /* so many, of a page that was not written in the last period, will soon be most */
    PAGES_MOST = 8192 /* followed in one period: where more are written, a search gains little by lines */
};

/* A page of variables or a stack has many stores to few lines, or few to each of many; one that is being filled has as many lines,
 * next to each other, as what was written fills. */
bool touch_filled(uint32_t written, uint64_t lines)
{
    const unsigned n = (unsigned)__builtin_popcountll(lines), filled = written / TOUCHED_LINE;
    const uint64_t run = lines ? lines >> __builtin_ctzll(lines) : 0;
    return n >= LINES_MOST || (!(run & (run + 1)) && n >= filled && n <= filled + filled / 8 + 1);
}

/* Whether all lines were written, and all their eighths in some line: such a page is seldom worth it, though it may have cells that were
 * not. */
static bool all_over(const struct pmeta *m)
{
    uint64_t cells = 0;
    for (unsigned i = 0; i < PAGE_CELLS / 64; i++)
        cells |= m->cells[i];
    return !~(m->lines & cells);
}

/* Whether many stores have written half of the cells, as in a table of records of which some bytes are never written. */
static bool is_busy(const struct pmeta *m)
{
    unsigned n = 0;
    if (m->stores < STORES_MOST)
        return false;
    for (unsigned i = 0; i < PAGE_CELLS / 64; i++)
        n += (unsigned)__builtin_popcountll(m->cells[i]);
    return n >= PAGE_CELLS / 2;
}

void touch_look(struct pmeta *m)
{
    const bool kept = m->by_lines == BY_LINES_KEPT;
    if (m->by_lines >= BY_LINES_ASKED) {
        m->stores = 0;
        return;
    }
    m->look_at *= 2;
    m->busy = is_busy(m);
    if (m->stores >= (kept ? STORES_MOST_KEPT : STORES_MOST) || (m->busy && m->was_busy))
        m->short_for = SHORT_FOR + 1;
    const bool filled = touch_filled(m->written, m->lines);
    const bool many = m->by_lines == BY_LINES_FRESH && m->stores >> LINES_LOOK &&
                      __builtin_popcountll(m->lines) > LINES_FRESH;
    if (m->short_for || many || (kept ? all_over(m) : filled && m->filled))
        m->flags &= (uint8_t)~PM_LINES;
    m->filled = filled;
}

bool touch_by_lines(const struct touch_log *log)
{
    return log->by_lines.n;
}

/* As struct touched has them. */
static const uint8_t *give_cells(struct pool *given, uint64_t lines, const uint64_t *of)
{
    uint8_t *cells = pool_take(given, PAGE_LINES), *to = cells;
    for (uint64_t left = lines; left; left &= left - 1) {
        const unsigned line = (unsigned)__builtin_ctzll(left);
        *to++ = (uint8_t)(of[line / 8] >> line % 8 * 8);
    }
    return cells;
}

static bool is_known(const struct pmeta *m)
{
    return m && m->by_lines && m->flags & PM_LINES;
}

static struct touched written_of(struct touch_log *log, const struct note *s, const struct pmeta *m)
{
    const bool known = is_known(m);
    return (struct touched){s->linear, s->physical, known ? m->lines : UINT64_MAX,
                            known ? give_cells(&log->given, m->lines, m->cells) : NULL};
}

enum {
    CELL_WORDS = PAGE_CELLS / 64,
    LOOK_NEVER = 1 << 15 /* what was asked for is only counted from 0 again */
};

static void begin_lines(struct touch_log *log, struct pmeta *m, enum by_lines how, unsigned look_at)
{
    const size_t size = (how == BY_LINES_ASKED ? 2 : 1) * PAGE_CELLS / 8; /* see part_early() */
    m->by_lines = how;
    m->flags |= PM_LINES;
    m->lines = 0;
    m->cells = memset(pool_take(&log->cells, size), 0, size);
    m->written = m->stores = 0;
    m->look_at = (uint16_t)look_at;
    add_meta(&log->by_lines, m);
}

/* Unless too many pages are. */
static void note_lines(struct touch_log *log, struct pmeta *m, enum by_lines how)
{
    if (log->by_lines.n == PAGES_MOST)
        return;
    begin_lines(log, m, how, 1u << (how == BY_LINES_FRESH ? LINES_LOOK_FIRST : LINES_LOOK));
    m->filled = false;
    m->was_busy = m->busy;
    m->busy = false;
    m->short_for -= m->short_for > 0;
}

/* A processor is about to write to a page that was asked for: what only devices have written so far is kept behind the cells. */
static void part_early(const struct physmem *pm, uint64_t physical)
{
    struct pmeta *m = meta_of(pm, physical >> 12);
    if (!m || m->by_lines != BY_LINES_ASKED)
        return;
    m->by_lines = BY_LINES_MET;
    memcpy(m->cells + CELL_WORDS, m->cells, PAGE_CELLS / 8);
    memset(m->cells, 0, PAGE_CELLS / 8);
    m->lines = 0;
}

/* A page that was not written in the last period: the translation for its first write in this one. */
static void note_fresh(struct physmem *pm, uint64_t physical)
{
    struct touch_log *log = physmem_touch_log(pm);
    if (log->asked) {
        part_early(pm, physical);
        return;
    }
    struct pmeta *m = log->noting && !log->remapped ? meta_of(pm, physical >> 12) : NULL;
    if (m && !m->by_lines)
        note_lines(log, m, BY_LINES_FRESH);
}

void touch_write(struct physmem *pm, uint64_t linear, uint64_t physical)
{
    note_page(pm, TOUCH_WRITTEN, linear, physical, NULL);
    note_fresh(pm, physical);
}

void touch_remapped(struct touch_log *log)
{
    log->remapped = true;
}

/* The pages that are noted by lines from now on: those that were written, and those of which a period has shown that
 * little is written to them (such as a kernel's variables). */
static void choose_lines(struct physmem *pm, struct touch_log *log)
{
    const struct notes *t = &log->notes[TOUCH_WRITTEN];
    size_t before = log->by_lines.n;
    log->by_lines.n = 0;
    pool_empty(&log->cells);
    for (size_t i = 0; i < before; i++) {
        struct pmeta *m = log->by_lines.p[i];
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

/* As if nothing had been written before: what was followed is forgotten. */
static void choose_none(struct touch_log *log)
{
    for (size_t i = 0; i < log->by_lines.n; i++) {
        log->by_lines.p[i]->flags &= (uint8_t)~PM_LINES;
        log->by_lines.p[i]->by_lines = BY_LINES_NOT;
    }
    log->by_lines.n = 0;
    pool_empty(&log->cells);
}

void physmem_touched_ask(struct physmem *pm, const struct touched_set *before)
{
    struct touch_log *log = physmem_touch_log(pm);
    assert(log->noting && !log->notes[TOUCH_WRITTEN].n && "a period has just begun");
    choose_none(log);
    log->asked = true;
    for (size_t i = 0; i < before->n[TOUCH_WRITTEN]; i++) {
        const struct touched *page = &before->page[TOUCH_WRITTEN][i];
        struct pmeta *m = touched_is_known(page) ? meta_of(pm, page->physical) : NULL;
        if (m && !m->by_lines)
            begin_lines(log, m, BY_LINES_ASKED, LOOK_NEVER);
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

static struct touched what_is_known(const struct physmem *pm, enum touch k, const struct note *s)
{
    if (k == TOUCH_WRITTEN)
        return written_of(physmem_touch_log(pm), s, meta_of(pm, s->physical));
    return (struct touched){s->linear, s->physical, s->meta ? s->meta->executed : UINT64_MAX, NULL};
}

static void sort_out(struct physmem *pm, struct notes *t, enum touch k)
{
    size_t n = 0;
    t->out = mem_grow(t->out, &t->cap, t->n + 1, sizeof *t->out);
    for (size_t i = 0; i < t->size; i++) {
        const struct note *s = &t->slot[i];
        if (s->linear != UINT64_MAX)
            t->out[n++] = what_is_known(pm, k, s);
    }
    qsort(t->out, n, sizeof *t->out, compare);
    assert(n == t->n && "each page was counted once");
}

/* The pages written have what was noted since the processors' first write; to this comes what was noted before it. */
static void give_late(struct physmem *pm, struct touch_log *log)
{
    struct notes *t = &log->notes[TOUCH_WRITTEN];
    log->late = mem_grow(log->late, &log->late_cap, t->n + 1, sizeof *log->late);
    for (size_t i = 0; i < t->n; i++) {
        struct touched *page = &t->out[i];
        const struct pmeta *m = meta_of(pm, page->physical);
        uint64_t cells[CELL_WORDS];
        log->late[i] = *page;
        if (!is_known(m))
            continue;
        for (unsigned w = 0; w < CELL_WORDS; w++) {
            cells[w] = m->cells[w] | m->cells[CELL_WORDS + w];
            for (unsigned line = 0; line < 8; line++)
                page->lines |= (uint64_t)((cells[w] >> line * 8 & 0xff) != 0) << (w * 8 + line);
        }
        page->cells = give_cells(&log->given, page->lines, cells);
    }
}

static void forget_executed(struct touch_log *log)
{
    for (size_t i = 0; i < log->executed.n; i++)
        log->executed.p[i]->executed = 0;
    log->executed.n = 0;
}

void physmem_touched(struct physmem *pm, struct touched_set *set)
{
    struct touch_log *log = physmem_touch_log(pm);
    code_new_period(pm);
    pool_empty(&log->given);
    for (unsigned k = 0; k < TOUCHES; k++) {
        struct notes *t = &log->notes[k];
        if (!log->noting)
            clear(t, 1024);
        sort_out(pm, t, k);
        set->page[k] = t->out;
        set->n[k] = t->n;
    }
    if (log->asked)
        give_late(pm, log);
    set->late = log->asked ? log->late : NULL;
    choose_lines(pm, log);
    log->asked = false;
    forget_executed(log);
    for (unsigned k = 0; k < TOUCHES; k++)
        clear(&log->notes[k], log->notes[k].size);
    log->noting = true;
    log->remapped = false;
}

struct touched_amount physmem_touched_amount(const struct physmem *pm)
{
    const struct touch_log *log = physmem_touch_log(pm);
    struct touched_amount a = {.pages = log->notes[TOUCH_WRITTEN].n};
    for (size_t i = 0; i < log->executed.n; i++)
        a.lines += (unsigned)__builtin_popcountll(log->executed.p[i]->executed);
    return a;
}

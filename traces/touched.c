/* touched.c - see touched.h. */
#include <assert.h>

#include "traces/touched.h"
#include "base/pool.h"
#include "base/sorted.h"
#include "traces/bytes.h"
#include "traces/trace.h"

enum {
    VERSION = 3,           /* 2 has the cells of all lines together, 1 none */
    PIECE = 512 << 10,     /* bytes of a note at most */
    MOST_PAGES = 16 << 20, /* of all sets in memory: parts after that are as if they had none */
};

/* How the lines of a page are stored. */
enum lines_code {
    LINES_ALL,
    LINES_AGAIN, /* as in the previous part */
    LINES_ALIAS, /* as those of the page before it in this set with the same physical address */
    LINES_GIVEN,
    LINES_CODES,
};

/* A set of pages, in memory of its own. */
struct pages {
    struct touched *page;
    size_t n, cap;
};

static int compare(const struct touched *a, const struct touched *b)
{
    if (a->linear != b->linear)
        return a->linear < b->linear ? -1 : 1;
    return a->physical != b->physical ? a->physical < b->physical ? -1 : 1 : 0;
}

bool touched_same(const struct touched *a, const struct touched *b)
{
    return a->lines == b->lines && !a->cells == !b->cells &&
           (!a->cells || !memcmp(a->cells, b->cells, touched_cells(a)));
}

bool touched_within(const struct touched *a, const struct touched *b)
{
    const uint8_t *in = a->cells, *of = b->cells;
    if (a->lines & ~b->lines)
        return false;
    for (uint64_t left = b->lines; left; left &= left - 1, of++)
        if (a->lines & left & -left && *in++ & ~*of)
            return false;
    return true;
}

/* ---------------------------------------------------------------- pages by physical address */

/* For each physical page the last one that was put. */
struct aliases {
    const struct touched **slot;
    size_t size; /* a power of two */
    size_t cap;  /* slots that there is memory for */
};

/* Empties it, with room for n pages. */
static void aliases_begin(struct aliases *a, size_t n)
{
    for (a->size = 64; a->size < 2 * n;)
        a->size *= 2;
    a->slot = mem_grow(a->slot, &a->cap, a->size, sizeof *a->slot);
    memset(a->slot, 0, a->size * sizeof *a->slot);
}

/* Puts `page`; returns the one that it replaces, or NULL. */
static const struct touched *aliases_put(struct aliases *a, const struct touched *page)
{
    assert(a->size && !(a->size & (a->size - 1)));
    size_t i = (size_t)((page->physical * 0x9e3779b97f4a7c15ull) >> 20);
    for (;; i++) {
        const struct touched **slot = &a->slot[i & (a->size - 1)], *was = *slot;
        if (was && was->physical != page->physical)
            continue;
        *slot = page;
        return was;
    }
}

/* ---------------------------------------------------------------- writing */

struct touched_writer {
    struct pages last[TOUCHES];
    struct pool cells[TOUCHES]; /* of their pages */
};

struct touched_writer *touched_writer_new(void)
{
    return mem_zero(1, sizeof(struct touched_writer));
}

void touched_writer_free(struct touched_writer *w)
{
    for (unsigned k = 0; w && k < TOUCHES; k++) {
        free(w->last[k].page);
        pool_free(&w->cells[k]);
    }
    free(w);
}

/* One bit for each page of the last part: whether it is in this one too. before[i] is where page i of this
 * part was then. */
static void put_kept(struct buf *out, const struct pages *last, const struct touched *page, size_t n,
                     const struct touched **before)
{
    uint8_t byte = 0;
    size_t i = 0;
    buf_varint(out, last->n);
    for (size_t k = 1; k < n; k++)
        assert(compare(&page[k - 1], &page[k]) < 0 && "an engine gives its pages in order, each once");
    for (size_t k = 0; k < last->n; k++) {
        while (i < n && compare(&page[i], &last->page[k]) < 0)
            i++;
        bool kept = i < n && !compare(&page[i], &last->page[k]);
        if (kept)
            before[i] = &last->page[k];
        byte |= (uint8_t)(kept << k % 8);
        if (k % 8 == 7 || k + 1 == last->n) {
            buf_u8(out, byte);
            byte = 0;
        }
    }
}

static void put_new(struct buf *out, const struct touched *page, size_t n, const struct touched **before)
{
    uint64_t linear = 0, physical = 0;
    size_t fresh = 0;
    for (size_t i = 0; i < n; i++)
        fresh += !before[i];
    buf_varint(out, fresh);
    for (size_t i = 0; i < n; i++) {
        if (before[i])
            continue;
        uint64_t step = page[i].linear - linear;
        buf_varint(out, step);
        buf_varint(out, zigzag(page[i].physical - physical - step));
        linear = page[i].linear;
        physical = page[i].physical;
    }
}

static enum lines_code code_of(const struct touched *page, const struct touched *before,
                               const struct touched *alias)
{
    if (!touched_is_known(page))
        return LINES_ALL;
    if (alias && touched_same(alias, page))
        return LINES_ALIAS;
    return before && touched_same(before, page) ? LINES_AGAIN : LINES_GIVEN;
}

static void put_cells(struct buf *out, const struct touched *page)
{
    const size_t n = (size_t)__builtin_popcountll(page->lines);
    uint8_t *room = buf_room(out, n);
    if (page->cells)
        memcpy(room, page->cells, n);
    else
        memset(room, UINT8_MAX, n);
    out->n += n;
}

static void put_lines(struct buf *out, enum touch k, const struct touched *page, size_t n,
                      const struct touched **before)
{
    struct aliases aliases = {0};
    struct buf given = {0};
    aliases_begin(&aliases, n);
    for (size_t i = 0; i < n; i++) {
        enum lines_code code = code_of(&page[i], before[i], aliases_put(&aliases, &page[i]));
        buf_u8(out, (uint8_t)code);
        if (code != LINES_GIVEN)
            continue;
        buf_u64(&given, page[i].lines);
        if (k == TOUCH_WRITTEN)
            put_cells(&given, &page[i]);
    }
    buf_add(out, given.p, given.n);
    buf_free(&given);
    free(aliases.slot);
}

static void keep_pages(struct touched_writer *w, enum touch k, const struct touched *page, size_t n)
{
    struct pages *last = &w->last[k];
    pool_empty(&w->cells[k]);
    last->page = mem_grow(last->page, &last->cap, n + 1, sizeof *last->page);
    last->n = n;
    for (size_t i = 0; i < n; i++) {
        last->page[i] = page[i];
        if (page[i].cells)
            last->page[i].cells = pool_copy(&w->cells[k], page[i].cells, touched_cells(&page[i]));
    }
}

static void put_pages(struct buf *out, struct touched_writer *w, enum touch k, const struct touched *page,
                      size_t n)
{
    const struct touched **before = mem_zero(n + 1, sizeof *before);
    put_kept(out, &w->last[k], page, n, before);
    put_new(out, page, n, before);
    put_lines(out, k, page, n, before);
    free(before);
    keep_pages(w, k, page, n);
}

int touched_write(struct touched_writer *w, struct trace_writer *tw, uint64_t begin, uint64_t end,
                  uint64_t time, const struct touched_set *set, struct error *err)
{
    struct buf all = {0}, piece = {0};
    int rc = 0;
    assert(begin <= end && "positions never fall");
    buf_varint(&all, begin);
    for (unsigned k = 0; k < TOUCHES; k++)
        put_pages(&all, w, k, set->page[k], set->n[k]);
    for (size_t at = 0; at < all.n && !rc; at += PIECE) {
        size_t n = all.n - at < PIECE ? all.n - at : PIECE;
        piece.n = 0;
        buf_u8(&piece, VERSION);
        buf_u8(&piece, at + n == all.n);
        buf_add(&piece, all.p + at, n);
        const struct trace_note note = {.icount = end,
                                        .time = time,
                                        .type = TOUCHED_NOTE,
                                        .name = "",
                                        .data = piece.p,
                                        .len = (uint32_t)piece.n};
        rc = trace_write_note(tw, &note, err);
    }
    buf_free(&all);
    buf_free(&piece);
    return rc;
}

/* ---------------------------------------------------------------- reading */

struct touched_stretch {
    uint64_t begin, end;
    struct pages pages[TOUCHES + 1]; /* the last: TOUCH_ACCESSED */
    enum accesses learnt;
};

static void part_free(struct touched_stretch *p)
{
    for (unsigned k = 0; k <= TOUCH_ACCESSED; k++)
        free(p->pages[k].page);
}

struct touched_index {
    struct touched_stretch *part;
    size_t n, cap;
    uint64_t pages; /* of all parts */
    struct pool cells;
    bool full;
    bool older; /* a note of an earlier version, which says less */
};

/* What reading one set after the other uses: fresh memory for each would take longer than reading it. */
struct taking {
    const struct touched **before; /* where page i of this part was in the last one; NULL: it was not */
    size_t cap;
    struct aliases aliases;
};

/* Reads which pages of the last part are in this one too, and which are not, and merges the two. */
static void take_pages(struct view *v, const struct pages *last, struct pages *now, struct taking *t)
{
    uint64_t nlast = view_varint(v);
    const uint8_t *kept = view_take(v, (nlast + 7) / 8);
    uint64_t fresh = view_varint(v);
    if (nlast != last->n || !kept || fresh > view_left(v) / 2) {
        v->bad = true;
        return;
    }
    const size_t most = (size_t)(nlast + fresh);
    now->page = mem_alloc((most + 1) * sizeof *now->page);
    t->before = mem_grow(t->before, &t->cap, most + 1, sizeof *t->before);
    struct touched next = {0};
    size_t k = 0;
    for (uint64_t i = 0; i <= fresh; i++) {
        if (i < fresh) {
            uint64_t step = view_varint(v);
            next.linear += step;
            next.physical += step + unzigzag(view_varint(v));
        }
        for (; k < nlast && (i == fresh || compare(&last->page[k], &next) < 0); k++)
            if (kept[k / 8] >> k % 8 & 1) {
                t->before[now->n] = &last->page[k];
                now->page[now->n++] = last->page[k];
            }
        if (i < fresh) {
            t->before[now->n] = NULL;
            now->page[now->n++] = next;
        }
    }
    for (size_t i = 1; i < now->n; i++)
        v->bad |= compare(&now->page[i - 1], &now->page[i]) >= 0;
}

/* What was noted of `from`; of NULL, which is damage, all. */
static void take_same(struct view *v, struct touched *page, const struct touched *from)
{
    v->bad |= !from;
    page->lines = from ? from->lines : UINT64_MAX;
    page->cells = from ? from->cells : NULL;
}

/* In version 2 a page has 64 bits for its cells, counted modulo 64. */
static const uint8_t *spread_cells(struct pool *pool, uint64_t lines, uint64_t cells)
{
    uint8_t *all = pool_take(pool, (size_t)__builtin_popcountll(lines)), *to = all;
    for (uint64_t left = lines; left; left &= left - 1)
        *to++ = (uint8_t)(cells >> __builtin_ctzll(left) % 8 * 8);
    return all;
}

static const uint8_t *take_cells(struct view *v, struct pool *pool, unsigned version, uint64_t lines)
{
    if (version == 2)
        return spread_cells(pool, lines, view_u64(v));
    const size_t n = (size_t)__builtin_popcountll(lines);
    const uint8_t *cells = view_take(v, n);
    return cells ? pool_copy(pool, cells, n) : NULL;
}

/* `version` is 1 if there are no cells. */
static void take_lines(struct view *v, unsigned version, struct pool *pool, struct pages *now,
                       struct taking *t)
{
    const uint8_t *code = view_take(v, now->n);
    aliases_begin(&t->aliases, now->n);
    for (size_t i = 0; code && i < now->n; i++) {
        struct touched *page = &now->page[i];
        const struct touched *alias = aliases_put(&t->aliases, page);
        switch (code[i]) {
        case LINES_ALL:
            page->lines = UINT64_MAX;
            page->cells = NULL;
            break;
        case LINES_AGAIN:
            take_same(v, page, t->before[i]);
            break;
        case LINES_ALIAS:
            take_same(v, page, alias);
            break;
        case LINES_GIVEN:
            page->lines = view_u64(v);
            page->cells = version > 1 ? take_cells(v, pool, version, page->lines) : NULL;
            break;
        default:
            v->bad = true;
        }
    }
}

static bool take_part(struct touched_index *x, struct taking *t, const struct buf *all, uint8_t version,
                      uint64_t end)
{
    static const struct touched_stretch none;
    struct view v = view_of(all->p, all->n);
    x->part = mem_grow(x->part, &x->cap, x->n + 1, sizeof *x->part);
    const struct touched_stretch *last = x->n ? &x->part[x->n - 1] : &none;
    struct touched_stretch *now = &x->part[x->n++];
    *now = (struct touched_stretch){.begin = view_varint(&v), .end = end};
    v.bad |= now->begin < last->end || now->begin > end;
    for (unsigned k = 0; k < TOUCHES && !v.bad; k++) {
        take_pages(&v, &last->pages[k], &now->pages[k], t);
        if (!v.bad)
            take_lines(&v, k == TOUCH_WRITTEN ? version : 1, &x->cells, &now->pages[k], t);
        x->pages += now->pages[k].n;
    }
    x->full = x->pages > MOST_PAGES;
    return !v.bad && !view_left(&v);
}

/* A note is one part, or a piece of one. False: it is damaged. */
static bool take_note(struct touched_index *x, struct taking *t, struct buf *all,
                      const struct trace_note *note)
{
    const uint8_t *data = note->data;
    if (note->len < 2 || !data[0] || data[0] > VERSION || data[1] > 1)
        return note->len > 0 && data[0] > VERSION; /* a later form: as if there were none */
    x->older |= data[0] != VERSION;
    if (x->full)
        return true;
    buf_add(all, data + 2, note->len - 2);
    if (!data[1])
        return true;
    bool good = take_part(x, t, all, data[0], note->icount);
    all->n = 0;
    return good;
}

/* Whether each part is from one checkpoint to the next: a search runs these, so one that reached farther would hide what is there. In a
 * record that was cut off, the checkpoint of the last part may be missing: the part is left out. */
static bool between_checkpoints(struct touched_index *x, const struct trace *t)
{
    const size_t n = trace_checkpoint_count(t);
    const struct trace_end *end = trace_end(t);
    if (x->n && (!end || !strcmp(end->reason, TRACE_FULL)) &&
        (!n || x->part[x->n - 1].end > trace_checkpoint(t, n - 1)->icount))
        part_free(&x->part[--x->n]);
    for (size_t i = 0, k = 1; i < x->n; i++, k++) {
        while (k < n && trace_checkpoint(t, k)->icount < x->part[i].end)
            k++;
        if (k >= n || trace_checkpoint(t, k)->icount != x->part[i].end ||
            trace_checkpoint(t, k - 1)->icount != x->part[i].begin)
            return false;
    }
    return true;
}

struct touched_index *touched_index_read(struct trace *t, struct error *err)
{
    struct touched_index *x = mem_zero(1, sizeof *x);
    struct taking taking = {0};
    struct trace_note note;
    struct buf all = {0};
    int rc = 0;
    for (uint64_t i = 0, n = trace_note_count(t); i < n && !rc; i++) {
        rc = trace_note(t, i, &note, err);
        if (!rc && !strcmp(note.type, TOUCHED_NOTE) && !take_note(x, &taking, &all, &note))
            rc = error_set(err,
                           "note %llu (" TOUCHED_NOTE
                           ") at icount %llu is damaged: write the trace anew with bootreel annotate",
                           (unsigned long long)i, (unsigned long long)note.icount);
    }
    buf_free(&all);
    free(taking.before);
    free(taking.aliases.slot);
    if (!rc && !between_checkpoints(x, t))
        rc = error_set(
            err, "the index for searches is not from checkpoint to checkpoint: write the trace anew with "
                 "bootreel annotate");
    if (!rc)
        return x;
    touched_index_free(x);
    return NULL;
}

void touched_index_free(struct touched_index *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->n; i++)
        part_free(&x->part[i]);
    free(x->part);
    pool_free(&x->cells);
    free(x);
}

/* ---------------------------------------------------------------- asking */

size_t touched_parts(const struct touched_index *x)
{
    return x->n;
}

void touched_part(const struct touched_index *x, size_t i, uint64_t *begin, uint64_t *end,
                  struct touched_set *set)
{
    assert(i < x->n);
    const struct touched_stretch *p = &x->part[i];
    *begin = p->begin;
    *end = p->end;
    set->late = NULL;
    for (unsigned k = 0; k < TOUCHES; k++) {
        set->page[k] = p->pages[k].page;
        set->n[k] = p->pages[k].n;
    }
}

bool touched_is_exact(const struct touched_index *x)
{
    return !x->older;
}

long touched_part_to(const struct touched_index *x, uint64_t icount)
{
    size_t low = SORTED_ABOVE(x->part, x->n, end, icount);
    return low && x->part[low - 1].end == icount ? (long)low - 1 : -1;
}

long touched_part_at(const struct touched_index *x, uint64_t icount)
{
    size_t low = SORTED_ABOVE(x->part, x->n, end, icount);
    return low < x->n && x->part[low].begin <= icount ? (long)low : -1;
}

/* Those cells of a line in which bytes `first` to `end` of the page are; some are. */
static uint8_t cells_between(unsigned line, uint64_t first, uint64_t end)
{
    const uint64_t begin = (uint64_t)line * TOUCHED_LINE, last = begin + TOUCHED_LINE - 1;
    const unsigned low = first > begin ? (unsigned)(first - begin) / TOUCHED_CELL : 0,
                   high = (unsigned)((end < last ? end : last) - begin) / TOUCHED_CELL;
    assert(first <= last && end >= begin);
    return (uint8_t)((2u << high) - (1u << low));
}

/* Whether something of the range in page `number` may have been touched. */
static bool may_be(const struct touched *page, uint64_t number, uint64_t address, uint64_t last)
{
    const uint64_t first = address >> 12 < number ? 0 : address & 0xfff,
                   end = last >> 12 > number ? 0xfff : last & 0xfff;
    uint64_t lines = page->lines & touched_lines(first, end - first + 1);
    if (!page->cells)
        return lines;
    for (; lines; lines &= lines - 1) {
        const unsigned line = (unsigned)__builtin_ctzll(lines);
        const uint8_t cells = page->cells[__builtin_popcountll(page->lines & ((1ull << line) - 1))];
        if (cells & cells_between(line, first, end))
            return true;
    }
    return false;
}

bool touched_linear(const struct touched_index *x, size_t part, enum touch k, uint64_t address,
                    uint64_t length)
{
    assert(part < x->n && length && "a range holds at least a byte");
    const struct pages *p = &x->part[part].pages[k];
    if (k == TOUCH_ACCESSED && x->part[part].learnt != ACCESSES_ALL)
        return true;
    uint64_t last = address + length - 1;
    size_t low = SORTED_FROM(p->page, p->n, linear, address >> 12);
    for (; low < p->n && p->page[low].linear <= last >> 12; low++)
        if (may_be(&p->page[low], p->page[low].linear, address, last))
            return true;
    return false;
}

bool touched_physical(const struct touched_index *x, size_t part, enum touch k, uint64_t address,
                      uint64_t length)
{
    assert(part < x->n && length && "a range holds at least a byte");
    const struct pages *p = &x->part[part].pages[k];
    if (k == TOUCH_ACCESSED && x->part[part].learnt != ACCESSES_ALL)
        return true;
    uint64_t last = address + length - 1;
    for (size_t i = 0; i < p->n; i++) {
        const struct touched *page = &p->page[i];
        if (page->physical >= address >> 12 && page->physical <= last >> 12 &&
            may_be(page, page->physical, address, last))
            return true;
    }
    return false;
}

/* ---------------------------------------------------------------- learning */

enum accesses touched_learnt(const struct touched_index *x, size_t part)
{
    assert(part < x->n);
    return x->part[part].learnt;
}

bool touched_may_learn(const struct touched_index *x)
{
    return !x->full;
}

/* The page of `set` that is this one, from number *k on; NULL: none is. */
static const struct accessed *same_page(const struct accessed_set *set, size_t *k, const struct touched *page)
{
    while (*k < set->n && (set->page[*k].linear < page->linear ||
                           (set->page[*k].linear == page->linear && set->page[*k].physical < page->physical)))
        ++*k;
    const struct accessed *a = &set->page[*k];
    return *k < set->n && a->linear == page->linear && a->physical == page->physical ? a : NULL;
}

/* Of the page's lines only these were written. */
static void keep_lines(struct pool *pool, struct touched *page, uint64_t lines)
{
    const uint64_t was = page->lines;
    const uint8_t *from = page->cells;
    page->lines &= lines;
    if (!from || page->lines == was)
        return;
    uint8_t *to = pool_take(pool, (size_t)__builtin_popcountll(page->lines));
    page->cells = to;
    for (uint64_t left = was; left; left &= left - 1, from++)
        if (left & -left & lines)
            *to++ = *from;
}

void touched_learn(struct touched_index *x, size_t part, const struct accessed_set *set)
{
    assert(part < x->n);
    struct touched_stretch *s = &x->part[part];
    struct pages *to = &s->pages[TOUCH_ACCESSED], *written = &s->pages[TOUCH_WRITTEN];
    if (s->learnt >= set->what || x->full)
        return;
    free(to->page);
    x->pages -= to->n;
    *to = (struct pages){.page = mem_zero(set->n + 1, sizeof *to->page)};
    for (size_t i = 0; i < set->n; i++)
        to->page[to->n++] =
            (struct touched){set->page[i].linear, set->page[i].physical, set->page[i].accessed, NULL};
    for (size_t i = 0, k = 0; i < written->n; i++) {
        const struct accessed *a = same_page(set, &k, &written->page[i]);
        keep_lines(&x->cells, &written->page[i], a ? a->written : 0);
    }
    s->learnt = set->what;
    x->pages += set->n;
    x->full = x->pages > MOST_PAGES;
}

void touched_accessed(const struct touched_index *x, size_t part, struct accessed_set *set)
{
    assert(x->part[part].learnt);
    const struct pages *from = &x->part[part].pages[TOUCH_ACCESSED],
                       *written = &x->part[part].pages[TOUCH_WRITTEN];
    struct accessed *page = mem_zero(from->n + 1, sizeof *page);
    for (size_t i = 0; i < from->n; i++)
        page[i] = (struct accessed){from->page[i].linear, from->page[i].physical, from->page[i].lines, 0};
    *set = (struct accessed_set){page, from->n, x->part[part].learnt};
    for (size_t i = 0, k = 0; i < written->n; i++) {
        const struct accessed *a = same_page(set, &k, &written->page[i]);
        if (a)
            page[a - set->page].written = written->page[i].lines;
    }
}

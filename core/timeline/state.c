/* state.c - see state.h: capturing, restoring, hashing; checkpoints of the trace as states.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/restore.h"
#include "core/timeline/private/tree.h"

void store_init(struct store *s, struct engine *e, struct trace *t, uint64_t budget)
{
    *s = (struct store){.e = e, .t = t, .budget = budget, .hash = state_hash_new()};
}

void store_free(struct store *s)
{
    tree_free(s, &s->now);
    for (size_t i = 0; i < s->nregions; i++)
        free(s->regions[i]);
    free(s->regions);
    for (size_t i = 0; i < s->nlayout; i++)
        free(s->layout[i].name);
    free(s->layout);
    state_hash_free(s->hash);
    page_rooms_free(&s->rooms);
}

void machine_state_free(struct store *s, struct machine_state *m)
{
    if (!m->sections)
        return;
    tree_free(s, &m->tree);
    free(m->sections);
    assert(s->used >= s->sections_size && "what is freed was counted");
    s->used -= s->sections_size;
    m->sections = NULL;
}

/* ---------------------------------------------------------------- sections */

static void learn_section(void *ctx, const char *name, const struct field *fields, size_t nfields,
                          const void *base)
{
    struct store *s = ctx;
    MEM_MORE(s->layout, s->nlayout);
    s->layout[s->nlayout++] = (struct section_layout){mem_string(name), fields, nfields, s->sections_size + 1,
                                                      section_size(fields, nfields)};
    s->sections_size += 1 + section_size(fields, nfields);
}

static long section_number(const struct store *s, const char *name)
{
    for (size_t i = 0; i < s->nlayout; i++)
        if (!strcmp(s->layout[i].name, name))
            return (long)i;
    return -1;
}

/* ---------------------------------------------------------------- capturing */

struct capture {
    struct store *s;
    uint8_t *sections;
    size_t next; /* the next section; they come in order */
    bool hashes; /* of pages only these are kept */
};

static void capture_section(void *ctx, const char *name, const struct field *fields, size_t nfields,
                            const void *base)
{
    struct capture *c = ctx;
    while (c->next < c->s->nlayout && strcmp(c->s->layout[c->next].name, name))
        c->next++; /* it is left out while it is empty */
    assert(c->next < c->s->nlayout && "sections come in one order");
    const struct section_layout *l = &c->s->layout[c->next++];
    assert(l->fields == fields && l->nfields == nfields && "a section's fields stay the same");
    c->sections[l->offset - 1] = 1;
    section_pack(fields, nfields, base, c->sections + l->offset);
}

/* A page that changed, or may have changed. */
static void capture_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    const struct capture *c = ctx;
    struct store *s = c->s;
    size_t r = store_region(s, region);
    struct page *had = tree_get(&s->now, r, index);
    if (!s->known)
        return;
    if (had && had->data && !memcmp(had->data, data, SNAPSHOT_PAGE))
        return;
    if (mem_is_zero(data, SNAPSHOT_PAGE)) {
        tree_set(s, &s->now, r, index, NULL);
        return;
    }
    struct page *p = page_new(s, 0);
    if (c->hashes)
        p->hash = page_hash(region, index, data);
    else
        page_keep(s, p, data);
    tree_set(s, &s->now, r, index, p);
}

static void no_page(void *ctx, const char *region, uint64_t index, const void *data) {}
static void no_section(void *ctx, const char *name, const struct field *f, size_t n, const void *base) {}

void store_learn(struct store *s)
{
    const struct snapshot_sink learn = {
        .ctx = s, .section = learn_section, .page = no_page, .places = true, .all = true};
    if (!s->layout)
        s->e->ops->save(s->e, &learn, NULL);
}

void store_forget(struct store *s)
{
    if (!s->e->ops->fetched) /* or it is still needed to answer the engine */
        tree_free(s, &s->now);
    s->known = false;
}

/* What the engine holds has to be learned anew: all that it has not fetched so far it fetches now. */
static void begin(struct store *s)
{
    const struct snapshot_sink all = {.section = no_section, .page = no_page};
    if (s->now.n)
        s->e->ops->save(s->e, &all, NULL);
    tree_free(s, &s->now);
    s->base = (struct snapshot_base){0};
    s->known = true;
}

/* Updates s->now. */
static uint8_t *capture(struct store *s, bool hashes)
{
    struct capture c = {.s = s, .hashes = hashes};
    store_learn(s);
    c.sections = mem_zero(1, s->sections_size + 1);
    const struct snapshot_sink sink = {.ctx = &c, .section = capture_section, .page = capture_page};
    if (!s->known)
        begin(s);
    s->e->ops->save(s->e, &sink, &s->base);
    return c.sections;
}

static void capture_into(struct store *s, struct machine_state *to, bool hashes)
{
    assert(!to->sections && "a state is captured into an empty one");
    to->sections = capture(s, hashes);
    s->used += s->sections_size;
    tree_copy(s, &to->tree, &s->now);
}

void store_capture(struct store *s, struct machine_state *to)
{
    capture_into(s, to, false);
}

void store_capture_hashes(struct store *s, struct machine_state *to)
{
    assert(s->known && "pages without bytes are those of a state that is in the trace");
    capture_into(s, to, true);
}

uint8_t *store_sections(struct store *s)
{
    return capture(s, false);
}

/* ---------------------------------------------------------------- restoring */

struct put {
    uint64_t index;
    struct page *page; /* NULL if all zero */
};

struct put_list {
    struct put *put;
    size_t n, cap;
    bool reads; /* some must be read from the trace */
};

struct restore {
    struct store *s;
    const struct machine_state *from;
    struct put_list *region;
    size_t n;       /* of them */
    size_t current; /* region */
    struct error err;
};

static void add_put(struct put_list *l, uint64_t index, struct page *page)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->put = mem_resize(l->put, l->cap * sizeof *l->put);
    }
    l->put[l->n++] = (struct put){index, page};
    l->reads |= page && !page->data;
}

static struct put_list *put_list(struct restore *r, size_t region)
{
    if (region >= r->n) {
        r->region = mem_resize(r->region, (region + 1) * sizeof *r->region);
        memset(r->region + r->n, 0, (region + 1 - r->n) * sizeof *r->region);
        r->n = region + 1;
    }
    return &r->region[region];
}

/* The engine has changed this page since s->now. Pages in which the trees differ are put anyway. */
static void restore_changed(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct restore *r = ctx;
    size_t n = store_region(r->s, region);
    struct page *want = tree_get(&r->from->tree, n, index);
    if (want == tree_get(&r->s->now, n, index))
        add_put(put_list(r, n), index, want);
}

static void restore_differs(void *ctx, uint64_t index, struct page *now, struct page *want)
{
    struct restore *r = ctx;
    add_put(put_list(r, r->current), index, want);
}

/* Pages whose bytes must be read last, in the order of the trace. */
static int by_id(const void *a, const void *b)
{
    const struct put *x = a, *y = b;
    uint32_t i = x->page && !x->page->data ? x->page->id : 0, j = y->page && !y->page->data ? y->page->id : 0;
    if (i != j)
        return i < j ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static const uint8_t zeros[SNAPSHOT_PAGE];

static bool may_keep(const struct store *s)
{
    return s->used + SNAPSHOT_PAGE <= s->budget;
}

/* The page's bytes, read if necessary; valid until the next call. */
static const void *page_data(struct store *s, struct page *p, struct error *err)
{
    if (!p)
        return zeros;
    if (p->data)
        return p->data;
    assert(p->id && "a page is in memory or in the trace");
    const void *data = trace_page(s->t, p->id, err);
    if (data && may_keep(s)) {
        page_keep(s, p, data);
        s->kept = true;
    }
    return data;
}

static int restore_pages(void *ctx, const char *region,
                         int (*put)(void *put_ctx, uint64_t index, const void *data), void *put_ctx)
{
    struct restore *r = ctx;
    size_t n = store_region(r->s, region);
    struct put_list *l = put_list(r, n);
    if (l->reads)
        qsort(l->put, l->n, sizeof l->put[0], by_id);
    for (size_t i = 0; i < l->n; i++) {
        const void *data = page_data(r->s, l->put[i].page, &r->err);
        if (!data) {
            const struct error why = r->err;
            return error_set(&r->err, "%s (%s at 0x%llx)", why.text, region,
                             (unsigned long long)l->put[i].index * SNAPSHOT_PAGE);
        }
        if (put(put_ctx, l->put[i].index, data))
            return error_set(&r->err, "a page of \"%s\" does not fit this machine", region);
    }
    return 0;
}

static int restore_places(void *ctx, const char *region,
                          int (*put)(void *put_ctx, uint64_t index, const void *data), void *put_ctx)
{
    struct restore *r = ctx;
    const struct put_list *l = put_list(r, store_region(r->s, region));
    for (size_t i = 0; i < l->n; i++)
        if (put(put_ctx, l->put[i].index, NULL))
            return error_set(&r->err, "a page of \"%s\" does not fit this machine", region);
    return 0;
}

/* The engine first uses a page of what it has been given. */
static const void *restore_fetch(void *ctx, const char *region, uint64_t index)
{
    struct store *s = ctx;
    struct error why;
    const void *data = page_data(s, tree_get(&s->now, store_region(s, region), index), &why);
    if (!data && !s->lost.text[0])
        error_set(&s->lost, "%s (%s at 0x%llx)", why.text, region, (unsigned long long)index * SNAPSHOT_PAGE);
    return data;
}

static int restore_section(void *ctx, const char *name, const struct field *fields, size_t nfields,
                           void *base)
{
    struct restore *r = ctx;
    long i = section_number(r->s, name);
    if (i < 0)
        return error_set(&r->err, "the state has no section \"%s\"", name);
    const uint8_t *at = r->from->sections + r->s->layout[i].offset;
    if (!at[-1])
        return -1; /* the engine left it out */
    section_unpack(fields, nfields, base, at);
    return 0;
}

/* ---------------------------------------------------------------- reading ahead */

enum { FETCH_AT_A_TIME = 128 }; /* pages */

struct fetch {
    struct page **page;
    size_t n, cap;
};

static void fetch_differs(void *ctx, uint64_t index, struct page *now, struct page *want)
{
    struct fetch *f = ctx;
    if (!want || want->data)
        return;
    f->page = mem_grow(f->page, &f->cap, f->n + 1, sizeof *f->page);
    f->page[f->n++] = want;
}

static int by_page_id(const void *a, const void *b)
{
    uint32_t i = (*(struct page *const *)a)->id, j = (*(struct page *const *)b)->id;
    return (i > j) - (i < j);
}

/* An error is left for the restore, which meets it again. */
int store_fetch(struct store *s, const struct machine_state *from, bool (*go_on)(void *ctx), void *ctx)
{
    static const struct tree nothing;
    struct fetch f = {0};
    bool on = true;
    for (size_t r = 0; r < s->nregions && may_keep(s); r++)
        if (!s->e->ops->fetched || strcmp(s->regions[r], s->e->ops->fetched))
            tree_diff(s->known ? &s->now : &nothing, &from->tree, r, fetch_differs, &f);
    if (f.n)
        qsort(f.page, f.n, sizeof *f.page, by_page_id);
    for (size_t i = 0; i < f.n && on && may_keep(s); i++) {
        if (!page_data(s, f.page[i], NULL))
            break;
        if (i % FETCH_AT_A_TIME == FETCH_AT_A_TIME - 1)
            on = go_on(ctx);
    }
    free(f.page);
    return on;
}

/* ---------------------------------------------------------------- restoring a state */

/* Finds the pages that must be put. */
static void plan(struct restore *r)
{
    struct store *s = r->s;
    static const struct tree nothing;
    for (r->current = 0; r->current < s->nregions; r->current++)
        tree_diff(s->known ? &s->now : &nothing, &r->from->tree, r->current, restore_differs, r);
    const struct snapshot_sink sink = {
        .ctx = r, .section = no_section, .page = restore_changed, .places = true};
    if (s->known)
        s->e->ops->save(s->e, &sink, &s->base);
}

static size_t pages_put(const struct restore *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->region[i].n;
    return n;
}

/* The pages just put must not count as changes forever. But to end the epoch, the engine looks at all its
 * pages, which takes longer than putting so few again with the next restore: single steps back restore the
 * same state each time. */
enum { FEW_PUTS = 64 };

int store_restore(struct store *s, const struct machine_state *from, struct error *err)
{
    struct restore r = {.s = s, .from = from};
    s->known &= !s->lost.text[0];
    s->lost = (struct error){0};
    const struct snapshot_sink nobody = {.section = no_section, .page = no_page, .places = true};
    assert(from->sections && "only a state that was captured or loaded is restored");
    plan(&r);
    const struct snapshot_source source = {.ctx = &r,
                                           .section = restore_section,
                                           .pages = restore_pages,
                                           .whole = !s->known,
                                           .places = restore_places,
                                           .fetch = restore_fetch,
                                           .fetch_ctx = s};
    s->restores++;
    tree_free(s, &s->now);
    tree_copy(s, &s->now, &from->tree); /* before the load: the engine may fetch pages already */
    int rc = s->e->ops->load(s->e, &source, err);
    if (rc) {
        tree_free(s, &s->now);
        if (r.err.text[0])
            error_set(err, "%s", r.err.text);
    } else if (!s->known || pages_put(&r) > FEW_PUTS) {
        s->e->ops->save(s->e, &nobody, &s->base);
    }
    s->known = !rc;
    for (size_t i = 0; i < r.n; i++)
        free(r.region[i].put);
    free(r.region);
    return rc;
}

/* ---------------------------------------------------------------- checkpoints of the trace */

struct recorded {
    struct store *s;
    const struct tree *hint, *hint2;
    struct tree *to;
    size_t region, leaf;
    struct leaf *l; /* being filled */
};

static struct page *hinted(const struct tree *hint, const struct recorded *r, uint64_t index, uint32_t id)
{
    struct page *p = hint ? tree_get(hint, r->region, index) : NULL;
    return p && p->id == id ? p : NULL;
}

static bool same_leaf(const struct leaf *a, const struct leaf *b)
{
    return a && b && !memcmp(a->page, b->page, sizeof a->page);
}

/* The leaf is complete: if a hint has an equal one, that is shared. */
static void finish_leaf(struct recorded *r)
{
    const struct tree *hints[] = {r->hint, r->hint2};
    if (!r->l)
        return;
    for (unsigned i = 0; i < 2; i++) {
        struct leaf *other = hints[i] ? tree_leaf(hints[i], r->region, r->leaf) : NULL;
        if (same_leaf(other, r->l)) {
            leaf_drop(r->s, r->l);
            r->l = other;
            other->refs++;
            break;
        }
    }
    tree_set_leaf(r->s, r->to, r->region, r->leaf, r->l);
    r->l = NULL;
}

static void recorded_page(void *ctx, uint64_t index, uint32_t id)
{
    struct recorded *r = ctx;
    if (id == TRACE_PAGE_ZERO)
        return;
    if (r->l && r->leaf != index / LEAF)
        finish_leaf(r);
    if (!r->l)
        r->l = leaf_new(r->s);
    r->leaf = (size_t)(index / LEAF);
    assert(!r->l->page[index % LEAF] && "each page comes once");
    struct page *p = hinted(r->hint, r, index, id);
    if (!p)
        p = hinted(r->hint2, r, index, id);
    if (p)
        p->refs++;
    else
        p = page_new(r->s, id);
    r->l->page[index % LEAF] = p;
}

static int recorded_sections(struct store *s, struct trace_state *state, uint8_t *to, struct error *err)
{
    for (size_t i = 0; i < s->nlayout; i++) {
        const struct section_layout *l = &s->layout[i];
        const struct trace_section *sec = trace_state_section_by_name(state, l->name);
        if (!sec)
            continue; /* the engine knows whether it can do without */
        if (!section_fits(sec, l->fields, l->nfields))
            return error_set(err, "checkpoint: section \"%s\" has other fields than this version of bootreel",
                             l->name);
        memcpy(to + l->offset, sec->data, l->size);
        to[l->offset - 1] = 1;
    }
    return 0;
}

int store_recorded(struct store *s, size_t k, const struct tree *hint, const struct tree *hint2,
                   struct machine_state *to, struct error *err)
{
    struct trace_state *state = trace_checkpoint_load(s->t, k, err);
    if (!state)
        return -1;
    uint8_t *sections = mem_zero(1, s->sections_size + 1);
    if (recorded_sections(s, state, sections, err)) {
        free(sections);
        trace_state_free(state);
        return -1;
    }
    to->sections = sections;
    s->used += s->sections_size;
    for (size_t i = 0; i < trace_state_regions(state); i++) {
        struct recorded r = {s, hint, hint2, &to->tree,
                             .region = store_region(s, trace_state_region_name(state, i))};
        trace_state_page_ids(state, i, recorded_page, &r);
        finish_leaf(&r);
    }
    trace_state_free(state);
    return 0;
}

struct identify {
    struct store *s;
    struct machine_state *recorded;
    size_t region;
};

static void identify_slot(void *ctx, uint64_t index, struct page *have, struct page *rec)
{
    struct identify *i = ctx;
    if (!have || !rec || have->id)
        return;
    have->id = rec->id;
    have->refs++;
    tree_set(i->s, &i->recorded->tree, i->region, index, have);
}

void store_identify(struct store *s, const struct machine_state *have, struct machine_state *recorded)
{
    struct identify i = {s, recorded, 0};
    for (; i.region < s->nregions; i.region++)
        tree_diff(&have->tree, &recorded->tree, i.region, identify_slot, &i);
}

void store_let_go(struct store *s, struct tree *t, const struct tree *keep)
{
    for (size_t r = 0; r < t->n; r++)
        for (size_t i = 0; i < t->region[r].n; i++) {
            struct leaf *l = t->region[r].leaf[i], *k = keep ? tree_leaf(keep, r, i) : NULL;
            for (unsigned j = 0; l && l != k && j < LEAF; j++)
                if (l->page[j] && l->page[j]->id && !(k && k->page[j] == l->page[j]))
                    page_let_go(s, l->page[j]);
        }
}

/* ---------------------------------------------------------------- hashing */

/* The hash of a state's pages is the sum of theirs. */
struct hashing {
    struct store *s;
    size_t region;
    uint64_t sum;
    bool unread; /* a page could not be read */
};

static uint64_t hash_of(struct hashing *h, uint64_t index, struct page *p)
{
    struct error err;
    const void *data = p && !p->hash ? page_data(h->s, p, &err) : NULL;
    if (!p)
        return 0;
    if (data)
        p->hash = page_hash(h->s->regions[h->region], index, data);
    h->unread |= !p->hash;
    return p->hash;
}

static void hash_slot(void *ctx, uint64_t index, struct page *was, struct page *is)
{
    struct hashing *h = ctx;
    h->sum += hash_of(h, index, is) - hash_of(h, index, was);
}

static uint64_t sections_hash(struct store *s, const struct machine_state *m)
{
    state_hash_begin(s->hash, true);
    for (size_t i = 0; i < s->nlayout; i++)
        if (m->sections[s->layout[i].offset - 1])
            state_hash_section(s->hash, s->layout[i].name, m->sections + s->layout[i].offset,
                               s->layout[i].size);
    return state_hash_end(s->hash);
}

uint64_t store_hash(struct store *s, const struct machine_state *m, const struct machine_state *other,
                    uint64_t other_hash)
{
    static const struct tree nothing;
    struct hashing h = {.s = s, .sum = other ? other_hash - sections_hash(s, other) : 0};
    for (; h.region < s->nregions; h.region++)
        tree_diff(other ? &other->tree : &nothing, &m->tree, h.region, hash_slot, &h);
    if (h.unread)
        return 0;
    const uint64_t hash = sections_hash(s, m) + h.sum;
    return hash ? hash : 1;
}

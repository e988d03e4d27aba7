/* divergence.c - see divergence.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/private/divergence.h"
#include "core/run/restore.h"
#include "core/run/state.h"

enum { MAX_FIELDS = 16, MAX_PAGES = 8 };

struct page_name {
    char region[32];
    uint64_t index;
};

struct comparison {
    struct trace_state *recorded;
    struct state_hash *live; /* the page hashes of the live state */
    struct text *out;
    long fields, pages;
    bool *seen; /* recorded sections that the live state also has */
    const char *region;
    /* The lowest differing pages of each region, in the order of regions. */
    struct page_name page[MAX_PAGES];
    size_t npages;
    size_t region_start; /* first of `page` that belongs to the current region */
    uint8_t bytes[SNAPSHOT_PAGE];
};

/* ---------------------------------------------------------------- fields */

static uint64_t number(const uint8_t *p, unsigned width)
{
    uint64_t v = 0;
    memcpy(&v, p, width <= 8 ? width : 8);
    return v;
}

static void report_number(struct comparison *c, const char *section, const struct field *f, uint32_t i,
                          const uint8_t *recorded, const uint8_t *replayed)
{
    if (c->fields++ >= MAX_FIELDS)
        return;
    text_add(c->out, "  %s.%s", section, f->name);
    if (f->count > 1)
        text_add(c->out, "[%u]", i);
    text_add(c->out, ": recorded 0x%llx, replayed 0x%llx\n", (unsigned long long)number(recorded, f->width),
             (unsigned long long)number(replayed, f->width));
}

static void compare_fields(struct comparison *c, const char *name, const struct trace_section *s,
                           const struct field *fields, const void *base)
{
    const uint8_t *recorded = s->data;
    for (size_t i = 0; i < s->nfields; i++) {
        const uint8_t *replayed = (const uint8_t *)base + fields[i].offset;
        for (uint32_t k = 0; k < fields[i].count; k++) {
            if (memcmp(recorded, replayed, fields[i].width))
                report_number(c, name, &fields[i], k, recorded, replayed);
            recorded += fields[i].width;
            replayed += fields[i].width;
        }
    }
}

static void on_section(void *ctx, const char *name, const struct field *fields, size_t nfields,
                       const void *base)
{
    struct comparison *c = ctx;
    for (size_t i = 0; i < trace_state_sections(c->recorded); i++) {
        const struct trace_section *s = trace_state_section(c->recorded, i);
        if (strcmp(s->name, name))
            continue;
        c->seen[i] = true;
        if (section_fits(s, fields, nfields)) {
            compare_fields(c, name, s, fields, base);
        } else {
            c->fields++;
            text_add(c->out, "  section %s: recorded with other fields than this version has\n", name);
        }
        return;
    }
    c->fields++;
    text_add(c->out, "  section %s: not in the record\n", name);
}

static void on_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct comparison *c = ctx;
    state_hash_page(c->live, region, index, data);
}

static void missing_sections(struct comparison *c)
{
    for (size_t i = 0; i < trace_state_sections(c->recorded); i++)
        if (!c->seen[i]) {
            c->fields++;
            text_add(c->out, "  section %s: only in the record\n", trace_state_section(c->recorded, i)->name);
        }
}

/* ---------------------------------------------------------------- pages */

/* Keeps the lowest pages of the region while there is room. */
static void differs(struct comparison *c, const char *region, uint64_t index)
{
    size_t at = c->npages;
    c->pages++;
    while (at > c->region_start && c->page[at - 1].index > index)
        at--;
    if (at >= MAX_PAGES)
        return;
    size_t kept = c->npages < MAX_PAGES ? c->npages : MAX_PAGES - 1;
    memmove(&c->page[at + 1], &c->page[at], (kept - at) * sizeof c->page[0]);
    c->page[at].index = index;
    snprintf(c->page[at].region, sizeof c->page[at].region, "%s", region);
    c->npages = kept + 1;
}

static int recorded_page(void *ctx, uint64_t index, const void *data)
{
    struct comparison *c = ctx;
    if (page_hash(c->region, index, data) != state_hash_of_page(c->live, c->region, index))
        differs(c, c->region, index);
    return 0;
}

/* Notes a page that is only in the live state; pages in both have already been compared. */
static void live_page(void *ctx, const char *region, uint64_t index, uint64_t hash)
{
    struct comparison *c = ctx;
    if (trace_state_page(c->recorded, region, index, c->bytes, NULL) == 0) {
        c->region_start = c->npages;
        differs(c, region, index);
    }
}

static int compare_pages(struct comparison *c, struct error *err)
{
    for (size_t i = 0; i < trace_state_regions(c->recorded); i++) {
        c->region = trace_state_region_name(c->recorded, i);
        c->region_start = c->npages;
        if (trace_state_pages(c->recorded, c->region, recorded_page, c, err) < 0)
            return -1;
    }
    state_hash_pages(c->live, live_page, c);
    return 0;
}

struct page_report {
    struct comparison *c;
    const struct page_name *want;
    uint8_t live[SNAPSHOT_PAGE];
};

static void ignore_section(void *ctx, const char *name, const struct field *f, size_t n, const void *base) {}

static void grab_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct page_report *p = ctx;
    if (index == p->want->index && !strcmp(region, p->want->region))
        memcpy(p->live, data, SNAPSHOT_PAGE);
}

static void report_page(struct comparison *c, struct engine *e, const struct page_name *page)
{
    struct page_report p = {.c = c, .want = page};
    const struct snapshot_sink sink = {.ctx = &p, .section = ignore_section, .page = grab_page};
    unsigned at = 0, count = 0;
    e->ops->save(e, &sink, NULL);
    memset(c->bytes, 0, sizeof c->bytes);
    trace_state_page(c->recorded, page->region, page->index, c->bytes, NULL);
    for (unsigned i = SNAPSHOT_PAGE; i-- > 0;)
        if (c->bytes[i] != p.live[i]) {
            at = i;
            count++;
        }
    text_add(c->out,
             "  %s page %llu: first differing byte at 0x%llx: recorded 0x%02x, replayed 0x%02x (%u bytes of "
             "the page differ)\n",
             page->region, (unsigned long long)page->index,
             (unsigned long long)(page->index * SNAPSHOT_PAGE + at), c->bytes[at], p.live[at], count);
}

/* ---------------------------------------------------------------- the whole */

static void report(struct comparison *c, struct engine *e)
{
    if (c->fields > MAX_FIELDS)
        text_add(c->out, "  and %ld more fields\n", c->fields - MAX_FIELDS);
    for (size_t i = 0; i < c->npages; i++)
        report_page(c, e, &c->page[i]);
    if (c->pages > (long)c->npages)
        text_add(c->out, "  and %ld more pages\n", c->pages - (long)c->npages);
}

long divergence_of_state(struct engine *e, struct trace *t, size_t k, struct text *out, struct error *err)
{
    struct comparison *c = mem_zero(1, sizeof *c);
    const struct snapshot_sink sink = {.ctx = c, .section = on_section, .page = on_page};
    long differences = -1;
    c->out = out;
    c->recorded = trace_checkpoint_load(t, k, err);
    if (c->recorded) {
        c->live = state_hash_new();
        c->seen = mem_zero(trace_state_sections(c->recorded) + 1, sizeof *c->seen);
        e->ops->save(e, &sink, NULL);
        missing_sections(c);
        if (!compare_pages(c, err)) {
            report(c, e);
            differences = c->fields + c->pages;
        }
        trace_state_free(c->recorded);
    }
    state_hash_free(c->live);
    free(c->seen);
    free(c);
    return differences;
}

static void event_line(struct text *out, const char *who, bool has, const struct event *ev)
{
    char words[1024];
    if (!has) {
        text_add(out, "  %s: no event\n", who);
        return;
    }
    event_text(ev, words, sizeof words);
    text_add(out, "  %s: icount %llu, %llu ns, cpu%u: %s: %s\n", who, (unsigned long long)ev->icount,
             (unsigned long long)ev->time, ev->cpu, event_kind(ev->kind)->name, words);
}

void divergence_of_event(const struct trace_difference *d, struct text *out)
{
    uint64_t icount = UINT64_MAX;
    if (d->has_recorded)
        icount = d->recorded.icount;
    if (d->has_replayed && d->replayed.icount < icount)
        icount = d->replayed.icount;
    text_add(out, "event #%llu differs, at icount %llu:\n", (unsigned long long)d->number,
             (unsigned long long)icount);
    event_line(out, "recorded", d->has_recorded, &d->recorded);
    event_line(out, "replayed", d->has_replayed, &d->replayed);
}

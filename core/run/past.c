/* past.c - see past.h. */
#include "core/run/past.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PAGE = 4096, NO_PAGE = -1 };

struct past {
    struct trace *t;
    struct trace_state *state;
    struct engine_config config; /* without images */
    const struct engine_words *words;
    uint64_t index; /* of `page` in its region; NO_PAGE: it is empty */
    uint8_t page[PAGE];
};

struct past *past_open(const struct trace *t, const struct engine_kind *kind, size_t k, struct error *err)
{
    err->text[0] = 0;
    if (!kind->words || !kind->words->ram)
        return NULL;
    trace_prepare(t, kind->unpacked);
    struct past *p = mem_zero(1, sizeof *p);
    p->words = kind->words;
    p->index = (uint64_t)NO_PAGE;
    p->t = trace_open_beside(t, err);
    p->state = p->t ? trace_checkpoint_load(p->t, k, err) : NULL;
    if (!p->state) {
        past_close(p);
        return NULL;
    }
    p->config = engine_config_of(p->t);
    return p;
}

void past_close(struct past *p)
{
    if (!p)
        return;
    trace_state_free(p->state);
    trace_close(p->t);
    free(p);
}

void past_relax(struct past *p)
{
    trace_relax(p->t);
}

/* A page that the checkpoint does not have was never written: zeros. */
static bool take_page(struct past *p, const char *region, uint64_t index)
{
    struct error ignored;
    if (p->index == index)
        return true;
    const int there = trace_state_page(p->state, region, index, p->page, &ignored);
    p->index = there < 0 ? (uint64_t)NO_PAGE : index;
    if (!there)
        memset(p->page, 0, sizeof p->page);
    return there >= 0;
}

struct range {
    uint8_t *to;
    uint64_t first, n; /* pages */
};

static int put_page(void *ctx, uint64_t index, const void *data)
{
    const struct range *r = ctx;
    assert(index >= r->first && index - r->first < r->n && "only what was asked for");
    memcpy(r->to + (index - r->first) * PAGE, data, PAGE);
    return 0;
}

/* Reads whole pages, in the order in which the trace has them. Returns the bytes read: all or none. */
static size_t take_pages(struct past *p, const char *region, uint64_t offset, uint8_t *to, size_t n)
{
    assert(n && !(offset % PAGE) && !(n % PAGE));
    struct error ignored;
    struct range r = {to, offset / PAGE, n / PAGE};
    memset(to, 0, n);
    return trace_state_some_pages(p->state, region, r.first, r.n, put_page, &r, &ignored) ? 0 : n;
}

/* Reads a part of a page. */
static size_t take_part(struct past *p, const char *region, uint64_t offset, uint8_t *to, size_t n)
{
    const size_t within = offset % PAGE, part = PAGE - within < n ? PAGE - within : n;
    if (!take_page(p, region, offset / PAGE))
        return 0;
    memcpy(to, p->page + within, part);
    return part;
}

/* How many bytes from an address on are memory, and adjacent in its region; all pages but the first are
 * whole. */
static size_t row_of(const struct past *p, uint64_t physical, const char *region, uint64_t offset, size_t n)
{
    size_t row = PAGE - offset % PAGE;
    for (uint64_t next; row < n; row += PAGE)
        if (p->words->ram(&p->config, physical + row, &next) != region || next != offset + row)
            break;
    return row < n ? row : n;
}

size_t past_read(struct past *p, uint64_t physical, void *buf, size_t n)
{
    size_t done = 0;
    for (size_t part; done < n; done += part) {
        uint64_t offset;
        uint8_t *to = (uint8_t *)buf + done;
        const char *region = p->words->ram(&p->config, physical + done, &offset);
        if (!region)
            break;
        const size_t row = row_of(p, physical + done, region, offset, n - done);
        assert(row && row <= n - done && "a row lies within what was asked for");
        part = offset % PAGE || row < PAGE ? take_part(p, region, offset, to, row)
                                           : take_pages(p, region, offset, to, row / PAGE * PAGE);
        if (!part)
            break;
    }
    return done;
}

/* taped.c - the items that parts put on their tapes; see rewriter.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/rewriter.h"

struct taped_head {
    uint8_t what; /* enum taped */
    uint8_t fields, cpu, has_touched;
    uint16_t kind, guest;
    uint32_t len; /* of an event's data, or of a state */
    uint64_t icount, time;
    uint64_t k;
};

bool part_state_same(const struct part_state *a, const struct part_state *b)
{
    return a->n == b->n && (!a->n || !memcmp(a->data, b->data, a->n));
}

void taped_begin(void *tape, const void *state, size_t n)
{
    const struct taped_head h = {.what = TAPED_BEGIN, .len = (uint32_t)n};
    tape_put(tape, &h, sizeof h);
    tape_put(tape, state, n);
}

void taped_event(void *tape, const struct event *ev)
{
    assert(ev->kind < EV_COUNT && ev->len <= EVENT_MAX_DATA);
    const struct taped_head h = {.what = TAPED_EVENT,
                                 .fields = (uint8_t)event_kind(ev->kind)->nfields,
                                 .cpu = ev->cpu,
                                 .kind = ev->kind,
                                 .guest = ev->guest,
                                 .len = ev->len,
                                 .icount = ev->icount,
                                 .time = ev->time};
    tape_put(tape, &h, sizeof h);
    tape_put(tape, ev->f, h.fields * sizeof ev->f[0]);
    tape_put(tape, ev->data, ev->len);
}

static size_t cells_of(const struct touched *page, size_t n)
{
    size_t cells = 0;
    for (size_t i = 0; i < n; i++)
        cells += touched_cells(&page[i]);
    return cells;
}

void taped_checkpoint(void *tape, size_t k, const void *state, size_t n, const struct touched_set *set)
{
    const struct taped_head h = {
        .what = TAPED_CHECKPOINT, .has_touched = set != NULL, .len = (uint32_t)n, .k = k};
    tape_put(tape, &h, sizeof h);
    tape_put(tape, state, n);
    for (unsigned i = 0; set && i < TOUCHES; i++) {
        uint64_t pages = set->n[i];
        tape_put(tape, &pages, sizeof pages);
        tape_put(tape, set->page[i], pages * sizeof *set->page[i]);
        for (size_t p = 0; p < pages; p++)
            tape_put(tape, set->page[i][p].cells, touched_cells(&set->page[i][p]));
    }
}

void taped_free(struct taped_item *item)
{
    free(item->state.data);
    item->state = (struct part_state){0};
    for (unsigned i = 0; i < TOUCHES; i++) {
        free(item->touched[i]);
        free(item->cells[i]);
        item->touched[i] = NULL;
        item->cells[i] = NULL;
    }
}

static bool take_event(struct tape *t, const struct taped_head *h, struct taped_item *item)
{
    assert(h->fields <= EVENT_MAX_FIELDS && h->len <= sizeof item->data && "what was put fits an item");
    item->ev = (struct event){.kind = h->kind,
                              .cpu = h->cpu,
                              .guest = h->guest,
                              .icount = h->icount,
                              .time = h->time,
                              .data = item->data,
                              .len = h->len};
    return tape_get(t, item->ev.f, h->fields * sizeof item->ev.f[0]) && tape_get(t, item->data, h->len);
}

static bool take_state(struct tape *t, const struct taped_head *h, struct taped_item *item)
{
    item->state = (struct part_state){mem_alloc(h->len + 1u), h->len};
    return tape_get(t, item->state.data, h->len);
}

/* The pages have the addresses that their cells had when they were put. */
static bool take_cells(struct tape *t, struct taped_item *item, unsigned touch)
{
    struct touched *page = item->touched[touch];
    const size_t pages = item->set.n[touch], n = cells_of(page, pages);
    uint8_t *at = item->cells[touch] = mem_alloc(n);
    for (size_t i = 0; i < pages; i++)
        if (page[i].cells) {
            page[i].cells = at;
            at += touched_cells(&page[i]);
        }
    return tape_get(t, item->cells[touch], n);
}

static bool take_touched(struct tape *t, struct taped_item *item)
{
    for (unsigned i = 0; i < TOUCHES; i++) {
        uint64_t pages;
        if (!tape_get(t, &pages, sizeof pages))
            return false;
        item->touched[i] = mem_zero(pages + 1, sizeof *item->touched[i]);
        item->set.page[i] = item->touched[i];
        item->set.n[i] = pages;
        if (!tape_get(t, item->touched[i], pages * sizeof *item->touched[i]) || !take_cells(t, item, i))
            return false;
    }
    return true;
}

enum taped taped_next(struct tape *t, struct taped_item *item)
{
    struct taped_head h;
    taped_free(item);
    if (!tape_get(t, &h, sizeof h))
        return TAPED_END;
    assert(h.what > TAPED_END && h.what <= TAPED_CHECKPOINT && "the reader is at the beginning of an item");
    item->k = h.k;
    item->has_touched = h.has_touched;
    bool whole = h.what == TAPED_EVENT ? take_event(t, &h, item) : take_state(t, &h, item);
    if (whole && h.has_touched)
        whole = take_touched(t, item);
    return whole ? (enum taped)h.what : TAPED_END;
}

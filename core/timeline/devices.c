/* devices.c - in which parts of the recorded run devices wrote to memory.
 *
 * The index (traces/touched.h) has only the writes of processors. What devices wrote follows at first from the record's events, which
 * seldom say where. But each part that is run through from its beginning to its end tells it page by page, and is then known.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/timeline/private/impl.h"

enum { PAGE_BITS = 12, PAGES_MOST = 65536 };

struct written_page {
    uint64_t number;
};

/* What devices wrote in a part. */
struct device_part {
    struct written_page *page; /* ascending, each once */
    size_t n;
    bool known;    /* the pages are all; otherwise: */
    bool possible; /* the record's events do not rule it out */
};

struct device_parts {
    struct device_part *part;
    size_t n;
    /* The part that is being run through. */
    bool on;
    size_t at;
    uint64_t end; /* of that part */
    bool lost;    /* something was written that has no address, or too much */
    struct written_page *page;
    size_t npages, cap;
};

/* ---------------------------------------------------------------- by events */

/* Cards whose writes to memory are not in the record as events. */
static bool has_quiet_cards(const struct trace_config *cfg)
{
    static const char *const keys[] = {"virtio", "nic", "usb", "xen", "hvmloader"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        for (size_t k = 0; k < cfg->nsettings; k++)
            if (!strncmp(cfg->settings[k].key, keys[i], strlen(keys[i])))
                return true;
    for (size_t k = 0; k < cfg->nsettings; k++)
        if (strstr(cfg->settings[k].value, "usb") || strstr(cfg->settings[k].value, "scsi"))
            return true;
    return false;
}

/* Disk commands, reads of fw_cfg and resets, after which a kernel is loaded again. */
static bool is_writing(const struct event *ev)
{
    return event_kind(ev->kind)->cls == EC_DISK || ev->kind == EV_FW_CFG || ev->kind == EV_RESET ||
           ev->kind == EV_TRIPLE_FAULT;
}

/* Events say in which parts devices wrote: in the part of the event, in the one before, where the command may have begun, and in the one
 * after, where it may have ended. The host of an engine with tasks writes at any system call. */
static void note_events(struct device_parts *d, struct trace *t, const struct touched_index *x, bool tasks)
{
    const uint32_t classes =
        EVENT_CLASS_BIT(EC_DISK) | EVENT_CLASS_BIT(EC_FIRMWARE) | EVENT_CLASS_BIT(EC_POWER);
    const bool all = tasks || classes & ~trace_config(t)->classes || has_quiet_cards(trace_config(t));
    struct event ev;
    uint64_t number;
    struct error ignored;
    for (size_t i = 0; i < d->n; i++)
        d->part[i].possible = all;
    struct trace_cursor *c = all ? NULL : trace_cursor_open(t, classes);
    while (c && trace_cursor_next(c, &ev, &number, &ignored) == 1) {
        const long part = is_writing(&ev) ? touched_part_at(x, ev.icount) : -1;
        for (long i = part - 1; part >= 0 && i <= part + 1; i++)
            if (i >= 0 && (size_t)i < d->n)
                d->part[i].possible = true;
    }
    trace_cursor_close(c);
}

/* ---------------------------------------------------------------- by running */

static void wrote(void *ctx, uint64_t address, uint64_t n)
{
    struct timeline *tl = ctx;
    struct device_parts *d = tl->devices;
    if (!d->on || d->lost || (n && address + n - 1 < address))
        return;
    if (!n || n >> PAGE_BITS > PAGES_MOST - d->npages) {
        d->lost = true;
        return;
    }
    for (uint64_t p = address >> PAGE_BITS; p <= (address + n - 1) >> PAGE_BITS; p++) {
        if (d->npages && d->page[d->npages - 1].number == p)
            continue;
        d->page = mem_grow(d->page, &d->cap, d->npages + 1, sizeof *d->page);
        d->page[d->npages++].number = p;
    }
    d->lost = d->npages >= PAGES_MOST;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = ((const struct written_page *)a)->number, y = ((const struct written_page *)b)->number;
    return x < y ? -1 : x > y;
}

/* The part was run through. */
static void keep(struct device_parts *d)
{
    struct device_part *p = &d->part[d->at];
    if (p->known || d->lost)
        return;
    if (d->npages)
        qsort(d->page, d->npages, sizeof *d->page, by_number);
    for (size_t i = 0; i < d->npages; i++)
        if (!p->n || d->page[i].number != d->page[p->n - 1].number)
            d->page[p->n++] = d->page[i];
    p->page = p->n ? mem_copy(d->page, p->n * sizeof *p->page) : NULL;
    p->known = true;
}

void tl_devices_lost(struct timeline *tl)
{
    if (tl->devices)
        tl->devices->on = false;
}

void tl_devices_here(struct timeline *tl)
{
    struct device_parts *d = tl->devices;
    const uint64_t here = tl_here(tl);
    struct touched_set set;
    uint64_t begin, end;
    if (!d || !tl->e->ops->device_writes || tl->diverted || (d->on && here < d->end))
        return;
    if (d->on && here == d->end)
        keep(d);
    d->on = false;
    const long part = touched_part_at(tl->index, here);
    if (part < 0)
        return;
    touched_part(tl->index, (size_t)part, &begin, &end, &set);
    if (begin != here || d->part[part].known)
        return;
    d->on = true;
    d->at = (size_t)part;
    d->end = end;
    d->lost = false;
    d->npages = 0;
}

/* ---------------------------------------------------------------- asking */

static void make(struct timeline *tl)
{
    struct device_parts *d = mem_zero(1, sizeof *d);
    d->n = touched_parts(tl->index);
    d->part = mem_zero(d->n + 1, sizeof *d->part);
    note_events(d, tl->t, tl->index, timeline_has_tasks(tl));
    tl->devices = d;
    if (tl->e->ops->device_writes)
        tl->e->ops->device_writes(tl->e, wrote, tl);
}

bool tl_devices_wrote(struct timeline *tl, size_t part, uint64_t address, uint64_t length)
{
    assert(tl->index && part < touched_parts(tl->index) && length);
    if (!tl->devices)
        make(tl);
    const struct device_part *p = &tl->devices->part[part];
    if (!p->known)
        return p->possible;
    const uint64_t first = address >> PAGE_BITS, last = (address + length - 1) >> PAGE_BITS;
    const size_t i = SORTED_FROM(p->page, p->n, number, first);
    return i < p->n && p->page[i].number <= last;
}

void tl_devices_free(struct timeline *tl)
{
    struct device_parts *d = tl->devices;
    for (size_t i = 0; d && i < d->n; i++)
        free(d->part[i].page);
    if (d) {
        free(d->part);
        free(d->page);
    }
    free(d);
    tl->devices = NULL;
}

/* skip.c - which parts of the recorded run can hold a hit (traces/touched.h). */
#include <assert.h>
#include <string.h>

#include "core/timeline/private/impl.h"
#include "traces/memory.h"

/* The index, or NULL if there is none for this line. A damaged one counts as none: the answers are the same. */
static const struct touched_index *index_here(struct timeline *tl)
{
    struct error ignored;
    if (tl->diverted || tl->no_index)
        return NULL;
    if (!tl->index) {
        tl->index = touched_index_read(tl->t, &ignored);
        tl->no_index = !tl->index || !touched_parts(tl->index);
    }
    return tl->no_index ? NULL : tl->index;
}

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

/* Disk commands and reads of fw_cfg say in which parts devices wrote: in the part of the event, and in the
 * one before, where the command may have begun. */
static void note_devices(struct timeline *tl)
{
    const struct touched_index *x = tl->index;
    const uint32_t classes = EVENT_CLASS_BIT(EC_DISK) | EVENT_CLASS_BIT(EC_FIRMWARE);
    const size_t n = touched_parts(x);
    struct event ev;
    uint64_t number;
    struct error ignored;
    tl->by_devices = mem_zero(n + 1, 1);
    if (classes & ~trace_config(tl->t)->classes || has_quiet_cards(trace_config(tl->t))) {
        memset(tl->by_devices, 1, n);
        return;
    }
    struct trace_cursor *c = trace_cursor_open(tl->t, classes);
    while (trace_cursor_next(c, &ev, &number, &ignored) == 1) {
        const long part = touched_part_at(x, ev.icount);
        if (part < 0 || (event_kind(ev.kind)->cls != EC_DISK && ev.kind != EV_FW_CFG))
            continue;
        tl->by_devices[part] = 1;
        if (part)
            tl->by_devices[part - 1] = 1;
    }
    trace_cursor_close(c);
}

static bool devices_wrote(struct timeline *tl, size_t part)
{
    if (!tl->by_devices)
        note_devices(tl);
    assert(part < touched_parts(tl->index));
    return tl->by_devices[part];
}

static bool may_hit(struct timeline *tl, const struct touched_index *x, size_t part,
                    const struct stop_point *p)
{
    switch (p->kind) {
    case STOPS_EXEC_LINEAR:
        return touched_linear(x, part, TOUCH_EXECUTED, p->address, 1);
    case STOPS_EXEC_PHYSICAL:
        return touched_physical(x, part, TOUCH_EXECUTED, p->address, 1);
    case STOPS_WRITE:
        return touched_linear(x, part, TOUCH_WRITTEN, p->address, p->length);
    case STOPS_WRITE_PHYSICAL: /* images are loaded at position 0 without an event */
        return !part || touched_physical(x, part, TOUCH_WRITTEN, p->address, p->length) ||
               devices_wrote(tl, part);
    default:
        return true;
    }
}

/* Whether the step from `at` on is in a part that cannot hold a hit; then its bounds. */
static bool barren(struct timeline *tl, const struct touched_index *x, const struct stop_point *p, size_t n,
                   uint64_t at, uint64_t *begin, uint64_t *end)
{
    struct touched_set set;
    long part = touched_part_at(x, at);
    if (part < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (may_hit(tl, x, (size_t)part, &p[i]))
            return false;
    touched_part(x, (size_t)part, begin, end, &set);
    return true;
}

uint64_t tl_skip_forward(struct timeline *tl, const struct stop_point *p, size_t n, uint64_t at,
                         uint64_t limit)
{
    const struct touched_index *x = index_here(tl);
    uint64_t begin, end;
    while (x && at < limit && barren(tl, x, p, n, at, &begin, &end))
        at = end;
    return at < limit ? at : limit;
}

uint64_t tl_skip_back(struct timeline *tl, const struct stop_point *p, size_t n, uint64_t at, uint64_t limit)
{
    const struct touched_index *x = index_here(tl);
    uint64_t begin, end;
    while (x && at > limit && barren(tl, x, p, n, at - 1, &begin, &end))
        at = begin;
    return at > limit ? at : limit;
}

uint64_t tl_part_end(struct timeline *tl, uint64_t at)
{
    const struct touched_index *x = index_here(tl);
    long part = x ? touched_part_at(x, at) : -1;
    struct touched_set set;
    uint64_t begin, end = NOWHERE;
    if (part >= 0)
        touched_part(x, (size_t)part, &begin, &end, &set);
    return end;
}

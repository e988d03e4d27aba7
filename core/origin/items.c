/* items.c - sources that have a name of their own: fw_cfg's items, option ROMs, network frames, and the way through the
 * display's memory.
 *
 * Sources: QEMU's docs/specs/fw_cfg (selector 510h, data 511h, DMA at 514h); PCI Firmware 3.2, 5.1 (option ROMs).
 */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "core/origin/private/impl.h"

/* ---------------------------------------------------------------- fw_cfg */

enum { FWCFG_DATA = 0x511, FWCFG_DMA_LOW = 0x518, DMA_SELECT = 8, NOT_KNOWN = 0x10000 };

static bool last_of_kind(struct origin *o, uint16_t kind, struct event *ev, char *text, size_t size)
{
    struct trace *t = timeline_trace(o->tl);
    struct error ignored;
    uint64_t number;
    bool found = false;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(event_table[kind].cls));
    if (!trace_cursor_seek_icount(c, timeline_icount(o->tl) + 1, &ignored))
        while (!found && trace_cursor_prev(c, ev, &number, &ignored) == 1)
            found = ev->kind == kind;
    if (found && text)
        snprintf(text, size, "%.*s", (int)(ev->len < size ? ev->len : size - 1), (const char *)ev->data);
    trace_cursor_close(c);
    return found;
}

static void name_item(struct origin *o, struct origin_link *l, uint64_t selector, uint64_t offset)
{
    struct event ev;
    char name[60] = "";
    if (!last_of_kind(o, EV_FW_CFG, &ev, name, sizeof name) ||
        (selector != NOT_KNOWN && EVF(&ev, FW_CFG, selector) != selector))
        *name = 0;
    if (selector == NOT_KNOWN)
        selector = *name ? EVF(&ev, FW_CFG, selector) : 0;
    l->offset = offset;
    link_end(l, ORIGIN_ITEM, "fw_cfg item 0x%" PRIx64 "%s%s, byte %" PRIu64, selector, *name ? " " : "", name,
             offset);
}

bool source_item(struct origin *o, struct origin_link *l, uint64_t port)
{
    uint64_t selector, offset;
    struct timeline_stopped s;
    struct error ignored;
    if (port != FWCFG_DATA || timeline_seek(o->tl, l->icount, &s, &ignored) ||
        !timeline_field(o->tl, "fwcfg", "selector", 0, &selector) ||
        !timeline_field(o->tl, "fwcfg", "offset", 0, &offset))
        return false;
    name_item(o, l, selector, offset);
    return true;
}

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

bool source_item_dma(struct origin *o, struct origin_link *l, uint64_t at)
{
    struct timeline_stopped s;
    struct error ignored;
    uint8_t code[INSTRUCTION_BYTES], request[16], low[4];
    uint64_t high = 0, offset = 0, selector = NOT_KNOWN;
    if (timeline_seek(o->tl, l->icount, &s, &ignored))
        return false;
    struct timeline_where where;
    timeline_where(o->tl, &where);
    const uint64_t pc = timeline_pc(o->tl, where.cpu);
    const size_t n = timeline_peek(o->tl, where.cpu, pc, code, sizeof code);
    if (!origin_decode(o, timeline_code_bits(o->tl, where.cpu), code, n, pc) || o->insn->id != X86_INS_OUT ||
        (uint16_t)timeline_reg(o->tl, where.cpu, "rdx") != FWCFG_DMA_LOW)
        return false;
    const uint32_t eax = (uint32_t)timeline_reg(o->tl, where.cpu, "rax");
    memcpy(low, &eax, sizeof low);
    timeline_field(o->tl, "fwcfg", "dma_high", 0, &high);
    timeline_field(o->tl, "fwcfg", "offset", 0, &offset);
    const uint64_t from = high << 32 | big_endian(low, 4);
    if (timeline_peek_physical(o->tl, from, request, sizeof request) != sizeof request)
        return false;
    const uint64_t control = big_endian(request, 4), length = big_endian(request + 4, 4),
                   to = big_endian(request + 8, 8);
    if (at >= from && at < from + 4) {
        link_end(l, ORIGIN_DEVICE, "fw_cfg says here that the transfer is done");
        return true;
    }
    if (at < to || at >= to + length)
        return false;
    if (control & DMA_SELECT)
        selector = control >> 16;
    else
        timeline_field(o->tl, "fwcfg", "selector", 0, &selector);
    /* The event of the item is of this step. */
    if (timeline_step(o->tl, TIMELINE_FORWARD, 1, &s, &ignored))
        return false;
    name_item(o, l, selector, (control & DMA_SELECT ? 0 : offset) + at - to);
    return true;
}

/* ---------------------------------------------------------------- frames */

bool source_frame(struct origin *o, struct origin_link *l, uint64_t at)
{
    enum { AROUND = 16, LEAST = 6, FRAMES = 16, PAGE = 4096 };
    struct trace *t = timeline_trace(o->tl);
    struct timeline_stopped s;
    struct error ignored;
    struct event ev;
    uint64_t number;
    uint8_t bytes[2 * AROUND];
    bool found = false;
    const uint64_t page = at & ~(uint64_t)(PAGE - 1), begin = at - page < AROUND ? page : at - AROUND,
                   end = page + PAGE - at < AROUND ? page + PAGE : at + AROUND;
    if (timeline_seek(o->tl, l->icount + 1, &s, &ignored) ||
        timeline_peek_physical(o->tl, begin, bytes, end - begin) != end - begin)
        return false;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_NET));
    if (!trace_cursor_seek_icount(c, l->icount + 2, &ignored))
        for (unsigned i = 0; i < FRAMES && !found && trace_cursor_prev(c, &ev, &number, &ignored) == 1; i++) {
            if (ev.kind != EV_NET_IN)
                continue;
            /* With what is before it, or, near the frame's beginning, only with what follows. */
            for (uint64_t from = begin; from <= at && !found; from = from == at ? at + 1 : at) {
                const uint8_t *p =
                    end - from >= LEAST ? memmem(ev.data, ev.len, bytes + (from - begin), end - from) : NULL;
                if (!p)
                    continue;
                found = true;
                l->offset = (uint64_t)(p - (const uint8_t *)ev.data) + (at - from);
                link_end(l, ORIGIN_FRAME,
                         "frame of %" PRIu64 " bytes that card %" PRIu64 " took at icount %" PRIu64
                         ", byte %" PRIu64,
                         EVF(&ev, NET_IN, length), EVF(&ev, NET_IN, card), ev.icount, l->offset);
            }
        }
    trace_cursor_close(c);
    return found;
}

/* ---------------------------------------------------------------- the display's memory */

bool in_display(struct origin *o, uint64_t physical)
{
    struct display d;
    return physical >= 0xb8000 && physical < 0xc0000 && timeline_display(o->tl, &d, NULL, 0, NULL, 0) &&
           d.columns;
}

uint64_t display_value(struct origin *o, uint64_t physical)
{
    struct display d;
    uint64_t value = 0;
    if (!timeline_display(o->tl, &d, NULL, 0, NULL, 0) || !d.columns)
        return 0;
    const size_t n = (size_t)d.columns * d.rows, i = (physical - 0xb8000) / 2;
    struct display_cell *cells = mem_zero(n, sizeof *cells);
    if (i < n && timeline_display(o->tl, &d, cells, n, NULL, 0))
        value = physical & 1 ? (uint64_t)cells[i].ink << 32 | cells[i].paper : cells[i].character;
    free(cells);
    return value;
}

bool is_display(const struct origin_place *p)
{
    return p->memory && p->at_physical && p->linear >= 0xb8000 && p->linear < 0xc0000;
}

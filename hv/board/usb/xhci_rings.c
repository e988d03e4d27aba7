/* xhci_rings.c - the rings: events to the driver, and transfers of endpoints. See xhci.h.
 *
 * Source: xHCI 1.1, 4.9 (rings), 4.10 (completions: 4.10.1 short packets, 4.10.2 errors), 4.11 (TRBs). */
#include "hv/board/usb/xhci.h"

#include <string.h>

/* Guest times in ns: USB 2.0 moves a packet of 512 bytes in bulk in a thirteenth of a microframe of 125 us at best (5.8.4). */
enum { NS_TRANSFER = 10000, NS_BYTE = 19 };
enum { LINKS_MOST = 8, TRBS_MOST = 256, TRB = sizeof(struct xhci_trb) };
enum { ERDP_BUSY = 8, IMAN_PENDING = 1, IMAN_ENABLED = 2 };
_Static_assert(TRB == 16, "as in memory");

/* ---------------------------------------------------------------- events */

static void put_event(struct xhci *x, struct xhci_trb e)
{
    e.control = (e.control & ~(uint32_t)TRB_CYCLE) | x->events_cycle;
    physmem_write(board_mem(x->board), x->events + x->events_at * (uint64_t)TRB, &e, sizeof e);
    if (++x->events_at == x->events_size) {
        x->events_at = 0;
        x->events_cycle ^= 1;
    }
}

/* 4.9.4: one place stays free, and the one before it says that there is no more room. What does not fit is lost, which is an error of
 * the driver's. */
void xhci_event(struct xhci *x, struct xhci_trb e)
{
    uint64_t dequeue = x->erdp & ~15ull;
    if (x->events_size < 16 || dequeue < x->events || dequeue >= x->events + x->events_size * (uint64_t)TRB) {
        x->usbsts |= STS_ERROR;
        return;
    }
    uint32_t behind = (uint32_t)((dequeue - x->events) / TRB);
    uint32_t room = (behind + x->events_size - x->events_at - 1) % x->events_size;
    if (!room) {
        board_unhandled(x->board, "xhci event ring is full", e.control >> 10 & 63, true, e.parameter);
        return;
    }
    if (room == 1)
        e = (struct xhci_trb){.status = (uint32_t)CC_RING_FULL << 24,
                              .control = 37u << 10}; /* host controller */
    put_event(x, e);
    xhci_interrupt(x);
}

/* ---------------------------------------------------------------- rings of the driver's */

static struct xhci_trb trb_at(struct xhci *x, uint64_t at)
{
    struct xhci_trb t;
    physmem_read(board_mem(x->board), at, &t, sizeof t);
    return t;
}

bool xhci_next(struct xhci *x, struct xhci_ring *r, struct xhci_trb *t, uint64_t *at)
{
    for (unsigned links = 0; links < LINKS_MOST; links++) {
        *t = trb_at(x, r->at);
        if ((t->control & TRB_CYCLE) != r->cycle)
            return false;
        *at = r->at;
        if (trb_type(t) != TRB_LINK) {
            r->at += TRB;
            return true;
        }
        r->at = t->parameter & ~15ull;
        r->cycle ^= t->control & TRB_TOGGLE ? 1 : 0;
    }
    return false;
}

/* ---------------------------------------------------------------- contexts in memory */

void xhci_set_state(struct xhci *x, unsigned slot, unsigned endpoint, uint8_t state)
{
    struct xhci_endpoint *e = &x->slot[slot].endpoint[endpoint];
    uint64_t at = x->slot[slot].context + endpoint * 32u;
    uint32_t word;
    uint64_t dequeue = e->ring.at | e->ring.cycle;
    e->state = state;
    physmem_read(board_mem(x->board), at, &word, sizeof word);
    word = (word & ~7u) | state;
    physmem_write(board_mem(x->board), at, &word, sizeof word);
    if (state != EP_RUNNING)
        physmem_write(board_mem(x->board), at + 8, &dequeue, sizeof dequeue);
}

/* ---------------------------------------------------------------- a transfer's TRBs */

struct td {
    struct xhci *x;
    unsigned n;
    struct xhci_trb trb[TRBS_MOST];
    uint64_t at[TRBS_MOST]; /* their addresses */
};

static uint32_t length_of(const struct xhci_trb *t)
{
    unsigned type = trb_type(t);
    bool data = type == TRB_NORMAL || type == TRB_DATA || type == TRB_ISOCH;
    return data ? t->status & 0x1ffff : 0;
}

/* Copies between a buffer and bytes [at, at + n) of the TRBs' data. */
static void copy(struct td *td, uint64_t at, uint8_t *buf, size_t n, bool to_guest)
{
    for (unsigned i = 0; i < td->n && n; i++) {
        struct xhci_trb *t = &td->trb[i];
        uint32_t length = length_of(t);
        if (at >= length) {
            at -= length;
            continue;
        }
        size_t part = length - at < n ? length - at : n;
        if (t->control & TRB_IMMEDIATE && !to_guest)
            memcpy(buf, (uint8_t *)&t->parameter + (at & 7), part < 8 - (at & 7) ? part : 8 - (at & 7));
        else if (to_guest)
            physmem_write(board_mem(td->x->board), t->parameter + at, buf, part);
        else
            physmem_read(board_mem(td->x->board), t->parameter + at, buf, part);
        buf += part;
        n -= part;
        at = 0;
    }
}

static void get(void *ctx, uint64_t at, void *buf, size_t n)
{
    copy(ctx, at, buf, n, false);
}

static void put(void *ctx, uint64_t at, const void *buf, size_t n)
{
    copy(ctx, at, (uint8_t *)buf, n, true);
}

/* All TRBs of the next transfer: up to one that is not chained; of a control transfer, up to its status stage. Returns 1; 0 if the
 * driver has not put all of them there; -1 if they make no transfer. */
static int gather(struct xhci *x, struct xhci_ring *r, bool control, struct td *td)
{
    td->x = x;
    for (td->n = 0; td->n < TRBS_MOST; td->n++) {
        struct xhci_trb *t = &td->trb[td->n];
        if (!xhci_next(x, r, t, &td->at[td->n]))
            return 0;
        unsigned type = trb_type(t);
        bool last = control ? type == TRB_STATUS || type == TRB_NOOP : !(t->control & TRB_CHAIN);
        if (!type || type > TRB_NOOP)
            return -1;
        /* An event data TRB behind the status stage belongs to it. */
        if (last && !(control && t->control & TRB_CHAIN)) {
            td->n++;
            return 1;
        }
        if (control && type == TRB_EVENT_DATA && td->n && trb_type(&td->trb[td->n - 1]) == TRB_STATUS) {
            td->n++;
            return 1;
        }
    }
    return -1;
}

/* ---------------------------------------------------------------- completion */

static void tell(struct td *td, unsigned slot, unsigned endpoint, unsigned i, uint8_t code, uint32_t left)
{
    const struct xhci_trb *t = &td->trb[i];
    bool data = trb_type(t) == TRB_EVENT_DATA;
    xhci_event(td->x, (struct xhci_trb){.parameter = data ? t->parameter : td->at[i],
                                        .status = left | (uint32_t)code << 24,
                                        .control = (uint32_t)TRB_TRANSFER_EVENT << 10 | (data ? 4u : 0) |
                                                   endpoint << 16 | (slot + 1) << 24});
}

/* Events of the TRBs that ask for one; one at most for each stage. `moved` bytes were moved, then `code` happened. */
static void complete(struct td *td, unsigned slot, unsigned endpoint, uint64_t moved, uint8_t code)
{
    uint64_t left = moved, sum = 0;
    bool told = false, is_short = false;
    for (unsigned i = 0; i < td->n; i++) {
        const struct xhci_trb *t = &td->trb[i];
        uint32_t length = length_of(t), part = length < left ? length : (uint32_t)left;
        unsigned type = trb_type(t);
        is_short |= code == CC_SUCCESS && part < length;
        left -= part;
        sum += part;
        if (type == TRB_STATUS)
            told = is_short = false;
        bool failed = code != CC_SUCCESS && !left && (type != TRB_SETUP || i + 1 == td->n);
        if (!told && (t->control & TRB_IOC || (is_short && t->control & TRB_ISP) || failed)) {
            uint32_t rest = type == TRB_EVENT_DATA ? (uint32_t)sum & 0xffffff : length - part;
            tell(td, slot, endpoint, i,
                 code != CC_SUCCESS ? code
                 : is_short         ? CC_SHORT_PACKET
                                    : CC_SUCCESS,
                 rest);
            told = true;
            if (code != CC_SUCCESS)
                return;
        }
        if (type == TRB_EVENT_DATA)
            sum = 0;
        if (type == TRB_SETUP)
            told = is_short = false;
    }
}

/* The ring stays where the transfer began; the driver sets it beyond. */
static void halt(struct td *td, unsigned slot, unsigned endpoint, uint64_t moved)
{
    complete(td, slot, endpoint, moved, CC_STALL);
    xhci_set_state(td->x, slot, endpoint, EP_HALTED);
}

/* ---------------------------------------------------------------- transfers */

static uint64_t data_size(const struct td *td)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < td->n; i++)
        n += length_of(&td->trb[i]);
    return n;
}

static uint64_t control(struct td *td, unsigned slot, struct usb_device *d)
{
    uint8_t buf[USB_CONTROL_MOST] = {0};
    struct usb_setup s;
    uint64_t room = data_size(td);
    int n = -1;
    memcpy(&s, &td->trb[0].parameter, sizeof s);
    bool in = s.type & 0x80;
    if (trb_type(&td->trb[0]) == TRB_NOOP) {
        complete(td, slot, 1, 0, CC_SUCCESS);
        return NS_TRANSFER;
    }
    if (trb_type(&td->trb[0]) == TRB_SETUP && d && (in || (s.length <= sizeof buf && room >= s.length))) {
        if (!in)
            get(td, 0, buf, s.length);
        n = usb_control(d, &s, buf);
    }
    if (n < 0) {
        halt(td, slot, 1, 0);
        return NS_TRANSFER;
    }
    uint64_t moved = in ? ((uint64_t)n < room ? (uint64_t)n : room) : room;
    if (in)
        put(td, 0, buf, moved);
    complete(td, slot, 1, moved, CC_SUCCESS);
    return NS_TRANSFER + moved * NS_BYTE;
}

static uint64_t data_transfer(struct td *td, unsigned slot, unsigned endpoint, struct usb_device *d,
                              enum usb_result *r)
{
    struct usb_transfer t = {.ctx = td, .size = data_size(td), .get = get, .put = put};
    t.address = td->trb[0].parameter;
    *r = USB_OK;
    if (trb_type(&td->trb[0]) != TRB_NOOP)
        *r = d ? usb_data(d, endpoint / 2, endpoint & 1, &t) : USB_STALL;
    if (*r == USB_OK)
        complete(td, slot, endpoint, t.moved, CC_SUCCESS);
    else if (*r == USB_STALL)
        halt(td, slot, endpoint, 0);
    return NS_TRANSFER + t.moved * NS_BYTE;
}

uint64_t xhci_transfer(struct xhci *x, unsigned slot, unsigned endpoint)
{
    struct xhci_endpoint *e = &x->slot[slot].endpoint[endpoint];
    struct usb_device *d = xhci_device(x, x->slot[slot].port);
    struct xhci_ring ring = e->ring;
    enum usb_result r = USB_OK;
    uint64_t ns;
    struct td td;
    int there = gather(x, &ring, endpoint == 1, &td);
    if (there <= 0) {
        e->rung = 0;
        if (there < 0) {
            board_unhandled(x->board, "xhci transfer", trb_type(&td.trb[td.n < TRBS_MOST ? td.n : 0]), true,
                            e->ring.at);
            td.n = td.n < TRBS_MOST ? td.n + 1 : TRBS_MOST;
            tell(&td, slot, endpoint, 0, CC_TRB_ERROR, 0);
            xhci_set_state(x, slot, endpoint, EP_ERROR);
        }
        return 0;
    }
    if (endpoint == 1)
        ns = control(&td, slot, d);
    else
        ns = data_transfer(&td, slot, endpoint, d, &r);
    e->waits = r == USB_NAK;
    if (e->state == EP_RUNNING && r != USB_NAK)
        e->ring = ring;
    return ns;
}

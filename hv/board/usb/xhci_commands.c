/* xhci_commands.c - commands of the command ring. Source: xHCI 1.1, 4.6 (what each does), 6.2 (contexts), 6.4.3 (TRBs). */
#include "hv/board/usb/xhci.h"

#include <string.h>

enum { CONTEXT = 32, CONTEXTS = 32 /* slot context and 31 endpoints */ };

/* Contexts of 32 bytes. */
struct context {
    uint32_t word[8];
};

static struct context read_context(struct xhci *x, uint64_t at)
{
    struct context c;
    physmem_read(board_mem(x->board), at, &c, sizeof c);
    return c;
}

static void write_context(struct xhci *x, uint64_t at, const struct context *c)
{
    physmem_write(board_mem(x->board), at, c, sizeof *c);
}

static void set_slot_state(struct xhci *x, unsigned slot, unsigned state, unsigned address)
{
    struct context c = read_context(x, x->slot[slot].context);
    c.word[3] = (c.word[3] & 0x07ffff00) | state << 27 | address;
    write_context(x, x->slot[slot].context, &c);
}

/* ---------------------------------------------------------------- slots */

static uint8_t enable_slot(struct xhci *x, unsigned *slot)
{
    for (unsigned i = 0; i < XHCI_SLOTS && i < (x->config & 255); i++)
        if (!x->slot[i].enabled) {
            x->slot[i] = (struct xhci_slot){.enabled = 1};
            *slot = i;
            return CC_SUCCESS;
        }
    return CC_NO_SLOTS;
}

static uint8_t disable_slot(struct xhci *x, unsigned slot)
{
    if (x->slot[slot].context)
        set_slot_state(x, slot, SLOT_DISABLED, 0);
    x->slot[slot] = (struct xhci_slot){0};
    return CC_SUCCESS;
}

static void open_endpoint(struct xhci *x, unsigned slot, unsigned index, struct context *c)
{
    uint64_t dequeue = (uint64_t)c->word[3] << 32 | c->word[2];
    x->slot[slot].endpoint[index] =
        (struct xhci_endpoint){.ring = {.at = dequeue & ~15ull, .cycle = dequeue & 1},
                               .state = EP_RUNNING,
                               .type = c->word[1] >> 3 & 7};
    c->word[0] = (c->word[0] & ~7u) | EP_RUNNING;
    write_context(x, x->slot[slot].context + index * CONTEXT, c);
}

static bool port_taken(const struct xhci *x, unsigned slot, unsigned port)
{
    for (unsigned i = 0; i < XHCI_SLOTS; i++)
        if (i != slot && x->slot[i].enabled && x->slot[i].port == port)
            return true;
    return false;
}

/* Bit 9 of the command (BSR): the device is not to be given its address yet. */
static uint8_t address_device(struct xhci *x, unsigned slot, const struct xhci_trb *t)
{
    uint64_t input = t->parameter & ~15ull;
    struct xhci_slot *s = &x->slot[slot];
    struct context control = read_context(x, input), device = read_context(x, input + CONTEXT);
    struct context endpoint = read_context(x, input + 2 * CONTEXT);
    unsigned port = device.word[1] >> 16 & 255;
    bool wait = t->control & 0x200;
    uint64_t context;
    physmem_read(board_mem(x->board), x->dcbaap + (slot + 1) * 8u, &context, sizeof context);
    if (control.word[0] || control.word[1] != 3 || !xhci_device(x, port) || device.word[0] & 0xfffff)
        return CC_PARAMETER; /* also for a device behind a hub: there are no hubs */
    if (port_taken(x, slot, port))
        return CC_PARAMETER;
    s->context = context & ~63ull;
    s->port = (uint8_t)port;
    device.word[3] = (wait ? SLOT_DEFAULT : SLOT_ADDRESSED) << 27 | (wait ? 0 : slot + 1);
    write_context(x, s->context, &device);
    open_endpoint(x, slot, 1, &endpoint);
    return CC_SUCCESS;
}

/* ---------------------------------------------------------------- endpoints */

static void close_endpoint(struct xhci *x, unsigned slot, unsigned index)
{
    if (x->slot[slot].endpoint[index].state)
        xhci_set_state(x, slot, index, EP_DISABLED);
    x->slot[slot].endpoint[index] = (struct xhci_endpoint){0};
}

static void close_all(struct xhci *x, unsigned slot)
{
    for (unsigned i = 2; i < CONTEXTS; i++)
        close_endpoint(x, slot, i);
}

/* Bulk and interrupt endpoints (types 2, 3, 6, 7) can be opened. */
static bool may_open(struct xhci *x, uint64_t input, uint32_t add)
{
    for (unsigned i = 2; i < CONTEXTS; i++) {
        unsigned type = read_context(x, input + (i + 1) * CONTEXT).word[1] >> 3 & 7;
        if (add >> i & 1 && (type & 2) == 0) {
            board_unhandled(x->board, "xhci endpoint type", type, true, i);
            return false;
        }
    }
    return true;
}

/* Bit 9 of the command (DC): close all endpoints. */
static uint8_t configure(struct xhci *x, unsigned slot, const struct xhci_trb *t)
{
    uint64_t input = t->parameter & ~15ull;
    struct xhci_slot *s = &x->slot[slot];
    struct context control = read_context(x, input);
    if (!s->port)
        return CC_CONTEXT_STATE;
    if (t->control & 0x200) {
        close_all(x, slot);
        set_slot_state(x, slot, SLOT_ADDRESSED, slot + 1);
        return CC_SUCCESS;
    }
    if (control.word[0] & 3 || !(control.word[1] & 1))
        return CC_PARAMETER;
    if (!may_open(x, input, control.word[1]))
        return CC_PARAMETER;
    for (unsigned i = 2; i < CONTEXTS; i++) {
        struct context endpoint = read_context(x, input + (i + 1) * CONTEXT);
        if (control.word[0] >> i & 1)
            close_endpoint(x, slot, i);
        if (control.word[1] >> i & 1)
            open_endpoint(x, slot, i, &endpoint);
    }
    struct context device = read_context(x, s->context), wanted = read_context(x, input + CONTEXT);
    device.word[0] = (device.word[0] & 0x07ffffff) | (wanted.word[0] & 0xf8000000);
    write_context(x, s->context, &device);
    set_slot_state(x, slot, SLOT_CONFIGURED, slot + 1);
    return CC_SUCCESS;
}

/* What may change: the latency and interrupter of the slot, the packet size of endpoint 0. */
static uint8_t evaluate(struct xhci *x, unsigned slot, const struct xhci_trb *t)
{
    uint64_t input = t->parameter & ~15ull, context = x->slot[slot].context;
    struct context control = read_context(x, input);
    if (!x->slot[slot].port)
        return CC_CONTEXT_STATE;
    if (control.word[0] || control.word[1] & ~3u)
        return CC_PARAMETER;
    if (control.word[1] & 1) {
        struct context from = read_context(x, input + CONTEXT), to = read_context(x, context);
        to.word[1] = (to.word[1] & ~0xffffu) | (from.word[1] & 0xffff);
        to.word[2] = (to.word[2] & 0x003fffff) | (from.word[2] & 0xffc00000);
        write_context(x, context, &to);
    }
    if (control.word[1] & 2) {
        struct context from = read_context(x, input + 2 * CONTEXT), to = read_context(x, context + CONTEXT);
        to.word[1] = (to.word[1] & 0xffff) | (from.word[1] & 0xffff0000);
        write_context(x, context + CONTEXT, &to);
    }
    return CC_SUCCESS;
}

static uint8_t reset_device(struct xhci *x, unsigned slot)
{
    if (!x->slot[slot].port)
        return CC_CONTEXT_STATE;
    close_all(x, slot);
    set_slot_state(x, slot, SLOT_DEFAULT, 0);
    return CC_SUCCESS;
}

static uint8_t on_endpoint(struct xhci *x, unsigned slot, const struct xhci_trb *t)
{
    unsigned index = t->control >> 16 & 31, type = trb_type(t);
    struct xhci_endpoint *e = &x->slot[slot].endpoint[index];
    if (!index)
        return CC_TRB_ERROR;
    if (e->state == EP_DISABLED)
        return CC_ENDPOINT_DISABLED;
    if (type == TRB_STOP_ENDPOINT    ? e->state != EP_RUNNING
        : type == TRB_RESET_ENDPOINT ? e->state != EP_HALTED
                                     : e->state != EP_STOPPED && e->state != EP_ERROR)
        return CC_CONTEXT_STATE;
    if (type == TRB_SET_DEQUEUE)
        e->ring = (struct xhci_ring){.at = t->parameter & ~15ull, .cycle = t->parameter & 1};
    e->rung = e->waits = 0;
    xhci_set_state(x, slot, index, EP_STOPPED);
    return CC_SUCCESS;
}

/* ---------------------------------------------------------------- the ring */

static uint8_t on_slot(struct xhci *x, unsigned slot, const struct xhci_trb *t)
{
    if (slot >= XHCI_SLOTS || !x->slot[slot].enabled)
        return CC_SLOT_DISABLED;
    switch (trb_type(t)) {
    case TRB_DISABLE_SLOT:
        return disable_slot(x, slot);
    case TRB_ADDRESS_DEVICE:
        return address_device(x, slot, t);
    case TRB_CONFIGURE:
        return configure(x, slot, t);
    case TRB_EVALUATE:
        return evaluate(x, slot, t);
    case TRB_RESET_DEVICE:
        return reset_device(x, slot);
    case TRB_RESET_ENDPOINT:
    case TRB_STOP_ENDPOINT:
    case TRB_SET_DEQUEUE:
        return on_endpoint(x, slot, t);
    default:
        board_unhandled(x->board, "xhci command", trb_type(t), true, t->parameter);
        return CC_TRB_ERROR;
    }
}

bool xhci_command(struct xhci *x)
{
    struct xhci_trb t;
    uint64_t at;
    uint8_t code = CC_SUCCESS;
    if (!xhci_next(x, &x->commands, &t, &at)) {
        x->command_rung = 0;
        return false;
    }
    unsigned slot = (t.control >> 24) - 1;
    if (trb_type(&t) == TRB_ENABLE_SLOT)
        code = enable_slot(x, &slot);
    else if (trb_type(&t) != TRB_NOOP_COMMAND)
        code = on_slot(x, slot, &t);
    xhci_event(x, (struct xhci_trb){.parameter = at,
                                    .status = (uint32_t)code << 24,
                                    .control = (uint32_t)TRB_COMMAND_EVENT << 10 | (slot + 1) << 24});
    return true;
}

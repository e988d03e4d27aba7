/* e1000_device.c - what the 82540EM and the 82574L have in common: registers, interrupt causes with their delays, ranges. See
 * e1000_impl.h.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453-006), 13. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/board/pci/function.h"
#include "hv/board/network/e1000_impl.h"
#include "hv/board/pci/msi.h"

#include <stdlib.h>
#include <string.h>

enum { BAR_MEMORY = 0, IO_ADDRESS = 0, IO_DATA = 4 };
enum { CTRL_SLU = 1 << 6, CTRL_RST = 1 << 26, CTRL_PHY_RST = 1u << 31, CTRL_FD = 1 };
enum { STATUS_FD = 1, STATUS_LU = 2, STATUS_1000 = 2 << 6 };
enum { DELAY_NS = 1024 };

/* ---------------------------------------------------------------- interrupts */

void e1000_set_pin(struct e1000 *s, bool level)
{
    if (level && !s->pin && s->reg[E1000_ITR])
        timer_set(s->board, &s->throttle, board_now(s->board) + e1000_gap(s->reg[E1000_ITR]));
    bool rises = level && !s->pin, message = s->model->msi && msi_enabled(&s->pci, s->model->msi);
    s->pin = level;
    if (rises)
        e1000_count_interrupt(s, SI_IAC);
    if (message && rises)
        msi_notify(s->board, &s->pci, s->model->msi);
    board_pci_irq(s->board, s->pci.devfn, 0, level && !message);
}

void e1000_update_pin(struct e1000 *s)
{
    bool wanted = s->reg[E1000_ICR] & s->reg[E1000_IMS];
    if (wanted != s->pin && !(wanted && s->throttle.deadline != TIMER_OFF))
        e1000_set_pin(s, wanted);
}

static void throttle_ends(void *ctx)
{
    struct e1000 *s = ctx;
    s->model->update(s);
}

void e1000_cause(struct e1000 *s, uint32_t causes)
{
    s->reg[E1000_ICR] |= causes;
    s->model->update(s);
}

static void give_delayed(struct e1000 *s)
{
    uint32_t causes = s->delayed;
    s->delayed = 0;
    timer_stop(s->board, &s->delay);
    e1000_cause(s, causes);
}

/* It was the timer of each, or the absolute one. */
static void delay_ends(void *ctx)
{
    enum { RECEIVED = E1000_RXT0 | E1000_RXQ0 | E1000_RXQ1, SENT = E1000_TXDW | E1000_TXQ0 | E1000_TXQ1 };
    struct e1000 *s = ctx;
    const bool absolute = board_now(s->board) >= s->delay_end;
    if (s->delayed & RECEIVED)
        e1000_count_interrupt(s, absolute ? SI_ICRXATC : SI_ICRXPTC);
    if (s->delayed & SENT)
        e1000_count_interrupt(s, absolute ? SI_ICTXATC : SI_ICTXPTC);
    give_delayed(s);
}

void e1000_cause_later(struct e1000 *s, uint32_t causes, uint32_t delay, uint32_t most)
{
    uint64_t now = board_now(s->board), end = now + (uint64_t)(delay & 0xffff) * DELAY_NS;
    if (!(delay & 0xffff)) {
        s->delayed |= causes;
        give_delayed(s);
        return;
    }
    if (!s->delayed)
        s->delay_end = most & 0xffff ? now + (uint64_t)(most & 0xffff) * DELAY_NS : UINT64_MAX;
    s->delayed |= causes;
    timer_set(s->board, &s->delay, end < s->delay_end ? end : s->delay_end);
}

/* ---------------------------------------------------------------- registers */

void e1000_reset_registers(struct e1000 *s)
{
    memset(s->reg, 0, sizeof s->reg);
    memset(s->context, 0, sizeof s->context);
    s->reg[E1000_CTRL] = CTRL_FD | CTRL_SLU;
    s->reg[E1000_STATUS] = STATUS_FD | STATUS_LU | STATUS_1000;
    s->reg[E1000_RA] = le32(s->nic.address);
    s->reg[E1000_RA + 1] = le16(s->nic.address + 4) | E1000_RAH_VALID;
    s->command = s->command_bits = s->reading = 0;
    s->out_bit = 0;
    s->delayed = 0;
    s->delay_end = 0;
    s->io_address = 0;
    timer_stop(s->board, &s->send);
    timer_stop(s->board, &s->throttle);
    timer_stop(s->board, &s->delay);
    nic_reset(&s->nic);
    s->told = 0;
    s->turn = 0;
    memset(s->vector_free, 0, sizeof s->vector_free);
    s->system_time = s->system_since = 0;
    e1000_set_pin(s, false);
    s->model->reset(s);
}

static const struct e1000_place places[] = {
#define PLACE(name, offset, n, access, what) {offset, n, E1000_##name, E1000_##access},
    E1000_REGISTERS(PLACE)
#undef PLACE
};

static int find_place(const struct e1000_place *place, size_t n, uint32_t offset, enum e1000_access *access)
{
    for (size_t i = 0; i < n; i++)
        if (offset - place[i].offset < place[i].n * 4) {
            *access = place[i].access;
            return (int)(place[i].first + (offset - place[i].offset) / 4);
        }
    return -1;
}

/* The register at an offset, or -1. */
static int register_at(const struct e1000 *s, uint32_t offset, enum e1000_access *access)
{
    int r = find_place(places, sizeof places / sizeof places[0], offset, access);
    return r >= 0 ? r : find_place(s->model->more, s->model->nmore, offset, access);
}

/* Statistics of 64 bits are cleared when their upper half is read. */
static uint32_t read_counter(struct e1000 *s, unsigned r)
{
    static const unsigned wide[] = {S_GORC / 4, S_GOTC / 4, S_TOR / 4, S_TOT / 4};
    uint32_t value = s->reg[r];
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (r == E1000_STATISTICS + wide[i])
            return value;
        if (r == E1000_STATISTICS + wide[i] + 1)
            s->reg[r - 1] = 0;
    }
    s->reg[r] = 0;
    return value;
}

static uint32_t read_register(struct e1000 *s, uint32_t offset)
{
    enum e1000_access access;
    uint32_t value;
    int r = register_at(s, offset & ~3u, &access);
    if (r < 0) {
        board_unhandled(s->board, s->model->unknown, offset, false, 0);
        return 0;
    }
    if (s->model->read(s, (unsigned)r, &value))
        return value;
    if (access == E1000_COUNTER)
        return read_counter(s, (unsigned)r);
    if (r == E1000_EECD)
        return e1000_read_wires(s);
    return r == E1000_ICS || r == E1000_IMC ? 0 : s->reg[r];
}

static void write_special(struct e1000 *s, int r, uint32_t value)
{
    switch (r) {
    case E1000_CTRL:
        if (value & CTRL_PHY_RST)
            e1000_reset_phy(s);
        if (value & CTRL_RST)
            e1000_reset_registers(s);
        else
            s->reg[r] = value & ~(uint32_t)CTRL_PHY_RST;
        break;
    case E1000_EECD:
        e1000_write_wires(s, value);
        break;
    case E1000_EERD:
        e1000_write_eerd(s, value);
        break;
    case E1000_MDIC:
        e1000_write_mdic(s, value);
        break;
    case E1000_ICR:
        s->reg[E1000_ICR] &= ~value;
        s->model->update(s);
        break;
    case E1000_ICS:
        e1000_cause(s, value);
        break;
    case E1000_IMS:
        s->reg[E1000_IMS] |= value;
        s->model->update(s);
        break;
    case E1000_IMC:
        s->reg[E1000_IMS] &= ~value;
        s->model->update(s);
        break;
    case E1000_RDTR:
        s->reg[r] = value & 0xffff;
        if (value >> 31) /* flush */
            give_delayed(s);
        break;
    default: /* RCTL, TCTL, TDT */
        s->reg[r] = r == E1000_TDT ? value & 0xffff : value;
        e1000_begin(s);
    }
}

static void write_register(struct e1000 *s, uint32_t offset, uint32_t value)
{
    enum e1000_access access;
    int r = register_at(s, offset & ~3u, &access);
    if (r < 0) {
        board_unhandled(s->board, s->model->unknown, offset, true, value);
        return;
    }
    if (s->model->write(s, (unsigned)r, value))
        return;
    if (access == E1000_PLAIN)
        s->reg[r] = r == E1000_RDH || r == E1000_RDT || r == E1000_TDH ? value & 0xffff : value;
    else if (access == E1000_SPECIAL)
        write_special(s, r, value);
}

static uint64_t memory_read(void *ctx, uint64_t offset, unsigned size)
{
    uint64_t value = read_register(ctx, (uint32_t)offset) >> (offset & 3) * 8;
    return size == 8 ? value | (uint64_t)read_register(ctx, (uint32_t)offset + 4) << 32 : value;
}

/* Registers are written whole (13.2). */
static void memory_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset & 3 || size < 4) {
        board_unhandled(((struct e1000 *)ctx)->board, "e1000 access to a part of a register", offset, true,
                        value);
        return;
    }
    write_register(ctx, (uint32_t)offset, (uint32_t)value);
    if (size == 8)
        write_register(ctx, (uint32_t)offset + 4, (uint32_t)(value >> 32));
}

static uint32_t io_read(void *ctx, uint16_t port, unsigned size)
{
    struct e1000 *s = ctx;
    unsigned at = (unsigned)(port - s->io);
    return at == IO_ADDRESS                             ? s->io_address
           : at == IO_DATA && s->io_address < E1000_BAR ? read_register(s, s->io_address)
                                                        : 0;
}

static void io_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct e1000 *s = ctx;
    unsigned at = (unsigned)(port - s->io);
    if (at == IO_ADDRESS && size == 4)
        s->io_address = value;
    else if (at == IO_DATA && size == 4 && s->io_address < E1000_BAR)
        write_register(s, s->io_address, value);
}

/* ---------------------------------------------------------------- the device */

void e1000_map(void *ctx, unsigned bar, uint64_t base)
{
    struct e1000 *s = ctx;
    if (bar == BAR_ROM)
        nic_map_rom(&s->nic, base);
    if (bar == BAR_MEMORY)
        board_mmio_move(s->board, s->mmio, base);
    if (bar <= 5 && s->pci.bar[bar].io)
        board_ports_move(s->board, &s->io, base, s->model->io_size, false, s, io_read, io_write);
}

void e1000_reset(void *state)
{
    e1000_reset_phy(state);
    e1000_reset_registers(state);
}

static void loaded(void *state)
{
    struct e1000 *s = state;
    s->turn %= E1000_RINGS; /* the state may come from a damaged file */
    pci_loaded(s->board, &s->pci);
}

static void destroy(void *state)
{
    struct e1000 *s = state;
    free(s->packet);
    free(s);
}

struct e1000 *e1000_new(struct board *b, const struct card *card, const struct e1000_model *model, int *rc,
                        struct error *err)
{
    struct e1000 *s = mem_zero(1, sizeof *s);
    s->board = b;
    s->model = model;
    s->io = UINT64_MAX;
    s->packet = mem_zero(1, E1000_PACKET_MOST + E1000_FCS);
    *rc = nic_init(&s->nic, b, card, model->name, s, e1000_receive, err);
    pci_init(&s->pci, s->nic.name, card->devfn, E1000_VENDOR, model->device, 0x020000, model->revision, 1);
    s->pci.bar[BAR_MEMORY] = (struct pci_bar){.size = E1000_BAR, .map = e1000_map};
    s->pci.ctx = s;
    nic_add_rom(&s->nic, &s->pci, e1000_map);
    s->mmio = board_mmio_bar(b, E1000_BAR, s, memory_read, memory_write);
    board_timer(b, &s->send, e1000_send_next, s);
    board_timer(b, &s->throttle, throttle_ends, s);
    board_timer(b, &s->delay, delay_ends, s);
    return s;
}

void e1000_add(struct e1000 *s, const struct field *fields, size_t n, void (*reset)(void *state))
{
    board_add_chip(s->board, &(struct chip){.name = s->nic.name,
                                            .fields = fields,
                                            .nfields = n,
                                            .state = s,
                                            .reset = reset,
                                            .loaded = loaded,
                                            .destroy = destroy});
    board_add_pci(s->board, &s->pci);
}

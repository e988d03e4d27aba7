/* e1000_impl.h - the state of an 82540EM or 82574L, and what its files share. Private to hv/board/network/e1000*.c.
 *
 *   e1000.c           the 82540EM
 *   e1000e.c          the 82574L: interrupts by messages, registers
 *   e1000e_receive.c  its receive descriptors and queues
 *   e1000_device.c    what both are: registers, interrupt causes, ranges
 *   e1000_rings.c     frames between rings and wire
 *   e1000_parts.c     EEPROM, PHY, statistics
 */
#ifndef BOOTREEL_HV_BOARD_NETWORK_E1000_IMPL_H
#define BOOTREEL_HV_BOARD_NETWORK_E1000_IMPL_H

#include "base/byte_order.h"
#include "hv/board/pci/function.h"
#include "hv/board/network/e1000.h"
#include "hv/board/network/nic.h"
#include "hv/board/pci/msix.h"
#include "hv/board/pci/pci.h"

enum { E1000_VENDOR = 0x8086 };
enum {
    E1000_FCS = 4,
    E1000_PHY_REGISTERS = 32,
    E1000_PAGED = 16, /* registers of the PHY from this one on are of a page */
    E1000_PAGES = 7,
    E1000_EEPROM_WORDS = 64,
    E1000_RINGS = 2,
    E1000_DESCRIPTOR = 16,
    E1000_PACKET_MOST = 0x10000 + 1024
};
#define E1000_RAH_VALID (1u << 31)
/* Of receive descriptors. */
enum { E1000_RX_DD = 1, E1000_RX_EOP = 2, E1000_RX_IXSM = 4 };
/* Statistics, by offset from 4000h. */
enum {
    S_MPC = 0x10,
    S_PRC64 = 0x5c,
    S_GPRC = 0x74,
    S_BPRC = 0x78,
    S_MPRC = 0x7c,
    S_GPTC = 0x80,
    S_GORC = 0x88,
    S_GOTC = 0x90,
    S_RNBC = 0xa0,
    S_ROC = 0xac,
    S_TOR = 0xc0,
    S_TOT = 0xc8,
    S_TPR = 0xd0,
    S_TPT = 0xd4,
    S_PTC64 = 0xd8,
    S_MPTC = 0xf0,
    S_BPTC = 0xf4,
    S_TSCTC = 0xf8,
};
/* Interrupt statistics of the 82574L, by offset from 4100h (10.2.8): how often interrupts were asserted, and causes by timers, by an
 * empty ring and by a receive ring that is nearly used up. */
enum {
    SI_IAC = 0x00,
    SI_ICRXPTC = 0x04,
    SI_ICRXATC = 0x08,
    SI_ICTXPTC = 0x0c,
    SI_ICTXATC = 0x10,
    SI_ICTXQEC = 0x18,
    SI_ICRXDMTC = 0x20,
};
struct e1000;

/* The least guest time between two interrupts, ns, by the value of ITR or EITR. */
static inline uint64_t e1000_gap(uint32_t itr)
{
    return (itr & 0xffff) * (uint64_t)256;
}

struct e1000_place {
    uint32_t offset, n;
    unsigned first;
    enum e1000_access access;
};

/* How a frame is put into memory. */
struct e1000_reception {
    unsigned ring;
    unsigned units;      /* a descriptor's length, in 16 bytes */
    uint32_t first_room; /* bytes of the frame that the first descriptor takes … */
    uint32_t room;       /* … and each that follows; 0: the driver's sizes make no sense */
    uint32_t header;     /* bytes of the frame that go to a buffer of their own */
    uint32_t hash, hash_type;
};

/* How the cards differ. */
struct e1000_model {
    const char *name, *unknown; /* unknown: what a register is that is not there */
    uint16_t device;
    uint8_t revision;
    uint32_t io_size;
    unsigned rings;
    const struct e1000_place *more; /* registers besides E1000_REGISTERS */
    size_t nmore;
    const uint16_t *eeprom; /* without address and sum */
    unsigned eerd_shift;    /* of the word's number in EERD */
    uint32_t eerd_done;
    const uint16_t *phy; /* its registers after a reset */
    bool phy_pages;
    unsigned msi; /* the offset of its capability; 0: it has none */
    /* Sets the model's registers after a reset; before the call all are 0 but the address, CTRL and
     * STATUS. */
    void (*reset)(struct e1000 *);
    /* ICR, IMS or the PCI registers have changed: interrupts follow. */
    void (*update)(struct e1000 *);
    /* Accesses to registers that the model handles itself: true if this was one. */
    bool (*read)(struct e1000 *, unsigned r, uint32_t *value);
    bool (*write)(struct e1000 *, unsigned r, uint32_t value);
    bool (*may_send)(const struct e1000 *, unsigned ring);
    uint32_t (*sent_cause)(const struct e1000 *, unsigned ring);
    uint32_t (*received_cause)(const struct e1000 *, unsigned ring);
    void (*plan)(struct e1000 *, const uint8_t *frame, size_t n, struct e1000_reception *);
    /* Puts a part of the frame into the buffers of the descriptor at `at`, and writes the descriptor back. */
    void (*put)(struct e1000 *, const struct e1000_reception *, uint64_t at, const uint8_t *part, size_t n,
                bool first, bool last);
};

struct e1000 {
    struct board *board;
    const struct e1000_model *model;
    struct pci_device pci;
    struct nic nic;
    unsigned mmio;
    uint64_t io;     /* derived: where the I/O BAR is, or UINT64_MAX */
    uint8_t *packet; /* for the frame that is handled: not state, since it lasts for a call */

    /* state; the last of it only of the 82574L */
    uint32_t reg[E1000E_COUNT];
    uint16_t phy[E1000_PHY_REGISTERS];
    uint32_t io_address;
    uint32_t command; /* of the EEPROM, bits so far */
    uint8_t command_bits, reading;
    uint16_t out_bit;                 /* of the EEPROM's data, on its wire */
    uint32_t context[E1000_RINGS][4]; /* the last context descriptor */
    uint32_t delayed;                 /* causes that a delay holds back */
    uint8_t pin;
    struct timer send, throttle, delay;
    uint64_t delay_end; /* the latest that the delay may last */

    uint8_t turn;                         /* the ring that may send next */
    uint32_t told;                        /* causes that a message was sent for */
    uint64_t vector_free[E1000E_VECTORS]; /* guest time from which on a vector may send again */
    uint64_t system_time, system_since;   /* its value at a guest time */
    uint16_t phy_page[E1000_PAGES][E1000_PHY_REGISTERS - E1000_PAGED];
    unsigned msix_mmio;
    struct msix msix;
};

/* ---------------------------------------------------------------- e1000_device.c */

/* Makes a card with everything that both have. *rc is -1 with err if its ROM cannot be read; it must be added
 * to the board all the same. */
struct e1000 *e1000_new(struct board *, const struct card *, const struct e1000_model *, int *rc,
                        struct error *);
/* A reset by the bus, or by CTRL. */
void e1000_reset(void *state);
/* Adds the card to its board. `reset`: e1000_reset, or a function that calls it and resets the rest. */
void e1000_add(struct e1000 *s, const struct field *fields, size_t n, void (*reset)(void *state));
void e1000_reset_registers(struct e1000 *s);
/* Raises interrupt causes. */
void e1000_cause(struct e1000 *s, uint32_t causes);
/* 3.2.7.1, 3.4.3: `delay` begins anew with each, but not beyond `most` after the first (0: no bound). */
void e1000_cause_later(struct e1000 *s, uint32_t causes, uint32_t delay, uint32_t most);
/* The pin (or MSI) follows the causes, but does not rise again before the throttle's time has passed. */
void e1000_update_pin(struct e1000 *s);
void e1000_set_pin(struct e1000 *s, bool level);
/* A BAR's range moves. */
void e1000_map(void *ctx, unsigned bar, uint64_t base);

/* ---------------------------------------------------------------- e1000_rings.c */

/* TDT, or a register that enables sending, was written. */
void e1000_begin(struct e1000 *s);
void e1000_send_next(void *ctx);
uint32_t e1000_receive(void *ctx, const uint8_t *frame, uint32_t n);
/* Bytes of a receive buffer by RCTL. */
uint32_t e1000_buffer_size(const struct e1000 *s);
/* `plan` of both models for the oldest form of receive descriptors. */
void e1000_plan(struct e1000 *s, const uint8_t *frame, size_t n, struct e1000_reception *how);
void e1000_put(struct e1000 *s, const struct e1000_reception *how, uint64_t at, const uint8_t *part, size_t n,
               bool first, bool last);
/* Puts bytes at an address if there is memory. */
void e1000_put_bytes(struct e1000 *s, uint64_t to, const uint8_t *bytes, size_t n);

/* ---------------------------------------------------------------- e1000e_receive.c */

void e1000e_plan(struct e1000 *s, const uint8_t *frame, size_t n, struct e1000_reception *how);
void e1000e_put(struct e1000 *s, const struct e1000_reception *how, uint64_t at, const uint8_t *part,
                size_t n, bool first, bool last);

/* ---------------------------------------------------------------- e1000_parts.c */

void e1000_write_wires(struct e1000 *s, uint32_t value); /* EECD */
uint32_t e1000_read_wires(const struct e1000 *s);
void e1000_write_eerd(struct e1000 *s, uint32_t value);
void e1000_reset_phy(struct e1000 *s);
void e1000_write_mdic(struct e1000 *s, uint32_t value);
/* A counter goes on by one; at its largest value it stays. */
void e1000_count(struct e1000 *s, unsigned at);
/* An interrupt statistic of the 82574L goes on by one. */
void e1000_count_interrupt(struct e1000 *s, unsigned at);
/* A frame of n bytes, without FCS, has left or come. */
void e1000_count_frame(struct e1000 *s, const uint8_t *frame, size_t n, bool out);

#endif

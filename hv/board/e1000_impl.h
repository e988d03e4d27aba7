/* e1000_impl.h - the state of an 82540EM, and what its files share. Private to hv/board/e1000*.c.
 *
 *   e1000.c         registers, interrupts, rings: the device
 *   e1000_parts.c   EEPROM, PHY, statistics
 */
#ifndef BOOTREEL_HV_BOARD_E1000_IMPL_H
#define BOOTREEL_HV_BOARD_E1000_IMPL_H

#include "hv/board/e1000.h"
#include "hv/board/nic.h"
#include "hv/board/pci.h"

enum { E1000_VENDOR = 0x8086, E1000_DEVICE = 0x100e };
enum { E1000_FCS = 4, E1000_PHY_REGISTERS = 32 };
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
struct e1000 {
    struct board *board;
    struct pci_device pci;
    struct nic nic;
    unsigned mmio;
    uint64_t io;     /* derived: where the I/O BAR is, or UINT64_MAX */
    uint8_t *packet; /* for the frame that is handled: not state, since it lasts for a call */

    /* state */
    uint32_t reg[E1000_COUNT];
    uint16_t phy[E1000_PHY_REGISTERS];
    uint32_t io_address;
    uint32_t command; /* of the EEPROM, bits so far */
    uint8_t command_bits, reading;
    uint16_t out_bit;    /* of the EEPROM's data, on its wire */
    uint32_t context[4]; /* the last context descriptor */
    uint32_t delayed;    /* causes that a delay holds back */
    uint8_t pin;
    struct timer send, throttle, delay;
    uint64_t delay_end; /* the latest that the delay may last */
};

/* e1000.c: raises interrupt causes. */
void e1000_cause(struct e1000 *s, uint32_t causes);

/* ---------------------------------------------------------------- e1000_parts.c */

void e1000_write_wires(struct e1000 *s, uint32_t value); /* EECD */
uint32_t e1000_read_wires(const struct e1000 *s);
void e1000_write_eerd(struct e1000 *s, uint32_t value);
void e1000_reset_phy(struct e1000 *s);
void e1000_write_mdic(struct e1000 *s, uint32_t value);
/* A counter goes on by one; at its largest value it stays. */
void e1000_count(struct e1000 *s, unsigned at);
/* A frame of n bytes, without FCS, has left or come. */
void e1000_count_frame(struct e1000 *s, const uint8_t *frame, size_t n, bool out);

#endif

/* e1000.h - registers of the network card 82540EM: where they are, and how they are accessed. Private to hv/board.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453-006), 13. */
#ifndef BOOTREEL_HV_BOARD_E1000_H
#define BOOTREEL_HV_BOARD_E1000_H

enum { E1000_BAR = 0x20000, E1000_IO = 64 };

/* How a register behaves: as memory; read-only; cleared by reading; or as written in e1000.c. */
enum e1000_access { E1000_PLAIN, E1000_FIXED, E1000_COUNTER, E1000_SPECIAL };

/* Name, offset, how many (of 4 bytes), access, what it is. */
#define E1000_REGISTERS(R)                                                                                   \
    R(CTRL, 0x0000, 1, SPECIAL, "device control")                                                            \
    R(STATUS, 0x0008, 1, FIXED, "device status")                                                             \
    R(EECD, 0x0010, 1, SPECIAL, "EEPROM's wires")                                                            \
    R(EERD, 0x0014, 1, SPECIAL, "EEPROM read")                                                               \
    R(CTRL_EXT, 0x0018, 1, PLAIN, "device control, extended")                                                \
    R(MDIC, 0x0020, 1, SPECIAL, "PHY access")                                                                \
    R(FCAL, 0x0028, 1, PLAIN, "flow control address")                                                        \
    R(FCAH, 0x002c, 1, PLAIN, "flow control address, high half")                                             \
    R(FCT, 0x0030, 1, PLAIN, "flow control type")                                                            \
    R(VET, 0x0038, 1, PLAIN, "VLAN type")                                                                    \
    R(ICR, 0x00c0, 1, SPECIAL, "interrupt causes")                                                           \
    R(ITR, 0x00c4, 1, PLAIN, "interrupt throttle")                                                           \
    R(ICS, 0x00c8, 1, SPECIAL, "set interrupt causes")                                                       \
    R(IMS, 0x00d0, 1, SPECIAL, "enable interrupts")                                                          \
    R(IMC, 0x00d8, 1, SPECIAL, "disable interrupts")                                                         \
    R(RCTL, 0x0100, 1, SPECIAL, "receive control")                                                           \
    R(FCTTV, 0x0170, 1, PLAIN, "flow control timer")                                                         \
    R(TXCW, 0x0178, 1, PLAIN, "transmit configuration word")                                                 \
    R(RXCW, 0x0180, 1, FIXED, "receive configuration word")                                                  \
    R(TCTL, 0x0400, 1, SPECIAL, "transmit control")                                                          \
    R(TIPG, 0x0410, 1, PLAIN, "gap between frames")                                                          \
    R(AIT, 0x0458, 1, PLAIN, "adaptive interframe spacing")                                                  \
    R(LEDCTL, 0x0e00, 1, PLAIN, "LED control")                                                               \
    R(PBA, 0x1000, 1, PLAIN, "packet buffer allocation")                                                     \
    R(FCRTL, 0x2160, 1, PLAIN, "flow control low threshold")                                                 \
    R(FCRTH, 0x2168, 1, PLAIN, "flow control high threshold")                                                \
    R(RDBAL, 0x2800, 1, PLAIN, "receive ring at")                                                            \
    R(RDBAH, 0x2804, 1, PLAIN, "receive ring at, high half")                                                 \
    R(RDLEN, 0x2808, 1, PLAIN, "receive ring's length")                                                      \
    R(RDH, 0x2810, 1, PLAIN, "receive head")                                                                 \
    R(RDT, 0x2818, 1, PLAIN, "receive tail")                                                                 \
    R(RDTR, 0x2820, 1, SPECIAL, "receive delay")                                                             \
    R(RXDCTL, 0x2828, 1, PLAIN, "receive descriptor control")                                                \
    R(RADV, 0x282c, 1, PLAIN, "receive absolute delay")                                                      \
    R(RSRPD, 0x2c00, 1, PLAIN, "small frame detection")                                                      \
    R(TXDMAC, 0x3000, 1, PLAIN, "transmit DMA control")                                                      \
    R(TDBAL, 0x3800, 1, PLAIN, "transmit ring at")                                                           \
    R(TDBAH, 0x3804, 1, PLAIN, "transmit ring at, high half")                                                \
    R(TDLEN, 0x3808, 1, PLAIN, "transmit ring's length")                                                     \
    R(TDH, 0x3810, 1, PLAIN, "transmit head")                                                                \
    R(TDT, 0x3818, 1, SPECIAL, "transmit tail")                                                              \
    R(TIDV, 0x3820, 1, PLAIN, "transmit delay")                                                              \
    R(TXDCTL, 0x3828, 1, PLAIN, "transmit descriptor control")                                               \
    R(TADV, 0x382c, 1, PLAIN, "transmit absolute delay")                                                     \
    R(TSPMT, 0x3830, 1, PLAIN, "segmentation padding")                                                       \
    R(STATISTICS, 0x4000, 64, COUNTER, "statistics")                                                         \
    R(RXCSUM, 0x5000, 1, PLAIN, "receive checksum control")                                                  \
    R(MTA, 0x5200, 128, PLAIN, "multicast table")                                                            \
    R(RA, 0x5400, 32, PLAIN, "receive addresses")                                                            \
    R(VFTA, 0x5600, 128, PLAIN, "VLAN filter table")                                                         \
    R(WUC, 0x5800, 1, PLAIN, "wake-up control")                                                              \
    R(WUFC, 0x5808, 1, PLAIN, "wake-up filters")                                                             \
    R(WUS, 0x5810, 1, PLAIN, "wake-up status")                                                               \
    R(MANC, 0x5820, 1, PLAIN, "management control")                                                          \
    R(IPAV, 0x5838, 1, PLAIN, "IP addresses valid")                                                          \
    R(IP4AT, 0x5840, 8, PLAIN, "IPv4 addresses")                                                             \
    R(FFLT, 0x5f00, 8, PLAIN, "flexible filter lengths")

/* Each one's index among the registers. */
enum e1000_register {
#define E1000_INDEX(name, offset, n, access, what) E1000_##name, E1000_##name##_LAST = E1000_##name + (n)-1,
    E1000_REGISTERS(E1000_INDEX)
#undef E1000_INDEX
        E1000_COUNT
};

/* Interrupt causes. */
enum {
    E1000_TXDW = 1 << 0,
    E1000_TXQE = 1 << 1,
    E1000_LSC = 1 << 2,
    E1000_RXDMT0 = 1 << 4,
    E1000_RXO = 1 << 6,
    E1000_RXT0 = 1 << 7,
    E1000_MDAC = 1 << 9,
};

#endif

/* e1000.h - registers of the network cards 82540EM and 82574L: where they are, and how they are accessed.
 * Private to hv/board.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453-006),
 * 13; Intel, 82574 GbE Controller Family Datasheet (317694), 10. */
#ifndef BOOTREEL_HV_BOARD_NETWORK_E1000_H
#define BOOTREEL_HV_BOARD_NETWORK_E1000_H

enum { E1000_BAR = 0x20000, E1000_IO = 64, E1000E_IO = 32 };

/* How a register behaves: as memory; read-only; cleared by reading; or as the code says. */
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

/* The registers that the 82574L has in addition. (Those that only the 82540EM has are plain memory there.) */
#define E1000E_REGISTERS(R)                                                                                  \
    R(KUMCTRL, 0x0034, 1, PLAIN, "access to the PHY's interface")                                            \
    R(EIAC, 0x00dc, 1, PLAIN, "causes that a message clears")                                                \
    R(IAM, 0x00e0, 1, PLAIN, "causes that an interrupt masks")                                               \
    R(IVAR, 0x00e4, 1, PLAIN, "vectors of causes")                                                           \
    R(EITR, 0x00e8, 5, PLAIN, "interrupt throttle of vector")                                                \
    R(LPIC, 0x00fc, 1, PLAIN, "low power idle control")                                                      \
    R(TCTL_EXT, 0x0404, 1, PLAIN, "transmit control, extended")                                              \
    R(EXTCNF_CTRL, 0x0f00, 1, PLAIN, "extended configuration, owner of the PHY")                             \
    R(EXTCNF_SIZE, 0x0f08, 1, PLAIN, "extended configuration, size")                                         \
    R(PHY_CTRL, 0x0f10, 1, PLAIN, "PHY power control")                                                       \
    R(PBS, 0x1008, 1, PLAIN, "packet buffer size")                                                           \
    R(EEMNGCTL, 0x1010, 1, FIXED, "NVM control of management")                                               \
    R(FLASHT, 0x1028, 1, PLAIN, "flash timer")                                                               \
    R(EEWR, 0x102c, 1, SPECIAL, "NVM write")                                                                 \
    R(FLSWCTL, 0x1030, 1, PLAIN, "flash control")                                                            \
    R(PBA_ECC, 0x1100, 1, PLAIN, "packet buffer ECC")                                                        \
    R(ERT, 0x2008, 1, PLAIN, "early receive threshold")                                                      \
    R(PSRCTL, 0x2170, 1, PLAIN, "packet split buffer sizes")                                                 \
    R(RDFH, 0x2410, 1, PLAIN, "receive FIFO head")                                                           \
    R(RDFT, 0x2418, 1, PLAIN, "receive FIFO tail")                                                           \
    R(RDFHS, 0x2420, 1, PLAIN, "receive FIFO head, saved")                                                   \
    R(RDFTS, 0x2428, 1, PLAIN, "receive FIFO tail, saved")                                                   \
    R(RDFPC, 0x2430, 1, PLAIN, "receive FIFO packets")                                                       \
    R(RDBAL1, 0x2900, 1, PLAIN, "receive ring 1 at")                                                         \
    R(RDBAH1, 0x2904, 1, PLAIN, "receive ring 1 at, high half")                                              \
    R(RDLEN1, 0x2908, 1, PLAIN, "receive ring 1's length")                                                   \
    R(RDH1, 0x2910, 1, PLAIN, "receive head 1")                                                              \
    R(RDT1, 0x2918, 1, PLAIN, "receive tail 1")                                                              \
    R(RDTR1, 0x2920, 1, PLAIN, "receive delay 1")                                                            \
    R(RXDCTL1, 0x2928, 1, PLAIN, "receive descriptor control 1")                                             \
    R(RADV1, 0x292c, 1, PLAIN, "receive absolute delay 1")                                                   \
    R(RAID, 0x2c08, 1, PLAIN, "receive acknowledge delay")                                                   \
    R(CPUVEC, 0x2c10, 1, PLAIN, "processors of queues")                                                      \
    R(TDFH, 0x3410, 1, PLAIN, "transmit FIFO head")                                                          \
    R(TDFT, 0x3418, 1, PLAIN, "transmit FIFO tail")                                                          \
    R(TDFHS, 0x3420, 1, PLAIN, "transmit FIFO head, saved")                                                  \
    R(TDFTS, 0x3428, 1, PLAIN, "transmit FIFO tail, saved")                                                  \
    R(TDFPC, 0x3430, 1, PLAIN, "transmit FIFO packets")                                                      \
    R(TARC0, 0x3840, 1, SPECIAL, "arbitration of transmit ring 0")                                           \
    R(TDBAL1, 0x3900, 1, PLAIN, "transmit ring 1 at")                                                        \
    R(TDBAH1, 0x3904, 1, PLAIN, "transmit ring 1 at, high half")                                             \
    R(TDLEN1, 0x3908, 1, PLAIN, "transmit ring 1's length")                                                  \
    R(TDH1, 0x3910, 1, PLAIN, "transmit head 1")                                                             \
    R(TDT1, 0x3918, 1, SPECIAL, "transmit tail 1")                                                           \
    R(TXDCTL1, 0x3928, 1, PLAIN, "transmit descriptor control 1")                                            \
    R(TARC1, 0x3940, 1, SPECIAL, "arbitration of transmit ring 1")                                           \
    R(STATISTICS2, 0x4100, 10, COUNTER, "interrupt statistics")                                              \
    R(RFCTL, 0x5008, 1, PLAIN, "receive filter control")                                                     \
    R(MRQC, 0x5818, 1, PLAIN, "receive queues")                                                              \
    R(MFUTP01, 0x5828, 1, PLAIN, "management ports 0, 1")                                                    \
    R(MFUTP23, 0x5830, 1, PLAIN, "management ports 2, 3")                                                    \
    R(MANC2H, 0x5860, 1, PLAIN, "management to host")                                                        \
    R(RSSIM, 0x5864, 1, PLAIN, "RSS interrupt mask")                                                         \
    R(RSSIR, 0x5868, 1, PLAIN, "RSS interrupt request")                                                      \
    R(IP6AT, 0x5880, 4, PLAIN, "IPv6 address")                                                               \
    R(MDEF, 0x5890, 8, PLAIN, "management filters")                                                          \
    R(WUPL, 0x5900, 1, PLAIN, "length of the wake-up packet")                                                \
    R(WUPM, 0x5a00, 32, PLAIN, "wake-up packet")                                                             \
    R(GCR, 0x5b00, 1, PLAIN, "PCI Express control")                                                          \
    R(FUNCTAG, 0x5b08, 1, PLAIN, "PCI Express function tag")                                                 \
    R(GSCL, 0x5b10, 4, PLAIN, "PCI Express statistics control")                                              \
    R(GSCN, 0x5b20, 4, PLAIN, "PCI Express counters")                                                        \
    R(FACTPS, 0x5b30, 1, FIXED, "power states of functions")                                                 \
    R(SWSM, 0x5b50, 1, SPECIAL, "software semaphore")                                                        \
    R(FWSM, 0x5b54, 1, PLAIN, "firmware semaphore")                                                          \
    R(SWSM2, 0x5b58, 1, PLAIN, "software semaphore 2")                                                       \
    R(GCR2, 0x5b64, 1, PLAIN, "PCI Express control 2")                                                       \
    R(PBACLR, 0x5b68, 1, PLAIN, "pending messages to clear")                                                 \
    R(RETA, 0x5c00, 32, PLAIN, "RSS redirection table")                                                      \
    R(RSSRK, 0x5c80, 10, PLAIN, "RSS key")                                                                   \
    R(FCRTV, 0x5f40, 1, PLAIN, "flow control refresh threshold")                                             \
    R(SYSTIM, 0xb600, 2, SPECIAL, "system time")                                                             \
    R(TIMINCA, 0xb608, 1, SPECIAL, "increment of the system time")                                           \
    R(TIMADJ, 0xb60c, 2, PLAIN, "adjustment of the system time")                                             \
    R(TSYNCTXCTL, 0xb614, 1, PLAIN, "transmit time stamps")                                                  \
    R(TXSTMP, 0xb618, 2, FIXED, "transmit time stamp")                                                       \
    R(TSYNCRXCTL, 0xb620, 1, PLAIN, "receive time stamps")                                                   \
    R(RXSTMP, 0xb624, 2, FIXED, "receive time stamp")                                                        \
    R(RXSATR, 0xb62c, 2, FIXED, "receive time stamp's source")                                               \
    R(RXMTRL, 0xb634, 1, PLAIN, "message types with time stamps")                                            \
    R(RXUDP, 0xb638, 1, PLAIN, "UDP port with time stamps")

/* Each one's index among the registers. */
#define E1000_INDEX(name, offset, n, access, what) E1000_##name, E1000_##name##_LAST = E1000_##name + (n)-1,
enum e1000_register {
    E1000_REGISTERS(E1000_INDEX) E1000_COUNT,
    E1000_BEFORE_MORE = E1000_COUNT - 1,
    E1000E_REGISTERS(E1000_INDEX) E1000E_COUNT
};
#undef E1000_INDEX

/* Interrupt causes; those from RXQ0 on only of the 82574L. */
enum {
    E1000_TXDW = 1 << 0,
    E1000_TXQE = 1 << 1,
    E1000_LSC = 1 << 2,
    E1000_RXDMT0 = 1 << 4,
    E1000_RXO = 1 << 6,
    E1000_RXT0 = 1 << 7,
    E1000_MDAC = 1 << 9,
    E1000_SRPD = 1 << 16,
    E1000_ACK = 1 << 17,
    E1000_MNG = 1 << 18,
    E1000_RXQ0 = 1 << 20,
    E1000_RXQ1 = 1 << 21,
    E1000_TXQ0 = 1 << 22,
    E1000_TXQ1 = 1 << 23,
    E1000_OTHER = 1 << 24,
    E1000_ASSERTED = (int)(1u << 31),
};
/* The 82574L's range with its MSI-X table and pending bits. */
enum { E1000E_VECTORS = 5, E1000E_MSIX_BAR = 0x4000, E1000E_PENDING = 0x2000 };

#endif

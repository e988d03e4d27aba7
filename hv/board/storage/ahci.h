/* ahci.h - registers of the AHCI controller, and what its parts share. Private to ahci*.c.
 *
 * A port is an ATA channel (ide.h) with one drive. The port writes the drive's registers from the command's
 * FIS, moves the data where the drive asks for it, and stores the drive's registers as a FIS when it is done.
 * Queued commands (NCQ) are the port's own. */
#ifndef BOOTREEL_HV_BOARD_STORAGE_AHCI_H
#define BOOTREEL_HV_BOARD_STORAGE_AHCI_H

#include "hv/board/pci/function.h"
#include "hv/board/cards.h"
#include "hv/board/storage/ide.h"

enum { AHCI_SLOTS = 32, AHCI_PORT_AT = 0x100, AHCI_PORT_SIZE = 0x80 };

/* Generic registers (AHCI 1.3.1, 3.1). */
enum { AHCI_CAP = 0x00, AHCI_GHC = 0x04, AHCI_IS = 0x08, AHCI_PI = 0x0c, AHCI_VS = 0x10, AHCI_CAP2 = 0x24 };
#define GHC_RESET  1u
#define GHC_IE     2u
#define GHC_ENABLE (1u << 31)

/* A port's registers (3.3), by offset. */
enum {
    PX_CLB = 0x00,
    PX_CLBU = 0x04,
    PX_FB = 0x08,
    PX_FBU = 0x0c,
    PX_IS = 0x10,
    PX_IE = 0x14,
    PX_CMD = 0x18,
    PX_TFD = 0x20,
    PX_SIG = 0x24,
    PX_SSTS = 0x28,
    PX_SCTL = 0x2c,
    PX_SERR = 0x30,
    PX_SACT = 0x34,
    PX_CI = 0x38,
    PX_SNTF = 0x3c,
    PX_FBS = 0x40,
};
#define IS_DHR  (1u << 0)  /* device to host register FIS */
#define IS_PS   (1u << 1)  /* PIO setup FIS */
#define IS_SDB  (1u << 3)  /* set device bits FIS */
#define IS_PC   (1u << 6)  /* connection changed */
#define IS_OF   (1u << 24) /* the command's table of regions is too short */
#define IS_HBF  (1u << 29) /* bad command list */
#define IS_TFE  (1u << 30) /* the drive reports an error */
#define IS_BITS (IS_DHR | IS_PS | IS_SDB | IS_PC | IS_OF | IS_HBF | IS_TFE)
#define IE_BITS 0xfdc000ffu

#define CMD_ST    (1u << 0)
#define CMD_SUD   (1u << 1)
#define CMD_POD   (1u << 2)
#define CMD_CLO   (1u << 3)
#define CMD_FRE   (1u << 4)
#define CMD_FR    (1u << 14)
#define CMD_CR    (1u << 15)
#define CMD_ATAPI (1u << 24)
#define CMD_WRITE (CMD_ST | CMD_SUD | CMD_POD | CMD_FRE | CMD_ATAPI | 1u << 25 | 1u << 26 | 1u << 27)

enum { SSTS_PRESENT = 0x123 }; /* communication is established at 3 Gb/s, the interface is active */
#define SERR_DIAG_X (1u << 26) /* a device was plugged in, or has been reset */

/* Frame information structures (Serial ATA 3.1, 10.3), and where the port stores those it receives (AHCI 4.2.1). */
enum {
    FIS_HOST = 0x27,
    FIS_DEVICE = 0x34,
    FIS_BITS = 0xa1,
    FIS_PIO = 0x5f,
    FIS_HOST_COMMAND = 0x80, /* in byte 1: a command, not a change of device control */
    FIS_INTERRUPT = 0x40,    /* in byte 1 */
    RECEIVED_PIO = 0x20,
    RECEIVED_DEVICE = 0x40,
    RECEIVED_BITS = 0x58,
    FIS_LENGTH = 20,
};

struct ahci_port {
    struct ahci *hba;
    unsigned index;
    char name[16];
    struct ide_channel ch; /* the drive is the channel's first */

    /* state; the command list's base and so on are registers as they are */
    uint32_t clb, clbu, fb, fbu, is, ie, cmd, tfd, sig, ssts, sctl, serr, sact, ci;
    uint8_t slot;    /* of the command that the drive executes; AHCI_SLOTS if there is none */
    uint8_t last;    /* slot from which the search for the next command begins */
    uint8_t failed;  /* a command has failed: nothing is fetched until ST is cleared */
    uint32_t queued; /* NCQ commands that the drive has */
    uint8_t next;    /* of these, from where the search for the next to end begins */
    uint32_t region; /* of the command's table: its number, and the bytes of it that are used up */
    uint32_t used;
    uint32_t moved; /* bytes */
    struct timer queue_timer;
};

struct ahci {
    struct board *board;
    struct pci_device pci;
    char name[16];
    unsigned mmio;
    uint32_t ghc, is; /* state */
    uint8_t line;     /* state: the interrupt is requested */
    uint64_t io;      /* derived: where the index and data ports are, or UINT64_MAX */
    uint32_t index;   /* state: the register that the data port is */
    struct ahci_port port[AHCI_PORTS];
};

/* ---- ahci.c ---- */
/* Sets interrupt bits of a port. */
void ahci_interrupt(struct ahci_port *, uint32_t bits);

/* ---- ahci_port.c: commands ---- */
void ahci_port_init(struct ahci_port *);
/* Fetches the next command, if the drive can take one. */
void ahci_port_work(struct ahci_port *);
/* Drops all commands: ST was cleared, or the port is reset. */
void ahci_port_stop(struct ahci_port *);
/* The drive is reset; its signature comes after NS_RESET. */
void ahci_port_reset_drive(struct ahci_port *);

#endif

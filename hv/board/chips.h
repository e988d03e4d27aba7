/* chips.h - the chips, each by the function that creates it, in the order in which chips.c lists them. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_CHIPS_H
#define BOOTREEL_HV_BOARD_CHIPS_H

#include "hv/board/board.h"

int pflash_create(struct board *,
                  struct error *); /* with images "pflash0" and "pflash1": firmware in flash chips */
int pci_host_create(struct board *, struct error *); /* bus 0 */
int i440fx_create(struct board *, struct error *);   /* host bridge with PAM and SMRAM */
int mch_create(struct board *,
               struct error *); /* the same of the Q35, with configuration space in memory and TSEG */
int piix3_create(struct board *, struct error *); /* ISA bridge: PIRQ routing, reset control cf9h */
int ich9_create(struct board *,
                struct error *); /* LPC bridge: the same, root complex registers, power management, TCO */
int ich9_smbus_create(struct board *, struct error *);
int pic_create(struct board *, struct error *); /* two 8259A */
int pit_create(struct board *, struct error *); /* 8254, port 61h speaker gate */
int ioapic_create(struct board *, struct error *);
int lapic_create(struct board *, unsigned cpu, struct error *);
int hpet_create(struct board *, struct error *);
int rtc_create(struct board *, struct error *);                  /* MC146818 and CMOS memory sizes */
int ps2_create(struct board *, struct error *);                  /* 8042, keyboard, mouse; port 92h */
int uart_create(struct board *, unsigned index, struct error *); /* 16550A at 3f8, 2f8, 3e8, 2e8 */
int ide_create(struct board *, struct error *); /* PIIX3 IDE, two channels, disks and ATAPI, bus-master DMA */
int cards_paths(struct board *,
                struct error *); /* where firmware finds their drives: before fwcfg_create() */
int cards_create(struct board *,
                 struct error *); /* the PCI cards that the configuration asks for (cards.h) */
struct card;
int ahci_create(struct board *, const struct card *, struct error *);
int nvme_create(struct board *, const struct card *, struct error *);
int xhci_create(struct board *, const struct card *, struct error *);
int virtio_scsi_create(struct board *, const struct card *, struct error *);
int virtio_blk_create(struct board *, const struct card *, struct error *);
int virtio_rng_create(struct board *, const struct card *, struct error *);
int virtio_console_create(struct board *, const struct card *, struct error *);
int virtio_net_create(struct board *, const struct card *, struct error *);
int virtio_9p_create(struct board *, const struct card *, struct error *);
int e1000_create(struct board *, const struct card *, struct error *);
int e1000e_create(struct board *, const struct card *, struct error *);
int floppy_create(struct board *, struct error *); /* 82077AA and the ISA DMA controllers it needs (dma.c) */
int dma_create(struct board *, struct error *);    /* two 8237A with page registers */
int vga_create(struct board *, struct error *);
int fwcfg_create(struct board *, struct error *);
/* PIIX4 power management: PM timer, SCI, SMI command, sleep; GPE */
int acpi_pm_create(struct board *, struct error *);
int debug_ports_create(struct board *, struct error *); /* 402h, e9h, 80h, f4h isa-debug-exit */
/* xen_host.c: with an image "hvmloader", Xen and its platform device; otherwise nothing */
int xen_host_create(struct board *, struct error *);
int intr_delay_create(struct board *, struct error *); /* nothing unless interrupts are varied */

/* The port of the first drive on USB. */
unsigned xhci_first_drive(const struct engine_config *);

#endif

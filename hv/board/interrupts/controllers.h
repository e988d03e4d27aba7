/* controllers.h - what the interrupt controllers ask of each other, and the processors of them. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_INTERRUPTS_CONTROLLERS_H
#define BOOTREEL_HV_BOARD_INTERRUPTS_CONTROLLERS_H

#include "hv/board/board.h"

void pic_set(struct board *, unsigned line, bool level);
void ioapic_set(struct board *, unsigned pin, bool level);
/* True if some pin, or some LINT0, is unmasked and sends NMI, SMI or INIT. */
bool ioapic_sends_nmi(const struct board *);
bool lapic_lint0_sends_nmi(const struct board *);
void ioapic_eoi(struct board *, uint8_t vector);
/* Whether the I/O APIC passes the PIC's INTR on to the local APIC of that id: "virtual wire" by its pin 0, to which it
 * is wired in a domain of Xen (__vlapic_accept_pic_intr() in xen/arch/x86/hvm/vlapic.c). hvmloader sets it up. */
bool ioapic_passes_pic(const struct board *, uint8_t id);
uint8_t pic_acknowledge(struct board *);
bool pic_output(struct board *);
/* Deliver an interrupt message: dest, mode and trigger as in an I/O APIC redirection entry's fields. */
void lapic_message(struct board *, uint8_t dest, bool logical, unsigned delivery, uint8_t vector,
                   bool level_triggered);
/* A write of `data` to FEExxxxxh: a message signalled interrupt (SDM volume 3, 10.11). */
void lapic_msi(struct board *, uint64_t address, uint32_t data);
/* The board's NMI source: LINT1 of every local APIC, or the processor's pin while its APIC is off; held back
 * by port 70h bit 7. */
void lapic_nmi(struct board *);
/* INIT# of all processors. */
void lapic_init_all(struct board *);
/* The PIC's INTR line changed: LINT0 in ExtINT mode, or straight through while the APIC is off. */
void lapic_pic_line(struct board *, bool level);
/* For the processor's bus: acknowledge, registers in MSRs (IA32_APIC_BASE), TPR. */
uint8_t lapic_acknowledge(struct board *, unsigned cpu, unsigned *source);
bool lapic_rdmsr(struct board *, unsigned cpu, uint32_t msr, uint64_t *value);
bool lapic_wrmsr(struct board *, unsigned cpu, uint32_t msr, uint64_t value);
uint64_t lapic_get_tpr(struct board *, unsigned cpu);
void lapic_set_tpr(struct board *, unsigned cpu, uint64_t cr8);
/* The vector by which Xen tells a processor of events, or -1; it is acknowledged before any of the local APIC's.
 * An interrupt of any kind ends a processor's waiting in a hypercall. */
int xen_host_upcall(struct board *, unsigned cpu);
int xen_host_acknowledge(struct board *, unsigned cpu);
/* intr_delay.c: whether a processor's INTR line, which is to have this level, is held back for a while; then lapic_update() follows. */
bool intr_delayed(struct board *, unsigned cpu, bool level);
/* Recomputes the processor's INTR line. */
void lapic_update(struct board *, unsigned cpu);
uint64_t lapic_mmio_read(struct board *, unsigned cpu, uint64_t offset, unsigned size);
void lapic_mmio_write(struct board *, unsigned cpu, uint64_t offset, unsigned size, uint64_t value);

#endif

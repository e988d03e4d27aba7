/* xen_host.h - the hypervisor's side of the processors' bus, by xen_host.c; nothing without a domain. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_XEN_HOST_H
#define BOOTREEL_HV_BOARD_XEN_HOST_H

#include "hv/board/board.h"

bool xen_host_wanted(const struct board *);
/* How many bytes of guest-physical addresses it needs above all RAM. */
uint64_t xen_host_above_ram(const struct board *);
void xen_host_hypercall(struct board *, unsigned cpu);
void xen_host_cpuid(struct board *, unsigned cpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4]);
bool xen_host_rdmsr(struct board *, uint32_t msr, uint64_t *value);
bool xen_host_wrmsr(struct board *, unsigned cpu, uint32_t msr, uint64_t value);
/* PCI functions have moved in the memory map. */
void xen_host_remap(struct board *);
void xen_host_flush(struct board *);

#endif

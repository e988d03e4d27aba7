/* vmx_guest.h - what virt.c leaves to vmx_guest.c in a guest of Intel's extension. Private to hv/x86/virt. SDM volume 3, chapter 25. */
#ifndef BOOTREEL_HV_X86_VIRT_VMX_GUEST_H
#define BOOTREEL_HV_X86_VIRT_VMX_GUEST_H

#include "hv/x86/virt/virt.h"

/* As virt_io_look(), virt_msr_look(), virt_pause_look(), virt_cr8_get(), virt_cr8_set() and virt_wants_fault(). */
void vmx_io_look(struct x86 *, const struct op *, uint16_t port, unsigned size, bool in, bool string);
void vmx_msr_look(struct x86 *, const struct op *, uint32_t msr, bool write);
void vmx_pause_look(struct x86 *, const struct op *);
uint64_t vmx_cr8_get(const struct x86 *);
void vmx_cr8_set(struct x86 *, uint64_t v);
bool vmx_wants_fault(const struct x86 *, const struct fault *);
/* What ends the run before the next instruction, in the order of their priorities; 0 if nothing does. And its qualification. */
unsigned vmx_exit_line(const struct x86 *);
uint64_t vmx_line_qualification(const struct x86 *, unsigned reason);
/* As virt_take_mtf(), virt_single(), virt_steps(). */
void vmx_take_mtf(struct x86 *);
bool vmx_single(struct x86 *);
int64_t vmx_steps(const struct x86 *);
/* The exit itself (vmx.c). */
void vmx_leave(struct x86 *);

#endif

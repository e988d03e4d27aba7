/* bios.h - calls of the BIOS from C in real mode. */
#ifndef DEMO_BIOS_H
#define DEMO_BIOS_H

#include "guests/demo/types.h"

struct bios_regs {
    u32 eax, ebx, ecx, edx, esi, edi;
    u16 ds, es;
    u16 flags; /* only coming back */
};
enum { CARRY = 1 };

/* INT number; the registers go there and come back. */
void bios(u32 number, struct bios_regs *regs);

#endif

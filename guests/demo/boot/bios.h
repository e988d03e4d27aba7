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

/* Calls INT number with these registers, and stores those it returns. */
void bios(u32 number, struct bios_regs *regs);

#endif

/* mouse.h - the PS/2 mouse's service, for INT 15h. */
#ifndef BIOS_MOUSE_H
#define BIOS_MOUSE_H

#include "bios/types.h"

struct regs;

/* INT 15h AH=C2h. */
void mouse_service(struct regs *r);
/* entry.S: calls a program's handler with these and 0 on the stack. */
void mouse_call(u32 handler, u32 status, u32 x, u32 y);

#endif

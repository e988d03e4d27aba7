/* layout.h - where the firmware is in memory. For C and assembly; bios.ld has the same numbers.
 *
 *   FFFE0000-FFFE7FFF   POST, part 1: 32-bit code that runs in the ROM itself
 *   E3000-E7FFF         what a resume from S3 puts aside (shadow RAM): POST_ROOM bytes of the operating system's memory
 *   E8000-EFFFF         data segment of the services (shadow RAM): constants, variables, stack
 *   F0000-FFFFF         code segment of the services (shadow RAM), tables for the operating system
 */
#ifndef BIOS_LAYOUT_H
#define BIOS_LAYOUT_H

#define CODE_SEG    0xf000
#define DATA_SEG    0xe800
#define CODE_LINEAR 0xf0000
#define DATA_LINEAR 0xe8000
#define ROM_LINEAR  0xfffe0000
#define BDA_SEG     0x40

/* The services' stack, and how much of it one level of nesting may use before
 * the services are called again from another stack. */
#define STACK_SIZE  0x3000
#define STACK_LEVEL 0x800

/* POST, part 1: its stack grows down from here; bios.ld puts its variables at 1000h. */
#define POST_STACK 0x8000
#define AP_PAGE    0x10000 /* where application processors start */

/* The 32-bit POST's variables (bios.ld), which are the operating system's memory when it resumes; and where that is kept meanwhile. It is not
 * at the top of memory, so that the map there is the same as SeaBIOS's. */
#define POST_MEMORY 0x1000
#define POST_ROOM   0x5000
#define RESUME_ROOM (DATA_LINEAR - POST_ROOM)

/* Option ROMs may use C0000h up to here. */
#define ROM_AREA     0xc0000
#define ROM_AREA_END RESUME_ROOM

#define RESUME_S3 0xfe /* CMOS 0Fh, as QEMU sets it */

/* struct regs: offsets. */
#define REGS_EDI     0
#define REGS_ESI     4
#define REGS_EBP     8
#define REGS_EBX     16
#define REGS_EDX     20
#define REGS_ECX     24
#define REGS_EAX     28
#define REGS_DS      32
#define REGS_ES      34
#define REGS_FS      36
#define REGS_GS      38
#define REGS_HANDLER 40
#define REGS_FLAGS   48
#define REGS_SIZE    50
#define REGS_ROOM    52

/* Selectors of the POST's descriptor table. */
#define SEL_CODE32 0x08
#define SEL_DATA32 0x10
#define SEL_CODE16 0x18
#define SEL_DATA16 0x20
#define SEL_BIG16  0x28

#endif

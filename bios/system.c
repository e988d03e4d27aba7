/* system.c - INT 15h: A20, memory size and map, block move, waiting, the keyboard's intercept, system
 * configuration.
 *
 * Sources: IBM PS/2 BIOS Interface Technical Reference (INT 15h); ACPI 3.0, 14.1 (E820h); Phoenix/EISA
 * (E801h, 88h).
 */
#include "bios/bios.h"
#include "bios/clock.h"
#include "bios/mouse.h"

enum { UNSUPPORTED = 0x86 };

static void unsupported(struct regs *r)
{
    answer(r, UNSUPPORTED);
}

/* ---------------------------------------------------------------- A20: by port 92h */

static void a20(struct regs *r)
{
    u8 port = inb(0x92);
    switch (r->al) {
    case 0x00:
    case 0x01:
        outb(0x92, (port & ~3) | r->al << 1);
        answer(r, 0);
        break;
    case 0x02:
        r->al = port >> 1 & 1;
        answer(r, 0);
        break;
    case 0x03:
        r->bx = 3; /* keyboard controller and port 92h */
        answer(r, 0);
        break;
    default:
        unsupported(r);
        break;
    }
}

/* ---------------------------------------------------------------- waiting */

static void wait_event(struct regs *r)
{
    if (r->al == 1) {
        clock_wait_cancel();
        answer(r, 0);
    } else if (r->al == 0 && clock_wait_start((u32)r->cx << 16 | r->dx, r->es, r->bx)) {
        answer(r, 0);
    } else {
        set_carry(r, true); /* busy */
    }
}

static volatile u8 waited;

static void wait_now(struct regs *r)
{
    waited = 0;
    if (!clock_wait_start((u32)r->cx << 16 | r->dx, DATA_SEG, (u16)(u32)&waited)) {
        answer(r, 0x83);
        return;
    }
    cli();
    while (!waited)
        idle(8);
    answer(r, 0);
}

/* ---------------------------------------------------------------- memory */

/* Descriptor at an offset of the caller's table: 64 KiB. */
static void set_descriptor(u16 segment, u16 offset, u32 base, u8 access)
{
    far_write16(segment, offset, 0xffff);
    far_write16(segment, offset + 2, (u16)base);
    far_write8(segment, offset + 4, (u8)(base >> 16));
    far_write8(segment, offset + 5, access);
    far_write16(segment, offset + 6, (u16)(base >> 16 & 0xff00));
}

/* AH=87h: CX words, by the descriptor table at ES:SI, whose first, second and last two entries the BIOS fills
 * in. */
static void move_block(struct regs *r)
{
    u8 port92 = inb(0x92);
    if (r->cx > 0x8000 || !real_mode()) {
        answer(r, 2);
        return;
    }
    set_descriptor(r->es, r->si + 0x08, linear(r->es, r->si), 0x93);
    set_descriptor(r->es, r->si + 0x20, CODE_LINEAR, 0x9b);
    set_descriptor(r->es, r->si + 0x28, DATA_LINEAR, 0x93);
    outb(0x92, (port92 & ~1) | 2);
    block_move(linear(r->es, r->si), r->cx);
    outb(0x92, port92 & ~1);
    answer(r, 0);
}

/* AH=88h: KiB above 1 MiB, of the first 64 MiB. */
static void extended_memory(struct regs *r)
{
    u32 kib = (shared.memory_usable >> 10) - 1024;
    r->ax = kib > 63 * 1024 ? 63 * 1024 : (u16)kib;
    set_carry(r, false);
}

/* AX=E801h: KiB from 1 to 16 MiB, then units of 64 KiB. */
static void memory_e801(struct regs *r)
{
    u32 top = shared.memory_usable;
    if (top > 16 << 20) {
        r->cx = 15 * 1024;
        r->dx = (u16)((top - (16 << 20)) >> 16);
    } else {
        r->cx = (u16)((top >> 10) - 1024);
        r->dx = 0;
    }
    r->ax = r->cx;
    r->bx = r->dx;
    set_carry(r, false);
}

/* AX=E820h: EBX is the entry, ES:DI the buffer, EDX 'SMAP'. */
static void memory_map(struct regs *r)
{
    enum { SMAP = 0x534d4150, SIZE = sizeof(struct e820_entry) };
    if (r->edx != SMAP || r->ebx >= shared.e820_count || r->ecx < SIZE) {
        unsupported(r);
        return;
    }
    far_put(r->es, r->di, &shared.e820[r->ebx], SIZE);
    r->eax = SMAP;
    r->ecx = SIZE;
    r->ebx = r->ebx + 1u < shared.e820_count ? r->ebx + 1 : 0;
    set_carry(r, false);
}

static void big_memory(struct regs *r)
{
    switch (r->al) {
    case 0x01:
        memory_e801(r);
        break;
    case 0x20:
        memory_map(r);
        break;
    default:
        unsupported(r);
        break;
    }
}

/* ---------------------------------------------------------------- the rest */

/* AH=89h: enters protected mode with the caller's tables. No known program
 * needs it; EMS and DPMI hosts have their own code. */

static void configuration(struct regs *r)
{
    r->es = CODE_SEG;
    r->bx = 0xe6f5; /* fixed.S */
    answer(r, 0);
}

static void ebda_segment(struct regs *r)
{
    r->es = bda->ebda;
    set_carry(r, false);
}

void int15_system(struct regs *r)
{
    switch (r->ah) {
    case 0x24:
        a20(r);
        break;
    case 0x4f: /* nobody changes the scan code in AL */
        set_carry(r, true);
        break;
    case 0x52: /* removable medium is to be ejected: go on */
        answer(r, 0);
        break;
    case 0x80: /* device open, close, program ends */
    case 0x81:
    case 0x82:
    case 0x85: /* system request key */
    case 0x90: /* device busy: wait in the device's own way */
    case 0x91: /* device ready */
        answer(r, 0);
        break;
    case 0x83:
        wait_event(r);
        break;
    case 0x86:
        wait_now(r);
        break;
    case 0x87:
        move_block(r);
        break;
    case 0x88:
        extended_memory(r);
        break;
    case 0xc0:
        configuration(r);
        break;
    case 0xc1:
        ebda_segment(r);
        break;
    case 0xc2:
        mouse_service(r);
        break;
    case 0xe8:
        big_memory(r);
        break;
    default: /* 53h: no APM */
        unsupported(r);
        break;
    }
}

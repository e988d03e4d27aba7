/* trap.c - traps, as the kernel's handler gets them: each has its own numbers for the processor's exceptions. See impl.h.
 *
 * Offsets in struct trapframe are part of the ptrace interface: machine/frame.h. An i386 frame does not hold the address
 * of a page fault, which is still in CR2.
 */
#include "core/systems/freebsd/private/impl.h"

struct places {
    uint8_t trap, error, ip, cs;
};
static const struct places wide = {120, 144, 152, 160}, narrow = {44, 48, 52, 56};
enum { PAGE_FAULT = 12, TF_ADDR = 128 };

/* trap(frame) */
static void trapped(struct fb_guest *fb, struct hook_frame *f)
{
    const struct places *at = fb->base.word == 8 ? &wide : &narrow;
    uint64_t frame = base_argument(&fb->base, 0), address = 0;
    uint32_t trap = fb_u32(fb, frame + at->trap), group;
    const char *name = fb_trap_name(trap);
    char text[32];
    if (trap == PAGE_FAULT)
        address = fb->base.word == 8 ? fb_word(fb, frame + TF_ADDR) : fb_reg(fb, GUEST_CR2);
    if (name)
        snprintf(text, sizeof text, "%s", name);
    else
        snprintf(text, sizeof text, "trap %u", trap);
    GUEST_EMIT(fb, EV_KERNEL_TRAP, text, trap, fb_word(fb, frame + at->error) & UINT32_MAX,
               fb_word(fb, frame + at->cs) & 3, fb_word(fb, frame + at->ip), address,
               fb_tid(fb, fb_curthread(fb), &group), frame);
}

void fb_trap_setup(struct fb_guest *fb)
{
    if (base_wants(&fb->base, EC_SYSCALL))
        fb_hook_needed(fb, "trap", trapped, NULL);
}

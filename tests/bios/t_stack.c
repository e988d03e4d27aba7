/* t_stack.c - whose stack interrupt handlers find while a service waits: the program's. One that then leaves the service for good by
 * setting SP, as the countdown of KolibriOS's menu does, comes out where it expects. In this firmware it may do so any number of times;
 * SeaBIOS's stack is used up after a few. */
#include "test.h"

/* u32 leave_wait(u32 ax): INT 16h, which the tick's handler leaves after `countdown` ticks by setting SP alone. Gives the stack segment
 * at which it came out; bit 16 says that INT 16h returned. Until the countdown is over the handler goes on to the one before. */
u32 leave_wait(u32 ax);
/* Handlers that note their stack segment and go on to the ones before. */
void hook_tick(void), hook_1c(void), hook_09(void), hook_0e(void), hook_70(void);

u32 old_tick, old_1c, old_09, old_0e, old_70;
u16 ss_tick, ss_1c, ss_09, ss_0e, ss_70;
volatile u16 countdown;

asm("       .code16gcc\n"
    "       .text\n"
    "       .globl leave_wait\n"
    "leave_wait:\n"
    "       pushl %ebp\n"
    "       pushl %ebx\n"
    "       pushl %esi\n"
    "       pushl %edi\n"
    "       movl %esp, out_sp\n"
    "       int $0x16\n"
    "       movl $0x10000, %ebx\n"
    "       jmp 2f\n"
    "1:     movb $0x20, %al\n" /* the handler's way out */
    "       outb %al, $0x20\n"
    "       movl out_sp, %esp\n"
    "       xorl %ebx, %ebx\n"
    "2:     movw %ss, %bx\n"
    "       movl %ebx, %eax\n"
    "       movw %cs, %dx\n"
    "       movw %dx, %ds\n"
    "       movw %dx, %es\n"
    "       movw %dx, %ss\n"
    "       movl out_sp, %esp\n"
    "       cld\n"
    "       sti\n"
    "       popl %edi\n"
    "       popl %esi\n"
    "       popl %ebx\n"
    "       popl %ebp\n"
    "       retl\n"
    "       .globl hook_tick\n"
    "hook_tick:\n"
    "       pushw %ds\n"
    "       pushw %cs\n"
    "       popw %ds\n"
    "       movw %ss, ss_tick\n"
    "       subw $1, countdown\n"
    "       jz 1b\n"
    "       popw %ds\n"
    "       ljmpw *%cs:old_tick\n"
    "       .globl hook_1c\n"
    "hook_1c:\n"
    "       pushal\n"
    "       movw %ss, %cs:ss_1c\n"
    "       movb $0x0f, %ah\n" /* a service from within a service that waits */
    "       int $0x10\n"
    "       popal\n"
    "       ljmpw *%cs:old_1c\n"
    ".macro hook n\n"
    "       .globl hook_\\n\n"
    "hook_\\n:\n"
    "       movw %ss, %cs:ss_\\n\n"
    "       ljmpw *%cs:old_\\n\n"
    ".endm\n"
    "       hook 09\n"
    "       hook 0e\n"
    "       hook 70\n"
    "       .bss\n"
    "out_sp: .skip 4\n"
    "       .text\n");

static u32 vector(u8 number)
{
    return peek16(0, number * 4) | (u32)peek16(0, number * 4 + 2) << 16;
}

static void set_vector(u8 number, u32 to)
{
    asm volatile("cli");
    poke16(0, number * 4, (u16)to);
    poke16(0, number * 4 + 2, to >> 16);
    asm volatile("sti");
}

static const struct hook {
    u8 number;
    void (*entry)(void);
    u32 *old;
    u16 *ss;
} hooks[] = {
    {0x08, hook_tick, &old_tick, &ss_tick}, {0x1c, hook_1c, &old_1c, &ss_1c},
    {0x09, hook_09, &old_09, &ss_09},       {0x0e, hook_0e, &old_0e, &ss_0e},
    {0x70, hook_70, &old_70, &ss_70},
};
enum { HOOKS = sizeof hooks / sizeof hooks[0] };

/* The segments at which the handlers were, during one service. */
static void seen(const char *name)
{
    print("T stack during %s:", name);
    for (unsigned i = 0; i < HOOKS; i++) {
        if (*hooks[i].ss)
            print(" %02x at %04x", hooks[i].number, *hooks[i].ss);
        *hooks[i].ss = 0;
    }
    print("\n");
}

static void test_leaving(unsigned times)
{
    unsigned good = 0;
    for (unsigned i = 0; i < times; i++) {
        countdown = 1;
        good += leave_wait(i & 1 ? 0x1000 : 0x0000) == SEG;
    }
    print("T left INT 16h on the program's stack: %u times\n", good);
    countdown = 3;
    print("T left it in the third tick: %x\n", leave_wait(0));
    seen("INT 16h");
}

enum { SHARED = 0xe800, TOP = 0x8000, BELOW = 0x7c00, FRAME = 64 };

/* A stack of the program in the segment that this firmware has its own in. */
static void test_shared_segment(void)
{
    unsigned touched = 0;
    u16 mode;
    fill(SHARED, BELOW, 0x5a, TOP - BELOW);
    asm volatile("movw %%ss, %%dx\n\tmovl %%esp, %%ecx\n\tcli\n\tmovw %w1, %%ss\n\tmovl %2, %%esp\n\t"
                 "movb $0x0f, %%ah\n\tint $0x10\n\tmovw %%dx, %%ss\n\tmovl %%ecx, %%esp\n\tsti"
                 : "=&a"(mode)
                 : "b"(SHARED), "S"(TOP)
                 : "ecx", "edx", "memory");
    for (u16 at = BELOW; at < TOP - FRAME; at++)
        touched += peek8(SHARED, at) != 0x5a;
    print("T mode %02x by a stack at e800:8000, more than %u bytes below which %u changed\n", mode & 0xff,
          FRAME, touched);
}

/* Whether the banner is in that segment. */
static bool is_this_firmware(void)
{
    static const char banner[] = "bootreel BIOS";
    for (u16 at = 0; at < BELOW; at++) {
        unsigned n = 0;
        while (banner[n] && peek8(SHARED, at + n) == banner[n])
            n++;
        if (!banner[n])
            return true;
    }
    return false;
}

void test_stack(void)
{
    struct regs r = with(0x8600);
    for (unsigned i = 0; i < HOOKS; i++) {
        *hooks[i].old = vector(hooks[i].number);
        set_vector(hooks[i].number, (u32)SEG << 16 | (u16)(u32)hooks[i].entry);
    }
    test_leaving(5);
    r.ecx = 2, r.edx = 0;
    call("wait 131 ms", 0x15, r, CF);
    seen("INT 15h");
    r = with(0x0201), r.ecx = 0x4f01, r.edx = 0, r.es = 0x3000;
    call("a floppy's sector", 0x13, r, CF);
    *hooks[0].ss = *hooks[1].ss = 0; /* whether a tick comes is chance */
    seen("INT 13h");
    bool this_firmware = is_this_firmware();
    if (this_firmware)
        test_leaving(100);
    for (unsigned i = 0; i < HOOKS; i++)
        set_vector(hooks[i].number, *hooks[i].old);
    r = with(0x0f00), r.ebx = 0;
    call("video mode after all that", 0x10, r, AX);
    if (this_firmware)
        test_shared_segment();
}

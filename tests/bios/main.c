/* main.c - printing, calling, and the order of the tests. */
#include <stdarg.h>

#include "test.h"

enum { LOG = 0x402, EXIT = 0xf4 };

static void put(char c)
{
    outb(LOG, c);
}

static void put_number(u32 n, unsigned base, unsigned width, char pad)
{
    char digits[12];
    unsigned i = 0;
    do {
        digits[i++] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    for (; width > i; width--)
        put(pad);
    while (i)
        put(digits[--i]);
}

void print(const char *p, ...)
{
    va_list args;
    va_start(args, p);
    for (; *p; p++) {
        unsigned width = 0;
        char pad = ' ';
        if (*p != '%') {
            put(*p);
            continue;
        }
        p++;
        if (*p == '0')
            pad = '0';
        for (; *p >= '0' && *p <= '9'; p++)
            width = width * 10 + (*p - '0');
        if (*p == 's')
            for (const char *s = va_arg(args, const char *); *s; s++)
                put(*s);
        else
            put_number(va_arg(args, u32), *p == 'x' ? 16 : 10, width, pad);
    }
    va_end(args);
}

struct regs with(u16 ax)
{
    return (struct regs){.eax = 0xa5a50000u | ax,
                         .ebx = 0xb5b51111,
                         .ecx = 0xc5c52222,
                         .edx = 0xd5d53333,
                         .esi = 0xe5e54444,
                         .edi = 0xf5f55555,
                         .ebp = 0x95956666,
                         .ds = SEG,
                         .es = SEG,
                         .flags = 0x202};
}

static void put_register(const char *name, u32 value, unsigned width)
{
    print(" %s=", name);
    put_number(value, 16, width, '0');
}

/* What was not shown and should not change. */
static void check_kept(const struct regs *in, const struct regs *out, unsigned show)
{
    if (!(show & (BX | EBX)) && in->ebx != out->ebx)
        put_register("(changed)ebx", out->ebx, 8);
    if (!(show & (CX | ECX)) && in->ecx != out->ecx)
        put_register("(changed)ecx", out->ecx, 8);
    if (!(show & (DX | EDX)) && in->edx != out->edx)
        put_register("(changed)edx", out->edx, 8);
    if (!(show & SI) && in->esi != out->esi)
        put_register("(changed)esi", out->esi, 8);
    if (!(show & DI) && in->edi != out->edi)
        print(" (changed)edi"); /* mostly an address */
    if (!(show & BP) && in->ebp != out->ebp)
        put_register("(changed)ebp", out->ebp, 8);
    if (!(show & ES) && in->es != out->es)
        print(" (changed)es");
    if (in->ds != out->ds)
        put_register("(changed)ds", out->ds, 4);
}

struct regs call(const char *name, u8 number, struct regs in, unsigned show)
{
    static const struct {
        unsigned bit;
        const char *name;
        u8 offset, width;
    } registers[] = {
        {AX, "ax", offsetof(struct regs, eax), 4},     {AL, "al", offsetof(struct regs, eax), 2},
        {AH, "ah", offsetof(struct regs, eax) + 1, 2}, {EAX, "eax", offsetof(struct regs, eax), 8},
        {BX, "bx", offsetof(struct regs, ebx), 4},     {EBX, "ebx", offsetof(struct regs, ebx), 8},
        {CX, "cx", offsetof(struct regs, ecx), 4},     {ECX, "ecx", offsetof(struct regs, ecx), 8},
        {DX, "dx", offsetof(struct regs, edx), 4},     {EDX, "edx", offsetof(struct regs, edx), 8},
        {SI, "si", offsetof(struct regs, esi), 4},     {DI, "di", offsetof(struct regs, edi), 4},
        {BP, "bp", offsetof(struct regs, ebp), 4},     {ES, "es", offsetof(struct regs, es), 4},
    };
    struct regs out = in;
    call_interrupt(number, &out);
    print("T %02x.%02x %s:", number, in.eax >> 8 & 0xff, name);
    for (unsigned i = 0; i < sizeof registers / sizeof registers[0]; i++) {
        u32 value = 0;
        if (!(show & registers[i].bit))
            continue;
        for (unsigned k = 0; k < registers[i].width / 2u; k++)
            value |= (u32)((u8 *)&out)[registers[i].offset + k] << 8 * k;
        put_register(registers[i].name, value, registers[i].width);
    }
    if (show & CF)
        print(" cf=%u", out.flags & CARRY);
    if (show & ZF)
        print(" zf=%u", (u32)(out.flags & ZERO) >> 6);
    check_kept(&in, &out, show);
    print("\n");
    return out;
}

u8 peek8(u16 segment, u16 offset)
{
    u8 value;
    asm volatile("movw %1, %%gs\n\tmovb %%gs:(%2), %0" : "=q"(value) : "r"(segment), "r"((u32)offset));
    return value;
}

u16 peek16(u16 segment, u16 offset)
{
    return peek8(segment, offset) | peek8(segment, offset + 1) << 8;
}

void poke8(u16 segment, u16 offset, u8 value)
{
    asm volatile("movw %1, %%gs\n\tmovb %0, %%gs:(%2)"
                 :
                 : "q"(value), "r"(segment), "r"((u32)offset)
                 : "memory");
}

void poke16(u16 segment, u16 offset, u16 value)
{
    poke8(segment, offset, (u8)value);
    poke8(segment, offset + 1, value >> 8);
}

void fill(u16 segment, u16 offset, u8 value, unsigned n)
{
    while (n--)
        poke8(segment, offset++, value);
}

void show(const char *name, u16 segment, u16 offset, unsigned n)
{
    print("T %s:", name);
    while (n--)
        print(" %02x", peek8(segment, offset++));
    print("\n");
}

void show_sum(const char *name, u16 segment, u16 offset, unsigned n)
{
    u32 sum = 0;
    while (n--)
        sum = (sum << 5 | sum >> 27) + peek8(segment, offset++);
    print("T %s: sum %08x\n", name, sum);
}

void test_main(void)
{
    test_data_area();
    test_video();
    test_disk();
    test_floppy();
    test_cd();
    test_serial();
    test_system();
    test_keyboard();
    test_clock();
    test_bios32();
    test_stack();
    print("T end\n");
    outb(EXIT, 0);
}

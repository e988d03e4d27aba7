/* sys.c - see sys.h: the world that test pieces run in, and printing. */
#include <stdarg.h>

#include "sys.h"

u64 gdt[32] __attribute__((aligned(16)));
u8 idt[256 * 16] __attribute__((aligned(16)));
volatile u32 seen[16];
int (*hook)(struct frame *);
u32 v86_flags = 0x20002, user_flags = 2;
unsigned user_code = SEL_UCODE;
int show_flags;

/* In start*.S. */
extern char stubs[], interrupt_stack_top[], fault_stack_top[], double_fault_task[];
int call_guarded(void (*run)(void)); /* runs it; -1 if it ended, else the vector of the exception that did */
void *memset(void *to, int c, uptr n);
void *memcpy(void *to, const void *from, uptr n);
void restore_world(void);
void trap_taken(struct frame *f);
void task_fault(unsigned vector, unsigned error);
int main(const u32 *info);
void guard_return(void) __attribute__((noreturn));
void enter_ring0(void), enter_ring3(void), enter_v86(void), enter_real(void);
extern uptr piece_address, piece_ax;

struct frame trap; /* the exception that ended the last piece */
static uptr trap_cr2, trap_dr6;

/* The compiler may call these. */
void *memset(void *to, int c, uptr n)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
    return start;
}
void *memcpy(void *to, const void *from, uptr n)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    return start;
}

/* ---------------------------------------------------------------- printing */

static void put(char c) { out8(0xe9, (u8)c); }

static void number(uptr v, unsigned base)
{
    char text[24];
    unsigned n = 0;
    do {
        text[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n)
        put(text[--n]);
}

void print(const char *text, ...)
{
    va_list ap;
    va_start(ap, text);
    for (; *text; text++) {
        if (*text != '%') {
            put(*text);
            continue;
        }
        switch (*++text) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put(*s);
            break;
        case 'x': number(va_arg(ap, uptr), 16); break;
        case 'd': number(va_arg(ap, uptr), 10); break;
        default: put(*text);
        }
    }
    va_end(ap);
}

void group(const char *name) { print("== %s\n", name); }

static void print4(unsigned v)
{
    for (int shift = 12; shift >= 0; shift -= 4)
        put("0123456789abcdef"[v >> shift & 15]);
}

static void show_trap(const char *from, const char *to)
{
    static const char *const names[] = {"DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM", "DF", "9", "TS", "NP", "SS", "GP", "PF", "15",
                                        "MF", "AC", "MC", "XM"};
    unsigned v = (unsigned)trap.vector;
    if (v < sizeof names / sizeof names[0])
        print("#%s", names[v]);
    else
        print("vector %x", (uptr)v);
    if (v == 8 || (v >= 10 && v <= 14) || v == 17) {
        put('(');
        print4((u16)trap.error);
        put(')');
    }
    uptr ip = trap.ip;
    if (ip >= (uptr)from && ip <= (uptr)to)
        print(" +%x", ip - (uptr)from);
    else if (ip < 0x10000)
        print(" at %x:%x", (uptr)(u16)trap.cs, ip);
    else
        print(" elsewhere, cs=%x", (uptr)(u16)trap.cs);
    if (v == 14)
        print(" cr2=%x", trap_cr2);
    if (v == 1)
        print(" dr6=%x", trap_dr6);
    if (show_flags)
        print(" flags=%x", (uptr)trap.flags);
    print(" eax=%x\n", (uptr)trap.ax);
}

/* ---------------------------------------------------------------- descriptors */

void raw_descriptor(unsigned sel, u64 v) { gdt[sel >> 3] = v; }

void descriptor(unsigned sel, u32 base, u32 limit, u32 attr)
{
    raw_descriptor(sel, (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 | (u64)(limit >> 16 & 15) << 48 |
                            (u64)(attr >> 12 & 15) << 52 | (u64)(base >> 24) << 56);
}

void gate_descriptor(unsigned sel, unsigned target, uptr offset, u32 attr, unsigned params)
{
    raw_descriptor(sel, (offset & 0xffff) | (u64)target << 16 | (u64)params << 32 | (u64)(attr & 0xff) << 40 |
                            (u64)(offset >> 16 & 0xffff) << 48);
#ifdef __x86_64__
    gdt[(sel >> 3) + 1] = offset >> 32;
#endif
}

void idt_gate(unsigned n, unsigned target, uptr offset, u32 attr, unsigned ist)
{
#ifdef __x86_64__
    u64 *g = (u64 *)idt + n * 2;
    g[1] = offset >> 32;
#else
    u64 *g = (u64 *)idt + n;
#endif
    *g = (offset & 0xffff) | (u64)target << 16 | (u64)ist << 32 | (u64)(attr & 0xff) << 40 | (u64)(offset >> 16 & 0xffff) << 48;
}

void idt_usual(unsigned n, u32 attr) { idt_gate(n, SEL_CODE, (uptr)stubs + n * 16, attr, 0); }

static void load_table(int global, const void *base, unsigned limit)
{
    struct {
        u16 limit;
        uptr base;
    } __attribute__((packed)) r = {(u16)limit, (uptr)base};
    if (global)
        __asm__ volatile("lgdt %0" ::"m"(r));
    else
        __asm__ volatile("lidt %0" ::"m"(r));
}

void idt_limit(unsigned limit) { load_table(0, idt, limit); }

#ifdef __x86_64__
struct tss64 tss __attribute__((aligned(16)));
enum { CODE_FLAT = 0xa09b, UCODE_FLAT = 0xa0fb, IDT_BYTES = 4095, CR0_USUAL = 0x80000033, CR4_USUAL = 0x620 };

static void make_tss(void)
{
    tss.rsp[0] = (uptr)interrupt_stack_top;
    tss.ist[0] = (uptr)fault_stack_top;
    tss.iomap = sizeof tss;
}
static void system_descriptors(void)
{
    descriptor(SEL_TSS, (u32)(uptr)&tss, sizeof tss - 1, 0x89);
    raw_descriptor(SEL_TSS + 8, 0);
    idt_gate(8, SEL_CODE, (uptr)stubs + 8 * 16, 0x8e, 1);
}
#else
struct tss32 tss __attribute__((aligned(16)));
static struct tss32 df_tss __attribute__((aligned(16)));
enum { CODE_FLAT = 0xc09b, UCODE_FLAT = 0xc0fb, IDT_BYTES = 2047, CR0_USUAL = 0x33, CR4_USUAL = 0x600 };

static void make_tss(void)
{
    tss.ss0 = SEL_DATA;
    tss.esp0 = (uptr)interrupt_stack_top;
    tss.iomap = sizeof tss;
}
/* A double fault is a task of its own: it must work whatever is wrong with the stack. */
static void system_descriptors(void)
{
    df_tss = (struct tss32){.ss = SEL_DATA, .cs = SEL_CODE, .ds = SEL_DATA, .es = SEL_DATA, .fs = SEL_DATA, .gs = SEL_DATA,
                            .esp = (uptr)fault_stack_top, .eip = (uptr)double_fault_task, .eflags = 2, .iomap = 104};
    df_tss.cr3 = TABLES; /* the directory of tests with paging */
    descriptor(SEL_TSS, (uptr)&tss, sizeof tss - 1, 0x89);
    descriptor(SEL_DFTSS, (uptr)&df_tss, 103, 0x89);
    idt_gate(8, SEL_DFTSS, 0, 0x85, 0);
}
#endif

/* ---------------------------------------------------------------- order */

uptr usual_cr3, usual_cr4 = CR4_USUAL;

void restore_world(void)
{
    __asm__ volatile("push $2; popf");
    load_table(1, gdt, sizeof gdt - 1);
    load_table(0, idt, IDT_BYTES);
    system_descriptors();
    __asm__ volatile("lldt %w0; ltr %w1" ::"r"(0), "r"(SEL_TSS));
    if (cr0() != CR0_USUAL)
        set_cr0(CR0_USUAL);
    if (cr4() != usual_cr4)
        set_cr4(usual_cr4);
    set_cr3(usual_cr3);
    set_dr7(0x400);
    set_dr6(0xffff0ff0);
    __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs; fninit" ::"r"(SEL_DATA));
}

static void make_world(void)
{
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    descriptor(SEL_CODE, 0, 0xfffff, CODE_FLAT);
    descriptor(SEL_DATA, 0, 0xfffff, 0xc093);
    descriptor(SEL_UCODE, 0, 0xfffff, UCODE_FLAT);
    descriptor(SEL_UDATA, 0, 0xfffff, 0xc0f3);
    descriptor(SEL_CODE16, 0, 0xffff, 0x009b);
    descriptor(SEL_DATA16, 0, 0xffff, 0x0093);
    descriptor(SEL_CODE32, 0, 0xfffff, 0xc09b);
    descriptor(SEL_UCODE32, 0, 0xfffff, 0xc0fb);
    descriptor(SEL_UCODE64, 0, 0xfffff, 0xa0fb);
    for (unsigned i = 0; i < 256; i++)
        idt_usual(i, i == 3 || i == 4 || i == 0x80 ? 0xee : 0x8e);
    make_tss();
    usual_cr3 = cr3();
    restore_world();
}

/* ---------------------------------------------------------------- pieces */

/* From the stubs. Returning goes on after the exception. */
void trap_taken(struct frame *f)
{
    uptr address = cr2(), status = dr6();
    if (hook && hook(f))
        return;
    trap = *f;
    trap_cr2 = address;
    trap_dr6 = status;
    guard_return();
}

#ifndef __x86_64__
/* From a task of an exception: the TSS that was left tells where. */
void task_fault(unsigned vector, unsigned error)
{
    trap = (struct frame){.vector = vector, .error = error, .ip = tss.eip, .cs = tss.cs, .flags = tss.eflags, .ax = tss.eax};
    guard_return();
}

static int faults_are_tasks;

/* Vectors 10-13 as tasks: for exceptions that leave no stack to push on. Done again after each piece, since a task that was left is busy. */
void fault_tasks_on(int on)
{
    faults_are_tasks = on;
    static struct tss32 task[4] __attribute__((aligned(16)));
    extern char fault_tasks[];
    for (unsigned i = 0; i < 4; i++) {
        task[i] = df_tss;
        task[i].eip = (uptr)fault_tasks + i * 16;
        descriptor(SEL_FAULTS + i * 8, (uptr)&task[i], 103, 0x89);
        if (on)
            idt_gate(10 + i, SEL_FAULTS + i * 8, 0, 0x85, 0);
        else
            idt_usual(10 + i, 0x8e);
    }
}
#endif

enum { LOW_SIZE = 2048 };
static int lenient;

void run_piece(const char *name, const char *from, const char *to, enum mode mode)
{
    static void (*const enter[])(void) = {enter_ring0, enter_ring3, enter_v86, enter_real};
    if (lenient && *name == '*') {
        hook = 0;
        return;
    }
    print("%s: ", name);
    uptr length = (uptr)(to - from);
    piece_address = (uptr)from;
    if (mode == V86 || mode == REAL) {
        u8 *low = (u8 *)LOW;
        for (unsigned i = 0; i < LOW_SIZE; i++)
            low[i] = i < length ? (u8)from[i] : mode == V86 ? 0xf4 : 0xcb;
        if (mode == V86) /* int 80h; nothing comes back */
            low[length] = 0xcd, low[length + 1] = 0x80;
        from = mode == V86 ? (char *)0 : (char *)LOW;
        to = from + 1000;
    }
    int vector = call_guarded(enter[mode]);
    hook = 0;
    restore_world();
#ifndef __x86_64__
    if (faults_are_tasks)
        fault_tasks_on(1);
#endif
    if (vector < 0)
        print("ok eax=%x\n", piece_ax);
    else if (vector == 0x80 || (mode == V86 && vector == 13 && trap.ip == length))
        print("ok eax=%x\n", (uptr)trap.ax);
    else
        show_trap(from, to);
}

/* ---------------------------------------------------------------- all */

/* Whether the multiboot command line has a word that begins like this. "lenient": leave out what only a strict machine does (names
 * with *). "la57": 5-level paging, and nothing else. */
static int wants(const u32 *info, const char *word)
{
    const char *line = info[0] & 4 ? (const char *)(uptr)info[4] : "";
    for (; *line; line++)
        if (line[0] == ' ' && line[1] == word[0] && line[2] == word[1] && line[3] == word[2])
            return 1;
    return 0;
}

int main(const u32 *info)
{
    lenient = wants(info, "lenient");
    make_world();
#ifdef __x86_64__
    if (wants(info, "la57")) {
        test_levels5();
    } else {
        test_long();
        test_long_pages();
        test_long_gates();
        test_compat();
    }
#else
    test_segments();
    test_gates();
    test_tasks();
    test_pages();
    test_privilege();
    test_exceptions();
    test_v86();
    test_debug();
    test_code();
    test_real();
#endif
    print("end\n");
    return 0;
}

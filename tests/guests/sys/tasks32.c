/* tasks32.c - hardware task switches (SDM volume 3, chapter 8). */
#include "sys.h"

struct tss16 {
    u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};

static struct tss32 other __attribute__((aligned(16)));
static struct tss16 old __attribute__((aligned(16)));
static u8 other_stack[4096];
void task_fault_body(void), task_body(void), task_loop(void), task_exit(void), task16_body(void);

/* The other task notes what it sees; then goes back by IRET, or by a jump. */
__asm__(".pushsection .text\n"
        "task_body: pushf; pop SEEN; str SEEN + 4; mov %eax, SEEN + 8; mov %ds, SEEN + 12; mov %cr0, %eax; mov %eax, SEEN + 16; "
        "sldt SEEN + 20; mov %esp, SEEN + 24; iret; incl SEEN + 28; iret\n"
        "task_loop: jmp task_loop\n"
        "task_fault_body: mov %esp, SEEN + 24; pop SEEN + 32; addl $3, tss + 32; iret\n" /* over the LLDT */
        "task_exit: ljmp $SEL_TSS, $0\n"
        ".popsection\n");

static void fresh(void)
{
    other = (struct tss32){.eip = (uptr)task_body, .eflags = 0x2, .eax = 0x1234, .esp = (uptr)other_stack + sizeof other_stack,
                           .cs = SEL_CODE, .ss = SEL_DATA, .ds = SEL_UDATA, .es = SEL_DATA, .fs = 0, .gs = SEL_DATA, .iomap = 104};
    other.cr3 = cr3();
    descriptor(SEL_T0, (uptr)&other, 103, 0x89);
    gate_descriptor(SEL_T1, SEL_T0, 0, 0x85, 0);
    for (unsigned i = 0; i < 16; i++)
        seen[i] = 0;
}

static void show_task(void)
{
    print("    flags %x tr %x eax %x ds %x ts %x ldt %x esp-%x again %x; link %x busy %x main busy %x\n", (uptr)seen[0],
          (uptr)(u16)seen[1], (uptr)seen[2], (uptr)(u16)seen[3], (uptr)(seen[4] >> 3 & 1), (uptr)(u16)seen[5],
          (uptr)other_stack + sizeof other_stack - seen[6], (uptr)seen[7], (uptr)(u16)other.link, (uptr)(gdt[SEL_T0 >> 3] >> 40 & 0xff),
          (uptr)(gdt[SEL_TSS >> 3] >> 40 & 0xff));
}

static void switches(void)
{
    group("task switches");
    fresh();
    T("call and IRET", "mov $5, %eax; lcall $SEL_T0, $0; push %eax; pushf; pop %eax; and $0x4000, %eax; pop %ecx; add %ecx, %eax");
    show_task();
    print("    eip left at +%x, eax left %x, flags left %x\n", other.eip - (uptr)task_body, (uptr)(other.eax & 0x10), (uptr)other.eflags);
    T("call again goes on behind its IRET", "lcall $SEL_T0, $0; mov SEEN + 28, %eax");
    fresh();
    T("call by a task gate", "lcall $SEL_T1, $0x777; str %ax");
    show_task();
    fresh();
    other.eip = (uptr)task_exit;
    T("jump there and back", "mov $9, %eax; ljmp $SEL_T0, $0; str %cx; add %ecx, %eax");
    print("    link %x busy %x\n", (uptr)(u16)other.link, (uptr)(gdt[SEL_T0 >> 3] >> 40 & 0xff));
    fresh();
    other.eip = (uptr)task_exit;
    T("jump leaves NT and link alone", "ljmp $SEL_T0, $0; pushf; pop %eax");
    fresh();
    T("TS is set by a switch", "lcall $SEL_T0, $0; mov %cr0, %eax; and $8, %eax");
    fresh();
    idt_gate(0x60, SEL_T0, 0, 0x85, 0);
    T("interrupt by a task gate", "int $0x60; str %ax");
    show_task();
    idt_usual(0x60, 0x8e);
    fresh();
    idt_gate(13, SEL_T0, 0, 0x85, 0);
    other.eip = (uptr)task_fault_body;
    T("exception by a task gate pushes its code", "mov $0x888, %eax; lldt %ax; mov $4, %eax");
    print("    error code %x, esp-%x\n", (uptr)seen[8], (uptr)other_stack + sizeof other_stack - seen[6]);
    idt_usual(13, 0x8e);
    fresh();
    other.ldt = SEL_LDT;
    descriptor(SEL_LDT, BUF, 0xff, 0x82);
    ((u64 *)BUF)[1] = 0x00cf93000000ffffull;
    other.gs = 0xc;
    T("loads the LDT and a segment of it", "lcall $SEL_T0, $0; movzwl SEEN + 20, %eax");
    fresh();
    other.eflags = 0x3002;
    T("loads the flags", "lcall $SEL_T0, $0; mov SEEN, %eax");
    fresh();
    other.trap = 1;
    T("T bit traps", "lcall $SEL_T0, $0");
    fresh();
    other.cs = SEL_UCODE, other.ss = SEL_UDATA, other.eip = (uptr)task_loop, other.eflags = 0x2;
    other.ds = other.es = other.gs = SEL_UDATA;
    *(u16 *)task_loop = 0x80cd; /* int 80h */
    tss.link = 0;
    other.ss0 = SEL_DATA, other.esp0 = (uptr)other_stack + 1024;
    T("into ring 3", "lcall $SEL_T0, $0");
    *(u16 *)task_loop = 0xfeeb;
}

static void wrong(void)
{
    group("task switches that fail");
    fault_tasks_on(1);
    fresh();
    descriptor(SEL_T0, (uptr)&other, 103, 0x8b);
    T("to a busy TSS", "lcall $SEL_T0, $0");
    T("to itself", "lcall $SEL_TSS, $0");
    fresh();
    descriptor(SEL_T0, (uptr)&other, 103, 0x09);
    T("to a TSS that is not present", "lcall $SEL_T0, $0");
    fresh();
    descriptor(SEL_T0, (uptr)&other, 102, 0x89);
    T("to a TSS that is too short", "lcall $SEL_T0, $0");
    fresh();
    U("to a TSS of DPL 0 from ring 3", "lcall $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T1, SEL_T0, 0, 0x05, 0);
    T("by a task gate that is not present", "lcall $SEL_T1, $0");
    gate_descriptor(SEL_T1, SEL_DATA, 0, 0x85, 0);
    T("by a task gate to data", "lcall $SEL_T1, $0");
    gate_descriptor(SEL_T1, SEL_T0 + 4, 0, 0x85, 0);
    T("by a task gate into the LDT", "lcall $SEL_T1, $0");
    gate_descriptor(SEL_T1, 0x300, 0, 0x85, 0);
    T("by a task gate beyond the GDT", "lcall $SEL_T1, $0");
    fresh();
    tss.link = SEL_DATA;
    T("IRET with NT to data", "pushf; orl $0x4000, (%esp); popf; iret");
    tss.link = SEL_T0;
    T("IRET with NT to a TSS that is not busy", "pushf; orl $0x4000, (%esp); popf; iret");
    tss.link = 0;
    static const struct {
        const char *what;
        unsigned field; /* 0 cs 1 ss 2 ds 3 ldt */
        u32 value;
    } bad[] = {{"null CS", 0, 0}, {"data as CS", 0, SEL_DATA}, {"CS of ring 3 with RPL 0", 0, SEL_UCODE - 3}, {"CS beyond the GDT", 0, 0x400},
               {"null SS", 1, 0}, {"SS of ring 3", 1, SEL_UDATA}, {"code as SS", 1, SEL_CODE}, {"SS beyond the GDT", 1, 0x400},
               {"execute-only DS", 2, SEL_T2}, {"DS beyond the GDT", 2, 0x400}, {"absent DS", 2, SEL_T3}, {"absent SS", 1, SEL_T3},
               {"absent CS", 0, SEL_T4}, {"data as LDT", 3, SEL_DATA}, {"LDT beyond the GDT", 3, 0x400}, {"absent LDT", 3, SEL_T5}};
    descriptor(SEL_T2, 0, 0xfffff, 0xc099);
    descriptor(SEL_T3, 0, 0xfffff, 0xc013);
    descriptor(SEL_T4, 0, 0xfffff, 0xc01b);
    descriptor(SEL_T5, 0, 0xff, 0x02);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fresh();
        *(bad[i].field == 0 ? &other.cs : bad[i].field == 1 ? &other.ss : bad[i].field == 2 ? &other.ds : &other.ldt) = bad[i].value;
        print("%s\n", bad[i].what);
        T("    is loaded in the new task", "lcall $SEL_T0, $0");
    }
    fault_tasks_on(0);
}

__asm__(".pushsection .text\n"
        "task16_body: mov %eax, SEEN; str SEEN + 4; mov %esp, SEEN + 8; pushf; pop SEEN + 12; mov %fs, SEEN + 16; iret\n"
        ".popsection\n");

static void tss16(void)
{
    group("16-bit task");
    /* Its IP has 16 bits: code segment with a base. */
    descriptor(SEL_T2, (uptr)task16_body, 0xffff, 0x409b);
    old = (struct tss16){.ip = 0, .flags = 2, .ax = 0x4321, .sp = 0x8000, .cs = SEL_T2, .ss = SEL_T3, .ds = SEL_DATA, .es = SEL_DATA};
    descriptor(SEL_T3, BUF, 0xffff, 0x0093);
    descriptor(SEL_T0, (uptr)&old, 43, 0x81);
    for (unsigned i = 0; i < 16; i++)
        seen[i] = 0;
    T("call and IRET", "mov $6, %eax; lcall $SEL_T0, $0");
    print("    ax %x tr %x esp %x flags %x fs %x; link %x, saved sp %x ip %x\n", (uptr)(u16)seen[0], (uptr)(u16)seen[1],
          (uptr)(u16)seen[2], (uptr)(u16)seen[3], (uptr)(u16)seen[4], (uptr)old.link, (uptr)old.sp, (uptr)old.ip);
    descriptor(SEL_T0, (uptr)&old, 42, 0x81);
    T("too short", "lcall $SEL_T0, $0");
    group("LTR LLDT");
    descriptor(SEL_T0, (uptr)&other, 103, 0x8b);
    T("LTR of a busy TSS", "mov $SEL_T0, %eax; ltr %ax");
    T("LTR of null", "ltr %ax");
    T("LTR of data", "mov $SEL_DATA, %eax; ltr %ax");
    T("LTR by an LDT selector", "mov $SEL_T0 + 4, %eax; ltr %ax");
    descriptor(SEL_T0, (uptr)&other, 103, 0x09);
    T("LTR of a TSS that is not present", "mov $SEL_T0, %eax; ltr %ax");
    descriptor(SEL_T0, (uptr)&other, 103, 0x89);
    T("LTR sets busy", "mov $SEL_T0, %eax; ltr %ax; movzbl gdt + SEL_T0 + 5, %eax");
    T("LLDT of null", "lldt %ax; sldt %ax");
    T("LLDT of data", "mov $SEL_DATA, %eax; lldt %ax");
    descriptor(SEL_T0, (uptr)&other, 103, 0x02);
    T("LLDT of one that is not present", "mov $SEL_T0, %eax; lldt %ax");
    descriptor(SEL_T0, BUF, 0x0f, 0x82);
    ((u64 *)BUF)[0] = 0x00cf93000000ffffull;
    T("LDT entry 0 is no null", "mov $SEL_T0, %eax; lldt %ax; mov $4, %eax; mov %eax, %es; mov %es:BUF + 4, %eax");
    T("beyond the LDT's limit", "mov $SEL_T0, %eax; lldt %ax; mov $0x14, %eax; mov %eax, %es");
}

void test_tasks(void)
{
    switches();
    wrong();
    tss16();
}

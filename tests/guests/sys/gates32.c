/* gates32.c - far jumps, calls and returns, call gates (SDM volume 3, 5.8). */
#include "sys.h"

static void jumps(void)
{
    group("far jumps");
    T("to flat code", "ljmp $SEL_CODE, $1f; 1: mov $1, %eax");
    T("with RPL 3 in ring 0", "ljmp $SEL_CODE + 3, $1f; 1: mov %cs, %eax");
    T("to data", "ljmp $SEL_DATA, $1f; 1: mov $1, %eax");
    T("to null", "ljmp $0, $1f; 1: mov $1, %eax");
    T("beyond the GDT", "ljmp $0x400, $1f; 1: mov $1, %eax");
    T("to code of ring 3", "ljmp $SEL_UCODE, $1f; 1: mov $1, %eax");
    descriptor(SEL_T0, 0, 0xfffff, 0xc01b);
    T("to code that is not present", "ljmp $SEL_T0, $1f; 1: mov $1, %eax");
    descriptor(SEL_T0, 0, 0xfff, 0x409b);
    T("beyond the code's limit", "ljmp $SEL_T0, $1f; 1: mov $1, %eax");
    descriptor(SEL_T0, 0, 0xfffff, 0xc0ff);
    T("to conforming code of ring 3 in ring 0", "ljmp $SEL_T0, $1f; 1: mov $1, %eax");
    descriptor(SEL_T0, 0, 0xfffff, 0xc09f);
    U("to conforming code of ring 0 in ring 3", "ljmp $SEL_T0, $1f; 1: mov %cs, %eax");
    U("to code of ring 0 in ring 3", "ljmp $SEL_CODE, $1f; 1: mov $1, %eax");
    U("to ring 3 with RPL 0", "ljmp $SEL_UCODE - 3, $1f; 1: mov %cs, %eax");
    descriptor(SEL_T0, BUF, 0xffff, 0x009b);
    T("16-bit far call out and back", "movl $0xcb6642b0, BUF; lcall $SEL_T0, $0"); /* mov $42h, %al; lretl */
    T("far return", "push %cs; push $1f; lret; 1: mov $7, %eax");
    T("far return n", "mov %esp, %ecx; push $0; push %cs; push $1f; lret $4; 1: mov %ecx, %eax; sub %esp, %eax");
    T("far return to data", "push $SEL_DATA; push $1f; lret; 1: mov $7, %eax");
    T("far return to null", "push $0; push $1f; lret; 1: mov $7, %eax");
    U("far return to an inner ring", "push $SEL_CODE; push $1f; lret; 1: mov $7, %eax");
    T("far return to ring 3 nulls DS of ring 0",
      "mov %ds, %ecx; push $SEL_UDATA; push $BUF + 0x800; push $SEL_UCODE; push $1f; lret; 1: mov %ds, %eax; int $0x80");
    T("far return to ring 3 keeps ES of ring 3", "mov $SEL_UDATA, %ecx; mov %ecx, %es; push $SEL_UDATA; push $BUF + 0x800; "
                                                 "push $SEL_UCODE; push $1f; lret; 1: mov %es, %eax; int $0x80");
#define NULLS "mov $1, %ecx; mov %ecx, %es; mov $2, %ecx; mov %ecx, %fs; mov $3, %ecx; mov %ecx, %gs; "
#define SUM   "mov %es, %eax; mov %fs, %ecx; shl $4, %eax; or %ecx, %eax; mov %gs, %ecx; shl $4, %eax; or %ecx, %eax; "
    T("null selectors", NULLS SUM);
    T("far return keeps them", NULLS "push %cs; push $1f; lret; 1: " SUM);
    T("*far return to ring 3 makes them 0", NULLS "push $SEL_UDATA; push $BUF + 0x800; push $SEL_UCODE; push $1f; lret; 1: " SUM "int $0x80");
    T("*IRET to ring 3 makes them 0", NULLS "push $SEL_UDATA; push $BUF + 0x800; push $2; push $SEL_UCODE; push $1f; iret; 1: " SUM "int $0x80");
    T("far return to ring 3 with a stack of ring 0", "push $SEL_DATA; push $BUF + 0x800; push $SEL_UCODE; push $1f; lret; 1: int $0x80");
    T("far return to ring 3 with a null stack", "push $0; push $BUF + 0x800; push $SEL_UCODE; push $1f; lret; 1: int $0x80");
    descriptor(SEL_T0, BUF, 0xfffff, 0x4073);
    T("far return to ring 3 with an absent stack", "push $SEL_T0 + 3; push $0x800; push $SEL_UCODE; push $1f; lret; 1: int $0x80");
    descriptor(SEL_T1, BUF, 3, 0x409b);
    T("*code beyond CS's limit", "movl $0x90909090, BUF; movl $0x90909090, BUF + 4; ljmp $SEL_T1, $0");
    T("*code across CS's limit", "movl $0xb8909090, BUF; ljmp $SEL_T1, $0");
    T("*jump beyond CS's limit", "movl $0x909010eb, BUF; ljmp $SEL_T1, $0");
}

void gate_target(void), gate_target16(void), gate_back(void);
__asm__(".pushsection .text\n"
        "gate_target: mov %cs, %eax; mov 8(%esp), %ecx; mov 12(%esp), %edx; mov %esp, SEEN; mov %ss, SEEN + 4; mov %ecx, SEEN + 8; "
        "mov %edx, SEEN + 12; mov %cs, SEEN + 16; lret $8\n"
        "gate_target0: mov %cs, %eax; lret\n"
        "gate_target16: mov %cs, %eax; movzwl 4(%esp), %ecx; movzwl 8(%esp), %edx; mov %esp, SEEN; mov %ss, SEEN + 4; mov %ecx, SEEN + 8; "
        "mov %edx, SEEN + 12; mov %cs, SEEN + 16; int $0x80\n"
        ".popsection\n");
void gate_target0(void);

static void show_seen(void)
{
    extern char interrupt_stack_top[];
    print("    esp %x below the top, ss %x, parameters %x %x, cs %x\n", (uptr)interrupt_stack_top - seen[0], (uptr)(u16)seen[1],
          (uptr)seen[2], (uptr)seen[3], (uptr)(u16)seen[4]);
}

static void gates(void)
{
    group("call gates");
    gate_descriptor(SEL_T0, SEL_CODE, (uptr)gate_target0, 0x8c, 0);
    T("called in ring 0", "lcall $SEL_T0, $0x12345");
    T("jumped through in ring 0", "push %cs; push $1f; ljmp $SEL_T0, $0; 1:");
    U("DPL 0, called in ring 3", "lcall $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T0, SEL_CODE, (uptr)gate_target, 0xec, 2);
    U("called in ring 3, two parameters", "push $0x1111; push $0x2222; mov %esp, %esi; lcall $SEL_T0 + 3, $0; mov %esp, %eax; "
                                          "sub %esi, %eax");
    show_seen();
    U("RPL above the gate's DPL", "lcall $SEL_T0 + 3, $0; .byte 0x0f, 0x0b");
    U("jumped through to ring 0", "ljmp $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T0, SEL_CODE, (uptr)gate_target, 0x6c, 2);
    U("not present", "lcall $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T0, 0, (uptr)gate_target, 0xec, 2);
    U("to null", "lcall $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T0, SEL_DATA, (uptr)gate_target, 0xec, 2);
    U("to data", "lcall $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T0, 0x800, (uptr)gate_target, 0xec, 2);
    U("beyond the GDT", "lcall $SEL_T0 + 3, $0");
    descriptor(SEL_T1, 0, 0xfffff, 0xc01b);
    gate_descriptor(SEL_T0, SEL_T1, (uptr)gate_target, 0xec, 2);
    U("to code that is not present", "lcall $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T0, SEL_UCODE, (uptr)gate_target0, 0xec, 0);
    U("to ring 3 in ring 3", "lcall $SEL_T0 + 3, $0");
    descriptor(SEL_T1, 0, 0xfffff, 0xc09f);
    gate_descriptor(SEL_T0, SEL_T1, (uptr)gate_target0, 0xec, 0);
    U("to conforming code stays in ring 3", "lcall $SEL_T0 + 3, $0");
    gate_descriptor(SEL_T0, SEL_CODE, (uptr)gate_target0, 0xec, 0);
    fault_tasks_on(1);
    tss.ss0 = SEL_UDATA;
    U("an inner stack of ring 3", "lcall $SEL_T0 + 3, $0");
    tss.ss0 = 0;
    U("a null inner stack", "lcall $SEL_T0 + 3, $0");
    tss.ss0 = SEL_T3;
    descriptor(SEL_T3, 0, 0xfffff, 0xc013);
    U("an absent inner stack", "lcall $SEL_T0 + 3, $0");
    tss.ss0 = SEL_DATA;
    fault_tasks_on(0);
    /* A 16-bit gate pushes words: two selectors and offsets, and the parameter. */
    descriptor(SEL_T2, (uptr)gate_target16, 0xffff, 0x409b);
    gate_descriptor(SEL_T0, SEL_T2, 0, 0xe4, 1);
    U("a 16-bit gate, one parameter", "pushw $0x3333; lcall $SEL_T0 + 3, $0");
    show_seen();
    T("far call by memory", "movl $1f, BUF; movw $SEL_T1, BUF + 4; lcall *BUF; 1: mov %cs, %eax; add $8, %esp");
}

static void iret(void)
{
    group("IRET");
    T("same ring", "pushf; push %cs; push $1f; iret; 1: mov $1, %eax");
    T("to ring 3", "push $SEL_UDATA; push $BUF + 0x800; push $0x202; push $SEL_UCODE; push $1f; iret; 1: pushf; pop %eax; int $0x80");
    T("to ring 3 nulls DS", "push $SEL_UDATA; push $BUF + 0x800; push $2; push $SEL_UCODE; push $1f; iret; 1: mov %ds, %eax; int $0x80");
    U("to an inner ring", "pushf; push $SEL_CODE; push $1f; iret; 1: mov $1, %eax");
    T("to data", "pushf; push $SEL_DATA; push $1f; iret; 1: mov $1, %eax");
    T("to null", "pushf; push $0; push $1f; iret; 1: mov $1, %eax");
    T("to ring 3 with a stack of ring 0", "push $SEL_DATA; push $0; push $2; push $SEL_UCODE; push $1f; iret; 1: int $0x80");
    T("NT set: no task to go back to", "pushf; orl $0x4000, (%esp); popf; iret");
    T("sets IOPL and IF in ring 0", "pushf; orl $0x3200, (%esp); push %cs; push $1f; iret; 1: cli; pushf; pop %eax");
    U("in ring 3 leaves IOPL and IF", "pushf; orl $0x3200, (%esp); push %cs; push $1f; iret; 1: pushf; pop %eax");
    T("reserved flags", "pushl $0xffc0802a & ~0x24000; push %cs; push $1f; iret; 1: pushf; pop %eax; push $2; popf");
}

void test_gates(void)
{
    jumps();
    gates();
    iret();
}

/* test_services_v86.c - BIOS services as events, where they are called otherwise than by INT in real mode: by
 * PUSHF and a far CALL, and in virtual-8086 mode with a monitor that reflects them, with VME and without.
 *
 * The guest runs one program in real mode, then again and again in virtual-8086 mode, each time set up
 * otherwise; what is reported is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/services_machine.h"

enum { STEPS = 100000 };

/* A(label) is a label's address. The frame of the monitor, at EBP: PUSHA, error code, EIP, CS, EFLAGS, ESP,
 * SS. */
/* clang-format off */
__asm__(".pushsection .rodata\n"
        ".globl v86_guest, v86_guest_end\n"
        "v86_guest:\n"
        ".macro mem32 op, reg, label\n"
        "    \\op (\\label - v86_guest + 0x8000), \\reg\n"
        ".endm\n"
        ".set BASE, 0x8000\n"
        ".set TSS, 0x3000\n"
        ".set IDT, 0x2000\n"
        ".set EIP, 36\n    .set CSEG, 40\n    .set FLAGS, 44\n    .set ESP, 48\n    .set SSEG, 52\n"
        ".code16\n"
        "    movw $(memory86 - v86_guest + BASE), 0x48\n    movw $0, 0x4a\n"
        "    movw $(disk86 - v86_guest + BASE), 0x4c\n    movw $0, 0x4e\n"
        "    movw $(shared86 - v86_guest + BASE), 0x58\n    movw $0, 0x5a\n" /* INT 16h and 17h: one handler */
        "    movw $(shared86 - v86_guest + BASE), 0x5c\n    movw $0, 0x5e\n"
        "    call program86\n"
        "    lgdtl (gdt_pointer86 - v86_guest + BASE)\n"
        "    lidtl (idt_pointer86 - v86_guest + BASE)\n"
        "    mov %cr0, %eax\n    or $1, %al\n    mov %eax, %cr0\n"
        "    ljmpl $8, $(monitor86 - v86_guest + BASE)\n"

        /* what is run in each mode: the calls; a far call that is none; one whose handler two vectors share */
        "program86:\n"
        "    int $0x12\n"
        "    mov $0x0201, %ax\n    mov $0x4143, %cx\n    mov $0x0580, %dx\n    mov $0x600, %bx\n    int $0x13\n"
        "    mov $0x0201, %ax\n    mov $0x99, %dl\n    int $0x13\n"
        "    mov $0, %ah\n    mov $0x80, %dl\n    pushf\n    lcallw *0x4c\n"
        "    mov $0x1599, %ax\n    pushf\n    lcallw $0, $(disk86 - v86_guest + BASE)\n"
        "    lcallw $0, $(far86 - v86_guest + BASE)\n"
        "    pushf\n    lcallw *0x58\n"
        "    smsw %ax\n    test $1, %al\n    jnz 1f\n    ret\n1:  hlt\n"
        "far86: lretw\n"
        "shared86: iret\n"
        "memory86: mov $639, %ax\n    iret\n"
        "disk86: cmp $0x99, %dl\n    je bad86\n    mov $0, %ah\n    mov %sp, %bp\n    andb $0xfe, 4(%bp)\n    iret\n"
        "bad86: mov $1, %ah\n    stc\n    lret $2\n"

        ".code32\n"
        "monitor86:\n"
        "    mov $0x10, %eax\n    mov %eax, %ds\n    mov %eax, %es\n    mov %eax, %ss\n    mov $0x7000, %esp\n"
        "    movl $0x7000, TSS + 4\n    movl $0x10, TSS + 8\n    movw $136, TSS + 102\n    movb $0xff, TSS + 136\n"
        "    mov $0x18, %eax\n    ltr %ax\n"
        "    mov $(protection86 - v86_guest + BASE), %eax\n    mov $13, %ecx\n    mov $0x8e00, %edx\n    call gate86\n"
        "    mov $(int12_86 - v86_guest + BASE), %eax\n    mov $0x12, %ecx\n    mov $0xee00, %edx\n    call gate86\n"
        "    mov $(int13_86 - v86_guest + BASE), %eax\n    mov $0x13, %ecx\n    mov $0xee00, %edx\n    call gate86\n"
        /* the next way: CR4, EFLAGS, the byte of the redirection bitmap with vectors 10h-17h; 0: that was all */
        "next86:\n"
        "    mov $0x7000, %esp\n"
        "    mem32 mov, %esi, way86\n    addl $12, (way86 - v86_guest + BASE)\n"
        "    mov 4(%esi), %ebx\n    test %ebx, %ebx\n    jnz 1f\n    cli\n    hlt\n"
        "1:  mov (%esi), %eax\n    mov %eax, %cr4\n    mov 8(%esi), %eax\n    mov %al, TSS + 106\n"
        "    push $0\n    push $0\n    push $0\n    push $0\n    push $0\n    push $0x6000\n    push %ebx\n    push $0\n"
        "    push $(program86 - v86_guest + BASE)\n    iret\n"
        "gate86: mov %ax, IDT(,%ecx,8)\n    movw $8, IDT + 2(,%ecx,8)\n    mov %dx, IDT + 4(,%ecx,8)\n    ret\n"

        /* INT with IOPL 3: by the gate, which has no error code */
        "int12_86: push $0\n    pusha\n    mov %esp, %ebp\n    mov $0x12, %ecx\n    jmp reflect86\n"
        "int13_86: push $0\n    pusha\n    mov %esp, %ebp\n    mov $0x13, %ecx\n    jmp reflect86\n"
        "protection86:\n"
        "    pusha\n    mov %esp, %ebp\n    mov $0x10, %eax\n    mov %eax, %ds\n"
        "    movzwl CSEG(%ebp), %ebx\n    shl $4, %ebx\n    add EIP(%ebp), %ebx\n"
        "    movzwl SSEG(%ebp), %edi\n    shl $4, %edi\n    add ESP(%ebp), %edi\n" /* the 8086 stack */
        "    mov (%ebx), %al\n"
        "    cmp $0xcd, %al\n    je 1f\n    cmp $0x9c, %al\n    je 2f\n    cmp $0xcf, %al\n    je 3f\n    jmp next86\n"
        "1:  movzbl 1(%ebx), %ecx\n    addl $2, EIP(%ebp)\n"
        "    mem32 mov, %esi, way86\n    cmpl $0, -12(%esi)\n    je reflect86\n"
        "    cmp $0x12, %cl\n    jne reflect86\n    movw $639, 28(%ebp)\n    jmp back86\n" /* with VME: no reflecting */
        "2:  incl EIP(%ebp)\n    subl $2, ESP(%ebp)\n    mov FLAGS(%ebp), %ax\n    mov %ax, -2(%edi)\n    jmp back86\n"
        "3:  addl $6, ESP(%ebp)\n    movzwl (%edi), %eax\n    mov %eax, EIP(%ebp)\n    movzwl 2(%edi), %eax\n"
        "    mov %eax, CSEG(%ebp)\n    mov 4(%edi), %al\n    mov %al, FLAGS(%ebp)\n    jmp back86\n"
        "reflect86:\n"
        "    mov $0x10, %eax\n    mov %eax, %ds\n"
        "    movzwl SSEG(%ebp), %edi\n    shl $4, %edi\n    add ESP(%ebp), %edi\n    subl $6, ESP(%ebp)\n"
        "    mov EIP(%ebp), %ax\n    mov %ax, -6(%edi)\n    mov CSEG(%ebp), %ax\n    mov %ax, -4(%edi)\n"
        "    mov FLAGS(%ebp), %ax\n    mov %ax, -2(%edi)\n"
        "    movzwl (,%ecx,4), %eax\n    mov %eax, EIP(%ebp)\n    movzwl 2(,%ecx,4), %eax\n    mov %eax, CSEG(%ebp)\n"
        "back86: popa\n    add $4, %esp\n    iret\n"

        ".balign 8\n"
        "gdt86: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008900300000ff\n"
        "gdt_pointer86: .word 31\n    .long gdt86 - v86_guest + BASE\n"
        "idt_pointer86: .word 0x7ff\n    .long IDT\n"
        ".balign 4\n"
        "way86: .long ways86 - v86_guest + BASE\n"
        "ways86:\n"
        ".long 0, 0x23002, 0\n"     /* IOPL 3: by the gate */
        ".long 0, 0x20002, 0\n"     /* IOPL 0: INT, PUSHF and IRET fault */
        ".long 1, 0x20002, 0\n"     /* VME, IOPL 0: by the processor */
        ".long 1, 0x23002, 0\n"     /* VME, IOPL 3: by the processor */
        ".long 1, 0x20002, 0x0c\n"  /* VME, IOPL 0, INT 12h and 13h are the monitor's */
        ".long 0, 0, 0\n"
        "v86_guest_end:\n"
        ".code64\n"
        ".popsection\n");
/* clang-format on */
extern const char v86_guest[], v86_guest_end[];

static const char once[] =
    "INT 12h memory size -> 639 KiB\n"
    "INT 13h AH=02h read: drive 80h cylinder,head,sector 321,5,3 count 1 to 0000:0600\n"
    "INT 13h AH=02h read: drive 99h cylinder,head,sector 321,5,3 count 1 to 0000:0600 -> "
    "error 01h, invalid function or parameter carry\n"
    "INT 13h AH=00h reset: drive 80h\n"
    "INT 13h AH=15h get drive type: drive 80h -> type 0\n";

static void test_ways(void **state)
{
    struct log l = {0};
    char *rest = l.text;
    struct engine *e = services_machine(v86_guest, v86_guest_end);
    listen_to(e, &l, EVENT_CLASSES_ALL);
    assert_int_equal(run(e, STEPS), STOP_HALTED);
    e->ops->flush(e);
    for (unsigned way = 0; way < 6; way++) {
        if (strncmp(rest, once, strlen(once)))
            fail_msg("way %u: %s", way, rest);
        rest += strlen(once);
    }
    assert_string_equal(rest, "");
    e->ops->destroy(e);
}

/* The caller is the instruction that called: a far CALL through memory has four bytes, an INT two. */
static void take_callers(void *ctx, const struct event *ev)
{
    uint64_t *sum = ctx;
    if (ev->kind == EV_SERVICE && ev->f[EVF_SERVICE_function] == 0 && ev->f[EVF_SERVICE_vector] == 0x13)
        *sum = ev->f[EVF_SERVICE_caller];
}

static void test_caller(void **state)
{
    uint64_t caller = 0;
    uint8_t code[4];
    struct engine *e = services_machine(v86_guest, v86_guest_end);
    const struct observer o = {.ctx = &caller, .event = take_callers};
    e->ops->observe(e, EVENT_CLASSES_ALL, &o);
    assert_int_equal(run(e, STEPS), STOP_HALTED);
    assert_in_range(caller, 0x8000, 0x8100);
    assert_int_equal(e->ops->peek(e, 0, caller, code, 4), 4);
    assert_memory_equal(code, "\xff\x1e\x4c\x00", 4);
    e->ops->destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ways), cmocka_unit_test(test_caller)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

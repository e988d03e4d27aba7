/* test_why_boots.c - verdicts on guests of a few instructions that run into an end (core/why): what each breaks is known, and so is the code. */
#include "tests/unit/small_boots.h"

/* ---------------------------------------------------------------- exceptions without a handler */

BOOT(no_idt, BOOT_GDT "lidt " A(1f) "\n ud2\n 1: .word 0x3ff\n .long 0")
BOOT(idt_of_nothing, BOOT_GDT "lidt " A(1f) "\n ud2\n 1: .word 0\n .long 0")
BOOT(idt_limit, BOOT_GDT BOOT_IDT(1f, 1f) "movw $4*8-1," A(83b) "\n lidt " A(83b) "\n ud2\n 1: hlt")
BOOT(gate_empty, BOOT_GDT "lidt " A(83b) "\n ud2")
BOOT(gate_absent,
     BOOT_GDT BOOT_IDT(
         1f,
         1f) "andb $0x7f,0x9000+6*8+5\n andb $0x7f,0x9000+11*8+5\n andb $0x7f,0x9000+8*8+5\n ud2\n 1: hlt")
BOOT(
    gate_selector,
    BOOT_GDT "jmp 2f\n 1: hlt\n 2:" BOOT_IDT(
        1b,
        1b) "xor %eax,%eax\n mov $48,%ecx\n mov $0x9002,%edi\n 3: mov %ax,(%edi)\n add $8,%edi\n loop 3b\n ud2")
BOOT(gate_invalid,
     BOOT_GDT BOOT_IDT(
         1f,
         1f) "movb $0x89,0x9000+6*8+5\n movb $0x89,0x9000+13*8+5\n movb $0x89,0x9000+8*8+5\n ud2\n 1: hlt")
BOOT(idt_unmapped, BOOT_GDT BOOT_IDT(1f, 1f) BOOT_PAGING
     "movl $0,0x11000+9*4\n mov %cr3,%eax\n mov %eax,%cr3\n ud2\n 1: hlt")
BOOT(stack_unmapped, BOOT_GDT BOOT_IDT(1f, 1f) BOOT_PAGING
     "mov $0x20000,%esp\n movl $0,0x11000+0x1f*4\n mov %cr3,%eax\n mov %eax,%cr3\n push %eax\n 1: hlt")
BOOT(
    stack_readonly, BOOT_GDT BOOT_IDT(1f, 1f) BOOT_PAGING
    "mov %cr0,%eax\n or $0x10000,%eax\n mov %eax,%cr0\n mov $0x20000,%esp\n movl $0x1f001,0x11000+0x1f*4\n mov %cr3,%eax\n mov %eax,%cr3\n push %eax\n 1: hlt")
BOOT(
    gdt_unmapped, BOOT_GDT BOOT_IDT(1f, 1f) BOOT_PAGING
    "movl $0x00000000,0x30000\n movl $0,0x90004\n mov $6,%ecx\n mov $" A(80b) ",%esi\n mov $0x30000,%edi\n rep movsl\n movl $0x30000," A(
        82b) "+2\n lgdt " A(82b) "\n movl $0,0x11000+0x30*4\n mov %cr3,%eax\n mov %eax,%cr3\n ud2\n 1: hlt")
BOOT(recursion, BOOT_GDT BOOT_IDT(1f, 1f) BOOT_PAGING
     "mov $0x22000,%esp\n movl $0,0x11000+0x1f*4\n mov %cr3,%eax\n mov %eax,%cr3\n ud2\n 1: ud2")
BOOT(code_unmapped,
     BOOT_GDT BOOT_PAGING "movl $0,0x11000+0x100*4\n mov %cr3,%eax\n mov %eax,%cr3\n nop\n hlt")
BOOT(selector, BOOT_GDT "lidt " A(1f) "\n mov $0x50,%eax\n mov %eax,%fs\n 1: .word 0\n .long 0")
BOOT(
    reserved_bit,
    BOOT_GDT BOOT_IDT(
        1f,
        1f) "movl $0x12001,0x11000\n movl $0,0x11004\n mov $0x12000,%edi\n mov $0x83,%eax\n movl $0x83,(%edi)\n movl $0,4(%edi)\n"
            "movl $0x200083,8(%edi)\n movl $0x80000,12(%edi)\n mov %cr4,%eax\n or $0x20,%eax\n mov %eax,%cr4\n mov $0x11000,%eax\n mov %eax,%cr3\n"
            "mov %cr0,%eax\n or $0x80000000,%eax\n mov %eax,%cr0\n lidt " A(
                2f) "\n mov 0x200000,%eax\n 1: hlt\n 2: .word 0\n .long 0")
BOOT(refused, BOOT_GDT "lidt " A(1f) "\n mov $0xffffffff,%eax\n mov %eax,%cr4\n hlt\n 1: .word 0\n .long 0")
BOOT(loop, BOOT_GDT BOOT_IDT(1f, 1f) "ud2\n 1: iret")
BOOT(handled, BOOT_GDT BOOT_IDT(1f, 1f) "ud2\n 1: cli\n hlt\n jmp 1b")
BOOT(handled_loop, BOOT_GDT BOOT_IDT(1f, 1f) "ud2\n 1: jmp 1b")
BOOT(error_code,
     BOOT_GDT BOOT_IDT(1f, 2f) "mov $0x50,%eax\n mov %eax,%fs\n 1: cli\n hlt\n jmp 1b\n 2: nop\n iret")

static void test_exceptions_without_a_handler(void **state)
{
    WHY_SAYS(BOOTS("no IDT was loaded", no_idt, "fault.no-idt", "IDT"),
             BOOTS("an IDT of no entries", idt_of_nothing, "fault.idt-limit", "limit 0x0"),
             BOOTS("a vector beyond the IDT's limit", idt_limit, "fault.idt-limit", "limit"),
             BOOTS("an IDT of zeros", gate_empty, "fault.gate-empty", ""),
             BOOTS("gates that are not present", gate_absent, "fault.gate-absent", "not present"),
             BOOTS("gates without a code selector", gate_selector, "fault.gate-selector", "null"),
             BOOTS("a descriptor that is no gate", gate_invalid, "fault.gate-invalid", "gate"),
             BOOTS("an IDT that is not mapped", idt_unmapped, "fault.idt-unmapped", "not mapped"),
             BOOTS("a stack that is not mapped", stack_unmapped, "fault.stack-unmapped", "stack"),
             BOOTS("a stack that is read-only", stack_readonly, "fault.stack-readonly", "read-only"),
             BOOTS("a GDT that is not mapped", gdt_unmapped, "fault.gdt-unmapped", "GDT"),
             BOOTS("a handler that needs itself", recursion, "fault.recursion", ""),
             BOOTS("code that is not mapped any more", code_unmapped, "fault.code-unmapped", "mapped"));
}

static void test_instructions_that_fail(void **state)
{
    WHY_SAYS(BOOTS("a selector beyond the GDT", selector, "fault.selector", "50h"),
             BOOTS("a reserved bit in the page tables", reserved_bit, "fault.reserved-bit", "reserved"),
             BOOTS("a register's reserved bits", refused, "fault.refused", "cr4"),
             BOOTS("a handler that changes nothing", loop, "fault.loop", "again"),
             BOOTS("a handler that stops the machine", handled, "fault.handled", "ud2"),
             BOOTS("a handler that stops by a loop", handled_loop, "fault.handled", "ud2"),
             BOOTS("an error code that stays on the stack", error_code, "fault.error-code", "error code"));
}

/* ---------------------------------------------------------------- off the rails */

BOOT(zeros, BOOT_GDT "mov $0x200000,%eax\n jmp *%eax")
BOOT(null_call, BOOT_GDT BOOT_IDT(1f, 1f) "mov 0x5000,%eax\n call *%eax\n 1: cli\n hlt\n jmp 1b")
BOOT(wild_jump, BOOT_GDT "lidt " A(1f) "\n mov $0xdeadbeef,%eax\n jmp *%eax\n 1: .word 0\n .long 0")
BOOT(bad_return,
     BOOT_GDT "lidt " A(3f) "\n call 1f\n hlt\n 1: movl $0x41414141,(%esp)\n ret\n 3: .word 0\n .long 0")
BOOT(
    unbalanced,
    BOOT_GDT "lidt " A(
        3f) "\n call 1f\n hlt\n 1: push $0x77777777\n nop\n nop\n nop\n nop\n nop\n ret\n 3: .word 0\n .long 0")
BOOT(no_memory,
     BOOT_GDT "lidt " A(3f) "\n mov $0xf0000000,%esp\n call 1f\n hlt\n 1: nop\n ret\n 3: .word 0\n .long 0")

static void test_execution_leaves_the_rails(void **state)
{
    WHY_SAYS(BOOTS("a jump into memory that is zero", zeros, "rails.wild-jump", "0x200000"),
             BOOTS("a null pointer is called", null_call, "rails.null-call", "null"),
             BOOTS("a jump to where nothing is", wild_jump, "rails.wild-jump", "0xdeadbeef"),
             BOOTS("a return address that was overwritten", bad_return, "rails.return", "41414141"),
             BOOTS("a return that pops another value", unbalanced, "rails.unbalanced-stack", "push"),
             BOOTS("a stack where there is no memory", no_memory, "rails.stack-no-memory", ""));
}

/* ---------------------------------------------------------------- hangs, and boots that are well */

BOOT(halted, BOOT_GDT "cli\n 1: hlt\n jmp 1b")
BOOT(endless, BOOT_GDT "cli\n 1: jmp 1b")
BOOT(no_interrupt,
     BOOT_GDT BOOT_IDT(2f,
                       2f) "mov $0xff,%al\n out %al,$0x21\n out %al,$0xa1\n sti\n 1: hlt\n jmp 1b\n 2: iret")
BOOT(
    no_device, BOOT_GDT
    "mov $0x2fd,%edx\n 1: in %dx,%al\n test $0x80,%al\n jnz 1b\n mov $0x1234,%edx\n 2: in %dx,%al\n test $1,%al\n jnz 2b\n hlt")
BOOT(poll, BOOT_GDT "cli\n mov $0x1f7,%edx\n 1: in $0x64,%al\n test $0x40,%al\n jz 1b\n hlt")
BOOT(word, BOOT_GDT "cli\n movl $0,0x5000\n 1: cmpl $0,0x5000\n je 1b\n hlt")
BOOT(lock,
     BOOT_GDT "cli\n movl $1,0x5000\n 1: mov $1,%eax\n xchg %eax,0x5000\n test %eax,%eax\n jnz 1b\n hlt")
BOOT(power_off, BOOT_GDT "mov $0xf4,%edx\n mov $3,%al\n out %al,%dx\n hlt")
BOOT(busy, BOOT_GDT
     "mov $-1,%ecx\n 1: add $3,%ebx\n imul $17,%ebx,%ebx\n mov %ebx,0x5000\n dec %ecx\n jnz 1b\n hlt")
BOOT(keyboard, BOOT_GDT "1: in $0x64,%al\n test $1,%al\n jz 1b\n in $0x60,%al\n jmp 1b")
#define PIC                                                                                                                                                     \
    "mov $0x11,%al\n out %al,$0x20\n mov $0x20,%al\n out %al,$0x21\n mov $4,%al\n out %al,$0x21\n mov $1,%al\n out %al,$0x21\n mov $0xfe,%al\n out %al,$0x21\n" \
    "mov $0x34,%al\n out %al,$0x43\n mov $0x10,%al\n out %al,$0x40\n out %al,$0x40\n"
BOOT(no_eoi, BOOT_GDT BOOT_IDT(2f, 2f) PIC "sti\n 1: hlt\n jmp 1b\n 2: iret")
BOOT(no_iret,
     BOOT_GDT BOOT_IDT(2f, 2f) PIC "sti\n 1: hlt\n jmp 1b\n 2: mov $0x20,%al\n out %al,$0x20\n 3: jmp 3b")
BOOT(
    irq_vector,
    BOOT_GDT BOOT_IDT(
        2f,
        2f) "mov $0x11,%al\n out %al,$0x20\n mov $8,%al\n out %al,$0x21\n mov $4,%al\n out %al,$0x21\n mov $1,%al\n out %al,$0x21\n"
            "mov $0xfe,%al\n out %al,$0x21\n mov $0x34,%al\n out %al,$0x43\n mov $0x10,%al\n out %al,$0x40\n out %al,$0x40\n sti\n 1: jmp 1b\n 2: cli\n 3: hlt\n jmp 3b")
BOOT(ticking, BOOT_GDT BOOT_IDT(2f, 2f) PIC
     "sti\n 1: hlt\n jmp 1b\n 2: push %eax\n mov $0x20,%al\n out %al,$0x20\n pop %eax\n iret")
BOOT(says, BOOT_GDT "mov $0x3f8,%edx\n mov $" A(
               2f) ",%esi\n 1: lodsb\n test %al,%al\n jz 3f\n out %al,%dx\n jmp 1b\n"
                   "2: .asciz \"kernel image not found: error 2\\n\"\n 3: cli\n hlt\n jmp 3b")
BOOT(resets, BOOT_GDT "mov $0xfe,%al\n out %al,$0x64\n 1: hlt\n jmp 1b")

static void test_hangs(void **state)
{
    WHY_SAYS(BOOTS("a halt with interrupts off", halted, "hang.halted", ""),
             BOOTS("a loop of nothing", endless, "hang.loop", "loop"),
             BOOTS("a halt with all interrupts masked", no_interrupt, "hang.no-interrupt", "mask"),
             BOOTS("a port without a device", no_device, "hang.no-device", "1234"),
             BOOTS("a bit that does not come", poll, "hang.poll", "64"),
             BOOTS("a word that nobody changes", word, "hang.word", "5000"),
             BOOTS("a lock that nobody has released", lock, "hang.lock", "5000"),
             BOOTS("an interrupt that is not ended", no_eoi, "hang.no-eoi", "EOI"),
             BOOTS("a handler that does not return", no_iret, "hang.no-iret", "handler"),
             BOOTS("the timer as a double fault", irq_vector, "fault.irq-vector", "8259"),
             BOOTS("what was said before the halt", says, "error.said", "kernel image not found: error 2"),
             BOOTS("a reset in each boot", resets, "reset.loop", ""));
}

/* Counter-examples: none of these is broken. */
static void test_healthy(void **state)
{
    WHY_SAYS(BOOTS("a machine that switches itself off", power_off, "ok.power-off", ""),
             BOOTS("a program that waits for a key", keyboard, "ok.prompt", "key"),
             BOOTS("a computation without an end", busy, "unknown.busy", "busy"),
             BOOTS("a clock that ticks, and a halt between", ticking, "ok.idle", "gets its interrupts"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exceptions_without_a_handler),
        cmocka_unit_test(test_instructions_that_fail),
        cmocka_unit_test(test_execution_leaves_the_rails),
        cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_healthy),
    };
    return cmocka_run_group_tests(tests, command_folder, command_cleanup);
}

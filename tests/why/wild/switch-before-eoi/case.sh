# Round robin: the timer's handler switches to the next task before it has sent EOI. A task that has not run yet is entered by RET, and so
# the interrupt is never ended.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct task { u32 esp; u32 stack[1024]; };
static struct task tasks[3];
static int current;
volatile u32 counters[3];
extern void switch_to(u32 *from, u32 to);
static void task_main(int n)
{
    __asm__ volatile("sti");
    for (;;) {
        counters[n]++;
        if (counters[n] % 1000000 == 0)
            put((char)('a' + n));
        if (counters[2] > 3000000)
            power_off();
    }
}
static void task_a(void) { task_main(0); }
static void task_b(void) { task_main(1); }
static void task_c(void) { task_main(2); }
void timer_handler(void)
{
    int from = current;
    current = (current + 1) % 3;
    switch_to(&tasks[from].esp, tasks[current].esp);
    outb(0x20, 0x20);
}
void kmain(void)
{
    void (*const code[3])(void) = {task_a, task_b, task_c};
    for (int i = 0; i < 3; i++) {
        u32 *sp = tasks[i].stack + 1024;
        *--sp = (u32)code[i];
        for (int k = 0; k < 4; k++)
            *--sp = 0;
        tasks[i].esp = (u32)sp;
    }
    puts("scheduler: 3 tasks, 10 ms\n");
    task_a();
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        call kmain
timer:  pushal
        call timer_handler
        popal
        iret
        .globl switch_to
switch_to: movl 4(%esp), %eax
        movl 8(%esp), %edx
        pushl %ebx
        pushl %esi
        pushl %edi
        pushl %ebp
        movl %esp, (%eax)
        movl %edx, %esp
        popl %ebp
        popl %edi
        popl %esi
        popl %ebx
        ret
S
}
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)

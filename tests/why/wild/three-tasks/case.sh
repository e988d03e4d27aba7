# HEALTHY: three tasks, switched by the timer, count and draw on the screen, without an end.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct task { u32 esp; u8 stack[4096]; };
static struct task tasks[3];
static u32 current, counters[3];
static void task_main(u32 n)
{
    for (;;) {
        counters[n]++;
        ((volatile u16 *)0xb8000)[n * 160] = (u16)(0x0700 | ('0' + (counters[n] >> 12) % 10));
    }
}
static void task_a(void) { task_main(0); }
static void task_b(void) { task_main(1); }
static void task_c(void) { task_main(2); }
u32 schedule(u32 esp)
{
    tasks[current].esp = esp;
    current = (current + 1) % 3;
    outb(0x20, 0x20);
    return tasks[current].esp;
}
void kmain(void)
{
    void (*const code[3])(void) = {task_a, task_b, task_c};
    for (int i = 0; i < 3; i++) {
        u32 *sp = (u32 *)(tasks[i].stack + sizeof tasks[i].stack);
        *--sp = 0x202;
        *--sp = 8;
        *--sp = (u32)code[i];
        for (int k = 0; k < 8; k++)
            *--sp = 0;
        tasks[i].esp = (u32)sp;
    }
    puts("3 tasks at 100 Hz\n");
    __asm__ volatile("movl %0, %%esp; popal; iret" ::"r"(tasks[0].esp));
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 0x20, timer
        lidt idtr
        pics 0xfe, 0xff
        pit
        call kmain
timer:  pushal
        pushl %esp
        call schedule
        movl %eax, %esp
        popal
        iret
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)

# A thread's stack has 256 bytes, and its function needs more: it grows into the thread's control block below, where the saved stack pointer of
# the next thread is. The switch to that thread goes astray.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct thread { u32 esp, state; u8 stack[256]; };
static struct thread threads[2] __attribute__((aligned(4096)));
static u32 main_esp;
extern void switch_to(u32 *from, u32 to);
static u32 sink;
__attribute__((noinline)) static u32 depth(u32 n)
{
    volatile u32 local[4] = {n, n + 1, n + 2, n + 3};
    u32 r = n ? depth(n - 1) : 1;
    return r + local[n & 3];
}
static void thread_a(void)
{
    puts("a: ready\n");
    switch_to(&threads[0].esp, main_esp);
    for (;;)
        switch_to(&threads[0].esp, main_esp);
}
static void thread_b(void)
{
    puts("b: computing\n");
    sink = depth(8);
    puts("b: done\n");
    switch_to(&threads[1].esp, main_esp);
    for (;;)
        switch_to(&threads[1].esp, main_esp);
}
static void create(int i, void (*code)(void))
{
    u32 *sp = (u32 *)(threads[i].stack + sizeof threads[i].stack);
    *--sp = (u32)code;
    for (int k = 0; k < 4; k++)
        *--sp = 0;
    threads[i].esp = (u32)sp;
}
void kmain(void)
{
    create(0, thread_a);
    create(1, thread_b);
    switch_to(&main_esp, threads[0].esp);
    switch_to(&main_esp, threads[1].esp);
    puts("main: back\n");
    switch_to(&main_esp, threads[0].esp);
    puts("main: done\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
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

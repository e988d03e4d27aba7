# A recursive sort on a stack of 1 KiB next to the kernel's table of drivers: the stack grows into the table.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static void ready(void) { puts("driver ready\n"); }
static struct {
    void (*start[8])(void);
    u32 stack[64];
} kernel __attribute__((aligned(4096)));
extern void on_stack(void *top, void (*code)(void));
static volatile u32 total;
__attribute__((noinline)) static void sort(u32 *list, u32 n)
{
    u32 pivot[4] = {list[0], n, total, n / 2};
    if (n > 1)
        sort(list, n - 1);
    total += pivot[1];
}
static void worker(void)
{
    u32 list[2] = {1, 2};
    sort(list, 20);
}
void kmain(void)
{
    for (u32 i = 0; i < 8; i++)
        kernel.start[i] = ready;
    puts("sorting\n");
    on_stack(kernel.stack + 64, worker);
    for (u32 i = 8; i--;)
        kernel.start[i]();
    puts("up\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
        .globl on_stack
on_stack: pushl %ebx
        movl 8(%esp), %eax
        movl 12(%esp), %ecx
        movl %esp, %ebx
        movl %eax, %esp
        call *%ecx
        movl %ebx, %esp
        popl %ebx
        ret
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)

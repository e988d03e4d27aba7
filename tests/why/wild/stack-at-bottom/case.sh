# A new thread gets the bottom of its stack's memory, and not the top: what it pushes goes into the object before, the list of drivers.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static void probe_serial(void) { puts("driver: serial\n"); }
static void probe_disk(void) { puts("driver: disk\n"); }
static struct {
    u32 used[8];
    void (*probe[4])(void);
    u32 thread_stack[1024];
} pool __attribute__((aligned(4096)));
extern void run_on(void *stack, void (*code)(void));
__attribute__((noinline)) static u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static void worker(void)
{
    puts("worker: ");
    put((char)('0' + fib(10) % 10));
    put('\n');
}
static void *kmalloc_stack(void) { return pool.thread_stack; }
void kmain(void)
{
    pool.probe[0] = probe_serial;
    pool.probe[1] = probe_disk;
    pool.probe[2] = probe_serial;
    pool.probe[3] = probe_disk;
    run_on(kmalloc_stack(), worker);
    for (int i = 0; i < 4; i++)
        pool.probe[i]();
    puts("drivers are ready\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
        .globl run_on
run_on: pushl %ebx
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
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)

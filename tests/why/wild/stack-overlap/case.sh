# Threads have stacks of 512 bytes, one below the other, and thread 1 needs more: it overwrites the return address of thread 0, which is saved below.
build() {
    cat >main.c <<'C'
#include "kernel.h"
#define N 3
static u8 stacks[N][512] __attribute__((aligned(4096)));
static u32 saved[N], scheduler;
extern void switch_to(u32 *from, u32 to);
static void yield(int i) { switch_to(&saved[i], scheduler); }
__attribute__((noinline)) static u32 checksum(u32 n)
{
    volatile u8 line[96];
    for (int i = 0; i < 96; i++)
        line[i] = (u8)(n * 7 + i);
    u32 r = n ? checksum(n - 1) : 0;
    return r + line[n];
}
static void quiet(void)
{
    puts("thread 0\n");
    for (;;)
        yield(0);
}
static void hungry(void)
{
    puts("thread 1\n");
    checksum(7);
    for (;;)
        yield(1);
}
static void other(void)
{
    puts("thread 2\n");
    for (;;)
        yield(2);
}
void kmain(void)
{
    void (*const code[N])(void) = {quiet, hungry, other};
    for (int i = 0; i < N; i++) {
        u32 *sp = (u32 *)(stacks[i] + sizeof stacks[i]);
        *--sp = (u32)code[i];
        for (int k = 0; k < 4; k++)
            *--sp = 0;
        saved[i] = (u32)sp;
    }
    for (int turn = 0; turn < 3; turn++)
        for (int i = 0; i < N; i++)
            switch_to(&scheduler, saved[i]);
    puts("all threads ran\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   gate 13, gpf
        gate 6, gpf
        gate 14, gpf
        lidt idtr
        call kmain
gpf:    say "--- KERNEL PANIC: CPU EXCEPTION\n"
        cli
        hlt
        .globl switch_to
switch_to:
        movl 4(%esp), %eax
        movl 8(%esp), %edx
        pushl %ebp
        pushl %ebx
        pushl %esi
        pushl %edi
        movl %esp, (%eax)
        movl %edx, %esp
        popl %edi
        popl %esi
        popl %ebx
        popl %ebp
        ret
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)

# The allocator of page frames takes the highest free frames below 0x90000 first, and the stack is there: nobody has reserved it. The heap's
# first page is cleared, with the return addresses.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static u32 top = 0x90000;
static u32 pmm_alloc_frame(void) { return top -= 4096; }
static void *memset_(void *p, int c, u32 n)
{
    void *to = p;
    __asm__ volatile("cld; rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
    return p;
}
static u8 *heap;
__attribute__((noinline)) static void heap_init(void)
{
    heap = memset_((void *)pmm_alloc_frame(), 0, 4096);
    puts("heap: one page\n");
}
__attribute__((noinline)) static void init_mem(void)
{
    puts("memory: 640 KiB, 0x500 to 0x90000 are free\n");
    heap_init();
    puts("memory: ready\n");
}
void kmain(void)
{
    init_mem();
    puts("kernel: done\n");
    power_off();
    halt();
}
C
    CFLAGS=-O0 kernel32 k.elf main.c <<'S'
main:   gate 13, stop
        gate 14, stop
        gate 6, stop
        lidt idtr
        call kmain
stop:   say "unhandled exception\n"
1:      cli
        hlt
        jmp 1b
S
}
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)

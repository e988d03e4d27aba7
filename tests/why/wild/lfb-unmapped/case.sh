# Paging maps the first 4 MiB; the console is switched to the linear frame buffer at 0xfd000000, which is not mapped.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static u32 directory[1024] __attribute__((aligned(4096)));
static volatile u32 *framebuffer = (volatile u32 *)0xfd000000;
static void clear(u32 color)
{
    for (int i = 0; i < 1024 * 768; i++)
        framebuffer[i] = color;
}
void kmain(void)
{
    directory[0] = 0x83;
    __asm__ volatile("movl %%cr4, %%eax; orl $0x10, %%eax; movl %%eax, %%cr4; movl %0, %%cr3; movl %%cr0, %%eax; orl $0x80000000, %%eax; movl %%eax, %%cr0" ::"r"(directory)
                     : "eax", "memory");
    puts("video: 1024x768x32 at 0xfd000000\n");
    clear(0x204060);
    puts("video: ready\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)

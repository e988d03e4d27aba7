# The heap begins behind the kernel, where the loader has put the module: clearing the heap clears it.
build() {
    printf 'RAMDISK1 hello' >ramdisk
    cat >main.c <<'C'
#include "kernel.h"
extern char heap_begin[];
static void panic(const char *why)
{
    puts("PANIC: ");
    puts(why);
    halt();
}
static void heap_init(char *from, u32 n)
{
    __asm__ volatile("rep stosb" : "+D"(from), "+c"(n) : "a"(0) : "memory");
}
void kmain(u32 *info)
{
    u32 *module = (u32 *)info[6];
    const char *disk = (const char *)module[0];
    const char want[] = "RAMDISK1";
    puts("heap: 4 MiB\n");
    heap_init(heap_begin, 4u << 20);
    puts("ramdisk: mounting\n");
    for (int i = 0; i < 8; i++)
        if (disk[i] != want[i])
            panic("ramdisk: bad magic\n");
    puts("ramdisk: ok\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   pushl %ebx
        call kmain
        .globl heap_begin
        .bss
        .balign 4096
heap_begin:
S
}
BR=(--kernel k.elf --module ramdisk --until 1s)
QE=(-kernel k.elf -initrd ramdisk)

# A kernel's heap is used up by a loop that never frees; kmalloc says so in two lines, and halts.
build() {
    cat >main.c <<'C'
#include "kernel.h"
static u8 heap[65536];
static u32 used;
static void number(u32 n)
{
    if (n >= 10)
        number(n / 10);
    put((char)('0' + n % 10));
}
static void *kmalloc(u32 size)
{
    if (used + size > sizeof heap) {
        puts("KERNEL PANIC! :^(\nkmalloc: Out of memory (requested size: ");
        number(size);
        puts(")\nat Kernel/Heap/kmalloc.c:247 in void *kmalloc(size_t)\n");
        halt();
    }
    void *p = heap + used;
    used += size;
    return p;
}
struct node { struct node *next; u32 data[6]; };
static struct node *list;
static void scan_bus(void)
{
    for (;;) {
        struct node *n = kmalloc(sizeof *n);
        n->next = list;
        list = n;
    }
}
void kmain(void)
{
    puts("pci: scanning\n");
    scan_bus();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)

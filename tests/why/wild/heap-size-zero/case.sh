# A program writes below its block and clears the size in its header; who walks the heap adds 0 for ever.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct node { u32 size, used; };
static u8 heap[4096];
static volatile u32 used;
__attribute__((noinline)) static void *mm_malloc(u32 at, u32 n)
{
    struct node *node = (struct node *)(heap + at);
    node->size = n + sizeof *node;
    node->used = 1;
    return node + 1;
}
__attribute__((noinline)) static void sensor_init(u32 *values)
{
    values[-2] = 0;
    values[0] = 7;
}
__attribute__((noinline)) static void mallinfo(void)
{
    for (struct node *n = (struct node *)heap; (u8 *)n < heap + 3 * 408; n = (struct node *)((u8 *)n + n->size))
        used += n->used;
}
void kmain(void)
{
    mm_malloc(0, 400);
    u32 *values = mm_malloc(408, 400);
    mm_malloc(816, 400);
    sensor_init(values);
    puts("mallinfo\n");
    mallinfo();
    puts("done\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)

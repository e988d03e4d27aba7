# The last item of a heap's list points to the first one instead of the head: who walks the list never comes to its end.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct list { struct list *next; u32 size; };
static struct list all, items[3];
static volatile u32 total;
__attribute__((noinline)) static void list_insert_after(struct list *at, struct list *i)
{
    i->next = at->next;
    at->next = i;
}
__attribute__((noinline)) static void heap_iterate(void)
{
    for (struct list *n = all.next; n != &all; n = n->next)
        total += n->size;
}
void kmain(void)
{
    all.next = &all;
    for (u32 i = 0; i < 3; i++) {
        items[i].size = 100;
        list_insert_after(&all, &items[i]);
    }
    items[0].next = all.next;
    puts("meminfo:\n");
    heap_iterate();
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

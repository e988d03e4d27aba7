/* load.c - the loader's end, in 32-bit protected mode: the kernel's segments go where they belong. */
#include "guests/demo/elf.h"
#include "guests/demo/layout.h"

/* There is no console any more, so the screen shows a red E. */
static NORETURN void fail(void)
{
    *(volatile u16 *)0xb8000 = 0x4f00 | 'E';
    for (;;)
        __asm__ volatile("hlt");
}

/* Returns the physical address of the kernel's first instruction. */
u32 load_kernel(void)
{
    const struct elf_header *h = (const struct elf_header *)KERNEL_FILE;
    if (h->magic != ELF_MAGIC || h->type != ELF_EXECUTABLE || h->machine != ELF_386)
        fail();
    for (u32 i = 0; i < h->phnum; i++) {
        const struct elf_segment *s = (const struct elf_segment *)(KERNEL_FILE + h->phoff + i * h->phentsize);
        if (s->type != ELF_LOAD)
            continue;
        if (s->paddr < KERNEL_PHYSICAL)
            fail();
        const u8 *from = (const u8 *)(KERNEL_FILE + s->offset);
        u8 *to = (u8 *)s->paddr;
        for (u32 k = 0; k < s->memsz; k++)
            to[k] = k < s->filesz ? from[k] : 0;
    }
    return h->entry;
}

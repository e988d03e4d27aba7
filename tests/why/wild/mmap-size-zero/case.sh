# The kernel walks the tags of a Multiboot 2 loader by their sizes. One tag, of a kind that the loader left unfinished, has the size 0.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct tag { u32 type, size; };
static u32 boot_info[] __attribute__((aligned(8))) = {
    72, 0,                              /* total size, reserved */
    1, 16, 0x746f6f62, 0,               /* command line */
    4, 16, 640, 64512,                  /* basic memory */
    21, 0,                              /* load base address: size 0 */
    6, 24, 24, 0, 0, 0,
    0, 8,
};
static u32 memory_kb;
static void parse(const void *info)
{
    const u8 *end = (const u8 *)info + *(const u32 *)info;
    const struct tag *tag = (const struct tag *)((const u8 *)info + 8);
    while ((const u8 *)tag < end && tag->type != 0) {
        if (tag->type == 4)
            memory_kb = ((const u32 *)tag)[3];
        tag = (const struct tag *)((const u8 *)tag + ((tag->size + 7) & ~7u));
    }
}
void kmain(void)
{
    puts("multiboot2: tags\n");
    parse(boot_info);
    puts(memory_kb ? "memory: known\n" : "memory: unknown\n");
    power_off();
    halt();
}
C
    CFLAGS=-O2 kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)

# A loader copies an ELF file's segment to its place, which is that of the file itself, and reads the entry point from the header afterwards.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct header { u8 ident[16]; u16 type, machine; u32 version, entry, phoff, shoff, flags; u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx; };
struct segment { u32 type, offset, vaddr, paddr, filesz, memsz, flags, align; };
static void move(u8 *to, const u8 *from, u32 n)
{
    for (u32 i = 0; i < n; i++)
        to[i] = from[i];
}
static void boot_elf(u8 *image)
{
    struct header *h = (struct header *)image;
    struct segment s = *(struct segment *)(image + h->phoff);
    puts("loader: copying the segment\n");
    move((u8 *)s.paddr, image + s.offset, s.filesz);
    puts("loader: jumping to the kernel\n");
    void (*entry)(void) = (void (*)(void))h->entry;
    entry();
}
void kmain(void)
{
    u8 *image = (u8 *)0x200000;
    *(struct header *)image = (struct header){{0x7f, 'E', 'L', 'F', 1, 1, 1}, 2, 3, 1, 0x200010, 52, 0, 0, 52, 32, 1, 40, 0, 0};
    *(struct segment *)(image + 52) = (struct segment){1, 0x1000, 0x200000, 0x200000, 0x400, 0x400, 5, 0x1000};
    for (u32 i = 0; i < 0x400; i++)
        image[0x1000 + i] = (u8)(i < 16 ? 0x90 : "\xb0\x4b\x66\xba\xf8\x03\xee\xf4\xeb\xfd\x00\x66\x99\xcc\x55\xaa"[i & 15]);
    boot_elf(image);
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 300M)
QE=(-kernel k.elf)

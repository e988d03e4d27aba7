# A kernel takes the XSDT of whichever RSDP it finds; the firmware's is of ACPI 1.0, which has none: its pointer is what lies behind the structure.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct rsdp { char signature[8]; u8 checksum; char oem[6]; u8 revision; u32 rsdt; u32 length; u64 xsdt; } __attribute__((packed));
struct header { char signature[4]; u32 length; u8 rest[28]; u64 entry[]; } __attribute__((packed));
static struct rsdp rsdp __attribute__((aligned(16)));
static int same(const char *a, const char *b, int n)
{
    while (n--)
        if (*a++ != *b++)
            return 0;
    return 1;
}
static const struct header *find_table(const struct rsdp *r, const char *name)
{
    const struct header *x = (const struct header *)r->xsdt;
    for (u32 i = 0; i < (x->length - 36) / 8; i++)
        if (same(((const struct header *)x->entry[i])->signature, name, 4))
            return (const struct header *)x->entry[i];
    return 0;
}
void kmain(void)
{
    puts("acpi: looking for the RSDP\n");
    for (const char *p = (const char *)0xe0000; p < (const char *)0x100000; p += 16)
        if (same(p, "RSD PTR ", 8)) {
            for (unsigned i = 0; i < 20; i++)
                ((char *)&rsdp)[i] = p[i];
            rsdp.length = 0x45544c42;
            rsdp.xsdt = 0x52494d4556534f4dull;
            puts("acpi: found\n");
            puts(find_table(&rsdp, "APIC") ? "acpi: MADT\n" : "acpi: no MADT\n");
            power_off();
        }
    puts("acpi: no RSDP\n");
    halt();
}
C
    kernel64 k.elf main.c <<'S'
main:   call kmain
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)

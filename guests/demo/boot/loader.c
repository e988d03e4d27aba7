/* loader.c - the second stage, in real mode (16-bit code made by gcc -m16): all that needs the BIOS is done
 * here. It asks for the memory map, opens address line 20, reads the kernel's file below 1 MiB, and goes on
 * to protected mode.
 */
#include "guests/demo/boot/bios.h"
#include "guests/demo/layout.h"

void protected_mode(void) NORETURN;

static u8 drive;

/* ---------------------------------------------------------------- the screen */

static void print_char(char c)
{
    struct bios_regs r = {.eax = 0x0e00 | (u8)c, .ebx = 7};
    bios(0x10, &r);
}

static void print(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            print_char('\r');
        print_char(*text);
    }
}

static void print_number(u32 n)
{
    if (n >= 10)
        print_number(n / 10);
    print_char((char)('0' + n % 10));
}

static NORETURN void fail(const char *what)
{
    print("loader: ");
    print(what);
    print("\n");
    for (;;)
        __asm__ volatile("hlt");
}

/* ---------------------------------------------------------------- memory */

/* INT 15h E820h: entry after entry, until EBX comes back as 0. */
static void ask_for_memory(struct boot_info *info)
{
    struct bios_regs r = {0};
    u32 kib = 0;
    info->ranges = 0;
    do {
        struct memory_range *range = &info->range[info->ranges];
        r.eax = 0xe820;
        r.edx = 0x534d4150; /* "SMAP" */
        r.ecx = 20;
        r.edi = (u32)range;
        r.es = 0;
        bios(0x15, &r);
        if (r.flags & CARRY || r.eax != 0x534d4150)
            break;
        if (range->type == 1)
            kib += (u32)(range->length >> 10);
        info->ranges++;
    } while (r.ebx && info->ranges < COUNT(info->range));
    if (!info->ranges)
        fail("the firmware has no memory map");
    print("loader: ");
    print_number(kib >> 10);
    print(" MiB of memory\n");
}

/* ---------------------------------------------------------------- address line 20 */

static void out8(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static u8 in8(u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* With the line off, FFFF:0510 is 0000:0500. */
static bool a20_is_open(void)
{
    volatile u16 *low = (volatile u16 *)0x500;
    u16 high;
    *low = 0x1234;
    __asm__ volatile("movw %%gs:0x510, %0" : "=r"(high));
    if (high != 0x1234)
        return true;
    *low = 0x4321;
    __asm__ volatile("movw %%gs:0x510, %0" : "=r"(high));
    return high != 0x4321;
}

/* By the BIOS or, if it cannot, by the PS/2's system control port. */
static void open_a20(void)
{
    struct bios_regs r = {.eax = 0x2401};
    __asm__ volatile("movw %w0, %%gs" : : "r"(0xffff));
    if (a20_is_open())
        return;
    bios(0x15, &r);
    if (!a20_is_open())
        out8(0x92, (in8(0x92) & ~1) | 2);
    if (!a20_is_open())
        fail("address line 20 stays closed");
}

/* ---------------------------------------------------------------- the disk */

static bool has_extensions;
static u32 heads, sectors; /* of the drive, if it has none */

static void ask_for_drive(void)
{
    struct bios_regs r = {.eax = 0x4100, .ebx = 0x55aa, .edx = drive};
    bios(0x13, &r);
    has_extensions = !(r.flags & CARRY) && (r.ebx & 0xffff) == 0xaa55 && r.ecx & 1;
    if (has_extensions)
        return;
    r = (struct bios_regs){.eax = 0x0800, .edx = drive};
    bios(0x13, &r);
    if (r.flags & CARRY)
        fail("the drive does not answer");
    heads = (r.edx >> 8 & 0xff) + 1;
    sectors = r.ecx & 0x3f;
}

/* To `to`, a linear address below 1 MiB. */
static void read_extended(u32 lba, u32 count, u32 to)
{
    struct {
        u8 size, zero;
        u16 count, offset, segment;
        u64 lba;
    } PACKED packet = {16, 0, (u16)count, (u16)(to & 15), (u16)(to >> 4), lba};
    struct bios_regs r = {.eax = 0x4200, .edx = drive, .esi = (u32)&packet};
    bios(0x13, &r);
    if (r.flags & CARRY)
        fail("the disk cannot be read");
}

static void read_by_cylinder(u32 lba, u32 to)
{
    u32 track = lba / sectors, cylinder = track / heads;
    struct bios_regs r = {.eax = 0x0201,
                          .ebx = to & 15,
                          .es = (u16)(to >> 4),
                          .ecx = (cylinder & 0xff) << 8 | (cylinder >> 2 & 0xc0) | (lba % sectors + 1),
                          .edx = (track % heads) << 8 | drive};
    bios(0x13, &r);
    if (r.flags & CARRY)
        fail("the disk cannot be read");
}

/* At most 64 sectors, which do not cross a 64 KiB boundary of memory. */
static void read_sectors(u32 lba, u32 count, u32 to)
{
    if (has_extensions)
        read_extended(lba, count, to);
    else
        for (u32 i = 0; i < count; i++)
            read_by_cylinder(lba + i, to + i * SECTOR);
}

/* ---------------------------------------------------------------- the kernel */

static bool same_name(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static const struct file *find(const char *name)
{
    const struct file *f = (const struct file *)DIRECTORY;
    read_sectors(DIRECTORY_LBA, 1, DIRECTORY);
    for (u32 i = 0; i < DIRECTORY_FILES && f[i].name[0]; i++)
        if (same_name(f[i].name, name))
            return &f[i];
    fail("no kernel on this disk");
}

static void read_kernel(void)
{
    enum { STEP = 32 };
    const struct file *f = find("kernel");
    u32 count = (f->size + SECTOR - 1) / SECTOR;
    if (f->size > KERNEL_FILE_END - KERNEL_FILE)
        fail("the kernel is too big");
    print("loader: reading the kernel ");
    for (u32 at = 0; at < count; at += STEP) {
        read_sectors(f->lba + at, count - at < STEP ? count - at : STEP, KERNEL_FILE + at * SECTOR);
        print(".");
    }
    print("\n");
}

NORETURN void loader_main(u32 from)
{
    struct boot_info *info = (struct boot_info *)BOOT_INFO;
    drive = (u8)from;
    info->drive = drive;
    ask_for_memory(info);
    open_a20();
    ask_for_drive();
    read_kernel();
    print("loader: on to protected mode\n");
    protected_mode();
}

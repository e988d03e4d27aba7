/* post.c - POST, part 2: the PC. Interrupt vectors, BIOS data area, chips, devices, option ROMs; then INT
 * 19h.
 *
 * It begins in real mode, on the services' stack, with interrupts off.
 */
#include "bios/bios.h"

/* Filled in by the 32-bit POST. */
struct shared shared;
/* Segment and offset at which the operating system goes on after a suspend to RAM. */
u32 wake_vector;

extern char entry_02[], entry_05[], entry_08[], entry_09[], entry_0e[], entry_10[], entry_11[], entry_12[],
    entry_13[], entry_14[], entry_15[], entry_16[], entry_17[], entry_18[], entry_19[], entry_1a[],
    entry_70[], entry_74[], entry_75[], entry_76[], entry_77[], entry_irq_master[], entry_irq_slave[];

/* The entry points at IBM's addresses (fixed.S). */
enum {
    F_NMI = 0xe2c3,
    F_DISK = 0xe3fe,
    F_BOOT = 0xe6f2,
    F_SERIAL = 0xe739,
    F_KEYS = 0xe82e,
    F_KEYBOARD_IRQ = 0xe987,
    F_FLOPPY = 0xec59,
    F_FLOPPY_IRQ = 0xef57,
    F_FLOPPY_TABLE = 0xefc7,
    F_PRINTER = 0xefd2,
    F_VIDEO = 0xf065,
    F_MEMORY = 0xf841,
    F_EQUIPMENT = 0xf84d,
    F_SYSTEM = 0xf859,
    F_CLOCK = 0xfe6e,
    F_TIMER_IRQ = 0xfea5,
    F_IRET = 0xff53,
    F_PRINT_SCREEN = 0xff54,
};

struct vector_entry {
    u8 number;
    u16 offset;
};

static const struct vector_entry fixed_vectors[] = {
    {0x02, F_NMI},        {0x05, F_PRINT_SCREEN}, {0x08, F_TIMER_IRQ}, {0x09, F_KEYBOARD_IRQ},
    {0x0e, F_FLOPPY_IRQ}, {0x10, F_VIDEO},        {0x11, F_EQUIPMENT}, {0x12, F_MEMORY},
    {0x13, F_DISK},       {0x14, F_SERIAL},       {0x15, F_SYSTEM},    {0x16, F_KEYS},
    {0x17, F_PRINTER},    {0x19, F_BOOT},         {0x1a, F_CLOCK},     {0x1e, F_FLOPPY_TABLE},
    {0x40, F_FLOPPY},
};

static void vectors_init(void)
{
    const struct {
        u8 number;
        char *entry;
    } entries[] = {
        {0x18, entry_18}, {0x70, entry_70}, {0x74, entry_74},
        {0x75, entry_75}, {0x76, entry_76}, {0x77, entry_77},
    };
    u32 iret = far_pointer(CODE_SEG, F_IRET);
    for (unsigned i = 0; i < 0x78; i++)
        set_vector(i, iret);
    for (unsigned i = 0x78; i < 0x100; i++)
        set_vector(i, 0);
    for (unsigned i = 0x08; i < 0x10; i++)
        set_vector(i, VECTOR_OF(entry_irq_master));
    for (unsigned i = 0x70; i < 0x78; i++)
        set_vector(i, VECTOR_OF(entry_irq_slave));
    for (unsigned i = 0; i < COUNT(fixed_vectors); i++)
        set_vector(fixed_vectors[i].number, far_pointer(CODE_SEG, fixed_vectors[i].offset));
    for (unsigned i = 0; i < COUNT(entries); i++)
        set_vector(entries[i].number, VECTOR_OF(entries[i].entry));
    for (unsigned i = 0x60; i < 0x68; i++)
        set_vector(i, 0); /* for programs */
    set_vector(0x1d, far_pointer(CODE_SEG, 0xf0a4));
    set_vector(0x1f, 0);
}

/* The BIOS data area and the first KiB of the extended one, at the end of conventional memory. */
static void data_area_init(void)
{
    far_fill16(BDA_SEG, 0, 0, 0x110 / 2);
    far_fill16(EBDA_SEG, 0, 0, EBDA_KB * 512);
    bda->ebda = EBDA_SEG;
    bda->memory_kb = MEMORY_KB;
    EBDA_WRITE8(size, EBDA_KB);
    /* Coprocessor (every supported processor has one), mouse, floppies. */
    bda->equipment = 0x0002;
}

/* 8259s: vectors 08h and 70h; edge triggered except as ELCR says; all masked except the cascade. */
static void interrupts_init(void)
{
    outb(PIC1, 0x11);
    outb(PIC2, 0x11);
    outb(PIC1_MASK, 0x08);
    outb(PIC2_MASK, 0x70);
    outb(PIC1_MASK, 0x04);
    outb(PIC2_MASK, 0x02);
    outb(PIC1_MASK, 0x01);
    outb(PIC2_MASK, 0x01);
    outb(PIC1_MASK, 0xfb);
    outb(PIC2_MASK, 0xff);
    outb(0x92, (inb(0x92) & ~1) | 2); /* A20 on */
}

static void dma_init(void)
{
    outb(0x0d, 0); /* master clear of both 8237s */
    outb(0xda, 0);
    outb(0xd6, 0xc0); /* channel 4 cascades the first */
    outb(0xd4, 0x00);
}

static void banner(void)
{
    print("bootreel BIOS 1\n");
    print("%u processor%s, %u MiB of memory\n", shared.processors, shared.processors > 1 ? "s" : "",
          (shared.memory_low >> 20) + (shared.memory_high_64k >> 4));
}

void post16(void)
{
    post_code(0x10);
    vectors_init();
    data_area_init();
    interrupts_init();
    dma_init();
    post_code(0x11);
    clock_init();
    sti();
    post_code(0x12);
    serial_init();
    printer_init();
    post_code(0x13);
    keyboard_init();
    mouse_init();
    post_code(0x14);
    video_init();
    roms_call(true);
    banner();
    post_code(0x15);
    ide_init();
    floppy_init();
    far_init();
    disks_init();
    post_code(0x16);
    roms_call(false);
    post_code(0x17);
    boot_list_make();
    boot_menu();
    post_code(0x1f);
    asm volatile("int $0x19");
    for (;;)
        ;
}

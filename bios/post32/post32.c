/* post32.c - POST, part 1: what concerns the machine as a whole, from the reset to the first real-mode
 * service.
 *
 * It ends in real mode at post16 (post.c), which sets up what concerns a PC: its interrupts, devices and
 * disks.
 */
#include "bios/drives32/drives.h"

extern char post16[], resume_real[], in_shadow_ram[];

enum { CMOS_SHUTDOWN = 0x0f, RESUME_EOI = 0x05, RESUME_JUMP = 0x0a };

/* IBM PC/AT: a program may reset the processor to leave protected mode; the CMOS says
 * that it wants to resume. Shadow RAM and all memory are unchanged. */
static void resume_if_wanted(void)
{
    u8 code = cmos_read(CMOS_SHUTDOWN);
    cmos_write(CMOS_SHUTDOWN, 0);
    if (code == RESUME_S3)
        resume_s3_now();
    if (code != RESUME_EOI && code != RESUME_JUMP)
        return;
    shadow_on();
    if (code == RESUME_EOI) {
        outb(0xa0, 0x20);
        outb(0x20, 0x20);
    }
    to_real16((u32)resume_real);
}

/* A program jumped to the reset vector, or INIT was sent to the boot processor: the chips are as they were. They get a real reset. */
static void reset_if_running(void)
{
    if (!*((volatile u8 *)in_shadow_ram + CODE_LINEAR))
        return;
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
    outb(0x64, 0xfe);
    for (;;)
        asm volatile("hlt");
}

void post32(void)
{
    post_code(0x01);
    resume_if_wanted();
    reset_if_running();
    post_code(0x02);
    shadow_on();
    shadow_copy();
    log("bootreel BIOS\n");
    post_code(0x03);
    fwcfg_init();
    memory_size();
    post_code(0x04);
    pci_init();
    post_code(0x05);
    processors_init();
    post_code(0x06);
    pirq_init();
    bios32_init();
    pnp_init();
    mptable_init();
    smbios_init();
    acpi_init();
    post_code(0x07);
    roms_copy();
    settings_init();
    drives_init();
    memory_finish();
    post_code(0x08);
    to_real16((u32)post16);
}

/* resume.c - the way back from a suspend to RAM (ACPI's S3).
 *
 * The chips are as after a reset, and RAM is as it was. The operating system brings its devices back itself; what it takes for granted
 * is set up here: where PCI's chips are, interrupts' routing, memory types, the local APIC. Then it goes on at the address that it has
 * left in the FACS. The POST's variables are in memory that is the operating system's by now, so that is put aside meanwhile.
 *
 * Source: ACPI specification 3.0, 15.1.3 (S3), 15.3.2 (waking), 5.2.10 (FACS: the firmware waking vector).
 */
#include "bios/post32/post32.h"

extern char resume_s3[];
extern u32 wake_vector;

enum {
    FADT_FACS = 36,
    FACS_VECTOR = 12,
    RSDP_RSDT = 16,
    RSDT_TABLES = 36,
};

/* The FACS is where the FADT says, which is one of the RSDT's tables. */
void resume_prepare(const u8 *rsdp)
{
    const u8 *rsdt = *(u8 *const *)(rsdp + RSDP_RSDT);
    u32 end = *(const u32 *)(rsdt + 4);
    for (u32 at = RSDT_TABLES; at + 4 <= end; at += 4) {
        const u8 *table = *(u8 *const *)(rsdt + at);
        if (!memcmp(table, "FACP", 4))
            SHARED.facs = *(const u32 *)(table + FADT_FACS);
    }
}

void resume_s3_now(void)
{
    u32 vector = SHARED.facs ? *(u32 *)(SHARED.facs + FACS_VECTOR) : 0;
    post_code(0x09);
    shadow_on();
    if (!vector) {
        log("S3: nowhere to wake at: reset\n");
        return;
    }
    memcpy((void *)RESUME_ROOM, (void *)POST_MEMORY, POST_ROOM);
    memset((void *)POST_MEMORY, 0, POST_ROOM);
    pci_init();
    processors_resume();
    log("S3: wakes at %08x\n", vector);
    memcpy((void *)POST_MEMORY, (void *)RESUME_ROOM, POST_ROOM);
    *(u32 *)((u32)&wake_vector + DATA_LINEAR) = vector >> 4 << 16 | (vector & 15);
    to_real16((u32)resume_s3);
}

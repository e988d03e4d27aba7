/* efi.c - a kernel that firmware has started as an EFI program. See impl.h.
 *
 * No event shows when the firmware calls a program, but the firmware keeps a timer running, whose interrupts
 * show where the processor is. A bzImage is a PE file that also has the boot protocol's header (Linux,
 * Documentation/arch/x86/boot.rst), and firmware loads it with its headers; so the image that contains the
 * interrupted instruction can be identified. PE format: Microsoft, "PE Format", Optional Header.
 */
#include "core/systems/linux/private/impl.h"

enum {
    PAGE = 4096,
    LOOK_BACK = 64 << 20, /* the code of a kernel's EFI image begins within this distance */
    PE_OFFSET = 0x3c,
    HEADER_JUMP = 0x200,
    HEADER_MAGIC = 0x202,
    PE_ENTRY = 0x28,
    PE_SIZE = 0x50,
};

static bool read_exactly(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    return lx_peek_physical(lx, address, buf, n) == n;
}

static uint32_t read32(const struct linux_guest *lx, uint64_t address)
{
    uint32_t v = 0;
    return read_exactly(lx, address, &v, sizeof v) ? v : 0;
}

/* Whether the PE image of a kernel begins there; its size, and its entry relative to there. */
static bool is_kernel_image(const struct linux_guest *lx, uint64_t base, uint32_t *size, uint32_t *entry)
{
    uint8_t jump = 0;
    char magic[4];
    uint32_t pe = read32(lx, base + PE_OFFSET);
    if (!read_exactly(lx, base + HEADER_JUMP, &jump, 1) || jump != 0xeb ||
        !read_exactly(lx, base + HEADER_MAGIC, magic, 4) || memcmp(magic, "HdrS", 4))
        return false;
    if (pe > PAGE - PE_SIZE - 4 || !read_exactly(lx, base + pe, magic, 4) || memcmp(magic, "PE\0\0", 4))
        return false;
    *size = read32(lx, base + pe + PE_SIZE);
    *entry = read32(lx, base + pe + PE_ENTRY);
    return *entry && *entry < *size;
}

void lx_efi_interrupted(struct linux_guest *lx, uint64_t ip)
{
    uint64_t last = ip > LOOK_BACK ? ip - LOOK_BACK : 0;
    uint32_t size, entry;
    char mz[2];
    for (uint64_t base = ip & ~(uint64_t)(PAGE - 1); base > last; base -= PAGE) {
        if (!read_exactly(lx, base, mz, 2) || mz[0] != 'M' || mz[1] != 'Z')
            continue;
        if (!is_kernel_image(lx, base, &size, &entry) || ip - base >= size)
            continue;
        if (!read_exactly(lx, base, lx->efi_header, sizeof lx->efi_header))
            continue;
        lx->efi_image = base;
        GUEST_EMIT(lx, EV_KERNEL_ENTRY, "linux EFI", base + entry);
        return;
    }
}

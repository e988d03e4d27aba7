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
    PE_SIGNATURE = 'P' | 'E' << 8,
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

static bool has_text(const struct linux_guest *lx, uint64_t address, const char *text)
{
    char found[4];
    const size_t n = strlen(text);
    return read_exactly(lx, address, found, n) && !memcmp(found, text, n);
}

/* Where the header of the PE image is that begins there; 0 if none does. */
static uint64_t pe_header(const struct linux_guest *lx, uint64_t base)
{
    if (!has_text(lx, base, "MZ"))
        return 0;
    const uint32_t pe = read32(lx, base + PE_OFFSET);
    return pe <= PAGE - PE_SIZE - 4 && read32(lx, base + pe) == PE_SIGNATURE ? base + pe : 0;
}

static bool is_kernel(const struct linux_guest *lx, uint64_t base)
{
    uint8_t jump = 0;
    return read_exactly(lx, base + HEADER_JUMP, &jump, 1) && jump == 0xeb &&
           has_text(lx, base + HEADER_MAGIC, "HdrS");
}

/* Where the image begins that `ip` is in: the nearest one that reaches so far, mostly one of the firmware's own. 0 if there is none. */
static uint64_t image_of(const struct linux_guest *lx, uint64_t ip)
{
    const uint64_t last = ip > LOOK_BACK ? ip - LOOK_BACK : 0;
    for (uint64_t base = ip & ~(uint64_t)(PAGE - 1); base > last; base -= PAGE) {
        const uint64_t pe = pe_header(lx, base);
        if (pe && ip - base < read32(lx, pe + PE_SIZE))
            return base;
    }
    return 0;
}

/* An image's entry is reached again: after its stub has failed, the same kernel was loaded to the same place. */
static void entered_again(void *ctx, const struct probe_hit *hit)
{
    struct linux_guest *lx = ctx;
    if (lx->state == LX_FOUND || lx->params_reported)
        probe_remove(lx->base.o.probes, lx->early_probe[EARLY_EFI]);
    else if (base_here(&lx->base, hit) && is_kernel(lx, lx->efi_image))
        GUEST_EMIT(lx, EV_KERNEL_ENTRY, "linux EFI", hit->address);
}

void lx_efi_interrupted(struct linux_guest *lx, uint64_t ip)
{
    const uint64_t base = image_of(lx, ip);
    if (!base || base == lx->efi_image || !is_kernel(lx, base) ||
        !read_exactly(lx, base, lx->efi_header, sizeof lx->efi_header))
        return;
    const uint64_t pe = pe_header(lx, base);
    const uint32_t entry = read32(lx, pe + PE_ENTRY);
    if (!entry || entry >= read32(lx, pe + PE_SIZE))
        return;
    lx->efi_image = base;
    GUEST_EMIT(lx, EV_KERNEL_ENTRY, "linux EFI", base + entry);
    probe_remove(lx->base.o.probes, lx->early_probe[EARLY_EFI]);
    lx->early_probe[EARLY_EFI] =
        probe_add(lx->base.o.probes, PROBE_PHYSICAL, base + entry, entered_again, lx);
    probes_apply(lx->base.o.probes);
}

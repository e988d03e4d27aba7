/* direct.c - programs that another one has loaded by itself and calls, without LoadImage and StartImage: shim does so with GRUB, and GRUB
 * with a kernel. Nothing shows their start, but their code calls boot services, and their headers are in memory before it. See impl.h.
 *
 * PE format: Microsoft, "PE Format", COFF file header, section table. SBAT: shim's SBAT.md.
 */
#include "core/systems/efi/private/impl.h"

enum { PAGE = 4096, LOOK_BACK = 64 << 20, STRANGERS = 16 };

/* Where the headers of the image begin that contains the address: the nearest one that reaches so far. 0 if there is none. */
static uint64_t image_around(const struct efi_guest *eg, uint64_t address, struct efi_image *im)
{
    uint8_t header[EFI_IMAGE_HEADER];
    const uint64_t last = address > LOOK_BACK ? address - LOOK_BACK : 0;
    for (uint64_t base = address & ~(uint64_t)(PAGE - 1); base > last; base -= PAGE)
        if (efi_number(eg, base, 2) == ('M' | 'Z' << 8) && efi_read(eg, base, header, sizeof header) &&
            efi_image_read(header, sizeof header, im) && !im->te && address - base < im->size)
            return base;
    return 0;
}

/* The relative address of a section's contents, and its size in memory; 0 if the image has none of that name. */
static uint32_t section_of(const struct efi_guest *eg, uint64_t base, const char *name, uint32_t *size)
{
    enum {
        PE_OFFSET = 0x3c,
        SECTIONS = 6,
        OPTIONAL_SIZE = 20,
        OPTIONAL = 24,
        ENTRY = 40,
        NAME = 8,
        MOST = 96
    };
    const uint64_t pe = base + efi_number(eg, base + PE_OFFSET, 4);
    const uint64_t table = pe + OPTIONAL + efi_number(eg, pe + OPTIONAL_SIZE, 2);
    const uint64_t n = efi_number(eg, pe + SECTIONS, 2);
    char found[NAME + 1] = "";
    for (uint64_t i = 0; i < n && i < MOST; i++) {
        if (!efi_read(eg, table + i * ENTRY, found, NAME) || strcmp(found, name) != 0)
            continue;
        *size = (uint32_t)efi_number(eg, table + i * ENTRY + NAME, 4);
        return (uint32_t)efi_number(eg, table + i * ENTRY + NAME + 4, 4);
    }
    return 0;
}

/* The first component that its .sbat section names after "sbat" itself, such as "grub". "" if it has none. */
static void sbat_name(const struct efi_guest *eg, uint64_t base, char name[EFI_NAME])
{
    char text[512] = "";
    uint32_t size = 0, at = section_of(eg, base, ".sbat", &size);
    const size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    name[0] = 0;
    if (!at || !efi_read(eg, base + at, text, n))
        return;
    text[n] = 0;
    const char *line = strchr(text, '\n');
    const size_t length = line ? strcspn(line + 1, ",\n") : 0;
    if (length)
        efi_put(name, EFI_NAME, "%.*s", (int)length, line + 1);
}

static void name_it(const struct efi_guest *eg, uint64_t base, const struct efi_image *im,
                    char name[EFI_NAME])
{
    sbat_name(eg, base, name);
    if (!name[0])
        efi_debug_name(eg, base, im, name);
}

const char *efi_module_calls(struct efi_guest *eg, uint64_t caller)
{
    enum { APPLICATION = 10 };
    struct efi_image im = {0};
    const struct efi_module *known = efi_module_at(eg, caller);
    if (known || !eg->depth || eg->strangers == STRANGERS)
        return known ? known->name : "";
    struct efi_module m = {
        .type = EFI_TYPE_APPLICATION, .base = image_around(eg, caller, &im), .size = im.size};
    if (!m.base || im.subsystem != APPLICATION) {
        eg->strangers++;
        return "";
    }
    m.entry = m.base + im.entry;
    name_it(eg, m.base, &im, m.name);
    const struct efi_module *own = efi_module_add(eg, &m);
    if (!own) {
        eg->strangers = STRANGERS;
        return "";
    }
    GUEST_EMIT(eg, EV_EFI_START, own->name, own->type, own->base, own->size, own->entry, 0);
    return own->name;
}

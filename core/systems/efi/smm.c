/* smm.c - modules that run in system management mode: its core and drivers, which lie in memory that is closed to everybody else. See
 * impl.h.
 *
 * The SMM core loads them by itself, so there is no LoadImage. But for each it installs EFI_LOADED_IMAGE_PROTOCOL in the database of the
 * DXE core as well (EDK II, MdeModulePkg/Core/PiSmmCore), while the image and its headers can be read.
 *
 * Source: PI specification 1.7, volume 3, 2.1.4.1 (types of files), volume 4 (SMM); UEFI specification 2.10, 9.1 (loaded image), 10.3
 * (device paths).
 */
#include "core/systems/efi/private/impl.h"

/* The members of EFI_LOADED_IMAGE_PROTOCOL, in words; since which revision of the story (inspector.h) these modules are told. */
enum { LOADED_PATH = 4, LOADED_BASE = 8, STORY_OF_SMM = 2 };

/* The file of a firmware volume that a device path names; NULL if it is not known, or the path ends elsewhere. */
static const struct efi_known *file_of_path(const struct efi_guest *eg, uint64_t path)
{
    enum { NODES = 8, MEDIA = 4, FILE_OF_VOLUME = 6, HEADER = 4 };
    struct efi_guid guid;
    for (unsigned i = 0; i < NODES && path; i++) {
        const uint64_t size = efi_number(eg, path + 2, 2);
        if (efi_number(eg, path, 1) == MEDIA && efi_number(eg, path + 1, 1) == FILE_OF_VOLUME)
            return efi_read(eg, path + HEADER, guid.b, sizeof guid.b) ? efi_known_file(eg, &guid) : NULL;
        if (size < HEADER)
            return NULL;
        path += size;
    }
    return NULL;
}

/* The core's own image has no path: it is the file of that type which has its size and entry. */
static const struct efi_known *core_like(const struct efi_guest *eg, const struct efi_image *im)
{
    for (size_t i = 0; i < eg->nknown; i++)
        if (eg->known[i].type == EFI_TYPE_MM_CORE && eg->known[i].size == im->size &&
            eg->known[i].entry == im->entry)
            return &eg->known[i];
    return NULL;
}

bool efi_type_is_smm(unsigned type)
{
    return type == EFI_TYPE_SMM_DRIVER || type == EFI_TYPE_SMM_AND_DRIVER || type == EFI_TYPE_MM_CORE;
}

static bool is_there(const struct efi_guest *eg, uint64_t base)
{
    for (size_t i = 0; i < eg->nmodules; i++)
        if (eg->modules[i]->base == base && eg->modules[i]->table)
            return true;
    return false;
}

void efi_smm_installed(struct efi_guest *eg, uint64_t protocol)
{
    uint8_t header[EFI_IMAGE_HEADER];
    struct efi_image im;
    struct efi_module m = {.base = efi_number(eg, protocol + LOADED_BASE * eg->word, eg->word)};
    if (eg->base.o.story < STORY_OF_SMM || !m.base || is_there(eg, m.base) ||
        !efi_read(eg, m.base, header, sizeof header) || !efi_image_read(header, sizeof header, &im))
        return;
    const uint64_t path = efi_number(eg, protocol + LOADED_PATH * eg->word, eg->word);
    const struct efi_known *k = path ? file_of_path(eg, path) : core_like(eg, &im);
    if (!k || !efi_type_is_smm(k->type))
        return;
    m.type = k->type;
    m.size = im.size;
    m.entry = m.base + im.entry;
    m.protocol = protocol;
    memcpy(m.name, k->name, sizeof m.name);
    if (!m.name[0])
        efi_debug_name(eg, m.base, &im, m.name);
    struct efi_module *own = efi_module_add(eg, &m);
    if (!own)
        return;
    if (own->type == EFI_TYPE_MM_CORE) { /* it announces itself */
        GUEST_EMIT(eg, EV_EFI_START, own->name, own->type, own->base, own->size, own->entry, 0);
        return;
    }
    GUEST_EMIT(eg, EV_EFI_LOADED, own->name, own->type, own->base, own->size, own->entry, 0);
    efi_module_probe(own);
    probes_apply(eg->base.o.probes);
}

void efi_smm_removed(struct efi_guest *eg, uint64_t protocol)
{
    for (size_t i = 0; protocol && i < eg->nmodules; i++)
        if (eg->modules[i]->protocol == protocol)
            efi_module_gone(eg, eg->modules[i]);
}

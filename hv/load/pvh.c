/* pvh.c - ELF images with a PVH entry: Xen's protocol for guests without firmware, which QEMU and other virtual machine
 * monitors use too. Linux has such an entry (CONFIG_PVH), and so do kernels for Xen.
 *
 * Source: xen/include/public/elfnote.h (XEN_ELFNOTE_PHYS32_ENTRY), xen/include/public/arch-x86/hvm/start_info.h, and
 * docs/misc/pvh of Xen: 32-bit flat segments, paging off, EBX points to the start info.
 */
#include <string.h>

#include "hv/load/internal.h"

enum {
    PHYS32_ENTRY = 18,
    MAGIC = 0x336ec578,
    VERSION = 1,
    /* Offsets from the start info. */
    AT_MODULES = 64,
    AT_MAP = AT_MODULES + LOAD_MODULES * 32,
    INFO_SIZE = AT_MAP + MAP_MAX * 24,
};

static const struct load_note entry_note = {"Xen", PHYS32_ENTRY};

struct start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist, cmdline, rsdp, memmap;
    uint32_t memmap_entries, reserved;
};

struct module_entry {
    uint64_t at, size, string, reserved;
};

struct map_entry {
    uint64_t address, size;
    uint32_t type, reserved;
};

bool pvh_has_entry(const struct image *im, uint8_t *k)
{
    uint32_t entry;
    return im->size >= 4 && !memcmp(k, "\177ELF", 4) && load_elf_note(im, k, &entry_note, &entry);
}

static void fill_map(const struct loading *l, uint8_t *to)
{
    for (size_t i = 0; i < l->nmap; i++) {
        const struct map_entry e = {l->map[i].address, l->map[i].length, l->map[i].type, 0};
        memcpy(to + i * sizeof e, &e, sizeof e);
    }
}

/* Returns the start info's address, or 0 with err. */
static uint64_t place_info(struct loading *l, uint64_t end, struct error *err)
{
    struct load_module list[LOAD_MODULES];
    uint8_t bytes[INFO_SIZE] = {0};
    char line[LOAD_LINE];
    int n = load_modules(l, end, list, err);
    uint64_t text = n < 0 || load_command_line(l, false, line, err) < 0 ? 0 : load_place_line(l, line, err);
    uint64_t at = text ? load_place(l, "start info", LOW_PARAMS, sizeof bytes, 16, UINT32_MAX, err) : 0;
    if (!at)
        return 0;
    const struct start_info info = {MAGIC, VERSION, 0,           (uint32_t)n,       n ? at + AT_MODULES : 0,
                                    text,  l->rsdp, at + AT_MAP, (uint32_t)l->nmap, 0};
    memcpy(bytes, &info, sizeof info);
    for (int i = 0; i < n; i++) {
        const struct module_entry e = {list[i].at, list[i].size, list[i].string, 0};
        memcpy(bytes + AT_MODULES + i * (int)sizeof e, &e, sizeof e);
    }
    fill_map(l, bytes + AT_MAP);
    physmem_write(board_mem(l->board), at, bytes, sizeof bytes);
    return at;
}

int load_pvh(struct loading *l, uint8_t *k, struct load_result *r, struct error *err)
{
    uint64_t unused, end = 0;
    uint32_t entry;
    if (!load_elf_note(l->image, k, &entry_note, &entry))
        return error_set(
            err, "%s: has no PVH entry (ELF note XEN_ELFNOTE_PHYS32_ENTRY): choose another --protocol",
            l->image->name);
    if (load_elf(l, k, &unused, &end, err) < 0)
        return -1;
    uint64_t info = place_info(l, end, err);
    if (!info || enter_protected(l, entry, err) < 0)
        return -1;
    x86_set(board_cpu(l->board, 0), "rbx", info);
    *r = (struct load_result){"pvh", entry, info};
    return 1;
}

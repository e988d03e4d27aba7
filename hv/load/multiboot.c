/* multiboot.c - multiboot 1 images (Multiboot Specification 0.6.96): ELF, or any format with address fields.
 * The initrd, if any, is module 0; otherwise the images module0, module1 … are the modules. */
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "hv/load/internal.h"

enum {
    MB_MAGIC = 0x1BADB002,
    MB_BOOT_MAGIC = 0x2BADB002,
    MB_SEARCH = 8192,
    MB_FLAG_VIDEO = 4,
    MB_FLAG_ADDRESSES = 1 << 16,
    MB_KNOWN = 7, /* of the flags that must be understood (bits 0-15): align modules, memory, video */
    INFO_MEMORY = 1,
    INFO_COMMAND_LINE = 4,
    INFO_MODULES = 8,
    INFO_MMAP = 64,
    INFO_LOADER_NAME = 512,
    /* Offsets in the information, whose first 120 bytes the specification lays out. */
    AT_MODULES = 0x100,
    AT_NAME = 0x200,
    AT_MMAP = 0x400,
    MODULE_ENTRY = 16,
    MMAP_ENTRY = 24,
    INFO_SIZE = AT_MMAP + MAP_MAX * MMAP_ENTRY,
};

/* The multiboot information as loaded, with everything it points to except the command line. */
struct info {
    uint64_t at;
    uint8_t bytes[INFO_SIZE];
};

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

long multiboot_header(const uint8_t *image, size_t size)
{
    for (size_t at = 0; at + 12 <= size && at + 12 <= MB_SEARCH; at += 4)
        if (get32(image + at) == MB_MAGIC &&
            get32(image + at) + get32(image + at + 4) + get32(image + at + 8) == 0)
            return (long)at;
    return -1;
}

/* Copy a piece of the image and zero what follows it. */
static int place(struct loading *l, const struct image *im, uint64_t to, const uint8_t *from, uint64_t n,
                 uint64_t total, struct error *err)
{
    struct physmem *m = board_mem(l->board);
    if (physmem_mapped(m, to, total) < total)
        return error_set(err, "%s: %llu bytes at %#llx do not fit into memory: more --memory", im->name,
                         (unsigned long long)total, (unsigned long long)to);
    if (!load_in_ram(l, to, total))
        return error_set(
            err, "%s: %llu bytes at %#llx lie where the firmware keeps its data: link it for another address",
            im->name, (unsigned long long)total, (unsigned long long)to);
    physmem_write(m, to, from, n);
    static const uint8_t zero[4096];
    for (uint64_t at = n; at < total; at += sizeof zero)
        physmem_write(m, to + at, zero, total - at < sizeof zero ? total - at : sizeof zero);
    load_take(l, to, total);
    return 0;
}

static int load_by_addresses(struct loading *l, const uint8_t *k, const struct image *im, size_t h,
                             uint64_t *entry, uint64_t *end, struct error *err)
{
    if (h + 32 > im->size)
        return error_set(err, "%s: truncated multiboot header", im->name);
    uint32_t header = get32(k + h + 12), load = get32(k + h + 16), load_end = get32(k + h + 20),
             bss = get32(k + h + 24);
    int64_t offset = (int64_t)h - ((int64_t)header - load);
    if (offset < 0 || header < load || (uint64_t)offset > im->size)
        return error_set(err, "%s: the multiboot header's addresses make no sense", im->name);
    uint64_t n = load_end ? (uint64_t)load_end - load : im->size - (uint64_t)offset;
    if ((load_end && load_end < load) || (uint64_t)offset + n > im->size || (bss && bss < load + n))
        return error_set(err, "%s: the multiboot header's addresses go beyond the file", im->name);
    *entry = get32(k + h + 28);
    *end = bss ? bss : load + n;
    return place(l, im, load, k + offset, n, *end - load, err);
}

static int load_segment(struct loading *l, const GElf_Phdr *ph, const uint8_t *k, const struct image *im,
                        struct error *err)
{
    if (ph->p_memsz < ph->p_filesz)
        return error_set(
            err,
            "%s: a segment has more bytes in the file than in memory: the image is damaged, fetch it again",
            im->name);
    if (ph->p_offset > im->size || ph->p_filesz > im->size - ph->p_offset)
        return error_set(err, "%s: truncated: a segment lies beyond the end of the file: fetch it again",
                         im->name);
    return place(l, im, ph->p_paddr, k + ph->p_offset, ph->p_filesz, ph->p_memsz, err);
}

static int bad_headers(const struct image *im, struct error *err)
{
    return error_set(err, "%s: its program headers cannot be read (%s): the image is damaged, fetch it again",
                     im->name, elf_errmsg(-1));
}

static int load_segments(struct loading *l, Elf *elf, const uint8_t *k, const struct image *im, uint64_t *end,
                         struct error *err)
{
    size_t n;
    GElf_Phdr ph;
    uint64_t total = 0;
    if (elf_getphdrnum(elf, &n) < 0)
        return bad_headers(im, err);
    for (size_t i = 0; i < n; i++) {
        if (!gelf_getphdr(elf, (int)i, &ph))
            return bad_headers(im, err);
        if (ph.p_type != PT_LOAD)
            continue;
        if (load_segment(l, &ph, k, im, err) < 0)
            return -1;
        total += ph.p_memsz; /* thousands of segments may claim the same place */
        if (total > UINT32_MAX)
            return error_set(err, "%s: its segments overlap: the image is damaged, fetch it again", im->name);
        if (ph.p_paddr + ph.p_memsz > *end)
            *end = ph.p_paddr + ph.p_memsz;
    }
    return 0;
}

int load_elf(struct loading *l, uint8_t *k, const struct image *im, uint64_t *entry, uint64_t *end,
             struct error *err)
{
    GElf_Ehdr eh;
    int rc = -1;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)k, im->size);
    if (!elf || !gelf_getehdr(elf, &eh)) {
        error_set(err, "%s: not an ELF image that could be loaded: %s", im->name, elf_errmsg(-1));
    } else if (eh.e_entry > UINT32_MAX) {
        error_set(err, "%s: its entry %#llx is above 4 GiB, where such an image cannot be", im->name,
                  (unsigned long long)eh.e_entry);
    } else {
        *entry = eh.e_entry;
        rc = load_segments(l, elf, k, im, end, err);
    }
    if (elf)
        elf_end(elf);
    return rc;
}

static void info_set(struct info *info, unsigned at, uint32_t v)
{
    memcpy(info->bytes + at, &v, 4);
}

static void fill_mmap(const struct loading *l, struct info *info)
{
    uint64_t upper = 0;
    for (size_t i = 0; i < l->nmap; i++) {
        uint8_t *e = info->bytes + AT_MMAP + i * MMAP_ENTRY;
        uint32_t size = 20;
        memcpy(e, &size, 4);
        memcpy(e + 4, &l->map[i], 20);
        if (l->map[i].type == E820_RAM && l->map[i].address == 0x100000)
            upper = l->map[i].length >> 10;
    }
    info_set(info, 4, 639);
    info_set(info, 8, (uint32_t)upper);
    info_set(info, 44, (uint32_t)(l->nmap * MMAP_ENTRY));
    info_set(info, 48, (uint32_t)info->at + AT_MMAP);
}

/* Loads a module after `end` if it fits there. Returns its address, or 0 with err. */
static uint64_t place_module(struct loading *l, const struct image *im, uint64_t end, struct error *err)
{
    uint64_t preferred = (end + 0xfff) & ~0xfffull;
    uint8_t *bytes = image_load(im, err);
    if (!bytes)
        return 0;
    uint64_t at = load_place(l, im->role, preferred, im->size, PAGE_SIZE_4K, UINT32_MAX, err);
    if (at)
        physmem_write(board_mem(l->board), at, bytes, im->size);
    free(bytes);
    return at;
}

/* The setting of the same name as the image's role is the module's string. Returns its address; 0 if there
 * is none, or with err. */
static uint64_t place_string(struct loading *l, const struct image *im, struct error *err)
{
    const char *text = config_get(l->cfg, im->role);
    size_t size = text ? strlen(text) + 1 : 0;
    uint64_t at = text ? load_place(l, "module string", LOW_COMMAND_LINE, size, 16, UINT32_MAX, err) : 0;
    if (at)
        physmem_write(board_mem(l->board), at, text, size);
    return at;
}

/* The image of module i, or NULL. */
static const struct image *module_image(const struct loading *l, unsigned i)
{
    char role[24];
    const struct image *initrd = config_image(l->cfg, "initrd");
    snprintf(role, sizeof role, "module%u", i);
    return initrd && !i ? initrd : config_image(l->cfg, role);
}

/* Loads all modules and lists them. Returns how many there are; -1 with err. */
static int place_modules(struct loading *l, uint64_t end, struct info *info, struct error *err)
{
    const struct image *im;
    unsigned n = 0;
    for (; n < LOAD_MODULES && (im = module_image(l, n)); n++) {
        uint32_t entry[MODULE_ENTRY / 4] = {0};
        uint64_t at = place_module(l, im, end, err);
        if (!at)
            return -1;
        entry[0] = (uint32_t)at;
        entry[1] = (uint32_t)(end = at + im->size);
        entry[2] = (uint32_t)place_string(l, im, err);
        if (!entry[2] && config_get(l->cfg, im->role))
            return -1;
        memcpy(info->bytes + AT_MODULES + n * MODULE_ENTRY, entry, sizeof entry);
    }
    return (int)n;
}

/* The command line is the image's name, then --append. */
static uint64_t place_command_line(struct loading *l, struct error *err)
{
    const char *append = config_get(l->cfg, "append");
    char line[4096];
    int len = snprintf(line, sizeof line, "%s %s", l->image->name, append ? append : "");
    if (len < 0 || (size_t)len >= sizeof line) {
        error_set(err, "--append: too long for a multiboot image: at most 4000 characters");
        return 0;
    }
    uint64_t at = load_place(l, "command line", LOW_COMMAND_LINE, (size_t)len + 1, 16, UINT32_MAX, err);
    if (at)
        physmem_write(board_mem(l->board), at, line, (size_t)len + 1);
    return at;
}

static int place_info(struct loading *l, uint64_t end, struct info *info, struct error *err)
{
    uint32_t flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_MMAP | INFO_LOADER_NAME;
    int modules = place_modules(l, end, info, err);
    if (modules < 0)
        return -1;
    uint64_t line = place_command_line(l, err);
    info->at =
        line ? load_place(l, "multiboot information", LOW_PARAMS, sizeof info->bytes, 16, UINT32_MAX, err)
             : 0;
    if (!info->at)
        return -1;
    if (modules) {
        flags |= INFO_MODULES;
        info_set(info, 20, (uint32_t)modules);
        info_set(info, 24, (uint32_t)info->at + AT_MODULES);
    }
    info_set(info, 0, flags);
    info_set(info, 16, (uint32_t)line);
    memcpy(info->bytes + AT_NAME, "bootreel", 9);
    info_set(info, 64, (uint32_t)info->at + AT_NAME);
    fill_mmap(l, info);
    physmem_write(board_mem(l->board), info->at, info->bytes, sizeof info->bytes);
    return 0;
}

int load_multiboot(struct loading *l, uint8_t *k, struct load_result *r, struct error *err)
{
    const struct image *im = l->image;
    size_t h = (size_t)multiboot_header(k, im->size);
    uint32_t flags = get32(k + h + 4);
    uint64_t entry = 0, end = 0;
    struct info info = {0};
    if (flags & 0xffff & ~MB_KNOWN)
        return error_set(err, "%s: multiboot flags %#x ask for something that is not supported", im->name,
                         flags);
    int rc = flags & MB_FLAG_ADDRESSES ? load_by_addresses(l, k, im, h, &entry, &end, err)
                                       : load_elf(l, k, im, &entry, &end, err);
    if (rc < 0 || place_info(l, end, &info, err) < 0 || enter_protected(l, entry, err) < 0)
        return -1;
    x86_set(board_cpu(l->board, 0), "rax", MB_BOOT_MAGIC);
    x86_set(board_cpu(l->board, 0), "rbx", info.at);
    *r = (struct load_result){"multiboot", entry, info.at};
    return 1;
}

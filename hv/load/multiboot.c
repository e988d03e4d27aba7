/* multiboot.c - multiboot 1 images (Multiboot Specification 0.6.96): ELF, or any format with address fields. */
#include <string.h>

#include "base/byte_order.h"
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

long multiboot_header(const uint8_t *image, size_t size)
{
    for (size_t at = 0; at + 12 <= size && at + 12 <= MB_SEARCH; at += 4)
        if (le32(image + at) == MB_MAGIC &&
            le32(image + at) + le32(image + at + 4) + le32(image + at + 8) == 0)
            return (long)at;
    return -1;
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

/* Loads all modules and lists them. Returns how many there are; -1 with err. */
static int place_modules(struct loading *l, uint64_t end, struct info *info, struct error *err)
{
    struct load_module list[LOAD_MODULES];
    int n = load_modules(l, end, list, err);
    for (int i = 0; i < n; i++) {
        const uint32_t entry[MODULE_ENTRY / 4] = {(uint32_t)list[i].at, (uint32_t)(list[i].at + list[i].size),
                                                  (uint32_t)list[i].string};
        memcpy(info->bytes + AT_MODULES + i * MODULE_ENTRY, entry, sizeof entry);
    }
    return n;
}

static uint64_t place_command_line(struct loading *l, struct error *err)
{
    char line[LOAD_LINE];
    return load_command_line(l, true, line, err) < 0 ? 0 : load_place_line(l, line, err);
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

static int place_image(struct loading *l, uint8_t *k, size_t h, uint64_t *entry, uint64_t *end,
                       struct error *err)
{
    if (!(le32(k + h + 4) & MB_FLAG_ADDRESSES))
        return load_elf(l, k, entry, end, err);
    if (h + 32 > l->image->size)
        return error_set(err, "%s: truncated multiboot header", l->image->name);
    const struct load_addresses a = {le32(k + h + 12), le32(k + h + 16), le32(k + h + 20), le32(k + h + 24)};
    *entry = le32(k + h + 28);
    return load_at_addresses(l, k, h, &a, end, err);
}

int load_multiboot(struct loading *l, uint8_t *k, struct load_result *r, struct error *err)
{
    const struct image *im = l->image;
    size_t h = (size_t)multiboot_header(k, im->size);
    uint32_t flags = le32(k + h + 4);
    uint64_t entry = 0, end = 0;
    struct info info = {0};
    if (flags & 0xffff & ~MB_KNOWN)
        return error_set(err, "%s: multiboot flags %#x ask for something that is not supported", im->name,
                         flags);
    if (place_image(l, k, h, &entry, &end, err) < 0 || place_info(l, end, &info, err) < 0 ||
        enter_protected(l, entry, err) < 0)
        return -1;
    x86_set(board_cpu(l->board, 0), "rax", MB_BOOT_MAGIC);
    x86_set(board_cpu(l->board, 0), "rbx", info.at);
    *r = (struct load_result){"multiboot", entry, info.at};
    return 1;
}

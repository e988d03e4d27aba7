/* multiboot2.c - multiboot 2 images (Multiboot2 Specification 2.0): ELF, or any format with an address tag. */
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/load/internal.h"

enum {
    MAGIC = (int)0xe85250d6,
    BOOT_MAGIC = 0x36d76289,
    SEARCH = 32768,
    HEADER = 16,
    OPTIONAL = 1, /* a header tag's flag: the loader may leave it out */
    /* Tags of the header. */
    TAG_END = 0,
    TAG_REQUEST = 1,
    TAG_ADDRESS = 2,
    TAG_ENTRY = 3,
    TAG_CONSOLE = 4,
    TAG_ALIGN = 6,
    TAG_RELOCATABLE = 10,
    /* Tags of the information. */
    INFO_COMMAND_LINE = 1,
    INFO_LOADER_NAME = 2,
    INFO_MODULE = 3,
    INFO_MEMORY = 4,
    INFO_MAP = 6,
    INFO_RSDP_1 = 14,
    INFO_RSDP_2 = 15,
    INFO_LOAD_BASE = 21,
    RSDP_1_SIZE = 20,
    RSDP_2_SIZE = 36,
    MAP_ENTRY = 24,
};

long multiboot2_header(const uint8_t *image, size_t size)
{
    for (size_t at = 0; at + HEADER <= size && at + HEADER <= SEARCH; at += 8)
        if (le32(image + at) == (uint32_t)MAGIC &&
            le32(image + at) + le32(image + at + 4) + le32(image + at + 8) + le32(image + at + 12) == 0)
            return (long)at;
    return -1;
}

/* ---------------------------------------------------------------- what the image asks for */

struct asked {
    struct load_addresses addresses;
    bool has_addresses, has_entry, relocatable;
    uint32_t entry;
};

static bool is_provided(uint32_t type)
{
    static const uint32_t types[] = {INFO_COMMAND_LINE, INFO_LOADER_NAME, INFO_MODULE, INFO_MEMORY,
                                     INFO_MAP,          INFO_RSDP_1,      INFO_RSDP_2, INFO_LOAD_BASE};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i] == type)
            return true;
    return false;
}

static int check_request(const struct loading *l, const uint8_t *tag, uint32_t size, struct error *err)
{
    for (uint32_t i = 8; i + 4 <= size; i += 4)
        if (!is_provided(le32(tag + i)))
            return error_set(
                err,
                "%s: asks for multiboot 2 information of type %u, which is not there: choose another --protocol",
                l->image->name, le32(tag + i));
    return 0;
}

/* A tag of the header; 8 bytes and what `size` says are there. */
static int take_tag(const struct loading *l, const uint8_t *tag, uint32_t size, struct asked *a,
                    struct error *err)
{
    uint16_t type = le16(tag);
    bool optional = le16(tag + 2) & OPTIONAL;
    if (type == TAG_REQUEST)
        return optional ? 0 : check_request(l, tag, size, err);
    if (type == TAG_ADDRESS && size >= 24) {
        a->addresses = (struct load_addresses){le32(tag + 8), le32(tag + 12), le32(tag + 16), le32(tag + 20)};
        a->has_addresses = true;
    } else if (type == TAG_ENTRY && size >= 12) {
        a->entry = le32(tag + 8);
        a->has_entry = true;
    } else if (type == TAG_RELOCATABLE) {
        a->relocatable = true; /* it is loaded where it is linked */
    } else if (type != TAG_CONSOLE && type != TAG_ALIGN && !optional) {
        return error_set(
            err,
            "%s: its multiboot 2 header asks for something that is not supported (tag %u): choose another --protocol",
            l->image->name, type);
    }
    return 0;
}

static int read_header(const struct loading *l, const uint8_t *k, size_t h, struct asked *a,
                       struct error *err)
{
    uint64_t end = h + le32(k + h + 8);
    if (le32(k + h + 4))
        return error_set(err, "%s: its multiboot 2 header is for another processor than i386",
                         l->image->name);
    if (end > l->image->size)
        return error_set(err, "%s: truncated multiboot 2 header", l->image->name);
    for (uint64_t at = h + HEADER; at + 8 <= end && le16(k + at) != TAG_END;) {
        uint32_t size = le32(k + at + 4);
        if (size < 8 || size > end - at)
            return error_set(err, "%s: a tag of its multiboot 2 header goes beyond the header",
                             l->image->name);
        if (take_tag(l, k + at, size, a, err) < 0)
            return -1;
        at += ((uint64_t)size + 7) & ~7ull;
    }
    return 0;
}

/* ---------------------------------------------------------------- what it gets */

/* The information: its size, 0, then tags, each at a multiple of 8. */
struct info {
    uint8_t *bytes;
    size_t n, room;
};

/* Adds a tag with that content, and returns where that is. */
static uint8_t *add_tag(struct info *info, uint32_t type, const void *content, size_t size)
{
    const uint32_t head[2] = {type, (uint32_t)(8 + size)};
    size_t at = info->n, next = (at + 8 + size + 7) & ~(size_t)7;
    info->bytes = mem_grow(info->bytes, &info->room, next, 1);
    memset(info->bytes + at, 0, next - at);
    memcpy(info->bytes + at, head, sizeof head);
    if (size)
        memcpy(info->bytes + at + 8, content, size);
    info->n = next;
    return info->bytes + at + 8;
}

static void add_text(struct info *info, uint32_t type, const char *text)
{
    add_tag(info, type, text, strlen(text) + 1);
}

static void add_module(struct info *info, const struct load_module *m)
{
    const char *text = m->text ? m->text : "";
    size_t n = strlen(text) + 1;
    const uint32_t range[2] = {(uint32_t)m->at, (uint32_t)(m->at + m->size)};
    uint8_t *content = mem_zero(1, sizeof range + n);
    memcpy(content, range, sizeof range);
    memcpy(content + sizeof range, text, n);
    add_tag(info, INFO_MODULE, content, sizeof range + n);
    free(content);
}

static void add_map(struct info *info, const struct loading *l)
{
    uint8_t content[8 + MAP_MAX * MAP_ENTRY] = {MAP_ENTRY}; /* the size of an entry, and version 0 */
    uint32_t memory[2] = {639, 0};
    for (size_t i = 0; i < l->nmap; i++) {
        memcpy(content + 8 + i * MAP_ENTRY, &l->map[i], 20);
        if (l->map[i].type == E820_RAM && l->map[i].address == 0x100000)
            memory[1] = (uint32_t)(l->map[i].length >> 10);
    }
    add_tag(info, INFO_MEMORY, memory, sizeof memory);
    add_tag(info, INFO_MAP, content, 8 + l->nmap * MAP_ENTRY);
}

static void add_rsdp(struct info *info, const struct loading *l)
{
    uint8_t rsdp[RSDP_2_SIZE];
    if (!l->rsdp)
        return;
    physmem_read(board_mem(l->board), l->rsdp, rsdp, sizeof rsdp);
    bool second = rsdp[15] >= 2; /* its revision */
    add_tag(info, second ? INFO_RSDP_2 : INFO_RSDP_1, rsdp, second ? RSDP_2_SIZE : RSDP_1_SIZE);
}

static void add_load_base(struct info *info, const struct asked *a, uint64_t entry)
{
    uint32_t base = a->has_addresses ? a->addresses.load : (uint32_t)entry;
    if (a->relocatable)
        add_tag(info, INFO_LOAD_BASE, &base, sizeof base);
}

static int fill_info(struct loading *l, const struct asked *a, uint64_t start, uint64_t end,
                     struct info *info, struct error *err)
{
    struct load_module list[LOAD_MODULES];
    char line[LOAD_LINE];
    int n = load_modules(l, end, list, err);
    if (n < 0 || load_command_line(l, false, line, err) < 0)
        return -1;
    info->n = 8;
    add_text(info, INFO_COMMAND_LINE, line);
    add_text(info, INFO_LOADER_NAME, "bootreel");
    for (int i = 0; i < n; i++)
        add_module(info, &list[i]);
    add_map(info, l);
    add_rsdp(info, l);
    add_load_base(info, a, start);
    add_tag(info, TAG_END, NULL, 0);
    const uint32_t head[2] = {(uint32_t)info->n, 0};
    memcpy(info->bytes, head, sizeof head);
    return 0;
}

static int enter(struct loading *l, struct info *info, uint64_t entry, struct load_result *r,
                 struct error *err)
{
    uint64_t at = load_place(l, "multiboot information", LOW_PARAMS, info->n, 16, UINT32_MAX, err);
    if (!at)
        return -1;
    physmem_write(board_mem(l->board), at, info->bytes, info->n);
    if (enter_protected(l, entry, err) < 0)
        return -1;
    x86_set(board_cpu(l->board, 0), "rax", BOOT_MAGIC);
    x86_set(board_cpu(l->board, 0), "rbx", at);
    *r = (struct load_result){"multiboot2", entry, at};
    return 1;
}

int load_multiboot2(struct loading *l, uint8_t *k, struct load_result *r, struct error *err)
{
    long h = multiboot2_header(k, l->image->size);
    struct asked a = {0};
    struct info info = {0};
    uint64_t entry = 0, end = 0;
    if (h < 0)
        return error_set(err, "%s: has no multiboot 2 header: choose another --protocol", l->image->name);
    int rc = read_header(l, k, (size_t)h, &a, err);
    if (rc < 0)
        return rc;
    if (a.has_addresses && !a.has_entry)
        return error_set(err, "%s: its multiboot 2 header has addresses, but no entry", l->image->name);
    rc = a.has_addresses ? load_at_addresses(l, k, (size_t)h, &a.addresses, &end, err)
                         : load_elf(l, k, &entry, &end, err);
    if (a.has_entry)
        entry = a.entry;
    rc = rc < 0 || fill_info(l, &a, entry, end, &info, err) < 0 ? -1 : enter(l, &info, entry, r, err);
    free(info.bytes);
    return rc;
}

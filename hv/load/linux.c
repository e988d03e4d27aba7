/* linux.c - the Linux/x86 boot protocol (Documentation/x86/boot.rst, through 2.15): 64-bit entry, or 32-bit
 * for kernels that have none, or the real-mode entry of old kernels, which must find out about the machine themselves. */
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "hv/load/internal.h"

/* Offsets in the setup header and in boot_params ("zero page"). */
enum header {
    H_OLD_LINE_MAGIC = 0x020, /* before 2.02: says that the next field is valid */
    H_OLD_LINE = 0x022,       /* where the command line is */
    H_SETUP_SECTS = 0x1f1,
    H_SYSSIZE = 0x1f4,
    H_VID_MODE = 0x1fa,
    H_BOOT_FLAG = 0x1fe,
    H_JUMP = 0x201,
    H_VERSION = 0x206,
    H_TYPE_OF_LOADER = 0x210,
    H_LOADFLAGS = 0x211,
    H_SETUP_MOVE_SIZE = 0x212,
    H_CODE32_START = 0x214,
    H_RAMDISK_IMAGE = 0x218,
    H_RAMDISK_SIZE = 0x21c,
    H_HEAP_END_PTR = 0x224,
    H_CMD_LINE_PTR = 0x228,
    H_INITRD_ADDR_MAX = 0x22c,
    H_RELOCATABLE = 0x234,
    H_XLOADFLAGS = 0x236,
    H_CMDLINE_SIZE = 0x238,
    H_PREF_ADDRESS = 0x258,
    H_INIT_SIZE = 0x260,
    P_RSDP = 0x070,
    P_ALT_MEM_K = 0x1e0,
    P_E820_ENTRIES = 0x1e8,
    P_HEADER_END = 0x290, /* there is no room for more of the setup header */
    P_E820_TABLE = 0x2d0,
    P_SIZE = 0x1000,
    LOADED_HIGH = 1,
    CAN_USE_HEAP = 0x80,
    XLF_KERNEL_64 = 1,
    ENTRY_64 = 0x200,
    OLD_LINE_MAGIC = 0xa33f,
};

/* Where boot loaders put what old kernels find in low memory. Until Linux 2.6.20 (2.05) a kernel unpacks itself to all
 * that is below REAL_MODE; one that is not "loaded high" is itself at ZIMAGE. */
enum {
    ZIMAGE = 0x10000,
    REAL_MODE = 0x90000,
    REAL_SECTORS = 64, /* of the real-mode part at most */
    REAL_ENTRY = 0x20, /* a segment, after that of REAL_MODE */
    HEAP_END_HIGH = 0xe000,
    HEAP_END_LOW = 0x9800,
    LOW_CLEAR = 0x205, /* from this version on, kernels leave low memory alone */
};

/* The contents of the header, with defaults for older versions. */
struct setup {
    unsigned version;                /* 0 before there were any */
    bool high;                       /* the protected-mode part is loaded at 1 MiB or above */
    bool real;                       /* entered in real mode */
    uint32_t code_offset, code_size; /* the protected-mode part, in the file */
    /* where it is loaded; the memory it needs there until it has its own memory map */
    uint64_t load, run_size;
    uint32_t initrd_max, cmdline_max;
    bool long_entry;
};

static uint32_t code_offset(const uint8_t *k)
{
    return (uint32_t)((k[H_SETUP_SECTS] ? k[H_SETUP_SECTS] : 4) + 1) * 512;
}

static bool has_header(const struct image *im, const uint8_t *k)
{
    return im->size >= 0x300 && !memcmp(k + H_JUMP + 1, "HdrS", 4);
}

/* Before 2.00 an image has a boot sector, which says how much real-mode code follows, and how much of the rest. */
bool linux_has_setup(const struct image *im, uint8_t *k)
{
    if (has_header(im, k))
        return true;
    if (im->size < 0x300 || le16(k + H_BOOT_FLAG) != 0xaa55 || k[H_SETUP_SECTS] > REAL_SECTORS ||
        im->size <= code_offset(k))
        return false;
    uint64_t said = (uint64_t)le16(k + H_SYSSIZE) * 16, is = im->size - code_offset(k);
    return said && said < is + 16 && is < said + 512;
}

static int truncated(const struct image *im, uint64_t begins, struct error *err)
{
    return error_set(err, "%s: truncated: %llu bytes, but the kernel proper begins at %llu: fetch it again",
                     im->name, (unsigned long long)im->size, (unsigned long long)begins);
}

/* Where it is loaded, and the memory that it takes. */
static int read_place(const uint8_t *k, const struct image *im, struct setup *s, struct error *err)
{
    s->load = !s->high                                  ? ZIMAGE
              : s->version >= 0x20a && k[H_RELOCATABLE] ? le64(k + H_PREF_ADDRESS)
                                                        : 0x100000;
    if (s->high && (s->load < 0x100000 || s->load > UINT32_MAX))
        return error_set(
            err, "%s: its header says that it is loaded at %#llx: the image is damaged, fetch it again",
            im->name, (unsigned long long)s->load);
    if (!s->high && s->code_size > REAL_MODE - ZIMAGE)
        return error_set(
            err, "%s: a kernel that is loaded low (zImage) has at most %u bytes, this one %u: fetch it again",
            im->name, REAL_MODE - ZIMAGE, s->code_size);
    s->run_size = s->version >= 0x20a ? le32(k + H_INIT_SIZE) : s->code_size;
    if (s->run_size < s->code_size)
        s->run_size = s->code_size;
    return 0;
}

/* Whether the image is entered in real mode: also one that has no address of an entry in protected mode, since the header's is that of its
 * own real-mode code (iPXE, MEMDISK). */
static bool enters_real_mode(const struct loading *l, const uint8_t *k, const struct setup *s)
{
    if (s->version < 0x202 || !s->high)
        return true;
    return !le32(k + H_CODE32_START) && board_behaves(l->board, 15);
}

static int read_setup(const struct loading *l, const uint8_t *k, struct setup *s, struct error *err)
{
    const struct image *im = l->image;
    s->version = has_header(im, k) ? le16(k + H_VERSION) : 0;
    s->high = s->version >= 0x200 && k[H_LOADFLAGS] & LOADED_HIGH;
    s->real = enters_real_mode(l, k, s);
    s->code_offset = code_offset(k);
    if (im->size <= s->code_offset)
        return truncated(im, s->code_offset, err);
    s->code_size = (uint32_t)(im->size - s->code_offset);
    /* In units of 16 bytes, rounded up. */
    if (s->version >= 0x204 && le32(k + H_SYSSIZE) > ((uint64_t)s->code_size + 15) / 16)
        return error_set(
            err, "%s: truncated: its header says %llu bytes of kernel, the file has %u: fetch it again",
            im->name, (unsigned long long)le32(k + H_SYSSIZE) * 16, s->code_size);
    s->initrd_max = s->version >= 0x203 ? le32(k + H_INITRD_ADDR_MAX) : 0x37ffffff;
    s->cmdline_max = s->version >= 0x206 ? le32(k + H_CMDLINE_SIZE) : 255;
    s->long_entry = s->version >= 0x20c && le16(k + H_XLOADFLAGS) & XLF_KERNEL_64;
    return read_place(k, im, s, err);
}

/* The end of the RAM range that contains 1 MiB. */
static uint64_t low_memory(const struct loading *l)
{
    const struct e820_entry *map = l->map;
    uint64_t top = 0;
    for (size_t i = 0; i < l->nmap; i++)
        if (map[i].type == E820_RAM && map[i].address <= 0x100000 && map[i].address + map[i].length > top &&
            map[i].address + map[i].length <= 1ull << 32)
            top = map[i].address + map[i].length;
    return top;
}

static int place_initrd(struct loading *l, const struct image *im, const struct setup *s, uint8_t *params,
                        struct error *err)
{
    uint64_t top = low_memory(l), end = s->load + s->run_size;
    if (!im)
        return 0;
    if (top > (uint64_t)s->initrd_max + 1)
        top = (uint64_t)s->initrd_max + 1;
    uint64_t at = im->size < top ? (top - im->size) & ~0xfffull : 0;
    if (at < end)
        return error_set(
            err,
            "%s: %llu bytes of initrd do not fit between the kernel's %llu MiB and the end of memory: more --memory",
            im->name, (unsigned long long)im->size, (unsigned long long)(end >> 20));
    uint8_t *bytes = image_load(im, err);
    if (!bytes)
        return -1;
    physmem_write(board_mem(l->board), at, bytes, im->size);
    free(bytes);
    load_take(l, at, im->size);
    put_le32(params + H_RAMDISK_IMAGE, (uint32_t)at);
    put_le32(params + H_RAMDISK_SIZE, (uint32_t)im->size);
    return 0;
}

static int check_command_line(const char *text, const struct setup *s, struct error *err)
{
    size_t n = strlen(text);
    if (n <= s->cmdline_max && n < LOW_COMMAND_LINE_MAX)
        return 0;
    return error_set(err, "--append: %zu characters, but this kernel takes %u: shorten it", n,
                     s->cmdline_max);
}

static int place_command_line(struct loading *l, const char *text, const struct setup *s, uint8_t *params,
                              struct error *err)
{
    size_t n = strlen(text);
    if (check_command_line(text, s, err) < 0)
        return -1;
    uint64_t at = load_place(l, "command line", LOW_COMMAND_LINE, n + 1, 16, UINT32_MAX, err);
    if (!at)
        return -1;
    physmem_write(board_mem(l->board), at, text, n + 1);
    put_le32(params + H_CMD_LINE_PTR, (uint32_t)at);
    return 0;
}

static void fill_memory_map(const struct loading *l, uint8_t *params)
{
    uint64_t top = low_memory(l);
    params[P_E820_ENTRIES] = (uint8_t)l->nmap;
    memcpy(params + P_E820_TABLE, l->map, l->nmap * sizeof l->map[0]);
    put_le32(params + P_ALT_MEM_K, top > 0x100000 ? (uint32_t)((top - 0x100000) >> 10) : 0);
}

/* struct screen_info: the 80x25 colour text mode that board_direct_setup() leaves. */
static void fill_screen(uint8_t *params)
{
    params[0x06] = 3;  /* orig_video_mode */
    params[0x07] = 80; /* columns */
    params[0x0e] = 25; /* lines */
    params[0x0f] = 1;  /* isVGA */
    params[0x10] = 16; /* points */
}

/* ---------------------------------------------------------------- the real-mode entry */

/* What boot.rst says a loader fills in, by the version that introduced it. */
static void fill_real(uint8_t *k, const struct setup *s, uint32_t heap_end)
{
    put_le16(k + H_VID_MODE, 0xffff);
    if (s->version < 0x202) {
        put_le16(k + H_OLD_LINE_MAGIC, OLD_LINE_MAGIC);
        put_le16(k + H_OLD_LINE, heap_end);
    } else {
        put_le32(k + H_CMD_LINE_PTR, REAL_MODE + heap_end);
    }
    if (s->version >= 0x200) {
        k[H_TYPE_OF_LOADER] = 0xff;
        if (s->version < 0x202)
            put_le16(k + H_SETUP_MOVE_SIZE, heap_end + s->cmdline_max + 1);
    }
    if (s->version >= 0x201) {
        k[H_LOADFLAGS] |= CAN_USE_HEAP;
        put_le16(k + H_HEAP_END_PTR, heap_end - 0x200);
    }
}

static void enter_real_mode(struct loading *l, uint32_t heap_end)
{
    static const char *const data[] = {"ds", "es", "fs", "gs", "ss"};
    struct x86 *cpu = board_cpu(l->board, 0);
    for (unsigned i = 0; i < 5; i++)
        x86_set_segment(cpu, data[i], REAL_MODE >> 4, REAL_MODE, 0xffff, 0x93);
    x86_set_segment(cpu, "cs", (REAL_MODE >> 4) + REAL_ENTRY, REAL_MODE + REAL_ENTRY * 16, 0xffff, 0x9b);
    x86_set(cpu, "rsp", heap_end);
    x86_set(cpu, "eflags", 2);
    x86_set(cpu, "rip", 0);
}

/* The part that runs in real mode is put to 90000h and entered there; it asks the BIOS about the machine, and goes on to
 * the rest. `k` is changed. */
static int load_real(struct loading *l, uint8_t *k, const struct setup *s, struct load_result *r,
                     struct error *err)
{
    const struct image *im = l->image;
    const char *append = config_get(l->cfg, "append");
    uint32_t heap_end = s->high ? HEAP_END_HIGH : HEAP_END_LOW;
    append = append ? append : "";
    if (!config_image(l->cfg, "bios"))
        return error_set(err, "%s: this kernel (%s) asks the BIOS about the machine: give it a --bios",
                         im->name,
                         !s->high             ? "a zImage"
                         : s->version < 0x202 ? "boot protocol before 2.02"
                                              : "entered in real mode");
    if (s->version < 0x200 && config_image(l->cfg, "initrd"))
        return error_set(
            err, "--initrd: %s has a boot protocol before 2.00, which has no initrd: leave it out", im->name);
    if (s->code_offset > (REAL_SECTORS + 1) * 512)
        return error_set(
            err, "%s: %u bytes of real-mode code, where 33280 fit: the image is damaged, fetch it again",
            im->name, s->code_offset);
    if (check_command_line(append, s, err) < 0)
        return -1;
    if (!load_in_ram(l, REAL_MODE, heap_end + s->cmdline_max + 1) || !load_in_ram(l, s->load, s->code_size))
        return error_set(
            err, "%s: its place is not free memory: the kernel at %#llx, the rest from %#x on: more --memory",
            im->name, (unsigned long long)s->load, REAL_MODE);
    load_take(l, 0, 0x100000);
    load_take(l, s->load, s->run_size);
    fill_real(k, s, heap_end);
    if (place_initrd(l, config_image(l->cfg, "initrd"), s, k, err) < 0)
        return -1;
    physmem_write(board_mem(l->board), REAL_MODE, k, s->code_offset);
    physmem_write(board_mem(l->board), REAL_MODE + heap_end, append, strlen(append) + 1);
    physmem_write(board_mem(l->board), s->load, k + s->code_offset, s->code_size);
    enter_real_mode(l, heap_end);
    *r = (struct load_result){"linux 16-bit", REAL_MODE + REAL_ENTRY * 16, REAL_MODE};
    return 1;
}

int load_linux(struct loading *l, uint8_t *k, struct load_result *r, struct error *err)
{
    struct physmem *m = board_mem(l->board);
    struct setup s = {0};
    uint8_t params[P_SIZE] = {0};
    const char *append = config_get(l->cfg, "append");
    if (read_setup(l, k, &s, err) < 0)
        return -1;
    if (s.real)
        return load_real(l, k, &s, r, err);
    if (s.load + s.run_size > low_memory(l))
        return error_set(
            err, "%s: the kernel needs memory up to %llu MiB, the machine has %llu for it: more --memory",
            l->image->name, (unsigned long long)((s.load + s.run_size + 0xfffff) >> 20),
            (unsigned long long)(low_memory(l) >> 20));
    load_take(l, s.load, s.run_size);
    if (s.version < LOW_CLEAR)
        load_take(l, 0, REAL_MODE); /* so that what follows is placed above */
    unsigned header_end = 0x202u + k[H_JUMP];
    memcpy(params + H_SETUP_SECTS, k + H_SETUP_SECTS,
           (header_end < P_HEADER_END ? header_end : P_HEADER_END) - H_SETUP_SECTS);
    if (place_initrd(l, config_image(l->cfg, "initrd"), &s, params, err) < 0 ||
        place_command_line(l, append ? append : "", &s, params, err) < 0)
        return -1;
    uint64_t at = load_place(l, "boot parameters", LOW_PARAMS, P_SIZE, PAGE_SIZE_4K, UINT32_MAX, err);
    if (!at)
        return -1;
    fill_screen(params);
    fill_memory_map(l, params);
    params[H_TYPE_OF_LOADER] = 0xff;
    params[H_LOADFLAGS] |= CAN_USE_HEAP;
    params[H_HEAP_END_PTR] = 0x00, params[H_HEAP_END_PTR + 1] = 0xfe;
    params[H_VID_MODE] = params[H_VID_MODE + 1] = 0xff;
    put_le32(params + H_CODE32_START, (uint32_t)s.load);
    if (s.version >= 0x20e)
        put_le64(params + P_RSDP, l->rsdp);
    physmem_write(m, at, params, sizeof params);
    physmem_write(m, s.load, k + s.code_offset, s.code_size);
    uint64_t entry = s.load + (s.long_entry ? ENTRY_64 : 0);
    if ((s.long_entry ? enter_long(l, entry, err) : enter_protected(l, entry, err)) < 0)
        return -1;
    x86_set(board_cpu(l->board, 0), "rsi", at);
    *r = (struct load_result){s.long_entry ? "linux 64-bit" : "linux 32-bit", entry, at};
    return 1;
}

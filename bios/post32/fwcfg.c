/* fwcfg.c - QEMU's firmware configuration device.
 *
 * Source: QEMU's docs/specs/fw_cfg: selector 510h, data 511h, DMA at 514h; directory and DMA descriptor are
 * big-endian.
 */
#include "bios/post32/post32.h"

enum {
    PORT_SELECT = 0x510,
    PORT_DATA = 0x511,
    PORT_DMA_LOW = 0x518,
    KEY_SIGNATURE = 0x00,
    KEY_ID = 0x01,
    KEY_DIRECTORY = 0x19,
    ID_DMA = 2,
    DMA_ERROR = 1,
    DMA_READ = 2,
    DMA_SKIP = 4,
    DMA_SELECT = 8,
};

static bool present, has_dma;
static u32 files;

struct dma {
    u32 control, length;
    u32 address_high, address_low;
} PACKED;

static u32 swap32(u32 v)
{
    return __builtin_bswap32(v);
}

static void select(u16 key)
{
    outw(PORT_SELECT, key);
}

static void read_bytes(void *to, u32 n)
{
    asm volatile("rep insb" : "+D"(to), "+c"(n) : "d"((u16)PORT_DATA) : "memory");
}

static void dma(u32 control, void *to, u32 n)
{
    volatile struct dma d = {swap32(control), swap32(n), 0, swap32((u32)to)};
    outl(PORT_DMA_LOW, swap32((u32)&d));
    while (swap32(d.control) & ~DMA_ERROR)
        ;
}

static void read_item(u16 key, u32 offset, void *to, u32 n)
{
    u8 skipped;
    if (has_dma) {
        dma((u32)key << 16 | DMA_SELECT | DMA_SKIP, NULL, offset);
        dma(DMA_READ, to, n);
        return;
    }
    select(key);
    while (offset--)
        read_bytes(&skipped, 1);
    read_bytes(to, n);
}

void fwcfg_init(void)
{
    char signature[4];
    u32 id = 0, count = 0;
    select(KEY_SIGNATURE);
    read_bytes(signature, 4);
    present = !memcmp(signature, "QEMU", 4);
    if (!present)
        return;
    select(KEY_ID);
    read_bytes(&id, 4);
    has_dma = id & ID_DMA;
    read_item(KEY_DIRECTORY, 0, &count, 4);
    files = swap32(count);
    log("fw_cfg: %u files%s\n", files, has_dma ? ", DMA" : "");
}

bool fwcfg_present(void)
{
    return present;
}

u32 fwcfg_number(u16 key, unsigned width, u32 otherwise)
{
    u32 value = 0;
    if (!present)
        return otherwise;
    read_item(key, 0, &value, width);
    return value;
}

static bool begins(const char *name, const char *prefix)
{
    while (*prefix && *name == *prefix) {
        name++;
        prefix++;
    }
    return !*prefix;
}

bool fwcfg_next(const char *prefix, u32 *index, struct fwcfg_file *file)
{
    for (; *index < files; (*index)++) {
        read_item(KEY_DIRECTORY, 4 + *index * 64, file, 4);
        read_item(KEY_DIRECTORY, 4 + *index * 64 + 4, &file->key, 2);
        read_item(KEY_DIRECTORY, 4 + *index * 64 + 8, file->name, 56);
        file->size = swap32(file->size);
        file->key = (u16)(file->key << 8 | file->key >> 8);
        file->name[55] = 0;
        if (!begins(file->name, prefix))
            continue;
        (*index)++;
        return true;
    }
    return false;
}

bool fwcfg_find(const char *name, struct fwcfg_file *file)
{
    u32 index = 0;
    while (fwcfg_next(name, &index, file)) {
        u32 n = 0;
        while (name[n] && name[n] == file->name[n])
            n++;
        if (name[n] == file->name[n])
            return true;
    }
    return false;
}

void fwcfg_read(const struct fwcfg_file *file, u32 offset, void *to, u32 size)
{
    read_item(file->key, offset, to, size);
}

u32 fwcfg_file_number(const char *name, u32 otherwise)
{
    struct fwcfg_file file;
    u32 value = 0;
    if (!fwcfg_find(name, &file))
        return otherwise;
    fwcfg_read(&file, 0, &value, file.size < 4 ? file.size : 4);
    return value;
}

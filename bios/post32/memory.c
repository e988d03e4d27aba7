/* memory.c - shadow RAM, how much memory there is, and the memory map.
 *
 * Sources: Intel 440FX datasheet, 3.2.18 (PAM registers 59h-5Fh); 3 Series Express Chipset datasheet, 5.1.22 (90h-96h); the CMOS
 * bytes 30h-35h and 5Bh-5Dh as QEMU fills them; QEMU's fw_cfg file etc/e820; ACPI 3.0, 14.1 (INT 15h E820h).
 */
#include "bios/post32/post32.h"

extern char in_shadow_ram[], bss_start[], bss_end[], tables_start[], tables_end[];

enum { PAM0 = 0x59, PAM0_Q35 = 0x90, PAM_READ_WRITE = 3, SYSTEM_AREA = 0x100000, EBDA_START = 0x9fc00 };

static u32 high_top, bios_next, data_next;

/* ---------------------------------------------------------------- memory's own functions, which the compiler
 * may call */

void *memcpy(void *to, const void *from, size_t n)
{
    void *at = to;
    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    void *at = to;
    asm volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *p = a, *q = b;
    for (; n; n--, p++, q++)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

/* ---------------------------------------------------------------- shadow RAM */

/* DRAM, readable and writable, from C0000h to FFFFFh. */
void shadow_on(void)
{
    unsigned first = is_q35() ? PAM0_Q35 : PAM0;
    pci_write8(0, first, PAM_READ_WRITE << 4);
    for (unsigned reg = first + 1; reg < first + 7; reg++)
        pci_write8(0, reg, PAM_READ_WRITE << 4 | PAM_READ_WRITE);
}

static void copy32(u32 to, u32 from, u32 bytes)
{
    u32 n = bytes / 4;
    asm volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static void clear32(u32 to, u32 bytes)
{
    u32 n = bytes / 4;
    asm volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

/* The services go to where they run; their variables begin as zeroes. The 32-bit POST stays in the ROM; its
 * variables, too, begin as zeroes. */
void shadow_copy(void)
{
    u32 bss = (u32)bss_start + DATA_LINEAR, end = (u32)bss_end + DATA_LINEAR;
    copy32(DATA_LINEAR, ROM_LINEAR + (DATA_LINEAR - 0xe0000), bss - DATA_LINEAR);
    copy32(CODE_LINEAR, ROM_LINEAR + 0x10000, 0x10000);
    *((u8 *)in_shadow_ram + CODE_LINEAR) = 1;
    clear32(bss, (end - bss + 3) & ~3u);
    clear32(POST_MEMORY, POST_ROOM);
    bios_next = (u32)tables_start + CODE_LINEAR;
    data_next = end;
}

/* ---------------------------------------------------------------- the map */

static struct e820_entry *map(unsigned i)
{
    return &SHARED.e820[i];
}

static u64 end_of(const struct e820_entry *e)
{
    return e->base + e->length;
}

static void remove(unsigned i)
{
    SHARED.e820_count--;
    for (; i < SHARED.e820_count; i++)
        *map(i) = *map(i + 1);
}

static void insert(unsigned i, u64 start, u64 end, u32 type)
{
    if (SHARED.e820_count == E820_MAX)
        return;
    for (unsigned k = SHARED.e820_count++; k > i; k--)
        *map(k) = *map(k - 1);
    *map(i) = (struct e820_entry){start, end - start, type};
}

/* Cuts [start, end) out of the map. */
static void cut(u64 start, u64 end)
{
    for (unsigned i = 0; i < SHARED.e820_count; i++) {
        struct e820_entry e = *map(i);
        if (end_of(&e) <= start || e.base >= end)
            continue;
        remove(i);
        if (end_of(&e) > end)
            insert(i, end, end_of(&e), e.type);
        if (e.base < start)
            insert(i, e.base, start, e.type);
    }
}

/* Kept sorted, without overlap, equal neighbours merged. The last call wins. Type 0 removes. */
void e820_set(u64 start, u64 end, u32 type)
{
    unsigned i = 0;
    if (start >= end)
        return;
    cut(start, end);
    if (!type)
        return;
    while (i < SHARED.e820_count && map(i)->base < start)
        i++;
    insert(i, start, end, type);
    if (i + 1 < SHARED.e820_count && map(i + 1)->base == end && map(i + 1)->type == type) {
        map(i)->length += map(i + 1)->length;
        remove(i + 1);
    }
    if (i && end_of(map(i - 1)) == start && map(i - 1)->type == type) {
        map(i - 1)->length += map(i)->length;
        remove(i);
    }
}

/* ---------------------------------------------------------------- how much there is */

static u32 cmos16(u8 index)
{
    return cmos_read(index) | cmos_read(index + 1) << 8;
}

static void size_from_cmos(void)
{
    u32 above16m = cmos16(0x34) << 16;
    SHARED.memory_low = above16m ? above16m + (16 << 20) : (cmos16(0x30) << 10) + (1 << 20);
    SHARED.memory_high_64k = cmos16(0x5b) | cmos_read(0x5d) << 16;
}

/* The machine's own list: RAM, and what it has reserved. */
static void map_from_fwcfg(void)
{
    struct fwcfg_file file;
    struct e820_entry e;
    if (!fwcfg_find("etc/e820", &file))
        return;
    for (u32 at = 0; at + sizeof e <= file.size; at += sizeof e) {
        fwcfg_read(&file, at, &e, sizeof e);
        log("fw_cfg e820: %08llx length %08llx type %u\n", e.base, e.length, e.type);
        if (e.type != E820_RAM) {
            e820_set(e.base, end_of(&e), e.type);
            continue;
        }
        e820_set(e.base, end_of(&e), E820_RAM);
        if (end_of(&e) <= 0xffffffffu && end_of(&e) > SHARED.memory_low)
            SHARED.memory_low = (u32)end_of(&e);
        else if (e.base >= 0x100000000ull)
            SHARED.memory_high_64k = (u32)((end_of(&e) - 0x100000000ull) >> 16);
    }
}

void memory_size(void)
{
    size_from_cmos();
    e820_set(0, SHARED.memory_low, E820_RAM);
    e820_set(0x100000000ull, 0x100000000ull + ((u64)SHARED.memory_high_64k << 16), E820_RAM);
    map_from_fwcfg();
    high_top = SHARED.memory_low;
    log("memory: %u MiB below 4 GiB, %u MiB above\n", SHARED.memory_low >> 20, SHARED.memory_high_64k >> 4);
}

/* ---------------------------------------------------------------- room for tables */

/* With 1 MiB of RAM or less there is none above it. */
void *high_alloc(u32 size, u32 align)
{
    u32 at = (high_top - size) & ~(align - 1);
    if (size > high_top || at < SYSTEM_AREA + 0x10000)
        return NULL;
    high_top = at;
    memset((void *)at, 0, size);
    return (void *)at;
}

static void *alloc(u32 *next, u32 end, u32 size, u32 align)
{
    u32 at = (*next + align - 1) & ~(align - 1);
    if (at + size > end)
        return NULL;
    *next = at + size;
    memset((void *)at, 0, size);
    return (void *)at;
}

void *bios_alloc(u32 size, u32 align)
{
    return alloc(&bios_next, (u32)tables_end + CODE_LINEAR, size, align);
}

void *data_alloc(u32 size, u32 align)
{
    void *at = alloc(&data_next, CODE_LINEAR, size, align);
    return at ? at : high_alloc(size, align);
}

/* Reserved: the extended BIOS data area, ROMs, tables, the flash ROM. */
void memory_finish(void)
{
    e820_set(EBDA_START, 0xa0000, E820_RESERVED);
    e820_set(0xa0000, SYSTEM_AREA, 0);
    e820_set(RESUME_ROOM, SYSTEM_AREA, E820_RESERVED);
    SHARED.memory_usable = high_top & ~0xfffu;
    e820_set(SHARED.memory_usable, SHARED.memory_low, E820_RESERVED);
    e820_set(0xfffc0000, 0x100000000ull, E820_RESERVED);
    for (unsigned i = 0; i < SHARED.e820_count; i++)
        log("e820 %u: %09llx-%09llx type %u\n", i, map(i)->base, end_of(map(i)), map(i)->type);
}

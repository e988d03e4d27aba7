/* kernel_head.c - see kernel_head.h. */
#include "core/story/kernel_head.h"

#include <elf.h>
#include <string.h>

#include "base/byte_order.h"

enum { MAGIC_1 = 0x1badb002, MAGIC_2 = 0xe85250d6 };

bool kernel_head_has(const struct kernel_entries *e, uint64_t address)
{
    for (unsigned i = 0; i < e->n; i++)
        if (e->address[i] == address)
            return true;
    return false;
}

static void add(struct kernel_entries *e, uint64_t address)
{
    if (e->n < KERNEL_ENTRIES && !kernel_head_has(e, address))
        e->address[e->n++] = address;
}

/* ---------------------------------------------------------------- the ELF header */

static void add_32(const uint8_t *file, size_t n, struct kernel_entries *e)
{
    Elf32_Ehdr h;
    Elf32_Phdr p;
    memcpy(&h, file, sizeof h);
    add(e, h.e_entry);
    for (unsigned i = 0; i < h.e_phnum && h.e_phoff + (i + (uint64_t)1) * sizeof p <= n; i++) {
        memcpy(&p, file + h.e_phoff + i * sizeof p, sizeof p);
        if (p.p_type == PT_LOAD && h.e_entry - p.p_vaddr < p.p_memsz)
            add(e, (uint32_t)(h.e_entry - p.p_vaddr + p.p_paddr));
    }
}

static void add_64(const uint8_t *file, size_t n, struct kernel_entries *e)
{
    Elf64_Ehdr h;
    Elf64_Phdr p;
    memcpy(&h, file, sizeof h);
    add(e, h.e_entry);
    for (unsigned i = 0; i < h.e_phnum && h.e_phoff <= n && h.e_phoff + (i + (uint64_t)1) * sizeof p <= n;
         i++) {
        memcpy(&p, file + h.e_phoff + i * sizeof p, sizeof p);
        if (p.p_type == PT_LOAD && h.e_entry - p.p_vaddr < p.p_memsz)
            add(e, h.e_entry - p.p_vaddr + p.p_paddr);
    }
}

/* ---------------------------------------------------------------- the multiboot header */

/* Its last field is the entry, if it says where it is loaded. */
static bool header_1(const uint8_t *p, size_t n, struct kernel_entries *e)
{
    enum { ADDRESSES = 1 << 16, ENTRY = 28, SIZE = 32 };
    if (le32(p) != MAGIC_1 || n < 12 || (uint32_t)(le32(p) + le32(p + 4) + le32(p + 8)))
        return false;
    if (le32(p + 4) & ADDRESSES && n >= SIZE)
        add(e, le32(p + ENTRY));
    return true;
}

static bool header_2(const uint8_t *p, size_t n, struct kernel_entries *e)
{
    enum { HEAD = 16, END = 0, ENTRY = 3, ENTRY_EFI32 = 8, ENTRY_EFI64 = 9 };
    if (le32(p) != MAGIC_2 || n < HEAD || (uint32_t)(le32(p) + le32(p + 4) + le32(p + 8) + le32(p + 12)))
        return false;
    const uint32_t length = le32(p + 8) < n ? le32(p + 8) : (uint32_t)n;
    for (uint32_t at = HEAD, size; at + 12 <= length && le16(p + at) != END; at += (size + 7) & ~7u) {
        const uint32_t type = le16(p + at);
        size = le32(p + at + 4);
        if (size < 8 || size > length - at)
            break;
        if (size >= 12 && (type == ENTRY || type == ENTRY_EFI32 || type == ENTRY_EFI64))
            add(e, le32(p + at + 8));
    }
    return true;
}

bool kernel_head_entries(const uint8_t *file, size_t n, struct kernel_entries *e)
{
    *e = (struct kernel_entries){.n = 0};
    if (n < sizeof(Elf64_Ehdr) || memcmp(file, ELFMAG, SELFMAG))
        return false;
    (file[EI_CLASS] == ELFCLASS64 ? add_64 : add_32)(file, n, e);
    for (size_t i = 0; i + 12 <= n && i < KERNEL_HEAD; i += 4)
        e->multiboot |= header_1(file + i, n - i, e) || header_2(file + i, n - i, e);
    return true;
}

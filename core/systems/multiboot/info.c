/* info.c - what a multiboot loader passes: command line, modules, the sections of the kernel's ELF file. See impl.h.
 *
 * Multiboot Specification 0.6.96, 3.3; Multiboot2 Specification 2.0, 3.4 to 3.6; Xen's public/arch-x86/hvm/start_info.h.
 */
#include <elf.h>
#include <stdlib.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/systems/multiboot/private/impl.h"

enum { TEXT_MAX = 4000, SECTIONS_MAX = 4096, SYMBOLS_MAX = 64 << 20 };

static bool physical(const struct mb_guest *mg, uint64_t address, void *buf, size_t n)
{
    memset(buf, 0, n);
    return base_peek_physical(&mg->base, address, buf, n) == n;
}

/* A text that ends with NUL, or at the end of memory. */
static void physical_text(const struct mb_guest *mg, uint64_t address, char *text, size_t size)
{
    memset(text, 0, size);
    base_peek_physical(&mg->base, address, text, size - 1);
}

/* ---------------------------------------------------------------- command line and modules */

static void command_line(struct mb_guest *mg, const char *line, uint64_t at)
{
    if (line[0])
        GUEST_EMIT(mg, EV_COMMAND_LINE, line, at);
}

static void module(struct mb_guest *mg, unsigned number, uint32_t begin, uint32_t end, const char *text)
{
    GUEST_EMIT(mg, EV_LOADER_MODULE, text, number, end - begin, begin);
}

/* ---------------------------------------------------------------- symbols */

/* What is collected into an ELF file: header, section headers, then the parts that are in memory. */
struct collected {
    uint8_t *bytes;
    size_t n;
};

static uint64_t append(struct collected *c, size_t n)
{
    const size_t at = (c->n + 15) & ~(size_t)15;
    c->bytes = mem_resize(c->bytes, at + n);
    memset(c->bytes + c->n, 0, at + n - c->n);
    c->n = at + n;
    return at;
}

/* Both forms of a section header, so that each is read and written once. */
static Elf64_Shdr section_from(const uint8_t *p, bool wide)
{
    Elf64_Shdr s;
    Elf32_Shdr n;
    memcpy(wide ? (void *)&s : (void *)&n, p, wide ? sizeof s : sizeof n);
    if (!wide)
        s = (Elf64_Shdr){n.sh_name, n.sh_type, n.sh_flags, n.sh_addr,      n.sh_offset,
                         n.sh_size, n.sh_link, n.sh_info,  n.sh_addralign, n.sh_entsize};
    return s;
}

static void section_to(uint8_t *p, const Elf64_Shdr *s, bool wide)
{
    const Elf32_Shdr n = {s->sh_name,
                          s->sh_type,
                          (Elf32_Word)s->sh_flags,
                          (Elf32_Addr)s->sh_addr,
                          (Elf32_Off)s->sh_offset,
                          (Elf32_Word)s->sh_size,
                          s->sh_link,
                          s->sh_info,
                          (Elf32_Word)s->sh_addralign,
                          (Elf32_Word)s->sh_entsize};
    memcpy(p, wide ? (const void *)s : (const void *)&n, wide ? sizeof *s : sizeof n);
}

static void header_to(uint8_t *p, unsigned count, unsigned names, bool wide)
{
    const Elf64_Ehdr w = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof w,
        .e_ehsize = sizeof w,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = (Elf64_Half)count,
        .e_shstrndx = (Elf64_Half)names};
    const Elf32_Ehdr n = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_386,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof n,
        .e_ehsize = sizeof n,
        .e_shentsize = sizeof(Elf32_Shdr),
        .e_shnum = (Elf32_Half)count,
        .e_shstrndx = (Elf32_Half)names};
    memcpy(p, wide ? (const void *)&w : (const void *)&n, wide ? sizeof w : sizeof n);
}

static bool is_kept(const Elf64_Shdr *s)
{
    return (s->sh_type == SHT_SYMTAB || s->sh_type == SHT_STRTAB) && s->sh_addr && s->sh_size &&
           s->sh_size <= SYMBOLS_MAX;
}

/* Adds the content of one section to the file. What else the kernel has stays out: symbols are all that is wanted. */
static void add_section(const struct mb_guest *mg, struct collected *c, Elf64_Shdr *s)
{
    if (is_kept(s) && c->n + s->sh_size <= SYMBOLS_MAX) {
        const uint64_t at = append(c, s->sh_size);
        if (!physical(mg, s->sh_addr, c->bytes + at, s->sh_size))
            s->sh_type = SHT_NULL;
        s->sh_offset = at;
    } else if (s->sh_type != SHT_NULL) {
        s->sh_type = SHT_NOBITS;
        s->sh_offset = 0;
    }
}

/* The symbols that the loader has put into memory, with the section headers, whose addresses say where. */
static const struct symbol_table *symbols(struct mb_guest *mg, const uint8_t *headers, uint32_t count,
                                          uint32_t size, uint32_t names)
{
    const bool wide = size == sizeof(Elf64_Shdr);
    if ((!wide && size != sizeof(Elf32_Shdr)) || !count || count > SECTIONS_MAX)
        return NULL;
    const size_t header = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    struct collected c = {NULL, 0};
    bool any = false;
    append(&c, header + (size_t)count * size);
    for (uint32_t i = 0; i < count; i++) {
        Elf64_Shdr s = section_from(headers + (size_t)i * size, wide);
        any |= s.sh_type == SHT_SYMTAB && is_kept(&s);
        add_section(mg, &c, &s);
        section_to(c.bytes + header + (size_t)i * size, &s, wide);
    }
    header_to(c.bytes, count, names < count ? names : 0, wide);
    struct error err;
    const struct symbol_table *t =
        any ? symbols_add_elf(mg->base.o.symbols, "kernel", c.bytes, c.n, false, &err) : NULL;
    free(c.bytes);
    return t;
}

static const struct symbol_table *symbols_at_address(struct mb_guest *mg, uint64_t address, uint32_t count,
                                                     uint32_t size, uint32_t names)
{
    if (!count || count > SECTIONS_MAX || size > sizeof(Elf64_Shdr))
        return NULL;
    uint8_t *headers = mem_alloc((size_t)count * size);
    const struct symbol_table *t = physical(mg, address, headers, (size_t)count * size)
                                       ? symbols(mg, headers, count, size, names)
                                       : NULL;
    free(headers);
    return t;
}

/* ---------------------------------------------------------------- multiboot 1 */

static const struct symbol_table *read_1(struct mb_guest *mg, uint64_t info)
{
    enum { COMMAND_LINE = 4, MODULES = 8, ELF_SECTIONS = 0x20, MODULES_MAX = 64, MODULE = 16, SIZE = 44 };
    uint8_t p[SIZE], m[MODULE];
    char text[TEXT_MAX];
    if (!physical(mg, info, p, sizeof p))
        return NULL;
    const uint32_t flags = le32(p), nmodules = le32(p + 20);
    if (flags & COMMAND_LINE) {
        physical_text(mg, le32(p + 16), text, sizeof text);
        command_line(mg, text, le32(p + 16));
    }
    for (uint32_t i = 0; flags & MODULES && i < nmodules && i < MODULES_MAX; i++) {
        if (!physical(mg, le32(p + 24) + i * (uint64_t)MODULE, m, sizeof m))
            break;
        physical_text(mg, le32(m + 8), text, le32(m + 8) ? sizeof text : 1);
        module(mg, i, le32(m), le32(m + 4), text);
    }
    return flags & ELF_SECTIONS
               ? symbols_at_address(mg, le32(p + 36), le32(p + 28), le32(p + 32), le32(p + 40))
               : NULL;
}

/* ---------------------------------------------------------------- multiboot 2 */

static const struct symbol_table *tag(struct mb_guest *mg, uint64_t address, uint32_t type, uint32_t size,
                                      unsigned *modules)
{
    enum { COMMAND_LINE = 1, MODULE = 3, ELF_SECTIONS = 9, HEAD = 8 };
    uint8_t p[12];
    char text[TEXT_MAX];
    if (type == COMMAND_LINE) {
        physical_text(mg, address + HEAD, text, size - HEAD < TEXT_MAX ? size - HEAD + 1 : TEXT_MAX);
        command_line(mg, text, address + HEAD);
    } else if (type == MODULE && size >= 16 && physical(mg, address + HEAD, p, 8)) {
        physical_text(mg, address + 16, text, size - 16 < TEXT_MAX ? size - 16 + 1 : TEXT_MAX);
        module(mg, (*modules)++, le32(p), le32(p + 4), text);
    } else if (type == ELF_SECTIONS && size >= 20 && physical(mg, address + HEAD, p, sizeof p)) {
        return symbols_at_address(mg, address + 20, le32(p), le32(p + 4), le32(p + 8));
    }
    return NULL;
}

static const struct symbol_table *read_2(struct mb_guest *mg, uint64_t info)
{
    enum { MOST = 1 << 20, HEAD = 8 };
    const struct symbol_table *t = NULL;
    uint8_t p[HEAD];
    unsigned modules = 0;
    if (!physical(mg, info, p, sizeof p))
        return NULL;
    const uint32_t total = le32(p) < MOST ? le32(p) : MOST;
    for (uint32_t at = HEAD, size; at + HEAD <= total; at += (size + 7) & ~7u) {
        if (!physical(mg, info + at, p, sizeof p) || !le32(p) || le32(p + 4) < HEAD ||
            le32(p + 4) > total - at)
            break;
        size = le32(p + 4);
        const struct symbol_table *its = tag(mg, info + at, le32(p), size, &modules);
        t = its ? its : t;
    }
    return t;
}

/* ---------------------------------------------------------------- PVH */

static void read_pvh(struct mb_guest *mg, uint64_t info)
{
    enum { MAGIC = 0x336ec578, MODULES = 12, LIST = 16, LINE = 24, SIZE = 32, MODULES_MAX = 64, MODULE = 32 };
    uint8_t p[SIZE], m[MODULE];
    char text[TEXT_MAX];
    if (!physical(mg, info, p, sizeof p) || le32(p) != MAGIC)
        return;
    if (le64(p + LINE)) {
        physical_text(mg, le64(p + LINE), text, sizeof text);
        command_line(mg, text, le64(p + LINE));
    }
    for (uint32_t i = 0; i < le32(p + MODULES) && i < MODULES_MAX; i++) {
        if (!physical(mg, le64(p + LIST) + i * (uint64_t)MODULE, m, sizeof m))
            break;
        physical_text(mg, le64(m + 16), text, le64(m + 16) ? sizeof text : 1);
        module(mg, i, (uint32_t)le64(m), (uint32_t)(le64(m) + le64(m + 8)), text);
    }
}

const struct symbol_table *mb_read_info(struct mb_guest *mg, uint64_t info)
{
    if (mg->version == PVH) {
        read_pvh(mg, info);
        return NULL;
    }
    return mg->version == MULTIBOOT_1 ? read_1(mg, info) : read_2(mg, info);
}

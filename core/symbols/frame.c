/* frame.c - how callers are found: the rows of a table, and those of an ELF image, read with elfutils' libdw.
 * See symbols.h. DWARF 4, 6.4.
 *
 * Rows are read only for functions (code symbols with a size). Only the usual rules are supported: CFA =
 * register + offset, registers saved at CFA + offset, the return address right below the CFA. Code with other
 * rules gets no rows, and a debugger has to do without them.
 */
#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/symbols/private/frame.h"
#include "core/symbols/private/module.h"

void symbol_table_add_frame(struct symbol_table *t, const struct symbol_frame *f)
{
    if (t->nframes == t->frames_cap) {
        t->frames_cap = 2 * t->frames_cap + 256;
        t->frames = mem_resize(t->frames, t->frames_cap * sizeof *t->frames);
    }
    t->frames[t->nframes++] = *f;
}

/* Orders rows by address. Where one function ends and another begins, the beginning takes precedence. */
static int by_frame(const void *a, const void *b)
{
    const struct symbol_frame *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return (x->base == FRAME_UNKNOWN) - (y->base == FRAME_UNKNOWN);
}

static bool same_rule(const struct symbol_frame *x, const struct symbol_frame *y)
{
    if (x->base != y->base || x->flags != y->flags || x->offset != y->offset || x->nsaved != y->nsaved)
        return false;
    for (unsigned i = 0; i < x->nsaved; i++)
        if (x->saved[i].reg != y->saved[i].reg || x->saved[i].offset != y->saved[i].offset)
            return false;
    return true;
}

void symbol_table_sort_frames(struct symbol_table *t)
{
    size_t n = 0;
    uint64_t before = 0;
    if (t->nframes)
        qsort(t->frames, t->nframes, sizeof *t->frames, by_frame);
    for (size_t i = 0; i < t->nframes; i++) {
        const struct symbol_frame f = t->frames[i];
        bool first = !i || f.address != before;
        before = f.address;
        if (first && (!n || !same_rule(&f, &t->frames[n - 1])))
            t->frames[n++] = f;
    }
    t->nframes = n;
}

/* The row in force at the i-th of several rows in order; NULL: none. */
static const struct symbol_frame *in_force(const struct symbol_table *t, size_t i)
{
    return i && t->frames[i - 1].base != FRAME_UNKNOWN ? &t->frames[i - 1] : NULL;
}

void symbol_table_merge_frames(struct symbol_table *t, struct symbol_table *more)
{
    struct symbol_frame *merged = NULL;
    size_t n = 0, cap = 0, i = 0, k = 0;
    symbol_table_sort_frames(t);
    symbol_table_sort_frames(more);
    while (i < t->nframes || k < more->nframes) {
        const uint64_t a = i < t->nframes ? t->frames[i].address : UINT64_MAX;
        const uint64_t b = k < more->nframes ? more->frames[k].address : UINT64_MAX;
        const uint64_t address = a < b ? a : b;
        i += a == address;
        k += b == address;
        const struct symbol_frame *f = in_force(t, i) ? in_force(t, i) : in_force(more, k);
        merged = mem_grow(merged, &cap, n + 1, sizeof *merged);
        merged[n] = f ? *f : (struct symbol_frame){.base = FRAME_UNKNOWN};
        merged[n++].address = address;
    }
    free(t->frames);
    t->frames = merged;
    t->nframes = n;
    t->frames_cap = cap;
    symbol_table_sort_frames(t);
}

/* ---------------------------------------------------------------- real mode's code */

/* Whether a unit was compiled for real mode. Only the recorded compiler options say so. */
static bool is_real_mode(Dwarf_Die *unit)
{
    Dwarf_Attribute attr;
    const char *producer = dwarf_formstring(dwarf_attr(unit, DW_AT_producer, &attr));
    return producer && strstr(producer, " -m16");
}

static bool is_compiled(Dwarf_Die *unit)
{
    int language = dwarf_srclang(unit);
    return language > 0 && language != DW_LANG_Mips_Assembler;
}

struct range {
    uint64_t begin, end;
};

struct ranges {
    struct range *list;
    size_t n;
};

static void add_ranges(struct ranges *r, Dwarf_Die *unit)
{
    Dwarf_Addr base, begin, end;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(unit, at, &base, &begin, &end)) > 0;) {
        MEM_MORE(r->list, r->n);
        r->list[r->n++] = (struct range){begin, end};
    }
}

static bool among(const struct ranges *r, uint64_t address)
{
    for (size_t i = 0; i < r->n; i++)
        if (address - r->list[i].begin < r->list[i].end - r->list[i].begin)
            return true;
    return false;
}

/* Whether code for real mode was compiled into the section that an address is in. */
static bool section_is_real(Elf *elf, const struct ranges *real, uint64_t address)
{
    GElf_Shdr sh;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC) || address - sh.sh_addr >= sh.sh_size)
            continue;
        for (size_t i = 0; i < real->n; i++)
            if (real->list[i].begin - sh.sh_addr < sh.sh_size)
                return true;
    }
    return false;
}

/* The options of assembly are not recorded: it is assumed to be like the code that it was linked with. */
static void find_real_mode(Elf *elf, Dwarf *dwarf, struct ranges *real)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    Dwarf_Addr base, begin, end;
    while (!dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL))
        if (is_compiled(&die) && is_real_mode(&die))
            add_ranges(real, &die);
    for (cu = NULL; real->n && !dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL);)
        if (!is_compiled(&die) && dwarf_ranges(&die, 0, &base, &begin, &end) > 0 &&
            section_is_real(elf, real, begin))
            add_ranges(real, &die);
}

/* ---------------------------------------------------------------- rows of an ELF image */

struct reading {
    struct symbol_table *t;
    Dwarf_CFI *cfi;
    struct ranges real;
    bool wide;
};

static bool take_cfa(struct symbol_frame *f, Dwarf_Frame *frame)
{
    Dwarf_Op *ops;
    size_t n;
    if (dwarf_frame_cfa(frame, &ops, &n) || n != 1 || ops[0].atom != DW_OP_bregx ||
        ops[0].number >= FRAME_UNKNOWN)
        return false;
    f->base = (uint8_t)ops[0].number;
    f->offset = (int32_t)ops[0].number2;
    return true;
}

/* Whether a register has a supported rule; adds it if it is saved. */
static bool take_register(struct symbol_frame *f, Dwarf_Frame *frame, unsigned reg)
{
    Dwarf_Op mem[3], *ops;
    size_t n;
    if (dwarf_frame_register(frame, (int)reg, mem, &ops, &n))
        return false;
    if (!n)
        return true; /* unchanged and not known are treated alike */
    if (n != 2 || ops[0].atom != DW_OP_call_frame_cfa || ops[1].atom != DW_OP_plus_uconst ||
        f->nsaved == FRAME_SAVED)
        return false;
    f->saved[f->nsaved].reg = (uint8_t)reg;
    f->saved[f->nsaved++].offset = (int32_t)ops[1].number;
    return true;
}

/* Whether the return address is where a call pushes it, or there is none. */
static bool take_return(struct symbol_frame *f, Dwarf_Frame *frame, int reg)
{
    Dwarf_Op mem[3], *ops;
    size_t n;
    if (reg < 0 || dwarf_frame_register(frame, reg, mem, &ops, &n))
        return false;
    if (!n && ops) {
        f->flags |= FRAME_OUTERMOST;
        return true;
    }
    return n == 2 && ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_plus_uconst &&
           (int64_t)ops[1].number == (f->flags & FRAME_WIDE ? -8 : -4);
}

/* The row at an address; *end is where the next one begins. False if there is none, or it has other rules. */
static bool add_row(struct reading *r, uint64_t address, uint64_t *end)
{
    static const uint8_t narrow[] = {3, 5, 6, 7}, wide[] = {3, 6, 12, 13, 14, 15}; /* preserved by calls */
    const uint8_t *regs = r->wide ? wide : narrow;
    struct symbol_frame f = {.address = address};
    Dwarf_Frame *frame;
    Dwarf_Addr begin;
    if (dwarf_cfi_addrframe(r->cfi, address, &frame))
        return false;
    int ra = dwarf_frame_info(frame, &begin, end, NULL);
    f.flags = (r->wide ? FRAME_WIDE : 0) | (among(&r->real, address) ? FRAME_SEGMENTED : 0);
    bool good = *end > address && take_cfa(&f, frame) && take_return(&f, frame, ra);
    for (size_t i = 0; good && i < (r->wide ? sizeof wide : sizeof narrow); i++)
        good = take_register(&f, frame, regs[i]);
    if (good)
        symbol_table_add_frame(r->t, &f);
    free(frame);
    return good;
}

/* Returns where what is known from `begin` on ends. */
static uint64_t add_function(struct reading *r, uint64_t begin, uint64_t end)
{
    uint64_t at = begin, next;
    while (at < end && add_row(r, at, &next))
        at = next < end ? next : end;
    if (at > begin)
        symbol_table_add_frame(r->t, &(struct symbol_frame){.address = at, .base = FRAME_UNKNOWN});
    return at;
}

/* A stripped file has a sorted table of the functions with call frames: Linux Standard Base 5.0, "Exception
 * Frame Header". It holds their addresses and the places of their call frames, as 32-bit distances from the
 * table itself (the only form that linkers write). */
static bool add_by_table(struct reading *r, Elf *elf)
{
    enum { VERSION = 1, POINTER = 0x1b, COUNT = 0x03, TABLE = 0x3b, HEAD = 12, ENTRY = 8 };
    const uint64_t most = 1 << 20; /* bytes of the last function, which nothing limits */
    Elf_Scn *section = NULL;
    GElf_Shdr head;
    size_t names;
    bool found = false;
    if (elf_getshdrstrndx(elf, &names))
        return false;
    while ((section = elf_nextscn(elf, section))) {
        const Elf_Data *d = gelf_getshdr(section, &head) ? elf_getdata(section, NULL) : NULL;
        const char *name = d ? elf_strptr(elf, names, head.sh_name) : NULL;
        const uint8_t *p = d ? d->d_buf : NULL;
        uint32_t n;
        if (!name || strcmp(name, ".eh_frame_hdr") || !p || d->d_size < HEAD || p[0] != VERSION ||
            p[1] != POINTER || p[2] != COUNT || p[3] != TABLE)
            continue;
        memcpy(&n, p + 8, sizeof n);
        if (n > (d->d_size - HEAD) / ENTRY)
            return found;
        found = true;
        for (uint32_t i = 0; i < n; i++) {
            int32_t at, next;
            memcpy(&at, p + HEAD + ENTRY * i, sizeof at);
            memcpy(&next, p + HEAD + ENTRY * (i + 1 < n ? i + 1 : i), sizeof next);
            const uint64_t begin = head.sh_addr + (uint64_t)(int64_t)at;
            if (next > at || i + 1 == n)
                add_function(r, begin, i + 1 < n ? head.sh_addr + (uint64_t)(int64_t)next : begin + most);
        }
    }
    return found;
}

/* A program that was linked statically has no such table, but call frames: its code is gone through from function to function; between them
 * are some bytes that belong to none. */
static void add_by_code(struct reading *r, Elf *elf)
{
    const uint64_t most = 64 << 20; /* bytes of a section */
    Elf_Scn *section = NULL;
    GElf_Shdr head;
    while ((section = elf_nextscn(elf, section)))
        if (gelf_getshdr(section, &head) && head.sh_flags & SHF_EXECINSTR && head.sh_size <= most &&
            head.sh_addr + head.sh_size >= head.sh_addr)
            for (uint64_t at = head.sh_addr, end = at + head.sh_size, next; at < end; at = next) {
                next = add_function(r, at, end);
                next += next == at;
            }
}

void symbol_table_read_frames(struct symbol_table *t, Elf *elf, Dwarf *dwarf, bool wide)
{
    struct reading r = {.t = t, .cfi = dwarf_getcfi(dwarf), .wide = wide};
    Dwarf_CFI *own = r.cfi ? NULL : dwarf_getcfi_elf(elf);
    r.cfi = r.cfi ? r.cfi : own;
    find_real_mode(elf, dwarf, &r.real);
    if (own && !dwarf && !add_by_table(&r, elf))
        add_by_code(&r, elf);
    for (size_t i = 0; r.cfi && dwarf && i < t->n; i++)
        if (t->entries[i].flags & SYMBOL_SIZED && symbol_is_code(t->entries[i].type | 0x20))
            add_function(&r, t->entries[i].address, t->entries[i].address + t->entries[i].size);
    if (own)
        dwarf_cfi_end(own);
    free(r.real.list);
}

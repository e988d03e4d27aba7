/* views.c - where a processor is, its segments and its page tables. See views.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/views/views.h"

enum {
    CR0_PE = 1,
    FLAG_VM = 1 << 17,
    EFER_LMA = 1 << 10,
    CR4_PSE = 1 << 4,
    CR4_PAE = 1 << 5,
    CR4_LA57 = 1 << 12
};
#define CR0_PG (1u << 31)

/* ---------------------------------------------------------------- where a processor is */

enum view_mode view_mode(struct look m, unsigned cpu)
{
    unsigned bits = look_code_bits(m, cpu);
    if (!(look_reg(m, cpu, "cr0") & CR0_PE))
        return VIEW_REAL;
    if (look_reg(m, cpu, "eflags") & FLAG_VM)
        return VIEW_V86;
    if (look_reg(m, cpu, "efer") & EFER_LMA)
        return bits == 64 ? VIEW_LONG : VIEW_COMPATIBILITY;
    return bits == 16 ? VIEW_PROTECTED16 : VIEW_PROTECTED32;
}

bool view_smm(struct look m, unsigned cpu)
{
    return look_reg(m, cpu, "smm");
}

const char *view_mode_text(struct look m, unsigned cpu, char buf[48])
{
    static const char *const names[] = {
        "real mode",          "virtual-8086 mode", "16-bit protected mode", "32-bit protected mode",
        "compatibility mode", "64-bit mode"};
    enum view_mode mode = view_mode(m, cpu);
    const char *smm = view_smm(m, cpu) ? ", SMM" : "";
    if (mode < VIEW_PROTECTED16)
        snprintf(buf, 48, "%s%s", names[mode], smm);
    else
        snprintf(buf, 48, "%s, ring %u%s", names[mode], (unsigned)look_reg(m, cpu, "cpl"), smm);
    return buf;
}

const char *view_place_text(struct look m, unsigned cpu, char buf[48])
{
    uint64_t rip = look_reg(m, cpu, "rip");
    if (look_code_bits(m, cpu) == 64)
        snprintf(buf, 48, "0x%016" PRIx64, rip);
    else
        snprintf(buf, 48, "%04x:%0*x", (unsigned)look_reg(m, cpu, "cs"), look_code_bits(m, cpu) == 16 ? 4 : 8,
                 (unsigned)rip);
    return buf;
}

/* The stack pointer has 32 bits if the stack segment's B bit says so (SDM volume 3, 3.4.5). */
static bool wide_stack(struct look m, unsigned cpu)
{
    struct view_segment s;
    enum view_mode mode = view_mode(m, cpu);
    if (mode == VIEW_REAL || mode == VIEW_V86)
        return false;
    if (view_descriptor(m, cpu, (unsigned)look_reg(m, cpu, "ss"), &s) != VIEW_SELECTOR_NAMES)
        return mode == VIEW_PROTECTED32 || mode == VIEW_COMPATIBILITY;
    return s.big;
}

uint64_t view_stack(struct look m, unsigned cpu)
{
    uint64_t sp = look_reg(m, cpu, "rsp");
    if (view_mode(m, cpu) == VIEW_LONG)
        return sp;
    if (!wide_stack(m, cpu))
        sp &= 0xffff;
    return (uint32_t)(look_reg(m, cpu, "ss_base") + sp);
}

/* ---------------------------------------------------------------- segments: SDM volume 3, 3.4.5 and 3.5 */

enum { LAST_GDT_BIT = 4 };

enum view_selector view_descriptor(struct look m, unsigned cpu, unsigned selector, struct view_segment *s)
{
    bool local = selector & LAST_GDT_BIT;
    uint64_t base = look_reg(m, cpu, local ? "ldtr_base" : "gdtr_base");
    uint64_t limit = look_reg(m, cpu, local ? "ldtr_limit" : "gdtr_limit");
    unsigned offset = selector & 0xfff8;
    uint8_t d[16] = {0};
    *s = (struct view_segment){.selector = selector, .at = base + offset};
    if (!local && !offset)
        return VIEW_SELECTOR_NULL;
    if (offset + 7 > limit)
        return VIEW_SELECTOR_BEYOND;
    if (look_peek(m, cpu, base + offset, d, 8) != 8)
        return VIEW_SELECTOR_UNMAPPED;
    *s = (struct view_segment){.selector = selector,
                               .at = base + offset,
                               .base = d[2] | d[3] << 8 | d[4] << 16 | (uint64_t)d[7] << 24,
                               .limit = d[0] | d[1] << 8 | (d[6] & 15u) << 16,
                               .type = d[5] & 15,
                               .system = !(d[5] & 16),
                               .dpl = d[5] >> 5 & 3,
                               .present = d[5] >> 7,
                               .wide = d[6] >> 5 & 1,
                               .big = d[6] >> 6 & 1,
                               .granular = d[6] >> 7};
    if (s->granular)
        s->limit = s->limit << 12 | 0xfff;
    if (s->system && look_reg(m, cpu, "efer") & EFER_LMA && look_peek(m, cpu, base + offset, d, 16) == 16)
        for (unsigned i = 0; i < 4; i++)
            s->base |= (uint64_t)d[8 + i] << (32 + 8 * i);
    return VIEW_SELECTOR_NAMES;
}

/* SDM volume 3, table 3-2. */
static const char *const system_types[16] = {"reserved",
                                             "16-bit TSS",
                                             "LDT",
                                             "16-bit TSS (busy)",
                                             "16-bit call gate",
                                             "task gate",
                                             "16-bit interrupt gate",
                                             "16-bit trap gate",
                                             "reserved",
                                             "TSS",
                                             "reserved",
                                             "TSS (busy)",
                                             "call gate",
                                             "reserved",
                                             "interrupt gate",
                                             "trap gate"};

int view_segment_text(const struct view_segment *s, char *buf, size_t size)
{
    const char *absent = s->present ? "" : ", not present";
    if (s->system)
        return snprintf(buf, size, "%s%s", system_types[s->type], absent);
    const char *bits = s->wide && s->type & 8 ? "64-bit" : s->big ? "32-bit" : "16-bit";
    if (s->type & 8)
        return snprintf(buf, size, "code %s, ring %u%s%s%s", bits, s->dpl, s->type & 4 ? ", conforming" : "",
                        s->type & 2 ? ", readable" : "", absent);
    return snprintf(buf, size, "data %s, ring %u%s%s%s", bits, s->dpl, s->type & 4 ? ", expand-down" : "",
                    s->type & 2 ? ", writable" : "", absent);
}

/* ---------------------------------------------------------------- pages: SDM volume 3, chapter 4 */

enum { PTE_PRESENT = 1, PTE_WRITE = 2, PTE_USER = 4, PTE_LARGE = 128 };
#define PTE_NX      (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

struct shape {
    const char *const *names;
    unsigned levels, bits, entry; /* index bits a level; bytes an entry */
};

static struct shape shape_of(struct look m, unsigned cpu)
{
    static const char *const five[] = {"PML5", "PML4", "PDPT", "PD", "PT"};
    uint64_t cr4 = look_reg(m, cpu, "cr4");
    if (look_reg(m, cpu, "efer") & EFER_LMA)
        return cr4 & CR4_LA57 ? (struct shape){five, 5, 9, 8} : (struct shape){five + 1, 4, 9, 8};
    if (cr4 & CR4_PAE)
        return (struct shape){five + 2, 3, 9, 8};
    return (struct shape){five + 3, 2, 10, 4};
}

static bool may_be_large(struct look m, unsigned cpu, const struct shape *s, unsigned left)
{
    if (s->entry == 4)
        return left == 1 && look_reg(m, cpu, "cr4") & CR4_PSE;
    return left == 1 || (left == 2 && s->levels >= 4);
}

static void take_rights(struct view_walk *w, uint64_t entry, bool pdpt_of_pae)
{
    if (!pdpt_of_pae) {
        w->writable &= !!(entry & PTE_WRITE);
        w->user &= !!(entry & PTE_USER);
    }
    w->executable &= !(entry & PTE_NX);
}

/* 4 MiB pages have bits 39-32 of the address in 20-13 (SDM volume 3, 4.3). */
static uint64_t leaf_base(const struct shape *s, uint64_t entry, uint64_t page)
{
    if (s->entry == 4 && page > 4096)
        return (entry & 0xffc00000u) | (entry >> 13 & 0xff) << 32;
    return entry & PTE_ADDRESS & ~(page - 1);
}

/* The walk of the page tables; false if they do not map the address. w->inner becomes the physical address that they lead to. */
static bool walk_tables(struct look m, unsigned cpu, uint64_t linear, struct view_walk *w)
{
    struct shape s = shape_of(m, cpu);
    uint64_t table = look_reg(m, cpu, "cr3") & PTE_ADDRESS;
    if (!(look_reg(m, cpu, "cr0") & CR0_PG))
        return true;
    if (s.levels == 3)
        table = look_reg(m, cpu, "cr3") & 0xffffffe0u;
    w->paging = true;
    for (unsigned i = 0; i < s.levels; i++) {
        unsigned left = s.levels - 1 - i, shift = 12 + left * s.bits;
        struct view_walk_level *l = &w->level[w->n++];
        l->name = s.names[i];
        l->index = (unsigned)(linear >> shift & ((s.levels == 3 && !i ? 4u : 1u << s.bits) - 1));
        l->inner = table + (uint64_t)l->index * s.entry;
        l->read = look_to_machine(m, cpu, l->inner, &l->at) &&
                  look_peek_physical(m, l->at, &l->entry, s.entry) == s.entry;
        if (!l->read || !(l->entry & PTE_PRESENT))
            return false;
        take_rights(w, l->entry, s.levels == 3 && !i);
        w->page = 1ull << shift;
        l->leaf = !left || (l->entry & PTE_LARGE && may_be_large(m, cpu, &s, left));
        if (l->leaf) {
            w->inner = leaf_base(&s, l->entry, w->page) | (linear & (w->page - 1));
            return true;
        }
        table = l->entry & PTE_ADDRESS;
    }
    return false;
}

/* The nested page tables (AMD APM volume 2, 15.25; SDM volume 3, 28.3): false if they do not map w->inner. */
static bool walk_nested(struct look m, const struct engine_inner *in, struct view_walk *w)
{
    static const char *const five[] = {"PML5", "PML4", "PDPT", "PD", "PT"};
    const struct shape s = {five + 5 - in->levels, in->levels, in->levels > 2 ? 9 : 10,
                            in->levels > 2 ? 8 : 4};
    const uint64_t present = in->ept ? 7 : PTE_PRESENT;
    uint64_t table = in->tables & (in->levels == 3 ? 0xffffffe0u : PTE_ADDRESS);
    for (unsigned i = 0; i < s.levels; i++) {
        const unsigned left = s.levels - 1 - i, shift = 12 + left * s.bits;
        struct view_walk_level *l = &w->outer[w->nouter++];
        l->name = s.names[i];
        l->index = (unsigned)(w->inner >> shift & ((s.levels == 3 && !i ? 4u : 1u << s.bits) - 1));
        l->at = table + (uint64_t)l->index * s.entry;
        l->read = look_peek_physical(m, l->at, &l->entry, s.entry) == s.entry;
        if (!l->read || !(l->entry & present))
            return false;
        l->leaf = !left || (l->entry & PTE_LARGE && left <= (s.levels >= 4 ? 2u : 1u));
        if (l->leaf) {
            const uint64_t page = 1ull << shift;
            w->physical = leaf_base(&s, l->entry, page) | (w->inner & (page - 1));
            return true;
        }
        table = l->entry & PTE_ADDRESS;
    }
    return false;
}

void view_walk(struct look m, unsigned cpu, uint64_t linear, struct view_walk *w)
{
    struct engine_inner in;
    *w = (struct view_walk){.writable = true,
                            .user = true,
                            .executable = true,
                            .page = 4096,
                            .physical = linear,
                            .inner = linear};
    w->nested = look_inner(m, cpu, &in) && in.tables;
    w->ept = w->nested && in.ept;
    w->mapped = w->inner_mapped = walk_tables(m, cpu, linear, w);
    w->physical = w->inner;
    if (w->mapped && w->nested)
        w->mapped = walk_nested(m, &in, w);
}

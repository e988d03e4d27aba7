/* platform_memory.c - the memory map of a Linux kernel, and the types of memory by the MTRRs. See private/platform_lists.h.
 *
 * Sources: Linux, Documentation/arch/x86/zero-page.rst (struct boot_params), arch/x86/kernel/e820.c; SDM volume 3, 12.11. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/ground/fields.h"
#include "core/views/private/platform_lists.h"
#include "core/views/tasks.h"

/* ---------------------------------------------------------------- e820 */

enum {
    ENTRY = 20,
    ENTRIES_MAX = 4096,
    ZERO_PAGE_COUNT = 0x1e8,
    ZERO_PAGE_TABLE = 0x2d0,
    ZERO_PAGE_MAX = 128
};

static const struct {
    uint32_t type;
    const char *name;
} kinds[] = {{1, "usable"},
             {2, "reserved"},
             {3, "ACPI data"},
             {4, "ACPI NVS"},
             {5, "unusable"},
             {7, "persistent memory"},
             {12, "persistent (type 12)"},
             {128, "reserved by the kernel"},
             {0xefffffff, "soft reserved"}};

static const char *kind_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type)
            return kinds[i].name;
    return "?";
}

static bool peek_linear(const struct platform_memory *p, uint64_t linear, void *buf, size_t n)
{
    return view_peek(p->m, view_tables_for(p->m, 0, linear), linear, buf, n) == n;
}

static void add_range(struct platform_rows *rows, const char *map, uint64_t begin, uint64_t size,
                      const char *kind)
{
    struct platform_row *r = platform_row(rows);
    platform_text(r, "map", "%s", map);
    platform_hex(r, "begin", begin);
    platform_hex(r, "end", begin + size - 1);
    platform_number(r, "bytes", size);
    platform_text(r, "type", "%s", kind);
}

static void add_map(const struct platform_memory *p, struct platform_rows *rows, const char *map,
                    uint64_t table, uint32_t count)
{
    uint8_t e[ENTRY];
    for (uint32_t i = 0;
         i < count && i < ENTRIES_MAX && peek_linear(p, table + (uint64_t)i * ENTRY, e, ENTRY); i++) {
        uint64_t begin, size;
        uint32_t type;
        memcpy(&begin, e, 8);
        memcpy(&size, e + 8, 8);
        memcpy(&type, e + 16, 4);
        add_range(rows, map, begin, size, kind_name(type));
    }
}

/* A table to which a variable of the kernel points: a count, then the entries. */
static void add_kernel_map(const struct platform_memory *p, struct platform_rows *rows, const char *map,
                           const char *variable)
{
    struct symbol sym;
    uint64_t table;
    uint32_t count;
    if (symbols_find(p->s, SPACE_KERNEL, variable, look_icount(p->m), &sym) &&
        peek_linear(p, sym.address, &table, 8) && peek_linear(p, table, &count, 4))
        add_map(p, rows, map, table + 4, count);
}

/* What the loader or the kernel's EFI stub has put into the zero page. */
static void add_zero_page(const struct platform_memory *p, struct platform_rows *rows)
{
    struct symbol sym;
    uint8_t count;
    if (symbols_find(p->s, SPACE_KERNEL, "boot_params", look_icount(p->m), &sym) &&
        peek_linear(p, sym.address + ZERO_PAGE_COUNT, &count, 1))
        add_map(p, rows, "loader", sym.address + ZERO_PAGE_TABLE,
                count < ZERO_PAGE_MAX ? count : ZERO_PAGE_MAX);
}

int platform_e820(const struct platform_memory *p, struct platform_rows *rows, struct error *err)
{
    if (p->s) {
        add_zero_page(p, rows);
        add_kernel_map(p, rows, "firmware", "e820_table_firmware");
        add_kernel_map(p, rows, "kernel", "e820_table");
    }
    return rows->n
               ? 0
               : error_set(
                     err,
                     "no Linux kernel that has read its memory map is in memory at icount %llu: give another position with --at",
                     (unsigned long long)look_icount(p->m));
}

/* ---------------------------------------------------------------- MTRRs */

enum { FIXED = 11, VARIABLE = 8 };

struct mtrrs {
    uint64_t def, fixed[FIXED], variable[2 * VARIABLE];
    bool found;
};

/* The values of a field of that name, `max` at most. */
static void take_field(const struct field *fields, size_t n, const void *base, const char *name, uint64_t *to,
                       size_t max)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0;
             !strcmp(fields[i].name, name) && fields[i].width == 8 && k < max && k < fields[i].count; k++)
            memcpy(&to[k], (const uint8_t *)base + fields[i].offset + 8 * k, 8);
}

static void take_section(void *ctx, const char *name, const struct field *fields, size_t n, const void *base)
{
    struct mtrrs *m = ctx;
    if (strcmp(name, "cpu0"))
        return;
    take_field(fields, n, base, "mtrr_def", &m->def, 1);
    take_field(fields, n, base, "mtrr_fix", m->fixed, FIXED);
    take_field(fields, n, base, "mtrr_var", m->variable, sizeof m->variable / sizeof m->variable[0]);
    m->found = true;
}

static const char *memory_type(uint64_t type)
{
    static const char *const names[] = {[0] = "UC", [1] = "WC", [4] = "WT", [5] = "WP", [6] = "WB"};
    const char *name = type < sizeof names / sizeof names[0] ? names[type] : NULL;
    return name ? name : "?";
}

/* Each fixed register has the types of eight ranges of one size; equal ones that follow each other are one row. */
static void add_fixed(struct platform_rows *rows, const struct mtrrs *m)
{
    uint64_t at = 0, begin = 0;
    int type = -1;
    for (unsigned i = 0; i < FIXED * 8; i++) {
        const int now = (int)(m->fixed[i / 8] >> 8 * (i % 8) & 0xff);
        if (now != type && type >= 0)
            add_range(rows, "fixed", begin, at - begin, memory_type((uint64_t)type));
        if (now != type)
            begin = at;
        type = now;
        at += i < 8 ? 0x10000 : i < 24 ? 0x4000 : 0x1000;
    }
    add_range(rows, "fixed", begin, at - begin, memory_type((uint64_t)type));
}

static void add_variable(struct platform_rows *rows, const struct mtrrs *m)
{
    enum { VALID = 1 << 11, TYPE = 0xff };
    const uint64_t page = 0xfff;
    for (unsigned i = 0; i < VARIABLE; i++) {
        const uint64_t base = m->variable[2 * i], mask = m->variable[2 * i + 1];
        if (mask & VALID && mask & ~page)
            add_range(rows, "variable", base & ~page, (mask & ~page) & -(mask & ~page),
                      memory_type(base & TYPE));
    }
}

int platform_mtrr(const struct platform_memory *p, struct platform_rows *rows, struct error *err)
{
    enum { TYPE = 0xff, FIXED_ON = 1 << 10, ON = 1 << 11 };
    struct mtrrs m = {0};
    look_sections(p->m, take_section, &m);
    if (!m.found)
        return error_set(err, "this machine has no MTRRs");
    struct platform_row *r = platform_row(rows);
    platform_text(r, "map", "default");
    platform_text(r, "type", "%s", m.def & ON ? memory_type(m.def & TYPE) : "UC (MTRRs are off)");
    if ((m.def & ON) && (m.def & FIXED_ON))
        add_fixed(rows, &m);
    if (m.def & ON)
        add_variable(rows, &m);
    return 0;
}

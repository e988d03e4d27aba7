/* platform_memory.c - the types of memory by the MTRRs. See private/platform_lists.h.
 *
 * Source: SDM volume 3, 12.11. */
#include <stdio.h>
#include <string.h>

#include "core/ground/fields.h"
#include "core/views/private/platform_lists.h"

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

/* ---------------------------------------------------------------- register by register */

bool platform_mtrr_values(struct look m, uint64_t value[PLATFORM_MTRRS])
{
    struct mtrrs now = {0};
    look_sections(m, take_section, &now);
    value[0] = now.def;
    memcpy(value + 1, now.fixed, sizeof now.fixed);
    memcpy(value + 1 + FIXED, now.variable, sizeof now.variable);
    return now.found;
}

unsigned platform_mtrr_name(size_t i, char *buf, size_t size)
{
    static const struct {
        unsigned msr;
        const char *name;
    } fixed[FIXED] = {{0x250, "64K_00000"}, {0x258, "16K_80000"}, {0x259, "16K_A0000"}, {0x268, "4K_C0000"},
                      {0x269, "4K_C8000"},  {0x26a, "4K_D0000"},  {0x26b, "4K_D8000"},  {0x26c, "4K_E0000"},
                      {0x26d, "4K_E8000"},  {0x26e, "4K_F0000"},  {0x26f, "4K_F8000"}};
    enum { DEFAULT = 0x2ff, FIRST_VARIABLE = 0x200 };
    if (!i) {
        snprintf(buf, size, "IA32_MTRR_DEF_TYPE");
        return DEFAULT;
    }
    if (i <= FIXED) {
        snprintf(buf, size, "IA32_MTRR_FIX%s", fixed[i - 1].name);
        return fixed[i - 1].msr;
    }
    i -= FIXED + 1;
    snprintf(buf, size, "IA32_MTRR_PHYS%s%zu", i % 2 ? "MASK" : "BASE", i / 2);
    return (unsigned)(FIRST_VARIABLE + i);
}

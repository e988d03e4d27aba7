/* regs.c - registers as gdb sees them: target.xml for the mode that the processor is in, and the `g` packet
 * in its order. GDB manual, "Target Descriptions" and "Standard Target Features: i386"; our own registers are
 * as wide as the engine's.
 *
 * gdb expects 32-bit registers under the architectures i8086 and i386 and 64-bit ones under i386:x86-64, and
 * switches when it reads target.xml again. So the layout is that of the last target.xml that gdb read,
 * whatever mode the processor has entered since. Even in the narrow layout eip is 64 bits wide, so that gdb
 * recognizes a breakpoint at a high address when the switch to 64-bit mode came after the last stop.
 */
#include <inttypes.h>

#include "gdbstub/impl.h"

enum { CR0_PE = 1, EFER_LMA = 1 << 10, FLAG_VM = 1 << 17 };
enum { REG_BYTES = 32 };

/* ---------------------------------------------------------------- types of flags */

struct bit {
    const char *name;
    unsigned at;
};
/* SDM volume 1, 3.4.3; volume 1, 10.2.3; volume 3, 2.5 and 2.2.1. */
static const struct bit eflags_bits[] = {{"CF", 0},  {"PF", 2},  {"AF", 4},  {"ZF", 6},   {"SF", 7},
                                         {"TF", 8},  {"IF", 9},  {"DF", 10}, {"OF", 11},  {"NT", 14},
                                         {"RF", 16}, {"VM", 17}, {"AC", 18}, {"VIF", 19}, {"VIP", 20},
                                         {"ID", 21}, {NULL, 0}};
static const struct bit mxcsr_bits[] = {{"IE", 0},  {"DE", 1},  {"ZE", 2},  {"OE", 3},  {"UE", 4},
                                        {"PE", 5},  {"DAZ", 6}, {"IM", 7},  {"DM", 8},  {"ZM", 9},
                                        {"OM", 10}, {"UM", 11}, {"PM", 12}, {"FZ", 15}, {NULL, 0}};
static const struct bit cr0_bits[] = {{"PE", 0},  {"MP", 1},  {"EM", 2},  {"TS", 3},  {"ET", 4},  {"NE", 5},
                                      {"WP", 16}, {"AM", 18}, {"NW", 29}, {"CD", 30}, {"PG", 31}, {NULL, 0}};
static const struct bit cr4_bits[] = {
    {"VME", 0},   {"PVI", 1},   {"TSD", 2},   {"DE", 3},        {"PSE", 4},         {"PAE", 5},
    {"MCE", 6},   {"PGE", 7},   {"PCE", 8},   {"OSFXSR", 9},    {"OSXMMEXCPT", 10}, {"UMIP", 11},
    {"LA57", 12}, {"VMXE", 13}, {"SMXE", 14}, {"FSGSBASE", 16}, {"PCIDE", 17},      {"OSXSAVE", 18},
    {"SMEP", 20}, {"SMAP", 21}, {"PKE", 22},  {NULL, 0}};
static const struct bit efer_bits[] = {{"SCE", 0}, {"LME", 8}, {"LMA", 10}, {"NXE", 11}, {NULL, 0}};

static const struct {
    const char *type, *reg; /* reg is one of ours, and has this type */
    unsigned bytes;
    const struct bit *bits;
} flag_types[] = {{"i386_eflags", NULL, 4, eflags_bits},
                  {"i386_mxcsr", NULL, 4, mxcsr_bits},
                  {"bootreel_cr0", "cr0", 8, cr0_bits},
                  {"bootreel_cr4", "cr4", 8, cr4_bits},
                  {"bootreel_efer", "efer", 8, efer_bits}};
enum { FLAG_TYPES = sizeof flag_types / sizeof flag_types[0] };

/* ---------------------------------------------------------------- the layouts */

static const char *const feature_names[FEATURES] = {
    [FEATURE_CORE] = "org.gnu.gdb.i386.core",  [FEATURE_SSE] = "org.gnu.gdb.i386.sse",
    [FEATURE_AVX] = "org.gnu.gdb.i386.avx",    [FEATURE_SEGMENTS] = "org.gnu.gdb.i386.segments",
    [FEATURE_OURS] = "org.bootreel.pc.system",
};

/* A range of registers: a name with %u in it stands for `count` registers. */
struct row {
    enum feature feature;
    const char *narrow, *wide; /* names; NULL if not in that layout */
    unsigned first, count;
    unsigned narrow_bits, wide_bits;
    const char *narrow_type, *wide_type, *group;
    /* Sent with every stop reply: gdb or scripts/gdb reads it at a stop, for frames, arguments or hook-stop. Asking for it would take another
     * packet. */
    bool expedite;
};

#define GENERAL(n, w)                                                                                        \
    {                                                                                                        \
        FEATURE_CORE, n, w, 0, 1, 32, 64, "int32", "int64", NULL, true                                       \
    }
#define POINTER(n, w)                                                                                        \
    {                                                                                                        \
        FEATURE_CORE, n, w, 0, 1, 32, 64, "data_ptr", "data_ptr", NULL, true                                 \
    }
#define SELECTOR(n)                                                                                          \
    {                                                                                                        \
        FEATURE_CORE, n, n, 0, 1, 32, 32, "int32", "int32", NULL, false                                      \
    }
#define X87(n)                                                                                               \
    {                                                                                                        \
        FEATURE_CORE, n, n, 0, 1, 32, 32, "int", "int", "float", false                                       \
    }

static const struct row rows32[] = {
    GENERAL("eax", NULL),
    GENERAL("ecx", NULL),
    GENERAL("edx", NULL),
    GENERAL("ebx", NULL),
    POINTER("esp", NULL),
    POINTER("ebp", NULL),
    GENERAL("esi", NULL),
    GENERAL("edi", NULL),
    {FEATURE_CORE, "eip", NULL, 0, 1, 64, 0, "uint64", NULL, NULL, true},
};
static const struct row rows64[] = {
    GENERAL(NULL, "rax"),
    GENERAL(NULL, "rbx"),
    GENERAL(NULL, "rcx"),
    GENERAL(NULL, "rdx"),
    GENERAL(NULL, "rsi"),
    GENERAL(NULL, "rdi"),
    POINTER(NULL, "rbp"),
    POINTER(NULL, "rsp"),
    {FEATURE_CORE, NULL, "r%u", 8, 8, 0, 64, NULL, "int64", NULL, true},
    {FEATURE_CORE, NULL, "rip", 0, 1, 0, 64, NULL, "code_ptr", NULL, true},
};
static const struct row rows[] = {
    {FEATURE_CORE, "eflags", "eflags", 0, 1, 32, 32, "i386_eflags", "i386_eflags", NULL, true},
    {FEATURE_CORE, "cs", "cs", 0, 1, 32, 32, "int32", "int32", NULL, true},
    SELECTOR("ss"),
    SELECTOR("ds"),
    SELECTOR("es"),
    SELECTOR("fs"),
    SELECTOR("gs"),
    {FEATURE_CORE, "st%u", "st%u", 0, 8, 80, 80, "i387_ext", "i387_ext", NULL, false},
    X87("fctrl"),
    X87("fstat"),
    X87("ftag"),
    X87("fiseg"),
    X87("fioff"),
    X87("foseg"),
    X87("fooff"),
    X87("fop"),
    {FEATURE_SSE, "xmm%u", NULL, 0, 8, 128, 0, "vec128", NULL, NULL, false},
    {FEATURE_SSE, NULL, "xmm%u", 0, 16, 0, 128, NULL, "vec128", NULL, false},
    {FEATURE_SSE, "mxcsr", "mxcsr", 0, 1, 32, 32, "i386_mxcsr", "i386_mxcsr", "vector", false},
    /* gdb puts ymm0 together from xmm0 and this. */
    {FEATURE_AVX, "ymm%uh", NULL, 0, 8, 128, 0, "uint128", NULL, NULL, false},
    {FEATURE_AVX, NULL, "ymm%uh", 0, 16, 0, 128, NULL, "uint128", NULL, false},
    {FEATURE_SEGMENTS, NULL, "fs_base", 0, 1, 0, 64, NULL, "int", NULL, false},
    {FEATURE_SEGMENTS, NULL, "gs_base", 0, 1, 0, 64, NULL, "int", NULL, false},
    {FEATURE_OURS, "icount", "icount", 0, 1, 64, 64, "uint64", "uint64", NULL, true},
    {FEATURE_OURS, "time_ns", "time_ns", 0, 1, 64, 64, "uint64", "uint64", NULL, true},
    {FEATURE_OURS, "code_bits", "code_bits", 0, 1, 32, 32, "uint32", "uint32", "system", true},
    {FEATURE_OURS, "cpu_mode", "cpu_mode", 0, 1, 32, 32, "uint32", "uint32", "system", true},
};

static bool in_layout(const struct layout *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->reg[i].name, name))
            return true;
    return false;
}

/* eax is the engine's rax. */
static int engine_reg(const struct gdbstub *g, const char *name)
{
    char wide[16];
    int reg = timeline_reg_index(g->tl, name);
    if (reg >= 0 || name[0] != 'e')
        return reg;
    snprintf(wide, sizeof wide, "r%s", name + 1);
    return timeline_reg_index(g->tl, wide);
}

static enum layout_kind kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum layout_kind kind;
    } special[] = {{"eip", LAYOUT_PC},
                   {"rip", LAYOUT_PC},
                   {"icount", LAYOUT_ICOUNT},
                   {"time_ns", LAYOUT_TIME},
                   {"code_bits", LAYOUT_CODE_BITS},
                   {"cpu_mode", LAYOUT_MODE}};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (!strcmp(special[i].name, name))
            return special[i].kind;
    return LAYOUT_REG;
}

static void layout_add(const struct gdbstub *g, struct layout *l, const struct layout_reg *reg)
{
    struct layout_reg *r = &l->reg[l->n];
    if (l->n == MAX_LAYOUT || in_layout(l, reg->name))
        return;
    *r = *reg;
    r->kind = kind_of(r->name);
    r->reg = engine_reg(g, r->name);
    l->n++;
}

/* A name from a table, with its number inserted if it has one. */
__attribute__((format(printf, 2, 0))) static void name_set(struct layout_reg *r, const char *pattern,
                                                           unsigned i)
{
    snprintf(r->name, sizeof r->name, pattern, i);
}

static void layout_rows(const struct gdbstub *g, struct layout *l, const struct row *row, size_t n)
{
    for (; n; n--, row++) {
        struct layout_reg r = {.feature = row->feature,
                               .bits = l->wide ? row->wide_bits : row->narrow_bits,
                               .type = l->wide ? row->wide_type : row->narrow_type,
                               .group = row->group,
                               .expedite = row->expedite};
        const char *pattern = l->wide ? row->wide : row->narrow;
        if (row->feature == FEATURE_AVX && engine_reg(g, "ymm0h") < 0)
            continue;
        for (unsigned i = 0; pattern && i < row->count; i++) {
            name_set(&r, pattern, row->first + i);
            layout_add(g, l, &r);
        }
    }
}

#define ROWS(table) table, sizeof(table) / sizeof((table)[0])

/* cr3 and similar registers are shown with the general ones; the rest are in the group "system". */
static bool shown_always(const char *name)
{
    static const char *const names[] = {"cr0",  "cr2",       "cr3",     "cr4",     "cr8",
                                        "efer", "k_gs_base", "cs_base", "fs_base", "gs_base"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static const char *type_of(const char *name, unsigned bits)
{
    for (size_t f = 0; f < FLAG_TYPES; f++)
        if (flag_types[f].reg && !strcmp(flag_types[f].reg, name))
            return flag_types[f].type;
    return bits > 32 ? "uint64" : bits > 16 ? "uint32" : bits > 8 ? "uint16" : "uint8";
}

/* The engine's registers beyond the features that gdb knows. */
static void layout_ours(const struct gdbstub *g, struct layout *l)
{
    size_t count;
    const struct reg_desc *d = timeline_regs(g->tl, &count);
    for (size_t i = 0; i < count; i++) {
        struct layout_reg r = {
            .feature = FEATURE_OURS, .bits = d[i].bits, .type = type_of(d[i].name, d[i].bits)};
        if ((d[i].group != REG_CONTROL && d[i].group != REG_SYSTEM) || d[i].bits > 64 ||
            strlen(d[i].name) >= sizeof r.name)
            continue;
        snprintf(r.name, sizeof r.name, "%s", d[i].name);
        r.group = shown_always(r.name) ? NULL : "system";
        /* In 16-bit code hook-stop shows an address with its segment. */
        r.expedite = !strcmp(r.name, "cs_base");
        layout_add(g, l, &r);
    }
}

static void layout_make(struct gdbstub *g, bool wide)
{
    struct layout *l = &g->layouts[wide];
    *l = (struct layout){.wide = wide};
    if (wide)
        layout_rows(g, l, ROWS(rows64));
    else
        layout_rows(g, l, ROWS(rows32));
    layout_rows(g, l, ROWS(rows));
    layout_ours(g, l);
}

void layouts_make(struct gdbstub *g)
{
    layout_make(g, false);
    layout_make(g, true);
}

const struct layout *layout_for(struct gdbstub *g, unsigned cpu)
{
    return &g->layouts[stub_code_bits(g, cpu) == 64];
}

/* ---------------------------------------------------------------- target.xml */

static void xml_flags(struct text *x, enum feature f)
{
    for (size_t i = 0; i < FLAG_TYPES; i++) {
        enum feature home = flag_types[i].reg ? FEATURE_OURS : i ? FEATURE_SSE : FEATURE_CORE;
        if (home != f)
            continue;
        text_add(x, "<flags id=\"%s\" size=\"%u\">\n", flag_types[i].type, flag_types[i].bytes);
        for (const struct bit *b = flag_types[i].bits; b->name; b++)
            text_add(x, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>\n", b->name, b->at, b->at);
        text_add(x, "</flags>\n");
    }
}

static void xml_vectors(struct text *x)
{
    static const struct {
        const char *id, *type, *field;
        unsigned count;
    } vec[] = {{"v4f", "ieee_single", "v4_float", 4}, {"v2d", "ieee_double", "v2_double", 2},
               {"v16i8", "int8", "v16_int8", 16},     {"v8i16", "int16", "v8_int16", 8},
               {"v4i32", "int32", "v4_int32", 4},     {"v2i64", "int64", "v2_int64", 2}};
    enum { N = sizeof vec / sizeof vec[0] };
    for (unsigned i = 0; i < N; i++)
        text_add(x, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", vec[i].id, vec[i].type, vec[i].count);
    text_add(x, "<union id=\"vec128\">\n");
    for (unsigned i = 0; i < N; i++)
        text_add(x, "<field name=\"%s\" type=\"%s\"/>\n", vec[i].field, vec[i].id);
    text_add(x, "<field name=\"uint128\" type=\"uint128\"/>\n</union>\n");
}

static void xml_reg(struct text *x, const struct layout_reg *r)
{
    text_add(x, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", r->name, r->bits, r->type);
    if (r->group)
        text_add(x, " group=\"%s\"", r->group);
    text_add(x, "%s/>\n", r->kind == LAYOUT_REG || r->kind == LAYOUT_PC ? "" : " save-restore=\"no\"");
}

/* Writes the registers of a feature from the i-th on; returns the first one of another feature. */
static size_t xml_feature(struct text *x, const struct layout *l, size_t i)
{
    enum feature f = l->reg[i].feature;
    text_add(x, "<feature name=\"%s\">\n", feature_names[f]);
    xml_flags(x, f);
    if (f == FEATURE_SSE)
        xml_vectors(x);
    for (; i < l->n && l->reg[i].feature == f; i++)
        xml_reg(x, &l->reg[i]);
    text_add(x, "</feature>\n");
    return i;
}

char *target_xml(struct gdbstub *g, unsigned cpu)
{
    const struct layout *l = layout_for(g, cpu);
    unsigned bits = stub_code_bits(g, cpu);
    struct text x = {0};
    /* "compatible" makes gdb accept symbols of a 64-bit kernel while the processor is still in real mode. */
    text_add(
        &x,
        "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
        "<architecture>%s</architecture>\n<osabi>none</osabi>\n%s",
        bits == 64   ? "i386:x86-64"
        : bits == 32 ? "i386"
                     : "i8086",
        bits == 64 ? "" : "<compatible>i386:x86-64</compatible>\n");
    for (size_t i = 0; i < l->n;)
        i = xml_feature(&x, l, i);
    text_add(&x, "</target>\n");
    return x.s;
}

/* ---------------------------------------------------------------- values */

uint64_t seen_pc(struct gdbstub *g, unsigned cpu)
{
    uint64_t pc = 0;
    if (cpu & GUEST_TASK)
        return stub_task_reg(g, cpu, "rip", &pc) ? pc : 0;
    return g->offset_pc ? timeline_reg(g->tl, cpu, "rip") : timeline_pc(g->tl, cpu);
}

static uint64_t special_value(struct gdbstub *g, const struct layout_reg *r, unsigned cpu)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    switch (r->kind) {
    case LAYOUT_PC:
        return seen_pc(g, cpu);
    case LAYOUT_ICOUNT:
        return w.icount;
    case LAYOUT_TIME:
        return w.time;
    case LAYOUT_CODE_BITS:
        return stub_code_bits(g, cpu);
    default:
        return cpu & GUEST_TASK ? VIEW_LONG : view_mode(timeline_look(g->tl), cpu);
    }
}

static size_t reg_bytes(const struct layout_reg *r)
{
    return (r->bits + 7) / 8;
}

/* False if the engine does not have the register. */
static bool value_get(struct gdbstub *g, const struct layout_reg *r, unsigned cpu, uint8_t value[REG_BYTES])
{
    memset(value, 0, REG_BYTES);
    if (r->kind == LAYOUT_REG && cpu & GUEST_TASK) {
        uint64_t saved;
        const bool known = stub_task_reg(g, cpu, r->name, &saved);
        memcpy(value, &saved, known ? sizeof saved : 0);
        return known;
    }
    if (r->kind == LAYOUT_REG)
        return r->reg >= 0 && !timeline_reg_get(g->tl, cpu, (size_t)r->reg, value);
    uint64_t v = special_value(g, r, cpu);
    memcpy(value, &v, 8);
    return true;
}

bool layout_value(struct gdbstub *g, const struct layout *l, unsigned number, unsigned cpu, uint64_t *value)
{
    uint8_t bytes[REG_BYTES];
    if (number >= l->n || l->reg[number].bits > 64 || !value_get(g, &l->reg[number], cpu, bytes))
        return false;
    *value = 0;
    memcpy(value, bytes, reg_bytes(&l->reg[number]));
    return true;
}

static void reply_value(struct gdbstub *g, const struct layout_reg *r, unsigned cpu)
{
    uint8_t value[REG_BYTES];
    if (value_get(g, r, cpu, value))
        reply_hex(g, value, reg_bytes(r));
    else
        for (size_t i = 0; i < reg_bytes(r); i++)
            reply_text(g, "xx");
}

/* Sets the register if that changes it, because an unchanged one must not begin a diversion. A narrow value
 * keeps the upper bits of the engine's register. Returns 0, or -1. */
static int value_set(struct gdbstub *g, const struct layout_reg *r, unsigned cpu, const uint8_t *value)
{
    uint8_t was[REG_BYTES] = {0}, v[REG_BYTES] = {0};
    uint8_t seen[REG_BYTES];
    if (!value_get(g, r, cpu, seen))
        return -1;
    if (cpu & GUEST_TASK)
        return memcmp(seen, value, reg_bytes(r)) ? -1 : 0;
    if (!memcmp(seen, value, reg_bytes(r)))
        return 0;
    if (r->reg < 0 || timeline_reg_get(g->tl, cpu, (size_t)r->reg, was))
        return -1;
    memcpy(v, was, sizeof v);
    memcpy(v, value, reg_bytes(r));
    if (r->kind == LAYOUT_PC) {
        uint64_t pc, base = seen_pc(g, cpu) - timeline_reg(g->tl, cpu, "rip");
        memcpy(&pc, value, 8);
        pc -= base;
        if (timeline_code_bits(g->tl, cpu) != 64)
            pc = (uint32_t)pc;
        memcpy(v, &pc, 8);
        g->pc_set = true;
    }
    return timeline_reg_set(g->tl, cpu, (size_t)r->reg, v);
}

/* ---------------------------------------------------------------- packets */

void gdb_regs_get(struct gdbstub *g, const char *args)
{
    for (size_t i = 0; i < g->layout->n; i++)
        reply_value(g, &g->layout->reg[i], g->cpu_g);
}

static size_t layout_bytes(const struct layout *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += reg_bytes(&l->reg[i]);
    return n;
}

void gdb_regs_set(struct gdbstub *g, const char *args)
{
    uint8_t value[REG_BYTES];
    if (strlen(args) != 2 * layout_bytes(g->layout)) {
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    for (size_t i = 0; i < g->layout->n; i++) {
        const struct layout_reg *r = &g->layout->reg[i];
        size_t n = reg_bytes(r);
        /* "xx" is a value that gdb does not have. Entries that are not registers cannot be set, and are
         * skipped. */
        if (hex_decode(args, n, value) && (r->kind == LAYOUT_REG || r->kind == LAYOUT_PC) &&
            value_set(g, r, g->cpu_g, value)) {
            reply_fail(g, "%s cannot be set", r->name);
            return;
        }
        args += 2 * n;
    }
    reply_text(g, "OK");
}

static const struct layout_reg *reg_number(struct gdbstub *g, const char **args)
{
    uint64_t n;
    return hex_number(args, &n) && n < g->layout->n ? &g->layout->reg[n] : NULL;
}

void gdb_reg_get(struct gdbstub *g, const char *args)
{
    const struct layout_reg *r = reg_number(g, &args);
    if (!r || *args)
        reply_error(g, FAIL_ARGUMENT);
    else
        reply_value(g, r, g->cpu_g);
}

/* Whether a value is written to something that is no register by a gdb that restores what it saved, after a call of a function of the guest:
 * what it is now, or, in a diversion, was where gdb let the guest go on not long ago. gdb writes what it has read, whatever the description says of
 * saving (i386_register_reggroup_p in gdb/i386-tdep.c). */
static bool is_restored(struct gdbstub *g, const struct layout_reg *r, const uint8_t *value)
{
    uint64_t given = 0;
    memcpy(&given, value, reg_bytes(r));
    if (given == special_value(g, r, g->cpu_g))
        return true;
    for (size_t i = 0; i < sizeof g->left / sizeof g->left[0] && timeline_diverted(g->tl); i++)
        if ((r->kind == LAYOUT_ICOUNT && given == g->left[i].icount) ||
            (r->kind == LAYOUT_TIME && given == g->left[i].time))
            return true;
    return false;
}

void gdb_reg_set(struct gdbstub *g, const char *args)
{
    uint8_t value[REG_BYTES];
    const struct layout_reg *r = reg_number(g, &args);
    if (!r || *args != '=' || strlen(args + 1) != 2 * reg_bytes(r) ||
        !hex_decode(args + 1, reg_bytes(r), value))
        reply_error(g, FAIL_ARGUMENT);
    else if (r->kind != LAYOUT_REG && r->kind != LAYOUT_PC && is_restored(g, r, value))
        reply_text(g, "OK");
    else if (r->kind != LAYOUT_REG && r->kind != LAYOUT_PC)
        reply_fail(g, "%s cannot be set: to go somewhere use boot-seek or monitor seek", r->name);
    else if (value_set(g, r, g->cpu_g, value))
        reply_fail(g, "%s cannot be set", r->name);
    else
        reply_text(g, "OK");
}

void reply_expedited(struct gdbstub *g, unsigned cpu)
{
    for (size_t i = 0; i < g->layout->n; i++) {
        const struct layout_reg *r = &g->layout->reg[i];
        if (r->expedite) {
            reply_text(g, "%zx:", i);
            reply_value(g, r, cpu);
            reply_text(g, ";");
        }
    }
}

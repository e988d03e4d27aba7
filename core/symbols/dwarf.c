/* dwarf.c - a table's lines, functions and call frames as debug sections that gdb reads. See symbols.h. DWARF
 * Debugging Information Format 4: 6.2 lines (lines_dwarf.c), 6.4 call frames, 7 encodings; register numbers:
 * System V ABI, i386 (table 2.14) and x86-64 (figure 3.36).
 *
 * A table is one compilation unit: the original units are not kept. It has no types, arguments or variables;
 * functions whose prototypes are known are in units of their own (btf_functions.c), with their lines.
 *
 * Call frames are generated rather than copied, for two reasons. In real mode the compiler's frames do not
 * fit a debugger with linear addresses: SP is relative to SS, and a return address to CS. And gdb may see eip
 * as 64 bits (gdbstub/regs.c), but the stack has 32 of them.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/symbols/private/bytes.h"
#include "core/symbols/private/impl.h"
#include "core/symbols/private/lines_dwarf.h"

enum { ABBREV, INFO, LINE, RANGES, FRAMES };

struct symbols_dwarf {
    struct bytes section[DWARF_SECTIONS];
};

static const char *const names[DWARF_SECTIONS] = {
    [ABBREV] = ".debug_abbrev", [INFO] = ".debug_info",    [LINE] = ".debug_line",
    [RANGES] = ".debug_ranges", [FRAMES] = ".debug_frame",
};

/* ---------------------------------------------------------------- bytes */

/* Little-endian, as the host is. */
static size_t put_int(struct bytes *b, uint64_t v, size_t n)
{
    return put(b, &v, n);
}

static void put_sleb(struct bytes *b, int64_t v)
{
    for (; v < -64 || v > 63; v >>= 7)
        put_byte(b, (uint8_t)(v | 0x80));
    put_byte(b, v & 0x7f);
}

static void put_string(struct bytes *b, const char *s)
{
    put(b, s, strlen(s) + 1);
}

/* A four-byte length before the data that it counts: begin reserves it, end fills it in. */
static size_t begin_length(struct bytes *b)
{
    return put_int(b, 0, 4);
}

static void end_length(struct bytes *b, size_t at)
{
    uint32_t n = (uint32_t)(b->n - at - 4);
    memcpy(b->p + at, &n, 4);
}

/* ---------------------------------------------------------------- .debug_abbrev, .debug_info */

enum { UNIT = 1, FUNCTION, STATIC_FUNCTION };

static void put_abbrev(struct bytes *b, unsigned code, unsigned tag, bool children, const uint8_t (*at)[2])
{
    put_uleb(b, code);
    put_uleb(b, tag);
    put_byte(b, children);
    for (; (*at)[0]; at++)
        put(b, *at, 2); /* attributes and forms below 80h are one byte each */
    put_int(b, 0, 2);
}

static void put_abbrevs(struct bytes *b)
{
    static const uint8_t unit[][2] = {{DW_AT_producer, DW_FORM_string},
                                      {DW_AT_language, DW_FORM_data1},
                                      {DW_AT_name, DW_FORM_string},
                                      {DW_AT_stmt_list, DW_FORM_sec_offset},
                                      {DW_AT_ranges, DW_FORM_sec_offset},
                                      {DW_AT_low_pc, DW_FORM_addr},
                                      {0, 0}};
    static const uint8_t function[][2] = {{DW_AT_external, DW_FORM_flag_present},
                                          {DW_AT_name, DW_FORM_string},
                                          {DW_AT_low_pc, DW_FORM_addr},
                                          {DW_AT_high_pc, DW_FORM_data8},
                                          {DW_AT_decl_file, DW_FORM_udata},
                                          {DW_AT_decl_line, DW_FORM_udata},
                                          {0, 0}};
    put_abbrev(b, UNIT, DW_TAG_compile_unit, true, unit);
    put_abbrev(b, FUNCTION, DW_TAG_subprogram, false, function);
    put_abbrev(b, STATIC_FUNCTION, DW_TAG_subprogram, false, function + 1);
    put_byte(b, 0);
}

/* Functions are code symbols with a size and a line. */
static void put_function(struct bytes *b, const struct symbol_table *t, const struct entry *e, uint64_t bias,
                         const uint32_t *file)
{
    long row = symbol_table_row_at(t, e->address);
    bool global = e->type >= 'A' && e->type <= 'Z';
    if (!symbol_is_code(e->type) || !(e->flags & SYMBOL_SIZED) || e->flags & SYMBOL_ABSOLUTE || row < 0 ||
        !t->lines[row].line || !file[t->lines[row].file])
        return;
    put_uleb(b, global ? FUNCTION : STATIC_FUNCTION);
    put_string(b, t->names + e->name);
    put_int(b, e->address + bias, 8);
    put_int(b, e->size, 8);
    put_uleb(b, file[t->lines[row].file]);
    put_uleb(b, t->lines[row].line);
}

/* Writes a mapping's unit. Its lines begin at `line` in their section, with files by these numbers; its
 * ranges at `ranges`. */
static void put_unit(struct symbols_dwarf *d, const struct symbol_mapping *m, const struct lines_spans *but,
                     size_t line, size_t ranges, const uint32_t *file)
{
    struct bytes *b = &d->section[INFO];
    size_t length = begin_length(b);
    put_int(b, 4, 2);
    put_int(b, 0, 4); /* in .debug_abbrev */
    put_byte(b, 8);
    put_uleb(b, UNIT);
    /* gdb believes call frames at a return instruction only if a gcc from 4.5 on made them. */
    put_string(b, "GNU C11 12.2.0");
    put_byte(b, DW_LANG_C99);
    put_string(b, m->table->name);
    put_int(b, line, 4);
    put_int(b, ranges, 4);
    put_int(b, 0, 8);
    for (size_t i = 0; i < m->table->n; i++)
        if (!lines_spans_have(but, m->table->entries[i].address + m->bias))
            put_function(b, m->table, &m->table->entries[i], m->bias, file);
    put_byte(b, 0);
    end_length(b, length);
}

/* ---------------------------------------------------------------- .debug_frame */

enum { ESP = 4, EIP = 8, RIP = 16, CS = 41, SS = 42 }; /* i386 numbers, except for rip */
enum { FRAME_KIND = FRAME_WIDE | FRAME_SEGMENTED | FRAME_INTERRUPT, FRAME_KINDS = FRAME_KIND + 1 };

static void put_block(struct bytes *b, const struct bytes *block)
{
    put_uleb(b, block->n);
    put(b, block->p, block->n);
}

/* Writes the rule that the caller's register is what the expression computes from the CFA. Frees the
 * expression. */
static void put_value_rule(struct bytes *b, unsigned reg, struct bytes *expression)
{
    put_byte(b, DW_CFA_val_expression);
    put_uleb(b, reg);
    put_block(b, expression);
    free(expression->p);
}

/* Puts the base of a segment register in real mode on the expression's stack. */
static void put_segment(struct bytes *x, unsigned reg)
{
    put_byte(x, DW_OP_bregx);
    put_uleb(x, reg);
    put_sleb(x, 0);
    put_byte(x, DW_OP_lit4);
    put_byte(x, DW_OP_shl);
}

/* The caller's eip is in the four bytes below the CFA; in real mode these hold an offset in CS. */
static void put_eip_rule(struct bytes *b, bool segmented)
{
    struct bytes x = {0};
    put_byte(&x, DW_OP_lit4);
    put_byte(&x, DW_OP_minus);
    put_byte(&x, DW_OP_deref_size);
    put_byte(&x, 4);
    if (segmented) {
        put_segment(&x, CS);
        put_byte(&x, DW_OP_plus);
    }
    put_value_rule(b, EIP, &x);
}

/* Replaces the CFA on the stack by the interrupted code's EFLAGS.VM: zero or 2. */
static void put_virtual_8086(struct bytes *x)
{
    enum { EFLAGS_BYTE = 6, VM = 2 };
    put_byte(x, DW_OP_plus_uconst);
    put_uleb(x, EFLAGS_BYTE);
    put_byte(x, DW_OP_deref_size);
    put_byte(x, 1);
    put_byte(x, DW_OP_lit0 + VM);
    put_byte(x, DW_OP_and);
}

/* The eip of 32-bit code that was interrupted is below the CFA; in virtual 8086 mode it is relative to CS *
 * 16. */
static void put_interrupted_eip(struct bytes *b)
{
    static const uint8_t eip[] = {DW_OP_dup, DW_OP_lit4,       DW_OP_minus, DW_OP_deref_size, 4, DW_OP_swap,
                                  DW_OP_dup, DW_OP_deref_size, 2,           DW_OP_swap};
    static const uint8_t sum[] = {DW_OP_lit3, DW_OP_shl, DW_OP_mul, DW_OP_plus};
    struct bytes x = {0};
    put(&x, eip, sizeof eip); /* eip, cs, the CFA */
    put_virtual_8086(&x);
    put(&x, sum, sizeof sum);
    put_value_rule(b, EIP, &x);
}

/* The interrupted code's esp: it was pushed only in another ring or in virtual 8086 mode; otherwise esp is
 * the address where it would be. */
static void put_interrupted_esp(struct bytes *b)
{
    enum { ESP_PLACE = 8, DEREF = 2 };
    static const uint8_t ring[] = {DW_OP_dup, DW_OP_deref_size, 1, DW_OP_lit3, DW_OP_and, DW_OP_over};
    static const uint8_t choose[] = {DW_OP_or,   DW_OP_swap, DW_OP_plus_uconst, ESP_PLACE,
                                     DW_OP_swap, DW_OP_lit0, DW_OP_eq,          DW_OP_bra,
                                     DEREF,      0,          DW_OP_deref_size,  4};
    struct bytes x = {0};
    put(&x, ring, sizeof ring);
    put_virtual_8086(&x);
    put(&x, choose, sizeof choose);
    put_value_rule(b, ESP, &x);
}

/* The caller's esp is the CFA, relative to SS. */
static void put_esp_rule(struct bytes *b)
{
    struct bytes x = {0};
    put_segment(&x, SS);
    put_byte(&x, DW_OP_minus);
    put_value_rule(b, ESP, &x);
}

static size_t put_cie(struct bytes *b, unsigned kind)
{
    size_t at = begin_length(b);
    bool wide = kind & FRAME_WIDE;
    put_int(b, UINT32_MAX, 4);
    put_byte(b, 4);
    put_string(b, kind & FRAME_INTERRUPT
                      ? "S"
                      : ""); /* augmentation: the caller's address is not a return address */
    put_byte(b, 8);          /* bytes of an address */
    put_byte(b, 0);          /* of a segment */
    put_uleb(b, 1);          /* factors of code and data */
    put_sleb(b, 1);
    put_uleb(b, wide ? RIP : EIP);
    if (wide) {
        put_byte(b, DW_CFA_offset_extended_sf);
        put_uleb(b, RIP);
        put_sleb(b, -8);
    } else if (kind & FRAME_INTERRUPT) {
        put_interrupted_eip(b);
        put_interrupted_esp(b);
    } else {
        put_eip_rule(b, kind & FRAME_SEGMENTED);
    }
    if (kind & FRAME_SEGMENTED)
        put_esp_rule(b);
    while ((b->n - at) % 8 != 4)
        put_byte(b, DW_CFA_nop);
    end_length(b, at);
    return at;
}

static void put_cfa(struct bytes *b, const struct symbol_frame *f)
{
    struct bytes x = {0};
    if (!(f->flags & FRAME_SEGMENTED)) {
        put_byte(b, DW_CFA_def_cfa_sf);
        put_uleb(b, f->base);
        put_sleb(b, f->offset);
        return;
    }
    put_byte(&x, DW_OP_bregx);
    put_uleb(&x, f->base);
    put_sleb(&x, f->offset);
    put_segment(&x, SS);
    put_byte(&x, DW_OP_plus);
    put_byte(b, DW_CFA_def_cfa_expression);
    put_block(b, &x);
    free(x.p);
}

static bool is_saved(const struct symbol_frame *f, unsigned reg)
{
    for (unsigned i = 0; i < f->nsaved; i++)
        if (f->saved[i].reg == reg)
            return true;
    return false;
}

/* Writes the rules that differ from the previous row's; all of them if `last` is NULL. */
static void put_rule(struct bytes *b, const struct symbol_frame *f, const struct symbol_frame *last)
{
    put_cfa(b, f);
    if (f->flags & FRAME_OUTERMOST) {
        put_byte(b, DW_CFA_undefined);
        put_uleb(b, f->flags & FRAME_WIDE ? RIP : EIP);
    }
    for (unsigned i = 0; i < f->nsaved; i++) {
        put_byte(b, DW_CFA_offset_extended_sf);
        put_uleb(b, f->saved[i].reg);
        put_sleb(b, f->saved[i].offset);
    }
    for (unsigned i = 0; last && i < last->nsaved; i++)
        if (!is_saved(f, last->saved[i].reg)) {
            put_byte(b, DW_CFA_restore_extended);
            put_uleb(b, last->saved[i].reg);
        }
}

/* Writes the rows from `i` on that have the same kind of rules, but not too many, since a reader goes through
 * all of them. Returns the row after them. */
static size_t put_fde(struct bytes *b, const struct symbol_mapping *m, size_t i, size_t cie)
{
    enum { MANY = 64 };
    const struct symbol_frame *f = m->table->frames, *last = NULL;
    size_t length = begin_length(b), first = i, n = m->table->nframes;
    put_int(b, cie, 4);
    put_int(b, f[i].address + m->bias, 8);
    size_t range = put_int(b, 0, 8);
    for (; i < n && i - first < MANY && f[i].base != FRAME_UNKNOWN && f[i].flags == f[first].flags; i++) {
        if (last) {
            put_byte(b, DW_CFA_advance_loc4);
            put_int(b, f[i].address - last->address, 4);
        }
        put_rule(b, &f[i], last);
        last = &f[i];
    }
    uint64_t size = (i < n ? f[i].address : last->address + 1) - f[first].address;
    memcpy(b->p + range, &size, 8);
    while ((b->n - length) % 8 != 4)
        put_byte(b, DW_CFA_nop);
    end_length(b, length);
    return i;
}

/* Nothing calls these entries of a 64-bit Linux kernel, and its ORC tables say no more than that. A debugger
 * that unwinds by those asks here next; without an answer it takes what is on the stack for a caller, 0 as a
 * rule. */
static void put_linux_entries(struct bytes *b, const struct symbol_mapping *m)
{
    enum { RSP = 7 };
    static const char *const entries[] = {"startup_64", "secondary_startup_64",
                                          "secondary_startup_64_no_verify", "ret_from_fork",
                                          "ret_from_fork_asm"};
    const struct symbol_table *t = m->table;
    struct symbol sym;
    size_t cie = SIZE_MAX;
    if (t->nframes || strcmp(t->source, "kallsyms") || t->low + m->bias <= UINT32_MAX)
        return;
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (!symbol_table_find(t, entries[i], &sym) || !sym.size)
            continue;
        struct symbol_frame rows[] = {
            {.address = sym.address, .base = RSP, .flags = FRAME_WIDE | FRAME_OUTERMOST, .offset = 8},
            {.address = sym.address + sym.size, .base = FRAME_UNKNOWN}};
        const struct symbol_table entry = {.frames = rows, .nframes = 2};
        const struct symbol_mapping at = {.table = &entry, .bias = m->bias};
        cie = cie == SIZE_MAX ? put_cie(b, FRAME_WIDE) : cie;
        put_fde(b, &at, 0, cie);
    }
}

static void put_frames(struct bytes *b, const struct symbol_mapping *m)
{
    const struct symbol_table *t = m->table;
    size_t cie[FRAME_KINDS];
    bool there[FRAME_KINDS] = {false};
    for (size_t i = 0; i < t->nframes;) {
        unsigned kind = t->frames[i].flags & FRAME_KIND;
        if (t->frames[i].base == FRAME_UNKNOWN) {
            i++;
            continue;
        }
        if (!there[kind])
            cie[kind] = put_cie(b, kind);
        there[kind] = true;
        i = put_fde(b, m, i, cie[kind]);
    }
}

/* ---------------------------------------------------------------- the whole */

struct symbols_dwarf *symbols_dwarf_new(bool lines)
{
    struct symbols_dwarf *d = mem_zero(1, sizeof *d);
    if (lines)
        put_abbrevs(&d->section[ABBREV]);
    return d;
}

void symbols_dwarf_free(struct symbols_dwarf *d)
{
    for (unsigned i = 0; d && i < DWARF_SECTIONS; i++)
        free(d->section[i].p);
    free(d);
}

size_t symbols_dwarf_lines(struct symbols_dwarf *d, const struct symbol_mapping *m,
                           const struct lines_spans *of)
{
    struct bytes ranges = {0};
    uint32_t *file = mem_zero(m->table->nfiles + 1, sizeof *file);
    const size_t at = lines_dwarf_put(&d->section[LINE], &ranges, m, of, file);
    free(file);
    free(ranges.p);
    return at;
}

static void add_lines(struct symbols_dwarf *d, const struct symbol_mapping *m, const struct lines_spans *but)
{
    struct lines_spans rest = lines_spans_rest(m, but);
    uint32_t *file = mem_zero(m->table->nfiles + 1, sizeof *file);
    const size_t ranges = d->section[RANGES].n;
    const size_t line = lines_dwarf_put(&d->section[LINE], &d->section[RANGES], m, &rest, file);
    put_int(&d->section[RANGES], 0, 8);
    put_int(&d->section[RANGES], 0, 8);
    put_unit(d, m, but, line, ranges, file);
    free(file);
    free(rest.span);
}

void symbols_dwarf_add(struct symbols_dwarf *d, const struct symbol_mapping *m, const struct lines_spans *but)
{
    put_frames(&d->section[FRAMES], m);
    put_linux_entries(&d->section[FRAMES], m);
    if (m->table->nlines)
        add_lines(d, m, but);
}

void symbols_dwarf_add_frames(struct symbols_dwarf *d, const struct symbol_mapping *m)
{
    put_frames(&d->section[FRAMES], m);
}

const char *symbols_dwarf_section(const struct symbols_dwarf *d, unsigned i, const void **data, size_t *size)
{
    *data = d->section[i].p;
    *size = d->section[i].n;
    return names[i];
}

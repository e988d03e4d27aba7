/* view_cpu.c - registers; flags, control registers, segments and tables in words. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/app_impl.h"

static uint64_t number(const uint8_t value[16])
{
    uint64_t v;
    memcpy(&v, value, sizeof v);
    return v;
}

/* ---------------------------------------------------------------- registers */

enum { PLACES = 160 };

/* Where each register is, so that one can be selected. */
struct registers_state {
    struct {
        size_t row;
        int x, n, reg;
    } place[PLACES];
    size_t n, at;
};

static struct registers_state *registers_state(struct pane *p)
{
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct registers_state));
    return p->state;
}

static void add_register(struct app *a, struct pane *p, const char *name, const char *shown, unsigned digits)
{
    struct registers_state *st = registers_state(p);
    int reg = timeline_reg_index(a->s->tl, name), at = p->doc.row[p->doc.n - 1].n;
    if (reg < 0 || reg >= SESSION_REGS_MAX)
        return;
    uint64_t v = number(a->s->reg[reg].now), mask = digits < 16 ? (1ull << (4 * digits)) - 1 : UINT64_MAX;
    bool changed = (v ^ number(a->s->reg[reg].before)) & mask;
    doc_add(&p->doc, STYLE_LABEL, "%-*s ", digits == 4 ? 2 : digits > 8 ? 3 : 4, shown);
    doc_add(&p->doc, changed ? STYLE_CHANGED : STYLE_NUMBER, "%0*" PRIx64, (int)digits, v & mask);
    if (st->n < PLACES) {
        st->place[st->n].row = p->doc.n - 1;
        st->place[st->n].x = at;
        st->place[st->n].n = p->doc.row[p->doc.n - 1].n - at;
        st->place[st->n++].reg = reg;
    }
}

static const char *const wide_names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static void add_general(struct app *a, struct pane *p, bool wide)
{
    int width = wide ? 22 : 15, columns = (p->w - 1) / width, n = wide ? 16 : 8;
    if (columns > (wide ? 4 : 3))
        columns = wide ? 4 : 3;
    if (columns < 1)
        columns = 1;
    for (int i = 0; i < n; i++) {
        char shown[8];
        if (i % columns == 0) {
            doc_row(&p->doc, ROW_REGISTER, 0);
            doc_add(&p->doc, STYLE_NORMAL, " ");
        }
        snprintf(shown, sizeof shown, wide ? "%s" : "e%s", wide ? wide_names[i] : wide_names[i] + 1);
        add_register(a, p, wide_names[i], shown, wide ? 16 : 8);
        doc_add(&p->doc, STYLE_NORMAL, "  ");
    }
}

static void add_flags(struct app *a, struct pane *p)
{
    char words[200];
    int reg = timeline_reg_index(a->s->tl, "eflags");
    if (reg < 0)
        return;
    view_bits_text("eflags", number(a->s->reg[reg].now), words, sizeof words);
    doc_row(&p->doc, ROW_REGISTER, 0);
    doc_add(&p->doc, STYLE_NORMAL, " ");
    add_register(a, p, "eflags", "flags", 8);
    doc_add(&p->doc, session_changed(a->s, (size_t)reg) ? STYLE_CHANGED : STYLE_NORMAL, "  %s", words);
}

static const char *const segment_names[] = {"cs", "ss", "ds", "es", "fs", "gs"};

static void add_segments(struct app *a, struct pane *p)
{
    int columns = (p->w - 1) / 25 ? (p->w - 1) / 25 : 1;
    for (int i = 0; i < 6; i++) {
        char base[16];
        if (i % columns == 0) {
            doc_row(&p->doc, ROW_REGISTER, 0);
            doc_add(&p->doc, STYLE_NORMAL, " ");
        }
        add_register(a, p, segment_names[i], segment_names[i], 4);
        snprintf(base, sizeof base, "%s_base", segment_names[i]);
        doc_add(&p->doc, STYLE_DIM, " %-16" PRIx64, timeline_reg(a->s->tl, a->s->where.cpu, base));
    }
}

static void add_control(struct app *a, struct pane *p, bool wide)
{
    static const char *const names[] = {"cr0", "cr2", "cr3", "cr4", "efer"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char words[200];
        int reg = timeline_reg_index(a->s->tl, names[i]);
        if (reg < 0)
            continue;
        doc_row(&p->doc, ROW_REGISTER, 0);
        doc_add(&p->doc, STYLE_NORMAL, " ");
        add_register(a, p, names[i], names[i], wide && *names[i] == 'c' ? 16 : 8);
        view_bits_text(names[i], number(a->s->reg[reg].now), words, sizeof words);
        doc_add(&p->doc, session_changed(a->s, (size_t)reg) ? STYLE_CHANGED : STYLE_DIM, "  %s", words);
    }
}

static void add_vectors(struct app *a, struct pane *p)
{
    size_t n;
    const struct reg_desc *d = timeline_regs(a->s->tl, &n);
    for (size_t i = 0; i < n && i < SESSION_REGS_MAX; i++) {
        if ((d[i].group != REG_FLOAT && d[i].group != REG_VECTOR) || d[i].bits < 80)
            continue;
        const uint8_t *v = a->s->reg[i].now;
        doc_row(&p->doc, ROW_TEXT, 0);
        doc_add(&p->doc, STYLE_LABEL, " %-5s ", d[i].name);
        for (unsigned k = (d[i].bits + 7u) / 8; k-- > 0;)
            doc_add(&p->doc, session_changed(a->s, i) ? STYLE_CHANGED : STYLE_NUMBER, "%02x", v[k]);
    }
}

static void registers_build(struct app *a, struct pane *p)
{
    bool wide = timeline_code_bits(a->s->tl, a->s->where.cpu) == 64;
    registers_state(p)->n = 0;
    doc_clear(&p->doc);
    add_general(a, p, wide);
    doc_row(&p->doc, ROW_REGISTER, 0);
    doc_add(&p->doc, STYLE_NORMAL, " ");
    add_register(a, p, "rip", wide ? "rip" : "eip", wide ? 16 : 8);
    add_flags(a, p);
    add_segments(a, p);
    add_control(a, p, wide);
    add_vectors(a, p);
}

static void select_place(struct app *a, struct pane *p, size_t at)
{
    struct registers_state *st = registers_state(p);
    if (at < st->n) {
        st->at = at;
        p->sel = st->place[at].row;
    }
}

static void registers_row(struct app *a, struct pane *p, size_t i, const struct window *line)
{
    struct registers_state *st = registers_state(p);
    doc_draw(&p->doc, i, line, 0);
    if (st->at < st->n && st->place[st->at].row == i && p->id == a->focus)
        window_style(line, st->place[st->at].x, 0, st->place[st->at].n, STYLE_FOUND);
}

static size_t doc_rows(struct app *a, struct pane *p)
{
    return p->doc.n;
}

/* The nearest register in the next row. */
static enum react registers_line(struct app *a, struct pane *p, int way)
{
    struct registers_state *st = registers_state(p);
    size_t best = st->n;
    if (st->at >= st->n)
        return REACT_NONE;
    for (size_t i = st->at; i < st->n && (way > 0 || i + 1 > 0); i += (size_t)way) {
        if (st->place[i].row == st->place[st->at].row)
            continue;
        if (best < st->n && st->place[i].row != st->place[best].row)
            break;
        if (best == st->n ||
            abs(st->place[i].x - st->place[st->at].x) < abs(st->place[best].x - st->place[st->at].x))
            best = i;
        if (!i && way < 0)
            break;
    }
    if (best == st->n && way > 0 && p->sel + 1 < p->doc.n)
        p->sel++;
    else
        select_place(a, p, best);
    return REACT_DRAW;
}

static enum react registers_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    struct registers_state *st = registers_state(p);
    size_t n;
    const struct reg_desc *d = timeline_regs(a->s->tl, &n);
    switch (c) {
    case CMD_LEFT:
        select_place(a, p, st->at ? st->at - 1 : 0);
        return REACT_DRAW;
    case CMD_RIGHT:
        select_place(a, p, st->at + 1);
        return REACT_DRAW;
    case CMD_UP:
    case CMD_DOWN:
        return registers_line(a, p, c == CMD_UP ? -1 : 1);
    case CMD_ENTER:
        if (st->at >= st->n)
            return REACT_NONE;
        memory_show(a, number(a->s->reg[st->place[st->at].reg].now));
        return app_command(a, CMD_PAGE_6, NULL);
    case CMD_NEXT_CHANGE:
    case CMD_PREVIOUS_CHANGE:
    case CMD_ORIGIN:
        if (arg || st->at >= st->n)
            return REACT_UNKNOWN;
        return app_command(a, c, d[st->place[st->at].reg].name);
    default:
        return REACT_UNKNOWN;
    }
}

const struct view registers_view = {
    .build = registers_build, .rows = doc_rows, .row = registers_row, .command = registers_command};

/* ---------------------------------------------------------------- in words */

static void cpu_segments(struct app *a, struct doc *d)
{
    enum view_mode mode = view_mode(timeline_look(a->s->tl), a->s->where.cpu);
    doc_line(d, STYLE_LABEL, " Segments");
    for (unsigned i = 0; i < 6; i++) {
        struct view_segment s;
        char base[16], words[100];
        unsigned sel = (unsigned)timeline_reg(a->s->tl, a->s->where.cpu, segment_names[i]);
        int reg = timeline_reg_index(a->s->tl, segment_names[i]);
        snprintf(base, sizeof base, "%s_base", segment_names[i]);
        doc_row(d, ROW_TEXT, 0);
        doc_add(d, STYLE_LABEL, "   %s ", segment_names[i]);
        doc_add(d, reg >= 0 && session_changed(a->s, (size_t)reg) ? STYLE_CHANGED : STYLE_NUMBER, "%04x",
                sel);
        doc_add(d, STYLE_NUMBER, "  base %-16" PRIx64, timeline_reg(a->s->tl, a->s->where.cpu, base));
        if (mode == VIEW_REAL || mode == VIEW_V86)
            continue;
        static const char *const none[] = {[VIEW_SELECTOR_NULL] = "null",
                                           [VIEW_SELECTOR_BEYOND] = "beyond the table's limit",
                                           [VIEW_SELECTOR_UNMAPPED] = "its descriptor is not mapped"};
        const enum view_selector names = view_descriptor(timeline_look(a->s->tl), a->s->where.cpu, sel, &s);
        if (names != VIEW_SELECTOR_NAMES) {
            doc_add(d, STYLE_DIM, "  %s", none[names]);
            continue;
        }
        view_segment_text(&s, words, sizeof words);
        doc_add(d, STYLE_NORMAL, "  %s", words);
        if (!s.wide && s.limit != 0xffffffff)
            doc_add(d, STYLE_DIM, ", limit %" PRIx64, s.limit);
    }
}

static void cpu_tables(struct app *a, struct doc *d)
{
    static const struct {
        const char *name, *base, *limit, *selector;
    } tables[] = {{"gdt", "gdtr_base", "gdtr_limit", NULL},
                  {"idt", "idtr_base", "idtr_limit", NULL},
                  {"ldt", "ldtr_base", "ldtr_limit", "ldtr"},
                  {"tr", "tr_base", "tr_limit", "tr"}};
    unsigned cpu = a->s->where.cpu;
    doc_line(d, STYLE_LABEL, " Tables");
    for (unsigned i = 0; i < 4; i++) {
        uint64_t base = timeline_reg(a->s->tl, cpu, tables[i].base);
        doc_row(d, ROW_ADDRESS, base);
        doc_add(d, STYLE_LABEL, "   %-3s ", tables[i].name);
        doc_add(d, STYLE_NUMBER, "base %-16" PRIx64 "  limit %-8" PRIx64, base,
                timeline_reg(a->s->tl, cpu, tables[i].limit));
        if (tables[i].selector)
            doc_add(d, STYLE_NUMBER, "  selector %04x",
                    (unsigned)timeline_reg(a->s->tl, cpu, tables[i].selector));
    }
}

static void bit_names(struct app *a, struct doc *d, const struct view_bit *b, size_t n, uint64_t now,
                      uint64_t before, int width)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t mask = (1u << b[i].width) - 1, v = now >> b[i].low & mask;
        char name[16];
        snprintf(name, sizeof name, "%s", b[i].name);
        for (char *c = name; *c && !v; c++)
            *c = (char)tolower((unsigned char)*c);
        if (d->row[d->n - 1].n + (int)strlen(name) + 1 > width) {
            doc_row(d, ROW_TEXT, 0);
            doc_pad(d, 27);
        }
        enum style s = v != (before >> b[i].low & mask) ? STYLE_CHANGED : v ? STYLE_STRONG : STYLE_DIM;
        doc_add(d, s, b[i].width > 1 && v ? "%s=%u " : "%s ", name, (unsigned)v);
    }
}

static void cpu_bits(struct app *a, struct doc *d, const char *reg, int width)
{
    size_t n;
    const struct view_bit *b = view_bits(reg, &n);
    int i = timeline_reg_index(a->s->tl, reg);
    if (i < 0 || i >= SESSION_REGS_MAX)
        return;
    uint64_t now = number(a->s->reg[i].now), before = number(a->s->reg[i].before);
    doc_row(d, ROW_TEXT, 0);
    doc_add(d, STYLE_LABEL, " %-6s ", reg);
    doc_add(d, now != before ? STYLE_CHANGED : STYLE_NUMBER, "%0*" PRIx64, now >> 32 ? 16 : 8, now);
    doc_pad(d, 27);
    bit_names(a, d, b, n, now, before, width);
    for (size_t k = 0; k < n; k++)
        if (now >> b[k].low & ((1u << b[k].width) - 1)) {
            doc_row(d, ROW_TEXT, 0);
            doc_add(d, STYLE_NORMAL, "   %-11s", b[k].name);
            doc_add(d, STYLE_DIM, "%s", b[k].what);
        }
}

static void cpu_build(struct app *a, struct pane *p)
{
    char mode[48], place[48], symbol[200];
    uint64_t pc = timeline_pc(a->s->tl, a->s->where.cpu);
    doc_clear(&p->doc);
    doc_row(&p->doc, ROW_ADDRESS, pc);
    doc_add(&p->doc, STYLE_STRONG, " %s", view_mode_text(timeline_look(a->s->tl), a->s->where.cpu, mode));
    doc_add(&p->doc, STYLE_ADDRESS, "  %s", view_place_text(timeline_look(a->s->tl), a->s->where.cpu, place));
    doc_add(&p->doc, STYLE_SYMBOL, "  %s", session_symbol(a->s, pc, symbol, sizeof symbol));
    cpu_segments(a, &p->doc);
    cpu_tables(a, &p->doc);
    for (size_t i = 0; view_bits_register(i); i++)
        cpu_bits(a, &p->doc, view_bits_register(i), p->w);
}

static void cpu_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    snprintf(buf, size, "CPU %u of %u", a->s->where.cpu, timeline_cpus(a->s->tl));
}

const struct view cpu_view = {.build = cpu_build, .title = cpu_title};

/* machine_tables.c - the descriptor tables of a processor, entry by entry. See machine.h. */
#include <inttypes.h>
#include <string.h>

#include "base/byte_order.h"
#include "core/ground/vectors.h"
#include "core/views/private/machine_lists.h"

enum { EFER_LMA = 1 << 10, VECTORS = 256 };

static struct look look_at(const struct view_machine *m)
{
    return timeline_look(m->tl);
}

static uint64_t reg(const struct view_machine *m, const char *name)
{
    return look_reg(look_at(m), m->cpu, name);
}

static void add_table(struct text *out, const struct view_machine *m, const char *name, const char *base,
                      const char *limit)
{
    text_add(out, "%s at 0x%" PRIx64 ", limit 0x%" PRIx64 "\n", name, reg(m, base), reg(m, limit));
}

/* Equal lines one after the other become one: what stands in `last` begins at entry `from`. */
struct run {
    struct text last;
    unsigned from;
    const char *form; /* of an entry's number */
};

static void run_end(struct text *out, struct run *r, unsigned next)
{
    char first[16], last[16];
    if (!r->last.n)
        return;
    snprintf(first, sizeof first, "%0*x", *r->form == '4' ? 4 : 2, *r->form == '4' ? r->from * 8 : r->from);
    snprintf(last, sizeof last, "%0*x", *r->form == '4' ? 4 : 2, *r->form == '4' ? (next - 1) * 8 : next - 1);
    text_add(out, "%4s%s%-5s %s\n", first, next - r->from > 1 ? "-" : " ", next - r->from > 1 ? last : "",
             r->last.s);
}

static void run_add(struct text *out, struct run *r, unsigned at, struct text *line)
{
    if (!r->last.n || strcmp(r->last.s, line->s)) {
        run_end(out, r, at);
        free(r->last.s);
        r->last = *line;
        r->from = at;
    } else {
        free(line->s);
    }
    *line = (struct text){0};
}

/* ---------------------------------------------------------------- GDT: SDM volume 3, 3.4.5, 3.5 */

static void gdt_line(struct text *line, const struct view_machine *m, unsigned selector, bool *wide)
{
    struct view_segment s;
    char words[120];
    uint8_t raw[8] = {0};
    *wide = false;
    if (selector)
        view_descriptor(look_at(m), m->cpu, selector, &s);
    else
        s.at = reg(m, "gdtr_base");
    if (look_peek(look_at(m), m->cpu, s.at, raw, sizeof raw) != sizeof raw) {
        text_add(line, "not mapped");
        return;
    }
    text_add(line, "%016" PRIx64, get_le(raw, 8));
    if (!get_le(raw, 8) || !selector) {
        text_add(line, "  null");
        return;
    }
    view_segment_text(&s, words, sizeof words);
    text_add(line, "  %s, base 0x%" PRIx64 ", limit 0x%" PRIx64, words, s.base, s.limit);
    *wide = s.system && reg(m, "efer") & EFER_LMA;
}

static void add_users(struct text *line, const struct view_machine *m, unsigned selector)
{
    static const char *const names[] = {"cs", "ss", "ds", "es", "fs", "gs", "tr", "ldtr"};
    const char *before = "  <- ";
    for (unsigned i = 0; i < sizeof names / sizeof names[0] && selector; i++)
        if ((reg(m, names[i]) & 0xfffc) == selector) {
            text_add(line, "%s%s", before, names[i]);
            before = ", ";
        }
}

void view_list_gdt(struct text *out, const struct view_machine *m)
{
    const enum view_mode mode = view_mode(look_at(m), m->cpu);
    const unsigned limit = (unsigned)reg(m, "gdtr_limit");
    struct run r = {.form = "4"};
    struct text line = {0};
    unsigned n = 0;
    bool wide;
    add_table(out, m, "GDT", "gdtr_base", "gdtr_limit");
    if (mode == VIEW_REAL)
        text_add(out, "(not used in real mode)\n");
    for (; n * 8 + 7 <= limit && n < 8192; n++) {
        gdt_line(&line, m, n * 8, &wide);
        add_users(&line, m, n * 8);
        run_add(out, &r, n, &line);
        n += wide; /* the upper half of a descriptor of 16 bytes is no entry */
    }
    run_end(out, &r, n);
    free(r.last.s);
}

/* ---------------------------------------------------------------- IDT: SDM volume 3, 6.11, 6.14.1, 20.1.4 */

static void add_vector_name(struct text *line, const struct view_machine *m, unsigned vector)
{
    const struct exception_name *name = exception_name(vector);
    if (name && view_mode(look_at(m), m->cpu) != VIEW_REAL)
        text_add(line, "  %s %s", name->mnemonic, name->name);
}

static void real_line(struct text *line, const struct view_machine *m, unsigned vector)
{
    uint8_t p[4];
    if (look_peek(look_at(m), m->cpu, reg(m, "idtr_base") + 4u * vector, p, 4) != 4) {
        text_add(line, "not in memory");
        return;
    }
    const unsigned offset = (unsigned)get_le(p, 2), segment = (unsigned)get_le(p + 2, 2);
    text_add(line, "%04x:%04x  ", segment, offset);
    view_named_address(line, m, segment * 16u + offset);
}

static void gate_line(struct text *line, const struct view_machine *m, unsigned vector, unsigned size)
{
    static const char *const types[16] = {[5] = "task gate",
                                          [6] = "16-bit interrupt gate",
                                          [7] = "16-bit trap gate",
                                          [14] = "interrupt gate",
                                          [15] = "trap gate"};
    uint8_t p[16] = {0};
    if (look_peek(look_at(m), m->cpu, reg(m, "idtr_base") + (uint64_t)size * vector, p, size) != size) {
        text_add(line, "not mapped");
        return;
    }
    const unsigned type = p[5] & 15, ist = size == 16 ? p[4] & 7u : 0;
    const uint64_t offset = get_le(p, 2) | get_le(p + 6, 2) << 16 | (size == 16 ? get_le(p + 8, 4) << 32 : 0);
    if (!(p[5] & 0x80)) {
        text_add(line, "not present");
        return;
    }
    if (p[5] & 0x10 || !types[type]) {
        text_add(line, "no gate (type %02x)", p[5] & 31u);
        return;
    }
    text_add(line, "%s, ring %u, ", types[type], p[5] >> 5 & 3u);
    if (ist)
        text_add(line, "IST %u, ", ist);
    text_add(line, "%04x:", (unsigned)get_le(p + 2, 2));
    if (type != 5)
        view_named_address(line, m, type < 8 ? offset & 0xffff : offset);
    add_vector_name(line, m, vector);
}

static unsigned entry_size(const struct view_machine *m)
{
    return view_mode(look_at(m), m->cpu) == VIEW_REAL ? 4 : reg(m, "efer") & EFER_LMA ? 16 : 8;
}

static void vector_line(struct text *line, const struct view_machine *m, unsigned vector)
{
    const unsigned size = entry_size(m);
    if (size == 4)
        real_line(line, m, vector);
    else
        gate_line(line, m, vector, size);
}

int view_vector(struct text *out, const struct view_machine *m, unsigned vector, struct error *err)
{
    if (vector >= VECTORS || (vector + 1) * entry_size(m) - 1 > (unsigned)reg(m, "idtr_limit"))
        return error_set(err, "vector %#x is beyond the table's limit", vector);
    text_add(out, "%02x  ", vector);
    vector_line(out, m, vector);
    text_add(out, "\n");
    return 0;
}

void view_list_idt(struct text *out, const struct view_machine *m)
{
    const unsigned size = entry_size(m);
    const unsigned limit = (unsigned)reg(m, "idtr_limit");
    struct run r = {.form = "2"};
    struct text line = {0};
    unsigned n = 0;
    add_table(out, m, size == 4 ? "interrupt vectors" : "IDT", "idtr_base", "idtr_limit");
    for (; n < VECTORS && (n + 1) * size - 1 <= limit; n++) {
        vector_line(&line, m, n);
        run_add(out, &r, n, &line);
    }
    run_end(out, &r, n);
    free(r.last.s);
}

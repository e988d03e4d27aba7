/* cause_state.c - two machines at the same position. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/compare/private/cause_impl.h"
#include "core/insn/disassemble.h"
#include "core/story/processes.h"
#include "core/views/views.h"

enum { FRAMES = 8, DEVICES_SHOWN = 8 };

int cause_seek(struct search *s, uint64_t icount, struct error *err)
{
    for (unsigned i = 0; i < 2; i++) {
        struct timeline_stopped stopped;
        if (timeline_undivert(s->tl[i], err))
            return -1;
        if (timeline_icount(s->tl[i]) != icount && timeline_seek(s->tl[i], icount, &stopped, err))
            return -1;
        if (timeline_icount(s->tl[i]) != icount)
            return error_set(err, "interrupted at icount %" PRIu64, timeline_icount(s->tl[i]));
    }
    return 0;
}

/* ---------------------------------------------------------------- registers */

bool cause_registers_equal(const struct search *s)
{
    size_t n;
    timeline_regs(s->tl[0], &n);
    for (unsigned cpu = 0; cpu < timeline_cpus(s->tl[0]); cpu++)
        for (size_t r = 0; r < n; r++) {
            uint8_t a[16] = {0}, b[16] = {0};
            timeline_reg_get(s->tl[0], cpu, r, a);
            timeline_reg_get(s->tl[1], cpu, r, b);
            if (memcmp(a, b, sizeof a))
                return false;
        }
    return true;
}

static void add_value(struct text *t, const uint8_t *v, unsigned bits)
{
    uint64_t low, high;
    memcpy(&low, v, 8);
    memcpy(&high, v + 8, 8);
    if (bits > 64 && high)
        text_add(t, "0x%" PRIx64 "%016" PRIx64, high, low);
    else
        text_add(t, "0x%" PRIx64, low);
}

char *cause_registers_text(const struct search *s, unsigned most)
{
    struct text t = {0};
    size_t n;
    unsigned found = 0;
    const struct reg_desc *d = timeline_regs(s->tl[0], &n);
    for (unsigned cpu = 0; cpu < timeline_cpus(s->tl[0]); cpu++)
        for (size_t r = 0; r < n; r++) {
            uint8_t a[16] = {0}, b[16] = {0};
            timeline_reg_get(s->tl[0], cpu, r, a);
            timeline_reg_get(s->tl[1], cpu, r, b);
            if (!memcmp(a, b, sizeof a) || found++ >= most)
                continue;
            text_add(&t, "%s", t.n ? ", " : "");
            if (cpu)
                text_add(&t, "processor %u ", cpu);
            text_add(&t, "%s ", d[r].name);
            add_value(&t, a, d[r].bits);
            text_add(&t, " -> ");
            add_value(&t, b, d[r].bits);
        }
    if (found > most)
        text_add(&t, ", and %u more", found - most);
    return t.s ? t.s : mem_string("");
}

/* ---------------------------------------------------------------- memory */

static void add_byte(struct spans *m, uint64_t address)
{
    struct span *last = m->n ? &m->list[m->n - 1] : NULL;
    m->bytes++;
    if (last && last->address + last->length == address) {
        last->length++;
        return;
    }
    m->list = mem_more(m->list, m->n, sizeof *m->list);
    m->list[m->n++] = (struct span){address, 1};
}

static void compare_page(const struct search *s, uint64_t address, struct spans *m)
{
    uint8_t page[2][PAGE];
    size_t n = timeline_peek_physical(s->tl[0], address, page[0], PAGE);
    if (timeline_peek_physical(s->tl[1], address, page[1], n) != n || !memcmp(page[0], page[1], n))
        return;
    for (size_t i = 0; i < n; i++)
        if (page[0][i] != page[1][i])
            add_byte(m, address + i);
}

struct spans cause_memory(const struct search *s)
{
    struct spans m = {0};
    for (uint64_t at = 0; at < s->memory; at += PAGE)
        compare_page(s, at, &m);
    return m;
}

void cause_spans_free(struct spans *m)
{
    free(m->list);
}

/* ---------------------------------------------------------------- where the machines are */

static unsigned cpu_of(const struct search *s, unsigned side)
{
    struct timeline_where w;
    timeline_where(s->tl[side], &w);
    return w.cpu;
}

/* The process that runs, and the space of its symbols. */
static symbol_space space_of(const struct search *s, unsigned side, char name[80])
{
    struct processes *ps = processes_at(timeline_trace(s->tl[side]), timeline_icount(s->tl[side]), NULL);
    const struct process *p = ps ? processes_current(ps, cpu_of(s, side)) : NULL;
    symbol_space space = p ? process_space(p) : SPACE_KERNEL;
    name[0] = 0;
    if (p)
        snprintf(name, 80, "%.40s (%u)", p->name, p->pid);
    processes_free(ps);
    return space;
}

static void symbol_text(const struct search *s, unsigned side, symbol_space space, uint64_t address,
                        char *buf, size_t size)
{
    if (s->symbols[side])
        symbols_text(s->symbols[side], space, address, timeline_icount(s->tl[side]), buf, size);
    else
        snprintf(buf, size, "%#" PRIx64, address);
}

static void instruction_at(const struct search *s, unsigned side, struct instruction *in)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    const unsigned cpu = cpu_of(s, side);
    const uint64_t pc = timeline_pc(s->tl[side], cpu);
    const size_t n = timeline_peek(s->tl[side], cpu, pc, bytes, sizeof bytes);
    if (!disassemble(pc, timeline_code_bits(s->tl[side], cpu), bytes, n, in))
        snprintf(in->text, sizeof in->text, "?");
}

int cause_place_text(const struct search *s, unsigned side, char *buf, size_t size)
{
    struct instruction insn;
    char place[300], name[80], mode[48];
    unsigned cpu = cpu_of(s, side);
    symbol_space space = space_of(s, side, name);
    uint64_t pc = timeline_pc(s->tl[side], cpu);
    instruction_at(s, side, &insn);
    symbol_text(s, side, space, pc, place, sizeof place);
    view_mode_text(timeline_look(s->tl[side]), cpu, mode);
    int n = snprintf(buf, size, "%s at %#" PRIx64, insn.text, pc);
    if (strncmp(place, "0x", 2) && (size_t)n < size)
        n += snprintf(buf + n, size - (size_t)n, " (%s)", place);
    if ((size_t)n < size)
        n += snprintf(buf + n, size - (size_t)n, ", %s", mode);
    if (*name && (size_t)n < size)
        n += snprintf(buf + n, size - (size_t)n, ", process %s", name);
    return n;
}

bool cause_code_differs(const struct search *s, unsigned *cpu, uint64_t *address)
{
    uint8_t bytes[2][INSTRUCTION_BYTES];
    struct instruction in;
    *cpu = cpu_of(s, 0);
    const uint64_t pc = timeline_pc(s->tl[0], *cpu);
    if (cpu_of(s, 1) != *cpu || timeline_pc(s->tl[1], *cpu) != pc)
        return false;
    instruction_at(s, 0, &in);
    for (unsigned side = 0; side < 2; side++)
        if (timeline_peek(s->tl[side], *cpu, pc, bytes[side], in.length) != in.length)
            return false;
    for (unsigned i = 0; i < in.length; i++)
        if (bytes[0][i] != bytes[1][i]) {
            *address = pc + i;
            return true;
        }
    return false;
}

int cause_calls_text(const struct search *s, unsigned side, char *buf, size_t size)
{
    char name[80], place[300];
    struct view_frame frame[FRAMES];
    struct view_orc *orc = view_orc_new();
    symbol_space space = space_of(s, side, name);
    size_t n = view_frames(timeline_look(s->tl[side]), cpu_of(s, side), s->symbols[side], space, orc, frame,
                           FRAMES),
           len = 0;
    view_orc_free(orc);
    buf[0] = 0;
    for (size_t i = 0; i < n && len < size; i++) {
        symbol_text(s, side, space, frame[i].pc, place, sizeof place);
        len += (size_t)snprintf(buf + len, size - len, "%s%s%s", i ? " < " : "", place,
                                frame[i].by == VIEW_FRAME_GUESS ? "?" : "");
    }
    if (n && frame[n - 1].lost && len < size)
        len += (size_t)snprintf(buf + len, size - len, " < unknown (%s)", frame[n - 1].lost);
    return (int)len;
}

/* ---------------------------------------------------------------- devices */

struct devices {
    const struct search *s;
    const char *section;
    char *buf;
    size_t size, n;
    unsigned found;
    struct {
        const void *data;
        size_t len;
    } field[512]; /* of A, in order */
    size_t fields, at;
};

static void keep_field(void *ctx, const char *name, unsigned width, uint32_t count, const void *data)
{
    struct devices *d = ctx;
    if (d->fields < 512) {
        d->field[d->fields].data = mem_copy(data, (size_t)width * count);
        d->field[d->fields++].len = (size_t)width * count;
    }
}

static void compare_field(void *ctx, const char *name, unsigned width, uint32_t count, const void *data)
{
    struct devices *d = ctx;
    size_t i = d->at++, len = (size_t)width * count;
    if (i >= d->fields || (d->field[i].len == len && !memcmp(d->field[i].data, data, len)))
        return;
    if (d->found++ < DEVICES_SHOWN && d->n < d->size)
        d->n +=
            (size_t)snprintf(d->buf + d->n, d->size - d->n, "%s%s.%s", d->n ? ", " : "", d->section, name);
}

int cause_devices_text(const struct search *s, char *buf, size_t size)
{
    struct devices *d = mem_zero(1, sizeof *d);
    *d = (struct devices){.s = s, .buf = buf, .size = size};
    buf[0] = 0;
    for (size_t i = 0; timeline_section_name(s->tl[0], i, &d->section); i++) {
        if (!strncmp(d->section, "cpu", 3))
            continue;
        d->fields = d->at = 0;
        timeline_section(s->tl[0], d->section, keep_field, d);
        timeline_section(s->tl[1], d->section, compare_field, d);
        for (size_t k = 0; k < d->fields; k++)
            free((void *)d->field[k].data);
    }
    if (d->found > DEVICES_SHOWN && d->n < size)
        d->n += (size_t)snprintf(buf + d->n, size - d->n, ", and %u more", d->found - DEVICES_SHOWN);
    int n = (int)d->n;
    free(d);
    return n;
}

/* origin.c - the chain: from write to write. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "core/origin/private/impl.h"

/* Bytes whose origin is still to be found. */
struct ask {
    struct origin_place place;
    uint64_t icount;
    long parent;
    unsigned first;
    bool
        past_adjusting; /* of a register to which a constant was added: the steps before that do no more are not shown … */
    uint64_t adjusted; /* … these were so many */
    bool known;        /* what they are: */
    uint8_t value[ORIGIN_BYTES];
};

struct tracing {
    struct origin *o;
    struct origin_chain *chain;
    struct origin_options options;
    struct ask *ask;
    size_t nask;
    uint64_t looked; /* at so many steps, for registers */
    unsigned places; /* at so many positions, for those that were not written for long */
};

/* A person waits for the whole chain, and this many steps take a second: the stack pointer's changes are then not all passed over. */
enum { PAST_ADJUSTING = 1000000 };
/* Each step is looked at in so many before a register's value, and of the way before so many positions in all. */
enum { EACH_STEP = 500000, PLACES = 200 };

const char *origin_source_word(enum origin_source s)
{
    static const char *const words[] = {"goes on", "constant",  "image",    "unpacked stream",  "setting",
                                        "table",   "fw_cfg",    "frame",    "device",           "port",
                                        "input",   "processor", "power-on", "several operands", "lost",
                                        "limit"};
    return words[s];
}

/* ---------------------------------------------------------------- opening */

struct origin *origin_new(struct timeline *tl, const struct symbols *s, struct error *err)
{
    struct origin *o = mem_zero(1, sizeof *o);
    o->tl = tl;
    o->symbols = s;
    o->processes = processes_new();
    o->orc = view_orc_new();
    o->known = mem_zero(KNOWN_WRITES, sizeof *o->known);
    if (decode_open(o, err)) {
        origin_free(o);
        return NULL;
    }
    return o;
}

void origin_free(struct origin *o)
{
    if (!o)
        return;
    decode_close(o);
    origin_sources_free(o);
    view_orc_free(o->orc);
    free(o->known);
    processes_free(o->processes);
    trace_explainer_free(o->explainer);
    free(o);
}

int origin_register(struct origin *o, unsigned cpu, const char *name, struct origin_place *place,
                    struct error *err)
{
    const struct reg_part p = decode_named(o, name);
    if (p.reg < 0 && timeline_reg_index(o->tl, name) >= 0)
        return error_set(err, "register %.20s cannot be followed: x87 and MMX registers are not", name);
    if (p.reg < 0)
        return error_set(
            err, "there is no register \"%.20s\": give a name such as rax, al, xmm0, cr3 or eflags", name);
    *place = (struct origin_place){.cpu = cpu, .reg = (size_t)p.reg, .low = p.low, .length = p.n};
    return 0;
}

/* ---------------------------------------------------------------- describing */

static char *symbol_text(struct origin *o, symbol_space space, uint64_t pc, uint64_t icount, const char *tail)
{
    char text[600];
    if (!o->symbols)
        return mem_string("");
    symbols_text(o->symbols, space, pc, icount, text, sizeof text - 2);
    if (!strncmp(text, "0x", 2))
        return mem_string("");
    return mem_string(strcat(text, tail));
}

static void describe_caller(struct origin *o, struct origin_link *l, symbol_space space)
{
    struct view_frame frame[2];
    if (o->symbols && view_frames(timeline_look(o->tl), l->cpu, o->symbols, space, o->orc, frame, 2) == 2)
        l->caller = symbol_text(o, space, frame[1].pc, l->icount, frame[1].by == VIEW_FRAME_GUESS ? "?" : "");
}

char *origin_who(struct origin *o, unsigned cpu)
{
    const struct process *p = processes_current(o->processes, cpu);
    char text[128], pid[32], part[16];
    uint64_t smm;
    snprintf(part, sizeof part, "cpu%u", cpu);
    if (timeline_field(o->tl, part, "in_smm", 0, &smm) && smm)
        return mem_string("SMM");
    if (!p)
        return mem_string("");
    symbol_space_text(symbol_space_of(p->guest, p->pid), pid, sizeof pid);
    snprintf(text, sizeof text, "%.64s (%s)", p->name, pid);
    return mem_string(text);
}

/* The machine stands before the step. */
static void describe(struct origin *o, struct origin_link *l, const struct moment *m)
{
    struct error ignored;
    struct running run;
    const char *file;
    unsigned line;
    char text[300];
    struct trace *t = timeline_trace(o->tl);
    processes_move(o->processes, t, m->icount, &ignored);
    const struct running_place place = {.t = t,
                                        .symbols = o->symbols,
                                        .processes = o->processes,
                                        .icount = m->icount,
                                        .recorded = m->icount,
                                        .cpu = m->cpu,
                                        .pc = m->pc};
    running_at(&place, &run);
    l->time = m->time;
    l->pc = m->pc;
    l->function = symbol_text(o, run.space, m->pc, m->icount, "");
    describe_caller(o, l, run.space);
    if (o->symbols && symbols_line(o->symbols, run.space, m->pc, m->icount, &file, &line)) {
        snprintf(text, sizeof text, "%.250s:%u", file, line);
        l->line = mem_string(text);
    }
    l->who = origin_who(o, m->cpu);
}

static void name_instruction(struct origin *o, struct origin_link *l, const struct moment *m)
{
    l->delivery = m->delivered;
    if (m->delivered)
        snprintf(l->instruction, sizeof l->instruction, "(interrupt or exception)");
    else if (m->insn)
        snprintf(l->instruction, sizeof l->instruction, "%.20s%s%.70s", o->insn->mnemonic,
                 *o->insn->op_str ? " " : "", o->insn->op_str);
    else
        snprintf(l->instruction, sizeof l->instruction, "(bad)");
}

/* ---------------------------------------------------------------- links */

static struct origin_link *add_link(struct tracing *f, const struct ask *a, const struct last_write *lw)
{
    struct origin_chain *c = f->chain;
    c->link = mem_more(c->link, c->n, sizeof *c->link);
    struct origin_link *l = &c->link[c->n++];
    *l = (struct origin_link){.parent = a->parent,
                              .adjusted = a->adjusted,
                              .places = lw ? lw->places : 0,
                              .place = a->place,
                              .first = a->first,
                              .cpu = a->place.cpu,
                              .follows = -1};
    return l;
}

static void want(struct tracing *f, const struct origin_place *place, uint64_t icount, long parent,
                 unsigned first, const uint8_t *value)
{
    f->ask = mem_more(f->ask, f->nask, sizeof *f->ask);
    struct ask *a = &f->ask[f->nask++];
    *a = (struct ask){.place = *place, .icount = icount, .parent = parent, .first = first, .known = value};
    if (value)
        memcpy(a->value, value, place->length);
}

/* The bytes [first, first + n) of a place. */
static struct origin_place part_of(const struct origin_place *p, unsigned first, unsigned n)
{
    struct origin_place part = *p;
    part.linear += p->memory ? first : 0;
    part.low += p->memory ? 0 : first;
    part.length = n;
    return part;
}

static uint64_t physical_at(const struct where *w, unsigned byte)
{
    return byte < w->first ? w->physical[0] + byte : w->physical[1] + byte - w->first;
}

/* What the write met, as the processor that made it sees it. */
static struct target target_of(struct origin *o, const struct where *w, const struct last_write *lw)
{
    const struct origin_place *p = &w->place;
    struct view_walk walk;
    if (!p->memory)
        return (struct target){.reg = (int)p->reg, .low = p->low, .n = p->length};
    struct target t = {.memory = true, .reg = -1, .linear = p->linear, .n = p->length};
    for (uint64_t at = lw->address; at <= lw->address + 4095; at += 4096 - at % 4096) {
        view_walk(timeline_look(o->tl), lw->cpu, at, &walk);
        const uint64_t physical = walk.physical, page = at & ~4095ull;
        if (!walk.mapped)
            continue;
        if (physical >> 12 == w->physical[0] >> 12)
            t.linear = page + (w->physical[0] & 4095);
        else if (w->first < p->length && physical >> 12 == w->physical[1] >> 12)
            t.linear = page - w->first;
        else
            continue;
        break;
    }
    return t;
}

/* ---------------------------------------------------------------- constants */

enum { CONSTANT_BACK = 256 };

/* Whether an operand was set from a constant shortly before. */
static int is_constant(struct tracing *f, const struct origin_operand *p, uint64_t icount, bool *constant,
                       struct error *err)
{
    struct origin *o = f->o;
    struct last_write lw;
    struct moment *m;
    struct inputs in;
    const struct where w = {.place = p->place};
    *constant = false;
    if (p->kind != ORIGIN_REGISTER)
        return 0;
    const struct reach reach = {.back = CONSTANT_BACK};
    if (search_last(o, &w, icount, &reach, &lw, err))
        return -1;
    if (!lw.found)
        return 0;
    m = mem_alloc(sizeof *m);
    int rc = moment_before(o, &w, lw.icount, lw.cpu, m, err);
    if (!rc)
        rc = moment_after(o, &w, m, err);
    if (!rc) {
        const struct target t = target_of(o, &w, &lw);
        inputs_of(o, m, &t, &in);
        bool all = in.how == ORIGIN_COMPUTES && in.n;
        for (unsigned i = 0; i < in.n; i++)
            all &= in.operand[i].constant;
        *constant = !in.same && ((in.how == ORIGIN_ENDS && in.source == ORIGIN_CONSTANT) || all);
    }
    free(m);
    return rc;
}

static unsigned varying(const struct origin_link *l, int *which)
{
    unsigned n = 0;
    for (unsigned i = 0; i < l->noperands; i++)
        if (!l->operand[i].constant) {
            n++;
            *which = (int)i;
        }
    return n;
}

/* Which operands of a computation vary, and which is to be followed. */
static int choose(struct tracing *f, struct origin_link *l, struct error *err)
{
    int which = -1;
    unsigned n = varying(l, &which);
    if (n > 1)
        for (unsigned i = 0; i < l->noperands; i++)
            if (!l->operand[i].constant &&
                is_constant(f, &l->operand[i], l->icount, &l->operand[i].constant, err))
                return -1;
    n = varying(l, &which);
    if (!n)
        link_end(l, ORIGIN_CONSTANT, "computed from constants");
    else if (n == 1)
        l->follows = which;
    else if (!f->options.all)
        link_end(l, ORIGIN_OPERANDS, "computed from %u operands that vary", n);
    return 0;
}

/* ---------------------------------------------------------------- string instructions */

/* A string instruction that is repeated copied some bytes of the place in this iteration, and those below in the ones before: they
 * become one link. *from is the position of the first of them. */
static int widen(struct tracing *f, const struct moment *m, struct inputs *in, uint64_t *from,
                 struct error *err)
{
    struct origin *o = f->o;
    if (!m->insn || m->delivered) /* nothing was executed, or nothing that is known */
        return 0;
    const unsigned n = in->operand[0].length, id = o->insn->id;
    struct timeline_stopped s;
    uint8_t value[ORIGIN_BYTES];
    const bool string =
        id == X86_INS_MOVSB || id == X86_INS_MOVSW || id == X86_INS_MOVSD || id == X86_INS_MOVSQ;
    const bool up = !(moment_reg(o, m, o->eflags) & 0x400);
    if (!string || !in->first || in->follows || !up || in->operand[0].kind != ORIGIN_MEMORY || !m->mem[1].n)
        return 0;
    const uint64_t steps = (in->first + m->mem[1].n - 1) / m->mem[1].n,
                   start = in->operand[0].place.linear - in->first;
    const uint64_t rdi = moment_gpr(o, m, RDI), gap = rdi - moment_gpr(o, m, RSI);
    if (steps > m->icount || gap < ORIGIN_BYTES * 2 || -gap < ORIGIN_BYTES * 2)
        return 0;
    if (timeline_seek(o->tl, m->icount - steps, &s, err))
        return -1;
    if (timeline_pc(o->tl, m->cpu) != m->pc ||
        timeline_reg(o->tl, m->cpu, "rdi") != rdi - steps * m->mem[1].n ||
        timeline_peek(o->tl, m->cpu, start, value, in->first + n) != in->first + n)
        return 0;
    memcpy(in->operand[0].value, value, in->first + n);
    in->operand[0].place.linear = start;
    in->operand[0].place.length = in->operand[0].length = in->first + n;
    snprintf(in->operand[0].name, sizeof in->operand[0].name, "[0x%" PRIx64 "]", start);
    in->length += in->first;
    in->first = 0;
    *from = m->icount - steps;
    return 0;
}

/* ---------------------------------------------------------------- one write */

static void take_inputs(struct origin_link *l, const struct inputs *in)
{
    l->how = in->how;
    l->source = in->source;
    l->follows = in->how == ORIGIN_COPIES ? in->follows : -1;
    l->noperands = in->n;
    memcpy(l->operand, in->operand, sizeof l->operand);
    if (in->how == ORIGIN_ENDS)
        l->what = mem_string(in->what);
}

/* The bytes that this write did not make: they are older. */
static void want_rest(struct tracing *f, const struct ask *a, const struct inputs *in, uint64_t icount)
{
    const unsigned end = in->first + in->length;
    if (in->first) {
        const struct origin_place low = part_of(&a->place, 0, in->first);
        want(f, &low, icount, a->parent, a->first, a->known ? a->value : NULL);
    }
    if (end < a->place.length) {
        const struct origin_place rest = part_of(&a->place, end, a->place.length - end);
        want(f, &rest, icount, a->parent, a->first + end, a->known ? a->value + end : NULL);
    }
}

static bool is_same_register(const struct origin_place *a, const struct origin_place *b)
{
    return !a->memory && !b->memory && a->reg == b->reg && a->low == b->low && a->length == b->length;
}

static void go_on(struct tracing *f, const struct origin_link *l, long number, uint64_t from)
{
    for (unsigned i = 0; i < l->noperands; i++) {
        const struct origin_operand *p = &l->operand[i];
        if (p->kind == ORIGIN_IMMEDIATE ||
            (f->options.all && l->follows < 0 ? p->constant : (int)i != l->follows))
            continue;
        const bool shown = !p->place.at_physical || !l->place.memory;
        want(f, &p->place, from, number, 0, shown ? p->value : NULL);
        f->ask[f->nask - 1].past_adjusting =
            l->how == ORIGIN_COMPUTES && is_same_register(&p->place, &l->place);
    }
}

/* What a link owns. */
static void link_free(struct origin_link *l)
{
    free(l->function);
    free(l->caller);
    free(l->line);
    free(l->who);
    free(l->what);
    free(l->file);
    free(l->text);
}

/* What is read from the display's memory is what was written there: the chain goes on. Its value is that of the register that it went
 * to; a string instruction that copies within the display shows it to nobody. */
static void through_display(struct origin *o, struct origin_link *l, const struct moment *m,
                            const struct inputs *in)
{
    struct view_walk w;
    struct timeline_stopped s;
    struct error ignored;
    if (timeline_seek(o->tl, m->icount, &s, &ignored))
        return;
    view_walk(timeline_look(o->tl), m->cpu, in->address, &w);
    const uint64_t at = w.mapped ? w.physical : in->address;
    if (!in_display(o, at))
        return;
    struct origin_operand *p = &l->operand[0];
    *p = (struct origin_operand){.kind = ORIGIN_MEMORY, .length = in->length};
    p->place = (struct origin_place){
        .memory = true, .cpu = m->cpu, .linear = at, .at_physical = true, .length = in->length};
    memcpy(p->value, l->after, in->length);
    snprintf(p->name, sizeof p->name, "[physical 0x%" PRIx64 "]", at);
    free(l->what);
    l->what = NULL;
    l->how = ORIGIN_COPIES;
    l->source = ORIGIN_GOES_ON;
    l->noperands = 1;
    l->follows = 0;
}

/* Of the display's memory nobody can be asked what is there: copies within it have the value that was copied. */
static void fill_display(struct origin_chain *c)
{
    for (size_t i = c->n; i-- > 1;) {
        const struct origin_link *l = &c->link[i];
        struct origin_link *p = l->parent >= 0 ? &c->link[l->parent] : NULL;
        if (!p || p->how != ORIGIN_COPIES || !p->operand[0].place.at_physical || !p->place.memory ||
            p->first != l->first || p->place.length != l->place.length || p->physical < 0xa0000 ||
            p->physical >= 0xc0000)
            continue;
        memcpy(p->after, l->after, l->place.length);
        memcpy(p->operand[0].value, l->after, l->place.length);
    }
    if (c->n && c->place.at_physical && c->link[0].place.length == c->place.length)
        memcpy(c->value, c->link[0].after, c->place.length);
}

static int take_step(struct tracing *f, const struct ask *a, const struct where *w,
                     const struct last_write *lw, struct moment *m, struct error *err)
{
    struct origin *o = f->o;
    struct inputs in;
    struct origin_link found = {.icount = lw->icount, .cpu = lw->cpu, .step = true};
    uint64_t from = lw->icount;
    if (moment_before(o, w, lw->icount, lw->cpu, m, err))
        return -1;
    const struct target t = target_of(o, w, lw);
    describe(o, &found, m);
    int rc = moment_after(o, w, m, err);
    if (!rc)
        inputs_of(o, m, &t, &in);
    if (!rc && !in.same)
        rc = widen(f, m, &in, &from, err);
    if (rc) {
        link_free(&found);
        return -1;
    }
    if (f->options.all)
        want_rest(f, a, &in, lw->icount);
    const struct origin_place part = part_of(&a->place, in.first, in.length);
    if (in.same) {
        want(f, &part, lw->icount, a->parent, a->first + in.first, a->known ? a->value + in.first : NULL);
        f->ask[f->nask - 1].past_adjusting = a->past_adjusting;
        f->ask[f->nask - 1].adjusted = a->adjusted;
        link_free(&found);
        return 0;
    }
    struct origin_link *l = add_link(f, a, lw);
    const struct origin_link made = *l;
    *l = found;
    l->parent = made.parent;
    l->adjusted = made.adjusted;
    l->places = made.places;
    l->place = part;
    if (part.memory && !part.at_physical) {
        l->place.linear = t.linear + in.first;
        l->place.cpu = lw->cpu;
    }
    l->physical = physical_at(w, in.first);
    l->since = from;
    l->first = a->first + in.first;
    memcpy(l->before, m->was + in.first, in.length);
    memcpy(l->after, m->is + in.first, in.length);
    name_instruction(o, l, m);
    take_inputs(l, &in);
    const long number = (long)f->chain->n - 1;
    if (in.access && !in.port)
        through_display(o, l, m, &in);
    if (a->place.at_physical && in.how == ORIGIN_COPIES && !l->operand[0].place.at_physical)
        memcpy(l->after, in.operand[0].value, in.length);
    if (a->known && memcmp(l->after, a->value + in.first, in.length)) {
        link_end(l, ORIGIN_LOST, "the bytes are others later, without a write that is known");
    } else if (a->place.memory && (source_stream(o, l, l->physical) || source_flash(o, l, l->physical))) {
        ;
    } else if (in.access && l->how == ORIGIN_ENDS) {
        uint64_t value = 0;
        memcpy(&value, l->after, in.length < 8 ? in.length : 8);
        source_access(o, l, m, in.port, in.address, in.size, value);
    } else if (l->how == ORIGIN_COMPUTES && choose(f, l, err)) {
        return -1;
    }
    if (l->how != ORIGIN_ENDS)
        go_on(f, l, number, from);
    return 0;
}

static int take_none(struct tracing *f, const struct ask *a, const struct where *w,
                     const struct last_write *lw, struct error *err)
{
    struct timeline_stopped s;
    const uint64_t began = a->icount > lw->looked ? a->icount - lw->looked : 0;
    if ((a->place.memory || !a->known) &&
        timeline_seek(f->o->tl, a->place.memory ? a->icount : began, &s, err))
        return -1;
    struct origin_link *l = add_link(f, a, lw);
    memcpy(l->after, a->value, a->place.length);
    if (!a->known)
        where_read(f->o, w, l->after);
    if (lw->too_far && lw->places)
        link_end(l, ORIGIN_LOST,
                 "it is the same back to icount %" PRIu64
                 ", and so many positions are the limit: to go on, ask "
                 "for --register %s --at %" PRIu64,
                 lw->icount, f->o->regs[a->place.reg].name, lw->icount);
    else if (lw->too_far)
        link_end(
            l, ORIGIN_LOST,
            "no instruction wrote it in the %" PRIu64 " steps before icount %" PRIu64 ", and %" PRIu64
            " steps for all registers of a chain are the limit: to go on, ask for --register %s --at %" PRIu64,
            lw->looked, a->icount, f->options.back, f->o->regs[a->place.reg].name, a->icount - lw->looked);
    else if (a->place.memory)
        source_beginning(f->o, l, w);
    else
        link_end(l, ORIGIN_POWER_ON, "register as it was at the beginning");
    return 0;
}

static int take_device(struct tracing *f, const struct ask *a, const struct where *w,
                       const struct last_write *lw, struct error *err)
{
    struct origin *o = f->o;
    struct timeline_stopped s;
    if (timeline_seek(o->tl, lw->icount, &s, err))
        return -1;
    struct origin_link *l = add_link(f, a, lw);
    l->icount = lw->icount;
    l->time = s.time;
    l->physical = w->physical[0];
    l->step = l->device = true;
    where_read(o, w, l->before);
    const bool host = timeline_has_tasks(o->tl);
    l->who = mem_string(host ? "host" : "DMA");
    if (timeline_step(o->tl, TIMELINE_FORWARD, 1, &s, err))
        return -1;
    where_read(o, w, l->after);
    if (!lw->icount)
        source_beginning(o, l, w);
    else if (host)
        source_host(o, l, w->physical[0]);
    else
        source_device(o, l, w->physical[0]);
    return 0;
}

static int answer(struct tracing *f, struct ask *a, struct moment *m, struct error *err)
{
    struct origin *o = f->o;
    struct timeline_stopped s;
    struct where w = {.place = a->place};
    struct last_write lw;
    if (a->place.memory) {
        if (timeline_seek(o->tl, a->icount, &s, err))
            return -1;
        if (!where_is(o, &a->place, &w)) {
            link_end(add_link(f, a, NULL), ORIGIN_LOST, "no memory at that address");
            return 0;
        }
    }
    const uint64_t left = f->options.back > f->looked ? f->options.back - f->looked : 0,
                   most = a->past_adjusting ? PAST_ADJUSTING : EACH_STEP;
    const struct reach reach = {
        .back = left < most ? left : most, .places = PLACES - f->places, .past_adjusting = a->past_adjusting};
    if (search_last(o, &w, a->icount, &reach, &lw, err))
        return -1;
    f->looked += lw.looked;
    f->places += lw.places;
    a->adjusted += lw.adjusted;
    a->known &= !lw.adjusted;
    if (!lw.found)
        return take_none(f, a, &w, &lw, err);
    return lw.device ? take_device(f, a, &w, &lw, err) : take_step(f, a, &w, &lw, m, err);
}

/* ---------------------------------------------------------------- in words */

static void add_bytes(struct text *t, const uint8_t *b, unsigned n)
{
    const bool number = n == 1 || n == 2 || n == 4 || n == 8;
    text_add(t, "%s", number ? "0x" : "");
    for (unsigned i = 0; i < n; i++)
        text_add(t, "%s%02x", i && !number ? " " : "", b[number ? n - 1 - i : i]);
}

static void add_place(struct text *t, const struct origin *o, const struct origin_place *p)
{
    const unsigned size = p->memory ? 0 : (o->regs[p->reg].bits + 7u) / 8u;
    if (p->memory)
        text_add(t, "[%s0x%" PRIx64 "]", p->at_physical ? "physical " : "", p->linear);
    else if (!p->low && p->length == size)
        text_add(t, "%s", o->regs[p->reg].name);
    else
        text_add(t, "%s[%u..%u]", o->regs[p->reg].name, p->low, p->low + p->length - 1);
}

static bool filled(const char *s)
{
    return s && *s;
}

static void add_operands(struct text *t, const struct origin_link *l)
{
    for (unsigned i = 0; i < l->noperands; i++) {
        const struct origin_operand *p = &l->operand[i];
        text_add(t, "%s%s", i ? ", " : " <- ", p->name);
        if (p->kind == ORIGIN_IMMEDIATE)
            continue;
        text_add(t, "=");
        add_bytes(t, p->value, p->length);
        text_add(t, "%s", p->constant ? " (constant)" : "");
    }
}

static void put_in_words(const struct origin *o, struct origin_link *l)
{
    struct text t = {0};
    char time[NUMBER_TEXT];
    if (l->step)
        text_add(&t, "%15" PRIu64 " %14s  ", l->icount, number_exact(time, l->time));
    else
        text_add(&t, "%15s %14s  ", "beginning", "");
    if (filled(l->function))
        text_add(&t, "%s", l->function);
    else if (l->step && !l->device)
        text_add(&t, "0x%" PRIx64, l->pc);
    if (filled(l->caller))
        text_add(&t, " from %s", l->caller);
    if (filled(l->line))
        text_add(&t, " at %s", l->line);
    if (*l->instruction)
        text_add(&t, "  %s ", l->instruction);
    text_add(&t, " ");
    add_place(&t, o, &l->place);
    text_add(&t, ": ");
    if (l->step) {
        add_bytes(&t, l->before, l->place.length);
        text_add(&t, " -> ");
    }
    add_bytes(&t, l->after, l->place.length);
    if (l->noperands && l->how != ORIGIN_ENDS)
        add_operands(&t, l);
    else if (l->noperands && l->source == ORIGIN_OPERANDS)
        add_operands(&t, l);
    if (l->places)
        text_add(&t, "  (the same since at %u positions; not each step between them was looked at)",
                 l->places);
    if (l->adjusted)
        text_add(&t, "  (then %" PRIu64 " steps that add a constant)", l->adjusted);
    if (filled(l->who))
        text_add(&t, "  %s", l->who);
    if (filled(l->what))
        text_add(&t, "  = %s: %s", origin_source_word(l->source), l->what);
    l->text = t.s;
}

/* ---------------------------------------------------------------- the whole */

static int find_all(struct tracing *f, struct error *err)
{
    struct moment *m = mem_alloc(sizeof *m);
    size_t asked = 0;
    int rc = 0;
    while (f->nask && !rc) {
        struct ask a = f->ask[--f->nask];
        if (f->chain->n < f->options.most && asked++ < 4 * f->options.most) {
            rc = answer(f, &a, m, err);
        } else if (f->chain->n && !f->options.all) {
            struct origin_link *last = &f->chain->link[f->chain->n - 1];
            link_end(last, ORIGIN_LIMIT, "the limit of %zu links was reached", f->options.most);
        }
    }
    free(m);
    return rc;
}

static int take_value(struct tracing *f, const struct origin_place *place, uint64_t icount, struct error *err)
{
    struct origin *o = f->o;
    struct timeline_stopped s;
    struct where w = {.place = *place};
    struct text name = {0};
    if (timeline_diverted(o->tl))
        return error_set(err, "a private run has no origins: go back to the recorded run first");
    if (!place->length || place->length > ORIGIN_BYTES)
        return error_set(err, "an origin of %u bytes: give 1 to %d", place->length, ORIGIN_BYTES);
    if (timeline_seek(o->tl, icount, &s, err))
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    if (place->memory && !where_is(o, place, &w))
        return error_set(err, "no memory at 0x%" PRIx64 " there: the address is not mapped", place->linear);
    if (place->memory && !place->at_physical) {
        uint8_t byte;
        if (!timeline_peek_physical(o->tl, w.physical[0], &byte, 1))
            return error_set(err, "no memory at 0x%" PRIx64 " there: it is a device's", place->linear);
    }
    where_read(o, &w, f->chain->value);
    add_place(&name, o, place);
    snprintf(f->chain->name, sizeof f->chain->name, "%s", name.s);
    free(name.s);
    return 0;
}

struct origin_chain *origin_find(struct origin *o, const struct origin_place *place, uint64_t icount,
                                 const struct origin_options *options, struct error *err)
{
    struct origin_chain *c = mem_zero(1, sizeof *c);
    struct tracing f = {.o = o, .chain = c, .options = *options};
    c->icount = icount;
    c->place = *place;
    if (!f.options.most)
        f.options.most = ORIGIN_LINKS;
    if (!f.options.back)
        f.options.back = ORIGIN_BACK;
    int rc = take_value(&f, place, icount, err);
    if (!rc) {
        /* Of rip what is asked is where control went elsewhere: since then it has counted on. */
        const bool device =
            place->memory && place->at_physical; /* of video memory nobody can be asked what is there */
        want(&f, place, icount, -1, 0,
             device || (!place->memory && (int)place->reg == o->rip) ? NULL : c->value);
        rc = find_all(&f, err);
    }
    free(f.ask);
    fill_display(c);
    for (size_t i = 0; i < c->n; i++)
        put_in_words(o, &c->link[i]);
    if (!rc)
        return c;
    origin_chain_free(c);
    return NULL;
}

void origin_chain_free(struct origin_chain *c)
{
    for (size_t i = 0; c && i < c->n; i++)
        link_free(&c->link[i]);
    if (c)
        free(c->link);
    free(c);
}

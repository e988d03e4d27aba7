/* jump.c - see jump.h. */
#include <inttypes.h>

#include "core/views/decoded.h"
#include "core/why/private/jump.h"

/* ---------------------------------------------------------------- the last jump */

struct last {
    unsigned cpu;
    uint64_t icount, pc, next;
    bool found;
    struct why_case *c;
};

/* The instruction before is over by then: its length has to be known from the address alone. */
static bool see(void *ctx, const struct timeline_trail *s)
{
    enum { LONGEST = 15 };
    struct last *l = ctx;
    if (s->cpu == l->cpu && s->next != s->pc && (s->next < s->pc || s->next - s->pc > LONGEST)) {
        l->found = true;
        l->icount = s->icount;
        l->pc = s->pc;
        l->next = s->next;
    }
    return true;
}

static enum jump_kind kind_of(unsigned id)
{
    switch (id) {
    case X86_INS_CALL:
    case X86_INS_LCALL:
        return JUMP_CALL;
    case X86_INS_RET:
    case X86_INS_RETF:
    case X86_INS_RETFQ:
        return JUMP_RETURN;
    case X86_INS_IRET:
    case X86_INS_IRETD:
    case X86_INS_IRETQ:
        return JUMP_INTERRUPT_RETURN;
    case X86_INS_INT:
        return JUMP_INTERRUPT;
    default:
        return JUMP_BRANCH;
    }
}

/* What the instruction at the position of c->tl takes its target from. */
static void look_at(struct why_case *c, struct jump *j, const struct decoded *d)
{
    const cs_x86 *x = &d->insn->detail->x86;
    const cs_x86_op *op = &x->operands[0];
    j->kind = kind_of(d->insn->id);
    snprintf(j->text, sizeof j->text, "%.15s %.80s", d->insn->mnemonic, d->insn->op_str);
    if (j->kind == JUMP_RETURN || j->kind == JUMP_INTERRUPT_RETURN) {
        j->indirect = j->memory = true;
        j->pointer = view_stack(timeline_look(c->tl), j->cpu);
        j->size = timeline_code_bits(c->tl, j->cpu) / 8;
    } else if (j->kind == JUMP_INTERRUPT) {
        enum { VECTOR = 4 /* bytes */ };
        j->vector = (unsigned)op->imm & 0xff;
        j->indirect = j->memory = !(timeline_reg(c->tl, j->cpu, "cr0") & 1);
        j->pointer = timeline_reg(c->tl, j->cpu, "idtr_base") + VECTOR * j->vector;
        j->size = VECTOR;
    } else if (x->op_count == 1 && op->type == X86_OP_REG) {
        j->indirect = true;
        snprintf(j->reg, sizeof j->reg, "%s", insn_register_name(&d->decoder, op->reg));
    } else if (x->op_count == 1 && op->type == X86_OP_MEM) {
        j->indirect = j->memory = true;
        j->pointer = decoded_address(c->tl, d, j->cpu, &op->mem);
        j->size = op->size > 8 ? 8 : op->size;
        if (op->mem.base && op->mem.base != X86_REG_RIP)
            snprintf(j->base, sizeof j->base, "%s", insn_register_name(&d->decoder, op->mem.base));
    }
}

/* Further and further back: code without jumps may be long, and processors take turns of thousands of steps. */
static bool last_jump(struct why_case *c, struct last *l, uint64_t icount)
{
    enum { NEAR = 96, FARTHEST = 1 << 17 };
    struct error ignored;
    for (uint64_t back = NEAR; !l->found && back <= FARTHEST; back *= 16) {
        const uint64_t begin = icount > c->now.begin + back ? icount - back : c->now.begin + 1;
        if (begin >= icount || !case_go(c, begin) || timeline_trail(c->tl, begin, icount, see, l, &ignored))
            return false;
    }
    return l->found;
}

bool jump_find(struct why_case *c, unsigned cpu, uint64_t icount, struct jump *j)
{
    struct last l = {.cpu = cpu, .c = c};
    struct decoded d;
    *j = (struct jump){.cpu = cpu};
    if (!last_jump(c, &l, icount) || !case_go(c, l.icount))
        return false;
    j->icount = l.icount;
    j->pc = l.pc;
    j->target = l.next;
    if (!decoded_open(c->tl, cpu, &d))
        return false;
    look_at(c, j, &d);
    decoded_close(&d);
    return true;
}

/* ---------------------------------------------------------------- where a value came from */

static struct origin *origin_of(struct why_case *c)
{
    struct error ignored;
    if (!c->origin && c->tl)
        c->origin = origin_new(c->tl, case_symbols(c), &ignored);
    return c->origin;
}

static bool is_call(const char *instruction)
{
    return !strncmp(instruction, "call", 4) || !strncmp(instruction, "lcall", 5);
}

/* An interrupt or exception was delivered in that step, as its event says. */
static bool was_delivered(struct why_case *c, uint64_t icount, unsigned cpu)
{
    struct trace_cursor *cur =
        trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_EXCEPTION));
    struct error ignored;
    struct event ev;
    bool yes = false;
    if (!trace_cursor_seek_icount(cur, icount, &ignored))
        while (!yes && trace_cursor_next(cur, &ev, NULL, &ignored) == 1 && ev.icount <= icount)
            yes = ev.icount == icount && ev.cpu == cpu && (ev.kind == EV_IRQ || ev.kind == EV_EXCEPTION);
    trace_cursor_close(cur);
    return yes;
}

static struct came came_from(struct why_case *c, const struct origin_place *place, uint64_t icount)
{
    struct came came = {0};
    struct error ignored;
    struct origin *o = origin_of(c);
    struct origin_chain *chain =
        o ? origin_find(o, place, icount, &(struct origin_options){.most = 24}, &ignored) : NULL;
    if (!chain)
        return came;
    for (size_t i = 0; i < chain->n; i++) {
        const struct origin_link *l = &chain->link[i];
        if (!i)
            came.written = l->step ? l->icount : 0;
        came.source = l->source;
        came.icount = l->step ? l->icount : 0;
        came.pc = l->pc;
        came.delivery |= l->delivery;
        if (!came.by_icount && l->step && l->place.memory && !l->device) {
            came.by_icount = l->icount;
            came.by_pc = l->pc;
            came.by_cpu = l->cpu;
            snprintf(came.by, sizeof came.by, "%s", l->instruction);
            came.by_call = is_call(l->instruction);
            came.by_delivery = l->delivery || was_delivered(c, l->icount, l->cpu);
            came.delivery |= came.by_delivery;
        }
        if (!came.loaded && l->step && l->how == ORIGIN_COPIES && l->follows >= 0 &&
            l->operand[l->follows].kind == ORIGIN_MEMORY) {
            came.loaded = true;
            came.pointer = l->operand[l->follows].place.linear;
        }
        came.memory = l->place.memory && !l->place.at_physical;
        came.linear = l->place.linear;
        came.image = l->image;
        came.offset = l->offset;
        came.known = true;
        snprintf(came.text, sizeof came.text, "%s", l->what && *l->what ? l->what : l->text);
    }
    /* The names of images belong to the trace's configuration; those of the chain do not outlive it. */
    const struct trace_config *cfg = trace_config(c->t);
    const char *role = NULL;
    for (size_t i = 0; i < cfg->nimages && came.image; i++)
        if (!strcmp(cfg->images[i].role, came.image))
            role = cfg->images[i].role;
    came.image = role;
    /* A device's write that changed nothing is none that matters, nor is that of the reset, which loads memory anew. */
    const struct origin_link *last = chain->n ? &chain->link[chain->n - 1] : NULL;
    if (last && last->source == ORIGIN_DEVICE &&
        (last->icount <= c->now.begin || !memcmp(last->before, last->after, last->place.length))) {
        came.icount = 0;
        came.never = !came.by_icount;
        snprintf(came.text, sizeof came.text, "in memory at the beginning");
    }
    came.never |= !came.icount && came.source == ORIGIN_POWER_ON;
    origin_chain_free(chain);
    return came;
}

struct came memory_came(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t linear, unsigned n)
{
    const struct origin_place place = {.memory = true, .cpu = cpu, .linear = linear, .length = n};
    return case_go(c, icount) ? came_from(c, &place, icount) : (struct came){0};
}

struct came register_came(struct why_case *c, unsigned cpu, uint64_t icount, const char *name)
{
    struct origin_place place;
    struct error ignored;
    if (!case_go(c, icount) || !origin_of(c) || origin_register(c->origin, cpu, name, &place, &ignored))
        return (struct came){0};
    return came_from(c, &place, icount);
}

/* Who wrote a return address last: the step itself says enough, and finding it is cheap. */
static struct came return_came(struct why_case *c, const struct jump *j)
{
    struct came came = {0};
    struct timeline_stopped s;
    struct instruction in;
    struct error ignored;
    if (!case_go(c, j->icount) || timeline_last_write(c->tl, j->pointer, j->size, &s, &ignored) ||
        s.reason != TIMELINE_WATCHPOINT)
        return came;
    case_insn(c, s.cpu, &in);
    came.known = true;
    came.written = came.icount = came.by_icount = s.icount;
    came.pc = came.by_pc = timeline_pc(c->tl, s.cpu);
    came.by_cpu = s.cpu;
    came.by_call = is_call(in.text);
    snprintf(came.by, sizeof came.by, "%s", in.text);
    snprintf(came.text, sizeof came.text, "%s%s", in.text, came.by_call ? "" : " (not a call)");
    return came;
}

struct came jump_came(struct why_case *c, const struct jump *j)
{
    return j->kind == JUMP_RETURN ? return_came(c, j)
           : !j->indirect         ? (struct came){0}
           : j->memory            ? memory_came(c, j->cpu, j->icount, j->pointer, j->size)
                                  : register_came(c, j->cpu, j->icount, j->reg);
}

/* ---------------------------------------------------------------- evidence */

struct came jump_lines(struct why_case *c, struct finding *f, const struct jump *j)
{
    char where[48], place[PLACE_TEXT];
    struct came came = {0};
    if (!case_go(c, j->icount))
        return came;
    find_line(f, j->icount, case_place(c, j->icount, j->cpu, j->pc, place), "the last jump before: %s at %s",
              j->text, view_place_text(timeline_look(c->tl), j->cpu, where));
    find_callers(f, c, j->cpu);
    came = jump_came(c, j);
    if (!came.known)
        return came;
    if (came.icount)
        find_line(f, came.icount, case_place(c, came.icount, j->cpu, came.pc, place),
                  "its target 0x%" PRIx64 " comes from here: %s", j->target, came.text);
    else
        find_note(f,
                  came.never ? "its target 0x%" PRIx64 " was written by nobody: %s"
                             : "its target 0x%" PRIx64 " comes from: %s",
                  j->target, came.text);
    return came;
}

/* jump.c - see jump.h. */
#include <capstone/capstone.h>
#include <inttypes.h>

#include "core/why/private/decoded.h"
#include "core/why/private/jump.h"

enum { WINDOW = 96 /* steps */ };

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
    } else if (x->op_count == 1 && op->type == X86_OP_REG) {
        j->indirect = true;
        snprintf(j->reg, sizeof j->reg, "%s", cs_reg_name(d->handle, op->reg));
    } else if (x->op_count == 1 && op->type == X86_OP_MEM) {
        j->indirect = j->memory = true;
        j->pointer = decoded_address(c, d, j->cpu, &op->mem);
        j->size = op->size > 8 ? 8 : op->size;
    }
}

bool jump_find(struct why_case *c, unsigned cpu, uint64_t icount, struct jump *j)
{
    struct error ignored;
    struct last l = {.cpu = cpu, .c = c};
    struct decoded d;
    const uint64_t begin = icount > c->now.begin + WINDOW ? icount - WINDOW : c->now.begin + 1;
    *j = (struct jump){.cpu = cpu};
    if (begin >= icount || !case_go(c, begin) || timeline_trail(c->tl, begin, icount, see, &l, &ignored) ||
        !l.found || !case_go(c, l.icount))
        return false;
    j->icount = l.icount;
    j->pc = l.pc;
    j->target = l.next;
    if (!decoded_open(c, cpu, &d))
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
        came.call = l->step && !strncmp(l->instruction, "call", 4);
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
    came.never = !came.icount && came.source == ORIGIN_POWER_ON;
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
    came.written = came.icount = s.icount;
    came.pc = timeline_pc(c->tl, s.cpu);
    came.call = !strncmp(in.text, "call", 4) || !strncmp(in.text, "lcall", 5);
    snprintf(came.text, sizeof came.text, "%s%s", in.text, came.call ? "" : " (not a call)");
    return came;
}

struct came jump_came(struct why_case *c, const struct jump *j)
{
    return j->kind == JUMP_RETURN ? return_came(c, j)
           : !j->indirect         ? (struct came){0}
           : j->memory            ? memory_came(c, j->cpu, j->icount, j->pointer, j->size)
                                  : register_came(c, j->cpu, j->icount, j->reg);
}

/* ---------------------------------------------------------------- code that was overwritten */

static bool see_hit(void *ctx, const struct timeline_hit *hit)
{
    *(uint64_t *)ctx = hit->icount;
    return false; /* once is enough */
}

bool overwritten_code(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t pc)
{
    const struct timeline_stop stop = {.kind = TS_BREAK_LINEAR, .address = pc};
    const struct came came = memory_came(c, cpu, icount, pc, 1);
    struct timeline_stopped s;
    struct error ignored;
    uint64_t ran = 0;
    char at[PLACE_TEXT], place[PLACE_TEXT];
    if (!came.known || came.written <= c->now.begin || came.source == ORIGIN_CONSTANT ||
        !case_go(c, came.written) ||
        timeline_scan(c->tl, &stop, c->now.begin + 1, came.written, see_hit, &ran, &s, &ignored) || !ran)
        return false;
    case_address(c, icount, cpu, pc, at);
    find_verdict(f, WHY_RAILS_OVERWRITTEN, came.written,
                 "the code at %s was overwritten after it had run: %s", at, came.text);
    find_line(f, ran, NULL, "what was at 0x%" PRIx64 " ran here before", pc);
    case_go(c, came.written);
    find_line(f, came.written, case_place(c, came.written, cpu, timeline_pc(c->tl, cpu), place),
              "here it was overwritten");
    return true;
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

/* ---------------------------------------------------------------- jumps to where no code is */

static bool is_no_code(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t pc)
{
    enum { LOOKED = 8, FIRST_PAGE = 4096 };
    uint8_t bytes[LOOKED];
    struct view_walk w;
    if (!case_go(c, icount))
        return false;
    const bool protected = timeline_reg(c->tl, cpu, "cr0") & 1;
    view_walk(timeline_look(c->tl), cpu, pc, &w);
    const uint64_t physical = w.paging ? w.physical : pc;
    if (w.paging && !w.mapped)
        return true;
    if (timeline_peek_physical(c->tl, physical, bytes, LOOKED) != LOOKED)
        return true;
    if (protected && pc < FIRST_PAGE)
        return true;
    const struct came came = memory_came(c, cpu, icount, pc, 1);
    return came.known && came.never;
}

bool wild_jump(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount)
{
    struct jump j;
    char at[PLACE_TEXT], to[PLACE_TEXT];
    if (!jump_find(c, cpu, icount, &j) || !j.indirect || !is_no_code(c, cpu, icount, j.target))
        return false;
    const struct came came = jump_came(c, &j);
    if (j.kind == JUMP_RETURN && (!came.known || came.call))
        return false;
    case_address(c, j.icount, cpu, j.pc, at);
    case_address(c, j.icount, cpu, j.target, to);
    if (j.kind == JUMP_RETURN)
        find_verdict(f, WHY_RAILS_RETURN, j.icount,
                     "a return address was overwritten: the return at %s goes to %s, where no code is", at,
                     to);
    else if (!j.target)
        find_verdict(f, WHY_RAILS_NULL_CALL, j.icount, "a null pointer was called or jumped to at %s: %s", at,
                     j.text);
    else
        find_verdict(f, WHY_RAILS_WILD_JUMP, j.icount, "%s at %s goes to %s, where no code is", j.text, at,
                     to);
    jump_lines(c, f, &j);
    return true;
}

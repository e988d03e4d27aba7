/* deduce_entry.c - the stack in code that interrupts enter: a hypervisor's or kernel's entries, in assembly.
 * See symbols.h.
 *
 * There is no order of calls to follow: names are labels, and what is on the stack at one of them is known
 * only from the whole. Two kinds of places are certain. Where such code calls a function, the registers of
 * what was interrupted are complete, at the stack pointer; and at IRET its address is. From these the stack
 * follows along the code, in both directions.
 */
#include <string.h>

#include "base/memory.h"
#include "core/symbols/private/deduce.h"

static bool in_entries(const struct deduction *d, size_t n)
{
    const struct start *s = &d->starts[n];
    return s->marks & NAMED || (s->address >= d->entries && s->address < d->entries_end);
}

static struct start *named(const struct deduction *d, uint64_t address)
{
    const long i = deduce_start_at(d, address);
    return i >= 0 && deduce_inside(d->code, address) ? &d->starts[i] : NULL;
}

/* ---------------------------------------------------------------- which code it is */

static bool add_mark(struct start *s)
{
    if (!s || s->marks & ENTRY)
        return false;
    s->marks |= ENTRY;
    return true;
}

/* Marks what the code of the n-th start leads to, other than by calls. Returns whether something was
 * marked. */
static bool mark_from(struct deduction *d, size_t n)
{
    struct insn i;
    bool news = false;
    for (uint64_t at = d->starts[n].address; at < deduce_end_of(d, n) && deduce_insn(d, at, &i);
         at += i.length)
        if (i.flow == INSN_JUMP || i.flow == INSN_BRANCH)
            news |= add_mark(named(d, at + (uint64_t)(int64_t)i.target));
    return news;
}

static bool goes_on(enum insn_flow flow)
{
    return flow == INSN_NEXT || flow == INSN_BRANCH || flow == INSN_CALL || flow == INSN_CALL_AT;
}

/* Whether the n-th start's code goes on into the next one's. Code that ends with padding does not. */
static bool runs_on(const struct deduction *d, size_t n)
{
    const uint64_t end = deduce_end_of(d, n);
    struct insn i = {.flow = INSN_RETURN};
    uint64_t at = d->starts[n].address, last = at;
    for (; at < end && deduce_insn(d, at, &i); at += i.length)
        last = at;
    return at == end && goes_on(i.flow) && !deduce_is_padding(d, last, end);
}

/* Functions that such code calls do not belong to it, wherever they are; nor does code that returns. */
static void unmark_functions(struct deduction *d, size_t n)
{
    struct insn i;
    for (uint64_t at = d->starts[n].address; at < deduce_end_of(d, n) && deduce_insn(d, at, &i);
         at += i.length) {
        struct start *to = i.flow == INSN_CALL ? named(d, at + (uint64_t)(int64_t)i.target) : NULL;
        if (to && to->address == at + (uint64_t)(int64_t)i.target)
            to->marks &= (uint16_t)~ENTRY;
        if (i.flow == INSN_RETURN)
            d->starts[n].marks &= (uint16_t)~ENTRY;
    }
}

void deduce_mark_entries(struct deduction *d)
{
    bool news = true;
    for (size_t n = 0; n < d->nstarts; n++)
        if (in_entries(d, n))
            add_mark(&d->starts[n]);
    for (unsigned rounds = 0; news && rounds < DEDUCE_ROUNDS_MAX; rounds++) {
        news = false;
        for (size_t n = 0; n < d->nstarts; n++) {
            struct start *next = n + 1 < d->nstarts ? &d->starts[n + 1] : NULL;
            if (d->starts[n].marks & ENTRY) {
                news |= mark_from(d, n);
                news |= runs_on(d, n) && add_mark(next);
            } else if (next && next->marks & ENTRY && !in_entries(d, n + 1) && runs_on(d, n)) {
                news |= add_mark(&d->starts[n]);
            }
        }
    }
    for (size_t n = 0; n < d->nstarts; n++)
        if (d->starts[n].marks & ENTRY)
            unmark_functions(d, n);
    for (size_t n = 0; n < d->nstarts; n++)
        if (d->starts[n].marks & ENTRY)
            d->starts[n].marks &= (uint16_t)~FUNCTION;
}

/* ---------------------------------------------------------------- the stack there */

static bool has_stack(const struct deduction *d, uint64_t address)
{
    return deduce_inside(d->code, address) && d->at[address - d->code->address];
}

static struct stack stack_at(const struct deduction *d, uint64_t address)
{
    return d->stacks[d->at[address - d->code->address] - 1];
}

/* Notes the stack at an address, unless one is known there or this one is impossible. Returns whether it
 * did. */
static bool set_stack(struct deduction *d, uint64_t address, struct stack is)
{
    const struct start *s = named(d, address);
    if (!s || !(s->marks & ENTRY) || has_stack(d, address) ||
        (is.sp < d->kind->word && is.bp < d->kind->word))
        return false;
    d->at[address - d->code->address] = deduce_add_stack(d, &is);
    return true;
}

/* A stack of that depth. `saved` says whether each register was stored. */
static struct stack at_depth(int32_t sp)
{
    return (struct stack){.sp = sp, .bp = -1, .saved = {1, 1, 1, 1, 1, 1}, .flags = {FRAME_INTERRUPT, 1}};
}

/* An instruction of such code. */
struct spot {
    uint64_t address, next, target;
    struct insn i;
    bool calls; /* it calls a function, and not just to push an address */
    int saves;  /* the register that it stores at its place, as an index in stack.saved; or -1 */
};

/* 32-bit code passes arguments on the stack, so that it is as deep as they are many where it calls. */
static void anchor(struct deduction *d, const struct spot *s)
{
    const struct code_kind *k = d->kind;
    if (s->calls && !k->by_pointer)
        set_stack(d, s->address, at_depth(d->code->registers->depth));
    else if (s->i.flow == INSN_FAR && s->i.stack == INSN_MOVE && s->i.n == k->iret)
        set_stack(d, s->address, at_depth(k->word));
}

enum { RAX = 0 };

/* What the stack is after an instruction, by what it was before. Code that fills the return predictor, by
 * calls that do not return, keeps the stack pointer in RAX. */
static struct stack after(const struct deduction *d, const struct spot *s, struct stack is)
{
    const struct insn *i = &s->i;
    const int32_t word = d->kind->word, n = i->stack == INSN_MOVE || i->stack == INSN_POP_ALL ? -i->n
                                            : i->stack == INSN_PUSH                           ? word
                                            : i->stack == INSN_POP                            ? -word
                                                                                              : 0;
    if (i->stack == INSN_FRAME && i->reg == RAX && is.sp >= 0)
        is.bp = is.sp - i->n;
    else if (i->stack == INSN_SET && i->reg == RAX && is.bp >= 0)
        return at_depth(is.bp - i->n);
    else if (i->stack == INSN_SET || i->stack == INSN_LEAVE || i->stack == INSN_LOST ||
             (i->flow == INSN_CALL && !s->calls))
        is.sp = -1;
    else if (is.sp >= 0)
        is.sp = is.sp + n < word ? -1 : is.sp + n;
    return is;
}

/* What the stack was before an instruction, for those that only move the stack pointer, or do nothing with
 * it. */
static struct stack before(const struct deduction *d, const struct spot *s, struct stack is)
{
    enum { DEEP = 1 << 20 }; /* 32-bit code is known from its end, where more has been removed than is left */
    const int32_t from = d->kind->by_pointer ? DEEP : is.sp;
    const struct stack then = after(d, s, at_depth(from));
    const bool plain = then.sp >= 0 && then.bp < 0 && is.sp >= 0 && is.bp < 0;
    return at_depth(plain ? is.sp + from - then.sp : -1);
}

static bool flows(struct deduction *d, const struct spot *s)
{
    bool news = false;
    const bool jumps = s->i.flow == INSN_JUMP || s->i.flow == INSN_BRANCH;
    const bool pushes = s->i.flow == INSN_CALL && !s->calls;
    if (has_stack(d, s->address)) {
        const struct stack is = stack_at(d, s->address), then = after(d, s, is);
        news |= goes_on(s->i.flow) && set_stack(d, s->next, then);
        news |= (jumps || pushes) && set_stack(d, s->target, jumps ? is : then);
    } else {
        news |= goes_on(s->i.flow) && !pushes && has_stack(d, s->next) &&
                set_stack(d, s->address, before(d, s, stack_at(d, s->next)));
        news |= jumps && has_stack(d, s->target) && set_stack(d, s->address, stack_at(d, s->target));
    }
    return news;
}

/* Which register a MOV (89h, 64 bits) stores above the stack pointer, as the processor numbers it, and where;
 * -1 for other instructions. */
static int stored(const struct deduction *d, uint64_t address, const struct insn *i, int32_t *offset)
{
    enum {
        REX_W = 0x48,
        REX_R = 4,
        MOV = 0x89,
        SIB_SP = 0x24,
        NO_SIB = 0xc7,
        ON_SP = 4,
        BYTE = 0x40,
        WIDE = 0x80
    };
    const uint8_t *p = (const uint8_t *)d->code->bytes + (address - d->code->address);
    if (d->kind->word != 8 || i->length < 4 || (p[0] & ~REX_R) != REX_W || p[1] != MOV || p[3] != SIB_SP)
        return -1;
    const unsigned form = p[2] & NO_SIB;
    *offset = 0;
    if (form == (BYTE | ON_SP) && i->length == 5)
        *offset = (int8_t)p[4];
    else if (form == (WIDE | ON_SP) && i->length == 8)
        memcpy(offset, p + 4, 4);
    else if (form != ON_SP)
        return -1;
    return (p[2] >> 3 & 7) + (p[0] & REX_R ? 8 : 0);
}

/* Which register an instruction saves at its place. Code that makes room first stores the registers one by
 * one. */
static int saves(const struct deduction *d, uint64_t address, const struct insn *i)
{
    const struct symbol_registers *r = d->code->registers;
    int32_t offset;
    const int reg = stored(d, address, i, &offset);
    for (int k = 0; reg >= 0 && k < CALLS_PRESERVE; k++)
        if (d->kind->preserved[k] == reg && offset - r->depth == r->saved[k])
            return k;
    return -1;
}

static struct spot *find_spots(const struct deduction *d, size_t *n)
{
    struct spot *spots = NULL;
    struct insn i;
    *n = 0;
    for (size_t k = 0; k < d->nstarts; k++)
        for (uint64_t at = d->starts[k].address;
             d->starts[k].marks & ENTRY && at < deduce_end_of(d, k) && deduce_insn(d, at, &i);
             at += i.length) {
            struct spot s = {at, at + i.length, at + (uint64_t)(int64_t)i.target, i, false, saves(d, at, &i)};
            const struct start *to = i.flow == INSN_CALL ? named(d, s.target) : NULL;
            s.calls = i.flow == INSN_CALL_AT || (to && to->address == s.target);
            MEM_MORE(spots, *n);
            spots[(*n)++] = s;
        }
    return spots;
}

/* Takes over, from where the code goes on, which registers are still to be stored. Returns whether that is
 * news. */
static bool unstored(struct deduction *d, struct stack *is, uint64_t next)
{
    bool news = false;
    for (unsigned k = 0; has_stack(d, next) && k < CALLS_PRESERVE; k++)
        if (is->saved[k] && !d->stacks[d->at[next - d->code->address] - 1].saved[k]) {
            is->saved[k] = 0;
            news = true;
        }
    return news;
}

/* As long as there is a store of a register ahead, it was not stored. */
static bool find_unstored(struct deduction *d, const struct spot *s)
{
    if (!has_stack(d, s->address))
        return false;
    struct stack *is = &d->stacks[d->at[s->address - d->code->address] - 1];
    bool news = s->saves >= 0 && is->saved[s->saves];
    if (s->saves >= 0)
        is->saved[s->saves] = 0;
    if (goes_on(s->i.flow))
        news |= unstored(d, is, s->next);
    if (s->i.flow == INSN_JUMP || s->i.flow == INSN_BRANCH)
        news |= unstored(d, is, s->target);
    return news;
}

/* Carries what is known along the code, in both directions. */
static void spread(struct deduction *d, const struct spot *spots, size_t n)
{
    bool news = true;
    for (unsigned rounds = 0; news && rounds < DEDUCE_ROUNDS_MAX; rounds++) {
        news = false;
        for (size_t i = 0; i < n; i++)
            news |= flows(d, &spots[i]);
        for (size_t i = n; i-- > 0;)
            news |= flows(d, &spots[i]);
    }
}

/* An entry of 32-bit code that changes stacks before it comes to what others have in common is known by its
 * PUSHAL, after which the registers are where they are to be. */
static void anchor_at_pushal(struct deduction *d, const struct spot *s)
{
    if (d->kind->by_pointer && s->i.stack == INSN_MOVE && s->i.n == -INSN_PUSHAL && s->i.length == 1)
        set_stack(d, s->address, at_depth(deduce_deepest(d) - INSN_PUSHAL));
}

void deduce_entries(struct deduction *d)
{
    size_t n;
    struct spot *spots = find_spots(d, &n);
    for (size_t i = 0; i < n; i++)
        anchor(d, &spots[i]);
    spread(d, spots, n);
    for (size_t i = 0; i < n; i++)
        anchor_at_pushal(d, &spots[i]);
    spread(d, spots, n);
    bool news = true;
    for (unsigned rounds = 0; news && rounds < DEDUCE_ROUNDS_MAX; rounds++) {
        news = false;
        for (size_t i = n; i-- > 0;)
            news |= find_unstored(d, &spots[i]);
    }
    free(spots);
    for (size_t k = 0; k < d->nstarts; k++) /* a thunk: it is not an entry after all */
        if (d->starts[k].marks & ENTRY && !(d->starts[k].marks & NAMED) &&
            !has_stack(d, d->starts[k].address))
            d->starts[k].marks |= FUNCTION;
}

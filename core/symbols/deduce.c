/* deduce.c - call frames of code that has no tables for them, from what its instructions do to the stack. See
 * symbols.h.
 *
 * A function begins with the stack pointer right below the return address. From there on each instruction's
 * effect is known along every path, until a register of unknown value is put into the stack pointer. Where
 * paths meet they agree, in a compiler's code; if they do not, the path that came first counts. Which
 * functions do not return is known only afterwards, and the code after a call of one does not belong to that
 * path. So all is done again until no more such functions are found.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/symbols/private/deduce.h"

enum { PASSES = 6, DWARF_RAX = 0 };

/* System V ABI, figures 3.4 and 3.36 (AMD64), 2.14 (i386). In 32-bit code arguments are pushed, so that a
 * frame pointer, which stays, takes far fewer rows. */
static const struct code_kind wide = {.word = 8,
                                      .flags = FRAME_WIDE,
                                      .sp = 7,
                                      .bp = 6,
                                      .npreserved = 6,
                                      .preserved = {3, RBP, 12, 13, 14, 15},
                                      .dwarf = {3, 6, 12, 13, 14, 15},
                                      .iret = INSN_IRET_POPS,
                                      .decode = insn_decode};
static const struct code_kind narrow = {.word = 4,
                                        .sp = 4,
                                        .bp = 5,
                                        .by_pointer = true,
                                        .npreserved = 4,
                                        .preserved = {3, RBP, 6, 7},
                                        .dwarf = {3, 5, 6, 7},
                                        .iret = INSN_IRET_POPS_NARROW,
                                        .decode = insn_decode_narrow};

/* ---------------------------------------------------------------- functions */

static int by_address(const void *a, const void *b)
{
    const struct start *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

bool deduce_inside(const struct symbol_code *code, uint64_t address)
{
    return address - code->address < code->size;
}

/* Whether a name is of the part of a function that a compiler puts apart because it is seldom executed. Such
 * a part is jumped to. */
static bool is_cold(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".cold") || strstr(name, ".cold."));
}

/* The address of a symbol, in a table that is not complete. 0 if there is none. */
static uint64_t address_of(const struct symbol_table *t, const char *name)
{
    for (size_t i = 0; name && i < t->n; i++)
        if (!strcmp(t->names + t->entries[i].name, name))
            return t->entries[i].address;
    return 0;
}

static uint16_t marks_of(const struct symbol_code *code, const char *name)
{
    return (uint16_t)((is_cold(name) ? COLD : FUNCTION) |
                      (code->is_entry && code->is_entry(name) ? NAMED : 0) |
                      (code->is_outermost && code->is_outermost(name) ? FIRST : 0));
}

static void find_functions(struct deduction *d)
{
    const struct symbol_table *t = d->t;
    size_t n = 0;
    d->entries_end = address_of(t, d->code->entries_end);
    d->entries = address_of(t, d->code->entries);
    d->starts = mem_zero(t->n, sizeof *d->starts);
    for (size_t i = 0; i < t->n; i++)
        if (symbol_is_code(t->entries[i].type) && deduce_inside(d->code, t->entries[i].address))
            d->starts[n++] =
                (struct start){t->entries[i].address, marks_of(d->code, t->names + t->entries[i].name), 0};
    qsort(d->starts, n, sizeof *d->starts, by_address);
    for (size_t i = 0; i < n; i++)
        if (d->nstarts && d->starts[d->nstarts - 1].address == d->starts[i].address)
            d->starts[d->nstarts - 1].marks |= d->starts[i].marks;
        else
            d->starts[d->nstarts++] = d->starts[i];
}

long deduce_start_at(const struct deduction *d, uint64_t address)
{
    return (long)SORTED_ABOVE(d->starts, d->nstarts, address, address) - 1;
}

uint64_t deduce_end_of(const struct deduction *d, size_t i)
{
    const uint64_t end = d->code->address + d->code->size;
    return i + 1 < d->nstarts ? d->starts[i + 1].address : end;
}

static uint32_t decode(const struct deduction *d, uint64_t at)
{
    struct decoded *c = d->decoded;
    c->insns = mem_grow(c->insns, &c->cap, c->n + 1, sizeof *c->insns);
    if (!d->kind->decode((const uint8_t *)d->code->bytes + at, d->code->size - at, &c->insns[c->n]))
        return NO_INSN;
    return FIRST_INSN + (uint32_t)c->n++;
}

bool deduce_insn(const struct deduction *d, uint64_t address, struct insn *i)
{
    const uint64_t at = address - d->code->address;
    if (at >= d->code->size)
        return false;
    uint32_t *known = &d->decoded->at[at];
    if (!*known)
        *known = decode(d, at);
    if (*known == NO_INSN)
        return false;
    *i = d->decoded->insns[*known - FIRST_INSN];
    return true;
}

bool deduce_is_padding(const struct deduction *d, uint64_t from, uint64_t to)
{
    struct insn i;
    for (; from < to; from += i.length) {
        const uint8_t *p = (const uint8_t *)d->code->bytes + (from - d->code->address);
        if (!deduce_insn(d, from, &i))
            return false;
        while (*p == 0x66 || *p == 0x2e)
            p++;
        if (*p != 0x90 && *p != 0xcc && !(p[0] == 0x0f && p[1] == 0x1f))
            return false;
    }
    return true;
}

static bool begins(const struct deduction *d, uint64_t address)
{
    long f = deduce_start_at(d, address);
    return f >= 0 && d->starts[f].address == address;
}

/* ---------------------------------------------------------------- an instruction's effect */

static int preserved_index(const struct code_kind *k, unsigned reg)
{
    for (unsigned i = 0; i < k->npreserved; i++)
        if (k->preserved[i] == reg)
            return (int)i;
    return -1;
}

/* What was saved below the new stack pointer is lost, except the return address. */
static void move_sp(const struct code_kind *k, struct stack *s, int32_t sp)
{
    s->sp = sp < k->word ? -1 : sp;
    for (unsigned i = 0; i < CALLS_PRESERVE; i++)
        if (s->saved[i] > sp)
            s->saved[i] = 0;
}

static void push(const struct code_kind *k, struct stack *s, unsigned reg)
{
    const int i = preserved_index(k, reg);
    if (s->sp < 0)
        return;
    s->sp += k->word;
    if (i >= 0 && !s->saved[i] && !(reg == RBP && s->bp >= 0))
        s->saved[i] = s->sp;
}

/* The frame pointer is popped from where it was saved, wherever the stack pointer seemed to be: functions
 * that are called by their address may have removed arguments. */
static void pop(const struct code_kind *k, struct stack *s, unsigned reg)
{
    const int32_t saved = reg == RBP && s->bp >= 0 ? s->saved[preserved_index(k, RBP)] : 0;
    if (reg == RBP)
        s->bp = -1;
    if (k->by_pointer && saved)
        s->sp = saved;
    if (s->sp >= 0)
        move_sp(k, s, s->sp - k->word);
}

/* The stack pointer after `reg` + n was put into it. */
static void set_sp(const struct code_kind *k, struct stack *s, unsigned reg, int32_t n)
{
    if (reg == RBP && s->bp >= 0)
        move_sp(k, s, s->bp - n);
    else
        s->sp = -1;
}

static void apply(const struct code_kind *k, struct stack *s, const struct insn *i)
{
    switch (i->stack) {
    case INSN_POP_ALL:
        s->bp = -1;
        /* fall through */
    case INSN_MOVE:
        if (s->sp >= 0)
            move_sp(k, s, s->sp - i->n);
        break;
    case INSN_PUSH:
        push(k, s, i->reg);
        break;
    case INSN_POP:
        pop(k, s, i->reg);
        break;
    case INSN_FRAME:
        if (i->reg == RBP && s->sp >= 0)
            s->bp = s->sp - i->n;
        break;
    case INSN_SET:
        set_sp(k, s, i->reg, i->n);
        break;
    case INSN_LEAVE:
        set_sp(k, s, RBP, 0);
        pop(k, s, RBP);
        break;
    case INSN_LOST:
        s->sp = -1;
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- paths */

int32_t deduce_deepest(const struct deduction *d)
{
    int32_t deep = 0;
    for (unsigned i = 0; i < d->kind->npreserved; i++)
        deep = -d->code->registers->saved[i] > deep ? -d->code->registers->saved[i] : deep;
    return deep;
}

uint32_t deduce_add_stack(struct deduction *d, const struct stack *s)
{
    d->stacks = mem_grow(d->stacks, &d->stacks_cap, d->nstacks + 1, sizeof *d->stacks);
    d->stacks[d->nstacks] = *s;
    return (uint32_t)++d->nstacks;
}

static bool known(const struct stack *s)
{
    return s->sp >= 0 || s->bp >= 0;
}

static void add_path(struct path **paths, size_t *n, size_t *cap, struct path p)
{
    *paths = mem_grow(*paths, cap, *n + 1, sizeof **paths);
    (*paths)[(*n)++] = p;
}

static void follow(struct deduction *d, uint64_t address, uint32_t stack, uint32_t function)
{
    if (deduce_inside(d->code, address) && !d->at[address - d->code->address] && known(&d->stacks[stack - 1]))
        add_path(&d->todo, &d->ntodo, &d->todo_cap, (struct path){address, stack, function});
}

static void follow_later(struct deduction *d, uint64_t address, uint32_t stack, uint32_t function)
{
    add_path(&d->later, &d->nlater, &d->later_cap, (struct path){address, stack, function});
}

static void learn_pops(struct deduction *d, struct start *f, uint16_t n)
{
    if (!n || f->pops)
        return;
    f->pops = n;
    d->news = true;
}

/* A jump: within the function or to its cold part; or to another function, which returns in this one's place. */
static void jump(struct deduction *d, const struct path *p, uint64_t target)
{
    const long to = deduce_start_at(d, target);
    struct start *from = &d->starts[p->function];
    if (to < 0 || !deduce_inside(d->code, target))
        return;
    const struct start *s = &d->starts[to];
    if (s->address == target && s->marks & FUNCTION && to != p->function) {
        from->marks |= s->marks & RETURNS ? ENDS : 0;
        learn_pops(d, from, s->pops);
        return;
    }
    if (to != p->function && !(s->marks & COLD))
        from->marks |= ENDS; /* perhaps: code that is not a compiler's */
    follow(d, target, p->stack, p->function);
}

/* A function that was called removed arguments: one that returns a structure, in 32-bit code. */
static void returned(struct deduction *d, struct path *p, const struct start *f)
{
    struct stack s = d->stacks[p->stack - 1];
    if (!f->pops || s.sp < 0)
        return;
    move_sp(d->kind, &s, s.sp - f->pops);
    p->stack = deduce_add_stack(d, &s);
}

/* Whether the next instruction belongs to a path after a call. */
static bool call(struct deduction *d, struct path *p, uint64_t target, uint64_t next)
{
    const long to = deduce_start_at(d, target);
    const bool known = to >= 0 && deduce_inside(d->code, target);
    if (begins(d, next))
        return false;
    if (known && to == p->function && d->starts[to].address != target) { /* for its push only: a retpoline */
        struct stack pushed = d->stacks[p->stack - 1];
        push(d->kind, &pushed, INSN_NO_REGISTER);
        follow(d, target, deduce_add_stack(d, &pushed), p->function);
        return true;
    }
    if (!known || d->starts[to].address != target)
        return true;
    returned(d, p, &d->starts[to]);
    if (d->starts[to].marks & RETURNS)
        return true;
    follow_later(d, next, p->stack, p->function);
    return false;
}

/* How much a function removes that is called by its address is not known. It matters only if the end of the
 * caller shows that it was something. */
static bool call_at(struct deduction *d, struct path *p, uint64_t next)
{
    struct stack s = d->stacks[p->stack - 1];
    if (begins(d, next))
        return false;
    if (!(d->starts[p->function].marks & ODD))
        return true;
    s.sp = -1;
    p->stack = deduce_add_stack(d, &s);
    return known(&s);
}

static void check_end(struct deduction *d, const struct path *p)
{
    struct start *f = &d->starts[p->function];
    const int32_t sp = d->stacks[p->stack - 1].sp;
    if (!d->kind->by_pointer || sp < 0 || sp == d->kind->word || f->marks & ODD)
        return;
    f->marks |= ODD;
    d->news = true;
}

/* Follows a path from the instruction at p->address, with the stack as it is after that. False if the path
 * does not go on to the next instruction. */
static bool step(struct deduction *d, struct path *p, const struct insn *i)
{
    const uint64_t next = p->address + i->length, target = p->address + (uint64_t)(int64_t)i->target;
    switch (i->flow) {
    case INSN_JUMP:
    case INSN_BRANCH:
        jump(d, p, target);
        return i->flow == INSN_BRANCH;
    case INSN_CALL:
        return call(d, p, target, next);
    case INSN_CALL_AT:
        return call_at(d, p, next);
    case INSN_JUMP_AT:
        add_path(&d->tables, &d->ntables, &d->tables_cap, *p);
        d->starts[p->function].marks |= ENDS;
        return false;
    case INSN_FAR:
        if (!begins(d, next))
            follow_later(d, next, p->stack, p->function);
        d->starts[p->function].marks |= ENDS;
        return false;
    case INSN_RETURN:
        check_end(d, p);
        learn_pops(d, &d->starts[p->function], (uint16_t)i->n);
        d->starts[p->function].marks |= ENDS;
        return false;
    case INSN_SYSRET:
        d->starts[p->function].marks |= ENDS;
        return false;
    case INSN_TRAP:
        if (!begins(d, next))
            follow_later(d, next, p->stack, p->function);
        return false;
    default:
        return true;
    }
}

/* Whether a path goes on into the code of the next name. If not, what was before it, at `from`, is
 * padding. */
static bool cross(struct deduction *d, struct path *p, uint64_t from)
{
    const long f = deduce_start_at(d, p->address);
    if (f < 0 || d->starts[f].address != p->address || f == p->function)
        return true;
    if (deduce_is_padding(d, from, p->address))
        return false;
    if (!(d->starts[f].marks & COLD))
        d->starts[p->function].marks |= ENDS;
    p->function = (uint32_t)f;
    return true;
}

static uint32_t stack_after(struct deduction *d, uint32_t stack, const struct insn *i)
{
    struct stack after = d->stacks[stack - 1];
    apply(d->kind, &after, i);
    return memcmp(&after, &d->stacks[stack - 1], sizeof after) ? deduce_add_stack(d, &after) : stack;
}

static void walk(struct deduction *d, struct path p)
{
    const struct symbol_code *code = d->code;
    uint64_t named = deduce_end_of(d, (size_t)deduce_start_at(d, p.address));
    struct insn i;
    while (deduce_inside(code, p.address) && !d->at[p.address - code->address] &&
           deduce_insn(d, p.address, &i)) {
        d->at[p.address - code->address] = p.stack;
        if (i.stack != INSN_NONE)
            p.stack = stack_after(d, p.stack, &i);
        if (!known(&d->stacks[p.stack - 1]) || !step(d, &p, &i))
            return;
        p.address += i.length;
        if (p.address < named)
            continue;
        if (!cross(d, &p, p.address - i.length))
            return;
        named = deduce_end_of(d, (size_t)deduce_start_at(d, p.address));
    }
}

static void walk_all(struct deduction *d)
{
    while (d->ntodo)
        walk(d, d->todo[--d->ntodo]);
}

/* Marks the functions that are called, and those that are jumped to. */
static void mark_targets(struct deduction *d)
{
    struct insn i;
    for (size_t k = 0; k < d->nstarts; k++)
        for (uint64_t at = d->starts[k].address; at < deduce_end_of(d, k) && deduce_insn(d, at, &i);
             at += i.length) {
            const uint64_t target = at + (uint64_t)(int64_t)i.target;
            const bool call = i.flow == INSN_CALL;
            if ((call || i.flow == INSN_JUMP) && begins(d, target) && deduce_inside(d->code, target))
                d->starts[deduce_start_at(d, target)].marks |= call ? CALLED : JUMPED;
        }
}

/* Whether a function begins a new stack: if names do not tell, one that does not return, and is jumped to but
 * never called. */
static bool is_outermost(const struct deduction *d, const struct start *s)
{
    return !d->code->is_outermost && !(s->marks & (RETURNS | CALLED)) && s->marks & JUMPED;
}

/* For a jump by a table: follows all code of its function to which no path has led, since the targets are
 * among that. */
static void follow_table(struct deduction *d, struct path table)
{
    struct insn i;
    const uint64_t end = deduce_end_of(d, table.function);
    for (uint64_t at = d->starts[table.function].address; at < end && deduce_insn(d, at, &i); at += i.length)
        if (!d->at[at - d->code->address] && !deduce_is_padding(d, at, at + i.length)) {
            follow(d, at, table.stack, table.function);
            walk_all(d);
        }
}

/* Code that begins by taking another stack is not a function, but a label in assembly, where execution goes
 * on after a fault. It is seen in 32-bit kernels only. */
static bool is_called(const struct deduction *d, const struct start *s)
{
    struct insn i;
    const bool lost = d->kind->by_pointer && deduce_insn(d, s->address, &i) &&
                      (i.stack == INSN_SET || i.stack == INSN_LOST || i.stack == INSN_LEAVE);
    return s->marks & FUNCTION && !lost;
}

/* One pass over all functions. */
static void follow_functions(struct deduction *d)
{
    const struct stack first = {.sp = d->kind->word, .bp = -1};
    const struct stack last = {.sp = d->kind->word, .bp = -1, .flags = {FRAME_OUTERMOST}};
    memset(d->at, 0, d->code->size * sizeof *d->at);
    d->nstacks = d->nlater = d->ntables = 0;
    const uint32_t begin = deduce_add_stack(d, &first), outermost = deduce_add_stack(d, &last);
    deduce_entries(d);
    for (size_t i = 0; i < d->nstarts; i++)
        if (is_called(d, &d->starts[i])) {
            follow(d, d->starts[i].address, is_outermost(d, &d->starts[i]) ? outermost : begin, (uint32_t)i);
            walk_all(d);
        }
    for (size_t i = 0; i < d->nlater; i++) {
        follow(d, d->later[i].address, d->later[i].stack, d->later[i].function);
        walk_all(d);
    }
    for (size_t i = 0; i < d->ntables; i++) {
        struct start *f = &d->starts[d->tables[i].function];
        if (!(f->marks & TABLES))
            follow_table(d, d->tables[i]); /* a copy: more tables may be found on the way */
        f->marks |= TABLES;
    }
}

/* Notes which functions return, as the pass found. Returns whether that, or how much they remove, is news. */
static bool learn(struct deduction *d)
{
    bool news = d->news;
    d->news = false;
    for (size_t i = 0; i < d->nstarts; i++) {
        uint16_t *marks = &d->starts[i].marks;
        const uint16_t now =
            (uint16_t)((*marks & ~(RETURNS | ENDS | TABLES)) | (*marks & ENDS ? RETURNS : 0));
        news |= (now ^ *marks) & RETURNS;
        *marks = now;
    }
    return news;
}

/* ---------------------------------------------------------------- rows */

static void add_saved(struct symbol_frame *f, uint8_t reg, int32_t offset)
{
    f->saved[f->nsaved].reg = reg;
    f->saved[f->nsaved++].offset = offset;
}

/* Whether an entry has stored the registers, where the stack is `offset` deep. 64-bit code makes room and
 * stores them one by one; 32-bit code pushes them all at once (PUSHAL). */
static bool are_stored(const struct deduction *d, int32_t offset)
{
    const struct symbol_registers *r = d->code->registers;
    return d->kind->by_pointer ? offset >= deduce_deepest(d) : offset == r->depth;
}

static void add_registers(const struct deduction *d, struct symbol_frame *f, const struct stack *s)
{
    const struct code_kind *k = d->kind;
    const struct symbol_registers *r = d->code->registers;
    const bool interrupt = s->flags[0] & FRAME_INTERRUPT;
    for (unsigned i = 0; i < k->npreserved && !interrupt; i++)
        if (s->saved[i])
            add_saved(f, k->dwarf[i], -s->saved[i]);
    for (unsigned i = 0; i < k->npreserved && interrupt; i++)
        if (s->saved[i] && are_stored(d, f->offset))
            add_saved(f, k->dwarf[i], r->saved[i]);
    if (interrupt && r->sp)
        add_saved(f, k->sp, r->sp);
}

static void add_row(struct deduction *d, uint64_t address, const struct stack *s)
{
    const struct code_kind *k = d->kind;
    const bool pointer = s->sp < 0 || (k->by_pointer && s->bp >= 0 && !s->flags[1]);
    struct symbol_frame f = {.address = address, .flags = k->flags | s->flags[0]};
    f.base = !pointer ? k->sp : s->flags[1] ? DWARF_RAX : k->bp;
    f.offset = pointer ? s->bp : s->sp;
    add_registers(d, &f, s);
    symbol_table_add_frame(d->t, &f);
}

static bool is_first(const struct deduction *d, uint64_t address)
{
    const long f = deduce_start_at(d, address);
    return f >= 0 && d->starts[f].marks & FIRST;
}

static void add_rows(struct deduction *d)
{
    const struct symbol_code *code = d->code;
    uint64_t end = 0;
    uint32_t last = 0;
    struct insn i;
    for (uint64_t at = 0; at < code->size && d->t->nframes < DEDUCE_ROWS_MAX; at++) {
        const uint64_t address = code->address + at;
        if (!d->at[at] || is_first(d, address))
            continue;
        if (end && !deduce_is_padding(d, end, address)) {
            symbol_table_add_frame(d->t, &(struct symbol_frame){.address = end, .base = FRAME_UNKNOWN});
            last = 0;
        }
        if (d->at[at] != last)
            add_row(d, address, &d->stacks[d->at[at] - 1]);
        last = d->at[at];
        end = address + (deduce_insn(d, address, &i) ? i.length : 1);
    }
    if (end)
        symbol_table_add_frame(d->t, &(struct symbol_frame){.address = end, .base = FRAME_UNKNOWN});
}

/* Adds the frames of code that has no caller, wherever its stack is. */
static void add_outermost(struct deduction *d)
{
    for (size_t i = 0; i < d->nstarts; i++)
        if (d->starts[i].marks & FIRST) {
            struct symbol_frame f = {.address = d->starts[i].address,
                                     .base = d->kind->sp,
                                     .offset = d->kind->word,
                                     .flags = d->kind->flags | FRAME_OUTERMOST};
            symbol_table_add_frame(d->t, &f);
            f = (struct symbol_frame){.address = deduce_end_of(d, i), .base = FRAME_UNKNOWN};
            symbol_table_add_frame(d->t, &f);
        }
}

/* Cuts off the code before the first function, and far behind the beginning of the last. */
static void trim(const struct deduction *d, struct symbol_code *code)
{
    enum { LONGEST = 64 << 10 };
    const uint64_t first = d->starts[0].address - code->address;
    const uint64_t last = d->starts[d->nstarts - 1].address - code->address + LONGEST;
    code->bytes = (const uint8_t *)code->bytes + first;
    code->address += first;
    code->size = (last < code->size ? last : code->size) - first;
    code->size = code->size < DEDUCE_CODE_MAX ? code->size : DEDUCE_CODE_MAX;
}

void symbol_table_deduce_frames(struct symbol_table *t, const struct symbol_code *code)
{
    struct symbol_code own = *code;
    struct decoded decoded = {0};
    struct deduction d = {.code = &own, .kind = code->narrow ? &narrow : &wide, .t = t, .decoded = &decoded};
    find_functions(&d);
    if (d.nstarts)
        trim(&d, &own);
    else
        own.size = 0;
    d.at = mem_zero(own.size, sizeof *d.at);
    decoded.at = mem_zero(own.size, sizeof *decoded.at);
    for (size_t i = 0; i < d.nstarts; i++)
        d.starts[i].marks |= RETURNS;
    mark_targets(&d);
    deduce_mark_entries(&d);
    for (unsigned i = 0; i < PASSES; i++) {
        follow_functions(&d);
        if (!learn(&d))
            break;
    }
    add_rows(&d);
    add_outermost(&d);
    free(d.starts);
    free(d.at);
    free(decoded.at);
    free(decoded.insns);
    free(d.stacks);
    free(d.todo);
    free(d.later);
    free(d.tables);
}

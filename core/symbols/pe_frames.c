/* pe_frames.c - call frames from the tables that PE images have for exceptions. See symbols.h.
 *
 * The tables describe what a function's beginning does to the stack. How far execution is in a function's
 * end, an unwinder has to see from the code, which has one of a few forms there. Here the rows of these ends
 * are made in advance, by looking through the code for them.
 *
 * Source: Microsoft, "x64 exception handling": RUNTIME_FUNCTION, UNWIND_INFO, UNWIND_CODE, "Unwind
 * procedure"; "x64 prolog and epilog".
 */
#include "base/byte_order.h"
#include "core/symbols/private/insn.h"
#include "core/symbols/private/module.h"

enum { ENTRY = 12, WORD = 8, REGISTERS = 16, RSP = 4, DWARF_RSP = 7, CHAIN_MAX = 8, CODES_MAX = 256 };
enum { FLAG_CHAINED = 4 };
enum unwind_code {
    PUSH_NONVOLATILE,
    ALLOC_LARGE,
    ALLOC_SMALL,
    SET_FRAME,
    SAVE_NONVOLATILE,
    SAVE_NONVOLATILE_FAR,
    EPILOG,
    SPARE,
    SAVE_XMM128,
    SAVE_XMM128_FAR,
    PUSH_MACHINE_FRAME,
};

/* DWARF's numbers of the processor's registers. */
static const uint8_t dwarf[REGISTERS] = {0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

/* The stack at one place: distances are from the CFA down. */
struct stack_state {
    int64_t sp;               /* of the stack pointer, as far as the tables say */
    unsigned frame;           /* the frame register, if it is set; otherwise RSP */
    int64_t fp;               /* of the frame register */
    int64_t saved[REGISTERS]; /* 0: in itself */
    bool machine;             /* the processor has pushed a frame: the CFA is above the address */
};

struct unwind_info {
    uint8_t version, flags, prolog, count, frame, offset; /* offset: of the frame register, in units of 16 */
    const uint8_t *codes;
    uint32_t end; /* relative address after the codes */
};

static const uint8_t *at(const struct module *m, uint64_t address, size_t n)
{
    return address < m->size && m->size - address >= n ? m->bytes + address : NULL;
}

bool pe_function(const struct module *m, uint32_t i, uint32_t *begin, uint32_t *end)
{
    const struct pe_range *r = &m->pe->exceptions;
    const uint8_t *p = m->pe->machine == PE_AMD64 && i < PE_FUNCTIONS_MAX && (i + 1) * ENTRY <= r->size
                           ? at(m, (uint64_t)r->address + i * ENTRY, ENTRY)
                           : NULL;
    if (!p)
        return false;
    *begin = le32(p);
    *end = le32(p + 4);
    return true;
}

static bool read_info(const struct module *m, uint32_t address, struct unwind_info *u)
{
    const uint8_t *p = at(m, address, 4);
    if (!p || ((p[0] & 7) != 1 && (p[0] & 7) != 2))
        return false;
    *u = (struct unwind_info){.version = p[0] & 7,
                              .flags = p[0] >> 3,
                              .prolog = p[1],
                              .count = p[2],
                              .frame = p[3] & 15,
                              .offset = p[3] >> 4,
                              .codes = at(m, (uint64_t)address + 4, 2 * (size_t)p[2]),
                              .end = address + 4 + 2 * ((p[2] + 1u) & ~1u)};
    return u->codes;
}

/* How many of the two-byte slots a code takes. 0: it is not known. */
static unsigned slots(const uint8_t *code, unsigned version)
{
    switch (code[1] & 15) {
    case ALLOC_LARGE:
        return code[1] >> 4 ? 3 : 2;
    case SAVE_NONVOLATILE:
    case SAVE_XMM128:
        return 2;
    case EPILOG: /* of the second version: where the ends are */
        return version == 2 ? 1 : 2;
    case SAVE_NONVOLATILE_FAR:
    case SAVE_XMM128_FAR:
    case SPARE:
        return 3;
    case PUSH_NONVOLATILE:
    case ALLOC_SMALL:
    case SET_FRAME:
    case PUSH_MACHINE_FRAME:
        return 1;
    default:
        return 0;
    }
}

/* What one instruction of the beginning does; `base`: the distance of the fixed part's end, to which stores
 * are relative. */
static void apply(const struct unwind_info *u, const uint8_t *code, int64_t base, struct stack_state *p)
{
    const unsigned info = code[1] >> 4;
    switch (code[1] & 15) {
    case PUSH_NONVOLATILE:
        p->sp += WORD;
        p->saved[info] = p->sp;
        break;
    case ALLOC_LARGE:
        p->sp += info ? le32(code + 2) : 8 * le16(code + 2);
        break;
    case ALLOC_SMALL:
        p->sp += 8 * info + 8;
        break;
    case SET_FRAME:
        p->frame = u->frame;
        p->fp = p->sp - 16 * u->offset;
        break;
    case SAVE_NONVOLATILE:
        p->saved[info] = base - 8 * (int64_t)le16(code + 2);
        break;
    case SAVE_NONVOLATILE_FAR:
        p->saved[info] = base - (int64_t)le32(code + 2);
        break;
    case PUSH_MACHINE_FRAME:
        p->machine = true;
        p->sp = info ? 2 * WORD : WORD;
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- rows */

static void add_row(struct symbol_table *t, uint64_t address, const struct stack_state *p)
{
    struct symbol_frame f = {.address = address,
                             .base = dwarf[p->frame],
                             .flags = FRAME_WIDE | (p->machine ? FRAME_INTERRUPT : 0),
                             .offset = (int32_t)(p->frame == RSP ? p->sp : p->fp)};
    for (unsigned i = 0; i < REGISTERS; i++)
        if (p->saved[i] && i != RSP && f.nsaved < FRAME_SAVED) {
            f.saved[f.nsaved].reg = dwarf[i];
            f.saved[f.nsaved++].offset = (int32_t)-p->saved[i];
        }
    symbol_table_add_frame(t, &f);
}

/* The codes of instructions in their order in the code: *n indices of slots. They are stored in the order of
 * unwinding. False if they make no sense. */
static bool in_order(const struct unwind_info *u, uint8_t order[CODES_MAX], unsigned *n)
{
    uint8_t stored[CODES_MAX];
    unsigned step;
    *n = 0;
    for (unsigned i = 0; i < u->count; i += step) {
        step = slots(u->codes + 2 * i, u->version);
        if (!step || i + step > u->count)
            return false;
        if ((u->codes[2 * i + 1] & 15) != EPILOG)
            stored[(*n)++] = (uint8_t)i;
    }
    for (unsigned k = 0; k < *n; k++)
        order[k] = stored[*n - 1 - k];
    return true;
}

/* Follows a function's beginning from *p on; adds a row for each of its instructions if t is not NULL. False
 * if the codes make no sense. */
static bool follow(struct symbol_table *t, uint32_t begin, const struct unwind_info *u, struct stack_state *p)
{
    uint8_t order[CODES_MAX];
    struct stack_state fixed = *p;
    unsigned n;
    if (!in_order(u, order, &n))
        return false;
    for (unsigned k = 0; k < n; k++)
        apply(u, u->codes + 2 * order[k], 0, &fixed);
    if (fixed.sp < 0 || fixed.sp > INT32_MAX)
        return false;
    for (unsigned k = 0, last = 0; k < n; k++) {
        const uint8_t *code = u->codes + 2 * order[k];
        if (t && (!k ? code[0] : code[0] != last))
            add_row(t, begin + last, p);
        last = code[0];
        apply(u, code, fixed.sp, p);
    }
    if (t)
        add_row(t, begin + (n ? u->codes[2 * order[n - 1]] : 0), p);
    return true;
}

/* The stack in the body of the function that an entry's information is chained to. */
static bool chained(const struct module *m, const struct unwind_info *u, unsigned depth,
                    struct stack_state *p)
{
    struct unwind_info outer;
    const uint8_t *entry = at(m, u->end, ENTRY);
    if (!entry || depth == CHAIN_MAX || !read_info(m, le32(entry + 8), &outer))
        return false;
    if (outer.flags & FLAG_CHAINED && !chained(m, &outer, depth + 1, p))
        return false;
    return follow(NULL, 0, &outer, p);
}

/* ---------------------------------------------------------------- a function's ends */

/* Takes an instruction of an end into account. False if it cannot be part of an end; *last: it is the last
 * one. */
static bool unwinds(const struct insn *i, bool first, struct stack_state *p, bool *last)
{
    *last = i->flow == INSN_RETURN || i->flow == INSN_JUMP || i->flow == INSN_JUMP_AT;
    if (*last)
        return true;
    if (i->stack == INSN_MOVE && first && i->n > 0)
        p->sp -= i->n;
    else if (i->stack == INSN_SET && first && p->frame != RSP && i->reg == p->frame)
        p->sp = p->fp - i->n;
    else if (i->stack == INSN_POP && i->reg < REGISTERS)
        p->sp -= WORD;
    else
        return false;
    if (i->stack == INSN_POP)
        p->saved[i->reg] = 0;
    p->frame = RSP;
    return p->sp >= WORD;
}

/* Whether an end begins here: what frees the stack, pops, and a return or a jump out of the function. Its
 * rows are added; *next is the instruction after it. */
static bool end_at(struct symbol_table *t, const struct module *m, uint32_t address, uint32_t begin,
                   uint32_t end, const struct stack_state *body, uint32_t *next)
{
    enum { LONGEST = 20 };
    struct stack_state now = *body, rows[LONGEST];
    uint32_t where[LONGEST], a = address;
    struct insn i;
    bool last = false;
    unsigned n = 0;
    for (; n < LONGEST && !last && a < end && insn_decode(m->bytes + a, end - a, &i); n++) {
        where[n] = a;
        rows[n] = now;
        if (!unwinds(&i, !n, &now, &last))
            return false;
        const uint32_t target = a + (uint32_t)i.target;
        if (last && i.flow == INSN_JUMP && target >= begin && target < end)
            return false;
        a += i.length;
    }
    if (!last || n < 2 || now.sp != WORD)
        return false;
    for (unsigned k = 1; k < n; k++)
        add_row(t, where[k], &rows[k]);
    if (a < end)
        add_row(t, a, body);
    *next = a;
    return true;
}

static void add_ends(struct symbol_table *t, const struct module *m, uint32_t from, uint32_t begin,
                     uint32_t end, const struct stack_state *body)
{
    struct insn i;
    uint32_t next;
    for (uint32_t a = from; a < end; a = next) {
        if (!insn_decode(m->bytes + a, end - a, &i))
            return;
        next = a + i.length;
        const bool may = (i.stack == INSN_MOVE && i.n > 0) || i.stack == INSN_POP || i.stack == INSN_SET;
        if (may)
            end_at(t, m, a, begin, end, body, &next);
    }
}

/* ---------------------------------------------------------------- functions */

static void add_function(struct symbol_table *t, const struct module *m, uint32_t i, uint32_t begin,
                         uint32_t end)
{
    struct stack_state p = {.sp = WORD, .frame = RSP};
    struct unwind_info u;
    const uint32_t info = le32(m->bytes + m->pe->exceptions.address + (size_t)i * ENTRY + 8);
    if (!read_info(m, info, &u) || (u.flags & FLAG_CHAINED && !chained(m, &u, 0, &p)))
        return;
    if (!follow(t, begin, &u, &p))
        return;
    if (!p.machine && u.prolog <= end - begin)
        add_ends(t, m, begin + u.prolog, begin, end, &p);
    symbol_table_add_frame(t, &(struct symbol_frame){.address = end, .base = FRAME_UNKNOWN});
}

void pe_add_frames(struct symbol_table *t, const struct module *m)
{
    uint32_t begin, end;
    for (uint32_t i = 0; pe_function(m, i, &begin, &end); i++)
        if (begin < end && end <= m->size)
            add_function(t, m, i, begin, end);
}

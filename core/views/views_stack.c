/* views_stack.c - the calls in progress. See views.h.
 *
 * Sources: DWARF 4, 6.4 (call frames; the rows are in the symbol tables already); System V ABI for AMD64,
 * figure 3.36 and for i386, figure 2.14 (numbers of registers); SDM volume 2, CALL (its encodings).
 */
#include <string.h>

#include "core/views/private/calls.h"
#include "core/views/private/orc.h"
#include "core/views/tasks.h"

enum { I386_SP = 4, I386_BP = 5, I386_PC = 8, AMD64_BP = 6, AMD64_SP = 7, AMD64_PC = 16, REGISTERS = 17 };
enum { SCAN_WORDS = 512 };

/* The machine's state before the calls that have been unwound. */
struct unwind {
    struct look m;
    const struct symbols *symbols;
    const struct symbols *program; /* of addresses below the kernel's; or NULL */
    unsigned cpu, word;
    symbol_space space;
    uint64_t at;
    uint64_t reg[REGISTERS]; /* by DWARF number */
    bool wide, segmented;
    uint64_t ss_base, cs_base;
    uint64_t pc, sp;         /* linear */
    bool called;             /* pc is a return address: the call is before it */
    struct view_orc *orc;    /* or NULL */
    uint64_t tables;         /* page tables of a task without a processor; 0: the processor's */
    bool interrupted, ended; /* pc was interrupted there; there is no caller */
    bool entered;            /* this is a program, which entered its kernel */
};

static const char *const wide_names[REGISTERS] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
                                                  "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                                  "r12", "r13", "r14", "r15", "rip"};
static const char *const narrow_names[REGISTERS] = {"rax", "rcx", "rdx", "rbx", "rsp",
                                                    "rbp", "rsi", "rdi", "rip"};

static void begin(struct unwind *u)
{
    const char *const *names = u->wide ? wide_names : narrow_names;
    for (unsigned i = 0; i < REGISTERS && names[i]; i++)
        u->reg[i] = look_reg(u->m, u->cpu, names[i]);
    u->ss_base = look_reg(u->m, u->cpu, "ss_base");
    u->cs_base = look_reg(u->m, u->cpu, "cs_base");
    u->pc = look_pc(u->m, u->cpu);
    u->sp = view_stack(u->m, u->cpu);
    u->at = look_icount(u->m);
    u->word = look_code_bits(u->m, u->cpu) / 8;
}

static bool peek(const struct unwind *u, uint64_t address, unsigned n, uint64_t *value)
{
    *value = 0;
    return (u->tables ? view_peek(u->m, u->tables, address, value, n)
                      : look_peek(u->m, u->cpu, address, value, n)) == n;
}

/* A program's own file says more of its code than the trace does, which has what was executed. */
static bool in_program(const struct unwind *u, uint64_t pc, struct symbol_frame *f)
{
    return u->program && !(pc >> 63) && symbols_frame(u->program, u->space, pc, u->at, f);
}

static bool frame_at(const struct unwind *u, uint64_t pc, struct symbol_frame *f)
{
    return in_program(u, pc, f) || (u->symbols && symbols_frame(u->symbols, u->space, pc, u->at, f));
}

static bool has_symbol(const struct unwind *u, const struct symbols *s, uint64_t pc)
{
    return s && symbols_at(s, u->space, pc, u->at, &(struct symbol){0}, NULL);
}

static bool known(const struct unwind *u, uint64_t pc)
{
    return in_program(u, pc, &(struct symbol_frame){0}) || has_symbol(u, u->symbols, pc) ||
           (!(pc >> 63) && has_symbol(u, u->program, pc));
}

/* ---------------------------------------------------------------- code that was interrupted */

/* struct pt_regs, and the part of it that an interrupt pushes. */
enum { PT_BP = 32, PT_IP = 128, PT_CS = 136, PT_SP = 152, IRET_CS = 8, IRET_SP = 24 };

/* The code that was interrupted: its registers were stored at `at`. A program is not a caller. */
static bool interrupted(struct unwind *u, uint64_t at, unsigned ip, unsigned cs, unsigned sp)
{
    uint64_t segment;
    if (!peek(u, at + ip, 8, &u->pc) || !peek(u, at + cs, 8, &segment) || !peek(u, at + sp, 8, &u->sp))
        return false;
    u->interrupted = true;
    u->ended = segment & 3;
    return true;
}

/* The same in 32-bit code: what was pushed is at `at`. Its stack pointer is there only if it was in another ring or in virtual 8086 mode. */
static bool interrupted_narrow(struct unwind *u, uint64_t at)
{
    enum { CS = 4, EFLAGS = 8, SP = 12, VM = 1 << 17 };
    uint64_t cs, flags;
    if (!peek(u, at, 4, &u->pc) || !peek(u, at + CS, 4, &cs) || !peek(u, at + EFLAGS, 4, &flags))
        return false;
    u->interrupted = true;
    u->ended = cs & 3 || flags & VM;
    u->sp = at + SP;
    u->reg[I386_SP] = u->sp;
    return !u->ended || peek(u, at + SP, 4, &u->sp);
}

/* ---------------------------------------------------------------- by call frame information */

/* The symbols say that this code has no caller. */
static bool outermost(const struct unwind *u)
{
    struct symbol_frame f;
    return frame_at(u, u->pc - u->called, &f) && f.flags & FRAME_OUTERMOST;
}

static bool by_cfi(struct unwind *u)
{
    struct symbol_frame f;
    uint64_t ra;
    if (!frame_at(u, u->pc - u->called, &f) || !!(f.flags & FRAME_WIDE) != u->wide || f.base >= REGISTERS)
        return false;
    u->segmented = f.flags & FRAME_SEGMENTED;
    unsigned word = u->wide ? 8 : 4;
    uint64_t base = u->reg[f.base], cfa;
    if (u->segmented)
        base = u->ss_base + (base & 0xffff);
    cfa = base + (uint64_t)(int64_t)f.offset;
    if (!u->wide)
        cfa = (uint32_t)cfa;
    if (!peek(u, cfa - word, word, &ra))
        return false;
    for (unsigned i = 0; i < f.nsaved; i++)
        if (f.saved[i].reg < REGISTERS)
            peek(u, cfa + (uint64_t)(int64_t)f.saved[i].offset, word, &u->reg[f.saved[i].reg]);
    if (f.flags & FRAME_INTERRUPT) {
        const bool found =
            u->wide ? interrupted(u, cfa - 8, 0, IRET_CS, IRET_SP) : interrupted_narrow(u, cfa - 4);
        u->ended |= found && !known(u, u->pc); /* a hypervisor's guest */
        return found;
    }
    u->sp = cfa;
    u->reg[u->wide ? AMD64_SP : I386_SP] = u->segmented ? cfa - u->ss_base : cfa;
    u->pc = u->segmented ? u->cs_base + (ra & 0xffff) : ra;
    return ra != 0;
}

/* ---------------------------------------------------------------- by a Linux kernel's own tables */

enum { AMD64_DX = 1, AMD64_DI = 5, AMD64_R10 = 10, AMD64_R13 = 13 };
/* What the stack pointer was before the call, or where the registers are. */
static bool orc_sp(const struct unwind *u, const struct orc_row *row, uint64_t *sp)
{
    static const uint8_t numbers[] = {[ORC_DX] = AMD64_DX, [ORC_DI] = AMD64_DI,   [ORC_BP] = AMD64_BP,
                                      [ORC_SP] = AMD64_SP, [ORC_R10] = AMD64_R10, [ORC_R13] = AMD64_R13};
    uint64_t offset = (uint64_t)(int64_t)row->sp_offset;
    switch (row->sp_reg) {
    case ORC_BP:
    case ORC_SP:
        *sp = u->reg[numbers[row->sp_reg]] + offset;
        return true;
    case ORC_DX:
    case ORC_DI:
    case ORC_R10:
    case ORC_R13:
        *sp = u->reg[numbers[row->sp_reg]] + offset;
        return !u->called; /* callers' values are not known */
    case ORC_BP_INDIRECT:
        return peek(u, u->reg[AMD64_BP] + offset, 8, sp);
    case ORC_SP_INDIRECT:
        if (!peek(u, u->reg[AMD64_SP], 8, sp))
            return false;
        *sp += offset;
        return true;
    default:
        return false;
    }
}

static bool orc_bp(struct unwind *u, const struct orc_row *row, uint64_t sp)
{
    uint64_t offset = (uint64_t)(int64_t)row->bp_offset;
    if (row->bp_reg == ORC_PREV_SP)
        return peek(u, sp + offset, 8, &u->reg[AMD64_BP]);
    if (row->bp_reg == ORC_BP)
        return peek(u, u->reg[AMD64_BP] + offset, 8, &u->reg[AMD64_BP]);
    return row->type != ORC_REGS || peek(u, sp + PT_BP, 8, &u->reg[AMD64_BP]);
}

static bool by_orc(struct unwind *u)
{
    struct orc_row row;
    uint64_t sp;
    if (!u->orc || !u->wide ||
        !view_orc_row(u->orc, u->m, u->cpu, u->symbols, symbol_space_kernel(u->space), u->pc - u->called,
                      &row))
        return false;
    u->ended = row.type == ORC_END;
    if (u->ended)
        return true;
    if (!orc_sp(u, &row, &sp) || !orc_bp(u, &row, sp))
        return false;
    bool found = row.type == ORC_CALL   ? peek(u, sp - 8, 8, &u->pc)
                 : row.type == ORC_REGS ? interrupted(u, sp, PT_IP, PT_CS, PT_SP)
                                        : interrupted(u, sp, 0, IRET_CS, IRET_SP);
    if (row.type == ORC_CALL)
        u->sp = sp;
    u->reg[AMD64_SP] = u->sp;
    u->entered = found && u->ended; /* a program's code calls its kernel */
    u->ended = u->entered && !u->program && !known(u, u->pc);
    return found;
}

/* ---------------------------------------------------------------- by the frame pointer */

static bool by_pointer(struct unwind *u)
{
    unsigned word = u->wide ? 8 : 4, number = u->wide ? AMD64_BP : I386_BP;
    uint64_t bp = u->reg[number], next, ra;
    if (u->word < 4 || bp < u->sp || bp - u->sp > 65536 || bp % word || !peek(u, bp, word, &next) ||
        !peek(u, bp + word, word, &ra) || !known(u, ra) || next <= bp)
        return false;
    u->sp = bp + 2 * word;
    u->reg[number] = next;
    u->reg[u->wide ? AMD64_SP : I386_SP] = u->sp;
    u->pc = ra;
    return true;
}

/* ---------------------------------------------------------------- by what looks like a return address */

/* Whether a CALL may end at `pc`: near relative, or through a register or memory. */
static bool after_call(const struct unwind *u, uint64_t pc)
{
    uint8_t b[8];
    if ((u->tables ? view_peek(u->m, u->tables, pc - 7, b, 7) : look_peek(u->m, u->cpu, pc - 7, b, 7)) != 7)
        return false;
    if (b[2] == 0xe8 || (u->word == 2 && b[4] == 0xe8))
        return true;
    for (unsigned n = 2; n <= 7; n++)
        if (b[7 - n] == 0xff && (b[8 - n] >> 3 & 7) == 2)
            return true;
    return false;
}

static bool by_guess(struct unwind *u)
{
    unsigned word = u->wide ? 8 : u->word;
    uint64_t value;
    for (unsigned i = 0; i < SCAN_WORDS; i++) {
        if (!peek(u, u->sp + (uint64_t)i * word, word, &value))
            return false;
        if (u->word == 2)
            value += u->cs_base;
        if (!after_call(u, value) || !known(u, value))
            continue;
        u->sp += (uint64_t)(i + 1) * word;
        u->reg[u->wide ? AMD64_SP : I386_SP] = u->sp;
        u->pc = value;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- */

static bool caller(struct unwind *u, enum view_frame_by *by, bool guessing)
{
    uint64_t was = u->sp;
    if (outermost(u) || (u->entered && !known(u, u->pc - u->called)))
        return false;
    if (!guessing && by_cfi(u)) {
        *by = VIEW_FRAME_CFI;
        return !u->ended && (u->sp > was || u->segmented || u->interrupted);
    }
    if (!guessing && by_orc(u)) {
        *by = VIEW_FRAME_CFI;
        return !u->ended;
    }
    if (!guessing && by_pointer(u)) {
        *by = VIEW_FRAME_POINTER;
        return true;
    }
    *by = VIEW_FRAME_GUESS;
    return !u->entered && by_guess(u);
}

/* From the state in `u` on. */
static size_t unwind(struct unwind *u, struct view_frame *frame, size_t max)
{
    enum view_frame_by by = VIEW_FRAME_HERE;
    size_t n = 0;
    frame[n++] = (struct view_frame){u->pc, u->sp, by};
    while (n < max && caller(u, &by, by == VIEW_FRAME_GUESS)) {
        frame[n - 1].sp = u->sp;
        frame[n++] = (struct view_frame){u->pc, u->sp, by};
        u->called = !u->interrupted;
        u->interrupted = false;
    }
    return n;
}

/* From registers of 64-bit code. */
static struct unwind begin_at(const struct unwind_from *from, const uint64_t reg[VIEW_FRAME_REGISTERS],
                              bool called)
{
    struct unwind u = {.m = from->m,
                       .symbols = from->symbols,
                       .program = from->program,
                       .cpu = from->cpu,
                       .space = from->space,
                       .orc = from->orc,
                       .tables = from->tables,
                       .wide = true,
                       .word = 8,
                       .at = look_icount(from->m),
                       .pc = reg[AMD64_PC],
                       .sp = reg[AMD64_SP],
                       .called = called};
    memcpy(u.reg, reg, sizeof u.reg);
    return u;
}

size_t view_frames(struct look m, unsigned cpu, const struct symbols *s, symbol_space space,
                   struct view_orc *o, struct view_frame *frame, size_t max)
{
    struct unwind u = {
        .m = m, .symbols = s, .cpu = cpu, .space = space, .orc = o, .wide = look_code_bits(m, cpu) == 64};
    begin(&u);
    return unwind(&u, frame, max);
}

size_t view_unwind(const struct unwind_from *from, const struct view_task *t, struct view_frame *frame,
                   size_t max)
{
    struct unwind u = begin_at(from, t->reg, true);
    if (t->cpu >= 0) {
        u.cpu = (unsigned)t->cpu;
        u.tables = 0;
        u.wide = look_code_bits(u.m, u.cpu) == 64;
        u.called = false;
        begin(&u);
    }
    return unwind(&u, frame, max);
}

bool view_unwind_one(const struct unwind_from *from, uint64_t reg[VIEW_FRAME_REGISTERS], bool *called)
{
    struct unwind u = begin_at(from, reg, *called);
    const uint64_t was = u.sp;
    if (outermost(&u) || (!by_cfi(&u) && !by_orc(&u) && !by_pointer(&u)) || u.ended ||
        (u.sp <= was && !u.interrupted))
        return false;
    memcpy(reg, u.reg, sizeof u.reg);
    reg[AMD64_PC] = u.pc;
    *called = !u.interrupted;
    return true;
}

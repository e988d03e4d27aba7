/* unwind.c - the calls in progress. See views.h.
 *
 * Sources: DWARF 4, 6.4 (call frames; the rows are in the symbol tables already); System V ABI for AMD64,
 * figure 3.36 and for i386, figure 2.14 (numbers of registers); SDM volume 2, CALL (its encodings).
 */
#include <string.h>

#include "core/views/private/unwind.h"

enum { I386_SP = 4, I386_BP = 5, I386_PC = 8, REGISTERS = VIEW_FRAME_REGISTERS };
enum { SCAN_WORDS = 512 };
#define PROGRAM_LOST "no file of the program that is in memory here has call frames for this code"
/* What a function of AMD64 keeps for its caller, unless it saves it. */
enum {
    PRESERVED =
        1 << AMD64_BX | 1 << AMD64_BP | 1 << AMD64_R12 | 1 << AMD64_R13 | 1 << AMD64_R14 | 1 << AMD64_R15
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
    u->known = UINT32_MAX;
    u->ss_base = look_reg(u->m, u->cpu, "ss_base");
    u->cs_base = look_reg(u->m, u->cpu, "cs_base");
    u->pc = look_pc(u->m, u->cpu);
    u->sp = view_stack(u->m, u->cpu);
    u->at = look_icount(u->m);
    u->word = look_code_bits(u->m, u->cpu) / 8;
    u->smm_entry = unwind_smm_entry(u->m, u->cpu);
}

bool unwind_peek(const struct unwind *u, uint64_t address, unsigned n, uint64_t *value)
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

bool unwind_knows(const struct unwind *u, uint64_t pc)
{
    return unwind_at_smm_entry(u, pc) || in_program(u, pc, &(struct symbol_frame){0}) ||
           has_symbol(u, u->symbols, pc) || (!(pc >> 63) && has_symbol(u, u->program, pc));
}

/* ---------------------------------------------------------------- code that was interrupted */

/* What an interrupt pushes, from RIP on. */
enum { IRET_CS = 8, IRET_SP = 24 };

/* A program is not a caller. */
bool unwind_interrupted(struct unwind *u, uint64_t at, unsigned ip, unsigned cs, unsigned sp)
{
    uint64_t segment;
    if (!unwind_peek(u, at + ip, 8, &u->pc) || !unwind_peek(u, at + cs, 8, &segment) ||
        !unwind_peek(u, at + sp, 8, &u->sp))
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
    if (!unwind_peek(u, at, 4, &u->pc) || !unwind_peek(u, at + CS, 4, &cs) ||
        !unwind_peek(u, at + EFLAGS, 4, &flags))
        return false;
    u->interrupted = true;
    u->ended = cs & 3 || flags & VM;
    u->sp = at + SP;
    u->reg[I386_SP] = u->sp;
    return !u->ended || unwind_peek(u, at + SP, 4, &u->sp);
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
    if (!unwind_peek(u, cfa - word, word, &ra))
        return false;
    u->known &= PRESERVED;
    for (unsigned i = 0; i < f.nsaved; i++)
        if (f.saved[i].reg < REGISTERS &&
            unwind_peek(u, cfa + (uint64_t)(int64_t)f.saved[i].offset, word, &u->reg[f.saved[i].reg]))
            u->known |= 1u << f.saved[i].reg;
    u->known |= 1u << AMD64_SP | 1u << AMD64_PC;
    if (f.flags & FRAME_INTERRUPT) {
        const bool found =
            u->wide ? unwind_interrupted(u, cfa - 8, 0, IRET_CS, IRET_SP) : interrupted_narrow(u, cfa - 4);
        u->ended |= found && !unwind_knows(u, u->pc); /* a hypervisor's guest */
        return found;
    }
    u->sp = cfa;
    u->reg[u->wide ? AMD64_SP : I386_SP] = u->segmented ? cfa - u->ss_base : cfa;
    u->pc = u->segmented ? u->cs_base + (ra & 0xffff) : ra;
    return ra != 0;
}

/* ---------------------------------------------------------------- by the frame pointer */

static bool by_pointer(struct unwind *u)
{
    unsigned word = u->wide ? 8 : 4, number = u->wide ? AMD64_BP : I386_BP;
    uint64_t bp = u->reg[number], next, ra;
    if (u->word < 4 || bp < u->sp || bp - u->sp > 65536 || bp % word || !unwind_peek(u, bp, word, &next) ||
        !unwind_peek(u, bp + word, word, &ra) || !unwind_knows(u, ra) || next <= bp)
        return false;
    u->known &= 1u << AMD64_BP | 1u << AMD64_SP | 1u << AMD64_PC;
    u->sp = bp + 2 * word;
    u->reg[number] = next;
    u->reg[u->wide ? AMD64_SP : I386_SP] = u->sp;
    u->pc = ra;
    return true;
}

/* ---------------------------------------------------------------- by what looks like a return address */

/* Whether a CALL may end at `pc`: near relative, or through a register or memory. */
bool unwind_after_call(const struct unwind *u, uint64_t pc)
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
        if (!unwind_peek(u, u->sp + (uint64_t)i * word, word, &value))
            return false;
        if (u->word == 2)
            value += u->cs_base;
        if (!unwind_after_call(u, value) || !unwind_knows(u, value))
            continue;
        u->sp += (uint64_t)(i + 1) * word;
        u->reg[u->wide ? AMD64_SP : I386_SP] = u->sp;
        u->pc = value;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- */

/* By tables: those of the symbols, or the kernel's. */
static enum unwound by_tables(struct unwind *u)
{
    const uint64_t was = u->sp;
    if (by_cfi(u)) {
        u->cfa = u->sp;
        u->ended |= u->sp <= was && !u->segmented && !u->interrupted;
        return UNWOUND;
    }
    return unwind_kernel(u);
}

/* Whether there is a caller. */
static bool caller(struct unwind *u, enum view_frame_by *by, bool guessing)
{
    if (unwind_smm(u)) {
        *by = guessing ? VIEW_FRAME_GUESS : VIEW_FRAME_CFI;
        return true;
    }
    if (outermost(u))
        return false;
    if (u->entered && u->program)
        u->lost = PROGRAM_LOST;
    if (u->entered && !unwind_knows(u, u->pc - u->called))
        return false;
    const enum unwound found = guessing ? UNWOUND_NOT : by_tables(u);
    if (found != UNWOUND_NOT) {
        *by = VIEW_FRAME_CFI;
        u->lost = found == UNWOUND_LOST ? u->lost : NULL;
        return found == UNWOUND && !u->ended;
    }
    if (!guessing && by_pointer(u)) {
        *by = VIEW_FRAME_POINTER;
        u->lost = NULL;
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
    frame[n++] = (struct view_frame){.pc = u->pc, .sp = u->sp, .by = by};
    while (n < max && caller(u, &by, by == VIEW_FRAME_GUESS)) {
        frame[n - 1].sp = u->sp;
        u->called = !u->interrupted;
        frame[n++] = (struct view_frame){.pc = u->pc, .sp = u->sp, .by = by, .called = u->called};
        u->interrupted = false;
    }
    frame[n - 1].lost = u->lost;
    return n;
}

size_t view_frames_certain(const struct view_frame *frame, size_t n, const char **lost)
{
    size_t certain = 0;
    while (certain < n && frame[certain].by != VIEW_FRAME_GUESS)
        certain++;
    *lost = certain < n ? "there is no unwind information for this code" : n ? frame[n - 1].lost : NULL;
    return certain;
}

/* From registers of 64-bit code. */
static struct unwind begin_at(const struct unwind_from *from, const struct view_registers *r)
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
                       .known = r->known,
                       .pc = r->reg[AMD64_PC],
                       .sp = r->reg[AMD64_SP],
                       .called = r->called};
    memcpy(u.reg, r->reg, sizeof u.reg);
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
    struct view_registers r = {.called = true};
    memcpy(r.reg, t->reg, sizeof r.reg);
    for (unsigned i = 0; i < REGISTERS; i++)
        r.known |= (uint32_t)view_task_has(i) << i;
    struct unwind u = begin_at(from, &r);
    if (t->cpu >= 0) {
        u.cpu = (unsigned)t->cpu;
        u.tables = 0;
        u.wide = look_code_bits(u.m, u.cpu) == 64;
        u.called = false;
        begin(&u);
    }
    return unwind(&u, frame, max);
}

/* A program's frames are those of its own file, or of the trace; by its frame pointers as far as these lead. */
static enum unwound unwind_program(struct unwind *u)
{
    const uint64_t was = u->sp;
    u->ended = outermost(u);
    if (u->ended)
        return UNWOUND;
    if (by_cfi(u) || by_pointer(u)) {
        u->cfa = u->sp;
        return u->sp > was || u->interrupted ? UNWOUND : UNWOUND_LOST;
    }
    return UNWOUND_LOST;
}

enum view_caller view_unwind_one(const struct unwind_from *from, struct view_registers *r, const char **lost)
{
    struct unwind u = begin_at(from, r);
    if (!unwind_has_tables(&u) || (u.pc >> 63 && frame_at(&u, u.pc - u.called, &(struct symbol_frame){0})))
        return VIEW_CALLER_FOREIGN;
    const enum unwound found = u.pc >> 63 ? unwind_kernel(&u) : unwind_program(&u);
    *lost = u.lost ? u.lost : PROGRAM_LOST;
    if (found != UNWOUND)
        return VIEW_CALLER_LOST;
    if (u.ended && !u.entered)
        return VIEW_CALLER_NONE;
    memcpy(r->reg, u.reg, sizeof u.reg);
    r->reg[AMD64_PC] = u.pc;
    r->reg[AMD64_SP] = u.sp;
    r->known = u.known;
    r->called = !u.interrupted;
    r->cfa = u.cfa;
    return VIEW_CALLER_FOUND;
}

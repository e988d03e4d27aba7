/* unwind_linux.c - callers in a 64-bit Linux kernel: by its ORC tables, and in the code that it generates.
 *
 * Sources: Linux, arch/x86/kernel/unwind_orc.c (what a row means), arch/x86/include/asm/ptrace.h (struct pt_regs),
 * arch/x86/lib/retpoline.S. Where the kernel's own unwinder assumes a frame pointer (BPF programs and trampolines, copies of
 * ftrace's and kprobes' code), the instructions are followed to where they return.
 */
#include <string.h>

#include "core/views/private/unwind.h"

enum { PT_IP = 128, PT_CS = 136, PT_SP = 152, IRET_CS = 8, IRET_SP = 24 };

static enum unwound lost(struct unwind *u, const char *why)
{
    u->lost = why;
    return UNWOUND_LOST;
}

static struct orc_guest guest_of(const struct unwind *u)
{
    return (struct orc_guest){u->m, u->cpu, u->symbols, symbol_space_kernel(u->space)};
}

static enum orc_answer row_at(const struct unwind *u, uint64_t pc, struct orc_row *row)
{
    const struct orc_guest g = guest_of(u);
    return u->orc && u->wide ? view_orc_row(u->orc, &g, pc, row) : ORC_NO_TABLES;
}

bool unwind_has_tables(const struct unwind *u)
{
    return row_at(u, 0, &(struct orc_row){0}) != ORC_NO_TABLES;
}

static bool symbol_at(const struct unwind *u, uint64_t pc, struct symbol *sym, uint64_t *offset)
{
    return u->symbols && symbols_at(u->symbols, symbol_space_kernel(u->space), pc, u->at, sym, offset);
}

/* ---------------------------------------------------------------- what a row says */

static bool knows(const struct unwind *u, unsigned reg)
{
    return u->known >> reg & 1;
}

/* What the stack pointer was before the call, or where the registers are. */
static bool orc_sp(const struct unwind *u, const struct orc_row *row, uint64_t *sp)
{
    static const uint8_t numbers[] = {
        [ORC_DX] = AMD64_DX,          [ORC_DI] = AMD64_DI,         [ORC_BP] = AMD64_BP,
        [ORC_SP] = AMD64_SP,          [ORC_R10] = AMD64_R10,       [ORC_R13] = AMD64_R13,
        [ORC_BP_INDIRECT] = AMD64_BP, [ORC_SP_INDIRECT] = AMD64_SP};
    const unsigned reg = row->sp_reg < sizeof numbers ? numbers[row->sp_reg] : 0;
    const uint64_t offset = (uint64_t)(int64_t)row->sp_offset;
    if (!reg || !knows(u, reg))
        return false;
    *sp = u->reg[reg] + (row->sp_reg == ORC_SP_INDIRECT ? 0 : offset);
    if (row->sp_reg != ORC_SP_INDIRECT && row->sp_reg != ORC_BP_INDIRECT)
        return true;
    const bool there = unwind_peek(u, *sp, 8, sp);
    *sp += row->sp_reg == ORC_SP_INDIRECT ? offset : 0;
    return there;
}

static bool orc_bp(struct unwind *u, const struct orc_row *row, uint64_t sp)
{
    const uint64_t offset = (uint64_t)(int64_t)row->bp_offset;
    if (row->bp_reg == ORC_PREV_SP)
        return unwind_peek(u, sp + offset, 8, &u->reg[AMD64_BP]);
    return row->bp_reg != ORC_BP || unwind_peek(u, u->reg[AMD64_BP] + offset, 8, &u->reg[AMD64_BP]);
}

/* All registers of struct pt_regs. */
static bool pt_regs(struct unwind *u, uint64_t at)
{
    static const uint8_t order[] = {15, 14, 13, 12, AMD64_BP, 3, 11, 10, 9, 8, 0, 2, 1, 4, 5};
    for (size_t i = 0; i < sizeof order; i++)
        if (!unwind_peek(u, at + 8 * i, 8, &u->reg[order[i]]))
            return false;
    u->known = UINT32_MAX;
    return unwind_interrupted(u, at, PT_IP, PT_CS, PT_SP);
}

static bool starts_with_one_of(const char *name, const char *const *list)
{
    while (*list && strncmp(name, *list, strlen(*list)) != 0)
        list++;
    return *list;
}

static bool is_return_thunk(const struct unwind *u, uint64_t pc)
{
    static const char *const names[] = {"__x86_return_thunk", "retbleed_return_thunk", "srso_",
                                        "its_return_thunk", NULL};
    struct symbol sym;
    return symbol_at(u, pc, &sym, NULL) && starts_with_one_of(sym.name, names);
}

/* Where a retpoline that has put its target on the stack ends with a return thunk, that returns to no caller but to the target. */
static bool goes_to_target(const struct unwind *u, uint64_t to)
{
    struct symbol there;
    uint64_t opcode, offset;
    return !u->called && unwind_peek(u, u->pc, 1, &opcode) && opcode == 0xc3 && is_return_thunk(u, u->pc) &&
           symbol_at(u, to, &there, &offset) && !offset && strncmp(there.name, "ret_from_fork", 13) != 0 &&
           !unwind_after_call(u, to);
}

/* Code that a function's return address was replaced with: the real one is in a list of the kernel. No call is before it. */
static bool is_return_hook(const struct unwind *u, uint64_t pc)
{
    static const char *const hooks[] = {"arch_rethook_trampoline", "__kretprobe_trampoline",
                                        "kretprobe_trampoline", "return_to_handler", NULL};
    struct symbol sym;
    uint64_t offset;
    return symbol_at(u, pc, &sym, &offset) && !offset && starts_with_one_of(sym.name, hooks);
}

static enum unwound called_from(struct unwind *u, uint64_t sp, bool switches)
{
    const uint64_t was = u->sp;
    uint64_t pc;
    if (unwind_peek(u, sp - 8, 8, &pc) && goes_to_target(u, pc))
        sp += 8;
    if (!unwind_peek(u, sp - 8, 8, &pc))
        return lost(u, "its stack cannot be read");
    if (sp <= was && !switches)
        return lost(u, "the kernel's table leads back on the stack");
    if (!(pc >> 63))
        return lost(u, "what should be its return address is none");
    u->pc = pc;
    u->sp = u->cfa = sp;
    u->interrupted = is_return_hook(u, pc);
    return UNWOUND;
}

static enum unwound by_row(struct unwind *u, const struct orc_row *row)
{
    uint64_t sp;
    u->ended = row->type == ORC_END;
    if (u->ended)
        return UNWOUND;
    if (row->type == ORC_NOTHING)
        return lost(u, "the kernel's table has no caller here");
    if (!orc_sp(u, row, &sp))
        return lost(u, "the register that its frame is found by is not known here");
    u->cfa = sp;
    if (row->type == ORC_REGS)
        return pt_regs(u, sp) ? UNWOUND : lost(u, "its stack cannot be read");
    if (row->type == ORC_REGS_PARTIAL)
        return unwind_interrupted(u, sp, 0, IRET_CS, IRET_SP) ? UNWOUND : lost(u, "its stack cannot be read");
    const enum unwound found =
        called_from(u, sp, row->sp_reg == ORC_SP_INDIRECT || row->sp_reg == ORC_BP_INDIRECT);
    u->known = orc_bp(u, row, sp) ? u->known & 1u << AMD64_BP : 0; /* the table has no other register */
    return found;
}

/* ---------------------------------------------------------------- retpolines
 * The kernel's table says nothing of them, or at their RET what is wrong. They are a call, after which the target's address takes
 * the place of the return address, and a RET or a jump to a return thunk; or, patched, a jump. */

static bool is_retpoline(const struct unwind *u)
{
    static const char *const names[] = {"__x86_indirect_", NULL};
    struct symbol sym;
    return !u->called && symbol_at(u, u->pc, &sym, NULL) && starts_with_one_of(sym.name, names);
}

static enum unwound by_retpoline(struct unwind *u)
{
    enum { RET = 0xc3, JMP = 0xe9, LENGTH = 5 };
    uint64_t code = 0, distance = 0;
    unwind_peek(u, u->pc, 4, &code);
    unwind_peek(u, u->pc + 1, 4, &distance);
    const uint8_t opcode = (uint8_t)code;
    const uint64_t target = u->pc + LENGTH + (uint64_t)(int64_t)(int32_t)distance;
    const bool stores = (code & 0xffc7fffb) == 0x24048948; /* mov REGISTER, (%rsp) */
    const bool within = stores || opcode == RET || (opcode == JMP && is_return_thunk(u, target));
    const enum unwound found = called_from(u, u->reg[AMD64_SP] + (within ? 16 : 8), false);
    u->ended = false;
    return found;
}

/* ---------------------------------------------------------------- code that the kernel generated */

static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct unwind *u = ctx;
    return u->tables ? view_peek(u->m, u->tables, address, buf, n) : look_peek(u->m, u->cpu, address, buf, n);
}

static bool is_generated(void *ctx, uint64_t pc)
{
    return pc >> 63 && row_at(ctx, pc, &(struct orc_row){0}) == ORC_NO_ROW;
}

static bool is_executable(const struct unwind *u, uint64_t pc)
{
    struct view_walk w;
    view_walk(u->m, u->cpu, pc, &w);
    return w.mapped && w.executable;
}

/* The processor's number of a register that has that number in DWARF, and the other way round. */
static unsigned other_number(unsigned reg)
{
    static const uint8_t other[] = {0, 2, 1, 3, 6, 7, 5, 4};
    return reg < sizeof other ? other[reg] : reg;
}

static void take_followed(struct unwind *u, const struct symbol_follow *f)
{
    static const uint8_t kept[] = {AMD64_BX, AMD64_BP, AMD64_R12, AMD64_R13, AMD64_R14, AMD64_R15};
    u->known = 0;
    for (size_t i = 0; i < sizeof kept; i++) {
        const unsigned number = other_number(kept[i]) % FOLLOW_REGISTERS;
        u->reg[kept[i]] = f->reg[number];
        u->known |= (uint32_t)(f->known >> number & 1) << kept[i];
    }
    u->pc = f->pc;
    u->sp = f->reg[other_number(AMD64_SP)];
}

/* A jump out of it, to the beginning of a function: this returns to the caller. To elsewhere: it goes on with what it was put in the
 * way of, whose frame is shown too. */
static bool leaves(struct unwind *u)
{
    struct symbol sym;
    uint64_t offset;
    u->interrupted = !symbol_at(u, u->pc, &sym, &offset) || offset;
    if (u->interrupted)
        return true;
    u->sp += 8;
    return unwind_peek(u, u->sp - 8, 8, &u->pc);
}

static enum unwound by_following(struct unwind *u)
{
    struct symbol_follow f = {.pc = u->pc, .ctx = u, .read = read_memory, .inside = is_generated};
    if (!is_executable(u, u->pc) || (u->called && !unwind_after_call(u, u->pc)))
        return lost(u, "what should be its caller's address is none");
    for (unsigned i = 0; i < FOLLOW_REGISTERS; i++) {
        f.reg[other_number(i)] = u->reg[i];
        f.known |= (uint16_t)((u->known >> i & 1) << other_number(i));
    }
    const enum symbol_way way = symbols_follow(&f);
    if (way == FOLLOW_NOWHERE)
        return lost(u, "the kernel has no table for this code, and its instructions do not lead to a return");
    take_followed(u, &f);
    if ((way == FOLLOW_LEAVES && !leaves(u)) || !(u->pc >> 63))
        return lost(u, "the kernel has no table for this code, and it does not return to the kernel");
    u->cfa = u->sp;
    return UNWOUND;
}

/* ---------------------------------------------------------------- */

enum unwound unwind_kernel(struct unwind *u)
{
    struct orc_row row;
    if (!(u->pc >> 63))
        return UNWOUND_NOT;
    const enum orc_answer answer = row_at(u, u->pc - u->called, &row);
    if (answer == ORC_NO_TABLES)
        return UNWOUND_NOT;
    if (is_return_hook(u, u->pc))
        return lost(u, "its return address was replaced (kretprobe, function graph)");
    const bool thunk = is_retpoline(u);
    const enum unwound found = thunk               ? by_retpoline(u)
                               : answer == ORC_ROW ? by_row(u, &row)
                                                   : by_following(u);
    u->reg[AMD64_SP] = u->sp;
    u->known |= 1u << AMD64_SP | 1u << AMD64_PC;
    u->entered = found == UNWOUND && u->ended && !thunk && answer == ORC_ROW && row.type != ORC_END;
    u->ended &= !u->entered || (!u->program && !unwind_knows(u, u->pc));
    return found;
}

/* operand.c - operands in memory: one check of the TLB for each, or for several that are close to one another. */
#include "hv/x86/jit/ops.h"

/* ---------------------------------------------------------------- memory */

struct host_mem operand_address(struct unit *u, const struct op *op)
{
    struct host_mem m = {H_NONE, H_NONE, op->scale, op->disp};
    if (op->base == REG_RIP) {
        asm_rm(&u->code, 8, HOST_MOV_GE, H_AX, CPU_FIELD(gpr[REG_RIP]));
        m.base = H_AX;
        m.disp += (int32_t)block_offset(u, u->block);
    } else if (op->base != REG_ZERO) {
        m.base = (uint8_t)reg_use(u, op->base);
    }
    if (op->index != REG_ZERO)
        m.index = (uint8_t)reg_use(u, op->index);
    return m;
}

/* CX becomes the TLB's entry for an address, which is a register and a displacement. */
static void tlb_find(struct unit *u, struct host_mem m)
{
    struct code_buffer *c = &u->code;
    _Static_assert(sizeof(struct tlb_entry) == 1 << (12 - 7), "the code shifts by this");
    asm_address(c, 4, H_CX, m);
    asm_shift(c, 4, HOST_SHR, H_CX, 7);
    asm_rm(c, 4, HOST_AND_GE, H_CX, CPU_FIELD(tlb_mask));
    asm_rm(c, 8, HOST_ADD_GE, H_CX, CPU_FIELD(tlb));
}

/* Compares the page of the address in DX with that of the entry in CX. */
static void tlb_compare(struct unit *u, bool write)
{
    unsigned tag = write ? offsetof(struct tlb_entry, w) : offsetof(struct tlb_entry, r);
    asm_alu_imm(&u->code, 8, ALU_AND, H_DX, -4096);
    asm_rm(&u->code, 8, HOST_CMP_GE, H_DX, at_reg(H_CX, (int32_t)tag));
    flags_lost(u);
}

/* Leaves to the handler unless `size` bytes at a register and a displacement are in one page that the TLB has: CX is its
 * entry. */
static void tlb_match(struct unit *u, struct host_mem m, unsigned size, bool write, bool several)
{
    struct host_mem last = at_reg(m.base, m.disp + (int32_t)size - 1);
    tlb_find(u, m);
    asm_address(&u->code, 8, H_DX, last);
    tlb_compare(u, write);
    side_exit_access(u, CC_NE, m, (struct checked){.size = size, .write = write, .several = several});
}

static void tlb_check_for(struct unit *u, unsigned size, bool write, bool several)
{
    tlb_match(u, at_reg(H_AX, 0), size, write, several);
    if (!write && u->guesses) {
        guess_add(u, H_DX);
        asm_alu(&u->code, 8, ALU_ADD, H_AX, H_DX);
    } else {
        asm_rm(&u->code, 8, HOST_ADD_GE, H_AX, at_reg(H_CX, offsetof(struct tlb_entry, add)));
    }
    u->at = at_reg(H_AX, 0);
}

void tlb_check(struct unit *u, unsigned size, bool write)
{
    tlb_check_for(u, size, write, false);
}

/* The same for the address in a guest register and a displacement, which nothing has to add up in 64-bit code. */
static void register_check(struct unit *u, unsigned guest, int32_t disp, unsigned size, bool write,
                           bool several)
{
    struct code_buffer *c = &u->code;
    struct host_mem m = at_reg(reg_use(u, guest), disp);
    if (u->word == 4 || disp < -(1 << 30) || disp > 1 << 30) {
        asm_rm(c, u->word, HOST_LEA, H_AX, m);
        tlb_check_for(u, size, write, several);
        return;
    }
    tlb_match(u, m, size, write, several);
    if (!write && u->guesses)
        guess_add(u, H_AX);
    else
        asm_rm(c, 8, HOST_MOV_GE, H_AX, at_reg(H_CX, offsetof(struct tlb_entry, add)));
    u->at = (struct host_mem){H_AX, m.base, 0, disp};
}

struct host_mem segment_field(unsigned seg, size_t offset)
{
    struct host_mem m = CPU_FIELD(seg);
    m.disp += (int32_t)(seg * sizeof(struct seg) + offset);
    return m;
}
struct host_mem segment_base(unsigned seg)
{
    return segment_field(seg, offsetof(struct seg, base));
}
struct host_mem segment_limit(unsigned seg)
{
    return segment_field(seg, offsetof(struct seg, limit));
}

void segment_probe(struct unit *u, struct host_mem offset, unsigned bytes, unsigned seg, unsigned size,
                   bool write)
{
    struct code_buffer *c = &u->code;
    const size_t reach = write ? offsetof(struct seg, reach[1]) : offsetof(struct seg, reach[0]);
    asm_rm(c, 4, HOST_LEA, H_AX, offset);
    if (bytes == 2)
        asm_rr(c, 4, HOST_MOVZX16, H_AX, H_AX);
    asm_rm(c, 8, HOST_LEA, H_CX, at_reg(H_AX, (int32_t)size));
    asm_rm(c, 8, HOST_CMP_GE, H_CX, segment_field(seg, reach));
    flags_lost(u);
    side_exit(u, CC_A);
    asm_rm(c, 4, HOST_ADD_GE, H_AX, segment_base(seg));
    tlb_check(u, size, write);
}

void elements_probe(struct unit *u, const struct op *op, unsigned guest, bool write)
{
    struct code_buffer *c = &u->code;
    unsigned first = reg_use(u, guest), count = reg_use(u, RCX);
    asm_rr(c, u->word, HOST_MOV_EG, first, H_AX);
    tlb_find(u, at_reg(H_AX, 0));
    asm_rm(c, u->word, HOST_LEA, H_DX, at_reg(count, -1));
    asm_rm(c, 8, HOST_LEA, H_DX, (struct host_mem){H_AX, H_DX, op->osize, (1 << op->osize) - 1});
    tlb_compare(u, write);
    side_exit(u, CC_NE);
    asm_rm(c, 8, HOST_ADD_GE, H_AX, at_reg(H_CX, offsetof(struct tlb_entry, add)));
}

/* ---------------------------------------------------------------- several accesses at once */

/* How many bytes a group may have; the same in a block whose accesses are checked apart; how many blocks ahead its accesses are looked
 * for. */
enum { GROUP_REACH = 128, APART_REACH = 8, GROUP_AHEAD = 2 };

/* The accesses of a group, relative to its register's first value. */
struct reach {
    int64_t low, high, moved;
    unsigned accesses;
    bool write, apart;
};

/* False if the access is too far away. Where accesses are checked apart, one that is not to the first one's bytes is passed over. */
static bool reach_add(void *ctx, int64_t at, unsigned size, bool write)
{
    struct reach *r = ctx;
    int64_t low = r->accesses && r->low < at ? r->low : at;
    int64_t high = r->accesses && r->high > at + size ? r->high : at + size;
    if (r->apart && r->accesses && high - low > APART_REACH)
        return true;
    if (high - low > GROUP_REACH || low < -(1 << 30) || high > 1 << 30)
        return false;
    r->low = low;
    r->high = high;
    r->write |= write;
    r->accesses++;
    return true;
}

/* Does it access its memory operand? (Bits by a register and elements of a gather are elsewhere.) */
static bool accesses_memory(const struct op *op, const struct shape *s)
{
    return in_memory(op) && s->kind != SHAPE_LEA && s->kind != SHAPE_NOP && s->kind != SHAPE_SIMD_GATHER &&
           !(s->kind == SHAPE_BT && s->form != FORM_EI);
}

/* Is the operand a register and a displacement, and nothing else? (The other segments are flat.) */
static bool is_simple(const struct unit *u, const struct op *op)
{
    return op->seg != FS && op->seg != GS && op->index == REG_ZERO && op->base < 16 && !by_segment(u, op);
}

static unsigned access_size(const struct op *op, const struct shape *s)
{
    if (is_simd(s->kind))
        return simd_access(op, s);
    if (s->kind == SHAPE_X87)
        return x87_bytes(s);
    return s->kind == SHAPE_MOVZX || s->kind == SHAPE_MOVSX ? s->arg : size_of(op);
}

int32_t stack_step(const struct unit *u, const struct op *op, const struct shape *s)
{
    bool step = s->kind == SHAPE_ALU && s->form == FORM_EI && !in_memory(op) && size_of(op) == u->word &&
                op->dst == RSP;
    return !step ? 0 : s->arg == ALU_ADD ? (int32_t)op->imm : s->arg == ALU_SUB ? -(int32_t)op->imm : 0;
}

bool op_changes(const struct unit *u, const struct op *op, unsigned guest)
{
    const struct shape *s = shape_of(u, op);
    const unsigned is = shape_traits[s->kind].is;
    if (is & (IS_PUSH | IS_POP | IS_STACK)) {
        if (guest == RSP)
            return true;
        return s->kind == SHAPE_POP && guest == op->dst;
    }
    return (!(is & IS_JUMP) || s->kind == SHAPE_LOOP) && may_change(u, op, s, guest);
}

/* Told of an access, at a distance from the register's first value. False: enough is known. */
typedef bool visit_access(void *ctx, int64_t at, unsigned size, bool write);

/* The accesses through a register from an op of a block on, in their order; *moved: how far rSP has moved. Returns whether the
 * block's end is reached with the register unchanged. */
static bool visit_accesses(const struct unit *u, const struct block *b, unsigned k, unsigned base,
                           int64_t *moved, visit_access *visit, void *ctx)
{
    const bool stack = base == RSP;
    for (; k < b->n; k++) {
        const struct op *op = &b->ops[k];
        const struct shape *s = shape_of(u, op);
        const unsigned is = shape_traits[s->kind].is;
        bool more = true;
        if (!op_compiled(u, op))
            return false;
        if (accesses_memory(op, s) && is_simple(u, op) && op->base == base)
            more = visit(ctx, *moved + op->disp, access_size(op, s), access_writes(s));
        if (stack && is & IS_PUSH)
            more = visit(ctx, *moved -= u->word, u->word, true);
        if (stack && is & IS_POP) {
            more = visit(ctx, *moved, u->word, false);
            *moved += u->word;
        }
        if (!more || may_change(u, op, s, base) || is & IS_FLOW) /* to a block that is not chained to it */
            return false;
        if (stack)
            *moved += stack_step(u, op, s);
    }
    return true;
}

/* What may be accessed on one of two ways; for storing only if that is so on both. */
static struct reach either_way(const struct reach *a, const struct reach *b)
{
    return (struct reach){.low = a->low < b->low ? a->low : b->low,
                          .high = a->high > b->high ? a->high : b->high,
                          .accesses = a->accesses > b->accesses ? a->accesses : b->accesses,
                          .write = a->write && b->write};
}

const struct block *block_follower(const struct block *b, unsigned which)
{
    return b->next[which] && b->next[which]->page == b->page ? b->next[which] : NULL;
}

/* Adds the accesses through a register from an op of a block on, and in the blocks that may follow, so many blocks ahead. */
static struct reach reach_from(const struct unit *u, struct reach r, const struct block *b, unsigned k,
                               unsigned base, unsigned ahead)
{
    if (!visit_accesses(u, b, k, base, &r.moved, reach_add, &r) || !ahead)
        return r;
    struct reach found = r;
    bool any = false;
    for (unsigned i = 0; i < 2; i++) {
        const struct block *next = block_follower(b, i);
        if (!next || next->apart)
            continue;
        const struct reach way = reach_from(u, r, next, 0, base, ahead - 1);
        found = any ? either_way(&found, &way) : way;
        any = true;
    }
    return found.high - found.low <= GROUP_REACH ? found : r;
}

/* The accesses through a register from the current instruction on. */
static struct reach reach_of(const struct unit *u, unsigned base)
{
    const bool apart = u->block->apart;
    return reach_from(u, (struct reach){.apart = apart}, u->block, u->op, base, apart ? 0 : GROUP_AHEAD);
}

static bool within(const struct group *g, int64_t at, unsigned size, bool write)
{
    return at >= g->low && at + size <= g->high && g->write >= write;
}

struct use {
    const struct group *group;
    bool found;
};

static bool use_found(void *ctx, int64_t at, unsigned size, bool write)
{
    struct use *use = ctx;
    use->found = within(use->group, at, size, write);
    return !use->found;
}

static bool useful_from(const struct unit *u, const struct group *g, const struct block *b, unsigned from,
                        int64_t moved, unsigned ahead)
{
    struct use use = {.group = g};
    const bool through = visit_accesses(u, b, from, g->base, &moved, use_found, &use);
    for (unsigned i = 0; through && ahead && i < 2; i++)
        if (block_follower(b, i) && useful_from(u, g, block_follower(b, i), 0, moved, ahead - 1))
            return true;
    return use.found;
}

bool group_useful(const struct unit *u, const struct group *g, const struct block *b, unsigned from)
{
    return g->active && useful_from(u, g, b, from, g->moved, GROUP_AHEAD);
}

void groups_after(struct unit *u, const struct op *op)
{
    const struct shape *s = shape_of(u, op);
    for (struct group *g = u->now.group; g < u->now.group + GROUPS; g++)
        g->active &= !may_change(u, op, s, g->base);
}

void groups_move(struct unit *u, int32_t bytes)
{
    for (struct group *g = u->now.group; g < u->now.group + GROUPS; g++)
        if (g->base == RSP)
            g->moved += bytes;
}

/* Is the access at rBASE + disp one that was checked? */
static bool group_has(const struct group *g, unsigned base, int32_t disp, unsigned size, bool write)
{
    return g->active && g->base == base && within(g, (int64_t)g->moved + disp, size, write);
}

/* Where the pointer of an older group is. */
static struct host_mem group_pointer(unsigned i)
{
    struct host_mem m = CPU_FIELD(kept);
    m.disp += (int32_t)(i * sizeof(uintptr_t));
    return m;
}

/* Makes room for another group: the newest one ends, or is kept in memory. False if all are still of use. */
static bool group_make_room(struct unit *u)
{
    struct group *g = u->now.group;
    unsigned i = 0;
    while (i < GROUPS && group_useful(u, &g[i], u->block, u->op))
        i++;
    if (i == GROUPS)
        return false;
    if (i) {
        asm_rm(&u->code, 8, HOST_MOV_EG, g->host, group_pointer(i));
        g[i] = *g;
        g[i].host = H_NONE;
    }
    g->active = false;
    return true;
}

/* An access that an older group has. */
static bool kept_probe(struct unit *u, unsigned base, int32_t disp, unsigned size, bool write)
{
    for (unsigned i = 1; i < GROUPS; i++)
        if (group_has(&u->now.group[i], base, disp, size, write)) {
            asm_rm(&u->code, 8, HOST_MOV_GE, H_AX, group_pointer(i));
            u->at = at_reg(H_AX, u->now.group[i].moved + disp);
            return true;
        }
    return false;
}

/* Checks the access at rBASE + disp, together with those that follow if there are any. False: the caller has
 * to check it alone. */
static bool group_probe(struct unit *u, unsigned base, int32_t disp, unsigned size, bool write)
{
    struct group *g = u->now.group;
    if (group_has(g, base, disp, size, write)) {
        u->at = at_reg(g->host, g->moved + disp);
        return true;
    }
    if (kept_probe(u, base, disp, size, write))
        return true;
    const struct reach r = reach_of(u, base);
    const struct group new = {
        .base = (uint8_t)base, .write = r.write, .low = (int32_t)r.low, .high = (int32_t)r.high};
    /* Of an instruction with two accesses, as PUSH has with an operand in memory, only one may be in it. */
    if (r.accesses < 2 || !within(&new, disp, size, write) || !group_make_room(u))
        return false;
    register_check(u, base, (int32_t)r.low, (unsigned)(r.high - r.low), r.write, true);
    *g = new;
    g->host = (uint8_t)reg_extra(u);
    g->active = true;
    u->at.disp -= (int32_t)r.low;
    asm_rm(&u->code, 8, HOST_LEA, g->host, u->at);
    u->at = at_reg(g->host, disp);
    return true;
}

/* ---------------------------------------------------------------- operands in memory */

void operand_probe(struct unit *u, const struct op *op, unsigned size, bool write)
{
    if (by_segment(u, op)) {
        segment_probe(u, operand_address(u, op), address_size(u, op), op->seg, size, write);
        return;
    }
    if (is_simple(u, op)) {
        if (!group_probe(u, op->base, op->disp, size, write))
            register_check(u, op->base, op->disp, size, write, false);
        return;
    }
    struct host_mem m = operand_address(u, op);
    asm_rm(&u->code, u->word, HOST_LEA, H_AX, m);
    if (op->seg == FS || op->seg == GS)
        asm_rm(&u->code, 8, HOST_ADD_GE, H_AX, segment_base(op->seg));
    tlb_check(u, size, write);
}

void stack_probe(struct unit *u, int32_t offset, unsigned size, bool write)
{
    if (u->segmented)
        segment_probe(u, at_reg(reg_use(u, RSP), offset), u->stack, SS, size, write);
    else if (!group_probe(u, RSP, offset, size, write))
        register_check(u, RSP, offset, size, write, false);
}

void stack_move(struct unit *u, int32_t bytes)
{
    unsigned sp = reg_change(u, RSP);
    asm_rm(&u->code, u->stack, HOST_LEA, sp, at_reg(sp, bytes));
    groups_move(u, bytes);
}

void operand_fetch(struct unit *u, unsigned size, unsigned to)
{
    if (size >= 4)
        asm_rm(&u->code, size, HOST_MOV_GE, to, u->at);
    else
        asm_rm(&u->code, 4, size == 2 ? HOST_MOVZX16 : HOST_MOVZX8, to, u->at);
}

unsigned operand_source(struct unit *u, const struct op *op, unsigned size)
{
    if (!in_memory(op))
        return reg_use(u, op->src);
    operand_probe(u, op, size, false);
    operand_fetch(u, size, H_DX);
    return H_DX;
}

void operand_put(struct unit *u, unsigned size, unsigned from)
{
    asm_rm(&u->code, size, size == 1 ? HOST_MOV_EG8 : HOST_MOV_EG, from, u->at);
}

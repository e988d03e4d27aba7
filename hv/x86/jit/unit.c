/* unit.c - compiles a region: blocks of one page that are chained, from one op on.
 *
 * The state is tracked at compile time (struct flow). Every way out of the region first writes back what is
 * not in memory, so a handler never sees the difference. Blocks that several edges lead to are compiled for
 * the state of the first one, and other edges adapt to that; a second version of a block keeps loops in
 * registers. */
#include "hv/x86/exec.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/jit/branch.h"
#include "hv/x86/jit/ops.h"
#include "hv/x86/jit/jit.h"
#include "hv/x86/jit/region.h"

/* ---------------------------------------------------------------- registers */

static const uint8_t pool[] = {H_BX, H_BP, H_SI, H_8, H_9, H_12, H_13, H_14, H_15};
enum { POOL = sizeof pool };

static bool is_free(const struct unit *u, unsigned host)
{
    for (unsigned g = 0; g < 16; g++)
        if (u->now.host[g] == host)
            return false;
    return !u->now.group->active || u->now.group->host != host;
}

static void write_back(struct code_buffer *c, const struct flow *f, unsigned guest)
{
    if (f->dirty >> guest & 1)
        asm_store(c, H_CPU, (int32_t)(offsetof(struct x86, gpr) + 8 * guest), f->host[guest]);
}

static uint16_t register_bit(unsigned guest)
{
    return (uint16_t)(guest < 16 ? 1u << guest : 0);
}

/* The guest registers that an op names. Of a vector it is another one's number, which is as good as any. */
static uint16_t named(const struct unit *u, const struct op *op)
{
    const unsigned kind = shape_of(u, op)->kind;
    const bool stack = kind >= SHAPE_PUSH && kind <= SHAPE_LEAVE;
    return (stack || kind == SHAPE_CALL || kind == SHAPE_RET ? 1u << RSP : 0) | register_bit(op->base) |
           register_bit(op->index) | register_bit(guest_of(op, op->dst)) |
           register_bit(guest_of(op, op->src));
}

/* Those of `left` that the next ops name last, or not at all: ops of the block, and of what follows it. */
static uint16_t named_last(const struct unit *u, uint16_t left)
{
    enum { AHEAD = 24 };
    const struct block *b = u->block;
    unsigned k = u->op + 1;
    for (unsigned n = 0; n < AHEAD; n++, k++) {
        if (k >= b->n) {
            b = b->next[0] ? b->next[0] : b->next[1];
            k = 0;
        }
        const uint16_t rest = b ? (uint16_t)(left & ~named(u, &b->ops[k])) : 0;
        if (!rest)
            break;
        left = rest;
    }
    return left;
}

/* A guest register gives up its host register: one that is not used soon, and of these the one that was not used for longest. */
static unsigned evict(struct unit *u)
{
    unsigned oldest = 16;
    uint16_t may = 0;
    for (unsigned g = 0; g < 16; g++)
        if (u->now.host[g] != H_NONE && !(u->pinned >> g & 1))
            may |= (uint16_t)(1u << g);
    may = named_last(u, may);
    for (unsigned g = 0; g < 16; g++)
        if (may >> g & 1 && (oldest == 16 || u->last_use[g] < u->last_use[oldest]))
            oldest = g;
    unsigned host = u->now.host[oldest];
    write_back(&u->code, &u->now, oldest);
    u->now.dirty &= (uint16_t) ~(1u << oldest);
    u->now.host[oldest] = H_NONE;
    return host;
}

unsigned reg_extra(struct unit *u)
{
    for (unsigned i = POOL; i--;)
        if (is_free(u, pool[i]))
            return pool[i];
    return evict(u);
}

/* A guest register prefers the same host register everywhere, so that edges have little to move. */
static unsigned allocate(struct unit *u, unsigned guest)
{
    unsigned home = pool[guest % POOL];
    if (is_free(u, home))
        return home;
    return reg_extra(u);
}

static unsigned reg_at(struct unit *u, unsigned guest, bool load)
{
    u->pinned |= (uint16_t)(1u << guest);
    u->last_use[guest] = ++u->clock;
    if (u->now.host[guest] != H_NONE)
        return u->now.host[guest];
    unsigned host = allocate(u, guest);
    u->now.host[guest] = (uint8_t)host;
    if (load)
        asm_load(&u->code, host, H_CPU, (int32_t)(offsetof(struct x86, gpr) + 8 * guest));
    return host;
}

unsigned reg_use(struct unit *u, unsigned guest)
{
    return reg_at(u, guest, true);
}

unsigned reg_change(struct unit *u, unsigned guest)
{
    unsigned host = reg_at(u, guest, true);
    u->now.dirty |= (uint16_t)(1u << guest);
    return host;
}

unsigned reg_set(struct unit *u, unsigned guest)
{
    unsigned host = reg_at(u, guest, false);
    u->now.dirty |= (uint16_t)(1u << guest);
    return host;
}

unsigned reg_result(struct unit *u, unsigned guest, unsigned size)
{
    return size >= 4 ? reg_set(u, guest) : reg_change(u, guest);
}

/* ---------------------------------------------------------------- ways out */

int64_t block_offset(const struct unit *u, const struct block *b)
{
    return (int64_t)(b->id >> 16) - (int64_t)(u->entry->id >> 16);
}

void code_address(struct unit *u, unsigned to, int64_t offset)
{
    asm_rm(&u->code, 8, HOST_MOV_GE, to, CPU_FIELD(gpr[REG_RIP]));
    asm_rm(&u->code, u->word, HOST_LEA, to, at_reg(to, (int32_t)(block_offset(u, u->block) + offset)));
}

static void add_rip(struct unit *u, int64_t offset)
{
    struct code_buffer *c = &u->code;
    if (!offset)
        return;
    asm_rm(c, u->word, HOST_ALU_EI, ALU_ADD, CPU_FIELD(gpr[REG_RIP]));
    asm_bytes(c, (uint32_t)offset, 4);
}

static void write_all(struct unit *u, const struct flow *f)
{
    for (unsigned g = 0; g < 16; g++)
        write_back(&u->code, f, g);
    vectors_write(u, f);
    x87_write(u, f);
    flags_store(u, f);
}

/* Counts an op that is left to the interpreter. Uses AX. */
static void emit_count(struct unit *u, struct block *b, const struct op *op)
{
#ifdef BOOTREEL_COUNT
    uint64_t *at = count_place(u->counts, b, op, op_compiled(u, op) ? COUNT_LEFT : COUNT_NEVER);
    if (!at)
        return;
    asm_imm(&u->code, H_AX, (uintptr_t)at);
    asm_rm(&u->code, 8, HOST_GROUP5, HOST_INC, at_reg(H_AX, 0));
#endif
}

/* AX becomes the block, which is the running one from now on. */
static void set_block(struct unit *u, const struct block *b)
{
    asm_imm(&u->code, H_AX, (uintptr_t)b);
    asm_rm(&u->code, 8, HOST_MOV_EG, H_AX, CPU_FIELD(block));
}

/* To the handler of the op in SI. */
static void jump_to_op(struct unit *u)
{
    asm_jmp_mem(&u->code, at_reg(H_SI, offsetof(struct op, fn)));
}

/* Will `fn` still be the op's handler when the region is left to it? No region begins at the op then: they begin at the start of a block,
 * and behind an op that is not compiled. */
static bool is_own(const struct unit *u, const struct block *b, unsigned op, op_fn *fn)
{
    return op && op_compiled(u, &b->ops[op - 1]) && b->ops[op].fn == fn;
}

/* Leaves to the handler `fn`, with the state written back. `several`: after a check of several accesses, as enum leave says. */
static void exit_to(struct unit *u, struct block *b, unsigned op, op_fn *fn, bool several)
{
    struct code_buffer *c = &u->code;
    const bool own = is_own(u, b, op, fn);
    const enum leave way = several ? own ? LEAVE_SEVERAL : LEAVE_SEVERAL_TO : own ? LEAVE_OP : LEAVE_TO;
    asm_imm(c, H_AX, (uintptr_t)b);
    asm_imm(c, H_CX, (uintptr_t)&b->ops[op] - (uintptr_t)b);
    if (!own)
        asm_imm(c, H_8, (uintptr_t)fn);
    asm_patch(asm_jmp(c), u->shared.leave[u->word == 8][way]);
}

void leave_region(struct unit *u, const struct flow *f, struct block *b, unsigned op, int64_t rip, op_fn *fn)
{
    write_all(u, f);
    add_rip(u, rip);
    if (!rip)
        emit_count(u, b, &b->ops[op]);
    exit_to(u, b, op, fn, false);
}

void leave_indirect(struct unit *u, unsigned reg)
{
    asm_move(&u->code, H_DX, reg);
    write_all(u, &u->now);
    asm_rm(&u->code, 8, HOST_MOV_EG, H_DX, CPU_FIELD(gpr[REG_RIP]));
    asm_patch(asm_call(&u->code), u->shared.found[u->segmented]);
    jump_to_op(u);
}

/* Leaves to a block whose steps are subtracted already, but which cannot be entered at once. */
static void stop_before(struct unit *u, const struct flow *f, const struct block *b)
{
    write_all(u, f);
    asm_imm(&u->code, H_AX, (uintptr_t)b);
    asm_patch(asm_jmp(&u->code), u->shared.stop[u->word == 8]);
}

/* NULL: there is no room. */
static struct side *add_side(struct unit *u, uint8_t *jump, enum way way, struct block *b, unsigned op)
{
    if (u->nsides == MAX_SIDES) {
        u->code.full = true;
        return NULL;
    }
    struct side *s = &u->side[u->nsides++];
    *s = (struct side){.jump = jump, .way = way, .flow = u->now, .block = b, .op = op};
    return s;
}

void side_exit(struct unit *u, unsigned cc)
{
    add_side(u, asm_jcc(&u->code, cc), WAY_OP, u->block, u->op);
}

void side_exit_always(struct unit *u)
{
    add_side(u, asm_jmp(&u->code), WAY_OP, u->block, u->op);
}

/* A store that is noted must be made: no other check of the instruction may follow, as it does for vectors. */
static bool may_note(const struct unit *u, unsigned size)
{
    return size <= NOTE_SIZE && !is_simd(shape_of(u, &u->block->ops[u->op])->kind);
}

void side_exit_access(struct unit *u, unsigned cc, struct host_mem at, struct checked checked)
{
    struct side *s = add_side(u, asm_jcc(&u->code, cc), WAY_OP, u->block, u->op);
    if (!s)
        return;
    s->checked = checked;
    s->notes = checked.write && !checked.several && may_note(u, checked.size);
    s->at = at;
    s->back = u->code.at;
}

void guess_add(struct unit *u, unsigned reg)
{
    struct host_mem guess = CPU_FIELD(guess);
    guess.disp += (int32_t)(u->next_guess++ % GUESSES * sizeof(uintptr_t));
    asm_rm(&u->code, 8, HOST_MOV_GE, reg, guess);
    asm_rm(&u->code, 8, HOST_CMP_GE, reg, at_reg(H_CX, offsetof(struct tlb_entry, add)));
    struct side *s = add_side(u, asm_jcc(&u->code, CC_NE), WAY_GUESS, u->block, u->op);
    if (!s)
        return;
    s->at = at_reg(reg, guess.disp);
    s->back = u->code.at;
}

static void guess_again(struct unit *u, const struct side *s)
{
    struct code_buffer *c = &u->code;
    asm_rm(c, 8, HOST_MOV_GE, s->at.base, at_reg(H_CX, offsetof(struct tlb_entry, add)));
    asm_rm(c, 8, HOST_MOV_EG, s->at.base, at_reg(H_CPU, s->at.disp));
    asm_patch(asm_jmp(c), s->back);
}

struct side *shift_begin(struct unit *u, unsigned reg, unsigned size)
{
    struct side *s = add_side(u, asm_jcc(&u->code, CC_E), WAY_SKIP, u->block, u->op);
    if (s)
        s->at = at_reg(reg, (int32_t)size);
    return s;
}

void shift_end(struct unit *u, struct side *s)
{
    if (s)
        s->back = u->code.at;
    flags_lost(u);
}

static void shift_skip(struct unit *u, const struct side *s)
{
    struct code_buffer *c = &u->code;
    flags_store(u, &s->flow);
    asm_imm(c, FLAG_B, 0);
    if (s->at.disp == 4)
        asm_rr(c, 4, HOST_MOV_EG, s->at.base, s->at.base);
    asm_patch(asm_jmp(c), s->back);
}

/* AX becomes the address of the first byte that was checked, DX that of the last one. */
static void checked_range(struct unit *u, const struct side *s)
{
    struct code_buffer *c = &u->code;
    if (s->at.base != H_AX)
        asm_address(c, 8, H_AX, s->at);
    asm_rm(c, 8, HOST_LEA, H_DX, at_reg(H_AX, (int32_t)s->checked.size - 1));
}

static void try_store(struct unit *u, const struct side *s)
{
    struct code_buffer *c = &u->code;
    checked_range(u, s);
    asm_patch(asm_call(c), s->notes ? u->shared.noting : u->shared.beside);
    asm_patch(asm_jcc(c, CC_B), s->back);
}

/* The check of several accesses failed. */
static void leave_several(struct unit *u, const struct side *s)
{
    checked_range(u, s);
    asm_rr(&u->code, 8, HOST_XOR_GE, H_DX, H_AX);
    write_all(u, &s->flow);
    emit_count(u, s->block, &s->block->ops[s->op]);
    exit_to(u, s->block, s->op, op_original(s->block, s->op), true);
}

static void emit_sides(struct unit *u)
{
    const struct code_buffer region = u->code;
    if (region.full)
        return;
    u->code = u->seldom;
    for (unsigned i = 0; i < u->nsides && !u->code.full; i++) {
        const struct side *s = &u->side[i];
        asm_patch(s->jump, u->code.at);
        if (s->checked.write)
            try_store(u, s);
        switch (s->way) {
        case WAY_EDGE:
            leave_region(u, &s->flow, s->block, s->op, s->offset, s->fn);
            break;
        case WAY_OP:
            if (s->checked.several && !s->block->apart)
                leave_several(u, s);
            else
                leave_region(u, &s->flow, s->block, s->op, 0, op_original(s->block, s->op));
            break;
        case WAY_STOP:
            stop_before(u, &s->flow, s->block);
            break;
        case WAY_GUESS:
            guess_again(u, s);
            break;
        case WAY_SKIP:
            shift_skip(u, s);
            break;
        }
    }
    u->seldom = u->code;
    u->code = region;
    u->code.full = u->seldom.full;
}

/* ---------------------------------------------------------------- edges */

static bool same_flags(const struct flow *a, const struct flow *b)
{
    if (a->source != b->source || a->source == FLAGS_MEMORY)
        return a->source == b->source;
    return a->size == b->size && a->count == b->count && a->imm == b->imm &&
           (!a->imm || a->value == b->value);
}

/* Does a version that expects the one find it where the other holds? */
static bool has_group(const struct group *have, const struct group *need)
{
    return !need->active || (have->active && have->base == need->base && have->host == need->host &&
                             have->moved == need->moved && have->low <= need->low &&
                             have->high >= need->high && have->write >= need->write);
}

static bool has_groups(const struct flow *have, const struct flow *need)
{
    bool all = true;
    for (unsigned i = 0; i < GROUPS; i++)
        all &= has_group(&have->group[i], &need->group[i]);
    return all;
}

/* Does the one have a group where the other has none? */
static bool has_more_groups(const struct flow *a, const struct flow *b)
{
    bool more = false;
    for (unsigned i = 0; i < GROUPS; i++)
        more |= a->group[i].active && !b->group[i].active;
    return more;
}

static void forget_groups(struct flow *f)
{
    for (unsigned i = 0; i < GROUPS; i++)
        f->group[i].active = false;
}

static void keep_useful_groups(struct unit *u, const struct block *b)
{
    for (struct group *g = u->now.group; g < u->now.group + GROUPS; g++)
        g->active &= group_useful(u, g, b, 0);
}

/* The version that needs least for the present state; NULL if none can be entered. */
static const struct version *find_version(const struct unit *u, const struct block *b, unsigned *count)
{
    const struct version *found = NULL;
    *count = 0;
    for (unsigned i = 0; i < u->nversions; i++) {
        const struct version *v = &u->version[i];
        if (v->block != b)
            continue;
        ++*count;
        if (!has_groups(&u->now, &v->flow) || !vectors_fit(&u->now, &v->flow) || !x87_fits(&u->now, &v->flow))
            continue;
        if (same_flags(&v->flow, &u->now) || (!found && v->flow.source == FLAGS_MEMORY))
            found = v;
    }
    return found;
}

/* Moves guest registers between host registers, all at once: a host register is written when nothing is needed of
 * it any more. AX breaks circles. */
static void move_registers(struct unit *u, const struct flow *to)
{
    uint8_t *at = u->now.host;
    unsigned waiting, done;
    do {
        waiting = 16;
        done = 0;
        for (unsigned g = 0; g < 16; g++) {
            if (at[g] == H_NONE || at[g] == to->host[g])
                continue;
            waiting = g;
            if (!is_free(u, to->host[g]))
                continue;
            asm_move(&u->code, to->host[g], at[g]);
            at[g] = to->host[g];
            done++;
        }
        if (waiting < 16 && !done) {
            asm_move(&u->code, H_AX, at[waiting]);
            at[waiting] = H_AX;
        }
    } while (waiting < 16);
}

/* Brings the state to that at the entry of a version. */
static void adapt(struct unit *u, const struct flow *to)
{
    for (unsigned i = 0; i < GROUPS; i++)
        u->now.group[i].active &= to->group[i].active;
    for (unsigned g = 0; g < 16; g++) {
        if (!(to->dirty >> g & 1)) {
            write_back(&u->code, &u->now, g);
            u->now.dirty &= (uint16_t) ~(1u << g);
        }
        if (to->host[g] == H_NONE)
            u->now.host[g] = H_NONE;
    }
    move_registers(u, to);
    for (unsigned g = 0; g < 16; g++)
        if (u->now.host[g] != to->host[g])
            asm_load(&u->code, to->host[g], H_CPU, (int32_t)(offsetof(struct x86, gpr) + 8 * g));
    vectors_adapt(u, to);
    x87_adapt(u, to);
}

static bool holds_nothing(const struct flow *f)
{
    for (unsigned g = 0; g < 16; g++)
        if (f->host[g] != H_NONE)
            return false;
    return vectors_hold_nothing(f) && !f->x87.on;
}

static void add_version(struct unit *u, struct block *b)
{
    u->version[u->nversions++] = (struct version){b, u->code.at, u->now};
    u->next = b;
}

static bool has_room(const struct unit *u, const struct block *b)
{
    return u->nversions < MAX_VERSIONS && u->ops + b->n <= MAX_OPS &&
           u->nsides + 3 * BLOCK_MAX_OPS <= MAX_SIDES;
}

/* Is more known than what a version expects? */
static bool is_better(const struct flow *now, const struct flow *version)
{
    return has_more_groups(now, version) || (now->checks & ~version->checks & CHECK_MXCSR) ||
           (now->x87.on && !version->x87.on);
}

/* Leaves to a block, whatever its handler will be then; its steps are subtracted already. */
static void link_to(struct unit *u, struct block *b)
{
    struct code_buffer *c = &u->code;
#ifdef BOOTREEL_COUNT
    stop_before(u, &u->now, b); /* the dispatcher enters it, and counts */
    return;
#endif
    if (u->nlinks == MAX_LINKS) {
        c->full = true;
        return;
    }
    u->link[u->nlinks++] = b;
    write_all(u, &u->now);
    add_rip(u, block_offset(u, b));
    set_block(u, b);
    asm_rm(c, 8, HOST_LEA, H_SI, at_reg(H_AX, offsetof(struct block, ops)));
    jump_to_op(u);
}

/* Goes on in a block of the region; its steps are subtracted already. */
static void enter_block(struct unit *u, struct block *b)
{
    unsigned count;
    flags_lost(u);
    if (flags_hidden_from(u, b, 0))
        u->now.source = FLAGS_MEMORY;
    flags_settle(u);
    keep_useful_groups(u, b);
    x87_edge(u, b);
    const struct version *v = find_version(u, b, &count);
    bool room = count < 2 && has_room(u, b), better = v && is_better(&u->now, &v->flow);
    if (v && !(room && (better || holds_nothing(&v->flow)))) {
        if (!same_flags(&v->flow, &u->now))
            flags_to_memory(u);
        adapt(u, &v->flow);
        asm_patch(asm_jmp(&u->code), v->label);
        return;
    }
    if (!v && (count == MAX_OF_BLOCK || !has_room(u, b) || (!count && region_at(b, 0)))) {
        link_to(u, b);
        return;
    }
    if (count == MAX_OF_BLOCK - 1) { /* the last one is for all edges */
        flags_to_memory(u);
        forget_groups(&u->now);
        vectors_settle(u);
        x87_drop(u);
    }
    add_version(u, b);
}

/* The block that an edge leads to, if it may belong to the region. */
static struct block *edge_target(const struct unit *u, const struct block *from, unsigned which,
                                 int64_t offset)
{
    struct block *b = from->next[which];
    if (!b || b->page != from->page || (uint16_t)b->id != (uint16_t)from->id || b->ops[0].fn == op_resync ||
        b->crosses)
        return NULL;
    if ((int64_t)(from->id >> 16) + offset != (int64_t)(b->id >> 16))
        return NULL;
    return b;
}

/* The edge leaves the page. The target of a branch may be cut to 16 bits. */
static void leave_page(struct unit *u, const struct op *op, unsigned which, int64_t offset)
{
    code_address(u, H_DX, offset);
    if (which && op->osize == 1)
        asm_rr(&u->code, 4, HOST_MOVZX16, H_DX, H_DX);
    leave_indirect(u, H_DX);
}

/* `jump` is taken by an edge within the page that leads to no block so far. */
static void edge_unknown(struct unit *u, uint8_t *jump, int64_t offset, op_fn *otherwise)
{
    struct side *s = add_side(u, jump, WAY_EDGE, u->block, u->op);
    if (!s)
        return;
    s->offset = otherwise ? offset : 0;
    s->fn = otherwise ? otherwise : op_original(u->block, u->op);
}

/* The edge is taken by `jump`; NULL: by the code that goes on here. */
static void edge(struct unit *u, uint8_t *jump, unsigned which, int64_t offset, op_fn *otherwise)
{
    struct block *from = u->block, *b = edge_target(u, from, which, offset);
    struct code_buffer *c = &u->code;
    const bool leaves = otherwise && !stays_in_page(from, offset);
    if (!b && !leaves) {
        edge_unknown(u, jump ? jump : asm_jmp(c), offset, otherwise);
        return;
    }
    if (jump)
        asm_patch(jump, c->at);
    if (!b) {
        leave_page(u, &from->ops[u->op], which, offset);
        return;
    }
    _Static_assert(BLOCK_MAX_OPS <= INT8_MAX, "a block's length is an immediate byte");
    asm_alu_imm_mem(c, ALU_SUB, CPU_FIELD(left), (int8_t)b->n);
    flags_lost(u);
    add_side(u, asm_jcc(c, CC_L), WAY_STOP, b, 0);
    enter_block(u, b);
}

void edge_now(struct unit *u, unsigned which, int64_t offset, op_fn *otherwise)
{
    edge(u, NULL, which, offset, otherwise);
}

void edge_later(struct unit *u, uint8_t *jump, unsigned which, int64_t offset, op_fn *otherwise)
{
    if (u->nedges == MAX_EDGES) {
        u->code.full = true;
        return;
    }
    u->edge[u->nedges++] = (struct edge){jump, u->block, u->op, which, offset, otherwise, u->now};
}

/* ---------------------------------------------------------------- the whole */

static void note_resume(struct unit *u, struct block *b, unsigned op)
{
    if (op < b->n && u->nresumes < MAX_RESUMES)
        u->resume[u->nresumes++] = (struct resume){b, op};
}

/* For tests of what looks for mistakes: a bit of the result is inverted, if that is in a register. */
static void make_wrong(struct unit *u, const struct op *op)
{
    if (op->row == NO_ROW || op_ends(u, op) || strcmp(insn_rows(NULL)[op->row].mnemonic, u->wrong))
        return;
    if (vector_result(u, op)) {
        vector_invert(u, op->dst);
        return;
    }
    if (shape_of(u, op)->kind == SHAPE_X87) {
        x87_invert(u);
        return;
    }
    if (op->pfx & PFX_MEM || op->osize < 2)
        return;
    asm_alu_imm(&u->code, 4, ALU_XOR, reg_change(u, op->dst), 1);
    flags_lost(u);
}

/* One block from an op on. */
static void compile_block(struct unit *u, struct block *b, unsigned from)
{
    u->block = b;
    for (u->op = from; !u->code.full; u->op++) {
        const struct op *op = &b->ops[u->op];
        u->pinned = 0;
        u->vpinned = 0;
        if (u->op == b->n) {
            edge_now(u, 0, op->off, stays_in_page(b, op->off) ? NULL : branch_indirect);
            return;
        }
        u->ops++;
        flags_before(u, op);
        if (!op_compile(u, op)) {
            leave_region(u, &u->now, b, u->op, 0, op_original(b, u->op));
            note_resume(u, b, u->op + 1);
            return;
        }
        if (u->wrong)
            make_wrong(u, op);
        if (op_ends(u, op))
            return;
        groups_after(u, op);
    }
}

static void compile_on(struct unit *u)
{
    while (u->next && !u->code.full) {
        struct block *b = u->next;
        u->next = NULL;
        compile_block(u, b, 0);
    }
}

static void everything_in_memory(struct flow *f)
{
    memset(f, 0, sizeof *f);
    memset(f->host, H_NONE, sizeof f->host);
    vectors_none(f);
}

void unit_for(struct unit *u, const struct block *b)
{
    u->word = is_code64(b) ? 8 : 4;
    u->segmented = !is_code64(b) && !(b->id & KEY_FLAT);
    u->code16 = !(b->id & KEY_SIZE);
    u->real = u->code16 && !(b->id & KEY_PROTECTED);
    u->stack = is_code64(b) ? 8 : b->id & KEY_STACK32 ? 4 : 2;
    u->guest = b->id & KEY_GUEST;
}

/* Where a code segment may have a base and a limit, compiled code takes for granted that all of its page is in the segment, so
 * that no branch within it is cut or faults. Else the handler executes the op. */
static void check_page(struct unit *u, struct block *b, unsigned op)
{
    struct code_buffer *c = &u->code;
    if (!u->segmented)
        return;
    asm_rm(c, 4, HOST_MOV_GE, H_AX, CPU_FIELD(gpr[REG_RIP]));
    asm_alu_imm(c, 4, ALU_SUB, H_AX, (int32_t)(b->id >> 16));
    asm_rm(c, 8, HOST_CMP_GE, H_AX, CPU_FIELD(code_pages));
    uint8_t *within = asm_jcc(c, CC_LE);
    asm_imm(c, H_AX, (uintptr_t)op_original(b, op));
    asm_jmp_reg(c, H_AX);
    asm_patch(within, c->at);
}

bool unit_compile(struct unit *u, struct block *b, unsigned op)
{
    u->entry = b;
    u->nlinks = u->nsides = u->nversions = u->nedges = u->nresumes = u->ops = 0;
    u->next = NULL;
    u->host_flags = false;
    everything_in_memory(&u->now);
    u->now.x87 = u->x87;
    check_page(u, b, op);
    if (op == 0)
        u->version[u->nversions++] = (struct version){b, u->code.at, u->now};
    compile_block(u, b, op);
    compile_on(u);
    while (u->nedges && !u->code.full) {
        struct edge e = u->edge[--u->nedges];
        u->now = e.flow;
        u->block = e.from;
        u->op = e.op;
        u->host_flags = false;
        edge(u, e.jump, e.which, e.offset, e.otherwise);
        compile_on(u);
    }
    emit_sides(u);
    return !u->code.full;
}

bool unit_entry(struct unit *u, unsigned version)
{
    const struct version *v = &u->version[version];
    everything_in_memory(&u->now);
    if (v->flow.source != FLAGS_MEMORY || !has_groups(&u->now, &v->flow) || !vectors_fit(&u->now, &v->flow) ||
        !x87_fits(&u->now, &v->flow))
        return false;
    check_page(u, v->block, 0);
    add_rip(u, -block_offset(u, v->block));
    if (v->block != u->entry)
        set_block(u, u->entry);
    adapt(u, &v->flow);
    asm_patch(asm_jmp(&u->code), v->label);
    return !u->code.full;
}

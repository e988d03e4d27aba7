/* gen.c - cases from the rows of the instruction table: random encodings (prefixes, operand forms, every way
 * to address) and random machine states, with the memory operand brought to a chosen address.
 */
#include "tests/native/gen.h"

#include <sys/mman.h>

/* ---------------------------------------------------------------- which rows */

bool one_of(const char *word, const char *list)
{
    size_t n = strlen(word);
    for (const char *p = strstr(list, word); p; p = strstr(p + 1, word))
        if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ' '))
            return true;
    return false;
}

bool has_operand(const struct insn_row *row, enum operand o)
{
    return row->operand[0] == o || row->operand[1] == o || row->operand[2] == o;
}

const char *gen_skips(const struct insn_row *row, unsigned bits)
{
    static const char leaves[] = "lret iret lcall ljmp int int1 int3 into syscall sysret sysenter sysexit";
    static const char differs[] =
        "cpuid rdtsc rdtscp rdpmc rdpid rdrand rdseed xgetbv xsetbv monitor mwait xsave xsaveopt xsavec xsaves xrstor "
        "xrstors vmcall vmmcall";
    static const char tables[] =
        "rdfsbase rdgsbase wrfsbase wrgsbase lar lsl verr verw sldt str sgdt sidt smsw les lds lss lfs lgs";
    if (row->flags & (bits == 64 ? F_I64 : F_O64))
        return "not in this kind of code";
    if (!guest_has(row->feature))
        return "not in the emulator's processor model";
    if (one_of(row->mnemonic, leaves))
        return "leaves user mode or the segment";
    if (one_of(row->mnemonic, differs))
        return "differs between processors";
    if (one_of(row->mnemonic, tables) || row->operand[0] == O_Sw ||
        (!strcmp(row->mnemonic, "pop") && row->operand[0] >= O_ES && row->operand[0] <= O_GS))
        return "depends on the kernel's descriptor tables";
    if (!host_has(row->feature))
        return "not in the host's processor";
    return NULL;
}

/* ---------------------------------------------------------------- operand kinds */

static bool in_range(unsigned o, unsigned first, unsigned last)
{
    return o >= first && o <= last;
}

static bool is_rm_either(unsigned o)
{
    return in_range(o, O_Eb, O_Ey) || o == O_Qq || o == O_Qd || in_range(o, O_Wx, O_Ww) ||
           in_range(o, O_Wdq, O_We);
}
static bool is_rm_memory(unsigned o)
{
    return in_range(o, O_M, O_Mdq) || o == O_Mx || o == O_VM;
}
static bool is_rm_register(unsigned o)
{
    return o == O_Rv || o == O_Ry || o == O_Nq || o == O_Ux || o == O_STi;
}
static bool is_reg_field(unsigned o)
{
    return in_range(o, O_Gb, O_Dy) || o == O_Pq || o == O_Vx;
}

static bool any(const struct insn_row *row, bool (*is)(unsigned))
{
    return is(row->operand[0]) || is(row->operand[1]) || is(row->operand[2]);
}

static bool has_modrm(const struct insn_row *row)
{
    return row->ext != E__ || any(row, is_rm_either) || any(row, is_rm_memory) || any(row, is_rm_register) ||
           any(row, is_reg_field);
}

static bool may_be_memory(const struct insn_row *row)
{
    unsigned kind = row->ext >> 8;
    if (kind == EXT_REG_R || kind == EXT_ONLY_R || kind == EXT_MODRM)
        return false;
    return any(row, is_rm_either) || any(row, is_rm_memory);
}
static bool may_be_register(const struct insn_row *row)
{
    unsigned kind = row->ext >> 8;
    if (kind == EXT_REG_M || kind == EXT_ONLY_M || any(row, is_rm_memory))
        return false;
    return strcmp(row->mnemonic, "prefetchw") != 0; /* real processors differ over the register form */
}

static bool is_vex(const struct insn_row *row)
{
    return row->map >= V0F;
}

static unsigned operand_bytes(const struct gen *g, unsigned o)
{
    unsigned vector = g->l ? 32 : 16;
    switch (o) {
    case O_Wdq:
        return 16;
    case O_Wx:
    case O_Mx:
        return vector;
    case O_Wh:
        return vector / 2;
    case O_Wf:
        return vector / 4;
    case O_We:
        return vector / 8;
    case O_VM:
        return g->w ? 8 : 4;
    case O_Eb:
    case O_Mb:
        return 1;
    case O_Ew:
    case O_Mw:
    case O_Ww:
        return 2;
    case O_Ed:
    case O_Md:
    case O_Wd:
    case O_Qd:
        return 4;
    case O_Eq:
    case O_Mq:
    case O_Wq:
    case O_Qq:
        return 8;
    case O_Ev:
    case O_Ob:
    case O_Ov:
        return opsize(g);
    case O_Ey:
        return is_vex(g->row) ? (g->c->osize == 3 ? 8 : 4) : g->rex & 8 ? 8 : 4;
    case O_Mt:
        return 10;
    case O_M:
    case O_Mdq:
        return 16;
    default:
        return 0;
    }
}

static unsigned memory_bytes(const struct gen *g)
{
    unsigned most = 1;
    if (g->special && g->special->size)
        return g->special->size;
    for (unsigned i = 0; i < 3; i++) {
        unsigned n = operand_bytes(g, g->row->operand[i]);
        most = n > most ? n : most;
    }
    return most;
}

/* ---------------------------------------------------------------- prefixes */

static bool is_branch(const struct insn_row *row)
{
    return one_of(row->mnemonic, "call ret jmp loop loope loopne jcxz") || row->operand[0] == O_Jb ||
           row->operand[0] == O_Jz;
}

static bool may_have_66(struct gen *g)
{
    const struct insn_row *row = g->row;
    if (row->pfx != P__)
        return row->pfx >= PF3 && one_in(&g->r, row->map == M0F38 || row->opcode == 0xb8 ? 1 : 8);
    if (is_branch(row))
        return g->c->bits ==
               16; /* elsewhere it would cut the instruction pointer to 16 bits, or not: processors differ */
    if (row->map == M0F &&
        (row->opcode <= 0x0b || in_range(row->opcode, 0x20, 0x23) || in_range(row->opcode, 0x30, 0x37) ||
         row->opcode == 0xc7 || row->opcode == 0x77 || row->opcode == 0xae))
        return false; /* other instructions, or undefined */
    return true;
}

static bool uses_vvvv(const struct insn_row *row)
{
    return row->flags & F_H || has_operand(row, O_Hx) || has_operand(row, O_By);
}

static void choose_vex(struct gen *g)
{
    const struct insn_row *row = g->row;
    struct rng *r = &g->r;
    g->p66 = false;
    g->p67 = one_in(r, g->from ? 40 : 6) &&
             !(has_operand(row, O_VM) && g->c->bits == 32); /* 16-bit addresses have no SIB */
    g->l = row->flags & F_L1 || (!(row->flags & F_L0) && one_in(r, 2));
    g->w = row->flags & F_W1 || (!(row->flags & F_W0) && one_in(r, 2));
    g->rex = g->c->bits == 64 && !one_in(r, 3) ? (uint8_t)below(r, 8) : 0;
    g->vvvv = uses_vvvv(row) ? (uint8_t)below(r, g->c->bits == 64 ? 16 : 8) : 0;
    if (has_operand(row, O_VM) && g->c->bits == 16)
        g->p67 = true;
}

static void choose_prefixes(struct gen *g)
{
    const struct insn_row *row = g->row;
    struct rng *r = &g->r;
    if (is_vex(row)) {
        choose_vex(g);
        return;
    }
    bool string = row->flags & F_REP;
    g->p66 = one_in(r, 4) && may_have_66(g);
    g->p67 = one_in(r, g->from ? 40 : 6); /* not compiled: in sequences seldom */
    if (g->c->bits == 64 && !one_in(r, 4))
        g->rex = (uint8_t)(0x40 | below(r, 16));
    if (!strcmp(row->mnemonic, "bswap") && !(g->rex & 8))
        g->p66 = g->c->bits == 16; /* undefined with 16 bits */
    if (string && !one_in(r, 3))
        g->rep = one_in(r, 2) ? 0xf2 : 0xf3;
    else if (row->map == M1 && row->pfx == P__ && row->opcode != 0x90 && !string && !is_branch(row) &&
             one_in(r, 40))
        g->rep = one_in(r, 2) ? 0xf2 : 0xf3;
}

static unsigned osize_of(const struct gen *g)
{
    const struct insn_row *row = g->row;
    bool p66 = g->p66 && row->pfx != P66;
    if (is_vex(row))
        return g->w && g->c->bits == 64 ? 3 : 2;
    if (row->flags & F_BYTE)
        return 0;
    if (row->flags & F_O32)
        return g->rex & 8 ? 3 : 2;
    if (g->c->bits == 64)
        return g->rex & 8 || row->flags & F_F64 ? 3 : p66 ? 1 : row->flags & F_D64 ? 3 : 2;
    return (g->c->bits == 32) != p66 ? 2 : 1;
}

static unsigned asize_of(const struct gen *g)
{
    if (g->c->bits == 64)
        return g->p67 ? 1 : 2;
    return (g->c->bits == 32) != g->p67 ? 1 : 0;
}

static void emit_prefixes(struct gen *g)
{
    static const uint8_t segments[4] = {0x26, 0x2e, 0x36, 0x3e};
    static const uint8_t mandatory[] = {[P__] = 0, [PNP] = 0, [P66] = 0x66, [PF3] = 0xf3, [PF2] = 0xf2};
    uint8_t p[8];
    unsigned n = 0;
    if (g->rex && one_in(&g->r, 64) && !is_vex(g->row))
        put(g->c, 0x40 | below(&g->r, 16), 1), p[n++] = 0x3e; /* a REX without effect */
    if (one_in(&g->r, 16) &&
        !strstr(g->row->mnemonic, "maskmov")) /* is a segment checked if nothing is stored? */
        p[n++] = segments[below(&g->r, 4)];
    if (g->p66)
        p[n++] = 0x66;
    if (g->p67)
        p[n++] = 0x67;
    if (g->lock)
        p[n++] = 0xf0;
    if (g->rep)
        p[n++] = g->rep;
    if (mandatory[g->row->pfx] && !is_vex(g->row))
        p[n++] = mandatory[g->row->pfx];
    while (n) {
        unsigned i = below(&g->r, n);
        put(g->c, p[i], 1);
        p[i] = p[--n];
    }
    if (g->rex && !is_vex(g->row))
        put(g->c, g->rex, 1);
}

/* Two bytes if that is possible, mostly. Outside 64-bit code R and X must be 1, so that it is not LES or LDS; bit 3 of vvvv as well in
 * the short form. */
static void emit_vex(struct gen *g)
{
    static const uint8_t pp[] = {[P__] = 0, [PNP] = 0, [P66] = 1, [PF3] = 2, [PF2] = 3};
    unsigned rex = g->rex, last = (~g->vvvv & 15u) << 3 | g->l << 2 | pp[g->row->pfx];
    if (g->row->map == V0F && !g->w && !(rex & 3) && !one_in(&g->r, 3)) {
        put(g->c, 0xc5, 1);
        put(g->c, (rex & 4 ? 0 : 0x80) | last, 1);
    } else {
        put(g->c, 0xc4, 1);
        put(g->c,
            (rex & 4 ? 0 : 0x80) | (rex & 2 ? 0 : 0x40) | (rex & 1 ? 0 : 0x20) | (1u + g->row->map - V0F), 1);
        put(g->c, (uint64_t)g->w << 7 | last, 1);
    }
    put(g->c, g->row->opcode, 1);
}

static void emit_opcode(struct gen *g)
{
    if (is_vex(g->row)) {
        emit_vex(g);
        return;
    }
    if (g->row->map != M1)
        put(g->c, 0x0f, 1);
    if (g->row->map >= M0F38)
        put(g->c, g->row->map == M0F38 ? 0x38 : 0x3a, 1);
    put(g->c, g->row->opcode | (g->row->flags & F_LOW3 ? below(&g->r, 8) : 0), 1);
}

/* ---------------------------------------------------------------- modrm */

/* By the register that many accesses are to go through, and a byte of displacement. */
static void choose_through(struct gen *g)
{
    unsigned reg = (unsigned)__builtin_ctz(g->through);
    g->modrm = (uint8_t)((g->modrm & 0x38) | 1 << 6 | (reg & 7));
    g->rex &= (uint8_t)~3;
    if (reg >> 3)
        g->rex |= 0x41;
}

/* As the fields of a structure are accessed: by a register that is kept, and a byte of displacement. */
static void choose_pointer(struct gen *g)
{
    unsigned from = below(&g->r, 8), high = g->rex & 1 ? 8 : 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned rm = (from + i) & 7;
        if (g->kept >> (rm | high) & 1 && rm != RSP)
            g->modrm = (uint8_t)((g->modrm & 0x38) | 1 << 6 | rm);
    }
}

static void choose_modrm(struct gen *g)
{
    const struct insn_row *row = g->row;
    unsigned kind = row->ext >> 8, value = row->ext & 0xff, reg = below(&g->r, 8);
    bool mem = may_be_memory(row) && (!may_be_register(row) || one_in(&g->r, g->through ? 1 : 2));
    if (kind == EXT_MODRM) {
        g->modrm = (uint8_t)value;
        return;
    }
    if (in_range(kind, EXT_REG, EXT_REG_M))
        reg = value;
    if (has_operand(row, O_Sw))
        reg = below(&g->r, 6);
    if (has_operand(row, O_Dy) && (reg == 4 || reg == 5))
        reg = 7;
    unsigned mod = mem ? below(&g->r, 3) : 3, rm = below(&g->r, 8);
    g->modrm = (uint8_t)(mod << 6 | reg << 3 | rm);
    g->c->mem = mem;
    if (mem && g->through && g->c->asize)
        choose_through(g);
    else if (mem && g->kept && g->c->asize && !one_in(&g->r, 4))
        choose_pointer(g);
    if (has_operand(row, O_Cy) || has_operand(row, O_Dy))
        g->modrm |= 0xc0, g->c->mem = false;
    if (has_operand(row, O_VM)) {
        g->modrm = (uint8_t)((g->modrm & 0xf8) | 4);
        while (g->vvvv == reg_field(g))
            g->vvvv = (uint8_t)below(&g->r, g->c->bits == 64 ? 16 : 8);
    }
}

/* ---------------------------------------------------------------- immediates and branches */

static void emit_immediates(struct gen *g)
{
    unsigned big = g->c->osize == 1 ? 2 : 4;
    uint64_t v = g->imm_chosen ? (uint64_t)g->imm : value_int(&g->r);
    for (unsigned i = 0; i < 3; i++)
        switch (g->row->operand[i]) {
        case O_Ib:
        case O_Lx:
        case O_sIb:
            put(g->c, v, 1);
            break;
        case O_Iw:
            put(g->c, one_in(&g->r, 2) ? v & 0x1f : v, 2);
            break;
        case O_Iz:
            put(g->c, v, big);
            break;
        case O_Iv:
            put(g->c, v, g->c->osize == 3 ? 8 : big);
            break;
        case O_IwIb:
            put(g->c, v, 3);
            break;
        case O_Ob:
        case O_Ov:
            g->c->mem = true;
            g->c->ea = pick_address(g, g->size);
            put(g->c, g->c->ea, 2u << g->c->asize);
            break;
        default:
            break;
        }
}

/* Somewhere near, clear of the instruction and of its pads. */
static void choose_target(struct gen *g, bool short_)
{
    uint32_t near = 64 + below(&g->r, short_ ? 48 : 0x600);
    g->c->target = one_in(&g->r, 2) ? g->c->at + near : g->c->at - near;
}

static void emit_branch(struct gen *g)
{
    unsigned o = g->row->operand[0], n = o == O_Jb ? 1 : g->c->osize == 1 ? 2 : 4;
    if (o != O_Jb && o != O_Jz)
        return;
    choose_target(g, o == O_Jb);
    put(g->c, g->c->target - (g->c->at + g->c->len + n), n);
}

static bool is_indirect(const struct insn_row *row)
{
    return row->opcode == 0xff && one_of(row->mnemonic, "call jmp");
}

/* JMP and CALL through a register or memory, which is at its place by now. */
static void aim_indirect(struct gen *g)
{
    if (g->c->mem)
        poke(g->c->ea, &(uint64_t){g->c->target}, opsize(g));
    else
        g->s->gpr[(g->modrm & 7) | (g->rex & 1 ? 8 : 0)] = g->c->target;
}

/* The host must not run what a stray target points to: the target is in its place, or reading it faults. */
static bool is_aimed(struct gen *g)
{
    uint64_t v = 0, at = !strcmp(g->row->mnemonic, "ret") ? g->s->gpr[RSP] : g->c->ea;
    if (strcmp(g->row->mnemonic, "ret") && !(is_indirect(g->row) && g->c->mem))
        return true;
    peek(at, &v, opsize(g));
    return v == g->c->target || is_absent(at) || is_absent(at + opsize(g) - 1);
}

/* ---------------------------------------------------------------- the whole */

static void place(struct gen *g)
{
    if (g->from)
        return;
    uint32_t middle = g->c->bits == 16 ? LOW_CODE + 2 * PAGE : CODE_BASE + 2 * PAGE;
    g->c->at = one_in(&g->r, 16) ? middle - below(&g->r, 15) : middle + 0x800 + below(&g->r, 32);
}

static void random_state(struct gen *g)
{
    struct state *s = g->s;
    if (g->from) {
        *s = *g->from;
        return;
    }
    memset(s, 0, sizeof *s);
    value_fx(&g->r, s->fx);
    value_fill(&g->r, s->ymmh, YMMH_SIZE, one_in(&g->r, 3) ? FILL_INT : FILL_MIXED);
    if (!host_has_ymm())
        memset(s->ymmh, 0, YMMH_SIZE);
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = value_int(&g->r);
    s->gpr[RSP] = (DATA_BASE + 2 * PAGE + below(&g->r, PAGE)) & ~7u;
    s->flags = FLAG_1 | FLAG_IF | (rnd(&g->r) & FLAGS_ARITH);
    s->flags |= one_in(&g->r, 4) ? FLAG_DF : 0;
    s->flags |= one_in(&g->r, 8) ? FLAG_ID : 0;
    if (one_in(&g->r, 24) && (g->row->feature == FT_BASE || g->row->feature == FT_CMOV))
        s->flags |= FLAG_AC;
}

static void finish_registers(struct gen *g)
{
    if (g->c->bits == 64)
        return;
    for (unsigned i = 0; i < 16; i++)
        g->s->gpr[i] = i < 8 ? (uint32_t)g->s->gpr[i] : 0;
}

static bool try_case(struct gen *g)
{
    struct insn_case *c = g->c;
    choose_prefixes(g);
    c->osize = osize_of(g), c->asize = asize_of(g);
    c->narrow = (c->bits == 16) != g->p66;
    place(g);
    if (has_modrm(g->row))
        choose_modrm(g);
    g->lock = g->row->flags & F_LOCK && c->mem ? one_in(&g->r, 4) : one_in(&g->r, 64);
    if (has_operand(g->row, O_Cy))
        g->lock = false; /* some processors take it for CR8 */
    g->size = memory_bytes(g);
    random_state(g);
    if (is_branch(g->row))
        choose_target(g, false);
    if (g->special && g->special->before)
        g->special->before(g);
    emit_prefixes(g);
    emit_opcode(g);
    if (has_modrm(g->row))
        put(c, g->modrm, 1);
    if (c->mem)
        emit_memory(g);
    emit_immediates(g);
    emit_branch(g);
    c->modrm = g->modrm;
    c->imm8 = c->bytes[c->len - 1];
    finish_registers(g);
    if (c->len > 15)
        return c->len == 16 && !c->mem; /* too long: #GP, but not by much */
    return !c->mem || is_safe(c->ea) || !strcmp(g->row->mnemonic, "lea");
}

static void fill_operand(struct gen *g)
{
    uint8_t b[64];
    unsigned n = g->size < sizeof b ? g->size : sizeof b;
    value_fill(&g->r, b, n, one_in(&g->r, 3) ? FILL_INT : FILL_MIXED);
    poke(g->c->ea, b, n);
}

/* Bit 17 of MXCSR exists in some processors (AMD's misaligned mode). The area may lie where nothing can be
 * written. */
static bool is_mxcsr_known(struct gen *g)
{
    uint32_t v = 0;
    if (!strcmp(g->row->mnemonic, "fxrstor"))
        peek(g->c->ea + FX_MXCSR, &v, 4);
    else if (strstr(g->row->mnemonic, "ldmxcsr"))
        peek(g->c->ea, &v, 4);
    return !(v & 0x20000);
}

/* A gather's indices, so that its elements are around its address; it mostly faults if they are many. */
static void fill_indices(struct gen *g)
{
    unsigned bytes = g->row->opcode & 1 ? 8 : 4, r = g->index;
    for (unsigned i = 0; i < 32 / bytes; i++) {
        int64_t v = (int64_t)below(&g->r, 64) - (g->c->ea >= DATA_BASE ? 32 : 0);
        uint8_t *at =
            i * bytes < 16 ? g->s->fx + FX_XMM + 16 * r + i * bytes : g->s->ymmh + 16 * r + i * bytes - 16;
        memcpy(at, &v, bytes);
    }
}

static bool fill_case(struct gen *g)
{
    if (has_operand(g->row, O_VM))
        fill_indices(g);
    if (g->c->mem)
        fill_operand(g);
    if (g->special && g->special->after)
        g->special->after(g);
    if (is_indirect(g->row))
        aim_indirect(g);
    return is_aimed(g) && is_mxcsr_known(g);
}

static struct gen attempt_of(struct insn_case *c, struct state *s, const struct insn_row *row, uint64_t seed,
                             unsigned attempt)
{
    return (struct gen){
        .r = {seed + attempt * 0x1000003}, .c = c, .s = s, .row = row, .special = special_of(row->mnemonic)};
}

void gen_case(struct insn_case *c, struct state *s, const struct insn_row *row, unsigned bits, uint64_t seed)
{
    struct gen g;
    unsigned attempt = 0;
    do {
        g = attempt_of(c, s, row, seed, attempt++);
        *c = (struct insn_case){.row = row, .bits = bits, .seed = seed};
    } while (!try_case(&g) || !fill_case(&g));
    finish_registers(&g);
}

/* Registers that the case needs as they are in s, and that are not kept. */
static uint32_t needed(const struct gen *g)
{
    uint32_t changed = 0;
    for (unsigned i = 0; i < 16; i++)
        changed |= (uint32_t)(g->s->gpr[i] != g->from->gpr[i]) << i;
    return changed | (g->fixed & ~g->kept);
}

/* rAX shall be equal to what it is compared with, in its lower part. */
static void meet_cmpxchg(struct gen *g)
{
    uint64_t v = 0, mask = g->c->osize == 3 ? ~0ull : (1ull << 8 * opsize(g)) - 1;
    if (g->fixed >> RAX & 1)
        return;
    if (g->c->mem)
        for (unsigned i = 0; i < opsize(g) && !is_absent(g->c->ea + i); i++)
            v |= (uint64_t)*guest_memory((uint32_t)(g->c->ea + i)) << 8 * i;
    else
        v = g->s->gpr[(g->modrm & 7) | (g->rex & 1 ? 8 : 0)];
    g->s->gpr[RAX] = (v & mask) | (g->s->gpr[RAX] & ~mask);
    g->fixed |= 1u << RAX;
}

uint32_t gen_next(struct insn_case *c, struct state *s, const struct insn_row *row, unsigned bits,
                  const struct follow *f, uint64_t seed)
{
    struct gen g;
    unsigned attempt = 0;
    do {
        g = attempt_of(c, s, row, seed, attempt++);
        g.from = f->from;
        g.kept = g.fixed = f->kept;
        g.through = attempt < 16 ? f->through : 0; /* it may be missing */
        *c = (struct insn_case){.row = row, .bits = bits, .seed = seed, .at = f->at};
    } while (!try_case(&g) || c->len > 15);
    if (!strcmp(row->mnemonic, "cmpxchg") && one_in(&g.r, 2))
        meet_cmpxchg(&g);
    finish_registers(&g);
    memcpy(s->fx, f->from->fx, FX_SIZE);
    memcpy(s->ymmh, f->from->ymmh, YMMH_SIZE);
    s->flags = (f->from->flags & ~(uint64_t)FLAG_DF) | (s->flags & FLAG_DF);
    c->steps = 0, c->locked = g.lock;
    return needed(&g);
}

void gen_first(struct state *s, unsigned bits, uint64_t seed)
{
    static const struct insn_row any_row = {.feature = FT_SSE};
    struct insn_case c = {.bits = bits};
    struct gen g = {.r = {seed}, .c = &c, .s = s, .row = &any_row};
    random_state(&g);
    finish_registers(&g);
}

void gen_memory(uint64_t seed)
{
    struct rng r = {seed};
    for (unsigned i = 0; i < NREGIONS; i++)
        for (unsigned p = 0; p < regions[i].pages; p++) {
            uint8_t *page = (uint8_t *)(uintptr_t)(regions[i].base + p * PAGE);
            unsigned kind = regions[i].kind[p];
            if (kind != PAGE_WRITE && kind != PAGE_READ)
                continue;
            if (kind == PAGE_READ)
                mprotect(page, PAGE, PROT_READ | PROT_WRITE);
            value_fill(&r, page, PAGE, FILL_MIXED);
            memcpy(guest_memory(regions[i].base + p * PAGE), page, PAGE);
            if (kind == PAGE_READ)
                mprotect(page, PAGE, PROT_READ);
        }
}

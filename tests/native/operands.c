/* operands.c - registers and memory that particular instructions need for something worth comparing to
 * happen. */
#include "tests/native/gen.h"

/* ---------------------------------------------------------------- memory of both */

static enum page_kind kind_at(uint64_t a)
{
    for (unsigned i = 0; i < NREGIONS; i++)
        if (a - regions[i].base < (uint64_t)regions[i].pages * PAGE)
            return (enum page_kind)regions[i].kind[(a - regions[i].base) / PAGE];
    return PAGE_ABSENT;
}

bool is_absent(uint64_t address)
{
    return kind_at(address) == PAGE_ABSENT;
}

void poke(uint64_t address, const void *bytes, unsigned n)
{
    const uint8_t *b = bytes;
    for (unsigned i = 0; i < n; i++)
        if (kind_at(address + i) == PAGE_WRITE)
            *guest_memory((uint32_t)(address + i)) = *(uint8_t *)(uintptr_t)(address + i) = b[i];
}

void peek(uint64_t address, void *bytes, unsigned n)
{
    uint8_t *b = bytes;
    for (unsigned i = 0; i < n; i++)
        b[i] = kind_at(address + i) != PAGE_ABSENT ? *(uint8_t *)(uintptr_t)(address + i) : 0;
}

static uint64_t pick_low(struct gen *g, unsigned size)
{
    switch (below(&g->r, 32)) {
    case 0:
        return LOW_DATA + 2 * PAGE - below(&g->r, size ? size : 1);
    case 1:
        return LOW_DATA + 2 * PAGE + below(&g->r, PAGE);
    case 2:
    case 3:
    case 4:
        return LOW_DATA + PAGE - below(&g->r, size ? size : 1);
    default:
        return LOW_DATA + 0x100 + below(&g->r, 2 * PAGE - 0x400);
    }
}

static uint64_t pick_data(struct gen *g, unsigned size)
{
    const uint64_t not_canonical = 0xffffefffffffffff;
    uint32_t part = below(&g->r, size ? size : 1);
    switch (below(&g->r, 64)) {
    case 0:
        return DATA_BASE + 4 * PAGE - part;
    case 1:
        return DATA_BASE + 4 * PAGE + below(&g->r, PAGE);
    case 2:
        return DATA_BASE + 5 * PAGE + below(&g->r, PAGE - 16);
    case 3:
        return DATA_BASE + 6 * PAGE - part;
    case 4:
        return DATA_BASE + 6 * PAGE + below(&g->r, PAGE);
    case 5:
        if (g->c->asize == 2)
            return (0x8000ull << 32) + (rnd(&g->r) & not_canonical >> part % 16);
        return DATA_BASE + 7 * PAGE - part;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
        return DATA_BASE + (1 + below(&g->r, 3)) * PAGE - part;
    default:
        return DATA_BASE + 0x400 + below(&g->r, 4 * PAGE - 0x800);
    }
}

/* Accesses that lock the bus must stay in a cache line: across two, some kernels stop the process. */
static uint64_t align_for_lock(uint64_t a, unsigned size)
{
    return (a & 63) + size > 64 ? a & ~63ull : a;
}

uint64_t pick_address(struct gen *g, unsigned size)
{
    uint64_t a = g->c->asize == 0 ? pick_low(g, size) : pick_data(g, size);
    bool must = g->row->flags & F_ALIGN || !strncmp(g->row->mnemonic, "fx", 2);
    if (must && size >= 16 ? !one_in(&g->r, 8) || a >> 32 : one_in(&g->r, 3))
        a &= ~15ull;
    if (g->lock || !strncmp(g->row->mnemonic, "xchg", 4) || !strncmp(g->row->mnemonic, "cmpxchg", 7))
        a = align_for_lock(a, size);
    return a;
}

/* ---------------------------------------------------------------- the stack */

static uint64_t stack_address(struct gen *g)
{
    struct rng *r = &g->r;
    unsigned page = below(r, 3), near = below(r, 48);
    switch (below(r, 32)) {
    case 0:
        return DATA_BASE + below(r, 24);
    case 1:
        return DATA_BASE + 4 * PAGE - below(r, 24);
    case 2:
        return DATA_BASE + 5 * PAGE + below(r, 2 * PAGE);
    case 3:
        return g->c->bits == 64 && one_in(r, 2) ? 1ull << 63 | rnd(r) >> 4
                                                : DATA_BASE + 7 * PAGE - below(r, 24);
    case 4:
    case 5:
    case 6:
        return DATA_BASE + (1 + page) * PAGE + near - 24;
    case 7:
    case 8:
        return DATA_BASE + PAGE + below(r, 2 * PAGE);
    default:
        return (DATA_BASE + PAGE + below(r, 2 * PAGE)) & ~7u;
    }
}

static void before_stack(struct gen *g)
{
    if (g->kept >> RSP & 1)
        return;
    g->s->gpr[RSP] = stack_address(g);
    g->fixed |= 1u << RSP;
}

static void before_pusha(struct gen *g)
{
    before_stack(g);
    g->s->flags &= ~(uint64_t)FLAG_AC; /* which of its faults comes first? */
}

static void before_frame(struct gen *g)
{
    before_stack(g);
    if (!(g->kept >> RBP & 1))
        g->s->gpr[RBP] = stack_address(g);
    g->fixed |= 1u << RBP;
    if (g->row->operand[0] == O_IwIb) {
        g->s->flags &= ~(uint64_t)FLAG_AC; /* is the last check of ENTER one of alignment? */
        g->imm = one_in(&g->r, 8) ? below(&g->r, 0x10000) : below(&g->r, 64);
        g->imm |= (int64_t)(one_in(&g->r, 4) ? below(&g->r, 256) : below(&g->r, 4)) << 16;
        g->imm_chosen = true;
    }
}

static void after_popf(struct gen *g)
{
    uint16_t v;
    peek(g->s->gpr[RSP], &v, 2);
    if (v & FLAG_TF && kind_at(g->s->gpr[RSP]) != PAGE_WRITE)
        g->s->gpr[RSP] = DATA_BASE, peek(DATA_BASE, &v, 2);
    v &= (uint16_t)~FLAG_TF;
    poke(g->s->gpr[RSP], &v, 2);
}

static void after_ret(struct gen *g)
{
    uint64_t v = g->c->target;
    poke(g->s->gpr[RSP], &v, opsize(g));
}

/* ---------------------------------------------------------------- strings */

static bool is_string_with(const struct gen *g, enum operand b, enum operand v)
{
    for (unsigned i = 0; i < 3; i++)
        if (g->row->operand[i] == b || g->row->operand[i] == v)
            return true;
    return false;
}

/* Much of the same, so that comparisons go on. */
static void uniform(struct gen *g, uint64_t a)
{
    uint8_t b[512];
    if (g->from) /* in a sequence memory is what the instructions before have made it */
        return;
    uint8_t v = one_in(&g->r, 2) ? (uint8_t)g->s->gpr[RAX] : 0x5a;
    memset(b, v, sizeof b);
    for (unsigned i = below(&g->r, 4); i; i--) {
        unsigned at = below(&g->r, sizeof b);
        b[at] = (uint8_t)rnd(&g->r);
    }
    poke(a - 256, b, sizeof b);
}

static void before_string(struct gen *g)
{
    bool compares = strstr(g->row->mnemonic, "cmps") || strstr(g->row->mnemonic, "scas");
    uint64_t count = one_in(&g->r, 4)   ? below(&g->r, 3)
                     : one_in(&g->r, 8) ? below(&g->r, 400)
                                        : below(&g->r, 24);
    uint64_t from = pick_address(g, opsize(g)),
             to = one_in(&g->r, 4) ? from + below(&g->r, 32) - 16 : pick_address(g, opsize(g));
    if (one_in(&g->r, 2))
        g->s->flags ^= FLAG_DF;
    if (compares && !one_in(&g->r, 4)) {
        uniform(g, from);
        uniform(g, to);
        if (one_in(&g->r, 2))
            g->s->gpr[RAX] = 0x5a5a5a5a5a5a5a5aull;
    }
    bool keep_from = g->kept >> RSI & 1, keep_to = g->kept >> RDI & 1;
    if (g->c->asize == 0 &&
        !g->kept) /* there are processors that copy areas which overlap in too large pieces if upper bits are set */
        g->s->gpr[RSI] = g->s->gpr[RDI] = 0;
    if (is_string_with(g, O_Xb, O_Xv))
        set_areg(g, RSI, keep_from ? g->s->gpr[RSI] : from);
    if (is_string_with(g, O_Yb, O_Yv))
        set_areg(g, RDI, keep_to ? g->s->gpr[RDI] : to);
    if (!g->rep)
        return;
    if (!count && (!strcmp(g->row->mnemonic, "ins") || !strcmp(g->row->mnemonic, "outs")))
        count = 1; /* with a count of 0, is the right to the port looked at? Not said */
    set_areg(g, RCX, count);
    g->c->rep = true;
    if (!compares && count && one_in(&g->r, 2))
        g->c->steps = count;
}

static void before_xlat(struct gen *g)
{
    set_areg(g, RBX, pick_address(g, 1) - (uint8_t)g->s->gpr[RAX]);
}
static void before_maskmov(struct gen *g)
{
    uint64_t a = DATA_BASE + 0x100 + below(&g->r, 3 * PAGE);
    set_areg(g, RDI, g->c->asize ? a : LOW_DATA + below(&g->r, PAGE));
}

/* ---------------------------------------------------------------- integers */

static void before_div(struct gen *g)
{
    uint64_t *a = &g->s->gpr[RAX], *d = &g->s->gpr[RDX];
    bool is_signed = g->row->mnemonic[0] == 'i';
    if (one_in(&g->r, 5))
        return;
    uint64_t few = rnd(&g->r), bits = rnd(&g->r);
    few &= bits;
    if (g->c->osize == 0)
        *a = is_signed && one_in(&g->r, 2) ? (*a & ~0xffffull) | (uint16_t)(int8_t)*a
                                           : *a & ~(uint64_t)(0xff00 & ~few);
    else if (is_signed)
        *d = (uint64_t)((int64_t)(*a << (64 - 8 * opsize(g))) >> 63) ^
             (one_in(&g->r, 4) ? below(&g->r, 8) : 0);
    else
        *d = one_in(&g->r, 2) ? 0 : below(&g->r, 16);
    g->fixed |= 1u << RAX | 1u << RDX;
}

/* A bit offset in a register reaches memory around the operand. */
static void before_bit(struct gen *g)
{
    unsigned reg = (g->modrm >> 3 & 7) | (g->rex & 4 ? 8 : 0);
    if (!g->c->mem || g->row->operand[1] != O_Gv)
        return;
    if (reg == RSP)
        g->modrm ^= 8, reg = RBP;
    int64_t off = (int64_t)below(&g->r, 8 * 0x400) - 4 * 0x400;
    uint64_t mask = g->c->osize == 3 ? ~0ull : (1ull << (8 * opsize(g))) - 1;
    g->s->gpr[reg] = ((uint64_t)off & mask) | (g->s->gpr[reg] & ~mask);
    g->fixed |= 1u << reg;
}

static void before_count(struct gen *g)
{
    static const uint64_t counts[] = {0, 1, 2, 0x10000, 0x10001, 0x100000000, 0x100000001, 0xffff0000};
    if (!one_in(&g->r, 3))
        g->s->gpr[RCX] = counts[below(&g->r, 8)];
}

/* Half of the comparisons succeed. */
static void after_cmpxchg(struct gen *g)
{
    unsigned reg = (g->modrm & 7) | (g->rex & 1 ? 8 : 0);
    if (one_in(&g->r, 2))
        return;
    if (g->c->mem)
        poke(g->c->ea, &g->s->gpr[RAX], opsize(g));
    else if (g->c->osize || g->rex || reg < 4)
        g->s->gpr[reg] = g->s->gpr[RAX];
}

static void after_cmpxchg8b(struct gen *g)
{
    unsigned half = g->c->osize == 3 ? 8 : 4;
    if (one_in(&g->r, 2))
        return;
    poke(g->c->ea, &g->s->gpr[RAX], half);
    poke(g->c->ea + half, &g->s->gpr[RDX], half);
}

static void after_bound(struct gen *g)
{
    uint64_t v = g->s->gpr[g->modrm >> 3 & 7], low = v - below(&g->r, 5) + 1, high = v + below(&g->r, 5) - 1;
    if (one_in(&g->r, 4))
        return;
    poke(g->c->ea, &low, opsize(g));
    poke(g->c->ea + opsize(g), &high, opsize(g));
}

/* ---------------------------------------------------------------- x87 and state images */

static void put_st(struct gen *g, unsigned i, uint16_t exp, uint64_t sig)
{
    memcpy(g->s->fx + FX_ST + 16 * i, &sig, 8);
    memcpy(g->s->fx + FX_ST + 16 * i + 8, &exp, 2);
}

/* A number with this exponent, of either sign. */
static void put_random(struct gen *g, unsigned i, unsigned exp)
{
    uint16_t sign = (uint16_t)(below(&g->r, 2) << 15);
    put_st(g, i, (uint16_t)exp | sign, rnd(&g->r) | 1ull << 63);
}

/* ST(0) within (-1, 1). */
static void before_small(struct gen *g)
{
    if (!one_in(&g->r, 6))
        put_random(g, 0, 0x3ffe - (one_in(&g->r, 2) ? below(&g->r, 4) : below(&g->r, 70)));
}

/* |ST(0)| below 1 - sqrt(2)/2 = 0.29289. */
static void before_fyl2xp1(struct gen *g)
{
    put_random(g, 0, 0x3ffc - (one_in(&g->r, 2) ? below(&g->r, 4) : below(&g->r, 70)));
}

static void before_fscale(struct gen *g)
{
    if (!one_in(&g->r, 3)) /* ST(1) of some magnitude */
        put_random(g, 1, 0x3ffe + below(&g->r, 18));
}

/* Exponents not more than 63 apart: one step ends the reduction, else how much it does is up to the
 * processor. */
static void before_fprem(struct gen *g)
{
    unsigned exp = 0x1000 + below(&g->r, 0x6000);
    if (one_in(&g->r, 5))
        return;
    put_random(g, 0, exp);
    exp -= below(&g->r, 63);
    exp += below(&g->r, 3);
    put_random(g, 1, exp);
}

/* What EMMS does to TOP is only clear after an MMX instruction. */
static void before_emms(struct gen *g)
{
    g->s->fx[FX_FSW + 1] &= (uint8_t)~0x38;
}

static void after_fldcw(struct gen *g)
{
    uint16_t v = one_in(&g->r, 8) ? (uint16_t)rnd(&g->r) & 0xfcff : value_fcw(&g->r);
    poke(g->c->ea, &v, 2);
}

static void after_ldmxcsr(struct gen *g)
{
    uint32_t v = value_mxcsr(&g->r);
    if (one_in(&g->r, 8))
        v |= 0x10000u << below(&g->r, 16) & ~0x20000u; /* bit 17 is AMD's misaligned mode */
    poke(g->c->ea, &v, 4);
}

static void after_fxrstor(struct gen *g)
{
    uint8_t fx[FX_SIZE];
    value_fx(&g->r, fx);
    if (one_in(&g->r, 16))
        fx[FX_MXCSR + 2] = 1;
    poke(g->c->ea, fx, FX_SIZE);
}

/* FLDENV, FRSTOR: control, status and tag word, in the 16-bit or 32-bit format. */
static void after_fldenv(struct gen *g)
{
    bool wide = !g->c->narrow;
    uint8_t b[108];
    uint16_t cw = value_fcw(&g->r), sw = (uint16_t)rnd(&g->r), tw = (uint16_t)rnd(&g->r);
    value_fill(&g->r, b, sizeof b, FILL_MIXED);
    sw &= one_in(&g->r, 8) ? 0xffff : 0x7f00 | (cw & 0x3f);
    memcpy(b, &cw, 2);
    memcpy(b + (wide ? 4 : 2), &sw, 2);
    memcpy(b + (wide ? 8 : 4), &tw, 2);
    for (unsigned i = 0; i < 8; i++)
        value_f80(&g->r, b + (wide ? 28 : 14) + 10 * i);
    poke(g->c->ea, b, sizeof b);
}

static void fill_at(struct gen *g, enum fill kind)
{
    uint8_t b[32];
    value_fill(&g->r, b, sizeof b, kind);
    poke(g->c->ea, b, g->size < sizeof b ? g->size : sizeof b);
}
static void after_fild(struct gen *g)
{
    fill_at(g, FILL_INT);
}
static void after_fbld(struct gen *g)
{
    fill_at(g, one_in(&g->r, 8) ? FILL_MIXED : FILL_BCD);
}

static void after_fld(struct gen *g)
{
    uint8_t b[10];
    uint32_t s = value_f32(&g->r);
    uint64_t d = value_f64(&g->r);
    value_f80(&g->r, b);
    poke(g->c->ea, g->size == 4 ? (void *)&s : g->size == 8 ? (void *)&d : b, g->size);
}

/* ---------------------------------------------------------------- the table */

static const struct special specials[] = {
    {"push", before_stack, NULL, 0},
    {"pop", before_stack, NULL, 0},
    {"pushf", before_stack, NULL, 0},
    {"popf", before_stack, after_popf, 0},
    {"call", before_stack, NULL, 0},
    {"ret", before_stack, after_ret, 0},
    {"pusha", before_pusha, NULL, 0},
    {"popa", before_pusha, NULL, 0},
    {"enter", before_frame, NULL, 0},
    {"leave", before_frame, NULL, 0},
    {"movs", before_string, NULL, 0},
    {"cmps", before_string, NULL, 0},
    {"stos", before_string, NULL, 0},
    {"lods", before_string, NULL, 0},
    {"scas", before_string, NULL, 0},
    {"ins", before_string, NULL, 0},
    {"outs", before_string, NULL, 0},
    {"xlat", before_xlat, NULL, 0},
    {"maskmovq", before_maskmov, NULL, 0},
    {"maskmovdqu", before_maskmov, NULL, 0},
    {"div", before_div, NULL, 0},
    {"idiv", before_div, NULL, 0},
    {"bt", before_bit, NULL, 0},
    {"bts", before_bit, NULL, 0},
    {"btr", before_bit, NULL, 0},
    {"btc", before_bit, NULL, 0},
    {"loop", before_count, NULL, 0},
    {"loope", before_count, NULL, 0},
    {"loopne", before_count, NULL, 0},
    {"jcxz", before_count, NULL, 0},
    {"cmpxchg", NULL, after_cmpxchg, 0},
    {"cmpxchg8b", NULL, after_cmpxchg8b, 16},
    {"bound", NULL, after_bound, 8},
    {"f2xm1", before_small, NULL, 0},
    {"fyl2xp1", before_fyl2xp1, NULL, 0},
    {"fscale", before_fscale, NULL, 0},
    {"fprem", before_fprem, NULL, 0},
    {"fprem1", before_fprem, NULL, 0},
    {"emms", before_emms, NULL, 0},
    {"fldcw", NULL, after_fldcw, 0},
    {"ldmxcsr", NULL, after_ldmxcsr, 0},
    {"fxrstor", NULL, after_fxrstor, 512},
    {"fxsave", NULL, NULL, 512},
    {"fldenv", NULL, after_fldenv, 28},
    {"frstor", NULL, after_fldenv, 108},
    {"fnstenv", NULL, NULL, 28},
    {"fnsave", NULL, NULL, 108},
    {"fild", NULL, after_fild, 0},
    {"fiadd", NULL, after_fild, 0},
    {"fimul", NULL, after_fild, 0},
    {"ficom", NULL, after_fild, 0},
    {"ficomp", NULL, after_fild, 0},
    {"fisub", NULL, after_fild, 0},
    {"fisubr", NULL, after_fild, 0},
    {"fidiv", NULL, after_fild, 0},
    {"fidivr", NULL, after_fild, 0},
    {"fbld", NULL, after_fbld, 0},
    {"pextrb", NULL, NULL, 1},
    {"pinsrb", NULL, NULL, 1},
    {"fld", NULL, after_fld, 0},
    {"fadd", NULL, after_fld, 0},
    {"fmul", NULL, after_fld, 0},
    {"fcom", NULL, after_fld, 0},
    {"fcomp", NULL, after_fld, 0},
    {"fsub", NULL, after_fld, 0},
    {"fsubr", NULL, after_fld, 0},
    {"fdiv", NULL, after_fld, 0},
    {"fdivr", NULL, after_fld, 0},
};

const struct special *special_of(const char *mnemonic)
{
    mnemonic += *mnemonic == 'v' && strncmp(mnemonic, "ver", 3); /* with VEX it needs the same */
    for (unsigned i = 0; i < sizeof specials / sizeof specials[0]; i++)
        if (!strcmp(specials[i].mnemonic, mnemonic))
            return &specials[i];
    return NULL;
}

/* address.c - memory operands: every way to form an address, with registers and a displacement that make it the wanted one. See
 * gen.h. */
#include "tests/native/gen.h"

/* How an address is made: gpr[base] + (gpr[index] << scale) + disp; -1: none. */
struct address {
    int base, index;
    unsigned scale, disp_bytes;
    bool rip;
    int64_t disp;
};

static uint64_t index_part(const struct gen *g, const struct address *a)
{
    return a->index < 0 ? 0 : g->s->gpr[a->index] << a->scale;
}
static uint64_t address_value(const struct gen *g, const struct address *a)
{
    uint64_t v = (a->base < 0 ? 0 : g->s->gpr[a->base]) + index_part(g, a) + (uint64_t)a->disp;
    return v & amask(g);
}

static bool is_free(const struct gen *g, int reg)
{
    return reg >= 0 && !(g->fixed >> reg & 1);
}

static void set_register(struct gen *g, int reg, uint64_t v)
{
    g->s->gpr[reg] = (v & amask(g)) | (rnd(&g->r) & ~amask(g));
    g->fixed |= 1u << reg;
}

static int64_t random_disp(struct gen *g, unsigned bytes)
{
    switch (bytes) {
    case 0:
        return 0;
    case 1:
        return g->from && !one_in(&g->r, 4) ? (int64_t)below(&g->r, 12) * 4 - 8 : (int8_t)rnd(&g->r);
    case 2:
        return (int16_t)rnd(&g->r);
    default:
        return one_in(&g->r, 2) ? (int32_t)rnd(&g->r) : (int64_t)below(&g->r, 4096) - 2048;
    }
}

/* Values for the free parts so that the sum is `want`, as near as it goes. */
static void solve(struct gen *g, struct address *a, uint64_t want)
{
    a->disp = random_disp(g, a->disp_bytes);
    if (a->index >= 0 && a->index != a->base && is_free(g, a->index)) {
        uint64_t v = a->base < 0 || one_in(&g->r, 2) ? below(&g->r, 0x1000) : value_int(&g->r);
        set_register(g, a->index, v);
    }
    if (a->base >= 0 && a->base == a->index && is_free(g, a->base)) {
        uint64_t times = 1 + (1ull << a->scale), v = (want - (uint64_t)a->disp) / times;
        a->disp += a->disp_bytes >= 2 ? (int64_t)(want - (uint64_t)a->disp - v * times) : 0;
        set_register(g, a->base, v);
    } else if (is_free(g, a->base)) {
        set_register(g, a->base, want - index_part(g, a) - (uint64_t)a->disp);
    } else if (a->disp_bytes >= 2) {
        a->disp = 0;
        uint64_t left = want - address_value(g, a);
        a->disp = a->disp_bytes == 2 ? (int16_t)left : (int32_t)left;
    }
}

static void shape16(struct gen *g, struct address *a)
{
    static const int8_t base[8] = {RBX, RBX, RBP, RBP, -1, -1, RBP, RBX},
                        index[8] = {RSI, RDI, RSI, RDI, RSI, RDI, -1, -1};
    unsigned mod = g->modrm >> 6, rm = g->modrm & 7;
    a->base = base[rm], a->index = index[rm];
    a->disp_bytes = mod == 1 ? 1 : mod == 2 ? 2 : 0;
    if (mod == 0 && rm == 6)
        a->base = -1, a->disp_bytes = 2;
    if (a->base < 0) /* SI or DI alone is a base */
        a->base = a->index, a->index = -1;
}

static bool one_of_three(const struct gen *g, unsigned index)
{
    return index == g->vvvv || index == reg_field(g);
}

static void shape_sib(struct gen *g, struct address *a)
{
    uint8_t sib = g->through ? 0x24 : (uint8_t)rnd(&g->r); /* (rSP), (R12) */
    if (has_operand(g->row, O_VM))                         /* the three registers differ */
        while (one_of_three(g, (sib >> 3 & 7) | (g->rex & 2 ? 8u : 0)))
            sib = (uint8_t)rnd(&g->r);
    put(g->c, sib, 1);
    g->index = (uint8_t)((sib >> 3 & 7) | (g->rex & 2 ? 8 : 0));
    unsigned index = (sib >> 3 & 7) | (g->rex & 2 ? 8 : 0), base = sib & 7;
    a->scale = sib >> 6;
    a->index = index == 4 || has_operand(g->row, O_VM) ? -1 : (int)index;
    a->base = (int)(base | (g->rex & 1 ? 8 : 0));
    if (base == 5 && !(g->modrm >> 6))
        a->base = -1, a->disp_bytes = 4;
}

static void shape32(struct gen *g, struct address *a)
{
    unsigned mod = g->modrm >> 6, rm = g->modrm & 7;
    a->disp_bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    if (rm == 4)
        shape_sib(g, a);
    else if (mod == 0 && rm == 5)
        a->disp_bytes = 4, a->rip = g->c->bits == 64;
    else
        a->base = (int)(rm | (g->rex & 1 ? 8 : 0));
}

/* Bytes that follow the displacement. */
static unsigned immediate_bytes(const struct gen *g)
{
    unsigned n = 0, big = g->c->osize == 1 ? 2 : 4;
    for (unsigned i = 0; i < 3; i++)
        switch (g->row->operand[i]) {
        case O_Ib:
        case O_Lx:
        case O_sIb:
        case O_Jb:
            n += 1;
            break;
        case O_Iw:
            n += 2;
            break;
        case O_Iz:
        case O_Jz:
            n += big;
            break;
        case O_Iv:
            n += g->c->osize == 3 ? 8 : big;
            break;
        case O_IwIb:
            n += 3;
            break;
        default:
            break;
        }
    return n;
}

bool is_safe(uint64_t a)
{
    if ((uint64_t)((int64_t)(a << 16) >> 16) != a)
        return true;
    for (unsigned i = 0; i < NREGIONS; i++)
        if (a + 0x400 - regions[i].base < regions[i].pages * PAGE + 0x800u)
            return regions[i].base != CODE_BASE && a >= LOW_DATA - 0x40;
    return false;
}

void emit_memory(struct gen *g)
{
    struct address a = {.base = -1, .index = -1};
    uint64_t want = pick_address(g, g->size);
    if (g->c->asize == 0)
        shape16(g, &a);
    else
        shape32(g, &a);
    if (a.base < 0 && want >> 31)
        want = DATA_BASE + PAGE;
    if (a.rip) {
        uint64_t next = g->c->at + g->c->len + 4 + immediate_bytes(g);
        g->c->relative = g->c->len;
        put(g->c, want - next, 4);
        g->c->ea = want;
        return;
    }
    solve(g, &a, want);
    put(g->c, (uint64_t)a.disp, a.disp_bytes);
    g->c->ea = address_value(g, &a);
}

/* vectors.c - where the guest's vectors and its MXCSR are in compiled code.
 *
 * Vectors are kept in host registers as general registers are (unit.c). A YMM register is two of them: what is done to it is done to its
 * halves, so no host register is used beyond its lower 128 bits, and a half that was cleared costs nothing until something reads it.
 *
 * Floating-point instructions run with the guest's MXCSR in the host's. Their flags are sticky in both, so nothing has to be looked at
 * after each; all exceptions are masked, so none is raised. Where the region is left the guest's MXCSR is stored, and the host has its
 * usual rounding again. */
#include "hv/x86/exec.h"
#include "hv/x86/jit/unit.h"
#include "hv/x86/vector/simd.h"

/* ---------------------------------------------------------------- registers */

enum {
    FIRST = X1 + 1,
    LAST = 15,
    POOL = LAST - FIRST + 1,
    MOVAPS_LOAD = OP0F(0x28),
    MOVAPS_STORE = OP0F(0x29)
};

static struct host_mem place(unsigned v)
{
    _Static_assert(offsetof(struct x86, xmm) % 16 == 0 && offsetof(struct x86, ymmh) % 16 == 0,
                   "the host's instructions want it aligned");
    struct host_mem m = v < UPPER ? CPU_FIELD(xmm) : CPU_FIELD(ymmh);
    m.disp += (int32_t)(v % UPPER * sizeof(union xmm));
    return m;
}

static bool has(uint32_t set, unsigned v)
{
    return set >> v & 1;
}

static void clear(struct code_buffer *c, unsigned host)
{
    asm_rr(c, 4, HOST_XORPS, host, host); /* XORPS */
}

static void write_back(struct code_buffer *c, const struct flow *f, unsigned v)
{
    if (has(f->vdirty, v))
        asm_rm(c, 4, MOVAPS_STORE, has(f->vzero, v) ? X0 : f->vector[v], place(v));
}

static bool is_free(const struct flow *f, unsigned host)
{
    for (unsigned v = 0; v < VECTORS; v++)
        if (f->vector[v] == host)
            return false;
    return true;
}

static unsigned evict(struct unit *u)
{
    unsigned oldest = VECTORS;
    for (unsigned v = 0; v < VECTORS; v++)
        if (u->now.vector[v] != H_NONE && !has(u->vpinned, v) &&
            (oldest == VECTORS || u->vused[v] < u->vused[oldest]))
            oldest = v;
    unsigned host = u->now.vector[oldest];
    write_back(&u->code, &u->now, oldest);
    u->now.vdirty &= ~(1u << oldest);
    u->now.vector[oldest] = H_NONE;
    return host;
}

/* As allocate() of unit.c: the same one everywhere if it can be. */
static unsigned allocate(struct unit *u, unsigned v)
{
    unsigned home = FIRST + v % POOL;
    if (is_free(&u->now, home))
        return home;
    for (unsigned host = LAST; host >= FIRST; host--)
        if (is_free(&u->now, host))
            return host;
    return evict(u);
}

static unsigned vector_at(struct unit *u, unsigned v, bool load)
{
    struct flow *f = &u->now;
    u->vpinned |= 1u << v;
    u->vused[v] = ++u->clock;
    if (f->vector[v] != H_NONE)
        return f->vector[v];
    unsigned host = allocate(u, v);
    if (load && has(f->vzero, v))
        clear(&u->code, host);
    else if (load)
        asm_rm(&u->code, 4, MOVAPS_LOAD, host, place(v));
    f->vzero &= ~(1u << v);
    f->vector[v] = (uint8_t)host;
    return host;
}

unsigned vector_use(struct unit *u, unsigned v)
{
    return vector_at(u, v, true);
}

unsigned vector_change(struct unit *u, unsigned v)
{
    unsigned host = vector_at(u, v, true);
    u->now.vdirty |= 1u << v;
    return host;
}

unsigned vector_set(struct unit *u, unsigned v)
{
    unsigned host = vector_at(u, v, false);
    u->now.vdirty |= 1u << v;
    return host;
}

void vector_clear(struct unit *u, unsigned v)
{
    if (has(u->now.vzero, v))
        return;
    u->now.vector[v] = H_NONE;
    u->now.vzero |= 1u << v;
    u->now.vdirty |= 1u << v;
}

bool vector_result(const struct unit *u, const struct op *op)
{
    const struct shape *s = &u->shapes[op->row];
    bool store = s->form == FORM_EG && op->pfx & PFX_MEM;
    return s->kind >= SHAPE_SIMD && s->kind <= SHAPE_SIMD_LAST_PLAIN && s->kind != SHAPE_SIMD_FLAGS &&
           s->kind != SHAPE_SIMD_MXCSR && s->kind != SHAPE_SIMD_ZERO && !store;
}

void vector_invert(struct unit *u, unsigned v)
{
    struct code_buffer *c = &u->code;
    unsigned host = vector_change(u, v);
    asm_bytes(c, 0xc0760f66, 4);   /* PCMPEQD XMM0, XMM0 */
    asm_bytes(c, 0x3fd0730f66, 5); /* PSRLQ XMM0, 63 */
    asm_bytes(c, 0x66, 1);
    asm_rr(c, 4, HOST_PXOR, host, X0); /* PXOR */
}

/* ---------------------------------------------------------------- MXCSR */

void mxcsr_take(struct unit *u)
{
    struct code_buffer *c = &u->code;
    if (u->now.checks & CHECK_MXCSR)
        return;
    asm_rm(c, 4, HOST_MOV_GE, H_AX, CPU_FIELD(fpu.mxcsr));
    asm_alu_imm(c, 4, 4, H_AX, MX_MASKS); /* AND */
    asm_alu_imm(c, 4, 7, H_AX, MX_MASKS); /* CMP */
    flags_lost(u);
    side_exit(u, CC_NE);
    asm_rm(c, 4, HOST_GROUP15, 2, CPU_FIELD(fpu.mxcsr)); /* LDMXCSR */
    u->now.checks |= CHECK_MXCSR;
}

/* The host's flags stay as they are: nothing reads them. Uses no register. */
static void mxcsr_store(struct unit *u)
{
    struct code_buffer *c = &u->code;
    asm_rm(c, 4, HOST_GROUP15, 3, CPU_FIELD(fpu.mxcsr)); /* STMXCSR */
    asm_rm(c, 4, HOST_GROUP3, HOST_TEST_EI, CPU_FIELD(fpu.mxcsr));
    asm_bytes(c, MX_RC | MX_FTZ | MX_DAZ, 4);
    uint8_t *usual = asm_jcc(c, CC_E);
    asm_with_value(c, HOST_GROUP15, 2, MX_MASKS); /* LDMXCSR */
    if (!c->full)
        asm_patch(usual, c->at);
    flags_lost(u);
}

void mxcsr_drop(struct unit *u)
{
    if (u->now.checks & CHECK_MXCSR)
        mxcsr_store(u);
    u->now.checks &= (uint8_t)~CHECK_MXCSR;
}

/* ---------------------------------------------------------------- ways out, edges */

void vectors_none(struct flow *f)
{
    memset(f->vector, H_NONE, sizeof f->vector);
    f->vdirty = f->vzero = 0;
    f->checks = 0;
}

bool vectors_hold_nothing(const struct flow *f)
{
    for (unsigned v = 0; v < VECTORS; v++)
        if (f->vector[v] != H_NONE)
            return false;
    return !f->vzero;
}

bool vectors_fit(const struct flow *have, const struct flow *need)
{
    return !(need->checks & ~have->checks) && !(need->vzero & ~have->vzero);
}

/* Those of a set that are not in memory go there. */
static void write_set(struct unit *u, const struct flow *f, uint32_t set)
{
    if (f->vdirty & f->vzero & set)
        clear(&u->code, X0);
    for (unsigned v = 0; v < VECTORS; v++)
        if (has(set, v))
            write_back(&u->code, f, v);
}

void vectors_write(struct unit *u, const struct flow *f)
{
    write_set(u, f, ~0u);
    if (f->checks & CHECK_MXCSR)
        mxcsr_store(u);
}

void vectors_adapt(struct unit *u, const struct flow *to)
{
    struct flow *f = &u->now;
    uint32_t stay = 0;
    for (unsigned v = 0; v < VECTORS; v++)
        if (f->vector[v] == to->vector[v] && has(f->vzero, v) == has(to->vzero, v))
            stay |= 1u << v;
    write_set(u, f, ~(stay & to->vdirty));
    for (unsigned v = 0; v < VECTORS; v++)
        if (!has(stay, v) && to->vector[v] != H_NONE)
            asm_rm(&u->code, 4, MOVAPS_LOAD, to->vector[v], place(v));
    if (!(to->checks & CHECK_MXCSR))
        mxcsr_drop(u);
}

void vectors_settle(struct unit *u)
{
    write_set(u, &u->now, u->now.vzero);
    u->now.vdirty &= ~u->now.vzero;
    u->now.vzero = 0;
    mxcsr_drop(u);
    u->now.checks = 0;
}

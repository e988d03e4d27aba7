/* x87_stack.c - the register stack, and the x87 instructions as functions of the FPU's state.
 *
 * Source: Intel SDM volume 1, chapters 8.1, 8.5 and appendix A of the x87 sections (order of exceptions:
 * 8.6); volume 2.
 *
 * The order in each instruction: first the stack fault; then the operands' exceptions, where an unmasked one
 * leaves everything unchanged (fpu_raise() returns true); then the result is written, and the stack
 * popped. */
#include "hv/x86/x87/x87_fast.h"

/* ---------------------------------------------------------------- state */

void fpu_update_es(struct fpu *f)
{
    const unsigned es = f->sw & ~f->cw & SW_EXCEPTIONS ? SW_ES | SW_B : 0;
    if ((f->sw & (SW_ES | SW_B)) != es)
        f->sw = (uint16_t)((f->sw & ~(SW_ES | SW_B)) | es);
}

bool fpu_raise(struct fpu *f, unsigned flags)
{
    bool held = flags & ~f->cw & (SW_IE | SW_DE | SW_ZE);
    if (held && !(flags & SW_SF))
        flags &= SW_IE | SW_DE | SW_ZE;
    f->sw = (f->sw & ~SW_C1) | flags;
    if (f->sw & ~f->cw & SW_EXCEPTIONS)
        f->sw |= SW_ES | SW_B;
    return held;
}

bool fpu_raise_store(struct fpu *f, unsigned flags)
{
    bool held = flags & ~f->cw & (SW_OE | SW_UE);
    if (held)
        flags &= ~(SW_PE | SW_C1);
    return fpu_raise(f, flags) || held;
}

static bool underflow(struct fpu *f)
{
    return fpu_raise(f, SW_IE | SW_SF);
}
static bool overflow(struct fpu *f)
{
    return fpu_raise(f, SW_IE | SW_SF | SW_C1);
}
static void clear_c1(struct fpu *f)
{
    f->sw &= ~SW_C1;
}

static void set_top(struct fpu *f, unsigned top)
{
    f->sw = (f->sw & ~SW_TOP) | (top & 7) << 11;
}

void fpu_set_st(struct fpu *f, unsigned i, struct fpreg v)
{
    unsigned p = fpu_phys(f, i);
    f->r[p] = v;
    f->empty &= ~(1u << p);
}

void fpu_pop(struct fpu *f)
{
    f->empty |= 1u << fpu_top(f);
    set_top(f, fpu_top(f) + 1);
}

static void push(struct fpu *f, struct fpreg v)
{
    set_top(f, fpu_top(f) - 1);
    fpu_set_st(f, 0, v);
}

/* As push(), with C1 clear. */
static inline void push_clear(struct fpu *f, struct fpreg v)
{
    const unsigned top = (fpu_top(f) - 1) & 7;
    f->sw = (uint16_t)((f->sw & ~(SW_TOP | SW_C1)) | top << 11);
    f->r[top] = v;
    f->empty &= ~(1u << top);
}

/* As fpu_pop(), with these of PE and C1. */
static inline void pop_with(struct fpu *f, unsigned flags)
{
    const unsigned top = fpu_top(f);
    f->sw = (uint16_t)((f->sw & ~(SW_TOP | SW_C1)) | ((top + 1) & 7) << 11 | flags);
    f->empty |= 1u << top;
}

/* True on stack overflow (the next register is in use), after giving the masked response. */
static bool push_fails(struct fpu *f)
{
    if (fpu_empty(f, 7))
        return false;
    if (!overflow(f))
        push(f, fpreg_indefinite());
    return true;
}

uint16_t fpu_tag_word(const struct fpu *f)
{
    uint16_t tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        struct fpreg v = f->r[i];
        unsigned e = v.exp & 0x7fff, tag = 0;
        if (f->empty >> i & 1)
            tag = 3;
        else if (!e && !v.sig)
            tag = 1;
        else if (!e || e == 0x7fff || !(v.sig >> 63))
            tag = 2;
        tags |= tag << (2 * i);
    }
    return tags;
}

void fpu_set_tag_word(struct fpu *f, uint16_t tags)
{
    f->empty = 0;
    for (unsigned i = 0; i < 8; i++)
        f->empty |= (tags >> (2 * i) & 3) == 3 ? 1u << i : 0;
}

void fpu_set_sw(struct fpu *f, uint16_t sw)
{
    f->sw = sw;
    fpu_update_es(f);
}

void fpu_init(struct fpu *f)
{
    f->cw = 0x37f;
    f->sw = 0;
    f->empty = 0xff;
    f->fop = f->fcs = f->fds = 0;
    f->fip = f->fdp = 0;
}

void fpu_reset(struct fpu *f)
{
    memset(f, 0, sizeof *f);
    fpu_init(f);
    f->mxcsr = 0x1f80;
}

/* ---------------------------------------------------------------- add, subtract, multiply, divide */

/* a op b into ST(dst). */
static bool arith(struct fpu *f, num_fn *fn, unsigned dst, struct num a, struct num b)
{
    struct fpreg r;
    unsigned flags = fn(f->cw, a, b, &r);
    if (fpu_raise(f, flags))
        return false;
    fpu_set_st(f, dst, r);
    return true;
}

/* ST(dst) = ST(dst) op ST(src); one of them is 0. */
static bool arith_st(struct fpu *f, num_fn *fn, unsigned dst, unsigned src)
{
    if (fpu_empty(f, dst) || fpu_empty(f, src)) {
        if (underflow(f))
            return false;
        fpu_set_st(f, dst, fpreg_indefinite());
        return true;
    }
    return arith(f, fn, dst, num_from_reg(fpu_st(f, dst)), num_from_reg(fpu_st(f, src)));
}

static num_fn *const general[] = {
    [X87_ADD] = num_add,   [X87_MUL] = num_mul, [X87_SUB] = num_sub,
    [X87_SUBR] = num_subr, [X87_DIV] = num_div, [X87_DIVR] = num_divr,
};

/* *a = *a op b and then, if asked for, a pop: if it is one of the common cases. */
__attribute__((always_inline)) static inline bool arith_fast(struct fpu *f, enum x87_kind kind,
                                                             struct fpreg *a, struct fpreg b, bool pop)
{
    if (unlikely(!(f->cw & SW_PE)))
        return false;
    const unsigned flags = x87_fast(f->cw, kind, *a, b, a);
    if (unlikely(flags == X87_LEFT))
        return false;
    if (pop)
        pop_with(f, flags);
    else
        f->sw = (uint16_t)((f->sw & ~SW_C1) | flags);
    return true;
}

__attribute__((always_inline)) static inline void arith_st_fast(struct fpu *f, enum x87_kind kind,
                                                                unsigned dst, unsigned src, bool pop)
{
    const unsigned d = fpu_phys(f, dst), s = fpu_phys(f, src);
    if (likely(!((f->empty >> d | f->empty >> s) & 1)) && arith_fast(f, kind, &f->r[d], fpu_st(f, src), pop))
        return;
    if (arith_st(f, general[kind], dst, src) && pop)
        fpu_pop(f);
}

/* D8 fxxx ST(0), ST(i); DC fxxx ST(i), ST(0); DE the same with a pop. In DC and DE the opcodes of the
 * reversed forms are swapped; the instruction table accounts for that. */
#define ARITH(name, kind)                                                                                    \
    void fpu_##name##_0i(struct fpu *f, unsigned i)                                                          \
    {                                                                                                        \
        arith_st_fast(f, kind, 0, i, false);                                                                 \
    }                                                                                                        \
    void fpu_##name##_i0(struct fpu *f, unsigned i)                                                          \
    {                                                                                                        \
        arith_st_fast(f, kind, i, 0, false);                                                                 \
    }                                                                                                        \
    void fpu_##name##p(struct fpu *f, unsigned i)                                                            \
    {                                                                                                        \
        arith_st_fast(f, kind, i, 0, true);                                                                  \
    }
ARITH(fadd, X87_ADD)
ARITH(fmul, X87_MUL)
ARITH(fsub, X87_SUB)
ARITH(fsubr, X87_SUBR)
ARITH(fdiv, X87_DIV)
ARITH(fdivr, X87_DIVR)

/* ---------------------------------------------------------------- compare */

/* The condition codes are set even if the exception is unmasked. False if the stack must not be popped. */
static bool compare(struct fpu *f, struct num a, struct num b, bool quiet)
{
    unsigned cc, flags = num_compare(a, b, quiet, &cc);
    f->sw = (f->sw & ~(SW_C0 | SW_C2 | SW_C3)) | cc;
    return !fpu_raise(f, flags);
}

/* An empty register compares as unordered. */
static bool compare_empty(struct fpu *f)
{
    f->sw |= SW_C0 | SW_C2 | SW_C3;
    return !underflow(f);
}

static bool compare_regs(struct fpu *f, struct fpreg a, struct fpreg b, bool quiet)
{
    const unsigned cc = x87_fast_compare(a, b);
    if (cc == X87_LEFT)
        return compare(f, num_from_reg(a), num_from_reg(b), quiet);
    f->sw = (uint16_t)((f->sw & ~SW_CC) | cc);
    return true;
}

static void compare_st(struct fpu *f, unsigned i, bool quiet, unsigned pops)
{
    bool done;
    if (fpu_empty(f, 0) || fpu_empty(f, i))
        done = compare_empty(f);
    else
        done = compare_regs(f, fpu_st(f, 0), fpu_st(f, i), quiet);
    for (; done && pops; pops--)
        fpu_pop(f);
}

void fpu_fcom(struct fpu *f, unsigned i)
{
    compare_st(f, i, false, 0);
}
void fpu_fcomp(struct fpu *f, unsigned i)
{
    compare_st(f, i, false, 1);
}
void fpu_fcompp(struct fpu *f, unsigned i)
{
    compare_st(f, 1, false, 2);
}
void fpu_fucom(struct fpu *f, unsigned i)
{
    compare_st(f, i, true, 0);
}
void fpu_fucomp(struct fpu *f, unsigned i)
{
    compare_st(f, i, true, 1);
}
void fpu_fucompp(struct fpu *f, unsigned i)
{
    compare_st(f, 1, true, 2);
}

void fpu_ftst(struct fpu *f, unsigned i)
{
    if (fpu_empty(f, 0))
        compare_empty(f);
    else
        compare(f, num_from_reg(fpu_st(f, 0)), num_from_int(0), false);
}

bool fpu_comi(struct fpu *f, unsigned i, bool quiet, bool pop, unsigned *flags)
{
    unsigned cc = SW_C0 | SW_C2 | SW_C3, raised = SW_IE | SW_SF;
    if (!fpu_empty(f, 0) && !fpu_empty(f, i)) {
        const struct fpreg a = fpu_st(f, 0), b = fpu_st(f, i);
        cc = x87_fast_compare(a, b);
        raised = cc != X87_LEFT ? 0 : num_compare(num_from_reg(a), num_from_reg(b), quiet, &cc);
    }
    *flags = (cc & SW_C0 ? FLAG_CF : 0) | (cc & SW_C2 ? FLAG_PF : 0) | (cc & SW_C3 ? FLAG_ZF : 0);
    if (!fpu_raise(f, raised) && pop)
        fpu_pop(f);
    return !(raised & ~f->cw & SW_IE);
}

void fpu_fxam(struct fpu *f, unsigned i)
{
    static const uint16_t code[] = {
        [NUM_ZERO] = SW_C3, [NUM_FINITE] = SW_C2, [NUM_INF] = SW_C2 | SW_C0,
        [NUM_QNAN] = SW_C0, [NUM_SNAN] = SW_C0,   [NUM_UNSUPPORTED] = 0,
    };
    struct num n = num_from_reg(fpu_st(f, 0));
    unsigned cc = n.denormal ? SW_C3 | SW_C2 : code[n.cls];
    if (fpu_empty(f, 0))
        cc = SW_C3 | SW_C0;
    f->sw = (f->sw & ~SW_CC) | cc | (fpu_st(f, 0).exp >> 15 ? SW_C1 : 0);
}

/* ---------------------------------------------------------------- moves */

void fpu_push_reg(struct fpu *f, struct fpreg v)
{
    if (!push_fails(f))
        push_clear(f, v);
}

void fpu_fld(struct fpu *f, unsigned i)
{
    if (fpu_empty(f, i)) { /* stack underflow takes precedence over overflow */
        if (!underflow(f))
            push(f, fpreg_indefinite());
        return;
    }
    fpu_push_reg(f, fpu_st(f, i));
}

/* Converts a number to register format; signalling NaNs become quiet. */
static unsigned to_reg(struct num n, struct fpreg *r)
{
    switch (n.cls) {
    case NUM_ZERO:
        *r = fpreg_make(n.sign, 0, 0);
        return 0;
    case NUM_INF:
        *r = fpreg_make(n.sign, 0x7fff, 1ull << 63);
        return 0;
    case NUM_FINITE:
        *r = fpreg_from_num(n);
        return n.denormal ? SW_DE : 0;
    default:
        return num_nan(n, n, r);
    }
}

void fpu_load(struct fpu *f, struct num n)
{
    if (likely(n.cls == NUM_FINITE && !n.denormal && fpu_empty(f, 7))) {
        push_clear(f, fpreg_from_num(n));
        return;
    }
    struct fpreg v;
    unsigned flags = to_reg(n, &v);
    if (push_fails(f))
        return;
    fpu_raise(f, flags);
    if (!(flags & ~f->cw & SW_IE)) /* with an unmasked denormal exception it is pushed anyway */
        push(f, v);
}

void fpu_load_int(struct fpu *f, int64_t v)
{
    const uint64_t m = v < 0 ? -(uint64_t)v : (uint64_t)v;
    if (unlikely(!m || !fpu_empty(f, 7))) {
        fpu_load(f, num_from_int(v));
        return;
    }
    const unsigned shift = (unsigned)__builtin_clzll(m);
    push_clear(f, fpreg_make(v < 0, X87_BIAS + 63 - shift, m << shift));
}

void fpu_fxch(struct fpu *f, unsigned i)
{
    struct fpreg a = fpu_st(f, 0), b = fpu_st(f, i);
    bool a_empty = fpu_empty(f, 0), b_empty = fpu_empty(f, i);
    if (a_empty || b_empty) {
        if (underflow(f))
            return;
        a = a_empty ? fpreg_indefinite() : a;
        b = b_empty ? fpreg_indefinite() : b;
    } else {
        clear_c1(f);
    }
    fpu_set_st(f, i, a);
    fpu_set_st(f, 0, b);
}

static bool store_st(struct fpu *f, unsigned i)
{
    struct fpreg v = fpu_st(f, 0);
    if (fpu_empty(f, 0)) {
        if (underflow(f))
            return false;
        v = fpreg_indefinite();
    } else {
        clear_c1(f);
    }
    fpu_set_st(f, i, v);
    return true;
}

void fpu_fst(struct fpu *f, unsigned i)
{
    store_st(f, i);
}

void fpu_fstp(struct fpu *f, unsigned i)
{
    if (store_st(f, i))
        fpu_pop(f);
}

/* D9 D8+i: no stack check; an empty ST(0) leaves ST(i) as it is. */
void fpu_fstp1(struct fpu *f, unsigned i)
{
    clear_c1(f);
    if (!fpu_empty(f, 0))
        fpu_set_st(f, i, fpu_st(f, 0));
    fpu_pop(f);
}

void fpu_cmov(struct fpu *f, unsigned i, bool take)
{
    if (fpu_empty(f, 0) || fpu_empty(f, i)) {
        if (!underflow(f))
            fpu_set_st(f, 0, fpreg_indefinite());
        return;
    }
    if (take) /* C1 does not change */
        fpu_set_st(f, 0, fpu_st(f, i));
}

void fpu_ffree(struct fpu *f, unsigned i)
{
    f->empty |= 1u << fpu_phys(f, i);
}

void fpu_ffreep(struct fpu *f, unsigned i)
{
    fpu_ffree(f, i);
    fpu_pop(f);
}

void fpu_fnop(struct fpu *f, unsigned i)
{
    (void)f;
}
void fpu_emms(struct fpu *f, unsigned i)
{
    f->empty = 0xff;
}

void fpu_fnclex(struct fpu *f, unsigned i)
{
    f->sw &= ~(SW_EXCEPTIONS | SW_SF | SW_ES | SW_B);
}

void fpu_fincstp(struct fpu *f, unsigned i)
{
    clear_c1(f);
    set_top(f, fpu_top(f) + 1);
}

void fpu_fdecstp(struct fpu *f, unsigned i)
{
    clear_c1(f);
    set_top(f, fpu_top(f) - 1);
}

/* 1, log2(10), log2(e), pi, log10(2), ln(2), 0: rounded to nearest; `chopped` is the value for rounding down,
 * `up` for rounding up. */
void fpu_fconst(struct fpu *f, unsigned i)
{
    static const struct {
        uint16_t exp;
        uint64_t down, nearest, up;
    } table[8] = {
        {0x3fff, 0x8000000000000000, 0x8000000000000000, 0x8000000000000000},
        {0x4000, 0xd49a784bcd1b8afe, 0xd49a784bcd1b8afe, 0xd49a784bcd1b8aff},
        {0x3fff, 0xb8aa3b295c17f0bb, 0xb8aa3b295c17f0bc, 0xb8aa3b295c17f0bc},
        {0x4000, 0xc90fdaa22168c234, 0xc90fdaa22168c235, 0xc90fdaa22168c235},
        {0x3ffd, 0x9a209a84fbcff798, 0x9a209a84fbcff799, 0x9a209a84fbcff799},
        {0x3ffe, 0xb17217f7d1cf79ab, 0xb17217f7d1cf79ac, 0xb17217f7d1cf79ac},
        {0, 0, 0, 0},
    };
    unsigned rc = f->cw >> 10 & 3;
    uint64_t sig = rc == 0 ? table[i].nearest : rc == 2 ? table[i].up : table[i].down;
    fpu_push_reg(f, fpreg_make(false, table[i].exp, sig));
}

/* ---------------------------------------------------------------- one operand, one result */

static bool st0_empty(struct fpu *f)
{
    if (!fpu_empty(f, 0))
        return false;
    if (!underflow(f))
        fpu_set_st(f, 0, fpreg_indefinite());
    return true;
}

void fpu_fchs(struct fpu *f, unsigned i)
{
    if (st0_empty(f))
        return;
    clear_c1(f);
    f->r[fpu_top(f)].upper ^= 0x8000;
}

void fpu_fabs(struct fpu *f, unsigned i)
{
    if (st0_empty(f))
        return;
    clear_c1(f);
    f->r[fpu_top(f)].upper &= 0x7fff;
}

static void unary(struct fpu *f, unsigned (*fn)(unsigned, struct num, struct fpreg *))
{
    struct fpreg r;
    if (st0_empty(f))
        return;
    unsigned flags = fn(f->cw, num_from_reg(fpu_st(f, 0)), &r);
    if (!fpu_raise(f, flags))
        fpu_set_st(f, 0, r);
}

void fpu_fsqrt(struct fpu *f, unsigned i)
{
    unary(f, num_sqrt);
}
void fpu_frndint(struct fpu *f, unsigned i)
{
    unary(f, num_rndint);
}
void fpu_f2xm1(struct fpu *f, unsigned i)
{
    unary(f, num_2xm1);
}

/* ---------------------------------------------------------------- two operands */

/* Stores the result into ST(1), and pops. */
static void binary_pop(struct fpu *f, num_fn *fn)
{
    if (fpu_empty(f, 0) || fpu_empty(f, 1)) {
        if (underflow(f))
            return;
        fpu_set_st(f, 1, fpreg_indefinite());
    } else if (!arith(f, fn, 1, num_from_reg(fpu_st(f, 0)), num_from_reg(fpu_st(f, 1)))) {
        return;
    }
    fpu_pop(f);
}

void fpu_fyl2x(struct fpu *f, unsigned i)
{
    binary_pop(f, num_yl2x);
}
void fpu_fyl2xp1(struct fpu *f, unsigned i)
{
    binary_pop(f, num_yl2xp1);
}
void fpu_fpatan(struct fpu *f, unsigned i)
{
    binary_pop(f, num_patan);
}
void fpu_fscale(struct fpu *f, unsigned i)
{
    arith_st(f, num_scale, 0, 1);
}

static void rem(struct fpu *f, bool nearest)
{
    struct fpreg r;
    unsigned cc;
    f->sw &= ~SW_C2;
    if (fpu_empty(f, 0) || fpu_empty(f, 1)) {
        if (!underflow(f))
            fpu_set_st(f, 0, fpreg_indefinite());
        return;
    }
    unsigned flags = num_rem(f->cw, num_from_reg(fpu_st(f, 0)), num_from_reg(fpu_st(f, 1)), nearest, &r, &cc);
    if (fpu_raise(f, flags))
        return;
    if (cc != CC_KEPT)
        f->sw = (f->sw & ~SW_CC) | cc;
    fpu_set_st(f, 0, r);
}

void fpu_fprem(struct fpu *f, unsigned i)
{
    rem(f, false);
}
void fpu_fprem1(struct fpu *f, unsigned i)
{
    rem(f, true);
}

/* ---------------------------------------------------------------- instructions that push a second result */

/* True if ST(0) is empty or ST(7) in use, after giving the masked response (`second` is pushed). */
static bool two_results_fail(struct fpu *f)
{
    bool held;
    if (fpu_empty(f, 0))
        held = underflow(f);
    else if (!fpu_empty(f, 7))
        held = overflow(f);
    else
        return false;
    if (!held) {
        fpu_set_st(f, 0, fpreg_indefinite());
        push(f, fpreg_indefinite());
    }
    return true;
}

void fpu_fxtract(struct fpu *f, unsigned i)
{
    struct fpreg e, s;
    if (two_results_fail(f))
        return;
    if (fpu_raise(f, num_xtract(f->cw, num_from_reg(fpu_st(f, 0)), &e, &s)))
        return;
    fpu_set_st(f, 0, e);
    push(f, s);
}

/* C2 = 1: the operand is out of range and not changed. */
static bool out_of_range(struct fpu *f, bool in_range)
{
    if (in_range)
        return false;
    clear_c1(f);
    f->sw |= SW_C2;
    return true;
}

void fpu_fptan(struct fpu *f, unsigned i)
{
    struct fpreg r;
    bool in_range;
    f->sw &= ~SW_C2;
    if (two_results_fail(f))
        return;
    unsigned flags = num_tan(f->cw, num_from_reg(fpu_st(f, 0)), &r, &in_range);
    if (out_of_range(f, in_range) || fpu_raise(f, flags))
        return;
    fpu_set_st(f, 0, r);
    push(f, flags & SW_IE || num_is_nan(num_from_reg(r)) ? r : fpreg_make(false, 0x3fff, 1ull << 63));
}

void fpu_fsincos(struct fpu *f, unsigned i)
{
    struct fpreg s, c;
    bool in_range;
    f->sw &= ~SW_C2;
    if (two_results_fail(f))
        return;
    unsigned flags = num_sincos(f->cw, num_from_reg(fpu_st(f, 0)), &s, &c, &in_range);
    if (out_of_range(f, in_range) || fpu_raise(f, flags))
        return;
    fpu_set_st(f, 0, s);
    push(f, c);
}

static void sin_or_cos(struct fpu *f, bool sine)
{
    struct fpreg r;
    bool in_range;
    f->sw &= ~SW_C2;
    if (st0_empty(f))
        return;
    struct num a = num_from_reg(fpu_st(f, 0));
    unsigned flags = num_sincos(f->cw, a, sine ? &r : NULL, sine ? NULL : &r, &in_range);
    if (out_of_range(f, in_range) || fpu_raise(f, flags))
        return;
    fpu_set_st(f, 0, r);
}

void fpu_fsin(struct fpu *f, unsigned i)
{
    sin_or_cos(f, true);
}
void fpu_fcos(struct fpu *f, unsigned i)
{
    sin_or_cos(f, false);
}

/* ---------------------------------------------------------------- memory operands */

static bool arith_mem_fast(struct fpu *f, enum x87_kind kind, struct num m)
{
    if (m.cls != NUM_FINITE || m.denormal)
        return false;
    return arith_fast(f, kind, &f->r[fpu_top(f)], fpreg_from_num(m), false);
}

void fpu_arith_mem(struct fpu *f, unsigned kind, struct num m)
{
    bool compares = kind == 2 || kind == 3;
    bool done = true;
    if (fpu_empty(f, 0)) {
        done = compares ? compare_empty(f) : !underflow(f);
        if (done && !compares)
            fpu_set_st(f, 0, fpreg_indefinite());
    } else if (compares) {
        done = compare(f, num_from_reg(fpu_st(f, 0)), m, false);
    } else if (!arith_mem_fast(f, kind, m)) {
        arith(f, general[kind], 0, num_from_reg(fpu_st(f, 0)), m);
    }
    if (kind == 3 && done)
        fpu_pop(f);
}

static const uint8_t integer_bits[] = {[STORE_I16] = 16, [STORE_I32] = 32, [STORE_I64] = 64};

static unsigned convert(unsigned cw, struct num a, enum fpu_store_kind kind, bool chop, struct fpu_store *s)
{
    uint32_t f32;
    int64_t i;
    unsigned flags;
    switch (kind) {
    case STORE_F32:
        flags = num_to_f32(cw, a, &f32);
        s->low = f32;
        return flags;
    case STORE_F64:
        return num_to_f64(cw, a, &s->low);
    case STORE_BCD:
        return num_to_bcd(cw, a, &s->low, &s->high);
    default:
        flags = num_to_int(cw, a, integer_bits[kind], chop, &i);
        s->low = (uint64_t)i;
        return flags;
    }
}

/* The number to store, in its format. */
static unsigned to_format(unsigned cw, struct fpreg v, enum fpu_store_kind kind, bool chop,
                          struct fpu_store *s)
{
    unsigned flags = X87_LEFT;
    s->high = v.exp;
    s->low = v.sig;
    if (kind == STORE_F80)
        return 0;
    if (kind <= STORE_F64)
        flags = x87_fast_narrow(cw, v, kind == STORE_F32 ? 24 : 53, &s->low);
    else if (kind != STORE_BCD)
        flags = x87_fast_integer(cw, v, integer_bits[kind], chop, &s->low);
    return flags != X87_LEFT ? flags : convert(cw, num_from_reg(v), kind, chop, s);
}

void fpu_store_prepare(const struct fpu *f, enum fpu_store_kind kind, bool chop, struct fpu_store *s)
{
    if (likely(!fpu_empty(f, 0))) {
        s->flags = to_format(f->cw, fpu_st(f, 0), kind, chop, s);
    } else {
        to_format(f->cw, fpreg_indefinite(), kind, chop, s);
        s->flags = SW_IE | SW_SF;
    }
    s->write = !(s->flags & ~f->cw & (SW_IE | SW_DE | SW_ZE | SW_OE | SW_UE));
}

void fpu_store_commit(struct fpu *f, const struct fpu_store *s, bool pop)
{
    if (likely(pop && !(s->flags & ~(SW_PE | SW_C1)) && f->cw & SW_PE)) {
        pop_with(f, s->flags);
        return;
    }
    if (!fpu_raise_store(f, s->flags) && pop)
        fpu_pop(f);
}

/* shapes_x87.c - which families of x87 handlers are compiled, and as what. */
#include "hv/x86/jit/ops.h"

/* clang-format off */
#define ARITHMETIC(F, name)                                                                                  \
    F(name##_0i, ST0_STI, GE) F(name##_i0, STI_ST0, GE) F(name##p, STI_POP, GE)

#define FAMILIES(F)                                                                                          \
    ARITHMETIC(F, fadd) ARITHMETIC(F, fmul) ARITHMETIC(F, fsub) ARITHMETIC(F, fsubr) ARITHMETIC(F, fdiv)     \
    ARITHMETIC(F, fdivr)                                                                                     \
    F(arith_i16, MEM2, GE) F(arith_i32, MEM4, GE) F(arith_f32, MEM4, GE) F(arith_f64, MEM8, GE)              \
    F(fcom, COMPARE, GE) F(fcomp, COMPARE_POP, GE) F(fcompp, COMPARE_POPS, GE)                               \
    F(fucom, COMPARE, GE) F(fucomp, COMPARE_POP, GE) F(fucompp, COMPARE_POPS, GE) F(ftst, TEST, GE) F(fxam, EXAMINE, GE)          \
    F(fcomi, FLAGS, GE) F(fcomip, FLAGS_POP, GE) F(fucomi, FLAGS, GE) F(fucomip, FLAGS_POP, GE)              \
    F(fild_i16, LOAD2, GE) F(fild_i32, LOAD4, GE) F(fild_i64, LOAD8, GE)                                     \
    F(fld_f32, LOAD4, GE) F(fld_f64, LOAD8, GE) F(fld_f80, LOAD10, GE)                                       \
    F(fld, LOAD_STI, GE) F(fconst, LOAD_CONST, GE)                                                           \
    F(fst_f32, STORE4, EG) F(fst_f64, STORE8, EG) F(fist_i16, STORE2, EG) F(fist_i32, STORE4, EG)            \
    F(fstp_f32, STORE4_POP, EG) F(fstp_f64, STORE8_POP, EG) F(fstp_f80, STORE10_POP, EG)                     \
    F(fistp_i16, STORE2_POP, EG) F(fistp_i32, STORE4_POP, EG) F(fistp_i64, STORE8_POP, EG)                   \
    F(fisttp_i16, STORE2_POP, EG) F(fisttp_i32, STORE4_POP, EG) F(fisttp_i64, STORE8_POP, EG)                \
    F(fst, STORE_STI, GE) F(fstp, STORE_STI_POP, GE) F(fxch, EXCHANGE, GE) F(fcmov, MOVE_IF, GE) F(fcmovn, MOVE_IF, GE)                                   \
    F(fchs, SIGN, GE) F(fabs, SIGN, GE) F(fsqrt, ROUND, GE) F(frndint, ROUND, GE)                            \
    F(fnop, NOTHING, GE) F(wait, WAIT, GE) F(fldcw, LOAD_CONTROL, GE) F(fnstcw, STORE_CONTROL, EG)           \
    F(fnstsw, STORE_STATUS, EG) F(fnstsw_ax, STATUS_AX, GE)
/* clang-format on */

#define DECLARED(name, what, form) extern const struct family x87_##name;
FAMILIES(DECLARED)

static const struct {
    const struct family *family;
    struct shape shape;
} families[] = {
#define ENTRY(name, what, form) {&x87_##name, {SHAPE_X87, X87_##what, FORM_##form, 0}},
    FAMILIES(ENTRY)};

struct shape shape_of_x87(const struct insn_row *row)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (row->family == families[i].family)
            return families[i].shape;
    return (struct shape){0};
}

/* shapes.c - which families of handlers are compiled, and as what. */
#include "base/memory.h"
#include "hv/x86/jit/ops.h"

/* clang-format off */
#define FAMILIES(F)                                                                                          \
    F(add_EG, ALU, 0, EG) F(add_GE, ALU, 0, GE) F(add_EI, ALU, 0, EI)                                        \
    F(or_EG, ALU, 1, EG) F(or_GE, ALU, 1, GE) F(or_EI, ALU, 1, EI)                                           \
    F(adc_EG, ALU, 2, EG) F(adc_GE, ALU, 2, GE) F(adc_EI, ALU, 2, EI)                                        \
    F(sbb_EG, ALU, 3, EG) F(sbb_GE, ALU, 3, GE) F(sbb_EI, ALU, 3, EI)                                        \
    F(and_EG, ALU, 4, EG) F(and_GE, ALU, 4, GE) F(and_EI, ALU, 4, EI)                                        \
    F(sub_EG, ALU, 5, EG) F(sub_GE, ALU, 5, GE) F(sub_EI, ALU, 5, EI)                                        \
    F(xor_EG, ALU, 6, EG) F(xor_GE, ALU, 6, GE) F(xor_EI, ALU, 6, EI)                                        \
    F(cmp_EG, ALU, 7, EG) F(cmp_GE, ALU, 7, GE) F(cmp_EI, ALU, 7, EI)                                        \
    F(test_EG, TEST, 0, EG) F(test_EI, TEST, 0, EI)                                                          \
    F(inc, INC, 0, EG) F(dec, DEC, 0, EG) F(neg, NEG, 0, EG) F(not, NOT, 0, EG)                              \
    F(mov_EG, MOV, 0, EG) F(mov_GE, MOV, 0, GE) F(mov_EI, MOV, 0, EI) F(mov_ZI, MOV, MOV_WIDE, EI)                                        \
    F(movzx8, MOVZX, 1, GE) F(movzx16, MOVZX, 2, GE)                                                         \
    F(movsx8, MOVSX, 1, GE) F(movsx16, MOVSX, 2, GE) F(movsxd, MOVSX, 4, GE)                                 \
    F(lea, LEA, 0, GE) F(jmp, JMP, 0, EG) F(call, CALL, 0, EG) F(ret, RET, 0, EG)                            \
    F(loop, LOOP, 0, EG) F(jcxz, LOOP, 1, EG)                                                                \
    F(jmp_E, JMP_E, 0, EG) F(call_E, CALL_E, 0, EG)                                                          \
    F(push, PUSH, 0, EG) F(push_imm, PUSH_IMM, 0, EI) F(pop, POP, 0, EG)                                     \
    F(enter, ENTER, 0, EI) F(leave, LEAVE, 0, EG)                                                            \
    F(shl_i, SHIFT, 4, EI) F(shr_i, SHIFT, 5, EI) F(sar_i, SHIFT, 7, EI)                                     \
    F(shl_cl, SHIFT_CL, 4, EG) F(shr_cl, SHIFT_CL, 5, EG) F(sar_cl, SHIFT_CL, 7, EG)                         \
    F(rol_i, ROTATE, 0, EI) F(ror_i, ROTATE, 1, EI)                                                          \
    F(rol_cl, ROTATE_CL, 0, EG) F(ror_cl, ROTATE_CL, 1, EG)                                                  \
    F(imul_GE, IMUL, 0, GE) F(imul_GEI, IMUL_IMM, 0, GE)                                                     \
    F(bt_G, BT, 4, EG) F(bts_G, BT, 5, EG) F(btr_G, BT, 6, EG) F(btc_G, BT, 7, EG)                           \
    F(bt_I, BT, 4, EI) F(bts_I, BT, 5, EI) F(btr_I, BT, 6, EI) F(btc_I, BT, 7, EI)                           \
    F(cbw, CBW, 0, EG) F(cwd, CWD, 0, EG) F(bswap, BSWAP, 0, EG)                                             \
    F(xchg, XCHG, 0, EG) F(xchg_A, XCHG, 1, EG) F(nop, NOP, 0, EG)                                           \
    F(fence, NOP, 0, EG) F(prefetch, NOP, 0, EG) F(movnti, MOV, 0, EG)                                       \
    F(mul, MUL, 4, EG) F(imul, MUL, 5, EG) F(div, DIV, 6, EG) F(idiv, DIV, 7, EG)                            \
    F(bsf, SCAN, 0xbc, GE) F(bsr, SCAN, 0xbd, GE)                                                            \
    F(shld_i, DOUBLE, 0xa4, EG) F(shrd_i, DOUBLE, 0xac, EG)                                                  \
    F(rcl_i, ROTATE_CARRY, 2, EI) F(rcr_i, ROTATE_CARRY, 3, EI)                                              \
    F(mov_to_sreg, TO_SEGMENT, 0, EG) F(mov_from_sreg, FROM_SEGMENT, 0, EG)                                  \
    F(push_sreg, PUSH_SEGMENT, 0, EG) F(pop_sreg, POP_SEGMENT, 0, EG)                                        \
    F(les, LOAD_FAR, ES, GE) F(lds, LOAD_FAR, DS, GE) F(lfs, LOAD_FAR, FS, GE) F(lgs, LOAD_FAR, GS, GE)      \
    F(xlat, XLAT, 0, EG)                                                                                     \
    F(clc, CARRY, 4, EG) F(stc, CARRY, 1, EG) F(cmc, CARRY, 6, EG) F(cld, CLD, 0, EG) F(std, CLD, 1, EG)     \
    F(rdtsc, TSC, 0, EG) F(rdtscp, TSC, 1, EG) F(xadd, XADD, 0, EG) F(cmpxchg, CMPXCHG, 0, EG)                                                          \
    F(andn, BITS, BITS_LOGIC, GE) F(bextr, BITS, BITS_LOGIC, GE) F(bzhi, BITS, BITS_CARRY, GE)               \
    F(blsr, BITS, BITS_CARRY, GE) F(blsmsk, BITS, BITS_CARRY, GE) F(blsi, BITS, BITS_CARRY, GE)              \
    F(shlx, BITS, BITS_NO_FLAGS, GE) F(shrx, BITS, BITS_NO_FLAGS, GE) F(sarx, BITS, BITS_NO_FLAGS, GE)       \
    F(rorx, BITS, BITS_NO_FLAGS, GE) F(pdep, BITS, BITS_NO_FLAGS, GE) F(pext, BITS, BITS_NO_FLAGS, GE)       \
    F(mulx, MULX, 0, GE) F(popcnt, COUNT, COUNT_ONES, GE) F(tzcnt, COUNT, 0xbc, GE) F(lzcnt, COUNT, 0xbd, GE) \
    F(movbe_load, MOVBE, 0, GE) F(movbe_store, MOVBE, 0, EG)                                                 \
    F(crc32_b, CRC32, 0, GE) F(crc32_v, CRC32, 0, GE) F(adcx, ADD_CARRY, 0, GE) F(adox, ADD_CARRY, AUX_OF, GE)     \
    F(lods, STRING, 1, EG) F(stos, STRING, 2, EG) F(movs, STRING, 3, EG)                                      \
    F(scas, COMPARE_STRING, 0, EG) F(cmps, COMPARE_STRING, STRING_LOADS, EG)

#define CONDITIONS(F)                                                                                        \
    F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)

/* clang-format on */
#define FAMILY_DECLARED(name, kind, arg, form) extern const struct family fam_##name;
#define CONDITION_DECLARED(cc)                 extern const struct family fam_j##cc, fam_cmov##cc, fam_set##cc;
FAMILIES(FAMILY_DECLARED)
CONDITIONS(CONDITION_DECLARED)

static const struct {
    const struct family *family;
    struct shape shape;
} families[] = {
#define FAMILY_ENTRY(name, kind, arg, form) {&fam_##name, {SHAPE_##kind, arg, FORM_##form, 0}},
#define CONDITION_ENTRY(cc)                                                                                  \
    {&fam_j##cc, {SHAPE_JCC, cc, FORM_EG, 0}}, {&fam_cmov##cc, {SHAPE_CMOV, cc, FORM_GE, 0}},                \
        {&fam_set##cc, {SHAPE_SET, cc, FORM_EG, 0}},
    FAMILIES(FAMILY_ENTRY) CONDITIONS(CONDITION_ENTRY)};

struct shape *shapes_create(void)
{
    size_t n;
    const struct insn_row *rows = insn_rows(&n);
    struct shape *shapes = mem_zero(n, sizeof *shapes);
    for (size_t i = 0; i < n; i++) {
        shapes[i] = shape_of_simd(&rows[i]);
        if (!shapes[i].kind)
            shapes[i] = shape_of_x87(&rows[i]);
        for (size_t k = 0; k < sizeof families / sizeof families[0]; k++)
            if (rows[i].family == families[k].family)
                shapes[i] = families[k].shape;
    }
    return shapes;
}

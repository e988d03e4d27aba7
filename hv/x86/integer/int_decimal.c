/* int_decimal.c - DAA DAS AAA AAS AAM AAD. */
#include "hv/x86/integer/int.h"

static void adjust_flags(struct x86 *cpu, uint8_t res, bool af, bool cf)
{
    cpu->cc_res = SEXT(8, res);
    cpu->cc_aux = (af ? FLAG_AF : 0) | (cf ? FLAG_CF : 0);
}

static OP(daa)
{
    uint8_t al = R8(0), old = al;
    bool cf = cc_cf(cpu), af = cc_af(cpu), carry = cf;
    if ((al & 15) > 9 || af) {
        carry = cf || al > 0xf9;
        al += 6;
        af = true;
    }
    if (old > 0x99 || cf) {
        al += 0x60;
        carry = true;
    } else {
        carry = false;
    }
    SET8(0, al);
    adjust_flags(cpu, al, af, carry);
    NEXT;
}

static OP(das)
{
    uint8_t al = R8(0), old = al;
    bool cf = cc_cf(cpu), af = cc_af(cpu), carry = false;
    if ((al & 15) > 9 || af) {
        carry = cf || al < 6;
        al -= 6;
        af = true;
    }
    if (old > 0x99 || cf) {
        al -= 0x60;
        carry = true;
    }
    SET8(0, al);
    adjust_flags(cpu, al, af, carry);
    NEXT;
}

static void ascii_adjust(struct x86 *cpu, const struct op *op, int sign)
{
    bool adjust = (R8(0) & 15) > 9 || cc_af(cpu);
    if (adjust)
        SET16(RAX, R16(RAX) + sign * 0x106);
    SET8(0, R8(0) & 15);
    adjust_flags(cpu, R8(0), adjust, adjust);
}
static OP(aaa)
{
    ascii_adjust(cpu, op, 1);
    NEXT;
}
static OP(aas)
{
    ascii_adjust(cpu, op, -1);
    NEXT;
}

static OP(aam)
{
    SYNC;
    if (!(uint8_t)op->imm)
        raise_fault(cpu, VEC_DE);
    uint8_t al = R8(0), base = (uint8_t)op->imm;
    SET16(RAX, (al / base) << 8 | al % base);
    adjust_flags(cpu, R8(0), false, false);
    NEXT;
}

static OP(aad)
{
    SET16(RAX, (uint8_t)(R8(0) + R8(1) * (uint8_t)op->imm));
    adjust_flags(cpu, R8(0), false, false);
    NEXT;
}
FAMILY1(fam_daa, daa);
FAMILY1(fam_das, das);
FAMILY1(fam_aaa, aaa);
FAMILY1(fam_aas, aas);
FAMILY1(fam_aam, aam);
FAMILY1(fam_aad, aad);

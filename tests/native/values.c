/* values.c - random numbers with many of the values that matter: limits of integers, every class of
 * floating-point number. */
#include <string.h>

#include "tests/native/native.h"

#define PICK(r, table) table[below(r, sizeof table / sizeof table[0])]

uint64_t value_int(struct rng *r)
{
    static const uint64_t odd[] = {0,
                                   1,
                                   2,
                                   0x7f,
                                   0x80,
                                   0xff,
                                   0x100,
                                   0x7fff,
                                   0x8000,
                                   0xffff,
                                   0x10000,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x100000000,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   0x0f,
                                   0x10,
                                   0x99,
                                   0x9999999999999999,
                                   0x5555555555555555};
    unsigned how = below(r, 8), shift = below(r, 64);
    switch (how) {
    case 0:
        return PICK(r, odd);
    case 1:
        return -PICK(r, odd);
    case 2:
        return PICK(r, odd) + shift % 5 - 2;
    case 3:
        return 1ull << shift;
    case 4:
        return rnd(r) >> shift;
    case 5:
        return (uint64_t)((int64_t)rnd(r) >> shift);
    default:
        return rnd(r);
    }
}

uint32_t value_f32(struct rng *r)
{
    static const uint32_t odd[] = {0,          0x3f800000, 0x3f800001, 0x3f7fffff, 0x3f000000, 0x3fc00000,
                                   0x40200000, 0x00000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0x7f800000,
                                   0x7f800001, 0x7fbfffff, 0x7fc00000, 0x7fffffff, 0x4effffff, 0x4f000000,
                                   0x5effffff, 0x5f000000, 0x4b000000, 0x4b7fffff};
    uint32_t v = (uint32_t)rnd(r), sign = v & 0x80000000u, mant = v & 0x7fffff;
    switch (below(r, 4)) {
    case 0:
        return PICK(r, odd) | sign;
    case 1:
        return v;
    case 2:
        return sign | (100 + below(r, 56)) << 23 | mant;
    default:
        mant &= 0x7fffffu << below(r, 24);
        return sign | (125 + below(r, 6)) << 23 | mant;
    }
}

uint64_t value_f64(struct rng *r)
{
    static const uint64_t odd[] = {0,
                                   0x3ff0000000000000,
                                   0x3ff0000000000001,
                                   0x3fefffffffffffff,
                                   0x3fe0000000000000,
                                   0x3ff8000000000000,
                                   0x4004000000000000,
                                   1,
                                   0x000fffffffffffff,
                                   0x0010000000000000,
                                   0x7fefffffffffffff,
                                   0x7ff0000000000000,
                                   0x7ff0000000000001,
                                   0x7ff7ffffffffffff,
                                   0x7ff8000000000000,
                                   0x7fffffffffffffff,
                                   0x41dfffffffc00000,
                                   0x41e0000000000000,
                                   0x43e0000000000000,
                                   0x43dfffffffffffff,
                                   0x4330000000000000,
                                   0x380fffffffffffff,
                                   0x3810000000000000,
                                   0x36a0000000000000,
                                   0x3690000000000000,
                                   0x47efffffe0000000,
                                   0x47f0000000000000};
    uint64_t v = rnd(r), sign = v & 1ull << 63, mant = v & 0xfffffffffffffull;
    switch (below(r, 4)) {
    case 0:
        return PICK(r, odd) | sign;
    case 1:
        return v;
    case 2:
        return sign | (uint64_t)(0x3ff - 80 + below(r, 160)) << 52 | mant;
    default:
        mant &= 0xfffffffffffffull << below(r, 53);
        return sign | (uint64_t)(0x3fd + below(r, 6)) << 52 | mant;
    }
}

void value_f80(struct rng *r, uint8_t out[10])
{
    static const struct {
        uint16_t exp;
        uint64_t sig;
    } odd[] = {
        {0, 0},
        {0, 1},
        {0, 0x7fffffffffffffff},
        {0, 0x8000000000000000},
        {1, 0x8000000000000000},
        {0x3fff, 0x8000000000000000},
        {0x3fff, 0x8000000000000001},
        {0x3ffe, 0xffffffffffffffff},
        {0x3ffe, 0x8000000000000000},
        {0x4000, 0xc90fdaa22168c235},
        {0x3ffe, 0xc90fdaa22168c235},
        {0x7ffe, 0xffffffffffffffff},
        {0x7fff, 0x8000000000000000},
        {0x7fff, 0xc000000000000000},
        {0x7fff, 0xffffffffffffffff},
        {0x7fff, 0x8000000000000001},
        {0x7fff, 0xbfffffffffffffff},
        {0x7fff, 0},
        {0x7fff, 0x4000000000000000},
        {0x3fff, 0x4000000000000000},
        {0x4010, 0x7fffffffffffffff},
        {0x401d, 0xffffffff00000000},
        {0x401e, 0x8000000000000000},
        {0x403e, 0x8000000000000000},
        {0x403d, 0xfffffffffffffffe},
        {0x400e, 0x8000000000000000},
        {0x400d, 0xfffe000000000000},
        {0x403a, 0xde0b6b3a763ffff0},
        {0x3f81, 0x8000000000000000},
        {0x3c01, 0x8000000000000000},
        {0x3c00, 0xfffffffffffff800},
        {0x43fe, 0xfffffffffffff800},
        {0x407e, 0xffffff0000000000},
    };
    uint16_t exp = 0x3fff;
    uint64_t sig = rnd(r) | 1ull << 63;
    switch (below(r, 8)) {
    case 0:
    case 1: {
        unsigned i = below(r, sizeof odd / sizeof odd[0]);
        exp = odd[i].exp, sig = odd[i].sig;
        break;
    }
    case 2:
        exp = (uint16_t)below(r, 0x8000);
        break;
    case 3:
        exp = (uint16_t)(0x3fff - 70 + below(r, 140));
        break;
    case 4:
        exp = (uint16_t)(0x3ffb + below(r, 8));
        break;
    case 5:
        exp = (uint16_t)(0x3fff + below(r, 66)), sig &= ~0ull << below(r, 64);
        break; /* integers and halves */
    case 6:
        exp = (uint16_t)(0x3ffd + below(r, 6)), sig &= ~0ull << below(r, 64);
        break;
    default:
        exp = (uint16_t)(one_in(r, 2) ? below(r, 70) : 0x7fff - below(r, 70));
        break;
    }
    exp |= (uint16_t)(below(r, 2) << 15);
    memcpy(out, &sig, 8);
    memcpy(out + 8, &exp, 2);
}

uint16_t value_fcw(struct rng *r)
{
    static const uint16_t precision[] = {0, 0x200, 0x300, 0x300, 0x300};
    unsigned masks = one_in(r, 6) ? below(r, 64) : 0x3f, rest = below(r, 8);
    return (uint16_t)(0x40 | masks | PICK(r, precision) | rest << 10); /* and how it is rounded */
}

uint32_t value_mxcsr(struct rng *r)
{
    unsigned masks = one_in(r, 6) ? below(r, 64) : 0x3f, rounding = below(r, 4);
    unsigned flush = one_in(r, 4) ? 0x8000 : 0, denormals = one_in(r, 4) ? 0x40 : 0;
    return masks << 7 | rounding << 13 | flush | denormals | (one_in(r, 2) ? below(r, 64) : 0);
}

static void fill_xmm(struct rng *r, uint8_t *p)
{
    unsigned style = below(r, 5);
    for (unsigned i = 0; i < 16; i += 8) {
        uint64_t v = 0;
        switch (style) {
        case 0:
            v = rnd(r);
            break;
        case 1:
            v = value_f32(r);
            v |= (uint64_t)value_f32(r) << 32;
            break;
        case 2:
            v = value_f64(r);
            break;
        case 3:
            v = value_int(r);
            break;
        default:
            for (unsigned k = 0; k < 8; k++) /* small bytes, with zeros: strings */
                v |= (uint64_t)(below(r, 10) ? 0x7e + below(r, 4) : 0) << (8 * k);
        }
        memcpy(p + i, &v, 8);
    }
}

void value_fx(struct rng *r, uint8_t fx[FX_SIZE])
{
    memset(fx, 0, FX_SIZE);
    uint16_t cw = value_fcw(r), sw = (uint16_t)(rnd(r) & 0x7f00);
    uint32_t mxcsr = value_mxcsr(r);
    sw |= one_in(r, 24) ? below(r, 128) : one_in(r, 2) ? cw & below(r, 64) : 0;
    if (sw & ~cw & 0x3f)
        sw |= 0x8080; /* a pending exception */
    memcpy(fx + FX_FCW, &cw, 2);
    memcpy(fx + FX_FSW, &sw, 2);
    fx[FX_FTW] = one_in(r, 4) ? (uint8_t)rnd(r) : 0xff;
    memcpy(fx + FX_MXCSR, &mxcsr, 4);
    for (unsigned i = 0; i < 8; i++)
        value_f80(r, fx + FX_ST + 16 * i);
    if (one_in(r, 4)) /* as MMX instructions leave them */
        for (unsigned i = 0; i < 8; i++)
            fill_xmm(r, fx + FX_ST + 16 * i), memset(fx + FX_ST + 16 * i + 8, 0xff, 2),
                memset(fx + FX_ST + 16 * i + 10, 0, 6);
    for (unsigned i = 0; i < 16; i++)
        fill_xmm(r, fx + FX_XMM + 16 * i);
}

static uint8_t decimal(unsigned n)
{
    return (uint8_t)(n / 10 << 4 | n % 10);
}

static void fill_bcd(struct rng *r, uint8_t *p)
{
    for (unsigned i = 0; i < 9; i++)
        p[i] = decimal(below(r, 100));
    for (unsigned i = below(r, 10); i < 9; i++)
        p[i] = one_in(r, 2) ? 0 : p[i];
    p[9] = one_in(r, 2) ? 0x80 : 0;
}

void value_fill(struct rng *r, uint8_t *p, unsigned n, enum fill kind)
{
    uint8_t item[16];
    for (unsigned at = 0; at < n;) {
        unsigned size = 16;
        if (kind == FILL_F80 || (kind == FILL_MIXED && one_in(r, 8))) {
            value_f80(r, item), size = 10;
        } else if (kind == FILL_BCD) {
            fill_bcd(r, item), size = 10;
        } else if (kind == FILL_INT || one_in(r, 3)) {
            uint64_t v = value_int(r);
            memcpy(item, &v, 8), size = 8;
        } else {
            fill_xmm(r, item);
        }
        size = size < n - at ? size : n - at;
        memcpy(p + at, item, size);
        at += size;
    }
}

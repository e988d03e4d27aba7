/* named.c - names of instructions that no model has, by their encoding: AVX-512, AMX, CET, Key Locker and other extensions, most of
 * which the disassembler does not know. The rows are in table/others.def.
 *
 * Encodings: SDM volume 2, 2.1 (legacy), 2.3 (VEX), 2.7 (EVEX). */
#include <stdio.h>

#include "hv/x86/decode/insn.h"
#include "hv/x86/system/sys.h"

enum coding { LEGACY, VEX, EVEX };
enum { WIG = 2, LIG = 2, VL = 3, S = 4, ANY = 8 };
enum operands { RM, R, M, WHOLE };

/* Extensions by the names of CPUID's bits; `only64`: their instructions are undefined outside 64-bit code. */
#define EXTENSIONS(X)                                                                                        \
    X(AVX512F, "AVX512F", 0)                                                                                 \
    X(AVX512DQ, "AVX512DQ", 0)                                                                               \
    X(AVX512BW, "AVX512BW", 0)                                                                               \
    X(AVX512CD, "AVX512CD", 0)                                                                               \
    X(AVX512ER, "AVX512ER", 0)                                                                               \
    X(AVX512PF, "AVX512PF", 0)                                                                               \
    X(AVX512_IFMA, "AVX512_IFMA", 0)                                                                         \
    X(AVX512_VBMI, "AVX512_VBMI", 0)                                                                         \
    X(AVX512_VBMI2, "AVX512_VBMI2", 0)                                                                       \
    X(AVX512_VNNI, "AVX512_VNNI", 0)                                                                         \
    X(AVX512_BITALG, "AVX512_BITALG", 0)                                                                     \
    X(AVX512_VPOPCNTDQ, "AVX512_VPOPCNTDQ", 0)                                                               \
    X(AVX512_4VNNIW, "AVX512_4VNNIW", 0)                                                                     \
    X(AVX512_4FMAPS, "AVX512_4FMAPS", 0)                                                                     \
    X(AVX512_VP2INTERSECT, "AVX512_VP2INTERSECT", 0)                                                         \
    X(AVX512_BF16, "AVX512_BF16", 0)                                                                         \
    X(AVX512_FP16, "AVX512_FP16", 0)                                                                         \
    X(GFNI, "GFNI", 0)                                                                                       \
    X(VAES, "VAES", 0)                                                                                       \
    X(VPCLMULQDQ, "VPCLMULQDQ", 0)                                                                           \
    X(AVX_VNNI, "AVX-VNNI", 0)                                                                               \
    X(AVX_VNNI_INT8, "AVX-VNNI-INT8", 0)                                                                     \
    X(AVX_VNNI_INT16, "AVX-VNNI-INT16", 0)                                                                   \
    X(AVX_IFMA, "AVX-IFMA", 0)                                                                               \
    X(AVX_NE_CONVERT, "AVX-NE-CONVERT", 0)                                                                   \
    X(SHA512, "SHA512", 0)                                                                                   \
    X(SM3, "SM3", 0)                                                                                         \
    X(SM4, "SM4", 0)                                                                                         \
    X(AMX_TILE, "AMX-TILE", 1)                                                                               \
    X(AMX_INT8, "AMX-INT8", 1)                                                                               \
    X(AMX_BF16, "AMX-BF16", 1)                                                                               \
    X(AMX_FP16, "AMX-FP16", 1)                                                                               \
    X(AMX_COMPLEX, "AMX-COMPLEX", 1)                                                                         \
    X(CMPCCXADD, "CMPCCXADD", 1)                                                                             \
    X(CET_SS, "CET_SS", 0)                                                                                   \
    X(KL, "KL", 0)                                                                                           \
    X(WIDE_KL, "WIDE_KL", 0)                                                                                 \
    X(WAITPKG, "WAITPKG", 0)                                                                                 \
    X(MOVDIRI, "MOVDIRI", 0)                                                                                 \
    X(MOVDIR64B, "MOVDIR64B", 0)                                                                             \
    X(ENQCMD, "ENQCMD", 0)                                                                                   \
    X(RAO_INT, "RAO-INT", 0)                                                                                 \
    X(SERIALIZE, "SERIALIZE", 0)                                                                             \
    X(TSXLDTRK, "TSXLDTRK", 0)                                                                               \
    X(UINTR, "UINTR", 1)                                                                                     \
    X(HRESET, "HRESET", 0)                                                                                   \
    X(PTWRITE, "PTWRITE", 0)                                                                                 \
    X(PKU, "PKU", 0)                                                                                         \
    X(PCONFIG, "PCONFIG", 0)                                                                                 \
    X(WRMSRNS, "WRMSRNS", 0)                                                                                 \
    X(MSRLIST, "MSRLIST", 1)                                                                                 \
    X(LKGS, "LKGS", 1)                                                                                       \
    X(FRED, "FRED", 1)                                                                                       \
    X(MONITORX, "MONITORX", 0)                                                                               \
    X(CLZERO, "CLZERO", 0)                                                                                   \
    X(RDPRU, "RDPRU", 0)                                                                                     \
    X(MCOMMIT, "MCOMMIT", 0)                                                                                 \
    X(INVLPGB, "INVLPGB", 0)                                                                                 \
    X(SEV_SNP, "SEV-SNP", 1)                                                                                 \
    X(VMX, "VMX", 0)                                                                                         \
    X(SVM, "SVM", 0)

enum extension {
#define NUMBER(id, name, only64) id,
    EXTENSIONS(NUMBER)
#undef NUMBER
};

static const struct {
    const char *name;
    bool only64;
} extensions[] = {
#define NAME(id, name, only64) [id] = {name, only64},
    EXTENSIONS(NAME)
#undef NAME
};

struct other {
    const char *mnemonic;
    uint8_t coding, map, pfx, opcode, w, length, form, reg, extension;
};

static const struct other others[] = {
#define OTHER(coding, map, pfx, opcode, w, length, form, reg, mnemonic, extension)                           \
    {mnemonic, coding, map, pfx, opcode, w, length, form, reg, extension},
#include "hv/x86/decode/table/others.def"
#undef OTHER
};

/* ---------------------------------------------------------------- what the bytes say */

struct encoding {
    uint8_t coding, map, pfx, opcode, w, modrm;
    uint8_t length; /* VEX.L; EVEX's L'L */
    bool round;     /* EVEX.b between registers: L'L is a rounding, and the length 512 bits */
};

static bool is_prefix(uint8_t b)
{
    return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || (b >= 0x64 && b <= 0x67) || b == 0xf2 ||
           b == 0xf3;
}

static const uint8_t pfx_of_pp[4] = {PNP, P66, PF3, PF2};

/* `p`: behind C4 or C5. */
static void read_vex(const uint8_t *p, bool short_form, struct encoding *e)
{
    const uint8_t last = short_form ? p[0] : p[1];
    e->coding = VEX;
    e->map = short_form ? 1 : p[0] & 0x1f;
    e->w = !short_form && last & 0x80;
    e->length = last >> 2 & 1;
    e->pfx = pfx_of_pp[last & 3];
    p += short_form ? 1 : 2;
    e->opcode = p[0];
    e->modrm = p[1];
}

/* `p`: behind 62. */
static void read_evex(const uint8_t *p, struct encoding *e)
{
    e->coding = EVEX;
    e->map = p[0] & 7;
    e->w = p[1] >> 7;
    e->pfx = pfx_of_pp[p[1] & 3];
    e->length = p[2] >> 5 & 3;
    e->opcode = p[3];
    e->modrm = p[4];
    e->round = p[2] & 0x10 && e->modrm >= 0xc0;
}

static bool read_legacy(const uint8_t *p, struct encoding *e)
{
    if (p[0] != 0x0f)
        return false;
    e->coding = LEGACY;
    e->map = p[1] == 0x38 ? 2 : p[1] == 0x3a ? 3 : 1;
    p += e->map == 1 ? 1 : 2;
    e->opcode = p[0];
    e->modrm = p[1];
    return true;
}

/* False if it is of no form that the table has. VEX and EVEX are undefined behind 66, F2, F3 and REX. Outside 64-bit code their first
 * bytes are LES, LDS and BOUND if a memory operand follows. */
static bool read_encoding(unsigned bits, const uint8_t bytes[PLAIN_BYTES], struct encoding *e)
{
    enum { LONGEST = 6 }; /* from the opcode or its prefix on */
    unsigned at = 0;
    bool mandatory = false;
    *e = (struct encoding){.pfx = PNP};
    for (; at < PLAIN_BYTES - LONGEST && is_prefix(bytes[at]); at++) {
        const uint8_t b = bytes[at];
        mandatory |= b == 0x66 || b >= 0xf2;
        if (b >= 0xf2)
            e->pfx = b == 0xf3 ? PF3 : PF2;
        else if (b == 0x66 && e->pfx == PNP)
            e->pfx = P66;
    }
    const uint8_t *p = bytes + at;
    if (!mandatory && (bits == 64 || p[1] >= 0xc0) && (p[0] == 0xc4 || p[0] == 0xc5 || p[0] == 0x62)) {
        if (p[0] == 0x62)
            read_evex(p + 1, e);
        else
            read_vex(p + 1, p[0] == 0xc5, e);
        return true;
    }
    if (bits == 64 && (p[0] & 0xf0) == 0x40)
        e->w = *p++ >> 3 & 1;
    return read_legacy(p, e);
}

/* ---------------------------------------------------------------- names */

static bool matches(const struct other *o, const struct encoding *e, unsigned bits)
{
    const bool registers = e->modrm >= 0xc0;
    if (o->coding != e->coding || o->map != e->map || o->opcode != e->opcode || o->pfx != e->pfx)
        return false;
    if ((o->w != WIG && o->w != e->w) || (o->length < LIG && o->length != e->length))
        return false;
    if (extensions[o->extension].only64 && bits != 64)
        return false;
    if (o->form == WHOLE)
        return e->modrm == o->reg;
    return (o->form == RM || (o->form == R) == registers) && (o->reg == ANY || o->reg == (e->modrm >> 3 & 7));
}

/* What a vector of AVX-512 needs beside its extension: AVX512VL if it is short; what is older than AVX-512 needs AVX512F. */
static const char *also_needed(const struct other *o, const struct encoding *e)
{
    if (o->length == VL && !e->round && e->length < 2)
        return " and AVX512VL";
    return o->coding == EVEX && (o->extension == GFNI || o->extension == VAES || o->extension == VPCLMULQDQ)
               ? " and AVX512F"
               : "";
}

/* EVEX of no row. Maps 5 and 6 are half precision's, map 4 is APX's. */
static void name_evex(const struct encoding *e, struct lacking_name *f)
{
    static const char *const of_map[8] = {[4] = "APX_F", [5] = "AVX512_FP16", [6] = "AVX512_FP16"};
    snprintf(f->mnemonic, sizeof f->mnemonic, "EVEX map %u opcode %02Xh", e->map, e->opcode);
    snprintf(f->feature, sizeof f->feature, "%s", of_map[e->map] ? of_map[e->map] : "AVX-512");
}

bool lacking_named(unsigned bits, const uint8_t bytes[PLAIN_BYTES], struct lacking_name *f)
{
    struct encoding e;
    if (!read_encoding(bits, bytes, &e))
        return false;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct other *o = &others[i];
        if (!matches(o, &e, bits))
            continue;
        snprintf(f->mnemonic, sizeof f->mnemonic, "%s", o->mnemonic);
        snprintf(f->feature, sizeof f->feature, "%s%s", extensions[o->extension].name, also_needed(o, &e));
        return true;
    }
    if (e.coding != EVEX)
        return false;
    name_evex(&e, f);
    return true;
}

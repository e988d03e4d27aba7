/* insn.h - the instruction table: one row per instruction. Private to hv/x86.
 *
 * The rows are in table/integer.def, system.def, x87.def, simd.def, vector.def and virtual.def, and have this
 * form:
 *
 *   ROW(map, pfx, opcode, ext, "mnemonic", A, B, C, flags, FEATURE, family)
 *
 *   map      M1 (one byte), M0F, M0F38, M0F3A; with a VEX prefix V0F, V0F38, V0F3A
 *   pfx      P__ any prefixes; PNP none of 66/F3/F2; P66, PF3, PF2 a mandatory prefix (which then is neither
 *            an operand size nor a repeat)
 *   opcode   the byte. With flag F_LOW3 the row is for 8 opcodes whose low 3 bits are a register
 *   ext      E__ none; E_(n) modrm.reg is n; ER_(n) modrm.reg is n and mod == 3; EM_(n) modrm.reg is n and
 *            mod != 3; E_R any reg with mod == 3; E_M any reg with mod != 3; EX(m) the whole modrm byte is m
 *            (x87, 0xC0 and up)
 *   A, B, C  operand kinds (enum operand); their names follow the SDM's opcode map
 *   flags    see enum row_flags, joined by |
 *   FEATURE  the CPUID feature it belongs to (enum feature): without it the instruction is #UD
 *   family   name of a `const struct family`: the handlers by operand form and size
 *
 * In rows with VEX the prefix's vvvv is a register if the flag F_H says so (the first source, between A and
 * B: "V, H, W") or if an operand is Hx or By; otherwise it must be 1111b. Vx, Hx, Wx, Ux and Mx are 128 bits,
 * or 256 with VEX.L.
 *
 * dst and src of the op are the registers of operands A and B. Operand C (an immediate, CL or a string
 * operand) needs no field in the op. */
#ifndef BOOTREEL_HV_X86_DECODE_INSN_H
#define BOOTREEL_HV_X86_DECODE_INSN_H

#include "hv/x86/cpu.h"

enum insn_map { M1, M0F, M0F38, M0F3A, V0F, V0F38, V0F3A, NMAPS };
enum insn_pfx { P__, PNP, P66, PF3, PF2 };

/* ext: the value in the low byte, its kind from bit 8 on */
enum insn_ext_kind { EXT_NONE, EXT_REG, EXT_REG_R, EXT_REG_M, EXT_ONLY_R, EXT_ONLY_M, EXT_MODRM };
#define E__    (EXT_NONE << 8)
#define E_(n)  (EXT_REG << 8 | (n))
#define ER_(n) (EXT_REG_R << 8 | (n))
#define EM_(n) (EXT_REG_M << 8 | (n))
#define E_R    (EXT_ONLY_R << 8)
#define E_M    (EXT_ONLY_M << 8)
#define EX(m)  (EXT_MODRM << 8 | (m))

enum operand {
    O_NONE,
    /* modrm.rm: register or memory. b byte, w word, d 32 bit, q 64 bit, v operand size, y 32 or 64 (REX.W) */
    O_Eb,
    O_Ew,
    O_Ed,
    O_Eq,
    O_Ev,
    O_Ey,
    O_M, /* memory of any size (LEA, LGDT, FXSAVE, x87) */
    O_Mb,
    O_Mw,
    O_Md,
    O_Mq,
    O_Mt,
    O_Mdq, /* memory of 8, 16, 32, 64, 80, 128 bits */
    /* modrm.reg: general register */
    O_Gb,
    O_Gw,
    O_Gd,
    O_Gv,
    O_Gy,
    O_Sw, /* modrm.reg: segment register */
    O_Cy, /* modrm.reg: control register */
    O_Dy, /* modrm.reg: debug register */
    O_Rv,
    O_Ry, /* modrm.rm, always a register (Ry: 64 bit in 64-bit code) */
    /* opcode's low 3 bits */
    O_Zb,
    O_Zv,
    O_Zq,
    /* fixed registers */
    O_AL,
    O_rAX,
    O_CL,
    O_DX,
    O_1,
    O_ES,
    O_CS,
    O_SS,
    O_DS,
    O_FS,
    O_GS,
    /* immediates */
    O_Ib,
    O_sIb,
    O_Iw,
    O_Iz,
    O_Iv,   /* Ib zero-extended, sIb sign-extended byte, Iz 16/32, Iv up to 64 */
    O_IwIb, /* ENTER: imm = size | level << 16 */
    O_Jb,
    O_Jz, /* near branch */
    O_Ap, /* far pointer: imm = offset | selector << 32 */
    O_Ob,
    O_Ov, /* memory at an absolute offset (moffs) */
    O_Xb,
    O_Xv,
    O_Yb,
    O_Yv, /* string operands: seg:rSI and ES:rDI */
    /* x87 */
    O_ST0,
    O_STi,
    /* MMX and SSE: P modrm.reg MMX, Q modrm.rm MMX or memory, N modrm.rm MMX only; V modrm.reg XMM, W
     * modrm.rm XMM or memory, U modrm.rm XMM only */
    O_Pq,
    O_Qq,
    O_Qd,
    O_Nq,
    O_Vx,
    O_Wx,
    O_Wq,
    O_Wd,
    O_Ww,
    O_Ux,
    /* with VEX: H the XMM register of vvvv, B the general one, L the XMM register in the immediate; Mx memory
     * of the vector's size, Wdq 16 bytes, Wh half a vector, Wf a quarter, We an eighth; VM the vector of
     * addresses of a gather */
    O_Hx,
    O_By,
    O_Lx,
    O_Mx,
    O_Wdq,
    O_Wh,
    O_Wf,
    O_We,
    O_VM,
    O_COUNT
};

enum row_flags {
    F_NONE = 0,
    F_LOW3 = 1 << 0,   /* opcode's low 3 bits are a register */
    F_BYTE = 1 << 1,   /* operand size is 8 bits */
    F_D64 = 1 << 2,    /* in 64-bit code the operand size is 64 (16 with 66), never 32 */
    F_F64 = 1 << 3,    /* in 64-bit code the operand size is 64 whatever the prefix */
    F_I64 = 1 << 4,    /* invalid in 64-bit code */
    F_O64 = 1 << 5,    /* only valid in 64-bit code */
    F_LOCK = 1 << 6,   /* LOCK is allowed with a memory destination; otherwise LOCK is #UD */
    F_END = 1 << 7,    /* ends the block (jumps, and everything that uses LEAVE always) */
    F_REP = 1 << 8,    /* string instruction: REP prefixes repeat it. Also ends the block when repeated */
    F_O32 = 1 << 9,    /* operand size is 32 whatever the prefix (with REX.W: 64) */
    F_NOPM = 1 << 10,  /* #UD in real and virtual-8086 mode */
    F_ALIGN = 1 << 11, /* 16-byte memory operand must be aligned (#GP) */
    F_NOREAL_LOCK = 1 << 12,
    F_MOFFS = 1 << 13,
    /* with VEX */
    F_H = 1 << 14,  /* vvvv is the first source */
    F_L0 = 1 << 15, /* VEX.L must be 0; without F_L0 and F_L1 it is the vector's size, or ignored */
    F_L1 = 1 << 16, /* it must be 1 */
    F_W0 = 1 << 17, /* VEX.W must be 0 */
    F_W1 = 1 << 18, /* it must be 1 */
};

enum feature {
    FT_BASE,
    FT_FPU,
    FT_CMOV,
    FT_CX8,
    FT_MMX,
    FT_FXSR,
    FT_SSE,
    FT_SSE2,
    FT_SSE3,
    FT_SSSE3,
    FT_SSE41,
    FT_SSE42,
    FT_POPCNT,
    FT_CX16,
    FT_SYSCALL,
    FT_SYSENTER,
    FT_XSAVE,
    FT_RDTSCP,
    FT_LM,
    FT_MOVBE,
    FT_RDRAND,
    FT_RDSEED,
    FT_AES,
    FT_PCLMUL,
    FT_FSGSBASE,
    FT_CLFLUSH,
    FT_MONITOR,
    FT_LAHF64,
    FT_SMEP,
    FT_SMAP,
    FT_UMIP,
    FT_INVPCID,
    FT_CLFLUSHOPT,
    FT_CLWB,
    FT_RDPID,
    FT_XSAVEOPT,
    FT_XSAVEC,
    FT_XGETBV1,
    FT_XSAVES,
    FT_AVX,
    FT_AVX2,
    FT_FMA,
    FT_F16C,
    FT_BMI1,
    FT_BMI2,
    FT_LZCNT,
    FT_ADX,
    FT_SHA,
    FT_GFNI,
    FT_VAES,
    FT_VPCLMUL,
    FT_X2APIC,
    FT_TSC_DEADLINE,
    FT_LA57,
    FT_SVM,
    FT_VMX,
    FT_PDPE1GB,
    /* Whose processor it is: for what is in none of the other bits. */
    FT_AMD,
    FT_INTEL,
    FT_COUNT
};

/* Handlers by operand form: fn[form][osize]. If one is NULL, FORM_MEM64 falls back to FORM_MEM, and others to
 * #UD. */
enum form { FORM_REG, FORM_MEM, FORM_MEM64, NFORMS };
struct family {
    op_fn *fn[NFORMS][4];
};

/* A family with one handler for all forms and sizes (system instructions and the like). */
#define FAMILY1(name, f) const struct family name = {{{f, f, f, f}, {f, f, f, f}, {f, f, f, f}}}
/* A family with a register and a memory handler, for any size (SSE, x87: the handler uses ea_any()). */
#define FAMILY_RM(name, r, m) const struct family name = {{{r, r, r, r}, {m, m, m, m}, {m, m, m, m}}}

struct insn_row {
    uint8_t map, pfx, opcode;
    uint16_t ext;
    const char *mnemonic;
    uint8_t operand[3];
    uint32_t flags;
    uint8_t feature;
    const struct family *family;
};

/* All rows, and how many. */
const struct insn_row *insn_rows(size_t *count);

#endif

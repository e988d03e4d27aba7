/* differences.c - what processors of Intel and AMD do differently: the table, and the rules for test_native.
 *
 * Measured on Xeons (Sapphire Rapids) and EPYCs (Zen 4 and Zen 5; AVX and later rows: Zen 4). SDM is Intel's manual, APM AMD's (24592 to 24594,
 * 26568, 26569); the number after either is the volume.
 */
#include <string.h>

#include "hv/x86/decode/insn.h"
#include "hv/x86/x87/x87.h"
#include "tests/native/native.h"
#include "tests/native/vendor.h"

/* ---------------------------------------------------------------- helpers */

static bool is_word(const struct insn_case *c, const char *mnemonic)
{
    return !strcmp(c->row->mnemonic, mnemonic);
}

/* Where the opcode byte is: map 1, after the prefixes. */
static unsigned opcode_at(const struct insn_case *c)
{
    unsigned i = 0;
    while (c->bytes[i] != c->row->opcode)
        i++;
    return i;
}

/* Runs another case from the memory and registers that this one began with. */
static void run_instead(const struct insn_case *c, const struct state *in, struct state *out)
{
    guest_restore();
    guest_run(c, in, out);
}

/* A prefix that the instruction must not have, or too many of them: nothing of it is executed. */
static bool is_refused(const struct insn_case *c, const struct state *out)
{
    return out->vector == VEC_UD || c->len > 15;
}

static bool is_writable(uint64_t address, unsigned n)
{
    for (unsigned r = 0; r < NREGIONS; r++)
        for (unsigned p = 0; p < regions[r].pages; p++) {
            uint64_t page = regions[r].base + p * PAGE;
            if (address - page < PAGE && regions[r].kind[p] == PAGE_WRITE)
                return address - page + n <= PAGE ||
                       is_writable(page + PAGE, (unsigned)(address + n - page - PAGE));
        }
    return false;
}

static uint64_t extended_low(uint64_t v)
{
    return (uint32_t)v;
}

/* ---------------------------------------------------------------- integer instructions */

static bool has_memory(const struct insn_case *c)
{
    return c->mem;
}
static bool is_word_sized(const struct insn_case *c)
{
    return c->osize == 1 && c->mem;
}

/* MOV with the same operands reads as much as is written: two bytes. */
static void movsxd_word(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct insn_case mov = *c;
    mov.bytes[opcode_at(c)] = 0x8b;
    run_instead(&mov, in, out);
}

static bool is_segment_push32(const struct insn_case *c)
{
    unsigned o = c->row->operand[0];
    return c->osize == 2 && o >= O_ES && o <= O_GS;
}

/* PUSH of a word, to where the doubleword's low half goes. */
static void push_segment(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct insn_case word = *c;
    struct state from = *in;
    unsigned at = 0;
    while (at < c->len && c->bytes[at] != 0x66)
        at++;
    if (at < c->len) { /* a 16-bit segment's 32-bit form: without its prefix */
        memmove(word.bytes + at, word.bytes + at + 1, c->len - at - 1);
        word.len--;
    } else {
        memmove(word.bytes + 1, word.bytes, c->len);
        word.bytes[0] = 0x66, word.len++;
    }
    from.gpr[RSP] -= 2;
    run_instead(&word, &from, out);
    out->gpr[RSP] = out->vector < 0 ? in->gpr[RSP] - 4 : in->gpr[RSP];
    out->rip = out->vector < 0 ? c->at + c->len : c->at;
}

static int64_t bound_value(const struct insn_case *c, uint64_t v)
{
    return c->osize == 1 ? (int16_t)v : (int32_t)v;
}

/* The lower bound is compared before the upper one is read. */
static void bound_lower_first(const struct insn_case *c, const struct state *in, struct state *out)
{
    unsigned size = 1u << c->osize;
    uint32_t lower = 0;
    if (out->vector != VEC_PF || !is_writable(c->ea, size))
        return;
    memcpy(&lower, (void *)(uintptr_t)c->ea, size);
    if (bound_value(c, in->gpr[c->modrm >> 3 & 7]) < bound_value(c, lower))
        out->vector = VEC_BR, out->error = 0, out->cr2 = 0;
}

/* ---------------------------------------------------------------- string instructions */

static bool is_repeated32(const struct insn_case *c)
{
    return c->rep && c->bits == 64 && c->asize == 1;
}

/* rCX, and with MOVS and STOS the index registers as well, are cut to 32 bits even before the first iteration. */
static void cut_registers(const struct insn_case *c, struct state *out)
{
    bool movs = is_word(c, "movs");
    if (!is_repeated32(c) || is_refused(c, out))
        return;
    out->gpr[RCX] = extended_low(out->gpr[RCX]);
    if (movs)
        out->gpr[RSI] = extended_low(out->gpr[RSI]);
    if (movs || is_word(c, "stos"))
        out->gpr[RDI] = extended_low(out->gpr[RDI]);
}
static void string_registers(const struct insn_case *c, const struct state *in, struct state *out)
{
    (void)in;
    cut_registers(c, out);
}

/* A fault leaves the flags as they were before the whole instruction. */
static void scan_fault(const struct insn_case *c, const struct state *in, struct state *out)
{
    if (out->vector >= 0)
        out->flags = in->flags;
    cut_registers(c, out);
}

/* The second operand, at ES:rDI, is read first: would reading it alone fault as well? */
static void compare_order(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct state from = *out, alone;
    if (out->vector < 0)
        return;
    struct insn_case scas = *c;
    scas.bytes[opcode_at(c)] += 0xae - 0xa6;
    from.flags = in->flags;
    guest_run(&scas, &from, &alone);
    if (alone.vector >= 0 && alone.gpr[RDI] == out->gpr[RDI])
        out->vector = alone.vector, out->error = alone.error, out->cr2 = alone.cr2;
}
static void compare_fault(const struct insn_case *c, const struct state *in, struct state *out)
{
    compare_order(c, in, out);
    scan_fault(c, in, out);
}

/* ---------------------------------------------------------------- x87 */

enum { GOOD = DATA_BASE + PAGE, GOOD_LOW = LOW_DATA + 0x100 };

/* The same store without prefixes, to memory that takes it. Where it is: GOOD or GOOD_LOW. */
static uint32_t stored_well(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct insn_case good = *c;
    bool is16 = c->bits == 16;
    uint32_t to = is16 ? GOOD_LOW : GOOD;
    uint8_t *p = good.bytes, reg = c->modrm & 0x38;
    *p++ = c->row->opcode;
    *p++ = (uint8_t)(reg | (c->bits == 64 ? 4 : is16 ? 6 : 5));
    if (c->bits == 64)
        *p++ = 0x25; /* SIB: a displacement alone */
    memcpy(p, &to, is16 ? 2 : 4);
    good.len = (unsigned)(p - good.bytes) + (is16 ? 2 : 4);
    run_instead(&good, in, out);
    return to;
}

/* The result goes out in pieces of 8 bytes: the first is in memory when the second faults. */
static void store_first_piece(const struct insn_case *c, const uint8_t piece[8])
{
    for (unsigned i = 0; i < 8; i++)
        *guest_memory((uint32_t)c->ea + i) = piece[i];
}

/* If the result cannot be stored for an unmasked exception, memory is not looked at. */
static void x87_store(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct state good;
    uint8_t piece[8];
    if (out->vector < 0 || out->vector == VEC_MF || is_refused(c, out))
        return;
    memcpy(piece, guest_memory(stored_well(c, in, &good)), sizeof piece);
    guest_restore();
    unsigned unmasked = fx_word(&good, FX_FSW) & ~fx_word(&good, FX_FCW) & SW_EXCEPTIONS & ~SW_PE;
    if (unmasked) {
        *out = good;
        out->rip = c->at + c->len;
    } else if (c->row->operand[0] == O_Mt && out->vector == VEC_PF && is_writable(c->ea, sizeof piece)) {
        store_first_piece(c, piece);
    }
}

static void x87_result(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct fpu before = {0}, after = {0};
    if (out->vector >= 0)
        return;
    fx_load(&before, in->fx);
    fx_load(&after, out->fx);
    intel_x87(c->row->mnemonic, &before, &after);
    fx_store(&after, out->fx);
}

/* ---------------------------------------------------------------- SSE */

static void dot_product(const struct insn_case *c, const struct state *in, struct state *out)
{
    unsigned rex = 0, reg, rm;
    uint8_t src[16];
    for (unsigned i = 0; c->bytes[i] != 0x0f; i++)
        rex = c->bits == 64 && (c->bytes[i] & 0xf0) == 0x40 ? c->bytes[i] : 0;
    reg = (c->modrm >> 3 & 7) | (rex & 4 ? 8 : 0), rm = (c->modrm & 7) | (rex & 1 ? 8 : 0);
    if (out->vector >= 0)
        return;
    memcpy(src, c->mem ? (void *)(uintptr_t)c->ea : in->fx + FX_XMM + 16 * rm, 16);
    intel_dot(is_word(c, "dpps") ? 4 : 2, c->imm8, fx_mxcsr(in), in->fx + FX_XMM + 16 * reg, src,
              out->fx + FX_XMM + 16 * reg);
}

/* ---------------------------------------------------------------- AVX, F16C and SHA, of AMD's processors */

enum { MXCSR_MASKS = 0x1f80, MXCSR_DAZ = 0x40, MXCSR_PE = 0x20, VEX_W = 0x80 };

static void set_mxcsr(struct state *s, uint32_t mxcsr)
{
    memcpy(s->fx + FX_MXCSR, &mxcsr, sizeof mxcsr);
}

static bool is_wide_outside_64(const struct insn_case *c)
{
    unsigned at = 0;
    while (c->bytes[at] != 0xc4 && c->bytes[at] != 0xc5)
        at++;
    return c->bits != 64 && c->bytes[at] == 0xc4 && c->bytes[at + 2] & VEX_W;
}

static void refuse(const struct insn_case *c, const struct state *in, struct state *out)
{
    if (c->len > 15)
        return;
    guest_restore();
    *out = *in;
    out->vector = VEC_UD, out->error = 0, out->cr2 = 0;
    out->rip = c->at;
}

/* Denormal operands become normal ones with the same digits, as far below the range of halves. */
static void without_denormals(struct state *s)
{
    uint8_t *parts[] = {s->fx + FX_XMM, s->ymmh};
    for (unsigned i = 0; i < 2 * 64; i++) {
        uint8_t *at = parts[i / 64] + 4 * (i % 64);
        uint32_t bits;
        memcpy(&bits, at, sizeof bits);
        float normal = (float)(bits & 0x7fffff) * 0x1p-120f;
        if (!(bits & 0x7fffff) || bits & 0x7f800000)
            continue;
        uint32_t sign = bits & 0x80000000;
        memcpy(&bits, &normal, sizeof bits);
        bits |= sign;
        memcpy(at, &bits, sizeof bits);
    }
}

/* A denormal operand whose digits fit is exact if underflow is unmasked. */
static void exact_denormals(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct state from = *in, exact;
    if (out->vector != VEC_XM || fx_mxcsr(in) & (MXCSR_PE | MXCSR_DAZ))
        return;
    without_denormals(&from);
    run_instead(c, &from, &exact);
    guest_restore();
    if (exact.vector == VEC_XM && !(fx_mxcsr(&exact) & MXCSR_PE))
        set_mxcsr(out, fx_mxcsr(out) & ~(uint32_t)MXCSR_PE);
}

/* A fault of the store comes before any exception of the conversion, and leaves no flag. */
static void store_before_flags(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct state masked = *in, stored;
    if (is_refused(c, out))
        return;
    if (c->mem && out->vector >= 0) {
        set_mxcsr(&masked, fx_mxcsr(in) | MXCSR_MASKS);
        run_instead(c, &masked, &stored);
        guest_restore();
        if (stored.vector >= 0) {
            *out = stored;
            set_mxcsr(out, fx_mxcsr(in));
            return;
        }
    }
    exact_denormals(c, in, out);
}

/* The address of the first of n bytes that cannot be read, or 0. */
static uint32_t unreadable(uint32_t from, unsigned n)
{
    for (uint32_t at = from; n--; at++) {
        bool found = false;
        for (unsigned r = 0; r < NREGIONS; r++)
            found |= at - regions[r].base < regions[r].pages * (uint32_t)PAGE &&
                     regions[r].kind[(at - regions[r].base) / PAGE] != PAGE_ABSENT;
        if (!found)
            return at;
    }
    return 0;
}

/* The same without prefixes, with the operand where it is aligned. */
static void run_aligned(const struct insn_case *c, const struct state *in, struct state *out)
{
    struct insn_case moved = *c;
    uint32_t to = c->bits == 16 ? GOOD_LOW : GOOD;
    uint8_t operand[16], *p = moved.bytes, reg = c->modrm & 0x38;
    unsigned at = opcode_at(c);
    for (unsigned i = 0; i < sizeof operand; i++)
        operand[i] = *guest_memory((uint32_t)c->ea + i);
    if (c->bits == 64)
        *p++ = 0x40 | (at >= 3 && (c->bytes[at - 3] & 0xf0) == 0x40 ? c->bytes[at - 3] & 4 : 0); /* REX.R */
    *p++ = 0x0f, *p++ = c->bytes[at - 1], *p++ = c->row->opcode;
    *p++ = (uint8_t)(reg | (c->bits == 64 ? 4 : c->bits == 16 ? 6 : 5));
    if (c->bits == 64)
        *p++ = 0x25; /* SIB: a displacement alone */
    memcpy(p, &to, sizeof to);
    p += c->bits == 16 ? 2 : 4;
    *p++ = c->imm8; /* of SHA1RNDS4; the others end before it */
    moved.len = (unsigned)(p - moved.bytes) - (c->row->operand[2] != O_Ib);
    memcpy(guest_memory(to), operand, sizeof operand);
    guest_run(&moved, in, out);
    out->rip = c->at + c->len;
}

/* 16-bit code has a segment of 64 KB; all others have no limit. */
static bool is_beyond_limit(const struct insn_case *c)
{
    uint8_t segment = 0;
    for (unsigned i = 0; c->bytes[i] != 0x0f; i++)
        if ((c->bytes[i] & 0xe7) == 0x26 || (c->bytes[i] & 0xfe) == 0x64)
            segment = c->bytes[i];
    return c->bits == 16 && segment == 0x2e && c->ea > UINT16_MAX - 15;
}

/* In 64-bit code: is the operand addressed through rSP or rBP, and not in FS or GS? */
static bool is_in_stack(const struct insn_case *c)
{
    unsigned rex = 0, rm = c->modrm & 7, i = 0;
    for (; c->bytes[i] != 0x0f; i++) {
        rex = (c->bytes[i] & 0xf0) == 0x40 ? c->bytes[i] : 0;
        if ((c->bytes[i] & 0xfe) == 0x64)
            return false;
    }
    if (rm == 4)
        rm = c->bytes[i + 4] & 7; /* 0F, map, opcode, ModRM, SIB */
    return !(rex & 1) && (rm == 4 || (rm == 5 && c->modrm >> 6));
}

/* The operand need not be aligned. */
static void read_unaligned(const struct insn_case *c, const struct state *in, struct state *out)
{
    bool canonical = (int64_t)(c->ea << 16) >> 16 == (int64_t)c->ea;
    uint32_t absent;
    if (out->vector != VEC_GP || is_refused(c, out) || !(c->ea & 15) || is_beyond_limit(c))
        return;
    if (!canonical) {
        out->vector = is_in_stack(c) ? VEC_SS : VEC_GP;
        return;
    }
    absent = c->ea > UINT32_MAX ? 1 : unreadable((uint32_t)c->ea, 16);
    guest_restore();
    if (absent) {
        *out = *in;
        out->vector = VEC_PF, out->error = 4, out->rip = c->at;
        out->cr2 = c->ea > UINT32_MAX ? c->ea : absent;
    } else {
        run_aligned(c, in, out);
        guest_restore();
    }
}

/* ---------------------------------------------------------------- the table */

#define AS_AMD   "as AMD, whose processor CPUID names"
#define AS_INTEL "as Intel, whose processors these rows were first compared with"

static const struct difference table[] = {
    {.mnemonics = "movsxd",
     .intel = "with 16-bit operands, two bytes are read",
     .amd = "four bytes are read, and any of them may fault",
     .manual = "SDM 2, MOVSXD: r16, r/m16; APM 3, MOVSXD: the source is reg/mem32",
     .ours = AS_AMD,
     .concerns = is_word_sized,
     .apply = movsxd_word},
    {.mnemonics = "push",
     .intel =
         "a segment register with 32-bit operands: two bytes are written, the upper two of the stack slot stay",
     .amd = "four bytes are written, the upper two zero",
     .manual =
         "SDM 2, PUSH: either; recent Core and Atom processors perform a 16-bit move. APM 3: zero-extended",
     .ours = AS_AMD "; the slot's old content does not show",
     .concerns = is_segment_push32,
     .apply = push_segment},
    {.mnemonics = "bound",
     .intel =
         "the lower bound is compared before the upper one is read: #BR comes before a fault of the upper",
     .amd = "both bounds are read before either is compared",
     .manual = "SDM 2 and APM 3, BOUND, do not say",
     .ours = AS_AMD,
     .concerns = has_memory,
     .apply = bound_lower_first},
    {.mnemonics = "movs stos",
     .intel =
         "repeated, with 32-bit addresses in 64-bit code: the upper halves of rCX, and of the index registers in "
         "use, are cleared even if the count is 0 or the first iteration faults",
     .amd = "registers change only by an iteration",
     .manual =
         "SDM 1, 3.4.1.1: a 32-bit result is zero-extended. Whether there is one without an iteration, neither says",
     .ours = AS_AMD,
     .concerns = is_repeated32,
     .apply = string_registers},
    {.mnemonics = "lods",
     .intel = "as MOVS, but only rCX",
     .amd = "registers change only by an iteration",
     .manual = "as MOVS",
     .ours = AS_AMD,
     .concerns = is_repeated32,
     .apply = string_registers},
    {.mnemonics = "scas",
     .intel = "rCX as LODS; after a fault the flags are those before the first iteration",
     .amd = "after a fault the flags are those of the last whole iteration",
     .manual =
         "SDM 2, REP: the flags are restored to the state prior to the instruction. APM 3, REP: no word",
     .ours = AS_AMD "; the instruction resumes correctly with either",
     .apply = scan_fault},
    {.mnemonics = "cmps",
     .intel = "as SCAS; and ES:rDI is read before DS:rSI, so it decides which fault is raised",
     .amd = "as SCAS; Zen 5 reads DS:rSI first, Zen 4 ES:rDI in all cases but some of REP CMPSB",
     .manual = "as SCAS; of the order, SDM 2 and APM 3, CMPS, do not say",
     .ours = AS_AMD ", and as Zen 5",
     .apply = compare_fault,
     .apply_older = compare_order},
    {.mnemonics = "fst fstp fist fistp fisttp fbstp",
     .intel =
         "if an unmasked exception other than precision keeps the result back, memory is not touched and cannot "
         "fault; ten bytes are stored as eight and two, and the eight stay if the two fault",
     .amd = "a fault of the operand comes first, and then nothing has been stored",
     .manual = "SDM 3, 6.9: the order of faults in the execution of one instruction is the processor's",
     .ours = AS_AMD,
     .concerns = has_memory,
     .apply = x87_store},
    {.mnemonics = "fsin fsincos fpatan",
     .intel = "of the smallest normal number (FPATAN: divided by one): that number, however it is rounded",
     .amd = "rounded towards zero: the largest denormal, with an underflow",
     .manual = "SDM 1, 8.3.10: less than one unit in the last place off, as both are",
     .ours = AS_AMD "; it is the correctly rounded result",
     .apply = x87_result},
    {.mnemonics = "fprem fprem1 fscale",
     .intel = "a denormal that stays as it is (remainder by infinity, scale of zero) is no underflow",
     .amd = "it is one if underflow is unmasked, and the result's exponent is raised by 24576",
     .manual = "SDM 1, 8.5.5, and IEEE 754, 7.5: unmasked, every tiny result is an underflow",
     .ours = AS_AMD " and as the manuals say",
     .apply = x87_result},
    {.mnemonics = "dpps dppd",
     .intel =
         "each lane adds in its own order, so that lanes differ if several products are NaNs: lane i of DPPD has "
         "p[i] + p[i^1]; of DPPS, t[i] + t[i^2] with t[i] = p[i^1] + p[i]",
     .amd = "all lanes have one sum: p0 + p1, or (p0 + p1) + (p2 + p3)",
     .manual = "SDM 2, DPPS and DPPD: as AMD does",
     .ours = AS_AMD " and as the manual says",
     .apply = dot_product},
    {.mnemonics = "vpextrd vpinsrd",
     .intel = "VEX.W is ignored outside 64-bit code",
     .amd = "outside 64-bit code VEX.W raises #UD",
     .manual =
         "SDM 2, PEXTRD and PINSRD: VEX.W1 is ignored in non-64-bit modes. APM 4 has the forms with W1 as VPEXTRQ "
         "and VPINSRQ, which are of 64-bit mode",
     .ours = AS_INTEL " and as its manual says",
     .model = VENDOR_INTEL,
     .concerns = is_wide_outside_64,
     .apply = refuse},
    {.mnemonics = "vcvtps2ph",
     .intel =
         "converts before it looks at memory: #XM comes before a fault of the store, which leaves the flags "
         "raised; a denormal operand counts as inexact",
     .amd =
         "a fault of the store comes first and leaves MXCSR; with underflow unmasked, a denormal operand whose "
         "digits fit is exact",
     .manual = "SDM 2 and APM 4, VCVTPS2PH, do not say; IEEE 754, 7.5, of an exact tiny result: as AMD",
     .ours = AS_INTEL,
     .model = VENDOR_INTEL,
     .apply = store_before_flags},
    {.mnemonics = "sha1rnds4 sha1nexte sha1msg1 sha1msg2 sha256rnds2 sha256msg1 sha256msg2",
     .intel = "an operand in memory that is not aligned to 16 bytes raises #GP",
     .amd = "it need not be aligned",
     .manual = "SDM 2, these instructions: exceptions of type 4, with #GP. On Zen 4 as measured",
     .ours = AS_INTEL " and as its manual says",
     .model = VENDOR_INTEL,
     .concerns = has_memory,
     .apply = read_unaligned},
};
enum { NTABLE = sizeof table / sizeof table[0] };

const struct difference *differences(unsigned *count)
{
    *count = NTABLE;
    return table;
}

const struct difference *difference_of(const struct insn_case *c)
{
    for (unsigned i = 0; i < NTABLE; i++)
        if (one_of(c->row->mnemonic, table[i].mnemonics) && (!table[i].concerns || table[i].concerns(c)))
            return &table[i];
    return NULL;
}

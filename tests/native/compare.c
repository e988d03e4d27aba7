/* compare.c - what of a result is defined, and whether both have it.
 *
 * Flags: SDM volume 1 appendix A and the instruction pages. What manuals leave undefined is not compared;
 * neither are the x87 instruction and data pointers, which processors keep in different ways.
 */
#include <math.h>
#include <string.h>

#include "hv/x86/decode/insn.h"
#include "tests/native/native.h"

#define FLAGS_SEEN (FLAGS_ARITH | FLAG_DF | FLAG_IF | FLAG_TF | FLAG_NT | FLAG_AC | FLAG_ID | FLAG_IOPL)
const uint64_t flags_seen = FLAGS_SEEN;

/* ---------------------------------------------------------------- flags */

static const struct {
    const char *mnemonic;
    unsigned undefined;
} undefined_by_name[] = {
    {"and", AF},
    {"or", AF},
    {"xor", AF},
    {"test", AF},
    {"mul", SF | ZF | AF | PF},
    {"imul", SF | ZF | AF | PF},
    {"div", FLAGS_ARITH},
    {"idiv", FLAGS_ARITH},
    {"bt", OF | SF | AF | PF},
    {"bts", OF | SF | AF | PF},
    {"btr", OF | SF | AF | PF},
    {"btc", OF | SF | AF | PF},
    {"bsf", CF | OF | SF | AF | PF},
    {"bsr", CF | OF | SF | AF | PF},
    {"andn", AF | PF},
    {"blsr", AF | PF},
    {"blsmsk", AF | PF},
    {"blsi", AF | PF},
    {"bzhi", AF | PF},
    {"bextr", AF | SF | PF},
    {"tzcnt", OF | SF | AF | PF},
    {"lzcnt", OF | SF | AF | PF},
    {"daa", OF},
    {"das", OF},
    {"aaa", OF | SF | ZF | PF},
    {"aas", OF | SF | ZF | PF},
    {"aam", OF | AF | CF},
    {"aad", OF | AF | CF},
};

static unsigned shift_count(const struct insn_case *c, const struct state *in)
{
    unsigned count = (uint8_t)in->gpr[RCX];
    for (unsigned i = 0; i < 3; i++) {
        if (c->row->operand[i] == O_Ib)
            count = c->imm8;
        else if (c->row->operand[i] == O_1)
            count = 1;
    }
    return count & (c->osize == 3 ? 63 : 31);
}

static bool is_word(const char *w, const char *a, const char *b)
{
    return !strcmp(w, a) || (b && !strcmp(w, b));
}

static unsigned undefined_of_shift(const struct insn_case *c, const struct state *in)
{
    const char *m = c->row->mnemonic;
    unsigned count = shift_count(c, in), bits = 8u << c->osize, u = count > 1 ? OF : 0;
    if (!count)
        return 0;
    if (is_word(m, "rol", "ror"))
        return u;
    if (is_word(m, "rcl", "rcr"))
        return c->osize < 2 && count % (bits + 1) == 0 ? OF : u;
    if (is_word(m, "shl", "shr"))
        return u | AF | (count >= bits ? CF : 0);
    if (is_word(m, "sar", NULL))
        return u | AF;
    if (is_word(m, "shld", "shrd"))
        return count > bits ? FLAGS_ARITH : u | AF;
    return 0;
}

/* FCOMI and the like with an unmasked invalid operation leave the flags alone (SDM) or not (some processors).
 */
static bool is_invalid_comi(const struct insn_case *c, const struct state *host)
{
    bool comi = strstr(c->row->mnemonic, "comi") && c->row->feature == FT_CMOV;
    return comi && fx_word(host, FX_FSW) & 1 && !(fx_word(host, FX_FCW) & 1);
}

unsigned undefined_flags(const struct insn_case *c, const struct state *in, const struct state *host)
{
    if (is_invalid_comi(c, host))
        return FLAGS_ARITH;
    for (unsigned i = 0; i < sizeof undefined_by_name / sizeof undefined_by_name[0]; i++)
        if (!strcmp(undefined_by_name[i].mnemonic, c->row->mnemonic))
            return undefined_by_name[i].undefined;
    return undefined_of_shift(c, in);
}

/* ---------------------------------------------------------------- undefined destinations */

/* The general register, if any, that is left undefined: 16 if memory is. -1: none. */
static int undefined_destination(const struct insn_case *c, const struct state *in, const struct state *host)
{
    const char *m = c->row->mnemonic;
    unsigned rex = 0;
    for (unsigned i = 0; i + 1 < c->len && c->bits == 64; i++)
        if ((c->bytes[i] & 0xf0) == 0x40 && c->bytes[i + 1] == 0x0f)
            rex = c->bytes[i];
    if (is_word(m, "bsf", "bsr") && host->flags & ZF)
        return (c->modrm >> 3 & 7) | (rex & 4 ? 8 : 0);
    if (is_word(m, "shld", "shrd") && shift_count(c, in) > (8u << c->osize))
        return c->mem ? 16 : (int)((c->modrm & 7) | (rex & 1 ? 8 : 0));
    return -1;
}

/* Parts of the memory operand, [from, to), that are not compared. */
static const struct {
    const char *mnemonic;
    bool narrow; /* the 16-bit format */
    unsigned from, to;
} undefined_memory[] = {
    {"fnstenv", false, 12, 28}, {"fnstenv", true, 6, 14}, {"fnsave", false, 12, 28}, {"fnsave", true, 6, 14},
    {"fxsave", false, 5, 24},   {"fxsave", true, 5, 24},  {"fxsave", false, 28, 32}, {"fxsave", true, 28, 32},
};

static void level(uint64_t a, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *g = a + i < UINT32_MAX ? guest_memory((uint32_t)(a + i)) : NULL;
        if (g)
            *g = *(uint8_t *)(uintptr_t)(a + i);
    }
}

static bool has_undefined_memory(const struct insn_case *c)
{
    for (unsigned i = 0; i < sizeof undefined_memory / sizeof undefined_memory[0]; i++)
        if (!strcmp(undefined_memory[i].mnemonic, c->row->mnemonic))
            return true;
    return false;
}

static void level_undefined(const struct insn_case *c, const struct state *in, const struct state *host)
{
    if (!c->mem || host->vector >= 0)
        return;
    for (unsigned i = 0; i < sizeof undefined_memory / sizeof undefined_memory[0]; i++)
        if (!strcmp(undefined_memory[i].mnemonic, c->row->mnemonic) &&
            undefined_memory[i].narrow == c->narrow)
            level(c->ea + undefined_memory[i].from, undefined_memory[i].to - undefined_memory[i].from);
    if (undefined_destination(c, in, host) == 16)
        level(c->ea, 1u << c->osize);
}

/* ---------------------------------------------------------------- floating point */

static bool is_transcendental(const char *m)
{
    static const char *const names[] = {"f2xm1",  "fyl2x", "fyl2xp1", "fptan",
                                        "fpatan", "fsin",  "fcos",    "fsincos"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(m, names[i]))
            return true;
    return false;
}

/* At most one unit in the last place apart. */
static bool near_f80(const uint8_t *a, const uint8_t *b)
{
    uint64_t sa, sb;
    uint16_t ea, eb;
    memcpy(&sa, a, 8), memcpy(&sb, b, 8), memcpy(&ea, a + 8, 2), memcpy(&eb, b + 8, 2);
    if ((ea ^ eb) & 0x8000)
        return false;
    __int128 va = (__int128)(ea & 0x7fff) << 63 | (sa & INT64_MAX),
             vb = (__int128)(eb & 0x7fff) << 63 | (sb & INT64_MAX);
    return va - vb <= 1 && vb - va <= 1;
}

static bool is_estimate(const char *m)
{
    m += *m == 'v';
    return !strncmp(m, "rcp", 3) || !strncmp(m, "rsqrt", 5);
}

/* Both approximate the same number with at most 1.5 * 2^-12 relative error: SDM, RCPPS. */
static bool near_f32(const uint8_t *a, const uint8_t *b)
{
    float x, y;
    memcpy(&x, a, 4), memcpy(&y, b, 4);
    if (!memcmp(a, b, 4) || (isnan(x) && isnan(y)))
        return true;
    if (fabsf(x) < 0x1.00cp-126f && fabsf(y) < 0x1.00cp-126f)
        return true; /* between two bounds the processor says what is tiny, and gives 0 */
    return fabsf(x - y) <= fabsf(x) * 3.0f / 4096;
}

/* Dot products: processors differ in which NaN they give (differences.c says it of DPPS and DPPD). */
static bool equal_but_nans(const char *m, const uint8_t *a, const uint8_t *b)
{
    bool single = !strcmp(m, "vdpps");
    for (unsigned i = 0; i < 16; i += single ? 4 : 8) {
        float x, y;
        double u, v;
        memcpy(&x, a + i, 4), memcpy(&y, b + i, 4), memcpy(&u, a + (i & 8), 8), memcpy(&v, b + (i & 8), 8);
        bool nan = single ? isnan(x) && isnan(y) : isnan(u) && isnan(v);
        if (!nan && memcmp(a + i, b + i, single ? 4 : 8))
            return false;
    }
    return true;
}

static bool xmm_equal(const struct insn_case *c, const uint8_t *a, const uint8_t *b)
{
    if (!memcmp(a, b, 16))
        return true;
    if (is_word(c->row->mnemonic, "vdpps", "vdppd"))
        return equal_but_nans(c->row->mnemonic, a, b);
    if (!is_estimate(c->row->mnemonic))
        return false;
    for (unsigned i = 0; i < 16; i += 4)
        if (!near_f32(a + i, b + i))
            return false;
    return true;
}

/* Bits of the status word that are undefined. */
unsigned undefined_status(const char *m)
{
    static const struct {
        const char *mnemonic;
        unsigned bits;
    } table[] = {{"fcomi", 0x200},   {"fcomip", 0x200}, {"fucomi", 0x200},
                 {"fucomip", 0x200}, {"ffree", 0x4700}, {"ffreep", 0x4700}};
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        if (!strcmp(table[i].mnemonic, m))
            return table[i].bits;
    return is_transcendental(m) ? 0x220 : 0; /* C1 and PE tell of the last place */
}

/* Has the switch from x87 to MMX (TOP 0, all tags valid) taken place? Processors differ where the instruction
 * faults, and for CVTPI2PS from memory. */
static bool mmx_switch_unclear(const struct insn_case *c, const struct state *h)
{
    bool mmx = !strcmp(c->row->mnemonic, "cvtpi2ps") && c->mem;
    for (unsigned i = 0; i < 3 && h->vector >= 0; i++)
        mmx |= c->row->operand[i] >= O_Pq && c->row->operand[i] <= O_Nq;
    return mmx;
}

static const uint8_t *physical_st(const struct state *s, unsigned i)
{
    return s->fx + FX_ST + 16 * ((i - (fx_word(s, FX_FSW) >> 11)) & 7);
}

static const char *compare_x87(const struct insn_case *c, const struct state *h, const struct state *g)
{
    bool loose = is_transcendental(c->row->mnemonic), unclear = mmx_switch_unclear(c, h);
    unsigned top = fx_word(h, FX_FSW) >> 11 & 7, sw = fx_word(h, FX_FSW) ^ fx_word(g, FX_FSW);
    if (fx_word(h, FX_FCW) != fx_word(g, FX_FCW))
        return "x87 control word";
    if (sw & ~(undefined_status(c->row->mnemonic) | (unclear ? 0x3800 : 0)))
        return "x87 status word";
    if (h->fx[FX_FTW] != g->fx[FX_FTW] && !unclear)
        return "x87 tags";
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *a = physical_st(h, i), *b = physical_st(g, i);
        if (memcmp(a, b, 10) && !(loose && ((i - top) & 7) < 2 && near_f80(a, b)))
            return "x87 register";
    }
    return NULL;
}

static const char *compare_fx(const struct insn_case *c, const struct state *h, const struct state *g)
{
    const char *what = compare_x87(c, h, g);
    if (what)
        return what;
    if (fx_mxcsr(h) != fx_mxcsr(g))
        return "MXCSR";
    for (unsigned i = 0; i < 16; i++)
        if (!xmm_equal(c, h->fx + FX_XMM + 16 * i, g->fx + FX_XMM + 16 * i))
            return "XMM register";
    for (unsigned i = 0; i < 16; i++)
        if (!xmm_equal(c, h->ymmh + 16 * i, g->ymmh + 16 * i))
            return "upper half of a YMM register";
    return NULL;
}

/* ---------------------------------------------------------------- the whole */

void level_all(void)
{
    for (unsigned i = 0; i < NREGIONS; i++)
        for (unsigned p = 0; p < regions[i].pages; p++)
            if (regions[i].kind[p] == PAGE_WRITE)
                level(regions[i].base + p * PAGE, PAGE);
}

static const char *compare_memory(void)
{
    for (unsigned i = 0; i < NREGIONS; i++)
        for (unsigned p = 0; p < regions[i].pages; p++) {
            uint32_t at = regions[i].base + p * PAGE;
            if (regions[i].kind[p] == PAGE_WRITE && memcmp((void *)(uintptr_t)at, guest_memory(at), PAGE))
                return "memory";
        }
    return NULL;
}

/* Operands of many parts, and what else stores more than once: the order of their accesses is the
 * processor's. */
static bool has_many_parts(const char *m)
{
    static const char *const names[] = {"fnstenv", "fldenv", "fnsave", "frstor", "fxsave",
                                        "fxrstor", "pusha",  "popa",   "enter",  "bound"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(m, names[i]))
            return true;
    return strstr(m, "gather"); /* elements after the one that faults may be done */
}

/* Masked moves. Of a fault SDM volume 3, 4.7, wants any address of the access in the page. Loads, and stores that fault in their first page:
 * the first byte that faults of the elements that the mask chooses. Stores that begin in a page before the one that faults: of Intel's
 * processors the last byte of the highest element that the mask chooses, here as loads. Handlers of faults look at the page. */
uint64_t undefined_cr2(const struct insn_case *c)
{
    const char *m = c->row->mnemonic;
    bool store = c->row->operand[0] == O_Mx && (strstr(m, "vmaskmovp") || strstr(m, "vpmaskmov"));
    return store ? PAGE - 1 : 0;
}

static const char *compare_exception(const struct insn_case *c, const struct state *h, const struct state *g)
{
    if (g->vector == VEC_MF && h->vector != VEC_MF && mmx_switch_unclear(c, h))
        return "";
    if (h->vector != g->vector)
        return "exception";
    if (has_many_parts(c->row->mnemonic))
        return NULL;
    if (h->vector == VEC_PF && (h->cr2 ^ g->cr2) & ~undefined_cr2(c))
        return "CR2";
    return h->vector >= 0 && h->error != g->error ? "error code" : NULL;
}

bool is_defined(const struct insn_case *c, const struct state *in, const struct state *out)
{
    const char *m = c->row->mnemonic;
    if (is_estimate(m) || is_transcendental(m) || has_undefined_memory(c) || mmx_switch_unclear(c, out))
        return false;
    if (out->vector >= 0)
        return !has_many_parts(m);
    return undefined_destination(c, in, out) < 0;
}

/* A branch to where nothing is: one step brings the emulator there, the host has already faulted on the
 * fetch. With an address that is not canonical some processors fault at the branch, some at its target. */
static bool is_fetch_fault(const struct insn_case *c, const struct state *h, const struct state *g)
{
    if (h->rip == c->at)
        return false;
    if (h->vector == VEC_PF && h->error & 0x10 && h->cr2 == h->rip)
        return true;
    return h->vector == VEC_GP && g->vector == VEC_GP && (uint64_t)((int64_t)(h->rip << 16) >> 16) != h->rip;
}

const char *compare(const struct insn_case *c, const struct state *in, const struct state *h,
                    const struct state *g)
{
    if (c->target && h->rip != c->at && h->rip != c->target && h->vector >= 0 && g->vector < 0)
        return NULL; /* the target was read from where none can be written */
    if (is_fetch_fault(c, h, g))
        return h->vector == VEC_PF && h->rip != g->rip ? "RIP" : NULL;
    const char *what = compare_exception(c, h, g);
    bool faulted = h->vector >= 0;
    uint64_t flags = FLAGS_SEEN & ~(faulted ? 0 : undefined_flags(c, in, h)),
             mask = c->bits == 64 ? ~0ull : 0xffffffff;
    int skip = faulted ? -1 : undefined_destination(c, in, h);
    if (!what && faulted && has_many_parts(c->row->mnemonic)) {
        level_all();
        return NULL;
    }
    if (what)
        return *what ? what : NULL;
    if (h->rip != g->rip)
        return "RIP";
    if ((h->flags ^ g->flags) & flags)
        return "flags";
    for (int i = 0; i < (c->bits == 64 ? 16 : 8); i++)
        if ((h->gpr[i] ^ g->gpr[i]) & mask && i != skip)
            return "general register";
    what = compare_fx(c, h, g);
    if (what)
        return what;
    level_undefined(c, in, h);
    return compare_memory();
}

/* ---------------------------------------------------------------- printing */

static void print_bytes(FILE *f, const uint8_t *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        fprintf(f, "%02x", p[i]);
}

static void print_exception(FILE *f, const char *who, const struct state *s)
{
    if (s->vector >= 0)
        fprintf(f, "    %s: exception %d error %#x cr2 %#llx\n", who, s->vector, s->error,
                (unsigned long long)s->cr2);
}

static void print_gprs(FILE *f, const struct state *in, const struct state *h, const struct state *g)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "    %-5s %016llx -> %016llx %016llx%s\n", names[i], (unsigned long long)in->gpr[i],
                (unsigned long long)h->gpr[i], (unsigned long long)g->gpr[i],
                h->gpr[i] != g->gpr[i] ? " <<" : "");
    fprintf(f, "    %-5s %16s -> %016llx %016llx\n", "rip", "", (unsigned long long)h->rip,
            (unsigned long long)g->rip);
    fprintf(f, "    flags %016llx -> %016llx %016llx\n", (unsigned long long)in->flags,
            (unsigned long long)h->flags, (unsigned long long)g->flags);
}

static void print_fx(FILE *f, const struct state *in, const struct state *h, const struct state *g)
{
    const struct state *s[3] = {in, h, g};
    fprintf(f, "    cw/sw/tw/mxcsr");
    for (unsigned k = 0; k < 3; k++)
        fprintf(f, "  %04x %04x %02x %08x", fx_word(s[k], FX_FCW), fx_word(s[k], FX_FSW), s[k]->fx[FX_FTW],
                fx_mxcsr(s[k]));
    fprintf(f, "\n");
    for (unsigned i = 0; i < 24; i++) {
        unsigned at = FX_ST + 16 * i;
        if (i >= 8 && !memcmp(in->fx + at, h->fx + at, 16) && !memcmp(h->fx + at, g->fx + at, 16) && i > 9)
            continue;
        fprintf(f, "    %s%-3u", i < 8 ? "st" : "xmm", i < 8 ? i : i - 8);
        for (unsigned k = 0; k < 3; k++) {
            fprintf(f, k == 1 ? " -> " : " ");
            for (unsigned b = i < 8 ? 10 : 16; b--;)
                fprintf(f, "%02x", s[k]->fx[at + b]);
        }
        fprintf(f, "%s\n", memcmp(h->fx + at, g->fx + at, i < 8 ? 10 : 16) ? " <<" : "");
    }
}

static void print_memory(FILE *f)
{
    unsigned shown = 0;
    for (unsigned i = 0; i < NREGIONS; i++)
        for (uint32_t a = regions[i].base; a < regions[i].base + regions[i].pages * PAGE; a++) {
            const uint8_t *g = guest_memory(a), *h = (uint8_t *)(uintptr_t)a;
            if (regions[i].kind[(a - regions[i].base) / PAGE] == PAGE_WRITE && *g != *h && shown++ < 24)
                fprintf(f, "    [%#x] host %02x emulator %02x\n", a, *h, *g);
        }
}

void print_states(FILE *f, const struct state *in, const struct state *h, const struct state *g)
{
    print_exception(f, "host", h);
    print_exception(f, "emulator", g);
    print_gprs(f, in, h, g);
    print_fx(f, in, h, g);
    print_memory(f);
}

void print_case(FILE *f, const struct insn_case *c, const struct state *in, const struct state *h,
                const struct state *g)
{
    fprintf(f, "  %s, %u-bit code at %#x, seed %#llx: ", c->row->mnemonic, c->bits, c->at,
            (unsigned long long)c->seed);
    print_bytes(f, c->bytes, c->len);
    if (c->mem)
        fprintf(f, "  operand at %#llx", (unsigned long long)c->ea);
    fprintf(f, "\n    in -> host, emulator\n");
    print_states(f, in, h, g);
}

/* regs.c - access to registers for debuggers and loaders, by descriptor and by name; also the processor's
 * position.
 *
 * The order of the first rows is that of gdb's i386 features core, sse and segments (64 bit). */
#include "hv/x86/system/sys.h"

enum kind {
    PLAIN, /* a number in struct x86 */
    FIXED, /* the same, and it cannot be set: what depends on it is elsewhere */
    EFLAGS,
    SELECTOR, /* in real and virtual-8086 mode the base follows */
    ST,       /* arg: i of ST(i) */
    FTAG,     /* the 16-bit tag word */
    CR8,
    XMM_REG, /* arg: its number */
    YMMH,    /* the upper half of YMM number arg */
};

struct reg {
    uint8_t kind, size, arg;
    uint32_t offset;
};

#define MEMBER(member) sizeof(((struct x86 *)0)->member), 0, offsetof(struct x86, member)

/* X(name, bits, group, ...initialiser of struct reg) */
/* clang-format off */
#define GPR_ROW(n, r) X(#n, 64, REG_GENERAL, PLAIN, MEMBER(gpr[r]))
#define SEL_ROW(n, r) X(#n, 32, REG_SEGMENT, SELECTOR, 2, r, 0)
#define ST_ROW(i)     X("st" #i, 80, REG_FLOAT, ST, 10, i, 0)
#define XMM_ROW(i)    X("xmm" #i, 128, REG_VECTOR, XMM_REG, 16, i, 0)
#define YMMH_ROW(i)   X("ymm" #i "h", 128, REG_VECTOR, YMMH, 16, i, 0)
#define HIDDEN_ROWS(n, r)                                                                                    \
    X(#n "_base", 64, REG_SYSTEM, PLAIN, MEMBER(seg[r].base))                                                \
    X(#n "_limit", 32, REG_SYSTEM, PLAIN, MEMBER(seg[r].limit))                                              \
    X(#n "_attr", 16, REG_SYSTEM, PLAIN, MEMBER(seg[r].attr))
#define ROWS                                                                                                 \
    GPR_ROW(rax, RAX) GPR_ROW(rbx, RBX) GPR_ROW(rcx, RCX) GPR_ROW(rdx, RDX) GPR_ROW(rsi, RSI)                \
    GPR_ROW(rdi, RDI) GPR_ROW(rbp, RBP) GPR_ROW(rsp, RSP) GPR_ROW(r8, R8) GPR_ROW(r9, R9)                    \
    GPR_ROW(r10, R10) GPR_ROW(r11, R11) GPR_ROW(r12, R12) GPR_ROW(r13, R13) GPR_ROW(r14, R14)                \
    GPR_ROW(r15, R15) GPR_ROW(rip, REG_RIP)                                                                  \
    X("eflags", 32, REG_GENERAL, EFLAGS, 4, 0, 0)                                                            \
    SEL_ROW(cs, CS) SEL_ROW(ss, SS) SEL_ROW(ds, DS) SEL_ROW(es, ES) SEL_ROW(fs, FS) SEL_ROW(gs, GS)          \
    ST_ROW(0) ST_ROW(1) ST_ROW(2) ST_ROW(3) ST_ROW(4) ST_ROW(5) ST_ROW(6) ST_ROW(7)                          \
    X("fctrl", 32, REG_FLOAT, PLAIN, MEMBER(fpu.cw))                                                         \
    X("fstat", 32, REG_FLOAT, PLAIN, MEMBER(fpu.sw))                                                         \
    X("ftag", 32, REG_FLOAT, FTAG, 2, 0, 0)                                                                  \
    X("fiseg", 32, REG_FLOAT, PLAIN, MEMBER(fpu.fcs))                                                        \
    X("fioff", 32, REG_FLOAT, PLAIN, MEMBER(fpu.fip))                                                        \
    X("foseg", 32, REG_FLOAT, PLAIN, MEMBER(fpu.fds))                                                        \
    X("fooff", 32, REG_FLOAT, PLAIN, MEMBER(fpu.fdp))                                                        \
    X("fop", 32, REG_FLOAT, PLAIN, MEMBER(fpu.fop))                                                          \
    XMM_ROW(0) XMM_ROW(1) XMM_ROW(2) XMM_ROW(3) XMM_ROW(4) XMM_ROW(5) XMM_ROW(6) XMM_ROW(7)                  \
    XMM_ROW(8) XMM_ROW(9) XMM_ROW(10) XMM_ROW(11) XMM_ROW(12) XMM_ROW(13) XMM_ROW(14) XMM_ROW(15)            \
    X("mxcsr", 32, REG_VECTOR, PLAIN, MEMBER(fpu.mxcsr))                                                     \
    X("fs_base", 64, REG_SYSTEM, PLAIN, MEMBER(seg[FS].base))                                                \
    X("gs_base", 64, REG_SYSTEM, PLAIN, MEMBER(seg[GS].base))                                                \
    X("k_gs_base", 64, REG_SYSTEM, PLAIN, MEMBER(msr.kernel_gs_base))                                        \
    X("cr0", 64, REG_CONTROL, PLAIN, MEMBER(cr0))                                                            \
    X("cr2", 64, REG_CONTROL, PLAIN, MEMBER(cr2))                                                            \
    X("cr3", 64, REG_CONTROL, PLAIN, MEMBER(cr3))                                                            \
    X("cr4", 64, REG_CONTROL, PLAIN, MEMBER(cr4))                                                            \
    X("cr8", 64, REG_CONTROL, CR8, 8, 0, 0)                                                                  \
    X("efer", 64, REG_CONTROL, PLAIN, MEMBER(efer))                                                          \
    X("cs_base", 64, REG_SYSTEM, PLAIN, MEMBER(seg[CS].base))                                                \
    X("ss_base", 64, REG_SYSTEM, PLAIN, MEMBER(seg[SS].base))                                                \
    X("ds_base", 64, REG_SYSTEM, PLAIN, MEMBER(seg[DS].base))                                                \
    X("es_base", 64, REG_SYSTEM, PLAIN, MEMBER(seg[ES].base))                                                \
    X("gdtr_base", 64, REG_SYSTEM, PLAIN, MEMBER(gdtr.base))                                                 \
    X("gdtr_limit", 16, REG_SYSTEM, PLAIN, MEMBER(gdtr.limit))                                               \
    X("idtr_base", 64, REG_SYSTEM, PLAIN, MEMBER(idtr.base))                                                 \
    X("idtr_limit", 16, REG_SYSTEM, PLAIN, MEMBER(idtr.limit))                                               \
    X("ldtr", 16, REG_SYSTEM, PLAIN, MEMBER(seg[LDTR].sel))                                                  \
    HIDDEN_ROWS(ldtr, LDTR)                                                                                  \
    X("tr", 16, REG_SYSTEM, PLAIN, MEMBER(seg[TR].sel))                                                      \
    HIDDEN_ROWS(tr, TR)                                                                                      \
    X("dr0", 64, REG_CONTROL, PLAIN, MEMBER(dr[0]))                                                          \
    X("dr1", 64, REG_CONTROL, PLAIN, MEMBER(dr[1]))                                                          \
    X("dr2", 64, REG_CONTROL, PLAIN, MEMBER(dr[2]))                                                          \
    X("dr3", 64, REG_CONTROL, PLAIN, MEMBER(dr[3]))                                                          \
    X("dr6", 64, REG_CONTROL, PLAIN, MEMBER(dr[6]))                                                          \
    X("dr7", 64, REG_CONTROL, PLAIN, MEMBER(dr[7]))                                                          \
    X("cpl", 8, REG_SYSTEM, PLAIN, MEMBER(cpl))                                                              \
    X("smm", 8, REG_SYSTEM, FIXED, MEMBER(in_smm))                                                           \
    X("smbase", 64, REG_SYSTEM, PLAIN, MEMBER(msr.smbase))                                                   \
    X("star", 64, REG_SYSTEM, PLAIN, MEMBER(msr.star))                                                       \
    X("lstar", 64, REG_SYSTEM, PLAIN, MEMBER(msr.lstar))                                                     \
    X("cstar", 64, REG_SYSTEM, PLAIN, MEMBER(msr.cstar))                                                     \
    X("fmask", 64, REG_SYSTEM, PLAIN, MEMBER(msr.fmask))                                                     \
    X("sysenter_cs", 64, REG_SYSTEM, PLAIN, MEMBER(msr.sysenter_cs))                                         \
    X("sysenter_esp", 64, REG_SYSTEM, PLAIN, MEMBER(msr.sysenter_esp))                                       \
    X("sysenter_eip", 64, REG_SYSTEM, PLAIN, MEMBER(msr.sysenter_eip))                                       \
    X("pat", 64, REG_SYSTEM, PLAIN, MEMBER(msr.pat))                                                         \
    X("tsc_offset", 64, REG_SYSTEM, PLAIN, MEMBER(msr.tsc_offset))                                           \
    YMMH_ROW(0) YMMH_ROW(1) YMMH_ROW(2) YMMH_ROW(3) YMMH_ROW(4) YMMH_ROW(5) YMMH_ROW(6) YMMH_ROW(7)          \
    YMMH_ROW(8) YMMH_ROW(9) YMMH_ROW(10) YMMH_ROW(11) YMMH_ROW(12) YMMH_ROW(13) YMMH_ROW(14) YMMH_ROW(15)
/* clang-format on */

#define X(name, bits, group, ...) {name, bits, group},
static const struct reg_desc descs[] = {ROWS};
#undef X
#define X(name, bits, group, ...) {__VA_ARGS__},
static const struct reg regs[] = {ROWS};
#undef X
enum { NREGS = sizeof regs / sizeof regs[0], YMM_REGS = 16 };

/* The last ones are there if the model has AVX. */
static size_t reg_count(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_AVX) ? NREGS : NREGS - YMM_REGS;
}

const struct reg_desc *x86_regs(const struct x86 *cpu, size_t *count)
{
    *count = reg_count(cpu);
    return descs;
}

/* ---------------------------------------------------------------- x87 */

static struct fpreg *st_reg(const struct x86 *cpu, unsigned i)
{
    unsigned top = cpu->fpu.sw >> 11 & 7;
    return (struct fpreg *)&cpu->fpu.r[(top + i) & 7];
}

/* 0 valid, 1 zero, 2 special, 3 empty: SDM volume 1, 8.1.7. */
static unsigned tag_of(const struct x86 *cpu, unsigned i)
{
    const struct fpreg *r = &cpu->fpu.r[i];
    unsigned exp = r->exp & 0x7fff;
    if (cpu->fpu.empty >> i & 1)
        return 3;
    if (!exp && !r->sig)
        return 1;
    return exp == 0 || exp == 0x7fff || !(r->sig >> 63) ? 2 : 0;
}

static uint16_t tags_get(const struct x86 *cpu)
{
    unsigned v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= tag_of(cpu, i) << (2 * i);
    return (uint16_t)v;
}

static void tags_set(struct x86 *cpu, unsigned v)
{
    cpu->fpu.empty = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((v >> (2 * i) & 3) == 3)
            cpu->fpu.empty |= (uint8_t)(1u << i);
}

/* ---------------------------------------------------------------- get and set */

static uint64_t number_get(const struct x86 *cpu, const struct reg *r)
{
    uint64_t v = 0;
    switch (r->kind) {
    case EFLAGS:
        return eflags_get(cpu);
    case SELECTOR:
        return cpu->seg[r->arg].sel;
    case FTAG:
        return tags_get(cpu);
    case CR8:
        return cpu->bus.get_cr8(cpu->bus.ctx);
    default:
        memcpy(&v, (const char *)cpu + r->offset, r->size);
        return v;
    }
}

static void selector_set(struct x86 *cpu, unsigned n, uint16_t sel)
{
    if (protected_mode(cpu))
        cpu->seg[n].sel = sel;
    else
        cpu->seg[n] = seg_real(cpu, &cpu->seg[n], sel);
}

/* Values are accepted unchecked. Whatever depends on them (LMA, null segments, caches) is updated here. */
static void settle(struct x86 *cpu)
{
    bool lma = cpu->cr0 & CR0_PG && cpu->efer & EFER_LME;
    cpu->efer = lma ? cpu->efer | EFER_LMA : cpu->efer & ~(uint64_t)EFER_LMA;
    cpu->seg[LDTR].null = !(cpu->seg[LDTR].attr & SEG_P);
    cpu->seg[TR].null = !(cpu->seg[TR].attr & SEG_P);
    if (uses_pdptes(cpu))
        pdpte_load(cpu, cpu->cr3);
    tlb_flush(cpu);
    mode_derive(cpu);
}

static void number_set(struct x86 *cpu, const struct reg *r, uint64_t v)
{
    switch (r->kind) {
    case EFLAGS:
        eflags_set(cpu, v & 0x3f7fd7);
        break;
    case SELECTOR:
        selector_set(cpu, r->arg, (uint16_t)v);
        break;
    case FTAG:
        tags_set(cpu, (unsigned)v);
        break;
    case CR8:
        cpu->bus.set_cr8(cpu->bus.ctx, v & 15);
        break;
    default:
        memcpy((char *)cpu + r->offset, &v, r->size);
        break;
    }
    settle(cpu);
}

int x86_reg_get(const struct x86 *cpu, size_t reg, void *value)
{
    if (reg >= reg_count(cpu))
        return -1;
    const struct reg *r = &regs[reg];
    if (r->kind == ST) {
        const struct fpreg *f = st_reg(cpu, r->arg);
        memcpy(value, &f->sig, 8);
        memcpy((char *)value + 8, &f->exp, 2);
    } else if (r->kind == XMM_REG) {
        memcpy(value, &cpu->xmm[r->arg], 16);
    } else if (r->kind == YMMH) {
        memcpy(value, &cpu->ymmh[r->arg], 16);
    } else {
        uint64_t v = number_get(cpu, r);
        memcpy(value, &v, (descs[reg].bits + 7) / 8);
    }
    return 0;
}

int x86_reg_set(struct x86 *cpu, size_t reg, const void *value)
{
    if (reg >= reg_count(cpu))
        return -1;
    const struct reg *r = &regs[reg];
    if (r->kind == FIXED)
        return -1;
    if (r->kind == ST) {
        struct fpreg *f = st_reg(cpu, r->arg);
        memcpy(&f->sig, value, 8);
        memcpy(&f->exp, (const char *)value + 8, 2);
    } else if (r->kind == XMM_REG) {
        memcpy(&cpu->xmm[r->arg], value, 16);
    } else if (r->kind == YMMH) {
        memcpy(&cpu->ymmh[r->arg], value, 16);
    } else {
        uint64_t v = 0;
        memcpy(&v, value, (descs[reg].bits + 7) / 8);
        number_set(cpu, r, v);
    }
    return 0;
}

/* ---------------------------------------------------------------- by name */

/* A register that fits into 64 bits. */
static const struct reg *number_by_name(const char *name)
{
    for (size_t i = 0; i < NREGS; i++)
        if (!strcmp(descs[i].name, name))
            return descs[i].bits <= 64 ? &regs[i] : NULL;
    return NULL;
}

int x86_set(struct x86 *cpu, const char *name, uint64_t value)
{
    const struct reg *r = number_by_name(name);
    if (!r)
        return -1;
    number_set(cpu, r, value);
    return 0;
}

uint64_t x86_get(const struct x86 *cpu, const char *name)
{
    const struct reg *r = number_by_name(name);
    return r ? number_get(cpu, r) : 0;
}

uint64_t x86_vectors(const struct x86 *cpu)
{
    return cpu->flags & FLAG_VM ? 0 : cpu->idtr.base;
}

/* ---------------------------------------------------------------- where */

uint64_t x86_linear_ip(const struct x86 *cpu)
{
    return (cpu->mode64 ? 0 : cpu->seg[CS].base) + where_rip(cpu);
}

void x86_where(const struct x86 *cpu, struct x86_where *w)
{
    *w = (struct x86_where){
        .cs = cpu->seg[CS].sel,
        .cs_base = cpu->mode64 ? 0 : cpu->seg[CS].base,
        .rip = where_rip(cpu),
        .cpl = cpu->cpl,
        .code_bits = cpu->code_bits,
        .long_mode = long_mode(cpu),
        .protected_mode = !real_mode(cpu),
        .paging = cpu->cr0 & CR0_PG,
        .smm = cpu->in_smm,
        .cr3 = cpu->cr3,
    };
}

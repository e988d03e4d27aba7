/* cpuid.c - the processor models: the results of CPUID, and which instructions and registers exist.
 *
 * SDM volume 2, CPUID; AMD CPUID specification (25481) for the extended leaves.
 *
 * The vendor of most is AMD, family 15 (K8): operating systems then expect neither Meltdown nor microcode updates nor
 * the registers of later families. The model is QEMU's qemu64 (6Bh, stepping 1: revision G). Models 20h-3Fh
 * (revision E) have errata on real machines about which FreeBSD warns, and for which Xen refuses to create
 * domains (erratum 121). Models from 41h on may have C1E (erratum 400): systems check MSR C0010055h, which
 * says that it is off. With +svm the signature stays: revision G had SVM, but nested paging, NRIP and decode assists came with later
 * families. Linux, KVM and Xen go by the feature bits of leaf 8000000Ah, and take no detour for the family: its errata of SVM are of the
 * processors without nested paging.
 *
 * The vendor of intel-v2 and intel-v3 is Intel.
 *
 * intel-v2 says that it is a Sandy Bridge (06_2Ah, stepping 7), as the Pentium G620 was, which had VT-x and no AVX. Kernels know Nehalem and
 * Westmere, which are older, by their errata: KVM refuses their VMX-preemption timer and their control for IA32_PERF_GLOBAL_CTRL.
 *
 * intel-v3 says that it is a Broadwell (06_3Dh, stepping 4), the first with ADX, SMAP and RDSEED. CLFLUSHOPT, XSAVEC and XSAVES came with
 * Skylake (06_5Eh), which has all of this model's features, but which kernels have on their lists for Retbleed and GDS. Broadwell is on that
 * for SRBDS, of which IA32_ARCH_CAPABILITIES.MDS_NO without TSX says that there is none.
 *
 * IA32_ARCH_CAPABILITIES says of both that they have none of the faults whose mitigations cost time: no Meltdown and L1TF (so no separate page
 * tables, and no flush of L1D at VM entries), MDS, TAA, stale data of MMIO, machine checks by page sizes (so huge pages in EPT can be executed).
 * Against Spectre version 2 kernels use retpolines, as on the others. IA32_FEATURE_CONTROL is locked, as firmware leaves it, with VMX if there
 * is `+vmx`. TSC and local APIC timer count nanoseconds, and leaf 15h says so; it is newer than both processors. */
#include <assert.h>
#include <stdio.h>

#include "base/must.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

struct cpuid_model {
    const char *name;
    uint64_t features; /* one bit per enum feature */
    uint32_t signature;
    uint32_t max_basic;
    uint8_t physical_bits, linear_bits;
    bool nx;
};

#define F(x)          (1ull << FT_##x)
#define FEATURES_I686 (F(BASE) | F(FPU) | F(CMOV) | F(CX8) | F(MMX) | F(FXSR) | F(SSE) | F(SYSENTER))
#define FEATURES_V1   (FEATURES_I686 | F(SSE2) | F(SYSCALL) | F(LM) | F(CLFLUSH))
#define FEATURES_V2                                                                                          \
    (FEATURES_V1 | F(SSE3) | F(SSSE3) | F(SSE41) | F(SSE42) | F(POPCNT) | F(CX16) | F(LAHF64) | F(RDTSCP))
/* The level, and what processors of it have beside it (Haswell to Zen 2). */
#define FEATURES_V3                                                                                          \
    (FEATURES_V2 | F(XSAVE) | F(AVX) | F(AVX2) | F(FMA) | F(F16C) | F(BMI1) | F(BMI2) | F(LZCNT) |           \
     F(MOVBE) | F(AES) | F(PCLMUL) | F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) | F(XSAVES) | F(RDRAND) |          \
     F(RDSEED) | F(FSGSBASE) | F(SMEP) | F(SMAP) | F(ADX) | F(CLFLUSHOPT) | F(X2APIC) | F(TSC_DEADLINE))
#define FEATURES_MAX                                                                                         \
    (FEATURES_V3 | F(UMIP) | F(INVPCID) | F(CLWB) | F(RDPID) | F(SHA) | F(GFNI) | F(VAES) | F(VPCLMUL) |     \
     F(LA57))

/* The first is the default; "max" has every feature but what belongs to the vendor. Signatures: K8 revision G (model 6Bh), K7 (model
 * 6), Sandy Bridge, Broadwell. */
static const struct cpuid_model models[] = {
    {"x86-64-v2", FEATURES_V2 | F(AMD), 0x60fb1, 0x16, 40, 48, true},
    {"x86-64", FEATURES_V1 | F(AMD), 0x60fb1, 0x16, 40, 48, true},
    {"x86-64-v3", FEATURES_V3 | F(AMD), 0x60fb1, 0x16, 40, 48, true},
    {"max", FEATURES_MAX | F(AMD), 0x60fb1, 0x16, 40, 48, true},
    {"i686", FEATURES_I686 | F(AMD), 0x662, 1, 36, 32, false},
    {"intel-v2", FEATURES_V2 | F(INTEL), 0x206a7, 0x16, 40, 48, true},
    {"intel-v3", FEATURES_V3 | F(INTEL), 0x306d4, 0x16, 40, 48, true},
};
enum { NMODELS = sizeof models / sizeof models[0] };

const char *x86_model(unsigned i)
{
    return i < NMODELS ? models[i].name : NULL;
}

/* What can be added to a model, each behind a comma. Some are of one vendor's processors; the others are of both's. +pcid is PCID with
 * INVPCID, as Intel's have had both since Haswell. `max` has it: what a recording's model has must not change, so new features are added
 * and not put into the models. */
static const struct extra {
    const char *name;
    uint8_t feature;
    uint8_t vendor; /* FT_BASE: any */
    const char *whose;
} extras[] = {
    {"+svm", FT_SVM, FT_AMD, "AMD"},
    {"+vmx", FT_VMX, FT_INTEL, "Intel"},
    {"+pcid", FT_INVPCID, FT_BASE, NULL},
    {"+pdpe1gb", FT_PDPE1GB, FT_BASE, NULL},
};
enum { NEXTRAS = sizeof extras / sizeof extras[0] };

static const struct extra *extra_named(const char *name, size_t n)
{
    for (unsigned i = 0; i < NEXTRAS; i++)
        if (strlen(extras[i].name) == n && !memcmp(extras[i].name, name, n))
            return &extras[i];
    return NULL;
}

/* "+svm, +pcid, +pdpe1gb". */
static void list_extras(const struct x86 *cpu, char *list, size_t size)
{
    size_t n = 0;
    *list = 0;
    for (unsigned i = 0; i < NEXTRAS; i++)
        if (extras[i].vendor == FT_BASE || cpu_has(cpu, extras[i].vendor))
            n += (size_t)snprintf(list + n, size - n, "%s%s", n ? ", " : "", extras[i].name);
}

static int add_feature(struct x86 *cpu, const char *name, size_t n, struct error *err)
{
    const struct extra *e = extra_named(name, n);
    char list[80];
    list_extras(cpu, list, sizeof list);
    if (!e)
        return error_set(err, "nothing '%.*s' can be added to the processor model '%s'; there is: %s", (int)n,
                         name, cpu->model->name, list);
    if (e->vendor != FT_BASE && !cpu_has(cpu, e->vendor))
        return error_set(
            err, "'%s' is of %s's processors, and the processor model '%s' is one of %s's: there is: %s",
            e->name, e->whose, cpu->model->name, cpu_has(cpu, FT_AMD) ? "AMD" : "Intel", list);
    if (!cpu_has(cpu, FT_LM))
        return error_set(err, "processor model '%s' cannot have '%s': no processor without long mode had it",
                         cpu->model->name, e->name);
    cpu->features |= 1ull << e->feature;
    return 0;
}

/* "+svm,+pdpe1gb". */
static int add_features(struct x86 *cpu, const char *names, struct error *err)
{
    for (const char *comma; names; names = *comma ? comma + 1 : NULL) {
        comma = strchrnul(names, ',');
        if (add_feature(cpu, names, (size_t)(comma - names), err))
            return -1;
    }
    return 0;
}

int cpuid_select(struct x86 *cpu, const char *name, struct error *err)
{
    char list[120] = "";
    const char *comma = name ? strchrnul(name, ',') : NULL;
    for (unsigned i = 0; i < NMODELS; i++) {
        if (!name || ((size_t)(comma - name) == strlen(models[i].name) &&
                      !memcmp(name, models[i].name, (size_t)(comma - name)))) {
            cpu->model = &models[i];
            cpu->features = models[i].features;
            return name && *comma ? add_features(cpu, comma + 1, err) : 0;
        }
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", models[i].name);
    }
    return error_set(err, "no processor model '%s'; there are: %s", name, list);
}

bool cpu_has(const struct x86 *cpu, enum feature f)
{
    return cpu->features >> f & 1;
}

void x86_as_before_15(struct x86 *cpu)
{
    cpu->as_before_15 = true;
}

void x86_as_before_16(struct x86 *cpu)
{
    cpu->as_before_16 = true;
}

void x86_set_cores(struct x86 *cpu, unsigned n)
{
    assert(n && n <= ENGINE_CPUS);
    cpu->cores = n;
}

bool x86_has_tsc_deadline(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_TSC_DEADLINE);
}

bool x86_has_vmx(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_VMX);
}

/* SVM or VMX is added to the model at hand, if it can be. */
static const char *model_with_guests(const struct x86 *cpu, enum feature f)
{
    static const struct {
        enum feature feature;
        const char *name;
    } names[] = {
        {FT_SVM, "x86-64,+svm"}, {FT_SVM, "x86-64-v2,+svm"}, {FT_SVM, "x86-64-v3,+svm"},
        {FT_SVM, "max,+svm"},    {FT_VMX, "intel-v2,+vmx"},  {FT_VMX, "intel-v3,+vmx"},
    };
    const size_t n = strlen(cpu->model->name);
    const char *first = NULL;
    for (unsigned k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (names[k].feature != f)
            continue;
        first = first ? first : names[k].name;
        if (!strncmp(names[k].name, cpu->model->name, n) && names[k].name[n] == ',')
            return names[k].name;
    }
    return first;
}

/* From the least of them to the one with everything. */
const char *cpuid_least_model(const struct x86 *cpu, enum feature f)
{
    static const char *const names[] = {"i686", "x86-64", "x86-64-v2", "x86-64-v3", "max"};
    for (unsigned k = 0; k < sizeof names / sizeof names[0]; k++)
        for (unsigned i = 0; i < NMODELS; i++)
            if (!strcmp(models[i].name, names[k]) && models[i].features >> f & 1)
                return models[i].name;
    return model_with_guests(cpu, f);
}

const char *feature_name(enum feature f)
{
    static const char *const names[FT_COUNT] = {
        [FT_FPU] = "x87",           [FT_CMOV] = "CMOV",
        [FT_CX8] = "CX8",           [FT_MMX] = "MMX",
        [FT_FXSR] = "FXSR",         [FT_SSE] = "SSE",
        [FT_SSE2] = "SSE2",         [FT_SSE3] = "SSE3",
        [FT_SSSE3] = "SSSE3",       [FT_SSE41] = "SSE4.1",
        [FT_SSE42] = "SSE4.2",      [FT_POPCNT] = "POPCNT",
        [FT_CX16] = "CX16",         [FT_SYSCALL] = "SYSCALL",
        [FT_SYSENTER] = "SEP",      [FT_XSAVE] = "XSAVE",
        [FT_RDTSCP] = "RDTSCP",     [FT_LM] = "long mode",
        [FT_MOVBE] = "MOVBE",       [FT_RDRAND] = "RDRAND",
        [FT_RDSEED] = "RDSEED",     [FT_AES] = "AES",
        [FT_PCLMUL] = "PCLMULQDQ",  [FT_FSGSBASE] = "FSGSBASE",
        [FT_CLFLUSH] = "CLFSH",     [FT_MONITOR] = "MONITOR",
        [FT_LAHF64] = "LAHF64",     [FT_SMEP] = "SMEP",
        [FT_SMAP] = "SMAP",         [FT_UMIP] = "UMIP",
        [FT_INVPCID] = "INVPCID",   [FT_CLFLUSHOPT] = "CLFLUSHOPT",
        [FT_CLWB] = "CLWB",         [FT_RDPID] = "RDPID",
        [FT_XSAVEOPT] = "XSAVEOPT", [FT_XSAVEC] = "XSAVEC",
        [FT_XGETBV1] = "XGETBV1",   [FT_XSAVES] = "XSAVES",
        [FT_AVX] = "AVX",           [FT_AVX2] = "AVX2",
        [FT_FMA] = "FMA",           [FT_F16C] = "F16C",
        [FT_BMI1] = "BMI1",         [FT_BMI2] = "BMI2",
        [FT_LZCNT] = "LZCNT",       [FT_ADX] = "ADX",
        [FT_SHA] = "SHA",           [FT_GFNI] = "GFNI",
        [FT_VAES] = "VAES",         [FT_VPCLMUL] = "VPCLMULQDQ",
        [FT_X2APIC] = "x2APIC",     [FT_TSC_DEADLINE] = "TSC-deadline",
        [FT_LA57] = "LA57",         [FT_SVM] = "SVM",
        [FT_VMX] = "VMX",           [FT_PDPE1GB] = "1 GiB pages",
    };
    return names[f] ? names[f] : "the base";
}

bool cpu_has_nx(const struct x86 *cpu)
{
    return cpu->model->nx;
}
uint32_t cpuid_signature(const struct x86 *cpu)
{
    return cpu->model->signature;
}
unsigned cpuid_physical_bits(const struct x86 *cpu)
{
    return cpu->model->physical_bits;
}
unsigned cpuid_linear_bits(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_LA57) ? 57 : cpu->model->linear_bits;
}

/* ---------------------------------------------------------------- feature words */

enum word { W_1C, W_1D, W_7B, W_7C, W_7D, W_D1A, W_E1C, W_E1D };
static const struct {
    uint8_t feature, word, bit;
} feature_bits[] = {
    {FT_FPU, W_1D, 0},           {FT_CX8, W_1D, 8},      {FT_SYSENTER, W_1D, 11}, {FT_CMOV, W_1D, 15},
    {FT_CLFLUSH, W_1D, 19},      {FT_MMX, W_1D, 23},     {FT_FXSR, W_1D, 24},     {FT_SSE, W_1D, 25},
    {FT_SSE2, W_1D, 26},         {FT_SSE3, W_1C, 0},     {FT_PCLMUL, W_1C, 1},    {FT_MONITOR, W_1C, 3},
    {FT_SSSE3, W_1C, 9},         {FT_CX16, W_1C, 13},    {FT_SSE41, W_1C, 19},    {FT_SSE42, W_1C, 20},
    {FT_MOVBE, W_1C, 22},        {FT_POPCNT, W_1C, 23},  {FT_AES, W_1C, 25},      {FT_XSAVE, W_1C, 26},
    {FT_RDRAND, W_1C, 30},       {FT_FSGSBASE, W_7B, 0}, {FT_SMEP, W_7B, 7},      {FT_INVPCID, W_7B, 10},
    {FT_INVPCID, W_1C, 17},      {FT_RDSEED, W_7B, 18},  {FT_SMAP, W_7B, 20},     {FT_CLFLUSHOPT, W_7B, 23},
    {FT_CLWB, W_7B, 24},         {FT_UMIP, W_7C, 2},     {FT_RDPID, W_7C, 22},    {FT_LAHF64, W_E1C, 0},
    {FT_FMA, W_1C, 12},          {FT_AVX, W_1C, 28},     {FT_F16C, W_1C, 29},     {FT_BMI1, W_7B, 3},
    {FT_AVX2, W_7B, 5},          {FT_BMI2, W_7B, 8},     {FT_ADX, W_7B, 19},      {FT_SHA, W_7B, 29},
    {FT_GFNI, W_7C, 8},          {FT_VAES, W_7C, 9},     {FT_VPCLMUL, W_7C, 10},  {FT_LZCNT, W_E1C, 5},
    {FT_XSAVEOPT, W_D1A, 0},     {FT_XSAVEC, W_D1A, 1},  {FT_XGETBV1, W_D1A, 2},  {FT_XSAVES, W_D1A, 3},
    {FT_SYSCALL, W_E1D, 11},     {FT_RDTSCP, W_E1D, 27}, {FT_LM, W_E1D, 29},      {FT_X2APIC, W_1C, 21},
    {FT_TSC_DEADLINE, W_1C, 24}, {FT_LA57, W_7C, 16},    {FT_SVM, W_E1C, 2},      {FT_VMX, W_1C, 5},
    {FT_PDPE1GB, W_E1D, 26},     {FT_INTEL, W_7D, 29}, /* IA32_ARCH_CAPABILITIES */
};

static uint32_t feature_word(const struct x86 *cpu, enum word w)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < sizeof feature_bits / sizeof feature_bits[0]; i++)
        if (feature_bits[i].word == w && cpu_has(cpu, feature_bits[i].feature))
            v |= 1u << feature_bits[i].bit;
    return v;
}

enum {
    /* VME DE PSE TSC MSR PAE MCE APIC MTRR PGE MCA PAT PSE36: every model has them. */
    D_SYSTEM = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 12 | 1 << 13 |
               1 << 14 | 1 << 16 | 1 << 17,
    D_APIC = 1 << 9,
    D_COPIED = 0x0183f3ff, /* bits of leaf 1 that AMD repeats in leaf 80000001h */
    D_NX = 1 << 20,
    C_OSXSAVE = 1 << 27,
    C_HYPERVISOR = 1u << 31,
    /* With several cores: leaf 1 says that there are several processors in the package (HTT), 80000001h that they are
     * no threads (CmpLegacy). */
    D_HTT = 1 << 28,
    E1C_CMP_LEGACY = 1 << 1,
};

static uint32_t leaf1_edx(const struct x86 *cpu)
{
    uint64_t base;
    uint32_t d = feature_word(cpu, W_1D) | D_SYSTEM;
    bool apic = cpu->bus.rdmsr(cpu->bus.ctx, 0x1b, &base) && base >> 11 & 1;
    return apic ? d : d & ~(uint32_t)D_APIC;
}

uint32_t x86_user_features(const struct x86 *cpu)
{
    return leaf1_edx(cpu);
}

/* ---------------------------------------------------------------- leaves */

struct regs {
    uint32_t a, b, c, d;
};

static uint32_t word_of(const char *s)
{
    uint32_t v;
    memcpy(&v, s, 4);
    return v;
}

static bool is_intel(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_INTEL);
}

static struct regs vendor(const struct x86 *cpu, uint32_t max)
{
    if (is_intel(cpu))
        return (struct regs){max, word_of("Genu"), word_of("ntel"), word_of("ineI")};
    return (struct regs){max, word_of("Auth"), word_of("cAMD"), word_of("enti")};
}

static struct regs leaf1(const struct x86 *cpu)
{
    uint32_t c = feature_word(cpu, W_1C) | C_HYPERVISOR;
    uint32_t flush = cpu_has(cpu, FT_CLFLUSH) ? 8 << 8 : 0; /* 64-byte lines */
    bool several = cpu->cores > 1;
    return (struct regs){cpu->model->signature, cpu->index << 24 | (several ? cpu->cores << 16 : 0) | flush,
                         cpu->cr4 & CR4_OSXSAVE ? c | C_OSXSAVE : c, leaf1_edx(cpu) | (several ? D_HTT : 0)};
}

/* XSAVE: x87 and SSE state in the legacy area, the header, and behind it AVX's part. In both forms of the area it is at the same
 * place. */
enum { XCR0_AVX = 4, AREA_LEGACY = 576, AREA_AVX = 256 };
static struct regs leaf_xsave(const struct x86 *cpu, uint32_t sub)
{
    bool avx = cpu_has(cpu, FT_AVX);
    uint32_t now = AREA_LEGACY + (cpu->xcr0 & XCR0_AVX ? AREA_AVX : 0),
             most = AREA_LEGACY + (avx ? AREA_AVX : 0);
    if (!cpu_has(cpu, FT_XSAVE))
        return (struct regs){0};
    switch (sub) {
    case 0:
        return (struct regs){3 | (avx ? XCR0_AVX : 0), now, most, 0};
    case 1:
        return (struct regs){feature_word(cpu, W_D1A), cpu_has(cpu, FT_XSAVEC) ? now : 0, 0, 0};
    case 2:
        return avx ? (struct regs){AREA_AVX, AREA_LEGACY, 0, 0} : (struct regs){0};
    default:
        return (struct regs){0};
    }
}

/* How many bits of an APIC ID tell the cores of a package from one another. */
static uint32_t core_bits(const struct x86 *cpu)
{
    return cpu->cores > 1 ? 32 - (uint32_t)__builtin_clz(cpu->cores - 1) : 0;
}

/* SDM volume 2: extended topology. All processors are cores of one package, with one thread each. */
static struct regs leaf_topology(const struct x86 *cpu, uint32_t sub)
{
    enum { THREAD = 1 << 8, CORE = 2 << 8 };
    if (!cpu_has(cpu, FT_X2APIC))
        return (struct regs){0};
    if (sub == 0)
        return (struct regs){0, 1, THREAD, cpu->index};
    if (sub == 1)
        return (struct regs){core_bits(cpu), cpu->cores, CORE | 1, cpu->index};
    return (struct regs){0, 0, sub & 0xff, cpu->index};
}

/* SDM volume 2, deterministic cache parameters: of each cache the type and level, by how many cores at most it is used, the ways, and
 * the sets. Those of a Pentium G620. */
static struct regs leaf_caches(const struct x86 *cpu, uint32_t sub)
{
    enum { DATA = 1, CODE, BOTH, STARTS = 1 << 8, LINE = 64 - 1 };
    static const struct {
        uint8_t type, level, ways;
        bool shared;
        uint16_t sets;
    } caches[] = {{DATA, 1, 8, false, 64},
                  {CODE, 1, 8, false, 64},
                  {BOTH, 2, 8, false, 512},
                  {BOTH, 3, 12, true, 4096}};
    const uint32_t cores = (1u << core_bits(cpu)) - 1;
    if (!is_intel(cpu) || sub >= sizeof caches / sizeof caches[0])
        return (struct regs){0};
    return (struct regs){caches[sub].type | caches[sub].level << 5 | STARTS |
                             (caches[sub].shared ? cores << 14 : 0) | cores << 26,
                         LINE | (caches[sub].ways - 1u) << 22, caches[sub].sets - 1u, 0};
}

/* TSC: 25 MHz times 40. Intel's kernels take the first of these for the clock of the local APIC's timer, too, which counts nanoseconds. */
static struct regs leaf_tsc(const struct x86 *cpu)
{
    return is_intel(cpu) ? (struct regs){1, 1, 1000000000, 0} : (struct regs){1, 40, 25000000, 0};
}

static struct regs basic(const struct x86 *cpu, uint32_t leaf, uint32_t sub)
{
    switch (leaf) {
    case 0:
        return vendor(cpu, cpu->model->max_basic);
    case 1:
        return leaf1(cpu);
    case 2: /* descriptors of caches and TLBs (SDM volume 2, table 3-12), those of a Pentium G620: FFh refers to leaf 4 */
        return is_intel(cpu) ? (struct regs){0x76035a01, 0x00f0b2ff, 0, 0x00ca0000} : (struct regs){0};
    case 4:
        return leaf_caches(cpu, sub);
    case 5:
        return cpu_has(cpu, FT_MONITOR) ? (struct regs){64, 64, 1, 0} : (struct regs){0};
    case 6:
        return (struct regs){4, 0, 0, 0}; /* the APIC timer never stops */
    case 7:
        return sub ? (struct regs){0}
                   : (struct regs){0, feature_word(cpu, W_7B), feature_word(cpu, W_7C),
                                   feature_word(cpu, W_7D)};
    case 0xb:
        return leaf_topology(cpu, sub);
    case 0xd:
        return leaf_xsave(cpu, sub);
    case 0x15:
        return leaf_tsc(cpu);
    case 0x16:
        return (struct regs){1000, 1000, 100, 0};
    default:
        return (struct regs){0};
    }
}

/* Leaves 80000002h to 80000004h: 48 characters. */
static struct regs brand(const struct x86 *cpu, unsigned part)
{
    char text[49] = "";
    struct regs r;
    snprintf(text, sizeof text, "bootreel %s", cpu->model->name);
    memcpy(&r, text + 16 * part, 16);
    return r;
}

/* With SVM there is its leaf, and one before it that is empty. */
static uint32_t extended_max(const struct x86 *cpu)
{
    return cpu_has(cpu, FT_SVM) ? 0x8000000a : 0x80000008;
}

static struct regs leaf_svm(const struct x86 *cpu)
{
    uint32_t r[4] = {0};
    virt_cpuid(cpu, r);
    return (struct regs){r[0], r[1], r[2], r[3]};
}

/* The extended leaves as Intel has them: of leaf 1 only what leaf 1 of the basic ones does not say, of the caches L2. */
static struct regs extended_intel(const struct x86 *cpu, uint32_t leaf)
{
    const struct cpuid_model *m = cpu->model;
    switch (leaf & 0xffff) {
    case 1:
        return (struct regs){0, 0, feature_word(cpu, W_E1C), feature_word(cpu, W_E1D) | (m->nx ? D_NX : 0)};
    case 6:
        return (struct regs){0, 0, 0x01006040, 0}; /* 256 KiB, 8 ways, 64-byte lines */
    case 7:
        return (struct regs){0, 0, 0, 1 << 8}; /* invariant TSC */
    case 8:
        return (struct regs){m->physical_bits | cpuid_linear_bits(cpu) << 8, 0, 0, 0};
    default:
        return (struct regs){0};
    }
}

static struct regs extended_amd(const struct x86 *cpu, uint32_t leaf)
{
    const struct cpuid_model *m = cpu->model;
    switch (leaf & 0xffff) {
    case 1:
        return (struct regs){m->signature, 0,
                             feature_word(cpu, W_E1C) | (cpu->cores > 1 ? E1C_CMP_LEGACY : 0),
                             feature_word(cpu, W_E1D) | (leaf1_edx(cpu) & D_COPIED) | (m->nx ? D_NX : 0)};
    case 5:
        /* L1: 64 KiB each, 2 ways, 64-byte lines */
        return (struct regs){0xff08ff08, 0xff20ff20, 0x40020140, 0x40020140};
    case 6:
        return (struct regs){0, 0x42004200, 0x02008140, 0}; /* L2: 512 KiB, 16 ways */
    case 7:
        return (struct regs){0, 0, 0, 1 << 8}; /* invariant TSC */
    case 8:
        return (struct regs){m->physical_bits | cpuid_linear_bits(cpu) << 8, 0,
                             core_bits(cpu) << 12 | (cpu->cores - 1), 0}; /* ApicIdSize, NC */
    case 0xa:
        return leaf_svm(cpu);
    default:
        return (struct regs){0};
    }
}

static struct regs extended(const struct x86 *cpu, uint32_t leaf)
{
    switch (leaf & 0xffff) {
    case 0:
        return vendor(cpu, extended_max(cpu));
    case 2:
    case 3:
    case 4:
        return brand(cpu, (leaf & 0xffff) - 2);
    default:
        return is_intel(cpu) ? extended_intel(cpu, leaf) : extended_amd(cpu, leaf);
    }
}

static void set_result(struct x86 *cpu, uint32_t leaf, struct regs r)
{
    uint32_t result[4] = {r.a, r.b, r.c, r.d};
    if (cpu->bus.cpuid)
        cpu->bus.cpuid(cpu->bus.ctx, leaf, R32(RCX), result);
    SET32(RAX, result[0]);
    SET32(RBX, result[1]);
    SET32(RCX, result[2]);
    SET32(RDX, result[3]);
}

static OP(op_cpuid)
{
    struct regs r = {0};
    uint32_t leaf = R32(RAX);
    virt_intercept(cpu, op, VIRT_CPUID, 0);
    SYNC;
    if (leaf <= cpu->model->max_basic)
        r = basic(cpu, leaf, R32(RCX));
    else if (leaf >= 0x80000000 && leaf <= extended_max(cpu))
        r = extended(cpu, leaf);
    else if (leaf == 0x40000000)
        r = (struct regs){leaf, word_of("boot"), word_of("reel"), 0};
    else if (leaf >> 16 != 0x4000) /* systems search that whole range for hypervisors */
        unhandled_event(cpu, "cpuid", leaf, false, 0);
    set_result(cpu, leaf, r);
    NEXT;
}

FAMILY1(fam_cpuid, op_cpuid);

/* vmcs.c - the VMCS: which field is where, and the MSRs that say what there is. SDM volume 3, 24.11.2, appendices A and B. */
#include "hv/x86/virt/vmx.h"

/* ---------------------------------------------------------------- fields */

static const struct row {
    uint16_t encoding;
    uint8_t word; /* the control without which there is no such field */
    uint32_t bit;
} fields[VMCS_FIELDS] = {
#define A                                   VMX_ALWAYS, 0
#define PIN(bit)                            VMX_PIN, bit
#define FIRST(bit)                          VMX_FIRST, bit
#define SECOND(bit)                         VMX_SECOND, bit
#define VMCS_FIELD(encoding, name, control) [VMCS_##name] = {encoding, control},
#include "hv/x86/virt/vmcs_fields.def"
#undef VMCS_FIELD
#undef A
#undef PIN
#undef FIRST
#undef SECOND
};

enum { WIDTH = 13, KIND = 10, HIGH = 1, WIDTH_16 = 0, WIDTH_64 = 1, WIDTH_32 = 2, KIND_READ_ONLY = 1 };

unsigned vmcs_width(enum vmcs_field f)
{
    static const unsigned bytes[] = {2, 8, 4, 8};
    return bytes[fields[f].encoding >> WIDTH & 3];
}

bool vmcs_read_only(enum vmcs_field f)
{
    return (fields[f].encoding >> KIND & 3) == KIND_READ_ONLY;
}

static bool exists(const struct x86 *cpu, const struct row *r)
{
    return r->word == VMX_ALWAYS || (vmx_may(cpu, (enum vmx_word)r->word) & r->bit) == r->bit;
}

/* The rows are in the order of their encodings but for the widths, which are in that of the file: 16, 64, 32 bits, natural is theirs, too. */
int vmcs_find(const struct x86 *cpu, uint64_t encoding, bool *high)
{
    int low = 0, top = VMCS_FIELDS - 1;
    *high = encoding & HIGH && (encoding >> WIDTH & 3) == WIDTH_64;
    const uint64_t wanted = *high ? encoding & ~1ull : encoding;
    while (low <= top) {
        const int i = (low + top) / 2;
        if (fields[i].encoding == wanted)
            return exists(cpu, &fields[i]) ? i : -1;
        if (fields[i].encoding < wanted)
            low = i + 1;
        else
            top = i - 1;
    }
    return -1;
}

void vmcs_read(struct x86 *cpu, uint64_t pa, struct vmcs *v)
{
    physmem_read(cpu->mem, pa + VMCS_DATA, v->value, sizeof v->value);
    for (unsigned i = 0; i < VMCS_FIELDS;
         i++) /* what was in the region before it was one may be above a narrow field */
        v->value[i] &= UINT64_MAX >> (64 - 8 * vmcs_width((enum vmcs_field)i));
}

void vmcs_write(struct x86 *cpu, uint64_t pa, const struct vmcs *v)
{
    physmem_write(cpu->mem, pa + VMCS_DATA, v->value, sizeof v->value);
}

/* ---------------------------------------------------------------- capabilities */

/* Bits that must be 1 (the "default1" class), those of the TRUE registers, and those that may be 1 beside them. */
static const struct {
    uint32_t fixed, fixed_true, may;
} controls[] = {
    [VMX_PIN] = {0x16, 0x16, VMX_PIN_INTR | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMIS | VMX_PIN_TIMER},
    [VMX_FIRST] = {0x0401e172, 0x04006172,
                   VMX_FIRST_INTR_WINDOW | VMX_FIRST_TSC_OFFSET | VMX_FIRST_HLT | VMX_FIRST_INVLPG |
                       VMX_FIRST_MWAIT | VMX_FIRST_RDPMC | VMX_FIRST_RDTSC | VMX_FIRST_CR3_LOAD |
                       VMX_FIRST_CR3_STORE | VMX_FIRST_CR8_LOAD | VMX_FIRST_CR8_STORE | VMX_FIRST_TPR_SHADOW |
                       VMX_FIRST_NMI_WINDOW | VMX_FIRST_MOV_DR | VMX_FIRST_IO | VMX_FIRST_IO_BITMAPS |
                       VMX_FIRST_MTF | VMX_FIRST_MSR_BITMAPS | VMX_FIRST_MONITOR | VMX_FIRST_PAUSE |
                       VMX_FIRST_SECOND},
    [VMX_SECOND] = {0, 0,
                    VMX_SECOND_EPT | VMX_SECOND_TABLES | VMX_SECOND_VPID | VMX_SECOND_WBINVD |
                        VMX_SECOND_UNRESTRICTED | VMX_SECOND_PAUSE_LOOP},
    [VMX_EXIT] = {0x36dff, 0x36dfb,
                  VMX_EXIT_SAVE_DEBUG | VMX_EXIT_HOST64 | VMX_EXIT_ACKNOWLEDGE | VMX_EXIT_SAVE_PAT |
                      VMX_EXIT_LOAD_PAT | VMX_EXIT_SAVE_EFER | VMX_EXIT_LOAD_EFER | VMX_EXIT_SAVE_TIMER},
    [VMX_ENTRY] = {0x11ff, 0x11fb,
                   VMX_ENTRY_LOAD_DEBUG | VMX_ENTRY_GUEST64 | VMX_ENTRY_LOAD_PAT | VMX_ENTRY_LOAD_EFER},
};

/* Controls of instructions that not all models have. */
static const struct {
    uint8_t feature;
    uint32_t second;
} second_more[] = {
    {FT_RDTSCP, VMX_SECOND_RDTSCP}, {FT_INVPCID, VMX_SECOND_INVPCID}, {FT_XSAVES, VMX_SECOND_XSAVES}};

uint32_t vmx_may(const struct x86 *cpu, enum vmx_word w)
{
    uint32_t v = controls[w].fixed | controls[w].may;
    for (size_t i = 0; w == VMX_SECOND && i < sizeof second_more / sizeof second_more[0]; i++)
        if (cpu_has(cpu, second_more[i].feature))
            v |= second_more[i].second;
    return v;
}

uint32_t vmx_must(enum vmx_word w)
{
    return controls[w].fixed_true;
}

static uint64_t allowed(const struct x86 *cpu, enum vmx_word w, bool is_true)
{
    return (uint64_t)vmx_may(cpu, w) << 32 | (is_true ? controls[w].fixed_true : controls[w].fixed);
}

/* A.1: regions of 4 KiB in write-back memory, information about INS and OUTS, the TRUE registers. */
static uint64_t basic(void)
{
    enum { SIZE = 32, TYPE = 50, WRITE_BACK = 6, STRINGS = 54, TRUE_CONTROLS = 55 };
    return VMX_REVISION | 4096ull << SIZE | (uint64_t)WRITE_BACK << TYPE | 1ull << STRINGS |
           1ull << TRUE_CONTROLS;
}

/* A.6: exits store EFER.LMA in a control of entries; a guest may wait in HLT and for a SIPI. No dual-monitor treatment of SMM, no
 * writing of read-only fields, no injection without an instruction's length. */
static uint64_t misc(void)
{
    enum { STORES_LMA = 1 << 5, STATE_HLT = 1 << 6, STATE_SIPI = 1 << 8, TARGETS = 16 };
    return VMX_TIMER_RATE | STORES_LMA | STATE_HLT | STATE_SIPI | VMX_CR3_TARGETS << TARGETS;
}

/* A.9: the highest index of a field. */
static uint64_t enumeration(void)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < VMCS_FIELDS; i++)
        if ((fields[i].encoding & 0x3fe) > most)
            most = fields[i].encoding & 0x3fe;
    return most;
}

/* A.10: pages that are only executed, four levels, uncacheable and write-back tables, pages of 2 MiB and 1 GiB, accessed and dirty flags,
 * all kinds of INVEPT and INVVPID. */
static uint64_t ept_vpid(void)
{
    enum {
        EXEC_ONLY = 0,
        LEVELS_4 = 6,
        UC = 8,
        WB = 14,
        PAGES_2M = 16,
        PAGES_1G,
        INVEPT = 20,
        AD,
        INVEPT_ONE = 25,
        INVEPT_ALL
    };
    enum { INVVPID = 32, INVVPID_KINDS = 40 };
    return 1ull << EXEC_ONLY | 1ull << LEVELS_4 | 1ull << UC | 1ull << WB | 1ull << PAGES_2M |
           1ull << PAGES_1G | 1ull << INVEPT | 1ull << AD | 1ull << INVEPT_ONE | 1ull << INVEPT_ALL |
           1ull << INVVPID | 15ull << INVVPID_KINDS;
}

uint64_t vmx_capability(const struct x86 *cpu, uint32_t msr)
{
    switch (msr) {
    case 0x480:
        return basic();
    case 0x481:
        return allowed(cpu, VMX_PIN, false);
    case 0x482:
        return allowed(cpu, VMX_FIRST, false);
    case 0x483:
        return allowed(cpu, VMX_EXIT, false);
    case 0x484:
        return allowed(cpu, VMX_ENTRY, false);
    case 0x485:
        return misc();
    case 0x486:
        return CR0_FIXED;
    case 0x487:
        return 0xffffffff;
    case 0x488:
        return CR4_FIXED;
    case 0x489:
        return cr4_allowed(cpu);
    case 0x48a:
        return enumeration();
    case 0x48b:
        return allowed(cpu, VMX_SECOND, false);
    case 0x48c:
        return ept_vpid();
    case 0x48d:
        return allowed(cpu, VMX_PIN, true);
    case 0x48e:
        return allowed(cpu, VMX_FIRST, true);
    case 0x48f:
        return allowed(cpu, VMX_EXIT, true);
    default: /* 490h */
        return allowed(cpu, VMX_ENTRY, true);
    }
}

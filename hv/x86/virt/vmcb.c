/* vmcb.c - the virtual machine control block: which register is where. AMD APM volume 2, appendix B. */
#include "hv/x86/virt/svm.h"

/* One register: `width` bytes in the VMCB, `size` bytes in struct x86. */
struct slot {
    uint16_t at;
    uint8_t width, size;
    uint32_t member;
};
#define SLOT(at, width, member)                                                                              \
    {                                                                                                        \
        at, width, sizeof(((struct x86 *)0)->member), offsetof(struct x86, member)                           \
    }

static const struct slot state[] = {
    SLOT(0x464, 2, gdtr.limit),   SLOT(0x468, 8, gdtr.base), SLOT(0x484, 2, idtr.limit),
    SLOT(0x488, 8, idtr.base),    SLOT(0x4cb, 1, cpl),       SLOT(0x4d0, 8, efer),
    SLOT(0x548, 8, cr4),          SLOT(0x550, 8, cr3),       SLOT(0x558, 8, cr0),
    SLOT(0x560, 8, dr[7]),        SLOT(0x568, 8, dr[6]),     SLOT(0x570, 8, flags),
    SLOT(0x578, 8, gpr[REG_RIP]), SLOT(0x5d8, 8, gpr[RSP]),  SLOT(0x5f8, 8, gpr[RAX]),
    SLOT(0x640, 8, cr2),
};
static const struct slot pat[] = {SLOT(0x668, 8, msr.pat)};
static const struct slot more[] = {
    SLOT(0x600, 8, msr.star),         SLOT(0x608, 8, msr.lstar),          SLOT(0x610, 8, msr.cstar),
    SLOT(0x618, 8, msr.fmask),        SLOT(0x620, 8, msr.kernel_gs_base), SLOT(0x628, 8, msr.sysenter_cs),
    SLOT(0x630, 8, msr.sysenter_esp), SLOT(0x638, 8, msr.sysenter_eip),
};
/* Where a segment register is: selector, attributes (without the reserved bits of a descriptor), limit, base. */
struct seg_slot {
    uint16_t at;
    uint8_t seg;
};
static const struct seg_slot state_segs[] = {{0x400, ES}, {0x410, CS}, {0x420, SS}, {0x430, DS}};
static const struct seg_slot more_segs[] = {{0x440, FS}, {0x450, GS}, {0x470, LDTR}, {0x490, TR}};

#define COUNT(table) (sizeof(table) / sizeof *(table))

void vmcb_read(struct x86 *cpu, uint64_t pa, struct vmcb *v)
{
    physmem_read(cpu->mem, pa & physmem_a20_mask(cpu->mem), v->byte, sizeof v->byte);
}

void vmcb_write(struct x86 *cpu, uint64_t pa, const struct vmcb *v, unsigned from, unsigned to)
{
    physmem_write(cpu->mem, (pa & physmem_a20_mask(cpu->mem)) + from, v->byte + from, to - from);
}

static void load(struct x86 *cpu, const struct vmcb *v, const struct slot *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t value = vmcb_get(v, s[i].at, s[i].width);
        memcpy((char *)cpu + s[i].member, &value, s[i].size);
    }
}

static void store(const struct x86 *cpu, struct vmcb *v, const struct slot *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value = 0;
        memcpy(&value, (const char *)cpu + s[i].member, s[i].size);
        vmcb_put(v, s[i].at, s[i].width, value);
    }
}

/* What is kept of an address: it is made canonical (15.5.1). */
static uint64_t canonical(const struct x86 *cpu, uint64_t a)
{
    const unsigned drop = 64 - cpuid_linear_bits(cpu);
    return (uint64_t)((int64_t)(a << drop) >> drop);
}

static void load_segs(struct x86 *cpu, const struct vmcb *v, const struct seg_slot *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned attr = (unsigned)vmcb_get(v, s[i].at + 2, 2);
        cpu->seg[s[i].seg] = (struct seg){.sel = (uint16_t)vmcb_get(v, s[i].at, 2),
                                          .attr = (uint16_t)((attr & 0xff) | (attr & 0xf00) << 4),
                                          .limit = (uint32_t)vmcb_get(v, s[i].at + 4, 4),
                                          .base = canonical(cpu, vmcb_get(v, s[i].at + 8, 8)),
                                          .null = !(attr & SEG_P)};
    }
}

static void store_segs(const struct x86 *cpu, struct vmcb *v, const struct seg_slot *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct seg *r = &cpu->seg[s[i].seg];
        vmcb_put(v, s[i].at, 2, r->sel);
        vmcb_put(v, s[i].at + 2, 2, (r->attr & 0xff) | (r->attr >> 4 & 0xf00));
        vmcb_put(v, s[i].at + 4, 4, r->limit);
        vmcb_put(v, s[i].at + 8, 8, r->base);
    }
}

void vmcb_load_state(struct x86 *cpu, const struct vmcb *v)
{
    load_segs(cpu, v, state_segs, COUNT(state_segs));
    load(cpu, v, state, COUNT(state));
    cpu->gdtr.base = canonical(cpu, cpu->gdtr.base);
    cpu->idtr.base = canonical(cpu, cpu->idtr.base);
    if (cpu->guest.nested)
        load(cpu, v, pat, COUNT(pat));
}

void vmcb_store_state(struct x86 *cpu, struct vmcb *v)
{
    const uint64_t flags = cpu->flags;
    cpu->flags = eflags_get(cpu);
    store_segs(cpu, v, state_segs, COUNT(state_segs));
    store(cpu, v, state, COUNT(state));
    if (cpu->guest.nested)
        store(cpu, v, pat, COUNT(pat));
    cpu->flags = flags;
}

void vmcb_load_more(struct x86 *cpu, const struct vmcb *v)
{
    load_segs(cpu, v, more_segs, COUNT(more_segs));
    load(cpu, v, more, COUNT(more));
    cpu->msr.kernel_gs_base = canonical(cpu, cpu->msr.kernel_gs_base);
    cpu->msr.lstar = canonical(cpu, cpu->msr.lstar);
    cpu->msr.cstar = canonical(cpu, cpu->msr.cstar);
    cpu->msr.sysenter_esp = canonical(cpu, cpu->msr.sysenter_esp);
    cpu->msr.sysenter_eip = canonical(cpu, cpu->msr.sysenter_eip);
}

void vmcb_store_more(struct x86 *cpu, struct vmcb *v)
{
    store_segs(cpu, v, more_segs, COUNT(more_segs));
    store(cpu, v, more, COUNT(more));
}

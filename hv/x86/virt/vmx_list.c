/* vmx_list.c - the lists of MSRs that entries and exits load and store. SDM volume 3, 24.7.2, 26.4, 27.4, 27.6. */
#include "hv/x86/virt/vmx.h"

/* An entry of a list: table 24-15. */
struct entry {
    uint32_t index, reserved;
    uint64_t value;
};

enum {
    FS_BASE = 0xc0000100u,
    GS_BASE = 0xc0000101u,
    X2APIC = 0x800,
    X2APIC_END = 0x900,
    SMBASE = 0x9e,
    SMM_MONITOR = 0x9b
};

/* What no list may have. */
static bool never(const struct entry *e)
{
    return e->reserved || (e->index >= X2APIC && e->index < X2APIC_END) || e->index == SMM_MONITOR;
}

static struct entry entry_at(struct x86 *cpu, uint64_t pa)
{
    struct entry e;
    physmem_read(cpu->mem, pa, &e, sizeof e);
    return e;
}

unsigned vmx_list_load(struct x86 *cpu, uint64_t pa, unsigned n)
{
    for (unsigned i = 0; i < n && i < VMX_LIST_MOST; i++) {
        const struct entry e = entry_at(cpu, pa + i * sizeof e);
        if (never(&e) || e.index == FS_BASE || e.index == GS_BASE || !msr_put(cpu, e.index, e.value))
            return i + 1;
    }
    return n > VMX_LIST_MOST ? VMX_LIST_MOST + 1 : 0;
}

unsigned vmx_list_store(struct x86 *cpu, uint64_t pa, unsigned n)
{
    for (unsigned i = 0; i < n && i < VMX_LIST_MOST; i++) {
        struct entry e = entry_at(cpu, pa + i * sizeof e);
        if (never(&e) || e.index == SMBASE || !msr_get(cpu, e.index, &e.value))
            return i + 1;
        physmem_write(cpu->mem, pa + i * sizeof e + offsetof(struct entry, value), &e.value, sizeof e.value);
    }
    return n > VMX_LIST_MOST ? VMX_LIST_MOST + 1 : 0;
}

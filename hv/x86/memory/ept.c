/* ept.c - Intel's extended page tables: from guest-physical addresses to the machine's. SDM volume 3, 28.3.
 *
 * As in walk.c, the pages of tables that were read are watched, and writes to them drop the translations. Entries have accessed bits at another
 * place than those of ordinary tables, or none, so none of them is skipped. */
#include "hv/x86/memory/walk.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

enum {
    EPT_READ = 1 << 0,
    EPT_WRITE = 1 << 1,
    EPT_EXECUTE = 1 << 2,
    EPT_ALL = EPT_READ | EPT_WRITE | EPT_EXECUTE,
    EPT_TYPE = 3,
    EPT_LARGE = 1 << 7,
    EPT_ACCESSED = 1 << 8,
    EPT_DIRTY = 1 << 9,
    EPTP_FLAGS = 1 << 6, /* accessed and dirty flags are in use */
};
/* Bits of the qualification of a violation (table 27-7). */
enum { QUALIFY_ALLOWED = 3, QUALIFY_LINEAR = 1 << 7, QUALIFY_FINAL = 1 << 8 };
enum { EPT_LEVELS = 4 };

struct ept_step {
    const struct pdesc *page;
    uint32_t off;
    uint64_t value;
};
struct ept_path {
    struct ept_step step[EPT_LEVELS];
    unsigned n, level; /* of the last entry: 0 the lowest */
    uint64_t all;      /* the rights that all entries have */
};

static uint64_t address_bits(const struct x86 *cpu)
{
    return ((1ull << cpuid_physical_bits(cpu)) - 1) & ~0xfffull;
}

static bool is_leaf(unsigned level, uint64_t v)
{
    return !level || (v & EPT_LARGE && level < 3);
}

/* 28.3.3.1: rights that do not exist, reserved bits, a memory type that does not exist. */
static bool misconfigured(const struct x86 *cpu, unsigned level, uint64_t v)
{
    enum { TYPES = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6, NOT_LEAF = 0x78 };
    const uint64_t beyond = 0x000ffffffffff000ull & ~address_bits(cpu);
    if ((v & EPT_WRITE && !(v & EPT_READ)) || v & beyond)
        return true;
    if (!is_leaf(level, v))
        return v & (NOT_LEAF | (level == 3 ? EPT_LARGE : 0));
    if (level && v & ((1ull << (12 + 9 * level)) - 1) & ~0xfffull)
        return true;
    return !(TYPES >> (v >> EPT_TYPE & 7) & 1);
}

static struct ept_step step_at(const struct x86 *cpu, uint64_t pa)
{
    struct ept_step s = {.page = physmem_page(cpu->mem, pa), .off = pa & 0xfff, .value = UINT64_MAX};
    if (s.page->rd)
        memcpy(&s.value, s.page->rd + s.off, sizeof s.value);
    return s;
}

/* The entries that lead to an address. False: there is none, or (*bad) one that is misconfigured. */
static bool follow(const struct x86 *cpu, uint64_t gpa, struct ept_path *w, bool *bad)
{
    uint64_t table = cpu->guest.ncr3 & address_bits(cpu);
    w->n = 0;
    w->all = EPT_ALL;
    *bad = false;
    if (gpa >> (12 + 9 * EPT_LEVELS)) {
        w->all = 0;
        return false;
    }
    for (unsigned level = EPT_LEVELS; level--;) {
        const uint64_t at = table + (gpa >> (12 + 9 * level) & 511) * 8;
        struct ept_step *s = &w->step[w->n++];
        *s = step_at(cpu, at & physmem_a20_mask(cpu->mem));
        w->all &= s->value;
        w->level = level;
        if (!(s->value & EPT_ALL))
            return false;
        *bad = misconfigured(cpu, level, s->value);
        if (*bad)
            return false;
        if (is_leaf(level, s->value))
            break;
        table = s->value & address_bits(cpu);
    }
    return true;
}

static void mark_step(struct x86 *cpu, const struct ept_step *s, uint64_t bits)
{
    if ((s->value & bits) == bits || !s->page->wr || s->page->ignore_writes)
        return;
    physmem_before_mark(cpu->mem, s->page->wr_meta, s->off + 1, 1);
    touch_lines(s->page->wr_meta, s->off + 1, 1);
    s->page->wr[s->off + 1] |= bits >> 8;
}

static void mark_path(struct x86 *cpu, const struct ept_path *w, bool dirty)
{
    for (unsigned i = 0; i < w->n; i++) {
        const struct ept_step *s = &w->step[i];
        if (s->page->wr && s->page->wr == s->page->rd)
            tlb_watch_all(cpu, s->page->wr_meta, s->page->wr, false);
        if (cpu->guest.ncr3 & EPTP_FLAGS)
            mark_step(cpu, s, EPT_ACCESSED | (dirty && i + 1 == w->n ? EPT_DIRTY : 0));
    }
}

/* With accessed and dirty flags a walk's access to the guest's tables counts as one that writes, too. */
bool ept_translate(const struct x86 *cpu, struct x86 *mark, uint64_t gpa, enum access acc, bool table,
                   struct ending *e, uint64_t *pa, bool *may_write)
{
    const bool flags = cpu->guest.ncr3 & EPTP_FLAGS;
    const uint64_t needs = acc == ACC_EXEC                        ? EPT_EXECUTE
                           : table && (flags || acc == ACC_WRITE) ? EPT_READ | EPT_WRITE
                           : acc == ACC_WRITE                     ? EPT_WRITE
                                                                  : EPT_READ;
    const bool writes = needs & EPT_WRITE;
    struct ept_path w;
    bool bad;
    if (!follow(cpu, gpa, &w, &bad) || (w.all & needs) != needs) {
        *e = (struct ending){.how = NESTED_FAULT, .address = gpa};
        e->error = bad ? VMX_MISCONFIGURED
                       : (uint32_t)(needs | (w.all & EPT_ALL) << QUALIFY_ALLOWED | QUALIFY_LINEAR |
                                    (table ? 0 : QUALIFY_FINAL));
        return false;
    }
    if (mark)
        mark_path(mark, &w, writes);
    const uint64_t last = w.step[w.n - 1].value, size = 1ull << (12 + 9 * w.level);
    *may_write = w.all & EPT_WRITE && (!flags || writes || last & EPT_DIRTY);
    *pa = ((last & address_bits(cpu) & ~(size - 1)) | (gpa & (size - 1))) & physmem_a20_mask(cpu->mem);
    return true;
}

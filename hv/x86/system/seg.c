/* seg.c - descriptors, segment registers, and the mode determined by them and the control registers.
 *
 * SDM volume 3: 3.4 (segments), 5.2-5.7 (protection), 20 (real and virtual-8086 mode). */
#include <stdio.h>

#include "hv/x86/system/sys.h"

/* ---------------------------------------------------------------- descriptors */

/* Linear address of 8 bytes at a selector's index + skip; false if they are not in the table. */
static bool desc_address(const struct x86 *cpu, uint16_t sel, unsigned skip, uint64_t *at)
{
    const struct seg *ldt = &cpu->seg[LDTR];
    bool local = sel & 4;
    uint32_t off = (sel & 0xfff8u) + skip, limit = local ? ldt->limit : cpu->gdtr.limit;
    if ((local && ldt->null) || off + 7 > limit)
        return false;
    *at = table_linear(cpu, (local ? ldt->base : cpu->gdtr.base) + off);
    return true;
}

bool desc_read(struct x86 *cpu, uint16_t sel, struct desc *d)
{
    if (!desc_address(cpu, sel, 0, &d->at))
        return false;
    uint64_t raw = d->raw = sys_load(cpu, d->at, 8);
    d->base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000);
    d->attr = raw >> 40 & 0xf0ff;
    d->limit = (raw & 0xffff) | (raw >> 32 & 0xf0000);
    if (d->attr & SEG_G)
        d->limit = d->limit << 12 | 0xfff;
    return true;
}

bool desc_read_upper(struct x86 *cpu, uint16_t sel, struct desc *d, uint32_t *upper)
{
    uint64_t at;
    if (!long_mode(cpu))
        return true;
    if (!desc_address(cpu, sel, 8, &at))
        return false;
    uint64_t raw = sys_load(cpu, at, 8);
    if (raw >> 40 & 0x1f)
        return false;
    d->base |= raw << 32;
    if (upper)
        *upper = (uint32_t)raw;
    return true;
}

void desc_set_type(struct x86 *cpu, const struct desc *d, uint8_t bits)
{
    uint8_t old = d->raw >> 40 & 0xff;
    if ((old & bits) != bits)
        sys_store(cpu, table_linear(cpu, d->at + 5), 1, old | bits);
}

struct seg desc_seg(uint16_t sel, const struct desc *d)
{
    uint16_t attr = d->attr & SEG_S ? d->attr | SEG_ACCESSED : d->attr;
    return (struct seg){.base = d->base, .limit = d->limit, .attr = attr, .sel = sel};
}

/* ---------------------------------------------------------------- values for segment registers */

struct seg seg_null(uint16_t sel)
{
    return (struct seg){.sel = sel, .null = 1};
}

struct seg seg_flat(uint16_t sel, uint16_t attr)
{
    return (struct seg){.limit = 0xffffffff, .attr = attr | SEG_P | SEG_S | SEG_ACCESSED, .sel = sel};
}

/* Real mode keeps limit and attributes ("unreal mode"), except those of a null segment, which would be
 * unusable. Virtual-8086 mode always sets them. */
struct seg seg_real(const struct x86 *cpu, const struct seg *old, uint16_t sel)
{
    struct seg s = *old;
    s.sel = sel;
    s.base = (uint64_t)sel << 4;
    if (v86_mode(cpu) || s.null) {
        s.limit = 0xffff;
        s.attr = v86_mode(cpu) ? 0xf3 : 0x93;
    }
    s.null = 0;
    return s;
}

static void stack_check(struct x86 *cpu, uint16_t sel, unsigned cpl, unsigned bad, unsigned ext,
                        struct desc *d)
{
    if ((sel & 3u) != cpl || !is_writable_data(d->attr) || dpl_of(d->attr) != cpl)
        raise_sel(cpu, bad, sel, ext);
    if (!(d->attr & SEG_P))
        raise_sel(cpu, VEC_SS, sel, ext);
}

static void data_check(struct x86 *cpu, uint16_t sel, unsigned cpl, unsigned bad, unsigned ext,
                       struct desc *d)
{
    unsigned dpl = dpl_of(d->attr);
    if (!is_data(d->attr) && !(is_code(d->attr) && d->attr & SEG_READABLE))
        raise_sel(cpu, bad, sel, ext);
    if (!is_conforming(d->attr) && ((sel & 3u) > dpl || cpl > dpl))
        raise_sel(cpu, bad, sel, ext);
    if (!(d->attr & SEG_P))
        raise_sel(cpu, VEC_NP, sel, ext);
}

void seg_check(struct x86 *cpu, unsigned n, uint16_t sel, unsigned cpl, unsigned bad, unsigned ext,
               struct seg *out)
{
    struct desc d;
    if (is_null_selector(sel)) {
        if (n == SS && (!cpu->mode64 || cpl == 3 || (sel & 3u) != cpl))
            raise_sel(cpu, bad, 0, ext);
        *out = seg_null(sel);
        if (n == SS)
            out->attr = (uint16_t)(cpl << 5);
        return;
    }
    if (!desc_read(cpu, sel, &d))
        raise_sel(cpu, bad, sel, ext);
    if (n == SS)
        stack_check(cpu, sel, cpl, bad, ext, &d);
    else
        data_check(cpu, sel, cpl, bad, ext, &d);
    desc_set_type(cpu, &d, SEG_ACCESSED);
    *out = desc_seg(sel, &d);
}

void seg_prepare(struct x86 *cpu, unsigned n, uint16_t sel, struct seg *out)
{
    if (protected_mode(cpu))
        seg_check(cpu, n, sel, cpu->cpl, VEC_GP, 0, out);
    else
        *out = seg_real(cpu, &cpu->seg[n], sel);
}

void seg_commit(struct x86 *cpu, unsigned n, const struct seg *s)
{
    cpu->seg[n] = *s;
    seg_changed(cpu, n);
}

void seg_drop_inner(struct x86 *cpu)
{
    static const uint8_t data[] = {ES, DS, FS, GS};
    for (unsigned i = 0; i < 4; i++) {
        struct seg *s = &cpu->seg[data[i]];
        if (s->null) {
            s->sel = 0;
            continue;
        }
        if (is_conforming(s->attr) || dpl_of(s->attr) >= cpu->cpl)
            continue;
        s->sel = 0;
        s->null = 1;
        s->attr &= (uint16_t)~SEG_P; /* the base stays */
        seg_changed(cpu, data[i]);
    }
}

/* ---------------------------------------------------------------- limits and rights */

static bool is_expand_down(const struct seg *s)
{
    return is_data(s->attr) && s->attr & SEG_EXPAND_DOWN;
}

bool seg_in_bounds(const struct seg *s, uint64_t first, uint64_t last)
{
    if (is_expand_down(s))
        return first > s->limit && last <= (s->attr & SEG_DB ? 0xffffffffu : 0xffffu);
    return last <= s->limit;
}

/* Bit 0 read, bit 1 write. Real mode ignores the type. */
static unsigned seg_rights(const struct x86 *cpu, const struct seg *s)
{
    if (!protected_mode(cpu))
        return 3;
    if (s->null || !(s->attr & SEG_S))
        return 0;
    if (s->attr & SEG_CODE)
        return s->attr & SEG_READABLE ? 1 : 0;
    return s->attr & SEG_WRITABLE ? 3 : 1;
}

static void derive_seg(struct x86 *cpu, struct seg *s)
{
    unsigned rights = seg_rights(cpu, s);
    bool all = s->limit == 0xffffffff && !is_expand_down(s);
    const uint64_t end = all ? UINT64_MAX : is_expand_down(s) ? 0 : (uint64_t)s->limit + 1;
    s->reach[0] = rights & 1 ? end : 0;
    s->reach[1] = rights & 2 ? end : 0;
}

uint64_t seg_linear_slow(struct x86 *cpu, const struct op *op, unsigned seg, uint64_t off, unsigned size,
                         bool write)
{
    const struct seg *s = &cpu->seg[seg];
    if (!(seg_rights(cpu, s) >> write & 1) || !seg_in_bounds(s, off, off + size - 1)) {
        cpu->op = op;
        raise_error(cpu, seg == SS ? VEC_SS : VEC_GP, 0);
    }
    return (uint32_t)(s->base + off);
}

void check_rip(struct x86 *cpu, const struct seg *cs, uint64_t rip, unsigned ext)
{
    if (seg_is_64(cpu, cs) ? !is_canonical(cpu, rip) : rip > cs->limit)
        raise_error(cpu, VEC_GP, ext);
}

/* ---------------------------------------------------------------- the mode */

/* Numbers of EV_CPU_MODE. At CPL 3 in protected mode the code size does not count: programs of either size
 * alternate at every system call, which is not a change of the machine's mode. */
enum mode { MODE_REAL, MODE_V86, MODE_PROT16, MODE_PROT32, MODE_COMPAT, MODE_LONG, MODE_SMM };

static const char *const mode_names[] = {
    "real mode",          "virtual-8086 mode", "16-bit protected mode", "32-bit protected mode",
    "compatibility mode", "64-bit mode",       "system management mode"};

static enum mode mode_number(const struct x86 *cpu)
{
    bool user = cpu->cpl == 3;
    if (cpu->in_smm)
        return MODE_SMM;
    if (real_mode(cpu))
        return MODE_REAL;
    if (v86_mode(cpu))
        return MODE_V86;
    if (long_mode(cpu))
        return user || cpu->seg[CS].attr & SEG_L ? MODE_LONG : MODE_COMPAT;
    return user || cpu->seg[CS].attr & SEG_DB ? MODE_PROT32 : MODE_PROT16;
}

/* key: bits 0-1 code size, bit 2 32-bit stack, bit 3 protected mode, bits 4-6 the mode number (stored only
 * there), KEY_LA57, KEY_GUEST. */
static void derive_key(struct x86 *cpu)
{
    bool big = cpu->seg[CS].attr & SEG_DB, stack32 = cpu->seg[SS].attr & SEG_DB;
    cpu->mode64 = long_mode(cpu) && cpu->seg[CS].attr & SEG_L;
    cpu->code_bits = cpu->mode64 ? 64 : big ? 32 : 16;
    unsigned size = cpu->mode64 ? 2 : big ? 1 : 0;
    bool la57 = long_mode(cpu) && cpu->cr4 & CR4_LA57;
    cpu->sign_bits = la57 ? 7 : 16;
    cpu->key = size | (unsigned)(stack32 && !cpu->mode64) << 2 | (unsigned)protected_mode(cpu) << 3 |
               (unsigned)mode_number(cpu) << 4 | (cpu->mode64 && la57 ? KEY_LA57 : 0) |
               (cpu->guest.runs ? KEY_GUEST : 0);
}

static bool is_flat(const struct seg *s)
{
    return !s->base && s->reach[0] == UINT64_MAX && s->reach[1] == UINT64_MAX;
}

/* Sets KEY_FLAT in the key, or clears it. */
static void derive_flat(struct x86 *cpu)
{
    const struct seg *s = cpu->seg;
    bool flat = cpu->code_bits == 32 && s[SS].attr & SEG_DB && !s[CS].base && s[CS].limit == 0xffffffff &&
                is_flat(&s[SS]) && is_flat(&s[DS]) && is_flat(&s[ES]);
    cpu->key = (cpu->key & ~KEY_FLAT) | (flat ? KEY_FLAT : 0);
}

/* The offsets of 16-bit code wrap at 64 KB. */
static void derive_code_pages(struct x86 *cpu)
{
    const uint32_t limit = cpu->seg[CS].limit, last = cpu->code_bits == 16 ? 0xffff : 0xfff;
    cpu->code_pages = limit < last ? -1 : (cpu->code_bits == 16 ? last : limit) - 0xfffll;
}

void mode_derive(struct x86 *cpu)
{
    derive_key(cpu);
    if (!cpu->mode64) { /* 64-bit code ignores limits; leaving it calls this again */
        for (unsigned i = ES; i <= GS; i++)
            derive_seg(cpu, &cpu->seg[i]);
        derive_flat(cpu);
        derive_code_pages(cpu);
    }
    tlb_select(cpu);
}

void mode_update(struct x86 *cpu, uint64_t rip)
{
    unsigned from = cpu->key >> 4 & 7;
    mode_derive(cpu);
    unsigned to = cpu->key >> 4 & 7;
    if (from == to)
        return;
    char text[80];
    char *end = stpcpy(stpcpy(stpcpy(text, mode_names[from]), " -> "), mode_names[to]);
    struct event ev = {.kind = EV_CPU_MODE, .data = text, .len = (uint32_t)(end - text)};
    ev.f[EVF_CPU_MODE_from] = from;
    ev.f[EVF_CPU_MODE_to] = to;
    ev.f[EVF_CPU_MODE_cs] = cpu->seg[CS].sel;
    ev.f[EVF_CPU_MODE_ip] = rip;
    cpu_event(cpu, &ev);
}

void mode_changed(struct x86 *cpu)
{
    mode_update(cpu, where_rip(cpu));
}

void seg_changed(struct x86 *cpu, unsigned seg)
{
    if (seg == CS || seg == SS)
        mode_changed(cpu);
    else if (seg <= GS && !cpu->mode64) {
        derive_seg(cpu, &cpu->seg[seg]);
        derive_flat(cpu);
    }
}

/* RING3_SEEN is the oldest value, and still means that nothing is left to report. */
enum ring3_seen { RING3_NEVER, RING3_SEEN, RING3_NO_PROCESS };

/* A program's code is in the lower half of a 64-bit address space. Ring 3 code in the upper half is the
 * kernel of a paravirtual guest (Xen). */
static bool is_program(const struct x86 *cpu, uint64_t rip)
{
    return cpu->cr0 & CR0_PG && !(rip >> 63);
}

static void ring3_events(struct x86 *cpu, uint64_t rip)
{
    if (cpu->seen_ring3 == RING3_NEVER) {
        struct event ring = {.kind = EV_CPU_RING3};
        ring.f[EVF_CPU_RING3_cs] = cpu->seg[CS].sel;
        ring.f[EVF_CPU_RING3_ip] = rip;
        cpu_event(cpu, &ring);
    }
    /* Without paging there are no processes to wait for. */
    cpu->seen_ring3 = !(cpu->cr0 & CR0_PG) || is_program(cpu, rip) ? RING3_SEEN : RING3_NO_PROCESS;
    if (!is_program(cpu, rip))
        return;
    struct event first = {.kind = EV_PROCESS_FIRST};
    first.f[EVF_PROCESS_FIRST_cr3] = cpu->cr3;
    first.f[EVF_PROCESS_FIRST_cs] = cpu->seg[CS].sel;
    first.f[EVF_PROCESS_FIRST_ip] = rip;
    cpu_event(cpu, &first);
}

/* In real and virtual-8086 mode a far transfer usually changes no more than selector and base, from which nothing is derived. */
static bool only_base_differs(const struct x86 *cpu, const struct seg *cs, unsigned cpl)
{
    const struct seg *old = &cpu->seg[CS];
    return !protected_mode(cpu) && cpl == cpu->cpl && cs->attr == old->attr && cs->limit == old->limit &&
           cs->null == old->null;
}

void cs_commit(struct x86 *cpu, const struct seg *cs, unsigned cpl, uint64_t rip)
{
    if (only_base_differs(cpu, cs, cpl)) {
        cpu->seg[CS].sel = cs->sel;
        cpu->seg[CS].base = cs->base;
        return;
    }
    cpu->seg[CS] = *cs;
    cpu->cpl = (uint8_t)cpl;
    mode_update(cpu, rip);
    if (cpl == 3 && cpu->seen_ring3 != RING3_SEEN && protected_mode(cpu))
        ring3_events(cpu, rip);
}

/* ---------------------------------------------------------------- input from outside */

static int seg_by_name(const char *name)
{
    static const char *const names[NSEG] = {"es", "cs", "ss", "ds", "fs", "gs", NULL, "ldtr", "tr"};
    for (int i = 0; i < NSEG; i++)
        if (names[i] && !strcmp(names[i], name))
            return i;
    return -1;
}

void x86_set_segment(struct x86 *cpu, const char *seg, uint16_t selector, uint64_t base, uint32_t limit,
                     uint16_t access)
{
    int n = seg_by_name(seg);
    if (n < 0)
        return;
    cpu->seg[n] = (struct seg){.base = base, .limit = limit, .attr = access & 0xf0ff, .sel = selector};
    cpu->seg[n].null = !(access & SEG_P);
    if (n == CS)
        cpu->cpl = real_mode(cpu) ? 0 : (uint8_t)dpl_of(access);
    mode_derive(cpu);
}

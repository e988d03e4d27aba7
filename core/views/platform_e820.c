/* platform_e820.c - the memory map as firmware gave it, as a loader passed it on, as a Linux kernel has it, and as Xen's paravirtual domains
 * were given it; and what was usable in one and is not in the next. See private/platform_lists.h.
 *
 * Sources: ACPI specification 6.4, chapter 15; UEFI specification 2.10, 7.2; Linux, Documentation/arch/x86/zero-page.rst (struct
 * boot_params), arch/x86/kernel/e820.c; Xen, xen/include/public/memory.h (struct xen_memory_map); FreeBSD, machine/metadata.h; GRUB, include/grub/memory.h (type 20). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/views/private/platform_lists.h"
#include "core/systems/linux/memory/tasks.h"
#include "core/views/views.h"

enum {
    ENTRY = 20,
    ENTRIES_MAX = 4096,
    ZERO_PAGE_COUNT = 0x1e8,
    ZERO_PAGE_TABLE = 0x2d0,
    ZERO_PAGE_MAX = 128,
    GIVEN_MAX = 8,    /* different maps that were given to callers of INT 15h */
    DOMAINS_MAX = 16, /* domains of Xen */
    MAPS = GIVEN_MAX + 5 + 2 * DOMAINS_MAX,
    USABLE = 1,
};

static const struct {
    uint32_t type;
    const char *name;
} kinds[] = {{USABLE, "usable"},
             {2, "reserved"},
             {3, "ACPI data"},
             {4, "ACPI NVS"},
             {5, "unusable"},
             {7, "persistent memory"},
             {12, "persistent (type 12)"},
             {20, "EFI runtime code"},
             {128, "reserved by the kernel"},
             {0xefffffff, "soft reserved"}};

struct range {
    uint64_t begin, size;
    uint32_t
        type; /* as E820h has them; of EFI's types: USABLE for what an operating system may use after ExitBootServices, else 0 */
    char kind[40];
};

struct map {
    char name[32];
    uint64_t icount; /* when it was given; of a table in memory: 0 */
    struct range *range;
    size_t n;
    struct platform_map where; /* of a table in memory */
    bool whole;                /* it says all that there is, although it is no table in memory */
    bool apart;                /* it does not follow from the map before it in the list */
};

struct maps {
    struct map map[MAPS];
    size_t n;
};

static void name_kind(char kind[40], uint32_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type) {
            snprintf(kind, 40, "%s", kinds[i].name);
            return;
        }
    snprintf(kind, 40, "type %u", type);
}

static struct range *add_range(struct map *m, uint64_t begin, uint64_t size, uint32_t type)
{
    const uint64_t most = UINT64_MAX - begin; /* a guest may say anything */
    MEM_MORE(m->range, m->n);
    struct range *r = &m->range[m->n++];
    *r = (struct range){.begin = begin, .size = size < most ? size : most, .type = type};
    name_kind(r->kind, type);
    return r;
}

/* ---------------------------------------------------------------- given by services */

static bool same_map(const struct map *a, const struct map *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->range[i].begin != b->range[i].begin || a->range[i].size != b->range[i].size ||
            a->range[i].type != b->range[i].type)
            return false;
    return true;
}

/* A map is whole: it is kept if its like is not there yet. *m is empty then. */
static void keep_map(struct maps *maps, struct map *m)
{
    bool seen = !m->n || maps->n >= GIVEN_MAX;
    for (size_t i = 0; i < maps->n && !seen; i++)
        seen = !strcmp(maps->map[i].name, m->name) && same_map(&maps->map[i], m);
    if (seen)
        free(m->range);
    else
        maps->map[maps->n++] = *m;
    *m = (struct map){.range = NULL};
}

/* An answer to INT 15h, AX=E820h; the words are those of hv/services_table.c. */
static void take_e820(struct maps *maps, struct map *m, const struct event *ev)
{
    static const char begins[] = "INT 15h AX=E820h memory map: ";
    char text[200];
    unsigned long long entry, begin, size, next;
    unsigned type;
    snprintf(text, sizeof text, "%.*s", (int)ev->len, (const char *)ev->data);
    if (strncmp(text, begins, sizeof begins - 1) ||
        sscanf(text + sizeof begins - 1, "entry %llxh -> %llxh size %llxh type %u, next %llxh", &entry,
               &begin, &size, &type, &next) != 5)
        return;
    if (!entry) { /* a caller that stopped in the middle of the one before */
        free(m->range);
        *m = (struct map){.icount = ev->icount};
    }
    snprintf(m->name, sizeof m->name, "INT 15h");
    if (m->n < ENTRIES_MAX)
        add_range(m, begin, size, type);
    if (!next)
        keep_map(maps, m);
}

/* The older ways to ask: INT 15h AX=E801h and AH=88h tell how much there is above 1 MiB, INT 12h how much below. */
static void take_older(struct maps *maps, const struct event *ev)
{
    const uint64_t vector = EVF(ev, SERVICE, vector), function = EVF(ev, SERVICE, function), kib = 1024;
    const uint64_t ax = EVF(ev, SERVICE, ax), bx = EVF(ev, SERVICE, bx);
    struct map m = {.icount = ev->icount};
    if (EVF(ev, SERVICE, carry) && vector == 0x15)
        return;
    if (vector == 0x15 && function == 0xe801) {
        snprintf(m.name, sizeof m.name, "INT 15h E801h");
        add_range(&m, 1024 * kib, (ax & 0xffff) * kib, USABLE);
        if (bx & 0xffff)
            add_range(&m, 16 * 1024 * kib, (bx & 0xffff) * 64 * kib, USABLE);
    } else if (vector == 0x15 && function == 0x8800) {
        snprintf(m.name, sizeof m.name, "INT 15h 88h");
        add_range(&m, 1024 * kib, (ax & 0xffff) * kib, USABLE);
    } else if (vector == 0x12) {
        snprintf(m.name, sizeof m.name, "INT 12h");
        add_range(&m, 0, (ax & 0xffff) * kib, USABLE);
    }
    keep_map(maps, &m);
}

static void take_efi(struct map *m, const struct event *ev)
{
    enum { LOADER_CODE = 1, BOOT_DATA = 4, CONVENTIONAL = 7 };
    const uint64_t type = EVF(ev, EFI_MAP, type);
    const bool usable = (type >= LOADER_CODE && type <= BOOT_DATA) || type == CONVENTIONAL;
    if (m->n >= ENTRIES_MAX)
        return;
    snprintf(m->name, sizeof m->name, "GetMemoryMap");
    m->icount = ev->icount;
    struct range *r =
        add_range(m, EVF(ev, EFI_MAP, address), EVF(ev, EFI_MAP, pages) << 12, usable ? USABLE : 0);
    snprintf(r->kind, sizeof r->kind, "%.*s", (int)ev->len, (const char *)ev->data);
}

/* What was passed to a kernel, as it began. */
static void take_passed(struct map *m, const struct event *ev)
{
    if (ev->kind == EV_BOOT_PARAMS) {
        m->n = 0;
        m->icount = ev->icount;
    } else if (ev->kind == EV_E820) {
        if (!m->n && !m->icount) /* FreeBSD's loader has no other parameters */
            m->icount = ev->icount;
        m->whole = true;
        snprintf(m->name, sizeof m->name, "loader");
        add_range(m, EVF(ev, E820, address), EVF(ev, E820, size), (uint32_t)EVF(ev, E820, type));
    }
}

/* What firmware told its callers before the position, and a loader its kernel (*passed), by the trace's events. */
static void take_given(struct maps *maps, const struct platform_memory *p, struct map *passed)
{
    struct map legacy = {.range = NULL}, efi = {.range = NULL};
    struct event ev;
    struct error ignored;
    uint64_t number;
    struct trace_cursor *c =
        p->t ? trace_cursor_open(p->t, EVENT_CLASS_BIT(EC_FIRMWARE) | EVENT_CLASS_BIT(EC_POWER) |
                                           EVENT_CLASS_BIT(EC_KERNEL))
             : NULL;
    while (c && trace_cursor_next(c, &ev, &number, &ignored) == 1 && ev.icount < look_icount(p->m))
        if (ev.kind == EV_RESET) {
            for (size_t i = 0; i < maps->n; i++)
                free(maps->map[i].range);
            maps->n = legacy.n = efi.n = passed->n = passed->icount = 0;
        } else if (ev.kind == EV_SERVICE) {
            take_e820(maps, &legacy, &ev);
            take_older(maps, &ev);
        } else if (ev.kind == EV_EFI_MAP) {
            take_efi(&efi, &ev);
        } else {
            take_passed(passed, &ev);
        }
    trace_cursor_close(c);
    free(legacy.range);
    keep_map(maps, &efi);
}

/* ---------------------------------------------------------------- tables in memory */

static bool is_wide(const struct platform_memory *p)
{
    enum { LMA = 1 << 10 }; /* IA32_EFER: the kernel has 64 bits */
    return look_reg(p->m, 0, "efer") & LMA;
}

static bool peek_linear(const struct platform_memory *p, uint64_t linear, void *buf, size_t n)
{
    if (!is_wide(p))
        return look_peek(p->m, 0, linear, buf, n) == n;
    return view_peek(p->m, view_tables_for(p->m, 0, linear), linear, buf, n) == n;
}

static uint64_t physical_of(const struct platform_memory *p, uint64_t linear)
{
    uint64_t physical = 0;
    struct view_walk w;
    if (!is_wide(p)) {
        view_walk(p->m, 0, linear, &w);
        return w.paging && w.mapped ? w.physical : 0;
    }
    return view_translate(p->m, view_tables_for(p->m, 0, linear), linear, &physical) ? physical : 0;
}

static void add_entry(struct map *m, const uint8_t e[ENTRY])
{
    uint64_t begin, size;
    uint32_t type;
    memcpy(&begin, e, 8);
    memcpy(&size, e + 8, 8);
    memcpy(&type, e + 16, 4);
    add_range(m, begin, size, type);
}

static void add_table(const struct platform_memory *p, struct maps *maps, const char *name,
                      const struct platform_map *linear, uint32_t count)
{
    struct map *m = &maps->map[maps->n];
    uint8_t e[ENTRY];
    *m = (struct map){.where = *linear};
    snprintf(m->name, sizeof m->name, "%s", name);
    for (uint32_t i = 0;
         i < count && i < ENTRIES_MAX && peek_linear(p, linear->entries + (uint64_t)i * ENTRY, e, ENTRY);
         i++) {
        add_entry(m, e);
    }
    m->where.count = physical_of(p, linear->count);
    m->where.entries = physical_of(p, linear->entries);
    m->where.n = (uint32_t)m->n;
    maps->n += m->n > 0;
}

/* A table to which a variable of the kernel points: a count, then the entries. */
static void add_kernel_map(const struct platform_memory *p, struct maps *maps, const char *name,
                           const char *variable)
{
    struct symbol sym;
    uint64_t table = 0;
    uint32_t count;
    if (symbols_find(p->s, SPACE_KERNEL, variable, look_icount(p->m), &sym) &&
        peek_linear(p, sym.address, &table, is_wide(p) ? 8 : 4) && peek_linear(p, table, &count, 4))
        add_table(p, maps, name, &(struct platform_map){table, 4, table + 4, 0}, count);
}

/* The map by which Xen gives memory away: a count, then the entries (xen/include/asm/e820.h, struct e820map). */
static void add_xen_map(const struct platform_memory *p, struct maps *maps)
{
    struct symbol sym;
    uint32_t count;
    if (symbols_find(p->s, SPACE_KERNEL, "xen:e820", look_icount(p->m), &sym) &&
        peek_linear(p, sym.address, &count, 4))
        add_table(p, maps, "Xen", &(struct platform_map){sym.address, 4, sym.address + 4, 0}, count);
}

/* What the loader or the kernel's EFI stub has put into the zero page. */
static void add_zero_page(const struct platform_memory *p, struct maps *maps)
{
    struct symbol sym;
    uint8_t count;
    if (symbols_find(p->s, SPACE_KERNEL, "boot_params", look_icount(p->m), &sym) &&
        peek_linear(p, sym.address + ZERO_PAGE_COUNT, &count, 1))
        add_table(p, maps, "loader",
                  &(struct platform_map){sym.address + ZERO_PAGE_COUNT, 1, sym.address + ZERO_PAGE_TABLE, 0},
                  count < ZERO_PAGE_MAX ? count : ZERO_PAGE_MAX);
}

/* ---------------------------------------------------------------- paravirtual domains of Xen
 * A domain asks Xen for its map by a hypercall, and gets the answer in its own memory. That is mapped when a hypercall of the domain
 * returns: at the one that gave the map, and, for the table that its kernel has made of it, at its last one before the position. */

struct domain {
    uint64_t number, started;
    uint64_t told,
        list;      /* when it was given the map, and where its struct xen_memory_map is; 0: it was not */
    uint64_t last; /* its last hypercall */
    unsigned told_cpu, last_cpu;
    unsigned word;  /* bytes of its pointers */
    unsigned guest; /* its kernel's number; 0: none was found */
};

struct domains {
    struct domain list[DOMAINS_MAX];
    size_t n;
};

/* NULL: it is not known. */
static struct domain *domain_of(struct domains *d, uint64_t number)
{
    size_t i = 0;
    while (i < d->n && d->list[i].number != number)
        i++;
    return i < d->n ? &d->list[i] : NULL;
}

/* A virtual machine has no page tables at its start; its memory is not mapped while Xen runs. */
static void take_start(struct domains *ds, const struct event *ev)
{
    const uint64_t number = EVF(ev, DOMAIN_START, domain);
    struct domain *d = domain_of(ds, number);
    if (!EVF(ev, DOMAIN_START, tables) || (!d && ds->n == DOMAINS_MAX))
        return;
    d = d ? d : &ds->list[ds->n++];
    *d = (struct domain){.number = number, .started = ev->icount};
}

static void take_hypercall(struct domains *ds, const struct event *ev)
{
    enum { MEMORY_OP = 12, MEMORY_MAP = 9, MACHINE_MEMORY_MAP = 10 };
    struct domain *d = domain_of(ds, EVF(ev, HYPERCALL, domain));
    if (!d)
        return;
    d->last = ev->icount;
    d->last_cpu = ev->cpu;
    if (EVF(ev, HYPERCALL, number) != MEMORY_OP || EVF(ev, HYPERCALL, result) ||
        (EVF(ev, HYPERCALL, a0) != MEMORY_MAP && EVF(ev, HYPERCALL, a0) != MACHINE_MEMORY_MAP))
        return;
    d->told = ev->icount;
    d->told_cpu = ev->cpu;
    d->list = EVF(ev, HYPERCALL, a1);
    d->word = EVF(ev, HYPERCALL, caller) >> 32 ? 8 : 4;
}

/* A paravirtual domain's kernel is found where the domain begins. */
static void take_domain_event(struct domains *ds, const struct event *ev)
{
    if (ev->kind == EV_RESET)
        ds->n = 0;
    else if (ev->kind == EV_DOMAIN_START)
        take_start(ds, ev);
    else if (ev->kind == EV_HYPERCALL)
        take_hypercall(ds, ev);
    for (size_t i = 0; ev->kind == EV_KERNEL_FOUND && i < ds->n; i++)
        if (ds->list[i].started == ev->icount)
            ds->list[i].guest = ev->guest;
}

static void find_domains(const struct platform_memory *p, struct domains *ds)
{
    struct event ev;
    struct error ignored;
    struct trace_cursor *c = trace_cursor_open(
        p->t, EVENT_CLASS_BIT(EC_HYPERCALL) | EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_KERNEL));
    while (trace_cursor_next(c, &ev, NULL, &ignored) == 1 && ev.icount < look_icount(p->m))
        take_domain_event(ds, &ev);
    trace_cursor_close(c);
}

/* Adds the map of that many entries at a linear address of a processor. */
static struct map *add_mapped(const struct platform_memory *p, struct maps *maps, unsigned cpu, uint64_t at,
                              uint32_t count)
{
    struct map *m = &maps->map[maps->n];
    uint8_t e[ENTRY];
    *m = (struct map){.icount = look_icount(p->m), .whole = true};
    for (uint32_t i = 0;
         i < count && i < ENTRIES_MAX && look_peek(p->m, cpu, at + (uint64_t)i * ENTRY, e, ENTRY) == ENTRY;
         i++) {
        add_entry(m, e);
    }
    maps->n += m->n > 0;
    return m->n ? m : NULL;
}

static void add_given_to(const struct platform_memory *p, struct maps *maps, const struct domain *d)
{
    uint32_t count;
    uint64_t buffer = 0;
    struct map *m;
    if (!d->told || !p->go(p->ctx, d->told) || look_peek(p->m, d->told_cpu, d->list, &count, 4) != 4 ||
        look_peek(p->m, d->told_cpu, d->list + d->word, &buffer, d->word) != d->word ||
        !(m = add_mapped(p, maps, d->told_cpu, buffer, count)))
        return;
    m->apart = true;
    snprintf(m->name, sizeof m->name, "Xen to domain %u", (unsigned)d->number);
}

static void add_made_by(const struct platform_memory *p, struct maps *maps, const struct domain *d)
{
    struct symbol sym;
    uint64_t table = 0;
    uint32_t count;
    struct map *m;
    if (!d->guest || !p->s || !p->go(p->ctx, d->last) ||
        !symbols_find(p->s, symbol_space_of(d->guest, 0), "e820_table", d->last, &sym) ||
        look_peek(p->m, d->last_cpu, sym.address, &table, d->word) != d->word ||
        look_peek(p->m, d->last_cpu, table, &count, 4) != 4 ||
        !(m = add_mapped(p, maps, d->last_cpu, table + 4, count)))
        return;
    m->apart = !d->told;
    snprintf(m->name, sizeof m->name, "domain %u's kernel", (unsigned)d->number);
}

static void add_domains(const struct platform_memory *p, struct maps *maps)
{
    const uint64_t here = look_icount(p->m);
    struct domains ds = {.n = 0};
    if (!p->t || !p->go)
        return;
    find_domains(p, &ds);
    for (size_t i = 0; i < ds.n; i++) {
        add_given_to(p, maps, &ds.list[i]);
        add_made_by(p, maps, &ds.list[i]);
    }
    if (ds.n)
        p->go(p->ctx, here);
}

/* ---------------------------------------------------------------- what was taken away */

static const struct range *range_at(const struct map *m, uint64_t at)
{
    for (size_t i = 0; i < m->n; i++)
        if (at - m->range[i].begin < m->range[i].size)
            return &m->range[i];
    return NULL;
}

/* Where what the map says at `at` ends: at the end of its range, or where the next one begins. */
static uint64_t same_until(const struct map *m, uint64_t at)
{
    const struct range *r = range_at(m, at);
    uint64_t end = r ? r->begin + r->size : UINT64_MAX;
    for (size_t i = 0; i < m->n; i++)
        if (m->range[i].begin > at && m->range[i].begin < end)
            end = m->range[i].begin;
    return end;
}

static void add_taken(struct platform_rows *rows, const struct map *from, const struct map *to,
                      uint64_t begin, uint64_t end)
{
    const struct range *was = range_at(from, begin), *is = range_at(to, begin);
    struct platform_taken *last = rows->ntaken ? &rows->taken[rows->ntaken - 1] : NULL;
    const char *now = is ? is->kind : "in no range";
    if (last && last->end + 1 == begin && !strcmp(last->from, from->name) && !strcmp(last->to, to->name) &&
        !strcmp(last->was, was->kind) && !strcmp(last->is, now)) {
        last->end = end - 1;
        return;
    }
    MEM_MORE(rows->taken, rows->ntaken);
    struct platform_taken *t = &rows->taken[rows->ntaken++];
    *t = (struct platform_taken){.begin = begin, .end = end - 1, .map = to->where};
    snprintf(t->from, sizeof t->from, "%s", from->name);
    snprintf(t->to, sizeof t->to, "%s", to->name);
    snprintf(t->was, sizeof t->was, "%s", was->kind);
    snprintf(t->is, sizeof t->is, "%s", now);
}

/* What is usable in one map and not in the other. Each address is looked at once, however the ranges overlap. */
static void compare(struct platform_rows *rows, const struct map *from, const struct map *to)
{
    for (uint64_t at = 0, end; at < UINT64_MAX; at = end) {
        const struct range *was = range_at(from, at), *is = range_at(to, at);
        const uint64_t by_from = same_until(from, at), by_to = same_until(to, at);
        end = by_from < by_to ? by_from : by_to;
        if (was && was->type == USABLE && (!is || is->type != USABLE))
            add_taken(rows, from, to, at, end);
    }
}

/* ---------------------------------------------------------------- the list */

static void add_rows(struct platform_rows *rows, const struct map *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct platform_row *r = platform_row(rows);
        platform_text(r, "map", "%s", m->name);
        platform_hex(r, "begin", m->range[i].begin);
        platform_hex(r, "end", m->range[i].begin + m->range[i].size - 1);
        platform_number(r, "bytes", m->range[i].size);
        platform_text(r, "type", "%s", m->range[i].kind);
        if (m->icount)
            platform_number(r, "given at", m->icount);
    }
    if (m->where.entries)
        platform_block(rows, m->where.entries, (uint64_t)m->n * ENTRY, 0, "map \"%.16s\"", m->name);
}

/* INT 12h and the like tell only a part; what they leave out was not taken away. */
static bool is_whole(const struct map *m)
{
    return m->where.entries || m->whole || !strcmp(m->name, "INT 15h") || !strcmp(m->name, "GetMemoryMap");
}

int platform_e820(const struct platform_memory *p, struct platform_rows *rows, struct error *err)
{
    struct maps maps = {.n = 0};
    const struct map *before = NULL;
    struct map passed = {.range = NULL};
    take_given(&maps, p, &passed);
    const size_t given = maps.n;
    if (p->s)
        add_zero_page(p, &maps);
    if (maps.n == given && passed.n)
        maps.map[maps.n++] = passed; /* a kernel without symbols of its data */
    else
        free(passed.range);
    if (p->s) {
        add_kernel_map(p, &maps, "firmware", "e820_table_firmware");
        add_kernel_map(p, &maps, "kernel", "e820_table");
        add_xen_map(p, &maps);
    }
    add_domains(p, &maps);
    for (size_t i = 0; i < maps.n; i++) {
        add_rows(rows, &maps.map[i]);
        if (!is_whole(&maps.map[i]))
            continue;
        if (before && !maps.map[i].apart)
            compare(rows, before, &maps.map[i]);
        before = &maps.map[i];
    }
    for (size_t i = 0; i < maps.n; i++)
        free(maps.map[i].range);
    return rows->n
               ? 0
               : error_set(
                     err,
                     "at icount %llu nobody has asked the firmware for its memory map, and no Linux kernel that has read one is in memory: give another position with --at",
                     (unsigned long long)look_icount(p->m));
}

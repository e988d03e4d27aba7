/* recorded_types.c - finds a kernel's memory in a trace, and the kernel's types in it. See recorded_types.h.
 *
 * The kernel's event tells where its image is in physical memory. Modules are in virtual memory, which is read through the kernel's own page
 * tables, so it does not matter what runs at that position.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/past.h"
#include "core/timeline/recorded_types.h"
#include "core/timeline/timeline.h"

enum { IMAGE_MAX = 128 << 20 };

/* A kernel's memory at the position at which it is read. */
struct machine {
    struct past *past;       /* at a checkpoint; if NULL: */
    struct timeline *tl;     /* anywhere */
    uint64_t text, physical; /* where _text is, and its memory */
    uint64_t size;           /* of the image */
    uint64_t top;            /* physical address of its page table */
    unsigned levels;         /* of page tables: 4 or 5 */
    bool own_tables;         /* the image, too, can only be found through these */
    unsigned cpu;            /* in that case: on which the kernel runs, in a virtual machine perhaps */
};

/* What is known of a kernel while its memory is looked for. */
struct search {
    struct machine *m;
    const struct symbols *s;
    uint64_t found, until; /* icounts: when it was found, and the next other kernel */
    uint64_t last;         /* icount of its last event, at which it runs on … */
    unsigned cpu;          /* … this processor */
    unsigned guest;
    int wanted;    /* the guest's number; -1: the first that has types */
    bool any_kind; /* with or without types */
    struct kernel_place place;
};

/* ---------------------------------------------------------------- memory */

static uint64_t symbol(const struct search *r, const char *name)
{
    struct symbol sym;
    return symbols_find_in(r->s, r->place.space, name, r->place.when, &sym) ? sym.address : 0;
}

/* A physical address as the kernel has it. */
static size_t read_physical(const struct machine *m, uint64_t address, void *buf, size_t n)
{
    if (m->own_tables)
        return look_peek_inner(timeline_look(m->tl), m->cpu, address, buf, n);
    return m->past ? past_read(m->past, address, buf, n) : timeline_peek_physical(m->tl, address, buf, n);
}

/* Translates an address through the kernel's page tables: SDM volume 3, 4.5. */
static bool walk(const struct machine *m, uint64_t address, uint64_t *physical, uint64_t *room)
{
    enum { PRESENT = 1, LARGE = 1 << 7 };
    const uint64_t frame = 0x000ffffffffff000;
    uint64_t table = m->top, entry;
    for (unsigned level = m->levels; level; level--) {
        const unsigned shift = 12 + 9 * (level - 1);
        if (read_physical(m, table + 8 * (address >> shift & 511), &entry, 8) != 8 || !(entry & PRESENT))
            return false;
        table = entry & frame;
        if (level == 1 || (level < 4 && entry & LARGE)) {
            const uint64_t within = address & (((uint64_t)1 << shift) - 1);
            *physical = (table & ~(((uint64_t)1 << shift) - 1)) + within;
            *room = ((uint64_t)1 << shift) - within;
            return true;
        }
    }
    return false;
}

static size_t read_mapped(const struct machine *m, uint64_t address, void *buf, size_t n)
{
    size_t done = 0;
    for (uint64_t physical, room; done < n; done += (size_t)room) {
        if (!walk(m, address + done, &physical, &room))
            break;
        room = room < n - done ? room : n - done;
        if (read_physical(m, physical, (uint8_t *)buf + done, (size_t)room) != room)
            break;
    }
    return done;
}

/* Linear memory. The image needs no page tables, which in a damaged guest may be gone. */
static size_t read_linear(void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct machine *m = ctx;
    const uint64_t at = address - m->text;
    return !m->own_tables && at < m->size && n <= m->size - at ? read_physical(m, m->physical + at, buf, n)
                                                               : read_mapped(m, address, buf, n);
}

/* Finds the kernel's page tables. A kernel that can have five levels has a variable that says whether it does
 * (arch/x86/boot/startup). */
static void find_tables(const struct search *r)
{
    struct machine *m = r->m;
    uint32_t five = 0;
    if (m->own_tables)
        return;
    uint64_t top = symbol(r, "init_top_pgt"), flag = symbol(r, "__pgtable_l5_enabled");
    top = top ? top : symbol(r, "init_level4_pgt");
    m->top = top - m->text + m->physical;
    m->levels =
        flag && read_physical(m, flag - m->text + m->physical, &five, sizeof five) == sizeof five && five ? 5
                                                                                                          : 4;
}

static void relax(void *ctx)
{
    past_relax(((struct machine *)ctx)->past);
}

static void close_machine(void *ctx)
{
    struct machine *m = ctx;
    past_close(m->past);
    timeline_close(m->tl);
    free(m);
}

/* ---------------------------------------------------------------- where */

/* Finds the kernel that is wanted; after a reset, as it was found last. Its memory is intact until another
 * kernel is found, or until it hands the machine to one (kexec), which is then unpacked over it. 1; 0: there
 * is none; -1. */
static int find_kernel(struct search *r, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    const void *given;
    size_t n;
    bool there = false;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1) {
        if (ev.kind == EV_KERNEL_KEXEC && there && ev.guest == r->guest && ev.icount < r->until)
            r->until = ev.icount;
        if (there && ev.guest == r->guest && ev.icount < r->until) {
            r->last = ev.icount;
            r->cpu = ev.cpu;
        }
        if (ev.kind != EV_KERNEL_FOUND)
            continue;
        if (there && ev.guest != r->guest) {
            r->until = r->until == UINT64_MAX ? ev.icount : r->until;
        } else if ((r->wanted < 0 || (unsigned)r->wanted == ev.guest) && EVF(&ev, KERNEL_FOUND, physical) &&
                   (r->any_kind || EVF(&ev, KERNEL_FOUND, types) ||
                    symbols_types(r->s, EVF(&ev, KERNEL_FOUND, text), &given, &n))) {
            r->m->text = EVF(&ev, KERNEL_FOUND, text);
            r->m->physical = EVF(&ev, KERNEL_FOUND, physical);
            r->found = r->last = ev.icount;
            r->cpu = ev.cpu;
            r->guest = ev.guest;
            r->until = UINT64_MAX;
            there = true;
        }
    }
    trace_cursor_close(c);
    return rc < 0 ? -1 : there;
}

/* Opens the memory at the last checkpoint before another kernel is found, which may take the first one's
 * memory (kexec); or, by a timeline, where the kernel was found if no checkpoint follows. A timeline is also
 * used if the engine does not say where a checkpoint has memory. */
static int open_memory(struct search *r, struct trace *t, const struct engine_kind *kind, struct error *err)
{
    struct timeline_stopped stopped;
    const long k = trace_checkpoint_find(t, r->until - 1);
    const uint64_t last = k >= 0 ? trace_checkpoint(t, (size_t)k)->icount : 0;
    err->text[0] = 0;
    if (last > r->found)
        r->m->past = past_open(t, kind, (size_t)k, err);
    if (r->m->past || err->text[0])
        return r->m->past ? 0 : -1;
    r->m->tl = timeline_open_unplaced(t, kind, err);
    if (!r->m->tl)
        return -1;
    timeline_short_seeks(r->m->tl, true);
    return timeline_seek(r->m->tl, last > r->found ? last : r->found, &stopped, err);
}

/* Whether the image is where the kernel says that it is in physical memory. In a domain of Xen and in a virtual machine its physical
 * addresses are not the machine's; in the latter another kernel may be there. */
static bool is_there(const struct search *r, const struct trace *t)
{
    static const char begins[] = "Linux version ";
    char text[sizeof begins] = "";
    if (r->guest && trace_config(t)->classes & EVENT_CLASS_BIT(EC_VIRT))
        return false;
    const uint64_t banner = symbol(r, "linux_banner");
    return !banner || (read_physical(r->m, banner - r->m->text + r->m->physical, text, sizeof begins - 1) ==
                           sizeof begins - 1 &&
                       !strcmp(text, begins));
}

/* In that case its memory is found through the page tables in use while it runs: they map to the machine's memory, or the processor runs a
 * virtual machine, by whose nested tables it is found there. */
static int open_domain(struct search *r, struct trace *t, const struct engine_kind *kind, struct error *err)
{
    enum { CR4_LA57 = 1 << 12 };
    const uint64_t frame = 0x000ffffffffff000;
    struct timeline_stopped stopped;
    past_close(r->m->past);
    r->m->past = NULL;
    if (!r->m->tl)
        r->m->tl = timeline_open_unplaced(t, kind, err);
    if (!r->m->tl)
        return -1;
    timeline_short_seeks(r->m->tl, true);
    if (timeline_seek(r->m->tl, r->last, &stopped, err))
        return -1;
    r->m->top = timeline_reg(r->m->tl, r->cpu, "cr3") & frame;
    r->m->levels = timeline_reg(r->m->tl, r->cpu, "cr4") & CR4_LA57 ? 5 : 4;
    r->m->cpu = r->cpu;
    r->m->own_tables = true;
    return 0;
}

/* ---------------------------------------------------------------- the types */

static void measure(struct search *r)
{
    r->place.space = symbol_space_of(r->guest, 0);
    r->place.when = r->until == UINT64_MAX ? SYMBOLS_NOW : r->until - 1;
    r->place.text = r->m->text;
    const uint64_t end = symbol(r, "_end");
    r->place.size = r->m->size = end > r->m->text && end - r->m->text < IMAGE_MAX ? end - r->m->text : 0;
}

/* Finds and opens the kernel that is wanted. 1; 0: there is none; -1. */
static int open_kernel(struct search *r, struct trace *t, const struct engine_kind *kind, struct error *err)
{
    const int there = find_kernel(r, t, err);
    if (there > 0)
        measure(r);
    const bool failed =
        there < 0 ||
        (there && (open_memory(r, t, kind, err) || (!is_there(r, t) && open_domain(r, t, kind, err))));
    if (failed || !there) {
        close_machine(r->m);
        return failed ? -1 : 0;
    }
    find_tables(r);
    return 1;
}

/* A timeline takes as much memory as the guest. */
static struct kernel_memory memory_of(struct machine *m)
{
    return (struct kernel_memory){m, read_linear, m->tl ? NULL : relax, close_machine};
}

int recorded_kernel_open(struct trace *t, const struct engine_kind *kind, const struct symbols *s,
                         unsigned guest, struct kernel_place *place, struct kernel_memory *memory,
                         struct error *err)
{
    struct search r = {.m = mem_zero(1, sizeof *r.m), .s = s, .wanted = (int)guest, .any_kind = true};
    const int there = open_kernel(&r, t, kind, err);
    if (there > 0) {
        *place = r.place;
        *memory = memory_of(r.m);
    }
    return there;
}

static struct kernel_types *read_types(struct trace *t, const struct engine_kind *kind,
                                       const struct symbols *s, int wanted, struct error *err)
{
    struct search r = {.m = mem_zero(1, sizeof *r.m), .s = s, .wanted = wanted};
    const int there = open_kernel(&r, t, kind, err);
    return there < 0 ? NULL : there ? kernel_types_in(&r.place, s, memory_of(r.m)) : kernel_types_new();
}

struct kernel_types *kernel_types_read(struct trace *t, const struct engine_kind *kind,
                                       const struct symbols *s, struct error *err)
{
    return read_types(t, kind, s, -1, err);
}

const struct kernel_types *kernel_types_here(const struct kernel_types *first, struct kernel_types_other *o,
                                             struct trace *t, const struct engine_kind *kind,
                                             const struct symbols *s, symbol_space space)
{
    const unsigned guest = space < 0 ? 0 : symbol_space_guest(space);
    struct error ignored;
    if (!s ||
        (first && kernel_types_set(first)->n && symbol_space_guest(kernel_types_set(first)->space) == guest))
        return first;
    if (!o->asked || o->guest != guest) {
        kernel_types_free(o->k);
        *o = (struct kernel_types_other){read_types(t, kind, s, (int)guest, &ignored), guest, true};
    }
    return o->k && kernel_types_set(o->k)->n ? o->k : first;
}

/* monitor_machine.c - monitor commands that show what the processor's tables and the chips hold; gdb stays where it is. */
#include <inttypes.h>

#include "base/memory.h"
#include "core/views/machine.h"
#include "gdbstub/impl.h"

static struct view_machine machine_of(struct gdbstub *g)
{
    struct running r = {.space = SPACE_KERNEL};
    stub_running(g, stub_cpu(g), &r);
    return (struct view_machine){g->tl, stub_cpu(g), stub_symbols(g), r.space};
}

static void add_list(struct gdbstub *g, const char *list, struct text *out)
{
    const struct view_machine m = machine_of(g);
    struct error err;
    if (view_machine_text(out, &m, list, &err))
        text_add(out, "error: %s\n", err.text);
}

/* A list that takes no argument. */
static void add_whole(struct gdbstub *g, const char *list, const char *args, struct text *out)
{
    if (*args)
        text_add(out, "error: %s: takes no argument: \"%.40s\"\n", list, args);
    else
        add_list(g, list, out);
}

static void monitor_irq(struct gdbstub *g, const char *args, struct text *out)
{
    add_whole(g, "irq", args, out);
}

static void monitor_idt(struct gdbstub *g, const char *args, struct text *out)
{
    const struct view_machine m = machine_of(g);
    struct error err;
    uint64_t vector;
    if (!*args)
        add_list(g, "idt", out);
    else if (!monitor_take_address(g, &args, &vector, out) || *args || vector > 255)
        text_add(out, out->n ? "" : "error: idt: give a vector from 0 to 0xff\n");
    else if (view_vector(out, &m, (unsigned)vector, &err))
        text_add(out, "error: %s\n", err.text);
}

static void monitor_gdt(struct gdbstub *g, const char *args, struct text *out)
{
    add_whole(g, "gdt", args, out);
}

static void monitor_pci(struct gdbstub *g, const char *args, struct text *out)
{
    add_whole(g, "pci", args, out);
}

static void monitor_chip(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    const char *name;
    for (size_t i = 0; !*args && timeline_section_name(g->tl, i, &name); i++)
        text_add(out, "%s\n", name);
    if (*args && view_chip(out, g->tl, args, &err))
        text_add(out, "error: %s\n", err.text);
}

/* ---------------------------------------------------------------- a page walk, and who wrote each entry */

/* Goes to before the last write of an entry, and says who made it. NULL with err; to be freed. */
static char *writer_of(struct gdbstub *g, uint64_t physical, unsigned bytes, struct error *err)
{
    struct timeline_stopped s;
    struct text who = {0};
    if (timeline_last_write_physical(g->tl, physical, bytes, &s, err))
        return NULL;
    if (s.reason == TIMELINE_INTERRUPTED) {
        error_set(err, "interrupted");
        return NULL;
    }
    if (s.reason == TIMELINE_AT_BEGIN)
        return mem_string("never written");
    text_add(&who, "last written at %" PRIu64 " by ", s.icount);
    if (s.device) {
        text_add(&who, "a device");
        return who.s;
    }
    const uint64_t pc = timeline_pc(g->tl, s.cpu);
    struct running r = {.space = SPACE_KERNEL};
    char name[300];
    if (stub_running(g, s.cpu, &r) && stub_symbols(g) &&
        symbols_text(stub_symbols(g), r.space, pc, s.icount, name, sizeof name) > 0)
        text_add(&who, "%s", name);
    else
        text_add(&who, "0x%" PRIx64, pc);
    return who.s;
}

/* One position after the other: from the last table up, as the outer ones were mostly written earlier. */
static int find_writers(struct gdbstub *g, const struct view_walk_level *level, unsigned n, unsigned bytes,
                        char *writer[VIEW_WALK_MAX], struct error *err)
{
    struct timeline_stopped back;
    struct error other;
    const uint64_t here = timeline_icount(g->tl);
    int rc = 0;
    for (unsigned i = n; !rc && i-- > 0;) {
        if (timeline_seek(g->tl, here, &back, err))
            return -1;
        writer[i] = level[i].read ? writer_of(g, level[i].at, bytes, err) : NULL;
        rc = level[i].read && !writer[i] ? -1 : 0;
    }
    if (timeline_seek(g->tl, here, &back, &other) && !rc)
        return *err = other, -1;
    return rc;
}

/* Two levels have narrow entries. */
static unsigned entry_bytes(const struct view_walk_level *first)
{
    return !strcmp(first->name, "PD") ? 4 : 8;
}

static void monitor_page(struct gdbstub *g, const char *args, struct text *out)
{
    struct view_walk w;
    struct error err = {""};
    char *writer[2 * VIEW_WALK_MAX] = {NULL};
    uint64_t linear;
    if (!monitor_take_address(g, &args, &linear, out) || *args) {
        if (!out->n)
            text_add(out, "error: page: give a linear address or a symbol\n");
        return;
    }
    const struct view_machine m = machine_of(g);
    view_walk(timeline_look(g->tl), m.cpu, linear, &w);
    const bool recorded = !timeline_diverted(g->tl);
    int rc = recorded && w.paging ? find_writers(g, w.level, w.n, entry_bytes(w.level), writer, &err) : 0;
    if (!rc && recorded && w.nouter)
        rc = find_writers(g, w.outer, w.nouter, entry_bytes(w.outer), writer + VIEW_WALK_MAX, &err);
    view_walk_text(out, &m, linear, &w, writer);
    if (rc)
        text_add(out, "who wrote the entries is not known: %s\n", err.text);
    else if (!recorded)
        text_add(out, "who wrote the entries is not searched for in a private run\n");
    for (unsigned i = 0; i < 2 * VIEW_WALK_MAX; i++)
        free(writer[i]);
    stop_here(g);
}

const struct monitor_command monitor_machine_commands[] = {
    {"page", "ADDRESS", "the page walk of an address: each entry, its bits, who wrote it last", monitor_page},
    {"irq", "", "the interrupt controllers, line by line", monitor_irq},
    {"idt", "[VECTOR]", "the interrupt descriptor table, or the vectors of real mode; or one entry",
     monitor_idt},
    {"gdt", "", "the global descriptor table", monitor_gdt},
    {"pci", "", "the functions of PCI bus 0: what they decode, their capabilities", monitor_pci},
    {"chip", "[NAME]",
     "the state of a chip or processor: pic, lapic0, cpu0 …; without a name, which there are", monitor_chip},
    {NULL, NULL, NULL, NULL},
};

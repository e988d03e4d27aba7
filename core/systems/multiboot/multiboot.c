/* multiboot.c - see multiboot.h: life, events, what is said of a kernel. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/multiboot/private/impl.h"

/* ---------------------------------------------------------------- life */

static struct guest *create(const struct guest_options *o)
{
    struct mb_guest *mg = mem_zero(1, sizeof *mg);
    base_init(&mg->base, &multiboot_system, o, &guest_base_plain);
    return &mg->base.guest;
}

static void destroy(struct guest *g)
{
    struct mb_guest *mg = (struct mb_guest *)g;
    mb_entry_free(mg);
    mb_files_free(mg);
    mb_functions_free(mg);
    free(mg);
}

/* ---------------------------------------------------------------- the kernel */

/* Symbols that the user has given, or that the file of --kernel has: they are there from the beginning. */
static const struct symbol_table *given_table(struct mb_guest *mg)
{
    for (size_t i = symbols_mappings(mg->base.o.symbols); i-- > 0;) {
        const struct symbol_mapping *m = symbols_mapping(mg->base.o.symbols, i);
        if (m->space == SPACE_KERNEL && !m->since && !m->until && !m->bias &&
            mb_table_has_entry(mg, m->table))
            return m->table;
    }
    return NULL;
}

static const struct symbol_table *take_loaded(struct mb_guest *mg, const struct symbol_table *t)
{
    if (!t || !mb_table_has_entry(mg, t))
        return NULL;
    symbols_map(mg->base.o.symbols,
                &(struct symbol_mapping){
                    .table = t, .space = SPACE_KERNEL, .since = mg->base.icount, .time = mg->base.time});
    mg->base.o.symbols_changed(mg->base.o.ctx);
    return t;
}

void mb_entered(struct mb_guest *mg, unsigned version, uint64_t entry, uint64_t info)
{
    mg->entered = true;
    mg->version = version;
    mg->entry = entry;
    mg->boot_cpu = mg->base.cpu;
    mg->base.word = 4;
    mb_entry_free(mg);
    mb_files_free(mg);
    if (!mg->direct)
        GUEST_EMIT(mg, EV_KERNEL_ENTRY, version == MULTIBOOT_1 ? "multiboot" : "multiboot2", entry);
    const struct symbol_table *loaded = info ? mb_read_info(mg, info) : NULL;
    mg->table = given_table(mg);
    if (!mg->table)
        mg->table = take_loaded(mg, loaded);
    if (mg->table && base_wants(&mg->base, EC_KERNEL))
        mb_follow(mg);
}

/* ---------------------------------------------------------------- events of the engine */

static unsigned version_of(const struct event *ev)
{
    static const char *const names[] = {
        [MULTIBOOT_1] = "multiboot", [MULTIBOOT_2] = "multiboot2", [PVH] = "pvh"};
    for (unsigned i = MULTIBOOT_1; i <= PVH; i++)
        if (ev->len == strlen(names[i]) && !memcmp(ev->data, names[i], ev->len))
            return i;
    return 0;
}

/* Kernels that other guest systems know are entered by PVH as well. They tell of their command line themselves, and have such symbols. */
static bool is_known(const struct symbol_table *t)
{
    static const char *const of[] = {"linux_banner" /* Linux */, "hammer_time_xen" /* FreeBSD */};
    struct symbol s;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        if (symbol_table_find(t, of[i], &s))
            return true;
    return false;
}

/* The machine has loaded the kernel itself. Of one that is entered by PVH and has no symbols it is not known which system it is. */
static void handed_over(struct mb_guest *mg, const struct event *ev)
{
    mg->entry = EVF(ev, KERNEL_ENTRY, address);
    const struct symbol_table *t = version_of(ev) == PVH ? given_table(mg) : NULL;
    if (version_of(ev) == PVH && (!t || is_known(t)))
        return;
    mg->direct = true;
    mb_entered(mg, version_of(ev), EVF(ev, KERNEL_ENTRY, address), mg->passed);
}

static void look_for_kernel(struct mb_guest *mg, const struct event *ev)
{
    mb_look_for_entry(mg, guest_event_ip(ev));
    mb_look_for_files(mg, ev);
}

static void event(struct guest *g, const struct event *ev)
{
    struct mb_guest *mg = (struct mb_guest *)g;
    base_at_event(&mg->base, ev);
    if (mg->entered)
        return;
    if (ev->kind == EV_KERNEL_HANDOVER)
        mg->passed = EVF(ev, KERNEL_HANDOVER, params);
    else if (ev->kind == EV_KERNEL_ENTRY && version_of(ev))
        handed_over(mg, ev);
    else
        look_for_kernel(mg, ev);
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    *t = (struct guest_task){.space = SPACE_KERNEL};
    return false;
}

static void describe(const struct guest *g, struct text *out)
{
    const struct mb_guest *mg = (const struct mb_guest *)g;
    if (!mg->entered)
        text_add(out, "no multiboot kernel");
    else
        text_add(out, "a multiboot kernel, entered at 0x%" PRIx64 "%s", mg->entry,
                 mg->table ? "" : "; without symbols");
}

static const char *word(unsigned kind, unsigned field, uint64_t value)
{
    const bool parent = (kind == EV_KERNEL_CALL && field == EVF_KERNEL_CALL_parent) ||
                        (kind == EV_KERNEL_RETURN && field == EVF_KERNEL_RETURN_parent);
    return parent && value == MB_PARENT ? "multiboot kernel" : NULL;
}

const struct guest_system multiboot_system = {
    .name = "multiboot",
    .engine = "pc",
    .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_KERNEL) |
             EVENT_CLASS_BIT(EC_DISK) | EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) |
             EVENT_CLASS_BIT(EC_IRQ),
    .create = create,
    .destroy = destroy,
    .event = event,
    .task = task,
    .read = base_read_at,
    .describe = describe,
    .word = word,
};

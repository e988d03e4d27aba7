/* efi.c - see efi.h: life, events, the steps from one phase to the next. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"

/* ---------------------------------------------------------------- events of its own */

void efi_note(struct efi_guest *eg, const char *format, ...)
{
    char text[EFI_DATA];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    efi_emit(eg, EV_EFI_NOTE, text, NULL, 0);
}

void efi_say_full(struct efi_guest *eg, const char *what)
{
    if (!eg->full)
        efi_note(eg, "the firmware has more %s than are kept: others are not reported", what);
    eg->full = true;
}

/* ---------------------------------------------------------------- life */

static struct efi_guest *efi_guest(struct guest *g)
{
    return (struct efi_guest *)g;
}

static struct guest *create(const struct guest_options *o)
{
    struct efi_guest *eg = mem_zero(1, sizeof *eg);
    base_init(&eg->base, &efi_system, o, &guest_base_plain);
    eg->word = 8;
    eg->base.hooks = base_hooks_new(&eg->base);
    return &eg->base.guest;
}

static void destroy(struct guest *g)
{
    struct efi_guest *eg = efi_guest(g);
    hooks_free(eg->base.hooks);
    hooks_free(eg->leaving);
    for (size_t i = 0; i < eg->nmodules; i++)
        free(eg->modules[i]);
    for (size_t i = 0; i < eg->nprobed; i++)
        free(eg->probed[i]);
    free(eg->modules);
    free(eg->probed);
    free(eg->known);
    free(eg->calls);
    free(eg->map);
    free(eg);
}

/* ---------------------------------------------------------------- the ROM */

/* The firmware ends at 4 GiB; how far down it goes is seen by what is mapped. */
static void look_for_volumes(struct efi_guest *eg)
{
    enum { PIECE = 64 << 10, MOST = 16 << 20 };
    const uint64_t top = 0x100000000u;
    uint64_t address = top;
    uint8_t byte;
    while (top - address < MOST && efi_read_physical(eg, address - PIECE, &byte, 1))
        address -= PIECE;
    if (address < top && efi_look_at(eg, address, top - address))
        eg->state = EFI_VOLUMES;
}

/* ---------------------------------------------------------------- from phase to phase */

/* Twice, if it moves to the memory that PEI has found. */
static void enter_pei_core(struct efi_guest *eg, const struct efi_module *m)
{
    eg->state = EFI_PEI;
    efi_probe_leaving(eg, m);
    efi_probe_table(eg, EFI_TABLE_PEI,
                    efi_find_table(eg, "PEI SERV", efi_pointer_bytes(eg), m->base, m->size),
                    efi_pointer_bytes(eg));
}

/* Its second argument leads to the PEI services, which move as the PEI core does. */
static void enter_peim(struct efi_guest *eg)
{
    unsigned word = efi_pointer_bytes(eg);
    uint64_t table = efi_number(eg, efi_argument(eg, 1), word);
    if (table && efi_number(eg, table, 8) == 0x5652455320494550u) /* "PEI SERV" */
        efi_probe_table(eg, EFI_TABLE_PEI, table, word);
}

/* Its argument is the HOB list. */
static void enter_dxe_core(struct efi_guest *eg, const struct efi_module *m)
{
    hooks_free(eg->leaving);
    eg->leaving = NULL;
    eg->state = EFI_DXE;
    eg->word = efi_pointer_bytes(eg);
    if (efi_argument(eg, 0))
        eg->hobs = efi_argument(eg, 0);
    efi_report_hobs(eg);
    eg->boot_services = efi_find_table(eg, "BOOTSERV", eg->word, m->base, m->size);
    if (eg->boot_services)
        efi_probe_table(eg, EFI_TABLE_BOOT, eg->boot_services, eg->word);
    else
        efi_note(eg, "%s has no table of boot services: they and the drivers are not reported", m->name);
}

void efi_entered(struct efi_guest *eg, struct efi_module *m)
{
    if (m->type == EFI_TYPE_SEC && eg->state < EFI_SEC) {
        eg->state = EFI_SEC;
        efi_probe_leaving(eg, m);
    } else if (m->type == EFI_TYPE_PEI_CORE && eg->state <= EFI_PEI) {
        enter_pei_core(eg, m);
    } else if (m->type == EFI_TYPE_PEIM || m->type == EFI_TYPE_PEIM_DRIVER) {
        enter_peim(eg);
    } else if (m->type == EFI_TYPE_DXE_CORE && eg->state < EFI_DXE) {
        enter_dxe_core(eg, m);
    }
}

void efi_volume_added(struct efi_guest *eg, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < eg->nlooked; i++)
        if (eg->looked[i] == address)
            return;
    if (size < EFI_VOLUME_HEADER || eg->nlooked == sizeof eg->looked / sizeof eg->looked[0])
        return;
    efi_look_at(eg, address, size);
}

void efi_end_of_pei(struct efi_guest *eg)
{
    if (eg->state != EFI_PEI)
        return;
    eg->hobs = efi_find_hobs(eg);
    if (!eg->hobs) {
        efi_note(eg, "there is no HOB list in the memory that PEI has found: DXE is not reported");
        return;
    }
    efi_find_dxe_core(eg);
    probes_apply(eg->base.o.probes);
}

void efi_enter_bds(struct efi_guest *eg)
{
    efi_emit(eg, EV_EFI_BDS, eg->bds ? "goes on" : "entered", NULL, 0);
    eg->bds = true;
    eg->state = EFI_BDS;
}

static void on_bds(void *ctx, const struct probe_hit *hit)
{
    struct efi_guest *eg = ctx;
    if (!eg->bds)
        efi_enter_bds(eg);
}

void efi_probe_bds(struct efi_guest *eg, uint64_t address)
{
    if (!address || eg->bds)
        return;
    eg->bds_entry = address;
    hooks_probe(eg->base.hooks, PROBE_PHYSICAL, address, on_bds, eg);
    probes_apply(eg->base.o.probes);
}

void efi_end_of_boot(struct efi_guest *eg)
{
    efi_report_map(eg);
    efi_modules_unmap(eg);
    hooks_free(eg->base.hooks);
    eg->base.hooks = base_hooks_new(&eg->base);
    eg->state = EFI_RUNTIME;
    eg->depth = 0;
    efi_keep_runtime(eg);
    probes_apply(eg->base.o.probes);
}

/* ---------------------------------------------------------------- events of the engine */

static void event(struct guest *g, const struct event *ev)
{
    struct efi_guest *eg = efi_guest(g);
    base_at_event(&eg->base, ev);
    if (ev->kind == EV_RESET_VECTOR && eg->state == EFI_NONE)
        look_for_volumes(eg);
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    *t = (struct guest_task){.space = SPACE_KERNEL};
    return false;
}

static void describe(const struct guest *g, struct text *out)
{
    static const char *const states[] = {
        "no firmware volumes",     "volumes in the ROM", "in SEC", "in PEI", "in DXE", "in BDS",
        "boot services have ended"};
    const struct efi_guest *eg = (const struct efi_guest *)g;
    text_add(out, "%s", states[eg->state]);
    if (eg->vendor[0])
        text_add(out, "; by %s", eg->vendor);
    if (eg->nmodules)
        text_add(out, "; %zu modules", eg->nmodules);
}

const struct guest_system efi_system = {
    .name = "efi",
    .engine = "pc",
    .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER),
    .create = create,
    .destroy = destroy,
    .event = event,
    .task = task,
    .read = base_read_at,
    .describe = describe,
    .word = efi_value_word,
    .explain = efi_explain,
};

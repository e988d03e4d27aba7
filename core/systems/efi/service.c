/* service.c - services: probes, calls, returns. See impl.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/efi/private/impl.h"

/* ---------------------------------------------------------------- the services that are reported */

enum {
    INSTALL_PPI = EFI_TABLE_PEI + 0,
    INSTALL_PEI_MEMORY = EFI_TABLE_PEI + 11,
    GET_MEMORY_MAP = EFI_TABLE_BOOT + 4,
    INSTALL_PROTOCOL = EFI_TABLE_BOOT + 13,
    UNINSTALL_PROTOCOL = EFI_TABLE_BOOT + 15,
    LOAD_IMAGE = EFI_TABLE_BOOT + 22,
    START_IMAGE = EFI_TABLE_BOOT + 23,
    UNLOAD_IMAGE = EFI_TABLE_BOOT + 25,
    EXIT_BOOT_SERVICES = EFI_TABLE_BOOT + 26,
    INSTALL_PROTOCOLS = EFI_TABLE_BOOT + 38,
};

#define PEI(i)     EFI_TABLE_PEI + (i)
#define BOOT(i)    EFI_TABLE_BOOT + (i)
#define RUNTIME(i) EFI_TABLE_RUNTIME + (i)

/* PI specification, volume 1, 4.2; UEFI specification, 4.4, 4.5, chapters 7 and 8. Services that only compute, wait, or are called all
 * the time (task priorities, pools, HandleProtocol) are left out. */
static const struct efi_row rows[] = {
    {PEI(0), "InstallPpi", true, {{NULL, EFI_ARG_SKIP}, {"PpiList", EFI_ARG_PPI}}},
    {PEI(11), "InstallPeiMemory", false, {{NULL, EFI_ARG_SKIP}, {NULL, EFI_ARG_WIDE}, {NULL, EFI_ARG_WIDE}}},
    {PEI(17), "ResetSystem", true, {{NULL, EFI_ARG_SKIP}}},
    {BOOT(2),
     "AllocatePages",
     false,
     {{"Type", EFI_ARG_ALLOCATE},
      {"MemoryType", EFI_ARG_MEMORY},
      {"Pages", EFI_ARG_COUNT},
      {"Memory", EFI_ARG_OUT64}}},
    {BOOT(4), "GetMemoryMap", false, {{"MemoryMapSize", EFI_ARG_OUT}}},
    {BOOT(13),
     "InstallProtocolInterface",
     true,
     {{"Handle", EFI_ARG_OUT}, {"Protocol", EFI_ARG_GUID}, {NULL, EFI_ARG_SKIP}, {NULL, EFI_ARG_SKIP}}},
    {BOOT(14), "ReinstallProtocolInterface", true, {{NULL, EFI_ARG_SKIP}, {"Protocol", EFI_ARG_GUID}}},
    {BOOT(15), "UninstallProtocolInterface", true, {{NULL, EFI_ARG_SKIP}, {"Protocol", EFI_ARG_GUID}}},
    {BOOT(21), "InstallConfigurationTable", true, {{"Guid", EFI_ARG_GUID}, {NULL, EFI_ARG_SKIP}}},
    {BOOT(22),
     "LoadImage",
     true,
     {{"BootPolicy", EFI_ARG_BOOL},
      {"ParentImageHandle", EFI_ARG_HANDLE},
      {"DevicePath", EFI_ARG_PATH},
      {NULL, EFI_ARG_SKIP},
      {"SourceSize", EFI_ARG_COUNT},
      {"ImageHandle", EFI_ARG_OUT}}},
    {BOOT(23), "StartImage", true, {{"ImageHandle", EFI_ARG_HANDLE}, {NULL, EFI_ARG_SKIP}}},
    {BOOT(24), "Exit", true, {{"ImageHandle", EFI_ARG_HANDLE}, {"ExitStatus", EFI_ARG_STATUS}}},
    {BOOT(25), "UnloadImage", true, {{"ImageHandle", EFI_ARG_HANDLE}}},
    {BOOT(26), "ExitBootServices", true, {{"ImageHandle", EFI_ARG_HANDLE}, {NULL, EFI_ARG_SKIP}}},
    {BOOT(30),
     "ConnectController",
     true,
     {{NULL, EFI_ARG_SKIP},
      {NULL, EFI_ARG_SKIP},
      {"RemainingDevicePath", EFI_ARG_PATH},
      {"Recursive", EFI_ARG_BOOL}}},
    {BOOT(31), "DisconnectController", true, {{NULL, EFI_ARG_SKIP}, {NULL, EFI_ARG_SKIP}}},
    {BOOT(37),
     "LocateProtocol",
     false,
     {{"Protocol", EFI_ARG_GUID}, {NULL, EFI_ARG_SKIP}, {"Interface", EFI_ARG_OUT}}},
    {BOOT(38),
     "InstallMultipleProtocolInterfaces",
     true,
     {{"Handle", EFI_ARG_OUT}, {"Protocols", EFI_ARG_LIST}}},
    {BOOT(39),
     "UninstallMultipleProtocolInterfaces",
     true,
     {{NULL, EFI_ARG_SKIP}, {"Protocols", EFI_ARG_LIST}}},
    {RUNTIME(0), "GetTime", false, {{NULL, EFI_ARG_SKIP}}},
    {RUNTIME(1), "SetTime", false, {{NULL, EFI_ARG_SKIP}}},
    {RUNTIME(2), "GetWakeupTime", false, {{NULL, EFI_ARG_SKIP}}},
    {RUNTIME(3), "SetWakeupTime", false, {{"Enable", EFI_ARG_BOOL}}},
    {RUNTIME(4),
     "SetVirtualAddressMap",
     true,
     {{"MemoryMapSize", EFI_ARG_COUNT}, {"DescriptorSize", EFI_ARG_COUNT}}},
    {RUNTIME(6),
     "GetVariable",
     false,
     {{"VariableName", EFI_ARG_STRING},
      {"VendorGuid", EFI_ARG_GUID},
      {NULL, EFI_ARG_SKIP},
      {"DataSize", EFI_ARG_OUT}}},
    {RUNTIME(7), "GetNextVariableName", false, {{NULL, EFI_ARG_SKIP}}},
    {RUNTIME(8),
     "SetVariable",
     false,
     {{"VariableName", EFI_ARG_STRING},
      {"VendorGuid", EFI_ARG_GUID},
      {"Attributes", EFI_ARG_HEX},
      {"DataSize", EFI_ARG_COUNT}}},
    {RUNTIME(10), "ResetSystem", true, {{"ResetType", EFI_ARG_RESET}, {"ResetStatus", EFI_ARG_STATUS}}},
    {RUNTIME(11), "UpdateCapsule", true, {{NULL, EFI_ARG_SKIP}, {"CapsuleCount", EFI_ARG_COUNT}}},
    {RUNTIME(13), "QueryVariableInfo", false, {{"Attributes", EFI_ARG_HEX}}},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

const struct efi_row *efi_row(unsigned number)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

/* ---------------------------------------------------------------- a call in progress */

/* What is known at the entry and needed at the return. */
struct call {
    char text[EFI_DATA];
    uint64_t a[4], caller, out; /* out: where a result is */
    unsigned out_bytes;
    struct efi_module *image; /* of StartImage */
    bool used;
};

enum { CALLS = 64 };

/* The frame's value[0] is its number here + 1. */
struct calls {
    struct call call[CALLS];
};

static struct call *new_call(struct efi_guest *eg, unsigned *number)
{
    if (!eg->calls)
        eg->calls = mem_zero(1, sizeof *eg->calls);
    /* Those whose return was not seen (a stack that was left) are used again, in turn. */
    *number = eg->next_call++ % CALLS;
    for (unsigned i = 0; i < CALLS && eg->calls->call[*number].used; i++)
        *number = eg->next_call++ % CALLS;
    struct call *c = &eg->calls->call[*number];
    *c = (struct call){.used = true};
    return c;
}

static void note_arguments(struct efi_guest *eg, const struct efi_row *row, struct call *c)
{
    unsigned slot = 0, word = efi_pointer_bytes(eg);
    for (unsigned i = 0; i < 4; i++)
        c->a[i] = efi_argument(eg, i);
    c->caller = efi_number(eg, word == 8 ? efi_reg(eg, GUEST_RSP) : (uint32_t)efi_reg(eg, GUEST_RSP), word);
    for (unsigned i = 0; i < sizeof row->arg / sizeof row->arg[0] && row->arg[i].kind; i++) {
        enum efi_arg kind = row->arg[i].kind;
        if (kind == EFI_ARG_OUT || kind == EFI_ARG_OUT64) {
            c->out = efi_argument(eg, slot);
            c->out_bytes = kind == EFI_ARG_OUT64 ? 8 : word;
        }
        slot += kind == EFI_ARG_WIDE && word == 4 ? 2 : 1;
    }
    const char *by = row->number >= EFI_TABLE_BOOT && row->number < EFI_TABLE_RUNTIME
                         ? efi_module_calls(eg, c->caller)
                         : efi_module_name(eg, c->caller);
    if (by[0])
        efi_put(c->text, sizeof c->text, "%s: ", by);
    efi_call_text(eg, row, c->text, sizeof c->text);
}

/* ---------------------------------------------------------------- what calls mean for the story */

static void install_ppi(struct efi_guest *eg, uint64_t list)
{
    enum { MOST = 32 };
    const uint64_t last = 0x80000000u;
    unsigned word = efi_pointer_bytes(eg);
    struct efi_guid guid;
    for (unsigned i = 0; i < MOST; i++, list += 3 * word) {
        uint64_t ppi = efi_number(eg, list + 2 * word, word);
        if (!efi_read(eg, efi_number(eg, list + word, word), guid.b, sizeof guid.b))
            return;
        if (efi_guid_is(&guid, "EFI_PEI_END_OF_PEI_PHASE_PPI"))
            efi_end_of_pei(eg);
        /* EFI_PEI_FIRMWARE_VOLUME_INFO_PPI: format, address, size */
        if (efi_guid_is(&guid, "EFI_PEI_FIRMWARE_VOLUME_INFO_PPI") && ppi)
            efi_volume_added(eg, efi_number(eg, ppi + sizeof guid.b, word),
                             efi_number(eg, ppi + sizeof guid.b + word, 4));
        if (efi_number(eg, list, word) & last)
            return;
    }
}

static void memory_found(struct efi_guest *eg)
{
    const uint64_t top = (uint64_t)1 << 32;
    bool wide = efi_pointer_bytes(eg) == 8;
    uint64_t low = efi_argument(eg, 1);
    eg->memory = wide ? low : low | efi_argument(eg, 2) << 32;
    eg->memory_size = wide ? efi_argument(eg, 2) : efi_argument(eg, 3) | efi_argument(eg, 4) << 32;
    GUEST_EMIT(eg, EV_EFI_MEMORY, NULL, eg->memory, eg->memory_size);
    /* It is searched later. */
    if (eg->memory >= top || eg->memory_size > top - eg->memory) {
        efi_note(eg, "that is not all below 4 GiB: only what is there is searched for tables");
        eg->memory_size = eg->memory < top ? top - eg->memory : 0;
    }
}

/* EFI_BDS_ARCH_PROTOCOL has one member, Entry. */
static void protocol_installed(struct efi_guest *eg, uint64_t guid_at, uint64_t interface)
{
    struct efi_guid guid;
    if (!efi_read(eg, guid_at, guid.b, sizeof guid.b))
        return;
    if (efi_guid_is(&guid, "EFI_BDS_ARCH_PROTOCOL"))
        efi_probe_bds(eg, efi_number(eg, interface, efi_pointer_bytes(eg)));
    else if (efi_guid_is(&guid, "EFI_LOADED_IMAGE_PROTOCOL"))
        efi_smm_installed(eg, interface);
}

static void start_image(struct efi_guest *eg, struct call *c)
{
    efi_find_system_table(eg);
    struct efi_module *m = efi_module_loaded(eg, c->a[0], false);
    c->image = m;
    if (!m)
        return;
    if (m->type == EFI_TYPE_APPLICATION)
        efi_bds_starts(eg);
    GUEST_EMIT(eg, EV_EFI_START, m->name, m->type, m->base, m->size, m->entry, m->handle);
    eg->depth += m->type == EFI_TYPE_APPLICATION;
}

static void image_returned(struct efi_guest *eg, struct call *c, uint64_t status, uint64_t duration)
{
    struct efi_module *m = c->image;
    efi_find_system_table(eg);
    if (!m)
        return;
    GUEST_EMIT(eg, EV_EFI_RETURN, m->name, m->type, status, duration);
    if (status || m->type == EFI_TYPE_APPLICATION) /* it is unloaded without a call */
        efi_module_gone(eg, m);
    if (m->type != EFI_TYPE_APPLICATION || !eg->depth)
        return;
    if (!--eg->depth && eg->bds)
        efi_enter_bds(eg);
}

static void image_loaded(struct efi_guest *eg, const struct call *c)
{
    efi_find_system_table(eg);
    const struct efi_module *m = efi_module_loaded(eg, efi_number(eg, c->out, c->out_bytes), true);
    if (m)
        GUEST_EMIT(eg, EV_EFI_LOADED, m->name, m->type, m->base, m->size, m->entry, m->handle);
}

static void entered(struct efi_guest *eg, unsigned number, struct call *c)
{
    switch (number) {
    case INSTALL_PPI:
        install_ppi(eg, c->a[1]);
        break;
    case INSTALL_PEI_MEMORY:
        memory_found(eg);
        break;
    case INSTALL_PROTOCOL:
        protocol_installed(eg, c->a[1], c->a[3]);
        break;
    case UNINSTALL_PROTOCOL:
        efi_smm_removed(eg, c->a[2]);
        break;
    case INSTALL_PROTOCOLS:
        for (unsigned slot = 1; slot < 64 && efi_argument(eg, slot); slot += 2)
            protocol_installed(eg, efi_argument(eg, slot), efi_argument(eg, slot + 1));
        break;
    case START_IMAGE:
        start_image(eg, c);
        break;
    default:
        break;
    }
}

static void returned(struct efi_guest *eg, unsigned number, struct call *c, uint64_t status,
                     uint64_t duration)
{
    struct efi_module *m;
    switch (number) {
    case GET_MEMORY_MAP:
        if (!status)
            efi_take_map(eg, c->a[1], efi_number(eg, c->a[0], eg->word), efi_number(eg, c->a[3], eg->word));
        break;
    case LOAD_IMAGE:
        if (!status)
            image_loaded(eg, c);
        break;
    case START_IMAGE:
        image_returned(eg, c, status, duration);
        break;
    case UNLOAD_IMAGE:
        m = status ? NULL : efi_module_of(eg, c->a[0]);
        if (m)
            efi_module_gone(eg, m);
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- probes */

/* 32-bit statuses, as those of 64 bits. */
static uint64_t status_of(const struct efi_guest *eg)
{
    const uint64_t error = (uint64_t)1 << 31;
    uint64_t status = efi_reg(eg, GUEST_RAX);
    if (efi_pointer_bytes(eg) == 8)
        return status;
    status = (uint32_t)status;
    return status & error ? status ^ error ^ error << 32 : status;
}

static void on_call(void *ctx, const struct probe_hit *hit)
{
    const struct efi_probed *p = ctx;
    struct efi_guest *eg = p->eg;
    const struct efi_row *row = p->row;
    unsigned number;
    struct call *c = new_call(eg, &number);
    note_arguments(eg, row, c);
    if (row->nests)
        GUEST_EMIT(eg, EV_EFI_CALL, c->text, row->number, c->a[0], c->a[1], c->a[2], c->a[3], c->caller);
    hook_follow(p->hook, hit);
    struct hook_frame *f = hook_find(p->hook, hooks_stack_pointer(p->hook->set, hit->cpu));
    if (f)
        f->value[0] = number + 1;
    efi_bds_calls(eg, row->number, c->caller);
    entered(eg, row->number, c);
}

static void on_result(struct hook *h, const struct probe_hit *hit, const struct hook_frame *f);

/* A call that does not return, because an outer one has: Exit. */
static void call_gone(void *ctx, const struct hook_frame *f)
{
    struct efi_guest *eg = ctx;
    if (f->hook->leave == on_result && f->value[0] && f->value[0] <= CALLS)
        eg->calls->call[f->value[0] - 1].used = false;
}

static void on_result(struct hook *h, const struct probe_hit *hit, const struct hook_frame *f)
{
    const struct efi_probed *p = *(struct efi_probed **)h->ctx;
    struct efi_guest *eg = p->eg;
    const char *name;
    if (!f->value[0] || f->value[0] > CALLS)
        return;
    struct call *c = &eg->calls->call[f->value[0] - 1];
    uint64_t status = status_of(eg), duration = hit->time - f->time;
    name = efi_status_name(status);
    if (name)
        efi_put(c->text, sizeof c->text, " = %s", name);
    else
        efi_put(c->text, sizeof c->text, " = 0x%llx", (unsigned long long)status);
    GUEST_EMIT(eg, EV_EFI_SERVICE, c->text, p->row->number, status,
               c->out ? efi_number(eg, c->out, c->out_bytes) : 0, c->a[0], c->a[1], c->a[2], duration,
               c->caller);
    c->used = false;
    hooks_drop_since(h->set, f, call_gone, eg);
    efi_bds_returns(eg, p->row->number, c->caller, status);
    returned(eg, p->row->number, c, status, duration);
    if (p->row->number == EXIT_BOOT_SERVICES && !status)
        efi_end_of_boot(eg); /* frees this hook: nothing may follow */
}

static void probe(struct efi_probed *p)
{
    struct efi_probed **ctx = mem_alloc(sizeof *ctx);
    *ctx = p;
    p->hook = hook_keep(p->eg->base.hooks, ctx);
    p->hook->leave = on_result;
    p->hook->follows = true;
    hooks_probe(p->eg->base.hooks, PROBE_PHYSICAL, p->address, on_call, p);
}

static bool is_probed(const struct efi_guest *eg, unsigned number, uint64_t address)
{
    for (size_t i = 0; i < eg->nprobed; i++)
        if (eg->probed[i]->row->number == number && eg->probed[i]->address == address)
            return true;
    return false;
}

/* A function that stands for several services of a table is none of them: they are not available yet. */
static bool is_shared(const struct efi_guest *eg, uint64_t table, unsigned word, unsigned index,
                      uint64_t address)
{
    enum { HEADER = 24, SERVICES = 14 };
    for (unsigned i = 0; i < SERVICES; i++)
        if (i != index && efi_number(eg, table + HEADER + i * word, word) == address)
            return true;
    return false;
}

void efi_probe_table(struct efi_guest *eg, enum efi_table table, uint64_t address, unsigned word)
{
    enum { HEADER = 24 };
    bool any = false;
    for (unsigned i = 0; i < ROWS && address; i++) {
        unsigned index = rows[i].number - table;
        if ((rows[i].number & ~0xffu) != table)
            continue;
        uint64_t function = efi_number(eg, address + HEADER + index * word, word);
        if (!function || is_probed(eg, rows[i].number, function) ||
            is_shared(eg, address, word, index, function))
            continue;
        if (eg->nprobed == EFI_PROBED) {
            efi_say_full(eg, "services");
            break;
        }
        struct efi_probed *p = mem_zero(1, sizeof *p);
        *p = (struct efi_probed){.eg = eg, .row = &rows[i], .address = function};
        MEM_MORE(eg->probed, eg->nprobed);
        eg->probed[eg->nprobed++] = p;
        probe(p);
        any = true;
    }
    if (any)
        probes_apply(eg->base.o.probes);
}

void efi_keep_runtime(struct efi_guest *eg)
{
    for (size_t i = 0; i < eg->nprobed; i++)
        if (eg->probed[i]->row->number >= EFI_TABLE_RUNTIME)
            probe(eg->probed[i]);
}

/* names.c - numbers of Xen's public interface by name (xen/include/public), and its events in words. See impl.h. */
#include "core/systems/xen/private/impl.h"
#include "core/systems/xen/private/numbers.h"

void xen_put(char *text, size_t size, const char *format, ...)
{
    size_t n = strlen(text);
    va_list ap;
    va_start(ap, format);
    vsnprintf(text + n, size - n, format, ap);
    va_end(ap);
}

void xen_add(char *text, size_t size, const char *string)
{
    const size_t n = strlen(text), more = strnlen(string, size - n - 1);
    memcpy(text + n, string, more);
    text[n + more] = 0;
}

/* ---------------------------------------------------------------- hypercalls */

static const struct {
    const char *name, *what;
    bool operations;
} hypercalls[] = {
#define HYPERCALL(number, id, name, operations, what) [number] = {name, what, operations},
#include "core/systems/xen/hypercalls.def"
#undef HYPERCALL
};
enum { HYPERCALLS = sizeof hypercalls / sizeof hypercalls[0] };

const char *xen_hypercall_name(uint64_t number)
{
    return number < HYPERCALLS ? hypercalls[number].name : NULL;
}

bool xen_has_operations(uint64_t number)
{
    return number < HYPERCALLS && hypercalls[number].operations;
}

/* ---------------------------------------------------------------- their sub-operations */

static const char *const platform_ops[] = {[17] = "settime32",
                                           [31] = "add_memtype",
                                           [32] = "del_memtype",
                                           [33] = "read_memtype",
                                           [35] = "microcode_update",
                                           [39] = "platform_quirk",
                                           [48] = "get_cpu_version",
                                           [49] = "efi_runtime_call",
                                           [50] = "firmware_info",
                                           [51] = "enter_acpi_sleep",
                                           [52] = "change_freq",
                                           [53] = "getidletime",
                                           [54] = "set_processor_pminfo",
                                           [55] = "get_cpuinfo",
                                           [56] = "cpu_online",
                                           [57] = "cpu_offline",
                                           [58] = "cpu_hotadd",
                                           [59] = "mem_hotadd",
                                           [60] = "core_parking",
                                           [61] = "resource_op",
                                           [62] = "settime64",
                                           [63] = "get_symbol"};
static const char *const memory_ops[] = {"increase_reservation",
                                         "decrease_reservation",
                                         "maximum_ram_page",
                                         "current_reservation",
                                         "maximum_reservation",
                                         "machphys_mfn_list",
                                         "populate_physmap",
                                         "add_to_physmap",
                                         "translate_gpfn_list",
                                         "memory_map",
                                         "machine_memory_map",
                                         "exchange",
                                         "machphys_mapping",
                                         "set_memory_map",
                                         "maximum_gpfn",
                                         "remove_from_physmap",
                                         "set_pod_target",
                                         "get_pod_target",
                                         "get_sharing_freed_pages",
                                         "get_sharing_shared_pages",
                                         "paging_op",
                                         "access_op",
                                         "sharing_op",
                                         "add_to_physmap_batch",
                                         "claim_pages",
                                         "machphys_compat_mfn_list",
                                         "get_vnumainfo",
                                         "reserved_device_memory_map",
                                         "acquire_resource"};
static const char *const version_ops[] = {
    "version",      "extraversion", "compile_info", "capabilities", "changeset", "platform_parameters",
    "get_features", "pagesize",     "guest_handle", "commandline",  "build_id"};
static const char *const console_ops[] = {"write", "read"};
static const char *const grant_ops[] = {
    "map_grant_ref", "unmap_grant_ref", "setup_table",       "dump_table",  "transfer",
    "copy",          "query_size",      "unmap_and_replace", "set_version", "get_status_frames",
    "get_version",   "swap_grant_ref",  "cache_flush"};
static const char *const assists[] = {
    "4gb_segments",       "4gb_segments_notify",  "writable_pagetables", "pae_extended_cr3",
    "architectural_iopl", "runstate_update_flag", [32] = "m2p_strict"};
static const char *const vcpu_ops[] = {"initialise",
                                       "up",
                                       "down",
                                       "is_up",
                                       "get_runstate_info",
                                       "register_runstate_memory_area",
                                       "set_periodic_timer",
                                       "stop_periodic_timer",
                                       "set_singleshot_timer",
                                       "stop_singleshot_timer",
                                       "register_vcpu_info",
                                       "send_nmi",
                                       "get_physid",
                                       "register_vcpu_time_memory_area"};
static const char *const callback_ops[] = {"register", "unregister"};
static const char *const sched_ops[] = {"yield",           "block",         "shutdown", "poll",
                                        "remote_shutdown", "shutdown_code", "watchdog", "pin_override"};
static const char *const event_ops[] = {
    "bind_interdomain", "bind_virq", "bind_pirq", "close", "send",         "status",       "alloc_unbound",
    "bind_ipi",         "bind_vcpu", "unmask",    "reset", "init_control", "expand_array", "set_priority"};
static const char *const physdev_ops[] = {[5] = "irq_status_query",    [6] = "set_iopl",
                                          [7] = "set_iobitmap",        [8] = "apic_read",
                                          [9] = "apic_write",          [10] = "alloc_irq_vector",
                                          [11] = "free_irq_vector",    [12] = "eoi",
                                          [13] = "map_pirq",           [14] = "unmap_pirq",
                                          [15] = "manage_pci_add",     [16] = "manage_pci_remove",
                                          [17] = "pirq_eoi_gmfn_v1",   [19] = "restore_msi",
                                          [20] = "manage_pci_add_ext", [21] = "setup_gsi",
                                          [22] = "get_nr_pirqs",       [23] = "get_free_pirq",
                                          [24] = "pci_mmcfg_reserved", [25] = "pci_device_add",
                                          [26] = "pci_device_remove",  [27] = "restore_msi_ext",
                                          [28] = "pirq_eoi_gmfn_v2",   [29] = "dbgp_op",
                                          [30] = "prepare_msix",       [31] = "release_msix"};
static const char *const hvm_ops[] = {"set_param", "get_param"};
static const char *const nmi_ops[] = {"register_callback", "unregister_callback"};
static const char *const sysctls[] = {
    [1] = "readconsole",      [2] = "tbuf_op",           [3] = "physinfo",     [4] = "sched_id",
    [5] = "perfc_op",         [6] = "getdomaininfolist", [7] = "debug_keys",   [8] = "getcpuinfo",
    [9] = "availheap",        [10] = "get_pmstat",       [11] = "cpu_hotplug", [12] = "pm_op",
    [14] = "page_offline_op", [15] = "lockprof_op",      [16] = "cputopoinfo", [17] = "numainfo",
    [18] = "cpupool_op",      [19] = "scheduler_op",     [20] = "coverage_op"};
static const char *const domctls[] = {
    [1] = "createdomain",       [2] = "destroydomain",  [3] = "pausedomain",     [4] = "unpausedomain",
    [5] = "getdomaininfo",      [6] = "getmemlist",     [7] = "setvcpuaffinity", [8] = "getpageframeinfo3",
    [9] = "setvcpuaffinity",    [10] = "shadow_op",     [11] = "max_mem",        [12] = "setvcpucontext",
    [13] = "getvcpucontext",    [14] = "getvcpuinfo",   [15] = "max_vcpus",      [16] = "scheduler_op",
    [17] = "setdomainhandle",   [18] = "setdebugging",  [19] = "irq_permission", [20] = "iomem_permission",
    [21] = "ioport_permission", [22] = "hypercall_init"};
static const char *const kexec_ops[] = {"exec", "get_range", "load_v1", "unload_v1",
                                        "load", "unload",    "status"};

struct names {
    unsigned hypercall;
    const char *const *name;
    size_t n;
};
#define NAMES(hypercall, table)                                                                              \
    {                                                                                                        \
        hypercall, table, sizeof table / sizeof table[0]                                                     \
    }
static const struct names operations[] = {
    NAMES(XEN_PLATFORM_OP, platform_ops), NAMES(XEN_MEMORY_OP, memory_ops),
    NAMES(XEN_XEN_VERSION, version_ops),  NAMES(XEN_CONSOLE_IO, console_ops),
    NAMES(XEN_GRANT_TABLE_OP, grant_ops), NAMES(XEN_VM_ASSIST, assists),
    NAMES(XEN_VCPU_OP, vcpu_ops),         NAMES(XEN_CALLBACK_OP, callback_ops),
    NAMES(XEN_SCHED_OP, sched_ops),       NAMES(XEN_EVENT_CHANNEL_OP, event_ops),
    NAMES(XEN_PHYSDEV_OP, physdev_ops),   NAMES(XEN_HVM_OP, hvm_ops),
    NAMES(XEN_NMI_OP, nmi_ops),           NAMES(XEN_SYSCTL, sysctls),
    NAMES(XEN_DOMCTL, domctls),           NAMES(XEN_KEXEC_OP, kexec_ops),
};

const char *xen_operation_name(uint64_t hypercall, uint64_t operation)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (operations[i].hypercall == hypercall)
            return operation < operations[i].n ? operations[i].name[operation] : NULL;
    return NULL;
}

const char *xen_mmuext_name(uint64_t command)
{
    static const char *const names[] = {"pin_l1_table",       "pin_l2_table",  "pin_l3_table",
                                        "pin_l4_table",       "unpin_table",   "new_baseptr",
                                        "tlb_flush_local",    "invlpg_local",  "tlb_flush_multi",
                                        "invlpg_multi",       "tlb_flush_all", "invlpg_all",
                                        "flush_cache",        "set_ldt",       NULL,
                                        "new_user_baseptr",   "clear_page",    "copy_page",
                                        "flush_cache_global", "mark_super",    "unmark_super"};
    return command < sizeof names / sizeof names[0] ? names[command] : NULL;
}

const char *xen_virq_name(uint64_t virq)
{
    static const char *const names[] = {
        [0] = "timer",    [1] = "debug",    [2] = "console",  [3] = "dom_exc",    [4] = "tbuf",
        [6] = "debugger", [7] = "xenoprof", [8] = "con_ring", [9] = "pcpu_state", [10] = "mem_event",
        [11] = "argo",    [12] = "enomem",  [13] = "xenpmu",  [16] = "mca"};
    return virq < sizeof names / sizeof names[0] ? names[virq] : NULL;
}

const char *xen_shutdown_reason(uint64_t reason)
{
    static const char *const names[] = {"power off", "reboot", "suspend", "crash", "watchdog", "soft reset"};
    return reason < sizeof names / sizeof names[0] ? names[reason] : NULL;
}

/* ---------------------------------------------------------------- fields and events in words */

static const char *parent_word(uint64_t value)
{
    return value == XEN_PARENT_START ? "__start_xen" : value == XEN_PARENT_DOM0 ? "construct_dom0" : NULL;
}

static const char *level_word(uint64_t value)
{
    return value == XEN_INITCALL_PRESMP ? "xen presmp" : value == XEN_INITCALL ? "xen" : NULL;
}

const char *xen_value_word(unsigned kind, unsigned field, uint64_t value)
{
    if ((kind == EV_KERNEL_CALL && field == EVF_KERNEL_CALL_parent) ||
        (kind == EV_KERNEL_RETURN && field == EVF_KERNEL_RETURN_parent))
        return parent_word(value);
    if ((kind == EV_INITCALL && field == EVF_INITCALL_level) ||
        (kind == EV_INITCALL_DONE && field == EVF_INITCALL_DONE_level))
        return level_word(value);
    return NULL;
}

/* Xen returns -errno. */
static void explain_result(int64_t result, struct text *out)
{
    static const struct {
        int number;
        const char *text;
    } errors[] = {{1, "not permitted"}, {2, "no such thing"},    {3, "no such domain"},  {7, "too much"},
                  {11, "try again"},    {12, "no memory"},       {13, "no access"},      {14, "bad address"},
                  {16, "busy"},         {17, "it exists"},       {19, "no such device"}, {22, "invalid"},
                  {28, "no room"},      {38, "not implemented"}, {95, "not supported"}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (result == -errors[i].number)
            text_add(out, "; fails: %s", errors[i].text);
}

static bool explain_state(uint64_t state, struct text *out)
{
    static const char *const words[] = {NULL, "it waits for a processor", "it waits for an event",
                                        "it is not up, or is paused"};
    if (state >= sizeof words / sizeof words[0] || !words[state])
        return false;
    text_add(out, "%s", words[state]);
    return true;
}

bool xen_explain(const struct event *ev, struct text *out)
{
    const uint64_t number = ev->kind == EV_HYPERCALL ? EVF(ev, HYPERCALL, number) : 0;
    switch (ev->kind) {
    case EV_HYPERCALL:
        if (number >= HYPERCALLS || !hypercalls[number].what)
            return false;
        text_add(out, "domain %llu %s", (unsigned long long)EVF(ev, HYPERCALL, domain),
                 hypercalls[number].what);
        if (number != XEN_IRET && !xen_has_operations(number))
            explain_result((int64_t)EVF(ev, HYPERCALL, result), out);
        else if (number != XEN_IRET)
            explain_result((int64_t)(int32_t)EVF(ev, HYPERCALL, result), out);
        return true;
    case EV_DOMAIN_EMULATE:
        text_add(out, "Xen does for domain %llu what its kernel may not do in ring 3",
                 (unsigned long long)EVF(ev, DOMAIN_EMULATE, domain));
        return true;
    case EV_DOMAIN_EXCEPTION:
        text_add(out, "Xen enters the handler that domain %llu has set",
                 (unsigned long long)EVF(ev, DOMAIN_EXCEPTION, domain));
        return true;
    case EV_DOMAIN_EVENT:
        text_add(
            out,
            "Xen marks the event in memory that it shares with domain %llu, and lets the domain know when it runs",
            (unsigned long long)EVF(ev, DOMAIN_EVENT, domain));
        return true;
    case EV_DOMAIN_REQUEST:
    case EV_DOMAIN_ANSWER:
        return xen_explain_request(ev, out);
    case EV_VCPU_STATE:
        return explain_state(EVF(ev, VCPU_STATE, state), out);
    default:
        return false;
    }
}

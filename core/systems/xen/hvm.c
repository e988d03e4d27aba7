/* hvm.c - domains that are virtual machines of the processor's extension (HVM, PVH): their start, their hypercalls, and what is asked of their
 * device model. See impl.h.
 *
 * Which domain is one is known by Xen's entering it: the processor's event (virt.enter) while a virtual processor of the domain runs. What the domain asks
 * for is read where the processor leaves it, since its registers and memory are there then; the answer, where it is entered again.
 *
 * Sources: xen/include/public/hvm/ioreq.h, arch-x86/hvm/start_info.h, hvm/dm_op.h.
 */
#include "base/byte_order.h"
#include "core/story/explain.h"
#include "core/systems/xen/private/impl.h"
#include "core/systems/xen/private/numbers.h"

const char xen_machine_text[] = "a virtual machine of the processor's";
static const char loader_text[] = "a virtual machine of the processor's, whose loader of firmware begins";

bool xen_is_machine(const struct guest *g, uint64_t domain)
{
    const struct xen_domain *d = xen_domain_numbered((const struct xen_guest *)g, domain);
    return d && d->machine;
}

/* ---------------------------------------------------------------- its start */

/* Whether one of the modules is firmware, which hvmloader puts into its place (libxenguest's bootlate_hvm gives it that command line). */
static bool has_firmware(const struct xen_guest *xg, uint64_t info)
{
    enum { NMODULES = 12, MODULES = 16, MODULE = 32, MODULE_COMMAND_LINE = 16, MOST = 16 };
    static const char name[] = "firmware";
    const uint32_t n = xen_u32(xg, info + NMODULES);
    const uint64_t list = xen_u64(xg, info + MODULES);
    for (uint32_t i = 0; i < n && i < MOST; i++) {
        char text[sizeof name] = "";
        const uint64_t at = xen_u64(xg, list + (uint64_t)i * MODULE + MODULE_COMMAND_LINE);
        if (at && xen_read(xg, at, text, sizeof text) && !memcmp(text, name, sizeof name))
            return true;
    }
    return false;
}

/* EBX has the address of struct hvm_start_info: of hvmloader, and of a kernel that is entered by PVH. */
static void starts(struct xen_guest *xg, struct xen_domain *d, uint64_t ip)
{
    enum { MAGIC = 0x336ec578 };
    const uint64_t at = (uint32_t)xen_reg(xg, GUEST_RBX), info = xen_u32(xg, at) == MAGIC ? at : 0;
    const bool loader = xg->base.o.story >= STORY_OF_MACHINES && info && has_firmware(xg, info);
    d->started = d->machine = true;
    xen_hypercall_flush(xg);
    GUEST_EMIT(xg, EV_DOMAIN_START, loader ? loader_text : xen_machine_text, d->id, ip, d->pages, info, 0, 0,
               0);
    xg->base.o.domain_enters(xg->base.o.ctx, d->id, xg->base.cpu, ip);
    probes_apply(xg->base.o.probes);
}

/* ---------------------------------------------------------------- its hypercalls */

/* As the ABI has them in registers: arch-x86/xen-x86_64.h, xen-x86_32.h. */
static void call_begins(struct xen_guest *xg, const struct xen_vcpu *v, uint64_t ip)
{
    static const enum guest_reg wide[] = {GUEST_RDI, GUEST_RSI, GUEST_RDX, GUEST_R10, GUEST_R8},
                                narrow[] = {GUEST_RBX, GUEST_RCX, GUEST_RDX, GUEST_RSI, GUEST_RDI};
    const struct engine *e = xg->base.o.engine;
    const bool is_wide = e->ops->code_bits(e, xg->base.cpu) == 64;
    const struct xen_arguments *last = xen_call_of(xg, v->structure);
    if (last && last->unfinished && last->by.structure == v->structure && last->ip == ip)
        return; /* Xen has it made again, to go on with it: its arguments say what is left */
    struct xen_arguments a = {.by = *v, .ip = ip, .caller = ip, .narrow = !is_wide, .unfinished = true};
    a.number = (uint32_t)xen_reg(xg, GUEST_RAX);
    for (unsigned i = 0; i < 5; i++)
        a.a[i] = is_wide ? xen_reg(xg, wide[i]) : (uint32_t)xen_reg(xg, narrow[i]);
    xen_call_keep(xg, &a);
}

/* It is made again if the domain is still at the instruction that makes it. */
static void call_ends(struct xen_guest *xg, const struct xen_vcpu *v, uint64_t ip)
{
    struct xen_arguments *a = xen_call_of(xg, v->structure);
    if (!a || !a->unfinished || a->by.structure != v->structure || a->ip == ip)
        return;
    a->unfinished = false;
    xen_report_hypercall(xg, a, xen_reg(xg, GUEST_RAX));
}

/* ---------------------------------------------------------------- its device model */

/* struct ioreq: its members, the bits of its byte 30, and types. */
enum {
    REQ_ADDRESS = 0,
    REQ_DATA = 8,
    REQ_COUNT = 16,
    REQ_SIZE = 20,
    REQ_BITS = 30,
    REQ_TYPE = 31,
    REQ_BYTES = 32,
    BIT_POINTER = 1 << 4,
    BIT_READ = 1 << 5,
    TYPE_PORT = 0,
    TYPE_MEMORY = 1,
    TYPE_PCI = 2,
};

static void access_words(const struct xen_request *r, char *text, size_t size)
{
    static const struct {
        const char *read, *write;
    } words[] = {[TYPE_PORT] = {"in from port", "out to port"},
                 [TYPE_MEMORY] = {"read of guest-physical", "write of guest-physical"},
                 [TYPE_PCI] = {"read of PCI configuration", "write of PCI configuration"}};
    if (r->type < sizeof words / sizeof words[0])
        xen_put(text, size, "%s %llXh, %u bits", r->read ? words[r->type].read : words[r->type].write,
                (unsigned long long)r->address, 8 * r->size);
    else
        xen_put(text, size, "request of type %u", r->type);
    if (r->count > 1)
        xen_put(text, size, ", %u times", r->count);
}

static void answered(struct xen_guest *xg, struct xen_vcpu *v, bool enters)
{
    struct xen_request *r = &v->request;
    struct xen_call c = {.kind = EV_DOMAIN_ANSWER, .by = *v};
    const bool one = enters && r->read && !r->indirect && r->type == TYPE_PORT && r->size && r->size <= 4;
    const uint64_t value = one ? xen_reg(xg, GUEST_RAX) & (0xffffffffu >> (32 - 8 * r->size)) : 0;
    if (!r->out)
        return;
    r->out = false;
    if (one)
        xen_put(c.text, sizeof c.text, "is answered %llXh: ", (unsigned long long)value);
    else
        xen_put(c.text, sizeof c.text, "is answered: ");
    access_words(r, c.text, sizeof c.text);
    const uint64_t fields[EVENT_MAX_FIELDS] = {v->domain, r->address, v->id, value,
                                               xg->base.icount - r->icount};
    memcpy(c.f, fields, sizeof fields);
    xen_report_call(xg, &c);
}

/* ioreq_send(server, request, buffered). The device model is told of a buffered one later; nobody waits for it. */
static void requested(struct xen_guest *xg, struct hook_frame *f)
{
    uint8_t q[REQ_BYTES];
    struct xen_vcpu *v = xen_running(xg, xg->base.cpu);
    const bool buffered = (uint8_t)base_argument(&xg->base, 2);
    if (!v || !xen_read(xg, base_argument(&xg->base, 1), q, sizeof q))
        return;
    answered(xg, v, false); /* of an instruction that accesses several times */
    struct xen_request r = {.out = !buffered,
                            .read = q[REQ_BITS] & BIT_READ,
                            .indirect = q[REQ_BITS] & BIT_POINTER,
                            .type = q[REQ_TYPE],
                            .size = le32(q + REQ_SIZE),
                            .count = le32(q + REQ_COUNT),
                            .address = le64(q + REQ_ADDRESS),
                            .icount = xg->base.icount};
    struct xen_call c = {.kind = EV_DOMAIN_REQUEST, .by = *v};
    const struct xen_domain *d = xen_domain_numbered(xg, v->domain);
    const uint64_t value = r.read || r.indirect ? 0 : le64(q + REQ_DATA), process = d ? d->model : 0;
    v->request = r;
    xen_put(c.text, sizeof c.text, "asks its device model");
    if (process)
        xen_put(c.text, sizeof c.text, " (process %llu of domain 0)", (unsigned long long)process);
    xen_put(c.text, sizeof c.text, ": ");
    access_words(&r, c.text, sizeof c.text);
    if (!r.read && !r.indirect)
        xen_put(c.text, sizeof c.text, ", value %llXh", (unsigned long long)value);
    if (buffered)
        xen_put(c.text, sizeof c.text, ", which waits in a buffer");
    const uint64_t fields[EVENT_MAX_FIELDS] = {v->domain, r.type, r.read, r.address,
                                               r.size,    v->id,  value,  process};
    memcpy(c.f, fields, sizeof fields);
    xen_report_call(xg, &c);
}

void xen_model_made(struct xen_guest *xg, uint64_t domain, uint64_t process)
{
    struct xen_domain *d = xen_domain_numbered(xg, domain);
    if (d)
        d->model = (uint32_t)process;
}

void xen_memory_given(struct xen_guest *xg, uint64_t domain, uint64_t pages)
{
    struct xen_domain *d = xen_domain_numbered(xg, domain);
    if (d)
        d->pages += pages;
}

bool xen_explain_request(const struct event *ev, struct text *out)
{
    const bool asks = ev->kind == EV_DOMAIN_REQUEST;
    const uint64_t type = asks ? EVF(ev, DOMAIN_REQUEST, type) : TYPE_PCI;
    if (!asks) {
        text_add(out, "the device model has answered, and Xen goes on with the instruction in domain %llu",
                 (unsigned long long)EVF(ev, DOMAIN_ANSWER, domain));
        return true;
    }
    text_add(out, "intercepted: a%s in domain %llu", EVF(ev, DOMAIN_REQUEST, read) ? " read" : " write",
             (unsigned long long)EVF(ev, DOMAIN_REQUEST, domain));
    if (type <= TYPE_MEMORY)
        explain_add_place(out, type == TYPE_PORT, EVF(ev, DOMAIN_REQUEST, address));
    text_add(
        out,
        "; none of the devices that Xen plays itself is there, so it is sent to the domain's device model");
    if (EVF(ev, DOMAIN_REQUEST, process))
        text_add(out, ", process %llu of domain 0", (unsigned long long)EVF(ev, DOMAIN_REQUEST, process));
    return true;
}

/* ---------------------------------------------------------------- entered and left */

void xen_machine_entered(struct xen_guest *xg, const struct event *ev)
{
    struct xen_vcpu *v = xg->state == XEN_FOUND ? xen_running(xg, ev->cpu) : NULL;
    struct xen_domain *d = v ? xen_domain_numbered(xg, v->domain) : NULL;
    if (!d)
        return;
    if (!d->started)
        starts(xg, d, EVF(ev, VIRT_ENTER, ip));
    answered(xg, v, true);
    call_ends(xg, v, EVF(ev, VIRT_ENTER, ip));
}

void xen_machine_left(struct xen_guest *xg, const struct event *ev)
{
    enum { CALL = 0x81 };
    const struct xen_vcpu *v = xg->state == XEN_FOUND ? xen_running(xg, ev->cpu) : NULL;
    if (v && event_exit_code(ev) == CALL && base_wants(&xg->base, EC_HYPERCALL))
        call_begins(xg, v, EVF(ev, VIRT_EXIT, ip));
}

void xen_machine_setup(struct xen_guest *xg)
{
    if (xen_virtualizes(xg) && base_wants(&xg->base, EC_HYPERCALL) && base_wants(&xg->base, EC_VIRT))
        XEN_HOOK(xg, requested, NULL, "ioreq_send", "hvm_send_ioreq");
}

/* ---------------------------------------------------------------- names and operands of operations for such domains */

static const char *const domctls[] = {[24] = "settimeoffset",
                                      [25] = "getvcpuaffinity",
                                      [27] = "resumedomain",
                                      [28] = "sendtrigger",
                                      [29] = "subscribe",
                                      [33] = "gethvmcontext",
                                      [34] = "sethvmcontext",
                                      [35] = "set_address_size",
                                      [36] = "get_address_size",
                                      [37] = "assign_device",
                                      [38] = "bind_pt_irq",
                                      [39] = "memory_mapping",
                                      [40] = "ioport_mapping",
                                      [41] = "pin_mem_cacheattr",
                                      [42] = "set_ext_vcpucontext",
                                      [43] = "get_ext_vcpucontext",
                                      [46] = "set_target",
                                      [47] = "deassign_device",
                                      [48] = "unbind_pt_irq",
                                      [55] = "gethvmcontext_partial",
                                      [58] = "disable_migrate",
                                      [59] = "gettscinfo",
                                      [60] = "settscinfo",
                                      [61] = "getpageframeinfo3",
                                      [66] = "set_virq_handler",
                                      [68] = "setnodeaffinity",
                                      [69] = "getnodeaffinity",
                                      [71] = "cacheflush",
                                      [74] = "setvnumainfo",
                                      [79] = "soft_reset",
                                      [82] = "get_cpu_policy",
                                      [83] = "set_cpu_policy",
                                      [85] = "get_paging_mempool_size",
                                      [86] = "set_paging_mempool_size"};
static const char *const sysctls[] = {[22] = "pcitopoinfo",
                                      [25] = "get_cpu_levelling_caps",
                                      [26] = "get_cpu_featureset",
                                      [29] = "get_cpu_policy"};
static const char *const model_ops[] = {NULL,
                                        "create_ioreq_server",
                                        "get_ioreq_server_info",
                                        "map_io_range_to_ioreq_server",
                                        "unmap_io_range_from_ioreq_server",
                                        "set_ioreq_server_state",
                                        "destroy_ioreq_server",
                                        "track_dirty_vram",
                                        "set_pci_intx_level",
                                        "set_isa_irq_level",
                                        "set_pci_link_route",
                                        "modified_memory",
                                        "set_mem_type",
                                        "inject_event",
                                        "inject_msi",
                                        "map_mem_type_to_ioreq_server",
                                        "remote_shutdown",
                                        "relocate_memory",
                                        "pin_memory_cacheattr",
                                        "set_irq_level",
                                        "nr_vcpus"};
static const char *const parameters[] = {[0] = "callback_irq",
                                         [1] = "store_pfn",
                                         [2] = "store_evtchn",
                                         [4] = "pae_enabled",
                                         [5] = "ioreq_pfn",
                                         [6] = "bufioreq_pfn",
                                         [9] = "viridian",
                                         [10] = "timer_mode",
                                         [11] = "hpet_enabled",
                                         [12] = "ident_pt",
                                         [14] = "acpi_s_state",
                                         [15] = "vm86_tss",
                                         [16] = "vpt_align",
                                         [17] = "console_pfn",
                                         [18] = "console_evtchn",
                                         [19] = "acpi_ioports_location",
                                         [27] = "paging_ring_pfn",
                                         [28] = "monitor_ring_pfn",
                                         [29] = "sharing_ring_pfn",
                                         [32] = "ioreq_server_pfn",
                                         [33] = "nr_ioreq_server_pages",
                                         [34] = "vm_generation_id_addr",
                                         [35] = "altp2m",
                                         [36] = "x87_fip_width",
                                         [37] = "vm86_tss_sized",
                                         [38] = "mca_cap"};

#define NAME_IN(table, n) ((n) < sizeof table / sizeof table[0] ? table[n] : NULL)

const char *xen_machine_operation(uint64_t hypercall, uint64_t operation)
{
    switch (hypercall) {
    case XEN_DOMCTL:
        return NAME_IN(domctls, operation);
    case XEN_SYSCTL:
        return NAME_IN(sysctls, operation);
    case XEN_DM_OP:
        return NAME_IN(model_ops, operation);
    default:
        return NULL;
    }
}

const char *xen_parameter_name(uint64_t n)
{
    return NAME_IN(parameters, n);
}

/* dm_op(domain, buffers, list): the first buffer is struct xen_dm_op. */
void xen_show_model_op(struct xen_guest *xg, const struct xen_arguments *a, char *text, size_t size)
{
    enum { MAP = 3, UNMAP = 4, INTX = 8, ISA = 9, OP_BYTES = 32 };
    uint8_t op[OP_BYTES] = {0};
    static const char *const ranges[] = {"ports", "memory", "PCI"};
    xen_read(xg, xen_u64(xg, a->a[2]), op, sizeof op);
    const uint32_t number = le32(op), kind = le32(op + 12);
    const char *name = NAME_IN(model_ops, number);
    if (name)
        xen_put(text, size, "%s", name);
    else
        xen_put(text, size, "operation %u", number);
    xen_put(text, size, ", domain %u", (unsigned)(uint16_t)a->a[0]);
    if ((number == MAP || number == UNMAP) && kind < 3)
        xen_put(text, size, ", %s %llXh to %llXh", ranges[kind], (unsigned long long)le64(op + 16),
                (unsigned long long)le64(op + 24));
    else if (number == ISA)
        xen_put(text, size, ", interrupt %u, level %u", op[8], op[9]);
    else if (number == INTX)
        xen_put(text, size, ", device %u, line %u, level %u", op[11], op[12], op[13]);
}

/* calls.c - hypercalls that only ask or note something: the version, parameters, consoles, grants.
 *
 * Source: xen/include/public/version.h, features.h, hvm/hvm_op.h, grant_table.h, vm_assist. */
#include "hv/xen/internal.h"

enum { VERSION_MAJOR = 4, VERSION_MINOR = 17 };

static int64_t put(const struct call *c, uint64_t at, const void *data, size_t n)
{
    return guest_put(c, at, data, n) ? 0 : -XEN_EFAULT;
}

/* ---------------------------------------------------------------- xen_version */

static int64_t version(struct call *c, uint64_t at)
{
    return VERSION_MAJOR << 16 | VERSION_MINOR;
}

static int64_t extraversion(struct call *c, uint64_t at)
{
    static const char text[16] = ".bootreel";
    return put(c, at, text, sizeof text);
}

/* struct xen_compile_info: compiler, by, domain, date. Of this program nothing may be told here that differs
 * from build to build. */
static int64_t compile_info(struct call *c, uint64_t at)
{
    static const char text[64 + 16 + 32 + 32] = "bootreel";
    return put(c, at, text, sizeof text);
}

static int64_t capabilities(struct call *c, uint64_t at)
{
    static const char text[1024] = "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ";
    return put(c, at, text, sizeof text);
}

static int64_t changeset(struct call *c, uint64_t at)
{
    static const char text[64] = "unavailable";
    return put(c, at, text, sizeof text);
}

static int64_t platform_parameters(struct call *c, uint64_t at)
{
    const uint64_t start = c->wide ? 0xffff800000000000ull : 0xf5800000;
    return put(c, at, &start, c->wide ? 8 : 4);
}

/* struct xen_feature_info. Interrupts are not offered as event channels (hvm_pirqs). */
static int64_t get_features(struct call *c, uint64_t at)
{
    enum { WRITABLE_PAGE_TABLES = 0, AUTO_TRANSLATED = 2, CALLBACK_VECTOR = 8, SAFE_PVCLOCK = 9, VNUMA = 13 };
    uint32_t index, features = 1 << WRITABLE_PAGE_TABLES | 1 << AUTO_TRANSLATED | 1 << CALLBACK_VECTOR |
                               1 << SAFE_PVCLOCK | 1 << VNUMA;
    if (!guest_get(c, at, &index, 4))
        return -XEN_EFAULT;
    call_say(c, ", words %u", index);
    if (index > 1)
        return -XEN_EINVAL;
    if (index)
        features = 0;
    return put(c, at + 4, &features, 4);
}

static int64_t page_size(struct call *c, uint64_t at)
{
    return PAGE;
}

static int64_t guest_handle(struct call *c, uint64_t at)
{
    static const uint8_t handle[16] = {0x62, 0x6f, 0x6f, 0x74, 0x72, 0x65, 0x40, 0x65,
                                       0x80, 0x6c, 0,    0,    0,    0,    0,    XEN_DOMAIN};
    return put(c, at, handle, sizeof handle);
}

static int64_t command_line(struct call *c, uint64_t at)
{
    static const char text[1024] = "<denied>";
    return put(c, at, text, sizeof text);
}

static int64_t build_id(struct call *c, uint64_t at)
{
    return -XEN_EPERM;
}

const struct operation version_operations[] = {
    {"version", version},           {"extraversion", extraversion},
    {"compile_info", compile_info}, {"capabilities", capabilities},
    {"changeset", changeset},       {"platform_parameters", platform_parameters},
    {"get_features", get_features}, {"pagesize", page_size},
    {"guest_handle", guest_handle}, {"commandline", command_line},
    {"build_id", build_id},
};
const size_t version_noperations = sizeof version_operations / sizeof version_operations[0];

/* ---------------------------------------------------------------- CPUID and the hypercall page */

enum { LEAVES = 0x40000000, LAST_LEAF = 5, PAGE_MSR = 0x40000000 };

static uint32_t word_of(const char *s)
{
    uint32_t v;
    memcpy(&v, s, 4);
    return v;
}

static void hypervisor_leaf(unsigned vcpu, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    enum { IOMMU = 1 << 2, VCPU_ID = 1 << 3, DOMAIN_ID = 1 << 4 };
    memset(r, 0, 16);
    switch (leaf - LEAVES) {
    case 0:
        r[0] = LEAVES + LAST_LEAF;
        r[1] = word_of("XenV");
        r[2] = word_of("MMXe");
        r[3] = word_of("nVMM");
        break;
    case 1:
        r[0] = VERSION_MAJOR << 16 | VERSION_MINOR;
        break;
    case 2:
        r[0] = 1; /* pages */
        r[1] = PAGE_MSR;
        break;
    case 3: /* the time-stamp counter: reliable, 1 GHz */
        if (subleaf == 0)
            memcpy(r, (const uint32_t[]){1 << 1, 0, 1000000, 0}, 16);
        else if (subleaf == 1)
            memcpy(r, (const uint32_t[]){0, 0, 0x80000000, 1}, 16);
        else if (subleaf == 2)
            r[0] = 1000000;
        break;
    case 4:
        if (!subleaf)
            memcpy(r, (const uint32_t[]){IOMMU | VCPU_ID | DOMAIN_ID, vcpu, XEN_DOMAIN, 0}, 16);
        break;
    default:
        break;
    }
}

/* The local APICs of virtual processors have even numbers. */
void xen_cpuid(const struct xen *xen, unsigned vcpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    if (leaf == 1)
        result[1] = (result[1] & 0xffffff) | vcpu * 2 << 24;
    else if (leaf == 0xb && (result[1] | result[2]))
        result[3] = vcpu * 2;
    else if (leaf >> 16 == LEAVES >> 16)
        hypervisor_leaf(vcpu, leaf, subleaf, result);
}

bool xen_rdmsr(const struct xen *xen, uint32_t msr, uint64_t *value)
{
    *value = 0;
    return msr == PAGE_MSR;
}

/* An entry for each hypercall: its number into EAX, the call, and back; IRET's is none. */
static void write_page(struct xen *xen, uint64_t at)
{
    enum { ENTRY = 32, ENTRIES = PAGE / ENTRY, IRET = 23 };
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint8_t code[ENTRY] = {0xb8, (uint8_t)i, 0, 0, 0, 0x0f, 0x01, 0xd9, 0xc3};
        if (i == IRET)
            memcpy(code, (const uint8_t[]){0x0f, 0x0b}, 2); /* ud2 */
        physmem_write(xen->domain.mem, at + i * ENTRY, code, i == IRET ? 2 : 9);
    }
}

/* The page's address, and in the low bits its number, of which there is only 0. */
bool xen_wrmsr(struct xen *xen, unsigned vcpu, uint32_t msr, uint64_t value)
{
    struct x86_where w;
    uint64_t at = value & ~(uint64_t)(PAGE - 1);
    if (msr != PAGE_MSR || value & (PAGE - 1) || at / PAGE >= xen->pages ||
        physmem_mapped(xen->domain.mem, at, PAGE) < PAGE)
        return false;
    write_page(xen, at);
    xen->hypercall_page = at;
    x86_where(xen->host.cpu(xen->host.ctx, vcpu), &w);
    xen->wide = w.code_bits == 64;
    info_refresh(xen);
    struct event ev = {.kind = EV_HYPERCALL_PAGE};
    ev.f[EVF_HYPERCALL_PAGE_vcpu] = vcpu;
    ev.f[EVF_HYPERCALL_PAGE_address] = at;
    ev.f[EVF_HYPERCALL_PAGE_bits] = w.code_bits;
    xen->host.event(xen->host.ctx, &ev);
    return true;
}

/* ---------------------------------------------------------------- consoles */

static void report_line(const struct xen *xen, xen_emit_fn *emit)
{
    struct event ev = {.kind = EV_DOMAIN_CONSOLE, .data = (const char *)xen->line, .len = xen->line_length};
    ev.f[EVF_DOMAIN_CONSOLE_domain] = XEN_DOMAIN;
    emit(xen->host.ctx, &ev);
}

void console_flush(const struct xen *xen, xen_emit_fn *emit)
{
    if (xen->line_length)
        report_line(xen, emit);
}

static void end_line(struct xen *xen)
{
    report_line(xen, xen->host.event);
    xen->line_length = 0;
    memset(xen->line, 0, sizeof xen->line);
}

void console_byte(struct xen *xen, uint8_t byte)
{
    xen->host.console(xen->host.ctx, byte);
    if (byte == '\n' || xen->line_length == LINE_MAX_BYTES)
        end_line(xen);
    if (byte != '\n' && byte != '\r')
        xen->line[xen->line_length++] = byte;
}

/* The domain's console: struct xencons_interface. Nothing is typed into it. */
void domain_console_event(struct xen *xen)
{
    enum { OUT = 1024, OUT_SIZE = 2048, OUT_CONSUMER = 3080, OUT_PRODUCER = 3084 };
    struct physmem *mem = xen->domain.mem;
    uint64_t at = xen->param[PARAM_CONSOLE_PFN] * PAGE;
    uint32_t consumer, producer;
    physmem_read(mem, at + OUT_CONSUMER, &consumer, 4);
    physmem_read(mem, at + OUT_PRODUCER, &producer, 4);
    if (producer - consumer > OUT_SIZE || producer == consumer)
        return;
    for (; consumer != producer; consumer++) {
        uint8_t byte;
        physmem_read(mem, at + OUT + consumer % OUT_SIZE, &byte, 1);
        console_byte(xen, byte);
    }
    physmem_write(mem, at + OUT_CONSUMER, &consumer, 4);
    channel_notify(xen, (unsigned)xen->param[PARAM_CONSOLE_EVTCHN]);
}

/* Xen lets a domain write if it is built for debugging; nothing can be read. */
int64_t console_io(struct call *c)
{
    enum { WRITE, READ, MOST = 4096 };
    uint32_t operation = (uint32_t)c->arg[0], n = (uint32_t)c->arg[1];
    uint8_t byte;
    call_say(c, "%s", operation == WRITE ? "write" : operation == READ ? "read" : "unknown");
    if (operation == READ)
        return 0;
    if (operation != WRITE)
        return call_missing(c, NULL, operation);
    call_say(c, ", %u byte%s", n, n == 1 ? "" : "s");
    for (uint32_t i = 0; i < n && i < MOST; i++) {
        if (!guest_get(c, c->arg[2] + i, &byte, 1))
            return -XEN_EFAULT;
        console_byte(c->xen, byte);
    }
    return 0;
}

/* ---------------------------------------------------------------- hvm_op */

static bool guest_sets(uint32_t parameter)
{
    static const uint8_t list[] = {PARAM_CALLBACK_IRQ,          PARAM_VM86_TSS,     PARAM_VM86_TSS_SIZED,
                                   PARAM_ACPI_IOPORTS_LOCATION, PARAM_STORE_EVTCHN, PARAM_CONSOLE_EVTCHN,
                                   PARAM_VM_GENERATION_ID_ADDR, PARAM_X87_FIP_WIDTH};
    return memchr(list, (int)parameter, sizeof list);
}

/* How Xen tells the domain of events. Others than a vector exist for guests of before 2010. */
static int64_t set_callback(struct call *c, uint64_t via)
{
    enum { GSI, PCI_INTX, VECTOR };
    struct x86_where w;
    bool vector = via >> 56 == VECTOR && (via & 0xff) >= 0x10;
    if (via && !vector)
        return call_missing(c, "hvm_op callback without vector", via >> 56);
    c->xen->param[PARAM_CALLBACK_IRQ] = via;
    x86_where(c->cpu, &w);
    c->xen->wide = w.code_bits == 64;
    info_refresh(c->xen);
    c->xen->host.upcall(c->xen->host.ctx, c->vcpu);
    return 0;
}

/* struct xen_hvm_param */
static int64_t take_parameter(struct call *c, uint64_t at, uint32_t *index, uint64_t *value)
{
    uint8_t s[16];
    if (!guest_get(c, at, s, sizeof s))
        return -XEN_EFAULT;
    *index = le32(s + 4);
    *value = le64(s + 8);
    call_say(c, ", parameter %u", *index);
    if (*index >= PARAMETERS)
        return -XEN_EINVAL;
    return own_domain(le16(s));
}

static int64_t set_param(struct call *c, uint64_t at)
{
    uint32_t index;
    uint64_t value;
    int64_t bad = take_parameter(c, at, &index, &value);
    if (bad)
        return bad;
    if (!guest_sets(index))
        return -XEN_EPERM;
    if (index == PARAM_CALLBACK_IRQ)
        return set_callback(c, value);
    c->xen->param[index] = value;
    return 0;
}

static int64_t get_param(struct call *c, uint64_t at)
{
    uint32_t index;
    uint64_t value;
    int64_t bad = take_parameter(c, at, &index, &value);
    return bad ? bad : put(c, at + 8, &c->xen->param[index], 8);
}

static int64_t flush_tlbs(struct call *c, uint64_t at)
{
    return at ? -XEN_EINVAL : 0; /* they are coherent */
}

/* Only for page tables that Xen shadows. */
static int64_t pagetable_dying(struct call *c, uint64_t at)
{
    return -XEN_EINVAL;
}

static int64_t get_time(struct call *c, uint64_t at)
{
    uint64_t now = c->xen->host.now(c->xen->host.ctx);
    return put(c, at, &now, 8);
}

static int64_t trace(struct call *c, uint64_t at)
{
    uint8_t s[32];
    return guest_get(c, at, s, sizeof s) ? 0 : -XEN_EFAULT;
}

/* struct xen_hvm_get_mem_type */
static int64_t get_mem_type(struct call *c, uint64_t at)
{
    enum { RAM = 0, DEVICE = 2 };
    uint8_t s[16];
    if (!guest_get(c, at, s, sizeof s))
        return -XEN_EFAULT;
    int64_t bad = own_domain(le16(s));
    uint64_t page = le64(s + 8);
    bool ram = page < c->xen->pages && physmem_mapped(c->xen->domain.mem, page * PAGE, PAGE) == PAGE;
    const uint16_t type = ram ? RAM : DEVICE;
    return bad ? bad : put(c, at + 2, &type, 2);
}

/* What the device model used to call here goes through dm_op since Xen 4.9. */
const struct operation hvm_operations[] = {
    [0] = {"set_param", set_param},
    [1] = {"get_param", get_param},
    [2] = {.name = "set_pci_intx_level"},
    [3] = {.name = "set_isa_irq_level"},
    [4] = {.name = "set_pci_link_route"},
    [5] = {"flush_tlbs", flush_tlbs},
    [6] = {.name = "track_dirty_vram"},
    [7] = {.name = "modified_memory"},
    [8] = {.name = "set_mem_type"},
    [9] = {"pagetable_dying", pagetable_dying},
    [10] = {"get_time", get_time},
    [11] = {"xentrace", trace},
    [12] = {.name = "set_mem_access"},
    [13] = {.name = "get_mem_access"},
    [14] = {.name = "inject_trap"},
    [15] = {"get_mem_type", get_mem_type},
    [16] = {.name = "inject_msi"},
    [23] = {.name = "set_evtchn_upcall_vector"},
    [24] = {.name = "guest_request_vm_event"},
    [25] = {.name = "altp2m"},
};
const size_t hvm_noperations = sizeof hvm_operations / sizeof hvm_operations[0];

/* ---------------------------------------------------------------- grant_table_op */

/* There is no other domain to which memory could be granted: the table is there, but nobody maps a grant. */
static int64_t grant_status(struct call *c, uint64_t at, int16_t status)
{
    return put(c, at, &status, 2);
}

/* struct gnttab_query_size */
static int64_t query_size(struct call *c, uint64_t at)
{
    uint16_t domid;
    if (!guest_get(c, at, &domid, 2))
        return -XEN_EFAULT;
    const uint32_t sizes[2] = {c->xen->grant_frames, MAX_GRANT_FRAMES};
    if (own_domain(domid))
        return grant_status(c, at + 12, -4); /* GNTST_bad_domain */
    return put(c, at + 4, sizes, sizeof sizes) ? -XEN_EFAULT : grant_status(c, at + 12, 0);
}

/* struct gnttab_set_version: the second one is not offered. */
static int64_t set_version(struct call *c, uint64_t at)
{
    uint32_t wanted;
    if (!guest_get(c, at, &wanted, 4))
        return -XEN_EFAULT;
    if (wanted != 1)
        return -XEN_EOPNOTSUPP;
    c->xen->grant_version = wanted;
    return 0;
}

/* struct gnttab_get_version */
static int64_t get_version(struct call *c, uint64_t at)
{
    return put(c, at + 4, &c->xen->grant_version, 4);
}

const struct operation grant_operations[] = {
    [0] = {.name = "map_grant_ref"},     [1] = {.name = "unmap_grant_ref"},
    [2] = {.name = "setup_table"},       [3] = {.name = "dump_table"},
    [4] = {.name = "transfer"},          [5] = {.name = "copy"},
    [6] = {"query_size", query_size},    [7] = {.name = "unmap_and_replace"},
    [8] = {"set_version", set_version},  [9] = {.name = "get_status_frames"},
    [10] = {"get_version", get_version}, [11] = {.name = "swap_grant_ref"},
    [12] = {.name = "cache_flush"},
};
const size_t grant_noperations = sizeof grant_operations / sizeof grant_operations[0];

/* ---------------------------------------------------------------- vm_assist */

int64_t vm_assist(struct call *c)
{
    enum { ENABLE, DISABLE, RUNSTATE_UPDATE_FLAG = 5 };
    uint64_t command = c->arg[0], type = c->arg[1];
    call_say(c, "%s, %llu", command == ENABLE ? "enable" : "disable", (unsigned long long)type);
    if (command > DISABLE || type != RUNSTATE_UPDATE_FLAG)
        return command > DISABLE ? -XEN_ENOSYS : -XEN_EINVAL;
    c->xen->assists = command == ENABLE ? 1u << type : 0;
    return 0;
}

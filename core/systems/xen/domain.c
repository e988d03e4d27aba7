/* domain.c - domains and virtual processors: made, started, switched to, ended; the memory of paravirtual ones.
 * See impl.h.
 *
 * What Xen keeps about them is not read: a domain is known by the struct that domain_create returned for its number,
 * a virtual processor by the one of vcpu_create, and the one that runs by context_switch. Each of these is an event, so the
 * events of a record say the same.
 */
#include <stdlib.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/systems/xen/private/impl.h"

/* ---------------------------------------------------------------- looked up */

static struct xen_domain *domain_at(const struct xen_guest *xg, uint64_t structure)
{
    for (size_t i = 0; i < xg->ndomains; i++)
        if (xg->domains[i].structure == structure && !xg->domains[i].gone)
            return &xg->domains[i];
    return NULL;
}

struct xen_domain *xen_domain_numbered(const struct xen_guest *xg, uint64_t id)
{
    for (size_t i = 0; i < xg->ndomains; i++)
        if (xg->domains[i].id == id && !xg->domains[i].gone)
            return &xg->domains[i];
    return NULL;
}

uint64_t xen_domain_number(const struct xen_guest *xg, uint64_t structure)
{
    const struct xen_domain *d = domain_at(xg, structure);
    return d ? d->id : XEN_DOMAIN_OTHER;
}

struct xen_vcpu *xen_vcpu(const struct xen_guest *xg, uint64_t structure)
{
    for (size_t i = 0; i < xg->nvcpus; i++)
        if (xg->vcpus[i].structure == structure)
            return &xg->vcpus[i];
    return NULL;
}

struct xen_vcpu *xen_running(const struct xen_guest *xg, unsigned cpu)
{
    return cpu < XEN_PROCESSORS && xg->running[cpu] ? xen_vcpu(xg, xg->running[cpu]) : NULL;
}

/* ---------------------------------------------------------------- made */

static bool is_error(uint64_t pointer)
{
    return pointer >= (uint64_t)-4095 || !pointer;
}

static void add_domain(struct xen_guest *xg, uint64_t structure, uint64_t id)
{
    MEM_MORE(xg->domains, xg->ndomains);
    xg->domains[xg->ndomains++] = (struct xen_domain){.structure = structure, .id = (uint32_t)id};
}

static void add_vcpu(struct xen_guest *xg, uint64_t structure, uint64_t domain, uint64_t id)
{
    MEM_MORE(xg->vcpus, xg->nvcpus);
    xg->vcpus[xg->nvcpus++] =
        (struct xen_vcpu){.structure = structure, .domain = (uint32_t)domain, .id = (uint32_t)id};
}

static void domain_call(struct xen_guest *xg, struct hook_frame *f)
{
    f->value[0] = (uint16_t)base_argument(&xg->base, 0);
}

static void domain_made(struct xen_guest *xg, const struct hook_frame *f)
{
    uint64_t structure = xen_reg(xg, GUEST_RAX);
    if (is_error(structure) || f->value[0] >= XEN_DOMID_LIMIT)
        return;
    add_domain(xg, structure, f->value[0]);
    GUEST_EMIT(xg, EV_DOMAIN_CREATE, NULL, f->value[0], structure);
    xg->base.o.domain_begins(xg->base.o.ctx, f->value[0]);
}

static void vcpu_call(struct xen_guest *xg, struct hook_frame *f)
{
    f->value[0] = base_argument(&xg->base, 0);
    f->value[1] = (uint32_t)base_argument(&xg->base, 1);
}

static void vcpu_made(struct xen_guest *xg, const struct hook_frame *f)
{
    uint64_t structure = xen_reg(xg, GUEST_RAX), domain = xen_domain_number(xg, f->value[0]);
    if (is_error(structure) || domain == XEN_DOMAIN_OTHER)
        return;
    add_vcpu(xg, structure, domain, f->value[1]);
    GUEST_EMIT(xg, EV_VCPU_CREATE, NULL, domain, f->value[1], structure);
}

/* ---------------------------------------------------------------- started */

/* struct start_info (xen/include/public/xen.h) of a 64-bit domain. */
enum {
    INFO_PAGES = 32,
    INFO_FLAGS = 48,
    INFO_TABLES = 88,
    INFO_P2M = 104,
    INFO_MODULE = 112,
    INFO_MODULE_SIZE = 120,
    INFO_COMMAND_LINE = 128,
    INFO_SIZE = 1152,
    FLAG_MODULE_FRAME = 8, /* the module is not mapped: its frame number is given */
};

static void report_start(struct xen_guest *xg, uint64_t domain, uint64_t entry)
{
    uint8_t info[INFO_SIZE];
    char line[INFO_SIZE - INFO_COMMAND_LINE + 1];
    uint64_t at = xen_reg(xg, GUEST_RSI);
    if (!xen_read(xg, at, info, sizeof info) || memcmp(info, "xen-", 4)) {
        GUEST_EMIT(xg, EV_DOMAIN_START, "no start info", domain, entry, 0, 0, 0, 0, 0);
        return;
    }
    info[31] = 0; /* its text ends there at the latest */
    memcpy(line, info + INFO_COMMAND_LINE, sizeof line - 1);
    line[sizeof line - 1] = 0;
    GUEST_EMIT(xg, EV_DOMAIN_START, (const char *)info, domain, entry, le64(info + INFO_PAGES), at,
               le64(info + INFO_TABLES), le64(info + INFO_P2M), (uint32_t)le64(info + INFO_FLAGS));
    GUEST_EMIT(xg, EV_COMMAND_LINE, line, at + INFO_COMMAND_LINE);
    uint64_t module = le64(info + INFO_MODULE);
    if (le64(info + INFO_FLAGS) & FLAG_MODULE_FRAME)
        module *= 4096;
    if (le64(info + INFO_MODULE_SIZE))
        GUEST_EMIT(xg, EV_INITRD, NULL, le64(info + INFO_MODULE_SIZE), module);
}

static bool any_waits(const struct xen_guest *xg)
{
    bool waits = false;
    for (size_t i = 0; i < xg->ndomains; i++)
        waits |= !xg->domains[i].started && !xg->domains[i].gone;
    return waits;
}

/* The first instruction of a domain. */
static void domain_starts(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    struct xen_guest *xg = *(struct xen_guest **)h->ctx;
    uint64_t id;
    if (!base_here(&xg->base, hit))
        return;
    struct xen_domain *d = xen_domain_of(&xg->base.guest, hit->cpu, &id) ? xen_domain_numbered(xg, id) : NULL;
    if (!d || d->started)
        return;
    d->started = true;
    report_start(xg, id, hit->address);
    if (!any_waits(xg))
        probe_remove(xg->base.o.probes, xg->start_probe);
    xg->base.o.domain_enters(xg->base.o.ctx, id, hit->cpu, hit->address);
    probes_apply(xg->base.o.probes);
}

/* Xen is about to leave to a domain, whose registers are on the stack. */
static void leaves_to_domain(void *ctx, const struct probe_hit *hit)
{
    struct xen_guest *xg = ctx;
    if (!base_here(&xg->base, hit))
        return;
    const struct xen_vcpu *v = xen_running(xg, hit->cpu);
    const struct xen_domain *d = v ? xen_domain_numbered(xg, v->domain) : NULL;
    uint64_t entry = xen_u64(xg, xen_reg(xg, GUEST_RSP) + USER_RIP);
    if (!d || d->started || entry == xg->start_entry)
        return;
    xg->start_entry = entry;
    struct xen_guest **owner = mem_zero(1, sizeof(struct xen_guest *));
    *owner = xg;
    struct hook *h = hook_keep(xg->base.hooks, owner);
    hooks_probe(xg->base.hooks, PROBE_LINEAR, entry, domain_starts, h);
    probes_apply(xg->base.o.probes);
}

/* While a domain waits for its start, the end of every way out of Xen is probed. */
static void watch_for_start(struct xen_guest *xg)
{
    uint64_t out = xen_symbol(xg, "restore_all_guest");
    probe_remove(xg->base.o.probes, xg->start_probe);
    xg->start_entry = 0;
    if (out && any_waits(xg))
        xg->start_probe = probe_add(xg->base.o.probes, PROBE_LINEAR, out, leaves_to_domain, xg);
    probes_apply(xg->base.o.probes);
}

/* ---------------------------------------------------------------- switched to */

static void vcpu_text(const struct xen_vcpu *v, char *text, size_t size)
{
    if (v)
        snprintf(text, size, "d%uv%u", v->domain, v->id);
    else
        snprintf(text, size, "idle");
}

static void switches(struct xen_guest *xg, struct hook_frame *f)
{
    char text[64], next_text[32];
    const struct xen_vcpu *prev = xen_vcpu(xg, base_argument(&xg->base, 0)),
                          *next = xen_vcpu(xg, base_argument(&xg->base, 1));
    if (xg->base.cpu >= XEN_PROCESSORS)
        return;
    xg->running[xg->base.cpu] = base_argument(&xg->base, 1);
    const struct xen_domain *d = next ? xen_domain_numbered(xg, next->domain) : NULL;
    if (d && !d->started)
        watch_for_start(xg);
    vcpu_text(prev, text, sizeof text);
    vcpu_text(next, next_text, sizeof next_text);
    xen_put(text, sizeof text, " -> %s", next_text);
    GUEST_EMIT(xg, EV_VCPU_SWITCH, text, next ? next->domain : UINT64_MAX, next ? next->id : 0,
               prev ? prev->domain : UINT64_MAX, prev ? prev->id : 0);
}

/* That it runs is told by the switch. RUNSTATE_… of xen/include/public/vcpu.h. */
static void state_changes(struct xen_guest *xg, struct hook_frame *f)
{
    static const char *const names[] = {NULL, "runnable", "blocked", "offline"};
    const struct xen_vcpu *v = xen_vcpu(xg, base_argument(&xg->base, 0));
    const uint64_t state = (uint32_t)base_argument(&xg->base, 1);
    if (v && state < sizeof names / sizeof names[0] && names[state])
        GUEST_EMIT(xg, EV_VCPU_STATE, names[state], v->domain, v->id, state);
}

bool xen_domain_given(const struct guest *g, unsigned cpu, uint64_t *domain)
{
    const struct xen_vcpu *v = xen_running((const struct xen_guest *)g, cpu);
    if (v)
        *domain = v->domain;
    return v;
}

bool xen_domain_of(struct guest *g, unsigned cpu, uint64_t *domain)
{
    struct xen_guest *xg = (struct xen_guest *)g;
    const struct engine *e = xg->base.o.engine;
    struct engine_inner in;
    uint64_t level = 0;
    if (!xen_domain_given(g, cpu, domain))
        return false;
    if (xen_virtualizes(xg) && xen_is_machine(g, *domain))
        return e->ops->inner(e, cpu, &in);
    xg->base.o.engine->ops->reg_get(xg->base.o.engine, cpu, xg->base.reg[GUEST_CPL], &level);
    return level != 0; /* Xen itself runs in ring 0 */
}

/* ---------------------------------------------------------------- ended */

static void shuts_down(struct xen_guest *xg, struct hook_frame *f)
{
    char text[80];
    uint64_t domain = xen_domain_number(xg, base_argument(&xg->base, 0)),
             reason = (uint8_t)base_argument(&xg->base, 1);
    const char *name = xen_shutdown_reason(reason);
    if (domain == XEN_DOMAIN_OTHER)
        return;
    xen_hypercall_flush(xg);
    snprintf(text, sizeof text, "shuts down: %s", name ? name : "for an unknown reason");
    GUEST_EMIT(xg, EV_DOMAIN_END, text, domain);
}

static const char destroyed_text[] = "destroyed";

static void remove_domain(struct xen_guest *xg, struct xen_domain *d)
{
    d->gone = true;
    xg->base.o.domain_ends(xg->base.o.ctx, d->id);
    size_t n = 0;
    for (size_t i = 0; i < xg->nvcpus; i++)
        if (xg->vcpus[i].domain != d->id)
            xg->vcpus[n++] = xg->vcpus[i];
    xg->nvcpus = n;
    xen_calls_drop(xg, d->id);
}

static void destroyed(struct xen_guest *xg, struct hook_frame *f)
{
    struct xen_domain *d = domain_at(xg, base_argument(&xg->base, 0));
    if (!d)
        return;
    GUEST_EMIT(xg, EV_DOMAIN_END, destroyed_text, d->id);
    remove_domain(xg, d);
}

/* ---------------------------------------------------------------- as a record tells it */

/* The struct of a virtual processor; 0: there is none, so the processor is idle. */
static uint64_t vcpu_numbered(const struct xen_guest *xg, uint64_t domain, uint64_t id)
{
    for (size_t i = 0; i < xg->nvcpus; i++)
        if (xg->vcpus[i].domain == domain && xg->vcpus[i].id == id)
            return xg->vcpus[i].structure;
    return 0;
}

static void retell_switch(struct xen_guest *xg, const struct event *ev)
{
    if (ev->cpu < XEN_PROCESSORS)
        xg->running[ev->cpu] = vcpu_numbered(xg, EVF(ev, VCPU_SWITCH, domain), EVF(ev, VCPU_SWITCH, vcpu));
}

static void retell_end(struct xen_guest *xg, const struct event *ev)
{
    struct xen_domain *d = xen_domain_numbered(xg, EVF(ev, DOMAIN_END, domain));
    if (d && ev->len == sizeof destroyed_text - 1 && !memcmp(ev->data, destroyed_text, ev->len))
        remove_domain(xg, d);
}

static void retell_start(struct xen_guest *xg, const struct event *ev)
{
    const size_t n = strlen(xen_machine_text);
    struct xen_domain *d = xen_domain_numbered(xg, EVF(ev, DOMAIN_START, domain));
    if (d)
        d->machine = ev->len >= n && !memcmp(ev->data, xen_machine_text, n);
}

void xen_domain_retell(struct guest *g, const struct event *ev)
{
    struct xen_guest *xg = (struct xen_guest *)g;
    if (ev->kind == EV_DOMAIN_CREATE)
        add_domain(xg, EVF(ev, DOMAIN_CREATE, structure), EVF(ev, DOMAIN_CREATE, domain));
    else if (ev->kind == EV_VCPU_CREATE)
        add_vcpu(xg, EVF(ev, VCPU_CREATE, structure), EVF(ev, VCPU_CREATE, domain),
                 EVF(ev, VCPU_CREATE, vcpu));
    else if (ev->kind == EV_VCPU_SWITCH)
        retell_switch(xg, ev);
    else if (ev->kind == EV_DOMAIN_END)
        retell_end(xg, ev);
    else if (ev->kind == EV_DOMAIN_START)
        retell_start(xg, ev);
}

/* ---------------------------------------------------------------- memory */

/* The frame number that the M2P table has for a machine frame. */
static bool frame_of(const struct xen_guest *xg, uint64_t machine, uint64_t *frame)
{
    return xen_read(xg, XEN_M2P + machine * 8, frame, sizeof *frame);
}

/* Reads the whole M2P table, up to its first page that is not mapped, and turns it round. */
static void read_frames(struct xen_guest *xg)
{
    enum { PART = 512, MOST = 1 << 26 };
    uint64_t table[PART], last = 0;
    while (last < MOST && xen_read(xg, XEN_M2P + last * 8, table, sizeof table))
        last += PART;
    xg->frames = mem_resize(xg->frames, (last + 1) * sizeof *xg->frames);
    memset(xg->frames, 0, (last + 1) * sizeof *xg->frames);
    xg->nframes = last;
    xg->frames_at = xg->base.o.engine->ops->icount(xg->base.o.engine);
    for (uint64_t machine = 0; machine < last; machine += PART) {
        xen_read(xg, XEN_M2P + machine * 8, table, sizeof table);
        for (size_t i = 0; i < PART; i++)
            if (table[i] < last && machine + i)
                xg->frames[table[i]] = (uint32_t)(machine + i);
    }
}

static bool known_frame(const struct xen_guest *xg, uint64_t frame, uint64_t *machine)
{
    uint64_t back;
    *machine = frame < xg->nframes ? xg->frames[frame] : 0;
    return *machine && frame_of(xg, *machine, &back) && back == frame;
}

/* By the nested page tables of a processor on which the domain runs now. */
static bool machine_translate(struct xen_guest *xg, uint64_t domain, uint64_t address, uint64_t *outer)
{
    const struct engine *e = xg->base.o.engine;
    uint64_t runs;
    for (unsigned cpu = 0; cpu < e->ops->cpus(e); cpu++)
        if (xen_domain_of(&xg->base.guest, cpu, &runs) && runs == domain)
            return e->ops->inner_physical(e, cpu, address, outer);
    return false;
}

bool xen_translate(struct guest *g, uint64_t domain, uint64_t address, uint64_t *outer)
{
    enum { PAGE = 4096 };
    struct xen_guest *xg = (struct xen_guest *)g;
    if (xen_is_machine(g, domain))
        return machine_translate(xg, domain, address, outer);
    uint64_t machine, now = xg->base.o.engine->ops->icount(xg->base.o.engine);
    if (xg->state != XEN_FOUND)
        return false;
    if (!known_frame(xg, address / PAGE, &machine)) {
        if (xg->nframes && xg->frames_at == now)
            return false;
        read_frames(xg);
        if (!known_frame(xg, address / PAGE, &machine))
            return false;
    }
    *outer = machine * PAGE + address % PAGE;
    return true;
}

/* ---------------------------------------------------------------- the whole */

void xen_domains_free(struct xen_guest *xg)
{
    free(xg->domains);
    free(xg->vcpus);
    free(xg->calls);
    free(xg->frames);
}

void xen_domain_setup(struct xen_guest *xg)
{
    XEN_HOOK(xg, domain_call, domain_made, "domain_create");
    XEN_HOOK(xg, vcpu_call, vcpu_made, "vcpu_create", "alloc_vcpu");
    XEN_HOOK(xg, switches, NULL, "context_switch");
    if (base_wants(&xg->base, EC_SCHED))
        XEN_HOOK(xg, state_changes, NULL, "vcpu_runstate_change");
    XEN_HOOK(xg, shuts_down, NULL, "domain_shutdown");
    XEN_HOOK(xg, destroyed, NULL, "domain_destroy");
}

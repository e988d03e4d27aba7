/* virt.c - see virt.h. */
#include <stdlib.h>
#include <xxhash.h>

#include "core/story/base.h"
#include "core/systems/virt/virt.h"

/* Where a PC's firmware begins: after a reset, and where a loader of firmware such as hvmloader jumps to. Where it enters an option ROM, and a
 * boot sector. As linear addresses in real mode. */
enum mark_kind { MARK_FIRMWARE, MARK_OPTION_ROM, MARK_BOOT_SECTOR };
static const struct mark {
    uint64_t address;
    enum mark_kind kind;
    const char *text;
} marks[] = {{0xfffffff0, MARK_FIRMWARE, "firmware begins"},
             {0xffff0, MARK_FIRMWARE, "firmware begins"},
             {0xc0003, MARK_OPTION_ROM, "an option ROM is entered"},
             {0x7c00, MARK_BOOT_SECTOR, "a boot sector is entered"}};
enum { MARKS = sizeof marks / sizeof marks[0], SECTOR = 512 };

/* A virtual machine. */
struct machine {
    uint64_t domain;
    uint64_t tables; /* the root of its nested page tables when it was last entered */
    bool begun;      /* it was left elsewhere than at the reset vector */
    bool loads;      /* a boot sector was entered since its firmware began */
    uint64_t sector; /* and its hash */
};

/* A virtual processor. */
struct block {
    uint64_t address; /* physical, of its control block */
    size_t machine;   /* in virt_guest.machines */
};

struct virt_guest {
    struct guest_base base;
    struct machine *machines;
    size_t nmachines;
    struct block *blocks;
    size_t nblocks;
    uint64_t ndomains;            /* the number of the last one */
    uint64_t domain[ENGINE_CPUS]; /* what each processor has entered last; 0: none */
    struct machine own;           /* that it is in itself, if another system has found the hypervisor */
    unsigned mark[MARKS];         /* probes; 0: none */
};

static struct virt_guest *virt_guest(struct guest *g)
{
    return (struct virt_guest *)g;
}

static bool inner(const struct virt_guest *v, unsigned cpu, struct engine_inner *in)
{
    const struct engine *e = v->base.o.engine;
    return e->ops->inner && e->ops->inner(e, cpu, in);
}

/* ---------------------------------------------------------------- marks */

/* The machine that the processor runs, as far as this guest has to do with it. */
static struct machine *machine_here(struct virt_guest *v, unsigned cpu)
{
    const struct guest *parent = v->base.guest.parent;
    struct engine_inner in;
    if (!inner(v, cpu, &in))
        return NULL;
    if (parent)
        return parent->system->machine && parent->system->machine(parent, v->base.guest.domain) ? &v->own
                                                                                                : NULL;
    for (size_t i = 0; i < v->nmachines; i++)
        if (v->machines[i].domain == v->domain[cpu])
            return &v->machines[i];
    return NULL;
}

/* The first code there since the firmware began, and later another sector with a signature: code that comes back to its beginning is not
 * entered again (hv/stops.c, of the machine itself). */
static bool enters_sector(const struct virt_guest *v, struct machine *m)
{
    enum { SIGNATURE = 510 };
    uint8_t at[SECTOR];
    base_read(&v->base, 0x7c00, at, sizeof at);
    const uint64_t hash = XXH3_64bits(at, sizeof at);
    const bool enters =
        !m->loads || (at[SIGNATURE] == 0x55 && at[SIGNATURE + 1] == 0xaa && hash != m->sector);
    if (enters) {
        m->loads = true;
        m->sector = hash;
    }
    return enters;
}

static void reached(void *ctx, const struct probe_hit *hit)
{
    struct virt_guest *v = ctx;
    struct machine *m = base_here(&v->base, hit) ? machine_here(v, hit->cpu) : NULL;
    uint64_t cr0 = 1, cs = 0, ip = 0, drive = 0;
    base_reg_by_name(&v->base, "cr0", &cr0);
    if (!m || cr0 & 1)
        return;
    base_reg_by_name(&v->base, "cs", &cs);
    base_reg_by_name(&v->base, "rip", &ip);
    base_reg_by_name(&v->base, "rdx", &drive);
    const struct mark *mark = marks;
    while (mark->address != hit->address)
        mark++;
    if (mark->kind == MARK_BOOT_SECTOR && !enters_sector(v, m))
        return;
    m->loads &= mark->kind != MARK_FIRMWARE;
    GUEST_EMIT(v, EV_VIRT_BOOT, mark->text, cs, ip, mark->kind == MARK_BOOT_SECTOR ? (uint8_t)drive : 0);
}

static void set_marks(struct virt_guest *v)
{
    if (v->base.o.story < STORY_OF_MACHINES || v->mark[0])
        return;
    for (size_t i = 0; i < MARKS; i++)
        v->mark[i] = probe_add(v->base.o.probes, PROBE_LINEAR, marks[i].address, reached, v);
    probes_apply(v->base.o.probes);
}

/* ---------------------------------------------------------------- life */

static struct guest *create(const struct guest_options *o)
{
    struct virt_guest *v = mem_zero(1, sizeof *v);
    base_init(&v->base, &virt_system, o, &guest_base_plain);
    if (o->parent)
        set_marks(v);
    return &v->base.guest;
}

static void destroy(struct guest *g)
{
    struct virt_guest *v = virt_guest(g);
    for (size_t i = 0; i < MARKS; i++)
        probe_remove(v->base.o.probes, v->mark[i]);
    free(v->machines);
    free(v->blocks);
    free(v);
}

/* ---------------------------------------------------------------- machines and their processors */

static struct block *block_at(const struct virt_guest *v, uint64_t address)
{
    for (size_t i = 0; i < v->nblocks; i++)
        if (v->blocks[i].address == address)
            return &v->blocks[i];
    return NULL;
}

static void begin_domain(struct virt_guest *v, struct machine *m)
{
    m->domain = ++v->ndomains;
    v->base.o.domain_begins(v->base.o.ctx, m->domain);
}

static void begin_again(struct virt_guest *v, struct machine *m)
{
    m->begun = false;
    v->base.o.domain_ends(v->base.o.ctx, m->domain);
    begin_domain(v, m);
}

static size_t machine_with(struct virt_guest *v, uint64_t tables)
{
    for (size_t i = 0; i < v->nmachines; i++)
        if (v->machines[i].tables == tables)
            return i;
    MEM_MORE(v->machines, v->nmachines);
    v->machines[v->nmachines] = (struct machine){.tables = tables};
    begin_domain(v, &v->machines[v->nmachines]);
    return v->nmachines++;
}

static struct block *add_block(struct virt_guest *v, const struct engine_inner *in)
{
    const struct block b = {.address = in->control, .machine = machine_with(v, in->tables)};
    set_marks(v);
    MEM_MORE(v->blocks, v->nblocks);
    v->blocks[v->nblocks] = b;
    return &v->blocks[v->nblocks++];
}

/* Where a processor begins (SDM volume 3, 9.1.4; APM volume 2, 14.1.4). */
static bool is_reset_vector(uint64_t cs, uint64_t ip)
{
    return cs == 0xf000 && ip == 0xfff0;
}

static void entered(struct virt_guest *v, const struct event *ev)
{
    struct engine_inner in;
    v->domain[ev->cpu] = 0;
    if (!inner(v, ev->cpu, &in) || !in.tables)
        return;
    struct block *b = block_at(v, in.control);
    if (!b)
        b = add_block(v, &in);
    if (is_reset_vector(EVF(ev, VIRT_ENTER, cs), EVF(ev, VIRT_ENTER, ip)) && v->machines[b->machine].begun)
        begin_again(v, &v->machines[b->machine]);
    v->machines[b->machine].tables = in.tables;
    v->domain[ev->cpu] = v->machines[b->machine].domain;
}

/* The first instruction's page may have to be mapped first: then the machine has not begun yet. */
static void left(struct virt_guest *v, const struct event *ev)
{
    struct block *b = block_at(v, EVF(ev, VIRT_EXIT, vmcb));
    if (b && !is_reset_vector(EVF(ev, VIRT_EXIT, cs), EVF(ev, VIRT_EXIT, ip)))
        v->machines[b->machine].begun = true;
}

static void event(struct guest *g, const struct event *ev)
{
    base_at_event(&virt_guest(g)->base, ev);
    if (ev->kind == EV_VIRT_ENTER)
        entered(virt_guest(g), ev);
    else if (ev->kind == EV_VIRT_EXIT)
        left(virt_guest(g), ev);
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    return false;
}

static bool domain(struct guest *g, unsigned cpu, uint64_t *number)
{
    const struct virt_guest *v = virt_guest(g);
    struct engine_inner in;
    if (!inner(v, cpu, &in))
        return false;
    *number = v->domain[cpu];
    return *number;
}

static bool translate(struct guest *g, uint64_t number, uint64_t address, uint64_t *outer)
{
    const struct engine *e = virt_guest(g)->base.o.engine;
    uint64_t runs;
    for (unsigned cpu = 0; cpu < e->ops->cpus(e); cpu++)
        if (domain(g, cpu, &runs) && runs == number)
            return e->ops->inner_physical(e, cpu, address, outer);
    return false;
}

static void describe(const struct guest *g, struct text *out)
{
    const struct virt_guest *v = (const struct virt_guest *)g;
    text_add(out, "%zu virtual machines", v->nmachines);
}

const struct guest_system virt_system = {
    .name = "virt",
    .engine = "pc",
    .virtualizes = true,
    .needs = EVENT_CLASS_BIT(EC_VIRT),
    .create = create,
    .destroy = destroy,
    .event = event,
    .task = task,
    .read = base_read_at,
    .describe = describe,
    .domain = domain,
    .translate = translate,
};

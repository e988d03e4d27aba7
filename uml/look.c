/* look.c - registers and memory of the processor and of every task, for those who look (core/engine/engine.h). Nothing here
 * changes the host unless it is asked to: objects are read without being marked as used, and no page is made. */
#include <stdlib.h>

#include "base/memory.h"
#include "uml/calls.h"
#include "uml/files.h"
#include "uml/look.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { SLOTS = PAGE / sizeof(ref) };

static struct host *host_of(struct engine *e)
{
    return (struct host *)e;
}
static const struct host *host_const(const struct engine *e)
{
    return (const struct host *)e;
}
static const void *look(const struct host *h, ref r)
{
    return r ? h->arena + r : NULL;
}

/* ---------------------------------------------------------------- tasks */

static const struct task *running(const struct host *h)
{
    return look(h, h->r.current);
}

static uint32_t process_of(const struct host *h, const struct task *t)
{
    const struct group *g = t ? look(h, t->group) : NULL;
    return g ? (uint32_t)g->pid : 0;
}

/* The task that `cpu` names, or that has the processor of that number. NULL if there is none. */
static const struct task *task_of(const struct host *h, unsigned cpu)
{
    if (!(cpu & ENGINE_TASK))
        return running(h);
    const struct task *t = look(h, h->r.tasks);
    while (t && (uint32_t)t->pid != (cpu & ~(unsigned)ENGINE_TASK))
        t = look(h, t->next);
    return t;
}

static void describe(const struct host *h, const struct task *t, struct engine_task *d)
{
    static const char *const states[] = {
        [TASK_READY] = "ready", [TASK_WAITS] = "waits", [TASK_STOPPED] = "stopped", [TASK_TRACED] = "traced"};
    *d = (struct engine_task){
        .id = (uint32_t)t->pid, .process = process_of(h, t), .steps = t->steps, .state = states[t->state]};
    if (t == running(h) && t->state == TASK_READY)
        d->state = "runs";
    if (t->state == TASK_WAITS)
        d->call = call_name(t->number);
    memcpy(d->name, t->name, sizeof d->name - 1);
}

size_t host_tasks(const struct engine *e, struct engine_task *list, size_t n)
{
    const struct host *h = host_const(e);
    size_t count = 0;
    for (const struct task *t = look(h, h->r.tasks); t; t = look(h, t->next)) {
        if (t->state == TASK_ZOMBIE)
            continue;
        if (count < n)
            describe(h, t, &list[count]);
        count++;
    }
    return count;
}

uint32_t host_running(const struct engine *e)
{
    const struct task *t = running(host_const(e));
    return t && t->state != TASK_ZOMBIE ? (uint32_t)t->pid : 0;
}

/* ---------------------------------------------------------------- registers */

void host_look_begin(struct host *h)
{
    size_t n;
    const struct reg_desc *d = x86_regs(h->cpu, &n);
    h->nregs = n + 1;
    h->regs = mem_zero(h->nregs, sizeof *h->regs);
    memcpy(h->regs, d, n * sizeof *d);
    h->regs[n] = (struct reg_desc){.name = "host_pid", .bits = 32, .group = REG_SYSTEM};
}

void host_look_end(struct host *h)
{
    if (h->viewer)
        x86_destroy(h->viewer);
    if (h->viewer_memory)
        physmem_destroy(h->viewer_memory);
    free(h->regs);
}

/* A processor with the registers of a task that is not on the real one. */
static struct x86 *viewer(struct host *h, const struct task *t)
{
    struct error err;
    uint8_t fx[X86_FX_SIZE], ymm[X86_YMM_SIZE];
    const struct mm *m = look(h, t->mm);
    if (!h->viewer_memory)
        h->viewer_memory = physmem_create(PAGE, &(struct engine_host){.interpret = true});
    if (!h->viewer && !(h->viewer = processor_new(h, h->viewer_memory, &err)))
        return NULL;
    memcpy(fx, t->fx, sizeof fx);
    memcpy(ymm, t->ymm, sizeof ymm);
    if (t == running(h))
        x86_user_fx_get(h->cpu, fx), x86_user_ymm_get(h->cpu, ymm);
    x86_user_space(h->viewer, m ? m->root : 0);
    x86_user_set(h->viewer, &t->u);
    x86_user_fx_set(h->viewer, fx);
    x86_user_ymm_set(h->viewer, ymm);
    return h->viewer;
}

/* Its registers are those in the processor. */
static bool on_processor(const struct host *h, unsigned cpu, const struct task *t)
{
    return !(cpu & ENGINE_TASK) || (t == running(h) && h->r.live);
}

const struct reg_desc *host_regs(const struct engine *e, size_t *count)
{
    *count = host_const(e)->nregs;
    return host_const(e)->regs;
}

int host_reg_get(const struct engine *e, unsigned cpu, size_t reg, void *value)
{
    struct host *h = host_of((struct engine *)e); /* only for the viewer, which is no part of the state */
    const struct task *t = task_of(h, cpu);
    if (!t && cpu & ENGINE_TASK)
        return -1;
    if (reg + 1 == h->nregs) {
        const uint32_t pid = process_of(h, t);
        memcpy(value, &pid, sizeof pid);
        return 0;
    }
    const struct x86 *shown = on_processor(h, cpu, t) ? h->cpu : viewer(h, t);
    return shown ? x86_reg_get(shown, reg, value) : -1;
}

/* What a program can change by itself, and so is part of its task. */
static bool of_program(const struct reg_desc *d)
{
    return d->group != REG_CONTROL &&
           (d->group != REG_SYSTEM || !strcmp(d->name, "fs_base") || !strcmp(d->name, "gs_base"));
}

static int task_reg_set(struct host *h, ref r, size_t reg, const void *value)
{
    struct x86 *x = viewer(h, TASK(r));
    if (!x || !of_program(&h->regs[reg]) || x86_reg_set(x, reg, value))
        return -1;
    struct task *t = TASK(r);
    x86_user_get(x, &t->u);
    x86_user_fx_get(x, t->fx);
    x86_user_ymm_get(x, t->ymm);
    if (t == running(h))
        task_float_set(h, t);
    return 0;
}

int host_reg_set(struct engine *e, unsigned cpu, size_t reg, const void *value)
{
    struct host *h = host_of(e);
    const struct task *t = task_of(h, cpu);
    if (reg + 1 >= h->nregs || (!t && cpu & ENGINE_TASK))
        return -1;
    return on_processor(h, cpu, t) ? x86_reg_set(h->cpu, reg, value)
                                   : task_reg_set(h, ref_of(h, t), reg, value);
}

unsigned host_cpus(const struct engine *e)
{
    return 1;
}
unsigned host_code_bits(const struct engine *e, unsigned cpu)
{
    return 64;
}

/* ---------------------------------------------------------------- pages that a program has not touched yet */

static const struct area *area_of(const struct host *h, const struct task *t, uint64_t addr)
{
    const struct mm *m = t ? look(h, t->mm) : NULL;
    const struct area *v = m ? look(h, m->areas) : NULL;
    while (v && !(v->start <= addr && addr < v->end))
        v = look(h, v->next);
    return v;
}

static uint32_t frame_of(const struct host *h, const struct inode *i, uint64_t index)
{
    const ref *table = index < (uint64_t)SLOTS * SLOTS ? look(h, i->data) : NULL;
    const ref *leaf = table ? look(h, table[index / SLOTS]) : NULL;
    return leaf ? leaf[index % SLOTS] : 0;
}

/* What the program would find at an address where nothing is present. `buf` does not cross a page's end. False if nothing
 * is mapped there, or the image cannot be read. */
static bool untouched(const struct host *h, const struct task *t, uint64_t addr, void *buf, size_t n)
{
    const struct area *v = area_of(h, t, addr);
    const struct inode *i = v ? look(h, v->inode) : NULL;
    uint64_t at_ = v ? v->offset + (addr - v->start) : 0;
    struct error err;
    memset(buf, 0, n);
    if (!i)
        return v;
    uint32_t f = frame_of(h, i, at_ / PAGE);
    if (f) {
        physmem_read(h->mem, frame_address(f) + at_ % PAGE, buf, n);
        return true;
    }
    if (!i->image || at_ >= i->image_size)
        return i->kind == INODE_FILE;
    const struct image *im = &h->config->images[i->image - 1];
    const uint64_t left = i->image_size - at_;
    return !im->read(im->ctx, at_, buf, left < n ? (size_t)left : n, &err);
}

/* ---------------------------------------------------------------- memory */

/* The linear memory of a processor or a task. */
struct linear {
    const struct host *h;
    unsigned cpu;
    enum memory_access how;
};

static size_t linear_part(void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct linear *l = ctx;
    const struct task *t = task_of(l->h, l->cpu);
    const struct mm *m = t ? look(l->h, t->mm) : NULL;
    uint64_t pa;
    bool there = l->cpu & ENGINE_TASK ? m && space_lookup(l->h, m->root, address, &pa)
                                      : x86_translate(l->h->cpu, address, &pa);
    if (there)
        return physmem_access(l->h->mem, pa, buf, n, l->how);
    return l->how == MEMORY_READ && untouched(l->h, t, address, buf, n) ? n : 0;
}

size_t host_peek(const struct engine *e, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return memory_by_pages(address, buf, n, linear_part, &(struct linear){host_const(e), cpu, MEMORY_READ});
}
size_t host_poke(struct engine *e, unsigned cpu, uint64_t address, const void *buf, size_t n)
{
    return memory_by_pages(address, (void *)buf, n, linear_part,
                           &(struct linear){host_const(e), cpu, MEMORY_WRITE});
}
size_t host_peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n)
{
    return physmem_access(host_const(e)->mem, address, buf, n, MEMORY_READ);
}
size_t host_poke_physical(struct engine *e, uint64_t address, const void *buf, size_t n)
{
    return physmem_access(host_const(e)->mem, address, (void *)buf, n, MEMORY_WRITE);
}

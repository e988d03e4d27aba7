/* look.c - see look.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/look.h"
#include "base/memory.h"

uint64_t look_icount(struct look m)
{
    return m.engine->ops->icount(m.engine);
}

unsigned look_cpus(struct look m)
{
    return m.engine->ops->cpus(m.engine);
}

bool look_has(struct look m, unsigned cpu)
{
    return cpu < look_cpus(m) || (cpu & ENGINE_TASK && look_has_tasks(m));
}

bool look_has_tasks(struct look m)
{
    return m.engine->ops->tasks;
}

size_t look_tasks(struct look m, struct engine_task *list, size_t n)
{
    return look_has_tasks(m) ? m.engine->ops->tasks(m.engine, list, n) : 0;
}

bool look_task_steps(struct look m, uint32_t task, uint64_t *steps)
{
    const size_t n = look_tasks(m, NULL, 0);
    struct engine_task *list = mem_zero(n, sizeof *list);
    bool found = false;
    look_tasks(m, list, n);
    for (size_t i = 0; i < n && !found; i++)
        if ((found = list[i].id == task))
            *steps = list[i].steps;
    free(list);
    return found;
}

const struct reg_desc *look_regs(struct look m, size_t *count)
{
    return m.engine->ops->regs(m.engine, count);
}

int look_reg_index(struct look m, const char *name)
{
    size_t n;
    const struct reg_desc *d = look_regs(m, &n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(d[i].name, name))
            return (int)i;
    return -1;
}

int look_reg_get(struct look m, unsigned cpu, size_t reg, void *value)
{
    size_t n;
    look_regs(m, &n);
    return look_has(m, cpu) && reg < n ? m.engine->ops->reg_get(m.engine, cpu, reg, value) : -1;
}

uint64_t look_reg(struct look m, unsigned cpu, const char *name)
{
    uint8_t value[16] = {0}; /* at most 128 bits */
    uint64_t v;
    const int i = look_reg_index(m, name);
    if (i < 0 || look_reg_get(m, cpu, (size_t)i, value))
        return 0;
    memcpy(&v, value, sizeof v);
    return v;
}

unsigned look_code_bits(struct look m, unsigned cpu)
{
    return look_has(m, cpu) ? m.engine->ops->code_bits(m.engine, cpu) : 0;
}

uint64_t look_pc(struct look m, unsigned cpu)
{
    const uint64_t rip = look_reg(m, cpu, "rip");
    return look_code_bits(m, cpu) == 64 ? rip : (uint32_t)(look_reg(m, cpu, "cs_base") + rip);
}

size_t look_peek(struct look m, unsigned cpu, uint64_t linear, void *buf, size_t n)
{
    const size_t read = look_has(m, cpu) ? m.engine->ops->peek(m.engine, cpu, linear, buf, n) : 0;
    assert(read <= n);
    return read;
}

size_t look_peek_physical(struct look m, uint64_t address, void *buf, size_t n)
{
    const size_t read = m.engine->ops->peek_physical(m.engine, address, buf, n);
    assert(read <= n);
    return read;
}

bool look_inner(struct look m, unsigned cpu, struct engine_inner *in)
{
    return cpu < look_cpus(m) && m.engine->ops->inner && m.engine->ops->inner(m.engine, cpu, in);
}

bool look_to_machine(struct look m, unsigned cpu, uint64_t address, uint64_t *machine)
{
    struct engine_inner in;
    *machine = address;
    return !look_inner(m, cpu, &in) || !in.tables ||
           m.engine->ops->inner_physical(m.engine, cpu, address, machine);
}

size_t look_peek_inner(struct look m, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    enum { PAGE = 4096 };
    size_t done = 0, got = 0, part = 0;
    for (uint64_t machine; done < n && got == part; done += got) {
        part = PAGE - ((address + done) & (PAGE - 1));
        part = part < n - done ? part : n - done;
        got = look_to_machine(m, cpu, address + done, &machine)
                  ? look_peek_physical(m, machine, (uint8_t *)buf + done, part)
                  : 0;
    }
    return done;
}

struct section_taker {
    void (*section)(void *ctx, const char *name, const struct field *fields, size_t nfields,
                    const void *base);
    void *ctx;
};

static void pass_section(void *ctx, const char *name, const struct field *fields, size_t n, const void *base)
{
    const struct section_taker *t = ctx;
    t->section(t->ctx, name, fields, n, base);
}

static void no_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    (void)ctx, (void)region, (void)index, (void)data;
}

void look_sections(struct look m,
                   void (*section)(void *ctx, const char *name, const struct field *fields, size_t nfields,
                                   const void *base),
                   void *ctx)
{
    struct section_taker t = {section, ctx};
    const struct snapshot_sink sink = {.ctx = &t, .section = pass_section, .page = no_page, .places = true};
    m.engine->ops->save(m.engine, &sink, NULL);
}

const void *look_view_physical(struct look m, uint64_t address, size_t n)
{
    return m.engine->ops->view_physical ? m.engine->ops->view_physical(m.engine, address, n) : NULL;
}

bool look_pci(struct look m, unsigned devfn, struct engine_pci *p)
{
    return m.engine->ops->pci && m.engine->ops->pci(m.engine, devfn, p);
}

bool look_display(struct look m, struct display *d, struct display_cell *cells, size_t ncells, uint8_t *rgb,
                  size_t nrgb)
{
    *d = (struct display){.cursor_row = -1, .cursor_column = -1};
    return m.engine->ops->display && m.engine->ops->display(m.engine, d, cells, ncells, rgb, nrgb);
}

size_t look_screen(struct look m, char *buf, size_t size)
{
    return m.engine->ops->screen(m.engine, buf, size);
}

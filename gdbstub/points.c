/* points.c - breakpoints, their conditions, and watchpoints. GDB manual, "Packets" (Z0 to Z4).
 *
 * A condition is evaluated here, at the hit: to ask gdb takes a stop, and it steps off and goes on, which is a thousand times as long. As in
 * gdbserver, one that cannot be evaluated counts as true, so that gdb decides. */
#include "base/memory.h"
#include "gdbstub/agent.h"
#include "gdbstub/impl.h"

static const enum timeline_stop_kind kinds[] = {TS_BREAK_LINEAR, TS_BREAK_LINEAR, TS_WATCH_WRITE,
                                                TS_WATCH_READ, TS_WATCH_ACCESS};

/* A condition: X LENGTH , CODE; all of them follow each other. */
static bool parse_condition(const char **args, struct point_condition *c)
{
    uint64_t n;
    if (*(*args)++ != 'X' || !hex_number(args, &n) || *(*args)++ != ',' || !n || n > PACKET_MAX / 2 ||
        strnlen(*args, 2 * (size_t)n) < 2 * n)
        return false;
    c->n = (size_t)n;
    c->code = mem_alloc(c->n);
    if (!hex_decode(*args, c->n, c->code)) {
        free(c->code);
        return false;
    }
    *args += 2 * n;
    return true;
}

static void free_conditions(struct point *p)
{
    for (size_t i = 0; i < p->nconditions; i++)
        free(p->condition[i].code);
    free(p->condition);
    p->condition = NULL;
    p->nconditions = 0;
}

static bool parse_conditions(const char *args, struct point *p)
{
    while (*args) {
        struct point_condition c;
        if (!parse_condition(&args, &c)) {
            free_conditions(p);
            return false;
        }
        MEM_MORE(p->condition, p->nconditions);
        p->condition[p->nconditions++] = c;
    }
    return true;
}

/* TYPE,ADDRESS,KIND and for breakpoints ;CONDITIONS. For watchpoints the kind is the length. */
static bool parse_point(const char *args, struct point *p)
{
    *p = (struct point){.type = *args};
    if (p->type < '0' || p->type > '4' || args[1] != ',')
        return false;
    args += 2;
    if (!hex_number(&args, &p->address) || *args++ != ',' || !hex_number(&args, &p->length))
        return false;
    if (p->type < '2')
        p->length = 1;
    if (!p->length || p->length - 1 > UINT64_MAX - p->address)
        return false;
    return !*args || (p->type < '2' && *args == ';' && parse_conditions(args + 1, p));
}

static struct point *find_point(struct gdbstub *g, const struct point *p)
{
    for (size_t i = 0; i < g->npoints; i++) {
        struct point *q = &g->point[i];
        if (q->type == p->type && q->address == p->address && q->length == p->length)
            return q;
    }
    return NULL;
}

static void keep_point(struct gdbstub *g, const struct point *p)
{
    if (g->npoints == g->points_cap) {
        g->points_cap = g->points_cap ? 2 * g->points_cap : 16;
        g->point = mem_resize(g->point, g->points_cap * sizeof *g->point);
    }
    g->point[g->npoints++] = *p;
}

/* The numbers of registers in conditions are those of the layout that gdb has now. */
static void take_conditions(struct gdbstub *g, struct point *to, const struct point *from)
{
    free_conditions(to);
    to->condition = from->condition;
    to->nconditions = from->nconditions;
    to->layout = g->layout;
}

/* One that gdb has set already gets its present conditions. */
void gdb_point_set(struct gdbstub *g, const char *args)
{
    struct point p;
    struct error err;
    if (!parse_point(args, &p)) {
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    struct point *there = find_point(g, &p);
    if (there) {
        take_conditions(g, there, &p);
        reply_text(g, "OK");
        return;
    }
    struct timeline_stop stop = {.kind = kinds[p.type - '0'], .address = p.address, .length = p.length};
    p.layout = g->layout;
    if (timeline_stop_add(g->tl, &stop, &p.id, &err)) {
        free_conditions(&p);
        reply_fail(g, "%s", err.text);
        return;
    }
    keep_point(g, &p);
    reply_text(g, "OK");
}

void gdb_point_remove(struct gdbstub *g, const char *args)
{
    struct point p;
    if (!parse_point(args, &p)) {
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    free_conditions(&p);
    struct point *found = find_point(g, &p);
    if (found) {
        timeline_stop_remove(g->tl, found->id);
        free_conditions(found);
        *found = g->point[--g->npoints];
    }
    reply_text(g, "OK");
}

void stub_points_clear(struct gdbstub *g)
{
    for (size_t i = 0; i < g->npoints; i++) {
        timeline_stop_remove(g->tl, g->point[i].id);
        free_conditions(&g->point[i]);
    }
    g->npoints = 0;
}

const struct point *stub_point(const struct gdbstub *g, unsigned id)
{
    for (size_t i = 0; i < g->npoints; i++)
        if (g->point[i].id == id)
            return &g->point[i];
    return NULL;
}

/* ---------------------------------------------------------------- conditions */

struct looking {
    struct gdbstub *g;
    const struct layout *layout;
    unsigned cpu;
};

static bool condition_reg(void *ctx, unsigned number, uint64_t *value)
{
    const struct looking *l = ctx;
    return layout_value(l->g, l->layout, number, l->cpu, value);
}

static bool condition_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct looking *l = ctx;
    return stub_memory_read(l->g, l->cpu, address, buf, n) == n;
}

static bool point_holds(struct gdbstub *g, const struct point *p, unsigned cpu)
{
    struct looking l = {g, p->layout, cpu};
    const struct agent_target t = {&l, condition_reg, condition_memory};
    uint64_t value;
    for (size_t i = 0; i < p->nconditions; i++)
        if (!agent_evaluate(p->condition[i].code, p->condition[i].n, &t, &value) || value)
            return true;
    return !p->nconditions;
}

bool stub_hit_counts(void *ctx, unsigned id, unsigned cpu)
{
    struct gdbstub *g = ctx;
    const struct point *p = stub_point(g, id);
    return !p || point_holds(g, p, cpu);
}

const struct point *point_stops(struct gdbstub *g, unsigned cpu, uint64_t pc)
{
    for (size_t i = 0; i < g->npoints; i++)
        if (g->point[i].type < '2' && g->point[i].address == pc && point_holds(g, &g->point[i], cpu))
            return &g->point[i];
    return NULL;
}

/* attach.c - finds the functions and addresses that a program's probes name, in all kernels, modules, programs and firmware that a trace has
 * symbols of. See private/attach.h. */
#include <fnmatch.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/ask/private/attach.h"
#include "core/symbols/kernel_types.h"

struct attaching {
    const struct ask_options *o;
    const struct kernel_types *k;
    struct ask_attached *a;
    struct ask_error *err;
    const struct ask_probe *probe;
    const struct ask_place *place;
    const struct ask_tracepoint_row *row; /* NULL: the place is no tracepoint */
    size_t order;
    size_t found;   /* of the place */
    bool has_table; /* a table fits the place */
};

/* ---------------------------------------------------------------- which tables */

static bool is_source(const struct symbol_table *t, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(symbol_table_source(t), *list))
            return true;
    return false;
}

/* A guest's kernel, or a module of it. */
static bool is_kernel(const struct symbol_table *t)
{
    static const char *const sources[] = {"kallsyms", "module", "module file", "symtab", "dynsym", NULL};
    return !strcmp(symbol_table_name(t), "kernel") || is_source(t, sources);
}

/* The last part of a path. */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool named(const struct symbol_table *t, const char *name)
{
    const char *its = symbol_table_name(t);
    return !fnmatch(name, its, 0) || !fnmatch(name, last_part(its), 0) ||
           (!strcmp(name, "vmlinux") && !strcmp(its, "kernel"));
}

/* Whether a mapping is of the sort that a place names. `any`: no kernel has the function. */
static bool fits(const struct ask_place *p, const struct symbol_mapping *m, bool any)
{
    const bool program = m->space >= 0 && symbol_space_id(m->space);
    const bool kernel = !program && is_kernel(m->table);
    switch (p->kind) {
    case P_KPROBE:
    case P_KRETPROBE:
        return !program && (p->table ? named(m->table, p->table) : any || kernel);
    case P_UPROBE:
    case P_URETPROBE:
        return program && named(m->table, p->table);
    case P_FIRMWARE:
        return !kernel && !program && named(m->table, p->table);
    case P_LOADER:
        return !kernel && !program;
    case P_XEN:
        return !program && (!strcmp(symbol_table_source(m->table), "xen") ||
                            !strncmp(symbol_table_name(m->table), "xen", 3));
    case P_LINE:
        return true;
    default:
        return kernel;
    }
}

/* ---------------------------------------------------------------- targets */

static struct ask_target *add(struct attaching *x, const struct symbol_mapping *m, uint64_t address)
{
    struct ask_attached *a = x->a;
    MEM_MORE(a->target, a->ntargets);
    struct ask_target *t = &a->target[a->ntargets++];
    *t = (struct ask_target){.probe = x->probe,
                             .place = x->place,
                             .tracepoint = x->row,
                             .order = x->order,
                             .address = address,
                             .until = UINT64_MAX};
    if (m) {
        t->since = m->since;
        t->until = m->until ? m->until : UINT64_MAX;
        t->space = m->space;
        t->table = symbol_table_name(m->table);
        t->program = m->space >= 0 && symbol_space_id(m->space);
    }
    x->found++;
    return t;
}

/* Parts of functions that compilers put apart are no functions. */
static bool is_function(const struct symbol *s)
{
    return symbol_is_called(s) && !strstr(s->name, ".cold");
}

/* Whether this place has a target at the address in that space already: a function of several names fires once. */
static bool has(const struct attaching *x, uint64_t address, const struct symbol_mapping *m)
{
    for (size_t i = x->a->ntargets, n = x->found; n-- > 0;) {
        const struct ask_target *t = &x->a->target[--i];
        if (t->address == address && t->space == m->space && t->since == m->since && t->tracepoint == x->row)
            return true;
    }
    return false;
}

static void add_function(struct attaching *x, const struct symbol_mapping *m, const struct symbol *s)
{
    const uint64_t address = s->address + m->bias;
    if (symbol_is_pattern(x->place->name) && x->found < 256 && has(x, address, m))
        return;
    struct ask_target *t = add(x, m, address + x->place->number);
    t->function = s->name;
    t->entry = !x->place->number;
    t->leaves = x->place->kind == P_KRETPROBE || x->place->kind == P_URETPROBE;
}

enum how { BY_NAME, BY_PATTERN, BY_COPY };

static bool matches(const char *want, const char *name, enum how how)
{
    switch (how) {
    case BY_PATTERN:
        return !fnmatch(want, name, 0);
    case BY_COPY:
        return symbol_plain_length(name) == strlen(want) && !strncmp(name, want, strlen(want));
    default:
        return !strcmp(want, name);
    }
}

static void search_table(struct attaching *x, const struct symbol_mapping *m, const char *want, enum how how)
{
    struct symbol s;
    if (how == BY_NAME) {
        if (symbol_table_find(m->table, want, &s) && symbol_is_called(&s))
            add_function(x, m, &s);
        return;
    }
    for (size_t i = 0; i < symbol_table_count(m->table); i++) {
        symbol_table_symbol(m->table, i, &s);
        if (is_function(&s) && matches(want, s.name, how))
            add_function(x, m, &s);
    }
}

static void search(struct attaching *x, const char *want, enum how how, bool any)
{
    for (size_t i = 0; i < symbols_mappings(x->o->symbols); i++) {
        const struct symbol_mapping *m = symbols_mapping(x->o->symbols, i);
        if (!fits(x->place, m, any))
            continue;
        x->has_table = true;
        search_table(x, m, want, how);
    }
}

static int attach_function(struct attaching *x)
{
    const char *want = x->place->name;
    const enum how how = symbol_is_pattern(want) ? BY_PATTERN : BY_NAME;
    for (int any = 0; any < 2 && !x->found; any++) {
        search(x, want, how, any);
        if (!x->found && how == BY_NAME)
            search(x, want, BY_COPY, any);
    }
    if (x->found)
        return 0;
    if (!x->has_table && x->place->table)
        return ask_wrong_place(
            x->err, x->o->program, x->place,
            "%s: the trace has no symbols of %s: bootreel symbols TRACE lists where it has some",
            x->place->text, x->place->table);
    if (how == BY_PATTERN)
        return ask_wrong_place(x->err, x->o->program, x->place,
                               "%s: no function of this trace fits the pattern", x->place->text);
    return ask_wrong_place(x->err, x->o->program, x->place,
                           "%s: no such function in this trace: bootreel symbols TRACE '%s*' searches for it",
                           x->place->text, want);
}

static int attach_address(struct attaching *x)
{
    add(x, NULL, x->place->number);
    return 0;
}

/* ---------------------------------------------------------------- lines */

struct in_line {
    struct attaching *x;
    const struct symbol_mapping *m;
};

/* Code of one line may begin at several addresses of a function: the lowest of them counts. */
static void add_line(void *ctx, uint64_t address)
{
    const struct in_line *in = ctx;
    struct attaching *x = in->x;
    struct symbol s;
    const bool known = symbols_at_in(x->o->symbols, in->m->space, address + in->m->bias, in->m->since, &s);
    for (size_t n = x->found, i = x->a->ntargets; known && n-- > 0;) {
        struct ask_target *t = &x->a->target[--i];
        if (t->function != s.name || t->since != in->m->since)
            continue;
        if (address + in->m->bias < t->address)
            t->address = address + in->m->bias;
        return;
    }
    struct ask_target *t = add(x, in->m, address + in->m->bias);
    t->function = known ? s.name : NULL;
}

static int attach_line(struct attaching *x)
{
    for (size_t i = 0; i < symbols_mappings(x->o->symbols); i++) {
        struct in_line in = {x, symbols_mapping(x->o->symbols, i)};
        symbol_table_line_places(in.m->table, x->place->name, (unsigned)x->place->number, add_line, &in);
    }
    if (x->found)
        return 0;
    return ask_wrong_place(
        x->err, x->o->program, x->place,
        "%s: no code of that line: the trace has line tables only of files given by record --symbols",
        x->place->text);
}

/* ---------------------------------------------------------------- what is watched */

static int attach_watch(struct attaching *x)
{
    struct symbol s;
    struct types_place p;
    struct error why;
    char *end;
    uint64_t address = strtoull(x->place->name, &end, 0);
    if (*end && symbols_find(x->o->symbols, SPACE_KERNEL, x->place->name, SYMBOLS_NOW, &s)) {
        address = s.address;
    } else if (*end) {
        const int rc = x->k ? kernel_types_place(x->k, x->o->symbols, x->place->name, &p, &why) : 0;
        if (rc < 0)
            return ask_wrong_place(x->err, x->o->program, x->place, "%s: %.200s", x->place->text, why.text);
        if (!rc)
            return ask_wrong_place(x->err, x->o->program, x->place,
                                   "%s: \"%s\" is no address and no variable of this trace", x->place->text,
                                   x->place->name);
        address = p.address;
    }
    if (address + x->place->number - 1 < address)
        return ask_wrong_place(x->err, x->o->program, x->place, "%s: the end is beyond the end of memory",
                               x->place->text);
    add(x, NULL, address);
    return 0;
}

/* ---------------------------------------------------------------- tracepoints */

/* "*" in a row's function stands for what `name` has instead of its own "*". */
static void function_of(const struct ask_tracepoint_row *r, const char *name, char *buf, size_t size)
{
    const char *star = strchr(r->function, '*');
    const size_t before = strcspn(r->name, "*");
    if (!star)
        snprintf(buf, size, "%s", r->function);
    else
        snprintf(buf, size, "%.*s%s", (int)(star - r->function), r->function,
                 strlen(name) > before ? name + before : "");
}

static void attach_row(struct attaching *x, const struct ask_tracepoint_row *r, const char *wanted)
{
    char function[300];
    const size_t first = x->a->ntargets;
    function_of(r, strchr(r->name, '*') ? wanted : r->name, function, sizeof function);
    x->row = r;
    search(x, function, symbol_is_pattern(function) ? BY_PATTERN : BY_NAME, false);
    for (size_t i = first; i < x->a->ntargets; i++) {
        x->a->target[i].leaves = r->leaves;
        x->a->target[i].entry = true;
    }
    x->row = NULL;
}

/* Whether a name or a pattern of the program and one of the table can mean the same. */
static bool meets(const char *wanted, const char *row)
{
    const char *star = strchr(row, '*');
    if (!star)
        return !fnmatch(wanted, row, 0);
    const size_t before = (size_t)(star - row);
    return !strncmp(wanted, row, before) || !fnmatch(wanted, row, 0);
}

static int attach_tracepoint(struct attaching *x)
{
    const struct ask_place *p = x->place;
    bool known = false;
    const struct ask_tracepoint_row *r;
    for (size_t i = 0; (r = ask_tracepoint(i)); i++) {
        if (fnmatch(p->table, r->group, 0) || !meets(p->name, r->name))
            continue;
        known = true;
        const bool all = strchr(r->name, '*') && strncmp(p->name, r->name, strcspn(r->name, "*"));
        attach_row(x, r, all ? r->name : p->name);
    }
    if (x->found)
        return 0;
    return ask_wrong_place(
        x->err, x->o->program, p,
        known
            ? "%s: the kernel of this trace has no function of that name"
            : "%s: this tracepoint is not known: bootreel trace TRACE -l 'tracepoint:*' lists those that are",
        p->text);
}

/* ---------------------------------------------------------------- all of them */

static int attach_place(struct attaching *x)
{
    static int (*const kinds[P_KINDS])(struct attaching * x) = {
        [P_KPROBE] = attach_function,    [P_KRETPROBE] = attach_function,   [P_UPROBE] = attach_function,
        [P_URETPROBE] = attach_function, [P_FIRMWARE] = attach_function,    [P_LOADER] = attach_function,
        [P_XEN] = attach_function,       [P_ADDRESS] = attach_address,      [P_LINE] = attach_line,
        [P_WATCHPOINT] = attach_watch,   [P_TRACEPOINT] = attach_tracepoint};
    x->found = 0;
    x->has_table = false;
    if (kinds[x->place->kind] && kinds[x->place->kind](x))
        return -1;
    /* A function in several processes is one place. */
    x->a->places += kinds[x->place->kind] ? 0 : 1;
    return 0;
}

/* ---------------------------------------------------------------- names */

void ask_tracepoint_name(const struct ask_target *t, char *buf, size_t size)
{
    const struct ask_tracepoint_row *r = t->tracepoint;
    const char *star = strchr(r->name, '*');
    const size_t before = strcspn(r->function, "*");
    if (star)
        snprintf(buf, size, "%.*s%s", (int)(star - r->name), r->name, t->function + before);
    else
        snprintf(buf, size, "%s", r->name);
}

static void name_probe(struct ask_target *t)
{
    const struct ask_place *p = t->place;
    const bool pattern = symbol_is_pattern(p->text) && p->kind != P_LINE && p->kind != P_WATCHPOINT;
    char name[300];
    if (!pattern || !t->function)
        return;
    if (t->tracepoint)
        ask_tracepoint_name(t, name, sizeof name);
    if (asprintf(&t->written, "%.*s:%s%s%s", (int)strcspn(p->text, ":"), p->text,
                 t->tracepoint ? t->tracepoint->group
                 : p->table    ? t->table
                               : "",
                 t->tracepoint || p->table ? ":" : "", t->tracepoint ? name : t->function) < 0)
        mem_none(0);
}

static int by_address(const void *a, const void *b)
{
    const struct ask_target *x = a, *y = b;
    const bool wx = x->place->kind == P_WATCHPOINT, wy = y->place->kind == P_WATCHPOINT;
    if (wx != wy)
        return wx ? 1 : -1;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    if (x->space != y->space)
        return x->space < y->space ? -1 : 1;
    return x->since < y->since ? -1 : x->since > y->since;
}

static void find_points(struct ask_attached *a)
{
    for (size_t i = 0; i < a->ntargets; i++) {
        const struct ask_target *t = &a->target[i], *before = i ? t - 1 : NULL;
        const bool watch = t->place->kind == P_WATCHPOINT;
        const bool same =
            before && before->address == t->address && !watch && before->place->kind != P_WATCHPOINT;
        const bool again = same && before->place == t->place;
        a->places += !again;
        if (same) {
            a->point[a->npoints - 1].n++;
            continue;
        }
        MEM_MORE(a->point, a->npoints);
        a->point[a->npoints++] = (struct ask_point){.address = t->address,
                                                    .first = i,
                                                    .n = 1,
                                                    .length = watch ? t->place->number : 0,
                                                    .on_read = t->place->on_read,
                                                    .on_write = t->place->on_write};
    }
}

/* As in bpftrace, a probe of several places has those that there are, and a note tells of the others. */
static int attach_probe(struct attaching *x)
{
    const size_t before = x->a->ntargets, places = x->a->places;
    struct ask_error first = {.line = 0};
    for (size_t i = 0; i < x->probe->nplaces; i++) {
        struct ask_error why = {.line = 0}, *err = x->err;
        x->place = &x->probe->place[i];
        x->err = &why;
        const int rc = attach_place(x);
        x->err = err;
        if (!rc)
            continue;
        if (x->probe->nplaces > 1 && x->o->front.note)
            x->o->front.note(x->o->front.ctx, why.error.text);
        if (!first.error.text[0])
            first = why;
    }
    if (!first.error.text[0] || x->a->ntargets > before || x->a->places > places)
        return 0;
    *x->err = first;
    return -1;
}

int ask_attach(const struct ask_options *o, const struct kernel_types *k, struct ask_attached *a,
               struct ask_error *err)
{
    struct attaching x = {.o = o, .k = k, .a = a, .err = err};
    *a = (struct ask_attached){.target = NULL};
    for (x.order = 0; x.order < o->program->nprobes; x.order++) {
        x.probe = &o->program->probe[x.order];
        if (attach_probe(&x))
            return -1;
    }
    for (size_t i = 0; i < a->ntargets; i++)
        name_probe(&a->target[i]);
    if (a->ntargets)
        qsort(a->target, a->ntargets, sizeof *a->target, by_address);
    find_points(a);
    return 0;
}

void ask_detach(struct ask_attached *a)
{
    for (size_t i = 0; i < a->ntargets; i++)
        free(a->target[i].written);
    free(a->target);
    free(a->point);
    *a = (struct ask_attached){.target = NULL};
}

/* module_file.c - files that were given by --symbols and whose addresses depend on the run: a Linux kernel module's (.ko), whose
 * sections are where the record says that the kernel put them, and a program's, which is in its processes only. */
#include <string.h>

#include "base/path.h"
#include "gdbstub/impl.h"

/* The sections of a module that was loaded at an icount. */
struct loaded {
    struct trace *t;
    const char *module;
    uint64_t icount;
};

static bool is_section(const struct event *ev, const struct loaded *l, const char *section)
{
    const size_t n = strlen(l->module), m = strlen(section);
    const char *text = ev->data;
    return ev->kind == EV_MODULE_SECTION && ev->len == n + 1 + m && !memcmp(text, l->module, n) &&
           text[n] == ' ' && !memcmp(text + n + 1, section, m);
}

static bool section_address(void *ctx, const char *section, uint64_t *address)
{
    const struct loaded *l = ctx;
    struct error ignored;
    struct event ev;
    bool found = false;
    struct trace_cursor *c = trace_cursor_open(l->t, EVENT_CLASS_BIT(EC_KERNEL));
    int rc = trace_cursor_seek_icount(c, l->icount, &ignored);
    while (!rc && !found && trace_cursor_next(c, &ev, NULL, &ignored) == 1 && ev.icount == l->icount)
        if (is_section(&ev, l, section)) {
            *address = EVF(&ev, MODULE_SECTION, address);
            found = true;
        }
    trace_cursor_close(c);
    return found;
}

/* Adds them for one time that the module was loaded. */
static int add_loaded(struct gdbstub *g, const char *path, const struct symbol_mapping *m, struct error *err)
{
    struct loaded l = {timeline_trace(g->tl), symbol_table_name(m->table), m->since};
    const struct symbol_sections at = {&l, section_address};
    struct symbol_mapping file = *m;
    file.table = symbols_add_relocatable(g->symbols, l.module, path, &at, err);
    if (!file.table)
        return -1;
    if (!symbols_same_build(file.table, m->table))
        return error_set(err, "%.200s: is of another build of the module %.60s than the one that was loaded",
                         path, l.module);
    symbols_map(g->symbols, &file);
    return 0;
}

int stub_add_module(struct gdbstub *g, const char *path, const char *name, struct error *err)
{
    const size_t n = symbols_mappings(g->symbols);
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        const struct symbol_mapping m = *symbols_mapping(g->symbols, i);
        if (strcmp(symbol_table_name(m.table), name) || strcmp(symbol_table_source(m.table), "module"))
            continue;
        found = true;
        if (add_loaded(g, path, &m, err))
            return -1;
    }
    return found ? 0 : error_set(err, "%.200s: no module %.60s was loaded in this boot", path, name);
}

/* ---------------------------------------------------------------- programs */

/* Whether the words of a process.exec event begin with the path of a program of that name. */
static bool executes(const struct event *ev, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%.*s", (int)ev->len, (const char *)ev->data);
    path[strcspn(path, " ")] = 0;
    return !strcmp(path_name(path), name);
}

/* For a program of which the trace has no symbols (it was stripped): from when processes executed it, at its link addresses, until they
 * execute another or exit. */
static bool add_executed(struct gdbstub *g, const char *name, const struct symbol_table *t)
{
    struct trace_cursor *c = trace_cursor_open(timeline_trace(g->tl), EVENT_CLASS_BIT(EC_PROCESS));
    struct error ignored;
    struct event ev;
    bool found = false;
    while (trace_cursor_next(c, &ev, NULL, &ignored) == 1) {
        const uint64_t id = ev.kind == EV_PROCESS_EXEC   ? EVF(&ev, PROCESS_EXEC, tgid)
                            : ev.kind == EV_PROCESS_EXIT ? EVF(&ev, PROCESS_EXIT, pid)
                                                         : 0;
        if (!id)
            continue;
        const symbol_space space = symbol_space_of(ev.guest, (uint32_t)id);
        symbols_unmap(g->symbols, t, space, ev.icount, ev.time);
        if (ev.kind != EV_PROCESS_EXEC || !executes(&ev, name))
            continue;
        found = true;
        symbols_map(g->symbols, &(struct symbol_mapping){
                                    .table = t, .space = space, .since = ev.icount, .time = ev.time});
    }
    trace_cursor_close(c);
    return found;
}

int stub_add_program(struct gdbstub *g, const char *path, struct error *err)
{
    const size_t n = symbols_mappings(g->symbols);
    const char *name = path_name(path);
    const struct symbol_table *t = symbols_add_elf_file(g->symbols, path, err);
    bool found = false;
    for (size_t i = 0; i < n && t; i++) {
        struct symbol_mapping m = *symbols_mapping(g->symbols, i);
        if (m.space < 0 || !symbol_space_id(m.space) ||
            strcmp(path_name(symbol_table_name(m.table)), name) != 0)
            continue;
        m.table = t;
        symbols_map(g->symbols, &m);
        found = true;
    }
    if (!t || found || (symbols_is_fixed_program(path) && add_executed(g, name, t)))
        return t ? 0 : -1;
    return error_set(
        err,
        "%.200s: the record does not say where a process has this program: bootreel annotate --symbols finds out",
        path);
}

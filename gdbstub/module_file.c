/* module_file.c - a Linux kernel module's file (.ko) that was given by --symbols: its symbols and lines, where the record says that the
 * kernel put the module's sections. */
#include <string.h>

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
            *address = ev.f[EVF_MODULE_SECTION_address];
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

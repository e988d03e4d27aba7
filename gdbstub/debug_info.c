/* debug_info.c - debug information that was given: which files belong to what ran, for boot-bt and for gdb itself. */
#include <inttypes.h>

#include "base/json.h"
#include "gdbstub/impl.h"

int gdbstub_add_debug(struct gdbstub *g, struct debug_info *d, struct error *err)
{
    if (!stub_symbols(g))
        g->symbols = symbols_new();
    g->debug = d;
    symbols_drop_debug(g->symbols);
    if (g->calls)
        view_calls_debug(g->calls, d);
    return recorded_debug(timeline_trace(g->tl), timeline_kind(g->tl), g->symbols, d, err);
}

void stub_debug_free(struct gdbstub *g)
{
    if (g->symbols)
        symbols_drop_debug(g->symbols);
    debug_info_free(g->own_debug);
    g->own_debug = g->debug = NULL;
}

static void said(void *ctx, const char *text)
{
    text_add(ctx, "%s\n", text);
}

void stub_debug_listen(struct gdbstub *g, struct text *out)
{
    if (g->debug)
        debug_info_on_words(g->debug, out ? said : NULL, out);
}

/* WHERE: a folder, a file, the word debuginfod; or OLD=NEW after "source". Says what does not fit, and how many files do. */
void monitor_debug_info(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    const char *map = !strncmp(args, "source ", 7) ? args + 7 : NULL;
    if (!*args) {
        text_add(out, "error: %s\n", "debug-info: a folder, a file, or the word debuginfod");
        return;
    }
    if (!g->debug)
        g->debug = g->own_debug = debug_info_new();
    if (map ? debug_info_map_source(g->debug, map, &err) : debug_info_add(g->debug, args, &err)) {
        text_add(out, "error: %s\n", err.text);
        return;
    }
    if (map)
        return;
    stub_debug_listen(g, out);
    const int rc = gdbstub_add_debug(g, g->debug, &err);
    stub_debug_listen(g, NULL);
    if (rc) {
        text_add(out, "error: %s\n", err.text);
        return;
    }
    size_t n = 0;
    while (symbols_debug(g->symbols, n))
        n++;
    text_add(out, "debug information (DWARF) of %zu: kernels, modules, UEFI's modules\n", n);
}

/* ---------------------------------------------------------------- for scripts/gdb */

static void add_section(void *ctx, const char *section, uint64_t address)
{
    yajl_gen gen = ctx;
    yajl_gen_map_open(gen);
    json_text(gen, "name", section);
    json_number(gen, "address", address);
    yajl_gen_map_close(gen);
}

static int add_file(struct gdbstub *g, yajl_gen gen, const struct symbol_debug *d, struct error *err)
{
    int rc = 0;
    const char *name = d->table ? symbol_table_name(d->table) : "";
    yajl_gen_map_open(gen);
    json_text(gen, "path", debug_file_path(d->file));
    json_text(gen, "name", name);
    json_number(gen, "bias", debug_file_bias(d->file));
    if (debug_file_is_relocatable(d->file)) {
        json_array(gen, "sections");
        rc = recorded_sections(timeline_trace(g->tl), name, d->since, add_section, gen, err);
        yajl_gen_array_close(gen);
    }
    yajl_gen_map_close(gen);
    return rc;
}

/* [PID]: the files of the kernel and its modules, or of what that task has mapped. */
int json_debug(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err)
{
    const struct symbols *s = *args ? stub_programs(g, (unsigned)strtoul(args, NULL, 0)) : stub_symbols(g);
    const struct symbol_debug *d;
    int rc = 0;
    yajl_gen_array_open(gen);
    for (size_t i = 0; s && !rc && (d = symbols_debug(s, i)); i++)
        rc = add_file(g, gen, d, err);
    yajl_gen_array_close(gen);
    return rc;
}

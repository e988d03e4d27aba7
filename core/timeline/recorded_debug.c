/* recorded_debug.c - see recorded_debug.h.
 *
 * A kernel's build-id is in its .notes, between two symbols (include/asm-generic/vmlinux.lds.h, NOTES); if these are not among its symbols, it is
 * looked for in the image, where those of the vDSO are as well. That of a module is in its section .note.gnu.build-id, which stays in memory.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/symbols/kernel_types.h"
#include "core/timeline/private/recorded_modules.h"
#include "core/timeline/recorded_debug.h"
#include "core/timeline/recorded_types.h"

enum { NOTES_MAX = 1 << 16 };

struct section {
    uint64_t icount, address;
    unsigned guest;
    char *module, *name;
};

struct finding {
    struct trace *t;
    struct symbols *s;
    struct debug_info *d;
    struct section *section;
    size_t nsections;
    /* the kernel that is looked at */
    struct kernel_place place;
    struct kernel_memory memory;
};

/* ---------------------------------------------------------------- sections */

static void see_section(struct finding *f, const struct event *ev)
{
    const char *text = ev->data, *space = ev->kind == EV_MODULE_SECTION ? memchr(text, ' ', ev->len) : NULL;
    if (!space)
        return;
    const size_t n = (size_t)(space - text);
    MEM_MORE(f->section, f->nsections);
    f->section[f->nsections++] = (struct section){.icount = ev->icount,
                                                  .address = EVF(ev, MODULE_SECTION, address),
                                                  .guest = ev->guest,
                                                  .module = mem_text(text, n),
                                                  .name = mem_text(space + 1, ev->len - n - 1)};
}

static int read_sections(struct finding *f, struct error *err)
{
    struct event ev;
    int rc;
    struct trace_cursor *c = trace_cursor_open(f->t, EVENT_CLASS_BIT(EC_KERNEL));
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        see_section(f, &ev);
    trace_cursor_close(c);
    return rc;
}

static void free_sections(struct finding *f)
{
    for (size_t i = 0; i < f->nsections; i++) {
        free(f->section[i].module);
        free(f->section[i].name);
    }
    free(f->section);
}

int recorded_sections(struct trace *t, const char *module, uint64_t icount,
                      void (*fn)(void *ctx, const char *section, uint64_t address), void *ctx,
                      struct error *err)
{
    struct finding f = {.t = t};
    const int rc = read_sections(&f, err);
    for (size_t i = 0; !rc && i < f.nsections; i++)
        if (f.section[i].icount == icount && !strcmp(f.section[i].module, module))
            fn(ctx, f.section[i].name, f.section[i].address);
    free_sections(&f);
    return rc;
}

/* A module that was loaded. */
struct loaded {
    const struct finding *f;
    const struct symbol_mapping *m;
    uint64_t low, high; /* what was asked for */
};

static bool section_address(void *ctx, const char *section, uint64_t *address)
{
    struct loaded *l = ctx;
    for (size_t i = 0; i < l->f->nsections; i++) {
        const struct section *s = &l->f->section[i];
        if (s->icount != l->m->since || s->guest != symbol_space_guest(l->m->space) ||
            strcmp(s->module, symbol_table_name(l->m->table)) || strcmp(s->name, section))
            continue;
        *address = s->address;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- build-ids */

static uint64_t address_of(const struct finding *f, const char *name)
{
    struct symbol sym;
    return symbols_find_in(f->s, f->place.space, name, f->place.when, &sym) ? sym.address : 0;
}

static bool notes_at(const struct finding *f, uint64_t begin, uint64_t end, struct build_id *id)
{
    const uint64_t n = end - begin;
    if (!begin || end < begin || n > NOTES_MAX)
        return false;
    uint8_t *notes = mem_alloc(n);
    const bool has = f->memory.read(f->memory.ctx, begin, notes, n) == n && build_id_in_notes(notes, n, id);
    free(notes);
    return has;
}

static const char *fixed_file(const struct finding *f, const struct build_id *id)
{
    const char *path = debug_info_find(f->d, id, "kernel");
    return path && debug_file_is_fixed(path) ? path : NULL;
}

/* Without the symbols: the first build-id in the image that belongs to a file that is no shared object. */
static const char *search_image(const struct finding *f)
{
    const char *path = NULL;
    struct build_id id;
    uint8_t *image = mem_alloc(f->place.size);
    const size_t n = f->memory.read(f->memory.ctx, f->place.text, image, f->place.size);
    for (size_t at = 0; !path && build_id_in_image(image, n, &at, &id);)
        path = fixed_file(f, &id);
    free(image);
    return path;
}

static void say_missing(const struct finding *f, const char *name, const struct build_id *id)
{
    char is[BUILD_ID_TEXT], has[BUILD_ID_TEXT];
    struct build_id other = {0};
    const char *path = debug_info_named(f->d, strcmp(name, "kernel") ? name : "vmlinux");
    build_id_text(id, is);
    if (path && build_id_of_file(path, &other) && other.n)
        debug_info_say(f->d, "%s: is of another build: its build-id is %s, and that of %s is %s", path,
                       build_id_text(&other, has), name, is);
    else if (path)
        debug_info_say(f->d, "%s: has no build-id, so it is not known whether it fits %s (%s)", path, name,
                       is);
    else
        debug_info_say(f->d, "%s: there is no debug information with its build-id %s", name, is);
}

/* ---------------------------------------------------------------- adding */

static void add(const struct finding *f, const struct symbol_mapping *m, const char *path,
                const struct debug_at *at, uint64_t begin, uint64_t end)
{
    struct error err;
    struct debug_file *file = debug_file_open(f->d, path, at, &err);
    if (!file) {
        debug_info_say(f->d, "%s", err.text);
        return;
    }
    symbols_add_debug(f->s, &(struct symbol_debug){.file = file,
                                                   .table = m->table,
                                                   .space = m->space,
                                                   .begin = begin,
                                                   .end = end,
                                                   .since = m->since,
                                                   .until = m->until});
}

static void add_kernel(const struct finding *f, const struct symbol_mapping *m)
{
    struct build_id id = {0};
    uint64_t linked;
    const bool known = notes_at(f, address_of(f, "__start_notes"), address_of(f, "__stop_notes"), &id);
    const char *path = known ? fixed_file(f, &id) : search_image(f);
    if (!path && known)
        say_missing(f, "kernel", &id);
    else if (!path)
        debug_info_say(f->d,
                       "kernel: its build-id is not in its memory, or belongs to no file that was given");
    if (path && debug_file_base(path, &linked))
        add(f, m, path, &(struct debug_at){.bias = f->place.text - linked}, f->place.text,
            f->place.text + f->place.size);
}

/* A section of a module's code may be outside of what the table of its symbols covers. */
static void add_module(const struct finding *f, const struct symbol_mapping *m)
{
    enum { ID_NOTE = 64 };
    const char *name = symbol_table_name(m->table);
    struct loaded l = {.f = f, .m = m};
    const struct symbol_sections rel = {&l, section_address};
    struct build_id id = {0};
    uint64_t note, low = UINT64_MAX, high = 0;
    if (!section_address(&l, ".note.gnu.build-id", &note) || !notes_at(f, note, note + ID_NOTE, &id)) {
        debug_info_say(f->d, "module %s: its build-id is not in the kernel's memory any more", name);
        return;
    }
    const char *path = debug_info_find(f->d, &id, name);
    if (!path) {
        say_missing(f, name, &id);
        return;
    }
    for (size_t i = 0; i < symbol_table_count(m->table); i++) {
        struct symbol sym;
        symbol_table_symbol(m->table, i, &sym);
        if (!strchr("tTwWi", sym.type))
            continue;
        low = sym.address < low ? sym.address : low;
        high = sym.address + sym.size > high ? sym.address + sym.size : high;
    }
    if (high > low)
        add(f, m, path, &(struct debug_at){.rel = &rel}, low + m->bias, high + m->bias);
}

static void look_at_kernel(const struct finding *f)
{
    const size_t n = symbols_mappings(f->s);
    for (size_t i = 0; i < n; i++) {
        const struct symbol_mapping m = *symbols_mapping(f->s, i);
        const char *source = symbol_table_source(m.table);
        if (m.space != f->place.space)
            continue;
        const bool there = m.since <= f->place.when && (!m.until || f->place.when < m.until);
        if (!strcmp(source, "module") && there)
            add_module(f, &m);
        else if (!strcmp(source, "module"))
            debug_info_say(
                f->d,
                "module %s: it is not loaded where the kernel's memory is read, so its build-id is not known",
                symbol_table_name(m.table));
        else if (!strcmp(source, "kallsyms") && (!m.until || f->place.when < m.until))
            add_kernel(f, &m);
    }
}

static void say_unused(const struct finding *f)
{
    const char *path;
    for (size_t i = 0; (path = debug_info_unused(f->d, i)); i++)
        debug_info_say(f->d,
                       symbol_file_is_pdb(path) ? "%s: no module that was loaded has its symbols"
                                                : "%s: nothing that ran has its build-id",
                       path);
}

int recorded_debug(struct trace *t, const struct engine_kind *kind, struct symbols *s, struct debug_info *d,
                   struct error *err)
{
    struct finding f = {.t = t, .s = s, .d = d};
    int rc = read_sections(&f, err);
    bool any = false;
    for (long guest = 0; !rc && (guest = symbols_guest_from(s, (unsigned)guest, SYMBOLS_NOW)) >= 0; guest++) {
        const int there = recorded_kernel_open(t, kind, s, (unsigned)guest, &f.place, &f.memory, err);
        rc = there < 0 ? -1 : 0;
        if (there <= 0)
            continue;
        any = true;
        look_at_kernel(&f);
        f.memory.close(f.memory.ctx);
    }
    rc = rc ? rc : recorded_modules_debug(t, kind, s, d, &any, err);
    if (!rc && !any)
        debug_info_say(d, "there is no Linux kernel and no UEFI module in this record whose memory is known");
    if (!rc)
        say_unused(&f);
    free_sections(&f);
    return rc;
}

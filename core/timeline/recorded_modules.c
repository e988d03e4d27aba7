/* recorded_modules.c - debug information for the modules of UEFI firmware. See private/recorded_modules.h.
 *
 * A module's image says which file has its debug information (CodeView). The image is read where it is in memory: from a checkpoint while it is
 * loaded, or by going to where it was started, if there is none or if it lies in flash.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/past.h"
#include "core/timeline/private/recorded_modules.h"
#include "core/timeline/timeline.h"

enum { IMAGE_MAX = 32 << 20, HEADERS = 512 };

struct finding {
    struct trace *t;
    const struct engine_kind *kind;
    struct symbols *s;
    struct debug_info *d;
    struct past *past; /* at this checkpoint; NULL: none is open */
    size_t checkpoint;
    struct timeline *tl; /* NULL: not opened yet */
    uint8_t *image;
    size_t size;
};

static void say(void *ctx, const char *text)
{
    debug_info_say(ctx, "%s", text);
}

/* ---------------------------------------------------------------- the image */

/* From the last checkpoint in which the module is loaded. False: there is none. */
static int read_checkpoint(struct finding *f, const struct symbol_mapping *m, struct error *err)
{
    const long k = trace_checkpoint_find(f->t, m->until ? m->until - 1 : SYMBOLS_NOW);
    if (k < 0 || trace_checkpoint(f->t, (size_t)k)->icount <= m->since)
        return 0;
    if (!f->past || f->checkpoint != (size_t)k) {
        past_close(f->past);
        err->text[0] = 0;
        f->past = past_open(f->t, f->kind, (size_t)k, err);
        f->checkpoint = (size_t)k;
        if (!f->past)
            return err->text[0] ? -1 : 0;
    }
    return past_read(f->past, m->begin, f->image, f->size) >= HEADERS;
}

static int read_there(struct finding *f, const struct symbol_mapping *m, struct error *err)
{
    struct timeline_stopped stopped;
    if (!f->tl) {
        f->tl = timeline_open_unplaced(f->t, f->kind, err);
        if (!f->tl)
            return -1;
        timeline_short_seeks(f->tl, true);
    }
    if (timeline_seek(f->tl, m->since, &stopped, err))
        return -1;
    return timeline_peek_physical(f->tl, m->begin, f->image, f->size) >= HEADERS;
}

/* 1; 0: it cannot be read; -1 with err. What is not memory is zero. */
static int read_image(struct finding *f, const struct symbol_mapping *m, struct error *err)
{
    const uint64_t size = m->end - m->begin;
    f->size = size < IMAGE_MAX ? (size_t)size : IMAGE_MAX;
    free(f->image);
    f->image = mem_zero(1, f->size + 1);
    const int rc = f->size < HEADERS ? 0 : read_checkpoint(f, m, err);
    return rc || f->size < HEADERS ? rc : read_there(f, m, err);
}

/* ---------------------------------------------------------------- its file */

/* Names and lines, where the record has the module's name alone. */
static void add_names(struct finding *f, const struct symbol_mapping *m, const struct symbol_module *image,
                      const struct symbol_table **table)
{
    if (symbol_table_count(m->table) > 1)
        return;
    const struct symbol_table *t = symbols_add_module(f->s, image, debug_info_modules(f->d), say, f->d);
    if (!t)
        return;
    struct symbol_mapping more = *m;
    more.table = *table = t;
    symbols_map(f->s, &more);
}

static void add_module(struct finding *f, const struct symbol_mapping *m)
{
    const struct symbol_module image = {
        .name = symbol_table_name(m->table), .bytes = f->image, .size = f->size, .base = m->begin};
    const struct symbol_table *table = m->table;
    struct error err;
    int64_t bias;
    bool pdb;
    const char *path = symbol_files_of_image(debug_info_modules(f->d), &image, &bias, &pdb, say, f->d);
    if (!path)
        return;
    add_names(f, m, &image, &table);
    struct debug_file *file =
        pdb ? NULL : debug_file_open(f->d, path, &(struct debug_at){.bias = m->bias + (uint64_t)bias}, &err);
    if (file)
        symbols_add_debug(f->s, &(struct symbol_debug){.file = file,
                                                       .table = table,
                                                       .space = m->space,
                                                       .begin = m->begin,
                                                       .end = m->end,
                                                       .since = m->since,
                                                       .until = m->until});
    else if (!pdb)
        debug_info_say(f->d, "%s", err.text);
}

int recorded_modules_debug(struct trace *t, const struct engine_kind *kind, struct symbols *s,
                           struct debug_info *d, bool *any, struct error *err)
{
    struct finding f = {.t = t, .kind = kind, .s = s, .d = d};
    const size_t n = symbols_mappings(s);
    int rc = 0;
    for (size_t i = 0; i < n && rc >= 0; i++) {
        const struct symbol_mapping m = *symbols_mapping(s, i);
        if (strcmp(symbol_table_source(m.table), "firmware") || m.end <= m.begin || m.begin != m.bias)
            continue;
        *any = true;
        if (!symbol_files_any_image(debug_info_modules(f.d)))
            continue;
        rc = read_image(&f, &m, err);
        if (rc > 0)
            add_module(&f, &m);
    }
    free(f.image);
    past_close(f.past);
    timeline_close(f.tl);
    return rc < 0 ? -1 : 0;
}

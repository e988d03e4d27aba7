/* module.c - the symbols and call frames of a PE image in memory. See symbols.h. */
#include <stdlib.h>

#include "core/symbols/private/module.h"

/* Deduces call frames from the code alone, for the functions that the code itself shows. */
static struct symbol_table *deduce(struct symbol_table *t, const struct module *m)
{
    struct symbol_table *d = symbol_table_begin(t->owner, "", "");
    const struct pe_range code = pe_code(m->pe);
    const size_t size = code.address < m->size ? m->size - code.address : 0;
    const struct symbol_code c = {.bytes = m->bytes + (size ? code.address : 0),
                                  .size = code.size < size ? code.size : size,
                                  .address = code.address};
    for (size_t i = 0; i < t->n; i++)
        if (symbol_is_code(t->entries[i].type))
            symbol_table_add(d, "", t->entries[i].address, 0, 't', 0);
    pe_add_starts(d, m);
    symbol_table_deduce_frames(d, &c);
    struct symbol_table *interrupts = symbol_table_begin(t->owner, "", "");
    pe_add_interrupts(interrupts, m);
    symbol_table_merge_frames(interrupts, d);
    symbol_table_free(d);
    return interrupts;
}

static void add_frames(struct symbol_table *t, const struct module *m)
{
    if (m->pe->machine != PE_AMD64)
        return;
    if (m->pe->exceptions.size) {
        struct symbol_table *tables = symbol_table_begin(t->owner, "", "");
        pe_add_frames(tables, m);
        symbol_table_merge_frames(tables, t);
        free(t->frames);
        t->frames = tables->frames;
        t->nframes = tables->nframes;
        t->frames_cap = tables->frames_cap;
        tables->frames = NULL;
        symbol_table_free(tables);
    }
    struct symbol_table *d = deduce(t, m);
    symbol_table_merge_frames(t, d);
    symbol_table_free(d);
}

struct symbol_table *symbols_add_module(struct symbols *s, const struct symbol_module *m,
                                        struct symbol_files *files, void (*warn)(void *ctx, const char *text),
                                        void *ctx)
{
    struct pe_image pe;
    if (!pe_read_memory(m->bytes, m->size, &pe))
        return NULL;
    const struct module own = {
        .pe = &pe, .bytes = m->bytes, .size = m->size, .base = m->base, .file = m->file};
    struct symbol_table *t = symbol_table_begin(s, m->name, "firmware");
    const bool read = files && symbol_files_read(files, t, &own, warn, ctx);
    add_frames(t, &own);
    /* The module's name stands for what is in front of the functions, or for all of it. */
    symbol_table_add(t, m->name, 0, m->size, 'T', read ? 0 : SYMBOL_SIZED);
    return symbol_table_end(t);
}

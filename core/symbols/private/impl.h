/* impl.h - what the files of this folder share. Private to them. */
#ifndef BOOTREEL_CORE_SYMBOLS_IMPL_H
#define BOOTREEL_CORE_SYMBOLS_IMPL_H

#include "base/chains.h"
#include "core/symbols/debug.h"
#include "core/symbols/symbols.h"

enum { SYMBOL_NAME_MAX = 511 };

struct entry {
    uint64_t address; /* as linked */
    uint64_t size;    /* without SYMBOL_SIZED, until the table is complete: an upper limit, or 0 */
    uint32_t name;    /* in names */
    char type;
    uint8_t flags;
};

struct line_row {
    uint64_t address;
    uint32_t file; /* in files */
    uint32_t line; /* 0: what follows is not known */
};

struct symbol_table {
    struct symbols *owner;
    char *name, *source;
    struct entry *entries; /* by address, once done */
    size_t n, cap;
    char *names; /* one after the other, each ended by NUL */
    size_t names_len, names_cap;
    /* The entries by the hashes of their names, once the table is whole. `chain` has the first entry of each chain, `next_named` the
     * one after each entry: numbers + 1; 0 ends a chain. A hash_index takes four times the memory, and
     * to use that for the first time takes longer than to make the chains. */
    uint32_t *chain, *next_named;
    size_t chains; /* a power of 2; 0: the table is not whole */
    struct line_row *lines;
    size_t nlines, lines_cap;
    char **files;
    size_t nfiles;
    struct symbol_frame *frames;
    size_t nframes, frames_cap;
    struct member_row {
        uint32_t type, name; /* in names */
        uint32_t offset, size;
    } * members;
    size_t nmembers;
    char members_from[8];
    uint8_t *types; /* BTF */
    size_t types_size;
    uint64_t low, high; /* of the symbols that are not absolute */
    uint64_t hash;      /* of all that is in it; 0: not computed yet */
    uint32_t number;    /* among the tables, from 0 */
    bool noted;         /* it was passed to the sink */
};

struct symbols {
    struct symbol_table **tables;
    size_t ntables;
    struct symbol_mapping *maps;
    size_t nmaps;
    struct chains by_space; /* of `maps` */
    unsigned *guests;       /* that have mappings, in ascending order */
    size_t nguests;
    uint64_t changes; /* of `maps` */
    void (*sink)(void *ctx, const struct trace_note *note);
    void *sink_ctx;
    struct symbol_table *
        *incoming; /* tables by their number in notes, or NULL; whole ones are in `tables` too */
    size_t nincoming;
    struct wanted_members {
        unsigned osabi;
        const char *const *structures;
    } * wanted;
    size_t nwanted;
    /* What symbols_add_collected() has made of programs, by the XXH3 of the name and of what was collected. */
    struct elf_read {
        uint64_t name, low, high;
        struct symbol_table *table;
    } * elfs;
    size_t nelfs;
    struct symbol_debug *debug; /* core/symbols/debug.h; the later ones take precedence */
    size_t ndebug;
};

/* mapping.c: the last mapping in a space (SPACE_ANY: of all), and the one before one: its number in `maps`, + 1; 0: none. */
size_t symbols_newest(const struct symbols *s, symbol_space space);
size_t symbols_older(const struct symbols *s, symbol_space space, size_t i);
void symbols_free_mappings(struct symbols *s);
/* At SYMBOLS_NOW: has it no end? */
static inline bool symbol_mapping_in_force(const struct symbol_mapping *m, uint64_t at)
{
    return m->since <= at && (!m->until || at < m->until);
}

/* debug_map.c: symbols_places() in one space. */
size_t symbols_debug_at(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                        struct debug_place *place, size_t max);

/* note.c: write notes to the sink, if there is one. */
void symbols_note_map(struct symbols *s, const struct symbol_mapping *m);
void symbols_note_unmap(struct symbols *s, const struct symbol_table *t, symbol_space space, uint64_t at,
                        uint64_t time);
void symbol_table_free(struct symbol_table *t);
/* frame.c: sorts the frames, and leaves one of several at the same address. */
void symbol_table_sort_frames(struct symbol_table *t);
/* members.c */
uint64_t symbol_table_hash_members(const struct symbol_table *t, uint64_t seed);
/* table.c: keeps a text in t->names, and returns where it is; UINT32_MAX if there are too many. */
uint32_t symbol_table_keep_name(struct symbol_table *t, const char *name);
/* As symbol_table_add(); the name has n bytes, at most SYMBOL_NAME_MAX, without a NUL. */
void symbol_table_add_entry(struct symbol_table *t, struct entry e, const char *name, size_t n);
/* Makes room for that many more entries and bytes of names, which are going to be added soon. */
void symbol_table_expect(struct symbol_table *t, size_t entries, size_t names);
/* table.c: the last line row at or before a link address, or -1. */
long symbol_table_row_at(const struct symbol_table *t, uint64_t address);
/* A function, or a label in code. */
static inline bool symbol_is_code(char type)
{
    return type == 't' || type == 'T' || type == 'w' || type == 'W' || type == 'i';
}
/* symbol_table_end was called. */
static inline bool symbol_table_whole(const struct symbol_table *t)
{
    return t->chains;
}

/* ---------------------------------------------------------------- dwarf.c */

/* Lines, functions and call frames as sections of an ELF file. All code is at its runtime address. */
struct symbols_dwarf;
enum { DWARF_SECTIONS = 5 };
struct lines_spans;
/* `lines`: some of the mappings that will be added have lines. */
struct symbols_dwarf *symbols_dwarf_new(bool lines);
void symbols_dwarf_free(struct symbols_dwarf *d); /* NULL is allowed */
/* Adds all of a mapping but the functions and lines at the addresses in `but`, which are written
 * elsewhere. */
void symbols_dwarf_add(struct symbols_dwarf *d, const struct symbol_mapping *m,
                       const struct lines_spans *but);
/* Adds a line program for the addresses in `of` alone, for a unit that is written elsewhere. Returns its
 * offset in the section. */
size_t symbols_dwarf_lines(struct symbols_dwarf *d, const struct symbol_mapping *m,
                           const struct lines_spans *of);
/* Adds the frames alone. */
void symbols_dwarf_add_frames(struct symbols_dwarf *d, const struct symbol_mapping *m);
/* The i-th section's name and content, which is valid until the next symbols_dwarf_add. *size may be 0. */
const char *symbols_dwarf_section(const struct symbols_dwarf *d, unsigned i, const void **data, size_t *size);

#endif

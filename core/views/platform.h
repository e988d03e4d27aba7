/* platform.h - what firmware leaves in memory and registers for operating systems, at a position: ACPI tables, SMBIOS, the memory map, MTRRs,
 * the MultiProcessor table. Nothing is run, and nothing here changes the state; loops over the guest's memory are bounded.
 *
 * ACPI and SMBIOS are found by their signatures and checksums: in the BIOS's areas, or, where an EFI firmware put them elsewhere, in all
 * memory. */
#ifndef BOOTREEL_CORE_VIEWS_PLATFORM_H
#define BOOTREEL_CORE_VIEWS_PLATFORM_H

#include "core/engine/look.h"
#include "core/symbols/symbols.h"
#include "traces/trace.h"

enum { PLATFORM_FIELDS = 10 };

struct platform_field {
    const char *name; /* as in JSON: "address" */
    bool hex;
    uint64_t number;
    char *text; /* NULL: it is the number */
};

/* An entry: a table, a structure, a range. */
struct platform_row {
    struct platform_field field[PLATFORM_FIELDS];
    unsigned n;
    char file[32];  /* the file's name when it is saved; "": it has none … */
    uint8_t *bytes; /* … and what is in it */
    size_t size;
};

/* Memory that a list was read from: a table, a map. */
struct platform_block {
    char name[32]; /* "DSDT" */
    uint64_t physical, size;
    unsigned checksum; /* where in it its checksum is; 0: it has none */
};

/* A memory map as a table of E820h's entries of 20 bytes: physical addresses. Where `entries` is 0, it is none. */
struct platform_map {
    uint64_t count; /* a number of `width` bytes: how many entries there are */
    unsigned width;
    uint64_t entries;
    uint32_t n; /* … at the position */
};

/* Memory that was usable by one map and is not by the next. */
struct platform_taken {
    uint64_t begin, end; /* end: the last byte */
    char from[32], to[32], was[40], is[40];
    struct platform_map map; /* of the second map, if it is in memory */
};

struct platform_rows {
    struct platform_row *list;
    size_t n;
    struct platform_taken *taken;
    size_t ntaken;
    struct platform_block *block; /* for the history of what is in it (core/origin/history.h) */
    size_t nblocks;
};

struct platform_memory {
    struct look m;
    uint64_t ram_end;        /* as engine_ram_end() */
    const struct symbols *s; /* the trace's; NULL: none */
    struct trace *t;         /* for what its events tell; NULL: none */
    /* Puts the same machine at another position of the record: what a list reads there is no longer in memory, or not mapped. False if it
     * cannot. NULL: it never can, and such maps are left out. */
    bool (*go)(void *ctx, uint64_t icount);
    void *ctx;
};

/* The names of the lists: "acpi" first; *what says what is in one. NULL beyond the last. */
const char *platform_list(size_t i, const char **what);
bool platform_has_list(const char *list);
/* The rows of a list. -1 with err, which says why there are none. Cost: for what is not in a BIOS's areas, a look at all memory. */
int platform_rows(const struct platform_memory *p, const char *list, struct platform_rows *rows,
                  struct error *err);
void platform_rows_free(struct platform_rows *rows);

/* The memory type range registers of the first processor: the default type, 11 for fixed ranges, base and mask of 8 variable ones. */
enum { PLATFORM_MTRRS = 28 };
/* Their values. False: this machine has none. */
bool platform_mtrr_values(struct look m, uint64_t value[PLATFORM_MTRRS]);
/* The number of the i-th as a model-specific register, and its name: "IA32_MTRR_PHYSBASE0". Like snprintf. */
unsigned platform_mtrr_name(size_t i, char *buf, size_t size);

#endif

/* impl.h - what the files of core/systems/multiboot share. Private to them.
 *
 *   multiboot.c   life, events, the row
 *   entry.c       where a loader enters a kernel
 *   files.c       kernels' files that a loader reads
 *   info.c        what the loader passes: command line, modules, symbols
 *   functions.c   the kernel's functions on its way
 */
#ifndef BOOTREEL_CORE_SYSTEMS_MULTIBOOT_IMPL_H
#define BOOTREEL_CORE_SYSTEMS_MULTIBOOT_IMPL_H

#include "core/story/base.h"
#include "core/story/kernel_head.h"
#include "core/systems/multiboot/multiboot.h"

enum { MULTIBOOT_1 = 1, MULTIBOOT_2 = 2, PVH = 3 };
/* In kernel.call and kernel.return, as the number of the caller. */
enum { MB_PARENT = 64 };

/* A call that is reported and has not returned. */
struct mb_call {
    struct symbol function; /* where its code is linked */
    uint64_t sp, back;      /* at its entry: the stack pointer, and what is on the stack */
    uint64_t time;
    unsigned probe; /* at `back`; 0: it was entered by a jump */
};

/* A function that has not been entered yet. */
struct mb_function {
    struct mb_guest *mg;
    struct symbol symbol;
    unsigned probe[2]; /* where it is linked, and where it is loaded if that is elsewhere; 0: none */
};

/* Where a file that was read says that its kernel is entered. */
struct mb_file_entry {
    uint64_t address;
    unsigned probe; /* 0: none */
};

enum { MB_DEPTH = 8, MB_TRIED = 16, MB_ENTRIES = 32 };

struct mb_guest {
    struct guest_base base;
    bool entered;
    bool direct;              /* by the machine itself: the engine reports it */
    uint64_t passed;          /* then: what it is passed */
    uint64_t tried[MB_TRIED]; /* addresses whose code was looked at */
    unsigned ntried;
    /* a loader that is about to enter a kernel (entry.c) */
    unsigned version;  /* MULTIBOOT_1 or _2, or PVH */
    unsigned probe[3]; /* at its `mov $magic,%eax`, at its jump, at the kernel's entry; 0: none */
    /* what a loader reads (files.c) */
    uint64_t read_to, reading; /* the last read of a drive: where to in memory, and its bytes; 0: none */
    unsigned looks;            /* how often that was looked at */
    bool users;                /* user mode has run: that is no loader */
    struct mb_file_entry file_entry[MB_ENTRIES];
    unsigned nfile_entries; /* so far */
    /* the kernel */
    uint64_t entry;
    unsigned boot_cpu;
    uint64_t moved; /* added to an address where it is loaded, this is the one where it is linked */
    const struct symbol_table *table;
    struct mb_function *function; /* functions.c */
    size_t nfunctions;
    unsigned entries; /* of functions that were entered */
    struct mb_call call[MB_DEPTH];
    unsigned depth;
};

GUEST_ACCESS(mb, struct mb_guest);

/* ---- entry.c ---- */

/* At an event of the processor's at `ip`: looks for a kernel's entry. */
void mb_look_for_entry(struct mb_guest *mg, uint64_t ip);
void mb_entry_free(struct mb_guest *mg);

/* The version of the protocol that has this number in EAX; 0: none. */
unsigned mb_version_of(uint32_t magic);

/* ---- files.c ---- */

/* At an event: looks for kernels' files in what was read. */
void mb_look_for_files(struct mb_guest *mg, const struct event *ev);
void mb_files_free(struct mb_guest *mg);

/* ---- multiboot.c ---- */

/* The kernel was entered; `info`: the physical address of what it is passed, 0 if that is not known. */
void mb_entered(struct mb_guest *mg, unsigned version, uint64_t entry, uint64_t info);

/* ---- info.c ---- */

/* Reports the command line and the modules. Returns the table of the symbols that the loader passes, at their link addresses; NULL if it
 * passes none. */
const struct symbol_table *mb_read_info(struct mb_guest *mg, uint64_t info);

/* ---- functions.c ---- */

/* Whether the entry is in the code that a table has symbols for; then mg->moved is set. */
bool mb_table_has_entry(struct mb_guest *mg, const struct symbol_table *t);
/* Begins to report the functions of mg->table. */
void mb_follow(struct mb_guest *mg);
void mb_functions_free(struct mb_guest *mg);

#endif

/* layout.h - finds where the members of a kernel's structures are, in a kernel that has no type information:
 * from objects in its memory, by what must be true of them (an empty list points to itself, the first task is
 * its own parent, a program's arguments are on its stack).
 *
 * No version's offsets are in here. The only assumption is that members which belong together are next to
 * each other, as in all kernels since 4.6: pid and tgid, then the parents; start_code to env_end of a
 * process's memory; argc, envc, filename and interp of a program that is executed; base, size and text_size
 * of a module (up to 6.3).
 *
 * Each function returns false, and fills in nothing, if nothing fits.
 */
#ifndef BOOTREEL_CORE_SYSTEMS_LINUX_LAYOUT_H
#define BOOTREEL_CORE_SYSTEMS_LINUX_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The guest's memory. Bytes that cannot be read are zero. */
struct layout_memory {
    unsigned word; /* bytes of a pointer: 8 or 4 */
    bool la57;     /* 64-bit addresses have 57 bits that count, not 48 */
    void *ctx;
    bool (*read)(void *ctx, uint64_t address, void *buf, size_t n);
    /* For a kernel that is a program (user-mode Linux): its memory, and a function to be called with the place that may
     * hold a program's page tables; from then on `read` uses them for the program's addresses. Otherwise 0. */
    uint64_t begin, end;
    void (*tables)(void *ctx, uint64_t tables, unsigned levels);
};

struct layout_task {
    int comm, real_parent, flags; /* flags -1: not found */
};
/* Finds members of the first task (init_task), before it has created another, or, if it is not `alone`, later. */
bool layout_task(const struct layout_memory *m, uint64_t init_task, bool alone, struct layout_task *t);
/* The first process that init_task has created, whose pid is 1; 0: there is none yet. */
uint64_t layout_first_child(const struct layout_memory *m, uint64_t init_task, int real_parent);
/* Finds the offset of pid (tgid follows it) in a process whose pid, not 0, is known. */
bool layout_pid(const struct layout_memory *m, uint64_t task, int real_parent, uint32_t pid, int *offset);

struct layout_exec {
    int task_mm, start_code, arg_start, arg_end; /* the last three are in the mm */
    int tables;                                  /* of the page tables in the mm; -1: not searched for */
    uint64_t args_end;                           /* the value of arg_end */
    uint32_t argc, envc;                         /* as on the program's stack */
};
/* For a task whose new program is in place and will run next. */
bool layout_exec(const struct layout_memory *m, uint64_t task, uint64_t init_task, struct layout_exec *x);

struct layout_binprm {
    int filename, interp, exec; /* exec -1: not found */
};
/* For the linux_binprm of that program. */
bool layout_binprm(const struct layout_memory *m, uint64_t binprm, const struct layout_exec *x,
                   struct layout_binprm *b);

struct layout_module {
    int name, base, size; /* base -1: not found, and so on */
    int kallsyms, symtab, num_symtab, strtab;
    int sect_attrs, count, attrs, stride, sect_name, address;
};
/* For a module that is about to be initialised. */
bool layout_module(const struct layout_memory *m, uint64_t module, struct layout_module *l);

/* For a registered console: finds flags, a short, which the index follows. */
bool layout_console(const struct layout_memory *m, uint64_t console, int *flags);

/* Finds the tables of the initcalls of levels 0 to 7 in a kernel's image at `base`: fills in LAYOUT_LEVELS +
 * 1 addresses, where each begins and where the last ends. `function` says whether there is a function at an
 * address. Entries are pointers, or 32-bit offsets relative to themselves. */
enum { LAYOUT_LEVELS = 8 };
struct layout_image {
    const uint8_t *bytes;
    size_t size;
    uint64_t base;
    unsigned word;
    void *ctx;
    bool (*function)(void *ctx, uint64_t address);
};
bool layout_initcalls(const struct layout_image *im, uint64_t begin[LAYOUT_LEVELS + 1]);
/* The function of the entry at `at`, or 0, and the entry's size in bytes. */
uint64_t layout_initcall(const struct layout_image *im, uint64_t at, unsigned *bytes);

#endif

/* impl.h - what the files of this folder share. Private to them. See freebsd.h.
 *
 *   freebsd.c   life, events, notes, the row
 *   find.c      finding the kernel: ELF header, entry
 *   image.c     the kernel's symbols: dynamic section, symbol table
 *   access.c    memory, functions hooked at entry and exit
 *   layout.c    offsets of members
 *   frames.c    how callers are found
 *   types.c     the user's symbol files: whether they belong to this kernel, and their types
 *   kld.c       modules, as the kernel's linker has them
 *   metadata.c  what the loader passes on: modules, environment, memory map
 *   boot.c      milestones, devices, mounts, consoles, processors, shutdown
 *   sysinit.c   each SYSINIT
 *   task.c      processes, threads, context switches
 *   script.c    scripts that shells read
 *   syscall.c   system calls
 *   trap.c      traps
 *   words.c     numbers by name, events in words
 */
#ifndef BOOTREEL_CORE_SYSTEMS_FREEBSD_IMPL_H
#define BOOTREEL_CORE_SYSTEMS_FREEBSD_IMPL_H

#include <string.h>

#include "core/systems/freebsd/freebsd.h"
#include "core/story/base.h"

/* Functions whose callees are reported: values of EV_KERNEL_CALL.parent. Other guest systems have other
 * numbers. */
enum fb_parent { FB_PARENT_HAMMER_TIME = 32, FB_PARENT_INIT386, FB_PARENT_END };

enum fb_state { FB_LOOKING, FB_FOUND, FB_GIVEN_UP };

/* A kernel's ELF header and program headers. */
struct fb_image {
    uint64_t physical;       /* address of the header; valid if has_physical */
    uint64_t base, end;      /* virtual: of the header, and behind the last segment */
    uint64_t text, text_end; /* the same of the code */
    uint64_t entry;          /* virtual */
    uint64_t dynamic;        /* virtual */
    uint64_t dynamic_size;
    unsigned word; /* bytes of its pointers: 8 or 4 */
    bool has_physical;
};

/* A header in physical memory, whose kernel's entry is probed. */
struct fb_candidate {
    struct fb_guest *fb;
    struct fb_image image;
    unsigned probe; /* 0: none */
};

/* Offsets of members; -1: not known. */
struct fb_layout {
    int p_list, p_pid, p_comm, p_threads, p_sysent, sv_names;
    int td_proc, td_tid, td_name, td_plist, td_frame;
    int dev_nameunit, dev_desc, dev_parent;
    int kld_filename, kld_address;
};

/* A symbol table as it is in the guest, copied. */
struct fb_symbols {
    uint8_t *entries;
    size_t count;
    char *strings;
    size_t size;
};

/* The addresses of a file's symbols: their values + bias. */
struct fb_range {
    uint64_t base, end, bias;
};

/* A module: a file that the kernel's linker holds. */
struct fb_kld {
    uint64_t object; /* struct linker_file */
    uint64_t base;
    const struct symbol_table *table; /* NULL: no symbols were found */
    char name[64];
};

struct fb_process {
    uint64_t proc; /* struct proc */
    uint32_t pid, parent;
    bool kernel; /* it shares the memory of process 0 */
    char comm[20];
};

struct fb_thread {
    uint64_t td; /* struct thread: not the first of its process */
    uint32_t tid, pid;
    char name[20];
};

/* A call of kern_execve that has not returned. */
struct fb_exec {
    uint64_t td;
    char *text; /* path and arguments */
};

/* A file system that is being mounted, or is. */
struct fb_mount {
    uint64_t mp; /* struct mount */
    char type[16], path[128];
};

enum { FB_GIVEN = 4, FB_CANDIDATES = 4, FB_TRIED = 16, FB_CPUS = 256, FB_COMM = 19 };
/* What is noticed after the kernel was found, once per kernel. */
enum fb_note { FB_NOTE_SYSINIT, FB_NOTE_EXEC, FB_NOTE_PROCESS, FB_NOTE_MODULE };

struct fb_guest {
    struct guest_base base;
    enum fb_state state;
    /* looking for it */
    struct fb_candidate candidates[FB_CANDIDATES];
    uint64_t tried[FB_TRIED]; /* addresses of instructions at whose events it was looked for last */
    unsigned ntried, tries;
    /* the kernel */
    struct fb_image image;
    const struct symbol_table *kernel;
    uint64_t metadata; /* physical address of the loader's metadata; 0: not known */
    char version[256]; /* the kernel's own words */
    uint32_t release;  /* osreldate; 0: not known */
    struct fb_layout layout;
    uint64_t pcpu[FB_CPUS]; /* the kernel's data of a processor; 0: not known */
    unsigned set_misses;    /* calls that were not found in the set of SYSINITs */
    uint32_t subsystem;     /* of the SYSINIT that was called last */
    struct fb_process *processes;
    size_t nprocesses;
    struct fb_thread *threads;
    size_t nthreads;
    struct fb_exec *execs;
    size_t nexecs;
    struct fb_mount *mounts;
    size_t nmounts;
    struct fb_kld *klds;
    size_t nklds;
    bool has_symtab;                            /* fb->kernel is the whole symbol table */
    const struct symbol_table *given[FB_GIVEN]; /* the user's files of this kernel */
    unsigned ngiven;
    bool first_seen, init_seen, panicked;
    bool resumed; /* it was found earlier in the run: of `threads`, only the numbers are known */
};

GUEST_ACCESS(fb, struct fb_guest);
/* Memory: the kernel's image can be read before it is mapped. */
extern const struct guest_base_ops fb_base_ops;

/* ---------------------------------------------------------------- access.c */

/* Whether an address can be one of the kernel's half. */
bool fb_is_kernel(const struct fb_guest *fb, uint64_t address);

/* The name of the symbol that is exactly there, or NULL. */
const char *fb_exact_name(const struct fb_guest *fb, uint64_t address);

/* Calls enter when the function is entered, leave (if not NULL) when it is left. NULL: there is no such function. */
struct hook *fb_hook(struct fb_guest *fb, const char *name, fb_enter *enter, fb_leave *leave);
/* fb_hook for a function that the story needs: a note says if it is missing. */
void fb_hook_needed(struct fb_guest *fb, const char *name, fb_enter *enter, fb_leave *leave);

/* ---------------------------------------------------------------- freebsd.c */

/* Reports what was noted, and which symbols or members' offsets are missing. */
void fb_say_notes(struct fb_guest *fb);

/* ---------------------------------------------------------------- the parts */

/* Looks for a kernel at an event of the instruction at `ip`. */
void fb_look(struct fb_guest *fb, uint64_t ip);
void fb_forget_candidates(struct fb_guest *fb);
/* Reads the header of a kernel at a physical address. False if it is none. */
bool fb_header_at(const struct fb_guest *fb, uint64_t address, struct fb_image *im);
/* The kernel was found: its header is in fb->image. `entered`: it is at its entry. */
void fb_take_kernel(struct fb_guest *fb, bool entered);
/* Adds the symbols of fb->image. False with a note if there are none. */
bool fb_image_symbols(struct fb_guest *fb);
/* Copies a symbol table of the guest: n entries, and their names. False: it cannot be read, or is no table. */
bool fb_symbols_read(const struct fb_guest *fb, uint64_t entries, size_t n, uint64_t strings, size_t size,
                     struct fb_symbols *s);
void fb_symbols_drop(struct fb_symbols *s);
/* Adds to a table how callers of its code are found, by the code in that range. */
void fb_add_frames(const struct fb_guest *fb, struct symbol_table *t, uint64_t from, uint64_t to);
/* fb_symbols_in counts the symbols that are in the range, fb_symbols_add adds them. Both return how many they
 * are. */
size_t fb_symbols_in(const struct fb_guest *fb, const struct fb_symbols *s, const struct fb_range *in);
size_t fb_symbols_add(const struct fb_guest *fb, struct symbol_table *t, const struct fb_symbols *s,
                      const struct fb_range *in);

/* Takes the offsets that the kernel has as constants for debuggers. */
void fb_layout_constants(struct fb_guest *fb);
/* fb_layout_types then takes those that the user's files have; fb_layout_derive finds the rest, once process
 * 0 exists. */
void fb_layout_types(struct fb_guest *fb);
void fb_layout_derive(struct fb_guest *fb);
/* Derives the offsets in struct linker_file from one of them. */
void fb_layout_kld(struct fb_guest *fb, uint64_t file);
/* Process 0 and its thread have names, and the thread its number: a SYSINIT gives them these. */
void fb_layout_named(struct fb_guest *fb);
/* A thread begins in the kernel: its frame is at that address. */
void fb_layout_frame(struct fb_guest *fb, uint64_t td, uint64_t frame);
/* A process makes a system call: which table of names it uses follows from one of its members. */
void fb_layout_sysent(struct fb_guest *fb, uint64_t proc);

/* The structures whose members are of interest. */
extern const char *const fb_structures[];
/* Which of the user's files are of the kernel that was found; others are refused, in a note. */
void fb_types_take(struct fb_guest *fb);
/* How many members these files have. */
size_t fb_types_count(const struct fb_guest *fb);

/* At the kernel's entry: where the metadata is, by the loader's arguments. */
void fb_metadata_at_entry(struct fb_guest *fb);
/* Takes the address from the kernel's own variable, if the entry was not seen. */
void fb_metadata_of_variable(struct fb_guest *fb);
/* Where the kernel's symbol table is, by the metadata; 0 if there is none. */
void fb_metadata_symbols(struct fb_guest *fb, uint64_t *begin, uint64_t *end);
void fb_metadata_report(struct fb_guest *fb);

void fb_boot_setup(struct fb_guest *fb);
void fb_sysinit_setup(struct fb_guest *fb);
void fb_task_setup(struct fb_guest *fb);
void fb_script_setup(struct fb_guest *fb);
void fb_syscall_setup(struct fb_guest *fb);
void fb_kld_setup(struct fb_guest *fb);
/* Adds the frames of the entries at the second place to which 32-bit kernels copy them. */
void fb_frames_setup(struct fb_guest *fb);
void fb_trap_setup(struct fb_guest *fb);
/* To be called while process 0 may join the list of processes. */
void fb_task_first(struct fb_guest *fb);

/* ---------------------------------------------------------------- task.c */

uint64_t fb_curthread(const struct fb_guest *fb); /* struct thread, or 0 if not known */
bool fb_task(struct fb_guest *fb, struct guest_task *t);
void fb_task_forget(struct fb_guest *fb);
/* See guest_system.retell. */
void fb_task_retell(struct guest *g, const struct event *ev);
/* The number that a thread goes by, and its process's. */
uint32_t fb_tid(const struct fb_guest *fb, uint64_t td, uint32_t *pid);
uint32_t fb_current_pid(const struct fb_guest *fb);
/* The process of a thread, or NULL if its creation was not seen. */
const struct fb_process *fb_process_of(struct fb_guest *fb, uint64_t td);

/* ---------------------------------------------------------------- words.c */

const char *fb_parent_name(unsigned parent);
/* "SI_SUB_VM", or NULL if that version has no such subsystem. */
const char *fb_subsystem_name(uint32_t release, uint32_t subsystem);
/* "T_PAGEFLT", or NULL. */
const char *fb_trap_name(uint32_t trap);
const char *fb_trap_words(uint32_t trap);
const char *fb_word_of(unsigned kind, unsigned field, uint64_t value);
bool fb_event_words(const struct event *ev, struct text *out);
/* Words for kinds of events that other systems make as well; this one is FreeBSD's. */
bool fb_own_words(const struct event *ev, struct text *out);

#endif

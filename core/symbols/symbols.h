/* symbols.h - names of addresses in the guest's kernel, modules and programs.
 *
 * A *table* holds the symbols of one file (kernel, module, program) at its link addresses. It never changes
 * once it is complete; equal tables are stored once, however often a program is executed. A *mapping* says
 * where and when a table applies: space, bias (what is added to link addresses), icounts. So every lookup
 * names a space and a position.
 *
 *   struct symbol_table *t = symbol_table_begin(s, "kernel", "kallsyms");
 *   symbol_table_add(t, "start_kernel", 0xffffffff81e00000, 0, 'T', 0);
 *   t = symbol_table_end(t);
 *   symbols_map(s, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL, .bias = kaslr});
 *
 * A trace keeps them as notes ("symbols.table", "symbols.lines", "symbols.frames", "symbols.members",
 * "symbols.types", "symbols.map", "symbols.unmap"): symbols_sink passes them on as they are made;
 * symbols_load reads all of a trace, after which lookups at any position work without running anything. Sizes
 * and biases are in bytes. All names belong to the table and are valid as long as it is.
 */
#ifndef BOOTREEL_CORE_SYMBOLS_SYMBOLS_H
#define BOOTREEL_CORE_SYMBOLS_SYMBOLS_H

#include "traces/trace.h"

/* A space: the addresses that symbols belong to. For a guest that was found (core/story/guest.h) it consists of the
 * guest's number, in the upper half, and an id in the lower: id 0 is its kernel, others are its processes
 * (tgid). The first guest found has number 0, so its kernel's space is 0, and a process's space is its tgid.
 * Symbols for the whole machine (firmware, loaders, --symbols) are in SPACE_KERNEL too. Negative spaces
 * belong to no guest. */
typedef int64_t symbol_space;
#define SPACE_KERNEL   ((symbol_space)0)
#define SPACE_PHYSICAL ((symbol_space)-1)
#define SPACE_ANY      ((symbol_space)-2)
static inline symbol_space symbol_space_of(unsigned guest, uint32_t id)
{
    return (symbol_space)((uint64_t)guest << 32 | id);
}
static inline unsigned symbol_space_guest(symbol_space space)
{
    return (unsigned)((uint64_t)space >> 32);
}
static inline uint32_t symbol_space_id(symbol_space space)
{
    return (uint32_t)space;
}
/* A process as people write it: "5", or "1:5" for process 5 of guest 1. The first is like snprintf; the
 * second parses it, and returns false if it is neither form. */
int symbol_space_text(symbol_space space, char *buf, size_t size);
bool symbol_space_parse(const char *text, symbol_space *space);
/* The kernel's space of the guest that the space belongs to; SPACE_KERNEL for a negative one. */
static inline symbol_space symbol_space_kernel(symbol_space space)
{
    return space < 0 ? SPACE_KERNEL : symbol_space_of(symbol_space_guest(space), 0);
}

enum symbol_flag {
    SYMBOL_ABSOLUTE = 1, /* the bias is not added (a per-cpu offset, a constant) */
    SYMBOL_SIZED = 2,    /* the size was given; otherwise the symbol extends to the next one */
};

/* A symbol as a lookup returns it: with its runtime address. */
struct symbol {
    const char *name;
    const char *module; /* the table's name: "kernel", "virtio_net", "/bin/busybox" */
    uint64_t address;
    uint64_t size; /* 0: not known */
    char type;     /* as nm(1): 't', 'T', 'd', 'b', 'A' …; '?' if not known */
    uint8_t flags;
};

struct symbols;
struct symbol_table;

struct symbols *symbols_new(void);
void symbols_free(struct symbols *s); /* NULL is allowed */

/* ---------------------------------------------------------------- making */

/* A new table. `name`: for display ("kernel", a module's name, a program's path); `source`: where the symbols
 * are from ("kallsyms", "module", "elf", "map", "page cache"). */
struct symbol_table *symbol_table_begin(struct symbols *s, const char *name, const char *source);
/* `address` is the link address. `size` is the symbol's size if `flags` has SYMBOL_SIZED; otherwise it is an
 * upper limit (the end of its section; 0: no limit). Names over 511 bytes are truncated. */
void symbol_table_add(struct symbol_table *t, const char *name, uint64_t address, uint64_t size, char type,
                      unsigned flags);
/* A row of a line table: from `address` on it is `file`:`line`; line 0 ends a sequence. */
void symbol_table_add_line(struct symbol_table *t, uint64_t address, const char *file, unsigned line);

/* How the caller of a function is found, from `address` on: the part of DWARF's call frame information that
 * compilers use. The canonical frame address (CFA) is what the stack pointer was before the call; registers
 * have their DWARF numbers. */
enum { FRAME_SAVED = 8, FRAME_UNKNOWN = 0xff };
enum symbol_frame_flag {
    FRAME_WIDE = 1,      /* 64-bit code; else 32-bit, with 4-byte return addresses */
    FRAME_SEGMENTED = 2, /* real-mode code: SP is relative to SS, return addresses to CS */
    FRAME_OUTERMOST = 4, /* there is no caller */
    /* The caller was interrupted: its address is not a return address; CS is above it, then EFLAGS. In 32-bit
     * code its stack pointer is above these if it was in another ring or in virtual 8086 mode; otherwise it
     * is the address above them. */
    FRAME_INTERRUPT = 8,
};
struct symbol_frame {
    uint64_t address;
    uint8_t base; /* register that the CFA is relative to; FRAME_UNKNOWN if nothing is known from here on */
    uint8_t flags;
    uint8_t nsaved;
    int32_t offset; /* CFA = base + offset */
    struct {
        uint8_t reg;
        int32_t offset; /* the register is saved at CFA + offset */
    } saved[FRAME_SAVED];
};
void symbol_table_add_frame(struct symbol_table *t, const struct symbol_frame *f);

/* Code at link addresses, and where in it interrupts enter. */
struct symbol_code {
    const void *bytes;
    size_t size;
    uint64_t address;
    bool narrow;                       /* 32-bit code; else 64-bit */
    const char *entries, *entries_end; /* symbols around the assembly that interrupts enter; NULL: none */
    /* Where there are no such symbols: whether code of that name is such an entry, and whether it has no
     * caller. NULL: names do not tell. */
    bool (*is_entry)(const char *name);
    bool (*is_outermost)(const char *name);
    const struct symbol_registers {
        int32_t depth;    /* bytes from the registers that an entry saves up to above RIP */
        int32_t saved[6]; /* where RBX, RBP, R12 to R15 are, from above RIP on; or EBX, EBP, ESI, EDI */
        int32_t sp;       /* the same of RSP */
    } * registers;        /* NULL if there are no entries */
};
/* Adds frames for all functions of a table that are in this code, which needs neither tables nor frame
 * pointers: what each instruction does to the stack is followed along every path. To be called before
 * symbol_table_end, on a table without frames. In a compiler's code all frames are found, except in functions
 * that make room for arrays of variable size and have no frame pointer. Cost: 0.1 s for the 2 MB of a
 * hypervisor. */
void symbol_table_deduce_frames(struct symbol_table *t, const struct symbol_code *code);

/* A member of a structure in the table's file: proc, p_pid. Offset and size are in bytes; size 0: not
 * known. */
struct symbol_member {
    const char *type, *name;
    uint32_t offset, size;
};
/* Adds a member; one that the table has already stays as it is. `kind`: where it is from, "DWARF" or
 * "CTF". */
void symbol_table_add_member(struct symbol_table *t, const struct symbol_member *m, const char *kind);
/* From now on, tables of ELF files of this EI_OSABI get the members of the structures of these names (the
 * list ends with NULL; it and the names must outlive `s`). They are from DWARF, or from CTF as FreeBSD's
 * kernels have it (.SUNW_ctf). */
void symbols_want_members(struct symbols *s, unsigned osabi, const char *const *structures);

/* The types of the Linux kernel whose _text is at that address, as BTF in *btf and *n, if a file with its
 * DWARF was given (--symbols). Returns that file's table; NULL if there is none. */
const struct symbol_table *symbols_types(const struct symbols *s, uint64_t text, const void **btf, size_t *n);

/* Completes the table: sorts it. Returns the table; if there already is an equal one, frees `t` and
 * returns that one. */
struct symbol_table *symbol_table_end(struct symbol_table *t);

struct symbol_mapping {
    const struct symbol_table *table;
    symbol_space space;
    uint64_t bias;         /* runtime address = link address + bias, modulo 2^64 */
    uint64_t begin, end;   /* runtime addresses that the table covers; both 0: all that it has symbols for */
    uint64_t since, until; /* icounts: since <= at < until. until 0: no end yet */
    uint64_t time;         /* guest time at `since`: for the note */
};

/* Adds a mapping, which is copied. Where mappings overlap, later ones take precedence. */
void symbols_map(struct symbols *s, const struct symbol_mapping *m);
/* Ends the open mappings of a table in a space (table NULL: of all tables there). */
void symbols_unmap(struct symbols *s, const struct symbol_table *t, symbol_space space, uint64_t at,
                   uint64_t time);

/* A process forks: the open mappings of space `from` are added to space `to`. */
void symbols_fork(struct symbols *s, symbol_space from, symbol_space to, uint64_t at, uint64_t time);

/* The lowest number of a guest that has symbols at this icount and is not below `from`; -1 if there is none (s may be NULL). */
long symbols_guest_from(const struct symbols *s, unsigned from, uint64_t at);

/* ---------------------------------------------------------------- asking */

#define SYMBOLS_NOW UINT64_MAX /* `at`: whatever is mapped last */

/* The symbol of that name; "module:name" looks in one table only. Of several with the same name it is the one
 * at the lowest address, functions first. A process's space is searched first, then its kernel's, then
 * SPACE_KERNEL. False if there is none. */
bool symbols_find(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                  struct symbol *sym);
/* The symbol of that name in this space only. */
bool symbols_find_in(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                     struct symbol *sym);
/* The next of the same name after `sym` (by address within the tables), to enumerate static
 * functions of one name. */
bool symbols_find_next(const struct symbols *s, symbol_space space, const char *name, uint64_t at,
                       struct symbol *sym);
/* Symbols by what people write (core/symbols/search.c): the name of one, or "module:name", as symbols_find; where there is none,
 * copies of that function which a compiler made (ring_push: ring_push.constprop.0); or the functions that a pattern (with *, ? or
 * [) matches. Parts of functions that are put apart (.cold) are only found by their whole name. `sym` has to be the one that the
 * call before filled in. Cost: a copy or a pattern takes a ms for each 100,000 symbols. */
enum symbol_search_how { SEARCH_BEGINS, SEARCH_EXACT, SEARCH_COPIES };
struct symbol_search {
    const struct symbols *s;
    symbol_space space;
    const char *text;
    uint64_t at;
    /* how far it is */
    enum symbol_search_how how;
    size_t map, entry;
};
struct symbol_search symbols_search(const struct symbols *s, symbol_space space, const char *text,
                                    uint64_t at);
bool symbols_search_next(struct symbol_search *q, struct symbol *sym);
/* Whether it is code that can be called, or a part of it that the compiler put apart (NAME.cold): not a number, and not the room that
 * compilers leave before a function (__pfx_NAME, __cfi_NAME), where nothing is executed. */
bool symbol_is_called(const struct symbol *s);
/* The same in one table, but only copies and by a pattern, with link addresses: from entry *next on, which is 0 at first. */
bool symbol_table_search(const struct symbol_table *t, const char *text, size_t *next, struct symbol *sym);
bool symbol_is_pattern(const char *text);
/* Whether a search for the text may find a symbol of that name. */
bool symbol_name_matches(const char *text, const char *name);
/* The length of a function's name without the suffix of a copy. */
size_t symbol_plain_length(const char *name);
/* The symbol that contains `address`, and the offset in it; `offset` may be NULL. */
bool symbols_at(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                struct symbol *sym, uint64_t *offset);
/* The symbol of this space only that contains `address`. */
bool symbols_at_in(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                   struct symbol *sym);
/* "name+0x12" or "name+0x12 [module]" (kernel: without module; offset 0: without offset) or
 * "0x…": like snprintf. */
int symbols_text(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at, char *buf,
                 size_t size);
/* File and line of an address. False if not known. */
bool symbols_line(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                  const char **file, unsigned *line);
/* Calls fn for each link address where code of that line begins; `file` may be the last parts of its path. */
void symbol_table_line_places(const struct symbol_table *t, const char *file, unsigned line,
                              void (*fn)(void *ctx, uint64_t address), void *ctx);
/* How the caller of the code at an address is found (f->address is the link address). False if not known. */
bool symbols_frame(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                   struct symbol_frame *f);

/* ---------------------------------------------------------------- going through */

/* A count of mappings added and ended: while it is the same, so are the answers for SYMBOLS_NOW. */
uint64_t symbols_changes(const struct symbols *s);
size_t symbols_mappings(const struct symbols *s);
const struct symbol_mapping *symbols_mapping(const struct symbols *s, size_t i);
size_t symbol_table_count(const struct symbol_table *t);
const char *symbol_table_name(const struct symbol_table *t);
const char *symbol_table_source(const struct symbol_table *t);
/* The symbol of that name, with its link address. False if there is none. */
bool symbol_table_find(const struct symbol_table *t, const char *name, struct symbol *sym);
/* The member of that name in a structure (or in an anonymous one in it). False if not known. */
bool symbol_table_member(const struct symbol_table *t, const char *type, const char *name,
                         struct symbol_member *m);
size_t symbol_table_members(const struct symbol_table *t);
void symbol_table_nth_member(const struct symbol_table *t, size_t i, struct symbol_member *m);
/* Where the members are from: "DWARF", "CTF", or "" if there are none. */
const char *symbol_table_members_from(const struct symbol_table *t);
/* The i-th by address, with its link address. */
void symbol_table_symbol(const struct symbol_table *t, size_t i, struct symbol *sym);

/* ---------------------------------------------------------------- ELF files (core/symbols/elf.c) */

/* Adds a table with the function and object symbols of an ELF image (.symtab, else .dynsym), and the members
 * that are wanted. `name` as in symbol_table_begin. With `lines` the DWARF line table and call frames too
 * (real mode's where DW_AT_producer says -m16). Returns the table, or NULL with err if it is not an ELF file,
 * is damaged, or has no symbols. The data is only needed during the call. */
struct symbol_table *symbols_add_elf(struct symbols *s, const char *name, const void *data, size_t size,
                                     bool lines, struct error *err);
/* Adds the symbols of an ELF file, with lines. NULL with err. */
struct symbol_table *symbols_add_elf_file(struct symbols *s, const char *path, struct error *err);
/* As symbols_add_elf() with lines, of a stripped program whose symbols are in another file (its debug information; NULL: none). */
struct symbol_table *symbols_add_stripped(struct symbols *s, const char *name, const void *data, size_t size,
                                          const char *path, struct error *err);
/* Whether a file is a list of symbols as nm(1) prints it: a Linux kernel's System.map. */
bool symbols_is_map(const char *path);
/* Adds a table with the symbols of such a list. NULL with err if it cannot be read, or a line is something
 * else. */
struct symbol_table *symbols_add_map_file(struct symbols *s, const char *path, struct error *err);
/* Whether a file is an ELF file with symbols. False, too, if it cannot be read. */
bool symbols_in_elf_file(const char *path);
/* An ELF image in memory. */
struct symbol_image {
    const char *name; /* the table's */
    const void *data;
    size_t size;
    /* NULL, or the functions (ended by NULL) that also execute at a second place, `rom_distance` higher: in a
     * ROM that is copied to memory. They get a table of their own, called `rom_name`. */
    const char *const *rom_functions;
    const char *rom_name;
    uint64_t rom_distance;
};
/* The XXH3 of the parts of an ELF file that were collected, and of their places in it. */
struct elf_identity {
    uint64_t low, high;
};
/* Collects what symbols_add_elf (without `lines`) and symbols_elf_base look at, a small part of a large program: `data` has `size` bytes
 * of zeros, and `read` is called for one part of the file after the other, which it puts at its place there. */
struct elf_identity symbols_elf_collect(void *data, size_t size,
                                        void (*read)(void *ctx, size_t offset, size_t n), void *ctx);
/* As symbols_add_elf() without lines, of what was collected; if the same was added under that name before, it is not read again. */
struct symbol_table *symbols_add_collected(struct symbols *s, const char *name, const void *data, size_t size,
                                           const struct elf_identity *id, struct error *err);
/* Link address of the first executable segment of an ELF image; -1 if it has none or is damaged. */
int symbols_elf_base(const void *data, size_t size, uint64_t *vaddr, uint64_t *offset);

/* ---------------------------------------------------------------- modules (core/symbols/module.c, files.c) */

/* Files with the symbols of modules that are loaded wherever there is room: ELF files that are linked at 0
 * (EDK II's .debug), PDB files, and folders in which both are looked for. */
struct symbol_files;
struct symbol_files *symbol_files_new(void);
void symbol_files_free(struct symbol_files *f); /* NULL is allowed */
/* Adds a file, or a folder with all files below it; of a folder, only names are read now. *fixed: whether it
 * is, or may be, a file whose symbols have addresses of their own. -1 with err if it cannot be read, or is
 * damaged. */
int symbol_files_add(struct symbol_files *f, const char *path, bool *fixed, struct error *err);
/* The file that was added for the Linux kernel's module of that name, which counts as used; NULL: there is none. */
const char *symbol_files_kernel_module(struct symbol_files *f, const char *name);
/* Adds the file of a program (symbols_is_program). */
void symbol_files_add_program(struct symbol_files *f, const char *path);
/* The file that was added of the program that is executed, as for symbols_same_program; NULL: there is none. */
const char *symbol_files_program(struct symbol_files *f, const void *data, size_t size);
/* The i-th file (not folder) that was added and that no module has used; NULL beyond the last. */
const char *symbol_files_unused(const struct symbol_files *f, size_t i);
/* Whether there are files that may be of a firmware's modules or of the machine's images: none of a kernel's modules or of programs. */
bool symbol_files_any_image(const struct symbol_files *f);
/* Files are looked for there, too, programs by their build-ids, UEFI modules as above (core/symbols/debug.h); NULL: nowhere. It has to outlive `f`. */
struct debug_info;
void symbol_files_also(struct symbol_files *f, struct debug_info *d);
/* Whether a module has used the file at that path. */
bool symbol_files_used(const struct symbol_files *f, const char *path);
/* Whether a file is a PDB, by its content or its name. */
bool symbol_file_is_pdb(const char *path);

/* A PE or TE image as it is in memory. */
struct symbol_module {
    const char *name;
    const char *file;  /* that of its file, if it is another one; NULL */
    const void *bytes; /* from its relative address 0 on: a TE image has something else there */
    size_t size;
    uint64_t base; /* of relative address 0 */
};
/* Adds a table of an image, at relative addresses. If `files` (NULL: none) has a file that the image's
 * CodeView record names, or that has the module's name or its file's, and it belongs to this very image, the table has its
 * functions and lines; otherwise one symbol, the module's name. Call frames are for 64-bit code: from the
 * image's exception directory, else from the file, else deduced. `warn` (or NULL) is called with a line for
 * each file that has the right name but cannot be used. NULL if the bytes are no image. Cost: some ms for 100
 * kB of code. */
struct symbol_table *symbols_add_module(struct symbols *s, const struct symbol_module *m,
                                        struct symbol_files *files, void (*warn)(void *ctx, const char *text),
                                        void *ctx);

/* The file that symbols_add_module() would take of an image, with what is added to the file's addresses to make them relative ones in *bias; *pdb:
 * whether it is a PDB file. It counts as used. NULL: there is none; `warn` as there. Cost: the headers of files with the right name. */
const char *symbol_files_of_image(struct symbol_files *f, const struct symbol_module *m, int64_t *bias,
                                  bool *pdb, void (*warn)(void *ctx, const char *text), void *ctx);

/* Whether an ELF file is a program that runs under a kernel, in an address space of its own (core/symbols/program.c); and whether it is at
 * its link addresses there. */
bool symbols_is_program(const char *path);
bool symbols_is_fixed_program(const char *path);
/* Whether a program's file is what was executed, stripped or not: `data` is its image, of which the headers have to be there. */
bool symbols_same_program(const char *path, const void *data, size_t size);

/* Where the kernel has put the sections of a module's file (".text"). */
struct symbol_sections {
    void *ctx;
    bool (*address)(void *ctx, const char *section, uint64_t *address); /* false: it is not in memory */
};
/* The name of the kernel module that an ELF file is (.ko). False if it is none. */
bool symbols_kernel_module(const char *path, char *name, size_t size);
/* Adds a table with the symbols and lines of such a file, at runtime addresses. NULL with err. */
struct symbol_table *symbols_add_relocatable(struct symbols *s, const char *name, const char *path,
                                             const struct symbol_sections *at, struct error *err);
/* Whether such a table is of the same build as the symbols that the kernel has of the module. */
bool symbols_same_build(const struct symbol_table *file, const struct symbol_table *module);

/* Adds a table with some functions of another, their lines and frames, at addresses that are higher by
 * `distance`. Functions that are not found are left out. */
struct symbol_table *symbols_add_copy(struct symbols *s, const char *name, const struct symbol_table *from,
                                      const char *const *functions, uint64_t distance);

/* Follows the symbols of a SeaBIOS's ELF file to where it has moved the code of its initialization (maininit() and what it calls), by what it says on
 * its debug console: those that are mapped already get a second mapping from that moment on. Traces read by symbols_load() have that done.
 * Cost: none without such symbols, else a pass over the console's events. */
void symbols_follow_seabios(struct symbols *s, struct trace *t);

/* ---------------------------------------------------------------- code without tables (core/symbols/follow.c) */

/* 64-bit code that a kernel generates while it runs (BPF programs, trampolines) has neither names nor call frames.
 * Its instructions show its caller: they are followed from `pc` to the end of the function. */
enum { FOLLOW_REGISTERS = 16 };
struct symbol_follow {
    uint64_t pc;
    uint64_t reg[FOLLOW_REGISTERS]; /* by the processor's numbers: 4 is RSP, 5 RBP */
    uint16_t known;                 /* a bit for each register whose value is known */
    void *ctx;
    /* Reads code and the stack. Returns how many of the n bytes there are. */
    size_t (*read)(void *ctx, uint64_t address, void *buf, size_t n);
    bool (*inside)(void *ctx, uint64_t address); /* whether a jump to that address is to be followed */
};
enum symbol_way {
    FOLLOW_NOWHERE, /* no path leads to an end: nothing has changed */
    FOLLOW_RETURNS, /* to pc, with these registers */
    FOLLOW_LEAVES,  /* by a jump to pc, which is not inside */
};
/* Cost: up to 8,192 instructions, some 0.1 ms. */
enum symbol_way symbols_follow(struct symbol_follow *f);

/* ---------------------------------------------------------------- for a debugger (core/symbols/elf_write.c) */

/* The type information (BTF) of a table: of a kernel, or of one of its modules, whose types continue the kernel's. */
struct symbol_types {
    const char *table; /* its name: "kernel", "virtio_net" */
    const void *btf;
    size_t size;
};
/* The kernel's come first; n is 0 if there are none. */
struct symbol_types_set {
    const struct symbol_types *list;
    size_t n;
    symbol_space space; /* of the tables */
    /* Reads code as it was when it ran, from which it is deduced how long arguments stay in registers.
     * Returns how many of the n bytes it has. */
    size_t (*read)(void *ctx, uint64_t address, void *buf, size_t n);
    void *ctx;
};

/* The symbols of a space as an ELF-64 file, with lines and call frames, all at their runtime addresses.
 * SPACE_ANY: of the kernels of all guests; a kernel's space: of the other kernels too, but only of their
 * code. It has whatever was mapped at any time; of several tables of the same name, the last. With `types`
 * (or NULL) it has types, the prototypes of functions, and the variables whose type is known as well. To be
 * freed; NULL if the space has no symbols, or the host no memory for the file. Cost: some tens of milliseconds for a kernel, and 0.2 s for its
 * types. */
void *symbols_elf(const struct symbols *s, symbol_space space, const struct symbol_types_set *types,
                  size_t *size);
/* The same of SPACE_ANY, but only what no debug information tells more of (core/symbols/debug.h), which a debugger reads from the files
 * themselves. */
void *symbols_elf_rest(const struct symbols *s, size_t *size);

/* ---------------------------------------------------------------- in a trace (core/symbols/note.c) */

/* From now on, new tables, mappings and the ends of mappings are passed to fn as notes (fn may be NULL). A
 * note has the icount and time of the mapping. A table comes before its first mapping; a large one takes
 * several notes. */
void symbols_sink(struct symbols *s, void (*fn)(void *ctx, const struct trace_note *note), void *ctx);
/* Processes a note; those that are not about symbols are ignored. -1 if it is damaged. */
int symbols_take_note(struct symbols *s, const struct trace_note *note, struct error *err);
/* All symbols of a trace. NULL on error. */
struct symbols *symbols_load(struct trace *t, struct error *err);

#endif

/* debug.h - debug information in files (DWARF): which file belongs to what a guest runs, and what it says of an address.
 *
 *   struct debug_info *d = debug_info_new();
 *   debug_info_add(d, "/usr/lib/debug", &err);
 *   const char *path = debug_info_find(d, &id, "vmlinux");
 *   struct debug_file *f = path ? debug_file_open(d, path, &at, &err) : NULL;
 *   symbols_add_debug(s, &(struct symbol_debug){.file = f, .space = SPACE_KERNEL, .begin = text, .end = end});
 *   n = symbols_places(s, space, address, icount, place, PLACES);
 *
 * Build-ids decide what belongs together. A file is opened where the first address in it is asked for, and of it only the units with such
 * addresses are read. Any number of threads may ask. What is asked of `struct symbols` (lines, places) is the files' once they are added; names
 * of functions stay those of the tables. Files that are damaged say nothing.
 */
#ifndef BOOTREEL_CORE_SYMBOLS_DEBUG_H
#define BOOTREEL_CORE_SYMBOLS_DEBUG_H

#include "core/symbols/symbols.h"

/* What a linker writes into a program, and what separate debug information of that program has too. */
enum { BUILD_ID_MAX = 32, BUILD_ID_TEXT = 2 * BUILD_ID_MAX + 1 };
struct build_id {
    uint8_t n; /* bytes; 0: none is known */
    uint8_t bytes[BUILD_ID_MAX];
};
/* The first build-id in notes (NT_GNU_BUILD_ID; System V ABI, gABI "Note Section"). False if there is none. */
bool build_id_in_notes(const void *notes, size_t n, struct build_id *id);
/* The first build-id in any bytes from *at on, which becomes where to look for the next. False if there is none. */
bool build_id_in_image(const void *bytes, size_t n, size_t *at, struct build_id *id);
/* That of an ELF file, or of an image of its first pages. False if it has none. */
bool build_id_of_file(const char *path, struct build_id *id);
bool build_id_of_elf(const void *data, size_t size, struct build_id *id);
/* As lowercase digits. Returns buf. */
const char *build_id_text(const struct build_id *id, char buf[BUILD_ID_TEXT]);

/* ---------------------------------------------------------------- where to look */

struct debug_info;
struct debug_info *debug_info_new(void);
/* Frees it and the files that were opened for it, which no symbols may ask any more. NULL is allowed. */
void debug_info_free(struct debug_info *d);
/* A file (with DWARF, or PDB), a folder with all files below it, or the word "debuginfod" (the servers in $DEBUGINFOD_URLS, by elfutils'
 * libdebuginfod, which keeps what it fetches). -1 with err if it cannot be read. Cost: of a folder, nothing yet. */
int debug_info_add(struct debug_info *d, const char *where, struct error *err);
/* OLD=NEW: source paths that begin with OLD begin with NEW instead. */
int debug_info_map_source(struct debug_info *d, const char *map, struct error *err);
/* Sentences about what does not fit, without a full stop. The same one is said once. */
void debug_info_on_words(struct debug_info *d, void (*say)(void *ctx, const char *text), void *ctx);
void debug_info_say(struct debug_info *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The file with that build-id; NULL if there is none. `name` is what to ask for, in words. Valid as long as `d`. Cost: one open file if a folder
 * is laid out by build-ids (.build-id/ab/cdef.debug), as /usr/lib/debug is; otherwise, once, the beginning of every file in it (some 30 us
 * each); debuginfod: a download. */
const char *debug_info_find(struct debug_info *d, const struct build_id *id, const char *name);
/* A file whose name without folder and ending is that, whatever its build-id; NULL if there is none. '-' and '_' are the same. */
const char *debug_info_named(struct debug_info *d, const char *name);
/* The files among them that may belong to images of PE or TE form (UEFI's modules): PDB, and ELF files linked at 0. Valid as long as `d`. Cost: the
 * names of all files in the folders, once. */
struct symbol_files *debug_info_modules(struct debug_info *d);
/* A file that was given by its name and that nothing was found for: the i-th; NULL beyond the last. */
const char *debug_info_unused(const struct debug_info *d, size_t i);

/* ---------------------------------------------------------------- files */

struct debug_file;
/* Where a file's code is. */
struct debug_at {
    uint64_t bias; /* runtime address = address in the file + bias */
    const struct symbol_sections *
        rel; /* a relocatable file (a Linux module): where its sections are; only used in the call; else NULL */
};
/* Says where a file is; it is opened when it is first asked. NULL with err if it has no debug information, or is no ELF file. */
struct debug_file *debug_file_open(struct debug_info *d, const char *path, const struct debug_at *at,
                                   struct error *err);
/* The address of the first executable segment in a file that is not relocatable. False if there is none. */
bool debug_file_base(const char *path, uint64_t *address);
/* Whether the file's own type is "executable": an x86 kernel's, but no shared object's. */
bool debug_file_is_fixed(const char *path);

/* A function at an address, and the line there: of an inlined function's caller that of the call. */
struct debug_place {
    const char *function; /* NULL: not known */
    const char *file;     /* NULL: not known */
    unsigned line;
    bool inlined;           /* into the next place */
    const char *begin_file; /* where the function is defined; NULL: not known */
    unsigned begin_line;
};
enum { DEBUG_PLACES = 16 };

/* A file whose code is at runtime addresses begin <= address < end of a space, at icounts since <= at < until (0: no end). */
struct symbol_debug {
    struct debug_file *file;
    const struct symbol_table *table; /* what it tells more of; NULL: of a program without symbols */
    symbol_space space;
    uint64_t begin, end, since, until;
};
void symbols_add_debug(struct symbols *s, const struct symbol_debug *debug);
/* The i-th that was added, in order; NULL beyond the last. */
const struct symbol_debug *symbols_debug(const struct symbols *s, size_t i);
/* Forgets all. */
void symbols_drop_debug(struct symbols *s);
/* Of a file: its path; what is added to its addresses; whether its sections have addresses of their own instead (a Linux module). */
const char *debug_file_path(const struct debug_file *f);
uint64_t debug_file_bias(const struct debug_file *f);
bool debug_file_is_relocatable(const struct debug_file *f);
/* The functions at an address, the innermost first: those that were inlined, and the one with code of its own. 0 if no debug information has the
 * address; symbols_line() may still know its line. At most `max`. Cost: some 0.1 ms where nothing was asked in that unit before some ms. */
size_t symbols_places(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at,
                      struct debug_place *place, size_t max);
/* " at fs/read_write.c:481", and " (new_sync_read at fs/read_write.c:400, inlined)" of the innermost function where it was inlined; "" if the debug
 * information has no line there. The first is of the function that symbols_text() names. Like snprintf. */
int symbols_source_text(const struct symbols *s, symbol_space space, uint64_t address, uint64_t at, char *buf,
                        size_t size);

#endif

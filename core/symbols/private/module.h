/* module.h - what the files that read the symbols and frames of PE images share. Private to core/symbols/. */
#ifndef BOOTREEL_CORE_SYMBOLS_MODULE_H
#define BOOTREEL_CORE_SYMBOLS_MODULE_H

#include "core/symbols/pe.h"
#include "core/symbols/private/impl.h"

/* An image as it is in memory. `bytes` begins at its relative address 0, which is at `base`. */
struct module {
    const struct pe_image *pe;
    const uint8_t *bytes;
    size_t size;
    uint64_t base;
    const char *file; /* its file's name; NULL: as the module's */
};

/* pe_frames.c: adds the frames of the image's exception directory. At most so many functions are read. */
enum { PE_FUNCTIONS_MAX = 1 << 17 };
void pe_add_frames(struct symbol_table *t, const struct module *m);
/* The function of the i-th entry of the directory; false beyond the last. */
bool pe_function(const struct module *m, uint32_t i, uint32_t *begin, uint32_t *end);

/* starts.c: adds a symbol without a name at the start of each function that the image's code itself shows. */
void pe_add_starts(struct symbol_table *t, const struct module *m);

/* interrupts.c: adds the frames of code that interrupts enter. */
void pe_add_interrupts(struct symbol_table *t, const struct module *m);

/* frame.c: adds the frames of `more` where t, whose frames need not be in order, has none. */
void symbol_table_merge_frames(struct symbol_table *t, struct symbol_table *more);

/* elf.c, pdb.c: add what a file has to a table that is not complete. -1 with err if it is damaged. */
struct elf_about {
    unsigned machine; /* EM_ */
    bool movable;     /* a shared object */
    uint64_t entry;
    uint64_t code;   /* where its first section with code is */
    uint64_t lowest; /* lowest address of a section that is loaded */
};
int symbols_elf_about(const char *path, struct elf_about *about, struct error *err);
int symbol_table_read_elf_file(struct symbol_table *t, const char *path, struct error *err);
struct pdb_about {
    uint8_t guid[16];
    uint32_t age;
};
int symbols_pdb_about(const char *name, const uint8_t *p, size_t n, struct pdb_about *about,
                      struct error *err);
int symbol_table_read_pdb(struct symbol_table *t, const char *name, const uint8_t *p, size_t n,
                          struct error *err);

/* files.c: adds to t, which is not complete, what the image's symbol file has. False if there is no such
 * file. */
bool symbol_files_read(struct symbol_files *f, struct symbol_table *t, const struct module *m,
                       void (*warn)(void *ctx, const char *text), void *ctx);

#endif

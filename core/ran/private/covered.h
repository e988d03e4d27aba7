/* covered.h - what a coverage is made of, and the note that keeps one in a trace. Private to core/ran/. */
#ifndef BOOTREEL_CORE_RAN_COVERED_H
#define BOOTREEL_CORE_RAN_COVERED_H

#include "base/hash_index.h"
#include "core/ran/coverage.h"
#include "traces/trace.h"

enum { COVERED_PAGE = 4096, COVERED_WORDS = COVERED_PAGE / 64 };

/* The code of one page of a module: a bit for each byte that was executed, and for each at which a block begins. */
struct code_of {
    uint32_t module;
    uint64_t page; /* link address */
    uint64_t byte[COVERED_WORDS], begin[COVERED_WORDS];
};

struct module {
    struct coverage_module m;
    const struct symbol_table *table; /* NULL: no symbols */
    const struct symbol_table *lines; /* NULL: those of `table` */
    char *name;
    uint64_t since; /* of the mapping that `bias` is from */
    struct coverage_function *function;
    struct coverage_initcall *initcall;
};

struct coverage {
    struct module *module;
    size_t nmodules;
    struct code_of *code;
    size_t ncode, capcode;
    struct hash_index by_page;
};

/* The number of a module, which is added if it is new. */
uint32_t covered_module(struct coverage *c, const char *name, const struct symbol_table *table);
/* Bytes [address, address + n) of a module were executed; or, with `minus`, do not count. */
void covered_mark(struct coverage *c, uint32_t module, uint64_t address, uint32_t n, bool begins, bool minus);
void covered_initcall(struct module *m, const struct coverage_initcall *one);

/* ---------------------------------------------------------------- the note (core/ran/coverage_note.c) */

/* Adds what the trace's notes say that it executed; or, with `minus`, takes it away. 1: done; 0: the trace has no such note for these symbols;
 * -1 with err. */
int coverage_from_note(struct coverage *c, struct trace *t, const struct symbols *s, bool minus,
                       struct error *err);

#endif

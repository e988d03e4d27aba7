/* coverage.h - which code of a boot was executed: functions, blocks and source lines of kernels, modules, programs, loaders and firmware.
 *
 * The whole run is run again in parts, on several processors, while the engine reports code that it executes for the first time
 * (engine_ops.codes). What is found is kept by *module*, the table of symbols that the code belongs to, at link addresses: so boots of one
 * kernel can be added and subtracted wherever the kernel was loaded. Code without symbols is kept by the program that ran it, or as code of
 * the machine, at its linear addresses. */
#ifndef BOOTREEL_CORE_RAN_COVERAGE_H
#define BOOTREEL_CORE_RAN_COVERAGE_H

#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "core/symbols/symbols.h"

struct coverage_options {
    struct trace *trace;
    const struct engine_kind *kind;
    const struct symbols *symbols; /* the trace's; they must outlive the coverage */
    unsigned jobs;
    struct jobs_front front;
};

struct coverage;
struct coverage *coverage_new(void);
void coverage_free(struct coverage *c); /* NULL is allowed */
/* Adds what a boot executed; or, with `minus`, takes it away. -1 with err. Cost: a replay, and decoding its code anew after each
 * checkpoint; or, where the trace has it in notes, reading these. */
int coverage_add(struct coverage *c, const struct coverage_options *o, bool minus, struct error *err);
/* Whether the trace has its coverage by these symbols in notes. A damaged note counts as none. */
bool coverage_is_noted(struct trace *t, const struct symbols *s);
/* Before coverage_finish(): what one trace executed, as notes at its end. The array and each note's data are to be freed. */
size_t coverage_to_notes(const struct coverage *c, struct trace *t, const struct symbols *s,
                         struct trace_note **notes);
/* Modules by name; functions in them by address. */
void coverage_finish(struct coverage *c);

struct coverage_function {
    const char *name;
    uint64_t address, size; /* link address */
    uint64_t bytes;         /* executed */
};
struct coverage_block {
    uint64_t address; /* link address */
    uint32_t bytes;
};
struct coverage_initcall {
    uint64_t address; /* link address */
    const char *name, *level;
    bool ran;
};
struct coverage_module {
    const char *name;
    bool symbols; /* false: code without symbols, at linear addresses */
    const struct coverage_function *function;
    size_t nfunctions, executed;              /* of the functions */
    const struct coverage_initcall *initcall; /* of a Linux kernel, by address */
    size_t ninitcalls;
    uint64_t bytes; /* executed */
    uint64_t bias;  /* where it was first: runtime address = link address + bias */
};
size_t coverage_modules(const struct coverage *c);
const struct coverage_module *coverage_module(const struct coverage *c, size_t i);
/* Whether one of n bytes at a link address of a module was executed. */
bool coverage_has(const struct coverage *c, size_t module, uint64_t address, uint64_t n);
/* Calls fn for each block that was executed, by address. */
void coverage_blocks(const struct coverage *c, size_t module,
                     void (*fn)(void *ctx, const struct coverage_block *b), void *ctx);

/* ---------------------------------------------------------------- writing (core/ran/coverage_write.c) */

struct coverage_format {
    const char *name;
    bool binary;
    /* `all`: with the names of all functions that never ran. -1 with err: it cannot be written of this boot. */
    int (*write)(const struct coverage *c, bool all, FILE *out, struct error *err);
};
/* "text", "lcov", "drcov", "html"; NULL: none of that name. */
const struct coverage_format *coverage_format(const char *name);
/* The table with a module's lines of source; NULL: it has none. */
const struct symbol_table *coverage_lines(const struct coverage *c, size_t module);
/* After coverage_finish(): a file's lines are those of each module with its functions at its addresses. Returns how many modules these are. The
 * table must outlive the coverage. */
size_t coverage_give_lines(struct coverage *c, const struct symbol_table *file);

#endif

/* jit.h - hot blocks compiled to host code. Private to hv/x86.
 *
 * A compiled region is the handler of the op that it begins at (op->fn): the interpreter enters it without
 * knowing, and it leaves to the interpreter's handlers by jumping to them. docs/compiler.md says how it works
 * and why it is exact. Without BOOTREEL_COMPILER (another host, sanitizers) the functions do nothing. */
#ifndef BOOTREEL_HV_X86_JIT_JIT_H
#define BOOTREEL_HV_X86_JIT_JIT_H

#include "hv/x86/cpu.h"

#if defined(__x86_64__) && defined(__linux__) && !defined(BOOTREEL_NO_TAIL) && !defined(BOOTREEL_NO_COMPILER)
#define BOOTREEL_COMPILER 1
#endif

struct jit;
struct region;

/* A block is compiled when it is entered for the n-th time: host->compile_after, or a default. NULL if
 * nothing will be compiled, because that is not wanted or the host allows no memory for code. */
struct jit *jit_create(const struct engine_host *host);
void jit_destroy(struct jit *);
/* In a child of fork(), which would share the memory for code with its parent: gives it a copy at the same addresses. -1: the host has no
 * memory for it. */
int jit_forked(struct jit *);
/* All blocks are gone. */
void jit_reset(struct jit *);
/* A block was made: count how often it is entered. */
void jit_watch(struct jit *, struct block *);
/* The block is about to be dropped: so is what was compiled from it. */
void jit_block_dropped(struct physmem *, struct block *);
/* All blocks of the page are about to be dropped. */
void jit_page_dropped(struct physmem *, struct code_page *);
/* The block is about to be executed in part: until jit_release() the interpreter executes it. */
void jit_hold(struct x86 *, struct block *);
void jit_release(struct x86 *);
/* The block was not executed in this period: until jit_block_noted() compiled code that jumps to it is left to its first handler. */
void jit_block_unnoted(struct block *);
void jit_block_noted(struct block *);
/* Executes from this op on until a handler returns to the dispatcher. */
void jit_enter(const struct jit *, struct x86 *, const struct op *);
/* Is this compiled code? Is the block's op compiled where its block is hot? */
bool jit_has(const struct jit *, op_fn *);
bool jit_compiles(struct jit *, const struct block *, const struct op *);
/* Is there no more room for code? The dispatcher then flushes all code. */
bool jit_full(const struct jit *);
/* The memory that compiled code takes, in bytes. */
size_t jit_used(const struct jit *);

#endif

/* make.h - between the files that make sequences: a sequence in the making, and what is added to it.
 *
 * make.c adds units, flow.c branches, joins, loops and calls; sequence.c makes the whole.
 */
#ifndef BOOTREEL_TESTS_NATIVE_MAKE_H
#define BOOTREEL_TESTS_NATIVE_MAKE_H

#include "tests/native/sequence.h"

enum { STYLES = 5, STYLE_PLAIN = 4, READ_ONLY = DATA_BASE + 5 * PAGE };

struct maker {
    struct sequence *q;
    struct rng r;
    unsigned style;
    struct state s; /* at `at`, if `live` */
    struct judged j;
    uint32_t at, limit; /* where the next unit goes, and where units must end */
    uint32_t held;      /* registers that have to stay */
    uint32_t focus;     /* the pointer that many accesses go through, as a bit; 0: none */
    uint32_t function;  /* where it ends, if there is one; else 0 */
    bool live;          /* what comes next is executed */
    bool ended;         /* by a fault: nothing more is executed */
};

/* ---- make.c ---- */

/* The bytes of a unit of the sequence, or NOPs. */
void maker_write(struct sequence *, unsigned unit);
void maker_clear(struct sequence *, uint32_t at, unsigned n);
bool maker_add(struct maker *, const struct unit *);
void maker_remove_last(struct maker *);
/* Adds a unit; if it would be executed, runs it up to `end` (0: to its own end), or takes it back. */
bool maker_try(struct maker *, const struct unit *, uint64_t end);
/* Runs on to `end`. False if that cannot be; then everything is as before. */
bool maker_run(struct maker *, uint64_t end);
/* Add a unit of one instruction that is given by its bytes: add_bytes as maker_try(), add_step runs no
 * further than this unit. */
bool add_bytes(struct maker *, const uint8_t *, unsigned n, uint64_t end);
bool add_step(struct maker *, const uint8_t *, unsigned n);

/* Prefixes for an operand size of 32 bits. */
unsigned put_prefix(uint8_t *, unsigned bits);
/* A move of a number to a register, as part of a unit. */
void unit_move(struct unit *, unsigned bits, unsigned reg, uint64_t);
/* A unit of one instruction that is given by its bytes, after what is in the unit already. */
void unit_finish(struct unit *, unsigned bits, const uint8_t *, unsigned n);

bool is_good_pointer(uint64_t);
/* Good, or to where memory can only be read. */
bool is_pointer(uint64_t);
void choose_focus(struct maker *);

bool add_random(struct maker *);
/* One unit of long NOPs up to an address: a region has only so many instructions. */
void add_padding(struct maker *, uint32_t end);
/* An instruction that depends on flags. */
void add_reader(struct maker *);
/* ADD or SUB of a small number, to a pointer. */
void add_advance(struct maker *);
/* Another pointer comes into the register of the focus. */
void add_mix(struct maker *);
/* Accesses through a small number and a long displacement, before and after an instruction that changes it. */
void add_small_base(struct maker *);
/* A gather, with small indices and most often of all elements. */
void add_gather(struct maker *);

/* ---- flow.c ---- */

void add_branch(struct maker *);
void add_joined(struct maker *);
void add_loop(struct maker *);
void add_calls(struct maker *);

#endif

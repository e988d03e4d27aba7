/* impl.h - what the files of core/origin share. Private to them.
 *
 *   decode.c  instructions by capstone: which registers they write; registers' names
 *   search.c  the step that wrote a place last
 *   far.c     … of registers that were not written for long
 *   moment.c  what one step did: the machine before and after it
 *   inputs.c  what the written bytes are made of
 *   vector.c  … by instructions on vector registers, and those that save and restore many registers
 *   operands.c  an instruction's operands as inputs
 *   source.c  the names of sources
 *   items.c   … fw_cfg's items, frames, variables in flash, the display
 *   origin.c  the chain
 *   check.c   flips of sources
 *   places.c  places on the screen and on consoles
 *   history.c  the writes that made a block
 *   history_map.c  … and those that took a byte from a memory map
 */
#ifndef BOOTREEL_CORE_ORIGIN_IMPL_H
#define BOOTREEL_CORE_ORIGIN_IMPL_H

#include "base/text.h"
#include "core/insn/insn.h"
#include "core/origin/origin.h"
#include "core/story/explain.h"
#include "core/story/processes.h"
#include "core/story/running.h"
#include "core/views/views.h"

enum { REGS_MOST = 160, WRITES_MOST = 24, STACK_BYTES = 160 };

/* Bytes of a register. */
struct reg_part {
    int reg; /* -1: not a register that can be followed */
    uint8_t low, n;
};

/* An instruction as a search needs it. */
struct code_entry {
    uint64_t pc, tables; /* tables: CR3 */
    uint8_t bytes[INSTRUCTION_BYTES], nbytes;
    uint8_t length; /* 0: no instruction */
    bool used;
    bool flows;       /* it can go elsewhere than to the next one */
    bool repeats;     /* REP: a step of it may leave it where it was */
    uint16_t adjusts; /* general registers, a bit each, to which it only adds a constant: PUSH, INC, LODS … */
    uint8_t nwrites;
    struct reg_part write[WRITES_MOST];
};
enum { CODE_ENTRIES = 4096 };

struct last_write {
    bool found, device, too_far;
    uint64_t looked;   /* for a register: at how many steps */
    unsigned places;   /* … and before these at how many positions: its value was the same at all of them */
    uint64_t adjusted; /* later steps that only added a constant, and were passed over */
    uint64_t icount;
    unsigned cpu;
    uint64_t address; /* memory: where the write begins (by a device: physical) */
};

/* The result of a search in memory: the last write to these bytes before `icount`. It stays true, as the
 * recorded run does not change. */
struct known_write {
    uint64_t physical, icount;
    unsigned n; /* 0: nothing is known here */
    struct last_write write;
};
enum { KNOWN_WRITES = 1024 };

struct origin {
    struct timeline *tl;
    const struct symbols *symbols;
    struct processes *processes;
    struct view_orc *orc;
    struct trace_explainer *explainer;
    struct insn_decoder decoder;
    const cs_insn *insn;
    const struct reg_desc *regs;
    size_t nregs;
    int gpr[16], rip, eflags, cr3, ss_base; /* indexes of registers */
    int xmm[16], ymmh[16];
    struct reg_part *part; /* by capstone's numbers */
    struct code_entry *code;
    struct known_write *known; /* KNOWN_WRITES, by turns */
    size_t nknown;
    struct seen_image *image;
    size_t nimages;
    struct efi_flash **flash; /* source_flash.c: of the images that are firmware */
};

/* In the order of instruction codes (SDM volume 2, table 2-2). */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* ---------------------------------------------------------------- origin.c */

/* "swapper/0 (0)", "SMM", or "": whose processor it is here, to be freed. o->processes is at this position. */
char *origin_who(struct origin *o, unsigned cpu);

/* ---------------------------------------------------------------- history.c */

/* "e820__update_table from trim_bios_range from setup_arch". To be freed. */
char *history_callers(struct origin *o, const struct timeline_hit *hit);
/* The function at `pc`, without an offset, to be freed; "" if none is known. `guess` adds a question mark. */
char *history_function(struct origin *o, symbol_space space, uint64_t pc, uint64_t icount, bool guess);
/* The last time before `icount` that n bytes were copied here as a whole: from where, and the first and last step. -1 with err. */
struct history_copy {
    bool found;
    uint64_t from, first, last;
};
int history_copied(struct origin *o, uint64_t physical, uint64_t n, uint64_t icount,
                   struct history_copy *copy, struct error *err);
/* The space of the symbols of what runs at a hit. */
symbol_space history_space(struct origin *o, const struct timeline_hit *hit);

/* ---------------------------------------------------------------- decode.c */

int decode_open(struct origin *o, struct error *err);
void decode_close(struct origin *o);
/* Decodes n bytes; the result is o->insn, with details. False if there is no instruction. */
bool origin_decode(struct origin *o, unsigned bits, const uint8_t *bytes, size_t n, uint64_t ip);
/* The part of a machine's register that one of capstone's registers stands for. */
struct reg_part decode_part(const struct origin *o, unsigned reg);
/* By name ("eax", "xmm3", "cr3"); reg -1 if there is none. */
struct reg_part decode_named(const struct origin *o, const char *name);
/* The instruction at `pc` on that processor now. Cached. */
const struct code_entry *code_at(struct origin *o, unsigned cpu, uint64_t pc);

/* ---------------------------------------------------------------- search.c */

/* A place whose physical addresses are known. */
struct where {
    struct origin_place place;
    uint64_t physical[2];
    unsigned first; /* bytes at physical[0]; the others are at physical[1] */
};
/* Fills *w with where a place is in memory now; false if it is not memory. */
bool where_is(struct origin *o, const struct origin_place *place, struct where *w);
/* Reads what is there now; zeros for what is not memory. */
void where_read(struct origin *o, const struct where *w, uint8_t value[ORIGIN_BYTES]);
/* How far back a register's last write is looked for. */
struct reach {
    uint64_t back;       /* in how many steps at most */
    unsigned places;     /* and then at how many positions; 0: not at all */
    bool past_adjusting; /* steps that only add a constant to it do not count */
};
/* The last step before `icount` that wrote a byte of the place. -1 with err. */
int search_last(struct origin *o, const struct where *w, uint64_t icount, const struct reach *reach,
                struct last_write *lw, struct error *err);
/* Whether a step to `next` was the delivery of an interrupt or exception, as far as the instruction tells. */
bool step_delivers(const struct code_entry *e, uint64_t pc, uint64_t next);

/* ---------------------------------------------------------------- far.c */

struct far_change {
    bool found;        /* between these positions it got its value */
    uint64_t from, to; /* not found: it had its value at `to` already */
    unsigned places;   /* positions that were looked at */
};
/* Where the whole register of a place got the value that it has at `icount`, as far as at most `places` checkpoints show it. -1
 * with err. */
int search_far(struct origin *o, const struct origin_place *p, uint64_t icount, unsigned places,
               struct far_change *c, struct error *err);

/* ---------------------------------------------------------------- moment.c */

struct memory_operand {
    bool there; /* it is memory; otherwise a device */
    uint64_t linear;
    unsigned n;
    uint8_t value[64];
};

struct moment {
    uint64_t icount, time;
    unsigned cpu, bits;
    uint64_t pc, ip, next; /* linear; offset in the segment; linear, after it */
    bool insn, delivered;
    unsigned length;
    uint8_t before[REGS_MOST][16], after[REGS_MOST][16];
    uint64_t sp, sp_after; /* linear addresses of the stack's top */
    uint8_t stack[STACK_BYTES];
    uint8_t was[ORIGIN_BYTES], is[ORIGIN_BYTES]; /* the place */
    struct memory_operand mem[8];                /* by operand of o->insn */
};
/* moment_before goes to `icount`, and looks at what the step from there is about to do; moment_after makes
 * that step: o->insn is its instruction. -1 with err. */
int moment_before(struct origin *o, const struct where *w, uint64_t icount, unsigned cpu, struct moment *m,
                  struct error *err);
int moment_after(struct origin *o, const struct where *w, struct moment *m, struct error *err);
uint64_t moment_reg(const struct origin *o, const struct moment *m, int reg);
uint64_t moment_gpr(const struct origin *o, const struct moment *m, unsigned n);

/* ---------------------------------------------------------------- inputs.c */

/* What was written: the bytes of memory or of a register that the search met. */
struct target {
    bool memory;
    uint64_t linear; /* as the processor that wrote sees it */
    int reg;
    unsigned low, n;
};

struct inputs {
    enum origin_how how;
    enum origin_source source;
    struct origin_operand operand[ORIGIN_OPERANDS_MAX];
    unsigned n;
    int follows;
    unsigned first, length; /* the target's bytes that these inputs are of; others were written by something
                             * else */
    bool same;              /* the step did not change the place: go on with it, without a link */
    bool access, port;      /* they were read from a device: */
    uint64_t address;       /* … at this port, or physical address */
    unsigned size;
    char what[160]; /* of a source */
};
/* Finds what the target's bytes are made of, by o->insn. */
void inputs_of(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in);

/* ---------------------------------------------------------------- operands.c */

void input_register(struct origin *o, const struct moment *m, struct inputs *in, int reg, unsigned low,
                    unsigned n);
void input_memory(struct origin *o, const struct moment *m, struct inputs *in, uint64_t linear, unsigned n,
                  const uint8_t *value);
void input_immediate(struct inputs *in, uint64_t value, unsigned n);
/* The i-th operand in the instruction, from its byte `k` on. */
void input_operand(struct origin *o, const struct moment *m, struct inputs *in, unsigned i, unsigned k);
/* Cuts the inputs to those bytes of the target that lie in [from, from + n) (addresses, or bytes of the
 * register). Returns the first one's offset from `from`, or -1 if there are none. */
long inputs_cut(struct inputs *in, const struct target *t, uint64_t from, uint64_t n);
/* Which operand is the target: sets *at to where the written bytes begin, as in inputs_cut, and *n. -1: none. */
int written_operand(const struct origin *o, const struct moment *m, const struct target *t, uint64_t *at,
                    unsigned *n);
/* Adds all that the instruction reads, as far as the bytes from `k` on depend on it. */
void inputs_of_computation(struct origin *o, const struct moment *m, struct inputs *in, unsigned k);
/* Whether the result does not depend on the operands' values (XOR of a register with itself). If so, the
 * chain ends here. */
bool inputs_constant(struct origin *o, struct inputs *in, unsigned k);
/* The chain ends here. */
__attribute__((format(printf, 3, 4))) void inputs_end(struct inputs *in, enum origin_source source,
                                                      const char *fmt, ...);
/* For moves of vector registers and the like, and for instructions that save or restore many registers: true
 * if it was one of these. */
bool inputs_of_vector(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in);
bool inputs_of_saving(struct origin *o, const struct moment *m, const struct target *t, struct inputs *in);
/* The target's bytes are a copy of an operand's, from its byte `at` on; the operand has `size` bytes, and
 * zeros follow. */
void copy_from_operand(struct origin *o, const struct moment *m, struct inputs *in, unsigned operand,
                       unsigned at, unsigned size);

/* ---------------------------------------------------------------- source.c */

void origin_sources_free(struct origin *o);
/* Names the source of bytes that a device wrote at physical `at`, or that were there from the beginning. */
void source_device(struct origin *o, struct origin_link *l, uint64_t at);
void source_beginning(struct origin *o, struct origin_link *l, const struct where *w);
/* Names the source of bytes that the Linux host of a program has just written at physical `at`. */
void source_host(struct origin *o, struct origin_link *l, uint64_t at);

/* Names the source of a value that was read from a port or a device's register in this step. */
void source_access(struct origin *o, struct origin_link *l, const struct moment *m, bool port,
                   uint64_t address, unsigned size, uint64_t value);
/* Whether a kernel's decompressor made this write of its own output: then it is the source. */
bool source_stream(struct origin *o, struct origin_link *l, uint64_t physical);

/* ---------------------------------------------------------------- source_flash.c */

/* Whether firmware wrote these bytes as it unpacked a compressed section of its flash: then that is the source. */
bool source_flash(struct origin *o, struct origin_link *l, uint64_t physical);
void origin_flash_free(struct origin *o);

/* ---------------------------------------------------------------- items.c */

/* Name the source of a byte of an item that is read from fw_cfg's data port, or that its DMA wrote at
 * physical `at`. False if it is none. */
bool source_item(struct origin *o, struct origin_link *l, uint64_t port);
bool source_item_dma(struct origin *o, struct origin_link *l, uint64_t at);
/* As source_item_dma, for a byte of a network frame that a card wrote at physical `at`. */
bool source_frame(struct origin *o, struct origin_link *l, uint64_t at);
/* Whether a physical address is a cell of the display's text, as the machine is now. */
bool in_display(struct origin *o, uint64_t physical);
/* Whether a place is in the display; and what the display shows there now: the character, or its colours. */
bool is_display(const struct origin_place *p);
uint64_t display_value(struct origin *o, uint64_t physical);

__attribute__((format(printf, 3, 4))) void link_end(struct origin_link *l, enum origin_source source,
                                                    const char *fmt, ...);

#endif

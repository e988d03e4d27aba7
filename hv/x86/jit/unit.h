/* unit.h - the region that is being compiled. Private to hv/x86/jit. */
#ifndef BOOTREEL_HV_X86_JIT_UNIT_H
#define BOOTREEL_HV_X86_JIT_UNIT_H

#include <stddef.h>

#include "hv/x86/decode/decode.h"
#include "hv/x86/jit/asm.h"

/* What host registers are for. H_DI is the processor, AX, CX and DX are free within an instruction, FLAG_A and
 * FLAG_B hold what the flags follow from, if no guest register does; the others hold guest registers. */
enum { H_CPU = H_DI, FLAG_A = H_10, FLAG_B = H_11 };

/* What the guest's arithmetic flags follow from. A and B are in FLAG_A and FLAG_B or, of the first four, in the guest registers
 * flow.a and flow.b. */
enum flag_source {
    FLAGS_MEMORY, /* cc_res and cc_aux are up to date */
    FLAGS_LOGIC,  /* the result A */
    FLAGS_TEST,   /* A & B */
    FLAGS_ADD,    /* A + B */
    FLAGS_SUB,    /* A - B */
    FLAGS_LAST_IN_GUEST = FLAGS_SUB,
    /* FLAG_A shifted by `count`; if that is 0 by FLAG_B, and if that is 0 too, cc_res and cc_aux are up to date. */
    FLAGS_SHL,
    FLAGS_SHR,
    FLAGS_SAR,
    FLAGS_RAW, /* cc_res is FLAG_A, cc_aux FLAG_B */
    FLAGS_AH,  /* the second byte of FLAG_A is that of LAHF; OF is 0 */
    FLAGS_SET, /* cc_res is FLAG_A, the second byte of FLAG_B that of LAHF, its first one OF */
};

/* Memory near one guest register that was checked: accesses to it need no check, until the register changes.
 * No translation can change while a region runs. */
struct group {
    bool active, write;
    uint8_t base;      /* guest register */
    uint8_t host;      /* points to where the register pointed at the check */
    int32_t low, high; /* what was checked, relative to that value */
    int32_t moved;     /* how far rSP has moved since */
};

/* The guest's vectors: XMM0 to XMM15, then the upper halves of YMM0 to YMM15. The host's XMM0 and XMM1 are
 * free within an instruction, the others hold vectors. */
enum { VECTORS = 32, UPPER = 16, X0 = 0, X1 = 1 };

/* What was found to hold, and holds as long as the region runs. */
enum check {
    CHECK_SSE = 1, /* SSE instructions are allowed */
    CHECK_AVX = 2, /* and those with VEX */
    /* All floating-point exceptions are masked, and the host's MXCSR is the guest's, with its flags. The one
     * in memory is not up to date. */
    CHECK_MXCSR = 4,
};

/* Where the x87 condition codes C0 to C3 are (x87_registers.c). */
enum x87_codes {
    CODES_MEMORY,   /* in the guest's status word */
    CODES_CLEAR,    /* there, but C1 is 0 */
    CODES_ROUNDED,  /* there, but C1 is the host's: from here on some are */
    CODES_COMPARED, /* C0, C2 and C3 are the host's, and C1 is 0 */
    CODES_EXAMINED, /* all are the host's */
};

/* Where the x87 registers are. */
struct x87_flow {
    bool on;            /* those not empty are in the host's, under the guest's control word */
    uint8_t top, empty; /* as struct fpu has them; without `on`, what is expected */
    uint8_t codes;      /* enum x87_codes */
    uint8_t ds;         /* 1 + the segment register of which FDS in memory is the selector; 0: unknown */
    bool noted;         /* FCS, FIP and FOP are not in memory: the last two follow from … */
    uint16_t fop;
    int32_t at; /* … and the instruction's distance from the region's first block */
};

/* Where the guest's state is at a point of the code. */
struct flow {
    /* The newest is in a host register. The pointers of the others are in memory: `kept` in struct x86. */
    struct group group[GROUPS];
    uint8_t checks;          /* enum check */
    uint8_t vector[VECTORS]; /* as `host` */
    uint32_t vdirty, vzero;  /* vectors that differ from memory; those that are 0, in no register */
    uint8_t host[16];        /* the host register of each guest register; H_NONE: in memory */
    uint16_t dirty;          /* guest registers whose host register differs from memory */
    struct x87_flow x87;
    uint8_t source, size, count;
    /* The guest registers that are A and B, until an instruction changes them; FLAG_OWN: FLAG_A and FLAG_B. */
    uint8_t a, b;
    bool after; /* the guest register `a` has the result, from which A follows (FLAGS_ADD and FLAGS_SUB) */
    bool imm;   /* `value` takes the place of B */
    int32_t value;
};
enum { FLAG_OWN = 0xff };

/* What hosts may have that belongs to no level. */
enum extra { EXTRA_CIPHER = 1 /* AES and PCLMULQDQ */, EXTRA_SHA = 2, EXTRA_GFNI = 4 };

/* A way out that is seldom taken: its code is in `seldom`. */
enum way {
    WAY_OP,    /* to the op's handler */
    WAY_EDGE,  /* the branch, or the end of the block, leads to code that was not executed so far */
    WAY_STOP,  /* there are too few steps to enter `block`, or it has `unnoted` */
    WAY_GUESS, /* none: the guess was wrong, and is corrected (guess_add()) */
    WAY_SKIP,  /* none: the shift is by 0 bits, and is passed over (shift_begin()) */
};
/* What a check of memory covers: so many bytes; for storing to them; more than one access. */
struct checked {
    unsigned size;
    bool write, several;
};
struct side {
    uint8_t *jump; /* where its address goes */
    enum way way;
    struct flow flow;
    struct block *block;
    unsigned op;
    int64_t offset;         /* WAY_EDGE: from the block's start; … */
    op_fn *fn;              /* … what it leaves to */
    struct checked checked; /* before the jump; size 0: nothing in memory */
    bool notes;             /* … for one store, which may be noted */
    /* … at this linear address; WAY_GUESS: where the guess is (disp) and belongs (base); WAY_SKIP: the register (base), of
     * so many bytes (disp) */
    struct host_mem at;
    /* … and where it goes on if they are beside the watchpoints of their page, or guessed again, or passed over. */
    const uint8_t *back;
};

/* A block as compiled for one state at its entry. */
struct version {
    struct block *block;
    uint8_t *label;
    struct flow flow;
};

/* The taken edge of a conditional branch: compiled after what follows the branch. */
struct edge {
    uint8_t *jump;
    struct block *from;
    unsigned op, which;
    int64_t offset;
    op_fn *otherwise;
    struct flow flow;
};

enum {
    MAX_SIDES = 3200,
    MAX_VERSIONS = 120,
    MAX_OF_BLOCK = 3,
    MAX_EDGES = 160,
    MAX_OPS = 1280,
    MAX_RESUMES = 64,
    MAX_LINKS = 400,
};

struct resume {
    struct block *block;
    unsigned op;
};

/* Shared ways out. The state is written back, but gpr[REG_RIP] and `block` are still those of the region's entry: AX has the block that is
 * running, CX the offset of the op in it. */
enum leave {
    LEAVE_OP, /* to the op's handler, which is no compiled code */
    LEAVE_TO, /* to the handler in R8 */
    /* The same after a check of several accesses. DX has the address of the first byte XOR that of the last: if they lie in two pages,
     * to op_apart(). */
    LEAVE_SEVERAL,
    LEAVE_SEVERAL_TO,
    LEAVES
};
/* The code that all regions share: of emit_beside(), emit_noting(), emit_found() (by unit.segmented), emit_stop() and emit_leave() (both by
 * whether unit.word is 8). */
struct shared {
    const uint8_t *beside, *noting, *found[2], *stop[2], *leave[2][LEAVES];
};

struct unit {
    /* seldom: for the ways out, so that what is executed lies close together. */
    struct code_buffer code, seldom;
    const struct shape *shapes;
    struct block *entry; /* gpr[REG_RIP] is its address throughout */
    unsigned word;       /* bytes of code's addresses: 8 in 64-bit code, else 4 */
    unsigned stack;      /* bytes of the stack's pointer: 2, 4 or 8 */
    /* Neither 64-bit code nor flat: 16-bit code, or segments with bases or limits. Instructions have addresses of 16 and 32 bits, and the
     * stack's items are of the operand size; elsewhere all of these are words. */
    bool segmented, code16, guest;
    bool real; /* … outside protected mode, or in virtual-8086 mode */
    struct flow now;
    bool host_flags;  /* the host's flags are the guest's */
    bool overflow_ok; /* OF too */
    uint32_t clock, last_use[16];
    uint16_t pinned;            /* guest registers that the instruction uses */
    struct block *block, *next; /* the current one; the one to go on with */
    unsigned op, ops;
    uint32_t vused[VECTORS], vpinned; /* as last_use and pinned */
    unsigned level;                   /* of the host: x86-64-v1 to v3 */
    unsigned extras;                  /* enum extra: what the host has beyond its level */
    bool has_x87;                     /* x87_host() */
    bool flows;                       /* calls and returns are left to their handlers (x86_watch_flows()) */
    bool pauses;                      /* PAUSE may end x86_run() (x86_watch_pause()) */
    struct x87_flow x87;              /* what to expect where a region begins */
    struct shared shared;
    struct host_mem at; /* the memory operand of the current instruction, once it was checked */
    struct side side[MAX_SIDES];
    unsigned nsides;
    struct version version[MAX_VERSIONS];
    unsigned nversions;
    struct edge edge[MAX_EDGES];
    unsigned nedges;
    struct block *link[MAX_LINKS]; /* which it leaves to, through their handlers */
    unsigned nlinks;
    struct resume resume[MAX_RESUMES]; /* after instructions that are not compiled */
    unsigned nresumes;
    bool guesses;        /* loads guess which memory is behind their page */
    unsigned next_guess; /* … with that of struct x86, modulo GUESSES */
    const char *wrong; /* for tests: the mnemonic of an instruction whose result is made wrong; NULL: none */
#ifdef BOOTREEL_COUNT
    struct counts *counts;
#endif
};

enum { KEY_SIZE = 3, KEY_CODE64 = 2, KEY_STACK32 = 4, KEY_PROTECTED = 8 };
static inline bool is_code64(const struct block *b)
{
    return (b->id & KEY_SIZE) == KEY_CODE64;
}

/* Is an offset from the block's start in its page? */
static inline bool stays_in_page(const struct block *b, int64_t offset)
{
    return (uint64_t)((int64_t)(b->id >> 16) + offset) < SNAPSHOT_PAGE;
}

/* ---- instructions, by row of the instruction table (shapes.c), and kinds of them (kinds.def) ---- */

#define KIND(name, ...) SHAPE_##name,
enum shape_kind {
#include "hv/x86/jit/kinds.def"
    SHAPE_KINDS,
    SHAPE_SIMD_LAST_PLAIN = SHAPE_SIMD_INSERT /* up to here no general register changes */
};
#undef KIND
/* shape.how, of SIMD instructions. */
enum shape_how {
    HOW_SHIFT = 7,    /* the number of bits of the immediate that are the lower half's */
    HOW_FLOAT = 8,    /* looks at MXCSR */
    HOW_VEX = 16,     /* has no form without VEX */
    HOW_ALIGNED = 32, /* with VEX, too, its operand in memory must be aligned */
    HOW_SAME = 64,    /* the second operand is not split: both halves use all of it, or only one does */
    HOW_CIPHER = 128, /* of AES or PCLMULQDQ */
};
enum shape_form { FORM_EG, FORM_GE, FORM_EI };
struct shape {
    uint8_t kind, arg, form, how;
};
/* One for each row; the caller frees it. */
struct shape *shapes_create(void);
/* The shape of a SIMD instruction, or SHAPE_NONE (shapes_simd.c). */
struct shape shape_of_simd(const struct insn_row *);
/* The same of an x87 instruction (shapes_x87.c). */
struct shape shape_of_x87(const struct insn_row *);

/* Compiles the instruction `u->op` of `u->block`. False if it is left to its handler. */
bool op_compile(struct unit *, const struct op *);
/* Is the instruction compiled? */
bool op_compiled(const struct unit *, const struct op *);
/* Is it the last one of its block? */
bool op_ends(const struct unit *, const struct op *);
/* Does it set all flags, and can nothing that it does end the region before? */
bool op_hides_flags(const struct unit *, const struct op *);
/* Can the code leave the region at this instruction, or does it need flags? */
bool op_shows_flags(const struct unit *, const struct op *);
/* Does it set all flags or put the others in memory, so that the old ones' operands are of no use once it changes a register? */
bool op_renews_flags(const struct unit *, const struct op *);
/* May it change this guest register? (operand.c) */
bool op_changes(const struct unit *, const struct op *, unsigned guest);

/* ---- state (unit.c) ---- */

#define CPU_FIELD(member) at_reg(H_CPU, (int32_t)offsetof(struct x86, member))

/* The host register of a guest register, loaded. It stays where it is until the instruction's end. */
unsigned reg_use(struct unit *, unsigned guest);
/* The host register, loaded, whose content is to be changed. */
unsigned reg_change(struct unit *, unsigned guest);
/* The host register, not loaded, since it is to be overwritten. */
unsigned reg_set(struct unit *, unsigned guest);

/* The host register that a result of so many bytes goes to: not loaded if that is all of it. */
unsigned reg_result(struct unit *, unsigned guest, unsigned size);
/* A host register for something else, until `group` ends. */
unsigned reg_extra(struct unit *);

/* Does an access from this op of the block on, or in those that may follow, need the group? (operand.c) */
bool group_useful(const struct unit *, const struct group *, const struct block *, unsigned op);
/* The block that follows in the same page on one of two ways; NULL: none. (operand.c) */
const struct block *block_follower(const struct block *, unsigned which);
/* The instruction was compiled: a group ends if its register may have changed. */
void groups_after(struct unit *, const struct op *);
/* rSP has moved by so many bytes. */
void groups_move(struct unit *, int32_t bytes);

/* ---- flags (flags.c) ---- */

/* Set cc_res and cc_aux. Uses AX and CX. */
void flags_store(struct unit *, const struct flow *);
/* The guest's flags are in memory from now on. */
void flags_to_memory(struct unit *);
/* An instruction follows: keeps A and B if it changes the guest registers that they are in, and flags are needed after it. */
void flags_before(struct unit *, const struct op *);
/* A and B are in FLAG_A and FLAG_B from now on. */
void flags_settle(struct unit *);
/* Sets the host's flags so that the result is the host's condition code. -1: cannot be. */
int flags_condition(struct unit *, unsigned cc);
/* A host register becomes what cc_aux is with the host's CF, AF and OF. */
void flags_pushed(struct code_buffer *, unsigned to);
/* TEST with a host register and another one, or an immediate. */
void flags_test(struct unit *, unsigned size, unsigned a, unsigned b);
void flags_test_imm(struct unit *, unsigned size, unsigned a, int32_t value);
/* flags_carry() sets the host's CF to the guest's. Uses AX and CX. An instruction whose operand in memory is checked before has the address
 * in AX; it calls flags_carry_soon() before the check, and then flags_carry() uses only CX. */
void flags_carry(struct unit *);
void flags_carry_soon(struct unit *);
/* Are all flags set again before they are needed, from this op of the block on? */
bool flags_hidden_from(const struct unit *, const struct block *, unsigned op);
/* Are the flags that the current instruction sets overwritten before they are needed? */
bool flags_dead(const struct unit *);
/* The host's flags were changed by something else. */
static inline void flags_lost(struct unit *u)
{
    u->host_flags = false;
}

/* ---- vectors (vectors.c) ---- */

/* As reg_use(), reg_change() and reg_set(), for vectors. Return the host's register. */
unsigned vector_use(struct unit *, unsigned vector);
unsigned vector_change(struct unit *, unsigned vector);
unsigned vector_set(struct unit *, unsigned vector);
/* Is the result a vector? Its lowest bit is inverted, for tests. */
bool vector_result(const struct unit *, const struct op *);
void vector_invert(struct unit *, unsigned vector);
/* The vector becomes 0. */
void vector_clear(struct unit *, unsigned vector);
void vectors_none(struct flow *);
bool vectors_hold_nothing(const struct flow *);
/* Can code that expects the vectors of `need` be entered with those of `have`? */
bool vectors_fit(const struct flow *have, const struct flow *need);
/* At a way out: what is not in memory goes there, MXCSR as well. Uses X0. */
void vectors_write(struct unit *, const struct flow *);
void vectors_adapt(struct unit *, const struct flow *to);
/* From now on the state is one that every way can come to. */
void vectors_settle(struct unit *);
/* mxcsr_take(): CHECK_MXCSR holds from now on, or else the handler executes the instruction. mxcsr_drop(): it
 * no longer holds. */
void mxcsr_take(struct unit *);
void mxcsr_drop(struct unit *);

/* ---- x87 registers (x87_registers.c) ---- */

/* Does the host's x87 do what compiled code takes for granted? An emulator's may not. */
bool x87_host(void);
/* From now on `now.x87.on` holds, or else the handler executes the instruction. Uses AX, CX and DX. */
void x87_take(struct unit *);
/* It no longer holds: the guest's state is in memory. */
void x87_drop(struct unit *);
/* The guest's status word in memory is up to date. Uses AX and CX. */
void x87_status(struct unit *);
/* The host's control word becomes the guest's, which has changed. Leaves to the handler unless the control word in a host register masks
 * all exceptions, and computes with doubles' precision or more; the register changes. */
void x87_control(struct unit *);
void x87_check_control(struct unit *, unsigned reg);
/* ST(0) becomes ST(i), another one. */
void x87_copy(struct unit *, unsigned i);
/* For tests: the sign of ST(0) is inverted. */
void x87_invert(struct unit *);
/* x87_place(): where the guest's ST(i) belongs in memory. x87_keep(): it is stored there, and stays in the host's register. */
struct host_mem x87_place(const struct x87_flow *, unsigned i);
void x87_keep(struct unit *, unsigned i);
/* At a way out: what is not in memory goes there. Uses AX and CX. */
void x87_write(struct unit *, const struct flow *);
/* Can code that expects the state of `need` be entered with that of `have`? */
bool x87_fits(const struct flow *have, const struct flow *need);
void x87_adapt(struct unit *, const struct flow *to);
/* An edge leads to the block. The registers stay in the host's if the block has an x87 instruction, or one that may follow has. FIP, FCS and
 * FOP go to memory. */
void x87_edge(struct unit *, const struct block *);
/* Leaves to the handler if a number of 80 bits has an encoding that no instruction makes: its leading bit is clear though its exponent is
 * not 0, or set though its exponent is 0 (SDM 1, 8.2.2). Uses CX and DX. */
void x87_check_encoding(struct unit *, struct host_mem);

/* How far the block's start is from the region's first block, of which gpr[REG_RIP] is the address. */
int64_t block_offset(const struct unit *, const struct block *);
/* A host register becomes the address at an offset from the block's start. */
void code_address(struct unit *, unsigned to, int64_t offset);

/* Leave the region to the handler of the current instruction if the host's condition holds; always. */
void side_exit(struct unit *, unsigned cc);
void side_exit_always(struct unit *);
/* As side_exit(), right after the check of bytes at a linear address, a register and a displacement (see tlb_check()), which fails by the
 * tag of the entry. Stays if they may be written beside watchpoints, or if one store writes them and is all that has to be noted. Leaves
 * to op_apart() if more than one access is checked, and they lie in two pages. */
void side_exit_access(struct unit *, unsigned cc, struct host_mem, struct checked);
/* A shift of a host register of so many bytes, whose flags will follow from FLAG_A and FLAG_B, goes on at shift_end() if ZF says that its
 * count is 0. Then no flag changes, and the guest's register only if it loses its upper half. Between the two, no register is loaded or
 * written back. */
struct side *shift_begin(struct unit *, unsigned reg, unsigned size);
void shift_end(struct unit *, struct side *);
/* A host register becomes tlb_entry.add of the TLB entry in CX: see "Memory" in docs/compiler.md. */
void guess_add(struct unit *, unsigned reg);
/* Leave it always. `fn` is entered with the instruction as its op; gpr[REG_RIP] changes by `rip`. */
void leave_region(struct unit *, const struct flow *, struct block *, unsigned op, int64_t rip, op_fn *fn);
/* Leave it to the address in a host register, not AX or CX. */
void leave_indirect(struct unit *, unsigned reg);
/* The current instruction was a branch to block->next[which], at `offset` from the block's start: goes on
 * there, or leaves the region to `otherwise` (NULL: to the current op's handler) with gpr[REG_RIP] set. */
void edge_now(struct unit *, unsigned which, int64_t offset, op_fn *otherwise);
/* edge_now at the target of `jump`. */
void edge_later(struct unit *, uint8_t *jump, unsigned which, int64_t offset, op_fn *otherwise);

/* Write what decides for side_exit_access(): called with the first byte's linear address in AX, the last one's in DX and
 * the TLB entry's in CX; returns with CF set if it may be stored directly. Only DX changes. emit_noting() is for one store of at most
 * NOTE_SIZE bytes, and goes on to `beside`, which has the code of emit_beside(). (note.c) */
enum { NOTE_SIZE = 8 };
void emit_beside(struct code_buffer *);
void emit_noting(struct code_buffer *, const uint8_t *beside);
/* Writes the look-up of a block, which is called with the state written back, and with the block's address in gpr[REG_RIP] and in DX. It
 * returns an op in SI, to whose handler the caller jumps: the first one of the block, which is entered, or one that looks further. The
 * caller jumps itself, since hosts predict each indirect jump by where it is. (jump.c) */
void emit_found(struct code_buffer *, bool segmented);
/* Writes where a stop leads to (WAY_STOP). AX has the block that was to be entered; its steps are subtracted. The state is as for enum
 * leave. (jump.c) */
void emit_stop(struct code_buffer *, unsigned word);
/* Writes the ways of enum leave. (jump.c) */
void emit_leave(struct code_buffer *, unsigned word, const uint8_t *leave[LEAVES]);

/* What is compiled next is code of this block's kind. */
void unit_for(struct unit *, const struct block *);
/* Compiles the region that begins at an op; false if there is nothing to compile or no room. */
bool unit_compile(struct unit *, struct block *, unsigned op);
/* Writes an entry for the interpreter to a version of a block in the region that was compiled last; false if the version expects what is
 * not in memory, or there is no room. */
bool unit_entry(struct unit *, unsigned version);

#endif

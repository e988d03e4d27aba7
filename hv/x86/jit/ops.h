/* ops.h - what the files that compile one instruction share. Private to hv/x86/jit. */
#ifndef BOOTREEL_HV_X86_JIT_OPS_H
#define BOOTREEL_HV_X86_JIT_OPS_H

#include "hv/x86/decode/decode.h"
#include "hv/x86/jit/unit.h"

static inline const struct shape *shape_of(const struct unit *u, const struct op *op)
{
    static const struct shape none;
    return op->row == NO_ROW ? &none : &u->shapes[op->row];
}

static inline bool in_memory(const struct op *op)
{
    return op->pfx & PFX_MEM;
}

static inline unsigned size_of(const struct op *op)
{
    return 1u << op->osize;
}

/* ---- what is known of a kind of instructions: a row of kinds.def (compiled.c) ---- */

typedef void op_compiler(struct unit *, const struct op *, const struct shape *);
enum { FLAGS_KEPT, FLAGS_SOME, FLAGS_BY_ARG, FLAGS_ALL };
enum { PLAIN_NO, PLAIN_REG, PLAIN_YES };
enum { WRITES_NO, WRITES_YES, WRITES_BY_FORM, WRITES_ALU, WRITES_BT };
enum { IS_JUMP = 1, IS_FLOW = 2, IS_PUSH = 4, IS_POP = 8, IS_STACK = 16 };
struct shape_traits {
    bool (*in_registers)(const struct unit *, const struct op *, const struct shape *);
    bool (*in_memory)(const struct unit *, const struct op *, const struct shape *);
    bool (*changes)(const struct unit *, const struct op *, const struct shape *, unsigned guest);
    op_compiler *compile, *compile_memory, *compile_byte;
    uint16_t fixed;
    uint8_t flags, plain, writes, is;
};
extern const struct shape_traits shape_traits[SHAPE_KINDS];

/* A branch within a function: what comes after it is looked at on both of its ways. */
static inline bool is_jump(unsigned kind)
{
    return shape_traits[kind].is & IS_JUMP;
}
static inline bool is_branch(unsigned kind)
{
    return shape_traits[kind].is & (IS_JUMP | IS_FLOW);
}

/* Bytes of an instruction's address, and of what it pushes or pops. */
static inline unsigned address_size(const struct unit *u, const struct op *op)
{
    return u->word == 8 ? 8 : 2u << op->asize;
}
/* Outside 64-bit code: may its segment have a base or a limit, or is its address cut to 16 bits? */
static inline bool by_segment(const struct unit *u, const struct op *op)
{
    const bool flat = op->seg == DS || op->seg == ES || op->seg == SS;
    return u->segmented || (u->word == 4 && (!flat || op->asize != 1));
}
static inline unsigned item_size(const struct unit *u, const struct op *op)
{
    return u->segmented ? size_of(op) : u->word;
}

static inline bool is_simd(unsigned kind)
{
    return kind >= SHAPE_SIMD;
}

/* shape.arg of SHAPE_STRING; of SHAPE_SIMD_…: bytes in memory, of 256 bits those of a half, or SIMD_BY_SIZE
 * for 32 or 64 bits by the operand size. */
enum { STRING_LOADS = 1, STRING_STORES = 2 };
static inline bool is_repeated(const struct op *op)
{
    return op->pfx & (PFX_REP | PFX_REPNE);
}
enum { SIMD_BY_SIZE = 0, SIMD_HIGH = 0x80 };

static inline unsigned simd_bytes(const struct op *op, const struct shape *s)
{
    unsigned n = s->arg & ~(unsigned)SIMD_HIGH;
    return n ? n : op->osize == 3 ? 8 : 4;
}

/* shape.arg of SHAPE_BITS: what happens to flags; of SHAPE_COUNT: the opcode. */
enum { BITS_NO_FLAGS, BITS_LOGIC, BITS_CARRY };
enum { COUNT_ONES = 0xb8 };
/* Of SHAPE_MOV: a 64-bit operand's immediate is `wide`. */
enum { MOV_WIDE = 1 };

/* An 8-bit register operand is the offset of its byte in gpr[]. */
static inline bool is_high(unsigned byte)
{
    return byte & 7;
}
static inline unsigned guest_of(const struct op *op, unsigned operand)
{
    return op->osize == 0 ? operand >> 3 : operand;
}

/* ENTER's bytes of locals, and its nesting level. A frame of more than FRAME_MOST is left to the handler. */
enum { FRAME_MOST = 1024 };
static inline unsigned enter_frame(const struct op *op)
{
    return (unsigned)op->imm & 0xffff;
}
static inline unsigned enter_level(const struct op *op)
{
    return (unsigned)op->imm >> 16 & 31;
}

static inline unsigned count_mask(const struct op *op)
{
    return op->osize == 3 ? 63 : 31;
}
static inline unsigned shift_count(const struct op *op)
{
    return (unsigned)op->imm & count_mask(op);
}

/* ---- operands in memory (operand.c). An access that does not pass the check leaves the region. ---- */

/* The memory operand's offset, without its segment; for a RIP-relative one AX is loaded. */
struct host_mem operand_address(struct unit *, const struct op *);
/* Turns the linear address in AX into the host's address, which `u->at` then is; if the check fails, the
 * handler executes the instruction. The TLB is probed as by host_r() and host_w(). */
void tlb_check(struct unit *, unsigned size, bool write);
/* `u->at` becomes the host's address of the memory operand. */
void operand_probe(struct unit *, const struct op *, unsigned size, bool write);
/* `u->at` becomes the host's address of the stack's item of `size` bytes at rSP + offset. */
void stack_probe(struct unit *, int32_t offset, unsigned size, bool write);
/* `u->at` becomes the host's address of `size` bytes at an offset of 2 or 4 bytes in a segment, of which compiled code knows neither
 * base nor limit. */
void segment_probe(struct unit *, struct host_mem offset, unsigned bytes, unsigned seg, unsigned size,
                   bool write);
/* AX becomes the host's address of the elements that REP MOVS or REP STOS accesses through a guest register, upwards, in flat code. There are
 * rCX of them, at least one. If they are not all in one page, the handler executes the instruction. */
void elements_probe(struct unit *, const struct op *, unsigned guest, bool write);
/* rSP changes. */
void stack_move(struct unit *, int32_t bytes);
/* By how much ADD or SUB of an immediate moves rSP; 0 if the instruction is neither. */
int32_t stack_step(const struct unit *, const struct op *, const struct shape *);
/* Zero-extends the memory operand into a register. No flag changes. */
void operand_fetch(struct unit *, unsigned size, unsigned to);
/* A register that holds the source operand: the guest's, or DX, to which it was fetched from memory. */
unsigned operand_source(struct unit *, const struct op *, unsigned size);
/* Writes a register to the memory operand. */
void operand_put(struct unit *, unsigned size, unsigned from);

/* A field of a segment, by its offset in struct seg; its base; its limit. */
struct host_mem segment_field(unsigned seg, size_t offset);
struct host_mem segment_base(unsigned seg), segment_limit(unsigned seg);

/* The host register of a guest's byte, which is its lowest one until byte_end(), to be changed; the host's flags are lost. (ops_byte.c) */
unsigned byte_begin(struct unit *, unsigned byte);
void byte_end(struct unit *, unsigned byte);

/* ---- flags ---- */

/* The host's flags become the source: after an instruction that sets all of them as the guest's does. */
void flags_capture(struct unit *, const struct op *, unsigned result);

/* The flags follow from FLAG_A and FLAG_B, and the host's are the guest's. */
void flags_from(struct unit *, enum flag_source, const struct op *);
/* After COMISS, FCOMI and the like: ZF, PF and CF are the host's, and the others 0. */
void flags_of_comparison(struct unit *, const struct op *);
/* No flag is needed before they are set again. */
void flags_none(struct unit *);
enum flag_source shift_source(unsigned ext);
/* After a shift by an immediate; dead: nobody asks for them. */
void flags_of_shift(struct unit *u, const struct op *op, const struct shape *s, bool dead);

/* After MUL and IMUL: CF and OF are the host's, which all processors define; the others follow from the lower half, which is in AX. */
void flags_of_product(struct unit *, const struct op *);

/* Leaves to the handler if some of these bits in memory are set (`leave_if` is CC_NE), or none (CC_E). (ops_simd.c) */
void test_bits(struct unit *, struct host_mem, uint32_t bits, unsigned leave_if);

/* ---- two operands ---- */

/* The second operand: a host register, or an immediate. */
struct second {
    bool imm;
    int32_t value;
    unsigned reg;
    uint8_t guest; /* the register is this one's; FLAG_OWN: none's */
};
enum flag_source alu_source(unsigned operation);
void alu_apply(struct unit *, unsigned size, unsigned operation, unsigned dst, struct second);
/* With a register as the destination (the second operand may be FLAG_B); with memory, which was checked. */
void alu_to_register(struct unit *, const struct op *, unsigned operation, struct second);
void alu_to_memory(struct unit *, const struct op *, unsigned operation, struct second);
/* The flags follow from the first operand, a guest register (FLAG_OWN: it is in FLAG_A), and the second one, if that is in no guest
 * register in FLAG_B. */
void flags_of_two(struct unit *, const struct op *, enum flag_source, unsigned a, struct second);

/* ---- branches ---- */

/* Leave to the handler if the address in this register is not canonical, or beyond the segment's limit. Uses CX. */
void check_target(struct unit *, unsigned reg);
/* Pushes the address at an offset from the block's start, in so many bytes. */
void push_return(struct unit *, int32_t offset, unsigned size);

/* ---- instructions ---- */

/* Compiles an instruction of which op_compiled() has said that it can be. */

/* ops.c */
op_compiler compile_alu, compile_test, compile_step, compile_neg, compile_not, compile_mov, compile_extend,
    compile_lea, compile_cmov, compile_set, compile_xchg, compile_bswap, compile_sign, compile_shift,
    compile_shift_cl, compile_imul, compile_bt, compile_push, compile_pop, compile_enter, compile_leave,
    compile_nop;
/* ops_arith.c */
op_compiler compile_mul, compile_div, compile_scan, compile_double, compile_carry, compile_cld;
/* ops_branch.c */
op_compiler compile_jcc, compile_jmp, compile_loop, compile_call, compile_ret, compile_jmp_indirect,
    compile_call_indirect;
/* ops_memory.c */
op_compiler compile_xchg_memory, compile_xadd, compile_cmpxchg, compile_bt_memory, compile_shift_memory,
    compile_set_memory, compile_push_memory, compile_call_memory, compile_string, compile_compare_string,
    compile_neg_memory, compile_not_memory;
/* ops_rotate.c */
op_compiler compile_rotate, compile_rotate_cl, compile_rotate_carry;
/* ops_segment.c */
op_compiler compile_mov_to_segment, compile_mov_from_segment, compile_push_segment, compile_pop_segment,
    compile_load_far, compile_xlat;
/* ops_byte.c */
op_compiler compile_shift_cl_byte, compile_alu_byte, compile_test_byte, compile_mov_byte, compile_step_byte,
    compile_shift_byte, compile_neg_byte, compile_not_byte, compile_set_byte, compile_xchg_byte,
    compile_mul_byte, compile_div_byte;
/* ops_bits.c */
op_compiler compile_bits, compile_mulx, compile_count, compile_movbe, compile_crc32, compile_add_carry;
/* ops_x87.c */
op_compiler compile_x87;
/* ops_time.c */
op_compiler compile_tsc;
/* ops_simd.c */
op_compiler compile_simd;

/* Is it one of the instructions that ops_byte.c compiles: with a second byte, or without a form for bytes elsewhere? (compiled.c) */
bool needs_byte(const struct op *, const struct shape *);
/* Does the instruction write its operand in memory, if it has one there? */
bool access_writes(const struct shape *);
/* May it change this register (rSP by PUSH, POP and stack_step() aside)? */
bool may_change(const struct unit *, const struct op *, const struct shape *, unsigned guest);
/* PAUSE where it may end x86_run(). */
bool is_pause(const struct unit *, const struct op *, const struct shape *);
/* Is it one of the instructions of ops_bits.c, and one that this host does not have? */
bool bits_lacking(const struct unit *, const struct shape *);
/* How x87 instructions are compiled (ops_x87.c). Comparisons with memory have the shapes of arithmetic with memory, since they have its
 * families; modrm.reg tells them apart. */
enum x87_form {
    X87_ST0_STI, /* ST(0) = ST(0) op ST(i) */
    X87_STI_ST0, /* ST(i) = ST(i) op ST(0) */
    X87_STI_POP, /* … and a pop */
    X87_MEM2,    /* ST(0) = ST(0) op memory, of so many bytes */
    X87_MEM4,
    X87_MEM8,
    X87_COMPARE, /* FCOM, FUCOM */
    X87_COMPARE_POP,
    X87_COMPARE_POPS,
    X87_COMPARE_MEM2,
    X87_COMPARE_MEM4,
    X87_COMPARE_MEM8,
    X87_TEST,    /* FTST */
    X87_EXAMINE, /* FXAM */
    X87_FLAGS,   /* FCOMI, FUCOMI */
    X87_FLAGS_POP,
    X87_LOAD2,
    X87_LOAD4,
    X87_LOAD8,
    X87_LOAD10,
    X87_LOAD_STI,
    X87_LOAD_CONST,
    X87_STORE2,
    X87_STORE4,
    X87_STORE8,
    X87_STORE2_POP,
    X87_STORE4_POP,
    X87_STORE8_POP,
    X87_STORE10_POP,
    X87_STORE_STI,
    X87_STORE_STI_POP,
    X87_EXCHANGE,
    X87_MOVE_IF, /* FCMOV */
    X87_SIGN,    /* FCHS, FABS */
    X87_ROUND,   /* FSQRT, FRNDINT */
    X87_NOTHING, /* FNOP */
    X87_WAIT,
    X87_LOAD_CONTROL,
    X87_STORE_CONTROL,
    X87_STORE_STATUS,
    X87_STATUS_AX,
    X87_FORMS
};
/* Bytes of its operand in memory. */
unsigned x87_bytes(const struct shape *);
/* Is it FNSTSW AX? */
bool x87_sets_ax(const struct shape *);
/* Does this host have the instruction? */
bool x87_compiled(const struct unit *, const struct op *, const struct shape *);
/* Does this host have the instruction? */
bool simd_compiled(const struct unit *, const struct op *, const struct shape *);
/* Bytes of its operand in memory. */
unsigned simd_access(const struct op *, const struct shape *);

#endif

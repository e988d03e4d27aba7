/* exec.h - for the files with handlers: how to write one. Private to hv/x86.
 *
 *     OP(name) { ...; NEXT; }
 *
 * A handler reads op->dst, op->src, op->imm …, and loads and stores guest memory with ld*() and st*(). These
 * do not return if the access faults, so registers and flags are changed only after the last access that can
 * fault. A handler that calls anything which may raise a fault or need the processor's position (raise_*,
 * sys_*, bus callbacks) begins with SYNC. One that changes the mode, the translation, IF or anything that
 * decoding depends on ends with LEAVE instead of NEXT: rip is set to the next instruction, and the dispatcher
 * looks again. A handler that takes the address of a local variable (or inlines a function that does) ends
 * with LEAVE too: the compiler makes no tail call from it, and the stack would grow with every
 * instruction. */
#ifndef BOOTREEL_HV_X86_EXEC_H
#define BOOTREEL_HV_X86_EXEC_H

#include "hv/x86/count.h"
#include "hv/x86/cpu.h"

#define OP(name) const struct op *name(struct x86 *cpu __attribute__((unused)), const struct op *op)

#if defined(__clang__) && !defined(BOOTREEL_NO_TAIL)
#define TAIL(call) __attribute__((musttail)) return call
#elif defined(BOOTREEL_NO_TAIL)
#define TAIL(call) return call
#else
#define TAIL(call) return call /* gcc -O2 makes sibling calls */
#endif

/* With BOOTREEL_NO_TAIL (sanitizer builds, whose frames rule out sibling calls) the dispatcher loops
 * instead. */
#ifdef BOOTREEL_NO_TAIL
#define GOTO(o) return (o)
#else
#define GOTO(o)                                                                                              \
    do {                                                                                                     \
        const struct op *goto_ = (o);                                                                        \
        count_op(cpu, goto_);                                                                                \
        TAIL(goto_->fn(cpu, goto_));                                                                         \
    } while (0)
#endif
#define NEXT GOTO(op + 1)
#define SYNC (cpu->op = op)
/* Return to the dispatcher with this instruction retired and rip at the next one. */
#define LEAVE return leave_after(cpu, op)
/* Return to the dispatcher; execution continues at `rip`, an offset into the code segment. */
#define LEAVE_TO(rip) return leave_to(cpu, op, rip)

/* After leave_to(): in real and virtual-8086 mode goes on at once in the block there, unless the dispatcher has something to do first. */
#define GO_ON TAIL(op_go_on(cpu, op))

const struct op *op_go_on(struct x86 *, const struct op *);
const struct op *leave_after(struct x86 *, const struct op *);
const struct op *leave_to(struct x86 *, const struct op *, uint64_t rip);

/* Address (offset in the segment) of the current and of the following instruction. */
static inline uint64_t rip_of(const struct x86 *cpu, const struct op *op)
{
    uint64_t rip = cpu->gpr[REG_RIP] + op->off;
    return cpu->mode64 ? rip : (uint32_t)rip;
}
static inline uint64_t rip_after(const struct x86 *cpu, const struct op *op)
{
    uint64_t rip = cpu->gpr[REG_RIP] + op->off + op->len;
    return cpu->mode64 ? rip : cpu->code_bits == 32 ? (uint32_t)rip : (rip & 0xffffffff);
}

/* Whether a linear address is canonical in the present paging mode. For long mode. */
static inline bool is_canonical(const struct x86 *cpu, uint64_t a)
{
    return (uint64_t)((int64_t)(a << cpu->sign_bits) >> cpu->sign_bits) == a;
}

/* ---------------------------------------------------------------- registers */

#define R8(o)       (*(uint8_t *)((char *)cpu->gpr + (o))) /* o: byte offset, as in op->dst of 8-bit operands */
#define R16(r)      (*(uint16_t *)&cpu->gpr[r])
#define R32(r)      ((uint32_t)cpu->gpr[r])
#define R64(r)      (cpu->gpr[r])
#define SET8(o, v)  (R8(o) = (uint8_t)(v))
#define SET16(r, v) (R16(r) = (uint16_t)(v))
#define SET32(r, v) (cpu->gpr[r] = (uint32_t)(v)) /* clears the upper half */
#define SET64(r, v) (cpu->gpr[r] = (v))

/* A general register by operand size index (0-3), for handlers that are not generated per size. For 8 bits, r
 * is a byte offset. */
static inline uint64_t reg_get_sized(struct x86 *cpu, unsigned r, unsigned osize)
{
    switch (osize) {
    case 0:
        return R8(r);
    case 1:
        return R16(r);
    case 2:
        return R32(r);
    default:
        return R64(r);
    }
}
static inline void reg_set_sized(struct x86 *cpu, unsigned r, unsigned osize, uint64_t v)
{
    switch (osize) {
    case 0:
        SET8(r, v);
        break;
    case 1:
        SET16(r, v);
        break;
    case 2:
        SET32(r, v);
        break;
    default:
        SET64(r, v);
        break;
    }
}

/* ---------------------------------------------------------------- addresses */

/* Check `size` bytes at offset `off` of a segment, outside 64-bit code, and return the linear address. Raises
 * #GP or #SS. */
uint64_t seg_linear_slow(struct x86 *, const struct op *, unsigned seg, uint64_t off, unsigned size,
                         bool write);

static inline uint64_t seg_linear(struct x86 *cpu, const struct op *op, unsigned seg, uint64_t off,
                                  unsigned size, bool write)
{
    const struct seg *s = &cpu->seg[seg];
    if (cpu->mode64)
        return off + (seg == FS || seg == GS ? s->base : 0);
    if (likely(off + size <= s->reach[write]))
        return (uint32_t)(s->base + off);
    return seg_linear_slow(cpu, op, seg, off, size, write);
}

/* The offset of the memory operand (LEA's result before truncation to the operand size). */
static inline uint64_t ea_offset(const struct x86 *cpu, const struct op *op)
{
    uint64_t a = cpu->gpr[op->base] + (cpu->gpr[op->index] << op->scale) + (int64_t)op->disp;
    return op->asize == 2 ? a : op->asize == 1 ? (uint32_t)a : (uint16_t)a;
}
/* Linear address of the memory operand in any mode, checked for `size` bytes. */
static inline uint64_t ea_any(struct x86 *cpu, const struct op *op, unsigned size, bool write)
{
    return seg_linear(cpu, op, op->seg, ea_offset(cpu, op), size, write);
}
/* Linear address in 64-bit code with 64-bit addresses and neither FS nor GS: the form that hot handlers are
 * specialised for. */
static inline uint64_t ea_64(const struct x86 *cpu, const struct op *op)
{
    return cpu->gpr[op->base] + (cpu->gpr[op->index] << op->scale) + (int64_t)op->disp;
}

/* The linear address n bytes further in a memory operand; wraps at 4 GiB outside 64-bit code. */
static inline uint64_t linear_on(const struct x86 *cpu, uint64_t lin, unsigned n)
{
    return cpu->mode64 ? lin + n : (uint32_t)(lin + n);
}

/* ---------------------------------------------------------------- memory at linear addresses */

#define PAGE_OF(lin) ((lin) & ~(uint64_t)0xfff)

static inline struct tlb_entry *tlb_of(const struct x86 *cpu, uint64_t lin)
{
    _Static_assert(sizeof(struct tlb_entry) == 1 << (12 - 7), "the address is shifted by this");
    return (struct tlb_entry *)((char *)cpu->tlb + (lin >> 7 & cpu->tlb_mask));
}
/* Of the TLB for CPL 3, or of that for the others. */
static inline struct tlb_entry *tlb_entry_of(const struct tlb *t, uint64_t lin)
{
    return &t->entry[lin >> 12 & (t->size - 1)];
}

/* `size` bytes of the host's memory, 1 to 8. The sizes are constants here: memcpy() with a variable size would cost more than the rest. Each
 * has a variable of its own: what loads all of one of which a part has just been stored has to wait for the store. */
static inline uint64_t bytes_load(const void *at, unsigned size)
{
    uint16_t word;
    uint32_t dword;
    uint64_t qword = 0;
    switch (size) {
    case 1:
        return *(const uint8_t *)at;
    case 2:
        return memcpy(&word, at, sizeof word), word;
    case 4:
        return memcpy(&dword, at, sizeof dword), dword;
    case 8:
        return memcpy(&qword, at, sizeof qword), qword;
    default: /* a part of a load from two pages */
        for (unsigned i = 0; i < size; i++)
            qword |= (uint64_t)((const uint8_t *)at)[i] << 8 * i;
        return qword;
    }
}

/* Host pointer if `size` bytes at lin can be read (written) directly, else NULL. */
static inline void *host_r(const struct x86 *cpu, uint64_t lin, unsigned size)
{
    const struct tlb_entry *e = tlb_of(cpu, lin);
    return likely(e->r == PAGE_OF(lin + size - 1)) ? (void *)(e->add + lin) : NULL;
}
static inline void *host_w(const struct x86 *cpu, uint64_t lin, unsigned size)
{
    const struct tlb_entry *e = tlb_of(cpu, lin);
    return likely(e->w == PAGE_OF(lin + size - 1)) ? (void *)(e->add + lin) : NULL;
}

/* As host_w(), in a page with a watchpoint for writes, if the store is beside it. */
static inline void *host_w_beside(const struct x86 *cpu, const struct tlb_entry *e, uint64_t lin,
                                  unsigned size)
{
    const uint32_t offset = lin & 0xfff;
    return e->pa & TLB_BESIDE && e->r == PAGE_OF(lin + size - 1) &&
                   (offset >= cpu->stops.high || offset + size <= cpu->stops.low)
               ? (void *)(e->add + lin)
               : NULL;
}

#define DEFINE_MEM(bits)                                                                                     \
    static inline uint##bits##_t ld##bits(struct x86 *cpu, const struct op *op, uint64_t lin)                \
    {                                                                                                        \
        const struct tlb_entry *e = tlb_of(cpu, lin);                                                        \
        uint##bits##_t v;                                                                                    \
        if (unlikely(e->r != PAGE_OF(lin + bits / 8 - 1)))                                                   \
            return (uint##bits##_t)mem_load(cpu, op, lin, bits / 8);                                         \
        memcpy(&v, (const void *)(e->add + lin), sizeof v);                                                  \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void st##bits(struct x86 *cpu, const struct op *op, uint64_t lin, uint##bits##_t v)        \
    {                                                                                                        \
        const struct tlb_entry *e = tlb_of(cpu, lin);                                                        \
        if (unlikely(e->w != PAGE_OF(lin + bits / 8 - 1)))                                                   \
            mem_store(cpu, op, lin, bits / 8, v);                                                            \
        else                                                                                                 \
            memcpy((void *)(e->add + lin), &v, sizeof v);                                                    \
    }
DEFINE_MEM(8)
DEFINE_MEM(16)
DEFINE_MEM(32)
DEFINE_MEM(64)

/* 16 bytes, all or nothing: a fault is raised before anything is stored. */
static inline union xmm ld128(struct x86 *cpu, const struct op *op, uint64_t lin)
{
    union xmm v;
    const void *p = host_r(cpu, lin, 16);
    if (likely(p)) {
        memcpy(&v, p, 16);
    } else {
        mem_probe(cpu, op, lin, 16, false);
        v.q[0] = mem_load(cpu, op, lin, 8);
        v.q[1] = mem_load(cpu, op, lin + 8, 8);
    }
    return v;
}
static inline void st128(struct x86 *cpu, const struct op *op, uint64_t lin, union xmm v)
{
    void *p = host_w(cpu, lin, 16);
    if (likely(p)) {
        memcpy(p, &v, 16);
    } else {
        mem_probe(cpu, op, lin, 16, true);
        mem_store(cpu, op, lin, 8, v.q[0]);
        mem_store(cpu, op, lin + 8, 8, v.q[1]);
    }
}
static inline uint64_t ld_sized(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned osize)
{
    switch (osize) {
    case 0:
        return ld8(cpu, op, lin);
    case 1:
        return ld16(cpu, op, lin);
    case 2:
        return ld32(cpu, op, lin);
    default:
        return ld64(cpu, op, lin);
    }
}
static inline void st_sized(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned osize, uint64_t v)
{
    switch (osize) {
    case 0:
        st8(cpu, op, lin, (uint8_t)v);
        break;
    case 1:
        st16(cpu, op, lin, (uint16_t)v);
        break;
    case 2:
        st32(cpu, op, lin, (uint32_t)v);
        break;
    default:
        st64(cpu, op, lin, v);
        break;
    }
}

/* ---------------------------------------------------------------- the stack (any mode, any stack size) */

/* Push or pop one item of `size` bytes (2, 4, 8) on the current stack, with the current CPL. A push may raise
 * before rsp changes. Several pushes are not atomic: handlers that push more than one item probe first, or
 * write rsp last. */
void stack_push(struct x86 *, const struct op *, unsigned size, uint64_t value);
uint64_t stack_pop(struct x86 *, const struct op *, unsigned size);
/* Read the item at rsp + `skip` bytes without popping. */
uint64_t stack_peek(struct x86 *, const struct op *, unsigned skip, unsigned size);
/* rsp += bytes, in the stack's size. */
void stack_adjust(struct x86 *, int64_t bytes);

/* ---------------------------------------------------------------- flags of results */

/* Logic result of `bits` bits: CF = OF = AF = 0. */
#define FLAGS_LOGIC(bits, r) (cpu->cc_res = (uint64_t)(int64_t)(int##bits##_t)(r), cpu->cc_aux = 0)

#endif

/* avx_mem.c - masked moves and gathers: elements of memory that a mask leaves out are not accessed and cannot fault.
 *
 * Source: Intel SDM volume 2, VMASKMOV, VPMASKMOV, VPGATHER; volume 1, 14.9.
 *
 * A gather is done element by element, from the lowest on, and an element that was loaded has its mask cleared at once: what faults
 * leaves those before it done, and is continued after the fault is handled. */
#include "hv/x86/vector/simd.h"

enum { MOST = 8 };

static bool in_mask(const struct x86 *cpu, unsigned r, unsigned i, unsigned bytes)
{
    unsigned at = i * bytes + bytes - 1; /* the byte with the sign */
    return (at < 16 ? cpu->xmm[r].b[at] : cpu->ymmh[r].b[at - 16]) >> 7;
}
static uint64_t element(const struct x86 *cpu, unsigned r, unsigned i, unsigned bytes)
{
    uint64_t v = 0;
    unsigned at = i * bytes;
    memcpy(&v, at < 16 ? &cpu->xmm[r].b[at] : &cpu->ymmh[r].b[at - 16], bytes);
    return v;
}
static void set_element(struct x86 *cpu, unsigned r, unsigned i, unsigned bytes, uint64_t v)
{
    unsigned at = i * bytes;
    memcpy(at < 16 ? &cpu->xmm[r].b[at] : &cpu->ymmh[r].b[at - 16], &v, bytes);
}
static uint64_t load_element(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned bytes)
{
    return bytes == 4 ? ld32(cpu, op, lin) : ld64(cpu, op, lin);
}

/* ---------------------------------------------------------------- masked moves */

/* The linear address of element i. */
static uint64_t place(struct x86 *cpu, const struct op *op, unsigned i, unsigned bytes, bool write)
{
    uint64_t off = ea_offset(cpu, op) + i * bytes;
    off = op->asize == 2 ? off : op->asize == 1 ? (uint32_t)off : (uint16_t)off;
    return seg_linear(cpu, op, op->seg, off, bytes, write);
}

static __attribute__((noinline)) void mask_load(struct x86 *cpu, const struct op *op, unsigned bytes)
{
    uint64_t v[MOST] = {0};
    unsigned n = (is_256(op) ? 32 : 16) / bytes;
    for (unsigned i = 0; i < n; i++)
        if (in_mask(cpu, op->vvvv, i, bytes))
            v[i] = load_element(cpu, op, place(cpu, op, i, bytes, false), bytes);
    ymm_set128(cpu, op->dst, _mm_setzero_si128());
    for (unsigned i = 0; i < n; i++)
        set_element(cpu, op->dst, i, bytes, v[i]);
}

/* All or nothing: what can fault does so before anything is stored. */
static __attribute__((noinline)) void mask_store(struct x86 *cpu, const struct op *op, unsigned bytes)
{
    uint64_t at[MOST];
    unsigned n = (is_256(op) ? 32 : 16) / bytes;
    for (unsigned i = 0; i < n; i++)
        if (in_mask(cpu, op->vvvv, i, bytes)) {
            at[i] = place(cpu, op, i, bytes, true);
            if (!host_w(cpu, at[i], bytes))
                mem_probe(cpu, op, at[i], bytes, true);
        }
    for (unsigned i = 0; i < n; i++)
        if (in_mask(cpu, op->vvvv, i, bytes))
            st_sized(cpu, op, at[i], bytes == 4 ? 2 : 3, element(cpu, op->src, i, bytes));
}

#define MASKED(bits)                                                                                         \
    static OP(vmaskload##bits##_m)                                                                           \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        mask_load(cpu, op, bits / 8);                                                                        \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(vmaskstore##bits##_m)                                                                          \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        mask_store(cpu, op, bits / 8);                                                                       \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_vmaskload##bits, NULL, vmaskload##bits##_m);                                               \
    FAMILY_RM(fam_vmaskstore##bits, NULL, vmaskstore##bits##_m);
MASKED(32)
MASKED(64)

/* ---------------------------------------------------------------- gathers */

/* The address of element i: base, displacement, and the signed index, scaled. */
static uint64_t gather_place(struct x86 *cpu, const struct op *op, unsigned i, unsigned index_bytes,
                             unsigned bytes)
{
    uint64_t index = element(cpu, op->aux, i, index_bytes);
    if (index_bytes == 4)
        index = (uint64_t)(int64_t)(int32_t)index;
    uint64_t off = cpu->gpr[op->base] + (index << op->scale) + (uint64_t)(int64_t)op->disp;
    off = op->asize == 2 ? off : (uint32_t)off;
    return seg_linear(cpu, op, op->seg, off, bytes, false);
}

/* The number of elements is what fits both a vector of them and one of indices. */
static __attribute__((noinline)) void gather(struct x86 *cpu, const struct op *op, unsigned index_bytes,
                                             unsigned bytes)
{
    unsigned size = is_256(op) ? 32 : 16, wider = index_bytes > bytes ? index_bytes : bytes, n = size / wider;
    for (unsigned i = 0; i < size / bytes; i++) /* the mask is all ones or all zeros from here on */
        set_element(cpu, op->vvvv, i, bytes, i < n && in_mask(cpu, op->vvvv, i, bytes) ? UINT64_MAX : 0);
    for (unsigned i = 0; i < n; i++) {
        if (!in_mask(cpu, op->vvvv, i, bytes))
            continue;
        uint64_t v = load_element(cpu, op, gather_place(cpu, op, i, index_bytes, bytes), bytes);
        set_element(cpu, op->dst, i, bytes, v);
        set_element(cpu, op->vvvv, i, bytes, 0);
    }
    for (unsigned i = n; i < size / bytes; i++)
        set_element(cpu, op->dst, i, bytes, 0);
    ymmh_set(cpu, op->vvvv, _mm_setzero_si128());
    if (!is_256(op))
        ymmh_set(cpu, op->dst, _mm_setzero_si128());
}

#define GATHER(name, index_bytes, bytes)                                                                     \
    static OP(vgather_##name)                                                                                \
    {                                                                                                        \
        avx_check(cpu, op);                                                                                  \
        gather(cpu, op, index_bytes, bytes);                                                                 \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_vgather_##name, NULL, vgather_##name);
GATHER(d32, 4, 4)
GATHER(d64, 4, 8)
GATHER(q32, 8, 4)
GATHER(q64, 8, 8)

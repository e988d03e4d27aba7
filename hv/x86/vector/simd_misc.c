/* simd_misc.c - instructions that came with the SSE extensions but use no SSE state: fences, cache hints,
 * MONITOR and MWAIT, MOVBE, POPCNT.
 *
 * Source: Intel SDM volume 2, the instruction pages; volume 3, 13.1. */
#include "hv/x86/vector/simd.h"
#include "hv/x86/virt/virt.h"

/* ---------------------------------------------------------------- fences and hints
 *
 * There is no cache, and every access is in program order. A prefetch touches no memory and never faults. */

static OP(simd_nop)
{
    NEXT;
}
FAMILY1(fam_fence, simd_nop);
FAMILY1(fam_prefetch, simd_nop);

/* CLFLUSH and the like fault as a load of the byte would. */
static void probe_byte(struct x86 *cpu, const struct op *op, uint64_t lin)
{
    if (!host_r(cpu, lin, 1))
        mem_probe(cpu, op, lin, 1, false);
}
static OP(clflush_m)
{
    probe_byte(cpu, op, ea_any(cpu, op, 1, false));
    NEXT;
}
FAMILY_RM(fam_clflush, NULL, clflush_m);

/* MONITOR faults as a load of the byte at seg:rAX would. MWAIT may end for implementation-dependent reasons
 * (SDM volume 2, MWAIT): here it ends immediately, so there is no state to keep. */
static void monitor_checks(struct x86 *cpu, const struct op *op)
{
    SYNC;
    if (cpu->cpl)
        raise_fault(cpu, VEC_UD);
}
static OP(monitor)
{
    monitor_checks(cpu, op);
    if (R32(RCX))
        raise_error(cpu, VEC_GP, 0);
    virt_intercept(cpu, op, VIRT_MONITOR, 0);
    uint64_t off = R64(RAX);
    off = op->asize == 2 ? off : op->asize == 1 ? (uint32_t)off : (uint16_t)off;
    probe_byte(cpu, op, seg_linear(cpu, op, op->seg, off, 1, false));
    NEXT;
}
static OP(mwait)
{
    monitor_checks(cpu, op);
    if (R32(RCX) & ~1u) /* bit 0: masked interrupts end it too */
        raise_error(cpu, VEC_GP, 0);
    virt_intercept(cpu, op, VIRT_MWAIT, 0); /* the monitor is never armed: it ends immediately */
    NEXT;
}
FAMILY1(fam_monitor, monitor);
FAMILY1(fam_mwait, mwait);

/* ---------------------------------------------------------------- MOVBE */

#define MOVBE(bits)                                                                                          \
    static OP(movbe_load##bits)                                                                              \
    {                                                                                                        \
        SET##bits(op->dst, __builtin_bswap##bits(ld##bits(cpu, op, ea_any(cpu, op, bits / 8, false))));      \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(movbe_store##bits)                                                                             \
    {                                                                                                        \
        st##bits(cpu, op, ea_any(cpu, op, bits / 8, true), __builtin_bswap##bits(R##bits(op->src)));         \
        NEXT;                                                                                                \
    }
MOVBE(16)
MOVBE(32)
MOVBE(64)

/* Memory forms by osize 1 to 3. */
#define FAMILY_M_SIZED(fam, f1, f2, f3)                                                                      \
    const struct family fam = {{SIMD_ROW(NULL), {NULL, f1, f2, f3}, {NULL, f1, f2, f3}}}
FAMILY_M_SIZED(fam_movbe_load, movbe_load16, movbe_load32, movbe_load64);
FAMILY_M_SIZED(fam_movbe_store, movbe_store16, movbe_store32, movbe_store64);
/* The rows with prefix 66. The decoder treats it as a mandatory prefix there, but it selects the other
 * operand size as usual. */
FAMILY_M_SIZED(fam_movbe_load_66, movbe_load32, movbe_load16, movbe_load64);
FAMILY_M_SIZED(fam_movbe_store_66, movbe_store32, movbe_store16, movbe_store64);

/* ---------------------------------------------------------------- POPCNT */

static void popcnt(struct x86 *cpu, const struct op *op, uint64_t v)
{
    unsigned n = (unsigned)__builtin_popcountll(v);
    reg_set_sized(cpu, op->dst, op->osize, n);
    cc_set(cpu, n ? 0 : FLAG_ZF);
}
static OP(popcnt_r)
{
    popcnt(cpu, op, reg_get_sized(cpu, op->src, op->osize));
    NEXT;
}
static OP(popcnt_m)
{
    popcnt(cpu, op, ld_sized(cpu, op, ea_any(cpu, op, 1u << op->osize, false), op->osize));
    NEXT;
}
FAMILY_RM(fam_popcnt, popcnt_r, popcnt_m);

/* test_x87_ops.c - the handlers of x87.c and x87_env.c: exceptions, the error line, instruction pointers, and
 * the images of state in guest memory. What the instructions compute is in test_x87.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/exec.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/x87/x87.h"
#include "tests/host_asked.h"

enum { RAM_SIZE = 0x10000, AREA = 0x2000, NO_FAULT = -1 };

extern const struct family x87_fadd_0i, x87_fchs, x87_fsqrt, x87_fstp_f64, x87_fld_f32, x87_fnstsw_ax,
    x87_fnclex, x87_wait, x87_emms, x87_fnsave, x87_frstor, x87_fnstenv, x87_fldenv, x87_fxsave, x87_fxrstor,
    x87_xsave, x87_xrstor, x87_xgetbv, x87_xsetbv, x87_ldmxcsr, x87_stmxcsr, x87_fldcw;

/* A processor without decoder: 64-bit or 32-bit flat, memory at 0. */
struct rig {
    struct x86 *cpu;
    struct physmem *mem;
    uint8_t *ram;
    struct block *block;
    int ferr_calls;
    bool ferr;
};

static void on_ferr(void *ctx, bool level)
{
    struct rig *r = ctx;
    r->ferr = level;
    r->ferr_calls++;
}

static int setup(void **state)
{
    struct rig *r = mem_zero(1, sizeof *r);
    const struct engine_host host = host_asked();
    r->mem = physmem_create(RAM_SIZE, &host);
    struct ramblock *ram = physmem_block(r->mem, "ram", RAM_SIZE);
    physmem_map(r->mem, 0, RAM_SIZE, ram, 0, ram, 0, false);
    r->ram = ramblock_host(ram);
    r->cpu = aligned_alloc(64, (sizeof *r->cpu + 63) & ~(size_t)63);
    memset(r->cpu, 0, sizeof *r->cpu);
    r->cpu->mem = r->mem;
    r->cpu->bus.ctx = r;
    r->cpu->bus.ferr = on_ferr;
    r->block = mem_zero(1, sizeof *r->block + 2 * sizeof(struct op));
    struct error err;
    assert_int_equal(cpuid_select(r->cpu, NULL, &err), 0);
    physmem_attach(r->mem, r->cpu);
    tlb_start(r->cpu);
    tlb_select(r->cpu);
    fpu_reset(&r->cpu->fpu);
    for (unsigned i = 0; i < NSEG; i++)
        r->cpu->seg[i] = (struct seg){
            .limit = 0xffffffff, .attr = SEG_P | SEG_S | SEG_WRITABLE, .reach = {UINT64_MAX, UINT64_MAX}};
    r->cpu->seg[CS].sel = 0x10;
    r->cpu->seg[DS].sel = 0x18;
    r->cpu->cr0 = CR0_PE | CR0_NE | CR0_MP;
    r->cpu->cr4 = CR4_OSFXSR | CR4_OSXSAVE;
    r->cpu->xcr0 = 3;
    r->cpu->flags = FLAG_1;
    r->cpu->code_bits = 32;
    r->cpu->gpr[REG_RIP] = 0x1000;
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    physmem_detach(r->mem, r->cpu);
    physmem_destroy(r->mem);
    free(r->block);
    tlb_free(r->cpu);
    free(r->cpu);
    free(r);
    return 0;
}

static const struct op *op_stop(struct x86 *cpu, const struct op *op)
{
    return NULL;
}

/* One instruction with memory operand at `address`; the vector raised, or NO_FAULT. */
static int run(struct rig *r, const struct family *f, struct op op, uint32_t address)
{
    jmp_buf jump;
    struct x86 *cpu = r->cpu;
    op.disp = (int32_t)address;
    op.base = op.index = REG_ZERO;
    op.asize = 1;
    op.seg = op.seg ? op.seg : DS;
    op.len = 2;
    r->block->n = 1;
    r->block->ops[0] = op;
    r->block->ops[1] = (struct op){.fn = op_stop};
    cpu->block = r->block;
    cpu->unwind = &jump;
    if (setjmp(jump))
        return cpu->fault.vector;
    f->fn[FORM_MEM][2](cpu, &r->block->ops[0]);
    return NO_FAULT;
}

static int run_reg(struct rig *r, const struct family *f, uint8_t modrm)
{
    return run(r, f, (struct op){.modrm = modrm, .osize = 2, .off = 0x20}, 0);
}
static int run_mem(struct rig *r, const struct family *f, uint32_t address)
{
    return run(r, f, (struct op){.osize = 2, .off = 0x20, .modrm = 0x05}, address);
}

static void put16(struct rig *r, unsigned at, uint16_t v)
{
    memcpy(r->ram + at, &v, 2);
}
static void put32(struct rig *r, unsigned at, uint32_t v)
{
    memcpy(r->ram + at, &v, 4);
}
static void put64(struct rig *r, unsigned at, uint64_t v)
{
    memcpy(r->ram + at, &v, 8);
}
static uint32_t get32(struct rig *r, unsigned at)
{
    uint32_t v;
    memcpy(&v, r->ram + at, 4);
    return v;
}
static uint64_t get64(struct rig *r, unsigned at)
{
    return get32(r, at) | (uint64_t)get32(r, at + 4) << 32;
}

/* ---------------------------------------------------------------- exceptions */

static void test_not_available(void **state)
{
    struct rig *r = *state;
    r->cpu->cr0 |= CR0_TS;
    assert_int_equal(run_reg(r, &x87_fadd_0i, 0xc0), VEC_NM);
    assert_int_equal(run_reg(r, &x87_fnstsw_ax, 0xe0), VEC_NM);
    assert_int_equal(run_reg(r, &x87_wait, 0), VEC_NM);
    assert_int_equal(run_reg(r, &x87_emms, 0), VEC_NM);
    assert_int_equal(run_mem(r, &x87_ldmxcsr, AREA), VEC_NM);
    assert_int_equal(run_mem(r, &x87_xsave, AREA), VEC_NM);
    assert_int_equal(run_mem(r, &x87_fxsave, AREA), VEC_NM);
    r->cpu->cr0 &= ~(uint64_t)CR0_MP;
    assert_int_equal(run_reg(r, &x87_wait, 0), NO_FAULT);
    r->cpu->cr0 = (r->cpu->cr0 & ~(uint64_t)CR0_TS) | CR0_EM;
    assert_int_equal(run_reg(r, &x87_fadd_0i, 0xc0), VEC_NM);
    assert_int_equal(run_reg(r, &x87_emms, 0), VEC_UD);
    assert_int_equal(run_mem(r, &x87_ldmxcsr, AREA), VEC_UD);
    assert_int_equal(run_reg(r, &x87_wait, 0), NO_FAULT);
}

static void test_pending_error(void **state)
{
    struct rig *r = *state;
    r->cpu->fpu.cw = 0x37e; /* invalid operation unmasked */
    assert_int_equal(run_reg(r, &x87_fchs, 0xe0), NO_FAULT);
    assert_int_equal(r->cpu->fpu.sw, SW_IE | SW_SF | SW_ES | SW_B);
    assert_int_equal(run_reg(r, &x87_fchs, 0xe0), VEC_MF);
    assert_int_equal(run_reg(r, &x87_wait, 0), VEC_MF);
    assert_int_equal(run_reg(r, &x87_emms, 0), VEC_MF);
    assert_int_equal(run_reg(r, &x87_fnstsw_ax, 0xe0), NO_FAULT);
    assert_int_equal(r->cpu->gpr[RAX], r->cpu->fpu.sw);
    assert_int_equal(run_reg(r, &x87_fnclex, 0xe2), NO_FAULT);
    assert_int_equal(run_reg(r, &x87_wait, 0), NO_FAULT);
    assert_int_equal(r->ferr_calls, 0);
}

static void test_error_line(void **state)
{
    struct rig *r = *state;
    r->cpu->cr0 &= ~(uint64_t)CR0_NE;
    r->cpu->fpu.cw = 0x37e;
    assert_int_equal(run_reg(r, &x87_fchs, 0xe0), NO_FAULT);
    assert_true(r->ferr);
    assert_null(r->cpu->block); /* left, so that the interrupt can come */
    assert_int_equal(r->cpu->gpr[REG_RIP], 0x1022);
    r->cpu->gpr[REG_RIP] = 0x1000;
    assert_int_equal(run_reg(r, &x87_fnclex, 0xe2), NO_FAULT);
    assert_false(r->ferr);
    /* Unmasking a flag that is set, by FLDCW. */
    r->cpu->fpu.cw = 0x37f;
    run_reg(r, &x87_fchs, 0xe0);
    assert_false(r->ferr);
    put16(r, AREA, 0x37e);
    run_mem(r, &x87_fldcw, AREA);
    assert_true(r->ferr);
}

/* A store that faults changes nothing, and the stack is not popped. */
static void test_store_fault(void **state)
{
    struct rig *r = *state;
    struct fpreg one = fpreg_make(false, 0x3fff, 1ull << 63);
    fpu_push_reg(&r->cpu->fpu, one);
    struct fpu before = r->cpu->fpu;
    r->cpu->seg[DS].limit = AREA + 6;
    r->cpu->seg[DS].reach[1] = AREA + 7;
    assert_int_equal(run_mem(r, &x87_fstp_f64, AREA), VEC_GP);
    assert_memory_equal(&before, &r->cpu->fpu, sizeof before);
    r->cpu->seg[DS].limit = AREA + 7;
    r->cpu->seg[DS].reach[1] = AREA + 8;
    assert_int_equal(run_mem(r, &x87_fstp_f64, AREA), NO_FAULT);
    assert_true(get64(r, AREA) == 0x3ff0000000000000);
    assert_int_equal(r->cpu->fpu.empty, 0xff);
}

static void test_pointers(void **state)
{
    struct rig *r = *state;
    put32(r, AREA, 0x3f800000);
    run_mem(r, &x87_fld_f32, AREA);
    assert_int_equal(r->cpu->fpu.fip, 0x1020);
    assert_int_equal(r->cpu->fpu.fcs, 0x10);
    assert_int_equal(r->cpu->fpu.fdp, AREA);
    assert_int_equal(r->cpu->fpu.fds, 0x18);
    assert_int_equal(r->cpu->fpu.fop, 0x105);
    run_mem(r, &x87_fldcw, AREA); /* control: not noted */
    assert_int_equal(r->cpu->fpu.fop, 0x105);
    run_reg(r, &x87_fsqrt, 0xfa);
    assert_int_equal(r->cpu->fpu.fop, 0x1fa);
    assert_int_equal(r->cpu->fpu.fdp, AREA);
}

/* ---------------------------------------------------------------- images */

static void fill(struct rig *r)
{
    struct fpu *f = &r->cpu->fpu;
    for (unsigned i = 0; i < 5; i++)
        fpu_push_reg(f, fpreg_make(i & 1, 0x3fff + 3 * i, 0x8000000000000000 + 0x123456789abull * i));
    f->sw |= SW_C3 | SW_PE | SW_C1;
    f->fip = 0x12345678;
    f->fdp = 0x9abcdef0;
    f->fcs = 0x10;
    f->fds = 0x18;
    f->fop = 0x5a5;
    f->mxcsr = 0x1fa0;
    for (unsigned i = 0; i < 16; i++)
        r->cpu->xmm[i] = (union xmm){.q = {0x1111111111111111ull * i, ~0x0123456789abcdefull + i}};
}

static void test_fnsave(void **state)
{
    struct rig *r = *state;
    fill(r);
    struct fpu before = r->cpu->fpu;
    assert_int_equal(run_mem(r, &x87_fnsave, AREA), NO_FAULT);
    assert_int_equal(get32(r, AREA), 0xffff037f);
    assert_int_equal(get32(r, AREA + 12), 0x12345678);
    assert_int_equal(get32(r, AREA + 16), 0x05a50010);
    assert_int_equal(get32(r, AREA + 20), 0x9abcdef0);
    assert_int_equal(r->cpu->fpu.empty, 0xff);
    assert_int_equal(r->cpu->fpu.sw, 0);
    assert_int_equal(run_mem(r, &x87_frstor, AREA), NO_FAULT);
    assert_memory_equal(&before, &r->cpu->fpu, sizeof before);
}

/* 16-bit real-mode format: linear addresses, the opcode. */
static void test_fnstenv_real(void **state)
{
    struct rig *r = *state;
    struct op op = {.osize = 1};
    fill(r);
    r->cpu->cr0 &= ~(uint64_t)CR0_PE;
    r->cpu->fpu.fcs = 0x1234;
    r->cpu->fpu.fip = 0x5678;
    r->cpu->fpu.fds = 0xf000;
    r->cpu->fpu.fdp = 0x0010;
    assert_int_equal(run(r, &x87_fnstenv, op, AREA), NO_FAULT);
    assert_int_equal(get32(r, AREA + 4) >> 16, 0x79b8);
    assert_int_equal(get32(r, AREA + 8), 0x0010 << 16 | 0x1000 | 0x5a5);
    assert_int_equal(get32(r, AREA + 12) & 0xffff, 0xf000);
    run(r, &x87_fldenv, op, AREA);
    assert_int_equal(r->cpu->fpu.fip, 0x179b8);
    assert_int_equal(r->cpu->fpu.fdp, 0xf0010);
    assert_int_equal(r->cpu->fpu.fop, 0x5a5);
}

static void test_fxsave(void **state)
{
    struct rig *r = *state;
    fill(r);
    struct fpu before = r->cpu->fpu;
    union xmm xmm7 = r->cpu->xmm[7], xmm8 = r->cpu->xmm[8];
    assert_int_equal(run_mem(r, &x87_fxsave, AREA + 8), VEC_GP);
    memset(r->ram + AREA, 0xee, 512);
    assert_int_equal(run_mem(r, &x87_fxsave, AREA), NO_FAULT);
    assert_int_equal(r->ram[AREA + 4], 0xf8); /* five registers in use: 3 to 7 */
    assert_int_equal(get32(r, AREA + 24), 0x1fa0);
    assert_int_equal(get32(r, AREA + 28), 0xffff);
    assert_memory_equal(r->ram + AREA + 160 + 7 * 16, &xmm7, 16);
    assert_int_equal(r->ram[AREA + 160 + 8 * 16], 0xee); /* not in 32-bit code */
    fpu_reset(&r->cpu->fpu);
    memset(r->cpu->xmm, 0, sizeof r->cpu->xmm);
    assert_int_equal(run_mem(r, &x87_fxrstor, AREA), NO_FAULT);
    assert_memory_equal(&before, &r->cpu->fpu, sizeof before);
    assert_memory_equal(&r->cpu->xmm[7], &xmm7, 16);
    put32(r, AREA + 24, 0x11fa0);
    assert_int_equal(run_mem(r, &x87_fxrstor, AREA), VEC_GP);
    /* 64-bit: all of XMM, 64-bit pointers. */
    r->cpu->mode64 = true;
    r->cpu->code_bits = 64;
    r->cpu->xmm[8] = xmm8;
    r->cpu->fpu.fip = 0x123456789abc;
    struct op op = {.osize = 3, .pfx = PFX_REXW};
    assert_int_equal(run(r, &x87_fxsave, op, AREA), NO_FAULT);
    assert_true(get64(r, AREA + 8) == 0x123456789abc);
    assert_memory_equal(r->ram + AREA + 160 + 8 * 16, &xmm8, 16);
}

/* The host loads our image and stores it again: the same, but for the pointers and what is reserved. */
static void test_fxsave_host(void **state)
{
    struct rig *r = *state;
    static uint8_t keep[512] __attribute__((aligned(16))), ours[512] __attribute__((aligned(16))),
        host[512] __attribute__((aligned(16)));
    fill(r);
    r->cpu->mode64 = true;
    struct op op = {.osize = 3, .pfx = PFX_REXW};
    run(r, &x87_fxsave, op, AREA);
    memcpy(ours, r->ram + AREA, 512);
    memset(ours + 416, 0, 96);
    memset(host, 0, 512);
    __asm__ volatile("fxsave64 %0\n\tfxrstor64 %2\n\tfxsave64 %1\n\tfxrstor64 %0"
                     : "+m"(keep), "+m"(host)
                     : "m"(ours));
    assert_memory_equal(ours, host, 6);
    assert_int_equal(ours[24] | ours[25] << 8, host[24] | host[25] << 8);
    for (unsigned i = 0; i < 8; i++)
        assert_memory_equal(ours + 32 + 16 * i, host + 32 + 16 * i, 10);
    assert_memory_equal(ours + 160, host + 160, 256);
}

static void test_xsave(void **state)
{
    struct rig *r = *state;
    fill(r);
    struct fpu before = r->cpu->fpu;
    union xmm xmm3 = r->cpu->xmm[3];
    r->cpu->gpr[RAX] = 3;
    memset(r->ram + AREA, 0, 576);
    assert_int_equal(run_mem(r, &x87_xsave, AREA + 16), VEC_GP);
    assert_int_equal(run_mem(r, &x87_xsave, AREA), NO_FAULT);
    assert_true(get64(r, AREA + 512) == 3);
    fpu_reset(&r->cpu->fpu);
    memset(r->cpu->xmm, 0, sizeof r->cpu->xmm);
    assert_int_equal(run_mem(r, &x87_xrstor, AREA), NO_FAULT);
    assert_memory_equal(&before, &r->cpu->fpu, sizeof before);
    assert_memory_equal(&r->cpu->xmm[3], &xmm3, 16);
    /* A component that is not in the image gets its initial state; MXCSR is loaded with SSE. */
    put64(r, AREA + 512, 0);
    put32(r, AREA + 24, 0x1f81);
    assert_int_equal(run_mem(r, &x87_xrstor, AREA), NO_FAULT);
    assert_int_equal(r->cpu->fpu.empty, 0xff);
    assert_int_equal(r->cpu->fpu.cw, 0x37f);
    assert_int_equal(r->cpu->fpu.mxcsr, 0x1f81);
    assert_true(r->cpu->xmm[3].q[0] == 0);
    put64(r, AREA + 512, 4);
    assert_int_equal(run_mem(r, &x87_xrstor, AREA), VEC_GP);
    put64(r, AREA + 512, 3);
    put64(r, AREA + 520, 1ull << 63);
    assert_int_equal(run_mem(r, &x87_xrstor, AREA), VEC_GP);
    r->cpu->cr4 &= ~(uint64_t)CR4_OSXSAVE;
    assert_int_equal(run_mem(r, &x87_xrstor, AREA), VEC_UD);
}

static void test_xcr0(void **state)
{
    struct rig *r = *state;
    assert_int_equal(run_reg(r, &x87_xgetbv, 0xd0), NO_FAULT);
    assert_int_equal(r->cpu->gpr[RAX], 3);
    r->cpu->gpr[RAX] = 1;
    assert_int_equal(run_reg(r, &x87_xsetbv, 0xd1), NO_FAULT);
    assert_int_equal(r->cpu->xcr0, 1);
    r->cpu->gpr[RAX] = 2;
    assert_int_equal(run_reg(r, &x87_xsetbv, 0xd1), VEC_GP);
    r->cpu->gpr[RAX] = 7;
    assert_int_equal(run_reg(r, &x87_xsetbv, 0xd1), VEC_GP);
    r->cpu->gpr[RCX] = 1;
    assert_int_equal(run_reg(r, &x87_xgetbv, 0xd0), VEC_GP);
    r->cpu->gpr[RCX] = 0;
    r->cpu->gpr[RAX] = 3;
    r->cpu->cpl = 3;
    assert_int_equal(run_reg(r, &x87_xsetbv, 0xd1), VEC_GP);
}

static void test_mxcsr(void **state)
{
    struct rig *r = *state;
    assert_int_equal(run_mem(r, &x87_stmxcsr, AREA), NO_FAULT);
    assert_int_equal(get32(r, AREA), 0x1f80);
    put32(r, AREA, 0xffff);
    assert_int_equal(run_mem(r, &x87_ldmxcsr, AREA), NO_FAULT);
    assert_int_equal(r->cpu->fpu.mxcsr, 0xffff);
    put32(r, AREA, 0x10000);
    assert_int_equal(run_mem(r, &x87_ldmxcsr, AREA), VEC_GP);
    r->cpu->cr4 &= ~(uint64_t)CR4_OSFXSR;
    assert_int_equal(run_mem(r, &x87_stmxcsr, AREA), VEC_UD);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_not_available), TEST(test_pending_error), TEST(test_error_line),   TEST(test_store_fault),
        TEST(test_pointers),      TEST(test_fnsave),        TEST(test_fnstenv_real), TEST(test_fxsave),
        TEST(test_fxsave_host),   TEST(test_xsave),         TEST(test_xcr0),         TEST(test_mxcsr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

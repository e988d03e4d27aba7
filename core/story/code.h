/* code.h - the places where a function of the guest returns, jumps and calls. They are found once, by
 * disassembly (capstone), so that probes can be set at fixed addresses. For 64- and 32-bit code.
 */
#ifndef BOOTREEL_CORE_STORY_CODE_H
#define BOOTREEL_CORE_STORY_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum code_kind {
    CODE_RETURN,        /* ret */
    CODE_JUMP,          /* jmp to `target`, always taken */
    CODE_BRANCH,        /* a conditional jump to `target` */
    CODE_JUMP_THROUGH,  /* jmp through a register or memory */
    CODE_CALL,          /* call `target` */
    CODE_CALL_REGISTER, /* call through the register `reg` */
    CODE_CALL_MEMORY,   /* call through memory; at `reg` + `target` if `reg` is not NULL */
    CODE_PERCPU_LOAD,   /* a load of a pointer from gs:`target` (32-bit code: fs:`target`) */
    CODE_LOAD,   /* a load of 32 bits or a pointer from `target`, which a register may have as a constant */
    CODE_MASK,   /* and of a register with a constant, `target`, that clears the lower 12 to 20 bits */
    CODE_MEMBER, /* a load of 32 bits or a pointer from `reg` + `target` */
};

struct code_site {
    enum code_kind kind;
    uint64_t address;
    unsigned length; /* bytes */
    uint64_t target;
    const char *reg; /* "rbx"; "ebx" in 32-bit code */
};

struct code_reader; /* a disassembler */

/* `bits`: 64 or 32. NULL if capstone cannot disassemble such code. */
struct code_reader *code_new(unsigned bits);
void code_free(struct code_reader *c);
/* Disassembles n bytes of code that are at `address` in the guest, and calls fn for each site. Stops at bytes
 * that are not an instruction. */
void code_sites(struct code_reader *c, const void *bytes, size_t n, uint64_t address,
                void (*fn)(void *ctx, const struct code_site *site), void *ctx);

#endif

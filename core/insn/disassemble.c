/* disassemble.c - see disassemble.h. */
#include <stdio.h>
#include <stdlib.h>

#include "core/insn/disassemble.h"
#include "base/memory.h"
#include "core/insn/insn.h"

void disassemble_checks_memory(void)
{
    cs_opt_mem memory = {mem_alloc, mem_zero, mem_resize, free, vsnprintf};
    cs_option(0, CS_OPT_MEM, (uintptr_t)&memory);
}

bool disassemble(uint64_t address, unsigned bits, const void *bytes, size_t n, struct instruction *in)
{
    struct insn_decoder d = {0};
    const cs_insn *found = insn_disassemble(&d, bits, address, bytes, n);
    *in = (struct instruction){0};
    if (found) {
        in->id = found->id;
        in->length = found->size;
        snprintf(in->text, sizeof in->text, "%.20s%s%.70s", found->mnemonic, *found->op_str ? " " : "",
                 found->op_str);
    }
    insn_close(&d);
    return found;
}

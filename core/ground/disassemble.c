/* disassemble.c - see disassemble.h. */
#include <capstone/capstone.h>
#include <stdio.h>

#include "core/ground/disassemble.h"
#include "traces/memory.h"

void disassemble_checks_memory(void)
{
    cs_opt_mem memory = {mem_alloc, mem_zero, mem_resize, free, vsnprintf};
    cs_option(0, CS_OPT_MEM, (uintptr_t)&memory);
}

bool disassemble(uint64_t address, unsigned bits, const void *bytes, size_t n, struct instruction *in)
{
    const cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    csh handle;
    cs_insn *found;
    *in = (struct instruction){0};
    if (cs_open(CS_ARCH_X86, mode, &handle) != CS_ERR_OK)
        return false;
    const size_t got = cs_disasm(handle, bytes, n, address, 1, &found);
    if (got) {
        in->id = found->id;
        in->length = found->size;
        snprintf(in->text, sizeof in->text, "%.20s%s%.70s", found->mnemonic, *found->op_str ? " " : "",
                 found->op_str);
        cs_free(found, got);
    }
    cs_close(&handle);
    return got;
}

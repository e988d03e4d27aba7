/* insn_table.c - all rows in one array. */
#include "hv/x86/decode/insn.h"

#define ROW(map, pfx, opcode, ext, mnemonic, a, b, c, flags, feature, fam) extern const struct family fam;
#include "hv/x86/decode/table/integer.def"
#include "hv/x86/decode/table/system.def"
#include "hv/x86/decode/table/x87.def"
#include "hv/x86/decode/table/simd.def"
#include "hv/x86/decode/table/vector.def"
#include "hv/x86/decode/table/virtual.def"
#undef ROW

static const struct insn_row rows[] = {
#define ROW(map, pfx, opcode, ext, mnemonic, a, b, c, flags, feature, fam)                                   \
    {map, pfx, opcode, ext, mnemonic, {O_##a, O_##b, O_##c}, flags, feature, &fam},
#include "hv/x86/decode/table/integer.def"
#include "hv/x86/decode/table/system.def"
#include "hv/x86/decode/table/x87.def"
#include "hv/x86/decode/table/simd.def"
#include "hv/x86/decode/table/vector.def"
#include "hv/x86/decode/table/virtual.def"
#undef ROW
};

const struct insn_row *insn_rows(size_t *count)
{
    if (count)
        *count = sizeof rows / sizeof rows[0];
    return rows;
}

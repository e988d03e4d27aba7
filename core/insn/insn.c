/* insn.c - see insn.h. */
#include <string.h>

#include "core/insn/insn.h"

static unsigned mode_of(unsigned bits)
{
    return bits == 64 ? 2 : bits == 32 ? 1 : 0;
}

/* ---------------------------------------------------------------- decoding */

static bool opened(struct insn_decoder *d, unsigned mode)
{
    static const cs_mode modes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    if (d->handle[mode])
        return true;
    if (cs_open(CS_ARCH_X86, modes[mode], &d->handle[mode]) != CS_ERR_OK) {
        d->handle[mode] = 0;
        return false;
    }
    cs_option(d->handle[mode], CS_OPT_DETAIL, CS_OPT_ON);
    if (!d->insn)
        d->insn = cs_malloc(d->handle[mode]);
    return true;
}

static bool has_mmx(const cs_insn *in)
{
    const cs_x86 *x = &in->detail->x86;
    for (unsigned k = 0; k < x->op_count; k++)
        if (x->operands[k].type == X86_OP_REG && x->operands[k].reg >= X86_REG_MM0 &&
            x->operands[k].reg <= X86_REG_MM7)
            return true;
    return false;
}

/* In 16-bit code capstone takes instructions on XMM registers for those on MMX registers. They are the same in 32-bit code with 16-bit
 * addresses. */
static void decode_narrow_vector(struct insn_decoder *d, uint64_t address, const uint8_t *bytes, size_t n)
{
    uint8_t with[INSTRUCTION_BYTES + 1] = {0x67};
    const uint8_t *p = with;
    size_t left = 1 + (n < INSTRUCTION_BYTES ? n : INSTRUCTION_BYTES);
    memcpy(with + 1, bytes, left - 1);
    if (opened(d, mode_of(32)) && cs_disasm_iter(d->handle[mode_of(32)], &p, &left, &address, d->insn))
        d->insn->size--;
}

const cs_insn *insn_next(struct insn_decoder *d, unsigned bits, uint64_t *address, const uint8_t **bytes,
                         size_t *n)
{
    const uint8_t *p = *bytes;
    const size_t all = *n;
    const uint64_t at = *address;
    if (!opened(d, mode_of(bits)) || !cs_disasm_iter(d->handle[mode_of(bits)], bytes, n, address, d->insn))
        return NULL;
    if (bits == 16 && all > 2 && (p[0] == 0x66 || p[0] == 0xf3) && p[1] == 0x0f && has_mmx(d->insn))
        decode_narrow_vector(d, at, p, all);
    return d->insn;
}

const cs_insn *insn_disassemble(struct insn_decoder *d, unsigned bits, uint64_t address, const void *bytes,
                                size_t n)
{
    const uint8_t *p = bytes;
    return insn_next(d, bits, &address, &p, &n);
}

void insn_close(struct insn_decoder *d)
{
    if (d->insn)
        cs_free(d->insn, 1);
    for (unsigned i = 0; i < sizeof d->handle / sizeof d->handle[0]; i++)
        if (d->handle[i])
            cs_close(&d->handle[i]);
    *d = (struct insn_decoder){0};
}

/* ---------------------------------------------------------------- what capstone does not know */

/* The length of a ModRM byte with what follows it (64-bit addressing). */
static size_t operand_length(uint8_t modrm, uint8_t sib)
{
    unsigned mod = modrm >> 6, rm = modrm & 7;
    size_t length = mod == 3 ? 1 : 1 + (rm == 4);
    if (mod == 1)
        return length + 1;
    bool wide = mod == 2 || (mod == 0 && (rm == 5 || (rm == 4 && (sib & 7) == 5)));
    return length + (wide ? 4 : 0);
}

/* The shadow stack's (SDM volume 1, 17.2: RDSSP, INCSSP, CLRSSBSY, RSTORSSP, SAVEPREVSSP, SETSSBSY, WRSS, WRUSS), and UDB (D6), which fills
 * places that are patched at boot. */
size_t insn_unknown_length(const uint8_t *p, size_t n)
{
    enum { UDB = 0xd6, LONGEST = 12 };
    size_t i = 0;
    if (n && p[0] == UDB)
        return 1;
    if (n < LONGEST)
        return 0;
    bool repeated = p[0] == 0xf3;
    i += p[0] == 0xf3 || p[0] == 0x66;
    i += (p[i] & 0xf0) == 0x40;
    if (p[i] != 0x0f)
        return 0;
    if (!repeated && p[i + 1] == 0x38 && (p[i + 2] == 0xf6 || p[i + 2] == 0xf5))
        return i + 3 + operand_length(p[i + 3], p[i + 4]);
    if (repeated && (p[i + 1] == 0x1e || p[i + 1] == 0xae || p[i + 1] == 0x01))
        return i + 2 + operand_length(p[i + 2], p[i + 3]);
    return 0;
}

/* Some forms of TEST, CMP and BT are said to write. */
unsigned insn_access(const cs_insn *in, unsigned k)
{
    const unsigned access = in->detail->x86.operands[k].access;
    return in->id == X86_INS_TEST || in->id == X86_INS_CMP || in->id == X86_INS_BT
               ? access & ~(unsigned)CS_AC_WRITE
               : access;
}

/* ---------------------------------------------------------------- what an instruction does */

bool insn_in_group(const cs_insn *in, unsigned group)
{
    for (unsigned i = 0; i < in->detail->groups_count; i++)
        if (in->detail->groups[i] == group)
            return true;
    return false;
}

static csh any_handle(const struct insn_decoder *d)
{
    return d->handle[2] ? d->handle[2] : d->handle[1] ? d->handle[1] : d->handle[0];
}

bool insn_registers(const struct insn_decoder *d, const cs_insn *in, struct insn_registers *r)
{
    r->nread = r->nwritten = 0;
    return cs_regs_access(any_handle(d), in, r->read, &r->nread, r->written, &r->nwritten) == CS_ERR_OK;
}

const char *insn_register_name(const struct insn_decoder *d, unsigned reg)
{
    return cs_reg_name(any_handle(d), reg);
}

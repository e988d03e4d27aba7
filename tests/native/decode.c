/* decode.c - the emulator's decoder against capstone: is it an instruction, and how long is it?
 *
 * Random bytes, with at most one prefix: capstone 4 confuses several (it takes 67 with REX.W for 66, and
 * knows no mandatory prefixes in 16-bit code). Prefixes in any number and order are compared with the real
 * processor by the other tests.
 */
#include <capstone/capstone.h>
#include <string.h>

#include "hv/x86/decode/insn.h"
#include "tests/native/native.h"

enum { BYTES = 24 };

/* Starts one of the words of a list with spaces between them `name`? */
static bool begins_with_one_of(const char *name, const char *list)
{
    char word[16];
    int n;
    for (; sscanf(list, " %15s%n", word, &n) == 1; list += n)
        if (!strncmp(name, word, strlen(word)))
            return true;
    return false;
}

/* What capstone takes for undefined: hint no-ops, segment registers 6 and 7 (#UD when executed), fences with
 * modrm.rm not 0. */
static const char capstone_lacks[] = "nop mov ud0 prefetchw lfence mfence sfence gf2p8";
/* Instructions of extensions that no model of the emulator has. */
static const char emulator_lacks[] =
    "v sha xs xr xc xb xa xe xt xg pf pi2 pswapd pavgusb pmulhrw femms "
    "getsec adcx adox inve invv invlpga skinit stgi clgi "
    "encl mont mwait monitor movnts extrq insertq swapgs rdfs rdgs wrfs wrgs "
    "rdpid k bl tzm bextr pext pdep andn mulx rorx sarx shlx shrx t1mskc lwp";

static unsigned make_bytes(struct rng *r, unsigned bits, uint8_t *b, uint8_t *prefix)
{
    static const uint8_t prefixes[] = {0x67, 0x66, 0xf2, 0xf3};
    unsigned n = 0;
    *prefix = 0;
    if (one_in(r, 2))
        b[n++] = *prefix = bits == 16 ? 0x67 : prefixes[below(r, 4)];
    if (bits == 64 && *prefix != 0x67 && one_in(r, 2))
        b[n++] = (uint8_t)(0x40 | below(r, 16));
    if (one_in(r, 2))
        b[n++] = 0x0f;
    if (n && b[n - 1] == 0x0f && one_in(r, 3))
        b[n++] = one_in(r, 2) ? 0x38 : 0x3a;
    unsigned opcode = n;
    while (n < BYTES)
        b[n++] = (uint8_t)rnd(r);
    return opcode;
}

/* More prefixes than were meant, and the opcodes of VEX, EVEX, XOP and 3DNow!, of which the emulator has
 * none. */
static bool is_other(const uint8_t *b, unsigned opcode, unsigned bits)
{
    uint8_t v = b[opcode];
    bool two_byte = opcode && b[opcode - 1] == 0x0f;
    if (opcode && (b[opcode - 1] == 0x38 || b[opcode - 1] == 0x3a))
        return false;
    if (two_byte)
        return v == 0x0f || v == 0x38 || v == 0x3a;
    return v == 0xc4 || v == 0xc5 || v == 0x62 || v == 0x8f || v == 0x0f || v == 0xf0 || v == 0xf2 ||
           v == 0xf3 || v == 0x66 || v == 0x67 || v == 0x2e || v == 0x36 || v == 0x3e || v == 0x26 ||
           v == 0x64 || v == 0x65 || (bits == 64 && (v & 0xf0) == 0x40);
}

static bool is_near_branch(const struct insn_row *row)
{
    return row->flags & F_F64 && row->flags & F_END;
}

/* Is a difference no error of the emulator? */
static bool excused(const struct insn_row *row, int ours, const cs_insn *in, int theirs, unsigned bits,
                    uint8_t prefix)
{
    if (ours > 0 &&
        theirs > 0) /* 66 with near branches in 64-bit code: Intel ignores it; UD0 and UD1 have a modrm */
        return (bits == 64 && prefix == 0x66 && is_near_branch(row)) ||
               begins_with_one_of(row->mnemonic, "ud0 ud1");
    if (ours > 0)
        return begins_with_one_of(row->mnemonic, capstone_lacks);
    return (prefix && prefix != 0x67) || begins_with_one_of(in->mnemonic, emulator_lacks);
}

unsigned decode_check(unsigned bits, unsigned long count, uint64_t seed)
{
    struct rng r = {seed};
    csh handle;
    unsigned wrong = 0;
    if (cs_open(CS_ARCH_X86,
                bits == 64   ? CS_MODE_64
                : bits == 32 ? CS_MODE_32
                             : CS_MODE_16,
                &handle) != CS_ERR_OK)
        return 1;
    cs_insn *in = cs_malloc(handle);
    for (unsigned long i = 0; i < count; i++) {
        uint8_t b[BYTES], prefix;
        unsigned opcode = make_bytes(&r, bits, b, &prefix);
        if (is_other(b, opcode, bits))
            continue;
        const struct insn_row *row;
        const uint8_t *p = b;
        size_t left = BYTES;
        uint64_t address = 0;
        int ours = guest_decode(b, BYTES, bits, &row);
        int theirs = cs_disasm_iter(handle, &p, &left, &address, in) ? in->size : -1;
        if (ours == theirs || excused(row, ours, in, theirs, bits, prefix))
            continue;
        wrong++;
        fprintf(stderr, "%u-bit code: emulator %d bytes (%s), capstone %d (%s %s):", bits, ours,
                row ? row->mnemonic : "undefined", theirs, theirs > 0 ? in->mnemonic : "undefined",
                theirs > 0 ? in->op_str : "");
        for (unsigned k = 0; k < 16; k++)
            fprintf(stderr, " %02x", b[k]);
        fprintf(stderr, "\n");
    }
    cs_free(in, 1);
    cs_close(&handle);
    return wrong;
}

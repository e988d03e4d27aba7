/* register_bits.c - see register_bits.h.
 *
 * Sources: SDM volume 1, 3.4.3 (EFLAGS), 8.1.3 and 8.1.5 (x87 words), 10.2.3 (MXCSR); volume 3, 2.5 (control
 * registers), 2.2.1 (EFER), 17.2 (debug registers); 4.12 (the page attribute table has no named bits, so it
 * is not here).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/ground/register_bits.h"

static const struct view_bit eflags_bits[] = {
    {"CF", 0, 1, "carry"},
    {"PF", 2, 1, "parity: the low byte has an even number of ones"},
    {"AF", 4, 1, "auxiliary carry, out of bit 3"},
    {"ZF", 6, 1, "zero"},
    {"SF", 7, 1, "sign"},
    {"TF", 8, 1, "trap after each instruction"},
    {"IF", 9, 1, "interrupts are taken"},
    {"DF", 10, 1, "string instructions go down"},
    {"OF", 11, 1, "overflow"},
    {"IOPL", 12, 2, "ring up to which IN, OUT, CLI are allowed"},
    {"NT", 14, 1, "nested task"},
    {"RF", 16, 1, "resume: no breakpoint on the next instruction"},
    {"VM", 17, 1, "virtual-8086 mode"},
    {"AC", 18, 1, "alignment check, or SMAP is suspended"},
    {"VIF", 19, 1, "virtual interrupt flag"},
    {"VIP", 20, 1, "virtual interrupt pending"},
    {"ID", 21, 1, "CPUID is there if it can be changed"},
};

static const struct view_bit cr0_bits[] = {
    {"PE", 0, 1, "protected mode"},
    {"MP", 1, 1, "WAIT heeds TS"},
    {"EM", 2, 1, "no x87: its instructions fault"},
    {"TS", 3, 1, "task switched: x87 and SSE fault until CLTS"},
    {"ET", 4, 1, "387 protocol"},
    {"NE", 5, 1, "x87 errors are exception 16, not IRQ 13"},
    {"WP", 16, 1, "read-only pages hold in ring 0 too"},
    {"AM", 18, 1, "alignment checks can be switched on"},
    {"NW", 29, 1, "not write-through"},
    {"CD", 30, 1, "cache disabled"},
    {"PG", 31, 1, "paging"},
};

static const struct view_bit cr3_bits[] = {
    {"PWT", 3, 1, "write-through for the top table"},
    {"PCD", 4, 1, "no caching of the top table"},
};

static const struct view_bit cr4_bits[] = {
    {"VME", 0, 1, "virtual-8086 extensions"},
    {"PVI", 1, 1, "virtual interrupts in protected mode"},
    {"TSD", 2, 1, "RDTSC in ring 0 only"},
    {"DE", 3, 1, "debugging extensions"},
    {"PSE", 4, 1, "4 MiB pages"},
    {"PAE", 5, 1, "64-bit page-table entries"},
    {"MCE", 6, 1, "machine checks"},
    {"PGE", 7, 1, "global pages"},
    {"PCE", 8, 1, "RDPMC in every ring"},
    {"OSFXSR", 9, 1, "FXSAVE and SSE are used"},
    {"OSXMMEXCPT", 10, 1, "SSE errors are exception 19"},
    {"UMIP", 11, 1, "SGDT, SIDT, SLDT, SMSW, STR in ring 0 only"},
    {"LA57", 12, 1, "five levels of page tables"},
    {"VMXE", 13, 1, "VMX"},
    {"SMXE", 14, 1, "SMX"},
    {"FSGSBASE", 16, 1, "RDFSBASE and the like in every ring"},
    {"PCIDE", 17, 1, "process-context identifiers"},
    {"OSXSAVE", 18, 1, "XSAVE is used"},
    {"SMEP", 20, 1, "no execution of user pages in ring 0"},
    {"SMAP", 21, 1, "no access to user pages in ring 0"},
    {"PKE", 22, 1, "protection keys"},
};

static const struct view_bit efer_bits[] = {
    {"SCE", 0, 1, "SYSCALL"},
    {"LME", 8, 1, "long mode when paging is switched on"},
    {"LMA", 10, 1, "long mode is active"},
    {"NXE", 11, 1, "pages can be non-executable"},
};

static const struct view_bit mxcsr_bits[] = {
    {"IE", 0, 1, "invalid operation"},
    {"DE", 1, 1, "denormal operand"},
    {"ZE", 2, 1, "division by zero"},
    {"OE", 3, 1, "overflow"},
    {"UE", 4, 1, "underflow"},
    {"PE", 5, 1, "precision"},
    {"DAZ", 6, 1, "denormals are zero"},
    {"IM", 7, 1, "invalid operation masked"},
    {"DM", 8, 1, "denormal masked"},
    {"ZM", 9, 1, "division by zero masked"},
    {"OM", 10, 1, "overflow masked"},
    {"UM", 11, 1, "underflow masked"},
    {"PM", 12, 1, "precision masked"},
    {"RC", 13, 2, "rounding: 0 nearest, 1 down, 2 up, 3 to zero"},
    {"FZ", 15, 1, "underflow gives zero"},
};

static const struct view_bit fctrl_bits[] = {
    {"IM", 0, 1, "invalid operation masked"},
    {"DM", 1, 1, "denormal masked"},
    {"ZM", 2, 1, "division by zero masked"},
    {"OM", 3, 1, "overflow masked"},
    {"UM", 4, 1, "underflow masked"},
    {"PM", 5, 1, "precision masked"},
    {"PC", 8, 2, "precision: 0 single, 2 double, 3 extended"},
    {"RC", 10, 2, "rounding: 0 nearest, 1 down, 2 up, 3 to zero"},
};

static const struct view_bit fstat_bits[] = {
    {"IE", 0, 1, "invalid operation"}, {"DE", 1, 1, "denormal operand"},
    {"ZE", 2, 1, "division by zero"},  {"OE", 3, 1, "overflow"},
    {"UE", 4, 1, "underflow"},         {"PE", 5, 1, "precision"},
    {"SF", 6, 1, "stack fault"},       {"ES", 7, 1, "an error is not masked"},
    {"C0", 8, 1, "condition 0"},       {"C1", 9, 1, "condition 1"},
    {"C2", 10, 1, "condition 2"},      {"TOP", 11, 3, "register that is ST(0)"},
    {"C3", 14, 1, "condition 3"},      {"B", 15, 1, "busy"},
};

static const struct view_bit dr6_bits[] = {
    {"B0", 0, 1, "breakpoint 0 was met"},   {"B1", 1, 1, "breakpoint 1 was met"},
    {"B2", 2, 1, "breakpoint 2 was met"},   {"B3", 3, 1, "breakpoint 3 was met"},
    {"BD", 13, 1, "debug register access"}, {"BS", 14, 1, "single step"},
    {"BT", 15, 1, "task switch"},
};

static const struct view_bit dr7_bits[] = {
    {"L0", 0, 1, "breakpoint 0, this task"},
    {"G0", 1, 1, "breakpoint 0"},
    {"L1", 2, 1, "breakpoint 1, this task"},
    {"G1", 3, 1, "breakpoint 1"},
    {"L2", 4, 1, "breakpoint 2, this task"},
    {"G2", 5, 1, "breakpoint 2"},
    {"L3", 6, 1, "breakpoint 3, this task"},
    {"G3", 7, 1, "breakpoint 3"},
    {"LE", 8, 1, "exact, this task"},
    {"GE", 9, 1, "exact"},
    {"GD", 13, 1, "debug register access faults"},
};

#define ROW(name, bits)                                                                                      \
    {                                                                                                        \
        name, bits, sizeof bits / sizeof bits[0]                                                             \
    }
static const struct {
    const char *name;
    const struct view_bit *bits;
    size_t n;
} registers[] = {
    ROW("eflags", eflags_bits), ROW("cr0", cr0_bits),     ROW("cr3", cr3_bits), ROW("cr4", cr4_bits),
    ROW("efer", efer_bits),     ROW("dr6", dr6_bits),     ROW("dr7", dr7_bits), ROW("mxcsr", mxcsr_bits),
    ROW("fctrl", fctrl_bits),   ROW("fstat", fstat_bits),
};

const char *view_bits_register(size_t i)
{
    return i < sizeof registers / sizeof registers[0] ? registers[i].name : NULL;
}

const struct view_bit *view_bits(const char *reg, size_t *n)
{
    *n = 0;
    for (size_t i = 0; view_bits_register(i); i++)
        if (!strcmp(registers[i].name, reg)) {
            *n = registers[i].n;
            return registers[i].bits;
        }
    return NULL;
}

int view_bits_text(const char *reg, uint64_t value, char *buf, size_t size)
{
    size_t n, at = 0;
    const struct view_bit *b = view_bits(reg, &n);
    if (size)
        *buf = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = view_bit_value(&b[i], value);
        char word[48];
        if (!v)
            continue;
        snprintf(word, sizeof word, b[i].width > 1 ? "%s%s=%u" : "%s%s", at ? " " : "", b[i].name,
                 (unsigned)v);
        size_t len = strlen(word);
        if (at + len < size)
            memcpy(buf + at, word, len + 1);
        at += len;
    }
    return (int)at;
}

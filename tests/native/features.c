/* features.c - what the host's processor has, by the instruction table's names. SDM volume 2, CPUID. */
#include <cpuid.h>

#include "hv/x86/decode/insn.h"
#include "tests/native/native.h"

enum { EAX, EBX, ECX, EDX };

static bool cpuid_bit(unsigned leaf, unsigned reg, unsigned bit)
{
    unsigned r[4] = {0};
    return __get_cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3]) && r[reg] >> bit & 1;
}

bool host_has_ymm(void)
{
    uint32_t low, high;
    if (!cpuid_bit(1, ECX, 27) || !cpuid_bit(1, ECX, 28))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 7) == 7;
}

bool host_has(unsigned feature)
{
    switch (feature) {
    case FT_SSE3:
        return cpuid_bit(1, ECX, 0);
    case FT_PCLMUL:
        return cpuid_bit(1, ECX, 1);
    case FT_SSSE3:
        return cpuid_bit(1, ECX, 9);
    case FT_CX16:
        return cpuid_bit(1, ECX, 13);
    case FT_SSE41:
        return cpuid_bit(1, ECX, 19);
    case FT_SSE42:
        return cpuid_bit(1, ECX, 20);
    case FT_MOVBE:
        return cpuid_bit(1, ECX, 22);
    case FT_POPCNT:
        return cpuid_bit(1, ECX, 23);
    case FT_AES:
        return cpuid_bit(1, ECX, 25);
    case FT_CLFLUSHOPT:
        return cpuid_bit(7, EBX, 23);
    case FT_CLWB:
        return cpuid_bit(7, EBX, 24);
    case FT_AVX:
        return host_has_ymm();
    case FT_AVX2:
        return host_has_ymm() && cpuid_bit(7, EBX, 5);
    case FT_FMA:
        return host_has_ymm() && cpuid_bit(1, ECX, 12);
    case FT_F16C:
        return host_has_ymm() && cpuid_bit(1, ECX, 29);
    case FT_VAES:
        return host_has_ymm() && cpuid_bit(7, ECX, 9);
    case FT_VPCLMUL:
        return host_has_ymm() && cpuid_bit(7, ECX, 10);
    case FT_GFNI:
        return host_has_ymm() && cpuid_bit(7, ECX, 8);
    case FT_BMI1:
        return cpuid_bit(7, EBX, 3);
    case FT_BMI2:
        return cpuid_bit(7, EBX, 8);
    case FT_LZCNT:
        return cpuid_bit(0x80000001, ECX, 5);
    case FT_ADX:
        return cpuid_bit(7, EBX, 19);
    case FT_SHA:
        return cpuid_bit(7, EBX, 29);
    case FT_LAHF64:
        return cpuid_bit(0x80000001, ECX, 0);
    case FT_BASE:
    case FT_FPU:
    case FT_CMOV:
    case FT_CX8:
    case FT_MMX:
    case FT_FXSR:
    case FT_SSE:
    case FT_SSE2:
    case FT_CLFLUSH:
    case FT_LM:
    case FT_SYSCALL:
    case FT_SYSENTER:
        return true;
    default:
        return false;
    }
}

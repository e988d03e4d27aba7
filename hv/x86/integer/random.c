/* random.c - RDRAND and RDSEED. SDM volume 2.
 *
 * The values are deterministic, so that a boot is the same on every host: each processor has its own
 * sequence, which starts at power-on (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014). They never fail to return a number. */
#include "hv/x86/system/sys.h"

uint64_t random_seed(unsigned processor)
{
    return 0x626f6f747265656cull + processor;
}

static uint64_t random_next(struct x86 *cpu)
{
    uint64_t z = cpu->random += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static OP(op_random)
{
    reg_set_sized(cpu, op->dst, op->osize, random_next(cpu));
    cc_set(cpu, FLAG_CF); /* a number was returned; the other status flags are cleared */
    NEXT;
}

FAMILY1(fam_random, op_random);

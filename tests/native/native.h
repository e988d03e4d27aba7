/* native.h - the processor (hv/x86) against the host's real one: what the parts of this test share.
 *
 * One case is one instruction with one machine state. host.c runs it on the real processor, guest.c in the
 * emulator, both in user mode, with the same code and data at the same linear addresses; gen.c makes cases
 * from the rows of the instruction table; compare.c says which differences the manuals allow; decode.c holds
 * the decoder against capstone.
 */
#ifndef BOOTREEL_TESTS_NATIVE_H
#define BOOTREEL_TESTS_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Short, for tables. */
#define CF FLAG_CF
#define PF FLAG_PF
#define AF FLAG_AF
#define ZF FLAG_ZF
#define SF FLAG_SF
#define OF FLAG_OF

struct fpu;
struct insn_row;

/* ---------------------------------------------------------------- the address space of both */

enum {
    PAGE = 0x1000,
    LOW_BASE =
        0x4000, /* what 16-bit addresses reach: 2 pages of code, then data: write, write, absent, write */
    LOW_CODE = LOW_BASE,
    LOW_DATA = 0x8000,
    LOW_END = 0xc000,
    DATA_BASE = 0x10000000, /* pages: write × 4, absent, read-only, write, absent */
    DATA_PAGES = 8,
    CODE_BASE = 0x20000000,
    CODE_PAGES = 4,
};

enum page_kind { PAGE_ABSENT, PAGE_READ, PAGE_WRITE, PAGE_CODE };
struct region {
    uint32_t base;
    uint8_t pages, kind[8];
};
/* All memory that a case can reach. */
enum { NREGIONS = 3 };
extern struct region regions[NREGIONS];

/* Selectors that both have; 16-bit code needs a descriptor of the host's LDT. */
enum { SEL_CODE32 = 0x23, SEL_DATA = 0x2b, SEL_CODE64 = 0x33, SEL_CODE16 = 0x07 };

/* ---------------------------------------------------------------- a case */

enum {
    FX_FCW = 0,
    FX_FSW = 2,
    FX_FTW = 4,
    FX_MXCSR = 24,
    FX_ST = 32,
    FX_XMM = 160,
    FX_SIZE = 512,
    YMMH_SIZE = 256
};

struct state {
    uint8_t fx[FX_SIZE] __attribute__((aligned(64))); /* an FXSAVE image */
    uint8_t ymmh[YMMH_SIZE];                          /* the upper halves of YMM0-15 */
    uint64_t gpr[16];
    uint64_t rip, flags;
    /* out: the exception that the instruction raised, or -1 */
    int vector;
    uint32_t error;
    uint64_t cr2;
};

struct insn_case {
    const struct insn_row *row;
    unsigned bits; /* 16, 32, 64: kind of code */
    uint8_t bytes[24];
    unsigned len;
    uint32_t at;     /* linear address of the instruction */
    uint32_t target; /* of a branch; 0: none */
    /* what the generator decided, for compare.c */
    unsigned osize, asize; /* as in struct op */
    bool mem;
    uint64_t ea;         /* the memory operand's linear address, if mem */
    bool rep, narrow;    /* narrow: 16-bit operand size, also where the row does not look at it (FSTENV) */
    uint8_t modrm, imm8; /* imm8: the last byte of the instruction */
    uint64_t steps;      /* how many the emulator may run at once; 0: one by one */
    unsigned relative;   /* where the bytes have a displacement from the next instruction; 0: nowhere */
    bool locked;
    uint64_t seed;
};

static inline uint16_t fx_word(const struct state *s, unsigned at)
{
    uint16_t v;
    __builtin_memcpy(&v, s->fx + at, 2);
    return v;
}
static inline uint32_t fx_mxcsr(const struct state *s)
{
    uint32_t v;
    __builtin_memcpy(&v, s->fx + FX_MXCSR, 4);
    return v;
}

/* ---------------------------------------------------------------- host.c */

/* Map the regions; false with a reason on stderr. */
bool host_init(void);
/* Take the signals of faults. In each test: cmocka takes them too. */
void host_catch_faults(void);
/* Can this kind of code be run here? */
bool host_runs(unsigned bits);
/* Has the host YMM registers that programs may use? Without, the upper halves are zero in all states. */
bool host_has_ymm(void);
/* Has the real processor this feature (enum feature)? */
bool host_has(unsigned feature);
/* Was it seen that NT is cleared when a program is interrupted? Then a result without NT may be no result, and the host is to run again. */
bool host_loses_nt(void);
void host_run(const struct insn_case *, const struct state *in, struct state *out);
/* Write code there that notes its own address and leaves; run code from in->rip on, until it leaves so or faults. */
enum { HOST_PAD = 32 };
void host_pad(uint32_t at, unsigned bits);
void host_enter(unsigned bits, const struct state *in, struct state *out);

/* ---------------------------------------------------------------- guest.c */

/* There are several emulators, each with memory of its own; one of them is meant wherever the rest says "the
 * emulator". */
enum { GUESTS = 4 };
struct engine_host;
/* `host`: how it executes code. The guest is chosen, too. */
bool guest_init(unsigned guest, const struct engine_host *host);
void guest_choose(unsigned guest);
/* Put code into its memory. */
void guest_code(uint32_t at, const void *bytes, unsigned n);
/* Drop all that was made of code. */
void guest_flush(void);
/* Run from in->rip for `steps` steps, or until a fault. Returns how many were made. */
uint64_t guest_continue(unsigned bits, const struct state *in, struct state *out, uint64_t steps);
/* Which pages of its memory were written since the last call, as a number. */
uint64_t guest_changed(void);
void guest_run(const struct insn_case *, const struct state *in, struct state *out);
/* The emulator's memory behind a linear address of a region. */
uint8_t *guest_memory(uint32_t linear);
/* The writable pages of the emulator's memory, or of the host's. What is not writable stays as it was in *m. */
struct memory {
    uint8_t page[NREGIONS * 8][PAGE];
};
void memory_take(struct memory *, bool host);
void memory_put(struct memory *, bool host);
bool memory_is(struct memory *, bool host);
/* Keep a copy of all the emulator's memory, and go back to the last one. */
void guest_keep(void);
void guest_restore(void);
/* The x87 part of an FXSAVE image; registers in their physical places. */
void fx_load(struct fpu *, const uint8_t *fx);
void fx_store(const struct fpu *, uint8_t *fx);
bool guest_has(unsigned feature);
/* The instruction at the start of the bytes as the emulator decodes it: its length, 0 if it needs more bytes,
 * -1 if undefined. *row as well. */
int guest_decode(const uint8_t *bytes, unsigned n, unsigned bits, const struct insn_row **row);

/* ---------------------------------------------------------------- gen.c */

/* Is the word in the list, whose words are separated by spaces? */
bool one_of(const char *word, const char *list);
/* Why a row is left out of the comparison in this kind of code; NULL: it is not. */
const char *gen_skips(const struct insn_row *, unsigned bits);
/* Makes the case of this seed, and puts the operands into the host's memory. */
void gen_case(struct insn_case *, struct state *, const struct insn_row *, unsigned bits, uint64_t seed);
/* Fill all data pages of the host's memory. */
void gen_memory(uint64_t seed);
/* The next case of a sequence. */
struct follow {
    const struct state *from; /* what it meets */
    uint32_t kept;            /* registers that it shall use as they are, if it uses them */
    uint32_t through;         /* one of them, as a bit, that its memory operand shall be based on; 0: any */
    uint32_t at;              /* about where it will be */
};
/* Makes it, and tells by the bits of the result which registers it needs as they are in *s. No memory is written;
 * of flags, only DF may differ in *s. */
uint32_t gen_next(struct insn_case *, struct state *, const struct insn_row *, unsigned bits,
                  const struct follow *, uint64_t seed);
/* A state for a sequence to begin with. */
void gen_first(struct state *, unsigned bits, uint64_t seed);

/* Random numbers, used by all. */
struct rng {
    uint64_t s;
};
static inline uint64_t rnd(struct rng *r)
{
    uint64_t z = r->s += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
static inline unsigned below(struct rng *r, unsigned n)
{
    return (unsigned)((rnd(r) >> 32) * n >> 32);
}
static inline bool one_in(struct rng *r, unsigned n)
{
    return below(r, n) == 0;
}

/* values.c: numbers with the odd ones among them */
uint64_t value_int(struct rng *);
uint32_t value_f32(struct rng *);
uint64_t value_f64(struct rng *);
void value_f80(struct rng *, uint8_t out[10]);
/* An FXSAVE image: control words, tags, stack, XMM registers. */
void value_fx(struct rng *, uint8_t fx[FX_SIZE]);
/* n bytes of memory. kind: 0 mixed, or one of the others. */
enum fill { FILL_MIXED, FILL_F80, FILL_BCD, FILL_INT };
void value_fill(struct rng *, uint8_t *p, unsigned n, enum fill kind);
uint16_t value_fcw(struct rng *);
uint32_t value_mxcsr(struct rng *);

/* ---------------------------------------------------------------- compare.c */

/* NULL if the results agree as far as the manuals define them, else what differs. Memory: `host` against the
 * emulator's; bytes that are undefined are made equal. */
const char *compare(const struct insn_case *, const struct state *in, const struct state *host,
                    const struct state *guest);
/* Flags that the instruction leaves undefined; bits of the x87 status word, too. */
unsigned undefined_flags(const struct insn_case *, const struct state *in, const struct state *out);
unsigned undefined_status(const char *mnemonic);
/* Do the manuals define everything else of this result, bit for bit? */
bool is_defined(const struct insn_case *, const struct state *in, const struct state *out);
/* Bits of CR2 that are the processor's own after a page fault. */
uint64_t undefined_cr2(const struct insn_case *);
/* All flags that user mode can see, but for RF. */
extern const uint64_t flags_seen;
/* Make the emulator's memory as the host's. */
void level_all(void);
void print_states(FILE *, const struct state *in, const struct state *host, const struct state *guest);
void print_case(FILE *, const struct insn_case *, const struct state *in, const struct state *host,
                const struct state *guest);

/* ---------------------------------------------------------------- decode.c */

/* Decode `count` random strings with the emulator and with capstone; how many come out differently for no
 * known reason. */
unsigned decode_check(unsigned bits, unsigned long count, uint64_t seed);

#endif

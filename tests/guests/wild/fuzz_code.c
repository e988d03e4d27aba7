/* fuzz_code.c - a deed: random instructions in all modes. */
#include "fuzz.h"

/* ---------------------------------------------------------------- bytes */

/* What begins an instruction, or ends one badly. */
static const u8 spice[] = {0x0f, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x64, 0xd8, 0xd9,
                           0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0xfe, 0x8e, 0xc4, 0xc5,
                           0xcf, 0xcb, 0x9a, 0xea, 0xe8, 0xc8, 0xc9, 0xa4, 0xa5, 0xaa, 0xab,
                           0x9c, 0x9d, 0x80, 0x81, 0x83, 0xc0, 0xd3, 0xf6, 0xf7};

static u8 *prefixes(u8 *to)
{
    static const u8 all[] = {0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x64, 0x48, 0x4c, 0x41};
    for (u32 n = below(3); n; n--)
        *to++ = ONE_OF(all);
    return to;
}

/* Registers, or memory by those that point into BUF: [esi], [edi + disp8], [ebx + esi]. */
static u8 *operands(u8 *to)
{
    u8 reg = (u8)(below(8) << 3);
    switch (below(4)) {
    case 0: *to++ = reg | 6; break;
    case 1: *to++ = reg | 0x47, *to++ = (u8)rnd(); break;
    case 2: *to++ = reg | 4, *to++ = 0x33; break;
    default: *to++ = (u8)(0xc0 | rnd()); break;
    }
    return to;
}

static u8 *any(u8 *to)
{
    to = prefixes(to);
    *to++ = (u8)rnd();
    return operands(to);
}

static u8 *two_bytes(u8 *to)
{
    to = prefixes(to);
    *to++ = 0x0f;
    *to++ = (u8)rnd();
    return operands(to);
}

static u8 *x87(u8 *to)
{
    if (!below(3)) { /* loads of constants, transcendental functions */
        *to++ = 0xd9;
        *to++ = (u8)(0xe0 + below(0x20));
        return to;
    }
    *to++ = 0xd8 | (u8)below(8);
    return operands(to);
}

/* MMX and SSE: their places in the three maps. */
static u8 *simd(u8 *to)
{
    static const u8 mandatory[] = {0x66, 0x66, 0xf2, 0xf3},
                    high[] = {0x10, 0x20, 0x50, 0x60, 0x70, 0xc0, 0xd0, 0xe0, 0xf0};
    u32 map = below(5);
    if (below(4))
        *to++ = ONE_OF(mandatory);
    *to++ = 0x0f;
    if (map == 0)
        *to++ = 0x38, *to++ = (u8)(below(3) ? below(0x42) : 0xd8 + below(0x1a)); /* AES, CRC32, MOVBE last */
    else if (map == 1)
        *to++ = 0x3a, *to++ = (u8)(8 + below(0x5c));
    else
        *to++ = (u8)(ONE_OF(high) | below(16));
    to = operands(to);
    if (map == 1)
        *to++ = (u8)rnd();
    return to;
}

static u8 *system(u8 *to)
{
    static const u8 all[] = {0x00, 0x01, 0x05, 0x07, 0x09, 0x20, 0x21, 0x22, 0x23,
                             0x30, 0x32, 0x34, 0x35, 0xa2, 0xaa, 0xae, 0xc7};
    to = prefixes(to);
    *to++ = 0x0f;
    *to++ = ONE_OF(all);
    return operands(to);
}

static u8 *instruction(u8 *to)
{
    static u8 *(*const kinds[])(u8 *) = {any, any, two_bytes, x87, simd, simd, system};
    to = ONE_OF(kinds)(to);
    for (u32 n = below(3) ? 0 : below(5); n; n--) /* perhaps an immediate, perhaps something else */
        *to++ = (u8)rnd();
    return to;
}

/* No isa-debug-exit by an immediate port. */
static void but_the_end(u8 *at, u32 n)
{
    for (u32 i = 1; i < n; i++)
        if (at[i - 1] == 0xe6 || at[i - 1] == 0xe7)
            at[i] &= 0x7f;
}

static void fill(u8 *at, u32 n)
{
    u8 *to = at;
    while (to < at + n) {
        if (below(4))
            to = instruction(to);
        else
            *to++ = below(3) ? (u8)rnd() : ONE_OF(spice);
    }
    but_the_end(at, n);
}

/* ---------------------------------------------------------------- modes */

static u64 one_to_one(u32 large_page) { return (u64)large_page << 21 | 0x87; }

/* The first 4 GiB one to one, but for some large pages anywhere: some more each time. The guest itself stays.
 */
static void long_mode_tables(void)
{
    for (u32 i = 0; i < 4; i++)
        tables64[512 + i] = ((u32)tables64 + (2 + i) * 4096) | 7;
    for (u32 i = 0; i < 2048 && !tables64[0]; i++)
        tables64[1024 + i] = one_to_one(i);
    for (u32 i = 0; i < 8; i++)
        tables64[1024 + i] = one_to_one(i);
    for (u32 n = 0; n < 20; n++) {
        u32 i = below(2040) + 8;
        tables64[1024 + i] = one_to_one(i) | (below(2) ? (u64)value() << (below(2) * 32) : 0);
    }
    tables64[0] = ((u32)tables64 + 4096) | 7;
}

static void long_mode_gates(void)
{
    u32 to = (u32)vector64;
    for (u32 i = 0; i < 256 && !idt64[2 * 255]; i++) {
        idt64[2 * i] = (to & 0xffff) | 0x38ull << 16 | 0xee00ull << 32 | (u64)(to >> 16) << 48;
        idt64[2 * i + 1] = 0;
    }
}

/* Where SYSCALL and SYSENTER lead. */
static void entries(void)
{
    write_msr(0xc0000081, value(), below(4) ? 0x00200008 | (rnd() & 0x30) : value());
    write_msr(0xc0000082, (u32)vector64, below(8) ? 0 : value());
    write_msr(0x174, below(4) ? 8 : value(), 0);
    write_msr(0x175, buffer(), 0);
    write_msr(0x176, (u32)vectors, 0);
}

static u8 *place(enum how how)
{
    return (u8 *)(how == CODE16 ? LOW16 : how == V86 ? LOW_V86 : BUF + (below(BUF_SIZE) & ~15u) + below(16));
}

void code(void)
{
    enum how how = (enum how)below(7);
    u8 *at = place(how);
    fill(at, 16 + below(50));
    if (below(2))
        __asm__ volatile("fninit");
    if (below(2)) { /* which SIMD exceptions come */
        u32 mxcsr = below(0x10000);
        __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
    }
    if (!below(4))
        entries();
    if (how < LONG)
        run((deed_fn *)at, how);
    long_mode_tables();
    long_mode_gates();
    run64((deed_fn *)at, value());
}

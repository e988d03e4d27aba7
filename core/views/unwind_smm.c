/* unwind_smm.c - the calls in progress go on where a system management interrupt came: RSM returns there. See unwind.h.
 *
 * Sources: SDM volume 3, 32.4 (SMRAM, the state save map of 32-bit processors); AMD64 APM volume 2, 10.2.3 (that of processors with long
 * mode); as hv/x86/system/smm.c writes them.
 */
#include "core/views/private/unwind.h"

/* From SMBASE on: where the handler begins, and how far it may go: behind it is the saved state. Offsets in that are of SMBASE + 8000h. */
enum { ENTRY = 0x8000, ENTRY_END = 0xfc00, MAP = 0x8000, REVISION = 0x7efc, REVISION64 = 0x20064 };
enum { EFER_LMA = 1 << 10, ATTR_LONG = 1 << 13, ATTR_BIG = 1 << 14 };
#define CR0_PG     (1u << 31)
#define CR3_TABLES 0x000ffffffffff000ull

/* By the registers' numbers in DWARF. */
static const uint16_t map64[VIEW_FRAME_REGISTERS] = {0x7ff8, 0x7fe8, 0x7ff0, 0x7fe0, 0x7fc8, 0x7fc0,
                                                     0x7fd0, 0x7fd8, 0x7fb8, 0x7fb0, 0x7fa8, 0x7fa0,
                                                     0x7f98, 0x7f90, 0x7f88, 0x7f80, 0x7f78};
enum {
    CS_ATTR64 = 0x7e12,
    CS_BASE64 = 0x7e18,
    SS_BASE64 = 0x7e28,
    EFER64 = 0x7ed0,
    CR3_64 = 0x7f50,
    CR0_64 = 0x7f58
};
/* eax ecx edx ebx esp ebp esi edi eip */
static const uint16_t map32[] = {0x7fd0, 0x7fd4, 0x7fd8, 0x7fdc, 0x7fe0, 0x7fe4, 0x7fe8, 0x7fec, 0x7ff0};
enum { MAP32 = sizeof map32 / sizeof map32[0] };
/* Where processors of that time kept the hidden parts of CS and SS. */
enum { CS_ATTR32 = 0x7f90, CS_BASE32 = 0x7f98, SS_BASE32 = 0x7fa4 };

/* What is saved at that offset; 0 if it cannot be read. */
static uint64_t saved(const struct unwind *u, unsigned at, unsigned bytes)
{
    uint64_t v = 0;
    const uint64_t map = look_reg(u->m, u->cpu, "smbase") + MAP;
    return look_peek_physical(u->m, map + at, &v, bytes) == bytes ? v : 0;
}

uint64_t unwind_smm_entry(struct look m, unsigned cpu)
{
    return view_smm(m, cpu) ? look_reg(m, cpu, "smbase") + ENTRY : 0;
}

static bool within(uint64_t entry, uint64_t pc)
{
    return entry && pc - entry < ENTRY_END - ENTRY;
}

bool view_smm_entry(struct look m, unsigned cpu, uint64_t pc)
{
    return within(unwind_smm_entry(m, cpu), pc);
}

bool unwind_at_smm_entry(const struct unwind *u, uint64_t pc)
{
    return within(u->smm_entry, pc);
}

static void take64(struct unwind *u)
{
    const unsigned attr = (unsigned)saved(u, CS_ATTR64, 2);
    u->wide = saved(u, EFER64, 8) & EFER_LMA && attr & ATTR_LONG;
    u->word = u->wide ? 8 : attr & ATTR_BIG ? 4 : 2;
    /* 32-bit code has the numbers of i386: rcx and rdx, rbx, then rsp, rbp, rsi, rdi and rip. */
    static const uint8_t narrow[MAP32] = {0, 2, 1, 3, 7, 6, 4, 5, 16};
    for (unsigned i = 0; i < (u->wide ? VIEW_FRAME_REGISTERS : MAP32); i++)
        u->reg[i] = saved(u, map64[u->wide ? i : narrow[i]], 8);
    u->pc = saved(u, map64[AMD64_PC], 8);
    u->sp = saved(u, map64[AMD64_SP], 8);
    u->cs_base = saved(u, CS_BASE64, 8);
    u->ss_base = saved(u, SS_BASE64, 8);
    u->tables = u->wide && saved(u, CR0_64, 8) & CR0_PG ? saved(u, CR3_64, 8) & CR3_TABLES : 0;
}

static void take32(struct unwind *u)
{
    u->wide = false;
    u->word = saved(u, CS_ATTR32, 4) & ATTR_BIG ? 4 : 2;
    for (unsigned i = 0; i < MAP32; i++)
        u->reg[i] = saved(u, map32[i], 4);
    u->pc = saved(u, map32[MAP32 - 1], 4);
    u->sp = saved(u, map32[4], 4);
    u->cs_base = saved(u, CS_BASE32, 4);
    u->ss_base = saved(u, SS_BASE32, 4);
    u->tables = 0;
}

bool unwind_smm(struct unwind *u)
{
    if (!unwind_at_smm_entry(u, u->pc))
        return false;
    if (saved(u, REVISION, 4) == REVISION64)
        take64(u);
    else
        take32(u);
    if (!u->wide) { /* the bases of flat segments are 0 */
        u->pc = (uint32_t)(u->cs_base + u->pc);
        u->sp = (uint32_t)(u->ss_base + u->sp);
    }
    u->known = UINT32_MAX;
    u->smm_entry = 0;
    u->interrupted = true;
    u->ended = false;
    return true;
}

/* walk.h - walks through page tables. Private to hv/x86. */
#ifndef BOOTREEL_HV_X86_MEMORY_WALK_H
#define BOOTREEL_HV_X86_MEMORY_WALK_H

#include "hv/x86/cpu.h"

enum access { ACC_READ, ACC_WRITE, ACC_EXEC };
/* Error code of a page fault. */
enum pf_bits { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };
/* The address bits of CR3 with PAE paging outside long mode. */
#define CR3_PAE 0xffffffe0ull

/* Who makes the access: the instruction, at CPL 3 or below, or the processor itself (descriptor tables,
 * TSS). */
enum agent { AS_SUPERVISOR, AS_USER, AS_SYSTEM };

static inline enum agent agent_of(const struct x86 *cpu)
{
    return cpu->cpl == 3 ? AS_USER : AS_SUPERVISOR;
}

/* Why a walk ended. Of a nested page fault: the guest-physical address; `error` as virt_nested_fault() has it. */
struct ending {
    enum { FOUND, FAULT, NESTED_FAULT } how;
    uint32_t error;
    uint64_t address;
};
/* Intel's EPT (ept.c): where a guest-physical address is in the machine. `mark`: the processor, if bits may be set in its tables; else NULL.
 * `table`: the access is a walk's. *may_write as in struct walk. */
bool ept_translate(const struct x86 *, struct x86 *mark, uint64_t gpa, enum access, bool table,
                   struct ending *, uint64_t *pa, bool *may_write);

/* Where an address leads. */
struct walk {
    uint64_t pa;
    bool may_write; /* writes need no further walk: allowed, and the dirty bits are set */
    bool user_page;
};

/* Translates a linear address for an access, and sets accessed and dirty bits; the tables that were read are watched from then on
 * (tlb_watch()). Raises #PF, or ends the guest's run by a nested page fault. */
void walk(struct x86 *, uint64_t linear, enum access, enum agent, struct walk *);
/* The same, but returns false, and the error code, instead of raising #PF. */
bool walk_or_fail(struct x86 *, uint64_t linear, enum access, enum agent, struct walk *, uint32_t *error);
/* Whether a read at the address is allowed and sets no bit in any table; *pa: where it is. Changes nothing. */
bool walk_needs_no_mark(const struct x86 *, uint64_t linear, enum agent, uint64_t *pa);
/* The four entries of PAE paging, at a guest-physical address, in a guest with Intel's EPT: false if a reserved bit is set. May end the guest's
 * run. */
bool walk_pdptes(struct x86 *, uint64_t gpa, uint64_t entry[4]);
/* Where a guest-physical address is in the machine, for a guest with nested paging that may read it. Changes nothing. */
bool walk_nested_peek(const struct x86 *, uint64_t gpa, uint64_t *pa);
/* The part of a space's key that says how guest-physical addresses are translated, in a guest with nested paging. */
void walk_nested_key(const struct x86 *, struct space_key *);

#endif

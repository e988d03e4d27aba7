/* cpu.h - inside the processor: its state and TLB; code.h has the rest. Private to hv/x86.
 *
 * How the processor runs: guest code is decoded once into blocks (struct block): arrays of struct op, each
 * with a pointer to its handler and unpacked operands. A handler executes one instruction and continues with
 * the next op (NEXT). The last op of a block chains to another block, or returns NULL to the dispatcher
 * (run.c).
 *
 * Steps are counted a block at a time: entering a block subtracts its `n` from `left`; leaving early returns
 * the rest. To stop at an exact step inside a block, the op there is patched with op_resync, which returns to
 * the dispatcher.
 *
 * The TLB and the decoded code are coherent: a write to a page that holds decoded code or page-table entries
 * in use takes the slow path and drops what it changes. So the guest can never see either of them, a snapshot
 * contains neither, and a run continued from a load is the same run. INVLPG has nothing to do. A load of CR3
 * only selects the set of translations that belongs to it (struct space, tlb.c): translations cached for
 * other page tables are kept, and remain valid. */
#ifndef BOOTREEL_HV_X86_CPU_H
#define BOOTREEL_HV_X86_CPU_H

#include <setjmp.h>
#include <string.h>

#include "hv/x86/decode/code.h"

/* ---------------------------------------------------------------- registers */

enum {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    REG_ZERO,
    REG_RIP,
    REG_4G,
    NGPR
};
enum { ES, CS, SS, DS, FS, GS, SEG_NONE, LDTR, TR, NSEG };

enum eflags {
    FLAG_CF = 1u << 0,
    FLAG_1 = 1u << 1,
    FLAG_PF = 1u << 2,
    FLAG_AF = 1u << 4,
    FLAG_ZF = 1u << 6,
    FLAG_SF = 1u << 7,
    FLAG_TF = 1u << 8,
    FLAG_IF = 1u << 9,
    FLAG_DF = 1u << 10,
    FLAG_OF = 1u << 11,
    FLAG_IOPL = 3u << 12,
    FLAG_NT = 1u << 14,
    FLAG_RF = 1u << 16,
    FLAG_VM = 1u << 17,
    FLAG_AC = 1u << 18,
    FLAG_VIF = 1u << 19,
    FLAG_VIP = 1u << 20,
    FLAG_ID = 1u << 21,
    FLAGS_ARITH = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF,
};

enum cr_bits {
    CR0_PE = 1u << 0,
    CR0_MP = 1u << 1,
    CR0_EM = 1u << 2,
    CR0_TS = 1u << 3,
    CR0_ET = 1u << 4,
    CR0_NE = 1u << 5,
    CR0_WP = 1u << 16,
    CR0_AM = 1u << 18,
    CR0_NW = 1u << 29,
    CR0_CD = 1u << 30,
    CR0_PG = 1u << 31,
    CR4_VME = 1u << 0,
    CR4_PVI = 1u << 1,
    CR4_TSD = 1u << 2,
    CR4_DE = 1u << 3,
    CR4_PSE = 1u << 4,
    CR4_PAE = 1u << 5,
    CR4_MCE = 1u << 6,
    CR4_PGE = 1u << 7,
    CR4_PCE = 1u << 8,
    CR4_OSFXSR = 1u << 9,
    CR4_OSXMMEXCPT = 1u << 10,
    CR4_UMIP = 1u << 11,
    CR4_LA57 = 1u << 12,
    CR4_VMXE = 1u << 13,
    CR4_FSGSBASE = 1u << 16,
    CR4_PCIDE = 1u << 17,
    CR4_OSXSAVE = 1u << 18,
    CR4_SMEP = 1u << 20,
    CR4_SMAP = 1u << 21,
    EFER_SCE = 1u << 0,
    EFER_LME = 1u << 8,
    EFER_LMA = 1u << 10,
    EFER_NXE = 1u << 11,
    EFER_SVME = 1u << 12,
};

/* Vectors (SDM volume 3, chapter 6). */
enum vector {
    VEC_DE,
    VEC_DB,
    VEC_NMI,
    VEC_BP,
    VEC_OF,
    VEC_BR,
    VEC_UD,
    VEC_NM,
    VEC_DF,
    VEC_TS = 10,
    VEC_NP,
    VEC_SS,
    VEC_GP,
    VEC_PF,
    VEC_MF = 16,
    VEC_AC,
    VEC_MC,
    VEC_XM
};

/* A segment register with its hidden part. attr: descriptor bits 40-55 (type and S in 0-4, DPL 5-6, P 7, AVL
 * 12, L 13, D/B 14, G 15); limit is in bytes, already scaled. */
enum seg_attr {
    SEG_TYPE = 0xf,
    SEG_ACCESSED = 1,
    SEG_WRITABLE = 2,    /* data */
    SEG_READABLE = 2,    /* code */
    SEG_EXPAND_DOWN = 4, /* data */
    SEG_CONFORMING = 4,  /* code */
    SEG_CODE = 8,
    SEG_S = 0x10,
    SEG_DPL = 0x60,
    SEG_P = 0x80,
    SEG_L = 1 << 13,
    SEG_DB = 1 << 14,
    SEG_G = 1 << 15,
};
struct seg {
    uint64_t base;
    uint32_t limit;
    uint16_t attr;
    uint16_t sel;
    uint8_t null; /* protected mode: loaded with a null selector */
    /* Derived (seg_changed()): bytes that end at or before this offset may be read, and written; UINT64_MAX: all may be (4 GiB limit);
     * 0: that has to be found out for each access. */
    uint64_t reach[2];
};

struct dtable {
    uint64_t base;
    uint16_t limit;
};

union xmm {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t d[4];
    uint64_t q[2];
    float f[4];
    double lf[2];
} __attribute__((aligned(16)));

/* An x87 register, as in memory: 64-bit significand, then sign and exponent. `upper` is the exponent with zeros above it. Code that
 * writes a register must write `sig` and `upper`: a load waits longer if only a part of what it reads was just stored. */
struct fpreg {
    uint64_t sig;
    union {
        uint16_t exp;
        uint64_t upper;
    };
};
static inline struct fpreg fpreg(uint64_t sig, unsigned exp)
{
    return (struct fpreg){.sig = sig, .upper = exp};
}

struct fpu {
    struct fpreg r[8]; /* physical registers; ST(i) is r[(top + i) & 7]. MMX registers are r[i].sig */
    uint16_t cw, sw;   /* sw holds TOP too */
    uint8_t empty;     /* one bit per physical register, 1: empty */
    uint8_t pad;
    uint16_t fop;
    uint16_t fcs, fds;
    uint32_t mxcsr;
    uint64_t fip, fdp;
};

/* ---------------------------------------------------------------- TLB */

enum pte_bits { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80 };
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* A TLB has TLB_SIZE entries at first, and grows up to TLB_MOST if that is too few; those of all processors together have no more than
 * TLBS_MOST. */
enum { TLB_SIZE = 4096, TLB_MOST = 65536, TLBS_MOST = 1 << 19, ITLB_SIZE = 1024, SPACES = 8 };
enum { TLB_MAY_WRITE = 1, TLB_NOTED = 2, TLB_BESIDE = 4, TLB_LINES = 8 }; /* bits of tlb_entry.pa */
#define TLB_NONE UINT64_MAX
/* Tags are linear page addresses, or TLB_NONE if that access must take the slow path. Host address = add +
 * linear. */
struct tlb_entry {
    uint64_t r, w;
    uintptr_t add;
    /* The page's physical address. Bit 0: a write needs no walk either, though it may have to take the slow
     * path. Bit 1: a write through this entry has been noted (touched.c). Bit 2: there is a watchpoint for writes in
     * the page, and writes beside it (see low in struct stops) need no slow path. Bit 3: writes may be noted by lines with the
     * page's struct pmeta, of which `w` has the address + 1, which matches no page. */
    uint64_t pa;
};
struct itlb_entry {
    uint64_t tag; /* linear page */
    struct code_page *page;
    uint64_t pa;
};
/* Where a block was left last, before its instruction number `op` at rip; the block is at `start`. op is 0 if there was none. */
struct cut {
    uint64_t start, rip;
    uint8_t op;
};
enum { GUESSES = 4096 }; /* see `guess` in struct x86 */
enum { GROUPS = 3 };     /* see `kept` there */
struct tlb {
    struct tlb_entry *entry; /* NULL until the space is used */
    uint64_t *used;          /* a bit for each entry that may be filled, so that a flush visits only those */
    unsigned size;           /* a power of two */
    unsigned lost;           /* entries whose place another one took, since it was flushed, or grew */
};

/* Everything besides memory that determines translations: the root of the page tables, and the bits of CR0,
 * CR4 and EFER that affect paging. Zero without paging. */
struct space_key {
    uint64_t mode, root, pdpte[4];
    /* In a guest with nested paging: the root of its hypervisor's tables and their mode, which is not 0 then (walk.c). */
    uint64_t nested_root, nested_mode;
};
/* The translations of one set of page tables. A processor keeps the SPACES most recently used ones. */
struct space {
    struct space_key key;
    uint64_t used_at;           /* in the processor's count of switches */
    struct table_page **tables; /* the table pages it has read from */
    size_t ntables, captables;
    bool filled;       /* some entry is */
    struct tlb tlb[2]; /* CPL 0-2, CPL 3 */
    uint64_t iused[2][ITLB_SIZE / 64];
    struct itlb_entry itlb[2][ITLB_SIZE];
};

/* A page of page-table entries in use, and which spaces have read which entries. So a write to an entry finds
 * what was derived from it without scanning every translation, and a page that is no longer used becomes an
 * ordinary page again. Spaces are one byte per processor, one bit per space. */
enum { TABLE_USES = 6 };
struct table_use {
    uint64_t base; /* linear address that its first entry maps */
    uint8_t level; /* 0 is the last one */
    uint8_t spaces[ENGINE_CPUS];
};
struct table_page {
    struct pmeta *meta;
    struct table_page *all_next;
    unsigned live; /* bits set in `use` and `many` */
    unsigned n;
    uint8_t listed[ENGINE_CPUS]; /* the spaces whose lists contain it */
    uint8_t many
        [ENGINE_CPUS]; /* spaces with uses that did not fit, or of unknown addresses: a write flushes them */
    bool unmarked;     /* some use is of entries that have no accessed bit */
    struct table_use use[TABLE_USES];
};

/* ---------------------------------------------------------------- the processor */

/* A pending exception. */
struct fault {
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint64_t cr2;
    uint64_t dr6;
};

/* MTRRs and other MSRs that are only stored. */
struct msrs {
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, misc_enable, mtrr_def, mtrr_fix[11], mtrr_var[16];
    uint64_t tsc_offset; /* TSC = time + offset */
    uint64_t mcg_status, mcg_ctl, mc[4 * 10], smbase, spec_ctrl, bios_sign, tsc_adjust, feature_control;
};

/* What a processor keeps of the world that it left for a guest. The manual leaves open how much of it is in the page of VM_HSAVE_PA (AMD APM
 * volume 2, 15.30.4): here nothing is. */
struct virt_host {
    struct seg seg[4]; /* ES to DS */
    struct dtable gdtr, idtr;
    uint64_t cr0, cr3, cr4, efer, flags, rip, rsp, rax, pat;
};
/* Hardware virtualization (virt/virt.h). If the model has SVM, all of it is state, but for `now`; else all of it is always 0. */
struct virt_guest { /* all 0 while no guest runs */
    bool runs;
    bool nested;  /* its physical addresses are translated by tables at ncr3 */
    bool masking; /* its IF and TPR are for virtual interrupts only */
    bool v_irq, v_any_tpr;
    uint8_t v_tpr, v_priority, v_vector;
    uint32_t wants[6]; /* a bit for each enum virt_reason: what ends its run */
    uint32_t asid, inject, inject_error;
    uint64_t vmcb, ncr3, iopm, msrpm, tsc_offset, inject_rip;
    uint64_t pause_at; /* guest time of the last PAUSE */
    uint16_t pause_filter, pause_window, pause_left;
};
/* Within a step: an exit that has begun. `event` is the event that is being delivered, as EXITINTINFO has it. */
struct virt_now {
    bool exiting, fetch, shadow;
    bool unblocked; /* VMX: an IRET has ended the blocking of NMIs */
    uint32_t event, event_error;
    uint64_t reason, info1, info2, next_rip;
    uint64_t linear, pending; /* VMX: of a port's string, or of an EPT violation; pending debug exceptions */
    uint32_t instruction;     /* VMX: information about it */
};
struct virt {
    bool held;                /* GIF is clear: interrupts are held back */
    struct virt_guest asleep; /* the guest that an SMI has interrupted */
    struct virt_host host;
    uint64_t hsave_pa, vm_cr;
    struct virt_now now;
};

/* Intel's part (virt/vmx.h). All 0 if the model has no VMX. Of a VMCS, which is in memory, it has what a guest's instructions need. */
struct vmx {
    bool on;               /* in VMX operation */
    bool by_ss;            /* `inhibit` is by a load of SS, not by STI */
    bool mtf_due, tpr_due; /* exits that are due before the next instruction */
    uint8_t tpr_threshold;
    uint32_t pin, first, second; /* controls (enum vmx_pin …) */
    uint32_t pf_mask, pf_match, ple_gap, ple_window, cr3_targets;
    uint64_t vmxon_pa, vmcs; /* vmcs: the current one; VMCS_NONE */
    uint64_t cr0_mask, cr0_shadow, cr4_mask, cr4_shadow, cr3_target[4];
    uint64_t io_b, vapic, xss_bitmap;
    uint64_t timer_end, ple_first; /* guest time */
};

struct cpuid_model; /* cpuid.c */

/* Where the processor stops for a debugger or a probe: stops.c. Not state. */
struct stops {
    struct x86_stop met; /* the last one */
    bool hit;
    bool probe; /* it is report_only: an ordinary one takes precedence */
    uint8_t
        said; /* which at the current instruction were reported: 0 none, 1 an ordinary one, 2 probes too */
    bool exec, data;         /* there are some */
    struct stop_point *list; /* watchpoints, then execution stops up to nreal, then probes */
    size_t n, nwatches, nreal;
    /* The offsets in their pages, up to the last but one, between which all watchpoints for writes are. Compiled code
     * compares with these: a store at other offsets of any page meets none. */
    uint32_t low, high;
    uint32_t *hash;
    uint64_t *pages;
    uint8_t offsets[SNAPSHOT_PAGE];
    size_t mask;
    long index; /* of `met` */
};

struct x86 {
    /* --- hot; the first 128 bytes have the shortest addresses in compiled code --- */
    int64_t left;          /* steps left in the slice after the running block */
    struct tlb_entry *tlb; /* see tlb_select(); tlb_mask below says how many it has */
    /* gpr[REG_ZERO] is 0, gpr[REG_4G] 4 G; gpr[REG_RIP] is the start of the running block, or outside blocks the next
     * instruction. */
    uint64_t gpr[NGPR];
    uint64_t cc_res;     /* lazy flags: the last result, sign-extended: ZF, SF, PF */
    uint64_t cc_aux;     /* enum cc_aux */
    struct block *block; /* running */
    const struct op *op; /* the current instruction; set wherever code outside the handler may need it */
    struct itlb_entry *itlb;
    struct space *space; /* of the current page tables */
    uint32_t tlb_mask;   /* the offset of the last entry of `tlb`, in bytes */
    struct seg seg[NSEG];
    uint64_t flags; /* EFLAGS without the arithmetic flags; bit 1 is always set */
    /* mode that code is decoded for: bits 0-1 code size (0: 16, 1: 32, 2: 64), bit 2 32-bit stack, KEY_FLAT,
     * KEY_LA57 */
    uint32_t key;
    uint8_t cpl;
    bool mode64;       /* CS.L in long mode */
    uint8_t code_bits; /* 16, 32, 64 */
    /* The highest offset of a page that lies whole in the code segment, outside 64-bit code; -1 if none does. */
    int64_t code_pages;
    /* How many bits at the top of a canonical linear address repeat the one below them: 16 or 7. */
    uint8_t sign_bits;
    bool inhibit; /* interrupts are held off for one instruction (STI, MOV SS, POP SS) */

    /* --- system --- */
    struct dtable gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, efer, xcr0;
    uint64_t random;   /* RDRAND's sequence */
    uint64_t pdpte[4]; /* PAE: loaded with CR3 */
    uint64_t dr[8];
    struct msrs msr;
    bool halted, shutdown;
    uint64_t led[3], led_cr2[3]; /* shutdown: the faults that led to it (x86_led) */
    struct odd_told odd[ODD_SORTS];
    struct lacking lacking;
    uint64_t zeros_page; /* the last page in which zeros ran */
    bool lost;           /* a store has gone to no memory, or to memory that ignores it */
    bool in_smm, nmi_blocked;
    bool intr; /* line */
    bool nmi_pending, smi_pending, init_pending, sipi_pending, wait_sipi;
    uint8_t sipi_vector;
    bool tf_pending; /* a single-step trap is due after this instruction */
    /* bits of DR6: breakpoints DR0-3 that an access has hit, for a trap after the instruction */
    uint8_t data_breaks;
    /* for EV_CPU_RING3 and EV_PROCESS_FIRST (enum ring3_seen): part of the state, so that a replay from a
     * checkpoint is the same */
    uint8_t seen_ring3;
    struct virt_guest guest;
    struct virt virt;
    struct vmx vmx;

    struct fpu fpu;
    union xmm xmm[16];
    union xmm ymmh[16]; /* the upper halves of YMM0-15; state if the model has AVX */

    /* --- wiring and caches: not state --- */
    int64_t requested; /* x86_run's steps */
    uint64_t time;     /* guest time when x86_run() began */
    /* Steps when `left` was last set. Executed so far: slice - left, minus the steps that the running block
     * has not done yet. */
    int64_t slice;
    bool attention; /* the dispatcher must check lines and breaks */
    bool brk;       /* x86_break() */
    bool running;
    bool pause_ends, paused; /* x86_watch_pause() */
    unsigned index;
    struct physmem *mem;
    struct x86_bus bus;
    const struct cpuid_model *model;
    uint64_t features; /* the model's, with those that were added to it */
    struct decoder *decoder;
    struct plain_undefined plain; /* lacking.c */
    unsigned cores;               /* of the package: x86_set_cores() */
    bool as_before_15;            /* x86_as_before_15(): sys.h, task.c */
    bool as_before_16;            /* x86_as_before_16(): cr.c, walk.c */
    bool step_owed;               /* a task switch has left its block, and its step is not counted yet */
    struct decoder *all_rows;     /* of every feature, once it was needed (lacking.c) */
    void *room;                   /* what it was allocated as */
    struct field_table saved;     /* the fields of this struct that are state */
    struct op *patched;           /* op whose fn is replaced by op_resync */
    op_fn *patched_fn;
    struct block *held; /* executed in part: its compiled code is not entered */
    struct cut cut;
    jmp_buf *unwind;
    struct fault fault, first_fault; /* the last one raised; the one being delivered */
    bool delivering;                 /* an exception or interrupt is being delivered */
    struct stops stops;
    uint64_t switches; /* number of switches between spaces */
    /* The blocks that were entered last, by JUMP_SLOT(), of all processors: code_jumps(). Valid if page and id are right. Never NULL. */
    struct block **jumps;
    /* What compiled loads expect as tlb_entry.add: the last one's. Any value is correct. */
    uintptr_t guess[GUESSES];
    /* The host addresses of compiled code's older groups, from number 1 on (struct flow in jit/unit.h). */
    uintptr_t kept[GROUPS];
    struct space spaces[SPACES];
    struct tlb_entry none; /* a TLB that stays empty, used with alignment checks on */
    x86_flow_seen *flow;   /* x86_watch_flows(); NULL: nobody wants to know */
    void *flow_ctx;
    x86_code_seen *code; /* x86_watch_code() */
    void *code_ctx;
    bool hosted, trap_hit; /* x86_host(); x86_run() must return X86_TRAP */
    struct x86_trap trap;
#ifdef BOOTREEL_COUNT
    struct counts *counts;
#endif
};

/* ---------------------------------------------------------------- between the files */

/* exceptions: never return; cpu->op must be set (SYNC) */
__attribute__((noreturn)) void raise_fault(struct x86 *, unsigned vector);
__attribute__((noreturn)) void raise_error(struct x86 *, unsigned vector, uint32_t error);
__attribute__((noreturn)) void raise_page_fault(struct x86 *, uint64_t linear, uint32_t error);
/* #DB. `bits` are the bits of DR6 that say why; pending breakpoints are reported by the same exception. */
__attribute__((noreturn)) void raise_debug(struct x86 *, uint64_t bits);
/* Leaves what is executing for the dispatcher, which finds out why. */
__attribute__((noreturn)) void raise_again(struct x86 *);

/* stops.c. exec_stop_here(): is there an execution stop at this address? exec_stop_reached(): is there one at
 * the next instruction that was not reported yet? It is stored in cpu->stops.met. */
bool exec_stop_here(const struct x86 *, uint64_t linear, uint64_t pa);
bool exec_stop_reached(struct x86 *);
/* The code of the page is about to be executed at this linear page. */
void exec_stops_alias(struct x86 *, struct code_page *, uint64_t linear);
void x86_stops_free(struct x86 *);
/* state.c: a processor's fields. */
struct field_table x86_saved(const struct x86 *);

/* mem.c: the slow paths. All may raise. size is 1, 2, 4 or 8 (loads are zero-extended). `op` is the current
 * instruction. */
uint64_t mem_load(struct x86 *, const struct op *, uint64_t linear, unsigned size);
void mem_store(struct x86 *, const struct op *, uint64_t linear, unsigned size, uint64_t value);
/* A load that must be followed by mem_store to the same place: faults as a write. */
uint64_t mem_load_rmw(struct x86 *, const struct op *, uint64_t linear, unsigned size);
/* *n stores (at least 1) of `size` bytes each, at ascending addresses from `linear` on, all in one page, are about to be made. If they
 * only have to be noted by lines, this notes the first of them, sets *n to their number and returns the host address to which the caller
 * stores them. Otherwise NULL. Costs as much as one store. */
uint8_t *mem_note_stores(struct x86 *, uint64_t linear, unsigned size, uint64_t *n);
/* Check that n bytes at linear can be read (or written), and raise if not; nothing is transferred. n is at
 * most 4096. */
void mem_probe(struct x86 *, const struct op *, uint64_t linear, unsigned n, bool write);
/* The host's address of a byte, if reading its page needs no slow path and sets no bit in a page table; else
 * NULL. The TLB is neither used nor filled: this is for a page whose slot another page needs at the same
 * time. */
const uint8_t *mem_read_directly(const struct x86 *, uint64_t linear);
/* A port was accessed: the access may hit an I/O breakpoint. */
void note_port_break(struct x86 *, uint16_t port, unsigned size);
/* Accesses with supervisor privilege whatever the CPL: descriptor tables, TSS, interrupt frames on an inner
 * stack. Either cpu->op is set, or the dispatcher is delivering. */
uint64_t sys_load(struct x86 *, uint64_t linear, unsigned size);
void sys_store(struct x86 *, uint64_t linear, unsigned size, uint64_t value);
/* run.c: the dispatcher must look again after the current instruction, because the running block may no
 * longer match memory. */
void look_again(struct x86 *);
void pause_run(struct x86 *); /* at a PAUSE: x86_watch_pause() */

/* tlb.c. Drop every cached translation: they may no longer follow from memory and control registers alone. */
void tlb_flush(struct x86 *);
/* Control registers changed: use the translations of the current page tables from now on. */
void tlb_switch(struct x86 *);
/* Called when the processor is created and destroyed. */
void tlb_start(struct x86 *);
void tlb_free(struct x86 *);
/* Enter the result of a walk: the page of lin is at pa. may_write: a write needs no walk; writes: there is
 * one now, and it has been noted. */
void tlb_enter(struct x86 *, uint64_t lin, bool user, uint64_t pa, bool may_write, bool writes);
/* The entry serves a write of n bytes at lin that takes the slow path: the next write need not, if nothing has to be handled any
 * more. */
void tlb_write_met(struct x86 *, struct tlb_entry *, uint64_t lin, unsigned n);
/* A write at lin by the present translations was noted by lines. Compiled code may note the next one itself, if nothing else has to
 * know of it. */
void tlb_note_lines(struct x86 *, uint64_t lin);
void itlb_enter(struct x86 *, uint64_t lin, uint64_t pa, struct code_page *);
/* A walk for lin has read an entry of this page at that level. */
void tlb_watch(struct x86 *, struct pmeta *, uint8_t *page, unsigned level, uint64_t lin);
/* A walk has read an entry of this page on which addresses depend that are not known: a write to it flushes the space. `marked`: its
 * entries have accessed bits, which walks set. */
void tlb_watch_all(struct x86 *, struct pmeta *, uint8_t *page, bool marked);
/* Entries of a page with PM_TABLE are about to change. */
void tlb_table_written(struct physmem *, struct pmeta *, const uint8_t *page, uint32_t off, uint32_t n);
/* Writes to the page must take the slow way from now on. */
void tlb_drop_fast(struct physmem *, struct pmeta *, const uint8_t *page);
/* Drop the page's code from every instruction TLB. */
void tlb_drop_code(struct physmem *, const struct code_page *);
/* CPL or EFLAGS.AC changed: select the TLBs to use. With alignment checks every access takes the slow path.
 * (The dispatcher calls it too.) */
static inline void tlb_select(struct x86 *cpu)
{
    const bool user = cpu->cpl == 3, none = user && cpu->flags & FLAG_AC && cpu->cr0 & CR0_AM;
    const struct tlb *t = &cpu->space->tlb[user];
    cpu->tlb = none ? &cpu->none : t->entry;
    cpu->tlb_mask = none ? 0 : (t->size - 1) * (unsigned)sizeof(struct tlb_entry);
    cpu->itlb = cpu->space->itlb[user];
}
/* The code of the page at linear address lin if the current CPL may execute it, and its physical address.
 * Raises faults. NULL if the address is not in memory. */
struct code_page *fetch_page(struct x86 *, uint64_t linear, uint64_t *pa);
/* Translate for the processor without side effects; false if not mapped. */
bool mem_translate_peek(const struct x86 *, uint64_t linear, uint64_t *pa);

/* seg.c: a segment's hidden part or a control register changed: recompute derived fields (reach, key, mode64,
 * code_bits, cpl's TLB). Must be followed by leaving the block (return NULL). */
void seg_changed(struct x86 *, unsigned seg);
void mode_changed(struct x86 *);

/* Interrupts and exceptions (interrupt.c). `soft`: INT n, INT3, INTO (DPL checks; return address is after the
 * instruction). May raise. The caller accounts for the step. next_rip: the address to push. */
enum int_kind { INT_HARDWARE, INT_EXCEPTION, INT_SOFT };
void interrupt_deliver(struct x86 *, enum int_kind, uint8_t vector, bool has_error, uint32_t error,
                       uint64_t next_rip);

/* A debug exception is being delivered (run.c): `bits` of DR6 are set. The breakpoint bits, B0-B3, are
 * replaced: only the others are kept from earlier exceptions until the handler clears them (SDM volume 3,
 * 17.2.3). */
void debug_note(struct x86 *, uint64_t bits);
/* No trap is pending any more. */
static inline void debug_taken(struct x86 *cpu)
{
    cpu->tf_pending = false;
    cpu->data_breaks = 0;
}

/* Under a host (hosted.c): pass cpu->fault, or the SYSCALL or INT n at `op`, to the host, as one step. */
void hosted_fault(struct x86 *);
const struct op *hosted_syscall(struct x86 *, const struct op *);
const struct op *hosted_int(struct x86 *, const struct op *, uint8_t vector);

/* RSM state and SMI entry (smm.c) */
void smm_enter(struct x86 *);

/* events */
static inline void cpu_event(struct x86 *cpu, struct event *ev)
{
    cpu->bus.event(cpu->bus.ctx, ev);
}

/* Bits of cc_aux: CF and AF where EFLAGS has them, OF, and whether PF and SF are the opposites of what cc_res says. It may have any
 * others: SETO AL, LAHF and ROR EAX, 8 make it from the host's flags. */
enum cc_aux { AUX_OF = 24, AUX_PF = 34, AUX_SF = 39 };

/* flags */
static inline uint64_t cc_cf(const struct x86 *c)
{
    return c->cc_aux & 1;
}
static inline bool cc_zf(const struct x86 *c)
{
    return c->cc_res == 0;
}
static inline unsigned cc_sf(const struct x86 *c)
{
    return (c->cc_res >> 63 ^ c->cc_aux >> AUX_SF) & 1;
}
static inline unsigned cc_of(const struct x86 *c)
{
    return c->cc_aux >> AUX_OF & 1;
}
static inline unsigned cc_af(const struct x86 *c)
{
    return c->cc_aux >> 4 & 1;
}
static inline unsigned cc_pf(const struct x86 *c)
{
    return (!__builtin_parity((uint8_t)c->cc_res) ^ c->cc_aux >> AUX_PF) & 1;
}
/* The whole of EFLAGS. */
static inline uint64_t eflags_get(const struct x86 *c)
{
    return c->flags | cc_cf(c) | cc_pf(c) << 2 | cc_af(c) << 4 | (uint64_t)cc_zf(c) << 6 | cc_sf(c) << 7 |
           cc_of(c) << 11;
}
/* Set the arithmetic flags from an EFLAGS value. */
static inline void cc_set(struct x86 *c, uint64_t f)
{
    c->cc_res = f & FLAG_ZF ? 0 : 1; /* parity of 0 is even (PF 1), of 1 odd; sign 0 */
    uint64_t pf = c->cc_res == 0;
    c->cc_aux = (f & (FLAG_CF | FLAG_AF)) | (f >> 11 & 1) << AUX_OF | (f >> 7 & 1) << AUX_SF |
                ((f >> 2 & 1) ^ pf) << AUX_PF;
}
/* Set all of EFLAGS without checks. The caller handles mode changes (VM) and leaves the block if IF or TF may
 * have been set. */
static inline void eflags_set(struct x86 *c, uint64_t f)
{
    cc_set(c, f);
    c->flags = (f & ~(uint64_t)FLAGS_ARITH) | FLAG_1;
}

static inline bool real_mode(const struct x86 *c)
{
    return !(c->cr0 & CR0_PE);
}
static inline bool v86_mode(const struct x86 *c)
{
    return c->flags & FLAG_VM;
}
static inline bool protected_mode(const struct x86 *c)
{
    return (c->cr0 & CR0_PE) && !(c->flags & FLAG_VM);
}
static inline bool long_mode(const struct x86 *c)
{
    return c->efer & EFER_LMA;
}
static inline unsigned iopl(const struct x86 *c)
{
    return c->flags >> 12 & 3;
}

#endif

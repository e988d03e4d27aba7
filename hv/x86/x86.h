/* x86.h - the processor and its physical memory: the one public header of hv/x86.
 *
 * The board gives each processor a bus (callbacks for ports, device memory and interrupt acknowledge) and the
 * shared physical memory. The processor knows nothing of devices, time or traces: it only counts steps. */
#ifndef BOOTREEL_HV_X86_X86_H
#define BOOTREEL_HV_X86_X86_H

#include "core/engine/engine.h"

/* ---------------------------------------------------------------- physical memory */

/* A block of host memory that the guest can reach: RAM, ROM, video memory. Its pages may be mapped at several
 * guest addresses. The processor keeps flags for each page (changed since the last save, holds decoded code,
 * holds page tables), so every write to it by a device must go through physmem_write() or physmem_touch(). */
struct ramblock;
struct physmem;

/* Covers guest-physical addresses 0 … 4 GiB, and above that up to `ram_top`. `host`: how code in it is
 * executed; NULL: as usual. Returns NULL if out of memory. */
struct physmem *physmem_create(uint64_t ram_top, const struct engine_host *host);
void physmem_destroy(struct physmem *);
/* See engine_ops.forked. */
int physmem_forked(struct physmem *);

/* A new zeroed block; `name` is its region in snapshots ("ram"). `size` in bytes, a multiple of 4096. Owned
 * by the physmem. Returns NULL if out of memory. */
struct ramblock *physmem_block(struct physmem *, const char *name, uint64_t size);
uint8_t *ramblock_host(struct ramblock *);
/* Pages of the block may be left to be fetched when a state is loaded (snapshot_source.fetch): nobody uses ramblock_host() of it. */
void ramblock_may_fetch(struct ramblock *);
uint64_t ramblock_size(const struct ramblock *);

/* Map `size` bytes at guest address `pa` onto the block at `offset` (all multiples of 4096). Reads and writes
 * can go to different places (shadow RAM): a NULL `read` block sends reads to the bus, a NULL `write` block
 * sends writes to the bus; `ignore_writes` drops writes silently. Code and TLBs are flushed. */
void physmem_map(struct physmem *, uint64_t pa, uint64_t size, struct ramblock *read, uint64_t read_offset,
                 struct ramblock *write, uint64_t write_offset, bool ignore_writes);
/* Send accesses in the range to the bus. */
void physmem_unmap(struct physmem *, uint64_t pa, uint64_t size);

/* DMA and firmware: copies between host memory and mapped memory; unmapped memory reads as 0xff and ignores
 * writes. They never reach a device. Writes drop the decoded code and cached translations that they
 * change. */
void physmem_read(struct physmem *, uint64_t pa, void *buf, size_t n);
void physmem_write(struct physmem *, uint64_t pa, const void *buf, size_t n);
/* How many bytes from pa on are mapped memory, at most n. */
size_t physmem_mapped(struct physmem *, uint64_t pa, size_t n);
/* The n bytes from pa on, if they are mapped memory in one piece of the host's; else NULL. */
const uint8_t *physmem_view(struct physmem *, uint64_t pa, size_t n);
/* A device wrote [offset, offset+n) of a block directly, through ramblock_host(). */
void physmem_touch(struct physmem *, struct ramblock *, uint64_t offset, uint64_t n);

/* From now on `wrote` is called for each of the n ranges that physmem_write() is about to write to, or that
 * physmem_touch() says was written, with the range's number, the address of its first byte that is
 * written, and how many of its bytes are. n 0: none. */
struct physmem_range {
    uint64_t address, length;
};
typedef void physmem_wrote(void *ctx, size_t range, uint64_t address, uint64_t n);
void physmem_watch(struct physmem *, const struct physmem_range *, size_t n, physmem_wrote *wrote, void *ctx);

/* From now on `seen` is called for each physmem_write() with its address and length, and for each physmem_touch() with a length of 0, as
 * its page can be anywhere. NULL: no more. */
typedef void physmem_seen(void *ctx, uint64_t address, uint64_t n);
void physmem_see(struct physmem *, physmem_seen *seen, void *ctx);

/* Address line 20: when off, bit 20 of every processor address is 0. */
void physmem_set_a20(struct physmem *, bool on);
bool physmem_a20(const struct physmem *);

/* Saves the pages that changed in epoch `since` or later; with 0, all pages ever written. The caller counts
 * epochs, from 1. `ends` is the current epoch if it ends with this save; with 0 nothing is changed. */
void physmem_save(struct physmem *, const struct snapshot_sink *, uint32_t since, uint32_t ends);
int physmem_load(struct physmem *, const struct snapshot_source *);

/* What processors executed and wrote since the last call, see engine_ops.touched. No processor may be running. The
 * contract for whatever executes guest code (interpreter or compiled code), so that nothing is missed and nothing
 * depends on caches:
 *   - The first instruction that is executed in a linear page after a flush of the TLBs is fetched through
 *     fetch_page(), which notes the page. So nothing that leads from one page to another (chains, inline caches,
 *     return stacks) outlives a flush, and nothing is fetched that is not about to be executed.
 *   - Code is decoded (block_at_rip()) only when it is about to be executed, which notes its lines. In later periods
 *     whatever leads to a block comes to op_unnoted() first, or, in compiled code, to the dispatcher.
 *   - Memory is written directly only through a TLB entry whose `w` matches. Such an entry exists only after a write
 *     through it took the slow way, which notes the page; and while a page's lines are being noted (PM_LINES) there
 *     is none for it at all, so each write takes the slow way, or is noted by compiled code (TLB_LINES), by itself and in the order
 *     of the run: how long they are noted depends on how many writes there are. Before anything else is written for an instruction, the same
 *     addresses are translated for writing in the same order. */
void physmem_touched(struct physmem *, struct touched_set *);
/* See engine_ops.touched_ask. */
void physmem_touched_ask(struct physmem *, const struct touched_set *before);
/* See engine_ops.touched_amount. */
struct touched_amount physmem_touched_amount(const struct physmem *);
/* What processors read and wrote, see engine_ops.accesses. The contract is shorter, because the run is not to be the same in each
 * recording: memory is read or written directly only through a TLB entry whose `r` or `w` matches, and what else is read is noted
 * (mem_read_directly()). No processor may be running. */
void physmem_accesses(struct physmem *, enum accesses what, struct accessed_set *);

/* ---------------------------------------------------------------- the processor */

struct x86;

/* Hooks by which BIOS services are recognized. They are called whatever is observed, and change nothing in
 * the processor. Each may be NULL. Addresses are linear: `stack` is the stack pointer before the INT or CALL,
 * or after the return; `caller` is the instruction itself; `next` is the one after it, or the one returned
 * to; `target` is the address called. */
struct x86_hooks {
    void *ctx;
    /* INT n in real or virtual-8086 mode is about to be executed, or is about to fault (a monitor may then
     * emulate it). */
    void (*interrupt)(void *ctx, unsigned cpu, uint8_t vector, uint64_t stack, uint64_t caller,
                      uint64_t next);
    /* A far CALL in these modes is about to be executed; it may be the CALL of a PUSHF; CALL to a handler. */
    void (*far_call)(void *ctx, unsigned cpu, uint64_t target, uint64_t stack, uint64_t caller,
                     uint64_t next);
    /* An IRET or RETF 2 in these modes, or an IRET from a monitor to virtual-8086 mode, was executed. */
    void (*far_return)(void *ctx, unsigned cpu, uint64_t stack, uint64_t next);
    /* Paging is about to be turned on. */
    void (*paging)(void *ctx, unsigned cpu);
};

/* Model-specific registers that the processor and the board's local APIC share (SDM volume 4). In x2APIC mode
 * the APIC's registers are the MSRs from MSR_X2APIC on; the manual keeps that many for them. */
enum {
    MSR_TSC = 0x10,
    MSR_APIC_BASE = 0x1b,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC = 0x800,
    MSR_X2APIC_COUNT = 0x100,
};

struct x86_bus {
    void *ctx;
    /* Port and device-memory accesses of 1, 2, 4 or 8 bytes (ports: 1, 2, 4). The processor's step count is
     * exact during the call. Physical accesses that no RAM answers come here. */
    uint32_t (*in)(void *ctx, uint16_t port, unsigned size);
    void (*out)(void *ctx, uint16_t port, unsigned size, uint32_t value);
    uint64_t (*read)(void *ctx, uint64_t pa, unsigned size);
    void (*write)(void *ctx, uint64_t pa, unsigned size, uint64_t value);
    /* Acknowledge the pending external interrupt and return its vector. *source is as in EV_IRQ. */
    uint8_t (*acknowledge)(void *ctx, unsigned *source);
    /* Model-specific registers and state that belong to the local APIC: return false for any other (#GP
     * unless the processor itself implements it). */
    bool (*rdmsr)(void *ctx, uint32_t msr, uint64_t *value);
    bool (*wrmsr)(void *ctx, uint32_t msr, uint64_t value);
    uint64_t (*get_cr8)(void *ctx);
    void (*set_cr8)(void *ctx, uint64_t value);
    /* The time-stamp counter's source: guest time in ns at the current step. Within x86_run() it advances by
     * one with each step, and by x86_pass_time(). */
    uint64_t (*time)(void *ctx);
    /* SMRAM opens (true) or closes as the processor enters or leaves SMM. */
    void (*smm)(void *ctx, bool enter);
    /* Shutdown after a triple fault: the board resets or stops. */
    void (*shutdown)(void *ctx);
    /* IGNNE/FERR: an unmasked x87 error with CR0.NE clear (IRQ 13). */
    void (*ferr)(void *ctx, bool level);
    /* For a board that plays a hypervisor; both may be NULL. A call by VMCALL or VMMCALL: it may read and
     * write registers and memory, and may halt the processor (x86_halt). Without it these are #UD. */
    void (*hypercall)(void *ctx);
    /* CPUID's result (EAX, EBX, ECX, EDX) may be changed. */
    void (*cpuid)(void *ctx, uint32_t leaf, uint32_t subleaf, uint32_t result[4]);
    /* Report an event; the receiver fills in its icount, time and cpu. Called for every event; the receiver
     * filters. */
    void (*event)(void *ctx, struct event *ev);
    struct x86_hooks hooks;
};

/* Nothing is on it, and it is always time 0: to be copied, for what a board has. */
extern const struct x86_bus x86_empty_bus;

/* ---- programs in user mode under a host ---- */

/* The processor runs 64-bit programs at CPL 3, and nothing else: there is no kernel in its memory. What would
 * enter one makes x86_run() return X86_TRAP after that step instead, with the registers as the program left
 * them. For good; call it once, after x86_create() or x86_reset(). The caller provides page tables
 * (x86_user_space()), whose translations stay coherent with memory as always. */
void x86_host(struct x86 *);

enum x86_trap_kind {
    X86_TRAP_SYSCALL, /* rip is after the instruction; rcx and r11 are set as SYSCALL sets them */
    X86_TRAP_INT,     /* INT3, INT1, INTO or INT 80h; rip is after the instruction */
    X86_TRAP_FAULT,   /* an exception; rip is the instruction's, or after it for a trap (#DB) */
};
struct x86_trap {
    enum x86_trap_kind kind;
    uint8_t vector;
    uint32_t error;   /* of an exception that has an error code */
    uint64_t address; /* of a page fault: CR2 */
    uint64_t debug;   /* of #DB: what is new in DR6 */
};
void x86_trap_info(const struct x86 *, struct x86_trap *);

/* The registers that programs have (in any mode); gpr[] is in the order of the encoding: rax, rcx, rdx, rbx,
 * rsp, rbp, rsi, rdi, r8 … r15. */
struct x86_user {
    uint64_t gpr[16], rip, rflags, fs_base, gs_base;
    uint16_t cs, ss, ds, es, fs, gs;
};
void x86_user_get(const struct x86 *, struct x86_user *);
/* Selectors are only stored: segments are flat. Flags that a program may not change are ignored. */
void x86_user_set(struct x86 *, const struct x86_user *);
/* The breakpoints DR0-3 and DR7, which a program cannot set itself. */
void x86_user_debug_set(struct x86 *, const uint64_t address[4], uint64_t dr7);
/* Use these page tables (the physical address of the root). */
void x86_user_space(struct x86 *, uint64_t cr3);
/* The x87 and SSE state as FXSAVE64 stores it. Setting it fails if MXCSR has reserved bits. */
enum { X86_FX_SIZE = 512 };
void x86_user_fx_get(const struct x86 *, uint8_t area[X86_FX_SIZE]);
bool x86_user_fx_set(struct x86 *, const uint8_t area[X86_FX_SIZE]);
/* Whether the model has AVX, so that programs may use it; and the upper halves of YMM0-15, as in XSAVE's
 * area. Without AVX they are 0. */
bool x86_user_has_ymm(const struct x86 *);
enum { X86_YMM_SIZE = 256 };
void x86_user_ymm_get(const struct x86 *, uint8_t area[X86_YMM_SIZE]);
void x86_user_ymm_set(struct x86 *, const uint8_t area[X86_YMM_SIZE]);
/* Lets hosted programs use RDFSBASE, RDGSBASE, WRFSBASE and WRGSBASE if the model has them; and whether they may. */
void x86_host_fsgsbase(struct x86 *);
bool x86_user_fsgsbase(const struct x86 *);
/* CPUID.1:EDX, which programs get as AT_HWCAP. */
uint32_t x86_user_features(const struct x86 *);

/* Names of the CPUID models, the default first; NULL after the last. */
const char *x86_model(unsigned i);
/* Whether hot code is compiled to host code in this build. */
bool x86_compiles(void);
/* A processor at power-on reset. `model` is a CPUID model name; NULL with err filled if unknown. */
struct x86 *x86_create(struct physmem *, const struct x86_bus *, unsigned index, const char *model,
                       struct error *err);
void x86_destroy(struct x86 *);
/* A fault after a task switch, in the new task, takes a step besides the instruction's, and tables and SYSENTER's addresses with bit 31 set
 * raise #GP on a model without long mode, as in behaviour 14 of the PC. Only right after creation. */
void x86_as_before_15(struct x86 *);
/* PS in a page-directory-pointer table's entry makes a page of 1 GiB on any model, and a 16-bit TSS keeps AMD's models, too, from activating long mode, as
 * in behaviour 15 of the PC. Only right after creation. */
void x86_as_before_16(struct x86 *);
/* How many processors there are in the package, with APIC IDs from 0 on; each is a core with one thread. 1 if this is not called. Only
 * right after creation. */
void x86_set_cores(struct x86 *, unsigned n);
/* Whether the local APIC's timer has the mode of IA32_TSC_DEADLINE. */
bool x86_has_tsc_deadline(const struct x86 *);
bool x86_has_vmx(const struct x86 *);
/* What IA32_TSC_DEADLINE counts: the time-stamp counter now. */
uint64_t x86_tsc(const struct x86 *);
/* Right after a reset: the counter is that much ahead. */
void x86_advance_tsc(struct x86 *, uint64_t by);
/* Power-on or hard reset, or with `init` an INIT, which keeps caches and FPU. */
void x86_reset(struct x86 *, bool init);

enum x86_exit {
    X86_DONE,     /* the steps were executed */
    X86_HALTED,   /* HLT or wait-for-SIPI: no step is possible until a line is raised */
    X86_BREAK,    /* x86_break() was called, or the bus changed a line: check the time again */
    X86_STOP,     /* a stop point: see x86_stop_info() */
    X86_SHUTDOWN, /* triple fault */
    X86_TRAP,     /* under a host: a system call or an exception, see x86_trap_info() */
};

/* Execute at most `steps` steps; *done gets the exact number executed. */
enum x86_exit x86_run(struct x86 *, uint64_t steps, uint64_t *done);
/* Steps executed so far in the current x86_run; exact when called from a bus callback, 0 outside x86_run. */
uint64_t x86_steps(const struct x86 *);
/* From a bus callback for an access: whether an instruction makes it (else the processor itself does, to
 * fetch one or to deliver an interrupt). */
bool x86_executes(const struct x86 *);
/* From such a callback: `ns` of guest time pass before the next step, beside the one of each step. What is left of
 * x86_run() becomes that many steps shorter, so that it ends where the caller's next deadline is. */
void x86_pass_time(struct x86 *, uint64_t ns);
/* Leave x86_run after the current instruction (from a bus callback). */
void x86_break(struct x86 *);
/* From now on the first PAUSE ends x86_run() as x86_break() does, or none does any more. For a processor of several (x86_set_cores()). */
void x86_watch_pause(struct x86 *, bool on);
/* Whether one did since then. */
bool x86_paused(const struct x86 *);
/* Halt, or go on, as HLT and an interrupt do. From `hypercall`, or outside x86_run. */
void x86_halt(struct x86 *, bool on);
bool x86_halted(const struct x86 *);
/* Whether it is halted or was never started, and nothing has happened that could change that. If something does while another processor
 * of the same memory runs, that one's x86_run() ends as by x86_break(). */
bool x86_waits(const struct x86 *);
/* Whether it is halted or was never started, and no line is up that changes that when it is looked at. This follows from the state of the
 * guest alone; x86_waits() may also be false because nobody has looked yet. If it changes while another processor of the same memory
 * runs, that one's x86_run() ends as by x86_break(). */
bool x86_sleeps(const struct x86 *);

/* Interrupt lines. INTR, the output of the PIC or local APIC, is a level and stays as set. NMI, SMI, INIT and
 * SIPI are edges. */
void x86_set_intr(struct x86 *, bool level);
void x86_raise_nmi(struct x86 *);
void x86_raise_smi(struct x86 *);
void x86_raise_init(struct x86 *);
void x86_raise_sipi(struct x86 *, uint8_t vector);
/* True for an application processor that was never started. */
bool x86_waits_for_sipi(const struct x86 *);
/* True if halted with interrupts disabled and no NMI pending. */
bool x86_halted_for_good(const struct x86 *);
/* Guest time at which a halted guest's run ends by the VMX-preemption timer; UINT64_MAX if it does not. */
uint64_t x86_guest_deadline(const struct x86 *);

/* After a shutdown (bus.shutdown): the faults that led to it, each vector | error << 8, and the address of a
 * page fault. Zeros if there were none. */
void x86_led(const struct x86 *, uint64_t fault[3], uint64_t cr2[3]);

void x86_stops(struct x86 *, const struct stop_point *, size_t n);
struct x86_stop {
    enum stop_reason reason;
    unsigned id;
    uint64_t address;
    /* A watchpoint: see struct stop. */
    uint64_t pc, from;
    uint8_t before[STOP_BYTES];
    unsigned nbefore;
    uint64_t physical, size;
};
void x86_stop_info(const struct x86 *, struct x86_stop *);
/* If several probes (report_only) are at one instruction, goes on to the next of them, in the order given;
 * false if there are no more. An ordinary stop point is reported first and alone; the probes follow when the
 * processor is resumed. */
bool x86_stop_next(struct x86 *);

/* Where the processor is, for events. All fields are exact inside bus callbacks. */
struct x86_where {
    uint16_t cs;
    uint64_t cs_base;
    uint64_t rip;
    unsigned cpl;
    unsigned code_bits;
    bool long_mode, protected_mode, paging, smm;
    uint64_t cr3;
};
void x86_where(const struct x86 *, struct x86_where *);
/* cs_base + rip of x86_where(). */
uint64_t x86_linear_ip(const struct x86 *);

/* The registers of the processor's model: the upper halves of YMM0-15 are among them if it has AVX. The
 * descriptors are static. */
const struct reg_desc *x86_regs(const struct x86 *, size_t *count);
int x86_reg_get(const struct x86 *, size_t reg, void *value);
int x86_reg_set(struct x86 *, size_t reg, const void *value);
/* By name, for loaders; -1 if there is no such register. */
int x86_set(struct x86 *, const char *reg, uint64_t value);
uint64_t x86_get(const struct x86 *, const char *reg);
/* The linear address of the interrupt vectors of real mode, or of the 8086 program (whose are at 0). */
uint64_t x86_vectors(const struct x86 *);
/* Load a segment register with a given hidden part (a boot protocol's flat segments). `access` is as in a
 * descriptor's bytes 5-6 (type, S, DPL, P in bits 0-7; AVL, L, D, G in bits 12-15). */
void x86_set_segment(struct x86 *, const char *seg, uint16_t selector, uint64_t base, uint32_t limit,
                     uint16_t access);

/* Translate as the processor would for a supervisor read, without side effects. Returns false if not
 * mapped. */
bool x86_translate(const struct x86 *, uint64_t linear, uint64_t *pa);
/* As engine_ops.inner and inner_physical. */
bool x86_inner(const struct x86 *, struct engine_inner *);
bool x86_inner_physical(const struct x86 *, uint64_t address, uint64_t *outer);

void x86_save(struct x86 *, const struct snapshot_sink *);
int x86_load(struct x86 *, const struct snapshot_source *);

/* From now on `seen` is called for each call, return and delivery (engine_ops.flows), with all but `cpu` and `time` filled in; icount is
 * x86_steps() before the step. NULL: no more. Drops all decoded code; not within x86_run(). */
typedef void x86_flow_seen(void *ctx, struct engine_flow *flow);
void x86_watch_flows(struct x86 *, x86_flow_seen *seen, void *ctx);

/* The same for code that is executed (engine_ops.codes), with all but `cpu` filled in; icount is x86_steps(). */
typedef void x86_code_seen(void *ctx, struct engine_code *code);
void x86_watch_code(struct x86 *, x86_code_seen *seen, void *ctx);

/* Drop everything decoded or cached. Tests use it to show that caches do not matter. */
void x86_flush_caches(struct x86 *);

/* Writes the name of an MSR, even one that this processor does not have, into buf (size at least 16). False
 * if it is unknown. */
bool x86_msr_name(uint32_t msr, char *buf, size_t size);

#endif

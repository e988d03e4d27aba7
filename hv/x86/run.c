/* run.c - the dispatcher: runs blocks, delivers interrupts and exceptions, and stops at the exact step
 * requested.
 *
 * Between blocks `block` is NULL, gpr[REG_RIP] is the next instruction, and slice - left steps have been
 * executed. */
#include <assert.h>

#include <stdlib.h>

#include "base/memory.h"
#include "base/must.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/exec.h"
#include "hv/x86/jit/jit.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"
#include "hv/x86/x87/x87.h"

/* ---------------------------------------------------------------- counting */

static int64_t executed(const struct x86 *cpu)
{
    return cpu->slice - cpu->left;
}

uint64_t x86_steps(const struct x86 *cpu)
{
    if (!cpu->running)
        return 0;
    int64_t n = executed(cpu);
    if (cpu->block && cpu->op)
        n -= cpu->block->n - cpu->op->idx;
    return (uint64_t)n;
}

/* Restore `left` to the whole request after it was shortened. */
static void rearm(struct x86 *cpu)
{
    cpu->left = cpu->requested - executed(cpu);
    cpu->slice = cpu->requested;
}

/* Limit the steps before the dispatcher looks again to n. */
static void shorten(struct x86 *cpu, int64_t n)
{
    if (cpu->left > n) {
        cpu->slice -= cpu->left - n;
        cpu->left = n;
    }
}

/* ---------------------------------------------------------------- patches */

static void unpatch(struct x86 *cpu)
{
    if (cpu->patched)
        cpu->patched->fn = cpu->patched_fn;
    cpu->patched = NULL;
}

static void patch(struct x86 *cpu, struct op *op)
{
    unpatch(cpu);
    if (op->fn == op_resync)
        return;
    cpu->patched = op;
    cpu->patched_fn = op->fn;
    op->fn = op_resync;
}

void x86_break(struct x86 *cpu)
{
    cpu->attention = true;
    cpu->brk = true;
    if (!cpu->running)
        return;
    shorten(cpu, 0);
    struct block *b = cpu->block;
    if (b && cpu->op >= b->ops && cpu->op < b->ops + b->n)
        patch(cpu, &b->ops[cpu->op->idx + 1]);
}

void x86_watch_pause(struct x86 *cpu, bool on)
{
    assert(!on || cpu->cores > 1);
    cpu->pause_ends = on;
    cpu->paused = false;
}

bool x86_paused(const struct x86 *cpu)
{
    return cpu->paused;
}

void pause_run(struct x86 *cpu)
{
    if (!cpu->pause_ends)
        return;
    cpu->pause_ends = false;
    cpu->paused = true;
    x86_break(cpu);
}

bool x86_executes(const struct x86 *cpu)
{
    return cpu->running && cpu->block && cpu->op;
}

void x86_pass_time(struct x86 *cpu, uint64_t ns)
{
    if (unlikely(cpu->guest.runs))
        look_again(cpu);                           /* the preemption timer goes on */
    int64_t rest = cpu->requested - executed(cpu); /* after the running block, which may be cut short */
    cpu->time += ns;
    if (rest < 0 || ns > (uint64_t)rest) {
        x86_break(cpu);
        return;
    }
    cpu->requested -= (int64_t)ns;
    shorten(cpu, rest - (int64_t)ns);
}

/* ---------------------------------------------------------------- raising */

__attribute__((noreturn)) static void unwind(struct x86 *cpu)
{
    must(cpu->unwind, "a fault is raised outside of x86_run()");
    longjmp(*cpu->unwind, 1);
}

void raise_again(struct x86 *cpu)
{
    unwind(cpu);
}

void raise_fault(struct x86 *cpu, unsigned vector)
{
    cpu->fault = (struct fault){.vector = (uint8_t)vector};
    unwind(cpu);
}

void raise_error(struct x86 *cpu, unsigned vector, uint32_t error)
{
    cpu->fault = (struct fault){.vector = (uint8_t)vector, .has_error = true, .error = error};
    unwind(cpu);
}

void raise_page_fault(struct x86 *cpu, uint64_t linear, uint32_t error)
{
    cpu->fault = (struct fault){.vector = VEC_PF, .has_error = true, .error = error, .cr2 = linear};
    unwind(cpu);
}

void raise_debug(struct x86 *cpu, uint64_t bits)
{
    cpu->fault = (struct fault){.vector = VEC_DB, .dr6 = bits | cpu->data_breaks};
    unwind(cpu);
}

/* ---------------------------------------------------------------- delivering */

/* Classes of exceptions that combine to a double fault: SDM volume 3, table 6-5. 0 benign, 1 contributory, 2
 * page fault. */
static unsigned fault_class(unsigned vector)
{
    switch (vector) {
    case VEC_DE:
    case VEC_TS:
    case VEC_NP:
    case VEC_SS:
    case VEC_GP:
        return 1;
    case VEC_PF:
        return 2;
    default:
        return 0;
    }
}

static struct fault combine(const struct fault *first, const struct fault *second)
{
    unsigned a = fault_class(first->vector), b = fault_class(second->vector);
    if ((a == 1 && b == 1) || (a == 2 && b))
        return (struct fault){.vector = VEC_DF, .has_error = true};
    return *second;
}

static void exception_event(struct x86 *cpu, const struct fault *f)
{
    struct event ev = {.kind = EV_EXCEPTION,
                       .f = {f->vector, f->has_error ? f->error : 0, cpu->seg[CS].sel, cpu->gpr[REG_RIP],
                             f->vector == VEC_PF ? f->cr2 : 0}};
    cpu_event(cpu, &ev);
}

void debug_note(struct x86 *cpu, uint64_t bits)
{
    cpu->dr[6] = (cpu->dr[6] & ~(uint64_t)15) | bits;
}

/* Traps push the next instruction's address; faults set RF in the flags they push. For #DB, its raiser does
 * this. */
static void note_fault(struct x86 *cpu, const struct fault *f)
{
    if (f->vector == VEC_PF)
        cpu->cr2 = f->cr2;
    if (f->vector != VEC_DB && f->vector != VEC_DF)
        cpu->flags |= FLAG_RF;
    if (f->vector == VEC_DB)
        debug_note(cpu, f->dr6);
}

/* Which faults led to a shutdown: the first, that of its delivery, that of the double fault's. */
static void led_by(struct x86 *cpu, unsigned i, const struct fault *f)
{
    cpu->led[i] = f->vector | (uint64_t)(f->has_error ? f->error : 0) << 8;
    cpu->led_cr2[i] = f->vector == VEC_PF ? f->cr2 : 0;
}

void x86_led(const struct x86 *cpu, uint64_t fault[3], uint64_t cr2[3])
{
    memcpy(fault, cpu->led, sizeof cpu->led);
    memcpy(cr2, cpu->led_cr2, sizeof cpu->led_cr2);
}

/* Tries to deliver cpu->first_fault; false if the delivery itself faulted (cpu->fault). */
static bool try_deliver(struct x86 *cpu)
{
    jmp_buf here;
    const struct fault *f = &cpu->first_fault;
    cpu->unwind = &here;
    if (setjmp(here))
        return false;
    virt_fault(cpu, f);
    exception_event(cpu, f);
    note_fault(cpu, f);
    virt_event_begin(cpu, VIRT_EVENT_FAULT, f->vector, f->has_error && !real_mode(cpu), f->error);
    interrupt_deliver(cpu, INT_EXCEPTION, f->vector, f->has_error && !real_mode(cpu), f->error,
                      cpu->gpr[REG_RIP]);
    return true;
}

/* The delivery of cpu->first_fault has faulted. Returns false if nothing is to be delivered any more. */
static bool fault_again(struct x86 *cpu)
{
    if (cpu->virt.now.exiting || virt_wants_fault(cpu, &cpu->fault)) {
        if (!cpu->virt.now.exiting)
            virt_note_fault(cpu, &cpu->fault);
        virt_leave(cpu);
        return false;
    }
    if (cpu->first_fault.vector == VEC_DF) {
        led_by(cpu, 2, &cpu->fault);
        if (virt_wants(cpu, VIRT_SHUTDOWN)) {
            virt_leave_for(cpu, VIRT_SHUTDOWN, 0, 0);
            return false;
        }
        cpu->shutdown = true;
        return false;
    }
    struct fault both = combine(&cpu->first_fault, &cpu->fault);
    led_by(cpu, 0, &cpu->first_fault);
    led_by(cpu, 1, &cpu->fault);
    cpu->first_fault = both;
    return true;
}

/* Deliver cpu->fault, and any faults raised by that. Counts as one step. */
static void deliver_fault(struct x86 *cpu)
{
    jmp_buf *outer = cpu->unwind;
    if (cpu->hosted) {
        hosted_fault(cpu);
        return;
    }
    cpu->op = NULL;
    cpu->stops.said = 0;
    cpu->first_fault = cpu->fault;
    cpu->delivering = true;
    bool goes_on = true, delivered = false;
    while (goes_on && !(delivered = try_deliver(cpu)))
        goes_on = fault_again(cpu);
    cpu->delivering = false;
    cpu->unwind = outer;
    if (!delivered && !cpu->shutdown)
        return; /* the guest's run has ended */
    cpu->inhibit = false;
    cpu->halted = false;
    cpu->left--;
}

/* A fault left the running block: return the steps that were counted in advance. */
static void settle(struct x86 *cpu)
{
    if (cpu->block) {
        cpu->left += cpu->block->n - cpu->op->idx;
        if (unlikely(cpu->guest.runs)) {
            cpu->virt.now.next_rip = rip_after(cpu, cpu->op);
            cpu->inhibit = cpu->virt.now.shadow;
        }
        cpu->gpr[REG_RIP] = rip_of(cpu, cpu->op);
        cpu->block = NULL;
    }
}

static void irq_event(struct x86 *cpu, uint8_t vector, unsigned source)
{
    struct event ev = {.kind = EV_IRQ, .f = {vector, source, cpu->seg[CS].sel, cpu->gpr[REG_RIP]}};
    cpu_event(cpu, &ev);
}

/* An external interrupt or NMI; one step. Faults during delivery go to the caller's unwind, and are delivered
 * as exceptions. */
static void deliver_interrupt(struct x86 *cpu, uint8_t vector, unsigned source)
{
    irq_event(cpu, vector, source);
    cpu->halted = false;
    cpu->op = NULL;
    cpu->stops.said = 0;
    virt_event_begin(cpu, source == 2 ? VIRT_EVENT_NMI : VIRT_EVENT_INTR, vector, false, 0);
    interrupt_deliver(cpu, INT_HARDWARE, vector, false, 0, cpu->gpr[REG_RIP]);
    cpu->left--;
}

static bool takes_smi(const struct x86 *cpu)
{
    return cpu->smi_pending && !cpu->in_smm && !cpu->virt.held;
}
static bool takes_nmi(const struct x86 *cpu)
{
    return cpu->nmi_pending && !cpu->nmi_blocked && !cpu->virt.held;
}
static bool takes_intr(const struct x86 *cpu)
{
    return cpu->intr && virt_if(cpu) && !cpu->virt.held;
}

/* Whether take_lines() would take one. */
static bool line_to_take(const struct x86 *cpu)
{
    if (cpu->init_pending && !virt_holds_init(cpu))
        return true;
    if (cpu->wait_sipi)
        return cpu->sipi_pending;
    if (cpu->guest.runs && virt_line_waits(cpu))
        return true;
    return !cpu->inhibit && (takes_smi(cpu) || takes_nmi(cpu) || takes_intr(cpu));
}

/* Handles the lines in the order of SDM volume 3, table 6-2. Returns true if one was taken, so that the
 * dispatcher must look again. */
static bool take_lines(struct x86 *cpu)
{
    if (cpu->guest.runs)
        virt_take_exit_line(cpu);
    if (cpu->init_pending && !virt_holds_init(cpu)) {
        virt_redirect_init(cpu);
        bool sipi = cpu->sipi_pending; /* a SIPI that came after the INIT */
        uint8_t vector = cpu->sipi_vector;
        x86_reset(cpu, true);
        cpu->sipi_pending = sipi;
        cpu->sipi_vector = vector;
        return true;
    }
    if (cpu->wait_sipi) {
        if (!cpu->sipi_pending)
            return false;
        cpu->sipi_pending = cpu->wait_sipi = cpu->halted = false;
        x86_set_segment(cpu, "cs", (uint16_t)(cpu->sipi_vector << 8), (uint64_t)cpu->sipi_vector << 12,
                        0xffff, 0x9b);
        cpu->gpr[REG_RIP] = 0;
        return true;
    }
    if (cpu->inhibit)
        return false;
    if (takes_smi(cpu)) {
        cpu->smi_pending = false; /* smm_enter() saves whether it interrupts a HLT */
        cpu->stops.said = 0;
        irq_event(cpu, 0, 3);
        smm_enter(cpu);
        cpu->left--;
        return true;
    }
    if (takes_nmi(cpu)) {
        cpu->nmi_pending = false;
        cpu->nmi_blocked = true;
        deliver_interrupt(cpu, VEC_NMI, 2);
        return true;
    }
    if (takes_intr(cpu)) {
        unsigned source = 0;
        uint8_t vector = cpu->bus.acknowledge(cpu->bus.ctx, &source);
        deliver_interrupt(cpu, vector, source);
        return true;
    }
    return cpu->guest.runs && virt_take_virtual_line(cpu);
}

/* ---------------------------------------------------------------- one dispatch */

/* The guest's own instruction breakpoints, DR0-3, at the next instruction (SDM volume 3, section
 * 17.3.1.1). */
static uint64_t code_breakpoints(const struct x86 *cpu)
{
    uint64_t lin = code_linear(cpu, cpu->gpr[REG_RIP]), hit = 0;
    if (!(cpu->dr[7] & 0xff) || cpu->flags & FLAG_RF || cpu->virt.held)
        return 0;
    for (unsigned i = 0; i < 4; i++)
        if (cpu->dr[7] >> (2 * i) & 3 && !(cpu->dr[7] >> (16 + 4 * i) & 3) && cpu->dr[i] == lin)
            hit |= 1u << i;
    return hit;
}

static void check_code_breakpoints(struct x86 *cpu)
{
    uint64_t hit = code_breakpoints(cpu);
    if (!hit)
        return;
    cpu->flags |= FLAG_RF;
    raise_debug(cpu, hit);
}

/* Called after an instruction: its single-step trap, and the data and I/O breakpoints that it hit. */
static void debug_trap(struct x86 *cpu)
{
    raise_debug(cpu, cpu->tf_pending ? 1u << 14 : 0); /* BS */
}

static bool at_stop(struct x86 *cpu)
{
    return cpu->stops.exec && exec_stop_reached(cpu) && !code_breakpoints(cpu);
}

/* Executes the block from its instruction number `first` on; gpr[REG_RIP] is the block's address. */
static void execute(struct x86 *cpu, struct block *b, unsigned first)
{
    const unsigned n = b->n - first;
    if (n > cpu->left) {
        if (b->unnoted)
            block_note(cpu, b);
        jit_hold(cpu, b);
        patch(cpu, &b->ops[first + cpu->left]);
    }
    cpu->block = b;
    cpu->left -= n;
    const struct op *op = &b->ops[first];
    count_op(cpu, op);
#ifdef BOOTREEL_NO_TAIL
    while (op)
        op = op->fn(cpu, op);
#else
    jit_enter(physmem_jit(cpu->mem), cpu, op);
#endif
}

/* Runs until the dispatcher must look. */
static void run_block(struct x86 *cpu)
{
    const bool trap = cpu->flags & FLAG_TF, monitor = virt_single(cpu), /* which notes that it is due */
        one = trap || monitor || cpu->inhibit || cpu->dr[7] & 0xff;
    tlb_select(cpu);
    if (cpu->dr[7] & 0xff)
        check_code_breakpoints(cpu);
    if (jit_full(physmem_jit(cpu->mem)))
        code_flush(cpu->mem);
    struct block *b = block_cut(cpu);
    const unsigned first = b ? cpu->cut.op : 0;
    if (!b)
        b = block_at_rip(cpu);
    if (one)
        shorten(cpu, 1);
    cpu->virt.now.shadow = cpu->inhibit;
    cpu->virt.now.next_rip = 0;
    cpu->virt.now.unblocked = false;
    cpu->inhibit = false;
    cpu->flags &= ~(uint64_t)FLAG_RF;
    cpu->stops.said = 0;
    cpu->tf_pending = trap; /* a fault clears it */
    if (first)
        cpu->gpr[REG_RIP] = cpu->cut.start;
    execute(cpu, b, first);
}

/* Returns the reason to leave x86_run(), or -1 to continue. */
static int look(struct x86 *cpu)
{
    if (cpu->step_owed) {
        cpu->step_owed = false;
        cpu->left--;
    }
    unpatch(cpu);
    jit_release(cpu);
    rearm(cpu);
    cpu->attention = true; /* until the lines are looked at, below */
    if (cpu->shutdown) {
        cpu->bus.shutdown(cpu->bus.ctx);
        return X86_SHUTDOWN;
    }
    if (cpu->trap_hit) {
        cpu->trap_hit = false;
        return X86_TRAP;
    }
    if (cpu->stops.hit) {
        cpu->stops.hit = false;
        return X86_STOP;
    }
    if (cpu->left <= 0)
        return X86_DONE;
    if (cpu->brk) {
        cpu->brk = false;
        return X86_BREAK;
    }
    cpu->attention = false;
    if (unlikely(cpu->guest.inject)) {
        virt_inject(cpu);
        return -1;
    }
    if (unlikely(cpu->guest.runs))
        virt_take_mtf(cpu);
    if (cpu->tf_pending || (cpu->data_breaks && !cpu->inhibit)) /* MOV SS holds off both */
        debug_trap(cpu);
    if (take_lines(cpu))
        return -1;
    if (cpu->halted || cpu->wait_sipi)
        return X86_HALTED;
    if (at_stop(cpu))
        return X86_STOP;
    if (unlikely(cpu->guest.runs))
        shorten(cpu, virt_steps(cpu));
    run_block(cpu);
    return -1;
}

enum x86_exit x86_run(struct x86 *cpu, uint64_t steps, uint64_t *done)
{
    jmp_buf here;
    int result;
    cpu->time = cpu->bus.time(cpu->bus.ctx);
    cpu->requested = cpu->slice = cpu->left = (int64_t)(steps < INT64_MAX / 4 ? steps : INT64_MAX / 4);
    cpu->running = true;
    cpu->unwind = &here;
    if (setjmp(here)) {
        cpu->step_owed = false;
        settle(cpu);
        debug_taken(cpu);
        rearm(cpu);
        if (cpu->virt.now.exiting)
            virt_leave(cpu);
        else
            deliver_fault(cpu);
    }
    do
        result = look(cpu);
    while (result < 0);
    cpu->running = false;
    cpu->unwind = NULL;
    cpu->op = NULL;
    *done = (uint64_t)executed(cpu);
    count_steps(cpu, *done);
    assert(cpu->left >= 0 && *done <= steps && "a run makes no step too many");
    return (enum x86_exit)result;
}

/* ---------------------------------------------------------------- lines */

/* A processor that is halted may go on, or no longer: the running one has to know. */
static void break_others(struct x86 *cpu)
{
    unsigned n;
    if (!cpu->halted && !cpu->wait_sipi)
        return;
    struct x86 *const *all = physmem_processors(cpu->mem, &n);
    for (unsigned i = 0; i < n; i++)
        if (all[i] != cpu && all[i]->running)
            x86_break(all[i]);
}

void look_again(struct x86 *cpu)
{
    cpu->attention = true;
    if (cpu->running) {
        bool brk = cpu->brk;
        x86_break(cpu);
        cpu->brk = brk; /* only the dispatcher has to look; x86_run() need not return */
    } else {
        break_others(cpu);
    }
}

void x86_set_intr(struct x86 *cpu, bool level)
{
    if (cpu->intr == level)
        return;
    cpu->intr = level;
    if (level)
        look_again(cpu);
    else
        break_others(cpu);
}

void x86_raise_nmi(struct x86 *cpu)
{
    cpu->nmi_pending = true;
    look_again(cpu);
}

void x86_raise_smi(struct x86 *cpu)
{
    cpu->smi_pending = true;
    look_again(cpu);
}

void x86_raise_init(struct x86 *cpu)
{
    cpu->init_pending = true;
    cpu->sipi_pending = false;
    look_again(cpu);
}

void x86_raise_sipi(struct x86 *cpu, uint8_t vector)
{
    if (!cpu->wait_sipi && !cpu->init_pending)
        return;
    cpu->sipi_pending = true;
    cpu->sipi_vector = vector;
    look_again(cpu);
}

bool x86_waits_for_sipi(const struct x86 *cpu)
{
    return cpu->wait_sipi;
}
void x86_halt(struct x86 *cpu, bool on)
{
    cpu->halted = on;
    if (on)
        break_others(cpu);
    else
        look_again(cpu);
}

bool x86_halted(const struct x86 *cpu)
{
    return cpu->halted;
}

bool x86_waits(const struct x86 *cpu)
{
    return (cpu->halted || cpu->wait_sipi) && !cpu->attention && !(cpu->guest.runs && virt_line_waits(cpu));
}

bool x86_sleeps(const struct x86 *cpu)
{
    return (cpu->halted || cpu->wait_sipi) && !line_to_take(cpu);
}

bool x86_halted_for_good(const struct x86 *cpu)
{
    if (cpu->guest.runs && virt_ends_halt(cpu))
        return false;
    return cpu->halted && (!virt_if(cpu) || cpu->virt.held) && !cpu->nmi_pending;
}

/* ---------------------------------------------------------------- caches */

void x86_flush_caches(struct x86 *cpu)
{
    code_flush(cpu->mem);
    tlb_flush(cpu);
}

/* ---------------------------------------------------------------- creation and destruction */

enum { CPU_ALIGN = 64 };

struct x86 *x86_create(struct physmem *mem, const struct x86_bus *bus, unsigned index, const char *model,
                       struct error *err)
{
    /* mem_zero() need not touch what it gives: of a processor that is never started, the host makes few pages (struct space). */
    void *room = mem_zero(1, sizeof(struct x86) + CPU_ALIGN);
    struct x86 *cpu = (struct x86 *)(((uintptr_t)room + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN);
    cpu->room = room;
    cpu->mem = mem;
    cpu->jumps = code_jumps(physmem_code(mem));
    cpu->bus = *bus;
    cpu->index = index;
    cpu->cores = 1;
    cpu->random = random_seed(index);
#ifdef BOOTREEL_COUNT
    cpu->counts = counts_create();
#endif
    tlb_start(cpu);
    physmem_attach(mem, cpu);
    if (cpuid_select(cpu, model, err) < 0) {
        x86_destroy(cpu);
        return NULL;
    }
    cpu->saved = x86_saved(cpu);
    cpu->decoder = decoder_create(cpu);
    x86_reset(cpu, false);
    return cpu;
}

void x86_destroy(struct x86 *cpu)
{
    if (!cpu)
        return;
#ifdef BOOTREEL_COUNT
    counts_end(cpu->counts);
#endif
    physmem_detach(cpu->mem, cpu);
    tlb_free(cpu);
    decoder_destroy(cpu->decoder);
    decoder_destroy(cpu->all_rows);
    x86_stops_free(cpu);
    free(cpu->saved.fields);
    free(cpu->room);
}

/* machine.c - the PC as an engine: combines processors, board and time (core/engine/engine.h, hv/hv.h).
 *
 * Guest time is icount x NS_PER_STEP plus the time skipped while halted and in accesses to slow devices
 * (hv/board/cost.c). Timers are processed at the start of
 * the step that follows their deadline, never at the end of one: a run that stops at a position leaves them
 * to the next run, so it does not matter where runs begin and end. */
#include <assert.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hv/machine_impl.h"

enum { SLICE = 1 << 20 };

static const struct field pc_fields[] = {
    FIELD(struct pc, icount),
    FIELD(struct pc, skipped),
    FIELD(struct pc, turn),
    FIELD(struct pc, turn_left),
    FIELD(struct pc, fresh),
    FIELD(struct pc, loader_entered),
    FIELD(struct pc, direct),
    FIELD(struct pc, waiting.from),
    FIELD(struct pc, waiting.turns),
    FIELD(struct pc, waiting.paused),
    /* from behaviour version 15 on */
    FIELD(struct pc, loader_sum),
};
enum { FIELDS_OF_15 = 1 };

const struct engine_past hv_past[] = {
    {1, 1, "a build of commit 7010909a"},
    {2, 2, "a build of commit 18697ce0"},
    {3, 3, "a build of commit e34e3a77"},
    {4, 4, "a build of commit 911c19e7"},
    {5, 5, "a build of commit 76debb4b"},
    {6, 13, "bootreel 1.0.0"},
    {0},
};

static struct pc *pc_of(struct engine *e)
{
    return (struct pc *)e;
}
static const struct pc *pc_const(const struct engine *e)
{
    return (const struct pc *)e;
}

static size_t state_nfields(const struct pc *pc)
{
    return FIELD_COUNT(pc_fields) - (board_behaves(pc->board, 15) ? 0 : FIELDS_OF_15);
}

/* ---------------------------------------------------------------- time */

static uint64_t now_icount(void *ctx)
{
    struct pc *pc = ctx;
    return pc->icount + x86_steps(pc->cpu);
}

static uint64_t now_time(void *ctx)
{
    return now_icount(ctx) * NS_PER_STEP + ((struct pc *)ctx)->skipped;
}

/* The board's hook: an access makes the processor wait. */
static void pass_time(void *ctx, uint64_t ns)
{
    struct pc *pc = ctx;
    pc->skipped += ns;
    x86_pass_time(pc->cpu, ns);
}

/* ---------------------------------------------------------------- running */

/* At power-on and reset. It is never varied: firmware that runs before a kernel is loaded must be the same in each run. */
static void first_turn(struct pc *pc)
{
    vary_quiet(pc->vary, true);
    pc_take_turn(pc, 0);
    vary_quiet(pc->vary, false);
}

static int run_firmware(void *ctx, uint64_t pa, struct error *err);

/* Loads an image directly. */
static int load_direct(struct pc *pc, struct error *err)
{
    const struct load_host host = {pc, run_firmware};
    int loaded = load_images(pc->board, &pc->config, &host, &pc->loaded, err);
    pc->direct = loaded > 0;
    return loaded;
}

/* Resets the machine. If its image was loaded directly, it is loaded again. */
static int reset_machine(struct pc *pc, struct error *err)
{
    board_reset(pc->board);
    first_turn(pc);
    services_reset(&pc->services);
    pc->fresh = 1;
    pc->loader_entered = 0;
    pc->loader_sum = 0;
    return load_direct(pc, err);
}

/* Whether a reset that was asked for has to wait: the run ends here anyway, or is to end before it. So the machine is as it was
 * when it asked, and the reset belongs to what follows this position. */
static bool reset_waits(struct pc *pc, const struct run_limit *limit, struct stop *stop)
{
    if (pc->icount >= limit->icount) {
        stop->reason = STOP_REACHED;
        return true;
    }
    if (!limit->stop_on_reset || pc->reset_told)
        return false;
    pc->reset_told = true;
    stop->reason = STOP_RESET;
    snprintf(stop->text, sizeof stop->text, "%s", board_request_how(pc->board));
    return true;
}

/* To RAM. The firmware finds out that it is woken, and goes on in what was in memory, so nothing is loaded again. */
static void suspend(struct pc *pc)
{
    board_suspend(pc->board);
    first_turn(pc);
    services_reset(&pc->services);
    pc->direct = 0;
}

/* Carries out the board's request. Returns true if the run ends. */
static bool take_request(struct pc *pc, const struct run_limit *limit, struct stop *stop)
{
    const char *how = "";
    if (board_request_is_reset(pc->board) && reset_waits(pc, limit, stop))
        return true;
    if (board_request_is_sleep(pc->board) && pc->icount >= limit->icount) {
        stop->reason = STOP_REACHED;
        return true;
    }
    switch (board_take_request(pc->board, &stop->status, &how)) {
    case BOARD_POWER_OFF:
        stop->reason = STOP_POWER_OFF;
        break;
    case BOARD_ERROR:
        stop->reason = STOP_GUEST_FAULT;
        break;
    case BOARD_SLEEP:
        suspend(pc);
        return false;
    case BOARD_RESET: {
        struct error err;
        pc->reset_told = false;
        if (reset_machine(pc, &err) >= 0)
            return false;
        stop->reason = STOP_GUEST_FAULT;
        snprintf(stop->text, sizeof stop->text, "%s", err.text);
        return true;
    }
    default:
        return false;
    }
    snprintf(stop->text, sizeof stop->text, "%s", how);
    return true;
}

static void halted_event(struct pc *pc)
{
    struct x86_where w;
    x86_where(pc->cpu, &w);
    struct event ev = {.kind = EV_HALT, .f = {w.cs, w.rip}};
    pc_report(pc, &ev);
}

/* All processors are halted with interrupts off: only a reset could wake them. */
static bool all_halted_for_good(const struct pc *pc)
{
    bool for_good = false;
    for (unsigned i = 0; i < board_cpus(pc->board); i++) {
        const struct x86 *cpu = board_cpu(pc->board, i);
        if (x86_halted_for_good(cpu))
            for_good = true;
        else if (!x86_waits_for_sipi(cpu))
            return false;
    }
    return for_good && !board_nmi_may_come(pc->board) && !board_domain_wakes(pc->board);
}

/* When the next timer is due: of a chip, or of a hypervisor for its guest that is halted. */
static uint64_t next_wake(struct pc *pc)
{
    const uint64_t now = now_time(pc);
    uint64_t wake = board_deadline(pc->board);
    if (!x86_has_vmx(board_cpu(pc->board, 0))) /* all are of one model */
        return wake;
    for (unsigned i = 0; i < board_cpus(pc->board); i++) {
        const uint64_t end = x86_guest_deadline(board_cpu(pc->board, i));
        wake = end > now && end < wake ? end : wake;
    }
    return wake;
}

/* All processors wait: advance time to the next timer. Returns true if the run ends. */
static bool idle(struct pc *pc, const struct run_limit *limit, struct stop *stop)
{
    const uint64_t wake = next_wake(pc);
    if (!all_halted_for_good(pc))
        return engine_base_idle(&pc->base, wake, &pc->skipped, limit, stop);
    halted_event(pc);
    stop->wake = wake < TIME_END ? wake : UINT64_MAX;
    stop->reason = STOP_HALTED;
    return true;
}

static uint64_t slice_for(struct pc *pc, const struct run_limit *limit)
{
    uint64_t n = limit->icount - pc->icount, deadline = next_wake(pc), now = now_time(pc);
    deadline = limit->until && limit->until < deadline ? limit->until : deadline;
    uint64_t until = deadline > now ? (deadline - now + NS_PER_STEP - 1) / NS_PER_STEP : 1;
    if (pc->base.device_wrote)
        return 1;
    n = n < until ? n : until;
    return n < SLICE ? n : SLICE;
}

static void begin_step(void *ctx)
{
    struct pc *pc = ctx;
    if (pc->base.stops_changed || pc->boot_sector_marked != pc_boot_sector_marked(pc))
        pc_set_stops(pc);
    if (pc->fresh || board_deadline(pc->board) <= now_time(pc))
        pc->base.worked = pc->icount;
    if (pc->fresh)
        pc_report_start(pc);
}

/* The processors' steps of a slice. Returns true if the run ends. */
static bool run_steps(struct pc *pc, const struct run_limit *limit, struct stop *stop)
{
    const uint64_t before = pc->icount;
    const unsigned turn = pc->turn;
    enum x86_exit e = pc_run_turn(pc, slice_for(pc, limit));
    bool end = e == X86_STOP && engine_base_stopped(&pc->base, pc->turn, stop);
    if (!end)
        end = engine_base_device_stop(&pc->base, before, stop);
    if (!end)
        end = e == X86_HALTED && idle(pc, limit, stop);
    if (pc->turn != turn)
        pc->base.worked = pc->icount;
    return end;
}

static bool run_slice(void *ctx, const struct run_limit *limit, struct stop *stop)
{
    struct pc *pc = ctx;
    const bool asleep = board_asleep(pc->board);
    if (board_deadline(pc->board) <= now_time(pc))
        board_run_timers(pc->board);
    if (asleep)
        return board_asleep(pc->board) && idle(pc, limit, stop);
    return run_steps(pc, limit, stop);
}

static bool ends_here(void *ctx, const struct run_limit *limit, struct stop *stop)
{
    return take_request(ctx, limit, stop);
}

/* Not right after a reset: a position that is reached again is the state before it. */
static bool settled(void *ctx)
{
    return !((const struct pc *)ctx)->fresh;
}

static unsigned processors(void *ctx)
{
    return board_cpus(((const struct pc *)ctx)->board);
}
static struct x86 *processor(void *ctx, unsigned i)
{
    return board_cpu(((const struct pc *)ctx)->board, i);
}
static struct x86 *running(void *ctx)
{
    return ((const struct pc *)ctx)->cpu;
}

static const struct engine_parts parts = {.icount = now_icount,
                                          .time = now_time,
                                          .cpus = processors,
                                          .cpu = processor,
                                          .running = running,
                                          .ends = ends_here,
                                          .settled = settled,
                                          .prepare = begin_step,
                                          .slice = run_slice,
                                          .mark = pc_mark_reached};

static void pc_run(struct engine *e, const struct run_limit *limit, struct stop *stop)
{
    struct pc *pc = pc_of(e);
    engine_base_run(&pc->base, limit, stop);
    stop->cpu = pc->turn;
}

/* ---------------------------------------------------------------- firmware before a directly loaded image */

/* Limits for the firmware; SeaBIOS needs eight million steps. */
enum { FIRMWARE_STEPS = 200000000, FIRMWARE_SECONDS = 60 };

/* One slice of running the firmware; the steps are counted as usual. */
static int run_firmware_slice(struct pc *pc, const struct run_limit *limit, bool *there, struct error *err)
{
    const char *name = config_image(&pc->config, "bios")->name, *how = "";
    struct stop stop = {.wake = UINT64_MAX};
    if (board_take_request(pc->board, &stop.status, &how) != BOARD_NONE)
        return error_set(
            err,
            "%s: resets the machine or ends it (%s) before a kernel can be loaded: choose another --bios",
            name, how);
    if (board_deadline(pc->board) <= now_time(pc))
        board_run_timers(pc->board);
    switch (pc_run_turn(pc, slice_for(pc, limit))) {
    case X86_STOP:
        *there = true;
        return 0;
    case X86_HALTED:
        if (!idle(pc, limit, &stop))
            return 0;
        return error_set(err, "%s: halts before a kernel can be loaded: choose another --bios", name);
    default:
        return 0;
    }
}

static int run_firmware_steps(struct pc *pc, uint64_t start, struct error *err)
{
    const struct run_limit limit = {.icount = start + FIRMWARE_STEPS,
                                    .time = now_time(pc) + FIRMWARE_SECONDS * 1000000000ull};
    bool there = false, interrupted = false;
    int rc = 0;
    while (!rc && !there && pc->icount < limit.icount) {
        /* The interruption is handled afterwards: this takes only a moment, and is not a position where a run
         * could stop. */
        interrupted |= atomic_exchange(&pc->base.interrupted, false);
        rc = run_firmware_slice(pc, &limit, &there, err);
    }
    if (interrupted)
        atomic_store(&pc->base.interrupted, true);
    if (!rc && !there)
        rc = error_set(
            err,
            "%s: does not reach INT 19h, where a BIOS boots, within %d million steps: for --kernel choose another --bios",
            config_image(&pc->config, "bios")->name, FIRMWARE_STEPS / 1000000);
    return rc;
}

/* Runs the machine to an instruction as if that had happened before the run: its steps add guest time but do
 * not advance the position, and nothing is reported. */
static int run_firmware(void *ctx, uint64_t pa, struct error *err)
{
    struct pc *pc = ctx;
    const struct stop_point there = {0, STOPS_EXEC_PHYSICAL, pa, 1, false};
    uint64_t start = pc->icount;
    board_flush_events(pc->board);
    board_observe(pc->board, 0, NULL);
    vary_quiet(pc->vary, true);
    for (unsigned i = 0; i < board_cpus(pc->board); i++)
        x86_stops(board_cpu(pc->board, i), &there, i == 0);
    int rc = run_firmware_steps(pc, start, err);
    pc->skipped += (pc->icount - start) * NS_PER_STEP;
    pc->icount = start;
    first_turn(pc);
    services_reset(&pc->services);
    board_forget_events(pc->board);
    board_observe(pc->board, pc->base.classes, &pc->base.observer);
    pc->base.waking = false;
    pc_set_stops(pc);
    return rc;
}

static void pc_interrupt(struct engine *e)
{
    atomic_store(&pc_of(e)->base.interrupted, true);
}
static uint64_t pc_icount(const struct engine *e)
{
    return pc_const(e)->icount;
}
static uint64_t pc_time(const struct engine *e)
{
    return pc_const(e)->icount * NS_PER_STEP + pc_const(e)->skipped;
}
/* For vary_clock(). */
static uint64_t pc_time_at(void *ctx, uint64_t icount)
{
    return icount * NS_PER_STEP + ((const struct pc *)ctx)->skipped;
}
static uint32_t pc_input(struct engine *e, const struct input *in)
{
    return in->port == INPUT_RETURN  ? pc_return(pc_of(e), in)
           : in->port == INPUT_TURNS ? pc_enters(pc_of(e), in)
                                     : board_input(pc_of(e)->board, in);
}

/* ---------------------------------------------------------------- snapshots */

static void pc_save(struct engine *e, const struct snapshot_sink *sink, struct snapshot_base *base)
{
    struct pc *pc = pc_of(e);
    sink->section(sink->ctx, "machine", pc_fields, state_nfields(pc), pc);
    sink->section(sink->ctx, "services", pc->services_fields.fields, pc->services_fields.n, &pc->services);
    if (pc->vary)
        sink->section(sink->ctx, "vary", vary_fields, vary_nfields, pc->vary);
    if (vary_has_windows(pc->vary))
        sink->section(sink->ctx, "windows", vary_windows_fields, vary_windows_nfields, pc->vary);
    if (vary_has_errors(pc->vary))
        sink->section(sink->ctx, "errors", vary_errors_fields, vary_errors_nfields, pc->vary);
    if (vary_has_nvram_errors(pc->vary))
        sink->section(sink->ctx, "nvram", vary_nvram_fields, vary_nvram_nfields, pc->vary);
    board_save(pc->board, sink, base);
}

static int load_machine(struct pc *pc, const struct snapshot_source *src, struct error *err)
{
    return src->section(src->ctx, "machine", pc_fields, state_nfields(pc), pc) < 0
               ? error_set(err, "the saved state has no section \"machine\" of this version")
               : 0;
}

/* The first step reports how an image was loaded, which no state says: it is loaded again to find out. */
static int learn_loaded(struct pc *pc, const struct snapshot_source *src, struct error *err)
{
    return reset_machine(pc, err) < 0 ? -1 : load_machine(pc, src, err);
}

static int pc_load(struct engine *e, const struct snapshot_source *src, struct error *err)
{
    struct pc *pc = pc_of(e);
    pc->reset_told = false;
    pc->base.device_wrote = 0;
    if (load_machine(pc, src, err))
        return -1;
    if (pc->fresh && pc->direct && !pc->loaded.protocol && learn_loaded(pc, src, err))
        return -1;
    if (pc->turn >= board_cpus(pc->board) || pc->turn_left > PC_TURN_MOST)
        return error_set(err, "the saved state's processor turn makes no sense");
    pc->cpu = board_cpu(pc->board, pc->turn);
    if (pc->vary && (src->section(src->ctx, "vary", vary_fields, vary_nfields, pc->vary) < 0 ||
                     vary_turn_next(pc->vary) >= board_cpus(pc->board)))
        return error_set(err, "the saved state's choices make no sense");
    if (vary_has_windows(pc->vary) &&
        src->section(src->ctx, "windows", vary_windows_fields, vary_windows_nfields, pc->vary) < 0)
        return error_set(err, "the saved state has no section \"windows\" of this version");
    if (vary_has_errors(pc->vary) &&
        src->section(src->ctx, "errors", vary_errors_fields, vary_errors_nfields, pc->vary) < 0)
        return error_set(err, "the saved state has no section \"errors\" of this version");
    if (vary_has_nvram_errors(pc->vary) &&
        src->section(src->ctx, "nvram", vary_nvram_fields, vary_nvram_nfields, pc->vary) < 0)
        return error_set(err, "the saved state has no section \"nvram\" of this version");
    const struct field_table *services = &pc->services_fields;
    if (src->section(src->ctx, "services", services->fields, services->n, &pc->services) < 0 ||
        services_loaded(&pc->services) < 0)
        return error_set(err, "the saved state's BIOS services make no sense");
    return board_load(pc->board, src, err);
}

static void pc_touched(struct engine *e, struct touched_set *set)
{
    struct pc *pc = pc_of(e);
    physmem_touched(board_mem(pc->board), set);
    pc->switches = 0;
    pc->accesses = board_accesses(pc->board);
}

static void pc_touched_ask(struct engine *e, const struct touched_set *before)
{
    physmem_touched_ask(board_mem(pc_of(e)->board), before);
}

static struct touched_amount pc_touched_amount(const struct engine *e)
{
    const struct pc *pc = pc_const(e);
    struct touched_amount a = physmem_touched_amount(board_mem(pc->board));
    a.switches = pc->switches;
    a.accesses = board_accesses(pc->board) - pc->accesses;
    return a;
}

static void pc_accesses(struct engine *e, enum accesses what, struct accessed_set *set)
{
    physmem_accesses(board_mem(pc_of(e)->board), what, set);
}

static void pc_device_writes(struct engine *e, void (*wrote)(void *ctx, uint64_t physical, uint64_t n),
                             void *ctx)
{
    physmem_see(board_mem(pc_of(e)->board), wrote, ctx);
}

/* ---------------------------------------------------------------- registers and memory */

static const struct reg_desc *pc_regs(const struct engine *e, size_t *count)
{
    return x86_regs(board_cpu(pc_const(e)->board, 0), count);
}
static int pc_reg_get(const struct engine *e, unsigned cpu, size_t reg, void *value)
{
    return x86_reg_get(board_cpu(pc_const(e)->board, cpu), reg, value);
}
static int pc_reg_set(struct engine *e, unsigned cpu, size_t reg, const void *value)
{
    return x86_reg_set(board_cpu(pc_of(e)->board, cpu), reg, value);
}
static unsigned pc_cpus(const struct engine *e)
{
    return board_cpus(pc_const(e)->board);
}
static unsigned pc_code_bits(const struct engine *e, unsigned cpu)
{
    struct x86_where w;
    x86_where(board_cpu(pc_const(e)->board, cpu), &w);
    return w.code_bits;
}

/* A processor's linear memory. */
struct linear {
    const struct pc *pc;
    unsigned cpu;
    enum memory_access how;
};

static size_t linear_part(void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct linear *l = ctx;
    uint64_t pa;
    return x86_translate(board_cpu(l->pc->board, l->cpu), address, &pa)
               ? physmem_access(board_mem(l->pc->board), pa, buf, n, l->how)
               : 0;
}
static size_t pc_peek(const struct engine *e, unsigned cpu, uint64_t lin, void *buf, size_t n)
{
    return memory_by_pages(lin, buf, n, linear_part, &(struct linear){pc_const(e), cpu, MEMORY_READ});
}
static size_t pc_poke(struct engine *e, unsigned cpu, uint64_t lin, const void *buf, size_t n)
{
    return memory_by_pages(lin, (void *)buf, n, linear_part, &(struct linear){pc_of(e), cpu, MEMORY_WRITE});
}
static size_t pc_peek_physical(const struct engine *e, uint64_t pa, void *buf, size_t n)
{
    return physmem_access(board_mem(pc_const(e)->board), pa, buf, n, MEMORY_READ);
}
static size_t pc_poke_physical(struct engine *e, uint64_t pa, const void *buf, size_t n)
{
    return physmem_access(board_mem(pc_of(e)->board), pa, (void *)buf, n, MEMORY_WRITE);
}

static bool pc_inner(const struct engine *e, unsigned cpu, struct engine_inner *in)
{
    return x86_inner(board_cpu(pc_const(e)->board, cpu), in);
}
static bool pc_inner_physical(const struct engine *e, unsigned cpu, uint64_t address, uint64_t *outer)
{
    return x86_inner_physical(board_cpu(pc_const(e)->board, cpu), address, outer);
}

static const void *pc_view(const struct engine *e, unsigned cpu, uint64_t lin, size_t n)
{
    const struct pc *pc = pc_const(e);
    const uint8_t *first = NULL;
    uint64_t pa;
    for (size_t done = 0, part; done < n; done += part) {
        part = 0x1000 - ((lin + done) & 0xfff);
        part = part < n - done ? part : n - done;
        const uint8_t *at = x86_translate(board_cpu(pc->board, cpu), lin + done, &pa)
                                ? physmem_view(board_mem(pc->board), pa, part)
                                : NULL;
        if (!at || (done && at != first + done))
            return NULL;
        first = done ? first : at;
    }
    return first;
}
static const void *pc_view_physical(const struct engine *e, uint64_t pa, size_t n)
{
    return physmem_view(board_mem(pc_const(e)->board), pa, n);
}

static bool pc_pci(const struct engine *e, unsigned devfn, struct engine_pci *p)
{
    return board_pci(pc_const(e)->board, devfn, p);
}

/* ---------------------------------------------------------------- observing */

static void pc_stops(struct engine *e, const struct stop_point *s, size_t n)
{
    engine_base_stops(&pc_of(e)->base, s, n);
}

static void pc_observe(struct engine *e, uint32_t classes, const struct observer *o)
{
    struct pc *pc = pc_of(e);
    engine_base_observe(&pc->base, classes, o);
    board_observe(pc->board, classes, &pc->base.observer);
}

static void pc_choices(struct engine *e, void (*seen)(void *ctx, const struct engine_choice *c), void *ctx)
{
    if (pc_of(e)->vary)
        vary_observe(pc_of(e)->vary, seen, ctx);
}

static void pc_media(struct engine *e, void (*seen)(void *ctx, const struct engine_medium *m), void *ctx)
{
    board_media(pc_of(e)->board, seen, ctx);
}

static void pc_reseed(struct engine *e, uint64_t seed)
{
    if (pc_of(e)->vary)
        vary_reseed(pc_of(e)->vary, seed);
}

static int pc_forked(struct engine *e)
{
    return physmem_forked(board_mem(pc_of(e)->board));
}

static void pc_flush(struct engine *e)
{
    services_flush(&pc_of(e)->services, true);
    board_flush_events(pc_of(e)->board);
}

static struct engine_polls pc_polls(const struct engine *e)
{
    return *board_polls(pc_const(e)->board);
}

static size_t pc_screen(const struct engine *e, char *buf, size_t size)
{
    return board_screen(pc_const(e)->board, buf, size);
}

static bool pc_display(const struct engine *e, struct display *d, struct display_cell *cells, size_t ncells,
                       uint8_t *rgb, size_t nrgb)
{
    unsigned w, h;
    if (!vga_display(pc_const(e)->board, d, cells, ncells))
        return false;
    if (nrgb)
        vga_screen_image(pc_const(e)->board, rgb, &w, &h, nrgb);
    return true;
}

/* ---------------------------------------------------------------- creation and destruction */

static void pc_destroy(struct engine *e)
{
    struct pc *pc = pc_of(e);
    board_destroy(pc->board);
    vary_free(pc->vary);
    engine_base_end(&pc->base);
    free(pc->services_fields.fields);
    free(pc);
}

static const struct engine_ops pc_ops = {
    .name = "pc",
    .behaviour = HV_BEHAVIOUR,
    .destroy = pc_destroy,
    .run = pc_run,
    .interrupt = pc_interrupt,
    .icount = pc_icount,
    .time = pc_time,
    .input = pc_input,
    .save = pc_save,
    .load = pc_load,
    .fetched = board_ram_name,
    .choices = pc_choices,
    .media = pc_media,
    .reseed = pc_reseed,
    .forked = pc_forked,
    .touched = pc_touched,
    .touched_ask = pc_touched_ask,
    .touched_amount = pc_touched_amount,
    .accesses = pc_accesses,
    .device_writes = pc_device_writes,
    .flows = pc_flows,
    .codes = pc_codes,
    .polls = pc_polls,
    .regs = pc_regs,
    .reg_get = pc_reg_get,
    .reg_set = pc_reg_set,
    .cpus = pc_cpus,
    .code_bits = pc_code_bits,
    .peek = pc_peek,
    .poke = pc_poke,
    .peek_physical = pc_peek_physical,
    .inner = pc_inner,
    .inner_physical = pc_inner_physical,
    .poke_physical = pc_poke_physical,
    .view = pc_view,
    .view_physical = pc_view_physical,
    .pci = pc_pci,
    .stops = pc_stops,
    .observe = pc_observe,
    .flush = pc_flush,
    .screen = pc_screen,
    .display = pc_display,
};

int hv_vary_check(const char *kinds, const char *schedule, struct error *err)
{
    return vary_check(kinds, err) || vary_schedule_check(schedule, err) ? -1 : 0;
}

bool hv_vary_begins(const char *word)
{
    return vary_begins(word);
}

size_t hv_vary_calls(const char *kinds, struct engine_call_error list[ENGINE_CALL_ERRORS])
{
    return vary_calls(kinds, list);
}

size_t hv_vary_turns_at(const char *kinds, struct engine_function list[ENGINE_TURNS_AT])
{
    return vary_turns_at(kinds, list);
}

char *hv_vary_fixed(const char *kinds)
{
    return vary_fixed(kinds);
}

const char *hv_cpu_model(unsigned i)
{
    return x86_model(i);
}

int hv_share_read(struct engine *e, unsigned number, const char *path, void *ctx,
                  void (*take)(void *ctx, const void *data, size_t n), struct error *err)
{
    return board_share_read(((struct pc *)e)->board, number, path, ctx, take, err);
}

struct engine *hv_create(const struct engine_config *cfg, struct error *err)
{
    struct vary *vary;
    if (vary_create(cfg, &vary, err))
        return NULL;
    struct pc *pc = mem_zero(1, sizeof *pc);
    const struct board_host host = {.ctx = pc,
                                    .icount = now_icount,
                                    .time = now_time,
                                    .pass = pass_time,
                                    .boot_sector = pc_boot_sector_read,
                                    .hooks = services_hooks(&pc->services),
                                    .vary = vary};
    pc->vary = vary;
    if (vary)
        vary_clock(vary, pc_time_at, pc);
    pc->engine.ops = &pc_ops;
    engine_base_init(&pc->base, &parts, pc);
    pc->services_fields = services_fields();
    pc->config = *cfg;
    pc->domain = config_image(cfg, "hvmloader");
    pc->board = board_create(&pc->config, &host, err);
    if (!pc->board) {
        free(pc->services_fields.fields);
        vary_free(vary);
        free(pc);
        return NULL;
    }
    services_init(&pc->services, pc->board, now_icount, pc);
    first_turn(pc);
    pc->fresh = 1;
    pc_observe(&pc->engine, 0, NULL);
    pc_set_stops(pc);
    if (!cfg->unplaced && load_direct(pc, err) < 0) {
        pc_destroy(&pc->engine);
        return NULL;
    }
    return &pc->engine;
}

bool hv_compiles(void)
{
    return x86_compiles();
}

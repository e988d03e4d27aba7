/* engine.c - the host as an engine (core/engine/engine.h): time, running, saving.
 *
 * A position is a number of steps: instructions, iterations of string instructions, and what left a program (a
 * system call, an exception), which the host handles at once. Timers, wake-ups and signals are handled at the
 * start of the step that follows, so that run(a) and then run(b) is run(b). */
#include <assert.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/date.h"
#include "base/memory.h"
#include "base/must.h"
#include "core/engine/settings.h"
#include "uml/calls.h"
#include "uml/files.h"
#include "uml/look.h"
#include "uml/memory.h"
#include "uml/tasks.h"
#include "uml/uml.h"

enum { SLICE = 1 << 20, FIRST_PID = 1000 };

static const struct field root_fields[] = {
    FIELD(struct root, icount),     FIELD(struct root, skipped),       FIELD(struct root, boot),
    FIELD(struct root, random),     FIELD(struct root, turn_left),     FIELD(struct root, live),
    FIELD(struct root, ended),      FIELD(struct root, status),        FIELD(struct root, current),
    FIELD(struct root, run_first),  FIELD(struct root, run_last),      FIELD(struct root, tasks),
    FIELD(struct root, groups),     FIELD(struct root, next_pid),      FIELD(struct root, next_inode),
    FIELD(struct root, next_pty),   FIELD(struct root, timers),        FIELD(struct root, sockets),
    FIELD(struct root, segments),   FIELD(struct root, next_segment),  FIELD(struct root, folder),
    FIELD(struct root, terminal),   FIELDS(struct root, free_list),    FIELD(struct root, arena_top),
    FIELD(struct root, frame_free), FIELD(struct root, frame_top),     FIELD(struct root, frames_used),
    FIELD(struct root, calls),      FIELD(struct root, calls_missing), FIELD(struct root, vdso),
};

static struct host *host_of(struct engine *e)
{
    return (struct host *)e;
}
static const struct host *host_const(const struct engine *e)
{
    return (const struct host *)e;
}

const struct engine_past uml_past[] = {
    {1, 1, "a build of commit f01f6c6e"},
    {2, 2, "a build of commit efcc9cd4"},
    {3, 3, "a build of commit cfc34e93"},
    {4, 4, "a build of commit dc0635a8"},
    {5, 9, "bootreel 1.0.0"},
    {0},
};

bool host_behaves(const struct host *h, uint32_t version)
{
    return !h->config->behaviour || h->config->behaviour >= version;
}

/* ---------------------------------------------------------------- running */

/* The first program has ended, and with it the run. */
static void ended(const struct host *h, struct stop *stop)
{
    int s = h->r.status;
    stop->reason = STOP_POWER_OFF;
    stop->status = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
    if (WIFSIGNALED(s))
        snprintf(stop->text, sizeof stop->text, "ended by signal %d", WTERMSIG(s));
}

/* No task can run: time goes on to the next timer. True if the run ends. */
static bool idle(struct host *h, const struct run_limit *limit, struct stop *stop)
{
    if (!h->r.ended)
        return engine_base_idle(&h->base, next_deadline(h), &h->r.skipped, limit, stop);
    ended(h, stop);
    return true;
}

/* Steps until something else must be looked at. */
static uint64_t slice_for(struct host *h, const struct run_limit *limit)
{
    uint64_t n = limit->icount - h->r.icount, due = soonest(h), at_ = now(h);
    due = limit->until && limit->until < due ? limit->until : due;
    uint64_t until = due > at_ ? due - at_ : 1, left = cpu_timer_left(h);
    n = n < until ? n : until;
    n = n < h->r.turn_left ? n : h->r.turn_left;
    n = n < left ? n : left ? left : 1;
    if (h->base.device_wrote)
        return 1;
    return n < SLICE ? n : SLICE;
}

static bool run_slice(void *ctx, const struct run_limit *limit, struct stop *stop)
{
    struct host *h = ctx;
    const uint64_t before = h->r.icount;
    uint64_t done;
    if (soonest(h) <= now(h))
        run_timers(h);
    if (!cpu_timer_left(h))
        run_cpu_timers(h);
    if (!h->r.turn_left)
        sched_rotate(h);
    if (!schedule(h))
        return h->failed ? false : idle(h, limit, stop);
    ref self = h->r.current;
    enum x86_exit e = x86_run(h->cpu, slice_for(h, limit), &done);
    h->r.icount += done;
    h->r.turn_left -= (uint32_t)(done < h->r.turn_left ? done : h->r.turn_left);
    TASK(self)->steps += done;
    if (e == X86_TRAP) {
        handle_trap(h);
        schedule(h);
    }
    return (e == X86_STOP && engine_base_stopped(&h->base, 0, stop)) ||
           engine_base_device_stop(&h->base, before, stop);
}

static bool ends_here(void *ctx, const struct run_limit *limit, struct stop *stop)
{
    struct host *h = ctx;
    if (h->failed) {
        stop->reason = STOP_GUEST_FAULT;
        snprintf(stop->text, sizeof stop->text, "%s", h->failure);
        return true;
    }
    if (!h->r.ended || h->r.tasks)
        return false;
    ended(h, stop);
    return true;
}

static void set_stops(struct host *h)
{
    engine_base_set_stops(&h->base, NULL, 0, 0);
    engine_base_watch_devices(&h->base, h->mem);
}

static void begin_step(void *ctx)
{
    struct host *h = ctx;
    const struct task *t = current(h);
    if (h->base.stops_changed)
        set_stops(h);
    if (!t || t->state != TASK_READY || !h->r.live || soonest(h) <= now(h) || !h->r.turn_left ||
        !cpu_timer_left(h))
        h->base.worked = h->r.icount;
}

static uint64_t position(void *ctx)
{
    return ((const struct host *)ctx)->r.icount;
}
static uint64_t time_now(void *ctx)
{
    return now(ctx);
}
static unsigned processors(void *ctx)
{
    return 1;
}
static struct x86 *processor(void *ctx, unsigned i)
{
    return ((const struct host *)ctx)->cpu;
}
static struct x86 *running(void *ctx)
{
    return ((const struct host *)ctx)->cpu;
}

static const struct engine_parts parts = {.icount = position,
                                          .time = time_now,
                                          .cpus = processors,
                                          .cpu = processor,
                                          .running = running,
                                          .ends = ends_here,
                                          .prepare = begin_step,
                                          .slice = run_slice};

static void host_run(struct engine *e, const struct run_limit *limit, struct stop *stop)
{
    engine_base_run(&host_of(e)->base, limit, stop);
    stop->cpu = 0;
    stop->task = host_running(e);
}

static void host_interrupt(struct engine *e)
{
    atomic_store(&host_of(e)->base.interrupted, true);
}
static uint64_t host_icount(const struct engine *e)
{
    return host_const(e)->r.icount;
}
static uint64_t host_time(const struct engine *e)
{
    return now(host_const(e));
}
static uint32_t host_input(struct engine *e, const struct input *in)
{
    struct host *h = host_of(e);
    if (in->port != INPUT_SERIAL0)
        return in->len;
    return tty_typed(h, TERM(h->r.terminal), in->data, in->len);
}

/* ---------------------------------------------------------------- saving */

/* Tells the memory which pages of the arena were used. */
static void mark_used(struct host *h)
{
    uint64_t n = ramblock_size(h->arena_block) / PAGE;
    for (uint64_t i = 0; i < n; i += 8) {
        uint64_t eight = 0;
        memcpy(&eight, h->dirty + i, n - i < 8 ? n - i : 8);
        for (uint64_t k = i; eight && k < i + 8 && k < n; k++)
            if (h->dirty[k])
                physmem_touch(h->mem, h->arena_block, k * PAGE, PAGE);
    }
    memset(h->dirty, 0, n);
    areas_unused(h);
    folders_unused(h);
}

static void host_touched(struct engine *e, struct touched_set *set)
{
    physmem_touched(host_of(e)->mem, set);
}

static void host_touched_ask(struct engine *e, const struct touched_set *before)
{
    physmem_touched_ask(host_of(e)->mem, before);
}

static struct touched_amount host_touched_amount(const struct engine *e)
{
    return physmem_touched_amount(host_const(e)->mem);
}

static void host_accesses(struct engine *e, enum accesses what, struct accessed_set *set)
{
    physmem_accesses(host_of(e)->mem, what, set);
}

/* What the host writes for a program: files, results of system calls, new pages. */
static void host_device_writes(struct engine *e, void (*wrote)(void *ctx, uint64_t physical, uint64_t n),
                               void *ctx)
{
    physmem_see(host_of(e)->mem, wrote, ctx);
}

static void on_flow(void *ctx, struct engine_flow *f)
{
    struct host *h = ctx;
    f->time = now(h) + f->icount;
    f->icount += h->r.icount;
    h->flow(h->flow_ctx, f);
}

static void on_code(void *ctx, struct engine_code *c)
{
    struct host *h = ctx;
    c->icount += h->r.icount;
    h->code(h->code_ctx, c);
}

static void host_codes(struct engine *e, void (*seen)(void *ctx, const struct engine_code *code), void *ctx)
{
    struct host *h = host_of(e);
    h->code = seen;
    h->code_ctx = ctx;
    x86_watch_code(h->cpu, seen ? on_code : NULL, h);
}

static void host_flows(struct engine *e, void (*seen)(void *ctx, const struct engine_flow *flow), void *ctx)
{
    struct host *h = host_of(e);
    h->flow = seen;
    h->flow_ctx = ctx;
    x86_watch_flows(h->cpu, seen ? on_flow : NULL, h);
}

static void host_save(struct engine *e, const struct snapshot_sink *sink, struct snapshot_base *base)
{
    struct host *h = host_of(e);
    mark_used(h);
    sink->section(sink->ctx, "host", root_fields, FIELD_COUNT(root_fields), &h->r);
    x86_save(h->cpu, sink);
    physmem_save(h->mem, sink, base ? base->epoch : 0, base ? h->epoch : 0);
    if (!base)
        return;
    h->epoch += h->epoch < UINT32_MAX;
    base->epoch = h->epoch;
}

static bool in_arena(const struct host *h, ref r)
{
    return r < ramblock_size(h->arena_block) && r % 32 == 0;
}

static int host_load(struct engine *e, const struct snapshot_source *src, struct error *err)
{
    struct host *h = host_of(e);
    mark_used(h);
    areas_forget_all(h);
    folders_forget_all(h);
    h->soonest = 0;
    h->base.device_wrote = 0;
    h->failed = false;
    if (src->section(src->ctx, "host", root_fields, FIELD_COUNT(root_fields), &h->r) < 0)
        return error_set(err, "the saved state has no section \"host\" of this version");
    if (x86_load(h->cpu, src) < 0 || physmem_load(h->mem, src) < 0)
        return error_set(err, "the saved state's processor or memory does not fit");
    const ref all[] = {h->r.current, h->r.run_first, h->r.run_last, h->r.tasks,    h->r.groups, h->r.timers,
                       h->r.sockets, h->r.folder,    h->r.terminal, h->r.segments, h->r.vdso};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!in_arena(h, all[i]))
            return error_set(err, "the saved state of the host makes no sense");
    if (h->r.frame_top > h->nframes || h->r.arena_top > ramblock_size(h->arena_block))
        return error_set(err, "the saved state's memory makes no sense");
    return 0;
}

/* ---------------------------------------------------------------- observing */

static void host_stops(struct engine *e, const struct stop_point *s, size_t n)
{
    engine_base_stops(&host_of(e)->base, s, n);
}

static void host_observe(struct engine *e, uint32_t classes, const struct observer *o)
{
    engine_base_observe(&host_of(e)->base, classes, o);
}

static void host_flush(struct engine *e)
{
    tty_flush(host_of(e));
}

static size_t host_screen(const struct engine *e, char *buf, size_t size)
{
    if (size)
        *buf = 0;
    return 0;
}

/* ---------------------------------------------------------------- creation */

static void host_destroy(struct engine *e)
{
    struct host *h = host_of(e);
    host_look_end(h);
    x86_destroy(h->cpu);
    physmem_destroy(h->mem);
    areas_forget_all(h);
    folders_forget_all(h);
    free(h->dirty);
    engine_base_end(&h->base);
    free(h);
}

static const struct engine_ops host_ops = {
    .name = "linux",
    .behaviour = UML_BEHAVIOUR,
    .destroy = host_destroy,
    .run = host_run,
    .interrupt = host_interrupt,
    .icount = host_icount,
    .time = host_time,
    .input = host_input,
    .save = host_save,
    .load = host_load,
    .touched = host_touched,
    .touched_ask = host_touched_ask,
    .touched_amount = host_touched_amount,
    .accesses = host_accesses,
    .device_writes = host_device_writes,
    .flows = host_flows,
    .codes = host_codes,
    .tasks = host_tasks,
    .running = host_running,
    .regs = host_regs,
    .reg_get = host_reg_get,
    .reg_set = host_reg_set,
    .cpus = host_cpus,
    .code_bits = host_code_bits,
    .peek = host_peek,
    .poke = host_poke,
    .peek_physical = host_peek_physical,
    .poke_physical = host_poke_physical,
    .stops = host_stops,
    .observe = host_observe,
    .flush = host_flush,
    .screen = host_screen,
};

static int make_memory(struct host *h, struct error *err)
{
    const char *text = config_get(h->config, "ram");
    uint64_t size = text ? strtoull(text, NULL, 10) : 0;
    if (size < 1 << 20 || size > ENGINE_MEMORY || size % PAGE)
        return error_set(err, "the host's memory is not between 1M and 64G");
    h->nframes = size / PAGE;
    h->mem = physmem_create(size, &h->config->host);
    h->ram = h->mem ? physmem_block(h->mem, "ram", size) : NULL;
    if (!h->ram)
        return error_set(err, "no memory for %llu MB: give a smaller --memory",
                         (unsigned long long)(size >> 20));
    h->memory = ramblock_host(h->ram);
    physmem_map(h->mem, 0, size, h->ram, 0, h->ram, 0, false);
    return arena_create(h, err);
}

static uint64_t start_time(const struct host *h)
{
    int64_t seconds = 0;
    must(date_parse(setting_value(h->config, "rtc"), &seconds), "settings were checked");
    return (uint64_t)seconds * 1000000000u;
}

static void set_limits(struct group *g)
{
    for (unsigned i = 0; i < LIMITS; i++)
        g->limit[i][0] = g->limit[i][1] = UINT64_MAX;
    g->limit[3][0] = 8 << 20;                /* stack */
    g->limit[4][0] = 0;                      /* core files: none are written */
    g->limit[6][0] = g->limit[6][1] = 32768; /* processes */
    g->limit[7][0] = 1024;                   /* descriptors */
    g->limit[7][1] = FD_MAX;
    g->limit[8][0] = g->limit[8][1] = 8 << 20; /* locked memory */
    g->limit[13][0] = g->limit[13][1] = 0;
    g->limit[14][0] = g->limit[14][1] = 0;
}

/* The three standard descriptors are the console. */
static void open_console(struct host *h, struct task *t)
{
    ref f;
    if (file_open(h, t, -100, "/dev/console", 2 | 0400 /* O_RDWR | O_NOCTTY */, 0, &f))
        return;
    for (int i = 0; i < 3; i++) {
        if (i)
            file_hold(h, f);
        fd_new(h, t, f, 0, false);
    }
    struct terminal *tt = TERM(h->r.terminal);
    GROUP(t->group)->terminal = h->r.terminal;
    tt->session = tt->pgrp = t->pid;
}

static struct task *first_task(struct host *h)
{
    struct group *g = group_new(h);
    struct task *t = task_new(h, g);
    g->leader = ref_of(h, t);
    g->pid = g->pgid = g->sid = t->pid;
    g->exit_signal = SIGCHLD;
    g->dumpable = 1;
    set_limits(g);
    t->files = files_new(h);
    t->actions = arena_new(h, sizeof(struct actions));
    ((struct actions *)at(h, t->actions))->refs = 1;
    t->folders = arena_new(h, sizeof(struct folder_state));
    struct folder_state *fs = at(h, t->folders);
    *fs = (struct folder_state){.refs = 1, .umask = 022, .cwd = h->r.folder, .root = h->r.folder};
    inode_hold(h, h->r.folder);
    inode_hold(h, h->r.folder);
    h->r.current = ref_of(h, t);
    open_console(h, t);
    const char *cwd = config_get(h->config, "folder");
    int64_t at_ = cwd ? path_walk(h, t, -100, cwd, 0, NULL) : -1;
    if (at_ > 0) {
        inode_drop(h, fs->cwd);
        fs->cwd = (ref)at_;
    }
    return t;
}

/* The settings of that key, as a list of strings. */
static char **settings_of(const struct engine_config *cfg, const char *key)
{
    char **list = mem_zero(cfg->nsettings + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < cfg->nsettings; i++)
        if (!strcmp(cfg->settings[i].key, key))
            list[n++] = (char *)cfg->settings[i].value;
    return list;
}

static int start_program(struct host *h, struct error *err)
{
    const char *path = config_get(h->config, "program");
    if (!path)
        return error_set(err, "no program to run: give --program FILE");
    struct task *t = first_task(h);
    char **argv = settings_of(h->config, "argument"), **envp = settings_of(h->config, "environment");
    int rc = exec_program(h, t, path, argv, envp, -100, 0);
    free(argv);
    free(envp);
    if (h->failed)
        return error_set(err, "%s", h->failure);
    if (rc)
        return error_set(err, "%s: cannot be executed: %s%s", path, strerror(-rc),
                         rc == -ENOENT ? " (its interpreter is missing: give --sysroot)" : "");
    h->r.turn_left = 1;
    x86_user_space(h->cpu, MM(t->mm)->root); /* for those who look before the first step */
    x86_user_set(h->cpu, &t->u);
    return 0;
}

struct engine *uml_create(const struct engine_config *cfg, struct error *err)
{
    struct host *h = mem_zero(1, sizeof *h);
    h->engine.ops = &host_ops;
    engine_base_init(&h->base, &parts, h);
    h->own_config = *cfg;
    h->config = &h->own_config;
    h->epoch = 1;
    int rc = settings_check(cfg, err);
    if (!rc)
        h->r.boot = start_time(h);
    h->r.random = 0x626f6f747265656cull;
    h->r.next_pid = FIRST_PID;
    h->r.next_inode = 2;
    if (!rc)
        rc = make_memory(h, err);
    if (!rc)
        rc = (h->cpu = processor_new(h, h->mem, err)) ? 0 : -1;
    if (!rc)
        host_look_begin(h);
    if (!rc && !(h->r.terminal = tty_new(h)))
        rc = error_set(err, "no memory for the terminal");
    if (!rc) {
        TERM(h->r.terminal)->console = 1;
        rc = tree_create(h, err);
    }
    if (!rc && vdso_create(h))
        rc = error_set(err, "no memory for the vDSO");
    if (!rc)
        rc = start_program(h, err);
    if (!rc)
        return &h->engine;
    host_destroy(&h->engine);
    return NULL;
}

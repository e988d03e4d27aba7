/* timeline.h - random access to the run of a trace: seek, step, run backwards, break, watch, and
 * inspect the state.
 *
 *   struct timeline *tl = timeline_open("boot.reel", kinds, nkinds, &err);
 *   unsigned id;
 *   timeline_stop_add(tl, &(struct timeline_stop){.kind = TS_BREAK_LINEAR, .address = 0x7c00}, &id, &err);
 *   timeline_continue(tl, TIMELINE_FORWARD, &stopped, &err);
 *   timeline_step(tl, TIMELINE_BACK, 1, &stopped, &err);
 *
 * Positions. A position is an icount; its state is the one when that many steps were first executed, before
 * the inputs at it, before guest time passes in a halt there, and before the timers that are due there. A
 * position has exactly one state, however it was reached.
 *
 * What happens "at N" happens in the step from N to N + 1: events carry the icount N.
 *
 * Stops, forwards and backwards. Every movement makes at least one step before anything can stop it.
 *   breakpoint   stops at the position before its instruction, in both directions. Each iteration of a REP is
 *                a step of its own, whose instruction is the REP's: a breakpoint there stops at every
 *                iteration. A position where an interrupt or exception is delivered instead of the
 *                instruction is not a hit; the position after the return is one.
 *   watchpoint   forwards stops after the accessing instruction (or REP iteration), backwards before it, so
 *                that the write is undone. Linear addresses, in any address space; only accesses by
 *                processors, not those by devices (DMA), page walks or instruction fetches. Any access is a
 *                hit, even a write that does not change the value.
 *   event stop   forwards stops at N + 1, backwards at N, where N is the event's icount (see `filter`).
 * So running forward and then back with the same stop point finds the same access or event, any
 * number of times.
 *
 * Ends. Backwards the run begins at 0 (TIMELINE_AT_BEGIN), forwards it ends where the record ends
 * (TIMELINE_AT_END).
 *
 * Diversion. Setting a register, writing memory or giving an input begins a diversion at the current
 * position: the record's inputs, events and checkpoints no longer apply, and the diversion may go on beyond
 * the record's end. All operations work in it as well. Backwards it begins at its last change by hand (not at
 * an input: inputs are given again when it is re-run). timeline_undivert() goes back to the recorded run, at
 * the position where the diversion left it. The trace is never written.
 *
 * Any number of timelines, of one trace or several, can be open. Only one thread at a time may use a
 * timeline, except for timeline_interrupt(). Functions that can fail return -1 and fill `err`; the timeline
 * stays usable, at some position (see timeline_where).
 */
#ifndef BOOTREEL_CORE_TIMELINE_TIMELINE_H
#define BOOTREEL_CORE_TIMELINE_TIMELINE_H

#include "core/engine/engines.h"
#include "core/engine/look.h"
#include "traces/trace.h"

struct timeline;

/* ---------------------------------------------------------------- opening */

/* Opens the trace, and creates the engine of the kind that it names (one of `kinds`), at icount 0. NULL on
 * error. The kinds must outlive the timeline. */
struct timeline *timeline_open(const char *path, const struct engine_kind *const *kinds, size_t nkinds,
                               struct error *err);
/* Opens a timeline on a trace that is already open; the trace must stay open until timeline_close, and only
 * the same thread may use it meanwhile. */
struct timeline *timeline_open_trace(struct trace *t, const struct engine_kind *kind, struct error *err);
/* The same for a caller whose first operation is a seek or a scan. Before it, the timeline has no position, which saves loading the
 * guest's kernel. */
struct timeline *timeline_open_unplaced(struct trace *t, const struct engine_kind *kind, struct error *err);
/* Reads the trace's index now; otherwise the first search does. Cost: some hundredths of a second. */
void timeline_read_index(struct timeline *tl);
void timeline_close(struct timeline *tl); /* NULL is allowed */

/* The trace: for its configuration, events, stages, notes, and position_resolve(). Cursors may
 * be opened on it. */
struct trace *timeline_trace(struct timeline *tl);
/* The kind of engine that it runs. */
const struct engine_kind *timeline_kind(const struct timeline *tl);

/* One line of warning once a state was found that is not the recorded run's; otherwise "". */
const char *timeline_warning(const struct timeline *tl);

/* Pages of a state are read from the trace when they are first used, by a run or by looking at memory. If one could not be read (the
 * trace is damaged there), it is taken for zeros, what was seen since then may be wrong, and this returns -1 and the error. Moves
 * return it by themselves. 0: all is well. */
int timeline_lost(const struct timeline *tl, struct error *err);

/* Sets how many bytes the checkpoints in memory may use. Applied at once. Less memory only makes operations slower: with half of
 * the default, what was prepared for the next moves is dropped before it is used; with five times as much, no move of the terminal
 * interface was faster. */
#define TIMELINE_MEMORY (128ull << 20)
/* Enough where no moves are prepared, as in gdb: more makes no seek, step or search faster there. */
#define TIMELINE_MEMORY_UNPREPARED (40ull << 20)
void timeline_set_budget(struct timeline *tl, uint64_t bytes);

/* With `on` (the default), searches run only the parts of the recorded run in which the trace's index
 * (traces/touched.h) says that there can be a hit, or, for reads, what was learnt when a part was run. Without it, or in a trace that
 * has none, all is run; the answers are the same. */
void timeline_set_index(struct timeline *tl, bool on);

struct timeline_stats {
    uint64_t budget;      /* bytes */
    uint64_t used;        /* bytes of pages and tables held by checkpoints in memory */
    uint64_t checkpoints; /* in memory */
    uint64_t restores;    /* checkpoints loaded since the opening */
    uint64_t steps;       /* executed since the opening, over all operations */
};
void timeline_stats(const struct timeline *tl, struct timeline_stats *s);

/* ---------------------------------------------------------------- where it stands */

struct timeline_where {
    uint64_t icount;
    uint64_t time; /* guest time, ns */
    uint64_t last; /* icount of the end of the record */
    bool diverted; /* in a diversion … */
    uint64_t fork; /* … which left the record at this icount */
    /* The current processor: it made the step to here, and makes the next unless its turn ends. */
    unsigned cpu;
    uint32_t task; /* the task that has it (core/engine/engine.h); 0 if there is none */
};
void timeline_where(const struct timeline *tl, struct timeline_where *w);
uint64_t timeline_icount(const struct timeline *tl);

/* ---------------------------------------------------------------- long operations */

struct timeline_progress {
    uint64_t icount;   /* where the engine is */
    uint64_t from, to; /* the operation began at `from` and ends at `to` or before */
    uint64_t examined; /* how many of the steps between `from` and `to` are done */
    bool back;
};

/* Called from time to time during a long operation (every few ms to tens of ms). Returns false to interrupt
 * the operation. The only timeline function it may call is timeline_interrupt. fn may be NULL. */
typedef bool timeline_progress_fn(void *ctx, const struct timeline_progress *p);
void timeline_set_progress(struct timeline *tl, timeline_progress_fn *fn, void *ctx);

/* Makes the operation in progress, or otherwise the next one, stop soon with TIMELINE_INTERRUPTED.
 * Async-signal-safe; from any thread. */
void timeline_interrupt(struct timeline *tl);
/* Clears an interrupt that came between two operations. */
void timeline_interrupt_clear(struct timeline *tl);

/* ---------------------------------------------------------------- moving */

enum timeline_direction { TIMELINE_FORWARD, TIMELINE_BACK };

enum timeline_reason {
    TIMELINE_DONE,        /* the requested steps were made, or the requested position was reached */
    TIMELINE_BREAKPOINT,  /* `id`, `address`: of the instruction (linear) */
    TIMELINE_WATCHPOINT,  /* `id`, `address`: of the first byte accessed (linear), `watched`: the stop point's
                             address */
    TIMELINE_EVENT,       /* `id`, `event` */
    TIMELINE_AT_BEGIN,    /* icount 0 (or the beginning of the diversion): no more history */
    TIMELINE_AT_END,      /* the end of the record */
    TIMELINE_INTERRUPTED, /* at some position on the way; backwards, the earliest from which no
                           * hit was found */
    TIMELINE_WAITS,       /* timeline_step_own: it makes no step that way; it stands where it stood */
    TIMELINE_ENDED, /* the guest stopped: `engine` says how (power-off, halted for good, guest fault). Only in
                     * a diversion, or if the replay goes another way than the record; `text` */
};

struct timeline_stopped {
    enum timeline_reason reason;
    unsigned id;         /* the stop point's */
    enum stop_kind kind; /* TIMELINE_WATCHPOINT: STOPS_WRITE, STOPS_READ …, as it was set */
    uint64_t icount;     /* where it stands now */
    uint64_t time;
    unsigned cpu;
    uint32_t task; /* whose breakpoint or access it is; otherwise as in timeline_where */
    uint64_t address;
    uint64_t watched;
    bool device;        /* a write to a physical address: a device made it; `address` is physical */
    struct event event; /* data is NULL; see text */
    enum stop_reason engine;
    char text[200]; /* the event's words; or why the guest stopped */
};

/* Goes to `icount` (at most the end of the record; in a diversion from its beginning on). Stop points do not
 * count. TIMELINE_DONE or TIMELINE_INTERRUPTED. */
int timeline_seek(struct timeline *tl, uint64_t icount, struct timeline_stopped *s, struct error *err);

/* n steps forwards or backwards. Stop points do not count. TIMELINE_DONE, or an end or an
 * interrupt before that. */
int timeline_step(struct timeline *tl, enum timeline_direction dir, uint64_t n, struct timeline_stopped *s,
                  struct error *err);

/* One step of processor `cpu` among several, or, with ENGINE_TASK, of a task. What the others do on the way
 * is part of it, and may hit a stop point. TIMELINE_WAITS: the task has exited or not begun, or the processor
 * makes none of the machine's next (or last) TIMELINE_PATIENCE steps, since it is halted or not started.
 * Backwards, the timeline then stands before that step. Cost: a microsecond for each step of the others;
 * tasks are searched for by bisection. */
enum { TIMELINE_PATIENCE = 100000 };
int timeline_step_own(struct timeline *tl, unsigned cpu, enum timeline_direction dir,
                      struct timeline_stopped *s, struct error *err);

/* Runs until a stop point, an end or an interrupt. */
int timeline_continue(struct timeline *tl, enum timeline_direction dir, struct timeline_stopped *s,
                      struct error *err);
/* Runs until the n-th hit of a stop point (n > 0), an end or an interrupt; *hits (may be NULL) is how many
 * there were. For "run backwards N times". */
int timeline_continue_n(struct timeline *tl, enum timeline_direction dir, uint64_t n, uint64_t *hits,
                        struct timeline_stopped *s, struct error *err);
/* As timeline_continue, but at most to `limit` (ahead or behind, as dir says), which gives TIMELINE_DONE. */
int timeline_continue_to(struct timeline *tl, enum timeline_direction dir, uint64_t limit,
                         struct timeline_stopped *s, struct error *err);

/* To the very beginning or end: TIMELINE_AT_BEGIN, TIMELINE_AT_END (in a diversion: where the
 * guest stops). */
int timeline_to_begin(struct timeline *tl, struct timeline_stopped *s, struct error *err);
int timeline_to_end(struct timeline *tl, struct timeline_stopped *s, struct error *err);

/* Goes back to the position before the last write (by a processor) to any of `length` bytes at linear
 * `address`, other stop points aside. TIMELINE_WATCHPOINT, or TIMELINE_AT_BEGIN if there was none. */
int timeline_last_write(struct timeline *tl, uint64_t address, uint64_t length, struct timeline_stopped *s,
                        struct error *err);

/* Goes back to the position before the last write to any of `length` bytes at physical `address`, by a
 * processor (through any linear address) or by a device. Writes of page walks (accessed and dirty bits) do
 * not count. A device's write counts as made in the step before or during which it happened. Slower than
 * timeline_last_write() where a device may have written without being noted in the index: those parts have to
 * be run. */
int timeline_last_write_physical(struct timeline *tl, uint64_t address, uint64_t length,
                                 struct timeline_stopped *s, struct error *err);

/* ---------------------------------------------------------------- every step */

/* A step: from `icount` on `cpu`, whose next instruction was at `pc` (linear) before and is at `next` after
 * it. The instruction was executed unless an interrupt or exception was delivered instead. */
struct timeline_trail {
    uint64_t icount;
    unsigned cpu;
    uint64_t pc, next;
};
/* Called after the step: the machine stands behind it. Returns false to end the walk. */
typedef bool timeline_trail_fn(void *ctx, const struct timeline_trail *step);
/* Makes each step with from <= icount < to alone, and calls fn after it. The timeline is left where the walk
 * ends. Cost: below a microsecond a step. */
int timeline_trail(struct timeline *tl, uint64_t from, uint64_t to, timeline_trail_fn *fn, void *ctx,
                   struct error *err);

/* ---------------------------------------------------------------- preparing */

enum { TIMELINE_PREPARED = 16 };

/* Makes states in memory at and before each of these positions (the first TIMELINE_PREPARED of them), in this order,
 * so that a seek to one of them, or a step back from there, takes milliseconds. The position stays. To be called while
 * nothing else is to be done. 1: all is ready (cheap, if it was before); 0: the progress function interrupted it, and
 * the next call goes on from there; -1. In a diversion nothing is to be done. */
int timeline_prepare(struct timeline *tl, const uint64_t *icount, size_t n, struct error *err);

/* Runs one part of the recorded run of which it is not known yet what processors read and wrote there, the nearest before the position
 * first, so that later searches need not; then goes back to the position. To be called while nothing else is to be done. 1: there is no
 * such part; 0: there may be more, also if the progress function interrupted it; -1. Cost: that of 100 M steps. */
int timeline_learn(struct timeline *tl, struct error *err);

/* By default, a seek to a checkpoint of the trace first runs the way before it, so that the first steps back from there
 * are quick. With `on`, it takes the shortest way: for callers that use timeline_prepare. */
void timeline_short_seeks(struct timeline *tl, bool on);

/* ---------------------------------------------------------------- stop points */

enum timeline_stop_kind {
    TS_BREAK_LINEAR,   /* address: linear address of the instruction's first byte (CS base + IP) */
    TS_BREAK_PHYSICAL, /* … physical */
    TS_WATCH_WRITE,
    TS_WATCH_READ,
    TS_WATCH_ACCESS, /* read or write */
    /* Writes to bytes at a physical address, through any linear address, and by devices: see timeline_last_write_physical(). */
    TS_WATCH_WRITE_PHYSICAL,
    TS_EVENT,
};

enum { EVENT_FILTER_CONDITIONS = 4, EVENT_FILTER_NAME = 24, EVENT_FILTER_TEXT = 128 };

/* Selects events: all conditions must hold. All zero: every event. */
struct event_filter {
    uint32_t classes; /* mask of EVENT_CLASS_BIT; 0: any */
    bool one_kind;    /* only this kind: */
    uint16_t kind;
    unsigned n; /* conditions on number fields; an event without a field of that name does not match */
    struct {
        char field[EVENT_FILTER_NAME];
        uint64_t low, high; /* inclusive */
    } condition[EVENT_FILTER_CONDITIONS];
    char text[EVENT_FILTER_TEXT]; /* if not "": the event's data contains this */
};

/* Parses a filter as users write it: a class or kind, then conditions, or a console text.
 *   irq      pio port=0x3f8    pio.write port=0x60..0x64   mmio address=0xfee00000..0xfee00fff
 *   exception vector=14       cpu.mode to=5    process    console:TEXT
 *   firmware.log text=bios (up to the end)    all
 * -1 with err that names the word. */
int event_filter_parse(const char *text, struct event_filter *f, struct error *err);
bool event_filter_matches(const struct event_filter *f, const struct event *ev);
/* The classes whose events can match. */
uint32_t event_filter_classes(const struct event_filter *f);
/* Fits a filter to a record of these classes: the class cpu has cpu.iflag in it if that was recorded. -1 with err if the filter names a class, or a
 * kind of one, that was not: that nothing matches would mean nothing. */
int event_filter_recorded(struct event_filter *f, uint32_t recorded, struct error *err);

struct timeline_stop {
    enum timeline_stop_kind kind;
    uint64_t address;
    uint64_t length;            /* watchpoints: bytes, at least 1; address + length - 1 must not wrap */
    struct event_filter filter; /* TS_EVENT */
};

/* Adds a stop point; *id identifies it (never 0, never reused). -1 if it is malformed or there are too many.
 * Cheap: the engine is updated when it next runs. If the class of an event stop was recorded
 * (trace_config()->classes), the event is found in the record without running anything. Otherwise the run
 * itself is observed; then only the engine's own events are found, not those that an inspector makes (kernel,
 * process and syscall events). */
int timeline_stop_add(struct timeline *tl, const struct timeline_stop *stop, unsigned *id, struct error *err);
/* -1 if there is no such stop point. */
int timeline_stop_remove(struct timeline *tl, unsigned id);
void timeline_stop_clear(struct timeline *tl);
/* The i-th stop point, in the order in which they were added; false beyond the last. `id` may be NULL. */
bool timeline_stop_get(const struct timeline *tl, size_t i, struct timeline_stop *stop, unsigned *id);

/* Whether the breakpoint `id`, which `cpu` (a processor, or ENGINE_TASK and a task) has reached, is hit. It
 * may look at the machine, which stands before the instruction. */
typedef bool timeline_condition_fn(void *ctx, unsigned id, unsigned cpu);
/* From now on movements ask fn about each breakpoint that is reached, in both directions: where it says
 * false, the run goes on as if there were no such stop point. Scans do not ask. NULL: all are hit. Cost of a
 * false answer: about a microsecond. */
void timeline_set_condition(struct timeline *tl, timeline_condition_fn *fn, void *ctx);

/* ---------------------------------------------------------------- all hits */

struct timeline_hit {
    uint64_t icount; /* the step from there on executes the instruction, or makes the access */
    uint64_t time;   /* guest time, ns: at the breakpoint, or after the access */
    unsigned cpu;
    uint64_t pc;      /* linear address of the instruction */
    uint64_t address; /* of the first byte accessed (linear); for a breakpoint, `pc` */
    /* A watchpoint: bytes of its range from `from` on before and after the access, as many as are known; of a
     * range longer than STOP_BYTES those that begin with the first byte accessed. */
    uint64_t from;
    uint8_t before[STOP_BYTES], after[STOP_BYTES];
    unsigned nbefore, nafter;
    /* TS_WATCH_WRITE_PHYSICAL: what was written, and whether by a device: as in struct stop. */
    uint64_t physical, size;
    bool device;
};
/* Leaves only the bytes that changed, and those between them; the first byte, if none did. For a watched
 * range of more than STOP_BYTES, most of which has nothing to do with the access. */
void timeline_hit_trim(struct timeline_hit *hit);
/* Returns false to end the scan. It may look at the machine, which stands before the instruction (breakpoint)
 * or after the access. */
typedef bool timeline_hit_fn(void *ctx, const struct timeline_hit *hit);

/* Calls fn for each hit of `stop` (not TS_EVENT) with from <= icount < to, in order, in the recorded run;
 * other stop points do not count. TIMELINE_DONE, or TIMELINE_INTERRUPTED, at some position. Not in a
 * diversion. */
int timeline_scan(struct timeline *tl, const struct timeline_stop *stop, uint64_t from, uint64_t to,
                  timeline_hit_fn *fn, void *ctx, struct timeline_stopped *s, struct error *err);

/* ---------------------------------------------------------------- looking */

/* The machine where the timeline stands, for core/views and others that only look (core/engine/look.h). It
 * stays valid when the timeline moves, except for `diverted`, for which it must be asked for again. */
struct look timeline_look(const struct timeline *tl);

/* The functions of look.h, by their names. */
static inline unsigned timeline_cpus(const struct timeline *tl)
{
    return look_cpus(timeline_look(tl));
}
static inline bool timeline_has_tasks(const struct timeline *tl)
{
    return look_has_tasks(timeline_look(tl));
}
static inline size_t timeline_tasks(const struct timeline *tl, struct engine_task *list, size_t n)
{
    return look_tasks(timeline_look(tl), list, n);
}
static inline bool timeline_task_steps(const struct timeline *tl, uint32_t task, uint64_t *steps)
{
    return look_task_steps(timeline_look(tl), task, steps);
}
static inline const struct reg_desc *timeline_regs(const struct timeline *tl, size_t *count)
{
    return look_regs(timeline_look(tl), count);
}
static inline int timeline_reg_index(const struct timeline *tl, const char *name)
{
    return look_reg_index(timeline_look(tl), name);
}
static inline int timeline_reg_get(const struct timeline *tl, unsigned cpu, size_t reg, void *value)
{
    return look_reg_get(timeline_look(tl), cpu, reg, value);
}
static inline uint64_t timeline_reg(const struct timeline *tl, unsigned cpu, const char *name)
{
    return look_reg(timeline_look(tl), cpu, name);
}
static inline unsigned timeline_code_bits(const struct timeline *tl, unsigned cpu)
{
    return look_code_bits(timeline_look(tl), cpu);
}
static inline uint64_t timeline_pc(const struct timeline *tl, unsigned cpu)
{
    return look_pc(timeline_look(tl), cpu);
}
static inline size_t timeline_peek(const struct timeline *tl, unsigned cpu, uint64_t linear, void *buf,
                                   size_t n)
{
    return look_peek(timeline_look(tl), cpu, linear, buf, n);
}
static inline size_t timeline_peek_physical(const struct timeline *tl, uint64_t address, void *buf, size_t n)
{
    return look_peek_physical(timeline_look(tl), address, buf, n);
}
/* A place where core/screen/ keeps what it made for this timeline: NULL at first, and given to `release` when the timeline is closed. */
void **timeline_keeps(struct timeline *tl, void (*release)(void *));
/* The display: see engine_ops.display. */
bool timeline_display(const struct timeline *tl, struct display *d, struct display_cell *cells, size_t ncells,
                      uint8_t *rgb, size_t nrgb);

/* The names of the machine's parts ("pic", "cpu0", "lapic0"), in order; false beyond the last. The name is
 * valid until the timeline is closed. */
bool timeline_section_name(struct timeline *tl, size_t i, const char **name);
/* Calls fn for each field of a part: its `count` numbers of `width` bytes, little-endian, at `data`. -1 if
 * there is no such part. */
typedef void timeline_field_fn(void *ctx, const char *name, unsigned width, uint32_t count, const void *data);
int timeline_section(struct timeline *tl, const char *name, timeline_field_fn *fn, void *ctx);
/* Element i of a field of a part ("pic", "chip[0].imr"), of at most 64 bits. False if there is none, and
 * *value is 0. */
bool timeline_field(struct timeline *tl, const char *name, const char *field, uint32_t i, uint64_t *value);
/* A part as text: one line per field, "name  value [value…]", long arrays cut short with "…". To be
 * freed; NULL if there is no such part. */
char *timeline_section_text(struct timeline *tl, const char *name);

/* The hash of the whole state (core/run/state.h): equal to trace_checkpoint.hash at a recorded
 * checkpoint. Never 0. */
uint64_t timeline_hash(struct timeline *tl);

/* ---------------------------------------------------------------- recorded events around the position */

/* The last matching recorded event before the position (icount < position; TIMELINE_BACK), or the first from
 * it on (icount >= position; TIMELINE_FORWARD). Nothing is run and the position does not change. 1: found,
 * *ev (ev->data is valid until the next call) and *number are filled; 0: there is none, or this is a
 * diversion; -1: error. */
int timeline_event_near(struct timeline *tl, enum timeline_direction dir, const struct event_filter *f,
                        struct event *ev, uint64_t *number, struct error *err);

/* ---------------------------------------------------------------- marks */

/* Named positions of this session; they are not written to the trace. Setting a mark that exists moves it. */
int timeline_mark_set(struct timeline *tl, const char *name, uint64_t icount, struct error *err);
int timeline_mark_get(const struct timeline *tl, const char *name, uint64_t *icount); /* -1: no such mark */
int timeline_mark_remove(struct timeline *tl, const char *name);                      /* -1: no such mark */
/* The i-th by position; false beyond the last. The name is valid until marks change. */
bool timeline_mark(const struct timeline *tl, size_t i, const char **name, uint64_t *icount);

/* Parses a position as users write it (core/story/position.h) and resolves it: marks of the session come before
 * those of the trace; relative positions count from the current one. */
int timeline_resolve(struct timeline *tl, const char *text, uint64_t *icount, struct error *err);

/* ---------------------------------------------------------------- diversion */

/* Set a register or memory. This begins a diversion here, unless there is one or nothing was changed. Like
 * the functions of engine_ops, the first returns 0, or -1 if the register cannot be set, and the others
 * return the number of bytes written. */
int timeline_reg_set(struct timeline *tl, unsigned cpu, size_t reg, const void *value);
size_t timeline_poke(struct timeline *tl, unsigned cpu, uint64_t linear, const void *buf, size_t n);
size_t timeline_poke_physical(struct timeline *tl, uint64_t address, const void *buf, size_t n);

/* Gives the guest an input here, in a diversion (which this begins if necessary). Returns the number of bytes
 * taken. The guest can read images only as far as the trace has their content; an access beyond that ends the
 * run with a guest fault that says so. */
uint32_t timeline_input(struct timeline *tl, uint16_t port, const void *data, uint32_t len);
/* Begins a diversion here without changing anything: from now on the recorded inputs no longer apply. */
void timeline_divert(struct timeline *tl);
bool timeline_diverted(const struct timeline *tl);
/* Whether the guest has switched itself off here, in a diversion: it takes no input and cannot go on. */
bool timeline_off(const struct timeline *tl);
/* Goes back to the recorded run, at the position where the diversion left it. Does nothing if there is
 * no diversion. */
int timeline_undivert(struct timeline *tl, struct error *err);

/* As timeline_continue forwards in a diversion, but for a user who types: an idle guest does not skip guest
 * time beyond `time`. There the result is TIMELINE_DONE, with the guest halted and s->time == `time`; *wake
 * is when its next timer is due (UINT64_MAX: none). It is also TIMELINE_DONE after `steps` steps. What the
 * guest prints is passed to the console callback. */
int timeline_live(struct timeline *tl, uint64_t steps, uint64_t time, uint64_t *wake,
                  struct timeline_stopped *s, struct error *err);

/* Writes the diversion up to here as a trace of its own: with the record's inputs before it, then those given
 * in it. For this, all of it is run again from reset, with the trace's classes and settings; progress and
 * interrupts work as for other operations (-1 if interrupted). -1 if a register or memory was changed by
 * hand, since a trace holds only inputs. `path` must not be the open trace. */
int timeline_save_private(struct timeline *tl, const char *path, struct error *err);

/* Sets the function that is called with the bytes that the guest prints on a console device while
 * timeline_live runs (device as in EV_CONSOLE_LINE). It may be NULL. */
void timeline_set_console(struct timeline *tl,
                          void (*fn)(void *ctx, unsigned device, const void *data, size_t n), void *ctx);

#endif

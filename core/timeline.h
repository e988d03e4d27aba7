/* timeline.h - random access to the run of a trace: seek, step, reverse, break, watch, look at everything.
 *
 *   struct timeline *tl = timeline_open("boot.reel", kinds, nkinds, &err);
 *   unsigned id;
 *   timeline_stop_add(tl, &(struct timeline_stop){.kind = TS_BREAK_LINEAR, .address = 0x7c00}, &id, &err);
 *   timeline_continue(tl, TIMELINE_FORWARD, &stopped, &err);
 *   timeline_step(tl, TIMELINE_BACK, 1, &stopped, &err);
 *
 * Positions. A position is an icount; its state is the one when that many steps were first executed, before
 * inputs at it, before guest time passes in a halt there, and before the timers that are due there. One
 * position is exactly one state, whatever way led to it.
 *
 * What happens "at N" happens in the step from N to N + 1: events carry the icount N.
 *
 * Stops, forwards and backwards. Every movement makes at least one step before anything can stop it.
 *   breakpoint   stops at the position before its instruction, both ways. Each iteration of a REP is a step of
 *                its own whose instruction is the REP's: a breakpoint there stops at every iteration. A position
 *                where an interrupt or exception is delivered instead of the instruction is not a hit (the one
 *                after the return is).
 *   watchpoint   forwards stops after the accessing instruction (or REP iteration), backwards before it: the
 *                write is undone. Linear addresses, whatever address space; accesses of processors only, not of
 *                devices (DMA), page walks or instruction fetches. A hit is an access, also if it writes the
 *                value that is there.
 *   event stop   forwards stops at N + 1, backwards at N, N being the event's icount (see `filter`).
 * So going forward and then back with the same stop meets the same happening; and again.
 *
 * Ends. Backwards the run begins at 0 (TIMELINE_AT_BEGIN), forwards it ends where the record ends
 * (TIMELINE_AT_END).
 *
 * Diversion. Setting a register, poking memory or giving an input forks a private run off at the present
 * position: the record's inputs no longer apply, its events and checkpoints neither, and it may go on beyond
 * the record's end. All operations work in it as well; backwards it begins at its last change by hand (inputs
 * given do not count: they are made again when it is re-run). timeline_undivert() goes back to the recorded
 * run, at the position of the fork. The trace is only ever read.
 *
 * Any number of timelines, of one trace or several, can be open. One thread at a time uses a timeline, but
 * for timeline_interrupt(). Functions that can fail return -1 and fill `err`; the timeline stays usable and
 * stands at some position (see timeline_where).
 */
#ifndef BOOTREEL_CORE_TIMELINE_H
#define BOOTREEL_CORE_TIMELINE_H

#include "core/engines.h"
#include "traces/trace.h"

struct timeline;

/* ---------------------------------------------------------------- opening */

/* Opens the trace and builds the engine of the kind it names (one of `kinds`); stands at icount 0. NULL on
 * error. The kinds must outlive the timeline. */
struct timeline *timeline_open(const char *path, const struct engine_kind *const *kinds, size_t nkinds,
                               struct error *err);
/* The same of a trace that is open already; it must stay open until timeline_close and must not be used by
 * anyone else meanwhile but in the same thread. */
struct timeline *timeline_open_trace(struct trace *t, const struct engine_kind *kind, struct error *err);
void timeline_close(struct timeline *tl); /* NULL is allowed */

/* The trace: for its configuration, events, stages, notes, and position_resolve(). Cursors may
 * be opened on it. */
struct trace *timeline_trace(struct timeline *tl);
/* The kind of engine that it runs. */
const struct engine_kind *timeline_kind(const struct timeline *tl);

/* One line if the trace was recorded by another behaviour version of the engine (the replay may
 * differ); else "". */
const char *timeline_warning(const struct timeline *tl);

/* Memory for checkpoints kept in memory, in bytes. The default keeps the whole of a session below guest
 * memory + 1 GiB. Applied at once. Little memory costs time only. */
#define TIMELINE_MEMORY (640ull << 20)
void timeline_set_budget(struct timeline *tl, uint64_t bytes);

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
    bool diverted; /* in a private run … */
    uint64_t fork; /* … that left the record at this icount */
    /* The processor whose turn it is: it made the step to here, and makes the next unless its turn ends. */
    unsigned cpu;
};
void timeline_where(const struct timeline *tl, struct timeline_where *w);
uint64_t timeline_icount(const struct timeline *tl);

/* ---------------------------------------------------------------- long operations */

struct timeline_progress {
    uint64_t icount;   /* where the engine is */
    uint64_t from, to; /* the operation began at `from`; it is done at the latest at `to` */
    uint64_t examined; /* steps of the way from `from` to `to` that are dealt with */
    bool back;
};

/* Called now and then during an operation that runs for long (every few ms to tens of ms). Returns false to
 * interrupt the operation. It must not call into the timeline but timeline_interrupt. NULL: none. */
typedef bool timeline_progress_fn(void *ctx, const struct timeline_progress *p);
void timeline_set_progress(struct timeline *tl, timeline_progress_fn *fn, void *ctx);

/* Makes the operation that is under way, or else the next one, stop soon with TIMELINE_INTERRUPTED.
 * Async-signal-safe; from any thread. */
void timeline_interrupt(struct timeline *tl);
/* Forgets an interrupt that came between two operations. */
void timeline_interrupt_clear(struct timeline *tl);

/* ---------------------------------------------------------------- moving */

enum timeline_direction { TIMELINE_FORWARD, TIMELINE_BACK };

enum timeline_reason {
    TIMELINE_DONE,        /* as many steps as asked for, or the position asked for */
    TIMELINE_BREAKPOINT,  /* `id`, `address`: of the instruction (linear) */
    TIMELINE_WATCHPOINT,  /* `id`, `address`: of the first byte accessed (linear), `watched`: the stop point's
                             address */
    TIMELINE_EVENT,       /* `id`, `event` */
    TIMELINE_AT_BEGIN,    /* icount 0 (or the beginning of the diversion): no more history */
    TIMELINE_AT_END,      /* the end of the record */
    TIMELINE_INTERRUPTED, /* stands somewhere on the way: going back, as far back as is known to have no hit
                           */
    TIMELINE_ENDED, /* the guest stopped: `engine` says how (power-off, halted for good, guest fault). Only in
                     * a diversion, or if the replay goes another way than the record; `text` */
};

struct timeline_stopped {
    enum timeline_reason reason;
    unsigned id;         /* the stop point's */
    enum stop_kind kind; /* TIMELINE_WATCHPOINT: STOPS_WRITE, STOPS_READ or STOPS_ACCESS, as it was set */
    uint64_t icount;     /* where it stands now */
    uint64_t time;
    unsigned cpu;
    uint64_t address;
    uint64_t watched;
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

/* Runs until a stop point, an end or an interrupt. */
int timeline_continue(struct timeline *tl, enum timeline_direction dir, struct timeline_stopped *s,
                      struct error *err);
/* The same up to the n-th hit (n > 0); *hits (may be NULL) is how many there were. "Run
 * backwards N times." */
int timeline_continue_n(struct timeline *tl, enum timeline_direction dir, uint64_t n, uint64_t *hits,
                        struct timeline_stopped *s, struct error *err);
/* As timeline_continue, but at most to `limit` (ahead or behind, as dir says): there TIMELINE_DONE. */
int timeline_continue_to(struct timeline *tl, enum timeline_direction dir, uint64_t limit,
                         struct timeline_stopped *s, struct error *err);

/* To the very beginning or end: TIMELINE_AT_BEGIN, TIMELINE_AT_END (in a diversion: where the
 * guest stops). */
int timeline_to_begin(struct timeline *tl, struct timeline_stopped *s, struct error *err);
int timeline_to_end(struct timeline *tl, struct timeline_stopped *s, struct error *err);

/* Goes back to before the last write (by a processor) to any of `length` bytes at linear `address`, other
 * stop points aside. TIMELINE_WATCHPOINT, or TIMELINE_AT_BEGIN if there was none. */
int timeline_last_write(struct timeline *tl, uint64_t address, uint64_t length, struct timeline_stopped *s,
                        struct error *err);

/* ---------------------------------------------------------------- stop points */

enum timeline_stop_kind {
    TS_BREAK_LINEAR,   /* address: linear address of the instruction's first byte (CS base + IP) */
    TS_BREAK_PHYSICAL, /* … physical */
    TS_WATCH_WRITE,
    TS_WATCH_READ,
    TS_WATCH_ACCESS, /* read or write */
    TS_EVENT,
};

enum { EVENT_FILTER_CONDITIONS = 4, EVENT_FILTER_NAME = 24, EVENT_FILTER_TEXT = 128 };

/* Which events: all conditions hold. Zeroed: every event. */
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

/* Parses what people write: a class or kind, then conditions, or a console text.
 *   irq      pio port=0x3f8    pio.write port=0x60..0x64   mmio address=0xfee00000..0xfee00fff
 *   exception vector=14       cpu.mode to=5    process    console:TEXT
 *   firmware.log text=bios (up to the end)    all
 * -1 with err that names the word. */
int event_filter_parse(const char *text, struct event_filter *f, struct error *err);
bool event_filter_matches(const struct event_filter *f, const struct event *ev);
/* The classes of which events can match. */
uint32_t event_filter_classes(const struct event_filter *f);

struct timeline_stop {
    enum timeline_stop_kind kind;
    uint64_t address;
    uint64_t length;            /* watchpoints: bytes, at least 1; address + length - 1 must not wrap */
    struct event_filter filter; /* TS_EVENT */
};

/* Adds a stop point; *id names it (never 0, not used again). -1: nonsense in it, or too many. Cheap: the
 * engine is told when it next runs. If the class of an event stop was recorded (trace_config()->classes), the
 * record is the index and nothing needs to be run to find it; else the run itself is observed: then only what
 * the engine reports by itself is seen, not what an inspector reads out of the guest (kernel, process and
 * syscall events). */
int timeline_stop_add(struct timeline *tl, const struct timeline_stop *stop, unsigned *id, struct error *err);
/* -1 if there is no such stop point. */
int timeline_stop_remove(struct timeline *tl, unsigned id);
void timeline_stop_clear(struct timeline *tl);
/* The i-th of them in the order of adding; false beyond the last. `id` may be NULL. */
bool timeline_stop_get(const struct timeline *tl, size_t i, struct timeline_stop *stop, unsigned *id);

/* ---------------------------------------------------------------- looking */

/* As the functions of struct engine_ops; see there. No side effects; the position stays. */
unsigned timeline_cpus(const struct timeline *tl);
const struct reg_desc *timeline_regs(const struct timeline *tl, size_t *count);
/* Index of a register, or -1. */
int timeline_reg_index(const struct timeline *tl, const char *name);
int timeline_reg_get(const struct timeline *tl, unsigned cpu, size_t reg, void *value);
/* By name, as a number (the low 64 bits); 0 if there is no such register. */
uint64_t timeline_reg(const struct timeline *tl, unsigned cpu, const char *name);
unsigned timeline_code_bits(const struct timeline *tl, unsigned cpu);
/* Linear address of the next instruction (CS base + IP). */
uint64_t timeline_pc(const struct timeline *tl, unsigned cpu);
size_t timeline_peek(const struct timeline *tl, unsigned cpu, uint64_t linear, void *buf, size_t n);
size_t timeline_peek_physical(const struct timeline *tl, uint64_t address, void *buf, size_t n);
/* The screen as text; see engine_ops.screen. */
size_t timeline_screen(const struct timeline *tl, char *buf, size_t size);
/* The display: see engine_ops.display. */
bool timeline_display(const struct timeline *tl, struct display *d, struct display_cell *cells, size_t ncells,
                      uint8_t *rgb, size_t nrgb);

/* The machine's parts by name ("pic", "cpu0", "lapic0"), in their order; false beyond the last. The name is
 * valid until the timeline is closed. */
bool timeline_section_name(struct timeline *tl, size_t i, const char **name);
/* Calls fn for each field of a part: its `count` numbers of `width` bytes, little-endian, at `data`. -1 if
 * there is no such part. */
typedef void timeline_field_fn(void *ctx, const char *name, unsigned width, uint32_t count, const void *data);
int timeline_section(struct timeline *tl, const char *name, timeline_field_fn *fn, void *ctx);
/* A part as text: a line a field, "name  value [value…]", long runs of bytes cut with "…". To be freed; NULL
 * if there is no such part. */
char *timeline_section_text(struct timeline *tl, const char *name);

/* The hash of the whole state (core/state.h): equal to trace_checkpoint.hash at a recorded
 * checkpoint. Never 0. */
uint64_t timeline_hash(struct timeline *tl);

/* ---------------------------------------------------------------- recorded events around the position */

/* The last recorded event that matches before here (icount < position; TIMELINE_BACK), or the first from here
 * on (icount >= position; TIMELINE_FORWARD). Nothing is run and the position stays. 1: found, *ev filled
 * (ev->data is valid until the next call) and *number; 0: none; -1: error. Not in a diversion (0). */
int timeline_event_near(struct timeline *tl, enum timeline_direction dir, const struct event_filter *f,
                        struct event *ev, uint64_t *number, struct error *err);

/* ---------------------------------------------------------------- marks */

/* Named positions of this session; they are not written to the trace. Setting one that exists moves it. */
int timeline_mark_set(struct timeline *tl, const char *name, uint64_t icount, struct error *err);
int timeline_mark_get(const struct timeline *tl, const char *name, uint64_t *icount); /* -1: no such mark */
int timeline_mark_remove(struct timeline *tl, const char *name);                      /* -1: no such mark */
/* The i-th by position; false beyond the last. The name is valid until marks change. */
bool timeline_mark(const struct timeline *tl, size_t i, const char **name, uint64_t *icount);

/* Parses a position as people write it (core/position.h) and resolves it here: marks of the session come
 * before those of the trace; relative ones count from the present position. */
int timeline_resolve(struct timeline *tl, const char *text, uint64_t *icount, struct error *err);

/* ---------------------------------------------------------------- diversion */

/* Set a register or memory: forks a private run here if none is under way. As the functions of engine_ops: -1
 * if the register cannot be set; bytes done. Nothing forks if nothing was changed. */
int timeline_reg_set(struct timeline *tl, unsigned cpu, size_t reg, const void *value);
size_t timeline_poke(struct timeline *tl, unsigned cpu, uint64_t linear, const void *buf, size_t n);
size_t timeline_poke_physical(struct timeline *tl, uint64_t address, const void *buf, size_t n);

/* Gives the guest an input here, in a diversion (forks one if need be): "go live". Returns the bytes taken.
 * Images can be read as far as the trace has their content; beyond that the guest's access ends the run with
 * a guest fault that says so. */
uint32_t timeline_input(struct timeline *tl, uint16_t port, const void *data, uint32_t len);
/* Forks a private run here without changing anything: from now on the guest goes on by itself. */
void timeline_divert(struct timeline *tl);
bool timeline_diverted(const struct timeline *tl);
/* The guest has switched itself off here, in a diversion: it takes no input, and nothing goes on. */
bool timeline_off(const struct timeline *tl);
/* Back to the recorded run, at the position where it was left. Nothing happens if there is no diversion. */
int timeline_undivert(struct timeline *tl, struct error *err);

/* Live: as timeline_continue forwards in a diversion, but an idle guest does not skip guest time beyond
 * `time`: then TIMELINE_DONE, with the guest halted and stopped->time == `time`; *wake is when its next
 * timer is due (UINT64_MAX: none). Also TIMELINE_DONE after `steps` steps. What it prints goes to the
 * console callback. */
int timeline_live(struct timeline *tl, uint64_t steps, uint64_t time, uint64_t *wake,
                  struct timeline_stopped *s, struct error *err);

/* Writes the private run up to here as a trace of its own: the record's inputs before the fork, then those
 * given. The whole of it is run again for that, from reset, with the trace's classes and settings (progress
 * and interrupts as everywhere; interrupted, -1). -1 if a register or memory was changed by hand: a trace
 * holds inputs only. `path` must not be the trace that is open. */
int timeline_save_private(struct timeline *tl, const char *path, struct error *err);

/* Bytes that the guest prints on a console device while timeline_live runs (device as in EV_CONSOLE_LINE).
 * NULL: nobody. */
void timeline_set_console(struct timeline *tl,
                          void (*fn)(void *ctx, unsigned device, const void *data, size_t n), void *ctx);

#endif

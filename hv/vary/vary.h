/* vary.h - choices that a real machine leaves open: how long a processor runs before another one does, how late an interrupt or a disk
 * is, what memory holds at power-on. Without variation the machine always makes the plain choice.
 *
 * A choice has a kind, a key (a processor and an ordinal) and a value. Where it comes from:
 *   - the schedule, a list of choices in the configuration, if it has one with that key;
 *   - else the seed, if the kind is varied: a function of seed, kind and key;
 *   - else it is plain.
 * So the only state are the ordinals. With a schedule and a seed, the seed decides from the end of the schedule on.
 *
 * Besides, errors=disk makes reads of a sector fail, and errors=nvram writes of flash. That is no choice: it is the same with each seed and
 * schedule. errors=call is the
 * recorder's, which knows functions: it gives the machine an input (INPUT_RETURN) that says where one returns.
 *
 * Settings of the configuration:
 *   vary        kinds and their bounds: "turns,irq=max:500ns", and errors: "errors=disk,lba=5,count=2" (vary_check)
 *   vary-seed   a number
 *   vary-from   the icount from which on anything is varied
 *   vary-from-time  the guest time from which on, in ns
 *   schedule    choices, separated by ';' or line ends (vary_schedule_check)
 */
#ifndef BOOTREEL_HV_VARY_VARY_H
#define BOOTREEL_HV_VARY_VARY_H

#include "core/engine/engine.h"

enum vary_kind {
    VARY_TURNS, /* when a processor's turn ends, and which one is next; ordinal: its own steps; value: the next processor */
    VARY_WAKEUPS, /* which one runs when a processor halts; likewise */
    VARY_TIMERS,  /* all processors stand still after a write to a device; ns */
    VARY_IRQ,     /* a processor's interrupt line rises later; ns */
    VARY_DISK,    /* a command of a drive takes longer; ns */
    VARY_MEMORY,  /* content of RAM at power-on; enum vary_memory, or more */
    VARY_RTC,     /* the date at power-on: 1 + an index of vary_date() */
    VARY_TSC, /* the time-stamp counter at reset; ordinal 0: of all processors; 1 + n: what processor n has beyond that */
    VARY_USB, /* a device on USB is connected so many ns after a reset; ordinal: the device */
    VARY_KINDS
};

enum vary_memory { MEMORY_ZEROS, MEMORY_ONES, MEMORY_STRIPES, MEMORY_RANDOM };

struct vary;

/* *v is NULL if the configuration varies nothing. -1 with err if it cannot be read. */
int vary_create(const struct engine_config *cfg, struct vary **v, struct error *err);
void vary_free(struct vary *v); /* NULL is allowed */
/* How it learns what guest time it is at a position that is reached now, in ns; before anything is chosen. */
void vary_clock(struct vary *v, uint64_t (*time_at)(void *ctx, uint64_t icount), void *ctx);
/* Whether the texts are valid settings; NULL is. -1 with err, which names the word. */
int vary_check(const char *kinds, struct error *err);
int vary_schedule_check(const char *schedule, struct error *err);
const char *vary_kind_name(enum vary_kind k);

/* Its state: the section "vary". */
extern const struct field vary_fields[];
extern const size_t vary_nfields;
size_t vary_size(void);

/* Its state besides, if turns are varied at functions only: the section "windows". */
extern const struct field vary_windows_fields[];
extern const size_t vary_windows_nfields;
bool vary_has_windows(const struct vary *v);
/* The functions at which `kinds`, which is valid, varies turns: at most ENGINE_TURNS_AT. */
size_t vary_turns_at(const char *kinds, struct engine_function list[ENGINE_TURNS_AT]);

/* Its state besides, if it has errors: the section "errors". */
extern const struct field vary_errors_fields[];
extern const size_t vary_errors_nfields;
bool vary_has_errors(const struct vary *v);
/* Whether the word up to a comma or '=' begins a kind, or errors. */
bool vary_begins(const char *word);
/* Its state besides, if writes of flash fail: the section "nvram". */
extern const struct field vary_nvram_fields[];
extern const size_t vary_nvram_nfields;
bool vary_has_nvram_errors(const struct vary *v);
/* The calls that `kinds`, which is valid, makes fail: at most ENGINE_CALL_ERRORS. */
size_t vary_calls(const char *kinds, struct engine_call_error list[ENGINE_CALL_ERRORS]);
/* The words of `kinds` that are the same with each seed (errors), or NULL if there are none. The caller frees it. `kinds` is valid. */
char *vary_fixed(const char *kinds);

/* A drive ("disk0") reads n bytes from `offset` on: where the first sector begins that cannot be read, or UINT64_MAX. One call a read, as
 * it is counted. `v` may be NULL. */
uint64_t vary_read_error(struct vary *v, const char *drive, uint64_t icount, uint64_t offset, uint64_t n);

/* n bytes of flash are programmed or erased: whether that fails, and whether right behind the one that failed last (*again). One call an
 * operation, as it is counted. `v` may be NULL. */
bool vary_flash_error(struct vary *v, uint64_t icount, uint64_t offset, uint64_t n, bool *again);

/* Whether choices of the kind may be made at all. `v` may be NULL. */
bool vary_has(const struct vary *v, enum vary_kind k);
/* While it is quiet nothing is varied or counted: firmware that runs before the recording. */
void vary_quiet(struct vary *v, bool on);
/* From now on the choices follow from another seed. Only before the first one. */
void vary_reseed(struct vary *v, uint64_t seed);
/* From now on `seen` is called for each choice that is not the plain one. */
void vary_observe(struct vary *v, void (*seen)(void *ctx, const struct engine_choice *c), void *ctx);

/* The next choice of the kind, at a position: 0 is the plain one. For all kinds with an ordinal; `v` may be NULL. */
uint64_t vary_choose(struct vary *v, enum vary_kind k, uint64_t icount);
/* A choice of a kind that is made at power-on or reset. */
uint64_t vary_choose_at(struct vary *v, enum vary_kind k, uint64_t ordinal);
/* "2038-01-19T03:13:50", or NULL for the value 0. */
const char *vary_date(uint64_t value);
/* Fills a page as VARY_MEMORY's value says. */
void vary_memory(uint64_t value, uint8_t *bytes, size_t n);

/* ---- turns.c ---- */

/* A processor begins a turn of at most `plain` steps: returns how many it has. `alone`: all others sleep; then it is plain. */
uint32_t vary_turn(struct vary *v, unsigned cpu, uint64_t icount, uint32_t plain, bool alone);
/* It enters one of the functions of turns=at. False if turns are not varied so. */
bool vary_enters(struct vary *v, unsigned cpu);
/* It has executed n steps. */
void vary_ran(struct vary *v, unsigned cpu, uint64_t n);
/* Its turn ended here: decides which processor is next. `sleeps`: a bit for each that sleeps. */
void vary_turn_ended(struct vary *v, unsigned cpu, uint64_t icount, unsigned cpus, uint64_t sleeps);
/* The processor decided on. */
unsigned vary_turn_next(const struct vary *v);
/* Its turn ended early, as it waits in a loop. */
void vary_yields(struct vary *v, unsigned cpu);
/* The processor halts: the first to be tried. */
unsigned vary_wakes(const struct vary *v, unsigned cpu, uint64_t icount, unsigned cpus);
/* … and that one ran. */
void vary_woke(struct vary *v, unsigned cpu, uint64_t icount, unsigned woken, unsigned cpus);
/* What is undone if a processor had no step in a turn. */
struct vary_turn_state {
    uint64_t cut; /* its own step at which the turn ends by choice; UINT64_MAX: none */
    uint32_t next;
    uint8_t alone;
};
struct vary_turn_state *vary_turn_state(struct vary *v);

#endif

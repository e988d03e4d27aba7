/* machine_impl.h - the state of a PC, and what its files share. Private to hv/. */
#ifndef BOOTREEL_HV_MACHINE_IMPL_H
#define BOOTREEL_HV_MACHINE_IMPL_H

#include "hv/board/board.h"
#include "hv/hv.h"
#include "hv/load/load.h"
#include "hv/services.h"
#include "hv/vary/vary.h"
#include "hv/x86/base.h"
#include "hv/x86/x86.h"

/* Nanoseconds of guest time. */
enum { NS_PER_STEP = 1 };

/* With several processors: one that waits in a loop has short turns. */
struct pc_waiting {
    uint64_t from;  /* icount at which the turn began */
    uint32_t turns; /* how many in a row were spent waiting */
    uint8_t paused; /* a PAUSE was seen in this turn */
};

struct pc {
    struct engine engine;
    struct engine_base base;
    struct engine_config config;
    bool domain; /* an HVM domain: hvmloader is its first code */
    struct board *board;
    struct vary *vary; /* NULL: nothing is varied */
    struct x86 *cpu;   /* whose turn it is */
    /* state */
    uint64_t icount, skipped;
    uint32_t turn, turn_left; /* with several processors: which one runs, and for how many more steps */
    struct pc_waiting waiting;
    uint8_t fresh; /* no step was made since reset: the reset vector has yet to be reported */
    /* how often 7C00h was reached since the reset; see boot_sector_marked() */
    uint8_t loader_entered;
    uint64_t loader_sum;      /* of the 512 bytes at 7C00h when a boot sector was last entered */
    uint8_t direct;           /* an image was loaded directly */
    struct services services; /* BIOS service calls in progress */
    /* not state */
    uint64_t switches; /* since pc_touched(): changes from one processor to another */
    uint64_t accesses; /* of the board at pc_touched() */
    void (*flow)(void *ctx, const struct engine_flow *flow); /* pc_flows() */
    void *flow_ctx;
    void (*code)(void *ctx, const struct engine_code *code); /* pc_codes() */
    void *code_ctx;
    struct field_table services_fields;
    struct load_result loaded;
    bool boot_sector_marked; /* the mark at 7C00h is among the active stops */
    bool reset_told;         /* a run ended before the reset that is asked for */
    bool running;
};

/* ---------------------------------------------------------------- turns.c */

enum { PC_TURN_MOST = 8000 + (1 << 13) }; /* steps */
/* The processor begins a turn. */
void pc_take_turn(struct pc *pc, unsigned cpu);
/* Runs the processor whose turn it is, or another one if that is over or it halts, for at most n steps. */
enum x86_exit pc_run_turn(struct pc *pc, uint64_t n);

/* ---------------------------------------------------------------- returns.c */

/* INPUT_TURNS (turns.c). Returns how many bytes are taken: all, or 0. */
uint32_t pc_enters(struct pc *pc, const struct input *in);
/* INPUT_RETURN. Returns how many bytes are taken: all, or 0. */
uint32_t pc_return(struct pc *pc, const struct input *in);

/* ---------------------------------------------------------------- stops.c */

void pc_report(struct pc *pc, struct event *ev);
/* Reports the first step after a reset, or at an image that was loaded directly. */
void pc_report_start(struct pc *pc);
/* The board's hook: a boot sector was read. From INT 19h on, until one is entered, firmware is trying that
 * device. (Before INT 19h its POST only looks at what is there: SeaBIOS reads a CD's descriptor.) Afterwards
 * it is another boot sector, which may be entered as well. */
void pc_boot_sector_read(void *ctx, unsigned drive);
/* Whether entering a boot sector is to be reported; if not, the mark is not set. */
bool pc_boot_sector_marked(const struct pc *pc);
/* Activates the stops: the marks of a PC, and the user's. */
void pc_set_stops(struct pc *pc);
/* A mark was reached: engine_parts.mark. */
void pc_mark_reached(void *ctx, unsigned id);
/* engine_ops.flows, engine_ops.codes. */
void pc_codes(struct engine *e, void (*seen)(void *ctx, const struct engine_code *code), void *ctx);
void pc_flows(struct engine *e, void (*seen)(void *ctx, const struct engine_flow *flow), void *ctx);

#endif

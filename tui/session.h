/* session.h - a person's session on a trace: its position and history, its moves, its stop points and what it
 * remembers. It knows nothing of screens. Private to tui/.
 *
 * A move returns MOVE_DONE if it reached its target, MOVE_STOPPED if something else ended it (`text` says
 * what), or MOVE_FAILED if it could not be made. Long moves call `busy`; if that returns false they end where
 * they are.
 */
#ifndef BOOTREEL_TUI_SESSION_H
#define BOOTREEL_TUI_SESSION_H

#include "core/story/explain.h"
#include "core/story/running.h"
#include "core/timeline/recorded_types.h"
#include "core/timeline/timeline.h"
#include "core/views/calls.h"
#include "core/views/views.h"
#include "tui/story.h"

enum move { MOVE_DONE, MOVE_STOPPED, MOVE_FAILED };

enum { SESSION_REGS_MAX = 160, SESSION_HISTORY = 200, SESSION_WORDS = 400 };

struct session_register {
    uint8_t now[16], before[16]; /* here, and at the last stop */
};

struct session {
    char *path;
    struct trace *t;
    struct timeline *tl;
    struct trace_explainer *explainer;
    struct story *story;
    struct kernel_types *types;            /* read when first asked for */
    struct kernel_types_other types_other; /* of another guest */
    bool types_asked;
    struct view_orc *orc;
    struct view_calls *calls;
    uint64_t calls_epoch; /* of the task whose programs `calls` has */
    struct timeline_where
        where;           /* its cpu is the one that is shown: the one whose turn it is, or a chosen one */
    unsigned chosen_cpu; /* + 1, or 0 for none */
    uint64_t last_stop;  /* the position before the last move */
    uint64_t identity;   /* identifies the trace, whatever its name */
    uint64_t epoch;      /* raised by each move */
    char text[SESSION_WORDS]; /* message of the last move, or "" */
    struct session_register reg[SESSION_REGS_MAX];
    struct processes *processes;
    struct running running; /* at that epoch, by these symbols */
    uint64_t running_epoch;
    const struct symbols *running_symbols;
    struct {
        uint64_t list[SESSION_HISTORY];
        size_t n, at; /* list[at] is the present position, if at < n */
    } history;
    bool (*busy)(void *ctx, const struct timeline_progress *p);
    void *busy_ctx;
};

/* The kinds must outlive the session. */
struct debug_info;
struct session *session_open(const char *path, const struct engine_kind *const *kinds, size_t nkinds,
                             struct debug_info *debug, struct error *err);
void session_close(struct session *s); /* NULL is allowed */

/* ---- moving ---- */
enum move session_seek(struct session *s, uint64_t icount);
enum move session_go(struct session *s, const char *position);
enum move session_step(struct session *s, enum timeline_direction dir, uint64_t n);
/* Makes a step; a call, software interrupt or repeated instruction is executed as a whole. */
enum move session_over(struct session *s, enum timeline_direction dir);
/* Goes to after the current function's return; backwards, to before its call. */
enum move session_out(struct session *s, enum timeline_direction dir);
/* Runs to the next breakpoint or watchpoint. */
enum move session_continue(struct session *s, enum timeline_direction dir);
enum move session_event(struct session *s, enum timeline_direction dir, const struct event_filter *f);
enum move session_stage(struct session *s, enum timeline_direction dir);
/* Finds the nearest recorded event that matches and is not at this position. `words` (SESSION_WORDS bytes) gets its
 * text, and may be NULL; ev->data is not valid. 1; 0 if there is none; -1. */
int session_near(struct session *s, enum timeline_direction dir, const struct event_filter *f,
                 struct event *ev, char *words);
/* The stage that begins next, or the last that began before here; NULL if there is none. */
const struct stage *session_near_stage(struct session *s, enum timeline_direction dir);
/* Goes to where the register's value changes: by events that report the register if there are any, otherwise
 * step by step. */
enum move session_register(struct session *s, enum timeline_direction dir, const char *name);
/* Goes to where the bytes change. */
enum move session_memory(struct session *s, enum timeline_direction dir, uint64_t address, uint64_t length,
                         bool physical);
/* Goes to before the last write to any of the bytes; at a physical address, by a device as well. */
enum move session_writer(struct session *s, uint64_t address, uint64_t length, bool physical);
/* Finds all executions (TS_BREAK_LINEAR) or writes in the record, and makes marks "find:1" … of the first of
 * them, instead of those of the last time. s->text says how many there are. -1 with err; otherwise the
 * position stays. */
enum { SESSION_FOUND = 200 };
int session_find(struct session *s, enum timeline_stop_kind kind, uint64_t address, uint64_t length,
                 struct error *err);
/* Whether a mark of this name is one that session_find made. */
bool session_is_found(const char *mark);
/* Goes back to the session's position after somebody else moved the timeline; this cannot be interrupted. -1
 * with err. */
int session_return(struct session *s, struct error *err);
enum move session_history(struct session *s, enum timeline_direction dir);
/* To be called after the state was changed other than by a move (a diversion): reads it again. */
void session_look(struct session *s);
/* Makes this position the first one: there is nothing to go back to, and nothing has changed. */
void session_begins_here(struct session *s);
/* Sends the timeline's progress to `busy` again, after somebody else took it. */
void session_progress_again(struct session *s);

/* ---- looking ---- */
/* The position in the record: in a diversion, where it began. */
uint64_t session_recorded(const struct session *s);
/* Whether that lies ahead, so that lists show it dim. At the very beginning all does, and nothing is dim. */
bool session_ahead(const struct session *s, uint64_t icount);
const char *session_stage_path(struct session *s, uint64_t icount, char *buf, size_t size);
/* Whose code the shown processor executes, and the space of it, for symbols. */
const struct running *session_running(struct session *s);
symbol_space session_space(struct session *s);
/* "name+0x12", or "" if nothing is known of the address. */
const char *session_symbol(struct session *s, uint64_t linear, char *buf, size_t size);
/* The calls in progress of the shown processor, as view_frames; down into the program, by its file in the
 * page cache. */
size_t session_frames(struct session *s, struct view_frame *frame, size_t max);
/* The symbols that say most about code at an address in these calls; NULL if there are none. */
const struct symbols *session_frame_symbols(struct session *s, uint64_t pc);
/* The types of the Linux kernel; NULL if they cannot be read, or symbols are not ready. Cost at first: a
 * tenth of a second. */
const struct kernel_types *session_types(struct session *s);
/* Looks up a member expression in the kernel's types, as kernel_types_place. */
int session_place(struct session *s, const char *text, struct types_place *place, struct error *err);
/* Parses a member expression, a hexadecimal number, SEGMENT:OFFSET, a register or a symbol (registers and symbols take
 * precedence), and + or - another of these. */
int session_address(struct session *s, const char *text, uint64_t *linear, struct error *err);
/* The processes at this position, or NULL if the trace reports none. */
const struct processes *session_processes(struct session *s);
bool session_changed(const struct session *s, size_t reg);
/* The stop point of that kind at an address, or 0 if there is none. */
unsigned session_stop_at(const struct session *s, enum timeline_stop_kind kind, uint64_t address);
/* What a stop point of this kind is called: "breakpoint", "watchpoint", "read watchpoint". */
const char *session_stop_word(enum timeline_stop_kind kind);
bool session_stop_is_physical(enum timeline_stop_kind kind);
/* Reads memory at a linear address of the shown processor, or at a physical one. Returns how many bytes were read. */
size_t session_peek(const struct session *s, uint64_t address, bool physical, void *buf, size_t n);
int session_stop_toggle(struct session *s, enum timeline_stop_kind kind, uint64_t address, uint64_t length);

/* ---- what is kept from session to session, in a folder, under the trace's identity (config.c) ---- */
/* Sets the kept marks. Returns true, with *icount, if a position was kept. */
bool session_recall(struct session *s, const char *folder, uint64_t *icount);
int session_remember(struct session *s, const char *folder, struct error *err);

#endif

/* session.h - a person's session on a trace: where it stands and was before, how it moves, what it stops at,
 * what it remembers. Knows nothing of screens. Private to tui/.
 *
 * Moves return MOVE_DONE if they stand where they were to go, MOVE_STOPPED if something else ended them
 * (`text` says what), MOVE_FAILED if they could not be made. Long ones call `busy`; if that returns false
 * they end where they are.
 */
#ifndef BOOTREEL_TUI_SESSION_H
#define BOOTREEL_TUI_SESSION_H

#include "core/explain.h"
#include "core/processes.h"
#include "core/timeline.h"
#include "core/views.h"
#include "tui/story.h"

enum move { MOVE_DONE, MOVE_STOPPED, MOVE_FAILED };

enum { SESSION_REGS_MAX = 160, SESSION_HISTORY = 200 };

struct session_register {
    uint8_t now[16], before[16]; /* here, and at the last stop */
};

struct session {
    char *path;
    struct trace *t;
    struct timeline *tl;
    struct trace_explainer *explainer;
    struct story *story;
    struct timeline_where where; /* its cpu is the one that is looked at: whose turn it is, or a chosen one */
    unsigned chosen_cpu;         /* + 1; 0: none */
    uint64_t last_stop;          /* the position before the last move */
    uint64_t identity;           /* of the trace, whatever its name */
    uint64_t epoch;              /* raised by each move */
    char text[400];              /* of the last move, for people; "" */
    struct session_register reg[SESSION_REGS_MAX];
    struct processes *processes; /* at processes_at */
    uint64_t processes_at;
    struct {
        uint64_t list[SESSION_HISTORY];
        size_t n, at; /* list[at] is where it stands, if at < n */
    } history;
    bool (*busy)(void *ctx, const struct timeline_progress *p);
    void *busy_ctx;
};

/* The kinds must outlive it. `changed` as in story_begin. */
struct session *session_open(const char *path, const struct engine_kind *const *kinds, size_t nkinds,
                             void (*changed)(void *ctx), void *ctx, struct error *err);
void session_close(struct session *s); /* NULL is allowed */

/* ---- moving ---- */
enum move session_seek(struct session *s, uint64_t icount);
enum move session_go(struct session *s, const char *position);
enum move session_step(struct session *s, enum timeline_direction dir, uint64_t n);
/* A step, but a call, software interrupt or repeated instruction as a whole. */
enum move session_over(struct session *s, enum timeline_direction dir);
/* To after the present function's return; back: to before the call of it. */
enum move session_out(struct session *s, enum timeline_direction dir);
/* To the next breakpoint or watchpoint. */
enum move session_continue(struct session *s, enum timeline_direction dir);
enum move session_event(struct session *s, enum timeline_direction dir, const struct event_filter *f);
enum move session_stage(struct session *s, enum timeline_direction dir);
/* To where the register's value is another: by the events that tell of it where there are some, else step by
 * step. */
enum move session_register(struct session *s, enum timeline_direction dir, const char *name);
/* To where the bytes are others. */
enum move session_memory(struct session *s, enum timeline_direction dir, uint64_t linear, uint64_t length);
/* To before the last write of any of the bytes. */
enum move session_writer(struct session *s, uint64_t linear, uint64_t length);
enum move session_history(struct session *s, enum timeline_direction dir);
/* The state was changed from outside of the moves (a diversion): look again. */
void session_look(struct session *s);
/* The timeline's progress goes to `busy` again, after somebody had it. */
void session_progress_again(struct session *s);

/* ---- looking ---- */
const char *session_stage_path(struct session *s, uint64_t icount, char *buf, size_t size);
/* The tgid of who runs, for symbols; SPACE_KERNEL if not known. */
symbol_space session_space(struct session *s);
/* "name+0x12", or "" if nothing is known of the address. */
const char *session_symbol(struct session *s, uint64_t linear, char *buf, size_t size);
/* A hexadecimal number, SEGMENT:OFFSET, a register or a symbol (these come first), + and - one of them. */
int session_address(struct session *s, const char *text, uint64_t *linear, struct error *err);
/* Processes here. NULL if the trace tells of none. */
const struct processes *session_processes(struct session *s);
bool session_changed(const struct session *s, size_t reg);
/* The stop point of that kind at an address; 0: none. */
unsigned session_stop_at(const struct session *s, enum timeline_stop_kind kind, uint64_t address);
int session_stop_toggle(struct session *s, enum timeline_stop_kind kind, uint64_t address, uint64_t length);

/* ---- what is kept from session to session, in a folder, by the trace's identity (config.c) ---- */
/* Sets the marks. Returns true and *icount if a position was kept. */
bool session_recall(struct session *s, const char *folder, uint64_t *icount);
int session_remember(struct session *s, const char *folder, struct error *err);

#endif

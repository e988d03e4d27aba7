/* impl.h - a debugger's session, as the files of gdbstub/ share it. Private to gdbstub/. */
#ifndef BOOTREEL_GDBSTUB_IMPL_H
#define BOOTREEL_GDBSTUB_IMPL_H

#include <stdatomic.h>

#include "core/explain.h"
#include "core/stages.h"
#include "core/symbols.h"
#include "core/text.h"
#include "core/views.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/packet.h"

enum { PROCESS = 1, ALL_CPUS = -1, MAX_POINTS = 256, MAX_LAYOUT = 192, MAX_FILES = 8, INPUT_ROOM = 65536 };
/* An answer E0N: errno as in the File-I/O protocol. E14 is what gdb takes for "cannot access memory". */
enum { FAIL_ARGUMENT = 22, FAIL_MEMORY = 14, FAIL_UNKNOWN = 2 };

/* ---------------------------------------------------------------- registers */

enum layout_kind { LAYOUT_REG, LAYOUT_PC, LAYOUT_ICOUNT, LAYOUT_TIME, LAYOUT_CODE_BITS, LAYOUT_MODE };

enum feature { FEATURE_CORE, FEATURE_SSE, FEATURE_SEGMENTS, FEATURE_OURS, FEATURES };

struct layout_reg {
    char name[16];
    enum layout_kind kind;
    enum feature feature;
    int reg;       /* the engine's; -1: it has none (gdb is told "unavailable") */
    unsigned bits; /* as gdb sees it */
    const char *type;
    const char *group; /* NULL: gdb's choice by type */
    bool expedite;     /* given with every stop */
};

/* The order of a `g` packet: that of target.xml. */
struct layout {
    bool wide; /* 64-bit registers */
    size_t n;
    struct layout_reg reg[MAX_LAYOUT];
};

/* ---------------------------------------------------------------- the session */

/* What gdb asked for with a Z packet. */
struct point {
    char type; /* '0' … '4' */
    uint64_t address, length;
    unsigned id; /* the timeline's */
};

struct reply {
    size_t n;
    bool full; /* did not fit: becomes an error */
    char s[PACKET_MAX + 1];
};

/* A file that gdb may open (vFile). */
struct served_file {
    char *name;
    uint8_t *data;
    size_t n;
};

struct gdbstub {
    struct timeline *tl;
    struct layout layouts[2]; /* narrow, wide */
    atomic_bool stop;         /* gdbstub_stop was called … */
    int wake;                 /* … and this descriptor became readable */
    /* kept from session to session */
    bool offset_pc;          /* the pc gdb sees is IP, not CS base + IP */
    bool physical;           /* memory packets are of physical memory */
    bool no_progress;        /* no words from long operations */
    struct symbols *symbols; /* NULL: not read, or none */
    bool symbols_read;
    struct text waiting;      /* input that a full FIFO has not taken yet … */
    enum input_port wait_for; /* … and for which port */
    unsigned console;         /* the one that is shown live (device of EV_CONSOLE_LINE) */
    bool mid_line;            /* what the guest printed last was not the end of a line */
    bool scripted;            /* the monitor command is a script's: `try` */
    struct stages *stages;    /* the same as symbols */
    bool stages_read;
    struct trace_explainer *explainer; /* NULL: not asked for yet */
    struct served_file file[MAX_FILES];
    size_t nfiles;
    /* of the connection */
    const struct gdbstub_transport *io;
    enum gdbstub_end end;
    bool over; /* the session is to end */
    bool no_ack, multiprocess, swbreak, hwbreak, extended;
    uint8_t in[INPUT_ROOM]; /* read, not parsed yet: in_from … in_to; looked at up to in_seen */
    size_t in_from, in_seen, in_to;
    enum packet_state look; /* of the bytes up to in_seen */
    struct packet_parser parser;
    struct reply reply;
    uint8_t *frame; /* the last one sent, for sending it again */
    size_t frame_n;
    /* what gdb has selected */
    const struct layout *layout;
    unsigned cpu_g, cpu_c; /* for looking, for going on */
    bool any_c;            /* whichever goes on: a step is that of the one looked at */
    struct point point[MAX_POINTS];
    size_t npoints;
    struct timeline_stopped last; /* how it last stopped … */
    bool back;                    /* … going there backwards */
    struct text xml;              /* the document that gdb reads in pieces */
    /* while running */
    bool interrupted;
    atomic_bool asked;  /* gdbstub_interrupt was called */
    bool monitoring;    /* a monitor command is being executed: gdb waits for its words and its reply … */
    bool abandoned;     /* … no more: it has sent something else */
    bool waited;        /* the processor that was to step made none */
    double began, told; /* seconds: when the operation began, when its progress was last told */
};

/* ---------------------------------------------------------------- replies (commands.c) */

/* Append to the reply. */
__attribute__((format(printf, 2, 3))) void reply_text(struct gdbstub *g, const char *fmt, ...);
void reply_bytes(struct gdbstub *g, const void *data, size_t n);
void reply_hex(struct gdbstub *g, const void *data, size_t n);
/* Make it an error instead: E and two digits, or, where gdb shows them, words. */
void reply_error(struct gdbstub *g, int error);
__attribute__((format(printf, 2, 3))) void reply_fail(struct gdbstub *g, const char *fmt, ...);
/* A piece of a document: "m" or "l" and the data, for a qXfer request "OFFSET,LENGTH". */
void reply_piece(struct gdbstub *g, const char *request, const void *data, size_t n);
/* Words for gdb's console, at once: only while gdb waits for a stop or for the end of a monitor command. */
__attribute__((format(printf, 2, 3))) void say(struct gdbstub *g, const char *fmt, ...);
void say_bytes(struct gdbstub *g, const void *data, size_t n);

/* Executes the packet in g->parser.data and leaves the reply. False: it has none. */
bool command_execute(struct gdbstub *g);

/* ---------------------------------------------------------------- input and output (server.c) */

void stub_send(struct gdbstub *g, const void *data, size_t n);
/* Before an operation of the timeline that may take long. */
void stub_operation(struct gdbstub *g);
/* The client asked to interrupt what is under way, or has gone. Looks at what has come. */
bool stub_interrupted(struct gdbstub *g);

/* ---------------------------------------------------------------- registers (regs.c) */

void layouts_make(struct gdbstub *g);
/* The layout for the mode that the processor is in. */
const struct layout *layout_for(struct gdbstub *g, unsigned cpu);
/* target.xml for that mode; to be freed. */
char *target_xml(struct gdbstub *g, unsigned cpu);
/* The pc as gdb sees it in the present layout. */
uint64_t seen_pc(struct gdbstub *g, unsigned cpu);
/* NUMBER:VALUE; of what gdb asks for at every stop. */
void reply_expedited(struct gdbstub *g, unsigned cpu);
void gdb_regs_get(struct gdbstub *g, const char *args);
void gdb_regs_set(struct gdbstub *g, const char *args);
void gdb_reg_get(struct gdbstub *g, const char *args);
void gdb_reg_set(struct gdbstub *g, const char *args);

/* ---------------------------------------------------------------- memory (memory.c) */

/* Linear or physical, as is set. Bytes done; addresses that the present mode does not have are not memory. */
size_t stub_memory_read(struct gdbstub *g, uint64_t address, void *buf, size_t n);
void gdb_memory_get(struct gdbstub *g, const char *args);
void gdb_memory_set(struct gdbstub *g, const char *args);
void gdb_memory_set_binary(struct gdbstub *g, const char *args);
void gdb_memory_map(struct gdbstub *g, const char *args);
void gdb_memory_search(struct gdbstub *g, const char *args);

/* ---------------------------------------------------------------- going on, and stopping (stop.c) */

void gdb_resume(struct gdbstub *g, const char *args); /* vCont;… */
void gdb_continue(struct gdbstub *g, const char *args);
void gdb_step(struct gdbstub *g, const char *args);
void gdb_back_continue(struct gdbstub *g, const char *args);
void gdb_back_step(struct gdbstub *g, const char *args);
void gdb_why(struct gdbstub *g, const char *args); /* ? */
void gdb_point_set(struct gdbstub *g, const char *args);
void gdb_point_remove(struct gdbstub *g, const char *args);
void stub_points_clear(struct gdbstub *g);
/* THREAD as in "p1.2", "p1.-1", "2", "-1", "0": *cpu is a processor or ALL_CPUS. False: there is no such one.
 */
bool stub_thread(struct gdbstub *g, const char **args, int *cpu);
/* The stop reply for g->last. */
void reply_stop(struct gdbstub *g);
/* As if it had just stopped where it stands. The processors that gdb has selected stay: it remembers them. */
void stop_here(struct gdbstub *g);

/* ---------------------------------------------------------------- monitor commands (monitor.c,
 * monitor_show.c) */

void gdb_monitor(struct gdbstub *g, const char *args);

struct monitor_command {
    const char *name;
    const char *args;
    const char *what;
    void (*fn)(struct gdbstub *g, const char *args, struct text *out);
};
/* Those that only show; ended by a row without a name. */
extern const struct monitor_command monitor_show_commands[];
void monitor_when(struct gdbstub *g, const char *args, struct text *out);

/* ---------------------------------------------------------------- symbols and files (symbols.c) */

/* The trace's symbols; NULL: it has none. */
const struct symbols *stub_symbols(struct gdbstub *g);
bool stub_has_symbols(struct gdbstub *g);
void stub_symbols_free(struct gdbstub *g);
void gdb_exec_file(struct gdbstub *g, const char *args);
void gdb_file(struct gdbstub *g, const char *args); /* vFile:… */

#endif

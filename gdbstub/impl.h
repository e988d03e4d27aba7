/* impl.h - a debugger's session, as the files of gdbstub/ share it. Private to gdbstub/. */
#ifndef BOOTREEL_GDBSTUB_IMPL_H
#define BOOTREEL_GDBSTUB_IMPL_H

#include <stdatomic.h>

#include "base/out.h"
#include "base/text.h"
#include "core/timeline/recorded_debug.h"
#include "core/story/explain.h"
#include "core/story/running.h"
#include "core/story/stages.h"
#include "core/timeline/recorded_types.h"
#include "core/symbols/symbols.h"
#include "core/views/calls.h"
#include "core/views/views.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/packet.h"

enum { PROCESS = 1, ALL_CPUS = -1, MAX_LAYOUT = 192, MAX_FILES = 8, INPUT_ROOM = 65536 };
/* Error answers E0N: errno as in the File-I/O protocol. gdb reports E14 as "cannot access memory". */
enum { FAIL_ARGUMENT = 22, FAIL_MEMORY = 14, FAIL_UNKNOWN = 2 };

/* ---------------------------------------------------------------- registers */

enum layout_kind { LAYOUT_REG, LAYOUT_PC, LAYOUT_ICOUNT, LAYOUT_TIME, LAYOUT_CODE_BITS, LAYOUT_MODE };

enum feature { FEATURE_CORE, FEATURE_SSE, FEATURE_AVX, FEATURE_SEGMENTS, FEATURE_OURS, FEATURES };

struct layout_reg {
    char name[16];
    enum layout_kind kind;
    enum feature feature;
    int reg;       /* the engine's number, or -1 if it has no such register (gdb shows it as unavailable) */
    unsigned bits; /* as gdb sees it */
    const char *type;
    const char *group; /* or NULL for gdb's choice by type */
    bool expedite;     /* sent with every stop reply */
};

/* In the order of a `g` packet, which is that of target.xml. */
struct layout {
    bool wide; /* 64-bit registers */
    size_t n;
    struct layout_reg reg[MAX_LAYOUT];
};

/* ---------------------------------------------------------------- the session */

/* A condition of a breakpoint: an agent expression (agent.h). */
struct point_condition {
    uint8_t *code;
    size_t n;
};

/* A breakpoint or watchpoint that gdb set with a Z packet. */
struct point {
    char type; /* '0' … '4' */
    uint64_t address, length;
    unsigned id;                       /* the timeline's */
    struct point_condition *condition; /* it stops if one of them is true; none: always */
    size_t nconditions;
    const struct layout *layout; /* by which the conditions number registers */
};

struct reply {
    size_t n;
    bool full; /* the reply did not fit and becomes an error */
    char s[PACKET_MAX + 1];
};

#define FILE_PREFIX "/bootreel/"
#define KERNEL_FILE FILE_PREFIX "kernel"
struct kernels;
/* A file that gdb may open (vFile). */
struct served_file {
    char *name;
    uint8_t *data; /* NULL: it is only there packed */
    size_t n;
    uint8_t *packed; /* by zstd; NULL: not so far */
    size_t npacked;
};

struct gdbstub {
    struct timeline *tl;
    struct layout layouts[2]; /* narrow, wide */
    atomic_bool stop;         /* gdbstub_stop was called, … */
    int wake;                 /* … and this descriptor became readable */
    /* kept from session to session */
    bool offset_pc;          /* the pc gdb sees is IP, not CS base + IP */
    bool physical;           /* memory packets are of physical memory */
    bool no_progress;        /* long operations report no progress */
    struct symbols *symbols; /* NULL if not read yet, or if there are none */
    bool symbols_read;
    struct kernel_types *types;            /* NULL until they are needed */
    struct kernel_types_other types_other; /* of another guest */
    struct text waiting;                   /* input that a full FIFO has not accepted yet, … */
    enum input_port wait_for;              /* … and its port */
    unsigned console;                      /* the console that is shown live (device of EV_CONSOLE_LINE) */
    bool mid_line;                         /* the guest's last output did not end a line */
    struct plain plain;                    /* the escape sequence that it is in */
    struct out_console printer;            /* what it prints, without these */
    bool scripted;                         /* the monitor command comes from a script, by `try` */
    struct times *times;                   /* NULL until they are needed */
    struct processes *processes;           /* NULL until they are needed */
    struct stages *stages;                 /* NULL as for symbols */
    bool stages_read;
    struct trace_explainer *explainer; /* NULL until it is needed */
    struct view_calls *calls;          /* likewise */
    struct {                           /* the guest's tasks, as they were at a position */
        struct view_task *list;
        size_t n;
        uint64_t icount;
        bool diverted, stale;
    } tasks;
    struct gdb_left { /* whence gdb let the guest go on … */
        uint64_t icount, time;
    } left[16];
    unsigned nleft; /* … the last so many times and more, one after the other */
    struct served_file file[MAX_FILES];
    struct debug_info *debug;     /* debug_info.c; NULL: none was given */
    struct debug_info *own_debug; /* given by a monitor command */
    struct kernels *kernels;      /* which file gdb has as the kernel's, by position: kernels.c */
    size_t nfiles;
    /* of the connection */
    const struct gdbstub_transport *io;
    enum gdbstub_end end;
    bool over;   /* the session is to end */
    bool pc_set; /* gdb has changed a pc since the last stop */
    bool no_ack, multiprocess, swbreak, hwbreak, extended;
    bool exec_events;       /* gdb understands that a program executes another */
    bool kernel_opened;     /* gdb has the kernel's file from here */
    bool widened, executes; /* 64-bit mode was reported as a new program; it is to be now (widen.c) */
    bool told_cut;          /* the user was told that an address was cut */
    bool killed;            /* by an extended-remote gdb, which may start it again */
    uint8_t in[INPUT_ROOM]; /* in_from … in_to is received but not parsed; scanned up to in_seen */
    size_t in_from, in_seen, in_to;
    enum packet_state look; /* the parser's state at in_seen */
    struct packet_parser parser;
    struct reply reply;
    uint8_t *frame; /* the last frame sent, in case gdb asks for it again */
    size_t frame_n;
    /* what gdb has selected */
    const struct layout *layout;
    unsigned cpu_g, cpu_c; /* for examining state (Hg), and for resuming (Hc): processors or tasks */
    bool any_c;            /* any thread may be resumed: a step is one of cpu_g */
    bool as_tasks;         /* threads are the guest's tasks, … */
    uint64_t id_g;         /* … and cpu_g is the one of this number */
    struct point *point;
    size_t npoints, points_cap;
    struct timeline_stopped last; /* how the run last stopped, … */
    bool back;                    /* … and whether it ran backwards */
    struct text xml, threads;     /* documents that gdb reads in pieces */
    /* while running */
    bool interrupted;
    bool owed;          /* a Ctrl-C that stopped nothing: the next run is to stop at once */
    atomic_bool asked;  /* gdbstub_interrupt was called */
    bool monitoring;    /* a monitor command is being executed: gdb waits for its output and reply, … */
    bool abandoned;     /* … but no longer: it has sent another packet */
    bool waited;        /* the processor that was to step was waiting, and made no step */
    double began, told; /* in seconds: when the operation began and when its progress was last reported */
};

/* ---------------------------------------------------------------- replies (commands.c) */

/* Append to the reply. */
__attribute__((format(printf, 2, 3))) void reply_text(struct gdbstub *g, const char *fmt, ...);
void reply_bytes(struct gdbstub *g, const void *data, size_t n);
void reply_hex(struct gdbstub *g, const void *data, size_t n);
/* Make the reply an error instead: E and two digits, or a message in places where gdb shows it. */
void reply_error(struct gdbstub *g, int error);
__attribute__((format(printf, 2, 3))) void reply_fail(struct gdbstub *g, const char *fmt, ...);
/* Replies with a piece of a document, "m" or "l" and the data, to a qXfer request "OFFSET,LENGTH". */
void reply_piece(struct gdbstub *g, const char *request, const void *data, size_t n);
/* Sends text to gdb's console at once. Only while gdb waits for a stop or for the end of a monitor
 * command. */
__attribute__((format(printf, 2, 3))) void say(struct gdbstub *g, const char *fmt, ...);
void say_bytes(struct gdbstub *g, const void *data, size_t n);
/* Text of several lines, in which names may or may not be escaped. */
void say_text(struct gdbstub *g, const char *text, size_t n);

/* Executes the packet in g->parser.data and leaves its reply in g->reply. False if there is no reply. */
bool command_execute(struct gdbstub *g);

/* ---------------------------------------------------------------- input and output (server.c) */

void stub_send(struct gdbstub *g, const void *data, size_t n);
/* To be called before an operation of the timeline that may take long. */
void stub_operation(struct gdbstub *g);
/* Whether the client has asked to interrupt the operation, or is gone. Reads the input that has arrived. */
bool stub_interrupted(struct gdbstub *g);

/* ---------------------------------------------------------------- registers (regs.c) */

void layouts_make(struct gdbstub *g);
/* The layout for the processor's present mode. */
const struct layout *layout_for(struct gdbstub *g, unsigned cpu);
/* target.xml for that mode; the caller frees it. */
char *target_xml(struct gdbstub *g, unsigned cpu);
/* The value of the register of that number in a layout. False if it has none, or one of more than 64 bits. */
bool layout_value(struct gdbstub *g, const struct layout *l, unsigned number, unsigned cpu, uint64_t *value);
/* The pc as gdb sees it in the present layout. */
uint64_t seen_pc(struct gdbstub *g, unsigned cpu);
/* Appends "NUMBER:VALUE;" for each register that gdb needs at every stop. */
void reply_expedited(struct gdbstub *g, unsigned cpu);
void gdb_regs_get(struct gdbstub *g, const char *args);
void gdb_regs_set(struct gdbstub *g, const char *args);
void gdb_reg_get(struct gdbstub *g, const char *args);
void gdb_reg_set(struct gdbstub *g, const char *args);

/* ---------------------------------------------------------------- the guest's tasks (tasks.c)
 * Where a function takes a processor, GUEST_TASK | N stands for task N, which has no processor. */

enum { GUEST_TASK = 1 << 29 };

/* To be called before each packet: the tasks are those of the present position. */
void stub_tasks_follow(struct gdbstub *g);
void stub_tasks_free(struct gdbstub *g);
/* The thread of that number. False if there is none. */
bool stub_task_thread(const struct gdbstub *g, uint64_t id, unsigned *cpu);
unsigned stub_task_id(const struct gdbstub *g, unsigned cpu);
/* The list of threads: how many, and each. */
size_t stub_task_threads(const struct gdbstub *g);
unsigned stub_task_cpu(const struct gdbstub *g, size_t i);
/* The task of a thread; NULL if it is a processor of which no task is known. */
const struct view_task *stub_task(const struct gdbstub *g, unsigned cpu);
/* Appends the task's state in words. */
void stub_task_text(const struct gdbstub *g, unsigned cpu, struct text *out);
/* The processor to look at: the selected one, or where the run stopped if a task without one is selected. */
unsigned stub_cpu(const struct gdbstub *g);
unsigned stub_code_bits(const struct gdbstub *g, unsigned cpu);
/* A register, and memory, of a task that has no processor. */
bool stub_task_reg(const struct gdbstub *g, unsigned cpu, const char *name, uint64_t *value);
size_t stub_task_peek(const struct gdbstub *g, unsigned cpu, uint64_t address, void *buf, size_t n);
/* What the process of that space has mapped here, as an ELF file; the caller frees it. NULL if nothing is
 * known of it. */
void *stub_program_elf(struct gdbstub *g, symbol_space space, size_t *n);
void monitor_threads(struct gdbstub *g, const char *args, struct text *out);
void monitor_backtrace(struct gdbstub *g, const char *args, struct text *out);
/* debug_info.c */
/* From now on what debug information says of itself is added to `out`, a line each; NULL: no more. */
void stub_debug_listen(struct gdbstub *g, struct text *out);
void monitor_debug_info(struct gdbstub *g, const char *args, struct text *out);
int json_debug(struct gdbstub *g, struct yajl_gen_t *gen, const char *args, struct text *out,
               struct error *err);
void stub_debug_free(struct gdbstub *g);
const struct symbols *stub_programs(struct gdbstub *g,
                                    unsigned pid); /* tasks.c; NULL: there is no such task */
void monitor_kernel(struct gdbstub *g, const char *args, struct text *out);
void stub_kernels_free(struct gdbstub *g);
void monitor_unwind(struct gdbstub *g, const char *args, struct text *out);

/* ---------------------------------------------------------------- memory (memory.c) */

/* Reads linear memory of a processor or task, or physical memory, as set. Returns the bytes read; an address
 * beyond those of the present mode is not memory. */
size_t stub_memory_read(struct gdbstub *g, unsigned cpu, uint64_t address, void *buf, size_t n);

void gdb_memory_get(struct gdbstub *g, const char *args);
void gdb_memory_set(struct gdbstub *g, const char *args);
void gdb_memory_set_binary(struct gdbstub *g, const char *args);
void gdb_memory_map(struct gdbstub *g, const char *args);
void gdb_memory_search(struct gdbstub *g, const char *args);

/* ---------------------------------------------------------------- resuming and stopping (stop.c) */

void gdb_resume(struct gdbstub *g, const char *args); /* vCont;… */
void gdb_continue(struct gdbstub *g, const char *args);
void gdb_step(struct gdbstub *g, const char *args);
void gdb_back_continue(struct gdbstub *g, const char *args);
void gdb_back_step(struct gdbstub *g, const char *args);
void gdb_why(struct gdbstub *g, const char *args); /* ? */
/* Acts as if it had just stopped here. The threads that gdb has selected are kept, because gdb remembers
 * them. */
void stop_here(struct gdbstub *g);

/* ---------------------------------------------------------------- breakpoints and watchpoints (points.c) */

void gdb_point_set(struct gdbstub *g, const char *args);
void gdb_point_remove(struct gdbstub *g, const char *args);
void stub_points_clear(struct gdbstub *g);
/* The breakpoint or watchpoint that has this number in the timeline, or NULL. */
const struct point *stub_point(const struct gdbstub *g, unsigned id);
/* timeline_condition_fn: whether a hit counts, by the breakpoint's conditions. */
bool stub_hit_counts(void *ctx, unsigned id, unsigned cpu);
/* Whether a processor or task that has come to this pc is to stop at a breakpoint. */
const struct point *point_stops(struct gdbstub *g, unsigned cpu, uint64_t pc);

/* ---------------------------------------------------------------- single steps (step.c) */

/* The next or the last step of a thread: what the others do on the way is part of it, and stop points stop it. */
int step_once(struct gdbstub *g, unsigned cpu, bool back, struct timeline_stopped *s, struct error *err);

/* ---------------------------------------------------------------- files of modules (module_file.c) */

/* Adds the symbols and lines of a kernel module's file, for each time that the module was loaded. -1 with err if it never was, or the
 * file is of another build. */
int stub_add_module(struct gdbstub *g, const char *path, const char *name, struct error *err);
/* Adds those of a program's file, in the processes that have executed it. -1 with err if none has, or it is not known where. */
int stub_add_program(struct gdbstub *g, const char *path, struct error *err);

/* ---------------------------------------------------------------- whole addresses (widen.c) */

/* Whether gdb, which takes the machine for a 32-bit one, has cut the address of a breakpoint and can be made to set it again. If it
 * cannot, the user is told. */
bool stub_widens(struct gdbstub *g);
/* Runs to the next stop, or to the beginning of 64-bit mode: then g->executes is set for the stop reply. */
int stub_run_to_wide(struct gdbstub *g, struct timeline_stopped *s, struct error *err);

/* ---------------------------------------------------------------- threads (threads.c) */

/* The thread of a stop, and the one that runs here, as timeline.h names processors and tasks. */
unsigned thread_stopped(const struct gdbstub *g, const struct timeline_stopped *s);
unsigned thread_here(const struct gdbstub *g);
/* Appends the thread as gdb names it. */
void reply_thread(struct gdbstub *g, unsigned cpu);
/* Parses a thread such as "p1.2", "p1.-1", "2", "-1" or "0"; *cpu becomes a processor, a task or ALL_CPUS. False if
 * there is no such thread. */
bool stub_thread(struct gdbstub *g, const char **args, int *cpu);
void gdb_thread_current(struct gdbstub *g, const char *args);
void gdb_thread_list(struct gdbstub *g, const char *args);
void gdb_thread_list_end(struct gdbstub *g, const char *args);
void gdb_thread_select(struct gdbstub *g, const char *args);
void gdb_thread_alive(struct gdbstub *g, const char *args);
void gdb_thread_extra(struct gdbstub *g, const char *args);
void gdb_threads(struct gdbstub *g, const char *args);

/* ---------------------------------------------------------------- monitor commands (monitor.c, monitor_show.c) */

void gdb_monitor(struct gdbstub *g, const char *args);

struct monitor_command {
    const char *name;
    const char *args;
    const char *what;
    void (*fn)(struct gdbstub *g, const char *args, struct text *out);
};
/* The commands that only show something; a row without a name ends the table. */
extern const struct monitor_command monitor_show_commands[], monitor_machine_commands[];
/* Copies the first word of *args into buf, and moves *args past it and the blanks after it. */
void monitor_next_word(const char **args, char *buf, size_t size);
/* Takes a word from *args: a number, or the address of a symbol. If the symbol is ambiguous, the output says so. */
bool monitor_take_address(struct gdbstub *g, const char **args, uint64_t *value, struct text *out);
void monitor_when(struct gdbstub *g, const char *args, struct text *out);
/* monitor_find.c: takes "exec|write|read ADDRESS [N]". False, with what is wrong in `out`. */
bool monitor_take_find(struct gdbstub *g, const char **args, struct timeline_stop *stop, struct text *out);
/* All hits: lines in `out`, or if `gen` is not NULL objects in its open array. -1 with err. */
struct yajl_gen_t;
int monitor_find_hits(struct gdbstub *g, const struct timeline_stop *stop, struct text *out,
                      struct yajl_gen_t *gen, struct error *err);
void monitor_find(struct gdbstub *g, const char *args, struct text *out);
/* monitor_origin.c: takes "$REGISTER" or "ADDRESS [N]": a register's name, or "" and n bytes of memory. */
bool monitor_take_place(struct gdbstub *g, const char **args, char name[24], uint64_t *address, uint64_t *n,
                        struct text *out);
/* Where that comes from. NULL with err. */
struct origin_chain *monitor_origin_chain(struct gdbstub *g, const char *name, uint64_t address, uint64_t n,
                                          struct error *err);
void monitor_origin(struct gdbstub *g, const char *args, struct text *out);
/* monitor_json.c: answers for programs (scripts/gdb/bootreel_api.py). */
void monitor_json(struct gdbstub *g, const char *args, struct text *out);
/* monitor_show.c: NULL if there are none; the position of the record that lists refer to. */
const struct stages *stub_stages(struct gdbstub *g);
uint64_t stub_recorded(struct gdbstub *g);

/* monitor_calls.c: the calls of the next steps, as text; `options` says which. -1 with err. */
struct calls_options;
int monitor_calls_from(struct gdbstub *g, uint64_t steps, const struct calls_options *options,
                       struct text *out, struct error *err);

/* ---------------------------------------------------------------- symbols and files (symbols.c) */

/* The trace's symbols, or NULL if it has none. */
const struct symbols *stub_symbols(struct gdbstub *g);
/* The kernel's types; NULL if it has none. */
const struct kernel_types *stub_types(struct gdbstub *g);
/* The types of the kernel that runs at this position. */
const struct kernel_types *stub_types_here(struct gdbstub *g);
bool stub_has_symbols(struct gdbstub *g);
/* The processes at a position of the record, or NULL with err if it cannot be read. */
const struct processes *stub_processes(struct gdbstub *g, uint64_t icount, struct error *err);
/* Whose code a processor executes here. False if the trace has no symbols or cannot be read. */
bool stub_running(struct gdbstub *g, unsigned cpu, struct running *r);
void stub_symbols_free(struct gdbstub *g);
/* Makes what gdb reads when it connects, which takes some tenths of a second: gdb waits for a reply only for
 * two seconds, which may be short on a busy machine. */
void stub_prepare(struct gdbstub *g);
/* Packs the files, before a search, which needs memory. That takes some hundredths of a second the first time. A file that is read again is
 * unpacked, in a hundredth. */
void stub_files_relax(struct gdbstub *g);
void gdb_exec_file(struct gdbstub *g, const char *args);
void gdb_file(struct gdbstub *g, const char *args); /* vFile:… */

#endif

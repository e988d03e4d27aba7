/* engine.h - what can be recorded: the narrow table of functions between an engine (the PC in hv/,
 * user-mode Linux in uml/) and everything that records, replays, seeks or shows it.
 *
 * Contract: an engine is a deterministic function of its configuration, the bytes of its images and its
 * inputs. Its only clock is the step. `run` is exact: run(a) then run(b) is run(b), whatever the engine
 * caches inside. Nothing here may depend on host time, host addresses or thread order.
 *
 * Threads: an engine has no thread of its own, and calls its observer and the functions of its images on the thread that is in `run`
 * (or load, or display). Any thread may use it, but only one at a time; who uses it from several has to order the calls (a lock, joining a
 * thread). The exception is `interrupt`, which any thread may call at any time before `destroy`. Engines share nothing that changes: each may
 * be on a thread of its own.
 */
#ifndef BOOTREEL_CORE_ENGINE_ENGINE_H
#define BOOTREEL_CORE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/engine/share.h"
#include "core/ground/fields.h"
#include "traces/event.h"
#include "traces/given.h"
#include "traces/touched.h"

/* ---------------------------------------------------------------- configuration and images */

/* An image: a file's content as the engine sees it. While recording it is backed by the file, and what was
 * read goes into the trace; while replaying it is backed by the trace. Never written. */
struct image {
    const char *role; /* "bios", "kernel", "initrd", "disk0", "cdrom", "floppy0", "flat", "vgabios" */
    const char *name; /* the file's base name, for people */
    uint64_t size;
    void *ctx;
    /* Reads exactly n bytes at offset (both inside size). Returns 0, or -1 and fills err. */
    int (*read)(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err);
    /* Of a folder of the host ("share0"; core/engine/share.h), while recording: before the engine reads chunks at `offset` for the
     * first time, it says what is to be there. -1 with err. NULL: the image is a file's, or it is replayed. */
    int (*place)(void *ctx, uint64_t offset, const struct share_question *question, struct error *err);
};

/* How an engine executes guest code on this host. It decides how fast a run is and how much memory it takes, never what it
 * does, so it is not in traces. All zero: as usual. */
struct engine_host {
    bool interpret;         /* nothing is compiled to host code */
    uint16_t compile_after; /* code is compiled when it is entered this often; 0: the engine's default */
    uint8_t level;          /* compiled code uses instructions of x86-64-v1, v2 or v3; 0: what the host has */
    bool keeps_zeros; /* guest memory that becomes zero again stays with us: the guest mostly uses it again */
    const char *
        wrong; /* for tests of comparisons: the mnemonic of an instruction that compiled code does wrong; NULL: none */
};

/* Recordings of the behaviours `first` to `last` of an engine, which this program no longer runs: who replays them. */
struct engine_past {
    uint32_t first, last;
    const char *by; /* "bootreel 1.0.0", "a build of commit 76debb4b" */
};

struct engine_config {
    const struct setting *settings;
    size_t nsettings;
    const struct image *images;
    size_t nimages;
    uint32_t
        behaviour; /* to run as this version of the engine did, where it can (engine_kind.oldest); 0: as it does now */
    /* A saved state is loaded before the machine is run or looked at. Then what puts a machine at its beginning, such as
     * loading a kernel, may be left out. */
    bool unplaced;
    struct engine_host host;
};

/* Value of a key, or NULL. */
static inline const char *config_get(const struct engine_config *cfg, const char *key)
{
    return setting_find(cfg->settings, cfg->nsettings, key);
}

/* The image of a role, or NULL. */
static inline const struct image *config_image(const struct engine_config *cfg, const char *role)
{
    for (size_t i = 0; i < cfg->nimages; i++)
        if (!__builtin_strcmp(cfg->images[i].role, role))
            return &cfg->images[i];
    return NULL;
}

/* ---------------------------------------------------------------- snapshots */

enum { SNAPSHOT_PAGE = 4096 };

/* Where `save` puts a state. Sections and regions come in a fixed order. */
struct snapshot_sink {
    void *ctx;
    /* A section: `fields` (flat, and valid as long as the engine exists) read from `base`. Section names are
     * unique within the engine ("cpu0", "pit"). */
    void (*section)(void *ctx, const char *name, const struct field *fields, size_t nfields,
                    const void *base);
    /* One page of a region ("ram", "vram", "disk0"). Pages may be left out if they are all zero and were
     * never written since reset, or if they have not changed since the save that this one builds on (struct
     * snapshot_base). */
    void (*page)(void *ctx, const char *region, uint64_t index, const void *data);
    bool places; /* which pages is enough: the data of those still to be fetched may be NULL */
    /* With the sections that an engine leaves out as long as they are empty, to learn what there can be. */
    bool all;
};

/* The last save of one consumer (a recorder, a timeline, a hash), so that its next save has only the pages
 * that changed since then, whatever else is saved or loaded in between. All zero, it stands for no save: the next
 * one has all pages. It belongs to one engine. */
struct snapshot_base {
    uint32_t epoch; /* the engine's count of saves with a base; each page has the count at which it changed */
};

/* Where `load` gets a state from. */
struct snapshot_source {
    void *ctx;
    /* Fills the fields at `base`; -1 if there is no such section or it does not fit. */
    int (*section)(void *ctx, const char *name, const struct field *fields, size_t nfields, void *base);
    /* Calls put(put_ctx, index, data) for each page of the region. `whole`: pages that are not put become
     * zero; otherwise they stay as they are. Returns 0 or -1. */
    int (*pages)(void *ctx, const char *region, int (*put)(void *put_ctx, uint64_t index, const void *data),
                 void *put_ctx);
    bool whole;
    /* May be NULL. For the region that engine_ops.fetched names, `places` is called instead of `pages`: it puts the same pages,
     * but without their data (NULL). When the engine first uses one of them, which may be during the load already, it calls `fetch`,
     * which returns its bytes (valid until the next call), or NULL if they cannot be read: then they are zero, and the source
     * tells of it. `fetch` answers until the next load, also for pages of earlier loads that this one has left as they were. */
    int (*places)(void *ctx, const char *region, int (*put)(void *put_ctx, uint64_t index, const void *data),
                  void *put_ctx);
    const void *(*fetch)(void *fetch_ctx, const char *region, uint64_t index);
    void *fetch_ctx;
};

/* ---------------------------------------------------------------- running and stopping */

enum stop_reason {
    STOP_REACHED,   /* icount == limit.icount, or limit.until has come */
    STOP_IDLE,      /* halted, and guest time may not pass limit.time; `wake` is when the
                       * guest would go on */
    STOP_HALTED,    /* halted, and only an input can wake it (with interrupts off, nothing can) */
    STOP_POWER_OFF, /* the guest switched itself off; see `status` */
    STOP_RESET, /* only with limit.stop_on_reset: the guest resets itself: `text` says how. The machine is as it
                       * was when it asked for that; the next run begins with the reset */
    STOP_GUEST_FAULT, /* the engine cannot go on: `text` says why (it names what is not implemented) */
    STOP_BREAKPOINT,
    STOP_WATCHPOINT,
    STOP_INTERRUPTED, /* interrupt() was called */
};

struct run_limit {
    uint64_t icount; /* stop when this many steps have been executed since reset */
    uint64_t time;   /* ns; while halted do not skip past this guest time (UINT64_MAX: no limit) */
    uint64_t
        until; /* ns; stop (STOP_REACHED) at the first position at which guest time is at least that (0: no
                      * limit). A reset takes time without being a step: it then stops behind the step that
                      * follows */
    bool
        stop_on_reset; /* otherwise a reset starts the machine again, at the beginning of the step that follows it */
};

enum { STOP_BYTES = 16 };

struct stop {
    enum stop_reason reason;
    uint64_t icount;
    uint64_t time;    /* guest time, ns */
    uint64_t wake;    /* STOP_IDLE: guest time of the next timer; UINT64_MAX: none */
    uint64_t address; /* linear address of the next instruction, or of the watched access */
    unsigned id;      /* of the breakpoint or watchpoint */
    unsigned cpu;
    uint32_t
        task;   /* STOP_BREAKPOINT, STOP_WATCHPOINT: whose instruction it is; 0 if the engine has no tasks */
    int status; /* STOP_POWER_OFF: exit status (isa-debug-exit), else 0 */
    /* STOP_BREAKPOINT: the timers that are due at this position, before its instruction, have already fired,
     * so this is not exactly the state at which run(icount) ends. The run goes on the same way from both. */
    bool late;
    /* STOP_WATCHPOINT: `pc` is the linear address of the instruction that made the access (during the
     * delivery of an interrupt or exception, of the next instruction). `before` has `nbefore` bytes of the
     * watched range, from `from` on, as they were before the access: all of a range of up to STOP_BYTES; of a
     * longer one, those that begin with the first byte accessed; none if they are not in memory. An engine
     * may leave these zero. */
    uint64_t pc, from;
    uint8_t before[STOP_BYTES];
    unsigned nbefore;
    /* STOPS_WRITE_PHYSICAL: a device made the write, not an instruction; `address` is then physical. It
     * counts as made in the step from icount - 1. `from` and `before` are not filled. */
    bool device;
    /* STOPS_WRITE_PHYSICAL: the first byte that was written, and how many from there on; of a processor's write that lies in two
     * pages those in one of them. Of several writes of devices in one step, from the first byte of all to the last. */
    uint64_t physical, size;
    char text[400];
};

/* STOPS_WRITE_PHYSICAL: bytes of memory, whatever linear address is used; also writes by devices (DMA). An
 * engine that has no physical memory ignores it. */
enum stop_kind {
    STOPS_EXEC_LINEAR,
    STOPS_EXEC_PHYSICAL,
    STOPS_WRITE,
    STOPS_READ,
    STOPS_ACCESS,
    STOPS_WRITE_PHYSICAL
};

struct stop_point {
    unsigned id;
    enum stop_kind kind;
    uint64_t address;
    uint64_t length;  /* watchpoints */
    bool report_only; /* a probe: call the observer's `probe`, do not stop */
};

/* ---------------------------------------------------------------- input */

/* Processors of a machine at most, and bytes of memory. */
enum { ENGINE_CPUS = 64 };
#define ENGINE_MEMORY ((uint64_t)64 << 30)
/* Network cards of a machine at most; bytes of a frame at most. */
enum { ENGINE_NICS = 8, ENGINE_FRAME = 4096 };
/* Folders of the host that a guest sees at most. */
enum { ENGINE_SHARES = 8 };

/* `port` of a struct input (traces/given.h). The keyboard's data is ASCII or, with 0xE0/0x80 bits, set-1 scan
 * codes as 0x00,code. The mouse's is packets of four bytes: buttons (1 left, 2 right, 4 middle), movements to the right and up, the wheel's
 * notches (positive towards the user). */
enum input_port {
    INPUT_SERIAL0,
    INPUT_SERIAL1,
    INPUT_SERIAL2,
    INPUT_SERIAL3,
    INPUT_KEYBOARD,
    INPUT_MOUSE,
    INPUT_POWER_BUTTON,
    INPUT_VIRTIO, /* the console on virtio */
    /* A frame for a network card, from the destination MAC on, without the FCS: INPUT_NET0 + the card's
     * number. It is taken whole, or not at all if the card has no room for it. */
    INPUT_NET0,
    INPUT_NET_LAST = INPUT_NET0 + ENGINE_NICS - 1,
    /* What has happened to a frame on its way to a card, in words, which the guest does not see: it makes
     * EV_NET_MANGLED. INPUT_NET_NOTE0 + the card's number. */
    INPUT_NET_NOTE0,
    INPUT_NET_NOTE_LAST = INPUT_NET_NOTE0 + ENGINE_NICS - 1,
    /* A place on the screen, of six bytes: buttons (1 left, 2 right, 4 middle), x and y from 0 to 7FFFh (low byte first), the wheel's
     * notches (positive towards the user). Not taken if no pointing device that knows places is in use: see INPUT_MOUSE. */
    INPUT_TABLET,
    /* A processor returns at once from the function at whose first instruction it is, as if that had returned a value: the processor's
     * number (1 byte), the instruction's linear address and the value (8 each, low byte first), then a name for people, which makes
     * EV_CPU_RETURNS. It is taken whole, or not at all if the processor is elsewhere. */
    INPUT_RETURN,
    /* A processor is about to enter a function at which the machine's variation may end turns (turns=at:FUNCTION): the processor's number (1
     * byte), then the function's name for people. Not taken by a machine that does not vary turns so. */
    INPUT_TURNS
};
enum { INPUT_RETURN_HEAD = 17 };

/* ---------------------------------------------------------------- observing */

struct observer {
    void *ctx;
    void (*event)(void *ctx, const struct event *ev);
    /* A stop_point with report_only was reached; its instruction has not executed yet. May be NULL. */
    void (*probe)(void *ctx, unsigned id, unsigned cpu, uint64_t icount);
    /* Bytes that the guest writes to a console device, as it writes them (device as in
     * EV_CONSOLE_LINE). May be NULL. */
    void (*console)(void *ctx, unsigned device, const void *data, size_t len);
};

/* ---------------------------------------------------------------- calls and returns */

/* What makes a processor go on elsewhere, besides branches within a function. */
enum flow_kind {
    FLOW_CALL,
    FLOW_RETURN,
    FLOW_JUMP, /* an indirect jump, or a relative one of more than 127 bytes that is always taken: it may be a tail call */
    FLOW_INTERRUPT, /* from outside, NMI too; `vector` */
    FLOW_EXCEPTION,
    FLOW_SOFTWARE, /* INT n */
    FLOW_IRET,
    FLOW_SYSCALL, /* SYSCALL, SYSENTER */
    FLOW_SYSRET,  /* SYSRET, SYSEXIT */
    FLOW_SMI,     /* system management mode begins */
    FLOW_RSM,     /* … and ends */
    FLOW_KINDS
};

struct engine_flow {
    enum flow_kind kind;
    uint8_t vector;
    unsigned cpu;
    /* The position before its step. One step later the processor is at `to`. */
    uint64_t icount, time;
    uint64_t from,
        to; /* linear addresses: of the instruction (of the one interrupted), and where it goes on */
    /* Where the stack has the address to return to, and that address (linear). 0 where there is none on a stack: jumps, SYSCALL, SMI. */
    uint64_t slot, back;
};

/* Code that is about to be executed for the first time since somebody wanted to know. */
struct engine_code {
    unsigned cpu;
    uint64_t icount;
    uint64_t linear, physical;
    /* From there up to the next branch, the end of the page, or something that stops the processor. 0: the page at `linear` is executed
     * and is the one at `physical`; what was executed of that page at another linear address may now be executed here. */
    uint32_t bytes;
};

/* ---------------------------------------------------------------- variation */

/* A choice of a machine whose configuration varies it (setting "vary"), other than the one that it makes without variation. */
struct engine_choice {
    const char *kind; /* "turns" */
    bool by_cpu;      /* `cpu` is a part of the key */
    uint32_t cpu;
    uint64_t ordinal; /* of a choice by processor: how many steps that processor has made */
    uint64_t value;
    uint64_t icount;
};

/* A call that the variation makes fail (errors=call): the n-th of a function, from 1 on, returns a value at once. It is the recorder's, which
 * knows functions; a machine is given INPUT_RETURN. */
enum { ENGINE_CALL_ERRORS = 16 };
struct engine_call_error {
    char function[128]; /* as symbols are named: "MODULE:FUNCTION" too */
    uint64_t n, value;
};

/* A function of the guest by its name, as symbols are named: "MODULE:FUNCTION" too. */
enum { ENGINE_FUNCTION = 128, ENGINE_TURNS_AT = 4 };
struct engine_function {
    char name[ENGINE_FUNCTION];
};

/* ---------------------------------------------------------------- what media hold */

enum medium_what {
    MEDIUM_WRITE, /* bytes were written: of a drive, by a command that may write more parts */
    MEDIUM_ZERO,  /* they became zeros, as a drive does with what it is told to forget */
    MEDIUM_FLASH, /* they were programmed or erased: a flash chip has no cache */
    /* The drive promises that a loss of power does not undo what was written to these bytes: */
    MEDIUM_THROUGH, /* by the present write (FUA, or a drive whose cache is off) */
    MEDIUM_FLUSH    /* so far */
};

/* What a drive or a flash chip does with its medium. */
struct engine_medium {
    enum medium_what what;
    const char *role; /* of the image; valid as long as the engine */
    uint64_t offset, n;
    const void *data; /* MEDIUM_WRITE, MEDIUM_FLASH: n bytes, valid during the call; NULL: zeros */
};

/* ---------------------------------------------------------------- registers */

enum reg_group { REG_GENERAL, REG_SEGMENT, REG_FLOAT, REG_VECTOR, REG_CONTROL, REG_SYSTEM };

struct reg_desc {
    const char *name; /* gdb's names: "rax", "eflags", "fs_base", "cr3", "st0", "xmm0", "mxcsr" */
    uint16_t bits;    /* 8 … 128 */
    enum reg_group group;
};

/* ---------------------------------------------------------------- tasks */

/* A program that an engine runs on its processors in turns, and whose state can be examined at any time: a
 * thread of the Linux host. In the functions that name a processor, ENGINE_TASK + id names a task. */
enum { ENGINE_TASK = 1 << 30, ENGINE_TASK_NAME = 16 };

struct engine_task {
    uint32_t id, process;        /* as programs know them: its thread ID and its process's ID */
    uint64_t steps;              /* that it has executed */
    const char *state;           /* "runs", "ready", "waits", "stopped", "traced" */
    const char *call;            /* the call that it waits in, or NULL */
    char name[ENGINE_TASK_NAME]; /* of the program; ends with 0 */
};

/* ---------------------------------------------------------------- PCI */

enum { ENGINE_PCI_RANGES = 7, ENGINE_PCI_CONFIG = 256 };

/* A guest of a hypervisor in the machine, by physical addresses of the machine. */
struct engine_inner {
    uint64_t control; /* of its virtual processor's control block (VMCB, VMCS) */
    uint64_t tables;  /* what its nested page tables begin with (nCR3, EPTP); 0: it has none */
    unsigned levels;  /* how many there are, from 2 to 5 */
    bool
        ept; /* their entries are as in Intel's EPT; else as in page tables of a processor with so many levels */
};

/* A function of PCI bus 0 and its configuration space. */
struct engine_pci {
    const char *name; /* of the part that it is ("ide"); valid as long as the engine */
    const char *what; /* its class in words; NULL if there are none */
    uint8_t config[ENGINE_PCI_CONFIG];
    /* What the base address registers 0 to 5 and the expansion ROM's map; size 0: there is no such register. */
    struct engine_pci_range {
        uint64_t size;
        uint64_t at; /* UINT64_MAX: it is not decoded now */
        bool io, prefetch;
    } range[ENGINE_PCI_RANGES];
};

/* ---------------------------------------------------------------- the interface */

struct engine;

/* A character of a text screen, and its colours as 0xRRGGBB. */
struct display_cell {
    uint32_t character; /* Unicode; 0: the second cell of a wide one */
    uint32_t ink, paper;
};

/* What a display shows. */
struct display {
    unsigned columns, rows;        /* of characters; 0 in graphics modes */
    int cursor_column, cursor_row; /* -1 if no cursor is shown */
    unsigned width, height;        /* in pixels, in text modes too */
    /* Physical: where the first pixel is, if each has bytes of its own; otherwise 0. */
    uint64_t pixels;
    unsigned line, pixel_bytes; /* from one row of pixels to the next; of a pixel */
};

/* How often software has looked, since the engine was created, whether something has come from outside (a key, a character), and what
 * time it is: reads of registers of keyboards, serial ports and timers, and calls of BIOS services. */
struct engine_polls {
    uint64_t input, timer;
};

struct engine_ops {
    const char *name;   /* "pc": stored in the trace */
    uint32_t behaviour; /* a version number, raised by any change that makes the same inputs
                         * give another run */
    void (*destroy)(struct engine *);

    /* Runs until the limit or a stop; always fills *stop. Exact: see the top. */
    void (*run)(struct engine *, const struct run_limit *, struct stop *);
    /* Makes a run in progress, or else the next one, stop soon, at a step boundary. Any thread may call it, also from a signal handler. */
    void (*interrupt)(struct engine *);
    uint64_t (*icount)(const struct engine *);
    uint64_t (*time)(const struct engine *); /* guest time, ns */

    /* Gives an input to the machine at the current position. Returns the number of bytes taken (a full FIFO
     * takes fewer). */
    uint32_t (*input)(struct engine *, const struct input *);

    /* Saves the state: all sections, and the pages that changed since the save that *base stands for (all
     * pages if `base` is NULL). *base then stands for this save. A save has no effect on the guest, on a
     * later run or on another consumer's saves. Cost: copying the fields, checking the change count of every
     * page, and copying 4 KiB for each page saved. */
    void (*save)(struct engine *, const struct snapshot_sink *, struct snapshot_base *base);
    int (*load)(struct engine *, const struct snapshot_source *, struct error *);
    /* The region of which a load may leave pages to be fetched: snapshot_source.places. NULL: none. */
    const char *fetched;

    /* Gives the pages that processors executed and wrote since the last call (the first call only begins): what
     * instructions were fetched from, and what was translated for a write by an instruction or a delivery, at the
     * linear address used. Not page walks, nor writes by devices; but these count in `lines`. Follows from the
     * run alone, not from what the engine caches, if it is called at positions that do. The pages are valid until
     * the next call. May be NULL. */
    void (*touched)(struct engine *, struct touched_set *);
    /* Right after a call of that: the part that begins was run before, and touched this. In the next set, the lines and cells written are
     * known of each page of which `before` knows them, wherever a run began and however often they are written; of all others they are
     * not. NULL if `touched` is. */
    void (*touched_ask)(struct engine *, const struct touched_set *before);
    /* What makes the part since that call slow to run again. Follows from the run as `touched` does; NULL if that is. */
    struct touched_amount (*touched_amount)(const struct engine *);
    /* Begins to note which memory processors write, or read and write, from here on, until it is called again; what was noted up to
     * then is given in `set` (which may be NULL) and forgotten. All that can hit STOPS_WRITE, or also STOPS_READ or STOPS_ACCESS, is
     * in it, and more may be. The guest does not notice. The pages are valid until the next call. May be NULL. Cost: for writes some
     * hundredths of the run's time; for all, up to as much again where a kernel uses much memory. */
    void (*accesses)(struct engine *, enum accesses what, struct accessed_set *set);
    /* From now on `wrote` is called for what devices (for a program: its host) write to memory, before or after they do: n bytes at
     * a physical address; n 0: they wrote something, and it is not known where it is. May be NULL. */
    void (*device_writes)(struct engine *, void (*wrote)(void *ctx, uint64_t physical, uint64_t n),
                          void *ctx);

    /* From now on `seen` is called for each call and return that processors execute, after it has changed registers and memory, while the
     * address of the next instruction is still its own. It may look at the machine, and may not change it. `seen` NULL: no more. Not
     * while the engine runs. May be NULL. Cost: 15 to 20 ns for each of them; compiled code stays in use. */
    void (*flows)(struct engine *, void (*seen)(void *ctx, const struct engine_flow *flow), void *ctx);

    /* From now on `seen` is called for code that is executed, at least once for each piece (struct engine_code); what was executed before
     * counts as never executed. `seen` NULL: no more. Not while the engine runs. May be NULL. Cost: code is decoded anew. */
    void (*codes)(struct engine *, void (*seen)(void *ctx, const struct engine_code *code), void *ctx);

    /* From now on `seen` is called for each choice of the variation. NULL: no more. May be NULL: the engine varies nothing. */
    void (*choices)(struct engine *, void (*seen)(void *ctx, const struct engine_choice *c), void *ctx);
    /* As if the machine had been created with another vary-seed; only at a position before the first choice. NULL if `choices` is. */
    void (*reseed)(struct engine *, uint64_t seed);
    /* In a child of fork(): what the engine shares with its parent becomes its own. -1 if the host has no memory. NULL: it shares nothing. */
    int (*forked)(struct engine *);

    /* From now on `seen` is called for what drives and flash chips do with their media, in the order in which they do it; the events of
     * the class disk say which commands it belongs to. NULL: no more. May be NULL: the engine has no drives. */
    void (*media)(struct engine *, void (*seen)(void *ctx, const struct engine_medium *m), void *ctx);

    /* What was polled. A load does not change the counts. NULL if the engine does not count. */
    struct engine_polls (*polls)(const struct engine *);

    /* The tasks, in order of creation: fills at most n of them, and returns how many there are. The function
     * is NULL if the engine has no tasks. */
    size_t (*tasks)(const struct engine *, struct engine_task *list, size_t n);
    /* The id of the task that has the processor; 0 if none has. NULL as for `tasks`. */
    uint32_t (*running)(const struct engine *);

    /* Registers of a processor or a task, by index into the descriptors (fixed for the engine's life).
     * Values are little-endian, (bits + 7) / 8 bytes. -1 if there is no such register or task. */
    const struct reg_desc *(*regs)(const struct engine *, size_t *count);
    int (*reg_get)(const struct engine *, unsigned cpu, size_t reg, void *value);
    int (*reg_set)(struct engine *, unsigned cpu, size_t reg, const void *value);
    unsigned (*cpus)(const struct engine *);
    /* The width of the code at the current address: 16, 32 or 64 bits. */
    unsigned (*code_bits)(const struct engine *, unsigned cpu);

    /* Memory of a processor or a task, without side effects (no TLB fill, no accessed bits, no device).
     * Returns the number of bytes done: stops at the first byte that is not memory. */
    size_t (*peek)(const struct engine *, unsigned cpu, uint64_t linear, void *buf, size_t n);
    size_t (*poke)(struct engine *, unsigned cpu, uint64_t linear, const void *buf, size_t n);
    size_t (*peek_physical)(const struct engine *, uint64_t address, void *buf, size_t n);
    size_t (*poke_physical)(struct engine *, uint64_t address, const void *buf, size_t n);
    /* Memory in place, if all n bytes lie in one piece in the host; else NULL. Valid until the engine runs.
     * Cost: a look at each page. These may be NULL. */
    const void *(*view)(const struct engine *, unsigned cpu, uint64_t linear, size_t n);
    const void *(*view_physical)(const struct engine *, uint64_t address, size_t n);

    /* The guest of the machine's own hardware virtualization that a processor runs now; false if it runs none. NULL: the engine has no such
     * thing. */
    bool (*inner)(const struct engine *, unsigned cpu, struct engine_inner *);
    /* Where a physical address of that guest is in the machine. False if it is not mapped, or no guest runs there. NULL if `inner` is. */
    bool (*inner_physical)(const struct engine *, unsigned cpu, uint64_t address, uint64_t *outer);

    /* The function of PCI bus 0 with that number (device << 3 | function). False if there is none. NULL: the engine has no PCI. */
    bool (*pci)(const struct engine *, unsigned devfn, struct engine_pci *);

    /* Replaces the set of stops and probes. */
    void (*stops)(struct engine *, const struct stop_point *, size_t n);
    /* Sets which event classes are reported, and to whom. Never changes the run. */
    void (*observe)(struct engine *, uint32_t classes, const struct observer *);
    /* Reports events that are not complete yet (a console line without its end), at the end
     * of a recording. */
    void (*flush)(struct engine *);

    /* The screen as text (UTF-8, rows ended by \n), at most `size` bytes with the final NUL. Returns the full
     * length; 0 if the screen shows no text. */
    size_t (*screen)(const struct engine *, char *buf, size_t size);
    /* The display as it is now. Fills *d; fills `cells` row by row if it shows characters and `ncells` is
     * large enough (otherwise they are left alone); fills `rgb` with red, green and blue bytes if `nrgb` is
     * large enough. False if it shows nothing. The function is NULL if the engine has no display. */
    bool (*display)(const struct engine *, struct display *d, struct display_cell *cells, size_t ncells,
                    uint8_t *rgb, size_t nrgb);
};

struct engine {
    const struct engine_ops *ops;
};

/* ---------------------------------------------------------------- events in words */

/* What an engine's events mean, from the events alone: nothing is run. `state` is `size` plain bytes without
 * pointers, which can be copied; it holds what the meaning of later events depends on (such as the register
 * that an index selected). */
struct engine_words {
    size_t (*size)(void);
    void (*reset)(void *state, const struct engine_config *cfg); /* as at the beginning of a trace */
    /* Processes an event, and writes what it means into buf, as snprintf does; returns 0 if there is nothing
     * to say. *manual and *source: the document that says so, and the place in it (NULL if there is none).
     * Must be called with every event, in order. */
    int (*event)(void *state, const struct event *ev, char *buf, size_t size, const char **manual,
                 const char **source);
    /* What a later event tells about `ev`, which was the last one processed: 1 and its words (to be appended); 0 if
     * `next` tells nothing, but one after it may; -1 if none will. With NULL as `next`: 0 or -1. May be NULL. */
    int (*later)(const void *state, const struct event *ev, const struct event *next, char *buf, size_t size);
    /* The role, of at most 15 characters, of the image in a drive, by the drive's number in events of the
     * disk class. False: there is no such drive. */
    bool (*drive)(const struct engine_config *cfg, unsigned number, char role[16]);
    /* Where a saved state has the byte of memory at a physical address: the region, and the byte's offset in
     * it. NULL: there is no memory there, or not always at the same place of the state. May be NULL. */
    const char *(*ram)(const struct engine_config *cfg, uint64_t physical, uint64_t *offset);
    /* The physical address behind the last byte of RAM. There may be none where devices are. May be NULL. */
    uint64_t (*ram_end)(const struct engine_config *cfg);
    /* Whether what the display shows depends on that section or region of a saved state. May be NULL. */
    bool (*shows)(const char *part);
};

/* The number of a register of at most 64 bits, for reg_get and reg_set; SIZE_MAX if there is none
 * of that name. */
static inline size_t engine_reg_index(const struct engine *e, const char *name)
{
    size_t n;
    const struct reg_desc *d = e->ops->regs(e, &n);
    for (size_t i = 0; i < n; i++)
        if (!__builtin_strcmp(d[i].name, name) && d[i].bits <= 64)
            return i;
    return SIZE_MAX;
}

/* The value of the register of that number (from engine_reg_index); 0 if it is SIZE_MAX. */
static inline uint64_t engine_reg_value(const struct engine *e, unsigned cpu, size_t index)
{
    uint64_t v = 0;
    return index == SIZE_MAX || e->ops->reg_get(e, cpu, index, &v) ? 0 : v;
}

#endif

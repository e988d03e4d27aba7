/* views.h - what the machine's state means, in words, for all front ends. Nothing here changes the state.
 *
 * Sources: Intel 64 and IA-32 Architectures Software Developer's Manual (SDM), the section given
 * at each table.
 */
#ifndef BOOTREEL_CORE_VIEWS_VIEWS_H
#define BOOTREEL_CORE_VIEWS_VIEWS_H

#include "base/text.h"
#include "core/engine/look.h"
#include "core/ground/amd64_registers.h"
#include "core/ground/register_bits.h"
#include "core/story/processes.h"
#include "core/symbols/symbols.h"
#include "core/systems/linux/memory/orc.h"

/* ---------------------------------------------------------------- where a processor is */

/* As in EV_CPU_MODE. */
enum view_mode { VIEW_REAL, VIEW_V86, VIEW_PROTECTED16, VIEW_PROTECTED32, VIEW_COMPATIBILITY, VIEW_LONG };

enum view_mode view_mode(struct look m, unsigned cpu);
/* Whether it is in system management mode (SDM volume 3, chapter 32), which can be any of these. */
bool view_smm(struct look m, unsigned cpu);
/* Whether `pc` is in the code with which it begins, at SMBASE + 8000h; nothing has a name there. */
bool view_smm_entry(struct look m, unsigned cpu, uint64_t pc);
/* "64-bit mode, ring 0"; "32-bit protected mode, ring 0, SMM". */
const char *view_mode_text(struct look m, unsigned cpu, char buf[48]);
/* "0000:7c00" or 0xffffffff81000000. */
const char *view_place_text(struct look m, unsigned cpu, char buf[48]);
/* Linear address of the top of the stack (SS base + SP, as wide as the stack is). */
uint64_t view_stack(struct look m, unsigned cpu);

/* ---------------------------------------------------------------- segments */

struct view_segment {
    unsigned selector;
    uint64_t at;          /* linear address of the descriptor */
    uint64_t base, limit; /* limit: the last byte that is allowed */
    unsigned type, dpl;
    bool present, system, wide, big, granular;
};

/* What a selector names: a descriptor; nothing (null); what is beyond its table's limit; what is in memory that is not mapped. */
enum view_selector { VIEW_SELECTOR_NAMES, VIEW_SELECTOR_NULL, VIEW_SELECTOR_BEYOND, VIEW_SELECTOR_UNMAPPED };
/* The descriptor that a selector names, in the GDT or LDT as it is in memory now. If it names none, only `selector` and
 * `at` are set. */
enum view_selector view_descriptor(struct look m, unsigned cpu, unsigned selector, struct view_segment *s);
/* "code 64-bit, ring 0, readable", "data 32-bit, ring 3, writable", "TSS (busy)". As snprintf. */
int view_segment_text(const struct view_segment *s, char *buf, size_t size);

/* ---------------------------------------------------------------- pages */

enum { VIEW_WALK_MAX = 5 };

struct view_walk_level {
    const char *name; /* "PML4", "PDPT", "PD", "PT" */
    unsigned index;
    uint64_t at;    /* physical address of the entry, in the machine */
    uint64_t inner; /* the same in the virtual machine that runs */
    uint64_t entry; /* its value */
    bool leaf;      /* it maps a page */
    bool read;      /* the entry is in memory */
};

struct view_walk {
    bool paging; /* else linear is physical */
    unsigned n;
    struct view_walk_level level[VIEW_WALK_MAX];
    bool mapped;       /* without paging, too */
    uint64_t physical; /* in the machine */
    uint64_t page;     /* its size */
    /* What all levels together allow. */
    bool writable, user, executable;
    /* If a virtual machine with nested page tables runs: the address is physical there, and by these it is in the machine. What they allow is
     * in the entries alone. */
    bool nested, ept;
    bool inner_mapped; /* the first level maps it; else `mapped` is false, too */
    uint64_t inner;
    unsigned nouter;
    struct view_walk_level outer[VIEW_WALK_MAX];
};

/* Walks the page tables as the processor would, without setting accessed or dirty bits. */
void view_walk(struct look m, unsigned cpu, uint64_t linear, struct view_walk *w);

/* ---------------------------------------------------------------- the stack */

enum view_frame_by { VIEW_FRAME_HERE, VIEW_FRAME_CFI, VIEW_FRAME_POINTER, VIEW_FRAME_GUESS };

/* One call: where it is, and how that was found. */
struct view_frame {
    uint64_t pc; /* linear */
    uint64_t sp; /* linear; what the stack pointer was before the call */
    enum view_frame_by by;
    bool called; /* pc is a return address: the call is before it */
    /* Only of the last: why its caller cannot be found, in words; NULL: it has none, or there is no room. */
    const char *lost;
};
/* How many of n calls are certain: those before the first guess, if there is one. *lost (or NULL) becomes why no more are; NULL: there
 * are no more. */
size_t view_frames_certain(const struct view_frame *frame, size_t n, const char **lost);
/* For samples of a run (core/run/samples.h): as view_frames() and view_frames_certain(). */
extern const struct sample_walker view_walker;

/* The calls in progress, the innermost first. They are found by call frame information where the symbols have
 * some, or the kernel or its modules have tables of their own (`o`, may be NULL). Code that such a kernel has generated (BPF
 * programs, trampolines) is followed to its return. Otherwise calls are found by the frame pointer, if it points
 * to a chain of frames in code with symbols; otherwise by the values on the stack that look like return
 * addresses (VIEW_FRAME_GUESS: these may be stale), which is never done in a kernel with tables. The caller of a kernel's entry is
 * the program that it interrupted, if that has symbols; that of the entry of system management mode the code that was interrupted. `space` is as in symbols.h; `s` may be NULL (no symbols). Returns the
 * number of calls. */
size_t view_frames(struct look m, unsigned cpu, const struct symbols *s, symbol_space space,
                   struct view_orc *o, struct view_frame *frame, size_t max);

/* Registers of one frame, by their numbers in DWARF (16: rip); of 64-bit code. */
enum { VIEW_FRAME_REGISTERS = AMD64_REGISTERS };
/* ---------------------------------------------------------------- lists of what a trace says
 * Each adds lines of text. A position is given as an icount of the record. */

struct event_filter; /* core/timeline/timeline.h */

/* The beginning of a line: "           123       0.000123 s  ". */
void view_place(struct text *out, uint64_t icount, uint64_t time);
/* One event, with its number. */
void view_event(struct text *out, const struct event *ev, uint64_t number);
/* The next n events from a position on that match, or the last n before it, in order. -1 with err if the trace
 * cannot be read. */
int view_events(struct text *out, struct trace *t, uint64_t from, const struct event_filter *f, uint64_t n,
                bool back, struct error *err);
/* The events that outline a boot (core/story/marks.h); ">" before those that lie ahead. */
void view_milestones(struct text *out, struct trace *t, uint64_t here);
/* The domains of a hypervisor, as they are here. */
void view_domains(struct text *out, struct trace *t, uint64_t here);
#define VIEW_NO_PROCESSES "no processes are known here: those of a Linux kernel are, from its start on"
/* The processes, those that have exited only if `all`; "*" before `current`, which may be NULL. */
void view_processes(struct text *out, const struct processes *ps, const struct process *current, bool all);

#endif

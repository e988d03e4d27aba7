/* case.h - what explainers have in common: the facts of a boot, the machine at a position, and findings. */
#ifndef BOOTREEL_CORE_CASE_CASE_H
#define BOOTREEL_CORE_CASE_CASE_H

#include "core/case/verdict.h"
#include "core/insn/disassemble.h"
#include "core/origin/origin.h"
#include "core/story/explain.h"
#include "core/story/processes.h"
#include "core/symbols/symbols.h"
#include "core/timeline/timeline.h"
#include "core/views/views.h"

/* ---------------------------------------------------------------- facts (facts.c) */

/* The events of one boot that explainers ask for, in order. Of a kind that comes often, only the first ones
 * and the last ones are kept. */
struct facts {
    struct event *event; /* `data` belongs to it */
    size_t n, cap;
    uint64_t count[EV_COUNT]; /* by kind: of all events, also those that were not kept */
    uint64_t begin, end;      /* icounts: after the reset with which the boot began, and of its last event */
    uint64_t end_time;
};

/* The last event of a kind, or NULL. */
const struct event *facts_last(const struct facts *f, unsigned kind);
/* The first event of a kind, or NULL. */
const struct event *facts_first(const struct facts *f, unsigned kind);
/* The event's text: at most `size` - 1 bytes, without line breaks. Returns buf. */
const char *fact_text(const struct event *ev, char *buf, size_t size);
bool fact_contains(const struct event *ev, const char *text);
/* The last console line that contains the text, after position `from`; NULL if there is none. */
const struct event *facts_line(const struct facts *f, const char *text, uint64_t from);
/* The first such line, likewise. */
const struct event *facts_first_line(const struct facts *f, const char *text, uint64_t from);

/* ---------------------------------------------------------------- a case */

struct why_case {
    struct trace *t;
    const struct engine_kind *kind;
    uint64_t at;              /* what comes after is not looked at */
    bool whole;               /* that is the end of the record */
    const char *reason;       /* how the record ended, if `whole`; else "" */
    struct facts now, before; /* of the last boot, and the one before it */
    bool before_crashed;      /* the one before it ended in a crash */
    bool kexec;               /* … and the last one was not begun by a reset: kexec started its kernel */
    struct facts bad;         /* of the last earlier boot that did; empty if none did */
    uint64_t resets;          /* up to `at` */
    uint64_t shutdowns;       /* how many of them were asked for by a kernel that was shut down */
    bool again;               /* the machine boots again and again; `now` is the last whole boot */
    /* The machine; private to machine.c. */
    struct timeline *tl;
    struct symbols *symbols;
    struct debug_info *debug; /* NULL: none was given */
    struct processes *processes;
    struct view_orc *orc;
    struct explainer *words;
    struct origin *origin; /* private to jump.c */
};

/* Reads the events up to c->at. -1 with err. */
int facts_read(struct why_case *c, struct error *err);
void facts_free(struct facts *f);

/* ---------------------------------------------------------------- the machine (machine.c) */

enum { PLACE_TEXT = 400 };

/* Goes to a position. False if that is not possible. */
bool case_go(struct why_case *c, uint64_t icount);
/* Whether there is time for a search that a verdict can do without: each is counted in the steps that it runs, so that the answer is the same on
 * any machine. */
bool case_affords(struct why_case *c);
/* Makes one step. False if that is not possible. */
bool case_step(struct why_case *c);
/* The name of a linear address, as code that is executed at `icount` by that processor: a symbol, or a part
 * of the PC's memory; "" if it has none. Nothing is run. Returns buf. */
const char *case_name(struct why_case *c, uint64_t icount, unsigned cpu, uint64_t address,
                      char buf[PLACE_TEXT]);
/* The same, with the source line and the functions that are inlined there, where debug information was given. For people: names are compared by
 * case_name(). */
const char *case_place(struct why_case *c, uint64_t icount, unsigned cpu, uint64_t address,
                       char buf[PLACE_TEXT]);
/* The name of the instruction at which an event happened: its linear address is that of the machine there, which an offset in an event is not in
 * every mode. Goes there. Returns buf. */
const char *case_place_of(struct why_case *c, const struct event *ev, char buf[PLACE_TEXT]);
/* "0x1234 (name)" or "0x1234". Returns buf. */
const char *case_address(struct why_case *c, uint64_t icount, unsigned cpu, uint64_t address,
                         char buf[PLACE_TEXT]);
/* What is executed next, as text; "" if it is not in memory. Returns in->text. */
const char *case_insn(struct why_case *c, unsigned cpu, struct instruction *in);
/* An exception in words: "#GP general protection: IDT entry 21h". Returns buf. */
const char *case_exception(struct why_case *c, uint64_t vector, uint64_t error, uint64_t cr2, uint64_t ip,
                           char buf[PLACE_TEXT]);
/* The same of an event. Returns buf. */
const char *case_exception_event(struct why_case *c, const struct event *ev, char buf[PLACE_TEXT]);
/* The symbols of the trace; NULL if they cannot be read. */
const struct symbols *case_symbols(struct why_case *c);
/* Whether the bytes there, in linear memory, are all zero. */
bool case_zeros(struct why_case *c, unsigned cpu, uint64_t address, size_t n);

/* ---------------------------------------------------------------- findings */

enum { FIND_LINES = 48 };

/* Lines may be more than a verdict has, and some the same: shape_lines() chooses. What is added first says most. */
struct finding {
    bool found;
    enum why_code code;
    enum why_answer answer;
    uint64_t icount;
    struct text verdict;
    struct why_line line[FIND_LINES];
    size_t n;
};

/* Sets the verdict, and that something was found. */
__attribute__((format(printf, 4, 5))) void find_verdict(struct finding *f, enum why_code code,
                                                        uint64_t icount, const char *fmt, ...);
/* Adds evidence at a position; `place` may be NULL. Lines beyond FIND_LINES are dropped. */
__attribute__((format(printf, 4, 5))) void find_line(struct finding *f, uint64_t icount, const char *place,
                                                     const char *fmt, ...);
/* Adds evidence without a position. */
__attribute__((format(printf, 2, 3))) void find_note(struct finding *f, const char *fmt, ...);
/* Adds an event as evidence: its text, after `what` if that is not NULL. */
void find_event(struct finding *f, struct why_case *c, const struct event *ev, const char *what);
/* Adds the callers of what is executed now, as "a < b < c", without those that are guessed; no line if there
 * are none. */
void find_callers(struct finding *f, struct why_case *c, unsigned cpu);
/* Moves the evidence of another finding to the end of this one's. */
void find_move(struct finding *f, struct finding *from);
/* Frees what was found, and the verdict. */
void find_drop(struct finding *f);
enum writer { WRITER_NONE, WRITER_CALLS, WRITER_OTHER };
/* Goes back to before the last write, by a processor, to any of n bytes at linear `address`, and adds the instruction as evidence:
 * "WHAT at 0x1000 was written by: push rax", and, if only calls should write there (`by_call`), that it is none. */
enum writer find_writer(struct finding *f, struct why_case *c, uint64_t address, uint64_t n, const char *what,
                        bool by_call);
/* Goes to an event, and adds the callers there, as find_callers. */
void find_callers_at(struct finding *f, struct why_case *c, const struct event *ev);
/* Takes a full stop at the end away, for a sentence that goes on. */
void cut_full_stop(char *sentence);
/* Whether an image is of a CD; of a CD or disk. */
bool image_is_cd(const struct trace_image *im);
bool image_is_drive(const struct trace_image *im);
/* Adds the disks and CDs that the machine was given, with their interfaces. */
void find_drives_of_machine(struct finding *f, struct why_case *c);
/* Adds the last n console lines before `to` that are after `from`, each once. */
void find_console(struct finding *f, struct why_case *c, uint64_t from, uint64_t to, size_t n);

/* Adds the last calls of the BIOS's disk service by the boot sector and what followed it, before `to`. */
void find_disk_services(struct finding *f, struct why_case *c, uint64_t to);

/* The last read of the BIOS's disk service that failed after the boot sector was entered and before a position, with no read after it that went
 * well; NULL if there is none. */
const struct event *disk_read_failed(struct why_case *c, uint64_t to);
/* The same of the drive that the boot sector is from, if no kernel was started after it: what is printed then tells of it, in whatever words. */
const struct event *boot_read_failed(struct why_case *c, uint64_t to);
/* Adds what failed, without where: that is in the event, which is evidence. */
void disk_read_words(const struct event *read, struct text *out);
/* A status of that service in words: "sector not found". */
const char *disk_status_words(uint64_t status);

/* Whether a kernel got control after that position. */
bool kernel_after(struct why_case *c, uint64_t icount);
/* ---------------------------------------------------------------- the initrd (initrd.c) */

/* The first line of a file in the initrd that the kernel was given, with what is not printable as \r or \xNN. False if there is none. */
bool initrd_first_line(struct why_case *c, const char *path, char *buf, size_t size);
enum initrd_has { INITRD_UNKNOWN, INITRD_HAS, INITRD_HAS_NOT };
/* Whether it has that module of the kernel. */
enum initrd_has initrd_has_module(struct why_case *c, const char *name);

/* ---------------------------------------------------------------- their shape (shape.c) */

/* Makes a verdict short enough for a headline: what it has too much becomes its first line of evidence. */
void shape_headline(struct finding *f);
/* Drops what was said already, and what is too much; the rest in order of time. */
void shape_lines(struct finding *f);
/* The bytes of the first `most` characters of a text in UTF-8. */
size_t shape_bytes(const char *s, size_t most);

/* Looks at a case, and says what it finds; nothing if it has no evidence. */
typedef void explainer_fn(struct why_case *c, struct finding *f);

#endif

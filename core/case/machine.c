/* machine.c - the machine at a position, for explainers: going there, names of places, instructions, callers. */
#include <inttypes.h>

#include "core/story/running.h"
#include "core/symbols/debug.h"
#include "core/timeline/recorded_debug.h"
#include "core/case/case.h"

/* ---------------------------------------------------------------- going */

static bool is_open(struct why_case *c)
{
    struct error ignored;
    if (!c->tl) {
        c->tl = timeline_open_unplaced(c->t, c->kind, &ignored);
        if (c->tl)
            timeline_short_seeks(c->tl, true);
    }
    return c->tl;
}

bool case_go(struct why_case *c, uint64_t icount)
{
    struct timeline_stopped s;
    struct error ignored;
    return is_open(c) && !timeline_seek(c->tl, icount, &s, &ignored) && s.icount == icount;
}

bool case_affords(struct why_case *c)
{
    const uint64_t most = 400000000;
    struct timeline_stats s;
    if (!is_open(c))
        return false;
    timeline_stats(c->tl, &s);
    return s.steps < most;
}

bool case_step(struct why_case *c)
{
    struct timeline_stopped s;
    struct error ignored;
    return !timeline_step(c->tl, TIMELINE_FORWARD, 1, &s, &ignored) && s.reason == TIMELINE_DONE;
}

/* ---------------------------------------------------------------- names */

static bool has_names(struct why_case *c)
{
    struct error ignored;
    if (!c->symbols)
        c->symbols = symbols_load(c->t, &ignored);
    if (c->symbols && c->debug) {
        if (recorded_debug(c->t, c->kind, c->symbols, c->debug, &ignored))
            debug_info_say(c->debug, "%s", ignored.text);
        c->debug = NULL; /* the symbols have it */
    }
    if (!c->processes)
        c->processes = processes_new();
    return c->symbols;
}

const struct symbols *case_symbols(struct why_case *c)
{
    return has_names(c) ? c->symbols : NULL;
}

static symbol_space space_of(struct why_case *c, uint64_t icount, unsigned cpu, uint64_t address)
{
    struct error ignored;
    struct running r;
    processes_move(c->processes, c->t, icount, &ignored);
    running_at(&(struct running_place){c->t, c->symbols, c->processes, icount, icount, cpu, address}, &r);
    return r.space;
}

/* Parts of a PC's memory without symbols. */
static const char *part_of_memory(uint64_t address)
{
    static const struct {
        uint64_t begin, end;
        const char *name;
    } parts[] = {
        {0, 0x3ff, "the real mode's vectors"},
        {0x400, 0x4ff, "the BIOS's data"},
        {0x7c00, 0x7dff, "the boot sector"},
        {0xa0000, 0xbffff, "the display's memory"},
        {0xc0000, 0xdffff, "option ROMs"},
        {0xe0000, 0xfffff, "the firmware"},
        {0xffc00000, 0xffffffff, "the firmware's ROM"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (address >= parts[i].begin && address <= parts[i].end)
            return parts[i].name;
    return "";
}

const char *case_name(struct why_case *c, uint64_t icount, unsigned cpu, uint64_t address,
                      char buf[PLACE_TEXT])
{
    struct symbol sym;
    *buf = 0;
    if (has_names(c)) {
        const symbol_space space = space_of(c, icount, cpu, address);
        if (symbols_at(c->symbols, space, address, icount, &sym, NULL))
            symbols_text(c->symbols, space, address, icount, buf, PLACE_TEXT);
    }
    const bool pc = !strcmp(trace_config(c->t)->engine, "pc") && !facts_last(&c->now, EV_KERNEL_FOUND);
    if (!*buf && pc)
        snprintf(buf, PLACE_TEXT, "%s", part_of_memory(address));
    return buf;
}

const char *case_place(struct why_case *c, uint64_t icount, unsigned cpu, uint64_t address,
                       char buf[PLACE_TEXT])
{
    case_name(c, icount, cpu, address, buf);
    if (*buf && c->symbols) {
        const size_t n = strlen(buf);
        symbols_source_text(c->symbols, space_of(c, icount, cpu, address), address, icount, buf + n,
                            PLACE_TEXT - n);
    }
    return buf;
}

const char *case_place_of(struct why_case *c, const struct event *ev, char buf[PLACE_TEXT])
{
    *buf = 0;
    return case_go(c, ev->icount) ? case_place(c, ev->icount, ev->cpu, timeline_pc(c->tl, ev->cpu), buf)
                                  : buf;
}

const char *case_address(struct why_case *c, uint64_t icount, unsigned cpu, uint64_t address,
                         char buf[PLACE_TEXT])
{
    char place[PLACE_TEXT];
    case_place(c, icount, cpu, address, place);
    snprintf(buf, PLACE_TEXT, *place ? "0x%" PRIx64 " (%.360s)" : "0x%" PRIx64, address, place);
    return buf;
}

/* ---------------------------------------------------------------- instructions */

const char *case_insn(struct why_case *c, unsigned cpu, struct instruction *in)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    const uint64_t pc = timeline_pc(c->tl, cpu);
    const size_t n = timeline_peek(c->tl, cpu, pc, bytes, sizeof bytes);
    disassemble(pc, timeline_code_bits(c->tl, cpu), bytes, n, in);
    return in->text;
}

/* ---------------------------------------------------------------- callers */

void find_callers(struct finding *f, struct why_case *c, unsigned cpu)
{
    enum { MOST = 9 };
    struct view_frame frame[MOST];
    char name[PLACE_TEXT];
    const char *lost;
    struct text callers = {0};
    const uint64_t icount = timeline_icount(c->tl);
    if (!has_names(c))
        return;
    if (!c->orc)
        c->orc = view_orc_new();
    const symbol_space space = space_of(c, icount, cpu, timeline_pc(c->tl, cpu));
    const size_t n = view_frames(timeline_look(c->tl), cpu, c->symbols, space, c->orc, frame, MOST);
    const size_t certain = view_frames_certain(frame, n, &lost);
    for (size_t i = 1; i < certain; i++) {
        const size_t len = (size_t)symbols_text(c->symbols, space, frame[i].pc, icount, name, sizeof name);
        if (len < sizeof name)
            symbols_source_text(c->symbols, space, frame[i].pc - frame[i].called, icount, name + len,
                                sizeof name - len);
        text_add(&callers, "%s%s", callers.n ? " < " : "", name);
    }
    if (callers.n && lost)
        text_add(&callers, " < unknown (%s)", lost);
    if (callers.n)
        find_line(f, icount, NULL, "called by %s", callers.s);
    free(callers.s);
}

void find_callers_at(struct finding *f, struct why_case *c, const struct event *ev)
{
    if (case_go(c, ev->icount))
        find_callers(f, c, ev->cpu);
}

/* ---------------------------------------------------------------- writers */

enum writer find_writer(struct finding *f, struct why_case *c, uint64_t address, uint64_t n, const char *what,
                        bool by_call)
{
    char place[PLACE_TEXT];
    struct timeline_stopped s;
    struct instruction in;
    struct error ignored;
    if (timeline_last_write(c->tl, address, n, &s, &ignored) || s.reason != TIMELINE_WATCHPOINT)
        return WRITER_NONE;
    const char *insn = case_insn(c, s.cpu, &in);
    const bool calls = !strncmp(insn, "call", 4) || !strncmp(insn, "lcall", 5);
    find_line(f, s.icount, case_place(c, s.icount, s.cpu, timeline_pc(c->tl, s.cpu), place),
              "%s at 0x%" PRIx64 " was written by: %s%s", what, address, insn,
              by_call && !calls ? " (not a call)" : "");
    return calls ? WRITER_CALLS : WRITER_OTHER;
}

/* ---------------------------------------------------------------- drives */

bool image_is_cd(const struct trace_image *im)
{
    return !strncmp(im->role, "cdrom", 5);
}

bool image_is_drive(const struct trace_image *im)
{
    return image_is_cd(im) || !strncmp(im->role, "disk", 4);
}

void find_drives_of_machine(struct finding *f, struct why_case *c)
{
    const struct trace_config *cfg = trace_config(c->t);
    struct text drives = {0};
    for (size_t i = 0; i < cfg->nimages; i++) {
        const char *role = cfg->images[i].role;
        char key[60];
        if (!image_is_drive(&cfg->images[i]))
            continue;
        snprintf(key, sizeof key, "%.30s-interface", role);
        const char *interface = trace_setting(c->t, key);
        text_add(&drives, "%s%s%s%s%s", drives.n ? ", " : "", role, interface ? " (" : "",
                 interface ? interface : "", interface ? ")" : "");
    }
    find_note(f, "disks of the machine: %s", drives.n ? drives.s : "none");
    free(drives.s);
}

/* ---------------------------------------------------------------- words */

void cut_full_stop(char *sentence)
{
    const size_t n = strlen(sentence);
    if (n && sentence[n - 1] == '.')
        sentence[n - 1] = 0;
}

const char *case_exception(struct why_case *c, uint64_t vector, uint64_t error, uint64_t cr2, uint64_t ip,
                           char buf[PLACE_TEXT])
{
    const struct event ev = {.kind = EV_EXCEPTION,
                             .f = {[EVF_EXCEPTION_vector] = vector,
                                   [EVF_EXCEPTION_error] = error,
                                   [EVF_EXCEPTION_ip] = ip,
                                   [EVF_EXCEPTION_cr2] = cr2}};
    if (!c->words)
        c->words = explainer_new(NULL, trace_config(c->t));
    explainer_event(c->words, &ev, buf, PLACE_TEXT);
    return buf;
}

const char *case_exception_event(struct why_case *c, const struct event *ev, char buf[PLACE_TEXT])
{
    return case_exception(c, EVF(ev, EXCEPTION, vector), EVF(ev, EXCEPTION, error), EVF(ev, EXCEPTION, cr2),
                          EVF(ev, EXCEPTION, ip), buf);
}

bool case_zeros(struct why_case *c, unsigned cpu, uint64_t address, size_t n)
{
    uint8_t bytes[512];
    const size_t got = timeline_peek(c->tl, cpu, address, bytes, n < sizeof bytes ? n : sizeof bytes);
    for (size_t i = 0; i < got; i++)
        if (bytes[i])
            return false;
    return got > 0;
}

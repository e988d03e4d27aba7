/* monitor_show.c - monitor commands that show the position, what happened around it, and the state of the
 * machine's parts. */
#include <inttypes.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "core/screen/timeline_screen.h"
#include "core/story/marks.h"
#include "core/story/processes.h"
#include "core/systems/efi/firmware.h"
#include "core/systems/linux/memory/dmesg.h"
#include "core/why/why.h"
#include "gdbstub/impl.h"

static void add_time(struct text *out, uint64_t ns)
{
    char text[NUMBER_TEXT];
    text_add(out, "%s", number_time(text, ns));
}

/* The recorded position that lists refer to; in a diversion, the position where it left the record. */
uint64_t stub_recorded(struct gdbstub *g)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    return w.diverted ? w.fork : w.icount;
}

/* ---------------------------------------------------------------- where */

static void add_stage(struct gdbstub *g, struct text *out);

void monitor_when(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_where w;
    struct running r;
    char mode[48], place[48], name[200];
    timeline_where(g->tl, &w);
    text_add(out, "icount %" PRIu64, w.icount);
    if (!w.diverted)
        text_add(out, " of %" PRIu64, w.last);
    if (!w.diverted && w.last)
        text_add(out, " (%.2f %%)", 100.0 * (double)w.icount / (double)w.last);
    text_add(out, ", guest time ");
    add_time(out, w.time);
    text_add(out, "\nCPU %u at %s, %s", w.cpu, view_place_text(timeline_look(g->tl), w.cpu, place),
             view_mode_text(timeline_look(g->tl), w.cpu, mode));
    if (w.task)
        text_add(out, ", thread %u of the host", w.task);
    if (stub_running(g, w.cpu, &r)) {
        const uint64_t pc = timeline_pc(g->tl, w.cpu);
        if (symbols_at(stub_symbols(g), r.space, pc, w.icount, &(struct symbol){0}, NULL)) {
            symbols_text(stub_symbols(g), r.space, pc, w.icount, name, sizeof name);
            text_add(out, ", %s", name);
        }
        if (running_text(&r, name, sizeof name))
            text_add(out, ", in %s", name);
    }
    text_add(out, "\n");
    add_stage(g, out);
    if (w.diverted)
        text_add(out,
                 "diverted: a private run that left the record at icount %" PRIu64
                 " (monitor undo goes back)\n",
                 w.fork);
}

/* ---------------------------------------------------------------- stages */

/* Built at the first use, by a walk over the trace's events. NULL if there are none. */
const struct stages *stub_stages(struct gdbstub *g)
{
    struct error err;
    if (!g->stages_read)
        g->stages = stages_of_trace(timeline_trace(g->tl), &err);
    g->stages_read = true;
    return g->stages;
}

static bool encloses(const struct stages *st, long outer, long inner)
{
    while (inner >= 0 && inner != outer)
        inner = stages_get(st, (size_t)inner)->parent;
    return inner >= 0;
}

enum { STAGES_DEEP = 2 };

/* Without an argument, it shows the outermost stages, and those that contain this position. */
static bool stage_shown(const struct stages *st, long i, long here, const char *args)
{
    const struct stage *s = stages_get(st, (size_t)i);
    if (!strcmp(args, "all"))
        return true;
    if (*args)
        return !strncmp(s->name, args, strlen(args));
    return s->depth < STAGES_DEEP || encloses(st, i, here);
}

/* [all | NAME] */
static void monitor_stages(struct gdbstub *g, const char *args, struct text *out)
{
    const struct stages *st = stub_stages(g);
    uint64_t at = stub_recorded(g);
    if (!st || !stages_count(st)) {
        text_add(out, "no stages are known of this boot; what happened (> lies ahead):\n");
        view_milestones(out, timeline_trace(g->tl), at);
        return;
    }
    long here = stages_at(st, at);
    for (size_t i = 0; i < stages_count(st); i++) {
        const struct stage *s = stages_get(st, i);
        if (!stage_shown(st, (long)i, here, args))
            continue;
        text_add(out, "%s", encloses(st, (long)i, here) ? "* " : s->begin > at ? "> " : "  ");
        view_place(out, s->begin, s->begin_time);
        text_add(out, "%*s%s\n", (int)(2 * s->depth), "", s->name);
    }
    if (!out->n)
        text_add(out, "error: no stage begins with \"%.60s\"\n", args);
}

static void add_stage(struct gdbstub *g, struct text *out)
{
    const struct stages *st = stub_stages(g);
    long i = st ? stages_at(st, stub_recorded(g)) : -1;
    if (i >= 0)
        text_add(out, "stage %s\n", stages_get(st, (size_t)i)->name);
}

/* ---------------------------------------------------------------- events */

/* Explains events; built at the first use. */
static struct trace_explainer *explainer_of(struct gdbstub *g)
{
    if (!g->explainer)
        g->explainer = trace_explainer_new(timeline_trace(g->tl), timeline_kind(g->tl));
    return g->explainer;
}

enum { EVENTS_SHOWN = 10, EVENTS_MOST = 1000 };

/* [-]N [EVENT] */
static void monitor_events(struct gdbstub *g, const char *args, struct text *out)
{
    struct event_filter f = {0};
    struct error err;
    bool back = *args == '-';
    char *end;
    uint64_t n = strtoull(args + back, &end, 10);
    if (end == args + back) {
        n = EVENTS_SHOWN;
        end = (char *)args;
    }
    end += strspn(end, " \t");
    if (n > EVENTS_MOST)
        n = EVENTS_MOST;
    if ((*end && event_filter_parse(end, &f, &err)) ||
        event_filter_recorded(&f, trace_config(timeline_trace(g->tl))->classes, &err) ||
        view_events(out, timeline_trace(g->tl), stub_recorded(g), &f, n, back, &err)) {
        text_add(out, "error: %s\n", err.text);
        return;
    }
    if (!out->n)
        text_add(out, "none %s here\n", back ? "before" : "from");
}

/* [#]NUMBER is that event; EVENT is the next of that kind; without an argument it is the next event. */
static void monitor_explain(struct gdbstub *g, const char *args, struct text *out)
{
    struct event_filter f = {0};
    struct event ev;
    struct error err;
    char *end, words[1024];
    const char *digits = args + (*args == '#');
    uint64_t number = strtoull(digits, &end, 10);
    struct trace_cursor *c = trace_cursor_open(timeline_trace(g->tl), EVENT_CLASSES_ALL);
    int rc = end != digits && !*end ? trace_cursor_seek_number(c, number, &err)
             : *args && event_filter_parse(args, &f, &err)
                 ? -1
                 : trace_cursor_seek_icount(c, stub_recorded(g), &err);
    rc = rc ? -1 : 1;
    while (rc == 1 && (rc = trace_cursor_next(c, &ev, &number, &err)) == 1 && end == digits && *args &&
           !event_filter_matches(&f, &ev))
        ;
    if (rc == 1)
        view_event(out, &ev, number); /* before the next query invalidates its data */
    trace_cursor_close(c);
    int n = rc == 1 ? trace_explain(explainer_of(g), number, words, sizeof words, &err) : 0;
    if (rc < 0 || n < 0) {
        text_add(out, "error: %s\n", err.text);
    } else if (!rc) {
        text_add(out, "no such event\n");
    } else {
        const struct explainer *x = trace_explainer_last(explainer_of(g));
        const char *manual = explainer_manual(x), *source = explainer_source(x);
        text_add(out, "          %s\n", n ? words : "nothing more is known about it");
        if (manual)
            text_add(out, "          (%s%s%s)\n", manual, source ? ": " : "", source ? source : "");
    }
}

/* Of the recorded run, also in a diversion. */
static void monitor_why(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    uint64_t at = UINT64_MAX;
    struct why *w = *args && timeline_resolve(g->tl, args, &at, &err)
                        ? NULL
                        : why_ask(timeline_trace(g->tl), timeline_kind(g->tl), at, &err);
    if (w)
        why_text(out, w, "boot-seek", WHY_LINES);
    else
        text_add(out, "error: %s\n", err.text);
    why_free(w);
}

static void near_event(struct gdbstub *g, const char *args, enum timeline_direction dir, struct text *out)
{
    struct event_filter f = {0};
    struct event ev;
    struct error err;
    uint64_t number;
    int rc = *args ? event_filter_parse(args, &f, &err) : 0;
    if (!rc)
        rc = event_filter_recorded(&f, trace_config(timeline_trace(g->tl))->classes, &err);
    if (!rc)
        rc = timeline_event_near(g->tl, dir, &f, &ev, &number, &err);
    if (rc < 0)
        text_add(out, "error: %s\n", err.text);
    else if (rc)
        view_event(out, &ev, number);
    else
        text_add(out, "%s\n",
                 timeline_diverted(g->tl) ? "a diversion has no recorded events"
                 : dir == TIMELINE_BACK   ? "none before here"
                                          : "none from here on");
}

static void monitor_last(struct gdbstub *g, const char *args, struct text *out)
{
    near_event(g, args, TIMELINE_BACK, out);
}

static void monitor_next(struct gdbstub *g, const char *args, struct text *out)
{
    near_event(g, args, TIMELINE_FORWARD, out);
}

/* ---------------------------------------------------------------- marks, processes */

static void monitor_marks(struct gdbstub *g, const char *args, struct text *out)
{
    const char *name;
    uint64_t icount;
    for (size_t i = 0; timeline_mark(g->tl, i, &name, &icount); i++)
        text_add(out, "%s%14" PRIu64 "  %s\n", icount <= stub_recorded(g) ? "  " : "> ", icount, name);
    if (!out->n)
        text_add(out, "no marks yet: monitor mark NAME\n");
}

static void monitor_domains(struct gdbstub *g, const char *args, struct text *out)
{
    view_domains(out, timeline_trace(g->tl), stub_recorded(g));
}

static void monitor_processes(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_where w;
    struct error err;
    bool ever = !strcmp(args, "ever"), all = ever || !strcmp(args, "all");
    timeline_where(g->tl, &w);
    const struct processes *ps = stub_processes(g, ever ? w.last : stub_recorded(g), &err);
    if (!ps) {
        text_add(out, "error: %s\n", err.text);
        return;
    }
    view_processes(
        out, ps, ever ? NULL : processes_running(ps, w.cpu, (uint32_t)timeline_reg(g->tl, w.cpu, "host_pid")),
        all);
}

/* ---------------------------------------------------------------- UEFI firmware */

static size_t peek_memory(const void *ctx, uint64_t address, void *buf, size_t n)
{
    return timeline_peek_physical(ctx, address, buf, n);
}

static void monitor_firmware(struct gdbstub *g, const char *args, struct text *out)
{
    const struct firmware_memory m = {g->tl, peek_memory};
    const char *name, *what;
    struct error err;
    if (*args) {
        if (firmware_text(out, timeline_trace(g->tl), stub_recorded(g), &m, args, &err))
            text_add(out, "error: %s\n", err.text);
        return;
    }
    for (size_t i = 0; (name = firmware_list(i, &what)); i++)
        text_add(out, "monitor firmware %-10s %s\n", name, what);
}

/* ---------------------------------------------------------------- registers, parts, screen */

static void add_register(struct gdbstub *g, struct text *out, const struct reg_desc *d, size_t i)
{
    uint8_t value[32] = {0};
    char digits[2 * sizeof value + 1];
    size_t n = (d->bits + 7u) / 8;
    if (timeline_reg_get(g->tl, stub_cpu(g), i, value))
        return;
    for (size_t k = 0; k < n; k++)
        snprintf(digits + 2 * k, 3, "%02x", value[n - 1 - k]);
    text_add(out, "  %-13s %s\n", d->name, digits);
}

static void monitor_regs(struct gdbstub *g, const char *args, struct text *out)
{
    static const char *const groups[] = {"general", "segment", "float", "vector", "control", "system"};
    size_t count;
    bool any = false;
    const struct reg_desc *d = timeline_regs(g->tl, &count);
    for (unsigned group = 0; group < sizeof groups / sizeof groups[0]; group++) {
        if (*args && strcmp(args, groups[group]))
            continue;
        any = true;
        text_add(out, "%s\n", groups[group]);
        for (size_t i = 0; i < count; i++)
            if (d[i].group == group)
                add_register(g, out, &d[i], i);
    }
    if (!any)
        text_add(out, "error: \"%.40s\" is not a group: general, segment, float, vector, control, system\n",
                 args);
}

static void monitor_info(struct gdbstub *g, const char *args, struct text *out)
{
    const char *name;
    if (!strcmp(args, "version")) { /* by an answer Linux's scripts know a machine: QEMU has this command */
        const struct engine_kind *k = timeline_kind(g->tl);
        text_add(out, "bootreel, engine %s, behaviour %u\n", k->name, k->behaviour);
        return;
    }
    char *text = *args ? timeline_section_text(g->tl, args) : NULL;
    if (text) {
        text_add(out, "%s", text);
        free(text);
        return;
    }
    if (*args)
        text_add(out, "error: there is no part \"%.60s\". ", args);
    text_add(out, "The parts are:");
    for (size_t i = 0; timeline_section_name(g->tl, i, &name); i++)
        text_add(out, " %s", name);
    text_add(out, "\n");
}

static void monitor_screen(struct gdbstub *g, const char *args, struct text *out)
{
    size_t n = timeline_screen(g->tl, NULL, 0);
    char *buf = mem_alloc(n + 1);
    if (timeline_screen(g->tl, buf, n + 1))
        text_add(out, "%s", buf);
    else
        text_add(out, "the screen shows no text\n");
    free(buf);
}

static void monitor_dmesg(struct gdbstub *g, const char *args, struct text *out)
{
    struct view_message *list;
    struct error err;
    size_t n;
    char *end, line[VIEW_MESSAGE_LINE];
    const unsigned long most = strtoul(args, &end, 10);
    if (*end || (*args && !most)) {
        text_add(out, "error: dmesg [N]: how many of the last messages\n");
        return;
    }
    if (view_dmesg(timeline_look(g->tl), stub_cpu(g), stub_types_here(g), stub_symbols(g),
                   *args ? most : SIZE_MAX, &list, &n, &err)) {
        text_add(out, "error: %s\n", err.text);
        return;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; view_message_line(&list[i], &at, line);)
            text_add(out, "%s\n", line);
    if (!n)
        text_add(out, "there are no messages yet\n");
    free(list);
}

/* ---------------------------------------------------------------- symbols, the session itself */

static void monitor_symbols(struct gdbstub *g, const char *args, struct text *out)
{
    const struct symbols *s = stub_symbols(g);
    struct symbol sym;
    for (size_t i = 0; s && i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        size_t n = symbol_table_count(m->table);
        text_add(out, "%-24s %7zu symbols (%s)", symbol_table_name(m->table), n,
                 symbol_table_source(m->table));
        if (m->space > 0 && symbol_space_guest(m->space))
            text_add(out, ", guest %u", symbol_space_guest(m->space));
        if (m->space > 0 && symbol_space_id(m->space))
            text_add(out, ", process %u", symbol_space_id(m->space));
        if (n) {
            symbol_table_symbol(m->table, 0, &sym);
            text_add(out, ", bias 0x%" PRIx64, m->bias);
        }
        text_add(out, ", from icount %" PRIu64, m->since);
        if (m->until)
            text_add(out, " to %" PRIu64, m->until);
        text_add(out, "\n");
    }
    if (!out->n)
        text_add(out, "the trace has no symbols\n");
}

static void monitor_stats(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stats s;
    timeline_stats(g->tl, &s);
    text_add(out,
             "checkpoints in memory %" PRIu64 ", %" PRIu64 " of %" PRIu64 " MiB; restored %" PRIu64
             "; steps executed %" PRIu64 "\n",
             s.checkpoints, s.used >> 20, s.budget >> 20, s.restores, s.steps);
}

/* ---------------------------------------------------------------- the table */

const struct monitor_command monitor_show_commands[] = {
    {"when", "", "the position: icount, guest time, mode, stage", monitor_when},
    {"stages", "[all|NAME]", "the stages of the boot: the outer ones and those here (*); > lies ahead",
     monitor_stages},
    {"why", "[POSITION]", "what went wrong up to the end, or to that position: a verdict and its evidence",
     monitor_why},
    {"explain", "[NUMBER|EVENT]",
     "what an event means, in words: 1234 or #1234, or the next one: pio port=0x70", monitor_explain},
    {"events", "[[-]N] [EVENT]", "recorded events from here on, or the N before here", monitor_events},
    {"last", "[EVENT]", "the last such event before here", monitor_last},
    {"next", "[EVENT]", "the next such event", monitor_next},
    {"marks", "", "the marks of this session", monitor_marks},
    {"domains", "", "the domains of a hypervisor, as they are here", monitor_domains},
    {"processes", "[all|ever]", "the processes here; all: exited ones too; ever: of the whole record",
     monitor_processes},
    {"firmware", "[LIST]", "what UEFI firmware has here: handles, drivers, images, map, tables or variables",
     monitor_firmware},
    {"regs", "[GROUP]", "all registers: general, segment, float, vector, control, system", monitor_regs},
    {"info", "[PART | version]", "the state of a part of the machine: pic, pit, rtc, cpu0 …", monitor_info},
    {"screen", "", "the screen's text", monitor_screen},
    {"dmesg", "[N]", "the messages in a Linux kernel's log here, or the last N", monitor_dmesg},
    {"symbols", "", "what the trace knows names of", monitor_symbols},
    {"backtrace", "[PID]", "the calls in progress of a task, sleeping ones too, down to its program's",
     monitor_backtrace},
    {"unwind", "RAX RDX …", "the caller of a frame in Linux or its programs (for scripts/gdb)",
     monitor_unwind},
    {"debug-info", "WHERE | source OLD=NEW",
     "use debug information from a folder, a file or debuginfod; map source paths", monitor_debug_info},
    {"json", "WHAT …",
     "answers for programs: where, events, stages, processes, origin, find, words (for scripts/gdb)",
     monitor_json},
    {"kernel", "", "the file of the kernel here, from which step and up to which (for scripts/gdb)",
     monitor_kernel},
    {"stats", "", "checkpoints and memory", monitor_stats},
    {NULL, NULL, NULL, NULL},
};

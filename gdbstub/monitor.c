/* monitor.c - `monitor COMMAND` in gdb: moving by position, marks, stops that gdb does not have, diversions.
 * Commands that only show something are in monitor_show.c. */
#include <inttypes.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "core/ran/calls.h"
#include "core/story/position.h"
#include "core/views/dump.h"
#include "gdbstub/impl.h"

/* The output of a failed command begins with this; scripts look for it. */
#define FAILED "error: "

__attribute__((format(printf, 2, 3))) static void failed(struct text *out, const char *fmt, ...)
{
    char buf[500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    text_add(out, FAILED "%s\n", buf);
}

/* ---------------------------------------------------------------- arguments */

void monitor_next_word(const char **args, char *buf, size_t size)
{
    size_t n = strcspn(*args, " \t");
    snprintf(buf, size, "%.*s", (int)(n < size ? n : size - 1), *args);
    *args += n;
    *args += strspn(*args, " \t");
}

static bool take_number(const char **args, uint64_t *value)
{
    char word[40], *end;
    monitor_next_word(args, word, sizeof word);
    *value = strtoull(word, &end, 0);
    return *word && !*end;
}

bool monitor_take_address(struct gdbstub *g, const char **args, uint64_t *value, struct text *out)
{
    char word[200], *end;
    struct running r;
    struct symbol sym;
    struct error err;
    monitor_next_word(args, word, sizeof word);
    const char *digits = *word == '*' ? word + 1 : word;
    *value = strtoull(digits, &end, 0);
    if (*digits && !*end)
        return true;
    int rc = stub_running(g, stub_cpu(g), &r)
                 ? running_find(stub_symbols(g), r.space, word, timeline_icount(g->tl), &sym, &err)
                 : 0;
    if (rc < 0)
        failed(out, "%s", err.text);
    *value = rc == 1 ? sym.address : 0;
    return rc == 1;
}

static bool take_switch(const char *args, const char *on, const char *off, bool *value, struct text *out)
{
    if (!strcmp(args, on))
        *value = true;
    else if (!strcmp(args, off))
        *value = false;
    else if (*args) {
        failed(out, "\"%.40s\": give %s or %s", args, on, off);
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------- moving */

/* Called after a move that gdb does not know about. Scripts make gdb refresh its state, and ask for the
 * position. */
static void moved(struct gdbstub *g, int rc, const struct timeline_stopped *s, const struct error *err,
                  struct text *out)
{
    if (rc) {
        failed(out, "%s", err->text);
        return;
    }
    stop_here(g);
    if (s && s->reason == TIMELINE_INTERRUPTED)
        text_add(out, "interrupted\n");
    if (s && s->reason == TIMELINE_ENDED)
        text_add(out, "the guest stopped (%s)%s%s\n", stop_word(s->engine), *s->text ? ": " : "", s->text);
    if (g->scripted)
        return;
    monitor_when(g, "", out);
    text_add(out, "(gdb still shows the place before: boot-refresh, or maintenance flush register-cache)\n");
}

static void monitor_seek(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stopped s;
    struct error err;
    uint64_t icount;
    int rc = timeline_resolve(g->tl, args, &icount, &err);
    if (!rc)
        rc = timeline_seek(g->tl, icount, &s, &err);
    moved(g, rc, &s, &err, out);
}

static void monitor_last_write(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stopped s;
    struct error err;
    uint64_t address, length = 1;
    if (!monitor_take_address(g, &args, &address, out) ||
        (*args && !monitor_take_address(g, &args, &length, out)) || *args || !length) {
        if (!out->n)
            failed(out, "last-write: give a linear address or a symbol, and a number of bytes");
        return;
    }
    int rc = timeline_last_write(g->tl, address, length, &s, &err);
    if (!rc && s.reason == TIMELINE_AT_BEGIN)
        text_add(out, "nothing wrote there before\n");
    moved(g, rc, &s, &err, out);
}

/* [STEPS] [--depth N] [--function NAME]. */
static void monitor_calls(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    struct calls_options o = {.depth = 0};
    uint64_t steps = 10000, depth;
    char word[24], function[200];
    bool right = !*args || *args == '-' || take_number(&args, &steps);
    while (right && *args) {
        monitor_next_word(&args, word, sizeof word);
        if (!strcmp(word, "--depth")) {
            right = take_number(&args, &depth) && depth && depth <= 1000;
            o.depth = (unsigned)depth;
        } else if (!strcmp(word, "--function")) {
            monitor_next_word(&args, function, sizeof function);
            o.function = function;
            right = *function;
        } else {
            right = false;
        }
    }
    if (!right || !steps)
        failed(out, "calls: give a number of steps, --depth N and --function NAME");
    else if (monitor_calls_from(g, steps, &o, out, &err))
        failed(out, "%s", err.text);
}

/* ---------------------------------------------------------------- marks */

static void monitor_mark(struct gdbstub *g, const char *args, struct text *out)
{
    char name[100];
    struct error err;
    uint64_t icount = timeline_icount(g->tl);
    monitor_next_word(&args, name, sizeof name);
    if (!*name)
        failed(out, "mark: give it a name");
    else if ((*args && timeline_resolve(g->tl, args, &icount, &err)) ||
             timeline_mark_set(g->tl, name, icount, &err))
        failed(out, "%s", err.text);
    else
        text_add(out, "mark %s at icount %" PRIu64 "\n", name, icount);
}

static void monitor_unmark(struct gdbstub *g, const char *args, struct text *out)
{
    if (timeline_mark_remove(g->tl, args))
        failed(out, "unmark: there is no mark \"%.100s\"", args);
}

/* ---------------------------------------------------------------- stops */

static void stop_added(struct gdbstub *g, const struct timeline_stop *stop, struct text *out)
{
    struct error err;
    unsigned id;
    if (timeline_stop_add(g->tl, stop, &id, &err))
        failed(out, "%s", err.text);
    else
        text_add(out, "stop %u\n", id);
}

static void monitor_break_event(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stop stop = {.kind = TS_EVENT};
    struct error err;
    if (event_filter_parse(args, &stop.filter, &err))
        failed(out, "%s", err.text);
    else
        stop_added(g, &stop, out);
}

static void monitor_break_physical(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stop stop = {.kind = TS_BREAK_PHYSICAL, .length = 1};
    if (monitor_take_address(g, &args, &stop.address, out) && !*args)
        stop_added(g, &stop, out);
    else if (!out->n)
        failed(out, "break-physical: give a physical address");
}

static void monitor_watch_physical(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stop stop = {.kind = TS_WATCH_WRITE_PHYSICAL, .length = 1};
    if (monitor_take_address(g, &args, &stop.address, out) && (!*args || take_number(&args, &stop.length)) &&
        !*args)
        stop_added(g, &stop, out);
    else if (!out->n)
        failed(out, "watch-physical: give a physical address, and perhaps a length");
}

static bool gdbs_own(const struct gdbstub *g, unsigned id)
{
    for (size_t i = 0; i < g->npoints; i++)
        if (g->point[i].id == id)
            return true;
    return false;
}

static void monitor_stops(struct gdbstub *g, const char *args, struct text *out)
{
    static const char *const kinds[] = {
        [TS_BREAK_LINEAR] = "break",  [TS_BREAK_PHYSICAL] = "break-physical",
        [TS_WATCH_WRITE] = "watch",   [TS_WATCH_READ] = "rwatch",
        [TS_WATCH_ACCESS] = "awatch", [TS_WATCH_WRITE_PHYSICAL] = "watch-physical",
        [TS_EVENT] = "break-event"};
    struct timeline_stop s;
    unsigned id;
    for (size_t i = 0; timeline_stop_get(g->tl, i, &s, &id); i++) {
        text_add(out, "%4u  %-14s  ", id, kinds[s.kind]);
        if (s.kind != TS_EVENT)
            text_add(out, "0x%" PRIx64 " ", s.address);
        else if (s.filter.one_kind)
            text_add(out, "%s ", event_kind(s.filter.kind)->name);
        else
            for (unsigned c = 0; c < EC_COUNT; c++)
                if (s.filter.classes >> c & 1)
                    text_add(out, "%s ", event_class_name(c));
        for (unsigned c = 0; s.kind == TS_EVENT && c < s.filter.n; c++)
            text_add(out, "%s=0x%" PRIx64 "..0x%" PRIx64 " ", s.filter.condition[c].field,
                     s.filter.condition[c].low, s.filter.condition[c].high);
        if (s.kind == TS_EVENT && *s.filter.text)
            text_add(out, "\"%s\" ", s.filter.text);
        text_add(out, "%s\n", gdbs_own(g, id) ? "(gdb's)" : "");
    }
}

static void monitor_unbreak(struct gdbstub *g, const char *args, struct text *out)
{
    uint64_t id;
    const char *word = args;
    if (!take_number(&args, &id) || *args || id > UINT32_MAX || gdbs_own(g, (unsigned)id) ||
        timeline_stop_remove(g->tl, (unsigned)id))
        failed(out, "unbreak: \"%.40s\" is none of the stops set here: see monitor stops", word);
}

/* ---------------------------------------------------------------- diversions */

static void monitor_divert(struct gdbstub *g, const char *args, struct text *out)
{
    timeline_divert(g->tl);
    monitor_when(g, "", out);
}

static void monitor_undo(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    if (!timeline_diverted(g->tl)) {
        failed(out, "undo: there is no diversion to leave: this is the recorded run");
        return;
    }
    g->waiting.n = 0;
    moved(g, timeline_undivert(g->tl, &err), NULL, &err, out);
}

static const struct {
    const char *name;
    enum input_port port;
} ports[] = {{"serial0", INPUT_SERIAL0}, {"serial1", INPUT_SERIAL1},   {"serial2", INPUT_SERIAL2},
             {"serial3", INPUT_SERIAL3}, {"keyboard", INPUT_KEYBOARD}, {"virtio", INPUT_VIRTIO}};

static int port_named(const char *name)
{
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if (!strcmp(ports[i].name, name))
            return (int)ports[i].port;
    return -1;
}

/* Replaces \n, \r, \t, \\ and \xNN in place. Returns the length. */
static size_t unescape(char *s)
{
    char *to = s;
    for (const char *p = s; *p; p++) {
        static const char from[] = "nrt\\", byte[] = "\n\r\t\\";
        const char *known = *p == '\\' && p[1] ? strchr(from, p[1]) : NULL;
        if (known) {
            *to++ = byte[known - from];
            p++;
        } else if (*p == '\\' && p[1] == 'x' && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
            *to++ = (char)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
            p += 3;
        } else {
            *to++ = *p;
        }
    }
    return (size_t)(to - s);
}

/* Delivers waiting input. Returns how many bytes were accepted. */
static size_t feed(struct gdbstub *g)
{
    struct text *w = &g->waiting;
    if (!w->n)
        return 0;
    size_t n = timeline_input(g->tl, (uint16_t)g->wait_for, w->s, (uint32_t)w->n);
    memmove(w->s, w->s + n, w->n - n);
    w->n -= n;
    return n;
}

static void give(struct gdbstub *g, enum input_port port, const char *text, struct text *out)
{
    free(g->waiting.s);
    g->waiting.s = mem_string(text);
    g->waiting.n = unescape(g->waiting.s);
    g->wait_for = port;
    size_t n = feed(g);
    if (timeline_off(g->tl)) {
        g->waiting.n = 0;
        failed(out, "input: the guest is switched off here: seek to before that, or undo, and try again");
        return;
    }
    text_add(out, "%zu bytes taken", n);
    if (g->waiting.n)
        text_add(out, ", %zu wait for monitor live", g->waiting.n);
    text_add(out, "; the run is a diversion now\n");
}

static void monitor_input(struct gdbstub *g, const char *args, struct text *out)
{
    char name[20];
    monitor_next_word(&args, name, sizeof name);
    int port = port_named(name);
    if (port < 0 || !*args)
        failed(out, "input: give serial0 … serial3, keyboard or virtio, and a text (\\n, \\xNN)");
    else
        give(g, (enum input_port)port, args, out);
}

/* Escape sequences are left out: a terminal answers some of them (busybox asks for the cursor's place at each prompt), and gdb would take the
 * answer for what the person types. */
static void guest_prints(void *ctx, unsigned device, const void *data, size_t n)
{
    struct gdbstub *g = ctx;
    const uint8_t *from = data;
    struct text said = {0};
    if (device != g->console)
        return;
    for (size_t i = 0; i < n; i++)
        if (plain_byte(&g->plain, from[i]))
            out_console_add(&g->printer, &from[i], 1);
    out_console_take(&g->printer, &said);
    if (said.n) {
        say_bytes(g, said.s, said.n);
        g->mid_line = said.s[said.n - 1] != '\n';
    }
    free(said.s);
}

/* "2s", "300ms", "5M" (steps) from now. */
static bool take_duration(const char *args, uint64_t *ns)
{
    struct position pos;
    struct error err;
    if (position_parse(args, &pos, &err) || (pos.kind != POS_TIME && pos.kind != POS_ICOUNT))
        return false;
    *ns = pos.n;
    return true;
}

/* Nobody else says why the guest runs no further. */
static void live_stopped(const struct timeline_stopped *s, struct text *out)
{
    if (s->reason == TIMELINE_EVENT)
        text_add(out, "stopped at an event: %s %s\n", event_kind(s->event.kind)->name, s->text);
    else if (s->reason == TIMELINE_BREAKPOINT || s->reason == TIMELINE_WATCHPOINT)
        text_add(out, "stopped by stop %u (monitor stops)\n", s->id);
}

/* Waiting input is delivered one FIFO at a time, with a millisecond of guest time for each. */
enum { FEED_EVERY = 1000000 };

static void monitor_live(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stopped s;
    struct timeline_where w;
    struct error err;
    uint64_t ns = 1000000000, wake;
    int rc = 0;
    if (*args && !take_duration(args, &ns)) {
        failed(out, "live: give a guest time, such as 2s or 300ms");
        return;
    }
    timeline_where(g->tl, &w);
    uint64_t until = w.time + ns;
    timeline_set_console(g->tl, guest_prints, g);
    g->mid_line = false;
    g->plain = (struct plain){0};
    g->printer = (struct out_console){0};
    g->console = trace_console(timeline_trace(g->tl));
    s = (struct timeline_stopped){.reason = TIMELINE_DONE, .time = w.time};
    while (!rc && s.reason == TIMELINE_DONE && s.time < until && !stub_interrupted(g)) {
        uint64_t to = g->waiting.n && until - s.time > FEED_EVERY ? s.time + FEED_EVERY : until;
        feed(g);
        rc = timeline_live(g->tl, to - s.time, to, &wake, &s, &err);
    }
    timeline_set_console(g->tl, NULL, NULL);
    if (g->mid_line)
        say(g, "\n");
    if (!rc)
        live_stopped(&s, out);
    moved(g, rc, &s, &err, out);
}

/* The guest's output is not shown again, because the session has shown it already. */
static void monitor_record(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    if (!*args)
        failed(out, "record: give a file name for the new trace");
    else if (!access(args, F_OK))
        failed(out, "record: %.200s is there already: give another name", args);
    else if (timeline_save_private(g->tl, args, &err))
        failed(out, "%s", err.text);
    else
        text_add(out, "%s: the run from reset to icount %" PRIu64 ", with what was given to it\n", args,
                 timeline_icount(g->tl));
}

/* Takes "--format FORMAT" from the beginning of *args. False, with what is wrong in `out`, if there is no such format. */
static bool take_dump_format(const char **args, enum dump_format *format, struct text *out)
{
    char word[16];
    if (strncmp(*args, "--format ", 9))
        return true;
    *args += 9;
    monitor_next_word(args, word, sizeof word);
    if (dump_format_parse(word, format))
        return true;
    failed(out, "dump: \"%s\" is not a format: vmcore, raw or elf", word);
    return false;
}

static void monitor_dump(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    struct dump_size size;
    enum dump_format format = DUMP_VMCORE;
    char bytes[NUMBER_TEXT];
    if (!take_dump_format(&args, &format, out))
        return;
    if (!*args)
        failed(out, "dump: give a file name");
    else if (!access(args, F_OK))
        failed(out, "dump: %.200s is there already: give another name", args);
    else if (dump_write(timeline_look(g->tl), engine_ram_end(timeline_kind(g->tl), timeline_trace(g->tl)),
                        stub_symbols(g), format, args, &size, &err))
        failed(out, "%s", err.text);
    else
        text_add(out, "%s: %s of memory and %u processor%s at icount %" PRIu64 "\n", args,
                 number_bytes(bytes, size.memory), size.cpus, size.cpus == 1 ? "" : "s",
                 timeline_icount(g->tl));
}

/* ---------------------------------------------------------------- settings */

static void monitor_pc(struct gdbstub *g, const char *args, struct text *out)
{
    if (take_switch(args, "offset", "linear", &g->offset_pc, out))
        text_add(out, "the pc that gdb sees is %s\n",
                 g->offset_pc ? "the offset (IP): breakpoints and disassembly need CS base added"
                              : "linear (CS base + IP)");
}

static void monitor_physical(struct gdbstub *g, const char *args, struct text *out)
{
    if (take_switch(args, "on", "off", &g->physical, out))
        text_add(out, "memory that gdb reads and writes is %s\n", g->physical ? "physical" : "linear");
}

static void monitor_progress(struct gdbstub *g, const char *args, struct text *out)
{
    if (take_switch(args, "off", "on", &g->no_progress, out))
        text_add(out, "long operations %s\n", g->no_progress ? "are silent" : "tell how far they are");
}

/* ---------------------------------------------------------------- the table */

static void monitor_help(struct gdbstub *g, const char *args, struct text *out);

static const struct monitor_command commands[] = {
    {"help", "", "this list", monitor_help},
    {"seek", "POSITION", "go there: ICOUNT, 1.5s, NN%, #EVENT, stage:NAME, console:TEXT, mark:NAME, +N, -N",
     monitor_seek},
    {"last-write", "ADDRESS [N]", "go back to before the last write to N bytes there", monitor_last_write},
    {"find", "exec|write|read ADDRESS [N]", "all moments at which that happens; the position stays",
     monitor_find},
    {"origin", "$REGISTER | ADDRESS [N]", "where the value there comes from; the position stays",
     monitor_origin},
    {"calls", "[STEPS] [--depth N] [--function NAME]",
     "the calls of the next steps (10000); the position stays", monitor_calls},
    {"mark", "NAME [POSITION]", "name a position", monitor_mark},
    {"unmark", "NAME", "forget that", monitor_unmark},
    {"break-event", "EVENT", "stop at events: irq, pio port=0x60, exception vector=14, console:TEXT",
     monitor_break_event},
    {"break-physical", "ADDRESS", "stop at code at a physical address", monitor_break_physical},
    {"watch-physical", "ADDRESS [LENGTH]", "stop at writes to a physical address, by devices as well",
     monitor_watch_physical},
    {"stops", "", "all stops, gdb's as well", monitor_stops},
    {"unbreak", "ID", "remove a stop set here", monitor_unbreak},
    {"divert", "", "leave the record here: a private run", monitor_divert},
    {"undo", "", "back to the record, where it was left", monitor_undo},
    {"input", "PORT TEXT", "give a diversion input: serial0 or keyboard", monitor_input},
    {"live", "[TIME]", "run a diversion on for that guest time (1s), and show what it prints", monitor_live},
    {"dump", "[--format vmcore|raw|elf] FILE", "write memory and registers for crash, drgn and others",
     monitor_dump},
    {"record", "FILE", "save a diversion as a trace of its own: the run from reset up to here",
     monitor_record},
    {"pc", "linear|offset", "what gdb sees as the pc outside 64-bit mode", monitor_pc},
    {"physical", "on|off", "whether gdb's addresses are physical", monitor_physical},
    {"threads", "[tasks|processors]", "what gdb's threads are: the guest's tasks, or processors",
     monitor_threads},
    {"progress", "on|off", "whether long operations tell how far they are", monitor_progress},
    {NULL, NULL, NULL, NULL},
};

static const struct monitor_command *const tables[] = {commands, monitor_show_commands,
                                                       monitor_machine_commands};
enum { TABLES = sizeof tables / sizeof tables[0] };

static void monitor_help(struct gdbstub *g, const char *args, struct text *out)
{
    char usage[60];
    for (size_t i = 0; i < TABLES; i++)
        for (const struct monitor_command *c = tables[i]; c->name; c++) {
            snprintf(usage, sizeof usage, "%s %s", c->name, c->args);
            text_add(out, "%-27s %s\n", usage, c->what);
        }
}

/* The command of that name, or the only one whose name begins with it. */
static const struct monitor_command *find(const char *name)
{
    const struct monitor_command *found = NULL;
    size_t n = strlen(name), hits = 0;
    for (size_t i = 0; n && i < TABLES; i++)
        for (const struct monitor_command *c = tables[i]; c->name; c++) {
            if (!strcmp(c->name, name))
                return c;
            if (!strncmp(c->name, name, n)) {
                found = c;
                hits++;
            }
        }
    return hits == 1 ? found : NULL;
}

/* `try COMMAND` is for scripts, which cannot read the output of a command that fails: with it, only the
 * output reports the failure. */
static void execute(struct gdbstub *g, char *line, struct text *out)
{
    char name[32];
    size_t n = strlen(line);
    while (n && strchr(" \t\r\n", line[n - 1]))
        line[--n] = 0;
    const char *args = line + strspn(line, " \t");
    monitor_next_word(&args, name, sizeof name);
    g->scripted = !strcmp(name, "try");
    if (g->scripted)
        monitor_next_word(&args, name, sizeof name);
    const struct monitor_command *c = find(name);
    if (c)
        c->fn(g, args, out);
    else if (*name)
        failed(out, "\"%.31s\" is not a command: see monitor help", name);
    else
        monitor_help(g, "", out);
}

/* qRcmd,HEX */
void gdb_monitor(struct gdbstub *g, const char *args)
{
    size_t n = strlen(args) / 2;
    char *line = mem_alloc(n + 1);
    struct text out = {0};
    if (strlen(args) % 2 || !hex_decode(args, n, line)) {
        free(line);
        reply_error(g, FAIL_ARGUMENT);
        return;
    }
    line[n] = 0;
    stub_operation(g);
    g->owed = false;
    g->monitoring = true;
    execute(g, line, &out);
    free(line);
    if (out.n)
        say_text(g, out.s, out.n);
    g->monitoring = false;
    if (!g->scripted && out.n && !strncmp(out.s, FAILED, strlen(FAILED)))
        reply_error(g, FAIL_MEMORY);
    else
        reply_text(g, "OK");
    free(out.s);
}

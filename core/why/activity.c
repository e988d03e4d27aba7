/* activity.c - what a machine is at: a program at its work, a system that is up, processes that wait, and for what. */
#include <inttypes.h>

#include "core/screen/timeline_screen.h"
#include "core/systems/linux/why/explain.h"
#include "core/case/said.h"

/* ---------------------------------------------------------------- at work */

static uint64_t time_at(struct why_case *c)
{
    const struct trace_end *end = trace_end(c->t);
    struct timeline_where w = {0};
    if (c->whole && end)
        return end->time;
    if (case_go(c, c->at))
        timeline_where(c->tl, &w);
    return w.time;
}

/* What the screen shows at a position: its text, or in a graphics mode its pixels. To be freed; NULL if there is none. */
static uint8_t *screen_at(struct why_case *c, uint64_t icount, size_t *n)
{
    enum { TEXT = 1 << 16, MOST = 64 << 20 };
    struct display d = {0};
    *n = 0;
    if (!case_go(c, icount) || !timeline_display(c->tl, &d, NULL, 0, NULL, 0))
        return NULL;
    const size_t pixels = d.columns ? 0 : (size_t)d.width * d.height * 3;
    uint8_t *shown = mem_zero(pixels && pixels < MOST ? pixels : TEXT, 1);
    if (pixels && pixels < MOST)
        *n = timeline_display(c->tl, &d, NULL, 0, shown, pixels) ? pixels : 0;
    else if (!pixels)
        *n = timeline_screen(c->tl, (char *)shown, TEXT);
    if (*n <= (pixels ? pixels : (size_t)TEXT))
        return shown;
    free(shown);
    return NULL;
}

/* The screen has changed in the last quarter of the boot, or two thousand million steps: looked for near the end first, which is quick. */
static bool draws(struct why_case *c)
{
    static const uint64_t back[] = {50000000, 400000000, 2000000000};
    const uint64_t quarter = (c->at - c->now.begin) / 4;
    size_t na, nb;
    uint8_t *b = screen_at(c, c->at, &nb);
    bool other = false;
    for (size_t i = 0; i < sizeof back / sizeof back[0] && b && !other; i++) {
        uint8_t *a = screen_at(c, c->at - (quarter < back[i] ? quarter : back[i]), &na);
        other = a && (na != nb || memcmp(a, b, na) != 0);
        free(a);
        if (quarter < back[i])
            break;
    }
    free(b);
    return other;
}

/* Something was written to a serial port since then: a line that has not ended is no event yet. */
static bool prints(struct why_case *c, uint64_t since)
{
    enum { LOOKED = 2000, COM1 = 0x3f8, COM2 = 0x2f8 };
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_PIO));
    struct error ignored;
    struct event ev;
    bool yes = false;
    if (!trace_cursor_seek_icount(cur, c->at, &ignored))
        for (unsigned i = 0;
             i < LOOKED && !yes && trace_cursor_prev(cur, &ev, NULL, &ignored) == 1 && ev.time >= since; i++)
            yes = ev.kind == EV_PIO_WRITE &&
                  (EVF(&ev, PIO_WRITE, port) == COM1 || EVF(&ev, PIO_WRITE, port) == COM2);
    trace_cursor_close(cur);
    return yes;
}

bool activity_lately(struct why_case *c, struct text *did)
{
    static const struct {
        uint32_t classes;
        const char *one, *more;
    } rows[] = {{EVENT_CLASS_BIT(EC_CONSOLE), "printed a line", "printed lines"},
                {EVENT_CLASS_BIT(EC_DISK), "used a disk", "used a disk"},
                {EVENT_CLASS_BIT(EC_PROCESS), "started or ended a process", "started or ended processes"},
                {EVENT_CLASS_BIT(EC_SYSCALL), "made a system call", "made system calls"},
                {EVENT_CLASS_BIT(EC_NET), "used the network", "used the network"}};
    const uint64_t now = time_at(c), begin = c->now.n ? c->now.event[0].time : 0, most = 2000000000,
                   lately = (now - begin) / 4 < most ? (now - begin) / 4 : most;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        unsigned n = 0;
        for (size_t i = c->now.n; i--;) {
            const struct event *ev = &c->now.event[i];
            /* What the recorder writes at the end is no activity. */
            if (ev->icount + 1 >= c->at)
                continue;
            if (ev->time + lately < now)
                break;
            n += rows[k].classes >> event_kind(ev->kind)->cls & 1;
        }
        if (n) {
            text_add(did, "has %s", n == 1 ? rows[k].one : rows[k].more);
            return true;
        }
    }
    const bool printed = prints(c, now - lately);
    if (!printed && !draws(c))
        return false;
    text_add(did, printed ? "has printed" : "has changed the screen");
    return true;
}

/* ---------------------------------------------------------------- a system that is up */

bool systems_up(struct why_case *c)
{
    static const char *const lines[] = {"login: ", "Startup finished", "Reached target multi-user.target",
                                        "Reached target graphical.target", "Welcome to Alpine"};
    static const char *const programs[] = {"/getty", "/agetty", "/login", "/sulogin"};
    for (size_t i = c->now.n; i--;) {
        const struct event *ev = &c->now.event[i];
        for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++)
            if ((ev->kind == EV_CONSOLE_LINE || ev->kind == EV_PROCESS_LOG) && fact_contains(ev, lines[k]))
                return true;
        for (size_t k = 0; k < sizeof programs / sizeof programs[0]; k++)
            if (ev->kind == EV_PROCESS_EXEC && fact_contains(ev, programs[k]))
                return true;
    }
    return false;
}

/* ---------------------------------------------------------------- what processes wait for */

/* A program prints lines at intervals, and the last of these is not longer ago than the longest of them. */
static bool prints_now_and_then(struct why_case *c)
{
    enum { LEAST = 3 };
    const enum console_device console = trace_console(c->t);
    const uint64_t second = 1000000000;
    uint64_t last = 0, longest = 0;
    unsigned n = 0;
    char text[SAID_TEXT];
    const struct event *run = facts_last(&c->now, EV_INIT_RUN);
    for (size_t i = 0; run && i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_CONSOLE_LINE || EVF(ev, CONSOLE_LINE, device) != console ||
            ev->icount < run->icount || ev->icount + 1 >= c->at || !*fact_text(ev, text, sizeof text) ||
            *text == '[')
            continue;
        if (last && ev->time - last >= second / 2) {
            longest = ev->time - last > longest ? ev->time - last : longest;
            n++;
        }
        last = ev->time;
    }
    return n >= LEAST && time_at(c) - last <= longest + second && !said_error(c, c->at);
}

/* A program at which somebody types. */
static bool is_interactive(const struct process *p)
{
    static const char *const names[] = {"sh",   "ash",   "dash",  "bash",   "zsh",    "ksh",
                                        "hush", "login", "getty", "agetty", "sulogin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(p->name, names[i]))
            return true;
    return false;
}

static bool processes_run(const struct why_case *c)
{
    return facts_last(&c->now, EV_INIT_RUN) || facts_last(&c->now, EV_PROCESS_EXEC);
}

/* The error that a program has said shortly before a shell was started in an initramfs: the shell is what is left. The kernel's own lines have a
 * time before them, and the shell's own name is before its complaints. */
static const struct event *said_before_shell(struct why_case *c, const struct process *shell)
{
    enum { LINES = 6 };
    char text[SAID_TEXT], own[40];
    unsigned lines = 0;
    if (!facts_last(&c->now, EV_INITRD) || systems_up(c))
        return NULL;
    snprintf(own, sizeof own, "%.30s: ", shell->name);
    for (size_t i = c->now.n; i-- && lines < LINES;) {
        const struct event *ev = &c->now.event[i];
        if (ev->icount > shell->executed || ev->kind != EV_CONSOLE_LINE ||
            !*fact_text(ev, text, sizeof text) || *text == '[' || !strncmp(text, own, strlen(own)))
            continue;
        lines++;
        if (said_words(text)) {
            const struct event *first = said_before(c, ev->icount);
            return first ? first : ev;
        }
    }
    return NULL;
}

/* What only the kernel itself can end: a completion, a semaphore, a lock. */
static bool inside_kernel(const struct wait_kind *row)
{
    static const char *const what[] = {"a completion", "a semaphore", "a lock"};
    for (size_t i = 0; row && i < sizeof what / sizeof what[0]; i++)
        if (!strcmp(row->what, what[i]))
            return true;
    return false;
}

uint64_t time_since(struct why_case *c, uint64_t icount)
{
    struct timeline_where w = {0};
    const uint64_t now = time_at(c);
    if (!icount || !case_go(c, icount))
        return 0;
    timeline_where(c->tl, &w);
    return now > w.time ? now - w.time : 0;
}

bool idle_process(struct why_case *c, struct text *what)
{
    struct error ignored;
    struct processes *ps = processes_at(c->t, c->at, &ignored);
    struct finding who = {0};
    char function[80];
    const struct wait_kind *row = NULL;
    for (size_t i = ps ? processes_count(ps) : 0; i-- && !row;) {
        const struct process *p = processes_get(ps, i);
        if (p->exited || !*p->path || p->pid != p->tgid)
            continue;
        row = process_wait(c, &who, p, function);
        if (!row)
            break;
        text_add(what, "%.30s (%" PRIu32 ") waits for %s", p->name, p->pid, row->what);
    }
    find_drop(&who);
    processes_free(ps);
    return row;
}

/* What the processes of an idle system wait for. */
struct idle {
    struct finding who; /* they, and their calls */
    struct text
        last; /* in words: that of the newest one that waits for something known, or that for which input is missing, … */
    const struct wait_kind *row; /* … what for; NULL: there is none … */
    uint32_t pid;                /* … and who it is */
    bool input;
    const struct event *error; /* said before a shell that waits for input */
    uint64_t stuck;            /* ns since when it waits inside of the kernel; 0: not for long */
    char stuck_in[80];         /* the kernel's function */
    unsigned processes;
    bool computes; /* another process runs on a processor */
};

enum { NS_A_SECOND = 1000000000 };

static bool waits_for_input(const struct process *p, const struct wait_kind *row)
{
    return row && (row->input || (is_interactive(p) && !strcmp(row->what, "events")));
}

static void take_waiting(struct idle *s, const struct process *p, const struct wait_kind *row,
                         const char *what)
{
    free(s->last.s);
    s->last = (struct text){0};
    text_add(&s->last, "%.30s (%" PRIu32 ") waits for %s", p->name, p->pid, what);
    s->row = row;
    s->pid = p->pid;
}

static void look_at_process(struct why_case *c, struct idle *s, const struct process *p)
{
    const uint64_t long_ago = 5ull * NS_A_SECOND;
    char function[80];
    const struct wait_kind *row = process_wait(c, &s->who, p, function);
    const uint64_t since = inside_kernel(row) ? time_since(c, process_left(c, p->pid)) : 0;
    if (since >= long_ago && !s->last.n) {
        s->stuck = since;
        snprintf(s->stuck_in, sizeof s->stuck_in, "%s", function);
    }
    s->input = waits_for_input(p, row);
    if (s->input) {
        take_waiting(s, p, row, row->input ? row->what : "input");
        s->error = is_interactive(p) ? said_before_shell(c, p) : NULL;
    } else if (row && !s->last.n) {
        take_waiting(s, p, row, row->what);
    }
}

/* The newest processes, up to one that waits for input. */
static void look_at_processes(struct why_case *c, struct idle *s)
{
    enum { LOOKED = 4 };
    struct error ignored;
    struct processes *ps = processes_at(c->t, c->at, &ignored);
    unsigned looked = 0;
    for (size_t i = 0; i < (ps ? processes_count(ps) : 0); i++)
        s->processes += !processes_get(ps, i)->exited && *processes_get(ps, i)->path;
    for (size_t i = ps ? processes_count(ps) : 0; i-- && looked < LOOKED && !s->input;) {
        const struct process *p = processes_get(ps, i);
        if (p->exited || !*p->path || p->pid != p->tgid)
            continue;
        looked++;
        look_at_process(c, s, p);
    }
    for (unsigned cpu = 0; ps && cpu < timeline_cpus(c->tl); cpu++) {
        const struct process *p = processes_current(ps, cpu);
        s->computes |= p && *p->path && !p->exited && p->pid != s->pid && case_go(c, c->at) &&
                       timeline_reg(c->tl, cpu, "cpl");
    }
    processes_free(ps);
}

/* A server that is up; or the only process there is waits for events, of whatever kind: it was started to serve them. */
static bool is_serving(const struct idle *s)
{
    return s->row &&
           (s->row->serves || (s->processes == 1 && s->pid == 1 && !strcmp(s->row->what, "events")));
}

static void cannot_tell_idle(struct why_case *c, struct finding *f, const struct idle *s)
{
    char words[SAID_TEXT];
    const struct event *said = said_by_program(c);
    find_verdict(f, WHY_UNKNOWN_IDLE, c->at,
                 "cannot tell: the system is idle%s%s%s, and nothing says that it is up%s%s",
                 said ? " after \"" : "", said ? fact_text(said, words, sizeof words) : "", said ? "\"" : "",
                 s->last.n ? "; " : "", s->last.n ? s->last.s : "");
}

/* The system asks for something, and has just said that it cannot go on: which of the two it was is the verdict. */
static bool asks_after_error(struct why_case *c, struct finding *f)
{
    char words[SAID_TEXT], prompt[SAID_TEXT];
    const struct event *error = systems_up(c) ? NULL : said_shortly(c, c->at);
    if (!error || !said_asks(said_prompt(c, prompt)))
        return false;
    find_verdict(f, WHY_ERROR_SAID, error->icount,
                 "the system says \"%s\", and waits at the prompt \"%.60s\"",
                 linux_said(error, words, sizeof words), prompt);
    find_line(f, error->icount, NULL, "console: %s", words);
    return true;
}

bool console_asks(struct why_case *c, struct finding *f)
{
    const uint64_t least = 5ull * NS_A_SECOND;
    const struct event *line = NULL;
    char prompt[SAID_TEXT];
    for (size_t i = c->now.n; i-- && !line;)
        if (c->now.event[i].kind == EV_CONSOLE_LINE && c->now.event[i].icount + 1 < c->at)
            line = &c->now.event[i];
    const bool quiet = line && processes_run(c) && time_since(c, line->icount) >= least,
               dialog = said_dialog(c);
    if (!quiet || (!dialog && !said_asks(said_prompt(c, prompt))))
        return false;
    if (dialog)
        find_verdict(
            f, WHY_OK_PROMPT, c->at,
            "nothing went wrong: a program has drawn on the whole screen of the console, and waits for a key");
    else if (!asks_after_error(c, f))
        find_verdict(f, WHY_OK_PROMPT, c->at, "nothing went wrong: the system waits at the prompt \"%.60s\"",
                     prompt);
    find_console(f, c, c->now.begin, c->at, 8);
    return true;
}

static void say_idle(struct why_case *c, struct finding *f, const struct idle *s)
{
    char words[SAID_TEXT];
    const char *last = s->last.s;
    if (!s->input && s->last.n && !systems_up(c) && said_dialog(c))
        find_verdict(
            f, WHY_OK_PROMPT, c->at,
            "nothing went wrong: a program has drawn on the whole screen of the console, and waits; %s",
            last);
    else if (!s->input && s->last.n && asks_after_error(c, f))
        ;
    else if (!s->input && s->last.n && said_asks(said_prompt(c, words)))
        find_verdict(f, WHY_OK_PROMPT, c->at,
                     "nothing went wrong: the system waits at the prompt \"%.60s\"; %s", words, last);
    else if (s->error)
        find_verdict(f, WHY_LINUX_INITRAMFS, s->error->icount,
                     "the initramfs says \"%s\", and ends in a shell: %s",
                     linux_said(s->error, words, sizeof words), last);
    else if (s->input)
        find_verdict(f, WHY_OK_PROMPT, c->at, "nothing went wrong: %s, and %s",
                     s->computes ? "a process computes" : "the system is idle", last);
    else if (s->stuck && !systems_up(c))
        find_verdict(f, WHY_LINUX_STALL, c->at, "%s%s%s since %" PRIu64 " s, and nothing else goes on", last,
                     *s->stuck_in ? " in " : "", s->stuck_in, s->stuck / NS_A_SECOND);
    else if (s->row && !strcmp(s->row->what, "time to pass") && prints_now_and_then(c))
        find_verdict(f, WHY_OK_WORKS, c->at,
                     "nothing went wrong: the system prints a line now and then, and %s", last);
    else if (is_serving(s) && !said_shortly(c, c->at))
        find_verdict(f, WHY_OK_IDLE, c->at, "nothing went wrong: the system is idle, and %s", last);
    else if (systems_up(c))
        find_verdict(f, WHY_OK_IDLE, c->at,
                     "nothing went wrong: the system is up and idle, and waits for something to do");
    else
        cannot_tell_idle(c, f, s);
}

bool idle_system(struct why_case *c, struct finding *f)
{
    if (!facts_last(&c->now, EV_INIT_RUN) && !facts_last(&c->now, EV_PROCESS_FIRST))
        return false;
    struct idle s = {.row = NULL};
    look_at_processes(c, &s);
    say_idle(c, f, &s);
    for (size_t i = 0; i < s.who.n; i++)
        find_line(f, s.who.line[i].icount, NULL, "%s", s.who.line[i].text);
    find_drop(&s.who);
    free(s.last.s);
    return true;
}

void idle_prompt(struct why_case *c, struct finding *f)
{
    char prompt[SAID_TEXT];
    if (!c->whole || !said_asks(said_prompt(c, prompt)) || said_error(c, c->at) || !processes_run(c))
        return;
    find_verdict(f, WHY_OK_PROMPT, c->at, "nothing went wrong: the system waits at the prompt \"%.60s\"",
                 prompt);
    find_console(f, c, c->now.begin, c->at, 5);
}

/* linux.c - Linux: panics and oopses, a root file system that cannot be mounted, an init that cannot run, too little memory, and
 * silence. The texts are those of the kernel (init/do_mounts.c, init/main.c, kernel/exit.c, mm/oom_kill.c, arch/x86/mm/fault.c). */
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>

#include "core/systems/linux/why/private/linux.h"
#include "core/case/refusal.h"
#include "core/case/said.h"

/* ---------------------------------------------------------------- what is known of the kernel */

/* The kernel that panicked, or NULL if it is no Linux. */
static const struct event *kernel_of(const struct facts *f, const struct event *ev)
{
    const struct event *found = NULL;
    for (size_t i = 0; i < f->n; i++)
        if (f->event[i].kind == EV_KERNEL_FOUND && f->event[i].guest == ev->guest &&
            fact_contains(&f->event[i], "Linux version"))
            found = &f->event[i];
    return found;
}

static const char PRINTED[] = "Kernel command line: "; /* init/main.c */

const struct event *linux_command_line(const struct facts *f)
{
    const struct event *ev = facts_last(f, EV_COMMAND_LINE);
    return ev ? ev : facts_line(f, PRINTED, f->begin);
}

/* The value of a parameter of the command line: the last one of that name. False if there is none. */
bool linux_parameter(const struct facts *f, const char *name, char *buf, size_t size)
{
    const struct event *ev = linux_command_line(f);
    const size_t n = strlen(name);
    bool found = false;
    if (!ev)
        return false;
    char *line = mem_text(ev->data, ev->len), *save = NULL, *begin = strstr(line, PRINTED);
    for (char *word = strtok_r(begin ? begin + sizeof PRINTED - 1 : line, " ", &save); word;
         word = strtok_r(NULL, " ", &save))
        if (!strncmp(word, name, n) && word[n] == '=') {
            snprintf(buf, size, "%s", word + n + 1);
            found = true;
        }
    free(line);
    return found;
}

/* The text of a console line without its time stamp: what follows "] ". */
const char *linux_said(const struct event *ev, char *buf, size_t size)
{
    fact_text(ev, buf, size);
    const char *p = *buf == '[' ? strstr(buf, "] ") : NULL;
    if (p)
        memmove(buf, p + 2, strlen(p + 2) + 1);
    return buf;
}

const char *linux_error_words(int64_t error)
{
    return error < 0 && error > -4096 ? strerrordesc_np((int)-error) : NULL;
}

void linux_line(struct why_case *c, struct finding *f, const char *text, uint64_t from)
{
    const struct event *ev = facts_line(&c->now, text, from);
    char words[300];
    if (ev)
        find_line(f, ev->icount, NULL, "console: %s", linux_said(ev, words, sizeof words));
}

/* ---------------------------------------------------------------- init */

/* What the script in the initrd names, with what an editor does not show: a carriage return at the end. */
static void no_interpreter(struct why_case *c, char *buf, size_t size)
{
    char init[200], line[100];
    if (!linux_parameter(&c->now, "rdinit", init, sizeof init))
        snprintf(init, sizeof init, "/init");
    const bool script = initrd_first_line(c, init, line, sizeof line) && !strncmp(line, "#!", 2);
    const char *name = script ? line + 2 + strspn(line + 2, " ") : "";
    snprintf(buf, size, ": it is there, but the interpreter%s%s%s that it names is not", script ? " \"" : "",
             name, script ? "\"" : "");
}

/* init/main.c says with which error it could not be executed. */
static void no_init(struct why_case *c, struct finding *f, const struct event *panic)
{
    const struct event *ev = NULL;
    static const char *const texts[] = {"couldn't execute it (error", "Failed to execute", "Requested init"};
    char words[300] = "", meaning[200] = "", script[100];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !ev; i++)
        ev = facts_line(&c->now, texts[i], c->now.begin);
    const struct event *seen = facts_last(&c->now, EV_KERNEL_RETURN); /* of init_eaccess(): /init is there */
    const char *number = ev ? strstr(linux_said(ev, words, sizeof words), "error -") : NULL;
    const long error = number ? strtol(number + 6, NULL, 10) : 0;
    if (error == -8)
        snprintf(meaning, sizeof meaning,
                 ": it is neither a program for this processor nor a script (ENOEXEC)");
    else if (error == -2 && ev &&
             (strstr(words, "exists but") || (seen && !EVF(seen, KERNEL_RETURN, result))))
        no_interpreter(c, meaning, sizeof meaning);
    else if (linux_error_words(error))
        snprintf(meaning, sizeof meaning, ": %s", linux_error_words(error));
    find_verdict(f, WHY_LINUX_NO_INIT, panic->icount, "Linux finds no init that it can execute%s%s%s",
                 ev ? ": " : "", words, meaning);
    find_event(f, c, panic, NULL);
    for (size_t i = 0, n = 0; i < c->now.n && n < 6; i++) {
        const struct event *e = &c->now.event[i];
        if (e->kind != EV_CONSOLE_LINE || EVF(e, CONSOLE_LINE, device) != trace_console(c->t))
            continue;
        if (!fact_contains(e, "couldn't execute") && !fact_contains(e, "Failed to execute") &&
            !fact_contains(e, "Requested init") && !fact_contains(e, "as init process"))
            continue;
        find_line(f, e->icount, NULL, "console: %s", linux_said(e, script, sizeof script));
        n++;
    }
    if (linux_command_line(&c->now))
        find_event(f, c, linux_command_line(&c->now), NULL);
    find_callers_at(f, c, panic);
}

/* The last program before a position, other than init, that has failed. */
static const struct event *failed_program(struct why_case *c, uint64_t to)
{
    const struct event *out = NULL;
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount < to; i++)
        if (c->now.event[i].kind == EV_PROCESS_EXIT && EVF(&c->now.event[i], PROCESS_EXIT, pid) != 1 &&
            EVF(&c->now.event[i], PROCESS_EXIT, code))
            out = &c->now.event[i];
    return out;
}

/* The first line that was printed while that program ran: in whatever words, it tells why it failed. */
static const struct event *said_by_failed(struct why_case *c, const struct event *out)
{
    const struct event *first = NULL;
    char text[SAID_TEXT];
    for (const struct event *ev = out; ev && ev-- > c->now.event;) {
        if (ev->kind == EV_PROCESS_EXEC || ev->kind == EV_PROCESS_EXIT)
            break;
        if (said_line(ev) && *fact_text(ev, text, sizeof text) && *text != '[')
            first = ev;
    }
    return first;
}

/* "Attempted to kill init! exitcode=0x00007f00": as in wait(2). */
static void init_died(struct why_case *c, struct finding *f, const struct event *panic)
{
    static const char *const causes[] = {"CPU does not support", "CPU ISA level is lower",
                                         "error while loading shared libraries", "Fatal glibc error"};
    char text[300], how[120] = "exits", words[300] = "", program[200] = "init";
    fact_text(panic, text, sizeof text);
    const char *p = strstr(text, "exitcode=");
    const unsigned long code = p ? strtoul(p + 9, NULL, 0) : 0;
    const unsigned sig = code & 0x7f;
    const struct event *lack = sig == SIGILL || (code >> 8 & 0xff) == 127 ? facts_last(&c->now, EV_CPU_LACKS)
                                                                          : NULL,
                       *exec = NULL, *cause = NULL;
    const struct event *start = facts_last(&c->now, EV_INIT_RUN);
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_PROCESS_EXEC && EVF(&c->now.event[i], PROCESS_EXEC, pid) == 1 &&
            c->now.event[i].guest == panic->guest)
            exec = &c->now.event[i];
    for (size_t i = 0; i < sizeof causes / sizeof causes[0] && !cause && start; i++)
        cause = facts_line(&c->now, causes[i], start->icount);
    if (cause && cause->icount > panic->icount)
        cause = NULL;
    if (!cause && start)
        cause = said_before(c, panic->icount - 1);
    const struct event *out = failed_program(c, panic->icount);
    if (!cause)
        cause = said_by_failed(c, out);
    if (cause && cause->icount < start->icount)
        cause = NULL;
    if (sig)
        snprintf(how, sizeof how, "is killed by signal %u (SIG%s)", sig,
                 sigabbrev_np((int)sig) ? sigabbrev_np((int)sig) : "?");
    else
        snprintf(how, sizeof how, "exits with status %lu", code >> 8 & 0xff);
    if (exec)
        fact_text(exec, program, sizeof program);
    if (lack && sig == SIGILL && lack->icount < panic->icount)
        find_verdict(f, WHY_LINUX_CPU_LACKS, lack->icount, "init %s: this processor lacks %s", how,
                     fact_text(lack, words, sizeof words));
    else if (cause)
        find_verdict(f, WHY_LINUX_INIT_DIED, cause->icount, "init %s, after it has said: %s", how,
                     linux_said(cause, words, sizeof words));
    else
        find_verdict(f, WHY_LINUX_INIT_DIED, panic->icount, "init %s, and Linux cannot go on without it",
                     how);
    find_event(f, c, panic, NULL);
    if (exec)
        find_event(f, c, exec, "what init had executed");
    if (lack && lack->icount < panic->icount)
        find_event(f, c, lack, "the processor lacks");
    if (out)
        find_event(f, c, out, "the last program before that failed");
    for (size_t i = c->now.n, n = 0; i-- && n < 4;)
        if (c->now.event[i].kind == EV_SYSCALL_EXIT && EVF(&c->now.event[i], SYSCALL_EXIT, pid) == 1 && ++n)
            find_event(f, c, &c->now.event[i], "a system call of init that failed");
    find_console(f, c, start ? start->icount : c->now.begin, panic->icount, 6);
}

/* ---------------------------------------------------------------- oopses */

static const char *const oops_texts[] = {"BUG: kernel NULL pointer dereference",
                                         "BUG: unable to handle page fault",
                                         "BUG: unable to handle kernel",
                                         "general protection fault",
                                         "invalid opcode: 0000",
                                         "divide error: 0000",
                                         "stack segment: 0000",
                                         "kernel BUG at",
                                         "int3: 0000",
                                         "stack guard page was hit",
                                         "double fault:",
                                         "PANIC: double fault",
                                         "Oops:",
                                         "traps: PANIC"};

static const struct event *find_oops(const struct facts *f)
{
    const struct event *first = NULL;
    for (size_t i = 0; i < sizeof oops_texts / sizeof oops_texts[0]; i++) {
        const struct event *ev = facts_first_line(f, oops_texts[i], f->begin);
        if (ev && (!first || ev->icount < first->icount))
            first = ev;
    }
    return first;
}

enum { EXCEPTIONS = 32 };

/* The exception in the kernel that an oops tells of: the last one before its text. */
static const struct event *exception_of(struct why_case *c, const struct event *oops)
{
    enum { NEAR = 2000000 };
    /* Which exception the text is about: others may follow while it is printed. */
    static const struct {
        const char *text;
        unsigned vector;
    } vectors[] = {{"NULL pointer dereference", 14},
                   {"page fault", 14},
                   {"general protection fault", 13},
                   {"invalid opcode", 6},
                   {"kernel BUG at", 6},
                   {"divide error", 0},
                   {"stack guard page", 8},
                   {"double fault", 8},
                   {"stack segment", 12},
                   {"int3", 3}};
    const struct event *last = NULL;
    unsigned vector = EXCEPTIONS;
    for (size_t i = sizeof vectors / sizeof vectors[0]; i--;)
        vector = fact_contains(oops, vectors[i].text) ? vectors[i].vector : vector;
    for (size_t i = 0; i < c->now.n && c->now.event[i].icount <= oops->icount; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_EXCEPTION && !(EVF(ev, EXCEPTION, cs) & 3) && EVF(ev, EXCEPTION, ip) >> 63 &&
            (vector == EXCEPTIONS || EVF(ev, EXCEPTION, vector) == vector))
            last = ev;
    }
    return last && oops->icount - last->icount < NEAR ? last : NULL;
}

static void register_lines(struct why_case *c, struct finding *f, unsigned cpu)
{
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"};
    struct text t = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        text_add(&t, "%s%s=%" PRIx64, t.n ? " " : "", names[i], timeline_reg(c->tl, cpu, names[i]));
    find_line(f, timeline_icount(c->tl), NULL, "registers: %s", t.s);
    free(t.s);
}

/* At the moment of the exception itself: what is printed later has gone through the handler. */
static void moment(struct why_case *c, struct finding *f, const struct event *ex)
{
    struct instruction in;
    struct text refused = {0};
    char words[PLACE_TEXT], place[PLACE_TEXT];
    case_exception_event(c, ex, words);
    case_place(c, ex->icount, ex->cpu, EVF(ex, EXCEPTION, ip), place);
    if (!case_go(c, ex->icount)) {
        find_line(f, ex->icount, place, "%s", words);
        return;
    }
    case_insn(c, ex->cpu, &in);
    const bool told =
        refusal_text(c, ex->cpu, EVF(ex, EXCEPTION, vector), EVF(ex, EXCEPTION, error), &refused);
    find_line(f, ex->icount, place, "%s; instruction: %s%s%s", words, *in.text ? in.text : "not in memory",
              told ? "; " : "", told ? refused.s : "");
    free(refused.s);
    register_lines(c, f, ex->cpu);
    find_callers(f, c, ex->cpu);
}

static void oops(struct why_case *c, struct finding *f, const struct event *text, const struct event *panic)
{
    const struct event *ex = exception_of(c, text);
    char words[300], place[PLACE_TEXT], why[PLACE_TEXT], end[300];
    linux_said(text, words, sizeof words);
    if (ex) {
        case_address(c, ex->icount, ex->cpu, EVF(ex, EXCEPTION, ip), place);
        case_exception_event(c, ex, why);
        find_verdict(f, WHY_LINUX_OOPS, ex->icount, "Linux oopsed at %s: %s", place, why);
        moment(c, f, ex);
    } else {
        find_verdict(f, WHY_LINUX_OOPS, text->icount, "Linux oopsed: %s", words);
    }
    find_line(f, text->icount, NULL, "console: %s", words);
    for (size_t i = 0, n = 0; i < c->now.n && n < 3; i++) {
        const struct event *ev = &c->now.event[i];
        const bool tells =
            fact_contains(ev, "CPU: ") || fact_contains(ev, "Hardware name") || fact_contains(ev, "RIP: ");
        if (ev->icount >= text->icount && ev->kind == EV_CONSOLE_LINE && tells &&
            EVF(ev, CONSOLE_LINE, device) == EVF(text, CONSOLE_LINE, device) && ++n)
            find_line(f, ev->icount, NULL, "console: %s", linux_said(ev, end, sizeof end));
    }
    if (panic)
        find_event(f, c, panic, "it led to");
}

/* ---------------------------------------------------------------- memory */

static void out_of_memory(struct why_case *c, struct finding *f, const struct event *ev,
                          const struct event *panic)
{
    char words[300];
    find_verdict(f, WHY_LINUX_MEMORY, ev->icount, "Linux ran out of memory: %s",
                 linux_said(ev, words, sizeof words));
    linux_line(c, f, "invoked oom-killer", c->now.begin);
    linux_line(c, f, "Mem-Info", c->now.begin);
    for (size_t i = 0, n = 0; i < c->now.n && n < 6; i++)
        if (c->now.event[i].kind == EV_CONSOLE_LINE &&
            EVF(&c->now.event[i], CONSOLE_LINE, device) == EVF(ev, CONSOLE_LINE, device) &&
            fact_contains(&c->now.event[i], "Killed process") && ++n)
            find_line(f, c->now.event[i].icount, NULL, "console: %s",
                      linux_said(&c->now.event[i], words, sizeof words));
    const struct event *line = facts_first_line(
        &c->now, "K available", c->now.begin); /* mm/page_alloc.c: "Memory: 19808K/81900K available (…" */
    const uint64_t memory = trace_memory(c->t);
    if (line)
        find_line(f, line->icount, NULL, "console: %.*s",
                  (int)(strcspn(linux_said(line, words, sizeof words), "(")), words);
    else if (memory)
        find_note(f, "the machine has %" PRIu64 " MiB of memory", memory >> 20);
    if (panic)
        find_event(f, c, panic, "it led to");
}

static void memory_panic(struct why_case *c, struct finding *f, const struct event *panic)
{
    const struct event *oom = facts_first_line(&c->now, "Out of memory", c->now.begin);
    out_of_memory(c, f, oom ? oom : panic, panic);
}

/* ---------------------------------------------------------------- panics */

static void other_panic(struct why_case *c, struct finding *f, const struct event *panic)
{
    char words[300];
    find_verdict(f, WHY_LINUX_PANIC, panic->icount, "Linux panicked: %s",
                 fact_text(panic, words, sizeof words));
    find_event(f, c, panic, NULL);
    find_callers_at(f, c, panic);
    find_log(f, c, panic->cpu, panic->icount);
    find_console(f, c, c->now.begin, panic->icount, 6);
}

/* What a panic's text is about. The first row whose text it has. */
static const struct {
    const char *text;
    void (*explain)(struct why_case *, struct finding *, const struct event *panic);
    bool before_oops; /* an oops before it is no cause of it */
} panics[] = {
    {"Unable to mount root", linux_no_root, true},
    {"No working init", no_init, true},
    {"Requested init", no_init, true},
    {"deadlocked on memory", memory_panic, true},
    {"ut of memory", memory_panic, true},
    {"Attempted to kill init", init_died, false},
    {"", other_panic, false},
};

static void panicked(struct why_case *c, struct finding *f, const struct event *panic)
{
    const struct event *text = find_oops(&c->now), *found = kernel_of(&c->now, panic);
    const bool oopsed = text && text->icount <= panic->icount;
    size_t k = 0;
    while (!fact_contains(panic, panics[k].text) && *panics[k].text)
        k++;
    if (oopsed && !panics[k].before_oops)
        oops(c, f, text, panic);
    else
        panics[k].explain(c, f, panic);
    if (found && found->len > 14) {
        char version[80];
        event_data_until(found, 14, " (;", version, sizeof version);
        find_line(f, found->icount, NULL, "the kernel: Linux %s", version);
    }
}

/* ---------------------------------------------------------------- no panic, and yet no boot */

static bool gave_up(struct why_case *c, struct finding *f)
{
    static const char *const texts[] = {"Gave up waiting for root", "Dropping to a shell!",
                                        "Waiting for root device"};
    struct text lacks = {0}, elsewhere = {0};
    char words[300], root[200] = "";
    const struct event *ev = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !ev; i++)
        ev = facts_first_line(&c->now, texts[i], c->now.begin);
    if (!ev || facts_last(&c->now, EV_POWER_OFF))
        return false;
    /* It came after all if something was executed from it, or mounted. */
    if (fact_contains(ev, "Waiting for root device") && facts_line(&c->now, "Mounted root", ev->icount))
        return false;
    if (fact_contains(ev, "Waiting for root device") && facts_last(&c->now, EV_INIT_RUN) &&
        facts_last(&c->now, EV_INIT_RUN)->icount > ev->icount)
        return false;
    linux_parameter(&c->now, "root", root, sizeof root);
    const struct event *cause = said_before(c, ev->icount - 1);
    if (!cause && linux_root_elsewhere(c, root, &elsewhere))
        find_verdict(f, WHY_LINUX_ROOT_WAIT, ev->icount, "Linux waits for its root file system in vain: %s",
                     elsewhere.s);
    else
        find_verdict(f, WHY_LINUX_ROOT_WAIT, cause ? cause->icount : ev->icount,
                     "Linux waits for its root file system in vain (root=%s): %s", root,
                     linux_said(cause ? cause : ev, words, sizeof words));
    free(elsewhere.s);
    find_line(f, ev->icount, NULL, "console: %s", linux_said(ev, words, sizeof words));
    linux_line(c, f, "ALERT!", c->now.begin);
    if (linux_command_line(&c->now))
        find_event(f, c, linux_command_line(&c->now), NULL);
    if (linux_driver_lacks(c, &lacks))
        find_note(f, "%s", lacks.s);
    free(lacks.s);
    linux_disk_lines(c, f);
    find_console(f, c, ev->icount, c->at, 5);
    return true;
}

/* That program is the one that the command line asks for as init, in the initramfs or on the root. */
static bool was_asked_for(const struct facts *f, const char *path)
{
    char init[200];
    return (linux_parameter(f, "init", init, sizeof init) && !strcmp(init, path)) ||
           (linux_parameter(f, "rdinit", init, sizeof init) && !strcmp(init, path));
}

/* An initramfs that was to find the root file system, and whose first process has become a shell: it says why before. */
static bool fell_to_shell(struct why_case *c, struct finding *f)
{
    static const char *const causes[] = {"mounting", "mount:", "VFS: Can't find", "FATAL",
                                         "cannot be loaded"};
    const struct event *shell = NULL, *said_last = NULL;
    char words[300], root[200], path[200];
    struct text lacks = {0};
    if (!linux_parameter(&c->now, "root", root, sizeof root) || facts_last(&c->now, EV_POWER_OFF))
        return false;
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_PROCESS_EXEC || EVF(ev, PROCESS_EXEC, pid) != 1)
            continue;
        /* "/bin/sh sh": without a script. */
        fact_text(ev, path, sizeof path);
        char *arguments = strchr(path, ' ');
        if (arguments)
            *arguments++ = 0;
        const size_t n = arguments ? strlen(arguments) : 0;
        const bool is_shell = n >= 2 && !strcmp(arguments + n - 2, "sh") && !strchr(arguments, ' ');
        shell = is_shell && !was_asked_for(&c->now, path) ? ev : NULL;
    }
    if (!shell || !facts_last(&c->now, EV_INITRD))
        return false;
    said_last = said_before(c, shell->icount);
    for (size_t i = c->now.n; i-- && !said_last;)
        if (c->now.event[i].icount <= shell->icount && c->now.event[i].kind == EV_CONSOLE_LINE &&
            c->now.event[i].len)
            said_last = &c->now.event[i];
    find_verdict(f, WHY_LINUX_INITRAMFS, said_last ? said_last->icount : shell->icount,
                 "the initramfs becomes a shell%s%s (root=%s)", said_last ? ": " : "",
                 said_last ? linux_said(said_last, words, sizeof words) : "", root);
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        linux_line(c, f, causes[i], c->now.begin);
    find_event(f, c, shell, NULL);
    if (linux_driver_lacks(c, &lacks))
        find_note(f, "%s", lacks.s);
    free(lacks.s);
    linux_disk_lines(c, f);
    find_console(f, c, c->now.begin, shell->icount, 5);
    return true;
}

/* The kernel's own watchdogs: kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/hung_task.c. */
static bool stalls(struct why_case *c, struct finding *f)
{
    static const char *const texts[] = {"soft lockup - CPU", "detected stall", "self-detected stall",
                                        "blocked for more than"};
    const struct event *ev = NULL;
    char words[300];
    struct text waits = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !ev; i++)
        ev = facts_first_line(&c->now, texts[i], c->now.begin);
    if (!ev || facts_last(&c->now, EV_POWER_OFF))
        return false;
    /* "INFO: task insmod:81 blocked for more than 10 seconds." */
    const char *task = strstr(linux_said(ev, words, sizeof words), "task "),
               *colon = task ? strchr(task, ':') : NULL;
    if (colon && process_waits(c, f, (uint32_t)strtoul(colon + 1, NULL, 10), &waits))
        find_verdict(f, WHY_LINUX_STALL, ev->icount, "%s; Linux says: %s", waits.s, words);
    else
        find_verdict(f, WHY_LINUX_STALL, ev->icount, "Linux says that something hangs: %s", words);
    free(waits.s);
    find_line(f, ev->icount, NULL, "console: %s", words);
    find_callers_at(f, c, ev);
    find_console(f, c, ev->icount, c->at, 10);
    return true;
}

/* It could not execute the init that was asked for, and took another one: a shell that nobody talks to. */
static bool other_init(struct why_case *c, struct finding *f)
{
    const struct event *failed = facts_first_line(&c->now, "Failed to execute", c->now.begin),
                       *run = facts_last(&c->now, EV_INIT_RUN);
    char words[300], program[200], meaning[200] = "";
    if (!failed || !run || run->icount < failed->icount || facts_last(&c->now, EV_POWER_OFF))
        return false;
    fact_text(run, program, sizeof program);
    program[strcspn(program, " ")] = 0;
    if (fact_contains(failed, "(error -2)"))
        no_interpreter(c, meaning, sizeof meaning);
    find_verdict(f, WHY_LINUX_OTHER_INIT, failed->icount,
                 "Linux could not execute its init, and started %s in its place: %s%s", program,
                 linux_said(failed, words, sizeof words), meaning);
    find_line(f, failed->icount, NULL, "console: %s", words);
    find_event(f, c, run, NULL);
    find_console(f, c, failed->icount, c->at, 6);
    return true;
}

/* Nothing is printed since the kernel runs, although it has been told where to print. */
static bool silent(struct why_case *c, struct finding *f)
{
    const struct event *found = facts_last(&c->now, EV_KERNEL_FOUND), *line = linux_command_line(&c->now),
                       *up = NULL;
    char console[60], name[60];
    enum { LONG = 200000000 };
    if (!found || c->at - found->icount < LONG || facts_last(&c->now, EV_POWER_OFF) ||
        !linux_parameter(&c->now, "console", console, sizeof console))
        return false;
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_CONSOLE_LINE && c->now.event[i].icount > found->icount)
            return false;
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_KERNEL_CONSOLE)
            up = &c->now.event[i];
    name[0] = 0;
    if (up)
        fact_text(up, name, sizeof name);
    find_verdict(f, WHY_LINUX_SILENT, line ? line->icount : found->icount,
                 "Linux runs, but prints nothing: console=%s names %s", console,
                 up ? "a console on which nothing arrives"
                    : "a device that no driver has registered as a console");
    if (line)
        find_event(f, c, line, NULL);
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_KERNEL_CONSOLE)
            find_event(f, c, &c->now.event[i], NULL);
    if (!up)
        find_note(f, "no console was registered");
    find_log(f, c, 0, c->at);
    return true;
}

/* The panic of a kernel that is not known by its symbols (before 2.6, or one without kallsyms): what it prints. */
static bool printed_panic(struct why_case *c, struct finding *f)
{
    const struct event *ev = facts_first_line(&c->now, "Kernel panic", c->now.begin);
    char words[300];
    if (!ev)
        return false;
    linux_said(ev, words, sizeof words);
    const char *text = strstr(words, "Kernel panic"), *cause = strstr(text ? text : words, ": ");
    find_verdict(f, WHY_LINUX_PANIC, ev->icount, "Linux panics: %s", cause ? cause + 2 : words);
    find_line(f, ev->icount, NULL, "console: %s", words);
    if (linux_command_line(&c->now))
        find_event(f, c, linux_command_line(&c->now), NULL);
    find_callers_at(f, c, ev);
    find_console(f, c, c->now.begin, ev->icount - 1, 8);
    return true;
}

static bool oopsed(struct why_case *c, struct finding *f)
{
    const struct event *text = find_oops(&c->now);
    if (text)
        oops(c, f, text, NULL);
    return text;
}

static bool killed_for_memory(struct why_case *c, struct finding *f)
{
    const struct event *oom = facts_first_line(&c->now, "Out of memory: Killed", c->now.begin);
    if (oom)
        out_of_memory(c, f, oom, NULL);
    return oom;
}

void explain_linux(struct why_case *c, struct finding *f)
{
    static bool (*const rows[])(struct why_case *, struct finding *) = {
        oopsed, killed_for_memory, gave_up, fell_to_shell, stalls, other_init, silent};
    const struct event *panic = facts_last(&c->now, EV_KERNEL_PANIC);
    if (panic && kernel_of(&c->now, panic)) {
        panicked(c, f, panic);
        return;
    }
    if (!panic && printed_panic(c, f))
        return;
    if (panic || !facts_last(&c->now, EV_KERNEL_FOUND) ||
        !fact_contains(facts_last(&c->now, EV_KERNEL_FOUND), "Linux version"))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !rows[i](c, f); i++)
        ;
}

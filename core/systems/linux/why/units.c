/* units.c - systemd: a start that ends in another target than the one that was asked for, units that failed, and a unit that is still
 * awaited.
 *
 * Its own log says it, which process.log has as it is written to /dev/kmsg or the journal; the console has less. The texts are those
 * of systemd 215 to 257 (src/core/main.c, manager.c, job.c, units/rescue.service.in, units/emergency.service.in), sulogin's of
 * util-linux, and those of dracut's, Arch's and Alpine's initramfs. */
#include <inttypes.h>

#include "core/case/case.h"
#include "core/case/said.h"

enum { ERROR_LEVEL = 3, WARNING_LEVEL = 4 }; /* syslog(3) */

/* What the first process writes into its log. */
static bool manager_says(const struct event *ev)
{
    return ev->kind == EV_PROCESS_LOG && EVF(ev, PROCESS_LOG, pid) == 1;
}

/* The last line of its log that contains the text, or NULL. */
static const struct event *manager_line(const struct facts *f, const char *text)
{
    for (size_t i = f->n; i--;)
        if (manager_says(&f->event[i]) && fact_contains(&f->event[i], text))
            return &f->event[i];
    return NULL;
}

/* The last error of its log before an event; NULL if it has none. */
static const struct event *error_before(const struct facts *f, const struct event *end)
{
    const struct event *found = NULL;
    for (size_t i = 0; i < f->n && &f->event[i] != end; i++)
        if (manager_says(&f->event[i]) && EVF(&f->event[i], PROCESS_LOG, level) <= ERROR_LEVEL)
            found = &f->event[i];
    return found;
}

static void error_lines(struct why_case *c, struct finding *f, uint64_t to)
{
    char words[300];
    for (size_t i = 0, n = 0; i < c->now.n && c->now.event[i].icount <= to && n < 8; i++) {
        const struct event *ev = &c->now.event[i];
        if (!manager_says(ev) || EVF(ev, PROCESS_LOG, level) > ERROR_LEVEL)
            continue;
        find_line(f, ev->icount, NULL, "systemd says: %s", fact_text(ev, words, sizeof words));
        n++;
    }
}

static void command_line(struct why_case *c, struct finding *f)
{
    const struct event *line = facts_last(&c->now, EV_COMMAND_LINE);
    if (line)
        find_event(f, c, line, NULL);
}

/* The last value of systemd.unit= in the command line; "" if it has none. */
static void asked_unit(const struct facts *f, char *buf, size_t size)
{
    const struct event *ev = facts_last(f, EV_COMMAND_LINE);
    char *line = ev ? mem_text(ev->data, ev->len) : mem_string(""), *save = NULL;
    *buf = 0;
    for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
        if (!strncmp(word, "systemd.unit=", 13))
            snprintf(buf, size, "%s", word + 13);
    free(line);
}

/* The command line or the default target asks for a shell for maintenance (kernel-command-line(7)). */
static bool asks_for_maintenance(const struct facts *f)
{
    static const char *const words[] = {"emergency", "rescue", "single", "s", "S", "1", "-b", "-s"};
    const struct event *ev = facts_last(f, EV_COMMAND_LINE), *target = manager_line(f, "for default target");
    char unit[100];
    bool yes = target && (fact_contains(target, "rescue") || fact_contains(target, "emergency"));
    asked_unit(f, unit, sizeof unit);
    yes |= strstr(unit, "rescue") || strstr(unit, "emergency");
    char *line = ev ? mem_text(ev->data, ev->len) : mem_string(""), *save = NULL;
    for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            yes |= !strcmp(word, words[i]);
    free(line);
    return yes;
}

/* ---------------------------------------------------------------- it gives up */

/* manager_freeze(): it does nothing any more, and the kernel is idle. */
static bool freezes(struct why_case *c, struct finding *f)
{
    const struct event *ev = manager_line(&c->now, "Freezing execution"), *shown = NULL, *cause;
    char words[300];
    if (!ev)
        ev = facts_first_line(&c->now, "Freezing execution", c->now.begin);
    if (!ev)
        return false;
    cause = manager_line(&c->now, "Caught <");
    if (!cause)
        cause = error_before(&c->now, ev);
    shown = facts_line(&c->now, "[!!!!!!]", c->now.begin);
    cause = cause ? cause : shown;
    find_verdict(f, WHY_SYSTEMD_FREEZES, cause ? cause->icount : ev->icount,
                 "systemd gives up, and freezes: %s", fact_text(cause ? cause : ev, words, sizeof words));
    error_lines(c, f, ev->icount);
    if (shown)
        find_line(f, shown->icount, NULL, "console: %s", fact_text(shown, words, sizeof words));
    command_line(c, f);
    find_console(f, c, c->now.begin, c->at, 4);
    return true;
}

/* The target that was asked for cannot be had, and another one is started in its place. */
static bool falls_back(struct why_case *c, struct finding *f)
{
    static const char *const texts[] = {"Falling back to ", "Trying to load rescue target"};
    const struct event *ev = NULL, *cause;
    char words[300], to[200], unit[100];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !ev; i++)
        ev = manager_line(&c->now, texts[i]);
    if (!ev)
        return false;
    cause = error_before(&c->now, ev);
    asked_unit(&c->now, unit, sizeof unit);
    fact_text(ev, to, sizeof to);
    const char *name = strstr(to, "back to ");
    const size_t n = strlen(to);
    if (name && n && to[n - 1] == '.')
        to[n - 1] = 0;
    find_verdict(f, WHY_SYSTEMD_FALLBACK, cause ? cause->icount : ev->icount,
                 "systemd cannot start the target that was asked for%s%s%s, and takes %s in its place%s%s",
                 *unit ? " (systemd.unit=" : "", unit, *unit ? ")" : "", name ? name + 8 : "rescue.target",
                 cause ? ": " : "", cause ? fact_text(cause, words, sizeof words) : "");
    if (cause)
        find_line(f, cause->icount, NULL, "systemd says: %s", words);
    find_line(f, ev->icount, NULL, "systemd says: %s", fact_text(ev, words, sizeof words));
    command_line(c, f);
    find_console(f, c, ev->icount, c->at, 6);
    return true;
}

/* ---------------------------------------------------------------- units that failed */

static bool unit_failed(const struct event *ev)
{
    static const char *const texts[] = {"Failed with result",
                                        "ordering cycle",
                                        "Failed to start",
                                        "Dependency failed for",
                                        "Timed out waiting for device",
                                        "timed out.",
                                        "emergency mode",
                                        "Start request repeated too quickly"};
    if (ev->kind == EV_CONSOLE_LINE && (fact_contains(ev, "FAILED") || fact_contains(ev, "DEPEND")) &&
        (fact_contains(ev, "Failed to start") || fact_contains(ev, "Dependency failed")))
        return true;
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        if (manager_says(ev) && fact_contains(ev, texts[k]) && EVF(ev, PROCESS_LOG, level) <= WARNING_LEVEL)
            return true;
    return false;
}

/* What the process of a unit had said last before it failed: "accounts.service: Main process exited, code=exited, status=7". */
static void process_line(struct why_case *c, struct finding *f, const struct event *failed)
{
    static const char *const texts[] = {
        "Main process exited", "Control process exited",      "Failed at step",
        "Failed to execute",   "Failed to locate executable", "Unable to locate executable"};
    for (size_t i = 0, n = 0; i < c->now.n && &c->now.event[i] != failed && n < 4; i++)
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            if (c->now.event[i].kind == EV_PROCESS_LOG && fact_contains(&c->now.event[i], texts[k]) &&
                EVF(&c->now.event[i], PROCESS_LOG, level) <= 5) {
                find_event(f, c, &c->now.event[i], NULL);
                n++;
                break;
            }
}

/* The first one. Of a device that does not come, the line that names the device rather than its job. */
static const struct event *first_failed(const struct facts *f)
{
    const struct event *first = NULL;
    for (size_t i = 0; i < f->n; i++) {
        const struct event *ev = &f->event[i];
        if (!unit_failed(ev))
            continue;
        if (first)
            return manager_says(ev) && fact_contains(ev, "Timed out waiting for device") ? ev : first;
        if (!fact_contains(ev, ".device/start timed out"))
            return ev;
        first = ev;
    }
    return first;
}

static void failed_lines(struct why_case *c, struct finding *f, size_t most)
{
    char words[300] = "", last[300];
    for (size_t i = 0, n = 0; i < c->now.n && n < most; i++) {
        const struct event *ev = &c->now.event[i];
        if (!unit_failed(ev))
            continue;
        /* A unit that is started again and again fails in the same words. */
        snprintf(last, sizeof last, "%s", words);
        if (!strcmp(last, fact_text(ev, words, sizeof words)))
            continue;
        find_line(f, ev->icount, NULL, "%s: %s", manager_says(ev) ? "systemd says" : "console",
                  fact_text(ev, words, sizeof words));
        n++;
    }
}

/* ---------------------------------------------------------------- a shell for maintenance */

/* The event that says that the boot ended in one, or NULL. */
static const struct event *maintenance(const struct facts *f)
{
    static const char *const texts[] = {"in emergency mode", "in rescue mode", "Entering emergency mode",
                                        "dropped into an emergency shell",
                                        "emergency recovery shell launched"};
    const struct event *ev = manager_line(f, "Reached target emergency.target");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !ev; i++)
        ev = facts_first_line(f, texts[i], f->begin);
    for (size_t i = 0; i < f->n && !ev; i++)
        if (f->event[i].kind == EV_PROCESS_EXEC && fact_contains(&f->event[i], "/sulogin"))
            ev = &f->event[i];
    return ev;
}

static bool ends_in_maintenance(struct why_case *c, struct finding *f)
{
    const struct event *ev = maintenance(&c->now), *cause = first_failed(&c->now);
    char words[300] = "";
    if (!ev || asks_for_maintenance(&c->now) || facts_last(&c->now, EV_POWER_OFF))
        return false;
    if (cause && cause->icount < ev->icount)
        fact_text(cause, words, sizeof words);
    /* An initramfs without systemd has no units: what its programs said is the cause. */
    const struct event *said =
        *words || !facts_last(&c->now, EV_INITRD) ? NULL : said_before(c, ev->icount - 1);
    if (said)
        find_verdict(f, WHY_LINUX_INITRAMFS, said->icount, "the initramfs ends in an emergency shell: %s",
                     fact_text(said, words, sizeof words));
    else
        find_verdict(f, WHY_SYSTEMD_MAINTENANCE, *words ? cause->icount : ev->icount,
                     "the system does not come up, and ends in a shell for maintenance%s%s",
                     *words ? ": " : " that nobody has asked for", words);
    if (*words)
        process_line(c, f, cause);
    failed_lines(c, f, 10);
    find_event(f, c, ev, NULL);
    command_line(c, f);
    find_console(f, c, ev->icount, c->at, 4);
    return true;
}

/* ---------------------------------------------------------------- a unit that is awaited */

/* "Starting waits.service - Waits..." and "Starting Waits...": what is being started, without the dots; 0 if the line is none. */
static size_t starting(const struct event *ev, char *buf, size_t size)
{
    if (!manager_says(ev) || strncmp(fact_text(ev, buf, size), "Starting ", 9))
        return 0;
    size_t n = strlen(buf);
    if (n < 13 || strcmp(buf + n - 3, "..."))
        return 0;
    buf[n -= 3] = 0;
    memmove(buf, buf + 9, n - 8);
    return n - 9;
}

/* The line ends the start of that unit, whose name may be followed by " - " and its description. */
static bool ends_start(const struct event *ev, const char *unit)
{
    static const char *const words[] = {"Started ", "Finished ", "Failed to start ", "Stopped ", "Stopping "};
    char text[300], name[200];
    if (!manager_says(ev))
        return false;
    fact_text(ev, text, sizeof text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strncmp(text, words[i], strlen(words[i])) &&
            !strncmp(text + strlen(words[i]), unit, strlen(unit)))
            return true;
    snprintf(name, sizeof name, "%.*s: Deactivated", (int)strcspn(unit, " "), unit);
    return !strncmp(text, name, strlen(name));
}

/* Where the manager that runs now began: that of an initramfs hands over to another one, and leaves its own starts as they are. */
static size_t manager_begin(const struct facts *f)
{
    size_t at = 0;
    for (size_t i = 0; i < f->n; i++)
        if (manager_says(&f->event[i]) && fact_contains(&f->event[i], "running in system mode"))
            at = i;
    return at;
}

/* The unit whose start was begun first of those that have not ended; NULL if there is none, or systemd says that it has finished. */
static const struct event *unfinished(const struct facts *f, char *unit, size_t size)
{
    const size_t begin = manager_begin(f);
    const struct event *done = manager_line(f, "Startup finished");
    if (done && done > &f->event[begin])
        return NULL;
    for (size_t i = begin; i < f->n; i++) {
        bool ended = false;
        if (!starting(&f->event[i], unit, size))
            continue;
        for (size_t k = i + 1; k < f->n && !ended; k++)
            ended = ends_start(&f->event[k], unit);
        if (!ended)
            return &f->event[i];
    }
    return NULL;
}

static void unfinished_lines(struct why_case *c, struct finding *f, const struct event *ev)
{
    static const char *const texts[] = {"A start job is running for", "Reached target "};
    char words[300];
    find_line(f, ev->icount, NULL, "systemd says: %s", fact_text(ev, words, sizeof words));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct event *line =
            i ? manager_line(&c->now, texts[i]) : facts_line(&c->now, texts[i], ev->icount);
        if (line)
            find_event(f, c, line, i ? "the last target that was reached" : NULL);
    }
    find_console(f, c, ev->icount, c->at, 6);
}

bool units_unfinished(struct why_case *c, struct finding *f, bool sure_only)
{
    const uint64_t second = 1000000000, long_ago = 10 * second, quiet = 5 * second;
    const struct trace_end *end = trace_end(c->t);
    const uint32_t activity = EVENT_CLASS_BIT(EC_DISK) | EVENT_CLASS_BIT(EC_KERNEL) |
                              EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_DEVICE);
    char unit[300];
    const struct event *ev = unfinished(&c->now, unit, sizeof unit);
    const uint64_t now = c->whole && end ? end->time : c->now.end_time;
    uint64_t last = 0;
    if (!ev || facts_last(&c->now, EV_POWER_OFF) || facts_last(&c->now, EV_KERNEL_SHUTDOWN))
        return false;
    for (size_t i = 0; i < c->now.n; i++)
        if (activity & EVENT_CLASS_BIT(event_kind(c->now.event[i].kind)->cls))
            last = c->now.event[i].time;
    const bool sure = now - ev->time >= long_ago && now - last >= quiet;
    if (sure_only && !sure)
        return false;
    find_verdict(f, sure ? WHY_SYSTEMD_UNFINISHED : WHY_UNKNOWN_WAITS, ev->icount,
                 "%ssystemd has not finished its start: it has been starting %s for %" PRIu64 ".%" PRIu64
                 " s%s",
                 sure ? "" : "cannot tell: ", unit, (now - ev->time) / second,
                 (now - ev->time) % second / (second / 10),
                 sure ? ", and nothing goes on" : ", and the record ends before it is known how that ends");
    unfinished_lines(c, f, ev);
    return true;
}

/* ---------------------------------------------------------------- what is done about a failed unit */

/* A service that is started again as its Restart= says. */
struct restarts {
    const struct event *last, *limit; /* the last start again; where systemd has given that up */
    uint64_t n;                       /* its own count */
    bool failed;                      /* after the last one */
};

/* The line is of that unit, whose name and a colon begin its lines. */
static bool says_of(const struct event *ev, const char *unit, char *buf, size_t size)
{
    return manager_says(ev) && !strncmp(fact_text(ev, buf, size), unit, strlen(unit));
}

static struct restarts restarts_of(const struct facts *f, const char *unit)
{
    static const char counter[] = "restart counter is at ";
    struct restarts r = {0};
    char words[300];
    for (size_t i = 0; i < f->n; i++) {
        const struct event *ev = &f->event[i];
        if (!says_of(ev, unit, words, sizeof words))
            continue;
        const char *number = strstr(words, counter);
        if (number) {
            r.last = ev;
            r.n = strtoull(number + sizeof counter - 1, NULL, 10);
            r.failed = false;
        } else if (strstr(words, "Start request repeated too quickly")) {
            r.limit = ev;
        } else if (r.last && strstr(words, "Failed with result")) {
            r.failed = true;
        }
    }
    return r;
}

/* What came of a unit that failed, to follow its verdict; "" if it was left so. */
static void aftermath(const struct facts *f, const struct event *failed, char *buf, size_t size)
{
    char words[300], unit[300];
    *buf = 0;
    fact_text(failed, words, sizeof words);
    const size_t n = strcspn(words, ":");
    if (!manager_says(failed) || !words[n] || memchr(words, ' ', n))
        return;
    snprintf(unit, sizeof unit, "%.*s:", (int)n, words);
    const struct restarts r = restarts_of(f, unit);
    if (r.last)
        snprintf(buf, size, "; systemd has restarted it %" PRIu64 " time%s%s", r.n, r.n == 1 ? "" : "s",
                 r.limit    ? ", and has given up"
                 : r.failed ? ", and it has failed again"
                            : ", and it has not failed since");
}

void explain_units(struct why_case *c, struct finding *f)
{
    const struct event *first, *down;
    char words[300], then[400];
    if (freezes(c, f) || falls_back(c, f) || ends_in_maintenance(c, f))
        return;
    if ((first = first_failed(&c->now))) {
        aftermath(&c->now, first, then, sizeof then);
        fact_text(first, words, sizeof words);
        if (*then)
            cut_full_stop(words);
        find_verdict(f, WHY_SYSTEMD_UNIT, first->icount, "systemd has a unit that failed: %s%s", words, then);
        process_line(c, f, first);
        failed_lines(c, f, 14);
        if ((down = facts_last(&c->now, EV_KERNEL_SHUTDOWN)) && down->icount > first->icount)
            find_event(f, c, down, "then the kernel shuts down");
        return;
    }
    units_unfinished(c, f, true);
}

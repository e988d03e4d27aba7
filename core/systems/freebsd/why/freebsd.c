/* freebsd.c - FreeBSD without a root file system: it asks for one at its prompt, or has panicked. The texts are those of the kernel
 * (sys/kern/vfs_mountroot.c, and of drives sys/cam/cam_periph.c, sys/geom/geom_disk.c and the drivers). */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "core/case/case.h"

enum { MOST = 4, NAME = 80 };

/* ---------------------------------------------------------------- what was asked for */

/* A variable of the loader's: the last one of that name. False if there is none. */
static bool variable(const struct facts *f, const char *name, char *buf, size_t size,
                     const struct event **found)
{
    const size_t n = strlen(name);
    *found = NULL;
    for (size_t i = 0; i < f->n; i++) {
        char text[300];
        const struct event *ev = &f->event[i];
        if (ev->kind != EV_KERNEL_VARIABLE)
            continue;
        fact_text(ev, text, sizeof text);
        if (strncmp(text, name, n) || text[n] != '=')
            continue;
        snprintf(buf, size, "%s", text + n + 1);
        *found = ev;
    }
    return *found;
}

/* "Mounting from ufs:/dev/ada9 failed with error 19: text." */
struct attempt {
    const struct event *ev;
    char from[NAME], text[NAME];
    int error;
};

static bool parse_attempt(const struct event *ev, struct attempt *a)
{
    char line[300];
    int at = 0;
    *a = (struct attempt){.ev = ev};
    fact_text(ev, line, sizeof line);
    if (sscanf(line, "Mounting from %79s failed with error %d%n", a->from, &a->error, &at) != 2 ||
        strstr(line, "; retrying"))
        return false;
    if (line[at] == ':')
        snprintf(a->text, sizeof a->text, "%s", line + at + 1 + strspn(line + at + 1, " "));
    a->text[strcspn(a->text, ".")] = 0;
    return true;
}

/* The first failure of each root, in order. */
static size_t find_attempts(struct why_case *c, struct attempt list[MOST])
{
    size_t n = 0;
    for (size_t i = 0; i < c->now.n; i++) {
        struct attempt a;
        bool known = false;
        if (c->now.event[i].kind != EV_CONSOLE_LINE || !parse_attempt(&c->now.event[i], &a))
            continue;
        for (size_t k = 0; k < n; k++)
            known |= !strcmp(list[k].from, a.from);
        if (!known && n < MOST)
            list[n++] = a;
    }
    return n;
}

/* FreeBSD's first 34 errors but 11 have the numbers that Linux gives them. */
static const char *error_words(int error)
{
    enum { SAME = 34, EDEADLK_THERE = 11 };
    return error > 0 && error <= SAME && error != EDEADLK_THERE ? strerrordesc_np(error) : NULL;
}

/* ---------------------------------------------------------------- the drives that there are */

struct drive {
    const struct event *ev;
    char name[16];
};

/* "ada0 at ahcich0 bus 0 …", "nvd0: <…>": drivers of drives have these names. */
static bool names_drive(const char *line, char name[16])
{
    static const char *const drivers[] = {"ada",  "da",    "cd",   "ad",       "acd",  "nvd",  "nda",
                                          "vtbd", "mmcsd", "md",   "xbd",      "fd",   "aacd", "amrd",
                                          "idad", "ipsd",  "mfid", "mfisyspd", "mlxd", "twed", "pmem"};
    const size_t letters = strspn(line, "abcdefghijklmnopqrstuvwxyz"),
                 digits = strspn(line + letters, "0123456789"), all = letters + digits;
    if (!digits || all >= 16 || (strncmp(line + all, " at ", 4) && strncmp(line + all, ": ", 2)))
        return false;
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strlen(drivers[i]) == letters && !strncmp(line, drivers[i], letters)) {
            snprintf(name, 16, "%.*s", (int)all, line);
            return true;
        }
    return false;
}

/* In the order in which the kernel names them. */
static size_t find_drives(struct why_case *c, struct drive list[], size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < c->now.n && n < most; i++) {
        char line[300], name[16];
        bool known = false;
        if (c->now.event[i].kind != EV_CONSOLE_LINE ||
            !names_drive(fact_text(&c->now.event[i], line, sizeof line), name))
            continue;
        for (size_t k = 0; k < n; k++)
            known |= !strcmp(list[k].name, name);
        if (known)
            continue;
        list[n].ev = &c->now.event[i];
        snprintf(list[n++].name, sizeof list->name, "%s", name);
    }
    return n;
}

/* What of "ufs:/dev/ada0s1a" there is. */
static void device_reason(const struct attempt *a, const struct drive list[], size_t n, struct text *out)
{
    const char *colon = strchr(a->from, ':'), *name = colon ? colon + 1 : a->from;
    if (strncmp(name, "/dev/", 5))
        return;
    name += 5;
    for (size_t i = 0; i < n; i++) {
        const size_t len = strlen(list[i].name);
        if (!strcmp(name, list[i].name))
            return; /* it is there, and the error says the rest */
        if (!strncmp(name, list[i].name, len) && !isdigit((unsigned char)name[len])) {
            text_add(out, "; the kernel names %s but no %s", list[i].name, name);
            return;
        }
    }
    text_add(out, n ? "; the drives that the kernel names are" : "; the kernel names no drive");
    for (size_t i = 0; i < n; i++)
        text_add(out, "%s %s", i ? "," : "", list[i].name);
}

/* ---------------------------------------------------------------- the verdict */

enum { DRIVES = 32 };
static const char gave_up[] = "mountroot: unable to (re-)mount root";

static void lines(struct why_case *c, struct finding *f, const struct event *at,
                  const struct attempt attempts[], size_t nattempts, const struct drive drives[],
                  size_t ndrives)
{
    static const char *const names[] = {"vfs.root.mountfrom", "vfs.root.mountfrom.options"};
    enum { SHOWN = 6 };
    char value[NAME], line[300];
    const struct event *ev;
    find_line(f, at->icount, NULL, "%s: %s", at->kind == EV_KERNEL_PANIC ? "panic" : "console",
              fact_text(at, line, sizeof line));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (variable(&c->now, names[i], value, sizeof value, &ev))
            find_event(f, c, ev, "the loader says");
        else if (!i)
            find_note(f, "the loader says no vfs.root.mountfrom");
    for (size_t i = 0; i < nattempts; i++)
        find_line(f, attempts[i].ev->icount, NULL, "console: %s",
                  fact_text(attempts[i].ev, line, sizeof line));
    for (size_t i = 0; i < ndrives && i < SHOWN; i++)
        find_line(f, drives[i].ev->icount, NULL, "the kernel names this drive: %s",
                  fact_text(drives[i].ev, line, sizeof line));
    if (!ndrives)
        find_note(f, "the kernel names no drive");
    else if (ndrives > SHOWN)
        find_note(f, "and %zu more drives", ndrives - SHOWN);
    find_drives_of_machine(f, c);
    if (fact_contains(at, gave_up))
        find_callers_at(f, c, at);
    else if (case_go(c, c->at))
        for (unsigned cpu = 0; cpu < timeline_cpus(c->tl); cpu++)
            find_callers(f, c, cpu);
}

static void no_root(struct why_case *c, struct finding *f, const struct event *at)
{
    struct attempt attempts[MOST];
    struct drive drives[DRIVES];
    struct text why = {0};
    char value[NAME];
    const struct event *ev;
    const size_t n = find_attempts(c, attempts), ndrives = find_drives(c, drives, DRIVES);
    const char *then =
        fact_contains(at, gave_up) ? "it panicked" : "it asks for one at its prompt (mountroot>)";
    if (n) {
        const struct attempt *a = &attempts[0];
        const char *words = *a->text ? a->text : error_words(a->error);
        device_reason(a, drives, ndrives, &why);
        find_verdict(f, WHY_FREEBSD_NO_ROOT, a->ev->icount,
                     "FreeBSD cannot mount its root from %s: error %d%s%s%s%s; %s", a->from, a->error,
                     words ? " (" : "", words ? words : "", words ? ")" : "", why.s ? why.s : "", then);
    } else if (variable(&c->now, "vfs.root.mountfrom", value, sizeof value, &ev)) {
        find_verdict(f, WHY_FREEBSD_NO_ROOT, at->icount,
                     "FreeBSD has no root file system: vfs.root.mountfrom is %s, and %s", value, then);
    } else {
        find_verdict(
            f, WHY_FREEBSD_NO_ROOT, at->icount,
            "FreeBSD has no root file system: nobody has told it which (no vfs.root.mountfrom), and %s",
            then);
    }
    free(why.s);
    lines(c, f, at, attempts, n, drives, ndrives);
}

/* After that position a root was mounted, or one that was typed is being tried. */
static bool goes_on(struct why_case *c, uint64_t icount)
{
    bool on = false;
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        struct attempt ignored;
        if (ev->icount <= icount)
            continue;
        if (ev->kind == EV_KERNEL_MOUNT && fact_contains(ev, " on / from "))
            return true;
        if (ev->kind == EV_CONSOLE_LINE && fact_contains(ev, "Trying to mount root from "))
            on = true;
        else if (ev->kind == EV_CONSOLE_LINE && parse_attempt(ev, &ignored))
            on = false;
    }
    return on;
}

void explain_freebsd(struct why_case *c, struct finding *f)
{
    const struct facts *now = &c->now;
    const struct event *kernel = facts_last(now, EV_KERNEL_FOUND), *panic = facts_last(now, EV_KERNEL_PANIC),
                       *asks = facts_line(now, "Manual root filesystem specification:", now->begin),
                       *prompt = facts_line(now, "mountroot>", now->begin),
                       *printed = facts_line(now, gave_up, now->begin); /* its debugger may be in between */
    if (kernel && !fact_contains(kernel, "FreeBSD"))
        return;
    if (panic && fact_contains(panic, gave_up))
        no_root(c, f, panic);
    else if (!panic && asks && !goes_on(c, asks->icount))
        no_root(c, f, printed ? printed : prompt ? prompt : asks);
}

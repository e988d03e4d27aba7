/* said.c - see said.h. */
#include <ctype.h>

#include "core/screen/timeline_screen.h"
#include "core/case/private/failed.h"
#include "core/case/said.h"

bool said_line(const struct event *ev)
{
    return (ev->kind == EV_CONSOLE_LINE || ev->kind == EV_SERVICE_TEXT) && ev->len;
}

/* "No arrays found": what was looked for is not there. "No errors found" is none. */
static bool none_found(const char *line)
{
    static const char *const good[] = {"error", "problem", "bad", "issue", "fault", "warning"};
    const char *found = strcasestr(line, " found"), *no = strcasestr(line, "no ");
    if (!found || !no || no > found || (no > line && isalpha((unsigned char)no[-1])))
        return false;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!strncasecmp(no + 3, good[i], strlen(good[i])))
            return false;
    return true;
}

/* "not readable", "unloadable", "cannot" in one word: something that cannot be done. */
static bool is_unable(const char *line)
{
    static const char *const ends[] = {"able", "ible"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        for (const char *p = line; (p = strcasestr(p, ends[i])); p++) {
            const char *word = p;
            while (word > line && isalpha((unsigned char)word[-1]))
                word--;
            const bool whole = !isalpha((unsigned char)p[strlen(ends[i])]) && p > word;
            if (whole &&
                ((word - line >= 4 && !strncasecmp(word - 4, "not ", 4)) || !strncasecmp(word, "un", 2)))
                return true;
        }
    return false;
}

/* Words of complaints, in any case. "errors=remount-ro" and "error-free" are none: what follows may not be a letter, "=" or "-". */
/* clang-format off */
static const char *const complaints[] = {
    "error", "errors", "failed", "failure", "fail", "panic", "fatal", "cannot", "can't", "could not",
    "couldn't", "unable to", "not found", "no such", "invalid", "exception", "corrupt", "corrupted",
    "missing", "unhandled", "unsupported", "not supported", "bad", "assertion", "assert", "aborted",
    "abort", "denied", "timed out", "timeout", "violation", "refused", "mismatch", "insufficient",
    "out of memory", "not a", "no kernel", "no bootable", "double fault", "page fault", "protection fault",
    "does not exist", "incompatible", "don't know", "unknown", "unrecognized", "too small", "too large",
    "too big", "halting", "halted", "no configuration", "err", "not enough", "illegal", "unexpected",
    "undefined", "overflow", "wrong", "no boot", "didn't", "doesn't", "no valid", "unbootable", "giving up",
    "gave up", "no response"
};
/* clang-format on */

/* "0 failed", "with 0 errors", but not "sector 0 failed": before a count no noun stands. */
static bool is_number_of_thing(const char *line, const char *begin)
{
    static const char *const before[] = {"with", "and", "of", "found", "are", "were"};
    if (*begin != '0' && strncasecmp(begin, "zero", 4) != 0)
        return false;
    const char *end = begin;
    while (end > line && end[-1] == ' ')
        end--;
    const char *word = end;
    while (word > line && isalpha((unsigned char)word[-1]))
        word--;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        if ((size_t)(end - word) == strlen(before[i]) && !strncasecmp(word, before[i], (size_t)(end - word)))
            return false;
    return word < end;
}

/* "No errors were found", "0 failed", "nothing is missing": one of the two words before it, in the same clause, says that it is not so. */
static bool is_denied(const char *line, const char *word)
{
    static const char *const denials[] = {"no", "0", "zero", "without", "nothing", "none", "never"};
    enum { BACK = 2 };
    for (unsigned n = 0; n < BACK && word > line; n++) {
        const char *end = word;
        while (end > line && end[-1] == ' ')
            end--;
        const char *begin = end;
        while (begin > line && isalnum((unsigned char)begin[-1]))
            begin--;
        for (size_t i = 0; i < sizeof denials / sizeof denials[0]; i++)
            if ((size_t)(end - begin) == strlen(denials[i]) &&
                !strncasecmp(begin, denials[i], (size_t)(end - begin)))
                return !is_number_of_thing(line, begin);
        if (begin == end)
            return false;
        word = begin;
    }
    return false;
}

bool said_words(const char *line)
{
    if (strstr(line, "job control turned off")) /* a shell without a terminal of its own: it works */
        return false;
    for (size_t i = 0; i < sizeof complaints / sizeof complaints[0]; i++) {
        const size_t n = strlen(complaints[i]);
        for (const char *p = line; (p = strcasestr(p, complaints[i])); p++)
            if ((p == line || !isalpha((unsigned char)p[-1])) && !isalpha((unsigned char)p[n]) &&
                p[n] != '=' && p[n] != '-' && !is_denied(line, p))
                return true;
    }
    return is_unable(line);
}

/* Something was started after which what was said before is over. */
static bool starts(const struct event *ev)
{
    enum { APPLICATION = 9 };
    return ev->kind == EV_BOOT_SECTOR_ENTER || ev->kind == EV_KERNEL_ENTRY || ev->kind == EV_KERNEL_FOUND ||
           ev->kind == EV_XEN_FOUND || ev->kind == EV_KERNEL_HANDOVER || ev->kind == EV_PROCESS_EXEC ||
           (ev->kind == EV_EFI_START && EVF(ev, EFI_START, type) == APPLICATION);
}

/* Something was typed after that position. */
static bool typed_after(struct why_case *c, uint64_t icount)
{
    const uint64_t n = trace_input_count(c->t);
    struct input in;
    struct error ignored;
    return n && !trace_input(c->t, n - 1, &in, &ignored) && in.icount >= icount && in.icount < c->at;
}

static bool is_shell(const char *name)
{
    static const char *const shells[] = {"init", "sh", "ash", "dash", "bash"};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (!strcmp(name, shells[i]))
            return true;
    return false;
}

/* A program has done its work: what ends without an error, but a part of a shell, a thread of the kernel, or what lets time pass. */
static bool succeeds(struct why_case *c, const struct event *ev)
{
    if (ev->kind != EV_PROCESS_EXIT || EVF(ev, PROCESS_EXIT, code) ||
        EVF(ev, PROCESS_EXIT, pid) != EVF(ev, PROCESS_EXIT, tgid))
        return false;
    char name[80];
    snprintf(name, sizeof name, "%.*s", (int)ev->len, (const char *)ev->data);
    if (is_shell(name) || !strcmp(name, "sleep"))
        return false;
    for (const struct event *made = ev; made-- > c->now.event;)
        if (made->kind == EV_PROCESS_CREATE && made->guest == ev->guest &&
            EVF(made, PROCESS_CREATE, pid) == EVF(ev, PROCESS_EXIT, pid))
            return EVF(made, PROCESS_CREATE, kind) != PROCESS_KERNEL_THREAD;
    return false;
}

/* The first of the last lines before `to` that read like errors. A program under a kernel was started after it: `program`. */
static const struct event *first_error(struct why_case *c, uint64_t to, bool program)
{
    enum {
        LAST = 14,
        APART = 4,
        PROGRESS = 2 /* programs that do their work: what was said before them is over */
    };
    const struct event *found = NULL;
    char text[SAID_TEXT];
    unsigned lines = 0, since = 0, done = 0;
    for (size_t i = c->now.n; i--;) {
        const struct event *ev = &c->now.event[i];
        if (ev->icount > to)
            continue;
        if ((starts(ev) && !(program && ev->kind == EV_PROCESS_EXEC)) || (!found && lines >= LAST) ||
            (found && (since >= APART || (done += program && succeeds(c, ev)) >= PROGRESS)))
            break;
        if (!said_line(ev) || !*fact_text(ev, text, sizeof text))
            continue;
        const bool kernel = program && *text == '[', failed = program && failed_said(c, ev);
        if (kernel && !failed)
            continue;
        lines++;
        since++;
        if (failed || said_words(text) || (program && none_found(text)) || boot_read_failed(c, ev->icount)) {
            found = ev;
            since = done = 0;
        }
    }
    return found;
}

const struct event *said_error(struct why_case *c, uint64_t to)
{
    const struct event *found = first_error(c, to, false);
    return found && !typed_after(c, found->icount) ? found : NULL;
}

const struct event *said_before(struct why_case *c, uint64_t to)
{
    return first_error(c, to, true);
}

/* The name before the first colon of a line, "udhcpd: too big": who says it. */
static void author(const struct event *line, char buf[40])
{
    char text[SAID_TEXT];
    const size_t n = strcspn(fact_text(line, text, sizeof text), ": ");
    snprintf(buf, 40, "%.*s", (int)(text[n] == ':' ? n : 0), text);
}

/* A program has complained once, and lives: it has gone on in spite of that. A shell says what others did. */
static bool lives_with_it(struct why_case *c, const struct event *line, uint64_t to)
{
    struct error ignored;
    char name[40], other[40], text[SAID_TEXT];
    unsigned times = 0;
    bool lives = false;
    author(line, name);
    for (const struct event *ev = line; ev < c->now.event + c->now.n && ev->icount <= to; ev++)
        if (said_line(ev) && ev->kind == line->kind && said_words(fact_text(ev, text, sizeof text))) {
            author(ev, other);
            times += !strcmp(name, other);
        }
    struct processes *ps = *name && times == 1 ? processes_at(c->t, to, &ignored) : NULL;
    for (size_t i = 0; ps && i < processes_count(ps); i++) {
        const struct process *p = processes_get(ps, i);
        lives |= !p->exited && !strcmp(p->name, name) && !is_shell(name);
    }
    processes_free(ps);
    return lives;
}

const struct event *said_shortly(struct why_case *c, uint64_t to)
{
    enum { LINES = 5 };
    const struct event *found = said_before(c, to);
    char text[SAID_TEXT];
    unsigned lines = 0;
    /* What is tried again complains again: the lines between the complaints, and those after the last one, are few. */
    for (const struct event *ev = found; ev && ev < c->now.event + c->now.n && ev->icount <= to; ev++)
        if (said_line(ev) && ev->kind == found->kind && *fact_text(ev, text, sizeof text) && *text != '[')
            lines = said_words(text) ? 0 : lines + 1;
    return found && lines < LINES && !lives_with_it(c, found, to) ? found : NULL;
}

const struct event *said_last(struct why_case *c, uint64_t to)
{
    char text[SAID_TEXT];
    for (size_t i = c->now.n; i-- && !starts(&c->now.event[i]);) {
        const struct event *ev = &c->now.event[i];
        if (ev->icount <= to && said_line(ev) && *fact_text(ev, text, sizeof text))
            return ev;
    }
    return NULL;
}

const struct event *said_by_program(struct why_case *c)
{
    const struct event *run = facts_last(&c->now, EV_INIT_RUN);
    char text[SAID_TEXT];
    for (size_t i = c->now.n; run && i-- && c->now.event[i].icount >= run->icount;)
        if (said_line(&c->now.event[i]) && *fact_text(&c->now.event[i], text, sizeof text) && *text != '[')
            return &c->now.event[i];
    return NULL;
}

const struct event *said_complaint(struct why_case *c, uint64_t from, uint64_t to)
{
    char words[SAID_TEXT];
    for (size_t i = c->now.n; i--;) {
        const struct event *ev = &c->now.event[i];
        if (ev->icount < from)
            break;
        if (ev->icount < to && ev->kind == EV_CONSOLE_LINE && *fact_text(ev, words, sizeof words) != '[' &&
            said_words(words))
            return ev;
    }
    return NULL;
}

/* ---------------------------------------------------------------- prompts */

/* The last line of the screen that has text. */
static void screen_line(struct why_case *c, char buf[SAID_TEXT])
{
    enum { SIZE = 1 << 16 };
    char *screen = mem_alloc(SIZE);
    *buf = 0;
    const size_t n = case_go(c, c->at) ? timeline_screen(c->tl, screen, SIZE) : 0;
    if (n && n < SIZE) {
        screen[n] = 0;
        char *save = NULL;
        for (char *line = strtok_r(screen, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            line += strspn(line, " ");
            size_t len = strlen(line);
            while (len && line[len - 1] == ' ')
                len--;
            if (len)
                snprintf(buf, SAID_TEXT, "%.*s", (int)len, line);
        }
    }
    free(screen);
}

/* That line of the screen is one that was printed whole. */
static bool was_ended(struct why_case *c, const char *line)
{
    char text[SAID_TEXT];
    for (size_t i = c->now.n; *line && i--;)
        if (c->now.event[i].kind == EV_CONSOLE_LINE &&
            !strcmp(fact_text(&c->now.event[i], text, sizeof text), line))
            return true;
    return false;
}

static const struct event *last_on_console(struct why_case *c)
{
    const enum console_device console = trace_console(c->t);
    for (size_t i = c->now.n; i--;)
        if (c->now.event[i].kind == EV_CONSOLE_LINE && EVF(&c->now.event[i], CONSOLE_LINE, device) == console)
            return &c->now.event[i];
    return NULL;
}

/* A line that moves the cursor to places: a program draws on the whole screen (ECMA-48, CUP). */
static bool moves_cursor(const struct event *line)
{
    enum { ESCAPE = 0x1b, LEAST = 3 };
    const char *p = line->data, *end = p + line->len;
    unsigned n = 0;
    while (p < end && (p = memchr(p, ESCAPE, (size_t)(end - p))))
        for (p++; p < end && *p != ESCAPE; p++)
            if (isalpha((unsigned char)*p)) {
                n += *p == 'H';
                break;
            }
    return n >= LEAST;
}

bool said_dialog(struct why_case *c)
{
    char text[SAID_TEXT * 10];
    const struct event *last = last_on_console(c);
    return last && moves_cursor(last) && !said_words(fact_text(last, text, sizeof text));
}

/* The last line on the console, if it has not ended by all appearance: it asks for something, and has a blank behind that. */
static void open_line(struct why_case *c, char buf[SAID_TEXT])
{
    const struct event *last = last_on_console(c);
    if (!last || !last->len || moves_cursor(last) || ((const char *)last->data)[last->len - 1] != ' ' ||
        !said_asks(fact_text(last, buf, SAID_TEXT)))
        *buf = 0;
}

const char *said_prompt(struct why_case *c, char buf[SAID_TEXT])
{
    *buf = 0;
    for (size_t i = c->now.n; i-- && !*buf;) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_CONSOLE_LINE && ev->icount + 1 >= c->at)
            fact_text(ev, buf, SAID_TEXT);
        else if (ev->icount + 1 < c->at)
            break;
    }
    if (!*buf)
        open_line(c, buf);
    if (!*buf) {
        screen_line(c, buf);
        if (was_ended(c, buf))
            *buf = 0;
    }
    return buf;
}

static bool has_word(const char *line, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = line; (at = strcasestr(at, word)); at++)
        if ((at == line || !isalpha((unsigned char)at[-1])) && !isalpha((unsigned char)at[n]))
            return true;
    return false;
}

/* "45%", and a bar of progress: "[====>  ]". */
static bool is_progress(const char *line, size_t n)
{
    const char *open = line[n - 1] == ']' ? strrchr(line, '[') : NULL;
    if (line[n - 1] == '%')
        return n > 1 && isdigit((unsigned char)line[n - 2]);
    while (open && *open && !isalpha((unsigned char)*open))
        open++;
    return open && !*open;
}

bool said_asks(const char *line)
{
    const size_t n = strlen(line);
    return n && ((strchr(":>#$%?]*=&~", line[n - 1]) && !is_progress(line, n)) || has_word(line, "press") ||
                 has_word(line, "any key") || has_word(line, "a key"));
}

const char *said_name(struct why_case *c)
{
    static const char *const names[][2] = {{"GNU GRUB", "GRUB"},
                                           {"GRUB", "GRUB"},
                                           {"U-Boot", "U-Boot"},
                                           {"FreeDOS", "FreeDOS"},
                                           {"MS-DOS", "MS-DOS"},
                                           {"SYSLINUX", "SYSLINUX"},
                                           {"ISOLINUX", "ISOLINUX"},
                                           {"PXELINUX", "PXELINUX"},
                                           {"OpenBSD/", "OpenBSD's loader"},
                                           {"NetBSD", "NetBSD's loader"},
                                           {"Limine", "Limine"},
                                           {"iPXE", "iPXE"},
                                           {"rEFInd", "rEFInd"},
                                           {"FreeBSD", "FreeBSD"},
                                           {"MINIX", "MINIX"},
                                           {"Memtest86", "Memtest86+"},
                                           {"UEFI Interactive Shell", "the UEFI Shell"},
                                           {"LILO", "LILO"}};
    for (size_t i = c->now.n; i--;)
        for (size_t k = 0; c->now.event[i].kind == EV_CONSOLE_LINE && k < sizeof names / sizeof names[0]; k++)
            if (fact_contains(&c->now.event[i], names[k][0]))
                return names[k][1];
    return "";
}

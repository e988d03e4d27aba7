/* unprinted.c - what a Linux kernel has written into its log, and no console has shown: the boot went wrong before it had one. */
#include "core/timeline/recorded_types.h"
#include "core/systems/linux/memory/dmesg.h"
#include "core/case/case.h"

enum { WARNING = 4, READ = 1000, WARNINGS = 6, LAST = 3 };

static bool printed_since(const struct why_case *c, uint64_t icount)
{
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_CONSOLE_LINE && c->now.event[i].icount > icount)
            return true;
    return false;
}

static bool begins(const struct view_message *m, const char *text)
{
    return !strncmp(m->text, text, strlen(text));
}

/* Marks the last warnings. Of what WARN() writes, registers and calls between two lines, only what is wrong is one. */
static void mark_warnings(const struct view_message *list, size_t n, bool *shown)
{
    bool between = false;
    for (size_t i = n, left = WARNINGS; i-- && left;) {
        const bool end = begins(&list[i], "---[ end trace"),
                   begin = begins(&list[i], "------------[ cut here");
        between = (between || end) && !begin;
        if (begin || (between && !begins(&list[i], "WARNING: ")) || list[i].level > WARNING ||
            !list[i].text[0])
            continue;
        shown[i] = true;
        left--;
    }
}

static void lines(struct finding *f, const struct view_message *list, size_t n)
{
    bool *shown = mem_zero(n, sizeof *shown);
    mark_warnings(list, n, shown);
    for (size_t i = n > LAST ? n - LAST : 0; i < n; i++)
        shown[i] = true;
    for (size_t i = 0; i < n; i++) {
        char line[VIEW_MESSAGE_LINE];
        size_t at = 0;
        if (shown[i] && view_message_line(&list[i], &at, line))
            find_note(f, "in the kernel's log, not on a console: %s", line);
    }
    free(shown);
}

void find_log(struct finding *f, struct why_case *c, unsigned cpu, uint64_t icount)
{
    const struct event *found = facts_last(&c->now, EV_KERNEL_FOUND);
    struct view_message *list = NULL;
    struct error ignored;
    size_t n = 0;
    if (!found || printed_since(c, found->icount) || !case_go(c, icount))
        return;
    const struct symbols *s = case_symbols(c);
    struct kernel_types *k = s ? kernel_types_read(c->t, c->kind, s, &ignored) : NULL;
    if (k && !view_dmesg(timeline_look(c->tl), cpu, k, s, READ, &list, &n, &ignored) && n)
        lines(f, list, n);
    free(list);
    kernel_types_free(k);
}

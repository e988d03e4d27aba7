/* lists.c - lists of what a trace says: events, milestones, processes. See views.h. */
#include <inttypes.h>

#include "base/numbers.h"
#include "core/story/marks.h"
#include "core/timeline/timeline.h"
#include "core/views/views.h"

void view_place(struct text *out, uint64_t icount, uint64_t time)
{
    text_add(out, "%14" PRIu64 "  ", icount);
    char seconds[NUMBER_TEXT];
    text_add(out, "%13s s  ", number_seconds(seconds, time));
}

/* ---------------------------------------------------------------- events */

void view_event(struct text *out, const struct event *ev, uint64_t number)
{
    char words[400];
    event_text_raw(ev, words, sizeof words); /* what is composed is escaped as a whole */
    text_add(out, "%9s%-8" PRIu64, "#", number);
    view_place(out, ev->icount, ev->time);
    text_add(out, "%-22s %s\n", event_kind(ev->kind)->name, words);
}

int view_events(struct text *out, struct trace *t, uint64_t from, const struct event_filter *f, uint64_t n,
                bool back, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, event_filter_classes(f));
    struct event ev;
    uint64_t number, found = 0;
    int rc = trace_cursor_seek_icount(c, from, err) ? -1 : 1;
    if (back) {
        while (found < n && (rc = trace_cursor_prev(c, &ev, &number, err)) == 1)
            found += event_filter_matches(f, &ev);
        n = found;
        found = 0;
    }
    while (found < n && (rc = trace_cursor_next(c, &ev, &number, err)) == 1)
        if (event_filter_matches(f, &ev)) {
            view_event(out, &ev, number);
            found++;
        }
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

void view_milestones(struct text *out, struct trace *t, uint64_t here)
{
    struct marks *m = marks_new();
    size_t n;
    marks_see_trace(m, t, NULL);
    const struct mark *list = marks_list(m, &n);
    for (size_t i = 0; i < n; i++) {
        text_add(out, "%s", list[i].icount <= here ? "  " : "> ");
        view_place(out, list[i].icount, list[i].time);
        text_add(out, "%-24s %s\n", event_kind(list[i].kind)->name, list[i].text);
    }
    marks_free(m);
}

/* ---------------------------------------------------------------- domains */

enum { DOMAINS_MAX = 64 };

struct domain_seen {
    uint64_t id, created, time, vcpus, entry;
    bool started;
    char end[80]; /* what happened to it; "" if it is still there */
};

static struct domain_seen *domain_of(struct domain_seen *list, size_t n, uint64_t id)
{
    while (n--)
        if (list[n].id == id)
            return &list[n];
    return NULL;
}

static void domain_event(struct domain_seen *list, size_t *n, const struct event *ev)
{
    struct domain_seen *d = domain_of(list, *n, event_number(ev, 0)); /* all of these have the domain first */
    if (ev->kind == EV_DOMAIN_CREATE && *n < DOMAINS_MAX)
        list[(*n)++] =
            (struct domain_seen){.id = event_number(ev, 0), .created = ev->icount, .time = ev->time};
    else if (ev->kind == EV_VCPU_CREATE && d)
        d->vcpus++;
    else if (ev->kind == EV_DOMAIN_START && d) {
        d->started = true;
        d->entry = EVF(ev, DOMAIN_START, entry);
    } else if (ev->kind == EV_DOMAIN_END && d) {
        snprintf(d->end, sizeof d->end, "%.*s", (int)ev->len, (const char *)ev->data);
    } else if (ev->kind == EV_RESET) {
        *n = 0;
    }
}

void view_domains(struct text *out, struct trace *t, uint64_t here)
{
    struct domain_seen list[DOMAINS_MAX];
    size_t n = 0;
    struct event ev;
    struct error err;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_HYPERCALL) | EVENT_CLASS_BIT(EC_POWER));
    while (trace_cursor_next(c, &ev, NULL, &err) == 1 && ev.icount <= here)
        domain_event(list, &n, &ev);
    trace_cursor_close(c);
    for (size_t i = 0; i < n; i++) {
        text_add(out, "domain %" PRIu64 ": created at ", list[i].id);
        view_place(out, list[i].created, list[i].time);
        text_add(out, "virtual processors: %" PRIu64, list[i].vcpus);
        if (list[i].started)
            text_add(out, ", started at 0x%" PRIx64, list[i].entry);
        text_add(out, "%s%s\n", list[i].end[0] ? ", " : "", list[i].end);
    }
    if (!n)
        text_add(out, "no domains are known here: those of Xen are, once it has made them\n");
}

/* ---------------------------------------------------------------- processes */

static void add_process(struct text *out, const struct process *p, bool current)
{
    text_add(out, "%s%6u %6u %6u  %-13s  %-6s %12" PRIu64 "  %s", current ? "*" : " ", p->pid, p->tgid,
             p->parent, process_kind_text(p->kind), p->exited ? "exited" : "",
             p->executed ? p->executed : p->created, p->name ? p->name : "");
    if (p->path && *p->path)
        text_add(out, "  (%s)", p->path);
    if (p->host)
        text_add(out, "  in host process %u", p->host);
    if (p->guest)
        text_add(out, "  in guest %u", p->guest);
    text_add(out, "\n");
}

void view_processes(struct text *out, const struct processes *ps, const struct process *current, bool all)
{
    if (!processes_count(ps)) {
        text_add(out, VIEW_NO_PROCESSES "\n");
        return;
    }
    text_add(out, "    pid   tgid parent  kind           state         since  name (what it executed)\n");
    for (size_t i = 0; i < processes_count(ps); i++) {
        const struct process *p = processes_get(ps, i);
        if (all || !p->exited)
            add_process(out, p, p == current);
    }
}

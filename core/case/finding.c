/* finding.c - what was found: a verdict, and lines of evidence. See case.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/case/case.h"

void find_verdict(struct finding *f, enum why_code code, uint64_t icount, const char *fmt, ...)
{
    va_list ap;
    free(f->verdict.s);
    f->verdict = (struct text){0};
    va_start(ap, fmt);
    text_add_list(&f->verdict, fmt, ap);
    va_end(ap);
    f->found = true;
    f->code = code;
    f->answer = why_code_answer(code);
    f->icount = icount;
}

static void add_line(struct finding *f, bool placed, uint64_t icount, const char *place, const char *fmt,
                     va_list ap)
{
    struct text t = {0};
    if (f->n == FIND_LINES)
        return;
    text_add_list(&t, fmt, ap);
    f->line[f->n++] = (struct why_line){
        .placed = placed, .icount = icount, .text = t.s, .place = mem_string(place ? place : "")};
}

void find_line(struct finding *f, uint64_t icount, const char *place, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(f, true, icount, place, fmt, ap);
    va_end(ap);
}

void find_note(struct finding *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(f, false, 0, NULL, fmt, ap);
    va_end(ap);
}

void find_event(struct finding *f, struct why_case *c, const struct event *ev, const char *what)
{
    char text[400];
    event_text_raw(ev, text, sizeof text);
    find_line(f, ev->icount, NULL, "%s%s%s", what ? what : "", what ? ": " : "", text);
}

/* Guests print the same on several consoles: each line once. */
void find_console(struct finding *f, struct why_case *c, uint64_t from, uint64_t to, size_t n)
{
    const enum console_device console = trace_console(c->t);
    const struct event *line[WHY_LINES];
    char text[300];
    size_t found = 0;
    for (size_t i = c->now.n; i-- && found < n && found < WHY_LINES;) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind == EV_CONSOLE_LINE && EVF(ev, CONSOLE_LINE, device) == console && ev->icount >= from &&
            ev->icount <= to && *fact_text(ev, text, sizeof text))
            line[found++] = ev;
    }
    while (found--)
        find_line(f, line[found]->icount, NULL, "console: %s", fact_text(line[found], text, sizeof text));
}

void find_move(struct finding *f, struct finding *from)
{
    size_t kept = 0;
    for (size_t i = 0; i < from->n; i++)
        if (f->n < FIND_LINES)
            f->line[f->n++] = from->line[i];
        else
            from->line[kept++] = from->line[i];
    from->n = kept;
}

void find_drop(struct finding *f)
{
    free(f->verdict.s);
    for (size_t i = 0; i < f->n; i++) {
        free(f->line[i].text);
        free(f->line[i].place);
    }
    *f = (struct finding){0};
}

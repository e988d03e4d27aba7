/* why_text.c - a verdict and its evidence as lines. See why.h. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "core/case/case.h"
#include "core/why/why.h"

enum { COLUMNS = 120, INDENT = 17 };

/* The bytes of the first line of a text that has at most that many characters, which ends between words if it can. */
static size_t line_bytes(const char *s, size_t most)
{
    const size_t end = shape_bytes(s, most);
    if (!s[end])
        return end;
    for (size_t i = end; i > end / 3; i--)
        if (s[i] == ' ')
            return i;
    return end;
}

/* A line of evidence, wrapped. Returns how many lines it takes. */
static size_t put_line(struct text *out, const struct why_line *l, const char *go)
{
    struct text all = {0};
    size_t lines = 0;
    text_print(&all, "%s", l->text);
    if (*l->place)
        text_print(&all, "  [%s]", l->place);
    if (l->placed)
        text_add(out, "%15llu  ", (unsigned long long)l->icount);
    else
        text_add(out, "%*s", INDENT, "");
    for (const char *s = all.s; *s; lines++) {
        const size_t n = line_bytes(s, COLUMNS - INDENT);
        text_add(out, "%s%*s%.*s", lines ? "\n" : "", lines ? INDENT : 0, "", (int)n, s);
        s += n + strspn(s + n, " ");
    }
    if (l->placed && go)
        text_add(out, "  > %s %llu", go, (unsigned long long)l->icount);
    text_add(out, "\n");
    free(all.s);
    return lines;
}

/* How many lines of evidence, from that which says most on, fit. */
static unsigned fitting(const struct why *w, size_t most)
{
    size_t used = 0;
    for (unsigned rank = 0; rank < w->n; rank++)
        for (size_t i = 0; i < w->n; i++) {
            struct text t = {0};
            if (w->line[i].rank != rank)
                continue;
            used += put_line(&t, &w->line[i], NULL);
            free(t.s);
            if (used > most)
                return rank;
        }
    return (unsigned)w->n;
}

void why_text(struct text *out, const struct why *w, const char *go, size_t most)
{
    const unsigned ranks = fitting(w, most);
    text_print(out, "%s\n", w->verdict);
    for (size_t i = 0; i < w->n; i++)
        if (w->line[i].rank < ranks)
            put_line(out, &w->line[i], go);
}

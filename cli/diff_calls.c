/* diff_calls.c - see diff_calls.h. */
#include "cli/diff_calls.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/ran/calls.h"

enum { FIRST_WINDOW = 1000000, LARGEST_WINDOW = 100000000 };

/* The functions that are entered in a window, in order. */
struct side {
    struct calls *calls;
    size_t next;
    uint64_t from;
};

static const struct call *next_call(struct side *s)
{
    while (s->next < calls_count(s->calls)) {
        const struct call *c = calls_get(s->calls, s->next++);
        if (c->sort == CALL_CALL || c->sort == CALL_TAIL)
            return c;
    }
    return NULL;
}

static bool same_function(const struct side s[2], const struct call *const c[2])
{
    const struct call_function *a = calls_function(s[0].calls, c[0]->function);
    const struct call_function *b = calls_function(s[1].calls, c[1]->function);
    return !a->name || !b->name ? !a->name == !b->name && a->address == b->address
                                : !strcmp(a->name, b->name) && !strcmp(a->module, b->module);
}

static void name_call(struct text *out, const struct side *s, const struct call *c)
{
    const struct call_function *f = calls_function(s->calls, c->function);
    if (f->name)
        text_add(out, "%s [%s]", f->name, f->module);
    else
        text_add(out, "0x%" PRIx64, f->address);
    if (c->parent != CALL_NONE) {
        f = calls_function(s->calls, calls_get(s->calls, c->parent)->function);
        if (f->name)
            text_add(out, " from %s", f->name);
    }
    text_add(out, " at %" PRIu64, c->begin);
}

static void add_finding(struct cause *cause, const struct side s[2], const struct call *const c[2])
{
    struct text words = {0};
    text_add(&words, "A calls ");
    name_call(&words, &s[0], c[0]);
    text_add(&words, "; B calls ");
    name_call(&words, &s[1], c[1]);
    MEM_MORE(cause->finding, cause->n);
    cause->finding[cause->n++] = (struct finding){.kind = FINDING_FIRST_CALL, .text = words.s};
}

static bool compare_calls(struct cause *cause, struct side s[2])
{
    for (;;) {
        const struct call *c[2] = {next_call(&s[0]), next_call(&s[1])};
        if (!c[0] || !c[1])
            return false;
        if (!same_function(s, c)) {
            add_finding(cause, s, c);
            return true;
        }
    }
}

/* 1: found; 0: not in this window. */
static int look(struct cause *cause, struct trace *const t[2], const struct engine_kind *const kind[2],
                struct symbols *const symbols[2], uint64_t from, uint64_t steps, struct error *err)
{
    struct side s[2] = {{0}};
    int rc = 0;
    for (unsigned i = 0; i < 2 && !rc; i++) {
        const uint64_t last = trace_last_icount(t[i]);
        const struct calls_options o = {.trace = t[i],
                                        .kind = kind[i],
                                        .symbols = symbols[i],
                                        .from = from < last ? from : last,
                                        .to = last - from < steps ? last : from + steps};
        s[i].calls = calls_take(&o, err);
        rc = s[i].calls ? 0 : -1;
    }
    rc = rc ? rc : compare_calls(cause, s);
    calls_free(s[0].calls);
    calls_free(s[1].calls);
    return rc;
}

int diff_calls(struct cause *cause, struct trace *const t[2], const struct engine_kind *const kind[2],
               struct error *err)
{
    struct symbols *symbols[2] = {NULL, NULL};
    uint64_t from = UINT64_MAX;
    int rc = 0;
    for (size_t i = 0; i < cause->n; i++)
        if (cause->finding[i].placed && cause->finding[i].kind == FINDING_FIRST_DIFFERENCE &&
            cause->finding[i].icount < from)
            from = cause->finding[i].icount;
    for (size_t i = 0; i < cause->n && from == UINT64_MAX; i++)
        if (cause->finding[i].placed && cause->finding[i].kind == FINDING_LAST_COMMON)
            from = cause->finding[i].icount;
    if (from >= trace_last_icount(t[0]) || from >= trace_last_icount(t[1]))
        return 0;
    for (unsigned i = 0; i < 2 && !rc; i++)
        rc = (symbols[i] = symbols_load(t[i], err)) ? 0 : -1;
    for (uint64_t n = FIRST_WINDOW; n <= LARGEST_WINDOW && !rc; n *= 10)
        rc = look(cause, t, kind, symbols, from, n, err);
    symbols_free(symbols[0]);
    symbols_free(symbols[1]);
    return rc < 0 ? -1 : 0;
}

/* list.c - bpftrace -l: the places that fit a pattern, with their arguments. See ask.h. */
#include <fnmatch.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/out.h"
#include "core/ask/private/run.h"
#include "core/timeline/recorded_types.h"

struct listing {
    struct ask_shared s;
    struct ask_worker w;
    struct text out;
    size_t n;
};

/* ---------------------------------------------------------------- functions */

static void list_parameters(struct listing *l, const struct ask_target *t)
{
    struct tree_type proto, type;
    const char *name;
    char words[200];
    if (!t->entry && !t->leaves)
        return;
    if (!ask_target_proto(&l->w, t, &proto))
        return;
    for (unsigned i = 0; type_tree_parameter(l->s.kernel, proto, i, &name, &type); i++) {
        type_tree_text(l->s.kernel, type, words, sizeof words);
        text_print(&l->out, "    %s %s\n", words, *name ? name : "?");
    }
    type_tree_text(l->s.kernel, type_tree_result(l->s.kernel, proto), words, sizeof words);
    if (t->leaves)
        text_print(&l->out, "    %s retval\n", words);
}

static void list_function(struct listing *l, const struct ask_target *t)
{
    const char *kind = t->place->text;
    text_print(&l->out, "%.*s:", (int)strcspn(kind, ":"), kind);
    if (t->table && strcmp(t->table, "kernel"))
        text_print(&l->out, "%s:", t->table);
    text_print(&l->out, "%s\n", t->function);
    list_parameters(l, t);
}

/* ---------------------------------------------------------------- tracepoints */

static void list_tracepoint(struct listing *l, const struct ask_target *t)
{
    char name[300];
    ask_tracepoint_name(t, name, sizeof name);
    text_print(&l->out, "tracepoint:%s:%s\n", t->tracepoint->group, name);
    for (const char *const *f = t->tracepoint->fields; f && *f; f++)
        text_print(&l->out, "    %.*s\n", (int)strcspn(*f, "="), *f);
    if (t->tracepoint->syscall && !t->tracepoint->fields)
        text_print(&l->out, "    the arguments of the call, by the kernel's names of them\n");
}

/* ---------------------------------------------------------------- events */

static void list_event(struct listing *l, const struct event_kind *k)
{
    text_print(&l->out, "event:%s\n", k->name);
    for (unsigned i = 0; i < k->nfields; i++)
        text_print(&l->out, "    %s %s\n", k->field[i].type == EFT_SIGNED ? "int64" : "uint64",
                   k->field[i].name);
    if (k->has_data)
        text_print(&l->out, "    text text\n");
    text_print(&l->out, "    uint64 times\n");
    l->n++;
}

static void list_events(struct listing *l, const char *pattern)
{
    for (unsigned i = 0; i < EV_COUNT; i++) {
        const struct event_kind *k = event_kind(i);
        if (k->name && (!fnmatch(pattern, k->name, 0) || !fnmatch(pattern, event_class_name(k->cls), 0)))
            list_event(l, k);
    }
}

/* ---------------------------------------------------------------- all of it */

static const char kinds[] =
    "BEGIN\nEND\nkprobe:FUNCTION\nkprobe:MODULE:FUNCTION\nkprobe:FUNCTION+OFFSET\nkretprobe:FUNCTION\nuprobe:PROGRAM:FUNCTION\n"
    "uretprobe:PROGRAM:FUNCTION\nfirmware:NAME:FUNCTION\nloader:FUNCTION\nxen:FUNCTION\naddress:0xADDRESS\nline:FILE:NUMBER\n"
    "tracepoint:GROUP:NAME\nwatchpoint:EXPRESSION:LENGTH:rw\ninterval:s:N\ninterval:ms:N\nprofile:hz:N\nprofile:ms:N\n"
    "profile:steps:N\nevent:KIND\nstage:NAME:begin\nstage:NAME:end\nprocess:NAME\n";

/* The places of a pattern that is a probe. */
static int list_places(struct listing *l, struct ask_error *err)
{
    struct error why;
    l->s.kernel = kernel_types_read(l->s.o->trace, l->s.o->kind, l->s.o->symbols, &why);
    if (ask_attach(l->s.o, l->s.kernel, &l->s.at, err))
        return 0; /* it is nowhere */
    ask_worker_begin(&l->w, &l->s);
    for (size_t i = 0; i < l->s.at.ntargets; i++) {
        const struct ask_target *t = &l->s.at.target[i];
        if (t->tracepoint)
            list_tracepoint(l, t);
        else if (t->function)
            list_function(l, t);
        else
            text_print(&l->out, "%s\n", t->place->text);
        l->n++;
    }
    ask_worker_end(&l->w);
    return 0;
}

/* A pattern without a function means all: "tracepoint:sched:*". */
static int parse_pattern(struct listing *l, struct ask_options *o, const char *pattern, struct ask_error *err)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s {}", pattern,
                 !strncmp(pattern, "tracepoint:", 11) && !strchr(pattern + 11, ':') ? ":*" : "") < 0)
        mem_none(0);
    const struct ask_source source = {.name = "pattern", .text = text};
    struct ask_program *p = ask_parse(&source, err);
    free(text);
    o->program = p;
    l->s.p = p;
    return p ? 0 : -1;
}

long ask_list(const struct ask_options *o, const char *pattern, struct ask_error *err)
{
    struct ask_options own = *o;
    struct listing l = {.s = {.o = &own}};
    *err = (struct ask_error){.line = 0};
    int rc = 0;
    pthread_mutex_init(&l.s.lock, NULL);
    if (!pattern || !*pattern) {
        text_add(&l.out, "%s", kinds);
        l.n = 1;
    } else if (!strncmp(pattern, "event:", 6)) {
        list_events(&l, pattern + 6);
    } else {
        rc = parse_pattern(&l, &own, pattern, err) || list_places(&l, err) ? -1 : 0;
        ask_free((struct ask_program *)own.program);
    }
    if (l.out.n && !rc)
        o->print(o->ctx, l.out.s, l.out.n);
    free(l.out.s);
    ask_detach(&l.s.at);
    kernel_types_free(l.s.kernel);
    pthread_mutex_destroy(&l.s.lock);
    return rc ? -1 : (long)l.n;
}

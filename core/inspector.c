/* inspector.c - see inspector.h. */
#include <stdlib.h>
#include <string.h>

#include "core/inspector.h"
#include "core/inspector_probe.h"
#include "core/linux/linux.h"

/* An event that waits for its place. */
struct held {
    struct event ev; /* data is its own */
    struct held *next;
};

struct inspector {
    struct inspector_options o;
    struct probes *probes;
    struct symbols *symbols;
    struct linux_guest *lx;
    struct asked *asked;
    struct held *first, *last; /* by icount */
};

/* ---------------------------------------------------------------- the order of events */

/* After all that are held with the same icount or a lower one. Most come in order, so the end is tried first.
 */
static struct held **place_for(struct inspector *in, uint64_t icount)
{
    struct held **at = &in->first;
    if (in->first && in->last->ev.icount <= icount)
        return &in->last->next;
    while (*at && (*at)->ev.icount <= icount)
        at = &(*at)->next;
    return at;
}

static void hold(struct inspector *in, const struct event *ev)
{
    struct held *h = malloc(sizeof *h + ev->len + 1), **at = place_for(in, ev->icount);
    h->ev = *ev;
    h->ev.data = h + 1;
    if (ev->len)
        memcpy(h + 1, ev->data, ev->len);
    h->next = *at;
    *at = h;
    if (!h->next)
        in->last = h;
}

/* Those that are not younger than `icount` go out. */
static void release(struct inspector *in, uint64_t icount)
{
    while (in->first && in->first->ev.icount <= icount) {
        struct held *h = in->first;
        in->first = h->next;
        in->o.emit(in->o.ctx, &h->ev);
        free(h);
    }
}

void inspector_event(struct inspector *in, const struct event *ev)
{
    release(in, ev->icount);
    in->o.emit(in->o.ctx, ev);
    if (in->lx && LINUX_NEEDS & EVENT_CLASS_BIT(event_kind(ev->kind)->cls)) {
        linux_event(in->lx, ev);
        release(in, ev->icount);
    }
    if (in->asked && ev->kind == EV_RESET)
        asked_reset(in->asked);
}

void inspector_finish(struct inspector *in)
{
    release(in, UINT64_MAX);
}

/* ---------------------------------------------------------------- symbols */

static void symbols_changed(void *ctx)
{
    struct inspector *in = ctx;
    if (in->asked)
        asked_look(in->asked);
}

static void give_note(void *ctx, const struct trace_note *note)
{
    struct inspector *in = ctx;
    in->o.note(in->o.ctx, note);
}

/* A table that was given, or could not be made: it counts from icount 0 on, at its link addresses. */
static int take_given(struct inspector *in, const struct symbol_table *t, const struct error *err)
{
    if (t)
        symbols_map(in->symbols, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL});
    else if (!in->o.warn)
        return -1;
    else
        in->o.warn(in->o.ctx, err->text);
    return 0;
}

static int load_given(struct inspector *in, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->o.nsymbol_images; i++) {
        const struct symbol_image *im = &in->o.symbol_images[i];
        const struct symbol_table *t = symbols_add_elf(in->symbols, im->name, im->data, im->size, true, err);
        rc = take_given(in, t, err);
        if (t && im->rom_functions)
            rc = take_given(
                in, symbols_add_copy(in->symbols, im->rom_name, t, im->rom_functions, im->rom_distance), err);
    }
    for (size_t i = 0; !rc && i < in->o.nsymbol_files; i++)
        rc = take_given(in, symbols_add_elf_file(in->symbols, in->o.symbol_files[i], err), err);
    return rc;
}

/* In a replay they come from the notes of the record: those of icount 0. */
static int load_recorded(struct inspector *in, struct error *err)
{
    struct trace_note note;
    for (uint64_t i = 0; i < trace_note_count(in->o.recorded); i++) {
        if (trace_note(in->o.recorded, i, &note, err))
            return -1;
        if (note.icount == 0 && symbols_take_note(in->symbols, &note, err))
            return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- life */

static void linux_emits(void *ctx, const struct event *ev)
{
    hold(ctx, ev);
}

static int create_linux(struct inspector *in, struct error *err)
{
    const char *inspect = config_get(in->o.config, "inspect");
    if (!inspect || !strcmp(inspect, "none"))
        return 0;
    if (strcmp(inspect, "linux"))
        return error_set(err, "inspect: \"%.40s\" is nothing that can be looked for: give linux or none",
                         inspect);
    const struct linux_options lo = {.engine = in->o.engine,
                                     .probes = in->probes,
                                     .symbols = in->symbols,
                                     .classes = in->o.classes,
                                     .ctx = in,
                                     .emit = linux_emits,
                                     .symbols_changed = symbols_changed};
    in->lx = linux_create(&lo);
    return 0;
}

struct inspector *inspector_create(const struct inspector_options *o, struct error *err)
{
    struct inspector *in = calloc(1, sizeof *in);
    in->o = *o;
    in->probes = probes_new(o->engine);
    in->symbols = symbols_new();
    if (o->note)
        symbols_sink(in->symbols, give_note, in);
    int rc = o->recorded ? load_recorded(in, err) : 0;
    if (!rc)
        rc = load_given(in, err);
    if (!rc)
        rc = create_linux(in, err);
    const struct asked_options ao = {.engine = o->engine,
                                     .probes = in->probes,
                                     .symbols = in->symbols,
                                     .linux_guest = in->lx,
                                     .ctx = in,
                                     .emit = linux_emits};
    if (!rc)
        rc = asked_create(&ao, o->config, &in->asked, err);
    if (!rc)
        return in;
    inspector_destroy(in);
    return NULL;
}

void inspector_destroy(struct inspector *in)
{
    if (!in)
        return;
    asked_free(in->asked);
    linux_destroy(in->lx);
    for (struct held *h = in->first, *next; h; h = next) {
        next = h->next;
        free(h);
    }
    symbols_free(in->symbols);
    probes_free(in->probes);
    free(in);
}

uint32_t inspector_classes(const struct inspector *in)
{
    return in->lx ? LINUX_NEEDS : 0;
}

void inspector_start(struct inspector *in)
{
    symbols_changed(in);
    probes_apply(in->probes);
}

void inspector_probe(struct inspector *in, unsigned id, unsigned cpu, uint64_t icount)
{
    probes_reached(in->probes, id, cpu, icount);
}

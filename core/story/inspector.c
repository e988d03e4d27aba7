/* inspector.c - see inspector.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/fold.h"
#include "core/story/inspector.h"
#include "core/story/private/inspector_probe.h"
#include "core/story/private/network.h"
#include "core/symbols/debug.h"

enum { FLAGS_HELD = 1 << 16 }; /* events of the class iflag that wait one by one */

/* An event that waits for its turn. */
struct waiting {
    struct event ev; /* data is its own */
    struct waiting *next;
};

/* A guest, and what the inspector knows about it. */
struct inspected {
    struct inspector *in;
    struct guest *guest;
    bool found, gone; /* gone: to be destroyed once none of its functions is being called */
    unsigned number;  /* once it is found */
};

struct inspector {
    struct inspector_options o;
    struct probes *probes;
    struct symbols *symbols;
    uint64_t next_note; /* of a record: the first that was not taken; those of icount 0 are taken at first */
    struct symbol_files *files;
    unsigned story;            /* its revision */
    bool apart;                /* as guest_options.apart */
    uint32_t chosen;           /* guest systems to look for, bits by index in o.systems */
    struct inspected **guests; /* a guest comes after those that it is inside */
    size_t nguests;
    unsigned nfound; /* since the reset */
    uint32_t needs;  /* the classes of events that some guest system has needed */
    bool any_gone;
    struct asked *asked;
    struct network *network;      /* NULL: its events are not wanted */
    struct waiting *first, *last; /* by icount */
    size_t flags;                 /* how many of them are of the class iflag */
    struct fold *fold;            /* NULL, or what takes more of these: see wait_flag() */
};

bool inspector_makes(unsigned kind)
{
    const struct event_kind *k = event_kind(kind);
    return (k && EVENT_CLASS_BIT(k->cls) & INSPECTOR_CLASSES && kind != EV_PROCESS_FIRST) ||
           kind == EV_LOADER_MODULE || kind == EV_VIRT_BOOT ||
           (k && k->cls == EC_NET && kind != EV_NET_OUT && kind != EV_NET_IN && kind != EV_NET_MANGLED) ||
           (k && !strncmp(k->name, "efi.", 4));
}

/* ---------------------------------------------------------------- the order of events */

/* Inserts after all waiting events with the same icount or a lower one. Most come in order, so the end
 * is tried first. */
static struct waiting **place_for(struct inspector *in, uint64_t icount)
{
    struct waiting **at = &in->first;
    if (in->first && in->last->ev.icount <= icount)
        return &in->last->next;
    while (*at && (*at)->ev.icount <= icount)
        at = &(*at)->next;
    return at;
}

static bool is_flag(const struct event *ev)
{
    return event_kind(ev->kind)->cls == EC_IFLAG;
}

static void hold(struct inspector *in, const struct event *ev)
{
    struct waiting *h = mem_alloc(sizeof *h + ev->len + 1), **at = place_for(in, ev->icount);
    h->ev = *ev;
    h->ev.data = h + 1;
    if (ev->len)
        memcpy(h + 1, ev->data, ev->len);
    h->next = *at;
    *at = h;
    if (!h->next)
        in->last = h;
    in->flags += is_flag(ev);
    assert((!h->next || h->next->ev.icount > h->ev.icount) && "what waits is in order");
}

/* Passes on the waiting events up to `icount`. */
static void release(struct inspector *in, uint64_t icount)
{
    while (in->first && in->first->ev.icount <= icount) {
        struct waiting *h = in->first;
        in->first = h->next;
        in->flags -= is_flag(&h->ev);
        in->o.emit(in->o.ctx, &h->ev);
        free(h);
    }
}

static void emits_own(void *ctx, const struct event *ev)
{
    hold(ctx, ev);
}

/* An event of the class iflag waits, as an older series may still come. A guest that does nothing but switch interrupts off and on makes
 * millions of them before that, so they are folded here once there are many. */
static void wait_flag(struct inspector *in, const struct event *ev)
{
    if (in->flags < FLAGS_HELD || !(in->o.classes & EVENT_CLASS_BIT(EC_FOLD))) {
        hold(in, ev);
        return;
    }
    if (!in->fold)
        in->fold = fold_new(emits_own, in);
    fold_event(in->fold, ev);
}

/* Another event of the engine ends what wait_flag() folds. */
static void end_flags(struct inspector *in)
{
    if (in->fold)
        fold_finish(in->fold);
    fold_free(in->fold);
    in->fold = NULL;
}

/* ---------------------------------------------------------------- guests */

static void add_guest(struct inspector *in, const struct guest_system *system, struct guest *parent,
                      uint64_t domain);

/* Where a record is verified, the files that the recording was given are not there. What it took from them is in the notes, in order. (With
 * `note`, they would be made twice.) */
static void take_recorded(struct inspector *in)
{
    const uint64_t now = in->o.engine->ops->icount(in->o.engine);
    struct trace_note note;
    struct error ignored;
    while (in->o.recorded && !in->o.note && in->next_note < trace_note_count(in->o.recorded) &&
           !trace_note(in->o.recorded, in->next_note, &note, &ignored) && note.icount <= now) {
        in->next_note++;
        if (note.icount && symbols_take_note(in->symbols, &note, &ignored) && in->o.warn)
            in->o.warn(in->o.ctx, ignored.text);
    }
}

static void symbols_changed(struct inspector *in)
{
    take_recorded(in);
    if (in->asked)
        asked_look(in->asked);
    if (in->o.symbols_changed)
        in->o.symbols_changed(in->o.ctx);
}

const struct symbols *inspector_symbols(const struct inspector *in)
{
    return in->symbols;
}

const char *story_revision(bool uefi, bool machines)
{
    return machines ? "4" : uefi ? "3" : "2";
}

struct probes *inspector_probes(const struct inspector *in)
{
    return in->probes;
}

static unsigned guest_found(void *ctx)
{
    struct inspected *i = ctx;
    i->found = true;
    i->number = i->in->nfound++;
    return i->number;
}

static struct inspected *inspected_of(const struct inspector *in, const struct guest *g)
{
    for (size_t k = 0; k < in->nguests; k++)
        if (in->guests[k]->guest == g)
            return in->guests[k];
    return NULL;
}

/* The number of a guest, or, until it is found, of the one that it runs inside. */
static unsigned number_of(const struct inspected *i)
{
    while (!i->found && i->guest->parent)
        i = inspected_of(i->in, i->guest->parent);
    return i->found ? i->number : 0;
}

static void guest_emits(void *ctx, const struct event *ev)
{
    const struct inspected *i = ctx;
    struct event own = *ev;
    own.guest = event_guest(number_of(i));
    hold(i->in, &own);
}

static void guest_symbols_changed(void *ctx)
{
    symbols_changed(((struct inspected *)ctx)->in);
}

/* What was given is not used. */
static void warn_unused(struct inspector *in, const char *text)
{
    char whole[800];
    snprintf(whole, sizeof whole, "%.700s: recorded without it", text);
    if (in->o.warn)
        in->o.warn(in->o.ctx, whole);
}

static void guest_warns(void *ctx, const char *text)
{
    const struct inspected *i = ctx;
    warn_unused(i->in, text);
}

static void domain_begins(void *ctx, uint64_t domain)
{
    struct inspected *i = ctx;
    struct inspector *in = i->in;
    for (size_t k = 0; in->o.systems[k]; k++)
        if (in->chosen >> k & 1 && in->o.systems[k] != i->guest->system)
            add_guest(in, in->o.systems[k], i->guest, domain);
}

static void domain_ends(void *ctx, uint64_t domain)
{
    const struct inspected *i = ctx;
    struct inspector *in = i->in;
    in->any_gone = true;
    for (size_t k = 0; k < in->nguests; k++) {
        struct inspected *inner = in->guests[k];
        const struct guest *parent = inner->guest->parent;
        inner->gone |=
            parent == i->guest ? inner->guest->domain == domain : parent && inspected_of(in, parent)->gone;
    }
}

static bool is_inside(const struct inspected *inner, const struct inspected *outer, uint64_t domain)
{
    return inner->guest->parent == outer->guest && inner->guest->domain == domain && !inner->gone;
}

static void domain_enters(void *ctx, uint64_t domain, unsigned cpu, uint64_t ip)
{
    const struct inspected *i = ctx;
    struct inspector *in = i->in;
    for (size_t k = 0, n = in->nguests; k < n; k++)
        if (is_inside(in->guests[k], i, domain) && in->guests[k]->guest->system->enters)
            in->guests[k]->guest->system->enters(in->guests[k]->guest, cpu, ip);
}

static bool domain_space(void *ctx, uint64_t domain, symbol_space *space)
{
    const struct inspected *i = ctx;
    for (size_t k = 0; k < i->in->nguests; k++)
        if (is_inside(i->in->guests[k], i, domain) && i->in->guests[k]->found) {
            *space = symbol_space_of(i->in->guests[k]->number, 0);
            return true;
        }
    return false;
}

static bool domain_task(void *ctx, uint64_t domain, unsigned cpu, struct guest_task *task)
{
    const struct inspected *i = ctx;
    for (size_t k = 0; k < i->in->nguests; k++) {
        struct guest *g = i->in->guests[k]->guest;
        if (is_inside(i->in->guests[k], i, domain) && i->in->guests[k]->found &&
            g->system->task(g, cpu, task))
            return task->pid;
    }
    return false;
}

static void guest_replaced(void *ctx)
{
    struct inspected *i = ctx;
    struct inspector *in = i->in;
    const struct guest *g = i->guest;
    i->gone = true;
    in->any_gone = true;
    for (size_t k = 0; k < in->nguests; k++)
        in->guests[k]->gone |=
            in->guests[k]->guest->parent && inspected_of(in, in->guests[k]->guest->parent)->gone;
    add_guest(in, g->system, g->parent, g->domain);
}

static void create_guest(struct inspected *i, const struct guest_system *system, struct guest *parent,
                         uint64_t domain)
{
    const struct inspector *in = i->in;
    assert((!parent || inspected_of(in, parent)) && "a guest comes after the one that it is inside");
    const struct guest_options o = {.engine = in->o.engine,
                                    .probes = in->probes,
                                    .symbols = in->symbols,
                                    .files = in->files,
                                    .classes = in->o.classes,
                                    .parent = parent,
                                    .domain = domain,
                                    .calls = config_get(in->o.config, "probe"),
                                    .story = in->story,
                                    .apart = in->apart,
                                    .ctx = i,
                                    .emit = guest_emits,
                                    .found = guest_found,
                                    .symbols_changed = guest_symbols_changed,
                                    .warn = guest_warns,
                                    .replaced = guest_replaced,
                                    .domain_begins = domain_begins,
                                    .domain_ends = domain_ends,
                                    .domain_enters = domain_enters,
                                    .domain_space = domain_space,
                                    .domain_task = domain_task};
    i->guest = system->create(&o);
    i->in->needs |= system->needs;
}

static void add_guest(struct inspector *in, const struct guest_system *system, struct guest *parent,
                      uint64_t domain)
{
    struct inspected *i = mem_zero(1, sizeof *i);
    i->in = in;
    create_guest(i, system, parent, domain);
    MEM_MORE(in->guests, in->nguests);
    in->guests[in->nguests++] = i;
}

/* What was found by that guest (NULL: by any) is no longer there: unmaps it. What was mapped at icount 0 was given by the user, and
 * stays. */
static void forget_found(struct inspector *in, const struct inspected *i, uint64_t icount, uint64_t time)
{
    for (size_t k = 0, n = symbols_mappings(in->symbols); k < n; k++) {
        const struct symbol_mapping *m = symbols_mapping(in->symbols, k);
        bool its = !i || (i->found && m->space >= 0 && symbol_space_guest(m->space) == i->number);
        if (its && !m->until && m->since)
            symbols_unmap(in->symbols, m->table, m->space, icount, time);
    }
}

static void destroy_guest(struct inspected *i)
{
    assert(i->guest && "it is destroyed once");
    i->guest->system->destroy(i->guest);
    free(i);
}

/* Inner ones first. */
static void sweep(struct inspector *in, uint64_t icount, uint64_t time)
{
    for (size_t k = in->nguests; in->any_gone && k-- > 0;) {
        struct inspected *i = in->guests[k];
        if (!i->gone)
            continue;
        forget_found(in, i, icount, time);
        destroy_guest(i);
        memmove(&in->guests[k], &in->guests[k + 1], (--in->nguests - k) * sizeof(struct inspected *));
    }
    in->any_gone = false;
}

static void start_again(struct inspected *i)
{
    const struct guest_system *system = i->guest->system;
    system->destroy(i->guest);
    i->found = false;
    create_guest(i, system, NULL, 0);
}

/* The guests of domains end with it; all others are made anew. */
static void machine_reset(struct inspector *in, const struct event *ev)
{
    for (size_t k = 0; k < in->nguests; k++)
        in->guests[k]->gone = in->guests[k]->guest->parent;
    in->any_gone = true;
    sweep(in, ev->icount, ev->time);
    forget_found(in, NULL, ev->icount, ev->time);
    for (size_t k = 0; k < in->nguests; k++)
        start_again(in->guests[k]);
    in->nfound = 0;
    probes_apply(in->probes);
}

/* A guest that others run inside has the machine, and this one looks in the machine itself: what it would find is in
 * a domain, where another guest looks for it. */
static bool is_inside_other(const struct guest *g, const struct guest *found)
{
    return !g->parent && !found->parent && found->system->domain;
}

/* Whether this guest, which still looks for its system, would find what another one has found already. */
static bool is_displaced(const struct inspector *in, const struct inspected *i)
{
    bool displaced = false;
    for (size_t k = 0; k < in->nguests && !displaced && !i->found; k++) {
        const struct guest *g = i->guest, *other = in->guests[k]->guest;
        displaced = in->guests[k]->found && !in->guests[k]->gone &&
                    (is_inside_other(g, other) ||
                     (other->system->last && other->parent == g->parent && other->domain == g->domain));
    }
    return displaced;
}

/* Entries into virtual machines and exits are of what runs on the machine, although the virtual machine runs then. */
static bool is_where(const struct guest *g, const struct event *ev)
{
    return event_kind(ev->kind)->cls == EC_VIRT ? !g->parent : guest_runs(g, ev->cpu);
}

static bool wants(const struct inspector *in, const struct inspected *i, const struct event *ev)
{
    return i->guest->system->needs & EVENT_CLASS_BIT(event_kind(ev->kind)->cls) && !i->gone &&
           !is_displaced(in, i) && is_where(i->guest, ev);
}

static void show_guests(struct inspector *in, const struct event *ev)
{
    bool any = false, needed = in->needs & EVENT_CLASS_BIT(event_kind(ev->kind)->cls);
    /* Guests that are created meanwhile get the next event. */
    for (size_t k = 0, n = needed ? in->nguests : 0; k < n; k++)
        if (wants(in, in->guests[k], ev)) {
            in->guests[k]->guest->system->event(in->guests[k]->guest, ev);
            any = true;
        }
    if (any)
        release(in, ev->icount);
    sweep(in, ev->icount, ev->time);
}

static unsigned depth(const struct guest *g)
{
    unsigned n = 0;
    while ((g = g->parent))
        n++;
    return n;
}

/* The innermost guest that was found and knows which task runs on a processor, or NULL. */
static struct guest *who_runs(const struct inspector *in, unsigned cpu, struct guest_task *task)
{
    struct guest *best = NULL;
    for (size_t k = 0; k < in->nguests; k++) {
        struct guest *g = in->guests[k]->guest;
        struct guest_task t = {0};
        if (in->guests[k]->found && !in->guests[k]->gone && (!best || depth(g) > depth(best)) &&
            guest_runs(g, cpu) && g->system->task(g, cpu, &t)) {
            best = g;
            *task = t;
        }
    }
    return best;
}

bool inspector_task(struct inspector *in, unsigned cpu, struct guest_task *task)
{
    *task = (struct guest_task){.space = SPACE_KERNEL};
    return who_runs(in, cpu, task);
}

bool inspector_read(struct inspector *in, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    struct guest_task task;
    struct guest *g = who_runs(in, cpu, &task);
    if (g)
        return g->system->read(g, cpu, address, buf, n);
    return in->o.engine->ops->peek(in->o.engine, cpu, address, buf, n) == n;
}

void inspector_describe(const struct inspector *in, struct text *out)
{
    for (size_t k = 0; k < in->nguests; k++) {
        const struct guest *g = in->guests[k]->guest;
        text_add(out, "%*s%s: ", (int)(2 * depth(g)), "", g->system->name);
        g->system->describe(g, out);
        text_add(out, "\n");
    }
}

/* ---------------------------------------------------------------- events of the engine */

void inspector_event(struct inspector *in, const struct event *ev)
{
    if (is_flag(ev)) {
        wait_flag(in, ev);
        return;
    }
    end_flags(in);
    release(in, ev->icount);
    in->o.emit(in->o.ctx, ev);
    if (ev->kind == EV_RESET)
        machine_reset(in, ev);
    show_guests(in, ev);
    if (in->network)
        network_event(in->network, ev);
    if (in->asked && ev->kind == EV_RESET)
        asked_reset(in->asked);
}

static void say_unused(struct inspector *in)
{
    char text[600];
    const char *path;
    for (size_t i = 0; in->o.warn && (path = symbol_files_unused(in->files, i)); i++) {
        snprintf(text, sizeof text, "%.500s: no %s", path,
                 symbols_is_program(path) ? "program that was executed is this one"
                                          : "module that was loaded has its symbols");
        warn_unused(in, text);
    }
    for (size_t i = 0; in->o.warn && in->o.debug && (path = debug_info_unused(in->o.debug, i)); i++) {
        snprintf(text, sizeof text, "%.500s: %s", path,
                 symbol_file_is_pdb(path) ? "no module that was loaded has its symbols"
                                          : "nothing that ran has its build-id");
        warn_unused(in, text);
    }
    for (size_t i = 0; in->o.warn && in->asked && i < asked_unreached(in->asked, i, text, sizeof text); i++)
        in->o.warn(in->o.ctx, text);
}

size_t inspector_probes_missing(const struct inspector *in)
{
    return in->asked ? asked_missing(in->asked) : 0;
}

void inspector_finish(struct inspector *in)
{
    for (size_t k = 0; k < in->nguests; k++)
        if (in->guests[k]->guest->system->finish)
            in->guests[k]->guest->system->finish(in->guests[k]->guest);
    say_unused(in);
    end_flags(in);
    release(in, UINT64_MAX);
}

/* ---------------------------------------------------------------- given symbols */

static void give_note(void *ctx, const struct trace_note *note)
{
    struct inspector *in = ctx;
    in->o.note(in->o.ctx, note);
}

/* Maps a given table from icount 0 on, at its link addresses; or reports that it could not be made. */
static int take_given(struct inspector *in, const struct symbol_table *t, const struct error *err)
{
    if (t)
        symbols_map(in->symbols, &(struct symbol_mapping){.table = t, .space = SPACE_KERNEL});
    else if (!in->o.warn)
        return -1;
    else
        warn_unused(in, err->text);
    return 0;
}

static const struct symbol_table *add_fixed(struct inspector *in, const char *path, struct error *err)
{
    return symbols_is_map(path) ? symbols_add_map_file(in->symbols, path, err)
                                : symbols_add_elf_file(in->symbols, path, err);
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
    for (size_t i = 0; !rc && i < in->o.nsymbol_files; i++) {
        bool fixed;
        /* A program's addresses mean it in its own processes only. On the Linux host all are processes. */
        if (!in->o.engine->ops->tasks && symbols_is_program(in->o.symbol_files[i]))
            symbol_files_add_program(in->files, in->o.symbol_files[i]);
        else if (symbol_files_add(in->files, in->o.symbol_files[i], &fixed, err))
            rc = take_given(in, NULL, err);
        else if (fixed)
            rc = take_given(in, add_fixed(in, in->o.symbol_files[i], err), err);
    }
    return rc;
}

/* In a replay they are read from the record's notes at icount 0. */
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

static int create_guests(struct inspector *in, struct error *err)
{
    const char *inspect = config_get(in->o.config, "inspect"), *story = config_get(in->o.config, "story");
    in->story = story ? (unsigned)strtoul(story, NULL, 10) : 1;
    if (inspect && guest_systems_parse(in->o.systems, inspect, &in->chosen, err))
        return -1;
    in->apart = guest_systems_virtualize(in->o.systems, in->chosen);
    for (size_t k = 0; in->o.systems[k]; k++)
        if (in->chosen >> k & 1)
            add_guest(in, in->o.systems[k], NULL, 0);
    return 0;
}

static void asked_emits(void *ctx, const struct event *ev, struct asked_place *place)
{
    hold(ctx, ev);
}

static bool asked_task(void *ctx, unsigned cpu, struct guest_task *task)
{
    return inspector_task(ctx, cpu, task);
}

static bool asked_read(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return inspector_read(ctx, cpu, address, buf, n);
}

static bool asked_call(void *ctx, unsigned cpu, const char *name, uint64_t address, struct text *out)
{
    struct guest_task task;
    struct guest *g = who_runs(ctx, cpu, &task);
    return g && g->system->call && g->system->call(g, cpu, name, address, out);
}

struct inspector *inspector_create(const struct inspector_options *o, struct error *err)
{
    struct inspector *in = mem_zero(1, sizeof *in);
    in->o = *o;
    in->o.systems = o->systems ? o->systems : guest_systems;
    in->probes = probes_new(o->engine);
    in->symbols = symbols_new();
    for (size_t k = 0; in->o.systems[k]; k++)
        if (in->o.systems[k]->structures)
            symbols_want_members(in->symbols, in->o.systems[k]->osabi, in->o.systems[k]->structures);
    in->files = symbol_files_new();
    symbol_files_also(in->files, o->debug);
    if (o->note)
        symbols_sink(in->symbols, give_note, in);
    int rc = o->recorded ? load_recorded(in, err) : 0;
    if (!rc)
        rc = load_given(in, err);
    if (!rc)
        rc = create_guests(in, err);
    if (o->classes & EVENT_CLASS_BIT(EC_NET))
        in->network = network_new(emits_own, in);
    const struct asked_options ao = {.engine = o->engine,
                                     .probes = in->probes,
                                     .symbols = in->symbols,
                                     .ctx = in,
                                     .emit = asked_emits,
                                     .task = asked_task,
                                     .read = asked_read,
                                     .call = asked_call};
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
    network_free(in->network);
    for (size_t k = in->nguests; k-- > 0;)
        destroy_guest(in->guests[k]);
    free(in->guests);
    fold_free(in->fold);
    for (struct waiting *h = in->first, *next; h; h = next) {
        next = h->next;
        free(h);
    }
    symbols_free(in->symbols);
    symbol_files_free(in->files);
    probes_free(in->probes);
    free(in);
}

uint32_t inspector_classes(const struct inspector *in)
{
    uint32_t classes = 0;
    for (size_t k = 0; in->o.systems[k]; k++)
        classes |= in->chosen >> k & 1 ? in->o.systems[k]->needs : 0;
    /* Frames are observed anyhow, if transfers are wanted; a reset cuts these off. */
    return in->network ? classes | EVENT_CLASS_BIT(EC_POWER) : classes;
}

void inspector_start(struct inspector *in)
{
    symbols_changed(in);
    probes_apply(in->probes);
}

void inspector_probe(struct inspector *in, unsigned id, unsigned cpu, uint64_t icount)
{
    probes_reached(in->probes, id, cpu, icount);
    if (in->any_gone)
        sweep(in, icount, in->o.engine->ops->time(in->o.engine));
}

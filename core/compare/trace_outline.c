/* trace_outline.c - see core/compare/trace_outline.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/compare/private/trace_outline_impl.h"
#include "core/run/crash.h"
#include "core/story/guest.h"
#include "core/story/processes.h"
#include "core/story/stages.h"

enum {
    PIDS = 4194304, /* Linux' PID_MAX_LIMIT; larger ones are not followed */
    DEEPEST = 200,  /* processes below that are shown beside their parent */
};

/* A call whose end is to come: an initcall, a callee of a milestone function. */
struct call {
    uint32_t item;
    char *text;
    uint32_t len;
    uint16_t guest;
};

struct open_stage {
    size_t stage;
    uint32_t item;
};

/* The processes of a guest. */
struct pids {
    uint32_t *item; /* by pid: item + 1 */
    size_t n;
};

struct maker {
    struct outline *o;
    struct counter *counter;
    const struct stages *stages;
    size_t *order; /* stages by the event that opens them */
    size_t next;
    uint32_t *item_of;       /* by stage: OUTLINE_NONE if it is not in the outline */
    struct open_stage *open; /* each inside of the one before */
    size_t nopen;
    uint32_t boot;      /* the item that everything is in */
    uint32_t opened;    /* the item of the innermost stage that the current event opened, or OUTLINE_NONE */
    struct pids *guest; /* by guest: each has its own pids */
    size_t nguests;
    struct call *call;
    size_t ncalls;
    uint8_t pid_field[EV_COUNT]; /* EVENT_MAX_FIELDS: none */
    const struct event *ev;
    uint64_t number;
};

/* ---------------------------------------------------------------- items */

static uint32_t now_in(const struct maker *m)
{
    return m->nopen ? m->open[m->nopen - 1].item : m->boot;
}

static const char *data_text(struct maker *m)
{
    return outline_string(m->o, m->ev->len ? m->ev->data : "", m->ev->len);
}

static struct outline_item item_here(const struct maker *m, uint8_t type, const char *kind, const char *text)
{
    uint32_t in = now_in(m);
    return (struct outline_item){.type = type,
                                 .kind = kind,
                                 .text = text,
                                 .parent = in,
                                 .within = in,
                                 .begin = m->ev->icount,
                                 .end = m->ev->icount,
                                 .time = m->ev->time,
                                 .event = m->number};
}

/* The event's fields; for a guest that is not the first, its number too. */
static unsigned fields_of(const struct event *ev, struct outline_field f[EVENT_MAX_FIELDS + 1])
{
    const struct event_kind *k = event_kind(ev->kind);
    unsigned n = 0;
    for (; n < k->nfields; n++)
        f[n] = (struct outline_field){k->field[n].name, event_number(ev, n), (uint8_t)k->field[n].type,
                                      k->field[n].key};
    if (ev->guest)
        f[n++] = (struct outline_field){"guest", ev->guest, EFT_DEC, true};
    return n;
}

/* Adds an event as an item. If its kind has no text, its first key names it. */
static uint32_t add_event(struct maker *m, uint32_t within)
{
    const struct event_kind *k = event_kind(m->ev->kind);
    struct outline_field f[EVENT_MAX_FIELDS + 1];
    unsigned n = fields_of(m->ev, f);
    char first[60] = "";
    if (k->nfields && f[0].key)
        snprintf(first, sizeof first, event_field_hex(f[0].type) ? "%s %#" PRIx64 : "%s %" PRIu64, f[0].name,
                 f[0].value);
    struct outline_item it = item_here(m, OUTLINE_EVENT, k->name, k->has_data ? data_text(m) : first);
    it.within = within;
    outline_place(m->o, &it, m->ev->kind == EV_CONSOLE_LINE ? (unsigned)EVF(m->ev, CONSOLE_LINE, device) : 0);
    return outline_add(m->o, &it, f, n);
}

static void finish(struct maker *m, uint32_t item, uint64_t icount, uint64_t time)
{
    struct outline_item *it = outline_edit(m->o, item);
    it->end = icount;
    it->steps = icount - it->begin;
    it->took = time - it->time;
    it->open = false;
}

/* ---------------------------------------------------------------- stages */

static void close_stages(struct maker *m)
{
    while (m->nopen) {
        const struct open_stage *top = &m->open[m->nopen - 1];
        const struct stage *s = stages_get(m->stages, top->stage);
        if (s->open || s->last_event > m->number)
            return;
        m->nopen--;
    }
}

/* Whether a stage is a process: it is in the outline as a process, not as the stage that the profile makes of
 * it. */
static bool is_process(const struct maker *m, const struct stage *s)
{
    return s->beside && (m->ev->kind == EV_PROCESS_CREATE || m->ev->kind == EV_PROCESS_EXEC);
}

static void open_one(struct maker *m, size_t i)
{
    const struct stage *s = stages_get(m->stages, i);
    if (is_process(m, s))
        return;
    uint32_t in = s->parent >= 0 ? m->item_of[s->parent] : m->boot;
    in = in == OUTLINE_NONE ? m->boot : in;
    struct outline_item it = {.type = OUTLINE_STAGE,
                              .lane = s->beside ? OUTLINE_UNORDERED : OUTLINE_MAIN,
                              .open = s->open,
                              .parent = in,
                              .within = in,
                              .kind = "stage",
                              .text = s->name,
                              .begin = s->begin,
                              .end = s->end,
                              .time = s->begin_time,
                              .steps = s->steps,
                              .took = s->took,
                              .event = s->first_event};
    struct outline_field failed = {"failed", 1, EFT_BOOL, true};
    m->item_of[i] = outline_add(m->o, &it, &failed, s->failed);
    if (s->beside)
        return;
    m->opened = m->item_of[i];
    m->open = mem_more(m->open, m->nopen, sizeof *m->open);
    m->open[m->nopen++] = (struct open_stage){i, m->item_of[i]};
}

static void open_stages(struct maker *m)
{
    m->opened = OUTLINE_NONE;
    while (m->next < stages_count(m->stages) &&
           stages_get(m->stages, m->order[m->next])->first_event <= m->number)
        open_one(m, m->order[m->next++]);
}

/* ---------------------------------------------------------------- calls */

/* The begin of a call is the stage that it opens, or else an event. */
static void call_begins(struct maker *m)
{
    uint32_t item = m->opened;
    if (item == OUTLINE_NONE) {
        item = add_event(m, now_in(m));
    } else {
        struct outline_field f[EVENT_MAX_FIELDS + 1];
        unsigned n = fields_of(m->ev, f);
        for (unsigned i = 0; i < n; i++)
            outline_add_field(m->o, item, &f[i]);
        outline_seal(m->o, item);
    }
    m->call = mem_more(m->call, m->ncalls, sizeof *m->call);
    m->call[m->ncalls++] = (struct call){item, mem_copy(m->ev->data, m->ev->len), m->ev->len, m->ev->guest};
}

/* Its end adds what it returned. */
static void call_ends(struct maker *m)
{
    const struct event *ev = m->ev;
    for (size_t i = m->ncalls; i-- > 0;) {
        struct call *c = &m->call[i];
        if (c->guest != ev->guest || c->len != ev->len || memcmp(c->text, ev->data, ev->len))
            continue;
        if (ev->kind == EV_INITCALL_DONE) {
            outline_add_field(
                m->o, c->item,
                &(struct outline_field){"result", EVF(ev, INITCALL_DONE, result), EFT_SIGNED, true});
            outline_seal(m->o, c->item);
        }
        finish(m, c->item, ev->icount, ev->time);
        free(c->text);
        memmove(c, c + 1, (--m->ncalls - i) * sizeof *c);
        return;
    }
}

/* ---------------------------------------------------------------- processes */

/* The place of the process with that pid, of the current event's guest; NULL if the pid is too large. */
static uint32_t *pid_slot(struct maker *m, uint64_t pid)
{
    unsigned guest = m->ev->guest;
    if (pid >= PIDS)
        return NULL;
    while (m->nguests <= guest) {
        MEM_MORE(m->guest, m->nguests);
        m->guest[m->nguests++] = (struct pids){NULL, 0};
    }
    struct pids *p = &m->guest[guest];
    if (pid >= p->n) {
        size_t n = pid < 1024 ? 1024 : 2 * (size_t)pid;
        p->item = mem_resize(p->item, n * sizeof *p->item);
        memset(p->item + p->n, 0, (n - p->n) * sizeof *p->item);
        p->n = n;
    }
    return &p->item[pid];
}

/* A reset ends all processes. */
static void forget_processes(struct maker *m)
{
    for (size_t i = 0; i < m->nguests; i++)
        free(m->guest[i].item);
    m->nguests = 0;
}

static uint32_t process_item(struct maker *m, uint64_t pid)
{
    uint32_t *slot = pid_slot(m, pid);
    return slot && *slot ? *slot - 1 : OUTLINE_NONE;
}

static uint32_t add_process(struct maker *m, uint64_t pid, unsigned kind, uint32_t parent, const char *name)
{
    static const char *const kinds[] = {"kernel-thread", "process", "thread"};
    struct outline_field f[] = {{"pid", pid, EFT_DEC, false}, {"guest", m->ev->guest, EFT_DEC, true}};
    struct outline_item it = item_here(m, OUTLINE_PROCESS, kinds[kind < 3 ? kind : PROCESS_PROCESS], name);
    it.within = parent == OUTLINE_NONE ? now_in(m) : parent;
    if (outline_get(m->o, it.within)->depth >= DEEPEST)
        it.within = outline_get(m->o, it.within)->within;
    outline_place(m->o, &it, 0);
    it.open = true;
    uint32_t item = outline_add(m->o, &it, f, m->ev->guest ? 2 : 1), *slot = pid_slot(m, pid);
    if (slot)
        *slot = item + 1;
    return item;
}

/* The process of an event; one whose creation was not seen (the first ones) begins here. */
static uint32_t process_of(struct maker *m, uint64_t pid, unsigned kind, const char *name)
{
    uint32_t item = process_item(m, pid);
    return item != OUTLINE_NONE ? item : add_process(m, pid, kind, OUTLINE_NONE, name);
}

static void process_created(struct maker *m)
{
    unsigned kind = (unsigned)EVF(m->ev, PROCESS_CREATE, kind);
    uint64_t above =
        kind == PROCESS_THREAD ? EVF(m->ev, PROCESS_CREATE, tgid) : EVF(m->ev, PROCESS_CREATE, parent);
    /* The name so far is the parent's. Process 0, the idle task, is nobody's. */
    uint32_t parent = OUTLINE_NONE;
    if (above)
        parent = process_of(m, above, kind == PROCESS_KERNEL_THREAD ? kind : PROCESS_PROCESS, data_text(m));
    uint32_t item = add_process(m, EVF(m->ev, PROCESS_CREATE, pid), kind, parent, data_text(m));
    outline_add_field(m->o, item,
                      &(struct outline_field){"flags", EVF(m->ev, PROCESS_CREATE, flags), EFT_HEX, true});
}

static void process_executes(struct maker *m, uint32_t item)
{
    struct outline_item *it = outline_edit(m->o, item);
    if (*it->detail) { /* what it executed before remains as an event */
        struct outline_item was = *it;
        was.type = OUTLINE_EVENT;
        was.kind = event_kind(EV_PROCESS_EXEC)->name;
        was.text = it->detail;
        was.same = NULL;
        was.detail = "";
        was.within = item;
        was.open = false;
        outline_place(m->o, &was, 0);
        outline_add(m->o, &was, NULL, 0);
        it = outline_edit(m->o, item);
    }
    it->detail = data_text(m);
    if (it->parent ==
        m->boot) { /* the first process: it belongs to the stage that begins when it executes a program */
        it->within = now_in(m);
        it->depth = (uint16_t)(outline_get(m->o, it->within)->depth + 1);
    }
}

static void process_exits(struct maker *m, uint32_t item)
{
    uint64_t pid = EVF(m->ev, PROCESS_EXIT, pid);
    outline_add_field(m->o, item,
                      &(struct outline_field){"code", EVF(m->ev, PROCESS_EXIT, code), EFT_HEX, true});
    finish(m, item, m->ev->icount, m->ev->time);
    uint32_t *slot = pid_slot(m, pid);
    if (slot)
        *slot = 0;
}

static void process_event(struct maker *m)
{
    const struct event *ev = m->ev;
    if (ev->kind == EV_PROCESS_CREATE) {
        process_created(m);
        return;
    }
    if (ev->kind == EV_PROCESS_FIRST || m->pid_field[ev->kind] == EVENT_MAX_FIELDS) {
        add_event(m, now_in(m)); /* of no process, or of all of them */
        return;
    }
    uint32_t item =
        process_of(m, event_number(ev, m->pid_field[ev->kind]), PROCESS_PROCESS,
                   ev->kind == EV_PROCESS_LOG || ev->kind == EV_PROCESS_EXEC ? "?" : data_text(m));
    if (ev->kind == EV_PROCESS_NAME)
        outline_edit(m->o, item)->text = outline_edit(m->o, item)->same = data_text(m);
    else if (ev->kind == EV_PROCESS_EXEC)
        process_executes(m, item);
    else if (ev->kind == EV_PROCESS_EXIT)
        process_exits(m, item);
    else
        add_event(m, item);
}

/* Whether it is a helper's call that is no stage: which of these are called, and how often, is nothing that a person would name. */
static bool is_helper_call(const struct maker *m)
{
    const struct event *ev = m->ev;
    return ev->kind == EV_KERNEL_CALL && EVF(ev, KERNEL_CALL, parent) & GUEST_CALL_HELPER &&
           m->opened == OUTLINE_NONE;
}

/* ---------------------------------------------------------------- one event */

/* Whether it belongs to an interrupt, which hits whatever runs at the time: its delivery, or an access to the local APIC, as handlers end
 * with. They are counted for the outermost stage: which of the many inner ones have some differs from boot to boot. */
static bool is_of_interrupt(const struct event *ev)
{
    enum { APIC_PAGE = 0xfee00 }; /* by default; hardly anything moves it */
    switch (ev->kind) {
    case EV_MMIO_READ:
    case EV_MMIO_WRITE:
        return EVF(ev, MMIO_READ, address) >> 12 == APIC_PAGE;
    case EV_APIC_READ:
    case EV_APIC_WRITE:
        return true;
    default:
        return event_kind(ev->kind)->cls == EC_IRQ;
    }
}

static void count_event(struct maker *m)
{
    const struct event *ev = m->ev;
    uint32_t in = is_of_interrupt(ev) && m->nopen ? m->open[0].item : now_in(m);
    if (m->pid_field[ev->kind] != EVENT_MAX_FIELDS) {
        uint32_t item = process_item(m, event_number(ev, m->pid_field[ev->kind]));
        in = item == OUTLINE_NONE ? in : item;
    }
    counter_event(m->counter, ev, m->number, in);
}

static void see_event(struct maker *m)
{
    switch (m->ev->kind) {
    case EV_INITCALL:
    case EV_KERNEL_CALL:
        call_begins(m);
        break;
    case EV_INITCALL_DONE:
    case EV_KERNEL_RETURN:
        call_ends(m);
        break;
    case EV_RESET:
        forget_processes(m);
        /* fall through */
    default:
        add_event(m, now_in(m));
    }
}

/* Whether the same line is there twice: what firmware writes to its debug port is an event of the firmware
 * and a line of the debug console. */
static bool is_printed_twice(struct maker *m)
{
    uint32_t n = outline_count(m->o);
    const struct outline_item *it = outline_get(m->o, n - 1);
    return m->ev->kind == EV_FIRMWARE_LOG && it->lane >= OUTLINE_CONSOLE && it->begin == m->ev->icount &&
           !strcmp(it->text, data_text(m));
}

static bool left_out(struct maker *m)
{
    const struct event *ev = m->ev;
    enum event_class cls = event_kind(ev->kind)->cls;
    return is_printed_twice(m) || is_helper_call(m) || cls == EC_SCHED || cls == EC_FOLD ||
           ev->kind == EV_PROBE_LEAVE || ev->kind == EV_SYSCALL_EXIT || ev->kind == EV_HYPERCALL_AGAIN;
}

static void take_event(struct maker *m)
{
    close_stages(m);
    open_stages(m);
    if (outline_counts(m->ev->kind)) {
        count_event(m);
        return;
    }
    counter_other(m->counter, m->ev, m->number);
    if (left_out(m))
        return;
    if (event_kind(m->ev->kind)->cls == EC_PROCESS)
        process_event(m);
    else
        see_event(m);
}

/* ---------------------------------------------------------------- the whole */

static void add_inputs(struct outline *o, const struct trace *t)
{
    const struct trace_config *cfg = trace_config(t);
    struct outline_item it = {
        .type = OUTLINE_INPUT, .parent = OUTLINE_NONE, .within = OUTLINE_NONE, .event = UINT64_MAX};
    it.lane = OUTLINE_UNORDERED;
    it.kind = "setting";
    if (!strcmp(cfg->engine, "pc") && !trace_setting(t, "machine")) { /* an old trace: there was no other */
        it.text = "machine";
        it.detail = "pc";
        outline_add(o, &it, NULL, 0);
    }
    for (size_t i = 0; i < cfg->nsettings; i++) {
        it.text = cfg->settings[i].key;
        it.detail = cfg->settings[i].value;
        outline_add(o, &it, NULL, 0);
    }
    it.kind = "image";
    for (size_t i = 0; i < cfg->nimages; i++) {
        const struct trace_image *img = &cfg->images[i];
        char detail[400];
        int n = snprintf(detail, sizeof detail, "%.200s, %" PRIu64 " bytes", img->name, img->size);
        if (img->has_digest)
            snprintf(detail + n, sizeof detail - (size_t)n, ", xxh3 %016" PRIx64 "%016" PRIx64,
                     img->digest[1], img->digest[0]);
        it.text = img->role;
        it.detail = detail;
        outline_add(o, &it, NULL, 0);
    }
}

static void set_about(struct outline *o, struct trace *t, const char *name, const struct event *last)
{
    const struct trace_end *end = trace_end(t);
    struct error ignored;
    struct crash_report crash;
    char warning[500] = "";
    bool crashed = !crash_of_trace(t, &crash, &ignored) && crash.kind; /* whatever ended the record */
    if (trace_truncated(t))
        snprintf(warning, sizeof warning, "%s: %s", trace_damaged(t) ? "damaged" : "cut short",
                 trace_damage(t));
    else if (trace_cut_off(t))
        snprintf(warning, sizeof warning, "cut short: %s",
                 strcmp(end->reason, TRACE_IMAGE_LOST) ? "the recording reached its greatest size"
                                                       : end->text);
    outline_set_about(o, &(struct outline_about){.name = name,
                                                 .engine = trace_config(t)->engine,
                                                 .behaviour = trace_config(t)->behaviour,
                                                 .classes = trace_config(t)->classes,
                                                 .ended = crashed ? crash_word(crash.kind)
                                                          : end   ? end->reason
                                                                  : "",
                                                 .end_text = crashed ? crash.text
                                                             : end   ? end->text
                                                                     : "",
                                                 .warning = warning,
                                                 .icount = trace_last_icount(t),
                                                 .time = end ? end->time : last->time,
                                                 .events = trace_event_count(t, EVENT_CLASSES_ALL)});
}

/* Stages in the order in which they open. Each comes after its parent in the list of stages already, but stages
 * beside others overlap. */
struct opening {
    uint64_t event;
    size_t stage;
};

static int by_event(const void *a, const void *b)
{
    const struct opening *x = a, *y = b;
    return x->event != y->event ? (x->event < y->event ? -1 : 1)
                                : (x->stage > y->stage) - (x->stage < y->stage);
}

static void prepare(struct maker *m)
{
    size_t n = stages_count(m->stages);
    struct opening *list = mem_alloc(n * sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct opening){stages_get(m->stages, i)->first_event, i};
    qsort(list, n, sizeof *list, by_event);
    m->order = mem_alloc(n * sizeof *m->order);
    m->item_of = mem_alloc(n * sizeof *m->item_of);
    for (size_t i = 0; i < n; i++) {
        m->order[i] = list[i].stage;
        m->item_of[i] = OUTLINE_NONE;
    }
    free(list);
    for (unsigned k = 0; k < EV_COUNT; k++) {
        m->pid_field[k] = EVENT_MAX_FIELDS;
        for (unsigned i = 0; i < event_kind(k)->nfields; i++)
            if (!strcmp(event_kind(k)->field[i].name, "pid"))
                m->pid_field[k] = (uint8_t)i;
    }
}

static void clean_up(struct maker *m)
{
    for (size_t i = 0; i < m->ncalls; i++)
        free(m->call[i].text);
    free(m->call);
    free(m->order);
    free(m->item_of);
    free(m->open);
    forget_processes(m);
    free(m->guest);
    counter_free(m->counter);
}

/* Processes have their names by now; what has not ended lasts until the end. */
static void complete(struct maker *m)
{
    uint64_t icount = outline_about(m->o)->icount, time = outline_about(m->o)->time;
    finish(m, m->boot, icount, time);
    for (uint32_t i = 0; i < outline_count(m->o); i++) {
        struct outline_item *it = outline_edit(m->o, i);
        if (it->type != OUTLINE_PROCESS)
            continue;
        if (it->open) {
            finish(m, i, icount > it->begin ? icount : it->begin, time > it->time ? time : it->time);
            outline_edit(m->o, i)->open = true;
        }
        outline_seal(m->o, i);
    }
}

static uint32_t add_boot(struct outline *o)
{
    return outline_add(o,
                       &(struct outline_item){.type = OUTLINE_STAGE,
                                              .kind = "stage",
                                              .text = "boot",
                                              .parent = OUTLINE_NONE,
                                              .within = OUTLINE_NONE},
                       NULL, 0);
}

static int read_events(struct maker *m, struct trace *t, struct event *last, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    struct event ev;
    int got;
    while ((got = trace_cursor_next(c, &ev, &m->number, err)) == 1) {
        m->ev = &ev;
        take_event(m);
        *last = ev;
    }
    trace_cursor_close(c);
    return got;
}

struct outline *outline_of_trace(struct trace *t, const char *name, const struct profile *profile,
                                 struct error *err)
{
    struct event last = {0};
    struct stages *stages = profile ? stages_build(t, profile, err) : stages_of_trace(t, err);
    if (!stages)
        return NULL;
    struct outline *o = outline_new();
    struct maker m = {.o = o, .stages = stages, .counter = counter_new(o), .opened = OUTLINE_NONE};
    prepare(&m);
    add_inputs(o, t);
    m.boot = add_boot(o);
    int rc = read_events(&m, t, &last, err);
    set_about(o, t, name, &last);
    complete(&m);
    clean_up(&m);
    stages_free(stages);
    if (!rc)
        return o;
    outline_free(o);
    return NULL;
}

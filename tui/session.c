/* session.c - opening a session, reading the state, plain moves. See session.h. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/session_impl.h"
#include "tui/words.h"

/* ---------------------------------------------------------------- opening */

static uint64_t identity_of(const struct trace *t)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < trace_frame_count(t); i++)
        h = (h ^ trace_frame(t, i)->hash) * 0x100000001b3u;
    return h;
}

static bool on_progress(void *ctx, const struct timeline_progress *p)
{
    struct session *s = ctx;
    return !s->busy || s->busy(s->busy_ctx, p);
}

void session_progress_again(struct session *s)
{
    timeline_set_progress(s->tl, on_progress, s);
}

struct session *session_open(const char *path, const struct engine_kind *const *kinds, size_t nkinds,
                             struct debug_info *debug, struct error *err)
{
    struct timeline *tl = timeline_open(path, kinds, nkinds, err);
    if (!tl)
        return NULL;
    struct session *s = mem_zero(1, sizeof *s);
    s->path = mem_string(path);
    s->tl = tl;
    s->processes = processes_new();
    s->t = timeline_trace(tl);
    s->explainer = trace_explainer_new(s->t, timeline_kind(tl));
    s->identity = identity_of(s->t);
    s->story = story_begin(path, timeline_kind(tl), debug);
    s->orc = view_orc_new();
    s->calls = view_calls_new();
    view_calls_debug(s->calls, debug);
    session_progress_again(s);
    timeline_short_seeks(tl, true); /* prepare.c makes steps back quick */
    session_look(s);
    session_begins_here(s);
    return s;
}

void session_close(struct session *s)
{
    if (!s)
        return;
    kernel_types_free(s->types);
    kernel_types_free(s->types_other.k);
    story_end(s->story);
    view_orc_free(s->orc);
    view_calls_free(s->calls);
    processes_free(s->processes);
    trace_explainer_free(s->explainer);
    timeline_close(s->tl);
    free(s->path);
    free(s);
}

/* ---------------------------------------------------------------- after a move */

void session_look(struct session *s)
{
    size_t n;
    timeline_regs(s->tl, &n);
    s->last_stop = s->where.icount;
    timeline_where(s->tl, &s->where);
    if (s->chosen_cpu)
        s->where.cpu = s->chosen_cpu - 1;
    for (size_t i = 0; i < n && i < SESSION_REGS_MAX; i++) {
        memcpy(s->reg[i].before, s->reg[i].now, sizeof s->reg[i].now);
        memset(s->reg[i].now, 0, sizeof s->reg[i].now);
        timeline_reg_get(s->tl, s->where.cpu, i, s->reg[i].now);
    }
    s->epoch++;
}

void session_begins_here(struct session *s)
{
    s->history.n = s->history.at = 0;
    s->text[0] = 0;
    for (size_t i = 0; i < SESSION_REGS_MAX; i++)
        memcpy(s->reg[i].before, s->reg[i].now, sizeof s->reg[i].now);
    s->last_stop = s->where.icount;
}

bool session_changed(const struct session *s, size_t reg)
{
    return reg < SESSION_REGS_MAX && memcmp(s->reg[reg].now, s->reg[reg].before, sizeof s->reg[reg].now);
}

/* Adds a position reached by a jump; later entries of the history are dropped. */
static void remember_jump(struct session *s, uint64_t from)
{
    uint64_t here = s->where.icount;
    if (s->where.diverted || here == from)
        return;
    if (!s->history.n)
        s->history.list[s->history.n++] = from;
    s->history.n = s->history.at + 1;
    s->history.list[s->history.at] = from; /* steps since the last jump have moved the position */
    if (s->history.n == SESSION_HISTORY) {
        memmove(s->history.list, s->history.list + 1, (SESSION_HISTORY - 1) * sizeof s->history.list[0]);
        s->history.n--;
    }
    s->history.list[s->history.n] = here;
    s->history.at = s->history.n++;
}

static enum move session_arrived(struct session *s, bool jump, enum move m)
{
    uint64_t from = s->where.icount;
    session_look(s);
    if (jump)
        remember_jump(s, from);
    return m;
}

/* Where a damaged part was needed, the machine may be in no state at all: it goes back to where it was, or to the
 * beginning. */
enum move session_fail(struct session *s, const struct error *err)
{
    struct timeline_stopped st;
    uint64_t last_stop = s->last_stop;
    snprintf(s->text, sizeof s->text, "%s", err->text);
    timeline_interrupt_clear(s->tl);
    if (!s->where.diverted && timeline_seek(s->tl, s->where.icount, &st, NULL))
        timeline_seek(s->tl, 0, &st, NULL);
    session_look(s);
    s->last_stop = last_stop;
    return MOVE_FAILED;
}

enum move session_stopped(struct session *s, const struct timeline_stopped *st, bool jump)
{
    s->text[0] = 0;
    switch (st->reason) {
    case TIMELINE_DONE:
        return session_arrived(s, jump, MOVE_DONE);
    case TIMELINE_BREAKPOINT:
        snprintf(s->text, sizeof s->text, "breakpoint at 0x%" PRIx64, st->address);
        return session_arrived(s, jump, MOVE_DONE);
    case TIMELINE_WATCHPOINT:
        snprintf(s->text, sizeof s->text,
                 st->device ? "watchpoint: a device writes physical 0x%" PRIx64
                            : "watchpoint: 0x%" PRIx64 " is accessed",
                 st->address);
        return session_arrived(s, jump, MOVE_DONE);
    case TIMELINE_EVENT:
        snprintf(s->text, sizeof s->text, "%s", st->text);
        return session_arrived(s, jump, MOVE_DONE);
    case TIMELINE_AT_BEGIN:
        snprintf(s->text, sizeof s->text, "the beginning");
        break;
    case TIMELINE_AT_END:
        snprintf(s->text, sizeof s->text, "the end of the record");
        break;
    case TIMELINE_INTERRUPTED:
        snprintf(s->text, sizeof s->text, "cancelled on the way; ( goes back");
        break;
    case TIMELINE_WAITS:
        snprintf(
            s->text, sizeof s->text,
            "processor %u waits: it makes none of the machine's %d steps that way; :cpu turn follows the turns",
            s->where.cpu, TIMELINE_PATIENCE);
        break;
    case TIMELINE_ENDED:
        snprintf(s->text, sizeof s->text, "the guest stopped: %.300s",
                 st->text[0] ? st->text : stop_word(st->engine));
        break;
    }
    return session_arrived(s, jump, MOVE_STOPPED);
}

/* ---------------------------------------------------------------- plain moves */

enum move session_seek(struct session *s, uint64_t icount)
{
    struct timeline_stopped st;
    struct error err;
    timeline_interrupt_clear(s->tl);
    if (timeline_seek(s->tl, icount, &st, &err))
        return session_fail(s, &err);
    return session_stopped(s, &st, true);
}

enum move session_go(struct session *s, const char *position)
{
    uint64_t icount;
    struct error err;
    if (timeline_resolve(s->tl, position, &icount, &err)) {
        snprintf(s->text, sizeof s->text, "%s", err.text);
        return MOVE_FAILED;
    }
    return session_seek(s, icount);
}

/* Steps of the processor that was chosen. Stop points on the way count, as in gdb. */
static int own_steps(struct session *s, enum timeline_direction dir, uint64_t n, struct timeline_stopped *st,
                     struct error *err)
{
    int rc = 0;
    for (st->reason = TIMELINE_DONE; !rc && st->reason == TIMELINE_DONE && n; n--)
        rc = timeline_step_own(s->tl, s->chosen_cpu - 1, dir, st, err);
    return rc;
}

enum move session_step(struct session *s, enum timeline_direction dir, uint64_t n)
{
    struct timeline_stopped st;
    struct error err;
    timeline_interrupt_clear(s->tl);
    if (s->chosen_cpu && timeline_cpus(s->tl) > 1 ? own_steps(s, dir, n, &st, &err)
                                                  : timeline_step(s->tl, dir, n, &st, &err))
        return session_fail(s, &err);
    return session_stopped(s, &st, n > 1000);
}

enum move session_continue(struct session *s, enum timeline_direction dir)
{
    struct timeline_stopped st;
    struct error err;
    if (!timeline_stop_get(s->tl, 0, &(struct timeline_stop){0}, NULL)) {
        snprintf(s->text, sizeof s->text,
                 "nothing to stop at: b sets a breakpoint, w a watchpoint, $ goes to the end");
        return MOVE_FAILED;
    }
    timeline_interrupt_clear(s->tl);
    if (timeline_continue(s->tl, dir, &st, &err))
        return session_fail(s, &err);
    return session_stopped(s, &st, true);
}

/* Devices write memory too, and watchpoints do not see that. The recorded disk reads say where they wrote. */
enum { SECTOR = 512, CD_SECTOR = 2048 };

static bool disk_wrote(const struct event *ev, uint64_t physical, uint64_t length)
{
    if (ev->kind != EV_DISK_READ)
        return false;
    uint64_t at = EVF(ev, DISK_READ, address), size = EVF(ev, DISK_READ, count) * SECTOR;
    if (ev->data && ev->len >= 5 && !memcmp(ev->data, "ATAPI", 5))
        size = EVF(ev, DISK_READ, count) * CD_SECTOR;
    return at != UINT64_MAX && at < physical + length && physical < at + size;
}

/* Finds the last disk read into the bytes between two positions. Returns 1 with its position and text, or
 * 0. */
static int disk_writer(struct session *s, uint64_t from, uint64_t to, uint64_t physical, uint64_t length,
                       uint64_t *at)
{
    struct trace_cursor *c = trace_cursor_open(s->t, EVENT_CLASS_BIT(EC_DISK));
    struct event ev;
    int found = 0;
    if (!trace_cursor_seek_icount(c, to, NULL))
        while (!found && trace_cursor_prev(c, &ev, NULL, NULL) == 1 && ev.icount >= from)
            if (disk_wrote(&ev, physical, length)) {
                *at = ev.icount;
                words_of_event(&ev, s->text, sizeof s->text);
                found = 1;
            }
    trace_cursor_close(c);
    return found;
}

bool session_is_found(const char *mark)
{
    return !strncmp(mark, "find:", 5);
}

static void forget_found(struct session *s)
{
    const char *name;
    uint64_t at;
    for (size_t i = 0; timeline_mark(s->tl, i, &name, &at);)
        if (session_is_found(name))
            timeline_mark_remove(s->tl, name);
        else
            i++;
}

struct marked_finds {
    struct session *s;
    unsigned n;
};

static bool on_found(void *ctx, const struct timeline_hit *hit)
{
    struct marked_finds *f = ctx;
    struct error ignored;
    char name[20];
    if (f->n == SESSION_FOUND)
        return false;
    snprintf(name, sizeof name, "find:%u", ++f->n);
    timeline_mark_set(f->s->tl, name, hit->icount, &ignored);
    return true;
}

int session_return(struct session *s, struct error *err)
{
    struct timeline_stopped back;
    timeline_interrupt_clear(s->tl);
    timeline_set_progress(s->tl, NULL, NULL);
    int rc = timeline_seek(s->tl, s->where.icount, &back, err);
    session_progress_again(s);
    return rc;
}

/* By kind: what it is called, and what happens there. */
static const struct {
    const char *name, *done;
} stop_words[] = {
    [TS_BREAK_LINEAR] = {"breakpoint", "executed"},
    [TS_BREAK_PHYSICAL] = {"physical breakpoint", "executed"},
    [TS_WATCH_WRITE] = {"watchpoint", "written"},
    [TS_WATCH_READ] = {"read watchpoint", "read"},
    [TS_WATCH_ACCESS] = {"access watchpoint", "accessed"},
    [TS_WATCH_WRITE_PHYSICAL] = {"physical watchpoint", "written"},
    [TS_EVENT] = {"event", "seen"},
};

bool session_stop_is_physical(enum timeline_stop_kind kind)
{
    return kind == TS_BREAK_PHYSICAL || kind == TS_WATCH_WRITE_PHYSICAL;
}

int session_find(struct session *s, enum timeline_stop_kind kind, uint64_t address, uint64_t length,
                 struct error *err)
{
    const struct timeline_stop stop = {.kind = kind, .address = address, .length = length};
    struct marked_finds f = {.s = s};
    struct timeline_stopped how;
    char symbol[200] = " ";
    timeline_interrupt_clear(s->tl);
    if (!s->where.diverted)
        forget_found(s);
    if (timeline_scan(s->tl, &stop, 0, s->where.last, on_found, &f, &how, err))
        return -1;
    if (session_return(s, err))
        return -1;
    if (!session_stop_is_physical(kind))
        session_symbol(s, address, symbol + 1, sizeof symbol - 1);
    snprintf(s->text, sizeof s->text, "%s0x%" PRIx64 "%.150s: %s %u%s time%s%s%s",
             session_stop_is_physical(kind) ? "physical " : "", address, symbol[1] ? symbol : "",
             stop_words[kind].done, f.n, f.n == SESSION_FOUND ? " or more" : "", f.n == 1 ? "" : "s",
             how.reason == TIMELINE_INTERRUPTED ? ", as far as it was searched" : "",
             f.n ? "; ' lists them" : "");
    return 0;
}

/* Who wrote bytes last, in words, after the move that looked for it. */
static void writer_text(struct session *s, const struct timeline_stopped *st, uint64_t address, bool physical)
{
    if (st->reason == TIMELINE_WATCHPOINT)
        snprintf(s->text, sizeof s->text,
                 st->device ? "a device writes physical 0x%" PRIx64 " in the next step; ( goes back"
                            : "the next instruction writes 0x%" PRIx64 "; ( goes back",
                 st->address);
    else if (st->reason == TIMELINE_AT_BEGIN && physical)
        snprintf(s->text, sizeof s->text, "nothing was written at physical 0x%" PRIx64 " so far; ( goes back",
                 address);
    else if (st->reason == TIMELINE_AT_BEGIN)
        snprintf(s->text, sizeof s->text,
                 "nothing was written at linear 0x%" PRIx64
                 " so far (before paging it had another address); ( goes back",
                 address);
}

enum move session_writer(struct session *s, uint64_t address, uint64_t length, bool physical)
{
    struct timeline_stopped st;
    struct view_walk w = {0};
    struct error err;
    char words[sizeof s->text];
    uint64_t from = s->where.icount, at;
    if (!physical)
        view_walk(timeline_look(s->tl), s->where.cpu, address, &w);
    timeline_interrupt_clear(s->tl);
    if (physical ? timeline_last_write_physical(s->tl, address, length, &st, &err)
                 : timeline_last_write(s->tl, address, length, &st, &err))
        return session_fail(s, &err);
    if (st.reason != TIMELINE_INTERRUPTED && !s->where.diverted && w.mapped &&
        disk_writer(s, st.icount, from, w.physical, length, &at)) {
        snprintf(words, sizeof words, "%s", s->text);
        enum move m = session_seek(s, at);
        snprintf(s->text, sizeof s->text, "the disk wrote it: %.300s; ( goes back", words);
        return m;
    }
    enum move m = session_stopped(s, &st, true);
    writer_text(s, &st, address, physical);
    return m;
}

enum move session_history(struct session *s, enum timeline_direction dir)
{
    struct timeline_stopped st;
    struct error err;
    size_t to = dir == TIMELINE_BACK ? s->history.at - 1 : s->history.at + 1;
    if (s->where.diverted || to >= s->history.n || (dir == TIMELINE_BACK && !s->history.at)) {
        snprintf(s->text, sizeof s->text, "no %s position", dir == TIMELINE_BACK ? "earlier" : "later");
        return MOVE_FAILED;
    }
    s->history.list[s->history.at] = s->where.icount;
    s->history.at = to;
    timeline_interrupt_clear(s->tl);
    if (timeline_seek(s->tl, s->history.list[to], &st, &err))
        return session_fail(s, &err);
    return session_stopped(s, &st, false);
}

/* ---------------------------------------------------------------- stages, events */

const struct stage *session_near_stage(struct session *s, enum timeline_direction dir)
{
    const struct stages *st = story_stages(s->story);
    const struct stage *best = NULL;
    for (size_t i = 0; st && i < stages_count(st); i++) {
        const struct stage *g = stages_get(st, i);
        if (dir == TIMELINE_FORWARD ? g->begin > s->where.icount && !best : g->begin < s->where.icount)
            best = g;
    }
    return best;
}

enum move session_stage(struct session *s, enum timeline_direction dir)
{
    const struct stage *best = session_near_stage(s, dir);
    if (!best) {
        snprintf(s->text, sizeof s->text,
                 !story_stages(s->story) ? "no stages are known yet" : "no stage %s here",
                 dir == TIMELINE_BACK ? "begins before" : "begins after");
        return MOVE_FAILED;
    }
    enum move m = session_seek(s, best->begin);
    if (m == MOVE_DONE)
        snprintf(s->text, sizeof s->text, "stage %s begins", best->name);
    return m;
}

int session_near(struct session *s, enum timeline_direction dir, const struct event_filter *f,
                 struct event *ev, char *words)
{
    struct error err;
    struct trace_cursor *c = trace_cursor_open(s->t, event_filter_classes(f));
    uint64_t here = s->where.icount + (dir == TIMELINE_FORWARD);
    int rc = trace_cursor_seek_icount(c, here, &err) ? -1 : 1;
    while (rc == 1) {
        rc = dir == TIMELINE_FORWARD ? trace_cursor_next(c, ev, NULL, &err)
                                     : trace_cursor_prev(c, ev, NULL, &err);
        if (rc == 1 && event_filter_matches(f, ev))
            break;
    }
    if (rc == 1 && words)
        words_of_event(ev, words, SESSION_WORDS);
    if (rc < 0)
        snprintf(s->text, sizeof s->text, "%s", err.text);
    trace_cursor_close(c);
    return rc;
}

enum move session_event(struct session *s, enum timeline_direction dir, const struct event_filter *f)
{
    struct event ev;
    char words[SESSION_WORDS];
    uint32_t missing = event_filter_classes(f) & ~trace_config(s->t)->classes;
    int rc = s->where.diverted ? 0 : session_near(s, dir, f, &ev, words);
    if (rc < 0)
        return MOVE_FAILED;
    if (!rc) {
        snprintf(s->text, sizeof s->text, "%s",
                 s->where.diverted ? "a diversion has no recorded events: l comes back"
                 : missing && missing == event_filter_classes(f)
                     ? "this class was not recorded: annotate --events adds it"
                 : dir == TIMELINE_BACK ? "no such event before here"
                                        : "no such event after here");
        return MOVE_FAILED;
    }
    enum move m = session_seek(s, ev.icount);
    if (m == MOVE_DONE)
        snprintf(s->text, sizeof s->text, "%.40s: %.340s", event_kind(ev.kind)->name, words);
    return m;
}

/* ---------------------------------------------------------------- looking */

bool session_ahead(const struct session *s, uint64_t icount)
{
    const uint64_t here = session_recorded(s);
    return here && icount > here;
}

uint64_t session_recorded(const struct session *s)
{
    return s->where.diverted ? s->where.fork : s->where.icount;
}

const char *session_stage_path(struct session *s, uint64_t icount, char *buf, size_t size)
{
    const struct stages *st = story_stages(s->story);
    long i = st ? stages_at(st, icount) : -1;
    snprintf(buf, size, "%s", i >= 0 ? stages_get(st, (size_t)i)->name : "");
    return buf;
}

const struct processes *session_processes(struct session *s)
{
    struct error err;
    processes_move(s->processes, s->t, session_recorded(s), &err);
    return s->processes;
}

const struct running *session_running(struct session *s)
{
    const struct symbols *sy = story_symbols(s->story);
    if (s->running_epoch == s->epoch && s->running_symbols == sy)
        return &s->running;
    s->running_epoch = s->epoch;
    s->running_symbols = sy;
    const struct running_place p = {.t = s->t,
                                    .symbols = sy,
                                    .processes = session_processes(s),
                                    .icount = s->where.icount,
                                    .recorded = session_recorded(s),
                                    .cpu = s->where.cpu,
                                    .pc = timeline_pc(s->tl, s->where.cpu)};
    running_at(&p, &s->running);
    return &s->running;
}

symbol_space session_space(struct session *s)
{
    return session_running(s)->space;
}

const char *session_symbol(struct session *s, uint64_t linear, char *buf, size_t size)
{
    const struct symbols *sy = story_symbols(s->story);
    symbol_space space = session_space(s);
    *buf = 0;
    if (sy && symbols_at(sy, space, linear, s->where.icount, &(struct symbol){0}, NULL))
        symbols_text(sy, space, linear, s->where.icount, buf, size);
    return buf;
}

/* -1: it is none of these. -2, with err: it is ambiguous. */
static int parse_term(struct session *s, const char *word, uint64_t *v, struct error *err)
{
    char *end;
    struct symbol sym;
    const struct symbols *sy = story_symbols(s->story);
    if (*word == '$')
        word++;
    if (timeline_reg_index(s->tl, word) >= 0) {
        *v = timeline_reg(s->tl, s->where.cpu, word);
        return 0;
    }
    if (!strcmp(word, "pc") || !strcmp(word, "sp")) {
        *v = *word == 'p' ? timeline_pc(s->tl, s->where.cpu) : view_stack(timeline_look(s->tl), s->where.cpu);
        return 0;
    }
    size_t hex = strspn(word, "0123456789abcdefABCDEF");
    if (isdigit((unsigned char)*word) || (hex && word[hex] == ':')) {
        *v = strtoull(word, &end, 16);
        if (*end == 'h' && !end[1])
            return 0;
        if (*end == ':') {
            *v = (*v << 4) + strtoull(end + 1, &end, 16);
            return *end ? -1 : 0;
        }
        return *end ? -1 : 0;
    }
    int found = sy ? running_find(sy, session_space(s), word, s->where.icount, &sym, err) : 0;
    if (found) {
        *v = sym.address;
        return found < 0 ? -2 : 0;
    }
    *v = strtoull(word, NULL, 16);
    return hex && !word[hex] ? 0 : -1;
}

const struct kernel_types *session_types(struct session *s)
{
    struct error ignored;
    const struct symbols *symbols = story_symbols(s->story);
    if (!s->types_asked && symbols)
        s->types = kernel_types_read(s->t, timeline_kind(s->tl), symbols, &ignored);
    s->types_asked |= symbols != NULL;
    return s->types;
}

/* Those of the kernel that runs here. */
static const struct kernel_types *types_here(struct session *s)
{
    return kernel_types_here(session_types(s), &s->types_other, s->t, timeline_kind(s->tl),
                             story_symbols(s->story), session_space(s));
}

/* Whose program is below the kernel's code here. Kernel threads have none. */
static bool has_program(struct session *s, struct view_task *t)
{
    const symbol_space space = session_space(s);
    return space > 0 && symbol_space_id(space) && !timeline_tasks(s->tl, NULL, 0) &&
           view_task_on(timeline_look(s->tl), types_here(s), story_symbols(s->story), s->where.cpu, t) &&
           t->has_memory && view_task_space(t) == space;
}

size_t session_frames(struct session *s, struct view_frame *frame, size_t max)
{
    struct view_task t;
    const struct symbols *sy = story_symbols(s->story);
    if (!has_program(s, &t))
        return view_frames(timeline_look(s->tl), s->where.cpu, sy, session_space(s), s->orc, frame, max);
    s->calls_epoch = s->epoch;
    return view_task_frames(s->calls, timeline_look(s->tl), &t, types_here(s), sy, frame, max);
}

const struct symbols *session_frame_symbols(struct session *s, uint64_t pc)
{
    const struct symbols *sy = story_symbols(s->story);
    return s->calls_epoch == s->epoch ? view_task_symbols(s->calls, sy, session_space(s), pc, s->where.icount)
                                      : sy;
}

int session_place(struct session *s, const char *text, struct types_place *place, struct error *err)
{
    const struct kernel_types *k = session_types(s);
    return k ? kernel_types_place(k, story_symbols(s->story), text, place, err) : 0;
}

int session_address(struct session *s, const char *text, uint64_t *linear, struct error *err)
{
    char words[200];
    size_t n = strcspn(text, "+-");
    uint64_t offset = 0;
    struct types_place place;
    int member = strpbrk(text, ".[(") || strstr(text, "->") ? session_place(s, text, &place, err) : 0;
    if (member) {
        *linear = place.address;
        return member < 0 ? -1 : 0;
    }
    snprintf(words, sizeof words, "%.*s", (int)n, text);
    while (*words && words[strlen(words) - 1] == ' ')
        words[strlen(words) - 1] = 0;
    int rc = parse_term(s, words, linear, err);
    if (rc == -1)
        return error_set(
            err, "\"%.60s\" is not an address: 7c00, 0x7c00, f000:fff0, a register or symbol, +N", text);
    if (!rc && text[n])
        rc = parse_term(s, text + n + 1 + strspn(text + n + 1, " "), &offset, err);
    if (rc == -1)
        return error_set(err, "\"%.60s\": what follows %c is not a number", text, text[n]);
    if (rc)
        return -1;
    *linear += text[n] == '-' ? -offset : offset;
    return 0;
}

size_t session_peek(const struct session *s, uint64_t address, bool physical, void *buf, size_t n)
{
    return physical ? timeline_peek_physical(s->tl, address, buf, n)
                    : timeline_peek(s->tl, s->where.cpu, address, buf, n);
}

/* ---------------------------------------------------------------- stop points */

unsigned session_stop_at(const struct session *s, enum timeline_stop_kind kind, uint64_t address)
{
    struct timeline_stop stop;
    unsigned id;
    for (size_t i = 0; timeline_stop_get(s->tl, i, &stop, &id); i++)
        if (stop.kind == kind && stop.address == address)
            return id;
    return 0;
}

const char *session_stop_word(enum timeline_stop_kind kind)
{
    return stop_words[kind].name;
}

int session_stop_toggle(struct session *s, enum timeline_stop_kind kind, uint64_t address, uint64_t length)
{
    const char *what = session_stop_word(kind);
    struct error err;
    unsigned id = session_stop_at(s, kind, address);
    if (id) {
        timeline_stop_remove(s->tl, id);
        snprintf(s->text, sizeof s->text, "%s at 0x%" PRIx64 " removed", what, address);
        return 0;
    }
    if (timeline_stop_add(s->tl, &(struct timeline_stop){.kind = kind, .address = address, .length = length},
                          &id, &err)) {
        snprintf(s->text, sizeof s->text, "%s", err.text);
        return -1;
    }
    snprintf(s->text, sizeof s->text, "%s at 0x%" PRIx64 ": c and C go on to it", what, address);
    return 0;
}

/* inspector_probe.c - see inspector_probe.h. */
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/story/hooks.h"
#include "core/story/private/inspector_probe.h"

/* One place of a function or address that was asked for. */
struct probe_site {
    struct asked_place place;
    struct asked *a;
    struct hook *hook;
    const char *text; /* in its events: the setting, or of a pattern the name of the function */
    const char *name; /* of the symbol, which may be a copy that the compiler made of the function */
    bool by_address;  /* the setting is a number: not looked up again */
    bool looked_at;   /* it is 64-bit code, and was disassembled */
    bool reached;
};

enum reg { RAX, RCX, RDX, RSI, RDI, R8, R9, REGS };
enum { ARGUMENTS = 6 };

struct asked {
    struct asked_options o;
    const char **texts;
    size_t n;
    struct probe_site **places; /* freed with their hooks */
    size_t nplaces;
    size_t looked; /* mappings of symbols that were searched for copies and by patterns */
    struct hooks *hooks;
    size_t reg[REGS];
};

/* ---------------------------------------------------------------- the guest */

static void find_registers(struct asked *a)
{
    static const char *const names[REGS] = {"rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9"};
    for (unsigned r = 0; r < REGS; r++)
        a->reg[r] = engine_reg_index(a->o.engine, names[r]);
}

static uint64_t get(const struct asked *a, unsigned cpu, enum reg r)
{
    return engine_reg_value(a->o.engine, cpu, a->reg[r]);
}

static bool long_code(const struct asked *a, unsigned cpu)
{
    return a->o.engine->ops->code_bits(a->o.engine, cpu) == 64;
}

/* ---------------------------------------------------------------- calls */

static void report(struct probe_site *p, const struct probe_hit *hit, const struct guest_task *task,
                   unsigned kind, const char *text, const uint64_t fields[EVENT_MAX_FIELDS])
{
    const struct asked *a = p->a;
    struct event ev = {.kind = (uint16_t)kind,
                       .cpu = (uint8_t)hit->cpu,
                       .guest = event_guest(symbol_space_guest(task->space)),
                       .icount = hit->icount,
                       .time = hit->time,
                       .data = text,
                       .len = (uint32_t)strlen(text)};
    memcpy(ev.f, fields, sizeof ev.f);
    a->o.emit(a->o.ctx, &ev, &p->place);
}

static void on_leave(struct hook *h, const struct probe_hit *hit, const struct hook_frame *f)
{
    struct probe_site *p = h->ctx;
    struct asked *a = p->a;
    struct guest_task task;
    a->o.task(a->o.ctx, hit->cpu, &task);
    const uint64_t fields[EVENT_MAX_FIELDS] = {task.pid, get(a, hit->cpu, RAX), hit->time - f->time};
    report(p, hit, &task, EV_PROBE_LEAVE, p->text, fields);
}

/* Whether the symbol is still there: its module may have been removed, or another program may
 * use its address. */
static bool still_there(const struct asked *a, const struct probe_site *p, symbol_space space)
{
    struct symbol sym;
    bool found = symbols_find(a->o.symbols, space, p->name, SYMBOLS_NOW, &sym);
    while (found && sym.address != p->place.address)
        found = symbols_find_next(a->o.symbols, space, p->name, SYMBOLS_NOW, &sym);
    return found;
}

/* Finds the exits of 64-bit code, when it is first entered. The whole function must be readable. Jumps out of
 * it are considered exits, unless they go to a part of it that the compiler moved elsewhere: then the return
 * address is probed instead. */
static void find_exits(struct asked *a, struct probe_site *p, unsigned cpu, symbol_space space)
{
    char cold[600];
    struct symbol sym, other;
    if (p->looked_at || !symbols_at(a->o.symbols, space, p->place.address, SYMBOLS_NOW, &sym, NULL))
        return;
    p->looked_at = true;
    snprintf(cold, sizeof cold, "%s.cold", sym.name);
    if (symbols_find(a->o.symbols, symbol_space_kernel(space), cold, SYMBOLS_NOW, &other))
        return;
    sym.address = p->place.address;
    hook_find_exits(p->hook, cpu, &sym);
}

/* Arguments. In 64-bit code, those of System V. Otherwise the convention is not known, so the values that the
 * usual ones use are reported: EAX, EDX, ECX and three words of the stack. */
static void arguments(const struct asked *a, unsigned cpu, uint64_t arg[ARGUMENTS])
{
    static const enum reg wide[ARGUMENTS] = {RDI, RSI, RDX, RCX, R8, R9}, narrow[] = {RAX, RDX, RCX};
    uint32_t words[4] = {0};
    if (long_code(a, cpu)) {
        for (unsigned i = 0; i < ARGUMENTS; i++)
            arg[i] = get(a, cpu, wide[i]);
        return;
    }
    a->o.read(a->o.ctx, cpu, hooks_stack_pointer(a->hooks, cpu), words, sizeof words);
    for (unsigned i = 0; i < 3; i++) {
        arg[i] = (uint32_t)get(a, cpu, narrow[i]);
        arg[3 + i] = words[1 + i];
    }
}

/* The call in words, where a function of a guest with types begins. */
static void report_call(struct asked *a, struct probe_site *p, const struct probe_hit *hit,
                        const struct guest_task *task)
{
    struct symbol sym;
    struct text call = {0};
    const uint64_t fields[EVENT_MAX_FIELDS] = {task->pid};
    if (long_code(a, hit->cpu) &&
        symbols_at(a->o.symbols, symbol_space_kernel(task->space), p->place.address, SYMBOLS_NOW, &sym,
                   NULL) &&
        sym.address == p->place.address &&
        a->o.call(a->o.ctx, hit->cpu, p->by_address ? sym.name : p->name, p->place.address, &call))
        report(p, hit, task, EV_PROBE_ARGUMENTS, call.s, fields);
    free(call.s);
}

static void on_entry(struct hook *h, const struct probe_hit *hit, struct hook_frame *none)
{
    struct probe_site *p = h->ctx;
    struct asked *a = p->a;
    struct guest_task task;
    a->o.task(a->o.ctx, hit->cpu, &task);
    if (!p->by_address && !still_there(a, p, task.space))
        return;
    p->reached = true;
    uint64_t f[EVENT_MAX_FIELDS] = {task.pid};
    arguments(a, hit->cpu, f + 1);
    report(p, hit, &task, EV_PROBE_ENTER, p->text, f);
    report_call(a, p, hit, &task);
    if (p->by_address)
        return;
    if (long_code(a, hit->cpu))
        find_exits(a, p, hit->cpu, task.space);
    hook_follow(h, hit);
}

/* ---------------------------------------------------------------- places */

static struct probe_site *place_at(const struct asked *a, size_t number, uint64_t address)
{
    for (size_t i = 0; i < a->nplaces; i++)
        if (a->places[i]->place.number == number && a->places[i]->place.address == address)
            return a->places[i];
    return NULL;
}

/* `name`: the symbol's, if it is not the setting; or NULL. */
static struct probe_site *add_place(struct asked *a, size_t number, uint64_t address, const char *name,
                                    bool by_address)
{
    struct probe_site *p = mem_zero(1, sizeof *p);
    *p = (struct probe_site){.place = {.number = number, .address = address},
                             .a = a,
                             .text = name && symbol_is_pattern(a->texts[number]) ? name : a->texts[number],
                             .name = name ? name : a->texts[number],
                             .by_address = by_address};
    MEM_MORE(a->places, a->nplaces);
    a->places[a->nplaces++] = p;
    p->hook = hook_address(a->hooks, address, on_entry, on_leave, p);
    return p;
}

static bool number(const char *text, uint64_t *v)
{
    char *end;
    if (strncmp(text, "0x", 2))
        return false;
    *v = strtoull(text, &end, 16);
    return !*end && end > text + 2;
}

/* Copies of a function, and what a pattern matches, in what was mapped since the last look. */
static void look_in(struct asked *a, size_t i, const struct symbol_mapping *m)
{
    struct symbol sym;
    for (size_t next = 0; !m->until && symbol_table_search(m->table, a->texts[i], &next, &sym);)
        if (!place_at(a, i, sym.address + m->bias))
            add_place(a, i, sym.address + m->bias, sym.name, false);
}

static void look_for(struct asked *a, size_t i)
{
    const char *text = a->texts[i];
    uint64_t address;
    struct symbol sym;
    if (number(text, &address)) {
        if (!place_at(a, i, address))
            add_place(a, i, address, NULL, true);
        return;
    }
    bool found = symbols_find(a->o.symbols, SPACE_ANY, text, SYMBOLS_NOW, &sym);
    const bool exact = found;
    for (; found; found = symbols_find_next(a->o.symbols, SPACE_ANY, text, SYMBOLS_NOW, &sym))
        if (!place_at(a, i, sym.address))
            add_place(a, i, sym.address, NULL, false);
    for (size_t k = a->looked; !exact && k < symbols_mappings(a->o.symbols); k++)
        look_in(a, i, symbols_mapping(a->o.symbols, k));
}

void asked_look(struct asked *a)
{
    for (size_t i = 0; i < a->n; i++)
        look_for(a, i);
    a->looked = symbols_mappings(a->o.symbols);
}

void asked_reset(struct asked *a)
{
    hooks_drop_all(a->hooks);
}

/* ---------------------------------------------------------------- what was not reached */

enum reach { REACH_NO_PLACE, REACH_NEVER, REACH_YES };

static enum reach reach_of(const struct asked *a, size_t number)
{
    enum reach r = REACH_NO_PLACE;
    for (size_t i = 0; i < a->nplaces; i++)
        if (a->places[i]->place.number == number)
            r = a->places[i]->reached || r == REACH_YES ? REACH_YES : REACH_NEVER;
    return r;
}

/* Whether the same was asked for before. */
static bool again(const char *const *texts, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(texts[k], texts[i]))
            return true;
    return false;
}

static void say_unreached(const char *probe, enum reach r, char *text, size_t size)
{
    uint64_t address;
    snprintf(text, size, "probe %.200s: %s", probe,
             r == REACH_NO_PLACE ? "no symbol of that name was found"
             : number(probe, &address)
                 ? "it was never executed"
                 : "it was never executed; the compiler may have put its code into its callers");
}

enum { TOLD = 4 };

size_t asked_unreached(const struct asked *a, size_t which, char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++) {
        const enum reach r = reach_of(a, i);
        if (r != REACH_YES && !again(a->texts, i) && n++ == which)
            say_unreached(a->texts[i], r, text, size);
    }
    return n < TOLD ? n : TOLD;
}

/* Whether the table has a symbol of that name: "start_kernel", or with the table's name before it; or copies, or what the pattern
 * matches. */
static bool has_symbol(const struct symbol_table *t, const char *name)
{
    struct symbol sym;
    size_t next = 0;
    const char *colon = strrchr(name, ':'), *table = symbol_table_name(t);
    const size_t n = colon ? (size_t)(colon - name) : 0;
    return ((!n || (strlen(table) == n && !strncmp(table, name, n))) &&
            symbol_table_find(t, colon ? colon + 1 : name, &sym)) ||
           symbol_table_search(t, name, &next, &sym);
}

/* Whether there was a symbol of that name at any time. */
static bool was_symbol(const struct symbols *s, const char *name)
{
    for (size_t i = 0; i < symbols_mappings(s); i++)
        if (has_symbol(symbols_mapping(s, i)->table, name))
            return true;
    return false;
}

size_t asked_unreached_of(const struct symbols *s, const char *const *texts, const bool *reached, size_t n,
                          size_t which, char *text, size_t size)
{
    size_t found = 0;
    uint64_t address;
    for (size_t i = 0; i < n; i++)
        if (!reached[i] && !again(texts, i) && found++ == which)
            say_unreached(texts[i],
                          number(texts[i], &address) || was_symbol(s, texts[i]) ? REACH_NEVER
                                                                                : REACH_NO_PLACE,
                          text, size);
    return found < TOLD ? found : TOLD;
}

bool asked_has_symbol(const struct symbols *s, const char *text)
{
    uint64_t address;
    return number(text, &address) || was_symbol(s, text);
}

size_t asked_missing(const struct asked *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        n += reach_of(a, i) == REACH_NO_PLACE;
    return n;
}

/* ---------------------------------------------------------------- a run in parts */

/* A call in progress is so many numbers, and one for each exit of its function. */
enum { S_NUMBER, S_ADDRESS, S_SP, S_AFTER, S_BACK, S_TIME, S_EXITS, S_NUMBERS };

static bool had_address(const struct asked *a, const char *text, uint64_t address, uint64_t at)
{
    struct symbol sym;
    bool found = symbols_find(a->o.symbols, SPACE_ANY, text, at, &sym);
    while (found && sym.address != address)
        found = symbols_find_next(a->o.symbols, SPACE_ANY, text, at, &sym);
    return found;
}

/* The name of a copy, or of what a pattern matches, that has the address in a mapping; NULL: none. */
static const char *name_in(const struct symbol_mapping *m, const char *text, uint64_t address)
{
    struct symbol sym;
    for (size_t next = 0; symbol_table_search(m->table, text, &next, &sym);)
        if (sym.address + m->bias == address)
            return sym.name;
    return NULL;
}

static const char *name_at(const struct asked *a, const char *text, uint64_t address)
{
    const char *name = NULL;
    for (size_t i = symbols_mappings(a->o.symbols); i-- > 0 && !name;)
        name = name_in(symbols_mapping(a->o.symbols, i), text, address);
    return name;
}

static uint64_t since_when(const struct asked *a, const struct asked_place *place)
{
    const char *text = a->texts[place->number];
    uint64_t since = UINT64_MAX, address;
    if (number(text, &address))
        return 0;
    for (size_t i = 0; i < symbols_mappings(a->o.symbols); i++) {
        const struct symbol_mapping *m = symbols_mapping(a->o.symbols, i);
        if (m->since < since &&
            ((has_symbol(m->table, text) && had_address(a, text, place->address, m->since)) ||
             name_in(m, text, place->address)))
            since = m->since;
    }
    return since;
}

uint64_t asked_since(const struct asked *a, struct asked_place *place)
{
    if (!place->dated) {
        place->since = since_when(a, place);
        place->dated = true;
    }
    return place->since;
}

static uint8_t *put_frame(uint8_t *p, const struct hook_frame *f)
{
    const struct probe_site *site = f->hook->ctx;
    const uint64_t v[S_NUMBERS] = {site->place.number, site->place.address, f->sp, f->after, f->back, f->time,
                                   f->hook->nexits};
    for (unsigned i = 0; i < S_NUMBERS; i++)
        p = put_le(p, v[i], 8);
    for (size_t i = 0; i < f->hook->nexits; i++) {
        p = put_le(p, f->hook->exits[i].address, 8);
        p = put_le(p, f->hook->exits[i].tail, 8);
    }
    return p;
}

void *asked_cut(struct asked *a, size_t *n)
{
    size_t frames;
    const struct hook_frame *f = hooks_frames(a->hooks, &frames);
    for (size_t i = 0; i < a->nplaces; i++)
        a->places[i]->looked_at = false;
    *n = 0;
    for (size_t i = 0; i < frames; i++)
        *n += 8 * (S_NUMBERS + 2 * f[i].hook->nexits);
    if (!frames)
        return NULL;
    uint8_t *state = mem_alloc(*n), *p = state;
    for (size_t i = 0; i < frames; i++)
        p = put_frame(p, &f[i]);
    return state;
}

static void set_exits(struct hook *h, const uint8_t *p, size_t n)
{
    struct hook_exit *exits = mem_zero(n + 1, sizeof *exits);
    for (size_t i = 0; i < n; i++, p += 16)
        exits[i] = (struct hook_exit){.address = le64(p), .tail = le64(p + 8)};
    hook_set_exits(h, exits, n);
    free(exits);
}

int asked_load(struct asked *a, const void *state, size_t n)
{
    uint64_t v[S_NUMBERS];
    for (const uint8_t *p = state, *end = p + n; p < end; p += 16 * v[S_EXITS]) {
        if ((size_t)(end - p) < 8 * S_NUMBERS)
            return -1;
        for (unsigned i = 0; i < S_NUMBERS; i++, p += 8)
            v[i] = le64(p);
        if (v[S_NUMBER] >= a->n || v[S_EXITS] > (size_t)(end - p) / 16)
            return -1;
        struct probe_site *site = place_at(a, v[S_NUMBER], v[S_ADDRESS]);
        if (!site) /* its module is no longer there */
            site = add_place(a, v[S_NUMBER], v[S_ADDRESS], name_at(a, a->texts[v[S_NUMBER]], v[S_ADDRESS]),
                             false);
        set_exits(site->hook, p, v[S_EXITS]);
        hook_resume(
            site->hook,
            &(struct hook_frame){.sp = v[S_SP], .after = v[S_AFTER], .back = v[S_BACK], .time = v[S_TIME]});
    }
    return 0;
}

/* ---------------------------------------------------------------- life */

int asked_create(const struct asked_options *o, const struct engine_config *cfg, struct asked **out,
                 struct error *err)
{
    struct asked *a = mem_zero(1, sizeof *a);
    *out = NULL;
    a->o = *o;
    for (size_t i = 0; i < cfg->nsettings; i++) {
        const char *text = cfg->settings[i].value;
        uint64_t v;
        if (strcmp(cfg->settings[i].key, "probe"))
            continue;
        if (!*text || (!strncmp(text, "0x", 2) && !number(text, &v))) {
            asked_free(a);
            return error_set(
                err, "probe: \"%.80s\" is neither a symbol nor an address: write start_kernel or 0x7c00",
                text);
        }
        MEM_MORE(a->texts, a->n);
        a->texts[a->n++] = text;
    }
    if (!a->n) {
        asked_free(a);
        return 0;
    }
    const struct hooks_options ho = {
        .engine = o->engine, .probes = o->probes, .bits = 64, .ctx = o->ctx, .read = o->read};
    a->hooks = hooks_new(&ho);
    find_registers(a);
    *out = a;
    return 0;
}

void asked_free(struct asked *a)
{
    if (!a)
        return;
    hooks_free(a->hooks);
    free(a->places);
    free(a->texts);
    free(a);
}

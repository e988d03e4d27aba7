/* inspector_probe.c - see inspector_probe.h. */
#include <stdlib.h>
#include <string.h>

#include "core/code.h"
#include "core/inspector_probe.h"

enum { FUNCTION_MAX = 1 << 18, NOT_FOUND = -1 };

/* One place of what is asked for. */
struct place {
    struct asked *a;
    const char *text; /* the setting */
    uint64_t address;
    bool by_address;  /* the setting is a number: not looked up again */
    bool looked_at;   /* it was 64-bit code, and disassembled */
    bool exits_known; /* by that */
};

/* A call in progress. */
struct call {
    const struct place *place;
    uint64_t sp;    /* at the entry, linear */
    uint64_t after; /* what it is when the caller goes on; 0: not known */
    uint64_t time;
};

enum reg { RAX, RCX, RDX, RSI, RDI, RSP, R8, R9, CS_BASE, SS_BASE, REGS };
enum { ARGUMENTS = 6 };

struct asked {
    struct asked_options o;
    const char **texts;
    size_t n;
    struct place **places;
    size_t nplaces;
    struct call *calls;
    size_t ncalls;
    struct return_point {
        struct asked *a;
        uint64_t address;
    } * *returns; /* return addresses that are probed */
    size_t nreturns;
    struct code *code;
    size_t reg[REGS];
};

/* ---------------------------------------------------------------- the guest */

static void find_registers(struct asked *a)
{
    static const char *const names[REGS] = {"rax", "rcx", "rdx", "rsi",     "rdi",
                                            "rsp", "r8",  "r9",  "cs_base", "ss_base"};
    for (unsigned r = 0; r < REGS; r++)
        a->reg[r] = engine_reg_index(a->o.engine, names[r]);
}

static uint64_t get(const struct asked *a, unsigned cpu, enum reg r)
{
    uint64_t v = 0;
    if (a->reg[r] != SIZE_MAX)
        a->o.engine->ops->reg_get(a->o.engine, cpu, a->reg[r], &v);
    return v;
}

static bool read_memory(const struct asked *a, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    if (a->o.linux_guest)
        return linux_read(a->o.linux_guest, cpu, address, buf, n);
    return a->o.engine->ops->peek(a->o.engine, cpu, address, buf, n) == n;
}

static bool long_code(const struct asked *a, unsigned cpu)
{
    return a->o.engine->ops->code_bits(a->o.engine, cpu) == 64;
}

/* The stack pointer as a linear address. */
static uint64_t stack_pointer(const struct asked *a, unsigned cpu)
{
    uint64_t sp = get(a, cpu, RSP);
    return long_code(a, cpu) ? sp : (uint32_t)(get(a, cpu, SS_BASE) + (uint32_t)sp);
}

/* ---------------------------------------------------------------- calls */

static void report(struct asked *a, const struct probe_hit *hit, unsigned kind, const char *text,
                   const uint64_t fields[EVENT_MAX_FIELDS])
{
    struct event ev = {.kind = (uint16_t)kind,
                       .cpu = (uint8_t)hit->cpu,
                       .icount = hit->icount,
                       .time = hit->time,
                       .data = text,
                       .len = (uint32_t)strlen(text)};
    memcpy(ev.f, fields, sizeof ev.f);
    a->o.emit(a->o.ctx, &ev);
}

static uint32_t current_pid(const struct asked *a, unsigned cpu, uint32_t *tgid)
{
    uint32_t pid = 0;
    *tgid = 0;
    if (a->o.linux_guest)
        linux_task(a->o.linux_guest, cpu, &pid, tgid);
    return pid;
}

static long find_call(const struct asked *a, const struct place *p, uint64_t sp)
{
    for (size_t i = a->ncalls; i-- > 0;)
        if (a->calls[i].place == p && a->calls[i].sp == sp)
            return (long)i;
    return NOT_FOUND;
}

/* The call whose caller goes on with that stack pointer. */
static long find_returned(const struct asked *a, uint64_t sp)
{
    for (size_t i = a->ncalls; i-- > 0;)
        if (a->calls[i].after == sp)
            return (long)i;
    return NOT_FOUND;
}

static void leaves(struct asked *a, const struct probe_hit *hit, long call)
{
    const struct call c = a->calls[call];
    uint32_t tgid, pid = current_pid(a, hit->cpu, &tgid);
    memmove(&a->calls[call], &a->calls[call + 1], (--a->ncalls - (size_t)call) * sizeof c);
    const uint64_t f[EVENT_MAX_FIELDS] = {pid, get(a, hit->cpu, RAX), hit->time - c.time};
    report(a, hit, EV_PROBE_LEAVE, c.place->text, f);
}

static void on_exit_site(void *ctx, const struct probe_hit *hit)
{
    const struct place *p = ctx;
    long call = find_call(p->a, p, stack_pointer(p->a, hit->cpu));
    if (call != NOT_FOUND)
        leaves(p->a, hit, call);
}

static void on_return(void *ctx, const struct probe_hit *hit)
{
    struct asked *a = ((struct return_point *)ctx)->a;
    long call = find_returned(a, stack_pointer(a, hit->cpu));
    if (call != NOT_FOUND && !a->calls[call].place->exits_known)
        leaves(a, hit, call);
}

/* Where the function that was just entered returns to, linear, and how many bytes that are on the stack; 0:
 * it cannot be read. 32-bit calls push four, also those of compiled real-mode code; a 16-bit call pushes two.
 */
static unsigned return_address(const struct asked *a, unsigned cpu, uint64_t sp, uint64_t *address)
{
    unsigned n = long_code(a, cpu) ? 8 : 4;
    *address = 0;
    if (!read_memory(a, cpu, sp, address, n))
        return 0;
    if (n == 8)
        return n;
    if (a->o.engine->ops->code_bits(a->o.engine, cpu) == 16 && *address > UINT16_MAX) {
        *address &= UINT16_MAX;
        n = 2;
    }
    *address = (uint32_t)(*address + get(a, cpu, CS_BASE));
    return n;
}

static void probe_return(struct asked *a, uint64_t address)
{
    for (size_t i = 0; i < a->nreturns; i++)
        if (a->returns[i]->address == address)
            return;
    struct return_point *r = calloc(1, sizeof *r);
    *r = (struct return_point){a, address};
    a->returns = realloc(a->returns, (a->nreturns + 1) * sizeof *a->returns);
    a->returns[a->nreturns++] = r;
    probe_add(a->o.probes, PROBE_LINEAR, address, on_return, r);
    probes_apply(a->o.probes);
}

/* Is that still the symbol there? A module may have gone, another program may have its address. */
static bool still_there(const struct asked *a, const struct place *p, uint32_t tgid)
{
    struct symbol sym;
    bool found = symbols_find(a->o.symbols, tgid ? (int32_t)tgid : SPACE_KERNEL, p->text, SYMBOLS_NOW, &sym);
    while (found && sym.address != p->address)
        found =
            symbols_find_next(a->o.symbols, tgid ? (int32_t)tgid : SPACE_KERNEL, p->text, SYMBOLS_NOW, &sym);
    return found;
}

struct exits {
    struct place *p;
    uint64_t size;
};

static void exit_site(void *ctx, const struct code_site *site)
{
    const struct exits *x = ctx;
    bool out = site->kind == CODE_JUMP && site->target - x->p->address >= x->size;
    if (site->kind != CODE_RETURN && !out)
        return;
    probe_add(x->p->a->o.probes, PROBE_LINEAR, site->address, on_exit_site, x->p);
    x->p->exits_known = true;
}

/* Where 64-bit code is left, when it is entered first. The whole function must be readable. Jumps out are
 * taken for its ends, unless they go to a part of it that the compiler put elsewhere: then the return address
 * is waited for instead. */
static void find_exits(struct asked *a, struct place *p, unsigned cpu, symbol_space space)
{
    char cold[600];
    struct symbol sym, other;
    if (p->looked_at || !a->code || !symbols_at(a->o.symbols, space, p->address, SYMBOLS_NOW, &sym, NULL))
        return;
    p->looked_at = true;
    uint64_t size = sym.size;
    snprintf(cold, sizeof cold, "%s.cold", sym.name);
    if (!size || size > FUNCTION_MAX || symbols_find(a->o.symbols, SPACE_KERNEL, cold, SYMBOLS_NOW, &other))
        return;
    uint8_t *bytes = malloc(size);
    struct exits x = {p, size};
    if (read_memory(a, cpu, p->address, bytes, size))
        code_sites(a->code, bytes, size, p->address, exit_site, &x);
    free(bytes);
    if (p->exits_known)
        probes_apply(a->o.probes);
}

static void begin_call(struct asked *a, struct place *p, const struct probe_hit *hit)
{
    uint64_t sp = stack_pointer(a, hit->cpu), address;
    unsigned n = return_address(a, hit->cpu, sp, &address);
    long call = find_call(a, p, sp);
    if (call == NOT_FOUND) {
        a->calls = realloc(a->calls, (a->ncalls + 1) * sizeof *a->calls);
        call = (long)a->ncalls++;
    }
    a->calls[call] = (struct call){p, sp, n ? sp + n : 0, hit->time};
    if (!p->exits_known && n)
        probe_return(a, address);
}

/* 64-bit code: as System V has them. Else what the usual conventions use, since nobody knows which it is:
 * EAX, EDX, ECX and three words of the stack. */
static void arguments(const struct asked *a, unsigned cpu, uint64_t arg[ARGUMENTS])
{
    static const enum reg wide[ARGUMENTS] = {RDI, RSI, RDX, RCX, R8, R9}, narrow[] = {RAX, RDX, RCX};
    uint32_t words[4] = {0};
    if (long_code(a, cpu)) {
        for (unsigned i = 0; i < ARGUMENTS; i++)
            arg[i] = get(a, cpu, wide[i]);
        return;
    }
    read_memory(a, cpu, stack_pointer(a, cpu), words, sizeof words);
    for (unsigned i = 0; i < 3; i++) {
        arg[i] = (uint32_t)get(a, cpu, narrow[i]);
        arg[3 + i] = words[1 + i];
    }
}

static void on_entry(void *ctx, const struct probe_hit *hit)
{
    struct place *p = ctx;
    struct asked *a = p->a;
    uint32_t tgid, pid = current_pid(a, hit->cpu, &tgid);
    if (!p->by_address && !still_there(a, p, tgid))
        return;
    uint64_t f[EVENT_MAX_FIELDS] = {pid};
    arguments(a, hit->cpu, f + 1);
    report(a, hit, EV_PROBE_ENTER, p->text, f);
    if (p->by_address)
        return;
    if (long_code(a, hit->cpu))
        find_exits(a, p, hit->cpu, tgid ? (int32_t)tgid : SPACE_KERNEL);
    begin_call(a, p, hit);
}

/* ---------------------------------------------------------------- places */

static bool known(const struct asked *a, const char *text, uint64_t address)
{
    for (size_t i = 0; i < a->nplaces; i++)
        if (a->places[i]->text == text && a->places[i]->address == address)
            return true;
    return false;
}

static void add_place(struct asked *a, const char *text, uint64_t address, bool by_address)
{
    struct place *p = calloc(1, sizeof *p);
    *p = (struct place){.a = a, .text = text, .address = address, .by_address = by_address};
    a->places = realloc(a->places, (a->nplaces + 1) * sizeof *a->places);
    a->places[a->nplaces++] = p;
    probe_add(a->o.probes, PROBE_LINEAR, address, on_entry, p);
}

static bool number(const char *text, uint64_t *v)
{
    char *end;
    if (strncmp(text, "0x", 2))
        return false;
    *v = strtoull(text, &end, 16);
    return !*end && end > text + 2;
}

static void look_for(struct asked *a, const char *text)
{
    uint64_t address;
    struct symbol sym;
    if (number(text, &address)) {
        if (!known(a, text, address))
            add_place(a, text, address, true);
        return;
    }
    bool found = symbols_find(a->o.symbols, SPACE_ANY, text, SYMBOLS_NOW, &sym);
    for (; found; found = symbols_find_next(a->o.symbols, SPACE_ANY, text, SYMBOLS_NOW, &sym))
        if (!known(a, text, sym.address))
            add_place(a, text, sym.address, false);
}

void asked_look(struct asked *a)
{
    for (size_t i = 0; i < a->n; i++)
        look_for(a, a->texts[i]);
}

void asked_reset(struct asked *a)
{
    a->ncalls = 0;
}

/* ---------------------------------------------------------------- life */

int asked_create(const struct asked_options *o, const struct engine_config *cfg, struct asked **out,
                 struct error *err)
{
    struct asked *a = calloc(1, sizeof *a);
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
                err, "probe: \"%.80s\" is no symbol and no address: write start_kernel or 0x7c00", text);
        }
        a->texts = realloc(a->texts, (a->n + 1) * sizeof *a->texts);
        a->texts[a->n++] = text;
    }
    if (!a->n) {
        asked_free(a);
        return 0;
    }
    a->code = code_new(64);
    find_registers(a);
    *out = a;
    return 0;
}

void asked_free(struct asked *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->nplaces; i++)
        free(a->places[i]);
    for (size_t i = 0; i < a->nreturns; i++)
        free(a->returns[i]);
    free(a->places);
    free(a->returns);
    free(a->calls);
    free(a->texts);
    code_free(a->code);
    free(a);
}

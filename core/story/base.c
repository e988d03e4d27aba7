/* base.c - see base.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/story/base.h"

const struct guest_base_ops guest_base_plain;

void base_init(struct guest_base *b, const struct guest_system *system, const struct guest_options *o,
               const struct guest_base_ops *ops)
{
    static const char *const names[GUEST_REGS] = {"rax", "rbx", "rcx", "rdx", "rsi",  "rdi",     "rbp",
                                                  "rsp", "r8",  "r9",  "r10", "r15",  "rip",     "eflags",
                                                  "cpl", "cr0", "cr2", "cr3", "efer", "fs_base", "gs_base"};
    *b = (struct guest_base){
        .guest = {system, o->parent, o->domain, o->apart ? o->engine : NULL}, .o = *o, .ops = ops, .word = 8};
    for (unsigned i = 0; i < GUEST_REGS; i++)
        b->reg[i] = engine_reg_index(o->engine, names[i]);
}

/* ---------------------------------------------------------------- the position */

void base_at_event(struct guest_base *b, const struct event *ev)
{
    b->cpu = ev->cpu;
    b->icount = ev->icount;
    b->time = ev->time;
}

bool base_here(struct guest_base *b, const struct probe_hit *hit)
{
    if (!guest_runs(&b->guest, hit->cpu))
        return false;
    b->cpu = hit->cpu;
    b->icount = hit->icount;
    b->time = hit->time;
    return !b->ops->runs || b->ops->runs(b);
}

/* ---------------------------------------------------------------- registers */

static uint64_t register_value(const struct guest_base *b, size_t index)
{
    uint64_t v = engine_reg_value(b->o.engine, b->cpu, index);
    return b->word == 4 ? (uint32_t)v : v;
}

uint64_t base_reg(const struct guest_base *b, enum guest_reg reg)
{
    assert(reg < GUEST_REGS);
    return register_value(b, b->reg[reg]);
}

bool base_reg_by_name(const struct guest_base *b, const char *name, uint64_t *value)
{
    size_t index = guest_reg_index(b->o.engine, name);
    *value = register_value(b, index);
    return index != SIZE_MAX;
}

uint64_t base_argument(const struct guest_base *b, unsigned i)
{
    static const enum guest_reg wide[] = {GUEST_RDI, GUEST_RSI, GUEST_RDX, GUEST_RCX, GUEST_R8, GUEST_R9};
    assert(i < sizeof wide / sizeof wide[0]);
    return b->word == 8 ? base_reg(b, wide[i]) : base_u32(b, base_reg(b, GUEST_RSP) + 4 + 4 * i);
}

/* ---------------------------------------------------------------- memory */

bool base_read(const struct guest_base *b, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = b->o.engine;
    size_t done = b->ops->peek ? b->ops->peek(b, address, buf, n) : e->ops->peek(e, b->cpu, address, buf, n);
    assert(done <= n);
    memset((char *)buf + done, 0, n - done);
    return done == n;
}

bool base_read_at(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    struct guest_base *b = (struct guest_base *)g;
    b->cpu = cpu;
    return base_read(b, address, buf, n);
}

uint64_t base_u64(const struct guest_base *b, uint64_t address)
{
    uint64_t v;
    base_read(b, address, &v, sizeof v);
    return v;
}

uint32_t base_u32(const struct guest_base *b, uint64_t address)
{
    uint32_t v;
    base_read(b, address, &v, sizeof v);
    return v;
}

uint64_t base_word(const struct guest_base *b, uint64_t address)
{
    return b->word == 8 ? base_u64(b, address) : base_u32(b, address);
}

size_t base_string(const struct guest_base *b, uint64_t address, char *buf, size_t size)
{
    memset(buf, 0, size);
    if (!address)
        return 0;
    /* Reads up to the end of a page at a time: the next page may not be mapped. */
    for (size_t n = 0; n + 1 < size;) {
        size_t part = 0x1000 - ((address + n) & 0xfff);
        part = part < size - 1 - n ? part : size - 1 - n;
        bool whole = base_read(b, address + n, buf + n, part);
        if (memchr(buf + n, 0, part) || !whole)
            break;
        n += part;
    }
    return strlen(buf);
}

uint64_t base_member(const struct guest_base *b, uint64_t object, int offset)
{
    return object && offset >= 0 ? base_word(b, object + (unsigned)offset) : 0;
}

uint64_t base_member64(const struct guest_base *b, uint64_t object, int offset)
{
    return object && offset >= 0 ? base_u64(b, object + (unsigned)offset) : 0;
}

uint32_t base_member32(const struct guest_base *b, uint64_t object, int offset)
{
    return object && offset >= 0 ? base_u32(b, object + (unsigned)offset) : 0;
}

size_t base_peek_physical(const struct guest_base *b, uint64_t address, void *buf, size_t n)
{
    return guest_peek_physical(&b->guest, b->o.engine, address, buf, n);
}

/* ---------------------------------------------------------------- symbols */

uint64_t base_symbol(const struct guest_base *b, const char *name)
{
    struct symbol sym;
    return symbols_find_in(b->o.symbols, b->space, name, SYMBOLS_NOW, &sym) ? sym.address : 0;
}

bool base_function(const struct guest_base *b, const char *name, struct symbol *sym)
{
    return symbols_find_in(b->o.symbols, b->space, name, SYMBOLS_NOW, sym) &&
           (sym->type == 't' || sym->type == 'T');
}

void base_name(const struct guest_base *b, uint64_t address, char *buf, size_t size)
{
    symbols_text(b->o.symbols, b->space, address, SYMBOLS_NOW, buf, size);
}

/* ---------------------------------------------------------------- hooks */

static bool here(void *ctx, const struct probe_hit *hit)
{
    return base_here(ctx, hit);
}

static bool read_memory(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    return base_read_at(ctx, cpu, address, buf, n);
}

struct hooks *base_hooks_new(struct guest_base *b)
{
    const struct hooks_options o = {.engine = b->o.engine,
                                    .probes = b->o.probes,
                                    .bits = 8 * b->word,
                                    .ctx = b,
                                    .read = read_memory,
                                    .here = here};
    return hooks_new(&o);
}

/* The part of a function that the compiler moved elsewhere, NAME.cold; its size is 0 if there is none. */
static void cold_part(const struct guest_base *b, const struct symbol *function, struct symbol *cold)
{
    char name[560];
    snprintf(name, sizeof name, "%s.cold", function->name);
    if (!base_function(b, name, cold))
        *cold = (struct symbol){0};
}

struct hook *base_hook(struct guest_base *b, const struct symbol *function, hook_enter *enter,
                       hook_leave *leave, void *ctx)
{
    struct symbol cold;
    cold_part(b, function, &cold);
    return hook_function(b->hooks, b->cpu, function, &cold, enter, leave, ctx);
}

void base_sites(struct guest_base *b, const struct symbol *function,
                void (*fn)(void *ctx, const struct code_site *site), void *ctx)
{
    struct symbol cold;
    cold_part(b, function, &cold);
    hooks_sites(b->hooks, b->cpu, function, &cold, fn, ctx);
}

/* ---------------------------------------------------------------- events and notes */

bool base_wants(const struct guest_base *b, enum event_class cls)
{
    return b->o.classes & EVENT_CLASS_BIT(cls);
}

void base_emit(const struct guest_base *b, unsigned kind, const char *data, const uint64_t *fields,
               size_t nfields)
{
    if (!base_wants(b, event_kind(kind)->cls))
        return;
    const size_t n = data ? strlen(data) : 0;
    struct event ev = {.kind = (uint16_t)kind,
                       .cpu = (uint8_t)b->cpu,
                       .icount = b->icount,
                       .time = b->time,
                       .data = data,
                       .len = (uint32_t)(n < EVENT_MAX_DATA ? n : EVENT_MAX_DATA)};
    for (size_t i = 0; i < nfields && i < EVENT_MAX_FIELDS; i++)
        ev.f[i] = fields[i];
    b->o.emit(b->o.ctx, &ev);
}

void base_note(struct guest_base *b, const char *fmt, ...)
{
    size_t n = strlen(b->notes);
    va_list ap;
    if (n)
        n += (size_t)snprintf(b->notes + n, sizeof b->notes - n, "; ");
    va_start(ap, fmt);
    if (n < sizeof b->notes)
        vsnprintf(b->notes + n, sizeof b->notes - n, fmt, ap);
    va_end(ap);
}

void base_missing(struct guest_base *b, const char *name)
{
    size_t n = strlen(b->missing);
    snprintf(b->missing + n, sizeof b->missing - n, "%s%s", n ? ", " : "", name);
}

void base_note_missing(struct guest_base *b, const char *what)
{
    if (b->missing[0])
        base_note(b, "this %s has no %s: what it would tell is not reported", what, b->missing);
}

void base_say_notes(struct guest_base *b)
{
    if (b->notes[0])
        base_emit(b, EV_KERNEL_NOTE, b->notes, NULL, 0);
    b->notes[0] = 0;
}

void base_note_once(struct guest_base *b, unsigned number, const char *text)
{
    assert(number < 8 * sizeof b->noted);
    if (!(b->noted >> number & 1))
        base_emit(b, EV_KERNEL_NOTE, text, NULL, 0);
    b->noted |= 1u << number;
}

/* ---------------------------------------------------------------- words */

void base_add_open_flags(struct text *t, uint64_t v, const struct flag_name *flags)
{
    enum { MODE = 3 };
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "3"};
    text_add(t, "%s", modes[v & MODE]);
    if (v & ~(uint64_t)MODE) {
        text_add(t, "|");
        text_add_flags(t, v & ~(uint64_t)MODE, flags, "0");
    }
}

void base_add_protection(struct text *t, uint64_t v)
{
    static const struct flag_name flags[] = {
        {1, "PROT_READ"}, {2, "PROT_WRITE"}, {4, "PROT_EXEC"}, {0, NULL}};
    text_add_flags(t, v, flags, "PROT_NONE");
}

/* hooks.c - see hooks.h. */
#include <stdlib.h>
#include <string.h>

#include "core/story/hooks.h"
#include "base/memory.h"

enum { FUNCTION_MAX = 1 << 18 };

/* One probe of the set. */
struct hook_probe {
    struct hooks *set;
    unsigned id;
    probe_fn *fn;
    void *ctx;
};

struct hooks {
    struct hooks_options o;
    struct hook_probe **probes;
    size_t nprobes;
    struct hook **hooks;
    size_t nhooks;
    struct hook_frame *frames;
    size_t nframes;
    uint64_t *returns; /* return addresses with probes */
    size_t nreturns;
    struct code_reader *code;
    size_t rsp, ss_base, cs_base; /* registers */
    bool leaving, freed;          /* it tells of calls that end; one of these ends has freed all but this */
};

/* ---------------------------------------------------------------- life */

struct hooks *hooks_new(const struct hooks_options *o)
{
    struct hooks *hs = mem_zero(1, sizeof *hs);
    hs->o = *o;
    hs->code = code_new(o->bits);
    hs->rsp = engine_reg_index(o->engine, "rsp");
    hs->ss_base = engine_reg_index(o->engine, "ss_base");
    hs->cs_base = engine_reg_index(o->engine, "cs_base");
    return hs;
}

void hooks_free(struct hooks *hs)
{
    if (!hs)
        return;
    for (size_t i = 0; i < hs->nprobes; i++) {
        probe_remove(hs->o.probes, hs->probes[i]->id);
        free(hs->probes[i]);
    }
    for (size_t i = 0; i < hs->nhooks; i++) {
        free(hs->hooks[i]->exits);
        free(hs->hooks[i]->ctx);
        free(hs->hooks[i]);
    }
    free(hs->probes);
    free(hs->hooks);
    free(hs->frames);
    free(hs->returns);
    code_free(hs->code);
    hs->nframes = 0;
    hs->freed = true;
    if (!hs->leaving)
        free(hs);
}

static void probe_reached(void *ctx, const struct probe_hit *hit)
{
    const struct hook_probe *p = ctx;
    const struct hooks_options *o = &p->set->o;
    if (!o->here || o->here(o->ctx, hit))
        p->fn(p->ctx, hit);
}

void hooks_probe(struct hooks *hs, enum probe_space space, uint64_t address, probe_fn *fn, void *ctx)
{
    struct hook_probe *p = mem_zero(1, sizeof *p);
    *p = (struct hook_probe){.set = hs, .fn = fn, .ctx = ctx};
    p->id = probe_add(hs->o.probes, space, address, probe_reached, p);
    MEM_MORE(hs->probes, hs->nprobes);
    hs->probes[hs->nprobes++] = p;
}

struct hook *hook_keep(struct hooks *hs, void *ctx)
{
    struct hook *h = mem_zero(1, sizeof *h);
    *h = (struct hook){.set = hs, .ctx = ctx};
    MEM_MORE(hs->hooks, hs->nhooks);
    hs->hooks[hs->nhooks++] = h;
    return h;
}

/* ---------------------------------------------------------------- the stack */

static uint64_t get(const struct hooks *hs, unsigned cpu, size_t reg)
{
    return engine_reg_value(hs->o.engine, cpu, reg);
}

static unsigned code_bits(const struct hooks *hs, unsigned cpu)
{
    return hs->o.engine->ops->code_bits(hs->o.engine, cpu);
}

uint64_t hooks_stack_pointer(const struct hooks *hs, unsigned cpu)
{
    uint64_t sp = get(hs, cpu, hs->rsp);
    return code_bits(hs, cpu) == 64 ? sp : (uint32_t)(get(hs, cpu, hs->ss_base) + (uint32_t)sp);
}

/* The linear return address of the function that was just entered, and its size on the stack; 0 if it cannot
 * be read. 32-bit calls push four bytes, even in compiled real-mode code; a 16-bit call pushes two. */
static unsigned return_address(const struct hooks *hs, unsigned cpu, uint64_t sp, uint64_t *address)
{
    const unsigned bits = code_bits(hs, cpu);
    unsigned n = bits == 64 ? 8 : 4;
    *address = 0;
    if (!hs->o.read(hs->o.ctx, cpu, sp, address, n))
        return 0;
    if (n == 8)
        return n;
    if (bits == 16 && *address > UINT16_MAX) {
        *address &= UINT16_MAX;
        n = 2;
    }
    *address = (uint32_t)(*address + get(hs, cpu, hs->cs_base));
    return n;
}

/* ---------------------------------------------------------------- frames */

struct hook_frame *hook_find(const struct hook *h, uint64_t sp)
{
    struct hooks *hs = h->set;
    for (size_t i = hs->nframes; i-- > 0;)
        if (hs->frames[i].hook == h && hs->frames[i].sp == sp)
            return &hs->frames[i];
    return NULL;
}

/* The innermost frame that is left at that address, whose caller goes on with that stack pointer. */
static struct hook_frame *find_returned(const struct hooks *hs, uint64_t back, uint64_t sp)
{
    for (size_t i = hs->nframes; i-- > 0;)
        if (hs->frames[i].back == back && hs->frames[i].after == sp)
            return &hs->frames[i];
    return NULL;
}

struct hook_frame *hook_push(struct hook *h, uint64_t sp, uint64_t time)
{
    struct hooks *hs = h->set;
    struct hook_frame *f = hook_find(h, sp);
    if (!f) {
        MEM_MORE(hs->frames, hs->nframes);
        f = &hs->frames[hs->nframes++];
    }
    *f = (struct hook_frame){.hook = h, .sp = sp, .time = time};
    return f;
}

void hooks_drop(struct hooks *hs, struct hook_frame *f)
{
    size_t i = (size_t)(f - hs->frames);
    memmove(f, f + 1, (--hs->nframes - i) * sizeof *f);
}

void hooks_drop_stack(struct hooks *hs, uint64_t sp, uint64_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < hs->nframes; i++)
        if ((hs->frames[i].sp ^ sp) >= size)
            hs->frames[n++] = hs->frames[i];
    hs->nframes = n;
}

void hooks_drop_since(struct hooks *hs, const struct hook_frame *f,
                      void (*gone)(void *ctx, const struct hook_frame *f), void *ctx)
{
    size_t n = 0;
    for (size_t i = 0; i < hs->nframes; i++)
        if (hs->frames[i].time > f->time)
            gone(ctx, &hs->frames[i]);
        else
            hs->frames[n++] = hs->frames[i];
    hs->nframes = n;
}

void hooks_drop_all(struct hooks *hs)
{
    hs->nframes = 0;
}

const struct hook_frame *hooks_frames(const struct hooks *hs, size_t *n)
{
    *n = hs->nframes;
    return hs->frames;
}

struct hook_frame *hook_around(const struct hook *h, uint64_t sp)
{
    enum { FRAME_MAX = 4096 };
    struct hook_frame *best = NULL;
    for (size_t i = 0; h && i < h->set->nframes; i++) {
        struct hook_frame *f = &h->set->frames[i];
        if (f->hook == h && f->sp - sp < FRAME_MAX && (!best || f->sp < best->sp))
            best = f;
    }
    return best;
}

/* ---------------------------------------------------------------- code */

static void sites_of(struct hooks *hs, unsigned cpu, const struct symbol *part,
                     void (*fn)(void *ctx, const struct code_site *site), void *ctx)
{
    uint8_t *bytes = mem_alloc(part->size);
    if (hs->o.read(hs->o.ctx, cpu, part->address, bytes, part->size))
        code_sites(hs->code, bytes, part->size, part->address, fn, ctx);
    free(bytes);
}

void hooks_sites(struct hooks *hs, unsigned cpu, const struct symbol *function, const struct symbol *cold,
                 void (*fn)(void *ctx, const struct code_site *site), void *ctx)
{
    if (!hs->code || function->size > FUNCTION_MAX)
        return;
    sites_of(hs, cpu, function, fn, ctx);
    if (cold && cold->size && cold->size <= FUNCTION_MAX)
        sites_of(hs, cpu, cold, fn, ctx);
}

/* ---------------------------------------------------------------- entered and left */

static void on_enter(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    bool frame = h->leave && !h->follows;
    struct hook_frame *f = frame ? hook_push(h, hooks_stack_pointer(h->set, hit->cpu), hit->time) : NULL;
    if (h->enter)
        h->enter(h, hit, f);
}

static void left(struct hook_frame *f, const struct probe_hit *hit, struct hook *h)
{
    const struct hook_frame copy = *f;
    hooks_drop(h->set, f);
    h->leave(h, hit, &copy);
}

/* At an instruction that may leave the function: it does so if the stack pointer is what it was
 * at the entry. */
static void on_exit_site(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    struct hook_frame *f = hook_find(h, hooks_stack_pointer(h->set, hit->cpu));
    if (f)
        left(f, hit, h);
}

static void probe_return(struct hooks *hs, uint64_t address);

/* The frame at `sp` is left at its return address. */
static void await_return(struct hook_frame *f, uint64_t sp, unsigned n, uint64_t address)
{
    f->after = sp + n;
    f->back = address;
    probe_return(f->hook->set, address);
}

/* At what may be a jump to another function. If it is a conditional one that is not taken, or stays inside, the function is left later by
 * another exit. */
static void on_tail_site(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    uint64_t sp = hooks_stack_pointer(h->set, hit->cpu), address;
    struct hook_frame *f = hook_find(h, sp);
    unsigned n = f ? return_address(h->set, hit->cpu, sp, &address) : 0;
    if (n)
        await_return(f, sp, n, address);
    else if (f)
        left(f, hit, h);
}

/* At a return address: of one call, or of several that are tail calls of each other. */
static void on_return(void *ctx, const struct probe_hit *hit)
{
    struct hooks *hs = ctx;
    const uint64_t sp = hooks_stack_pointer(hs, hit->cpu);
    hs->leaving = true;
    for (struct hook_frame *f; (f = find_returned(hs, hit->address, sp)) != NULL;)
        left(f, hit, (struct hook *)f->hook);
    hs->leaving = false;
    if (hs->freed)
        free(hs);
}

struct exits {
    struct hook *h;
    unsigned cpu;
    const struct symbol *hot, *cold;
    void (*found)(struct hook *h, uint64_t address, bool tail);
};

static bool inside(const struct symbol *sym, uint64_t address)
{
    return sym && address - sym->address < sym->size;
}

/* Whether the code there only returns: compilers that guard against speculation jump to such a thunk. */
static bool returns_at_once(const struct hooks *hs, unsigned cpu, uint64_t address)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    enum { RET = 0xc3 };
    uint8_t code[sizeof endbr64 + 1] = {0};
    if (!hs->o.read(hs->o.ctx, cpu, address, code, sizeof code))
        return false;
    return code[memcmp(code, endbr64, sizeof endbr64) ? 0 : sizeof endbr64] == RET;
}

static void exit_site(void *ctx, const struct code_site *site)
{
    const struct exits *x = ctx;
    struct hooks *hs = x->h->set;
    const bool jump = site->kind == CODE_JUMP || site->kind == CODE_BRANCH;
    const bool out = jump && !inside(x->hot, site->target) && !inside(x->cold, site->target);
    const bool tail = site->kind == CODE_JUMP_THROUGH ||
                      (out && (site->kind == CODE_BRANCH || !returns_at_once(hs, x->cpu, site->target)));
    if (tail || site->kind == CODE_RETURN || out)
        x->found(x->h, site->address, tail);
}

static void probe_exit(struct hook *h, uint64_t address, bool tail)
{
    hooks_probe(h->set, PROBE_LINEAR, address, tail ? on_tail_site : on_exit_site, h);
    h->exits_known = true;
}

struct hook *hook_function(struct hooks *hs, unsigned cpu, const struct symbol *function,
                           const struct symbol *cold, hook_enter *enter, hook_leave *leave, void *ctx)
{
    struct hook *h = hook_keep(hs, ctx);
    h->name = function->name;
    h->address = function->address;
    h->enter = enter;
    h->leave = leave;
    hooks_probe(hs, PROBE_LINEAR, function->address, on_enter, h);
    struct exits x = {.h = h, .cpu = cpu, .hot = function, .cold = cold, .found = probe_exit};
    if (leave)
        hooks_sites(hs, cpu, function, cold, exit_site, &x);
    return h;
}

struct hook *hook_address(struct hooks *hs, uint64_t address, hook_enter *enter, hook_leave *leave, void *ctx)
{
    struct hook *h = hook_keep(hs, ctx);
    h->address = address;
    h->enter = enter;
    h->leave = leave;
    h->follows = true;
    hooks_probe(hs, PROBE_LINEAR, address, on_enter, h);
    return h;
}

static void note_exit(struct hook *h, uint64_t address, bool tail)
{
    MEM_MORE(h->exits, h->nexits);
    h->exits[h->nexits++] = (struct hook_exit){.address = address, .tail = tail};
}

static bool same_exits(const struct hook_exit *a, const struct hook_exit *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].address != b[i].address || a[i].tail != b[i].tail)
            return false;
    return true;
}

static void drop_exits(struct hooks *hs, struct hook_exit *exits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        probe_remove(hs->o.probes, hs->probes[exits[i].probe]->id);
    free(exits);
}

static void probe_exits(struct hook *h)
{
    for (size_t i = 0; i < h->nexits; i++) {
        h->exits[i].probe = (unsigned)h->set->nprobes;
        probe_exit(h, h->exits[i].address, h->exits[i].tail);
    }
}

void hook_find_exits(struct hook *h, unsigned cpu, const struct symbol *function)
{
    struct exits x = {.h = h, .cpu = cpu, .hot = function, .found = note_exit};
    struct hook_exit *old = h->exits;
    const size_t n = h->nexits;
    h->exits = NULL;
    h->nexits = 0;
    hooks_sites(h->set, cpu, function, NULL, exit_site, &x);
    if (h->nexits == n && same_exits(h->exits, old, n)) {
        free(h->exits);
        h->exits = old;
        return;
    }
    h->exits_known = false;
    drop_exits(h->set, old, n);
    probe_exits(h);
    probes_apply(h->set->o.probes);
}

void hook_set_exits(struct hook *h, const struct hook_exit *exits, size_t n)
{
    drop_exits(h->set, h->exits, h->nexits);
    h->exits = mem_copy(exits, n * sizeof *exits);
    h->nexits = n;
    h->exits_known = false;
    probe_exits(h);
}

static bool add_return(struct hooks *hs, uint64_t address)
{
    for (size_t i = 0; i < hs->nreturns; i++)
        if (hs->returns[i] == address)
            return false;
    MEM_MORE(hs->returns, hs->nreturns);
    hs->returns[hs->nreturns++] = address;
    hooks_probe(hs, PROBE_LINEAR, address, on_return, hs);
    return true;
}

static void probe_return(struct hooks *hs, uint64_t address)
{
    if (add_return(hs, address))
        probes_apply(hs->o.probes);
}

void hook_resume(struct hook *h, const struct hook_frame *f)
{
    struct hooks *hs = h->set;
    MEM_MORE(hs->frames, hs->nframes);
    hs->frames[hs->nframes] = *f;
    hs->frames[hs->nframes++].hook = h;
    if (f->back)
        add_return(hs, f->back);
}

void hook_follow(struct hook *h, const struct probe_hit *hit)
{
    struct hooks *hs = h->set;
    uint64_t sp = hooks_stack_pointer(hs, hit->cpu), address;
    unsigned n = return_address(hs, hit->cpu, sp, &address);
    struct hook_frame *f = hook_push(h, sp, hit->time);
    if (!h->exits_known && n)
        await_return(f, sp, n, address);
}

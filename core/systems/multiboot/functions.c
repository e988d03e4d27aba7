/* functions.c - the functions of a kernel on its way, by its symbols. See impl.h.
 *
 * Each function is probed until it is entered for the first time. That call is reported if the code that it returns to belongs to a
 * function whose call was reported and has not ended, or, as long as there is none, to anything: that is the assembly at the entry.
 * So nothing has to be known of the kernel's code, and the number of events is limited by that of its functions. What interrupt handlers call
 * first is not reported.
 */
#include <stdlib.h>

#include "core/systems/multiboot/private/impl.h"

/* The most functions that are probed, and that are followed as they are entered; every so many that are not reported, their probes go. */
enum { FUNCTIONS_MAX = 1 << 16, ENTRIES_MAX = 4096, FORGOTTEN = 64 };
enum { STORY_OF_JUMPS = 2 };

/* ---------------------------------------------------------------- where the kernel is linked */

static bool is_code(const struct symbol *s)
{
    return s->type == 't' || s->type == 'T';
}

/* Whether a symbol says that the entry is linked where it is loaded: a function's, or a label at least. */
static bool is_linked_there(const struct symbol_table *t, uint64_t entry, bool label)
{
    struct symbol s;
    for (size_t i = 0; i < symbol_table_count(t); i++) {
        symbol_table_symbol(t, i, &s);
        const bool inside = s.flags & SYMBOL_SIZED && entry - s.address < s.size;
        if (is_code(&s) && (inside || (s.address == entry && (label || s.type == 'T'))))
            return true;
    }
    return false;
}

/* A kernel that turns paging on may be linked for the upper half, and is entered where it is loaded. The upper half begins at a
 * multiple of 256 MiB, and the kernel is loaded below that; its entry has a symbol of its own there. */
static bool is_linked_above(const struct symbol_table *t, uint64_t entry, uint64_t *moved)
{
    const uint64_t upper = ~(uint64_t)0xfffffff;
    struct symbol s;
    for (size_t i = 0; i < symbol_table_count(t); i++) {
        symbol_table_symbol(t, i, &s);
        if (is_code(&s) && s.address & upper && s.address == (s.address & upper) + entry) {
            *moved = s.address - entry;
            return true;
        }
    }
    return false;
}

bool mb_table_has_entry(struct mb_guest *mg, const struct symbol_table *t)
{
    mg->moved = 0;
    return is_linked_there(t, mg->entry, false) || is_linked_above(t, mg->entry, &mg->moved) ||
           is_linked_there(t, mg->entry, true);
}

/* ---------------------------------------------------------------- calls */

static bool contains(const struct mb_guest *mg, const struct symbol *function, uint64_t address)
{
    return address - function->address < function->size ||
           address + mg->moved - function->address < function->size;
}

static uint64_t stack_word(const struct mb_guest *mg, uint64_t sp, unsigned bytes)
{
    uint64_t v = 0;
    mb_read(mg, sp, &v, bytes);
    return v;
}

/* Pointers of the code that runs: a kernel begins with 32 bits and may go on with 64. */
static unsigned pointer_bytes(const struct mb_guest *mg)
{
    return mg->base.o.engine->ops->code_bits(mg->base.o.engine, mg->base.cpu) == 64 ? 8 : 4;
}

static void drop_above(struct mb_guest *mg, unsigned depth)
{
    while (mg->depth > depth)
        if (mg->call[--mg->depth].probe)
            probe_remove(mg->base.o.probes, mg->call[mg->depth].probe);
}

/* The innermost call returns: what was called in it, and has not returned, never will. */
static void on_return(void *ctx, const struct probe_hit *hit)
{
    struct mb_guest *mg = ctx;
    if (!base_here(&mg->base, hit) || hit->cpu != mg->boot_cpu)
        return;
    const uint64_t sp = mb_reg(mg, GUEST_RSP) - pointer_bytes(mg);
    bool any = false;
    for (unsigned i = mg->depth; i-- > 0;) {
        const struct mb_call c = mg->call[i];
        if (c.sp != sp || c.back != hit->address || !c.probe)
            continue;
        drop_above(mg, i);
        GUEST_EMIT(mg, EV_KERNEL_RETURN, c.function.name, MB_PARENT, mb_reg(mg, GUEST_RAX),
                   hit->time - c.time);
        any = true;
    }
    if (any)
        probes_apply(mg->base.o.probes);
}

static void forget_probes(struct mb_function *f)
{
    for (unsigned i = 0; i < 2; i++)
        if (f->probe[i])
            probe_remove(f->mg->base.o.probes, f->probe[i]);
    f->probe[0] = f->probe[1] = 0;
}

/* Whether a function begins there. No call returns to such a place but one that ends its function: assembly pushed the address and jumped. */
static bool is_function_entry(const struct mb_guest *mg, uint64_t address)
{
    struct symbol s;
    return symbols_at(mg->base.o.symbols, SPACE_KERNEL, address, SYMBOLS_NOW, &s, NULL) && is_code(&s) &&
           s.flags & SYMBOL_SIZED && (s.address == address || s.address == address + mg->moved);
}

/* On the way, but not by a call from there: the last instruction of the innermost call, which does not return; or a jump by which it ends, to
 * a stack with another address to return to. Recordings of 1.0.0 do not report them. */
static bool is_left_to(const struct mb_guest *mg, const struct mb_call *top, uint64_t back)
{
    return mg->base.o.story >= STORY_OF_JUMPS &&
           (contains(mg, &top->function, back - 1) || is_function_entry(mg, back));
}

/* Whether a call is on the way: it is made by the innermost one that was reported, or that one goes on as this one by a jump. */
static bool is_on_way(const struct mb_guest *mg, const struct symbol *function, uint64_t sp, uint64_t back)
{
    const struct mb_call *top = mg->depth ? &mg->call[mg->depth - 1] : NULL;
    if (!top)
        return true;
    return mg->depth < MB_DEPTH && (contains(mg, &top->function, back) || is_left_to(mg, top, back) ||
                                    (top->sp == sp && top->back == back && function->flags & SYMBOL_SIZED));
}

/* Each change of the probes takes a time that grows with their number. */
static void give_up(struct mb_guest *mg)
{
    for (size_t i = 0; i < mg->nfunctions; i++)
        forget_probes(&mg->function[i]);
    base_note_once(&mg->base, 0,
                   "this kernel has entered so many functions that the others are not reported");
}

static void on_function(void *ctx, const struct probe_hit *hit)
{
    struct mb_function *f = ctx;
    struct mb_guest *mg = f->mg;
    if (!base_here(&mg->base, hit) || hit->cpu != mg->boot_cpu)
        return;
    mg->base.word = pointer_bytes(mg);
    const uint64_t sp = mb_reg(mg, GUEST_RSP), back = stack_word(mg, sp, mg->base.word);
    forget_probes(f);
    if (++mg->entries == ENTRIES_MAX)
        give_up(mg);
    if (is_on_way(mg, &f->symbol, sp, back)) {
        mg->call[mg->depth++] = (struct mb_call){
            .function = f->symbol,
            .sp = sp,
            .back = back,
            .time = hit->time,
            .probe = back ? probe_add(mg->base.o.probes, PROBE_LINEAR, back, on_return, mg) : 0};
        GUEST_EMIT(mg, EV_KERNEL_CALL, f->symbol.name, MB_PARENT, hit->address);
        probes_apply(mg->base.o.probes);
    } else if (!(mg->entries % FORGOTTEN)) {
        probes_apply(mg->base.o.probes);
    }
}

/* ---------------------------------------------------------------- all functions */

/* Labels within assembly are no functions, nor are the parts of functions that a compiler puts apart. */
static bool is_function(const struct symbol *s)
{
    const bool code = s->type == 'T' || (s->type == 't' && s->flags & SYMBOL_SIZED);
    return code && !strchr(s->name, '.');
}

static void add_function(struct mb_guest *mg, const struct symbol *s)
{
    struct mb_function *f = &mg->function[mg->nfunctions++];
    *f = (struct mb_function){.mg = mg, .symbol = *s};
    f->probe[0] = probe_add(mg->base.o.probes, PROBE_LINEAR, s->address, on_function, f);
    if (mg->moved)
        f->probe[1] = probe_add(mg->base.o.probes, PROBE_LINEAR, s->address - mg->moved, on_function, f);
}

/* Assembly may have several labels there. */
static void report_entry(const struct mb_guest *mg)
{
    struct symbol s, best = {0};
    for (size_t i = 0; i < symbol_table_count(mg->table); i++) {
        symbol_table_symbol(mg->table, i, &s);
        if (s.address == mg->entry + mg->moved && (s.type == 'T' || (s.type == 't' && !best.name)))
            best = s;
    }
    if (best.name)
        GUEST_EMIT(mg, EV_KERNEL_REACHED, best.name, mg->entry);
}

void mb_follow(struct mb_guest *mg)
{
    const size_t n = symbol_table_count(mg->table);
    const uint64_t entry = mg->entry + mg->moved;
    uint64_t last =
        entry; /* the entry is reported already; of several names of a function the first counts */
    report_entry(mg);
    mg->function = mem_alloc(n * sizeof *mg->function);
    for (size_t i = 0; i < n && mg->nfunctions < FUNCTIONS_MAX; i++) {
        struct symbol s;
        symbol_table_symbol(mg->table, i, &s);
        if (!is_function(&s) || s.address == last || s.address == entry)
            continue;
        last = s.address;
        add_function(mg, &s);
    }
    probes_apply(mg->base.o.probes);
}

void mb_functions_free(struct mb_guest *mg)
{
    drop_above(mg, 0);
    for (size_t i = 0; i < mg->nfunctions; i++)
        forget_probes(&mg->function[i]);
    free(mg->function);
    mg->function = NULL;
    mg->nfunctions = 0;
}

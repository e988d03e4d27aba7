/* history.c - see history.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/origin/history.h"
#include "core/origin/private/impl.h"

/* NEAR: steps between two writes of a loop. GAP: steps after which the same function's writes are another part; where functions have no names, NEAR. PRUNE: parts that are
 * kept before those of which nothing is left are looked for. LEVELS: moves that are followed. MOVE: bytes that a move has at least.
 * LINKS: of a chain from the copy to where it read. */
enum { NEAR = 64, GAP = 20000, PRUNE = 4096, LEVELS = 4, MOVE = 8, LINKS = 40 };

struct gathering {
    struct origin *o;
    const struct history_block *b;
    struct history_part *part;
    size_t n;
    size_t *owner; /* of each byte: 1 + the last part that wrote it; 0: none */
    uint64_t pc;   /* of the last write, … */
    uint64_t next; /* … and the byte behind it */
};

static void part_free(struct history_part *p)
{
    free(p->function);
    free(p->caller);
    free(p->who);
    free(p->source);
    free(p->text);
}

void history_free(struct history *h)
{
    for (size_t i = 0; i < h->n; i++)
        part_free(&h->part[i]);
    free(h->part);
    *h = (struct history){0};
}

/* The part of the block that a write covers, as an offset and a number of bytes; 0: none. */
static size_t extent(const struct history_block *b, const struct timeline_hit *hit, size_t *at)
{
    const uint64_t begin = hit->physical > b->physical ? hit->physical : b->physical;
    const uint64_t written = hit->physical + hit->size, end = b->physical + b->size;
    *at = begin - b->physical;
    return begin < end && begin < written ? (written < end ? written : end) - begin : 0;
}

/* ---------------------------------------------------------------- parts */

/* A symbol's name without the offset in it; of a program that has no other symbol, its name alone. */
char *history_function(struct origin *o, symbol_space space, uint64_t pc, uint64_t icount, bool guess)
{
    char text[600], *plus, *module;
    if (!o->symbols)
        return mem_string("");
    symbols_text(o->symbols, space, pc, icount, text, sizeof text - 2);
    if (!strncmp(text, "0x", 2))
        return mem_string("");
    if ((plus = strstr(text, "+0x"))) {
        const char *rest = strchr(plus, ' ');
        memmove(plus, rest ? rest : "", rest ? strlen(rest) + 1 : 1);
    }
    if ((module = strstr(text, " [")) && !strncmp(module + 2, text, (size_t)(module - text)) &&
        module[2 + (module - text)] == ']')
        *module = 0;
    return mem_string(strcat(text, guess ? "?" : ""));
}

symbol_space history_space(struct origin *o, const struct timeline_hit *hit)
{
    struct error ignored;
    struct running run;
    processes_move(o->processes, timeline_trace(o->tl), hit->icount, &ignored);
    const struct running_place place = {.t = timeline_trace(o->tl),
                                        .symbols = o->symbols,
                                        .processes = o->processes,
                                        .icount = hit->icount,
                                        .recorded = hit->icount,
                                        .cpu = hit->cpu,
                                        .pc = hit->pc};
    running_at(&place, &run);
    return run.space;
}

/* The module to which an address belonged last. Firmware's modules have no names any more when boot services have ended, but a loader goes on. */
static const char *module_before(const struct symbols *s, uint64_t pc, uint64_t icount)
{
    const struct symbol_mapping *last = NULL;
    for (size_t i = 0; s && i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        const bool was_there = m->space == SPACE_KERNEL && m->until && m->until <= icount;
        if (was_there && pc - m->begin < m->end - m->begin && (!last || m->until >= last->until))
            last = m;
    }
    return last ? symbol_table_name(last->table) : NULL;
}

static void name_writer(struct gathering *g, const struct timeline_hit *hit, struct history_part *p)
{
    struct origin *o = g->o;
    struct view_frame frame[2];
    if (hit->device) {
        p->function = mem_string("");
        p->caller = mem_string("");
        p->who = mem_string("DMA");
        return;
    }
    const symbol_space space = history_space(o, hit);
    p->function = history_function(o, space, hit->pc, hit->icount, false);
    const bool called =
        o->symbols && view_frames(timeline_look(o->tl), hit->cpu, o->symbols, space, o->orc, frame, 2) == 2;
    p->caller = called ? history_function(o, space, frame[1].pc, hit->icount, frame[1].by == VIEW_FRAME_GUESS)
                       : mem_string("");
    p->who = origin_who(o, hit->cpu);
    if (!strcmp(p->caller, p->function) || !*p->function)
        *p->caller = 0;
    if (!*p->function)
        p->was = module_before(o->symbols, hit->pc, hit->icount);
}

static bool same_writer(const struct history_part *a, const struct history_part *b)
{
    return a->device == b->device && b->icount - a->last <= (*b->function || b->device ? GAP : NEAR) &&
           !strcmp(a->function, b->function) && !strcmp(a->caller, b->caller) && !strcmp(a->who, b->who);
}

/* The part that a write belongs to: the last one, or a new one. */
static struct history_part *part_for(struct gathering *g, const struct timeline_hit *hit, size_t at)
{
    struct history_part *last = g->n ? &g->part[g->n - 1] : NULL;
    const bool goes_on = last && !hit->device && !last->device && hit->pc == g->pc &&
                         hit->icount - last->last <= NEAR && at == g->next;
    if (goes_on)
        return last;
    struct history_part p = {.icount = hit->icount,
                             .last = hit->icount,
                             .time = hit->time,
                             .device = hit->device,
                             .pc = hit->pc,
                             .physical = g->b->physical + at};
    name_writer(g, hit, &p);
    if (last && same_writer(last, &p)) {
        part_free(&p);
        return last;
    }
    MEM_MORE(g->part, g->n);
    g->part[g->n] = p;
    return &g->part[g->n++];
}

/* Drops the parts before the first of which a byte is left. */
static void prune(struct gathering *g)
{
    size_t first = g->n;
    for (size_t i = 0; i < g->b->size; i++)
        if (g->owner[i] && g->owner[i] - 1 < first)
            first = g->owner[i] - 1;
    for (size_t i = 0; i < first; i++)
        part_free(&g->part[i]);
    memmove(g->part, g->part + first, (g->n - first) * sizeof *g->part);
    g->n -= first;
    for (size_t i = 0; i < g->b->size; i++)
        g->owner[i] -= g->owner[i] ? first : 0;
}

static bool take_write(void *ctx, const struct timeline_hit *hit)
{
    struct gathering *g = ctx;
    size_t at;
    const size_t n = extent(g->b, hit, &at);
    if (!n)
        return true;
    if (g->n >= PRUNE)
        prune(g);
    struct history_part *p = part_for(g, hit, at);
    const uint64_t first = g->b->physical + at;
    const uint64_t end = p->physical + p->size > first + n ? p->physical + p->size : first + n;
    p->physical = first < p->physical ? first : p->physical;
    p->size = end - p->physical;
    p->last = hit->icount;
    g->pc = hit->pc;
    g->next = at + n;
    for (size_t i = at; i < at + n; i++) {
        p->bytes += g->owner[i] != g->n;
        g->owner[i] = g->n;
    }
    return true;
}

/* The parts of the block's own memory, those of which something is left and the later ones. */
static int gather(struct gathering *g, uint64_t icount, struct error *err)
{
    const struct timeline_stop stop = {
        .kind = TS_WATCH_WRITE_PHYSICAL, .address = g->b->physical, .length = g->b->size};
    struct timeline_stopped s;
    if (timeline_scan(g->o->tl, &stop, 0, icount, take_write, g, &s, err))
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    prune(g);
    for (size_t i = 0; i < g->b->size; i++)
        if (g->owner[i])
            g->part[g->owner[i] - 1].left++;
    return 0;
}

/* ---------------------------------------------------------------- moves */

/* Where a byte was read, if it was only copied. *source (to be freed) becomes where its chain ends, in words. */
static int read_from(struct origin *o, uint64_t physical, uint64_t icount, bool *memory, uint64_t *from,
                     char **source, struct error *err)
{
    const struct origin_place place = {.memory = true, .linear = physical, .at_physical = true, .length = 1};
    struct origin_chain *c = origin_find(o, &place, icount, &(struct origin_options){.most = LINKS}, err);
    *memory = false;
    if (!c)
        return -1;
    size_t i = 0;
    while (i < c->n && c->link[i].how == ORIGIN_COPIES && c->link[i].follows >= 0 && !*memory) {
        *memory = c->link[i].operand[c->link[i].follows].kind == ORIGIN_MEMORY && i + 1 < c->n;
        i++;
    }
    if (*memory)
        *from = c->link[i].physical;
    else if (i < c->n && c->link[i].how == ORIGIN_ENDS && source)
        *source = mem_string(c->link[i].what);
    origin_chain_free(c);
    return 0;
}

/* Whether a part was copied as a whole, and from where. */
static int find_move(struct origin *o, struct history_part *p, struct error *err)
{
    bool memory, too;
    uint64_t first, last;
    p->source = NULL;
    if (p->device || p->bytes >= MOVE) {
        if (read_from(o, p->physical, p->last + 1, &memory, &first, &p->source, err))
            return -1;
        if (memory && read_from(o, p->physical + p->size - 1, p->last + 1, &too, &last, NULL, err))
            return -1;
        p->moved = memory && too && last - first == p->size - 1;
        p->from = p->moved ? first : 0;
    }
    p->source = p->source ? p->source : mem_string("");
    return 0;
}

int history_copied(struct origin *o, uint64_t physical, uint64_t n, uint64_t icount,
                   struct history_copy *copy, struct error *err)
{
    const struct history_block b = {physical, n};
    struct gathering g = {.o = o, .b = &b, .owner = mem_zero(n, sizeof *g.owner)};
    int rc = gather(&g, icount, err);
    *copy = (struct history_copy){.found = false};
    for (size_t i = g.n; !rc && !copy->found && i-- > 0;) {
        const struct history_part *p = &g.part[i];
        if (p->bytes == n && !(rc = find_move(o, &g.part[i], err)) && p->moved)
            *copy = (struct history_copy){true, p->from, p->icount, p->last};
    }
    for (size_t i = 0; i < g.n; i++)
        part_free(&g.part[i]);
    free(g.part);
    free(g.owner);
    return rc;
}

static void put_in_words(struct history_part *p)
{
    struct text t = {0};
    text_add(&t, "%*s%s %" PRIu64 " byte%s", 2 * (int)p->level, "",
             p->moved     ? "copies"
             : *p->source ? "puts"
                          : "writes",
             p->bytes, p->bytes == 1 ? "" : "s");
    text_add(&t, " %s 0x%" PRIx64, p->bytes == p->size ? "at" : "from", p->physical);
    if (p->bytes != p->size)
        text_add(&t, " to 0x%" PRIx64, p->physical + p->size - 1);
    if (p->moved)
        text_add(&t, " that were at 0x%" PRIx64, p->from);
    if (*p->function)
        text_add(&t, ": %s", p->function);
    else if (!p->device)
        text_add(&t, ": code at 0x%" PRIx64 "%s%s", p->pc, p->was ? " in the memory of " : "",
                 p->was ? p->was : "");
    if (*p->caller)
        text_add(&t, " from %s", p->caller);
    if (*p->who)
        text_add(&t, "%s %s", p->device ? ":" : ",", p->who);
    if (*p->source)
        text_add(&t, "  = %s", p->source);
    if (!p->left)
        text_add(&t, ", later overwritten");
    p->text = t.s;
}

/* ---------------------------------------------------------------- levels */

static void add_part(struct history *h, const struct history_part *p)
{
    MEM_MORE(h->part, h->n);
    h->part[h->n++] = *p;
}

static int add_level(struct origin *o, const struct history_block *b, uint64_t icount, unsigned level,
                     struct history *h, struct error *err);

/* A part, after those that made what it copied. */
static int add_with_source(struct origin *o, struct history_part *p, unsigned level, struct history *h,
                           struct error *err)
{
    p->level = level;
    if (find_move(o, p, err))
        return part_free(p), -1;
    const struct history_block from = {p->from, p->size};
    if (p->moved && level + 1 < LEVELS && add_level(o, &from, p->icount, level + 1, h, err))
        return part_free(p), -1;
    put_in_words(p);
    add_part(h, p);
    return 0;
}

static int add_level(struct origin *o, const struct history_block *b, uint64_t icount, unsigned level,
                     struct history *h, struct error *err)
{
    struct gathering g = {.o = o, .b = b};
    g.owner = mem_zero(b->size, sizeof *g.owner);
    int rc = gather(&g, icount, err);
    for (size_t i = 0; i < g.n; i++)
        if (rc)
            part_free(&g.part[i]);
        else
            rc = add_with_source(o, &g.part[i], level, h, err);
    for (size_t i = 0; !rc && !level && i < b->size; i++)
        h->beginning += !g.owner[i];
    free(g.part);
    free(g.owner);
    return rc;
}

int history_find(struct origin *o, const struct history_block *block, uint64_t icount, struct history *h,
                 struct error *err)
{
    *h = (struct history){0};
    if (!add_level(o, block, icount, 0, h, err))
        return 0;
    history_free(h);
    return -1;
}

/* history_map.c - who took a byte from a memory map, and when: see history.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/origin/history.h"
#include "core/origin/private/impl.h"

/* MORE: entries beyond those that the map has in the end, since a kernel appends some and sorts them in later. */
enum { ENTRY = 20, USABLE = 1, MORE = 32, ENTRIES_MAX = 4096, FRAMES = 4, LEVELS = 4 };

struct taking {
    struct origin *o;
    struct platform_map map;
    uint8_t *bytes; /* the entries */
    uint32_t most;  /* how many are read */
    struct history_taken *taken;
    bool *usable;
    bool *done;   /* found in memory to which the map was moved later */
    uint32_t now; /* how many entries it has */
    size_t n;
};

static bool says_usable(const uint8_t *entries, uint32_t n, uint64_t at)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t begin, size;
        uint32_t type;
        memcpy(&begin, entries + (size_t)i * ENTRY, 8);
        memcpy(&size, entries + (size_t)i * ENTRY + 8, 8);
        memcpy(&type, entries + (size_t)i * ENTRY + 16, 4);
        if (at - begin < size)
            return type == USABLE;
    }
    return false;
}

/* "e820__update_table from trim_bios_range from setup_arch"; of code without names of functions, each module once. */
char *history_callers(struct origin *o, const struct timeline_hit *hit)
{
    struct view_frame frame[FRAMES];
    struct text t = {0};
    const symbol_space space = history_space(o, hit);
    const size_t n =
        o->symbols ? view_frames(timeline_look(o->tl), hit->cpu, o->symbols, space, o->orc, frame, FRAMES)
                   : 0;
    char *last = history_function(o, space, hit->pc, hit->icount, false);
    text_add(&t, "%s", last);
    for (size_t i = 1; i < n && t.n; i++) {
        char *name = history_function(o, space, frame[i].pc, hit->icount, frame[i].by == VIEW_FRAME_GUESS);
        if (strcmp(name, last))
            text_add(&t, "%s%s", *name ? " from " : "", name);
        free(last);
        last = name;
    }
    free(last);
    return t.s ? t.s : mem_string("");
}

static void read_map(struct taking *k)
{
    uint32_t n = 0;
    timeline_peek_physical(k->o->tl, k->map.count, &n, k->map.width);
    k->now = n < k->most ? n : k->most;
    timeline_peek_physical(k->o->tl, k->map.entries, k->bytes, (size_t)k->now * ENTRY);
}

static bool take_change(void *ctx, const struct timeline_hit *hit)
{
    struct taking *k = ctx;
    read_map(k);
    for (size_t i = 0; i < k->n; i++) {
        struct history_taken *t = &k->taken[i];
        const bool was = k->usable[i];
        k->usable[i] = says_usable(k->bytes, k->now, t->at);
        if (!was || k->usable[i] || k->done[i])
            continue;
        free(t->by);
        *t = (struct history_taken){.at = t->at,
                                    .found = true,
                                    .icount = hit->icount,
                                    .time = hit->time,
                                    .by = history_callers(k->o, hit)};
    }
    return true;
}

/* Looks at each write to the map's memory from `since` on. */
static int look_through(struct taking *k, uint64_t since, uint64_t until, struct error *err)
{
    const struct platform_map *map = &k->map;
    struct timeline_stopped s;
    const uint64_t end = map->entries + (uint64_t)k->most * ENTRY;
    const uint64_t begin = map->count < map->entries ? map->count : map->entries;
    const struct timeline_stop stop = {
        .kind = TS_WATCH_WRITE_PHYSICAL, .address = begin, .length = end - begin};
    if (timeline_scan(k->o->tl, &stop, since, until, take_change, k, &s, err))
        return -1;
    return s.reason == TIMELINE_INTERRUPTED ? error_set(err, "interrupted at icount %" PRIu64, s.icount) : 0;
}

/* What the map says at `icount`, of those for which nobody was found yet. *any: it says of one that it is usable. */
static int look_at(struct taking *k, uint64_t icount, bool *any, struct error *err)
{
    struct timeline_stopped s;
    if (timeline_seek(k->o->tl, icount, &s, err))
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    read_map(k);
    *any = false;
    for (size_t i = 0; i < k->n; i++)
        *any |= k->usable[i] = !k->done[i] && says_usable(k->bytes, k->now, k->taken[i].at);
    return 0;
}

/* A kernel moves its maps. So what the map said when it was copied is asked first, then who changed it since; for the rest the map is
 * followed to where it was before. */
static int follow(struct taking *k, const struct platform_map *map, uint64_t until, struct error *err)
{
    struct platform_map here = *map;
    bool moved = true;
    for (unsigned level = 0; moved && level < LEVELS; level++) {
        const uint64_t begin = here.count < here.entries ? here.count : here.entries;
        const uint64_t end = here.entries + (uint64_t)here.n * ENTRY;
        struct history_copy copy;
        bool any = true;
        if (history_copied(k->o, begin, end - begin, until, &copy, err))
            return -1;
        moved = copy.found;
        struct platform_map source = here;
        source.count += copy.from - begin;
        source.entries += copy.from - begin;
        k->map = source;
        if (moved && look_at(k, copy.first, &any, err))
            return -1;
        k->map = here;
        if (any && look_through(k, moved ? copy.last + 1 : 0, until, err))
            return -1;
        for (size_t i = 0; i < k->n; i++)
            k->done[i] = k->taken[i].found;
        here = source;
        until = copy.first;
    }
    return 0;
}

int history_map(struct origin *o, const struct platform_map *map, uint64_t icount,
                struct history_taken *taken, size_t n, struct error *err)
{
    struct taking k = {.o = o, .taken = taken, .n = n};
    k.most = map->n < ENTRIES_MAX ? map->n + MORE : ENTRIES_MAX;
    k.bytes = mem_zero(k.most, ENTRY);
    k.usable = mem_zero(n ? n : 1, sizeof *k.usable);
    k.done = mem_zero(n ? n : 1, sizeof *k.done);
    const int rc = follow(&k, map, icount, err);
    for (size_t i = 0; i < n && !rc; i++)
        taken[i].by = taken[i].by ? taken[i].by : mem_string("");
    if (rc)
        history_taken_free(taken, n);
    free(k.bytes);
    free(k.usable);
    free(k.done);
    return rc;
}

void history_taken_free(struct history_taken *taken, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(taken[i].by);
        taken[i].by = NULL;
    }
}

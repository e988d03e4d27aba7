/* firmware_history.c - see firmware_history.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/firmware_history.h"
#include "core/origin/history.h"

struct histories {
    struct timeline *tl;
    struct origin *origin;
    struct progress *progress;
    struct signals *signals;
};

static bool on_progress(void *ctx, const struct timeline_progress *p)
{
    struct histories *h = ctx;
    progress_update(h->progress, p->icount, 0);
    return true;
}

static void on_signal(void *ctx)
{
    timeline_interrupt(((struct histories *)ctx)->tl);
}

struct histories *histories_new(struct trace *t, const struct engine_kind *kind, const struct symbols *s,
                                bool quiet, struct error *err)
{
    struct histories *h = mem_zero(1, sizeof *h);
    h->tl = timeline_open_unplaced(t, kind, err);
    h->origin = h->tl ? origin_new(h->tl, s, err) : NULL;
    if (!h->origin) {
        histories_free(h);
        return NULL;
    }
    signals_block();
    h->progress = progress_new("searching", quiet);
    timeline_set_progress(h->tl, on_progress, h);
    h->signals = signals_start(on_signal, h);
    return h;
}

void histories_free(struct histories *h)
{
    if (!h)
        return;
    if (h->signals)
        signals_stop(h->signals);
    if (h->progress)
        progress_end(h->progress);
    origin_free(h->origin);
    timeline_close(h->tl);
    free(h);
}

static int find(struct histories *h, const struct platform_block *b, uint64_t icount, struct history *found,
                struct error *err)
{
    const struct history_block block = {b->physical, b->size};
    if (history_find(h->origin, &block, icount, found, err))
        return -1;
    if (!timeline_lost(h->tl, err))
        return 0;
    history_free(found);
    return -1;
}

/* Where in the block a part begins, as far as it was copied there: each level's bytes were copied by a later part of the level above. */
static uint64_t offset_of(const struct history *found, size_t i, const struct platform_block *b)
{
    const struct history_part *p = &found->part[i];
    for (size_t k = i + 1; p->level && k < found->n; k++)
        if (found->part[k].level == p->level - 1 && found->part[k].moved)
            return offset_of(found, k, b) + p->physical - found->part[k].from;
    return p->physical - b->physical;
}

static bool is_checksum(const struct history *found, size_t i, const struct platform_block *b)
{
    return b->checksum && found->part[i].size == 1 && offset_of(found, i, b) == b->checksum;
}

static void print_block(const struct platform_block *b, const struct history *found)
{
    char time[NUMBER_TEXT];
    out_print(stdout, "%s, 0x%" PRIx64 " to 0x%" PRIx64 "\n", b->name, b->physical,
              b->physical + b->size - 1);
    if (found->beginning)
        out_print(stdout, "  %" PRIu64 " bytes are as they were at position 0\n", found->beginning);
    for (size_t i = 0; i < found->n; i++)
        out_print(stdout, "  %15" PRIu64 " %15s  %s%s\n", found->part[i].icount,
                  number_exact(time, found->part[i].time), found->part[i].text,
                  is_checksum(found, i, b) ? "  (its checksum)" : "");
}

/* Who took what the rows say was taken, in their order; the caller frees it with history_taken_free() and free(). NULL with err. Each map
 * is searched once. */
static struct history_taken *find_takers(struct histories *h, const struct platform_rows *rows,
                                         uint64_t icount, struct error *err)
{
    struct history_taken *taken = mem_zero(rows->ntaken + 1, sizeof *taken);
    for (size_t i = 0, end; i < rows->ntaken; i = end) {
        const struct platform_map *map = &rows->taken[i].map;
        for (end = i; end < rows->ntaken && rows->taken[end].map.entries == map->entries; end++)
            taken[end].at = rows->taken[end].begin;
        if (map->entries && history_map(h->origin, map, icount, taken + i, end - i, err)) {
            history_taken_free(taken, i);
            free(taken);
            return NULL;
        }
    }
    return taken;
}

static int print_taken(struct histories *h, const struct platform_rows *rows, uint64_t icount,
                       struct error *err)
{
    char time[NUMBER_TEXT];
    struct history_taken *taken = find_takers(h, rows, icount, err);
    if (!taken)
        return -1;
    for (size_t i = 0; i < rows->ntaken; i++)
        if (taken[i].found)
            out_print(stdout, "\n0x%" PRIx64 " was taken from map \"%s\"\n  %15" PRIu64 " %15s  %s\n",
                      rows->taken[i].begin, rows->taken[i].to, taken[i].icount,
                      number_exact(time, taken[i].time), taken[i].by);
    history_taken_free(taken, rows->ntaken);
    free(taken);
    return 0;
}

int histories_print(struct histories *h, const struct platform_rows *rows, uint64_t icount, struct error *err)
{
    struct history found;
    if (print_taken(h, rows, icount, err))
        return -1;
    for (size_t i = 0; i < rows->nblocks; i++) {
        if (find(h, &rows->block[i], icount, &found, err))
            return -1;
        out_char(stdout, '\n');
        print_block(&rows->block[i], &found);
        history_free(&found);
    }
    return 0;
}

static void json_part(yajl_gen g, const struct history_part *p)
{
    yajl_gen_map_open(g);
    json_number(g, "icount", p->icount);
    json_number(g, "last", p->last);
    json_number(g, "time", p->time);
    json_number(g, "level", p->level);
    json_number(g, "physical", p->physical);
    json_number(g, "size", p->size);
    json_number(g, "bytes", p->bytes);
    json_number(g, "left", p->left);
    if (p->moved)
        json_number(g, "from", p->from);
    json_text(g, "function", p->function);
    json_text(g, "caller", p->caller);
    if (p->was)
        json_text(g, "was", p->was);
    json_text(g, "who", p->who);
    json_text(g, "source", p->source);
    yajl_gen_map_close(g);
}

static int json_taken(struct histories *h, const struct platform_rows *rows, uint64_t icount, yajl_gen g,
                      struct error *err)
{
    struct history_taken *taken = find_takers(h, rows, icount, err);
    if (!taken)
        return -1;
    json_array(g, "takers");
    for (size_t i = 0; i < rows->ntaken; i++) {
        if (!taken[i].found)
            continue;
        yajl_gen_map_open(g);
        json_text(g, "map", rows->taken[i].to);
        json_number(g, "begin", rows->taken[i].begin);
        json_number(g, "icount", taken[i].icount);
        json_number(g, "time", taken[i].time);
        json_text(g, "by", taken[i].by);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    history_taken_free(taken, rows->ntaken);
    free(taken);
    return 0;
}

int histories_json(struct histories *h, const struct platform_rows *rows, uint64_t icount, yajl_gen g,
                   struct error *err)
{
    struct history found;
    if (json_taken(h, rows, icount, g, err))
        return -1;
    json_array(g, "history");
    for (size_t i = 0; i < rows->nblocks; i++) {
        if (find(h, &rows->block[i], icount, &found, err))
            return -1;
        yajl_gen_map_open(g);
        json_text(g, "name", rows->block[i].name);
        json_number(g, "physical", rows->block[i].physical);
        json_number(g, "size", rows->block[i].size);
        json_number(g, "beginning", found.beginning);
        json_array(g, "writers");
        for (size_t k = 0; k < found.n; k++)
            json_part(g, &found.part[k]);
        yajl_gen_array_close(g);
        yajl_gen_map_close(g);
        history_free(&found);
    }
    yajl_gen_array_close(g);
    return 0;
}

/* ---------------------------------------------------------------- registers */

static int find_mtrrs(struct histories *h, uint64_t icount, struct history_mtrr list[PLATFORM_MTRRS],
                      struct error *err)
{
    if (history_mtrrs(h->origin, icount, list, err))
        return -1;
    if (!timeline_lost(h->tl, err))
        return 0;
    history_mtrrs_free(list);
    return -1;
}

int histories_print_mtrrs(struct histories *h, uint64_t icount, struct error *err)
{
    struct history_mtrr list[PLATFORM_MTRRS];
    char name[32], time[NUMBER_TEXT];
    bool any = false;
    if (find_mtrrs(h, icount, list, err))
        return -1;
    for (size_t i = 0; i < PLATFORM_MTRRS; i++) {
        if (!list[i].found)
            continue;
        const unsigned msr = platform_mtrr_name(i, name, sizeof name);
        if (!any)
            out_char(stdout, '\n');
        out_print(stdout, "  %15" PRIu64 " %15s  %s (0x%x): 0x%" PRIx64 ", before 0x%" PRIx64 "%s%s\n",
                  list[i].icount, number_exact(time, list[i].time), name, msr, list[i].value, list[i].before,
                  *list[i].by ? ", by " : "", list[i].by);
        any = true;
    }
    if (!any)
        out_print(stdout, "  all registers are as they were at position 0\n");
    history_mtrrs_free(list);
    return 0;
}

int histories_json_mtrrs(struct histories *h, uint64_t icount, yajl_gen g, struct error *err)
{
    struct history_mtrr list[PLATFORM_MTRRS];
    char name[32];
    if (find_mtrrs(h, icount, list, err))
        return -1;
    json_array(g, "history");
    for (size_t i = 0; i < PLATFORM_MTRRS; i++) {
        yajl_gen_map_open(g);
        const unsigned msr = platform_mtrr_name(i, name, sizeof name);
        json_text(g, "name", name);
        json_number(g, "msr", msr);
        json_number(g, "value", list[i].value);
        if (list[i].found) {
            json_number(g, "before", list[i].before);
            json_number(g, "icount", list[i].icount);
            json_number(g, "time", list[i].time);
            json_text(g, "by", list[i].by);
        }
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    history_mtrrs_free(list);
    return 0;
}

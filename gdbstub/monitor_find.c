/* monitor_find.c - `monitor find`: every execution, write or read, as a list; gdb stays where it is. */
#include <inttypes.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "gdbstub/impl.h"

enum { SHOWN = 100, SHOWN_JSON = 100000 };

static const struct {
    const char *name;
    enum timeline_stop_kind kind;
} kinds[] = {{"exec", TS_BREAK_LINEAR}, {"write", TS_WATCH_WRITE}, {"read", TS_WATCH_READ}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static bool find_kind(const char *word, enum timeline_stop_kind *kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (!strcmp(word, kinds[i].name)) {
            *kind = kinds[i].kind;
            return true;
        }
    return false;
}

bool monitor_take_find(struct gdbstub *g, const char **args, struct timeline_stop *stop, struct text *out)
{
    char word[20];
    *stop = (struct timeline_stop){.length = 1};
    monitor_next_word(args, word, sizeof word);
    if (find_kind(word, &stop->kind) && monitor_take_address(g, args, &stop->address, out) &&
        (!**args || monitor_take_address(g, args, &stop->length, out)) && !**args)
        return true;
    if (!out->n)
        text_add(
            out,
            "error: find: give exec, write or read, a linear address or a symbol, and a number of bytes\n");
    return false;
}

struct listed_hits {
    struct gdbstub *g;
    struct text *out;
    enum timeline_stop_kind kind;
    uint64_t count;
    struct yajl_gen_t *gen; /* NULL: lines of text */
};

static void add_bytes(struct text *out, const uint8_t *bytes, unsigned n)
{
    bool number = n == 1 || n == 2 || n == 4 || n == 8;
    text_add(out, "%s", !n ? "?" : number ? "0x" : "");
    for (unsigned i = 0; i < n; i++)
        text_add(out, "%s%02x", i && !number ? " " : "", bytes[number ? n - 1 - i : i]);
}

static const char *hit_place(struct gdbstub *g, const struct timeline_hit *hit, char name[300])
{
    struct running r;
    if (!stub_running(g, hit->cpu, &r) ||
        symbols_text(stub_symbols(g), r.space, hit->pc, hit->icount, name, 300) <= 0)
        snprintf(name, 300, "0x%" PRIx64, hit->pc);
    return name;
}

static void add_member(yajl_gen gen, const char *key, const uint8_t *bytes, unsigned n)
{
    struct text value = {0};
    add_bytes(&value, bytes, n);
    json_text(gen, key, value.s);
    free(value.s);
}

static void json_hit(struct listed_hits *f, const struct timeline_hit *hit)
{
    char name[300];
    yajl_gen gen = (yajl_gen)f->gen;
    yajl_gen_map_open(gen);
    json_number(gen, "icount", hit->icount);
    json_number(gen, "time", hit->time);
    json_number(gen, "cpu", hit->cpu);
    json_number(gen, "pc", hit->pc);
    json_text(gen, "place", hit_place(f->g, hit, name));
    if (f->kind == TS_WATCH_WRITE)
        add_member(gen, "before", hit->before, hit->nbefore);
    if (f->kind != TS_BREAK_LINEAR)
        add_member(gen, "after", hit->after, hit->nafter);
    yajl_gen_map_close(gen);
}

static bool on_hit(void *ctx, const struct timeline_hit *hit)
{
    struct listed_hits *f = ctx;
    char name[300], time[NUMBER_TEXT];
    if (f->gen) {
        json_hit(f, hit);
        return ++f->count < SHOWN_JSON;
    }
    if (f->count++ == SHOWN)
        return false;
    text_add(f->out, "%15" PRIu64 " %16s  ", hit->icount, number_time(time, hit->time));
    text_add(f->out, "%s", hit_place(f->g, hit, name));
    if (f->kind == TS_WATCH_WRITE) {
        text_add(f->out, "  ");
        add_bytes(f->out, hit->before, hit->nbefore);
        text_add(f->out, " -> ");
    }
    if (f->kind != TS_BREAK_LINEAR) {
        text_add(f->out, f->kind == TS_WATCH_READ ? "  " : "");
        add_bytes(f->out, hit->after, hit->nafter);
    }
    text_add(f->out, "\n");
    return true;
}

int monitor_find_hits(struct gdbstub *g, const struct timeline_stop *stop, struct text *out,
                      struct yajl_gen_t *gen, struct error *err)
{
    struct listed_hits f = {.g = g, .out = out, .kind = stop->kind, .gen = gen};
    struct timeline_stopped s, back;
    struct timeline_where w;
    timeline_where(g->tl, &w);
    int rc = timeline_scan(g->tl, stop, 0, w.last, on_hit, &f, &s, err);
    struct error other;
    if (!w.diverted && timeline_seek(g->tl, w.icount, &back, &other) && !rc)
        return *err = other, -1;
    if (rc)
        return -1;
    if (gen)
        return s.reason == TIMELINE_INTERRUPTED ? error_set(err, "interrupted") : 0;
    if (s.reason == TIMELINE_INTERRUPTED)
        text_add(out, "interrupted at icount %" PRIu64 "\n", s.icount);
    else if (f.count > SHOWN)
        text_add(out, "… more: bootreel find lists all of them\n");
    else if (!f.count)
        text_add(out, "none in the whole record\n");
    return 0;
}

void monitor_find(struct gdbstub *g, const char *args, struct text *out)
{
    struct timeline_stop stop;
    struct error err;
    if (!monitor_take_find(g, &args, &stop, out))
        return;
    if (monitor_find_hits(g, &stop, out, NULL, &err))
        text_add(out, "error: %s\n", err.text);
    stop_here(g);
}

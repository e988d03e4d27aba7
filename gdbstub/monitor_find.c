/* monitor_find.c - `monitor find`: every execution, write or read, as a list; gdb stays where it is. */
#include <inttypes.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "gdbstub/impl.h"

enum { SHOWN = 100 };

static const struct {
    const char *name;
    enum timeline_stop_kind kind;
} kinds[] = {{"exec", TS_BREAK_LINEAR}, {"write", TS_WATCH_WRITE}, {"read", TS_WATCH_READ}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

bool monitor_find_kind(const char *word, enum timeline_stop_kind *kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (!strcmp(word, kinds[i].name)) {
            *kind = kinds[i].kind;
            return true;
        }
    return false;
}

struct listed_hits {
    struct gdbstub *g;
    struct text *out;
    enum timeline_stop_kind kind;
    uint64_t count;
};

static void add_bytes(struct text *out, const uint8_t *bytes, unsigned n)
{
    bool number = n == 1 || n == 2 || n == 4 || n == 8;
    text_add(out, "%s", !n ? "?" : number ? "0x" : "");
    for (unsigned i = 0; i < n; i++)
        text_add(out, "%s%02x", i && !number ? " " : "", bytes[number ? n - 1 - i : i]);
}

static bool on_hit(void *ctx, const struct timeline_hit *hit)
{
    struct listed_hits *f = ctx;
    struct running r;
    char name[300], time[NUMBER_TEXT];
    if (f->count++ == SHOWN)
        return false;
    text_add(f->out, "%15" PRIu64 " %16s  ", hit->icount, number_time(time, hit->time));
    if (stub_running(f->g, hit->cpu, &r) &&
        symbols_text(stub_symbols(f->g), r.space, hit->pc, hit->icount, name, sizeof name) > 0)
        text_add(f->out, "%s", name);
    else
        text_add(f->out, "0x%" PRIx64, hit->pc);
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
                      struct error *err)
{
    struct listed_hits f = {.g = g, .out = out, .kind = stop->kind};
    struct timeline_stopped s, back;
    struct timeline_where w;
    timeline_where(g->tl, &w);
    int rc = timeline_scan(g->tl, stop, 0, w.last, on_hit, &f, &s, err);
    struct error other;
    if (!w.diverted && timeline_seek(g->tl, w.icount, &back, &other) && !rc)
        return *err = other, -1;
    if (rc)
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        text_add(out, "interrupted at icount %" PRIu64 "\n", s.icount);
    else if (f.count > SHOWN)
        text_add(out, "… more: bootreel find lists all of them\n");
    else if (!f.count)
        text_add(out, "none in the whole record\n");
    return 0;
}

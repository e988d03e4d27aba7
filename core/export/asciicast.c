/* asciicast.c - what the guest's console prints, as asciinema plays it: a header and then [time, "o", text] a line
 * (asciicast version 2). The bytes are the guest's, with the guest time at which it wrote them. */
#include <string.h>

#include "base/json.h"
#include "base/numbers.h"
#include "base/utf8.h"
#include "core/export/private/impl.h"

enum { COLUMNS = 80, ROWS = 24, HELD = 65536 };

struct cast {
    const struct export_options *o;
    FILE *out;
    yajl_gen json;
    const struct engine *e;
    char held[HELD]; /* printed at `time`, and not written yet */
    size_t n;
    uint64_t time;
};

/* Bytes at the end that may be the beginning of a character: at most three. */
static size_t unfinished(const char *text, size_t n)
{
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        uint8_t b = (uint8_t)text[n - k];
        if ((b & 0xc0) == 0x80)
            continue;
        size_t length = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1;
        return length > k ? k : 0;
    }
    return 0;
}

static void flush(struct cast *c, bool all)
{
    size_t keep = all ? 0 : unfinished(c->held, c->n), n = c->n - keep;
    if (n) {
        char seconds[NUMBER_TEXT];
        number_seconds(seconds, c->time);
        yajl_gen_array_open(c->json);
        yajl_gen_number(c->json, seconds, strlen(seconds));
        json_element(c->json, "o");
        json_element_n(c->json, c->held, n);
        yajl_gen_array_close(c->json);
        json_end(c->json, c->out);
    }
    memmove(c->held, c->held + n, keep);
    c->n = keep;
}

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct cast *c = ctx;
    uint64_t now = c->e->ops->time(c->e);
    const char *p = data;
    if ((int)device != c->o->console)
        return;
    /* Bytes of one microsecond, which is the format's usual precision, are one line. */
    if (now / 1000 != c->time / 1000) {
        flush(c, false);
        c->time = now;
    }
    for (size_t i = 0; i < n; i++) {
        if (c->n == HELD)
            flush(c, false);
        c->held[c->n++] = p[i];
    }
}

static void no_event(void *ctx, const struct event *ev) {}

static int run(struct cast *c, struct error *err)
{
    const struct export_options *o = c->o;
    const struct observer observer = {.ctx = c, .event = no_event, .console = on_console};
    if (o->from && replay_seek(o->replay, o->from, err))
        return -1;
    replay_observe(o->replay, 0, &observer);
    replay_progress(o->replay, o->progress, o->ctx);
    int rc = replay_reach(o->replay, o->to, err);
    replay_observe(o->replay, 0, NULL);
    return rc;
}

int export_asciicast(const struct export_options *o, FILE *out, struct error *err)
{
    struct cast *c = mem_zero(1, sizeof *c);
    c->o = o;
    c->out = out;
    c->e = replay_engine(o->replay);
    c->json = json_new(false);
    yajl_gen_map_open(c->json);
    json_number(c->json, "version", 2);
    json_number(c->json, "width", COLUMNS);
    json_number(c->json, "height", ROWS);
    json_text(c->json, "title", o->title);
    yajl_gen_map_close(c->json);
    json_end(c->json, out);
    int rc = run(c, err);
    flush(c, true);
    yajl_gen_free(c->json);
    free(c);
    return rc;
}

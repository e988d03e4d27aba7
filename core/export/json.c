/* json.c - all events as JSON, an object a line. */
#include <yajl/yajl_gen.h>

#include "core/export/private/impl.h"
#include "core/ground/out.h"

static int put_event(FILE *out, yajl_gen g, const struct event *ev, uint64_t number, struct error *err)
{
    const unsigned char *text;
    size_t n;
    if (event_json(ev, number, g))
        return error_set(err, "event #%llu cannot be written as JSON", (unsigned long long)number);
    yajl_gen_get_buf(g, &text, &n);
    out_bytes(out, text, n);
    out_char(out, '\n');
    yajl_gen_clear(g);
    yajl_gen_reset(g, NULL);
    return 0;
}

int export_json(const struct export_options *o, FILE *out, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(o->trace, EVENT_CLASSES_ALL);
    yajl_gen g = yajl_gen_alloc(NULL);
    struct event ev;
    uint64_t number;
    int rc = trace_cursor_seek_icount(c, o->from, err);
    while (!rc && (rc = trace_cursor_next(c, &ev, &number, err)) == 1 && ev.icount <= o->to && !ferror(out))
        rc = put_event(out, g, &ev, number, err);
    yajl_gen_free(g);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

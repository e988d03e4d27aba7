/* json.c - all events as JSON, an object a line. */
#include "base/json.h"
#include "base/out.h"
#include "core/export/private/impl.h"

static int put_event(FILE *out, yajl_gen g, const struct event *ev, uint64_t number, struct event_count times,
                     struct error *err)
{
    if (event_json(ev, number, times, g))
        return error_set(err, "event #%llu cannot be written as JSON", (unsigned long long)number);
    json_end(g, out);
    return 0;
}

int export_json(const struct export_options *o, FILE *out, struct error *err)
{
    struct times *times = times_of_trace(o->trace, err);
    if (!times)
        return -1;
    struct trace_cursor *c = trace_cursor_open(o->trace, EVENT_CLASSES_ALL);
    yajl_gen g = json_new(false);
    struct event ev;
    uint64_t number;
    int rc = trace_cursor_seek_icount(c, o->from, err);
    while (!rc && (rc = trace_cursor_next(c, &ev, &number, err)) == 1 && ev.icount <= o->to && !ferror(out))
        rc = put_event(out, g, &ev, number, times_count(times, &ev, number), err);
    yajl_gen_free(g);
    times_free(times);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

/* event_json.c - an event as a JSON object. */
#include <inttypes.h>
#include <yajl/yajl_gen.h>

#include "base/utf8.h"
#include "traces/bytes.h"
#include "traces/trace.h"

static bool json_text(yajl_gen g, const char *s)
{
    return yajl_gen_string(g, (const unsigned char *)s, strlen(s)) == yajl_gen_status_ok;
}

/* An unsigned 64-bit number: yajl_gen_integer's are signed. */
static bool json_number(yajl_gen g, const char *name, uint64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v);
    return json_text(g, name) && yajl_gen_number(g, digits, (size_t)n) == yajl_gen_status_ok;
}

static bool json_string(yajl_gen g, const char *name, const char *value)
{
    return json_text(g, name) && json_text(g, value);
}

static bool json_field(yajl_gen g, const struct event_field *f, uint64_t v)
{
    char text[24];
    if (event_field_none(f->type, v))
        return json_text(g, f->name) && yajl_gen_null(g) == yajl_gen_status_ok;
    switch (f->type) {
    case EFT_NUMBER:
    case EFT_DEC:
    case EFT_GROUPED:
    case EFT_CHAR:
        return json_number(g, f->name, v);
    case EFT_SIGNED:
        snprintf(text, sizeof text, "%" PRId64, (int64_t)v);
        return json_text(g, f->name) && yajl_gen_number(g, text, strlen(text)) == yajl_gen_status_ok;
    case EFT_BOOL:
        return json_text(g, f->name) && yajl_gen_bool(g, v != 0) == yajl_gen_status_ok;
    case EFT_MEMORY:
    case EFT_HEX:
        snprintf(text, sizeof text, "0x%" PRIx64, v);
        return json_string(g, f->name, text);
    }
    return false;
}

static bool is_utf8(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = utf8_length(p + i, n - i);
        if (!len)
            return false;
        i += len;
    }
    return true;
}

static bool json_data(yajl_gen g, const struct event *ev)
{
    const uint8_t *p = ev->data;
    if (is_utf8(p, ev->len))
        return json_text(g, "data") &&
               yajl_gen_string(g, ev->len ? p : (const uint8_t *)"", ev->len) == yajl_gen_status_ok;
    char *hex = mem_alloc(2 * (size_t)ev->len + 1);
    for (uint32_t i = 0; i < ev->len; i++)
        snprintf(hex + 2 * i, 3, "%02x", p[i]);
    bool ok = json_string(g, "data_hex", hex);
    free(hex);
    return ok;
}

static bool json_flag(yajl_gen g, const char *name)
{
    return json_text(g, name) && yajl_gen_bool(g, 1) == yajl_gen_status_ok;
}

static bool json_words(yajl_gen g, const struct event *ev)
{
    char fixed[512];
    int n = event_text(ev, fixed, sizeof fixed);
    if ((size_t)n < sizeof fixed)
        return json_string(g, "text", fixed);
    char *text = mem_alloc((size_t)n + 1);
    event_text(ev, text, (size_t)n + 1);
    bool ok = json_string(g, "text", text);
    free(text);
    return ok;
}

int event_json(const struct event *ev, uint64_t number, struct event_count times, struct yajl_gen_t *gen)
{
    return event_json_explained(ev, number, times, NULL, NULL, NULL, gen);
}

int event_json_explained(const struct event *ev, uint64_t number, struct event_count times,
                         const char *explain, const char *manual, const char *source, struct yajl_gen_t *gen)
{
    const struct event_kind *k = event_kind(ev->kind);
    if (!k || yajl_gen_map_open(gen) != yajl_gen_status_ok)
        return -1;
    bool ok = number == UINT64_MAX || json_number(gen, "number", number);
    ok = ok && json_number(gen, "icount", ev->icount) && json_number(gen, "time", ev->time) &&
         json_number(gen, "cpu", ev->cpu) && (!ev->guest || json_number(gen, "guest", ev->guest)) &&
         json_string(gen, "kind", k->name) && json_string(gen, "class", event_class_name(k->cls)) &&
         json_number(gen, "times", times.n) && (!times.estimated || json_flag(gen, "estimated"));
    ok = ok && json_text(gen, "fields") && yajl_gen_map_open(gen) == yajl_gen_status_ok;
    for (unsigned i = 0; ok && i < k->nfields; i++)
        ok = json_field(gen, &k->field[i], event_number(ev, i));
    ok = ok && yajl_gen_map_close(gen) == yajl_gen_status_ok;
    ok = ok && (!k->has_data || json_data(gen, ev)) && json_words(gen, ev);
    ok = ok && (!explain || json_string(gen, "explain", explain)) &&
         (!manual || json_string(gen, "manual", manual)) && (!source || json_string(gen, "section", source));
    return ok && yajl_gen_map_close(gen) == yajl_gen_status_ok ? 0 : -1;
}

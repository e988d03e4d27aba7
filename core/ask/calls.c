/* calls.c - the functions of the language. See private/eval.h. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/out.h"
#include "core/ask/private/eval.h"

enum { TEXT_USUAL = 64, TEXT_MOST = 65536, FRAMES = 127, ARGUMENTS = 32 };

static struct ask_value nothing(void)
{
    return (struct ask_value){.kind = V_NONE};
}

static struct ask_value value(struct ask_eval *e, const struct ask_node *n, size_t i)
{
    return ask_value_of(e, n->list[i]);
}

/* Where an argument is in memory: a pointer's value, or a record's place. */
static bool place(struct ask_eval *e, const struct ask_node *n, uint64_t *address)
{
    const struct ask_value v = value(e, n, 0);
    *address = v.n;
    if (v.kind == V_NUMBER || v.kind == V_RECORD || v.kind == V_NONE)
        return !e->failed;
    ask_fail(e, n->list[0], "%s() wants an address", n->text);
    return false;
}

/* ---------------------------------------------------------------- output */

/* The beginning of a line, if positions are wanted. */
static void put_position(struct ask_eval *e, struct text *t)
{
    if (e->positions && !e->print.json && e->now->icount != UINT64_MAX)
        text_add(t, "%llu: ", (unsigned long long)e->now->icount);
}

static struct ask_value call_printf(struct ask_eval *e, const struct ask_node *n)
{
    struct text t = {0};
    put_position(e, &t);
    ask_format(e, n, &t);
    if (!e->failed && t.n)
        ask_print_text(&e->print, "printf", t.s, t.n);
    free(t.s);
    return nothing();
}

static struct ask_value call_print(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_node *what = n->list[0];
    if (what->kind == N_MAP && !what->n) {
        ask_print_map(&e->print, &e->maps[what->slot], n->n > 1 ? n->list[1]->number : 0,
                      n->n > 2 ? n->list[2]->number : 1);
        return nothing();
    }
    if (what->kind == N_MAP) {
        const struct ask_cell *c = ask_cell_of(e, what, false);
        if (c)
            ask_print_cell(&e->print, &e->maps[what->slot], c);
        return nothing();
    }
    const struct ask_value v = value(e, n, 0);
    struct text t = {0};
    put_position(e, &t);
    if (t.n)
        ask_print_text(&e->print, "printf", t.s, t.n);
    free(t.s);
    if (!e->failed)
        ask_print_value(&e->print, &v);
    return nothing();
}

static struct ask_value call_clear(struct ask_eval *e, const struct ask_node *n)
{
    ask_map_clear(&e->maps[n->list[0]->slot]);
    return nothing();
}

static struct ask_value call_zero(struct ask_eval *e, const struct ask_node *n)
{
    ask_map_zero(&e->maps[n->list[0]->slot]);
    return nothing();
}

/* The keys that a value is: of several, a tuple. NULL with an error if it cannot be that. */
static const struct ask_value *keys_of(struct ask_eval *e, const struct ask_node *n, const struct ask_map *m,
                                       struct ask_value *key)
{
    *key = ask_as_key(value(e, n, 1));
    if (key->kind == V_TUPLE && m->nkeys == key->length)
        return key->item;
    if (m->nkeys == 1)
        return key;
    ask_fail(e, n, "%s has %zu keys: give a tuple of them", m->info->name, m->nkeys);
    return NULL;
}

/* delete(@map[keys]), delete(@map), delete(@map, key). */
static struct ask_value call_delete(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_map *m = &e->maps[n->list[0]->slot];
    struct ask_value key;
    if (n->n == 2) {
        const struct ask_value *keys = keys_of(e, n, m, &key);
        if (keys && !e->failed)
            ask_map_delete(m, keys);
        return nothing();
    }
    if (!n->list[0]->n && m->nkeys) { /* the map as a whole */
        ask_map_clear(m);
        return nothing();
    }
    struct ask_cell *c = ask_cell_of(e, n->list[0], false);
    if (c)
        ask_map_delete(m, c->key);
    return nothing();
}

static struct ask_value call_has_key(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_map *m = &e->maps[n->list[0]->slot];
    struct ask_value key;
    const struct ask_value *keys = m->nkeys ? keys_of(e, n, m, &key) : NULL;
    return ask_number(keys && !e->failed && ask_map_cell(m, keys, false), true);
}

/* Of a map: its keys; of a stack: its frames, a line each. */
static struct ask_value call_len(struct ask_eval *e, const struct ask_node *n)
{
    if (n->list[0]->kind == N_MAP) {
        const struct ask_map *m = &e->maps[n->list[0]->slot];
        return ask_number(m->n - m->ngone, true);
    }
    const struct ask_value v = value(e, n, 0);
    uint64_t frames = 0;
    for (size_t i = 0; v.kind == V_TEXT && i < v.length; i++)
        frames += v.s[i] != '\n' && (!i || v.s[i - 1] == '\n');
    return ask_number(frames, true);
}

/* A time of the guest's clock by a format of strftime(3); %f: microseconds. */
static void put_time(struct ask_eval *e, const char *format, uint64_t ns, struct text *t)
{
    const time_t seconds = (time_t)(e->start + ns / 1000000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char own[512], buf[1024];
    size_t n = 0;
    for (const char *s = format; *s && n + 8 < sizeof own; s++) {
        if (s[0] == '%' && s[1] == 'f') {
            n += (size_t)snprintf(own + n, sizeof own - n, "%06u", (unsigned)(ns % 1000000000 / 1000));
            s++;
        } else {
            own[n++] = *s;
            if (s[0] == '%' && s[1])
                own[n++] = *++s;
        }
    }
    own[n] = 0;
    if (n && strftime(buf, sizeof buf, own, &tm))
        text_escape(t, ESCAPE_LINES, buf, strlen(buf));
}

static struct ask_value call_time(struct ask_eval *e, const struct ask_node *n)
{
    struct text t = {0};
    put_time(e, n->n ? n->list[0]->text : "%H:%M:%S\n", e->now->time, &t);
    if (t.n)
        ask_print_text(&e->print, "time", t.s, t.n);
    free(t.s);
    return nothing();
}

static struct ask_value call_strftime(struct ask_eval *e, const struct ask_node *n)
{
    struct text t = {0};
    const struct ask_value v = value(e, n, 1);
    put_time(e, n->list[0]->text, v.kind == V_NUMBER ? v.n : 0, &t);
    return ask_take_text(e, &t);
}

static struct ask_value call_exit(struct ask_eval *e, const struct ask_node *n)
{
    e->exits = true;
    e->leaving = N_RETURN;
    return nothing();
}

/* Reads a text in memory, at most `most` bytes. */
static size_t read_text(struct ask_eval *e, uint64_t address, char *buf, size_t most)
{
    const size_t n = address ? e->world->read(e->ctx, address, buf, most) : 0;
    return strnlen(buf, n);
}

/* join(argv, " "): an array of pointers to texts. */
static struct ask_value call_join(struct ask_eval *e, const struct ask_node *n)
{
    uint64_t at, word;
    struct text t = {0};
    char buf[1024];
    if (!place(e, n, &at))
        return nothing();
    struct ask_value between =
        n->n > 1 ? value(e, n, 1) : (struct ask_value){.kind = V_TEXT, .s = " ", .length = 1};
    for (unsigned i = 0; i < ARGUMENTS && e->world->read(e->ctx, at + 8 * i, &word, 8) == 8 && word; i++) {
        text_add(&t, "%.*s", i && between.kind == V_TEXT ? (int)between.length : 0,
                 between.s ? between.s : "");
        text_escape(&t, ESCAPE_LINES, buf, read_text(e, word, buf, sizeof buf));
    }
    text_add(&t, "\n");
    ask_print_text(&e->print, "join", t.s, t.n);
    free(t.s);
    return nothing();
}

static struct ask_value call_emit(struct ask_eval *e, const struct ask_node *n)
{
    const char *names[64] = {"icount", "time"};
    struct ask_value values[64] = {ask_number(e->now->icount, false), ask_number(e->now->time, false)};
    for (size_t i = 0; i < n->n; i++) {
        names[i + 2] = n->list[i]->text;
        values[i + 2] = ask_value_of(e, n->list[i]->a);
    }
    if (!e->failed)
        ask_print_row(&e->print, names, values, n->n + 2);
    return nothing();
}

/* ---------------------------------------------------------------- memory */

/* How many bytes an optional argument says. */
static size_t wanted(struct ask_eval *e, const struct ask_node *n, size_t usual)
{
    if (n->n < 2)
        return usual;
    const struct ask_value v = value(e, n, 1);
    return v.kind != V_NUMBER || (v.is_signed && (int64_t)v.n < 0) ? 0
           : v.n < TEXT_MOST                                       ? (size_t)v.n
                                                                   : TEXT_MOST;
}

static struct ask_value call_str(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = value(e, n, 0);
    const size_t most = wanted(e, n, TEXT_USUAL);
    if (v.kind == V_TEXT) {
        const size_t length = v.length < most || n->n < 2 ? v.length : most;
        return ask_text_value(e, v.s, length);
    }
    if (v.kind == V_TUPLE || v.kind == V_BYTES)
        return ask_fail(e, n->list[0], "str() wants an address or a text");
    char *buf = ask_room(e, most + 1);
    return (struct ask_value){.kind = V_TEXT, .s = buf, .length = read_text(e, v.n, buf, most)};
}

static struct ask_value call_buf(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = value(e, n, 0);
    struct ask_value b = {.kind = V_BYTES};
    if (v.kind == V_TEXT) {
        b.length = wanted(e, n, v.length);
        b.length = b.length < v.length ? b.length : v.length;
        b.s = v.s;
        return b;
    }
    const size_t usual = v.kind == V_RECORD && v.type->is.size < TEXT_MOST ? (size_t)v.type->is.size : 0,
                 most = wanted(e, n, usual);
    if (n->n < 2 && v.kind != V_RECORD)
        return ask_fail(e, n, "buf() of an address wants a length");
    char *bytes = ask_room(e, most + 1);
    b.length = e->world->read(e->ctx, v.n, bytes, most);
    b.s = bytes;
    return b;
}

/* ntop(address), ntop(family, address): a number is an IPv4 address; otherwise it is in memory, of 4 or 16 bytes. */
static struct ask_value call_ntop(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = value(e, n, n->n - 1),
                           family = n->n > 1 ? value(e, n, 0) : ask_number(0, true);
    char text[INET6_ADDRSTRLEN] = "", bytes[16] = {0};
    if (v.kind == V_BYTES || v.kind == V_TEXT)
        memcpy(bytes, v.s, v.length < sizeof bytes ? v.length : sizeof bytes);
    else if (v.kind == V_RECORD)
        e->world->read(e->ctx, v.n, bytes,
                       v.type->is.size < sizeof bytes ? (size_t)v.type->is.size : sizeof bytes);
    else
        memcpy(bytes, &v.n, 4);
    const bool six =
        n->n > 1 ? family.n == AF_INET6
                 : (v.kind == V_RECORD && v.type->is.size == 16) || (v.kind == V_BYTES && v.length == 16);
    inet_ntop(six ? AF_INET6 : AF_INET, bytes, text, sizeof text);
    return ask_text_value(e, text, strlen(text));
}

static struct ask_value call_macaddr(struct ask_eval *e, const struct ask_node *n)
{
    uint64_t at;
    uint8_t b[6] = {0};
    char text[20];
    if (!place(e, n, &at))
        return nothing();
    e->world->read(e->ctx, at, b, sizeof b);
    snprintf(text, sizeof text, "%02X:%02X:%02X:%02X:%02X:%02X", b[0], b[1], b[2], b[3], b[4], b[5]);
    return ask_text_value(e, text, strlen(text));
}

/* ---------------------------------------------------------------- symbols */

static struct ask_value call_symbol(struct ask_eval *e, const struct ask_node *n)
{
    uint64_t at;
    struct text t = {0};
    if (!place(e, n, &at))
        return nothing();
    e->world->symbol(e->ctx, at, n->id == F_USYM, false, &t);
    return ask_take_text(e, &t);
}

static struct ask_value call_address(struct ask_eval *e, const struct ask_node *n)
{
    uint64_t at;
    if (e->world->address_of(e->ctx, n->list[0]->text, n->id == F_UADDR, &at))
        return ask_number(at, false);
    return ask_fail(e, n->list[0], "no symbol \"%s\" here: bootreel symbols TRACE NAME searches for it",
                    n->list[0]->text);
}

/* A variable of a processor: Linux, include/linux/percpu-defs.h. */
static struct ask_value call_percpu(struct ask_eval *e, const struct ask_node *n)
{
    uint64_t at, offsets, offset = 0;
    const struct ask_value cpu = n->n > 1 ? value(e, n, 1) : ask_number(e->now->cpu, false);
    if (e->failed || cpu.kind != V_NUMBER)
        return ask_fail(e, n, "percpu_kaddr() wants a name and the number of a processor");
    if (!e->world->address_of(e->ctx, n->list[0]->text, false, &at))
        return ask_fail(e, n->list[0], "no symbol \"%s\" here: bootreel symbols TRACE NAME searches for it",
                        n->list[0]->text);
    if (!e->world->address_of(e->ctx, "__per_cpu_offset", false, &offsets) ||
        e->world->read(e->ctx, offsets + 8 * cpu.n, &offset, 8) != 8)
        return ask_fail(e, n, "percpu_kaddr(): this kernel's table of processors is not known");
    return ask_number(at + offset, false);
}

static struct ask_value call_reg(struct ask_eval *e, const struct ask_node *n)
{
    uint64_t v;
    if (e->world->reg(e->ctx, n->list[0]->text, &v))
        return ask_number(v, false);
    return ask_fail(e, n->list[0], "the processor has no register \"%s\"", n->list[0]->text);
}

static struct ask_value call_stack(struct ask_eval *e, const struct ask_node *n)
{
    const char *mode = "bpftrace";
    uint64_t most = FRAMES;
    struct text t = {0};
    for (size_t i = 0; i < n->n; i++) {
        if (n->list[i]->kind == N_INTEGER)
            most = n->list[i]->number < FRAMES ? n->list[i]->number : FRAMES;
        else
            mode = n->list[i]->text;
    }
    e->world->stack(e->ctx, n->id == F_USTACK, (unsigned)most, mode, &t);
    return ask_take_text(e, &t);
}

/* ---------------------------------------------------------------- others */

static struct ask_value call_strncmp(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value a = value(e, n, 0), b = value(e, n, 1);
    const struct ask_value most = value(e, n, 2);
    if (e->failed || a.kind != V_TEXT || b.kind != V_TEXT)
        return ask_fail(e, n, "strncmp() compares two texts");
    a.length = a.length < most.n ? a.length : (size_t)most.n;
    b.length = b.length < most.n ? b.length : (size_t)most.n;
    return ask_number((uint64_t)(int64_t)ask_compare(&a, &b), true);
}

static struct ask_value call_strcontains(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value a = value(e, n, 0), b = value(e, n, 1);
    if (e->failed || a.kind != V_TEXT || b.kind != V_TEXT)
        return ask_fail(e, n, "strcontains() searches a text for another");
    return ask_number(memmem(a.s, a.length, b.s, b.length) != NULL, true);
}

static struct ask_value call_same(struct ask_eval *e, const struct ask_node *n)
{
    return value(e, n, 0);
}

static struct ask_value call_bswap(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value v = value(e, n, 0);
    const uint64_t size = n->list[0]->kind == N_CAST ? n->list[0]->type.size : 8;
    return ask_number(size == 2   ? __builtin_bswap16((uint16_t)v.n)
                      : size == 4 ? __builtin_bswap32((uint32_t)v.n)
                                  : __builtin_bswap64(v.n),
                      false);
}

static struct ask_value call_at(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_value v = ask_number(0, true);
    struct error err;
    if (!e->world->at)
        return ask_fail(e, n, "at() is not possible here");
    if (e->world->at(e->ctx, n->list[0]->text, n->list[1], &v, &err))
        return ask_fail(e, n->list[0], "%.250s", err.text);
    return v;
}

static struct ask_value (*const functions[F_FUNCTIONS])(struct ask_eval *e, const struct ask_node *n) = {
    [F_PRINTF] = call_printf,
    [F_PRINT] = call_print,
    [F_CLEAR] = call_clear,
    [F_ZERO] = call_zero,
    [F_DELETE] = call_delete,
    [F_TIME] = call_time,
    [F_EXIT] = call_exit,
    [F_JOIN] = call_join,
    [F_STR] = call_str,
    [F_BUF] = call_buf,
    [F_KSYM] = call_symbol,
    [F_USYM] = call_symbol,
    [F_KADDR] = call_address,
    [F_UADDR] = call_address,
    [F_NTOP] = call_ntop,
    [F_STRFTIME] = call_strftime,
    [F_REG] = call_reg,
    [F_KSTACK] = call_stack,
    [F_USTACK] = call_stack,
    [F_STRNCMP] = call_strncmp,
    [F_KPTR] = call_same,
    [F_UPTR] = call_same,
    [F_BSWAP] = call_bswap,
    [F_MACADDR] = call_macaddr,
    [F_AT] = call_at,
    [F_EMIT] = call_emit,
    [F_HAS_KEY] = call_has_key,
    [F_LEN] = call_len,
    [F_STRCONTAINS] = call_strcontains,
    [F_PERCPU_KADDR] = call_percpu,
};

struct ask_value ask_call(struct ask_eval *e, const struct ask_node *n)
{
    return functions[n->id] ? functions[n->id](e, n) : ask_fail(e, n, "%s() is assigned to a map", n->text);
}

/* trace_outline_count.c - how often each port, page of memory, vector … is used in a stage. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "core/compare/private/trace_outline_impl.h"
#include "core/story/fold.h"

enum { NAME_MAX = 240, TEXT_SHOWN = 100, DEEPEST = 4 };

/* What one of the last events was. */
struct seen {
    uint32_t item;         /* for which it counts, or OUTLINE_NONE … */
    uint64_t each;         /* … and how often */
    uint32_t period, more; /* a repetition: of how many events, and how many more */
    uint64_t times;        /* 0: not a repetition */
    uint64_t base;         /* number of the event after those that it repeats */
};

struct counter {
    struct outline *o;
    struct hash_index items;         /* by what is counted together: 64 bits of hash are taken for it */
    struct seen seen[2 * FOLD_BOOT]; /* by event number */
    uint32_t called;                 /* the item of the last hypercall, or of what was last done for a domain;
                                      * or OUTLINE_NONE */
    uint64_t first_again;            /* of several fold.again in a row */
    uint64_t last_again;
};

bool outline_counts(unsigned kind)
{
    switch (kind) {
    case EV_RESET_VECTOR:
    case EV_CPU_RING3:
    case EV_SYSCALL_EXIT:
    case EV_HYPERCALL_AGAIN: /* counter_other */
    case EV_DOMAIN_CREATE:
    case EV_VCPU_CREATE:
    case EV_DOMAIN_START:
    case EV_DOMAIN_END:
        return false;
    case EV_SERVICE:
    case EV_SERVICE_AGAIN:
    case EV_FW_CFG:
    case EV_MODULE_SECTION:
    case EV_NET_OUT:
    case EV_NET_IN:
    case EV_DEVICE_UEVENT:
    case EV_PROBE_ENTER:
    case EV_PROBE_ARGUMENTS:
        return true;
    default:
        break;
    }
    const uint32_t counted = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_EXCEPTION) |
                             EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) |
                             EVENT_CLASS_BIT(EC_DISK) | EVENT_CLASS_BIT(EC_SYSCALL) |
                             EVENT_CLASS_BIT(EC_HYPERCALL) | EVENT_CLASS_BIT(EC_UNHANDLED);
    return counted & EVENT_CLASS_BIT(event_kind(kind)->cls);
}

struct counter *counter_new(struct outline *o)
{
    struct counter *c = mem_zero(1, sizeof *c);
    c->o = o;
    c->called = OUTLINE_NONE;
    c->last_again = UINT64_MAX;
    return c;
}

void counter_free(struct counter *c)
{
    if (!c)
        return;
    hash_index_clear(&c->items);
    free(c);
}

/* ---------------------------------------------------------------- what is counted together */

/* The number that a key field counts under: memory by pages, exceptions by vector, disk accesses whatever
 * their place. */
static bool counted_under(const struct event_kind *k, unsigned i, uint64_t *v)
{
    if (!k->field[i].key)
        return false;
    if (k->cls == EC_MMIO) {
        *v >>= 12;
        return i == 0;
    }
    if (k->cls == EC_EXCEPTION) /* the error codes of page faults depend on where memory is */
        return i == 0;
    return k->cls != EC_DISK || (strcmp(k->field[i].name, "lba") && strcmp(k->field[i].name, "count"));
}

/* Whether a hypervisor does it for a domain; its lines on a console are only counted. */
static bool is_call(unsigned kind)
{
    return event_kind(kind)->cls == EC_HYPERCALL && kind != EV_DOMAIN_CONSOLE;
}

/* Whether the event's text says more than its keys. */
static bool text_counts(const struct event *ev)
{
    return ev->kind == EV_UNHANDLED || ev->kind == EV_MODULE_SECTION || ev->kind == EV_PROBE_ENTER ||
           is_call(ev->kind);
}

/* Length of a text up to the last `mark` in it. */
static size_t before_last(const char *text, size_t n, const char *mark)
{
    size_t len = strlen(mark);
    for (size_t at = n; at-- > 1;)
        if (at + len <= n && !memcmp(text + at, mark, len))
            return at;
    return n;
}

/* Length of the text that names a hypercall, or what is done for a domain: "memory_op(memory_map", "in port
 * CFCh"; without who asks for it, and how much. */
static size_t call_text(const struct event *ev)
{
    const char *text = ev->data;
    bool call = ev->kind == EV_HYPERCALL;
    size_t n = before_last(text, ev->len, call ? " by " : " in ");
    const char *open = call ? memchr(text, '(', n) : NULL;
    if (!open)
        return n;
    size_t name = (size_t)(open - text), end = name + 1;
    if (end < n && text[end] >= '0' && text[end] <= '9')
        return name;
    while (end < n && text[end] != ',' && text[end] != ')')
        end++;
    return end > name + 1 ? end : name;
}

/* Length of the text that is worth showing: a system call's name, a disk command, without arguments. */
static size_t shown_text(const struct event *ev)
{
    enum event_class cls = event_kind(ev->kind)->cls;
    if (cls == EC_SYSCALL && ev->len) {
        const char *end = memchr(ev->data, '(', ev->len);
        return end ? (size_t)(end - (const char *)ev->data) : ev->len;
    }
    if (is_call(ev->kind) && ev->len)
        return call_text(ev);
    return cls == EC_DISK || cls == EC_CPU || ev->kind == EV_FW_CFG || text_counts(ev) ? ev->len : 0;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0xbf58476d1ce4e5b9u;
    return h ^ h >> 29;
}

static uint64_t hash_of(const struct event *ev, uint32_t in)
{
    const struct event_kind *k = event_kind(ev->kind);
    uint64_t h = mix(mix(mix(0x9e3779b97f4a7c15u, in), ev->kind), ev->guest);
    for (unsigned i = 0; i < k->nfields; i++) {
        uint64_t v = event_number(ev, i);
        if (counted_under(k, i, &v))
            h = mix(h, v);
    }
    for (size_t i = 0, n = text_counts(ev) ? shown_text(ev) : 0; i < n; i++)
        h = mix(h, ((const uint8_t *)ev->data)[i]);
    return h;
}

/* A call's arguments end where call_text ended it. */
static void name_call(const struct event *ev, size_t n, char name[NAME_MAX])
{
    const char *open = ev->kind == EV_HYPERCALL ? memchr(ev->data, '(', n) : NULL;
    const struct event_kind *k = event_kind(ev->kind);
    size_t len = 0;
    for (unsigned i = 0; i < k->nfields; i++)
        if (!strcmp(k->field[i].name, "domain"))
            len = (size_t)snprintf(name, NAME_MAX, "domain %" PRIu64 ": ", event_number(ev, i));
    snprintf(name + len, NAME_MAX - len, "%.*s%s", (int)(n < TEXT_SHOWN ? n : TEXT_SHOWN),
             (const char *)ev->data, open ? ")" : "");
}

static void name_of(const struct event *ev, char name[NAME_MAX])
{
    const struct event_kind *k = event_kind(ev->kind);
    size_t n = shown_text(ev);
    n = (size_t)snprintf(name, NAME_MAX, "%.*s", (int)(n < TEXT_SHOWN ? n : TEXT_SHOWN),
                         n ? (const char *)ev->data : "");
    if (k->cls == EC_MMIO) {
        snprintf(name, NAME_MAX, "%#" PRIx64 "-%#" PRIx64, event_number(ev, 0) & ~(uint64_t)0xfff,
                 event_number(ev, 0) | 0xfff);
        return;
    }
    if (n && (k->cls == EC_CPU || k->cls == EC_SYSCALL))
        return;
    if (n && is_call(ev->kind)) {
        name_call(ev, n, name);
        return;
    }
    for (unsigned i = 0; i < k->nfields && n < NAME_MAX - 60; i++) {
        uint64_t v = event_number(ev, i);
        if (counted_under(k, i, &v))
            n += (size_t)snprintf(name + n, NAME_MAX - n,
                                  event_field_hex(k->field[i].type) ? "%s%s %#" PRIx64 : "%s%s %" PRIu64,
                                  n ? ", " : "", k->field[i].name, v);
    }
}

/* ---------------------------------------------------------------- the table */

static uint32_t add_count(struct counter *c, const struct event *ev, uint64_t number, uint32_t in)
{
    char name[NAME_MAX];
    struct outline_field guest = {"guest", ev->guest, EFT_DEC, true};
    name_of(ev, name);
    return outline_add(c->o,
                       &(struct outline_item){.type = OUTLINE_COUNT,
                                              .lane = OUTLINE_UNORDERED,
                                              .kind = event_kind(ev->kind)->name,
                                              .text = name,
                                              .parent = in,
                                              .within = in,
                                              .begin = ev->icount,
                                              .end = ev->icount,
                                              .time = ev->time,
                                              .event = number},
                       &guest, ev->guest > 0);
}

void counter_event(struct counter *c, const struct event *ev, uint64_t number, uint32_t in)
{
    const uint64_t hash = hash_of(ev, in);
    struct hash_search s = hash_search(&c->items, hash);
    if (!hash_found(&c->items, &s)) {
        s.number = add_count(c, ev, number, in);
        hash_index_add(&c->items, hash, s.number);
    }
    outline_edit(c->o, s.number)->count++;
    if (is_call(ev->kind))
        c->called = s.number;
    c->seen[number % (2 * FOLD_BOOT)] = (struct seen){.item = s.number, .each = 1};
}

/* ---------------------------------------------------------------- repetitions */

/* Counts `n` events from number `from` on `times` times more. */
static void count_again(struct counter *c, uint64_t from, uint64_t n, uint64_t times, unsigned depth)
{
    for (uint64_t k = from; k < from + n; k++) {
        const struct seen *s = &c->seen[k % (2 * FOLD_BOOT)];
        if (s->times && depth < DEEPEST) {
            count_again(c, s->base - s->period, s->period, times * s->times, depth + 1);
            count_again(c, s->base - s->period, s->more, times, depth + 1);
        } else if (s->item != OUTLINE_NONE && !s->times) {
            outline_edit(c->o, s->item)->count += times * s->each;
        }
    }
}

void counter_other(struct counter *c, const struct event *ev, uint64_t number)
{
    struct seen *s = &c->seen[number % (2 * FOLD_BOOT)];
    *s = (struct seen){.item = OUTLINE_NONE};
    if (ev->kind == EV_HYPERCALL_AGAIN && c->called != OUTLINE_NONE) {
        *s = (struct seen){.item = c->called, .each = EVF(ev, HYPERCALL_AGAIN, count)};
        outline_edit(c->o, c->called)->count += s->each;
    }
    if (ev->kind != EV_AGAIN)
        return;
    bool continues = EVF(ev, AGAIN, continues) && c->last_again + 1 == number;
    if (!continues)
        c->first_again = number;
    c->last_again = number;
    uint64_t period = EVF(ev, AGAIN, period), more = EVF(ev, AGAIN, more);
    if (period > FOLD_BOOT || period > c->first_again || more > period)
        return; /* not by this program */
    s->period = (uint32_t)period;
    s->more = (uint32_t)more;
    s->times = EVF(ev, AGAIN, count);
    s->base = c->first_again;
    count_again(c, s->base - period, period, s->times, 0);
    count_again(c, s->base - period, more, 1, 0);
}

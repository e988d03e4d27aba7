/* crash.c - see crash.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "core/run/crash.h"
#include "core/run/private/hang.h"
#include "core/run/private/lost.h"
#include "core/run/private/unattended.h"

#define SECOND     1000000000ull
#define QUIET      SECOND        /* a panic's text is complete when nothing was printed for so long */
#define STAYS      (60 * SECOND) /* a kernel that has not reset the machine by then will not */
#define IDLE_SLOT  (SECOND / 10)
#define IDLE_SLOTS 50u /* of IDLE_SLOT: five seconds */
#define IDLE_STEPS (IDLE_SLOT / 100)

/* Classes in which a boot that repeats the one before it has nothing new. Interrupts come at other places,
 * and polling takes other numbers of accesses; so it matters what happened, not in which order and how
 * often. */
#define BOOT_CLASSES                                                                                         \
    (EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_EXCEPTION) | EVENT_CLASS_BIT(EC_PIO) |                     \
     EVENT_CLASS_BIT(EC_MMIO) | EVENT_CLASS_BIT(EC_DISK) | EVENT_CLASS_BIT(EC_FIRMWARE) |                    \
     EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_CONSOLE) | EVENT_CLASS_BIT(EC_POWER) |                  \
     EVENT_CLASS_BIT(EC_UNHANDLED) | EVENT_CLASS_BIT(EC_HOST))

static const char *const words[CRASH_KINDS] = {[CRASH_PANIC] = "panic",
                                               [CRASH_RESET_LOOP] = "reset-loop",
                                               [CRASH_TRIPLE_FAULT] = "triple-fault",
                                               [CRASH_HANG] = "hang",
                                               [CRASH_IDLE] = "idle"};

const char *crash_word(enum crash c)
{
    return words[c];
}

enum crash crash_by_word(const char *word)
{
    for (unsigned c = 1; c < CRASH_KINDS; c++)
        if (!strcmp(words[c], word))
            return c;
    return strcmp(word, CRASH_PANIC_RESET) ? CRASH_NONE : CRASH_PANIC;
}

int crash_parse(const char *list, uint32_t *mask, struct error *err)
{
    char word[40];
    for (const char *p = list;; p++) {
        size_t n = strcspn(p, ",");
        snprintf(word, sizeof word, "%.*s", n < sizeof word ? (int)n : 0, p);
        enum crash c = crash_by_word(word);
        if (!c || strlen(words[c]) != n)
            return error_set(err, "\"%.*s\" is none of panic, reset-loop, triple-fault, hang, idle",
                             n < 40 ? (int)n : 40, p);
        *mask |= CRASH_BIT(c);
        p += n;
        if (!*p)
            return 0;
    }
}

/* ---------------------------------------------------------------- what a boot did */

/* A set of hashes. */
struct set {
    uint64_t *hash;
    size_t n;
    struct hash_index index; /* in `hash` */
};

static bool set_has(const struct set *s, uint64_t hash)
{
    struct hash_search at = hash_search(&s->index, hash);
    return hash_found(&s->index, &at);
}

static void set_add(struct set *s, uint64_t hash)
{
    if (set_has(s, hash))
        return;
    MEM_MORE(s->hash, s->n);
    hash_index_add(&s->index, hash, s->n);
    s->hash[s->n++] = hash;
}

static bool set_within(const struct set *s, const struct set *of)
{
    for (size_t i = 0; i < s->n; i++)
        if (!set_has(of, s->hash[i]))
            return false;
    return true;
}

static void set_clear(struct set *s)
{
    free(s->hash);
    hash_index_clear(&s->index);
    *s = (struct set){0};
}

/* Whether a word is what mkstemp(3) puts for XXXXXX: six letters and digits at random. */
static bool is_random(const char *word, size_t n)
{
    enum { RANDOM = 6 };
    bool upper = false, lower = false;
    for (size_t i = 0; i < n; i++) {
        upper |= i && isupper((unsigned char)word[i]);
        lower |= islower((unsigned char)word[i]) != 0;
    }
    return n == RANDOM && upper && lower;
}

/* The hash of a text without its numbers: times, addresses and counts differ from boot to boot, as random names do. */
static uint64_t hash_text(const char *p, size_t n, uint64_t seed)
{
    char plain[EVENT_MAX_DATA];
    size_t len = 0;
    for (size_t i = 0; i < n && len < sizeof plain;) {
        size_t word = 0;
        bool number = false;
        while (i + word < n && isalnum((unsigned char)p[i + word])) {
            number |= isdigit((unsigned char)p[i + word]) != 0;
            word++;
        }
        number |= is_random(p + i, word);
        size_t take = word ? word : 1;
        if (number)
            plain[len++] = '0';
        for (size_t k = 0; !number && k < take && len < sizeof plain; k++)
            plain[len++] = p[i + k];
        i += take;
    }
    return XXH3_64bits_withSeed(plain, len, seed);
}

/* Calls of the Linux host say little of what its guest does, and name processes by numbers that grow: which calls there are counts, and
 * which part of a file (a disk) is read or written. */
static uint64_t hash_call(const struct event *ev)
{
    const uint64_t number = EVF(ev, HOST_CALL, number);
    const uint64_t hash = XXH3_64bits_withSeed(&number, sizeof number, ev->kind + 1);
    const char *text = ev->data, *length = NULL, *offset = NULL;
    if (ev->len < 7 || (memcmp(text, "pread64", 7) && memcmp(text, "pwrite64", 7)))
        return hash;
    for (size_t i = 0; i < ev->len; i++)
        if (text[i] == ',') {
            length = offset;
            offset = text + i;
        }
    return length ? XXH3_64bits_withSeed(length, (size_t)(text + ev->len - length), hash) : hash;
}

/* The hash of what happened: the kind and its keys. */
static uint64_t hash_event(const struct event *ev)
{
    const struct event_kind *k = event_kind(ev->kind);
    uint64_t hash = ev->kind + 1;
    if (k->cls == EC_HOST)
        return ev->kind == EV_HOST_CALL ? hash_call(ev) : hash;
    for (unsigned i = 0; i < k->nfields; i++)
        if (k->field[i].key) {
            const uint64_t value = event_number(ev, i);
            hash = XXH3_64bits_withSeed(&value, sizeof value, hash);
        }
    return ev->len ? hash_text(ev->data, ev->len, hash) : hash;
}

/* ---------------------------------------------------------------- the watch */

struct crash_watch {
    uint32_t stop_on;
    bool keep_going;
    struct set now, before; /* what happened since the last reset, and between the last two */
    uint64_t reset_by;      /* hash of how the boot before ended; 0: there is none to compare with */
    uint64_t resets;
    struct event fault; /* the last triple fault */
    bool faulted;       /* … caused the reset */
    bool typed;         /* since the last reset */
    /* The last panic. */
    struct set panics;   /* of the run */
    bool panicked;       /* since the last reset */
    bool panic_ends;     /* the recording ends when its text is complete */
    bool again;          /* there was one like it before */
    uint64_t panic_time; /* guest time */
    uint64_t printed;    /* guest time of the last line of the console, or of the panic */
    char panic[300];
    struct hang hang;
    struct lost lost;
    /* Idle: slots of guest time in which little happened. */
    uint64_t slot_end, slot_steps;
    unsigned slots;
    bool busy;
    struct unattended unattended;
    bool over; /* the recording ends here: the engine is to stop */
    enum crash result;
    char text[400];
};

static bool wants(const struct crash_watch *w, enum crash c)
{
    return w->stop_on & CRASH_BIT(c);
}

struct crash_watch *crash_watch_new(uint32_t stop_on, bool keep_going)
{
    struct crash_watch *w = mem_zero(1, sizeof *w);
    w->stop_on = stop_on;
    w->keep_going = keep_going;
    w->slot_end = IDLE_SLOT;
    return w;
}

void crash_watch_unattended(struct crash_watch *w)
{
    w->unattended.on = true;
}

void crash_watch_attended(struct crash_watch *w)
{
    w->unattended.on = false;
}

void crash_watch_free(struct crash_watch *w)
{
    if (!w)
        return;
    set_clear(&w->now);
    set_clear(&w->before);
    set_clear(&w->panics);
    free(w);
}

static bool compares_boots(const struct crash_watch *w)
{
    return !w->keep_going || wants(w, CRASH_RESET_LOOP);
}

static bool looks_for_hangs(const struct crash_watch *w)
{
    return !w->keep_going || wants(w, CRASH_HANG);
}

uint32_t crash_watch_classes(const struct crash_watch *w)
{
    uint32_t few = EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_CONSOLE) | EVENT_CLASS_BIT(EC_DISK);
    return (compares_boots(w) ? BOOT_CLASSES : few) |
           (looks_for_hangs(w)
                ? EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_EXCEPTION)
                : 0);
}

void crash_watch_event(struct crash_watch *w, const struct event *ev)
{
    const enum event_class cls = event_kind(ev->kind)->cls;
    switch (cls) {
    case EC_IRQ:
        hang_interrupted(&w->hang);
        break;
    case EC_CONSOLE:
        w->printed = ev->time;
        w->busy = true;
        break;
    case EC_DISK:
        w->busy = true;
        break;
    default:
        break;
    }
    unattended_event(&w->unattended, ev);
    if (looks_for_hangs(w))
        lost_event(&w->lost, ev);
    if (ev->kind == EV_TRIPLE_FAULT) {
        w->fault = *ev;
        w->faulted = true;
    }
    if (compares_boots(w) && EVENT_CLASS_BIT(cls) & BOOT_CLASSES)
        set_add(&w->now, hash_event(ev));
}

static void panics(struct crash_watch *w, const struct event *ev)
{
    uint64_t hash = hash_text(ev->data, ev->len, ev->guest);
    w->again = set_has(&w->panics, hash);
    set_add(&w->panics, hash);
    w->panicked = true;
    w->panic_time = w->printed = ev->time;
    w->panic_ends |= wants(w, CRASH_PANIC) || (w->again && !w->keep_going);
    snprintf(w->panic, sizeof w->panic, "%.*s", (int)ev->len, (const char *)ev->data);
}

void crash_watch_expects(struct crash_watch *w)
{
    w->unattended.busy = true;
}

void crash_watch_console(struct crash_watch *w)
{
    w->unattended.busy = true;
}

void crash_watch_input(struct crash_watch *w)
{
    w->typed = w->busy = w->unattended.busy = true;
}

/* When a panic ends the recording; UINT64_MAX: not yet. */
static uint64_t panic_over(const struct crash_watch *w)
{
    if (!w->panicked)
        return UINT64_MAX;
    if (w->panic_ends)
        return w->printed + QUIET;
    return w->keep_going || w->typed ? UINT64_MAX : w->panic_time + STAYS;
}

static void limit_time(struct run_limit *l, uint64_t now, uint64_t until)
{
    if (until == UINT64_MAX || until <= now)
        return;
    l->until = l->until && l->until < until ? l->until : until;
    l->time = until < l->time ? until : l->time;
}

void crash_watch_limit(const struct crash_watch *w, uint64_t icount, uint64_t time, struct run_limit *limit)
{
    const uint64_t look = looks_for_hangs(w) ? hang_limit(&w->hang, icount) : UINT64_MAX,
                   lost = looks_for_hangs(w) ? lost_limit(&w->lost, icount) : UINT64_MAX,
                   loop = unattended_limit_icount(&w->unattended, icount);
    limit->icount = look < limit->icount ? look : limit->icount;
    limit->icount = lost < limit->icount ? lost : limit->icount;
    limit->icount = loop < limit->icount ? loop : limit->icount;
    limit->stop_on_reset = true;
    limit_time(limit, time, panic_over(w));
    if (wants(w, CRASH_IDLE))
        limit_time(limit, time, w->slot_end);
    limit_time(limit, time, unattended_limit(&w->unattended));
}

__attribute__((format(printf, 3, 4))) static bool end_with(struct crash_watch *w, enum crash c,
                                                           const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->text, sizeof w->text, fmt, ap);
    va_end(ap);
    w->result = c;
    return true;
}

static bool end_with_panic(struct crash_watch *w)
{
    return end_with(w, CRASH_PANIC, "kernel panic: %s%s", w->panic, w->again ? " (again)" : "");
}

/* A new boot begins. */
static void boots(struct crash_watch *w, uint64_t by)
{
    set_clear(&w->before);
    w->before = w->typed ? (struct set){0} : w->now;
    if (w->typed)
        set_clear(&w->now);
    w->now = (struct set){0};
    w->reset_by = w->typed ? 0 : by;
    w->resets++;
    w->lost = (struct lost){0};
    w->typed = w->panicked = w->panic_ends = w->faulted = w->again = false;
    unattended_reset(&w->unattended);
}

/* The guest resets itself. Kernels are loaded at random pages, so only the offset in its page tells whether
 * an address is the same place as before. */
static bool at_reset(struct crash_watch *w, const struct stop *s)
{
    enum { IN_PAGE = 0xfff };
    const uint64_t cs = w->faulted ? EVF(&w->fault, TRIPLE_FAULT, cs) : 0,
                   ip = w->faulted ? EVF(&w->fault, TRIPLE_FAULT, ip) : 0;
    char how[120];
    if (w->faulted)
        snprintf(how, sizeof how, "triple fault at %llx:%llx", (unsigned long long)cs,
                 (unsigned long long)ip);
    else
        snprintf(how, sizeof how, "reset by %.100s", s->text);
    uint64_t by = (w->faulted ? ip & IN_PAGE : hash_text(how, strlen(how), 0)) + 1;
    bool same = compares_boots(w) && !w->typed && by == w->reset_by && set_within(&w->now, &w->before);
    if (w->panic_ends)
        return end_with_panic(w);
    if (w->faulted && wants(w, CRASH_TRIPLE_FAULT))
        return end_with(w, CRASH_TRIPLE_FAULT, "%s", how);
    if (same)
        return end_with(w, w->faulted ? CRASH_TRIPLE_FAULT : CRASH_RESET_LOOP,
                        "%s, after a boot in which nothing new happened", how);
    boots(w, by);
    return false;
}

/* User-mode Linux reboots: its process executes the kernel once more. */
static bool restarts(struct crash_watch *w)
{
    static const char how[] = "reboot";
    const uint64_t by = hash_text(how, sizeof how - 1, 0);
    const bool same = compares_boots(w) && !w->typed && by == w->reset_by && set_within(&w->now, &w->before);
    if (w->panic_ends)
        return end_with_panic(w);
    if (same)
        return end_with(w, CRASH_RESET_LOOP,
                        "the kernel executes itself again, after a boot in which nothing new happened");
    boots(w, by);
    return false;
}

void crash_watch_story(struct crash_watch *w, const struct event *ev)
{
    unattended_event(&w->unattended, ev);
    if (ev->kind == EV_KERNEL_PANIC)
        panics(w, ev);
    if (ev->kind == EV_KERNEL_KEXEC && !ev->guest) /* a crash kernel runs: it is what goes on */
        w->panicked = w->panic_ends = false;
    /* The panic of a guest inside another, as of a Xen domain, does not end the machine's run: others go
     * on. */
    if (ev->kind == EV_PANIC_TIMEOUT && !EVF(ev, PANIC_TIMEOUT, seconds) && !ev->guest && !w->keep_going)
        w->panic_ends = true;
    if (ev->kind == EV_KERNEL_END && EVF(ev, KERNEL_END, kernel))
        w->over |= restarts(w);
}

bool crash_watch_over(const struct crash_watch *w)
{
    return w->over;
}

/* At the end of a slot of guest time. */
static bool is_idle(struct crash_watch *w, uint64_t icount, uint64_t time)
{
    if (!wants(w, CRASH_IDLE) || time < w->slot_end)
        return false;
    bool busy = w->busy || icount - w->slot_steps > IDLE_STEPS;
    w->slots = busy ? 0 : w->slots + 1;
    w->busy = false;
    w->slot_steps = icount;
    w->slot_end = (time / IDLE_SLOT + 1) * IDLE_SLOT;
    return w->slots >= IDLE_SLOTS &&
           end_with(w, CRASH_IDLE, "the guest has done nothing but wait for five seconds of guest time");
}

/* A kernel that has panicked may be about to reset the machine; panic_over() says when. */
static bool nobody_acts(struct crash_watch *w, const struct engine *e, const struct stop *s)
{
    char text[160];
    w->unattended.busy |= w->panicked;
    return unattended_look(&w->unattended, e, s, text, sizeof text) && end_with(w, CRASH_IDLE, "%s", text);
}

bool crash_watch_stopped(struct crash_watch *w, const struct engine *e, const struct stop *s)
{
    const uint64_t time = e->ops->time(e);
    if (w->over)
        return true;
    if (s->reason == STOP_RESET)
        return at_reset(w, s);
    if (time >= panic_over(w))
        return end_with_panic(w);
    if (looks_for_hangs(w) && s->reason == STOP_REACHED && hang_look(&w->hang, e, s->address))
        return end_with(w, CRASH_HANG, "endless loop with interrupts off at 0x%llx",
                        (unsigned long long)s->address);
    const char *lost =
        looks_for_hangs(w) && s->reason == STOP_REACHED ? lost_look(&w->lost, e, s->address) : NULL;
    if (lost)
        return end_with(w, CRASH_HANG, "the guest %s at 0x%llx", lost, (unsigned long long)s->address);
    return is_idle(w, e->ops->icount(e), time) || nobody_acts(w, e, s);
}

enum crash crash_watch_result(const struct crash_watch *w, const char **text)
{
    struct crash_watch *mine = (struct crash_watch *)w;
    if (!w->result && w->panicked)
        end_with_panic(mine);
    *text = w->text;
    return w->result;
}

/* ---------------------------------------------------------------- in a trace */

static int last_panic(struct trace *t, struct crash_report *r, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL) | EVENT_CLASS_BIT(EC_POWER));
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) > 0) {
        if (ev.kind == EV_KERNEL_PANIC) {
            r->kind = CRASH_PANIC;
            r->icount = ev.icount;
            snprintf(r->text, sizeof r->text, "kernel panic: %.*s", (int)(ev.len < 380 ? ev.len : 380),
                     (const char *)ev.data);
        } else if (ev.kind == EV_RESET && ev.icount < trace_last_icount(t)) {
            *r = (struct crash_report){0};
        }
    }
    trace_cursor_close(c);
    return rc;
}

int crash_of_trace(struct trace *t, struct crash_report *r, struct error *err)
{
    const struct trace_end *end = trace_end(t);
    *r = (struct crash_report){0};
    if ((!end || end->kinds[EV_KERNEL_PANIC]) && last_panic(t, r, err))
        return -1;
    const enum crash c = end ? crash_by_word(end->reason) : CRASH_NONE;
    if (!c || c == CRASH_IDLE)
        return 0;
    if (!r->icount || c != CRASH_PANIC)
        r->icount = end->icount;
    r->kind = c;
    snprintf(r->text, sizeof r->text, "%s", end->text);
    return 0;
}

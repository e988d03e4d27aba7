/* live.c - see live.h. */
#include <stdlib.h>
#include <string.h>

#include "core/live/live.h"
#include "base/memory.h"
#include "base/real_time.h"
#include "core/live/private/terminal.h"
#include "core/live/private/typed_keys.h"

/* Shorter waits are added up: the host cannot sleep for a few microseconds. */
enum { MIN_WAIT = 1000000 };

struct live {
    struct terminal *terminal;
    struct viewers *viewers; /* or NULL */
    enum input_port port;
    unsigned console;
    int64_t owed; /* ns of real time still to wait */
    /* The gate for a pipe's lines. */
    bool open;          /* a line is being given */
    bool echoing;       /* a line was given, and the end of its echo has not been printed: the output
                  * is not a prompt */
    bool answered;      /* the guest has printed since the last line was given */
    bool unfinished;    /* … and its last line has no end yet */
    struct plain plain; /* an escape sequence is not a prompt */
    uint64_t printed;   /* guest time of the last output, or of the last line given */
    /* The keyboard's translation of what was typed. */
    uint8_t keys[512];
    size_t nkeys;
};

struct live *live_open(const struct live_options *o, struct error *err)
{
    struct live *l = mem_zero(1, sizeof *l);
    l->port = o->port;
    l->console = o->console;
    l->viewers = o->viewers;
    l->terminal = terminal_open(o->fd, err);
    if (!l->terminal) {
        free(l);
        return NULL;
    }
    return l;
}

void live_close(struct live *l)
{
    if (!l)
        return;
    terminal_close(l->terminal);
    free(l);
}

enum input_port live_port(const struct live *l)
{
    return l->port;
}

bool live_quit(const struct live *l)
{
    return terminal_quit(l->terminal);
}

static bool is_attended(const struct live *l)
{
    return l->viewers && viewers_attended(l->viewers);
}

bool live_active(const struct live *l)
{
    size_t n;
    terminal_pending(l->terminal, &n);
    return n || l->nkeys || !terminal_ended(l->terminal) || is_attended(l);
}

struct viewers *live_viewers(const struct live *l)
{
    return l->viewers;
}

/* Waits as terminal_wait() does, for viewers too. */
static enum terminal_wait wait_for_all(struct live *l, uint64_t ns)
{
    const enum terminal_wait how = terminal_wait(l->terminal, ns, l->viewers ? viewers_fd(l->viewers) : -1);
    if (l->viewers)
        viewers_read(l->viewers);
    return how;
}

bool live_wait_for_viewer(struct live *l)
{
    while (!viewers_attended(l->viewers) && !viewers_lost(l->viewers) && !live_quit(l))
        if (terminal_wait(l->terminal, UINT64_MAX, viewers_fd(l->viewers)) == TERMINAL_WOKEN)
            return false;
        else
            viewers_read(l->viewers);
    return viewers_attended(l->viewers);
}

void live_wake(struct live *l)
{
    terminal_wake(l->terminal);
}

void live_console(struct live *l, unsigned device, const void *data, size_t n, uint64_t time)
{
    if (device != l->console || !n)
        return;
    l->printed = time;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = ((const uint8_t *)data)[i];
        if (!plain_byte(&l->plain, byte) || byte == '\r')
            continue;
        l->answered = true;
        l->echoing = l->echoing && byte != '\n';
        l->unfinished = byte != '\n';
    }
}

/* ---------------------------------------------------------------- what goes in */

struct key {
    const char *typed; /* what terminals send */
    uint8_t code;      /* set-1 scan code */
    bool extended;     /* after E0h */
};

static const struct key keys[] = {
    {"\033[A", 0x48, true},    {"\033[B", 0x50, true},    {"\033[C", 0x4d, true},
    {"\033[D", 0x4b, true},    {"\033OA", 0x48, true},    {"\033OB", 0x50, true},
    {"\033OC", 0x4d, true},    {"\033OD", 0x4b, true},    {"\033[H", 0x47, true},
    {"\033[F", 0x4f, true},    {"\033OH", 0x47, true},    {"\033OF", 0x4f, true},
    {"\033[1~", 0x47, true},   {"\033[4~", 0x4f, true},   {"\033[2~", 0x52, true},
    {"\033[3~", 0x53, true},   {"\033[5~", 0x49, true},   {"\033[6~", 0x51, true},
    {"\033OP", 0x3b, false},   {"\033OQ", 0x3c, false},   {"\033OR", 0x3d, false},
    {"\033OS", 0x3e, false},   {"\033[15~", 0x3f, false}, {"\033[17~", 0x40, false},
    {"\033[18~", 0x41, false}, {"\033[19~", 0x42, false}, {"\033[20~", 0x43, false},
    {"\033[21~", 0x44, false}, {"\033[23~", 0x57, false}, {"\033[24~", 0x58, false},
};

size_t live_keyboard(const uint8_t *in, size_t n, uint8_t out[LIVE_KEY], size_t *nout)
{
    *nout = 0;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t len = strlen(keys[i].typed);
        if (len <= n && !memcmp(in, keys[i].typed, len)) {
            *nout = typed_key_press(out, 0, keys[i].code, keys[i].extended);
            return len;
        }
    }
    uint8_t c = in[0] == 0x7f ? '\b' : in[0]; /* terminals send DEL for the backspace key */
    if (c && c < 0x80)
        out[(*nout)++] = c;
    return 1;
}

/* Converts the first key of what was typed; returns how many bytes it used. */
static size_t translate_key(struct live *l, const uint8_t *in, size_t n)
{
    size_t made, used = live_keyboard(in, n, l->keys + l->nkeys, &made);
    l->nkeys += made;
    return used;
}

static const uint8_t *keyboard_bytes(struct live *l, const uint8_t *in, size_t n, size_t *out)
{
    size_t used = 0;
    bool empty = l->nkeys == 0;
    while (empty && used < n && l->nkeys + 8 <= sizeof l->keys)
        used += translate_key(l, in + used, n - used);
    terminal_take(l->terminal, used);
    *out = l->nkeys;
    return l->keys;
}

/* The first line of what was read from a pipe, if the gate is open. */
static size_t line_length(const uint8_t *in, size_t n)
{
    const uint8_t *end = memchr(in, '\n', n);
    return end ? (size_t)(end - in) + 1 : n;
}

const uint8_t *live_bytes(struct live *l, size_t *n)
{
    size_t pending;
    const uint8_t *in = terminal_pending(l->terminal, &pending);
    if (!terminal_is_tty(l->terminal))
        pending = l->open ? line_length(in, pending) : 0;
    *n = pending;
    return l->port == INPUT_KEYBOARD ? keyboard_bytes(l, in, pending, n) : in;
}

/* The line was given: the next one waits for an answer. */
static void close_gate(struct live *l)
{
    l->open = l->answered = l->unfinished = false;
    l->echoing = true;
}

void live_taken(struct live *l, size_t n)
{
    if (!n)
        return;
    const uint8_t *in = l->keys;
    size_t have = l->nkeys;
    if (l->port != INPUT_KEYBOARD)
        in = terminal_pending(l->terminal, &have);
    bool line = in[n - 1] == '\n' || (terminal_ended(l->terminal) && n == have);
    if (l->port == INPUT_KEYBOARD) {
        memmove(l->keys, l->keys + n, l->nkeys - n);
        l->nkeys -= n;
    } else {
        terminal_take(l->terminal, n);
    }
    if (line)
        close_gate(l);
}

/* ---------------------------------------------------------------- waiting */

static bool at_prompt(const struct live *l)
{
    return l->answered && l->unfinished && !l->echoing;
}

/* For a busy guest and a pipe: looks whether the next line may be given. */
static void look_at_pipe(struct live *l, uint64_t now)
{
    if (!l->open && now - l->printed < (at_prompt(l) ? LIVE_POLLED : LIVE_QUIET))
        return;
    if (!l->open)
        l->printed = now;
    l->open = true;
}

void live_look(struct live *l, uint64_t now)
{
    if (!terminal_is_tty(l->terminal))
        look_at_pipe(l, now);
    if (terminal_is_tty(l->terminal) || l->open)
        wait_for_all(l, 0);
    else if (l->viewers)
        viewers_read(l->viewers);
}

static bool has_bytes(struct live *l)
{
    size_t n;
    live_bytes(l, &n);
    return n != 0;
}

/* Waits in real time until `wake`, or until there is input; returns the guest time then. */
static uint64_t wait_until(struct live *l, uint64_t now, uint64_t wake)
{
    if (wake != UINT64_MAX)
        l->owed += (int64_t)(wake - now);
    uint64_t ns = wake == UINT64_MAX ? UINT64_MAX : l->owed < MIN_WAIT ? 0 : (uint64_t)l->owed;
    uint64_t start = real_ns();
    const uint64_t paint = l->viewers ? viewers_paint_due(l->viewers) : UINT64_MAX;
    enum terminal_wait how = wait_for_all(l, paint < ns ? paint : ns);
    uint64_t passed = real_ns() - start;
    if (how == TERMINAL_TIMEOUT && paint >= ns) {
        /* If the host slept too long, the next waits are shortened, within limits. */
        if (ns)
            l->owed = passed > ns + MIN_WAIT ? -MIN_WAIT : (int64_t)(ns - passed);
        return wake;
    }
    l->owed = 0;
    if (wake == UINT64_MAX)
        return now + passed;
    uint64_t left = passed < ns ? ns - passed : 0;
    uint64_t at = !ns || left > wake - now ? now : wake - left;
    return at < wake ? at : wake > now ? wake - 1 : now;
}

/* Whether a pipe's next line may be given. A guest that only an input can wake is waiting for one. */
static bool gate_opens(const struct live *l, uint64_t now, uint64_t wake)
{
    return wake == UINT64_MAX || at_prompt(l) || now - l->printed >= LIVE_QUIET;
}

/* For an idle guest and a pipe. True: *at is when to go on. False: wait as with a terminal. */
static bool idle_pipe(struct live *l, uint64_t now, uint64_t wake, uint64_t *at)
{
    if (!l->open && !gate_opens(l, now, wake)) {
        uint64_t quiet = l->printed + LIVE_QUIET;
        *at = wake < quiet ? wake : quiet;
        return true;
    }
    if (!l->open)
        l->printed = now;
    l->open = true;
    if (!has_bytes(l) && !terminal_ended(l->terminal))
        wait_for_all(l, 0); /* its next line may already be there; this takes no real time */
    *at = wake;
    return terminal_ended(l->terminal) && !has_bytes(l);
}

uint64_t live_idle(struct live *l, uint64_t now, uint64_t wake, bool refused)
{
    uint64_t at;
    const bool attended = is_attended(l);
    if (!terminal_is_tty(l->terminal) && idle_pipe(l, now, wake, &at)) {
        if (!attended)
            return at;
        wake = at;
    }
    if (!refused && has_bytes(l))
        return now;
    if (terminal_ended(l->terminal) && !attended)
        return wake;
    return wait_until(l, now, wake);
}

/* live.c - typing into the guest, in a diversion that begins at the present position. See app.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/real_time.h"
#include "core/live/live.h"
#include "tui/app_impl.h"

enum { ESCAPE = 1 /* Ctrl-A */, STEPS = 2000000 };
/* Real time between two looks at a guest that is busy, and at one that idles and prints nothing. */
#define BUSY_SECONDS 0.03
#define IDLE_SECONDS 0.05
#define SCRIPT_TIME  50000000u /* ns of guest time that an idle guest may pass in a slice, without real time */

/* The guest's output since it went live, and input that is still to be delivered. */
struct typing {
    struct lines *lines;
    uint8_t *waiting;
    size_t n, cap;
    enum input_port port;
    bool escape;
    uint64_t shown; /* how much had been printed at the last look … */
    double looked;  /* … and when that was, in real time */
    double began;   /* real time */
    uint64_t time;  /* guest time at that moment, … */
    uint64_t now;   /* … and at present */
};

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    if (device == CONSOLE_SERIAL0)
        lines_put(((struct app *)ctx)->typing->lines, data, n);
}

void live_free(struct app *a)
{
    if (!a->typing)
        return;
    lines_free(a->typing->lines);
    free(a->typing->waiting);
    free(a->typing);
}

/* Real time and the guest's run side by side from here on. */
static void set_clock(struct typing *l, uint64_t time)
{
    l->began = real_seconds();
    l->time = time;
}

static bool prints(struct app *a, enum timeline_direction dir, unsigned device)
{
    char words[40];
    struct event_filter f;
    struct event ev;
    uint64_t number;
    struct error err;
    snprintf(words, sizeof words, "console device=%u", device);
    return !event_filter_parse(words, &f, &err) &&
           timeline_event_near(a->s->tl, dir, &f, &ev, &number, &err) == 1;
}

/* Typing goes to the serial port if the guest prints there, otherwise to the keyboard. One that has printed nothing yet will. */
static enum input_port port_of(struct app *a)
{
    bool serial = prints(a, TIMELINE_BACK, CONSOLE_SERIAL0) ||
                  (!prints(a, TIMELINE_BACK, CONSOLE_SCREEN) && prints(a, TIMELINE_FORWARD, CONSOLE_SERIAL0));
    return serial ? INPUT_SERIAL0 : INPUT_KEYBOARD;
}

/* The screen, and beside it the console. Where there is too little room for both, the one to which typing goes. */
static enum react show_page(struct app *a)
{
    app_react(a, app_command(a, CMD_PAGE_8, NULL));
    if (a->typing->port != INPUT_KEYBOARD && a->pane[VIEW_CONSOLE].w < LINES_COLUMNS / 2)
        app_command(a, CMD_PAGE_0, NULL);
    return REACT_LAYOUT | REACT_MOVED;
}

enum react live_enter(struct app *a)
{
    if (!a->typing)
        a->typing = mem_zero(1, sizeof *a->typing);
    if (!timeline_diverted(a->s->tl)) {
        a->typing->port = port_of(a);
        lines_free(a->typing->lines);
        a->typing->lines = lines_new();
        a->typing->n = 0;
    }
    timeline_divert(a->s->tl);
    if (timeline_off(a->s->tl)) {
        app_say(a, STYLE_WARNING, "the guest has switched itself off here: U goes back to the record");
        session_look(a->s);
        return REACT_MOVED;
    }
    timeline_set_console(a->s->tl, on_console, a);
    session_look(a->s);
    a->live = true;
    a->typing->now = a->s->where.time;
    set_clock(a->typing, a->typing->now);
    a->helping = false;
    a->message[0] = 0;
    return show_page(a);
}

static void leave(struct app *a, bool undo)
{
    struct error err;
    a->live = false;
    a->typing->escape = false;
    if (undo && timeline_undivert(a->s->tl, &err))
        app_say(a, STYLE_WARNING, "%.390s", err.text);
    session_look(a->s);
    if (!undo)
        app_say(a, STYLE_NORMAL,
                "stopped in the diversion: l goes on, :save FILE keeps it, U goes back to the record");
}

static size_t without_alt(int key, char *out)
{
    static const struct {
        int key;
        const char *bytes;
    } sent[] = {
        {TK_UP, "\033[A"},       {TK_DOWN, "\033[B"},     {TK_RIGHT, "\033[C"},     {TK_LEFT, "\033[D"},
        {TK_HOME, "\033[H"},     {TK_END, "\033[F"},      {TK_PAGE_UP, "\033[5~"},  {TK_PAGE_DOWN, "\033[6~"},
        {TK_INSERT, "\033[2~"},  {TK_DELETE, "\033[3~"},  {TK_BACKSPACE, "\177"},   {TK_BACKTAB, "\033[Z"},
        {TK_F1, "\033OP"},       {TK_F1 + 1, "\033OQ"},   {TK_F1 + 2, "\033OR"},    {TK_F1 + 3, "\033OS"},
        {TK_F1 + 4, "\033[15~"}, {TK_F1 + 5, "\033[17~"}, {TK_F1 + 6, "\033[18~"},  {TK_F1 + 7, "\033[19~"},
        {TK_F1 + 8, "\033[20~"}, {TK_F1 + 9, "\033[21~"}, {TK_F1 + 10, "\033[23~"}, {TK_F12, "\033[24~"}};
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
        if (sent[i].key == key) {
            strcpy(out, sent[i].bytes);
            return strlen(out);
        }
    return key < KEY_SPECIAL && key > 0 ? utf8_put((uint32_t)key, out) : 0;
}

size_t key_bytes(int key, char out[8])
{
    bool alt = key & KEY_ALT;
    size_t n = without_alt(key & ~KEY_ALT, out + alt);
    out[0] = alt ? TK_ESCAPE : out[0];
    return n ? n + alt : 0;
}

static void give(struct app *a, const void *data, size_t n)
{
    struct typing *l = a->typing;
    l->waiting = mem_grow(l->waiting, &l->cap, l->n + n, 1);
    memcpy(l->waiting + l->n, data, n);
    l->n += n;
}

static void type_key(struct app *a, int key)
{
    char bytes[8];
    uint8_t codes[LIVE_KEY];
    size_t n = key_bytes(key, bytes), made;
    if (a->typing->port != INPUT_KEYBOARD) {
        give(a, bytes, n);
        return;
    }
    for (size_t used = 0; used < n;) {
        used += live_keyboard((const uint8_t *)bytes + used, n - used, codes, &made);
        give(a, codes, made);
    }
}

static void escape_key(struct app *a, int key)
{
    a->typing->escape = false;
    switch (key) {
    case 'x':
        leave(a, true);
        break;
    case 's':
        leave(a, false);
        break;
    case 'k':
        a->typing->port = a->typing->port == INPUT_KEYBOARD ? INPUT_SERIAL0 : INPUT_KEYBOARD;
        app_say(a, STYLE_NORMAL, "typing goes to the %s",
                a->typing->port == INPUT_KEYBOARD ? "keyboard" : "first serial port");
        break;
    case 'a':
    case ESCAPE:
        type_key(a, ESCAPE);
        break;
    default:
        app_say(
            a, STYLE_NORMAL,
            "Ctrl-A x back to the record, s stop here and look, k keyboard or serial port, Ctrl-A a Ctrl-A itself");
    }
}

void live_key(struct app *a, int key)
{
    a->message[0] = 0;
    if (a->typing->escape)
        escape_key(a, key);
    else if (key == ESCAPE)
        a->typing->escape = true;
    else
        type_key(a, key);
}

static void ended(struct app *a, const struct timeline_stopped *st)
{
    leave(a, false);
    app_say(a, STYLE_WARNING, "the guest stopped: %.200s; U goes back to the record",
            st->text[0] ? st->text : stop_word(st->engine));
}

static void at_stop_point(struct app *a, const struct timeline_stopped *st)
{
    leave(a, false);
    app_say(a, STYLE_NORMAL, "%s 0x%" PRIx64 "; l goes on, U goes back to the record",
            st->reason == TIMELINE_BREAKPOINT ? "breakpoint at" : "watchpoint: access to", st->address);
}

/* Gives the guest what was typed, as much as it takes. True if it took some, but not all. */
static bool give_typed(struct app *a)
{
    struct typing *l = a->typing;
    if (!l->n)
        return false;
    uint32_t taken = timeline_input(a->s->tl, (uint16_t)a->typing->port, l->waiting, (uint32_t)l->n);
    memmove(l->waiting, l->waiting + taken, l->n - taken);
    l->n -= taken;
    return taken && l->n;
}

bool live_slice(struct app *a)
{
    struct typing *l = a->typing;
    struct timeline_stopped st;
    struct error err;
    uint64_t wake, before = l->now;
    bool more = give_typed(a);
    /* An idle guest waits in real time, as a real machine would; a script does not wait. */
    uint64_t until =
        a->scripted ? before + SCRIPT_TIME : l->time + (uint64_t)((real_seconds() - l->began) * 1e9);
    if (until < before)
        until = before;
    timeline_interrupt_clear(a->s->tl);
    if (timeline_live(a->s->tl, STEPS, until, &wake, &st, &err)) {
        leave(a, false);
        app_say(a, STYLE_WARNING, "%.390s", err.text);
        return false;
    }
    l->now = st.time;
    if (st.time <
        until) /* it is too busy for real time, and what it misses is not made up for when it idles */
        set_clock(l, st.time);
    if (st.reason == TIMELINE_ENDED)
        ended(a, &st);
    else if (st.reason == TIMELINE_BREAKPOINT || st.reason == TIMELINE_WATCHPOINT)
        at_stop_point(a, &st);
    return a->live && (more || st.time != until); /* at that time it idles; otherwise it has more to do */
}

bool live_due(struct app *a, bool busy)
{
    struct typing *l = a->typing;
    double now = real_seconds(), least = busy ? BUSY_SECONDS : IDLE_SECONDS;
    bool news = lines_printed(l->lines) != l->shown;
    if (a->live && now - l->looked < least && (busy || !news))
        return false;
    l->looked = now;
    l->shown = lines_printed(l->lines);
    session_look(a->s);
    return true;
}

const struct lines *live_lines(struct app *a)
{
    return a->typing ? a->typing->lines : NULL;
}

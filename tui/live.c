/* live.c - typing into the guest, in a diversion that begins at the present position. See app.h. */
#include <stdlib.h>
#include <string.h>

#include "core/live.h"
#include "core/text.h"
#include "traces/memory.h"
#include "tui/app_impl.h"

enum { ESCAPE = 1 /* Ctrl-A */, STEPS = 2000000, WAITING = 4096 };
#define SCRIPT_TIME 50000000u /* ns of guest time that an idle guest may pass in a slice, without real time */

/* The guest's output since it went live, and input that is still to be delivered. */
struct console_text {
    struct text text;
    uint8_t waiting[WAITING];
    size_t n;
    bool escape;
    double began;  /* real time */
    uint64_t time; /* guest time at that moment */
};

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct app *a = ctx;
    const char *p = data;
    for (size_t i = 0; device == 0 && i < n; i++) /* a NUL would end the text */
        if (p[i])
            text_add(&a->live_text->text, "%c", p[i]);
}

void live_free(struct app *a)
{
    if (a->live_text)
        free(a->live_text->text.s);
    free(a->live_text);
}

/* Typing goes to the serial port if the guest prints there, otherwise to the keyboard. */
static enum input_port port_of(struct app *a)
{
    struct event_filter f;
    struct event ev;
    uint64_t number;
    struct error err;
    if (event_filter_parse("console device=0", &f, &err))
        return INPUT_KEYBOARD;
    return timeline_event_near(a->s->tl, TIMELINE_BACK, &f, &ev, &number, &err) == 1 ? INPUT_SERIAL0
                                                                                     : INPUT_KEYBOARD;
}

enum react live_enter(struct app *a)
{
    if (!a->live_text)
        a->live_text = mem_zero(1, sizeof *a->live_text);
    if (!timeline_diverted(a->s->tl)) {
        a->live_port = port_of(a);
        free(a->live_text->text.s);
        a->live_text->text = (struct text){0};
        a->live_text->n = 0;
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
    a->live_text->began = wall_seconds();
    a->live_text->time = a->s->where.time;
    a->helping = false;
    a->message[0] = 0;
    return app_command(a, CMD_PAGE_8, NULL) | REACT_MOVED;
}

static void leave(struct app *a, bool undo)
{
    struct error err;
    a->live = false;
    a->live_text->escape = false;
    if (undo && timeline_undivert(a->s->tl, &err))
        app_say(a, STYLE_WARNING, "%.390s", err.text);
    session_look(a->s);
    if (!undo)
        app_say(a, STYLE_NORMAL,
                "stopped in the diversion: l goes on, :save FILE keeps it, U goes back to the record");
}

size_t key_bytes(int key, char out[8])
{
    static const struct {
        int key;
        const char *bytes;
    } sent[] = {
        {TK_UP, "\033[A"},       {TK_DOWN, "\033[B"},     {TK_RIGHT, "\033[C"},    {TK_LEFT, "\033[D"},
        {TK_HOME, "\033[H"},     {TK_END, "\033[F"},      {TK_PAGE_UP, "\033[5~"}, {TK_PAGE_DOWN, "\033[6~"},
        {TK_DELETE, "\033[3~"},  {TK_BACKSPACE, "\177"},  {TK_F1, "\033OP"},       {TK_F1 + 1, "\033OQ"},
        {TK_F1 + 2, "\033OR"},   {TK_F1 + 3, "\033OS"},   {TK_F1 + 4, "\033[15~"}, {TK_F1 + 5, "\033[17~"},
        {TK_F1 + 6, "\033[18~"}, {TK_F1 + 7, "\033[19~"}, {TK_F1 + 8, "\033[20~"}, {TK_F1 + 9, "\033[21~"}};
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
        if (sent[i].key == key) {
            strcpy(out, sent[i].bytes);
            return strlen(out);
        }
    return key < KEY_SPECIAL && key > 0 ? utf8_put((uint32_t)key, out) : 0;
}

static void give(struct app *a, const void *data, size_t n)
{
    struct console_text *l = a->live_text;
    if (n <= WAITING - l->n) {
        memcpy(l->waiting + l->n, data, n);
        l->n += n;
    }
}

static void type_key(struct app *a, int key)
{
    char bytes[8];
    uint8_t codes[LIVE_KEY];
    size_t n = key_bytes(key, bytes), made;
    if (a->live_port != INPUT_KEYBOARD) {
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
    a->live_text->escape = false;
    switch (key) {
    case 'x':
        leave(a, true);
        break;
    case 's':
        leave(a, false);
        break;
    case 'k':
        a->live_port = a->live_port == INPUT_KEYBOARD ? INPUT_SERIAL0 : INPUT_KEYBOARD;
        app_say(a, STYLE_NORMAL, "typing goes to the %s",
                a->live_port == INPUT_KEYBOARD ? "keyboard" : "first serial port");
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
    if (a->live_text->escape)
        escape_key(a, key);
    else if (key == ESCAPE)
        a->live_text->escape = true;
    else
        type_key(a, key);
}

static void ended(struct app *a, const struct timeline_stopped *st)
{
    leave(a, false);
    app_say(a, STYLE_WARNING, "the guest stopped: %.200s; U goes back to the record",
            st->text[0] ? st->text : stop_word(st->engine));
}

bool live_slice(struct app *a)
{
    struct console_text *l = a->live_text;
    struct timeline_stopped st;
    struct error err;
    uint64_t wake, before = a->s->where.time;
    if (l->n) {
        uint32_t taken = timeline_input(a->s->tl, (uint16_t)a->live_port, l->waiting, (uint32_t)l->n);
        memmove(l->waiting, l->waiting + taken, l->n - taken);
        l->n -= taken;
    }
    /* An idle guest waits in real time, as a real machine would; a script does not wait. */
    uint64_t until =
        a->scripted ? before + SCRIPT_TIME : l->time + (uint64_t)((wall_seconds() - l->began) * 1e9);
    if (until < before)
        until = before;
    timeline_interrupt_clear(a->s->tl);
    if (timeline_live(a->s->tl, STEPS, until, &wake, &st, &err)) {
        leave(a, false);
        app_say(a, STYLE_WARNING, "%.390s", err.text);
        return false;
    }
    session_look(a->s);
    if (st.reason == TIMELINE_ENDED)
        ended(a, &st);
    return a->live && st.time != until; /* at that time it idles; otherwise it has more to do */
}

bool live_printed(struct app *a, const char *text)
{
    return a->live_text && a->live_text->text.s && strstr(a->live_text->text.s, text);
}

const char *live_console_text(struct app *a)
{
    return a->live_text && a->live_text->text.s ? a->live_text->text.s : "";
}

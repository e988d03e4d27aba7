/* words.c - see words.h. */
#include <string.h>

#include "tui/lines.h"
#include "tui/words.h"

/* Whether a terminal would do more with the bytes than show them. */
static bool has_controls(const struct event *ev)
{
    const uint8_t *p = ev->data;
    for (size_t i = 0; i < ev->len; i++)
        if (p[i] < 0x20 || p[i] == 0x7f)
            return true;
    return false;
}

void words_of_line(const struct event *ev, char *words)
{
    if (ev->len >= LINES_LONGEST) {
        words[plain_text(ev->data, ev->len, words)] = 0;
    } else if (has_controls(ev)) {
        struct lines *l = lines_new();
        lines_put(l, ev->data, ev->len);
        lines_last(l, words, EVENT_MAX_DATA + 1);
        lines_free(l);
    } else {
        if (ev->len)
            memcpy(words, ev->data, ev->len);
        words[ev->len] = 0;
    }
}

/* Of these events the data are what was printed; those of others are paths, command lines, or a frame of a network. */
static bool is_printed(const struct event *ev)
{
    return ev->kind == EV_CONSOLE_LINE || ev->kind == EV_SERVICE_TEXT || ev->kind == EV_FIRMWARE_LOG;
}

void words_of_event(const struct event *ev, char *buf, size_t size)
{
    char words[EVENT_MAX_DATA + 1];
    struct event shown = *ev;
    if (is_printed(ev) && ev->len && ev->data && has_controls(ev)) {
        words_of_line(ev, words);
        shown.data = words;
        shown.len = (uint32_t)strlen(words);
    }
    event_text(&shown, buf, size);
}

/* answers.c - see answers.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/live/answers.h"
#include "base/memory.h"
#include "core/live/seen.h"
#include "core/live/private/typed_keys.h"
#include "core/story/position.h"
#include "traces/event.h"

struct answer {
    char *word;    /* as it was written */
    char *pattern; /* NULL: waits for a time */
    uint64_t at;   /* guest time */
    struct typed_key *keys;
    size_t nkeys;
    bool typed, lost; /* lost: the device has no such key */
};

/* Where a text may stand, and where what answers it is typed. */
static const struct {
    unsigned console;
    enum input_port port;
} devices[] = {{CONSOLE_SERIAL0, INPUT_SERIAL0},
               {CONSOLE_SERIAL0 + 1, INPUT_SERIAL1},
               {CONSOLE_SERIAL0 + 2, INPUT_SERIAL2},
               {CONSOLE_SERIAL0 + 3, INPUT_SERIAL3},
               {CONSOLE_VIRTIO, INPUT_VIRTIO}};

enum { DEVICES = sizeof devices / sizeof devices[0] };

struct answers {
    struct answer *list;
    size_t n, next;
    struct plain plain[DEVICES];
    struct seen_stream stream[DEVICES];
    struct seen_screen screen;
    bool found; /* what the next one waits for has come … */
    uint64_t found_at;
    enum input_port port; /* … there; later, where the last text stood */
    bool stood;     /* there was one; until then, `port` is where the guest printed last, or the keyboard */
    uint8_t *bytes; /* what is to be typed; NULL until it is made */
    size_t nbytes, given;
};

struct answers *answers_new(void)
{
    struct answers *a = mem_zero(1, sizeof *a);
    a->port = INPUT_KEYBOARD;
    return a;
}

void answers_free(struct answers *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n; i++) {
        free(a->list[i].word);
        free(a->list[i].pattern);
        free(a->list[i].keys);
    }
    for (size_t i = 0; i < DEVICES; i++)
        seen_stream_free(&a->stream[i]);
    seen_screen_free(&a->screen);
    free(a->bytes);
    free(a->list);
    free(a);
}

/* ---------------------------------------------------------------- what is written */

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The character that an escape stands for, and its length behind the backslash; 0 if there is no such escape. `enter`: \n is the key. */
static size_t take_escape(const char *s, bool enter, uint8_t *c)
{
    static const char plain[] = "r\rt\te\033b\b\\\\==<<@@";
    if (*s == 'n') {
        *c = enter ? '\r' : '\n';
        return 1;
    }
    if (*s == 'x') {
        const int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);
        *c = (uint8_t)(high << 4 | low);
        return low < 0 ? 0 : 3;
    }
    for (const char *p = plain; *p; p += 2)
        if (*p == *s) {
            *c = (uint8_t)p[1];
            return 1;
        }
    return 0;
}

static int bad_escape(const char *s, struct error *err)
{
    return error_set(err, "\"%.4s\" is no escape: there are \\n \\r \\t \\e \\b \\xHH \\\\ \\= \\< \\@", s);
}

/* A character of a pattern or of keys at *s, which moves behind it. */
static int take_character(const char **s, bool enter, uint8_t *c, struct error *err)
{
    size_t n = 1;
    *c = (uint8_t) * *s;
    if (*c == '\\') {
        n = take_escape(*s + 1, enter, c);
        if (!n || !*c)
            return bad_escape(*s, err);
        n++;
    }
    *s += n;
    return 0;
}

/* <NAME> at *s. */
static int take_name(const char **s, struct typed_key *k, struct error *err)
{
    const char *name = *s + 1, *end = strchr(name, '>');
    if (!end)
        return error_set(err, "\"%.20s\" has no >: write a < itself as \\<", *s);
    if (!typed_key_parse(name, (size_t)(end - name), k))
        return error_set(
            err,
            "<%.*s> is not a key: there are <F1> to <F12>, <Up>, <Down>, <Left>, <Right>, <Home>, <End>, "
            "<PageUp>, <PageDown>, <Ins>, <Del>, <Enter>, <Esc>, <Tab>, <Backspace>, <Space>, and "
            "Ctrl-, Alt- and Shift- before these or a character",
            (int)(end - name < 30 ? end - name : 30), name);
    *s = end + 1;
    return 0;
}

static int take_keys(struct answer *an, const char *s, struct error *err)
{
    while (*s) {
        struct typed_key k = {0};
        if (*s == '<' ? take_name(&s, &k, err) : take_character(&s, true, &k.byte, err))
            return -1;
        MEM_MORE(an->keys, an->nkeys);
        an->keys[an->nkeys++] = k;
    }
    return an->nkeys ? 0 : error_set(err, "no keys stand behind the =");
}

/* Takes what stands before the '=' at *s, and moves *s behind it. */
static int take_pattern(struct answer *an, const char **s, struct error *err)
{
    size_t n = 0;
    an->pattern = mem_zero(strlen(*s) + 1, 1);
    while (**s && **s != '=')
        if (take_character(s, false, (uint8_t *)&an->pattern[n], err))
            return -1;
        else
            n++;
    if (!**s || !n)
        return error_set(err, "an answer is PATTERN=KEYS or @TIME=KEYS, such as 'login: =root\\n'");
    (*s)++;
    return 0;
}

static int take_time(struct answer *an, const char **s, struct error *err)
{
    struct position at;
    const char *end = strchr(*s, '=');
    char *word = mem_text(*s + 1, end ? (size_t)(end - *s) - 1 : 0);
    struct error ignored;
    const bool good = end && !position_parse(word, &at, &ignored) && at.kind == POS_TIME;
    free(word);
    if (!good)
        return error_set(
            err, "a time is written as @2s=KEYS or @300ms=KEYS; a pattern that begins with @ as \\@…");
    an->at = at.n;
    *s = end + 1;
    return 0;
}

int answers_add(struct answers *a, const char *word, struct error *err)
{
    struct error why;
    struct answer an = {.word = mem_string(word)};
    const char *s = word;
    MEM_MORE(a->list, a->n);
    const int rc =
        (*s == '@' ? take_time(&an, &s, &why) : take_pattern(&an, &s, &why)) || take_keys(&an, s, &why);
    a->list[a->n++] = an;
    return rc ? error_set(err, "\"%.60s\": %.400s", word, why.text) : 0;
}

int answers_add_file(struct answers *a, const char *path, struct error *err)
{
    struct error why;
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t n;
    int rc = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return error_set(err, "%.200s: %s: give a file with an answer a line", path, strerror(errno));
    errno = 0;
    while (!rc && (n = getline(&line, &room, f)) >= 0) {
        number++;
        line[strcspn(line, "\r\n")] = 0;
        if (*line && *line != '#' && answers_add(a, line, &why))
            rc = error_set(err, "%.200s: line %zu: %.500s", path, number, why.text);
    }
    if (!rc && ferror(f))
        rc = error_set(err, "%.200s: %s", path, strerror(errno));
    free(line);
    fclose(f);
    return rc;
}

size_t answers_count(const struct answers *a)
{
    return a->n;
}

const char *answers_word(const struct answers *a, size_t i)
{
    return a->list[i].word;
}

const char *answers_lack(const struct answers *a, size_t i)
{
    const struct answer *an = &a->list[i];
    if (an->typed && !an->lost)
        return NULL;
    if (an->typed)
        return "a key in it cannot be typed where its text stood";
    if (i > a->next)
        return "its turn never came";
    return a->found      ? "the guest did not take the keys"
           : an->pattern ? "its text never came"
                         : "its time never came";
}

/* ---------------------------------------------------------------- waiting */

static struct answer *next_answer(const struct answers *a)
{
    return a->next < a->n ? &a->list[a->next] : NULL;
}

bool answers_pending(const struct answers *a)
{
    return next_answer(a);
}

uint64_t answers_due(const struct answers *a)
{
    const struct answer *an = next_answer(a);
    return an && !an->pattern && !a->found ? an->at : UINT64_MAX;
}

/* What the next answer waits for has come on that port: what was seen by now is old for the one after it, except behind the text. */
static void find(struct answers *a, enum input_port port, uint64_t time)
{
    a->found = true;
    a->found_at = time;
    a->port = port;
    a->stood = true;
    for (size_t d = 0; d < DEVICES; d++)
        if (devices[d].port != port)
            seen_stream_forget(&a->stream[d]);
    if (port != INPUT_KEYBOARD)
        seen_screen_forget(&a->screen);
}

static bool waits_for_text(const struct answers *a)
{
    const struct answer *an = next_answer(a);
    return an && an->pattern && !a->found;
}

static void look_in_stream(struct answers *a, size_t d, uint64_t time)
{
    if (waits_for_text(a) && seen_stream_find(&a->stream[d], next_answer(a)->pattern))
        find(a, devices[d].port, time);
}

void answers_console(struct answers *a, unsigned device, const void *data, size_t n, uint64_t time)
{
    size_t d = 0;
    while (d < DEVICES && devices[d].console != device)
        d++;
    if (d == DEVICES || !answers_pending(a))
        return;
    for (size_t i = 0; i < n; i++) {
        const char c = ((const char *)data)[i];
        if (!plain_byte(&a->plain[d], (uint8_t)c) || c == '\r')
            continue;
        seen_stream_add(&a->stream[d], c);
        if (!a->stood && !a->found)
            a->port = devices[d].port;
        look_in_stream(a, d, time);
    }
}

void answers_screen(struct answers *a, const char *text, uint64_t time)
{
    if (waits_for_text(a) && seen_screen_find(&a->screen, text, next_answer(a)->pattern))
        find(a, INPUT_KEYBOARD, time);
}

/* ---------------------------------------------------------------- typing */

static void make_bytes(struct answers *a)
{
    struct answer *an = next_answer(a);
    a->bytes = mem_alloc(an->nkeys * TYPED_KEY_BYTES);
    a->nbytes = a->given = 0;
    for (size_t i = 0; i < an->nkeys; i++) {
        const size_t n = typed_key_bytes(&an->keys[i], a->port, a->bytes + a->nbytes);
        an->lost |= !n;
        a->nbytes += n;
    }
}

/* It is the turn of the next one, whose text may have been printed already. */
static void turn(struct answers *a, uint64_t time)
{
    struct answer *an = next_answer(a);
    an->typed = true;
    a->next++;
    a->found = false;
    free(a->bytes);
    a->bytes = NULL;
    a->nbytes = a->given = 0;
    for (size_t d = 0; d < DEVICES; d++)
        look_in_stream(a, d, time);
}

const uint8_t *answers_bytes(struct answers *a, uint64_t time, bool idle, enum input_port *port, size_t *n)
{
    *n = 0;
    while (answers_pending(a)) {
        if (answers_due(a) <= time && !a->found) {
            a->found = true;
            a->found_at = time;
        }
        if (!a->found || (!idle && !a->given && time - a->found_at < ANSWERS_BUSY))
            return NULL;
        if (!a->bytes)
            make_bytes(a);
        if (a->given < a->nbytes)
            break;
        turn(a, time); /* all of it was lost */
    }
    *port = a->port;
    *n = a->nbytes - a->given;
    return a->bytes + a->given;
}

void answers_taken(struct answers *a, size_t n)
{
    a->given += n;
    if (n && a->given == a->nbytes)
        turn(a, a->found_at);
}

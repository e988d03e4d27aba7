/* style.c - how styles look; colours; substitutes for terminals with few characters. See canvas.h. */
#include <stdlib.h>
#include <string.h>

#include "traces/event.h"
#include "tui/canvas.h"

static const struct {
    const char *name;
    struct face look;
} styles[STYLE_COUNT] = {
#define STYLE(id, name, ink, paper, ink16, paper16, attributes, mono)                                        \
    {name, {ink, paper, ink16, paper16, attributes, mono}},
#include "tui/styles.def"
#undef STYLE
};
_Static_assert(STYLE_COUNT - STYLE_CLASS_CPU == EC_COUNT,
               "a style for each class of events, and no others after them");

void looks_default(struct looks *l)
{
    for (unsigned i = 0; i < STYLE_COUNT; i++)
        l->of[i] = styles[i].look;
}

/* ---------------------------------------------------------------- configuring */

static int parse_colour(const char *word, int *colour)
{
    char *end;
    if (!strcmp(word, "default")) {
        *colour = -1;
        return 0;
    }
    long n = strtol(word, &end, 10);
    if (end == word || *end || n < 0 || n > 255)
        return -1;
    *colour = (int)n;
    return 0;
}

static int attribute(const char *word)
{
    static const char *const words[] = {"bold", "reverse", "underline", "dim"};
    for (unsigned i = 0; i < 4; i++)
        if (!strcmp(word, words[i]))
            return 1 << i;
    return 0;
}

static int style_word(struct face *look, const char *word, bool *paper)
{
    int colour;
    if (!strcmp(word, "on")) {
        *paper = true;
    } else if (attribute(word)) {
        look->attributes |= (uint8_t)attribute(word);
        look->mono |= (uint8_t)attribute(word);
    } else if (!parse_colour(word, &colour)) {
        *(*paper ? &look->paper : &look->ink) = (int16_t)colour;
        *(*paper ? &look->paper16 : &look->ink16) = (int8_t)(colour < 16 ? colour : -1);
    } else {
        return -1;
    }
    return 0;
}

int looks_set(struct looks *l, const char *name, const char *value)
{
    char words[200], *save, *word;
    bool paper = false;
    struct face look = {.ink = -1, .paper = -1, .ink16 = -1, .paper16 = -1};
    unsigned s = 0;
    while (s < STYLE_COUNT && strcmp(styles[s].name, name))
        s++;
    if (s == STYLE_COUNT || snprintf(words, sizeof words, "%s", value) >= (int)sizeof words)
        return -1;
    for (word = strtok_r(words, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
        if (style_word(&look, word, &paper))
            return -1;
    l->of[s] = look;
    return 0;
}

/* ---------------------------------------------------------------- colours */

/* xterm's colours: 16 system colours, a cube of 6 x 6 x 6, and 24 greys. */
uint32_t colour_rgb(int colour)
{
    static const uint32_t system[16] = {0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc,
                                        0x11a8cd, 0xcccccc, 0x666666, 0xf14c4c, 0x23d18b, 0xf5f543,
                                        0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff};
    static const uint8_t step[6] = {0, 95, 135, 175, 215, 255};
    if (colour < 16)
        return system[colour & 15];
    if (colour >= 232)
        return (uint32_t)(8 + 10 * (colour - 232)) * 0x010101;
    colour -= 16;
    return (uint32_t)step[colour / 36] << 16 | (uint32_t)step[colour / 6 % 6] << 8 | step[colour % 6];
}

static unsigned cube_step(unsigned v)
{
    return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
}

static unsigned distance(uint32_t a, uint32_t b)
{
    int sum = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        int d = (int)(a >> shift & 255) - (int)(b >> shift & 255);
        sum += d * d;
    }
    return (unsigned)sum;
}

int colour_nearest(uint32_t rgb)
{
    unsigned r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255, mean = (r + g + b) / 3;
    int cube = (int)(16 + 36 * cube_step(r) + 6 * cube_step(g) + cube_step(b));
    int grey = mean < 8 ? 16 : mean > 238 ? 231 : (int)(232 + (mean - 3) / 10);
    return distance(rgb, colour_rgb(grey)) < distance(rgb, colour_rgb(cube)) ? grey : cube;
}

/* ---------------------------------------------------------------- characters */

static const struct {
    uint32_t character;
    char like;
} likes[] = {
    {0x2500, '-'}, {0x2502, '|'}, {0x2506, ':'}, {0x2014, '-'}, {0x2026, '.'}, {0x25b8, '>'}, {0x25be, 'v'},
    {0x25b6, '>'}, {0x25c0, '<'}, {0x2190, '<'}, {0x2192, '>'}, {0x2191, '^'}, {0x2193, 'v'}, {0x2022, '*'},
    {0x25cf, '*'}, {0x25c6, '*'}, {0x25b2, '^'}, {0x25bc, 'v'}, {0x2588, '#'}, {0x2593, '#'}, {0x2592, '+'},
    {0x2591, '.'}, {0x2580, '"'}, {0x2584, '_'}, {0x00b7, '.'}, {0x2581, '.'}, {0x2582, '.'}, {0x2583, ':'},
    {0x2585, '+'}, {0x2586, '+'}, {0x2587, '#'}, {0x2514, '`'}, {0x251c, '+'}, {0x250c, '+'}, {0x2510, '+'},
    {0x2518, '+'}, {0x2524, '+'}, {0x252c, '+'}, {0x2534, '+'}, {0x253c, '+'}, {0x2550, '='}, {0x2551, '|'},
    {0x2554, '+'}, {0x2557, '+'}, {0x255a, '+'}, {0x255d, '+'}, {0x258c, '|'}, {0x2590, '|'}, {0x2713, 'x'},
    {0x00d7, 'x'}, {0x2026, '.'}, {0x258f, '|'}, {0x25c2, '<'}, {0x23ce, '<'},
};

char ascii_like(uint32_t c)
{
    if (c >= 0x20 && c < 0x7f)
        return (char)c;
    for (size_t i = 0; i < sizeof likes / sizeof likes[0]; i++)
        if (likes[i].character == c)
            return likes[i].like;
    return c >= 0x2500 && c < 0x2580 ? '+' : '?';
}

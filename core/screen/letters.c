/* letters.c - which of the characters that look the same was meant: see choose_letters() in private/match.h.
 *
 * A word is taken to be in one script: that of most of its letters which only one script has. */
#include <stdlib.h>

#include "core/screen/private/match.h"

enum { LINES = 8, SCRIPTS };

/* Scripts whose letters look like those of another one. Source: the Unicode Standard, its code charts. */
static const struct {
    uint32_t first, last;
    uint8_t script;
} scripts[] = {
    {0x0041, 0x005a, 1},     {0x0061, 0x007a, 1}, {0x00aa, 0x024f, 1}, {0x1e00, 0x1eff, 1}, /* Latin */
    {0x0370, 0x03ff, 2},     {0x1f00, 0x1fff, 2},                                           /* Greek */
    {0x0400, 0x052f, 3},     {0x1c80, 0x1c8f, 3}, {0x2de0, 0x2dff, 3},                      /* Cyrillic */
    {0x0530, 0x058f, 4},                                                                    /* Armenian */
    {0x0590, 0x05ff, 5},     {0xfb1d, 0xfb4f, 5},                                           /* Hebrew */
    {0x0600, 0x06ff, 6},     {0xfb50, 0xfdff, 6}, {0xfe70, 0xfeff, 6},                      /* Arabic */
    {0x10a0, 0x10ff, 7},     {0x1c90, 0x1cbf, 7},                                           /* Georgian */
    {0x2500, 0x259f, LINES}, /* lines and blocks */
};

static unsigned script_of(uint32_t character)
{
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (character >= scripts[i].first && character <= scripts[i].last)
            return scripts[i].script;
    return 0;
}

/* The glyph, among those with the same pixels, of that script if there is one; else the usual one. *several: scripts differ. */
static uint32_t choose(const struct font *f, size_t first, unsigned script, bool *several)
{
    const uint32_t *rows = font_rows(f, first);
    const unsigned cells = f->glyph[first].cells;
    uint32_t usual = UINT32_MAX, found = UINT32_MAX;
    unsigned seen = 0;
    for (struct hash_search s = hash_search(&f->index, font_hash(rows, f->height));
         font_next(f, &s, cells, rows);) {
        const uint32_t c = f->glyph[s.number].character;
        const unsigned own = script_of(c);
        seen |= 1u << own;
        usual = c < usual ? c : usual;
        found = own == script && c < found ? c : found;
    }
    *several = seen & (seen - 1);
    return found != UINT32_MAX && (script != LINES || usual >= 0x80) ? found : usual;
}

static bool in_word(const struct display_cell *c)
{
    return c->character != ' ';
}

/* The script of a word, of cells [from, to). */
static unsigned word_script(const struct font *f, const size_t *first, size_t from, size_t to)
{
    unsigned count[SCRIPTS] = {0}, best = 1;
    bool several;
    for (size_t i = from; i < to; i++)
        if (first[i] != SIZE_MAX) {
            const unsigned script = script_of(choose(f, first[i], 0, &several));
            count[script] += script && !several;
        }
    for (unsigned i = 1; i < SCRIPTS; i++)
        if (count[i] > count[best])
            best = i;
    return count[best] ? best : 0;
}

void choose_letters(const struct font *f, const size_t *first, struct grid *g)
{
    const size_t n = (size_t)g->columns * g->rows;
    bool several;
    for (size_t from = 0, to; from < n; from = to + 1) {
        const size_t end = from - from % g->columns + g->columns;
        for (to = from; to < end && in_word(&g->cells[to]); to++)
            ;
        const unsigned script = to > from ? word_script(f, first, from, to) : 0;
        for (size_t i = from; i < to; i++)
            if (first[i] != SIZE_MAX)
                g->cells[i].character = choose(f, first[i], script ? script : LINES, &several);
        if (to == end)
            to--;
    }
}

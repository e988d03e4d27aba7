/* screen.h - what a guest's display shows as text, where it is in a graphics mode: what a Linux kernel's own console
 * (drivers/tty/vt) has there, by the kernel's memory; else what is written in the pixels, by the fonts that are in the guest's memory. */
#ifndef BOOTREEL_CORE_SCREEN_SCREEN_H
#define BOOTREEL_CORE_SCREEN_SCREEN_H

#include "core/engine/look.h"
#include "traces/trace.h"

struct screen;
struct engine_kind;
/* Reads nothing yet. */
struct screen *screen_open(struct trace *t, const struct engine_kind *kind);
/* Of a machine that is being recorded: what a kernel's console has is read from the pixels, too. */
struct screen *screen_of_machine(const struct engine_kind *kind, const struct engine_config *cfg);
void screen_close(struct screen *s); /* NULL is allowed */

/* Where a text is from. */
enum screen_from {
    SCREEN_NOTHING,
    SCREEN_DISPLAY, /* the display's own text mode */
    SCREEN_CONSOLE, /* the kernel's console */
    SCREEN_PIXELS,
};

/* In a graphics mode: the display's characters, row by row, in *cells, to be freed, and their number and cursor in *d. A wide character's
 * second cell has the character 0. With SCREEN_NOTHING, as in a text mode, *cells is NULL. Cost: the first time, reading the kernel's
 * types; where the pixels are read, some tenths of a second, and less if the display shows what it showed before. */
enum screen_from screen_cells(struct screen *s, struct look m, struct display *d,
                              struct display_cell **cells);
/* The text, as engine_ops.screen, of a text mode or of what screen_cells() gives. */
enum screen_from screen_text(struct screen *s, struct look m, char *buf, size_t size, size_t *n);
/* With which font pixels were read at the last call that said SCREEN_PIXELS, in words. */
const char *screen_font(const struct screen *s);
/* Where a cell's glyph is in the display's memory: the physical address of the first pixel, in the order of rows, that has the cell's
 * ink, and its bytes. `row` and `column` as in screen_cells(). -1 with err: the text is not read from pixels, there is no such cell,
 * it is a blank, or the mode's pixels have no bytes of their own. Cost: that of screen_cells(). */
int screen_pixel(struct screen *s, struct look m, unsigned row, unsigned column, uint64_t *physical,
                 unsigned *bytes, struct error *err);
/* In a graphics mode: whether a program draws instead of the kernel's console. */
bool screen_program_draws(struct screen *s, struct look m);

#endif

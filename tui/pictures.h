/* pictures.h - pictures for terminals, by chafa: as characters, or as sixel or kitty graphics. Private to tui/. */
#ifndef BOOTREEL_TUI_PICTURES_H
#define BOOTREEL_TUI_PICTURES_H

#include "tui/canvas.h"

enum picture_mode { PICTURE_CHARACTERS, PICTURE_SIXEL, PICTURE_KITTY };

/* What the terminal can draw: as the environment variable BOOTREEL_PICTURES says (characters, sixel, kitty), or else as is known of
 * the terminal that the environment names. */
enum picture_mode picture_mode_of(char **environment);
/* Fits a picture of red, green and blue bytes into a window, as large as its shape allows: *columns and *rows, at least 1. */
void picture_fit(const struct canvas_picture *p, const struct window *w, int *columns, int *rows);
/* Draws it as characters into the upper left corner of a window, in so many cells. The same picture gives the same cells. */
void picture_draw(const struct canvas_picture *p, const struct window *w, int columns, int rows);
/* What is sent to a terminal to draw p in its cells, each `width` x `height` pixels (0: not known); *n bytes, to be freed. */
char *picture_encode(const struct canvas_picture *p, enum picture_mode mode, unsigned width, unsigned height,
                     size_t *n);

#endif

/* canvas.h - the screen's contents as cells: views draw into windows of it, and a backend (ncurses, a text
 * file, an SVG file) prints it. Nothing here depends on a terminal. Private to tui/.
 */
#ifndef BOOTREEL_TUI_CANVAS_H
#define BOOTREEL_TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/utf8.h"

/* What a cell shows. style.c defines how that looks, which can be configured. */
enum style {
#define STYLE(id, ...) STYLE_##id,
#include "tui/styles.def"
#undef STYLE
    STYLE_COUNT
};

enum cell_flag {
    CELL_SELECTED = 1, /* in the selected row of the pane with the focus, … */
    CELL_MARKED = 2,   /* … or of another pane */
    CELL_COLOURED = 4, /* ink and paper apply: the guest's own colours */
};

struct cell {
    uint32_t character; /* Unicode, one column wide */
    uint8_t style;
    uint8_t flags;
    uint32_t ink, paper; /* 0xRRGGBB */
};

/* A picture that a terminal draws by itself, over cells that are blank. */
struct canvas_picture {
    int x, y, w, h;         /* in cells; w is 0 if there is none */
    unsigned width, height; /* in pixels */
    uint8_t *rgb;           /* red, green and blue */
};

struct canvas {
    int w, h;
    struct cell *cell;             /* row by row */
    bool pictures;                 /* pictures can be drawn, not only characters */
    struct canvas_picture picture; /* the only one; with `pictures` */
};

/* A rectangle of a canvas, with its own coordinates. Drawing is clipped to it. */
struct window {
    struct canvas *c;
    int x, y, w, h;
};

void canvas_resize(struct canvas *c, int w, int h);
void canvas_free(struct canvas *c);
void canvas_clear(struct canvas *c);
struct window canvas_window(struct canvas *c);
/* Row y as UTF-8 without trailing blanks; the caller frees it. With `ascii`, each character that is not ASCII
 * is replaced by a similar one. */
char *canvas_row(const struct canvas *c, int y, bool ascii);

struct window window_part(const struct window *w, int x, int y, int width, int height);
/* These draw at (x, y) and return the column after the text. Anything that is not UTF-8, not printable or not
 * one column wide is drawn as a dot. */
int window_text(const struct window *w, int x, int y, enum style s, const char *text);
__attribute__((format(printf, 5, 6))) int window_print(const struct window *w, int x, int y, enum style s,
                                                       const char *fmt, ...);
void window_fill(const struct window *w, int x, int y, int n, enum style s, uint32_t character);
/* Draws a display's picture: as one, if the canvas can have it, or as characters. rgb is copied. */
void window_picture(const struct window *w, unsigned width, unsigned height, const uint8_t *rgb);
void window_put(const struct window *w, int x, int y, const struct cell *cell);
/* The character, if it is one column wide in every terminal and no control character; else a dot. */
uint32_t canvas_shown(uint32_t c);
/* Sets flags of n cells. */
void window_flag(const struct window *w, int x, int y, int n, unsigned flags);
/* Gives n cells a style and keeps their characters. */
void window_style(const struct window *w, int x, int y, int n, enum style s);

/* ---------------------------------------------------------------- how styles look (style.c) */

struct face {
    int16_t ink, paper;    /* of the 256 colours; -1 for the terminal's own */
    int8_t ink16, paper16; /* of the 8 colours, + 8 if bright; or -1 */
    uint8_t attributes;    /* enum look_attribute, with colours, … */
    uint8_t mono;          /* … and without */
};
enum look_attribute { LOOK_BOLD = 1, LOOK_REVERSE = 2, LOOK_UNDERLINE = 4, LOOK_DIM = 8 };

struct looks {
    struct face of[STYLE_COUNT];
};

void looks_default(struct looks *l);
/* One line of the configuration: a style's name, then "INK [on PAPER] [bold] [underline] [reverse] [dim]",
 * with colours as 0-255 or "default". -1 if the style or a word is unknown. */
int looks_set(struct looks *l, const char *name, const char *value);
/* One of the 256 colours as 0xRRGGBB. */
uint32_t colour_rgb(int colour);
/* The nearest one of the 256 colours. */
int colour_nearest(uint32_t rgb);
/* An ASCII substitute for a character that a terminal may not have. */
char ascii_like(uint32_t character);
/* Takes one character off *s. Returns 0xfffd for invalid UTF-8, and 0 at the end. */
uint32_t utf8_take(const char **s);

/* ---------------------------------------------------------------- dumps (dump.c) */

/* Writes the canvas as text, without trailing blanks in rows. */
void dump_text(const struct canvas *c, bool ascii, FILE *out);
/* Writes the canvas as a picture, with the colours of 256-colour terminals. */
void dump_svg(const struct canvas *c, const struct looks *l, bool mono, FILE *out);

#endif

/* pictures.c - see pictures.h. */
#include <chafa.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/pictures.h"

enum { CELL_WIDTH = 8, CELL_HEIGHT = 16 /* if the terminal does not say */ };

enum picture_mode picture_mode_of(char **environment)
{
    static const char *const names[] = {"characters", "sixel", "kitty"};
    const char *wish = getenv("BOOTREEL_PICTURES");
    for (unsigned i = 0; wish && i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(wish, names[i]))
            return (enum picture_mode)i;
    ChafaTermInfo *info = chafa_term_db_detect(chafa_term_db_get_default(), environment);
    const enum picture_mode mode =
        chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1) ? PICTURE_KITTY
        : chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_SIXELS)                 ? PICTURE_SIXEL
                                                                                      : PICTURE_CHARACTERS;
    chafa_term_info_unref(info);
    return mode;
}

/* A cell is twice as high as it is wide. */
void picture_fit(const struct canvas_picture *p, const struct window *w, int *columns, int *rows)
{
    *columns = w->w;
    *rows = w->h;
    if ((uint64_t)w->w * p->height > (uint64_t)w->h * 2 * p->width)
        *columns = (int)((uint64_t)w->h * 2 * p->width / p->height);
    else
        *rows = (int)(((uint64_t)w->w * p->height / p->width + 1) / 2);
    *columns = *columns < 1 ? 1 : *columns;
    *rows = *rows < 1 ? 1 : *rows > w->h ? w->h : *rows;
}

/* One thread, no dithering: what comes out depends on the picture alone. */
static ChafaCanvas *canvas_of(const struct canvas_picture *p, ChafaPixelMode mode, int columns, int rows,
                              unsigned width, unsigned height)
{
    ChafaCanvasConfig *c = chafa_canvas_config_new();
    ChafaSymbolMap *symbols = chafa_symbol_map_new();
    chafa_set_n_threads(1);
    chafa_symbol_map_add_by_tags(symbols, CHAFA_SYMBOL_TAG_SPACE | CHAFA_SYMBOL_TAG_SOLID |
                                              CHAFA_SYMBOL_TAG_HALF | CHAFA_SYMBOL_TAG_QUAD);
    chafa_canvas_config_set_symbol_map(c, symbols);
    chafa_canvas_config_set_canvas_mode(c, CHAFA_CANVAS_MODE_TRUECOLOR);
    chafa_canvas_config_set_pixel_mode(c, mode);
    chafa_canvas_config_set_geometry(c, columns, rows);
    chafa_canvas_config_set_cell_geometry(c, (int)width, (int)height);
    chafa_canvas_config_set_color_space(c, CHAFA_COLOR_SPACE_RGB);
    chafa_canvas_config_set_dither_mode(c, CHAFA_DITHER_MODE_NONE);
    chafa_canvas_config_set_preprocessing_enabled(c, FALSE);
    ChafaCanvas *canvas = chafa_canvas_new(c);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, p->rgb, (int)p->width, (int)p->height,
                                 (int)p->width * 3);
    chafa_symbol_map_unref(symbols);
    chafa_canvas_config_unref(c);
    return canvas;
}

void picture_draw(const struct canvas_picture *p, const struct window *w, int columns, int rows)
{
    ChafaCanvas *canvas = canvas_of(p, CHAFA_PIXEL_MODE_SYMBOLS, columns, rows, CELL_WIDTH, CELL_HEIGHT);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) {
            int ink = 0, paper = 0;
            chafa_canvas_get_colors_at(canvas, x, y, &ink, &paper);
            const struct cell cell = {.character = chafa_canvas_get_char_at(canvas, x, y),
                                      .flags = CELL_COLOURED,
                                      .ink = (uint32_t)ink & 0xffffff,
                                      .paper = (uint32_t)paper & 0xffffff};
            window_put(w, x, y, &cell);
        }
    chafa_canvas_unref(canvas);
}

/* Sequences that all terminals with such graphics understand: chafa's table has none for a terminal that it does not know. */
static ChafaTermInfo *sequences(void)
{
    return chafa_term_db_get_fallback_info(chafa_term_db_get_default());
}

char *picture_encode(const struct canvas_picture *p, enum picture_mode mode, unsigned width, unsigned height,
                     size_t *n)
{
    ChafaCanvas *canvas =
        canvas_of(p, mode == PICTURE_KITTY ? CHAFA_PIXEL_MODE_KITTY : CHAFA_PIXEL_MODE_SIXELS, p->w, p->h,
                  width ? width : CELL_WIDTH, height ? height : CELL_HEIGHT);
    ChafaTermInfo *info = sequences();
    GString *text = chafa_canvas_print(canvas, info);
    char *out = mem_alloc(text->len + 1);
    memcpy(out, text->str, *n = text->len);
    g_string_free(text, TRUE);
    chafa_term_info_unref(info);
    chafa_canvas_unref(canvas);
    return out;
}

/* timeline_screen.c - see timeline_screen.h. */
#include "core/screen/screen.h"
#include "core/screen/timeline_screen.h"

static void release(void *kept)
{
    screen_close(kept);
}

static struct screen *screen_of(struct timeline *tl)
{
    void **kept = timeline_keeps(tl, release);
    if (!*kept)
        *kept = screen_open(timeline_trace(tl), timeline_kind(tl));
    return *kept;
}

size_t timeline_screen(struct timeline *tl, char *buf, size_t size)
{
    size_t n;
    screen_text(screen_of(tl), timeline_look(tl), buf, size, &n);
    return n;
}

struct display_cell *timeline_console(struct timeline *tl, struct display *d)
{
    struct display_cell *cells;
    screen_cells(screen_of(tl), timeline_look(tl), d, &cells);
    return cells;
}

int timeline_pixel(struct timeline *tl, unsigned row, unsigned column, uint64_t *physical, unsigned *bytes,
                   struct error *err)
{
    return screen_pixel(screen_of(tl), timeline_look(tl), row, column, physical, bytes, err);
}

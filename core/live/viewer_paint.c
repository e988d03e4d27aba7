/* viewer_paint.c - see private/viewer_paint.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "core/live/private/viewer_paint.h"
#include "core/live/viewer_link.h"

/* Until the guest shows something. */
enum { FIRST_WIDTH = 640, FIRST_HEIGHT = 480 };

struct viewer_paint {
    struct viewer_screen *shared; /* its size is not read from there: `width`, `height` */
    uint32_t frame, width, height;
    uint8_t *now, *before; /* red, green and blue */
    size_t size;           /* bytes of each */
};

/* The memory keeps its size, and the server's descriptor of it cannot be written: so nothing that the server does can disturb us. */
static int share(struct viewer_paint *p, int *fd)
{
    char name[40];
    const int rw = memfd_create("bootreel-screen", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *at = MAP_FAILED;
    if (rw < 0)
        return -1;
    snprintf(name, sizeof name, "/proc/self/fd/%d", rw);
    if (!ftruncate(rw, (off_t)VIEWER_MEMORY) &&
        !fcntl(rw, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        at = mmap(NULL, VIEWER_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0);
    *fd = at == MAP_FAILED ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    const int why = errno;
    close(rw);
    if (*fd < 0 && at != MAP_FAILED)
        munmap(at, VIEWER_MEMORY);
    errno = why;
    p->shared = at;
    return *fd < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- changing the screen */

static void begin_frame(struct viewer_paint *p)
{
    __atomic_store_n(&p->shared->frame, ++p->frame, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
}

static void end_frame(struct viewer_paint *p)
{
    __atomic_store_n(&p->shared->frame, ++p->frame, __ATOMIC_RELEASE);
}

static void resize(struct viewer_paint *p, uint32_t width, uint32_t height)
{
    p->shared->width = p->width = width;
    p->shared->height = p->height = height;
    p->size = (size_t)width * height * 3;
    free(p->now);
    free(p->before);
    p->now = mem_zero(p->size, 1);
    p->before = mem_zero(p->size, 1);
}

struct viewer_paint *viewer_paint_new(int *fd, struct error *err)
{
    struct viewer_paint *p = mem_zero(1, sizeof *p);
    if (share(p, fd)) {
        error_set(err, "--display: no memory to share the screen in: %s", strerror(errno));
        free(p);
        return NULL;
    }
    begin_frame(p);
    resize(p, FIRST_WIDTH, FIRST_HEIGHT);
    end_frame(p);
    return p;
}

void viewer_paint_free(struct viewer_paint *p)
{
    if (!p)
        return;
    munmap(p->shared, VIEWER_MEMORY);
    free(p->now);
    free(p->before);
    free(p);
}

/* ---------------------------------------------------------------- what has changed */

struct tile {
    uint32_t x, y, width, height;
};

static struct tile tile_at(const struct viewer_paint *p, uint32_t column, uint32_t row)
{
    struct tile t = {column * VIEWER_TILE_WIDTH, row * VIEWER_TILE_HEIGHT, VIEWER_TILE_WIDTH,
                     VIEWER_TILE_HEIGHT};
    t.width = t.x + t.width > p->width ? p->width - t.x : t.width;
    t.height = t.y + t.height > p->height ? p->height - t.y : t.height;
    return t;
}

static bool is_changed(const struct viewer_paint *p, const struct tile *t)
{
    for (uint32_t y = t->y; y < t->y + t->height; y++) {
        const size_t at = ((size_t)y * p->width + t->x) * 3;
        if (memcmp(p->now + at, p->before + at, (size_t)t->width * 3))
            return true;
    }
    return false;
}

static void write_tile(const struct viewer_paint *p, const struct tile *t)
{
    uint32_t *pixels = (uint32_t *)((uint8_t *)p->shared + VIEWER_PIXELS_AT);
    for (uint32_t y = t->y; y < t->y + t->height; y++) {
        const uint8_t *from = p->now + ((size_t)y * p->width + t->x) * 3;
        uint32_t *to = pixels + (size_t)y * p->width + t->x;
        for (uint32_t x = 0; x < t->width; x++, from += 3)
            to[x] = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16;
    }
}

/* Writes the tiles that differ, or all of them. The frame begins with the first of them. */
static bool write_tiles(struct viewer_paint *p, bool all)
{
    const uint32_t columns = viewer_tile_columns(p->width), rows = viewer_tile_rows(p->height);
    bool any = all;
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t column = 0; column < columns; column++) {
            const struct tile t = tile_at(p, column, row);
            if (!all && !is_changed(p, &t))
                continue;
            if (!any)
                begin_frame(p);
            any = true;
            write_tile(p, &t);
            p->shared->stamp[row * columns + column] = p->frame + 1;
        }
    return any;
}

void viewer_paint(struct viewer_paint *p, const struct engine *e)
{
    struct display d;
    if (!e->ops->display || !e->ops->display(e, &d, NULL, 0, NULL, 0) || !d.width || !d.height ||
        d.width > VIEWER_SIDE || d.height > VIEWER_SIDE || (uint64_t)d.width * d.height > VIEWER_PIXELS)
        return;
    const bool other = d.width != p->width || d.height != p->height;
    if (other) {
        begin_frame(p);
        resize(p, d.width, d.height);
    }
    e->ops->display(e, &d, NULL, 0, p->now, p->size);
    if (write_tiles(p, other))
        end_frame(p);
    uint8_t *old = p->before;
    p->before = p->now;
    p->now = old;
}

void viewer_paint_size(const struct viewer_paint *p, unsigned *width, unsigned *height)
{
    *width = p->width;
    *height = p->height;
}

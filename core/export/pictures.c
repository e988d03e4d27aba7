/* pictures.c - what the screen shows, at positions that are evenly spaced. See impl.h. */
#include <stdlib.h>
#include <string.h>

#include "core/export/private/impl.h"
#include "core/views/picture.h"

void picture_free(struct picture *p)
{
    free(p->rgb);
    *p = (struct picture){0};
}

/* False if the screen shows nothing. */
static bool look(const struct engine *e, struct picture *p)
{
    struct display d;
    if (!e->ops->display || !e->ops->display(e, &d, NULL, 0, NULL, 0) || !d.width || !d.height)
        return false;
    size_t n = (size_t)d.width * d.height * 3;
    uint8_t *rgb = mem_zero(n, 1);
    e->ops->display(e, &d, NULL, 0, rgb, n);
    *p = (struct picture){.icount = e->ops->icount(e), .time = e->ops->time(e)};
    picture_size(&d, &p->width, &p->height);
    p->rgb = picture_stretch(&d, rgb, p->width, p->height);
    free(rgb);
    return true;
}

static bool same(const struct picture *a, const struct picture *b)
{
    return a->rgb && a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, (size_t)a->width * a->height * 3);
}

static struct picture copy(const struct picture *p)
{
    struct picture c = *p;
    c.rgb = mem_copy(p->rgb, (size_t)p->width * p->height * 3);
    return c;
}

int export_pictures(const struct export_options *o, unsigned n, void (*fn)(void *ctx, struct picture *p),
                    void *ctx, struct error *err)
{
    const struct engine *e = replay_engine(o->replay);
    struct picture last = {0}, now;
    uint64_t range = o->to - o->from;
    int rc = o->from ? replay_seek(o->replay, o->from, err) : 0;
    replay_progress(o->replay, o->progress, o->ctx);
    for (unsigned i = 0; i <= n && !rc; i++) {
        uint64_t at = o->from + (uint64_t)((unsigned __int128)range * i / (n ? n : 1));
        rc = replay_reach(o->replay, n ? at : o->to, err);
        if (rc || !look(e, &now))
            continue;
        if (same(&last, &now)) {
            picture_free(&now);
            continue;
        }
        picture_free(&last);
        last = copy(&now);
        fn(ctx, &now);
    }
    picture_free(&last);
    return rc;
}

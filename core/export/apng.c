/* apng.c - the screen as an animated PNG (Mozilla, "APNG Specification" 1.0): the first picture as an ordinary PNG, and
 * then for each change the rectangle that changed. libpng, which has no animations, compresses each of them; its data is
 * then put into the animation's chunks. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/byte_order.h"
#include "base/out.h"
#include "core/export/private/impl.h"
#include "core/views/picture.h"

enum { LAST_MS = 3000, MAX_U16 = 65535 };

struct apng_frame {
    unsigned x, y, width, height;
    uint64_t time;
    char *png; /* a whole file, by libpng */
    size_t n;
};

struct animation {
    struct picture first;
    unsigned width, height; /* the largest so far */
    uint8_t *canvas;        /* what is shown */
    struct apng_frame *frames;
    size_t n;
    uint32_t sequence;
    FILE *out;
    struct error *err;
    bool failed;
};

/* ---------------------------------------------------------------- chunks: PNG specification, 5.3 */

/* A chunk whose data is in two parts. */
static void put_chunk(FILE *out, const char *type, const uint8_t *head, size_t nhead, const uint8_t *data,
                      size_t n)
{
    uint8_t length[4], sum[4];
    uLong crc = crc32(crc32(0, (const Bytef *)type, 4), head, (uInt)nhead);
    if (n)
        crc = crc32(crc, data, (uInt)n);
    put_be32(length, (uint32_t)(nhead + n));
    put_be32(sum, (uint32_t)crc);
    out_bytes(out, length, 4);
    out_bytes(out, type, 4);
    out_bytes(out, head, nhead);
    out_bytes(out, data, n);
    out_bytes(out, sum, 4);
}

/* ---------------------------------------------------------------- frames */

static int pack(struct apng_frame *f, const uint8_t *rgb, size_t stride, struct error *err)
{
    FILE *m = mem_check(open_memstream(&f->png, &f->n));
    int rc = picture_png(m, f->width, f->height, rgb, stride, err);
    fclose(m);
    return rc;
}

static uint8_t *enlarged(const uint8_t *rgb, unsigned width, unsigned height, unsigned to_width,
                         unsigned to_height)
{
    uint8_t *to = mem_zero((size_t)to_width * to_height, 3);
    for (unsigned y = 0; y < height; y++)
        memcpy(to + (size_t)y * to_width * 3, rgb + (size_t)y * width * 3, (size_t)width * 3);
    return to;
}

/* The smallest rectangle that holds every difference of two pictures of the canvas's size. */
static struct apng_frame changed(const struct animation *a, const uint8_t *was, const uint8_t *now)
{
    unsigned left = a->width, right = 0, top = a->height, bottom = 0;
    for (unsigned y = 0; y < a->height; y++)
        for (unsigned x = 0; x < a->width; x++) {
            size_t at = ((size_t)y * a->width + x) * 3;
            if (!memcmp(was + at, now + at, 3))
                continue;
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y;
        }
    if (left > right) /* it only became larger, or smaller with black around it */
        return (struct apng_frame){.width = 1, .height = 1};
    return (struct apng_frame){.x = left, .y = top, .width = right - left + 1, .height = bottom - top + 1};
}

static void add_change(struct animation *a, const struct picture *p)
{
    unsigned width = p->width > a->width ? p->width : a->width;
    unsigned height = p->height > a->height ? p->height : a->height;
    uint8_t *was = enlarged(a->canvas, a->width, a->height, width, height);
    uint8_t *now = enlarged(p->rgb, p->width, p->height, width, height);
    a->width = width;
    a->height = height;
    struct apng_frame f = changed(a, was, now);
    f.time = p->time;
    a->failed |= pack(&f, now + ((size_t)f.y * width + f.x) * 3, (size_t)width * 3, a->err) != 0;
    MEM_MORE(a->frames, a->n);
    a->frames[a->n++] = f;
    free(was);
    free(a->canvas);
    a->canvas = now;
}

static void take_picture(void *ctx, struct picture *p)
{
    struct animation *a = ctx;
    if (a->n) {
        add_change(a, p);
        picture_free(p);
        return;
    }
    a->first = *p; /* packed when the canvas's size is known */
    a->width = p->width;
    a->height = p->height;
    a->canvas = enlarged(p->rgb, p->width, p->height, p->width, p->height);
    MEM_MORE(a->frames, a->n);
    a->frames[a->n++] = (struct apng_frame){.time = p->time};
}

/* ---------------------------------------------------------------- the file */

static void put_control(struct animation *a, const struct apng_frame *f, uint64_t until)
{
    uint8_t c[26] = {0};
    uint64_t ms = (until - f->time) / 1000000;
    bool seconds = ms > MAX_U16;
    uint64_t delay = seconds ? ms / 1000 : ms;
    delay = delay > MAX_U16 ? MAX_U16 : delay;
    put_be32(c, a->sequence++);
    put_be32(c + 4, f->width);
    put_be32(c + 8, f->height);
    put_be32(c + 12, f->x);
    put_be32(c + 16, f->y);
    c[20] = (uint8_t)(delay >> 8);
    c[21] = (uint8_t)delay;
    c[22] = seconds ? 0 : 1000 >> 8;
    c[23] = seconds ? 1 : 1000 & 255;
    put_chunk(a->out, "fcTL", c, sizeof c, NULL, 0);
}

/* Copies the compressed data of a PNG file, which libpng wrote. */
static void put_data(struct animation *a, const struct apng_frame *f, bool first)
{
    const uint8_t *p = (const uint8_t *)f->png + 8, *end = (const uint8_t *)f->png + f->n;
    for (; end - p >= 12; p += 12 + be32(p)) {
        uint8_t sequence[4];
        if (memcmp(p + 4, "IDAT", 4))
            continue;
        if (!first)
            put_be32(sequence, a->sequence++);
        put_chunk(a->out, first ? "IDAT" : "fdAT", sequence, first ? 0 : 4, p + 8, be32(p));
    }
}

static int put_file(struct animation *a)
{
    struct apng_frame *first = &a->frames[0];
    uint8_t *rgb = enlarged(a->first.rgb, a->first.width, a->first.height, a->width, a->height);
    uint8_t counts[8] = {0};
    first->width = a->width;
    first->height = a->height;
    int rc = pack(first, rgb, (size_t)a->width * 3, a->err);
    free(rgb);
    if (rc)
        return -1;
    out_bytes(a->out, first->png, 8 + 25); /* the signature and IHDR */
    put_be32(counts, (uint32_t)a->n);
    put_be32(counts + 4, 1); /* played once */
    put_chunk(a->out, "acTL", counts, sizeof counts, NULL, 0);
    for (size_t i = 0; i < a->n; i++) {
        const struct apng_frame *f = &a->frames[i];
        put_control(a, f, i + 1 < a->n ? f[1].time : f->time + LAST_MS * 1000000ull);
        put_data(a, f, i == 0);
    }
    put_chunk(a->out, "IEND", counts, 0, NULL, 0);
    return 0;
}

int export_apng(const struct export_options *o, FILE *out, struct error *err)
{
    struct animation a = {.out = out, .err = err};
    int rc = export_pictures(o, o->pictures, take_picture, &a, err);
    if (!rc && a.failed)
        rc = -1;
    if (!rc && !a.n)
        rc = error_set(err, "the screen shows nothing in that part of the run: there is no picture to write");
    if (!rc)
        rc = put_file(&a);
    for (size_t i = 0; i < a.n; i++)
        free(a.frames[i].png);
    free(a.frames);
    free(a.canvas);
    picture_free(&a.first);
    return rc;
}

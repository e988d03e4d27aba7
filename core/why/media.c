/* media.c - a CD's image whose end has not arrived: from some byte on, all that was read of it is zeros.
 *
 * Source: ECMA-119, 8.4 (primary volume descriptor: sector 16, volume space size at byte 80, in both byte orders).
 */
#include <inttypes.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/why/private/explainers.h"

enum {
    SECTOR = 2048,
    DESCRIPTOR = 16,
    SPACE_SIZE = 80,
    SECTORS = 64,    /* looked at at once */
    LEAST = 1 << 20, /* bytes: files have zeros in them, too */
    NOT_READ = 0xa5,
};

/* What was read of an image's end. */
struct tail {
    uint64_t begin; /* from this byte on only zeros were read … */
    uint64_t zeros; /* … so many */
};

static bool all(const uint8_t *p, uint8_t value)
{
    return *p == value && !memcmp(p, p + 1, SECTOR - 1);
}

/* From the end to the last sector that was read and has something in it. */
static void find_tail(struct trace *t, unsigned image, uint64_t sectors, struct tail *tail)
{
    uint8_t *piece = mem_alloc(SECTORS * SECTOR);
    bool met = false;
    for (uint64_t at = (sectors + SECTORS - 1) / SECTORS; at-- && !met;) {
        memset(piece, NOT_READ, SECTORS * SECTOR);
        trace_image_known(t, image, at * SECTORS * SECTOR, piece, SECTORS * SECTOR);
        for (unsigned i = SECTORS; i-- && !met;) {
            const uint8_t *p = piece + i * SECTOR;
            if (all(p, 0)) {
                tail->begin = (at * SECTORS + i) * SECTOR;
                tail->zeros += SECTOR;
            }
            met = !all(p, 0) && !all(p, NOT_READ);
        }
    }
    free(piece);
}

/* The bytes of the ISO 9660 volume; 0: there is none, or nobody read where it says so. */
static uint64_t volume_size(struct trace *t, unsigned image)
{
    struct error ignored;
    uint8_t d[SECTOR];
    if (trace_image_read(t, image, DESCRIPTOR * SECTOR, d, sizeof d, &ignored) || memcmp(d, "\1CD001", 6))
        return 0;
    return (uint64_t)le32(d + SPACE_SIZE) * SECTOR;
}

void explain_media(struct why_case *c, struct finding *f)
{
    const struct trace_config *cfg = trace_config(c->t);
    for (unsigned i = 0; i < cfg->nimages; i++) {
        const struct trace_image *im = &cfg->images[i];
        struct tail tail = {0};
        if (!image_is_cd(im) || !volume_size(c->t, i))
            continue;
        find_tail(c->t, i, im->size / SECTOR, &tail);
        if (tail.zeros < LEAST || tail.begin >= volume_size(c->t, i))
            continue;
        char *verdict = f->verdict.s;
        f->verdict = (struct text){0};
        text_add(&f->verdict,
                 "%s (%s) is not whole: all that was read of it from byte %" PRIu64 " on is zeros, %" PRIu64
                 " bytes; then %s",
                 im->role, im->name, tail.begin, tail.zeros, verdict);
        free(verdict);
        return;
    }
}

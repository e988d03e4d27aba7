/* powercut_words.c - writes and losses in words. See powercut.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/powercut.h"
#include "core/volumes/volumes.h"

enum { SECTOR = 512, LISTED = 6 };

/* ---------------------------------------------------------------- losses */

static void put_lost(const struct power_cut *cut, struct text *to)
{
    for (size_t i = 0; i < cut->nlost && i < LISTED; i++)
        text_add(to, "%s%zu", i ? ", " : ", without ", cut->lost[i] + 1);
    if (cut->nlost > LISTED)
        text_add(to, " and %zu others up to %zu", cut->nlost - LISTED, cut->lost[cut->nlost - 1] + 1);
}

void power_cut_words(const struct powercut *p, const struct power_cut *cut, char to[POWER_WORDS])
{
    struct text t = {0};
    if (cut->point)
        text_add(&t, "after write %zu", cut->point);
    else
        text_add(&t, "before write 1");
    put_lost(cut, &t);
    if (cut->torn)
        text_add(&t, ", with bytes %llu to %llu of the %llu of write %zu", (unsigned long long)cut->from,
                 (unsigned long long)(cut->to - 1), (unsigned long long)p->w.write[cut->torn - 1].n,
                 cut->torn);
    snprintf(to, POWER_WORDS, "%s", t.s);
    free(t.s);
}

/* ---------------------------------------------------------------- writes */

/* The files of a medium, as they were after the run and before it. */
struct medium_names {
    struct volumes *after, *before;
};

struct power_names {
    const struct powercut *p;
    struct power_cut whole, none;
    struct power_images *after, *before;
    struct medium_names *medium;
    const struct image **read; /* the ctx of each volumes: two a medium */
};

static void read_image(void *ctx, uint64_t offset, void *buf, size_t n)
{
    const struct image *im = *(const struct image **)ctx;
    struct error ignored;
    const uint64_t left = offset < im->size ? im->size - offset : 0;
    const size_t part = n < left ? n : (size_t)left;
    memset(buf, 0, n);
    if (part && im->read(im->ctx, offset, buf, part, &ignored))
        memset(buf, 0, n);
}

static struct volumes *volumes_in(struct power_names *n, const struct image *list, size_t slot,
                                  const char *role)
{
    for (size_t i = 0; i < n->p->cfg.nimages; i++)
        if (!strcmp(list[i].role, role)) {
            n->read[slot] = &list[i];
            return volumes_new(read_image, &n->read[slot], list[i].size);
        }
    return NULL;
}

struct power_names *power_names_new(const struct powercut *p)
{
    struct power_names *n = mem_zero(1, sizeof *n);
    n->p = p;
    n->whole.point = p->w.n;
    n->after = power_images_new(p->content, &n->whole);
    n->before = power_images_new(p->content, &n->none);
    n->medium = mem_zero(p->w.nmedia + 1, sizeof *n->medium);
    n->read = mem_zero(2 * p->w.nmedia + 1, sizeof(const struct image *));
    for (size_t m = 0; m < p->w.nmedia; m++) {
        if (p->w.medium[m].flash)
            continue;
        n->medium[m].after = volumes_in(n, power_images_list(n->after), 2 * m, p->w.medium[m].role);
        n->medium[m].before = volumes_in(n, power_images_list(n->before), 2 * m + 1, p->w.medium[m].role);
    }
    return n;
}

void power_names_free(struct power_names *n)
{
    if (!n)
        return;
    for (size_t m = 0; m < n->p->w.nmedia; m++) {
        volumes_free(n->medium[m].after);
        volumes_free(n->medium[m].before);
    }
    power_images_free(n->after);
    power_images_free(n->before);
    free(n->medium);
    free(n->read);
    free(n);
}

static void put_place(const struct power_names *n, const struct power_write *x, struct text *to)
{
    const struct medium_names *m = &n->medium[x->medium];
    struct volume_place place;
    const bool found = (m->after && volumes_find(m->after, x->offset, &place)) ||
                       (m->before && volumes_find(m->before, x->offset, &place));
    if (!found)
        return;
    text_add(to, ": ");
    if (place.partition)
        text_add(to, "partition %u, ", place.partition);
    text_add(to, "%s, %s, byte %llu (block %llu)", place.system, place.path, (unsigned long long)place.at,
             (unsigned long long)place.at / 4096);
}

void power_write_words(struct power_names *n, size_t write, struct text *to)
{
    const struct power_write *x = &n->p->w.write[write];
    const struct power_medium *m = &n->p->w.medium[x->medium];
    text_add(to, "write %zu (%s, ", write + 1, m->role);
    if (m->flash)
        text_add(to, "%llu byte%s at %llxh", (unsigned long long)x->n, x->n == 1 ? "" : "s",
                 (unsigned long long)x->offset);
    else if (x->n <= SECTOR)
        text_add(to, "sector %llu", (unsigned long long)x->offset / SECTOR);
    else
        text_add(to, "sectors %llu to %llu", (unsigned long long)x->offset / SECTOR,
                 (unsigned long long)(x->offset + x->n - 1) / SECTOR);
    text_add(to, ", %s at icount %llu", x->command, (unsigned long long)x->icount);
    put_place(n, x, to);
    text_add(to, ")");
}

/* services_machine.h - a small machine that runs a bare guest at 8000h, and a log of the BIOS services that
 * it calls. For tests, after cmocka.h.
 */
#ifndef BOOTREEL_TESTS_UNIT_SERVICES_MACHINE_H
#define BOOTREEL_TESTS_UNIT_SERVICES_MACHINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/host_asked.h"
#include "tests/unit/recording.h"

struct log {
    char text[16384];
    size_t n;
    uint64_t last;
};

/* The text of a service's event without its length in steps, which these tests do not check. */
static void take(void *ctx, const struct event *ev)
{
    struct log *l = ctx;
    char words[1000];
    assert_true(ev->icount >= l->last);
    l->last = ev->icount;
    if (ev->kind != EV_SERVICE && ev->kind != EV_SERVICE_AGAIN && ev->kind != EV_SERVICE_TEXT)
        return;
    event_text(ev, words, sizeof words);
    if (ev->kind == EV_SERVICE)
        *strstr(words, " (") = 0;
    l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%s", words);
    if (ev->kind == EV_SERVICE && ev->f[EVF_SERVICE_carry])
        l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, " carry");
    if (ev->kind == EV_SERVICE_TEXT && ev->f[EVF_SERVICE_TEXT_row] != 255)
        l->n +=
            (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, " at %u,%u",
                             (unsigned)ev->f[EVF_SERVICE_TEXT_row], (unsigned)ev->f[EVF_SERVICE_TEXT_column]);
    l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "\n");
    assert_true(l->n < sizeof l->text);
}

static struct engine *services_machine(const char *guest, const char *end)
{
    static const struct setting settings[] = {
        {"memory", "2097152"}, {"bios", "none"}, {"vga", "none"}, {"flat-address", "32768"}};
    struct image *im = mem_alloc(sizeof *im);
    struct engine_config cfg = {.settings = settings, .nsettings = 4, .images = im, .nimages = 1};
    struct error err;
    *im = (struct image){.role = "flat",
                         .name = "guest",
                         .size = (uint64_t)(end - guest),
                         .ctx = (void *)guest,
                         .read = read_bytes};
    struct engine *e = pc_as_asked(&cfg, &err);
    if (!e)
        fail_msg("%s", err.text);
    free(im); /* the image was loaded; a reset would need it again */
    return e;
}

static void listen_to(struct engine *e, struct log *l, uint32_t classes)
{
    const struct observer o = {.ctx = l, .event = take};
    e->ops->observe(e, classes, &o);
}

/* Runs until the guest ends, or up to `icount`. */
static enum stop_reason run(struct engine *e, uint64_t icount)
{
    const struct run_limit limit = {.icount = icount, .time = UINT64_MAX};
    struct stop s;
    e->ops->run(e, &limit, &s);
    return s.reason;
}

#endif

/* core_fixture.h - for the tests of recorder and replay: a small machine (fake_engine.c) instead of a PC,
 * with one disk. */
#ifndef BOOTREEL_TESTS_CORE_FIXTURE_H
#define BOOTREEL_TESTS_CORE_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/run/image_file.h"
#include "core/run/recorder.h"
#include "core/run/replay.h"
#include "core/run/state.h"
#include "core/story/position.h"
#include "tests/unit/recording.h"
#include "fake_engine.c" /* not in the library: only tests have it */

enum { STEPS = 400000 };

struct fixture {
    char dir[64];
    char disk[96], reel[96], other[96];
    struct image_files *files;
    struct setting settings[2];
    struct engine_config cfg;
    struct text console;
};

static inline void write_disk(const char *path)
{
    FILE *f = fopen(path, "wb");
    for (unsigned i = 0; i < 300000; i++)
        fputc((int)(i * 2654435761u >> 24), f);
    fclose(f);
}

static inline int setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    struct error err;
    snprintf(f->dir, sizeof f->dir, "/tmp/bootreel-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->disk, sizeof f->disk, "%s/disk.img", f->dir);
    snprintf(f->reel, sizeof f->reel, "%s/a.reel", f->dir);
    snprintf(f->other, sizeof f->other, "%s/b.reel", f->dir);
    write_disk(f->disk);
    f->files = image_files_new();
    if (image_files_add(f->files, "disk0", f->disk, &err))
        return -1;
    f->settings[0] = (struct setting){"steps", "400000"};
    f->cfg.settings = f->settings;
    f->cfg.nsettings = 1;
    f->cfg.images = image_files_images(f->files, &f->cfg.nimages);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    image_files_free(f->files);
    unlink(f->disk);
    unlink(f->reel);
    unlink(f->other);
    rmdir(f->dir);
    free(f->console.s);
    free(f);
    return 0;
}

/* ---------------------------------------------------------------- helpers */

static inline void grab_console(void *ctx, unsigned device, const void *data, size_t n)
{
    text_add(ctx, "%.*s", (int)n, (const char *)data);
}

static inline void ignore_event(void *ctx, const struct event *ev) {}

static inline struct record_options options(struct fixture *f, const char *path)
{
    return (struct record_options){.path = path,
                                   .kind = &fake_kind,
                                   .config = &f->cfg,
                                   .classes = EVENT_CLASSES_DEFAULT,
                                   .checkpoint_every = 50000,
                                   .hooks = {.ctx = &f->console, .console = grab_console}};
}

static inline struct trace *open_reel(const char *path)
{
    struct error err = {""};
    struct trace *t = trace_open(path, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

/* Replays the whole, or a part; the report's text is to be freed. */
static inline struct replay_report replay_part(const char *path, const struct engine_kind *kind, bool verify,
                                               unsigned part, unsigned parts, struct text *console)
{
    struct error err = {""};
    struct replay_report rep;
    struct trace *t = open_reel(path);
    struct observer o = {.ctx = console, .event = ignore_event, .console = console ? grab_console : NULL};
    const struct replay_options ro = {.verify = verify, .part = part, .parts = parts};
    struct replay *r = replay_open(t, kind, &err);
    if (!r)
        fail_msg("%s", err.text);
    replay_observe(r, 0, &o);
    if (replay_all(r, &ro, &rep, &err))
        fail_msg("%s", err.text);
    replay_close(r);
    trace_close(t);
    return rep;
}

static inline struct replay_report replay(const char *path, const struct engine_kind *kind, bool verify,
                                          struct text *console)
{
    return replay_part(path, kind, verify, 0, 0, console);
}

static inline void assert_verified(const char *path)
{
    struct replay_report rep = replay(path, &fake_kind, true, NULL);
    if (!rep.verified)
        fail_msg("%s", rep.divergence ? rep.divergence : "not verified");
    free(rep.divergence);
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text ? text : "(nothing)");
}

static inline char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *s = mem_alloc((size_t)st.st_size + 1);
    *n = fread(s, 1, (size_t)st.st_size, f);
    fclose(f);
    return s;
}

static inline void assert_same_files(const char *a, const char *b)
{
    size_t na, nb;
    char *pa = slurp(a, &na), *pb = slurp(b, &nb);
    assert_int_equal(na, nb);
    assert_memory_equal(pa, pb, na);
    free(pa);
    free(pb);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

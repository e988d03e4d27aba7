/* tui.c - the interface, from a terminal or from a script. See tui.h. */
#include <errno.h>
#include <string.h>

#include "tui/app_impl.h"

int app_dump(struct app *a, const char *path, struct error *err)
{
    size_t n = strlen(path);
    FILE *f = strcmp(path, "-") ? fopen(path, "w") : stdout;
    if (!f)
        return error_set(err, "%.300s: %s: give another place", path, strerror(errno));
    if (n > 4 && !strcmp(path + n - 4, ".svg"))
        dump_svg(&a->canvas, &a->looks, a->mono, f);
    else
        dump_text(&a->canvas, a->ascii, f);
    int bad = ferror(f);
    if ((f == stdout ? fflush(f) : fclose(f)) || bad)
        return error_set(err, "%.300s: %s: make room, or give another place", path, strerror(errno));
    return 0;
}

/* ---------------------------------------------------------------- on a terminal */

enum { INTERRUPT_KEY = 3, WAIT_MS = 15, LIVE_WAIT_MS = 20 };

static bool on_draw(void *ctx)
{
    struct app *a = ctx;
    bool full = a->full_redraw;
    a->full_redraw = false;
    app_draw(a);
    return full;
}

static void on_resize(void *ctx, int w, int h)
{
    app_resize(ctx, w, h);
}

static void on_key(void *ctx, int key)
{
    struct app *a = ctx;
    if (key == INTERRUPT_KEY && !a->live && a->prompt.kind == PROMPT_NONE)
        app_say(a, STYLE_NORMAL, "q ends");
    else
        app_key(a, key);
}

static void on_mouse(void *ctx, int x, int y, int button, bool twice)
{
    app_mouse(ctx, x, y, button, twice);
}

static bool on_all_keys(void *ctx)
{
    return ((struct app *)ctx)->live;
}

static int on_work(void *ctx, bool *draw)
{
    struct app *a = ctx;
    if (a->begin_at) {
        app_begin(a);
        *draw = true;
        return 0;
    }
    if (a->live) {
        bool busy = live_slice(a);
        *draw = true;
        return busy ? 0 : LIVE_WAIT_MS;
    }
    bool more = app_idle(a, draw);
    return *draw ? 0 : more ? WAIT_MS : -1;
}

static void on_progress(void *ctx)
{
    app_draw_progress(ctx);
}

static bool on_done(void *ctx)
{
    return ((struct app *)ctx)->quit;
}

static bool poll_terminal(void *ctx)
{
    struct app *a = ctx;
    return term_poll(a->terminal, a->progress.began);
}

static void on_begun(void *ctx, struct terminal_state *t)
{
    struct app *a = ctx;
    a->terminal = t;
    a->progress.poll = poll_terminal;
    a->progress.ctx = a;
}

static int run_on_terminal(struct app *a, struct error *err)
{
    const struct term_client c = {.ctx = a,
                                  .canvas = &a->canvas,
                                  .looks = &a->looks,
                                  .mono = &a->mono,
                                  .ascii = &a->ascii,
                                  .draw = on_draw,
                                  .resize = on_resize,
                                  .key = on_key,
                                  .mouse = on_mouse,
                                  .all_keys = on_all_keys,
                                  .work = on_work,
                                  .progress = on_progress,
                                  .done = on_done};
    int rc = term_run(&c, on_begun, err);
    a->progress.poll = NULL;
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- */

static int run(struct app *a, struct error *err)
{
    bool alone = a->o->script || a->o->dump;
    if (!alone)
        return run_on_terminal(a, err);
    a->scripted = true;
    app_resize(a, a->o->width ? a->o->width : 120, a->o->height ? a->o->height : 40);
    a->scripted = false; /* the first screen as a person sees it, without what is still being read */
    app_draw(a);
    a->first_screen = wall_seconds() - a->opened;
    a->scripted = true;
    app_begin(a);
    if (a->o->script && script_run(a, err))
        return -1;
    app_settle(a);
    return a->o->dump ? app_dump(a, a->o->dump, err) : 0;
}

int tui_run(const struct tui_options *o, struct error *err)
{
    struct error kept;
    double begin = wall_seconds();
    struct app *a = app_new(o, err);
    if (!a)
        return -1;
    a->opened = begin;
    int rc = run(a, err);
    if (!rc && o->memory && !a->begin_at && session_remember(a->s, o->memory, &kept))
        fprintf(stderr, "bootreel: %s\n", kept.text);
    app_free(a);
    return rc;
}

/* tui.c - the interface, from a terminal or from a script. See tui.h. */
#include <errno.h>
#include <string.h>

#include "base/out.h"
#include "base/output.h"
#include "base/real_time.h"
#include "tui/app_impl.h"
#include "tui/duo.h"

int app_may_write(struct app *a, const char *path, struct error *err)
{
    struct file_id read[2];
    for (unsigned i = 0; i < 2; i++)
        read[i] = trace_file_id(duo_app(a, i)->s->t);
    return output_check("", path, read, 2, err) ? -1 : output_check("", path, a->o->read, a->o->nread, err);
}

int app_dump(struct app *a, const char *path, struct error *err)
{
    size_t n = strlen(path);
    if (app_may_write(a, strcmp(path, "-") ? path : NULL, err))
        return -1;
    struct output *o = output_open(strcmp(path, "-") ? path : NULL, err);
    if (!o)
        return -1;
    FILE *f = output_file(o);
    if (n > 4 && !strcmp(path + n - 4, ".svg"))
        dump_svg(duo_canvas(a), &a->looks, a->mono, f);
    else
        dump_text(duo_canvas(a), a->ascii, f);
    return output_done(o, err);
}

/* ---------------------------------------------------------------- on a terminal */

enum { INTERRUPT_KEY = 3, WAIT_MS = 15, LIVE_WAIT_MS = 20 };

static bool on_draw(void *ctx)
{
    struct app *a = ctx, *front = duo_front(a);
    bool full = front->full_redraw;
    front->full_redraw = false;
    duo_draw(a);
    return full;
}

static void on_resize(void *ctx, int w, int h)
{
    duo_resize(ctx, w, h);
}

static void on_key(void *ctx, int key)
{
    struct app *a = duo_front(ctx);
    if (key == INTERRUPT_KEY && !a->live && a->prompt.kind == PROMPT_NONE)
        app_say(a, STYLE_NORMAL, "q ends");
    else
        app_key(a, key);
}

static void on_mouse(void *ctx, int x, int y, int button, bool twice)
{
    duo_mouse(ctx, x, y, button, twice);
}

static bool on_all_keys(void *ctx)
{
    return duo_front(ctx)->live;
}

static int on_work(void *ctx, bool *draw)
{
    struct app *a = ctx;
    if (a->begin_at) {
        app_begin(a);
        *draw = true;
        return 0;
    }
    if (duo_front(a)->live) {
        bool busy = live_slice(duo_front(a));
        *draw = live_due(duo_front(a), busy);
        return busy ? 0 : LIVE_WAIT_MS;
    }
    bool more = duo_idle(a, draw);
    int wait = *draw ? 0 : duo_prepare(a, false);
    return wait < 0 && more ? WAIT_MS : wait;
}

static void on_progress(void *ctx)
{
    duo_draw_progress(ctx);
}

static bool on_done(void *ctx)
{
    return duo_front(ctx)->quit;
}

static bool poll_terminal(void *ctx)
{
    struct app *a = ctx;
    if (a->progress.began == 0)
        a->progress.began = real_seconds();
    return term_poll(a->terminal, a->progress.began);
}

static bool something_waits(void *ctx)
{
    return term_pending(((struct app *)ctx)->terminal);
}

static void on_begun(void *ctx, struct terminal_state *t)
{
    struct app *root = ctx;
    for (unsigned i = 0; i < 2; i++) {
        struct app *a = duo_app(root, i);
        a->terminal = t;
        a->progress.poll = poll_terminal;
        a->progress.pending = something_waits;
        a->progress.ctx = a;
    }
}

static int run_on_terminal(struct app *a, struct error *err)
{
    const struct term_client c = {.ctx = a,
                                  .canvas = duo_canvas(a),
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
    for (unsigned i = 0; i < 2; i++)
        duo_app(a, i)->progress.poll = NULL;
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- */

static int run(struct app *a, struct error *err)
{
    bool alone = a->o->script || a->o->dump;
    if (!alone)
        return run_on_terminal(a, err);
    duo_resize(a, a->o->width ? a->o->width : 120, a->o->height ? a->o->height : 40);
    duo_draw(a); /* the first screen as a person sees it, without what is still being read */
    a->first_screen = real_seconds() - a->opened;
    duo_app(a, 0)->scripted = duo_app(a, 1)->scripted = true;
    app_begin(a);
    if (a->o->script && script_run(a, err))
        return -1;
    duo_settle(a);
    if (duo_failed(a, err))
        return -1;
    return a->o->dump ? app_dump(a, a->o->dump, err) : 0;
}

int tui_run(const struct tui_options *o, struct error *err)
{
    struct error kept;
    double begin = real_seconds();
    struct app *a = app_new(o, err);
    if (!a)
        return -1;
    a->opened = begin;
    int rc = o->other ? duo_open(a, o->other, err) : 0;
    rc = rc ? rc : run(a, err);
    for (unsigned i = 0; i < (a->duo ? 2 : 1) && !rc && o->memory; i++) {
        const struct app *x = duo_app(a, i);
        if (!x->begin_at && session_remember(x->s, o->memory, &kept))
            out_print(stderr, "bootreel: %s\n", kept.text);
    }
    app_free(a);
    return rc;
}

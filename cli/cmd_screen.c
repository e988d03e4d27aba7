/* cmd_screen.c - bootreel screen. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "core/views/picture.h"
#include "core/run/replay.h"
#include "core/views/vt.h"
#include "traces/memory.h"

enum { SCREEN_SIZE = 65536 };

/* ---------------------------------------------------------------- as a picture */

static int save_png(const char *path, const struct display *d, const uint8_t *rgb)
{
    struct error err;
    struct output *out = output_open(path, &err);
    if (!out)
        return trouble(&err);
    if (!picture_png(output_file(out), d->width, d->height, rgb, (size_t)d->width * 3, &err))
        return output_done(out, &err) ? trouble(&err) : EXIT_DONE;
    output_drop(out);
    return trouble_text("%s: %s: make room, or give another place", path, err.text);
}

static int draw(struct engine *e, const char *path, uint64_t icount)
{
    struct display d;
    if (!e->ops->display || !e->ops->display(e, &d, NULL, 0, NULL, 0)) {
        fprintf(stderr, "bootreel: the screen shows nothing at icount %llu\n", (unsigned long long)icount);
        return EXIT_NO;
    }
    size_t n = (size_t)d.width * d.height * 3;
    uint8_t *rgb = mem_zero(n, 1);
    e->ops->display(e, &d, NULL, 0, rgb, n);
    int status = save_png(path, &d, rgb);
    free(rgb);
    return status;
}

/* ---------------------------------------------------------------- as text */

static size_t read_linear(void *e, uint64_t address, void *buf, size_t n)
{
    return ((const struct engine *)e)->ops->peek(e, 0, address, buf, n);
}

static size_t read_physical(void *e, uint64_t address, void *buf, size_t n)
{
    return ((const struct engine *)e)->ops->peek_physical(e, address, buf, n);
}

/* In a graphics mode: what the guest kernel's own console shows there. *instead: why it shows nothing. */
static size_t console_text(struct trace *t, const struct engine_kind *kind, struct engine *e, char *buf,
                           size_t size, const char **instead)
{
    struct display d;
    if (!e->ops->display || !e->ops->display(e, &d, NULL, 0, NULL, 0) || d.columns)
        return 0;
    *instead = ", which is in a graphics mode (--png FILE draws it)";
    struct vt *vt = vt_open(t, kind);
    const size_t cr4 = engine_reg_index(e, "cr4");
    const struct vt_memory m = {e, read_linear, read_physical,
                                cr4 == SIZE_MAX ? 0 : engine_reg_value(e, 0, cr4)};
    const size_t n = vt ? vt_text(vt, &m, buf, size) : 0;
    if (vt && vt_program_draws(vt, &m))
        *instead = ": a program draws it, and only that knows its text (--png FILE draws it)";
    vt_close(vt);
    return n;
}

static int print_at(struct trace *t, const struct engine_kind *kind, struct replay *r, uint64_t icount,
                    const char *png, struct error *err)
{
    if (replay_seek(r, icount, err))
        return trouble(err);
    struct engine *e = replay_engine(r);
    if (png)
        return draw(e, png, icount);
    char *text = mem_alloc(SCREEN_SIZE);
    const char *instead = "";
    size_t n = e->ops->screen(e, text, SCREEN_SIZE);
    n = n ? n : console_text(t, kind, e, text, SCREEN_SIZE, &instead);
    if (n)
        fputs(text, stdout);
    else
        fprintf(stderr, "bootreel: no text on the screen at icount %llu%s\n", (unsigned long long)icount,
                instead);
    free(text);
    return n ? EXIT_DONE : EXIT_NO;
}

struct screen_command {
    const char *at, *png; /* NULL: the end; as text */
};

static int screen(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    const struct screen_command *c = ctx;
    struct error err;
    uint64_t icount;
    if ((c->png && check_output_name("--png", c->png, path, &err)) ||
        find_position(engines, t, c->at, 0, trace_last_icount(t), &icount, &err))
        return trouble(&err);
    const struct engine_kind *kind = engine_find(engines, trace_config(t)->engine, &err);
    struct replay *r = kind ? replay_open(t, kind, &err) : NULL;
    int status = r ? print_at(t, kind, r, icount, c->png, &err) : trouble(&err);
    replay_close(r);
    return status;
}

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "the screen at that position (default: the end)",
     STORE(struct screen_command, at)},
    {.name = "png",
     .argument = "FILE",
     .help = "draw it into a PNG file, pixel by pixel: text in the guest's own font, or graphics",
     STORE(struct screen_command, png)},
    GROUP(compile_options),
    END_OF_ROWS,
};

static int cmd_screen(struct engines *engines, int argc, char **argv)
{
    struct screen_command c = {0};
    return run_on_trace(&command_screen, engines, argc, argv, NULL, &c, screen);
}

const struct command command_screen = {
    .name = "screen",
    .run = cmd_screen,
    .what = "the screen at a position, as text or as a picture",
    .arguments = "TRACE [--at POSITION] [--png FILE]",
    .rows = rows,
    .intro =
        "Prints the guest's text screen as it was at a position, by replaying from the nearest checkpoint. In a graphics mode that is "
        "what the console of a Linux kernel shows, if the kernel has type information (BTF) and draws its console itself. What a program "
        "draws (Debian's installer, unless it is started with fb=false) can only be had as a picture. "
        "Exits with 1 if the screen shows no text (with --png: nothing) there.",
};

/* cmd_screen.c - bootreel screen. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "cli/cli.h"
#include "core/run/replay.h"
#include "core/screen/screen.h"
#include "core/views/picture.h"

enum { SCREEN_SIZE = 65536 };

/* ---------------------------------------------------------------- as a picture */

static int save_png(const struct trace *t, const char *path, const struct display *d, const uint8_t *rgb)
{
    struct error err;
    struct output *out = output_open(path, &err);
    if (!out)
        return trouble(&err);
    unsigned width, height;
    picture_size(d, &width, &height);
    uint8_t *drawn = picture_stretch(d, rgb, width, height);
    const int rc = picture_png(output_file(out), width, height, drawn, (size_t)width * 3, &err);
    free(drawn);
    if (!rc)
        return done_with_trace(out, t, &err) ? trouble(&err) : EXIT_DONE;
    output_drop(out);
    return trouble_text("%s: %s: make room, or give another place", path, err.text);
}

static int draw(const struct trace *t, struct engine *e, const char *path, uint64_t icount)
{
    struct display d;
    if (!e->ops->display || !e->ops->display(e, &d, NULL, 0, NULL, 0)) {
        out_print(stderr, "bootreel: the screen shows nothing at icount %llu\n", (unsigned long long)icount);
        return EXIT_NO;
    }
    size_t n = (size_t)d.width * d.height * 3;
    uint8_t *rgb = mem_zero(n, 1);
    e->ops->display(e, &d, NULL, 0, rgb, n);
    int status = save_png(t, path, &d, rgb);
    free(rgb);
    return status;
}

/* ---------------------------------------------------------------- as text */

/* Why a display shows no text. */
static const char *no_text(struct screen *s, struct look m)
{
    struct display d;
    if (!look_display(m, &d, NULL, 0, NULL, 0) || d.columns)
        return "";
    return screen_program_draws(s, m)
               ? ": a program draws it, in no font that is known (--png FILE draws it)"
               : ", which is in a graphics mode, with nothing in a font that is known (--png FILE draws it)";
}

static int print(struct screen *s, struct look m)
{
    char *text = mem_alloc(SCREEN_SIZE);
    size_t n;
    const enum screen_from from = screen_text(s, m, text, SCREEN_SIZE, &n);
    if (from)
        out_lines(stdout, text, strlen(text));
    else
        out_print(stderr, "bootreel: no text on the screen at icount %llu%s\n",
                  (unsigned long long)look_icount(m), no_text(s, m));
    fflush(stdout); /* before what is said about it */
    if (from == SCREEN_PIXELS)
        out_print(stderr, "bootreel: read from the display's pixels, with %s\n", screen_font(s));
    free(text);
    return from ? EXIT_DONE : EXIT_NO;
}

static int print_at(struct trace *t, const struct engine_kind *kind, struct replay *r, uint64_t icount,
                    const char *png, struct error *err)
{
    if (replay_seek(r, icount, err))
        return trouble(err);
    if (png)
        return draw(t, replay_engine(r), png, icount);
    struct screen *s = screen_open(t, kind);
    const int status = print(s, look_of(replay_engine(r), false));
    screen_close(s);
    return status;
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
    const struct engine_kind *kind = recording_engine(engines, t, path, &err);
    struct replay *r = kind ? replay_open_unplaced(t, kind, &err) : NULL;
    int status = r ? print_at(t, kind, r, icount, c->png, &err) : trouble(&err);
    if (r && status != EXIT_TROUBLE && replay_lost(r, &err))
        status = trouble(&err);
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
     .help =
         "draw it into a PNG file: text in the guest's own font, or graphics; modes of up to 400 lines as a screen of 4:3 shows them, but for text of 80 columns",
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
        "what the console of a Linux kernel shows, if the kernel has type information (BTF) and draws its console itself. Otherwise the text is "
        "read from the display's pixels, with the bitmap fonts that the guest has in memory: those of bterm (Debian's installer), GRUB, UEFI "
        "firmware and BIOSes (menus of boot loaders). A line on standard error then says with which. A character that the font does not have is "
        "shown as U+FFFD. Text that is not in a grid of equal cells, or is antialiased, can only be had as a picture. "
        "Exits with 1 if the screen shows no text (with --png: nothing) there.",
};

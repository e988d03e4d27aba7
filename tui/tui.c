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

static int run(struct app *a, struct error *err)
{
    bool alone = a->o->script || a->o->dump;
    if (!alone)
        return term_run(a, err);
    a->scripted = true;
    app_resize(a, a->o->width ? a->o->width : 120, a->o->height ? a->o->height : 40);
    if (a->o->script && script_run(a, err))
        return -1;
    app_settle(a);
    return a->o->dump ? app_dump(a, a->o->dump, err) : 0;
}

int tui_run(const struct tui_options *o, struct error *err)
{
    struct error kept;
    struct app *a = app_new(o, err);
    if (!a)
        return -1;
    int rc = run(a, err);
    if (!rc && o->memory && session_remember(a->s, o->memory, &kept))
        fprintf(stderr, "bootreel: %s\n", kept.text);
    app_free(a);
    return rc;
}

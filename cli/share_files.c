/* share_files.c - see share_files.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "cli/cli.h"
#include "cli/share_files.h"
#include "core/engine/share.h"
#include "core/run/replay.h"
#include "hv/hv.h"

bool image_is_folder(const struct trace_image *im)
{
    char *end;
    return !strncmp(im->role, "share", 5) && strtoul(im->role + 5, &end, 10) < ENGINE_SHARES && !*end &&
           im->size == (uint64_t)SHARE_CHUNKS * SHARE_CHUNK;
}

static void add_part(void *ctx, const void *data, size_t n)
{
    struct text *t = ctx;
    t->s = mem_resize(t->s, t->n + n + 1);
    memcpy(t->s + t->n, data, n);
    t->n += n;
    t->s[t->n] = 0;
}

/* How much of `path` is the folder `mount`, or 0. */
static size_t below(const char *path, const char *mount)
{
    const size_t n = strlen(mount);
    if (!strcmp(mount, "/"))
        return *path == '/';
    return !strncmp(path, mount, n) && (path[n] == '/' || !path[n]) ? n : 0;
}

/* The share that a path is in: the one that is mounted deepest, or whose tag it begins with. Returns its number, or -1; *rest is the path
 * below it. */
static int share_of(const struct engine_config *cfg, const char *path, const char **rest)
{
    int found = -1;
    size_t best = 0;
    for (unsigned i = 0; i < ENGINE_SHARES; i++) {
        char key[24];
        snprintf(key, sizeof key, "share%u-path", i);
        const char *mount = config_get(cfg, key);
        size_t n = mount ? below(path, mount) : 0;
        snprintf(key, sizeof key, "share%u-tag", i);
        const char *tag = config_get(cfg, key);
        if (tag && !strncmp(path, tag, strlen(tag)) && path[strlen(tag)] == ':')
            n = strlen(tag) + 1;
        if (n > best) {
            best = n;
            found = (int)i;
            *rest = path + n;
        }
    }
    return found;
}

int share_file_read(struct engine *e, const struct engine_config *cfg, const char *path, struct text *content,
                    struct error *err)
{
    const char *rest = path;
    int number = strcmp(e->ops->name, "pc") ? -1 : share_of(cfg, path, &rest);
    if (number < 0)
        return error_set(
            err,
            "%.200s: is in no folder of the host that the guest mounts: give an absolute path below one, or TAG:PATH",
            path);
    struct error why;
    return hv_share_read(e, (unsigned)number, rest, content, add_part, &why)
               ? error_set(err, "%.300s: %.200s", path, why.text)
               : 0;
}

static int write_content(const struct trace *t, const struct text *content, const char *path,
                         struct error *err)
{
    if (!path || !strcmp(path, "-")) {
        out_bytes(stdout, content->s ? content->s : "", content->n);
        return 0;
    }
    struct output *out = output_open(path, err);
    if (!out)
        return -1;
    out_bytes(output_file(out), content->s ? content->s : "", content->n);
    return done_with_trace(out, t, err);
}

int share_file_get(const struct engines *engines, struct trace *t, const char *path, const char *at,
                   const char *output)
{
    struct error err;
    struct text content = {0};
    uint64_t icount;
    if (find_position(engines, t, at, 0, trace_last_icount(t), &icount, &err))
        return trouble(&err);
    struct replay *r = open_replay(engines, t, path, &err);
    int rc = r ? replay_seek(r, icount, &err) : -1;
    if (!rc)
        rc = share_file_read(replay_engine(r), replay_config(r), path, &content, &err);
    if (!rc)
        rc = replay_lost(r, &err);
    if (!rc)
        rc = write_content(t, &content, output, &err);
    replay_close(r);
    free(content.s);
    return rc ? trouble(&err) : EXIT_DONE;
}

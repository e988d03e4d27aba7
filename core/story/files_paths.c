/* files_paths.c - paths, and what is mounted where. See files_impl.h. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/story/private/files_impl.h"

/* ---------------------------------------------------------------- paths */

/* Adds the components of `path` to `out`, which ends without a slash, but does not go above the first `top` bytes of it. */
static size_t add_path(char *out, size_t n, size_t top, const char *path)
{
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len == 2 && !memcmp(path, "..", 2)) {
            while (n > top && out[--n] != '/')
                ;
        } else if (len && !(len == 1 && *path == '.')) {
            out[n++] = '/';
            memcpy(out + n, path, len);
            n += len;
        }
        path += len + (path[len] == '/');
    }
    return n;
}

char *path_join(const char *root, const char *cwd, const char *path)
{
    char *out = mem_alloc(strlen(root) + strlen(cwd) + strlen(path) + 4);
    size_t top = add_path(out, 0, 0, root), n = top;
    if (*path != '/') {
        n = add_path(out, 0, 0, cwd);
        top = top <= n && !memcmp(cwd, root, top) ? top : 0;
    }
    n = add_path(out, n, top, path);
    if (!n)
        out[n++] = '/';
    out[n] = 0;
    return out;
}

bool path_under(const char *path, const char *top)
{
    size_t n = strlen(top);
    while (n && top[n - 1] == '/')
        n--;
    return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

char *path_moved(const char *path, const char *from, const char *to)
{
    size_t n = strcmp(from, "/") ? strlen(from) : 0;
    return path_join("/", to, path + n + (path[n] == '/'));
}

/* ---------------------------------------------------------------- mounts */

struct mounted {
    char *at, *what;
};
/* Those of one mount namespace, the last one on top. */
struct mounts {
    unsigned held;
    struct mounted *list;
    size_t n;
};

struct mounts *mounts_new(void)
{
    struct mounts *m = mem_zero(1, sizeof *m);
    m->held = 1;
    return m;
}

static void add(struct mounts *m, char *at, char *what)
{
    MEM_MORE(m->list, m->n);
    m->list[m->n++] = (struct mounted){at, what};
}

struct mounts *mounts_copy(const struct mounts *m)
{
    struct mounts *copy = mounts_new();
    for (size_t i = 0; i < m->n; i++)
        add(copy, mem_string(m->list[i].at), mem_string(m->list[i].what));
    return copy;
}

struct mounts *mounts_hold(struct mounts *m)
{
    m->held++;
    return m;
}

void mounts_drop(struct mounts *m)
{
    if (!m || --m->held)
        return;
    for (size_t i = 0; i < m->n; i++) {
        free(m->list[i].at);
        free(m->list[i].what);
    }
    free(m->list);
    free(m);
}

void mounts_add(struct mounts *m, const char *at, const char *source, const char *type)
{
    struct text t = {0};
    bool device = source && *source == '/';
    if (device && *type)
        text_add(&t, "%s (%s)", source, type);
    else
        text_add(&t, "%s", device ? source : type);
    add(m, mem_string(at), t.s);
}

void mounts_bind(struct mounts *m, const char *from, const char *to)
{
    add(m, mem_string(to), mem_string(mounts_find(m, from)));
}

void mounts_move(struct mounts *m, const char *from, const char *to)
{
    struct mounted *list = mem_zero(m->n, sizeof *list);
    size_t stay = 0, moved = 0;
    for (size_t i = 0; i < m->n; i++)
        stay += !path_under(m->list[i].at, from);
    for (size_t i = 0, kept = 0; i < m->n; i++) {
        struct mounted x = m->list[i];
        if (!path_under(x.at, from)) {
            list[kept++] = x;
            continue;
        }
        char *at = path_moved(x.at, from, to);
        free(x.at);
        list[stay + moved++] = (struct mounted){at, x.what}; /* on top */
    }
    for (size_t i = 0; i < m->n; i++)
        m->list[i] = list[i];
    free(list);
}

void mounts_remove(struct mounts *m, const char *at)
{
    for (size_t i = m->n; i-- > 0;) {
        if (strcmp(m->list[i].at, at))
            continue;
        free(m->list[i].at);
        free(m->list[i].what);
        memmove(m->list + i, m->list + i + 1, (--m->n - i) * sizeof *m->list);
        return;
    }
}

const char *mounts_find(const struct mounts *m, const char *path)
{
    const struct mounted *best = NULL;
    for (size_t i = 0; i < m->n; i++)
        if (path_under(path, m->list[i].at) && (!best || strlen(m->list[i].at) >= strlen(best->at)))
            best = &m->list[i];
    return best ? best->what : "";
}

/* path.c - paths, and the tree of files that programs find. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { MAX_LINKS = 40, PATH = 4096 };

struct walk {
    struct task *t;
    ref at; /* held */
    unsigned links;
    char rest[2 * PATH];
};

static void go(struct host *h, struct walk *w, ref to)
{
    inode_hold(h, to);
    inode_drop(h, w->at);
    w->at = to;
}

/* The object that a name stands for, held; or a negative error. */
static int64_t lookup(struct host *h, struct walk *w, const char *name)
{
    struct inode *dir = INODE(w->at);
    if (dir->kind >= INODE_PROC && S_ISDIR(dir->mode))
        return proc_lookup(h, w->t, dir, name);
    if (dir->kind != INODE_FOLDER)
        return -ENOTDIR;
    struct entry *e = folder_find(h, dir, name);
    if (!e)
        return -ENOENT;
    inode_hold(h, e->inode);
    return e->inode;
}

/* Puts a link's target before the rest of the path. */
static int follow(struct host *h, struct walk *w, ref link)
{
    char target[PATH], rest[PATH];
    const struct inode *i = INODE(link);
    if (++w->links > MAX_LINKS)
        return -ELOOP;
    if (i->kind == INODE_LINK)
        snprintf(target, sizeof target, "%s", link_target(h, i));
    else
        target[proc_link(h, w->t, i, target, sizeof target - 1)] = 0;
    if (strlen(w->rest) >= sizeof rest)
        return -ENAMETOOLONG;
    strcpy(rest, w->rest);
    snprintf(w->rest, sizeof w->rest, "%s%s%s", target, *rest ? "/" : "", rest);
    if (w->rest[0] == '/')
        go(h, w, w->t ? ((struct folder_state *)at(h, w->t->folders))->root : h->r.folder);
    return 0;
}

static void go_up(struct host *h, struct walk *w)
{
    ref root = w->t ? ((struct folder_state *)at(h, w->t->folders))->root : h->r.folder;
    if (w->at != root && INODE(w->at)->parent)
        go(h, w, INODE(w->at)->parent);
}

/* What an open descriptor that is not a path stands for (/proc/self/fd/N): the inode itself. */
static ref descriptor(struct host *h, const struct walk *w, const struct inode *i)
{
    struct task *of = i->kind == INODE_PROC_LINK && i->device >= 0x10000 ? task_find(h, i->pid) : NULL;
    struct file *f = of ? fd_file(h, of, (int)i->device - 0x10000) : NULL;
    return f ? f->inode : 0;
}

/* Takes one part of the path. 1: done. */
static int step(struct host *h, struct walk *w, unsigned how, char *last)
{
    char name[NAME_MAX + 1];
    char *p = w->rest + strspn(w->rest, "/");
    size_t n = strcspn(p, "/");
    if (n > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, p, n);
    name[n] = 0;
    bool slash = p[n] == '/', final = !p[n + strspn(p + n, "/")];
    memmove(w->rest, p + n, strlen(p + n) + 1);
    if (!n)
        return 1;
    if (how & WALK_PARENT && final) {
        strcpy(last, name);
        return S_ISDIR(INODE(w->at)->mode) ? 1 : -ENOTDIR;
    }
    if (!S_ISDIR(INODE(w->at)->mode))
        return -ENOTDIR;
    if (!strcmp(name, "."))
        return 0;
    if (!strcmp(name, "..")) {
        go_up(h, w);
        return 0;
    }
    int64_t found = lookup(h, w, name);
    if (found == -ENOENT && final && how & WALK_MISSING) {
        strcpy(last, name);
        return slash ? -EISDIR : 1;
    }
    if (found < 0)
        return (int)found;
    struct inode *i = INODE((ref)found);
    bool link = S_ISLNK(i->mode) && !(final && !slash && how & WALK_NOFOLLOW);
    int rc = 0;
    ref open = link ? descriptor(h, w, i) : 0;
    if (open)
        go(h, w, open);
    else if (link)
        rc = follow(h, w, (ref)found);
    else
        go(h, w, (ref)found);
    inode_drop(h, (ref)found);
    if (!rc && slash && !link && !S_ISDIR(INODE(w->at)->mode))
        rc = -ENOTDIR;
    return rc;
}

static int64_t start(struct host *h, struct task *t, int dirfd, const char *path)
{
    struct folder_state *fs = t ? at(h, t->folders) : NULL;
    if (*path == '/' || !t)
        return fs ? fs->root : h->r.folder;
    if (dirfd == AT_FDCWD)
        return fs->cwd;
    struct file *f = fd_file(h, t, dirfd);
    return f ? (int64_t)f->inode : -EBADF;
}

int64_t path_walk(struct host *h, struct task *t, int dirfd, const char *path, unsigned how, char *last)
{
    struct walk w = {.t = t};
    if (!*path)
        return -ENOENT;
    if (strlen(path) >= PATH)
        return -ENAMETOOLONG;
    int64_t from = start(h, t, dirfd, path);
    if (from < 0)
        return from;
    w.at = (ref)from;
    inode_hold(h, w.at);
    strcpy(w.rest, path);
    if (last)
        *last = 0;
    int rc;
    while (!(rc = step(h, &w, how, last)))
        ;
    if (rc < 0) {
        inode_drop(h, w.at);
        return rc;
    }
    return w.at;
}

/* The name of an inode in its folder. */
static const char *name_in(struct host *h, const struct inode *dir, ref inode)
{
    for (ref e = dir->data; e; e = ((struct entry *)at(h, e))->next)
        if (((struct entry *)at(h, e))->inode == inode)
            return ((struct entry *)at(h, e))->name;
    return NULL;
}

size_t path_of(struct host *h, ref inode, char *buf, size_t size)
{
    char text[PATH];
    size_t from = sizeof text - 1;
    text[from] = 0;
    for (ref i = inode; i != h->r.folder; i = INODE(i)->parent) {
        ref dir = INODE(i)->parent;
        const char *name = dir && INODE(dir)->kind == INODE_FOLDER ? name_in(h, INODE(dir), i) : NULL;
        size_t n = name ? strlen(name) : 0;
        if (!name || n + 1 > from)
            return 0;
        from -= n + 1;
        text[from] = '/';
        memcpy(text + from + 1, name, n);
    }
    if (!text[from])
        text[--from] = '/';
    size_t n = sizeof text - 1 - from;
    if (n >= size)
        return 0;
    memcpy(buf, text + from, n + 1);
    return n;
}

/* ---------------------------------------------------------------- the tree at the start */

/* The folder of that path, made with those above it. */
static ref make_folders(struct host *h, char *path, uint32_t mode)
{
    ref dir = h->r.folder;
    for (char *rest, *name = strtok_r(path, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        struct entry *e = folder_find(h, INODE(dir), name);
        if (e) {
            dir = e->inode;
            continue;
        }
        ref n = inode_new(h, INODE_FOLDER, S_IFDIR | 0755);
        INODE(n)->nlink = 2;
        folder_add(h, INODE(dir), name, n);
        inode_drop(h, n);
        dir = n;
    }
    if (mode)
        INODE(dir)->mode = S_IFDIR | mode;
    return dir;
}

static ref folder(struct host *h, const char *path, uint32_t mode)
{
    char copy[PATH];
    snprintf(copy, sizeof copy, "%s", path);
    return make_folders(h, copy, mode);
}

/* Puts an inode at a path, and drops it. */
static void put_at(struct host *h, const char *path, ref inode)
{
    char copy[PATH];
    snprintf(copy, sizeof copy, "%s", path);
    char *slash = strrchr(copy, '/');
    *slash = 0;
    ref dir = make_folders(h, copy, 0);
    if (!folder_find(h, INODE(dir), slash + 1)) {
        folder_add(h, INODE(dir), slash + 1, inode);
        INODE(inode)->parent = dir;
    }
    inode_drop(h, inode);
}

static void put_device(struct host *h, const char *path, unsigned device, uint32_t mode)
{
    ref i = inode_new(h, INODE_DEVICE, S_IFCHR | mode);
    INODE(i)->device = device;
    put_at(h, path, i);
}

static void put_link(struct host *h, const char *path, const char *target)
{
    ref i = inode_new(h, INODE_LINK, S_IFLNK | 0777);
    INODE(i)->data = arena_text(h, target);
    INODE(i)->size = strlen(target);
    put_at(h, path, i);
}

static void put_image(struct host *h, size_t number, const char *path)
{
    const struct image *im = &h->config->images[number];
    ref i = inode_new(h, INODE_FILE, S_IFREG | 0755);
    INODE(i)->image = (uint32_t)number + 1;
    INODE(i)->size = INODE(i)->image_size = im->size;
    put_at(h, path, i);
}

static const struct {
    const char *path;
    uint32_t mode;
} folders[] = {{"/dev", 0755},  {"/dev/pts", 0755}, {"/dev/shm", 01777}, {"/tmp", 01777}, {"/var/tmp", 01777},
               {"/root", 0700}, {"/etc", 0755},     {"/run", 0755},      {"/home", 0755}};

static const struct {
    const char *path;
    unsigned device;
    uint32_t mode;
} devices[] = {{"/dev/null", 0x103, 0666},    {"/dev/zero", 0x105, 0666},    {"/dev/full", 0x107, 0666},
               {"/dev/random", 0x108, 0666},  {"/dev/urandom", 0x109, 0666}, {"/dev/tty", 0x500, 0666},
               {"/dev/console", 0x501, 0600}, {"/dev/ptmx", 0x502, 0666},    {"/dev/tty0", 0x400, 0600}};

int tree_create(struct host *h, struct error *err)
{
    h->r.folder = inode_new(h, INODE_FOLDER, S_IFDIR | 0755);
    INODE(h->r.folder)->nlink = 2;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        folder(h, folders[i].path, folders[i].mode);
    INODE(folder(h, "/dev/shm", 0))->shm = 1;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        put_device(h, devices[i].path, devices[i].device, devices[i].mode);
    ref proc = inode_new(h, INODE_PROC, S_IFDIR | 0555);
    put_at(h, "/proc", proc);
    put_link(h, "/dev/fd", "/proc/self/fd");
    put_link(h, "/dev/stdin", "/proc/self/fd/0");
    put_link(h, "/dev/stdout", "/proc/self/fd/1");
    put_link(h, "/dev/stderr", "/proc/self/fd/2");
    for (size_t i = 0; i < h->config->nsettings; i++)
        if (!strncmp(h->config->settings[i].key, "link /", 6))
            put_link(h, h->config->settings[i].key + 5, h->config->settings[i].value);
    for (size_t i = 0; i < h->config->nimages; i++)
        if (!strncmp(h->config->images[i].role, "file /", 6))
            put_image(h, i, h->config->images[i].role + 5);
    if (h->failed)
        return error_set(err, "%s", h->failure);
    return 0;
}

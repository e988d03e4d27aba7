/* entries.c - what is in a folder of the host, in an order that does not depend on the host.
 *
 * Each step goes down from a descriptor and follows no link, so nothing outside of the folder is read, whatever is in it. Other file systems
 * that are mounted below are left out, as by cp -x. Sockets are, too: they are nothing without the program that made them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/text.h"
#include "core/media/private/impl.h"

enum { ENTRIES_MOST = 10000000, DEEPEST = 200 };

static int cannot(const struct entries *all, const char *path, struct error *err)
{
    return error_set(err, "%.150s/%.150s: cannot be read: %s", all->folder, path, strerror(errno));
}

static int add_target(const struct entries *all, int folder, const char *name, struct entry *e,
                      struct error *err)
{
    char target[4096];
    ssize_t n = readlinkat(folder, name, target, sizeof target - 1);
    if (n < 0)
        return cannot(all, e->path, err);
    e->target = mem_text(target, (size_t)n);
    return 0;
}

static int read_folder(struct entries *, int fd, size_t folder, unsigned depth, struct error *err);

static int add_entry(struct entries *all, int folder, size_t above, const char *name, unsigned depth,
                     struct error *err)
{
    struct text whole = {0};
    text_add(&whole, "%s%s%s", all->entry[above].path, above ? "/" : "", name);
    struct entry e = {.path = whole.s, .folder = above, .names = 1};
    if (fstatat(folder, name, &e.st, AT_SYMLINK_NOFOLLOW)) {
        int rc = cannot(all, e.path, err);
        free(e.path);
        return rc;
    }
    if (S_ISSOCK(e.st.st_mode) || e.st.st_dev != all->entry[0].st.st_dev) {
        free(e.path);
        return 0;
    }
    MEM_MORE(all->entry, all->n);
    all->entry[all->n] = e;
    struct entry *here = &all->entry[all->n++];
    if (all->n > ENTRIES_MOST)
        return error_set(err, "%.200s: has more than %d files: give a smaller folder", all->folder,
                         ENTRIES_MOST);
    if (S_ISLNK(e.st.st_mode))
        return add_target(all, folder, name, here, err);
    if (!S_ISDIR(e.st.st_mode))
        return 0;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? cannot(all, e.path, err) : read_folder(all, fd, all->n - 1, depth + 1, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **names_in(DIR *dir, size_t *n)
{
    char **name = NULL;
    *n = 0;
    for (struct dirent *d; (d = readdir(dir));)
        if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..")) {
            MEM_MORE(name, *n);
            name[(*n)++] = mem_string(d->d_name);
        }
    if (*n)
        qsort(name, *n, sizeof *name, by_name);
    return name;
}

/* Takes the descriptor. */
static int read_folder(struct entries *all, int fd, size_t folder, unsigned depth, struct error *err)
{
    DIR *dir = depth > DEEPEST ? NULL : fdopendir(fd);
    int rc = 0;
    if (!dir) {
        close(fd);
        return depth > DEEPEST ? error_set(err, "%.200s: folders are more than %d deep: give a smaller one",
                                           all->folder, DEEPEST)
                               : cannot(all, all->entry[folder].path, err);
    }
    size_t n;
    char **name = names_in(dir, &n);
    for (size_t i = 0; i < n; i++) {
        if (!rc)
            rc = add_entry(all, dirfd(dir), folder, name[i], depth, err);
        free(name[i]);
    }
    free(name);
    closedir(dir);
    return rc;
}

static int by_inode(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    if (x->st.st_ino != y->st.st_ino)
        return x->st.st_ino < y->st.st_ino ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Several names of one file: all but the first refer to that. */
static void find_links(struct entries *all)
{
    struct entry **linked = mem_alloc(all->n * sizeof *linked);
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++)
        if (!S_ISDIR(all->entry[i].st.st_mode) && all->entry[i].st.st_nlink > 1)
            linked[n++] = &all->entry[i];
    if (n)
        qsort(linked, n, sizeof *linked, by_inode);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (linked[i]->st.st_ino != linked[first]->st.st_ino) {
            first = i;
            continue;
        }
        linked[i]->first = linked[first];
        linked[first]->names++;
    }
    free(linked);
}

const char *entry_name(const struct entry *e)
{
    return path_name(e->path);
}

int entries_read(struct entries *all, const char *folder, struct error *err)
{
    *all = (struct entries){.folder = folder};
    all->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct entry top = {.path = mem_string(""), .names = 1};
    if (all->fd < 0 || fstat(all->fd, &top.st)) {
        free(top.path);
        return error_set(err, "%.200s: cannot be opened as a folder: %s", folder, strerror(errno));
    }
    MEM_MORE(all->entry, all->n);
    all->entry[all->n++] = top;
    int fd = openat(all->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || read_folder(all, fd, 0, 0, err))
        return fd < 0 ? cannot(all, "", err) : -1;
    find_links(all);
    return 0;
}

void entries_free(struct entries *all)
{
    for (size_t i = 0; i < all->n; i++) {
        free(all->entry[i].path);
        free(all->entry[i].target);
    }
    free(all->entry);
    if (all->fd >= 0)
        close(all->fd);
}

/* The way down is the one on which it was found; that it is still the same file is checked. */
int entry_open(const struct entries *all, const struct entry *e, struct error *err)
{
    struct stat st;
    int fd = openat(all->fd, e->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return cannot(all, e->path, err);
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_ino == e->st.st_ino && st.st_size == e->st.st_size)
        return fd;
    close(fd);
    return error_set(err, "%.150s/%.150s: was changed while it was read: record again", all->folder, e->path);
}

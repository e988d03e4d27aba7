/* output.c - see output.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"
#include "core/ground/text.h"

struct output {
    char *path;  /* NULL: standard output */
    char *under; /* the name while it is written; NULL: `path` itself */
    FILE *f;     /* NULL: a folder, or somebody else's */
    bool folder;
};

static struct output *new_output(const char *path)
{
    struct output *o = mem_zero(1, sizeof *o);
    o->path = path ? mem_string(path) : NULL;
    return o;
}

static void set_under(struct output *o)
{
    struct text t = {0};
    size_t n = strlen(o->path);
    while (n > 1 && o->path[n - 1] == '/')
        n--;
    text_add(&t, "%.*s.part", (int)n, o->path);
    o->under = t.s;
}

static void free_output(struct output *o)
{
    free(o->path);
    free(o->under);
    free(o);
}

struct output *output_open_name(const char *path)
{
    struct stat st;
    struct output *o = new_output(path);
    if (stat(path, &st) || S_ISREG(st.st_mode))
        set_under(o);
    return o;
}

/* fopen would wait for the reader of a pipe, and no signal ends that while signals wait for a thread. */
static FILE *create_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0)
        return NULL;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fdopen(fd, "wb");
}

struct output *output_open(const char *path, struct error *err)
{
    struct output *o = path ? output_open_name(path) : new_output(path);
    if (!path) {
        o->f = stdout;
        return o;
    }
    o->f = create_file(o->under ? o->under : path);
    if (o->f)
        return o;
    error_set(err, "%s: %s: give another place", path, strerror(errno));
    free_output(o);
    return NULL;
}

struct output *output_open_folder(const char *path, struct error *err)
{
    struct stat st;
    struct output *o = new_output(path);
    o->folder = true;
    set_under(o);
    int rc = !lstat(path, &st) ? error_set(err, "%s: exists: remove it, or give another place", path) : 0;
    if (!rc && mkdir(o->under, 0777))
        rc = error_set(err, "%s: %s: give another place", o->under, strerror(errno));
    if (!rc)
        return o;
    free_output(o);
    return NULL;
}

FILE *output_file(struct output *o)
{
    return o->f;
}

const char *output_folder(struct output *o)
{
    return o->under;
}

const char *output_name(struct output *o)
{
    return o->under ? o->under : o->path;
}

/* Removes a folder of plain files. */
static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(path);
}

/* Returns what went wrong, as errno; -1 if that is not known any more. */
static int close_file(struct output *o)
{
    if (!o->f)
        return 0;
    int bad = ferror(o->f) ? -1 : 0;
    errno = 0;
    if (fflush(o->f))
        bad = errno;
    if (o->f != stdout && fclose(o->f) && bad <= 0)
        bad = errno;
    o->f = NULL;
    return bad;
}

int output_done(struct output *o, struct error *err)
{
    int bad = close_file(o);
    if (!bad && o->under && rename(o->under, o->path))
        bad = errno;
    if (bad && o->under && o->folder)
        remove_folder(o->under);
    else if (bad && o->under)
        unlink(o->under);
    if (bad)
        error_set(err, "%s: cannot be written%s%s: make room, or give another place",
                  o->path ? o->path : "standard output", bad > 0 ? ": " : "", bad > 0 ? strerror(bad) : "");
    free_output(o);
    return bad ? -1 : 0;
}

void output_drop(struct output *o)
{
    if (!o)
        return;
    close_file(o);
    if (o->under && o->folder)
        remove_folder(o->under);
    else if (o->under)
        unlink(o->under);
    free_output(o);
}

/* powercut_check.c - powercut --check: a command that looks at an image instead of a boot. See powercut.h.
 *
 * Each job has a folder with files of the images that the run writes to. They are made once, sparse; then only what the run writes is
 * brought up to date, unless the command has changed a file. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/spawn.h"
#include "base/text.h"
#include "cli/powercut.h"

enum {
    PART = 1 << 20,
    CORRECTED = 3, /* fsck(8): 1, errors were corrected, and 2, the system should be rebooted */
    CANNOT_RUN =
        126, /* POSIX, Shell & Utilities, 2.8.2: the command is found but cannot be run, or (127) is not found */
    NOT_FOUND = 127
};

/* The time that a file has which nobody has touched since it was made: 2000-01-01. */
static const struct timespec untouched = {.tv_sec = 946684800};

static char *folder_of(const struct powercut *p, size_t slot)
{
    return text_format("%s/check-%zu", p->folder, slot);
}

/* ---------------------------------------------------------------- files */

static int put_at(int fd, const char *path, uint64_t offset, const uint8_t *data, size_t n, struct error *err)
{
    while (n) {
        const ssize_t done = pwrite(fd, data, n, (off_t)offset);
        if (done <= 0)
            return error_set(err, "%.300s: %s", path, strerror(errno));
        data += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

static bool is_zero(const uint8_t *data, size_t n)
{
    return !n || (!data[0] && !memcmp(data, data + 1, n - 1));
}

/* All of an image, sparse. */
static int put_whole(int fd, const char *path, const struct image *im, struct error *err)
{
    uint8_t *part = mem_alloc(PART);
    int rc = ftruncate(fd, 0) || ftruncate(fd, (off_t)im->size)
                 ? error_set(err, "%.300s: %s", path, strerror(errno))
                 : 0;
    for (uint64_t at = 0; at < im->size && !rc; at += PART) {
        const size_t n = im->size - at < PART ? (size_t)(im->size - at) : PART;
        rc = im->read(im->ctx, at, part, n, err);
        if (!rc && !is_zero(part, n))
            rc = put_at(fd, path, at, part, n, err);
    }
    free(part);
    return rc;
}

/* What the run writes, as it is after the loss. */
static int put_written(const struct powercut *p, unsigned medium, int fd, const char *path,
                       const struct image *im, struct error *err)
{
    uint8_t *part = mem_alloc(PART);
    int rc = 0;
    for (size_t i = 0; i < p->w.n && !rc; i++) {
        const struct power_write *x = &p->w.write[i];
        const uint64_t end = x->offset + x->n < im->size ? x->offset + x->n : im->size;
        for (uint64_t at = x->offset; x->medium == medium && at < end && !rc; at += PART) {
            const size_t n = end - at < PART ? (size_t)(end - at) : PART;
            rc = im->read(im->ctx, at, part, n, err);
            if (!rc)
                rc = put_at(fd, path, at, part, n, err);
        }
    }
    free(part);
    return rc;
}

static bool is_untouched(const struct stat *st)
{
    return st->st_mtim.tv_sec == untouched.tv_sec && !st->st_mtim.tv_nsec;
}

void powercut_check_clear(const char *folder)
{
    struct text pattern = {0};
    glob_t found;
    struct stat st;
    for (const char *s = folder; *s; s++)
        text_add(&pattern, strchr("*?[\\", *s) ? "\\%c" : "%c", *s);
    text_add(&pattern, "/check-[0-9]*/*.img");
    if (!glob(pattern.s, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            if (!stat(found.gl_pathv[i], &st) && is_untouched(&st)) /* others are written whole */
                unlink(found.gl_pathv[i]);
        globfree(&found);
    }
    free(pattern.s);
}

static int put_file(const struct powercut *p, unsigned medium, const char *path, const struct image *im,
                    struct error *err)
{
    struct stat st;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &st)) {
        error_set(err, "%.300s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    const bool known = (uint64_t)st.st_size == im->size && is_untouched(&st);
    int rc = known ? put_written(p, medium, fd, path, im, err) : put_whole(fd, path, im, err);
    const struct timespec times[2] = {untouched, untouched};
    if (!rc && futimens(fd, times))
        rc = error_set(err, "%.300s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

/* The files of all media, and their names in the folder. */
static int put_files(const struct powercut *p, const char *folder, const struct image *list, char **name,
                     struct error *err)
{
    int rc =
        mkdir(folder, 0777) && errno != EEXIST ? error_set(err, "%.300s: %s", folder, strerror(errno)) : 0;
    for (unsigned m = 0; m < p->w.nmedia && !rc; m++)
        for (size_t i = 0; i < p->cfg.nimages && !rc; i++) {
            if (strcmp(list[i].role, p->w.medium[m].role))
                continue;
            name[m] = text_format("%s.img", list[i].role);
            char *path = text_format("%s/%s", folder, name[m]);
            rc = put_file(p, m, path, &list[i], err);
            free(path);
        }
    return rc;
}

/* ---------------------------------------------------------------- the command */

/* The hash of what was printed, and its last line. */
static uint64_t read_output(int fd, char end[POWER_END])
{
    enum { MOST = 1 << 20 };
    char *text = mem_alloc(MOST + 1);
    ssize_t n = pread(fd, text, MOST, 0);
    if (n < 0)
        n = 0;
    text[n] = 0;
    const uint64_t hash = XXH3_64bits(text, (size_t)n);
    while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
        text[--n] = 0;
    const char *last = strrchr(text, '\n');
    snprintf(end, POWER_END, "%.300s", last ? last + 1 : text);
    for (char *s = end; *s; s++)
        *s = (unsigned char)*s < ' ' ? ' ' : *s;
    free(text);
    return hash;
}

/* A command's end: of a signal as a shell says it. */
static int end_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int check(const struct powercut *p, const struct power_cut *cut, size_t slot,
                 struct power_reference *ref, struct error *err)
{
    struct power_images *images = power_images_new(p->content, cut);
    char *folder = folder_of(p, slot), **name = mem_zero(p->w.nmedia + 1, sizeof *name);
    FILE *out = tmpfile();
    int status = 0, rc = out ? 0 : error_set(err, "a temporary file: %s", strerror(errno));
    if (!rc)
        rc = put_files(p, folder, power_images_list(images), name, err);
    if (!rc)
        rc = spawn_shell(p->check, name, p->w.nmedia, folder, fileno(out), &status, err);
    if (!rc) {
        ref->output = read_output(fileno(out), ref->end);
        ref->status = end_status(status);
    }
    if (out)
        fclose(out);
    for (size_t m = 0; m < p->w.nmedia; m++)
        free(name[m]);
    free(name);
    free(folder);
    power_images_free(images);
    return rc;
}

static bool is_equal(const struct power_reference *a, const struct power_reference *b)
{
    return a->status == b->status && a->output == b->output;
}

int powercut_check(const struct powercut *p, const struct power_cut *cut, size_t slot,
                   struct power_result *result, struct error *err)
{
    struct power_reference now = {0};
    if (check(p, cut, slot, &now, err))
        return -1;
    result->outcome = is_equal(&now, &p->after)    ? POWER_AFTER
                      : is_equal(&now, &p->before) ? POWER_BEFORE
                      : !now.status                ? POWER_SOUND
                      : now.status <= CORRECTED    ? POWER_REPAIR
                                                   : POWER_DEAD;
    snprintf(result->end, sizeof result->end, "status %d: %.300s", now.status, now.end);
    return 0;
}

/* A check that fails where no power is lost says nothing of a loss. */
static int needs_sound(const struct power_reference *ref, const char *name, struct error *err)
{
    if (ref->status == CANNOT_RUN || ref->status == NOT_FOUND)
        return error_set(err,
                         "--check: status %d on the images %s the run: %.200s: it runs in the folder of the "
                         "images: give the full path of a program that can be run",
                         ref->status, name, ref->end);
    if (ref->status > CORRECTED)
        return error_set(
            err,
            "--check: status %d on the images %s the run: %.200s: give a command that ends with 0 "
            "to 3 where no power is lost",
            ref->status, name, ref->end);
    return 0;
}

int powercut_check_references(struct powercut *p, struct error *err)
{
    if (check(p, &p->cut[0], 0, &p->before, err) ||
        check(p, &(struct power_cut){.point = p->w.n}, 0, &p->after, err))
        return -1;
    if (!p->quiet)
        out_print(stderr, "bootreel: before: status %d: %s\nbootreel: after: status %d: %s\n",
                  p->before.status, p->before.end, p->after.status, p->after.end);
    return needs_sound(&p->before, "before", err) || needs_sound(&p->after, "after", err) ? -1 : 0;
}

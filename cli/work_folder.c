/* work_folder.c - see work_folder.h. */
#include "cli/work_folder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "base/text.h"

static int write_description(const char *path, const char *text, struct error *err)
{
    struct output *out = output_open(path, err);
    if (!out)
        return -1;
    out_words(output_file(out), text);
    return output_done(out, err);
}

/* The description that is there; NULL if there is none. */
static char *read_description(const char *path)
{
    FILE *f = fopen(path, "re");
    char *was = NULL;
    size_t room = 0;
    if (f && getdelim(&was, &room, 0, f) < 0) { /* an empty one */
        free(was);
        was = mem_string("");
    }
    if (f)
        fclose(f);
    return was;
}

int work_folder_open(const struct work_folder *f, struct error *err)
{
    if (mkdir(f->path, 0777) && errno != EEXIST)
        return error_set(err, "%.300s: %s", f->path, strerror(errno));
    char *path = text_format("%s/%s", f->path, f->name), *was = read_description(path);
    char *made = text_format("%s/%s", f->path, f->results);
    const bool same = was && !strcmp(was, f->description);
    int rc = 0;
    if (!was || (!same && access(made, F_OK))) /* nothing was tried there yet */
        rc = (f->anew && f->anew(f->ctx, was, err)) || write_description(path, f->description, err) ? -1 : 0;
    else if (!same)
        rc = error_set(err, "-o %.200s: another %.20s's results are there: give another folder", f->path,
                       f->name);
    free(made);
    free(path);
    free(was);
    return rc;
}

int work_folder_lines(const char *folder, const char *name, void (*take)(void *ctx, char *line), void *ctx,
                      struct error *err)
{
    char *path = text_format("%s/%s", folder, name), *line = NULL;
    size_t room = 0;
    ssize_t n;
    FILE *f = fopen(path, "re");
    int rc = f || errno == ENOENT ? 0 : error_set(err, "%.300s: %s", path, strerror(errno));
    while (f && (n = getline(&line, &room, f)) > 0)
        if (line[n - 1] == '\n') {
            line[n - 1] = 0;
            take(ctx, line);
        }
    if (f)
        fclose(f);
    free(line);
    free(path);
    return rc;
}

/* The length of a file up to the end of its last complete line. */
static off_t complete_lines(FILE *f)
{
    char *line = NULL;
    size_t room = 0;
    off_t end = 0;
    for (ssize_t n; (n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n';)
        end += n;
    free(line);
    return end;
}

FILE *work_folder_append(const char *folder, const char *name, struct error *err)
{
    char *path = text_format("%s/%s", folder, name);
    FILE *f = fopen(path, "a+e");
    struct stat st;
    const off_t end = f ? complete_lines(f) : 0;
    if (!f || fstat(fileno(f), &st) || (st.st_size > end && ftruncate(fileno(f), end)) ||
        fseek(f, 0, SEEK_END)) {
        error_set(err, "%.300s: %s", path, strerror(errno));
        if (f)
            fclose(f);
        f = NULL;
    }
    free(path);
    return f;
}

int work_folder_has(const char *command, const char *folder, const char *results, struct error *err)
{
    struct stat st;
    char *path = text_format("%s/%s", folder, results);
    int rc = 0;
    if (stat(folder, &st))
        rc = error_set(err, "%s --merge: %.300s: %s", command, folder, strerror(errno));
    else if (access(path, F_OK))
        rc = error_set(err, "%s --merge: %.300s: has no results: give a folder of %s -o", command, folder,
                       command);
    free(path);
    return rc;
}

char *work_field(char **rest)
{
    char *f = strsep(rest, "\t");
    return f ? f : "";
}

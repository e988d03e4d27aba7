/* source.c - see source.h. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "tui/source.h"

enum { LARGEST = 4 << 20, PATH_ROOM = 4096 };

static char *read_file(const char *name)
{
    struct stat st;
    FILE *f = !stat(name, &st) && S_ISREG(st.st_mode) ? fopen(name, "r") : NULL;
    if (!f)
        return NULL;
    char *text = mem_alloc(LARGEST + 1);
    size_t n = fread(text, 1, LARGEST, f);
    fclose(f);
    text[n] = 0;
    return mem_resize(text, n + 1);
}

/* ---------------------------------------------------------------- finding */

/* What follows the folder `from` in a name, or NULL if the name is not below it. */
static const char *below(const char *name, const char *from)
{
    size_t n = strlen(from);
    while (n && from[n - 1] == '/')
        n--;
    return !strncmp(name, from, n) && name[n] == '/' ? name + n : NULL;
}

static char *read_substituted(const struct sources *s, const char *name)
{
    char path[PATH_ROOM];
    for (size_t i = 0; i < s->nrules; i++) {
        const char *rest = below(name, s->rule[i].from);
        if (rest) {
            snprintf(path, sizeof path, "%s%s", s->rule[i].to, rest);
            return read_file(path);
        }
    }
    return NULL;
}

/* With all of its name, then with ever fewer of the folders in front. */
static char *read_below(const char *folder, const char *name)
{
    char path[PATH_ROOM], *text = NULL;
    for (const char *rest = name; rest && !text; rest = strchr(rest, '/')) {
        rest += strspn(rest, "/");
        snprintf(path, sizeof path, "%s/%s", folder, rest);
        text = read_file(path);
    }
    return text;
}

static char *find(const struct sources *s, const char *name)
{
    char *text = read_substituted(s, name);
    if (!text)
        text = read_file(name);
    for (size_t i = 0; i < s->nfolders && !text; i++)
        text = read_below(s->folder[i], name);
    return text;
}

static const char *text_of(struct sources *s, const char *file)
{
    for (size_t i = 0; i < SOURCES_KEPT; i++)
        if (s->file[i].name && !strcmp(s->file[i].name, file))
            return s->file[i].text;
    size_t i = s->next++ % SOURCES_KEPT;
    free(s->file[i].name);
    free(s->file[i].text);
    s->file[i].name = mem_string(file);
    s->file[i].text = find(s, file);
    return s->file[i].text;
}

const char *source_line(struct sources *s, const char *file, unsigned line, char *buf, size_t size)
{
    const char *p = text_of(s, file);
    while (p && --line && (p = strchr(p, '\n')))
        p++;
    if (!p || !*p)
        return NULL;
    p += strspn(p, " \t");
    size_t n = strcspn(p, "\n");
    while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
        n--;
    snprintf(buf, size, "%.*s", (int)n, p);
    return buf;
}

/* ---------------------------------------------------------------- where to look */

static void forget_files(struct sources *s)
{
    for (size_t i = 0; i < SOURCES_KEPT; i++) {
        free(s->file[i].name);
        free(s->file[i].text);
        s->file[i].name = s->file[i].text = NULL;
    }
}

/* A path without ~ and without slashes at its end. */
static char *plain(const char *path, size_t n)
{
    const char *home = getenv("HOME");
    char buf[PATH_ROOM];
    bool in_home = n && path[0] == '~' && (n == 1 || path[1] == '/') && home;
    int len = snprintf(buf, sizeof buf, "%s%.*s", in_home ? home : "", (int)(n - in_home), path + in_home);
    if (len >= (int)sizeof buf)
        len = sizeof buf - 1;
    while (len > 1 && buf[len - 1] == '/')
        buf[--len] = 0;
    return mem_string(buf);
}

void sources_search(struct sources *s, const char *folders)
{
    forget_files(s);
    for (const char *p = folders; *p; p += *p == ':') {
        size_t n = strcspn(p, ":");
        if (n) {
            MEM_MORE(s->folder, s->nfolders);
            s->folder[s->nfolders++] = plain(p, n);
        }
        p += n;
    }
}

void sources_substitute(struct sources *s, const char *from, const char *to)
{
    forget_files(s);
    for (size_t i = 0; i < s->nrules; i++)
        if (!strcmp(s->rule[i].from, from)) {
            free(s->rule[i].from);
            free(s->rule[i].to);
            memmove(&s->rule[i], &s->rule[i + 1], (s->nrules - i - 1) * sizeof *s->rule);
            s->nrules--;
            break;
        }
    if (!to)
        return;
    MEM_MORE(s->rule, s->nrules);
    s->rule[s->nrules++] = (struct source_rule){mem_string(from), plain(to, strlen(to))};
}

void sources_text(const struct sources *s, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "source files are looked for in .");
    for (size_t i = 0; i < s->nfolders && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, ", %s", s->folder[i]);
    for (size_t i = 0; i < s->nrules && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "; %s is %s", s->rule[i].from, s->rule[i].to);
}

void sources_free(struct sources *s)
{
    forget_files(s);
    for (size_t i = 0; i < s->nfolders; i++)
        free(s->folder[i]);
    for (size_t i = 0; i < s->nrules; i++) {
        free(s->rule[i].from);
        free(s->rule[i].to);
    }
    free(s->folder);
    free(s->rule);
    *s = (struct sources){0};
}

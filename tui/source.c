/* source.c - see source.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/source.h"

enum { LARGEST = 4 << 20 };

static char *read_file(const char *name)
{
    FILE *f = fopen(name, "r");
    char *text = f ? malloc(LARGEST + 1) : NULL;
    if (text) {
        size_t n = fread(text, 1, LARGEST, f);
        text[n] = 0;
        char *fits = realloc(text, n + 1);
        text = fits ? fits : text;
    }
    if (f)
        fclose(f);
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
    s->file[i].name = strdup(file);
    s->file[i].text = read_file(file);
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

void sources_free(struct sources *s)
{
    for (size_t i = 0; i < SOURCES_KEPT; i++) {
        free(s->file[i].name);
        free(s->file[i].text);
    }
    *s = (struct sources){0};
}

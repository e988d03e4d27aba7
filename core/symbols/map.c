/* map.c - symbols of a text as nm(1) prints it, such as a Linux kernel's System.map. See symbols.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "core/symbols/private/impl.h"

/* No kernel is linked below this: lower values are offsets (of per-cpu variables) and constants. */
#define LOWEST_LINKED 0x40000000u

struct map_line {
    uint64_t address;
    char type;
    char *name;
};

/* ADDRESS TYPE NAME */
static bool is_line(char *text, struct map_line *l)
{
    enum { DIGITS_MIN = 8, DIGITS_MAX = 16 };
    size_t digits = strspn(text, "0123456789abcdefABCDEF");
    if (digits < DIGITS_MIN || digits > DIGITS_MAX || text[digits] != ' ' || !text[digits + 1] ||
        text[digits + 2] != ' ' || !text[digits + 3])
        return false;
    l->address = strtoull(text, NULL, 16);
    l->type = text[digits + 1];
    l->name = text + digits + 3;
    l->name[strcspn(l->name, " \t\n")] = 0;
    return *l->name;
}

bool symbols_is_map(const char *path)
{
    char text[SYMBOL_NAME_MAX + 32];
    struct map_line l;
    FILE *f = fopen(path, "re");
    bool is = f && fgets(text, sizeof text, f) && is_line(text, &l);
    if (f)
        fclose(f);
    return is;
}

static void add_line(struct symbol_table *t, const struct map_line *l)
{
    bool absolute = l->type == 'A' || l->type == 'a' || l->address < LOWEST_LINKED;
    symbol_table_add(t, l->name, l->address, 0, l->type, absolute ? SYMBOL_ABSOLUTE : 0);
}

/* Reads all lines, into the table if there is one. Returns the number of the first line that has another
 * form, or 0. */
static size_t read_lines(FILE *f, struct symbol_table *t)
{
    char *text = NULL;
    size_t size = 0, n = 0, bad = 0;
    struct map_line l;
    while (!bad && getline(&text, &size, f) > 0 && ++n)
        if (!is_line(text, &l))
            bad = n;
        else if (t)
            add_line(t, &l);
    if (!bad && !feof(f) && !ferror(f))
        mem_none(size);
    free(text);
    return bad;
}

struct symbol_table *symbols_add_map_file(struct symbols *s, const char *path, struct error *err)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        error_set(err, "%.200s: %m", path);
        return NULL;
    }
    struct symbol_table *t = NULL;
    size_t bad = read_lines(f, NULL);
    if (ferror(f)) {
        error_set(err, "%.200s: %m", path);
        fclose(f);
        return NULL;
    }
    rewind(f);
    if (bad) {
        error_set(err, "%.200s: line %zu is not \"ADDRESS TYPE NAME\", as nm prints it and System.map has it",
                  path, bad);
    } else {
        t = symbol_table_begin(s, path_name(path), "map");
        read_lines(f, t);
        t = symbol_table_end(t);
    }
    fclose(f);
    return t;
}

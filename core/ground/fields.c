/* fields.c - see fields.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ground/fields.h"
#include "base/memory.h"
#include "base/must.h"

enum { NAME_MAX_LENGTH = 100 };

/* The result. The first pass only counts: then `fields` is NULL. */
struct flat {
    struct field *fields;
    char *names;
    size_t n, bytes;
};

static void wrong(const char *name, const char *what)
{
    must_fail(__FILE__, __LINE__, name, what);
}

/* "prefix.name", with the number of the struct instead of '#'. */
static void join(char to[NAME_MAX_LENGTH], const char *prefix, const char *name, uint32_t number)
{
    size_t before = strcspn(name, "#");
    const char *dot = *prefix && *name ? "." : "";
    int n = name[before] ? snprintf(to, NAME_MAX_LENGTH, "%s%s%.*s%u%s", prefix, dot, (int)before, name,
                                    number, name + before + 1)
                         : snprintf(to, NAME_MAX_LENGTH, "%s%s%s", prefix, dot, name);
    if (n >= NAME_MAX_LENGTH)
        wrong(to, "its name is too long");
}

static void add(struct flat *to, const struct field *row, const char *name, uint32_t offset)
{
    size_t length = strlen(name) + 1;
    if (to->fields) {
        to->fields[to->n] = *row;
        to->fields[to->n].name = memcpy(to->names + to->bytes, name, length);
        to->fields[to->n].offset = offset;
    }
    to->n++;
    to->bytes += length;
}

/* `size`: of the struct that the rows describe, or 0 if not known. */
static void flatten(struct flat *to, const struct field *rows, size_t n, const char *prefix, uint32_t at,
                    uint32_t size)
{
    char name[NAME_MAX_LENGTH];
    for (const struct field *row = rows; row < rows + n; row++) {
        if (size && row->offset + (uint64_t)row->width * row->count > size)
            wrong(row->name, "it lies outside of its struct");
        for (uint32_t i = 0; i < (row->sub ? row->count : 1); i++) {
            uint32_t offset = at + row->offset + i * row->width;
            join(name, prefix, row->name, i);
            if (row->sub)
                flatten(to, row->sub, row->nsub, name, offset, row->width);
            else
                add(to, row, name, offset);
        }
    }
}

struct field_table fields_flatten(const struct field *rows, size_t n)
{
    struct flat flat = {0};
    flatten(&flat, rows, n, "", 0, 0);
    size_t table = flat.n * sizeof *flat.fields;
    flat.fields = mem_alloc(table + flat.bytes);
    flat.names = (char *)flat.fields + table;
    flat.n = flat.bytes = 0;
    flatten(&flat, rows, n, "", 0, 0);
    return (struct field_table){flat.fields, flat.n};
}

/* platform.c - see platform.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/platform.h"
#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "base/spawn.h"

enum { COLUMNS = 24, CELL = 32 };

struct column {
    const char *name;
    int width;
    bool number;
};

static const char *cell(const struct platform_field *f, char buf[CELL])
{
    if (f->text)
        return f->text;
    snprintf(buf, CELL, f->hex ? "0x%llx" : "%llu", (unsigned long long)f->number);
    return buf;
}

static const struct platform_field *field_of(const struct platform_row *r, const char *name)
{
    for (unsigned i = 0; i < r->n; i++)
        if (!strcmp(r->field[i].name, name))
            return &r->field[i];
    return NULL;
}

/* The fields of all rows in the order in which they come first, each as wide as its longest value. */
static unsigned find_columns(const struct platform_rows *rows, struct column column[COLUMNS])
{
    char buf[CELL];
    unsigned n = 0;
    for (size_t i = 0; i < rows->n; i++)
        for (unsigned k = 0; k < rows->list[i].n; k++) {
            const struct platform_field *f = &rows->list[i].field[k];
            unsigned c = 0;
            while (c < n && strcmp(column[c].name, f->name))
                c++;
            if (c == COLUMNS)
                continue;
            if (c == n)
                column[n++] = (struct column){f->name, (int)strlen(f->name), !f->text};
            const int width = (int)strlen(cell(f, buf));
            column[c].width = width > column[c].width ? width : column[c].width;
        }
    return n;
}

static void print_cell(const struct column *c, const char *text, bool last)
{
    if (last && !c->number)
        out_print(stdout, "%s", text);
    else
        out_print(stdout, c->number ? "%*s%s" : "%-*s%s", c->width, text, last ? "" : "  ");
}

void platform_print(const struct platform_rows *rows)
{
    struct column column[COLUMNS];
    char buf[CELL];
    const unsigned n = find_columns(rows, column);
    for (unsigned c = 0; c < n; c++)
        print_cell(&column[c], column[c].name, c + 1 == n);
    out_char(stdout, '\n');
    for (size_t i = 0; i < rows->n; i++) {
        for (unsigned c = 0; c < n; c++) {
            const struct platform_field *f = field_of(&rows->list[i], column[c].name);
            print_cell(&column[c], f ? cell(f, buf) : "", c + 1 == n);
        }
        out_char(stdout, '\n');
    }
}

void platform_json(yajl_gen g, const struct platform_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct platform_row *r = &rows->list[i];
        yajl_gen_map_open(g);
        for (unsigned k = 0; k < r->n; k++)
            if (r->field[k].text)
                json_text(g, r->field[k].name, r->field[k].text);
            else
                json_number(g, r->field[k].name, r->field[k].number);
        if (*r->file)
            json_text(g, "file", r->file);
        yajl_gen_map_close(g);
    }
}

void platform_print_taken(const struct platform_rows *rows)
{
    if (rows->ntaken)
        out_print(stdout, "\nno longer usable:\n");
    for (size_t i = 0; i < rows->ntaken; i++) {
        const struct platform_taken *t = &rows->taken[i];
        out_print(stdout, "  0x%llx to 0x%llx: %s by \"%s\", %s by \"%s\"\n", (unsigned long long)t->begin,
                  (unsigned long long)t->end, t->was, t->from, t->is, t->to);
    }
}

void platform_json_taken(yajl_gen g, const struct platform_rows *rows)
{
    json_array(g, "taken");
    for (size_t i = 0; i < rows->ntaken; i++) {
        const struct platform_taken *t = &rows->taken[i];
        yajl_gen_map_open(g);
        json_number(g, "begin", t->begin);
        json_number(g, "end", t->end);
        json_text(g, "from", t->from);
        json_text(g, "was", t->was);
        json_text(g, "to", t->to);
        json_text(g, "is", t->is);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static int save_row(const struct platform_row *r, const char *folder, struct error *err)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, r->file);
    struct output *o = output_open(path, err);
    if (!o)
        return -1;
    out_bytes(output_file(o), r->bytes, r->size);
    return output_done(o, err);
}

int platform_save(const struct platform_rows *rows, const char *folder, struct error *err)
{
    for (size_t i = 0; i < rows->n; i++)
        if (*rows->list[i].file && save_row(&rows->list[i], folder, err))
            return -1;
    return 0;
}

void platform_disassemble(const struct platform_rows *rows, const char *folder)
{
    char **argv = mem_zero(rows->n + 3, sizeof *argv);
    size_t n = 0;
    pid_t pid;
    argv[n++] = (char *)"iasl";
    argv[n++] = (char *)"-d";
    for (size_t i = 0; i < rows->n; i++)
        if (*rows->list[i].file)
            argv[n++] = rows->list[i].file;
    const struct spawn iasl = {.program = argv[0], .argv = argv, .log = "/dev/null", .folder = folder};
    if (!spawn_start(&iasl, &pid))
        spawn_wait(pid);
    free(argv);
}

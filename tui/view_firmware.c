/* view_firmware.c - what UEFI firmware has in memory at the position: the lists of core/systems/efi/firmware.h, each opened by Enter. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/systems/efi/firmware.h"
#include "tui/app_impl.h"

enum { LISTS_MAX = 16 };

struct firmware_state {
    bool open[LISTS_MAX];
};

static struct firmware_state *firmware_state(struct pane *p)
{
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct firmware_state));
    return p->state;
}

static size_t peek(const void *ctx, uint64_t address, void *buf, size_t n)
{
    return timeline_peek_physical(ctx, address, buf, n);
}

/* The first number in hexadecimal of an entry is where it is. */
static void add_entry(struct doc *d, const char *line, size_t n)
{
    const char *hex = memmem(line, n, "0x", 2);
    bool below = *line == ' ';
    doc_row(d, hex ? ROW_ADDRESS : ROW_TEXT, hex ? strtoull(hex, NULL, 16) : 0);
    doc_add(d, below ? STYLE_DIM : STYLE_NORMAL, "   %.*s", (int)n, line);
}

static void add_list(struct app *a, struct doc *d, const char *name)
{
    const struct firmware_memory m = {a->s->tl, peek};
    struct text out = {0};
    struct error err;
    if (firmware_text(&out, timeline_trace(a->s->tl), session_recorded(a->s), &m, name, &err))
        doc_line(d, STYLE_WARNING, "   %s", err.text);
    for (const char *line = out.s ? out.s : "", *end; *line; line = end + (*end == '\n')) {
        end = strchrnul(line, '\n');
        add_entry(d, line, (size_t)(end - line));
    }
    free(out.s);
}

static void firmware_build(struct app *a, struct pane *p)
{
    const struct firmware_state *st = firmware_state(p);
    const char *name, *what;
    doc_clear(&p->doc);
    for (size_t i = 0; i < LISTS_MAX && (name = firmware_list(i, &what)); i++) {
        doc_row(&p->doc, ROW_PART, i);
        doc_add(&p->doc, STYLE_KEY, " %s ", st->open[i] ? "\xe2\x96\xbe" : "\xe2\x96\xb8");
        doc_add(&p->doc, STYLE_STRONG, "%-12s", name);
        doc_add(&p->doc, STYLE_DIM, "%s", what);
        if (st->open[i])
            add_list(a, &p->doc, name);
    }
}

static enum react firmware_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    if (c != CMD_ENTER || p->sel >= p->doc.n)
        return REACT_UNKNOWN;
    const struct doc_row *row = &p->doc.row[p->sel];
    if (row->kind == ROW_ADDRESS) {
        memory_show(a, row->value);
        return a->pane[VIEW_MEMORY].w ? REACT_DRAW : app_command(a, CMD_PAGE_6, NULL);
    }
    if (row->kind != ROW_PART)
        return REACT_UNKNOWN;
    bool *open = &firmware_state(p)->open[row->value];
    *open = !*open;
    p->stale = true;
    return REACT_DRAW;
}

static void firmware_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    snprintf(buf, size, "Enter opens a list, or goes to an entry's memory");
}

const struct view firmware_view = {
    .build = firmware_build, .command = firmware_command, .title = firmware_title};

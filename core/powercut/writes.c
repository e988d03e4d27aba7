/* writes.c - see writes.h. */
#include "core/powercut/writes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { SECTOR = 512, MARK_MOST = 80 };

/* A command of a drive whose data is still to come. */
struct command {
    uint64_t offset, n;
    size_t write; /* 1 + its write; 0: there is none yet */
    char name[POWER_COMMAND];
};

struct reading {
    struct power_writes *w;
    const struct engine_kind *kind;
    const struct engine_config *cfg;
    const struct power_marks *marks;
    struct engine *e;
    struct command *command; /* of each medium the last one */
    size_t room;
};

static size_t medium_of(struct reading *r, const char *role)
{
    struct power_writes *w = r->w;
    for (size_t i = 0; i < w->nmedia; i++)
        if (!strcmp(w->medium[i].role, role))
            return i;
    w->medium = mem_grow(w->medium, &w->media_room, w->nmedia + 1, sizeof *w->medium);
    r->command = mem_grow(r->command, &r->room, w->nmedia + 1, sizeof *r->command);
    r->command[w->nmedia] = (struct command){0};
    w->medium[w->nmedia] = (struct power_medium){0};
    snprintf(w->medium[w->nmedia].role, sizeof w->medium->role, "%s", role);
    return w->nmedia++;
}

/* ---------------------------------------------------------------- writes */

static struct power_write *add(struct reading *r, size_t medium, uint64_t offset, const char *command)
{
    struct power_writes *w = r->w;
    w->write = mem_grow(w->write, &w->room, w->n + 1, sizeof *w->write);
    struct power_write *x = &w->write[w->n++];
    *x = (struct power_write){.medium = (unsigned)medium,
                              .offset = offset,
                              .held = SIZE_MAX,
                              .mark = w->nmarks ? w->mark[w->nmarks - 1] : NULL};
    snprintf(x->command, sizeof x->command, "%s", command);
    return x;
}

static void append(struct reading *r, struct power_write *x, const void *data, uint64_t n)
{
    x->icount = r->e->ops->icount(r->e);
    x->time = r->e->ops->time(r->e);
    if (data) {
        x->data = mem_grow(x->data, &x->room, x->n + n, 1);
        memcpy(x->data + x->n, data, n);
    }
    x->n += n;
}

/* The parts of a command come one after another, each behind the one before. */
static void take_write(struct reading *r, size_t medium, const struct engine_medium *m)
{
    struct command *c = &r->command[medium];
    struct power_write *x = c->write ? &r->w->write[c->write - 1] : NULL;
    const bool inside = m->offset >= c->offset && m->offset + m->n <= c->offset + c->n;
    if (!x || !inside || m->offset != x->offset + x->n) {
        x = add(r, medium, m->offset, inside ? c->name : "write");
        c->write = r->w->n;
    }
    append(r, x, m->data, m->n);
}

static void take_flash(struct reading *r, size_t medium, const struct engine_medium *m)
{
    const uint8_t *bytes = m->data;
    bool erased = m->n >= SECTOR;
    for (uint64_t i = 0; i < m->n && erased; i++)
        erased = bytes[i] == 0xff;
    r->w->medium[medium].flash = true;
    struct power_write *x = add(r, medium, m->offset, erased ? "erase" : "program");
    x->held = r->w->n;
    append(r, x, bytes, m->n);
}

/* Writes whose bytes are all among these can no longer be lost once there are `from` writes. */
static void hold(struct reading *r, size_t medium, const struct engine_medium *m, size_t from)
{
    struct power_writes *w = r->w;
    for (size_t i = 0; i < w->n; i++) {
        struct power_write *x = &w->write[i];
        if (x->medium == medium && x->held == SIZE_MAX && x->offset >= m->offset &&
            x->offset + x->n <= m->offset + m->n)
            x->held = from;
    }
}

static void written_through(struct reading *r, size_t medium)
{
    const struct command *c = &r->command[medium];
    if (c->write)
        r->w->write[c->write - 1].held = c->write;
}

static void seen(void *ctx, const struct engine_medium *m)
{
    struct reading *r = ctx;
    const size_t medium = medium_of(r, m->role);
    switch (m->what) {
    case MEDIUM_WRITE:
        take_write(r, medium, m);
        break;
    case MEDIUM_ZERO: {
        struct power_write *x = add(r, medium, m->offset, r->command[medium].name);
        x->zeros = true;
        r->w->nwide += m->n > POWER_WIDE;
        r->command[medium].write = r->w->n;
        append(r, x, NULL, m->n);
        break;
    }
    case MEDIUM_FLASH:
        take_flash(r, medium, m);
        break;
    case MEDIUM_THROUGH:
        written_through(r, medium);
        break;
    case MEDIUM_FLUSH: /* power may still go before the flush that follows the last write */
        hold(r, medium, m, r->w->n + 1);
        break;
    }
}

/* ---------------------------------------------------------------- events */

static void add_mark(struct reading *r, char *text)
{
    struct power_writes *w = r->w;
    w->mark = mem_grow(w->mark, &w->marks_room, w->nmarks + 1, sizeof *w->mark);
    w->mark[w->nmarks++] = text;
}

static void take_line(struct reading *r, const struct event *ev)
{
    char *line = mem_text(ev->data, ev->len < MARK_MOST ? ev->len : MARK_MOST);
    bool wanted = r->marks->lines;
    for (size_t i = 0; i < r->marks->ntexts && !wanted; i++)
        wanted = strstr(line, r->marks->text[i]) != NULL;
    for (char *p = line; *p; p++)
        *p = (unsigned char)*p < ' ' ? ' ' : *p;
    const char *begin = line + strspn(line, " ");
    if (wanted && *begin)
        add_mark(r, mem_string(begin));
    free(line);
}

static void take_port(struct reading *r, const struct event *ev)
{
    const uint64_t port = EVF(ev, PIO_WRITE, port);
    for (size_t i = 0; i < r->marks->nports; i++)
        if (port == r->marks->port[i])
            add_mark(r, text_format("port %llxh: %llxh", (unsigned long long)port,
                                    (unsigned long long)EVF(ev, PIO_WRITE, value)));
}

static void take_command(struct reading *r, const struct event *ev)
{
    char role[16];
    if (!r->kind->words || !r->kind->words->drive ||
        !r->kind->words->drive(r->cfg, (unsigned)EVF(ev, DISK_WRITE, drive), role))
        return;
    const size_t medium = medium_of(r, role); /* may move the commands */
    struct command *c = &r->command[medium];
    c->offset = EVF(ev, DISK_WRITE, lba) * SECTOR;
    c->n = EVF(ev, DISK_WRITE, count) * SECTOR;
    c->write = 0;
    snprintf(c->name, sizeof c->name, "%.*s", (int)ev->len, (const char *)ev->data);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct reading *r = ctx;
    if (ev->kind == EV_DISK_WRITE)
        take_command(r, ev);
    else if (ev->kind == EV_CONSOLE_LINE)
        take_line(r, ev);
    else if (ev->kind == EV_PIO_WRITE)
        take_port(r, ev);
}

/* ---------------------------------------------------------------- the run */

int power_writes_read(struct power_writes *w, struct replay *r, const struct engine_kind *kind, uint64_t end,
                      const struct power_marks *marks, struct error *err)
{
    struct stop stop;
    struct reading reading = {
        .w = w, .kind = kind, .cfg = replay_config(r), .marks = marks, .e = replay_engine(r)};
    const struct observer observer = {.ctx = &reading, .event = on_event};
    uint32_t classes = EVENT_CLASS_BIT(EC_DISK) | EVENT_CLASS_BIT(EC_CONSOLE);
    if (marks->nports)
        classes |= EVENT_CLASS_BIT(EC_PIO);
    if (!reading.e->ops->media)
        return error_set(err, "this machine has no drives whose writes are known");
    reading.e->ops->media(reading.e, seen, &reading);
    replay_observe(r, classes, &observer);
    const int rc = replay_run_to(r, end, &stop, err);
    replay_observe(r, 0, NULL);
    reading.e->ops->media(reading.e, NULL, NULL);
    free(reading.command);
    return rc < 0 ? -1 : 0;
}

void power_writes_free(struct power_writes *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->write[i].data);
    for (size_t i = 0; i < w->nmarks; i++)
        free(w->mark[i]);
    free(w->write);
    free(w->mark);
    free(w->medium);
    *w = (struct power_writes){0};
}
